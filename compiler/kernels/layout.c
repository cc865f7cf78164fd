/* layout.c: which dimension of an inner buffer is the contiguous one.
 *
 * A contraction runs its lanes along an axis that its second factor and its result have and its
 * first factor lacks: the columns of a product, the output channels of a convolution. Where the
 * second factor is contiguous along it, the result should be too: then whole vectors are loaded,
 * multiplied and stored. So a buffer that only kernels see is stored with that dimension last,
 * whatever order the graph gives its dimensions ([n, c, y, x] becomes [n, y, x, c]), and what is
 * computed from it (pools, sums, activations) follows. What a run may feed or fetch, what is shown
 * under another shape, and what code or groups touch stays as it is.
 *
 * Only places in memory change, and with them the order in which a kernel's points are visited;
 * every number is computed as before.
 */
#include "kernels/fuse.h"

#include "kernels/kernel.h"
#include <string.h>
#include <tfcc/abi.h>

typedef struct Layout {
    Program *program;
    DimTable *dims;
    Arena *arena;
    bool *is_fixed; /* by buffer number: it keeps its order */
    int *last;      /* by buffer number: the dimension that is stored last, or -1 */
} Layout;

/* ---- which buffers may change ---- */

static void fix(Layout *l, const Buffer *buffer) {
    if (buffer) l->is_fixed[buffer->number] = true;
}

static void fix_load(void *context, Scalar *scalar) {
    if (scalar->op == SCALAR_LOAD) fix(context, scalar->as.load.buffer);
}

static void fix_kernel(Layout *l, const Kernel *kernel) {
    for (size_t k = 0; k < kernel->output_count; k++) {
        const KernelOutput *output = &kernel->outputs[k];
        if (kernel->kind != KERNEL_STRUCTURED || output->combine != COMBINE_STORE ||
            output->initial) {
            fix(l, output->buffer);
            fix(l, output->initial);
        }
    }
    if (kernel->kind == KERNEL_STRUCTURED) return;
    fix(l, kernel->bind);
    if (kernel->kind == KERNEL_DIRECT)
        for (size_t k = 0; k < kernel->code->buffer_count; k++) fix(l, kernel->code->buffers[k]);
    if (kernel->kind != KERNEL_BIND && kernel->kind != KERNEL_DIRECT)
        kernel_each_scalar(kernel, fix_load, l);
    for (size_t k = 0; k < kernel->member_count; k++) {
        fix_kernel(l, kernel->members[k]);
        kernel_each_scalar(kernel->members[k], fix_load, l);
    }
}

static void find_fixed(Layout *l) {
    for (size_t k = 0; k < l->program->buffer_count; k++) {
        const Buffer *buffer = l->program->buffers[k];
        const Shape *shape = &buffer->type.shape;
        if (buffer->kind != TFCC_ABI_VALUE || buffer->alias_of || buffer->is_fetchable ||
            buffer->is_feedable || !shape_has_rank(shape) || shape->rank < 2)
            fix(l, buffer);
        if (buffer->alias_of) fix(l, buffer_root((Buffer *)(uintptr_t)buffer));
    }
    for (size_t k = 0; k < l->program->kernel_count; k++)
        if (!l->program->kernels[k]->is_dead) fix_kernel(l, l->program->kernels[k]);
}

/* ---- which dimension should be last ---- */

/* The parallel axis that this index counts by one, where it has no other; else NULL. */
static Dim axis_of(const Layout *l, const Kernel *kernel, const Scalar *index) {
    if (index->op != SCALAR_INDEX) return NULL;
    Dim found = NULL;
    for (size_t k = 0; k < kernel->axis_count; k++) {
        Dim coefficient, rest;
        if (!dim_contains(index->as.index, kernel->axes[k])) continue;
        if (found || !dim_split(l->dims, index->as.index, kernel->axes[k], &coefficient, &rest) ||
            !dim_is(coefficient, 1))
            return NULL;
        found = kernel->axes[k];
    }
    return found;
}

/* The dimension of an output whose index counts by this axis, or -1. */
static int dimension_of(const Layout *l, const Kernel *kernel, const KernelOutput *output,
                        Dim axis) {
    for (int d = 0; d < output->buffer->type.shape.rank; d++) {
        Dim own = output->index ? axis_of(l, kernel, output->index[d]) : kernel->axes[d];
        if (own == axis) return d;
    }
    return -1;
}

static bool depends_on(const Scalar *scalar, Dim axis) {
    if (scalar->op == SCALAR_INDEX) return dim_contains(scalar->as.index, axis);
    Scalar *children[SCALAR_MAX_CHILDREN];
    size_t count = scalar_children(scalar, children);
    for (size_t k = 0; k < count; k++)
        if (depends_on(children[k], axis)) return true;
    return false;
}

