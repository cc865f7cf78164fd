/* build_bind.c: which argument stands for which parameter.
 *
 * A call takes its arguments as Python does, in the order of the row or by name. A node in mapping
 * form takes its `inputs` in the order of the row's tensors, leaving out what has a key of its own.
 * The spellings of TensorFlow's older and newer functions are taken for each other.
 */
#include "source/build_internal.h"
#include "support/text.h"
#include <string.h>

/* Names that mean the same parameter; a row has at most one of each group. */
static const char *const synonyms[][10] = {
    {"keepdims", "keep_dims"},
    {"axis", "axes", "dim", "dims", "dimension", "reduction_indices", "squeeze_dims", "concat_dim",
     "split_dim"},
    {"dtype", "type", "out_type", "output_type"},
    {"num_or_size_splits", "num_split", "size_splits"},
    {"condition", "cond", "pred", "predicate", "mask"},
    {"multiples", "reps"},
    {"strides", "stride"},
    {"filters", "filter"},
    {"dilations", "dilation", "rates", "rate", "dilation_rate"},
    {"ksize", "sizes", "window_shape", "pool_size"},
    {"equation", "subscripts"},
    {"stop", "limit", "end"},
    {"size", "sizes"},
};

/* The first parameter of many functions is just "the tensor". */
static const char *const tensor_names[] = {
    "x", "input", "input_tensor", "features", "logits", "tensor", "value", "values",
    "a", "t",     "params",       "diagonal", "inputs", NULL};

static bool is_among(const char *word, const char *const *words, size_t count) {
    for (size_t i = 0; i < count && words[i]; i++)
        if (strcmp(word, words[i]) == 0) return true;
    return false;
}

/* The parameter of this name or of another name for it, or -1. */
static int find_parameter(const OpRow *row, const char *name) {
    int exact = op_parameter(row, name);
    if (exact >= 0) return exact;
    for (size_t g = 0; g < sizeof synonyms / sizeof *synonyms; g++) {
        if (!is_among(name, synonyms[g], 10)) continue;
        for (size_t p = 0; p < row->parameter_count; p++)
            if (is_among(row->parameters[p].name, synonyms[g], 10)) return (int)p;
    }
    const Parameter *first = row->parameters;
    if (row->parameter_count > 0 && first->kind != PARAMETER_ATTRIBUTE &&
        is_among(name, tensor_names, 20) && is_among(first->name, tensor_names, 20))
        return 0;
    return -1;
}

/* `matmul(a, b, transpose_a=false, transpose_b=false)` */
static const char *row_text(Builder *b, const OpRow *row) {
    Text text = {.arena = b->arena};
    text_add_format(&text, "%s(", row->spelling);
    for (size_t p = 0; p < row->parameter_count; p++) {
        const Parameter *parameter = &row->parameters[p];
        text_add_format(&text, "%s%s", p ? ", " : "", parameter->name);
        if (parameter->kind == PARAMETER_TENSOR_LIST) text_add(&text, "=[…]");
        if (parameter->text) text_add_format(&text, "=%s", parameter->text);
        if (parameter->is_optional) text_add(&text, "?");
    }
    text_add(&text, ")");
    return text.bytes;
}

static bool report_unknown_parameter(Builder *b, const Call *call, const CallArgument *argument) {
    const OpRow *row = call->row;
    Map names = map_create(b->arena);
    for (size_t p = 0; p < row->parameter_count; p++)
        map_set(&names, row->parameters[p].name, NULL);
    if (call->is_mapping)
        for (const char *const *key =
                 (const char *const[]){"op", "inputs", "outputs", "after", NULL};
             *key; key++)
            map_set(&names, *key, NULL);
    const MapEntry *near = map_nearest(&names, argument->keyword);
    const char *what = call->is_mapping ? "key" : "argument";
    diagnose_error(b->diagnostics, argument->keyword_place, "%s has no %s `%s`%s%s%s",
                   call->spelling, what, argument->keyword,
                   near ? "; did you mean `" : "; the op is ", near ? near->key : row_text(b, row),
                   near ? "`?" : "");
    return false;
}

static bool bind_keyword(Builder *b, const Call *call, const CallArgument *argument, Bound *bound) {
    int p = find_parameter(call->row, argument->keyword);
    if (p < 0) return report_unknown_parameter(b, call, argument);
    if (bound[p].is_given)
        return diagnose_error(b->diagnostics, argument->keyword_place, "%s: `%s` is given twice",
                              call->spelling, call->row->parameters[p].name);
    bound[p] = (Bound){.value = argument->value, .is_given = true};
    return true;
}

static bool is_tensor_kind(const Parameter *parameter) {
    return parameter->kind == PARAMETER_TENSOR || parameter->kind == PARAMETER_TENSOR_LIST ||
           parameter->kind == PARAMETER_VARIABLE;
}

static bool is_list_expression(const Expression *expression) {
    return expression->kind == EXPRESSION_LIST ||
           (expression->kind == EXPRESSION_YAML && expression->yaml.kind == TREE_SEQUENCE);
}

