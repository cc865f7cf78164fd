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
