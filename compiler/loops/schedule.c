/* schedule.c: the whole program: order, slots, arguments, workspace, and a function for every
 * distinct kernel.
 *
 * Two kernels are the same when their functions are: the text of a function has buffers and slots
 * by number, so equal texts are equal code.
 */
#include "kernels/math.h"
#include "loops/nest.h"
#include "loops/plan.h"
#include <ctype.h>
#include <string.h>

typedef struct Schedule {
    LoopProgram *loops;
    uint32_t target; /* the number of the one that is scheduled for */
    Map functions;   /* hash of the text -> FunctionEntry */
} Schedule;

typedef struct FunctionEntry {
    LoopFunction *function;
    const char *text;
    struct FunctionEntry *next;
} FunctionEntry;

/* `dense_2` of `dense/2:1`, and the number. */
static const char *function_name(Arena *arena, const char *kernel, uint32_t number) {
    char *name = arena_format(arena, "%.40s_%u", kernel, number);
    for (char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at)) *at = '_';
    return isdigit((unsigned char)name[0]) ? arena_format(arena, "k%s", name) : name;
}

/* The function of this text: an earlier one, or this. */
static LoopFunction *share_function(Schedule *s, LoopFunction *function, const Kernel *kernel,
                                    Arena *scratch) {
    LoopProgram *loops = s->loops;
    Text text = {.arena = scratch};
    loop_function_print(&text, function);
    uint64_t hash = hash_bytes(text.bytes, text.length);
    MapEntry *entry = map_insert(&s->functions, (const char *)&hash, sizeof hash, NULL);
    for (FunctionEntry *known = entry->value; known; known = known->next)
        if (strcmp(known->text, text.bytes) == 0) return known->function;
    FunctionEntry *fresh = arena_alloc(loops->arena, sizeof *fresh);
    *fresh = (FunctionEntry){function, arena_copy_text(loops->arena, text.bytes, text.length),
                             entry->value};
    entry->value = fresh;
    function->number = (uint32_t)loops->function_count;
    function->name = function_name(loops->arena, kernel->name, function->number);
    *ARENA_PUSH(loops->arena, loops->functions, loops->function_count, loops->function_capacity) =
        function;
    return function;
}

static LoopVersion schedule_step(Schedule *s, const LoopStep *step,
                                 const KernelArguments *arguments) {
    LoopProgram *loops = s->loops;
    Arena *scratch = arena_create();
    LoopFunction *function = arena_alloc(loops->arena, sizeof *function);
    function->place = step->kernel->place;
    function->target = s->target;
    for (size_t k = 0; k < arguments->count; k++)
        *ARENA_PUSH(loops->arena, function->buffers, function->buffer_count,
                    function->buffer_capacity) = arguments->parameters[k];
    FunctionEmission whole = {.function = function,
                              .loops = loops,
                              .target = &loops->targets.targets[s->target],
                              .arguments = arguments,
                              .arena = loops->arena,
                              .scratch = scratch};
    function_emit(&whole, step->kernel);
    LoopVersion version = {.slot_count = whole.slot_count};
    version.slots = arena_alloc_array(loops->arena, whole.slot_count + 1, sizeof *version.slots);
    for (size_t k = 0; k < whole.slot_count; k++)
        version.slots[k] = slots_of_dim(loops, whole.slot_dims[k]);
    version.function = share_function(s, function, step->kernel, scratch);
    arena_destroy(scratch);
    return version;
}

/* A kernel that brings its code: only its parameters are now known to share bytes or not. */
static LoopVersion schedule_code(Schedule *s, const LoopStep *step,
                                 const KernelArguments *arguments) {
    LoopProgram *loops = s->loops;
    Arena *scratch = arena_create();
    const KernelCode *code = step->kernel->code;
    LoopFunction *function = arena_copy(loops->arena, code->function, sizeof *function);
    function->target = s->target;
    function->buffers = arena_copy(loops->arena, code->function->buffers,
                                   function->buffer_count * sizeof *function->buffers);
    memcpy(function->buffers, arguments->parameters, arguments->count * sizeof *function->buffers);
    LoopVersion version = {.slot_count = code->number_count};
    version.slots = arena_alloc_array(loops->arena, code->number_count + 1, sizeof *version.slots);
    for (size_t k = 0; k < code->number_count; k++)
        version.slots[k] = slots_of_dim(loops, code->numbers[k]);
    version.function = share_function(s, function, step->kernel, scratch);
    arena_destroy(scratch);
    return version;
}

