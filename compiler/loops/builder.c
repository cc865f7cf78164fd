/* builder.c: appending instructions; see loops.h. */
#include "loops/loops.h"
#include "support/dtype.h"
#include <assert.h>

static LoopInstruction *create(LoopBuilder *b, LoopOp op, LoopType type) {
    LoopInstruction *instruction = arena_alloc(b->arena, sizeof *instruction);
    instruction->op = op;
    instruction->type = type;
    instruction->id = b->function->next_id++;
    instruction->place = b->place;
    return instruction;
}

static LoopInstruction *append(LoopBuilder *b, LoopOp op, LoopType type,
                               LoopInstruction *const *operands, size_t count) {
    LoopInstruction *instruction = create(b, op, type);
    instruction->operand_count = count;
    if (count > 0) instruction->operands = arena_copy(b->arena, operands, count * sizeof *operands);
    LoopBlock *block = b->block;
    *ARENA_PUSH(b->arena, block->instructions, block->count, block->capacity) = instruction;
    return instruction;
}

static LoopInstruction *argument(LoopBuilder *b, LoopType type) {
    return create(b, LOOP_ARGUMENT, type);
}

static LoopInstruction **copy_list(LoopBuilder *b, LoopInstruction *const *list, size_t count) {
    return count == 0 ? NULL : arena_copy(b->arena, list, count * sizeof *list);
}

static const LoopType no_value = {TFCC_NONE, 0};

LoopInstruction *loop_arithmetic(LoopBuilder *b, ScalarOp op, tfcc_dtype dtype,
                                 LoopInstruction *const *operands, size_t count) {
    assert(op >= SCALAR_CONVERT && op <= SCALAR_ROUND_EVEN && count > 0);
    LoopInstruction *result =
        append(b, LOOP_ARITHMETIC, (LoopType){dtype, operands[0]->type.lanes}, operands, count);
    result->scalar_op = op;
    return result;
}

LoopInstruction *loop_constant(LoopBuilder *b, LoopType type, uint64_t bits) {
    LoopInstruction *result = append(b, LOOP_CONSTANT, type, NULL, 0);
    result->bits = bits;
    return result;
}

LoopInstruction *loop_slot(LoopBuilder *b, uint32_t number) {
    LoopInstruction *result = append(b, LOOP_SLOT, (LoopType){TFCC_INT64, 1}, NULL, 0);
    result->number = number;
    if (b->function->slot_count <= number) b->function->slot_count = number + 1;
    return result;
}

LoopInstruction *loop_given(LoopBuilder *b, uint32_t buffer) {
    LoopInstruction *result = append(b, LOOP_GIVEN, (LoopType){TFCC_BOOL, 1}, NULL, 0);
    result->number = buffer;
    return result;
}

LoopInstruction *loop_splat(LoopBuilder *b, LoopInstruction *scalar, int lanes) {
    if (lanes == 1) return scalar;
    return append(b, LOOP_SPLAT, (LoopType){scalar->type.dtype, lanes}, &scalar, 1);
}

LoopInstruction *loop_ramp(LoopBuilder *b, LoopInstruction *start, int lanes) {
    if (lanes == 1) return start;
    return append(b, LOOP_RAMP, (LoopType){TFCC_INT64, lanes}, &start, 1);
}

static LoopInstruction *read(LoopBuilder *b, LoopOp op, uint32_t buffer, int lanes,
                             LoopInstruction *offset, LoopInstruction *mask,
                             LoopInstruction *otherwise) {
    LoopInstruction *operands[3] = {offset, mask, otherwise};
    LoopType type = {b->function->buffers[buffer].dtype, lanes};
    LoopInstruction *result = append(b, op, type, operands, 3);
    result->number = buffer;
    return result;
}

LoopInstruction *loop_load(LoopBuilder *b, uint32_t buffer, LoopInstruction *offset, int lanes,
                           LoopInstruction *mask, LoopInstruction *otherwise) {
    return read(b, LOOP_LOAD, buffer, lanes, offset, mask, otherwise);
}

LoopInstruction *loop_gather(LoopBuilder *b, uint32_t buffer, LoopInstruction *offsets,
                             LoopInstruction *mask, LoopInstruction *otherwise) {
    return read(b, LOOP_GATHER, buffer, offsets->type.lanes, offsets, mask, otherwise);
}

static void write(LoopBuilder *b, LoopOp op, uint32_t buffer, LoopInstruction *offset,
                  LoopInstruction *value, LoopInstruction *mask) {
    LoopInstruction *operands[3] = {offset, value, mask};
    append(b, op, no_value, operands, 3)->number = buffer;
}

void loop_store(LoopBuilder *b, uint32_t buffer, LoopInstruction *offset, LoopInstruction *value,
                LoopInstruction *mask) {
    write(b, LOOP_STORE, buffer, offset, value, mask);
}

void loop_scatter(LoopBuilder *b, uint32_t buffer, LoopInstruction *offsets, LoopInstruction *value,
                  LoopInstruction *mask) {
    write(b, LOOP_SCATTER, buffer, offsets, value, mask);
}

LoopInstruction *loop_reduce_lanes(LoopBuilder *b, ScalarOp op, LoopInstruction *vector) {
    LoopInstruction *result =
        append(b, LOOP_REDUCE_LANES, (LoopType){vector->type.dtype, 1}, &vector, 1);
    result->scalar_op = op;
    return result;
}

LoopInstruction *loop_extract(LoopBuilder *b, LoopInstruction *vector, int lane) {
    LoopInstruction *result =
        append(b, LOOP_EXTRACT, (LoopType){vector->type.dtype, 1}, &vector, 1);
    result->number = (uint32_t)lane;
    return result;
}

