/* case.c: carries out one case as ONNX's own runner does (onnx/backend/test/runner): inputs are fed in
 * the order of the model's, every output is compared.
 *
 * Its comparison is numpy's assert_allclose: |a - b| <= atol + rtol * |b|, where b is what is
 * expected; NaN equals NaN. Integers, dtypes and shapes have to be the same here.
 */
#include "case.h"

#include "compare.h"
#include "engine.h"
#include "import/import.h"
#include "source/build.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct CaseRun {
    const Case *c;
    Compilation *compilation;
    Arena *arena;
    Engine *engine;
    Tolerance tolerance;
    char *sentence;
    size_t size;
} CaseRun;

static bool __attribute__((format(printf, 2, 3))) complain(CaseRun *run, const char *format, ...) {
    if (run->sentence[0]) return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(run->sentence, run->size, format, arguments);
    va_end(arguments);
    return false;
}

static bool complain_by_diagnostics(CaseRun *run, const char *what) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    diagnostics_print(run->compilation->diagnostics, file);
    fclose(file);
    complain(run, "%s: %s", what, text);
    free(text);
    return false;
}

/* ---- tolerances ---- */

/* The number of a key in the text of data.json, a flat object. */
static double number_of(const char *text, const char *key, double otherwise) {
    const char *at = strstr(text, key);
    at = at ? strchr(at, ':') : NULL;
    return at ? strtod(at + 1, NULL) : otherwise;
}

static void read_tolerances(CaseRun *run) {
    char text[1024] = "";
    run->tolerance = (Tolerance){.relative = 1e-3, .absolute = 1e-7};
    FILE *file = run->c->info ? fopen(run->c->info, "r") : NULL;
    if (!file) return;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    run->tolerance.relative = number_of(text, "\"rtol\"", run->tolerance.relative);
    run->tolerance.absolute = number_of(text, "\"atol\"", run->tolerance.absolute);
}

static bool compare(CaseRun *run, const char *name, const tfcc_tensor *got,
                    const tfcc_tensor *expected) {
    const char *difference = compare_tensors(run->arena, got, expected, &run->tolerance);
    return !difference || complain(run, "%s: %s", name, difference);
}

/* bfloat16 stands in the files as the uint16 of its bits, and ONNX's runner compares these numbers,
 * which lets the last bit differ. */
static void as_numbers(CaseRun *run, tfcc_tensor *tensor) {
    int64_t count = tensor_element_count(tensor);
    double *numbers = arena_alloc_array(run->arena, (size_t)count + 1, sizeof *numbers);
    for (int64_t k = 0; k < count; k++) numbers[k] = ((const uint16_t *)tensor->data)[k];
    tensor->data = numbers;
    tensor->dtype = TFCC_FLOAT64;
}

/* ---- what is fed and expected ---- */

static const char *path_of(CaseRun *run, const char *folder, const char *kind, size_t number) {
    return arena_format(run->arena, "%s/%s_%zu.pb", folder, kind, number);
}

static bool exists(const char *path) {
    struct stat status;
    return stat(path, &status) == 0;
}

static bool read_tensor(CaseRun *run, const char *path, tfcc_tensor *tensor) {
    const OnnxTensor *read = onnx_tensor_read(run->arena, run->compilation->diagnostics, path);
    if (!read) return complain_by_diagnostics(run, "a file of the case cannot be read");
    const ConstantData *data = &read->data;
    *tensor = (tfcc_tensor){.data = (void *)(uintptr_t)data->bytes,
                            .shape = arena_copy(run->arena, data->dims, sizeof data->dims),
                            .rank = data->rank,
                            .dtype = data->dtype};
    return true;
}

/* The input that the runner makes up for light models: element i of n is i / n. */
static bool generate_input(CaseRun *run, const Value *value, tfcc_tensor *tensor) {
    const Shape *shape = &value->type.shape;
    int64_t count = 1;
    *tensor = (tfcc_tensor){.dtype = TFCC_FLOAT32, .rank = shape->rank};
    tensor->shape = arena_alloc_array(run->arena, MAX_RANK, sizeof *tensor->shape);
    for (int k = 0; k < shape->rank; k++) {
        if (!dim_is_constant(shape->dims[k], &tensor->shape[k])) tensor->shape[k] = 1;
        count *= tensor->shape[k];
    }
    float *elements = arena_alloc_array(run->arena, (size_t)count + 1, sizeof *elements);
    for (int64_t k = 0; k < count; k++) elements[k] = (float)((double)k / (double)count);
    tensor->data = elements;
    return value->type.dtype == TFCC_FLOAT32 ||
           complain(run, "the runner makes up inputs of float32 only");
}

static size_t count_files(CaseRun *run, const char *folder, const char *kind) {
    size_t count = 0;
    while (exists(path_of(run, folder, kind, count))) count++;
    return count;
}

