/* lower_binary.c: z[i] = f(x[i], y[i]) with broadcasting, and its relatives with more inputs. */
#include "kernels/lower_elementwise.h"

static bool is_float(const Scalar *x) {
    return dtype_is_float(x->dtype);
}

BINARY(add, "x", "y", scalar_add(k, x, y))
BINARY(subtract, "x", "y", scalar_subtract(k, x, y))
BINARY(multiply, "x", "y", scalar_multiply(k, x, y))
BINARY(maximum, "x", "y", scalar_maximum(k, x, y))
BINARY(minimum, "x", "y", scalar_minimum(k, x, y))
BINARY(squared_difference, "x", "y",
       scalar_multiply(k, scalar_subtract(k, x, y), scalar_subtract(k, x, y)))
BINARY(atan2, "y", "x", scalar_binary(k, SCALAR_ATAN2, x, y))
BINARY(equal, "x", "y", scalar_equal(k, x, y))
BINARY(not_equal, "x", "y", scalar_not_equal(k, x, y))
BINARY(less, "x", "y", scalar_less(k, x, y))
BINARY(less_equal, "x", "y", scalar_less_equal(k, x, y))
BINARY(greater, "x", "y", scalar_less(k, y, x))
BINARY(greater_equal, "x", "y", scalar_less_equal(k, y, x))
BINARY(logical_and, "x", "y", scalar_and(k, x, y))
BINARY(logical_or, "x", "y", scalar_or(k, x, y))
BINARY(logical_xor, "x", "y", scalar_xor(k, x, y))
BINARY(bitwise_and, "x", "y", scalar_and(k, x, y))
BINARY(bitwise_or, "x", "y", scalar_or(k, x, y))
BINARY(bitwise_xor, "x", "y", scalar_xor(k, x, y))

/* ---- division ---- */

/* Of floats; integers have been converted by expansion. */
BINARY(divide, "x", "y", scalar_divide(k, x, y))

static Scalar *not_zero(Kernel *k, Scalar *y) {
    return scalar_not_equal(k, y, scalar_like(k, y, 0));
}

static void check_divisor(LowerContext *c) {
    if (dtype_is_float(lower_input(c, "y")->type.dtype)) return;
    lower_element_check(c, "y", "Integer division by zero", not_zero);
}

/* Whether the signs of a remainder and its divisor differ, the remainder not being zero. */
static Scalar *signs_differ(Kernel *k, Scalar *remainder, Scalar *y) {
    Scalar *zero = scalar_like(k, y, 0);
    Scalar *differ = scalar_xor(k, scalar_less(k, remainder, zero), scalar_less(k, y, zero));
    return scalar_and(k, scalar_not_equal(k, remainder, zero), differ);
}

/* One step of the remainder of magnitudes, in float64: takes off y times the leading bits of the
 * quotient. Those are so few that, with y cut in two halves of 26 bits each, all products and
 * differences are exact. */
static Scalar *remainder_step(Kernel *k, Scalar *rest, Scalar *y, Scalar *high, Scalar *low,
                              uint64_t mask, bool is_split) {
    Scalar *quotient = scalar_unary(k, SCALAR_TRUNCATE, scalar_divide(k, rest, y));
    Scalar *bits = scalar_and(k, scalar_bitcast(k, TFCC_UINT64, quotient),
                              scalar_constant_bits(k, TFCC_UINT64, mask));
    quotient = scalar_bitcast(k, TFCC_FLOAT64, bits);
    if (!is_split) rest = scalar_subtract(k, rest, scalar_multiply(k, quotient, y));
    if (is_split) {
        rest = scalar_subtract(k, rest, scalar_multiply(k, quotient, high));
        rest = scalar_subtract(k, rest, scalar_multiply(k, quotient, low));
    }
    /* A quotient that was rounded up has taken off one y too many. */
    return scalar_select(k, scalar_less(k, rest, scalar_like(k, rest, 0)), scalar_add(k, rest, y),
                         rest);
}

/* C's fmod. float32 is computed in float64 with 28 bits of the quotient a step, which after ten
 * steps is exact for all numbers; float64 with 26 bits a step, exact while the quotient is below
 * 2^208. */
