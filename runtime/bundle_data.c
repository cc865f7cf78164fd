/* bundle_data.c: the bytes of tensors, from any number of data files, put together from slices
 * where a variable was partitioned. */
#include "bundle_format.h"
#include "bundle_read.h"
#include "crc32c.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* More slices than any partitioner makes; bounds the work of comparing each with each. */
#define MOST_SLICES 4096

/* ---- data files ---- */

static tfcc_status open_shard(BundleReader *reader, int32_t shard) {
    if (reader->open_shard == shard) return TFCC_OK;
    if (!reader->prefix) {
        if ((size_t)shard >= reader->shards_given)
            return tfcc_fail(TFCC_NOT_FOUND, "data file %d is not among the %zu given", (int)shard,
                             reader->shards_given);
        reader->data_size = (int64_t)reader->shards[shard].size;
        reader->open_shard = shard;
        return TFCC_OK;
    }
    if (reader->open_shard >= 0) close(reader->descriptor);
    reader->open_shard = -1;
    tfcc_bundle_data_path(reader->path, reader->prefix, shard, reader->shard_count);
    TFCC_TRY(tfcc_bundle_open_file(reader->path, &reader->descriptor, &reader->data_size));
    reader->open_shard = shard;
    return TFCC_OK;
}

static tfcc_status fail_short(const BundleReader *reader, const BundleTensor *tensor) {
    return tfcc_fail(TFCC_OUT_OF_RANGE, "'%s': tensor '%s': Read less bytes than requested",
                     reader->path, tensor->name);
}

static tfcc_status fail_tensor(const BundleReader *reader, const BundleTensor *tensor,
                               const char *what) {
    return tfcc_fail(TFCC_DATA_LOSS, "'%s': tensor '%s': %s",
                     reader->prefix ? reader->prefix : reader->path, tensor->name, what);
}

/* Opens the data file of a record and checks that its bytes are inside. */
static tfcc_status locate(BundleReader *reader, const BundleRecord *record,
                          const BundleTensor *tensor) {
    TFCC_TRY(open_shard(reader, record->shard));
    if (record->size > reader->data_size || record->offset > reader->data_size - record->size)
        return fail_short(reader, tensor);
    return TFCC_OK;
}

/* Reads bytes that lie inside the open data file and extends the checksum over them, piece by piece
 * while they are in cache. */
static tfcc_status read_bytes(BundleReader *reader, const BundleTensor *tensor, int64_t offset,
                              char *destination, int64_t size, uint32_t *checksum) {
    while (size > 0) {
        size_t piece = size < 1 << 18 ? (size_t)size : (size_t)1 << 18;
        if (!reader->prefix) {
            const char *data = reader->shards[reader->open_shard].data;
            memcpy(destination, data + offset, piece);
        } else if (!tfcc_bundle_read_at(reader->descriptor, destination, piece, offset)) {
            return errno ? tfcc_bundle_fail_errno(errno, "read", reader->path)
                         : fail_short(reader, tensor);
        }
        *checksum = tfcc_crc32c(*checksum, destination, piece);
        destination += piece;
        offset += (int64_t)piece;
        size -= (int64_t)piece;
    }
    return TFCC_OK;
}

/* ---- slices ---- */

typedef struct Slice {
    int64_t start[BUNDLE_RANK],
        length[BUNDLE_RANK]; /* a length of -1 in the file is the whole size here */
    const BundleRecord *record;
    uint32_t checksum;
} Slice;

/* OrderedCode's signed number: n bytes hold 7n - 1 bits, the first n bits tell n. */
static uint8_t *put_ordered(uint8_t *at, int64_t value) {
    uint64_t magnitude = value < 0 ? ~(uint64_t)value : (uint64_t)value;
    int length = 1;
    while (length < 10 && magnitude >> (7 * length - 1)) length++;
    for (int i = length - 1; i >= 0; i--)
        *at++ = (uint8_t)(value >> (i < 8 ? 8 * i : 63)); /* beyond 8 bytes, the sign */
    uint32_t header = 0xffff0000u >> length & 0xffff;
    at[-length] ^= (uint8_t)(header >> 8);
    if (length > 1) at[1 - length] ^= (uint8_t)header;
    return at;
}

