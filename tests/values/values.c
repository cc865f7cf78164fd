/* values.c: runs the cases of value files; the format is in README.md.
 *
 *     values [-O0 … -O3] [--mcpu=NAME] [--interpret | --interpret-fused | --interpret-loops]
 *            FILE.yaml…
 *
 * Native code by default; --interpret carries out the kernels as they were lowered,
 * --interpret-fused after fusion, --interpret-loops what the schedule has made of these. Every failure is a line `FILE: CASE: …`; the last line counts.
 * Levels are verified after each pass.
 */
#include "command/feed.h"
#include "compare.h"
#include "engine.h"
#include "kernels/scalar_evaluate.h"
#include "source/build.h"
#include "support/dtype.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Options {
    int level;
    const char *cpu;
    bool interpret;
    Interpreted what;
} Options;

typedef struct Case {
    const Options *options;
    Arena *arena;
    Compilation *compilation;
    const Tree *tree;
    TreeNode node; /* the case */
    Engine *engine;
    char problem[2048]; /* the first thing that is wrong, "" where nothing is */
} Case;

static void __attribute__((format(printf, 2, 3))) complain(Case *c, const char *format, ...) {
    if (c->problem[0]) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->problem, sizeof c->problem, format, arguments);
    va_end(arguments);
}

static bool is_there(TreeNode node) {
    return node.kind != TREE_ABSENT;
}

/* ---- what is fed and expected ---- */

/* The shape that is stated beside a value, for what nested lists cannot tell. */
static void apply_shape(Case *c, const TreeNode *shapes, const char *name, tfcc_tensor *tensor) {
    if (!is_there(*shapes)) return;
    TreeNode shape = tree_get(shapes, name);
    if (!is_there(shape)) return;
    tensor->rank = (int32_t)shape.length;
    for (size_t k = 0; k < shape.length; k++) {
        TreeNode size = tree_item(c->tree, &shape, k);
        tensor->shape[k] = (int64_t)tree_resolve(&size).integer;
    }
}

static bool read_tensor(Case *c, const TreeNode *run, const char *name, const TreeNode *value,
                        tfcc_dtype dtype, tfcc_tensor *tensor) {
    TreeNode shapes = tree_get(run, "shape");
    if (!tensor_from_tree(c->arena, c->compilation->diagnostics, c->tree, value, dtype, tensor)) {
        complain(c, "the value of %s cannot be read as %s", name, dtype_name(dtype));
        return false;
    }
    apply_shape(c, &shapes, name, tensor);
    return true;
}

static tfcc_dtype feed_dtype(const Case *c, const char *name) {
    const Graph *graph = c->compilation->graph;
    for (size_t k = 0; k < graph->feed_count; k++)
        if (strcmp(graph->feeds[k].name, name) == 0) return graph->feeds[k].value->type.dtype;
    return TFCC_FLOAT32; /* the run will say that there is no such feed */
}

static tfcc_dtype fetch_dtype(const Case *c, const char *name) {
    const Fetch *fetch = graph_find_fetch(c->compilation->graph, name);
    if (!fetch) return TFCC_FLOAT32; /* the run will say that there is no such fetch */
    return fetch->value ? fetch->value->type.dtype : TFCC_NONE;
}

static size_t read_feeds(Case *c, const TreeNode *run, tfcc_feed **feeds) {
    TreeNode given = tree_get(run, "feeds");
    size_t count = is_there(given) ? given.length : 0;
    *feeds = arena_alloc_array(c->arena, count + 1, sizeof **feeds);
    for (size_t k = 0; k < count; k++) {
        const TreePair *pair = &given.as.pairs[k];
        (*feeds)[k].name = tree_text(c->arena, &pair->key);
        read_tensor(c, run, (*feeds)[k].name, &pair->value, feed_dtype(c, (*feeds)[k].name),
                    &(*feeds)[k].tensor);
    }
    return count;
}

static void add_fetch(const Case *c, tfcc_fetch *fetches, size_t *count, const char *name,
                      bool is_target) {
    fetches[*count].name = name;
    tfcc_dtype dtype = fetch_dtype(c, name);
    /* What has no value is fetched all the same, so that the run refuses it. */
    if (dtype == TFCC_NONE) dtype = TFCC_FLOAT32;
    fetches[*count].tensor = (tfcc_tensor){.dtype = is_target ? TFCC_NONE : dtype};
    ++*count;
}

