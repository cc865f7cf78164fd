#include "support/half.h"

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
