/* strategy.c: the loops of a nest: their order, with lanes and copies as choose.c has them, and what
 * is done in tiles.
 *
 * Tiles are for loads that run along memory on another axis than the stores do, and for sums over
 * rows: see emit_stage.c.
 */
#include "loops/strategy.h"

#include "support/dtype.h"

enum {
    LINE = 64,           /* bytes of a line of the cache: the side of a transposed tile */
    PADDING = 4,         /* elements between the rows of a tile */
    LEAST_TILED = 4096,  /* elements from which on a transpose is worth tiles */
    STAGED_BYTES = 4096, /* of the array of a tile's sums */
    MOST_STAGED = 4      /* arrays */
};

/* ---- the loops ---- */

static void add_loop(Nest *nest, NestLoopKind kind, Dim axis, int64_t step) {
    nest->plan[nest->plan_count++] = (NestLoop){kind, axis, step};
}

/* Whether the index is another one wherever an axis in it is: each steps over all that those with
 * smaller steps reach, as in (a * n + b) * m + c. */
static bool tells_axes(const Nest *nest, Dim index) {
    const Kernel *kernel = nest->kernel;
    Dim reach = dim_constant(nest->dims, 1), rest;
    for (size_t round = 0; round < kernel->axis_count && dim_has_axis(index); round++) {
        Dim next = NULL, step = NULL;
        for (size_t a = kernel->axis_count; a-- > 0;) {
            Dim axis = kernel->axes[a], stride;
            if (!axis_set_has(nest_dim_axes(nest, index), axis)) continue;
            if (!dim_split(nest->dims, index, axis, &stride, &rest) || dim_has_axis(stride))
                return false;
            bool is_smaller = !next || dim_low(dim_subtract(nest->dims, step, stride)) > 0;
            if (is_smaller) next = axis, step = stride;
        }
        if (!dim_is_nonnegative(nest->dims, dim_subtract(nest->dims, step, reach))) return false;
        reach = dim_multiply(nest->dims, step, next->size);
        dim_split(nest->dims, index, next, &step, &index);
    }
    return true;
}

/* Whether every point (of one step) stores an element of its own: the indices tell the axes. */
static bool stores_once(const Nest *nest, const KernelOutput *output) {
    const Kernel *kernel = nest->kernel;
    if (output->combine != COMBINE_STORE) return false;
    for (size_t a = nest->outer_count; a < kernel->axis_count && output->index; a++) {
        bool is_told = dim_is(kernel->axes[a]->size, 1);
        for (int k = 0; k < output->buffer->type.shape.rank && !is_told; k++)
            is_told =
                output->index[k]->op == SCALAR_INDEX &&
                axis_set_has(nest_dim_axes(nest, output->index[k]->as.index), kernel->axes[a]) &&
                tells_axes(nest, output->index[k]->as.index);
        if (!is_told) return false;
    }
    return true;
}

/* Whether points must be visited in row-major order. */
static bool is_ordered(const Nest *nest) {
    for (size_t k = 0; k < nest->kernel->output_count; k++)
        if (!stores_once(nest, &nest->kernel->outputs[k])) return true;
    return nest->kernel->check_count > 0;
}

/* The axis on which loads run along memory that are spread out on the lane axis, or NULL. */
static Dim find_tiled_axis(const Nest *nest, const Dim *axes, size_t count, Dim lane_axis) {
    for (size_t id = 0; id < nest->kernel->scalar_count; id++) {
        const ScalarFacts *facts = &nest->facts[id];
        Dim stride;
        if (!facts->axes || nest->kernel->scalars[id]->op != SCALAR_LOAD ||
            !axis_set_has(facts->axes, lane_axis))
            continue;
        if (!nest_stride(nest, &facts->access, lane_axis, &stride) || dim_is(stride, 1)) continue;
        for (size_t k = 0; k < count; k++) {
            int64_t size, other;
            if (axes[k] == lane_axis || !nest_stride(nest, &facts->access, axes[k], &stride) ||
                !dim_is(stride, 1))
                continue;
            bool is_small = dim_is_constant(axes[k]->size, &size) &&
                            dim_is_constant(lane_axis->size, &other) && size < LEAST_TILED &&
                            other < LEAST_TILED && size * other < LEAST_TILED;
            if (!is_small) return axes[k];
        }
    }
    return NULL;
}

