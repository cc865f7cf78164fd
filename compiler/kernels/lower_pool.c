/* lower_pool.c: pools: reductions over the taps of a window; and windows laid out or put back. */
#include "kernels/lower_window.h"

/* One kernel over the output with a reduce axis for each spatial dimension of the window. */
typedef struct Pool {
    LowerContext *c;
    Kernel *kernel;
    Buffer *input, *output;
    Window window;
    Dim axes[MAX_RANK], taps[MAX_RANK];
} Pool;

static bool pool_begin(LowerContext *c, Pool *pool) {
    InferContext infer = window_context(c);
    Shape shape;
    *pool = (Pool){.c = c, .input = lower_input(c, "input"), .output = lower_output(c, 0)};
    if (!plan_pool(&infer, &pool->window, &shape)) return false;
    pool->kernel = lower_kernel_over(c, &pool->output->type.shape, pool->axes);
    return true;
}

static void add_taps(Pool *pool) {
    for (int s = 0; s < pool->window.spatial; s++)
        pool->taps[s] = kernel_add_reduce_axis(pool->kernel, pool->window.axes[s].kernel);
}

/* The element at these taps, widened; what stands for padding is given as bits of the input's
 * dtype. */
static Scalar *pool_element(Pool *pool, const Dim *taps, uint64_t padding) {
    const Window *w = &pool->window;
    Kernel *k = pool->kernel;
    Scalar *index[MAX_RANK], *inside = NULL;
    for (int d = 0; d < w->rank; d++) index[d] = scalar_index(k, pool->axes[d]);
    for (int s = 0; s < w->spatial; s++) {
        Dim position =
            window_position(pool->c->dims, &w->axes[s], pool->axes[w->first + s], taps[s]);
        index[w->first + s] = scalar_index(k, position);
        inside = window_inside(k, &w->axes[s], position, inside);
    }
    Scalar *otherwise = scalar_constant_bits(k, pool->input->type.dtype, padding);
    return lower_widen(k, scalar_load_if(k, pool->input, index, inside, otherwise));
}

static Scalar *largest_of(Pool *pool) {
    add_taps(pool);
    Scalar *element =
        pool_element(pool, pool->taps, combiner_identity(COMBINE_MAXIMUM, pool->input->type.dtype));
    return kernel_reduce(pool->kernel, COMBINE_MAXIMUM, pool->taps, pool->window.spatial, element);
}

void lower_max_pool(LowerContext *c);
void lower_max_pool(LowerContext *c) {
    Pool pool;
    if (pool_begin(c, &pool)) kernel_store(pool.kernel, pool.output, largest_of(&pool));
}

/* ---- with indices ---- */

/* Where the largest element of the window is: a search along all taps as one axis, whose result is
 * taken apart. A window of nothing but padding or NaN gives its first tap, moved inside. */
static Scalar *index_of_largest(Pool *pool, bool with_batch, bool is_reversed) {
    const Window *w = &pool->window;
    Kernel *k = pool->kernel;
    DimTable *t = pool->c->dims;
    Dim count = dim_constant(t, 1), taps[MAX_RANK];
    for (int s = 0; s < w->spatial; s++) count = dim_multiply(t, count, w->axes[s].kernel);
    Dim all = kernel_add_reduce_axis(k, count), rest = all;
    for (int s = w->spatial - 1; s >= 0; s--) {
        taps[s] = s > 0 ? dim_modulo(t, rest, w->axes[s].kernel) : rest;
        rest = dim_floor_divide(t, rest, w->axes[s].kernel);
    }
    Scalar *element =
        pool_element(pool, taps, combiner_identity(COMBINE_MAXIMUM, pool->input->type.dtype));
    Scalar *found = kernel_reduce(k, COMBINE_ARGMAX, &all, 1, element), *place[MAX_RANK];
    for (int d = 0; d < w->rank; d++) place[d] = scalar_index(k, pool->axes[d]);
    for (int s = w->spatial - 1; s >= 0; s--) {
        const WindowAxis *axis = &w->axes[s];
        Scalar *size = scalar_index(k, axis->kernel), *zero = scalar_integer(k, TFCC_INT64, 0);
        Scalar *tap = s > 0 ? scalar_remainder(k, found, size) : found;
        found = scalar_divide(k, found, size);
        Scalar *begin =
            scalar_index(k, window_position(t, axis, pool->axes[w->first + s], dim_constant(t, 0)));
        Scalar *at = scalar_add(
            k, begin, scalar_multiply(k, tap, scalar_integer(k, TFCC_INT64, axis->dilation)));
        Scalar *last = scalar_index(k, dim_subtract(t, axis->input, dim_constant(t, 1)));
        place[w->first + s] = scalar_maximum(k, scalar_minimum(k, at, last), zero);
    }
    Scalar *index = NULL;
    for (int d = with_batch ? 0 : 1; d < w->rank; d++) {
        bool is_spatial = d >= w->first && d < w->first + w->spatial;
        int from = is_spatial && is_reversed ? 2 * w->first + w->spatial - 1 - d : d;
        Scalar *size = scalar_index(k, pool->input->type.shape.dims[from]);
        index = index ? scalar_add(k, scalar_multiply(k, index, size), place[from]) : place[from];
    }
    return index;
}

