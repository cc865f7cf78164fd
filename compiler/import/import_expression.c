/* import_expression.c: the expression of a row, with the names of the model in the place of its own. */
#include "graph/print.h"
#include "import/import_internal.h"
#include "support/dtype.h"
#include <ctype.h>
#include <string.h>

typedef struct Writer {
    ImportNode *n;
    Text *out;
} Writer;

static bool write_expression(Writer *w, const Expression *expression);

static const ImportBinding *binding_of(const Writer *w, const Expression *expression) {
    return expression->kind == EXPRESSION_NAME && !expression->is_backquoted
               ? import_binding(w->n, expression->text)
               : NULL;
}

/* A name that is the value of a constant of the model. */
static const ConstantData *constant_of(const Writer *w, const Expression *expression) {
    const ImportBinding *binding = binding_of(w, expression);
    if (!binding || binding->kind != BOUND_VALUE || !binding->value->tensor) return NULL;
    const OnnxTensor *tensor = binding->value->tensor;
    if (tensor->data.element_count > IMPORT_INLINE_ELEMENTS) return NULL;
    return import_value(w->n, expression->text) ? &binding->value->tensor->data : NULL;
}

/* `scalar(x)` is looked at as x. */
static const Expression *inside_scalar(const Expression *expression) {
    bool is_scalar = expression->kind == EXPRESSION_CALL && expression->item_count == 1 &&
                     strcmp(expression->text, "scalar") == 0;
    return is_scalar ? expression->items[0] : expression;
}

static bool is_number(const Writer *w, const Expression *expression) {
    expression = inside_scalar(expression);
    const ImportBinding *binding = binding_of(w, expression);
    if (binding && binding->kind == BOUND_TEXT) return true;
    if (binding && binding->kind == BOUND_VALUE) return binding->value->tensor != NULL;
    if (expression->kind == EXPRESSION_NUMBER) return true;
    if (expression->kind != EXPRESSION_UNARY && expression->kind != EXPRESSION_CHAIN &&
        expression->kind != EXPRESSION_LIST)
        return false;
    for (size_t i = 0; i < expression->item_count; i++)
        if (!is_number(w, expression->items[i])) return false;
    return true;
}

static bool write_value(Writer *w, ImportValue *value) {
    const char *reason = NULL;
    if (value->tensor && !import_write_constant(w->n->importer, value, &reason))
        return import_refuse(w->n, "%s", reason);
    import_add_name(w->out, value->name);
    return true;
}

/* In an expression of several operands a piece of text keeps its brackets. */
static void write_text(Writer *w, const char *text, bool is_operand) {
    bool is_atom = true;
    for (const char *at = text; is_operand && is_atom && *at; at++)
        is_atom = isalnum((unsigned char)*at) || strchr("._'\"", *at) ||
                  (at > text && at[-1] == 'e' && *at == '-');
    if (!is_atom) text_add_char(w->out, '(');
    text_add(w->out, text);
    if (!is_atom) text_add_char(w->out, ')');
}

/* `value:k`, in backquotes, of a name that is bound. */
static bool write_numbered(Writer *w, const Expression *name) {
    const char *colon = strrchr(name->text, ':');
    Arena *arena = w->n->scratch;
    const ImportBinding *binding =
        colon
            ? import_binding(w->n, arena_copy_text(arena, name->text, (size_t)(colon - name->text)))
            : NULL;
    if (binding && binding->kind == BOUND_VALUE)
        import_add_name(w->out, arena_format(arena, "%s%s", binding->value->name, colon));
    else
        import_add_name(w->out, name->text);
    return true;
}

static bool write_name(Writer *w, const Expression *name, bool is_operand) {
    const ImportBinding *binding = binding_of(w, name);
    if (!binding) {
        if (name->is_backquoted) return write_numbered(w, name);
        text_add(w->out, name->text);
        return true;
    }
    switch (binding->kind) {
    case BOUND_ABSENT: return import_refuse(w->n, "its `%s` is needed, and missing", name->text);
    case BOUND_VALUE: return write_value(w, binding->value);
    case BOUND_TEXT: write_text(w, import_binding_text(w->n, binding), is_operand); return true;
    case BOUND_LIST: break;
    }
    text_add_char(w->out, '[');
    for (size_t i = 0; i < binding->count; i++) {
        if (i) text_add(w->out, ", ");
        if (!write_value(w, binding->values[i])) return false;
    }
    text_add_char(w->out, ']');
    return true;
}