/* Parses the TensorSliceProto at `field` into `slice` and appends its extents to a key at `at`. */
static bool parse_slice(const BundleField *field, const BundleTensor *tensor, Slice *slice,
                        uint8_t **at) {
    BundleField extent, number;
    int32_t rank = 0;
    for (const uint8_t *in = field->bytes, *end = in + field->length; in < end;) {
        if (!tfcc_bundle_get_field(&in, end, &extent)) return false;
        if (extent.key != BUNDLE_BYTES(1)) continue;
        if (rank == tensor->rank) return false;
        int64_t start = 0, length = -1, size = tensor->shape[rank];
        for (const uint8_t *part = extent.bytes, *stop = part + extent.length; part < stop;) {
            if (!tfcc_bundle_get_field(&part, stop, &number)) return false;
            if (number.key == BUNDLE_VARINT(1)) start = (int64_t)number.value;
            if (number.key == BUNDLE_VARINT(2)) length = (int64_t)number.value;
        }
        if (length == -1 ? start != 0 : start < 0 || length < 0 || length > size) return false;
        *at = put_ordered(put_ordered(*at, start), length);
        if (length == -1) length = size;
        if (start > size - length) return false;
        slice->start[rank] = start;
        slice->length[rank++] = length;
    }
    return rank == tensor->rank;
}

/* Finds the entry of a slice, under the key 00, name (00 and ff escaped), 00 01, rank, extents.
 * `key` has room; its end is at `at`. */
static tfcc_status find_slice(BundleReader *reader, const BundleTensor *tensor, uint8_t *key,
                              size_t length, Slice *slice) {
    slice->record = tfcc_bundle_find_record(reader, (const char *)key, length);
    BundleEntry entry;
    if (!slice->record ||
        !tfcc_bundle_parse_entry(slice->record->value, slice->record->value_length, &entry))
        return fail_tensor(reader, tensor, "a slice is missing");
    if (entry.slice_count || entry.dtype != tensor->dtype || entry.rank != tensor->rank ||
        memcmp(entry.shape, slice->length, sizeof(int64_t) * (size_t)entry.rank) != 0)
        return fail_tensor(reader, tensor, "a slice does not fit the whole");
    slice->checksum = entry.checksum;
    return locate(reader, slice->record, tensor);
}

static bool slices_overlap(const Slice *a, const Slice *b, int32_t rank) {
    for (int32_t i = 0; i < rank; i++)
        if (a->start[i] >= b->start[i] + b->length[i] || b->start[i] >= a->start[i] + a->length[i])
            return false;
    return a->record->size > 0 && b->record->size > 0;
}

typedef struct Slices {
    Slice *slices;
    uint8_t *key;
    size_t count, room, key_room;
} Slices;

/* Slices that do not overlap and have together as many elements as the whole cover it. */
static tfcc_status collect_slices(BundleReader *reader, const BundleTensor *tensor,
                                  Slices *result) {
    const BundleRecord *record = tensor->record;
    uint8_t *name_end = result->key;
    *name_end++ = 0;
    for (uint32_t i = 0; i < record->name_length; i++) {
        uint8_t byte = (uint8_t)record->name[i];
        *name_end++ = byte;
        if (byte == 0 || byte == 0xff) *name_end++ = (uint8_t)~byte;
    }
    *name_end++ = 0;
    *name_end++ = 1;
    if (tensor->rank > 0) *name_end++ = 1; /* the rank's length in bytes, then the rank */
    *name_end++ = (uint8_t)tensor->rank;

    BundleField field;
    int64_t size = 0;
    size_t count = 0;
    for (const uint8_t *at = record->value, *end = at + record->value_length; at < end;) {
        if (!tfcc_bundle_get_field(&at, end, &field)) break; /* never: it was parsed before */
        if (field.key != BUNDLE_BYTES(7)) continue;
        Slice *slice = &result->slices[count];
        uint8_t *key_end = name_end;
        if (!parse_slice(&field, tensor, slice, &key_end))
            return fail_tensor(reader, tensor, "a slice is damaged");
        TFCC_TRY(find_slice(reader, tensor, result->key, (size_t)(key_end - result->key), slice));
        for (size_t other = 0; other < count; other++)
            if (slices_overlap(slice, &result->slices[other], tensor->rank))
                return fail_tensor(reader, tensor, "its slices overlap");
        size += slice->record->size;
        count++;
    }
    if (size != tensor->size) return fail_tensor(reader, tensor, "Does not have sufficient slices");
    return TFCC_OK;
}

static void release_slices(BundleReader *reader, Slices *slices) {
    tfcc_release(reader->allocator, slices->slices, slices->room);
    tfcc_release(reader->allocator, slices->key, slices->key_room);
    *slices = (Slices){0};
}

