/* lower_signal.c: discrete Fourier transforms, y[k] = sum over r of x[r] e^(-+ 2 pi i k r / n).
 *
 * A transform of n = p m elements is p ones of m elements (Stockham's form, which needs no
 * reordering): with s = 1 at first, for all j < m and q < s
 *
 *     y[q + s (p j + r)] = e^(-+ 2 pi i j r / n) * sum over k < p of x[q + s (j + m k)] e^(-+ 2 pi i k r / p)
 *
 * and then the same with y for x, m for n and p s for s. p is the smallest prime factor of what is
 * left, so that it takes n times the sum of the prime factors. All factors e^.. are elements of one
 * table of n, which a kernel of its own makes: computed in float64, exact at the quarters of a turn.
 *
 * A complex number stands in the last dimension, real part first; a signal whose last dimension is
 * 1 is real.
 */
#include "graph/rules.h"
#include "kernels/direct.h"

/* ---- the table ---- */

/* [n, 2]: cos a, -+sin a with a = 2 pi m / n. With 4 m = quarter * n + rest, (cos, sin) of the rest
 * are turned by so many quarters. */
static Buffer *make_factors(LowerContext *c, Dim n, tfcc_dtype real, bool inverse) {
    DimTable *dims = c->dims;
    Shape shape = {.rank = 2, .dims = {n, dim_constant(dims, 2)}};
    Buffer *table = program_add_temporary(c->program, lower_output(c, 0)->name, real, &shape);
    Dim axes[2];
    Kernel *k = lower_kernel_over(c, &shape, axes);
    Dim four = dim_multiply(dims, axes[0], dim_constant(dims, 4));
    Scalar *quarter = scalar_index(k, dim_floor_divide(dims, four, n));
    Scalar *rest = scalar_convert(k, TFCC_FLOAT64, scalar_index(k, dim_modulo(dims, four, n)));
    Scalar *half_pi = scalar_float(k, TFCC_FLOAT64, 1.5707963267948966192313216916398);
    Scalar *angle = scalar_divide(k, scalar_multiply(k, half_pi, rest),
                                  scalar_convert(k, TFCC_FLOAT64, scalar_index(k, n)));
    Scalar *cosine = scalar_unary(k, SCALAR_COS, angle), *sine = scalar_unary(k, SCALAR_SIN, angle);
    Scalar *turned[2][4] = {{cosine, scalar_negate(k, sine), scalar_negate(k, cosine), sine},
                            {sine, cosine, scalar_negate(k, sine), scalar_negate(k, cosine)}};
    Scalar *parts[2];
    for (int part = 0; part < 2; part++) {
        parts[part] = turned[part][3];
        for (int q = 3; q-- > 0;)
            parts[part] =
                scalar_select(k, scalar_equal(k, quarter, scalar_integer(k, TFCC_INT64, q)),
                              turned[part][q], parts[part]);
    }
    if (!inverse) parts[1] = scalar_negate(k, parts[1]);
    Scalar *is_real = scalar_equal(k, scalar_index(k, axes[1]), scalar_integer(k, TFCC_INT64, 0));
    kernel_store(k, table, scalar_select(k, is_real, parts[0], parts[1]));
    return table;
}

/* ---- complex numbers ---- */

typedef struct Complex {
    LoopInstruction *real, *imaginary;
} Complex;

static Complex load_complex(Code *code, uint32_t buffer, LoopInstruction *number) {
    LoopInstruction *at = code_times(code, number, 2);
    return (Complex){code_load(code, buffer, at), code_load(code, buffer, code_plus(code, at, 1))};
}

static void store_complex(Code *code, uint32_t buffer, LoopInstruction *number, Complex value) {
    LoopInstruction *at = code_times(code, number, 2);
    code_store(code, buffer, at, value.real);
    code_store(code, buffer, code_plus(code, at, 1), value.imaginary);
}

