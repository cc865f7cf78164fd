/* interpreter_engine.c: the kernel level, interpreted: the oracle of everything after it. */
#include "engine.h"

#include "graph/ops.h"
#include "kernels/interpret.h"
#include "pipeline.h"
#include "support/dtype.h"
#include <string.h>
#include <tfcc/abi.h>

typedef struct InterpreterEngine {
    Engine engine;
    Interpreter *interpreter;
} InterpreterEngine;

static bool interpreter_initialize(Engine *engine, const char **message) {
    Interpreter *interpreter = ((InterpreterEngine *)engine)->interpreter;
    const Program *program = engine->compilation->program;
    *message = interpret_program(interpreter, program->initial_writes,
                                 engine->compilation->graph->variable_count);
    if (!*message) interpreter_commit(interpreter);
    interpreter_reset(interpreter);
    return !*message;
}

/* The fetch of that name; `name:0` is the first output of `name`. */
static const char *feed_all(Engine *engine, const tfcc_feed *feeds, size_t feed_count) {
    const Graph *graph = engine->compilation->graph;
    Interpreter *interpreter = ((InterpreterEngine *)engine)->interpreter;
    for (size_t k = 0; k < feed_count; k++) {
        Value *value = NULL;
        for (size_t f = 0; f < graph->feed_count; f++)
            if (strcmp(graph->feeds[f].name, feeds[k].name) == 0) value = graph->feeds[f].value;
        if (!value) return "there is no such feed";
        if (!value->buffer) continue; /* nothing needs it */
        const tfcc_tensor *tensor = &feeds[k].tensor;
        const char *message =
            interpreter_feed(interpreter, value->buffer, tensor->data, tensor->rank, tensor->shape);
        if (message) return message;
    }
    return NULL;
}

/* Copies what a buffer shows; sizes in front that an unknown rank does not have are left away. */
static void deliver(Engine *engine, Buffer *buffer, const void *bytes, tfcc_tensor *tensor) {
    Arena *arena = engine->compilation->arena;
    Interpreter *interpreter = ((InterpreterEngine *)engine)->interpreter;
    InterpreterBuffer *memory = interpreter_buffer(interpreter, buffer);
    const Shape *shape = &buffer->type.shape;
    int rank = shape->rank, first = 0;
    if (shape->runtime_rank)
        first = rank - (int)dim_evaluate(shape->runtime_rank, interpreter->symbols, NULL);
    tensor->rank = rank - first;
    tensor->shape = arena_copy(arena, memory->dims + first,
                               sizeof memory->dims - sizeof *memory->dims * (size_t)first);
    tensor->capacity = (size_t)memory->element_count * dtype_size(buffer->type.dtype);
    tensor->data = arena_copy(arena, bytes ? bytes : memory->bytes, tensor->capacity);
}

static bool interpreter_run(Engine *engine, const tfcc_feed *feeds, size_t feed_count,
                            tfcc_fetch *fetches, size_t fetch_count, const char **message) {
    Interpreter *interpreter = ((InterpreterEngine *)engine)->interpreter;
    Arena *arena = engine->compilation->arena;
    const Program *program = engine->compilation->program;
    const Graph *graph = engine->compilation->graph;
    Buffer **wanted = arena_alloc_array(arena, fetch_count + 1, sizeof *wanted);
    Kernel **targets = arena_alloc_array(arena, program->kernel_count + 1, sizeof *targets);
    size_t wanted_count = 0, target_count = 0;
    *message = feed_all(engine, feeds, feed_count);
    for (size_t k = 0; k < fetch_count && !*message; k++) {
        const Fetch *fetch = graph_find_fetch(graph, fetches[k].name);
        if (!fetch) {
            *message = "there is no such fetch";
        } else if (fetch->value) {
            wanted[wanted_count++] = fetch->value->buffer;
        } else if (fetches[k].tensor.dtype != TFCC_NONE) {
            *message = arena_format(arena, "'%s' has no value; it is a target", fetches[k].name);
        } else {
            const ProgramNode *node = &program->nodes[fetch->node->id];
            for (size_t t = 0; t < node->kernel_count; t++)
                if (target_count < program->kernel_count)
                    targets[target_count++] = node->kernels[t];
        }
    }
    if (!*message)
        *message = interpret_targets(interpreter, wanted, wanted_count, targets, target_count);
    for (int commit = 0; commit < 2 && !*message; commit++) {
        if (commit) interpreter_commit(interpreter);
        for (size_t k = 0; k < fetch_count; k++) {
            const Fetch *fetch = graph_find_fetch(graph, fetches[k].name);
            if (fetches[k].tensor.dtype == TFCC_NONE) continue;
            const Variable *variable =
                fetch->node->row->code == OP_VARIABLE ? fetch->node->variable : NULL;
            /* A variable shows its value at the end of the run, unless the run feeds it. */
            bool is_fed = interpreter_buffer(interpreter, fetch->value->buffer)->is_fed;
            bool at_the_end = variable && !is_fed;
            if (at_the_end != (commit == 1)) continue;
            deliver(engine, fetch->value->buffer,
                    at_the_end ? interpreter->variables[variable->number] : NULL,
                    &fetches[k].tensor);
        }
    }
    interpreter_reset(interpreter);
    return !*message;
}

static void interpreter_close(Engine *engine) {
    (void)engine;
}

static Engine *open_engine(Compilation *c) {
    InterpreterEngine *engine = arena_alloc(c->arena, sizeof *engine);
    engine->engine = (Engine){c, interpreter_initialize, interpreter_run, interpreter_close};
    engine->interpreter = interpreter_create(c->arena, c->program);
    engine->interpreter->loops = c->loops;
    return &engine->engine;
}

Engine *interpreter_engine_open(Compilation *c, Interpreted what) {
    c->options.keep_unfused = what == INTERPRET_UNFUSED;
    return pipeline_run(c, what == INTERPRET_LOOPS ? STAGE_LOOPS : STAGE_KERNELS) ? open_engine(c)
                                                                                  : NULL;
}

Engine *interpreter_engine_again(Engine *engine) {
    return open_engine(engine->compilation);
}
