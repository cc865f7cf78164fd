/* bundle_data.c: the bytes of tensors, from any number of data files, put together from slices
 * where a variable was partitioned. */
#include "bundle_read.h"
#include "crc32c.h"
#include <string.h>

/* More slices than any partitioner makes; bounds the work of comparing each with each. */
#define MOST_SLICES 4096

static tfcc_status fail_tensor(const BundleReader *reader, const BundleTensor *tensor,
                               tfcc_status status, const char *what) {
    return tfcc_fail(status, "'%s': tensor '%s': %s", reader->file.path, tensor->name, what);
}

static tfcc_status fail_damaged(const BundleReader *reader, const BundleTensor *tensor,
                                const char *what) {
    return fail_tensor(reader, tensor, TFCC_DATA_LOSS, what);
}

/* ---- data files ---- */

/* Opens the data file of a record and checks that its bytes are inside. */
static tfcc_status locate(BundleReader *reader, const BundleRecord *record,
                          const BundleTensor *tensor) {
    uint32_t shard = record->shard;
    const BundleSource *source = &reader->source;
    if (reader->open_shard != shard) {
        reader->open_shard = reader->shard_count;
        tfcc_bundle_data_path(reader->suffix, shard, reader->shard_count);
        static const tfcc_bytes none = {"", 0};
        TFCC_TRY(tfcc_bundle_open_part(reader, source->prefix                 ? NULL
                                               : shard < source->shard_count ? &source->shards[shard]
                                                                             : &none));
        reader->open_shard = shard;
    }
    if (record->offset + record->size <= reader->file.size) return TFCC_OK;
    return fail_tensor(reader, tensor, TFCC_OUT_OF_RANGE, "Read less bytes than requested");
}

/* Reads all bytes of a record, which `part` describes. */
static tfcc_status read_record(BundleReader *reader, const BundleTensor *tensor,
                               const BundleRecord *record, uint32_t expected, void *bytes) {
    TFCC_TRY(locate(reader, record, tensor));
    TFCC_TRY(tfcc_bundle_file_read(&reader->file, bytes, (size_t)record->size, record->offset));
    uint32_t checksum = tfcc_crc32c_mask(tfcc_crc32c(0, bytes, (size_t)record->size));
    if (checksum == expected) return TFCC_OK;
    return tfcc_fail(TFCC_DATA_LOSS,
                     "'%s': tensor '%s': Checksum does not match: stored %u vs. calculated on the "
                     "restored bytes %u",
                     reader->file.path, tensor->name, (unsigned)expected, (unsigned)checksum);
}

/* ---- slices ---- */

/* Paths of an entry. */
enum { ENTRY_SLICE = 7, ENTRY_EXTENT = 071, ENTRY_START = 0711, ENTRY_LENGTH = 0712 };

typedef struct Slice {
    int64_t start[BUNDLE_RANK], length[BUNDLE_RANK]; /* a length of -1 means the whole size */
    const BundleRecord *record;
    int32_t rank;
    uint32_t checksum;
} Slice;

/* OrderedCode's signed number: n bytes hold 7n - 1 bits, the first n bits tell n. Above 55 bits,
 * which no tensor with bytes has, the code is wrong, and so is not found. */
static void append_ordered(BundleBuffer *key, int64_t value) {
    int length = 1;
    while (length < 8 && (value < 0 ? ~value : value) >> (7 * length - 1)) length++;
    uint64_t code = (uint64_t)value ^ UINT64_MAX << 7 * length;
    while (length-- > 0) {
        uint8_t byte = (uint8_t)(code >> 8 * length);
        tfcc_bundle_append(key, &byte, 1);
    }
}

/* Parses the entry's list of slices; false for ranks above the whole's. */
static bool parse_slices(const BundleTensor *tensor, Slice *slices) {
    BundleCursor cursor = {.span = tensor->record->value};
    Slice *slice = slices;
    while (tfcc_bundle_next(&cursor)) {
        if (cursor.path == ENTRY_SLICE) {
            slice = slices++;
            memset(slice, 0, sizeof *slice);
        } else if (cursor.path == ENTRY_EXTENT) {
            if (slice->rank == tensor->rank) return false;
            slice->length[slice->rank++] = -1;
        } else if (cursor.path == ENTRY_START) {
            slice->start[slice->rank - 1] = (int64_t)cursor.value;
        } else if (cursor.path == ENTRY_LENGTH) {
            slice->length[slice->rank - 1] = (int64_t)cursor.value;
        }
    }
    return true;
}

/* A slice's key is 00, the name with 00 and ff escaped, 00 01, the rank, the extents. This is what
 * stands before the extents. */
static void append_name(BundleBuffer *key, const BundleTensor *tensor) {
    bool has_axes = tensor->rank > 0;
    uint8_t rank[] = {0, 1, has_axes, (uint8_t)tensor->rank};
    tfcc_bundle_append(key, "", 1);
    for (size_t i = 0; i < tensor->record->name_length; i++) {
        uint8_t escaped[] = {(uint8_t)tensor->name[i], (uint8_t)~tensor->name[i]};
        tfcc_bundle_append(key, escaped, escaped[0] == 0 || escaped[1] == 0 ? 2 : 1);
    }
    tfcc_bundle_append(key, rank, has_axes ? 4 : 3);
}