void lower_max_pool_with_argmax(LowerContext *c);
void lower_max_pool_with_argmax(LowerContext *c) {
    Pool pool;
    if (!pool_begin(c, &pool)) return;
    kernel_store(pool.kernel, pool.output, largest_of(&pool));
    Buffer *indices = lower_output(c, 1);
    pool.kernel = lower_kernel_over(c, &indices->type.shape, pool.axes);
    Scalar *index = index_of_largest(&pool, node_attribute_bool(c->node, "include_batch_in_index"),
                                     node_attribute_integer(c->node, "storage_order") != 0);
    kernel_store(pool.kernel, indices, index);
}

/* ---- means ---- */

/* How many taps of a window are inside: those from ceil((before - o * stride) / dilation) up to
 * ceil((before + input - o * stride) / dilation), of all that there are. With padding counted, up
 * to the end of the padding. */
static Dim count_taps(DimTable *t, const WindowAxis *axis, Dim output, bool with_padding) {
    Dim zero = dim_constant(t, 0), dilation = dim_constant(t, axis->dilation);
    Dim begin = dim_multiply(t, output, dim_constant(t, axis->stride));
    Dim ahead = dim_subtract(t, axis->before, begin), first = zero, last = axis->kernel;
    if (axis->is_cut_at_begin && !with_padding)
        first = dim_ceil_divide(t, dim_maximum(t, ahead, zero), dilation);
    if (axis->is_cut_at_end) {
        Dim left = dim_add(t, ahead, axis->input);
        if (with_padding) left = dim_add(t, left, axis->after);
        last = dim_minimum(t, last, dim_ceil_divide(t, left, dilation));
    }
    return dim_maximum(t, dim_subtract(t, last, first), zero);
}

void lower_avg_pool(LowerContext *c);
void lower_avg_pool(LowerContext *c) {
    Pool pool;
    if (!pool_begin(c, &pool)) return;
    Kernel *k = pool.kernel;
    bool with_padding = node_attribute_bool(c->node, "count_include_pad");
    add_taps(&pool);
    Scalar *element = pool_element(&pool, pool.taps, 0), *count = scalar_like(k, element, 1);
    Scalar *sum = kernel_reduce(k, COMBINE_ADD, pool.taps, pool.window.spatial, element);
    for (int s = 0; s < pool.window.spatial; s++) {
        Dim taps = count_taps(c->dims, &pool.window.axes[s], pool.axes[pool.window.first + s],
                              with_padding);
        count = scalar_multiply(k, count, scalar_convert(k, element->dtype, scalar_index(k, taps)));
    }
    kernel_store(k, pool.output, scalar_divide(k, sum, count));
}

void lower_lp_pool(LowerContext *c);
void lower_lp_pool(LowerContext *c) {
    Pool pool;
    if (!pool_begin(c, &pool)) return;
    Kernel *k = pool.kernel;
    int64_t p = node_attribute_integer(c->node, "p");
    add_taps(&pool);
    Scalar *x = scalar_absolute(k, pool_element(&pool, pool.taps, 0));
    Scalar *power = p == 1   ? x
                    : p == 2 ? scalar_multiply(k, x, x)
                             : scalar_binary(k, SCALAR_POWER, x, scalar_like(k, x, (double)p));
    Scalar *sum = kernel_reduce(k, COMBINE_ADD, pool.taps, pool.window.spatial, power);
    if (p == 2)
        sum = scalar_unary(k, SCALAR_SQRT, sum);
    else if (p != 1)
        sum = scalar_binary(k, SCALAR_POWER, sum, scalar_like(k, sum, 1.0 / (double)p));
    kernel_store(k, pool.output, sum);
}

/* ---- regions ---- */

