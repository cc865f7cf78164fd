/* native_fixture.h: loop functions written by hand, compiled and loaded into the test. */
#ifndef NATIVE_FIXTURE_H
#define NATIVE_FIXTURE_H

#include "native/native.h"

typedef struct NativeFixture {
    Arena *arena;
    Compilation compilation;
    Program program;
    LoopProgram loops;
    TargetDescription target;
    NativeModule *module;
    const tfcc_model *model;
} NativeFixture;

/* For `cpu` (x86-64-v2, -v3, -v4; x86-64 for SSE2 alone), with its vector width. */
NativeFixture *native_fixture_create(const char *cpu, int optimisation);
void native_fixture_destroy(NativeFixture *f);
/* Whether this processor can run code for the fixture's. */
bool native_fixture_can_run(const NativeFixture *f);
/* A function with these buffers, each read and written as the test likes; the builder stands in its
 * body. */
LoopFunction *native_fixture_function(NativeFixture *f, const char *name, const tfcc_dtype *dtypes,
                                      size_t count, LoopBuilder *builder);
/* Verifies the functions and builds f->module. */
void native_fixture_build(NativeFixture *f);
/* Loads the module; the kernels of the functions are then model->steps[number].kernel. */
void native_fixture_load(NativeFixture *f);

/* Every undefined symbol of the object is the runtime's or libc's, and every visible one begins
 * with the prefix. */
void native_fixture_check_symbols(NativeFixture *f);

#endif
