/* bundle_read.c: the index of a checkpoint, checked whole when it is opened.
 *
 * The index is a table of blocks; a block is a run of entries whose keys are given as differences
 * to the key before. One pass over all entries checks them and builds the array of records. */
#include "bundle_read.h"

#include "crc32c.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static tfcc_status fail_index(const BundleReader *reader, const char *what) {
    return tfcc_fail(TFCC_DATA_LOSS, "'%s.index': %s", reader->label, what);
}

/* ---- entries ---- */

static bool parse_shape(BundleSpan shape, BundleTensor *tensor, int64_t *elements) {
    uint64_t shape_values[8] = {0};
    BundleSpan dim;
    if (!tfcc_bundle_scan(shape, shape_values) || shape_values[3]) return false; /* unknown rank */
    while (tfcc_bundle_next(&shape, 2, &dim)) {
        uint64_t values[8] = {0};
        if (!tfcc_bundle_scan(dim, values) || (int64_t)values[1] < 0 ||
            tensor->rank == BUNDLE_FILE_RANK ||
            __builtin_mul_overflow(*elements, (int64_t)values[1], elements))
            return false;
        tensor->shape[tensor->rank++] = (int64_t)values[1];
    }
    return true;
}

bool tfcc_bundle_parse_entry(BundleSpan value, BundleTensor *tensor, uint64_t numbers[8]) {
    BundleSpan shape = {0};
    int64_t elements = 1;
    memset(tensor, 0, sizeof *tensor);
    memset(numbers, 0, 8 * sizeof *numbers);
    if (!tfcc_bundle_scan(value, numbers)) return false;
    while (tfcc_bundle_next(&value, 2, &shape))
        if (!parse_shape(shape, tensor, &elements)) return false;
    int element = tfcc_bundle_element_size(numbers[ENTRY_DTYPE]);
    tensor->dtype = (uint32_t)numbers[ENTRY_DTYPE];
    tensor->checksum = (uint32_t)numbers[ENTRY_CHECKSUM];
    tensor->is_partitioned = numbers[ENTRY_SLICES] > 0;
    if (element < 0 || !shape.end || __builtin_mul_overflow(elements, element, &tensor->size))
        return false;
    if (element == 0)
        tensor->size = (int64_t)numbers[ENTRY_SIZE]; /* strings: as long as they are */
    return true;
}

/* The header stands first, under the empty key. */
static tfcc_status read_header(BundleReader *reader, BundleSpan value) {
    uint64_t numbers[8] = {0}, version_numbers[8] = {0};
    BundleSpan version;
    bool is_sound = tfcc_bundle_scan(value, numbers), is_new = false;
    while (is_sound && tfcc_bundle_next(&value, 3, &version)) {
        is_sound = tfcc_bundle_scan(version, version_numbers);
        is_new = version_numbers[2] > 1; /* min_consumer */
    }
    if (!is_sound || numbers[1] < 1 || numbers[1] > 99999)
        return fail_index(reader, "the header is damaged");
    if (numbers[2] || is_new)
        return tfcc_fail(TFCC_UNIMPLEMENTED, "'%s.index' is %s", reader->label,
                         is_new ? "of a later version (min consumer above current version 1)"
                                : "big-endian");
    reader->shard_count = (int32_t)numbers[1];
    return TFCC_OK;
}

/* What an entry says about its bytes, against the number of shards alone. */
static tfcc_status add_record(BundleReader *reader, BundleRecord *record) {
    uint64_t numbers[8];
    BundleTensor tensor;
    int64_t end;
    bool is_sound = tfcc_bundle_parse_entry(record->value, &tensor, numbers);
    if (is_sound && !tensor.is_partitioned) {
        record->offset = (int64_t)numbers[ENTRY_OFFSET];
        record->size = (int64_t)numbers[ENTRY_SIZE];
        record->shard = (int32_t)numbers[ENTRY_SHARD];
        is_sound = record->size == tensor.size && record->offset >= 0 && record->size >= 0 &&
                   numbers[ENTRY_SHARD] < (uint64_t)reader->shard_count &&
                   !__builtin_add_overflow(record->offset, record->size, &end);
    }
    if (!is_sound)
        return tfcc_fail(TFCC_DATA_LOSS, "'%s.index': the entry of tensor '%s' is damaged",
                         reader->label, (const char *)reader->names.bytes + record->name);
    tfcc_bundle_append(&reader->record_buffer, record, sizeof *record);
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
    uint64_t shared;
    BundleSpan key, value;
} Entry;

static bool get_entry(BundleSpan *block, Entry *entry) {
    uint64_t own, length;
    if (!tfcc_bundle_get_varint(block, &entry->shared) || !tfcc_bundle_get_varint(block, &own) ||
        !tfcc_bundle_get_varint(block, &length))
        return false;
    uint64_t left = (uint64_t)(block->end - block->at);
    if (own > left || length > left - own) return false;
    entry->key.at = block->at;
    entry->key.end = entry->value.at = block->at + own;
    entry->value.end = block->at = entry->value.at + length;
    return true;
}

