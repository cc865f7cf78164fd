/* kernel.c: programs, buffers, kernels, and the scalars that range over further points. */
#include "kernels/kernel.h"

#include "kernels/scalar_evaluate.h"
#include "kernels/scalar_internal.h"
#include "loops/loops.h"
#include "support/dtype.h"
#include <assert.h>
#include <tfcc/abi.h>

/* ---- programs and buffers ---- */

Program *program_create(Arena *arena, Graph *graph) {
    Program *program = arena_alloc(arena, sizeof *program);
    program->arena = arena;
    program->graph = graph;
    program->initial_writes = arena_alloc_array(arena, graph->variable_count + 1, sizeof(Buffer *));
    return program;
}

Buffer *program_add_buffer(Program *program, int kind, const char *name, Type type) {
    Buffer *buffer = arena_alloc(program->arena, sizeof *buffer);
    buffer->number = (uint32_t)program->buffer_count;
    buffer->name = name;
    buffer->kind = kind;
    buffer->type = type;
    *ARENA_PUSH(program->arena, program->buffers, program->buffer_count, program->buffer_capacity) =
        buffer;
    return buffer;
}

Buffer *program_add_temporary(Program *program, const char *name, tfcc_dtype dtype,
                              const Shape *shape) {
    return program_add_buffer(program, TFCC_ABI_VALUE, name,
                              (Type){.dtype = dtype, .shape = *shape});
}

static Buffer *add_alias(Program *program, Buffer *base, const char *name, Type type) {
    Buffer *root = buffer_root(base);
    Buffer *alias = program_add_buffer(program, root->kind, name, type);
    alias->alias_of = root;
    alias->variable = root->variable;
    return alias;
}

Buffer *program_add_alias(Program *program, Buffer *base, Value *value) {
    Buffer *alias =
        add_alias(program, base, value->name ? value->name : value->node->label, value->type);
    alias->value = value;
    alias->is_fetchable = value->is_fetchable;
    value->buffer = alias;
    return alias;
}

Buffer *program_reshape(Program *program, Buffer *base, const Shape *shape) {
    return add_alias(program, base, base->name, (Type){.dtype = base->type.dtype, .shape = *shape});
}

Buffer *buffer_root(Buffer *buffer) {
    return buffer->alias_of ? buffer->alias_of : buffer;
}

/* ---- kernels ---- */

Kernel *kernel_create(Program *program, KernelKind kind, const char *name, Place place,
                      Guard *guard) {
    Kernel *kernel = arena_alloc(program->arena, sizeof *kernel);
    kernel->kind = kind;
    kernel->program = program;
    kernel->number = (uint32_t)program->kernel_count;
    kernel->name = name;
    kernel->place = place;
    kernel->guard = guard;
    if (kind == KERNEL_DIRECT) {
        kernel->code = arena_alloc(program->arena, sizeof *kernel->code);
        kernel->code->function = arena_alloc(program->arena, sizeof *kernel->code->function);
        kernel->code->function->place = place;
        kernel->code->function->name = name;
    }
    *ARENA_PUSH(program->arena, program->kernels, program->kernel_count, program->kernel_capacity) =
        kernel;
    return kernel;
}

Kernel *kernel_create_member(Kernel *group, const char *name) {
    Arena *arena = group->program->arena;
    Kernel *member = arena_alloc(arena, sizeof *member);
    member->program = group->program;
    member->number = (uint32_t)group->member_count;
    member->name = name;
    member->place = group->place;
    member->guard = group->guard;
    member->group = group;
    for (size_t k = 0; k < group->axis_count; k++) kernel_add_axis(member, group->axes[k]->size);
    *ARENA_PUSH(arena, group->members, group->member_count, group->member_capacity) = member;
    return member;
}

void kernel_gather_members(Kernel *group) {
    Arena *arena = group->program->arena;
    group->output_count = group->check_count = 0;
    for (size_t m = 0; m < group->member_count; m++) {
        const Kernel *member = group->members[m];
        for (size_t k = 0; k < member->output_count; k++)
            *ARENA_PUSH(arena, group->outputs, group->output_count, group->output_capacity) =
                member->outputs[k];
        for (size_t k = 0; k < member->check_count; k++)
            *ARENA_PUSH(arena, group->checks, group->check_count, group->check_capacity) =
                member->checks[k];
    }
}

