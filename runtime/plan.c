/* plan.c: which steps a set of feeds and fetches needs.
 *
 * Two phases. The walk marks steps and buffers, from the last step to the
 * first, cutting at fed buffers. The building then numbers the buffers that
 * marked steps touch (locals) and resolves what a run would otherwise have to
 * look up. Both are linear in the model's tables.
 */
#include "plan.h"

#include <string.h>

enum {
    NEEDED_BY_STEP = 1,
    NEEDED_BY_FETCH = 2,
    NEEDED = NEEDED_BY_STEP | NEEDED_BY_FETCH,
    FED = 4,
    PRODUCED = 8, /* by a marked step, always */
    OFFERED = 16, /* by a marked step, as an optional output */
    DIRECT = 32,  /* computed in the caller's memory */
};

typedef struct Builder {
    const tfcc_model *model;
    tfcc_plan *plan;
    uint8_t *buffers;    /* marks */
    bool *steps;         /* needed */
    uint32_t *local_of;  /* by buffer: its local, or 0 */
    uint32_t *binder_of; /* as in the plan */
    uint32_t *feeds;     /* in model->feeds */
    uint32_t *fetches;   /* in model->fetches */
    bool *wanted;        /* which fetches are not only targets */
    uint32_t feed_count, fetch_count;
    bool alternates;
} Builder;

static const tfcc_abi_argument *step_argument(const Builder *b, const tfcc_abi_step *step,
                                              uint32_t i) {
    return &b->model->arguments[step->first_argument + i];
}

/* The buffer whose bytes `buffer` shows in this run. */
static uint32_t root_of(const Builder *b, uint32_t buffer) {
    while ((b->buffers[buffer] & FED) == 0 && b->model->buffers[buffer].alias_of != TFCC_ABI_NONE)
        buffer = b->model->buffers[buffer].alias_of;
    return buffer;
}

/* ---- The walk ---- */

TFCC_INLINE void need_buffer(Builder *b, uint32_t buffer, uint8_t mark) {
    b->buffers[root_of(b, buffer)] |= mark;
}

static void need_steps(Builder *b, uint32_t first, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) b->steps[b->model->lists[first + i]] = true;
}

/* Whether the arguments are not needed: feeds bind all symbols of a BIND step. */
static bool is_bound(const Builder *b, const tfcc_abi_step *step) {
    if (step->kind != TFCC_ABI_BIND) return false;
    for (uint32_t i = 0; i < step->slot_count; i++)
        if (b->binder_of[b->model->lists[step->first_slot + i]] == 0) return false;
    return true;
}

/* Whether the step has to be carried out for a buffer with these marks, if it is its output. */
static bool wants_output(const tfcc_abi_step *step, uint32_t flags, uint8_t marks) {
    if ((flags & TFCC_ABI_OUTPUT) == 0 || (marks & FED) != 0) return false;
    if ((step->flags & TFCC_ABI_ALTERNATE) == 0)
        return (flags & TFCC_ABI_OPTIONAL) == 0 && (marks & NEEDED) != 0;
    if ((marks & PRODUCED) != 0) return false;
    return (marks & NEEDED_BY_STEP) != 0 ||
           (marks & (NEEDED_BY_FETCH | OFFERED)) == NEEDED_BY_FETCH;
}

/* Marks what a needed step needs, and what it gives. */
static void visit_step(Builder *b, const tfcc_abi_step *step) {
    bool bound = is_bound(b, step);
    for (uint32_t i = 0; i < step->argument_count; i++) {
        const tfcc_abi_argument *argument = step_argument(b, step, i);
        if ((argument->flags & TFCC_ABI_INPUT) != 0 && !bound)
            need_buffer(b, argument->buffer, NEEDED_BY_STEP);
        if ((argument->flags & TFCC_ABI_OUTPUT) != 0)
            b->buffers[argument->buffer] |=
                (argument->flags & TFCC_ABI_OPTIONAL) != 0 ? OFFERED : PRODUCED;
    }
    for (uint32_t i = 0; i < step->guard_count; i++)
        need_buffer(b, b->model->guards[step->first_guard + i].buffer, NEEDED_BY_STEP);
    need_steps(b, step->first_after, step->after_count);
}

