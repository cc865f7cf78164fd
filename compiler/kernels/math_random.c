/* math_random.c: Philox 4x32-10, a counter-based generator: Salmon, Moraes, Dror and Shaw,
 * "Parallel Random Numbers: As Easy as 1, 2, 3", 2011. The counter's four words are the number of
 * the block (low) and `high`; a block gives four words. */
#include "kernels/math_internal.h"

static Scalar *constant(Kernel *kernel, uint64_t value) {
    return scalar_constant_bits(kernel, TFCC_UINT64, value);
}

static Scalar *operation(Kernel *kernel, ScalarOp op, Scalar *a, Scalar *b) {
    return scalar_binary(kernel, op, a, b);
}

/* All words are kept in the low halves of uint64. */
static Scalar *low_word(Kernel *kernel, Scalar *a) {
    return operation(kernel, SCALAR_AND, a, constant(kernel, 0xffffffff));
}

static Scalar *high_word(Kernel *kernel, Scalar *a) {
    return operation(kernel, SCALAR_SHIFT_RIGHT, a, constant(kernel, 32));
}

Scalar *math_random_bits(Kernel *kernel, Scalar *key, Scalar *high, Scalar *count) {
    Scalar *block = operation(kernel, SCALAR_SHIFT_RIGHT, count, constant(kernel, 2));
    Scalar *c[4] = {low_word(kernel, block), high_word(kernel, block), low_word(kernel, high),
                    high_word(kernel, high)};
    Scalar *key0 = low_word(kernel, key), *key1 = high_word(kernel, key);
    for (int round = 0; round < 10; round++) {
        Scalar *p = operation(kernel, SCALAR_MULTIPLY, c[0], constant(kernel, 0xD2511F53));
        Scalar *q = operation(kernel, SCALAR_MULTIPLY, c[2], constant(kernel, 0xCD9E8D57));
        Scalar *first = operation(kernel, SCALAR_XOR, high_word(kernel, q), c[1]);
        Scalar *third = operation(kernel, SCALAR_XOR, high_word(kernel, p), c[3]);
        c[0] = operation(kernel, SCALAR_XOR, first, key0);
        c[1] = low_word(kernel, q);
        c[2] = operation(kernel, SCALAR_XOR, third, key1);
        c[3] = low_word(kernel, p);
        key0 = low_word(kernel, operation(kernel, SCALAR_ADD, key0, constant(kernel, 0x9E3779B9)));
        key1 = low_word(kernel, operation(kernel, SCALAR_ADD, key1, constant(kernel, 0xBB67AE85)));
    }
    Scalar *word = operation(kernel, SCALAR_AND, count, constant(kernel, 3)), *result = c[3];
    for (uint64_t k = 3; k-- > 0;)
        result = scalar_select(kernel, operation(kernel, SCALAR_EQUAL, word, constant(kernel, k)),
                               c[k], result);
    return scalar_convert(kernel, TFCC_UINT32, result);
}
