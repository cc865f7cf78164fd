/* shapes_window.c: rules of convolutions, pools and patches: what slides a window over its input.
 */
#include "graph/window.h"
#include <string.h>

/* ---- convolutions ---- */

/* An error with both shapes unless the condition holds: `whole` is a multiple of `part`. */
static bool require_fit(InferContext *c, Dim condition, Dim whole, Dim part, const char *what,
                        const char *of) {
    if (infer_holds(condition)) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "%s ", what);
    sentence_dim(&s, whole);
    sentence_text(&s, ", which is no multiple of the %s ", of);
    sentence_dim(&s, part);
    sentence_text(&s, ": ");
    sentence_input(&s, c, 0);
    sentence_text(&s, ", ");
    sentence_input(&s, c, 1);
    return infer_require(c, condition, &s);
}

static bool require_multiple(InferContext *c, Dim whole, Dim part, const char *what,
                             const char *of) {
    Dim is_multiple = dim_equal(c->dims, dim_modulo(c->dims, whole, part), known(c, 0));
    return require_fit(c, is_multiple, whole, part, what, of);
}

/* The input's rank has room for batch, spatial dimensions and channels. */
static bool need_room(InferContext *c, const char *input, const char *filters, int spatial) {
    if (!need_rank(c, input, 0)) return false;
    const Shape *shape = input_shape(c, input);
    if (shape->rank >= spatial + 2) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "a filter of rank %d needs an input of rank %d or more: ", spatial + 2,
                  spatial + 2);
    sentence_input(&s, c, input_index(c, input));
    sentence_text(&s, ", ");
    sentence_input(&s, c, input_index(c, filters));
    return infer_error(c, &s);
}

/* Filters are [spatial.., input channels of a group, output channels]. */
bool plan_convolution(InferContext *c, ConvolutionPlan *plan) {
    if (!need_rank(c, "filters", 3)) return false;
    const Shape *input = input_shape(c, "input"), *filters = input_shape(c, "filters");
    int spatial = filters->rank - 2;
    if (!need_room(c, "input", "filters", spatial) ||
        !window_layout(c, input, spatial, &plan->window))
        return false;
    Dim channels = input->dims[plan->window.channel], outputs = filters->dims[spatial + 1];
    plan->group_size = filters->dims[spatial];
    plan->groups = known(c, 1);
    plan->per_group = outputs;
    if (dim_compare(c->dims, channels, plan->group_size) != DIM_YES) {
        plan->groups = dim_floor_divide(c->dims, channels, plan->group_size);
        if (dim_low(plan->groups) < 1) /* also where there are no channels at all */
            plan->groups = dim_maximum(c->dims, plan->groups, known(c, 1));
        Dim all = dim_multiply(c->dims, plan->groups, plan->group_size);
        if (!require_fit(c, dim_equal(c->dims, channels, all), channels, plan->group_size,
                         "the input's channels are", "filter's") ||
            !require_multiple(c, outputs, plan->groups, "the output's channels are", "groups'"))
            return false;
        plan->per_group = dim_floor_divide(c->dims, outputs, plan->groups);
    }
    if (!window_plan(c, input, filters->dims, &plan->window)) return false;
    plan->output = window_output(&plan->window, input, outputs);
    return true;
}

bool shape_convolution(InferContext *c) {
    ConvolutionPlan plan;
    if (!plan_convolution(c, &plan)) return false;
    set_shape(c, 0, plan.output);
    return true;
}

/* A number, a vector of one, or one number for every output channel. */
static bool check_per_channel(InferContext *c, const char *parameter, Dim outputs) {
    if (!has_input(c, parameter)) return true;
    if (!need_rank(c, parameter, 0)) return false;
    const Shape *given = input_shape(c, parameter);
    if (given->rank == 0 || (given->rank == 1 && dim_is(given->dims[0], 1))) return true;
    if (given->rank > 1)
        return infer_error_text(c, "%s is %s; it is a number, or one for every output channel",
                                parameter, shape_text(c->graph->arena, given));
    return require_equal(c, given->dims[0], outputs,
                         "there has to be one number for every output channel",
                         input_index(c, parameter), input_index(c, "filters"));
}

bool shape_conv_integer(InferContext *c) {
    ConvolutionPlan plan;
    if (!plan_convolution(c, &plan)) return false;
    set_shape(c, 0, plan.output);
    return check_per_channel(c, "input_zero_point", known(c, 1)) &&
           check_per_channel(c, "filters_zero_point", plan.output.dims[plan.window.channel]);
}

