/* values_interpreter.c: the value cases by the kernel interpreter.
 *
 *     values_interpreter [--fused] [--dump] FILE.yaml [CASE]
 *
 * compiles each case down to kernels (with --fused also fuses them) and interprets them. Prints what fails, one line each; status 1
 * where anything did. --dump prints the kernels of each case.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tfcc/abi.h>
#include "case.h"
#include "compilation.h"
#include "kernels/fuse.h"
#include "kernels/interpret.h"
#include "passes/passes.h"
#include "source/build.h"
#include "support/dtype.h"

typedef struct Runner {
    Arena *arena; /* of one case */
    const Tree *tree;
    TreeNode test;
    Compilation compilation;
    Interpreter *session;
    bool fused, dumps;
    const char *file, *name;
    int failures;
} Runner;

static void fail(Runner *runner, int run, const char *what, const char *why) {
    printf("%s: %s", runner->file, runner->name);
    if (run >= 0) printf(", run %d", run);
    printf(": %s%s%s\n", what, what[0] ? ": " : "", why);
    runner->failures++;
}

/* ---- compiling ---- */

static bool compile(Runner *runner) {
    Compilation *c = &runner->compilation;
    *c = (Compilation){.arena = runner->arena, .diagnostics = diagnostics_create(runner->arena)};
    c->options.input = runner->file;
    TreeNode graph = tree_get(&runner->test, "graph");
    static bool (*const passes[])(Compilation *) = {pass_feeds,    pass_order, pass_infer, pass_expand,
                                                    pass_simplify, pass_share, pass_prune, lower_graph};
    if (!source_build_from_tree(c, runner->tree, &graph) || diagnostics_error_count(c->diagnostics)) return false;
    for (size_t k = 0; k < sizeof passes / sizeof *passes; k++)
        if (!passes[k](c) || diagnostics_error_count(c->diagnostics)) return false;
    char message[512];
    if (!program_verify(c->program, message, sizeof message)) fail(runner, -1, "lower", message);
    if (runner->fused && !fuse_program(c)) return false;
    if (runner->fused && !program_verify(c->program, message, sizeof message)) fail(runner, -1, "fuse", message);
    if (runner->dumps) {
        Text text = {.arena = runner->arena};
        program_print(&text, c->program);
        printf("%s\n", text.bytes);
    }
    return true;
}

static char *diagnostics_text(Runner *runner) {
    char *bytes = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&bytes, &size);
    diagnostics_print(runner->compilation.diagnostics, stream);
    fclose(stream);
    char *text = arena_copy_text(runner->arena, bytes, size);
    free(bytes);
    return text;
}

/* ---- sessions ---- */

static Fetch *find_fetch(Runner *runner, const char *name) {
    Graph *graph = runner->compilation.graph;
    for (size_t k = 0; k < graph->fetch_count; k++)
        if (strcmp(graph->fetches[k].name, name) == 0) return &graph->fetches[k];
    return NULL;
}

static const char *initialize(Runner *runner, Interpreter *session) {
    const Program *program = runner->compilation.program;
    Buffer **wanted = arena_alloc_array(runner->arena, runner->compilation.graph->variable_count + 1, sizeof(Buffer *));
    size_t count = 0;
    for (size_t k = 0; k < runner->compilation.graph->variable_count; k++)
        if (program->initial_writes[k]) wanted[count++] = program->initial_writes[k];
    const char *failure = interpret_program(session, wanted, count);
    if (!failure) interpreter_commit(session);
    interpreter_reset(session);
    return failure;
}

