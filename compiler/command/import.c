/* import.c: tfcc import MODEL.onnx -o MODEL.yaml. */
#include "command/commands.h"

#include "import/import.h"
#include <stdio.h>
#include <string.h>

/* `model.yaml` has its weights in `model.safetensors`. */
static const char *weights_path(Arena *arena, const char *yaml) {
    const char *slash = strrchr(yaml, '/'), *dot = strrchr(slash ? slash + 1 : yaml, '.');
    bool has_stem = dot && dot > (slash ? slash + 1 : yaml);
    return arena_format(arena, "%.*s.safetensors",
                        (int)(has_stem ? dot - yaml : (long)strlen(yaml)), yaml);
}

int command_import(Arena *arena, const CommandLine *line) {
    const char *output = command_line_value(line, OPTION_OUTPUT);
    if (line->input_count != 1 || !output) {
        fprintf(stderr, "tfcc: %s; see tfcc --help\n",
                line->input_count != 1 ? "import takes one model" : "import needs -o MODEL.yaml");
        return 2;
    }
    const char *weights = weights_path(arena, output);
    if (strcmp(output, "-") == 0) {
        fprintf(stderr, "tfcc: import writes two files, and -o names the first\n");
        return 2;
    }
    if (strcmp(weights, output) == 0 || strcmp(output, line->inputs[0]) == 0 ||
        strcmp(weights, line->inputs[0]) == 0) {
        fprintf(stderr, "tfcc: -o %s: the graph, its weights and the model are three files\n",
                output);
        return 2;
    }
    Diagnostics *diagnostics = diagnostics_create(arena);
    OnnxModel *model = onnx_model_read(arena, diagnostics, line->inputs[0]);
    ImportResult result;
    const char *slash = strrchr(weights, '/');
    bool done = model && import_model(model, slash ? slash + 1 : weights, &result) &&
                import_write_files(arena, diagnostics, &result, output, weights);
    diagnostics_print(diagnostics, stderr);
    return done ? 0 : 1;
}
