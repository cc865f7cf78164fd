/* choose.c: which axis of a nest has lanes and how many, which has copies, and how a REDUCE goes.
 *
 * Lanes run along the innermost parallel axis, because there the outputs are contiguous, unless a
 * REDUCE along contiguous memory depends on that axis: then its own axis has the lanes; or another
 * parallel axis has them where a REDUCE reads much better along that. Copies (unroll and jam) are
 * for reductions that load the same elements for neighbouring points of another axis, as a matrix
 * product does.
 */
#include "loops/strategy.h"

#include "support/dtype.h"

enum {
    MOST_LANES = 128,
    LEAST_IN_LANES = 8, /* points of a reduction that are worth lanes of their own */
    FEW_LANES = 8,      /* where each lane is an instruction, or a branch, of its own */
    FEW_COPIES = 4
};

static bool is_arithmetic(const Scalar *scalar) {
    return scalar->op >= SCALAR_CONVERT;
}

int power_of_two_below(int64_t limit) {
    int power = 1;
    while (power <= limit / 2 && power < 1 << 20) power *= 2;
    return power;
}

/* ---- accesses along an axis ---- */

static void use_access(const Nest *nest, const Access *access, Dim axis, size_t size,
                       AxisUse *use) {
    Dim stride;
    bool is_linear = nest_stride(nest, access, axis, &stride);
    if (is_linear && dim_is(stride, 0)) return;
    /* A stride that is known at run time alone is that of a size that may be broadcast: most
     * often 1. */
    bool is_next = is_linear && (dim_is(stride, 1) || !dim_is_constant(stride, NULL));
    use->next += is_next && dim_is(stride, 1);
    use->spread += !is_next;
    if (use->narrowest_memory == 0 || (int)size < use->narrowest_memory)
        use->narrowest_memory = (int)size;
}

static void use_scalar(const Nest *nest, uint32_t id, Dim axis, AxisUse *use) {
    const Scalar *scalar = nest->kernel->scalars[id];
    const ScalarFacts *facts = &nest->facts[id];
    if (!axis_set_has(facts->axes, axis)) return;
    int size = (int)dtype_size(scalar->dtype);
    if (size > use->widest) use->widest = size;
    use->cost += is_arithmetic(scalar);
    if (scalar->op == SCALAR_LOAD && scalar->as.load.condition) use->is_conditional = true;
    if (scalar->op == SCALAR_LOAD)
        use_access(nest, &facts->access, axis, dtype_size(scalar->dtype), use);
}

AxisUse use_of_members(const Nest *nest, const ScalarFacts *owner, Dim axis) {
    AxisUse use = {0};
    for (size_t k = 0; k < owner->member_count; k++)
        use_scalar(nest, owner->members[k], axis, &use);
    return use;
}

AxisUse use_of_nest(const Nest *nest, Dim axis) {
    AxisUse use = {0};
    for (uint32_t id = 0; id < nest->kernel->scalar_count; id++)
        if (nest->facts[id].axes) use_scalar(nest, id, axis, &use);
    for (size_t k = 0; k < nest->kernel->output_count; k++) {
        size_t size = dtype_size(nest->kernel->outputs[k].buffer->type.dtype);
        use_access(nest, &nest->stores[k], axis, size, &use);
        if (nest->kernel->outputs[k].condition) use.is_conditional = true;
        if (axis_set_has(nest_dim_axes(nest, nest->stores[k].affine), axis) &&
            (int)size > use.widest)
            use.widest = (int)size;
    }
    return use;
}

/* ---- reductions ---- */

static bool has_own_lanes(const Scalar *reduce) {
    return reduce->as.reduce.lanes > 1 &&
           !combiner_is_exact(reduce->as.reduce.combiner, reduce->as.reduce.body->dtype);
}

/* Whether points of the axis can be lanes, as far as the members are concerned. */
static bool members_take_lanes(const Nest *nest, const ScalarFacts *owner, Dim axis) {
    for (size_t k = 0; k < owner->member_count; k++) {
        const Scalar *member = nest->kernel->scalars[owner->members[k]];
        if (!axis_set_has(nest->facts[member->id].axes, axis)) continue;
        if (member->op == SCALAR_REDUCE && has_own_lanes(member)) return false;
        if (member->op == SCALAR_SCAN) return false;
    }
    return true;
}