static const char *feed_all(Runner *runner, Interpreter *session, const TreeNode *run) {
    Graph *graph = runner->compilation.graph;
    TreeNode feeds = tree_get(run, "feeds"), shapes = tree_get(run, "shape");
    if (feeds.kind != TREE_MAPPING) return NULL;
    if (shapes.kind != TREE_MAPPING) shapes = tree_get(&runner->test, "shape");
    for (size_t k = 0; k < feeds.length; k++) {
        const char *name = tree_text(runner->arena, &feeds.as.pairs[k].key);
        Value *value = NULL;
        for (size_t f = 0; f < graph->feed_count; f++)
            if (strcmp(graph->feeds[f].name, name) == 0) value = graph->feeds[f].value;
        if (!value) return arena_format(runner->arena, "there is no feed %s", name);
        if (!value->buffer) continue; /* pruned: nothing needs it */
        TreeNode shape = shapes.kind == TREE_MAPPING ? tree_get(&shapes, name) : (TreeNode){0};
        CaseTensor tensor;
        if (!case_read_tensor(runner->arena, runner->tree, &feeds.as.pairs[k].value, &shape, value->type.dtype, &tensor))
            return arena_format(runner->arena, "the feed %s is no %s tensor", name, dtype_name(value->type.dtype));
        const char *failure = interpreter_feed(session, value->buffer, tensor.bytes, tensor.rank, tensor.dims);
        if (failure) return failure;
    }
    return NULL;
}

/* What a fetch has given: a variable's value at the end of the run, or the buffer's. */
static bool read_fetch(Interpreter *session, const Fetch *fetch, CaseTensor *tensor) {
    Buffer *buffer = fetch->value->buffer;
    InterpreterBuffer *memory = interpreter_buffer(session, buffer);
    const Shape *shape = &buffer->type.shape;
    int64_t rank = shape->runtime_rank ? dim_evaluate(shape->runtime_rank, session->symbols, NULL) : shape->rank;
    *tensor = (CaseTensor){.dtype = buffer->type.dtype, .rank = (int)rank, .count = memory->element_count};
    for (int k = 0; k < tensor->rank; k++) tensor->dims[k] = memory->dims[shape->rank - tensor->rank + k];
    tensor->bytes = memory->bytes;
    if (buffer->kind == TFCC_ABI_START && !buffer->alias_of && !memory->is_fed) tensor->bytes = session->current[buffer->variable->number];
    return tensor->bytes != NULL || tensor->count == 0;
}

typedef struct RunResult {
    const char *failure;
    const char **names;
    CaseTensor *tensors;
    size_t count;
} RunResult;

static void add_names(Runner *runner, const TreeNode *list, const char **names, size_t *count) {
    if (list->kind == TREE_SCALAR) names[(*count)++] = tree_text(runner->arena, list);
    for (size_t k = 0; list->kind == TREE_SEQUENCE && k < list->length; k++) {
        TreeNode item = tree_item(runner->tree, list, k);
        names[(*count)++] = tree_text(runner->arena, &item);
    }
    for (size_t k = 0; list->kind == TREE_MAPPING && k < list->length; k++)
        names[(*count)++] = tree_text(runner->arena, &list->as.pairs[k].key);
}

static const char *add_targets(Runner *runner, const char *const *names, size_t count, Kernel ***targets, size_t *target_count) {
    const Program *program = runner->compilation.program;
    for (size_t k = 0; k < count; k++) {
        Fetch *fetch = find_fetch(runner, names[k]);
        GraphNode *node = fetch ? fetch->node : graph_find_node(runner->compilation.graph, names[k]);
        if (!node) return arena_format(runner->arena, "there is no target %s", names[k]);
        const ProgramNode *kernels = &program->nodes[node->id];
        for (size_t n = 0; n < kernels->kernel_count; n++) (*targets)[(*target_count)++] = kernels->kernels[n];
    }
    return NULL;
}

