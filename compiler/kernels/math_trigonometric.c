/* math_trigonometric.c: sine, cosine, tangent and their inverses. float32 comes here as float64. */
#include "kernels/math_internal.h"

/* (sin r / r - 1) / r^2 and (cos r - 1 + r^2 / 2) / r^4 by z = r^2, for |r| <= pi / 4. */
static const double sine[] = {
    -0.16666666666666666,   0.008333333333333331,  -0.00019841269841264998, 2.75573192192863e-06,
    -2.505210621410932e-08, 1.605852871642671e-10, -7.586526259725896e-13,
};
static const double cosine[] = {
    0.041666666666666664,   -0.0013888888888888887,  2.4801587301584608e-05, -2.755731922137343e-07,
    2.0876755780884767e-09, -1.1470459273844548e-11, 4.745776908007999e-14,
};
/* (asin r / r - 1) / r^2 by z = r^2 <= 1/4; relative error 5e-18. */
static const double arc_sine[] = {
    0.16666666666666666,   0.07500000000000119,  0.04464285714255019,   0.03038194447569371,
    0.022372157435623607,  0.017352816768551407, 0.013963775787770877,  0.01156651182271806,
    0.009621402741194244,  0.00932210153282891,  0.0030350070611651968, 0.019579201874353806,
    -0.019277546268816236, 0.02963502646557505,
};
/* (atan r / r - 1) / r^2 by z = r^2, |r| <= tan(pi / 8); relative error 4e-18. */
static const double arc_tangent[] = {
    -0.3333333333333333,  0.19999999999999804,  -0.14285714285659457, 0.11111111105119365,
    -0.09090908751706037, 0.07692296323156865,  -0.0666642395435945,  0.05878918292836662,
    -0.05230375456673421, 0.045512338411451164, -0.03456132288257912, 0.016275521597244828,
};

/* pi / 2 in pieces of 20 bits, so that a piece times a whole number below 2^33 is exact. */
static const double half_pi_pieces[] = {0x1.921fap0, 0x1.54442p-20, 0x1.a308cp-41, 0x1.31318p-61,
                                        0x1.8a2e03707344ap-81};
/* 2 / pi in limbs of 32 bits, the first of them before the point. */
enum { LIMB_COUNT = 40, WINDOW = 7 };
static const uint32_t two_over_pi[LIMB_COUNT] = {
    0x00000000, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab,
    0xdebbc561, 0xb7246e3a, 0x424dd2e0, 0x06492eea, 0x09d1921c, 0xfe1deb1c, 0xb129a73e, 0xe88235f5,
    0x2ebb4484, 0xe99c7026, 0xb45f7e41, 0x3991d639, 0x835339f4, 0x9c845f8b, 0xbdf9283b, 0x1ff897ff,
    0xde05980f, 0xef2f118b, 0x5a0a6d1f, 0x6d367ecf, 0x27cb09b7, 0x4f463f66, 0x9e5fea2d, 0x7527bac7,
    0xebe5f17b, 0x3d0739f7, 0x8a5292ea, 0x6bfb5fb1, 0x1f8d5d08, 0x56033046, 0xfc7b6bab, 0xf0cfbc20,
};

typedef struct Reduced {
    Scalar *quadrant; /* int64; its two low bits count */
    Scalar *r;        /* |r| <= pi / 4 and a little */
} Reduced;

static Reduced reduce_moderate(Math m, Scalar *x) {
    Scalar *magic = number(m, 0x1.8p52);
    Scalar *shifted = add(m, multiply(m, x, number(m, 0x1.45f306dc9c883p-1)), magic);
    Scalar *k = subtract(m, shifted, magic), *r = x;
    for (size_t p = 0; p < sizeof half_pi_pieces / sizeof *half_pi_pieces; p++)
        r = subtract(m, r, multiply(m, k, number(m, half_pi_pieces[p])));
    return (Reduced){to_bits(m, shifted), r};
}

static Scalar *word(Math m, uint64_t value) {
    return scalar_constant_bits(m.kernel, TFCC_UINT64, value);
}
static Scalar *shift_left(Math m, Scalar *a, Scalar *count) {
    return scalar_binary(m.kernel, SCALAR_SHIFT_LEFT, a, count);
}
static Scalar *shift_right(Math m, Scalar *a, Scalar *count) {
    return scalar_binary(m.kernel, SCALAR_SHIFT_RIGHT, a, count);
}
static Scalar *mask_word(Math m, Scalar *a, uint64_t mask) {
    return both(m, a, word(m, mask));
}

