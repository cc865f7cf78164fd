/* lower_signal.c: discrete Fourier transforms as sums of products.
 *
 * y[k] = sum over r of x[r] e^(∓ 2 pi i k r / n). The factors depend on k r mod n alone: a kernel of
 * its own puts the n of them into a table. All is computed in float64 and rounded once, as the terms
 * of a frequency that a signal does not have cancel each other out. A complex number stands in the
 * last dimension, real part first; a signal whose last dimension is 1 is real.
 */
#include "graph/rules.h"
#include "kernels/lower.h"

/* A table [n, 4] of cos a, ∓sin a, ±sin a, cos a with a = 2 pi m / n: the real and imaginary parts
 * that a real part contributes, and those that an imaginary part does. */
static Buffer *make_factors(LowerContext *c, Dim n, bool inverse) {
    Shape shape = {.rank = 2, .dims = {n, dim_constant(c->dims, 4)}};
    Buffer *table =
        program_add_temporary(c->program, lower_output(c, 0)->name, TFCC_FLOAT64, &shape);
    Dim axes[2];
    Kernel *k = lower_kernel_over(c, &shape, axes);
    Scalar *m = scalar_convert(k, TFCC_FLOAT64, scalar_index(k, axes[0]));
    Scalar *length = scalar_convert(k, TFCC_FLOAT64, scalar_index(k, n));
    Scalar *turn = scalar_float(k, TFCC_FLOAT64, 6.283185307179586476925286766559);
    Scalar *angle = scalar_divide(k, scalar_multiply(k, turn, m), length);
    Scalar *cosine = scalar_unary(k, SCALAR_COS, angle), *sine = scalar_unary(k, SCALAR_SIN, angle);
    Scalar *column = scalar_index(k, axes[1]), *one = scalar_integer(k, TFCC_INT64, 1),
           *two = scalar_integer(k, TFCC_INT64, 2);
    Scalar *first = scalar_equal(k, column, one), *second = scalar_equal(k, column, two);
    Scalar *minus = scalar_negate(k, sine);
    Scalar *value = scalar_select(k, first, inverse ? sine : minus,
                                  scalar_select(k, second, inverse ? minus : sine, cosine));
    kernel_store(k, table, value);
    return table;
}

/* The term of element `r` of a signal to output k, of which `part` is 0 for the real part and 1 for
 * the imaginary one. `index` leads to the element's real part. */
static Scalar *term(LowerContext *c, Kernel *k, Buffer *signal, Dim *index, Buffer *factors, Dim r,
                    Dim frequency, Dim part, Scalar *weight) {
    DimTable *dims = c->dims;
    int last = signal->type.shape.rank - 1;
    Dim parts = signal->type.shape.dims[last], two = dim_constant(dims, 2);
    Dim at = dim_modulo(dims, dim_multiply(dims, r, frequency), factors->type.shape.dims[0]);
    Dim of_real[] = {at, part}, of_imaginary[] = {at, dim_add(dims, part, two)};
    Scalar *positions[MAX_RANK];
    index[last] = dim_constant(dims, 0);
    Scalar *x = scalar_convert(k, TFCC_FLOAT64, scalar_load(k, signal, index));
    if (weight) x = scalar_multiply(k, x, weight);
    Scalar *sum = scalar_multiply(k, x, scalar_load(k, factors, of_real));
    if (dim_is(parts, 1)) return sum;
    for (int d = 0; d < last; d++) positions[d] = scalar_index(k, index[d]);
    positions[last] = scalar_integer(k, TFCC_INT64, 1);
    Scalar *is_complex =
        dim_is(parts, 2) ? NULL : scalar_equal(k, scalar_index(k, parts), scalar_index(k, two));
    Scalar *y = scalar_convert(
        k, TFCC_FLOAT64,
        scalar_load_if(k, signal, positions, is_complex, scalar_integer(k, signal->type.dtype, 0)));
    if (weight) y = scalar_multiply(k, y, weight);
    return scalar_add(k, sum, scalar_multiply(k, y, scalar_load(k, factors, of_imaginary)));
}

/* Along an axis that may be known only when the run tells: `along[d]` is 1 for it and 0 for all
 * others, and sizes and places along it are sums over all axes. */
void lower_dft(LowerContext *c);
void lower_dft(LowerContext *c) {
    Buffer *input = lower_input(c, "input"), *output = lower_output(c, 0);
    DimTable *dims = c->dims;
    int rank = input->type.shape.rank;
    bool inverse = node_attribute_bool(c->node, "inverse");
    Value *axis = lower_input_value(c, "axis"), *length = lower_input_value(c, "dft_length");
    Dim named = axis ? axis->elements[0] : dim_constant(dims, -2), size = dim_constant(dims, 0);
    Dim along[MAX_RANK], axes[MAX_RANK], index[MAX_RANK];
    for (int d = 0; d < rank - 1; d++) {
        along[d] = axis_is(dims, named, d, rank);
        size = dim_add(dims, size, dim_multiply(dims, along[d], input->type.shape.dims[d]));
    }
    Dim n = length ? length->elements[0] : size;
    Buffer *factors = make_factors(c, n, inverse);
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    Dim r = kernel_add_reduce_axis(k, dim_minimum(dims, size, n)),
        frequency = dim_constant(dims, 0);
    for (int d = 0; d < rank - 1; d++) {
        frequency = dim_add(dims, frequency, dim_multiply(dims, along[d], axes[d]));
        index[d] =
            dim_add(dims, axes[d], dim_multiply(dims, along[d], dim_subtract(dims, r, axes[d])));
    }
    Scalar *sum =
        kernel_reduce(k, COMBINE_ADD, &r, 1,
                      term(c, k, input, index, factors, r, frequency, axes[rank - 1], NULL));
    if (inverse) sum = scalar_divide(k, sum, scalar_convert(k, sum->dtype, scalar_index(k, n)));
    kernel_store(k, output, sum);
}

/* y[b, f, k] = sum over r of window[r] signal[b, f * step + r] e^(-2 pi i k r / n). */
void lower_stft(LowerContext *c);
void lower_stft(LowerContext *c) {
    Buffer *signal = lower_input(c, "signal"), *window = lower_input(c, "window"),
           *output = lower_output(c, 0);
    DimTable *dims = c->dims;
    Value *step = lower_input_value(c, "frame_step"),
          *length = lower_input_value(c, "frame_length");
    Dim n = length   ? length->elements[0]
            : window ? window->type.shape.dims[0]
                     : signal->type.shape.dims[1];
    Buffer *factors = make_factors(c, n, false);
    Dim axes[MAX_RANK];
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    Dim r = kernel_add_reduce_axis(k, n);
    Scalar *weight = window ? scalar_convert(k, TFCC_FLOAT64, scalar_load(k, window, &r)) : NULL;
    Dim index[] = {axes[0], dim_add(dims, dim_multiply(dims, axes[1], step->elements[0]), r), NULL};
    kernel_store(k, output,
                 kernel_reduce(k, COMBINE_ADD, &r, 1,
                               term(c, k, signal, index, factors, r, axes[2], axes[3], weight)));
}
