/* pack.c: weights in panels.
 *
 * The loops of a contraction take a few vectors of columns of its weights, and go down their rows
 * for one block of points after the other. In a matrix of n columns every row of them lies n
 * elements behind the last: in a page of its own, and, where n is a power of two, in few sets of the
 * cache. So the matrix w[k.., n] is stored as panels w[n / 32, k.., 32], each of which is read from
 * its first byte to its last, and the axis j along the columns becomes two, j = 32 * panel + column.
 *
 * Only constants are packed, and only those that every kernel reads so: what is computed from them,
 * and in which order, stays the same. One width serves every instruction set.
 */
#include "kernels/fuse.h"

#include "kernels/kernel.h"
#include "support/dtype.h"
#include <string.h>
#include <tfcc/abi.h>

enum {
    PANEL = 32,          /* columns */
    LEAST_BYTES = 16384, /* of weights: below, they stay in the first cache anyway */
    LEAST_POINTS = 4     /* that share the weights; for fewer, rows are read whole */
};

typedef struct Packing {
    Program *program;
    DimTable *dims;
    Arena *scratch;
    size_t *loads, *packable; /* by buffer number: loads in the program, and those of weights */
    Buffer **packed;          /* by buffer number */
} Packing;

/* ---- which loads are of weights ---- */

typedef struct Factors {
    const Scalar *loads[2];
    int count;
} Factors;

/* The loads under products, conversions and padding; more than two are counted only. */
static void find_factors(const Scalar *scalar, Factors *factors) {
    if (scalar->op == SCALAR_LOAD) {
        if (factors->count < 2) factors->loads[factors->count] = scalar;
        factors->count++;
    } else if (scalar->op == SCALAR_SELECT) {
        find_factors(scalar->operands[1], factors);
    } else if (scalar->op == SCALAR_MULTIPLY || scalar->op == SCALAR_CONVERT) {
        for (int k = 0; k < scalar->operand_count; k++) find_factors(scalar->operands[k], factors);
    }
}

static bool depends_on(const Scalar *scalar, Dim axis) {
    if (scalar->op == SCALAR_INDEX) return dim_contains(scalar->as.index, axis);
    Scalar *children[SCALAR_MAX_CHILDREN];
    size_t count = scalar_children(scalar, children);
    for (size_t k = 0; k < count; k++)
        if (depends_on(children[k], axis)) return true;
    return false;
}

/* Whether enough points of the kernel read the same elements: axes that the load lacks. */
static bool is_shared(const Kernel *kernel, const Scalar *load) {
    for (size_t a = 0; a < kernel->axis_count; a++)
        if (!depends_on(load, kernel->axes[a]) && dim_low(kernel->axes[a]->size) >= LEAST_POINTS)
            return true;
    return false;
}

/* The axis along the columns of a load that is one of weights; else NULL. */
static Dim column_axis(const Kernel *kernel, const Scalar *load, const Scalar *other) {
    const Buffer *buffer = load->as.load.buffer;
    const Shape *shape = &buffer->type.shape;
    const ConstantData *constant = buffer->constant;
    int64_t columns;
    if (buffer->kind != TFCC_ABI_CONSTANT || buffer->alias_of || buffer->is_feedable ||
        buffer->is_fetchable || !constant || constant->dtype != buffer->type.dtype ||
        load->as.load.condition || constant->size < LEAST_BYTES || shape->rank < 2 ||
        shape->rank >= MAX_RANK || !shape_is_known(shape))
        return NULL;
    dim_is_constant(shape->dims[shape->rank - 1], &columns);
    const Scalar *last = load->as.load.index[shape->rank - 1];
    if (columns <= PANEL || columns % PANEL != 0 || last->op != SCALAR_INDEX) return NULL;
    for (size_t a = 0; a < kernel->axis_count; a++) {
        Dim axis = kernel->axes[a];
        if (last->as.index != axis || depends_on(other, axis)) continue;
        int64_t size;
        if (!dim_is_constant(axis->size, &size) || size != columns) return NULL;
        for (int d = 0; d + 1 < shape->rank; d++)
            if (depends_on(load->as.load.index[d], axis)) return NULL;
        return is_shared(kernel, load) ? axis : NULL;
    }
    return NULL;
}

