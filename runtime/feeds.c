/* feeds.c: checks and binds feeds, settles sizes, binds the workspace. */
#include "plan.h"

#include <string.h>

/* ---- Feeds ---- */

__attribute__((cold)) static tfcc_status
wrong_shape(const tfcc_model *model, const tfcc_abi_entry *feed, const tfcc_tensor *tensor) {
    tfcc_description description;
    tfcc_describe(model, feed, &description);
    return tfcc_fail(FEED_SHAPE, tfcc_shape_text(tensor->shape, tensor->rank), feed->handle,
                     tfcc_shape_text(description.shape, description.rank));
}

/* Binds a symbol to the size of axis `axis` of feed `i`, or compares that with it. */
static tfcc_status bind_symbol(const tfcc_call *call, uint32_t i, uint32_t axis, uint32_t symbol,
                               int64_t size) {
    int64_t *bound = &call->frame->dims[symbol];
    if (*bound == size) return TFCC_OK;
    const tfcc_model *model = call->session->model;
    const tfcc_plan *plan = call->plan;
    uint32_t binder = plan->binder_of[symbol];
    if (binder != tfcc_binder(i, axis))
        return tfcc_fail(FEED_DIMENSION, model->symbols[symbol].name, (long long)size,
                         model->feeds[plan->feeds[i]].handle, (long long)*bound,
                         model->feeds[plan->feeds[(binder - 1) / 16]].handle);
    *bound = size;
    call->frame->sized = false;
    return TFCC_OK;
}

static tfcc_status bind_shape(const tfcc_call *call, uint32_t i, const tfcc_tensor *tensor) {
    const tfcc_model *model = call->session->model;
    const tfcc_abi_entry *feed = &model->feeds[call->plan->feeds[i]];
    const tfcc_abi_buffer *buffer = &model->buffers[feed->buffer];
    uint32_t ones = buffer->rank - (uint32_t)tensor->rank; /* in front, where any rank will do */
    bool any = buffer->rank_slot != TFCC_ABI_NONE;
    if (!any && ones != 0) return wrong_shape(model, feed, tensor);
    for (uint32_t k = 0; k < buffer->rank; k++) {
        uint32_t slot = tfcc_axis_slot(model, buffer, k);
        int64_t size = k < ones ? 1 : tensor->shape[k - ones];
        if (slot < model->symbol_count)
            TFCC_TRY(bind_symbol(call, i, k, slot, size));
        else if (slot - model->symbol_count < model->number_count &&
                 call->frame->dims[slot] != size)
            return wrong_shape(model, feed, tensor);
    }
    return any ? bind_symbol(call, i, TFCC_ABI_RANK, buffer->rank_slot, tensor->rank) : TFCC_OK;
}

tfcc_status tfcc_bind_feeds(const tfcc_call *call, bool with_data) {
    const tfcc_model *model = call->session->model;
    for (uint32_t i = 0; i < call->plan->feed_count; i++) {
        const tfcc_abi_entry *feed = &model->feeds[call->plan->feeds[i]];
        const tfcc_tensor *tensor = tfcc_tensor_at(call->feeds, i);
        TFCC_TRY(tfcc_tensor_check(tensor, (tfcc_dtype)model->buffers[feed->buffer].dtype, "feed",
                                   feed->handle, with_data, &call->frame->feed_bytes[i]));
        TFCC_TRY(bind_shape(call, i, tensor));
        call->frame->addresses[LOCAL_FIRST + i] = tensor->data;
    }
    return TFCC_OK;
}

/* ---- Sizes ---- */

void tfcc_settle_symbols(const tfcc_call *call) {
    const tfcc_model *model = call->session->model;
    int64_t *dims = call->frame->dims;
    bool changed = true;
    /* A fallback may depend on another one's symbol: every round settles at least one more. */
    for (uint32_t round = 0; changed && round <= model->symbol_count + 1; round++) {
        if (model->settle != NULL) model->settle(dims, 0);
        changed = false;
        for (uint32_t i = 0; i < model->symbol_count; i++) {
            uint32_t fallback = model->symbols[i].fallback_slot;
            if (call->plan->binder_of[i] != 0 || fallback == TFCC_ABI_NONE) continue;
            int64_t value = dims[fallback];
            changed |= dims[i] != value;
            dims[i] = value;
        }
    }
}

tfcc_status tfcc_bind_sizes(const tfcc_call *call) {
    tfcc_settle_symbols(call);
    TFCC_TRY(tfcc_bind_level(call, 0));
    call->frame->sized = true;
    return TFCC_OK;
}

int32_t tfcc_buffer_shape(const tfcc_model *model, const int64_t *dims, uint32_t buffer,
                          int64_t shape[TFCC_MAX_RANK]) {
    const tfcc_abi_buffer *described = &model->buffers[buffer];
    uint32_t rank = described->rank, skipped = 0;
    if (described->rank_slot != TFCC_ABI_NONE) {
        int64_t known = dims[described->rank_slot];
        if (known >= 0 && known < rank) skipped = rank - (uint32_t)known;
    }
    const uint32_t *slots = model->lists + described->shape;
    for (uint32_t i = skipped; i < rank; i++) shape[i - skipped] = dims[slots[i]];
    return (int32_t)(rank - skipped);
}

/* ---- Workspace ---- */

size_t tfcc_level_bytes(const tfcc_call *call, uint32_t level) {
    const tfcc_model *model = call->session->model;
    const tfcc_plan *plan = call->plan;
    const int64_t *dims = call->frame->dims;
    uint64_t most = 0;
    for (uint32_t i = plan->level_first[level]; i < plan->level_first[level + 1]; i++) {
        const tfcc_abi_buffer *buffer = &model->buffers[plan->locals[plan->values[i]].buffer];
        uint64_t bytes = (uint64_t)dims[buffer->bytes_slot];
        /* Both are at most INT64_MAX, so that the sum fits. */
        uint64_t end = (uint64_t)dims[buffer->offset_slot] + bytes;
        if (bytes > 0 && end > most) most = end;
    }
    if (most > TFCC_LEVEL_LIMIT) return TFCC_LEVEL_LIMIT;
    return (size_t)((most + TFCC_ALIGNMENT - 1) & ~(uint64_t)(TFCC_ALIGNMENT - 1));
}

tfcc_status tfcc_bind_level(const tfcc_call *call, uint32_t level) {
    const tfcc_model *model = call->session->model;
    const tfcc_plan *plan = call->plan;
    tfcc_frame *frame = call->frame;
    size_t bytes = tfcc_level_bytes(call, level);
    tfcc_workspace_block *block = &frame->levels[level];
    TFCC_TRY(tfcc_grow_block(&call->session->allocator, block,
                             level == 0 ? bytes + (size_t)plan->extra_bytes : bytes));
    for (uint32_t i = plan->level_first[level]; i < plan->level_first[level + 1]; i++) {
        uint32_t local = plan->values[i];
        const tfcc_abi_buffer *buffer = &model->buffers[plan->locals[local].buffer];
        frame->addresses[local] = frame->dims[buffer->bytes_slot] == 0
                                      ? NULL
                                      : block->data + frame->dims[buffer->offset_slot];
    }
    if (level > 0) return TFCC_OK;
    for (uint32_t i = 0; i < plan->write_count; i++)
        if (plan->writes[i].place == PLACE_EXTRA)
            frame->addresses[plan->writes[i].local] = block->data + bytes + plan->writes[i].offset;
    return TFCC_OK;
}
