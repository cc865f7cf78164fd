/* compile.c: tfcc MODEL.yaml -o MODEL.o, and the pieces all commands share. */
#include "command/commands.h"

#include "command/report.h"
#include "graph/graph.h"
#include "pipeline.h"
#include "support/diagnostic.h"
#include "support/output_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool command_integer(const char *option, const char *text, long minimum, long *number) {
    char *end;
    errno = 0;
    *number = strtol(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && *number >= minimum) return true;
    fprintf(stderr, "tfcc: %s needs a whole number from %ld on, not '%s'\n", option, minimum, text);
    return false;
}

static bool read_dims(Arena *arena, const CommandLine *line, CompileOptions *options) {
    size_t count = line->counts[OPTION_DIM];
    DimBinding *bindings = arena_alloc_array(arena, count, sizeof *bindings);
    for (size_t k = 0; k < count; k++) {
        const char *text = line->values[OPTION_DIM][k], *equals = strchr(text, '=');
        long size;
        if (!equals || equals == text) {
            fprintf(stderr, "tfcc: --dim needs NAME=SIZE, not '%s'\n", text);
            return false;
        }
        if (!command_integer("--dim", equals + 1, 0, &size)) return false;
        bindings[k].name = arena_copy_text(arena, text, (size_t)(equals - text));
        bindings[k].size = size;
    }
    options->dim_bindings = bindings;
    options->dim_binding_count = count;
    return true;
}

static bool is_pass(const char *name) {
    for (const char *const *pass = pipeline_pass_names(); *pass; pass++)
        if (strcmp(*pass, name) == 0) return true;
    fprintf(stderr, "tfcc: --dump-after knows no pass '%s'; the passes are", name);
    for (const char *const *pass = pipeline_pass_names(); *pass; pass++)
        fprintf(stderr, " %s", *pass);
    fputc('\n', stderr);
    return false;
}

Compilation *command_compilation(Arena *arena, const CommandLine *line) {
    if (line->input_count != 1) {
        fprintf(stderr, "tfcc: %s; see tfcc --help\n",
                line->input_count ? "one model at a time" : "no model given");
        return NULL;
    }
    Compilation *c = arena_alloc(arena, sizeof *c);
    c->arena = arena;
    c->diagnostics = diagnostics_create(arena);
    CompileOptions *options = &c->options;
    options->input = line->inputs[0];
    options->optimisation = 2;
    options->debug_lines = command_line_has(line, OPTION_DEBUG);
    options->keep_unfused = command_line_has(line, OPTION_NO_FUSE);
    options->verify = command_line_has(line, OPTION_VERIFY);
    options->cpu = command_line_value(line, OPTION_CPU);
    if (!options->cpu && line->command != 'C') options->cpu = target_host_level();
    options->prefix = command_line_value(line, OPTION_PREFIX);
    options->search_paths = line->values[OPTION_SEARCH];
    options->search_path_count = line->counts[OPTION_SEARCH];
    options->dump_after = command_line_value(line, OPTION_DUMP_AFTER);
    if (options->dump_after && !is_pass(options->dump_after)) return NULL;
    if (line->command == 'C') {
        options->target = command_line_value(line, OPTION_TRIPLE);
        options->weights = command_line_value(line, OPTION_WEIGHTS);
        if (options->weights && strcmp(options->weights, "embed") == 0) options->weights = NULL;
    }
    /* What is shown of earlier stages is one version, whatever machine shows it. */
    const char *stage = command_line_value(line, OPTION_EMIT);
    options->every_level = line->command == 'C' && (!stage || strcmp(stage, "obj") == 0);
    const char *level = command_line_value(line, OPTION_LEVEL);
    long number;
    if (level) {
        if (!command_integer("-O", level, 0, &number)) return NULL;
        if (number > 3) {
            fprintf(stderr, "tfcc: -O goes from 0 to 3\n");
            return NULL;
        }
        options->optimisation = (int)number;
    }
    const char *limit = command_line_value(line, OPTION_MAX_INPUT);
    if (limit) {
        if (!command_integer("--max-input", limit, 1, &number)) return NULL;
        options->maximum_input_bytes = (size_t)number;
    }
    return read_dims(arena, line, options) ? c : NULL;
}

NativeModule *command_build(Compilation *c) {
    if (!pipeline_run(c, STAGE_LOOPS)) return NULL;
    return native_build(c);
}

/* ---- what is written ---- */

typedef struct Output {
    const char *path;
    const void *bytes;
    size_t size;
} Output;

