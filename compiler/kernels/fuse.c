/* fuse.c: takes producers into their consumers.
 *
 * Kernels are visited in order, so a producer has taken in its own producers before its consumers
 * look at it, and each looks again after it has taken something in: what two kernels used may have
 * one user left. The limit on a kernel's size keeps the whole linear. A value that was taken in everywhere loses its kernel, unless a run may fetch it: then
 * the kernel as it was before fusion stays as an alternate, with those of its inputs that were
 * taken in too, for the runs that need nothing else of the fused kernel.
 *
 * Members of groups are visited like other kernels; while fusion works, they have numbers in one
 * row with them. Whether they may take in and be taken in is fuse_decide.c's business.
 */
#include "kernels/fuse.h"

#include "kernels/fuse_internal.h"
#include <tfcc/abi.h>

static int cost_of(const Scalar *scalar) {
    switch (scalar->op) {
    case SCALAR_CONSTANT:
    case SCALAR_INDEX:
    case SCALAR_LOAD:
    case SCALAR_BITCAST: return 0;
    case SCALAR_DIVIDE:
    case SCALAR_REMAINDER:
    case SCALAR_SQRT: return 4;
    case SCALAR_RANDOM_BITS: return 100;
    default: return scalar->op >= SCALAR_EXP ? 20 : 1;
    }
}

/* A sum of products one after the other, as a product of matrices or a convolution is: many of them
 * are added up side by side in registers. */
static bool is_product(const Scalar *reduce) {
    const Scalar *body = reduce->as.reduce.body;
    if (body->op == SCALAR_SELECT) body = body->operands[1];
    return reduce->as.reduce.combiner == COMBINE_ADD && reduce->as.reduce.lanes == 1 &&
           reduce->as.reduce.axis_count > 0 && body->op == SCALAR_MULTIPLY;
}

typedef struct FactsVisit {
    Arena *arena;
    KernelFacts *facts;
    size_t load_capacity, reduce_capacity;
} FactsVisit;

static void visit_scalar(void *context, Scalar *scalar) {
    FactsVisit *visit = context;
    KernelFacts *facts = visit->facts;
    facts->cost += cost_of(scalar);
    if (scalar->op == SCALAR_SCAN) facts->has_scan = true;
    if (scalar->op == SCALAR_REDUCE) {
        facts->has_reduce = true;
        facts->has_product = facts->has_product || is_product(scalar);
        *ARENA_PUSH(visit->arena, facts->reduces, facts->reduce_count, visit->reduce_capacity) =
            scalar;
    }
    if (scalar->op == SCALAR_LOAD) {
        if (scalar->as.load.buffer->kind == TFCC_ABI_CURRENT) facts->reads_current = true;
        *ARENA_PUSH(visit->arena, facts->loads, facts->load_count, visit->load_capacity) = scalar;
    }
}

static KernelFacts facts_of(Arena *arena, const Kernel *kernel) {
    KernelFacts facts = {0};
    FactsVisit visit = {.arena = arena, .facts = &facts};
    kernel_each_scalar(kernel, visit_scalar, &visit);
    return facts;
}

static void pin(Fusion *fusion, const Buffer *buffer, const char *reason) {
    const Buffer *root = buffer->alias_of ? buffer->alias_of : buffer;
    fusion->buffers[root->number].is_pinned = true;
    fusion->buffers[root->number].pin = reason;
}

/* The buffers a kernel reads, each once: a mark that is new with every count tells. */
typedef struct UseCount {
    Fusion *fusion;
    int change;
} UseCount;

static void count_use(void *context, Buffer *buffer) {
    const UseCount *count = context;
    BufferFacts *facts = &count->fusion->buffers[buffer_root(buffer)->number];
    if (facts->use_mark == count->fusion->use_mark) return;
    facts->use_mark = count->fusion->use_mark;
    facts->user_count += count->change;
}

/* One user more, or less, of everything that the kernel reads. */
static void count_uses(Fusion *fusion, const Kernel *kernel, int change) {
    UseCount count = {fusion, change};
    fusion->use_mark++;
    kernel_each_input(kernel, count_use, &count);
}

/* What a member loads before or where it is stored comes from an earlier step. */
static void pin_carried(Fusion *fusion, const Kernel *kernel) {
    const KernelFacts *facts = &fusion->kernels[kernel->number];
    for (size_t k = 0; k < facts->load_count && kernel->group; k++) {
        const Buffer *buffer = facts->loads[k]->as.load.buffer;
        const Buffer *root = buffer->alias_of ? buffer->alias_of : buffer;
        const Kernel *producer = fusion->buffers[root->number].producer;
        if (producer && producer->group == kernel->group && producer->number >= kernel->number)
            pin(fusion, root, "it is passed on from step to step");
    }
}

