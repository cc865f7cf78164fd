/* results.c: checks, binds and delivers fetches. */
#include "plan.h"

#include <string.h>

/* ---- Overlaps ---- */

static bool is_apart(const void *a, size_t a_bytes, const void *b, size_t b_bytes) {
    uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;
    return x >= y + b_bytes || y >= x + a_bytes || b_bytes == 0;
}

__attribute__((cold)) static tfcc_status overlap(const tfcc_call *call, uint32_t fetch,
                                                 const char *kind, const char *other) {
    const tfcc_model *model = call->session->model;
    return tfcc_fail(OVERLAP, model->fetches[call->plan->fetches[fetch].fetch].handle, kind, other);
}

/* Results may overlap nothing; feeds may overlap feeds. A run has few of both. */
static tfcc_status check_overlaps(const tfcc_call *call) {
    const tfcc_plan *plan = call->plan;
    const tfcc_frame *frame = call->frame;
    const tfcc_model *model = call->session->model;
    for (uint32_t i = 0; i < plan->fetch_count; i++) {
        const tfcc_result *result = &frame->results[i];
        if (result->bytes == 0) continue;
        for (uint32_t k = 0; k < i; k++)
            if (!is_apart(result->data, result->bytes, frame->results[k].data,
                          frame->results[k].bytes))
                return overlap(call, k, "fetch", model->fetches[plan->fetches[i].fetch].handle);
        for (uint32_t k = 0; k < plan->feed_count; k++)
            if (!is_apart(result->data, result->bytes, frame->addresses[LOCAL_FIRST + k],
                          frame->feed_bytes[k]))
                return overlap(call, i, "feed", model->feeds[plan->feeds[k]].handle);
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
