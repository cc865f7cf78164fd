/* layers_convolution.c: the layer conv2d_layer: a bank of filters slid over images.
 *
 * The kernel is [height, width, channels / groups, filters], as TensorFlow has it; PyTorch's
 * [filters, channels / groups, height, width] is turned into that.
 */
#include "source/layer.h"
#include <string.h>

static const StoredForm kernel_forms[] = {
    {"kernel", "stored"}, {"weight", "transpose(stored, [2, 3, 1, 0])"}, {NULL, NULL}};
static const StoredForm bias_forms[] = {{"bias", "stored"}, {NULL, NULL}};

/* The sizes of the kernel as text; NULL after a diagnostic. */
static const char *kernel_sizes(Layer *layer, const char *channels) {
    const Argument *size = node_argument(layer->node, "kernel_size");
    int64_t groups = node_attribute_integer(layer->node, "groups");
    int64_t filters = node_attribute_integer(layer->node, "filters");
    if (size->count < 1 || size->count > 2 || size->as.integers[0] < 1 ||
        size->as.integers[size->count - 1] < 1) {
        layer_error(layer, "`kernel_size` is one positive number, or height and width");
        return NULL;
    }
    if (groups < 1 || filters < 1 || filters % groups != 0) {
        layer_error(layer, "`filters` is a positive multiple of `groups`, not %lld of %lld",
                    (long long)filters, (long long)groups);
        return NULL;
    }
    return arena_format(layer->builder->arena, "[%lld, %lld, %s // groups, filters]",
                        (long long)size->as.integers[0],
                        (long long)size->as.integers[size->count - 1], channels);
}

bool layer_conv2d_layer(Layer *layer) {
    const char *format = node_attribute_word(layer->node, "data_format");
    bool is_channels_first =
        format && (strcmp(format, "NCHW") == 0 || strcmp(format, "channels_first") == 0);
    bool use_bias = node_attribute_bool(layer->node, "use_bias");
    const char *sizes =
        kernel_sizes(layer, is_channels_first ? "shape(inputs)[1]" : "shape(inputs)[-1]");
    const char *kernel = sizes ? layer_initializer(layer, "kernel_initializer", sizes) : NULL;
    if (!kernel || !layer_variable(layer, "kernel", kernel_forms, sizes, kernel)) return false;
    if (format)
        composer_bind_word(layer->composer, "data_format", is_channels_first ? "NCHW" : "NHWC");
    const char *text = "convolution(inputs, kernel, strides=strides, padding=padding, "
                       "data_format=data_format, dilations=dilation_rate)";
    if (use_bias) {
        const char *bias = layer_initializer(layer, "bias_initializer", "[filters]");
        if (!bias || !layer_variable(layer, "bias", bias_forms, "[filters]", bias)) return false;
        text = arena_format(layer->builder->arena, "bias_add(%s, bias, data_format=data_format)",
                            text);
    }
    return layer_result(layer, layer_activation(layer, text));
}
