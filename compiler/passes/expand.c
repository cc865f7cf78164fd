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
    if (!node->composed)
        node->composed =
            arena_alloc_array(graph->arena, node->output_count, sizeof *node->composed);
    node->composed[index] = value;
}

typedef Value *Expand(Composer *composer, GraphNode *node, Graph *graph);

static Expand *const expansions[OP_COUNT] = {
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

/* Carries the expansion out: node->composed. False where there is none, or after a diagnostic. */
static bool write_out(Graph *graph, GraphNode *node) {
    Expand *expand = expansions[node->row->code];
    Composer *composer = expand ? composer_create(graph, node) : NULL;
    Value *first = expand ? expand(composer, node, graph) : NULL;
    if (!first) return false;
    expand_give(graph, node, 0, first);
    for (size_t k = 0; k < node->output_count; k++) {
        Value *value = node->composed[k];
        if (!value) return false;
        /* An input as it is: its node keeps a name of its own. */
        for (size_t i = 0; i < node->input_count; i++) {
            if (node->inputs[i] != value) continue;
            composer_bind(composer, "same", value);
            node->composed[k] = compose(composer, "identity(same)");
        }
    }
    return true;
}

bool shape_composed(InferContext *c) {
    Graph *graph = c->graph;
    GraphNode *node = c->node;
    node->composed = NULL;
    if (!write_out(graph, node)) return false;
    for (size_t k = 0; k < node->output_count; k++) {
        Value *output = node->outputs[k], *value = node->composed[k];
        output->type = value->type;
        if (!output->is_feedable) output->elements = value->elements;
    }
    return true;
}

/* What stands for the first output takes over everything else that the old node is. */
static void take_over(Graph *graph, GraphNode *old) {
    for (size_t k = 0; k < old->output_count; k++)
        graph_replace_value(graph, old->outputs[k], old->composed[k]);
    Value *value = graph_resolve(old->composed[0]);
    GraphNode *node = value->node;
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
    size_t first = graph->node_count;
    if (!node->composed && !write_out(graph, node)) {
        append(graph, node);
        return;
    }
    take_over(graph, node);
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
