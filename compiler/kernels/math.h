/* math.h: functions written out as arithmetic.
 *
 * exp, log, tanh, … of scalar_ops.def become polynomials and bit operations of the rows before
 * them, so that the interpreter and the native code compute the same bits, on every instruction
 * set: each step is rounded, none uses a fused multiply-add. float32 functions are within 2 ulp
 * (most within 1), float64 within 2; the source of each method stands above its function.
 */
#ifndef TFCC_KERNELS_MATH_H
#define TFCC_KERNELS_MATH_H

#include "kernels/kernel.h"

/* True for rows that are functions: EXP and everything behind it. */
bool math_is_function(ScalarOp op);
/* The function applied to scalars of `kernel` (float32 or float64; POWER also integers; RANDOM_BITS
 * uint64), as plain arithmetic. */
Scalar *math_expand(Kernel *kernel, ScalarOp op, Scalar *const *operands);
/* Expands every function of the kernel; the last thing before the schedule and before
 * interpretation. */
void math_expand_kernel(Kernel *kernel);

#endif
