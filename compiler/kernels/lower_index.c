/* lower_index.c: elements chosen by indices that are data: gather, scatter, where.
 *
 * A kernel of its own checks the indices first; it is left out where they are constants inside
 * known sizes.
 */
#include "kernels/lower.h"
#include "kernels/scalar_evaluate.h"
#include <string.h>

/* ---- checks of indices ---- */

/* `indices[%0,%1]`, or `indices` for a scalar, for the first `rank` dimensions. */
static void print_position(Text *text, int rank) {
    text_add(text, "indices");
    for (int k = 0; k < rank; k++) text_add_format(text, "%s%%%d", k == 0 ? "[" : ",", k);
    if (rank > 0) text_add_char(text, ']');
}

/* Whether all elements of a constant are in 0 … size - 1. */
static bool constant_is_inside(const Buffer *indices, Dim size) {
    const ConstantData *data = buffer_root((Buffer *)indices)->constant;
    int64_t limit;
    if (!data || indices->is_feedable || buffer_root((Buffer *)indices)->is_feedable ||
        !dim_is_constant(size, &limit))
        return false;
    for (int64_t k = 0; k < data->element_count; k++) {
        int64_t index = bits_to_integer(data->dtype, bits_load(data->dtype, data->bytes, k));
        if (index < 0 || index >= limit) return false;
    }
    return true;
}

/* Every index must be in 0 … size - 1. */
static void check_indices(LowerContext *c, Buffer *indices, Dim size) {
    if (constant_is_inside(indices, size)) return;
    Kernel *k = lower_check_kernel(c);
    int rank = indices->type.shape.rank;
    Dim axes[MAX_RANK];
    kernel_add_axes(k, &indices->type.shape, axes);
    Scalar *values[MAX_RANK + 2], *limit = scalar_index(k, size);
    for (int d = 0; d < rank; d++) values[d] = scalar_index(k, axes[d]);
    Scalar *index = scalar_convert(k, TFCC_INT64, scalar_load(k, indices, axes));
    values[rank] = index;
    values[rank + 1] = limit;
    Text text = {.arena = c->program->arena};
    print_position(&text, rank);
    text_add_format(&text, " = %%%d is not in [0, %%{%d})", rank, rank + 1);
    kernel_check(k, scalar_in_range(k, index, scalar_integer(k, TFCC_INT64, 0), limit),
                 TFCC_INVALID_ARGUMENT, lower_message(c, text.bytes), values, (size_t)rank + 2);
}

/* Every row of `depth` indices must lie inside the first dimensions of `shape` from `first` on. */
static void check_rows(LowerContext *c, Buffer *indices, int depth, const Shape *shape, int first,
                       const char *what) {
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
        holds = scalar_and(k, holds,
                           scalar_in_range(k, index, scalar_integer(k, TFCC_INT64, 0), limit));
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
    check_indices(c, indices, params->type.shape.dims[along]);
    Dim axes[MAX_RANK], chosen[MAX_RANK];
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    for (int d = 0; d < index_rank; d++) chosen[d] = axes[d < batch ? d : along + d - batch];
    Scalar *index[MAX_RANK];
    for (int d = 0; d < rank; d++)
        index[d] = d == along ? scalar_convert(k, TFCC_INT64, scalar_load(k, indices, chosen))
                              : scalar_index(k, axes[d < along ? d : d - 1 + index_rank - batch]);
    kernel_store(k, output, scalar_load_at(k, params, index));
}

/* How many indices a row of the last dimension has. */
static int row_depth(const Buffer *indices) {
    int64_t depth = 0;
    if (indices->type.shape.rank > 0)
        dim_is_constant(indices->type.shape.dims[indices->type.shape.rank - 1], &depth);
    return (int)depth;
}

/* y[b.., o.., r..] = params[b.., indices[b.., o.., 0], …, r..]. */
void lower_gather_nd(LowerContext *c);
void lower_gather_nd(LowerContext *c) {
    Buffer *params = lower_input(c, "params"), *indices = lower_input(c, "indices"),
           *output = lower_output(c, 0);
    int batch = (int)node_attribute_integer(c->node, "batch_dims"), depth = row_depth(indices);
    int outer = indices->type.shape.rank - 1, rank = params->type.shape.rank;
    if (depth > 0) check_rows(c, indices, depth, &params->type.shape, batch, "param shape");
    Dim axes[MAX_RANK], row[MAX_RANK];
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    for (int d = 0; d < outer; d++) row[d] = axes[d];
    Scalar *index[MAX_RANK];
    for (int d = 0; d < rank; d++) {
        if (d >= batch && d < batch + depth) {
            row[outer] = dim_constant(c->dims, d - batch);
            index[d] = scalar_convert(k, TFCC_INT64, scalar_load(k, indices, row));
        } else {
            index[d] = scalar_index(k, axes[d < batch ? d : d - batch - depth + outer]);
        }
    }
    kernel_store(k, output, scalar_load_at(k, params, index));
}

