/* lower_window.c: convolutions: sums of products over the taps of a window.
 *
 * Taps in the padding add nothing: the term is `inside ? input * filter : 0`, which a loop may skip.
 */
#include "kernels/lower_window.h"

#include "kernels/scalar_internal.h"

/* ---- windows ---- */

InferContext window_context(LowerContext *c) {
    return (InferContext){.graph = c->graph, .node = c->node, .dims = c->dims};
}

static Dim scaled(DimTable *t, Dim dim, int64_t factor) {
    return dim_multiply(t, dim, dim_constant(t, factor));
}

Dim window_position(DimTable *t, const WindowAxis *axis, Dim output, Dim tap) {
    Dim begin = dim_subtract(t, scaled(t, output, axis->stride), axis->before);
    return dim_add(t, begin, scaled(t, tap, axis->dilation));
}

static Scalar *both(Kernel *k, Scalar *sofar, Scalar *condition) {
    uint64_t bits;
    if (scalar_is_constant(condition, &bits) && bits) return sofar;
    return sofar ? scalar_and(k, sofar, condition) : condition;
}

Scalar *window_inside(Kernel *k, const WindowAxis *axis, Dim position, Scalar *sofar) {
    Scalar *at = scalar_index(k, position);
    if (axis->is_cut_at_begin)
        sofar = both(k, sofar, scalar_less_equal(k, scalar_integer(k, TFCC_INT64, 0), at));
    if (axis->is_cut_at_end)
        sofar = both(k, sofar, scalar_less(k, at, scalar_index(k, axis->input)));
    return sofar;
}

/* o = distance / stride with distance = position + before - tap * dilation. */
Dim window_origin(DimTable *t, const WindowAxis *axis, Dim position, Dim tap, Dim *distance) {
    *distance = dim_subtract(t, dim_add(t, position, axis->before), scaled(t, tap, axis->dilation));
    return dim_floor_divide(t, *distance, dim_constant(t, axis->stride));
}

Scalar *window_has_origin(Kernel *k, const WindowAxis *axis, Dim distance, Scalar *sofar) {
    DimTable *t = k->program->graph->dims;
    Scalar *at = scalar_index(k, distance), *zero = scalar_integer(k, TFCC_INT64, 0);
    Scalar *end = scalar_index(k, scaled(t, axis->input, axis->stride));
    sofar = both(k, sofar, scalar_less_equal(k, zero, at));
    sofar = both(k, sofar, scalar_less(k, at, end));
    Dim rest = dim_modulo(t, distance, dim_constant(t, axis->stride));
    return both(k, sofar, scalar_equal(k, scalar_index(k, rest), zero));
}

Scalar *window_term(Kernel *k, Scalar *inside, Scalar *product) {
    return inside ? scalar_select(k, inside, product, scalar_like(k, product, 0)) : product;
}

/* ---- the kernel of a convolution ---- */

static Dim add_phases(ConvolutionKernel *v, Dim size, int64_t stride, Dim phase) {
    DimTable *t = v->kernel->program->graph->dims;
    Dim step = dim_constant(t, stride);
    Dim quotient = kernel_add_axis(v->kernel, dim_ceil_divide(t, size, step));
    Dim index = dim_add(t, dim_multiply(t, quotient, step), phase);
    v->is_cut = true;
    if (!dim_is(dim_modulo(t, size, step), 0))
        v->exists = both(
            v->kernel, v->exists,
            scalar_less(v->kernel, scalar_index(v->kernel, index), scalar_index(v->kernel, size)));
    return index;
}

