/* expand_normalize.c: normalisations: data less its mean, over its deviation, scaled and shifted.
 *
 * Moments of 16-bit data are taken in float32. Vectors along one axis (scales, biases) stand
 * against the data as [1, …, n, …, 1].
 */
#include "passes/expand.h"
#include "support/dtype.h"

/* Binds `x` to the node's data in the dtype it is computed in, and `dtype` to the data's own. */
static void let_wide(Composer *c, Value *x) {
    composer_bind_dtype(c, "dtype", x->type.dtype);
    composer_bind(c, "x", x);
    if (dtype_bits(x->type.dtype) == 16) {
        compose_let(c, "x", "cast(x, float32)");
        composer_bind_dtype(c, "wide", TFCC_FLOAT32);
    } else {
        composer_bind_dtype(c, "wide", x->type.dtype);
    }
}

/* `mean`, `centred`, `variance` and `factor` = 1 / deviation over the axes. */
static void let_moments(Composer *c, const char *x, const char *axes) {
    compose_let(c, "mean", "reduce_mean(%s, axis=%s, keepdims=true)", x, axes);
    compose_let(c, "centred", "%s - mean", x);
    compose_let(c, "variance", "reduce_mean(square(centred), axis=%s, keepdims=true)", axes);
    compose_let(c, "factor", "rsqrt(variance + epsilon)");
}

/* `y` times the scale and plus the bias, as far as they are there, each as `view` shows it. */
static Value *scaled(Composer *c, const char *y, const char *scale_view, const char *bias_view) {
    compose_let(c, "y", "%s", y);
    if (composer_has(c, "scale")) {
        compose_let(c, "scale", "cast(scale, wide)");
        compose_let(c, "y", "y * %s", scale_view);
    }
    if (composer_has(c, "bias")) {
        compose_let(c, "bias", "cast(bias, wide)");
        compose_let(c, "y", "y + %s", bias_view);
    }
    return compose(c, "cast(y, dtype)");
}

/* The axis counted from the front; -1 after an error. */
static int axis_of(Graph *graph, const GraphNode *node, const Value *x) {
    int64_t axis = node_attribute_integer(node, "axis");
    int rank = x->type.shape.rank;
    if (!shape_has_rank(&x->type.shape)) {
        diagnose_error(graph->diagnostics, node->place, "%s needs data of known rank",
                       node->row->spelling);
        return -1;
    }
    if (axis >= -rank && axis < rank) return (int)(axis < 0 ? axis + rank : axis);
    diagnose_error(graph->diagnostics, node->place, "%s: axis %lld is not among the %d of %s",
                   node->row->spelling, (long long)axis, rank,
                   shape_text(graph->arena, &x->type.shape));
    return -1;
}

/* `axes`: all of `rank` but those in the set. */
static void let_other_axes(Composer *c, int rank, unsigned excluded) {
    int64_t axes[MAX_RANK];
    size_t count = 0;
    for (int k = 0; k < rank; k++)
        if (!(excluded >> k & 1)) axes[count++] = k;
    composer_bind_integers(c, "axes", axes, count);
}

/* `against`: the shape of a vector along the axis that stands against the data. */
static void let_against(Composer *c, int rank, int axis) {
    int64_t sizes[MAX_RANK];
    for (int k = 0; k < rank; k++) sizes[k] = k == axis ? -1 : 1;
    composer_bind_integers(c, "against", sizes, (size_t)rank);
}

/* The data is normalised over the axes from `axis` on, which are the scale's. */
Value *expand_layer_norm(Composer *c, GraphNode *node, Graph *graph) {
    Value *x = node_input(node, "x");
    int axis = axis_of(graph, node, x);
    if (axis < 0) return NULL;
    let_wide(c, x);
    let_other_axes(c, x->type.shape.rank, (1u << axis) - 1);
    let_moments(c, "x", "axes");
    expand_give(graph, node, 1, compose(c, "identity(mean)"));
    expand_give(graph, node, 2, compose(c, "identity(factor)"));
    return scaled(c, "centred * factor", "scale", "bias");
}

Value *expand_rms_norm(Composer *c, GraphNode *node, Graph *graph) {
    Value *x = node_input(node, "x");
    int axis = axis_of(graph, node, x);
    if (axis < 0) return NULL;
    let_wide(c, x);
    let_other_axes(c, x->type.shape.rank, (1u << axis) - 1);
    return scaled(c, "x * rsqrt(reduce_mean(square(x), axis=axes, keepdims=true) + epsilon)",
                  "scale", "bias");
}

/* With the moments given: (x - mean) * (scale / deviation) + offset. */
Value *expand_batch_norm(Composer *c, GraphNode *node, Graph *graph) {
    Value *x = node_input(node, "x");
    int axis = axis_of(graph, node, x);
    if (axis < 0) return NULL;
    let_wide(c, x);
    let_against(c, x->type.shape.rank, axis);
    composer_bind(c, "bias", node_input(node, "offset"));
    compose_let(c, "mean", "reshape(cast(mean, wide), against)");
    compose_let(c, "variance", "reshape(cast(variance, wide), against)");
    return scaled(c, "(x - mean) * rsqrt(variance + variance_epsilon)", "reshape(scale, against)",
                  "reshape(bias, against)");
}

