/* tensor.c: dtypes, and tensors that are the caller's. */
#include "internal.h"

#include <string.h>

/* ---- dtypes ---- */

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [TFCC_NONE] = {"none", 0},
    [TFCC_FLOAT32] = {"float32", 4},
    [TFCC_FLOAT64] = {"float64", 8},
    [TFCC_INT32] = {"int32", 4},
    [TFCC_UINT8] = {"uint8", 1},
    [TFCC_INT16] = {"int16", 2},
    [TFCC_INT8] = {"int8", 1},
    [TFCC_INT64] = {"int64", 8},
    [TFCC_BOOL] = {"bool", 1},
    [TFCC_BFLOAT16] = {"bfloat16", 2},
    [TFCC_UINT16] = {"uint16", 2},
    [TFCC_FLOAT16] = {"float16", 2},
    [TFCC_UINT32] = {"uint32", 4},
    [TFCC_UINT64] = {"uint64", 8},
    [TFCC_FLOAT8_E5M2] = {"float8_e5m2", 1},
    [TFCC_FLOAT8_E4M3FN] = {"float8_e4m3fn", 1},
    [TFCC_FLOAT8_E4M3FNUZ] = {"float8_e4m3fnuz", 1},
    [TFCC_FLOAT8_E5M2FNUZ] = {"float8_e5m2fnuz", 1},
    [TFCC_INT4] = {"int4", 1},
    [TFCC_UINT4] = {"uint4", 1},
};

#define DTYPE_COUNT (sizeof dtypes / sizeof *dtypes)

const char *tfcc_dtype_name(tfcc_dtype dtype) {
    size_t index = (size_t)dtype;
    return index < DTYPE_COUNT && dtypes[index].name != NULL ? dtypes[index].name : "";
}

size_t tfcc_dtype_size(tfcc_dtype dtype) {
    size_t index = (size_t)dtype;
    return index < DTYPE_COUNT ? dtypes[index].size : 0;
}

/* ---- Blocks that the caller frees ---- */

/* Stands before the shape. */
typedef struct BlockHeader {
    tfcc_allocator allocator;
    size_t size;
} BlockHeader;

#define BLOCK_SHAPE TFCC_ALIGNMENT
#define BLOCK_DATA  (BLOCK_SHAPE + TFCC_MAX_RANK * sizeof(int64_t))
_Static_assert(sizeof(BlockHeader) <= BLOCK_SHAPE, "the header fits before the shape");
_Static_assert(BLOCK_DATA % TFCC_ALIGNMENT == 0, "data is aligned");

tfcc_status tfcc_block_obtain(const tfcc_allocator *allocator, size_t bytes, tfcc_block *block) {
    if (bytes > SIZE_MAX - BLOCK_DATA) return tfcc_fail(OUT_OF_MEMORY, bytes);
    size_t size = BLOCK_DATA + bytes;
    char *memory = tfcc_obtain(allocator, size);
    if (memory == NULL) return TFCC_RESOURCE_EXHAUSTED;
    *(BlockHeader *)(void *)memory = (BlockHeader){*allocator, size};
    block->shape = (int64_t *)(void *)(memory + BLOCK_SHAPE);
    block->data = memory + BLOCK_DATA;
    return TFCC_OK;
}

void tfcc_block_release(tfcc_block *block) {
    if (block->shape == NULL) return;
    BlockHeader *header = (BlockHeader *)(void *)((char *)block->shape - BLOCK_SHAPE);
    tfcc_allocator allocator = header->allocator;
    tfcc_release(&allocator, header, header->size);
    block->shape = NULL;
    block->data = NULL;
}

void tfcc_tensor_free(tfcc_tensor *tensor) {
    if (tensor == NULL) return;
    tfcc_block block = {tensor->shape, tensor->data};
    tfcc_block_release(&block);
    tensor->shape = NULL;
    tensor->data = NULL;
    tensor->capacity = 0;
}

