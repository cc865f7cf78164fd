/* interpret_loops.c: functions of the loop level, carried out instruction by instruction.
 *
 * A value is an array of the bits of its lanes, kept by the instruction's id. Every access is
 * compared with the length of its buffer: one outside of it is a fault of the compiler.
 */
#include "kernels/interpret_internal.h"
#include "kernels/scalar_evaluate.h"
#include "support/dtype.h"
#include <math.h>
#include <string.h>
#include <tfcc/abi.h>

typedef struct Memory {
    void *bytes;
    int64_t length; /* in elements of the parameter's dtype */
} Memory;

typedef struct Execution {
    Interpreter *interpreter;
    const Kernel *kernel;
    const LoopFunction *function;
    Arena *scratch;
    Memory *memory; /* by parameter */
    int64_t *slots;
    uint64_t **values; /* by id */
    const char *failure;
} Execution;

static uint64_t *value_of(Execution *e, const LoopInstruction *i) {
    uint64_t **value = &e->values[i->id];
    if (!*value) *value = arena_alloc_array(e->scratch, (size_t)i->type.lanes, sizeof **value);
    return *value;
}

static int64_t integer_of(Execution *e, const LoopInstruction *i) {
    return (int64_t)value_of(e, i)[0];
}

static void copy_value(Execution *e, const LoopInstruction *to, const LoopInstruction *from) {
    memcpy(value_of(e, to), value_of(e, from), (size_t)to->type.lanes * sizeof(uint64_t));
}

/* ---- memory ---- */

static bool is_inside(Execution *e, const LoopInstruction *i, int64_t offset) {
    const Memory *memory = &e->memory[i->number];
    if (memory->bytes && offset >= 0 && offset < memory->length) return true;
    e->failure = arena_format(
        e->interpreter->arena, "kernel %s: v%u reaches element %lld of buffer %u, which has %lld",
        e->kernel->name, i->id, (long long)offset, i->number, (long long)memory->length);
    return false;
}

/* The offset of a lane: the next one, or (GATHER, SCATTER) its own. */
static int64_t offset_of(Execution *e, const LoopInstruction *i, int lane) {
    const uint64_t *offsets = value_of(e, i->operands[0]);
    bool has_own = i->op == LOOP_GATHER || i->op == LOOP_SCATTER;
    return (int64_t)offsets[has_own ? lane : 0] + (has_own ? 0 : lane);
}

static const LoopInstruction *operand(const LoopInstruction *i, size_t k) {
    return k < i->operand_count ? i->operands[k] : NULL;
}

static void read_memory(Execution *e, const LoopInstruction *i) {
    const LoopInstruction *mask = operand(i, 1), *otherwise = operand(i, 2);
    for (int lane = 0; lane < i->type.lanes && !e->failure; lane++) {
        uint64_t bits = 0;
        if (mask && !value_of(e, mask)[lane]) {
            if (otherwise) bits = value_of(e, otherwise)[lane];
        } else if (is_inside(e, i, offset_of(e, i, lane))) {
            bits = bits_load(i->type.dtype, e->memory[i->number].bytes, offset_of(e, i, lane));
            if (dtype_is_bool(i->type.dtype)) bits = bits != 0;
        }
        value_of(e, i)[lane] = bits;
    }
}

static void write_memory(Execution *e, const LoopInstruction *i) {
    const LoopInstruction *value = i->operands[1], *mask = operand(i, 2);
    for (int lane = 0; lane < value->type.lanes && !e->failure; lane++) {
        if (mask && !value_of(e, mask)[lane]) continue;
        int64_t offset = offset_of(e, i, lane);
        if (is_inside(e, i, offset))
            bits_store(value->type.dtype, e->memory[i->number].bytes, offset,
                       value_of(e, value)[lane]);
    }
}

/* ---- arithmetic ---- */

static void compute(Execution *e, const LoopInstruction *i) {
    tfcc_dtype dtype = i->operands[i->scalar_op == SCALAR_SELECT ? 1 : 0]->type.dtype;
    for (int lane = 0; lane < i->type.lanes; lane++) {
        uint64_t operands[3] = {0};
        for (size_t k = 0; k < i->operand_count; k++)
            operands[k] = value_of(e, i->operands[k])[lane];
        value_of(e, i)[lane] = scalar_evaluate(i->scalar_op, i->type.dtype, dtype, operands);
    }
}