/* Loads of the tile that run along `tiled` and depend on nothing but axes are staged. */
static void stage_loads(Nest *nest, Dim tiled, Dim lane_axis) {
    int count = 0;
    for (size_t id = 0; id < nest->kernel->scalar_count; id++) {
        ScalarFacts *facts = &nest->facts[id];
        const Scalar *load = nest->kernel->scalars[id];
        Dim along, across;
        if (!facts->axes || load->op != SCALAR_LOAD || load->as.load.condition ||
            facts->access.part_count > 0)
            continue;
        if (!nest_stride(nest, &facts->access, tiled, &along) ||
            !nest_stride(nest, &facts->access, lane_axis, &across))
            continue;
        facts->is_staged =
            count < MOST_STAGED && dim_is(along, 1) && !dim_is(across, 0) && !dim_is(across, 1);
        count += facts->is_staged;
    }
}

static void plan_tiles(Nest *nest, const Dim *axes, size_t count, Dim tiled, const AxisUse *use,
                       int lanes) {
    Dim lane_axis = axes[count - 1];
    int tile = LINE / use->narrowest_memory;
    for (size_t k = 0; k + 1 < count; k++)
        if (axes[k] != tiled) add_loop(nest, NEST_SEQUENTIAL, axes[k], 1);
    add_loop(nest, NEST_TILES, tiled, tile);
    add_loop(nest, NEST_TILES, lane_axis, tile);
    nest->stage_depth = nest->plan_count;
    nest->stage_axis = lane_axis;
    nest->stage_inner = tiled;
    nest->stage_lanes = lanes < tile ? power_of_two_below(lanes) : tile;
    if (nest->stage_lanes > NEST_MOST_BLOCK) nest->stage_lanes = NEST_MOST_BLOCK;
    nest->stage_length = tile;
    nest->stage_pitch = tile + PADDING;
    stage_loads(nest, tiled, lane_axis);
    add_loop(nest, NEST_SEQUENTIAL, tiled, 1);
    add_loop(nest, NEST_LANES, lane_axis, nest->stage_lanes);
}

/* ---- reductions along columns ---- */

static bool is_at_least(Dim dim, int64_t least) {
    int64_t size;
    return !dim_is_constant(dim, &size) || size >= least;
}

/* Whether the reduction may be carried out row by row, for a tile of the lane axis at once. */
static bool can_stage_reduce(const Nest *nest, const Scalar *reduce, Dim lane_axis) {
    const ScalarFacts *facts = &nest->facts[reduce->id];
    if (facts->reduce_axis_count == 0 || combiner_is_search(reduce->as.reduce.combiner))
        return false;
    if (!is_at_least(facts->reduce_axes[facts->reduce_axis_count - 1]->size, 16)) return false;
    AxisUse use = use_of_members(nest, facts, lane_axis);
    if (use.next == 0 || use.spread > 0 || use.cost > CHEAP) return false;
    for (size_t k = 0; k < facts->body_count; k++) {
        const Scalar *part = nest->kernel->scalars[facts->body[k]];
        if (part->op == SCALAR_REDUCE && axis_set_has(nest->facts[part->id].axes, lane_axis) &&
            !nest->facts[part->id].is_staged)
            return false;
    }
    return true;
}

static bool stage_reduces(Nest *nest, Dim lane_axis, int lanes, int widest) {
    int count = 0;
    int64_t size;
    if (nest->has_scan || (dim_is_constant(lane_axis->size, &size) && size <= lanes)) return false;
    for (size_t id = 0; id < nest->kernel->scalar_count; id++) {
        const Scalar *reduce = nest->kernel->scalars[id];
        ScalarFacts *facts = &nest->facts[id];
        if (!facts->axes || reduce->op != SCALAR_REDUCE || !axis_set_has(facts->axes, lane_axis))
            continue;
        facts->is_staged = count < MOST_STAGED && can_stage_reduce(nest, reduce, lane_axis);
        count += facts->is_staged;
    }
    nest->stage_axis = lane_axis;
    nest->stage_lanes = lanes;
    nest->stage_length = STAGED_BYTES / widest;
    return count > 0;
}

/* Whether what a reduction loads in lanes is stored in panels: of another axis too, which counts
 * these, and which the store steps along by whole lanes. */
