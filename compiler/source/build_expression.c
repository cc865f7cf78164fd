/* build_expression.c: expressions to nodes. Numbers among themselves fold; everything else is the
 * application of an op. */
#include "source/build_internal.h"
#include <string.h>

static Operand broken(void) {
    return (Operand){.kind = OPERAND_BROKEN};
}

static Operand value_operand(Value *value, Expression *expression) {
    return (Operand){.kind = value ? OPERAND_VALUE : OPERAND_BROKEN,
                     .value = value,
                     .node = value ? value->node : NULL,
                     .expression = expression};
}

const char *source_text(Builder *b, Place place) {
    enum { MOST = 40 };
    if (!place.file) return "";
    size_t length = place.length < MOST ? place.length : MOST;
    while (length > 0 && ((unsigned char)place.file->bytes[place.offset + length] & 0xc0) == 0x80 &&
           place.offset + length < place.file->length)
        length--;
    char *text = arena_format(b->arena, "%.*s%s", (int)length, place.file->bytes + place.offset,
                              place.length > MOST ? "…" : "");
    for (char *c = text; *c; c++)
        if (*c == '\n' || *c == '\r' || *c == '\t') *c = ' ';
    return text;
}

/* ---- YAML as an expression ---- */

Expression *expression_of_yaml(Builder *b, const TreeNode *yaml) {
    Expression *expression = arena_alloc(b->arena, sizeof *expression);
    expression->kind = EXPRESSION_YAML;
    expression->place = tree_place(b->tree, yaml);
    expression->yaml = *yaml;
    return expression;
}

static bool resolve_scalar(Builder *b, Expression *expression) {
    const char *text = tree_text(b->arena, &expression->yaml);
    bool found;
    Declared *declared;
    scope_value(b, text, &found, &declared);
    if (found) {
        expression->kind = EXPRESSION_NAME;
        expression->text = text;
        expression->is_backquoted = true;
        return true;
    }
    if (declared) { /* `name:k` without such an output */
        report_unknown_name(b, expression->place, text);
        return false;
    }
    Number number = tree_resolve(&expression->yaml);
    if (number.kind == NUMBER_TOO_LARGE)
        return diagnose_error(b->diagnostics, expression->place,
                              "the number does not fit in 64 bits");
    if (number.kind != NUMBER_NONE) {
        expression->kind = EXPRESSION_NUMBER;
        expression->number = number;
        return true;
    }
    Expression *parsed = expression_parse(b->arena, b->diagnostics, b->tree, &expression->yaml);
    if (parsed) *expression = *parsed;
    return parsed != NULL;
}

bool resolve_yaml(Builder *b, Expression *expression) {
    if (expression->kind != EXPRESSION_YAML) return true;
    TreeNode yaml = expression->yaml;
    if (yaml.kind == TREE_SCALAR) return resolve_scalar(b, expression);
    if (yaml.kind == TREE_MAPPING) return true; /* a node of its own */
    expression->kind = EXPRESSION_LIST;
    expression->item_count = yaml.length;
    expression->items = arena_alloc_array(b->arena, yaml.length, sizeof *expression->items);
    for (size_t i = 0; i < yaml.length; i++) {
        TreeNode item = tree_item(b->tree, &yaml, i);
        expression->items[i] = expression_of_yaml(b, &item);
    }
    return true;
}

/* What a name that is not declared may still mean. */
static bool number_of_name(Builder *b, const Expression *name, Number *number) {
    if (name->is_backquoted || scope_find(b, name->text)) return false;
    *number = number_from_text(name->text, strlen(name->text));
    return number->kind != NUMBER_NONE;
}

bool is_literal(Builder *b, Expression *expression) {
    Number number;
    if (expression->kind == EXPRESSION_YAML && expression->yaml.kind == TREE_MAPPING) return false;
    if (!resolve_yaml(b, expression)) return false;
    switch (expression->kind) {
    case EXPRESSION_NUMBER: return true;
    case EXPRESSION_NAME: return number_of_name(b, expression, &number);
    case EXPRESSION_LIST:
    case EXPRESSION_CHAIN:
    case EXPRESSION_UNARY:
        for (size_t i = 0; i < expression->item_count; i++)
            if (!is_literal(b, expression->items[i])) return false;
        return true;
    default: return false;
    }
}

/* ---- operators ---- */

