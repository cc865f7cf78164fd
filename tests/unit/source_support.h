/* source_support.h: a source file in memory, and what was said about it. */
#ifndef TFCC_TEST_SOURCE_SUPPORT_H
#define TFCC_TEST_SOURCE_SUPPORT_H

#include "source/build.h"
#include "source/expression.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Source {
    Arena *arena;
    Diagnostics *diagnostics;
    SourceFile file;
    Compilation compilation;
} Source;

static inline Source *source_open(const char *text) {
    Arena *arena = arena_create();
    Source *s = arena_alloc(arena, sizeof *s);
    s->arena = arena;
    s->diagnostics = diagnostics_create(arena);
    s->file = (SourceFile){"test.yaml", text, strlen(text)};
    s->compilation.arena = arena;
    s->compilation.diagnostics = s->diagnostics;
    s->compilation.options.input = "test.yaml";
    return s;
}

/* Everything that was diagnosed, as printed. */
static inline const char *source_said(Source *s) {
    char *bytes = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&bytes, &size);
    diagnostics_print(s->diagnostics, stream);
    fclose(stream);
    const char *text = arena_copy_text(s->arena, bytes, size);
    free(bytes);
    return text;
}

#endif
