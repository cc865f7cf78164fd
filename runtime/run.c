/* run.c: carries a plan out. */
#include "lock.h"
#include "plan.h"

#include <string.h>
#include <time.h>

/* What INITIALIZED buffers show of a variable that is fed. */
static const bool always = true;

__attribute__((cold)) static tfcc_status uninitialized(const tfcc_call *call, uint32_t local) {
    const tfcc_plan *plan = call->plan;
    const tfcc_plan_variable *variable = &plan->variables[plan->locals[local].variable];
    return tfcc_fail(TFCC_FAILED_PRECONDITION,
                     "attempting to use uninitialized value '%s': initialize the session, restore "
                     "a checkpoint or set the variable first",
                     call->session->model->variables[variable->variable].name);
}

static tfcc_status check_required(const tfcc_call *call, tfcc_span required) {
    for (uint32_t i = 0; i < required.count; i++) {
        uint32_t local = call->plan->required[required.first + i];
        if (call->frame->addresses[local] == NULL) return uninitialized(call, local);
    }
    return TFCC_OK;
}

/* ---- Variables ---- */

static void bind_variables(const tfcc_call *call) {
    void **addresses = call->frame->addresses;
    for (uint32_t i = 0; i < call->plan->variable_count; i++) {
        const tfcc_plan_variable *variable = &call->plan->variables[i];
        const tfcc_session_variable *stored = &call->session->variables[variable->variable];
        const bool *initialized = variable->fed ? &always : &stored->has_value;
        if (variable->initialized != LOCAL_NULL)
            addresses[variable->initialized] = (void *)(uintptr_t)initialized;
        if (variable->fed) continue;
        addresses[variable->start] = stored->data;
        addresses[variable->current] = stored->data;
    }
}

tfcc_status tfcc_stage_writes(const tfcc_call *call) {
    const tfcc_plan *plan = call->plan;
    for (uint32_t i = 0; i < plan->write_count; i++) {
        uint32_t index = plan->variables[plan->writes[i].variable].variable;
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
        const tfcc_session_variable *stored =
            &call->session->variables[call->plan->variables[write->variable].variable];
        bool live = write->place == PLACE_LIVE && stored->data != NULL;
        in_place &= live;
        if (write->place != PLACE_EXTRA)
            call->frame->addresses[write->local] = live ? stored->data : stored->spare;
    }
    return in_place;
}

/* Binds the addresses of variables, unless they are those of the last run. */
static tfcc_status bind_state(const tfcc_call *call) {
    call->frame->epoch = 0;
    bind_variables(call);
    TFCC_TRY(check_required(call, call->plan->start_required));
    TFCC_TRY(tfcc_stage_writes(call));
    if (bind_writes(call)) call->frame->epoch = call->session->epoch;
    return TFCC_OK;
}

/* The only point where variables change, but for writes in place, after which nothing fails. */
static void commit_writes(const tfcc_call *call) {
    for (uint32_t i = 0; i < call->plan->variable_count; i++) {
        const tfcc_plan_variable *variable = &call->plan->variables[i];
        if (!variable->written && !variable->may_be_written) continue;
        tfcc_session_variable *stored = &call->session->variables[variable->variable];
        void *value = call->frame->addresses[variable->current];
        if (value == stored->data) continue;
        if (value != stored->spare) {
            /* An earlier write was the last one: its value has to leave the workspace. */
            void *to = stored->data != NULL ? stored->data : stored->spare;
            memcpy(to, value, (size_t)call->session->model->variables[variable->variable].bytes);
            if (to == stored->data) continue;
        }
        tfcc_variable_adopt(call->session, variable->variable);
    }
}

/* ---- Steps ---- */

static bool guards_hold(const tfcc_call *call, tfcc_span guards) {
    for (uint32_t i = 0; i < guards.count; i++) {
        const tfcc_plan_guard *guard = &call->plan->guards[guards.first + i];
        bool value = *(const uint8_t *)call->frame->addresses[guard->local] != 0;
        if (value != (guard->wanted != 0)) return false;
    }
    return true;
}

