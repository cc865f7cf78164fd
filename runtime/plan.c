/* plan.c: which steps a set of feeds and fetches needs.
 *
 * Two phases. The walk marks steps and buffers, from the last step to the first, cutting at fed
 * buffers. The building then numbers the buffers that marked steps touch (locals) and resolves
 * everything a run would otherwise have to look up. Both are linear in the model's tables.
 */
#include "plan.h"

#include <string.h>

enum {
    NEEDED_BY_STEP = 1,
    NEEDED_BY_FETCH = 2,
    FED = 4,
    PRODUCED = 8, /* by a marked step, always */
    OFFERED = 16, /* by a marked step, as an optional output */
    DIRECT = 32,  /* computed in the caller's memory */
};

/* In binder_of, once the axis that binds the symbol has been built. */
#define BINDER_MET (UINT32_C(1) << 31)

typedef struct Builder {
    const tfcc_model *model;
    tfcc_plan *plan;
    const tfcc_plan_key *key;
    tfcc_session *session;
    uint8_t *buffers;      /* marks */
    bool *steps;           /* needed */
    uint32_t *local_of;    /* by buffer: its local, or 0 */
    uint32_t *variable_of; /* by variable: 1 + its index in plan->variables, or 0 */
    uint32_t *binder_of;   /* by symbol: 1 + the feed that binds it, or 0 */
    bool alternates;
    bool end_may_fail;
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

static void need_buffer(Builder *b, uint32_t buffer, uint8_t mark) {
    b->buffers[root_of(b, buffer)] |= mark;
}

static void need_steps(Builder *b, const uint32_t *steps, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) b->steps[steps[i]] = true;
}

/* Whether feeds bind all symbols of a BIND step: its buffer is then not needed. */
static bool symbols_are_fed(const Builder *b, const tfcc_abi_step *step) {
    for (uint32_t i = 0; i < step->slot_count; i++)
        if (b->binder_of[b->model->lists[step->first_slot + i]] == 0) return false;
    return true;
}

static bool wants_output(const Builder *b, const tfcc_abi_step *step,
                         const tfcc_abi_argument *argument) {
    if ((argument->flags & TFCC_ABI_OUTPUT) == 0) return false;
    uint8_t marks = b->buffers[argument->buffer];
    if ((marks & FED) != 0) return false;
    if ((step->flags & TFCC_ABI_ALTERNATE) != 0)
        return ((marks & NEEDED_BY_STEP) != 0 && (marks & PRODUCED) == 0) ||
               ((marks & NEEDED_BY_FETCH) != 0 && (marks & (PRODUCED | OFFERED)) == 0);
    return (argument->flags & TFCC_ABI_OPTIONAL) == 0 &&
           (marks & (NEEDED_BY_STEP | NEEDED_BY_FETCH)) != 0;
}

/* Marks what a needed step needs, and what it gives. */
static void visit_step(Builder *b, const tfcc_abi_step *step) {
    bool inputs = step->kind != TFCC_ABI_BIND || !symbols_are_fed(b, step);
    for (uint32_t i = 0; i < step->argument_count; i++) {
        const tfcc_abi_argument *argument = step_argument(b, step, i);
        if ((argument->flags & TFCC_ABI_INPUT) != 0 && inputs)
            need_buffer(b, argument->buffer, NEEDED_BY_STEP);
        if ((argument->flags & TFCC_ABI_OUTPUT) != 0)
            b->buffers[argument->buffer] |=
                (argument->flags & TFCC_ABI_OPTIONAL) != 0 ? OFFERED : PRODUCED;
    }
    for (uint32_t i = 0; i < step->guard_count; i++)
        need_buffer(b, b->model->guards[step->first_guard + i].buffer, NEEDED_BY_STEP);
    need_steps(b, b->model->lists + step->first_after, step->after_count);
}

/* One walk from the last step to the first. Alternate steps wait for the second, when it is known
 * what the others give. */