bool shape_qlinear_conv(InferContext *c) {
    static const char *const scalars[] = {"input_scale", "y_scale", "y_zero_point"};
    for (size_t i = 0; i < sizeof scalars / sizeof scalars[0]; i++)
        if (!check_per_channel(c, scalars[i], known(c, 1))) return false;
    if (!shape_conv_integer(c)) return false;
    ConvolutionPlan plan;
    if (!plan_convolution(c, &plan)) return false;
    Dim outputs = plan.output.dims[plan.window.channel];
    return check_per_channel(c, "filters_scale", outputs) && check_per_channel(c, "bias", outputs);
}

/* Filters are [spatial.., height, channels, multiplier]. */
bool shape_depthwise_conv2d(InferContext *c) {
    Window window;
    if (!need_exact_rank(c, "filter", 4)) return false;
    const Shape *input = input_shape(c, "input"), *filter = input_shape(c, "filter");
    if (!need_room(c, "input", "filter", 2) || !window_layout(c, input, 2, &window)) return false;
    if (!require_equal(c, input->dims[window.channel], filter->dims[2],
                       "the input's channels are not the filter's", 0, 1) ||
        !window_plan(c, input, filter->dims, &window))
        return false;
    Dim channels = dim_multiply(c->dims, filter->dims[2], filter->dims[3]);
    set_shape(c, 0, window_output(&window, input, channels));
    return true;
}

bool shape_separable_conv2d(InferContext *c) {
    Window window;
    if (!need_exact_rank(c, "depthwise_filter", 4) || !need_exact_rank(c, "pointwise_filter", 4))
        return false;
    const Shape *input = input_shape(c, "input"), *depthwise = input_shape(c, "depthwise_filter"),
                *pointwise = input_shape(c, "pointwise_filter");
    if (!need_room(c, "input", "depthwise_filter", 2) || !window_layout(c, input, 2, &window) ||
        !require_equal(c, input->dims[window.channel], depthwise->dims[2],
                       "the input's channels are not the depthwise filter's", 0, 1))
        return false;
    Dim channels = dim_multiply(c->dims, depthwise->dims[2], depthwise->dims[3]), one = known(c, 1);
    if (!require_equal(c, channels, pointwise->dims[2],
                       "the channels of the depthwise filter's results are not the pointwise "
                       "filter's",
                       1, 2) ||
        !require_equal(c, pointwise->dims[0], one, "the pointwise filter is not 1 x 1", 0, 2) ||
        !require_equal(c, pointwise->dims[1], one, "the pointwise filter is not 1 x 1", 0, 2) ||
        !window_plan(c, input, depthwise->dims, &window))
        return false;
    set_shape(c, 0, window_output(&window, input, pointwise->dims[3]));
    return true;
}

/* ---- transposed convolutions ---- */

/* output_shape: the spatial sizes, or all of them, which then have to fit. */
static bool read_output_shape(InferContext *c, const ConvolutionPlan *plan, const Shape *input,
                              Dim channels, Dim **sizes) {
    const Window *w = &plan->window;
    Dim *elements;
    size_t count;
    *sizes = NULL;
    if (!has_input(c, "output_shape")) return true;
    if (!need_contents(c, "output_shape", &elements, &count)) return false;
    *sizes = elements;
    if (count == (size_t)w->spatial) return true;
    if (count != (size_t)input->rank)
        return infer_error_text(c,
                                "output_shape has %zu sizes; it needs %d, or %d for the spatial "
                                "dimensions alone",
                                count, input->rank, w->spatial);
    *sizes = elements + w->first;
    for (int k = 0; k < input->rank; k++) {
        if (k >= w->first && k < w->first + w->spatial) continue;
        Dim size = k == w->channel ? channels : input->dims[k];
        Sentence s = sentence_begin(c);
        sentence_text(&s, "output_shape has size %d ", k);
        sentence_dim(&s, elements[k]);
        sentence_text(&s, "; input and filters give ");
        sentence_dim(&s, size);
        if (!infer_require(c, dim_equal(c->dims, elements[k], size), &s)) return false;
    }
    return true;
}

