/* build_state.c: constants, variables and placeholders, and where their values come from. */
#include "source/build_internal.h"
#include "support/dtype.h"
#include <string.h>

GraphNode *add_constant(Builder *b, const ConstantData *data, WeakKind weak, GraphNode *target,
                        Place place) {
    GraphNode *node = begin_node(b, op_row(OP_CONSTANT), target, place);
    node->constant = data;
    node->weak = weak;
    if (!target) { /* a number needs no condition and waits for nothing */
        node->guard = NULL;
        node->after = NULL;
        node->after_count = 0;
    }
    return node;
}

/* What the parameters `value`, `dtype` and `shape`, which these ops share, say. */
typedef struct StateArguments {
    Expression *value; /* NULL: not given */
    tfcc_dtype dtype;
    Place dtype_place;
    Argument shape; /* ABSENT: not given */
} StateArguments;

static bool read_state_arguments(Builder *b, const Call *call, StateArguments *arguments) {
    Bound *bound = bind_arguments(b, call);
    if (!bound) return false;
    *arguments = (StateArguments){.dtype = TFCC_NONE};
    bool fine = true;
    for (size_t p = 0; p < call->row->parameter_count; p++) {
        const Parameter *parameter = &call->row->parameters[p];
        if (!bound[p].is_given) continue;
        if (parameter->kind == PARAMETER_VALUE) {
            arguments->value = bound[p].value;
        } else if (parameter->attribute == ARGUMENT_DTYPE) {
            arguments->dtype_place = bound[p].value->place;
            fine &= read_dtype(b, bound[p].value, &arguments->dtype);
        } else {
            fine &= read_shape(b, bound[p].value, &arguments->shape);
        }
    }
    return fine;
}

static const Argument *shape_of(const StateArguments *arguments) {
    return arguments->shape.kind == ARGUMENT_SHAPE ? &arguments->shape : NULL;
}

static void set_arguments(GraphNode *node, const StateArguments *arguments) {
    int dtype = op_parameter(node->row, "dtype"), shape = op_parameter(node->row, "shape");
    if (arguments->dtype != TFCC_NONE)
        node->arguments[dtype] = (Argument){
            .kind = ARGUMENT_DTYPE, .place = arguments->dtype_place, .as.dtype = arguments->dtype};
    node->arguments[shape] = arguments->shape;
}

/* Whether there are only numbers in it, so that it is read without looking up anything. */
static bool has_only_numbers(Builder *b, const TreeNode *yaml) {
    if (yaml->kind == TREE_SCALAR) return tree_resolve(yaml).kind != NUMBER_NONE;
    if (yaml->kind != TREE_SEQUENCE) return false;
    for (size_t i = 0; i < yaml->length; i++) {
        TreeNode item = tree_item(b->tree, yaml, i);
        if (!has_only_numbers(b, &item)) return false;
    }
    return true;
}

static bool is_mapping(const Expression *expression) {
    return expression->kind == EXPRESSION_YAML && expression->yaml.kind == TREE_MAPPING;
}

static bool has_key(const Expression *expression, const char *key) {
    return tree_get(&expression->yaml, key).kind != TREE_ABSENT;
}

/* Numbers, or what a file holds; NULL with *is_other where it is something else, NULL after a
 * diagnostic otherwise. */
static ConstantData *read_data(Builder *b, const StateArguments *arguments, bool *is_other) {
    Expression *value = arguments->value;
    *is_other = false;
    if (is_mapping(value) && (has_key(value, "file") || has_key(value, "checkpoint")))
        return read_file_value(b, &value->yaml, arguments->dtype, shape_of(arguments));
    if (value->kind == EXPRESSION_YAML && has_only_numbers(b, &value->yaml))
        return literal_from_tree(b, &value->yaml, arguments->dtype, shape_of(arguments));
    if (!is_mapping(value) && is_literal(b, value))
        return literal_from_expression(b, value, arguments->dtype, shape_of(arguments), NULL);
    *is_other = true;
    return NULL;
}

/* ---- values that are computed ---- */

static bool has_argument(const Call *call, const char *name) {
    for (size_t i = 0; i < call->count; i++)
        if (call->arguments[i].keyword && strcmp(call->arguments[i].keyword, name) == 0)
            return true;
    return false;
}

static Expression *dtype_expression(Builder *b, const StateArguments *arguments) {
    Expression *expression = arena_alloc(b->arena, sizeof *expression);
    expression->kind = EXPRESSION_STRING;
    expression->place = arguments->dtype_place;
    expression->text = dtype_name(arguments->dtype);
    return expression;
}

