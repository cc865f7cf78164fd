/* results.c: checks, binds and delivers fetches. */
#include "plan.h"

#include <string.h>

/* ---- Overlaps ---- */

/* Sorts by `begin` (Shell's method: no memory, and next to no code). */
static void sort_ranges(tfcc_range *ranges, uint32_t count) {
    for (uint32_t gap = count; gap > 1;) {
        gap = gap < 5 ? 1 : (uint32_t)((uint64_t)gap * 5 / 11);
        for (uint32_t i = gap; i < count; i++) {
            tfcc_range range = ranges[i];
            uint32_t k = i;
            for (; k >= gap && ranges[k - gap].begin > range.begin; k -= gap)
                ranges[k] = ranges[k - gap];
            ranges[k] = range;
        }
    }
}

static uint32_t add_range(tfcc_range *ranges, uint32_t count, const void *data, size_t bytes,
                          uint32_t index, bool result) {
    if (data == NULL || bytes == 0) return count;
    ranges[count] = (tfcc_range){(uintptr_t)data, (uintptr_t)data + bytes, index, result};
    return count + 1;
}

__attribute__((cold)) static tfcc_status overlap(const tfcc_call *call, const tfcc_range *a,
                                                 const tfcc_range *b) {
    const tfcc_model *model = call->session->model;
    const tfcc_range *fetch = a->result ? a : b, *other = a->result ? b : a;
    return tfcc_fail(TFCC_INVALID_ARGUMENT, "the buffer of fetch '%s' overlaps %s '%s'",
                     model->fetches[call->plan->fetches[fetch->index].fetch].handle,
                     other->result ? "that of fetch" : "feed",
                     other->result ? model->fetches[call->plan->fetches[other->index].fetch].handle
                                   : model->feeds[call->plan->feeds[other->index].feed].handle);
}

/* Results may overlap nothing; feeds may overlap feeds. */
static tfcc_status check_overlaps(const tfcc_call *call) {
    const tfcc_frame *frame = call->frame;
    tfcc_range *ranges = frame->ranges;
    uint32_t count = 0;
    for (uint32_t i = 0; i < call->plan->fetch_count; i++)
        count = add_range(ranges, count, frame->results[i].data, frame->results[i].bytes, i, true);
    for (uint32_t i = 0; i < call->plan->feed_count; i++)
        count = add_range(ranges, count, tfcc_tensor_at(call->feeds, i)->data, frame->feed_bytes[i],
                          i, false);
    sort_ranges(ranges, count);
    /* Of what begins before a range, the result and the feed that end last. */
    const tfcc_range *result = NULL, *feed = NULL;
    for (const tfcc_range *range = ranges; range < ranges + count; range++) {
        if (result != NULL && range->begin < result->end) return overlap(call, result, range);
        if (range->result && feed != NULL && range->begin < feed->end)
            return overlap(call, feed, range);
        const tfcc_range **last = range->result ? &result : &feed;
        if (*last == NULL || range->end > (*last)->end) *last = range;
    }
    return TFCC_OK;
}

/* ---- Scalars ---- */

static bool apart(const char *a, size_t a_bytes, const char *b, size_t b_bytes) {
    return (uintptr_t)a + a_bytes <= (uintptr_t)b || (uintptr_t)b + b_bytes <= (uintptr_t)a;
}

bool tfcc_prepare_scalars(const tfcc_call *call) {
    const tfcc_plan *plan = call->plan;
    tfcc_frame *frame = call->frame;
    for (uint32_t i = 0; i < plan->fetch_count; i++) {
        const tfcc_plan_fetch *fetch = &plan->fetches[i];
        if (fetch->local == LOCAL_NULL) continue;
        const tfcc_tensor *tensor = tfcc_tensor_at(call->fetches, i);
        if (tensor->dtype != (tfcc_dtype)fetch->dtype || tensor->data == NULL ||
            tensor->rank != 0 || tensor->capacity != 0)
            return false;
        for (uint32_t k = 0; k < i; k++)
            if (plan->fetches[k].local != LOCAL_NULL &&
                !apart(tensor->data, fetch->element, frame->results[k].data,
                       plan->fetches[k].element))
                return false;
        for (uint32_t k = 0; k < plan->feed_count; k++)
            if (!apart(tensor->data, fetch->element, frame->addresses[LOCAL_FIRST + k],
                       frame->feed_bytes[k]))
                return false;
        frame->results[i].data = tensor->data;
        if (fetch->direct) frame->addresses[fetch->local] = tensor->data;
    }
    return true;
}

