/* lower_random.c: random numbers: each element is a function of the seed, the session's count of
 * drawing runs, and its position.
 *
 * Word n of a stream is word n % 4 of the Philox block with key = seed and counter (n / 4, runs).
 * Elements of 32 bits and fewer use one word each, those of 64 bits two; a pair of normal numbers
 * uses the words of both. So nothing depends on the order in which elements are computed. The seed
 * is the attribute, or a hash of the node's label and of how many nodes before it bear the same.
 */
#include "kernels/lower.h"
#include "kernels/scalar_evaluate.h"
#include "support/map.h"
#include <math.h>
#include <string.h>

typedef struct Draw {
    LowerContext *c;
    Kernel *k;
    Buffer *output;
    tfcc_dtype dtype;   /* of the output */
    tfcc_dtype working; /* in which the number is computed: float64 for float64, else float32 */
    Dim axes[MAX_RANK];
    Dim position; /* row-major number of the element */
    Scalar *seed, *runs;
} Draw;

static uint64_t seed_of(LowerContext *c) {
    const Argument *seed = node_argument(c->node, "seed");
    if (seed->kind == ARGUMENT_INTEGER) return (uint64_t)seed->as.integer;
    uint64_t ordinal = 0;
    for (size_t n = 0; n < c->graph->node_count && c->graph->nodes[n] != c->node; n++)
        if ((c->graph->nodes[n]->row->effects & DRAWS) &&
            strcmp(c->graph->nodes[n]->label, c->node->label) == 0)
            ordinal++;
    return hash_bytes(c->node->label, strlen(c->node->label)) +
           ordinal * UINT64_C(0x9e3779b97f4a7c15);
}

static Draw draw_begin(LowerContext *c) {
    Draw d = {.c = c, .output = lower_output(c, 0)};
    d.dtype = d.output->type.dtype;
    d.working = d.dtype == TFCC_FLOAT64 ? TFCC_FLOAT64 : TFCC_FLOAT32;
    const Shape *shape = &d.output->type.shape;
    Shape scalar = shape_scalar();
    Buffer *runs = program_add_buffer(c->program, TFCC_ABI_RANDOM, c->node->label,
                                      (Type){TFCC_UINT64, scalar});
    d.k = lower_kernel_over(c, shape, d.axes);
    d.position = dim_constant(c->dims, 0);
    for (int k = 0; k < shape->rank; k++)
        d.position = dim_add(c->dims, dim_multiply(c->dims, d.position, shape->dims[k]), d.axes[k]);
    d.seed = scalar_constant_bits(d.k, TFCC_UINT64, seed_of(c));
    d.runs = scalar_load(d.k, runs, NULL);
    return d;
}

static Scalar *word(Draw *d, Scalar *number) {
    return scalar_random_bits(d->k, d->seed, d->runs, scalar_convert(d->k, TFCC_UINT64, number));
}

/* 2 n and 2 n + 1 joined, the first in the high half. */
static Scalar *double_word(Draw *d, Scalar *n) {
    Kernel *k = d->k;
    Scalar *first = scalar_multiply(k, n, scalar_integer(k, TFCC_INT64, 2));
    Scalar *second = scalar_add(k, first, scalar_integer(k, TFCC_INT64, 1));
    Scalar *high = scalar_convert(k, TFCC_UINT64, word(d, first)),
           *low = scalar_convert(k, TFCC_UINT64, word(d, second));
    return scalar_or(
        k, scalar_binary(k, SCALAR_SHIFT_LEFT, high, scalar_integer(k, TFCC_UINT64, 32)), low);
}

/* The top `bits` bits of unit n (a word, or a double word for float64) plus `offset`, times
 * 2^-bits: in [0, 1) for offset 0, (0, 1] for 1. */
static Scalar *fraction(Draw *d, Scalar *n, int bits, int offset) {
    Kernel *k = d->k;
    bool is_wide = d->working == TFCC_FLOAT64;
    Scalar *raw = is_wide ? double_word(d, n) : word(d, n);
    int width = is_wide ? 64 : 32;
    Scalar *top =
        scalar_binary(k, SCALAR_SHIFT_RIGHT, raw, scalar_integer(k, raw->dtype, width - bits));
    Scalar *number =
        scalar_convert(k, d->working, scalar_bitcast(k, is_wide ? TFCC_INT64 : TFCC_INT32, top));
    if (offset) number = scalar_add(k, number, scalar_like(k, number, offset));
    return scalar_multiply(k, number, scalar_like(k, number, ldexp(1.0, -bits)));
}

