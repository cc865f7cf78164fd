/* window.c: strides, dilations, padding and sizes of sliding windows. */
#include "graph/window.h"

#include <string.h>
#include <strings.h>

static const Argument *argument_of(const InferContext *c, const char *parameter) {
    int p = op_parameter(c->node->row, parameter);
    return p < 0 || c->node->arguments[p].kind == ARGUMENT_ABSENT ? NULL : &c->node->arguments[p];
}

static bool flag_of(const InferContext *c, const char *parameter) {
    const Argument *argument = argument_of(c, parameter);
    return argument && argument->kind == ARGUMENT_BOOL && argument->as.boolean;
}

/* ---- layout ---- */

bool window_layout(InferContext *c, const Shape *input, int spatial, Window *window) {
    static const char *const formats[] = {"NWC", "NCW", "NHWC", "NCHW", "NDHWC", "NCDHW"};
    *window = (Window){.spatial = spatial,
                       .rank = input->rank,
                       .channel = input->rank - 1,
                       .first = input->rank - 1 - spatial};
    const Argument *format = argument_of(c, "data_format");
    bool is_first = op_parameter(c->node->row, "data_format") < 0;
    if (format) {
        const char *word = format->as.word;
        bool is_known = false;
        for (size_t k = 0; k < sizeof formats / sizeof *formats; k++)
            is_known |= strcmp(word, formats[k]) == 0;
        if (!is_known || (int)strlen(word) != spatial + 2)
            return infer_error_text(c, "data_format is '%s'; with %d spatial dimension%s it is %s",
                                    word, spatial, spatial == 1 ? "" : "s",
                                    spatial == 1   ? "'NWC' or 'NCW'"
                                    : spatial == 2 ? "'NHWC' or 'NCHW'"
                                    : spatial == 3 ? "'NDHWC' or 'NCDHW'"
                                                   : "left out: channels are the last dimension");
        is_first = word[1] == 'C';
    }
    if (is_first) {
        window->channel = input->rank - 1 - spatial;
        window->first = input->rank - spatial;
    }
    return true;
}

/* ---- lists of numbers ---- */

/* Where the spatial dimensions begin in a list for all of N, spatial, C. */
static int first_in_list(const Window *window) {
    return window->channel < window->first ? 2 : 1;
}

/* So that no sum of products with the sizes of tensors leaves 64 bits. */
#define LARGEST INT32_MAX

bool window_numbers(InferContext *c, const Window *window, const char *parameter, int64_t least,
                    int64_t otherwise, int64_t *numbers) {
    const Argument *list = argument_of(c, parameter);
    int spatial = window->spatial;
    for (int k = 0; k < spatial; k++) numbers[k] = otherwise;
    if (!list) return true;
    size_t count = list->count;
    const int64_t *given = list->as.integers;
    if (count != 1 && count != (size_t)spatial && count != (size_t)spatial + 2)
        return infer_error_text(c,
                                "%s has %zu numbers; it needs 1, or %d for the spatial "
                                "dimensions, or %d for all",
                                parameter, count, spatial, spatial + 2);
    int first = count == (size_t)spatial + 2 ? first_in_list(window) : 0;
    for (size_t k = 0; k < count; k++) {
        if (given[k] < least)
            return infer_error_text(c, "%s has to be at least %lld, not %lld", parameter,
                                    (long long)least, (long long)given[k]);
        if (given[k] > LARGEST)
            return infer_error_text(c, "%s is at most %d, not %lld", parameter, LARGEST,
                                    (long long)given[k]);
        bool is_spatial = (int)k >= first && (int)k < first + spatial;
        if (!is_spatial && given[k] != 1)
            return infer_error_text(c, "%s is %lld for the %s; only 1 is possible", parameter,
                                    (long long)given[k], k == 0 ? "batch" : "channels");
    }
    for (int k = 0; k < spatial; k++) numbers[k] = given[count == 1 ? 0 : first + k];
    return true;
}

/* ---- padding ---- */

typedef enum PaddingKind { PADDING_NUMBERS, PADDING_SAME_UPPER, PADDING_SAME_LOWER } PaddingKind;

typedef struct Padding {
    PaddingKind kind;
    int64_t before[MAX_RANK], after[MAX_RANK];
} Padding;

