/* fuzz_onnx.c: an ONNX file under libFuzzer: the wire, the model, its translation, and the graph that comes out.
 *
 *     protoc-c --c_out=. --proto_path=compiler/import onnx.proto
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -D_GNU_SOURCE \
 *         -DTFCC_VERSION='"fuzz"' $(llvm-config-19 --cflags) -I . -I compiler -I runtime/include -I runtime \
 *         tests/fuzz/fuzz_onnx.c onnx.pb-c.c compiler/pipeline.c \
 *         compiler/{support,source,graph,passes,kernels,loops,import}/[a-z]*.c runtime/[a-z]*.c \
 *         $(llvm-config-19 --ldflags --libs) -lprotobuf-c -lyaml -lm -lpthread -o fuzz_onnx
 *     ./fuzz_onnx -timeout=10 -rss_limit_mb=2048 -max_len=8192 WORK MODELS
 *
 * WORK is a folder for what it finds worth keeping; MODELS, say those of tests/conformance/cases in one folder, is read. What
 * is wrong with a file is a diagnostic, and a file that is imported gives a graph that the compiler reads without one, as long
 * as all weights stand in it. */
#include "compilation.h"
#include "import/import.h"
#include "source/build.h"
#include "source/tree.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static char *said(const Diagnostics *diagnostics) {
    char *printed = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&printed, &size);
    diagnostics_print(diagnostics, stream);
    fclose(stream);
    return printed;
}

static void read_back(Arena *arena, const ImportResult *result) {
    SourceFile *file = arena_alloc(arena, sizeof *file);
    *file =
        (SourceFile){.path = "/nowhere/fuzz.yaml", .bytes = result->yaml, .length = result->length};
    Compilation c = {.arena = arena, .diagnostics = diagnostics_create(arena)};
    c.options = (CompileOptions){.input = file->path, .optimisation = 2};
    bool done = source_build_from_file(&c, file) && diagnostics_error_count(c.diagnostics) == 0;
    if (done || result->weight_count > 0) return;
    fprintf(stderr, "%s\n%s\n", result->yaml, said(c.diagnostics));
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
    Arena *arena = arena_create();
    Diagnostics *diagnostics = diagnostics_create(arena);
    const uint8_t *bytes = arena_copy(arena, input, size);
    OnnxModel *model = onnx_model_from_bytes(arena, diagnostics, "/nowhere/fuzz.onnx", bytes, size);
    ImportResult result;
    if (model && import_model(model, "fuzz.safetensors", &result)) read_back(arena, &result);
    free(said(diagnostics));
    arena_destroy(arena);
    return 0;
}
