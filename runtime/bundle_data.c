/* bundle_data.c: the bytes of tensors, from any number of data files, put together from slices
 * where a variable was partitioned. */
#include "bundle_read.h"
#include "crc32c.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* More slices than any partitioner makes; bounds the work of comparing each with each. */
#define MOST_SLICES 4096

static tfcc_status fail_tensor(const BundleReader *reader, const BundleTensor *tensor,
                               tfcc_status status, const char *what) {
    return tfcc_fail(status, "'%s': tensor '%s': %s",
                     reader->prefix && reader->open_shard >= 0 ? reader->path : reader->label,
                     tensor->name, what);
}

/* ---- data files ---- */

/* Opens the data file of a record and checks that its bytes are inside. */
static tfcc_status locate(BundleReader *reader, const BundleRecord *record,
                          const BundleTensor *tensor) {
    int32_t shard = record->shard;
    if (reader->open_shard != shard) {
        if (reader->prefix) {
            if (reader->open_shard >= 0) close(reader->descriptor);
            reader->open_shard = -1;
            tfcc_bundle_data_path(reader->path, reader->prefix, shard, reader->shard_count);
            TFCC_TRY(tfcc_bundle_open_file(reader->path, &reader->descriptor, &reader->data_size));
        } else {
            reader->data_size = 0;
            if ((size_t)shard < reader->shards_given)
                reader->data_size = (int64_t)reader->shards[shard].size;
        }
        reader->open_shard = shard;
    }
    if (record->size <= reader->data_size && record->offset <= reader->data_size - record->size)
        return TFCC_OK;
    return fail_tensor(reader, tensor, TFCC_OUT_OF_RANGE, "Read less bytes than requested");
}

/* Reads bytes that lie inside the open data file and extends the checksum over them, piece by piece
 * while they are in cache. */
static tfcc_status read_bytes(BundleReader *reader, const BundleTensor *tensor, int64_t offset,
                              char *destination, int64_t size, uint32_t *checksum) {
    while (size > 0) {
        size_t piece = size < 1 << 18 ? (size_t)size : (size_t)1 << 18;
        if (!reader->prefix)
            memcpy(destination, (const char *)reader->shards[reader->open_shard].data + offset,
                   piece);
        else if (!tfcc_bundle_read_at(reader->descriptor, destination, piece, offset))
            return fail_tensor(reader, tensor, errno ? TFCC_UNAVAILABLE : TFCC_OUT_OF_RANGE,
                               errno ? strerror(errno) : "Read less bytes than requested");
        *checksum = tfcc_crc32c(*checksum, destination, piece);
        destination += piece;
        offset += (int64_t)piece;
        size -= (int64_t)piece;
    }
    return TFCC_OK;
}

/* ---- slices ---- */

typedef struct Slice {
    int64_t start[BUNDLE_RANK], length[BUNDLE_RANK];
    const BundleRecord *record;
    uint32_t checksum;
} Slice;

/* The slices that make up a tensor: one where it is in one piece. */
typedef struct Slices {
    Slice whole;
    Slice *list;
    size_t count, room;
} Slices;

/* OrderedCode's signed number: n bytes hold 7n - 1 bits, the first n bits tell n. */
static uint8_t *put_ordered(uint8_t *at, int64_t value) {
    int64_t magnitude = value < 0 ? ~value : value;
    int length = 1;
    while (length < 10 && magnitude >> (7 * length - 1)) length++;
    for (int i = length - 1; i >= 0; i--) *at++ = (uint8_t)(value >> (i < 8 ? 8 * i : 63));
    uint32_t header = 0xffff0000u >> length;
    at[-length] ^= (uint8_t)(header >> 8);
    if (length > 1) at[1 - length] ^= (uint8_t)header;
    return at;
}

/* Parses a TensorSliceProto and appends its extents to a key at *at. A length that is not there
 * means the whole size. */
