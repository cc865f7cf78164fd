/* cache.c: finds the plan of a run, or makes it.
 *
 * Plans are looked up under the session's lock, taken in the mode that the last run needed. A plan
 * is added, and an old one dropped, by a writer alone. Most runs are like the last one: comparing
 * its names is all they need.
 */
#include "lock.h"
#include "plan.h"

#include <string.h>

/* How many plans by name are kept. Plans of signatures stay besides. */
#define PLAN_LIMIT 64

static bool name_matches(const char *name, const char *handle) {
    return name == handle || (name != NULL && strcmp(name, handle) == 0);
}

static bool plan_matches(const tfcc_model *model, const tfcc_plan *plan,
                         const tfcc_request *request) {
    if (plan->feed_count != request->feed_count || plan->fetch_count != request->fetch_count)
        return false;
    for (uint32_t i = 0; i < plan->fetch_count; i++)
        if (plan->fetches[i].wanted != (request->fetches[i].tensor.dtype != TFCC_NONE) ||
            !name_matches(request->fetches[i].name, model->fetches[plan->fetches[i].fetch].handle))
            return false;
    for (uint32_t i = 0; i < plan->feed_count; i++)
        if (!name_matches(request->feeds[i].name, model->feeds[plan->feeds[i].feed].handle))
            return false;
    return true;
}

static tfcc_plan *find_by_name(tfcc_session *session, const tfcc_request *request) {
    tfcc_plan *last = atomic_load_explicit(&session->last_plan, memory_order_relaxed);
    if (last != NULL && plan_matches(session->model, last, request)) return last;
    for (tfcc_plan *plan = session->plans; plan != NULL; plan = plan->next)
        if (plan != last && plan_matches(session->model, plan, request)) return plan;
    return NULL;
}

static bool plan_has_key(const tfcc_plan *plan, const tfcc_plan_key *key) {
    if (plan->feed_count != key->feed_count || plan->fetch_count != key->fetch_count) return false;
    for (uint32_t i = 0; i < plan->fetch_count; i++)
        if (plan->fetches[i].fetch != key->fetches[i] || plan->fetches[i].wanted != key->wanted[i])
            return false;
    for (uint32_t i = 0; i < plan->feed_count; i++)
        if (plan->feeds[i].feed != key->feeds[i]) return false;
    return true;
}

/* ---- Making plans; the lock is held as writer ---- */

static void drop_oldest(tfcc_session *session) {
    tfcc_plan **oldest = &session->plans;
    for (tfcc_plan **link = &session->plans; *link != NULL; link = &(*link)->next)
        if (atomic_load_explicit(&(*link)->used, memory_order_relaxed) <
            atomic_load_explicit(&(*oldest)->used, memory_order_relaxed))
            oldest = link;
    tfcc_plan *dropped = *oldest;
    *oldest = dropped->next;
    if (atomic_load_explicit(&session->last_plan, memory_order_relaxed) == dropped)
        atomic_store_explicit(&session->last_plan, NULL, memory_order_relaxed);
    tfcc_release(&session->allocator, dropped, dropped->size);
    session->plan_count--;
}

static tfcc_status find_or_build(tfcc_session *session, const tfcc_plan_key *key,
                                 tfcc_plan **plan) {
    for (tfcc_plan *known = session->plans; known != NULL; known = known->next)
        if (plan_has_key(known, key)) {
            *plan = known;
            return TFCC_OK;
        }
    TFCC_TRY(tfcc_plan_build(session, key, plan));
    if (session->plan_count >= PLAN_LIMIT) drop_oldest(session);
    (*plan)->next = session->plans;
    session->plans = *plan;
    session->plan_count++;
    return TFCC_OK;
}

tfcc_status tfcc_fail_name(const tfcc_model *model, const char *name, const char *what) {
    return tfcc_fail(TFCC_NOT_FOUND, "graph '%s' has no %s '%s'", model->name, what, name);
}

tfcc_status tfcc_fail_target(const char *name) {
    return tfcc_fail(TFCC_INVALID_ARGUMENT,
                     "'%s' has no value: it can only be a target, of dtype TFCC_NONE", name);
}

static tfcc_status resolve_name(const tfcc_session *session, const char *name, bool fetch,
                                uint32_t *index) {
    const char *what = fetch ? "fetch" : "feed";
    if (name == NULL) return tfcc_fail(TFCC_INVALID_ARGUMENT, "a %s has no name", what);
    *index = tfcc_name_find(session, name, fetch);
    return *index != TFCC_ABI_NONE ? TFCC_OK : tfcc_fail_name(session->model, name, what);
}

/* Indices and wishes of a request, in one block of scratch memory. */
static tfcc_status resolve_names(const tfcc_session *session, const tfcc_request *request,
                                 uint32_t *indices, bool *wanted) {
    for (size_t i = 0; i < request->feed_count; i++)
        TFCC_TRY(resolve_name(session, request->feeds[i].name, false, indices++));
    for (size_t i = 0; i < request->fetch_count; i++, indices++) {
        const tfcc_fetch *fetch = &request->fetches[i];
        TFCC_TRY(resolve_name(session, fetch->name, true, indices));
        wanted[i] = fetch->tensor.dtype != TFCC_NONE;
        if (wanted[i] && session->model->fetches[*indices].buffer == TFCC_ABI_NONE)
            return tfcc_fail_target(fetch->name);
    }
    return TFCC_OK;
}

