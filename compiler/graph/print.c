/* print.c: the graph as a file of its own language. */
#include "graph/print.h"

#include "graph/print_names.h"
#include "support/dtype.h"
#include <string.h>

/* ---- Which constants are written where they are used ---- */

static const Parameter *parameter_of(const GraphNode *node, size_t input) {
    for (size_t p = 0; p < node->row->parameter_count; p++) {
        const Argument *a = &node->arguments[p];
        if (a->kind == ARGUMENT_INPUTS && input >= a->first && input < a->first + a->count)
            return &node->row->parameters[p];
    }
    return NULL;
}

/* Whether another input, or the variable, says the dtype that a number at `input` is to take. */
static bool has_dtype_from_others(const GraphNode *node, size_t input, char letter) {
    for (size_t p = 0; p < node->row->parameter_count; p++)
        if (node->row->parameters[p].kind == PARAMETER_VARIABLE &&
            node->row->parameters[p].letter == letter)
            return true;
    for (size_t i = 0; i < node->input_count && i < 8; i++) {
        const Parameter *other = parameter_of(node, i);
        if (i != input && other && other->letter == letter &&
            node->inputs[i]->node->row->code != OP_CONSTANT)
            return true;
    }
    return false;
}

static bool may_be_inline(const GraphNode *node, size_t input) {
    const GraphNode *from = node->inputs[input]->node;
    const Parameter *parameter = parameter_of(node, input);
    if (from->row->code != OP_CONSTANT || from->name || !parameter ||
        parameter->kind != PARAMETER_TENSOR)
        return false;
    if (node->row->code == OP_COND || from->constant->element_count > 32 || from->constant->origin)
        return false;
    if (parameter->letter)
        return from->constant->rank == 0 && constant_is_finite(from->constant) &&
               (from->weak || has_dtype_from_others(node, input, parameter->letter));
    /* An index: int32 again when it is read, and a list has to show its shape. */
    return from->constant->dtype == TFCC_INT32 && from->constant->element_count > 0;
}

static void choose_inline(GraphPrinter *p) {
    const Graph *graph = p->graph;
    p->is_inline = arena_alloc_array(p->arena, graph->node_count + 1, sizeof *p->is_inline);
    for (size_t i = 0; i < graph->node_count; i++) {
        const GraphNode *node = graph->nodes[i];
        p->is_inline[i] = node->row->code == OP_CONSTANT && !node->name &&
                          !node->outputs[0]->is_fetchable && !node->outputs[0]->is_feedable;
    }
    for (size_t i = 0; i < graph->node_count; i++)
        for (size_t k = 0; k < graph->nodes[i]->input_count; k++)
            if (!may_be_inline(graph->nodes[i], k))
                p->is_inline[graph->nodes[i]->inputs[k]->node->mark] = false;
    for (size_t i = 0; i < graph->guard_count; i++)
        if (!graph->guards[i]->predicate->node->is_dead)
            p->is_inline[graph->guards[i]->predicate->node->mark] = false;
}

/* ---- Arguments ---- */

static void print_input(GraphPrinter *p, const Value *value) {
    if (p->is_inline[value->node->mark])
        print_constant(p->out, value->node->constant);
    else
        print_value_name(p, value);
}

static void print_names_of(GraphPrinter *p, GraphNode *const *nodes, size_t count) {
    text_add_char(p->out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i) text_add(p->out, ", ");
        print_scalar(p->out, p->names[nodes[i]->mark]);
    }
    text_add_char(p->out, ']');
}

static void print_shape_argument(Text *out, const Argument *a) {
    text_add_char(out, '[');
    for (size_t i = 0; i < a->count; i++) {
        const ShapeEntry *entry = &a->as.sizes[i];
        if (i) text_add(out, ", ");
        if (entry->name)
            text_add(out, entry->name);
        else if (entry->size < 0)
            text_add(out, "null");
        else
            text_add_format(out, "%lld", (long long)entry->size);
    }
    text_add_char(out, ']');
}

