/* report.h: --report: what a model costs. */
#ifndef TFCC_COMMAND_REPORT_H
#define TFCC_COMMAND_REPORT_H

#include "compilation.h"
#include "support/text.h"

/* Per step: node, result's type, floating-point operations and bytes moved; per signature: feeds,
 * fetches and the workspace. Sizes known at run time alone stay symbolic. Needs c->loops. */
void report_print(Text *text, const Compilation *c);

#endif
