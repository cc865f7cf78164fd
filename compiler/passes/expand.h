/* expand.h: what the expansions of composed ops share.
 *
 * An op with an EXPANSION row in ops.def is a composition: expand_NAME writes it out in other ops,
 * as text with the names of its parameters (source/compose.h), and gives what stands for its first
 * output (expand_give what stands for others). Where the op is computed directly (as `where` is
 * with three arguments) it gives NULL and makes nothing.
 *
 *     Value *expand_l2_normalize(Composer *c, GraphNode *node, Graph *graph)
 *
 * A row whose shape rule is `composed` needs no rule of its own: its composition is written out
 * while the graph is inferred, and the types are those of what came out. NULL then means that an
 * error has been reported. Rows with a rule of their own are written out when all is inferred.
 *
 * What stands in front of the node is inferred, so types, known axes and known contents can be asked of the node's inputs.
 * Compositions may use other composed ops; these are expanded in their turn.
 */
#ifndef TFCC_PASSES_EXPAND_H
#define TFCC_PASSES_EXPAND_H

#include "graph/ops.h"
#include "source/compose.h"

/* The value stands for output `index` (not the first) of the node. */
void expand_give(Graph *graph, GraphNode *node, size_t index, Value *value);

#define OP(code, spelling, effects, shape, lowering, gradient, signature, meaning)
#define ALIAS(spelling, code)
#define EXPANSION(code, name) Value *expand_##name(Composer *c, GraphNode *node, Graph *graph);
#define LAYER(code, name, variables)
#include "graph/ops.def"
#undef OP
#undef ALIAS
#undef EXPANSION
#undef LAYER

#endif
