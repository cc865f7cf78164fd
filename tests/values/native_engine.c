/* native_engine.c: a session of the compiled model in this process. */
#include "engine.h"

#include "native/native.h"
#include "pipeline.h"

typedef struct NativeEngine {
    Engine engine;
    const tfcc_model *model;
    tfcc_session *session;
} NativeEngine;

static bool native_initialize(Engine *engine, const char **message) {
    NativeEngine *native = (NativeEngine *)engine;
    if (tfcc_initialize(native->session) == TFCC_OK) return true;
    *message = tfcc_message(native->session);
    return false;
}

static bool native_run(Engine *engine, const tfcc_feed *feeds, size_t feed_count,
                       tfcc_fetch *fetches, size_t fetch_count, const char **message) {
    NativeEngine *native = (NativeEngine *)engine;
    Arena *arena = engine->compilation->arena;
    tfcc_status status = tfcc_run(native->session, feeds, feed_count, fetches, fetch_count);
    for (size_t k = 0; k < fetch_count && status == TFCC_OK; k++) {
        tfcc_tensor *tensor = &fetches[k].tensor, kept = *tensor;
        if (tensor->dtype == TFCC_NONE) continue;
        kept.shape = arena_copy(arena, tensor->shape, sizeof(int64_t) * TFCC_MAX_RANK);
        kept.data = arena_copy(arena, tensor->data, tensor->capacity);
        tfcc_tensor_free(tensor);
        *tensor = kept;
    }
    *message = tfcc_message(native->session);
    return status == TFCC_OK;
}

static void native_close(Engine *engine) {
    tfcc_session_close(((NativeEngine *)engine)->session);
}

static Engine *open_session(Compilation *c, const tfcc_model *model) {
    NativeEngine *native = arena_alloc(c->arena, sizeof *native);
    native->engine = (Engine){c, native_initialize, native_run, native_close};
    native->model = model;
    if (tfcc_session_open(model, NULL, &native->session) == TFCC_OK) return &native->engine;
    diagnose_error(c->diagnostics, (Place){0}, "%s", tfcc_message(NULL));
    return NULL;
}

Engine *native_engine_open(Compilation *c) {
    if (!pipeline_run(c, STAGE_LOOPS)) return NULL;
    NativeModule *module = native_build(c);
    const tfcc_model *model = module ? native_load(module) : NULL;
    return model ? open_session(c, model) : NULL;
}

Engine *native_engine_again(Engine *engine) {
    return open_session(engine->compilation, ((NativeEngine *)engine)->model);
}
