/* checked.h: arithmetic on sizes that may not overflow. All shape arithmetic goes through here;
 * nothing multiplies dimensions with a bare `*`. Each gives false, and leaves *result alone, when
 * the true result does not fit. */
#ifndef TFCC_SUPPORT_CHECKED_H
#define TFCC_SUPPORT_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

static inline bool checked_add(int64_t a, int64_t b, int64_t *result) {
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) return false;
    *result = sum;
    return true;
}

static inline bool checked_multiply(int64_t a, int64_t b, int64_t *result) {
    int64_t product;
    if (__builtin_mul_overflow(a, b, &product)) return false;
    *result = product;
    return true;
}

#endif