/* Whether the processor masks elements of these sizes in registers. */
static bool has_masks(const Nest *nest, const AxisUse *use) {
    int narrowest = use->narrowest_memory > 0 ? use->narrowest_memory : 8;
    return nest->target->vector_bytes >= 64 || (nest->target->vector_bytes >= 32 && narrowest >= 4);
}

/* As many lanes as there are points, or a mask for the others. */
static int fit_lanes(int64_t size, int lanes, bool is_masked) {
    if (size >= lanes) return lanes;
    int below = power_of_two_below(size);
    return is_masked && below < size ? 2 * below : below;
}

static void plan_reduce(Nest *nest, const Scalar *reduce) {
    ScalarFacts *facts = &nest->facts[reduce->id];
    facts->mode = REDUCE_SEQUENTIAL;
    facts->lanes = reduce->as.reduce.lanes;
    if (facts->reduce_axis_count == 0) return;
    Dim axis = facts->reduce_axes[facts->reduce_axis_count - 1];
    bool takes_lanes = members_take_lanes(nest, facts, axis);
    AxisUse use = use_of_members(nest, facts, axis);
    facts->is_masked = has_masks(nest, &use);
    /* Masks the processor does not have are a branch for each lane. */
    bool is_branching = use.is_conditional && !facts->is_masked;
    if (has_own_lanes(reduce)) {
        facts->mode = takes_lanes && !is_branching ? REDUCE_LANES : REDUCE_LOCAL;
        return;
    }
    facts->lanes = 1;
    if (!takes_lanes || use.spread > 0 || use.next == 0) return;
    Combiner combiner = reduce->as.reduce.combiner;
    bool is_exact = combiner_is_exact(combiner, reduce->as.reduce.body->dtype);
    if (combiner_is_search(combiner)) use.widest = 8;
    int lanes = nest->target->vector_bytes / use.widest * (is_exact ? 8 : 1);
    int64_t size;
    if (dim_is_constant(axis->size, &size)) {
        if (size < LEAST_IN_LANES) return;
        lanes = fit_lanes(size, lanes, facts->is_masked);
    }
    if (is_branching && lanes > FEW_LANES) lanes = FEW_LANES;
    if (lanes < 4 || (!is_exact && use.cost < 4)) return;
    facts->mode = is_exact ? REDUCE_LANES : REDUCE_ORDERED;
    facts->lanes = lanes < MOST_LANES ? lanes : MOST_LANES;
}

void nest_plan_reduces(Nest *nest) {
    for (size_t id = 0; id < nest->kernel->scalar_count; id++)
        if (nest->facts[id].axes && nest->kernel->scalars[id]->op == SCALAR_REDUCE)
            plan_reduce(nest, nest->kernel->scalars[id]);
}

/* ---- lanes ---- */

static bool outputs_take_lanes(const Nest *nest, Dim axis) {
    for (size_t k = 0; k < nest->kernel->output_count; k++) {
        Dim stride;
        if (nest->kernel->outputs[k].combine == COMBINE_STORE) continue;
        /* What is combined with memory must be somewhere else for each lane. */
        if (!nest_stride(nest, &nest->stores[k], axis, &stride) || !dim_is(stride, 1)) return false;
    }
    return true;
}

/* Whether a reduction that depends on the axis is better, or only, computed along its own. */
static bool reduces_take_lanes(const Nest *nest, Dim axis) {
    for (size_t id = 0; id < nest->kernel->scalar_count; id++) {
        const Scalar *reduce = nest->kernel->scalars[id];
        const ScalarFacts *facts = &nest->facts[id];
        if (!facts->axes || reduce->op != SCALAR_REDUCE || !axis_set_has(facts->axes, axis))
            continue;
        if (has_own_lanes(reduce)) return false;
        if (facts->mode != REDUCE_SEQUENTIAL && use_of_members(nest, facts, axis).spread > 0)
            return false;
    }
    return true;
}