static void reduce_lanes(Execution *e, const LoopInstruction *i) {
    const LoopInstruction *vector = i->operands[0];
    tfcc_dtype dtype = vector->type.dtype;
    uint64_t *lanes =
        arena_copy(e->scratch, value_of(e, vector), (size_t)vector->type.lanes * sizeof *lanes);
    for (int half = vector->type.lanes / 2; half >= 1; half /= 2)
        for (int lane = 0; lane < half; lane++)
            lanes[lane] = scalar_evaluate(i->scalar_op, dtype, dtype,
                                          (uint64_t[3]){lanes[lane], lanes[lane + half], 0});
    value_of(e, i)[0] = lanes[0];
}

static void zip(Execution *e, const LoopInstruction *i) {
    int first = i->number ? i->type.lanes / 2 : 0;
    for (int lane = 0; lane < i->type.lanes; lane++)
        value_of(e, i)[lane] = value_of(e, i->operands[lane % 2])[first + lane / 2];
}

static void fused(Execution *e, const LoopInstruction *i) {
    for (int lane = 0; lane < i->type.lanes; lane++) {
        uint64_t bits[3];
        for (int k = 0; k < 3; k++) bits[k] = value_of(e, i->operands[k])[lane];
        if (i->type.dtype == TFCC_FLOAT64) {
            double v[3];
            memcpy(v, bits, sizeof v);
            v[0] = fma(v[0], v[1], v[2]);
            memcpy(&value_of(e, i)[lane], v, sizeof v[0]);
            continue;
        }
        float v[3];
        for (int k = 0; k < 3; k++) memcpy(&v[k], &bits[k], sizeof v[k]);
        v[0] = fmaf(v[0], v[1], v[2]);
        bits[0] = 0;
        memcpy(&bits[0], v, sizeof v[0]);
        value_of(e, i)[lane] = bits[0];
    }
}

static void unzip(Execution *e, const LoopInstruction *i) {
    int half = i->type.lanes / 2;
    for (int lane = 0; lane < half; lane++) {
        value_of(e, i)[lane] = value_of(e, i->operands[0])[2 * lane];
        value_of(e, i)[half + lane] = value_of(e, i->operands[1])[2 * lane + 1];
    }
}

/* ---- loops and branches ---- */

static void run_block(Execution *e, const LoopBlock *block);

/* All new values are read before one is written. */
static void give(Execution *e, const LoopBlock *block, LoopInstruction *const *to, size_t count) {
    Arena *scratch = count > 1 ? arena_create() : NULL;
    uint64_t **values = scratch ? arena_alloc_array(scratch, count, sizeof *values) : NULL;
    for (size_t k = 0; scratch && k < count; k++)
        values[k] = arena_copy(scratch, value_of(e, block->yields[k]),
                               (size_t)to[k]->type.lanes * sizeof(uint64_t));
    for (size_t k = 0; scratch && k < count; k++)
        memcpy(value_of(e, to[k]), values[k], (size_t)to[k]->type.lanes * sizeof(uint64_t));
    if (scratch) arena_destroy(scratch);
    if (count == 1) copy_value(e, to[0], block->yields[0]);
}

static void run_for(Execution *e, const LoopInstruction *loop) {
    int64_t begin = integer_of(e, loop->operands[0]), end = integer_of(e, loop->operands[1]);
    for (size_t k = 0; k < loop->carried_count; k++)
        copy_value(e, loop->carried[k], loop->initial[k]);
    for (int64_t index = begin; index < end && !e->failure; index += loop->step) {
        value_of(e, loop->index)[0] = (uint64_t)index;
        run_block(e, loop->blocks[0]);
        if (!e->failure) give(e, loop->blocks[0], loop->carried, loop->carried_count);
    }
    for (size_t k = 0; k < loop->carried_count; k++)
        copy_value(e, loop->results[k], loop->carried[k]);
}

static void run_while(Execution *e, const LoopInstruction *loop) {
    for (size_t k = 0; k < loop->carried_count; k++)
        copy_value(e, loop->carried[k], loop->initial[k]);
    for (;;) {
        run_block(e, loop->blocks[0]);
        if (e->failure || !value_of(e, loop->blocks[0]->yields[0])[0]) break;
        run_block(e, loop->blocks[1]);
        if (e->failure) break;
        give(e, loop->blocks[1], loop->carried, loop->carried_count);
    }
    for (size_t k = 0; k < loop->carried_count; k++)
        copy_value(e, loop->results[k], loop->carried[k]);
}

static void run_if(Execution *e, const LoopInstruction *branch) {
    const LoopBlock *block = branch->blocks[value_of(e, branch->operands[0])[0] ? 0 : 1];
    if (!block) return;
    run_block(e, block);
    if (!e->failure) give(e, block, branch->results, branch->carried_count);
}

