/* lower_unary.c: y[i] = f(x[i]). */
#include "kernels/lower_elementwise.h"

static Scalar *not_zero(Kernel *k, Scalar *x) {
    return scalar_not_equal(k, x, scalar_like(k, x, 0));
}

static Scalar *function(Kernel *k, ScalarOp op, Scalar *x) {
    return scalar_unary(k, op, x);
}

UNARY(abs, "x", scalar_absolute(k, x))
UNARY(negative, "x", scalar_negate(k, x))
UNARY(square, "x", scalar_multiply(k, x, x))
UNARY(sqrt, "x", function(k, SCALAR_SQRT, x))
UNARY(rsqrt, "x", scalar_divide(k, scalar_like(k, x, 1), function(k, SCALAR_SQRT, x)))
UNARY(exp, "x", function(k, SCALAR_EXP, x))
UNARY(expm1, "x", function(k, SCALAR_EXPM1, x))
UNARY(log, "x", function(k, SCALAR_LOG, x))
UNARY(log1p, "x", function(k, SCALAR_LOG1P, x))
UNARY(sin, "x", function(k, SCALAR_SIN, x))
UNARY(cos, "x", function(k, SCALAR_COS, x))
UNARY(tan, "x", function(k, SCALAR_TAN, x))
UNARY(asin, "x", function(k, SCALAR_ASIN, x))
UNARY(acos, "x", function(k, SCALAR_ACOS, x))
UNARY(atan, "x", function(k, SCALAR_ATAN, x))
UNARY(sinh, "x", function(k, SCALAR_SINH, x))
UNARY(cosh, "x", function(k, SCALAR_COSH, x))
UNARY(tanh, "x", function(k, SCALAR_TANH, x))
UNARY(asinh, "x", function(k, SCALAR_ASINH, x))
UNARY(acosh, "x", function(k, SCALAR_ACOSH, x))
UNARY(atanh, "x", function(k, SCALAR_ATANH, x))
UNARY(sigmoid, "x", function(k, SCALAR_SIGMOID, x))
UNARY(erf, "x", function(k, SCALAR_ERF, x))
UNARY(erfc, "x", function(k, SCALAR_ERFC, x))
UNARY(floor, "x", function(k, SCALAR_FLOOR, x))
UNARY(ceil, "x", function(k, SCALAR_CEIL, x))
UNARY(round, "x", function(k, SCALAR_ROUND_EVEN, x))
UNARY(rint, "x", function(k, SCALAR_ROUND_EVEN, x))
UNARY(logical_not, "x", scalar_not(k, x))
UNARY(bitwise_invert, "x", scalar_not(k, x))
UNARY(relu, "features", scalar_maximum(k, x, scalar_like(k, x, 0)))
UNARY(relu6, "features",
      scalar_minimum(k, scalar_maximum(k, x, scalar_like(k, x, 0)), scalar_like(k, x, 6)))
UNARY(is_nan, "x", scalar_not_equal(k, x, x))
UNARY(is_finite, "x", scalar_less(k, scalar_absolute(k, x), scalar_like(k, x, __builtin_inf())))
UNARY(softsign, "features",
      scalar_divide(k, x, scalar_add(k, scalar_absolute(k, x), scalar_like(k, x, 1))))

/* 1 and -1 by comparison; what is neither (zeros, NaN) is its own sign. */
static Scalar *sign(Kernel *k, Scalar *x) {
    Scalar *zero = scalar_like(k, x, 0);
    Scalar *positive = scalar_less(k, zero, x), *negative = scalar_less(k, x, zero);
    if (dtype_is_unsigned(x->dtype)) return scalar_select(k, positive, scalar_like(k, x, 1), zero);
    return scalar_select(k, positive, scalar_like(k, x, 1),
                         scalar_select(k, negative, scalar_like(k, x, -1), x));
}
UNARY(sign, "x", sign(k, x))

static Scalar *reciprocal_element(LowerContext *c, Kernel *k, Scalar *const *x) {
    (void)c;
    return scalar_divide(k, scalar_like(k, x[0], 1), x[0]);
}

void lower_reciprocal(LowerContext *c);
void lower_reciprocal(LowerContext *c) {
    if (!dtype_is_float(lower_input(c, "x")->type.dtype))
        lower_element_check(c, "x", "Integer division by zero", not_zero);
    lower_elementwise(c, (const char *const[]){"x"}, 1, reciprocal_element);
}

static Scalar *is_negative(Kernel *k, Scalar *x) {
    return scalar_less(k, x, scalar_like(k, x, 0));
}

/* The slope is a float32, as in TensorFlow, whatever the dtype. */
static Scalar *leaky_relu(LowerContext *c, Kernel *k, Scalar *x) {
    double alpha = (double)(float)node_attribute_float(c->node, "alpha");
    Scalar *slope = scalar_multiply(k, x, scalar_like(k, x, alpha));
    return scalar_select(k, scalar_less(k, scalar_like(k, x, 0), x), x, slope);
}
UNARY(leaky_relu, "features", leaky_relu(c, k, x))

/* An attribute in the dtype of x. */
static Scalar *attribute(LowerContext *c, Kernel *k, const Scalar *x, const char *name) {
    return scalar_like(k, x, node_attribute_float(c->node, name));
}

static Scalar *elu(LowerContext *c, Kernel *k, Scalar *x) {
    Scalar *below = function(k, SCALAR_EXPM1, x);
    if (node_attribute_float(c->node, "alpha") != 1)
        below = scalar_multiply(k, attribute(c, k, x, "alpha"), below);
    return scalar_select(k, is_negative(k, x), below, x);
}
UNARY(elu, "features", elu(c, k, x))

