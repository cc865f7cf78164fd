/* direct.c: writing the code of direct kernels; see direct.h. */
#include "kernels/direct.h"

#include "kernels/scalar_evaluate.h"
#include <assert.h>

/* ---- the kernel and its memory ---- */

void code_begin(Code *code, LowerContext *c) {
    Arena *arena = c->program->arena;
    *code = (Code){.context = c};
    code->kernel =
        kernel_create(c->program, KERNEL_DIRECT, c->node->label, c->node->place, c->node->guard);
    if (c->requirement) kernel_add_after(code->kernel, c->requirement);
    LoopFunction *function = code->kernel->code->function;
    function->body = arena_alloc(arena, sizeof *function->body);
    code->b = (LoopBuilder){arena, function, function->body, c->node->place};
}

uint32_t code_input(Code *code, Buffer *buffer) {
    return kernel_add_parameter(code->kernel, buffer, false);
}

uint32_t code_output(Code *code, Buffer *buffer) {
    return kernel_add_parameter(code->kernel, buffer, true);
}

uint32_t code_scratch(Code *code, tfcc_dtype dtype, Dim count) {
    LowerContext *c = code->context;
    Shape shape = {.rank = 1, .dims = {count}};
    const char *name = arena_format(c->program->arena, "%s.scratch", c->node->label);
    return code_output(code, program_add_temporary(c->program, name, dtype, &shape));
}

uint32_t code_local(Code *code, tfcc_dtype dtype, int64_t count) {
    return loop_local(&code->b, dtype, count);
}

void code_end(Code *code) {
    assert(code->depth == 0 && code->b.block == code->b.function->body);
}

/* ---- values ---- */

LoopInstruction *code_bits(Code *code, tfcc_dtype dtype, uint64_t bits) {
    return loop_constant(&code->b, (LoopType){dtype, 1}, bits);
}

LoopInstruction *code_constant(Code *code, tfcc_dtype dtype, int64_t number) {
    return code_bits(code, dtype, bits_from_integer(dtype, number));
}

LoopInstruction *code_integer(Code *code, int64_t number) {
    return code_constant(code, TFCC_INT64, number);
}

LoopInstruction *code_size(Code *code, Dim dim) {
    int64_t number;
    if (dim_is_constant(dim, &number)) return code_integer(code, number);
    KernelCode *of = code->kernel->code;
    uint32_t slot = 0;
    while (slot < of->number_count && of->numbers[slot] != dim) slot++;
    if (slot == of->number_count)
        *ARENA_PUSH(code->b.arena, of->numbers, of->number_count, of->number_capacity) = dim;
    return loop_slot(&code->b, slot);
}

LoopInstruction *code_binary(Code *code, ScalarOp op, LoopInstruction *a, LoopInstruction *b) {
    bool is_comparison = op >= SCALAR_EQUAL && op <= SCALAR_LESS_EQUAL;
    return loop_arithmetic(&code->b, op, is_comparison ? TFCC_BOOL : a->type.dtype,
                           (LoopInstruction *[]){a, b}, 2);
}

LoopInstruction *code_unary(Code *code, ScalarOp op, LoopInstruction *a) {
    return loop_arithmetic(&code->b, op, a->type.dtype, &a, 1);
}

LoopInstruction *code_select(Code *code, LoopInstruction *condition, LoopInstruction *a,
                             LoopInstruction *b) {
    return loop_arithmetic(&code->b, SCALAR_SELECT, a->type.dtype,
                           (LoopInstruction *[]){condition, a, b}, 3);
}

LoopInstruction *code_convert(Code *code, tfcc_dtype dtype, LoopInstruction *a) {
    if (a->type.dtype == dtype) return a;
    return loop_arithmetic(&code->b, SCALAR_CONVERT, dtype, &a, 1);
}

LoopInstruction *code_bitcast(Code *code, tfcc_dtype dtype, LoopInstruction *a) {
    if (a->type.dtype == dtype) return a;
    return loop_arithmetic(&code->b, SCALAR_BITCAST, dtype, &a, 1);
}

LoopInstruction *code_load(Code *code, uint32_t buffer, LoopInstruction *offset) {
    return loop_load(&code->b, buffer, offset, 1, NULL, NULL);
}

LoopInstruction *code_load_if(Code *code, uint32_t buffer, LoopInstruction *offset,
                              LoopInstruction *condition) {
    LoopInstruction *zero = code_bits(code, code->b.function->buffers[buffer].dtype, 0);
    return loop_load(&code->b, buffer, offset, 1, condition, zero);
}

void code_store(Code *code, uint32_t buffer, LoopInstruction *offset, LoopInstruction *value) {
    value = code_convert(code, code->b.function->buffers[buffer].dtype, value);
    loop_store(&code->b, buffer, offset, value, NULL);
}

/* ---- loops and branches ---- */

static LoopInstruction *open(Code *code, LoopBlock *outer, LoopInstruction *owner) {
    assert(code->depth < CODE_MOST_OPEN);
    code->open[code->depth].owner = owner;
    code->open[code->depth++].outer = outer;
    return owner;
}

LoopInstruction *code_for(Code *code, LoopInstruction *begin, LoopInstruction *end,
                          LoopInstruction *const *initial, size_t count) {
    LoopBlock *outer = code->b.block;
    return open(code, outer, loop_for_begin(&code->b, begin, end, 1, initial, count));
}

