/* math_float8.c: conversions between float32 and the 8-bit floats, in integers of 32 bits. */
#include "kernels/math_internal.h"

#include "support/dtype.h"
#include "support/half.h"

static Scalar *word(Kernel *kernel, uint32_t bits) {
    return scalar_constant_bits(kernel, TFCC_UINT32, bits);
}

static Scalar *binary(Kernel *kernel, ScalarOp op, Scalar *a, uint32_t b) {
    return scalar_binary(kernel, op, a, word(kernel, b));
}

/* 2^exponent as a float32. */
static Scalar *power_of_two(Kernel *kernel, int exponent) {
    return scalar_constant_bits(kernel, TFCC_FLOAT32, (uint32_t)(exponent + 127) << 23);
}

/* The fraction and exponent move to their places in a float32, and a product with 2^(127 - bias)
 * corrects the exponent's bias, of subnormals too; it is exact. */
Scalar *math_from_float8(Kernel *kernel, Scalar *x) {
    const Float8Format *f = float8_format(x->dtype);
    Scalar *bits = scalar_convert(kernel, TFCC_UINT32, scalar_bitcast(kernel, TFCC_UINT8, x));
    Scalar *magnitude = binary(kernel, SCALAR_AND, bits, 0x7f);
    Scalar *shifted =
        binary(kernel, SCALAR_SHIFT_LEFT, magnitude, (uint32_t)(23 - f->fraction_bits));
    Scalar *finite =
        scalar_binary(kernel, SCALAR_MULTIPLY, scalar_bitcast(kernel, TFCC_FLOAT32, shifted),
                      power_of_two(kernel, 127 - f->bias));
    Scalar *result = scalar_bitcast(kernel, TFCC_UINT32, finite), *nan = word(kernel, 0x7fc00000);
    if (!f->has_one_zero)
        result = scalar_select(
            kernel, scalar_binary(kernel, SCALAR_LESS, word(kernel, f->largest), magnitude), nan,
            result);
    if (f->overflow != f->nan)
        result = scalar_select(kernel, binary(kernel, SCALAR_EQUAL, magnitude, f->overflow),
                               word(kernel, 0x7f800000), result);
    Scalar *sign = binary(kernel, SCALAR_SHIFT_LEFT, binary(kernel, SCALAR_AND, bits, 0x80), 24);
    result = scalar_binary(kernel, SCALAR_OR, result, sign);
    if (f->has_one_zero)
        result = scalar_select(kernel, binary(kernel, SCALAR_EQUAL, bits, f->nan), nan, result);
    return scalar_bitcast(kernel, TFCC_FLOAT32, result);
}

/* From 2^(1 - bias) on half of the last place, less one unless the last bit is set, is added before
 * the cut, and the bias changed. Below, adding the number whose last place is that of the
 * subnormals makes the processor round there. What is then above the largest number overflows. */
Scalar *math_to_float8(Kernel *kernel, tfcc_dtype dtype, Scalar *x) {
    const Float8Format *f = float8_format(dtype);
    uint32_t cut = (uint32_t)(23 - f->fraction_bits);
    Scalar *bits = scalar_bitcast(kernel, TFCC_UINT32, x);
    Scalar *magnitude = binary(kernel, SCALAR_AND, bits, 0x7fffffff);

    Scalar *odd = binary(kernel, SCALAR_AND, binary(kernel, SCALAR_SHIFT_RIGHT, magnitude, cut), 1);
    uint32_t half = (UINT32_C(1) << (cut - 1)) - 1;
    uint32_t bias = (uint32_t)(127 - f->bias) << 23;
    Scalar *normal =
        scalar_binary(kernel, SCALAR_ADD, binary(kernel, SCALAR_ADD, magnitude, half - bias), odd);
    normal = binary(kernel, SCALAR_SHIFT_RIGHT, normal, cut);

    Scalar *anchor = power_of_two(kernel, 1 - f->bias + (int)cut);
    Scalar *sum =
        scalar_binary(kernel, SCALAR_ADD, scalar_bitcast(kernel, TFCC_FLOAT32, magnitude), anchor);
    Scalar *subnormal =
        scalar_binary(kernel, SCALAR_SUBTRACT, scalar_bitcast(kernel, TFCC_UINT32, sum),
                      scalar_bitcast(kernel, TFCC_UINT32, anchor));

    Scalar *is_small = binary(kernel, SCALAR_LESS, magnitude, (uint32_t)(128 - f->bias) << 23);
    Scalar *result = scalar_select(kernel, is_small, subnormal, normal);
    Scalar *is_large = scalar_binary(kernel, SCALAR_LESS, word(kernel, f->largest), result);
    result = scalar_select(kernel, is_large, word(kernel, f->overflow), result);
    Scalar *is_nan = scalar_binary(kernel, SCALAR_LESS, word(kernel, 0x7f800000), magnitude);
    result = scalar_select(kernel, is_nan, word(kernel, f->nan), result);
    Scalar *sign = binary(kernel, SCALAR_AND, binary(kernel, SCALAR_SHIFT_RIGHT, bits, 24), 0x80);
    if (f->has_one_zero) /* 0 and NaN have no sign: of 7 bits only 1 … 0x7f have one */
        sign = scalar_select(kernel,
                             scalar_binary(kernel, SCALAR_LESS,
                                           binary(kernel, SCALAR_SUBTRACT, result, 1),
                                           word(kernel, 0x7f)),
                             sign, word(kernel, 0));
    result = scalar_binary(kernel, SCALAR_OR, result, sign);
    return scalar_bitcast(kernel, dtype, scalar_convert(kernel, TFCC_UINT8, result));
}
