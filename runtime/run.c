/* run.c: carries a plan out. */
#include "lock.h"
#include "plan.h"

#include <string.h>
#include <time.h>

/* What INITIALIZED buffers show of a variable that is fed. */
static const bool always = true;

/* ---- Variables ---- */

__attribute__((cold)) static tfcc_status uninitialized(const tfcc_call *call, uint32_t variable) {
    return tfcc_fail(UNINITIALIZED, call->session->model->variables[variable].name);
}

/* Looks whether a local is a variable without a value. */
static tfcc_status check_value(const tfcc_call *call, uint32_t local) {
    const tfcc_local *read = &call->plan->locals[local];
    if ((read->kind != TFCC_ABI_START && read->kind != TFCC_ABI_CURRENT) ||
        call->frame->addresses[local] != NULL)
        return TFCC_OK;
    return uninitialized(call, call->session->model->buffers[read->buffer].variable);
}

static tfcc_status bind_variables(const tfcc_call *call) {
    void **addresses = call->frame->addresses;
    for (uint32_t i = 0; i < call->session->model->variable_count; i++) {
        const tfcc_plan_variable *variable = &call->plan->variables[i];
        const tfcc_session_variable *stored = &call->session->variables[i];
        const bool *initialized = variable->fed ? &always : &stored->has_value;
        if (variable->initialized != LOCAL_NULL)
            addresses[variable->initialized] = (void *)(uintptr_t)initialized;
        if (variable->fed || variable->start == LOCAL_NULL) continue;
        addresses[variable->start] = addresses[variable->current] = stored->data;
        if (variable->required && stored->data == NULL) return uninitialized(call, i);
    }
    return TFCC_OK;
}

tfcc_status tfcc_stage_writes(const tfcc_call *call) {
    const tfcc_plan *plan = call->plan;
    for (uint32_t i = 0; i < plan->write_count; i++) {
        uint32_t index = plan->writes[i].variable;
        if (call->session->variables[index].data == NULL || plan->writes[i].place == PLACE_SPARE)
            TFCC_TRY(tfcc_variable_stage(call->session, index));
    }
    return TFCC_OK;
}

/* EXTRA writes have their address from the workspace already. Gives whether all writes are in
 * place: a variable without a value has no place yet. */
static bool bind_writes(const tfcc_call *call) {
    bool in_place = true;
    for (uint32_t i = 0; i < call->plan->write_count; i++) {
        const tfcc_plan_write *write = &call->plan->writes[i];
        const tfcc_session_variable *stored = &call->session->variables[write->variable];
        bool live = write->place == PLACE_LIVE && stored->data != NULL;
        in_place &= live;
        if (write->place != PLACE_EXTRA)
            call->frame->addresses[write->local] = live ? stored->data : stored->spare;
    }
    return in_place;
}

/* Binds the addresses of variables. They stay for the next run where all writes are in place. */
__attribute__((noinline)) static tfcc_status bind_state(const tfcc_call *call) {
    call->frame->epoch = 0;
    TFCC_TRY(bind_variables(call));
    TFCC_TRY(tfcc_stage_writes(call));
    if (bind_writes(call)) call->frame->epoch = call->session->epoch;
    return TFCC_OK;
}

/* The only point where variables change, but for writes in place, after which nothing fails. */
__attribute__((noinline)) static void commit_writes(const tfcc_call *call) {
    for (uint32_t i = 0; i < call->session->model->variable_count; i++) {
        const tfcc_plan_variable *variable = &call->plan->variables[i];
        if (!variable->written && !variable->may_be_written) continue;
        tfcc_session_variable *stored = &call->session->variables[i];
        void *value = call->frame->addresses[variable->current];
        if (value == stored->data) continue;
        if (value != stored->spare) {
            /* An earlier write was the last one: its value has to leave the workspace. */
            void *to = stored->data != NULL ? stored->data : stored->spare;
            memcpy(to, value, (size_t)call->session->model->variables[i].bytes);
            if (to == stored->data) continue;
        }
        tfcc_variable_adopt(call->session, i);
    }
}

/* ---- Steps ---- */

static bool guards_hold(const tfcc_call *call, const tfcc_plan_step *step) {
    const tfcc_abi_guard *guards = &call->session->model->guards[step->step->first_guard];
    for (uint32_t i = 0; i < step->step->guard_count; i++) {
        const uint8_t *value = call->frame->addresses[step->arguments[step->argument_count + i]];
        if ((*value != 0) != (guards[i].wanted != 0)) return false;
    }
    return true;
}