enum { FEW_OPERATIONS = 24 };

typedef struct WidthVisit {
    int operations;
    bool has_contraction;
} WidthVisit;

static void visit_width(void *context, Scalar *scalar) {
    WidthVisit *visit = context;
    visit->operations += scalar->op >= SCALAR_CONVERT;
    if (scalar->op == SCALAR_REDUCE && scalar->as.reduce.is_contraction)
        visit->has_contraction = true;
}

/* Whether a level pays over the next lower one. What does little with each number waits for memory,
 * at the widest vectors as at half of them; an alternate, which only unusual runs need, is there
 * once. Sums of products are rounded as their level does, so they have to be of the session's. */
static bool gains_from_level(const Kernel *kernel, bool is_widest) {
    WidthVisit visit = {0};
    if (kernel->kind != KERNEL_STRUCTURED) return true;
    kernel_each_scalar(kernel, visit_width, &visit);
    if (visit.has_contraction) return true;
    return !kernel->is_alternate && (!is_widest || visit.operations > FEW_OPERATIONS);
}

/* Every version of every step, those of one target after the other, the least one first: what comes
 * out the same for a better one (scalars, short vectors) is its code too. */
static void schedule_steps(LoopProgram *loops, const KernelArguments *arguments) {
    Schedule schedule = {loops, (uint32_t)loops->targets.count, map_create(loops->arena)};
    size_t others = loops->targets.count - 1;
    while (schedule.target-- > 0) {
        for (size_t k = 0; k < loops->step_count; k++) {
            LoopStep *step = &loops->steps[k];
            if (step->kernel->kind == KERNEL_BIND) continue;
            bool is_next =
                schedule.target < others && !gains_from_level(step->kernel, schedule.target == 0);
            LoopVersion version = is_next ? step->versions[schedule.target]
                                  : step->kernel->kind == KERNEL_DIRECT
                                      ? schedule_code(&schedule, step, &arguments[k])
                                      : schedule_step(&schedule, step, &arguments[k]);
            if (schedule.target == 0) {
                step->function = version.function;
                step->slots = version.slots;
                step->slot_count = version.slot_count;
            } else {
                if (!step->versions)
                    step->versions =
                        arena_alloc_array(loops->arena, others, sizeof *step->versions);
                step->versions[schedule.target - 1] = version;
            }
        }
    }
}

static bool verify(const Compilation *c, const LoopProgram *loops) {
    char message[256];
    if (loop_program_verify(loops, message, sizeof message)) return true;
    return diagnose_error(c->diagnostics, (Place){0}, "the compiler has made wrong loops: %s",
                          message);
}

static void expand_functions(Kernel *kernel) {
    if (kernel->kind == KERNEL_STRUCTURED) math_expand_kernel(kernel);
    for (size_t m = 0; m < kernel->member_count; m++) expand_functions(kernel->members[m]);
    if (kernel->kind == KERNEL_GROUP) kernel_gather_members(kernel);
}

bool schedule_program(Compilation *c, const TargetList *targets) {
    LoopProgram *loops = arena_alloc(c->arena, sizeof *loops);
    loops->arena = c->arena;
    loops->program = c->program;
    loops->targets = *targets;
    loops->slot_of_dim = map_create(c->arena);
    c->loops = loops;
    for (size_t k = 0; k < c->program->kernel_count; k++) {
        Kernel *kernel = c->program->kernels[k];
        if (!kernel->is_dead) expand_functions(kernel);
    }
    order_steps(loops);
    slots_begin(loops);
    slots_plan_buffers(loops);
    KernelArguments *arguments =
        arena_alloc_array(c->arena, loops->step_count + 1, sizeof *arguments);
    for (size_t k = 0; k < loops->step_count; k++) {
        LoopStep *step = &loops->steps[k];
        if (step->kernel->kind == KERNEL_BIND) continue;
        arguments[k] = arguments_of_kernel(c->arena, step->kernel);
        step->arguments = arguments[k].arguments;
        step->argument_count = arguments[k].count;
    }
    workspace_plan(loops, arguments);
    schedule_steps(loops, arguments);
    slots_finish(loops);
    return !c->options.verify || verify(c, loops);
}
