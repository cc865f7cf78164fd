/* feeds.c: checks and binds feeds, settles sizes, binds the workspace. */
#include "plan.h"

#include <string.h>

/* ---- Feeds ---- */

__attribute__((cold)) static tfcc_status
wrong_shape(const tfcc_model *model, const tfcc_plan_feed *feed, const tfcc_tensor *tensor) {
    tfcc_description description;
    tfcc_describe_feed(model, feed->feed, &description);
    char given[TFCC_SHAPE_TEXT], wanted[TFCC_SHAPE_TEXT];
    return tfcc_fail(TFCC_INVALID_ARGUMENT,
                     "cannot feed a value of shape %s for '%s', which has shape %s",
                     tfcc_shape_text(given, tensor->shape, tensor->rank), description.name,
                     tfcc_shape_text(wanted, description.shape, description.rank));
}

__attribute__((cold)) static tfcc_status symbol_differs(const tfcc_call *call,
                                                        const tfcc_plan_feed *feed,
                                                        const tfcc_plan_axis *axis, int64_t size,
                                                        int64_t bound) {
    const tfcc_model *model = call->session->model;
    return tfcc_fail(
        TFCC_INVALID_ARGUMENT, "dimension '%s' is %lld in feed '%s' and %lld in feed '%s'",
        model->symbols[axis->slot].name, (long long)size, model->feeds[feed->feed].handle,
        (long long)bound, model->feeds[call->plan->feeds[axis->binder].feed].handle);
}

/* Binds the symbol of one axis, or compares the size with it. */
static tfcc_status bind_axis(const tfcc_call *call, const tfcc_plan_feed *feed,
                             const tfcc_plan_axis *axis, int64_t size) {
    if (axis->slot == TFCC_ABI_NONE) return TFCC_OK;
    int64_t *slot = &call->frame->dims[axis->slot];
    if (*slot == size) return TFCC_OK;
    if (!axis->binds) return symbol_differs(call, feed, axis, size, *slot);
    *slot = size;
    call->frame->sized = false;
    return TFCC_OK;
}

static tfcc_status bind_shape(const tfcc_call *call, const tfcc_plan_feed *feed,
                              const tfcc_tensor *tensor) {
    if (feed->rank == TFCC_ABI_NONE) {
        int32_t ones = TFCC_MAX_RANK - tensor->rank;
        for (int32_t i = 0; i < TFCC_MAX_RANK; i++)
            TFCC_TRY(bind_axis(call, feed, &feed->axes[i], i < ones ? 1 : tensor->shape[i - ones]));
        return bind_axis(call, feed, &feed->axes[TFCC_MAX_RANK], tensor->rank);
    }
    if ((uint32_t)tensor->rank != feed->rank)
        return wrong_shape(call->session->model, feed, tensor);
    for (int32_t i = 0; i < tensor->rank; i++)
        if (feed->axes[i].size >= 0 && feed->axes[i].size != tensor->shape[i])
            return wrong_shape(call->session->model, feed, tensor);
    for (int32_t i = 0; i < tensor->rank; i++)
        TFCC_TRY(bind_axis(call, feed, &feed->axes[i], tensor->shape[i]));
    return TFCC_OK;
}

tfcc_status tfcc_bind_feeds(const tfcc_call *call, bool with_data) {
    const tfcc_model *model = call->session->model;
    for (uint32_t i = 0; i < call->plan->feed_count; i++) {
        const tfcc_plan_feed *feed = &call->plan->feeds[i];
        const tfcc_tensor *tensor = tfcc_tensor_at(call->feeds, i);
        TFCC_TRY(tfcc_tensor_check(tensor, (tfcc_dtype)feed->dtype, "feed",
                                   model->feeds[feed->feed].handle, with_data,
                                   &call->frame->feed_bytes[i]));
        TFCC_TRY(bind_shape(call, feed, tensor));
        call->frame->addresses[LOCAL_FIRST + i] = tensor->data;
    }
    return TFCC_OK;
}

/* ---- Sizes ---- */

void tfcc_settle_symbols(const tfcc_call *call) {
    const tfcc_model *model = call->session->model;
    const tfcc_plan *plan = call->plan;
    int64_t *dims = call->frame->dims;
    bool changed = true;
    /* A fallback may depend on another one's symbol: every round settles at least one more. */
    for (uint32_t round = 0; changed && round <= plan->fallback_count + 1; round++) {
        if (model->settle != NULL) model->settle(dims, 0);
        changed = false;
        for (uint32_t i = 0; i < plan->fallback_count; i++) {
            int64_t *symbol = &dims[plan->fallbacks[i]];
            int64_t value = dims[model->symbols[plan->fallbacks[i]].fallback_slot];
            changed |= *symbol != value;
            *symbol = value;
        }
    }
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

/* A block of at least `size` bytes, whose content is not kept. */
static tfcc_status grow_block(const tfcc_allocator *allocator, tfcc_workspace_block *block,
                              size_t size) {
    if (size <= block->size) return TFCC_OK;
    tfcc_release(allocator, block->data, block->size);
    *block = (tfcc_workspace_block){NULL, 0};
    char *data = tfcc_obtain(allocator, size);
    if (data == NULL) return tfcc_fail_memory(size);
    *block = (tfcc_workspace_block){data, size};
    return TFCC_OK;
}

tfcc_status tfcc_bind_level(const tfcc_call *call, uint32_t level) {
    const tfcc_model *model = call->session->model;
    const tfcc_plan *plan = call->plan;
    tfcc_frame *frame = call->frame;
    size_t bytes = tfcc_level_bytes(call, level);
    tfcc_workspace_block *block = &frame->levels[level];
    TFCC_TRY(grow_block(&call->session->allocator, block,
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
