/* lower_cast.c: conversions between dtypes. */
#include "kernels/lower_elementwise.h"

/* The largest finite number instead of what is beyond it, infinities included; NaN stays. */
static Scalar *saturate_float(Kernel *k, tfcc_dtype dtype, Scalar *x) {
    double largest = dtype_info(dtype)->largest;
    Scalar *high = scalar_like(k, x, largest), *low = scalar_like(k, x, -largest);
    return scalar_convert(k, dtype, scalar_maximum(k, scalar_minimum(k, x, high), low));
}

/* 2^bits and the like are exact in every floating-point dtype that can reach them, where the
 * largest integers themselves are not. */
static Scalar *saturate_from_float(Kernel *k, const DtypeInfo *to, Scalar *x) {
    Scalar *rounded = to->bits == 4 ? scalar_unary(k, SCALAR_ROUND_EVEN, x) : x;
    double limit = to->maximum == UINT64_MAX ? 0x1p64 : (double)(to->maximum + 1);
    Scalar *highest = scalar_constant_bits(k, to->dtype, to->maximum);
    Scalar *lowest = scalar_integer(k, to->dtype, to->minimum);
    Scalar *is_above = scalar_less_equal(k, scalar_like(k, x, limit), rounded);
    Scalar *is_below = scalar_less(k, rounded, scalar_like(k, x, (double)to->minimum));
    Scalar *inside = scalar_convert(k, to->dtype, rounded);
    return scalar_select(k, is_above, highest, scalar_select(k, is_below, lowest, inside));
}

static Scalar *saturate_integer(Kernel *k, const DtypeInfo *to, Scalar *x) {
    const DtypeInfo *from = dtype_info(x->dtype);
    Scalar *result = scalar_convert(k, to->dtype, x);
    if (to->maximum < from->maximum) {
        Scalar *is_above = scalar_less(k, scalar_integer(k, x->dtype, (int64_t)to->maximum), x);
        Scalar *highest = scalar_constant_bits(k, to->dtype, to->maximum);
        result = scalar_select(k, is_above, highest, result);
    }
    if (to->minimum > from->minimum) {
        Scalar *is_below = scalar_less(k, x, scalar_integer(k, x->dtype, to->minimum));
        result = scalar_select(k, is_below, scalar_integer(k, to->dtype, to->minimum), result);
    }
    return result;
}

Scalar *lower_saturate(Kernel *k, tfcc_dtype dtype, Scalar *x) {
    const DtypeInfo *to = dtype_info(dtype);
    if (x->dtype == dtype || dtype_is_bool(dtype) || dtype_is_bool(x->dtype))
        return scalar_convert(k, dtype, x);
    if (dtype_is_float(dtype))
        return dtype_is_float(x->dtype) && to->largest >= dtype_info(x->dtype)->largest
                   ? scalar_convert(k, dtype, x)
                   : saturate_float(k, dtype,
                                    dtype_is_float(x->dtype) ? x
                                                             : scalar_convert(k, TFCC_FLOAT32, x));
    return dtype_is_float(x->dtype) ? saturate_from_float(k, to, x) : saturate_integer(k, to, x);
}

static Scalar *cast_element(LowerContext *c, Kernel *k, Scalar *const *x) {
    tfcc_dtype dtype = c->node->outputs[0]->type.dtype;
    return node_attribute_bool(c->node, "saturate") ? lower_saturate(k, dtype, x[0])
                                                    : scalar_convert(k, dtype, x[0]);
}

void lower_cast(LowerContext *c);
void lower_cast(LowerContext *c) {
    lower_elementwise(c, (const char *const[]){"x"}, 1, cast_element);
}
