/* run.c: carries a plan out. */
#include "lock.h"
#include "plan.h"

#include <string.h>
#include <time.h>

/* What INITIALIZED buffers show of a variable that is fed. */
static const bool always = true;

__attribute__((cold)) static tfcc_status uninitialized(const tfcc_model *model,
                                                       const tfcc_plan *plan, uint32_t local) {
    const tfcc_plan_variable *variable = &plan->variables[plan->locals[local].variable];
    return tfcc_fail(TFCC_FAILED_PRECONDITION,
                     "attempting to use uninitialized value '%s': initialize the session, restore "
                     "a checkpoint or set the variable first",
                     model->variables[variable->variable].name);
}

static tfcc_status check_required(const tfcc_model *model, const tfcc_plan *plan,
                                  const tfcc_frame *frame, tfcc_span required) {
    for (uint32_t i = 0; i < required.count; i++) {
        uint32_t local = plan->required[required.first + i];
        if (frame->addresses[local] == NULL) return uninitialized(model, plan, local);
    }
    return TFCC_OK;
}

/* ---- Variables ---- */

static void bind_variables(const tfcc_session *session, const tfcc_plan *plan, tfcc_frame *frame) {
    for (uint32_t i = 0; i < plan->variable_count; i++) {
        const tfcc_plan_variable *variable = &plan->variables[i];
        const tfcc_session_variable *stored = &session->variables[variable->variable];
        const bool *initialized = variable->fed ? &always : &stored->has_value;
        if (variable->initialized != LOCAL_NULL)
            frame->addresses[variable->initialized] = (void *)(uintptr_t)initialized;
        if (variable->fed) continue;
        frame->addresses[variable->start] = stored->data;
        frame->addresses[variable->current] = stored->data;
    }
}

tfcc_status tfcc_stage_writes(tfcc_session *session, const tfcc_plan *plan) {
    for (uint32_t i = 0; i < plan->write_count; i++) {
        uint32_t index = plan->variables[plan->writes[i].variable].variable;
        if (session->variables[index].data == NULL || plan->writes[i].place == PLACE_SPARE)
            TFCC_TRY(tfcc_variable_stage(session, index));
    }
    return TFCC_OK;
}

/* EXTRA writes have their address from the workspace already. */
static void bind_writes(const tfcc_session *session, const tfcc_plan *plan, tfcc_frame *frame) {
    for (uint32_t i = 0; i < plan->write_count; i++) {
        const tfcc_plan_write *write = &plan->writes[i];
        const tfcc_session_variable *stored =
            &session->variables[plan->variables[write->variable].variable];
        if (write->place == PLACE_EXTRA) continue;
        bool live = write->place == PLACE_LIVE && stored->data != NULL;
        frame->addresses[write->local] = live ? stored->data : stored->spare;
    }
}

/* Binds the addresses of variables, unless they are those of the last run. */
static tfcc_status bind_state(tfcc_session *session, const tfcc_plan *plan, tfcc_frame *frame) {
    if (frame->epoch == session->epoch) return TFCC_OK;
    bind_variables(session, plan, frame);
    TFCC_TRY(check_required(session->model, plan, frame, plan->start_required));
    TFCC_TRY(tfcc_stage_writes(session, plan));
    bind_writes(session, plan, frame);
    frame->epoch = plan->steady ? session->epoch : 0;
    return TFCC_OK;
}

/* The only point where variables and the random counter change, but for writes in place, after which nothing fails. */
static void commit(tfcc_session *session, const tfcc_plan *plan, const tfcc_frame *frame) {
    for (uint32_t i = 0; plan->write_count > 0 && i < plan->variable_count; i++) {
        const tfcc_plan_variable *variable = &plan->variables[i];
        if (!variable->written && !variable->may_be_written) continue;
        tfcc_session_variable *stored = &session->variables[variable->variable];
        void *value = frame->addresses[variable->current];
        if (value == stored->data) continue;
        if (value != stored->spare) {
            /* An earlier write was the last one: its value has to leave the workspace. */
            void *to = stored->data != NULL ? stored->data : stored->spare;
            memcpy(to, value, (size_t)session->model->variables[variable->variable].bytes);
            if (to == stored->data) continue;
        }
        tfcc_variable_adopt(session, variable->variable);
    }
    if (plan->draws) session->random_runs++;
}

/* ---- Steps ---- */

