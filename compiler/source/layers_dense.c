/* layers_dense.c: layers of weights: dense, embedding, attention. */
#include "source/layer.h"
#include <string.h>

static const StoredForm kernel_forms[] = {
    {"kernel", "stored"}, {"weight", "transpose(stored)"}, {NULL, NULL}};
static const StoredForm bias_forms[] = {{"bias", "stored"}, {NULL, NULL}};
static const StoredForm embedding_forms[] = {
    {"embeddings", "stored"}, {"weight", "stored"}, {NULL, NULL}};

/* A positive whole number; false after a diagnostic. */
static bool need_positive(Layer *layer, const char *attribute) {
    const Argument *argument = node_argument(layer->node, attribute);
    if (argument->kind == ARGUMENT_ABSENT || argument->as.integer > 0) return true;
    return layer_error(layer, "`%s` has to be positive, not %lld", attribute,
                       (long long)argument->as.integer);
}

/* A variable begun by the initializer that the attribute names. */
static bool initialized_variable(Layer *layer, const char *variable, const StoredForm *forms,
                                 const char *initializer, const char *sizes) {
    const char *initial = layer_initializer(layer, initializer, sizes);
    return initial && layer_variable(layer, variable, forms, sizes, initial);
}

bool layer_dense(Layer *layer) {
    bool use_bias = node_attribute_bool(layer->node, "use_bias");
    const char *result =
        layer_activation(layer, use_bias ? "inputs @ kernel + bias" : "inputs @ kernel");
    return result && need_positive(layer, "units") &&
           initialized_variable(layer, "kernel", kernel_forms, "kernel_initializer",
                                "[shape(inputs)[-1], units]") &&
           (!use_bias ||
            initialized_variable(layer, "bias", bias_forms, "bias_initializer", "[units]")) &&
           layer_result(layer, result);
}

bool layer_embedding(Layer *layer) {
    return need_positive(layer, "input_dim") && need_positive(layer, "output_dim") &&
           initialized_variable(layer, "embeddings", embedding_forms, "embeddings_initializer",
                                "[input_dim, output_dim]") &&
           layer_result(layer, "gather(embeddings, inputs)");
}

/* ---- attention ---- */

static const char *part_name(Layer *layer, const char *part, const char *variable) {
    return arena_format(layer->builder->arena, "%s/%s", part, variable);
}

/* The kernel and the bias of one projection, under names like `query/kernel`. A file has them as
 * TensorFlow writes them. */
static bool projection_variables(Layer *layer, const char *part, const char *sizes,
                                 const char *bias_sizes) {
    const char *kernel = part_name(layer, part, "kernel"), *bias = part_name(layer, part, "bias");
    StoredForm kernel_form[] = {{kernel, "stored"}, {NULL, NULL}};
    StoredForm bias_form[] = {{bias, "stored"}, {NULL, NULL}};
    return initialized_variable(layer, kernel, kernel_form, "kernel_initializer", sizes) &&
           (!node_attribute_bool(layer->node, "use_bias") ||
            initialized_variable(layer, bias, bias_form, "bias_initializer", bias_sizes));
}

/* `einsum(equation, x, kernel) + bias`, bound to the part's own name behind an underscore. */
static bool project(Layer *layer, const char *name, const char *equation, const char *x,
                    const char *part) {
    const char *bias = node_attribute_bool(layer->node, "use_bias")
                           ? arena_format(layer->builder->arena, " + `%s/bias`", part)
                           : "";
    return compose_let(layer->composer, name, "einsum('%s', %s, `%s/kernel`)%s", equation, x, part,
                       bias) != NULL;
}

/* Scores that no one attends to are far below every other, as Keras has it: a row of them alone is
 * then evenly spread, not NaN. */
static bool let_probabilities(Layer *layer) {
    Composer *c = layer->composer;
    compose_let(c, "scores", "einsum('bqhk,bshk->bhqs', projected_query, projected_key)");
    if (composer_has(c, "attention_mask"))
        compose_let(c, "scores", "where(expand_dims(attention_mask, -3), scores, scores - 1e9)");
    if (node_attribute_bool(layer->node, "use_causal_mask"))
        compose_let(c, "scores",
                    "where(range(shape(scores)[-1]) <= expand_dims(range(shape(scores)[-2]), 1), "
                    "scores, scores - 1e9)");
    return compose_let(c, "probabilities", "softmax(scores)") != NULL;
}

bool layer_multi_head_attention(Layer *layer) {
    Composer *c = layer->composer;
    GraphNode *node = layer->node;
    if (!need_positive(layer, "num_heads") || !need_positive(layer, "key_dim") ||
        !need_positive(layer, "value_dim") || !need_positive(layer, "output_dim"))
        return false;
    if (!composer_has(c, "key")) composer_bind(c, "key", node_input(node, "value"));
    if (!composer_has(c, "value_dim"))
        composer_bind_integer(c, "value_dim", node_attribute_integer(node, "key_dim"));
    const char *output_dim = composer_has(c, "output_dim") ? "output_dim" : "shape(query)[-1]";
    Arena *arena = layer->builder->arena;
    composer_bind_number(c, "scaling",
                         1 / __builtin_sqrt((double)node_attribute_integer(node, "key_dim")));
    return projection_variables(layer, "query", "[shape(query)[-1], num_heads, key_dim]",
                                "[num_heads, key_dim]") &&
           projection_variables(layer, "key", "[shape(key)[-1], num_heads, key_dim]",
                                "[num_heads, key_dim]") &&
           projection_variables(layer, "value", "[shape(value)[-1], num_heads, value_dim]",
                                "[num_heads, value_dim]") &&
           projection_variables(layer, "attention_output",
                                arena_format(arena, "[num_heads, value_dim, %s]", output_dim),
                                arena_format(arena, "[%s]", output_dim)) &&
           project(layer, "projected_query", "btd,dhk->bthk", "query", "query") &&
           compose_let(c, "projected_query", "projected_query * scaling") &&
           project(layer, "projected_key", "btd,dhk->bthk", "key", "key") &&
           project(layer, "projected_value", "btd,dhk->bthk", "value", "value") &&
           let_probabilities(layer) &&
           compose_let(c, "attended",
                       "einsum('bhqs,bshk->bqhk', probabilities, projected_value)") &&
           layer_result(layer,
                        node_attribute_bool(node, "use_bias")
                            ? "einsum('bqhk,hkd->bqd', attended, `attention_output/kernel`) + "
                              "`attention_output/bias`"
                            : "einsum('bqhk,hkd->bqd', attended, `attention_output/kernel`)");
}
