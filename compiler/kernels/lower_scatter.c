/* lower_scatter.c: elements stored at places that are data: one store, which combines each update
 * with what is there, in row-major order of the updates.
 *
 * A kernel of its own checks the indices first; it is left out where they are constants inside
 * known sizes.
 */
#include "kernels/lower_index.h"

#include <string.h>

/* ---- rows of indices ---- */

/* y[indices[o.., 0], …, r..] combined with updates[o.., r..], where y holds `initial` before, or is
 * what an earlier kernel, `clear`, has stored. */
static void scatter_rows(LowerContext *c, Combiner combiner, Buffer *initial, Kernel *clear,
                         bool from_end) {
    Buffer *indices = lower_input(c, "indices"), *updates = lower_input(c, "updates"),
           *output = lower_output(c, 0);
    const Shape *shape = &output->type.shape;
    int depth = lower_row_depth(indices), outer = indices->type.shape.rank - 1;
    Dim axes[MAX_RANK], row[MAX_RANK];
    Kernel *k = lower_kernel_over(c, &updates->type.shape, axes);
    if (clear) kernel_add_after(k, clear);
    for (int d = 0; d < outer; d++) row[d] = axes[d];
    Scalar *index[MAX_RANK];
    for (int d = 0; d < shape->rank; d++) {
        if (d < depth) row[outer] = dim_constant(c->dims, d);
        index[d] = d < depth
                       ? lower_position(k, scalar_load(k, indices, row), shape->dims[d], from_end)
                       : scalar_index(k, axes[outer + d - depth]);
    }
    KernelOutput *store = kernel_store_at(k, output, index, scalar_load(k, updates, axes));
    store->combine = combiner;
    store->initial = initial;
}

/* Zeros, to which the updates are added. */
void lower_scatter_nd(LowerContext *c);
void lower_scatter_nd(LowerContext *c) {
    Buffer *output = lower_output(c, 0);
    lower_check_rows(c, lower_input(c, "indices"), &output->type.shape, 0, false, "shape");
    Dim axes[MAX_RANK];
    Kernel *clear = lower_kernel_over(c, &output->type.shape, axes);
    kernel_store(clear, output, scalar_integer(clear, output->type.dtype, 0));
    scatter_rows(c, dtype_is_bool(output->type.dtype) ? COMBINE_OR : COMBINE_ADD, NULL, clear,
                 false);
}

#define TENSOR_SCATTER(NAME, COMBINER)                                                             \
    void lower_tensor_scatter_nd_##NAME(LowerContext *c);                                          \
    void lower_tensor_scatter_nd_##NAME(LowerContext *c) {                                         \
        Buffer *tensor = lower_input(c, "tensor");                                                 \
        bool from_end = node_attribute_bool(c->node, "negative_indices");                          \
        lower_check_rows(c, lower_input(c, "indices"), &tensor->type.shape, 0, from_end, "shape"); \
        scatter_rows(c, COMBINER, tensor, NULL, from_end);                                         \
    }
TENSOR_SCATTER(update, COMBINE_STORE)
TENSOR_SCATTER(add, COMBINE_ADD)
TENSOR_SCATTER(sub, COMBINE_SUBTRACT)
TENSOR_SCATTER(mul, COMBINE_MULTIPLY)
TENSOR_SCATTER(max, COMBINE_MAXIMUM)
TENSOR_SCATTER(min, COMBINE_MINIMUM)

/* ---- elements along an axis ---- */

static Combiner reduction_of(LowerContext *c) {
    const char *word = node_attribute_word(c->node, "reduction");
    return strcmp(word, "add") == 0   ? COMBINE_ADD
           : strcmp(word, "mul") == 0 ? COMBINE_MULTIPLY
           : strcmp(word, "max") == 0 ? COMBINE_MAXIMUM
           : strcmp(word, "min") == 0 ? COMBINE_MINIMUM
                                      : COMBINE_STORE;
}

/* y[i.., indices[i.., j, k..], k..] combined with updates[i.., j, k..], y being data before. */
void lower_scatter_elements(LowerContext *c);
void lower_scatter_elements(LowerContext *c) {
    Buffer *data = lower_input(c, "data"), *indices = lower_input(c, "indices"),
           *output = lower_output(c, 0);
    int rank = data->type.shape.rank, along = lower_axis_attribute(c, rank);
    Dim axes[MAX_RANK], size = data->type.shape.dims[along];
    lower_check_indices(c, indices, size, true);
    Kernel *k = lower_kernel_over(c, &indices->type.shape, axes);
    Scalar *index[MAX_RANK];
    for (int d = 0; d < rank; d++) index[d] = scalar_index(k, axes[d]);
    index[along] = lower_position(k, scalar_load(k, indices, axes), size, true);
    KernelOutput *store =
        kernel_store_at(k, output, index, scalar_load(k, lower_input(c, "updates"), axes));
    store->combine = reduction_of(c);
    store->initial = data;
}

/* ---- variables ---- */

/* The variable's new value: the current one with updates[i.., r..] combined at [indices[i..], r..],
 * in the order of i. */
static void lower_scatter_variable(LowerContext *c, Combiner combiner) {
    Buffer *indices = lower_input(c, "indices"), *updates = lower_input(c, "updates");
    Value *value = c->node->outputs[0];
    const Shape *shape = &value->type.shape;
    lower_check_indices(c, indices, shape->dims[0], false);
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
