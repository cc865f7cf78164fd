/* pipeline.h: the passes of a compilation, in their order. */
#ifndef TFCC_PIPELINE_H
#define TFCC_PIPELINE_H

#include "compilation.h"
#include "support/text.h"

typedef enum Stage { STAGE_SOURCE, STAGE_GRAPH, STAGE_KERNELS, STAGE_LOOPS } Stage;

/* Carries out all passes up to the last of the stage: afterwards c->graph, c->program or c->loops
 * is there. A graph that is there already (built from something else than options.input) is not
 * read again. False after diagnostics. */
bool pipeline_run(Compilation *c, Stage last);
/* Appends what --emit prints for a level that is there. */
void pipeline_print(const Compilation *c, Stage stage, Text *text);
/* The names of the passes, for --dump-after; NULL at the end. */
const char *const *pipeline_pass_names(void);

#endif