static bool counts_panels(const Nest *nest, Dim axis, Dim lane_axis) {
    Dim stride;
    return nest->kernel->output_count > 0 && nest_stride(nest, &nest->stores[0], axis, &stride) &&
           stride == lane_axis->size && nest_stride(nest, &nest->stores[0], lane_axis, &stride) &&
           dim_is(stride, 1);
}

/* Lanes of a reduction with copies inside; `outside` are the loops around both. */
static void plan_copies(Nest *nest, const Dim *axes, size_t count, Dim lane_axis, Dim copy_axis,
                        const AxisUse *use, int lanes) {
    int copies = choose_copies(nest, copy_axis, use, lanes);
    Dim panels = NULL;
    for (size_t k = 0; k < count; k++)
        if (axes[k] != lane_axis && axes[k] != copy_axis && counts_panels(nest, axes[k], lane_axis))
            panels = axes[k];
    bool is_outermost = panels || lanes_go_outside(nest, lane_axis);
    if (panels) add_loop(nest, NEST_SEQUENTIAL, panels, 1);
    if (is_outermost) add_loop(nest, NEST_LANES, lane_axis, lanes);
    for (size_t k = 0; k < count; k++)
        if (axes[k] != lane_axis && axes[k] != copy_axis && axes[k] != panels)
            add_loop(nest, NEST_SEQUENTIAL, axes[k], 1);
    if (!is_outermost) add_loop(nest, NEST_LANES, lane_axis, lanes);
    add_loop(nest, copies > 1 ? NEST_COPIES : NEST_SEQUENTIAL, copy_axis, copies);
}

static void plan_lanes(Nest *nest, const Dim *axes, size_t count, bool may_reorder) {
    Dim lane_axis = find_lane_axis(nest, axes, count, may_reorder);
    AxisUse use = use_of_nest(nest, lane_axis);
    if (!can_have_lanes(nest, lane_axis, &use)) {
        for (size_t k = 0; k < count; k++) add_loop(nest, NEST_SEQUENTIAL, axes[k], 1);
        return;
    }
    Dim copy_axis = may_reorder && !nest->has_scan && nest->most_copies != 1 && use.cost <= MODERATE
                        ? find_copy_axis(nest, axes, count, lane_axis)
                        : NULL;
    bool is_innermost = lane_axis == axes[count - 1];
    if (!is_innermost) use.spread = 0; /* of what is stored */
    int lanes = choose_lanes(nest, lane_axis, &use, copy_axis != NULL);
    nest->has_masked_tail = can_mask_tail(nest, &use);
    if (copy_axis) {
        plan_copies(nest, axes, count, lane_axis, copy_axis, &use, lanes);
        return;
    }
    Dim tiled = may_reorder && is_innermost && !nest->has_reduce && !nest->has_scan
                    ? find_tiled_axis(nest, axes, count, lane_axis)
                    : NULL;
    if (tiled) {
        nest->has_masked_tail = false;
        plan_tiles(nest, axes, count, tiled, &use, lanes);
        return;
    }
    for (size_t k = 0; k < count; k++)
        if (axes[k] != lane_axis) add_loop(nest, NEST_SEQUENTIAL, axes[k], 1);
    if (nest->has_reduce && stage_reduces(nest, lane_axis, lanes, use.widest)) {
        add_loop(nest, NEST_TILES, lane_axis, nest->stage_length);
        nest->stage_depth = nest->plan_count;
    }
    add_loop(nest, NEST_LANES, lane_axis, lanes);
}

void nest_plan_loops(Nest *nest) {
    size_t count = 0;
    nest->stage_depth = SIZE_MAX;
    nest->plan = arena_alloc_array(nest->arena, nest->axis_count + 4, sizeof *nest->plan);
    bool is_fixed = is_ordered(nest);
    if (nest->scan_axis && is_fixed &&
        (nest->scan_reverse || nest->axes[nest->axis_count - 1] != nest->scan_axis))
        nest->scan_axis = NULL;
    Dim *axes = arena_alloc_array(nest->arena, nest->axis_count + 1, sizeof *axes);
    for (size_t k = 0; k < nest->axis_count; k++)
        if (nest->axes[k] != nest->scan_axis) axes[count++] = nest->axes[k];
    if (count > 0) plan_lanes(nest, axes, count, !is_fixed);
    if (nest->scan_axis) add_loop(nest, NEST_SCAN, nest->scan_axis, 1);
}