static void preload(const tfcc_call *call, tfcc_span preloads) {
    void **addresses = call->frame->addresses;
    for (uint32_t i = 0; i < preloads.count; i++) {
        const tfcc_plan_preload *p = &call->plan->preloads[preloads.first + i];
        size_t bytes = (size_t)call->frame->dims[p->bytes_slot];
        if (addresses[p->to] != addresses[p->from] && bytes > 0)
            memcpy(addresses[p->to], addresses[p->from], bytes);
    }
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
    if (failed > step->check_count)
        return tfcc_fail(TFCC_INTERNAL, "step '%s' failed with unknown check %u", step->name,
                         (unsigned)(failed - 1));
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

static tfcc_status run_special(const tfcc_call *call, const tfcc_plan_step *step) {
    const tfcc_plan *plan = call->plan;
    TFCC_TRY(check_required(call, step->required));
    if (step->step->kind == TFCC_ABI_BIND) return run_bind(call, step);
    preload(call, step->preloads);
    TFCC_TRY(run_kernel(call, step));
    for (uint32_t i = 0; i < step->writes.count; i++) {
        const tfcc_plan_write *write = &plan->writes[step->writes.first + i];
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
        if (step->guards.count > 0 && !guards_hold(call, step->guards)) continue;
        uint64_t begin = trace != NULL ? now() : 0;
        TFCC_TRY(step->kind == STEP_SIMPLE ? run_kernel(call, step) : run_special(call, step));
        if (trace != NULL) trace(call->session->trace_context, step->step->name, begin, now());
    }
    return is_cancelled(cancel) ? tfcc_fail(TFCC_CANCELLED, "the run was cancelled") : TFCC_OK;
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
    bool scalars = plan->scalars && tfcc_prepare_scalars(call);
    if (!scalars) TFCC_TRY(tfcc_prepare_results(call, 0));
    frame->random = session->random_runs;
    TFCC_TRY(run_steps(call));
    TFCC_TRY(check_required(call, plan->end_required));
    if (scalars)
        tfcc_deliver_scalars(call);
    else
        tfcc_deliver_results(call);
    if (frame->epoch == 0) commit_writes(call);
    if (plan->draws) session->random_runs += plan->draws; /* others only read it, side by side */
    return TFCC_OK;
}

/* Runs a plan whose lock is held. */
static tfcc_status run_plan(tfcc_call *call) {
    TFCC_TRY(tfcc_frame_take(call));
    tfcc_status status = run_transaction(call);
    if (__builtin_expect(status != TFCC_OK, 0)) tfcc_abandon_results(call);
    tfcc_frame_give(call);
    return status;
}

static tfcc_status run_request(tfcc_call *call, const tfcc_request *request) {
    TFCC_TRY(tfcc_plan_acquire(call, request));
    bool exclusive = call->plan->exclusive;
    tfcc_status status = run_plan(call);
    tfcc_lock_release_fast(&call->session->lock, exclusive);
    return status;
}

tfcc_status tfcc_run(tfcc_session *session, const tfcc_feed *feeds, size_t feed_count,
                     tfcc_fetch *fetches, size_t fetch_count) {
    tfcc_request request;
    tfcc_call call;
    TFCC_TRY(tfcc_call_begin(session, feeds, feed_count, fetches, fetch_count, &call, &request));
    return run_request(&call, &request);
}

__attribute__((cold)) static tfcc_status wrong_session(const tfcc_model *model,
                                                       const tfcc_session *session) {
    if (model == NULL || session == NULL)
        return tfcc_fail(TFCC_INVALID_ARGUMENT, "a run needs a session");
    return tfcc_fail(TFCC_INVALID_ARGUMENT, "a run of graph '%s' was given a session of graph '%s'",
                     model->name, session->model->name);
}

tfcc_status tfcc_run_model(const tfcc_model *model, tfcc_session *session, const tfcc_feed *feeds,
                           size_t feed_count, tfcc_fetch *fetches, size_t fetch_count) {
    if (model == NULL || session == NULL || session->model != model)
        return wrong_session(model, session);
    return tfcc_run(session, feeds, feed_count, fetches, fetch_count);
}

tfcc_status tfcc_run_signature(const tfcc_model *model, tfcc_session *session, uint32_t index,
                               const tfcc_tensor *feeds, tfcc_tensor *fetches) {
    if (model == NULL || session == NULL || session->model != model)
        return wrong_session(model, session);
    if (index >= model->signature_count)
        return tfcc_fail(TFCC_OUT_OF_RANGE, "graph '%s' has no signature %u", model->name,
                         (unsigned)index);
    const tfcc_abi_signature *signature = &model->signatures[index];
    if ((feeds == NULL && signature->feed_count > 0) ||
        (fetches == NULL && signature->fetch_count > 0))
        return tfcc_fail(TFCC_INVALID_ARGUMENT, "signature '%s' needs feeds and fetches",
                         signature->name);
    tfcc_call call = {session,
                      NULL,
                      NULL,
                      {(char *)(uintptr_t)feeds, sizeof *feeds},
                      {(char *)fetches, sizeof *fetches}};
    tfcc_request request = {NULL, NULL, 0, 0, index};
    return run_request(&call, &request);
}

tfcc_status tfcc_initialize(tfcc_session *session) {
    if (session == NULL) return tfcc_fail(TFCC_INVALID_ARGUMENT, "a session is needed");
    const tfcc_model *model = session->model;
    tfcc_plan_key key = {.targets = model->lists + model->first_initial_step,
                         .target_count = model->initial_step_count};
    tfcc_call call = {.session = session};
    tfcc_lock_acquire(&session->lock, true);
    tfcc_status status = tfcc_plan_build(session, &key, &call.plan);
    if (status == TFCC_OK) {
        call.plan->exclusive = true;
        status = run_plan(&call);
        tfcc_release(&session->allocator, call.plan, call.plan->size);
    }
    tfcc_lock_release(&session->lock, true);
    return status;
}