/* The WINDOW limbs from number `first` (0 … 31) on: one step per bit of `first`, each choosing
 * between neighbours at that distance. */
static void choose_limbs(Math m, Scalar *first, Scalar **limbs) {
    Scalar *row[LIMB_COUNT];
    int count = LIMB_COUNT;
    for (int k = 0; k < count; k++) row[k] = word(m, two_over_pi[k]);
    for (int step = 16; step; step /= 2) {
        Scalar *bit = mask_word(m, first, (uint64_t)step);
        Scalar *is_set = scalar_binary(m.kernel, SCALAR_NOT_EQUAL, bit, word(m, 0));
        count = step - 1 + WINDOW;
        for (int k = 0; k < count; k++) row[k] = choose(m, is_set, row[k + step], row[k]);
    }
    for (int k = 0; k < WINDOW; k++) limbs[k] = row[k];
}

/* After Payne and Hanek, for |x| from 2^22 on: x = n 2^e with n of 53 bits, times 2 / pi, of which
 * only the limbs from 4 downwards count. Of the product 2 bits before the point and 126 behind it
 * are kept: the quadrant, and enough of the fraction for the closest any float64 comes to a
 * multiple of pi / 2. */
static Reduced reduce_large(Math m, Scalar *x) {
    Kernel *kernel = m.kernel;
    Scalar *bits = scalar_bitcast(kernel, TFCC_UINT64, absolute(m, x));
    Scalar *exponent = shift_right(m, bits, word(m, 52)); /* e + 1075 */
    Scalar *n = either(m, mask_word(m, bits, 0xfffffffffffff), word(m, (uint64_t)1 << 52));
    Scalar *low = mask_word(m, n, 0xffffffff), *high = shift_right(m, n, word(m, 32));
    /* Limbs of weight 4 and above fall away: (e - 2) / 32 + 1 of them, counted with the one before
     * the point; the rest of e shifts. */
    Scalar *above = scalar_binary(kernel, SCALAR_SUBTRACT, exponent, word(m, 1075 + 2 - 32));
    Scalar *first = mask_word(m, shift_right(m, above, word(m, 5)), 31);
    Scalar *shift = mask_word(m, above, 31);
    Scalar *limbs[WINDOW], *product[WINDOW + 1], *carry = word(m, 0);
    choose_limbs(m, first, limbs);
    for (int k = WINDOW; k-- > 0;) { /* product[k + 1] has the weight of limbs[k] */
        Scalar *t = add(m, multiply(m, limbs[k], low), carry);
        product[k + 1] = mask_word(m, t, 0xffffffff);
        carry = shift_right(m, t, word(m, 32));
    }
    product[0] = carry;
    carry = word(m, 0);
    for (int k = WINDOW; k-- > 0;) {
        Scalar *t = add(m, add(m, multiply(m, limbs[k], high), product[k]), carry);
        product[k] = mask_word(m, t, 0xffffffff);
        carry = shift_right(m, t, word(m, 32));
    }
    Scalar *words[3];
    for (int k = 0; k < 3; k++)
        words[k] = either(m, shift_left(m, product[2 * k + 1], word(m, 32)), product[2 * k + 2]);
    Scalar *rest = scalar_binary(kernel, SCALAR_SUBTRACT, word(m, 63), shift), *one = word(m, 1);
    Scalar *fixed = either(m, shift_left(m, words[0], shift),
                           shift_right(m, shift_right(m, words[1], one), rest));
    Scalar *tail = either(m, shift_left(m, words[1], shift),
                          shift_right(m, shift_right(m, words[2], one), rest));
    Scalar *quadrant = shift_right(m, add(m, fixed, word(m, (uint64_t)1 << 61)), word(m, 62));
    Scalar *fraction =
        scalar_binary(kernel, SCALAR_SUBTRACT, fixed, shift_left(m, quadrant, word(m, 62)));
    fraction = scalar_bitcast(kernel, TFCC_INT64, fraction); /* in units of 2^-62 */
    Scalar *rounded = scalar_convert(kernel, TFCC_FLOAT64, fraction);
    Scalar *lost = scalar_binary(kernel, SCALAR_SUBTRACT, fraction,
                                 scalar_convert(kernel, TFCC_INT64, rounded));
    Scalar *below = scalar_bitcast(kernel, TFCC_INT64, shift_right(m, tail, one));
    Scalar *small =
        add(m, scalar_convert(kernel, TFCC_FLOAT64, lost),
            multiply(m, scalar_convert(kernel, TFCC_FLOAT64, below), number(m, 0x1p-63)));
    Scalar *turn = number(m, 0x1.921fb54442d18p-62), *turn_rest = number(m, 0x1.1a62633145c07p-116);
    Scalar *sum = add(m, rounded, small), *left = subtract(m, small, subtract(m, sum, rounded));
    Scalar *r = add(m, multiply(m, sum, turn),
                    add(m, multiply(m, sum, turn_rest), multiply(m, left, turn)));
    Scalar *is_negative = less(m, x, number(m, 0));
    quadrant = scalar_bitcast(kernel, TFCC_INT64, quadrant);
    Reduced result = {
        choose(m, is_negative, scalar_unary(kernel, SCALAR_NEGATE, quadrant), quadrant),
        choose(m, is_negative, negate(m, r), r)};
    return result;
}

