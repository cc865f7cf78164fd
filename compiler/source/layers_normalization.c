/* layers_normalization.c: layers that bring data to mean 0 and variance 1, then scale and shift it.
 *
 * Their parameters are vectors along one axis. The arithmetic is that of the ops layer_norm and
 * batch_norm, which take moments of 16-bit data in float32.
 */
#include "source/layer.h"

#include "support/dtype.h"

static const StoredForm gamma_forms[] = {{"gamma", "stored"}, {"weight", "stored"}, {NULL, NULL}};
static const StoredForm beta_forms[] = {{"beta", "stored"}, {"bias", "stored"}, {NULL, NULL}};
static const StoredForm mean_forms[] = {
    {"moving_mean", "stored"}, {"running_mean", "stored"}, {NULL, NULL}};
static const StoredForm variance_forms[] = {
    {"moving_variance", "stored"}, {"running_var", "stored"}, {NULL, NULL}};

/* The variable of the axis' length, and under its name its view against the data. */
static bool axis_variable(Layer *layer, const char *variable, const StoredForm *forms) {
    Arena *arena = layer->builder->arena;
    const char *initial =
        layer_initializer(layer, arena_format(arena, "%s_initializer", variable), "[features]");
    return initial && layer_variable(layer, variable, forms, "[features]", initial);
}

/* Binds `place` to the axis counted from the front and `features` to its length, and makes gamma
 * and beta as far as they are wanted. */
static bool let_parameters(Layer *layer) {
    Composer *c = layer->composer;
    bool is_negative = node_attribute_integer(layer->node, "axis") < 0;
    compose_let(c, "place", is_negative ? "rank(inputs) + axis" : "identity(axis)");
    compose_let(c, "features", "shape(inputs)[axis]");
    composer_bind(c, "gamma", NULL);
    composer_bind(c, "beta", NULL);
    return (!node_attribute_bool(layer->node, "scale") ||
            axis_variable(layer, "gamma", gamma_forms)) &&
           (!node_attribute_bool(layer->node, "center") ||
            axis_variable(layer, "beta", beta_forms));
}

/* Another axis than the last changes places with it, there and back. */
bool layer_layer_normalization(Layer *layer) {
    Composer *c = layer->composer;
    if (!let_parameters(layer)) return false;
    if (node_attribute_integer(layer->node, "axis") == -1)
        return layer_result(layer, "layer_norm(inputs, gamma, beta, epsilon=epsilon)");
    compose_let(c, "axes", "range(rank(inputs))");
    compose_let(c, "last", "rank(inputs) - 1");
    compose_let(c, "swapped", "where(axes == place, last, where(axes == last, place, axes))");
    compose_let(c, "normalized",
                "layer_norm(transpose(inputs, swapped), gamma, beta, epsilon=epsilon)");
    return layer_result(layer, "transpose(normalized, swapped)");
}

/* The moments over all axes but one; with `training` given, chosen at run time, and a target that
 * moves the variables towards the batch's. */
static bool let_batch_moments(Layer *layer) {
    Composer *c = layer->composer;
    tfcc_dtype dtype = node_attribute_dtype(layer->node, "dtype");
    composer_bind_dtype(c, "wide", dtype_bits(dtype) == 16 ? TFCC_FLOAT32 : dtype);
    compose_let(c, "others", "concat([range(place), range(place + 1, rank(inputs))], 0)");
    compose_let(c, "batch_mean", "reduce_mean(cast(inputs, wide), axis=others)");
    compose_let(c, "batch_variance", "reduce_variance(cast(inputs, wide), axis=others)");
    compose_let(c, "old_mean", "cast(moving_mean, wide)");
    compose_let(c, "old_variance", "cast(moving_variance, wide)");
    compose_let(c, "mean", "where(training, batch_mean, old_mean)");
    compose_let(c, "variance", "where(training, batch_variance, old_variance)");
    compose_let(c, "less_mean", "cast((old_mean - batch_mean) * (1 - momentum), dtype)");
    compose_let(c, "less_variance",
                "cast((old_variance - batch_variance) * (1 - momentum), dtype)");
    return layer_target(layer, "update",
                        "group(assign_sub(moving_mean, less_mean), "
                        "assign_sub(moving_variance, less_variance))");
}

bool layer_batch_normalization(Layer *layer) {
    Composer *c = layer->composer;
    if (!let_parameters(layer) || !axis_variable(layer, "moving_mean", mean_forms) ||
        !axis_variable(layer, "moving_variance", variance_forms))
        return false;
    if (composer_has(c, "training")) {
        if (!let_batch_moments(layer)) return false;
    } else {
        compose_let(c, "mean", "identity(moving_mean)");
        compose_let(c, "variance", "identity(moving_variance)");
        if (!layer_target(layer, "update", "group()")) return false;
    }
    return layer_result(layer, "batch_norm(inputs, mean, variance, beta, gamma, "
                               "variance_epsilon=epsilon, axis=axis)");
}