/* In training the batch's moments; the variance that is handed out has Bessel's correction, as in
 * TensorFlow. */
Value *expand_fused_batch_norm(Composer *c, GraphNode *node, Graph *graph) {
    Value *x = node_input(node, "x");
    bool is_training = node_attribute_bool(node, "is_training");
    if (!shape_has_rank(&x->type.shape) || (!is_training && !composer_has(c, "mean")) ||
        (!is_training && !composer_has(c, "variance"))) {
        diagnose_error(graph->diagnostics, node->place,
                       "fused_batch_norm needs data of known rank and, unless is_training, `mean` "
                       "and `variance`");
        return NULL;
    }
    int rank = x->type.shape.rank;
    int axis = node_attribute_word(node, "data_format")[1] == 'C' ? 1 : rank - 1;
    let_wide(c, x);
    let_against(c, rank, axis);
    let_other_axes(c, rank, 1u << axis);
    composer_bind(c, "bias", node_input(node, "offset"));
    if (is_training) {
        compose_let(c, "batch_mean", "reduce_mean(x, axis=axes)");
        compose_let(c, "batch_variance", "reduce_variance(x, axis=axes)");
        compose_let(c, "count", "cast(size(x) // size(batch_mean), wide)");
        expand_give(graph, node, 2, compose(c, "batch_variance * (count / maximum(count - 1, 1))"));
    } else {
        compose_let(c, "batch_mean", "identity(mean)");
        compose_let(c, "batch_variance", "identity(variance)");
        expand_give(graph, node, 2, compose(c, "identity(variance)"));
    }
    expand_give(graph, node, 1, compose(c, "identity(batch_mean)"));
    compose_let(c, "mean", "reshape(batch_mean, against)");
    compose_let(c, "variance", "reshape(batch_variance, against)");
    return scaled(c, "(x - mean) * rsqrt(variance + epsilon)", "reshape(scale, against)",
                  "reshape(bias, against)");
}

Value *expand_instance_norm(Composer *c, GraphNode *node, Graph *graph) {
    Value *x = node_input(node, "x");
    int axis = axis_of(graph, node, x), rank = x->type.shape.rank;
    if (axis < 0) return NULL;
    let_wide(c, x);
    let_other_axes(c, rank, 1u << axis | 1u);
    let_against(c, rank, axis);
    let_moments(c, "x", "axes");
    return scaled(c, "centred * factor", "reshape(scale, against)", "reshape(bias, against)");
}

/* The channels of each group side by side: [n, …, groups, channels / groups, …]. A scale may have
 * one number a channel, or one a group. */
Value *expand_group_norm(Composer *c, GraphNode *node, Graph *graph) {
    Value *x = node_input(node, "x");
    int axis = axis_of(graph, node, x), rank = x->type.shape.rank;
    if (axis < 0) return NULL;
    if (axis == 0 || rank == MAX_RANK) {
        diagnose_error(graph->diagnostics, node->place,
                       "group_norm: the channels are not on axis 0, and the data has at most %d "
                       "dimensions",
                       MAX_RANK - 1);
        return NULL;
    }
    let_wide(c, x);
    compose_let(c, "whole", "shape(x)");
    compose_let(c, "grouped",
                "reshape(x, concat([whole[:%d], [num_groups, whole[%d] // num_groups], "
                "whole[%d:]], 0))",
                axis, axis, axis + 1);
    let_other_axes(c, rank + 1, 1u << axis | 1u);
    let_moments(c, "grouped", "axes");
    compose_let(c, "normalized", "reshape(centred * factor, whole)");
    let_against(c, rank, axis);
    for (int k = 0; k < 2; k++) {
        const char *name = k ? "bias" : "scale";
        Value *vector = node_input(node, name);
        if (!vector || vector->type.shape.rank != 1) continue;
        compose_let(c, name,
                    "reshape(broadcast_to(reshape(%s, [num_groups, -1]), "
                    "[num_groups, whole[%d] // num_groups]), [-1])",
                    name, axis);
    }
    return scaled(c, "normalized", "reshape(scale, against)", "reshape(bias, against)");
}

/* E[x ** 2] - E[x] ** 2 is ONNX's variance; the constant keeps constant data from dividing by 0. */
Value *expand_mean_variance_normalization(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    let_wide(c, node_input(node, "x"));
    compose_let(c, "mean", "reduce_mean(x, axis=axes, keepdims=true)");
    compose_let(c, "variance", "reduce_mean(square(x), axis=axes, keepdims=true) - square(mean)");
    return compose(c, "cast((x - mean) / (sqrt(variance) + 1e-9), dtype)");
}
