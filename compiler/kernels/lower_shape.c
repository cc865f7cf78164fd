/* lower_shape.c: sizes as tensors, tensors from sizes, and the same elements under another shape.
 */
#include "kernels/lower_index.h"
#include "kernels/scalar_internal.h"

static void store_over_output(LowerContext *c,
                              Scalar *(*element)(LowerContext *c, Kernel *k, const Dim *axes)) {
    Buffer *output = lower_output(c, 0);
    Dim axes[MAX_RANK];
    Kernel *kernel = lower_kernel_over(c, &output->type.shape, axes);
    kernel_store(kernel, output,
                 scalar_convert(kernel, output->type.dtype, element(c, kernel, axes)));
}

#define LOWERED_BY_ELEMENT(NAME)                                                                   \
    void lower_##NAME(LowerContext *c);                                                            \
    void lower_##NAME(LowerContext *c) {                                                           \
        store_over_output(c, NAME##_element);                                                      \
    }

/* ---- sizes ---- */

/* y[i] = size of dimension i; of an unknown rank r, of dimension 8 - r + i. */
static Scalar *shape_element(LowerContext *c, Kernel *k, const Dim *axes) {
    const Shape *shape = &lower_input_value(c, "input")->type.shape;
    Dim at = axes[0];
    if (shape->runtime_rank)
        at = dim_add(c->dims, at,
                     dim_subtract(c->dims, dim_constant(c->dims, MAX_RANK), shape->runtime_rank));
    Scalar *size = scalar_integer(k, TFCC_INT64, 0);
    for (int d = shape->rank; d-- > 0;) {
        Scalar *here = scalar_equal(k, scalar_index(k, at), scalar_integer(k, TFCC_INT64, d));
        Scalar *own = scalar_index(k, shape->dims[d]);
        size = d == shape->rank - 1 ? own : scalar_select(k, here, own, size);
    }
    return size;
}
LOWERED_BY_ELEMENT(shape)

static Scalar *size_element(LowerContext *c, Kernel *k, const Dim *axes) {
    (void)axes;
    return scalar_index(k,
                        shape_element_count(c->dims, &lower_input_value(c, "input")->type.shape));
}
LOWERED_BY_ELEMENT(size)

static Scalar *rank_element(LowerContext *c, Kernel *k, const Dim *axes) {
    (void)axes;
    const Shape *shape = &lower_input_value(c, "input")->type.shape;
    return scalar_index(k, shape->runtime_rank ? shape->runtime_rank
                                               : dim_constant(c->dims, shape->rank));
}
LOWERED_BY_ELEMENT(rank)

/* ---- the same elements ---- */

/* reshape, expand_dims, squeeze: the first parameter under the output's shape. */
void lower_reshape(LowerContext *c);
void lower_reshape(LowerContext *c) {
    lower_show(c, 0, c->node->inputs[0]->buffer);
}

void lower_identity(LowerContext *c);
void lower_identity(LowerContext *c) {
    lower_show(c, 0, lower_input(c, "input"));
}

void lower_bitcast(LowerContext *c);
void lower_bitcast(LowerContext *c) {
    lower_show(c, 0, lower_input(c, "input"));
}

static Scalar *broadcast_to_element(LowerContext *c, Kernel *k, const Dim *axes) {
    return lower_load_broadcast(k, lower_input(c, "input"), lower_output_shape(c, 0), axes);
}
LOWERED_BY_ELEMENT(broadcast_to)

/* ---- constants of a shape ---- */

static Scalar *zeros_element(LowerContext *c, Kernel *k, const Dim *axes) {
    (void)axes;
    return scalar_integer(k, c->node->outputs[0]->type.dtype, 0);
}
LOWERED_BY_ELEMENT(zeros)

static Scalar *ones_element(LowerContext *c, Kernel *k, const Dim *axes) {
    (void)axes;
    return scalar_integer(k, c->node->outputs[0]->type.dtype, 1);
}
LOWERED_BY_ELEMENT(ones)

void lower_zeros_like(LowerContext *c);
void lower_zeros_like(LowerContext *c) {
    lower_zeros(c);
}

void lower_ones_like(LowerContext *c);
void lower_ones_like(LowerContext *c) {
    lower_ones(c);
}

static Scalar *fill_element(LowerContext *c, Kernel *k, const Dim *axes) {
    return lower_load_broadcast(k, lower_input(c, "value"), lower_output_shape(c, 0), axes);
}
LOWERED_BY_ELEMENT(fill)

static Scalar *eye_element(LowerContext *c, Kernel *k, const Dim *axes) {
    int rank = lower_output_shape(c, 0)->rank;
    tfcc_dtype dtype = c->node->outputs[0]->type.dtype;
    Scalar *is_diagonal =
        scalar_equal(k, scalar_index(k, axes[rank - 2]), scalar_index(k, axes[rank - 1]));
    return scalar_select(k, is_diagonal, scalar_integer(k, dtype, 1), scalar_integer(k, dtype, 0));
}
LOWERED_BY_ELEMENT(eye)

