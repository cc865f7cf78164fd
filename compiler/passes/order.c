/* order.c: puts the nodes into the order in which they are carried out, and says which value of a
 * variable each node reads.
 *
 * Needs a graph in the file's order; leaves it in topological order: data, `after`, predicates of
 * guards, and a variable's node in front of what uses it. Nodes that may come in any order keep the
 * file's; writes to one variable keep the file's order unless data or `after` say otherwise. A
 * cycle is an error that prints one.
 *
 * A node that `after` puts behind a write to a variable, directly or through what its `after` nodes
 * depend on, then reads that variable by a read_variable node instead of the variable's value at
 * the start of the run.
 */
#include "graph/ops.h"
#include "passes/passes.h"
#include <stdlib.h>
#include <string.h>

/* ---- What a node depends on ---- */

typedef void VisitNode(void *context, GraphNode *node);

static void each_predecessor(GraphNode *node, VisitNode *visit, void *context) {
    for (size_t i = 0; i < node->input_count; i++) visit(context, node->inputs[i]->node);
    for (size_t i = 0; i < node->after_count; i++) visit(context, node->after[i]);
    for (const Guard *g = node->guard; g; g = g->outer) visit(context, g->predicate->node);
    if (!node->variable) return;
    if (node->row->code == OP_VARIABLE) {
        visit(context, node->variable->initial->node);
        if (node->variable->sizes) visit(context, node->variable->sizes->node);
    } else {
        visit(context, node->variable->node);
    }
}

/* ---- Kahn's algorithm with the file's order as priority ---- */

typedef struct Ordering {
    Graph *graph;
    size_t count;
    GraphNode **nodes;       /* in the file's order; node->mark is the index */
    uint32_t *waiting;       /* how many predecessors are not done */
    uint32_t *first, *edges; /* successors of node k: edges[first[k]] … edges[first[k + 1]] */
    uint32_t current;        /* the node whose predecessors are visited */
    uint32_t *heap;
    size_t heap_count;
    bool *is_done, *is_held;
    uint32_t *visited; /* the walk that came by last */
    uint32_t walk;
    /* Writes of each variable in the file's order, and the first that is not done. */
    uint32_t *writes, *first_write, *next_write;
    GraphNode **ordered;
    size_t ordered_count;
} Ordering;

static void count_edge(void *context, GraphNode *from) {
    Ordering *o = context;
    o->waiting[o->current]++;
    o->first[from->mark + 1]++;
}

static void add_edge(void *context, GraphNode *from) {
    Ordering *o = context;
    o->edges[o->first[from->mark]++] = o->current;
}

static void push(Ordering *o, uint32_t node) {
    size_t at = o->heap_count++;
    for (; at > 0 && o->heap[(at - 1) / 2] > node; at = (at - 1) / 2)
        o->heap[at] = o->heap[(at - 1) / 2];
    o->heap[at] = node;
}

static uint32_t pop(Ordering *o) {
    uint32_t least = o->heap[0], last = o->heap[--o->heap_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= o->heap_count) break;
        if (child + 1 < o->heap_count && o->heap[child + 1] < o->heap[child]) child++;
        if (o->heap[child] >= last) break;
        o->heap[at] = o->heap[child];
        at = child;
    }
    o->heap[at] = last;
    return least;
}

static bool is_write(const GraphNode *node) {
    return (node->row->effects & WRITES) != 0;
}

static void build_edges(Ordering *o) {
    for (o->current = 0; o->current < o->count; o->current++)
        each_predecessor(o->nodes[o->current], count_edge, o);
    for (size_t i = 0; i < o->count; i++) o->first[i + 1] += o->first[i];
    o->edges = arena_alloc_array(o->graph->arena, o->first[o->count] + 1, sizeof *o->edges);
    for (o->current = 0; o->current < o->count; o->current++)
        each_predecessor(o->nodes[o->current], add_edge, o);
    /* add_edge moved every start to the next one's */
    memmove(o->first + 1, o->first, o->count * sizeof *o->first);
    o->first[0] = 0;
}

/* writes[first_write[v]] … writes[first_write[v + 1]]: the writes of variable v. */
static void collect_writes(Ordering *o) {
    size_t variables = o->graph->variable_count;
    o->first_write = arena_alloc_array(o->graph->arena, variables + 2, sizeof *o->first_write);
    o->next_write = arena_alloc_array(o->graph->arena, variables + 1, sizeof *o->next_write);
    for (size_t i = 0; i < o->count; i++)
        if (is_write(o->nodes[i])) o->first_write[o->nodes[i]->variable->number + 1]++;
    for (size_t v = 0; v < variables; v++) o->first_write[v + 1] += o->first_write[v];
    o->writes =
        arena_alloc_array(o->graph->arena, o->first_write[variables] + 1, sizeof *o->writes);
    memcpy(o->next_write, o->first_write, variables * sizeof *o->next_write);
    for (size_t i = 0; i < o->count; i++)
        if (is_write(o->nodes[i]))
            o->writes[o->next_write[o->nodes[i]->variable->number]++] = (uint32_t)i;
    memcpy(o->next_write, o->first_write, variables * sizeof *o->next_write);
}