bool can_have_lanes(const Nest *nest, Dim axis, const AxisUse *use) {
    int64_t size;
    if (dim_is_constant(axis->size, &size) && size < 4) return false;
    /* A check that fails in some lane is looked at point by point, which a SCAN cannot be. */
    if (nest->has_scan && (!nest->scan_axis || nest->kernel->check_count > 0)) return false;
    if (use->next == 0 || use->widest == 0) return false;
    return outputs_take_lanes(nest, axis) && reduces_take_lanes(nest, axis);
}

bool can_mask_tail(const Nest *nest, const AxisUse *use) {
    return has_masks(nest, use) && (use->cost > 4 || nest->has_reduce);
}

int choose_lanes(const Nest *nest, Dim axis, const AxisUse *use, bool has_copies) {
    int vector = nest->target->vector_bytes / use->widest;
    int vectors = use->cost <= CHEAP ? 4 : use->cost <= MODERATE ? 2 : 1;
    if (use->spread > 0) vectors = 1;
    if (has_copies && vectors > 2) vectors = 2;
    int lanes = vector * vectors < MOST_LANES ? vector * vectors : MOST_LANES;
    /* Gathers of narrow elements are done one by one, masks that are missing by branches. */
    bool is_single = use->spread > 0 && use->narrowest_memory < 4;
    bool is_branching = use->is_conditional && !has_masks(nest, use);
    if ((is_single || is_branching) && lanes > FEW_LANES) lanes = FEW_LANES;
    int64_t size;
    if (dim_is_constant(axis->size, &size)) {
        lanes = fit_lanes(size, lanes,
                          can_mask_tail(nest, use) && 2 * power_of_two_below(size) <= vector);
        while (lanes > vector && size % lanes > size % (lanes / 2)) lanes /= 2;
    }
    return lanes < 2 ? 2 : lanes;
}

/* ---- copies ---- */

/* A reduction with lanes along `lane_axis` that loads the same vectors for all points of `axis`. */
static bool shares_loads(const Nest *nest, Dim lane_axis, Dim axis) {
    for (size_t id = 0; id < nest->kernel->scalar_count; id++) {
        const ScalarFacts *facts = &nest->facts[id];
        if (!facts->axes || nest->kernel->scalars[id]->op != SCALAR_REDUCE) continue;
        if (!axis_set_has(facts->axes, lane_axis) || !axis_set_has(facts->axes, axis)) continue;
        for (size_t k = 0; k < facts->member_count; k++) {
            const Scalar *member = nest->kernel->scalars[facts->members[k]];
            AxisSet axes = nest->facts[member->id].axes;
            if (member->op == SCALAR_LOAD && axis_set_has(axes, lane_axis) &&
                !axis_set_has(axes, axis))
                return true;
        }
    }
    return false;
}

int choose_copies(const Nest *nest, Dim axis, const AxisUse *lane_use, int lanes) {
    int vectors =
        (lanes * lane_use->widest + nest->target->vector_bytes - 1) / nest->target->vector_bytes;
    int reserved = nest->target->vector_bytes > 16 ? 2 : 4;
    int copies =
        (nest->target->vector_registers - vectors - reserved) / (vectors > 0 ? vectors : 1);
    if (copies > 8) copies = 8;
    if (nest->most_copies > 0 && copies > nest->most_copies) copies = nest->most_copies;
    int64_t size;
    if (!dim_is_constant(axis->size, &size)) return copies;
    if (copies >= size) return (int)size;
    for (int fewer = copies; 4 * fewer > 3 * copies; fewer--)
        if (size % fewer == 0) return fewer;
    /* As even as so many rounds allow. */
    int64_t rounds = (size + copies - 1) / copies;
    return (int)((size + rounds - 1) / rounds);
}

Dim find_copy_axis(const Nest *nest, const Dim *axes, size_t count, Dim lane_axis) {
    Dim found = NULL;
    int64_t size, best = 0;
    for (size_t k = count; k-- > 0 && best < FEW_COPIES;) {
        if (axes[k] == lane_axis || !shares_loads(nest, lane_axis, axes[k])) continue;
        if (!dim_is_constant(axes[k]->size, &size)) size = FEW_COPIES;
        if (size > best) best = size, found = axes[k];
    }
    return found;
}

