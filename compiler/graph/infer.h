/* infer.h: dtypes, shapes and contents of values from those of their inputs.
 *
 * `infer_graph` walks the nodes in topological order. For each it settles the dtypes by the letters
 * of the row's signature (weak numbers take the dtype of their letter; alone they are int32, int64
 * or float32), then calls the row's shape rule, which sets the type of every output, and its
 * contents where they are known as symbolic numbers. What cannot be told before the run becomes a
 * `Requirement`, an equality or inequality of Dims that the lowering of the node turns into a check
 * with a message.
 */
#ifndef TFCC_GRAPH_INFER_H
#define TFCC_GRAPH_INFER_H

#include "graph/ops.h"

/* `condition` must not be zero when the node is carried out; else the run fails with `message`,
 * whose %0, %1, … print `values`. */
typedef struct Requirement {
    GraphNode *node;
    Dim condition;
    const char *message;
    Dim values[16];
    size_t value_count;
} Requirement;

typedef struct InferContext {
    Graph *graph;
    GraphNode *node;
    DimTable *dims;
} InferContext;

/* Infers one node whose inputs have been inferred. False after a diagnostic; the outputs then have
 * dtype TFCC_NONE and poison silently. */
bool infer_node(Graph *graph, GraphNode *node);
/* The whole graph, in order. False when any node failed. */
bool infer_graph(Graph *graph);

/* The requirements of a node, in the order they were added. */
size_t infer_requirements(const Graph *graph, const GraphNode *node,
                          const Requirement **requirements);

#endif
