/* build_arguments.c: an ordinary op's node from its bound arguments, one parameter after the other.
 */
#include "source/build_internal.h"
#include "support/dtype.h"
#include <string.h>

/* ---- attributes ---- */

/* A word as it stands: an identifier, a text in quotes, a word of YAML. NULL where it is something
 * else. */
static const char *word_of(Builder *b, const Expression *expression) {
    if (expression->kind == EXPRESSION_NAME || expression->kind == EXPRESSION_STRING)
        return expression->text;
    if (expression->kind == EXPRESSION_YAML && expression->yaml.kind == TREE_SCALAR) {
        const char *text = tree_text(b->arena, &expression->yaml);
        size_t length = strlen(text);
        /* `equation: 'ij,jk->ik'` loses YAML's quotes; "'ij'" keeps a pair of its own */
        if (length >= 2 && (text[0] == '\'' || text[0] == '"') && text[length - 1] == text[0])
            return arena_copy_text(b->arena, text + 1, length - 2);
        return text;
    }
    return NULL;
}

bool read_number(Builder *b, Expression *expression, const char *what, Number *number) {
    /* No attribute is a node, so a number is one even where a node bears its name. */
    *number = expression->kind == EXPRESSION_YAML ? tree_resolve(&expression->yaml) : (Number){0};
    if (number->kind == NUMBER_BOOL || number->kind == NUMBER_INTEGER ||
        number->kind == NUMBER_FLOAT)
        return true;
    if (!resolve_yaml(b, expression)) return false;
    if (expression->kind == EXPRESSION_LIST || !is_literal(b, expression))
        return diagnose_error(b->diagnostics, expression->place,
                              "%s is an attribute: a number written here, not `%s`", what,
                              source_text(b, expression->place));
    Operand operand = evaluate(b, expression, NULL);
    if (operand.kind != OPERAND_NUMBER) return false;
    *number = operand.number;
    return true;
}

bool read_dtype(Builder *b, Expression *expression, tfcc_dtype *dtype) {
    const char *word = word_of(b, expression);
    if (!word)
        return diagnose_error(b->diagnostics, expression->place,
                              "the name of a dtype is expected here, as float32");
    *dtype = dtype_from_name(word);
    if (*dtype != TFCC_NONE) return true;
    size_t count;
    const DtypeInfo *table = dtype_table(&count);
    Map names = map_create(b->arena);
    for (size_t i = 0; i < count; i++) map_set(&names, table[i].name, NULL);
    const MapEntry *near = map_nearest(&names, word);
    return diagnose_error(b->diagnostics, expression->place, "there is no dtype `%s`%s%s%s", word,
                          near ? "; did you mean `" : "", near ? near->key : "", near ? "`?" : "");
}

/* One size: a number, null, or the name of a dimension. */
static bool read_size(Builder *b, Expression *item, ShapeEntry *entry) {
    Number number = {0};
    const char *word = NULL;
    *entry = (ShapeEntry){.size = -1};
    if (item->kind == EXPRESSION_YAML && item->yaml.kind == TREE_MAPPING &&
        item->yaml.length == 1 && item->yaml.as.pairs[0].key.length == 0)
        return true; /* what YAML makes of `?` */
    if (item->kind == EXPRESSION_YAML) {
        number = tree_resolve(&item->yaml);
        if (number.kind == NUMBER_NONE) word = word_of(b, item);
    } else if (item->kind == EXPRESSION_NAME) {
        number = number_from_text(item->text, strlen(item->text));
        if (number.kind == NUMBER_NONE) word = item->text;
    } else if (!is_literal(b, item) || item->kind == EXPRESSION_LIST ||
               !read_number(b, item, "a size", &number)) {
        return diagnose_error(b->diagnostics, item->place,
                              "a size is a number, null, or the name of a dimension");
    }
    if (number.kind == NUMBER_NULL) return true;
    if (number.kind == NUMBER_INTEGER && number.integer >= 0 && number.integer <= INT64_MAX)
        return entry->size = (int64_t)number.integer, true;
    if (number.kind == NUMBER_INTEGER && number.integer < 0)
        return diagnose_error(
            b->diagnostics, item->place,
            "a size is not negative; an unknown one is written null, or as a name: [batch, 784]");
    if (word && is_identifier(word)) return entry->name = word, true;
    return diagnose_error(
        b->diagnostics, item->place,
        "a size is a number, null, or the name of a dimension (letters, digits, _)");
}

