/* import.c: a whole model: its inputs, its nodes, its outputs, and what went wrong. */
#include "import/import.h"

#include "graph/infer.h"
#include "graph/print.h"
#include "import/import_internal.h"
#include "source/tree.h"
#include "support/dtype.h"
#include <string.h>

enum { NEWEST_OPSET = 22 };

/* ---- Inputs ---- */

static const OnnxTensor *initializer_of(const ImportScope *scope, const char *name) {
    const ImportValue *value = map_get(&scope->values, name);
    return value ? value->tensor : NULL;
}

static bool check_input(const Importer *im, const OnnxValueInfo *input) {
    if (!*input->name) return onnx_error(im->model, "an input of the graph has no name");
    if (!input->is_tensor || input->dtype == TFCC_NONE)
        return onnx_error(im->model, "the input `%s` is %s, and inputs are tensors of numbers",
                          input->name, input->is_tensor ? input->dtype_name : "no tensor");
    if (input->has_shape && input->rank > MAX_RANK)
        return onnx_error(im->model,
                          "the input `%s` has %d dimensions, and at most %d are possible",
                          input->name, input->rank, MAX_RANK);
    return true;
}

static void add_placeholder(Importer *im, ImportScope *scope, const OnnxValueInfo *input) {
    const OpRow *row = op_row(OP_PLACEHOLDER);
    GraphNode *node = graph_add_node(im->graph, row, input->name, NULL, (Place){0});
    node->outputs[0]->name = input->name;
    node->arguments[op_parameter(row, "dtype")] =
        (Argument){.kind = ARGUMENT_DTYPE, .as.dtype = input->dtype};
    Text *text = scope->text;
    import_add_key(text, input->name, scope->indent);
    text_add_format(text, " {op: placeholder, dtype: %s", dtype_name(input->dtype));
    if (input->has_shape) {
        node->arguments[op_parameter(row, "shape")] = (Argument){
            .kind = ARGUMENT_SHAPE, .count = (size_t)input->rank, .as.sizes = input->sizes};
        text_add(text, ", shape: [");
        for (int i = 0; i < input->rank; i++) {
            const ShapeEntry *size = &input->sizes[i];
            if (i) text_add(text, ", ");
            if (size->name)
                text_add(text, size->name);
            else if (size->size < 0)
                text_add(text, "null");
            else
                text_add_format(text, "%lld", (long long)size->size);
        }
        text_add_char(text, ']');
    }
    text_add(text, "}\n");
    im->diagnostics = im->graph->diagnostics = diagnostics_create(im->arena);
    if (!infer_node(im->graph, node)) {
        onnx_error(im->model, "the input `%s` cannot be fed: %s", input->name,
                   diagnostics_first_message(im->diagnostics));
        import_add_value(im, scope, input->name, input->name, NULL);
        return;
    }
    Declared *declared = arena_alloc(im->arena, sizeof *declared);
    *declared = (Declared){.name = input->name, .node = node, .is_node_name = true};
    map_set(&scope->builder_scope->names, input->name, declared);
    import_add_value(im, scope, input->name, input->name, node->outputs[0]);
}

/* An input that has an initializer is a constant: the first versions of ONNX demand to list these
 * among the inputs. */
static void add_inputs(Importer *im, ImportScope *scope, const OnnxGraph *graph) {
    for (size_t i = 0; i < graph->input_count; i++) {
        const OnnxValueInfo *input = &graph->inputs[i];
        if (*input->name && initializer_of(scope, input->name)) continue;
        if (!check_input(im, input)) {
            /* Who uses it is silent, so that every other problem is found as well. */
            if (*input->name) import_add_value(im, scope, input->name, input->name, NULL);
            continue;
        }
        if (map_get(&scope->values, input->name))
            onnx_error(im->model, "the input `%s` is given twice", input->name);
        else
            add_placeholder(im, scope, input);
    }
}

/* ---- Outputs ---- */

