/* fuse_decide.c: whether a producer may be taken into a consumer.
 *
 * It may when nothing observable changes (effects, guards, order of reads of variables) and when no
 * more is computed than before, or hardly more. A producer without reductions is computed at every
 * point at which the consumer loads it: that is repetition where the load does not mention an axis
 * around it, unless the axes it mentions are the outer ones, for then the schedule lifts it out of
 * the inner loops. A reduction is lifted to the loop of the axes it mentions; so these have to be
 * outer axes of the consumer, unchanged.
 */
#include "kernels/fuse_internal.h"

#include "kernels/scalar_internal.h"
#include <tfcc/abi.h>

static bool guard_covers(const Guard *outer, const Guard *inner) {
    for (; inner != outer; inner = inner->outer)
        if (!inner) return false;
    return true;
}

/* Whether the member stores all of a buffer that has no dimension for the steps. */
static bool overwrites_each_step(const Kernel *member) {
    const KernelOutput *output = &member->outputs[0];
    size_t outer = member->group ? member->group->axis_count : 0;
    size_t rank = (size_t)output->buffer->type.shape.rank;
    if (!member->group || member->axis_count - outer != rank) return false;
    for (size_t k = 0; k < rank; k++)
        if (output->index[k]->op != SCALAR_INDEX ||
            output->index[k]->as.index != member->axes[outer + k] ||
            output->buffer->type.shape.dims[k] != member->axes[outer + k]->size)
            return false;
    return true;
}

static const char *refuse_producer(const Fusion *fusion, const Kernel *producer) {
    const KernelFacts *facts = &fusion->kernels[producer->number];
    const KernelOutput *output = &producer->outputs[0];
    if (producer->kind == KERNEL_DIRECT) return "it is written in loops";
    if (producer->kind != KERNEL_STRUCTURED || producer->output_count == 0)
        return "it has no single result";
    for (size_t k = 1; k < producer->output_count; k++)
        if (!producer->outputs[k].is_optional) return "it has several results";
    if (output->condition || output->combine != COMBINE_STORE || output->initial ||
        (output->index && !overwrites_each_step(producer)))
        return "it stores in part";
    if (producer->check_count) return "it checks";
    if (facts->has_scan) return "it scans";
    if (facts->reads_current) return "it reads a variable between writes";
    return NULL;
}

/* The index of a load as an index of its root buffer. */
static bool root_index(const Fusion *fusion, const Kernel *kernel, const Scalar *load, Dim *index) {
    DimTable *dims = fusion->dims;
    const Buffer *view = load->as.load.buffer, *root = view->alias_of ? view->alias_of : view;
    const Shape *from = &view->type.shape, *to = &root->type.shape;
    Dim linear = dim_constant(dims, 0);
    bool same = from->rank == to->rank;
    for (int k = 0; k < from->rank; k++) {
        Dim at;
        if (!scalar_is_index(kernel, load->as.load.index[k], &at)) return false;
        index[k] = at;
        same = same && from->dims[k] == to->dims[k];
        linear = dim_add(dims, dim_multiply(dims, linear, from->dims[k]), at);
    }
    if (same) return true;
    for (int k = to->rank; k-- > 0;) {
        index[k] = k ? dim_modulo(dims, linear, to->dims[k]) : linear;
        linear = dim_floor_divide(dims, linear, to->dims[k]);
    }
    return true;
}

bool fuse_point(const Fusion *fusion, const Kernel *producer, const Kernel *kernel,
                const Scalar *load, Dim *point) {
    size_t outer = producer->group && producer->outputs[0].index ? producer->group->axis_count : 0;
    for (size_t k = 0; k < outer; k++) point[k] = producer->axes[k];
    return root_index(fusion, kernel, load, point + outer);
}

/* A quotient or remainder left in an index makes every access a gather. */
static bool is_plain(Dim index) {
    if (index->kind == DIM_FLOOR_DIVIDE || index->kind == DIM_MODULO) return !dim_has_axis(index);
    for (size_t k = 0; k < index->term_count; k++)
        if (!is_plain(index->terms[k].product)) return false;
    for (size_t k = 0; k < index->operand_count; k++)
        if (!is_plain(index->operands[k])) return false;
    return true;
}

static bool mentions(const Dim *index, int rank, Dim axis) {
    for (int k = 0; k < rank; k++)
        if (dim_contains(index[k], axis)) return true;
    return false;
}

/* Goes through the axes around the load, outermost first. *repeats: an axis is missing outside of
 * one that is mentioned. */
static void look_around(const Kernel *consumer, const KernelFacts *facts, const Dim *index,
                        int rank, bool *repeats) {
    bool missing = false;
    *repeats = false;
    for (size_t k = 0; k < consumer->axis_count; k++) {
        Dim axis = consumer->axes[k];
        if (mentions(index, rank, axis))
            *repeats = *repeats || missing;
        else if (!dim_is(axis->size, 1))
            missing = true;
    }
    for (size_t r = 0; r < facts->reduce_count; r++) {
        const Scalar *reduce = facts->reduces[r];
        for (int k = 0; k < reduce->as.reduce.axis_count; k++)
            if (missing && mentions(index, rank, reduce->as.reduce.axes[k])) *repeats = true;
    }
}