static OpCode op_of(Operator op) {
    static const OpCode codes[] = {
        [OPERATOR_EQUAL] = OP_EQUAL,
        [OPERATOR_NOT_EQUAL] = OP_NOT_EQUAL,
        [OPERATOR_LESS] = OP_LESS,
        [OPERATOR_LESS_EQUAL] = OP_LESS_EQUAL,
        [OPERATOR_GREATER] = OP_GREATER,
        [OPERATOR_GREATER_EQUAL] = OP_GREATER_EQUAL,
        [OPERATOR_OR] = OP_BITWISE_OR,
        [OPERATOR_XOR] = OP_BITWISE_XOR,
        [OPERATOR_AND] = OP_BITWISE_AND,
        [OPERATOR_LEFT_SHIFT] = OP_LEFT_SHIFT,
        [OPERATOR_RIGHT_SHIFT] = OP_RIGHT_SHIFT,
        [OPERATOR_ADD] = OP_ADD,
        [OPERATOR_SUBTRACT] = OP_SUBTRACT,
        [OPERATOR_MULTIPLY] = OP_MULTIPLY,
        [OPERATOR_DIVIDE] = OP_DIVIDE,
        [OPERATOR_FLOOR_DIVIDE] = OP_FLOORDIV,
        [OPERATOR_MODULO] = OP_FLOORMOD,
        [OPERATOR_MATMUL] = OP_MATMUL,
        [OPERATOR_POWER] = OP_POW,
        [OPERATOR_NEGATE] = OP_NEGATIVE,
        [OPERATOR_PLUS] = OP_IDENTITY,
        [OPERATOR_INVERT] = OP_BITWISE_INVERT,
    };
    return codes[op];
}

Value *apply_op(Builder *b, OpCode code, Expression *const *places, Value *const *inputs,
                size_t count, GraphNode *target, Place place) {
    for (size_t i = 0; i < count; i++)
        if (!inputs[i]) return NULL;
    GraphNode *node = begin_node(b, op_row(code), target, place);
    for (size_t i = 0; i < count; i++)
        graph_add_input(b->graph, node, i, inputs[i], places[i] ? places[i]->place : place);
    return node->outputs[0];
}

/* The stretch from the start of the chain to the end of its operand number k. */
static Place chain_place(const Expression *chain, size_t k) {
    Place place = chain->place;
    const Place *last = &chain->items[k]->place;
    if (k + 1 < chain->item_count && last->offset + last->length > place.offset)
        place.length = last->offset + last->length - place.offset;
    return place;
}

static Operand evaluate_chain(Builder *b, Expression *chain, GraphNode *target) {
    Operand result = evaluate(b, chain->items[0], NULL);
    for (size_t i = 1; i < chain->item_count; i++) {
        Operator op = chain->operators[i - 1];
        Operand right = evaluate(b, chain->items[i], NULL);
        if (result.kind == OPERAND_BROKEN || right.kind == OPERAND_BROKEN) {
            result = broken();
            continue;
        }
        Place place = chain_place(chain, i);
        Expression *left_expression = result.expression;
        if (result.kind == OPERAND_NUMBER && right.kind == OPERAND_NUMBER) {
            if (!number_fold_binary(b->diagnostics, place, op, result.number, right.number,
                                    &result.number))
                return broken();
            continue;
        }
        Value *inputs[] = {operand_value(b, result, NULL), operand_value(b, right, NULL)};
        Expression *places[] = {left_expression, right.expression};
        Value *value = apply_op(b, op_of(op), places, inputs, 2,
                                i + 1 == chain->item_count ? target : NULL, place);
        result = value_operand(value, NULL);
        if (value && i + 1 < chain->item_count) {
            /* For messages about the next operator: what stands on its left. */
            result.expression = arena_alloc(b->arena, sizeof *result.expression);
            result.expression->place = place;
        }
    }
    if (result.kind != OPERAND_BROKEN) result.expression = chain;
    return result;
}

static Operand evaluate_unary(Builder *b, Expression *unary, GraphNode *target) {
    Operand operand = evaluate(b, unary->items[0], NULL);
    if (operand.kind == OPERAND_BROKEN) return operand;
    Operator op = unary->operators[0];
    if (operand.kind == OPERAND_NUMBER) {
        if (!number_fold_unary(b->diagnostics, unary->place, op, operand.number, &operand.number))
            return broken();
        operand.expression = unary;
        return operand;
    }
    Value *input = operand_value(b, operand, NULL);
    return value_operand(apply_op(b, op_of(op), unary->items, &input, 1, target, unary->place),
                         unary);
}

static Operand evaluate_name(Builder *b, Expression *name) {
    bool found;
    Declared *declared;
    Value *value = scope_value(b, name->text, &found, &declared);
    Number number;
    if (value) return value_operand(value, name);
    if (found)
        return declared->node
                   ? (Operand){.kind = OPERAND_NODE, .node = declared->node, .expression = name}
                   : broken();
    if (!name->is_backquoted && number_of_name(b, name, &number))
        return (Operand){.kind = OPERAND_NUMBER, .number = number, .expression = name};
    report_unknown_name(b, name->place, name->text);
    if (op_find(name->text) && !declared)
        diagnose_note(b->diagnostics, name->place, "there is an op of that name: %s(…)",
                      name->text);
    return broken();
}

/* An op whose outputs are a list has one at least where it is used. */
static Operand node_operand(Builder *b, GraphNode *node, Expression *expression) {
    if (!node) return broken();
    if (node->row->output_count == 0)
        return (Operand){.kind = OPERAND_NODE, .node = node, .expression = expression};
    return (Operand){.kind = OPERAND_VALUE,
                     .node = node,
                     .value = graph_output(b->graph, node, 0),
                     .expression = expression};
}