/* As many bits as the dtype keeps of a fraction. */
static int fraction_bits(tfcc_dtype dtype) {
    switch (dtype) {
    case TFCC_FLOAT64: return 53;
    case TFCC_FLOAT16: return 11;
    case TFCC_BFLOAT16: return 8;
    default: return 24;
    }
}

/* ---- uniform ---- */

/* The largest number below a: one bit pattern less, or more where a is not positive. */
static Scalar *number_below(Kernel *k, Scalar *a) {
    tfcc_dtype bits_dtype = dtype_size(a->dtype) == 8   ? TFCC_INT64
                            : dtype_size(a->dtype) == 4 ? TFCC_INT32
                                                        : TFCC_INT16;
    Scalar *zero = scalar_like(k, a, 0);
    Scalar *is_zero = scalar_equal(k, a, zero);
    Scalar *bits = scalar_bitcast(k, bits_dtype, a), *one = scalar_integer(k, bits_dtype, 1);
    Scalar *moved = scalar_select(k, scalar_less(k, zero, a), scalar_subtract(k, bits, one),
                                  scalar_add(k, bits, one));
    Scalar *lowest = scalar_bitcast(k, a->dtype, moved);
    Scalar *least = scalar_negate(k, scalar_bitcast(k, a->dtype, one));
    return scalar_select(k, is_zero, least, lowest);
}

/* low + u (high - low), kept below high where rounding would reach it. */
static Scalar *uniform_float(Draw *d, Scalar *low, Scalar *high) {
    Kernel *k = d->k;
    Scalar *u = fraction(d, scalar_index(k, d->position), fraction_bits(d->dtype), 0);
    Scalar *wide_low = scalar_convert(k, d->working, low),
           *wide_high = scalar_convert(k, d->working, high);
    Scalar *number =
        scalar_add(k, wide_low, scalar_multiply(k, u, scalar_subtract(k, wide_high, wide_low)));
    number = scalar_convert(k, d->dtype, number);
    Scalar *largest = scalar_select(k, scalar_less(k, low, high), number_below(k, high), low);
    return scalar_select(k, scalar_less(k, number, high), number, largest);
}

/* low + bits % (high - low), on unsigned numbers; TensorFlow's way, with its slight preference for
 * small numbers. */
static Scalar *uniform_integer(Draw *d, Scalar *low, Scalar *high) {
    Kernel *k = d->k;
    bool is_wide = dtype_size(d->dtype) == 8;
    tfcc_dtype bits = is_wide ? TFCC_UINT64 : TFCC_UINT32;
    Scalar *n = scalar_index(k, d->position), *raw = is_wide ? double_word(d, n) : word(d, n);
    Scalar *range = scalar_bitcast(k, bits, scalar_subtract(k, high, low));
    return scalar_add(k, low, scalar_bitcast(k, d->dtype, scalar_remainder(k, raw, range)));
}

static Scalar *load_limit(Kernel *k, Buffer *limit, tfcc_dtype dtype, int64_t otherwise) {
    return limit ? scalar_load(k, limit, (const Dim[MAX_RANK]){NULL})
                 : scalar_integer(k, dtype, otherwise);
}

void lower_random_uniform(LowerContext *c);
void lower_random_uniform(LowerContext *c) {
    Buffer *minval = lower_input(c, "minval"), *maxval = lower_input(c, "maxval");
    tfcc_dtype dtype = c->node->outputs[0]->type.dtype;
    if (!dtype_is_float(dtype)) {
        Kernel *check = lower_check_kernel(c);
        Scalar *values[2] = {load_limit(check, minval, dtype, 0),
                             load_limit(check, maxval, dtype, 1)};
        kernel_check(check, scalar_less(check, values[0], values[1]), TFCC_INVALID_ARGUMENT,
                     lower_message(c, "Need minval < maxval, got %0 >= %1"), values, 2);
    }
    Draw d = draw_begin(c);
    Scalar *low = load_limit(d.k, minval, dtype, 0), *high = load_limit(d.k, maxval, dtype, 1);
    kernel_store(d.k, d.output,
                 dtype_is_float(dtype) ? uniform_float(&d, low, high)
                                       : uniform_integer(&d, low, high));
}