/* One operand among others: a single number of the model is written as that where something else
 * says its dtype. */
static bool write_operand(Writer *w, const Expression *operand, bool has_others) {
    const ConstantData *data = has_others ? constant_of(w, operand) : NULL;
    if (data && data->rank == 0 && import_is_literal(data)) {
        Text literal = {.arena = w->n->scratch};
        import_add_literal(&literal, data);
        write_text(w, literal.bytes, true);
        return true;
    }
    if (operand->kind == EXPRESSION_NAME) return write_name(w, operand, true);
    return write_expression(w, operand);
}

static bool write_chain(Writer *w, const Expression *chain) {
    bool has_others = false;
    for (size_t i = 0; i < chain->item_count; i++) has_others |= !is_number(w, chain->items[i]);
    for (size_t i = 0; i < chain->item_count; i++) {
        if (i) text_add_format(w->out, " %s ", operator_text(chain->operators[i - 1]));
        if (!write_operand(w, chain->items[i], has_others)) return false;
    }
    return true;
}

static bool write_index(Writer *w, const Expression *index) {
    if (!write_operand(w, index->items[0], false)) return false;
    text_add_char(w->out, '[');
    for (size_t i = 1; i < index->item_count; i++) {
        if (i > 1) text_add(w->out, ", ");
        if (!write_operand(w, index->items[i], true)) return false;
    }
    text_add_char(w->out, ']');
    return true;
}

static bool write_slice(Writer *w, const Expression *slice) {
    for (size_t i = 0; i < slice->item_count; i++) {
        if (i == 1 || (i == 2 && slice->items[2])) text_add_char(w->out, ':');
        if (slice->items[i] && !write_operand(w, slice->items[i], true)) return false;
    }
    if (slice->item_count == 1) text_add_char(w->out, ':');
    return true;
}

/* ---- Calls ---- */

/* The parameter that an argument of a call is for, or -1. */
static int parameter_of(const OpRow *row, const Expression *call, size_t argument) {
    if (!row) return -1;
    if (call->keywords[argument]) return op_parameter(row, call->keywords[argument]);
    return argument < row->parameter_count ? (int)argument : -1;
}

/* Whether another argument says the dtype of a number given for `parameter`. */
static bool has_dtype_from_others(const Writer *w, const OpRow *row, const Expression *call,
                                  size_t argument, char letter) {
    for (size_t i = 0; i < call->item_count; i++) {
        int parameter = parameter_of(row, call, i);
        const ImportBinding *binding = binding_of(w, call->items[i]);
        if (i != argument && parameter >= 0 && row->parameters[parameter].letter == letter &&
            !is_number(w, call->items[i]) && !(binding && binding->kind == BOUND_ABSENT))
            return true;
    }
    return false;
}

/* A constant of the model that the call may have as a literal: an index or a shape, an attribute, a
 * single number beside tensors of its dtype. */
static bool write_literal_argument(Writer *w, const OpRow *row, const Expression *call,
                                   size_t argument) {
    const ConstantData *data = constant_of(w, inside_scalar(call->items[argument]));
    int index = parameter_of(row, call, argument);
    if (!data || index < 0 || !import_is_literal(data)) return false;
    const Parameter *parameter = &row->parameters[index];
    bool is_single =
        inside_scalar(call->items[argument]) != call->items[argument] && data->element_count == 1;
    bool fits = parameter->kind == PARAMETER_ATTRIBUTE;
    if (parameter->kind == PARAMETER_TENSOR && !parameter->letter)
        fits = !dtype_is_float(data->dtype);
    if (parameter->kind == PARAMETER_TENSOR && parameter->letter)
        fits = (data->rank == 0 || is_single) &&
               has_dtype_from_others(w, row, call, argument, parameter->letter);
    if (!fits) return false;
    ConstantData scalar = *data;
    if (is_single || (parameter->kind == PARAMETER_ATTRIBUTE && data->element_count == 1))
        scalar.rank = 0;
    import_add_literal(w->out, &scalar);
    return true;
}