static Scalar *float_remainder(Kernel *k, Scalar *x, Scalar *y) {
    tfcc_dtype dtype = x->dtype;
    bool is_double = dtype == TFCC_FLOAT64;
    Scalar *dividend = scalar_convert(k, TFCC_FLOAT64, x),
           *divisor = scalar_convert(k, TFCC_FLOAT64, y);
    Scalar *rest = scalar_absolute(k, dividend), *size = scalar_absolute(k, divisor);
    Scalar *infinity = scalar_like(k, rest, __builtin_inf());
    Scalar *cut = scalar_constant_bits(k, TFCC_UINT64, ~((UINT64_C(1) << 27) - 1));
    Scalar *high =
        scalar_bitcast(k, TFCC_FLOAT64, scalar_and(k, scalar_bitcast(k, TFCC_UINT64, size), cut));
    Scalar *low = scalar_subtract(k, size, high);
    int steps = is_double ? 8 : 10;
    uint64_t mask = ~((UINT64_C(1) << (is_double ? 27 : 25)) - 1);
    for (int step = 0; step < steps; step++)
        rest = remainder_step(k, rest, size, high, low, mask, is_double);
    rest = scalar_select(k, scalar_less(k, scalar_absolute(k, dividend), size),
                         scalar_absolute(k, dividend), rest);
    /* Infinite dividends and divisors that are zero or NaN have no remainder. */
    Scalar *is_defined = scalar_and(k, scalar_less(k, scalar_absolute(k, dividend), infinity),
                                    scalar_less(k, scalar_like(k, rest, 0), size));
    rest = scalar_select(k, is_defined, rest, scalar_like(k, rest, __builtin_nan("")));
    Scalar *signed_rest = scalar_select(k, scalar_less(k, dividend, scalar_like(k, rest, 0)),
                                        scalar_negate(k, rest), rest);
    return scalar_convert(k, dtype, signed_rest);
}

static Scalar *floordiv_element(LowerContext *c, Kernel *k, Scalar *const *inputs) {
    (void)c;
    Scalar *x = inputs[0], *y = inputs[1];
    if (is_float(x)) return scalar_unary(k, SCALAR_FLOOR, scalar_divide(k, x, y));
    Scalar *quotient = scalar_divide(k, x, y);
    if (dtype_is_unsigned(x->dtype)) return quotient;
    Scalar *is_below = signs_differ(k, scalar_remainder(k, x, y), y);
    return scalar_select(k, is_below, scalar_subtract(k, quotient, scalar_like(k, x, 1)), quotient);
}

static Scalar *floormod_element(LowerContext *c, Kernel *k, Scalar *const *inputs) {
    (void)c;
    Scalar *x = inputs[0], *y = inputs[1];
    Scalar *remainder = is_float(x) ? float_remainder(k, x, y) : scalar_remainder(k, x, y);
    if (dtype_is_unsigned(x->dtype)) return remainder;
    return scalar_select(k, signs_differ(k, remainder, y), scalar_add(k, remainder, y), remainder);
}

static Scalar *truncatemod_element(LowerContext *c, Kernel *k, Scalar *const *inputs) {
    (void)c;
    Scalar *x = inputs[0], *y = inputs[1];
    return is_float(x) ? float_remainder(k, x, y) : scalar_remainder(k, x, y);
}

static Scalar *truncatediv_element(LowerContext *c, Kernel *k, Scalar *const *inputs) {
    (void)c;
    Scalar *quotient = scalar_divide(k, inputs[0], inputs[1]);
    return is_float(quotient) ? scalar_unary(k, SCALAR_TRUNCATE, quotient) : quotient;
}

static const char *const x_and_y[] = {"x", "y"};

void lower_floordiv(LowerContext *c);
void lower_floordiv(LowerContext *c) {
    check_divisor(c);
    lower_elementwise(c, x_and_y, 2, floordiv_element);
}

void lower_floormod(LowerContext *c);
void lower_floormod(LowerContext *c) {
    check_divisor(c);
    lower_elementwise(c, x_and_y, 2, floormod_element);
}

void lower_truncatediv(LowerContext *c);
void lower_truncatediv(LowerContext *c) {
    check_divisor(c);
    lower_elementwise(c, x_and_y, 2, truncatediv_element);
}

