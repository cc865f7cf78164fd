/* math_log.c: logarithms, the inverse hyperbolic functions, powers. */
#include "kernels/math_internal.h"

/* With s = f / (2 + f) and z = s^2: (log(1 + f) - 2 s) / (s z), for z <= 0.0296. Relative error
 * 3e-18 and 2e-9. */
static const double log_float64[] = {
    0.6666666666666666,  0.4000000000000091, 0.2857142857078221, 0.22222222396553046,
    0.18181795124471498, 0.1538626767311481, 0.1326802613518756, 0.13094416713764556,
};
static const double log_float32[] = {
    0.6666666865348816,
    0.4000012278556824,
    0.28550586104393005,
    0.23336811363697052,
};
/* The same without its leading 2/3, over z. */
static const double log_tail[] = {
    0.4,
    0.28571428571429397,
    0.22222222221636845,
    0.1818181833969769,
    0.1538459450380513,
    0.13334829574117188,
    0.11705571890930218,
    0.11730107904678273,
};

/* x = 2^k (1 + f) with 1 + f between the roots of 1/2 and 2; x positive and finite, denormals
 * included. */
static void split(Math m, Scalar *x, Scalar **k, Scalar **f) {
    int mantissa = is_float32(m) ? 23 : 52;
    Scalar *is_small = less(m, x, number(m, is_float32(m) ? 0x1p-126 : 0x1p-1022));
    Scalar *scaled =
        choose(m, is_small, multiply(m, x, number(m, is_float32(m) ? 0x1p25 : 0x1p54)), x);
    Scalar *correction = choose(m, is_small, integer(m, is_float32(m) ? -25 : -54), integer(m, 0));
    /* Adding the distance from the root of 1/2 to 1 carries into the exponent exactly where the
     * mantissa is above the root of 2. */
    int64_t root = is_float32(m) ? 0x3f3504f3 : 0x3fe6a09e667f3bcd;
    Scalar *bits = scalar_binary(m.kernel, SCALAR_SUBTRACT, to_bits(m, scaled), integer(m, root));
    Scalar *exponent = scalar_binary(m.kernel, SCALAR_SHIFT_RIGHT, bits, integer(m, mantissa));
    Scalar *mask = integer(m, ((int64_t)1 << mantissa) - 1);
    Scalar *fraction = scalar_binary(m.kernel, SCALAR_AND, bits, mask);
    Scalar *reduced = from_bits(m, scalar_binary(m.kernel, SCALAR_ADD, fraction, integer(m, root)));
    *f = subtract(m, reduced, number(m, 1));
    exponent = scalar_binary(m.kernel, SCALAR_ADD, exponent, correction);
    /* An integer below 2^22 in size to floating point, by bits alone. */
    Scalar *magic = number(m, is_float32(m) ? 0x1.8p23 : 0x1.8p52);
    *k = subtract(m, from_bits(m, scalar_binary(m.kernel, SCALAR_ADD, exponent, to_bits(m, magic))),
                  magic);
}

static double ln2_high(Math m) {
    return is_float32(m) ? 0x1.62e3p-1 : 0x1.62e42feep-1;
}
static double ln2_low(Math m) {
    return is_float32(m) ? 0x1.2fefa2p-17 : 0x1.a39ef35793c76p-33;
}

/* Zero, infinity, negative numbers and NaN. */
static Scalar *log_edges(Math m, Scalar *x, Scalar *result) {
    result = choose(m, equal(m, x, number(m, 0)), number(m, -__builtin_inf()), result);
    result = choose(m, less(m, x, number(m, 0)), number(m, __builtin_nan("")), result);
    result = choose(m, equal(m, x, number(m, __builtin_inf())), x, result);
    return choose(m, equal(m, x, x), result, x);
}

