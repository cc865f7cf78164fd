/* import_write.c: a statement of a row as a line of the graph that is written, and as nodes of the
 * graph that is inferred meanwhile. The builder reads the very text that is written, so the two
 * cannot differ. */
#include "graph/infer.h"
#include "graph/print.h"
#include "import/import_internal.h"
#include "source/tree_place.h"
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

/* ---- Nodes ---- */

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
                own ? *n->scope->prefix ? arena_format(im->arena, "%s%s", n->scope->prefix, own)
                                        : own
                    : arena_format(im->arena, "%s%s/%s", n->scope->prefix, base, s->targets[t]);
            *ARENA_PUSH(im->arena, *onnx, onnx_count, onnx_capacity) = own;
            *ARENA_PUSH(im->arena, *names, *count, capacity) =
                import_free_name(im, n->scope, wanted, own && !*n->scope->prefix);
        } while (++output < last);
    }
}

static bool parse_statement(ImportNode *n, const Statement *s, Expression **expression) {
    Importer *im = n->importer;
    SourceFile *file = arena_alloc(n->scratch, sizeof *file);
    *file = (SourceFile){im->model->file->path, s->text, strlen(s->text)};
    Tree *tree = arena_alloc(n->scratch, sizeof *tree);
    tree->file = file;
    tree->index = tree_index_create(n->scratch, file);
    TreeNode scalar = {.kind = TREE_SCALAR,
                       .source_length = (uint32_t)file->length,
                       .length = (uint32_t)file->length,
                       .is_verbatim = true,
                       .as.text = s->text};
    *expression = expression_parse(n->scratch, im->diagnostics, tree, &scalar);
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
    if (diagnostics_error_count(im->diagnostics) > 0)
        im->diagnostics = diagnostics_create(im->arena);
    im->graph->diagnostics = im->builder->diagnostics = im->diagnostics;
    Expression *expression;
    const char **names, **onnx;
    size_t count;
    if (!parse_statement(n, s, &expression)) return fail(n);
    name_targets(n, s, &names, &onnx, &count);
    if (count == 0) return true;
    Text lines = {.arena = im->arena}, text = {.arena = n->scratch};
    text_add(&text, "");
    bool is_mapping = count > 1;
    if (is_mapping ? !import_write_mapping(n, &text, expression, names, count)
                   : !import_write_expression(n, &text, expression))
        return import_refuse(n, "it cannot be written");
    import_add_key(&lines, names[0], 0);
    text_add_char(&lines, ' ');
    const char *only = is_mapping ? text.bytes : import_guard_text(n, expression, text.bytes);
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
