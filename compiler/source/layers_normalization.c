/* layers_normalization.c: layers that bring data to mean 0 and variance 1, then scale and shift it.
 *
 * Their parameters are vectors along one axis. Where that is not the last, they are reshaped to
 * stand against the data: [1, features, 1, 1] for axis 1 of four.
 */
#include "source/layer.h"

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
    return initial && layer_variable(layer, variable, forms, "%s", initial);
}

static const char *against_data(Layer *layer, const char *variable) {
    if (node_attribute_integer(layer->node, "axis") == -1) return variable;
    return arena_format(layer->builder->arena, "reshape(%s, against)", variable);
}

/* Binds `place` to the axis counted from the front, `features` to its length and `against` to the
 * shape in which vectors along it broadcast. */
static void let_axis(Layer *layer) {
    Composer *c = layer->composer;
    bool is_negative = node_attribute_integer(layer->node, "axis") < 0;
    compose_let(c, "place", is_negative ? "rank(inputs) + axis" : "identity(axis)");
    compose_let(c, "features", "shape(inputs)[axis]");
    compose_let(c, "against", "where(range(rank(inputs)) == place, shape(inputs), 1)");
}

/* gamma and beta as far as they are wanted; the text of `normalized` with them. */
static const char *scale_and_shift(Layer *layer, const char *normalized) {
    Arena *arena = layer->builder->arena;
    if (node_attribute_bool(layer->node, "scale")) {
        if (!axis_variable(layer, "gamma", gamma_forms)) return NULL;
        normalized = arena_format(arena, "%s * %s", normalized, against_data(layer, "gamma"));
    }
    if (node_attribute_bool(layer->node, "center")) {
        if (!axis_variable(layer, "beta", beta_forms)) return NULL;
        normalized = arena_format(arena, "%s + %s", normalized, against_data(layer, "beta"));
    }
    return normalized;
}

bool layer_layer_normalization(Layer *layer) {
    Composer *c = layer->composer;
    let_axis(layer);
    return compose_let(c, "mean", "reduce_mean(inputs, axis=axis, keepdims=true)") &&
           compose_let(c, "centred", "inputs - mean") &&
           compose_let(c, "variance", "reduce_mean(square(centred), axis=axis, keepdims=true)") &&
           compose_let(c, "factor", "rsqrt(variance + epsilon)") &&
           layer_result(layer, scale_and_shift(layer, "centred * factor"));
}

/* The moments over all axes but one; with `training` given, chosen at run time, and a target that
 * moves the variables towards the batch's. */
static bool let_batch_moments(Layer *layer) {
    Composer *c = layer->composer;
    compose_let(c, "others", "concat([range(place), range(place + 1, rank(inputs))], 0)");
    compose_let(c, "batch_mean", "reduce_mean(inputs, axis=others)");
    compose_let(c, "batch_variance", "reduce_variance(inputs, axis=others)");
    compose_let(c, "mean", "where(training, batch_mean, moving_mean)");
    compose_let(c, "variance", "where(training, batch_variance, moving_variance)");
    return layer_target(
        layer, "update",
        "group(assign_sub(moving_mean, (moving_mean - batch_mean) * (1 - momentum)), "
        "assign_sub(moving_variance, (moving_variance - batch_variance) * (1 - momentum)))");
}

bool layer_batch_normalization(Layer *layer) {
    Composer *c = layer->composer;
    let_axis(layer);
    const char *scaled = scale_and_shift(layer, "(inputs - mean_of_data) * factor");
    if (!scaled || !axis_variable(layer, "moving_mean", mean_forms) ||
        !axis_variable(layer, "moving_variance", variance_forms))
        return false;
    if (composer_has(c, "training")) {
        if (!let_batch_moments(layer)) return false;
    } else {
        compose_let(c, "mean", "identity(moving_mean)");
        compose_let(c, "variance", "identity(moving_variance)");
        if (!layer_target(layer, "update", "group()")) return false;
    }
    return compose_let(c, "mean_of_data", "%s", against_data(layer, "mean")) &&
           compose_let(c, "factor", "rsqrt(%s + epsilon)", against_data(layer, "variance")) &&
           layer_result(layer, scaled);
}