ConvolutionKernel convolution_begin(LowerContext *c, const ConvolutionPlan *plan, bool by_phase) {
    ConvolutionKernel v = {.kernel = lower_kernel(c), .output = lower_output(c, 0)};
    const Window *w = &plan->window;
    bool has_groups = !dim_is(plan->groups, 1),
         is_split = has_groups && !dim_is(plan->per_group, 1);
    Dim phases[MAX_RANK], zero = dim_constant(c->dims, 0);
    v.group = v.member = zero;
    v.is_cut = is_split;
    for (int s = 0; s < w->spatial; s++) {
        int64_t stride = w->axes[s].stride;
        phases[s] = by_phase && stride > 1
                        ? kernel_add_axis(v.kernel, dim_constant(c->dims, stride))
                        : NULL;
    }
    for (int d = 0; d < plan->output.rank; d++) {
        Dim size = v.output->type.shape.dims[d];
        int s = d - w->first;
        if (s >= 0 && s < w->spatial && phases[s]) {
            v.index[d] = add_phases(&v, size, w->axes[s].stride, phases[s]);
        } else if (d != w->channel || !is_split) {
            v.index[d] = kernel_add_axis(v.kernel, size);
        } else {
            v.group = kernel_add_axis(v.kernel, plan->groups);
            v.member = kernel_add_axis(v.kernel, plan->per_group);
            v.index[d] =
                dim_add(c->dims, dim_multiply(c->dims, v.group, plan->per_group), v.member);
        }
    }
    if (!is_split) *(has_groups ? &v.group : &v.member) = v.index[w->channel];
    return v;
}

void convolution_end(ConvolutionKernel *v, Scalar *value) {
    if (!v->is_cut) {
        kernel_store(v->kernel, v->output, value);
        return;
    }
    Scalar *index[MAX_RANK];
    for (int d = 0; d < v->output->type.shape.rank; d++)
        index[d] = scalar_index(v->kernel, v->index[d]);
    kernel_store_at(v->kernel, v->output, index, value)->condition = v->exists;
}

/* The product of an element and a filter's, which belongs to an output channel. */
typedef Scalar *(*Product)(LowerContext *c, Kernel *k, Scalar *element, Scalar *filter,
                           Dim channel);

static Scalar *plain_product(LowerContext *c, Kernel *k, Scalar *element, Scalar *filter,
                             Dim channel) {
    (void)c, (void)channel;
    return scalar_multiply(k, lower_widen(k, element), lower_widen(k, filter));
}

/* int32(x) - int32(zero point), for all or for each channel. */
static Scalar *above_zero(LowerContext *c, Kernel *k, Scalar *x, const char *parameter,
                          Dim channel) {
    Buffer *zero = lower_input(c, parameter);
    Scalar *whole = scalar_convert(k, TFCC_INT32, x);
    if (!zero) return whole;
    const Shape *shape = &zero->type.shape;
    Dim index = shape->rank == 0 || dim_is(shape->dims[0], 1) ? dim_constant(c->dims, 0) : channel;
    return scalar_subtract(k, whole, scalar_convert(k, TFCC_INT32, scalar_load(k, zero, &index)));
}

static Scalar *integer_product(LowerContext *c, Kernel *k, Scalar *element, Scalar *filter,
                               Dim channel) {
    return scalar_multiply(k, above_zero(c, k, element, "input_zero_point", channel),
                           above_zero(c, k, filter, "filters_zero_point", channel));
}

/* The product of two loads, the first of them inside only; summed over the axes. */
static Scalar *sum_of_products(LowerContext *c, Kernel *k, Product product_of, Dim channel,
                               Buffer *x, const Dim *x_index, Buffer *w, const Dim *w_index,
                               Scalar *inside, const Dim *axes, int count) {
    Scalar *index[MAX_RANK];
    for (int d = 0; d < x->type.shape.rank; d++) index[d] = scalar_index(k, x_index[d]);
    Scalar *zero = scalar_integer(k, x->type.dtype, 0);
    Scalar *element = scalar_load_if(k, x, index, inside, zero);
    Scalar *product = product_of(c, k, element, scalar_load(k, w, w_index), channel);
    return kernel_reduce(k, COMBINE_ADD, axes, count, window_term(k, inside, product));
}

/* y[n, o.., g * M + m] = sum over k.., i of input[n, position(o, k).., g * I + i] * filters[k.., i,
 * g * M + m] */
