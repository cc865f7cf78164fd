/* expand_quantize.c: casts and quantization written out in other ops. */
#include "graph/window.h"
#include "passes/expand.h"
#include "support/dtype.h"
#include <string.h>

Value *expand_cast_like(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    composer_bind_dtype(c, "dtype", node->outputs[0]->type.dtype);
    return compose(c, "cast(input, dtype, saturate=saturate)");
}

/* As ONNX Runtime: a tensor of zeros has the scale 1. */
Value *expand_dynamic_quantize_linear(Composer *c, GraphNode *node, Graph *graph) {
    compose_let(c, "low", "minimum(reduce_min(x), 0)");
    compose_let(c, "range", "maximum(reduce_max(x), 0) - low");
    compose_let(c, "scale", "where(equal(range, 0), 1, range / 255)");
    compose_let(c, "zero", "cast(rint(clip_by_value(-low / scale, 0, 255)), uint8)");
    expand_give(graph, node, 1, compose(c, "identity(scale)"));
    expand_give(graph, node, 2, compose(c, "identity(zero)"));
    return compose(c, "quantize_linear(x, scale, zero)");
}

/* A vector for a stands for its rows. */
static void let_column(Composer *c, const GraphNode *node, const char *parameter) {
    if (node_input(node, parameter)->type.shape.rank == 1)
        compose_let(c, parameter, "expand_dims(%s, -1)", parameter);
}

/* The factor is computed in the dtype of the scales. */
Value *expand_qlinear_matmul(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    composer_bind_dtype(c, "dtype", node->outputs[0]->type.dtype);
    compose_let(c, "product", "cast(matmul_integer(a, b, a_zero_point, b_zero_point), float32)");
    let_column(c, node, "a_scale");
    let_column(c, node, "y_scale");
    let_column(c, node, "y_zero_point");
    compose_let(c, "factor", "cast(a_scale * b_scale / y_scale, float32)");
    compose_let(c, "zero", "cast(y_zero_point, float32)");
    return compose(c, "cast(rint(product * factor) + zero, dtype, saturate=true)");
}

/* Numbers of the output's channels stand in front of so many spatial dimensions. */
static void let_for_channels(Composer *c, const char *name, int spatial_behind) {
    char ones[2 * MAX_RANK * 2] = "";
    for (int k = 0; k < spatial_behind; k++) strcat(ones, ", 1");
    compose_let(c, name, "reshape(%s, [-1%s])", name, ones);
}

Value *expand_qlinear_conv(Composer *c, GraphNode *node, Graph *graph) {
    InferContext infer = {.graph = graph, .node = node, .dims = graph->dims};
    ConvolutionPlan plan;
    if (!plan_convolution(&infer, &plan)) return NULL;
    const Window *w = &plan.window;
    int behind = w->channel < w->first ? w->spatial : 0;
    composer_bind_dtype(c, "dtype", node->outputs[0]->type.dtype);
    compose_let(c, "sum",
                "conv_integer(input, filters, input_zero_point, filters_zero_point, "
                "strides=strides, padding=padding, data_format=data_format, dilations=dilations)");
    if (composer_has(c, "bias")) {
        let_for_channels(c, "bias", behind);
        compose_let(c, "sum", "sum + bias");
    }
    compose_let(c, "factor",
                "cast(reshape(input_scale, []) * filters_scale / reshape(y_scale, []), float32)");
    let_for_channels(c, "factor", behind);
    compose_let(c, "zero", "reshape(cast(y_zero_point, float32), [])");
    return compose(c, "cast(rint(cast(sum, float32) * factor) + zero, dtype, saturate=true)");
}

/* The nearest whole number, away from 0 of two, as C's round. */
static void let_rounded(Composer *c, const char *name, const char *expression) {
    compose_let(c, "exact", "%s", expression);
    compose_let(c, "near", "rint(exact)");
    compose_let(c, name, "where(equal(abs(exact - near), 0.5), exact + 0.5 * sign(exact), near)");
}

/* The range moves so that 0 is exactly one of the steps. */
Value *expand_fake_quant(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    int64_t bits = node_attribute_integer(node, "num_bits");
    composer_bind_number(c, "first", node_attribute_bool(node, "narrow_range") ? 1 : 0);
    composer_bind_number(c, "last", (double)((INT64_C(1) << bits) - 1));
    if (!composer_has(c, "min")) compose_let(c, "min", "-6.0");
    if (!composer_has(c, "max")) compose_let(c, "max", "6.0");
    compose_let(c, "scale", "(max - min) / (last - first)");
    let_rounded(c, "zero", "clip_by_value(first - min / scale, first, last)");
    compose_let(c, "low", "(first - zero) * scale");
    compose_let(c, "high", "(last - zero) * scale");
    compose_let(c, "shifted", "maximum(minimum(inputs, high), low) - low");
    compose_let(c, "result", "floor(shifted / scale - (zero - first) + 0.5) * scale");
    return compose(c, "where(logical_and(equal(min, 0), equal(max, 0)), 0, result)");
}

/* ---- TensorFlow's quantized ranges ---- */

/* The parts of a quantized dtype's range as floats; ranges along an axis are reshaped so that they
 * broadcast. */
