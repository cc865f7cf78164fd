/* nest.c: what the kernel's scalars depend on, and where they read. */
#include "loops/nest.h"

#include "support/dtype.h"

/* ---- sets of axes ---- */

static AxisSet set_create(const Nest *nest) {
    return arena_alloc_array(nest->arena, (size_t)nest->set_words, sizeof(uint64_t));
}

bool axis_set_has(const AxisSet set, Dim axis) {
    return set[axis->axis / 64] >> (axis->axis % 64) & 1;
}

static void set_add(AxisSet set, Dim axis) {
    set[axis->axis / 64] |= UINT64_C(1) << (axis->axis % 64);
}

static void set_remove(AxisSet set, Dim axis) {
    set[axis->axis / 64] &= ~(UINT64_C(1) << (axis->axis % 64));
}

static void set_join(const Nest *nest, AxisSet into, const AxisSet set) {
    for (int k = 0; k < nest->set_words; k++) into[k] |= set[k];
}

/* Whether both sets share an axis. */
static bool meets(const Nest *nest, const AxisSet a, const AxisSet b) {
    for (int k = 0; k < nest->set_words; k++)
        if (a[k] & b[k]) return true;
    return false;
}

bool axis_set_within(const Nest *nest, const AxisSet a, const AxisSet b) {
    for (int k = 0; k < nest->set_words; k++)
        if (a[k] & ~b[k]) return false;
    return true;
}

AxisSet nest_dim_axes(const Nest *nest, Dim dim) {
    Map *memo = (Map *)&nest->dim_axes; /* a cache: the nest stays what it is */
    MapEntry *entry = map_find(memo, (const char *)&dim, sizeof dim);
    if (entry) return entry->value;
    AxisSet set = set_create(nest);
    if (dim->kind == DIM_AXIS) set_add(set, dim);
    for (size_t k = 0; k < dim->term_count; k++)
        set_join(nest, set, nest_dim_axes(nest, dim->terms[k].product));
    for (size_t k = 0; k < dim->operand_count; k++)
        set_join(nest, set, nest_dim_axes(nest, dim->operands[k]));
    map_insert(memo, (const char *)&dim, sizeof dim, NULL)->value = set;
    return set;
}

/* ---- combiners ---- */

bool combiner_is_search(Combiner combiner) {
    return combiner == COMBINE_ARGMAX || combiner == COMBINE_ARGMIN;
}

bool combiner_is_exact(Combiner combiner, tfcc_dtype dtype) {
    return (combiner != COMBINE_ADD && combiner != COMBINE_MULTIPLY) || !dtype_is_float(dtype);
}

/* ---- walking ---- */

/* What a scalar is made of, once indices are offsets: of a LOAD the parts, the condition and what
 * stands otherwise. */
enum { MOST_CHILDREN = 2 * MAX_RANK + 2 };
static size_t children_of(const Nest *nest, const Scalar *scalar, Scalar **children) {
    size_t count = 0;
    for (int k = 0; k < scalar->operand_count; k++) children[count++] = scalar->operands[k];
    if (scalar->op == SCALAR_REDUCE) children[count++] = scalar->as.reduce.body;
    if (scalar->op == SCALAR_SCAN) children[count++] = scalar->as.scan.body;
    if (scalar->op != SCALAR_LOAD) return count;
    const Access *access = &nest->facts[scalar->id].access;
    for (int k = 0; k < access->part_count; k++) children[count++] = access->parts[k];
    if (scalar->as.load.condition) {
        children[count++] = scalar->as.load.condition;
        children[count++] = scalar->as.load.otherwise;
    }
    return count;
}

void nest_mark(const Nest *nest, bool *marked) {
    for (size_t id = nest->kernel->scalar_count; id-- > 0;) {
        if (!marked[id]) continue;
        Scalar *children[MOST_CHILDREN];
        size_t count = children_of(nest, nest->kernel->scalars[id], children);
        for (size_t k = 0; k < count; k++) marked[children[k]->id] = true;
    }
}

static void mark_roots(const Nest *nest, bool *marked) {
    const Kernel *kernel = nest->kernel;
    for (size_t k = 0; k < kernel->output_count; k++) {
        marked[kernel->outputs[k].value->id] = true;
        if (kernel->outputs[k].condition) marked[kernel->outputs[k].condition->id] = true;
        for (int p = 0; p < nest->stores[k].part_count; p++)
            marked[nest->stores[k].parts[p]->id] = true;
    }
    for (size_t k = 0; k < kernel->check_count; k++) {
        marked[kernel->checks[k].condition->id] = true;
        for (size_t v = 0; v < kernel->checks[k].value_count; v++)
            marked[kernel->checks[k].values[v]->id] = true;
    }
}

