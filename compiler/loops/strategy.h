/* strategy.h: what strategy.c asks choose.c: what lies along an axis, which axis has lanes, which has
 * copies, and how many of them. Private to the two.
 */
#ifndef TFCC_LOOPS_STRATEGY_H
#define TFCC_LOOPS_STRATEGY_H

#include "loops/nest.h"

enum {
    CHEAP = 8,    /* operations at a point up to which four vectors are computed at once, */
    MODERATE = 24 /* and up to which two */
};

typedef struct AxisUse {
    int next, spread; /* accesses that go to the next element, that go anywhere else */
    int cost;         /* operations that depend on the axis */
    int widest;       /* bytes of the largest element that depends on it */
    int narrowest_memory;
    bool is_conditional; /* some accesses have conditions */
} AxisUse;

AxisUse use_of_members(const Nest *nest, const ScalarFacts *owner, Dim axis);
AxisUse use_of_nest(const Nest *nest, Dim axis);

bool can_have_lanes(const Nest *nest, Dim axis, const AxisUse *use);
/* The points behind the last full step: computing them one by one is dearer than masks where there
 * is much to compute. */
bool can_mask_tail(const Nest *nest, const AxisUse *use);
int choose_lanes(const Nest *nest, Dim axis, const AxisUse *use, bool has_copies);
int power_of_two_below(int64_t limit);
Dim find_lane_axis(const Nest *nest, const Dim *axes, size_t count, bool may_reorder);
/* Whether what is loaded in lanes does not fit the cache and is read once if their loop is the
 * outermost. */
bool lanes_go_outside(const Nest *nest, Dim lane_axis);

/* The innermost axis whose points share loads in lanes, one with more than a few if there is; or
 * NULL. */
Dim find_copy_axis(const Nest *nest, const Dim *axes, size_t count, Dim lane_axis);
int choose_copies(const Nest *nest, Dim axis, const AxisUse *lane_use, int lanes);

#endif