static Complex add(Code *code, Complex a, Complex b) {
    return (Complex){code_add(code, a.real, b.real), code_add(code, a.imaginary, b.imaginary)};
}

static Complex subtract(Code *code, Complex a, Complex b) {
    return (Complex){code_subtract(code, a.real, b.real),
                     code_subtract(code, a.imaginary, b.imaginary)};
}

static Complex multiply(Code *code, Complex a, Complex b) {
    return (Complex){code_subtract(code, code_multiply(code, a.real, b.real),
                                   code_multiply(code, a.imaginary, b.imaginary)),
                     code_add(code, code_multiply(code, a.real, b.imaginary),
                              code_multiply(code, a.imaginary, b.real))};
}

/* ---- transforms ---- */

/* The scratch memory holds two rows of n complex numbers: a stage reads one and writes the other. */
typedef struct Transform {
    Code *code;
    uint32_t factors, rows;
    LoopInstruction *n;
} Transform;

/* What one stage knows, under the names of the formula above; `x` and `y` are where its rows begin. */
typedef struct Stage {
    LoopInstruction *left, *s, *p, *m, *x, *y;
} Stage;

/* The smallest prime factor of a number above 1. */
static LoopInstruction *smallest_factor(Code *code, LoopInstruction *number) {
    LoopInstruction *two = code_integer(code, 2), *zero = code_integer(code, 0);
    LoopInstruction *loop = code_while(code, &two, 1);
    LoopInstruction *p = loop->carried[0];
    LoopInstruction *is_none = code_not_equal(code, code_remainder(code, number, p), zero);
    LoopInstruction *may_be = code_less_equal(code, code_multiply(code, p, p), number);
    code_do(code, code_and(code, is_none, may_be));
    LoopInstruction *next = code_plus(code, p, 1);
    code_while_end(code, &next, 1);
    p = loop->results[0];
    LoopInstruction *divides = code_equal(code, code_remainder(code, number, p), zero);
    return code_select(code, divides, p, number);
}

static Complex element(const Transform *t, const Stage *g, LoopInstruction *q, LoopInstruction *j,
                       LoopInstruction *k) {
    Code *code = t->code;
    LoopInstruction *at = code_add(code, j, code_multiply(code, g->m, k));
    at = code_add(code, q, code_multiply(code, g->s, at));
    return load_complex(code, t->rows, code_add(code, g->x, at));
}

/* e^(-+ 2 pi i number / of), where `of` divides n and number < of. */
static Complex factor(const Transform *t, LoopInstruction *number, LoopInstruction *step) {
    return load_complex(t->code, t->factors, code_multiply(t->code, number, step));
}

static void give(const Transform *t, const Stage *g, LoopInstruction *q, LoopInstruction *j,
                 LoopInstruction *r, Complex value) {
    Code *code = t->code;
    LoopInstruction *at = code_add(code, code_multiply(code, g->p, j), r);
    at = code_add(code, q, code_multiply(code, g->s, at));
    store_complex(code, t->rows, code_add(code, g->y, at), value);
}

/* The step from e^(2 pi i / n) to e^(2 pi i / left) is s, as left * s = n. */
static void stage_of_two(const Transform *t, const Stage *g) {
    Code *code = t->code;
    LoopInstruction *zero = code_integer(code, 0), *one = code_integer(code, 1);
    LoopInstruction *j = code_for(code, zero, g->m, NULL, 0);
    Complex turn = factor(t, j->index, g->s);
    LoopInstruction *q = code_for(code, zero, g->s, NULL, 0);
    Complex a = element(t, g, q->index, j->index, zero), b = element(t, g, q->index, j->index, one);
    give(t, g, q->index, j->index, zero, add(code, a, b));
    give(t, g, q->index, j->index, one, multiply(code, subtract(code, a, b), turn));
    code_for_end(code, NULL, 0);
    code_for_end(code, NULL, 0);
}