/* One walk from the last step to the first. Alternate steps wait for the second, when it is known
 * what the others give. */
static void walk_steps(Builder *b, bool second) {
    for (uint32_t s = b->model->step_count; s-- > 0;) {
        const tfcc_abi_step *step = &b->model->steps[s];
        bool alternate = (step->flags & TFCC_ABI_ALTERNATE) != 0;
        b->alternates |= alternate;
        for (uint32_t i = 0; i < step->argument_count && (second || !alternate); i++) {
            const tfcc_abi_argument *argument = step_argument(b, step, i);
            b->steps[s] |= wants_output(step, argument->flags, b->buffers[argument->buffer]);
        }
        if (b->steps[s]) visit_step(b, step);
    }
}

static void walk(Builder *b) {
    for (uint32_t i = 0; i < b->fetch_count; i++) {
        const tfcc_abi_entry *fetch = &b->model->fetches[b->fetches[i]];
        if (fetch->buffer != TFCC_ABI_NONE) need_buffer(b, fetch->buffer, NEEDED_BY_FETCH);
        need_steps(b, fetch->first_step, fetch->step_count);
    }
    walk_steps(b, false);
    if (b->alternates) walk_steps(b, true);
}

/* ---- What is asked for ---- */

static tfcc_status mark_feed(Builder *b, uint32_t i) {
    const tfcc_abi_entry *feed = &b->model->feeds[b->feeds[i]];
    uint8_t *marks = &b->buffers[feed->buffer];
    if ((*marks & FED) != 0) return tfcc_fail(FED_TWICE, feed->handle);
    *marks = FED;
    const tfcc_abi_buffer *buffer = &b->model->buffers[feed->buffer];
    for (uint32_t k = 0; k <= TFCC_ABI_RANK; k++) {
        uint32_t slot = tfcc_axis_slot(b->model, buffer, k);
        if (slot < b->model->symbol_count && b->binder_of[slot] == 0)
            b->binder_of[slot] = tfcc_binder(i, k);
    }
    return TFCC_OK;
}

/* Finds feeds and fetches, by name or from the signature, and marks feeds. */
static tfcc_status resolve(Builder *b, const tfcc_call *call) {
    const tfcc_model *model = b->model;
    const tfcc_abi_signature *signature =
        call->signature < model->signature_count ? &model->signatures[call->signature] : NULL;
    for (uint32_t i = 0; i < b->feed_count; i++) {
        if (signature != NULL)
            b->feeds[i] = model->lists[signature->first_feed + i];
        else
            TFCC_TRY(
                tfcc_name_find(call->session, tfcc_name_at(call->feeds, i), false, &b->feeds[i]));
        TFCC_TRY(mark_feed(b, i));
    }
    for (uint32_t i = 0; i < b->fetch_count; i++) {
        if (signature != NULL) {
            b->fetches[i] = model->lists[signature->first_fetch + i];
            b->wanted[i] = i < signature->fetch_count;
            continue;
        }
        const char *name = tfcc_name_at(call->fetches, i);
        TFCC_TRY(tfcc_name_find(call->session, name, true, &b->fetches[i]));
        b->wanted[i] = tfcc_tensor_at(call->fetches, i)->dtype != TFCC_NONE;
        if (b->wanted[i] && model->fetches[b->fetches[i]].buffer == TFCC_ABI_NONE)
            return tfcc_fail(ONLY_TARGET, name);
    }
    if (call->signature == TFCC_INITIALIZE)
        need_steps(b, model->first_initial_step, model->initial_step_count);
    return TFCC_OK;
}

