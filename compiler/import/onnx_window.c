/* onnx_window.c: convolutions and pools. ONNX has channels first, filters as [out, in, spatial..],
 * and pads as all of those in front, then all of those behind. */
#include "import/import.h"

#include <string.h>

static bool is_all(ImportNode *n, const char *name, int64_t number) {
    const int64_t *numbers;
    size_t count;
    if (!import_integers(n, name, &numbers, &count)) return false;
    for (size_t k = 0; k < count; k++)
        if (numbers[k] != number) return false;
    return true;
}

/* `layout`: the word for so many spatial dimensions. */
static bool bind_layout(ImportNode *n, const char *input, int *spatial) {
    *spatial = import_rank(n, input) - 2;
    if (*spatial < 1 || *spatial > 3)
        return import_refuse(n, "it needs an input of rank 3, 4 or 5");
    import_bind(n, "layout", "'%s'", *spatial == 1 ? "NCW" : *spatial == 2 ? "NCHW" : "NCDHW");
    return true;
}

/* `padding`: a pair for each dimension, where they are not all 0. */
static void bind_pairs(ImportNode *n, const int64_t *pads, int spatial) {
    Text text = {.arena = import_arena(n)};
    bool is_any = false;
    for (int k = 0; k < spatial; k++) {
        is_any = is_any || pads[k] != 0 || pads[spatial + k] != 0;
        text_add_format(&text, "%s[%lld, %lld]", k ? ", " : "[", (long long)pads[k],
                        (long long)pads[spatial + k]);
    }
    if (is_any) import_bind(n, "padding", "%s]", text.bytes);
}

static bool bind_pads(ImportNode *n, int spatial) {
    const int64_t *pads;
    size_t count;
    if (!import_integers(n, "pads", &pads, &count)) return true;
    if (count != 2 * (size_t)spatial)
        return import_refuse(n, "its pads are %zu numbers for %d dimensions", count, spatial);
    bind_pairs(n, pads, spatial);
    return true;
}

/* `layout`, `padding`, and `strides` and `dilations` where they are not 1. */
static bool bind_window(ImportNode *n, const char *input, const char *padding) {
    int spatial;
    if (!bind_layout(n, input, &spatial)) return false;
    if (is_all(n, "strides", 1)) import_bind_absent(n, "strides");
    if (is_all(n, "dilations", 1)) import_bind_absent(n, "dilations");
    const char *automatic = import_word(n, "auto_pad");
    if (padding)
        import_bind(n, "padding", "%s", padding);
    else
        import_bind_absent(n, "padding");
    if (strcmp(automatic, "SAME_UPPER") == 0)
        import_bind(n, "padding", "same");
    else if (strcmp(automatic, "SAME_LOWER") == 0)
        import_bind(n, "padding", "same_lower");
    else if (strcmp(automatic, "VALID") != 0)
        return bind_pads(n, spatial);
    return true;
}

/* `order`: [out, in, spatial..] to [spatial.., in, out]. */
static void bind_filter_order(ImportNode *n) {
    int64_t order[MAX_RANK];
    int rank = import_rank(n, "W");
    for (int k = 0; k < rank - 2; k++) order[k] = k + 2;
    order[rank - 2] = 1;
    order[rank - 1] = 0;
    import_bind_integers(n, "order", order, (size_t)rank);
}

static bool has_filter_of(ImportNode *n) {
    return import_rank(n, "W") == import_rank(n, "X") ||
           import_refuse(n, "its filter has another rank than its input");
}

static bool write_with_bias(ImportNode *n, const char *convolution) {
    bind_filter_order(n);
    const char *text = convolution;
    if (import_has(n, "B"))
        text = arena_format(import_arena(n), "bias_add(%s, B, data_format=layout)", convolution);
    return import_write(n, text);
}

static bool bind_convolution(ImportNode *n) {
    if (!bind_window(n, "X", NULL) || !has_filter_of(n)) return false;
    int64_t group = import_integer(n, "group", 1), channels = import_size(n, "X", 1),
            inner = import_size(n, "W", 1);
    if (channels >= 0 && inner >= 0 && channels != group * inner)
        return import_refuse(n, "its input has %lld channels, and its filter %lld in %lld group%s",
                             (long long)channels, (long long)inner, (long long)group,
                             group == 1 ? "" : "s");
    bind_filter_order(n);
    return true;
}

bool import_conv(ImportNode *n) {
    if (!bind_convolution(n)) return false;
    return write_with_bias(n,
                           "convolution(X, transpose(W, order), strides=strides, padding=padding, "
                           "data_format=layout, dilations=dilations)");
}

bool import_conv_integer(ImportNode *n) {
    return bind_convolution(n) &&
           import_write(n,
                        "y = conv_integer(X, transpose(W, order), input_zero_point=x_zero_point, "
                        "filters_zero_point=w_zero_point, strides=strides, padding=padding, "
                        "data_format=layout, dilations=dilations)");
}

bool import_qlinear_conv(ImportNode *n) {
    return bind_convolution(n) &&
           import_write(n,
                        "y = qlinear_conv(X, x_scale, x_zero_point, transpose(W, order), w_scale, "
                        "w_zero_point, y_scale, y_zero_point, bias=B, strides=strides, "
                        "padding=padding, data_format=layout, dilations=dilations)");
}

