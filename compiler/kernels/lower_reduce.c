/* lower_reduce.c: reductions over any axes, searches, scans, softmax. */
#include "kernels/lower.h"

/* One kernel over the output, whose points are those of the input without the reduced axes.
 *
 * Which axes are reduced may be known only when the run tells: `is_reduced` is 0 or 1, and a
 * dimension of size n counts to n in the one case and to 1 in the other, for the output as for the
 * reduction; the index is the sum of both. */
typedef struct Reduction {
    LowerContext *c;
    Buffer *input, *output;
    Kernel *kernel;
    Dim is_reduced[MAX_RANK]; /* by axis of the input */
    Dim kept[MAX_RANK];       /* by axis of the input: the kernel's axis, or 0 where it has none */
    Dim count;                /* of the points reduced over */
} Reduction;

/* A pass over the reduced axes, which are its own: passes may stand inside each other. */
typedef struct Pass {
    Dim axes[MAX_RANK];
    int axis_count;
    Scalar *element; /* widened */
} Pass;

/* The kernel's axis of dimension k, which has none where it is reduced: of those that are kept it is
 * number `place`. */
static Dim kept_axis(const Reduction *r, const Dim *axes, int k, Dim place) {
    DimTable *dims = r->c->dims;
    Dim axis = dim_constant(dims, 0);
    for (int j = 0; j < r->output->type.shape.rank && j <= k; j++) {
        Dim here = dim_and(dims, dim_not(dims, r->is_reduced[k]),
                           dim_equal(dims, place, dim_constant(dims, j)));
        axis = dim_add(dims, axis, dim_multiply(dims, here, axes[j]));
    }
    return axis;
}

static Reduction reduction_begin(LowerContext *c, const char *parameter) {
    Reduction r = {.c = c, .input = lower_input(c, parameter), .output = lower_output(c, 0)};
    const Shape *shape = &r.input->type.shape;
    DimTable *dims = c->dims;
    lower_axes(c, "axis", shape->rank, r.is_reduced);
    bool keeps_axes =
        r.output->type.shape.rank == shape->rank && node_attribute_bool(c->node, "keepdims");
    Dim axes[MAX_RANK], one = dim_constant(dims, 1), place = dim_constant(dims, 0);
    r.kernel = lower_kernel_over(c, &r.output->type.shape, axes);
    r.count = one;
    for (int k = 0; k < shape->rank; k++) {
        r.count =
            dim_multiply(dims, r.count, dim_select(dims, r.is_reduced[k], shape->dims[k], one));
        if (!keeps_axes)
            r.kept[k] = kept_axis(&r, axes, k, place);
        else
            r.kept[k] = dim_is(r.is_reduced[k], 1) ? dim_constant(dims, 0) : axes[k];
        place = dim_add(dims, place, dim_not(dims, r.is_reduced[k]));
    }
    return r;
}

static Pass reduction_pass(Reduction *r) {
    const Shape *shape = &r->input->type.shape;
    DimTable *dims = r->c->dims;
    Pass pass = {.axis_count = 0};
    Dim index[MAX_RANK];
    for (int k = 0; k < shape->rank; k++) {
        index[k] = r->kept[k];
        if (dim_is(r->is_reduced[k], 0)) continue;
        Dim size = dim_select(dims, r->is_reduced[k], shape->dims[k], dim_constant(dims, 1));
        Dim axis = pass.axes[pass.axis_count++] = kernel_add_reduce_axis(r->kernel, size);
        index[k] = dim_add(dims, index[k], axis);
    }
    pass.element = lower_widen(r->kernel, scalar_load(r->kernel, r->input, index));
    return pass;
}

static Scalar *combine_pass(Reduction *r, const Pass *pass, Combiner combiner, Scalar *body) {
    return kernel_reduce(r->kernel, combiner, pass->axes, pass->axis_count, body);
}

static void lower_plain(LowerContext *c, Combiner combiner) {
    Reduction r = reduction_begin(c, "input_tensor");
    Pass pass = reduction_pass(&r);
    kernel_store(r.kernel, r.output, combine_pass(&r, &pass, combiner, pass.element));
}

#define PLAIN_REDUCTION(NAME, COMBINER)                                                            \
    void lower_##NAME(LowerContext *c);                                                            \
    void lower_##NAME(LowerContext *c) {                                                           \
        lower_plain(c, COMBINER);                                                                  \
    }
