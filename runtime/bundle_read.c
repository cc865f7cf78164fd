/* bundle_read.c: the index of a checkpoint, checked whole when it is opened.
 *
 * The index is a table of blocks; a block is a run of entries whose keys are given as differences
 * to the key before. One pass over all entries checks them and builds the array of records. */
#include "bundle_read.h"

#include "crc32c.h"
#include <string.h>

/* The header's numbers, by path. */
enum { HEADER_SHARDS = 1, HEADER_ENDIANNESS = 2, HEADER_CONSUMER = 032 };

/* An entry's. */
enum {
    ENTRY_DTYPE = 1,
    ENTRY_SHAPE = 2,
    ENTRY_SHARD = 3,
    ENTRY_OFFSET = 4,
    ENTRY_SIZE = 5,
    ENTRY_CHECKSUM = 6,
    ENTRY_SLICES = 7,
    ENTRY_UNKNOWN_RANK = 023,
    ENTRY_DIMENSION = 022,
    ENTRY_DIMENSION_SIZE = 0221
};

static tfcc_status fail_index(const BundleReader *reader, tfcc_sentence sentence) {
    return tfcc_fail_in(reader->file.path, NULL, sentence);
}

/* ---- entries ---- */

bool tfcc_bundle_parse_entry(BundleTensor *tensor, BundleRecord *record) {
    BundleCursor cursor = {.span = record->value};
    uint64_t numbers[8] = {0};
    int64_t elements = 1, end;
    memset(tensor, 0, sizeof *tensor);
    while (tfcc_bundle_next(&cursor)) {
        uint32_t path = cursor.path;
        if (path < 8)
            numbers[path] = cursor.value;
        else if (path == ENTRY_UNKNOWN_RANK && cursor.value)
            return false;
        else if (path == ENTRY_DIMENSION && tensor->rank++ == BUNDLE_FILE_RANK)
            return false;
        else if (path == ENTRY_DIMENSION_SIZE)
            tensor->shape[tensor->rank - 1] = (int64_t)cursor.value;
    }
    int element = tfcc_bundle_element_size(numbers[ENTRY_DTYPE]);
    if (!cursor.span.at || !numbers[ENTRY_SHAPE] || element < 0) return false;
    for (int32_t i = 0; i < tensor->rank; i++)
        if (tensor->shape[i] < 0 || __builtin_mul_overflow(elements, tensor->shape[i], &elements))
            return false;
    if (__builtin_mul_overflow(elements, element, &tensor->size)) return false;
    tensor->dtype = (uint32_t)numbers[ENTRY_DTYPE];
    tensor->checksum = (uint32_t)numbers[ENTRY_CHECKSUM];
    tensor->is_partitioned = numbers[ENTRY_SLICES] != 0;
    if (tensor->is_partitioned) return true;
    if (element == 0) tensor->size = (int64_t)numbers[ENTRY_SIZE]; /* strings: what they take */
    record->offset = (int64_t)numbers[ENTRY_OFFSET];
    record->size = tensor->size;
    record->shard = (uint32_t)numbers[ENTRY_SHARD];
    return numbers[ENTRY_SIZE] == (uint64_t)record->size && record->offset >= 0 &&
           record->size >= 0 && record->shard == numbers[ENTRY_SHARD] &&
           !__builtin_add_overflow(record->offset, record->size, &end);
}

/* The header stands first, under the empty key. Not inlined, like scan_block. */
__attribute__((noinline)) static tfcc_status read_header(BundleReader *reader, BundleSpan value) {
    BundleCursor cursor = {.span = value};
    uint64_t numbers[HEADER_CONSUMER + 1] = {0};
    while (tfcc_bundle_next(&cursor))
        if (cursor.path <= HEADER_CONSUMER) numbers[cursor.path] = cursor.value;
    if (!cursor.span.at || numbers[HEADER_SHARDS] - 1 >= 99999)
        return fail_index(reader, MESSAGE_HEADER_DAMAGED);
    if (numbers[HEADER_ENDIANNESS] || numbers[HEADER_CONSUMER] > 1)
        return fail_index(reader, MESSAGE_UNSUPPORTED);
    reader->open_shard = reader->shard_count = (uint32_t)numbers[HEADER_SHARDS];
    return TFCC_OK;
}

TFCC_INLINE tfcc_status add_record(BundleReader *reader, BundleRecord *record) {
    BundleTensor tensor;
    if (!tfcc_bundle_parse_entry(&tensor, record) || record->shard >= reader->shard_count)
        return tfcc_fail_in(reader->file.path, (const char *)reader->names.bytes + record->name,
                            MESSAGE_ENTRY_DAMAGED);
    tfcc_bundle_append(&reader->record_buffer, record, sizeof *record);
    reader->records = (const BundleRecord *)(const void *)reader->record_buffer.bytes;
    reader->record_count++;
    return reader->memory.status;
}

/* ---- the table ---- */