static void stage_of_any(const Transform *t, const Stage *g) {
    Code *code = t->code;
    LoopInstruction *zero = code_integer(code, 0), *one = code_integer(code, 1);
    LoopInstruction *of_p = code_multiply(code, g->m, g->s);
    LoopInstruction *j = code_for(code, zero, g->m, NULL, 0);
    LoopInstruction *r = code_for(code, zero, g->p, NULL, 0);
    Complex turn = factor(t, code_multiply(code, j->index, r->index), g->s);
    LoopInstruction *q = code_for(code, zero, g->s, NULL, 0);
    Complex first = element(t, g, q->index, j->index, zero);
    LoopInstruction *k =
        code_for(code, one, g->p, (LoopInstruction *[]){first.real, first.imaginary, r->index}, 3);
    Complex sum = {k->carried[0], k->carried[1]};
    Complex part =
        multiply(code, element(t, g, q->index, j->index, k->index), factor(t, k->carried[2], of_p));
    sum = add(code, sum, part);
    /* k r modulo p goes on by r. */
    LoopInstruction *place = code_add(code, k->carried[2], r->index);
    place =
        code_select(code, code_less(code, place, g->p), place, code_subtract(code, place, g->p));
    code_for_end(code, (LoopInstruction *[]){sum.real, sum.imaginary, place}, 3);
    give(t, g, q->index, j->index, r->index,
         multiply(code, (Complex){k->results[0], k->results[1]}, turn));
    code_for_end(code, NULL, 0);
    code_for_end(code, NULL, 0);
    code_for_end(code, NULL, 0);
}

/* Transforms the first row; gives where the row of the results begins. */
static LoopInstruction *transform_row(const Transform *t) {
    Code *code = t->code;
    LoopInstruction *zero = code_integer(code, 0), *one = code_integer(code, 1);
    LoopInstruction *loop = code_while(code, (LoopInstruction *[]){t->n, one, zero}, 3);
    Stage g = {.left = loop->carried[0], .s = loop->carried[1], .x = loop->carried[2]};
    code_do(code, code_less(code, one, g.left));
    g.p = smallest_factor(code, g.left);
    g.m = code_divide(code, g.left, g.p);
    g.y = code_subtract(code, t->n, g.x);
    code_if(code, code_equal(code, g.p, code_integer(code, 2)));
    stage_of_two(t, &g);
    code_else(code, NULL, 0);
    stage_of_any(t, &g);
    code_if_end(code, NULL, 0);
    code_while_end(code, (LoopInstruction *[]){g.m, code_multiply(code, g.s, g.p), g.y}, 3);
    return loop->results[2];
}

/* ---- signals ---- */

/* A tensor [outer, along, inner, parts] whose rows stand along the second dimension. */
typedef struct Rows {
    uint32_t buffer;
    tfcc_dtype dtype;
    LoopInstruction *along, *inner, *parts;
} Rows;

static LoopInstruction *row_offset(Code *code, const Rows *rows, LoopInstruction *outer,
                                   LoopInstruction *number, LoopInstruction *inner) {
    LoopInstruction *at = code_add(code, code_multiply(code, outer, rows->along), number);
    at = code_add(code, code_multiply(code, at, rows->inner), inner);
    return code_multiply(code, at, rows->parts);
}

/* Elements `first` … of a row, times the window if there is one, into the scratch memory; what is
 * behind its end counts as 0. */
static void load_row(const Transform *t, const Rows *from, LoopInstruction *outer,
                     LoopInstruction *inner, LoopInstruction *first, const uint32_t *window,
                     tfcc_dtype real) {
    Code *code = t->code;
    LoopInstruction *each = code_for(code, code_integer(code, 0), t->n, NULL, 0);
    LoopInstruction *number = code_add(code, first, each->index);
    LoopInstruction *exists = code_less(code, number, from->along);
    LoopInstruction *is_complex = code_less(code, code_integer(code, 1), from->parts);
    LoopInstruction *at = row_offset(code, from, outer, number, inner);
    Complex x = {code_load_if(code, from->buffer, at, exists),
                 code_load_if(code, from->buffer, code_plus(code, at, 1),
                              code_and(code, exists, is_complex))};
    x = (Complex){code_convert(code, real, x.real), code_convert(code, real, x.imaginary)};
    if (window) {
        LoopInstruction *weight = code_convert(code, real, code_load(code, *window, each->index));
        x = (Complex){code_multiply(code, x.real, weight),
                      code_multiply(code, x.imaginary, weight)};
    }
    store_complex(code, t->rows, each->index, x);
    code_for_end(code, NULL, 0);
}

