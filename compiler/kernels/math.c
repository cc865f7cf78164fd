/* math.c: which formula a function has, and the pass that writes them all out. */
#include "kernels/math_internal.h"

#include "support/dtype.h"
#include <assert.h>

bool math_is_function(ScalarOp op) {
    return op >= SCALAR_EXP;
}

Scalar *math_copy_sign(Math m, Scalar *a, Scalar *sign) {
    int64_t bit = m.dtype == TFCC_FLOAT32 ? INT32_MIN : INT64_MIN;
    Scalar *magnitude = scalar_binary(m.kernel, SCALAR_AND, to_bits(m, a), integer(m, ~bit));
    Scalar *only_sign = scalar_binary(m.kernel, SCALAR_AND, to_bits(m, sign), integer(m, bit));
    return from_bits(m, scalar_binary(m.kernel, SCALAR_OR, magnitude, only_sign));
}

Scalar *math_polynomial(Math m, Scalar *x, const double *c, int count) {
    Scalar *result = number(m, c[count - 1]);
    for (int k = count - 1; k-- > 0;) result = add(m, multiply(m, result, x), number(m, c[k]));
    return result;
}

/* One row per function: its formula, and whether that is written for float32 as well. The others
 * take a float32 through float64, which leaves only the last rounding. */
typedef struct Formula {
    ScalarOp op;
    Scalar *(*unary)(Math m, Scalar *x);
    Scalar *(*binary)(Math m, Scalar *x, Scalar *y);
    bool has_float32;
} Formula;

static const Formula formulas[] = {
    {SCALAR_EXP, math_exp, NULL, true},      {SCALAR_EXPM1, math_expm1, NULL, true},
    {SCALAR_LOG, math_log, NULL, true},      {SCALAR_LOG1P, math_log1p, NULL, false},
    {SCALAR_SIN, math_sin, NULL, false},     {SCALAR_COS, math_cos, NULL, false},
    {SCALAR_TAN, math_tan, NULL, false},     {SCALAR_ASIN, math_asin, NULL, false},
    {SCALAR_ACOS, math_acos, NULL, false},   {SCALAR_ATAN, math_atan, NULL, false},
    {SCALAR_ATAN2, NULL, math_atan2, false}, {SCALAR_SINH, math_sinh, NULL, false},
    {SCALAR_COSH, math_cosh, NULL, false},   {SCALAR_TANH, math_tanh, NULL, true},
    {SCALAR_ASINH, math_asinh, NULL, false}, {SCALAR_ACOSH, math_acosh, NULL, false},
    {SCALAR_ATANH, math_atanh, NULL, false}, {SCALAR_SIGMOID, math_sigmoid, NULL, true},
    {SCALAR_ERF, math_erf, NULL, true},      {SCALAR_ERFC, math_erfc, NULL, false},
    {SCALAR_POWER, NULL, math_power, false},
};

Scalar *math_expand(Kernel *kernel, ScalarOp op, Scalar *const *operands) {
    if (op == SCALAR_RANDOM_BITS)
        return math_random_bits(kernel, operands[0], operands[1], operands[2]);
    tfcc_dtype dtype = operands[0]->dtype;
    if (op == SCALAR_POWER && !dtype_is_float(dtype))
        return math_integer_power(kernel, operands[0], operands[1]);
    const Formula *formula = formulas;
    while (formula->op != op) formula++;
    Math m = {kernel, dtype == TFCC_FLOAT32 && formula->has_float32 ? TFCC_FLOAT32 : TFCC_FLOAT64};
    Scalar *x = scalar_convert(kernel, m.dtype, operands[0]);
    Scalar *result = formula->unary
                         ? formula->unary(m, x)
                         : formula->binary(m, x, scalar_convert(kernel, m.dtype, operands[1]));
    return scalar_convert(kernel, dtype, result);
}

/* Conversions from and to 8-bit floats are written out as well. */
static bool is_written_out(const Scalar *scalar) {
    return math_is_function(scalar->op) ||
           (scalar->op == SCALAR_CONVERT &&
            (dtype_is_float8(scalar->dtype) || dtype_is_float8(scalar->operands[0]->dtype)));
}

static Scalar *expand_operation(void *context, ScalarRewrite *rewrite, Scalar *scalar,
                                Scalar *const *operands) {
    (void)context;
    if (!is_written_out(scalar)) return NULL;
    if (scalar->op != SCALAR_CONVERT) return math_expand(rewrite->to, scalar->op, operands);
    return dtype_is_float8(scalar->dtype) ? math_to_float8(rewrite->to, scalar->dtype, operands[0])
                                          : math_from_float8(rewrite->to, operands[0]);
}

static void find_function(void *context, Scalar *scalar) {
    if (is_written_out(scalar)) *(bool *)context = true;
}

void math_expand_kernel(Kernel *kernel) {
    bool has_function = false;
    kernel_each_scalar(kernel, find_function, &has_function);
    if (!has_function) return;
    Kernel *expanded = kernel_empty_copy(kernel);
    ScalarRewrite rewrite = {.from = kernel,
                             .to = expanded,
                             .old_axes = kernel->axes,
                             .new_axes = kernel->axes,
                             .axis_count = kernel->axis_count,
                             .replace_operation = expand_operation};
    kernel_copy_results(&rewrite);
    *kernel = *expanded; /* others point to it */
}
