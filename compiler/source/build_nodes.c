/* build_nodes.c: a `nodes:` mapping: first all names and their ops, then every node's arguments.
 *
 * A node that is an expression is made as an identity until its last op is known; references to its
 * value do not notice.
 */
#include "source/build_internal.h"
#include <string.h>

static const char *const node_keys[] = {"op", "inputs", "outputs", "after", NULL};

static bool is_node_key(const TreeNode *key) {
    for (const char *const *word = node_keys; *word; word++)
        if (tree_is(key, *word)) return true;
    return false;
}

const OpRow *require_op(Builder *b, const char *name, Place place) {
    const OpRow *row = op_find(name);
    if (row) return row;
    const MapEntry *near = map_nearest(op_spellings(), name);
    if (near)
        diagnose_error(b->diagnostics, place, "there is no op `%s`; did you mean `%s`?", name,
                       near->key);
    else
        diagnose_error(b->diagnostics, place, "there is no op `%s`; `tfcc ops` lists them", name);
    return NULL;
}

void change_row(Builder *b, GraphNode *node, const OpRow *row) {
    if (node->row == row) return;
    node->row = row;
    node->arguments = arena_alloc_array(b->arena, row->parameter_count, sizeof *node->arguments);
    for (size_t i = 0; i < row->parameter_count; i++)
        if (row->parameters[i].kind == PARAMETER_ATTRIBUTE)
            node->arguments[i] = row->parameters[i].value;
    node->input_count = 0;
    node->inputs = NULL;
    node->input_places = NULL;
}

GraphNode *begin_node(Builder *b, const OpRow *row, GraphNode *target, Place place) {
    if (!target) return graph_add_node(b->graph, row, NULL, b->owner, place);
    change_row(b, target, row);
    return target;
}

/* ---- declaring ---- */

/* The row of a node written as one word or expression, as far as it is known before anything is
 * looked up; the expression is kept. */
static const OpRow *row_of_scalar(Builder *b, Declared *declared) {
    const TreeNode *yaml = &declared->yaml;
    const char *text = tree_text(b->arena, yaml);
    bool found;
    Declared *named;
    scope_value(b, text, &found, &named);
    if (found) return op_row(OP_IDENTITY);
    if (named) { /* `name:k` without such an output */
        report_unknown_name(b, tree_place(b->tree, yaml), text);
        return NULL;
    }
    Number number = tree_resolve(yaml);
    if (number.kind != NUMBER_NONE && number.kind != NUMBER_NULL) return op_row(OP_CONSTANT);
    if (number.kind == NUMBER_NULL) {
        diagnose_error(b->diagnostics, tree_place(b->tree, yaml), "the node `%s` is empty",
                       declared->name);
        return NULL;
    }
    declared->expression = expression_parse(b->arena, b->diagnostics, b->tree, yaml);
    if (!declared->expression) return NULL;
    if (declared->expression->kind != EXPRESSION_CALL) return op_row(OP_IDENTITY);
    return require_op(b, declared->expression->text, declared->expression->name_place);
}

static const OpRow *row_of_mapping(Builder *b, const TreeNode *mapping, const char *name) {
    TreeNode op = tree_get(mapping, "op");
    if (op.kind == TREE_SCALAR && op.length > 0)
        return require_op(b, tree_text(b->arena, &op), tree_place(b->tree, &op));
    Place place = tree_place(b->tree, op.kind == TREE_ABSENT ? mapping : &op);
    if (op.kind == TREE_ABSENT)
        diagnose_error(b->diagnostics, place, "the node%s%s%s has no `op`", name ? " `" : "",
                       name ? name : "", name ? "`" : "");
    else
        diagnose_error(b->diagnostics, place, "`op` is the name of an op");
    return NULL;
}

static void declare_outputs(Builder *b, Declared *node) {
    TreeNode outputs = tree_get(&node->yaml, "outputs");
    NameItem *names;
    size_t count;
    if (outputs.kind == TREE_ABSENT || !read_names(b, &outputs, "outputs", &names, &count)) return;
    node->has_outputs = true;
    for (size_t i = 0; i < count; i++) {
        TreeNode item = outputs.kind == TREE_SEQUENCE ? tree_item(b->tree, &outputs, i) : outputs;
        if (node->node && !graph_output(b->graph, node->node, i)) {
            diagnose_error(b->diagnostics, names[i].place,
                           "%s has %zu output%s, and `%s` would be one more",
                           node->node->row->spelling, node->node->row->output_count,
                           node->node->row->output_count == 1 ? "" : "s", names[i].text);
            return;
        }
        if (i == 0 && strcmp(names[i].text, node->name) == 0) continue;
        Declared *output = scope_declare(b, &item);
        if (!output) continue;
        output->node = node->node;
        output->output = i;
        if (node->node && node->node->name) node->node->outputs[i]->name = output->name;
    }
}