__attribute__((cold)) static tfcc_status missing_feed(const tfcc_model *model, uint32_t buffer) {
    const tfcc_abi_entry entry = {.handle = model->buffers[buffer].name, .buffer = buffer};
    tfcc_description description;
    tfcc_describe(model, &entry, &description);
    return tfcc_fail(NOT_FED, description.name, tfcc_dtype_name(description.dtype),
                     tfcc_shape_text(description.shape, description.rank));
}

/* ---- Locals ---- */

static uint32_t add_local(Builder *b, uint32_t buffer, uint32_t kind) {
    uint32_t local = b->plan->local_count++;
    tfcc_local *added = &b->plan->locals[local];
    added->buffer = buffer;
    added->kind = kind;
    return local;
}

/* The plan's entry of the variable that `buffer` is one of. */
static tfcc_plan_variable *touch_variable(Builder *b, uint32_t buffer) {
    tfcc_plan_variable *variable = &b->plan->variables[b->model->buffers[buffer].variable];
    if (variable->start == LOCAL_NULL) {
        variable->start = add_local(b, buffer, TFCC_ABI_START);
        variable->current = add_local(b, buffer, TFCC_ABI_CURRENT);
    }
    return variable;
}

static uint32_t local_of(Builder *b, uint32_t buffer) {
    buffer = root_of(b, buffer);
    uint32_t kind = b->model->buffers[buffer].kind, *local = &b->local_of[buffer];
    if (*local != LOCAL_NULL) return *local;
    if (kind >= TFCC_ABI_START && kind <= TFCC_ABI_INITIALIZED) {
        tfcc_plan_variable *variable = touch_variable(b, buffer);
        if (kind == TFCC_ABI_START) return variable->start;
        if (kind == TFCC_ABI_CURRENT) return variable->current;
        if (kind == TFCC_ABI_INITIALIZED) local = &variable->initialized;
    }
    if ((b->buffers[buffer] & DIRECT) != 0) kind = LOCAL_RESULT;
    if (*local == LOCAL_NULL) *local = add_local(b, buffer, kind);
    return *local;
}

/* The local an output is stored to. What a step computes for a buffer that is fed goes to a place
 * of its own. */
static uint32_t output_local(Builder *b, const tfcc_abi_argument *argument) {
    uint8_t marks = b->buffers[argument->buffer];
    uint32_t kind = b->model->buffers[argument->buffer].kind;
    if ((argument->flags & TFCC_ABI_OPTIONAL) != 0 &&
        ((marks & NEEDED) == 0 || (marks & (FED | PRODUCED)) != 0))
        return LOCAL_NULL;
    if ((marks & FED) == 0) return local_of(b, argument->buffer);
    if (kind == TFCC_ABI_WRITE) touch_variable(b, argument->buffer);
    return add_local(b, argument->buffer, kind);
}

/* Fed buffers come first, so that feed i is local LOCAL_FIRST + i. A variable that is fed has that
 * value at the start, at the end and in between. */
static void add_fed_locals(Builder *b) {
    b->plan->local_count = LOCAL_FIRST + b->feed_count;
    for (uint32_t i = 0; i < b->feed_count; i++) {
        uint32_t local = LOCAL_FIRST + i;
        uint32_t buffer = b->model->feeds[b->feeds[i]].buffer;
        b->plan->feeds[i] = b->feeds[i];
        b->plan->locals[local].buffer = buffer;
        b->plan->locals[local].kind = LOCAL_FED;
        b->local_of[buffer] = local;
        if (b->model->buffers[buffer].kind != TFCC_ABI_START) continue;
        tfcc_plan_variable *variable = touch_variable(b, buffer);
        variable->start = variable->current = local;
        variable->fed = true;
    }
}

/* ---- Steps ---- */

/* A step reads local `local`. If it is a variable: when must it have a value? At the start of the
 * run where that is certain already. */
