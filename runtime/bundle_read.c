/* bundle_read.c: the index of a checkpoint, checked whole when it is opened.
 *
 * The index is a table of blocks; a block is a run of entries whose keys are given as differences
 * to the key before. One pass over all entries counts and checks, a second one, over what is then
 * known to be sound, builds the array of records. */
#include "bundle_read.h"

#include "bundle_format.h"
#include "crc32c.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static tfcc_status fail_index(const BundleReader *reader, const char *what) {
    return tfcc_fail(TFCC_DATA_LOSS, "'%s': %s", reader->path, what);
}

/* ---- entries ---- */

static bool parse_shape(const uint8_t *at, const uint8_t *end, BundleEntry *entry) {
    BundleField field, size;
    while (at < end) {
        if (!tfcc_bundle_get_field(&at, end, &field)) return false;
        if (field.key == BUNDLE_VARINT(3) && field.value) return false; /* unknown rank */
        if (field.key != BUNDLE_BYTES(2)) continue;
        if (entry->rank == BUNDLE_FILE_RANK) return false;
        int64_t dim = 0;
        for (const uint8_t *in = field.bytes, *stop = in + field.length; in < stop;) {
            if (!tfcc_bundle_get_field(&in, stop, &size)) return false;
            if (size.key == BUNDLE_VARINT(1)) dim = (int64_t)size.value;
        }
        if (dim < 0 || __builtin_mul_overflow(entry->elements, dim, &entry->elements)) return false;
        entry->shape[entry->rank++] = dim;
    }
    return true;
}

bool tfcc_bundle_parse_entry(const uint8_t *value, size_t length, BundleEntry *entry) {
    bool has_shape = false;
    BundleField field;
    *entry = (BundleEntry){.elements = 1};
    for (const uint8_t *at = value, *end = value + length; at < end;) {
        if (!tfcc_bundle_get_field(&at, end, &field)) return false;
        switch (field.key) {
        case BUNDLE_VARINT(1): entry->dtype = (uint32_t)field.value; break;
        case BUNDLE_BYTES(2):
            has_shape = true;
            if (!parse_shape(field.bytes, field.bytes + field.length, entry)) return false;
            break;
        case BUNDLE_VARINT(3): entry->shard = (int32_t)(uint32_t)field.value; break;
        case BUNDLE_VARINT(4): entry->offset = (int64_t)field.value; break;
        case BUNDLE_VARINT(5): entry->size = (int64_t)field.value; break;
        case BUNDLE_FIXED32(6): entry->checksum = (uint32_t)field.value; break;
        case BUNDLE_BYTES(7): entry->slice_count++; break;
        }
    }
    int element = tfcc_bundle_element_size(entry->dtype);
    if (element < 0 || !has_shape ||
        __builtin_mul_overflow(entry->elements, element, &entry->full_size))
        return false;
    if (element == 0) entry->full_size = entry->size; /* strings: as long as they are */
    return true;
}

/* Checks what an entry says about its bytes, against the number of shards alone. */
static bool check_place(const BundleReader *reader, const BundleEntry *entry) {
    int64_t end;
    return entry->slice_count > 0 ||
           (entry->size == entry->full_size && entry->offset >= 0 && entry->size >= 0 &&
            entry->shard >= 0 && entry->shard < reader->shard_count &&
            !__builtin_add_overflow(entry->offset, entry->size, &end));
}

/* The header stands first, under the empty key. */
static tfcc_status read_header(BundleReader *reader, const uint8_t *value, size_t length) {
    BundleField field, version;
    uint64_t shards = 0, is_big_endian = 0, least = 0;
    for (const uint8_t *at = value, *end = value + length; at < end;) {
        if (!tfcc_bundle_get_field(&at, end, &field))
            return fail_index(reader, "the header is damaged");
        if (field.key == BUNDLE_VARINT(1)) shards = field.value;
        if (field.key == BUNDLE_VARINT(2)) is_big_endian = field.value;
        if (field.key != BUNDLE_BYTES(3)) continue;
        for (const uint8_t *in = field.bytes, *stop = in + field.length; in < stop;) {
            if (!tfcc_bundle_get_field(&in, stop, &version))
                return fail_index(reader, "the header is damaged");
            if (version.key == BUNDLE_VARINT(2)) least = version.value;
        }
    }
    if (shards < 1 || shards > 99999)
        return fail_index(reader, "the header's number of data files is not in 1 to 99999");
    if (is_big_endian || least > 1)
        return tfcc_fail(TFCC_UNIMPLEMENTED,
                         is_big_endian ? "'%s' is big-endian, which is not supported"
                                       : "'%s': min consumer version %d above current version 1",
                         reader->path, (int)(least < INT32_MAX ? least : INT32_MAX));
    reader->shard_count = (int32_t)shards;
    return TFCC_OK;
}