/* The defaults of the row are those of Klambauer et al., "Self-Normalizing Neural Networks", 2017.
 */
static Scalar *selu(LowerContext *c, Kernel *k, Scalar *x) {
    double gamma = node_attribute_float(c->node, "gamma"),
           alpha = node_attribute_float(c->node, "alpha");
    Scalar *below =
        scalar_multiply(k, scalar_like(k, x, gamma * alpha), function(k, SCALAR_EXPM1, x));
    return scalar_select(k, is_negative(k, x), below,
                         scalar_multiply(k, scalar_like(k, x, gamma), x));
}
UNARY(selu, "features", selu(c, k, x))

static Scalar *celu(LowerContext *c, Kernel *k, Scalar *x) {
    Scalar *alpha = attribute(c, k, x, "alpha"), *zero = scalar_like(k, x, 0);
    Scalar *below =
        scalar_multiply(k, alpha, function(k, SCALAR_EXPM1, scalar_divide(k, x, alpha)));
    return scalar_add(k, scalar_maximum(k, x, zero), scalar_minimum(k, below, zero));
}
UNARY(celu, "x", celu(c, k, x))

UNARY(thresholded_relu, "x",
      scalar_select(k, scalar_less(k, attribute(c, k, x, "alpha"), x), x, scalar_like(k, x, 0)))

/* Between 0 and 1. */
static Scalar *clamp_to_one(Kernel *k, Scalar *x) {
    return scalar_maximum(k, scalar_minimum(k, x, scalar_like(k, x, 1)), scalar_like(k, x, 0));
}

UNARY(hard_sigmoid, "x",
      clamp_to_one(k, scalar_add(k, scalar_multiply(k, attribute(c, k, x, "alpha"), x),
                                 attribute(c, k, x, "beta"))))
UNARY(hard_swish, "x",
      scalar_multiply(k, x,
                      clamp_to_one(k, scalar_add(k, scalar_divide(k, x, scalar_like(k, x, 6)),
                                                 scalar_like(k, x, 0.5)))))

/* Integers are computed as real numbers, and the result is cut to a whole one. */
static Scalar *shrink(LowerContext *c, Kernel *k, Scalar *x) {
    if (!dtype_is_float(x->dtype))
        return scalar_convert(k, x->dtype, shrink(c, k, scalar_convert(k, TFCC_FLOAT64, x)));
    Scalar *bias = attribute(c, k, x, "bias"), *limit = attribute(c, k, x, "lambd");
    Scalar *is_below = scalar_less(k, x, scalar_negate(k, limit)),
           *is_above = scalar_less(k, limit, x);
    return scalar_select(
        k, is_below, scalar_add(k, x, bias),
        scalar_select(k, is_above, scalar_subtract(k, x, bias), scalar_like(k, x, 0)));
}
UNARY(shrink, "input", shrink(c, k, x))

/* Infinities of the signs that are asked for. */
static Scalar *is_infinite(LowerContext *c, Kernel *k, Scalar *x) {
    double infinity = __builtin_inf();
    bool negative = node_attribute_bool(c->node, "detect_negative"),
         positive = node_attribute_bool(c->node, "detect_positive");
    if (negative && positive)
        return scalar_equal(k, scalar_absolute(k, x), scalar_like(k, x, infinity));
    if (!negative && !positive) return scalar_integer(k, TFCC_BOOL, 0);
    return scalar_equal(k, x, scalar_like(k, x, positive ? infinity : -infinity));
}
UNARY(is_inf, "x", is_infinite(c, k, x))

/* log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)), which neither overflows nor loses small results.
 */
static Scalar *softplus(Kernel *k, Scalar *x) {
    Scalar *tail =
        function(k, SCALAR_LOG1P, function(k, SCALAR_EXP, scalar_negate(k, scalar_absolute(k, x))));
    return scalar_add(k, scalar_maximum(k, x, scalar_like(k, x, 0)), tail);
}
UNARY(softplus, "features", softplus(k, x))
UNARY(mish, "x", scalar_multiply(k, x, function(k, SCALAR_TANH, softplus(k, x))))

static Scalar *silu(LowerContext *c, Kernel *k, Scalar *x) {
    Scalar *scaled =
        scalar_multiply(k, scalar_like(k, x, node_attribute_float(c->node, "beta")), x);
    return scalar_multiply(k, x, function(k, SCALAR_SIGMOID, scaled));
}
UNARY(silu, "features", silu(c, k, x))

/* x / 2 erfc(-x / sqrt 2), which is exact far below 0 as well, or x / 2 (1 + tanh(sqrt(2 / pi) (x +
 * 0.044715 x^3))). The factor and the root of a half are float32 numbers, as in TensorFlow,
 * whatever the dtype. */
static Scalar *gelu(LowerContext *c, Kernel *k, Scalar *x) {
    Scalar *half = scalar_multiply(k, scalar_like(k, x, 0.5), x);
    if (!node_attribute_bool(c->node, "approximate")) {
        Scalar *root = scalar_like(k, x, (double)0.70710678118654752440f);
        return scalar_multiply(
            k, half, function(k, SCALAR_ERFC, scalar_multiply(k, scalar_negate(k, x), root)));
    }
    Scalar *cube = scalar_multiply(k, scalar_like(k, x, (double)0.044715f),
                                   scalar_multiply(k, x, scalar_multiply(k, x, x)));
    Scalar *inner =
        scalar_multiply(k, scalar_like(k, x, 0.79788456080286535588), scalar_add(k, x, cube));
    return scalar_multiply(k, half,
                           scalar_add(k, scalar_like(k, x, 1), function(k, SCALAR_TANH, inner)));
}
UNARY(gelu, "features", gelu(c, k, x))
