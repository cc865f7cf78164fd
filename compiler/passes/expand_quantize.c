/* expand_quantize.c: casts and quantization written out in other ops. */
#include "passes/expand.h"
#include "support/dtype.h"

Value *expand_cast_like(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    composer_bind_dtype(c, "dtype", node->outputs[0]->type.dtype);
    return compose(c, "cast(input, dtype, saturate=saturate)");
}