static void print_attribute(Text *out, const Argument *a) {
    switch (a->kind) {
    case ARGUMENT_BOOL: text_add(out, a->as.boolean ? "true" : "false"); break;
    case ARGUMENT_INTEGER: text_add_format(out, "%lld", (long long)a->as.integer); break;
    case ARGUMENT_FLOAT: text_add_double(out, a->as.number, 0); break;
    case ARGUMENT_DTYPE: text_add(out, dtype_name(a->as.dtype)); break;
    case ARGUMENT_WORD: print_scalar(out, a->as.word); break;
    case ARGUMENT_SHAPE: print_shape_argument(out, a); break;
    case ARGUMENT_INTEGERS:
    case ARGUMENT_FLOATS:
        text_add_char(out, '[');
        for (size_t i = 0; i < a->count; i++) {
            if (i) text_add(out, ", ");
            if (a->kind == ARGUMENT_FLOATS)
                text_add_double(out, a->as.numbers[i], 0);
            else
                text_add_format(out, "%lld", (long long)a->as.integers[i]);
        }
        text_add_char(out, ']');
        break;
    case ARGUMENT_ABSENT:
    case ARGUMENT_WORD_OR_INTEGERS:
    case ARGUMENT_INPUTS: break;
    }
}

static bool is_default(const Argument *a, const Argument *value) {
    if (a->kind != value->kind) return false;
    switch (a->kind) {
    case ARGUMENT_BOOL: return a->as.boolean == value->as.boolean;
    case ARGUMENT_INTEGER: return a->as.integer == value->as.integer;
    case ARGUMENT_FLOAT: return a->as.number == value->as.number;
    case ARGUMENT_DTYPE: return a->as.dtype == value->as.dtype;
    case ARGUMENT_WORD: return strcmp(a->as.word, value->as.word) == 0;
    default: return false;
    }
}

static void print_initial(GraphPrinter *p, const Variable *variable);

static void print_value_of_state(GraphPrinter *p, const GraphNode *node) {
    if (node->row->code == OP_VARIABLE) {
        print_initial(p, node->variable);
        return;
    }
    const ConstantData *data = node->constant;
    bool is_uniform = data->element_count > 8 && constant_is_uniform(data);
    text_add(p->out, ", value: ");
    if (data->origin)
        text_add(p->out, data->origin);
    else if (is_uniform)
        print_first_element(p->out, data);
    else
        print_constant(p->out, data);
    if (!node->weak) text_add_format(p->out, ", dtype: %s", dtype_name(data->dtype));
    if (data->element_count > 0 && (!is_uniform || data->origin)) return;
    text_add(p->out, ", shape: [");
    for (int i = 0; i < data->rank; i++)
        text_add_format(p->out, "%s%lld", i ? ", " : "", (long long)data->dims[i]);
    text_add_char(p->out, ']');
}

/* The tensors that every call has stand in `inputs`; those that may be absent, and indices, under
 * their names. */
static bool is_positional(const GraphNode *node, size_t parameter) {
    const Parameter *given = &node->row->parameters[parameter];
    if (given->kind == PARAMETER_TENSOR_LIST) return true;
    if (given->kind == PARAMETER_VARIABLE) return true;
    if (given->kind != PARAMETER_TENSOR || given->is_optional) return false;
    return given->letter || given->dtypes != op_dtype_class("index", 5);
}

static void print_inputs(GraphPrinter *p, const GraphNode *node) {
    bool any = false;
    for (size_t i = 0; i < node->row->parameter_count; i++) {
        const Argument *a = &node->arguments[i];
        if (!is_positional(node, i)) continue;
        bool is_variable = node->row->parameters[i].kind == PARAMETER_VARIABLE;
        size_t count = is_variable ? 1 : a->kind == ARGUMENT_INPUTS ? a->count : 0;
        for (size_t k = 0; k < count; k++) {
            text_add(p->out, any ? ", " : ", inputs: [");
            any = true;
            if (is_variable)
                print_scalar(p->out, node->variable->name);
            else
                print_input(p, node->inputs[a->first + k]);
        }
    }
    if (any) text_add_char(p->out, ']');
    for (size_t i = 0; i < node->row->parameter_count; i++) {
        const Argument *a = &node->arguments[i];
        if (is_positional(node, i) || a->kind != ARGUMENT_INPUTS || a->count == 0) continue;
        text_add_format(p->out, ", %s: ", node->row->parameters[i].name);
        print_input(p, node->inputs[a->first]);
    }
}