static Expression *shape_expression(Builder *b, const Argument *shape) {
    Expression *list = arena_alloc(b->arena, sizeof *list);
    list->kind = EXPRESSION_LIST;
    list->place = shape->place;
    list->item_count = shape->count;
    list->items = arena_alloc_array(b->arena, shape->count, sizeof *list->items);
    for (size_t i = 0; i < shape->count; i++) {
        const ShapeEntry *entry = &shape->as.sizes[i];
        const DimBinding *binding = entry->name ? map_get(&b->bound_dims, entry->name) : NULL;
        Expression *item = list->items[i] = arena_alloc(b->arena, sizeof *item);
        item->kind = EXPRESSION_NUMBER;
        item->place = shape->place;
        item->number =
            (Number){.kind = NUMBER_INTEGER, .integer = binding ? binding->size : entry->size};
        if (!binding && entry->size < 0) {
            diagnose_error(b->diagnostics, shape->place, "every size of a variable is a number");
            return NULL;
        }
    }
    return list;
}

/* An op whose result the variable begins with; an initializer takes the variable's dtype and shape
 * where it has none of its own. */
static Value *build_initializer(Builder *b, Call *call, const StateArguments *arguments) {
    const OpRow *row = call->row;
    int dtype = op_parameter(row, "dtype"), shape = op_parameter(row, "shape");
    bool is_initializer = dtype >= 0 && row->parameters[dtype].value.kind == ARGUMENT_DTYPE;
    size_t positions = 0;
    for (size_t i = 0; i < call->count; i++) positions += !call->arguments[i].keyword;
    if (is_initializer && arguments->dtype != TFCC_NONE && !has_argument(call, "dtype") &&
        (call->is_mapping || positions <= (size_t)dtype))
        *ARENA_PUSH(b->arena, call->arguments, call->count, call->capacity) =
            (CallArgument){.keyword = "dtype",
                           .keyword_place = arguments->dtype_place,
                           .value = dtype_expression(b, arguments)};
    if (is_initializer && shape == 0 && shape_of(arguments) && positions == 0 &&
        !has_argument(call, "shape")) {
        Expression *sizes = shape_expression(b, &arguments->shape);
        if (!sizes) return NULL;
        *ARENA_PUSH(b->arena, call->arguments, call->count, call->capacity) = (CallArgument){
            .keyword = "shape", .keyword_place = arguments->shape.place, .value = sizes};
    }
    GraphNode *node = build_by_op(b, call, NULL);
    return node && node->output_count > 0 ? node->outputs[0] : NULL;
}

/* {initial_value_of: w} */
static Value *copy_initial_value(Builder *b, const TreeNode *mapping) {
    static const char *const keys[] = {"initial_value_of", NULL};
    TreeNode name = tree_get(mapping, "initial_value_of");
    Place place = tree_place(b->tree, &name);
    if (!check_keys(b, mapping, "{initial_value_of: …}", keys)) return NULL;
    const char *text = name.kind == TREE_SCALAR ? tree_text(b->arena, &name) : "";
    bool found;
    Declared *declared;
    scope_value(b, text, &found, &declared);
    if (!found) {
        report_unknown_name(b, place, text);
        return NULL;
    }
    if (!declared->node) return NULL;
    if (declared->node->row->code != OP_VARIABLE) {
        diagnose_error(b->diagnostics, place, "`%s` is no variable", text);
        note_declared(b, declared);
        return NULL;
    }
    GraphNode *node = graph_add_node(b->graph, op_row(OP_IDENTITY), NULL, b->owner, place);
    *ARENA_PUSH(b->arena, b->copies, b->copy_count, b->copy_capacity) =
        (InitialCopy){.node = node, .source = declared->node->variable, .place = place};
    return node->outputs[0];
}

