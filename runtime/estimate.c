/* estimate.c: sizes without a run, and reserving what a run will need.
 *
 * Sizes that a run computes are looked at in two corners: all of them zero, and all at their upper bound (without one,
 * as large as can be). Derived sizes saturate, so that what has no bound shows by its magnitude.
 */
#include "plan.h"

#include <string.h>

/* No real size is as large; sums and products of INT64_MAX are. */
#define UNBOUNDED (INT64_C(1) << 61)

/* Gives the symbols that neither feeds nor fallbacks bind their value in a corner and settles all levels. */
static tfcc_status settle_corner(tfcc_session *session, const tfcc_plan *plan, tfcc_frame *frame,
                                 tfcc_tensors feeds, bool high) {
    const tfcc_model *model = session->model;
    frame->serial = 0; /* what is bound here is not for the next run */
    memset(frame->dims, 0xff, model->symbol_count * sizeof *frame->dims);
    TFCC_TRY(tfcc_bind_feeds(session, plan, frame, feeds, false));
    bool *free_symbols = frame->free_symbols;
    for (uint32_t i = 0; i < model->symbol_count; i++) free_symbols[i] = frame->dims[i] == -1;
    for (uint32_t i = 0; i < plan->fallback_count; i++) free_symbols[plan->fallbacks[i]] = false;
    for (uint32_t level = 0; level < model->level_count; level++) {
        for (uint32_t i = 0; i < model->symbol_count; i++) {
            if (!free_symbols[i]) continue;
            uint32_t upper = model->symbols[i].upper_slot;
            int64_t value = INT64_MAX;
            if (!high) value = 0;
            else if (upper != TFCC_ABI_NONE) value = frame->dims[upper];
            frame->dims[i] = value;
        }
        if (level == 0) tfcc_settle_symbols(model, plan, frame);
        else if (model->settle != NULL) model->settle(frame->dims, level);
    }
    return TFCC_OK;
}

/* ---- Shapes ---- */

static tfcc_status find_fetch(const tfcc_session *session, const char *name,
                              tfcc_extent *extent, uint32_t *buffer) {
    if (session == NULL || name == NULL || extent == NULL)
        return tfcc_fail(TFCC_INVALID_ARGUMENT, "session, fetch or extent is NULL");
    uint32_t index = tfcc_name_find(session, name, true);
    if (index == TFCC_ABI_NONE)
        return tfcc_fail(TFCC_NOT_FOUND, "'%s' is not a fetch of graph '%s'", name,
                         session->model->name);
    *buffer = session->model->fetches[index].buffer;
    if (*buffer == TFCC_ABI_NONE)
        return tfcc_fail(TFCC_INVALID_ARGUMENT, "'%s' has no value: it can only be a target", name);
    return TFCC_OK;
}

static void describe_extent(const tfcc_model *model, uint32_t buffer, const int64_t *low,
                            int32_t low_rank, const int64_t *dims, tfcc_extent *extent) {
    const tfcc_abi_buffer *described = &model->buffers[buffer];
    memset(extent, 0, sizeof *extent);
    extent->dtype = (tfcc_dtype)described->dtype;
    extent->rank = tfcc_buffer_shape(model, dims, buffer, extent->shape);
    extent->bound = described->level > 0 ? TFCC_UPPER_BOUND : TFCC_EXACT;
    bool unbounded = extent->rank != low_rank;
    if (unbounded) extent->rank = -1;
    size_t bytes = tfcc_dtype_size(extent->dtype);
    for (int32_t i = 0; i < extent->rank; i++) {
        int64_t *size = &extent->shape[i];
        if (low[i] > *size) *size = low[i];
        if (*size >= UNBOUNDED) {
            unbounded = true;
            *size = -1;
        } else if (__builtin_mul_overflow(bytes, (uint64_t)*size, &bytes)) {
            unbounded = true;
        }
    }
    extent->bytes = unbounded ? SIZE_MAX : bytes;
    if (unbounded) extent->bound = TFCC_UNBOUNDED;
}

/* Takes the plan's frame, whose lock is held, and looks at both corners. */
static tfcc_status measure_fetch(tfcc_session *session, const tfcc_plan *plan, tfcc_tensors feeds,
                                 uint32_t buffer, tfcc_extent *extent) {
    tfcc_frame *frame;
    TFCC_TRY(tfcc_frame_take(session, plan, &frame));
    int64_t low[TFCC_MAX_RANK];
    int32_t rank = 0;
    tfcc_status status = settle_corner(session, plan, frame, feeds, false);
    if (status == TFCC_OK) {
        rank = tfcc_buffer_shape(session->model, frame->dims, buffer, low);
        status = settle_corner(session, plan, frame, feeds, true);
    }
    if (status == TFCC_OK)
        describe_extent(session->model, buffer, low, rank, frame->dims, extent);
    tfcc_frame_give(session, plan, frame);
    return status;
}

