/* feeds.c: gives everything that a run may feed a boundary of its own.
 *
 * Placeholders, variables and constants are boundaries already. Any other value that is listed in
 * `feeds` becomes the output of a new placeholder_with_default, whose input is what was computed
 * before; so all its users see sizes that a feed may change, and no pass looks through it. Stands
 * before inference, in the file's order.
 */
#include "graph/ops.h"
#include "passes/passes.h"

static bool is_boundary(OpCode code) {
    return code == OP_PLACEHOLDER || code == OP_PLACEHOLDER_WITH_DEFAULT || code == OP_VARIABLE ||
           code == OP_CONSTANT;
}

/* The new node takes over the Value object itself, so that every use follows; the computing node
 * gets another one. */
static void add_boundary(Graph *graph, Value *value) {
    GraphNode *inner = value->node;
    GraphNode *boundary =
        graph_add_node(graph, op_row(OP_PLACEHOLDER_WITH_DEFAULT), NULL, inner, inner->place);
    boundary->after = NULL; /* a fed value waits for nothing */
    boundary->after_count = 0;
    Value *computed = boundary->outputs[0];
    computed->node = inner;
    computed->index = value->index;
    inner->outputs[value->index] = computed;
    value->node = boundary;
    value->index = 0;
    boundary->outputs[0] = value;
    graph_add_input(graph, boundary, 0, computed, inner->place);
    if (inner->output_count == 1 && inner->name) {
        boundary->name = inner->name;
        boundary->label = inner->label;
        map_set(&graph->node_names, boundary->name, boundary);
        inner->name = NULL;
        inner->label = arena_format(graph->arena, "%s/computed", inner->label);
    } else if (value->name) {
        boundary->label = value->name;
    }
}

bool pass_feeds(Compilation *c) {
    Graph *graph = c->graph;
    for (size_t i = 0; i < graph->feed_count; i++) {
        Value *value = graph->feeds[i].value;
        value->is_feedable = true;
        if (!is_boundary(value->node->row->code)) add_boundary(graph, value);
    }
    for (size_t i = 0; i < graph->fetch_count; i++) {
        Fetch *fetch = &graph->fetches[i];
        if (fetch->value) fetch->node = fetch->value->node;
    }
    return true;
}