static Value *build_initial_value(Builder *b, const StateArguments *arguments) {
    Expression *value = arguments->value;
    bool is_other;
    ConstantData *data = read_data(b, arguments, &is_other);
    if (data) return add_constant(b, data, NOT_WEAK, NULL, value->place)->outputs[0];
    if (!is_other) return NULL;
    if (is_mapping(value) && has_key(value, "initial_value_of"))
        return copy_initial_value(b, &value->yaml);
    TreeNode op =
        is_mapping(value) ? tree_get(&value->yaml, "op") : (TreeNode){.kind = TREE_ABSENT};
    if (is_mapping(value) && op.kind != TREE_SCALAR) {
        diagnose_error(b->diagnostics, value->place,
                       "a value is numbers, {file: …}, {checkpoint: …, tensor: …}, {op: …} or "
                       "{initial_value_of: …}");
        return NULL;
    }
    if (is_mapping(value)) {
        const OpRow *row = require_op(b, tree_text(b->arena, &op), tree_place(b->tree, &op));
        if (!row) return NULL;
        Call call = call_of_mapping(b, &value->yaml, row);
        return build_initializer(b, &call, arguments);
    }
    if (!resolve_yaml(b, value)) return NULL;
    if (value->kind != EXPRESSION_CALL) return evaluate_value(b, value);
    const OpRow *row = require_op(b, value->text, value->name_place);
    if (!row) return NULL;
    Call call = call_of_expression(b, value, row);
    return build_initializer(b, &call, arguments);
}

/* A constant that an op or a variable's initial value gives. */
static GraphNode *compute_constant(Builder *b, const StateArguments *arguments, GraphNode *target,
                                   Place place) {
    Value *value = build_initial_value(b, arguments);
    if (!value) return NULL;
    GraphNode *node = begin_node(b, op_row(OP_IDENTITY), target, place);
    graph_add_input(b->graph, node, 0, value, arguments->value->place);
    *ARENA_PUSH(b->arena, b->computed, b->computed_count, b->computed_capacity) =
        (ComputedConstant){.node = node, .place = arguments->value->place};
    return node;
}

static void report_constant_value(Builder *b, const StateArguments *arguments) {
    Expression *value = arguments->value;
    if (value->yaml.kind == TREE_SEQUENCE)
        literal_from_tree(b, &value->yaml, arguments->dtype, NULL); /* names what is no number */
    else
        diagnose_error(b->diagnostics, value->place,
                       "the value of a constant is a number, lists of numbers, {file: …}, "
                       "{checkpoint: …, tensor: …} or {op: …}; an expression is a node by itself");
}

GraphNode *build_constant(Builder *b, const Call *call, GraphNode *target) {
    StateArguments arguments;
    if (!read_state_arguments(b, call, &arguments)) return NULL;
    bool is_other;
    size_t errors = diagnostics_error_count(b->diagnostics);
    ConstantData *data = read_data(b, &arguments, &is_other);
    if (data) return add_constant(b, data, NOT_WEAK, target, call->place);
    if (!is_other || diagnostics_error_count(b->diagnostics) != errors) return NULL;
    if (is_mapping(arguments.value)) return compute_constant(b, &arguments, target, call->place);
    report_constant_value(b, &arguments);
    return NULL;
}

static bool require_name(Builder *b, const Call *call, const GraphNode *target) {
    if (target && target->name) return true;
    return diagnose_error(b->diagnostics, call->place, "a %s is a node with a name of its own",
                          call->row->spelling);
}

GraphNode *build_variable(Builder *b, const Call *call, GraphNode *target) {
    StateArguments arguments;
    if (!require_name(b, call, target) || !read_state_arguments(b, call, &arguments)) return NULL;
    set_arguments(target, &arguments);
    target->arguments[op_parameter(call->row, "value")].place =
        arguments.value->place; /* for messages */
    target->variable->initial = build_initial_value(b, &arguments);
    return target->variable->initial ? target : NULL;
}

GraphNode *build_placeholder(Builder *b, const Call *call, GraphNode *target) {
    StateArguments arguments;
    if (!require_name(b, call, target) || !read_state_arguments(b, call, &arguments)) return NULL;
    set_arguments(target, &arguments);
    return target;
}

/* ---- when all nodes are there ---- */

typedef struct NodeStack {
    GraphNode **nodes;
    size_t count, capacity;
} NodeStack;

static bool check_initial_node(Builder *b, const Variable *variable, const GraphNode *node) {
    OpCode code = node->row->code;
    bool is_variable = code == OP_VARIABLE,
         is_fed = code == OP_PLACEHOLDER || code == OP_PLACEHOLDER_WITH_DEFAULT;
    if (!is_variable && !is_fed && !(node->row->effects & (READS | WRITES))) return true;
    const GraphNode *owner = variable->node;
    diagnose_error(b->diagnostics, owner->arguments[op_parameter(owner->row, "value")].place,
                   "the initial value of `%s` depends on `%s`, which is %s; `initialize` computes "
                   "it before any run%s%s%s",
                   variable->name, node->label,
                   is_variable ? "a variable"
                   : is_fed    ? "fed"
                               : "an op on a variable",
                   is_variable ? "; say {initial_value_of: " : "", is_variable ? node->label : "",
                   is_variable ? "} for the value it begins with" : "");
    return false;
}

