/* engine.h: ways to carry out a model: native code in a session, and the interpreter, on kernels and
 * on loops. */
#ifndef TFCC_TESTS_VALUES_ENGINE_H
#define TFCC_TESTS_VALUES_ENGINE_H

#include "compilation.h"
#include <tfcc/runtime.h>

typedef struct Engine Engine;

/* Everything is in the arena of the compilation, whose graph has been built from the source. A
 * failure gives NULL or false, with the sentence in *message where it is a run's, else in the
 * compilation's diagnostics. */
struct Engine {
    Compilation *compilation;
    bool (*initialize)(Engine *engine, const char **message);
    /* Fetches come with dtype set (TFCC_NONE: a target) and leave with data and shape, which last
     * until the next run. */
    bool (*run)(Engine *engine, const tfcc_feed *feeds, size_t feed_count, tfcc_fetch *fetches,
                size_t fetch_count, const char **message);
    void (*close)(Engine *engine);
};

Engine *native_engine_open(Compilation *compilation);
/* A second session of the same model. */
Engine *native_engine_again(Engine *engine);
/* What is interpreted: the kernels as they were lowered, those after fusion, the loops that are made
 * of these. */
typedef enum Interpreted { INTERPRET_UNFUSED, INTERPRET_FUSED, INTERPRET_LOOPS } Interpreted;
Engine *interpreter_engine_open(Compilation *compilation, Interpreted what);
Engine *interpreter_engine_again(Engine *engine);

#endif