static void convolution(LowerContext *c, Product product_of) {
    InferContext infer = window_context(c);
    ConvolutionPlan plan;
    if (!plan_convolution(&infer, &plan)) return;
    const Window *w = &plan.window;
    Buffer *input = lower_input(c, "input"), *filters = lower_input(c, "filters");
    ConvolutionKernel v = convolution_begin(c, &plan, false);
    Kernel *k = v.kernel;
    Dim taps[MAX_RANK], x[MAX_RANK], f[MAX_RANK];
    Scalar *inside = NULL;
    for (int d = 0; d < w->rank; d++) x[d] = v.index[d];
    for (int s = 0; s < w->spatial; s++) {
        f[s] = taps[s] = kernel_add_reduce_axis(k, w->axes[s].kernel);
        Dim position = window_position(c->dims, &w->axes[s], v.index[w->first + s], taps[s]);
        x[w->first + s] = position;
        inside = window_inside(k, &w->axes[s], position, inside);
    }
    Dim i = taps[w->spatial] = kernel_add_reduce_axis(k, plan.group_size);
    x[w->channel] = dim_add(c->dims, dim_multiply(c->dims, v.group, plan.group_size), i);
    f[w->spatial] = i;
    f[w->spatial + 1] = v.index[w->channel];
    convolution_end(&v, sum_of_products(c, k, product_of, v.index[w->channel], input, x, filters, f,
                                        inside, taps, w->spatial + 1));
}

void lower_convolution(LowerContext *c);
void lower_convolution(LowerContext *c) {
    convolution(c, plain_product);
}

void lower_conv_integer(LowerContext *c);
void lower_conv_integer(LowerContext *c) {
    convolution(c, integer_product);
}

/* [k.., m, i] as [k.., i, m], so that output channels are next to each other. */
static Buffer *turn_filters(LowerContext *c, Buffer *filters) {
    Shape shape = filters->type.shape;
    int rank = shape.rank;
    shape.dims[rank - 2] = filters->type.shape.dims[rank - 1];
    shape.dims[rank - 1] = filters->type.shape.dims[rank - 2];
    Buffer *turned = program_add_temporary(c->program, filters->name, filters->type.dtype, &shape);
    Dim axes[MAX_RANK], index[MAX_RANK];
    Kernel *k = lower_kernel_over(c, &shape, axes);
    for (int d = 0; d < rank; d++) index[d] = axes[d];
    index[rank - 2] = axes[rank - 1];
    index[rank - 1] = axes[rank - 2];
    kernel_store(k, turned, scalar_load(k, filters, index));
    return turned;
}

/* y[n, p.., g * M + m] = sum over k.., i of input[n, origin(p, k).., g * I + i] * filters[k.., m, g
 * * I + i], where there is an origin */
void lower_conv_transpose(LowerContext *c);
void lower_conv_transpose(LowerContext *c) {
    InferContext infer = window_context(c);
    ConvolutionPlan plan;
    if (!plan_conv_transpose(&infer, &plan)) return;
    const Window *w = &plan.window;
    Buffer *input = lower_input(c, "input"), *filters = turn_filters(c, lower_input(c, "filters"));
    ConvolutionKernel v = convolution_begin(c, &plan, true);
    Kernel *k = v.kernel;
    Dim taps[MAX_RANK], x[MAX_RANK], f[MAX_RANK];
    Scalar *inside = NULL;
    for (int d = 0; d < w->rank; d++) x[d] = v.index[d];
    for (int s = 0; s < w->spatial; s++) {
        Dim distance;
        f[s] = taps[s] = kernel_add_reduce_axis(k, w->axes[s].kernel);
        x[w->first + s] =
            window_origin(c->dims, &w->axes[s], v.index[w->first + s], taps[s], &distance);
        inside = window_has_origin(k, &w->axes[s], distance, inside);
    }
    Dim i = taps[w->spatial] = kernel_add_reduce_axis(k, plan.group_size);
    x[w->channel] = dim_add(c->dims, dim_multiply(c->dims, v.group, plan.group_size), i);
    f[w->spatial] = x[w->channel];
    f[w->spatial + 1] = v.member;
    convolution_end(&v, sum_of_products(c, k, plain_product, v.index[w->channel], input, x, filters,
                                        f, inside, taps, w->spatial + 1));
}

/* ---- deformable ---- */

typedef struct Sample {
    Kernel *k;
    Buffer *x;
    Dim n, channel;
    Scalar *place[2]; /* row and column, as floats */
} Sample;