static bool guards_hold(const tfcc_plan *plan, const tfcc_frame *frame, tfcc_span guards) {
    for (uint32_t i = 0; i < guards.count; i++) {
        const tfcc_plan_guard *guard = &plan->guards[guards.first + i];
        bool value = *(const uint8_t *)frame->addresses[guard->local] != 0;
        if (value != (guard->wanted != 0)) return false;
    }
    return true;
}

static void preload(const tfcc_plan *plan, const tfcc_frame *frame, tfcc_span preloads) {
    for (uint32_t i = 0; i < preloads.count; i++) {
        const tfcc_plan_preload *p = &plan->preloads[preloads.first + i];
        void *to = frame->addresses[p->to];
        size_t bytes = (size_t)frame->dims[p->bytes_slot];
        if (to != frame->addresses[p->from] && bytes > 0)
            memcpy(to, frame->addresses[p->from], bytes);
    }
}

static void note_writes(const tfcc_plan *plan, tfcc_frame *frame, tfcc_span writes) {
    for (uint32_t i = 0; i < writes.count; i++) {
        const tfcc_plan_write *write = &plan->writes[writes.first + i];
        frame->addresses[plan->variables[write->variable].current] = frame->addresses[write->local];
    }
}

/* Copies the elements of a buffer to the symbols of a BIND step. */
static void bind_symbols(const tfcc_model *model, tfcc_frame *frame, const tfcc_plan_step *step) {
    const tfcc_abi_argument *argument = &model->arguments[step->step->first_argument];
    tfcc_dtype dtype = (tfcc_dtype)model->buffers[argument->buffer].dtype;
    const char *data = frame->addresses[step->arguments[0]];
    for (uint32_t i = 0; i < step->slot_count; i++) {
        int32_t small;
        int64_t *symbol = &frame->dims[step->slots[i]];
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

/* A call of tfcc_run: what its steps work on. */
typedef struct Run {
    tfcc_session *session;
    const tfcc_plan *plan;
    tfcc_frame *frame;
    tfcc_tensors feeds, fetches;
} Run;

/* Sizes of a level are known from here on: its workspace and its results get their places. */
static tfcc_status run_bind(const Run *run, const tfcc_plan_step *step) {
    const tfcc_model *model = run->session->model;
    uint32_t level = step->step->level;
    if (step->argument_count > 0) bind_symbols(model, run->frame, step);
    if (model->settle != NULL) model->settle(run->frame->dims, level);
    TFCC_TRY(tfcc_bind_level(run->session, run->plan, run->frame, level));
    return tfcc_prepare_results(run->session, run->plan, run->frame, run->feeds, run->fetches,
                                level);
}

static tfcc_status run_kernel(const Run *run, const tfcc_plan_step *step) {
    tfcc_frame *frame = run->frame;
    for (uint32_t i = 0; i < step->argument_count; i++)
        frame->pointers[i] = frame->addresses[step->arguments[i]];
    for (uint32_t i = 0; i < step->slot_count; i++) frame->sizes[i] = frame->dims[step->slots[i]];
    uint32_t failed = step->kernel(frame->pointers, frame->sizes, frame->failure);
    if (__builtin_expect(failed == 0, 1)) return TFCC_OK;
    if (failed > step->step->check_count)
        return tfcc_fail(TFCC_INTERNAL, "step '%s' failed with unknown check %u", step->step->name,
                         (unsigned)(failed - 1));
    return tfcc_fail_check(
        &run->session->model->checks[step->step->first_check + failed - 1], frame->failure);
}

static tfcc_status run_special(const Run *run, const tfcc_plan_step *step) {
    const tfcc_plan *plan = run->plan;
    TFCC_TRY(check_required(run->session->model, plan, run->frame, step->required));
    if (step->step->kind == TFCC_ABI_BIND) return run_bind(run, step);
    preload(plan, run->frame, step->preloads);
    TFCC_TRY(run_kernel(run, step));
    note_writes(plan, run->frame, step->writes);
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

static tfcc_status run_steps(const Run *run) {
    const tfcc_plan *plan = run->plan;
    const volatile int *cancel = run->session->cancel;
    const tfcc_trace trace = run->session->trace;
    for (uint32_t s = 0; s < plan->step_count; s++) {
        const tfcc_plan_step *step = &plan->steps[s];
        if (is_cancelled(cancel)) break;
        if (s == plan->live_from) cancel = NULL; /* from here on writes are in place */
        if (step->guards.count > 0 && !guards_hold(plan, run->frame, step->guards)) continue;
        uint64_t begin = trace != NULL ? now() : 0;
        TFCC_TRY(step->kind == STEP_SIMPLE ? run_kernel(run, step) : run_special(run, step));
        if (trace != NULL) trace(run->session->trace_context, step->step->name, begin, now());
    }
    return is_cancelled(cancel) ? tfcc_fail(TFCC_CANCELLED, "the run was cancelled") : TFCC_OK;
}

/* ---- A run ---- */

static tfcc_status run_transaction(const Run *run) {
    tfcc_session *session = run->session;
    const tfcc_plan *plan = run->plan;
    tfcc_frame *frame = run->frame;
    TFCC_TRY(tfcc_bind_feeds(session, plan, frame, run->feeds, true));
    TFCC_TRY(bind_state(session, plan, frame));
    if (!frame->sized) {
        tfcc_settle_symbols(session->model, plan, frame);
        TFCC_TRY(tfcc_bind_level(session, plan, frame, 0));
        frame->sized = true;
    }
    TFCC_TRY(tfcc_prepare_results(session, plan, frame, run->feeds, run->fetches, 0));
    frame->random = session->random_runs;
    TFCC_TRY(run_steps(run));
    TFCC_TRY(check_required(session->model, plan, frame, plan->end_required));
    tfcc_deliver_results(session->model, plan, frame, run->feeds, run->fetches);
    commit(session, plan, frame);
    return TFCC_OK;
}

/* Runs a plan whose lock is held. */
static tfcc_status run_plan(tfcc_session *session, const tfcc_plan *plan, tfcc_tensors feeds,
                            tfcc_tensors fetches) {
    tfcc_frame *frame;
    TFCC_TRY(tfcc_frame_take(session, plan, &frame));
    Run run = {session, plan, frame, feeds, fetches};
    tfcc_status status = run_transaction(&run);
    if (__builtin_expect(status != TFCC_OK, 0)) tfcc_abandon_results(plan, frame);
    tfcc_frame_give(session, plan, frame);
    return status;
}

static tfcc_status run_request(tfcc_session *session, const tfcc_request *request,
                               tfcc_tensors feeds, tfcc_tensors fetches) {
    tfcc_plan *plan;
    TFCC_TRY(tfcc_plan_acquire(session, request, &plan));
    bool exclusive = plan->exclusive;
    tfcc_status status = run_plan(session, plan, feeds, fetches);
    tfcc_lock_release_fast(&session->lock, exclusive);
    return status;
}

tfcc_status tfcc_run(tfcc_session *session, const tfcc_feed *feeds, size_t feed_count,
                     tfcc_fetch *fetches, size_t fetch_count) {
    tfcc_request request;
    TFCC_TRY(tfcc_request_make(session, feeds, feed_count, fetches, fetch_count, &request));
    tfcc_tensors fed = {(char *)(uintptr_t)feeds + offsetof(tfcc_feed, tensor), sizeof *feeds};
    tfcc_tensors fetched = {(char *)fetches + offsetof(tfcc_fetch, tensor), sizeof *fetches};
    return run_request(session, &request, fed, fetched);
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
    tfcc_tensors fed = {(char *)(uintptr_t)feeds, sizeof *feeds};
    tfcc_tensors fetched = {(char *)fetches, sizeof *fetches};
    tfcc_request request = {NULL, NULL, 0, 0, index};
    return run_request(session, &request, fed, fetched);
}

tfcc_status tfcc_initialize(tfcc_session *session) {
    if (session == NULL) return tfcc_fail(TFCC_INVALID_ARGUMENT, "a session is needed");
    const tfcc_model *model = session->model;
    tfcc_plan_key key = {.targets = model->lists + model->first_initial_step,
                         .target_count = model->initial_step_count};
    tfcc_lock_acquire(&session->lock, true);
    tfcc_plan *plan;
    tfcc_status status = tfcc_plan_build(session, &key, &plan);
    if (status == TFCC_OK) {
        plan->exclusive = true;
        status = run_plan(session, plan, (tfcc_tensors){NULL, 0}, (tfcc_tensors){NULL, 0});
        tfcc_release(&session->allocator, plan, plan->size);
    }
    tfcc_lock_release(&session->lock, true);
    return status;
}
