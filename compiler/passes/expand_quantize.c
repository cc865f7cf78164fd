/* expand_quantize.c: casts and quantization written out in other ops. */
#include "passes/expand.h"
#include "support/dtype.h"

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

/* A vector of scales of a stands for its rows. */
static void let_column(Composer *c, const GraphNode *node, const char *parameter) {
    bool is_vector = node_input(node, parameter)->type.shape.rank == 1;
    compose_let(c, parameter,
                is_vector ? "expand_dims(cast(%s, float32), -1)" : "cast(%s, float32)", parameter);
}

Value *expand_qlinear_matmul(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    let_column(c, node, "a_scale");
    let_column(c, node, "y_scale");
    composer_bind_dtype(c, "dtype", node->outputs[0]->type.dtype);
    compose_let(c, "product", "cast(matmul_integer(a, b, a_zero_point, b_zero_point), float32)");
    compose_let(c, "factor", "a_scale * cast(b_scale, float32) / y_scale");
    compose_let(c, "zero",
                node_input(node, "y_zero_point")->type.shape.rank == 1
                    ? "expand_dims(y_zero_point, -1)"
                    : "y_zero_point");
    return compose(c, "cast(rint(product * factor) + cast(zero, float32), dtype, saturate=true)");
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