/* How many of the `left` positions a list takes that stands at parameter p. */
static size_t positions_of_list(const Call *call, const Bound *bound, size_t p,
                                const Expression *first, size_t left) {
    const OpRow *row = call->row;
    size_t behind = 0; /* tensors that may still follow by position */
    for (size_t k = p + 1; k < row->parameter_count; k++)
        behind += is_tensor_kind(&row->parameters[k]) && !bound[k].is_given;
    if (call->is_mapping) return is_list_expression(first) && left - 1 <= behind ? 1 : left;
    bool is_last = p + 1 == row->parameter_count;
    return is_last && (left > 1 || !is_list_expression(first)) ? left : 1;
}

/* A plain word that YAML cut at a comma: `maximum(a`. */
static bool is_cut(const Expression *expression) {
    if (expression->kind != EXPRESSION_YAML || !expression->yaml.is_flow ||
        expression->yaml.is_quoted)
        return false;
    int open = 0;
    for (size_t i = 0; expression->yaml.kind == TREE_SCALAR && i < expression->yaml.length; i++)
        open += (expression->yaml.as.text[i] == '(') - (expression->yaml.as.text[i] == ')');
    return open > 0;
}

static bool too_many(Builder *b, const Call *call, Expression **values, const Expression *extra,
                     size_t count, size_t allowed) {
    for (size_t i = 0; i < count; i++)
        if (is_cut(values[i]))
            return diagnose_error(b->diagnostics, values[i]->place,
                                  "YAML ends a plain word inside [ ] or { } at a comma or bracket; "
                                  "put the expression in "
                                  "double quotes");
    return diagnose_error(b->diagnostics, extra->place,
                          "%s takes at most %zu %s%s by position, %zu are given; the op is %s",
                          call->spelling, allowed, call->is_mapping ? "input" : "argument",
                          allowed == 1 ? "" : "s", count, row_text(b, call->row));
}

static bool bind_positions(Builder *b, const Call *call, Expression **values, size_t count,
                           Bound *bound) {
    const OpRow *row = call->row;
    size_t next = 0, allowed = 0;
    for (size_t p = 0; p < row->parameter_count; p++) {
        const Parameter *parameter = &row->parameters[p];
        if (call->is_mapping && (!is_tensor_kind(parameter) || bound[p].is_given)) continue;
        allowed++;
        if (next == count) continue;
        if (bound[p].is_given)
            return diagnose_error(b->diagnostics, values[next]->place, "%s: `%s` is given twice",
                                  call->spelling, parameter->name);
        bound[p] = (Bound){.value = values[next], .is_given = true};
        size_t taken = 1;
        if (parameter->kind == PARAMETER_TENSOR_LIST)
            taken = positions_of_list(call, bound, p, values[next], count - next);
        if (taken > 1 ||
            (parameter->kind == PARAMETER_TENSOR_LIST && !is_list_expression(values[next])))
            bound[p] = (Bound){.items = values + next, .item_count = taken, .is_given = true};
        next += taken;
    }
    return next == count || too_many(b, call, values, values[next], count, allowed);
}

static bool is_none(Builder *b, Expression *expression) {
    if (expression->kind == EXPRESSION_YAML)
        return expression->yaml.kind == TREE_SCALAR &&
               tree_resolve(&expression->yaml).kind == NUMBER_NULL &&
               !scope_find(b, tree_text(b->arena, &expression->yaml));
    if (expression->kind == EXPRESSION_NAME && !expression->is_backquoted &&
        !scope_find(b, expression->text))
        return number_from_text(expression->text, strlen(expression->text)).kind == NUMBER_NULL;
    return expression->kind == EXPRESSION_NUMBER && expression->number.kind == NUMBER_NULL;
}

/* Everything that has to be given is; None stands for nothing. */
static bool check_missing(Builder *b, const Call *call, Bound *bound) {
    const OpRow *row = call->row;
    bool fine = true;
    for (size_t p = 0; p < row->parameter_count; p++) {
        const Parameter *parameter = &row->parameters[p];
        bool is_needed = !parameter->is_optional && !parameter->text;
        if (bound[p].value && is_none(b, bound[p].value)) bound[p] = (Bound){0};
        /* A list of anything (what is printed, what is grouped) may be empty. */
        if (parameter->kind == PARAMETER_TENSOR_LIST && !parameter->letter) is_needed = false;
        if (bound[p].is_given || !is_needed) continue;
        fine = diagnose_error(b->diagnostics, call->place, "%s: `%s` is missing; the op is %s",
                              call->spelling, parameter->name, row_text(b, row));
    }
    return fine;
}

Bound *bind_arguments(Builder *b, const Call *call) {
    Bound *bound = arena_alloc_array(b->arena, call->row->parameter_count, sizeof *bound);
    Expression **positions = arena_alloc_array(b->arena, call->count, sizeof *positions);
    size_t position_count = 0;
    bool fine = true;
    for (size_t i = 0; i < call->count; i++)
        if (!call->arguments[i].keyword) positions[position_count++] = call->arguments[i].value;
    /* Keys of a mapping come first, since positions leave out what they give; in a call it is the
     * other way round. */
    if (!call->is_mapping) fine = bind_positions(b, call, positions, position_count, bound);
    for (size_t i = 0; i < call->count; i++)
        if (call->arguments[i].keyword) fine &= bind_keyword(b, call, &call->arguments[i], bound);
    if (call->is_mapping) fine = bind_positions(b, call, positions, position_count, bound) && fine;
    return fine && check_missing(b, call, bound) ? bound : NULL;
}
