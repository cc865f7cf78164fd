/* verify.c: every value is defined before it is used, in a block around its use, and types fit.
 *
 * A value may be used while the block that defines it is open; `defined` holds exactly these, so
 * dominance is one look-up.
 */
#include "loops/loops.h"
#include "support/dtype.h"
#include <stdarg.h>
#include <stdio.h>

typedef struct Verifier {
    const LoopFunction *function;
    bool *defined; /* by id */
    char *message;
    size_t size;
} Verifier;

__attribute__((format(printf, 3, 4))) static bool wrong(const Verifier *v, const LoopInstruction *i,
                                                        const char *format, ...) {
    int used = snprintf(v->message, v->size, "%s, v%u: ", v->function->name, i ? i->id : 0);
    if (used < 0 || (size_t)used >= v->size) return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(v->message + used, v->size - (size_t)used, format, arguments);
    va_end(arguments);
    return false;
}

static bool define(const Verifier *v, const LoopInstruction *value) {
    if (value->id >= v->function->next_id) return wrong(v, value, "its id is too large");
    if (v->defined[value->id]) return wrong(v, value, "it is defined twice");
    v->defined[value->id] = true;
    return true;
}

static bool check_use(const Verifier *v, const LoopInstruction *user,
                      const LoopInstruction *value) {
    if (!value) return wrong(v, user, "an operand is missing");
    if (value->id >= v->function->next_id || !v->defined[value->id])
        return wrong(v, user, "it uses v%u, which is not defined here", value->id);
    return true;
}

static bool check_type(const Verifier *v, const LoopInstruction *user, const LoopInstruction *value,
                       LoopType type) {
    if (!check_use(v, user, value)) return false;
    if (value->type.dtype == type.dtype && value->type.lanes == type.lanes) return true;
    return wrong(v, user, "v%u is %s x %d where %s x %d is needed", value->id,
                 dtype_name(value->type.dtype), value->type.lanes, dtype_name(type.dtype),
                 type.lanes);
}

static bool same_type(LoopType a, LoopType b) {
    return a.dtype == b.dtype && a.lanes == b.lanes;
}

static bool check_arithmetic(const Verifier *v, const LoopInstruction *i) {
    for (size_t k = 0; k < i->operand_count; k++) {
        if (!check_use(v, i, i->operands[k])) return false;
        if (i->operands[k]->type.lanes != i->type.lanes) return wrong(v, i, "lanes differ");
    }
    if (i->scalar_op == SCALAR_SELECT)
        return check_type(v, i, i->operands[0], (LoopType){TFCC_BOOL, i->type.lanes}) &&
               check_type(v, i, i->operands[1], i->type) &&
               check_type(v, i, i->operands[2], i->type);
    if (i->operand_count == 2 && !same_type(i->operands[0]->type, i->operands[1]->type))
        return wrong(v, i, "dtypes of the operands differ");
    bool is_comparison = i->scalar_op >= SCALAR_EQUAL && i->scalar_op <= SCALAR_LESS_EQUAL;
    if (is_comparison ? i->type.dtype != TFCC_BOOL
                      : i->scalar_op > SCALAR_SELECT && i->type.dtype != i->operands[0]->type.dtype)
        return wrong(v, i, "the dtype of the result is wrong");
    return true;
}

static bool check_memory(const Verifier *v, const LoopInstruction *i) {
    bool is_store = i->op == LOOP_STORE || i->op == LOOP_SCATTER;
    bool has_lanes = i->op == LOOP_GATHER || i->op == LOOP_SCATTER;
    if (i->number >= v->function->buffer_count) return wrong(v, i, "no buffer of that number");
    const LoopParameter *buffer = &v->function->buffers[i->number];
    if (is_store && !buffer->is_output) return wrong(v, i, "stores into an input");
    LoopType type = i->type;
    if (is_store) {
        if (!check_use(v, i, i->operands[1])) return false;
        type = i->operands[1]->type;
    }
    if (type.dtype != buffer->dtype) return wrong(v, i, "the buffer has another dtype");
    if (!check_type(v, i, i->operands[0], (LoopType){TFCC_INT64, has_lanes ? type.lanes : 1}))
        return false;
    const LoopInstruction *mask = is_store ? i->operands[2] : i->operands[1];
    if (!mask) return true;
    if (!check_type(v, i, mask, (LoopType){TFCC_BOOL, type.lanes})) return false;
    return is_store || check_type(v, i, i->operands[2], type);
}

static bool check_block(const Verifier *v, const LoopInstruction *owner, const LoopBlock *block,
                        LoopInstruction *const *wanted, size_t wanted_count);

static bool check_carried(const Verifier *v, const LoopInstruction *loop) {
    for (size_t k = 0; k < loop->carried_count; k++)
        if (!check_type(v, loop, loop->initial[k], loop->carried[k]->type) ||
            !same_type(loop->carried[k]->type, loop->results[k]->type) ||
            !define(v, loop->carried[k]))
            return wrong(v, loop, "carried value %zu does not fit", k);
    return true;
}

static bool define_results(const Verifier *v, const LoopInstruction *loop) {
    for (size_t k = 0; k < loop->carried_count; k++) v->defined[loop->carried[k]->id] = false;
    for (size_t k = 0; k < loop->carried_count; k++)
        if (!define(v, loop->results[k])) return false;
    return true;
}

static bool check_while(const Verifier *v, const LoopInstruction *loop) {
    LoopInstruction condition = {.type = {TFCC_BOOL, 1}}, *wanted = &condition;
    return check_carried(v, loop) && check_block(v, loop, loop->blocks[0], &wanted, 1) &&
           check_block(v, loop, loop->blocks[1], loop->carried, loop->carried_count) &&
           define_results(v, loop);
}