/* Whether a window slides over one of the indices: a parallel and a reduce axis in one sum, of which
 * the first does not step over all that the second reaches. */
static bool is_window(DimTable *dims, Dim index, Dim parallel, Dim inner) {
    Dim step, reach, rest;
    if (!dim_contains(index, parallel) || !dim_contains(index, inner)) return false;
    if (!dim_split(dims, index, parallel, &step, &rest) ||
        !dim_split(dims, rest, inner, &reach, &rest))
        return true;
    Dim room = dim_subtract(dims, step, dim_multiply(dims, reach, inner->size));
    return !dim_is_nonnegative(dims, room);
}

static bool depends_on(const Kernel *kernel, const Scalar *scalar, Dim axis) {
    Arena *scratch = arena_create();
    bool *reached = arena_alloc(scratch, kernel->scalar_count + 1), depends = false;
    reached[scalar->id] = true;
    scalar_mark(kernel, reached);
    for (size_t id = 0; id <= scalar->id && !depends; id++)
        depends = reached[id] && kernel->scalars[id]->op == SCALAR_INDEX &&
                  dim_contains(kernel->scalars[id]->as.index, axis);
    arena_destroy(scratch);
    return depends;
}

/* Whether a reduction loads the same elements at many points: for every point of an axis that it
 * depends on and the index lacks (*by_axis), as a product does, or in windows that overlap. */
static bool repeats_in_reduction(const Fusion *fusion, const Kernel *consumer,
                                 const KernelFacts *facts, const Dim *index, int rank,
                                 bool *by_axis) {
    bool overlaps = false;
    *by_axis = false;
    for (size_t r = 0; r < facts->reduce_count; r++) {
        const Scalar *reduce = facts->reduces[r];
        bool is_inside = false;
        for (int k = 0; k < reduce->as.reduce.axis_count; k++) {
            Dim inner = reduce->as.reduce.axes[k];
            is_inside = is_inside || mentions(index, rank, inner);
            for (size_t a = 0; a < consumer->axis_count; a++)
                for (int d = 0; d < rank; d++)
                    overlaps =
                        overlaps || is_window(fusion->dims, index[d], consumer->axes[a], inner);
        }
        for (size_t a = 0; a < consumer->axis_count && is_inside && !*by_axis; a++) {
            Dim axis = consumer->axes[a];
            *by_axis = !dim_is(axis->size, 1) && !mentions(index, rank, axis) &&
                       depends_on(consumer, reduce, axis);
        }
    }
    return overlaps || *by_axis;
}

/* Whether the producer computes: a conversion of what is stored narrow costs less than storing it
 * wide. */
static bool computes(const Kernel *producer) {
    Arena *scratch = arena_create();
    bool *reached = arena_alloc(scratch, producer->scalar_count + 1), found = false;
    reached[producer->outputs[0].value->id] = true;
    scalar_mark(producer, reached);
    for (size_t id = 0; id < producer->scalar_count && !found; id++)
        found = reached[id] && producer->scalars[id]->op > SCALAR_CONVERT;
    arena_destroy(scratch);
    return found;
}

/* Every reduction of the producer must mention outer axes of the consumer alone, unchanged. */
static bool reductions_stay_outside(const Fusion *fusion, const Kernel *producer,
                                    const Kernel *consumer, const Dim *index) {
    const KernelFacts *facts = &fusion->kernels[producer->number];
    for (size_t r = 0; r < facts->reduce_count; r++) {
        bool *reached = arena_alloc_array(fusion->scratch, producer->scalar_count, sizeof *reached);
        reached[facts->reduces[r]->id] = true;
        scalar_mark(producer, reached);
        for (size_t k = producer->axis_count; k-- > 0;) {
            bool mentioned = false;
            for (size_t id = 0; id < producer->scalar_count && !mentioned; id++) {
                const Scalar *scalar = producer->scalars[id];
                mentioned = reached[id] && scalar->op == SCALAR_INDEX &&
                            dim_contains(scalar->as.index, producer->axes[k]);
            }
            if (!mentioned || dim_is(producer->axes[k]->size, 1)) continue;
            for (size_t outer = 0; outer <= k; outer++) {
                if (dim_is(producer->axes[outer]->size, 1) && dim_is(index[outer], 0)) continue;
                if (outer >= consumer->axis_count || index[outer] != consumer->axes[outer])
                    return false;
            }
            break; /* the axes before the innermost one that is mentioned have been looked at */
        }
    }
    return true;
}

/* Whether the producer only moves data, and then its innermost axis keeps its neighbours together.
 */