static bool is_same_file(const char *a, const char *b) {
    struct stat of_a, of_b;
    if (strcmp(a, b) == 0) return true;
    return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && S_ISREG(of_a.st_mode) &&
           of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

/* `-o model.yaml` would replace the model, `-o model.h` the header. */
static bool check_paths(Compilation *c, const Output *outputs, size_t count) {
    for (size_t k = 0; k < count; k++) {
        const char *path = outputs[k].path;
        bool is_special = strcmp(path, "-") == 0 || strncmp(path, "/dev/", 5) == 0;
        for (size_t i = 0; i < c->read_file_count; i++)
            if (!is_special && is_same_file(path, c->read_files[i]))
                return diagnose_error(c->diagnostics, (Place){0},
                                      "`%s` is read by this compilation; write to another file",
                                      path);
        for (size_t i = 0; i < k; i++)
            if (!is_special && is_same_file(path, outputs[i].path))
                return diagnose_error(c->diagnostics, (Place){0},
                                      "`%s` is the path of two outputs; -o, -H and -MF name the "
                                      "object, the header and the depfile",
                                      path);
    }
    return true;
}

/* All files or none: every one is whole, beside its place, before the first appears. */
static bool write_outputs(Compilation *c, const Output *outputs, size_t count) {
    OutputFile *files[4] = {0};
    bool good = check_paths(c, outputs, count);
    for (size_t k = 0; k < count && good; k++) {
        files[k] = output_file_open(c->arena, c->diagnostics, outputs[k].path);
        if (files[k]) output_file_write(files[k], outputs[k].bytes, outputs[k].size);
        good = files[k] && output_file_finish(files[k]);
    }
    for (size_t k = 0; k < count; k++) {
        if (!files[k]) continue;
        if (good)
            good = output_file_commit(files[k]);
        else
            output_file_abandon(files[k]);
    }
    return good;
}

/* `path` with the ending of its last part replaced. */
static const char *with_ending(Arena *arena, const char *path, const char *ending) {
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    size_t length = dot && (!slash || dot > slash + 1) ? (size_t)(dot - path) : strlen(path);
    return arena_format(arena, "%.*s%s", (int)length, path, ending);
}

/* A path inside a depfile: Make splits at blanks and reads $ and #. */
static void add_make_path(Text *text, const char *path) {
    for (; *path; path++) {
        if (*path == ' ' || *path == '#' || *path == '\\') text_add_char(text, '\\');
        if (*path == '$') text_add_char(text, '$');
        text_add_char(text, *path);
    }
}

static void depfile(Text *text, const Compilation *c, const char *object) {
    add_make_path(text, object);
    text_add_char(text, ':');
    for (size_t k = 0; k < c->read_file_count; k++) {
        text_add(text, " \\\n  ");
        add_make_path(text, c->read_files[k]);
    }
    text_add_char(text, '\n');
    /* A file that has gone must not stop the build that would do without it. */
    for (size_t k = 0; k < c->read_file_count; k++) {
        text_add_char(text, '\n');
        add_make_path(text, c->read_files[k]);
        text_add(text, ":\n");
    }
}

static bool print_stage(Compilation *c, const char *stage, Text *text) {
    static const struct {
        const char *name;
        Stage last;
    } levels[] = {{"graph", STAGE_GRAPH}, {"kernels", STAGE_KERNELS}, {"loops", STAGE_LOOPS}};
    for (size_t k = 0; k < sizeof levels / sizeof *levels; k++) {
        if (strcmp(stage, levels[k].name) != 0) continue;
        if (!pipeline_run(c, levels[k].last)) return false;
        pipeline_print(c, levels[k].last, text);
        return true;
    }
    NativeModule *module = command_build(c);
    if (!module) return false;
    if (strcmp(stage, "llvm") == 0) return native_print_llvm(module, text);
    return native_print_assembly(module, text);
}

static bool compile_stage(Compilation *c, const CommandLine *line, const char *stage) {
    Text text = {.arena = c->arena};
    text_add(&text, "");
    if (!print_stage(c, stage, &text)) return false;
    const char *path = command_line_value(line, OPTION_OUTPUT);
    Output output = {path, text.bytes, text.length};
    if (path) return write_outputs(c, &output, 1);
    fwrite(text.bytes, 1, text.length, stdout);
    return true;
}

static bool compile_object(Compilation *c, const CommandLine *line) {
    const char *path = command_line_value(line, OPTION_OUTPUT);
    Output outputs[4];
    size_t count = 0;
    NativeModule *module = command_build(c);
    if (!module) return false;
    if (command_line_has(line, OPTION_REPORT)) {
        Text text = {.arena = c->arena};
        report_print(&text, c);
        fwrite(text.bytes, 1, text.length, stdout);
    }
    if (!path) return true; /* a report alone */

    Text header = {.arena = c->arena}, depends = {.arena = c->arena};
    if (c->options.weights) {
        Output *side = &outputs[count++];
        side->path = c->options.weights;
        if (!native_side_file(module, &side->bytes, &side->size)) return false;
    }
    if (!command_line_has(line, OPTION_NO_HEADER)) {
        const char *named = command_line_value(line, OPTION_HEADER);
        native_header(c, &header);
        outputs[count++] = (Output){named ? named : with_ending(c->arena, path, ".h"), header.bytes,
                                    header.length};
    }
    if (command_line_has(line, OPTION_DEPENDS) || command_line_has(line, OPTION_DEPFILE)) {
        const char *named = command_line_value(line, OPTION_DEPFILE);
        depfile(&depends, c, path);
        outputs[count++] = (Output){named ? named : with_ending(c->arena, path, ".d"),
                                    depends.bytes, depends.length};
    }
    Output *object = &outputs[count++];
    object->path = path;
    return native_object(module, &object->bytes, &object->size) && write_outputs(c, outputs, count);
}

int command_compile(Arena *arena, const CommandLine *line) {
    static const char *const stages[] = {"graph", "kernels", "loops", "llvm", "asm", "obj"};
    const char *stage = command_line_value(line, OPTION_EMIT);
    bool known = !stage;
    for (size_t k = 0; stage && k < sizeof stages / sizeof *stages; k++)
        known |= strcmp(stage, stages[k]) == 0;
    if (!known) {
        fprintf(stderr, "tfcc: --emit knows graph, kernels, loops, llvm, asm and obj, not '%s'\n",
                stage);
        return 2;
    }
    Compilation *c = command_compilation(arena, line);
    if (!c) return 2;
    bool wants_object = !stage || strcmp(stage, "obj") == 0;
    if (wants_object && !command_line_has(line, OPTION_OUTPUT) &&
        !command_line_has(line, OPTION_REPORT)) {
        fprintf(stderr, "tfcc: -o MODEL.o says where the object goes\n");
        return 2;
    }
    bool good = wants_object ? compile_object(c, line) : compile_stage(c, line, stage);
    diagnostics_print(c->diagnostics, stderr);
    return good && !diagnostics_error_count(c->diagnostics) ? 0 : 1;
}