/* One run of a session; what it writes is kept only where it succeeds. */
static RunResult run_once(Runner *runner, Interpreter *session, const TreeNode *run) {
    RunResult result = {0};
    Graph *graph = runner->compilation.graph;
    const Program *program = runner->compilation.program;
    TreeNode fetch = tree_get(run, "fetch"), expect = tree_get(run, "expect"), stats = tree_get(run, "expect_stats");
    TreeNode targets = tree_get(run, "targets"), node = tree_get(run, "node");
    size_t room = graph->fetch_count + fetch.length + expect.length + stats.length + targets.length + 2;
    result.names = arena_alloc_array(runner->arena, room, sizeof *result.names);
    result.tensors = arena_alloc_array(runner->arena, room, sizeof *result.tensors);
    const char **target_names = arena_alloc_array(runner->arena, room, sizeof *target_names);
    size_t target_count = 0, kernel_count = 0;
    if (fetch.kind == TREE_SEQUENCE) {
        add_names(runner, &fetch, result.names, &result.count);
    } else {
        add_names(runner, &expect, result.names, &result.count);
        add_names(runner, &stats, result.names, &result.count);
    }
    add_names(runner, &targets, target_names, &target_count);
    if (result.count == 0 && target_count == 0 && node.kind == TREE_SCALAR) add_names(runner, &node, result.names, &result.count);

    Kernel **kernels = arena_alloc_array(runner->arena, program->kernel_count * (room + 1) + 1, sizeof *kernels);
    Buffer **wanted = arena_alloc_array(runner->arena, room, sizeof *wanted);
    Fetch **fetches = arena_alloc_array(runner->arena, room, sizeof *fetches);
    size_t wanted_count = 0;
    for (size_t k = 0; k < result.count; k++) {
        fetches[k] = find_fetch(runner, result.names[k]);
        if (fetches[k] && !fetches[k]->value) target_names[target_count++] = result.names[k];
        else if (!fetches[k]) result.failure = arena_format(runner->arena, "there is no fetch %s", result.names[k]);
        else wanted[wanted_count++] = fetches[k]->value->buffer;
    }
    if (!result.failure) result.failure = add_targets(runner, target_names, target_count, &kernels, &kernel_count);
    if (!result.failure) result.failure = feed_all(runner, session, run);
    if (!result.failure) result.failure = interpret_targets(session, wanted, wanted_count, kernels, kernel_count);
    for (size_t k = 0; k < result.count && !result.failure; k++)
        if (fetches[k]->value && !read_fetch(session, fetches[k], &result.tensors[k]))
            result.failure = arena_format(runner->arena, "%s has no value", result.names[k]);
    if (!result.failure) interpreter_commit(session);
    interpreter_reset(session);
    return result;
}

/* ---- expectations ---- */

static void check_expected(Runner *runner, int number, const TreeNode *run, const RunResult *result) {
    TreeNode expect = tree_get(run, "expect"), shapes = tree_get(run, "shape"), dtypes = tree_get(&runner->test, "dtype");
    TreeNode stats = tree_get(run, "expect_stats"), own = tree_get(run, "dtype");
    if (own.kind == TREE_MAPPING) dtypes = own;
    if (shapes.kind != TREE_MAPPING) shapes = tree_get(&runner->test, "shape");
    for (size_t k = 0; k < result->count; k++) {
        TreeNode value = expect.kind == TREE_MAPPING ? tree_get(&expect, result->names[k]) : (TreeNode){0};
        TreeNode statistics = stats.kind == TREE_MAPPING ? tree_get(&stats, result->names[k]) : (TreeNode){0};
        const char *why = NULL;
        if (value.kind != TREE_ABSENT) {
            TreeNode shape = shapes.kind == TREE_MAPPING ? tree_get(&shapes, result->names[k]) : (TreeNode){0};
            TreeNode dtype = dtypes.kind == TREE_MAPPING ? tree_get(&dtypes, result->names[k]) : (TreeNode){0};
            tfcc_dtype wanted = dtype.kind == TREE_SCALAR ? dtype_from_name(tree_text(runner->arena, &dtype)) : result->tensors[k].dtype;
            CaseTensor expected;
            if (!case_read_tensor(runner->arena, runner->tree, &value, &shape, wanted, &expected)) {
                why = "its expected value cannot be read";
            } else {
                why = case_compare(runner->arena, &expected, &result->tensors[k], case_tolerance(&runner->test, run));
            }
        } else if (statistics.kind == TREE_MAPPING) {
            why = case_check_statistics(runner->arena, runner->tree, &statistics, &result->tensors[k]);
        }
        if (why) fail(runner, number, result->names[k], why);
    }
}

