/* expand_mask.c: what is chosen by a mask, as places counted before they are filled. */
#include "passes/expand.h"

/* Binds `indices` to the linear indices of what is true in `mask`, as int64: every true element
 * stores its index at the place that counting the true ones before it gives; all others store into
 * one more place, which is cut off. */
static void let_indices_of_true(Composer *c, Graph *graph, Dim count) {
    compose_let(c, "flat", "reshape(mask, [-1])");
    Value *total = compose_let(c, "total", "count_nonzero(mask)");
    /* The sizes of the graph speak of this number already. */
    total->elements = arena_copy(graph->arena, &count, sizeof count);
    compose_let(c, "before", "cumsum(cast(flat, int64), exclusive=true)");
    compose_let(c, "places", "expand_dims(where(flat, before, total), 1)");
    compose_let(c, "stored", "scatter_nd(places, range(size(flat, out_type=int64)), [total + 1])");
    compose_let(c, "indices", "slice(stored, [0], [total])");
}

Value *expand_boolean_mask(Composer *c, GraphNode *node, Graph *graph) {
    int rank = node_input(node, "tensor")->type.shape.rank;
    int width = node_input(node, "mask")->type.shape.rank;
    int axis = (int)node_attribute_integer(node, "axis");
    if (axis < 0) axis += rank;
    let_indices_of_true(c, graph, node->outputs[0]->type.shape.dims[axis]);
    if (width > 1) {
        /* The masked dimensions' product is known where they are; -1 would not do beside a size of
         * 0. */
        compose_let(c, "sizes", "shape(tensor)");
        compose_let(c, "masked", "[reduce_prod(slice(sizes, [%d], [%d]))]", axis, width);
        compose_let(c, "tensor",
                    "reshape(tensor, concat([slice(sizes, [0], [%d]), masked, "
                    "slice(sizes, [%d], [%d])], 0))",
                    axis, axis + width, rank - axis - width);
    }
    return compose(c, "gather(tensor, indices, axis=%d)", axis);
}

/* With one argument: the coordinates of linear index i, (i // (sizes behind k)) % size k, side by
 * side. */
Value *expand_where(Composer *c, GraphNode *node, Graph *graph) {
    if (node->input_count > 1) return NULL;
    Value *mask = node_input(node, "condition"), *columns[MAX_RANK];
    int rank = mask->type.shape.rank;
    composer_bind(c, "mask", mask);
    let_indices_of_true(c, graph, node->outputs[0]->type.shape.dims[0]);
    compose_let(c, "sizes", "shape(mask, out_type=int64)");
    for (int k = rank - 1; k >= 0; k--) {
        /* Where nothing is true a size may be 0; then nothing is divided either. */
        compose_let(c, "size", "reshape(slice(sizes, [%d], [1]), [])", k);
        columns[k] = compose(c, k ? "indices %% size" : "identity(indices)");
        if (k) compose_let(c, "indices", "indices // size");
    }
    composer_bind_list(c, "columns", columns, (size_t)rank);
    return compose(c, "stack(columns, axis=1)");
}
