/* expand_learning.c: tables of features, written out in other ops. */
#include "passes/expand.h"
#include "support/dtype.h"

/* The place of the last key that fits, or -1. */
Value *expand_label_encoder(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    tfcc_dtype key = node_input(node, "x")->type.dtype, value = node->outputs[0]->type.dtype;
    composer_bind_dtype(c, "dtype", value);
    compose_let(c, "column", "expand_dims(x, -1)");
    compose_let(c, "fits",
                dtype_is_float(key) ? "equal(column, keys) | (is_nan(column) & is_nan(keys))"
                                    : "equal(column, keys)");
    compose_let(c, "place", "reduce_max(where(fits, range(size(keys)), -1), axis=-1)");
    compose_let(c, "found", "gather(values, maximum(place, 0))");
    if (!composer_has(c, "default_value")) compose_let(c, "default_value", "zeros([], dtype)");
    return compose(c, "where(place >= 0, found, default_value)");
}