static void read_local(Builder *b, tfcc_plan_step *built, uint32_t local) {
    tfcc_local *read = &b->plan->locals[local];
    read->last_read = b->plan->step_count;
    if (!tfcc_is_variable(read)) return;
    tfcc_plan_variable *variable = touch_variable(b, read->buffer);
    bool current = local == variable->current;
    if (current && variable->written) return;
    if (built->step->guard_count > 0 || (current && variable->may_be_written))
        built->required = true;
    else
        variable->required = true;
}

static uint32_t build_argument(Builder *b, tfcc_plan_step *built,
                               const tfcc_abi_argument *argument) {
    tfcc_plan *plan = b->plan;
    if ((argument->flags & TFCC_ABI_OUTPUT) == 0) {
        uint32_t local = local_of(b, argument->buffer);
        read_local(b, built, local);
        return local;
    }
    uint32_t local = output_local(b, argument);
    if ((argument->flags & TFCC_ABI_PRELOADED) != 0) built->special = true;
    if (plan->locals[local].kind == TFCC_ABI_WRITE) { /* LOCAL_NULL is a CONSTANT */
        tfcc_plan_write *write = &plan->writes[plan->write_count++];
        write->local = local;
        write->variable = b->model->buffers[argument->buffer].variable;
        write->current = plan->variables[write->variable].current;
        write->step = plan->step_count;
        built->write_count++;
    }
    return local;
}

static void build_step(Builder *b, const tfcc_abi_step *step) {
    tfcc_plan *plan = b->plan;
    tfcc_plan_step *built = &plan->steps[plan->step_count];
    uint32_t *locals = plan->arguments + plan->argument_count;
    built->kernel = step->kernel;
    built->step = step;
    built->arguments = locals;
    built->slots = b->model->lists + step->first_slot;
    built->slot_count = step->slot_count;
    built->writes = &plan->writes[plan->write_count];
    built->special = step->kind == TFCC_ABI_BIND || step->guard_count > 0;
    if (!is_bound(b, step)) built->argument_count = step->argument_count;
    for (uint32_t i = 0; i < built->argument_count; i++)
        *locals++ = build_argument(b, built, step_argument(b, step, i));
    for (uint32_t i = 0; i < step->guard_count; i++) {
        *locals = local_of(b, b->model->guards[step->first_guard + i].buffer);
        plan->locals[*locals++].last_read = plan->step_count;
    }
    plan->argument_count = (uint32_t)(locals - plan->arguments);
    /* Only now: the step's own reads come before its writes. */
    for (uint32_t i = 0; i < built->write_count; i++) {
        tfcc_plan_variable *variable = &plan->variables[built->writes[i].variable];
        if (step->guard_count > 0)
            variable->may_be_written = true;
        else
            variable->written = true;
    }
    built->special |= built->required;
    if (built->argument_count > plan->argument_limit) plan->argument_limit = built->argument_count;
    if (built->slot_count > plan->slot_limit) plan->slot_limit = built->slot_count;
    plan->step_count++;
}

/* ---- Fetches ---- */

/* Before the steps: chooses the fetches that are computed in the caller's memory, the first of each
 * buffer that steps compute. */
static void choose_direct(Builder *b, uint32_t i) {
    tfcc_plan_fetch *built = &b->plan->fetches[i];
    const tfcc_abi_entry *fetch = &b->model->fetches[b->fetches[i]];
    built->fetch = b->fetches[i];
    built->buffer = fetch->buffer;
    built->wanted = b->wanted[i];
    built->feed = built->level = TFCC_ABI_NONE;
    if (!built->wanted || fetch->buffer == TFCC_ABI_NONE) return;
    uint32_t root = root_of(b, fetch->buffer);
    if (b->model->buffers[root].kind != TFCC_ABI_VALUE) return;
    built->direct = (b->buffers[root] & (FED | DIRECT)) == 0;
    if (built->direct) b->buffers[root] |= DIRECT;
}