/* Initial values are computed before any run, so they see neither feeds nor variables. */
static void check_initial_values(Builder *b) {
    NodeStack stack = {0};
    for (size_t v = 0; v < b->graph->variable_count; v++) {
        const Variable *variable = b->graph->variables[v];
        if (!variable->initial) continue;
        *ARENA_PUSH(b->arena, stack.nodes, stack.count, stack.capacity) = variable->initial->node;
        while (stack.count > 0) {
            GraphNode *node = stack.nodes[--stack.count];
            if (node->mark) continue;
            node->mark = 1;
            if (!check_initial_node(b, variable, node)) continue;
            if (node->row->code == OP_SHAPE)
                continue; /* sizes are known before any run, or refused */
            for (size_t i = 0; i < node->input_count; i++)
                *ARENA_PUSH(b->arena, stack.nodes, stack.count, stack.capacity) =
                    node->inputs[i]->node;
        }
    }
    for (size_t i = 0; i < b->graph->node_count; i++) b->graph->nodes[i]->mark = 0;
}

/* A constant is the same in every run, so nothing random goes into it. */
static void check_computed_constants(Builder *b) {
    NodeStack stack = {0};
    for (size_t k = 0; k < b->computed_count; k++) {
        *ARENA_PUSH(b->arena, stack.nodes, stack.count, stack.capacity) = b->computed[k].node;
        while (stack.count > 0) {
            GraphNode *node = stack.nodes[--stack.count];
            if (node->mark) continue;
            node->mark = 1;
            if (node->row->effects & (DRAWS | READS | WRITES) ||
                node->row->code == OP_PLACEHOLDER || node->row->code == OP_PLACEHOLDER_WITH_DEFAULT)
                diagnose_error(b->diagnostics, b->computed[k].place,
                               "%s is not the same in every run; declare a variable, whose value "
                               "is computed once",
                               node->label);
            for (size_t i = 0; i < node->input_count; i++)
                *ARENA_PUSH(b->arena, stack.nodes, stack.count, stack.capacity) =
                    node->inputs[i]->node;
        }
    }
    for (size_t i = 0; i < b->graph->node_count; i++) b->graph->nodes[i]->mark = 0;
}

/* The identity that copies another variable's initial value, or NULL: the way on from `copy`. */
static GraphNode *next_copy(const GraphNode *copy) {
    const Variable *source = copy->variable;
    GraphNode *next = source && source->initial ? source->initial->node : NULL;
    return next && next->row->code == OP_IDENTITY && next->variable ? next : NULL;
}

/* `a` begins as `b` does, and `b` as `a`. Copies that are known to end somewhere are marked, so that each is passed twice. */
static bool check_copies(Builder *b) {
    for (size_t i = 0; i < b->copy_count; i++) b->copies[i].node->variable = b->copies[i].source;
    bool fine = true;
    for (size_t i = 0; i < b->copy_count && fine; i++) {
        size_t steps = 0;
        GraphNode *copy = b->copies[i].node;
        while (copy && !copy->mark && steps++ <= b->copy_count) copy = next_copy(copy);
        fine = steps <= b->copy_count ||
               diagnose_error(b->diagnostics, b->copies[i].place,
                              "the initial value of `%s` is copied from itself, in a circle",
                              b->copies[i].source->name);
        copy = fine ? b->copies[i].node : NULL;
        for (; copy && !copy->mark; copy = next_copy(copy)) copy->mark = 1;
    }
    for (size_t i = 0; i < b->copy_count; i++) b->copies[i].node->variable = NULL;
    for (size_t i = 0; i < b->copy_count; i++) b->copies[i].node->mark = 0;
    return fine;
}

void settle_initial_values(Builder *b) {
    if (!check_copies(b)) return;
    for (size_t i = 0; i < b->copy_count; i++) {
        const InitialCopy *copy = &b->copies[i];
        if (copy->source->initial)
            graph_add_input(b->graph, copy->node, 0, copy->source->initial, copy->place);
    }
    check_initial_values(b);
    check_computed_constants(b);
}