/* Whether a convolution over the output would give the input's sizes. */
static bool require_inverse(InferContext *c, const Shape *input, const Dim *sizes,
                            const ConvolutionPlan *plan) {
    Shape output = *input;
    Dim kernel[MAX_RANK];
    Window window = plan->window;
    for (int k = 0; k < window.spatial; k++) {
        output.dims[window.first + k] = sizes[k];
        kernel[k] = window.axes[k].kernel;
    }
    if (!window_plan(c, &output, kernel, &window)) return false;
    for (int k = 0; k < window.spatial; k++) {
        Dim size = input->dims[window.first + k];
        Sentence s = sentence_begin(c);
        sentence_text(&s, "a convolution of output_shape gives ");
        sentence_dim(&s, window.axes[k].output);
        sentence_text(&s, " in spatial dimension %d, where the input has ", k);
        sentence_dim(&s, size);
        if (!infer_require(c, dim_equal(c->dims, window.axes[k].output, size), &s)) return false;
    }
    return true;
}

/* Filters are [spatial.., output channels of a group, input channels]. */
bool plan_conv_transpose(InferContext *c, ConvolutionPlan *plan) {
    if (!need_rank(c, "filters", 3)) return false;
    const Shape *input = input_shape(c, "input"), *filters = input_shape(c, "filters");
    int spatial = filters->rank - 2;
    int64_t groups = node_attribute_integer(c->node, "groups");
    if (groups < 1)
        return infer_error_text(c, "groups has to be at least 1, not %lld", (long long)groups);
    if (!need_room(c, "input", "filters", spatial) ||
        !window_layout(c, input, spatial, &plan->window))
        return false;
    Dim channels = input->dims[plan->window.channel];
    plan->groups = known(c, groups);
    plan->per_group = filters->dims[spatial];
    if (!require_equal(c, channels, filters->dims[spatial + 1],
                       "the input's channels are not the filters'", 0, 1) ||
        !require_multiple(c, channels, plan->groups, "the input's channels are", "groups,"))
        return false;
    plan->group_size = dim_floor_divide(c->dims, channels, plan->groups);
    Dim outputs = dim_multiply(c->dims, plan->groups, plan->per_group), *sizes;
    if (!read_output_shape(c, plan, input, outputs, &sizes)) return false;
    bool is_full = sizes && input_shape(c, "output_shape")->rank == 1 &&
                   dim_is(input_shape(c, "output_shape")->dims[0], input->rank);
    if (!window_plan_transposed(c, input, filters->dims, sizes, &plan->window)) return false;
    plan->output = window_output(&plan->window, input, outputs);
    return !is_full || require_inverse(c, input, sizes, plan);
}

bool shape_conv_transpose(InferContext *c) {
    ConvolutionPlan plan;
    if (!plan_conv_transpose(c, &plan)) return false;
    set_shape(c, 0, plan.output);
    return true;
}

/* ---- deformable convolution ---- */

/* ONNX's layouts: x [n, c, spatial..], w [outputs, c / group, spatial..], offset [n, groups *
 * window * 2, output's spatial..], mask the same without the 2. */
bool plan_deform_conv(InferContext *c, ConvolutionPlan *plan) {
    if (!need_exact_rank(c, "x", 4) || !need_exact_rank(c, "w", 4) ||
        !need_exact_rank(c, "offset", 4))
        return false;
    const Shape *x = input_shape(c, "x"), *w = input_shape(c, "w"),
                *offset = input_shape(c, "offset");
    int64_t groups = node_attribute_integer(c->node, "group"),
            offset_groups = node_attribute_integer(c->node, "offset_group");
    if (groups < 1 || offset_groups < 1)
        return infer_error_text(c, "group and offset_group have to be at least 1");
    if (!window_layout(c, x, 2, &plan->window) || !window_plan(c, x, w->dims + 2, &plan->window))
        return false;
    plan->groups = known(c, groups);
    plan->group_size = w->dims[1];
    if (!require_multiple(c, w->dims[0], plan->groups, "the output's channels are", "groups,") ||
        !require_multiple(c, x->dims[1], known(c, offset_groups), "the input's channels are",
                          "offset groups,"))
        return false;
    plan->per_group = dim_floor_divide(c->dims, w->dims[0], plan->groups);
    Dim all = dim_multiply(c->dims, plan->group_size, plan->groups);
    if (!require_equal(c, x->dims[1], all, "the input's channels are not group * the filter's",
                       input_index(c, "x"), input_index(c, "w")))
        return false;
    plan->output = window_output(&plan->window, x, w->dims[0]);
    for (int k = 0; k < 2; k++) {
        const char *name = k ? "mask" : "offset";
        if (!has_input(c, name)) continue;
        if (!need_exact_rank(c, name, 4)) return false;
        Dim taps = dim_multiply(c->dims, dim_multiply(c->dims, w->dims[2], w->dims[3]),
                                known(c, offset_groups * (k ? 1 : 2)));
        Shape wanted = {.rank = 4,
                        .dims = {x->dims[0], taps, plan->output.dims[2], plan->output.dims[3]}};
        const Shape *given = k ? input_shape(c, name) : offset;
        Dim fits = known(c, 1);
        for (int d = 0; d < 4; d++)
            fits = dim_and(c->dims, fits, dim_equal(c->dims, given->dims[d], wanted.dims[d]));
        if (infer_holds(fits)) continue;
        Sentence s = sentence_begin(c);
        sentence_input(&s, c, input_index(c, name));
        sentence_text(&s, "; it has to be ");
        sentence_shape(&s, &wanted);
        if (!infer_require(c, fits, &s)) return false;
    }
    if (has_input(c, "b") && (!need_exact_rank(c, "b", 1) ||
                              !require_equal(c, input_shape(c, "b")->dims[0], w->dims[0],
                                             "the bias has another size than the output's channels",
                                             input_index(c, "b"), input_index(c, "w"))))
        return false;
    return true;
}

