/* layers_recurrent.c: the layers lstm and gru over [batch, steps, features].
 *
 * The projection of the inputs is one product over all steps; only the product of the state goes
 * from step to step (lstm_steps, gru_steps). Gates stand in Keras' order: i, f, c, o and z, r, h.
 */
#include "source/layer.h"
#include <string.h>

static const StoredForm kernel_forms[] = {{"kernel", "stored"}, {NULL, NULL}};
static const StoredForm recurrent_forms[] = {{"recurrent_kernel", "stored"}, {NULL, NULL}};
static const StoredForm bias_forms[] = {{"bias", "stored"}, {NULL, NULL}};

/* kernel [features, gates * units], recurrent_kernel [units, gates * units] and the bias. */
static bool recurrent_variables(Layer *layer, int gates, const char *bias_sizes, const char *bias) {
    Arena *arena = layer->builder->arena;
    if (node_attribute_integer(layer->node, "units") < 1)
        return layer_error(layer, "`units` has to be positive");
    const char *kernel_sizes = arena_format(arena, "[shape(inputs)[-1], %d * units]", gates);
    const char *recurrent_sizes = arena_format(arena, "[units, %d * units]", gates);
    const char *kernel = layer_initializer(layer, "kernel_initializer", kernel_sizes);
    const char *recurrent = layer_initializer(layer, "recurrent_initializer", recurrent_sizes);
    return kernel && recurrent &&
           layer_variable(layer, "kernel", kernel_forms, kernel_sizes, kernel) &&
           layer_variable(layer, "recurrent_kernel", recurrent_forms, recurrent_sizes, recurrent) &&
           (!node_attribute_bool(layer->node, "use_bias") ||
            layer_variable(layer, "bias", bias_forms, bias_sizes, bias));
}

/* `steps` [steps, batch, features] in the order they are gone through, and `mask` where there are
 * lengths: an example keeps its state behind its last step. */
static void let_steps(Layer *layer) {
    Composer *c = layer->composer;
    bool has_lengths = composer_has(c, "lengths");
    bool is_backwards = node_attribute_bool(layer->node, "go_backwards");
    if (is_backwards && has_lengths)
        compose_let(c, "inputs", "reverse_sequence(inputs, lengths, seq_axis=1, batch_axis=0)");
    compose_let(c, "steps", "transpose(inputs, [1, 0, 2])");
    if (is_backwards && !has_lengths) compose_let(c, "steps", "reverse(steps, axis=[0])");
    if (has_lengths)
        compose_let(c, "mask", "expand_dims(range(shape(steps)[0]), 1) < cast(lengths, int32)");
    else
        composer_bind(c, "mask", NULL);
}

/* All outputs, batch first, or the last one; and the states under names of their own. */
static bool recurrent_result(Layer *layer, const char *last) {
    if (!layer_value(layer, "state_h", last)) return false;
    return layer_result(layer, node_attribute_bool(layer->node, "return_sequences")
                                   ? "transpose(all, [1, 0, 2])"
                                   : arena_format(layer->builder->arena, "identity(%s)", last));
}

/* The activations of the gates and of the candidate, as a list of words. */
static const char *activations(Layer *layer, bool twice) {
    const char *inner = node_attribute_word(layer->node, "recurrent_activation");
    const char *outer = node_attribute_word(layer->node, "activation");
    return arena_format(layer->builder->arena, twice ? "%s,%s,%s" : "%s,%s", inner, outer, outer);
}

bool layer_lstm(Layer *layer) {
    Composer *c = layer->composer;
    bool is_forgetful = node_attribute_bool(layer->node, "unit_forget_bias");
    if (!recurrent_variables(layer, 4, "[4 * units]",
                             is_forgetful ? "concat([zeros([units], dtype=dtype), ones([units], "
                                            "dtype=dtype), zeros([2 * units], dtype=dtype)], 0)"
                                          : "zeros([4 * units], dtype=dtype)"))
        return false;
    let_steps(layer);
    composer_bind_word(c, "activations", activations(layer, true));
    compose_let(c, "projected",
                node_attribute_bool(layer->node, "use_bias") ? "steps @ kernel + bias"
                                                             : "steps @ kernel");
    return compose_let(c, "all",
                       "lstm_steps(projected, recurrent_kernel, initial_h=initial_h, "
                       "initial_c=initial_c, mask=mask, activations=activations, "
                       "zero_output=false)") &&
           layer_value(layer, "state_c", "`all:2`") && recurrent_result(layer, "`all:1`");
}

/* The bias is [2, 3 * units], for the inputs and for the state, or one where the reset gate comes
 * before the product. */
bool layer_gru(Layer *layer) {
    Composer *c = layer->composer;
    bool use_bias = node_attribute_bool(layer->node, "use_bias");
    bool is_after = node_attribute_bool(layer->node, "reset_after");
    if (!recurrent_variables(layer, 3, is_after ? "[2, 3 * units]" : "[3 * units]",
                             is_after ? "zeros([2, 3 * units], dtype=dtype)"
                                      : "zeros([3 * units], dtype=dtype)"))
        return false;
    let_steps(layer);
    composer_bind_word(c, "activations", activations(layer, false));
    composer_bind(c, "recurrent_bias", NULL);
    if (use_bias && is_after) compose_let(c, "recurrent_bias", "bias[1]");
    compose_let(c, "projected",
                !use_bias  ? "steps @ kernel"
                : is_after ? "steps @ kernel + bias[0]"
                           : "steps @ kernel + bias");
    return compose_let(c, "all",
                       "gru_steps(projected, recurrent_kernel, initial_h=initial_h, mask=mask, "
                       "recurrent_bias=recurrent_bias, activations=activations, "
                       "reset_after=reset_after, zero_output=false)") &&
           recurrent_result(layer, "`all:1`");
}