static void check_run(Runner *runner, int number, const TreeNode *run) {
    TreeNode error = tree_get(run, "error"), node = tree_get(run, "node");
    RunResult result = run_once(runner, runner->session, run);
    if (error.kind == TREE_SCALAR) {
        if (!result.failure) {
            fail(runner, number, "", "does not fail");
        } else if (!strstr(result.failure, tree_text(runner->arena, &error)) ||
                   (node.kind == TREE_SCALAR && !strstr(result.failure, tree_text(runner->arena, &node)))) {
            fail(runner, number, "another failure", result.failure);
        }
    } else if (result.failure) {
        fail(runner, number, "failed", result.failure);
    } else {
        check_expected(runner, number, run, &result);
    }
}

/* Fetches of one run whose bytes are the same. */
static bool same_fetches(const RunResult *a, const char *name_a, const RunResult *b, const char *name_b) {
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < b->count; j++)
            if (strcmp(a->names[i], name_a) == 0 && strcmp(b->names[j], name_b) == 0)
                return a->tensors[i].count == b->tensors[j].count &&
                       memcmp(a->tensors[i].bytes, b->tensors[j].bytes,
                              (size_t)a->tensors[i].count * dtype_size(a->tensors[i].dtype)) == 0;
    return false;
}

static void check_pairs(Runner *runner, const TreeNode *pairs, const RunResult *run, bool should_equal) {
    for (size_t k = 0; pairs->kind == TREE_SEQUENCE && k < pairs->length; k++) {
        TreeNode pair = tree_item(runner->tree, pairs, k), a = tree_item(runner->tree, &pair, 0), b = tree_item(runner->tree, &pair, 1);
        const char *first = tree_text(runner->arena, &a), *second = tree_text(runner->arena, &b);
        if (same_fetches(run, first, run, second) != should_equal)
            fail(runner, 0, first, arena_format(runner->arena, should_equal ? "differs from %s" : "equals %s", second));
    }
}

static Interpreter *open_session(Runner *runner) {
    Interpreter *session = interpreter_create(runner->arena, runner->compilation.program);
    TreeNode asked = tree_get(&runner->test, "initialize");
    if (asked.kind == TREE_SCALAR && tree_is(&asked, "false")) return session;
    const char *failure = initialize(runner, session);
    if (failure) fail(runner, -1, "initialize", failure);
    return session;
}

