/* workspace.c: which bytes of the workspace a buffer has.
 *
 * A buffer needs its bytes from the first step that stores into it to the last that reads it; what
 * a run delivers is taken right after the step that makes it. The new value of a variable lies with
 * the variables, not here. Views need their root's bytes. Each level has a block of its own, since
 * a block is obtained when its size is known.
 *
 * In a block, buffers of known size come first, placed over time as an allocator would, in the
 * smallest gap that takes them. Behind them stand rooms for sizes known at run time only: a buffer
 * moves into a free room that is certainly large enough. Either way an elementwise step may put its
 * result where an input lies that nothing reads afterwards.
 */
#include "loops/plan.h"
#include <tfcc/abi.h>

enum { ALIGNMENT = 64 };

typedef struct Gap {
    int64_t offset, size;
} Gap;

typedef struct Room {
    Dim size, offset;
    bool is_free;
} Room;

typedef struct Block {
    Gap *gaps; /* by offset; never adjacent */
    size_t gap_count, gap_capacity;
    int64_t end; /* of what has been handed out so far */
    Room *rooms;
    size_t room_count, room_capacity;
} Block;

/* A root buffer's time and place. */
typedef struct Residence {
    bool is_planned, is_placed, is_left; /* left: its bytes now belong to another buffer */
    size_t first, last;
    uint32_t level;
    Dim size; /* in bytes, a multiple of the alignment */
    bool is_known;
    int64_t bytes, offset; /* of a known size */
    size_t room;           /* of another */
} Residence;

typedef struct Leaving {
    uint32_t buffer;
    struct Leaving *next;
} Leaving;

typedef struct Workspace {
    LoopProgram *loops;
    Arena *scratch;
    DimTable *dims;
    KernelArguments *arguments; /* by step */
    Residence *residences;      /* by buffer number */
    Block *blocks;              /* by level */
    Leaving **leaving;          /* by step: buffers that are read there for the last time */
} Workspace;

/* ---- lifetimes ---- */

static bool needs_place(const Buffer *buffer) {
    return buffer->kind == TFCC_ABI_VALUE;
}

static void use(Workspace *w, Buffer *buffer, size_t step, bool is_output) {
    buffer = buffer_root(buffer);
    Residence *residence = &w->residences[buffer->number];
    if (!needs_place(buffer) || (!residence->is_planned && !is_output)) return;
    if (!residence->is_planned) *residence = (Residence){.is_planned = true, .first = step};
    if (residence->last < step) residence->last = step;
}

static void find_lifetimes(Workspace *w) {
    LoopProgram *loops = w->loops;
    for (size_t k = 0; k < loops->step_count; k++) {
        const LoopStep *step = &loops->steps[k];
        for (const Guard *guard = step->kernel->guard; guard; guard = guard->outer)
            if (guard->predicate->buffer) use(w, guard->predicate->buffer, k, false);
        for (size_t a = 0; a < step->argument_count; a++)
            use(w, step->arguments[a].buffer, k, (step->arguments[a].flags & TFCC_ABI_OUTPUT) != 0);
    }
    for (size_t k = 0; k < loops->program->buffer_count; k++) {
        Residence *residence = &w->residences[k];
        if (!residence->is_planned) continue;
        LoopBufferPlan *plan = &loops->buffers[k];
        residence->level = plan->level;
        Dim bytes = loops->slots[plan->bytes_slot].dim, unit = dim_constant(w->dims, ALIGNMENT);
        residence->size = dim_multiply(w->dims, dim_ceil_divide(w->dims, bytes, unit), unit);
        residence->is_known = dim_is_constant(residence->size, &residence->bytes);
        Leaving *leaving = arena_alloc(w->scratch, sizeof *leaving);
        *leaving = (Leaving){(uint32_t)k, w->leaving[residence->last]};
        w->leaving[residence->last] = leaving;
    }
}

/* ---- known sizes: gaps ---- */

