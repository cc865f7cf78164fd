/* lower_quantize.c: between real numbers and the integers, or narrow floats, that stand for them. */
#include "kernels/lower.h"

/* A scale or zero point at the axes of x: one number, one for every index of the axis, or one for
 * every block of it; the shape rule has made sure of it. */
static Scalar *load_part(LowerContext *c, Kernel *k, const char *parameter, const Shape *x,
                         const Dim *axes) {
    Buffer *part = lower_input(c, parameter);
    if (!part) return NULL;
    const Shape *shape = &part->type.shape;
    int64_t block = node_attribute_integer(c->node, "block_size");
    int64_t given = node_attribute_integer(c->node, "axis");
    int axis = (int)(given < 0 ? given + x->rank : given);
    Dim index[MAX_RANK];
    if (block > 0) {
        for (int d = 0; d < shape->rank; d++)
            index[d] = d == axis ? dim_floor_divide(c->dims, axes[d], dim_constant(c->dims, block))
                                 : axes[d];
    } else if (shape->rank == 1) {
        Shape along = {.rank = 1, .dims = {dim_constant(c->dims, 1)}};
        Dim at = dim_constant(c->dims, 0);
        if (!dim_is(shape->dims[0], 1)) {
            along.dims[0] = x->dims[axis];
            at = axes[axis];
        }
        lower_broadcast_index(c->dims, shape, &along, &at, index);
    }
    return scalar_load(k, part, index);
}

/* saturate(round(x / scale) + zero point); in float32, or float64 where an input needs it. float8
 * takes x / scale itself, and its zero point is 0. */
void lower_quantize_linear(LowerContext *c);
void lower_quantize_linear(LowerContext *c) {
    Buffer *x = lower_input(c, "x"), *output = lower_output(c, 0);
    const Shape *shape = &output->type.shape;
    tfcc_dtype dtype = output->type.dtype;
    bool is_wide = dtype_bits(lower_input(c, "y_scale")->type.dtype) == 64 ||
                   dtype_bits(x->type.dtype) == 64 || x->type.dtype == TFCC_INT32;
    tfcc_dtype wide = is_wide ? TFCC_FLOAT64 : TFCC_FLOAT32;
    Dim axes[MAX_RANK];
    Kernel *k = lower_kernel_over(c, shape, axes);
    Scalar *element = scalar_convert(k, wide, scalar_load(k, x, axes));
    Scalar *scale = scalar_convert(k, wide, load_part(c, k, "y_scale", shape, axes));
    Scalar *zero = load_part(c, k, "y_zero_point", shape, axes);
    Scalar *result = scalar_divide(k, element, scale);
    if (dtype_is_float(dtype)) {
        bool saturates = node_attribute_bool(c->node, "saturate");
        kernel_store(k, output, saturates ? lower_saturate(k, dtype, result) : result);
        return;
    }
    result = scalar_unary(k, SCALAR_ROUND_EVEN, result);
    if (zero) result = scalar_add(k, result, scalar_convert(k, wide, zero));
    kernel_store(k, output, lower_saturate(k, dtype, result));
}

/* (x - zero point) * scale, the difference of integers in int32. */
void lower_dequantize_linear(LowerContext *c);
void lower_dequantize_linear(LowerContext *c) {
    Buffer *x = lower_input(c, "x"), *output = lower_output(c, 0);
    const Shape *shape = &output->type.shape;
    tfcc_dtype wide = output->type.dtype == TFCC_FLOAT64 ? TFCC_FLOAT64 : TFCC_FLOAT32;
    tfcc_dtype narrow = dtype_is_float(x->type.dtype) ? wide : TFCC_INT32;
    Dim axes[MAX_RANK];
    Kernel *k = lower_kernel_over(c, shape, axes);
    Scalar *element = scalar_convert(k, narrow, scalar_load(k, x, axes));
    Scalar *zero = load_part(c, k, "x_zero_point", shape, axes);
    if (zero) element = scalar_subtract(k, element, scalar_convert(k, narrow, zero));
    Scalar *scale = scalar_convert(k, wide, load_part(c, k, "x_scale", shape, axes));
    kernel_store(k, output, scalar_multiply(k, scalar_convert(k, wide, element), scale));
}