static bool read_pair(InferContext *c, int64_t before, int64_t after, Padding *padding, int axis) {
    if (before < 0 || after < 0)
        return infer_error_text(c, "padding is not negative; here it is %lld before and %lld after",
                                (long long)before, (long long)after);
    if (before > LARGEST || after > LARGEST)
        return infer_error_text(c, "padding is at most %d", LARGEST);
    padding->before[axis] = before;
    padding->after[axis] = after;
    return true;
}

static bool read_pairs(InferContext *c, const Window *window, const Argument *list,
                       Padding *padding) {
    size_t spatial = (size_t)window->spatial, count = list->count;
    const int64_t *given = list->as.integers;
    if (count != 2 * spatial && count != 2 * spatial + 4)
        return infer_error_text(c,
                                "padding has %zu numbers; it needs a pair [before, after] for "
                                "each of %zu spatial dimensions, or for all %zu",
                                count, spatial, spatial + 2);
    int first = count == 2 * spatial ? 0 : first_in_list(window);
    for (int k = 0; k < (int)count / 2; k++) {
        bool is_spatial = k >= first && k < first + (int)spatial;
        if (!is_spatial && (given[2 * k] != 0 || given[2 * k + 1] != 0))
            return infer_error_text(c, "padding of the %s is not possible",
                                    k == 0 ? "batch" : "channels");
        if (is_spatial && !read_pair(c, given[2 * k], given[2 * k + 1], padding, k - first))
            return false;
    }
    return true;
}

static bool read_padding(InferContext *c, const Window *window, Padding *padding) {
    *padding = (Padding){0};
    const Argument *pads = argument_of(c, "pads"), *argument = argument_of(c, "padding");
    size_t spatial = (size_t)window->spatial;
    if (pads && pads->count != 2 * spatial)
        return infer_error_text(c,
                                "pads has %zu numbers; it needs %zu: those before the %zu "
                                "spatial dimensions, then those behind",
                                pads->count, 2 * spatial, spatial);
    for (size_t k = 0; pads && k < spatial; k++)
        if (!read_pair(c, pads->as.integers[k], pads->as.integers[spatial + k], padding, (int)k))
            return false;
    if (!argument) return true;
    if (argument->kind == ARGUMENT_INTEGERS) return read_pairs(c, window, argument, padding);
    const char *word = argument->as.word;
    if (strcasecmp(word, "valid") == 0) return true;
    if (strcasecmp(word, "same") == 0 || strcasecmp(word, "same_upper") == 0) {
        padding->kind = PADDING_SAME_UPPER;
        return true;
    }
    padding->kind = PADDING_SAME_LOWER;
    return strcasecmp(word, "same_lower") == 0 ||
           infer_error_text(c,
                            "padding is '%s'; it is 'valid', 'same' (or 'same_upper'), "
                            "'same_lower', or pairs [before, after]",
                            word);
}

/* What `same` adds in all, split: the odd one behind, or in front. */
static void split_padding(DimTable *t, Dim total, PaddingKind kind, WindowAxis *axis) {
    Dim half = dim_floor_divide(t, total, dim_constant(t, 2)), rest = dim_subtract(t, total, half);
    axis->before = kind == PADDING_SAME_UPPER ? half : rest;
    axis->after = kind == PADDING_SAME_UPPER ? rest : half;
}

/* How far a window reaches: (kernel - 1) * dilation + 1. */
static Dim reach_of(DimTable *t, const WindowAxis *axis) {
    Dim one = dim_constant(t, 1);
    Dim steps =
        dim_multiply(t, dim_subtract(t, axis->kernel, one), dim_constant(t, axis->dilation));
    return dim_add(t, steps, one);
}

/* ---- plans ---- */

static bool begin_plan(InferContext *c, const Shape *input, const Dim *kernel, Window *window,
                       Padding *padding) {
    int64_t strides[MAX_RANK], dilations[MAX_RANK];
    if (!window_numbers(c, window, "strides", 1, 1, strides) ||
        !window_numbers(c, window, "dilations", 1, 1, dilations) ||
        !read_padding(c, window, padding))
        return false;
    for (int k = 0; k < window->spatial; k++)
        window->axes[k] = (WindowAxis){.input = input->dims[window->first + k],
                                       .kernel = kernel[k],
                                       .stride = strides[k],
                                       .dilation = dilations[k],
                                       .before = known(c, padding->before[k]),
                                       .after = known(c, padding->after[k])};
    return true;
}