Dim kernel_add_axis(Kernel *kernel, Dim size) {
    Dim axis = dim_axis(kernel->program->graph->dims, kernel->next_axis++, size);
    *ARENA_PUSH(kernel->program->arena, kernel->axes, kernel->axis_count, kernel->axis_capacity) =
        axis;
    return axis;
}

Dim kernel_add_reduce_axis(Kernel *kernel, Dim size) {
    return dim_axis(kernel->program->graph->dims, kernel->next_axis++, size);
}

void kernel_add_axes(Kernel *kernel, const Shape *shape, Dim *axes) {
    for (int k = 0; k < shape->rank; k++) axes[k] = kernel_add_axis(kernel, shape->dims[k]);
}

static KernelOutput *add_output(Kernel *kernel, Buffer *buffer, Scalar *value) {
    KernelOutput *output = ARENA_PUSH(kernel->program->arena, kernel->outputs, kernel->output_count,
                                      kernel->output_capacity);
    output->buffer = buffer_root(buffer);
    output->value = value->dtype == buffer->type.dtype
                        ? value
                        : scalar_convert(kernel, buffer->type.dtype, value);
    output->combine = COMBINE_STORE;
    return output;
}

void kernel_store(Kernel *kernel, Buffer *buffer, Scalar *value) {
    assert(!buffer->alias_of && kernel->axis_count == (size_t)buffer->type.shape.rank);
    add_output(kernel, buffer, value);
}

KernelOutput *kernel_store_at(Kernel *kernel, Buffer *buffer, Scalar **index, Scalar *value) {
    assert(!buffer->alias_of);
    KernelOutput *output = add_output(kernel, buffer, value);
    output->index =
        arena_copy(kernel->program->arena, index, sizeof *index * (size_t)buffer->type.shape.rank);
    return output;
}

KernelCheck *kernel_check(Kernel *kernel, Scalar *condition, tfcc_status status,
                          const char *message, Scalar *const *values, size_t value_count) {
    assert(condition->dtype == TFCC_BOOL && value_count <= TFCC_ABI_FAILURE_VALUES);
    Arena *arena = kernel->program->arena;
    KernelCheck *check =
        ARENA_PUSH(arena, kernel->checks, kernel->check_count, kernel->check_capacity);
    check->condition = condition;
    check->status = status;
    check->message = message;
    check->values = arena_alloc_array(arena, value_count + 1, sizeof(Scalar *));
    for (size_t k = 0; k < value_count; k++) check->values[k] = values[k];
    check->value_count = value_count;
    return check;
}

uint32_t kernel_add_parameter(Kernel *kernel, Buffer *buffer, bool is_output) {
    Arena *arena = kernel->program->arena;
    KernelCode *code = kernel->code;
    *ARENA_PUSH(arena, code->buffers, code->buffer_count, code->buffer_capacity) = buffer;
    if (is_output)
        *ARENA_PUSH(arena, kernel->outputs, kernel->output_count, kernel->output_capacity) =
            (KernelOutput){.buffer = buffer_root(buffer), .combine = COMBINE_STORE};
    LoopFunction *function = code->function;
    assert(function->buffer_count + 1 == code->buffer_count); /* before any local array */
    LoopParameter *parameter =
        ARENA_PUSH(arena, function->buffers, function->buffer_count, function->buffer_capacity);
    *parameter =
        (LoopParameter){.dtype = buffer->type.dtype, .is_output = is_output, .is_exclusive = true};
    return (uint32_t)(code->buffer_count - 1);
}

uint32_t kernel_add_failure(Kernel *kernel, tfcc_status status, const char *message) {
    KernelCheck *check = ARENA_PUSH(kernel->program->arena, kernel->checks, kernel->check_count,
                                    kernel->check_capacity);
    *check = (KernelCheck){.status = status, .message = message};
    return (uint32_t)(kernel->check_count - 1);
}

void kernel_add_after(Kernel *kernel, Kernel *earlier) {
    if (earlier == kernel) return;
    for (size_t k = kernel->after_count; k-- > 0;)
        if (kernel->after[k] == earlier) return;
    *ARENA_PUSH(kernel->program->arena, kernel->after, kernel->after_count,
                kernel->after_capacity) = earlier;
}

/* ---- walking ---- */

size_t scalar_children(const Scalar *scalar, Scalar **children) {
    size_t count = 0;
    for (int k = 0; k < scalar->operand_count; k++) children[count++] = scalar->operands[k];
    if (scalar->op == SCALAR_REDUCE) children[count++] = scalar->as.reduce.body;
    if (scalar->op == SCALAR_SCAN) children[count++] = scalar->as.scan.body;
    if (scalar->op == SCALAR_LOAD) {
        for (int k = 0; k < scalar->as.load.buffer->type.shape.rank; k++)
            children[count++] = scalar->as.load.index[k];
        if (scalar->as.load.condition) {
            children[count++] = scalar->as.load.condition;
            children[count++] = scalar->as.load.otherwise;
        }
    }
    return count;
}

