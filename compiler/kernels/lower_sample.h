/* lower_sample.h: elements between the elements of a tensor. Private to lower_*.c.
 *
 * A coordinate along an axis, a floating point number, is turned into taps: the positions around it
 * and their weights. A sample is the sum, over one tap of each axis, of the products of the weights
 * and the element at these positions.
 */
#ifndef TFCC_KERNELS_LOWER_SAMPLE_H
#define TFCC_KERNELS_LOWER_SAMPLE_H

#include "kernels/lower.h"

enum { MAX_TAPS = 4 };

typedef struct Taps {
    int axis; /* of the buffer */
    int count;
    Scalar *position[MAX_TAPS]; /* int64, or int32 until they are clamped or masked */
    Scalar *weight[MAX_TAPS];
    Scalar *inside[MAX_TAPS]; /* bool, or NULL: always; where it is false the element counts as 0 */
} Taps;

/* A whole number in floating point as an int32, or of float64 as an int64; what does not fit is some
 * number. */
Scalar *sample_position(Kernel *k, Scalar *whole);
/* At least 0, at most size - 1; as an int64. */
Scalar *sample_clamp(Kernel *k, Scalar *position, Dim size);

/* The two positions around a coordinate; the four, with the cubic kernel of parameter `a` (Keys,
 * "Cubic convolution interpolation", 1981). */
Taps sample_linear_taps(Kernel *k, int axis, Scalar *coordinate);
Taps sample_cubic_taps(Kernel *k, int axis, Scalar *coordinate, double a);
/* The weight that the cubic kernel gives at a distance from 0 to 2, and 0 beyond. */
Scalar *sample_cubic_weight(Kernel *k, Scalar *distance, double a);
/* Positions outside 0 … size - 1 become the nearest ones inside, or count as 0. */
void sample_clamp_taps(Kernel *k, Taps *taps, Dim size);
void sample_mask_taps(Kernel *k, Taps *taps, Dim size);

/* The sum (COMBINE_ADD) or the largest (COMBINE_MAXIMUM) of weight times element over all taps;
 * `index` has the other positions already. Computed in the dtype of the weights. With
 * `skips_zeros` an element of weight 0 is not looked at, be it infinite or NaN. */
Scalar *sample_buffer(Kernel *k, Buffer *buffer, Scalar **index, const Taps *taps, int axis_count,
                      Combiner combiner, bool skips_zeros);

#endif