static void check_properties(Runner *runner, const TreeNode *properties) {
    TreeNode equal = tree_get(properties, "equal"), differ = tree_get(properties, "differ");
    TreeNode next = tree_get(properties, "next_run_differs"), again = tree_get(properties, "same_in_a_new_session");
    Graph *graph = runner->compilation.graph;
    RunResult runs[3];
    Interpreter *first = open_session(runner), *second = open_session(runner);
    Interpreter *sessions[3] = {first, first, second};
    for (int k = 0; k < 3; k++) {
        RunResult *r = &runs[k];
        *r = (RunResult){.names = arena_alloc_array(runner->arena, graph->fetch_count + 1, sizeof(char *)),
                         .tensors = arena_alloc_array(runner->arena, graph->fetch_count + 1, sizeof(CaseTensor))};
        Buffer **wanted = arena_alloc_array(runner->arena, graph->fetch_count + 1, sizeof(Buffer *));
        size_t count = 0;
        for (size_t f = 0; f < graph->fetch_count; f++)
            if (graph->fetches[f].value) wanted[count++] = graph->fetches[f].value->buffer;
        r->failure = interpret_program(sessions[k], wanted, count);
        for (size_t f = 0; f < graph->fetch_count && !r->failure; f++) {
            if (!graph->fetches[f].value) continue;
            r->names[r->count] = graph->fetches[f].name;
            read_fetch(sessions[k], &graph->fetches[f], &r->tensors[r->count++]);
        }
        if (r->failure) fail(runner, k, "properties", r->failure);
        interpreter_commit(sessions[k]);
        interpreter_reset(sessions[k]);
    }
    check_pairs(runner, &equal, &runs[0], true);
    check_pairs(runner, &differ, &runs[0], false);
    const char *names[64];
    size_t count = 0;
    add_names(runner, &next, names, &count);
    for (size_t k = 0; k < count; k++)
        if (same_fetches(&runs[0], names[k], &runs[1], names[k])) fail(runner, 1, names[k], "is the same in the next run");
    count = 0;
    add_names(runner, &again, names, &count);
    for (size_t k = 0; k < count; k++)
        if (!same_fetches(&runs[0], names[k], &runs[2], names[k])) fail(runner, 2, names[k], "differs in a new session");
}

static void check_case(Runner *runner) {
    TreeNode refused = tree_get(&runner->test, "compile_error");
    bool compiled = compile(runner);
    if (refused.kind == TREE_SCALAR) {
        const char *text = tree_text(runner->arena, &refused);
        if (compiled) fail(runner, -1, "", "compiles");
        else if (!strstr(diagnostics_text(runner), text)) fail(runner, -1, "another diagnostic", diagnostics_text(runner));
        return;
    }
    if (!compiled) {
        fail(runner, -1, "does not compile", diagnostics_text(runner));
        return;
    }
    TreeNode runs = tree_get(&runner->test, "runs"), properties = tree_get(&runner->test, "properties");
    runner->session = open_session(runner);
    if (runs.kind == TREE_SEQUENCE) {
        for (size_t k = 0; k < runs.length; k++) {
            TreeNode run = tree_item(runner->tree, &runs, k);
            check_run(runner, (int)k, &run);
        }
    } else {
        check_run(runner, 0, &runner->test);
    }
    if (properties.kind == TREE_MAPPING) check_properties(runner, &properties);
}

int main(int argc, char **argv) {
    Runner runner = {0};
    const char *only = NULL;
    for (int k = 1; k < argc; k++) {
        if (strcmp(argv[k], "--fused") == 0) runner.fused = true;
        else if (strcmp(argv[k], "--dump") == 0) runner.dumps = true;
        else if (!runner.file) runner.file = argv[k];
        else only = argv[k];
    }
    if (!runner.file) {
        fprintf(stderr, "usage: values_interpreter [--fused] [--dump] FILE.yaml [CASE]\n");
        return 2;
    }
    Arena *arena = arena_create();
    Diagnostics *diagnostics = diagnostics_create(arena);
    SourceFile *file = tree_read_file(arena, diagnostics, runner.file, 0);
    runner.tree = file ? tree_parse(arena, diagnostics, file) : NULL;
    if (!runner.tree) {
        diagnostics_print(diagnostics, stdout);
        return 1;
    }
    TreeNode cases = tree_get(&runner.tree->root, "cases");
    size_t carried_out = 0;
    for (size_t k = 0; k < cases.length; k++) {
        runner.test = tree_item(runner.tree, &cases, k);
        TreeNode name = tree_get(&runner.test, "name");
        runner.name = tree_text(arena, &name);
        if (only && strcmp(only, runner.name) != 0) continue;
        runner.arena = arena_create();
        check_case(&runner);
        arena_destroy(runner.arena);
        carried_out++;
    }
    arena_destroy(arena);
    if (carried_out == 0) printf("%s: no case\n", runner.file);
    return runner.failures || carried_out == 0;
}
