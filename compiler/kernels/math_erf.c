/* math_erf.c: the error function. */
#include "kernels/math_internal.h"

/* erf r / r by z = r^2 <= 1; relative error 2e-21 and 1e-9. */
static const double near_float64[] = {
    1.1283791670955126,     -0.37612638903183754,   0.1128379167095512,     -0.02686617064512984,
    0.0052239776254232985,  -0.000854832702193483,  0.00012055332902888734, -1.4925647567519298e-05,
    1.6462045441467787e-06, -1.636464215815949e-07, 1.4792401209333676e-08, -1.2164560056878832e-09,
    8.70904512770522e-11,   -4.230945822299619e-12,
};
static const double near_float32[] = {
    1.1283791065216064,   -0.3761262595653534,   0.11283594369888306,   -0.02685421146452427,
    0.005189087241888046, -0.000801686430349946, 7.875874871388078e-05,
};
/* e^(a^2) erfc(a) (1 + 2 a) by t = (a - K) / (a + K), for 0.98 <= a: K = 4 to 28 with relative
 * error 4e-22, K = 2 to 11 with 3e-11. */
static const double far_float64[] = {
    1.2329951186255526,      -0.1396211168405625,    0.015379652102620043,
    0.06809705425469156,     -0.10103906603632538,   0.09373283499839573,
    -0.0663303658116357,     0.0371675155366511,     -0.016197734066175258,
    0.0050319699857459465,   -0.0007577732172943208, -0.00019925673423476116,
    0.0001506212928992895,   -2.439910941589647e-05, -1.1220688108793955e-05,
    5.709650609120295e-06,   2.906976412739603e-07,  -8.257285488712098e-07,
    7.940497496331777e-08,   1.1103188808498026e-07, -2.2626446822991436e-08,
    -1.5265289329017168e-08, 4.603908728547055e-09,  1.7921178463979413e-09,
    -7.582641496924221e-10,
};
static const double far_float32[] = {
    1.2769783735275269,     -0.09276382625102997,   -0.1660304069519043,    0.16405132412910461,
    -0.05421997606754303,   -0.008035332895815372,  0.00872441940009594,    0.0012839955743402243,
    -0.0014899637317284942, -0.0004763613105751574, 0.00035888145794160664,
};

/* erfc a for a >= 0.98. a^2 is split, high bits squared exactly: e^(-h^2) e^((h - a) (h + a)). */
static Scalar *tail(Math m, Scalar *a) {
    Scalar *limit = number(m, is_float32(m) ? 11.0 : 28.0);
    Scalar *x = scalar_binary(m.kernel, SCALAR_MINIMUM, a, limit);
    x = scalar_binary(m.kernel, SCALAR_MAXIMUM, x, number(m, 0.98));
    Scalar *middle = number(m, is_float32(m) ? 2.0 : 4.0), *one = number(m, 1);
    Scalar *t = divide(m, subtract(m, x, middle), add(m, x, middle));
    Scalar *curve = is_float32(m) ? math_polynomial(m, t, far_float32, 11)
                                  : math_polynomial(m, t, far_float64, 25);
    int64_t mask = is_float32(m) ? ~(int64_t)0xfff : ~(int64_t)0x7ffffff;
    Scalar *high =
        from_bits(m, scalar_binary(m.kernel, SCALAR_AND, to_bits(m, x), integer(m, mask)));
    Scalar *rest = multiply(m, subtract(m, high, x), add(m, high, x));
    Scalar *bell = multiply(m, math_exp(m, negate(m, multiply(m, high, high))), math_exp(m, rest));
    Scalar *result = divide(m, multiply(m, bell, curve), add(m, one, add(m, x, x)));
    return choose(m, equal(m, a, a), result, a);
}

static Scalar *center(Math m, Scalar *x) {
    Scalar *z = multiply(m, x, x);
    return multiply(m, x,
                    is_float32(m) ? math_polynomial(m, z, near_float32, 7)
                                  : math_polynomial(m, z, near_float64, 14));
}

Scalar *math_erf(Math m, Scalar *x) {
    Scalar *a = absolute(m, x), *one = number(m, 1);
    Scalar *far = math_copy_sign(m, subtract(m, one, tail(m, a)), x);
    return choose(m, less(m, a, one), center(m, x), far);
}

/* 1 - erf x where that does not cancel; from 1/2 to 1 through 0.5 - (erf x - 0.5), which loses one
 * bit at the most. */
Scalar *math_erfc(Math m, Scalar *x) {
    Scalar *a = absolute(m, x), *one = number(m, 1), *half = number(m, 0.5);
    Scalar *inside = center(m, x);
    Scalar *near = choose(m, less(m, half, x), subtract(m, half, subtract(m, inside, half)),
                          subtract(m, one, inside));
    Scalar *right = tail(m, a);
    Scalar *far = choose(m, less(m, x, number(m, 0)), subtract(m, number(m, 2), right), right);
    return choose(m, less(m, a, one), near, far);
}
