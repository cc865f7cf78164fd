/* case.h: one case of the ONNX backend tests: a model, and folders of inputs and outputs. */
#ifndef TFCC_TESTS_CONFORMANCE_CASE_H
#define TFCC_TESTS_CONFORMANCE_CASE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct CaseOptions {
    int level;          /* of optimisation */
    bool interpret;     /* the kernel interpreter in place of native code */
    const char *folder; /* where the import writes: one folder a case */
} CaseOptions;

typedef struct Case {
    const char *name;  /* `node/test_add`: the last two parts of the path */
    const char *group; /* `node` */
    const char *model; /* MODEL.onnx */
    const char *data; /* the folder that holds test_data_set_*; NULL: a light model, whose one input
                          is generated and whose outputs stand beside it */
    const char *info; /* data.json, which may state tolerances of its own; it may be missing */
} Case;

/* Imports, compiles, runs and compares; the sentence says what is wrong, and is "" where nothing
 * is. */
void case_run(const Case *c, const CaseOptions *options, char *sentence, size_t size);

#endif