static tfcc_status find_slices(BundleReader *reader, const BundleTensor *tensor, Slices *slices) {
    BundleEntry entry;
    *slices = (Slices){0};
    if (!tfcc_bundle_parse_entry(tensor->record->value, tensor->record->value_length, &entry) ||
        entry.slice_count > MOST_SLICES)
        return fail_tensor(reader, tensor, "it has too many slices");
    slices->count = entry.slice_count;
    slices->room = slices->count * sizeof *slices->slices;
    slices->key_room = 2 * (size_t)tensor->record->name_length + 32 + 20 * BUNDLE_RANK;
    slices->slices = tfcc_bundle_obtain(reader->allocator, slices->room);
    slices->key = slices->slices ? tfcc_bundle_obtain(reader->allocator, slices->key_room) : NULL;
    tfcc_status status =
        slices->key ? collect_slices(reader, tensor, slices) : TFCC_RESOURCE_EXHAUSTED;
    if (status) release_slices(reader, slices);
    return status;
}

/* ---- reading ---- */

/* Reads one run of bytes after the other from `record` to where they belong in the whole. A run is
 * what is contiguous in both: `length` of one axis times everything inside it. */
static tfcc_status read_slice(BundleReader *reader, const BundleTensor *tensor, const Slice *slice,
                              char *destination) {
    TFCC_TRY(locate(reader, slice->record, tensor));
    const BundleRecord *record = slice->record;
    int64_t index[BUNDLE_RANK] = {0}, stride[BUNDLE_RANK + 1], run = record->size;
    int32_t rank = tensor->rank, run_axis = rank;
    uint32_t checksum = 0;
    if (record->size > 0) { /* otherwise the strides may overflow */
        stride[rank] = tfcc_bundle_element_size(tensor->dtype);
        for (int32_t i = rank; i-- > 0;) stride[i] = stride[i + 1] * tensor->shape[i];
        while (run_axis > 0 && slice->length[run_axis - 1] == tensor->shape[run_axis - 1])
            run_axis--;
        if (run_axis > 0) run_axis--;
        if (rank > 0) run = slice->length[run_axis] * stride[run_axis + 1];
    }
    for (int64_t done = 0; done < record->size; done += run) {
        int64_t to = rank > 0 ? slice->start[run_axis] * stride[run_axis + 1] : 0;
        for (int32_t i = 0; i < run_axis; i++) to += (slice->start[i] + index[i]) * stride[i + 1];
        TFCC_TRY(
            read_bytes(reader, tensor, record->offset + done, destination + to, run, &checksum));
        for (int32_t i = run_axis; i-- > 0;) {
            if (++index[i] < slice->length[i]) break;
            index[i] = 0;
        }
    }
    checksum = tfcc_crc32c_mask(checksum);
    if (checksum == slice->checksum) return TFCC_OK;
    return tfcc_fail(TFCC_DATA_LOSS,
                     "'%s': tensor '%s': Checksum does not match: stored %u vs. calculated on the "
                     "restored bytes %u",
                     reader->prefix ? reader->path : "data in memory", tensor->name,
                     (unsigned)slice->checksum, (unsigned)checksum);
}

static tfcc_status check_kind(const BundleReader *reader, const BundleTensor *tensor) {
    if (tfcc_dtype_size((tfcc_dtype)tensor->dtype) == 0 || tensor->rank > BUNDLE_RANK)
        return tfcc_fail(TFCC_UNIMPLEMENTED,
                         "'%s': tensor '%s' has DataType %u and rank %d, which are not supported",
                         reader->prefix ? reader->prefix : reader->path, tensor->name,
                         (unsigned)tensor->dtype, (int)tensor->rank);
    return TFCC_OK;
}

tfcc_status tfcc_bundle_check(BundleReader *reader, const BundleTensor *tensor) {
    TFCC_TRY(check_kind(reader, tensor));
    if (!tensor->is_partitioned) return locate(reader, tensor->record, tensor);
    Slices slices;
    TFCC_TRY(find_slices(reader, tensor, &slices));
    release_slices(reader, &slices);
    return TFCC_OK;
}

tfcc_status tfcc_bundle_read(BundleReader *reader, const BundleTensor *tensor, void *destination) {
    TFCC_TRY(check_kind(reader, tensor));
    if (!tensor->is_partitioned) {
        Slice whole = {.record = tensor->record, .checksum = tensor->checksum};
        for (int32_t i = 0; i < tensor->rank; i++) whole.length[i] = tensor->shape[i];
        return read_slice(reader, tensor, &whole, destination);
    }
    Slices slices;
    TFCC_TRY(find_slices(reader, tensor, &slices));
    tfcc_status status = TFCC_OK;
    for (size_t i = 0; i < slices.count && !status; i++)
        status = read_slice(reader, tensor, &slices.slices[i], destination);
    release_slices(reader, &slices);
    return status;
}
