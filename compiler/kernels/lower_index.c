/* lower_index.c: elements chosen by indices that are data: gather and its relatives, where.
 *
 * A kernel of its own checks the indices first; it is left out where they are constants inside
 * known sizes.
 */
#include "kernels/lower_index.h"

#include "kernels/scalar_evaluate.h"
#include <string.h>

int lower_axis_attribute(LowerContext *c, int rank) {
    int64_t axis = node_attribute_integer(c->node, "axis");
    return (int)(axis < 0 ? axis + rank : axis);
}

int lower_row_depth(const Buffer *indices) {
    int64_t depth = 0;
    if (indices->type.shape.rank > 0)
        dim_is_constant(indices->type.shape.dims[indices->type.shape.rank - 1], &depth);
    return (int)depth;
}

/* ---- checks of indices ---- */

/* `indices[%0,%1]`, or `indices` for a scalar, for the first `rank` dimensions. */
static void print_position(Text *text, int rank) {
    text_add(text, "indices");
    for (int k = 0; k < rank; k++) text_add_format(text, "%s%%%d", k == 0 ? "[" : ",", k);
    if (rank > 0) text_add_char(text, ']');
}

/* Whether all elements of a constant are in 0 … size - 1, or, counted from the end, in -size … -1.
 */
static bool constant_is_inside(const Buffer *indices, Dim size, bool from_end) {
    const ConstantData *data = buffer_root((Buffer *)indices)->constant;
    int64_t limit;
    if (!data || indices->is_feedable || buffer_root((Buffer *)indices)->is_feedable ||
        !dim_is_constant(size, &limit))
        return false;
    for (int64_t k = 0; k < data->element_count; k++) {
        int64_t index = bits_to_integer(data->dtype, bits_load(data->dtype, data->bytes, k));
        if (index < (from_end ? -limit : 0) || index >= limit) return false;
    }
    return true;
}

/* The smallest index of a dimension of that size. */
static Dim least_index(DimTable *dims, Dim size, bool from_end) {
    Dim zero = dim_constant(dims, 0);
    return from_end ? dim_subtract(dims, zero, size) : zero;
}

Scalar *lower_position(Kernel *k, Scalar *index, Dim size, bool from_end) {
    Scalar *position = scalar_convert(k, TFCC_INT64, index);
    if (!from_end || !dtype_is_signed(index->dtype)) return position;
    Scalar *is_negative = scalar_less(k, position, scalar_integer(k, TFCC_INT64, 0));
    return scalar_select(k, is_negative, scalar_add(k, position, scalar_index(k, size)), position);
}

void lower_check_indices(LowerContext *c, Buffer *indices, Dim size, bool from_end) {
    if (constant_is_inside(indices, size, from_end)) return;
    Kernel *k = lower_check_kernel(c);
    int rank = indices->type.shape.rank;
    Dim axes[MAX_RANK];
    kernel_add_axes(k, &indices->type.shape, axes);
    Scalar *values[MAX_RANK + 3], *limit = scalar_index(k, size);
    Scalar *least = scalar_index(k, least_index(c->dims, size, from_end));
    for (int d = 0; d < rank; d++) values[d] = scalar_index(k, axes[d]);
    Scalar *index = scalar_convert(k, TFCC_INT64, scalar_load(k, indices, axes));
    values[rank] = index;
    values[rank + 1] = least;
    values[rank + 2] = limit;
    Text text = {.arena = c->program->arena};
    print_position(&text, rank);
    text_add_format(&text, " = %%%d is not in [%%{%d}, %%{%d})", rank, rank + 1, rank + 2);
    kernel_check(k, scalar_in_range(k, index, least, limit), TFCC_INVALID_ARGUMENT,
                 lower_message(c, text.bytes), values, (size_t)rank + 3);
}

