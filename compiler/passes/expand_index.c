/* expand_index.c: ops that look up, written out in others. */
#include "passes/expand.h"

/* The indices of what is true, and what stands there. */
Value *expand_compress(Composer *c, GraphNode *node, Graph *graph) {
    bool has_axis = node_argument(node, "axis")->kind == ARGUMENT_INTEGER;
    (void)graph;
    if (!has_axis) compose_let(c, "input", "reshape(input, [-1])");
    if (!has_axis) composer_bind_integer(c, "axis", 0);
    return compose(c, "gather(input, squeeze(nonzero(condition), 0), axis=axis)");
}
