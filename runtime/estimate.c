/* estimate.c: sizes without a run, and reserving what a run will need.
 *
 * Sizes that a run computes are looked at in two corners: all of them zero, and all at their upper
 * bound (without one, as large as can be). Derived sizes saturate, so that what has no bound shows
 * by its magnitude.
 */
#include "plan.h"

#include <string.h>

/* No real size is as large; sums and products of INT64_MAX are. */
#define UNBOUNDED (INT64_C(1) << 61)

/* Gives the symbols that neither feeds nor fallbacks bind their value in a corner and settles all
 * levels. */
static tfcc_status settle_corner(const tfcc_call *call, bool high) {
    const tfcc_model *model = call->session->model;
    int64_t *dims = call->frame->dims;
    call->frame->serial = 0; /* what is bound here is not for the next run */
    TFCC_TRY(tfcc_bind_feeds(call, false));
    for (uint32_t level = 0; level < model->level_count; level++) {
        for (uint32_t i = 0; i < model->symbol_count; i++) {
            const tfcc_abi_symbol *symbol = &model->symbols[i];
            if (call->plan->binder_of[i] != 0 || symbol->fallback_slot != TFCC_ABI_NONE) continue;
            dims[i] = high ? INT64_MAX : 0;
            if (high && symbol->upper_slot != TFCC_ABI_NONE) dims[i] = dims[symbol->upper_slot];
        }
        if (level == 0)
            tfcc_settle_symbols(call);
        else if (model->settle != NULL)
            model->settle(dims, level);
    }
    return TFCC_OK;
}

/* What both corners of a call say. */
typedef struct Estimate {
    uint32_t buffer; /* of which the shape is wanted */
    int64_t low[TFCC_MAX_RANK];
    int32_t low_rank;
    tfcc_extent *extent;
    size_t bytes;
    tfcc_bound bound;
} Estimate;

static void describe_extent(const tfcc_call *call, Estimate *estimate) {
    const tfcc_abi_buffer *described = &call->session->model->buffers[estimate->buffer];
    tfcc_extent *extent = estimate->extent;
    memset(extent, 0, sizeof *extent);
    extent->dtype = (tfcc_dtype)described->dtype;
    extent->rank =
        tfcc_buffer_shape(call->session->model, call->frame->dims, estimate->buffer, extent->shape);
    bool unbounded = extent->rank != estimate->low_rank;
    if (unbounded) extent->rank = -1;
    size_t bytes = tfcc_dtype_size(extent->dtype);
    for (int32_t i = 0; i < extent->rank; i++) {
        int64_t *size = &extent->shape[i];
        if (estimate->low[i] > *size) *size = estimate->low[i];
        unbounded |= *size >= UNBOUNDED || __builtin_mul_overflow(bytes, (uint64_t)*size, &bytes);
        if (*size >= UNBOUNDED) *size = -1;
    }
    extent->bytes = unbounded ? SIZE_MAX : bytes;
    extent->bound = described->level > 0 ? TFCC_UPPER_BOUND : TFCC_EXACT;
    if (unbounded) extent->bound = TFCC_UNBOUNDED;
}

/* What a run needs in the corner that was settled. The bound gets worse where a level depends on
 * computed sizes. */
static void count_bytes(const tfcc_call *call, Estimate *estimate) {
    const tfcc_model *model = call->session->model;
    size_t total = (size_t)call->plan->extra_bytes;
    for (uint32_t level = 0; level < model->level_count; level++) {
        size_t bytes = tfcc_level_bytes(call, level);
        if (level > 0 && bytes > 0 && estimate->bound == TFCC_EXACT)
            estimate->bound = TFCC_UPPER_BOUND;
        if (bytes >= TFCC_LEVEL_LIMIT || __builtin_add_overflow(total, bytes, &total))
            estimate->bound = TFCC_UNBOUNDED;
    }
    for (uint32_t i = 0; i < model->variable_count; i++) {
        const tfcc_plan_variable *variable = &call->plan->variables[i];
        bool first = (variable->written || variable->may_be_written) &&
                     call->session->variables[i].data == NULL;
        if (variable->spare || first) total += (size_t)model->variables[i].bytes;
    }
    if (total > estimate->bytes) estimate->bytes = total;
    if (estimate->bound == TFCC_UNBOUNDED) estimate->bytes = SIZE_MAX;
}