LoopInstruction *loop_zip(LoopBuilder *b, LoopInstruction *a, LoopInstruction *other,
                          bool is_last_half) {
    LoopInstruction *result = append(b, LOOP_ZIP, a->type, (LoopInstruction *[]){a, other}, 2);
    result->number = is_last_half;
    return result;
}

LoopInstruction *loop_fused(LoopBuilder *b, LoopInstruction *a, LoopInstruction *other,
                            LoopInstruction *sum) {
    return append(b, LOOP_FUSED, sum->type, (LoopInstruction *[]){a, other, sum}, 3);
}

LoopInstruction *loop_unzip(LoopBuilder *b, LoopInstruction *a, LoopInstruction *other) {
    return append(b, LOOP_UNZIP, a->type, (LoopInstruction *[]){a, other}, 2);
}

static void finish_block(LoopBuilder *b, LoopBlock *block, LoopInstruction *const *results,
                         size_t count) {
    block->yields = copy_list(b, results, count);
    block->yield_count = count;
}

static void carry(LoopBuilder *b, LoopInstruction *loop, LoopInstruction *const *initial,
                  size_t count) {
    loop->carried_count = count;
    loop->initial = copy_list(b, initial, count);
    loop->carried = arena_alloc_array(b->arena, count + 1, sizeof *loop->carried);
    loop->results = arena_alloc_array(b->arena, count + 1, sizeof *loop->results);
    for (size_t k = 0; k < count; k++) {
        loop->carried[k] = argument(b, initial[k]->type);
        loop->results[k] = argument(b, initial[k]->type);
    }
}

LoopInstruction *loop_for_begin(LoopBuilder *b, LoopInstruction *begin, LoopInstruction *end,
                                int64_t step, LoopInstruction *const *initial,
                                size_t carried_count) {
    LoopInstruction *loop = append(b, LOOP_FOR, no_value, (LoopInstruction *[]){begin, end}, 2);
    loop->step = step;
    loop->index = argument(b, (LoopType){TFCC_INT64, 1});
    carry(b, loop, initial, carried_count);
    loop->blocks[0] = arena_alloc(b->arena, sizeof *loop->blocks[0]);
    b->block = loop->blocks[0];
    return loop;
}

void loop_for_end(LoopBuilder *b, LoopInstruction *loop, LoopInstruction *const *next,
                  LoopBlock *outer) {
    assert(b->block == loop->blocks[0]);
    finish_block(b, loop->blocks[0], next, loop->carried_count);
    b->block = outer;
}

LoopInstruction *loop_while_begin(LoopBuilder *b, LoopInstruction *const *initial,
                                  size_t carried_count) {
    LoopInstruction *loop = append(b, LOOP_WHILE, no_value, NULL, 0);
    carry(b, loop, initial, carried_count);
    for (int k = 0; k < 2; k++) loop->blocks[k] = arena_alloc(b->arena, sizeof *loop->blocks[k]);
    b->block = loop->blocks[0];
    return loop;
}

void loop_while_do(LoopBuilder *b, LoopInstruction *loop, LoopInstruction *condition) {
    assert(b->block == loop->blocks[0]);
    finish_block(b, loop->blocks[0], &condition, 1);
    b->block = loop->blocks[1];
}

void loop_while_end(LoopBuilder *b, LoopInstruction *loop, LoopInstruction *const *next,
                    LoopBlock *outer) {
    assert(b->block == loop->blocks[1]);
    finish_block(b, loop->blocks[1], next, loop->carried_count);
    b->block = outer;
}

LoopInstruction *loop_if_begin(LoopBuilder *b, LoopInstruction *condition) {
    LoopInstruction *branch = append(b, LOOP_IF, no_value, &condition, 1);
    branch->blocks[0] = arena_alloc(b->arena, sizeof *branch->blocks[0]);
    b->block = branch->blocks[0];
    return branch;
}

void loop_if_else(LoopBuilder *b, LoopInstruction *branch, LoopInstruction *const *results,
                  size_t count) {
    assert(b->block == branch->blocks[0]);
    finish_block(b, branch->blocks[0], results, count);
    branch->carried_count = count;
    branch->results = arena_alloc_array(b->arena, count + 1, sizeof *branch->results);
    for (size_t k = 0; k < count; k++) branch->results[k] = argument(b, results[k]->type);
    branch->blocks[1] = arena_alloc(b->arena, sizeof *branch->blocks[1]);
    b->block = branch->blocks[1];
}

void loop_if_end(LoopBuilder *b, LoopInstruction *branch, LoopInstruction *const *results,
                 size_t count, LoopBlock *outer) {
    assert(branch->blocks[1] || count == 0);
    assert(!branch->blocks[1] || count == branch->carried_count);
    finish_block(b, branch->blocks[1] ? branch->blocks[1] : branch->blocks[0], results, count);
    b->block = outer;
}

void loop_fail(LoopBuilder *b, uint32_t check, LoopInstruction *const *values, size_t count) {
    append(b, LOOP_FAIL, no_value, values, count)->number = check;
}

uint32_t loop_local(LoopBuilder *b, tfcc_dtype dtype, int64_t count) {
    LoopFunction *function = b->function;
    LoopParameter *local =
        ARENA_PUSH(b->arena, function->buffers, function->buffer_count, function->buffer_capacity);
    local->dtype = dtype;
    local->is_output = local->is_local = local->is_exclusive = true;
    local->local_count = count;
    return (uint32_t)(function->buffer_count - 1);
}