int tfcc_bundle_compare_names(const void *a, size_t a_length, const void *b, size_t b_length) {
    size_t both = a_length < b_length ? a_length : b_length;
    int order = both ? memcmp(a, b, both) : 0;
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

/* An entry of a block: how many bytes its key shares with the one before, the rest of its key, its
 * value. */
typedef struct Entry {
    uint64_t shared, own;
    const uint8_t *key;
    BundleSpan value;
} Entry;

static bool get_entry(BundleSpan *block, Entry *entry) {
    entry->shared = tfcc_bundle_get_varint(block);
    entry->own = tfcc_bundle_get_varint(block);
    uint64_t length = tfcc_bundle_get_varint(block), left = (uint64_t)(block->end - block->at);
    entry->key = block->at;
    if (!block->at || entry->own > left || length > left - entry->own) return false;
    entry->value.at = block->at + entry->own;
    entry->value.end = block->at = entry->value.at + length;
    return true;
}

/* All entries of a data block; `last` is the record of the key before. Not inlined, so that frames
 * stay small and their fields near. */
__attribute__((noinline)) static tfcc_status scan_block(BundleReader *reader, BundleSpan block,
                                                        BundleRecord *last) {
    BundleBuffer *names = &reader->names;
    Entry entry;
    while (block.at < block.end) {
        if (!get_entry(&block, &entry) || entry.shared > last->name_length)
            return fail_index(reader, MESSAGE_ENTRY_DAMAGED);
        uint32_t name = names->size;
        uint64_t length = entry.shared + entry.own;
        if (name + length >= BUNDLE_INDEX_MOST || length > BUNDLE_NAME_MOST)
            return fail_index(reader, MESSAGE_ENTRY_DAMAGED);
        if (reader->shard_count == 0
                ? length > 0
                : tfcc_bundle_compare_names(entry.key, entry.own,
                                            names->bytes + last->name + entry.shared,
                                            last->name_length - entry.shared) <= 0)
            return fail_index(reader, MESSAGE_KEY_ORDER);
        tfcc_bundle_append(names, names->bytes + last->name, entry.shared);
        tfcc_bundle_append(names, entry.key, entry.own);
        tfcc_bundle_append(names, "", 1);
        *last = (BundleRecord){.name = name, .name_length = (uint32_t)length, .value = entry.value};
        if (reader->memory.status) return reader->memory.status;
        TFCC_TRY(reader->shard_count == 0 ? read_header(reader, entry.value)
                                          : add_record(reader, last));
    }
    return TFCC_OK;
}

/* The bytes of blocks, and what of them has been used. No block is read twice, so that the work
 * stays linear in the file. */
typedef struct Table {
    BundleReader *reader;
    const uint8_t *bytes;
    uint64_t used, most; /* the most: where the last block's trailer may begin */
} Table;

/* A handle gives a block's place in the table. Checks that it is inside and behind what was used,
 * and that it is whole; finds its entries. The restart points behind them are not needed to read
 * them in order. */
static tfcc_status open_block(Table *table, BundleSpan *handle, BundleSpan *block) {
    const BundleReader *reader = table->reader;
    uint64_t offset = tfcc_bundle_get_varint(handle), size = tfcc_bundle_get_varint(handle);
    if (offset < table->used || offset > table->most || size > table->most - offset || size < 4)
        return fail_index(reader, MESSAGE_BLOCK_PLACE);
    table->used = offset + size;
    block->at = table->bytes + offset;
    const uint8_t *trailer = block->at + size;
    if (tfcc_crc32c_mask(tfcc_crc32c(0, block->at, size + 1)) != tfcc_bundle_get32(trailer + 1))
        return fail_index(reader, MESSAGE_BLOCK_CHECKSUM);
    if (trailer[0] != 0) return fail_index(reader, MESSAGE_UNSUPPORTED);
    uint64_t restarts = 4 * (uint64_t)tfcc_bundle_get32(trailer - 4) + 4;
    if (restarts > size) return fail_index(reader, MESSAGE_ENTRY_DAMAGED);
    block->end = trailer - restarts;
    return TFCC_OK;
}

/* All data blocks, in the order of the index block. */
TFCC_INLINE tfcc_status scan_table(BundleReader *reader, const uint8_t *bytes, size_t size) {
    if (size < BUNDLE_FOOTER_SIZE + BUNDLE_TRAILER_SIZE)
        return fail_index(reader, MESSAGE_TABLE_SHORT);
    const uint8_t *end = bytes + size;
    if (tfcc_bundle_get32(end - 8) != (uint32_t)BUNDLE_MAGIC ||
        tfcc_bundle_get32(end - 4) != (uint32_t)(BUNDLE_MAGIC >> 32))
        return fail_index(reader, MESSAGE_TABLE_MAGIC);
    BundleSpan footer = {end - BUNDLE_FOOTER_SIZE, end - 8}, index, block;
    Table table = {reader, bytes, 0, size - BUNDLE_FOOTER_SIZE - BUNDLE_TRAILER_SIZE};
    tfcc_bundle_get_varint(&footer); /* of the metaindex, which is empty */
    tfcc_bundle_get_varint(&footer);
    TFCC_TRY(open_block(&table, &footer, &index));
    BundleRecord last = {0};
    tfcc_bundle_append(&reader->names, "", 1); /* the key before the first */
    if (reader->memory.status) return reader->memory.status;
    table.used = 0; /* the index block stands behind those it lists */
    for (Entry entry; index.at < index.end;) {
        if (!get_entry(&index, &entry)) return fail_index(reader, MESSAGE_ENTRY_DAMAGED);
        TFCC_TRY(open_block(&table, &entry.value, &block));
        TFCC_TRY(scan_block(reader, block, &last));
    }
    return reader->shard_count ? TFCC_OK : fail_index(reader, MESSAGE_HEADER_DAMAGED);
}

/* ---- data that does not overlap ---- */

static bool lies_before(const void *left, const void *right) {
    const BundleRecord *a = left, *b = right;
    return a->shard != b->shard ? a->shard < b->shard : a->offset < b->offset;
}

static tfcc_status check_overlap(BundleReader *reader) {
    const BundleRecord *record = reader->records, *end = record + reader->record_count;
    size_t count = 0;
    const void **order = tfcc_bundle_obtain(&reader->memory, reader->record_count * sizeof *order);
    if (!order) return TFCC_RESOURCE_EXHAUSTED;
    for (; record < end; record++)
        if (record->size > 0) order[count++] = record;
    tfcc_bundle_sort(order, count, lies_before);
    for (size_t i = 1; i < count; i++) {
        const BundleRecord *a = order[i - 1], *b = order[i];
        if (a->shard == b->shard && a->offset + a->size > b->offset)
            return fail_index(reader, MESSAGE_DATA_OVERLAPS);
    }
    return TFCC_OK;
}

/* ---- opening ---- */

tfcc_status tfcc_bundle_open_part(BundleReader *reader, const tfcc_bytes *bytes) {
    tfcc_bundle_file_close(&reader->file);
    if (reader->source.prefix) return tfcc_bundle_file_open(&reader->file);
    reader->file.bytes = bytes ? bytes->data : NULL;
    reader->file.size = bytes ? (int64_t)bytes->size : 0;
    return TFCC_OK;
}

static tfcc_status read_index(BundleReader *reader) {
    uint8_t *index;
    char *path = tfcc_bundle_path(&reader->memory, reader->label, ".index");
    if (!path) return TFCC_RESOURCE_EXHAUSTED;
    reader->file.path = path;
    reader->suffix = path + strlen(reader->label);
    tfcc_status status = tfcc_bundle_open_part(reader, &reader->source.index);
    if (status == TFCC_NOT_FOUND) return tfcc_fail(NO_CHECKPOINT, reader->label);
    if (!status) status = tfcc_bundle_file_load(&reader->file, &reader->memory, &index);
    if (!status) status = scan_table(reader, index, (size_t)reader->file.size);
    return status ? status : check_overlap(reader);
}

tfcc_status tfcc_bundle_open_source(BundleReader *reader, const tfcc_allocator *allocator,
                                    const BundleSource *source) {
    memset(reader, 0, sizeof *reader);
    reader->memory.allocator = allocator;
    reader->source = *source;
    reader->label = source->prefix ? source->prefix : "memory";
    reader->file.descriptor = -1;
    reader->names.memory = reader->record_buffer.memory = &reader->memory;
    tfcc_status status = read_index(reader);
    if (status) tfcc_bundle_close(reader);
    return status;
}

tfcc_status tfcc_bundle_open(BundleReader *reader, const tfcc_allocator *allocator,
                             const char *prefix) {
    BundleSource source = {.prefix = prefix};
    return tfcc_bundle_open_source(reader, allocator, &source);
}

void tfcc_bundle_close(BundleReader *reader) {
    tfcc_bundle_file_close(&reader->file);
    tfcc_bundle_release(&reader->memory, NULL);
}

/* ---- finding ---- */

void tfcc_bundle_describe(const BundleReader *reader, const BundleRecord *record,
                          BundleTensor *tensor) {
    BundleRecord copy = *record;
    tfcc_bundle_parse_entry(tensor, &copy); /* as when the index was read */
    tensor->record = record;
    tensor->name = (const char *)reader->names.bytes + record->name;
}

/* From where the last search ended: who asks in the order of names finds each at once. */
tfcc_status tfcc_bundle_find(BundleReader *reader, const char *name, BundleTensor *tensor) {
    size_t length = strlen(name);
    for (size_t left = reader->record_count; left > 0; left--) {
        if (reader->found == reader->record_count) reader->found = 0;
        const BundleRecord *record = &reader->records[reader->found++];
        if (record->name_length == length &&
            memcmp(name, reader->names.bytes + record->name, length) == 0) {
            tfcc_bundle_describe(reader, record, tensor);
            return TFCC_OK;
        }
    }
    return tfcc_fail(NO_KEY, name, reader->label);
}