static void print_attributes(GraphPrinter *p, const GraphNode *node) {
    for (size_t i = 0; i < node->row->parameter_count; i++) {
        const Parameter *parameter = &node->row->parameters[i];
        const Argument *a = &node->arguments[i];
        if (parameter->kind != PARAMETER_ATTRIBUTE || a->kind == ARGUMENT_ABSENT) continue;
        if (node->row->code == OP_CONSTANT || (parameter->text && is_default(a, &parameter->value)))
            continue;
        text_add_format(p->out, ", %s: ", parameter->name);
        print_attribute(p->out, a);
    }
}

/* A variable's initial value: a literal, an initializer in place, or that of the variable that has
 * it too. */
static void print_initial(GraphPrinter *p, const Variable *variable) {
    const GraphNode *node = variable->initial->node;
    for (uint32_t i = 0; i < variable->number && node->row->code != OP_CONSTANT; i++) {
        if (p->graph->variables[i]->initial != variable->initial) continue;
        text_add(p->out, ", value: {initial_value_of: ");
        print_scalar(p->out, p->graph->variables[i]->name);
        text_add_char(p->out, '}');
        return;
    }
    if (node->row->code == OP_CONSTANT) {
        print_value_of_state(p, node);
        return;
    }
    text_add_format(p->out, ", value: {op: %s", node->row->spelling);
    print_inputs(p, node);
    print_attributes(p, node);
    text_add_char(p->out, '}');
}

/* ---- Nodes ---- */

static void indent(GraphPrinter *p, int depth) {
    for (int i = 0; i < depth; i++) text_add(p->out, "  ");
}

/* A key up to its colon. YAML takes one of more than 1,024 bytes only where it is announced. */
static void print_key(GraphPrinter *p, const char *name, int depth) {
    bool is_long = strlen(name) > 1000;
    indent(p, depth);
    if (is_long) text_add(p->out, "? ");
    print_scalar(p->out, name);
    if (!is_long) return;
    text_add_char(p->out, '\n');
    indent(p, depth);
}

static void print_types(GraphPrinter *p, const GraphNode *node) {
    const OpRow *row = node->row;
    bool is_list = row->output_count > 0 && row->outputs[row->output_count - 1].is_list;
    for (size_t i = 0; i < (is_list ? node->output_count : row->output_count); i++) {
        if (node->outputs[i]->type.dtype == TFCC_NONE) continue;
        text_add_format(p->out, "%s%s", i ? ", " : "  # ",
                        type_text(p->arena, &node->outputs[i]->type));
    }
    text_add_char(p->out, '\n');
}

/* Names of outputs that the user gave and `name:k` does not say: how many outputs have to be listed
 * for them. */
static size_t named_outputs(GraphPrinter *p, const GraphNode *node) {
    size_t named = 0;
    for (size_t i = 0; i < node->output_count; i++) {
        const char *given = node->outputs[i]->name, *own = p->names[node->mark];
        if (given && strcmp(given, i ? arena_format(p->arena, "%s:%zu", own, i) : own) != 0)
            named = i + 1;
    }
    return node->name ? named : 0;
}

static void print_output_names(GraphPrinter *p, const GraphNode *node) {
    size_t named = named_outputs(p, node);
    for (size_t i = 0; i < named; i++) {
        text_add(p->out, i ? ", " : "[");
        if (node->outputs[i]->name)
            print_scalar(p->out, node->outputs[i]->name);
        else
            print_value_name(p, node->outputs[i]);
    }
    if (named) text_add_char(p->out, ']');
}

static void print_node(GraphPrinter *p, const GraphNode *node, int depth);