static bool is_absent(const Writer *w, const Expression *argument) {
    const ImportBinding *binding = binding_of(w, argument);
    return binding && binding->kind == BOUND_ABSENT && !binding->is_pending;
}

static bool write_argument(Writer *w, const OpRow *row, const Expression *call, size_t argument) {
    return write_literal_argument(w, row, call, argument) ||
           (!w->n->reason && write_expression(w, call->items[argument]));
}

/* `dtype(x)`: the dtype of a value, as a word. */
static bool write_dtype(Writer *w, const Expression *argument) {
    const Value *value = import_value(w->n, argument->text);
    if (!value) return import_refuse(w->n, "the dtype of its `%s` is not known", argument->text);
    text_add(w->out, dtype_name(value->type.dtype));
    return true;
}

/* `scalar(x)`: a tensor of one element as a scalar of the same dtype, a literal where it is known. */
static bool write_scalar(Writer *w, const Expression *argument) {
    const ConstantData *data = constant_of(w, argument);
    const Value *value = import_value(w->n, argument->text);
    if (data && data->element_count == 1 && import_is_literal(data)) {
        ConstantData number = *data;
        number.rank = 0;
        bool is_default =
            data->dtype == TFCC_FLOAT32 || data->dtype == TFCC_INT32 || data->dtype == TFCC_BOOL;
        if (!is_default) text_add(w->out, "cast(");
        import_add_literal(w->out, &number);
        if (!is_default) text_add_format(w->out, ", %s)", dtype_name(data->dtype));
        return true;
    }
    bool is_scalar = value && shape_has_rank(&value->type.shape) && value->type.shape.rank == 0;
    if (!is_scalar) text_add(w->out, "reshape(");
    if (!write_expression(w, argument)) return false;
    if (!is_scalar) text_add(w->out, ", [])");
    return true;
}

static bool write_call(Writer *w, const Expression *call) {
    const OpRow *row = op_find(call->text);
    if (strcmp(call->text, "dtype") == 0 && call->item_count == 1)
        return write_dtype(w, call->items[0]);
    if (strcmp(call->text, "scalar") == 0 && call->item_count == 1)
        return write_scalar(w, call->items[0]);
    text_add_format(w->out, "%s(", call->text);
    bool any = false, is_shifted = false;
    for (size_t i = 0; i < call->item_count; i++) {
        if (is_absent(w, call->items[i])) {
            is_shifted |= !call->keywords[i];
            continue;
        }
        if (any) text_add(w->out, ", ");
        any = true;
        int parameter = parameter_of(row, call, i);
        if (call->keywords[i])
            text_add_format(w->out, "%s=", call->keywords[i]);
        else if (is_shifted && parameter >= 0)
            text_add_format(w->out, "%s=", row->parameters[parameter].name);
        if (!write_argument(w, row, call, i)) return false;
    }
    text_add_char(w->out, ')');
    return true;
}

static bool write_string(Writer *w, const char *text) {
    text_add_char(w->out, '\'');
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\') text_add_char(w->out, '\\');
        text_add_char(w->out, *text);
    }
    text_add_char(w->out, '\'');
    return true;
}

static bool write_unbracketed(Writer *w, const Expression *e) {
    switch (e->kind) {
    case EXPRESSION_NUMBER:
        text_add_bytes(w->out, e->place.file->bytes + e->place.offset, e->place.length);
        return true;
    case EXPRESSION_STRING: return write_string(w, e->text);
    case EXPRESSION_NAME: return write_name(w, e, false);
    case EXPRESSION_CALL: return write_call(w, e);
    case EXPRESSION_CHAIN: return write_chain(w, e);
    case EXPRESSION_UNARY:
        text_add(w->out, operator_text(e->operators[0]));
        return write_operand(w, e->items[0], false);
    case EXPRESSION_INDEX: return write_index(w, e);
    case EXPRESSION_SLICE: return write_slice(w, e);
    case EXPRESSION_ELLIPSIS: text_add(w->out, "..."); return true;
    case EXPRESSION_LIST:
        text_add_char(w->out, '[');
        for (size_t i = 0; i < e->item_count; i++) {
            if (i) text_add(w->out, ", ");
            if (!write_operand(w, e->items[i], !is_number(w, e))) return false;
        }
        text_add_char(w->out, ']');
        return true;
    default: return import_refuse(w->n, "its row holds an expression that cannot be written");
    }
}

