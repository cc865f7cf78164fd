/* expand_shape.c: arithmetic on shapes written out in other ops. */
#include "passes/expand.h"

/* The shorter one gets ones in front; a size that is 1 gives way to the other's. */
Value *expand_broadcast_dynamic_shape(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    int64_t count[2] = {0, 0};
    for (int k = 0; k < 2; k++) dim_is_constant(node->inputs[k]->type.shape.dims[0], &count[k]);
    int64_t longest = count[0] > count[1] ? count[0] : count[1];
    composer_bind_dtype(c, "dtype", node->outputs[0]->type.dtype);
    for (int k = 0; k < 2; k++) {
        const char *shape = k ? "shape_y" : "shape_x";
        if (count[k] == longest) continue;
        composer_bind_integer(c, "front", longest - count[k]);
        compose_let(c, shape, "concat([ones([front], dtype=dtype), %s], axis=0)", shape);
    }
    return compose(c, "where(equal(shape_x, 1), shape_y, shape_x)");
}
