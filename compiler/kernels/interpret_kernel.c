/* interpret_kernel.c: one kernel of a run: its guard, the sizes it settles, memory for its outputs;
 * then its points, or the loops that it has been made into.
 */
#include "kernels/interpret_internal.h"
#include "kernels/scalar_evaluate.h"
#include "support/dtype.h"
#include <string.h>
#include <tfcc/abi.h>

static bool guards_hold(Interpreter *interpreter, const Guard *guard) {
    for (; guard; guard = guard->outer) {
        InterpreterBuffer *predicate = interpreter_buffer(interpreter, guard->predicate->buffer);
        if (!predicate->bytes || (*(const uint8_t *)predicate->bytes != 0) != guard->wanted)
            return false;
    }
    return true;
}

/* Sizes of what might have been fed and was not. */
static const char *bind_sizes(Interpreter *interpreter, const Kernel *kernel) {
    InterpreterBuffer *memory = interpreter_buffer(interpreter, kernel->bind);
    for (size_t k = 0; k < kernel->symbol_count; k++) {
        uint32_t number = kernel->symbols[k]->symbol->number;
        if (interpreter->is_bound[number]) continue;
        if (!memory->bytes) return "a size comes from what has no value";
        interpreter->symbols[number] =
            bits_to_integer(TFCC_INT64, bits_load(TFCC_INT64, memory->bytes, (int64_t)k));
        interpreter->is_bound[number] = true;
    }
    return NULL;
}

/* DIM_OF_VALUE symbols take the elements of the buffer. */
static const char *bind_symbols(Interpreter *interpreter, const Kernel *kernel) {
    if (kernel->symbols) return bind_sizes(interpreter, kernel);
    DimTable *dims = interpreter->program->graph->dims;
    InterpreterBuffer *memory = interpreter_buffer(interpreter, kernel->bind);
    for (size_t k = 0; k < dim_symbol_count(dims); k++) {
        const DimSymbol *symbol = dim_symbol_at(dims, k)->symbol;
        if (symbol->kind != DIM_OF_VALUE || !symbol->value || symbol->value->buffer != kernel->bind)
            continue;
        if (!memory->bytes || symbol->element >= memory->element_count)
            return "a size comes from what has no value";
        tfcc_dtype dtype = kernel->bind->type.dtype;
        interpreter->symbols[k] =
            bits_to_integer(dtype, bits_load(dtype, memory->bytes, symbol->element));
        interpreter->is_bound[k] = true;
    }
    return NULL;
}

/* Memory for an output, holding what it starts from. */
static const char *prepare_output(Interpreter *interpreter, const KernelOutput *output) {
    InterpreterBuffer *memory = interpreter_buffer(interpreter, output->buffer);
    if (output->is_optional && !memory->bytes) return NULL;
    if (memory->element_count < 0 || memory->element_count > (int64_t)1 << 31)
        return arena_format(interpreter->arena, "%s is too large", output->buffer->name);
    size_t size = (size_t)memory->element_count * dtype_size(output->buffer->type.dtype);
    if (!memory->bytes) memory->bytes = arena_alloc(interpreter->arena, size + 8);
    if (!output->initial) return NULL;
    InterpreterBuffer *initial = interpreter_buffer(interpreter, output->initial);
    if (!initial->bytes)
        return arena_format(interpreter->arena, "%s has no value yet", output->initial->name);
    memmove(memory->bytes, initial->bytes, size);
    return NULL;
}

/* The step of a scheduled program: its function with what the schedule gives it. */
static const char *carry_out_step(Interpreter *interpreter, const LoopStep *step) {
    Arena *scratch = arena_create();
    Buffer **buffers = arena_alloc_array(scratch, step->argument_count + 1, sizeof *buffers);
    Dim *numbers = arena_alloc_array(scratch, step->slot_count + 1, sizeof *numbers);
    for (size_t k = 0; k < step->argument_count; k++) buffers[k] = step->arguments[k].buffer;
    for (size_t k = 0; k < step->slot_count; k++)
        numbers[k] = interpreter->loops->slots[step->slots[k]].dim;
    const char *failure =
        interpret_function(interpreter, step->kernel, step->function, buffers, numbers);
    arena_destroy(scratch);
    return failure;
}

static const char *carry_out(Interpreter *interpreter, const Kernel *kernel) {
    const LoopProgram *loops = interpreter->loops;
    for (size_t k = 0; loops && k < loops->step_count; k++)
        if (loops->steps[k].kernel == kernel) return carry_out_step(interpreter, &loops->steps[k]);
    if (kernel->code)
        return interpret_function(interpreter, kernel, kernel->code->function,
                                  kernel->code->buffers, kernel->code->numbers);
    return interpret_points(interpreter, kernel);
}

const char *interpret_kernel(Interpreter *interpreter, const Kernel *kernel) {
    if (!guards_hold(interpreter, kernel->guard)) return NULL;
    if (kernel->kind == KERNEL_BIND) return bind_symbols(interpreter, kernel);
    for (size_t k = 0; k < kernel->output_count; k++) {
        const char *failure = prepare_output(interpreter, &kernel->outputs[k]);
        if (failure) return failure;
    }
    const char *failure = carry_out(interpreter, kernel);
    if (failure) return failure;
    for (size_t k = 0; k < kernel->output_count; k++) {
        const Buffer *buffer = kernel->outputs[k].buffer;
        if (buffer->kind == TFCC_ABI_WRITE)
            interpreter->current[buffer->variable->number] =
                interpreter->buffers[buffer->number].bytes;
    }
    return NULL;
}