Operand evaluate(Builder *b, Expression *expression, GraphNode *target) {
    if (!resolve_yaml(b, expression)) return broken();
    GraphNode *node;
    switch (expression->kind) {
    case EXPRESSION_NUMBER:
        return (Operand){
            .kind = OPERAND_NUMBER, .number = expression->number, .expression = expression};
    case EXPRESSION_STRING: return (Operand){.kind = OPERAND_STRING, .expression = expression};
    case EXPRESSION_LIST: return (Operand){.kind = OPERAND_LIST, .expression = expression};
    case EXPRESSION_NAME: return evaluate_name(b, expression);
    case EXPRESSION_VALUE: return value_operand(expression->value, expression);
    case EXPRESSION_CHAIN: return evaluate_chain(b, expression, target);
    case EXPRESSION_UNARY: return evaluate_unary(b, expression, target);
    case EXPRESSION_CALL:
        return node_operand(b, build_call_expression(b, expression, target), expression);
    case EXPRESSION_INDEX: return evaluate_index(b, expression, target);
    case EXPRESSION_YAML: /* a mapping */
        build_mapping_node(b, &expression->yaml, NULL, &node);
        return node_operand(b, node, expression);
    case EXPRESSION_SLICE:
    case EXPRESSION_ELLIPSIS: break;
    }
    diagnose_error(b->diagnostics, expression->place,
                   "`...` and `:` stand only between the brackets of an index");
    return broken();
}

/* ---- tensors ---- */

/* A list with nodes in it is those values side by side. */
static Value *stack_list(Builder *b, Expression *list, GraphNode *target) {
    Value **values = arena_alloc_array(b->arena, list->item_count, sizeof *values);
    bool fine = true;
    for (size_t i = 0; i < list->item_count; i++) {
        values[i] = evaluate_value(b, list->items[i]);
        fine &= values[i] != NULL;
    }
    if (!fine) return NULL;
    GraphNode *node = begin_node(b, op_row(OP_STACK), target, list->place);
    for (size_t i = 0; i < list->item_count; i++)
        graph_add_input(b->graph, node, 0, values[i], list->items[i]->place);
    return node->outputs[0];
}

Value *operand_value(Builder *b, Operand operand, GraphNode *target) {
    Expression *expression = operand.expression;
    WeakKind weak = NOT_WEAK;
    ConstantData *data;
    switch (operand.kind) {
    case OPERAND_VALUE: return operand.value;
    case OPERAND_NUMBER: {
        Expression folded = {
            .kind = EXPRESSION_NUMBER, .number = operand.number, .place = expression->place};
        if (operand.number.kind == NUMBER_NULL) {
            diagnose_error(b->diagnostics, expression->place, "None is no value here");
            return NULL;
        }
        data = literal_from_expression(b, &folded, TFCC_NONE, NULL, &weak);
        break;
    }
    case OPERAND_LIST:
        if (!is_literal(b, expression)) return stack_list(b, expression, target);
        data = literal_from_expression(b, expression, TFCC_NONE, NULL, &weak);
        break;
    case OPERAND_STRING:
        diagnose_error(b->diagnostics, expression->place,
                       "a text in quotes is no tensor; the name of a node stands without quotes, "
                       "or in backquotes");
        return NULL;
    case OPERAND_NODE:
        diagnose_error(b->diagnostics, expression->place, "`%s` is a target (%s) and has no value",
                       source_text(b, expression->place), operand.node->row->spelling);
        return NULL;
    default: return NULL;
    }
    if (!data) return NULL;
    return add_constant(b, data, target ? NOT_WEAK : weak, target, expression->place)->outputs[0];
}

Value *evaluate_value(Builder *b, Expression *expression) {
    return operand_value(b, evaluate(b, expression, NULL), NULL);
}

void fill_expression(Builder *b, Expression *expression, GraphNode *target) {
    Operand result = evaluate(b, expression, target);
    bool is_name = expression->kind == EXPRESSION_NAME; /* `a: a` is a cycle, not done */
    if (result.kind == OPERAND_BROKEN || (result.node == target && !is_name)) return;
    if (result.kind == OPERAND_NUMBER || result.kind == OPERAND_LIST) {
        ConstantData *data;
        if (result.kind == OPERAND_LIST && !is_literal(b, expression)) {
            operand_value(b, result, target);
            return;
        }
        Expression folded = {
            .kind = EXPRESSION_NUMBER, .number = result.number, .place = expression->place};
        data = literal_from_expression(b, result.kind == OPERAND_LIST ? expression : &folded,
                                       TFCC_NONE, NULL, NULL);
        if (data) add_constant(b, data, NOT_WEAK, target, expression->place);
        return;
    }
    Value *value = operand_value(b, result, NULL);
    if (!value) return;
    change_row(b, target, op_row(OP_IDENTITY));
    graph_add_input(b->graph, target, 0, value, expression->place);
}
