/* test_bundle_damage.c: damaged and hostile checkpoint files give the right values or an error,
 * never a crash. */
#include "bundle_support.h"

typedef struct Loaded {
    tfcc_bytes index, shards[3];
    Expected *expected;
    size_t expected_count;
} Loaded;

static Loaded load_checkpoint(const char *name, int shards) {
    char file_name[200];
    Loaded loaded = {0};
    snprintf(file_name, sizeof file_name, "%s.index", name);
    loaded.index.data = load(data_path(file_name), &loaded.index.size);
    for (int i = 0; i < shards; i++) {
        snprintf(file_name, sizeof file_name, "%s.data-%05d-of-%05d", name, i, shards);
        loaded.shards[i].data = load(data_path(file_name), &loaded.shards[i].size);
    }
    loaded.expected = malloc(150 * sizeof *loaded.expected);
    FILE *file = open_expected(name);
    while (next_expected(file, &loaded.expected[loaded.expected_count])) loaded.expected_count++;
    fclose(file);
    return loaded;
}

/* Opens what may be damaged and reads all of it; every tensor is right, or an error. `is_crafted`:
 * it may have other values. */
static void read_damaged(const Loaded *loaded, tfcc_bytes index, const tfcc_bytes *shards,
                         bool is_crafted) {
    BundleReader reader;
    static uint8_t bytes[1 << 16];
    BundleSource source = {.index = index, .shards = shards, .shard_count = 3};
    if (tfcc_bundle_open_source(&reader, &tfcc_default_allocator, &source)) {
        cr_assert_neq(*tfcc_message(NULL), '\0');
        return;
    }
    for (size_t i = 0; i < reader.record_count; i++) {
        BundleTensor tensor;
        if (!describe_tensor(&reader, i, &tensor)) continue;
        if (tensor.size > (int64_t)sizeof bytes || tfcc_bundle_read(&reader, &tensor, bytes))
            continue;
        if (is_crafted) continue;
        size_t k = 0;
        while (k < loaded->expected_count && strcmp(loaded->expected[k].name, tensor.name)) k++;
        cr_assert_lt(k, loaded->expected_count, "%s", tensor.name);
        cr_assert_eq(tensor.dtype, loaded->expected[k].dtype);
        cr_assert_eq((size_t)tensor.size, loaded->expected[k].size);
        cr_assert_eq(memcmp(bytes, loaded->expected[k].bytes, loaded->expected[k].size), 0);
    }
    tfcc_bundle_close(&reader);
}

static const struct {
    const char *name;
    int shards;
} damaged[] = {{"scalar", 1}, {"empty", 1}, {"partitioned", 1}, {"sharded", 3}, {"names", 1}};

static uint8_t *copy_of(tfcc_bytes bytes) {
    uint8_t *copy = malloc(bytes.size + 1);
    memcpy(copy, bytes.data, bytes.size);
    return copy;
}

Test(bundle_damage, every_byte_changed) {
    for (int c = 0; c < 5; c++) {
        Loaded loaded = load_checkpoint(damaged[c].name, damaged[c].shards);
        uint8_t *index = copy_of(loaded.index), *data = copy_of(loaded.shards[0]);
        tfcc_bytes shards[3] = {{data, loaded.shards[0].size}, loaded.shards[1], loaded.shards[2]};
        for (size_t i = 0; i < loaded.index.size; i++)
            for (int bit = 0; bit < 8; bit++) {
                index[i] ^= (uint8_t)(1 << bit);
                read_damaged(&loaded, (tfcc_bytes){index, loaded.index.size}, shards, false);
                index[i] ^= (uint8_t)(1 << bit);
            }
        for (size_t i = 0; i < loaded.shards[0].size; i++) {
            data[i] ^= (uint8_t)(1 << i % 8);
            read_damaged(&loaded, loaded.index, shards, false);
            data[i] ^= (uint8_t)(1 << i % 8);
        }
    }
}