tfcc_status tfcc_shape(tfcc_session *session, const tfcc_feed *feeds, size_t feed_count,
                       const char *fetch, tfcc_extent *extent) {
    uint32_t buffer;
    TFCC_TRY(find_fetch(session, fetch, extent, &buffer));
    /* A plan of the feeds alone: it has no steps, and so misses none of the others. */
    tfcc_request request;
    TFCC_TRY(tfcc_request_make(session, feeds, feed_count, NULL, 0, &request));
    tfcc_plan *plan;
    TFCC_TRY(tfcc_plan_acquire(session, &request, &plan));
    tfcc_tensors fed = {(char *)(uintptr_t)feeds + offsetof(tfcc_feed, tensor), sizeof *feeds};
    tfcc_status status = measure_fetch(session, plan, fed, buffer, extent);
    tfcc_lock_release(&session->lock, false);
    return status;
}

/* ---- Workspace ---- */

/* What a run needs in the corner that was settled. *bound gets worse where a level depends on computed sizes. */
static size_t count_bytes(const tfcc_session *session, const tfcc_plan *plan,
                          const tfcc_frame *frame, tfcc_bound *bound) {
    const tfcc_model *model = session->model;
    size_t total = (size_t)plan->extra_bytes;
    for (uint32_t level = 0; level < model->level_count; level++) {
        size_t bytes = tfcc_level_bytes(model, plan, frame, level);
        if (level > 0 && bytes > 0 && *bound == TFCC_EXACT) *bound = TFCC_UPPER_BOUND;
        if (bytes >= SIZE_MAX / 4 || __builtin_add_overflow(total, bytes, &total)) {
            *bound = TFCC_UNBOUNDED;
            return SIZE_MAX;
        }
    }
    for (uint32_t i = 0; i < plan->variable_count; i++) {
        const tfcc_plan_variable *variable = &plan->variables[i];
        bool first = (variable->written || variable->may_be_written) &&
                     session->variables[variable->variable].data == NULL;
        if (variable->spare || first)
            total += (size_t)model->variables[variable->variable].bytes;
    }
    return total;
}

static tfcc_status measure_run(tfcc_session *session, const tfcc_plan *plan, tfcc_tensors feeds,
                               size_t *bytes, tfcc_bound *bound) {
    tfcc_frame *frame;
    TFCC_TRY(tfcc_frame_take(session, plan, &frame));
    size_t low = 0;
    tfcc_status status = settle_corner(session, plan, frame, feeds, false);
    if (status == TFCC_OK) {
        low = count_bytes(session, plan, frame, bound);
        status = settle_corner(session, plan, frame, feeds, true);
    }
    if (status == TFCC_OK) {
        *bytes = count_bytes(session, plan, frame, bound);
        if (low > *bytes) *bytes = low;
    }
    tfcc_frame_give(session, plan, frame);
    return status;
}

tfcc_status tfcc_workspace(tfcc_session *session, const tfcc_feed *feeds, size_t feed_count,
                           const tfcc_fetch *fetches, size_t fetch_count, size_t *bytes,
                           tfcc_bound *bound) {
    if (bytes == NULL) return tfcc_fail(TFCC_INVALID_ARGUMENT, "bytes is NULL");
    tfcc_request request;
    TFCC_TRY(tfcc_request_make(session, feeds, feed_count, fetches, fetch_count, &request));
    tfcc_plan *plan;
    TFCC_TRY(tfcc_plan_acquire(session, &request, &plan));
    tfcc_tensors fed = {(char *)(uintptr_t)feeds + offsetof(tfcc_feed, tensor), sizeof *feeds};
    tfcc_bound found = TFCC_EXACT;
    bool exclusive = plan->exclusive;
    tfcc_status status = measure_run(session, plan, fed, bytes, &found);
    tfcc_lock_release(&session->lock, exclusive);
    if (status == TFCC_OK && bound != NULL) *bound = found;
    return status;
}

static tfcc_status reserve_run(tfcc_session *session, const tfcc_plan *plan, tfcc_tensors feeds) {
    TFCC_TRY(tfcc_stage_writes(session, plan));
    tfcc_frame *frame;
    TFCC_TRY(tfcc_frame_take(session, plan, &frame));
    tfcc_status status = settle_corner(session, plan, frame, feeds, true);
    for (uint32_t level = 0; status == TFCC_OK && level < session->model->level_count; level++)
        if (level == 0 ||
            tfcc_level_bytes(session->model, plan, frame, level) < SIZE_MAX / 4)
            status = tfcc_bind_level(session, plan, frame, level);
    tfcc_frame_give(session, plan, frame);
    return status;
}

tfcc_status tfcc_reserve(tfcc_session *session, const tfcc_feed *feeds, size_t feed_count,
                         const tfcc_fetch *fetches, size_t fetch_count) {
    tfcc_request request;
    TFCC_TRY(tfcc_request_make(session, feeds, feed_count, fetches, fetch_count, &request));
    tfcc_plan *plan;
    TFCC_TRY(tfcc_plan_acquire(session, &request, &plan));
    tfcc_tensors fed = {(char *)(uintptr_t)feeds + offsetof(tfcc_feed, tensor), sizeof *feeds};
    bool exclusive = plan->exclusive;
    tfcc_status status = reserve_run(session, plan, fed);
    tfcc_lock_release(&session->lock, exclusive);
    return status;
}