/* The first write to the same variable, in the file's order, that is not done yet. */
static uint32_t first_open_write(Ordering *o, uint32_t write) {
    uint32_t *next = &o->next_write[o->nodes[write]->variable->number];
    while (o->is_done[o->writes[*next]]) ++*next;
    return o->writes[*next];
}

static void finish_node(Ordering *o, uint32_t index) {
    o->is_done[index] = true;
    o->ordered[o->ordered_count++] = o->nodes[index];
    for (uint32_t e = o->first[index]; e < o->first[index + 1]; e++)
        if (--o->waiting[o->edges[e]] == 0) push(o, o->edges[e]);
    if (!is_write(o->nodes[index])) return;
    /* The next write in the file's order may have been waiting for this one alone. */
    const Variable *v = o->nodes[index]->variable;
    if (o->ordered_count == o->count) return;
    uint32_t *next = &o->next_write[v->number], end = o->first_write[v->number + 1];
    while (*next < end && o->is_done[o->writes[*next]]) ++*next;
    if (*next < end && o->is_held[o->writes[*next]]) {
        o->is_held[o->writes[*next]] = false;
        push(o, o->writes[*next]);
    }
}

typedef struct OpenPredecessor {
    Ordering *ordering;
    uint32_t found;
} OpenPredecessor;

static void find_open(void *context, GraphNode *from) {
    OpenPredecessor *p = context;
    if (p->found == UINT32_MAX && !p->ordering->is_done[from->mark]) p->found = from->mark;
}

static uint32_t open_predecessor(Ordering *o, uint32_t index) {
    OpenPredecessor p = {o, UINT32_MAX};
    each_predecessor(o->nodes[index], find_open, &p);
    return p.found;
}

static void report_cycle(Ordering *o, uint32_t start) {
    /* `start` lies on the cycle: follow predecessors once around, then print in the order of the
     * data. */
    Text text = {.arena = o->graph->arena};
    uint32_t ring[12];
    size_t length = 0;
    uint32_t at = start;
    do {
        if (length < sizeof ring / sizeof ring[0]) ring[length] = at;
        length++;
        at = open_predecessor(o, at);
    } while (at != start);
    size_t shown = length < sizeof ring / sizeof ring[0] ? length : sizeof ring / sizeof ring[0];
    for (size_t i = shown; i-- > 0;)
        text_add_format(&text, "%s -> ",
                        escape_for_message(o->graph->arena, o->nodes[ring[i]]->label));
    if (shown < length) text_add(&text, "... -> ");
    text_add(&text, escape_for_message(o->graph->arena, o->nodes[ring[shown - 1]]->label));
    diagnose_error(o->graph->diagnostics, o->nodes[start]->place,
                   length == 1 ? "%s%s: a node needs itself"
                               : "%s%s: these nodes need each other in a cycle",
                   "", text.bytes);
    for (size_t i = 1; i < shown; i++)
        if (o->nodes[ring[i]]->name)
            diagnose_note(o->graph->diagnostics, o->nodes[ring[i]]->place, "%s is here",
                          escape_for_message(o->graph->arena, o->nodes[ring[i]]->label));
}

/* Nothing is ready: writes that wait for an earlier write of the file are in its way, or there is a
 * cycle. Lets the one write go on which the others wait; false after reporting a cycle. */
static bool release_one(Ordering *o) {
    uint32_t at = 0, target = UINT32_MAX, last_held = UINT32_MAX;
    while (o->is_done[at]) at++;
    o->walk++;
    for (;;) {
        if (o->is_held[at]) {
            uint32_t open = first_open_write(o, at);
            bool same_variable =
                target != UINT32_MAX && o->nodes[target]->variable == o->nodes[at]->variable;
            last_held = at;
            if (same_variable || o->visited[at] == o->walk) break;
            o->visited[at] = o->walk;
            at = target = open;
            continue;
        }
        if (o->visited[at] == o->walk) break;
        o->visited[at] = o->walk;
        at = open_predecessor(o, at);
    }
    if (last_held == UINT32_MAX) {
        report_cycle(o, at);
        return false;
    }
    o->is_held[last_held] = false;
    finish_node(o, last_held);
    return true;
}

static bool sort_nodes(Ordering *o) {
    for (uint32_t i = 0; i < o->count; i++)
        if (o->waiting[i] == 0) push(o, i);
    while (o->ordered_count < o->count) {
        if (o->heap_count == 0) {
            if (!release_one(o)) return false;
            continue;
        }
        uint32_t index = pop(o);
        if (is_write(o->nodes[index]) && first_open_write(o, index) != index) {
            o->is_held[index] = true;
            continue;
        }
        finish_node(o, index);
    }
    return true;
}