void code_for_end(Code *code, LoopInstruction *const *next, size_t count) {
    LoopInstruction *loop = code->open[--code->depth].owner;
    assert(loop->op == LOOP_FOR && loop->carried_count == count);
    (void)count;
    loop_for_end(&code->b, loop, next, code->open[code->depth].outer);
}

LoopInstruction *code_while(Code *code, LoopInstruction *const *initial, size_t count) {
    LoopBlock *outer = code->b.block;
    return open(code, outer, loop_while_begin(&code->b, initial, count));
}

void code_do(Code *code, LoopInstruction *condition) {
    loop_while_do(&code->b, code->open[code->depth - 1].owner, condition);
}

void code_while_end(Code *code, LoopInstruction *const *next, size_t count) {
    LoopInstruction *loop = code->open[--code->depth].owner;
    assert(loop->op == LOOP_WHILE && loop->carried_count == count);
    (void)count;
    loop_while_end(&code->b, loop, next, code->open[code->depth].outer);
}

LoopInstruction *code_if(Code *code, LoopInstruction *condition) {
    LoopBlock *outer = code->b.block;
    return open(code, outer, loop_if_begin(&code->b, condition));
}

void code_else(Code *code, LoopInstruction *const *results, size_t count) {
    loop_if_else(&code->b, code->open[code->depth - 1].owner, results, count);
}

void code_if_end(Code *code, LoopInstruction *const *results, size_t count) {
    LoopInstruction *branch = code->open[--code->depth].owner;
    assert(branch->op == LOOP_IF);
    loop_if_end(&code->b, branch, results, count, code->open[code->depth].outer);
}

void code_fail_if(Code *code, LoopInstruction *condition, tfcc_status status, const char *message,
                  LoopInstruction *const *values, size_t count) {
    code_if(code, condition);
    loop_fail(&code->b, kernel_add_failure(code->kernel, status, message), values, count);
    code_if_end(code, NULL, 0);
}

/* ---- what several lowerings write ---- */

tfcc_dtype code_sort_key_dtype(tfcc_dtype dtype) {
    switch (dtype_size(dtype)) {
    case 1: return TFCC_UINT8;
    case 2: return TFCC_UINT16;
    case 4: return TFCC_UINT32;
    default: return TFCC_UINT64;
    }
}

/* Positive numbers get the sign bit, negative ones have all bits turned. */
static LoopInstruction *float_key(Code *code, LoopInstruction *bits, tfcc_dtype dtype) {
    tfcc_dtype key = bits->type.dtype;
    uint64_t sign = UINT64_C(1) << (dtype_bits(dtype) - 1);
    LoopInstruction *sign_bit = code_bits(code, key, sign);
    LoopInstruction *infinity = code_bits(code, key, bits_from_double(dtype, __builtin_inf()));
    LoopInstruction *magnitude = code_and(code, bits, code_bits(code, key, sign - 1));
    LoopInstruction *is_negative = code_less_equal(code, sign_bit, bits);
    LoopInstruction *is_zero = code_equal(code, magnitude, code_bits(code, key, 0));
    LoopInstruction *is_nan = code_less(code, infinity, magnitude);
    LoopInstruction *ordered =
        code_select(code, is_negative, code_not(code, bits), code_or(code, bits, sign_bit));
    ordered = code_select(code, is_zero, sign_bit, ordered);
    return code_select(code, is_nan, code_constant(code, key, -1), ordered);
}

LoopInstruction *code_sort_key(Code *code, LoopInstruction *value, bool is_descending) {
    tfcc_dtype dtype = value->type.dtype, unsigned_dtype = code_sort_key_dtype(dtype);
    LoopInstruction *key;
    if (dtype_is_bool(dtype)) {
        key = code_convert(code, unsigned_dtype, value);
    } else {
        key = code_bitcast(code, unsigned_dtype, value);
        uint64_t sign = UINT64_C(1) << (dtype_bits(dtype) - 1);
        if (dtype_is_float(dtype))
            key = float_key(code, key, dtype);
        else if (dtype_is_signed(dtype))
            key = code_xor(code, key, code_bits(code, unsigned_dtype, sign));
    }
    return is_descending ? code_not(code, key) : key;
}

CodeRows code_rows(Code *code, const Shape *shape, int axis) {
    DimTable *dims = code->context->dims;
    Dim outer = dim_constant(dims, 1), inner = outer;
    for (int k = 0; k < axis; k++) outer = dim_multiply(dims, outer, shape->dims[k]);
    for (int k = axis + 1; k < shape->rank; k++) inner = dim_multiply(dims, inner, shape->dims[k]);
    return (CodeRows){code_size(code, shape->dims[axis]), code_size(code, inner),
                      code_size(code, dim_multiply(dims, outer, inner))};
}

LoopInstruction *code_row_start(Code *code, const CodeRows *rows, LoopInstruction *row) {
    LoopInstruction *outer = code_divide(code, row, rows->stride),
                    *inner = code_remainder(code, row, rows->stride);
    LoopInstruction *block = code_multiply(code, rows->length, rows->stride);
    return code_add(code, code_multiply(code, outer, block), inner);
}

LoopInstruction *code_row_at(Code *code, const CodeRows *rows, LoopInstruction *start,
                             LoopInstruction *index) {
    return code_add(code, start, code_multiply(code, index, rows->stride));
}