bool nest_stride(const Nest *nest, const Access *access, Dim axis, Dim *stride) {
    for (int k = 0; k < access->part_count; k++)
        if (axis_set_has(nest->facts[access->parts[k]->id].axes, axis)) return false;
    Dim rest;
    return dim_split(nest->dims, access->affine, axis, stride, &rest) &&
           !axis_set_has(nest_dim_axes(nest, *stride), axis) && !dim_has_axis(*stride);
}

/* ---- facts ---- */

static void find_access(void *context, Scalar *scalar) {
    Nest *nest = context;
    ScalarFacts *facts = &nest->facts[scalar->id];
    if (scalar->op == SCALAR_INDEX) facts->index = scalar->as.index;
    if (scalar->op == SCALAR_REDUCE) {
        facts->reduce_axis_count = scalar->as.reduce.axis_count;
        facts->reduce_axes = arena_copy(nest->arena, scalar->as.reduce.axes,
                                        sizeof(Dim) * (size_t)scalar->as.reduce.axis_count);
    }
    if (scalar->op != SCALAR_LOAD) return;
    Buffer *buffer = scalar->as.load.buffer;
    facts->access = access_of_index(nest->dims, &buffer->type.shape, scalar->as.load.index, NULL);
    facts->parameter = arguments_find(nest->arguments, buffer, scalar->dtype);
    int64_t least;
    Dim count = shape_element_count(nest->dims, &buffer->type.shape),
        lowest = dim_lower_bound(nest->dims, count);
    facts->may_be_empty = !(lowest && dim_is_constant(lowest, &least) && least > 0);
}

static void find_axes(Nest *nest, const bool *needed) {
    for (size_t id = 0; id < nest->kernel->scalar_count; id++) {
        if (!needed[id]) continue;
        const Scalar *scalar = nest->kernel->scalars[id];
        ScalarFacts *facts = &nest->facts[id];
        facts->axes = set_create(nest);
        Scalar *children[MOST_CHILDREN];
        size_t count = children_of(nest, scalar, children);
        for (size_t k = 0; k < count; k++)
            set_join(nest, facts->axes, nest->facts[children[k]->id].axes);
        if (scalar->op == SCALAR_INDEX)
            set_join(nest, facts->axes, nest_dim_axes(nest, facts->index));
        if (scalar->op == SCALAR_LOAD)
            set_join(nest, facts->axes, nest_dim_axes(nest, facts->access.affine));
        for (int k = 0; k < facts->reduce_axis_count; k++)
            set_remove(facts->axes, facts->reduce_axes[k]);
        if (scalar->op == SCALAR_SCAN) set_add(facts->axes, scalar->as.scan.axis);
        nest->has_reduce = nest->has_reduce || scalar->op == SCALAR_REDUCE;
        nest->has_scan = nest->has_scan || scalar->op == SCALAR_SCAN;
    }
}

static void find_members(Nest *nest, const Scalar *owner, const Scalar *body, const Dim *axes,
                         int axis_count, bool *marked) {
    ScalarFacts *facts = &nest->facts[owner->id];
    AxisSet own = set_create(nest);
    for (int k = 0; k < axis_count; k++) set_add(own, axes[k]);
    for (size_t id = 0; id <= body->id; id++) marked[id] = false;
    marked[body->id] = true;
    size_t capacity = 0;
    for (size_t id = body->id + 1; id-- > 0;) {
        if (!marked[id]) continue;
        Scalar *children[MOST_CHILDREN];
        size_t count = children_of(nest, nest->kernel->scalars[id], children);
        for (size_t k = 0; k < count; k++) marked[children[k]->id] = true;
    }
    size_t body_capacity = 0;
    for (uint32_t id = 0; id <= body->id && owner->op == SCALAR_REDUCE; id++)
        if (marked[id])
            *ARENA_PUSH(nest->arena, facts->body, facts->body_count, body_capacity) = id;
    for (uint32_t id = 0; id <= body->id; id++)
        if (marked[id] && meets(nest, nest->facts[id].axes, own))
            *ARENA_PUSH(nest->arena, facts->members, facts->member_count, capacity) = id;
}

/* Whether all SCANs can run in one loop. */
static void find_scan_axis(Nest *nest) {
    const Kernel *kernel = nest->kernel;
    bool *in_reduce = arena_alloc(nest->arena, kernel->scalar_count + 1);
    for (size_t id = 0; id < kernel->scalar_count; id++)
        if (nest->facts[id].axes && kernel->scalars[id]->op == SCALAR_REDUCE)
            in_reduce[kernel->scalars[id]->as.reduce.body->id] = true;
    nest_mark(nest, in_reduce);
    const Scalar *first = NULL;
    for (size_t id = 0; id < kernel->scalar_count; id++) {
        const Scalar *scan = kernel->scalars[id];
        if (!nest->facts[id].axes || scan->op != SCALAR_SCAN) continue;
        if (!first) first = scan;
        if (in_reduce[id] || scan->as.scan.axis != first->as.scan.axis ||
            scan->as.scan.reverse != first->as.scan.reverse)
            return;
    }
    nest->scan_axis = first->as.scan.axis;
    nest->scan_reverse = first->as.scan.reverse;
}