static void look_at_buffers(Fusion *fusion) {
    const Program *program = fusion->program;
    for (size_t k = 0; k < program->buffer_count; k++) {
        const Buffer *buffer = program->buffers[k],
                     *root = buffer->alias_of ? buffer->alias_of : buffer;
        if (buffer->is_fetchable) fusion->buffers[root->number].is_fetchable = true;
        if (buffer->is_feedable) pin(fusion, buffer, "it may be fed");
        if (root->kind != TFCC_ABI_VALUE) pin(fusion, root, "it is a variable's new value");
    }
    for (size_t k = 0; k < fusion->kernel_count; k++) {
        Kernel *kernel = fusion->list[k];
        for (size_t o = 0; o < kernel->output_count && kernel->kind != KERNEL_GROUP; o++) {
            BufferFacts *facts = &fusion->buffers[kernel->outputs[o].buffer->number];
            if (facts->producer) pin(fusion, kernel->outputs[o].buffer, "several kernels store it");
            facts->producer = kernel;
            if (kernel->outputs[o].initial)
                pin(fusion, kernel->outputs[o].initial, "it is stored into");
        }
        if (kernel->bind) pin(fusion, kernel->bind, "sizes are taken from it");
        for (const Guard *guard = kernel->guard; guard; guard = guard->outer)
            if (guard->predicate->buffer)
                pin(fusion, guard->predicate->buffer, "it chooses a branch");
        for (size_t a = 0; a < kernel->after_count; a++) {
            const Kernel *earlier = kernel->after[a];
            for (size_t o = 0; o < earlier->output_count; o++)
                pin(fusion, earlier->outputs[o].buffer, "another node waits for it");
        }
        if (kernel->kind != KERNEL_GROUP) count_uses(fusion, kernel, 1);
    }
    for (size_t k = 0; k < fusion->kernel_count; k++) pin_carried(fusion, fusion->list[k]);
}

/* What a target without a value stands for is asked for as it is. */
static void pin_targets(Fusion *fusion) {
    const Graph *graph = fusion->program->graph;
    for (size_t k = 0; k < graph->fetch_count; k++) {
        if (graph->fetches[k].value) continue;
        const ProgramNode *target = &fusion->program->nodes[graph->fetches[k].node->id];
        for (size_t t = 0; t < target->kernel_count; t++)
            for (size_t o = 0; o < target->kernels[t]->output_count; o++)
                pin(fusion, target->kernels[t]->outputs[o].buffer, "it is a target");
    }
}

/* A producer that was taken in by everyone uses nothing any more. */
static void let_go(Fusion *fusion, const Kernel *producer) {
    for (size_t o = 0; o < producer->output_count; o++) {
        const BufferFacts *facts = &fusion->buffers[producer->outputs[o].buffer->number];
        if (facts->user_count > 0 || facts->is_fetchable || facts->is_pinned) return;
    }
    count_uses(fusion, producer, -1);
}

/* Takes in what the kernel loads, where that may be; whether there was anything. */
static bool fuse_into(Fusion *fusion, Kernel *kernel, Kernel **producers) {
    const KernelFacts *facts = &fusion->kernels[kernel->number];
    size_t taken = 0;
    for (size_t k = 0; k < facts->load_count; k++) {
        const Buffer *buffer = facts->loads[k]->as.load.buffer;
        uint32_t root = buffer->alias_of ? buffer->alias_of->number : buffer->number;
        Kernel *producer = fusion->buffers[root].producer;
        if (producers[root] || !producer || producer == kernel) continue;
        const char *refusal = fuse_refusal(fusion, producer, kernel);
        if (refusal) {
            producer->boundary = refusal;
            continue;
        }
        producers[root] = producer;
        /* Further producers see the kernel as large as it will be. */
        fusion->kernels[kernel->number].cost += fusion->kernels[producer->number].cost;
        taken++;
    }
    if (!taken) return false;
    count_uses(fusion, kernel, -1);
    fuse_rewrite(fusion, kernel, producers);
    count_uses(fusion, kernel, 1);
    for (size_t k = 0; k < facts->load_count; k++) {
        const Buffer *buffer = facts->loads[k]->as.load.buffer;
        uint32_t root = buffer->alias_of ? buffer->alias_of->number : buffer->number;
        if (!producers[root]) continue;
        fusion->is_inlined[producers[root]->number] = true;
        let_go(fusion, producers[root]);
        producers[root] = NULL;
    }
    fusion->kernels[kernel->number] = facts_of(fusion->scratch, kernel);
    return true;
}

static bool must_stay(const Fusion *fusion, const Kernel *kernel, const bool *is_needed) {
    if (kernel->kind != KERNEL_STRUCTURED || kernel->check_count ||
        !fusion->is_inlined[kernel->number])
        return true;
    for (size_t k = 0; k < kernel->output_count; k++)
        if (is_needed[kernel->outputs[k].buffer->number]) return true;
    return false;
}

static void need_input(void *context, Buffer *buffer) {
    ((bool *)context)[buffer_root(buffer)->number] = true;
}

