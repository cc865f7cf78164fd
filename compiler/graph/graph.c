/* graph.c: making graphs and changing them. */
#include "graph/graph.h"

#include "graph/infer.h"
#include "graph/ops.h"
#include <assert.h>
#include <string.h>

Graph *graph_create(Arena *arena, Diagnostics *diagnostics, const char *name) {
    Graph *graph = arena_alloc(arena, sizeof *graph);
    graph->arena = arena;
    graph->diagnostics = diagnostics;
    graph->dims = dim_table_create(arena);
    graph->name = name;
    graph->names = map_create(arena);
    graph->node_names = map_create(arena);
    return graph;
}

Value *graph_add_output(Graph *graph, GraphNode *node) {
    size_t capacity = node->output_count;
    Value **outputs =
        arena_grow(graph->arena, node->outputs, &capacity, node->output_count + 1, sizeof *outputs);
    Value *value = arena_alloc(graph->arena, sizeof *value);
    value->node = node;
    value->index = (int)node->output_count;
    node->outputs = outputs;
    node->outputs[node->output_count++] = value;
    return value;
}

GraphNode *graph_add_node(Graph *graph, const OpRow *row, const char *name, const GraphNode *owner,
                          Place place) {
    GraphNode *node = arena_alloc(graph->arena, sizeof *node);
    node->row = row;
    node->id = graph->next_id++;
    node->name = name;
    node->place = place;
    if (name) {
        node->label = name;
        map_set(&graph->node_names, name, node);
    } else if (owner) {
        /* Parts of parts belong to the named node all the same, so labels do not grow with the
         * depth of an expression. */
        const char *root = owner->label;
        size_t length = strlen(root);
        if (!owner->name && strrchr(root, '/')) length = (size_t)(strrchr(root, '/') - root);
        node->label = arena_format(graph->arena, "%.*s/%s", (int)length, root, row->spelling);
        node->guard = owner->guard;
        node->after = owner->after;
        node->after_count = owner->after_count;
    } else {
        node->label = row->spelling;
    }
    node->arguments =
        arena_alloc_array(graph->arena, row->parameter_count, sizeof *node->arguments);
    for (size_t i = 0; i < row->parameter_count; i++)
        if (row->parameters[i].kind == PARAMETER_ATTRIBUTE)
            node->arguments[i] = row->parameters[i].value;
    for (size_t i = 0; i < row->output_count; i++)
        if (!row->outputs[i].is_list) graph_add_output(graph, node);
    *ARENA_PUSH(graph->arena, graph->nodes, graph->node_count, graph->node_capacity) = node;
    return node;
}

void graph_add_input(Graph *graph, GraphNode *node, size_t parameter, Value *input, Place place) {
    Argument *argument = &node->arguments[parameter];
    if (argument->kind == ARGUMENT_ABSENT) {
        argument->kind = ARGUMENT_INPUTS;
        argument->first = node->input_count;
        argument->place = place;
    }
    assert(argument->kind == ARGUMENT_INPUTS &&
           argument->first + argument->count == node->input_count);
    size_t input_capacity = node->input_count, place_capacity = node->input_count;
    /* Powers of two grow in place; between them the array already has room. */
    if ((node->input_count & (node->input_count - 1)) == 0) {
        node->inputs =
            arena_grow(graph->arena, node->inputs, &input_capacity,
                       node->input_count ? node->input_count * 2 : 1, sizeof *node->inputs);
        node->input_places =
            arena_grow(graph->arena, node->input_places, &place_capacity,
                       node->input_count ? node->input_count * 2 : 1, sizeof *node->input_places);
    }
    node->inputs[node->input_count] = input;
    node->input_places[node->input_count++] = place;
    argument->count++;
}

void graph_empty_list(GraphNode *node, size_t parameter) {
    node->arguments[parameter] = (Argument){.kind = ARGUMENT_INPUTS, .first = node->input_count};
}

void graph_add_after(Graph *graph, GraphNode *node, GraphNode *before) {
    for (size_t i = 0; i < node->after_count; i++)
        if (node->after[i] == before) return;
    GraphNode **after = arena_alloc_array(graph->arena, node->after_count + 1, sizeof *after);
    if (node->after_count) memcpy(after, node->after, node->after_count * sizeof *after);
    after[node->after_count++] = before;
    node->after = after;
}

Value *graph_output(Graph *graph, GraphNode *node, size_t index) {
    const OpRow *row = node->row;
    bool is_open =
        row->output_count > 0 && row->outputs[row->output_count - 1].is_list && index < (1u << 16);
    if (index >= node->output_count && !is_open) return NULL;
    while (node->output_count <= index) graph_add_output(graph, node);
    return node->outputs[index];
}

