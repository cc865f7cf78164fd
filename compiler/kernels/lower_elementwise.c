/* lower_elementwise.c: the kernel of elementwise ops, and their check. */
#include "kernels/lower_elementwise.h"

#include "kernels/scalar_evaluate.h"
#include "kernels/scalar_internal.h"

void lower_elementwise(LowerContext *c, const char *const *parameters, int count,
                       ElementExpression expression) {
    Buffer *output = lower_output(c, 0);
    const Shape *shape = &output->type.shape;
    Dim axes[MAX_RANK];
    Kernel *kernel = lower_kernel_over(c, shape, axes);
    Scalar *inputs[ELEMENTWISE_MAX_INPUTS];
    for (int k = 0; k < count; k++)
        inputs[k] = lower_widen(
            kernel, lower_load_broadcast(kernel, lower_input(c, parameters[k]), shape, axes));
    kernel_store(kernel, output, expression(c, kernel, inputs));
}

/* Whether every element of a constant passes; false also where that cannot be told. */
static bool constant_passes(LowerContext *c, const Buffer *buffer,
                            Scalar *(*condition)(Kernel *k, Scalar *x)) {
    const ConstantData *data = buffer->constant;
    if (!data || buffer->is_feedable || data->element_count > 65536) return false;
    Kernel scratch = {.program = c->program, .name = "constant"};
    for (int64_t k = 0; k < data->element_count; k++) {
        Scalar *element =
            scalar_constant_bits(&scratch, data->dtype, bits_load(data->dtype, data->bytes, k));
        uint64_t holds;
        if (!scalar_is_constant(condition(&scratch, element), &holds) || !holds) return false;
    }
    return true;
}

void lower_element_check(LowerContext *c, const char *parameter, const char *message,
                         Scalar *(*condition)(Kernel *k, Scalar *x)) {
    Buffer *input = lower_input(c, parameter);
    if (constant_passes(c, input, condition)) return;
    Kernel *kernel = lower_check_kernel(c);
    Dim axes[MAX_RANK];
    kernel_add_axes(kernel, &input->type.shape, axes);
    Scalar *element = scalar_load(kernel, input, axes);
    Scalar *count = scalar_index(kernel, shape_element_count(c->dims, lower_output_shape(c, 0)));
    Scalar *holds = scalar_or(kernel, condition(kernel, lower_widen(kernel, element)),
                              scalar_equal(kernel, count, scalar_integer(kernel, TFCC_INT64, 0)));
    kernel_check(kernel, holds, TFCC_INVALID_ARGUMENT, lower_message(c, message), &element, 1);
}