typedef struct Factors {
    const Scalar *loads[2];
    int count;
} Factors;

/* The loads under products and conversions; more than two are counted only. */
static void find_factors(const Scalar *scalar, Factors *factors) {
    if (scalar->op == SCALAR_LOAD) {
        if (factors->count < 2) factors->loads[factors->count] = scalar;
        factors->count++;
    } else if (scalar->op == SCALAR_SELECT) { /* of padding: the second operand is the product */
        find_factors(scalar->operands[1], factors);
    } else if (scalar->op == SCALAR_MULTIPLY || scalar->op == SCALAR_CONVERT) {
        for (int k = 0; k < scalar->operand_count; k++) find_factors(scalar->operands[k], factors);
    }
}

/* The axis along which a factor is contiguous and the other one does not change, or NULL. A window
 * that slides along it is no such axis. */
static Dim lane_axis_of_factor(const Kernel *kernel, const Factors *factors, int k) {
    const Scalar *load = factors->loads[k];
    int rank = load->as.load.buffer->type.shape.rank;
    const Scalar *last = rank > 0 ? load->as.load.index[rank - 1] : NULL;
    for (size_t a = 0; last && last->op == SCALAR_INDEX && a < kernel->axis_count; a++)
        if (last->as.index == kernel->axes[a] &&
            !depends_on(factors->loads[1 - k], kernel->axes[a]))
            return kernel->axes[a];
    return NULL;
}

/* The axis of the lanes, where the scalar is a contraction; of two that could be it, that of the
 * factor which is no result of the run: its order is given. */
static Dim lane_axis(const Kernel *kernel, const Scalar *scalar) {
    if (scalar->op != SCALAR_REDUCE || scalar->as.reduce.combiner != COMBINE_ADD) return NULL;
    Factors factors = {0};
    find_factors(scalar->as.reduce.body, &factors);
    if (factors.count != 2) return NULL;
    Dim first = lane_axis_of_factor(kernel, &factors, 0);
    Dim second = lane_axis_of_factor(kernel, &factors, 1);
    if (!first || !second) return first ? first : second;
    return factors.loads[0]->as.load.buffer->kind == TFCC_ABI_VALUE ? second : first;
}

typedef struct Choice {
    Layout *layout;
    const Kernel *kernel;
    Dim axis;
} Choice;

static void choose_by_contraction(void *context, Scalar *scalar) {
    Choice *choice = context;
    if (!choice->axis) choice->axis = lane_axis(choice->kernel, scalar);
}

/* What is read with its last dimension along one of the kernel's axes is written so. */
static void choose_by_load(void *context, Scalar *scalar) {
    Choice *choice = context;
    if (choice->axis || scalar->op != SCALAR_LOAD) return;
    int last = choice->layout->last[scalar->as.load.buffer->number];
    if (last >= 0)
        choice->axis = axis_of(choice->layout, choice->kernel, scalar->as.load.index[last]);
}

static void choose(Layout *l, const Kernel *kernel) {
    Choice choice = {l, kernel, NULL};
    kernel_each_scalar(kernel, choose_by_contraction, &choice);
    if (!choice.axis) kernel_each_scalar(kernel, choose_by_load, &choice);
    if (!choice.axis) return;
    for (size_t k = 0; k < kernel->output_count; k++) {
        const KernelOutput *output = &kernel->outputs[k];
        uint32_t number = output->buffer->number;
        if (!l->is_fixed[number] && l->last[number] < 0)
            l->last[number] = dimension_of(l, kernel, output, choice.axis);
    }
}

/* ---- the change ---- */

/* The dimension that stands at place k of the new order. */
static int dimension_at(int rank, int last, int k) {
    return k == rank - 1 ? last : k < last ? k : k + 1;
}

static void turn_index(Layout *l, Scalar ***index, int rank, int last) {
    Scalar **turned = arena_alloc_array(l->arena, (size_t)rank, sizeof *turned);
    for (int k = 0; k < rank; k++) turned[k] = (*index)[dimension_at(rank, last, k)];
    *index = turned;
}

static void turn_load(void *context, Scalar *scalar) {
    Layout *l = context;
    if (scalar->op != SCALAR_LOAD) return;
    const Buffer *buffer = scalar->as.load.buffer;
    if (l->last[buffer->number] >= 0)
        turn_index(l, &scalar->as.load.index, buffer->type.shape.rank, l->last[buffer->number]);
}