static void walk_steps(Builder *b, bool second) {
    for (uint32_t s = b->model->step_count; s-- > 0;) {
        const tfcc_abi_step *step = &b->model->steps[s];
        bool alternate = (step->flags & TFCC_ABI_ALTERNATE) != 0;
        b->alternates |= alternate;
        if (!b->steps[s] && (second || !alternate))
            for (uint32_t i = 0; i < step->argument_count && !b->steps[s]; i++)
                b->steps[s] = wants_output(b, step, step_argument(b, step, i));
        if (b->steps[s]) visit_step(b, step);
    }
}

static void walk(Builder *b) {
    for (uint32_t i = 0; i < b->key->fetch_count; i++) {
        const tfcc_abi_fetch *fetch = &b->model->fetches[b->key->fetches[i]];
        if (fetch->buffer != TFCC_ABI_NONE) {
            if ((b->buffers[root_of(b, fetch->buffer)] & FED) != 0) continue;
            if (fetch->variable == TFCC_ABI_NONE) need_buffer(b, fetch->buffer, NEEDED_BY_FETCH);
        }
        need_steps(b, b->model->lists + fetch->first_step, fetch->step_count);
    }
    need_steps(b, b->key->targets, b->key->target_count);
    walk_steps(b, false);
    if (b->alternates) walk_steps(b, true);
}

/* ---- Feeds ---- */

static tfcc_status mark_feeds(Builder *b) {
    for (uint32_t i = 0; i < b->key->feed_count; i++) {
        const tfcc_abi_feed *feed = &b->model->feeds[b->key->feeds[i]];
        if ((b->buffers[feed->buffer] & FED) != 0)
            return tfcc_fail(TFCC_INVALID_ARGUMENT, "feed '%s' is given twice", feed->handle);
        b->buffers[feed->buffer] |= FED;
        uint32_t axes = feed->rank == TFCC_ABI_NONE ? TFCC_ABI_RANK : feed->rank;
        for (uint32_t k = 0; k <= axes; k++) {
            uint32_t slot = feed->rank_slot;
            if (k < axes)
                slot = b->model->lists[feed->axes + k];
            else if (feed->rank != TFCC_ABI_NONE)
                break;
            if (slot != TFCC_ABI_NONE && b->binder_of[slot] == 0) b->binder_of[slot] = i + 1;
        }
    }
    return TFCC_OK;
}

static void build_feed(Builder *b, uint32_t i) {
    tfcc_plan *plan = b->plan;
    const tfcc_abi_feed *feed = &b->model->feeds[b->key->feeds[i]];
    tfcc_plan_feed *built = &plan->feeds[i];
    *built = (tfcc_plan_feed){.feed = b->key->feeds[i],
                              .dtype = b->model->buffers[feed->buffer].dtype,
                              .rank = feed->rank,
                              .axes = plan->axes + plan->axis_count};
    bool any = feed->rank == TFCC_ABI_NONE;
    uint32_t axes = any ? TFCC_ABI_RANK + 1 : feed->rank;
    for (uint32_t k = 0; k < axes; k++) {
        tfcc_plan_axis *axis = &plan->axes[plan->axis_count++];
        *axis = (tfcc_plan_axis){-1, feed->rank_slot, i, false};
        if (k < TFCC_ABI_RANK) axis->slot = b->model->lists[feed->axes + k];
        if (!any) {
            uint32_t number = b->model->lists[feed->sizes + k];
            if (number != TFCC_ABI_NONE) axis->size = b->model->numbers[number];
        }
        if (axis->slot == TFCC_ABI_NONE) continue;
        axis->binds = (b->binder_of[axis->slot] & BINDER_MET) == 0;
        b->binder_of[axis->slot] |= BINDER_MET;
        axis->binder = (b->binder_of[axis->slot] & ~BINDER_MET) - 1;
    }
}

__attribute__((cold)) static tfcc_status missing_feed(const Builder *b, uint32_t buffer) {
    const tfcc_model *model = b->model;
    tfcc_description description = {.name = model->buffers[buffer].name, .rank = -1};
    for (uint32_t i = 0; i < model->feed_count; i++)
        if (model->feeds[i].buffer == buffer) tfcc_describe_feed(model, i, &description);
    char text[TFCC_SHAPE_TEXT];
    return tfcc_fail(TFCC_INVALID_ARGUMENT,
                     "you must feed a value for placeholder '%s' with dtype %s and shape %s",
                     description.name, tfcc_dtype_name((tfcc_dtype)model->buffers[buffer].dtype),
                     tfcc_shape_text(text, description.shape, description.rank));
}