/* x between four elements: those outside are 0. */
static Scalar *bilinear(const Sample *s) {
    Kernel *k = s->k;
    const Shape *shape = &s->x->type.shape;
    Scalar *weight[2][2], *at[2][2], *inside[2][2], *sum = NULL;
    for (int d = 0; d < 2; d++) {
        Scalar *low = scalar_unary(k, SCALAR_FLOOR, s->place[d]);
        Scalar *part = scalar_subtract(k, s->place[d], low);
        weight[d][0] = scalar_subtract(k, scalar_like(k, part, 1), part);
        weight[d][1] = part;
        for (int e = 0; e < 2; e++) {
            at[d][e] =
                scalar_add(k, scalar_convert(k, TFCC_INT64, low), scalar_integer(k, TFCC_INT64, e));
            inside[d][e] = scalar_in_range(k, at[d][e], scalar_integer(k, TFCC_INT64, 0),
                                           scalar_index(k, shape->dims[2 + d]));
        }
    }
    for (int e = 0; e < 4; e++) {
        int row = e / 2, column = e % 2;
        Scalar *index[] = {scalar_index(k, s->n), scalar_index(k, s->channel), at[0][row],
                           at[1][column]};
        Scalar *condition = scalar_and(k, inside[0][row], inside[1][column]);
        Scalar *zero = scalar_integer(k, s->x->type.dtype, 0);
        Scalar *element = lower_widen(k, scalar_load_if(k, s->x, index, condition, zero));
        Scalar *term =
            scalar_multiply(k, element, scalar_multiply(k, weight[0][row], weight[1][column]));
        sum = sum ? scalar_add(k, sum, term) : term;
    }
    return sum;
}

/* y[n, g * M + m, o..] = b[m] + sum over k.., i of w[m, i, k..] * mask[n, t, o..] * x[n, g * I + i,
 * position(o, k) + offset[n, 2 t .., o..]] with t = k within the channel's offset group */
void lower_deform_conv(LowerContext *c);
void lower_deform_conv(LowerContext *c) {
    InferContext infer = window_context(c);
    ConvolutionPlan plan;
    if (!plan_deform_conv(&infer, &plan)) return;
    const Window *w = &plan.window;
    DimTable *t = c->dims;
    Buffer *x = lower_input(c, "x"), *filters = lower_input(c, "w"),
           *offset = lower_input(c, "offset"), *mask = lower_input(c, "mask"),
           *bias = lower_input(c, "b");
    ConvolutionKernel v = convolution_begin(c, &plan, false);
    Kernel *k = v.kernel;
    Dim taps[3], *o = v.index;
    for (int s = 0; s < 2; s++) taps[s] = kernel_add_reduce_axis(k, w->axes[s].kernel);
    taps[2] = kernel_add_reduce_axis(k, plan.group_size);
    Dim channel = dim_add(t, dim_multiply(t, v.group, plan.group_size), taps[2]);
    Dim offset_groups = dim_constant(t, node_attribute_integer(c->node, "offset_group"));
    Dim each = dim_floor_divide(t, x->type.shape.dims[1], offset_groups);
    Dim tap =
        dim_add(t, dim_multiply(t, dim_floor_divide(t, channel, each), w->axes[0].kernel), taps[0]);
    tap = dim_add(t, dim_multiply(t, tap, w->axes[1].kernel), taps[1]);
    Sample sample = {.k = k, .x = x, .n = o[0], .channel = channel};
    for (int s = 0; s < 2; s++) {
        Dim index[] = {o[0], dim_add(t, scaled(t, tap, 2), dim_constant(t, s)), o[2], o[3]};
        Scalar *moved = lower_widen(k, scalar_load(k, offset, index));
        Dim position = window_position(t, &w->axes[s], o[2 + s], taps[s]);
        Scalar *grid = scalar_convert(k, moved->dtype, scalar_index(k, position));
        sample.place[s] = scalar_add(k, grid, moved);
    }
    Scalar *term = bilinear(&sample);
    Dim tap_index[] = {o[0], tap, o[2], o[3]}, filter_index[] = {o[1], taps[2], taps[0], taps[1]};
    if (mask) term = scalar_multiply(k, term, lower_widen(k, scalar_load(k, mask, tap_index)));
    term = scalar_multiply(k, term, lower_widen(k, scalar_load(k, filters, filter_index)));
    Scalar *sum = kernel_reduce(k, COMBINE_ADD, taps, 3, term);
    if (bias) sum = scalar_add(k, sum, lower_widen(k, scalar_load(k, bias, &o[1])));
    convolution_end(&v, sum);
}