/* The axes in the order of the output's dimensions, those it lacks in front. */
static void reorder_axes(Layout *l, Kernel *kernel, const KernelOutput *output) {
    Dim ordered[MAX_RANK];
    int rank = output->buffer->type.shape.rank, count = 0;
    for (int d = 0; d < rank; d++) {
        Dim axis = axis_of(l, kernel, output->index[d]);
        if (axis) ordered[count++] = axis;
    }
    Dim *axes = arena_alloc_array(l->arena, kernel->axis_count, sizeof *axes);
    size_t others = kernel->axis_count - (size_t)count, next = 0;
    for (size_t k = 0; k < kernel->axis_count; k++) {
        bool is_ordered = false;
        for (int d = 0; d < count; d++) is_ordered |= ordered[d] == kernel->axes[k];
        if (!is_ordered) axes[next++] = kernel->axes[k];
    }
    if (next != others) return; /* an axis that two dimensions count by */
    memcpy(axes + others, ordered, (size_t)count * sizeof *axes);
    kernel->axes = axes;
    kernel->axis_capacity = kernel->axis_count;
}

/* Points in another order store the same where no two of them store at one place. */
static bool order_is_free(const Layout *l, const Kernel *kernel) {
    for (size_t k = 0; k < kernel->output_count; k++) {
        const KernelOutput *output = &kernel->outputs[k];
        if (output->combine != COMBINE_STORE) return false;
        for (int d = 0; output->index && d < output->buffer->type.shape.rank; d++)
            if (output->index[d]->op != SCALAR_INDEX) return false;
        for (size_t a = 0; a < kernel->axis_count; a++)
            if (!dim_is(kernel->axes[a]->size, 1) &&
                dimension_of(l, kernel, output, kernel->axes[a]) < 0)
                return false;
    }
    return kernel->check_count == 0;
}

static void turn_kernel(Layout *l, Kernel *kernel) {
    kernel_each_scalar(kernel, turn_load, l);
    const KernelOutput *turned = NULL;
    for (size_t k = 0; k < kernel->output_count; k++)
        if (l->last[kernel->outputs[k].buffer->number] >= 0) turned = &kernel->outputs[k];
    if (!turned) return;
    bool is_free = order_is_free(l, kernel);
    for (size_t k = 0; k < kernel->output_count; k++) {
        KernelOutput *output = &kernel->outputs[k];
        int rank = output->buffer->type.shape.rank, last = l->last[output->buffer->number];
        if (!output->index) {
            output->index = arena_alloc_array(l->arena, (size_t)rank + 1, sizeof *output->index);
            for (int d = 0; d < rank; d++) output->index[d] = scalar_index(kernel, kernel->axes[d]);
        }
        if (last >= 0) turn_index(l, &output->index, rank, last);
    }
    if (is_free) reorder_axes(l, kernel, turned);
    for (size_t k = 0; k < kernel->output_count; k++) { /* the plain form, where it is that */
        KernelOutput *output = &kernel->outputs[k];
        int rank = output->buffer->type.shape.rank;
        bool is_plain = (size_t)rank == kernel->axis_count;
        for (int d = 0; d < rank && is_plain; d++)
            is_plain = output->index[d]->op == SCALAR_INDEX &&
                       output->index[d]->as.index == kernel->axes[d];
        if (is_plain) output->index = NULL;
    }
}

static void turn_buffers(Layout *l) {
    for (size_t k = 0; k < l->program->buffer_count; k++) {
        Buffer *buffer = l->program->buffers[k];
        Shape old = buffer->type.shape;
        if (l->last[k] < 0) continue;
        for (int d = 0; d < old.rank; d++)
            buffer->type.shape.dims[d] = old.dims[dimension_at(old.rank, l->last[k], d)];
    }
}

bool layout_buffers(Compilation *c) {
    if (c->options.keep_unfused) return true;
    Program *program = c->program;
    Arena *scratch = arena_create();
    Layout l = {.program = program, .dims = program->graph->dims, .arena = c->arena};
    l.is_fixed = arena_alloc_array(scratch, program->buffer_count + 1, sizeof *l.is_fixed);
    l.last = arena_alloc_array(scratch, program->buffer_count + 1, sizeof *l.last);
    for (size_t k = 0; k < program->buffer_count; k++) l.last[k] = -1;
    find_fixed(&l);
    for (size_t k = 0; k < program->kernel_count; k++)
        if (!program->kernels[k]->is_dead && program->kernels[k]->kind == KERNEL_STRUCTURED)
            choose(&l, program->kernels[k]);
    for (size_t k = 0; k < program->kernel_count; k++)
        if (!program->kernels[k]->is_dead && program->kernels[k]->kind == KERNEL_STRUCTURED)
            turn_kernel(&l, program->kernels[k]);
    turn_buffers(&l);
    arena_destroy(scratch);
    return true;
}