/* Copies the initial value of an output; it is an input of the same step. */
static void preload(const tfcc_call *call, const tfcc_plan_step *step, uint32_t output) {
    const tfcc_model *model = call->session->model;
    const tfcc_abi_argument *arguments = &model->arguments[step->step->first_argument];
    void **addresses = call->frame->addresses;
    uint32_t input = 0;
    while (arguments[input].buffer != arguments[output].initial) input++;
    void *to = addresses[step->arguments[output]], *from = addresses[step->arguments[input]];
    int64_t bytes = call->frame->dims[model->buffers[arguments[output].buffer].bytes_slot];
    if (to != NULL && to != from && bytes > 0) memcpy(to, from, (size_t)bytes);
}

/* Copies the elements of a buffer to the symbols of a BIND step. */
static void bind_symbols(const tfcc_call *call, const tfcc_plan_step *step) {
    const tfcc_model *model = call->session->model;
    const tfcc_abi_argument *argument = &model->arguments[step->step->first_argument];
    tfcc_dtype dtype = (tfcc_dtype)model->buffers[argument->buffer].dtype;
    const char *data = call->frame->addresses[step->arguments[0]];
    for (uint32_t i = 0; i < step->slot_count; i++) {
        int32_t small;
        int64_t *symbol = &call->frame->dims[step->slots[i]];
        if (dtype == TFCC_INT64) {
            memcpy(symbol, data + 8 * (size_t)i, 8);
        } else if (dtype == TFCC_INT32) {
            memcpy(&small, data + 4 * (size_t)i, 4);
            *symbol = small;
        } else {
            *symbol = data[i] != 0;
        }
    }
}

/* Sizes of a level are known from here on: its workspace and its results get their places. */
static tfcc_status run_bind(const tfcc_call *call, const tfcc_plan_step *step) {
    const tfcc_model *model = call->session->model;
    uint32_t level = step->step->level;
    if (step->argument_count > 0) bind_symbols(call, step);
    if (model->settle != NULL) model->settle(call->frame->dims, level);
    TFCC_TRY(tfcc_bind_level(call, level));
    return tfcc_prepare_results(call, level);
}

__attribute__((cold)) static tfcc_status check_failed(const tfcc_call *call,
                                                      const tfcc_abi_step *step, uint32_t failed) {
    return tfcc_fail_check(&call->session->model->checks[step->first_check + failed - 1],
                           call->frame->failure);
}

static tfcc_status run_kernel(const tfcc_call *call, const tfcc_plan_step *step) {
    tfcc_frame *frame = call->frame;
    for (uint32_t i = 0; i < step->argument_count; i++)
        frame->pointers[i] = frame->addresses[step->arguments[i]];
    for (uint32_t i = 0; i < step->slot_count; i++) frame->sizes[i] = frame->dims[step->slots[i]];
    uint32_t failed = step->kernel(frame->pointers, frame->sizes, frame->failure);
    return __builtin_expect(failed == 0, 1) ? TFCC_OK : check_failed(call, step->step, failed);
}