/* ---- Locals ---- */

static uint32_t add_local(Builder *b, uint32_t buffer, tfcc_local_kind kind, uint32_t variable) {
    uint32_t local = b->plan->local_count++;
    b->plan->locals[local] = (tfcc_local){buffer, kind, variable, 0};
    return local;
}

/* The plan's entry of a variable. `buffer` is one of its buffers. */
static uint32_t variable_entry(Builder *b, uint32_t buffer) {
    uint32_t variable = b->model->buffers[buffer].variable;
    if (b->variable_of[variable] == 0) {
        uint32_t entry = b->plan->variable_count++;
        b->variable_of[variable] = entry + 1;
        tfcc_plan_variable *built = &b->plan->variables[entry];
        *built = (tfcc_plan_variable){.variable = variable};
        built->start = add_local(b, buffer, LOCAL_IS_VARIABLE, entry);
        built->current = add_local(b, buffer, LOCAL_IS_VARIABLE, entry);
    }
    return b->variable_of[variable] - 1;
}

static uint32_t local_of(Builder *b, uint32_t buffer) {
    buffer = root_of(b, buffer);
    if (b->local_of[buffer] != 0) return b->local_of[buffer];
    tfcc_local_kind kind = LOCAL_IS_CONSTANT;
    uint32_t variable = 0;
    switch ((tfcc_abi_buffer_kind)b->model->buffers[buffer].kind) {
    case TFCC_ABI_START: return b->plan->variables[variable_entry(b, buffer)].start;
    case TFCC_ABI_CURRENT: return b->plan->variables[variable_entry(b, buffer)].current;
    case TFCC_ABI_INITIALIZED:
        variable = variable_entry(b, buffer);
        if (b->plan->variables[variable].initialized == LOCAL_NULL)
            b->plan->variables[variable].initialized =
                add_local(b, buffer, LOCAL_IS_VARIABLE, variable);
        return b->plan->variables[variable].initialized;
    case TFCC_ABI_WRITE:
        kind = LOCAL_IS_WRITE;
        variable = variable_entry(b, buffer);
        break;
    case TFCC_ABI_VALUE:
        kind = (b->buffers[buffer] & DIRECT) != 0 ? LOCAL_IS_RESULT : LOCAL_IS_VALUE;
        break;
    case TFCC_ABI_RANDOM:
        kind = LOCAL_IS_RANDOM;
        b->plan->draws = true;
        break;
    default: break;
    }
    return b->local_of[buffer] = add_local(b, buffer, kind, variable);
}

/* The local an output is stored to. What a step computes for a buffer that is fed goes to a place
 * of its own. */
static uint32_t output_local(Builder *b, const tfcc_abi_argument *argument) {
    uint8_t marks = b->buffers[argument->buffer];
    bool wanted =
        (marks & (NEEDED_BY_STEP | NEEDED_BY_FETCH)) != 0 && (marks & (FED | PRODUCED)) == 0;
    if ((argument->flags & TFCC_ABI_OPTIONAL) != 0 && !wanted) return LOCAL_NULL;
    if ((marks & FED) == 0) return local_of(b, argument->buffer);
    if (b->model->buffers[argument->buffer].kind == TFCC_ABI_WRITE)
        return add_local(b, argument->buffer, LOCAL_IS_WRITE, variable_entry(b, argument->buffer));
    return add_local(b, argument->buffer, LOCAL_IS_VALUE, 0);
}

/* Fed buffers come first, so that feed i is local LOCAL_FIRST + i. A variable that is fed has that
 * value at the start, at the end and in between. */