/* A coordinate of a region, scaled and rounded. */
static Scalar *scaled_corner(Kernel *k, Buffer *rois, Dim row, int column, double scale) {
    Dim index[] = {row, dim_constant(k->program->graph->dims, column)};
    Scalar *corner = lower_widen(k, scalar_load(k, rois, index));
    corner = scalar_multiply(k, corner, scalar_like(k, corner, scale));
    return scalar_unary(k, SCALAR_FLOOR, scalar_add(k, corner, scalar_like(k, corner, 0.5)));
}

/* The elements of part `part` of `parts` of a region from `low` to `high`, within 0 … size: from
 * *begin up to *end. */
static void part_of_region(Kernel *k, Scalar *low, Scalar *high, Dim part, int64_t parts, Dim size,
                           Scalar **begin, Scalar **end) {
    Scalar *one = scalar_like(k, low, 1), *zero = scalar_integer(k, TFCC_INT64, 0);
    Scalar *length = scalar_maximum(k, scalar_add(k, scalar_subtract(k, high, low), one), one);
    Scalar *each = scalar_divide(k, length, scalar_like(k, low, (double)parts));
    Scalar *number = scalar_convert(k, low->dtype, scalar_index(k, part));
    Scalar *first = scalar_unary(k, SCALAR_FLOOR, scalar_multiply(k, number, each));
    Scalar *last =
        scalar_unary(k, SCALAR_CEIL, scalar_multiply(k, scalar_add(k, number, one), each));
    Scalar *limit = scalar_index(k, size), *ends[] = {first, last};
    for (int e = 0; e < 2; e++) {
        ends[e] = scalar_convert(k, TFCC_INT64, scalar_add(k, ends[e], low));
        ends[e] = scalar_minimum(k, scalar_maximum(k, ends[e], zero), limit);
    }
    *begin = ends[0];
    *end = ends[1];
}

static Scalar *image_of_region(Kernel *k, Buffer *rois, Dim row) {
    Dim index[] = {row, dim_constant(k->program->graph->dims, 0)};
    return scalar_convert(k, TFCC_INT64, lower_widen(k, scalar_load(k, rois, index)));
}

static void check_images(LowerContext *c, Buffer *rois, Dim images) {
    Kernel *k = lower_check_kernel(c);
    Dim row = kernel_add_axis(k, rois->type.shape.dims[0]);
    Scalar *image = image_of_region(k, rois, row), *limit = scalar_index(k, images);
    Scalar *values[] = {scalar_index(k, row), image, limit};
    kernel_check(k, scalar_in_range(k, image, scalar_integer(k, TFCC_INT64, 0), limit),
                 TFCC_INVALID_ARGUMENT,
                 lower_message(c, "rois[%0,0] = %1 is no image: there are %2"), values, 3);
}

void lower_max_roi_pool(LowerContext *c);
void lower_max_roi_pool(LowerContext *c) {
    Buffer *x = lower_input(c, "x"), *rois = lower_input(c, "rois"), *output = lower_output(c, 0);
    const int64_t *pooled = node_argument(c->node, "pooled_shape")->as.integers;
    double scale = node_attribute_float(c->node, "spatial_scale");
    check_images(c, rois, x->type.shape.dims[0]);
    Dim axes[MAX_RANK], inner[2];
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    Scalar *inside = NULL, *is_empty = NULL, *index[4];
    index[0] = image_of_region(k, rois, axes[0]);
    index[1] = scalar_index(k, axes[1]);
    for (int d = 0; d < 2; d++) {
        Scalar *begin, *end;
        Dim size = x->type.shape.dims[2 + d];
        inner[d] = kernel_add_reduce_axis(k, size);
        part_of_region(k, scaled_corner(k, rois, axes[0], 2 - d, scale),
                       scaled_corner(k, rois, axes[0], 4 - d, scale), axes[2 + d], pooled[d], size,
                       &begin, &end);
        index[2 + d] = scalar_index(k, inner[d]);
        Scalar *here = scalar_in_range(k, index[2 + d], begin, end);
        Scalar *nothing = scalar_less_equal(k, end, begin);
        inside = inside ? scalar_and(k, inside, here) : here;
        is_empty = is_empty ? scalar_or(k, is_empty, nothing) : nothing;
    }
    Scalar *lowest =
        scalar_constant_bits(k, x->type.dtype, combiner_identity(COMBINE_MAXIMUM, x->type.dtype));
    Scalar *element = lower_widen(k, scalar_load_if(k, x, index, inside, lowest));
    Scalar *largest = kernel_reduce(k, COMBINE_MAXIMUM, inner, 2, element);
    kernel_store(k, output, scalar_select(k, is_empty, scalar_like(k, largest, 0), largest));
}

