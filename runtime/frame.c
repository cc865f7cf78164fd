/* frame.c: the memory of runs. A session keeps as many frames as it has had runs side by side. */
#include "plan.h"

#include <string.h>

/* The struct, the dim slots and the workspace blocks are one block. */
static size_t frame_size(const tfcc_model *model) {
    return sizeof(tfcc_frame) + model->slot_count * sizeof(int64_t) +
           model->level_count * sizeof(tfcc_workspace_block) + model->symbol_count * sizeof(bool);
}

static tfcc_frame *frame_create(tfcc_session *session) {
    const tfcc_model *model = session->model;
    size_t size = frame_size(model);
    tfcc_frame *frame = tfcc_obtain(&session->allocator, size);
    if (frame == NULL) {
        (void)tfcc_fail_memory(size);
        return NULL;
    }
    memset(frame, 0, size);
    frame->levels = (tfcc_workspace_block *)(void *)(frame + 1);
    frame->dims = (int64_t *)(void *)(frame->levels + model->level_count);
    frame->free_symbols = (bool *)(frame->dims + model->slot_count);
    if (model->number_count > 0)
        memcpy(frame->dims + model->constant_slot, model->numbers,
               model->number_count * sizeof(int64_t));
    return frame;
}

static void frame_release(tfcc_session *session, tfcc_frame *frame) {
    for (uint32_t level = 0; level < session->model->level_count; level++)
        tfcc_release(&session->allocator, frame->levels[level].data, frame->levels[level].size);
    tfcc_release(&session->allocator, frame->room, frame->room_size);
    tfcc_release(&session->allocator, frame, frame_size(session->model));
}

/* Gives a part of the room, or only counts its bytes while there is none. */
static void *carve(char *base, size_t *used, size_t count, size_t element) {
    void *part = base != NULL ? base + *used : NULL;
    *used += (count * element + 15) & ~(size_t)15;
    return part;
}

static size_t carve_room(const tfcc_plan *plan, char *base, tfcc_frame *frame) {
    size_t used = 0, ranges = (size_t)plan->feed_count + plan->fetch_count;
    frame->addresses = carve(base, &used, plan->local_count, sizeof *frame->addresses);
    frame->pointers = carve(base, &used, plan->argument_limit, sizeof *frame->pointers);
    frame->sizes = carve(base, &used, plan->slot_limit, sizeof *frame->sizes);
    frame->feed_bytes = carve(base, &used, plan->feed_count, sizeof *frame->feed_bytes);
    frame->results = carve(base, &used, plan->fetch_count, sizeof *frame->results);
    frame->ranges = carve(base, &used, ranges, sizeof *frame->ranges);
    return used;
}

/* The content of a constant: embedded, or in the side file. */
static void *constant_data(const tfcc_session *session, uint32_t buffer) {
    const void *data = session->model->buffers[buffer].data;
    if (data == NULL && session->side != NULL)
        data = session->side + session->model->side_offsets[buffer];
    return (void *)(uintptr_t)data;
}

static tfcc_status frame_bind(tfcc_session *session, const tfcc_plan *plan, tfcc_frame *frame) {
    frame->serial = 0;
    tfcc_frame measured;
    size_t size = carve_room(plan, NULL, &measured);
    if (size > frame->room_size) {
        tfcc_release(&session->allocator, frame->room, frame->room_size);
        frame->room_size = 0;
        frame->room = tfcc_obtain(&session->allocator, size);
        if (frame->room == NULL) return tfcc_fail_memory(size);
        frame->room_size = size;
    }
    memset(frame->room, 0, size);
    carve_room(plan, frame->room, frame);
    for (uint32_t i = LOCAL_FIRST; i < plan->local_count; i++) {
        if (plan->locals[i].kind == LOCAL_IS_CONSTANT)
            frame->addresses[i] = constant_data(session, plan->locals[i].buffer);
        else if (plan->locals[i].kind == LOCAL_IS_RANDOM)
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
    pthread_mutex_lock(&session->frames_mutex);
    tfcc_frame *frame = session->frames;
    if (frame != NULL) session->frames = frame->next;
    pthread_mutex_unlock(&session->frames_mutex);
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
    pthread_mutex_lock(&session->frames_mutex);
    call->frame->next = session->frames;
    session->frames = call->frame;
    pthread_mutex_unlock(&session->frames_mutex);
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
