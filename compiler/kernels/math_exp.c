/* math_exp.c: the exponential function and what follows from it. */
#include "kernels/math_internal.h"

/* (e^r - 1 - r) / r^2 for |r| <= 0.3501. Relative error 4e-20 and 3e-9. */
static const double exp_float64[] = {
    0.5,
    0.16666666666666666,
    0.04166666666666668,
    0.008333333333333337,
    0.001388888888887814,
    0.00019841269841251033,
    2.4801587338899564e-05,
    2.7557319273218806e-06,
    2.7557260679674683e-07,
    2.505204733468107e-08,
    2.0919088298946085e-09,
    1.6094431206019427e-10,
};
static const double exp_float32[] = {
    0.5,
    0.1666666716337204,
    0.04166645556688309,
    0.008333300240337849,
    0.0013934682356193662,
    0.00019899891049135476,
};

ExpParts math_exp_parts(Math m, Scalar *x) {
    /* ln 2 in two pieces, of which the first times any k is exact. Adding 1.5 * 2^(bits of the
     * mantissa) rounds to an integer and leaves it in the low bits. */
    double high = is_float32(m) ? 0x1.62e4p-1 : 0x1.62e42feep-1;
    double low = is_float32(m) ? 0x1.7f7d1cf7p-20 : 0x1.a39ef35793c76p-33;
    Scalar *magic = number(m, is_float32(m) ? 0x1.8p23 : 0x1.8p52);
    Scalar *shifted = add(m, multiply(m, x, number(m, 0x1.71547652b82fep0)), magic);
    Scalar *rounded = subtract(m, shifted, magic);
    ExpParts parts;
    parts.k = scalar_binary(m.kernel, SCALAR_SUBTRACT, to_bits(m, shifted), to_bits(m, magic));
    parts.r = subtract(m, subtract(m, x, multiply(m, rounded, number(m, high))),
                       multiply(m, rounded, number(m, low)));
    Scalar *tail = is_float32(m) ? math_polynomial(m, parts.r, exp_float32, 6)
                                 : math_polynomial(m, parts.r, exp_float64, 12);
    parts.p = add(m, parts.r, multiply(m, multiply(m, parts.r, parts.r), tail));
    return parts;
}

Scalar *math_power_of_two(Math m, Scalar *k) {
    Scalar *biased = scalar_binary(m.kernel, SCALAR_ADD, k, integer(m, is_float32(m) ? 127 : 1023));
    return from_bits(
        m, scalar_binary(m.kernel, SCALAR_SHIFT_LEFT, biased, integer(m, is_float32(m) ? 23 : 52)));
}

Scalar *math_scale(Math m, Scalar *a, Scalar *k) {
    Scalar *half = scalar_binary(m.kernel, SCALAR_SHIFT_RIGHT, k, integer(m, 1));
    Scalar *rest = scalar_binary(m.kernel, SCALAR_SUBTRACT, k, half);
    return multiply(m, multiply(m, a, math_power_of_two(m, half)), math_power_of_two(m, rest));
}

/* Beyond these e^x is 0 or infinite; NaN stays NaN. */
static Scalar *clamp_exponent(Math m, Scalar *x) {
    Scalar *lowest = number(m, is_float32(m) ? -105.0 : -747.0);
    Scalar *highest = number(m, is_float32(m) ? 90.0 : 711.0);
    x = scalar_binary(m.kernel, SCALAR_MAXIMUM, x, lowest);
    return scalar_binary(m.kernel, SCALAR_MINIMUM, x, highest);
}

/* Within 1 ulp: the polynomial's last addition rounds once, the scaling is exact but for denormals.
 */
Scalar *math_exp(Math m, Scalar *x) {
    ExpParts parts = math_exp_parts(m, clamp_exponent(m, x));
    return math_scale(m, add(m, number(m, 1), parts.p), parts.k);
}

/* e^x - 1 = 2^k (e^r - 1) + (2^k - 1). Where k is so large that the 1 is lost, e^x. */
Scalar *math_expm1(Math m, Scalar *x) {
    ExpParts parts = math_exp_parts(m, clamp_exponent(m, x));
    Scalar *large = math_scale(m, add(m, number(m, 1), parts.p), parts.k);
    int64_t bits = is_float32(m) ? 25 : 54;
    Scalar *k = scalar_binary(m.kernel, SCALAR_MINIMUM, parts.k, integer(m, bits));
    k = scalar_binary(m.kernel, SCALAR_MAXIMUM, k, integer(m, -bits - 1));
    Scalar *two_k = math_power_of_two(m, k);
    Scalar *small = add(m, multiply(m, two_k, parts.p), subtract(m, two_k, number(m, 1)));
    Scalar *is_large = scalar_binary(m.kernel, SCALAR_LESS, integer(m, bits), parts.k);
    Scalar *result = choose(m, is_large, large, small);
    /* Far below, r means nothing any more. */
    Scalar *lowest = number(m, is_float32(m) ? -18.0 : -40.0);
    result = choose(m, less(m, x, lowest), number(m, -1), result);
    return choose(m, equal(m, x, number(m, 0)), x, result); /* keeps -0 */
}

/* With e = e^-|x|: 1 / (1 + e) for x >= 0, e / (1 + e) below, which keeps small results. */
Scalar *math_sigmoid(Math m, Scalar *x) {
    Scalar *e = math_exp(m, negate(m, absolute(m, x)));
    Scalar *numerator = choose(m, less(m, x, number(m, 0)), e, number(m, 1));
    return divide(m, numerator, add(m, number(m, 1), e));
}

/* With t = e^|x| - 1: (t + t / (t + 1)) / 2; where e^|x| overflows, (e^(|x| / 2) / 2) e^(|x| / 2).
 */
Scalar *math_sinh(Math m, Scalar *x) {
    Scalar *a = absolute(m, x), *half = number(m, 0.5);
    Scalar *t = math_expm1(m, a);
    Scalar *near = multiply(m, half, add(m, t, divide(m, t, add(m, t, number(m, 1)))));
    Scalar *root = math_exp(m, multiply(m, half, a));
    Scalar *far = multiply(m, multiply(m, half, root), root);
    Scalar *limit = number(m, is_float32(m) ? 20.0 : 40.0);
    return math_copy_sign(m, choose(m, less(m, limit, a), far, near), x);
}

Scalar *math_cosh(Math m, Scalar *x) {
    Scalar *a = absolute(m, x), *half = number(m, 0.5);
    Scalar *e = math_exp(m, a);
    Scalar *near = add(m, multiply(m, half, e), divide(m, half, e));
    Scalar *root = math_exp(m, multiply(m, half, a));
    Scalar *far = multiply(m, multiply(m, half, root), root);
    Scalar *limit = number(m, is_float32(m) ? 20.0 : 40.0);
    return choose(m, less(m, limit, a), far, near);
}

/* With t = e^(2 |x|) - 1: t / (t + 2); 1 from where it rounds to 1. */
Scalar *math_tanh(Math m, Scalar *x) {
    Scalar *a = absolute(m, x);
    Scalar *limit = number(m, is_float32(m) ? 10.0 : 22.0);
    Scalar *near = scalar_binary(m.kernel, SCALAR_MINIMUM, a, limit);
    Scalar *t = math_expm1(m, add(m, near, near));
    Scalar *result = divide(m, t, add(m, t, number(m, 2)));
    return math_copy_sign(m, result, x);
}
