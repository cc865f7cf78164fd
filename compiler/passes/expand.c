/* expand.c: writes composed ops out in others.
 *
 * Needs an inferred graph in order; every node whose op has an EXPANSION in ops.def gives way to
 * nodes of other ops, unless the expansion gives NULL. These are inferred as they are made and
 * stand in its place; the last of them takes over name, requirements and users. The expansions are
 * in the files expand_*.c.
 */
#include "passes/expand.h"

#include "graph/infer.h"
#include "passes/passes.h"
#include <assert.h>

void expand_give(Graph *graph, GraphNode *node, size_t index, Value *value) {
    graph_replace_value(graph, node->outputs[index], value);
}

static Value *(*const expansions[OP_COUNT])(Composer *, GraphNode *, Graph *) = {
#define OP(code, spelling, effects, shape, lowering, gradient, signature, meaning)
#define ALIAS(spelling, code)
#define EXPANSION(code, name) [OP_##code] = expand_##name,
#define LAYER(code, name, variables)
#include "graph/ops.def"
#undef OP
#undef ALIAS
#undef EXPANSION
#undef LAYER
};

/* The new node stands for the old one in every respect. */
static void take_over(Graph *graph, GraphNode *old, Value *value) {
    GraphNode *node = value->node;
    graph_replace_value(graph, old->outputs[0], value);
    for (size_t i = 0; i < old->requirement_count; i++) {
        Requirement *r = ARENA_PUSH(graph->arena, node->requirements, node->requirement_count,
                                    node->requirement_capacity);
        *r = old->requirements[i];
        r->node = node;
    }
    if (!node->name && old->output_count == 1) {
        node->name = old->name;
        node->label = old->label;
        value->name = old->outputs[0]->name;
        if (node->name) map_set(&graph->node_names, node->name, node);
    }
    old->is_dead = true;
}

static void append(Graph *graph, GraphNode *node) {
    *ARENA_PUSH(graph->arena, graph->nodes, graph->node_count, graph->node_capacity) = node;
}

/* Appends the node, or what it is written out in: compositions may use others. */
static void expand_node(Graph *graph, GraphNode *node) {
    for (size_t k = 0; k < node->input_count; k++) node->inputs[k] = graph_resolve(node->inputs[k]);
    Value *(*expand)(Composer *, GraphNode *, Graph *) = expansions[node->row->code];
    if (!expand) {
        append(graph, node);
        return;
    }
    size_t first = graph->node_count;
    uint32_t first_id = graph->next_id;
    Composer *composer = composer_create(graph, node);
    Value *value = expand(composer, node, graph);
    if (!value) {
        assert(diagnostics_error_count(graph->diagnostics) == 0 && "a composition has to fit");
        append(graph, node);
        return;
    }
    if (value->node->id < first_id) { /* an input as it is: its node keeps its own name */
        composer_bind(composer, "same", value);
        value = compose(composer, "identity(same)");
    }
    take_over(graph, node, value);
    size_t count = graph->node_count - first;
    GraphNode **made = arena_copy(graph->arena, graph->nodes + first, count * sizeof(GraphNode *));
    graph->node_count = first;
    for (size_t i = 0; i < count; i++) expand_node(graph, made[i]);
}

bool pass_expand(Compilation *c) {
    Graph *graph = c->graph;
    GraphNode **nodes = graph->nodes;
    size_t count = graph->node_count;
    graph->nodes = NULL;
    graph->node_count = graph->node_capacity = 0;
    for (size_t i = 0; i < count; i++) expand_node(graph, nodes[i]);
    graph_compact(graph);
    return true;
}