PLAIN_REDUCTION(reduce_sum, COMBINE_ADD)
PLAIN_REDUCTION(reduce_max, COMBINE_MAXIMUM)
PLAIN_REDUCTION(reduce_min, COMBINE_MINIMUM)
PLAIN_REDUCTION(reduce_prod, COMBINE_MULTIPLY)
PLAIN_REDUCTION(reduce_any, COMBINE_OR)
PLAIN_REDUCTION(reduce_all, COMBINE_AND)

/* The sum divided by the count; integers are summed in 64 bits and divide towards zero, as in
 * TensorFlow, and an empty mean of integers is 0. */
static Scalar *mean_of(Reduction *r, const Pass *pass, Scalar *body) {
    tfcc_dtype dtype = body->dtype, wide = dtype;
    if (dtype_is_integer(dtype)) wide = dtype_is_signed(dtype) ? TFCC_INT64 : TFCC_UINT64;
    Scalar *sum = combine_pass(r, pass, COMBINE_ADD, scalar_convert(r->kernel, wide, body));
    Scalar *count = scalar_convert(r->kernel, wide, scalar_index(r->kernel, r->count));
    return scalar_convert(r->kernel, dtype, scalar_divide(r->kernel, sum, count));
}

void lower_reduce_mean(LowerContext *c);
void lower_reduce_mean(LowerContext *c) {
    Reduction r = reduction_begin(c, "input_tensor");
    Pass pass = reduction_pass(&r);
    kernel_store(r.kernel, r.output, mean_of(&r, &pass, pass.element));
}

/* The mean first, then the mean of squared differences from it. */
void lower_reduce_variance(LowerContext *c);
void lower_reduce_variance(LowerContext *c) {
    Reduction r = reduction_begin(c, "input_tensor");
    Pass first = reduction_pass(&r), second = reduction_pass(&r);
    Scalar *difference =
        scalar_subtract(r.kernel, second.element, mean_of(&r, &first, first.element));
    kernel_store(r.kernel, r.output,
                 mean_of(&r, &second, scalar_multiply(r.kernel, difference, difference)));
}

/* log(sum(exp(x - m))) + m with m the largest element, or 0 where that is infinite or NaN. */
void lower_reduce_logsumexp(LowerContext *c);
void lower_reduce_logsumexp(LowerContext *c) {
    Reduction r = reduction_begin(c, "input_tensor");
    Kernel *k = r.kernel;
    Pass first = reduction_pass(&r), second = reduction_pass(&r);
    Scalar *largest = combine_pass(&r, &first, COMBINE_MAXIMUM, first.element);
    Scalar *is_finite =
        scalar_less(k, scalar_absolute(k, largest), scalar_like(k, largest, __builtin_inf()));
    Scalar *shift = scalar_select(k, is_finite, largest, scalar_like(k, largest, 0));
    Scalar *power = scalar_unary(k, SCALAR_EXP, scalar_subtract(k, second.element, shift));
    Scalar *sum = combine_pass(&r, &second, COMBINE_ADD, power);
    kernel_store(k, r.output, scalar_add(k, scalar_unary(k, SCALAR_LOG, sum), shift));
}

void lower_count_nonzero(LowerContext *c);
void lower_count_nonzero(LowerContext *c) {
    Reduction r = reduction_begin(c, "input");
    Pass pass = reduction_pass(&r);
    Scalar *is_counted = scalar_convert(r.kernel, TFCC_BOOL, pass.element);
    kernel_store(
        r.kernel, r.output,
        combine_pass(&r, &pass, COMBINE_ADD, scalar_convert(r.kernel, TFCC_INT64, is_counted)));
}

/* ---- along one axis ---- */

/* The input's index where axis `along` has been replaced. */
static Scalar *load_along(Kernel *kernel, Buffer *input, const Dim *axes, int along, Dim position) {
    Dim index[MAX_RANK];
    for (int k = 0; k < input->type.shape.rank; k++) index[k] = k == along ? position : axes[k];
    return lower_widen(kernel, scalar_load(kernel, input, index));
}

