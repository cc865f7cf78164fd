/* import_node.c: one node of the model: its row, what the names of the row stand for, and
 * what comes of it. */
#include "import/import_internal.h"
#include "support/dtype.h"
#include <stdarg.h>
#include <string.h>

/* ---- Names ---- */

ImportBinding *import_binding(const ImportNode *n, const char *name) {
    return map_get(&n->names, name);
}

ImportBinding *import_add_binding(ImportNode *n, const char *name, ImportBinding binding) {
    ImportBinding *kept = arena_copy(n->scratch, &binding, sizeof binding);
    map_set(&n->names, name, kept);
    return kept;
}

bool import_refuse(ImportNode *n, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (!n->reason) n->reason = arena_format_list(n->importer->arena, format, arguments);
    va_end(arguments);
    return false;
}

void import_bind(ImportNode *n, const char *name, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *text = arena_format_list(n->scratch, format, arguments);
    va_end(arguments);
    import_add_binding(n, name, (ImportBinding){.kind = BOUND_TEXT, .text = text});
}

static const char *integers_text(Arena *arena, const int64_t *numbers, size_t count) {
    Text text = {.arena = arena};
    text_add_char(&text, '[');
    for (size_t i = 0; i < count; i++)
        text_add_format(&text, "%s%lld", i ? ", " : "", (long long)numbers[i]);
    text_add_char(&text, ']');
    return text.bytes;
}

void import_bind_integers(ImportNode *n, const char *name, const int64_t *numbers, size_t count) {
    import_bind(n, name, "%s", integers_text(n->scratch, numbers, count));
}

void import_alias(ImportNode *n, const char *name, const char *other) {
    const ImportBinding *binding = import_binding(n, other);
    if (binding) import_add_binding(n, name, *binding);
}

void import_bind_absent(ImportNode *n, const char *name) {
    import_add_binding(n, name, (ImportBinding){.kind = BOUND_ABSENT});
}

/* ---- Attributes ---- */

enum { LONG_LIST = 1000 };

static const char *float_text(Arena *arena, float number) {
    Text text = {.arena = arena};
    text_add_double(&text, (double)number, 1);
    return text.bytes;
}

static const char *word_text(Arena *arena, const char *word) {
    Text text = {.arena = arena};
    text_add_char(&text, '\'');
    for (; *word; word++) {
        if (*word == '\'' || *word == '\\') text_add_char(&text, '\\');
        text_add_char(&text, *word);
    }
    text_add_char(&text, '\'');
    return text.bytes;
}

static const char *output_name(const ImportNode *n) {
    for (size_t i = 0; i < n->onnx->output_count; i++)
        if (*n->onnx->outputs[i]) return n->onnx->outputs[i];
    return n->onnx->op;
}

void import_bind_tensor(ImportNode *n, const char *name, tfcc_dtype dtype, int rank,
                        const int64_t *dims, const void *elements) {
    Arena *arena = n->importer->arena;
    OnnxTensor *tensor = arena_alloc(arena, sizeof *tensor);
    int64_t count = 1;
    *tensor = (OnnxTensor){.dtype = dtype, .dtype_name = dtype_name(dtype)};
    for (int k = 0; k < rank; k++) count *= tensor->data.dims[k] = dims[k];
    tensor->data.dtype = dtype;
    tensor->data.rank = rank;
    tensor->data.element_count = count;
    tensor->data.bytes = elements;
    tensor->data.size = (size_t)count * dtype_size(dtype);
    const char *wanted = arena_format(arena, "%s/%s", output_name(n), name);
    ImportBinding binding = {.kind = BOUND_VALUE};
    binding.value = import_add_tensor(n->importer, n->scope, NULL, wanted, tensor);
    import_add_binding(n, name, binding);
}

static const char *dtype_text(ImportNode *n, int64_t type) {
    const char *name;
    tfcc_dtype dtype = onnx_dtype(type < 0 || type > 1000 ? -1 : (int32_t)type, &name);
    if (dtype != TFCC_NONE) return dtype_name(dtype);
    import_refuse(n, "its dtype is %s, which tensors here cannot hold", name);
    return "";
}

