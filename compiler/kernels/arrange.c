/* arrange.c: constants whose elements only change place are written down in their new order.
 *
 * A kernel that does nothing but load a constant at sums of its axes (a transpose of weights, a
 * slice of a table) is carried out now, whatever its size: its result becomes a constant, and the
 * kernel goes. Anything that computes is left to the graph's folding, and to the run; so is what
 * stretches a constant, whose result would have more elements than there are.
 */
#include "kernels/fuse.h"

#include "kernels/scalar_internal.h"
#include "support/dtype.h"
#include <string.h>
#include <tfcc/abi.h>

enum { BLOCK = 16 /* of the two innermost axes */ };

/* element [i0, i1, ..] of the result is element base + sum of i[k] * strides[k] of the constant. */
typedef struct Move {
    const ConstantData *from;
    int rank;
    int64_t sizes[MAX_RANK], strides[MAX_RANK], base;
} Move;

/* The constant behind a load that no run can change, or NULL. */
static const ConstantData *constant_of(Buffer *buffer) {
    const Buffer *root = buffer_root(buffer);
    bool is_plain = root->kind == TFCC_ABI_CONSTANT && root->constant && !root->is_feedable &&
                    !buffer->is_feedable && root->constant->dtype == buffer->type.dtype;
    return is_plain ? root->constant : NULL;
}

/* Adds index * step to the strides of its axes; false where it is no sum of axes. */
static bool add_index(const Kernel *kernel, Dim index, int64_t step, Move *move) {
    DimTable *dims = kernel->program->graph->dims;
    int64_t number;
    for (int k = 0; k < move->rank; k++) {
        Dim coefficient, rest;
        if (!dim_contains(index, kernel->axes[k])) continue;
        if (!dim_split(dims, index, kernel->axes[k], &coefficient, &rest) ||
            !dim_is_constant(coefficient, &number))
            return false;
        move->strides[k] += number * step;
        index = rest;
    }
    if (!dim_is_constant(index, &number)) return false;
    move->base += number * step;
    return true;
}

static bool find_move(const Kernel *kernel, Move *move) {
    const KernelOutput *output = &kernel->outputs[0];
    const Scalar *load = output->value;
    *move = (Move){.rank = (int)kernel->axis_count};
    if (load->op != SCALAR_LOAD || load->as.load.condition || kernel->axis_count > MAX_RANK)
        return false;
    move->from = constant_of(load->as.load.buffer);
    const Shape *shape = &load->as.load.buffer->type.shape;
    if (!move->from || !shape_is_known(&output->buffer->type.shape)) return false;
    int64_t step = 1, size, count = 1;
    for (int k = 0; k < move->rank; k++)
        if (!dim_is_constant(kernel->axes[k]->size, &move->sizes[k]) ||
            __builtin_mul_overflow(count, move->sizes[k], &count))
            return false;
    if (count > move->from->element_count) return false;
    for (int d = shape->rank; d-- > 0;) {
        Dim index;
        if (!scalar_is_index(kernel, load->as.load.index[d], &index) ||
            !dim_is_constant(shape->dims[d], &size) || !add_index(kernel, index, step, move))
            return false;
        step *= size;
    }
    return true;
}

/* ---- carrying it out ---- */

/* One row of the result along the innermost axis, or a part of it. */
static void copy_row(char *to, const char *from, int64_t count, int64_t stride, size_t size) {
    switch (size) {
    case 4:
        for (int64_t k = 0; k < count; k++) memcpy(to + 4 * k, from + 4 * k * stride, 4);
        return;
    case 2:
        for (int64_t k = 0; k < count; k++) memcpy(to + 2 * k, from + 2 * k * stride, 2);
        return;
    default:
        for (int64_t k = 0; k < count; k++)
            memcpy(to + (size_t)k * size, from + k * stride * (int64_t)size, size);
    }
}

/* The matrix of the two innermost axes, in blocks, so that lines of the cache are used whole. */
static void copy_matrix(const Move *move, char *to, const char *from, size_t size) {
    int last = move->rank - 1;
    int64_t rows = move->sizes[last - 1], columns = move->sizes[last], bytes = (int64_t)size;
    for (int64_t c = 0; c < columns; c += BLOCK)
        for (int64_t r = 0; r < rows; r++)
            copy_row(to + (r * columns + c) * bytes,
                     from + (r * move->strides[last - 1] + c * move->strides[last]) * bytes,
                     columns - c < BLOCK ? columns - c : BLOCK, move->strides[last], size);
}