void tfcc_deliver_scalars(const tfcc_call *call) {
    const tfcc_plan *plan = call->plan;
    for (uint32_t i = 0; i < plan->fetch_count; i++) {
        const tfcc_plan_fetch *fetch = &plan->fetches[i];
        if (fetch->local == LOCAL_NULL || fetch->direct) continue;
        void *to = call->frame->results[i].data;
        const void *from = call->frame->addresses[fetch->local];
        if (fetch->element == 4)
            memcpy(to, from, 4);
        else
            memcpy(to, from, fetch->element);
    }
}

/* ---- Before and after the steps ---- */

static tfcc_status prepare_result(const tfcc_call *call, const tfcc_plan_fetch *fetch,
                                  const tfcc_tensor *tensor, tfcc_result *result) {
    const tfcc_model *model = call->session->model;
    const tfcc_allocator *allocator = &call->session->allocator;
    if (tensor->dtype == TFCC_NONE) { /* of a signature: computed, and not asked for */
        TFCC_TRY(tfcc_block_obtain(allocator, result->bytes, &result->block));
        result->data = result->block.data;
        return TFCC_OK;
    }
    int64_t shape[TFCC_MAX_RANK];
    int32_t rank = tfcc_buffer_shape(model, call->frame->dims, fetch->buffer, shape);
    return tfcc_result_prepare(allocator, tensor, "fetch", model->fetches[fetch->fetch].handle,
                               (tfcc_dtype)fetch->dtype, shape, rank, result->bytes, &result->block,
                               &result->data);
}

tfcc_status tfcc_prepare_results(const tfcc_call *call, uint32_t level) {
    tfcc_frame *frame = call->frame;
    for (uint32_t i = 0; i < call->plan->fetch_count; i++) {
        const tfcc_plan_fetch *fetch = &call->plan->fetches[i];
        tfcc_result *result = &frame->results[i];
        if (level == 0) result->bytes = 0; /* until it is known */
        if (fetch->local == LOCAL_NULL || fetch->level != level) continue;
        result->bytes =
            fetch->feed != TFCC_ABI_NONE
                ? frame->feed_bytes[fetch->feed]
                : (size_t)frame->dims[call->session->model->buffers[fetch->buffer].bytes_slot];
        TFCC_TRY(prepare_result(call, fetch, tfcc_tensor_at(call->fetches, i), result));
        if (fetch->direct) frame->addresses[fetch->local] = result->data;
    }
    return check_overlaps(call);
}

static void deliver_result(const tfcc_call *call, const tfcc_plan_fetch *fetch, uint32_t i) {
    tfcc_result *result = &call->frame->results[i];
    tfcc_tensor *tensor = tfcc_tensor_at(call->fetches, i);
    if (tensor->dtype == TFCC_NONE) {
        tfcc_block_release(&result->block);
        return;
    }
    if (!fetch->direct && result->bytes > 0)
        memcpy(result->data, call->frame->addresses[fetch->local], result->bytes);
    int64_t sizes[TFCC_MAX_RANK];
    const int64_t *shape = sizes;
    int32_t rank = tfcc_buffer_shape(call->session->model, call->frame->dims, fetch->buffer, sizes);
    if (fetch->feed != TFCC_ABI_NONE && !fetch->reshaped) {
        shape = tfcc_tensor_at(call->feeds, fetch->feed)->shape;
        rank = tfcc_tensor_at(call->feeds, fetch->feed)->rank;
    }
    tfcc_result_deliver(tensor, &result->block, shape, rank, result->bytes);
    result->block.shape = NULL; /* it is the caller's now */
}

void tfcc_deliver_results(const tfcc_call *call) {
    for (uint32_t i = 0; i < call->plan->fetch_count; i++)
        if (call->plan->fetches[i].local != LOCAL_NULL)
            deliver_result(call, &call->plan->fetches[i], i);
}

void tfcc_abandon_results(const tfcc_call *call) {
    for (uint32_t i = 0; i < call->plan->fetch_count; i++)
        tfcc_block_release(&call->frame->results[i].block);
}
