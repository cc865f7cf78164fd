/* infer.c: settles every dtype and shape, and what is known of contents.
 *
 * Needs topological order. Nodes that rules add (converted numbers, counts) stand in front of the
 * nodes that need them; weak constants that have been converted are left for prune. What depends on
 * the run is left as requirements on the nodes. Inference also tells how many outputs a split has,
 * so fetches of such nodes are completed here: `name` is the first, `name:k` the others.
 */
#include "graph/infer.h"

#include "passes/passes.h"
#include <string.h>

static void add_output_fetches(Graph *graph, GraphNode *node, Map *known) {
    for (size_t k = 1; k < node->output_count; k++) {
        Value *value = node->outputs[k];
        if (!value->name) value->name = arena_format(graph->arena, "%s:%zu", node->name, k);
        value->is_fetchable = true;
        bool added;
        map_insert(known, value->name, strlen(value->name), &added);
        if (!added) continue;
        *ARENA_PUSH(graph->arena, graph->fetches, graph->fetch_count, graph->fetch_capacity) =
            (Fetch){.name = value->name, .node = node, .value = value};
    }
}

/* Fetches of nodes whose outputs were not counted when the graph was built stand there without a
 * value. */
static void complete_fetches(Graph *graph) {
    size_t count = graph->fetch_count;
    Map known = map_create(graph->arena);
    for (size_t k = 0; k < count; k++) map_set(&known, graph->fetches[k].name, graph);
    for (size_t k = 0; k < count; k++) {
        GraphNode *node = graph->fetches[k].node;
        const OpRow *row = node->row;
        bool is_list = row->output_count > 0 && row->outputs[row->output_count - 1].is_list;
        bool is_whole = node->name && strcmp(graph->fetches[k].name, node->name) == 0;
        if (!is_list || !is_whole || node->output_count == 0) continue;
        graph->fetches[k].value = node->outputs[0];
        node->outputs[0]->is_fetchable = true;
        add_output_fetches(graph, node, &known);
    }
}

bool pass_infer(Compilation *c) {
    if (!infer_graph(c->graph)) return false;
    complete_fetches(c->graph);
    return true;
}