/* The windows that fit into the padded input: floor((padded - reach) / stride) + 1. With ceil_mode
 * also a last one that does not fit, unless it begins behind the input's own end. */
static bool count_windows(InferContext *c, WindowAxis *axis, bool is_ceil) {
    DimTable *t = c->dims;
    Dim stride = known(c, axis->stride), one = known(c, 1), reach = reach_of(t, axis);
    Dim padded = dim_add(t, axis->input, dim_add(t, axis->before, axis->after));
    Dim room = dim_subtract(t, padded, reach);
    axis->output = dim_add(t, dim_floor_divide(t, room, stride), one);
    if (is_ceil) {
        Dim more = dim_add(t, dim_ceil_divide(t, room, stride), one);
        Dim begin = dim_multiply(t, dim_subtract(t, more, one), stride);
        Dim is_inside = dim_less(t, begin, dim_add(t, axis->input, axis->before));
        axis->output = dim_select(t, is_inside, more, dim_subtract(t, more, one));
    }
    if (dim_is_nonnegative(t, axis->output)) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "the output's size would be negative: a window that reaches over ");
    sentence_dim(&s, reach);
    sentence_text(&s, " does not fit into ");
    sentence_dim(&s, padded);
    sentence_text(&s, " (the input's size ");
    sentence_dim(&s, axis->input);
    sentence_text(&s, " with its padding)");
    return infer_require(c, dim_less(t, known(c, -1), axis->output), &s);
}

bool window_plan(InferContext *c, const Shape *input, const Dim *kernel, Window *window) {
    DimTable *t = c->dims;
    Padding padding;
    bool is_ceil = flag_of(c, "ceil_mode");
    if (!begin_plan(c, input, kernel, window, &padding)) return false;
    for (int k = 0; k < window->spatial; k++) {
        WindowAxis *axis = &window->axes[k];
        if (padding.kind == PADDING_NUMBERS) {
            if (!count_windows(c, axis, is_ceil)) return false;
        } else {
            Dim stride = known(c, axis->stride);
            axis->output = dim_ceil_divide(t, axis->input, stride);
            Dim last = dim_multiply(t, dim_subtract(t, axis->output, known(c, 1)), stride);
            Dim total = dim_subtract(t, dim_add(t, last, reach_of(t, axis)), axis->input);
            split_padding(t, dim_maximum(t, total, known(c, 0)), padding.kind, axis);
        }
        axis->is_cut_at_begin = !dim_is(axis->before, 0);
        axis->is_cut_at_end = is_ceil || !dim_is(axis->after, 0);
    }
    return true;
}

/* output = stride * (input - 1) + output_padding + reach - before - after; `same` has input *
 * stride, or the size that is given, and then the padding follows from that. */
bool window_plan_transposed(InferContext *c, const Shape *input, const Dim *kernel,
                            const Dim *sizes, Window *window) {
    DimTable *t = c->dims;
    Padding padding;
    int64_t more[MAX_RANK];
    if (!begin_plan(c, input, kernel, window, &padding) ||
        !window_numbers(c, window, "output_padding", 0, 0, more))
        return false;
    for (int k = 0; k < window->spatial; k++) {
        WindowAxis *axis = &window->axes[k];
        Dim stride = known(c, axis->stride);
        Dim whole = dim_multiply(t, dim_subtract(t, axis->input, known(c, 1)), stride);
        whole = dim_add(t, dim_add(t, whole, reach_of(t, axis)), known(c, more[k]));
        Dim pads = dim_add(t, axis->before, axis->after);
        axis->output = sizes                             ? sizes[k]
                       : padding.kind == PADDING_NUMBERS ? dim_subtract(t, whole, pads)
                                                         : dim_multiply(t, axis->input, stride);
        if (!require_size(c, axis->output, "a size of the output")) return false;
        Dim total = dim_maximum(t, dim_subtract(t, whole, axis->output), known(c, 0));
        if (padding.kind != PADDING_NUMBERS) split_padding(t, total, padding.kind, axis);
        axis->is_cut_at_begin = axis->is_cut_at_end = true;
    }
    return true;
}

Shape window_output(const Window *window, const Shape *input, Dim channels) {
    Shape shape = *input;
    shape.dims[window->channel] = channels;
    for (int k = 0; k < window->spatial; k++)
        shape.dims[window->first + k] = window->axes[k].output;
    return shape;
}
