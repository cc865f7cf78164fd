/* lower.h: what the lowerings of ops share. Private to lower.c and lower_*.c.
 *
 * A lowering begins kernels with lower_kernel, loads its inputs' buffers, and stores into
 * lower_output. What may fail at run time is asked by a kernel of its own (lower_check_kernel);
 * kernels begun later come after it by themselves.
 */
#ifndef TFCC_KERNELS_LOWER_H
#define TFCC_KERNELS_LOWER_H

#include "graph/infer.h"
#include "kernels/kernel.h"
#include "support/dtype.h"
#include <tfcc/abi.h>

/* ---- short names for arithmetic ---- */

#define SCALAR_BINARY_SHORTHAND(NAME, OP)                                                          \
    static inline Scalar *NAME(Kernel *kernel, Scalar *a, Scalar *b) {                             \
        return scalar_binary(kernel, OP, a, b);                                                    \
    }
SCALAR_BINARY_SHORTHAND(scalar_add, SCALAR_ADD)
SCALAR_BINARY_SHORTHAND(scalar_subtract, SCALAR_SUBTRACT)
SCALAR_BINARY_SHORTHAND(scalar_multiply, SCALAR_MULTIPLY)
SCALAR_BINARY_SHORTHAND(scalar_divide, SCALAR_DIVIDE)
SCALAR_BINARY_SHORTHAND(scalar_remainder, SCALAR_REMAINDER)
SCALAR_BINARY_SHORTHAND(scalar_maximum, SCALAR_MAXIMUM)
SCALAR_BINARY_SHORTHAND(scalar_minimum, SCALAR_MINIMUM)
SCALAR_BINARY_SHORTHAND(scalar_equal, SCALAR_EQUAL)
SCALAR_BINARY_SHORTHAND(scalar_not_equal, SCALAR_NOT_EQUAL)
SCALAR_BINARY_SHORTHAND(scalar_less, SCALAR_LESS)
SCALAR_BINARY_SHORTHAND(scalar_less_equal, SCALAR_LESS_EQUAL)
SCALAR_BINARY_SHORTHAND(scalar_and, SCALAR_AND)
SCALAR_BINARY_SHORTHAND(scalar_or, SCALAR_OR)
SCALAR_BINARY_SHORTHAND(scalar_xor, SCALAR_XOR)
#undef SCALAR_BINARY_SHORTHAND

static inline Scalar *scalar_not(Kernel *kernel, Scalar *a) {
    return scalar_unary(kernel, SCALAR_NOT, a);
}
static inline Scalar *scalar_negate(Kernel *kernel, Scalar *a) {
    return scalar_unary(kernel, SCALAR_NEGATE, a);
}
static inline Scalar *scalar_absolute(Kernel *kernel, Scalar *a) {
    return scalar_unary(kernel, SCALAR_ABSOLUTE, a);
}
/* A number in the dtype of `like`. */
static inline Scalar *scalar_like(Kernel *kernel, const Scalar *like, double number) {
    return scalar_float(kernel, like->dtype, number);
}
/* low <= a < high, on int64. */
Scalar *scalar_in_range(Kernel *kernel, Scalar *a, Scalar *low, Scalar *high);

/* ---- the node ---- */

Value *lower_input_value(LowerContext *c, const char *parameter); /* NULL where absent */
/* The buffers of a list parameter, in the context's arena. */
size_t lower_input_list(LowerContext *c, const char *parameter, Buffer ***buffers);
const Shape *lower_output_shape(LowerContext *c, int index);
/* Output `index` shows the bytes of `base` under its own type; where that is not possible (a run
 * may feed it, it waits for a check, a guard or `after`, its sizes are known only after something
 * has been computed, the bytes may be overwritten) they are copied. */
void lower_show(LowerContext *c, int index, Buffer *base);
/* The numbers of an integer tensor that is known when compiling; false where it is not. */
bool lower_known_integers(LowerContext *c, const char *parameter, const int64_t **numbers,
                          size_t *count);
/* Which of `rank` dimensions a parameter names, each a Dim that is 0 or 1, also where only the run
 * tells; all where the parameter is absent. */
void lower_axes(LowerContext *c, const char *parameter, int rank, Dim *is_named);
/* The one known axis of a parameter; `otherwise` (may be negative) where it is absent. */
int lower_axis(LowerContext *c, const char *parameter, int rank, int otherwise);

/* ---- kernels ---- */

/* A kernel with checks and no outputs; it becomes the context's requirement. */
Kernel *lower_check_kernel(LowerContext *c);
/* A message that begins with the node: `node 'y' (gather): …`; `format` is a message as in
 * tfcc/abi.h, not printf's. */
const char *lower_message(LowerContext *c, const char *format);
/* A kernel over the shape, its axes in `axes`. */
Kernel *lower_kernel_over(LowerContext *c, const Shape *shape, Dim *axes);
/* A group of so many steps. Members are added with kernel_create_member; kernel_gather_members
 * ends it. */
Kernel *lower_steps(LowerContext *c, Dim steps);

/* ---- state ---- */

/* A START, CURRENT or INITIALIZED buffer of the node's variable. */
Buffer *lower_variable_buffer(LowerContext *c, int kind, Type type);
/* Output 0 as the new value of the node's variable. */
Buffer *lower_write(LowerContext *c);

/* ---- indices ---- */

/* The index into `from`, which broadcasts to a shape of which `axes` are the indices: aligned at
 * the end; where the size is 1, 0; where it may be, axis * (size != 1). */
void lower_broadcast_index(DimTable *dims, const Shape *from, const Shape *to, const Dim *axes,
                           Dim *index);
Scalar *lower_load_broadcast(Kernel *kernel, Buffer *buffer, const Shape *to, const Dim *axes);
/* Element k of an integer tensor as int64: a Dim where the contents are known as such, else a load.
 */
Scalar *lower_element(LowerContext *c, Kernel *kernel, Value *value, int64_t k);

/* A conversion in which what is out of range gives the nearest number
 * there is; to 4 bits floats are rounded to the nearest, not cut. */
Scalar *lower_saturate(Kernel *kernel, tfcc_dtype dtype, Scalar *a);

/* Narrow floats as float32, in which their arithmetic is done; anything else as it is. */
Scalar *lower_widen(Kernel *kernel, Scalar *a);

#endif