Guard *graph_add_guard(Graph *graph, Guard *outer, Value *predicate, bool wanted) {
    Guard *guard = arena_alloc(graph->arena, sizeof *guard);
    guard->outer = outer;
    guard->predicate = predicate;
    guard->wanted = wanted;
    *ARENA_PUSH(graph->arena, graph->guards, graph->guard_count, graph->guard_capacity) = guard;
    return guard;
}

Variable *graph_add_variable(Graph *graph, const char *name, GraphNode *node) {
    Variable *variable = arena_alloc(graph->arena, sizeof *variable);
    variable->name = name;
    variable->number = (uint32_t)graph->variable_count;
    variable->node = node;
    node->variable = variable;
    *ARENA_PUSH(graph->arena, graph->variables, graph->variable_count, graph->variable_capacity) =
        variable;
    return variable;
}

Value *graph_apply(Graph *graph, const GraphNode *owner, const char *op, Value *const *inputs,
                   size_t input_count) {
    const OpRow *row = op_find(op);
    assert(row);
    GraphNode *node = graph_add_node(graph, row, NULL, owner, owner->place);
    size_t input = 0;
    for (size_t p = 0; p < row->parameter_count && input < input_count; p++) {
        if (row->parameters[p].kind == PARAMETER_TENSOR) {
            graph_add_input(graph, node, p, inputs[input++], owner->place);
        } else if (row->parameters[p].kind == PARAMETER_TENSOR_LIST) {
            while (input < input_count)
                graph_add_input(graph, node, p, inputs[input++], owner->place);
        }
    }
    assert(input == input_count);
    return graph_settle_node(graph, node) && node->output_count ? node->outputs[0] : NULL;
}

bool graph_settle_node(Graph *graph, GraphNode *node) {
    size_t at = graph->node_count - 1;
    while (graph->nodes[at] != node) at--;
    memmove(graph->nodes + at, graph->nodes + at + 1,
            (graph->node_count - at - 1) * sizeof *graph->nodes);
    graph->node_count--;
    bool done = infer_node(graph, node);
    *ARENA_PUSH(graph->arena, graph->nodes, graph->node_count, graph->node_capacity) = node;
    return done;
}

Value *graph_constant(Graph *graph, const GraphNode *owner, const ConstantData *data) {
    Place nowhere = {0};
    GraphNode *node =
        graph_add_node(graph, op_row(OP_CONSTANT), NULL, owner, owner ? owner->place : nowhere);
    node->constant = data;
    /* A constant needs no condition and waits for nothing. */
    node->guard = NULL;
    node->after = NULL;
    node->after_count = 0;
    infer_node(graph, node);
    return node->outputs[0];
}

Value *graph_constant_integers(Graph *graph, const GraphNode *owner, const int64_t *numbers,
                               int count) {
    size_t elements = count < 0 ? 1 : (size_t)count;
    bool is_wide = false;
    for (size_t i = 0; i < elements; i++)
        is_wide |= numbers[i] < INT32_MIN || numbers[i] > INT32_MAX;
    ConstantData *data = arena_alloc(graph->arena, sizeof *data);
    data->dtype = is_wide ? TFCC_INT64 : TFCC_INT32;
    data->rank = count < 0 ? 0 : 1;
    data->dims[0] = count < 0 ? 0 : count;
    data->element_count = (int64_t)elements;
    if (is_wide) {
        data->size = elements * sizeof(int64_t);
        data->bytes = arena_copy(graph->arena, numbers, data->size);
    } else {
        int32_t *narrow = arena_alloc_array(graph->arena, elements, sizeof *narrow);
        for (size_t i = 0; i < elements; i++) narrow[i] = (int32_t)numbers[i];
        data->size = elements * sizeof *narrow;
        data->bytes = narrow;
    }
    return graph_constant(graph, owner, data);
}

/* ---- Replacement ---- */

Value *graph_resolve(Value *value) {
    if (!value || !value->replacement) return value;
    Value *last = value;
    while (last->replacement) last = last->replacement;
    while (value->replacement) { /* later questions take one step */
        Value *next = value->replacement;
        value->replacement = last;
        value = next;
    }
    return last;
}

void graph_replace_value(Graph *graph, Value *old, Value *replacement) {
    (void)graph;
    old = graph_resolve(old);
    replacement = graph_resolve(replacement);
    if (old == replacement) return;
    assert(!old->is_feedable);
    replacement->is_fetchable |= old->is_fetchable;
    if (!replacement->elements) replacement->elements = old->elements;
    old->replacement = replacement;
}

/* The node that stands for a replaced one in `after` lists, or NULL where nothing is left to wait
 * for. */