Test(bundle_damage, every_length) {
    for (int c = 0; c < 5; c++) {
        Loaded loaded = load_checkpoint(damaged[c].name, damaged[c].shards);
        for (size_t size = 0; size < loaded.index.size;
             size++) { /* in a block of that size, for the sanitizer */
            uint8_t *cut = malloc(size + !size);
            memcpy(cut, loaded.index.data, size);
            read_damaged(&loaded, (tfcc_bytes){cut, size}, loaded.shards, false);
            free(cut);
        }
        for (size_t size = 0; size < loaded.shards[0].size; size++) {
            uint8_t *cut = malloc(size + !size);
            memcpy(cut, loaded.shards[0].data, size);
            tfcc_bytes shards[3] = {{cut, size}, loaded.shards[1], loaded.shards[2]};
            read_damaged(&loaded, loaded.index, shards, false);
            free(cut);
        }
    }
}

/* Changes bytes of the first block and gives it a checksum that fits, so that the parser sees the
 * damage. */
static void read_crafted(const Loaded *loaded, uint8_t *index) {
    const uint8_t *end = index + loaded->index.size;
    BundleSpan footer = {end - BUNDLE_FOOTER_SIZE, end};
    uint64_t metaindex = tfcc_bundle_get_varint(&footer); /* begins behind the first block */
    size_t size = (size_t)metaindex - 4;
    tfcc_bundle_put32(index + size, tfcc_crc32c_mask(tfcc_crc32c(0, index, size)));
    read_damaged(loaded, (tfcc_bytes){index, loaded->index.size}, loaded->shards, true);
}

Test(bundle_damage, crafted_with_right_checksums, .timeout = 120) {
    uint64_t state = 42;
    for (int c = 0; c < 5; c++) {
        Loaded loaded = load_checkpoint(damaged[c].name, damaged[c].shards);
        uint8_t *index = copy_of(loaded.index);
        for (size_t i = 0; i + 79 < loaded.index.size; i++)
            for (int change = 0; change < 12; change++) {
                static const uint8_t special[] = {0, 0xff, 0x80, 0x7f, 1, 8};
                uint8_t before = index[i], flipped = (uint8_t)(before ^ 1 << change % 6);
                index[i] = change < 6 ? special[change] : flipped;
                read_crafted(&loaded, index);
                index[i] = before;
            }
        for (int round = 0; round < 20000; round++) {
            memcpy(index, loaded.index.data, loaded.index.size);
            for (int change = 0; change < 1 + round % 4; change++) {
                state = state * 6364136223846793005u + 1442695040888963407u;
                index[(state >> 40) % (loaded.index.size - 79)] = (uint8_t)(state >> 32);
            }
            read_crafted(&loaded, index);
        }
    }
}

