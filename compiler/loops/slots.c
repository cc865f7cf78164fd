/* slots.c: the numbers a run has to know, and from when on it knows them.
 *
 * While the program is planned, slots are handed out in the order in which they are asked for; at
 * the end they are sorted (symbols, constants, then what is computed, by level and each after its
 * parts) and every number of a slot is replaced.
 */
#include "loops/plan.h"
#include "support/dtype.h"
#include <assert.h>
#include <stdlib.h>
#include <tfcc/abi.h>

typedef struct LevelQuestion {
    const LoopProgram *loops;
    uint32_t level;
} LevelQuestion;

static void raise_level(void *context, Dim symbol) {
    LevelQuestion *question = context;
    uint32_t level = question->loops->slots[symbol->symbol->number].level;
    if (level > question->level) question->level = level;
}

/* The level at which a number is known. */
static uint32_t level_of(const LoopProgram *loops, Dim dim) {
    LevelQuestion question = {loops, 0};
    dim_each_symbol(dim, raise_level, &question);
    return question.level;
}

uint32_t slots_of_dim(LoopProgram *loops, Dim dim) {
    bool added;
    MapEntry *entry = map_insert(&loops->slot_of_dim, (const char *)&dim, sizeof dim, &added);
    if (added) {
        entry->value = (void *)(uintptr_t)(loops->slot_count + 1);
        uint32_t level = level_of(loops, dim);
        *ARENA_PUSH(loops->arena, loops->slots, loops->slot_count, loops->slot_capacity) =
            (LoopSlot){dim, level};
    }
    return (uint32_t)((uintptr_t)entry->value - 1);
}

static void bind_argument(LoopProgram *loops, LoopStep *step) {
    step->argument_count = 1;
    step->arguments = arena_alloc(loops->arena, sizeof *step->arguments);
    *step->arguments =
        (LoopArgument){.buffer = buffer_root(step->kernel->bind), .flags = TFCC_ABI_INPUT};
}

/* The symbols that a BIND gives their numbers: step->slots[k] is that of element k of the buffer,
 * UINT32_MAX where element k has none. */
static void plan_bind(LoopProgram *loops, LoopStep *step, Dim *symbols, size_t symbol_count) {
    size_t count = 0;
    for (size_t k = 0; k < symbol_count; k++) {
        size_t needed = (size_t)symbols[k]->symbol->element + 1;
        count = needed > count ? needed : count;
    }
    step->slot_count = count;
    step->slots = arena_alloc_array(loops->arena, count + 1, sizeof *step->slots);
    for (size_t k = 0; k < count; k++) step->slots[k] = UINT32_MAX;
    for (size_t k = 0; k < symbol_count; k++) {
        uint32_t number = symbols[k]->symbol->number;
        step->slots[symbols[k]->symbol->element] = number;
        loops->slots[number].level = step->level;
    }
    bind_argument(loops, step);
}

/* The same for symbols that the BIND lists itself. */
static void plan_sizes(LoopProgram *loops, LoopStep *step) {
    step->slot_count = step->kernel->symbol_count;
    step->slots = arena_alloc_array(loops->arena, step->slot_count + 1, sizeof *step->slots);
    for (size_t k = 0; k < step->slot_count; k++) {
        step->slots[k] = step->kernel->symbols[k]->symbol->number;
        loops->slots[step->slots[k]].level = step->level;
    }
    bind_argument(loops, step);
}

void slots_begin(LoopProgram *loops) {
    DimTable *dims = loops->program->graph->dims;
    Arena *scratch = arena_create();
    loops->symbol_count = dim_symbol_count(dims);
    typedef struct List {
        Dim *symbols;
        size_t count, capacity;
    } List;
    List *lists = arena_alloc_array(scratch, loops->program->buffer_count + 1, sizeof *lists);
    for (size_t k = 0; k < loops->symbol_count; k++) {
        Dim symbol = dim_symbol_at(dims, k);
        assert(symbol->symbol->number == k);
        bool added;
        map_insert(&loops->slot_of_dim, (const char *)&symbol, sizeof symbol, &added)->value =
            (void *)(uintptr_t)(k + 1);
        *ARENA_PUSH(loops->arena, loops->slots, loops->slot_count, loops->slot_capacity) =
            (LoopSlot){symbol, 0};
        if (symbol->symbol->kind != DIM_OF_VALUE || !symbol->symbol->value ||
            !symbol->symbol->value->buffer)
            continue;
        List *list = &lists[buffer_root(symbol->symbol->value->buffer)->number];
        *ARENA_PUSH(scratch, list->symbols, list->count, list->capacity) = symbol;
    }
    loops->level_count = 1;
    for (size_t k = 0; k < loops->step_count; k++) {
        LoopStep *step = &loops->steps[k];
        if (step->kernel->kind != KERNEL_BIND) continue;
        step->level = loops->level_count++;
        List *list = &lists[buffer_root(step->kernel->bind)->number];
        if (step->kernel->symbols)
            plan_sizes(loops, step);
        else
            plan_bind(loops, step, list->symbols, list->count);
    }
    for (size_t k = 0; k < loops->symbol_count; k++) {
        const DimSymbol *symbol = dim_symbol_at(dims, k)->symbol;
        if (symbol->fallback) slots_of_dim(loops, symbol->fallback);
        if (symbol->upper) slots_of_dim(loops, symbol->upper);
    }
    arena_destroy(scratch);
}