static bool keeps_neighbours(const Kernel *producer, const KernelFacts *facts) {
    if (producer->axis_count == 0) return true;
    Dim innermost = producer->axes[producer->axis_count - 1];
    for (size_t k = 0; k < facts->load_count; k++) {
        const Scalar *load = facts->loads[k];
        int rank = load->as.load.buffer->type.shape.rank;
        for (int d = 0; d < rank; d++) {
            Dim index;
            if (!scalar_is_index(producer, load->as.load.index[d], &index)) return false;
            if (d < rank - 1 && dim_contains(index, innermost)) return false;
        }
    }
    return true;
}

/* ---- groups ---- */

static bool loads_output_of(const Fusion *fusion, const Kernel *loader, const Kernel *kernel) {
    const KernelFacts *facts = &fusion->kernels[loader->number];
    for (size_t k = 0; k < facts->load_count; k++) {
        const Buffer *buffer = facts->loads[k]->as.load.buffer;
        for (size_t o = 0; o < kernel->output_count; o++)
            if (kernel->outputs[o].buffer == (buffer->alias_of ? buffer->alias_of : buffer))
                return true;
    }
    return false;
}

/* A member takes in what another computes in the same step, where nothing that it is made of
 * changes in between; from outside what is computed at one point alone, and not again by every
 * step. */
static const char *refuse_step(const Fusion *fusion, const Kernel *producer,
                               const Kernel *consumer) {
    if (producer->group && producer->group != consumer->group) return "it goes on step by step";
    if (!consumer->group) return NULL;
    if (!producer->group)
        return fusion->kernels[producer->number].has_reduce
                   ? "its reduction would be carried out by the steps"
                   : NULL;
    if (fusion->buffers[producer->outputs[0].buffer->number].is_fetchable)
        return "it may be fetched";
    if (producer->number > consumer->number) return "it is passed on from step to step";
    for (size_t k = producer->number; k <= consumer->number; k++)
        if (loads_output_of(fusion, producer, fusion->list[k]))
            return "what it loads is overwritten before";
    return NULL;
}

/* Whether the point moves with the steps of the consumer's group, if it has one. */
static bool is_of_this_step(const Kernel *producer, const Kernel *consumer, const Dim *point) {
    size_t outer = consumer->group ? consumer->group->axis_count : 0;
    for (size_t k = 0; k < outer; k++) {
        if (producer->group && (k >= producer->axis_count || point[k] != consumer->axes[k]))
            return false;
        if (!producer->group && !dim_is(consumer->axes[k]->size, 1) &&
            !mentions(point, (int)producer->axis_count, consumer->axes[k]))
            return false;
    }
    return true;
}

const char *fuse_refusal(const Fusion *fusion, const Kernel *producer, const Kernel *consumer) {
    const char *refusal = refuse_producer(fusion, producer);
    if (refusal) return refusal;
    const Buffer *buffer = producer->outputs[0].buffer;
    const BufferFacts *use = &fusion->buffers[buffer->number];
    const KernelFacts *from = &fusion->kernels[producer->number],
                      *into = &fusion->kernels[consumer->number];
    if (use->is_pinned) return use->pin;
    refusal = refuse_step(fusion, producer, consumer);
    if (refusal) return refusal;
    if (!guard_covers(producer->guard, consumer->guard)) return "only one branch carries it out";
    if (from->cost + into->cost > FUSE_COST_LIMIT) return "the kernel would become too large";
    if (from->has_product && !producer->group && into->cost > FUSE_EPILOGUE_LIMIT)
        return "what follows the sums would crowd them out of the registers";
    bool is_cheap = !from->has_reduce && from->cost <= FUSE_REPEAT_LIMIT && from->load_count <= 2;
    if (use->user_count > 1 && !is_cheap) return "several kernels use it";
    for (size_t k = 0; k < into->load_count; k++) {
        const Scalar *load = into->loads[k];
        const Buffer *loaded = load->as.load.buffer;
        if ((loaded->alias_of ? loaded->alias_of : loaded) != buffer) continue;
        Dim index[FUSE_MAX_AXES];
        int rank = (int)producer->axis_count;
        if (loaded->type.dtype != buffer->type.dtype) return "its bits are read as another dtype";
        if (!fuse_point(fusion, producer, consumer, load, index))
            return "it is indexed by computed numbers";
        if (!is_of_this_step(producer, consumer, index))
            return producer->group ? "it is of another step" : "every step would compute it again";
        for (int d = 0; d < rank; d++)
            if (!is_plain(index[d])) return "the reshape between them scatters its rows";
        if (load->as.load.condition && from->has_reduce) return "it is read at some points only";
        if (!reductions_stay_outside(fusion, producer, consumer, index))
            return "its reduction would be repeated";
        bool repeats, by_axis;
        look_around(consumer, into, index, rank, &repeats);
        if (repeats_in_reduction(fusion, consumer, into, index, rank, &by_axis)) repeats = true;
        if (by_axis && computes(producer)) return "every sum along an axis would compute it again";
        if (repeats && (!is_cheap || !keeps_neighbours(producer, from)))
            return "it would be computed again along an axis";
    }
    return NULL;
}
