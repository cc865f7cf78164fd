/* expand_arithmetic.c: divisions and statistics written out in other ops. */
#include "passes/expand.h"
#include "support/dtype.h"

/* True division of integers happens in floating point. */
Value *expand_divide(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    if (dtype_is_float(node->inputs[0]->type.dtype)) return NULL;
    composer_bind_dtype(c, "dtype", node->outputs[0]->type.dtype);
    return compose(c, "divide(cast(x, dtype), cast(y, dtype))");
}

Value *expand_leaky_relu(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    if (dtype_is_float(node->inputs[0]->type.dtype)) return NULL;
    return compose(c, "leaky_relu(cast(features, float32), alpha)");
}

Value *expand_reduce_std(Composer *c, GraphNode *node, Graph *graph) {
    (void)node, (void)graph;
    return compose(c, "sqrt(reduce_variance(input_tensor, axis=axis, keepdims=keepdims))");
}

Value *expand_l2_normalize(Composer *c, GraphNode *node, Graph *graph) {
    (void)node, (void)graph;
    return compose(c,
                   "x * rsqrt(maximum(reduce_sum(square(x), axis=axis, keepdims=true), epsilon))");
}

/* Where the run gives the axis: along the first, with which it changes places. One that is out of
 * range is the node's own failure, so it is brought inside here. */
static Value *cumulative(Composer *c, GraphNode *node, Graph *graph, const char *op) {
    Value *axis = node_input(node, "axis");
    const int64_t *numbers;
    size_t count;
    if (!axis || value_known_integers(graph->arena, axis, &numbers, &count)) return NULL;
    composer_bind_integer(c, "rank", node_input(node, "x")->type.shape.rank);
    compose_let(c, "axis", "reshape(axis, [])");
    compose_let(c, "axis", "where(axis < 0, axis + rank, axis)");
    compose_let(c, "axis", "cast(clip_by_value(axis, 0, rank - 1), int32)");
    compose_let(c, "k", "range(rank)");
    compose_let(c, "perm", "where(equal(k, 0), axis, where(equal(k, axis), 0, k))");
    compose_let(c, "y", "%s(transpose(x, perm), axis=0, exclusive=exclusive, reverse=reverse)", op);
    return compose(c, "reshape(transpose(y, perm), shape(x))");
}

Value *expand_cumsum(Composer *c, GraphNode *node, Graph *graph) {
    return cumulative(c, node, graph, "cumsum");
}

Value *expand_cumprod(Composer *c, GraphNode *node, Graph *graph) {
    return cumulative(c, node, graph, "cumprod");
}

/* The mean, and the mean of the squared distance to it; 16-bit formats are computed in float32, as
 * in TensorFlow. */
Value *expand_moments(Composer *c, GraphNode *node, Graph *graph) {
    tfcc_dtype dtype = node_input(node, "x")->type.dtype;
    composer_bind_dtype(c, "dtype", dtype);
    if (dtype_bits(dtype) == 16) compose_let(c, "x", "cast(x, float32)");
    compose_let(c, "mean", "reduce_mean(x, axes, keepdims=true)");
    expand_give(graph, node, 1,
                compose(c,
                        "cast(reduce_mean(squared_difference(x, mean), axes, keepdims=keepdims), "
                        "dtype)"));
    return compose(c, "cast(reduce_mean(x, axes, keepdims=keepdims), dtype)");
}
