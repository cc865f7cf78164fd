/* emit_reduce.c: REDUCE: loops over the reduce axes that carry what has been combined so far.
 *
 * The order of combination is the kernel's (kernel.h), so whichever way is taken gives the same
 * bits. Along the lane axis each lane carries its own result, one point after the other; else
 *
 *   REDUCE_LANES    goes along the innermost axis in steps of L points. Lane l carries the points
 *                   l, l + L, …; at the end the lanes are combined as a tree. The points behind
 *                   the last full step belong to the first lanes: masked, or through an array
 *   REDUCE_ORDERED  computes the body of several points as a vector and combines its lanes in order
 *   REDUCE_LOCAL    keeps the partial results in an array, for bodies that cannot be vectors
 *
 * A search carries the best value and its index.
 */
#include "loops/nest.h"

#include "support/dtype.h"

typedef struct Reduction {
    const Scalar *scalar;
    const ScalarFacts *facts;
    ReduceMode mode;
    Combiner combiner;
    tfcc_dtype dtype; /* of what is combined */
    int parts;        /* 2 for searches: value and index */
    int copies;
    int asked;       /* so many reduce axes have been looked at for conditions */
    bool is_settled; /* all versions that conditions call for have been made */
    uint32_t local;  /* REDUCE_LOCAL, and the tail of REDUCE_LANES: the array of partial results */
} Reduction;

enum { MOST_CARRIED = 64 }; /* copies * parts */

static int carried_count(const Reduction *r) {
    return r->mode == REDUCE_LOCAL ? 0 : r->copies * r->parts;
}

LoopInstruction *emit_combine(Emission *e, Combiner combiner, LoopInstruction *sofar,
                              LoopInstruction *value) {
    tfcc_dtype dtype = value->type.dtype;
    return loop_arithmetic(&e->b, combiner_operation(combiner, dtype), dtype,
                           (LoopInstruction *[]){sofar, value}, 2);
}

static LoopInstruction *choose(Emission *e, LoopInstruction *condition, LoopInstruction *a,
                               LoopInstruction *b) {
    return loop_arithmetic(&e->b, SCALAR_SELECT, a->type.dtype,
                           (LoopInstruction *[]){condition, a, b}, 3);
}

/* `lane` of the value, or (below 0) all of them. */
static LoopInstruction *lane_of(Emission *e, LoopInstruction *value, int lane) {
    return lane < 0 ? value : loop_extract(&e->b, value, lane);
}

/* Every way to carry out a contraction rounds alike: product and sum at once, and what padding gives
 * leaves the sum as it is. */
static LoopInstruction *combine_lane(Emission *e, const Scalar *reduce, LoopInstruction *sofar,
                                     LoopInstruction *value, int lane) {
    bool is_padded = value->op == LOOP_ARITHMETIC && value->scalar_op == SCALAR_SELECT;
    const LoopInstruction *product = is_padded ? value->operands[1] : value;
    bool is_fused = reduce->as.reduce.is_contraction && e->nest->target->has_fma &&
                    product->op == LOOP_ARITHMETIC && product->scalar_op == SCALAR_MULTIPLY;
    if (is_padded)
        is_fused =
            is_fused && value->operands[2]->op == LOOP_CONSTANT && value->operands[2]->bits == 0;
    if (!is_fused)
        return emit_combine(e, reduce->as.reduce.combiner, sofar, lane_of(e, value, lane));
    LoopInstruction *sum = loop_fused(&e->b, lane_of(e, product->operands[0], lane),
                                      lane_of(e, product->operands[1], lane), sofar);
    return is_padded ? choose(e, lane_of(e, value->operands[0], lane), sum, sofar) : sum;
}

LoopInstruction *emit_combine_reduced(Emission *e, const Scalar *reduce, LoopInstruction *sofar,
                                      LoopInstruction *value) {
    return combine_lane(e, reduce, sofar, value, -1);
}

