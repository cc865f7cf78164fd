/* interpret.c: a whole program: what is needed, in order, with the memory of a session. */
#include "kernels/interpret.h"

#include "support/dtype.h"
#include <string.h>
#include <tfcc/abi.h>

/* ---- memory ---- */

Interpreter *interpreter_create(Arena *arena, Program *program) {
    Interpreter *interpreter = arena_alloc(arena, sizeof *interpreter);
    interpreter->arena = arena;
    interpreter->program = program;
    interpreter->buffers =
        arena_alloc_array(arena, program->buffer_count + 1, sizeof(InterpreterBuffer));
    size_t symbols = dim_symbol_count(program->graph->dims) + 1;
    interpreter->symbols = arena_alloc_array(arena, symbols, sizeof(int64_t));
    interpreter->is_bound = arena_alloc_array(arena, symbols, sizeof(bool));
    size_t variables = program->graph->variable_count + 1;
    interpreter->variables = arena_alloc_array(arena, variables, sizeof(void *));
    interpreter->current = arena_alloc_array(arena, variables, sizeof(void *));
    interpreter->expanded = arena_alloc_array(arena, program->kernel_count + 1, sizeof(Kernel *));
    interpreter_reset(interpreter);
    return interpreter;
}

void interpreter_reset(Interpreter *interpreter) {
    const Program *program = interpreter->program;
    memset(interpreter->buffers, 0, program->buffer_count * sizeof(InterpreterBuffer));
    size_t symbols = dim_symbol_count(program->graph->dims);
    memset(interpreter->symbols, 0, symbols * sizeof(int64_t));
    memset(interpreter->is_bound, 0, symbols * sizeof(bool));
    memcpy(interpreter->current, interpreter->variables,
           program->graph->variable_count * sizeof(void *));
    interpreter->has_drawn = false;
    for (size_t k = 0; k < program->buffer_count; k++) {
        const Buffer *buffer = program->buffers[k];
        if (buffer->kind == TFCC_ABI_CONSTANT && buffer->constant)
            interpreter->buffers[k].bytes = (void *)(uintptr_t)buffer->constant->bytes;
    }
}

void interpreter_commit(Interpreter *interpreter) {
    memcpy(interpreter->variables, interpreter->current,
           interpreter->program->graph->variable_count * sizeof(void *));
    if (interpreter->has_drawn) interpreter->run_count++;
}

/* The bytes of a root that the run itself does not compute. */
static void *bytes_of_state(Interpreter *interpreter, const Buffer *root) {
    switch (root->kind) {
    case TFCC_ABI_START: return interpreter->variables[root->variable->number];
    case TFCC_ABI_CURRENT: return interpreter->current[root->variable->number];
    case TFCC_ABI_INITIALIZED: {
        bool *answer = arena_alloc(interpreter->arena, 8);
        *answer = interpreter->variables[root->variable->number] != NULL;
        return answer;
    }
    case TFCC_ABI_RANDOM: interpreter->has_drawn = true; return &interpreter->run_count;
    default: return NULL;
    }
}

InterpreterBuffer *interpreter_buffer(Interpreter *interpreter, Buffer *buffer) {
    InterpreterBuffer *memory = &interpreter->buffers[buffer->number];
    Buffer *root = buffer_root(buffer);
    if (!interpreter->buffers[root->number].is_fed && root->kind >= TFCC_ABI_START &&
        root->kind != TFCC_ABI_WRITE)
        interpreter->buffers[root->number].bytes = bytes_of_state(interpreter, root);
    memory->bytes = interpreter->buffers[root->number].bytes;
    memory->element_count = 1;
    for (int k = 0; k < buffer->type.shape.rank; k++) {
        memory->dims[k] = dim_evaluate(buffer->type.shape.dims[k], interpreter->symbols, NULL);
        if (memory->dims[k] < 0 ||
            __builtin_mul_overflow(memory->element_count, memory->dims[k], &memory->element_count))
            memory->element_count = -1;
        if (memory->element_count < 0) break;
    }
    return memory;
}

const char *interpreter_feed(Interpreter *interpreter, Buffer *buffer, void *bytes, int rank,
                             const int64_t *dims) {
    const Shape *shape = &buffer->type.shape;
    Arena *arena = interpreter->arena;
    int missing = shape->rank - rank;
    if (missing < 0 || (missing > 0 && !shape->runtime_rank))
        return arena_format(arena, "cannot feed a value of rank %d for '%s', which has shape %s",
                            rank, buffer->name, shape_text(arena, shape));
    for (int k = 0; k < shape->rank; k++) {
        int64_t size = k < missing ? 1 : dims[k - missing];
        Dim dim = shape->dims[k];
        if (dim->kind != DIM_SYMBOL) {
            if (dim_evaluate(dim, interpreter->symbols, NULL) != size)
                return arena_format(
                    arena, "cannot feed size %lld in dimension %d of '%s', which has shape %s",
                    (long long)size, k, buffer->name, shape_text(arena, shape));
            continue;
        }
        uint32_t number = dim->symbol->number;
        if (interpreter->is_bound[number] && interpreter->symbols[number] != size)
            return arena_format(arena, "dimension '%s' is %lld, and %lld in '%s'",
                                dim->symbol->name, (long long)interpreter->symbols[number],
                                (long long)size, buffer->name);
        interpreter->symbols[number] = size;
        interpreter->is_bound[number] = true;
    }
    if (shape->runtime_rank && shape->runtime_rank->kind == DIM_SYMBOL) {
        interpreter->symbols[shape->runtime_rank->symbol->number] = rank;
        interpreter->is_bound[shape->runtime_rank->symbol->number] = true;
    }
    interpreter->buffers[buffer->number].bytes = bytes;
    interpreter->buffers[buffer->number].is_fed = true;
    return NULL;
}