void slots_plan_buffers(LoopProgram *loops) {
    const Program *program = loops->program;
    DimTable *dims = program->graph->dims;
    loops->buffers =
        arena_alloc_array(loops->arena, program->buffer_count + 1, sizeof *loops->buffers);
    for (size_t k = 0; k < program->buffer_count; k++) {
        const Type *type = &program->buffers[k]->type;
        LoopBufferPlan *plan = &loops->buffers[k];
        Dim bytes = dim_constant(dims, (int64_t)dtype_size(type->dtype));
        for (int d = 0; d < type->shape.rank; d++) {
            plan->shape[d] = slots_of_dim(loops, type->shape.dims[d]);
            /* Sizes that come out negative take no memory: the check that refuses them runs later.
             */
            Dim size = type->shape.dims[d];
            if (!dim_is_nonnegative(dims, size))
                size = dim_maximum(dims, size, dim_constant(dims, 0));
            bytes = dim_multiply(dims, bytes, size);
            uint32_t level = level_of(loops, type->shape.dims[d]);
            if (level > plan->level) plan->level = level;
        }
        plan->rank_slot =
            type->shape.runtime_rank ? slots_of_dim(loops, type->shape.runtime_rank) : UINT32_MAX;
        plan->bytes_slot = slots_of_dim(loops, bytes);
        plan->offset_slot = UINT32_MAX;
    }
}

/* ---- the final order ---- */

typedef struct SortedSlot {
    LoopSlot slot;
    uint32_t old;
    int group; /* 0 symbols, 1 constants, 2 the rest */
} SortedSlot;

static int compare(const void *left, const void *right) {
    const SortedSlot *a = left, *b = right;
    if (a->group != b->group) return a->group - b->group;
    if (a->group == 2 && a->slot.level != b->slot.level)
        return a->slot.level < b->slot.level ? -1 : 1;
    /* Parts were made before what is made of them, so ids are a topological order. */
    if (a->group == 2) return a->slot.dim->id < b->slot.dim->id ? -1 : 1;
    return a->old < b->old ? -1 : 1;
}

static void replace(const uint32_t *renamed, uint32_t *slot) {
    if (*slot != UINT32_MAX) *slot = renamed[*slot];
}

void slots_finish(LoopProgram *loops) {
    Arena *scratch = arena_create();
    SortedSlot *sorted = arena_alloc_array(scratch, loops->slot_count + 1, sizeof *sorted);
    uint32_t *renamed = arena_alloc_array(scratch, loops->slot_count + 1, sizeof *renamed);
    for (size_t k = 0; k < loops->slot_count; k++) {
        LoopSlot slot = loops->slots[k];
        bool is_constant = dim_is_constant(slot.dim, NULL);
        sorted[k] = (SortedSlot){slot, (uint32_t)k,
                                 k < loops->symbol_count ? 0
                                 : is_constant           ? 1
                                                         : 2};
        loops->constant_count += sorted[k].group == 1;
    }
    qsort(sorted, loops->slot_count, sizeof *sorted, compare);
    for (size_t k = 0; k < loops->slot_count; k++) {
        renamed[sorted[k].old] = (uint32_t)k;
        loops->slots[k] = sorted[k].slot;
    }
    for (size_t k = 0; k < loops->slot_of_dim.count; k++) {
        MapEntry *entry = &loops->slot_of_dim.entries[k];
        entry->value = (void *)(uintptr_t)(renamed[(uintptr_t)entry->value - 1] + 1);
    }
    for (size_t k = 0; k < loops->step_count; k++)
        for (size_t s = 0; s < loops->steps[k].slot_count; s++)
            replace(renamed, &loops->steps[k].slots[s]);
    for (size_t k = 0; k < loops->program->buffer_count; k++) {
        LoopBufferPlan *plan = &loops->buffers[k];
        for (int d = 0; d < loops->program->buffers[k]->type.shape.rank; d++)
            replace(renamed, &plan->shape[d]);
        replace(renamed, &plan->rank_slot);
        replace(renamed, &plan->bytes_slot);
        replace(renamed, &plan->offset_slot);
    }
    for (uint32_t level = 0; level < loops->level_count; level++)
        replace(renamed, &loops->workspace_slots[level]);
    arena_destroy(scratch);
}
