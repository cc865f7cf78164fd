/* math_trigonometric.c: sine, cosine, tangent and their inverses. float32 comes here as float64. */
#include "kernels/math_internal.h"

/* (sin r / r - 1) / r^2 and (cos r - 1 + r^2 / 2) / r^4 by z = r^2, for |r| <= pi / 4. */
static const double sine[] = {
    -0.16666666666666666,  0.008333333333333331,  -0.00019841269841264998, 2.75573192192863e-06,
    -2.505210621410932e-08, 1.605852871642671e-10, -7.586526259725896e-13,
};
static const double cosine[] = {
    0.041666666666666664, -0.0013888888888888887,  2.4801587301584608e-05, -2.755731922137343e-07,
    2.0876755780884767e-09, -1.1470459273844548e-11, 4.745776908007999e-14,
};
/* (asin r / r - 1) / r^2 by z = r^2 <= 1/4; relative error 5e-18. */
static const double arc_sine[] = {
    0.16666666666666666,  0.07500000000000119,   0.04464285714255019,   0.03038194447569371,
    0.022372157435623607, 0.017352816768551407,  0.013963775787770877,  0.01156651182271806,
    0.009621402741194244, 0.00932210153282891,   0.0030350070611651968, 0.019579201874353806,
    -0.019277546268816236, 0.02963502646557505,
};
/* (atan r / r - 1) / r^2 by z = r^2, |r| <= tan(pi / 8); relative error 4e-18. */
static const double arc_tangent[] = {
    -0.3333333333333333, 0.19999999999999804,  -0.14285714285659457, 0.11111111105119365,
    -0.09090908751706037, 0.07692296323156865, -0.0666642395435945,  0.05878918292836662,
    -0.05230375456673421, 0.045512338411451164, -0.03456132288257912, 0.016275521597244828,
};

