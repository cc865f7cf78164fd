/* compare.h: whether a tensor is what a case expects, by the rules of README.md. */
#ifndef TFCC_TESTS_VALUES_COMPARE_H
#define TFCC_TESTS_VALUES_COMPARE_H

#include "support/arena.h"
#include <tfcc/runtime.h>

typedef struct Tolerance {
    double relative; /* |a - b| <= relative * max(1, |b|) */
    double ulps;     /* 0: not limited */
    double absolute; /* not 0: numpy's |a - b| <= absolute + relative * |b| in place of the above */
    bool signed_zero;
} Tolerance;

/* NULL, or a sentence that says where they differ. Dtypes and shapes are compared too. */
const char *compare_tensors(Arena *arena, const tfcc_tensor *got, const tfcc_tensor *expected,
                            const Tolerance *tolerance);
/* NULL, or where the bits differ. */
const char *compare_bits(Arena *arena, const tfcc_tensor *got, const tfcc_tensor *expected);

int64_t tensor_element_count(const tfcc_tensor *tensor);

#endif
