/* half.h: conversions between float and the 16-bit floating point formats, given as their bits.
 *
 * To the narrow format rounds to the nearest, ties to even; overflow gives infinity, NaN stays a
 * (quiet) NaN. To float is exact. Integer operations only, so the result does not depend on the
 * processor.
 */
#ifndef TFCC_SUPPORT_HALF_H
#define TFCC_SUPPORT_HALF_H

#include <stdint.h>

float float16_to_float(uint16_t bits);
uint16_t float_to_float16(float value);
float bfloat16_to_float(uint16_t bits);
uint16_t float_to_bfloat16(float value);

/* The float next to `value` on the side of zero, with its last bit set where something was cut
 * off: rounding it once more, to a 16-bit format, is then as exact as rounding `value` itself. */
float double_to_odd_float(double value);

#endif