static void print_branch(GraphPrinter *p, const GraphNode *cond, bool wanted, int depth) {
    Value **values;
    size_t count = node_input_list(cond, "values", &values) / 2;
    indent(p, depth);
    text_add(p->out, wanted ? "then:\n" : "else:\n");
    bool any = false;
    for (size_t g = 0; g < p->graph->guard_count; g++) {
        const Guard *guard = p->graph->guards[g];
        if (guard->cond != cond || guard->wanted != wanted) continue;
        const MapEntry *first = map_find(&p->guards, (const char *)&guard, sizeof guard);
        for (size_t k = first ? (size_t)(uintptr_t)first->value : 0; k; k = p->next[k - 1]) {
            if (p->is_inline[k - 1]) continue;
            if (!any) {
                indent(p, depth + 1);
                text_add(p->out, "nodes:\n");
            }
            any = true;
            print_node(p, p->graph->nodes[k - 1], depth + 2);
        }
    }
    indent(p, depth + 1);
    text_add(p->out, "fetches: [");
    for (size_t i = 0; i < count; i++) {
        if (i) text_add(p->out, ", ");
        print_value_name(p, values[wanted ? i : count + i]);
    }
    text_add(p->out, "]\n");
}

/* What a cond waits for without being told: writes and targets inside its own branches. */
static bool is_inside(const GraphNode *node, const GraphNode *cond) {
    for (const Guard *g = node->guard; g; g = g->outer)
        if (g->cond == cond) return true;
    return false;
}

static void print_cond(GraphPrinter *p, const GraphNode *node, int depth) {
    text_add_char(p->out, '\n');
    indent(p, depth + 1);
    text_add(p->out, "op: cond");
    print_types(p, node);
    indent(p, depth + 1);
    text_add(p->out, "inputs: ");
    print_input(p, node->inputs[0]);
    text_add_char(p->out, '\n');
    if (named_outputs(p, node)) {
        indent(p, depth + 1);
        text_add(p->out, "outputs: ");
        print_output_names(p, node);
        text_add_char(p->out, '\n');
    }
    bool any = false;
    for (size_t i = 0; i < node->after_count; i++) {
        if (is_inside(node->after[i], node)) continue;
        if (!any) indent(p, depth + 1);
        text_add(p->out, any ? ", " : "after: [");
        print_scalar(p->out, p->names[node->after[i]->mark]);
        any = true;
    }
    if (any) text_add(p->out, "]\n");
    print_branch(p, node, true, depth + 1);
    print_branch(p, node, false, depth + 1);
}

static void print_node(GraphPrinter *p, const GraphNode *node, int depth) {
    print_key(p, p->names[node->mark], depth);
    if (node->row->code == OP_COND) {
        text_add_char(p->out, ':');
        print_cond(p, node, depth);
        return;
    }
    text_add_format(p->out, ": {op: %s", node->row->spelling);
    if (node->row->code == OP_CONSTANT || node->row->code == OP_VARIABLE) {
        print_value_of_state(p, node);
    } else {
        print_inputs(p, node);
        print_attributes(p, node);
    }
    if (named_outputs(p, node)) {
        text_add(p->out, ", outputs: ");
        print_output_names(p, node);
    }
    if (node->after_count) {
        text_add(p->out, ", after: ");
        print_names_of(p, node->after, node->after_count);
    }
    text_add_char(p->out, '}');
    print_types(p, node);
}

/* ---- The whole ---- */

/* Strings the nodes of each guard together, in order. */
static void group_by_guard(GraphPrinter *p) {
    const Graph *graph = p->graph;
    p->guards = map_create(p->arena);
    p->next = arena_alloc_array(p->arena, graph->node_count + 1, sizeof *p->next);
    for (size_t i = graph->node_count; i-- > 0;) {
        const Guard *guard = graph->nodes[i]->guard;
        if (!guard) continue;
        MapEntry *entry = map_insert(&p->guards, (const char *)&guard, sizeof guard, NULL);
        p->next[i] = (size_t)(uintptr_t)entry->value;
        entry->value = (void *)(uintptr_t)(i + 1);
    }
}

