/* scalar_evaluate.c: what every scalar operation means, one value at a time. */
#include "kernels/scalar_evaluate.h"

#include "support/dtype.h"
#include "support/half.h"
#include <assert.h>
#include <math.h>
#include <string.h>

static float float_of(uint64_t bits) {
    uint32_t low = (uint32_t)bits;
    float value;
    memcpy(&value, &low, sizeof value);
    return value;
}

static uint64_t bits_of_float(float value) {
    uint32_t low;
    memcpy(&low, &value, sizeof low);
    return low;
}

static double double_of(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t bits_of_double(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* The low `width` bits. */
static uint64_t cut(uint64_t bits, int width) {
    return width >= 64 ? bits : bits & ((UINT64_C(1) << width) - 1);
}

/* The width of a value; 4-bit types are kept in whole bytes. */
static int width_of(tfcc_dtype dtype) {
    return dtype_bits(dtype);
}

/* ---- numbers and bits ---- */

double bits_to_double(tfcc_dtype dtype, uint64_t bits) {
    if (dtype_is_float(dtype)) return float_element_load(dtype, &bits); /* little-endian */
    return dtype == TFCC_UINT64 ? (double)bits : (double)bits_to_integer(dtype, bits);
}

int64_t bits_to_integer(tfcc_dtype dtype, uint64_t bits) {
    if (dtype_is_bool(dtype)) return (bits & 0xff) != 0;
    int width = width_of(dtype);
    bits = cut(bits, width);
    if (dtype_is_signed(dtype) && width < 64 && (bits >> (width - 1)) != 0)
        bits |= ~UINT64_C(0) << width;
    return (int64_t)bits;
}

uint64_t bits_from_double(tfcc_dtype dtype, double number) {
    uint64_t bits = 0;
    assert(dtype_is_float(dtype));
    float_element_store(dtype, &bits, number);
    return bits;
}

uint64_t bits_from_integer(tfcc_dtype dtype, int64_t number) {
    if (dtype_is_bool(dtype)) return number != 0;
    if (dtype == TFCC_FLOAT32) return bits_of_float((float)number);
    if (dtype_is_float(dtype))
        return dtype == TFCC_FLOAT64 ? bits_of_double((double)number)
                                     : bits_from_double(dtype, (double)(float)number);
    if (dtype_is_4_bit(dtype)) /* wraps at 4 bits, and is kept as a byte of that value */
        number = bits_to_integer(dtype, (uint64_t)number);
    return cut((uint64_t)number, 8 * (int)dtype_size(dtype));
}

uint64_t bits_load(tfcc_dtype dtype, const void *bytes, int64_t element) {
    size_t size = dtype_size(dtype);
    uint64_t bits = 0;
    memcpy(&bits, (const char *)bytes + (size_t)element * size, size);
    return bits;
}

void bits_store(tfcc_dtype dtype, void *bytes, int64_t element, uint64_t bits) {
    size_t size = dtype_size(dtype);
    memcpy((char *)bytes + (size_t)element * size, &bits, size);
}

/* ---- conversions ---- */

/* As the x86-64 instruction: truncated, the minimum where it does not fit or is NaN. */
static int64_t truncate_to_integer(double number, int width) {
    double limit = ldexp(1.0, width - 1);
    double lowest = width == 64 ? INT64_MIN : INT32_MIN;
    if (!(trunc(number) >= lowest && trunc(number) < limit))
        return width == 64 ? INT64_MIN : INT32_MIN;
    return (int64_t)number;
}

static uint64_t convert(tfcc_dtype to, tfcc_dtype from, uint64_t bits) {
    if (to == from) return bits;
    if (dtype_is_float(from)) {
        double number = bits_to_double(from, bits);
        if (dtype_is_bool(to)) return number != 0;
        if (dtype_is_float(to)) {
            return bits_from_double(to, number);
        }
        if (to == TFCC_UINT64 && number >= 0x1p63)
            return (uint64_t)truncate_to_integer(number - 0x1p63, 64) ^ (UINT64_C(1) << 63);
        int width = to == TFCC_INT64 || to == TFCC_UINT64 || to == TFCC_UINT32 ? 64 : 32;
        return bits_from_integer(to, truncate_to_integer(number, width));
    }
    if (from == TFCC_UINT64 && dtype_is_float(to)) {
        if (to == TFCC_FLOAT64) return bits_of_double((double)bits);
        return to == TFCC_FLOAT32 ? bits_of_float((float)bits)
                                  : bits_from_double(to, (double)(float)bits);
    }
    return bits_from_integer(to, bits_to_integer(from, bits));
}

/* ---- arithmetic ---- */

/* Minimum and maximum of floats: the first NaN wins, and -0 is below +0, so that the order of
 * operands does not matter. */
#define FLOAT_ARITHMETIC(NAME, TYPE, FROM, TO, SQRT, FLOOR, CEIL, TRUNC, RINT)                     \
    static TYPE NAME##_smaller(TYPE a, TYPE b) {                                                   \
        if (isnan(a)) return a;                                                                    \
        if (isnan(b)) return b;                                                                    \
        if (a == b) return signbit(a) ? a : b;                                                     \
        return a < b ? a : b;                                                                      \
    }                                                                                              \
    static TYPE NAME##_larger(TYPE a, TYPE b) {                                                    \
        if (isnan(a)) return a;                                                                    \
        if (isnan(b)) return b;                                                                    \
        if (a == b) return signbit(a) ? b : a;                                                     \
        return a < b ? b : a;                                                                      \
    }                                                                                              \
    static uint64_t NAME##_operation(ScalarOp op, uint64_t left, uint64_t right) {                 \
        TYPE a = FROM(left), b = FROM(right);                                                      \
        switch (op) {                                                                              \
        case SCALAR_ADD: return TO(a + b);                                                         \
        case SCALAR_SUBTRACT: return TO(a - b);                                                    \
        case SCALAR_MULTIPLY: return TO(a * b);                                                    \
        case SCALAR_DIVIDE: return TO(a / b);                                                      \
        case SCALAR_NEGATE: return left ^ (UINT64_C(1) << (sizeof(TYPE) * 8 - 1));                 \
        case SCALAR_ABSOLUTE: return left & ~(UINT64_C(1) << (sizeof(TYPE) * 8 - 1));              \
        case SCALAR_MINIMUM: return TO(NAME##_smaller(a, b));                                      \
        case SCALAR_MAXIMUM: return TO(NAME##_larger(a, b));                                       \
        case SCALAR_EQUAL: return a == b;                                                          \
        case SCALAR_NOT_EQUAL: return a != b;                                                      \
        case SCALAR_LESS: return a < b;                                                            \
        case SCALAR_LESS_EQUAL: return a <= b;                                                     \
        case SCALAR_SQRT: return TO(SQRT(a));                                                      \
        case SCALAR_FLOOR: return TO(FLOOR(a));                                                    \
        case SCALAR_CEIL: return TO(CEIL(a));                                                      \
        case SCALAR_TRUNCATE: return TO(TRUNC(a));                                                 \
        case SCALAR_ROUND_EVEN: return TO(RINT(a));                                                \
        default: assert(0 && "an operation on floats"); return 0;                                  \
        }                                                                                          \
    }

FLOAT_ARITHMETIC(float, float, float_of, bits_of_float, sqrtf, floorf, ceilf, truncf, rintf)
FLOAT_ARITHMETIC(double, double, double_of, bits_of_double, sqrt, floor, ceil, trunc, rint)

static uint64_t signed_operation(ScalarOp op, int width, int64_t a, int64_t b) {
    int64_t lowest = width == 64 ? INT64_MIN : -(INT64_C(1) << (width - 1));
    uint64_t x = (uint64_t)a, y = (uint64_t)b;
    switch (op) {
    case SCALAR_DIVIDE: return b == 0 ? 0 : b == -1 ? 0 - x : (uint64_t)(a / b);
    case SCALAR_REMAINDER: return b == 0 || b == -1 ? 0 : (uint64_t)(a % b);
    case SCALAR_ABSOLUTE: return a < 0 && a != lowest ? 0 - x : x;
    case SCALAR_MINIMUM: return a < b ? x : y;
    case SCALAR_MAXIMUM: return a < b ? y : x;
    case SCALAR_LESS: return a < b;
    case SCALAR_LESS_EQUAL: return a <= b;
    case SCALAR_SHIFT_RIGHT: return (uint64_t)(a >> (b & (width - 1)));
    default: assert(0 && "an operation on integers"); return 0;
    }
}

static uint64_t unsigned_operation(ScalarOp op, int width, uint64_t a, uint64_t b) {
    switch (op) {
    case SCALAR_DIVIDE: return b == 0 ? 0 : a / b;
    case SCALAR_REMAINDER: return b == 0 ? 0 : a % b;
    case SCALAR_ABSOLUTE: return a;
    case SCALAR_MINIMUM: return a < b ? a : b;
    case SCALAR_MAXIMUM: return a < b ? b : a;
    case SCALAR_LESS: return a < b;
    case SCALAR_LESS_EQUAL: return a <= b;
    case SCALAR_SHIFT_RIGHT: return a >> (b & (uint64_t)(width - 1));
    default: assert(0 && "an operation on integers"); return 0;
    }
}

static uint64_t integer_operation(ScalarOp op, tfcc_dtype dtype, uint64_t left, uint64_t right) {
    int width = dtype_is_bool(dtype) ? 8 : width_of(dtype);
    switch (op) {
    case SCALAR_ADD: return cut(left + right, width);
    case SCALAR_SUBTRACT: return cut(left - right, width);
    case SCALAR_MULTIPLY: return cut(left * right, width);
    case SCALAR_NEGATE: return cut(0 - left, width);
    case SCALAR_EQUAL: return left == right;
    case SCALAR_NOT_EQUAL: return left != right;
    case SCALAR_AND: return left & right;
    case SCALAR_OR: return left | right;
    case SCALAR_XOR: return left ^ right;
    case SCALAR_NOT: return dtype_is_bool(dtype) ? !left : cut(~left, width);
    case SCALAR_SHIFT_LEFT: return cut(left << (right & (uint64_t)(width - 1)), width);
    default: break;
    }
    if (dtype_is_signed(dtype))
        return cut(signed_operation(op, width, bits_to_integer(dtype, left),
                                    bits_to_integer(dtype, right)),
                   width);
    return cut(unsigned_operation(op, width, left, right), width);
}

uint64_t scalar_evaluate(ScalarOp op, tfcc_dtype result, tfcc_dtype operand,
                         const uint64_t *operands) {
    switch (op) {
    case SCALAR_CONVERT: return convert(result, operand, operands[0]);
    case SCALAR_BITCAST: return operands[0];
    case SCALAR_SELECT: return operands[0] ? operands[1] : operands[2];
    default: break;
    }
    bool is_binary = op == SCALAR_ADD || op == SCALAR_SUBTRACT || op == SCALAR_MULTIPLY ||
                     op == SCALAR_DIVIDE || op == SCALAR_REMAINDER ||
                     (op >= SCALAR_MINIMUM && op <= SCALAR_XOR) || op == SCALAR_SHIFT_LEFT ||
                     op == SCALAR_SHIFT_RIGHT;
    uint64_t left = operands[0], right = is_binary ? operands[1] : 0;
    if (operand == TFCC_FLOAT32) return float_operation(op, left, right);
    if (operand == TFCC_FLOAT64) return double_operation(op, left, right);
    return integer_operation(op, operand, left, right);
}
