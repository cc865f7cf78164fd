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

/* Ranges that have been added to the frame's, and what they span together. */
typedef struct Ranges {
    tfcc_range *end;
    uintptr_t low, high;
    bool apart; /* each was added below or above all before it: no two overlap */
} Ranges;

static void add_range(Ranges *ranges, const void *data, size_t bytes, uint32_t index, bool result) {
    if (data == NULL || bytes == 0) return;
    uintptr_t begin = (uintptr_t)data, end = begin + bytes;
    *ranges->end++ = (tfcc_range){begin, end, index, result};
    ranges->apart &= begin >= ranges->high || end <= ranges->low;
    if (begin < ranges->low) ranges->low = begin;
    if (end > ranges->high) ranges->high = end;
}

__attribute__((cold)) static const char *range_name(const tfcc_call *call,
                                                    const tfcc_range *range) {
    const tfcc_model *model = call->session->model;
    return range->result ? model->fetches[call->plan->fetches[range->index].fetch].handle
                         : model->feeds[call->plan->feeds[range->index]].handle;
}

__attribute__((cold)) static tfcc_status overlap(const tfcc_call *call, const tfcc_range *a,
                                                 const tfcc_range *b) {
    const tfcc_range *fetch = a->result ? a : b, *other = a->result ? b : a;
    return tfcc_fail(TFCC_INVALID_ARGUMENT, "the buffer of fetch '%s' overlaps that of %s '%s'",
                     range_name(call, fetch), other->result ? "fetch" : "feed",
                     range_name(call, other));
}

/* Results may overlap nothing; feeds may overlap feeds. */
static tfcc_status check_overlaps(const tfcc_call *call) {
    const tfcc_frame *frame = call->frame;
    Ranges ranges = {frame->ranges, UINTPTR_MAX, 0, true};
    uint32_t fetches = call->plan->fetch_count, count = fetches + call->plan->feed_count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t feed = i - fetches;
        bool result = i < fetches;
        add_range(&ranges, result ? frame->results[i].data : frame->addresses[LOCAL_FIRST + feed],
                  result ? frame->results[i].bytes : frame->feed_bytes[feed], result ? i : feed,
                  result);
    }
    if (ranges.apart) return TFCC_OK;
    sort_ranges(frame->ranges, (uint32_t)(ranges.end - frame->ranges));
    /* Of what begins before a range, the result and the feed that end last. */
    const tfcc_range *result = NULL, *feed = NULL;
    for (const tfcc_range *range = frame->ranges; range < ranges.end; range++) {
        if (result != NULL && range->begin < result->end) return overlap(call, result, range);
        if (range->result && feed != NULL && range->begin < feed->end)
            return overlap(call, feed, range);
        const tfcc_range **last = range->result ? &result : &feed;
        if (*last == NULL || range->end > (*last)->end) *last = range;
    }
    return TFCC_OK;
}

/* ---- Before and after the steps ---- */

/* The shape of a result; gives the rank. */
static int32_t result_shape(const tfcc_call *call, const tfcc_plan_fetch *fetch,
                            int64_t shape[TFCC_MAX_RANK]) {
    return tfcc_buffer_shape(call->session->model, call->frame->dims, fetch->buffer, shape);
}

__attribute__((cold)) static tfcc_status unfit(const tfcc_call *call, uint32_t i) {
    const tfcc_plan_fetch *fetch = &call->plan->fetches[i];
    int64_t shape[TFCC_MAX_RANK];
    int32_t rank = result_shape(call, fetch, shape);
    return tfcc_fail_result(tfcc_tensor_at(call->fetches, i), "fetch",
                            call->session->model->fetches[fetch->fetch].handle, fetch->dtype, shape,
                            rank, call->frame->results[i].bytes);
}

/* What most small fetches are: the tensor asks for nothing else. */
static bool is_usual_scalar(const tfcc_plan_fetch *fetch, const tfcc_tensor *tensor) {
    return fetch->scalar && (uint32_t)tensor->dtype == fetch->dtype && tensor->rank == 0 &&
           tensor->capacity == 0 && tensor->data != NULL;
}

tfcc_status tfcc_prepare_results(const tfcc_call *call, uint32_t level) {
    tfcc_frame *frame = call->frame;
    for (uint32_t i = 0; i < call->plan->fetch_count; i++) {
        const tfcc_plan_fetch *fetch = &call->plan->fetches[i];
        tfcc_result *result = &frame->results[i];
        if (level == 0) result->bytes = 0; /* until it is known */
        if (fetch->local == LOCAL_NULL || fetch->level != level) continue;
        result->bytes = fetch->feed != TFCC_ABI_NONE ? frame->feed_bytes[fetch->feed]
                                                     : (size_t)frame->dims[fetch->bytes_slot];
        const tfcc_tensor *tensor = tfcc_tensor_at(call->fetches, i);
        result->data = tensor->data;
        tfcc_status status = TFCC_OK;
        if (!is_usual_scalar(fetch, tensor))
            status = tfcc_result_prepare(&call->session->allocator, tensor, fetch->dtype, result);
        if (status == TFCC_INVALID_ARGUMENT) return unfit(call, i);
        if (status != TFCC_OK) return status;
        if (fetch->direct) frame->addresses[fetch->local] = result->data;
    }
    return check_overlaps(call);
}

static void deliver_shape(const tfcc_call *call, const tfcc_plan_fetch *fetch, tfcc_tensor *tensor,
                          tfcc_result *result) {
    int64_t sizes[TFCC_MAX_RANK];
    const int64_t *shape = sizes;
    int32_t rank = result_shape(call, fetch, sizes);
    if (fetch->feed != TFCC_ABI_NONE && !fetch->reshaped) {
        const tfcc_tensor *feed = tfcc_tensor_at(call->feeds, fetch->feed);
        shape = feed->shape;
        rank = feed->rank;
    }
    tfcc_result_deliver(tensor, result, shape, rank);
}

void tfcc_deliver_results(const tfcc_call *call) {
    for (uint32_t i = 0; i < call->plan->fetch_count; i++) {
        const tfcc_plan_fetch *fetch = &call->plan->fetches[i];
        tfcc_result *result = &call->frame->results[i];
        tfcc_tensor *tensor = tfcc_tensor_at(call->fetches, i);
        if (fetch->local == LOCAL_NULL) continue;
        const void *from = call->frame->addresses[fetch->local];
        if (!fetch->direct && result->bytes == 4) /* most scalars: without a call */
            memcpy(result->data, from, 4);
        else if (!fetch->direct && result->bytes > 0)
            memcpy(result->data, from, result->bytes);
        if (tensor->dtype == TFCC_NONE) /* of a signature: computed, and not asked for */
            tfcc_block_release(&result->block);
        else if (!fetch->scalar || result->block.shape != NULL || tensor->rank != 0)
            deliver_shape(call, fetch, tensor, result);
    }
}

void tfcc_abandon_results(const tfcc_call *call) {
    for (uint32_t i = 0; i < call->plan->fetch_count; i++)
        tfcc_block_release(&call->frame->results[i].block);
}
