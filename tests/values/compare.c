/* compare.c: comparing tensors. */
#include "compare.h"

#include "command/tensor_text.h"
#include "kernels/scalar_evaluate.h"
#include "support/dtype.h"
#include <math.h>
#include <string.h>

int64_t tensor_element_count(const tfcc_tensor *tensor) {
    int64_t count = 1;
    for (int k = 0; k < tensor->rank; k++) count *= tensor->shape[k];
    return count;
}

static const char *shape_of(Arena *arena, const tfcc_tensor *tensor) {
    Text text = {.arena = arena};
    text_add(&text, dtype_name(tensor->dtype));
    text_add(&text, " [");
    for (int k = 0; k < tensor->rank; k++)
        text_add_format(&text, "%s%lld", k ? ", " : "", (long long)tensor->shape[k]);
    text_add_char(&text, ']');
    return text.bytes;
}

static const char *compare_types(Arena *arena, const tfcc_tensor *got,
                                 const tfcc_tensor *expected) {
    if (got->dtype == expected->dtype && got->rank == expected->rank &&
        (got->rank == 0 ||
         memcmp(got->shape, expected->shape, (size_t)got->rank * sizeof *got->shape) == 0))
        return NULL;
    return arena_format(arena, "it is %s, not %s", shape_of(arena, got), shape_of(arena, expected));
}

static double unit_of(tfcc_dtype dtype, double value) {
    int bits = dtype == TFCC_FLOAT64   ? 53
               : dtype == TFCC_FLOAT32 ? 24
               : dtype == TFCC_FLOAT16 ? 11
                                       : 8;
    int lowest = dtype == TFCC_FLOAT64   ? -1074
                 : dtype == TFCC_FLOAT32 ? -149
                 : dtype == TFCC_FLOAT16 ? -24
                                         : -133;
    int exponent;
    frexp(fabs(value), &exponent);
    return ldexp(1, value != 0 && exponent - bits > lowest ? exponent - bits : lowest);
}

static bool reals_agree(tfcc_dtype dtype, double a, double b, const Tolerance *tolerance) {
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    if (a == b) return !tolerance->signed_zero || a != 0 || signbit(a) == signbit(b);
    if (isinf(a) || isinf(b)) return false;
    double difference = fabs(a - b);
    double least = tolerance->absolute != 0 ? fabs(b) : fmax(1, fabs(b));
    if (!(difference <= tolerance->absolute + tolerance->relative * least)) return false;
    return tolerance->ulps == 0 || difference <= tolerance->ulps * unit_of(dtype, b);
}

const char *compare_tensors(Arena *arena, const tfcc_tensor *got, const tfcc_tensor *expected,
                            const Tolerance *tolerance) {
    const char *types = compare_types(arena, got, expected);
    if (types) return types;
    int64_t count = tensor_element_count(got);
    for (int64_t k = 0; k < count; k++) {
        uint64_t a = bits_load(got->dtype, got->data, k),
                 b = bits_load(got->dtype, expected->data, k);
        if (!dtype_is_float(got->dtype)) {
            if (a == b) continue;
            return arena_format(arena, "element %lld is %lld, not %lld", (long long)k,
                                (long long)bits_to_integer(got->dtype, a),
                                (long long)bits_to_integer(got->dtype, b));
        }
        double x = bits_to_double(got->dtype, a), y = bits_to_double(got->dtype, b);
        if (!reals_agree(got->dtype, x, y, tolerance))
            return arena_format(arena, "element %lld is %.17g, not %.17g", (long long)k, x, y);
    }
    return NULL;
}

const char *compare_bits(Arena *arena, const tfcc_tensor *got, const tfcc_tensor *expected) {
    const char *types = compare_types(arena, got, expected);
    if (types) return types;
    int64_t count = tensor_element_count(got);
    for (int64_t k = 0; k < count; k++) {
        uint64_t a = bits_load(got->dtype, got->data, k),
                 b = bits_load(got->dtype, expected->data, k);
        if (a == b) continue;
        /* Which NaN comes out of an operation on NaNs is the processor's choice. */
        if (dtype_is_float(got->dtype) && isnan(bits_to_double(got->dtype, a)) &&
            isnan(bits_to_double(got->dtype, b)))
            continue;
        return arena_format(arena, "element %lld has bits %llx, not %llx", (long long)k,
                            (unsigned long long)a, (unsigned long long)b);
    }
    return NULL;
}