static void add_fetches(Importer *im, ImportScope *scope, const OnnxGraph *graph, Text *text) {
    Map seen = map_create(im->arena);
    Text names = {.arena = im->arena}; /* a constant may be written meanwhile */
    text_add(&names, "");
    for (size_t i = 0; i < graph->output_count; i++) {
        const char *name = graph->outputs[i].name, *reason = NULL;
        ImportValue *value = import_find_value(scope, name);
        if (!value) {
            onnx_error(im->model, "the output `%s` of the graph is given by nothing", name);
            continue;
        }
        if (value->tensor && !import_write_constant(im, value, &reason)) {
            onnx_error(im->model, "the output `%s` of the graph: %s", name, reason);
            continue;
        }
        if (map_get(&seen, name)) continue;
        map_set(&seen, name, value);
        if (names.length) text_add(&names, ", ");
        print_scalar(&names, value->name);
    }
    text_add_format(text, "\nfetches: [%s]\n", names.bytes);
    if (names.length == 0 && diagnostics_error_count(im->model->diagnostics) == 0)
        onnx_error(im->model, "the graph has no outputs");
}

/* ---- The whole ---- */

static void report_problems(const Importer *im) {
    if (im->problem_count == 0) return;
    onnx_error(im->model, "%zu node%s of the model cannot be imported", im->problem_count,
               im->problem_count == 1 ? "" : "s");
    for (size_t i = 0; i < im->problem_count; i++)
        diagnose_note(im->model->diagnostics, (Place){.file = im->model->file}, "%s: %s",
                      im->problems[i].node, im->problems[i].reason);
}

static bool check_opsets(const OnnxModel *model) {
    for (size_t i = 0; i < model->opset_count; i++) {
        const OnnxOpset *opset = &model->opsets[i];
        if (!*opset->domain && (opset->version < 1 || opset->version > NEWEST_OPSET))
            return onnx_error(model, "the model uses op set %lld, and op sets up to %d are known",
                              (long long)opset->version, NEWEST_OPSET);
    }
    return true;
}

static Importer *importer_create(OnnxModel *model, const char *weights, ImportResult *result) {
    Arena *arena = model->arena;
    Importer *im = arena_alloc(arena, sizeof *im);
    im->model = model;
    im->arena = arena;
    im->weights = weights;
    im->result = result;
    im->weight_names = map_create(arena);
    im->table = import_table(arena);
    im->functions = map_create(arena);
    for (size_t i = 0; i < model->function_count; i++) {
        OnnxFunction *f = &model->functions[i];
        map_set(&im->functions, arena_format(arena, "%s\n%s\n%s", f->domain, f->name, f->overload),
                f);
    }
    op_table();
    im->diagnostics = diagnostics_create(arena);
    im->graph = graph_create(arena, im->diagnostics, "model");
    Compilation *c = arena_alloc(arena, sizeof *c);
    c->arena = arena;
    c->diagnostics = im->diagnostics;
    c->graph = im->graph;
    Builder *b = im->builder = arena_alloc(arena, sizeof *b);
    b->c = c;
    b->arena = arena;
    b->diagnostics = im->diagnostics;
    b->graph = im->graph;
    b->bound_dims = map_create(arena);
    b->scope = scope_create(b, NULL);
    return im;
}

bool import_model(OnnxModel *model, const char *weights, ImportResult *result) {
    *result = (ImportResult){0};
    if (!check_opsets(model)) return false;
    Importer *im = importer_create(model, weights, result);
    Text text = {.arena = im->arena};
    ImportScope scope = {
        .values = map_create(im->arena),
        .declared = map_create(im->arena),
        .opsets = model->opsets,
        .opset_count = model->opset_count,
        .prefix = "",
        .place = "",
        .builder_scope = im->builder->scope,
        .text = &text,
        .indent = 2,
    };
    const char *slash = strrchr(model->file->path, '/');
    text_add_format(&text, "# From %s",
                    escape_for_message(im->arena, slash ? slash + 1 : model->file->path));
    text_add_format(&text, ", op set %lld of ONNX.\n", (long long)import_scope_opset(&scope, ""));
    text_add(&text, "nodes:\n");
    import_declare_graph(im, &scope, model->graph);
    add_inputs(im, &scope, model->graph);
    import_nodes(im, &scope, model->graph->nodes, model->graph->node_count);
    if (!im->is_over) add_fetches(im, &scope, model->graph, &text);
    if (im->problem_count > 0 || diagnostics_error_count(model->diagnostics) > 0)
        import_sweep(im, &scope, model->graph);
    report_problems(im);
    if (diagnostics_error_count(model->diagnostics) > 0) return false;
    result->yaml = text.bytes;
    result->length = text.length;
    result->read_files = model->read_files;
    result->read_file_count = model->read_file_count;
    return true;
}
