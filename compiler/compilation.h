/* compilation.h: one run of the compiler: options, and the state the stages share. */
#ifndef TFCC_COMPILATION_H
#define TFCC_COMPILATION_H

#include "graph/graph.h"

typedef struct DimBinding {
    const char *name;
    int64_t size;
} DimBinding;

typedef struct CompileOptions {
    const char *input;  /* MODEL.yaml */
    int optimisation;   /* 0 … 3 */
    bool debug_lines;   /* -g */
    bool verify;        /* run the verifier of the level after each pass */
    bool keep_unfused;  /* every kernel as it was lowered: --no-fuse, and the tests that compare */
    const char *cpu;    /* --mcpu; NULL: the portable default */
    bool every_level;   /* without --mcpu: code for each level of the processor's family, of which a
                           session chooses one; else for the middle one */
    const char *target; /* --target; NULL: the host's triple */
    const char *prefix; /* --prefix, or NULL */
    const DimBinding *dim_bindings;
    size_t dim_binding_count;
    const char **search_paths; /* -L */
    size_t search_path_count;
    const char *weights;        /* --weights=FILE, or NULL to embed */
    const char *dump_after;     /* --dump-after=PASS, or NULL */
    size_t maximum_input_bytes; /* 0: 64 MiB */
} CompileOptions;

typedef struct Compilation {
    Arena *arena;
    Diagnostics *diagnostics;
    CompileOptions options;
    Graph *graph;
    struct Program *program;   /* kernels/kernel.h */
    struct LoopProgram *loops; /* loops/loops.h */
    const char **read_files;   /* everything that was opened, for -MD */
    size_t read_file_count, read_file_capacity;
    struct FileCache *file_cache; /* source/files.h: files with values that are open */
} Compilation;

#endif