/* ---- Tensors ---- */

/* The bytes of a tensor's shape; false where a size is negative or the product too large. */
static bool shape_bytes(const tfcc_tensor *tensor, size_t *bytes) {
    bool fits = true, empty = false;
    size_t product = tfcc_dtype_size(tensor->dtype);
    for (int32_t i = 0; i < tensor->rank; i++) {
        int64_t size = tensor->shape[i];
        if (size < 0) return false;
        empty |= size == 0;
        fits &= !__builtin_mul_overflow(product, (uint64_t)size, &product);
    }
    *bytes = empty ? 0 : product;
    return empty || (fits && product <= (size_t)1 << 62);
}

static bool has_shape(const tfcc_tensor *tensor) {
    return tensor->rank == 0 || ((uint32_t)tensor->rank <= TFCC_MAX_RANK && tensor->shape != NULL);
}

/* How many bytes there are at tensor->data, of which the given shape needs `bytes`. */
static size_t data_room(const tfcc_tensor *tensor, size_t bytes) {
    if (tensor->data == NULL) return 0;
    return tensor->capacity != 0 ? tensor->capacity : bytes;
}

tfcc_status tfcc_tensor_check(const tfcc_tensor *tensor, tfcc_dtype dtype, const char *what,
                              const char *name, bool with_data, size_t *bytes) {
    if (tensor->dtype != dtype)
        return tfcc_fail(TENSOR_DTYPE, what, name, tfcc_dtype_name(dtype),
                         tfcc_dtype_name(tensor->dtype));
    if (!has_shape(tensor)) return tfcc_fail(TENSOR_RANK, what, name, (int)tensor->rank);
    if (!shape_bytes(tensor, bytes))
        return tfcc_fail(TENSOR_SHAPE, what, name, tfcc_shape_text(tensor->shape, tensor->rank));
    size_t room = data_room(tensor, *bytes);
    if (!with_data || *bytes <= room) return TFCC_OK;
    return tfcc_fail(TENSOR_ROOM, what, name, room, *bytes);
}

/* ---- Results ---- */

/* How many bytes a result may have; its shape may be nonsense. */
static size_t result_room(const tfcc_tensor *tensor) {
    size_t bytes = 0;
    if (tensor->capacity == 0 && has_shape(tensor) && !shape_bytes(tensor, &bytes)) bytes = 0;
    return data_room(tensor, bytes);
}

tfcc_status tfcc_result_prepare(const tfcc_allocator *allocator, const tfcc_tensor *tensor,
                                const tfcc_value *value, tfcc_result *result) {
    size_t room = result_room(tensor);
    result->data = tensor->data;
    if (tensor->dtype == TFCC_NONE || ((uint32_t)tensor->dtype == value->dtype &&
                                       tensor->data == NULL && tensor->shape == NULL)) {
        TFCC_TRY(tfcc_block_obtain(allocator, result->bytes, &result->block));
        result->data = result->block.data;
        return TFCC_OK;
    }
    if ((uint32_t)tensor->dtype == value->dtype && result->bytes <= room) return TFCC_OK;
    return tfcc_fail(RESULT_UNFIT, value->what, value->name,
                     tfcc_dtype_name((tfcc_dtype)value->dtype),
                     tfcc_shape_text(value->shape, value->rank), result->bytes,
                     tfcc_dtype_name(tensor->dtype), room);
}

void tfcc_result_deliver(tfcc_tensor *tensor, tfcc_result *result, const int64_t *shape,
                         int32_t rank) {
    if (result->block.shape != NULL) {
        tensor->shape = result->block.shape;
        tensor->data = result->data;
        tensor->capacity = result->bytes;
        result->block.shape = NULL;
    }
    tensor->rank = rank;
    if (tensor->shape != NULL)
        for (int32_t i = 0; i < rank; i++) tensor->shape[i] = shape[i];
}
