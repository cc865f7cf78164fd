/* import_write.c: a statement of a row as a line of the graph that is written, and as nodes of the
 * graph that is inferred meanwhile. The builder reads the very text that is written, so the two
 * cannot differ. */
#include "graph/infer.h"
#include "graph/print.h"
#include "import/import_internal.h"
#include "source/tree_place.h"
#include "support/dtype.h"
#include <ctype.h>
#include <string.h>

/* ---- YAML ---- */

void import_indent(Text *text, int indent) {
    for (int i = 0; i < indent; i++) text_add_char(text, ' ');
}

static bool is_number_or_list(const char *scalar) {
    size_t digits = strspn(scalar, scalar[0] == '[' ? "0123456789-+.e[], " : "0123456789-+.e");
    return digits > 0 && scalar[digits] == '\0' && strpbrk(scalar, "0123456789[");
}

/* Whether YAML reads the text plainly as it stands. */
static bool is_plain(const char *scalar, bool in_flow) {
    if (!isalnum((unsigned char)*scalar) && *scalar != '_' && *scalar != '(') return false;
    for (const char *at = scalar; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\') return false;
        if (in_flow && strchr(",[]{}?", c)) return false;
        if (c == ':' && (at[1] == ' ' || at[1] == '\0' || in_flow)) return false;
        if (c == '#' && at > scalar && at[-1] == ' ') return false;
    }
    return scalar[strlen(scalar) - 1] != ' ';
}

void import_add_scalar(Text *text, const char *scalar, bool in_flow) {
    if (is_plain(scalar, in_flow) || is_number_or_list(scalar)) {
        text_add(text, scalar);
        return;
    }
    text_add_char(text, '"');
    for (; *scalar; scalar++) {
        if (*scalar == '"' || *scalar == '\\') text_add_char(text, '\\');
        text_add_char(text, *scalar);
    }
    text_add_char(text, '"');
}

/* YAML takes a key of more than 1,024 bytes only where it is announced. */
void import_add_key(Text *text, const char *name, int indent) {
    bool is_long = strlen(name) > 500;
    import_indent(text, indent);
    if (is_long) text_add(text, "? ");
    print_scalar(text, name);
    if (is_long) {
        text_add_char(text, '\n');
        import_indent(text, indent);
    }
    text_add_char(text, ':');
}

void import_add_name(Text *text, const char *name) {
    if (is_identifier(name)) {
        text_add(text, name);
        return;
    }
    text_add_char(text, '`');
    for (; *name; name++) {
        if (*name == '`') text_add_char(text, '`');
        text_add_char(text, *name);
    }
    text_add_char(text, '`');
}

/* ---- Expressions ---- */

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