/* Result number `number` of a row that begins at `row`. Those of real numbers are in pairs, y[n - k]
 * the conjugate of y[k], which the rounding of the sums does not know: half of what the two add up
 * to. */
static Complex result_of(const Transform *t, const Rows *from, LoopInstruction *row,
                         LoopInstruction *number) {
    Code *code = t->code;
    LoopInstruction *zero = code_integer(code, 0);
    LoopInstruction *other =
        code_select(code, code_equal(code, number, zero), zero, code_subtract(code, t->n, number));
    LoopInstruction *is_real = code_equal(code, from->parts, code_integer(code, 1));
    other = code_select(code, is_real, other, number);
    Complex y = load_complex(code, t->rows, code_add(code, row, number)),
            z = load_complex(code, t->rows, code_add(code, row, other));
    LoopInstruction *two = code_constant(code, y.real->type.dtype, 2);
    Complex half = {code_divide(code, code_add(code, y.real, z.real), two),
                    code_divide(code, code_subtract(code, y.imaginary, z.imaginary), two)};
    return (Complex){code_select(code, is_real, half.real, y.real),
                     code_select(code, is_real, half.imaginary, y.imaginary)};
}

/* The results, which begin at `row`, times `scale` if there is one. */
static void store_row(const Transform *t, const Rows *from, const Rows *to, LoopInstruction *outer,
                      LoopInstruction *inner, LoopInstruction *row, LoopInstruction *scale) {
    Code *code = t->code;
    LoopInstruction *each = code_for(code, code_integer(code, 0), to->along, NULL, 0);
    Complex y = result_of(t, from, row, each->index);
    if (scale)
        y = (Complex){code_multiply(code, y.real, scale), code_multiply(code, y.imaginary, scale)};
    LoopInstruction *at = row_offset(code, to, outer, each->index, inner);
    code_store(code, to->buffer, at, y.real);
    code_store(code, to->buffer, code_plus(code, at, 1), y.imaginary);
    code_for_end(code, NULL, 0);
}

static tfcc_dtype real_of(const Buffer *signal) {
    return signal->type.dtype == TFCC_FLOAT64 ? TFCC_FLOAT64 : TFCC_FLOAT32;
}

/* Along an axis that may be known only when the run tells: `is_axis` is 1 for it and 0 for all
 * others, so that sizes in front of it, along it and behind it are products and sums over all. */