/* ---- which axis has the lanes ---- */

enum { USUAL_TRIPS = 64, SPREAD_COST = 8 };

/* What the loads of all reductions cost for one point in lanes along the axis, in quarters of a
 * load: those that go elsewhere for each lane are dear, conditions that differ between lanes and
 * lanes that are not there cost something. */
static double cost_along(const Nest *nest, Dim axis, int lanes) {
    double cost = 0, stores = 0;
    int64_t size;
    for (size_t id = 0; id < nest->kernel->scalar_count; id++) {
        const ScalarFacts *facts = &nest->facts[id];
        if (!facts->axes || nest->kernel->scalars[id]->op != SCALAR_REDUCE) continue;
        double trips = 1, loads = 0;
        for (int k = 0; k < facts->reduce_axis_count; k++)
            trips *= dim_is_constant(facts->reduce_axes[k]->size, &size) ? (double)size
                                                                         : (double)USUAL_TRIPS;
        for (size_t k = 0; k < facts->member_count; k++) {
            const Scalar *load = nest->kernel->scalars[facts->members[k]];
            const Scalar *condition = load->op == SCALAR_LOAD ? load->as.load.condition : NULL;
            if (load->op != SCALAR_LOAD) continue;
            AxisUse use = {0};
            use_scalar(nest, load->id, axis, &use);
            loads += use.spread ? 4 * SPREAD_COST : 4;
            if (condition && axis_set_has(nest->facts[condition->id].axes, axis)) loads += 2;
        }
        cost += trips * loads;
    }
    for (size_t k = 0; k < nest->kernel->output_count; k++) {
        AxisUse use = {0};
        use_access(nest, &nest->stores[k], axis, 1, &use);
        stores += use.spread ? 4 * SPREAD_COST : 4;
    }
    cost += stores;
    if (dim_is_constant(axis->size, &size) && size > 0)
        cost *= (double)((size + lanes - 1) / lanes * lanes) / (double)size;
    return cost;
}

/* Lanes run along the innermost axis unless reductions are much cheaper along another: where
 * channels are not the innermost, the filters of a convolution are contiguous along them. */
Dim find_lane_axis(const Nest *nest, const Dim *axes, size_t count, bool may_reorder) {
    Dim innermost = axes[count - 1], best = innermost;
    if (!may_reorder || !nest->has_reduce || nest->has_scan) return innermost;
    AxisUse use = use_of_nest(nest, innermost);
    bool is_possible = can_have_lanes(nest, innermost, &use);
    double least = is_possible ? 0.75 * cost_along(nest, innermost, 8) : __builtin_inf();
    for (size_t k = count - 1; k-- > 0;) {
        use = use_of_nest(nest, axes[k]);
        if (!can_have_lanes(nest, axes[k], &use)) continue;
        double cost = cost_along(nest, axes[k], 8);
        if (cost >= least) continue;
        least = cost;
        best = axes[k];
    }
    return best;
}

/* How many bytes the loads have that depend on the lane axis (or do not), as far as that is known.
 */
static int64_t bytes_loaded(const Nest *nest, Dim lane_axis, bool along) {
    int64_t bytes = 0, count;
    for (size_t id = 0; id < nest->kernel->scalar_count; id++) {
        const Scalar *load = nest->kernel->scalars[id];
        if (!nest->facts[id].axes || load->op != SCALAR_LOAD ||
            axis_set_has(nest->facts[id].axes, lane_axis) != along)
            continue;
        Dim elements = shape_element_count(nest->dims, &load->as.load.buffer->type.shape);
        if (dim_is_constant(elements, &count)) bytes += count * (int64_t)dtype_size(load->dtype);
    }
    return bytes;
}

bool lanes_go_outside(const Nest *nest, Dim lane_axis) {
    int64_t bytes = bytes_loaded(nest, lane_axis, true);
    return bytes > nest->target->l2_bytes / 2 && bytes > bytes_loaded(nest, lane_axis, false);
}