static void let_range(Composer *c, const GraphNode *node, tfcc_dtype dtype) {
    const DtypeInfo *info = dtype_info(dtype);
    bool is_narrow = node_attribute_bool(node, "narrow_range");
    composer_bind_number(c, "lowest", (double)info->minimum);
    composer_bind_number(c, "highest", (double)info->maximum);
    composer_bind_number(c, "least", (double)(info->minimum + is_narrow));
    composer_bind_number(c, "steps", (double)info->maximum - (double)info->minimum);
    composer_bind_dtype(c, "dtype", dtype);
    int rank = node_input(node, "input")->type.shape.rank;
    int axis = (int)node_attribute_integer(node, "axis");
    if (node_input(node, "min_range")->type.shape.rank == 0) return;
    if (axis < 0) axis += rank;
    let_for_channels(c, "min_range", rank - 1 - axis);
    let_for_channels(c, "max_range", rank - 1 - axis);
}

static void give_range(Composer *c, GraphNode *node, Graph *graph) {
    bool is_vector = node_input(node, "min_range")->type.shape.rank == 1;
    Value *low = is_vector ? compose(c, "reshape(low, [-1])") : compose(c, "identity(low)");
    Value *high = is_vector ? compose(c, "reshape(high, [-1])") : compose(c, "identity(high)");
    expand_give(graph, node, 1, low);
    expand_give(graph, node, 2, high);
}

/* As TensorFlow's kernel, float32 operation by operation. */
Value *expand_quantize(Composer *c, GraphNode *node, Graph *graph) {
    const char *mode = node_attribute_word(node, "mode");
    tfcc_dtype dtype = node->outputs[0]->type.dtype;
    bool is_signed = dtype_is_signed(dtype);
    let_range(c, node, dtype);
    compose_let(c, "low", "minimum(min_range, 0)");
    compose_let(c, "size", "maximum(maximum(abs(min_range), abs(max_range)), 1)");
    compose_let(c, "high", "maximum(maximum(max_range, low + size * ensure_minimum_range), 0)");
    if (strcmp(mode, "SCALED") == 0) {
        compose_let(c, "first", "where(least * low > 0, least / low, 3.4028234663852886e38)");
        compose_let(c, "last", "where(highest * high > 0, highest / high, 3.4028234663852886e38)");
        compose_let(c, "scale", "minimum(first, last)");
        compose_let(c, "low", "least / scale");
        compose_let(c, "high", "highest / scale");
        compose_let(c, "scaled", "maximum(minimum(input, high), low) * scale");
        if (strcmp(node_attribute_word(node, "round_mode"), "HALF_TO_EVEN") == 0)
            compose_let(c, "whole", "rint(scaled)");
        else
            let_rounded(c, "whole", "scaled");
    } else if (strcmp(mode, "MIN_FIRST") == 0) {
        compose_let(c, "scale",
                    "cast((steps + 1) / ((cast(high, float64) - cast(low, float64)) * "
                    "((steps + 1) / steps)), float32)");
        let_rounded(c, "start", "low * scale");
        let_rounded(c, "whole", "input * scale");
        compose_let(c, "whole", "clip_by_value(whole - (start - lowest), lowest, highest)");
    } else {
        compose_let(c, "scale", "steps / (high - low)");
        compose_let(c, "scaled", "(maximum(minimum(input, high), low) - low) * scale");
        if (is_signed)
            let_rounded(c, "whole", "scaled + lowest");
        else
            compose_let(c, "whole", "scaled + 0.5");
    }
    give_range(c, node, graph);
    return compose(c, "cast(whole, dtype)");
}

Value *expand_dequantize(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    const char *mode = node_attribute_word(node, "mode");
    tfcc_dtype dtype = node_input(node, "input")->type.dtype;
    let_range(c, node, dtype);
    composer_bind_dtype(c, "result", node->outputs[0]->type.dtype);
    compose_let(c, "number", "cast(input, float32)");
    compose_let(c, "scale", "(max_range - min_range) / steps");
    if (strcmp(mode, "SCALED") == 0) {
        if (dtype_is_signed(dtype))
            compose_let(c, "scale", "maximum(min_range / least, max_range / highest)");
        else
            compose_let(c, "scale", "max_range / highest");
        return compose(c, "cast(number * scale, result)");
    }
    if (strcmp(mode, "MIN_FIRST") == 0) {
        let_rounded(c, "whole", "min_range / scale");
        compose_let(c, "start", "where(equal(min_range, max_range), min_range, whole * scale)");
        return compose(c, "cast((number - lowest) * scale + start, result)");
    }
    return compose(c, dtype_is_signed(dtype) ? "cast((number - lowest) * scale + min_range, result)"
                                             : "cast(number * scale + min_range, result)");
}

/* TensorFlow's fixed point arithmetic, of 16 bits behind the point. */
Value *expand_requantize(Composer *c, GraphNode *node, Graph *graph) {
    expand_give(graph, node, 1, compose(c, "identity(requested_output_min)"));
    expand_give(graph, node, 2, compose(c, "identity(requested_output_max)"));
    compose_let(c, "range", "requested_output_max - requested_output_min");
    compose_let(c, "wide", "cast(where(equal(range, 0), 1, range), float64)");
    compose_let(c, "some", "cast(not_equal(range, 0), int64)");
    compose_let(c, "scale",
                "some * cast(16711680.0 * cast(input_max - input_min, float64) / wide, int64)");
    compose_let(c, "middle", "cast(cast(input_min + input_max, float64) / 2.0, float32)");
    compose_let(c, "inverse", "cast(some, float32) * cast(255.0 / wide, float32)");
    compose_let(c, "begin", "cast(middle * inverse * 65536.0, int64)");
    let_rounded(c, "start", "65536.0 * (cast(requested_output_min, float64) * 255.0) / wide");
    compose_let(c, "end", "some * cast(start, int64)");
    compose_let(c, "number", "right_shift(cast(input, int64) * scale, 32) + (begin - end)");
    return compose(c, "cast(right_shift(number + 32768, 16), uint8, saturate=true)");
}