static Reduced reduce(Math m, Scalar *x) {
    Reduced moderate = reduce_moderate(m, x), large = reduce_large(m, x);
    Scalar *is_moderate = less(m, absolute(m, x), number(m, 0x1p22));
    return (Reduced){choose(m, is_moderate, moderate.quadrant, large.quadrant),
                     choose(m, is_moderate, moderate.r, large.r)};
}

static Scalar *sine_near(Math m, Scalar *r) {
    Scalar *z = multiply(m, r, r);
    return add(m, r, multiply(m, multiply(m, r, z), math_polynomial(m, z, sine, 7)));
}

static Scalar *cosine_near(Math m, Scalar *r) {
    Scalar *z = multiply(m, r, r), *one = number(m, 1);
    Scalar *half = multiply(m, number(m, 0.5), z), *base = subtract(m, one, half);
    Scalar *lost = subtract(m, subtract(m, one, base), half);
    Scalar *tail = multiply(m, multiply(m, z, z), math_polynomial(m, z, cosine, 7));
    return add(m, base, add(m, lost, tail));
}

static Scalar *has_bit(Math m, Scalar *quadrant, int64_t bit) {
    Scalar *masked = scalar_binary(m.kernel, SCALAR_AND, quadrant, integer(m, bit));
    return scalar_binary(m.kernel, SCALAR_NOT_EQUAL, masked, integer(m, 0));
}

static Scalar *sine_in(Math m, Reduced reduced, Scalar *quadrant) {
    Scalar *value =
        choose(m, has_bit(m, quadrant, 1), cosine_near(m, reduced.r), sine_near(m, reduced.r));
    return choose(m, has_bit(m, quadrant, 2), negate(m, value), value);
}

/* Infinity has no sine, and NaN stays. */
static Scalar *finite_only(Math m, Scalar *x, Scalar *result) {
    Scalar *is_infinite = equal(m, absolute(m, x), number(m, __builtin_inf()));
    result = choose(m, is_infinite, number(m, __builtin_nan("")), result);
    return choose(m, equal(m, x, x), result, x);
}

Scalar *math_sin(Math m, Scalar *x) {
    Reduced reduced = reduce(m, x);
    Scalar *result = finite_only(m, x, sine_in(m, reduced, reduced.quadrant));
    return choose(m, equal(m, x, number(m, 0)), x, result); /* keeps -0 */
}

Scalar *math_cos(Math m, Scalar *x) {
    Reduced reduced = reduce(m, x);
    Scalar *quadrant = scalar_binary(m.kernel, SCALAR_ADD, reduced.quadrant, integer(m, 1));
    return finite_only(m, x, sine_in(m, reduced, quadrant));
}

Scalar *math_tan(Math m, Scalar *x) {
    Reduced reduced = reduce(m, x);
    Scalar *s = sine_near(m, reduced.r), *c = cosine_near(m, reduced.r);
    Scalar *is_odd = has_bit(m, reduced.quadrant, 1);
    Scalar *result = divide(m, choose(m, is_odd, negate(m, c), s), choose(m, is_odd, s, c));
    return choose(m, equal(m, x, number(m, 0)), x, finite_only(m, x, result));
}

/* asin r for |r| <= 1/2, with z = r^2 */
static Scalar *arc_sine_near(Math m, Scalar *r, Scalar *z) {
    return add(m, r, multiply(m, multiply(m, r, z), math_polynomial(m, z, arc_sine, 14)));
}