/* ---- Reads behind writes ---- */

typedef struct WriteBits {
    uint64_t *
        bits; /* by node->mark: variables first … first + 63 that it or what it depends on writes */
    uint64_t found;
} WriteBits;

static void join_bits(void *context, GraphNode *from) {
    WriteBits *w = context;
    w->found |= w->bits[from->mark];
}

/* A cond waits for what its branches do, which says nothing about what it reads itself. */
static bool is_inside(const GraphNode *node, const GraphNode *cond) {
    for (const Guard *g = node->guard; g && cond->row->code == OP_COND; g = g->outer)
        if (g->cond == cond) return true;
    return false;
}

/* For nodes with `after`: which variables of a group of 64 have been written before them by its
 * doing. */
static void find_late_reads(Graph *graph, uint32_t group, uint64_t *bits, uint64_t *late) {
    WriteBits w = {.bits = bits};
    for (size_t i = 0; i < graph->node_count; i++) {
        GraphNode *node = graph->nodes[i];
        uint64_t behind = 0;
        for (size_t k = 0; k < node->after_count; k++)
            if (!is_inside(node->after[k], node)) behind |= bits[node->after[k]->mark];
        late[i] = behind;
        w.found = 0;
        each_predecessor(node, join_bits, &w);
        if (is_write(node) && node->variable->number / 64 == group)
            w.found |= UINT64_C(1) << node->variable->number % 64;
        bits[i] = w.found;
    }
}

/* The node's inputs that are one variable's value at the start become a read behind the node's
 * `after`. */
static void read_late(Graph *graph, GraphNode *node, Variable *variable) {
    Value *start = variable->node->outputs[0], *current = NULL;
    for (size_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] != start) continue;
        if (!current) {
            GraphNode *read =
                graph_add_node(graph, op_row(OP_READ_VARIABLE), NULL, node, node->place);
            read->variable = variable;
            read->after = node->after;
            read->after_count = node->after_count;
            read->guard = node->guard;
            current = read->outputs[0];
        }
        node->inputs[i] = current;
    }
}

static void settle_reads(Graph *graph) {
    bool any_after = false, any_write = false;
    for (size_t i = 0; i < graph->node_count; i++) {
        graph->nodes[i]->mark = (uint32_t)i;
        any_after |= graph->nodes[i]->after_count > 0;
        any_write |= is_write(graph->nodes[i]);
    }
    if (!any_after || !any_write) return;
    size_t count = graph->node_count, groups = (graph->variable_count + 63) / 64;
    uint64_t *bits = arena_alloc_array(graph->arena, count, sizeof *bits);
    uint64_t **late = arena_alloc_array(graph->arena, groups, sizeof *late);
    for (size_t g = 0; g < groups; g++) {
        late[g] = arena_alloc_array(graph->arena, count, sizeof **late);
        find_late_reads(graph, (uint32_t)g, bits, late[g]);
    }
    GraphNode **nodes = graph->nodes;
    graph->nodes = NULL;
    graph->node_count = graph->node_capacity = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; nodes[i]->after_count && k < nodes[i]->input_count; k++) {
            GraphNode *from = nodes[i]->inputs[k]->node;
            if (from->row->code != OP_VARIABLE) continue;
            uint32_t number = from->variable->number;
            if (late[number / 64][i] >> number % 64 & 1) read_late(graph, nodes[i], from->variable);
        }
        *ARENA_PUSH(graph->arena, graph->nodes, graph->node_count, graph->node_capacity) = nodes[i];
    }
}

bool pass_order(Compilation *c) {
    Graph *graph = c->graph;
    size_t count = graph->node_count;
    Arena *arena = graph->arena;
    Ordering o = {.graph = graph, .count = count, .nodes = graph->nodes};
    for (size_t i = 0; i < count; i++) graph->nodes[i]->mark = (uint32_t)i;
    o.waiting = arena_alloc_array(arena, count + 1, sizeof *o.waiting);
    o.first = arena_alloc_array(arena, count + 2, sizeof *o.first);
    o.heap = arena_alloc_array(arena, count + 1, sizeof *o.heap);
    o.is_done = arena_alloc_array(arena, count + 1, sizeof *o.is_done);
    o.is_held = arena_alloc_array(arena, count + 1, sizeof *o.is_held);
    o.visited = arena_alloc_array(arena, count + 1, sizeof *o.visited);
    o.ordered = arena_alloc_array(arena, count + 1, sizeof *o.ordered);
    build_edges(&o);
    collect_writes(&o);
    if (!sort_nodes(&o)) return false;
    graph->nodes = o.ordered;
    graph->node_capacity = count;
    settle_reads(graph);
    return true;
}