static bool write_expression(Writer *w, const Expression *e) {
    bool is_bracketed =
        e->is_bracketed && (e->kind == EXPRESSION_CHAIN || e->kind == EXPRESSION_UNARY);
    if (is_bracketed) text_add_char(w->out, '(');
    if (!write_unbracketed(w, e)) return false;
    if (is_bracketed) text_add_char(w->out, ')');
    return true;
}

/* ---- Several outputs ---- */

/* A text that happens to be the name of something else would be read as that: `2`, where a node is
 * called so. In a list of YAML this holds for every item, so that the list becomes an expression. */
const char *import_guard_text(const ImportNode *n, const Expression *expression, const char *text) {
    const OnnxModel *model = n->importer->model;
    const ImportBinding *binding =
        expression->kind == EXPRESSION_NAME ? import_binding(n, expression->text) : NULL;
    if (binding && binding->kind == BOUND_VALUE && strcmp(text, binding->value->name) == 0)
        return text;
    bool is_other =
        map_find(&model->taken, text, strlen(text)) || (text[0] == '[' && model->has_number_names);
    return is_other ? arena_format(n->scratch, "(%s)", text) : text;
}

/* `{op: split, inputs: [x, 2], axis: 1, outputs: [a, b]}`: the form that names several outputs. */
static bool write_mapping(Writer *w, const Expression *call, const char *const *names,
                          size_t count) {
    const OpRow *row = op_find(call->text);
    if (call->kind != EXPRESSION_CALL || !row)
        return import_refuse(w->n, "its row gives several values in a form that cannot be written");
    Text *out = w->out, keys = {.arena = out->arena};
    text_add(&keys, "");
    text_add_format(out, "{op: %s", call->text);
    bool any = false, is_shifted = false;
    for (size_t i = 0; i < call->item_count; i++) {
        int parameter = parameter_of(row, call, i);
        bool is_attribute =
            parameter >= 0 && row->parameters[parameter].kind == PARAMETER_ATTRIBUTE;
        if (is_absent(w, call->items[i])) {
            is_shifted |= !call->keywords[i];
            continue;
        }
        Text argument = {.arena = out->arena};
        text_add(&argument, "");
        w->out = &argument;
        if (!write_argument(w, row, call, i)) return false;
        bool is_key = call->keywords[i] || ((is_attribute || is_shifted) && parameter >= 0);
        if (is_key) {
            text_add_format(
                &keys,
                ", %s: ", call->keywords[i] ? call->keywords[i] : row->parameters[parameter].name);
            import_add_scalar(&keys, import_guard_text(w->n, call->items[i], argument.bytes), true);
        } else {
            text_add(out, any ? ", " : ", inputs: [");
            import_add_scalar(out, import_guard_text(w->n, call->items[i], argument.bytes), true);
            any = true;
        }
    }
    w->out = out;
    if (any) text_add_char(out, ']');
    text_add(out, keys.bytes);
    for (size_t i = 0; i < count; i++) {
        text_add(out, i ? ", " : ", outputs: [");
        print_scalar(out, names[i]);
    }
    text_add(out, "]}");
    return true;
}

/* ---- Exported ---- */

bool import_write_expression(ImportNode *n, Text *out, const Expression *expression) {
    return write_expression(&(Writer){n, out}, expression);
}

bool import_write_mapping(ImportNode *n, Text *out, const Expression *call,
                          const char *const *names, size_t count) {
    return write_mapping(&(Writer){n, out}, call, names, count);
}
