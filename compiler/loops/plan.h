/* plan.h: what the files that plan a whole program share: steps, slots, places in the workspace.
 *
 *   order.c      kernels to steps, in the order of execution
 *   slots.c      numbers known at run time: which there are, and when they are known
 *   arguments.c  what a step's function is given
 *   workspace.c  which bytes of the workspace a buffer has
 *   schedule.c   the above in turn, and a function for every step (nest.h)
 */
#ifndef TFCC_LOOPS_PLAN_H
#define TFCC_LOOPS_PLAN_H

#include "loops/loops.h"

/* ---- order.c ---- */

/* loops->steps, with their kernels alone. */
void order_steps(LoopProgram *loops);

/* ---- slots.c ---- */

/* One slot per symbol, levels given by the BIND steps in their order, and the slots that BIND steps
 * fill. Comes after order_steps. */
void slots_begin(LoopProgram *loops);
/* The slot of a number without axes. Its place is provisional until slots_finish. */
uint32_t slots_of_dim(LoopProgram *loops, Dim dim);
/* loops->buffers but for offsets: shape, size and level of every buffer of the program. */
void slots_plan_buffers(LoopProgram *loops);
/* Puts constants behind the symbols and then the rest, those a number is made of before it, by
 * level; every use follows. */
void slots_finish(LoopProgram *loops);

/* ---- access.c ---- */

/* Where an element lies in its buffer: affine + sum of parts[k] * strides[k], in elements. `affine`
 * is over axes and sizes; parts depend on data. */
typedef struct Access {
    Dim affine;
    Scalar *parts[2 * MAX_RANK];
    Dim strides[2 * MAX_RANK];
    int part_count;
} Access;
/* `index` has one int64 scalar per dimension of the shape; NULL: the axes themselves. */
Access access_of_index(DimTable *dims, const Shape *shape, Scalar *const *index, const Dim *axes);

/* ---- arguments.c ---- */

/* The arguments of a kernel's step, in the order of the first use. A buffer that is read as two
 * dtypes is given twice. */
typedef struct KernelArguments {
    LoopArgument *arguments;
    LoopParameter *parameters; /* the same numbers */
    size_t count, capacity, parameter_count, parameter_capacity;
    Map numbers;
} KernelArguments;
KernelArguments arguments_of_kernel(Arena *arena, const Kernel *kernel);
/* The number of the argument that has this buffer's bytes as elements of this dtype. */
uint32_t arguments_find(const KernelArguments *arguments, Buffer *buffer, tfcc_dtype dtype);
/* Whether at each point the kernel reads of `input` nothing but the element it stores into `output`
 * there, so that both may have one address. */
bool arguments_same_index(const Kernel *kernel, const KernelOutput *output, Buffer *input);

/* ---- workspace.c ---- */

/* Offsets of buffers and the sizes of the workspace blocks. arguments[k] are those of step k; where
 * an output takes the place of an input, their parameters are no longer exclusive. */
void workspace_plan(LoopProgram *loops, KernelArguments *arguments);

#endif