static bool read_feeds(CaseRun *run, const char *folder, tfcc_feed *feeds, size_t count) {
    const Graph *graph = run->compilation->graph;
    if (graph->feed_count < count)
        return complain(run, "the model has %zu inputs, the case %zu", graph->feed_count, count);
    for (size_t k = 0; k < count; k++) {
        const Feed *feed = &graph->feeds[k];
        feeds[k].name = feed->name;
        if (!(folder ? read_tensor(run, path_of(run, folder, "input", k), &feeds[k].tensor)
                     : generate_input(run, feed->value, &feeds[k].tensor)))
            return false;
        tfcc_dtype *given = &feeds[k].tensor.dtype;
        if (*given == TFCC_UINT16 && feed->value->type.dtype == TFCC_BFLOAT16)
            *given = TFCC_BFLOAT16;
    }
    return true;
}

/* One run: with the inputs of a data set, or (folder NULL) of a light model. */
static bool run_data_set(CaseRun *run, const char *folder) {
    const Graph *graph = run->compilation->graph;
    const char *stem = NULL;
    if (!folder) stem = arena_copy_text(run->arena, run->c->model, strlen(run->c->model) - 5);
    size_t feed_count = folder ? count_files(run, folder, "input") : graph->feed_count;
    size_t fetch_count = graph->fetch_count;
    tfcc_feed *feeds = arena_alloc_array(run->arena, feed_count + 1, sizeof *feeds);
    tfcc_fetch *fetches = arena_alloc_array(run->arena, fetch_count + 1, sizeof *fetches);
    if (folder && count_files(run, folder, "output") != fetch_count)
        return complain(run, "the model has %zu outputs, the case %zu", fetch_count,
                        count_files(run, folder, "output"));
    if (!read_feeds(run, folder, feeds, feed_count)) return false;
    for (size_t k = 0; k < fetch_count; k++) {
        fetches[k].name = graph->fetches[k].name;
        fetches[k].tensor.dtype = graph->fetches[k].value->type.dtype;
    }
    const char *message = "";
    if (!run->engine->run(run->engine, feeds, feed_count, fetches, fetch_count, &message))
        return complain(run, "the run failed: %s", message);
    for (size_t k = 0; k < fetch_count; k++) {
        tfcc_tensor expected;
        const char *path = folder ? path_of(run, folder, "output", k)
                                  : arena_format(run->arena, "%s_output_%zu.pb", stem, k);
        if (!read_tensor(run, path, &expected)) return false;
        tfcc_tensor got = fetches[k].tensor;
        if (expected.dtype == TFCC_UINT16 && got.dtype == TFCC_BFLOAT16) {
            as_numbers(run, &expected);
            as_numbers(run, &got);
        }
        if (!compare(run, fetches[k].name, &got, &expected)) return false;
    }
    return true;
}

/* ---- the case ---- */

static bool build(CaseRun *run, const CaseOptions *options) {
    Compilation *compilation = run->compilation;
    compilation->options = (CompileOptions){
        .input = run->c->model, .optimisation = options->level, .cpu = "native", .verify = true};
    const char *yaml = arena_format(run->arena, "%s/model.yaml", options->folder),
               *weights = arena_format(run->arena, "%s/model.safetensors", options->folder);
    ImportResult result;
    OnnxModel *model = onnx_model_read(run->arena, compilation->diagnostics, run->c->model);
    if (!model || !import_model(model, "model.safetensors", &result) ||
        !import_write_files(run->arena, compilation->diagnostics, &result, yaml, weights))
        return complain_by_diagnostics(run, "import");
    compilation->options.input = yaml;
    if (!source_build_graph(compilation) || diagnostics_error_count(compilation->diagnostics))
        return complain_by_diagnostics(run, "the imported model");
    run->engine = options->interpret ? interpreter_engine_open(compilation, true)
                                     : native_engine_open(compilation);
    if (!run->engine) return complain_by_diagnostics(run, "the imported model");
    const char *message = "";
    if (!run->engine->initialize(run->engine, &message))
        return complain(run, "initialize failed: %s", message);
    return true;
}

void case_run(const Case *c, const CaseOptions *options, char *sentence, size_t size) {
    Arena *arena = arena_create();
    Compilation *compilation = arena_alloc(arena, sizeof *compilation);
    compilation->arena = arena;
    compilation->diagnostics = diagnostics_create(arena);
    CaseRun run = {
        .c = c, .compilation = compilation, .arena = arena, .sentence = sentence, .size = size};
    sentence[0] = '\0';
    read_tolerances(&run);
    if (!build(&run, options)) return;
    size_t sets = 0;
    while (c->data && exists(arena_format(arena, "%s/test_data_set_%zu", c->data, sets)))
        run_data_set(&run, arena_format(arena, "%s/test_data_set_%zu", c->data, sets++));
    if (!c->data) run_data_set(&run, NULL);
    if (c->data && sets == 0) complain(&run, "there is no test_data_set_0");
    run.engine->close(run.engine);
}
