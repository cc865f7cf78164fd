/* rewrite.c: copies expressions from kernel to kernel with other axes and other loads. */
#include <assert.h>

#include "kernels/scalar_internal.h"

static Dim rewrite_dim(ScalarRewrite *rewrite, Dim dim) {
    DimTable *dims = rewrite->to->program->graph->dims;
    return dim_substitute(dims, dim, rewrite->from_axes, rewrite->to_axes, rewrite->mapped_count);
}

static void map_axis(ScalarRewrite *rewrite, Dim from, Dim to) {
    if (rewrite->mapped_count == rewrite->mapped_capacity) {
        Arena *arena = rewrite->to->program->arena;
        size_t needed = rewrite->mapped_count + 1, capacity = rewrite->mapped_capacity;
        rewrite->from_axes = arena_grow(arena, rewrite->from_axes, &capacity, needed, sizeof(Dim));
        rewrite->to_axes =
            arena_grow(arena, rewrite->to_axes, &rewrite->mapped_capacity, needed, sizeof(Dim));
    }
    rewrite->from_axes[rewrite->mapped_count] = from;
    rewrite->to_axes[rewrite->mapped_count++] = to;
}

/* A reduce axis gets a number of its own in the other kernel, the same wherever it occurs. */
static Dim rewrite_reduce_axis(ScalarRewrite *rewrite, Dim axis) {
    for (size_t k = 0; k < rewrite->mapped_count; k++)
        if (rewrite->from_axes[k] == axis) return rewrite->to_axes[k];
    Dim size = rewrite_dim(rewrite, axis->size);
    Dim fresh = rewrite->from == rewrite->to && size == axis->size
                    ? axis
                    : kernel_add_reduce_axis(rewrite->to, size);
    map_axis(rewrite, axis, fresh);
    return fresh;
}

static Scalar *rewrite_load(ScalarRewrite *rewrite, Scalar *load) {
    Scalar *replacement =
        rewrite->replace_load ? rewrite->replace_load(rewrite->context, rewrite, load) : NULL;
    if (replacement) return replacement;
    Scalar *index[MAX_RANK];
    for (int k = 0; k < load->as.load.buffer->type.shape.rank; k++)
        index[k] = scalar_rewrite(rewrite, load->as.load.index[k]);
    if (!load->as.load.condition) return scalar_load_at(rewrite->to, load->as.load.buffer, index);
    Scalar *condition = scalar_rewrite(rewrite, load->as.load.condition);
    return scalar_load_if(rewrite->to, load->as.load.buffer, index, condition,
                          scalar_rewrite(rewrite, load->as.load.otherwise));
}

/* A reduction of the kernel that differs from `draft` in the names of its axes alone, or NULL. Two
 * producers that were fused into one kernel may bring the same row maximum; it is to be computed
 * once. */
static Scalar *find_renamed(Kernel *kernel, const Scalar *draft) {
    for (size_t id = 0; id < kernel->scalar_count; id++) {
        Scalar *other = kernel->scalars[id];
        if (other->op != SCALAR_REDUCE || other->dtype != draft->dtype ||
            other->as.reduce.combiner != draft->as.reduce.combiner ||
            other->as.reduce.lanes != draft->as.reduce.lanes ||
            other->as.reduce.is_contraction != draft->as.reduce.is_contraction ||
            other->as.reduce.axis_count != draft->as.reduce.axis_count)
            continue;
        bool same_sizes = true;
        for (int k = 0; k < draft->as.reduce.axis_count; k++)
            same_sizes =
                same_sizes && other->as.reduce.axes[k]->size == draft->as.reduce.axes[k]->size;
        if (!same_sizes) continue;
        ScalarRewrite renaming = {.from = kernel,
                                  .to = kernel,
                                  .old_axes = draft->as.reduce.axes,
                                  .new_axes = other->as.reduce.axes,
                                  .axis_count = (size_t)draft->as.reduce.axis_count};
        if (scalar_rewrite(&renaming, draft->as.reduce.body) == other->as.reduce.body) return other;
    }
    return NULL;
}

static Scalar *rewrite_reduce(ScalarRewrite *rewrite, Scalar *scalar) {
    Scalar draft = *scalar;
    Dim axes[REDUCE_MAX_AXES];
    for (int k = 0; k < scalar->as.reduce.axis_count; k++)
        axes[k] = rewrite_reduce_axis(rewrite, scalar->as.reduce.axes[k]);
    draft.as.reduce.axes = axes;
    draft.as.reduce.body = scalar_rewrite(rewrite, scalar->as.reduce.body);
    if (rewrite->from != rewrite->to) {
        Scalar *equal = find_renamed(rewrite->to, &draft);
        if (equal) return equal;
    }
    return scalar_intern(rewrite->to, &draft); /* with its lanes: they are part of its meaning */
}

