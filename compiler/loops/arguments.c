/* arguments.c: what a step's function is given, and what the runtime may do with it. */
#include "loops/plan.h"
#include "support/dtype.h"
#include <assert.h>
#include <string.h>
#include <tfcc/abi.h>

typedef struct ArgumentKey {
    Buffer *root;
    uint64_t dtype;
} ArgumentKey;

typedef struct ArgumentList {
    Arena *arena;
    KernelArguments *list;
} ArgumentList;

static uint32_t argument_number(ArgumentList *a, Buffer *buffer, tfcc_dtype dtype) {
    ArgumentKey key = {buffer_root(buffer), (uint64_t)dtype};
    bool added;
    MapEntry *entry = map_insert(&a->list->numbers, (const char *)&key, sizeof key, &added);
    if (added) {
        KernelArguments *list = a->list;
        entry->value = (void *)(uintptr_t)list->count;
        *ARENA_PUSH(a->arena, list->arguments, list->count, list->capacity) =
            (LoopArgument){.buffer = key.root};
        LoopParameter *parameter =
            ARENA_PUSH(a->arena, list->parameters, list->parameter_count, list->parameter_capacity);
        *parameter = (LoopParameter){.dtype = dtype, .is_exclusive = true};
    }
    return (uint32_t)(uintptr_t)entry->value;
}

static void visit_scalar(void *context, Scalar *scalar) {
    if (scalar->op != SCALAR_LOAD) return;
    ArgumentList *a = context;
    uint32_t number = argument_number(a, scalar->as.load.buffer, scalar->dtype);
    a->list->arguments[number].flags |= TFCC_ABI_INPUT;
}

static void add_output(ArgumentList *a, const Kernel *kernel, const KernelOutput *output) {
    tfcc_dtype dtype = output->buffer->type.dtype;
    uint32_t number = argument_number(a, output->buffer, dtype);
    a->list->arguments[number].flags |= TFCC_ABI_OUTPUT;
    LoopParameter *parameter = &a->list->parameters[number];
    bool is_first = !parameter->is_output;
    parameter->is_output = true;
    parameter->is_optional = output->is_optional && (is_first || parameter->is_optional);
    if (output->initial) {
        uint32_t initial = argument_number(a, output->initial, dtype);
        a->list->arguments[initial].flags |= TFCC_ABI_INPUT;
        a->list->arguments[number].flags |= TFCC_ABI_PRELOADED;
        a->list->arguments[number].initial = a->list->arguments[initial].buffer;
        a->list->parameters[number].is_exclusive = a->list->parameters[initial].is_exclusive =
            false;
    }
    if (buffer_root(output->buffer)->kind != TFCC_ABI_WRITE) return;
    for (size_t k = 0; k < a->list->count; k++) {
        LoopArgument *input = &a->list->arguments[k];
        bool is_variable =
            input->buffer->kind == TFCC_ABI_CURRENT || input->buffer->kind == TFCC_ABI_START;
        if (!is_variable || input->buffer->variable != output->buffer->variable ||
            !arguments_same_index(kernel, output, input->buffer))
            continue;
        input->flags |= TFCC_ABI_SAME_INDEX;
        a->list->parameters[k].is_exclusive = a->list->parameters[number].is_exclusive = false;
    }
}

/* Arguments of one buffer: none is exclusive if one of them is stored into. */
static void mark_doubles(KernelArguments *list) {
    for (size_t k = 0; k < list->count; k++) {
        if (!list->parameters[k].is_output) continue;
        for (size_t j = 0; j < list->count; j++)
            if (j != k && list->arguments[j].buffer == list->arguments[k].buffer)
                list->parameters[j].is_exclusive = list->parameters[k].is_exclusive = false;
    }
}

/* One argument for each parameter of the code, whatever bytes it has. */
static KernelArguments arguments_of_code(Arena *arena, const KernelCode *code) {
    KernelArguments list = {0};
    for (size_t k = 0; k < code->buffer_count; k++) {
        LoopParameter parameter = code->function->buffers[k];
        parameter.is_exclusive = true;
        *ARENA_PUSH(arena, list.parameters, list.parameter_count, list.parameter_capacity) =
            parameter;
        *ARENA_PUSH(arena, list.arguments, list.count, list.capacity) =
            (LoopArgument){.buffer = buffer_root(code->buffers[k]),
                           .flags = parameter.is_output ? TFCC_ABI_OUTPUT : TFCC_ABI_INPUT};
    }
    mark_doubles(&list);
    return list;
}

KernelArguments arguments_of_kernel(Arena *arena, const Kernel *kernel) {
    if (kernel->code) return arguments_of_code(arena, kernel->code);
    KernelArguments list = {.numbers = map_create(arena)};
    ArgumentList builder = {arena, &list};
    kernel_each_scalar(kernel, visit_scalar, &builder);
    for (size_t k = 0; k < kernel->output_count; k++)
        add_output(&builder, kernel, &kernel->outputs[k]);
    for (size_t k = 0; k < list.count; k++)
        if (list.parameters[k].is_output && list.parameters[k].is_optional)
            list.arguments[k].flags |= TFCC_ABI_OPTIONAL;
    mark_doubles(&list);
    return list;
}

uint32_t arguments_find(const KernelArguments *arguments, Buffer *buffer, tfcc_dtype dtype) {
    ArgumentKey key = {buffer_root(buffer), (uint64_t)dtype};
    MapEntry *entry = map_find(&arguments->numbers, (const char *)&key, sizeof key);
    assert(entry);
    return (uint32_t)(uintptr_t)entry->value;
}

/* ---- one address for an input and an output ---- */

typedef struct SameIndexQuestion {
    const Kernel *kernel;
    Buffer *input;
    Dim wanted;
    size_t element_size;
    bool has_scan, has_load, is_same;
} SameIndexQuestion;

static void visit_load(void *context, Scalar *scalar) {
    SameIndexQuestion *q = context;
    q->has_scan = q->has_scan || scalar->op == SCALAR_SCAN;
    if (scalar->op != SCALAR_LOAD || buffer_root(scalar->as.load.buffer) != q->input || !q->is_same)
        return;
    q->has_load = true;
    Access access =
        access_of_index(q->kernel->program->graph->dims, &scalar->as.load.buffer->type.shape,
                        scalar->as.load.index, NULL);
    q->is_same = access.part_count == 0 && access.affine == q->wanted &&
                 dtype_size(scalar->dtype) == q->element_size;
}

bool arguments_same_index(const Kernel *kernel, const KernelOutput *output, Buffer *input) {
    if (kernel->code) return false;                 /* it may read and store in any order */
    if (kernel->kind == KERNEL_GROUP) return false; /* another step may read the element */
    Buffer *buffer = buffer_root(output->buffer);
    SameIndexQuestion q = {.kernel = kernel, .input = buffer_root(input), .is_same = true};
    q.element_size = dtype_size(buffer->type.dtype);
    /* Without an index of its own every point stores its own element; else two points may share
     * one, which only a kernel that does not read it stands. */
    if (!output->index) {
        Dim *axes = kernel->axes;
        q.wanted =
            access_of_index(kernel->program->graph->dims, &buffer->type.shape, NULL, axes).affine;
    }
    kernel_each_scalar(kernel, visit_load, &q);
    return q.is_same && !(q.has_scan && q.has_load);
}