/* Combines the body's value at the current point (or points) into sofar[0 … parts - 1]. */
static void combine_point(Emission *e, const Reduction *r, LoopInstruction **sofar, int copy,
                          int lanes) {
    LoopInstruction *value = emission_value(e, r->scalar->as.reduce.body, copy, lanes),
                    *mask = e->lanes.mask;
    if (mask && mask->type.lanes != lanes) mask = NULL;
    if (r->parts == 1) {
        LoopInstruction *combined = emit_combine_reduced(e, r->scalar, sofar[0], value);
        sofar[0] = mask && r->mode == REDUCE_LANES ? choose(e, mask, combined, sofar[0]) : combined;
        return;
    }
    LoopInstruction *index = emit_dim(e, r->facts->reduce_axes[0], copy);
    if (index->type.lanes < lanes) index = loop_splat(&e->b, index, lanes);
    LoopInstruction *operands[2] = {sofar[0], value};
    if (r->combiner == COMBINE_ARGMIN) operands[0] = value, operands[1] = sofar[0];
    LoopInstruction *is_better = loop_arithmetic(&e->b, SCALAR_LESS, TFCC_BOOL, operands, 2);
    if (mask && r->mode == REDUCE_LANES)
        is_better = loop_arithmetic(&e->b, SCALAR_AND, TFCC_BOOL,
                                    (LoopInstruction *[]){is_better, mask}, 2);
    sofar[0] = choose(e, is_better, value, sofar[0]);
    sofar[1] = choose(e, is_better, index, sofar[1]);
}

static void emit_members(Emission *e, const Reduction *r, bool is_innermost) {
    emit_available(e, r->facts->members, r->facts->member_count, is_innermost);
}

/* ---- the array of partial results ---- */

static LoopInstruction *local_offset(Emission *e, const Reduction *r, LoopInstruction *lane,
                                     int copy) {
    return index_operation(e, SCALAR_ADD, lane, emission_integer(e, copy * r->facts->lanes));
}

/* The current point, of lane `lane` (a scalar), combined into the array. */
static void combine_local(Emission *e, const Reduction *r, LoopInstruction *lane) {
    for (int c = 0; c < r->copies; c++) {
        LoopInstruction *offset = local_offset(e, r, lane, c);
        LoopInstruction *sofar = loop_load(&e->b, r->local, offset, 1, NULL, NULL);
        LoopInstruction *value = emission_value(e, r->scalar->as.reduce.body, c, 1);
        sofar = emit_combine_reduced(e, r->scalar, sofar, value);
        loop_store(&e->b, r->local, offset, sofar, NULL);
    }
}

static void store_local(Emission *e, const Reduction *r, LoopInstruction *const *sofar) {
    for (int c = 0; c < r->copies; c++)
        loop_store(&e->b, r->local, emission_integer(e, c * r->facts->lanes), sofar[c], NULL);
}

static void load_local(Emission *e, const Reduction *r, LoopInstruction **sofar) {
    for (int c = 0; c < r->copies; c++)
        sofar[c] = loop_load(&e->b, r->local, emission_integer(e, c * r->facts->lanes),
                             r->facts->lanes, NULL, NULL);
}

/* ---- the innermost axis ---- */

typedef void PointFunction(Emission *e, const Reduction *r, LoopInstruction **sofar,
                           LoopInstruction *begin);

/* for the axis from begin to end by step: point(); `sofar` is carried. */
static void loop_points(Emission *e, const Reduction *r, LoopInstruction **sofar, Dim axis,
                        LoopInstruction *begin, LoopInstruction *end, int64_t step,
                        PointFunction *point) {
    LoopBlock *outer = e->b.block;
    size_t scope = scope_begin(e), carried = (size_t)carried_count(r);
    LoopInstruction *loop = loop_for_begin(&e->b, begin, end, step, sofar, carried);
    for (size_t k = 0; k < carried; k++) sofar[k] = loop->carried[k];
    emission_bind(e, axis, loop->index);
    point(e, r, sofar, begin);
    emission_unbind(e, axis);
    scope_end(e, scope);
    loop_for_end(&e->b, loop, sofar, outer);
    for (size_t k = 0; k < carried; k++) sofar[k] = loop->results[k];
}

static void point_plain(Emission *e, const Reduction *r, LoopInstruction **sofar,
                        LoopInstruction *begin) {
    (void)begin;
    emit_members(e, r, true);
    for (int c = 0; c < r->copies; c++)
        combine_point(e, r, &sofar[c * r->parts], c, sofar[c * r->parts]->type.lanes);
}

/* The first `count` lanes. */
static void combine_ordered(Emission *e, const Reduction *r, LoopInstruction **sofar,
                            int64_t count) {
    emit_members(e, r, true);
    for (int c = 0; c < r->copies; c++) {
        LoopInstruction *values = emission_value(e, r->scalar->as.reduce.body, c, r->facts->lanes);
        for (int lane = 0; lane < count; lane++)
            sofar[c] = combine_lane(e, r->scalar, sofar[c], values, lane);
    }
}