/* ---- normal ---- */

/* Box and Muller: of a pair of fractions u, v the even element is sqrt(-2 ln u) cos(2 pi v), the
 * odd one that with sin. */
static Scalar *standard_normal(Draw *d) {
    Kernel *k = d->k;
    DimTable *dims = d->c->dims;
    Dim two = dim_constant(dims, 2);
    Scalar *odd = scalar_index(k, dim_modulo(dims, d->position, two));
    Dim first = dim_multiply(dims, dim_floor_divide(dims, d->position, two), two);
    int bits = d->working == TFCC_FLOAT64 ? 53 : 24;
    Scalar *u = fraction(d, scalar_index(k, first), bits, 1);
    Scalar *v = fraction(d, scalar_index(k, dim_add(dims, first, dim_constant(dims, 1))), bits, 0);
    Scalar *radius = scalar_unary(
        k, SCALAR_SQRT, scalar_multiply(k, scalar_like(k, u, -2), scalar_unary(k, SCALAR_LOG, u)));
    Scalar *angle = scalar_multiply(k, scalar_like(k, v, 6.283185307179586476925), v);
    Scalar *is_even = scalar_equal(k, odd, scalar_integer(k, TFCC_INT64, 0));
    Scalar *turn = scalar_select(k, is_even, scalar_unary(k, SCALAR_COS, angle),
                                 scalar_unary(k, SCALAR_SIN, angle));
    return scalar_multiply(k, radius, turn);
}

void lower_random_normal(LowerContext *c);
void lower_random_normal(LowerContext *c) {
    Draw d = draw_begin(c);
    Scalar *number = standard_normal(&d);
    Scalar *spread = scalar_like(d.k, number, node_attribute_float(c->node, "stddev"));
    Scalar *mean = scalar_like(d.k, number, node_attribute_float(c->node, "mean"));
    kernel_store(d.k, d.output, scalar_add(d.k, scalar_multiply(d.k, number, spread), mean));
}

/* ---- truncated normal ---- */

static Scalar *polynomial(Kernel *k, Scalar *x, const double *coefficients, size_t count) {
    Scalar *sum = scalar_like(k, x, coefficients[0]);
    for (size_t n = 1; n < count; n++)
        sum = scalar_add(k, scalar_multiply(k, sum, x), scalar_like(k, x, coefficients[n]));
    return sum;
}

/* The inverse of erf for |x| < 0.96: Giles, "Approximating the erfinv function", 2010, its central
 * branches. */
static Scalar *inverse_erf(Kernel *k, Scalar *x) {
    static const double narrow[] = {2.81022636e-08,  3.43273939e-07, -3.5233877e-06,
                                    -4.39150654e-06, 0.00021858087,  -0.00125372503,
                                    -0.00417768164,  0.246640727,    1.50140941};
    static const double wide[] = {
        -3.6444120640178196996e-21, -1.685059138182016589e-19,  1.2858480715256400167e-18,
        1.115787767802518096e-17,   -1.333171662854620906e-16,  2.0972767875968561637e-17,
        6.6376381343583238325e-15,  -4.0545662729752068639e-14, -8.1519341976054721522e-14,
        2.6335093153082322977e-12,  -1.2975133253453532498e-11, -5.4154120542946279317e-11,
        1.051212273321532285e-09,   -4.1126339803469836976e-09, -2.9070369957882005086e-08,
        4.2347877827932403518e-07,  -1.3654692000834678645e-06, -1.3882523362786468719e-05,
        0.0001867342080340571352,   -0.00074070253416626697512, -0.0060336708714301490533,
        0.24015818242558961693,     1.6536545626831027356};
    bool is_wide = x->dtype == TFCC_FLOAT64;
    Scalar *one = scalar_like(k, x, 1);
    Scalar *product = scalar_multiply(k, scalar_subtract(k, one, x), scalar_add(k, one, x));
    Scalar *w = scalar_subtract(k, scalar_negate(k, scalar_unary(k, SCALAR_LOG, product)),
                                scalar_like(k, x, is_wide ? 3.125 : 2.5));
    Scalar *factor = is_wide ? polynomial(k, w, wide, sizeof wide / sizeof *wide)
                             : polynomial(k, w, narrow, sizeof narrow / sizeof *narrow);
    return scalar_multiply(k, factor, x);
}

