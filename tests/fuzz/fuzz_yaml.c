/* fuzz_yaml.c: a model's text under libFuzzer, through every stage before LLVM, with the verifiers.
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -D_GNU_SOURCE \
 *         -DTFCC_VERSION='"fuzz"' $(llvm-config-19 --cflags) -I compiler -I runtime/include -I runtime \
 *         tests/fuzz/fuzz_yaml.c compiler/pipeline.c \
 *         compiler/{support,source,graph,passes,kernels,loops}/[a-z]*.c runtime/[a-z]*.c \
 *         $(llvm-config-19 --ldflags --libs) -lyaml -lm -lpthread -o fuzz_yaml
 *     ./fuzz_yaml -timeout=10 -rss_limit_mb=2048 -max_len=4096 WORK tests/errors tests/dumps graphs/tutorial
 *
 * WORK is a folder for what it finds worth keeping; the others are read. Nothing may end it: what is wrong with a text is a
 * diagnostic, and a level that breaks its promises is found by its verifier's assertion. */
#include "compilation.h"
#include "pipeline.h"

#include "loops/loops.h"
#include "source/build.h"
#include "support/diagnostic.h"
#include "support/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

/* Sizes that are legal but let a fold or a literal take long are left to the tests of limits. */
static bool takes_long(const uint8_t *input, size_t size) {
    size_t digits = 0;
    for (size_t k = 0; k < size; k++) {
        digits = input[k] >= '0' && input[k] <= '9' ? digits + 1 : 0;
        if (digits == 6) return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
    if (takes_long(input, size)) return 0;
    Arena *arena = arena_create();
    SourceFile *file = arena_alloc(arena, sizeof *file);
    char *bytes = arena_copy_text(arena, (const char *)input, size);
    *file = (SourceFile){.path = "/nowhere/fuzz.yaml", .bytes = bytes, .length = size};
    Compilation c = {.arena = arena, .diagnostics = diagnostics_create(arena)};
    c.options = (CompileOptions){.input = file->path, .optimisation = 2, .verify = true};
    if (source_build_from_file(&c, file) && pipeline_run(&c, STAGE_LOOPS)) {
        Text text = {.arena = arena};
        for (Stage stage = STAGE_GRAPH; stage <= STAGE_LOOPS; stage++)
            pipeline_print(&c, stage, &text);
    }
    char *printed = NULL;
    size_t printed_size = 0;
    FILE *stream = open_memstream(&printed, &printed_size);
    diagnostics_print(c.diagnostics, stream);
    fclose(stream);
    free(printed);
    arena_destroy(arena);
    return 0;
}
