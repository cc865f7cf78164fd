/* compose.h: nodes written as text in the expression language, for a graph that is inferred.
 *
 * An op that is a composition of others, a layer, a translated node of another format: each is
 * easiest to read as what it is, an expression. A Composer holds names and what they stand for, and
 * turns texts that use them into nodes, inferred at once:
 *
 *     Composer *c = composer_create(graph, node);       names: the node's parameters
 *     compose_let(c, "mean", "reduce_mean(x, axis=axis, keepdims=true)");
 *     compose_let(c, "centred", "x - mean");
 *     return compose(c, "centred * rsqrt(reduce_mean(square(centred), axis, true) + epsilon)");
 *
 * A name stands for a value, for what an attribute holds, or for nothing at all: an absent
 * parameter. An argument that is such a name and nothing else is then left out of its call, so that
 * `reduce_sum(x, axis=axis)` reduces over all axes where no axis was given. `name:k` in backquotes
 * is output k of the node whose first output is bound to the name. Everything else in the text
 * means what it means in a graph: words, dtypes, numbers that take their neighbours' dtype.
 *
 * The new nodes are parts of the owner: they take its place, guard, `after` and label. They stand at
 * the end of the graph's list, each behind its inputs.
 *
 * Texts are the compiler's own; a slip in one is a defect of the compiler and trips an assertion.
 * What is wrong with the values (a shape that does not fit) is reported at the owner's place, and
 * gives NULL; so does using a name that an earlier failure left unbound.
 */
#ifndef TFCC_SOURCE_COMPOSE_H
#define TFCC_SOURCE_COMPOSE_H

#include "graph/graph.h"

typedef struct Composer Composer;
struct Builder;

/* Names: the parameters of `owner`, its inputs and attributes, those left out as absent. The owner
 * may be NULL: no names yet, and the nodes are parts of nothing. */
Composer *composer_create(Graph *graph, const GraphNode *owner);
/* While a graph is being built from its source (`builder`): the same, but nothing is inferred, and
 * names of the graph that are not bound mean what they mean there. */
Composer *composer_create_in(struct Builder *builder, const GraphNode *owner);
/* Where errors are reported and what new nodes say they come from. */
void composer_set_place(Composer *composer, Place place);

/* A name stands for this from now on, whatever it stood for before. A NULL value is absent. */
void composer_bind(Composer *composer, const char *name, Value *value);
void composer_bind_list(Composer *composer, const char *name, Value *const *values, size_t count);
void composer_bind_integer(Composer *composer, const char *name, int64_t number);
void composer_bind_integers(Composer *composer, const char *name, const int64_t *numbers,
                            size_t count);
void composer_bind_number(Composer *composer, const char *name, double number);
void composer_bind_bool(Composer *composer, const char *name, bool truth);
void composer_bind_word(Composer *composer, const char *name, const char *word);
void composer_bind_dtype(Composer *composer, const char *name, tfcc_dtype dtype);
/* Any attribute's argument; ARGUMENT_ABSENT is absent. */
void composer_bind_argument(Composer *composer, const char *name, const Argument *argument);
/* Whether the name is bound and not absent. */
bool composer_has(const Composer *composer, const char *name);

/* The value of the expression; NULL after a diagnostic. The format is printf's. */
Value *compose(Composer *composer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same, bound to a name. */
Value *compose_let(Composer *composer, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A node of its own name (which is also bound) that is this expression, as `name: expression` in a
 * graph; NULL after a diagnostic. It may be one without a value. */
GraphNode *compose_node(Composer *composer, const char *name, const char *text);

/* An existing node becomes this expression; false after a diagnostic. Not inferred. */
bool compose_into(Composer *composer, GraphNode *target, const char *text);

#endif