bool read_shape(Builder *b, Expression *expression, Argument *argument) {
    if (expression->kind == EXPRESSION_YAML && expression->yaml.kind == TREE_SEQUENCE &&
        !resolve_yaml(b, expression))
        return false;
    if (expression->kind != EXPRESSION_LIST)
        return diagnose_error(b->diagnostics, expression->place,
                              "a shape is a list of sizes, as [null, 784]; [] is a scalar's");
    if (expression->item_count > MAX_RANK)
        return diagnose_error(b->diagnostics, expression->place,
                              "the shape has rank %zu; ranks go to %d", expression->item_count,
                              MAX_RANK);
    ShapeEntry *sizes = arena_alloc_array(b->arena, expression->item_count, sizeof *sizes);
    for (size_t i = 0; i < expression->item_count; i++)
        if (!read_size(b, expression->items[i], &sizes[i])) return false;
    *argument = (Argument){.kind = ARGUMENT_SHAPE,
                           .place = expression->place,
                           .count = expression->item_count,
                           .as.sizes = sizes};
    return true;
}

/* How many numbers nested lists hold. */
static size_t count_numbers(Builder *b, Expression *expression) {
    if (!resolve_yaml(b, expression) || expression->kind != EXPRESSION_LIST) return 1;
    size_t count = 0;
    for (size_t i = 0; i < expression->item_count; i++)
        count += count_numbers(b, expression->items[i]);
    return count;
}

static bool fill_integers(Builder *b, Expression *expression, const char *what, int64_t **at) {
    if (!resolve_yaml(b, expression)) return false;
    if (expression->kind == EXPRESSION_LIST) {
        for (size_t i = 0; i < expression->item_count; i++)
            if (!fill_integers(b, expression->items[i], what, at)) return false;
        return true;
    }
    Number number;
    if (!read_number(b, expression, what, &number)) return false;
    if (number.kind != NUMBER_INTEGER || number.integer > INT64_MAX)
        return diagnose_error(b->diagnostics, expression->place, "%s takes whole numbers", what);
    *(*at)++ = (int64_t)number.integer;
    return true;
}

/* One whole number, or nested lists of them, row by row. */
static bool read_integers(Builder *b, Expression *expression, const char *what,
                          Argument *argument) {
    argument->kind = ARGUMENT_INTEGERS;
    argument->count = count_numbers(b, expression);
    int64_t *integers = arena_alloc_array(b->arena, argument->count + 1, sizeof *integers);
    argument->as.integers = integers;
    return fill_integers(b, expression, what, &integers);
}

static bool is_list_or_number(Builder *b, Expression *expression) {
    if (expression->kind == EXPRESSION_YAML && expression->yaml.kind == TREE_SCALAR) {
        NumberKind kind = tree_resolve(&expression->yaml).kind;
        return kind == NUMBER_INTEGER || kind == NUMBER_FLOAT || kind == NUMBER_BOOL;
    }
    return !word_of(b, expression);
}

static bool read_attribute(Builder *b, const Call *call, const Parameter *parameter,
                           Expression *expression, Argument *argument) {
    const char *what = arena_format(b->arena, "`%s` of %s", parameter->name, call->spelling);
    Place place = expression->place;
    Number number;
    Argument result = {.kind = parameter->attribute, .place = place};
    switch (parameter->attribute) {
    case ARGUMENT_BOOL:
        if (!read_number(b, expression, what, &number)) return false;
        if (number.kind != NUMBER_BOOL)
            return diagnose_error(b->diagnostics, place, "%s is true or false", what);
        result.as.boolean = number.boolean;
        break;
    case ARGUMENT_INTEGER:
        if (!read_number(b, expression, what, &number)) return false;
        if (number.kind != NUMBER_INTEGER || number.integer > INT64_MAX)
            return diagnose_error(b->diagnostics, place, "%s is a whole number", what);
        result.as.integer = (int64_t)number.integer;
        break;
    case ARGUMENT_FLOAT:
        if (!read_number(b, expression, what, &number)) return false;
        if (number.kind != NUMBER_INTEGER && number.kind != NUMBER_FLOAT)
            return diagnose_error(b->diagnostics, place, "%s is a number", what);
        result.as.number = number.kind == NUMBER_FLOAT ? number.real : (double)number.integer;
        break;
    case ARGUMENT_DTYPE:
        if (!read_dtype(b, expression, &result.as.dtype)) return false;
        break;
    case ARGUMENT_WORD:
        result.as.word = word_of(b, expression);
        if (!result.as.word)
            return diagnose_error(b->diagnostics, place, "%s is a word, or a text in quotes", what);
        break;
    case ARGUMENT_SHAPE:
        if (!read_shape(b, expression, &result)) return false;
        break;
    case ARGUMENT_WORD_OR_INTEGERS:
        result.kind = ARGUMENT_WORD;
        if (is_list_or_number(b, expression)) {
            if (!read_integers(b, expression, what, &result)) return false;
        } else {
            result.as.word = word_of(b, expression);
        }
        break;
    default:
        if (!read_integers(b, expression, what, &result)) return false;
        break;
    }
    *argument = result;
    return true;
}

/* ---- inputs ---- */

/* "a constant", "the result of add" */
static const char *describe_node(Builder *b, const GraphNode *node) {
    switch (node->row->code) {
    case OP_CONSTANT: return "a constant";
    case OP_PLACEHOLDER:
    case OP_PLACEHOLDER_WITH_DEFAULT: return "a placeholder";
    default: return arena_format(b->arena, "the result of %s", node->row->spelling);
    }
}

