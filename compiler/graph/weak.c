/* weak.c: numbers written in an expression take the dtype of their neighbours. */
#include "graph/rules.h"
#include "support/dtype.h"
#include "support/half.h"
#include <string.h>

static int64_t integer_at(const ConstantData *data, int64_t index) {
    if (data->dtype == TFCC_BOOL) return ((const uint8_t *)data->bytes)[index];
    return ((const int64_t *)data->bytes)[index];
}

static double number_at(const ConstantData *data, int64_t index) {
    return data->dtype == TFCC_FLOAT64 ? ((const double *)data->bytes)[index]
                                       : (double)integer_at(data, index);
}

static void store_float(const ConstantData *data, int64_t index, tfcc_dtype dtype, void *bytes) {
    char *at = (char *)bytes + (size_t)index * dtype_size(dtype);
    float whole = data->dtype == TFCC_INT64 ? (float)integer_at(data, index) : 0;
    if (dtype == TFCC_FLOAT32 && data->dtype == TFCC_INT64) /* rounded once */
        memcpy(at, &whole, sizeof whole);
    else
        float_element_store(dtype, at, number_at(data, index));
}

static bool integer_fits(int64_t number, tfcc_dtype dtype) {
    const DtypeInfo *info = dtype_info(dtype);
    return number >= info->minimum && (number < 0 || (uint64_t)number <= info->maximum);
}

static bool is_kind_for(const GraphNode *constant, tfcc_dtype dtype) {
    if (constant->constant->element_count == 0) return true;
    switch (constant->weak) {
    case WEAK_BOOL: return dtype_is_bool(dtype);
    case WEAK_INTEGER: return dtype_is_integer(dtype) || dtype_is_float(dtype);
    case WEAK_FLOAT: return dtype_is_float(dtype);
    case NOT_WEAK: break;
    }
    return false;
}

tfcc_dtype weak_default(const GraphNode *constant, uint64_t allowed) {
    static const tfcc_dtype order[] = {TFCC_BOOL,    TFCC_INT32,  TFCC_INT64,  TFCC_FLOAT32,
                                       TFCC_FLOAT64, TFCC_UINT64, TFCC_UINT32, TFCC_UINT8,
                                       TFCC_INT8,    TFCC_INT16,  TFCC_UINT16};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (!(allowed & dtype_bit(order[i])) || !is_kind_for(constant, order[i])) continue;
        /* An empty list has TensorFlow's default. */
        if (constant->constant->element_count == 0 && order[i] == TFCC_BOOL &&
            (allowed & dtype_bit(TFCC_FLOAT32)))
            return TFCC_FLOAT32;
        bool fits = true;
        for (int64_t k = 0;
             dtype_is_integer(order[i]) && fits && k < constant->constant->element_count; k++)
            fits = integer_fits(integer_at(constant->constant, k), order[i]);
        if (fits) return order[i];
    }
    return TFCC_NONE;
}

/* An error at the constant's place, in the words of the op that takes it. */
static const ConstantData *refuse(InferContext *c, const GraphNode *from, const char *sentence) {
    Place place = from->place.file ? from->place : c->node->place;
    diagnose_error(c->graph->diagnostics, place, "%s: %s", c->node->row->spelling, sentence);
    return NULL;
}

const ConstantData *weak_data(InferContext *c, const GraphNode *from, tfcc_dtype dtype) {
    const ConstantData *data = from->constant;
    Arena *arena = c->graph->arena;
    if (!is_kind_for(from, dtype)) {
        static const char *const kinds[] = {"", "a truth value", "a whole number",
                                            "a number with a fraction"};
        return refuse(c, from,
                      arena_format(arena,
                                   "%s is needed here, and %s does not convert to it by itself",
                                   dtype_name(dtype), kinds[from->weak]));
    }
    size_t size = dtype_size(dtype), count = (size_t)data->element_count;
    ConstantData *converted = arena_copy(arena, data, sizeof *data);
    void *bytes = arena_alloc_array(arena, count, size);
    for (int64_t i = 0; i < data->element_count; i++) {
        if (dtype_is_float(dtype)) {
            store_float(data, i, dtype, bytes);
            continue;
        }
        int64_t number = integer_at(data, i);
        if (!dtype_is_bool(dtype) && !integer_fits(number, dtype))
            return refuse(c, from,
                          arena_format(arena, "%lld does not fit %s, which goes from %lld to %llu",
                                       (long long)number, dtype_name(dtype),
                                       (long long)dtype_info(dtype)->minimum,
                                       (unsigned long long)dtype_info(dtype)->maximum));
        memcpy((char *)bytes + (size_t)i * size, &number,
               size); /* little-endian: the low bytes come first */
    }
    converted->origin = NULL;
    converted->dtype = dtype;
    converted->bytes = bytes;
    converted->size = count * size;
    return converted;
}

Value *weak_convert(InferContext *c, size_t input, tfcc_dtype dtype) {
    const GraphNode *from = c->node->inputs[input]->node;
    const ConstantData *data = weak_data(c, from, dtype);
    if (!data) return NULL;
    Value *value = graph_constant(c->graph, from->name ? c->node : from, data);
    value->node->place = from->place;
    return value;
}
