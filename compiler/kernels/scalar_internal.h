/* scalar_internal.h: what the files of the kernel level share about scalars. */
#ifndef TFCC_KERNELS_SCALAR_INTERNAL_H
#define TFCC_KERNELS_SCALAR_INTERNAL_H

#include "kernels/kernel.h"

/* The kernel's scalar equal to the draft, made where there is none. */
Scalar *scalar_intern(Kernel *kernel, const Scalar *draft);
/* The Dim of an INDEX, or of an int64 constant. */
bool scalar_is_index(const Kernel *kernel, const Scalar *scalar, Dim *index);
bool scalar_is_constant(const Scalar *scalar, uint64_t *bits);

#endif
