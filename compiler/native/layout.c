/* layout.c: which of the program's buffers the model has, and where its kernels' steps are. */
#include "native/module.h"
#include <assert.h>

static void mark(bool *used, const Buffer *buffer) {
    if (!buffer) return;
    used[buffer->number] = true;
    if (buffer->alias_of) used[buffer->alias_of->number] = true;
}

static void mark_step(bool *used, const LoopStep *step) {
    for (size_t k = 0; k < step->argument_count; k++) {
        mark(used, step->arguments[k].buffer);
        mark(used, step->arguments[k].initial);
    }
    for (const Guard *guard = step->kernel->guard; guard; guard = guard->outer)
        mark(used, guard->predicate->buffer);
}

void layout_find(NativeModule *m) {
    const Program *program = m->program;
    ModelLayout *layout = &m->layout;
    bool *used = arena_alloc_array(m->arena, program->buffer_count + 1, sizeof *used);
    for (size_t k = 0; k < m->loops->step_count; k++) mark_step(used, &m->loops->steps[k]);
    for (size_t k = 0; k < m->graph->feed_count; k++) mark(used, m->graph->feeds[k].value->buffer);
    for (size_t k = 0; k < m->graph->fetch_count; k++)
        if (m->graph->fetches[k].value) mark(used, m->graph->fetches[k].value->buffer);

    layout->buffers = arena_alloc_array(m->arena, program->buffer_count + 1, sizeof(Buffer *));
    layout->buffer_index = arena_alloc_array(m->arena, program->buffer_count + 1, sizeof(uint32_t));
    for (size_t k = 0; k < program->buffer_count; k++) {
        layout->buffer_index[k] = TFCC_ABI_NONE;
        if (!used[k]) continue;
        layout->buffer_index[k] = (uint32_t)layout->buffer_count;
        layout->buffers[layout->buffer_count++] = program->buffers[k];
    }
    size_t kernels = 0;
    for (size_t k = 0; k < m->loops->step_count; k++)
        if (m->loops->steps[k].kernel->number >= kernels)
            kernels = (size_t)m->loops->steps[k].kernel->number + 1;
    layout->kernel_limit = kernels;
    layout->step_index = arena_alloc_array(m->arena, kernels + 1, sizeof(uint32_t));
    for (size_t k = 0; k < kernels; k++) layout->step_index[k] = TFCC_ABI_NONE;
    for (size_t k = 0; k < m->loops->step_count; k++)
        layout->step_index[m->loops->steps[k].kernel->number] = (uint32_t)k;
}

uint32_t layout_step(const NativeModule *m, const Kernel *kernel) {
    if (kernel->is_dead || kernel->number >= m->layout.kernel_limit) return TFCC_ABI_NONE;
    uint32_t step = m->layout.step_index[kernel->number];
    if (step == TFCC_ABI_NONE || m->loops->steps[step].kernel != kernel) return TFCC_ABI_NONE;
    return step;
}

uint32_t layout_slot(const NativeModule *m, Dim dim) {
    const MapEntry *entry = map_find(&m->loops->slot_of_dim, (const char *)&dim, sizeof dim);
    assert(entry); /* the plan has a slot for every number the tables mention */
    return (uint32_t)((uintptr_t)entry->value - 1);
}
