/* direct.h: writing the code of a KERNEL_DIRECT.
 *
 *     Code code;
 *     code_begin(&code, c);
 *     uint32_t x = code_input(&code, lower_input(c, "x")), y = code_output(&code, output);
 *     LoopInstruction *zero = code_integer(&code, 0);
 *     LoopInstruction *i = code_for(&code, zero, code_size(&code, n), &zero, 1);
 *     LoopInstruction *sum = code_add(&code, i->carried[0], code_load(&code, x, i->index));
 *     code_for_end(&code, &sum, 1);
 *     code_store(&code, y, zero, i->results[0]);
 *     code_end(&code);
 *
 * Buffers come first, then everything else. A value may be used while the block it was made in is
 * open. Offsets count elements, row-major, in int64. Arithmetic is that of loops/loops.h: float16
 * and bfloat16 have to be converted.
 */
#ifndef TFCC_KERNELS_DIRECT_H
#define TFCC_KERNELS_DIRECT_H

#include "kernels/lower.h"
#include "loops/loops.h"

enum { CODE_MOST_OPEN = 24 }; /* loops and branches inside one another */

typedef struct Code {
    LowerContext *context;
    Kernel *kernel;
    LoopBuilder b;
    struct {
        LoopInstruction *owner;
        LoopBlock *outer;
    } open[CODE_MOST_OPEN];
    int depth;
} Code;

/* A direct kernel of the node, after its requirement. */
void code_begin(Code *code, LowerContext *context);
uint32_t code_input(Code *code, Buffer *buffer);
uint32_t code_output(Code *code, Buffer *buffer);
/* Scratch memory for `count` elements; nobody else sees it. */
uint32_t code_scratch(Code *code, tfcc_dtype dtype, Dim count);
/* An array of known length on the stack. */
uint32_t code_local(Code *code, tfcc_dtype dtype, int64_t count);
void code_end(Code *code);

/* ---- values ---- */

LoopInstruction *code_integer(Code *code, int64_t number);                    /* int64 */
LoopInstruction *code_constant(Code *code, tfcc_dtype dtype, int64_t number); /* converted */
LoopInstruction *code_bits(Code *code, tfcc_dtype dtype, uint64_t bits);
LoopInstruction *code_size(Code *code, Dim dim); /* without axes */
LoopInstruction *code_binary(Code *code, ScalarOp op, LoopInstruction *a, LoopInstruction *b);
LoopInstruction *code_unary(Code *code, ScalarOp op, LoopInstruction *a);
LoopInstruction *code_select(Code *code, LoopInstruction *condition, LoopInstruction *a,
                             LoopInstruction *b);
LoopInstruction *code_convert(Code *code, tfcc_dtype dtype, LoopInstruction *a);
LoopInstruction *code_bitcast(Code *code, tfcc_dtype dtype, LoopInstruction *a);
LoopInstruction *code_load(Code *code, uint32_t buffer, LoopInstruction *offset);
/* Reads only where the condition holds, else gives 0. */
LoopInstruction *code_load_if(Code *code, uint32_t buffer, LoopInstruction *offset,
                              LoopInstruction *condition);
/* The value is converted to the buffer's dtype. */
void code_store(Code *code, uint32_t buffer, LoopInstruction *offset, LoopInstruction *value);

#define CODE_BINARY_SHORTHAND(NAME, OP)                                                            \
    static inline LoopInstruction *NAME(Code *code, LoopInstruction *a, LoopInstruction *b) {      \
        return code_binary(code, OP, a, b);                                                        \
    }
