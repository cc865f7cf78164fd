/* expand_window.c: convolutions by channel, written as convolutions in groups. */
#include "passes/expand.h"

/* Every channel is a group of its own. */
static void let_depthwise(Composer *c, const char *filter) {
    compose_let(c, "sizes", "shape(%s)", filter);
    compose_let(c, "grouped", "reshape(%s, [sizes[0], sizes[1], 1, sizes[2] * sizes[3]])", filter);
    compose_let(c, "each",
                "convolution(input, grouped, strides=strides, padding=padding, "
                "data_format=data_format, dilations=dilations)");
}

Value *expand_depthwise_conv2d(Composer *c, GraphNode *node, Graph *graph) {
    (void)node, (void)graph;
    let_depthwise(c, "filter");
    return compose(c, "each");
}

Value *expand_separable_conv2d(Composer *c, GraphNode *node, Graph *graph) {
    (void)node, (void)graph;
    let_depthwise(c, "depthwise_filter");
    return compose(c, "convolution(each, pointwise_filter, data_format=data_format)");
}