void lower_check_rows(LowerContext *c, Buffer *indices, const Shape *shape, int first,
                      bool from_end, const char *what) {
    int depth = lower_row_depth(indices);
    if (depth == 0) return;
    Kernel *k = lower_check_kernel(c);
    int outer = indices->type.shape.rank - 1;
    Shape rows = indices->type.shape;
    rows.rank = outer;
    Dim axes[MAX_RANK];
    kernel_add_axes(k, &rows, axes);
    Scalar *values[3 * MAX_RANK];
    size_t count = 0;
    for (int d = 0; d < outer; d++) values[count++] = scalar_index(k, axes[d]);
    Text text = {.arena = c->program->arena};
    print_position(&text, outer);
    text_add(&text, " = [");
    Scalar *holds = scalar_integer(k, TFCC_BOOL, 1);
    for (int d = 0; d < depth; d++) {
        axes[outer] = dim_constant(c->dims, d);
        Scalar *index = scalar_convert(k, TFCC_INT64, scalar_load(k, indices, axes));
        Scalar *limit = scalar_index(k, shape->dims[first + d]);
        Scalar *least = scalar_index(k, least_index(c->dims, shape->dims[first + d], from_end));
        holds = scalar_and(k, holds, scalar_in_range(k, index, least, limit));
        text_add_format(&text, "%s%%{%zu}", d == 0 ? "" : ", ", count);
        values[count++] = index;
    }
    text_add_format(&text, "] does not index into %s [", what);
    for (int d = first; d < shape->rank; d++) {
        text_add_format(&text, "%s%%{%zu}", d == first ? "" : ",", count);
        values[count++] = scalar_index(k, shape->dims[d]);
    }
    text_add_char(&text, ']');
    kernel_check(k, holds, TFCC_INVALID_ARGUMENT, lower_message(c, text.bytes), values, count);
}

/* ---- reading ---- */

/* y[p.., i.., q..] = params[p.., indices[i..], q..]; the first batch_dims of p are also the first
 * of indices. */
void lower_gather(LowerContext *c);
void lower_gather(LowerContext *c) {
    Buffer *params = lower_input(c, "params"), *indices = lower_input(c, "indices"),
           *output = lower_output(c, 0);
    int rank = params->type.shape.rank, index_rank = indices->type.shape.rank;
    int64_t attribute = node_attribute_integer(c->node, "batch_dims");
    int batch = (int)(attribute < 0 ? attribute + index_rank : attribute);
    int along = lower_axis(c, "axis", rank, batch);
    bool from_end = node_attribute_bool(c->node, "negative_indices");
    Dim size = params->type.shape.dims[along];
    lower_check_indices(c, indices, size, from_end);
    Dim axes[MAX_RANK], chosen[MAX_RANK];
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    for (int d = 0; d < index_rank; d++) chosen[d] = axes[d < batch ? d : along + d - batch];
    Scalar *index[MAX_RANK];
    for (int d = 0; d < rank; d++)
        index[d] = d == along ? lower_position(k, scalar_load(k, indices, chosen), size, from_end)
                              : scalar_index(k, axes[d < along ? d : d - 1 + index_rank - batch]);
    kernel_store(k, output, scalar_load_at(k, params, index));
}

/* y[i.., j, k..] = data[i.., indices[i.., j, k..], k..]. */
void lower_gather_elements(LowerContext *c);
void lower_gather_elements(LowerContext *c) {
    Buffer *data = lower_input(c, "data"), *indices = lower_input(c, "indices"),
           *output = lower_output(c, 0);
    int rank = data->type.shape.rank, along = lower_axis_attribute(c, rank);
    Dim axes[MAX_RANK], size = data->type.shape.dims[along];
    lower_check_indices(c, indices, size, true);
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    Scalar *index[MAX_RANK];
    for (int d = 0; d < rank; d++) index[d] = scalar_index(k, axes[d]);
    index[along] = lower_position(k, scalar_load(k, indices, axes), size, true);
    kernel_store(k, output, scalar_load_at(k, data, index));
}

/* y[b.., o.., r..] = params[b.., indices[b.., o.., 0], …, r..]. */
void lower_gather_nd(LowerContext *c);
void lower_gather_nd(LowerContext *c) {
    Buffer *params = lower_input(c, "params"), *indices = lower_input(c, "indices"),
           *output = lower_output(c, 0);
    int batch = (int)node_attribute_integer(c->node, "batch_dims"),
        depth = lower_row_depth(indices);
    int outer = indices->type.shape.rank - 1, rank = params->type.shape.rank;
    bool from_end = node_attribute_bool(c->node, "negative_indices");
    lower_check_rows(c, indices, &params->type.shape, batch, from_end, "param shape");
    Dim axes[MAX_RANK], row[MAX_RANK];
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    for (int d = 0; d < outer; d++) row[d] = axes[d];
    Scalar *index[MAX_RANK];
    for (int d = 0; d < rank; d++) {
        if (d >= batch && d < batch + depth) {
            row[outer] = dim_constant(c->dims, d - batch);
            index[d] = lower_position(k, scalar_load(k, indices, row), params->type.shape.dims[d],
                                      from_end);
        } else {
            index[d] = scalar_index(k, axes[d < batch ? d : d - batch - depth + outer]);
        }
    }
    kernel_store(k, output, scalar_load_at(k, params, index));
}
