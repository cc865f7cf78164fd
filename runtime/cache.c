/* cache.c: finds the plan of a call, or makes it.
 *
 * A plan is added, and an old one dropped, by a writer alone.
 */
#include "plan.h"

#include <string.h>

/* How many plans are kept, beside one for each signature. */
#define PLAN_LIMIT 64

/* ---- Making plans; the lock is held as writer ---- */

static void drop_plan(tfcc_session *session, tfcc_plan **link) {
    tfcc_plan *dropped = *link;
    *link = dropped->next;
    atomic_store_explicit(&session->last_plan, NULL, memory_order_relaxed);
    tfcc_release(&session->allocator, dropped, dropped->size);
    session->plan_count--;
}

static tfcc_status add_plan(tfcc_call *call) {
    tfcc_session *session = call->session;
    TFCC_TRY(tfcc_plan_build(call));
    if (session->plan_count >= PLAN_LIMIT + session->model->signature_count) {
        tfcc_plan **oldest = &session->plans;
        while ((*oldest)->next != NULL) oldest = &(*oldest)->next;
        drop_plan(session, oldest);
    }
    call->plan->next = session->plans;
    session->plans = call->plan;
    session->plan_count++;
    return TFCC_OK;
}

void tfcc_plans_release(tfcc_session *session) {
    while (session->plans != NULL) drop_plan(session, &session->plans);
}

/* ---- Calls ---- */

tfcc_status tfcc_call_begin(tfcc_session *session, const tfcc_feed *feeds, size_t feed_count,
                            const tfcc_fetch *fetches, size_t fetch_count, tfcc_call *call) {
    if (session == NULL || (feeds == NULL && feed_count > 0) ||
        (fetches == NULL && fetch_count > 0))
        return tfcc_fail_null();
    call->session = session;
    call->feeds.first = (char *)((uintptr_t)feeds + offsetof(tfcc_feed, tensor)); /* of NULL too */
    call->fetches.first = (char *)((uintptr_t)fetches + offsetof(tfcc_fetch, tensor));
    call->feeds.stride = call->fetches.stride = sizeof *feeds;
    call->feed_count = (uint32_t)feed_count;
    call->fetch_count = (uint32_t)fetch_count;
    call->signature = TFCC_BY_NAME;
    return TFCC_OK;
}

tfcc_status tfcc_plan_find(tfcc_call *call, bool exclusive) {
    tfcc_session *session = call->session;
    for (;;) {
        call->plan = session->plans;
        while (call->plan != NULL && !tfcc_plan_fits(call, call->plan))
            call->plan = call->plan->next;
        tfcc_status status = call->plan == NULL && exclusive ? add_plan(call) : TFCC_OK;
        if (status == TFCC_OK && call->plan != NULL && call->plan->exclusive == exclusive) break;
        /* Others may change the list before the lock is taken again. */
        bool wanted = call->plan == NULL || call->plan->exclusive;
        tfcc_lock_release(&session->lock, exclusive);
        if (status != TFCC_OK) return status;
        tfcc_lock_acquire(&session->lock, exclusive = wanted);
    }
    atomic_store_explicit(&session->last_plan, call->plan, memory_order_relaxed);
    atomic_store_explicit(&session->exclusive_hint, exclusive, memory_order_relaxed);
    return TFCC_OK;
}