/* Completes a slice: looks up its entry by its key, which it appends to, and compares it with the
 * whole. */
static tfcc_status find_slice(BundleReader *reader, const BundleTensor *tensor, BundleBuffer *key,
                              Slice *slice) {
    BundleTensor part;
    bool fits = slice->rank == tensor->rank;
    for (int32_t i = 0; i < slice->rank; i++) {
        int64_t start = slice->start[i], *length = &slice->length[i], size = tensor->shape[i];
        append_ordered(key, start);
        append_ordered(key, *length);
        if (*length == -1) *length = size;
        fits &= start >= 0 && *length >= 0 && *length <= size && start <= size - *length;
    }
    if (key->memory->status) return key->memory->status;
    slice->record = tfcc_bundle_find_record(reader, key->bytes, key->size);
    if (!fits || !slice->record) return fail_damaged(reader, tensor, "a slice is missing or does not fit");
    tfcc_bundle_describe(reader, (size_t)(slice->record - reader->records), &part);
    if (part.slice_count || part.dtype != tensor->dtype || part.rank != tensor->rank ||
        memcmp(part.shape, slice->length, sizeof slice->length) != 0)
        return fail_damaged(reader, tensor, "a slice is missing or does not fit");
    slice->checksum = part.checksum;
    return locate(reader, slice->record, tensor);
}

static bool slices_overlap(const Slice *a, const Slice *b) {
    for (int32_t i = 0; i < a->rank; i++)
        if (a->start[i] >= b->start[i] + b->length[i] || b->start[i] >= a->start[i] + a->length[i])
            return false;
    return a->record->size > 0 && b->record->size > 0;
}

/* Copies a slice's bytes, row by row, to where they belong in the whole. */
static void place_slice(const BundleTensor *tensor, const Slice *slice, const char *bytes,
                        char *destination) {
    int64_t element = tfcc_bundle_element_size(tensor->dtype), row = element;
    int32_t last = tensor->rank - 1;
    if (last >= 0) row *= slice->length[last];
    for (int64_t done = 0; done < slice->record->size; done += row) {
        /* the start, and row number done / row in the axes before the last */
        int64_t stride = element, to = 0, number = done / row;
        for (int32_t i = last; i >= 0; stride *= tensor->shape[i--]) {
            int64_t index = slice->start[i];
            if (i < last) {
                index += number % slice->length[i];
                number /= slice->length[i];
            }
            to += index * stride;
        }
        memcpy(destination + to, bytes + done, (size_t)row);
    }
}

/* Slices that do not overlap and have together as many elements as the whole cover it. */
static tfcc_status read_slices(BundleReader *reader, const BundleTensor *tensor,
                               char *destination) {
    BundleMemory *memory = &reader->memory;
    BundleBuffer key = {.memory = memory};
    if (tensor->slice_count > MOST_SLICES)
        return fail_damaged(reader, tensor, "it has too many slices");
    Slice *slices = tfcc_bundle_obtain(memory, tensor->slice_count * sizeof *slices);
    Slice *end = slices + tensor->slice_count;
    if (!slices) return TFCC_RESOURCE_EXHAUSTED;
    if (!parse_slices(tensor, slices)) return fail_damaged(reader, tensor, "a slice is damaged");
    append_name(&key, tensor);
    size_t name_size = key.size;
    int64_t size = 0;
    for (Slice *slice = slices; slice < end; slice++, key.size = name_size) {
        TFCC_TRY(find_slice(reader, tensor, &key, slice));
        for (const Slice *other = slices; other < slice; other++)
            if (slices_overlap(slice, other))
                return fail_damaged(reader, tensor, "its slices overlap");
        size += slice->record->size;
    }
    if (size != tensor->size)
        return fail_damaged(reader, tensor, "Does not have sufficient slices");
    for (Slice *slice = slices; slice < end && destination; slice++) {
        void *mark = memory->blocks;
        char *bytes = tfcc_bundle_obtain(memory, (size_t)slice->record->size);
        if (!bytes) return TFCC_RESOURCE_EXHAUSTED;
        TFCC_TRY(read_record(reader, tensor, slice->record, slice->checksum, bytes));
        place_slice(tensor, slice, bytes, destination);
        tfcc_bundle_release(memory, mark);
    }
    return TFCC_OK;
}

/* ---- tensors ---- */

tfcc_status tfcc_bundle_read(BundleReader *reader, const BundleTensor *tensor, void *destination) {
    if (tfcc_dtype_size((tfcc_dtype)tensor->dtype) == 0 || tensor->rank > BUNDLE_RANK)
        return fail_tensor(reader, tensor, TFCC_UNIMPLEMENTED,
                           "it has a dtype or a rank that is not supported");
    if (tensor->slice_count == 0)
        return destination ? read_record(reader, tensor, tensor->record, tensor->checksum,
                                         destination)
                           : locate(reader, tensor->record, tensor);
    void *mark = reader->memory.blocks;
    tfcc_status status = read_slices(reader, tensor, destination);
    tfcc_bundle_release(&reader->memory, mark);
    return status;
}

tfcc_status tfcc_bundle_check(BundleReader *reader, const BundleTensor *tensor) {
    return tfcc_bundle_read(reader, tensor, NULL);
}