static bool parse_slice(BundleSpan proto, const BundleTensor *tensor, Slice *slice, uint8_t **at) {
    BundleSpan extent;
    int32_t rank = 0;
    for (; tfcc_bundle_next(&proto, 1, &extent); rank++) {
        uint64_t values[8] = {[2] = UINT64_MAX};
        if (rank == tensor->rank || !tfcc_bundle_scan(extent, values)) return false;
        int64_t start = (int64_t)values[1], length = (int64_t)values[2];
        int64_t size = tensor->shape[rank];
        *at = put_ordered(put_ordered(*at, start), length);
        if (length == -1) length = size;
        if (start < 0 || length < 0 || length > size || start > size - length) return false;
        slice->start[rank] = start;
        slice->length[rank] = length;
    }
    return rank == tensor->rank;
}

/* Finds the entry of a slice, whose key ends at `end`, and compares it with the whole. */
static tfcc_status find_slice(BundleReader *reader, const BundleTensor *tensor, const uint8_t *key,
                              const uint8_t *end, Slice *slice) {
    uint64_t numbers[8];
    BundleTensor part;
    slice->record = tfcc_bundle_find_record(reader, key, (size_t)(end - key));
    if (!slice->record || !tfcc_bundle_parse_entry(slice->record->value, &part, numbers) ||
        part.is_partitioned || part.dtype != tensor->dtype || part.rank != tensor->rank ||
        memcmp(part.shape, slice->length, sizeof slice->length) != 0)
        return fail_tensor(reader, tensor, TFCC_DATA_LOSS, "a slice is missing or does not fit");
    slice->checksum = part.checksum;
    return locate(reader, slice->record, tensor);
}

static bool slices_overlap(const Slice *a, const Slice *b, int32_t rank) {
    for (int32_t i = 0; i < rank; i++)
        if (a->start[i] >= b->start[i] + b->length[i] || b->start[i] >= a->start[i] + a->length[i])
            return false;
    return a->record->size > 0 && b->record->size > 0;
}

/* Slices that do not overlap and have together as many elements as the whole cover it. A slice's
 * key is 00, the name with 00 and ff escaped, 00 01, the rank, the extents. */
static tfcc_status collect_slices(BundleReader *reader, const BundleTensor *tensor, Slices *slices,
                                  uint8_t *key) {
    const BundleRecord *record = tensor->record;
    BundleSpan value = record->value, proto;
    uint8_t *name_end = key;
    *name_end++ = 0;
    for (size_t i = 0; i < record->name_length; i++) {
        uint8_t byte = (uint8_t)tensor->name[i];
        *name_end++ = byte;
        if (byte == 0 || byte == 0xff) *name_end++ = (uint8_t)~byte;
    }
    *name_end++ = 0;
    *name_end++ = 1;
    if (tensor->rank > 0) *name_end++ = 1; /* how many bytes the rank has, then the rank */
    *name_end++ = (uint8_t)tensor->rank;

    int64_t size = 0;
    slices->count = 0;
    while (tfcc_bundle_next(&value, ENTRY_SLICES, &proto)) {
        Slice *slice = &slices->list[slices->count];
        uint8_t *end = name_end;
        memset(slice, 0, sizeof *slice);
        if (!parse_slice(proto, tensor, slice, &end))
            return fail_tensor(reader, tensor, TFCC_DATA_LOSS, "a slice is damaged");
        TFCC_TRY(find_slice(reader, tensor, key, end, slice));
        for (size_t other = 0; other < slices->count; other++)
            if (slices_overlap(slice, &slices->list[other], tensor->rank))
                return fail_tensor(reader, tensor, TFCC_DATA_LOSS, "its slices overlap");
        size += slice->record->size;
        slices->count++;
    }
    if (size == tensor->size) return TFCC_OK;
    return fail_tensor(reader, tensor, TFCC_DATA_LOSS, "Does not have sufficient slices");
}

static void release_slices(BundleReader *reader, Slices *slices) {
    if (slices->room > 0) tfcc_release(reader->memory.allocator, slices->list, slices->room);
}