static GraphNode *resolve_node(GraphNode *node) {
    if (!node->is_dead) return node;
    for (size_t i = 0; i < node->output_count; i++)
        if (node->outputs[i]->replacement) return graph_resolve(node->outputs[i])->node;
    return NULL;
}

static void rewrite_uses(Graph *graph, GraphNode *node) {
    for (size_t i = 0; i < node->input_count; i++) node->inputs[i] = graph_resolve(node->inputs[i]);
    bool changed = false;
    for (size_t i = 0; i < node->after_count; i++) changed |= node->after[i]->is_dead;
    if (!changed) return;
    GraphNode **old = node->after;
    size_t count = node->after_count;
    node->after = NULL;
    node->after_count = 0;
    for (size_t i = 0; i < count; i++) {
        GraphNode *before = resolve_node(old[i]);
        if (before && before != node) graph_add_after(graph, node, before);
    }
}

void graph_compact(Graph *graph) {
    for (size_t i = 0; i < graph->node_count; i++)
        if (!graph->nodes[i]->is_dead) rewrite_uses(graph, graph->nodes[i]);
    for (size_t i = 0; i < graph->guard_count; i++)
        graph->guards[i]->predicate = graph_resolve(graph->guards[i]->predicate);
    for (size_t i = 0; i < graph->fetch_count; i++) {
        Fetch *fetch = &graph->fetches[i];
        fetch->value = graph_resolve(fetch->value);
        if (fetch->value) fetch->node = fetch->value->node;
    }
    for (size_t i = 0; i < graph->variable_count; i++)
        graph->variables[i]->initial = graph_resolve(graph->variables[i]->initial);
    for (size_t i = 0; i < dim_symbol_count(graph->dims); i++) {
        DimSymbol *symbol = dim_symbol_at(graph->dims, i)->symbol;
        symbol->value = graph_resolve(symbol->value);
    }
    size_t kept = 0;
    for (size_t i = 0; i < graph->node_count; i++)
        if (!graph->nodes[i]->is_dead) graph->nodes[kept++] = graph->nodes[i];
    graph->node_count = kept;
}

GraphNode *graph_find_node(const Graph *graph, const char *name) {
    return map_get(&graph->node_names, name);
}

/* ---- Arguments by name ---- */

const Argument *node_argument(const GraphNode *node, const char *parameter) {
    int index = op_parameter(node->row, parameter);
    assert(index >= 0);
    return &node->arguments[index];
}

Value *node_input(const GraphNode *node, const char *parameter) {
    const Argument *argument = node_argument(node, parameter);
    return argument->kind == ARGUMENT_INPUTS && argument->count ? node->inputs[argument->first]
                                                                : NULL;
}

size_t node_input_list(const GraphNode *node, const char *parameter, Value ***values) {
    const Argument *argument = node_argument(node, parameter);
    *values = argument->kind == ARGUMENT_INPUTS ? node->inputs + argument->first : NULL;
    return argument->kind == ARGUMENT_INPUTS ? argument->count : 0;
}

bool node_attribute_bool(const GraphNode *node, const char *parameter) {
    const Argument *argument = node_argument(node, parameter);
    return argument->kind == ARGUMENT_BOOL && argument->as.boolean;
}

int64_t node_attribute_integer(const GraphNode *node, const char *parameter) {
    const Argument *argument = node_argument(node, parameter);
    return argument->kind == ARGUMENT_INTEGER ? argument->as.integer : 0;
}

double node_attribute_float(const GraphNode *node, const char *parameter) {
    const Argument *argument = node_argument(node, parameter);
    if (argument->kind == ARGUMENT_INTEGER) return (double)argument->as.integer;
    return argument->kind == ARGUMENT_FLOAT ? argument->as.number : 0;
}

tfcc_dtype node_attribute_dtype(const GraphNode *node, const char *parameter) {
    const Argument *argument = node_argument(node, parameter);
    return argument->kind == ARGUMENT_DTYPE ? argument->as.dtype : TFCC_NONE;
}

const char *node_attribute_word(const GraphNode *node, const char *parameter) {
    const Argument *argument = node_argument(node, parameter);
    return argument->kind == ARGUMENT_WORD ? argument->as.word : NULL;
}

const Fetch *graph_find_fetch(const Graph *graph, const char *name) {
    size_t length = strlen(name);
    const char *first_output = length > 2 && strcmp(name + length - 2, ":0") == 0 ? name : NULL;
    const Fetch *found = NULL;
    for (size_t k = 0; k < graph->fetch_count; k++) {
        const Fetch *fetch = &graph->fetches[k];
        if (strcmp(fetch->name, name) == 0) return fetch;
        if (first_output && strncmp(fetch->name, name, length - 2) == 0 &&
            fetch->name[length - 2] == '\0')
            found = fetch;
    }
    return found;
}