/* ---- back to where the largest were ---- */

/* The index taken apart by the sizes of the pool's input; whether it is one. */
static Scalar *unpooled_place(LowerContext *c, Kernel *k, const Window *w, const Shape *output,
                              Scalar *index, Scalar **place) {
    Buffer *x = lower_input(c, "x");
    Scalar *zero = scalar_integer(k, TFCC_INT64, 0), *fits = scalar_less_equal(k, zero, index);
    for (int d = w->rank - 1; d >= 0; d--) {
        Scalar *size =
            scalar_index(k, d >= w->first ? w->axes[d - w->first].output : x->type.shape.dims[d]);
        place[d] = d > 0 ? scalar_remainder(k, index, size) : index;
        index = scalar_divide(k, index, size);
        fits = scalar_and(k, fits, scalar_less(k, place[d], scalar_index(k, output->dims[d])));
    }
    return fits;
}

void lower_max_unpool(LowerContext *c);
void lower_max_unpool(LowerContext *c) {
    InferContext infer = window_context(c);
    Window w;
    Shape shape;
    if (!plan_max_unpool(&infer, &w, &shape)) return;
    Buffer *x = lower_input(c, "x"), *indices = lower_input(c, "i"), *output = lower_output(c, 0);
    Dim axes[MAX_RANK];
    Scalar *place[MAX_RANK];
    Kernel *check = lower_check_kernel(c);
    kernel_add_axes(check, &x->type.shape, axes);
    Scalar *index = scalar_convert(check, TFCC_INT64, scalar_load(check, indices, axes));
    Scalar *fits = unpooled_place(c, check, &w, &output->type.shape, index, place);
    kernel_check(check, fits, TFCC_INVALID_ARGUMENT,
                 lower_message(c, "the index %0 is outside of the result"), &index, 1);
    Kernel *clear = lower_kernel_over(c, &output->type.shape, axes);
    kernel_store(clear, output, scalar_integer(clear, output->type.dtype, 0));
    Kernel *k = lower_kernel_over(c, &x->type.shape, axes);
    kernel_add_after(k, clear);
    index = scalar_convert(k, TFCC_INT64, scalar_load(k, indices, axes));
    unpooled_place(c, k, &w, &output->type.shape, index, place);
    kernel_store_at(k, output, place, scalar_load(k, x, axes));
}

/* ---- over channels ---- */

/* base ** exponent of a positive base. */
static Scalar *positive_power(Kernel *k, Scalar *base, double exponent) {
    Scalar *root = scalar_unary(k, SCALAR_SQRT, base);
    if (exponent == 1) return base;
    if (exponent == 0.5) return root;
    if (exponent == 0.75) return scalar_multiply(k, root, scalar_unary(k, SCALAR_SQRT, root));
    return scalar_binary(k, SCALAR_POWER, base, scalar_like(k, base, exponent));
}

void lower_local_response_normalization(LowerContext *c);
void lower_local_response_normalization(LowerContext *c) {
    Buffer *input = lower_input(c, "input"), *output = lower_output(c, 0);
    const Shape *shape = &input->type.shape;
    const Argument *size = node_argument(c->node, "size");
    const char *format = node_attribute_word(c->node, "data_format");
    int64_t radius = node_attribute_integer(c->node, "depth_radius"), length = 2 * radius + 1;
    double alpha = node_attribute_float(c->node, "alpha");
    if (size->kind == ARGUMENT_INTEGER) {
        length = size->as.integer;
        radius = (length - 1) / 2;
        alpha /= (double)length;
    }
    int channel = format && format[1] == 'C' ? 1 : shape->rank - 1;
    Dim axes[MAX_RANK];
    Kernel *k = lower_kernel_over(c, shape, axes);
    Dim near = kernel_add_reduce_axis(k, dim_constant(c->dims, length));
    Dim position =
        dim_add(c->dims, axes[channel], dim_subtract(c->dims, near, dim_constant(c->dims, radius)));
    Scalar *index[MAX_RANK];
    for (int d = 0; d < shape->rank; d++) index[d] = scalar_index(k, axes[d]);
    index[channel] = scalar_index(k, position);
    Scalar *inside = scalar_in_range(k, index[channel], scalar_integer(k, TFCC_INT64, 0),
                                     scalar_index(k, shape->dims[channel]));
    Scalar *zero = scalar_integer(k, input->type.dtype, 0);
    Scalar *other = lower_widen(k, scalar_load_if(k, input, index, inside, zero));
    Scalar *sum = kernel_reduce(k, COMBINE_ADD, &near, 1, scalar_multiply(k, other, other));
    Scalar *base = scalar_add(k, scalar_like(k, sum, node_attribute_float(c->node, "bias")),
                              scalar_multiply(k, sum, scalar_like(k, sum, alpha)));
    Scalar *power = positive_power(k, base, node_attribute_float(c->node, "beta"));
    kernel_store(k, output, scalar_divide(k, lower_widen(k, scalar_load(k, input, axes)), power));
}