/* ---- what is needed ---- */

typedef struct Need {
    bool *buffers; /* by number of the root */
    bool *kernels;
    const Interpreter *interpreter;
} Need;

static void need_buffer(Need *need, Buffer *buffer) {
    Buffer *root = buffer_root(buffer);
    if (!need->interpreter->buffers[root->number].is_fed) need->buffers[root->number] = true;
}

static void need_input(void *context, Buffer *buffer) {
    need_buffer(context, buffer);
}

/* Whether feeds have given all that a BIND would. */
static bool is_bound_by_feeds(const Interpreter *interpreter, const Kernel *kernel) {
    bool all = kernel->symbol_count > 0;
    for (size_t k = 0; k < kernel->symbol_count; k++)
        all = all && interpreter->is_bound[kernel->symbols[k]->symbol->number];
    return all;
}

/* A kernel that reads what others write is carried out after them because it stands behind them. */
static void need_kernel(Need *need, const Kernel *kernel) {
    for (size_t k = 0; k < kernel->after_count; k++) need->kernels[kernel->after[k]->number] = true;
    for (const Guard *guard = kernel->guard; guard; guard = guard->outer)
        need_buffer(need, guard->predicate->buffer);
    for (size_t k = 0; k < kernel->output_count; k++)
        if (kernel->outputs[k].initial) need_buffer(need, kernel->outputs[k].initial);
    if (!is_bound_by_feeds(need->interpreter, kernel)) kernel_each_input(kernel, need_input, need);
}

static void find_needed(Need *need) {
    const Program *program = need->interpreter->program;
    for (size_t k = program->kernel_count; k-- > 0;) {
        const Kernel *kernel = program->kernels[k];
        for (size_t o = 0; o < kernel->output_count && !kernel->is_dead; o++)
            if (!kernel->outputs[o].is_optional && need->buffers[kernel->outputs[o].buffer->number])
                need->kernels[k] = true;
        if (need->kernels[k]) need_kernel(need, kernel);
    }
}

/* Symbols that no feed has bound take the number they have where their value is computed. */
static void bind_fallbacks(Interpreter *interpreter) {
    DimTable *dims = interpreter->program->graph->dims;
    for (size_t k = 0; k < dim_symbol_count(dims); k++) {
        const DimSymbol *symbol = dim_symbol_at(dims, k)->symbol;
        if (interpreter->is_bound[k] || !symbol->fallback || symbol->is_late) continue;
        interpreter->symbols[k] = dim_evaluate(symbol->fallback, interpreter->symbols, NULL);
        interpreter->is_bound[k] = true;
    }
}

/* A run may not both feed a variable and write it. */
static const char *find_conflict(const Interpreter *interpreter, const Need *need) {
    const Program *program = interpreter->program;
    for (size_t b = 0; b < program->buffer_count; b++) {
        const Buffer *fed = program->buffers[b];
        if (fed->kind != TFCC_ABI_START || !interpreter->buffers[b].is_fed) continue;
        for (size_t k = 0; k < program->kernel_count; k++)
            for (size_t o = 0; need->kernels[k] && o < program->kernels[k]->output_count; o++) {
                const Buffer *write = program->kernels[k]->outputs[o].buffer;
                if (write->kind == TFCC_ABI_WRITE && write->variable == fed->variable)
                    return arena_format(interpreter->arena, "variable '%s' is both fed and written",
                                        fed->variable->name);
            }
    }
    return NULL;
}

/* What is wanted and still not there: a variable that was never written, a feed that is missing. */
static const char *find_missing(Interpreter *interpreter, Buffer *const *wanted, size_t count) {
    for (size_t k = 0; k < count; k++) {
        const Buffer *root = buffer_root(wanted[k]);
        const InterpreterBuffer *memory = interpreter_buffer(interpreter, wanted[k]);
        if (memory->bytes || memory->element_count == 0) continue;
        if (root->kind != TFCC_ABI_START)
            return arena_format(interpreter->arena, "%s has no value", wanted[k]->name);
        if (!interpreter->current[root->variable->number])
            return arena_format(interpreter->arena, "variable '%s' has no value yet",
                                root->variable->name);
    }
    return NULL;
}

const char *interpret_targets(Interpreter *interpreter, Buffer *const *wanted, size_t count,
                              Kernel *const *targets, size_t target_count) {
    const Program *program = interpreter->program;
    Need need = {.interpreter = interpreter};
    need.buffers = arena_alloc(interpreter->arena, program->buffer_count + 1);
    need.kernels = arena_alloc(interpreter->arena, program->kernel_count + 1);
    for (size_t k = 0; k < count; k++) need_buffer(&need, wanted[k]);
    for (size_t k = 0; k < target_count; k++) need.kernels[targets[k]->number] = true;
    find_needed(&need);
    const char *conflict = find_conflict(interpreter, &need);
    if (conflict) return conflict;
    bind_fallbacks(interpreter);
    for (size_t k = 0; k < program->kernel_count; k++) {
        if (!need.kernels[k]) continue;
        const char *failure = interpret_kernel(interpreter, program->kernels[k]);
        if (failure) return failure;
    }
    return find_missing(interpreter, wanted, count);
}

const char *interpret_program(Interpreter *interpreter, Buffer *const *wanted, size_t count) {
    return interpret_targets(interpreter, wanted, count, NULL, 0);
}
