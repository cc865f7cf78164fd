/* half.h: conversions between float and the 16-bit and 8-bit floating point formats, given as their
 * bits.
 *
 * To the narrow format rounds to the nearest, ties to even; overflow gives infinity, NaN stays a
 * (quiet) NaN. To float is exact. Integer operations only, so the result does not depend on the
 * processor.
 */
#ifndef TFCC_SUPPORT_HALF_H
#define TFCC_SUPPORT_HALF_H

#include <stdbool.h>
#include <stdint.h>
#include <tfcc/runtime.h>

float float16_to_float(uint16_t bits);
uint16_t float_to_float16(float value);
float bfloat16_to_float(uint16_t bits);
uint16_t float_to_bfloat16(float value);

/* The float next to `value` on the side of zero, with its last bit set where something was cut
 * off: rounding it once more, to a 16-bit format, is then as exact as rounding `value` itself. */
float double_to_odd_float(double value);

/* The 8-bit formats: e5m2 has infinities, e4m3fn has not, and neither have the `fnuz` ones, whose
 * one NaN is 0x80 and which have no -0. To the narrow format rounds to the nearest, ties to even;
 * overflow gives infinity where there is one, else NaN. */
typedef struct Float8Format {
    int fraction_bits, bias;
    uint8_t largest;  /* the greatest finite number */
    uint8_t overflow; /* what follows it: infinity or NaN */
    uint8_t nan;
    bool has_one_zero; /* fnuz: NaN has no sign either */
} Float8Format;

const Float8Format *float8_format(tfcc_dtype dtype);
float float8_to_float(tfcc_dtype dtype, uint8_t bits);
uint8_t float_to_float8(tfcc_dtype dtype, float value);

/* An element of any floating-point dtype at `bytes` (of any alignment), and a number stored there,
 * rounded once. */
double float_element_load(tfcc_dtype dtype, const void *bytes);
void float_element_store(tfcc_dtype dtype, void *bytes, double number);

#endif