/* pi / 2 in pieces of 20 bits, so that a piece times a whole number below 2^33 is exact. */
static const double half_pi_pieces[] = {0x1.921fap0, 0x1.54442p-20, 0x1.a308cp-41, 0x1.31318p-61, 0x1.8a2e03707344ap-81};
/* 2^(8 q) modulo 2 pi: 21 bits, and the rest. */
static const double powers_modulo[][2] = {
    {0x1.0p0, 0.0},
    {0x1.2b0bap2, 0x1.aab1e869f0504p-19},
    {0x1.30499p1, 0x1.396af3cf0b7abp-20},
    {0x1.58e8ep2, 0x1.82581550cae4bp-19},
    {0x1.cf98p1, 0x1.5b814a10dcab5p-22},
    {0x1.c7988p1, 0x1.53baf0750455bp-20},
    {0x1.09f46p-3, 0x1.07a4a0463fdc2p-24},
    {0x1.d412dp0, 0x1.c9ecfcfcf3ac6p-21},
    {0x1.8f1a5p1, 0x1.87aa5a6835bd0p-20},
    {0x1.ee663p-3, 0x1.310ec09a62d0ep-24},
    {0x1.50146p2, 0x1.9baad91e1fcc3p-19},
    {0x1.800bp2, 0x1.716613ba52490p-19},
    {0x1.89a58p1, 0x1.883b88176c45dp-20},
    {0x1.e52a7p0, 0x1.4cc00804c79a9p-21},
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

/* From 2^33 on, for arguments of 24 bits: x = n 2^(8 q) with n below 2^32, and 2^(8 q) modulo 2 pi is known. Arguments with more
 * bits keep about as many correct digits as x has beyond its point. */
static Scalar *fold_large(Math m, Scalar *x, Reduced *first) {
    Scalar *bits = to_bits(m, absolute(m, x));
    Scalar *exponent = scalar_binary(m.kernel, SCALAR_SHIFT_RIGHT, bits, integer(m, 52));
    exponent = scalar_binary(m.kernel, SCALAR_SUBTRACT, exponent, integer(m, 1023 + 23));
    Scalar *q = scalar_binary(m.kernel, SCALAR_SHIFT_RIGHT, exponent, integer(m, 3));
    Scalar *high = number(m, 0), *low = number(m, 0);
    for (int k = 0; k < 14; k++) {
        Scalar *is_k = scalar_binary(m.kernel, SCALAR_EQUAL, q, integer(m, k));
        high = choose(m, is_k, number(m, powers_modulo[k][0]), high);
        low = choose(m, is_k, number(m, powers_modulo[k][1]), low);
    }
    q = scalar_binary(m.kernel, SCALAR_MINIMUM, q, integer(m, 100));
    q = scalar_binary(m.kernel, SCALAR_MAXIMUM, q, integer(m, 0));
    Scalar *eight = scalar_binary(m.kernel, SCALAR_SHIFT_LEFT, q, integer(m, 3));
    Scalar *n = multiply(m, x, math_power_of_two(m, scalar_unary(m.kernel, SCALAR_NEGATE, eight)));
    *first = reduce_moderate(m, multiply(m, n, high));
    return add(m, first->r, multiply(m, n, low));
}

static Reduced reduce(Math m, Scalar *x) {
    Reduced first;
    Scalar *folded = fold_large(m, x, &first);
    Scalar *is_moderate = less(m, absolute(m, x), number(m, 0x1p33));
    Reduced result = reduce_moderate(m, choose(m, is_moderate, x, folded));
    Scalar *turns = choose(m, is_moderate, integer(m, 0), first.quadrant);
    result.quadrant = scalar_binary(m.kernel, SCALAR_ADD, result.quadrant, turns);
    return result;
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
    Scalar *value = choose(m, has_bit(m, quadrant, 1), cosine_near(m, reduced.r), sine_near(m, reduced.r));
    return choose(m, has_bit(m, quadrant, 2), negate(m, value), value);
}

/* Infinity has no sine. */
static Scalar *finite_only(Math m, Scalar *x, Scalar *result) {
    Scalar *is_infinite = equal(m, absolute(m, x), number(m, __builtin_inf()));
    return choose(m, is_infinite, number(m, __builtin_nan("")), result);
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
    Scalar *z = choose(m, is_near, multiply(m, a, a),
                       multiply(m, half, subtract(m, number(m, 1), a)));
    Scalar *r = choose(m, is_near, a, square_root(m, z));
    Scalar *angle = arc_sine_near(m, r, z);
    Scalar *far = subtract(m, number(m, 0x1.921fb54442d18p-1), add(m, angle, angle));
    far = add(m, add(m, far, number(m, 0x1.1a62633145c07p-54)), number(m, 0x1.921fb54442d18p-1));
    return math_copy_sign(m, choose(m, is_near, angle, far), x);
}

Scalar *math_acos(Math m, Scalar *x) {
    Scalar *a = absolute(m, x), *half = number(m, 0.5), *zero = number(m, 0);
    Scalar *is_near = less(m, a, half);
    Scalar *z = choose(m, is_near, multiply(m, x, x),
                       multiply(m, half, subtract(m, number(m, 1), a)));
    Scalar *r = choose(m, is_near, x, square_root(m, z));
    Scalar *angle = arc_sine_near(m, r, z);
    Scalar *half_pi = number(m, 0x1.921fb54442d18p0), *rest = number(m, 0x1.1a62633145c07p-54);
    Scalar *near = subtract(m, half_pi, subtract(m, angle, rest));
    Scalar *twice = add(m, angle, angle);
    Scalar *below = subtract(m, number(m, 0x1.921fb54442d18p1), subtract(m, twice, add(m, rest, rest)));
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
    Scalar *base = choose(m, is_near, number(m, 0),
                          choose(m, is_far, number(m, 0x1.921fb54442d18p0), number(m, 0x1.921fb54442d18p-1)));
    Scalar *rest = choose(m, is_near, number(m, 0),
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