static size_t read_fetches(Case *c, const TreeNode *run, tfcc_fetch **fetches) {
    TreeNode expect = tree_get(run, "expect"), named = tree_get(run, "fetch"),
             targets = tree_get(run, "targets"), node = tree_get(run, "node"),
             stats = tree_get(run, "expect_stats");
    size_t count = 0;
    *fetches = arena_alloc_array(c->arena,
                                 expect.length + named.length + targets.length + stats.length + 2,
                                 sizeof **fetches);
    for (size_t k = 0; is_there(named) && k < named.length; k++) {
        TreeNode item = tree_item(c->tree, &named, k);
        add_fetch(c, *fetches, &count, tree_text(c->arena, &item), false);
    }
    for (size_t k = 0; !is_there(named) && is_there(expect) && k < expect.length; k++)
        add_fetch(c, *fetches, &count, tree_text(c->arena, &expect.as.pairs[k].key), false);
    for (size_t k = 0; is_there(stats) && k < stats.length; k++)
        add_fetch(c, *fetches, &count, tree_text(c->arena, &stats.as.pairs[k].key), false);
    for (size_t k = 0; is_there(targets) && k < targets.length; k++) {
        TreeNode item = tree_item(c->tree, &targets, k);
        add_fetch(c, *fetches, &count, tree_text(c->arena, &item), true);
    }
    if (count == 0 && is_there(node))
        add_fetch(c, *fetches, &count, tree_text(c->arena, &node), false);
    return count;
}

static double real_of(TreeNode node, double otherwise) {
    Number number = tree_resolve(&node);
    if (!is_there(node)) return otherwise;
    return number.kind == NUMBER_INTEGER ? (double)number.integer : number.real;
}

/* ---- one run ---- */

static void check_results(Case *c, const TreeNode *run, const tfcc_fetch *fetches, size_t count) {
    TreeNode expect = tree_get(run, "expect"), dtypes = tree_get(&c->node, "dtype");
    TreeNode zero = tree_get(&c->node, "signed_zero");
    Tolerance tolerance = {.relative = real_of(tree_get(&c->node, "tolerance"), 0),
                           .ulps = real_of(tree_get(&c->node, "ulps"), 0),
                           .signed_zero = is_there(zero) && tree_resolve(&zero).boolean};
    for (size_t k = 0; k < count && is_there(expect); k++) {
        TreeNode value = tree_get(&expect, fetches[k].name);
        if (!is_there(value)) continue;
        tfcc_dtype dtype = fetches[k].tensor.dtype;
        if (is_there(dtypes)) {
            TreeNode stated = tree_get(&dtypes, fetches[k].name);
            if (is_there(stated)) dtype = dtype_from_name(tree_text(c->arena, &stated));
        }
        tfcc_tensor expected;
        if (!read_tensor(c, run, fetches[k].name, &value, dtype, &expected)) return;
        const char *difference =
            compare_tensors(c->arena, &fetches[k].tensor, &expected, &tolerance);
        if (difference) complain(c, "%s: %s", fetches[k].name, difference);
    }
}

static void check_run(Case *c, const TreeNode *run) {
    tfcc_feed *feeds;
    tfcc_fetch *fetches;
    const char *message = "";
    size_t feed_count = read_feeds(c, run, &feeds), fetch_count = read_fetches(c, run, &fetches);
    if (c->problem[0]) return;
    bool done = c->engine->run(c->engine, feeds, feed_count, fetches, fetch_count, &message);
    TreeNode error = tree_get(run, "error"), node = tree_get(run, "node");
    if (!is_there(error)) {
        if (!done)
            complain(c, "the run failed: %s", message);
        else
            check_results(c, run, fetches, fetch_count);
        return;
    }
    const char *wanted = tree_text(c->arena, &error);
    if (done)
        complain(c, "the run should have failed with '%s'", wanted);
    else if (!strstr(message, wanted) ||
             (is_there(node) && !strstr(message, tree_text(c->arena, &node))))
        complain(c, "the failure is '%s' and should contain '%s'", message, wanted);
}

/* ---- random numbers ---- */

static void bound(Case *c, const char *name, const TreeNode *stats, const char *key, double value) {
    TreeNode range = tree_get(stats, key);
    if (!is_there(range)) return;
    if (range.kind == TREE_SCALAR) {
        double limit = real_of(range, 0);
        if (strcmp(key, "min") == 0 ? value < limit : value > limit)
            complain(c, "%s: its %s is %g, beyond %g", name, key, value, limit);
        return;
    }
    double low = real_of(tree_item(c->tree, &range, 0), 0),
           high = real_of(tree_item(c->tree, &range, 1), 0);
    if (!(value >= low && value <= high))
        complain(c, "%s: its %s is %g, not within [%g, %g]", name, key, value, low, high);
}

