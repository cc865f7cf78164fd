#include "support/half.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* value >> shift, rounded to the nearest, ties to even; 0 < shift < 32. */
static uint32_t shift_rounding(uint32_t value, int shift) {
    uint32_t half = (uint32_t)1 << (shift - 1), rest = value & (2 * half - 1);
    uint32_t quotient = value >> shift;
    return quotient + (rest > half || (rest == half && (quotient & 1)));
}

float float16_to_float(uint16_t bits) {
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 31;
    uint32_t fraction = bits & 0x3ff;
    if (exponent == 31)
        return float_of(sign | 0x7f800000 | fraction << 13 | (fraction ? 0x400000 : 0));
    if (exponent > 0) return float_of(sign | (exponent + 112) << 23 | fraction << 13);
    float magnitude = (float)fraction * 0x1p-24f; /* subnormal: fraction / 2^24, exact */
    return float_of(sign | bits_of(magnitude));
}

uint16_t float_to_float16(float value) {
    uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    uint32_t result;
    if (magnitude > 0x7f800000)
        result = 0x7e00 | (magnitude >> 13 & 0x3ff);
    else if (magnitude >= 0x47800000) /* 2^16 and above */
        result = 0x7c00;
    else if (magnitude >=
             0x38800000) /* 2^-14: normal; rounding may carry into the exponent, up to infinity */
        result = shift_rounding(magnitude - (112u << 23), 13);
    else if (magnitude < 0x33000000) /* below 2^-25 */
        result = 0;
    else /* subnormal: 1.fraction * 2^(e - 127) in units of 2^-24 */
        result = shift_rounding((magnitude & 0x7fffff) | 0x800000, 126 - (int)(magnitude >> 23));
    return (uint16_t)(sign | result);
}

float bfloat16_to_float(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    if ((wide & 0x7fffffff) > 0x7f800000) wide |= 0x400000;
    return float_of(wide);
}

uint16_t float_to_bfloat16(float value) {
    uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)shift_rounding(bits, 16);
}

float double_to_odd_float(double value) {
    float near = (float)value;
    if ((double)near == value || isnan(value)) return near;
    uint32_t bits = bits_of(near);
    if (fabs((double)near) > fabs(value)) bits--;
    return float_of(bits | 1);
}

/* ---- 8 bits ---- */

const Float8Format *float8_format(tfcc_dtype dtype) {
    static const Float8Format e5m2 = {2, 15, 0x7b, 0x7c, 0x7e, false};
    static const Float8Format e4m3fn = {3, 7, 0x7e, 0x7f, 0x7f, false};
    static const Float8Format e5m2fnuz = {2, 16, 0x7f, 0x80, 0x80, true};
    static const Float8Format e4m3fnuz = {3, 8, 0x7f, 0x80, 0x80, true};
    switch (dtype) {
    case TFCC_FLOAT8_E5M2: return &e5m2;
    case TFCC_FLOAT8_E4M3FN: return &e4m3fn;
    case TFCC_FLOAT8_E5M2FNUZ: return &e5m2fnuz;
    default: assert(dtype == TFCC_FLOAT8_E4M3FNUZ); return &e4m3fnuz;
    }
}

float float8_to_float(tfcc_dtype dtype, uint8_t bits) {
    const Float8Format *f = float8_format(dtype);
    int magnitude = bits & 0x7f, exponent = magnitude >> f->fraction_bits;
    int fraction = magnitude & ((1 << f->fraction_bits) - 1);
    bool is_special = f->has_one_zero ? bits == f->nan : magnitude > f->largest;
    float value;
    if (is_special)
        value = magnitude == f->overflow && f->overflow != f->nan ? INFINITY : NAN;
    else if (exponent == 0)
        value = ldexpf((float)fraction, 1 - f->bias - f->fraction_bits);
    else
        value = ldexpf((float)(fraction + (1 << f->fraction_bits)),
                       exponent - f->bias - f->fraction_bits);
    return bits & 0x80 && !(f->has_one_zero && is_special) ? -value : value;
}

uint8_t float_to_float8(tfcc_dtype dtype, float value) {
    const Float8Format *f = float8_format(dtype);
    uint32_t bits = bits_of(value), sign = bits >> 24 & 0x80, magnitude = bits & 0x7fffffff;
    int cut = 23 - f->fraction_bits, exponent = (int)(magnitude >> 23) - 127, lowest = 1 - f->bias;
    uint32_t result;
    if (magnitude > 0x7f800000)
        result = f->nan;
    else if (exponent >= lowest) /* rounding may carry into the exponent */
        result = shift_rounding(magnitude, cut) - ((uint32_t)(127 - f->bias) << f->fraction_bits);
    else if (exponent < lowest - f->fraction_bits - 1)
        result = 0;
    else
        result = shift_rounding((magnitude & 0x7fffff) | 0x800000, cut + lowest - exponent);
    if (result > f->largest && magnitude <= 0x7f800000) result = f->overflow;
    if (f->has_one_zero && (result == 0 || result == f->nan)) sign = 0;
    return (uint8_t)(sign | result);
}

/* ---- any ---- */

double float_element_load(tfcc_dtype dtype, const void *bytes) {
    float single;
    double number;
    uint16_t half;
    switch (dtype) {
    case TFCC_FLOAT64: memcpy(&number, bytes, sizeof number); return number;
    case TFCC_FLOAT32: memcpy(&single, bytes, sizeof single); return (double)single;
    case TFCC_FLOAT16: memcpy(&half, bytes, sizeof half); return (double)float16_to_float(half);
    case TFCC_BFLOAT16: memcpy(&half, bytes, sizeof half); return (double)bfloat16_to_float(half);
    default: return (double)float8_to_float(dtype, *(const uint8_t *)bytes);
    }
}

void float_element_store(tfcc_dtype dtype, void *bytes, double number) {
    float single = (float)number, odd = double_to_odd_float(number);
    uint16_t half;
    switch (dtype) {
    case TFCC_FLOAT64: memcpy(bytes, &number, sizeof number); return;
    case TFCC_FLOAT32: memcpy(bytes, &single, sizeof single); return;
    case TFCC_FLOAT16: half = float_to_float16(odd); break;
    case TFCC_BFLOAT16: half = float_to_bfloat16(odd); break;
    default: *(uint8_t *)bytes = float_to_float8(dtype, odd); return;
    }
    memcpy(bytes, &half, sizeof half);
}