/* From 1/2 on: asin a = pi / 2 - 2 asin(sqrt((1 - a) / 2)); NaN beyond 1 comes from the root. */
Scalar *math_asin(Math m, Scalar *x) {
    Scalar *a = absolute(m, x), *half = number(m, 0.5);
    Scalar *is_near = less(m, a, half);
    Scalar *z =
        choose(m, is_near, multiply(m, a, a), multiply(m, half, subtract(m, number(m, 1), a)));
    Scalar *r = choose(m, is_near, a, square_root(m, z));
    Scalar *angle = arc_sine_near(m, r, z);
    Scalar *far = subtract(m, number(m, 0x1.921fb54442d18p-1), add(m, angle, angle));
    far = add(m, add(m, far, number(m, 0x1.1a62633145c07p-54)), number(m, 0x1.921fb54442d18p-1));
    return math_copy_sign(m, choose(m, is_near, angle, far), x);
}

Scalar *math_acos(Math m, Scalar *x) {
    Scalar *a = absolute(m, x), *half = number(m, 0.5), *zero = number(m, 0);
    Scalar *is_near = less(m, a, half);
    Scalar *z =
        choose(m, is_near, multiply(m, x, x), multiply(m, half, subtract(m, number(m, 1), a)));
    Scalar *r = choose(m, is_near, x, square_root(m, z));
    Scalar *angle = arc_sine_near(m, r, z);
    Scalar *half_pi = number(m, 0x1.921fb54442d18p0), *rest = number(m, 0x1.1a62633145c07p-54);
    Scalar *near = subtract(m, half_pi, subtract(m, angle, rest));
    Scalar *twice = add(m, angle, angle);
    Scalar *below =
        subtract(m, number(m, 0x1.921fb54442d18p1), subtract(m, twice, add(m, rest, rest)));
    return choose(m, is_near, near, choose(m, less(m, x, zero), below, twice));
}

/* By pi / 8: atan a, pi / 4 + atan((a - 1) / (a + 1)), pi / 2 - atan(1 / a). */
Scalar *math_atan(Math m, Scalar *x) {
    Scalar *a = absolute(m, x), *one = number(m, 1);
    Scalar *is_far = less(m, number(m, 2.414213562373095), a);
    Scalar *is_near = less(m, a, number(m, 0.41421356237309503));
    Scalar *numerator = choose(m, is_far, number(m, -1), subtract(m, a, one));
    Scalar *denominator = choose(m, is_far, a, add(m, a, one));
    Scalar *r = choose(m, is_near, a, divide(m, numerator, denominator));
    Scalar *z = multiply(m, r, r);
    Scalar *curve = multiply(m, multiply(m, r, z), math_polynomial(m, z, arc_tangent, 12));
    Scalar *base =
        choose(m, is_near, number(m, 0),
               choose(m, is_far, number(m, 0x1.921fb54442d18p0), number(m, 0x1.921fb54442d18p-1)));
    Scalar *rest = choose(
        m, is_near, number(m, 0),
        choose(m, is_far, number(m, 0x1.1a62633145c07p-54), number(m, 0x1.1a62633145c07p-55)));
    Scalar *angle = add(m, base, add(m, add(m, rest, curve), r));
    return math_copy_sign(m, choose(m, is_near, add(m, r, curve), angle), x);
}

/* atan(y / x) moved to the quadrant of (x, y), as C has it. */
Scalar *math_atan2(Math m, Scalar *y, Scalar *x) {
    Scalar *zero = number(m, 0), *infinity = number(m, __builtin_inf());
    Scalar *pi = number(m, 0x1.921fb54442d18p1), *a = absolute(m, x), *b = absolute(m, y);
    Scalar *angle = math_atan(m, divide(m, b, a));
    angle = choose(m, both(m, equal(m, a, zero), equal(m, b, zero)), zero, angle);
    Scalar *both_infinite = both(m, equal(m, a, infinity), equal(m, b, infinity));
    angle = choose(m, both_infinite, number(m, 0x1.921fb54442d18p-1), angle);
    Scalar *is_left = scalar_binary(m.kernel, SCALAR_LESS, to_bits(m, x), integer(m, 0));
    Scalar *left = subtract(m, pi, subtract(m, angle, number(m, 0x1.1a62633145c07p-53)));
    Scalar *result = math_copy_sign(m, choose(m, is_left, left, angle), y);
    result = choose(m, equal(m, x, x), result, x);
    return choose(m, equal(m, y, y), result, y);
}
