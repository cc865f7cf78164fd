/* lower_determinant.c: determinants of matrices by elimination.
 *
 * A copy of each matrix is made triangular row by row, with the largest element of the column as
 * pivot; the determinant is the product of the pivots, its sign turned by every exchange of rows.
 */
#include "kernels/direct.h"

typedef struct Elimination {
    Code *code;
    uint32_t matrix; /* scratch */
    LoopInstruction *n;
    tfcc_dtype real;
} Elimination;

static LoopInstruction *offset_of(const Elimination *e, LoopInstruction *row,
                                  LoopInstruction *column) {
    return code_add(e->code, code_multiply(e->code, row, e->n), column);
}

static LoopInstruction *element_of(const Elimination *e, LoopInstruction *row,
                                   LoopInstruction *column) {
    return code_load(e->code, e->matrix, offset_of(e, row, column));
}

static void copy_matrix(const Elimination *e, uint32_t input, LoopInstruction *first) {
    Code *code = e->code;
    LoopInstruction *count = code_multiply(code, e->n, e->n);
    LoopInstruction *each = code_for(code, code_integer(code, 0), count, NULL, 0);
    LoopInstruction *element = code_load(code, input, code_add(code, first, each->index));
    code_store(code, e->matrix, each->index, code_convert(code, e->real, element));
    code_for_end(code, NULL, 0);
}

/* The row from `step` on whose element of that column is the largest; NaN is larger than any. */
static LoopInstruction *find_pivot(const Elimination *e, LoopInstruction *step) {
    Code *code = e->code;
    LoopInstruction *first = code_unary(code, SCALAR_ABSOLUTE, element_of(e, step, step));
    LoopInstruction *each =
        code_for(code, code_plus(code, step, 1), e->n, (LoopInstruction *[]){step, first}, 2);
    LoopInstruction *size = code_unary(code, SCALAR_ABSOLUTE, element_of(e, each->index, step));
    LoopInstruction *is_larger = code_less(code, each->carried[1], size);
    code_for_end(code,
                 (LoopInstruction *[]){code_select(code, is_larger, each->index, each->carried[0]),
                                       code_select(code, is_larger, size, each->carried[1])},
                 2);
    return each->results[0];
}

static void exchange_rows(const Elimination *e, LoopInstruction *step, LoopInstruction *pivot) {
    Code *code = e->code;
    code_if(code, code_not_equal(code, step, pivot));
    LoopInstruction *each = code_for(code, step, e->n, NULL, 0);
    LoopInstruction *above = element_of(e, step, each->index),
                    *below = element_of(e, pivot, each->index);
    code_store(code, e->matrix, offset_of(e, step, each->index), below);
    code_store(code, e->matrix, offset_of(e, pivot, each->index), above);
    code_for_end(code, NULL, 0);
    code_if_end(code, NULL, 0);
}

/* Takes multiples of row `step` off those below, so that their column becomes 0. */
static void eliminate(const Elimination *e, LoopInstruction *step, LoopInstruction *pivot) {
    Code *code = e->code;
    LoopInstruction *next = code_plus(code, step, 1);
    LoopInstruction *row = code_for(code, next, e->n, NULL, 0);
    LoopInstruction *factor = code_divide(code, element_of(e, row->index, step), pivot);
    LoopInstruction *column = code_for(code, next, e->n, NULL, 0);
    LoopInstruction *taken = code_multiply(code, factor, element_of(e, step, column->index));
    LoopInstruction *rest = code_subtract(code, element_of(e, row->index, column->index), taken);
    code_store(code, e->matrix, offset_of(e, row->index, column->index), rest);
    code_for_end(code, NULL, 0);
    code_for_end(code, NULL, 0);
}

/* y[b..] = the determinant of x[b.., .., ..]. */
void lower_det(LowerContext *c);
void lower_det(LowerContext *c) {
    Buffer *input = lower_input(c, "input"), *output = lower_output(c, 0);
    const Shape *shape = &input->type.shape;
    Dim n = shape->dims[shape->rank - 1];
    tfcc_dtype real = input->type.dtype == TFCC_FLOAT64 ? TFCC_FLOAT64 : TFCC_FLOAT32;
    Code code;
    code_begin(&code, c);
    uint32_t from = code_input(&code, input), to = code_output(&code, output);
    Elimination e = {.code = &code,
                     .matrix = code_scratch(&code, real, dim_multiply(c->dims, n, n)),
                     .real = real};
    e.n = code_size(&code, n);
    LoopInstruction *zero = code_integer(&code, 0), *one = code_constant(&code, real, 1),
                    *nothing = code_constant(&code, real, 0);
    LoopInstruction *count = code_size(&code, shape_element_count(c->dims, &output->type.shape));
    LoopInstruction *each = code_for(&code, zero, count, NULL, 0);
    LoopInstruction *size = code_multiply(&code, e.n, e.n);
    copy_matrix(&e, from, code_multiply(&code, each->index, size));
    LoopInstruction *step = code_for(&code, zero, e.n, &one, 1);
    LoopInstruction *row = find_pivot(&e, step->index);
    exchange_rows(&e, step->index, row);
    LoopInstruction *pivot = element_of(&e, step->index, step->index);
    code_if(&code, code_not_equal(&code, pivot, nothing));
    eliminate(&e, step->index, pivot);
    code_if_end(&code, NULL, 0);
    LoopInstruction *product = code_multiply(&code, step->carried[0], pivot);
    product = code_select(&code, code_equal(&code, row, step->index), product,
                          code_unary(&code, SCALAR_NEGATE, product));
    code_for_end(&code, &product, 1);
    code_store(&code, to, each->index, step->results[0]);
    code_for_end(&code, NULL, 0);
    code_end(&code);
}