/* Of several results those go that nobody asks for; one stays. */
static void drop_outputs(const Fusion *fusion, Kernel *kernel, const bool *is_needed,
                         const bool *is_wanted) {
    size_t kept = 0;
    if (kernel->kind != KERNEL_STRUCTURED || kernel->output_count < 2) return;
    for (size_t o = 0; o < kernel->output_count; o++) {
        uint32_t number = kernel->outputs[o].buffer->number;
        const BufferFacts *facts = &fusion->buffers[number];
        if (is_needed[number] || is_wanted[number] || facts->is_pinned || facts->is_fetchable)
            kernel->outputs[kept++] = kernel->outputs[o];
    }
    kernel->output_count = kept > 0 ? kept : 1;
}

/* The members of a group that somebody still loads or that were taken in nowhere. */
static void drop_members(Fusion *fusion, Kernel *group, bool *is_needed, const bool *is_wanted) {
    size_t count = group->member_count, first = count;
    for (size_t k = count; k-- > 0;) {
        Kernel *member = group->members[k];
        if (member->kind == KERNEL_GROUP) drop_members(fusion, member, is_needed, is_wanted);
        member->is_dead = !must_stay(fusion, member, is_needed);
        if (member->is_dead) continue;
        drop_outputs(fusion, member, is_needed, is_wanted);
        kernel_each_input(member, need_input, is_needed);
        group->members[--first] = member;
    }
    group->members += first;
    group->member_count = group->member_capacity = count - first;
    for (size_t k = 0; k < group->member_count; k++) group->members[k]->number = (uint32_t)k;
    kernel_gather_members(group);
}

/* Last to first: a kernel that was taken in stays if somebody still loads its result; its original
 * stays as an alternate if a fetch or another alternate wants it. */
static void drop_kernels(Fusion *fusion) {
    Program *program = fusion->program;
    size_t count = program->kernel_count;
    bool *is_needed =
        arena_alloc_array(fusion->scratch, program->buffer_count + 1, sizeof *is_needed);
    bool *is_wanted =
        arena_alloc_array(fusion->scratch, program->buffer_count + 1, sizeof *is_wanted);
    Kernel **kept = arena_alloc_array(program->arena, count + 1, sizeof *kept);
    size_t first = count;
    for (size_t k = count; k-- > 0;) {
        Kernel *kernel = program->kernels[k];
        if (kernel->kind == KERNEL_GROUP) drop_members(fusion, kernel, is_needed, is_wanted);
        if (must_stay(fusion, kernel, is_needed)) {
            drop_outputs(fusion, kernel, is_needed, is_wanted);
            kernel_each_input(kernel, need_input, is_needed);
            kept[--first] = kernel;
            continue;
        }
        uint32_t result = kernel->outputs[0].buffer->number;
        kernel->is_dead = !fusion->buffers[result].is_fetchable && !is_wanted[result];
        if (kernel->is_dead) continue;
        const Kernel *original = fusion->originals[kernel->number];
        if (original) *kernel = *original; /* targets point to it */
        kernel->is_alternate = true;
        kernel_each_input(kernel, need_input, is_wanted);
        kept[--first] = kernel;
    }
    program->kernels = kept + first;
    program->kernel_count = program->kernel_capacity = count - first;
    for (size_t k = 0; k < program->kernel_count; k++) program->kernels[k]->number = (uint32_t)k;
}

/* Every kernel in the order in which it is carried out, a group before its members. */
static void list_kernels(Fusion *fusion, Kernel *const *kernels, size_t count) {
    for (size_t k = 0; k < count; k++) {
        kernels[k]->number = (uint32_t)fusion->kernel_count;
        *ARENA_PUSH(fusion->scratch, fusion->list, fusion->kernel_count, fusion->kernel_capacity) =
            kernels[k];
        list_kernels(fusion, kernels[k]->members, kernels[k]->member_count);
    }
}

bool fuse_program(Compilation *c) {
    if (c->options.keep_unfused) return true;
    Program *program = c->program;
    Fusion fusion = {.program = program, .scratch = arena_create(), .dims = program->graph->dims};
    list_kernels(&fusion, program->kernels, program->kernel_count);
    size_t count = fusion.kernel_count;
    fusion.kernels = arena_alloc_array(fusion.scratch, count + 1, sizeof *fusion.kernels);
    fusion.originals = arena_alloc_array(fusion.scratch, count + 1, sizeof *fusion.originals);
    fusion.is_inlined = arena_alloc_array(fusion.scratch, count + 1, sizeof *fusion.is_inlined);
    fusion.buffers =
        arena_alloc_array(fusion.scratch, program->buffer_count + 1, sizeof *fusion.buffers);
    Kernel **producers =
        arena_alloc_array(fusion.scratch, program->buffer_count + 1, sizeof(Kernel *));
    for (size_t k = 0; k < count; k++)
        if (fusion.list[k]->kind != KERNEL_GROUP)
            fusion.kernels[k] = facts_of(fusion.scratch, fusion.list[k]);
    look_at_buffers(&fusion);
    pin_targets(&fusion);
    for (size_t k = 0; k < count; k++)
        while (fusion.list[k]->kind == KERNEL_STRUCTURED &&
               fuse_into(&fusion, fusion.list[k], producers))
            ;
    drop_kernels(&fusion);
    arena_destroy(fusion.scratch);
    return true;
}
