/* run.c: carries a plan out: what every run passes through. */
#include "lock.h"
#include "plan.h"

#include <string.h>

/* ---- The plan ---- */

/* Whether `name` means the feed or fetch `index`. */
static bool is_name_of(const tfcc_session *session, const char *name, bool fetch, uint32_t index) {
    const tfcc_abi_entry *entries = fetch ? session->model->fetches : session->model->feeds;
    const char *handle = entries[index].handle;
    if (name == handle) return true;
    if (name == NULL) return false;
    return strcmp(name, handle) == 0 || tfcc_name_is_numbered(session, name, fetch, index);
}

bool tfcc_plan_fits(const tfcc_call *call, const tfcc_plan *plan) {
    const tfcc_session *session = call->session;
    if (plan->signature != call->signature) return false;
    if (call->signature != TFCC_BY_NAME) return true;
    if (plan->feed_count != call->feed_count || plan->fetch_count != call->fetch_count)
        return false;
    for (uint32_t i = 0; i < plan->fetch_count; i++) {
        const tfcc_plan_fetch *fetch = &plan->fetches[i];
        if (fetch->wanted != (tfcc_tensor_at(call->fetches, i)->dtype != TFCC_NONE) ||
            !is_name_of(session, tfcc_name_at(call->fetches, i), true, fetch->fetch))
            return false;
    }
    for (uint32_t i = 0; i < plan->feed_count; i++)
        if (!is_name_of(session, tfcc_name_at(call->feeds, i), false, plan->feeds[i])) return false;
    return true;
}

tfcc_status tfcc_plan_acquire(tfcc_call *call) {
    tfcc_session *session = call->session;
    bool exclusive = atomic_load_explicit(&session->exclusive_hint, memory_order_relaxed);
    tfcc_lock_acquire_fast(&session->lock, exclusive);
    call->plan = atomic_load_explicit(&session->last_plan, memory_order_relaxed);
    if (call->plan != NULL && call->plan->exclusive == exclusive &&
        tfcc_plan_fits(call, call->plan))
        return TFCC_OK;
    return tfcc_plan_find(call, exclusive);
}

/* ---- Results ---- */

static bool overlaps(const tfcc_result *result, const void *other, size_t other_bytes) {
    uintptr_t a = (uintptr_t)result->data, b = (uintptr_t)other;
    uintptr_t a_end = a + result->bytes, b_end = b + other_bytes;
    return (a > b ? a : b) < (a_end < b_end ? a_end : b_end);
}

/* Results may overlap nothing; feeds may overlap feeds. Those that have no place yet have no bytes.
 * A run has few of both. */
static tfcc_status check_overlaps(const tfcc_call *call, uint32_t i) {
    const tfcc_frame *frame = call->frame;
    const tfcc_result *result = &frame->results[i];
    for (uint32_t k = 0; k < call->plan->fetch_count; k++)
        if (k != i && overlaps(result, frame->results[k].data, frame->results[k].bytes))
            return tfcc_fail_overlap(call, i, true, k);
    for (uint32_t k = 0; k < call->plan->feed_count; k++)
        if (overlaps(result, frame->addresses[LOCAL_FIRST + k], frame->feed_bytes[k]))
            return tfcc_fail_overlap(call, i, false, k);
    return TFCC_OK;
}

/* What most small fetches ask for: a scalar in the caller's memory. */
static bool is_usual(const tfcc_plan_fetch *fetch, const tfcc_tensor *tensor) {
    _Static_assert(offsetof(tfcc_tensor, dtype) == offsetof(tfcc_tensor, rank) + 4 &&
                       offsetof(tfcc_plan_fetch, dtype) == offsetof(tfcc_plan_fetch, rank) + 4,
                   "rank and dtype are compared together");
    return memcmp(&tensor->rank, &fetch->rank, 8) == 0 && tensor->capacity == 0 &&
           tensor->data != NULL;
}

tfcc_status tfcc_prepare_results(const tfcc_call *call, uint32_t level) {
    tfcc_frame *frame = call->frame;
    for (uint32_t i = 0; i < call->plan->fetch_count; i++) {
        const tfcc_plan_fetch *fetch = &call->plan->fetches[i];
        if (fetch->level != level) continue;
        const tfcc_tensor *tensor = tfcc_tensor_at(call->fetches, i);
        tfcc_result *result = &frame->results[i];
        result->data = tensor->data;
        result->bytes = (size_t)frame->dims[fetch->bytes_slot];
        if (!is_usual(fetch, tensor)) TFCC_TRY(tfcc_prepare_result(call, i));
        if (fetch->direct) frame->addresses[fetch->local] = result->data;
        TFCC_TRY(check_overlaps(call, i));
    }
    return TFCC_OK;
}

static void deliver_results(const tfcc_call *call) {
    for (uint32_t i = 0; i < call->plan->fetch_count; i++) {
        const tfcc_plan_fetch *fetch = &call->plan->fetches[i];
        if (fetch->local == LOCAL_NULL) continue;
        tfcc_result *result = &call->frame->results[i];
        const void *from = call->frame->addresses[fetch->local];
        if (!fetch->direct && result->bytes == 4) /* most scalars: without a call */
            memcpy(result->data, from, 4);
        else if (!fetch->direct && result->bytes > 0)
            memcpy(result->data, from, result->bytes);
        if (!is_usual(fetch, tfcc_tensor_at(call->fetches, i))) tfcc_deliver_result(call, i);
        result->bytes = 0;
    }
}