/* The whole, in the order of the result; `to` goes along. */
static void copy_elements(const Move *move, int axis, char **to, int64_t offset, size_t size) {
    const char *from = (const char *)move->from->bytes + offset * (int64_t)size;
    if (axis == move->rank) {
        memcpy(*to, from, size);
        *to += size;
    } else if (axis == move->rank - 1) {
        copy_row(*to, from, move->sizes[axis], move->strides[axis], size);
        *to += (size_t)move->sizes[axis] * size;
    } else if (axis == move->rank - 2) {
        copy_matrix(move, *to, from, size);
        *to += (size_t)(move->sizes[axis] * move->sizes[axis + 1]) * size;
    } else {
        for (int64_t k = 0; k < move->sizes[axis]; k++)
            copy_elements(move, axis + 1, to, offset + k * move->strides[axis], size);
    }
}

static const ConstantData *moved_constant(Arena *arena, const Move *move, const Shape *shape) {
    ConstantData *data = arena_alloc(arena, sizeof *data);
    *data = (ConstantData){.dtype = move->from->dtype, .rank = shape->rank, .element_count = 1};
    for (int d = 0; d < shape->rank; d++) {
        dim_is_constant(shape->dims[d], &data->dims[d]);
        data->element_count *= data->dims[d];
    }
    size_t size = dtype_size(data->dtype);
    data->size = (size_t)data->element_count * size;
    char *bytes = arena_alloc(arena, data->size + 1), *end = bytes;
    if (data->element_count > 0) copy_elements(move, 0, &end, move->base, size);
    data->bytes = bytes;
    return data;
}

/* ---- the program ---- */

typedef struct Surroundings {
    bool *is_awaited; /* by kernel number: others wait for it, or it stands for a target */
    bool *is_shared;  /* by buffer number: several kernels store it, or sizes are taken from it */
} Surroundings;

static Surroundings look_around(const Program *program, Arena *scratch) {
    Surroundings around = {arena_alloc(scratch, program->kernel_count + 1),
                           arena_alloc(scratch, program->buffer_count + 1)};
    bool *is_stored = arena_alloc(scratch, program->buffer_count + 1);
    for (size_t k = 0; k < program->kernel_count; k++) {
        const Kernel *kernel = program->kernels[k];
        for (size_t a = 0; a < kernel->after_count; a++)
            around.is_awaited[kernel->after[a]->number] = true;
        if (kernel->bind) around.is_shared[buffer_root(kernel->bind)->number] = true;
        for (size_t o = 0; o < kernel->output_count; o++) {
            const KernelOutput *output = &kernel->outputs[o];
            if (output->initial) around.is_shared[buffer_root(output->initial)->number] = true;
            around.is_shared[output->buffer->number] |= is_stored[output->buffer->number];
            is_stored[output->buffer->number] = true;
        }
    }
    const Graph *graph = program->graph;
    for (size_t f = 0; f < graph->fetch_count; f++) {
        if (graph->fetches[f].value) continue;
        const ProgramNode *target = &program->nodes[graph->fetches[f].node->id];
        for (size_t k = 0; k < target->kernel_count; k++)
            around.is_awaited[target->kernels[k]->number] = true;
    }
    return around;
}

static bool may_go(const Kernel *kernel, const Surroundings *around) {
    if (kernel->kind != KERNEL_STRUCTURED || kernel->output_count != 1 || kernel->check_count > 0 ||
        kernel->guard || kernel->after_count > 0 || around->is_awaited[kernel->number])
        return false;
    const KernelOutput *output = &kernel->outputs[0];
    return !output->index && !output->condition && output->combine == COMBINE_STORE &&
           !output->initial && output->buffer->kind == TFCC_ABI_VALUE &&
           !output->buffer->is_feedable && !around->is_shared[output->buffer->number];
}

bool arrange_constants(Compilation *c) {
    Program *program = c->program;
    Arena *scratch = arena_create();
    Surroundings around = look_around(program, scratch);
    size_t kept = 0;
    for (size_t k = 0; k < program->kernel_count; k++) {
        Kernel *kernel = program->kernels[k];
        Move move;
        if (!may_go(kernel, &around) || !find_move(kernel, &move)) {
            program->kernels[kept++] = kernel;
            continue;
        }
        Buffer *buffer = kernel->outputs[0].buffer;
        buffer->constant = moved_constant(program->arena, &move, &buffer->type.shape);
        buffer->kind = TFCC_ABI_CONSTANT;
        kernel->is_dead = true;
    }
    program->kernel_count = kept;
    for (size_t k = 0; k < kept; k++) program->kernels[k]->number = (uint32_t)k;
    for (size_t k = 0; k < program->buffer_count; k++)
        program->buffers[k]->kind = buffer_root(program->buffers[k])->kind;
    arena_destroy(scratch);
    return true;
}