bool shape_deform_conv(InferContext *c) {
    ConvolutionPlan plan;
    if (!plan_deform_conv(c, &plan)) return false;
    set_shape(c, 0, plan.output);
    return true;
}

/* ---- pools ---- */

/* The window's sizes as an attribute gives them. */
static bool read_kernel(InferContext *c, const char *parameter, const Window *window, Dim *kernel) {
    int64_t sizes[MAX_RANK];
    if (!window_numbers(c, window, parameter, 1, 1, sizes)) return false;
    for (int k = 0; k < window->spatial; k++) kernel[k] = known(c, sizes[k]);
    return true;
}

bool plan_pool(InferContext *c, Window *window, Shape *output) {
    Dim kernel[MAX_RANK];
    if (!need_rank(c, "input", 3)) return false;
    const Shape *input = input_shape(c, "input");
    if (!window_layout(c, input, input->rank - 2, window) ||
        !read_kernel(c, "ksize", window, kernel) || !window_plan(c, input, kernel, window))
        return false;
    *output = window_output(window, input, input->dims[window->channel]);
    return true;
}

bool shape_pool(InferContext *c) {
    if (op_parameter(c->node->row, "p") >= 0 && node_attribute_integer(c->node, "p") < 1)
        return infer_error_text(c, "p has to be at least 1, not %lld",
                                (long long)node_attribute_integer(c->node, "p"));
    Window window;
    Shape output;
    if (!plan_pool(c, &window, &output)) return false;
    for (size_t k = 0; k < c->node->output_count; k++) set_shape(c, k, output);
    return true;
}

/* The sizes that a max_pool of this window had before, or those of output_shape. */
bool plan_max_unpool(InferContext *c, Window *window, Shape *output) {
    Dim kernel[MAX_RANK];
    Shape merged;
    if (!need_rank(c, "x", 3) || !need_rank(c, "i", 3) ||
        !require_same_shape(c, input_shape(c, "x"), input_shape(c, "i"), 0, 1, &merged))
        return false;
    const Shape *x = input_shape(c, "x");
    if (!window_layout(c, x, x->rank - 2, window) ||
        !read_kernel(c, "kernel_shape", window, kernel) ||
        !window_plan_transposed(c, x, kernel, NULL, window))
        return false;
    *output = window_output(window, x, x->dims[1]);
    if (!has_input(c, "output_shape")) return true;
    Shape wanted;
    if (!shape_from_sizes(c, "output_shape", &wanted)) return false;
    if (wanted.rank != x->rank)
        return infer_error_text(c, "output_shape has %d sizes; it needs %d", wanted.rank, x->rank);
    *output = wanted;
    return true;
}

bool shape_max_unpool(InferContext *c) {
    Window window;
    Shape output;
    if (!plan_max_unpool(c, &window, &output)) return false;
    set_shape(c, 0, output);
    return true;
}

