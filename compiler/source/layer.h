/* layer.h: layers: nodes that bring variables of their own.
 *
 * A layer is an op that a person writes instead of several nodes: `fc: dense(x, 10)` stands for the
 * variables `fc/kernel` and `fc/bias`, named as TensorFlow names them, and the expression on them.
 * It exists in the source alone: its row of ops.def has the parameters, a LAYER row the names of
 * its variables, and layer_NAME(Layer *) in layers*.c says, as text (compose.h), what the variables
 * begin with and what the node is.
 *
 * A layer that is a part of an expression is called after its node: the kernel in `y: relu(dense(x,
 * 10))` is `y/dense/kernel`, that of a second one `y/dense_1/kernel`.
 *
 * The variables of a node can be named anywhere in the graph, before and behind it, those of a part
 * behind it. They begin with
 * what an initializer gives, or with what a file holds: `weights: {file: f.safetensors, tensor: fc}`
 * reads `fc/kernel` (or `fc.kernel`), or PyTorch's `fc.weight`, which is turned into TensorFlow's
 * layout.
 */
#ifndef TFCC_SOURCE_LAYER_H
#define TFCC_SOURCE_LAYER_H

#include "source/build_internal.h"
#include "source/compose.h"

typedef struct Layer {
    Builder *builder;
    GraphNode *node;     /* with the arguments of the layer's row, until layer_result */
    Composer *composer;  /* with the parameters' names; nothing is inferred yet */
    const char *name;    /* of the node */
    Place place;         /* of the call */
    Expression *weights; /* NULL: initializers */
} Layer;

/* How a variable is found in a file of weights: a tensor's last name, and the text that makes the
 * variable's value of it, in which it is called `stored`. A list ends with a NULL name. */
typedef struct StoredForm {
    const char *name, *text;
} StoredForm;

/* The variable NAME/`variable`, bound to its own name in the composer. It begins with the tensor of
 * the first form that the file has, or (without weights) with the expression `initial`. What a file
 * holds has to be of these sizes, a vector's expression. False after a diagnostic. */
bool layer_variable(Layer *layer, const char *variable, const StoredForm *forms, const char *sizes,
                    const char *initial);
/* The target NAME/`name`, `group(…)`, which a run carries out where it is asked to. */
bool layer_target(Layer *layer, const char *name, const char *text);
/* A further value of the layer, the node NAME/`name`. False after a diagnostic. */
bool layer_value(Layer *layer, const char *name, const char *text);
/* `initializer(sizes, dtype=dtype)` by the word that the attribute of this name holds: an
 * initializer of the table, or `uniform`, Keras' range of 0.05. NULL after a diagnostic. */
const char *layer_initializer(Layer *layer, const char *attribute, const char *sizes);
/* The text of the activation that the attribute `activation` names applied to `text`; NULL after a
 * diagnostic. */
const char *layer_activation(Layer *layer, const char *text);
/* The node becomes this expression. False after a diagnostic. */
bool layer_result(Layer *layer, const char *text);
/* An error at the layer; gives false. */
bool layer_error(Layer *layer, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define OP(code, spelling, effects, shape, lowering, gradient, signature, meaning)
#define ALIAS(spelling, code)
#define EXPANSION(code, name)
#define LAYER(code, name, variables) bool layer_##name(Layer *layer);
#include "graph/ops.def"
#undef OP
#undef ALIAS
#undef EXPANSION
#undef LAYER

#endif