/* Nodes that only make a variable's initial value are written inside the variable. */
static void hide_initial_values(GraphPrinter *p) {
    const Graph *graph = p->graph;
    uint8_t *uses = arena_alloc_array(p->arena, graph->node_count + 1, sizeof *uses);
    for (size_t i = 0; i < graph->node_count; i++)
        for (size_t k = 0; k < graph->nodes[i]->input_count; k++)
            uses[graph->nodes[i]->inputs[k]->node->mark] = 1;
    for (size_t i = 0; i < graph->variable_count; i++) {
        const GraphNode *initial = graph->variables[i]->initial->node;
        if (!uses[initial->mark] && !initial->outputs[0]->is_fetchable &&
            !initial->outputs[0]->is_feedable)
            p->is_inline[initial->mark] = true;
    }
}

/* A name that is fetched, but whose node has given way to another one. */
static void print_aliases(GraphPrinter *p) {
    for (size_t i = 0; i < p->graph->fetch_count; i++) {
        const Fetch *fetch = &p->graph->fetches[i];
        if (!fetch->value) continue;
        const Value *value = fetch->value;
        const char *own = p->names[value->node->mark];
        if (strcmp(fetch->name, own) == 0 || (value->name && strcmp(fetch->name, value->name) == 0))
            continue;
        if (strcmp(fetch->name, arena_format(p->arena, "%s:%d", own, value->index)) == 0) continue;
        print_key(p, fetch->name, 1);
        text_add(p->out, ": {op: identity, inputs: [");
        print_value_name(p, value);
        text_add_format(p->out, "]}  # %s\n", type_text(p->arena, &value->type));
    }
}

static void print_indexed(Text *out, const char *key, const Graph *graph, const size_t *indices,
                          size_t count, bool feeds) {
    text_add_format(out, "%s: [", key);
    for (size_t i = 0; i < count; i++) {
        if (i) text_add(out, ", ");
        print_scalar(out, feeds ? graph->feeds[indices[i]].name : graph->fetches[indices[i]].name);
    }
    text_add_char(out, ']');
}

static void print_interface(GraphPrinter *p) {
    const Graph *graph = p->graph;
    bool any = false;
    for (size_t i = 0; i < graph->feed_count; i++) {
        OpCode code = graph->feeds[i].value->node->row->code;
        if (code == OP_PLACEHOLDER || code == OP_PLACEHOLDER_WITH_DEFAULT) continue;
        text_add(p->out, any ? ", " : "feeds: [");
        print_scalar(p->out, graph->feeds[i].name);
        any = true;
    }
    if (any) text_add(p->out, "]\n");
    text_add(p->out, "fetches: [");
    for (size_t i = 0; i < graph->fetch_count; i++) {
        if (i) text_add(p->out, ", ");
        print_scalar(p->out, graph->fetches[i].name);
    }
    text_add(p->out, "]\n");
    for (size_t i = 0; i < graph->signature_count; i++) {
        const Signature *s = &graph->signatures[i];
        if (i == 0) text_add(p->out, "signatures:\n");
        print_key(p, s->name, 1);
        text_add(p->out, ": {");
        print_indexed(p->out, "feeds", graph, s->feeds, s->feed_count, true);
        text_add(p->out, ", ");
        print_indexed(p->out, "fetches", graph, s->fetches, s->fetch_count, false);
        if (s->target_count) {
            text_add(p->out, ", ");
            print_indexed(p->out, "targets", graph, s->targets, s->target_count, false);
        }
        text_add(p->out, "}\n");
    }
}

void graph_print(Text *text, const Graph *graph) {
    GraphPrinter p = {.out = text, .graph = graph, .arena = graph->arena};
    print_choose_names(&p);
    choose_inline(&p);
    hide_initial_values(&p);
    group_by_guard(&p);
    text_add(text, "graph: ");
    print_scalar(text, graph->name ? graph->name : "graph");
    text_add(text, "\nnodes:\n");
    for (size_t i = 0; i < graph->node_count; i++)
        if (!graph->nodes[i]->guard && !p.is_inline[i]) print_node(&p, graph->nodes[i], 1);
    print_aliases(&p);
    print_interface(&p);
}