/* rois are rows of [batch index, x1, y1, x2, y2]. */
bool shape_max_roi_pool(InferContext *c) {
    if (!need_exact_rank(c, "x", 4) || !need_exact_rank(c, "rois", 2)) return false;
    const Shape *x = input_shape(c, "x"), *rois = input_shape(c, "rois");
    const Argument *pooled = node_argument(c->node, "pooled_shape");
    if (pooled->count != 2 || pooled->as.integers[0] < 1 || pooled->as.integers[1] < 1)
        return infer_error_text(c, "pooled_shape is two sizes of at least 1: height, width");
    Sentence s = sentence_begin(c);
    sentence_text(&s, "a row of rois has 5 numbers, [batch index, x1, y1, x2, y2]: ");
    sentence_input(&s, c, 1);
    if (!infer_require(c, dim_equal(c->dims, rois->dims[1], known(c, 5)), &s)) return false;
    set_shape(c, 0,
              (Shape){.rank = 4,
                      .dims = {rois->dims[0], x->dims[1], known(c, pooled->as.integers[0]),
                               known(c, pooled->as.integers[1])}});
    return true;
}

/* ---- windows over channels, and windows laid out ---- */

bool shape_local_response_normalization(InferContext *c) {
    if (!need_rank(c, "input", 2)) return false;
    const Argument *size = node_argument(c->node, "size");
    int64_t radius = node_attribute_integer(c->node, "depth_radius");
    bool has_size = size->kind == ARGUMENT_INTEGER;
    if (radius < 0 || radius > INT32_MAX ||
        (has_size && (size->as.integer < 1 || size->as.integer > INT32_MAX)))
        return infer_error_text(c, "depth_radius is at least 0, size at least 1, both below %d",
                                INT32_MAX);
    const char *format = node_attribute_word(c->node, "data_format");
    Window window;
    const Shape *input = input_shape(c, "input");
    if (format && !window_layout(c, input, input->rank - 2, &window)) return false;
    set_shape(c, 0, *input);
    return true;
}

/* [n, spatial.., c] -> [n, windows.., window * c] */
bool shape_extract_patches(InferContext *c) {
    Window window;
    Dim kernel[MAX_RANK];
    if (!need_rank(c, "images", 3)) return false;
    const Shape *images = input_shape(c, "images");
    int spatial = images->rank - 2;
    window =
        (Window){.spatial = spatial, .rank = images->rank, .channel = images->rank - 1, .first = 1};
    if (!read_kernel(c, "sizes", &window, kernel) || !window_plan(c, images, kernel, &window))
        return false;
    Dim channels = images->dims[images->rank - 1];
    for (int k = 0; k < spatial; k++) channels = dim_multiply(c->dims, channels, kernel[k]);
    set_shape(c, 0, window_output(&window, images, channels));
    return true;
}

/* [n, c * window, windows] -> [n, c, image_shape..] */
bool plan_col2im(InferContext *c, Window *window, Shape *output) {
    Dim *image, *block;
    size_t spatial, count;
    if (!need_exact_rank(c, "input", 3) || !need_contents(c, "image_shape", &image, &spatial) ||
        !need_contents(c, "block_shape", &block, &count))
        return false;
    if (spatial != count || spatial < 1 || spatial + 2 > MAX_RANK)
        return infer_error_text(c, "image_shape has %zu sizes and block_shape %zu", spatial, count);
    const Shape *input = input_shape(c, "input");
    Dim taps = known(c, 1), windows = known(c, 1);
    *output = (Shape){.rank = (int)spatial + 2};
    for (size_t k = 0; k < spatial; k++) {
        if (!require_size(c, image[k], "a size of the image") ||
            !require_size(c, block[k], "a size of the block"))
            return false;
        output->dims[2 + k] = image[k];
        taps = dim_multiply(c->dims, taps, block[k]);
    }
    output->dims[0] = input->dims[0];
    output->dims[1] = dim_floor_divide(c->dims, input->dims[1], taps);
    *window = (Window){.spatial = (int)spatial, .rank = output->rank, .channel = 1, .first = 2};
    if (!window_plan(c, output, block, window)) return false;
    for (size_t k = 0; k < spatial; k++)
        windows = dim_multiply(c->dims, windows, window->axes[k].output);
    Dim fits = dim_equal(c->dims, dim_modulo(c->dims, input->dims[1], taps), known(c, 0));
    fits = dim_and(c->dims, fits, dim_equal(c->dims, windows, input->dims[2]));
    if (infer_holds(fits)) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "the input has to be [n, a multiple of ");
    sentence_dim(&s, taps);
    sentence_text(&s, ", ");
    sentence_dim(&s, windows);
    sentence_text(&s, "]: ");
    sentence_input(&s, c, 0);
    return infer_require(c, fits, &s);
}

bool shape_col2im(InferContext *c) {
    Window window;
    Shape output;
    if (!plan_col2im(c, &window, &output)) return false;
    set_shape(c, 0, output);
    return true;
}