static void point_ordered(Emission *e, const Reduction *r, LoopInstruction **sofar,
                          LoopInstruction *begin) {
    (void)begin;
    combine_ordered(e, r, sofar, r->facts->lanes);
}

/* The points behind `begin` belong to lanes 0, 1, …: fewer than there are lanes. */
static void point_tail(Emission *e, const Reduction *r, LoopInstruction **sofar,
                       LoopInstruction *begin) {
    (void)sofar;
    emit_members(e, r, true);
    LoopInstruction *position =
        e->counters[r->facts->reduce_axes[r->facts->reduce_axis_count - 1]->axis];
    combine_local(e, r, index_operation(e, SCALAR_SUBTRACT, position, begin));
}

static void point_local(Emission *e, const Reduction *r, LoopInstruction **sofar,
                        LoopInstruction *begin) {
    (void)sofar;
    (void)begin;
    emit_members(e, r, true);
    LoopInstruction *position =
        e->counters[r->facts->reduce_axes[r->facts->reduce_axis_count - 1]->axis];
    combine_local(
        e, r, index_operation(e, SCALAR_AND, position, emission_integer(e, r->facts->lanes - 1)));
}

/* The last step, of which only the lanes below `size` are there. */
static void masked_tail(Emission *e, const Reduction *r, LoopInstruction **sofar, Dim axis,
                        LoopInstruction *begin, LoopInstruction *end) {
    LoopBlock *outer = e->b.block;
    size_t scope = scope_begin(e), carried = (size_t)carried_count(r);
    LoopInstruction *before[MOST_CARRIED];
    for (size_t k = 0; k < carried; k++) before[k] = sofar[k];
    LoopInstruction *branch = loop_if_begin(&e->b, index_operation(e, SCALAR_LESS, begin, end));
    emission_bind(e, axis, begin);
    e->lanes.mask = index_operation(e, SCALAR_LESS, loop_ramp(&e->b, begin, e->lanes.count), end);
    point_plain(e, r, sofar, begin);
    e->lanes.mask = NULL;
    emission_unbind(e, axis);
    scope_end(e, scope);
    loop_if_else(&e->b, branch, sofar, carried);
    loop_if_end(&e->b, branch, before, carried, outer);
    for (size_t k = 0; k < carried; k++) sofar[k] = branch->results[k];
}

static void scalar_tail(Emission *e, Reduction *r, LoopInstruction **sofar, Dim axis,
                        LoopInstruction *begin, LoopInstruction *end) {
    LoopBlock *outer = e->b.block;
    Lanes lanes = e->lanes;
    e->lanes = (Lanes){0};
    LoopInstruction *before[MOST_CARRIED];
    for (int c = 0; c < r->copies; c++) before[c] = sofar[c];
    LoopInstruction *branch = loop_if_begin(&e->b, index_operation(e, SCALAR_LESS, begin, end));
    r->local = emission_local(e, r->dtype, (int64_t)r->copies * r->facts->lanes);
    store_local(e, r, sofar);
    Reduction tail = *r;
    tail.mode = REDUCE_LOCAL;
    loop_points(e, &tail, sofar, axis, begin, end, 1, point_tail);
    load_local(e, r, sofar);
    loop_if_else(&e->b, branch, sofar, (size_t)r->copies);
    loop_if_end(&e->b, branch, before, (size_t)r->copies, outer);
    for (int c = 0; c < r->copies; c++) sofar[c] = branch->results[c];
    emission_release_local(e, r->local);
    e->lanes = lanes;
}

/* A last step of known length. */
static void ordered_tail(Emission *e, const Reduction *r, LoopInstruction **sofar, Dim axis,
                         LoopInstruction *begin, LoopInstruction *end, int64_t count) {
    size_t scope = scope_begin(e);
    emission_bind(e, axis, begin);
    e->lanes.mask = index_operation(e, SCALAR_LESS, loop_ramp(&e->b, begin, e->lanes.count), end);
    combine_ordered(e, r, sofar, count);
    e->lanes.mask = NULL;
    emission_unbind(e, axis);
    scope_end(e, scope);
}

