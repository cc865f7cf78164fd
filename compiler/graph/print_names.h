/* print_names.h: what a dump calls every node, and how YAML wants it written. Private to print*.c.
 */
#ifndef TFCC_GRAPH_PRINT_NAMES_H
#define TFCC_GRAPH_PRINT_NAMES_H

#include "graph/print.h"

typedef struct GraphPrinter {
    Text *out;
    const Graph *graph;
    Arena *arena;
    const char **names; /* by node->mark */
    bool *is_inline;    /* constants that are written where they are used */
    size_t *next; /* the nodes under one guard, in order: next[k] - 1 is the index behind node k */
    Map guards;   /* guard -> index of its first node + 1 */
} GraphPrinter;

/* Sets node->mark to the index and gives every node a name of its own. */
void print_choose_names(GraphPrinter *p);
/* The name of a value: of its node, with `:k` for further outputs. */
void print_value_name(GraphPrinter *p, const Value *value);
/* The elements as nested lists. */
void print_constant(Text *out, const ConstantData *data);
void print_first_element(Text *out, const ConstantData *data);
/* Whether there are several elements with the same bytes. */
bool constant_is_uniform(const ConstantData *data);
/* Infinity and NaN are written as values only, not in expressions. */
bool constant_is_finite(const ConstantData *data);

#endif