/* k ln 2 - ((f^2/2 - (s (f^2/2 + z P(z)) + k ln 2_low)) - f), as in fdlibm; below 1 ulp. */
Scalar *math_log(Math m, Scalar *x) {
    Scalar *k, *f;
    split(m, x, &k, &f);
    Scalar *s = divide(m, f, add(m, number(m, 2), f));
    Scalar *z = multiply(m, s, s);
    Scalar *r = multiply(m, z,
                         is_float32(m) ? math_polynomial(m, z, log_float32, 4)
                                       : math_polynomial(m, z, log_float64, 8));
    Scalar *half = multiply(m, multiply(m, number(m, 0.5), f), f);
    Scalar *inner = add(m, multiply(m, s, add(m, half, r)), multiply(m, k, number(m, ln2_low(m))));
    Scalar *fraction = subtract(m, subtract(m, half, inner), f);
    Scalar *result = subtract(m, multiply(m, k, number(m, ln2_high(m))), fraction);
    return log_edges(m, x, result);
}

/* log(u) + (x - (u - 1)) / u with u = 1 + x rounded: the second term makes up for the rounding. */
Scalar *math_log1p(Math m, Scalar *x) {
    Scalar *one = number(m, 1), *u = add(m, one, x);
    Scalar *lost = divide(m, subtract(m, x, subtract(m, u, one)), u);
    Scalar *result = add(m, math_log(m, u), lost);
    result = choose(m, equal(m, u, one), x, result);
    Scalar *infinity = number(m, __builtin_inf());
    result = choose(m, equal(m, x, infinity), x, result);
    return choose(m, equal(m, x, number(m, -1)), negate(m, infinity), result);
}

/* a = |x|: log1p(a + a^2 / (1 + sqrt(1 + a^2))); log(a) + ln 2 where a^2 would overflow. */
Scalar *math_asinh(Math m, Scalar *x) {
    Scalar *a = absolute(m, x), *square = multiply(m, a, a), *one = number(m, 1);
    Scalar *root = square_root(m, add(m, one, square));
    Scalar *near = math_log1p(m, add(m, a, divide(m, square, add(m, one, root))));
    Scalar *far = add(m, math_log(m, a), number(m, 0x1.62e42fefa39efp-1));
    Scalar *limit = number(m, is_float32(m) ? 0x1p13 : 0x1p28);
    return math_copy_sign(m, choose(m, less(m, limit, a), far, near), x);
}

/* t = x - 1: log1p(t + sqrt(2 t + t^2)); NaN below 1. */
Scalar *math_acosh(Math m, Scalar *x) {
    Scalar *t = subtract(m, x, number(m, 1));
    Scalar *root = square_root(m, add(m, add(m, t, t), multiply(m, t, t)));
    Scalar *near = math_log1p(m, add(m, t, root));
    Scalar *far = add(m, math_log(m, x), number(m, 0x1.62e42fefa39efp-1));
    Scalar *result = choose(m, less(m, number(m, is_float32(m) ? 0x1p13 : 0x1p28), x), far, near);
    return choose(m, less(m, x, number(m, 1)), number(m, __builtin_nan("")), result);
}

/* a = |x|: log1p(2 a / (1 - a)) / 2. */
Scalar *math_atanh(Math m, Scalar *x) {
    Scalar *a = absolute(m, x);
    Scalar *quotient = divide(m, add(m, a, a), subtract(m, number(m, 1), a));
    Scalar *result = multiply(m, number(m, 0.5), math_log1p(m, quotient));
    return math_copy_sign(m, result, x);
}

/* ---- powers ---- */

/* An unevaluated sum of two float64, the second at most half an ulp of the first. */
typedef struct Pair {
    Scalar *high, *low;
} Pair;

static Pair fast_sum(Math m, Scalar *a, Scalar *b) { /* |a| >= |b| or a = 0 */
    Scalar *sum = add(m, a, b);
    return (Pair){sum, subtract(m, b, subtract(m, sum, a))};
}

static Pair exact_sum(Math m, Scalar *a, Scalar *b) {
    Scalar *sum = add(m, a, b), *part = subtract(m, sum, a);
    Scalar *error = add(m, subtract(m, a, subtract(m, sum, part)), subtract(m, b, part));
    return (Pair){sum, error};
}

static Pair halves(Math m, Scalar *a) { /* Dekker: 26 bits each */
    Scalar *c = multiply(m, a, number(m, 0x1.0000002p27));
    Scalar *high = subtract(m, c, subtract(m, c, a));
    return (Pair){high, subtract(m, a, high)};
}

