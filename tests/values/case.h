/* case.h: reading tensors of value cases, and comparing them. What the keys of a case mean stands in README.md. */
#ifndef TFCC_TESTS_VALUES_CASE_H
#define TFCC_TESTS_VALUES_CASE_H

#include "source/tree.h"
#include <tfcc/runtime.h>

typedef struct CaseTensor {
    tfcc_dtype dtype;
    int rank;
    int64_t dims[TFCC_MAX_RANK];
    int64_t count;
    void *bytes;
} CaseTensor;

/* What counts as equal. */
typedef struct CaseTolerance {
    double relative;  /* 0: equality */
    double ulps;      /* negative: not asked */
    bool signed_zero;
} CaseTolerance;

/* A tensor from nested lists; `shape` (TREE_ABSENT: by the nesting) gives the sizes. False where it cannot be read. */
bool case_read_tensor(Arena *arena, const Tree *tree, const TreeNode *value, const TreeNode *shape, tfcc_dtype dtype,
                      CaseTensor *tensor);
/* The tolerance a case states, or the run's own. */
CaseTolerance case_tolerance(const TreeNode *test, const TreeNode *run);
/* NULL where they are equal, else a sentence. */
const char *case_compare(Arena *arena, const CaseTensor *expected, const CaseTensor *actual, CaseTolerance tolerance);
/* Checks an entry of expect_stats. NULL, or a sentence. */
const char *case_check_statistics(Arena *arena, const Tree *tree, const TreeNode *wanted, const CaseTensor *actual);

#endif