void scalar_mark(const Kernel *kernel, bool *marked) {
    for (size_t id = kernel->scalar_count; id-- > 0;) {
        if (!marked[id]) continue;
        Scalar *children[SCALAR_MAX_CHILDREN];
        size_t count = scalar_children(kernel->scalars[id], children);
        for (size_t k = 0; k < count; k++) marked[children[k]->id] = true;
    }
}

void kernel_each_root(const Kernel *kernel, void (*visit)(void *context, Scalar *scalar),
                      void *context) {
    for (size_t k = 0; k < kernel->output_count; k++) {
        const KernelOutput *output = &kernel->outputs[k];
        if (output->value) visit(context, output->value);
        if (output->condition) visit(context, output->condition);
        for (int d = 0; output->index && d < output->buffer->type.shape.rank; d++)
            visit(context, output->index[d]);
    }
    for (size_t k = 0; k < kernel->check_count; k++) {
        if (kernel->checks[k].condition) visit(context, kernel->checks[k].condition);
        for (size_t v = 0; v < kernel->checks[k].value_count; v++)
            visit(context, kernel->checks[k].values[v]);
    }
}

static void mark_root(void *context, Scalar *scalar) {
    ((bool *)context)[scalar->id] = true;
}

void kernel_each_scalar(const Kernel *kernel, void (*visit)(void *context, Scalar *scalar),
                        void *context) {
    for (size_t m = 0; m < kernel->member_count; m++)
        kernel_each_scalar(kernel->members[m], visit, context);
    if (kernel->kind == KERNEL_GROUP) return;
    Arena *scratch = arena_create();
    bool *marked = arena_alloc(scratch, kernel->scalar_count + 1);
    kernel_each_root(kernel, mark_root, marked);
    scalar_mark(kernel, marked);
    size_t count = kernel->scalar_count;
    for (size_t id = 0; id < count; id++)
        if (marked[id]) visit(context, kernel->scalars[id]);
    arena_destroy(scratch);
}

typedef struct InputVisit {
    void (*visit)(void *context, Buffer *buffer);
    void *context;
} InputVisit;

static void visit_load(void *context, Scalar *scalar) {
    const InputVisit *inputs = context;
    if (scalar->op == SCALAR_LOAD) inputs->visit(inputs->context, scalar->as.load.buffer);
}

void kernel_each_input(const Kernel *kernel, void (*visit)(void *context, Buffer *buffer),
                       void *context) {
    InputVisit inputs = {visit, context};
    if (!kernel->code) kernel_each_scalar(kernel, visit_load, &inputs);
    if (kernel->bind) visit(context, kernel->bind);
    for (size_t k = 0; kernel->code && k < kernel->code->buffer_count; k++)
        if (!kernel->code->function->buffers[k].is_output) visit(context, kernel->code->buffers[k]);
}

/* ---- reductions and scans ---- */

uint64_t combiner_identity(Combiner combiner, tfcc_dtype dtype) {
    const DtypeInfo *info = dtype_info(dtype);
    switch (combiner) {
    case COMBINE_MULTIPLY: return bits_from_integer(dtype, 1);
    case COMBINE_MAXIMUM:
    case COMBINE_ARGMAX:
        return dtype_is_float(dtype) ? bits_from_double(dtype, -__builtin_inf())
                                     : bits_from_integer(dtype, info->minimum);
    case COMBINE_MINIMUM:
    case COMBINE_ARGMIN:
        return dtype_is_float(dtype) ? bits_from_double(dtype, __builtin_inf())
                                     : bits_from_integer(dtype, (int64_t)info->maximum);
    case COMBINE_AND: return dtype_is_bool(dtype) ? 1 : bits_from_integer(dtype, -1);
    default: return 0;
    }
}

ScalarOp combiner_operation(Combiner combiner, tfcc_dtype dtype) {
    (void)dtype;
    switch (combiner) {
    case COMBINE_MULTIPLY: return SCALAR_MULTIPLY;
    case COMBINE_MAXIMUM: return SCALAR_MAXIMUM;
    case COMBINE_MINIMUM: return SCALAR_MINIMUM;
    case COMBINE_AND: return SCALAR_AND;
    case COMBINE_OR: return SCALAR_OR;
    case COMBINE_SUBTRACT: return SCALAR_SUBTRACT;
    default: return SCALAR_ADD;
    }
}

