/* cache.c: finds the plan of a call, or makes it.
 *
 * Plans are looked up under the session's lock, taken in the mode that the last
 * run needed. A plan is added, and an old one dropped, by a writer alone. Most
 * runs are like the last one: comparing its names is all they need.
 */
#include "lock.h"
#include "plan.h"

#include <string.h>

/* How many plans are kept, beside one for each signature. */
#define PLAN_LIMIT 64

/* Whether `name` means the feed or fetch `index`, whose handle this is. */
static bool name_means(const tfcc_session *session, const char *name, const char *handle,
                       bool fetch, uint32_t index) {
    if (name == handle) return true;
    if (name == NULL) return false;
    if (strcmp(name, handle) == 0) return true;
    uint32_t found;
    return strstr(name, ":0") != NULL && tfcc_name_find(session, name, fetch, &found) == TFCC_OK &&
           found == index;
}

static bool plan_matches(const tfcc_call *call, const tfcc_plan *plan) {
    const tfcc_session *session = call->session;
    if (plan->signature != call->signature) return false;
    if (call->signature != TFCC_BY_NAME) return true;
    if (plan->feed_count != call->feed_count || plan->fetch_count != call->fetch_count)
        return false;
    for (uint32_t i = 0; i < plan->fetch_count; i++) {
        const tfcc_plan_fetch *fetch = &plan->fetches[i];
        if (fetch->wanted != (tfcc_tensor_at(call->fetches, i)->dtype != TFCC_NONE) ||
            !name_means(session, tfcc_name_at(call->fetches, i),
                        session->model->fetches[fetch->fetch].handle, true, fetch->fetch))
            return false;
    }
    for (uint32_t i = 0; i < plan->feed_count; i++)
        if (!name_means(session, tfcc_name_at(call->feeds, i),
                        session->model->feeds[plan->feeds[i]].handle, false, plan->feeds[i]))
            return false;
    return true;
}

static tfcc_plan *find_plan(const tfcc_call *call) {
    tfcc_session *session = call->session;
    tfcc_plan *last = atomic_load_explicit(&session->last_plan, memory_order_relaxed);
    if (last != NULL && plan_matches(call, last)) return last;
    for (tfcc_plan *plan = session->plans; plan != NULL; plan = plan->next)
        if (plan_matches(call, plan)) return plan;
    return NULL;
}

static void note_plan(tfcc_session *session, tfcc_plan *plan) {
    if (atomic_load_explicit(&session->last_plan, memory_order_relaxed) == plan) return;
    atomic_store_explicit(&session->last_plan, plan, memory_order_relaxed);
    uint64_t now = atomic_fetch_add_explicit(&session->clock, 1, memory_order_relaxed);
    atomic_store_explicit(&plan->used, now, memory_order_relaxed);
}

/* ---- Making plans; the lock is held as writer ---- */

static void drop_plan(tfcc_session *session, tfcc_plan **link) {
    tfcc_plan *dropped = *link;
    *link = dropped->next;
    atomic_store_explicit(&session->last_plan, NULL, memory_order_relaxed);
    tfcc_release(&session->allocator, dropped, dropped->size);
    session->plan_count--;
}

static void drop_oldest(tfcc_session *session) {
    tfcc_plan **oldest = &session->plans;
    for (tfcc_plan **link = oldest; *link != NULL; link = &(*link)->next)
        if (atomic_load_explicit(&(*link)->used, memory_order_relaxed) <
            atomic_load_explicit(&(*oldest)->used, memory_order_relaxed))
            oldest = link;
    drop_plan(session, oldest);
}

static tfcc_status add_plan(tfcc_call *call) {
    tfcc_session *session = call->session;
    TFCC_TRY(tfcc_plan_build(call));
    if (session->plan_count >= PLAN_LIMIT + session->model->signature_count) drop_oldest(session);
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
    if (feed_count > UINT32_MAX / 16 || fetch_count > UINT32_MAX / 16)
        return tfcc_fail(TOO_MANY, feed_count, fetch_count);
    call->session = session;
    call->feeds.first = (char *)(uintptr_t)feeds + offsetof(tfcc_feed, tensor);
    call->fetches.first = (char *)(uintptr_t)fetches + offsetof(tfcc_fetch, tensor);
    call->feeds.stride = call->fetches.stride = sizeof *feeds;
    call->feed_count = (uint32_t)feed_count;
    call->fetch_count = (uint32_t)fetch_count;
    call->signature = TFCC_BY_NAME;
    return TFCC_OK;
}

tfcc_status tfcc_plan_acquire(tfcc_call *call) {
    tfcc_session *session = call->session;
    bool hint = atomic_load_explicit(&session->exclusive_hint, memory_order_relaxed);
    for (bool exclusive = hint;; exclusive = true) {
        tfcc_lock_acquire_fast(&session->lock, exclusive);
        call->plan = find_plan(call);
        if (call->plan == NULL && exclusive) {
            tfcc_status status = add_plan(call);
            if (status != TFCC_OK) {
                tfcc_lock_release(&session->lock, true);
                return status;
            }
        }
        if (call->plan != NULL && call->plan->exclusive == exclusive) break;
        if (call->plan != NULL && exclusive) {
            tfcc_lock_downgrade(&session->lock);
            break;
        }
        tfcc_lock_release(&session->lock, false);
    }
    note_plan(session, call->plan);
    if (call->plan->exclusive != hint)
        atomic_store_explicit(&session->exclusive_hint, call->plan->exclusive,
                              memory_order_relaxed);
    return TFCC_OK;
}