static void add_fed_locals(Builder *b) {
    for (uint32_t i = 0; i < b->key->feed_count; i++) {
        uint32_t buffer = b->model->feeds[b->key->feeds[i]].buffer;
        b->local_of[buffer] = add_local(b, buffer, LOCAL_IS_FED, 0);
    }
    for (uint32_t i = 0; i < b->key->feed_count; i++) {
        uint32_t buffer = b->model->feeds[b->key->feeds[i]].buffer;
        if (b->model->buffers[buffer].kind != TFCC_ABI_START) continue;
        tfcc_plan_variable *variable = &b->plan->variables[variable_entry(b, buffer)];
        variable->start = variable->current = b->local_of[buffer];
        variable->fed = true;
    }
}

/* ---- Steps ---- */

/* A step reads local `local` of a variable: when must it have a value? At the start of the run
 * where that is certain already. */
static void require_value(Builder *b, tfcc_plan_step *built, uint32_t local) {
    tfcc_plan *plan = b->plan;
    if (plan->locals[local].kind != LOCAL_IS_VARIABLE) return;
    tfcc_plan_variable *variable = &plan->variables[plan->locals[local].variable];
    if (local == variable->initialized) return;
    bool current = local == variable->current;
    if (current && variable->written) return;
    if (built->guards.count > 0 || (current && variable->may_be_written)) {
        plan->required[plan->required_count++] = local;
        built->required.count++;
    } else if (current) {
        variable->current_required = true;
    } else {
        variable->start_required = true;
    }
}

static void build_argument(Builder *b, tfcc_plan_step *built, const tfcc_abi_argument *argument,
                           uint32_t step) {
    tfcc_plan *plan = b->plan;
    bool output = (argument->flags & TFCC_ABI_OUTPUT) != 0;
    uint32_t local = output ? output_local(b, argument) : local_of(b, argument->buffer);
    plan->arguments[plan->argument_count++] = local;
    if (local == LOCAL_NULL) return;
    if (!output) {
        plan->locals[local].last_read = step;
        require_value(b, built, local);
        return;
    }
    if ((argument->flags & TFCC_ABI_PRELOADED) != 0) {
        plan->preloads[plan->preload_count++] = (tfcc_plan_preload){
            local, local_of(b, argument->initial), b->model->buffers[argument->buffer].bytes_slot};
        built->preloads.count++;
    }
    if (plan->locals[local].kind == LOCAL_IS_WRITE) {
        plan->writes[plan->write_count++] =
            (tfcc_plan_write){local, plan->locals[local].variable, step, PLACE_SPARE, 0};
        built->writes.count++;
    }
}

static void build_step(Builder *b, const tfcc_abi_step *step) {
    tfcc_plan *plan = b->plan;
    uint32_t index = plan->step_count++;
    tfcc_plan_step *built = &plan->steps[index];
    *built = (tfcc_plan_step){.kernel = step->kernel,
                              .step = step,
                              .arguments = plan->arguments + plan->argument_count,
                              .slots = b->model->lists + step->first_slot,
                              .slot_count = step->slot_count,
                              .guards = {plan->guard_count, step->guard_count},
                              .preloads = {plan->preload_count, 0},
                              .writes = {plan->write_count, 0},
                              .required = {plan->required_count, 0}};
    for (uint32_t i = 0; i < step->guard_count; i++) {
        const tfcc_abi_guard *guard = &b->model->guards[step->first_guard + i];
        uint32_t local = local_of(b, guard->buffer);
        plan->guards[plan->guard_count++] = (tfcc_plan_guard){local, guard->wanted};
        plan->locals[local].last_read = index;
    }
    bool bind = step->kind == TFCC_ABI_BIND;
    if (!bind || !symbols_are_fed(b, step)) {
        built->argument_count = step->argument_count;
        for (uint32_t i = 0; i < step->argument_count; i++)
            build_argument(b, built, step_argument(b, step, i), index);
    }
    /* Only now: the step's own reads come before its writes. */
    for (uint32_t i = 0; i < built->writes.count; i++) {
        tfcc_plan_variable *variable =
            &plan->variables[plan->writes[built->writes.first + i].variable];
        if (step->guard_count > 0)
            variable->may_be_written = true;
        else
            variable->written = true;
    }
    bool special = bind || built->guards.count + built->preloads.count + built->writes.count +
                                   built->required.count >
                               0;
    built->kind = special ? STEP_SPECIAL : STEP_SIMPLE;
    if (built->argument_count > plan->argument_limit) plan->argument_limit = built->argument_count;
    if (built->slot_count > plan->slot_limit) plan->slot_limit = built->slot_count;
}