/* All entries of a data block; `last` is the record of the key before. */
static tfcc_status scan_block(BundleReader *reader, BundleSpan block, BundleRecord *last) {
    BundleBuffer *names = &reader->names;
    Entry entry;
    while (block.at < block.end) {
        if (!get_entry(&block, &entry) || entry.shared > last->name_length)
            return fail_index(reader, "an entry is damaged");
        size_t shared = (size_t)entry.shared, own = (size_t)(entry.key.end - entry.key.at);
        if (names->size + shared + own >= BUNDLE_INDEX_MOST || shared + own > BUNDLE_NAME_MOST)
            return fail_index(reader, "its names are too long");
        if (!tfcc_bundle_reserve(names, shared + own + 1)) return TFCC_RESOURCE_EXHAUSTED;
        const uint8_t *before = names->bytes + last->name;
        bool is_first = names->size == 0;
        if (is_first ? own > 0
                     : tfcc_bundle_compare_names(entry.key.at, own, before + shared,
                                                 last->name_length - shared) <= 0)
            return fail_index(reader, "its keys are not in ascending order, the header first");
        size_t name = names->size;
        tfcc_bundle_append(names, before, shared);
        tfcc_bundle_append(names, entry.key.at, own);
        tfcc_bundle_append(names, "", 1);
        *last = (BundleRecord){.name = name, .name_length = shared + own, .value = entry.value};
        TFCC_TRY(is_first ? read_header(reader, entry.value) : add_record(reader, last));
    }
    return TFCC_OK;
}

/* A handle gives a block's place. Checks that it lies at or behind *used and, with its trailer,
 * before the footer, and that it is whole; finds its entries. The restart points behind them are
 * not needed to read them in order. */
static tfcc_status open_block(BundleReader *reader, BundleSpan *handle, uint64_t *used,
                              BundleSpan *block) {
    uint64_t offset, size, most = reader->index_size - BUNDLE_FOOTER_SIZE - BUNDLE_TRAILER_SIZE;
    if (!tfcc_bundle_get_varint(handle, &offset) || !tfcc_bundle_get_varint(handle, &size) ||
        offset < *used || offset > most || size > most - offset || size < 4)
        return fail_index(reader, "a block lies outside of the file, or over another");
    *used = offset + size;
    block->at = reader->index + offset;
    const uint8_t *trailer = block->at + size;
    if (tfcc_crc32c_mask(tfcc_crc32c(0, block->at, size + 1)) != tfcc_bundle_get32(trailer + 1))
        return fail_index(reader, "block checksum mismatch");
    if (trailer[0] != 0)
        return tfcc_fail(TFCC_UNIMPLEMENTED, "'%s.index' is compressed", reader->label);
    uint64_t restarts = 4 * (uint64_t)tfcc_bundle_get32(trailer - 4) + 4;
    if (restarts > size) return fail_index(reader, "a block is damaged");
    block->end = trailer - restarts;
    return TFCC_OK;
}

/* All data blocks, in the order of the index block. */
static tfcc_status scan_table(BundleReader *reader) {
    uint64_t number;
    if (reader->index_size < BUNDLE_FOOTER_SIZE + BUNDLE_TRAILER_SIZE)
        return fail_index(reader, "file is too short to be an sstable");
    const uint8_t *end = reader->index + reader->index_size;
    if (tfcc_bundle_get32(end - 8) != (uint32_t)BUNDLE_MAGIC ||
        tfcc_bundle_get32(end - 4) != (uint32_t)(BUNDLE_MAGIC >> 32))
        return fail_index(reader, "not an sstable (bad magic number)");
    BundleSpan footer = {end - BUNDLE_FOOTER_SIZE, end - 8}, index, block;
    tfcc_bundle_get_varint(&footer, &number); /* of the metaindex, which is empty */
    tfcc_bundle_get_varint(&footer, &number);
    uint64_t used = 0;
    TFCC_TRY(open_block(reader, &footer, &used, &index));
    BundleRecord last = {0};
    used = 0; /* no block is read twice: the work stays linear in the file */
    Entry entry;
    while (index.at < index.end) {
        if (!get_entry(&index, &entry)) return fail_index(reader, "an entry is damaged");
        TFCC_TRY(open_block(reader, &entry.value, &used, &block));
        TFCC_TRY(scan_block(reader, block, &last));
    }
    return reader->shard_count ? TFCC_OK : fail_index(reader, "there is no header");
}

/* ---- data that does not overlap ---- */

static bool lies_before(const void *context, uint32_t left, uint32_t right) {
    const BundleRecord *a = (const BundleRecord *)context + left;
    const BundleRecord *b = (const BundleRecord *)context + right;
    return a->shard != b->shard ? a->shard < b->shard : a->offset < b->offset;
}