/* Obtains what the corner that was settled needs, but for what has no bound. */
static tfcc_status reserve_levels(const tfcc_call *call) {
    for (uint32_t level = 0; level < call->session->model->level_count; level++)
        if (level == 0 || tfcc_level_bytes(call, level) < TFCC_LEVEL_LIMIT)
            TFCC_TRY(tfcc_bind_level(call, level));
    return tfcc_stage_writes(call);
}

/* What the corner that was settled tells: extent, bytes, or (where `estimate` is NULL) the
 * reservation. */
static tfcc_status look_at_corner(const tfcc_call *call, Estimate *estimate, bool high) {
    if (estimate == NULL) return high ? reserve_levels(call) : TFCC_OK;
    if (estimate->extent == NULL)
        count_bytes(call, estimate);
    else if (high)
        describe_extent(call, estimate);
    else
        estimate->low_rank = tfcc_buffer_shape(call->session->model, call->frame->dims,
                                               estimate->buffer, estimate->low);
    return TFCC_OK;
}

static tfcc_status estimate_run(tfcc_session *session, const tfcc_feed *feeds, size_t feed_count,
                                const tfcc_fetch *fetches, size_t fetch_count, Estimate *estimate) {
    tfcc_call call;
    TFCC_TRY(tfcc_call_begin(session, feeds, feed_count, fetches, fetch_count, &call));
    TFCC_TRY(tfcc_plan_acquire(&call));
    bool exclusive = call.plan->exclusive;
    tfcc_status status = tfcc_frame_take(&call);
    if (status == TFCC_OK) {
        for (int high = 0; high < 2 && status == TFCC_OK; high++) {
            status = settle_corner(&call, high != 0);
            if (status == TFCC_OK) status = look_at_corner(&call, estimate, high != 0);
        }
        tfcc_frame_give(&call);
    }
    tfcc_lock_release(&session->lock, exclusive);
    return status;
}

tfcc_status tfcc_shape(tfcc_session *session, const tfcc_feed *feeds, size_t feed_count,
                       const char *fetch, tfcc_extent *extent) {
    if (session == NULL || fetch == NULL || extent == NULL) return tfcc_fail_null();
    uint32_t index;
    TFCC_TRY(tfcc_name_find(session, fetch, true, &index));
    Estimate estimate = {.buffer = session->model->fetches[index].buffer, .extent = extent};
    if (estimate.buffer == TFCC_ABI_NONE) return tfcc_fail(ONLY_TARGET, fetch);
    /* A plan of the feeds alone has no steps, and so misses none of the others. */
    return estimate_run(session, feeds, feed_count, NULL, 0, &estimate);
}

tfcc_status tfcc_workspace(tfcc_session *session, const tfcc_feed *feeds, size_t feed_count,
                           const tfcc_fetch *fetches, size_t fetch_count, size_t *bytes,
                           tfcc_bound *bound) {
    if (bytes == NULL) return tfcc_fail_null();
    Estimate estimate = {.bound = TFCC_EXACT};
    TFCC_TRY(estimate_run(session, feeds, feed_count, fetches, fetch_count, &estimate));
    *bytes = estimate.bytes;
    if (bound != NULL) *bound = estimate.bound;
    return TFCC_OK;
}

tfcc_status tfcc_reserve(tfcc_session *session, const tfcc_feed *feeds, size_t feed_count,
                         const tfcc_fetch *fetches, size_t fetch_count) {
    return estimate_run(session, feeds, feed_count, fetches, fetch_count, NULL);
}
