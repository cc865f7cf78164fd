/* print.h: the graph as text. */
#ifndef TFCC_GRAPH_PRINT_H
#define TFCC_GRAPH_PRINT_H

#include "graph/ops.h"

/* Appends the graph as a file of the graph language: every node in mapping form, literals inline,
 * types as comments at the line's end. It reads back: compiling the text, in the same folder where
 * it names files of weights, gives the same graph. */
void graph_print(Text *text, const Graph *graph);

/* Appends a text as a YAML scalar, in quotes where it needs them. */
void print_scalar(Text *out, const char *text);

/* Appends what `tfcc ops` prints: one line for every op, or all about one row. */
void ops_print_list(Text *text);
void ops_print_row(Text *text, const OpRow *row);

#endif
