/* trees.h: decision trees as one table that a walk of a fixed number of steps goes through.
 *
 * A node of the table compares a feature of the row with its split and names the two nodes that
 * follow; a leaf is followed by itself, so that all walks take as many steps as the deepest tree
 * needs. How it compares is a set of outcomes that lead to the `true` side; a node that asks for
 * membership is a chain of nodes that ask for equality.
 *
 * The shape rule makes the plan to check the ensemble, and the lowering makes it again.
 */
#ifndef TFCC_GRAPH_TREES_H
#define TFCC_GRAPH_TREES_H

#include "graph/rules.h"

typedef enum TreeOutcome {
    TREE_BELOW = 1, /* the feature is below the split, */
    TREE_EQUAL = 2,
    TREE_ABOVE = 4,
    TREE_UNORDERED = 8, /* or is NaN */
} TreeOutcome;

typedef struct TreePlan {
    int64_t node_count;       /* of the table, leaves included */
    int32_t *features, *next; /* node k is followed by next[2 * k + (whether its test holds)] */
    uint8_t *outcomes;        /* sets of TreeOutcome that lead to the true side */
    void *splits;             /* of the dtype of x */
    int32_t *roots;
    int64_t root_count;
    int64_t first_leaf, leaf_count; /* leaves are the last of the table */
    int64_t targets;
    void *weights;         /* [leaf_count, targets], of the dtype of x */
    int steps;             /* of the longest walk */
    uint8_t every_outcome; /* what all nodes' sets are, or 0 where they differ */
} TreePlan;

/* Lays out the ensemble of a node of the row TREE_ENSEMBLE; false after an error. */
bool plan_trees(InferContext *c, TreePlan *plan);

#endif
