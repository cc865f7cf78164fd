/* bundle_data.c: the bytes of tensors, from any number of data files, put together from slices
 * where a variable was partitioned. */
#include "bundle_read.h"
#include "crc32c.h"
#include <string.h>

/* More slices than any partitioner makes; bounds the work of comparing each with each. */
#define MOST_SLICES 2048

__attribute__((noinline)) static tfcc_status
fail_tensor(const BundleReader *reader, const BundleTensor *tensor, tfcc_sentence sentence) {
    return tfcc_fail_in(reader->file.path, tensor->name, sentence);
}

/* ---- data files ---- */

/* Opens the data file of a tensor and checks that its bytes are inside. */
static tfcc_status locate(BundleReader *reader, const BundleTensor *tensor) {
    const BundleRecord *record = tensor->record;
    uint32_t shard = record->shard;
    const BundleSource *source = &reader->source;
    if (reader->open_shard != shard) {
        reader->open_shard = reader->shard_count;
        tfcc_bundle_data_path(reader->suffix, shard, reader->shard_count);
        const tfcc_bytes *bytes = shard < source->shard_count ? &source->shards[shard] : NULL;
        TFCC_TRY(tfcc_bundle_open_part(reader, bytes));
        reader->open_shard = shard;
    }
    if (record->offset + record->size <= reader->file.size) return TFCC_OK;
    return fail_tensor(reader, tensor, MESSAGE_FILE_SHORT);
}

/* Reads all bytes of a tensor that has no slices, or is one. */
static tfcc_status read_record(BundleReader *reader, const BundleTensor *tensor, void *bytes) {
    size_t size = (size_t)tensor->size;
    TFCC_TRY(locate(reader, tensor));
    TFCC_TRY(tfcc_bundle_file_read(&reader->file, bytes, size, tensor->record->offset));
    uint32_t checksum = tfcc_crc32c_mask(tfcc_crc32c(0, bytes, size));
    if (checksum == tensor->checksum) return TFCC_OK;
    return tfcc_fail(CHECKSUM, reader->file.path, tensor->name, (unsigned)tensor->checksum,
                     (unsigned)checksum);
}

/* ---- slices ---- */

/* `part` has the slice's shape as its own. */
typedef struct Slice {
    BundleTensor part;
    int64_t start[BUNDLE_RANK];
} Slice;

/* Reads a number that is not negative from OrderedCode: n bytes hold 7n - 1 bits, the first n bits
 * are set. -1 stands for itself, and the result is below it for any other. */
static int64_t get_ordered(BundleSpan *key) {
    int first = key->at < key->end ? *key->at++ : 0, more = 0;
    if (first < 0x80) return first == 0x7f ? -1 : -2;
    int64_t value = first;
    for (int bit = 0x40; first & bit; bit >>= 1) more++;
    value &= 0x3f >> more;
    for (; more > 0; more--) value = value << 8 | (key->at < key->end ? *key->at++ : 0);
    return value;
}

/* A slice's key is 00, the name with 00 and ff escaped, 00 01, the rank, and for each axis where it
 * starts and how long it is; -1 for the whole length. This is what stands before the extents. */
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

/* Makes a slice of a record, whose key is `key_size` bytes and then the extents; false where it does
 * not fit the whole. */
static bool get_slice(const BundleReader *reader, const BundleTensor *tensor,
                      const BundleRecord *record, size_t key_size, Slice *slice) {
    const BundleTensor *part = &slice->part;
    const uint8_t *name = reader->names.bytes + record->name;
    BundleSpan extents = {name + key_size, name + record->name_length};
    tfcc_bundle_describe(reader, record, &slice->part);
    slice->part.name = tensor->name;
    bool fits = !part->is_partitioned && part->dtype == tensor->dtype && part->rank == tensor->rank;
    for (int32_t i = 0; i < tensor->rank; i++) {
        int64_t size = tensor->shape[i], start = get_ordered(&extents);
        int64_t length = get_ordered(&extents);
        if (length == -1) length = size;
        fits &= start >= 0 && length == part->shape[i] && length <= size && start <= size - length;
        slice->start[i] = start;
    }
    return fits && extents.at == extents.end;
}