static Scalar *rewrite_scan(ScalarRewrite *rewrite, Scalar *scalar) {
    Scalar draft = *scalar;
    draft.as.scan.axis = rewrite_dim(rewrite, scalar->as.scan.axis);
    assert(draft.as.scan.axis->kind == DIM_AXIS);
    draft.as.scan.body = scalar_rewrite(rewrite, scalar->as.scan.body);
    return scalar_intern(rewrite->to, &draft);
}

static Scalar *rewrite_operation(ScalarRewrite *rewrite, Scalar *scalar) {
    Scalar *operands[3] = {NULL, NULL, NULL};
    for (int k = 0; k < scalar->operand_count; k++)
        operands[k] = scalar_rewrite(rewrite, scalar->operands[k]);
    if (rewrite->replace_operation) {
        Scalar *replacement =
            rewrite->replace_operation(rewrite->context, rewrite, scalar, operands);
        if (replacement) return replacement;
    }
    switch (scalar->op) {
    case SCALAR_CONSTANT: return scalar_constant_bits(rewrite->to, scalar->dtype, scalar->as.bits);
    case SCALAR_INDEX: return scalar_index(rewrite->to, rewrite_dim(rewrite, scalar->as.index));
    case SCALAR_CONVERT: return scalar_convert(rewrite->to, scalar->dtype, operands[0]);
    case SCALAR_BITCAST: return scalar_bitcast(rewrite->to, scalar->dtype, operands[0]);
    case SCALAR_SELECT: return scalar_select(rewrite->to, operands[0], operands[1], operands[2]);
    case SCALAR_RANDOM_BITS:
        return scalar_random_bits(rewrite->to, operands[0], operands[1], operands[2]);
    default:
        if (scalar->operand_count == 1) return scalar_unary(rewrite->to, scalar->op, operands[0]);
        return scalar_binary(rewrite->to, scalar->op, operands[0], operands[1]);
    }
}

Scalar *scalar_rewrite(ScalarRewrite *rewrite, Scalar *scalar) {
    if (!rewrite->memo) {
        rewrite->memo = arena_alloc_array(rewrite->to->program->arena,
                                          rewrite->from->scalar_count + 1, sizeof(Scalar *));
        for (size_t k = 0; k < rewrite->axis_count; k++)
            map_axis(rewrite, rewrite->old_axes[k], rewrite->new_axes[k]);
    }
    uint32_t id = scalar->id;
    if (rewrite->memo[id]) return rewrite->memo[id];
    Scalar *result = scalar->op == SCALAR_LOAD     ? rewrite_load(rewrite, scalar)
                     : scalar->op == SCALAR_REDUCE ? rewrite_reduce(rewrite, scalar)
                     : scalar->op == SCALAR_SCAN   ? rewrite_scan(rewrite, scalar)
                                                   : rewrite_operation(rewrite, scalar);
    rewrite->memo[id] = result;
    return result;
}

/* ---- whole kernels ---- */

Kernel *kernel_empty_copy(const Kernel *kernel) {
    Kernel *copy = arena_copy(kernel->program->arena, kernel, sizeof *kernel);
    copy->outputs = NULL;
    copy->output_count = copy->output_capacity = 0;
    copy->checks = NULL;
    copy->check_count = copy->check_capacity = 0;
    copy->after = NULL;
    copy->after_count = copy->after_capacity = 0;
    copy->scalars = NULL;
    copy->scalar_count = copy->scalar_capacity = 0;
    copy->table = NULL;
    for (size_t k = 0; k < kernel->after_count; k++) kernel_add_after(copy, kernel->after[k]);
    return copy;
}

static Scalar **rewrite_list(ScalarRewrite *rewrite, Scalar **list, size_t count) {
    if (!list) return NULL;
    Scalar **copy = arena_alloc_array(rewrite->to->program->arena, count + 1, sizeof *copy);
    for (size_t k = 0; k < count; k++) copy[k] = scalar_rewrite(rewrite, list[k]);
    return copy;
}

void kernel_copy_results(ScalarRewrite *rewrite) {
    const Kernel *from = rewrite->from;
    Kernel *to = rewrite->to;
    Arena *arena = to->program->arena;
    for (size_t k = 0; k < from->output_count; k++) {
        const KernelOutput *old = &from->outputs[k];
        KernelOutput *output =
            ARENA_PUSH(arena, to->outputs, to->output_count, to->output_capacity);
        *output = *old;
        output->value = scalar_rewrite(rewrite, old->value);
        output->index = rewrite_list(rewrite, old->index, (size_t)old->buffer->type.shape.rank);
        if (old->condition) output->condition = scalar_rewrite(rewrite, old->condition);
    }
    for (size_t k = 0; k < from->check_count; k++) {
        const KernelCheck *old = &from->checks[k];
        KernelCheck *check = ARENA_PUSH(arena, to->checks, to->check_count, to->check_capacity);
        *check = *old;
        check->condition = scalar_rewrite(rewrite, old->condition);
        check->values = rewrite_list(rewrite, old->values, old->value_count);
    }
}
