/* pipeline.c: a compilation, as the list of its passes. */
#include "pipeline.h"

#include "kernels/fuse.h"
#include "kernels/kernel.h"
#include "loops/loops.h"
#include "passes/passes.h"
#include "source/build.h"
#include "support/diagnostic.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static bool pass_schedule(Compilation *c) {
    TargetList targets;
    return target_list(&c->options, &targets, c->diagnostics) && schedule_program(c, &targets);
}

typedef struct Pass {
    const char *name;
    Stage stage; /* the level it leaves behind */
    bool (*run)(Compilation *c);
    bool goes_on; /* after an error, so that inference finds those of the rest in the same go */
} Pass;

static const Pass passes[] = {
    {"source", STAGE_SOURCE, source_build_graph, true},
    {"feeds", STAGE_GRAPH, pass_feeds, true},
    {"order", STAGE_GRAPH, pass_order, true},
    {"infer", STAGE_GRAPH, pass_infer, false},
    {"expand", STAGE_GRAPH, pass_expand, false},
    {"simplify", STAGE_GRAPH, pass_simplify, false},
    {"share", STAGE_GRAPH, pass_share, false},
    {"prune", STAGE_GRAPH, pass_prune, false},
    {"lower", STAGE_KERNELS, lower_graph, false},
    {"arrange", STAGE_KERNELS, arrange_constants, false},
    {"fuse", STAGE_KERNELS, fuse_program, false},
    {"layout", STAGE_KERNELS, layout_buffers, false},
    {"pack", STAGE_KERNELS, pack_constants, false},
    {"schedule", STAGE_LOOPS, pass_schedule, false},
};
enum { PASS_COUNT = sizeof passes / sizeof *passes };

/* The level after a pass must hold what its header promises; a breach is a defect of the compiler,
 * not of the model. */
static void verify(const Compilation *c, const Pass *pass) {
    char message[512];
    bool holds = true;
    switch (pass->stage) {
    case STAGE_SOURCE: break;
    case STAGE_GRAPH: holds = graph_verify(c->graph, message, sizeof message); break;
    case STAGE_KERNELS: holds = program_verify(c->program, message, sizeof message); break;
    case STAGE_LOOPS: holds = loop_program_verify(c->loops, message, sizeof message); break;
    }
    if (!holds) fprintf(stderr, "tfcc: internal error after pass '%s': %s\n", pass->name, message);
    assert(holds && "a pass left its level broken; the sentence above says where");
}

void pipeline_print(const Compilation *c, Stage stage, Text *text) {
    switch (stage) {
    case STAGE_SOURCE:
    case STAGE_GRAPH: graph_print(text, c->graph); break;
    case STAGE_KERNELS: program_print(text, c->program); break;
    case STAGE_LOOPS: loop_program_print(text, c->loops); break;
    }
}

bool pipeline_run(Compilation *c, Stage last) {
    for (int k = 0; k < PASS_COUNT && passes[k].stage <= last; k++) {
        const Pass *pass = &passes[k];
        if (pass->stage == STAGE_SOURCE && c->graph) continue;
        if (!pass->run(c)) return false;
        if (diagnostics_error_count(c->diagnostics) > 0) {
            if (!pass->goes_on) return false;
            continue;
        }
        if (c->options.verify) verify(c, pass);
        if (c->options.dump_after && strcmp(c->options.dump_after, pass->name) == 0) {
            Text text = {.arena = c->arena};
            pipeline_print(c, pass->stage, &text);
            fwrite(text.bytes, 1, text.length, stderr);
        }
    }
    return diagnostics_error_count(c->diagnostics) == 0;
}

const char *const *pipeline_pass_names(void) {
    static const char *names[PASS_COUNT + 1];
    for (int k = 0; k < PASS_COUNT; k++) names[k] = passes[k].name;
    return names;
}