/* ---- Steps ---- */

tfcc_status tfcc_run_kernel(const tfcc_call *call, const tfcc_plan_step *step) {
    tfcc_frame *frame = call->frame;
    void **addresses = frame->addresses;
    for (uint32_t i = 0; i < step->argument_count; i++)
        frame->pointers[i] = addresses[step->arguments[i]];
    for (uint32_t i = 0; i < step->slot_count; i++) frame->sizes[i] = frame->dims[step->slots[i]];
    uint32_t failed = step->kernel(frame->pointers, frame->sizes, frame->failure);
    if (__builtin_expect(failed != 0, 0))
        return tfcc_fail_check(&call->session->model->checks[step->step->first_check + failed - 1],
                               frame->failure);
    const tfcc_plan_write *write = step->writes;
    for (uint32_t i = 0; i < step->write_count; i++, write++)
        addresses[write->current] = addresses[write->local];
    return TFCC_OK;
}

static bool is_cancelled(const volatile int *cancel) {
    return cancel != NULL && __atomic_load_n(cancel, __ATOMIC_RELAXED) != 0;
}

static tfcc_status run_steps(const tfcc_call *call) {
    const tfcc_plan *plan = call->plan;
    const volatile int *cancel = call->session->cancel;
    bool traced = call->session->trace != NULL;
    for (uint32_t s = 0; s < plan->step_count; s++) {
        const tfcc_plan_step *step = &plan->steps[s];
        if (is_cancelled(cancel)) break;
        if (s == plan->live_from) cancel = NULL; /* from here on writes are in place */
        TFCC_TRY(step->special || traced ? tfcc_run_special(call, step)
                                         : tfcc_run_kernel(call, step));
    }
    return is_cancelled(cancel) ? tfcc_fail(CANCELLED) : TFCC_OK;
}

/* ---- A run ---- */

static tfcc_status run_transaction(const tfcc_call *call) {
    tfcc_session *session = call->session;
    const tfcc_plan *plan = call->plan;
    tfcc_frame *frame = call->frame;
    if (plan->feed_count > 0) TFCC_TRY(tfcc_bind_feeds(call, true));
    if (!frame->sized) TFCC_TRY(tfcc_bind_sizes(call));
    if (frame->epoch != session->epoch) TFCC_TRY(tfcc_bind_state(call));
    TFCC_TRY(tfcc_prepare_results(call, 0));
    frame->random = session->random_runs;
    TFCC_TRY(run_steps(call));
    if (plan->end_may_fail) TFCC_TRY(tfcc_check_end(call));
    deliver_results(call);
    if (frame->epoch == 0) tfcc_commit_writes(call);
    if (plan->draws) session->random_runs += plan->draws; /* others only read it, side by side */
    return TFCC_OK;
}

tfcc_status tfcc_run_call(tfcc_call *call) {
    TFCC_TRY(tfcc_plan_acquire(call));
    bool exclusive = call->plan->exclusive;
    tfcc_status status = tfcc_frame_take(call);
    if (status == TFCC_OK) {
        status = run_transaction(call);
        if (status != TFCC_OK) tfcc_abandon_results(call);
        if (!exclusive) tfcc_frame_give(call);
    }
    tfcc_lock_release_fast(&call->session->lock, exclusive);
    return status;
}

tfcc_status tfcc_run(tfcc_session *session, const tfcc_feed *feeds, size_t feed_count,
                     tfcc_fetch *fetches, size_t fetch_count) {
    tfcc_call call;
    TFCC_TRY(tfcc_call_begin(session, feeds, feed_count, fetches, fetch_count, &call));
    return tfcc_run_call(&call);
}

__attribute__((cold)) static tfcc_status wrong_session(const tfcc_model *model,
                                                       const tfcc_session *session) {
    if (model == NULL || session == NULL) return tfcc_fail_null();
    return tfcc_fail(OTHER_SESSION, model->name, session->model->name);
}

static bool is_session_of(const tfcc_model *model, const tfcc_session *session) {
    return model != NULL && session != NULL && session->opened == model;
}

tfcc_status tfcc_run_model(const tfcc_model *model, tfcc_session *session, const tfcc_feed *feeds,
                           size_t feed_count, tfcc_fetch *fetches, size_t fetch_count) {
    if (!is_session_of(model, session)) return wrong_session(model, session);
    return tfcc_run(session, feeds, feed_count, fetches, fetch_count);
}

tfcc_status tfcc_run_signature(const tfcc_model *model, tfcc_session *session, uint32_t index,
                               const tfcc_tensor *feeds, tfcc_tensor *fetches) {
    if (!is_session_of(model, session)) return wrong_session(model, session);
    if (index >= model->signature_count)
        return tfcc_fail(NO_INDEX, model->name, "signature", (size_t)index);
    const tfcc_abi_signature *signature = &model->signatures[index];
    if ((feeds == NULL && signature->feed_count > 0) ||
        (fetches == NULL && signature->fetch_count > 0))
        return tfcc_fail_null();
    tfcc_call call;
    call.session = session;
    call.feeds.first = (char *)(uintptr_t)feeds;
    call.fetches.first = (char *)fetches;
    call.feeds.stride = call.fetches.stride = sizeof *feeds;
    call.feed_count = signature->feed_count;
    call.fetch_count = signature->fetch_count + signature->target_count;
    call.signature = index;
    return tfcc_run_call(&call);
}