static int64_t take_gap(Block *block, int64_t size) {
    size_t best = SIZE_MAX;
    for (size_t k = 0; k < block->gap_count; k++)
        if (block->gaps[k].size >= size &&
            (best == SIZE_MAX || block->gaps[k].size < block->gaps[best].size))
            best = k;
    if (best == SIZE_MAX) {
        /* A gap at the very end grows; else the block does. */
        Gap *last = block->gap_count > 0 ? &block->gaps[block->gap_count - 1] : NULL;
        bool is_at_end = last && last->offset + last->size == block->end;
        int64_t offset = is_at_end ? last->offset : block->end;
        block->gap_count -= is_at_end;
        block->end = offset + size;
        return offset;
    }
    int64_t offset = block->gaps[best].offset;
    block->gaps[best].offset += size;
    block->gaps[best].size -= size;
    if (block->gaps[best].size == 0) {
        block->gap_count--;
        for (size_t k = best; k < block->gap_count; k++) block->gaps[k] = block->gaps[k + 1];
    }
    return offset;
}

static void leave_gap(Workspace *w, Block *block, int64_t offset, int64_t size) {
    if (size == 0) return;
    ARENA_PUSH(w->scratch, block->gaps, block->gap_count, block->gap_capacity);
    size_t k = block->gap_count - 1;
    for (; k > 0 && block->gaps[k - 1].offset > offset; k--) block->gaps[k] = block->gaps[k - 1];
    block->gaps[k] = (Gap){offset, size};
    for (size_t left = k > 0 ? k - 1 : 0; left + 1 < block->gap_count && left <= k;) {
        Gap *gap = &block->gaps[left];
        if (gap->offset + gap->size != gap[1].offset) {
            left++;
            continue;
        }
        gap->size += gap[1].size;
        block->gap_count--;
        for (size_t j = left + 1; j < block->gap_count; j++) block->gaps[j] = block->gaps[j + 1];
    }
}

/* ---- sizes known at run time: rooms ---- */

static bool is_certainly_enough(Workspace *w, Dim room, Dim size) {
    return room == size || dim_is_nonnegative(w->dims, dim_subtract(w->dims, room, size));
}

enum { ROOMS_ASKED = 64 }; /* how many free rooms are compared with a size: planning stays linear */

static size_t take_room(Workspace *w, Block *block, Dim size) {
    size_t enough = SIZE_MAX, smaller = SIZE_MAX;
    int asked = 0;
    for (size_t k = 0; k < block->room_count && asked < ROOMS_ASKED; k++) {
        const Room *room = &block->rooms[k];
        if (!room->is_free) continue;
        asked++;
        if (room->size == size) {
            enough = k;
            break;
        }
        if (enough == SIZE_MAX && is_certainly_enough(w, room->size, size)) enough = k;
        if (smaller == SIZE_MAX && is_certainly_enough(w, size, room->size)) smaller = k;
    }
    size_t chosen = enough != SIZE_MAX ? enough : smaller;
    if (chosen == SIZE_MAX) {
        chosen = block->room_count;
        *ARENA_PUSH(w->scratch, block->rooms, block->room_count, block->room_capacity) =
            (Room){.size = size};
    }
    if (enough == SIZE_MAX) block->rooms[chosen].size = size;
    block->rooms[chosen].is_free = false;
    return chosen;
}

/* ---- over time ---- */

/* The input of the step whose place the output may take, or UINT32_MAX. */
static uint32_t find_predecessor(const Workspace *w, size_t step_number,
                                 const KernelOutput *output) {
    const LoopStep *step = &w->loops->steps[step_number];
    const Residence *mine = &w->residences[output->buffer->number];
    for (size_t k = 0; k < step->argument_count; k++) {
        const LoopArgument *argument = &step->arguments[k];
        const Residence *other = &w->residences[argument->buffer->number];
        if (!(argument->flags & TFCC_ABI_INPUT) || (argument->flags & TFCC_ABI_OUTPUT) ||
            !other->is_placed || other->is_left || other->last != step_number ||
            other->level != mine->level || other->size != mine->size)
            continue;
        if (arguments_same_index(step->kernel, output, argument->buffer)) return (uint32_t)k;
    }
    return UINT32_MAX;
}