static bool check_for(const Verifier *v, const LoopInstruction *loop) {
    LoopType index = {TFCC_INT64, 1};
    if (!check_type(v, loop, loop->operands[0], index) ||
        !check_type(v, loop, loop->operands[1], index))
        return false;
    if (loop->step < 1) return wrong(v, loop, "its step is not positive");
    if (!check_carried(v, loop) || !define(v, loop->index) ||
        !check_block(v, loop, loop->blocks[0], loop->carried, loop->carried_count))
        return false;
    v->defined[loop->index->id] = false;
    return define_results(v, loop);
}

static bool check_if(const Verifier *v, const LoopInstruction *branch) {
    if (!check_type(v, branch, branch->operands[0], (LoopType){TFCC_BOOL, 1})) return false;
    if (branch->carried_count > 0 && !branch->blocks[1]) return wrong(v, branch, "it has no else");
    for (int k = 0; k < 2; k++)
        if (branch->blocks[k] &&
            !check_block(v, branch, branch->blocks[k], branch->results, branch->carried_count))
            return false;
    for (size_t k = 0; k < branch->carried_count; k++)
        if (!define(v, branch->results[k])) return false;
    return true;
}

static bool check_instruction(const Verifier *v, const LoopInstruction *i) {
    switch (i->op) {
    case LOOP_ARITHMETIC: return check_arithmetic(v, i);
    case LOOP_CONSTANT: return true;
    case LOOP_SLOT: return i->number < v->function->slot_count || wrong(v, i, "no such slot");
    case LOOP_GIVEN: return i->number < v->function->buffer_count || wrong(v, i, "no such buffer");
    case LOOP_SPLAT: return check_type(v, i, i->operands[0], (LoopType){i->type.dtype, 1});
    case LOOP_RAMP: return check_type(v, i, i->operands[0], (LoopType){TFCC_INT64, 1});
    case LOOP_LOAD:
    case LOOP_GATHER:
    case LOOP_STORE:
    case LOOP_SCATTER: return check_memory(v, i);
    case LOOP_REDUCE_LANES: return check_use(v, i, i->operands[0]);
    case LOOP_EXTRACT:
        return check_use(v, i, i->operands[0]) &&
               ((int)i->number < i->operands[0]->type.lanes || wrong(v, i, "no such lane"));
    case LOOP_ZIP:
    case LOOP_UNZIP:
        return check_type(v, i, i->operands[0], i->type) &&
               check_type(v, i, i->operands[1], i->type) &&
               (i->type.lanes % 2 == 0 || wrong(v, i, "an odd number of lanes"));
    case LOOP_FUSED:
        for (size_t k = 0; k < 3; k++)
            if (!check_type(v, i, i->operands[k], i->type)) return false;
        return i->type.dtype == TFCC_FLOAT32 || i->type.dtype == TFCC_FLOAT64 ||
               wrong(v, i, "not of floating point");
    case LOOP_FOR: return check_for(v, i);
    case LOOP_WHILE: return check_while(v, i);
    case LOOP_IF: return check_if(v, i);
    case LOOP_ARGUMENT: return wrong(v, i, "an argument stands in a block");
    case LOOP_FAIL:
        for (size_t k = 0; k < i->operand_count; k++)
            if (!check_use(v, i, i->operands[k])) return false;
        return true;
    }
    return wrong(v, i, "unknown instruction");
}

static bool check_block(const Verifier *v, const LoopInstruction *owner, const LoopBlock *block,
                        LoopInstruction *const *wanted, size_t wanted_count) {
    for (size_t k = 0; k < block->count; k++) {
        const LoopInstruction *i = block->instructions[k];
        if (!check_instruction(v, i) || !define(v, i)) return false;
    }
    if (block->yield_count != wanted_count) return wrong(v, owner, "a block gives too few values");
    for (size_t k = 0; k < wanted_count; k++)
        if (!check_type(v, owner, block->yields[k], wanted[k]->type)) return false;
    for (size_t k = 0; k < block->count; k++) {
        const LoopInstruction *i = block->instructions[k];
        v->defined[i->id] = false;
        for (size_t r = 0; r < i->carried_count; r++) v->defined[i->results[r]->id] = false;
    }
    return true;
}

static bool check_step(const LoopProgram *loops, const LoopStep *step, char *message, size_t size) {
    const LoopFunction *function = step->function;
    size_t parameters = 0;
    for (size_t k = 0; function && k < function->buffer_count; k++)
        parameters += !function->buffers[k].is_local;
    if (function &&
        (step->argument_count != parameters || step->slot_count != function->slot_count)) {
        snprintf(message, size, "step %s does not fit its function", step->kernel->name);
        return false;
    }
    for (size_t k = 0; k < step->slot_count; k++)
        if (step->slots[k] >= loops->slot_count && (function || step->slots[k] != UINT32_MAX)) {
            snprintf(message, size, "step %s names a slot that is not there", step->kernel->name);
            return false;
        }
    return true;
}

bool loop_function_verify(const LoopFunction *function, char *message, size_t size) {
    Arena *scratch = arena_create();
    Verifier v = {function, arena_alloc(scratch, function->next_id + 1), message, size};
    bool is_right = check_block(&v, NULL, function->body, NULL, 0);
    arena_destroy(scratch);
    return is_right;
}

bool loop_program_verify(const LoopProgram *loops, char *message, size_t size) {
    for (size_t k = 0; k < loops->function_count; k++)
        if (!loop_function_verify(loops->functions[k], message, size)) return false;
    for (size_t k = 0; k < loops->step_count; k++)
        if (!check_step(loops, &loops->steps[k], message, size)) return false;
    return true;
}