static void check_stats(Case *c, const char *name, const TreeNode *stats,
                        const tfcc_tensor *tensor) {
    int64_t count = tensor_element_count(tensor);
    double sum = 0, squares = 0, least = INFINITY, most = -INFINITY;
    for (int64_t k = 0; k < count; k++) {
        uint64_t bits = bits_load(tensor->dtype, tensor->data, k);
        double x = dtype_is_float(tensor->dtype) ? bits_to_double(tensor->dtype, bits)
                                                 : (double)bits_to_integer(tensor->dtype, bits);
        sum += x;
        squares += x * x;
        least = fmin(least, x);
        most = fmax(most, x);
    }
    double mean = sum / (double)count;
    TreeNode dtype = tree_get(stats, "dtype"), shape = tree_get(stats, "shape");
    if (is_there(dtype) && dtype_from_name(tree_text(c->arena, &dtype)) != tensor->dtype)
        complain(c, "%s is %s", name, dtype_name(tensor->dtype));
    if (is_there(shape) && (int32_t)shape.length != tensor->rank)
        complain(c, "%s has rank %d", name, tensor->rank);
    for (size_t k = 0; is_there(shape) && k < shape.length && !c->problem[0]; k++) {
        TreeNode size = tree_item(c->tree, &shape, k);
        if ((int64_t)tree_resolve(&size).integer != tensor->shape[k])
            complain(c, "%s: dimension %zu is %lld", name, k, (long long)tensor->shape[k]);
    }
    bound(c, name, stats, "mean", mean);
    bound(c, name, stats, "std", sqrt(fmax(0, squares / (double)count - mean * mean)));
    bound(c, name, stats, "min", least);
    bound(c, name, stats, "max", most);
}

static bool fetch_one(Case *c, Engine *engine, const char *name, tfcc_tensor *tensor) {
    tfcc_feed *feeds;
    size_t count = read_feeds(c, &c->node, &feeds);
    tfcc_fetch fetch = {name, {.dtype = fetch_dtype(c, name)}};
    const char *message = "";
    if (!engine->run(engine, feeds, count, &fetch, 1, &message)) {
        complain(c, "fetching %s failed: %s", name, message);
        return false;
    }
    *tensor = fetch.tensor;
    return true;
}

static void check_pair(Case *c, const TreeNode *pair, bool want_equal) {
    tfcc_fetch fetches[2];
    const char *message = "";
    tfcc_feed *feeds;
    size_t count = read_feeds(c, &c->node, &feeds);
    for (size_t k = 0; k < 2; k++) {
        TreeNode item = tree_item(c->tree, pair, k);
        const char *name = tree_text(c->arena, &item);
        fetches[k] = (tfcc_fetch){name, {.dtype = fetch_dtype(c, name)}};
    }
    if (!c->engine->run(c->engine, feeds, count, fetches, 2, &message)) {
        complain(c, "the run failed: %s", message);
        return;
    }
    bool is_equal = !compare_bits(c->arena, &fetches[0].tensor, &fetches[1].tensor);
    if (is_equal != want_equal)
        complain(c, "%s and %s should %s", fetches[0].name, fetches[1].name,
                 want_equal ? "be equal" : "differ");
}

static void check_properties(Case *c, const TreeNode *properties) {
    for (int is_equal = 0; is_equal < 2; is_equal++) {
        TreeNode pairs = tree_get(properties, is_equal ? "equal" : "differ");
        for (size_t k = 0; is_there(pairs) && k < pairs.length; k++) {
            TreeNode pair = tree_item(c->tree, &pairs, k);
            check_pair(c, &pair, is_equal);
        }
    }
    TreeNode next = tree_get(properties, "next_run_differs"),
             again = tree_get(properties, "same_in_a_new_session");
    tfcc_tensor first, second;
    for (size_t k = 0; is_there(next) && k < next.length; k++) {
        TreeNode item = tree_item(c->tree, &next, k);
        const char *name = tree_text(c->arena, &item);
        if (fetch_one(c, c->engine, name, &first) && fetch_one(c, c->engine, name, &second) &&
            !compare_bits(c->arena, &first, &second))
            complain(c, "%s: a second run gives the same numbers", name);
    }
    for (size_t k = 0; is_there(again) && k < again.length; k++) {
        TreeNode item = tree_item(c->tree, &again, k);
        const char *name = tree_text(c->arena, &item), *message = "";
        tfcc_tensor results[2];
        for (int session = 0; session < 2 && !c->problem[0]; session++) {
            Engine *engine = c->options->interpret ? interpreter_engine_again(c->engine)
                                                   : native_engine_again(c->engine);
            if (!engine || !engine->initialize(engine, &message))
                complain(c, "a new session fails: %s", message);
            else
                fetch_one(c, engine, name, &results[session]);
            if (engine) engine->close(engine);
        }
        if (!c->problem[0] && compare_bits(c->arena, &results[0], &results[1]))
            complain(c, "%s: another session gives other numbers", name);
    }
}

/* ---- one case ---- */

static const char *diagnostics_text(Case *c) {
    char *bytes = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&bytes, &size);
    diagnostics_print(c->compilation->diagnostics, stream);
    fclose(stream);
    const char *text = arena_copy_text(c->arena, bytes, size);
    free(bytes);
    return text;
}