/* ---- patches ---- */

/* One kernel over windows, taps and channels; the last two are one dimension of the output. */
void lower_extract_patches(LowerContext *c);
void lower_extract_patches(LowerContext *c) {
    InferContext infer = window_context(c);
    Buffer *images = lower_input(c, "images"), *output = lower_output(c, 0);
    const Shape *shape = &images->type.shape;
    int spatial = shape->rank - 2;
    Window w = {.spatial = spatial, .rank = shape->rank, .channel = shape->rank - 1, .first = 1};
    int64_t sizes[MAX_RANK];
    Dim kernel[MAX_RANK], channel = dim_constant(c->dims, 0);
    if (!window_numbers(&infer, &w, "sizes", 1, 1, sizes)) return;
    for (int s = 0; s < spatial; s++) kernel[s] = dim_constant(c->dims, sizes[s]);
    if (!window_plan(&infer, shape, kernel, &w)) return;
    Kernel *k = lower_kernel(c);
    Scalar *from[MAX_RANK], *to[MAX_RANK], *inside = NULL;
    Dim axes[MAX_RANK];
    for (int d = 0; d <= spatial; d++) {
        axes[d] = kernel_add_axis(k, output->type.shape.dims[d]);
        from[d] = to[d] = scalar_index(k, axes[d]);
    }
    for (int s = 0; s < spatial; s++) {
        Dim tap = kernel_add_axis(k, kernel[s]);
        Dim position = window_position(c->dims, &w.axes[s], axes[1 + s], tap);
        from[1 + s] = scalar_index(k, position);
        inside = window_inside(k, &w.axes[s], position, inside);
        channel = dim_add(c->dims, dim_multiply(c->dims, channel, kernel[s]), tap);
    }
    Dim depth = kernel_add_axis(k, shape->dims[shape->rank - 1]);
    channel = dim_add(c->dims, dim_multiply(c->dims, channel, shape->dims[shape->rank - 1]), depth);
    from[shape->rank - 1] = scalar_index(k, depth);
    to[shape->rank - 1] = scalar_index(k, channel);
    Scalar *zero = scalar_integer(k, images->type.dtype, 0);
    kernel_store_at(k, output, to, scalar_load_if(k, images, from, inside, zero));
}

/* y[n, c, p..] = sum over k.. of input[n, c * taps + k, origin(p, k)], both as one number */
void lower_col2im(LowerContext *c);
void lower_col2im(LowerContext *c) {
    InferContext infer = window_context(c);
    Window w;
    Shape shape;
    if (!plan_col2im(&infer, &w, &shape)) return;
    DimTable *t = c->dims;
    Buffer *input = lower_input(c, "input"), *output = lower_output(c, 0);
    Dim axes[MAX_RANK], taps[MAX_RANK];
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    Dim row = axes[1], column = dim_constant(t, 0);
    Scalar *inside = NULL;
    for (int s = 0; s < w.spatial; s++) {
        /* Seen from the columns, the image is what is produced. */
        WindowAxis axis = w.axes[s];
        Dim distance;
        axis.input = w.axes[s].output;
        taps[s] = kernel_add_reduce_axis(k, axis.kernel);
        Dim origin = window_origin(t, &axis, axes[2 + s], taps[s], &distance);
        inside = window_has_origin(k, &axis, distance, inside);
        row = dim_add(t, dim_multiply(t, row, axis.kernel), taps[s]);
        column = dim_add(t, dim_multiply(t, column, axis.input), origin);
    }
    Scalar *index[] = {scalar_index(k, axes[0]), scalar_index(k, row), scalar_index(k, column)};
    Scalar *zero = scalar_integer(k, input->type.dtype, 0);
    Scalar *element = lower_widen(k, scalar_load_if(k, input, index, inside, zero));
    kernel_store(k, output, kernel_reduce(k, COMBINE_ADD, taps, w.spatial, element));
}