/* ---- writing ---- */

/* Zeros, then one store that adds for each element of updates: y[indices[o..], r..] += updates[o..,
 * r..]. */
void lower_scatter_nd(LowerContext *c);
void lower_scatter_nd(LowerContext *c) {
    Buffer *indices = lower_input(c, "indices"), *updates = lower_input(c, "updates"),
           *output = lower_output(c, 0);
    int depth = row_depth(indices), outer = indices->type.shape.rank - 1,
        rank = output->type.shape.rank;
    if (depth > 0) check_rows(c, indices, depth, &output->type.shape, 0, "shape");
    Dim axes[MAX_RANK], row[MAX_RANK];
    Kernel *clear = lower_kernel_over(c, &output->type.shape, axes);
    kernel_store(clear, output, scalar_integer(clear, output->type.dtype, 0));
    Kernel *k = lower_kernel_over(c, &updates->type.shape, axes);
    kernel_add_after(k, clear);
    for (int d = 0; d < outer; d++) row[d] = axes[d];
    Scalar *index[MAX_RANK];
    for (int d = 0; d < rank; d++) {
        if (d < depth) row[outer] = dim_constant(c->dims, d);
        index[d] = d < depth ? scalar_convert(k, TFCC_INT64, scalar_load(k, indices, row))
                             : scalar_index(k, axes[outer + d - depth]);
    }
    KernelOutput *store = kernel_store_at(k, output, index, scalar_load(k, updates, axes));
    store->combine = dtype_is_bool(output->type.dtype) ? COMBINE_OR : COMBINE_ADD;
}

/* The variable's new value: the current one with updates[i.., r..] combined at [indices[i..], r..],
 * in the order of i. */
static void lower_scatter_variable(LowerContext *c, Combiner combiner) {
    Buffer *indices = lower_input(c, "indices"), *updates = lower_input(c, "updates");
    Value *value = c->node->outputs[0];
    const Shape *shape = &value->type.shape;
    check_indices(c, indices, shape->dims[0]);
    Buffer *current = lower_variable_buffer(c, TFCC_ABI_CURRENT, value->type);
    Buffer *write = lower_write(c);
    int outer = indices->type.shape.rank;
    Shape points = {.rank = outer + shape->rank - 1};
    for (int d = 0; d < points.rank; d++)
        points.dims[d] = d < outer ? indices->type.shape.dims[d] : shape->dims[d - outer + 1];
    Dim axes[MAX_RANK];
    Kernel *k = lower_kernel_over(c, &points, axes);
    Scalar *index[MAX_RANK] = {scalar_convert(k, TFCC_INT64, scalar_load(k, indices, axes))};
    for (int d = 1; d < shape->rank; d++) index[d] = scalar_index(k, axes[outer + d - 1]);
    KernelOutput *store =
        kernel_store_at(k, write, index, lower_load_broadcast(k, updates, &points, axes));
    store->combine = combiner;
    store->initial = current;
}

void lower_scatter_update(LowerContext *c);
void lower_scatter_update(LowerContext *c) {
    lower_scatter_variable(c, COMBINE_STORE);
}

void lower_scatter_add(LowerContext *c);
void lower_scatter_add(LowerContext *c) {
    lower_scatter_variable(c, COMBINE_ADD);
}

void lower_scatter_sub(LowerContext *c);
void lower_scatter_sub(LowerContext *c) {
    lower_scatter_variable(c, COMBINE_SUBTRACT);
}

/* ---- where ---- */

/* z[i] = condition[i] ? x[i] : y[i]; the form with one input has been expanded. */
void lower_where(LowerContext *c);
void lower_where(LowerContext *c) {
    Buffer *output = lower_output(c, 0);
    const Shape *shape = &output->type.shape;
    Dim axes[MAX_RANK];
    Kernel *k = lower_kernel_over(c, shape, axes);
    Scalar *condition = lower_load_broadcast(k, lower_input(c, "condition"), shape, axes);
    Scalar *x = lower_load_broadcast(k, lower_input(c, "x"), shape, axes);
    Scalar *y = lower_load_broadcast(k, lower_input(c, "y"), shape, axes);
    kernel_store(k, output, scalar_select(k, condition, x, y));
}