CODE_BINARY_SHORTHAND(code_add, SCALAR_ADD)
CODE_BINARY_SHORTHAND(code_subtract, SCALAR_SUBTRACT)
CODE_BINARY_SHORTHAND(code_multiply, SCALAR_MULTIPLY)
CODE_BINARY_SHORTHAND(code_divide, SCALAR_DIVIDE)
CODE_BINARY_SHORTHAND(code_remainder, SCALAR_REMAINDER)
CODE_BINARY_SHORTHAND(code_minimum, SCALAR_MINIMUM)
CODE_BINARY_SHORTHAND(code_maximum, SCALAR_MAXIMUM)
CODE_BINARY_SHORTHAND(code_equal, SCALAR_EQUAL)
CODE_BINARY_SHORTHAND(code_not_equal, SCALAR_NOT_EQUAL)
CODE_BINARY_SHORTHAND(code_less, SCALAR_LESS)
CODE_BINARY_SHORTHAND(code_less_equal, SCALAR_LESS_EQUAL)
CODE_BINARY_SHORTHAND(code_and, SCALAR_AND)
CODE_BINARY_SHORTHAND(code_or, SCALAR_OR)
CODE_BINARY_SHORTHAND(code_xor, SCALAR_XOR)
#undef CODE_BINARY_SHORTHAND

static inline LoopInstruction *code_not(Code *code, LoopInstruction *a) {
    return code_unary(code, SCALAR_NOT, a);
}
/* a + number, a * number. */
static inline LoopInstruction *code_plus(Code *code, LoopInstruction *a, int64_t number) {
    return code_add(code, a, code_constant(code, a->type.dtype, number));
}
static inline LoopInstruction *code_times(Code *code, LoopInstruction *a, int64_t number) {
    return code_multiply(code, a, code_constant(code, a->type.dtype, number));
}

/* ---- loops and branches: values are carried and given in lists ---- */

/* From begin to end - 1; the result has `index`, `carried` and, after its end, `results`. */
LoopInstruction *code_for(Code *code, LoopInstruction *begin, LoopInstruction *end,
                          LoopInstruction *const *initial, size_t count);
void code_for_end(Code *code, LoopInstruction *const *next, size_t count);
/* Then the condition's instructions, code_do, and the body. */
LoopInstruction *code_while(Code *code, LoopInstruction *const *initial, size_t count);
void code_do(Code *code, LoopInstruction *condition);
void code_while_end(Code *code, LoopInstruction *const *next, size_t count);
/* code_else may be left away where the branch gives nothing. */
LoopInstruction *code_if(Code *code, LoopInstruction *condition);
void code_else(Code *code, LoopInstruction *const *results, size_t count);
void code_if_end(Code *code, LoopInstruction *const *results, size_t count);
/* Leaves with this message where the condition holds; %0, %1, … (of floating point %f0, of bool %b0)
 * are the values. */
void code_fail_if(Code *code, LoopInstruction *condition, tfcc_status status, const char *message,
                  LoopInstruction *const *values, size_t count);

/* ---- what several lowerings write ---- */

/* An unsigned number of the dtype's width whose order is that of the values: numbers by size (-0
 * equals 0), then NaN; with `is_descending` the other way round. */
LoopInstruction *code_sort_key(Code *code, LoopInstruction *value, bool is_descending);
tfcc_dtype code_sort_key_dtype(tfcc_dtype dtype);

/* A tensor along one axis: `rows` rows of `length` elements, `stride` elements apart. */
typedef struct CodeRows {
    LoopInstruction *length, *stride, *rows;
} CodeRows;
CodeRows code_rows(Code *code, const Shape *shape, int axis);
/* The offset of a row's first element, and of element `index` of a row that begins at `start`. */
LoopInstruction *code_row_start(Code *code, const CodeRows *rows, LoopInstruction *row);
LoopInstruction *code_row_at(Code *code, const CodeRows *rows, LoopInstruction *start,
                             LoopInstruction *index);

/* Scratch memory for sorting (direct_sort.c): keys and indices, or indices alone where `is_in_order`
 * says whether the elements of two indices may stand as they do. */
typedef struct CodeSort {
    uint32_t keys, indices, counts;
    LoopInstruction *(*is_in_order)(Code *code, const void *context, LoopInstruction *left,
                                    LoopInstruction *right);
    const void *context;
} CodeSort;
/* Room for `most` elements; TFCC_NONE: no keys. Comes before everything but buffers. */
CodeSort code_sort_scratch(Code *code, tfcc_dtype key_dtype, Dim most);
/* Sorts the first `length` keys and indices, smallest key first. They then stand from the offset on
 * that is given. */
LoopInstruction *code_sort(Code *code, const CodeSort *sort, LoopInstruction *length);

#endif