static Pair exact_product(Math m, Scalar *a, Scalar *b) {
    Pair x = halves(m, a), y = halves(m, b);
    Scalar *product = multiply(m, a, b);
    Scalar *error = subtract(m, multiply(m, x.high, y.high), product);
    error = add(m, add(m, error, multiply(m, x.high, y.low)), multiply(m, x.low, y.high));
    return (Pair){product, add(m, error, multiply(m, x.low, y.low))};
}

static Pair pair_product(Math m, Pair a, Pair b) {
    Pair product = exact_product(m, a.high, b.high);
    Scalar *cross = add(m, multiply(m, a.high, b.low), multiply(m, a.low, b.high));
    return fast_sum(m, product.high, add(m, product.low, cross));
}

static Pair pair_sum(Math m, Pair a, Pair b) {
    Pair sum = exact_sum(m, a.high, b.high);
    return fast_sum(m, sum.high, add(m, sum.low, add(m, a.low, b.low)));
}

/* log(x) for positive finite x to some 2^-64 relative: 2 s + (2/3) s^3 in pairs, the rest of the
 * series in one. */
static Pair precise_log(Math m, Scalar *x) {
    Scalar *k, *f;
    split(m, x, &k, &f);
    Pair denominator = exact_sum(m, number(m, 2), f);
    Scalar *quotient = divide(m, f, denominator.high);
    Pair back = exact_product(m, quotient, denominator.high);
    Scalar *rest = subtract(m, subtract(m, subtract(m, f, back.high), back.low),
                            multiply(m, quotient, denominator.low));
    Pair s = fast_sum(m, quotient, divide(m, rest, denominator.high));
    Pair z = pair_product(m, s, s);
    Pair two_thirds = {number(m, 0x1.5555555555555p-1), number(m, 0x1.5555555555555p-55)};
    Scalar *tail = multiply(m, z.high, math_polynomial(m, z.high, log_tail, 8));
    Pair factor = pair_sum(m, two_thirds, (Pair){tail, number(m, 0)});
    Pair cubic = pair_product(m, pair_product(m, s, z), factor);
    Pair twice = {add(m, s.high, s.high), add(m, s.low, s.low)};
    Pair fraction = pair_sum(m, twice, cubic);
    Pair scaled = exact_product(m, k, number(m, 0x1.62e42fefa39efp-1));
    scaled.low = add(m, scaled.low, multiply(m, k, number(m, 0x1.abc9e3b39803fp-56)));
    return pair_sum(m, fast_sum(m, scaled.high, scaled.low), fraction);
}

/* e^(high + low) */
static Scalar *precise_exp(Math m, Pair x) {
    Scalar *high = scalar_binary(m.kernel, SCALAR_MAXIMUM, x.high, number(m, -747.0));
    high = scalar_binary(m.kernel, SCALAR_MINIMUM, high, number(m, 711.0));
    Scalar *in_range = equal(m, high, x.high);
    Scalar *low = choose(m, in_range, x.low, number(m, 0));
    ExpParts parts = math_exp_parts(m, high);
    Scalar *one_p = add(m, number(m, 1), parts.p);
    Scalar *rounding = subtract(m, parts.p, subtract(m, one_p, number(m, 1)));
    Scalar *corrected = add(m, one_p, add(m, rounding, multiply(m, one_p, low)));
    return math_scale(m, corrected, parts.k);
}

