/* infer.c: settles every dtype and shape, and what is known of contents.
 *
 * Needs topological order. Nodes that rules add (converted numbers, counts) stand in front of the nodes that need them; weak
 * constants that have been converted are left for prune. What depends on the run is left as requirements on the nodes.
 */
#include "graph/infer.h"
#include "passes/passes.h"

bool pass_infer(Compilation *c) { return infer_graph(c->graph); }