/* ---- Fetches ---- */

/* Chooses the fetches that are computed in the caller's memory: the first of each buffer that steps
 * compute. */
static void choose_direct(Builder *b, uint32_t i) {
    const tfcc_abi_fetch *fetch = &b->model->fetches[b->key->fetches[i]];
    b->plan->fetches[i].wanted =
        b->key->wanted != NULL ? b->key->wanted[i] : i < b->key->wanted_count;
    if (!b->plan->fetches[i].wanted || fetch->buffer == TFCC_ABI_NONE) return;
    uint32_t root = root_of(b, fetch->buffer);
    if (b->model->buffers[root].kind != TFCC_ABI_VALUE) return;
    if ((b->buffers[root] & (FED | DIRECT)) != 0) return;
    b->buffers[root] |= DIRECT;
    b->plan->fetches[i].direct = true;
}

static void build_fetch(Builder *b, uint32_t i) {
    tfcc_plan *plan = b->plan;
    const tfcc_abi_fetch *fetch = &b->model->fetches[b->key->fetches[i]];
    tfcc_plan_fetch *built = &plan->fetches[i];
    built->fetch = b->key->fetches[i];
    built->buffer = fetch->buffer;
    built->local = LOCAL_NULL;
    built->feed = TFCC_ABI_NONE;
    if (!built->wanted || fetch->buffer == TFCC_ABI_NONE) return;
    uint32_t root = root_of(b, fetch->buffer);
    built->dtype = b->model->buffers[fetch->buffer].dtype;
    built->element = (uint32_t)tfcc_dtype_size((tfcc_dtype)built->dtype);
    built->level = b->model->buffers[root].level;
    built->local = local_of(b, fetch->buffer);
    if (fetch->variable != TFCC_ABI_NONE && (b->buffers[root] & FED) == 0)
        built->local = plan->variables[variable_entry(b, root)].current;
    tfcc_local *local = &plan->locals[built->local];
    local->last_read = UINT32_MAX;
    if (local->kind == LOCAL_IS_FED) built->feed = built->local - LOCAL_FIRST;
    built->reshaped = root != fetch->buffer;
    if (local->kind != LOCAL_IS_VARIABLE) return;
    tfcc_plan_variable *variable = &plan->variables[local->variable];
    if (built->local == variable->start) variable->start_required = true;
    if (built->local != variable->current || variable->written) return;
    if (variable->may_be_written)
        b->end_may_fail = true;
    else
        variable->current_required = true;
}

static void list_fallbacks(Builder *b) {
    for (uint32_t i = 0; i < b->model->symbol_count; i++)
        if (b->binder_of[i] == 0 && b->model->symbols[i].fallback_slot != TFCC_ABI_NONE)
            b->plan->fallbacks[b->plan->fallback_count++] = i;
}

/* Whether the fetches are few scalars, as tfcc_prepare_scalars wants them. */
static bool fetches_are_scalars(const tfcc_model *model, const tfcc_plan *plan) {
    if (plan->fetch_count + plan->feed_count > 8) return false;
    for (uint32_t i = 0; i < plan->fetch_count; i++) {
        const tfcc_plan_fetch *fetch = &plan->fetches[i];
        if (fetch->local == LOCAL_NULL) continue;
        const tfcc_abi_buffer *buffer = &model->buffers[fetch->buffer];
        if (buffer->rank != 0 || fetch->level != 0 || fetch->feed != TFCC_ABI_NONE) return false;
    }
    return true;
}

/* Lists the variables that must have a value when the run starts, then those that must have one
 * when it ends. */