/* An index with one entry, whatever it says. */
static tfcc_status open_entry(const void *value, size_t size, const char *data,
                              BundleTensor *tensor, uint8_t *bytes) {
    BundleWriter writer;
    cr_assert_eq(tfcc_bundle_create(&writer, &tfcc_default_allocator, NULL, false), TFCC_OK);
    /* A one-byte placeholder of the right length is replaced in the finished table. */
    int64_t shape[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    cr_assert_eq(tfcc_bundle_add(&writer, "t", TFCC_UINT8, 8, shape, "x", 1), TFCC_OK);
    BundleBuffer *content = &writer.blocks[0].content;
    size_t start = content->size;
    while (memcmp(content->bytes + --start, "\x00\x01", 2)) {
    }
    content->bytes[start + 2] = (uint8_t)size; /* shared, own, value length, key, value */
    content->size = (uint32_t)(start + 4 + size);
    memcpy(content->bytes + start + 4, value, size);
    cr_assert_eq(tfcc_bundle_commit(&writer), TFCC_OK);
    BundleReader reader;
    tfcc_bytes shard = {data, strlen(data)};
    BundleSource source = {NULL, {writer.table.bytes, writer.table.size}, &shard, 1};
    tfcc_status status = tfcc_bundle_open_source(&reader, &tfcc_default_allocator, &source);
    if (!status) {
        status = tfcc_bundle_find(&reader, "t", tensor);
        if (!status) status = tfcc_bundle_read(&reader, tensor, bytes);
        tfcc_bundle_close(&reader);
    }
    tfcc_bundle_finish(&writer);
    return status;
}

Test(bundle_damage, entries_that_lie) {
    static const struct {
        const char *value;
        size_t size;
        tfcc_status status;
    } cases[] = {
#define ENTRY(text) text, sizeof text - 1
        /* dtype 4, shape [2], size 2, checksum of "ab" */
        {ENTRY("\x08\x04\x12\x04\x12\x02\x08\x02\x28\x02\x35\x8c\x4b\x35\x3a"), TFCC_DATA_LOSS},
        {ENTRY("\x08\x04\x12\x04\x12\x02\x08\x02\x28\x02"), TFCC_DATA_LOSS}, /* no checksum */
        {ENTRY("\x08\x04\x28\x01"), TFCC_DATA_LOSS},                         /* no shape */
        {ENTRY("\x08\x04\x12\x02\x18\x01\x28\x01"), TFCC_DATA_LOSS},         /* unknown rank */
        {ENTRY("\x08\x07\x12\x00\x28\x02"), TFCC_UNIMPLEMENTED},             /* a string */
        {ENTRY("\x08\x15\x12\x00\x28\x02"), TFCC_UNIMPLEMENTED},             /* a variant */
        {ENTRY("\x08\x65\x12\x00\x28\x02"), TFCC_DATA_LOSS},                 /* a reference */
        {ENTRY("\x08\x04\x12\x00\x28\x02"), TFCC_DATA_LOSS},                 /* size is not 1 */
        {ENTRY("\x08\x04\x12\x00\x18\x01\x28\x01"), TFCC_DATA_LOSS},         /* shard 1 of 1 */
        {ENTRY("\x08\x04\x12\x00\x20\x02\x28\x01"), TFCC_OUT_OF_RANGE},      /* offset 2 */
        {ENTRY("\x08\x04\x12\x00\x20\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x28\x01"), TFCC_DATA_LOSS},
        {ENTRY("\x08\x04\x12\x00\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x28\x01"),
         TFCC_DATA_LOSS}, /* offset -1 */
        {ENTRY("\x08\x04\x12\x0d\x12\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
         TFCC_DATA_LOSS}, /* dimension -1 */
        {ENTRY(
             "\x08\x04\x12\x12\x12\x07\x08\x80\x80\x80\x80\x80\x40\x12\x07\x08\x80\x80\x80\x80\x80"
             "\x40"),
         TFCC_DATA_LOSS}, /* 2^41 * 2^41 */
        {ENTRY("\x08\x02\x12\x0b\x12\x09\x08\x80\x80\x80\x80\x80\x80\x80\x40"), TFCC_DATA_LOSS},
        {ENTRY("\x0b\x08\x04"), TFCC_DATA_LOSS},     /* a group */
        {ENTRY("\x08\x04\x12\x7f"), TFCC_DATA_LOSS}, /* cut off */
        {ENTRY("\x08\x04\x12\x04\x12\x02\x08\x02\x3a\x04\x0a\x02\x10\x02"), TFCC_DATA_LOSS},
        {ENTRY("\x08\x04\x12\x04\x12\x02\x08\x02\x3a\x02\x0a\x00"), TFCC_DATA_LOSS}, /* no slice */
        {ENTRY("\x08\x04\x12\x04\x12\x02\x08\x02\x3a\x04\x0a\x02\x10\x03"), TFCC_DATA_LOSS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BundleTensor tensor;
        uint8_t bytes[64];
        cr_assert_eq(open_entry(cases[i].value, cases[i].size, "ab", &tensor, bytes),
                     cases[i].status, "entry %zu: %s", i, tfcc_message(NULL));
    }
    BundleTensor tensor; /* unknown fields, any order, the last scalar wins, shapes merge */
    uint8_t bytes[8];
    static const uint8_t merged[] =
        "\x08\x07\x12\x04\x12\x02\x08\x02\x28\x02\x08\x04\x12\x04\x12\x02\x08\x01"
        "\x79\1\2\3\4\5\6\7\10\x35";
    uint8_t entry[sizeof merged - 1 + 4];
    memcpy(entry, merged, sizeof merged - 1);
    tfcc_bundle_put32(entry + sizeof merged - 1, tfcc_crc32c_mask(tfcc_crc32c(0, "ab", 2)));
    cr_assert_eq(open_entry(entry, sizeof entry, "ab", &tensor, bytes), TFCC_OK, "%s",
                 tfcc_message(NULL));
    cr_assert_eq(tensor.rank, 2);
    cr_assert_eq(memcmp(bytes, "ab", 2), 0);
}