static void innermost_in_lanes(Emission *e, Reduction *r, LoopInstruction **sofar, Dim axis) {
    int lanes = r->facts->lanes;
    Lanes outside = e->lanes;
    e->lanes = (Lanes){.axis = axis, .count = lanes};
    LoopInstruction *begin = emission_integer(e, 0), *end = emission_size(e, axis->size);
    LoopInstruction *middle =
        index_operation(e, SCALAR_AND, end, emission_integer(e, -(int64_t)lanes));
    int64_t size = 0, full = 1;
    bool is_known = is_integer_constant(end, &size);
    if (is_integer_constant(middle, &full) && full == 0)
        middle = begin;
    else
        loop_points(e, r, sofar, axis, begin, middle, lanes,
                    r->mode == REDUCE_ORDERED ? point_ordered : point_plain);
    if (is_known && size == full) {
        e->lanes = outside;
        return;
    }
    if (r->mode == REDUCE_ORDERED && is_known && r->facts->is_masked) {
        ordered_tail(e, r, sofar, axis, middle, end, size - full);
    } else if (r->mode == REDUCE_ORDERED) {
        e->lanes = (Lanes){0};
        loop_points(e, r, sofar, axis, middle, end, 1, point_plain);
    } else if (r->parts > 1 || r->facts->is_masked) {
        masked_tail(e, r, sofar, axis, middle, end);
    } else {
        scalar_tail(e, r, sofar, axis, middle, end);
    }
    e->lanes = outside;
}

static void reduce_level(Emission *e, Reduction *r, LoopInstruction **sofar, int depth);

/* All copies without conditions; those whose condition does not hold keep what they had. */
static void clamped_level(Emission *e, Reduction *r, LoopInstruction **sofar, int depth,
                          const Split *split) {
    LoopInstruction *before[MOST_CARRIED];
    for (int c = 0; c < r->copies; c++) before[c] = sofar[c];
    bool *general = e->assumed;
    e->assumed = split->assumed;
    e->clamped = split->clamped;
    e->clamped_axes = r->facts->reduce_axes + depth;
    e->clamped_axis_count = r->facts->reduce_axis_count - depth;
    reduce_level(e, r, sofar, depth);
    e->assumed = general;
    e->clamped = NULL;
    for (int c = 0; c < r->copies; c++) {
        LoopInstruction *holds = emission_value(e, split->clamped, c, sofar[c]->type.lanes);
        sofar[c] = choose(e, holds, sofar[c], before[c]);
    }
}

/* sofar = condition ? what version() makes of it : (other ? what other() makes of it : itself) */
static void choose_version(Emission *e, Reduction *r, LoopInstruction **sofar, int depth,
                           const Split *split) {
    LoopBlock *outer = e->b.block;
    size_t carried = (size_t)carried_count(r);
    LoopInstruction *before[MOST_CARRIED];
    for (size_t k = 0; k < carried; k++) before[k] = sofar[k];
    bool *general = e->assumed, was_settled = r->is_settled;
    LoopInstruction *branch = loop_if_begin(&e->b, split->all);
    size_t scope = scope_begin(e);
    e->assumed = split->assumed;
    r->is_settled = true;
    reduce_level(e, r, sofar, depth);
    e->assumed = general;
    r->is_settled = was_settled;
    scope_end(e, scope);
    loop_if_else(&e->b, branch, sofar, carried);
    for (size_t k = 0; k < carried; k++) sofar[k] = before[k];
    if (!split->is_all_or_none) {
        LoopBlock *middle = e->b.block;
        LoopInstruction *inner = split->any ? loop_if_begin(&e->b, split->any) : NULL;
        scope = scope_begin(e);
        if (split->clamped && r->mode == REDUCE_SEQUENTIAL && r->parts == 1 && r->is_settled)
            clamped_level(e, r, sofar, depth, split);
        else
            reduce_level(e, r, sofar, depth);
        scope_end(e, scope);
        if (inner) {
            loop_if_else(&e->b, inner, sofar, carried);
            loop_if_end(&e->b, inner, before, carried, middle);
            for (size_t k = 0; k < carried; k++) sofar[k] = inner->results[k];
        }
    }
    loop_if_end(&e->b, branch, sofar, carried, outer);
    for (size_t k = 0; k < carried; k++) sofar[k] = branch->results[k];
}