static void make_node(Builder *b, Declared *declared) {
    const OpRow *row;
    const TreeNode *yaml = &declared->yaml;
    Scope *scope = b->scope;
    if (yaml->kind == TREE_MAPPING)
        row = row_of_mapping(b, yaml, declared->name);
    else if (yaml->kind == TREE_SCALAR)
        row = row_of_scalar(b, declared);
    else
        row = op_row(OP_IDENTITY);
    if (!row) return;
    Place place = tree_place(b->tree, yaml);
    if (!scope->cond) {
        declared->node = graph_add_node(b->graph, row, declared->name, NULL, place);
        if (declared->node->output_count > 0) declared->node->outputs[0]->name = declared->name;
        declared->node->name_place = declared->place;
        if (row->code == OP_VARIABLE) graph_add_variable(b->graph, declared->name, declared->node);
        return;
    }
    if (row->code == OP_VARIABLE || row->code == OP_PLACEHOLDER ||
        row->code == OP_PLACEHOLDER_WITH_DEFAULT) {
        diagnose_error(b->diagnostics, place, "a %s stands at the top level, not in a branch",
                       row->spelling);
        return;
    }
    GraphNode *node = graph_add_node(b->graph, row, NULL, scope->cond, place);
    node->label =
        arena_format(b->arena, "%s/%s/%s", scope->cond->label, scope->branch, declared->name);
    node->guard = scope->guard;
    declared->node = node;
}

/* ---- filling ---- */

static void add_afters(Builder *b, const TreeNode *mapping, GraphNode *node) {
    TreeNode after = tree_get(mapping, "after");
    NameItem *names;
    size_t count;
    if (!read_names(b, &after, "after", &names, &count)) return;
    for (size_t i = 0; i < count; i++) {
        GraphNode *before = require_node(b, names[i].text, names[i].place);
        if (before) graph_add_after(b->graph, node, before);
    }
}

static void add_argument(Builder *b, Call *call, CallArgument argument) {
    *ARENA_PUSH(b->arena, call->arguments, call->count, call->capacity) = argument;
}

/* `inputs` by position, every other key by its name. */
Call call_of_mapping(Builder *b, const TreeNode *mapping, const OpRow *row) {
    TreeNode op = tree_get(mapping, "op"), inputs = tree_get(mapping, "inputs");
    Call call = {
        .row = row,
        .spelling = tree_text(b->arena, &op),
        .place = tree_place(b->tree, &op),
        .is_mapping = true,
    };
    if (inputs.kind == TREE_SEQUENCE) {
        for (size_t i = 0; i < inputs.length; i++) {
            TreeNode item = tree_item(b->tree, &inputs, i);
            add_argument(b, &call, (CallArgument){.value = expression_of_yaml(b, &item)});
        }
    } else if (inputs.kind != TREE_ABSENT) {
        add_argument(b, &call, (CallArgument){.value = expression_of_yaml(b, &inputs)});
    }
    for (size_t i = 0; i < mapping->length; i++) {
        const TreePair *pair = &mapping->as.pairs[i];
        if (is_node_key(&pair->key)) continue;
        CallArgument argument = {
            .keyword = tree_text(b->arena, &pair->key),
            .keyword_place = tree_place(b->tree, &pair->key),
            .value = expression_of_yaml(b, &pair->value),
        };
        add_argument(b, &call, argument);
    }
    return call;
}

Call call_of_expression(Builder *b, const Expression *expression, const OpRow *row) {
    Call call = {.row = row, .spelling = expression->text, .place = expression->place};
    for (size_t i = 0; i < expression->item_count; i++) {
        CallArgument argument = {
            .keyword = expression->keywords[i],
            .keyword_place = expression->keyword_places[i],
            .value = expression->items[i],
        };
        add_argument(b, &call, argument);
    }
    return call;
}

GraphNode *build_by_op(Builder *b, const Call *call, GraphNode *target) {
    if (is_layer(call->row)) return build_layer(b, call, target);
    switch (call->row->code) {
    case OP_CONSTANT: return build_constant(b, call, target);
    case OP_VARIABLE: return build_variable(b, call, target);
    case OP_PLACEHOLDER: return build_placeholder(b, call, target);
    default: return build_call(b, call, target);
    }
}

void build_mapping_node(Builder *b, const TreeNode *mapping, GraphNode *target, GraphNode **made) {
    *made = NULL;
    const OpRow *row = target ? target->row : row_of_mapping(b, mapping, NULL);
    if (!row) return;
    if (!target)
        for (size_t i = 0; i < mapping->length; i++)
            if (tree_is(&mapping->as.pairs[i].key, "outputs") ||
                tree_is(&mapping->as.pairs[i].key, "after")) {
                diagnose_error(b->diagnostics, tree_place(b->tree, &mapping->as.pairs[i].key),
                               "only a node with a name of its own has `outputs` or `after`");
                return;
            }
    if (row->code == OP_COND) {
        GraphNode *node = begin_node(b, row, target, tree_place(b->tree, mapping));
        build_cond(b, mapping, node);
        *made = node;
        return;
    }
    Call call = call_of_mapping(b, mapping, row);
    *made = build_by_op(b, &call, target);
}

