/* math_internal.h: short names for writing formulas as scalars, and the functions of the math_*.c
 * files.
 *
 * A Math says in which kernel and in which of float32 and float64 a formula is written. Every step
 * is rounded; the comments count errors in units of the last place (ulp) of the result, where 0.5
 * is the best possible. Coefficients are Chebyshev interpolants of the named function, computed
 * with 60 digits.
 */
#ifndef TFCC_KERNELS_MATH_INTERNAL_H
#define TFCC_KERNELS_MATH_INTERNAL_H

#include "kernels/math.h"

typedef struct Math {
    Kernel *kernel;
    tfcc_dtype dtype;
} Math;

static inline bool is_float32(Math m) {
    return m.dtype == TFCC_FLOAT32;
}
static inline Scalar *number(Math m, double value) {
    return scalar_float(m.kernel, m.dtype, value);
}
static inline Scalar *add(Math m, Scalar *a, Scalar *b) {
    return scalar_binary(m.kernel, SCALAR_ADD, a, b);
}
static inline Scalar *subtract(Math m, Scalar *a, Scalar *b) {
    return scalar_binary(m.kernel, SCALAR_SUBTRACT, a, b);
}
static inline Scalar *multiply(Math m, Scalar *a, Scalar *b) {
    return scalar_binary(m.kernel, SCALAR_MULTIPLY, a, b);
}
static inline Scalar *divide(Math m, Scalar *a, Scalar *b) {
    return scalar_binary(m.kernel, SCALAR_DIVIDE, a, b);
}
static inline Scalar *negate(Math m, Scalar *a) {
    return scalar_unary(m.kernel, SCALAR_NEGATE, a);
}
static inline Scalar *absolute(Math m, Scalar *a) {
    return scalar_unary(m.kernel, SCALAR_ABSOLUTE, a);
}
static inline Scalar *square_root(Math m, Scalar *a) {
    return scalar_unary(m.kernel, SCALAR_SQRT, a);
}
static inline Scalar *less(Math m, Scalar *a, Scalar *b) {
    return scalar_binary(m.kernel, SCALAR_LESS, a, b);
}
static inline Scalar *equal(Math m, Scalar *a, Scalar *b) {
    return scalar_binary(m.kernel, SCALAR_EQUAL, a, b);
}
static inline Scalar *both(Math m, Scalar *a, Scalar *b) {
    return scalar_binary(m.kernel, SCALAR_AND, a, b);
}
static inline Scalar *either(Math m, Scalar *a, Scalar *b) {
    return scalar_binary(m.kernel, SCALAR_OR, a, b);
}
static inline Scalar *choose(Math m, Scalar *condition, Scalar *a, Scalar *b) {
    return scalar_select(m.kernel, condition, a, b);
}

/* The integer type of the same width, and bits as that type. */
static inline tfcc_dtype integer_of(Math m) {
    return is_float32(m) ? TFCC_INT32 : TFCC_INT64;
}
static inline Scalar *to_bits(Math m, Scalar *a) {
    return scalar_bitcast(m.kernel, integer_of(m), a);
}
static inline Scalar *from_bits(Math m, Scalar *a) {
    return scalar_bitcast(m.kernel, m.dtype, a);
}
static inline Scalar *integer(Math m, int64_t value) {
    return scalar_integer(m.kernel, integer_of(m), value);
}
/* The sign of `sign` on the magnitude of a. */
Scalar *math_copy_sign(Math m, Scalar *a, Scalar *sign);
/* c[0] + c[1] x + … + c[count - 1] x^(count - 1), from the last one on. */
Scalar *math_polynomial(Math m, Scalar *x, const double *c, int count);

/* x = k ln 2 + r with |r| <= ln 2 / 2: k as integer bits, r, and p = e^r - 1. */
typedef struct ExpParts {
    Scalar *k, *r, *p;
} ExpParts;
ExpParts math_exp_parts(Math m, Scalar *x);
/* a * 2^k for k in the range that exp needs, rounded once even where the result is denormal. */
Scalar *math_scale(Math m, Scalar *a, Scalar *k);
Scalar *math_power_of_two(Math m, Scalar *k); /* k within the normal exponents */

Scalar *math_exp(Math m, Scalar *x);
Scalar *math_expm1(Math m, Scalar *x);
Scalar *math_sigmoid(Math m, Scalar *x);
Scalar *math_sinh(Math m, Scalar *x);
Scalar *math_cosh(Math m, Scalar *x);
Scalar *math_tanh(Math m, Scalar *x);

Scalar *math_log(Math m, Scalar *x);
Scalar *math_log1p(Math m, Scalar *x);
Scalar *math_asinh(Math m, Scalar *x);
Scalar *math_acosh(Math m, Scalar *x);
Scalar *math_atanh(Math m, Scalar *x);

Scalar *math_sin(Math m, Scalar *x);
Scalar *math_cos(Math m, Scalar *x);
Scalar *math_tan(Math m, Scalar *x);
Scalar *math_asin(Math m, Scalar *x);
Scalar *math_acos(Math m, Scalar *x);
Scalar *math_atan(Math m, Scalar *x);
Scalar *math_atan2(Math m, Scalar *y, Scalar *x);

Scalar *math_erf(Math m, Scalar *x);
Scalar *math_erfc(Math m, Scalar *x);

/* Floats as C's pow; float64 alone for float64, float32 through float64. */
Scalar *math_power(Math m, Scalar *x, Scalar *y);
Scalar *math_integer_power(Kernel *kernel, Scalar *x, Scalar *y);
/* float32 from and to an 8-bit float. */
Scalar *math_from_float8(Kernel *kernel, Scalar *x);
Scalar *math_to_float8(Kernel *kernel, tfcc_dtype dtype, Scalar *x);
Scalar *math_random_bits(Kernel *kernel, Scalar *key, Scalar *high, Scalar *count);

#endif