static void reduce_level(Emission *e, Reduction *r, LoopInstruction **sofar, int depth) {
    if (depth == r->facts->reduce_axis_count) {
        point_plain(e, r, sofar, NULL);
        return;
    }
    emit_members(e, r, false);
    if (!r->is_settled && depth >= r->asked) {
        r->asked = depth + 1;
        Split split = split_ask(e, r->scalar, depth, r->copies, &r->is_settled);
        if (split.all) {
            int asked = r->asked;
            choose_version(e, r, sofar, depth, &split);
            r->asked = asked;
            return;
        }
    }
    Dim axis = r->facts->reduce_axes[depth];
    LoopInstruction *zero = emission_integer(e, 0), *size = emission_size(e, axis->size);
    if (depth + 1 == r->facts->reduce_axis_count) {
        if (r->mode == REDUCE_LANES || r->mode == REDUCE_ORDERED)
            innermost_in_lanes(e, r, sofar, axis);
        else
            loop_points(e, r, sofar, axis, zero, size, 1,
                        r->mode == REDUCE_LOCAL ? point_local : point_plain);
        return;
    }
    LoopBlock *outer = e->b.block;
    size_t scope = scope_begin(e), carried = (size_t)carried_count(r);
    LoopInstruction *loop = loop_for_begin(&e->b, zero, size, 1, sofar, carried);
    for (size_t k = 0; k < carried; k++) sofar[k] = loop->carried[k];
    emission_bind(e, axis, loop->index);
    reduce_level(e, r, sofar, depth + 1);
    emission_unbind(e, axis);
    scope_end(e, scope);
    loop_for_end(&e->b, loop, sofar, outer);
    for (size_t k = 0; k < carried; k++) sofar[k] = loop->results[k];
}

/* ---- the whole ---- */

/* The lanes of a search as one: the largest value, and of the lanes that hold it the smallest
 * index. */
static LoopInstruction *search_lanes(Emission *e, const Reduction *r,
                                     LoopInstruction *const *sofar) {
    int lanes = sofar[0]->type.lanes;
    Combiner combiner = r->combiner == COMBINE_ARGMAX ? COMBINE_MAXIMUM : COMBINE_MINIMUM;
    LoopInstruction *best =
        loop_reduce_lanes(&e->b, combiner_operation(combiner, r->dtype), sofar[0]);
    LoopInstruction *operands[2] = {sofar[0], loop_splat(&e->b, best, lanes)};
    LoopInstruction *is_best = loop_arithmetic(&e->b, SCALAR_EQUAL, TFCC_BOOL, operands, 2);
    LoopInstruction *none = emission_constant(e, TFCC_INT64, lanes, INT64_MAX);
    return loop_reduce_lanes(&e->b, SCALAR_MINIMUM, choose(e, is_best, sofar[1], none));
}

static LoopInstruction *result_of(Emission *e, const Reduction *r, LoopInstruction **sofar,
                                  bool is_tree) {
    if (!is_tree) return sofar[r->parts - 1];
    if (r->parts > 1) return search_lanes(e, r, sofar);
    return loop_reduce_lanes(&e->b, combiner_operation(r->combiner, r->dtype), sofar[0]);
}

void emit_reduce(Emission *e, const Scalar *scalar) {
    const ScalarFacts *facts = &e->nest->facts[scalar->id];
    Reduction r = {.scalar = scalar, .facts = facts, .combiner = scalar->as.reduce.combiner};
    r.dtype = scalar->as.reduce.body->dtype;
    r.parts = combiner_is_search(r.combiner) ? 2 : 1;
    r.copies = emission_copies(e, facts->axes);
    int width = emission_lanes(e, facts->axes);
    Lanes outside = e->lanes;
    r.mode = width > 1 ? REDUCE_SEQUENTIAL : facts->mode;
    if (width == 1) e->lanes = (Lanes){0};
    bool is_tree = r.mode == REDUCE_LANES || r.mode == REDUCE_LOCAL;
    int carried_lanes = r.mode == REDUCE_LANES || r.mode == REDUCE_LOCAL ? facts->lanes : width;
    if (r.mode == REDUCE_LOCAL)
        r.local = emission_local(e, r.dtype, (int64_t)r.copies * facts->lanes);
    LoopInstruction *sofar[MOST_CARRIED];
    for (int c = 0; c < r.copies; c++) {
        sofar[c * r.parts] =
            emission_constant(e, r.dtype, carried_lanes, combiner_identity(r.combiner, r.dtype));
        if (r.parts > 1)
            sofar[c * r.parts + 1] = emission_constant(e, TFCC_INT64, carried_lanes, 0);
    }
    if (r.mode == REDUCE_LOCAL) store_local(e, &r, sofar);
    reduce_level(e, &r, sofar, 0);
    if (r.mode == REDUCE_LOCAL) {
        load_local(e, &r, sofar);
        emission_release_local(e, r.local);
    }
    Values *values = values_create(e, r.copies);
    for (int c = 0; c < r.copies; c++)
        values->of[c] = result_of(e, &r, &sofar[c * r.parts], is_tree);
    e->lanes = outside;
    emission_set(e, &e->values[scalar->id], values);
}