static void lower_search(LowerContext *c, Combiner combiner) {
    Buffer *input = lower_input(c, "input"), *output = lower_output(c, 0);
    int rank = input->type.shape.rank, along = lower_axis(c, "axis", rank, 0);
    Dim axes[MAX_RANK], index[MAX_RANK];
    Kernel *kernel = lower_kernel_over(c, &output->type.shape, axes);
    Dim axis = kernel_add_reduce_axis(kernel, input->type.shape.dims[along]);
    for (int k = 0; k < rank; k++) index[k] = k == along ? axis : axes[k < along ? k : k - 1];
    Scalar *element = scalar_load(kernel, input, index);
    if (dtype_is_bool(element->dtype)) element = scalar_convert(kernel, TFCC_INT32, element);
    kernel_store(kernel, output,
                 scalar_convert(kernel, output->type.dtype,
                                kernel_reduce(kernel, combiner, &axis, 1, element)));
}

void lower_argmax(LowerContext *c);
void lower_argmax(LowerContext *c) {
    lower_search(c, COMBINE_ARGMAX);
}

void lower_argmin(LowerContext *c);
void lower_argmin(LowerContext *c) {
    lower_search(c, COMBINE_ARGMIN);
}

static void lower_scan(LowerContext *c, Combiner combiner) {
    Buffer *input = lower_input(c, "x"), *output = lower_output(c, 0);
    int along = lower_axis(c, "axis", input->type.shape.rank, 0);
    Dim axes[MAX_RANK];
    Kernel *kernel = lower_kernel_over(c, &output->type.shape, axes);
    Scalar *element = lower_widen(kernel, scalar_load(kernel, input, axes));
    kernel_store(kernel, output,
                 kernel_scan(kernel, combiner, axes[along], element,
                             node_attribute_bool(c->node, "exclusive"),
                             node_attribute_bool(c->node, "reverse")));
}

void lower_cumsum(LowerContext *c);
void lower_cumsum(LowerContext *c) {
    lower_scan(c, COMBINE_ADD);
}

void lower_cumprod(LowerContext *c);
void lower_cumprod(LowerContext *c) {
    lower_scan(c, COMBINE_MULTIPLY);
}

/* softmax is exp(x - m) / sum(exp(x - m)), log_softmax (x - m) - log(sum(exp(x - m))), with m the
 * row's largest element. */
static void lower_rows(LowerContext *c, bool is_log) {
    Buffer *input = lower_input(c, "logits"), *output = lower_output(c, 0);
    int rank = input->type.shape.rank, along = lower_axis(c, "axis", rank, -1);
    Dim axes[MAX_RANK];
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    Dim first = kernel_add_reduce_axis(k, input->type.shape.dims[along]);
    Dim second = kernel_add_reduce_axis(k, input->type.shape.dims[along]);
    Scalar *largest =
        kernel_reduce(k, COMBINE_MAXIMUM, &first, 1, load_along(k, input, axes, along, first));
    Scalar *shifted = scalar_subtract(k, load_along(k, input, axes, along, second), largest);
    Scalar *sum = kernel_reduce(k, COMBINE_ADD, &second, 1, scalar_unary(k, SCALAR_EXP, shifted));
    Scalar *own = scalar_subtract(k, load_along(k, input, axes, along, axes[along]), largest);
    kernel_store(k, output,
                 is_log ? scalar_subtract(k, own, scalar_unary(k, SCALAR_LOG, sum))
                        : scalar_divide(k, scalar_unary(k, SCALAR_EXP, own), sum));
}

void lower_softmax(LowerContext *c);
void lower_softmax(LowerContext *c) {
    lower_rows(c, false);
}

void lower_log_softmax(LowerContext *c);
void lower_log_softmax(LowerContext *c) {
    lower_rows(c, true);
}

/* 1 where the position along the axis is that of the first largest element. */
void lower_hardmax(LowerContext *c);
void lower_hardmax(LowerContext *c) {
    Buffer *input = lower_input(c, "logits"), *output = lower_output(c, 0);
    int rank = input->type.shape.rank, along = lower_axis(c, "axis", rank, -1);
    Dim axes[MAX_RANK];
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    Dim axis = kernel_add_reduce_axis(k, input->type.shape.dims[along]);
    Scalar *largest =
        kernel_reduce(k, COMBINE_ARGMAX, &axis, 1, load_along(k, input, axes, along, axis));
    Scalar *is_here = scalar_equal(k, largest, scalar_index(k, axes[along]));
    kernel_store(k, output, scalar_convert(k, output->type.dtype, is_here));
}
