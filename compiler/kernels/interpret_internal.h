/* interpret_internal.h: what the files of the interpreter share. */
#ifndef TFCC_KERNELS_INTERPRET_INTERNAL_H
#define TFCC_KERNELS_INTERPRET_INTERNAL_H

#include "kernels/interpret.h"
#include "loops/loops.h"

/* interpret_points.c: every point of a kernel's axes. NULL, or the check that failed. */
const char *interpret_points(Interpreter *interpreter, const Kernel *kernel);
/* A check's message with its values, bits[k] of dtypes[k], filled in. */
const char *interpret_message(Arena *arena, const KernelCheck *check, const uint64_t *bits,
                              const tfcc_dtype *dtypes);

/* interpret_loops.c: carries out a function of the loop level for a kernel: buffers[k] is what its
 * parameter k is given, numbers[k] its slot k. Outputs have their memory. NULL, or the failure. */
const char *interpret_function(Interpreter *interpreter, const Kernel *kernel,
                               const LoopFunction *function, Buffer *const *buffers,
                               const Dim *numbers);

#endif