static tfcc_status check_overlap(BundleReader *reader) {
    size_t count = 0, room = reader->record_count * sizeof(uint32_t);
    const BundleRecord *records = reader->records;
    uint32_t *order = tfcc_bundle_obtain(reader->memory.allocator, room);
    if (!order) return TFCC_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < reader->record_count; i++)
        if (records[i].size > 0) order[count++] = (uint32_t)i;
    tfcc_bundle_sort(order, count, lies_before, records);
    tfcc_status status = TFCC_OK;
    for (size_t i = 1; i < count; i++) {
        const BundleRecord *a = &records[order[i - 1]], *b = &records[order[i]];
        if (a->shard == b->shard && a->offset + a->size > b->offset)
            status = fail_index(reader, "the bytes of two tensors overlap");
    }
    tfcc_release(reader->memory.allocator, order, room);
    return status;
}

/* ---- opening ---- */

static tfcc_status read_index(BundleReader *reader) {
    tfcc_status status = scan_table(reader);
    reader->records = (const BundleRecord *)(const void *)reader->record_buffer.bytes;
    reader->record_count = reader->record_buffer.size / sizeof *reader->records;
    if (!status) status = check_overlap(reader);
    if (status) tfcc_bundle_close(reader);
    return status;
}

static void start_reader(BundleReader *reader, const tfcc_allocator *allocator,
                         const char *prefix) {
    *reader = (BundleReader){.memory.allocator = allocator,
                             .prefix = prefix,
                             .label = prefix ? prefix : "memory",
                             .open_shard = -1};
    reader->names.memory = reader->record_buffer.memory = &reader->memory;
}

tfcc_status tfcc_bundle_open(BundleReader *reader, const tfcc_allocator *allocator,
                             const char *prefix) {
    start_reader(reader, allocator, prefix);
    reader->path_room = strlen(prefix) + BUNDLE_SUFFIX_ROOM;
    reader->path = tfcc_bundle_obtain(allocator, reader->path_room);
    if (!reader->path) return TFCC_RESOURCE_EXHAUSTED;
    sprintf(reader->path, "%s.index", prefix);
    uint8_t *bytes;
    tfcc_status status = tfcc_bundle_load_file(allocator, reader->path, BUNDLE_INDEX_MOST, &bytes,
                                               &reader->index_size);
    if (status) {
        tfcc_bundle_close(reader);
        return status != TFCC_NOT_FOUND
                   ? status
                   : tfcc_fail(status, "The passed save_path is not a valid checkpoint: %s",
                               prefix);
    }
    reader->index = bytes;
    return read_index(reader);
}

tfcc_status tfcc_bundle_open_memory(BundleReader *reader, const tfcc_allocator *allocator,
                                    tfcc_bytes index, const tfcc_bytes *shards,
                                    size_t shard_count) {
    start_reader(reader, allocator, NULL);
    reader->index = index.data;
    reader->index_size = index.size > BUNDLE_INDEX_MOST ? 0 : index.size;
    reader->shards = shards;
    reader->shards_given = shard_count;
    return read_index(reader);
}

void tfcc_bundle_close(BundleReader *reader) {
    const tfcc_allocator *allocator = reader->memory.allocator;
    if (reader->prefix) {
        if (reader->open_shard >= 0) close(reader->descriptor);
        tfcc_release(allocator, (void *)(uintptr_t)reader->index, reader->index_size + 1);
        tfcc_release(allocator, reader->path, reader->path_room);
    }
    tfcc_bundle_buffer_release(&reader->names);
    tfcc_bundle_buffer_release(&reader->record_buffer);
}

/* ---- finding ---- */

const BundleRecord *tfcc_bundle_find_record(const BundleReader *reader, const void *name,
                                            size_t length) {
    size_t low = 0, high = reader->record_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const BundleRecord *record = &reader->records[middle];
        int order = tfcc_bundle_compare_names(name, length, reader->names.bytes + record->name,
                                              record->name_length);
        if (order == 0) return record;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool tfcc_bundle_describe(const BundleReader *reader, size_t index, BundleTensor *tensor) {
    uint64_t numbers[8];
    const BundleRecord *record = &reader->records[index];
    tfcc_bundle_parse_entry(record->value, tensor, numbers); /* as when the index was read */
    tensor->record = record;
    tensor->name = (const char *)reader->names.bytes + record->name;
    return tensor->name[0] != '\0';
}

tfcc_status tfcc_bundle_find(BundleReader *reader, const char *name, BundleTensor *tensor) {
    const BundleRecord *record = tfcc_bundle_find_record(reader, name, strlen(name));
    if (!record)
        return tfcc_fail(TFCC_NOT_FOUND, "Key %s not found in checkpoint '%s'", name,
                         reader->label);
    tfcc_bundle_describe(reader, (size_t)(record - reader->records), tensor);
    return TFCC_OK;
}