/* y[i, j] = 1 where j - i = k. */
static Scalar *eye_like_element(LowerContext *c, Kernel *k, const Dim *axes) {
    tfcc_dtype dtype = c->node->outputs[0]->type.dtype;
    Dim diagonal = dim_constant(c->dims, node_attribute_integer(c->node, "k"));
    Scalar *is_diagonal = scalar_equal(k, scalar_index(k, axes[1]),
                                       scalar_index(k, dim_add(c->dims, axes[0], diagonal)));
    return scalar_convert(k, dtype, is_diagonal);
}
LOWERED_BY_ELEMENT(eye_like)

/* ---- sequences ---- */

static Scalar *load_scalar(LowerContext *c, Kernel *k, const char *parameter) {
    Buffer *buffer = lower_input(c, parameter);
    return buffer ? lower_widen(k, scalar_load(k, buffer, NULL)) : NULL;
}

/* y[i] = start + i * delta; a single argument is the limit, and the start 0. */
static Scalar *range_element(LowerContext *c, Kernel *k, const Dim *axes) {
    Scalar *start = load_scalar(c, k, "start"), *delta = load_scalar(c, k, "delta");
    bool has_limit = lower_input(c, "limit") != NULL;
    tfcc_dtype dtype = start->dtype;
    if (!has_limit) start = scalar_integer(k, dtype, 0);
    if (!delta) delta = scalar_integer(k, dtype, 1);
    return scalar_add(
        k, start, scalar_multiply(k, scalar_convert(k, dtype, scalar_index(k, axes[0])), delta));
}
LOWERED_BY_ELEMENT(range)

/* The element of `start` or `stop`, in the result's dtype, for all points along the new axis. */
static Scalar *linspace_end(LowerContext *c, Kernel *k, const char *parameter, int along,
                            const Dim *axes) {
    const Shape *output = lower_output_shape(c, 0);
    Shape ends = {.rank = output->rank - 1};
    Dim outer[MAX_RANK];
    for (int d = 0; d < ends.rank; d++) {
        ends.dims[d] = output->dims[d < along ? d : d + 1];
        outer[d] = axes[d < along ? d : d + 1];
    }
    Scalar *end = lower_load_broadcast(k, lower_input(c, parameter), &ends, outer);
    return lower_widen(k, scalar_convert(k, c->node->outputs[0]->type.dtype, end));
}

/* y[i] = start + i * (stop - start) / (num - 1), the last one exactly stop, an only one start. */
static Scalar *linspace_element(LowerContext *c, Kernel *k, const Dim *axes) {
    int64_t axis = node_attribute_integer(c->node, "axis");
    int along = (int)(axis < 0 ? axis + lower_output_shape(c, 0)->rank : axis);
    Scalar *start = linspace_end(c, k, "start", along, axes),
           *stop = linspace_end(c, k, "stop", along, axes);
    Dim one = dim_constant(c->dims, 1), last = dim_subtract(c->dims, axes[along]->size, one);
    Scalar *gaps =
        scalar_convert(k, start->dtype, scalar_index(k, dim_maximum(c->dims, last, one)));
    Scalar *step = scalar_divide(k, scalar_subtract(k, stop, start), gaps);
    Scalar *position = scalar_convert(k, start->dtype, scalar_index(k, axes[along]));
    Scalar *between = scalar_add(k, start, scalar_multiply(k, step, position));
    Scalar *is_last =
        scalar_and(k, scalar_equal(k, scalar_index(k, axes[along]), scalar_index(k, last)),
                   scalar_less(k, scalar_integer(k, TFCC_INT64, 0), scalar_index(k, last)));
    return scalar_select(k, is_last, stop, between);
}
LOWERED_BY_ELEMENT(linspace)

/* y[.., i, ..] = indices[.., ..] == i ? on : off, i along the new axis. */
static Scalar *one_hot_element(LowerContext *c, Kernel *k, const Dim *axes) {
    int rank = lower_output_shape(c, 0)->rank;
    int64_t attribute = node_attribute_integer(c->node, "axis");
    int along = (int)(attribute < 0 ? attribute + rank : attribute);
    tfcc_dtype dtype = c->node->outputs[0]->type.dtype;
    Dim index[MAX_RANK];
    for (int d = 0; d < rank - 1; d++) index[d] = axes[d < along ? d : d + 1];
    Scalar *hot =
        lower_position(k, scalar_load(k, lower_input(c, "indices"), index), axes[along]->size,
                       node_attribute_bool(c->node, "negative_indices"));
    Buffer *on = lower_input(c, "on_value"), *off = lower_input(c, "off_value");
    Scalar *on_value = on ? scalar_load(k, on, NULL) : scalar_integer(k, dtype, 1);
    Scalar *off_value = off ? scalar_load(k, off, NULL) : scalar_integer(k, dtype, 0);
    return scalar_select(k, scalar_equal(k, hot, scalar_index(k, axes[along])), on_value,
                         off_value);
}
LOWERED_BY_ELEMENT(one_hot)