static void build_fetch(Builder *b, uint32_t i) {
    tfcc_plan *plan = b->plan;
    tfcc_plan_fetch *built = &plan->fetches[i];
    if (!built->wanted || built->buffer == TFCC_ABI_NONE) return;
    const tfcc_abi_buffer *buffer = &b->model->buffers[built->buffer];
    uint32_t root = root_of(b, built->buffer);
    built->dtype = buffer->dtype;
    built->bytes_slot = buffer->bytes_slot;
    built->level = b->model->buffers[root].level;
    built->local = local_of(b, built->buffer);
    if (buffer->kind == TFCC_ABI_START && buffer->alias_of == TFCC_ABI_NONE &&
        (b->buffers[root] & FED) == 0)
        built->local = touch_variable(b, root)->current;
    tfcc_local *local = &plan->locals[built->local];
    local->last_read = UINT32_MAX;
    built->rank = -1;
    if (local->kind == LOCAL_FED)
        built->feed = built->local - LOCAL_FIRST;
    else if (buffer->rank == 0)
        built->rank = 0;
    built->reshaped = root != built->buffer;
    if (!tfcc_is_variable(local)) return;
    tfcc_plan_variable *variable = touch_variable(b, local->buffer);
    if (built->local == variable->current && variable->written) return;
    if (built->local == variable->current && variable->may_be_written)
        plan->end_may_fail = true;
    else
        variable->required = true;
}

/* Sorts the locals that live in the workspace by level. */
static void list_values(Builder *b) {
    tfcc_plan *plan = b->plan;
    uint32_t count = 0;
    for (uint32_t level = 0; level < b->model->level_count; level++) {
        for (uint32_t i = LOCAL_FIRST; i < plan->local_count; i++)
            if (plan->locals[i].kind == TFCC_ABI_VALUE &&
                b->model->buffers[plan->locals[i].buffer].level == level)
                plan->values[count++] = i;
        plan->level_first[level + 1] = count;
    }
}

/* ---- Memory ---- */

enum { BUFFERS, SYMBOLS, STEPS, FEEDS, FETCHES, SCRATCH_COUNTS };

static const tfcc_part scratch_parts[] = {
    TFCC_PART(Builder, local_of, BUFFERS), TFCC_PART(Builder, buffers, BUFFERS),
    TFCC_PART(Builder, steps, STEPS),      TFCC_PART(Builder, binder_of, SYMBOLS),
    TFCC_PART(Builder, feeds, FEEDS),      TFCC_PART(Builder, fetches, FETCHES),
    TFCC_PART(Builder, wanted, FETCHES),
};

/* TOUCHED: arguments, guards, feeds and fetches; no list is longer. A local is made for each of
 * these, or three for a variable. */
enum { VARIABLES = SCRATCH_COUNTS, LEVELS, TOUCHED, LOCALS, PLAN_COUNTS };

static const tfcc_part plan_parts[] = {
    TFCC_PART(tfcc_plan, feeds, FEEDS),     TFCC_PART(tfcc_plan, binder_of, SYMBOLS),
    TFCC_PART(tfcc_plan, fetches, FETCHES), TFCC_PART(tfcc_plan, locals, LOCALS),
    TFCC_PART(tfcc_plan, values, LOCALS),   TFCC_PART(tfcc_plan, level_first, LEVELS),
    TFCC_PART(tfcc_plan, steps, STEPS),     TFCC_PART(tfcc_plan, arguments, TOUCHED),
    TFCC_PART(tfcc_plan, writes, TOUCHED),  TFCC_PART(tfcc_plan, variables, VARIABLES),
};

#define PARTS(parts) parts, sizeof(parts) / sizeof *(parts)

