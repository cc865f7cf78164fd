/* fuse_rewrite.c: takes producers into a kernel: expressions in place of loads. */
#include "kernels/fuse_internal.h"

#include "kernels/scalar_internal.h"
#include <string.h>

typedef struct Inlining {
    Fusion *fusion;
    Kernel *const *producers; /* by root buffer number */
    struct Inlined *inlined;  /* what was copied so far */
    Kernel *target;
} Inlining;

/* One producer at one index. */
typedef struct Inlined {
    struct Inlined *next;
    const Kernel *producer;
    Dim index[FUSE_MAX_AXES];
    Scalar *condition; /* of the load it stands for, or NULL: outside of it nothing of the producer
                          may be read */
    ScalarRewrite rewrite;
} Inlined;

/* A load of a producer that is wanted under a condition alone. */
static Scalar *load_under_condition(void *context, ScalarRewrite *rewrite, Scalar *load) {
    const Inlined *at = context;
    Buffer *buffer = load->as.load.buffer;
    Scalar *index[MAX_RANK], *condition = at->condition, *otherwise;
    for (int k = 0; k < buffer->type.shape.rank; k++)
        index[k] = scalar_rewrite(rewrite, load->as.load.index[k]);
    if (load->as.load.condition) {
        condition = scalar_binary(rewrite->to, SCALAR_AND, condition,
                                  scalar_rewrite(rewrite, load->as.load.condition));
        otherwise = scalar_rewrite(rewrite, load->as.load.otherwise);
    } else {
        otherwise = scalar_constant_bits(rewrite->to, load->dtype, 0);
    }
    return scalar_load_if(rewrite->to, buffer, index, condition, otherwise);
}

static Inlined *find_inlined(Inlining *inlining, Kernel *producer, const Dim *index,
                             Scalar *condition) {
    int rank = (int)producer->axis_count;
    for (Inlined *at = inlining->inlined; at; at = at->next)
        if (at->producer == producer && at->condition == condition &&
            memcmp(at->index, index, (size_t)rank * sizeof *index) == 0)
            return at;
    Inlined *at = arena_alloc(inlining->fusion->scratch, sizeof *at);
    at->next = inlining->inlined;
    inlining->inlined = at;
    at->producer = producer;
    at->condition = condition;
    memcpy(at->index, index, (size_t)rank * sizeof *index);
    at->rewrite = (ScalarRewrite){.from = producer,
                                  .to = inlining->target,
                                  .old_axes = producer->axes,
                                  .new_axes = at->index,
                                  .axis_count = producer->axis_count,
                                  .replace_load = condition ? load_under_condition : NULL,
                                  .context = at};
    return at;
}

/* The index as it stands in the target. */
static void translate(ScalarRewrite *rewrite, Dim *index, int rank) {
    DimTable *dims = rewrite->to->program->graph->dims;
    for (int k = 0; k < rank; k++)
        index[k] = dim_substitute(dims, index[k], rewrite->from_axes, rewrite->to_axes,
                                  rewrite->mapped_count);
}

static Scalar *replace_load(void *context, ScalarRewrite *rewrite, Scalar *load) {
    Inlining *inlining = context;
    const Buffer *view = load->as.load.buffer, *root = view->alias_of ? view->alias_of : view;
    Kernel *producer = inlining->producers[root->number];
    if (!producer) return NULL;
    Dim index[FUSE_MAX_AXES];
    fuse_point(inlining->fusion, producer, rewrite->from, load, index);
    translate(rewrite, index, (int)producer->axis_count);
    Scalar *condition =
        load->as.load.condition ? scalar_rewrite(rewrite, load->as.load.condition) : NULL;
    Inlined *at = find_inlined(inlining, producer, index, condition);
    Scalar *value = scalar_rewrite(&at->rewrite, producer->outputs[0].value);
    if (!condition) return value;
    return scalar_select(rewrite->to, condition, value,
                         scalar_rewrite(rewrite, load->as.load.otherwise));
}

static bool is_optional_in(const Kernel *kernel, const Buffer *buffer) {
    for (size_t k = 0; k < kernel->output_count; k++)
        if (kernel->outputs[k].buffer == buffer) return true;
    return false;
}

/* A fetchable value that was computed at every point of the kernel is offered as an optional
 * output, and so is what its producer offered. */
static void offer_values(Inlining *inlining) {
    Kernel *target = inlining->target;
    for (Inlined *at = inlining->inlined; at; at = at->next) {
        const Kernel *producer = at->producer;
        bool is_same_space = !at->condition && producer->axis_count == target->axis_count &&
                             producer->guard == target->guard && target->outputs &&
                             !target->outputs[0].index;
        for (size_t k = 0; is_same_space && k < target->axis_count; k++)
            is_same_space =
                at->index[k] == target->axes[k] && producer->axes[k]->size == target->axes[k]->size;
        if (!is_same_space) continue;
        for (size_t k = 0; k < producer->output_count; k++) {
            const KernelOutput *offered = &producer->outputs[k];
            if (!inlining->fusion->buffers[offered->buffer->number].is_fetchable) continue;
            if (target->output_count > FUSE_OPTIONAL_OUTPUTS ||
                is_optional_in(target, offered->buffer))
                continue;
            KernelOutput *output = ARENA_PUSH(target->program->arena, target->outputs,
                                              target->output_count, target->output_capacity);
            *output = *offered;
            output->value = scalar_rewrite(&at->rewrite, offered->value);
            output->is_optional = true;
        }
    }
}

static Kernel *outermost(Kernel *kernel) {
    while (kernel->group) kernel = kernel->group;
    return kernel;
}

void fuse_rewrite(Fusion *fusion, Kernel *kernel, Kernel *const *producers) {
    if (!fusion->originals[kernel->number])
        fusion->originals[kernel->number] =
            arena_copy(fusion->program->arena, kernel, sizeof *kernel);
    Kernel *from = arena_copy(fusion->scratch, kernel, sizeof *kernel);
    Kernel *target = kernel_empty_copy(kernel);
    Inlining inlining = {.fusion = fusion, .producers = producers, .target = target};
    ScalarRewrite rewrite = {.from = from,
                             .to = target,
                             .old_axes = kernel->axes,
                             .new_axes = kernel->axes,
                             .axis_count = kernel->axis_count,
                             .replace_load = replace_load,
                             .context = &inlining};
    kernel_copy_results(&rewrite);
    offer_values(&inlining);
    for (Inlined *at = inlining.inlined; at; at = at->next)
        for (size_t k = 0; k < at->producer->after_count; k++)
            kernel_add_after(outermost(target), at->producer->after[k]);
    *kernel = *target; /* others point to it */
}