static OnnxAttributeKind wanted_kind(ImportKind kind) {
    static const OnnxAttributeKind wanted[] = {
        [IMPORT_BOOL] = ONNX_INTEGER,      [IMPORT_INTEGER] = ONNX_INTEGER,
        [IMPORT_FLOAT] = ONNX_FLOAT,       [IMPORT_WORD] = ONNX_STRING,
        [IMPORT_INTEGERS] = ONNX_INTEGERS, [IMPORT_FLOATS] = ONNX_FLOATS,
        [IMPORT_DTYPE] = ONNX_INTEGER,     [IMPORT_TENSOR] = ONNX_TENSOR,
        [IMPORT_GRAPH] = ONNX_GRAPH,       [IMPORT_WORDS] = ONNX_STRINGS,
    };
    return wanted[kind];
}

/* How the attribute stands in an expression. */
static const char *attribute_text(ImportNode *n, const OnnxAttribute *a, ImportKind kind) {
    Arena *arena = n->importer->arena;
    /* A list without elements has no kind in files that do not say it. */
    bool is_empty = a->kind == ONNX_UNDEFINED && (kind == IMPORT_INTEGERS || kind == IMPORT_FLOATS);
    bool is_sparse = kind == IMPORT_TENSOR && a->kind == ONNX_SPARSE_TENSOR;
    if (a->kind != wanted_kind(kind) && !is_empty && !is_sparse) {
        import_refuse(n, "its attribute `%s` is of another kind than ONNX gives it", a->name);
        return "";
    }
    switch (kind) {
    case IMPORT_BOOL: return a->integer ? "true" : "false";
    case IMPORT_INTEGER: return arena_format(arena, "%lld", (long long)a->integer);
    case IMPORT_FLOAT: return float_text(arena, a->number);
    case IMPORT_WORD: return word_text(arena, a->text);
    case IMPORT_INTEGERS: return integers_text(arena, a->integers, a->count);
    case IMPORT_DTYPE: return dtype_text(n, a->integer);
    case IMPORT_FLOATS: {
        Text text = {.arena = arena};
        text_add_char(&text, '[');
        for (size_t i = 0; i < a->count; i++)
            text_add_format(&text, "%s%s", i ? ", " : "", float_text(arena, a->numbers[i]));
        text_add_char(&text, ']');
        return text.bytes;
    }
    case IMPORT_WORDS: { /* one word, with commas */
        Text text = {.arena = arena};
        text_add(&text, "");
        for (size_t i = 0; i < a->count; i++)
            text_add_format(&text, "%s%s", i ? "," : "", a->texts[i]);
        return word_text(arena, text.bytes);
    }
    case IMPORT_TENSOR:
    case IMPORT_GRAPH: break;
    }
    return "";
}

const char *import_binding_text(ImportNode *n, const ImportBinding *binding) {
    return binding->text ? binding->text
                         : attribute_text(n, binding->attribute, binding->attribute_kind);
}

static void bind_attribute(ImportNode *n, const ImportAttribute *row) {
    const OnnxAttribute *a = import_attribute(n, row->name);
    ImportBinding binding = {.kind = BOUND_ABSENT, .attribute = a};
    if (!a) {
        if (row->otherwise) binding = (ImportBinding){.kind = BOUND_TEXT, .text = row->otherwise};
        if (!row->otherwise && !row->is_optional)
            import_refuse(n, "its attribute `%s` is missing", row->name);
    } else {
        binding.kind = BOUND_TEXT;
        binding.attribute_kind = row->kind;
        bool is_long = a->kind == wanted_kind(row->kind) && a->count > LONG_LIST;
        binding.text = is_long ? NULL : attribute_text(n, a, row->kind);
        if (row->kind == IMPORT_TENSOR && a->tensor && !n->reason) {
            const char *wanted =
                arena_format(n->importer->arena, "%s/%s", output_name(n), row->name);
            binding.kind = BOUND_VALUE;
            binding.value = import_add_tensor(n->importer, n->scope, NULL, wanted, a->tensor);
        } else if (row->kind == IMPORT_TENSOR && !n->reason) {
            import_refuse(n, "its attribute `%s` holds no tensor", row->name);
        } else if (row->kind == IMPORT_GRAPH && !a->graph && !n->reason) {
            import_refuse(n, "its attribute `%s` holds no graph", row->name);
        }
    }
    import_add_binding(n, row->name, binding);
}