static void list_required(Builder *b) {
    tfcc_plan *plan = b->plan;
    plan->start_required.first = plan->required_count;
    for (uint32_t v = 0; v < plan->variable_count; v++) {
        const tfcc_plan_variable *variable = &plan->variables[v];
        if (variable->fed || !(variable->start_required || variable->current_required)) continue;
        plan->required[plan->required_count++] = variable->start;
    }
    plan->start_required.count = plan->required_count - plan->start_required.first;
    plan->end_required.first = plan->required_count;
    for (uint32_t i = 0; i < plan->fetch_count && b->end_may_fail; i++) {
        uint32_t local = plan->fetches[i].local;
        if (local == LOCAL_NULL || plan->locals[local].kind != LOCAL_IS_VARIABLE) continue;
        if (local == plan->variables[plan->locals[local].variable].current)
            plan->required[plan->required_count++] = local;
    }
    plan->end_required.count = plan->required_count - plan->end_required.first;
}

/* Sorts the locals that live in the workspace by level. */
static void list_values(Builder *b) {
    tfcc_plan *plan = b->plan;
    for (uint32_t i = LOCAL_FIRST; i < plan->local_count; i++)
        if (plan->locals[i].kind == LOCAL_IS_VALUE)
            plan->level_first[b->model->buffers[plan->locals[i].buffer].level + 1]++;
    for (uint32_t level = 0; level < b->model->level_count; level++)
        plan->level_first[level + 1] += plan->level_first[level];
    uint32_t total = plan->level_first[b->model->level_count];
    /* Every value is put in front of those that follow in its level, so its start moves down to
     * where it belongs. */
    for (uint32_t i = plan->local_count; i-- > LOCAL_FIRST;)
        if (plan->locals[i].kind == LOCAL_IS_VALUE)
            plan->values[--plan->level_first[b->model->buffers[plan->locals[i].buffer].level + 1]] =
                i;
    for (uint32_t level = 0; level < b->model->level_count; level++)
        plan->level_first[level] = plan->level_first[level + 1];
    plan->level_first[b->model->level_count] = total;
}

/* ---- Memory ---- */

/* Gives `count` zeroed elements of the block at `base`, or only counts their bytes while there is
 * no block. */
static void *carve(char *base, size_t *used, size_t count, size_t element) {
    void *part = base != NULL ? base + *used : NULL;
    *used += (count * element + 15) & ~(size_t)15;
    return part;
}

static size_t carve_scratch(Builder *b, char *base) {
    size_t used = 0;
    b->local_of = carve(base, &used, b->model->buffer_count, sizeof *b->local_of);
    b->variable_of = carve(base, &used, b->model->variable_count, sizeof *b->variable_of);
    b->binder_of = carve(base, &used, b->model->symbol_count, sizeof *b->binder_of);
    b->buffers = carve(base, &used, b->model->buffer_count, sizeof *b->buffers);
    b->steps = carve(base, &used, b->model->step_count, sizeof *b->steps);
    return used;
}

/* How much of everything the plan has at most. */
typedef struct Limits {
    size_t steps, arguments, guards;
} Limits;

static size_t carve_plan(const Builder *b, const Limits *limits, char *base, tfcc_plan *plan) {
    size_t used = 0, feeds = b->key->feed_count, fetches = b->key->fetch_count;
    size_t touched = limits->arguments + limits->guards + feeds + fetches;
    carve(base, &used, 1, sizeof *plan);
    plan->feeds = carve(base, &used, feeds, sizeof *plan->feeds);
    plan->axes = carve(base, &used, feeds * (TFCC_ABI_RANK + 1), sizeof *plan->axes);
    plan->fallbacks = carve(base, &used, b->model->symbol_count, sizeof *plan->fallbacks);
    plan->fetches = carve(base, &used, fetches, sizeof *plan->fetches);
    plan->locals = carve(base, &used, LOCAL_FIRST + 3 * touched, sizeof *plan->locals);
    plan->values = carve(base, &used, touched, sizeof *plan->values);
    plan->level_first =
        carve(base, &used, b->model->level_count + (size_t)1, sizeof *plan->level_first);
    plan->steps = carve(base, &used, limits->steps, sizeof *plan->steps);
    plan->arguments = carve(base, &used, limits->arguments, sizeof *plan->arguments);
    plan->guards = carve(base, &used, limits->guards, sizeof *plan->guards);
    plan->preloads = carve(base, &used, limits->arguments, sizeof *plan->preloads);
    plan->writes = carve(base, &used, limits->arguments, sizeof *plan->writes);
    plan->variables = carve(base, &used, touched, sizeof *plan->variables);
    plan->required = carve(base, &used, 2 * touched, sizeof *plan->required);
    return used;
}