static void share(Workspace *w, size_t step, uint32_t input, Buffer *output) {
    KernelArguments *arguments = &w->arguments[step];
    for (size_t k = 0; k < arguments->count; k++)
        if (k == input || arguments->arguments[k].buffer == output ||
            arguments->arguments[k].buffer == arguments->arguments[input].buffer)
            arguments->parameters[k].is_exclusive = false;
}

static void place_output(Workspace *w, size_t step, const KernelOutput *output) {
    Residence *residence = &w->residences[output->buffer->number];
    if (!residence->is_planned || residence->is_placed) return;
    residence->is_placed = true;
    uint32_t input = find_predecessor(w, step, output);
    if (input != UINT32_MAX) {
        Residence *other = &w->residences[w->loops->steps[step].arguments[input].buffer->number];
        other->is_left = true;
        residence->offset = other->offset;
        residence->room = other->room;
        share(w, step, input, output->buffer);
        return;
    }
    Block *block = &w->blocks[residence->level];
    if (residence->is_known)
        residence->offset = take_gap(block, residence->bytes);
    else
        residence->room = take_room(w, block, residence->size);
}

static void release(Workspace *w, const Residence *residence) {
    if (!residence->is_placed || residence->is_left) return;
    Block *block = &w->blocks[residence->level];
    if (residence->is_known)
        leave_gap(w, block, residence->offset, residence->bytes);
    else
        block->rooms[residence->room].is_free = true;
}

static void write_offsets(Workspace *w) {
    LoopProgram *loops = w->loops;
    loops->workspace_slots =
        arena_alloc_array(loops->arena, loops->level_count, sizeof *loops->workspace_slots);
    for (uint32_t level = 0; level < loops->level_count; level++) {
        Block *block = &w->blocks[level];
        Dim end = dim_constant(w->dims, block->end);
        for (size_t k = 0; k < block->room_count; k++) {
            block->rooms[k].offset = end;
            end = dim_add(w->dims, end, block->rooms[k].size);
        }
        loops->workspace_slots[level] = slots_of_dim(loops, end);
    }
    for (size_t k = 0; k < loops->program->buffer_count; k++) {
        const Residence *residence = &w->residences[k];
        if (!residence->is_placed) continue;
        Dim offset = residence->is_known
                         ? dim_constant(w->dims, residence->offset)
                         : w->blocks[residence->level].rooms[residence->room].offset;
        loops->buffers[k].offset_slot = slots_of_dim(loops, offset);
    }
}

void workspace_plan(LoopProgram *loops, KernelArguments *arguments) {
    Workspace w = {.loops = loops,
                   .scratch = arena_create(),
                   .dims = loops->program->graph->dims,
                   .arguments = arguments};
    w.residences =
        arena_alloc_array(w.scratch, loops->program->buffer_count + 1, sizeof *w.residences);
    w.blocks = arena_alloc_array(w.scratch, loops->level_count, sizeof *w.blocks);
    w.leaving = arena_alloc_array(w.scratch, loops->step_count + 1, sizeof *w.leaving);
    find_lifetimes(&w);
    for (size_t k = 0; k < loops->step_count; k++) {
        const Kernel *kernel = loops->steps[k].kernel;
        for (size_t o = 0; o < kernel->output_count; o++) place_output(&w, k, &kernel->outputs[o]);
        for (const Leaving *leaving = w.leaving[k]; leaving; leaving = leaving->next)
            release(&w, &w.residences[leaving->buffer]);
    }
    write_offsets(&w);
    arena_destroy(w.scratch);
}