/* Everything that is checked before memory is taken for a tensor. */
static tfcc_status find_slices(BundleReader *reader, const BundleTensor *tensor, Slices *slices) {
    if (tfcc_dtype_size((tfcc_dtype)tensor->dtype) == 0 || tensor->rank > BUNDLE_RANK)
        return fail_tensor(reader, tensor, TFCC_UNIMPLEMENTED,
                           "it has a dtype or a rank that is not supported");
    slices->room = 0;
    slices->count = 1;
    slices->list = &slices->whole;
    slices->whole.record = tensor->record;
    slices->whole.checksum = tensor->checksum;
    memset(slices->whole.start, 0, sizeof slices->whole.start);
    memcpy(slices->whole.length, tensor->shape, sizeof slices->whole.length);
    if (!tensor->is_partitioned) return locate(reader, tensor->record, tensor);

    uint64_t numbers[8] = {0};
    tfcc_bundle_scan(tensor->record->value, numbers);
    if (numbers[ENTRY_SLICES] > MOST_SLICES)
        return fail_tensor(reader, tensor, TFCC_DATA_LOSS, "it has too many slices");
    size_t list_room = (size_t)numbers[ENTRY_SLICES] * sizeof(Slice);
    slices->room = list_room + 2 * tensor->record->name_length + 8 + 20 * BUNDLE_RANK;
    slices->list = tfcc_bundle_obtain(reader->memory.allocator, slices->room);
    if (!slices->list) return TFCC_RESOURCE_EXHAUSTED;
    tfcc_status status =
        collect_slices(reader, tensor, slices, (uint8_t *)slices->list + list_room);
    if (status) release_slices(reader, slices);
    return status;
}

/* ---- reading ---- */

/* Reads one run of bytes after the other from `record` to where they belong in the whole. A run is
 * what is contiguous in both: a stretch of one axis with everything inside it. */
static tfcc_status read_slice(BundleReader *reader, const BundleTensor *tensor, const Slice *slice,
                              char *destination) {
    const BundleRecord *record = slice->record;
    int64_t element = tfcc_bundle_element_size(tensor->dtype), run = element;
    int32_t rank = tensor->rank, axis = rank; /* the runs are of the axes from here on */
    uint32_t checksum = 0;
    TFCC_TRY(locate(reader, record, tensor));
    while (axis > 0 && record->size > 0) { /* otherwise the product may overflow */
        run *= slice->length[--axis];
        if (slice->length[axis] != tensor->shape[axis]) break;
    }
    for (int64_t done = 0; done < record->size; done += run) {
        /* the start, and run number done / run in the axes before */
        int64_t stride = element, to = 0, number = done / run;
        for (int32_t i = rank; i-- > 0; stride *= tensor->shape[i]) {
            to += slice->start[i] * stride;
            if (i >= axis) continue;
            to += number % slice->length[i] * stride;
            number /= slice->length[i];
        }
        TFCC_TRY(
            read_bytes(reader, tensor, record->offset + done, destination + to, run, &checksum));
    }
    checksum = tfcc_crc32c_mask(checksum);
    if (checksum == slice->checksum) return TFCC_OK;
    return tfcc_fail(TFCC_DATA_LOSS,
                     "'%s': tensor '%s': Checksum does not match: stored %u vs. calculated on the "
                     "restored bytes %u",
                     reader->prefix ? reader->path : reader->label, tensor->name,
                     (unsigned)slice->checksum, (unsigned)checksum);
}

tfcc_status tfcc_bundle_check(BundleReader *reader, const BundleTensor *tensor) {
    Slices slices;
    TFCC_TRY(find_slices(reader, tensor, &slices));
    release_slices(reader, &slices);
    return TFCC_OK;
}

tfcc_status tfcc_bundle_read(BundleReader *reader, const BundleTensor *tensor, void *destination) {
    Slices slices;
    TFCC_TRY(find_slices(reader, tensor, &slices));
    tfcc_status status = TFCC_OK;
    for (size_t i = 0; i < slices.count && !status; i++)
        status = read_slice(reader, tensor, &slices.list[i], destination);
    release_slices(reader, &slices);
    return status;
}