void lower_dft(LowerContext *c);
void lower_dft(LowerContext *c) {
    Buffer *input = lower_input(c, "input"), *output = lower_output(c, 0);
    DimTable *dims = c->dims;
    int rank = input->type.shape.rank;
    bool inverse = node_attribute_bool(c->node, "inverse");
    tfcc_dtype real = real_of(input);
    Value *axis = lower_input_value(c, "axis"), *length = lower_input_value(c, "dft_length");
    Dim named = axis ? axis->elements[0] : dim_constant(dims, -2), one = dim_constant(dims, 1),
        zero = dim_constant(dims, 0);
    Dim size = zero, result = zero, front = one, behind = one, is_behind = zero;
    for (int d = 0; d < rank - 1; d++) {
        Dim is_axis = axis_is(dims, named, d, rank), own = input->type.shape.dims[d];
        size = dim_add(dims, size, dim_multiply(dims, is_axis, own));
        result = dim_add(dims, result, dim_multiply(dims, is_axis, output->type.shape.dims[d]));
        behind = dim_multiply(dims, behind, dim_select(dims, is_behind, own, one));
        is_behind = dim_add(dims, is_behind, is_axis);
        front = dim_multiply(dims, front, dim_select(dims, is_behind, one, own));
    }
    Dim n = length ? length->elements[0] : size;
    Buffer *factors = make_factors(c, n, real, inverse);
    Code code;
    code_begin(&code, c);
    Rows from = {.buffer = code_input(&code, input)}, to = {.buffer = code_output(&code, output)};
    Transform t = {.code = &code, .factors = code_input(&code, factors)};
    t.rows = code_scratch(&code, real, dim_multiply(dims, n, dim_constant(dims, 4)));
    t.n = code_size(&code, n);
    from.along = code_size(&code, size);
    to.along = code_size(&code, result);
    from.inner = to.inner = code_size(&code, behind);
    from.parts = code_size(&code, input->type.shape.dims[rank - 1]);
    to.parts = code_integer(&code, 2);
    LoopInstruction *scale =
        inverse ? code_divide(&code, code_constant(&code, real, 1), code_convert(&code, real, t.n))
                : NULL;
    LoopInstruction *none = code_integer(&code, 0);
    LoopInstruction *outer = code_for(&code, none, code_size(&code, front), NULL, 0);
    LoopInstruction *inner = code_for(&code, none, from.inner, NULL, 0);
    load_row(&t, &from, outer->index, inner->index, none, NULL, real);
    store_row(&t, &from, &to, outer->index, inner->index, transform_row(&t), scale);
    code_for_end(&code, NULL, 0);
    code_for_end(&code, NULL, 0);
    code_end(&code);
}

/* Frame f of a signal begins at element f * step. */
void lower_stft(LowerContext *c);
void lower_stft(LowerContext *c) {
    Buffer *signal = lower_input(c, "signal"), *window = lower_input(c, "window"),
           *output = lower_output(c, 0);
    tfcc_dtype real = real_of(signal);
    const Shape *shape = &signal->type.shape;
    Value *step = lower_input_value(c, "frame_step"),
          *length = lower_input_value(c, "frame_length");
    Dim n = length ? length->elements[0] : window ? window->type.shape.dims[0] : shape->dims[1];
    Buffer *factors = make_factors(c, n, real, false);
    Code code;
    code_begin(&code, c);
    Rows from = {.buffer = code_input(&code, signal)}, to = {.buffer = code_output(&code, output)};
    uint32_t weights = window ? code_input(&code, window) : 0;
    Transform t = {.code = &code, .factors = code_input(&code, factors)};
    t.rows = code_scratch(&code, real, dim_multiply(c->dims, n, dim_constant(c->dims, 4)));
    t.n = code_size(&code, n);
    LoopInstruction *none = code_integer(&code, 0),
                    *frames = code_size(&code, output->type.shape.dims[1]);
    from.along = code_size(&code, shape->dims[1]);
    to.along = code_size(&code, output->type.shape.dims[2]);
    from.inner = to.inner = code_integer(&code, 1);
    from.parts = code_size(&code, shape->dims[2]);
    to.parts = code_integer(&code, 2);
    LoopInstruction *hop = code_size(&code, step->elements[0]);
    LoopInstruction *batch = code_for(&code, none, code_size(&code, shape->dims[0]), NULL, 0);
    LoopInstruction *frame = code_for(&code, none, frames, NULL, 0);
    load_row(&t, &from, batch->index, none, code_multiply(&code, frame->index, hop),
             window ? &weights : NULL, real);
    LoopInstruction *row =
        code_add(&code, code_multiply(&code, batch->index, frames), frame->index);
    store_row(&t, &from, &to, row, none, transform_row(&t), NULL);
    code_for_end(&code, NULL, 0);
    code_for_end(&code, NULL, 0);
    code_end(&code);
}
