/* lower_elementwise.h: ops that compute each element from the elements at the same place. Private
 * to lower_*.c. */
#ifndef TFCC_KERNELS_LOWER_ELEMENTWISE_H
#define TFCC_KERNELS_LOWER_ELEMENTWISE_H

#include "kernels/lower.h"

/* Gives the element of the output from those of the inputs. Narrow floats come as float32; the
 * result is rounded to the output's dtype. */
typedef Scalar *(*ElementExpression)(LowerContext *c, Kernel *k, Scalar *const *x);

enum { ELEMENTWISE_MAX_INPUTS = 4 };

/* One kernel: output 0 at each place is the expression of the parameters' elements, broadcast to
 * it. */
void lower_elementwise(LowerContext *c, const char *const *parameters, int count,
                       ElementExpression expression);

/* A check over all elements of a parameter: `condition` of an element must hold, where the output
 * has elements at all. Left out where the input is a constant that passes. Value %0 of the message
 * is the element. */
void lower_element_check(LowerContext *c, const char *parameter, const char *message,
                         Scalar *(*condition)(Kernel *k, Scalar *x));

/* Lowerings made of one expression: UNARY(name, "parameter", expression of k and x), BINARY(name,
 * "first", "second", expression of k, x and y). */
#define UNARY(NAME, PARAMETER, EXPRESSION)                                                         \
    static Scalar *NAME##_element(LowerContext *c, Kernel *k, Scalar *const *inputs) {             \
        Scalar *x = inputs[0];                                                                     \
        (void)c;                                                                                   \
        return EXPRESSION;                                                                         \
    }                                                                                              \
    void lower_##NAME(LowerContext *c);                                                            \
    void lower_##NAME(LowerContext *c) {                                                           \
        lower_elementwise(c, (const char *const[]){PARAMETER}, 1, NAME##_element);                 \
    }

#define BINARY(NAME, FIRST, SECOND, EXPRESSION)                                                    \
    static Scalar *NAME##_element(LowerContext *c, Kernel *k, Scalar *const *inputs) {             \
        Scalar *x = inputs[0], *y = inputs[1];                                                     \
        (void)c;                                                                                   \
        return EXPRESSION;                                                                         \
    }                                                                                              \
    void lower_##NAME(LowerContext *c);                                                            \
    void lower_##NAME(LowerContext *c) {                                                           \
        lower_elementwise(c, (const char *const[]){FIRST, SECOND}, 2, NAME##_element);             \
    }

#endif
