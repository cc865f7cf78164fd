/* scalar_evaluate.h: the arithmetic of scalar_ops.def on numbers, which is its definition.
 *
 * The builders fold constants with it and the interpreter computes with it; the native code has to
 * give the same bits. Values travel as the bits their dtype stores, in the low bits of a uint64_t
 * with zeros above.
 */
#ifndef TFCC_KERNELS_SCALAR_EVALUATE_H
#define TFCC_KERNELS_SCALAR_EVALUATE_H

#include "kernels/kernel.h"

/* One operation, `operands` of dtype `operand` (for SELECT that of the second and third), giving a
 * `result`. The op must be one of CONVERT … ROUND_EVEN; functions (EXP and behind) are written out
 * before anything is evaluated. */
uint64_t scalar_evaluate(ScalarOp op, tfcc_dtype result, tfcc_dtype operand,
                         const uint64_t *operands);

/* Numbers from and to bits. Floating point of any width; integers sign- or zero-extended by their
 * dtype. */
double bits_to_double(tfcc_dtype dtype, uint64_t bits);
int64_t bits_to_integer(tfcc_dtype dtype, uint64_t bits);
uint64_t bits_from_double(tfcc_dtype dtype, double number); /* floating-point dtypes; rounds once */
uint64_t bits_from_integer(tfcc_dtype dtype,
                           int64_t number); /* integers and bool wrap (bool: != 0); floats round */

/* Elements of a tensor, which need not be aligned. */
uint64_t bits_load(tfcc_dtype dtype, const void *bytes, int64_t element);
void bits_store(tfcc_dtype dtype, void *bytes, int64_t element, uint64_t bits);

#endif