/* ---- the table ---- */

int tfcc_bundle_compare_names(const char *a, size_t a_length, const char *b, size_t b_length) {
    size_t both = a_length < b_length ? a_length : b_length;
    int order = both ? memcmp(a, b, both) : 0;
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

/* What the pass over all entries carries along. */
typedef struct Scan {
    bool is_building; /* the second pass */
    char *key; /* the key before: in the first pass in a buffer of its own, then in reader->names */
    size_t key_length;
    size_t count, names_size;
} Scan;

static const char damaged_entry[] = "an entry is damaged";

/* One key and value. In the second pass the key is already at its place. */
static tfcc_status take_entry(BundleReader *reader, Scan *scan, const uint8_t *value,
                              size_t length) {
    scan->names_size += scan->key_length + 1;
    if (scan->count++ == 0)
        return scan->key_length ? fail_index(reader, "there is no header")
                                : read_header(reader, value, length);
    BundleEntry entry;
    if (!tfcc_bundle_parse_entry(value, length, &entry) || !check_place(reader, &entry))
        return tfcc_fail(TFCC_DATA_LOSS, "'%s': the entry of tensor '%.*s' is damaged",
                         reader->path, (int)scan->key_length, scan->key);
    if (scan->is_building)
        reader->records[reader->record_count++] = (BundleRecord){scan->key,
                                                                 value,
                                                                 entry.offset,
                                                                 entry.slice_count ? 0 : entry.size,
                                                                 (uint32_t)scan->key_length,
                                                                 (uint32_t)length,
                                                                 entry.shard};
    return TFCC_OK;
}

/* entry := shared, non_shared, value_length, non_shared bytes, value. The restart points behind the
 * entries are not needed to read them in order. */
static tfcc_status scan_block(BundleReader *reader, Scan *scan, const uint8_t *at,
                              const uint8_t *end) {
    while (at < end) {
        uint64_t shared, own, length;
        if (!tfcc_bundle_get_varint(&at, end, &shared) || !tfcc_bundle_get_varint(&at, end, &own) ||
            !tfcc_bundle_get_varint(&at, end, &length))
            return fail_index(reader, damaged_entry);
        uint64_t left = (uint64_t)(end - at);
        if (own > left || length > left - own || shared > scan->key_length ||
            shared + own > BUNDLE_NAME_MOST ||
            scan->names_size + shared + own + 1 > BUNDLE_INDEX_MOST)
            return fail_index(reader, damaged_entry);
        const uint8_t *rest = (const uint8_t *)scan->key + shared;
        if (scan->count > 0 && tfcc_bundle_compare_names((const char *)at, own, (const char *)rest,
                                                         scan->key_length - shared) <= 0)
            return fail_index(reader, "its keys are not in ascending order");
        if (scan->is_building && scan->count > 0) {
            char *key = scan->key + scan->key_length + 1;
            memcpy(key, scan->key, shared);
            scan->key = key;
        }
        memcpy(scan->key + shared, at, own);
        scan->key_length = shared + own;
        scan->key[scan->key_length] = '\0';
        at += own;
        tfcc_status status = take_entry(reader, scan, at, length);
        if (status) return status;
        at += length;
    }
    return TFCC_OK;
}

typedef struct Handle {
    uint64_t offset, size;
} Handle;

/* A handle whose block lies, with its trailer, before the footer. */
static bool get_handle(const BundleReader *reader, const uint8_t **at, const uint8_t *end,
                       Handle *handle) {
    uint64_t most = reader->index_size - BUNDLE_FOOTER_SIZE;
    return tfcc_bundle_get_varint(at, end, &handle->offset) &&
           tfcc_bundle_get_varint(at, end, &handle->size) && handle->offset <= most &&
           handle->size <= most - handle->offset &&
           BUNDLE_TRAILER_SIZE <= most - handle->offset - handle->size;
}

/* Checks a block and finds where its entries end. */
static tfcc_status open_block(BundleReader *reader, Handle handle, const uint8_t **entries,
                              const uint8_t **end) {
    const uint8_t *block = reader->index + handle.offset, *trailer = block + handle.size;
    uint32_t checksum = tfcc_crc32c_mask(tfcc_crc32c(0, block, handle.size + 1));
    if (checksum != tfcc_bundle_get32(trailer + 1))
        return fail_index(reader, "block checksum mismatch");
    if (trailer[0] != 0)
        return tfcc_fail(TFCC_UNIMPLEMENTED, "'%s' is compressed, which is not supported",
                         reader->path);
    uint64_t restarts = handle.size < 4 ? UINT32_MAX : tfcc_bundle_get32(trailer - 4);
    if (4 * (restarts + 1) > handle.size) return fail_index(reader, "a block is damaged");
    *entries = block;
    *end = trailer - 4 * (restarts + 1);
    return TFCC_OK;
}

/* One pass over all data blocks, in the order of the index block. */
static tfcc_status scan_table(BundleReader *reader, Handle index, Scan *scan) {
    const uint8_t *at, *end, *entries, *entries_end;
    tfcc_status status = open_block(reader, index, &at, &end);
    uint64_t used = 0; /* blocks may not be named twice: the work stays linear in the file */
    while (!status && at < end) {
        uint64_t shared, own, length;
        if (!tfcc_bundle_get_varint(&at, end, &shared) || !tfcc_bundle_get_varint(&at, end, &own) ||
            !tfcc_bundle_get_varint(&at, end, &length) || own > (uint64_t)(end - at) ||
            length > (uint64_t)(end - at) - own)
            return fail_index(reader, damaged_entry);
        const uint8_t *value = at + own;
        at = value + length;
        Handle handle;
        if (!get_handle(reader, &value, at, &handle) || handle.offset < used)
            return fail_index(reader, "a block lies outside of the file");
        used = handle.offset + handle.size;
        status = open_block(reader, handle, &entries, &entries_end);
        if (!status) status = scan_block(reader, scan, entries, entries_end);
    }
    if (!status && scan->count == 0) return fail_index(reader, "there is no header");
    return status;
}

/* ---- data that does not overlap ---- */

static bool lies_before(const void *context, uint32_t left, uint32_t right) {
    const BundleRecord *a = (const BundleRecord *)context + left;
    const BundleRecord *b = (const BundleRecord *)context + right;
    return a->shard != b->shard ? a->shard < b->shard : a->offset < b->offset;
}

static tfcc_status check_overlap(BundleReader *reader) {
    size_t count = 0, room = reader->record_count * sizeof(uint32_t);
    uint32_t *order = tfcc_bundle_obtain(reader->allocator, room);
    if (!order) return TFCC_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < reader->record_count; i++)
        if (reader->records[i].size > 0) order[count++] = (uint32_t)i;
    tfcc_bundle_sort(order, count, lies_before, reader->records);
    tfcc_status status = TFCC_OK;
    for (size_t i = 1; i < count && !status; i++) {
        const BundleRecord *a = &reader->records[order[i - 1]], *b = &reader->records[order[i]];
        if (a->shard == b->shard && a->offset + a->size > b->offset)
            status = tfcc_fail(TFCC_DATA_LOSS, "'%s': the bytes of tensors '%s' and '%s' overlap",
                               reader->path, a->name, b->name);
    }
    tfcc_release(reader->allocator, order, room);
    return status;
}