/* With a shape for the output the padding follows from it. */
bool import_conv_transpose(ImportNode *n) {
    if (!bind_window(n, "X", "valid") || !has_filter_of(n)) return false;
    if (import_has(n, "output_shape") && strcmp(import_word(n, "auto_pad"), "SAME_UPPER") != 0)
        import_bind(n, "padding", "same_lower");
    if (is_all(n, "output_padding", 0)) import_bind_absent(n, "output_padding");
    if (import_integer(n, "group", 1) == 1) import_bind_absent(n, "group");
    return write_with_bias(
        n, "conv_transpose(X, transpose(W, order), output_shape=output_shape, strides=strides, "
           "padding=padding, data_format=layout, dilations=dilations, "
           "output_padding=output_padding, groups=group)");
}

bool import_max_pool(ImportNode *n) {
    if (!bind_window(n, "X", NULL)) return false;
    if (!import_is_wanted(n, 1))
        return import_write(n, "Y = max_pool(X, kernel_shape, strides=strides, padding=padding, "
                               "data_format=layout, dilations=dilations{ceil_mode ? , "
                               "ceil_mode=ceil_mode})");
    return import_write(
        n, "Y, Indices = max_pool_with_argmax(X, kernel_shape, strides=strides, padding=padding, "
           "data_format=layout, include_batch_in_index=true, dilations=dilations, "
           "ceil_mode=ceil_mode, storage_order=storage_order)");
}

static int64_t number_of(ImportNode *n, const char *name, size_t index, int64_t otherwise) {
    const int64_t *numbers;
    size_t count;
    return import_integers(n, name, &numbers, &count) && index < count ? numbers[index] : otherwise;
}

/* Since op set 19 a window that ceil_mode adds counts all of its taps as padding that is there: the
 * padding is made so large that it fits. */
static bool pad_for_last_window(ImportNode *n) {
    int spatial = import_rank(n, "X") - 2;
    int64_t pads[2 * MAX_RANK];
    const char *automatic = import_word(n, "auto_pad");
    bool has_pads = strcmp(automatic, "NOTSET") == 0 || strcmp(automatic, "VALID") == 0;
    if (import_opset(n) < 19 || !has_pads || !import_bool(n, "ceil_mode") ||
        !import_bool(n, "count_include_pad"))
        return true;
    for (int k = 0; k < spatial; k++) {
        int64_t size = import_size(n, "X", 2 + k), stride = number_of(n, "strides", (size_t)k, 1);
        int64_t dilation = number_of(n, "dilations", (size_t)k, 1);
        int64_t before = number_of(n, "pads", (size_t)k, 0),
                after = number_of(n, "pads", (size_t)(spatial + k), 0);
        int64_t reach = (number_of(n, "kernel_shape", (size_t)k, 1) - 1) * dilation + 1;
        int64_t room = size + before + after - reach, last = (room + stride - 1) / stride * stride;
        if (size < 0 || stride < 1 || dilation < 1 || room < 0) return true;
        if (last >= size + before) last -= stride; /* it would begin behind the input */
        pads[k] = before;
        pads[spatial + k] = last > room ? after + last - room : after;
    }
    import_bind(n, "ceil_mode", "false");
    bind_pairs(n, pads, spatial);
    return true;
}

bool import_average_pool(ImportNode *n) {
    return bind_window(n, "X", NULL) && pad_for_last_window(n) &&
           import_write(n, "avg_pool(X, kernel_shape, strides=strides, padding=padding, "
                           "data_format=layout, dilations=dilations{ceil_mode ? , "
                           "ceil_mode=ceil_mode}{count_include_pad ? , "
                           "count_include_pad=count_include_pad})");
}

bool import_lp_pool(ImportNode *n) {
    return bind_window(n, "X", NULL) &&
           import_write(n, "lp_pool(X, kernel_shape, strides=strides, padding=padding, "
                           "data_format=layout, dilations=dilations{ceil_mode ? , "
                           "ceil_mode=ceil_mode}, p=p)");
}

/* `axes`: all spatial dimensions. */
static bool bind_spatial_axes(ImportNode *n) {
    int rank = import_rank(n, "X");
    int64_t axes[MAX_RANK];
    if (rank < 2) return import_refuse(n, "it needs an input whose rank is known");
    for (int k = 2; k < rank; k++) axes[k - 2] = k;
    import_bind_integers(n, "axes", axes, (size_t)(rank - 2));
    return true;
}

bool import_global_average_pool(ImportNode *n) {
    return bind_spatial_axes(n) && import_write(n, "reduce_mean(X, axis=axes, keepdims=true)");
}

bool import_global_max_pool(ImportNode *n) {
    return bind_spatial_axes(n) && import_write(n, "reduce_max(X, axis=axes, keepdims=true)");
}

bool import_global_lp_pool(ImportNode *n) {
    if (!bind_spatial_axes(n)) return false;
    return import_write(n, "{p == 1 ? reduce_sum(abs(X), axis=axes, keepdims=true) "
                           ": p == 2 ? sqrt(reduce_sum(square(X), axis=axes, keepdims=true)) "
                           ": pow(reduce_sum(pow(abs(X), p), axis=axes, keepdims=true), 1.0 / p)}");
}

bool import_lrn(ImportNode *n) {
    int spatial;
    return bind_layout(n, "X", &spatial) &&
           import_write(n, "local_response_normalization(X, bias=bias, alpha=alpha, beta=beta, "
                           "data_format=layout, size=size)");
}