static tfcc_status build_by_name(tfcc_session *session, const tfcc_request *request,
                                 tfcc_plan **plan) {
    size_t names = request->feed_count + request->fetch_count;
    if (request->feed_count > UINT32_MAX / 16 || request->fetch_count > UINT32_MAX / 16)
        return tfcc_fail(TFCC_INVALID_ARGUMENT, "%zu feeds and %zu fetches are too many",
                         request->feed_count, request->fetch_count);
    size_t size = names * (sizeof(uint32_t) + sizeof(bool));
    uint32_t *indices = tfcc_obtain(&session->allocator, size);
    if (indices == NULL) return tfcc_fail_memory(size);
    bool *wanted = (bool *)(indices + names);
    tfcc_plan_key key = {.feeds = indices,
                         .fetches = indices + request->feed_count,
                         .wanted = wanted,
                         .feed_count = (uint32_t)request->feed_count,
                         .fetch_count = (uint32_t)request->fetch_count};
    tfcc_status status = resolve_names(session, request, indices, wanted);
    if (status == TFCC_OK) status = find_or_build(session, &key, plan);
    tfcc_release(&session->allocator, indices, size);
    return status;
}

static tfcc_status build_signature(tfcc_session *session, uint32_t index, tfcc_plan **plan) {
    const uint32_t *lists = session->model->lists;
    const tfcc_abi_signature *signature = &session->model->signatures[index];
    tfcc_plan_key key = {.feeds = lists + signature->first_feed,
                         .fetches = lists + signature->first_fetch,
                         .feed_count = signature->feed_count,
                         .fetch_count = signature->fetch_count + signature->target_count,
                         .wanted_count = signature->fetch_count};
    TFCC_TRY(tfcc_plan_build(session, &key, plan));
    session->signature_plans[index] = *plan;
    return TFCC_OK;
}

/* ---- Together ---- */

tfcc_status tfcc_call_begin(tfcc_session *session, const tfcc_feed *feeds, size_t feed_count,
                            const tfcc_fetch *fetches, size_t fetch_count, tfcc_call *call,
                            tfcc_request *request) {
    if (session == NULL) return tfcc_fail(TFCC_INVALID_ARGUMENT, "a session is needed");
    if ((feeds == NULL && feed_count > 0) || (fetches == NULL && fetch_count > 0))
        return tfcc_fail(TFCC_INVALID_ARGUMENT, "%s are NULL, though their count is not 0",
                         feeds == NULL && feed_count > 0 ? "feeds" : "fetches");
    call->session = session;
    call->feeds =
        (tfcc_tensors){(char *)(uintptr_t)feeds + offsetof(tfcc_feed, tensor), sizeof *feeds};
    call->fetches =
        (tfcc_tensors){(char *)(uintptr_t)fetches + offsetof(tfcc_fetch, tensor), sizeof *fetches};
    *request = (tfcc_request){feeds, fetches, feed_count, fetch_count, TFCC_ABI_NONE};
    return TFCC_OK;
}

static tfcc_plan *find_plan(tfcc_session *session, const tfcc_request *request) {
    if (request->signature == TFCC_ABI_NONE) return find_by_name(session, request);
    return session->signature_plans[request->signature];
}

static void note_plan(tfcc_session *session, tfcc_plan *plan) {
    if (atomic_load_explicit(&session->last_plan, memory_order_relaxed) == plan) return;
    atomic_store_explicit(&session->last_plan, plan, memory_order_relaxed);
    uint64_t now = atomic_fetch_add_explicit(&session->clock, 1, memory_order_relaxed);
    atomic_store_explicit(&plan->used, now, memory_order_relaxed);
}

tfcc_status tfcc_plan_acquire(tfcc_call *call, const tfcc_request *request) {
    tfcc_session *session = call->session;
    bool hint = atomic_load_explicit(&session->exclusive_hint, memory_order_relaxed);
    tfcc_plan *plan;
    for (bool exclusive = hint;; exclusive = true) {
        tfcc_lock_acquire_fast(&session->lock, exclusive);
        plan = find_plan(session, request);
        if (plan == NULL && exclusive) {
            tfcc_status status = request->signature == TFCC_ABI_NONE
                                     ? build_by_name(session, request, &plan)
                                     : build_signature(session, request->signature, &plan);
            if (status != TFCC_OK) {
                tfcc_lock_release(&session->lock, true);
                return status;
            }
        }
        if (plan != NULL && plan->exclusive == exclusive) break;
        if (plan != NULL && exclusive) {
            tfcc_lock_downgrade(&session->lock);
            break;
        }
        tfcc_lock_release(&session->lock, false);
    }
    if (request->signature == TFCC_ABI_NONE) note_plan(session, plan);
    if (plan->exclusive != hint)
        atomic_store_explicit(&session->exclusive_hint, plan->exclusive, memory_order_relaxed);
    call->plan = plan;
    return TFCC_OK;
}

void tfcc_plans_release(tfcc_session *session) {
    while (session->plans != NULL) {
        tfcc_plan *plan = session->plans;
        session->plans = plan->next;
        tfcc_release(&session->allocator, plan, plan->size);
    }
    for (uint32_t i = 0; session->signature_plans != NULL && i < session->model->signature_count;
         i++)
        if (session->signature_plans[i] != NULL)
            tfcc_release(&session->allocator, session->signature_plans[i],
                         session->signature_plans[i]->size);
}