/* C's special cases, over the result for positive finite x. */
static Scalar *power_edges(Math m, Scalar *x, Scalar *y, Scalar *magnitude) {
    Scalar *zero = number(m, 0), *one = number(m, 1), *infinity = number(m, __builtin_inf());
    Scalar *a = absolute(m, x), *b = absolute(m, y);
    Scalar *half = multiply(m, b, number(m, 0.5));
    Scalar *is_integer = equal(m, scalar_unary(m.kernel, SCALAR_FLOOR, y), y);
    Scalar *is_even = equal(m, scalar_unary(m.kernel, SCALAR_FLOOR, half), half);
    Scalar *is_odd = both(m, is_integer, scalar_unary(m.kernel, SCALAR_NOT, is_even));
    Scalar *y_is_negative = less(m, y, zero);
    Scalar *result = magnitude;
    result = choose(m, equal(m, a, zero), choose(m, y_is_negative, infinity, zero), result);
    result = choose(m, equal(m, a, infinity), choose(m, y_is_negative, zero, infinity), result);
    /* An infinite exponent: 0, 1 or infinity by whether |x| is below, at or above 1. */
    Scalar *grows = scalar_binary(m.kernel, SCALAR_EQUAL, less(m, one, a),
                                  scalar_unary(m.kernel, SCALAR_NOT, y_is_negative));
    Scalar *limit = choose(m, equal(m, a, one), one, choose(m, grows, infinity, zero));
    result = choose(m, equal(m, b, infinity), limit, result);
    /* A negative base, -0 and -infinity included: the sign of an odd power; NaN for a fraction. */
    Scalar *sign_bit = scalar_binary(m.kernel, SCALAR_LESS, to_bits(m, x), integer(m, 0));
    result = choose(m, both(m, sign_bit, is_odd), negate(m, result), result);
    Scalar *is_finite_negative = both(m, less(m, x, zero), less(m, a, infinity));
    Scalar *is_fraction =
        both(m, scalar_unary(m.kernel, SCALAR_NOT, is_integer), less(m, b, infinity));
    result =
        choose(m, both(m, is_finite_negative, is_fraction), number(m, __builtin_nan("")), result);
    result = choose(m, equal(m, x, x), result, x);
    result = choose(m, equal(m, y, y), result, y);
    return choose(m, either(m, equal(m, y, zero), equal(m, x, one)), one, result);
}

/* e^(y log|x|), log and product in pairs: the exponent is known to some 2^-54, so the result is
 * within 1.5 ulp. */
Scalar *math_power(Math m, Scalar *x, Scalar *y) {
    Pair logarithm = precise_log(m, absolute(m, x));
    /* |y| is cut where every result but that of a base of 1 has left the range; Dekker's halves
     * need room. */
    Scalar *cut = number(m, 0x1p80);
    Scalar *exponent = scalar_binary(m.kernel, SCALAR_MINIMUM, y, cut);
    exponent = scalar_binary(m.kernel, SCALAR_MAXIMUM, exponent, negate(m, cut));
    Pair product = pair_product(m, logarithm, (Pair){exponent, number(m, 0)});
    return power_edges(m, x, y, precise_exp(m, product));
}

/* By squaring, all bits of the exponent; a negative one leaves 1 / x, which is 0 but for 1 and -1.
 */
Scalar *math_integer_power(Kernel *kernel, Scalar *x, Scalar *y) {
    tfcc_dtype dtype = x->dtype;
    int bits = dtype == TFCC_INT8 || dtype == TFCC_UINT8     ? 8
               : dtype == TFCC_INT16 || dtype == TFCC_UINT16 ? 16
               : dtype == TFCC_INT32 || dtype == TFCC_UINT32 ? 32
                                                             : 64;
    Scalar *zero = scalar_integer(kernel, dtype, 0), *one = scalar_integer(kernel, dtype, 1);
    Scalar *result = one, *base = x;
    for (int k = 0; k < bits; k++) {
        Scalar *bit = scalar_binary(kernel, SCALAR_AND, y,
                                    scalar_integer(kernel, dtype, (int64_t)((uint64_t)1 << k)));
        Scalar *is_set = scalar_binary(kernel, SCALAR_NOT_EQUAL, bit, zero);
        result = scalar_select(kernel, is_set, scalar_binary(kernel, SCALAR_MULTIPLY, result, base),
                               result);
        base = scalar_binary(kernel, SCALAR_MULTIPLY, base, base);
    }
    if (dtype == TFCC_UINT8 || dtype == TFCC_UINT16 || dtype == TFCC_UINT32 || dtype == TFCC_UINT64)
        return result;
    Scalar *minus_one = scalar_integer(kernel, dtype, -1);
    Scalar *odd =
        scalar_binary(kernel, SCALAR_EQUAL, scalar_binary(kernel, SCALAR_AND, y, one), one);
    Scalar *inverse = scalar_select(kernel, scalar_binary(kernel, SCALAR_EQUAL, x, one), one, zero);
    Scalar *of_minus_one = scalar_select(kernel, odd, minus_one, one);
    inverse = scalar_select(kernel, scalar_binary(kernel, SCALAR_EQUAL, x, minus_one), of_minus_one,
                            inverse);
    return scalar_select(kernel, scalar_binary(kernel, SCALAR_LESS, y, zero), inverse, result);
}
