/* move_constants.c: what only moves the elements of a constant is moved now, whatever its size.
 *
 * A kernel that stores every element of its result from one constant, each at an index that is known
 * but for its own axes, leaves a constant behind: weights that a model has the other way round, or
 * that are parts of larger ones. That takes as long as a copy. The result may not have more elements
 * than the constant has, so that nothing is stretched; the constant itself goes where nothing else
 * reads it.
 */
#include "kernels/move_constants.h"

#include "kernels/scalar_internal.h"
#include "support/dtype.h"
#include <string.h>
#include <tfcc/abi.h>

typedef struct Moves {
    Program *program;
    bool *is_needed;  /* by buffer number: a run may ask for it, or name it otherwise */
    bool *is_awaited; /* by kernel number: others stand behind it */
} Moves;

/* Where the elements come from: offset + the sum of strides[k] * axis k, in elements. */
typedef struct Source {
    const Buffer *constant;
    int64_t offset, strides[MAX_RANK], sizes[MAX_RANK];
    int rank;
} Source;

/* The source's offset as a number for each axis; false where it is not of that form. */
static bool find_strides(const Kernel *kernel, const Scalar *load, Source *source) {
    DimTable *dims = kernel->program->graph->dims;
    const Buffer *view = load->as.load.buffer;
    const Shape *shape = &view->type.shape;
    Dim linear = dim_constant(dims, 0), index, stride;
    for (int k = 0; k < shape->rank; k++) {
        if (!scalar_is_index(kernel, load->as.load.index[k], &index)) return false;
        linear = dim_add(dims, dim_multiply(dims, linear, shape->dims[k]), index);
    }
    for (int k = 0; k < source->rank; k++)
        if (!dim_split(dims, linear, kernel->axes[k], &stride, &linear) ||
            !dim_is_constant(stride, &source->strides[k]))
            return false;
    return dim_is_constant(linear, &source->offset);
}

static bool find_source(const Kernel *kernel, Source *source) {
    const KernelOutput *output = kernel->outputs;
    const Scalar *load = output->value;
    if (load->op != SCALAR_LOAD || load->as.load.condition ||
        load->dtype != load->as.load.buffer->type.dtype)
        return false;
    const Buffer *view = load->as.load.buffer;
    source->constant = view->alias_of ? view->alias_of : view;
    source->rank = (int)kernel->axis_count;
    if (source->constant->kind != TFCC_ABI_CONSTANT || !source->constant->constant) return false;
    int64_t count = 1;
    for (int k = 0; k < source->rank; k++)
        if (!dim_is_constant(kernel->axes[k]->size, &source->sizes[k]) ||
            __builtin_mul_overflow(count, source->sizes[k], &count))
            return false;
    return count > 0 && count <= source->constant->constant->element_count &&
           find_strides(kernel, load, source);
}

static bool is_move(const Moves *moves, const Kernel *kernel) {
    if (kernel->kind != KERNEL_STRUCTURED || kernel->is_dead || kernel->is_alternate ||
        kernel->guard || kernel->after_count > 0 || kernel->check_count > 0 ||
        kernel->output_count != 1 || moves->is_awaited[kernel->number])
        return false;
    const KernelOutput *output = kernel->outputs;
    return !output->index && !output->condition && !output->initial &&
           output->combine == COMBINE_STORE && output->buffer->kind == TFCC_ABI_VALUE &&
           kernel->axis_count <= MAX_RANK && !moves->is_needed[output->buffer->number];
}

/* Copies the elements of axis `depth` and those inside it. */
static char *copy(const Source *source, int depth, const char *from, char *to, size_t size) {
    if (depth == source->rank) {
        memcpy(to, from, size);
        return to + size;
    }
    int64_t count = source->sizes[depth], stride = source->strides[depth] * (int64_t)size;
    if (depth == source->rank - 1 && stride == (int64_t)size) {
        memcpy(to, from, (size_t)count * size);
        return to + (size_t)count * size;
    }
    for (int64_t k = 0; k < count; k++) to = copy(source, depth + 1, from + k * stride, to, size);
    return to;
}

static const ConstantData *moved(Arena *arena, const Source *source, const Buffer *result) {
    ConstantData *data = arena_alloc(arena, sizeof *data);
    *data = (ConstantData){.dtype = result->type.dtype, .rank = source->rank, .element_count = 1};
    for (int k = 0; k < source->rank; k++) {
        data->dims[k] = source->sizes[k];
        data->element_count *= source->sizes[k];
    }
    size_t size = dtype_size(data->dtype);
    data->size = (size_t)data->element_count * size;
    char *bytes = arena_alloc(arena, data->size);
    copy(source, 0,
         (const char *)source->constant->constant->bytes + source->offset * (int64_t)size, bytes,
         size);
    data->bytes = bytes;
    return data;
}

/* What a run may fetch or feed, what branches and sizes are taken from, and what is stored by
 * several. */
static void look_around(Moves *moves) {
    const Program *program = moves->program;
    bool *is_stored = arena_alloc(program->arena, program->buffer_count + 1);
    for (size_t k = 0; k < program->buffer_count; k++) {
        Buffer *buffer = program->buffers[k];
        if (buffer->is_fetchable || buffer->is_feedable)
            moves->is_needed[buffer_root(buffer)->number] = true;
    }
    for (size_t k = 0; k < program->kernel_count; k++) {
        const Kernel *kernel = program->kernels[k];
        for (const Guard *guard = kernel->guard; guard; guard = guard->outer)
            if (guard->predicate->buffer)
                moves->is_needed[buffer_root(guard->predicate->buffer)->number] = true;
        if (kernel->bind) moves->is_needed[buffer_root(kernel->bind)->number] = true;
        for (size_t a = 0; a < kernel->after_count; a++)
            moves->is_awaited[kernel->after[a]->number] = true;
        for (size_t o = 0; o < kernel->output_count; o++) {
            const Buffer *buffer = kernel->outputs[o].buffer;
            if (is_stored[buffer->number]) moves->is_needed[buffer->number] = true;
            is_stored[buffer->number] = true;
        }
    }
}

bool move_constants(Compilation *c) {
    Program *program = c->program;
    Moves moves = {.program = program,
                   .is_needed = arena_alloc(program->arena, program->buffer_count + 1),
                   .is_awaited = arena_alloc(program->arena, program->kernel_count + 1)};
    look_around(&moves);
    for (size_t k = 0; k < program->kernel_count; k++) {
        Kernel *kernel = program->kernels[k];
        Source source;
        if (!is_move(&moves, kernel) || !find_source(kernel, &source)) continue;
        Buffer *result = kernel->outputs[0].buffer;
        result->constant = moved(program->arena, &source, result);
        result->kind = TFCC_ABI_CONSTANT;
        kernel->is_dead = true;
    }
    for (size_t k = 0; k < program->buffer_count; k++)
        program->buffers[k]->kind = buffer_root(program->buffers[k])->kind;
    return true;
}