/* A normal number given that it lies within two deviations: with u uniform in [-1, 1), sqrt 2
 * erfinv(u erf(sqrt 2)). The distribution is that of drawing again until it fits, without the
 * drawing again. */
static Scalar *standard_truncated(Draw *d) {
    Kernel *k = d->k;
    Scalar *u = fraction(d, scalar_index(k, d->position), d->working == TFCC_FLOAT64 ? 53 : 24, 0);
    Scalar *centred =
        scalar_subtract(k, scalar_multiply(k, u, scalar_like(k, u, 2)), scalar_like(k, u, 1));
    Scalar *inner = scalar_multiply(k, centred, scalar_like(k, u, 0.95449973610364158560));
    Scalar *number =
        scalar_multiply(k, inverse_erf(k, inner), scalar_like(k, u, 1.41421356237309504880));
    return scalar_maximum(k, scalar_minimum(k, number, scalar_like(k, u, 2)),
                          scalar_like(k, u, -2));
}

void lower_truncated_normal(LowerContext *c);
void lower_truncated_normal(LowerContext *c) {
    Draw d = draw_begin(c);
    Scalar *number = standard_truncated(&d);
    Scalar *spread = scalar_like(d.k, number, node_attribute_float(c->node, "stddev"));
    Scalar *mean = scalar_like(d.k, number, node_attribute_float(c->node, "mean"));
    kernel_store(d.k, d.output, scalar_add(d.k, scalar_multiply(d.k, number, spread), mean));
}

/* ---- initializers scaled by the sizes of the layer ---- */

/* [.., in, out] has (product of ..) * in inputs and (product of ..) * out outputs; a vector as many
 * of both, a scalar one. */
static void count_fans(DimTable *dims, const Shape *shape, Dim *fan_in, Dim *fan_out) {
    Dim field = dim_constant(dims, 1);
    for (int k = 0; k < shape->rank - 2; k++) field = dim_multiply(dims, field, shape->dims[k]);
    *fan_in = *fan_out = field;
    if (shape->rank > 0) *fan_out = dim_multiply(dims, field, shape->dims[shape->rank - 1]);
    if (shape->rank > 0)
        *fan_in = dim_multiply(dims, field, shape->dims[shape->rank - (shape->rank > 1 ? 2 : 1)]);
}

/* sqrt(numerator / max(fan, 1)), in the working dtype. */
static Scalar *deviation(Draw *d, double numerator, Dim fan) {
    Kernel *k = d->k;
    Dim divisor = dim_maximum(d->c->dims, fan, dim_constant(d->c->dims, 1));
    Scalar *count = scalar_convert(k, d->working, scalar_index(k, divisor));
    return scalar_unary(k, SCALAR_SQRT, scalar_divide(k, scalar_like(k, count, numerator), count));
}

void lower_glorot_uniform(LowerContext *c);
void lower_glorot_uniform(LowerContext *c) {
    Draw d = draw_begin(c);
    Dim fan_in, fan_out;
    count_fans(c->dims, &d.output->type.shape, &fan_in, &fan_out);
    Scalar *limit =
        scalar_convert(d.k, d.dtype, deviation(&d, 6, dim_add(c->dims, fan_in, fan_out)));
    kernel_store(d.k, d.output, uniform_float(&d, scalar_negate(d.k, limit), limit));
}

/* The deviation of a standard normal number that has been cut at two: the result shall have the
 * deviation asked for. */
static const double truncated_deviation = 0.87962566103423978;

static void lower_scaled_normal(LowerContext *c, bool by_both) {
    Draw d = draw_begin(c);
    Dim fan_in, fan_out;
    count_fans(c->dims, &d.output->type.shape, &fan_in, &fan_out);
    Scalar *spread = deviation(&d, 2, by_both ? dim_add(c->dims, fan_in, fan_out) : fan_in);
    spread = scalar_divide(d.k, spread, scalar_like(d.k, spread, truncated_deviation));
    kernel_store(d.k, d.output, scalar_multiply(d.k, standard_truncated(&d), spread));
}

void lower_glorot_normal(LowerContext *c);
void lower_glorot_normal(LowerContext *c) {
    lower_scaled_normal(c, true);
}

void lower_he_normal(LowerContext *c);
void lower_he_normal(LowerContext *c) {
    lower_scaled_normal(c, false);
}
