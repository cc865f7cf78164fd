/* prune.c: drops what no fetch, target, signature or initial value needs.
 *
 * Fetches hold the targets and signatures too. Feeds and variables stay whatever uses them: they
 * are the model's interface. A node needs its inputs, its `after` nodes, the predicates of its
 * guards, its variable, and the values whose contents its sizes depend on.
 */
#include "graph/infer.h"
#include "graph/ops.h"
#include "passes/passes.h"

typedef struct Pruning {
    Graph *graph;
    GraphNode **work;
    size_t count, capacity;
} Pruning;

static void need(Pruning *p, GraphNode *node) {
    if (node->mark) return;
    node->mark = 1;
    *ARENA_PUSH(p->graph->arena, p->work, p->count, p->capacity) = node;
}

static void need_symbol(void *context, Dim symbol) {
    if (symbol->symbol->kind == DIM_OF_VALUE)
        need(context, graph_resolve(symbol->symbol->value)->node);
}

static void need_dim(Pruning *p, Dim dim) {
    if (dim->kind != DIM_CONSTANT) dim_each_symbol(dim, need_symbol, p);
}

static void need_sizes(Pruning *p, const Value *value) {
    const Shape *shape = &value->type.shape;
    int64_t count;
    if (value->type.dtype == TFCC_NONE) return;
    for (int i = 0; i < shape->rank; i++) need_dim(p, shape->dims[i]);
    if (shape->runtime_rank) need_dim(p, shape->runtime_rank);
    if (!value->elements || !dim_is_constant(shape_element_count(p->graph->dims, shape), &count))
        return;
    for (int64_t i = 0; i < count; i++) need_dim(p, value->elements[i]);
}

static void need_all_of(Pruning *p, GraphNode *node) {
    for (size_t i = 0; i < node->input_count; i++) need(p, node->inputs[i]->node);
    for (size_t i = 0; i < node->after_count; i++) need(p, node->after[i]);
    for (const Guard *g = node->guard; g; g = g->outer) need(p, g->predicate->node);
    if (node->variable) need(p, node->variable->node);
    for (size_t i = 0; i < node->output_count; i++) need_sizes(p, node->outputs[i]);
    for (size_t i = 0; i < node->requirement_count; i++) {
        const Requirement *r = &node->requirements[i];
        need_dim(p, r->condition);
        for (size_t v = 0; v < r->value_count; v++) need_dim(p, r->values[v]);
    }
}

bool pass_prune(Compilation *c) {
    Graph *graph = c->graph;
    Pruning p = {.graph = graph};
    for (size_t i = 0; i < graph->node_count; i++) graph->nodes[i]->mark = 0;
    for (size_t i = 0; i < graph->fetch_count; i++) need(&p, graph->fetches[i].node);
    for (size_t i = 0; i < graph->feed_count; i++) need(&p, graph->feeds[i].value->node);
    for (size_t i = 0; i < graph->variable_count; i++) {
        need(&p, graph->variables[i]->node);
        need(&p, graph->variables[i]->initial->node);
    }
    while (p.count) need_all_of(&p, p.work[--p.count]);
    for (size_t i = 0; i < graph->node_count; i++)
        if (!graph->nodes[i]->mark) graph->nodes[i]->is_dead = true;
    graph_compact(graph);
    return true;
}
