/* passes.h: what is done to the graph between the source and the kernels. Each pass is a file of
 * its name; its first lines say what it needs and leaves. A pass gives false after a diagnostic.
 * The order of the table in pipeline.c is the order meant here. */
#ifndef TFCC_PASSES_PASSES_H
#define TFCC_PASSES_PASSES_H

#include "compilation.h"
#include "graph/print.h"

bool pass_feeds(Compilation *c);    /* boundaries for what a run may feed */
bool pass_order(Compilation *c);    /* topological order; which reads follow which writes */
bool pass_infer(Compilation *c);    /* dtypes, shapes, contents, requirements */
bool pass_expand(Compilation *c);   /* ops that are made of others */
bool pass_simplify(Compilation *c); /* folding, identities */
bool pass_share(Compilation *c);    /* equal nodes once */
bool pass_prune(Compilation *c);    /* what nothing needs */

/* Whether the graph holds what graph.h promises; else a sentence in message. */
bool graph_verify(const Graph *graph, char *message, size_t size);

#endif