static bool is_number(const Writer *w, const Expression *expression) {
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
    Arena *arena = w->n->importer->arena;
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
    case BOUND_TEXT: write_text(w, binding->text, is_operand); return true;
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
        Text literal = {.arena = w->n->importer->arena};
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
    const ConstantData *data = constant_of(w, call->items[argument]);
    int index = parameter_of(row, call, argument);
    if (!data || index < 0 || !import_is_literal(data)) return false;
    const Parameter *parameter = &row->parameters[index];
    bool fits = parameter->kind == PARAMETER_ATTRIBUTE;
    if (parameter->kind == PARAMETER_TENSOR && !parameter->letter)
        fits = !dtype_is_float(data->dtype);
    if (parameter->kind == PARAMETER_TENSOR && parameter->letter)
        fits = data->rank == 0 && has_dtype_from_others(w, row, call, argument, parameter->letter);
    if (!fits) return false;
    ConstantData scalar = *data;
    if (parameter->kind == PARAMETER_ATTRIBUTE && data->element_count == 1) scalar.rank = 0;
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

static bool write_call(Writer *w, const Expression *call) {
    const OpRow *row = op_find(call->text);
    if (strcmp(call->text, "dtype") == 0 && call->item_count == 1) {
        const Value *value = import_value(w->n, call->items[0]->text);
        if (!value)
            return import_refuse(w->n, "the dtype of its `%s` is not known", call->items[0]->text);
        text_add(w->out, dtype_name(value->type.dtype));
        return true;
    }
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

/* ---- Nodes ---- */

/* A text that happens to be the name of something else would be read as that: `2`, where a node is
 * called so. In a list of YAML this holds for every item, so that the list becomes an expression. */
static const char *guard_text(const ImportNode *n, const Expression *expression, const char *text) {
    const OnnxModel *model = n->importer->model;
    const ImportBinding *binding =
        expression->kind == EXPRESSION_NAME ? import_binding(n, expression->text) : NULL;
    if (binding && binding->kind == BOUND_VALUE && strcmp(text, binding->value->name) == 0)
        return text;
    bool is_other =
        map_find(&model->taken, text, strlen(text)) || (text[0] == '[' && model->has_number_names);
    return is_other ? arena_format(n->importer->arena, "(%s)", text) : text;
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
            import_add_scalar(&keys, guard_text(w->n, call->items[i], argument.bytes), true);
        } else {
            text_add(out, any ? ", " : ", inputs: [");
            import_add_scalar(out, guard_text(w->n, call->items[i], argument.bytes), true);
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

/* New nodes are inferred behind their inputs. They are few, and as deep as an expression at most. */
static bool settle(Importer *im, GraphNode *node, uint32_t first) {
    if (node->id < first || node->mark) return true;
    node->mark = 1;
    for (size_t i = 0; i < node->input_count; i++)
        if (!settle(im, node->inputs[i]->node, first)) return false;
    return graph_settle_node(im->graph, node);
}

/* Reads what was written: `lines` is a mapping with one node. */
static bool build(Importer *im, ImportScope *scope, const Text *lines) {
    Builder *b = im->builder;
    SourceFile *file = arena_alloc(im->arena, sizeof *file);
    *file = (SourceFile){im->model->file->path, lines->bytes, lines->length};
    size_t first = im->graph->node_count;
    uint32_t first_id = im->graph->next_id;
    const Tree *tree = tree_parse(im->arena, im->diagnostics, file);
    if (!tree || diagnostics_error_count(im->diagnostics)) return false;
    b->tree = tree;
    b->scope = scope->builder_scope;
    build_nodes(b, &tree->root);
    settle_masks(b);
    if (diagnostics_error_count(im->diagnostics)) return false;
    size_t count = im->graph->node_count - first;
    GraphNode **nodes = arena_copy(im->arena, im->graph->nodes + first, count * sizeof *nodes);
    for (size_t i = 0; i < count; i++) nodes[i]->mark = 0;
    for (size_t i = 0; i < count; i++)
        if (!settle(im, nodes[i], first_id)) return false;
    return true;
}

static void append_lines(ImportScope *scope, const Text *lines) {
    for (const char *at = lines->bytes; *at;) {
        const char *end = strchr(at, '\n') + 1;
        import_indent(scope->text, scope->indent);
        text_add_bytes(scope->text, at, (size_t)(end - at));
        at = end;
    }
}

/* What a target is called: an output of the model's node by its own name. */
static void name_targets(ImportNode *n, const Statement *s, const char ***names, const char ***onnx,
                         size_t *count) {
    Importer *im = n->importer;
    size_t capacity = 0, onnx_capacity = 0, onnx_count = 0;
    const char *base = n->onnx->op;
    for (size_t i = n->onnx->output_count; i-- > 0;)
        if (*n->onnx->outputs[i]) base = n->onnx->outputs[i];
    *names = *onnx = NULL;
    *count = 0;
    for (size_t t = 0; t < s->target_count; t++) {
        size_t output = 0;
        while (output < n->row->output_count &&
               strcmp(n->row->outputs[output].name, s->targets[t]) != 0)
            output++;
        bool is_list = output < n->row->output_count && n->row->outputs[output].is_list;
        size_t last = is_list ? n->onnx->output_count : output + 1;
        do {
            const char *own = output < n->row->output_count || is_list
                                  ? (import_is_wanted(n, output) ? n->onnx->outputs[output] : NULL)
                                  : NULL;
            const char *wanted =
                own ? arena_format(im->arena, "%s%s", n->scope->prefix, own)
                    : arena_format(im->arena, "%s%s/%s", n->scope->prefix, base, s->targets[t]);
            *ARENA_PUSH(im->arena, *onnx, onnx_count, onnx_capacity) = own;
            *ARENA_PUSH(im->arena, *names, *count, capacity) =
                import_free_name(im, n->scope, wanted, own && !*n->scope->prefix);
        } while (++output < last);
    }
}

static bool parse_statement(ImportNode *n, const Statement *s, Expression **expression) {
    Importer *im = n->importer;
    SourceFile *file = arena_alloc(im->arena, sizeof *file);
    *file = (SourceFile){im->model->file->path, s->text, strlen(s->text)};
    Tree *tree = arena_alloc(im->arena, sizeof *tree);
    tree->file = file;
    tree->index = tree_index_create(im->arena, file);
    TreeNode scalar = {.kind = TREE_SCALAR,
                       .source_length = (uint32_t)file->length,
                       .length = (uint32_t)file->length,
                       .is_verbatim = true,
                       .as.text = s->text};
    *expression = expression_parse(im->arena, im->diagnostics, tree, &scalar);
    return *expression != NULL;
}

/* The message of what failed in the builder or in inference becomes the node's reason. */
static bool fail(ImportNode *n) {
    const char *message = diagnostics_first_message(n->importer->diagnostics);
    return import_refuse(n, "%s", message ? message : "it cannot be written in the graph language");
}

static void bind_target(ImportNode *n, const char *target, const char *onnx, const char *name,
                        Value *value) {
    ImportValue *made = import_add_value(n->importer, n->scope, onnx, name, value);
    import_add_binding(n, target, (ImportBinding){.kind = BOUND_VALUE, .value = made});
}

bool import_statement(ImportNode *n, const Statement *s) {
    Importer *im = n->importer;
    im->diagnostics = diagnostics_create(im->arena);
    im->graph->diagnostics = im->builder->diagnostics = im->diagnostics;
    Expression *expression;
    const char **names, **onnx;
    size_t count;
    if (!parse_statement(n, s, &expression)) return fail(n);
    name_targets(n, s, &names, &onnx, &count);
    if (count == 0) return true;
    Text lines = {.arena = im->arena}, text = {.arena = im->arena};
    text_add(&text, "");
    Writer writer = {n, &text};
    bool is_mapping = count > 1;
    if (is_mapping ? !write_mapping(&writer, expression, names, count)
                   : !write_expression(&writer, expression))
        return import_refuse(n, "it cannot be written");
    import_add_key(&lines, names[0], 0);
    text_add_char(&lines, ' ');
    const char *only = is_mapping ? text.bytes : guard_text(n, expression, text.bytes);
    if (is_mapping)
        text_add(&lines, only);
    else
        import_add_scalar(&lines, only, false);
    text_add_char(&lines, '\n');
    if (!build(im, n->scope, &lines)) return fail(n);
    append_lines(n->scope, &lines);
    const Declared *declared = map_get(&n->scope->builder_scope->names, names[0]);
    for (size_t i = 0; i < count; i++)
        bind_target(n, s->targets[i < s->target_count ? i : s->target_count - 1], onnx[i], names[i],
                    graph_output(im->graph, declared->node, i));
    return true;
}