static void fail(Execution *e, const LoopInstruction *i) {
    uint64_t bits[TFCC_ABI_FAILURE_VALUES] = {0};
    tfcc_dtype dtypes[TFCC_ABI_FAILURE_VALUES] = {0};
    for (size_t k = 0; k < i->operand_count && k < TFCC_ABI_FAILURE_VALUES; k++) {
        bits[k] = value_of(e, i->operands[k])[0];
        dtypes[k] = i->operands[k]->type.dtype;
    }
    e->failure =
        interpret_message(e->interpreter->arena, &e->kernel->checks[i->number], bits, dtypes);
}

static void run_instruction(Execution *e, const LoopInstruction *i) {
    uint64_t *value = i->type.dtype == TFCC_NONE ? NULL : value_of(e, i);
    switch (i->op) {
    case LOOP_ARITHMETIC: compute(e, i); return;
    case LOOP_CONSTANT:
        for (int lane = 0; lane < i->type.lanes; lane++) value[lane] = i->bits;
        return;
    case LOOP_SLOT: value[0] = (uint64_t)e->slots[i->number]; return;
    case LOOP_GIVEN: value[0] = e->memory[i->number].bytes != NULL; return;
    case LOOP_SPLAT:
        for (int lane = 0; lane < i->type.lanes; lane++)
            value[lane] = value_of(e, i->operands[0])[0];
        return;
    case LOOP_RAMP:
        for (int lane = 0; lane < i->type.lanes; lane++)
            value[lane] = value_of(e, i->operands[0])[0] + (uint64_t)lane;
        return;
    case LOOP_LOAD:
    case LOOP_GATHER: read_memory(e, i); return;
    case LOOP_STORE:
    case LOOP_SCATTER: write_memory(e, i); return;
    case LOOP_REDUCE_LANES: reduce_lanes(e, i); return;
    case LOOP_EXTRACT: value[0] = value_of(e, i->operands[0])[i->number]; return;
    case LOOP_ZIP: zip(e, i); return;
    case LOOP_FUSED: fused(e, i); return;
    case LOOP_UNZIP: unzip(e, i); return;
    case LOOP_FOR: run_for(e, i); return;
    case LOOP_WHILE: run_while(e, i); return;
    case LOOP_IF: run_if(e, i); return;
    case LOOP_FAIL: fail(e, i); return;
    case LOOP_ARGUMENT: return;
    }
}

static void run_block(Execution *e, const LoopBlock *block) {
    for (size_t k = 0; k < block->count && !e->failure; k++)
        run_instruction(e, block->instructions[k]);
}

/* ---- the function ---- */

static void find_memory(Execution *e, Buffer *const *buffers) {
    size_t given = 0;
    for (size_t k = 0; k < e->function->buffer_count; k++) {
        const LoopParameter *parameter = &e->function->buffers[k];
        size_t element = dtype_size(parameter->dtype);
        Memory *memory = &e->memory[k];
        if (parameter->is_local) {
            memory->length = parameter->local_count;
            memory->bytes = arena_alloc(e->scratch, (size_t)memory->length * element + 8);
            continue;
        }
        Buffer *buffer = buffers[given++];
        const InterpreterBuffer *held = interpreter_buffer(e->interpreter, buffer);
        size_t bytes = (size_t)held->element_count * dtype_size(buffer->type.dtype);
        *memory = (Memory){held->bytes, (int64_t)(bytes / element)};
        if (memory->bytes || parameter->is_output || memory->length == 0) continue;
        Buffer *root = buffer_root(buffer);
        bool is_variable = root->kind == TFCC_ABI_START || root->kind == TFCC_ABI_CURRENT;
        e->failure = is_variable
                         ? arena_format(e->interpreter->arena, "variable '%s' has no value yet",
                                        root->variable->name)
                         : arena_format(e->interpreter->arena, "kernel %s: %s has no value",
                                        e->kernel->name, buffer->name);
    }
}

const char *interpret_function(Interpreter *interpreter, const Kernel *kernel,
                               const LoopFunction *function, Buffer *const *buffers,
                               const Dim *numbers) {
    Arena *scratch = arena_create();
    Execution e = {
        .interpreter = interpreter, .kernel = kernel, .function = function, .scratch = scratch};
    e.memory = arena_alloc_array(scratch, function->buffer_count + 1, sizeof *e.memory);
    e.slots = arena_alloc_array(scratch, function->slot_count + 1, sizeof *e.slots);
    e.values = arena_alloc_array(scratch, (size_t)function->next_id + 1, sizeof *e.values);
    for (size_t k = 0; k < function->slot_count; k++)
        e.slots[k] = dim_evaluate(numbers[k], interpreter->symbols, NULL);
    find_memory(&e, buffers);
    if (!e.failure) run_block(&e, function->body);
    arena_destroy(scratch);
    return e.failure;
}
