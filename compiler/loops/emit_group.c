/* emit_group.c: a kernel's function: its nest, or for a group one loop per axis of the group and in
 * it the members' nests one behind the other.
 *
 * Every nest has its own values: what one member has stored another loads from memory, which at the
 * sizes of a step is the nearest cache.
 */
#include "loops/nest.h"

static void emit_nest_of(FunctionEmission *whole, const Kernel *kernel, LoopBlock *block,
                         LoopInstruction *const *counters) {
    Nest *nest = nest_create(whole->scratch, whole->loops, whole->target, kernel, whole->arguments);
    Emission emission;
    emission_begin(&emission, whole, nest, block);
    for (size_t k = 0; k < nest->outer_count; k++)
        emission_bind(&emission, kernel->axes[k], counters[k]);
    nest_emit(&emission);
}

/* counters[0 … outer - 1] are those of the first axes. */
static void emit_kernel(FunctionEmission *whole, const Kernel *kernel, LoopBlock *block,
                        LoopInstruction **counters, size_t outer) {
    if (kernel->kind != KERNEL_GROUP) {
        emit_nest_of(whole, kernel, block, counters);
        return;
    }
    if (outer < kernel->axis_count) {
        LoopBuilder b = {.arena = whole->arena,
                         .function = whole->function,
                         .block = block,
                         .place = kernel->place};
        Emission sizes = {.whole = whole, .b = b, .arena = whole->arena, .scratch = whole->scratch};
        LoopInstruction *begin = emission_integer(&sizes, 0),
                        *end = emission_size(&sizes, kernel->axes[outer]->size);
        LoopInstruction *loop = loop_for_begin(&b, begin, end, 1, NULL, 0);
        counters[outer] = loop->index;
        emit_kernel(whole, kernel, b.block, counters, outer + 1);
        loop_for_end(&b, loop, NULL, block);
        return;
    }
    for (size_t m = 0; m < kernel->member_count; m++)
        emit_kernel(whole, kernel->members[m], block, counters, outer);
}

/* Constants and slots in front. */
static void join_entry(const FunctionEmission *whole, const LoopBlock *body) {
    LoopBlock *entry = whole->entry;
    for (size_t k = 0; k < body->count; k++)
        *ARENA_PUSH(whole->arena, entry->instructions, entry->count, entry->capacity) =
            body->instructions[k];
    whole->function->body = entry;
}

/* The axes of a group and of the groups in it. */
static size_t depth_of(const Kernel *kernel) {
    size_t deepest = kernel->kind == KERNEL_GROUP ? kernel->axis_count : 0;
    for (size_t m = 0; m < kernel->member_count; m++) {
        size_t depth = depth_of(kernel->members[m]);
        if (depth > deepest) deepest = depth;
    }
    return deepest;
}

void function_emit(FunctionEmission *whole, const Kernel *kernel) {
    whole->entry = arena_alloc(whole->arena, sizeof *whole->entry);
    whole->constants = map_create(whole->scratch);
    whole->slots = map_create(whole->scratch);
    LoopBlock *body = arena_alloc(whole->arena, sizeof *body);
    LoopInstruction **counters =
        arena_alloc_array(whole->scratch, depth_of(kernel) + 1, sizeof(LoopInstruction *));
    emit_kernel(whole, kernel, body, counters, 0);
    whole->function->slot_count = whole->slot_count;
    join_entry(whole, body);
}