/* The general version; or (where `general` is given) the aligned one, NULL where it would gain
 * nothing; or one with fewer copies. */
static Nest *create(Arena *arena, LoopProgram *loops, const TargetDescription *target,
                    const Kernel *kernel, const KernelArguments *arguments, const Nest *general,
                    int most_copies) {
    Nest *nest = arena_alloc(arena, sizeof *nest);
    *nest = (Nest){.arena = arena,
                   .loops = loops,
                   .dims = loops->program->graph->dims,
                   .target = target,
                   .kernel = kernel,
                   .arguments = arguments,
                   .dim_axes = map_create(arena)};
    nest->set_words = kernel->next_axis / 64 + 1;
    nest->facts = arena_alloc_array(arena, kernel->scalar_count + 1, sizeof *nest->facts);
    nest->stores = arena_alloc_array(arena, kernel->output_count + 1, sizeof *nest->stores);
    nest->axes = arena_alloc_array(arena, kernel->axis_count + 1, sizeof *nest->axes);
    nest->outer_count = kernel->group ? kernel->group->axis_count : 0;
    for (size_t k = nest->outer_count; k < kernel->axis_count; k++)
        nest->axes[nest->axis_count++] = kernel->axes[k];
    kernel_each_scalar(kernel, find_access, nest);
    for (size_t k = 0; k < kernel->output_count; k++) {
        const KernelOutput *output = &kernel->outputs[k];
        nest->stores[k] =
            access_of_index(nest->dims, &output->buffer->type.shape, output->index, kernel->axes);
    }
    bool *needed = arena_alloc(arena, kernel->scalar_count + 1);
    mark_roots(nest, needed);
    nest_mark(nest, needed);
    find_axes(nest, needed);
    nest->most_copies = most_copies;
    if (general && !(nest->special_condition = nest_align(nest))) return NULL;
    if (nest->has_scan) find_scan_axis(nest);
    nest_collapse(nest);
    if (general && nest->axis_count >= general->axis_count) return NULL;
    /* Merged axes keep the number of their innermost; the others are in no index any more. */
    find_axes(nest, needed);
    bool *marked = arena_alloc(arena, kernel->scalar_count + 1);
    for (size_t id = 0; id < kernel->scalar_count; id++) {
        const Scalar *scalar = kernel->scalars[id];
        ScalarFacts *facts = &nest->facts[id];
        if (!needed[id]) continue;
        if (scalar->op == SCALAR_REDUCE)
            find_members(nest, scalar, scalar->as.reduce.body, facts->reduce_axes,
                         facts->reduce_axis_count, marked);
        if (scalar->op == SCALAR_SCAN)
            find_members(nest, scalar, scalar->as.scan.body, &scalar->as.scan.axis, 1, marked);
    }
    nest_plan_reduces(nest);
    nest_plan_loops(nest);
    return nest;
}

/* The loop that does points side by side whose number is known at run time only, or NULL. */
static const NestLoop *find_open_copies(const Nest *nest) {
    for (size_t k = 0; k < nest->plan_count; k++)
        if (nest->plan[k].kind == NEST_COPIES && !dim_is_constant(nest->plan[k].axis->size, NULL))
            return &nest->plan[k];
    return NULL;
}

/* A bound of what the size is when it is not 0: that of 49 * n is 49. */
static int64_t least_positive(Dim size) {
    if (size->kind != DIM_SUM || size->constant < 0) return 1;
    int64_t least = size->constant > 0 ? size->constant : INT64_MAX;
    for (size_t k = 0; k < size->term_count; k++)
        if (size->terms[k].coefficient < least) least = size->terms[k].coefficient;
    return least > 0 ? least : 1;
}

/* For fewer points than copies: half as many copies, and where there are fewer still, none, so that
 * what the points share is read row by row. */
static void add_thinner(Nest *nest) {
    const NestLoop *copies = find_open_copies(nest);
    if (!copies) return;
    nest->has_enough = least_positive(copies->axis->size) >= copies->step;
    if (nest->has_enough) return;
    int most = copies->step >= 8 ? (int)copies->step / 2 : 1;
    Nest *thin =
        create(nest->arena, nest->loops, nest->target, nest->kernel, nest->arguments, NULL, most);
    if (most == 1 && thin->stage_depth == SIZE_MAX) return;
    thin->special_condition =
        dim_less(nest->dims, copies->axis->size, dim_constant(nest->dims, copies->step));
    nest->special = thin;
    nest->has_enough = true;
    add_thinner(thin);
}

Nest *nest_create(Arena *arena, LoopProgram *loops, const TargetDescription *target,
                  const Kernel *kernel, const KernelArguments *arguments) {
    Nest *nest = create(arena, loops, target, kernel, arguments, NULL, 0);
    nest->special = create(arena, loops, target, kernel, arguments, nest, 0);
    if (!nest->special) add_thinner(nest);
    return nest;
}