__attribute__((noinline)) static tfcc_status run_special(const tfcc_call *call,
                                                         const tfcc_plan_step *step) {
    const tfcc_plan *plan = call->plan;
    const tfcc_model *model = call->session->model;
    for (uint32_t i = 0; i < step->argument_count && step->required; i++)
        TFCC_TRY(check_value(call, step->arguments[i]));
    if (step->step->kind == TFCC_ABI_BIND) return run_bind(call, step);
    for (uint32_t i = 0; i < step->argument_count && step->preloads; i++)
        if ((model->arguments[step->step->first_argument + i].flags & TFCC_ABI_PRELOADED) != 0)
            preload(call, step, i);
    TFCC_TRY(run_kernel(call, step));
    for (uint32_t i = 0; i < step->write_count; i++) {
        const tfcc_plan_write *write = &plan->writes[step->first_write + i];
        void **addresses = call->frame->addresses;
        addresses[plan->variables[write->variable].current] = addresses[write->local];
    }
    return TFCC_OK;
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static bool is_cancelled(const volatile int *cancel) {
    return cancel != NULL && __atomic_load_n(cancel, __ATOMIC_RELAXED) != 0;
}

static tfcc_status run_steps(const tfcc_call *call) {
    const tfcc_plan *plan = call->plan;
    const volatile int *cancel = call->session->cancel;
    const tfcc_trace trace = call->session->trace;
    for (uint32_t s = 0; s < plan->step_count; s++) {
        const tfcc_plan_step *step = &plan->steps[s];
        if (is_cancelled(cancel)) break;
        if (s == plan->live_from) cancel = NULL; /* from here on writes are in place */
        if (!guards_hold(call, step)) continue;
        uint64_t begin = trace != NULL ? now() : 0;
        TFCC_TRY(step->special ? run_special(call, step) : run_kernel(call, step));
        if (trace != NULL) trace(call->session->trace_context, step->step->name, begin, now());
    }
    return is_cancelled(cancel) ? tfcc_fail(CANCELLED) : TFCC_OK;
}

/* ---- A run ---- */

static tfcc_status run_transaction(const tfcc_call *call) {
    tfcc_session *session = call->session;
    const tfcc_plan *plan = call->plan;
    tfcc_frame *frame = call->frame;
    if (plan->feed_count > 0) TFCC_TRY(tfcc_bind_feeds(call, true));
    if (!frame->sized) {
        tfcc_settle_symbols(call);
        TFCC_TRY(tfcc_bind_level(call, 0));
        frame->sized = true;
    }
    if (frame->epoch != session->epoch) TFCC_TRY(bind_state(call));
    TFCC_TRY(tfcc_prepare_results(call, 0));
    frame->random = session->random_runs;
    TFCC_TRY(run_steps(call));
    for (uint32_t i = 0; i < plan->fetch_count && plan->end_may_fail; i++)
        TFCC_TRY(check_value(call, plan->fetches[i].local));
    tfcc_deliver_results(call);
    if (frame->epoch == 0) commit_writes(call);
    if (plan->draws) session->random_runs += plan->draws; /* others only read it, side by side */
    return TFCC_OK;
}

static tfcc_status run_call(tfcc_call *call) {
    TFCC_TRY(tfcc_plan_acquire(call));
    bool exclusive = call->plan->exclusive;
    tfcc_status status = tfcc_frame_take(call);
    if (status == TFCC_OK) {
        status = run_transaction(call);
        if (status != TFCC_OK) tfcc_abandon_results(call);
        tfcc_frame_give(call);
    }
    tfcc_lock_release_fast(&call->session->lock, exclusive);
    return status;
}

tfcc_status tfcc_run(tfcc_session *session, const tfcc_feed *feeds, size_t feed_count,
                     tfcc_fetch *fetches, size_t fetch_count) {
    tfcc_call call;
    TFCC_TRY(tfcc_call_begin(session, feeds, feed_count, fetches, fetch_count, &call));
    return run_call(&call);
}

static tfcc_status check_session(const tfcc_model *model, const tfcc_session *session) {
    if (model == NULL || session == NULL) return tfcc_fail_null();
    if (session->model == model) return TFCC_OK;
    return tfcc_fail(OTHER_SESSION, model->name, session->model->name);
}

tfcc_status tfcc_run_model(const tfcc_model *model, tfcc_session *session, const tfcc_feed *feeds,
                           size_t feed_count, tfcc_fetch *fetches, size_t fetch_count) {
    TFCC_TRY(check_session(model, session));
    return tfcc_run(session, feeds, feed_count, fetches, fetch_count);
}

tfcc_status tfcc_run_signature(const tfcc_model *model, tfcc_session *session, uint32_t index,
                               const tfcc_tensor *feeds, tfcc_tensor *fetches) {
    TFCC_TRY(check_session(model, session));
    if (index >= model->signature_count)
        return tfcc_fail(NO_INDEX, model->name, "signature", (size_t)index);
    const tfcc_abi_signature *signature = &model->signatures[index];
    if ((feeds == NULL && signature->feed_count > 0) ||
        (fetches == NULL && signature->fetch_count > 0))
        return tfcc_fail_null();
    tfcc_call call = {.session = session,
                      .feeds = {(char *)(uintptr_t)feeds, sizeof *feeds},
                      .fetches = {(char *)fetches, sizeof *fetches},
                      .feed_count = signature->feed_count,
                      .fetch_count = signature->fetch_count + signature->target_count,
                      .signature = index};
    return run_call(&call);
}

tfcc_status tfcc_initialize(tfcc_session *session) {
    if (session == NULL) return tfcc_fail_null();
    tfcc_call call = {.session = session, .signature = TFCC_INITIALIZE};
    return run_call(&call);
}