static bool fill_variable(Builder *b, const Call *call, GraphNode *node, Expression *expression) {
    if (!resolve_yaml(b, expression)) return false;
    if (expression->kind == EXPRESSION_VALUE) { /* of a composition, which names variables only */
        node->variable = expression->value->node->variable;
        return node->variable != NULL;
    }
    if (expression->kind != EXPRESSION_NAME)
        return diagnose_error(b->diagnostics, expression->place,
                              "%s: the target is the name of a variable, not `%s`", call->spelling,
                              source_text(b, expression->place));
    bool found;
    Declared *declared;
    scope_value(b, expression->text, &found, &declared);
    if (!found) {
        report_unknown_name(b, expression->place, expression->text);
        return false;
    }
    if (!declared->node) return false;
    if (declared->node->row->code == OP_VARIABLE) {
        node->variable = declared->node->variable;
        return true;
    }
    diagnose_error(b->diagnostics, expression->place,
                   "%s: the target `%s` is %s; declare it a variable, {op: variable, value: …}",
                   call->spelling, declared->name, describe_node(b, declared->node));
    note_declared(b, declared);
    return false;
}

/* The items of a list; in a group also those that have no value. */
static bool fill_list(Builder *b, GraphNode *node, size_t p, const Bound *bound) {
    Expression **items = bound->items;
    size_t count = bound->item_count;
    if (bound->value) {
        if (!resolve_yaml(b, bound->value)) return false;
        bool is_list = bound->value->kind == EXPRESSION_LIST;
        items = is_list ? bound->value->items : (Expression **)(uintptr_t)&bound->value;
        count = is_list ? bound->value->item_count : 1;
    }
    if (count == 0) {
        if (node->row->parameters[p].letter)
            return diagnose_error(b->diagnostics, bound->value ? bound->value->place : node->place,
                                  "%s: `%s` needs at least one tensor", node->row->spelling,
                                  node->row->parameters[p].name);
        graph_empty_list(node, p);
        return true;
    }
    bool fine = true, is_group = node->row->code == OP_GROUP;
    Value **values = arena_alloc_array(b->arena, count, sizeof *values);
    for (size_t i = 0; i < count; i++) {
        Operand operand = evaluate(b, items[i], NULL);
        if (is_group && operand.kind == OPERAND_NODE) {
            graph_add_after(b->graph, node, operand.node);
            continue;
        }
        values[i] = operand_value(b, operand, NULL);
        fine &= values[i] != NULL;
    }
    if (!fine) return false;
    graph_empty_list(node, p);
    for (size_t i = 0; i < count; i++)
        if (values[i]) graph_add_input(b->graph, node, p, values[i], items[i]->place);
    return true;
}

bool fill_parameter(Builder *b, const Call *call, GraphNode *node, size_t p, const Bound *bound) {
    const Parameter *parameter = &node->row->parameters[p];
    if (!bound->is_given) {
        if (parameter->kind == PARAMETER_TENSOR_LIST) graph_empty_list(node, p);
        return true;
    }
    switch (parameter->kind) {
    case PARAMETER_TENSOR: {
        Value *value = evaluate_value(b, bound->value);
        if (!value) return false;
        graph_add_input(b->graph, node, p, value, bound->value->place);
        return true;
    }
    case PARAMETER_TENSOR_LIST: return fill_list(b, node, p, bound);
    case PARAMETER_VARIABLE: return fill_variable(b, call, node, bound->value);
    case PARAMETER_ATTRIBUTE:
        return read_attribute(b, call, parameter, bound->value, &node->arguments[p]);
    case PARAMETER_VALUE: break;
    }
    return true;
}

/* Random ops without a seed take it from the name of the node they belong to; a second one in the
 * same expression takes another. */
static void default_seed(Builder *b, GraphNode *node) {
    int p = op_parameter(node->row, "seed");
    if (p < 0 || node->arguments[p].kind != ARGUMENT_ABSENT) return;
    const char *label = b->owner ? b->owner->label : node->label;
    const char *text =
        b->draw_count ? arena_format(b->arena, "%s#%zu", label, b->draw_count) : label;
    b->draw_count++;
    node->arguments[p].kind = ARGUMENT_INTEGER;
    node->arguments[p].as.integer = (int64_t)(hash_bytes(text, strlen(text)) & INT64_MAX);
}

GraphNode *build_call(Builder *b, const Call *call, GraphNode *target) {
    Bound *bound = bind_arguments(b, call);
    if (!bound) return NULL;
    GraphNode *node = begin_node(b, call->row, target, call->place);
    bool fine = true;
    for (size_t p = 0; p < call->row->parameter_count; p++)
        fine &= fill_parameter(b, call, node, p, &bound[p]);
    default_seed(b, node);
    return fine ? node : NULL;
}
