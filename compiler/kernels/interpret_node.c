/* interpret_node.c: constant folding: one node, lowered by itself and interpreted. */
#include "kernels/interpret.h"
#include "kernels/lower.h"
#include <tfcc/abi.h>

enum { LARGEST_FOLDED = 65536, MOST_STEPS = 1 << 22 };

static bool can_be_folded(const GraphNode *node) {
    if (node->row->effects & (READS | WRITES | DRAWS)) return false;
    if (node->output_count == 0 || node->row->code == OP_COND || node->row->code == OP_PLACEHOLDER)
        return false;
    for (size_t k = 0; k < node->input_count; k++)
        if (node->inputs[k]->node->row->code != OP_CONSTANT || node->inputs[k]->is_feedable ||
            node->inputs[k]->node->weak)
            return false;
    for (size_t k = 0; k < node->output_count; k++) {
        const Value *value = node->outputs[k];
        if (value->is_feedable || value->type.dtype == TFCC_NONE ||
            !shape_is_known(&value->type.shape))
            return false;
        int64_t count = 1, size;
        for (int d = 0; d < value->type.shape.rank; d++)
            if (!dim_is_constant(value->type.shape.dims[d], &size) ||
                __builtin_mul_overflow(count, size, &count))
                return false;
        if (count > LARGEST_FOLDED) return false;
    }
    return true;
}

/* Points times points of reductions: what interpreting the kernel takes, roughly. */
static void add_reduce(void *context, Scalar *scalar) {
    int64_t *work = context, size;
    for (int k = 0; scalar->op == SCALAR_REDUCE && k < scalar->as.reduce.axis_count; k++)
        if (!dim_is_constant(scalar->as.reduce.axes[k]->size, &size) ||
            __builtin_mul_overflow(*work, size + 1, work))
            *work = INT64_MAX / 2;
}

/* What a direct kernel takes is not known; mostly some tens of steps per element. */
static void add_elements(void *context, Buffer *buffer) {
    int64_t *work = context, size, elements = 64;
    for (int k = 0; k < buffer->type.shape.rank; k++)
        if (!dim_is_constant(buffer->type.shape.dims[k], &size) ||
            __builtin_mul_overflow(elements, size, &elements))
            elements = INT64_MAX / 4;
    *work = elements > INT64_MAX / 2 - *work ? INT64_MAX / 2 : *work + elements;
}

static bool add_kernel(const Kernel *kernel, int64_t *total) {
    int64_t work = 1, size;
    for (size_t m = 0; m < kernel->member_count; m++)
        if (!add_kernel(kernel->members[m], total)) return false;
    if (kernel->kind == KERNEL_GROUP) return true;
    for (size_t k = 0; k < kernel->axis_count; k++)
        if (!dim_is_constant(kernel->axes[k]->size, &size) ||
            __builtin_mul_overflow(work, size, &work))
            return false;
    kernel_each_scalar(kernel, add_reduce, &work);
    if (kernel->code) kernel_each_input(kernel, add_elements, &work);
    *total += work;
    return work <= MOST_STEPS && *total <= MOST_STEPS;
}

static bool is_too_much(const Program *program) {
    int64_t total = 0;
    for (size_t n = 0; n < program->kernel_count; n++)
        if (!add_kernel(program->kernels[n], &total)) return true;
    return false;
}

/* The program of the node alone; the values' buffers are put back afterwards. */
static bool fold(Graph *graph, GraphNode *node, const ConstantData **outputs) {
    Arena *scratch = arena_create();
    Program *program = program_create(scratch, graph);
    LowerContext context = {.program = program, .graph = graph, .dims = graph->dims};
    for (size_t k = 0; k < node->input_count; k++) {
        Value *value = node->inputs[k];
        if (value->buffer) continue;
        context.node = value->node;
        value->node->row->lower(&context);
    }
    context.node = node;
    Guard *guard = node->guard;
    node->guard = NULL; /* whose predicate is not of this program */
    node->row->lower(&context);
    node->guard = guard;
    bool done = !is_too_much(program);
    Interpreter *interpreter = done ? interpreter_create(scratch, program) : NULL;
    for (size_t k = 0; k < program->kernel_count && done; k++)
        done = interpret_kernel(interpreter, program->kernels[k]) == NULL;
    for (size_t k = 0; k < node->output_count && done; k++) {
        Buffer *buffer = node->outputs[k]->buffer;
        const InterpreterBuffer *memory = interpreter_buffer(interpreter, buffer);
        ConstantData *data = arena_alloc(graph->arena, sizeof *data);
        data->dtype = buffer->type.dtype;
        data->rank = buffer->type.shape.rank;
        for (int d = 0; d < data->rank; d++) data->dims[d] = memory->dims[d];
        data->element_count = memory->element_count;
        data->size = (size_t)memory->element_count * dtype_size(data->dtype);
        done = memory->bytes != NULL || data->size == 0;
        data->bytes = arena_copy(graph->arena, memory->bytes ? memory->bytes : "", data->size);
        outputs[k] = data;
    }
    for (size_t k = 0; k < node->input_count; k++) node->inputs[k]->buffer = NULL;
    for (size_t k = 0; k < node->output_count; k++) node->outputs[k]->buffer = NULL;
    arena_destroy(scratch);
    return done;
}

bool interpret_node(Graph *graph, GraphNode *node, const ConstantData **outputs) {
    return can_be_folded(node) && fold(graph, node, outputs);
}
