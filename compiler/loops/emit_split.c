/* emit_split.c: reductions whose points have conditions, in two or three versions.
 *
 * A window over an image reads `inside ? x[..] : 0`, where inside is `0 <= e & e < n` of sums of
 * axes. Most windows are inside with all their points. So before the loops of a REDUCE it is asked
 * once whether the conditions hold at every point: a comparison of sums holds everywhere if it holds
 * at the worst end of each axis. The version for that case has no conditions at all. In the other
 * one the question comes again as soon as the loops that are left have no influence on it; then,
 * where no point has its condition and each would give what changes nothing (0 to a sum), they are
 * left out. Where that is so for some of the copies only, as at the border of an image, all of them
 * go on without conditions, those outside reading at the start of the image, and in the end those
 * keep what they had before.
 */
#include "loops/nest.h"

enum { MOST_CONDITIONS = 4, MOST_SPLIT = 512 /* scalars of a body, counted for each copy */ };

typedef struct Conditions {
    const Scalar *of[MOST_CONDITIONS];
    int count;
} Conditions;

/* ---- which there are ---- */

static bool index_of(const Emission *e, const Scalar *scalar, Dim *index) {
    if (scalar->op == SCALAR_CONSTANT) {
        *index = dim_constant(e->nest->dims, (int64_t)scalar->as.bits);
        return scalar->dtype == TFCC_INT64;
    }
    *index = e->nest->facts[scalar->id].index;
    return scalar->op == SCALAR_INDEX;
}

/* Whether the scalar is made of comparisons of indices alone. */
static bool is_of_indices(const Emission *e, const Scalar *scalar) {
    Dim index;
    if (scalar->op == SCALAR_AND)
        return is_of_indices(e, scalar->operands[0]) && is_of_indices(e, scalar->operands[1]);
    bool is_comparison =
        scalar->op == SCALAR_LESS || scalar->op == SCALAR_LESS_EQUAL || scalar->op == SCALAR_EQUAL;
    return is_comparison && index_of(e, scalar->operands[0], &index) &&
           index_of(e, scalar->operands[1], &index);
}

static void add_condition(const Emission *e, Conditions *conditions, const Scalar *condition) {
    if (!condition || e->assumed[condition->id] || !is_of_indices(e, condition)) return;
    for (int k = 0; k < conditions->count; k++)
        if (conditions->of[k] == condition) return;
    if (conditions->count < MOST_CONDITIONS) conditions->of[conditions->count++] = condition;
}

static Conditions conditions_of(const Emission *e, const Scalar *reduce) {
    const ScalarFacts *facts = &e->nest->facts[reduce->id];
    Conditions conditions = {0};
    for (size_t k = 0; k < facts->member_count; k++) {
        const Scalar *member = e->nest->kernel->scalars[facts->members[k]];
        if (member->op == SCALAR_LOAD) add_condition(e, &conditions, member->as.load.condition);
        if (member->op == SCALAR_SELECT) add_condition(e, &conditions, member->operands[0]);
    }
    return conditions;
}

static bool depends_on(const Emission *e, const Scalar *scalar, const Dim *axes, int count) {
    for (int k = 0; k < count; k++)
        if (axis_set_has(e->nest->facts[scalar->id].axes, axes[k])) return true;
    return false;
}

/* ---- whether they hold everywhere ---- */

/* What `number` is at the end of the axis where it is smallest; false where that is not known. */
static bool take_least(const Emission *e, Dim axis, Dim *number) {
    DimTable *dims = e->nest->dims;
    Dim coefficient, rest;
    if (!axis_set_has(nest_dim_axes(e->nest, *number), axis)) return true;
    if (!dim_split(dims, *number, axis, &coefficient, &rest) || dim_has_axis(coefficient))
        return false;
    if (dim_low(coefficient) >= 0) {
        *number = rest;
        return true;
    }
    Dim last = dim_add(dims, axis->size, dim_constant(dims, -1));
    *number = dim_add(dims, rest, dim_multiply(dims, coefficient, last));
    return dim_high(coefficient) <= 0;
}

/* The one of the copies, or of the lanes, that has the smallest number; -1: any may. */
static int least_of(const Emission *e, Dim number, Dim axis, int count) {
    Dim coefficient, rest;
    if (!dim_split(e->nest->dims, number, axis, &coefficient, &rest) || dim_has_axis(coefficient))
        return -1;
    return dim_low(coefficient) >= 0 ? 0 : dim_high(coefficient) <= 0 ? count - 1 : -1;
}

static LoopInstruction *reduce_bool(Emission *e, LoopInstruction *value, ScalarOp op) {
    return value->type.lanes > 1 ? loop_reduce_lanes(&e->b, op, value) : value;
}

/* 0 <= number, in every copy and lane. */
static LoopInstruction *is_never_negative(Emission *e, Dim number) {
    if (dim_is_nonnegative(e->nest->dims, number)) return NULL;
    AxisSet axes = nest_dim_axes(e->nest, number);
    int copies = emission_copies(e, axes), lanes = emission_lanes(e, axes), first = 0,
        last = copies;
    if (copies > 1 && (first = least_of(e, number, e->copy_axis, copies)) >= 0) last = first + 1;
    if (first < 0) first = 0;
    LoopInstruction *all = NULL;
    for (int c = first; c < last; c++) {
        LoopInstruction *value = emit_dim(e, number, c);
        int lane = lanes > 1 ? least_of(e, number, e->lanes.axis, lanes) : -1;
        if (lane >= 0 && value->type.lanes > 1) value = loop_extract(&e->b, value, lane);
        value = index_operation(e, SCALAR_LESS_EQUAL, emission_integer(e, 0), value);
        all = logical_and(e, all, reduce_bool(e, value, SCALAR_AND));
    }
    return all;
}