/* ---- opening ---- */

static tfcc_status find_index_block(const BundleReader *reader, Handle *index) {
    if (reader->index_size < BUNDLE_FOOTER_SIZE)
        return fail_index(reader, "file is too short to be an sstable");
    const uint8_t *footer = reader->index + reader->index_size - BUNDLE_FOOTER_SIZE;
    if (tfcc_bundle_get64(footer + 40) != BUNDLE_MAGIC)
        return fail_index(reader, "not an sstable (bad magic number)");
    Handle metaindex;
    if (!get_handle(reader, &footer, footer + 40, &metaindex) ||
        !get_handle(reader, &footer, reader->index + reader->index_size - 8, index))
        return fail_index(reader, "the footer is damaged");
    return TFCC_OK;
}

static tfcc_status read_index(BundleReader *reader) {
    Handle index;
    tfcc_status status = find_index_block(reader, &index);
    if (status) return status;
    Scan scan = {.key = tfcc_bundle_obtain(reader->allocator, BUNDLE_NAME_MOST + 1)};
    if (!scan.key) return TFCC_RESOURCE_EXHAUSTED;
    status = scan_table(reader, index, &scan);
    tfcc_release(reader->allocator, scan.key, BUNDLE_NAME_MOST + 1);
    if (status) return status;

    reader->names_size = scan.names_size;
    reader->record_capacity = scan.count;
    reader->names = tfcc_bundle_obtain(reader->allocator, scan.names_size);
    if (reader->names)
        reader->records =
            tfcc_bundle_obtain(reader->allocator, scan.count * sizeof *reader->records);
    if (!reader->records) return TFCC_RESOURCE_EXHAUSTED;
    scan = (Scan){.is_building = true, .key = reader->names};
    status = scan_table(reader, index, &scan);
    return status ? status : check_overlap(reader);
}

