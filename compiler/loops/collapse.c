/* collapse.c: neighbouring axes that every access runs through as one become one.
 *
 * Axes a (of any size) and b (of size n, inside a) are one axis m = a * n + b where every offset
 * and index that mentions them does so as c * n * a + c * b = c * m. An elementwise kernel over
 * contiguous tensors of any rank so becomes a single loop. Axes of size 1 vanish. The merged axis
 * takes the number of b.
 *
 * The partial results of a sum belong to the innermost index modulo its lanes, so there b's size
 * must be a multiple of them.
 */
#include "loops/nest.h"

typedef struct Dims {
    Dim **places; /* everything that mentions axes */
    size_t count, capacity;
} Dims;

static Dims collect(Nest *nest) {
    Dims all = {0};
    for (size_t id = 0; id < nest->kernel->scalar_count; id++) {
        ScalarFacts *facts = &nest->facts[id];
        if (!facts->axes) continue;
        ScalarOp op = nest->kernel->scalars[id]->op;
        if (op == SCALAR_INDEX)
            *ARENA_PUSH(nest->arena, all.places, all.count, all.capacity) = &facts->index;
        if (op == SCALAR_LOAD)
            *ARENA_PUSH(nest->arena, all.places, all.count, all.capacity) = &facts->access.affine;
    }
    for (size_t k = 0; k < nest->kernel->output_count; k++)
        *ARENA_PUSH(nest->arena, all.places, all.count, all.capacity) = &nest->stores[k].affine;
    return all;
}

static bool mentions(const Nest *nest, Dim dim, Dim axis) {
    return axis_set_has(nest_dim_axes(nest, dim), axis);
}

static void substitute(Nest *nest, const Dims *all, Dim axis, Dim replacement) {
    for (size_t k = 0; k < all->count; k++)
        if (mentions(nest, *all->places[k], axis))
            *all->places[k] = dim_substitute(nest->dims, *all->places[k], &axis, &replacement, 1);
}

static bool can_merge(const Nest *nest, const Dims *all, Dim outer, Dim inner) {
    for (size_t k = 0; k < all->count; k++) {
        Dim dim = *all->places[k], of_outer, of_inner, rest;
        if (!mentions(nest, dim, outer) && !mentions(nest, dim, inner)) continue;
        if (!dim_split(nest->dims, dim, outer, &of_outer, &rest) ||
            !dim_split(nest->dims, rest, inner, &of_inner, &rest))
            return false;
        if (dim_has_axis(of_outer) || of_outer != dim_multiply(nest->dims, of_inner, inner->size))
            return false;
    }
    return true;
}

/* Merges what can be merged of a list of axes, outermost first; gives how many remain. The last is
 * only merged if it may be. */
static int merge_list(Nest *nest, const Dims *all, Dim *axes, int count,
                      bool (*may_merge)(const Nest *nest, Dim inner, int lanes), int lanes) {
    for (int k = 0; k < count && count > 0;) { /* size 1 */
        bool is_last = k == count - 1;
        if (!dim_is(axes[k]->size, 1) || (is_last && lanes > 1)) {
            k++;
            continue;
        }
        substitute(nest, all, axes[k], dim_constant(nest->dims, 0));
        for (int j = k; j + 1 < count; j++) axes[j] = axes[j + 1];
        count--;
    }
    for (int k = count - 2; k >= 0; k--) {
        Dim outer = axes[k], inner = axes[k + 1];
        bool is_allowed =
            may_merge(nest, outer, 1) && may_merge(nest, inner, k + 2 == count ? lanes : 1);
        if (!is_allowed || !can_merge(nest, all, outer, inner)) continue;
        Dim size = dim_multiply(nest->dims, outer->size, inner->size);
        if (size->kind == DIM_OVERFLOW) continue;
        Dim merged = dim_axis(nest->dims, inner->axis, size);
        Dim from[] = {outer, inner}, to[] = {dim_constant(nest->dims, 0), merged};
        for (size_t p = 0; p < all->count; p++) {
            Dim dim = *all->places[p];
            if (mentions(nest, dim, outer) || mentions(nest, dim, inner))
                *all->places[p] = dim_substitute(nest->dims, dim, from, to, 2);
        }
        axes[k] = merged;
        for (int j = k + 1; j + 1 < count; j++) axes[j] = axes[j + 1];
        count--;
    }
    return count;
}

static bool may_merge_parallel(const Nest *nest, Dim axis, int lanes) {
    (void)lanes;
    if (!nest->has_scan) return true;
    for (size_t id = 0; id < nest->kernel->scalar_count; id++) {
        const Scalar *scan = nest->kernel->scalars[id];
        if (nest->facts[id].axes && scan->op == SCALAR_SCAN && scan->as.scan.axis == axis)
            return false;
    }
    return true;
}

static bool may_merge_reduced(const Nest *nest, Dim axis, int lanes) {
    (void)nest;
    int64_t size;
    return lanes == 1 || (dim_is_constant(axis->size, &size) && size % lanes == 0);
}

static bool is_scanned(const Nest *nest, Dim axis) {
    return !may_merge_parallel(nest, axis, 1);
}

void nest_collapse(Nest *nest) {
    Dims all = collect(nest);
    /* Axes that a SCAN runs along stay as they are, whatever their size; the lists between them are
     * merged. */
    size_t written = 0;
    for (size_t begin = 0; begin < nest->axis_count;) {
        size_t end = begin;
        while (end < nest->axis_count && !is_scanned(nest, nest->axes[end])) end++;
        Dim *list = &nest->axes[begin];
        int count = merge_list(nest, &all, list, (int)(end - begin), may_merge_parallel, 1);
        for (int k = 0; k < count; k++) nest->axes[written++] = list[k];
        if (end < nest->axis_count) nest->axes[written++] = nest->axes[end];
        begin = end + 1;
    }
    nest->axis_count = written;
    for (size_t id = 0; id < nest->kernel->scalar_count; id++) {
        const Scalar *reduce = nest->kernel->scalars[id];
        ScalarFacts *facts = &nest->facts[id];
        if (!facts->axes || reduce->op != SCALAR_REDUCE ||
            combiner_is_search(reduce->as.reduce.combiner))
            continue;
        facts->reduce_axis_count =
            merge_list(nest, &all, facts->reduce_axes, facts->reduce_axis_count, may_merge_reduced,
                       reduce->as.reduce.lanes);
    }
}