/* The condition at the points of the current copies and lanes, joined by AND or OR. */
static LoopInstruction *join_points(Emission *e, const Scalar *condition, ScalarOp op) {
    AxisSet axes = e->nest->facts[condition->id].axes;
    int copies = emission_copies(e, axes), lanes = emission_lanes(e, axes);
    LoopInstruction *joined = NULL;
    for (int c = 0; c < copies; c++) {
        LoopInstruction *value = reduce_bool(e, emission_value(e, condition, c, lanes), op);
        joined = joined ? index_operation(e, op, joined, value) : value;
    }
    return joined;
}

/* Joins to *all whether the condition holds at every point of the axes; false where that cannot be
 * asked. */
static bool holds_everywhere(Emission *e, const Scalar *condition, const Dim *axes, int count,
                             LoopInstruction **all) {
    DimTable *dims = e->nest->dims;
    if (condition->op == SCALAR_AND)
        return holds_everywhere(e, condition->operands[0], axes, count, all) &&
               holds_everywhere(e, condition->operands[1], axes, count, all);
    Dim a, b;
    if (condition->op == SCALAR_EQUAL) {
        if (depends_on(e, condition, axes, count)) return false;
        *all = logical_and(e, *all, join_points(e, condition, SCALAR_AND));
        return true;
    }
    index_of(e, condition->operands[0], &a);
    index_of(e, condition->operands[1], &b);
    Dim room = dim_subtract(dims, b, a);
    if (condition->op == SCALAR_LESS) room = dim_add(dims, room, dim_constant(dims, -1));
    for (int k = 0; k < count; k++)
        if (!take_least(e, axes[k], &room)) return false;
    if (room->kind == DIM_OVERFLOW) return false;
    *all = logical_and(e, *all, is_never_negative(e, room));
    return true;
}

/* ---- exported ---- */

/* The condition outside of which a point changes nothing, or NULL. */
static const Scalar *skip_condition(const Scalar *reduce) {
    const Scalar *body = reduce->as.reduce.body, *condition = NULL, *otherwise = NULL;
    if (body->op == SCALAR_SELECT) {
        condition = body->operands[0];
        otherwise = body->operands[2];
    } else if (body->op == SCALAR_LOAD && body->as.load.condition) {
        condition = body->as.load.condition;
        otherwise = body->as.load.otherwise;
    }
    bool is_search = combiner_is_search(reduce->as.reduce.combiner);
    return condition && !is_search && otherwise->op == SCALAR_CONSTANT &&
                   otherwise->as.bits == combiner_identity(reduce->as.reduce.combiner, body->dtype)
               ? condition
               : NULL;
}

/* Whether loads of the condition stay in their buffers when of their offset only what these axes give
 * is left. */
static bool can_clamp(const Emission *e, const Scalar *reduce, const Scalar *condition,
                      const Dim *axes, int count) {
    const Nest *nest = e->nest;
    const ScalarFacts *facts = &nest->facts[reduce->id];
    for (size_t k = 0; k < facts->member_count; k++) {
        const Scalar *load = nest->kernel->scalars[facts->members[k]];
        const Access *access = &nest->facts[load->id].access;
        int64_t last = 0, elements, step, size;
        if (load->op != SCALAR_LOAD || load->as.load.condition != condition) continue;
        Dim stride;
        for (int a = 0; a < count; a++) {
            if (!nest_stride(nest, access, axes[a], &stride) || !dim_is_constant(stride, &step) ||
                !dim_is_constant(axes[a]->size, &size) || step < 0)
                return false;
            last += step * (size - 1);
        }
        Dim all = shape_element_count(nest->dims, &load->as.load.buffer->type.shape);
        if (access->part_count > 0 || !dim_is_constant(all, &elements) || last >= elements ||
            emission_lanes(e, nest->facts[load->id].axes) > 1)
            return false;
    }
    return true;
}

Split split_ask(Emission *e, const Scalar *reduce, int depth, int copies, bool *is_settled) {
    const ScalarFacts *facts = &e->nest->facts[reduce->id];
    const Dim *axes = facts->reduce_axes + depth;
    int count = facts->reduce_axis_count - depth;
    Conditions conditions = conditions_of(e, reduce);
    Split split = {0};
    if (conditions.count == 0 || facts->body_count * (size_t)copies > MOST_SPLIT) {
        *is_settled = true;
        return split;
    }
    bool depends = false;
    for (int k = 0; k < conditions.count; k++)
        depends = depends || depends_on(e, conditions.of[k], axes, count);
    if (depends && depth > 0) return split;
    *is_settled = !depends;
    LoopInstruction *all = NULL;
    for (int k = 0; k < conditions.count; k++)
        if (!holds_everywhere(e, conditions.of[k], axes, count, &all)) return split;
    split.all = all ? all : emission_constant(e, TFCC_BOOL, 1, 1);
    split.assumed = arena_copy(e->scratch, e->assumed, e->nest->kernel->scalar_count + 1);
    for (int k = 0; k < conditions.count; k++) split.assumed[conditions.of[k]->id] = true;
    const Scalar *skip = skip_condition(reduce);
    if (depends || !skip || e->assumed[skip->id] || !is_of_indices(e, skip)) return split;
    split.any = join_points(e, skip, SCALAR_OR);
    AxisSet own = e->nest->facts[skip->id].axes;
    split.is_all_or_none =
        conditions.count == 1 && emission_copies(e, own) == 1 && emission_lanes(e, own) == 1;
    if (conditions.count == 1 && emission_copies(e, own) > 1 && emission_lanes(e, own) == 1 &&
        can_clamp(e, reduce, skip, axes, count))
        split.clamped = skip;
    return split;
}