tfcc_status tfcc_bundle_open(BundleReader *reader, const tfcc_allocator *allocator,
                             const char *prefix) {
    *reader = (BundleReader){.allocator = allocator, .prefix = prefix, .open_shard = -1};
    reader->path_size = strlen(prefix) + BUNDLE_SUFFIX_ROOM;
    reader->path = tfcc_bundle_obtain(allocator, reader->path_size);
    if (!reader->path) return TFCC_RESOURCE_EXHAUSTED;
    snprintf(reader->path, reader->path_size, "%s.index", prefix);
    uint8_t *bytes;
    tfcc_status status = tfcc_bundle_load_file(allocator, reader->path, BUNDLE_INDEX_MOST, &bytes,
                                               &reader->index_size, reader->identity);
    if (status == TFCC_NOT_FOUND)
        tfcc_fail(status,
                  "The passed save_path is not a valid checkpoint: %s (there is no file '%s')",
                  prefix, reader->path);
    if (!status) {
        reader->index = bytes;
        status = read_index(reader);
    }
    if (status) tfcc_bundle_close(reader);
    return status;
}

tfcc_status tfcc_bundle_open_memory(BundleReader *reader, const tfcc_allocator *allocator,
                                    tfcc_bytes index, const tfcc_bytes *shards,
                                    size_t shard_count) {
    static char name[] = "index in memory";
    *reader = (BundleReader){.allocator = allocator,
                             .prefix = NULL,
                             .open_shard = -1,
                             .index = index.data,
                             .index_size = index.size,
                             .shards = shards,
                             .shards_given = shard_count,
                             .path = name};
    tfcc_status status = index.size > BUNDLE_INDEX_MOST || !index.data
                             ? fail_index(reader, "file is too short to be an sstable")
                             : read_index(reader);
    if (status) tfcc_bundle_close(reader);
    return status;
}

void tfcc_bundle_close(BundleReader *reader) {
    const tfcc_allocator *allocator = reader->allocator;
    if (!allocator) return;
    if (reader->prefix) {
        if (reader->open_shard >= 0) close(reader->descriptor);
        tfcc_release(allocator, (void *)(uintptr_t)reader->index, reader->index_size + 1);
        tfcc_release(allocator, reader->path, reader->path_size);
    }
    tfcc_release(allocator, reader->names, reader->names_size);
    tfcc_release(allocator, reader->records, reader->record_capacity * sizeof *reader->records);
    *reader = (BundleReader){0};
}

/* ---- finding ---- */

const BundleRecord *tfcc_bundle_find_record(const BundleReader *reader, const char *name,
                                            size_t length) {
    size_t low = 0, high = reader->record_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const BundleRecord *record = &reader->records[middle];
        int order = tfcc_bundle_compare_names(name, length, record->name, record->name_length);
        if (order == 0) return record;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool tfcc_bundle_describe(const BundleReader *reader, size_t index, BundleTensor *tensor) {
    const BundleRecord *record = &reader->records[index];
    BundleEntry entry;
    if (!tfcc_bundle_parse_entry(record->value, record->value_length, &entry)) return false;
    *tensor = (BundleTensor){.record = record,
                             .name = record->name,
                             .dtype = entry.dtype,
                             .rank = entry.rank,
                             .size = entry.full_size,
                             .checksum = entry.checksum,
                             .is_partitioned = entry.slice_count > 0};
    memcpy(tensor->shape, entry.shape, sizeof entry.shape);
    return record->name[0] != '\0';
}

tfcc_status tfcc_bundle_find(BundleReader *reader, const char *name, BundleTensor *tensor) {
    const BundleRecord *record = tfcc_bundle_find_record(reader, name, strlen(name));
    if (!record || !tfcc_bundle_describe(reader, (size_t)(record - reader->records), tensor))
        return tfcc_fail(TFCC_NOT_FOUND, "Key %s not found in checkpoint%s%s", name,
                         reader->prefix ? " " : "", reader->prefix ? reader->prefix : "");
    return TFCC_OK;
}

bool tfcc_bundle_has_changed(const BundleReader *reader) {
    uint64_t identity[3];
    if (!reader->prefix) return false;
    size_t size = strlen(reader->prefix) + BUNDLE_SUFFIX_ROOM;
    char *path = tfcc_bundle_obtain(reader->allocator, size);
    if (!path) return false;
    snprintf(path, size, "%s.index", reader->prefix);
    bool is_same = tfcc_bundle_identify_file(path, identity) &&
                   memcmp(identity, reader->identity, sizeof identity) == 0;
    tfcc_release(reader->allocator, path, size);
    return !is_same;
}