typedef struct Search {
    const Packing *packing;
    const Kernel *kernel;
    Dim axis;       /* of the first weights; others along another axis do not count */
    bool *is_found; /* by scalar id: a load of weights */
    bool has_scan;
} Search;

static void search_scalar(void *context, Scalar *scalar) {
    Search *search = context;
    search->has_scan |= scalar->op == SCALAR_SCAN;
    if (scalar->op != SCALAR_REDUCE || scalar->as.reduce.combiner != COMBINE_ADD) return;
    Factors factors = {0};
    find_factors(scalar->as.reduce.body, &factors);
    if (factors.count != 2) return;
    for (int k = 0; k < 2; k++) {
        Dim axis = column_axis(search->kernel, factors.loads[k], factors.loads[1 - k]);
        if (!axis || (search->axis && search->axis != axis)) continue;
        search->axis = axis;
        search->is_found[factors.loads[k]->id] = true;
    }
}

static Search search_kernel(const Packing *p, const Kernel *kernel) {
    Search search = {.packing = p, .kernel = kernel};
    search.is_found = arena_alloc(p->scratch, kernel->scalar_count + 1);
    bool is_plain = kernel->kind == KERNEL_STRUCTURED && kernel->check_count == 0;
    for (size_t k = 0; k < kernel->output_count && is_plain; k++)
        is_plain =
            kernel->outputs[k].combine == COMBINE_STORE && kernel->outputs[k].initial == NULL;
    if (is_plain) kernel_each_scalar(kernel, search_scalar, &search);
    if (search.has_scan) search.axis = NULL;
    return search;
}

typedef struct Count {
    Packing *packing;
    const Search *search;
} Count;

static void count_load(void *context, Scalar *scalar) {
    const Count *count = context;
    if (scalar->op != SCALAR_LOAD) return;
    size_t number = buffer_root(scalar->as.load.buffer)->number;
    count->packing->loads[number]++;
    if (count->search->axis && count->search->is_found[scalar->id])
        count->packing->packable[number]++;
}

static void count_input(void *context, Buffer *buffer) {
    Packing *p = context;
    p->loads[buffer_root(buffer)->number]++;
}

/* ---- the change ---- */

/* w[k.., n] as w[n / PANEL, k.., PANEL]. */
static const ConstantData *pack_constant(Arena *arena, const ConstantData *from) {
    ConstantData *data = arena_alloc(arena, sizeof *data);
    *data = (ConstantData){.dtype = from->dtype,
                           .rank = from->rank + 1,
                           .element_count = from->element_count,
                           .size = from->size};
    int64_t columns = from->dims[from->rank - 1], rows = from->element_count / columns;
    data->dims[0] = columns / PANEL;
    for (int d = 0; d + 1 < from->rank; d++) data->dims[d + 1] = from->dims[d];
    data->dims[from->rank] = PANEL;
    size_t size = dtype_size(from->dtype), row = (size_t)columns * size, part = PANEL * size;
    char *bytes = arena_alloc(arena, data->size + 1), *to = bytes;
    for (size_t at = 0; at < row; at += part)
        for (int64_t r = 0; r < rows; r++, to += part)
            memcpy(to, (const char *)from->bytes + (size_t)r * row + at, part);
    data->bytes = bytes;
    return data;
}

static Buffer *packed_buffer(Packing *p, Buffer *buffer) {
    Buffer **known = &p->packed[buffer->number];
    if (*known) return *known;
    const ConstantData *data = pack_constant(p->program->arena, buffer->constant);
    Type type = buffer->type;
    type.shape.rank = data->rank;
    for (int d = 0; d < data->rank; d++) type.shape.dims[d] = dim_constant(p->dims, data->dims[d]);
    *known = program_add_buffer(p->program, TFCC_ABI_CONSTANT, buffer->name, type);
    (*known)->constant = data;
    return *known;
}

typedef struct Turning {
    Packing *packing;
    const Search *search;
    Dim panel, column;
} Turning;

static Scalar *replace_load(void *context, ScalarRewrite *rewrite, Scalar *load) {
    const Turning *turning = context;
    Buffer *buffer = load->as.load.buffer;
    const Packing *p = turning->packing;
    if (!turning->search->is_found[load->id] ||
        p->loads[buffer->number] != p->packable[buffer->number])
        return NULL;
    int rank = buffer->type.shape.rank;
    Scalar *index[MAX_RANK];
    index[0] = scalar_index(rewrite->to, turning->panel);
    for (int d = 0; d + 1 < rank; d++)
        index[d + 1] = scalar_rewrite(rewrite, load->as.load.index[d]);
    index[rank] = scalar_index(rewrite->to, turning->column);
    return scalar_load_at(rewrite->to, packed_buffer(turning->packing, buffer), index);
}