/* Whether every load that depends on the axis has it in its last index alone, and as it is:
 * neighbours in memory. */
static bool runs_along_memory(const Kernel *kernel, Dim axis, const Scalar *body) {
    DimTable *dims = kernel->program->graph->dims;
    Arena *scratch = arena_create();
    bool *marked = arena_alloc(scratch, kernel->scalar_count + 1);
    marked[body->id] = true;
    scalar_mark(kernel, marked);
    bool along = true;
    for (size_t id = 0; id <= body->id && along; id++) {
        const Scalar *load = kernel->scalars[id];
        if (!marked[id] || load->op != SCALAR_LOAD) continue;
        int rank = load->as.load.buffer->type.shape.rank;
        for (int k = 0; k < rank; k++) {
            Dim index, coefficient, rest;
            if (!scalar_is_index(kernel, load->as.load.index[k], &index)) {
                along = false;
            } else if (dim_contains(index, axis)) {
                along = along && k == rank - 1 &&
                        dim_split(dims, index, axis, &coefficient, &rest) && dim_is(coefficient, 1);
            }
        }
    }
    arena_destroy(scratch);
    return along;
}

/* The lanes of a reduction: 1 where order does not matter or vectors would not help; see kernel.h.
 */
static int reduce_lanes(const Kernel *kernel, Combiner combiner, const Dim *axes, int axis_count,
                        const Scalar *body) {
    bool is_exact =
        (combiner != COMBINE_ADD && combiner != COMBINE_MULTIPLY) || !dtype_is_float(body->dtype);
    if (is_exact || axis_count == 0) return 1;
    int lanes = (int)(4 * 64 / dtype_size(body->dtype));
    Dim innermost = axes[axis_count - 1];
    int64_t size;
    if (dim_is_constant(innermost->size, &size) && size < 2 * lanes) return 1;
    return runs_along_memory(kernel, innermost, body) ? lanes : 1;
}

Scalar *kernel_reduce(Kernel *kernel, Combiner combiner, const Dim *axes, int axis_count,
                      Scalar *body) {
    bool is_search = combiner == COMBINE_ARGMAX || combiner == COMBINE_ARGMIN;
    assert(!is_search || axis_count == 1);
    if (axis_count == 0) return body;
    tfcc_dtype dtype = body->dtype;
    bool is_narrow = dtype_is_narrow_float(dtype);
    if (is_narrow) body = scalar_convert(kernel, TFCC_FLOAT32, body);
    Dim copy[REDUCE_MAX_AXES];
    assert(axis_count <= REDUCE_MAX_AXES);
    for (int k = 0; k < axis_count; k++) copy[k] = axes[k];
    Scalar draft = {.op = SCALAR_REDUCE, .dtype = is_search ? TFCC_INT64 : body->dtype};
    draft.as.reduce.combiner = combiner;
    draft.as.reduce.axes = copy;
    draft.as.reduce.axis_count = axis_count;
    draft.as.reduce.body = body;
    draft.as.reduce.lanes = reduce_lanes(kernel, combiner, axes, axis_count, body);
    const Scalar *product = body->op == SCALAR_SELECT ? body->operands[1] : body;
    draft.as.reduce.is_contraction =
        combiner == COMBINE_ADD && product->op == SCALAR_MULTIPLY && dtype_is_float(body->dtype);
    Scalar *result = scalar_intern(kernel, &draft);
    return is_narrow && !is_search ? scalar_convert(kernel, dtype, result) : result;
}

Scalar *kernel_scan(Kernel *kernel, Combiner combiner, Dim axis, Scalar *body, bool exclusive,
                    bool reverse) {
    tfcc_dtype dtype = body->dtype;
    bool is_narrow = dtype_is_narrow_float(dtype);
    if (is_narrow) body = scalar_convert(kernel, TFCC_FLOAT32, body);
    Scalar draft = {.op = SCALAR_SCAN, .dtype = body->dtype};
    draft.as.scan.combiner = combiner;
    draft.as.scan.axis = axis;
    draft.as.scan.body = body;
    draft.as.scan.exclusive = exclusive;
    draft.as.scan.reverse = reverse;
    Scalar *result = scalar_intern(kernel, &draft);
    return is_narrow ? scalar_convert(kernel, dtype, result) : result;
}
