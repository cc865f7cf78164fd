/* tensor.c: dtypes, memory, and tensors that are the caller's. */
#include "internal.h"

#include <stdlib.h>
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

/* ---- Memory ---- */

static void *default_allocate(void *context, size_t size, size_t alignment) {
    (void)context;
    if (size > SIZE_MAX - alignment) return NULL;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void default_release(void *context, void *block, size_t size) {
    (void)context;
    (void)size;
    free(block);
}

const tfcc_allocator tfcc_default_allocator = {default_allocate, default_release, NULL};

void *tfcc_obtain(const tfcc_allocator *allocator, size_t size) {
    return allocator->allocate(allocator->context, size > 0 ? size : 1, TFCC_ALIGNMENT);
}

void tfcc_release(const tfcc_allocator *allocator, void *block, size_t size) {
    if (block != NULL) allocator->release(allocator->context, block, size > 0 ? size : 1);
}

/* ---- Blocks that the caller frees ---- */
typedef struct BlockHeader {
    tfcc_allocator allocator;
    size_t size;
} BlockHeader;

#define BLOCK_SHAPE TFCC_ALIGNMENT
#define BLOCK_DATA  (BLOCK_SHAPE + TFCC_MAX_RANK * sizeof(int64_t))
_Static_assert(sizeof(BlockHeader) <= BLOCK_SHAPE, "the header fits before the shape");
_Static_assert(BLOCK_DATA % TFCC_ALIGNMENT == 0, "data is aligned");

tfcc_status tfcc_block_obtain(const tfcc_allocator *allocator, size_t bytes, tfcc_block *block) {
    if (bytes > SIZE_MAX - BLOCK_DATA) return tfcc_fail_memory(bytes);
    BlockHeader *header = tfcc_obtain(allocator, BLOCK_DATA + bytes);
    if (header == NULL) return tfcc_fail_memory(BLOCK_DATA + bytes);
    *header = (BlockHeader){*allocator, BLOCK_DATA + bytes};
    block->shape = (int64_t *)(void *)((char *)header + BLOCK_SHAPE);
    block->data = (char *)header + BLOCK_DATA;
    return TFCC_OK;
}

void tfcc_block_release(tfcc_block *block) {
    if (block->shape == NULL) return;
    BlockHeader *header = (BlockHeader *)(void *)((char *)block->shape - BLOCK_SHAPE);
    tfcc_allocator allocator = header->allocator;
    tfcc_release(&allocator, header, header->size);
    *block = (tfcc_block){NULL, NULL};
}

void tfcc_tensor_free(tfcc_tensor *tensor) {
    if (tensor == NULL || tensor->shape == NULL) return;
    tfcc_block block = {tensor->shape, tensor->data};
    tfcc_block_release(&block);
    tensor->shape = NULL;
    tensor->data = NULL;
    tensor->capacity = 0;
}

/* ---- Tensors ---- */

/* The bytes of `rank` sizes; false where a size is negative or the product too large. */
static bool shape_bytes(const int64_t *shape, int32_t rank, size_t element, size_t *bytes) {
    bool fits = true, empty = false;
    size_t product = element;
    for (int32_t i = 0; i < rank; i++) {
        if (shape[i] < 0) return false;
        empty |= shape[i] == 0;
        fits &= !__builtin_mul_overflow(product, (uint64_t)shape[i], &product);
    }
    *bytes = empty ? 0 : product;
    return empty || (fits && product <= (size_t)1 << 62);
}

tfcc_status tfcc_tensor_check(const tfcc_tensor *tensor, tfcc_dtype dtype, const char *what,
                              const char *name, bool with_data, size_t *bytes) {
    if (tensor->dtype != dtype)
        return tfcc_fail(TFCC_INVALID_ARGUMENT, "%s '%s' has dtype %s; it was given %s", what, name,
                         tfcc_dtype_name(dtype), tfcc_dtype_name(tensor->dtype));
    if (tensor->rank < 0 || tensor->rank > TFCC_MAX_RANK)
        return tfcc_fail(TFCC_INVALID_ARGUMENT, "%s '%s' was given rank %d; ranks are 0 to %d",
                         what, name, (int)tensor->rank, TFCC_MAX_RANK);
    if (tensor->rank > 0 && tensor->shape == NULL)
        return tfcc_fail(TFCC_INVALID_ARGUMENT, "%s '%s' was given rank %d and no shape", what,
                         name, (int)tensor->rank);
    if (!shape_bytes(tensor->shape, tensor->rank, tfcc_dtype_size(dtype), bytes)) {
        char text[TFCC_SHAPE_TEXT];
        return tfcc_fail(TFCC_INVALID_ARGUMENT,
                         "%s '%s' was given the impossible shape %s: a size is negative, or the "
                         "product too large",
                         what, name, tfcc_shape_text(text, tensor->shape, tensor->rank));
    }
    if (!with_data) return TFCC_OK;
    if (tensor->data == NULL && *bytes > 0)
        return tfcc_fail(TFCC_INVALID_ARGUMENT, "%s '%s' was given no data for its %zu bytes", what,
                         name, *bytes);
    if (tensor->capacity != 0 && tensor->capacity < *bytes)
        return tfcc_fail(TFCC_INVALID_ARGUMENT,
                         "%s '%s' was given %zu bytes of data; its shape needs %zu", what, name,
                         tensor->capacity, *bytes);
    return TFCC_OK;
}

/* How many bytes there are at tensor->data. */
static tfcc_status result_room(const tfcc_tensor *tensor, const char *what, const char *name,
                               size_t *room) {
    *room = tensor->capacity;
    if (tensor->capacity != 0) return TFCC_OK;
    return tfcc_tensor_check(tensor, tensor->dtype, what, name, false, room);
}

tfcc_status tfcc_result_prepare(const tfcc_allocator *allocator, const tfcc_tensor *tensor,
                                const char *what, const char *name, tfcc_dtype dtype,
                                const int64_t *shape, int32_t rank, size_t bytes, tfcc_block *block,
                                void **data) {
    if (tensor->dtype != dtype)
        return tfcc_fail(TFCC_INVALID_ARGUMENT, "%s '%s' has dtype %s; it is asked for as %s", what,
                         name, tfcc_dtype_name(dtype), tfcc_dtype_name(tensor->dtype));
    if (tensor->data == NULL && tensor->shape == NULL) {
        TFCC_TRY(tfcc_block_obtain(allocator, bytes, block));
        *data = block->data;
        return TFCC_OK;
    }
    *data = tensor->data;
    char text[TFCC_SHAPE_TEXT];
    if (tensor->data == NULL && bytes > 0)
        return tfcc_fail(TFCC_INVALID_ARGUMENT,
                         "%s '%s' has shape %s, %zu bytes; it was given a shape and no data", what,
                         name, tfcc_shape_text(text, shape, rank), bytes);
    size_t room;
    TFCC_TRY(result_room(tensor, what, name, &room));
    if (bytes > room)
        return tfcc_fail(TFCC_INVALID_ARGUMENT,
                         "%s '%s' has shape %s, %zu bytes; there is room for %zu", what, name,
                         tfcc_shape_text(text, shape, rank), bytes, room);
    return TFCC_OK;
}

void tfcc_result_deliver(tfcc_tensor *tensor, const tfcc_block *block, const int64_t *shape,
                         int32_t rank, size_t bytes) {
    if (block->shape != NULL) {
        tensor->shape = block->shape;
        tensor->data = block->data;
        tensor->capacity = bytes;
    }
    tensor->rank = rank;
    if (tensor->shape != NULL && rank > 0)
        memcpy(tensor->shape, shape, (size_t)rank * sizeof *shape);
}