static void carry_out(Case *c) {
    TreeNode initialize = tree_get(&c->node, "initialize"), runs = tree_get(&c->node, "runs"),
             stats = tree_get(&c->node, "expect_stats"),
             properties = tree_get(&c->node, "properties");
    const char *message = "";
    bool wants_initial = !is_there(initialize) || tree_resolve(&initialize).boolean;
    if (wants_initial && !c->engine->initialize(c->engine, &message))
        complain(c, "initialize failed: %s", message);
    if (is_there(runs)) {
        for (size_t k = 0; k < runs.length && !c->problem[0]; k++) {
            TreeNode run = tree_item(c->tree, &runs, k);
            check_run(c, &run);
        }
    } else if (is_there(tree_get(&c->node, "expect")) || is_there(tree_get(&c->node, "error"))) {
        check_run(c, &c->node);
    }
    for (size_t k = 0; is_there(stats) && k < stats.length; k++) {
        const TreePair *pair = &stats.as.pairs[k];
        const char *name = tree_text(c->arena, &pair->key);
        tfcc_tensor tensor;
        if (fetch_one(c, c->engine, name, &tensor)) check_stats(c, name, &pair->value, &tensor);
    }
    if (is_there(properties)) check_properties(c, &properties);
}

static void run_case(Case *c) {
    Compilation *compilation = c->compilation;
    TreeNode graph = tree_get(&c->node, "graph"), refusal = tree_get(&c->node, "compile_error");
    if (source_build_from_tree(compilation, c->tree, &graph) &&
        !diagnostics_error_count(compilation->diagnostics))
        c->engine = c->options->interpret ? interpreter_engine_open(compilation, c->options->what)
                                          : native_engine_open(compilation);
    bool is_refused = diagnostics_error_count(compilation->diagnostics) > 0;
    if (is_there(refusal)) {
        const char *wanted = tree_text(c->arena, &refusal);
        if (!is_refused)
            complain(c, "it should be refused with '%s'", wanted);
        else if (!strstr(diagnostics_text(c), wanted))
            complain(c, "the diagnostic should contain '%s': %s", wanted, diagnostics_text(c));
    } else if (is_refused || !c->engine) {
        complain(c, "it does not compile: %s", diagnostics_text(c));
    } else {
        carry_out(c);
    }
    if (c->engine) c->engine->close(c->engine);
}

static void run_file(const Options *options, const char *path, size_t *passed, size_t *failed) {
    Arena *file_arena = arena_create();
    Diagnostics *diagnostics = diagnostics_create(file_arena);
    SourceFile *file = tree_read_file(file_arena, diagnostics, path, 0);
    Tree *tree = file ? tree_parse(file_arena, diagnostics, file) : NULL;
    if (!tree) {
        diagnostics_print(diagnostics, stdout);
        ++*failed;
        arena_destroy(file_arena);
        return;
    }
    TreeNode cases = tree_get(&tree->root, "cases");
    for (size_t k = 0; k < cases.length; k++) {
        Arena *arena = arena_create();
        Case c = {
            .options = options, .arena = arena, .tree = tree, .node = tree_item(tree, &cases, k)};
        TreeNode name = tree_get(&c.node, "name");
        c.compilation = arena_alloc(arena, sizeof *c.compilation);
        c.compilation->arena = arena;
        c.compilation->diagnostics = diagnostics_create(arena);
        c.compilation->options = (CompileOptions){
            .input = path, .optimisation = options->level, .cpu = options->cpu, .verify = true};
        run_case(&c);
        if (c.problem[0]) printf("%s: %s: %s\n", path, tree_text(arena, &name), c.problem);
        ++*(c.problem[0] ? failed : passed);
        arena_destroy(arena);
    }
    arena_destroy(file_arena);
}

int main(int argument_count, char **arguments) {
    Options options = {.level = 2};
    size_t passed = 0, failed = 0;
    setvbuf(stdout, NULL, _IOLBF, 0); /* what was found before a crash is seen */
    for (int k = 1; k < argument_count; k++) {
        const char *argument = arguments[k];
        if (strncmp(argument, "-O", 2) == 0)
            options.level = atoi(argument + 2);
        else if (strncmp(argument, "--mcpu=", 7) == 0)
            options.cpu = argument + 7;
        else if (strcmp(argument, "--interpret") == 0)
            options.interpret = true;
        else if (strcmp(argument, "--interpret-fused") == 0)
            options.interpret = true, options.what = INTERPRET_FUSED;
        else if (strcmp(argument, "--interpret-loops") == 0)
            options.interpret = true, options.what = INTERPRET_LOOPS;
        else
            run_file(&options, argument, &passed, &failed);
    }
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed ? 1 : 0;
}