TFCC_INLINE bool slices_overlap(const Slice *a, const Slice *b) {
    for (int32_t i = 0; i < a->part.rank; i++)
        if (a->start[i] >= b->start[i] + b->part.shape[i] ||
            b->start[i] >= a->start[i] + a->part.shape[i])
            return false;
    return a->part.size > 0 && b->part.size > 0;
}

/* Copies a slice's bytes, row by row, to where they belong in the whole. */
static void place_slice(const BundleTensor *tensor, const Slice *slice, const char *bytes,
                        char *destination) {
    int64_t element = tfcc_bundle_element_size(tensor->dtype), row = element;
    int32_t last = tensor->rank - 1;
    if (last >= 0) row *= slice->part.shape[last];
    for (int64_t done = 0; done < slice->part.size; done += row) {
        /* the start, and row number done / row in the axes before the last */
        int64_t stride = element, to = 0, number = done / row;
        for (int32_t i = last; i >= 0; stride *= tensor->shape[i--]) {
            int64_t index = slice->start[i];
            if (i < last) {
                index += number % slice->part.shape[i];
                number /= slice->part.shape[i];
            }
            to += index * stride;
        }
        memcpy(destination + to, bytes + done, (size_t)row);
    }
}

static tfcc_status read_slice(BundleReader *reader, const BundleTensor *tensor, const Slice *slice,
                              char *destination) {
    void *mark = reader->memory.blocks;
    char *bytes = tfcc_bundle_obtain(&reader->memory, (size_t)slice->part.size);
    if (!bytes) return TFCC_RESOURCE_EXHAUSTED;
    TFCC_TRY(read_record(reader, &slice->part, bytes));
    place_slice(tensor, slice, bytes, destination);
    tfcc_bundle_release(&reader->memory, mark);
    return TFCC_OK;
}

/* The slices are the records, one after the other, whose keys begin as they should. Those that do
 * not overlap and have together as many elements as the whole cover it. */
TFCC_INLINE tfcc_status read_slices(BundleReader *reader, const BundleTensor *tensor,
                                    char *destination) {
    BundleBuffer key = {.memory = &reader->memory};
    append_name(&key, tensor);
    if (key.memory->status) return key.memory->status;
    int64_t size = 0;
    const BundleRecord *first = NULL, *record = reader->records;
    for (size_t left = reader->record_count; left > 0; left--, record++) {
        if (record->name_length < key.size ||
            memcmp(reader->names.bytes + record->name, key.bytes, key.size) != 0)
            continue;
        if (!first) first = record;
        Slice slice, other;
        if (!get_slice(reader, tensor, record, key.size, &slice))
            return fail_tensor(reader, tensor, MESSAGE_SLICES_UNFIT);
        for (const BundleRecord *before = first; before < record; before++) {
            get_slice(reader, tensor, before, key.size, &other);
            if (slices_overlap(&slice, &other) || record - first >= MOST_SLICES)
                return fail_tensor(reader, tensor, MESSAGE_SLICES_UNFIT);
        }
        TFCC_TRY(destination ? read_slice(reader, tensor, &slice, destination)
                             : locate(reader, &slice.part));
        size += slice.part.size;
    }
    return size == tensor->size ? TFCC_OK : fail_tensor(reader, tensor, MESSAGE_SLICES_MISSING);
}

/* ---- tensors ---- */

tfcc_status tfcc_bundle_read(BundleReader *reader, const BundleTensor *tensor, void *destination) {
    if (tfcc_dtype_size((tfcc_dtype)tensor->dtype) == 0 || tensor->rank > BUNDLE_RANK)
        return fail_tensor(reader, tensor, MESSAGE_TENSOR_UNSUPPORTED);
    if (!tensor->is_partitioned)
        return destination ? read_record(reader, tensor, destination) : locate(reader, tensor);
    void *mark = reader->memory.blocks;
    tfcc_status status = read_slices(reader, tensor, destination);
    tfcc_bundle_release(&reader->memory, mark);
    return status;
}
