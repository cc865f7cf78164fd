/* results.c: fetches that are more than a scalar in the caller's memory. */
#include "plan.h"

#include <string.h>

tfcc_status tfcc_fail_overlap(const tfcc_call *call, uint32_t i, bool fetch, uint32_t other) {
    const tfcc_model *model = call->session->model;
    const tfcc_plan *plan = call->plan;
    const char *handle = model->fetches[plan->fetches[i].fetch].handle;
    if (fetch)
        return tfcc_fail(OVERLAP, model->fetches[plan->fetches[other].fetch].handle, "fetch",
                         handle);
    return tfcc_fail(OVERLAP, handle, "feed", model->feeds[plan->feeds[other]].handle);
}

/* The shape of a result; gives the rank. */
static int32_t result_shape(const tfcc_call *call, const tfcc_plan_fetch *fetch,
                            int64_t shape[TFCC_MAX_RANK]) {
    return tfcc_buffer_shape(call->session->model, call->frame->dims, fetch->buffer, shape);
}

tfcc_status tfcc_prepare_result(const tfcc_call *call, uint32_t i) {
    const tfcc_plan_fetch *fetch = &call->plan->fetches[i];
    const tfcc_tensor *tensor = tfcc_tensor_at(call->fetches, i);
    tfcc_result *result = &call->frame->results[i];
    if (fetch->feed != TFCC_ABI_NONE) result->bytes = call->frame->feed_bytes[fetch->feed];
    int64_t shape[TFCC_MAX_RANK];
    const tfcc_value value = {.what = "fetch",
                              .name = call->session->model->fetches[fetch->fetch].handle,
                              .shape = shape,
                              .rank = result_shape(call, fetch, shape),
                              .dtype = fetch->dtype};
    return tfcc_result_prepare(&call->session->allocator, tensor, &value, result);
}

void tfcc_deliver_result(const tfcc_call *call, uint32_t i) {
    const tfcc_plan_fetch *fetch = &call->plan->fetches[i];
    tfcc_tensor *tensor = tfcc_tensor_at(call->fetches, i);
    tfcc_result *result = &call->frame->results[i];
    if (tensor->dtype == TFCC_NONE) { /* of a signature: computed, and not asked for */
        tfcc_block_release(&result->block);
        return;
    }
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

void tfcc_abandon_results(const tfcc_call *call) {
    for (uint32_t i = 0; i < call->plan->fetch_count; i++) {
        tfcc_block_release(&call->frame->results[i].block);
        call->frame->results[i].bytes = 0;
    }
}
