/* expand_random.c: random ops that are made of uniform numbers. */
#include "passes/expand.h"
#include "support/dtype.h"

/* Narrow formats draw in float32, as fine as their probabilities may be. */
static tfcc_dtype drawn_dtype(tfcc_dtype dtype) {
    return dtype == TFCC_FLOAT64 ? dtype : TFCC_FLOAT32;
}

Value *expand_bernoulli(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    composer_bind_dtype(c, "drawn", drawn_dtype(node_input(node, "input")->type.dtype));
    composer_bind_dtype(c, "result", node->outputs[0]->type.dtype);
    return compose(c, "cast(random_uniform(shape(input), dtype=drawn, seed=seed) < "
                      "cast(input, drawn), result)");
}

/* Uniform numbers, each looked up in the sums of the probabilities. float64 keeps them below the
 * last sum, so that a class without probability is never met. */
Value *expand_random_categorical(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    composer_bind_dtype(c, "result", node->outputs[0]->type.dtype);
    compose_let(c, "wide", "cast(logits, float64)");
    compose_let(c, "sums", "cumsum(exp(wide - reduce_max(wide, -1, true)), axis=-1)");
    compose_let(c, "total", "reduce_max(sums, -1, true)");
    compose_let(c, "drawn",
                "random_uniform([shape(logits)[0], cast(num_samples, int32)], "
                "dtype=float64, seed=seed)");
    return compose(c, "searchsorted(sums, drawn * total, side=right, out_type=result)");
}

/* What is kept is scaled up, so that the mean stays. */
Value *expand_dropout(Composer *c, GraphNode *node, Graph *graph) {
    tfcc_dtype dtype = node_input(node, "x")->type.dtype;
    (void)graph;
    composer_bind_dtype(c, "dtype", dtype);
    composer_bind_dtype(c, "drawn", drawn_dtype(dtype));
    compose_let(c, "fraction", "cast(rate, drawn)");
    if (!composer_has(c, "noise_shape")) compose_let(c, "noise_shape", "shape(x)");
    compose_let(c, "kept", "random_uniform(noise_shape, dtype=drawn, seed=seed) >= fraction");
    compose_let(c, "dropped", "where(kept, x * cast(1 / (1 - fraction), dtype), cast(0, dtype))");
    return compose(c, composer_has(c, "training") ? "where(training, dropped, x)" : "dropped");
}
