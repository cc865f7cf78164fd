/* frame.c: the memory of runs. A session keeps as many frames as it has had runs side by side. */
#include "plan.h"

#include <string.h>

#define PARTS(parts) parts, sizeof(parts) / sizeof *(parts)

/* What a frame has for every plan lies behind the struct. */
enum { LEVELS, SLOTS };

static const tfcc_part model_parts[] = {
    TFCC_PART(tfcc_frame, levels, LEVELS),
    TFCC_PART(tfcc_frame, dims, SLOTS),
};

/* What depends on the plan. */
enum { LOCALS, ARGUMENTS, STEP_SLOTS, FEEDS, FETCHES };

static const tfcc_part plan_parts[] = {
    TFCC_PART(tfcc_frame, addresses, LOCALS), TFCC_PART(tfcc_frame, pointers, ARGUMENTS),
    TFCC_PART(tfcc_frame, sizes, STEP_SLOTS), TFCC_PART(tfcc_frame, feed_bytes, FEEDS),
    TFCC_PART(tfcc_frame, results, FETCHES),
};

TFCC_INLINE tfcc_frame *frame_create(tfcc_session *session) {
    const tfcc_model *model = session->model;
    const uint32_t counts[] = {model->level_count, model->slot_count};
    tfcc_frame measured;
    size_t size = sizeof measured + tfcc_carve(&measured, NULL, PARTS(model_parts), counts);
    tfcc_frame *frame = tfcc_obtain_zeroed(&session->allocator, size);
    if (frame == NULL) return NULL;
    tfcc_carve(frame, (char *)(frame + 1), PARTS(model_parts), counts);
    frame->size = size;
    for (uint32_t i = 0; i < model->number_count; i++)
        frame->dims[model->symbol_count + i] = model->numbers[i];
    return frame;
}

static void frame_release(tfcc_session *session, tfcc_frame *frame) {
    for (uint32_t level = 0; level < session->model->level_count; level++)
        tfcc_release(&session->allocator, frame->levels[level].data, frame->levels[level].size);
    tfcc_release(&session->allocator, frame->room.data, frame->room.size);
    tfcc_release(&session->allocator, frame, frame->size);
}

tfcc_status tfcc_grow_block(const tfcc_allocator *allocator, tfcc_workspace_block *block,
                            size_t size) {
    if (size <= block->size) return TFCC_OK;
    tfcc_release(allocator, block->data, block->size);
    block->size = 0;
    block->data = tfcc_obtain(allocator, size);
    if (block->data == NULL) return TFCC_RESOURCE_EXHAUSTED;
    block->size = size;
    return TFCC_OK;
}

/* The content of a constant: embedded, or in the side file. */
static void *constant_data(const tfcc_session *session, uint32_t buffer) {
    const void *data = session->model->buffers[buffer].data;
    if (data == NULL && session->side != NULL)
        data = session->side + session->model->side_offsets[buffer];
    return (void *)(uintptr_t)data;
}

static tfcc_status frame_bind(tfcc_session *session, const tfcc_plan *plan, tfcc_frame *frame) {
    const uint32_t counts[] = {plan->local_count, plan->argument_limit, plan->slot_limit,
                               plan->feed_count, plan->fetch_count};
    frame->serial = 0;
    size_t size = tfcc_carve(frame, NULL, PARTS(plan_parts), counts);
    TFCC_TRY(tfcc_grow_block(&session->allocator, &frame->room, size));
    memset(frame->room.data, 0, size);
    tfcc_carve(frame, frame->room.data, PARTS(plan_parts), counts);
    for (uint32_t i = LOCAL_FIRST; i < plan->local_count; i++) {
        if (plan->locals[i].kind == TFCC_ABI_CONSTANT)
            frame->addresses[i] = constant_data(session, plan->locals[i].buffer);
        else if (plan->locals[i].kind == TFCC_ABI_RANDOM)
            frame->addresses[i] = &frame->random;
    }
    memset(frame->dims, 0, session->model->symbol_count * sizeof(int64_t));
    frame->sized = false;
    frame->epoch = 0;
    frame->serial = plan->serial;
    return TFCC_OK;
}

/* Takes a frame from the list, or makes one. */
static tfcc_frame *frame_from_list(tfcc_session *session) {
    pthread_mutex_lock(&session->lock.mutex);
    tfcc_frame *frame = session->frames;
    if (frame != NULL) session->frames = frame->next;
    pthread_mutex_unlock(&session->lock.mutex);
    return frame != NULL ? frame : frame_create(session);
}

tfcc_status tfcc_frame_take(tfcc_call *call) {
    tfcc_session *session = call->session;
    tfcc_frame *taken;
    if (call->plan->exclusive) {
        /* Nobody else is there: the spare frame is used where it lies. */
        taken = atomic_load_explicit(&session->spare_frame, memory_order_relaxed);
        if (taken == NULL) {
            taken = frame_from_list(session);
            atomic_store_explicit(&session->spare_frame, taken, memory_order_relaxed);
        }
    } else {
        taken = atomic_exchange_explicit(&session->spare_frame, NULL, memory_order_acquire);
        if (taken == NULL) taken = frame_from_list(session);
    }
    call->frame = taken;
    if (taken == NULL) return TFCC_RESOURCE_EXHAUSTED;
    if (taken->serial == call->plan->serial) return TFCC_OK;
    tfcc_status status = frame_bind(session, call->plan, taken);
    if (status != TFCC_OK) tfcc_frame_give(call);
    return status;
}

void tfcc_frame_give(const tfcc_call *call) {
    if (call->plan->exclusive) return;
    tfcc_session *session = call->session;
    tfcc_frame *none = NULL;
    if (atomic_compare_exchange_strong_explicit(&session->spare_frame, &none, call->frame,
                                                memory_order_release, memory_order_relaxed))
        return;
    pthread_mutex_lock(&session->lock.mutex);
    call->frame->next = session->frames;
    session->frames = call->frame;
    pthread_mutex_unlock(&session->lock.mutex);
}

void tfcc_frames_release(tfcc_session *session) {
    tfcc_frame *spare = atomic_load_explicit(&session->spare_frame, memory_order_relaxed);
    if (spare != NULL) frame_release(session, spare);
    while (session->frames != NULL) {
        tfcc_frame *frame = session->frames;
        session->frames = frame->next;
        frame_release(session, frame);
    }
}
