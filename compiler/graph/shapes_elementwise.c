/* shapes_elementwise.c: rules of ops that compute each element from the elements at the same place.
 */
#include "graph/rules.h"
#include "support/dtype.h"
#include <string.h>
#include <strings.h>

/* The shape of the first input. */
bool shape_same(InferContext *c) {
    set_shape(c, 0, c->node->inputs[0]->type.shape);
    return true;
}

bool shape_cast(InferContext *c) {
    return shape_same(c);
}

bool shape_like(InferContext *c) {
    return shape_same(c);
}

bool shape_same_with_axis(InferContext *c) {
    int axis;
    const Shape *shape = &c->node->inputs[0]->type.shape;
    Dim is_named[MAX_RANK], size;
    set_shape(c, 0, *shape);
    if (!need_rank(c, c->node->row->parameters[0].name, 1)) return false;
    if (!axis_is_known(c, "axis")) return need_axis_by_run(c, "axis", shape, is_named, &size);
    return need_axis(c, "axis", shape->rank, -1, &axis);
}

bool shape_same_with_axes(InferContext *c) {
    Dim is_named[MAX_RANK];
    size_t count;
    const Shape *shape = &c->node->inputs[0]->type.shape;
    set_shape(c, 0, *shape);
    if (!has_input(c, "axis")) return true;
    if (!need_rank(c, c->node->row->parameters[0].name, 0)) return false;
    return need_axes(c, "axis", shape->rank, is_named, &count);
}

bool shape_broadcast(InferContext *c) {
    Shape shape;
    if (!broadcast_shapes(c, &c->node->inputs[0]->type.shape, &c->node->inputs[1]->type.shape, 0, 1,
                          &shape))
        return false;
    set_shape(c, 0, shape);
    return true;
}

tfcc_dtype quotient_dtype(tfcc_dtype dtype) {
    if (dtype_is_float(dtype)) return dtype;
    return dtype_bits(dtype) < 32 ? TFCC_FLOAT32 : TFCC_FLOAT64;
}

bool shape_divide(InferContext *c) {
    if (!shape_broadcast(c)) return false;
    c->node->outputs[0]->type.dtype = quotient_dtype(c->node->inputs[0]->type.dtype);
    return true;
}

bool shape_leaky_relu(InferContext *c) {
    tfcc_dtype dtype = c->node->inputs[0]->type.dtype;
    set_type(c, 0, dtype_is_float(dtype) ? dtype : TFCC_FLOAT32, c->node->inputs[0]->type.shape);
    return true;
}

/* A larger element becomes a new last dimension of smaller ones; the other way round that dimension
 * goes. */
bool shape_bitcast(InferContext *c) {
    const Shape *input = input_shape(c, "input");
    int from = dtype_bits(c->node->inputs[0]->type.dtype),
        to = dtype_bits(c->node->outputs[0]->type.dtype);
    Shape shape = *input;
    if (from == to) {
        set_shape(c, 0, shape);
        return true;
    }
    if (!need_rank(c, "input", from < to ? 1 : 0)) return false;
    if (from > to) {
        if (shape.rank == MAX_RANK)
            return infer_error_text(c,
                                    "the result would have %d dimensions; a tensor has at most %d",
                                    MAX_RANK + 1, MAX_RANK);
        shape.dims[shape.rank++] = known(c, from / to);
    } else {
        Sentence s = sentence_begin(c);
        sentence_text(&s, "the last dimension has to be %d, for %d bits to become %d: ", to / from,
                      from, to);
        sentence_input(&s, c, 0);
        if (!infer_require(c, dim_equal(c->dims, shape.dims[shape.rank - 1], known(c, to / from)),
                           &s))
            return false;
        shape.rank--;
    }
    set_shape(c, 0, shape);
    return true;
}

bool shape_where(InferContext *c) {
    if (has_input(c, "x") != has_input(c, "y"))
        return infer_error_text(c, "x and y are given both or not at all");
    if (!has_input(c, "x")) {
        /* The indices of what is true: how many is known when they have been counted. */
        if (!need_rank(c, "condition", 0)) return false;
        const Shape *condition = input_shape(c, "condition");
        Dim count = infer_count_true(c, input_value(c, "condition"));
        if (!count) return false;
        set_type(c, 0, TFCC_INT64, (Shape){.rank = 2, .dims = {count, known(c, condition->rank)}});
        return true;
    }
    if (c->node->inputs[0]->type.dtype != TFCC_BOOL)
        return infer_error_at(c, 0, "%s is %s; it has to be bool where x and y are given",
                              input_text(c, 0), dtype_name(c->node->inputs[0]->type.dtype));
    Shape both, all;
    if (!broadcast_shapes(c, &c->node->inputs[1]->type.shape, &c->node->inputs[2]->type.shape, 1, 2,
                          &both))
        return false;
    if (!broadcast_shapes(c, &c->node->inputs[0]->type.shape, &both, 0, 1, &all)) return false;
    set_type(c, 0, c->node->inputs[1]->type.dtype, all);
    return true;
}

/* The other inputs stretch to the first, which keeps its shape. */
static bool stretch_to_first(InferContext *c) {
    const Shape *first = &c->node->inputs[0]->type.shape;
    for (size_t other = 1; other < c->node->input_count; other++) {
        Shape shape, merged;
        if (!broadcast_shapes(c, first, &c->node->inputs[other]->type.shape, 0, other, &shape))
            return false;
        if (!require_same_shape(c, first, &shape, 0, other, &merged)) return false;
    }
    set_shape(c, 0, *first);
    return true;
}

bool shape_clip_by_value(InferContext *c) {
    return stretch_to_first(c);
}

bool shape_prelu(InferContext *c) {
    return stretch_to_first(c);
}

bool shape_add_n(InferContext *c) {
    if (c->node->input_count == 0) return infer_error_text(c, "needs one input at least");
    Shape shape = c->node->inputs[0]->type.shape;
    for (size_t i = 1; i < c->node->input_count; i++) {
        Shape merged;
        if (!require_same_shape(c, &shape, &c->node->inputs[i]->type.shape, 0, i, &merged))
            return false;
        shape = merged;
    }
    set_shape(c, 0, shape);
    return true;
}

bool shape_bias_add(InferContext *c) {
    const char *format = node_attribute_word(c->node, "data_format");
    const Shape *value = input_shape(c, "value"), *bias = input_shape(c, "bias");
    if (!need_rank(c, "value", 2) || !need_exact_rank(c, "bias", 1)) return false;
    bool channels_first = strcasecmp(format, "NCHW") == 0 || strncasecmp(format, "NC", 2) == 0;
    if (!channels_first && strcasecmp(format, "NHWC") != 0 &&
        !(format[0] == 'N' && format[strlen(format) - 1] == 'C'))
        return infer_error_text(c, "data_format is '%s'; it has to be NHWC or NCHW", format);
    set_shape(c, 0, *value);
    return require_equal(c, value->dims[channels_first ? 1 : value->rank - 1], bias->dims[0],
                         "the bias has to have one element for every channel", 0, 1);
}
