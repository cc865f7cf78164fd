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

__attribute__((cold)) static tfcc_status overlap(const tfcc_model *model, const tfcc_plan *plan,
                                                 const tfcc_range *a, const tfcc_range *b) {
    const tfcc_range *fetch = a->result ? a : b, *other = a->result ? b : a;
    const char *fetch_name = model->fetches[plan->fetches[fetch->index].fetch].handle;
    if (other->result)
        return tfcc_fail(TFCC_INVALID_ARGUMENT, "the buffers of fetch '%s' and fetch '%s' overlap",
                         fetch_name, model->fetches[plan->fetches[other->index].fetch].handle);
    return tfcc_fail(TFCC_INVALID_ARGUMENT, "the buffer of fetch '%s' overlaps feed '%s'",
                     fetch_name, model->feeds[plan->feeds[other->index].feed].handle);
}

/* Results may overlap nothing; feeds may overlap feeds. */
static tfcc_status check_overlaps(const tfcc_model *model, const tfcc_plan *plan,
                                  const tfcc_frame *frame, tfcc_tensors feeds) {
    tfcc_range *ranges = frame->ranges;
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->fetch_count; i++)
        count = add_range(ranges, count, frame->results[i].data, frame->results[i].bytes, i, true);
    if (count == 0 || count + plan->feed_count < 2) return TFCC_OK;
    for (uint32_t i = 0; i < plan->feed_count; i++)
        count = add_range(ranges, count, tfcc_tensor_at(feeds, i)->data, frame->feed_bytes[i], i,
                          false);
    sort_ranges(ranges, count);
    /* Of what begins before a range, the result and the feed that end last. */
    const tfcc_range *result = NULL, *feed = NULL;
    for (const tfcc_range *range = ranges; range < ranges + count; range++) {
        if (result != NULL && range->begin < result->end)
            return overlap(model, plan, result, range);
        if (range->result && feed != NULL && range->begin < feed->end)
            return overlap(model, plan, feed, range);
        const tfcc_range **last = range->result ? &result : &feed;
        if (*last == NULL || range->end > (*last)->end) *last = range;
    }
    return TFCC_OK;
}

/* ---- Before and after the steps ---- */

static tfcc_status prepare_result(tfcc_session *session, const tfcc_plan_fetch *fetch,
                                  const tfcc_frame *frame, const tfcc_tensor *tensor,
                                  tfcc_result *result) {
    const tfcc_model *model = session->model;
    /* The usual scalar, without a call. */
    if (tensor->data != NULL && tensor->dtype == (tfcc_dtype)fetch->dtype && tensor->rank == 0 &&
        tensor->capacity == 0 && result->bytes <= fetch->element) {
        result->data = tensor->data;
        return TFCC_OK;
    }
    if (tensor->dtype == TFCC_NONE) {
        TFCC_TRY(tfcc_block_obtain(&session->allocator, result->bytes, &result->block));
        result->data = result->block.data;
        return TFCC_OK;
    }
    int64_t shape[TFCC_MAX_RANK];
    int32_t rank = tfcc_buffer_shape(model, frame->dims, fetch->buffer, shape);
    return tfcc_result_prepare(&session->allocator, tensor, "fetch",
                               model->fetches[fetch->fetch].handle, (tfcc_dtype)fetch->dtype, shape,
                               rank, result->bytes, &result->block, &result->data);
}

tfcc_status tfcc_prepare_results(tfcc_session *session, const tfcc_plan *plan, tfcc_frame *frame,
                                 tfcc_tensors feeds, tfcc_tensors fetches, uint32_t level) {
    bool some = false;
    for (uint32_t i = 0; i < plan->fetch_count; i++) {
        const tfcc_plan_fetch *fetch = &plan->fetches[i];
        tfcc_result *result = &frame->results[i];
        if (level == 0) result->bytes = 0; /* until it is known */
        if (fetch->local == LOCAL_NULL || fetch->level != level) continue;
        result->bytes =
            fetch->feed != TFCC_ABI_NONE
                ? frame->feed_bytes[fetch->feed]
                : (size_t)frame->dims[session->model->buffers[fetch->buffer].bytes_slot];
        TFCC_TRY(prepare_result(session, fetch, frame, tfcc_tensor_at(fetches, i), result));
        if (fetch->direct) frame->addresses[fetch->local] = result->data;
        some = true;
    }
    return some ? check_overlaps(session->model, plan, frame, feeds) : TFCC_OK;
}

static void copy_result(void *to, const void *from, size_t bytes) {
    if (bytes == 4) memcpy(to, from, 4);
    else if (bytes == 8) memcpy(to, from, 8);
    else if (bytes > 0) memcpy(to, from, bytes);
}

void tfcc_deliver_results(const tfcc_model *model, const tfcc_plan *plan, tfcc_frame *frame,
                          tfcc_tensors feeds, tfcc_tensors fetches) {
    for (uint32_t i = 0; i < plan->fetch_count; i++) {
        const tfcc_plan_fetch *fetch = &plan->fetches[i];
        if (fetch->local == LOCAL_NULL) continue;
        tfcc_result *result = &frame->results[i];
        tfcc_tensor *tensor = tfcc_tensor_at(fetches, i);
        if (!fetch->direct)
            copy_result(result->data, frame->addresses[fetch->local], result->bytes);
        int64_t sizes[TFCC_MAX_RANK];
        const int64_t *shape = sizes;
        int32_t rank = 0;
        if (fetch->feed != TFCC_ABI_NONE && !fetch->reshaped) {
            const tfcc_tensor *feed = tfcc_tensor_at(feeds, fetch->feed);
            shape = feed->shape;
            rank = feed->rank;
        } else {
            rank = tfcc_buffer_shape(model, frame->dims, fetch->buffer, sizes);
        }
        if (tensor->dtype == TFCC_NONE) { /* of a signature: computed, and not asked for */
            tfcc_block_release(&result->block);
            continue;
        }
        tfcc_result_deliver(tensor, &result->block, shape, rank, result->bytes);
        result->block.shape = NULL; /* it is the caller's now */
    }
}

void tfcc_abandon_results(const tfcc_plan *plan, tfcc_frame *frame) {
    for (uint32_t i = 0; i < plan->fetch_count; i++) tfcc_block_release(&frame->results[i].block);
}