/* Counts what needed steps touch. */
static void count_plan(const Builder *b, uint32_t counts[PLAN_COUNTS]) {
    counts[STEPS] = 0;
    counts[TOUCHED] = b->feed_count + b->fetch_count;
    for (uint32_t s = 0; s < b->model->step_count; s++) {
        if (!b->steps[s]) continue;
        counts[STEPS]++;
        counts[TOUCHED] += b->model->steps[s].argument_count + b->model->steps[s].guard_count;
    }
    counts[LOCALS] = LOCAL_FIRST + 3 * counts[TOUCHED];
    counts[VARIABLES] = b->model->variable_count;
    counts[LEVELS] = b->model->level_count + 1;
}

/* ---- Together ---- */

/* What cannot be planned, and what is known only at the end. */
static tfcc_status finish_plan(const Builder *b) {
    tfcc_plan *plan = b->plan;
    for (uint32_t w = 0; w < plan->write_count; w++) {
        const tfcc_plan_write *write = &plan->writes[w];
        if (plan->variables[write->variable].fed)
            return tfcc_fail(FED_AND_WRITTEN, b->model->variables[write->variable].name,
                             plan->steps[write->step].step->name);
    }
    for (uint32_t i = LOCAL_FIRST; i < plan->local_count; i++) {
        if (plan->locals[i].kind == TFCC_ABI_PLACEHOLDER)
            return missing_feed(b->model, plan->locals[i].buffer);
        if (plan->locals[i].kind == TFCC_ABI_RANDOM) plan->draws = true;
    }
    plan->exclusive = plan->write_count > 0 || plan->draws;
    tfcc_plan_place_writes(b->model, plan);
    return TFCC_OK;
}

static tfcc_status fill_plan(Builder *b) {
    add_fed_locals(b);
    memcpy(b->plan->binder_of, b->binder_of, b->model->symbol_count * sizeof *b->binder_of);
    for (uint32_t i = 0; i < b->fetch_count; i++) choose_direct(b, i);
    for (uint32_t s = 0; s < b->model->step_count; s++)
        if (b->steps[s]) build_step(b, &b->model->steps[s]);
    for (uint32_t i = 0; i < b->fetch_count; i++) build_fetch(b, i);
    list_values(b);
    return finish_plan(b);
}

static tfcc_status build(Builder *b, tfcc_call *call, uint32_t counts[PLAN_COUNTS]) {
    const tfcc_allocator *allocator = &call->session->allocator;
    TFCC_TRY(resolve(b, call));
    walk(b);
    count_plan(b, counts);
    tfcc_plan measured;
    size_t size = sizeof measured + tfcc_carve(&measured, NULL, PARTS(plan_parts), counts);
    tfcc_plan *plan = b->plan = tfcc_obtain_zeroed(allocator, size);
    if (plan == NULL) return TFCC_RESOURCE_EXHAUSTED;
    tfcc_carve(plan, (char *)(plan + 1), PARTS(plan_parts), counts);
    plan->size = size;
    plan->signature = call->signature;
    plan->feed_count = b->feed_count;
    plan->fetch_count = b->fetch_count;
    tfcc_status status = fill_plan(b);
    if (status != TFCC_OK) {
        tfcc_release(allocator, plan, size);
        return status;
    }
    plan->serial = ++call->session->plan_serial;
    call->plan = plan;
    return TFCC_OK;
}

tfcc_status tfcc_plan_build(tfcc_call *call) {
    const tfcc_model *model = call->session->model;
    Builder b;
    uint32_t counts[PLAN_COUNTS] = {model->buffer_count, model->symbol_count, model->step_count,
                                    call->feed_count, call->fetch_count};
    size_t size = tfcc_carve(&b, NULL, PARTS(scratch_parts), counts);
    char *scratch = tfcc_obtain_zeroed(&call->session->allocator, size);
    if (scratch == NULL) return TFCC_RESOURCE_EXHAUSTED;
    tfcc_carve(&b, scratch, PARTS(scratch_parts), counts);
    b.model = model;
    b.feed_count = call->feed_count;
    b.fetch_count = call->fetch_count;
    b.alternates = false;
    tfcc_status status = build(&b, call, counts);
    tfcc_release(&call->session->allocator, scratch, size);
    return status;
}