void lower_truncatemod(LowerContext *c);
void lower_truncatemod(LowerContext *c) {
    check_divisor(c);
    lower_elementwise(c, x_and_y, 2, truncatemod_element);
}

/* ---- powers and shifts ---- */

static Scalar *not_negative(Kernel *k, Scalar *y) {
    return scalar_less_equal(k, scalar_like(k, y, 0), y);
}

static Scalar *pow_element(LowerContext *c, Kernel *k, Scalar *const *inputs) {
    (void)c;
    return scalar_binary(k, SCALAR_POWER, inputs[0], inputs[1]);
}

void lower_pow(LowerContext *c);
void lower_pow(LowerContext *c) {
    if (dtype_is_signed(lower_input(c, "y")->type.dtype))
        lower_element_check(c, "y", "Integers to negative integer powers are not allowed: y has %0",
                            not_negative);
    lower_elementwise(c, x_and_y, 2, pow_element);
}

static Scalar *shift(Kernel *k, ScalarOp op, Scalar *x, Scalar *y) {
    Scalar *most = scalar_integer(k, y->dtype, dtype_bits(y->dtype) - 1);
    Scalar *count = scalar_maximum(k, scalar_minimum(k, y, most), scalar_like(k, y, 0));
    return scalar_binary(k, op, x, count);
}
BINARY(left_shift, "x", "y", shift(k, SCALAR_SHIFT_LEFT, x, y))
BINARY(right_shift, "x", "y", shift(k, SCALAR_SHIFT_RIGHT, x, y))

BINARY(prelu, "x", "slope",
       scalar_select(k, scalar_less(k, x, scalar_like(k, x, 0)), scalar_multiply(k, x, y), x))

/* ---- more inputs ---- */

static Scalar *clip_element(LowerContext *c, Kernel *k, Scalar *const *x) {
    (void)c;
    return scalar_maximum(k, scalar_minimum(k, x[0], x[2]), x[1]);
}

void lower_clip_by_value(LowerContext *c);
void lower_clip_by_value(LowerContext *c) {
    lower_elementwise(c, (const char *const[]){"t", "clip_value_min", "clip_value_max"}, 3,
                      clip_element);
}

/* The sum from the left. Long lists are summed in parts, each going on from the one before, so that
 * no expression grows without bound. */
void lower_add_n(LowerContext *c);
void lower_add_n(LowerContext *c) {
    enum { PART = 32 };
    Buffer **inputs, *output = lower_output(c, 0), *sum = NULL;
    size_t count = lower_input_list(c, "inputs", &inputs);
    const Shape *shape = &output->type.shape;
    for (size_t first = 0; first < count; first += PART) {
        Dim axes[MAX_RANK];
        Kernel *kernel = lower_kernel_over(c, shape, axes);
        Scalar *total = sum ? scalar_load(kernel, sum, axes) : NULL;
        size_t end = count - first > PART ? first + PART : count;
        for (size_t k = first; k < end; k++) {
            Scalar *element =
                lower_widen(kernel, lower_load_broadcast(kernel, inputs[k], shape, axes));
            total = total ? scalar_add(kernel, total, element) : element;
        }
        tfcc_dtype dtype = total->dtype;
        sum = end == count ? output : program_add_temporary(c->program, output->name, dtype, shape);
        kernel_store(kernel, sum, total);
    }
}

/* The bias runs along the last dimension, or along dimension 1 where channels come first. */
void lower_bias_add(LowerContext *c);
void lower_bias_add(LowerContext *c) {
    Buffer *output = lower_output(c, 0), *bias = lower_input(c, "bias");
    const char *format = node_attribute_word(c->node, "data_format");
    bool channels_first = format && format[0] == 'N' && format[1] == 'C';
    Dim axes[MAX_RANK];
    Kernel *kernel = lower_kernel_over(c, &output->type.shape, axes);
    Dim channel = axes[channels_first ? 1 : output->type.shape.rank - 1];
    Scalar *value = lower_widen(kernel, scalar_load(kernel, lower_input(c, "value"), axes));
    kernel_store(
        kernel, output,
        scalar_add(kernel, value, lower_widen(kernel, scalar_load(kernel, bias, &channel))));
}