static void bind_attributes(ImportNode *n) {
    for (size_t i = 0; i < n->row->attribute_count; i++) bind_attribute(n, &n->row->attributes[i]);
    for (size_t i = 0; i < n->onnx->attribute_count; i++) {
        const char *name = n->onnx->attributes[i].name;
        bool is_known = false;
        for (size_t k = 0; k < n->row->attribute_count; k++)
            is_known |= strcmp(n->row->attributes[k].name, name) == 0;
        for (size_t k = 0; k < i; k++)
            if (strcmp(n->onnx->attributes[k].name, name) == 0)
                import_refuse(n, "its attribute `%s` is given twice", name);
        if (!is_known) import_refuse(n, "its attribute `%s` is not known", name);
    }
}

/* ---- Inputs and outputs ---- */

static ImportValue *take_input(ImportNode *n, size_t index) {
    const char *name = n->onnx->inputs[index];
    ImportValue *value = import_find_value(n->scope, name);
    if (!value) import_refuse(n, "its input `%s` is given by nothing", name);
    if (value && !value->value && !value->tensor) n->is_silent = true;
    return value;
}

static void bind_inputs(ImportNode *n) {
    size_t next = 0, count = n->onnx->input_count;
    for (size_t i = 0; i < n->row->input_count; i++) {
        const ImportInput *input = &n->row->inputs[i];
        ImportBinding binding = {.kind = BOUND_ABSENT};
        if (input->is_list) {
            size_t capacity = 0;
            binding.kind = BOUND_LIST;
            for (; next < count; next++)
                *ARENA_PUSH(n->scratch, binding.values, binding.count, capacity) =
                    take_input(n, next);
        } else if (next < count && *n->onnx->inputs[next]) {
            binding.kind = BOUND_VALUE;
            binding.value = take_input(n, next++);
        } else {
            next++;
            if (!input->is_optional) import_refuse(n, "its input `%s` is missing", input->name);
        }
        import_add_binding(n, input->name, binding);
    }
    for (; next < count; next++)
        if (*n->onnx->inputs[next]) {
            import_refuse(n, "it has %zu inputs, and at most %zu are known", count,
                          n->row->input_count);
            return;
        }
}

static void bind_outputs(ImportNode *n) {
    const ImportRow *row = n->row;
    bool is_open = row->output_count && row->outputs[row->output_count - 1].is_list;
    if (n->onnx->output_count > row->output_count && !is_open)
        for (size_t i = row->output_count; i < n->onnx->output_count; i++)
            if (*n->onnx->outputs[i]) {
                import_refuse(n, "it has %zu outputs, and at most %zu are known",
                              n->onnx->output_count, row->output_count);
                return;
            }
    for (size_t i = 0; i < row->output_count; i++)
        if (!import_binding(n, row->outputs[i].name))
            import_add_binding(n, row->outputs[i].name,
                               (ImportBinding){.kind = BOUND_ABSENT, .is_pending = true});
}

/* ---- Writing ---- */

bool import_write(ImportNode *n, const char *statements) {
    if (n->reason) return false;
    const char *text = template_expand(n, statements);
    Statement *list;
    size_t count;
    if (!text || !template_statements(n, text, &list, &count)) return false;
    for (size_t i = 0; i < count; i++)
        if (list[i].is_needed && !import_statement(n, &list[i])) return false;
    return true;
}

/* ---- The node ---- */

const OnnxFunction *import_find_function(const Importer *im, const OnnxNode *node) {
    return map_get(&im->functions,
                   arena_format(im->arena, "%s\n%s\n%s", node->domain, node->op, node->overload));
}