static Limits count_limits(const Builder *b) {
    Limits limits = {0, 0, 0};
    for (uint32_t s = 0; s < b->model->step_count; s++) {
        if (!b->steps[s]) continue;
        limits.steps++;
        limits.arguments += b->model->steps[s].argument_count;
        limits.guards += b->model->steps[s].guard_count;
    }
    return limits;
}

/* ---- Together ---- */

static tfcc_status fill_plan(Builder *b) {
    tfcc_plan *plan = b->plan;
    plan->feed_count = b->key->feed_count;
    plan->fetch_count = b->key->fetch_count;
    plan->local_count = LOCAL_FIRST;
    add_fed_locals(b);
    for (uint32_t i = 0; i < plan->fetch_count; i++) choose_direct(b, i);
    for (uint32_t s = 0; s < b->model->step_count; s++)
        if (b->steps[s]) build_step(b, &b->model->steps[s]);
    for (uint32_t i = 0; i < plan->fetch_count; i++) build_fetch(b, i);
    for (uint32_t i = 0; i < plan->feed_count; i++) build_feed(b, i);
    plan->scalars = fetches_are_scalars(b->model, plan);
    list_fallbacks(b);
    list_required(b);
    list_values(b);
    for (uint32_t w = 0; w < plan->write_count; w++) {
        const tfcc_plan_variable *variable = &plan->variables[plan->writes[w].variable];
        if (variable->fed)
            return tfcc_fail(TFCC_INVALID_ARGUMENT,
                             "variable '%s' is fed, and written by '%s' in the same run",
                             b->model->variables[variable->variable].name,
                             plan->steps[plan->writes[w].step].step->name);
    }
    for (uint32_t i = LOCAL_FIRST; i < plan->local_count; i++) {
        uint32_t buffer = plan->locals[i].buffer;
        if (plan->locals[i].kind == LOCAL_IS_CONSTANT &&
            b->model->buffers[buffer].kind == TFCC_ABI_PLACEHOLDER)
            return missing_feed(b, buffer);
    }
    plan->exclusive = plan->write_count > 0 || plan->draws;
    plan->live_from = b->end_may_fail ? UINT32_MAX : 0;
    tfcc_plan_place_writes(b->model, plan);
    return TFCC_OK;
}

static tfcc_status build_with_scratch(Builder *b) {
    TFCC_TRY(mark_feeds(b));
    walk(b);
    Limits limits = count_limits(b);
    tfcc_plan measured = {0};
    size_t size = carve_plan(b, &limits, NULL, &measured);
    char *block = tfcc_obtain(&b->session->allocator, size);
    if (block == NULL) return tfcc_fail_memory(size);
    memset(block, 0, size);
    b->plan = (tfcc_plan *)(void *)block;
    carve_plan(b, &limits, block, b->plan);
    b->plan->size = size;
    tfcc_status status = fill_plan(b);
    if (status != TFCC_OK) tfcc_release(&b->session->allocator, block, size);
    return status;
}

tfcc_status tfcc_plan_build(tfcc_session *session, const tfcc_plan_key *key, tfcc_plan **plan) {
    Builder b = {.session = session, .model = session->model, .key = key};
    size_t scratch_size = carve_scratch(&b, NULL);
    char *scratch = tfcc_obtain(&session->allocator, scratch_size);
    if (scratch == NULL) return tfcc_fail_memory(scratch_size);
    memset(scratch, 0, scratch_size);
    carve_scratch(&b, scratch);
    tfcc_status status = build_with_scratch(&b);
    tfcc_release(&session->allocator, scratch, scratch_size);
    if (status != TFCC_OK) return status;
    b.plan->serial = ++session->plan_serial;
    *plan = b.plan;
    return TFCC_OK;
}