static void write_indices(Kernel *kernel) {
    for (size_t k = 0; k < kernel->output_count; k++) {
        KernelOutput *output = &kernel->outputs[k];
        if (output->index) continue;
        output->index =
            arena_alloc_array(kernel->program->arena, kernel->axis_count + 1, sizeof(Scalar *));
        for (size_t a = 0; a < kernel->axis_count; a++)
            output->index[a] = scalar_index(kernel, kernel->axes[a]);
    }
}

static void pack_kernel(Packing *p, Kernel *kernel, const Search *search) {
    write_indices(kernel);
    Kernel *from = arena_copy(p->program->arena, kernel, sizeof *kernel);
    Kernel *target = kernel_empty_copy(kernel);
    size_t count = kernel->axis_count, next = 0;
    target->axes = arena_alloc_array(p->program->arena, count + 1, sizeof(Dim));
    Dim *split = arena_alloc_array(p->program->arena, count + 1, sizeof(Dim));
    Turning turning = {.packing = p, .search = search};
    int64_t size = 0;
    dim_is_constant(search->axis->size, &size);
    turning.panel = dim_axis(p->dims, target->next_axis++, dim_constant(p->dims, size / PANEL));
    turning.column = dim_axis(p->dims, target->next_axis++, dim_constant(p->dims, PANEL));
    for (size_t a = 0; a < count; a++) {
        split[a] = target->axes[next++] = kernel->axes[a];
        if (kernel->axes[a] != search->axis) continue;
        target->axes[next - 1] = turning.panel;
        target->axes[next++] = turning.column;
        split[a] =
            dim_add(p->dims, dim_multiply(p->dims, dim_constant(p->dims, PANEL), turning.panel),
                    turning.column);
    }
    target->axis_count = target->axis_capacity = next;
    ScalarRewrite rewrite = {.from = from,
                             .to = target,
                             .old_axes = from->axes,
                             .new_axes = split,
                             .axis_count = count,
                             .replace_load = replace_load,
                             .context = &turning};
    kernel_copy_results(&rewrite);
    *kernel = *target; /* others point to it */
}

static bool gains(const Packing *p, const Kernel *kernel, const Search *search) {
    for (size_t id = 0; search->axis && id < kernel->scalar_count; id++) {
        if (!search->is_found[id]) continue;
        size_t number = kernel->scalars[id]->as.load.buffer->number;
        if (p->loads[number] == p->packable[number]) return true;
    }
    return false;
}

bool pack_constants(Compilation *c) {
    if (c->options.keep_unfused) return true;
    Program *program = c->program;
    Packing p = {.program = program, .dims = program->graph->dims, .scratch = arena_create()};
    size_t buffers = program->buffer_count + 1;
    p.loads = arena_alloc_array(p.scratch, buffers, sizeof *p.loads);
    p.packable = arena_alloc_array(p.scratch, buffers, sizeof *p.packable);
    p.packed = arena_alloc_array(p.scratch, buffers, sizeof(Buffer *));
    Search *searches = arena_alloc_array(p.scratch, program->kernel_count + 1, sizeof *searches);
    for (size_t k = 0; k < program->kernel_count; k++) {
        const Kernel *kernel = program->kernels[k];
        if (kernel->is_dead) continue;
        searches[k] = search_kernel(&p, kernel);
        Count count = {&p, &searches[k]};
        if (kernel->kind == KERNEL_STRUCTURED)
            kernel_each_scalar(kernel, count_load, &count);
        else
            kernel_each_input(kernel, count_input, &p);
        for (size_t o = 0; o < kernel->output_count; o++)
            if (kernel->outputs[o].initial) count_input(&p, kernel->outputs[o].initial);
    }
    for (size_t k = 0; k < program->kernel_count; k++)
        if (!program->kernels[k]->is_dead && gains(&p, program->kernels[k], &searches[k]))
            pack_kernel(&p, program->kernels[k], &searches[k]);
    arena_destroy(p.scratch);
    return true;
}