GraphNode *build_call_expression(Builder *b, Expression *expression, GraphNode *target) {
    const OpRow *row = target && target->row != op_row(OP_IDENTITY)
                           ? target->row
                           : require_op(b, expression->text, expression->name_place);
    if (!row) return NULL;
    if (row->code == OP_COND) {
        diagnose_error(b->diagnostics, expression->name_place,
                       "cond is written as a node: {op: cond, inputs: p, then: …, else: …}; to "
                       "choose between two "
                       "values that are both computed, use where(p, a, b)");
        return NULL;
    }
    Call call = call_of_expression(b, expression, row);
    return build_by_op(b, &call, target);
}

static void add_broken(Builder *b, GraphNode *node) {
    *ARENA_PUSH(b->arena, b->broken, b->broken_count, b->broken_capacity) = node;
}

static void fill_node(Builder *b, Declared *declared) {
    GraphNode *node = declared->node;
    if (declared->is_filled) return;
    declared->is_filled = true;
    GraphNode *outer_owner = b->owner, *made;
    size_t errors = diagnostics_error_count(b->diagnostics), first = b->graph->node_count;
    size_t draw_count = b->draw_count;
    b->owner = node;
    b->draw_count = 0;
    if (declared->yaml.kind == TREE_MAPPING) {
        add_afters(b, &declared->yaml, node);
        build_mapping_node(b, &declared->yaml, node, &made);
    } else {
        Expression *expression = declared->expression;
        fill_expression(b, expression ? expression : expression_of_yaml(b, &declared->yaml), node);
    }
    if (diagnostics_error_count(b->diagnostics) > errors) {
        add_broken(b, node);
        for (size_t i = first; i < b->graph->node_count; i++) add_broken(b, b->graph->nodes[i]);
    }
    /* It comes to stand behind its parts, and in front of those of the next: the file's order, also
     * of inline writes. */
    node->id = b->graph->next_id++;
    b->owner = outer_owner;
    b->draw_count = draw_count;
}

void build_declared(Builder *b, Declared *declared) {
    Scope *scope = b->scope;
    while (b->scope->outer) b->scope = b->scope->outer;
    if (declared->node) fill_node(b, declared);
    b->scope = scope;
}

void build_nodes(Builder *b, const TreeNode *nodes) {
    Declared **all = arena_alloc_array(b->arena, nodes->length, sizeof(Declared *));
    for (size_t i = 0; i < nodes->length; i++) {
        all[i] = scope_declare(b, &nodes->as.pairs[i].key);
        if (!all[i]) continue;
        all[i]->yaml = nodes->as.pairs[i].value;
        all[i]->is_node_name = true;
    }
    for (size_t i = 0; i < nodes->length; i++)
        if (all[i]) declare_layer_variables(b, all[i]);
    for (size_t i = 0; i < nodes->length; i++) {
        if (!all[i]) continue;
        make_node(b, all[i]);
        if (all[i]->yaml.kind == TREE_MAPPING) declare_outputs(b, all[i]);
    }
    for (size_t i = 0; i < nodes->length; i++)
        if (all[i] && all[i]->node) fill_node(b, all[i]);
}

/* ---- what has an error ---- */

static bool is_complete(const GraphNode *node) {
    if (node->row->code == OP_CONSTANT) return node->constant != NULL;
    if (node->row->code == OP_VARIABLE) return node->variable && node->variable->initial;
    for (size_t p = 0; p < node->row->parameter_count; p++) {
        const Parameter *parameter = &node->row->parameters[p];
        ArgumentKind kind = node->arguments[p].kind;
        if (parameter->kind == PARAMETER_VARIABLE && !node->variable) return false;
        if (parameter->kind == PARAMETER_TENSOR_LIST && kind != ARGUMENT_INPUTS) return false;
        bool is_needed = !parameter->is_optional && !parameter->text;
        bool is_attribute = parameter->kind == PARAMETER_ATTRIBUTE;
        if (is_needed && (is_attribute || parameter->kind == PARAMETER_TENSOR) &&
            kind == ARGUMENT_ABSENT)
            return false;
    }
    return true;
}

/* A placeholder without a dtype is what inference takes for an error that was reported. */
static void break_node(Builder *b, GraphNode *node) {
    change_row(b, node, op_row(node->output_count > 0 ? OP_PLACEHOLDER : OP_NO_OP));
    node->arguments =
        arena_alloc_array(b->arena, node->row->parameter_count, sizeof *node->arguments);
    node->variable = NULL;
    node->constant = NULL;
    node->weak = NOT_WEAK;
}

void break_incomplete_nodes(Builder *b) {
    if (diagnostics_error_count(b->diagnostics) == 0) return;
    for (size_t i = 0; i < b->broken_count; i++) break_node(b, b->broken[i]);
    for (size_t i = 0; i < b->graph->node_count; i++)
        if (!is_complete(b->graph->nodes[i])) break_node(b, b->graph->nodes[i]);
}