const char *import_find_row(const Importer *im, const OnnxNode *node, int64_t opset,
                            const ImportRow **row) {
    const ImportRow *newest =
        map_get(&im->table, arena_format(im->arena, "%s\n%s", node->domain, node->op));
    *row = newest;
    while (*row && (*row)->since > opset) *row = (*row)->older;
    if (*row) return NULL;
    const char *what =
        newest && opset >= 0
            ? arena_format(im->arena, "its form in op set %lld is not supported", (long long)opset)
        : newest ? ""
                 : "the op is not supported";
    if (opset >= 0) return what;
    return arena_format(im->arena, "%s%sthe model imports no op set `%s`", what,
                        *what ? ", and " : "", node->domain);
}

/* Outputs that were not made are broken: who uses them is silent. */
static void break_outputs(ImportNode *n) {
    for (size_t i = 0; i < n->onnx->output_count; i++) {
        const char *name = n->onnx->outputs[i];
        if (*name && !map_get(&n->scope->values, name))
            import_add_value(n->importer, n->scope, name, name, NULL);
    }
}

static void translate(ImportNode *n) {
    bind_inputs(n);
    bind_attributes(n);
    bind_outputs(n);
    if (n->reason || n->is_silent) return;
    if (n->row->function)
        n->row->function(n);
    else
        import_write(n, n->row->expression);
    for (size_t i = 0; i < n->onnx->output_count && !n->reason && !n->is_silent; i++)
        if (*n->onnx->outputs[i] && !map_get(&n->scope->values, n->onnx->outputs[i]))
            import_refuse(n, "its output %zu, `%s`, is not supported", i, n->onnx->outputs[i]);
}

/* The row for member k of every list: the node that has these inputs and outputs alone. */
static void translate_member(ImportNode *n, size_t shared, size_t members, size_t k) {
    Arena *arena = n->importer->arena;
    const ImportRow *row = n->row;
    OnnxNode *one = arena_copy(arena, n->onnx, sizeof *one);
    one->input_count = row->input_count;
    one->output_count = row->output_count;
    one->inputs = arena_alloc_array(arena, row->input_count + 1, sizeof *one->inputs);
    one->outputs = arena_alloc_array(arena, row->output_count + 1, sizeof *one->outputs);
    for (size_t i = 0; i < row->input_count; i++)
        one->inputs[i] = n->onnx->inputs[i < shared ? i : shared + (i - shared) * members + k];
    for (size_t i = 0; i < row->output_count; i++) {
        size_t output = i * members + k;
        one->outputs[i] = output < n->onnx->output_count ? n->onnx->outputs[output] : "";
    }
    ImportNode part = *n;
    part.onnx = one;
    part.names = map_create(arena);
    translate(&part);
    if (!n->reason) n->reason = part.reason;
    n->is_silent |= part.is_silent;
}

/* A row with lists of equally many inputs is carried out for each of their members. */
static void translate_members(ImportNode *n) {
    size_t shared = 0, lists;
    while (shared < n->row->input_count && !n->row->inputs[shared].is_each) shared++;
    lists = n->row->input_count - shared;
    if (lists == 0 || n->onnx->input_count < shared) {
        translate(n);
        return;
    }
    size_t left = n->onnx->input_count - shared, members = left / lists;
    if (left % lists != 0 || n->onnx->output_count > members * n->row->output_count) {
        import_refuse(n, "its %zu inputs are not %zu lists of equally many, or its outputs are not",
                      left, lists);
        return;
    }
    for (size_t k = 0; k < members && !n->reason; k++) translate_member(n, shared, members, k);
}

void import_node(Importer *im, ImportScope *scope, const OnnxNode *node) {
    ImportNode n = {.importer = im, .scope = scope, .onnx = node, .scratch = arena_create()};
    n.names = map_create(n.scratch);
    const OnnxFunction *function = import_find_function(im, node);
    n.opset = import_scope_opset(scope, node->domain);
    const char *why = function ? NULL : import_find_row(im, node, n.opset, &n.row);
    if (why) {
        import_add_problem(im, scope, node, why);
        break_outputs(&n);
        arena_destroy(n.scratch);
        return;
    }
    if (function)
        import_call_function(&n, function);
    else
        translate_members(&n);
    /* Where a limit ended the import inside this node, what it lacks is no fault of its own. */
    if (n.reason && !im->is_over) import_add_problem(im, scope, node, n.reason);
    break_outputs(&n);
    arena_destroy(n.scratch);
}
