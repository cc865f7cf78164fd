/* verify.c: what has to hold of every program; the first thing that does not is told with kernel
 * and scalar. */
#include "kernels/kernel.h"
#include "kernels/math.h"
#include "kernels/scalar_internal.h"
#include "loops/loops.h"
#include "support/dtype.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <tfcc/abi.h>

typedef struct Verifier {
    const Kernel *kernel;
    bool failed;
    char *message;
    size_t size;
} Verifier;

static void complain(Verifier *verifier, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void complain(Verifier *verifier, const char *format, ...) {
    if (verifier->failed) return;
    verifier->failed = true;
    int start = snprintf(verifier->message, verifier->size, "kernel %s: ", verifier->kernel->name);
    if (start < 0 || (size_t)start >= verifier->size) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(verifier->message + start, verifier->size - (size_t)start, format, arguments);
    va_end(arguments);
}

static bool is_narrow(tfcc_dtype dtype) {
    return dtype_is_narrow_float(dtype) || dtype_is_4_bit(dtype);
}

static void verify_operation(Verifier *verifier, const Scalar *scalar) {
    tfcc_dtype first = scalar->operands[0]->dtype;
    bool moves_bits =
        scalar->op == SCALAR_CONVERT || scalar->op == SCALAR_BITCAST || scalar->op == SCALAR_SELECT;
    for (int k = 0; k < scalar->operand_count; k++)
        if (!moves_bits && is_narrow(scalar->operands[k]->dtype))
            complain(verifier, "scalar %u does arithmetic on %s", scalar->id,
                     dtype_name(scalar->operands[k]->dtype));
    switch (scalar->op) {
    case SCALAR_CONVERT:
        if ((is_narrow(first) && scalar->dtype != TFCC_FLOAT32) || dtype_is_4_bit(scalar->dtype))
            complain(verifier, "scalar %u converts %s to %s directly", scalar->id,
                     dtype_name(first), dtype_name(scalar->dtype));
        break;
    case SCALAR_BITCAST:
        if (dtype_size(first) != dtype_size(scalar->dtype))
            complain(verifier, "scalar %u casts other bits", scalar->id);
        break;
    case SCALAR_SELECT:
        if (first != TFCC_BOOL || scalar->operands[1]->dtype != scalar->dtype ||
            scalar->operands[2]->dtype != scalar->dtype)
            complain(verifier, "scalar %u selects among other dtypes", scalar->id);
        break;
    case SCALAR_EQUAL:
    case SCALAR_NOT_EQUAL:
    case SCALAR_LESS:
    case SCALAR_LESS_EQUAL:
        if (scalar->dtype != TFCC_BOOL || scalar->operands[1]->dtype != first)
            complain(verifier, "scalar %u compares other dtypes", scalar->id);
        break;
    case SCALAR_RANDOM_BITS: break;
    default:
        if (scalar->dtype != first ||
            (scalar->operand_count == 2 && scalar->operands[1]->dtype != first))
            complain(verifier, "scalar %u combines other dtypes", scalar->id);
    }
}

static void verify_scalar(void *context, Scalar *scalar) {
    Verifier *verifier = context;
    Scalar *children[SCALAR_MAX_CHILDREN];
    size_t count = scalar_children(scalar, children);
    for (size_t k = 0; k < count; k++) {
        if (children[k]->id >= scalar->id ||
            verifier->kernel->scalars[children[k]->id] != children[k])
            complain(verifier, "scalar %u uses one that is not an earlier one of the kernel",
                     scalar->id);
    }
    switch (scalar->op) {
    case SCALAR_CONSTANT: break;
    case SCALAR_INDEX:
        if (scalar->dtype != TFCC_INT64 || scalar->as.index->kind == DIM_OVERFLOW)
            complain(verifier, "scalar %u is no index", scalar->id);
        break;
    case SCALAR_LOAD:
        for (int k = 0; k < scalar->as.load.buffer->type.shape.rank; k++)
            if (scalar->as.load.index[k]->dtype != TFCC_INT64)
                complain(verifier, "load %u has an index that is not int64", scalar->id);
        if (scalar->as.load.condition && (scalar->as.load.condition->dtype != TFCC_BOOL ||
                                          scalar->as.load.otherwise->dtype != scalar->dtype))
            complain(verifier, "load %u has another condition or value", scalar->id);
        break;
    case SCALAR_REDUCE:
        if (is_narrow(scalar->as.reduce.body->dtype))
            complain(verifier, "reduce %u is of a narrow float", scalar->id);
        for (int k = 0; k < scalar->as.reduce.axis_count; k++)
            if (scalar->as.reduce.axes[k]->kind != DIM_AXIS)
                complain(verifier, "reduce %u is not over axes", scalar->id);
        break;
    case SCALAR_SCAN: {
        const Kernel *group = verifier->kernel->group;
        bool found = false;
        for (size_t k = group ? group->axis_count : 0; k < verifier->kernel->axis_count; k++)
            found = found || verifier->kernel->axes[k] == scalar->as.scan.axis;
        if (!found) complain(verifier, "scan %u is not over a parallel axis", scalar->id);
        break;
    }
    default: verify_operation(verifier, scalar); break;
    }
}

/* A combining store needs something to combine with: `initial`, or what an earlier kernel has
 * stored. */
static bool is_stored_before(const Kernel *kernel, const Buffer *buffer) {
    const Kernel *owner = kernel;
    while (owner->group) owner = owner->group;
    for (uint32_t k = 0; k < owner->number; k++) {
        const Kernel *earlier = kernel->program->kernels[k];
        for (size_t o = 0; o < earlier->output_count && !earlier->is_dead; o++)
            if (earlier->outputs[o].buffer == buffer) return true;
    }
    return false;
}

static void verify_outputs(Verifier *verifier) {
    const Kernel *kernel = verifier->kernel;
    for (size_t k = 0; k < kernel->output_count; k++) {
        const KernelOutput *output = &kernel->outputs[k];
        const Buffer *buffer = output->buffer;
        if (buffer->alias_of) complain(verifier, "%s, which it stores, is an alias", buffer->name);
        if (buffer->kind != TFCC_ABI_VALUE && buffer->kind != TFCC_ABI_WRITE)
            complain(verifier, "%s cannot be stored to", buffer->name);
        if (kernel->code) {
            if (output->value || output->index || output->condition || output->initial)
                complain(verifier, "%s is stored by code alone", buffer->name);
            continue;
        }
        if (output->value->dtype != buffer->type.dtype)
            complain(verifier, "stores %s to %s of %s", dtype_name(output->value->dtype),
                     buffer->name, dtype_name(buffer->type.dtype));
        if (!output->index && kernel->axis_count != (size_t)buffer->type.shape.rank)
            complain(verifier, "%s has another rank than the kernel's axes", buffer->name);
        for (int d = 0; output->index && d < buffer->type.shape.rank; d++)
            if (output->index[d]->dtype != TFCC_INT64)
                complain(verifier, "an index of %s is not int64", buffer->name);
        if (output->condition && output->condition->dtype != TFCC_BOOL)
            complain(verifier, "a condition of %s is no bool", buffer->name);
        if (output->combine != COMBINE_STORE && !output->initial &&
            !is_stored_before(kernel, buffer))
            complain(verifier, "%s starts from nothing", buffer->name);
        if (output->initial && output->initial->type.dtype != buffer->type.dtype)
            complain(verifier, "%s starts from another dtype", buffer->name);
    }
    for (size_t k = 0; k < kernel->check_count; k++)
        if (kernel->code ? kernel->checks[k].condition != NULL
                         : kernel->checks[k].condition->dtype != TFCC_BOOL)
            complain(verifier, "check %zu is no bool", k);
}

/* The code fits what the kernel says of it. */
static void verify_code(Verifier *verifier) {
    const Kernel *kernel = verifier->kernel;
    const KernelCode *code = kernel->code;
    const LoopFunction *function = code->function;
    size_t parameters = 0, outputs = 0;
    char message[160];
    if (!loop_function_verify(function, message, sizeof message)) {
        complain(verifier, "%s", message);
        return;
    }
    for (size_t k = 0; k < function->buffer_count; k++) {
        const LoopParameter *parameter = &function->buffers[k];
        if (parameter->is_local) continue;
        if (parameters != k || k >= code->buffer_count) break;
        const Buffer *buffer = code->buffers[parameters++];
        if (parameter->dtype != buffer->type.dtype)
            complain(verifier, "its code takes %s as another dtype", buffer->name);
        if (!parameter->is_output) continue;
        if (outputs >= kernel->output_count || kernel->outputs[outputs].buffer != buffer)
            complain(verifier, "its code stores into %s, which is no output", buffer->name);
        outputs++;
    }
    if (parameters != code->buffer_count || outputs != kernel->output_count)
        complain(verifier, "its code has other parameters");
    if (function->slot_count != code->number_count) complain(verifier, "its code has other slots");
}

/* ---- groups ---- */

typedef struct OwnLoads {
    Verifier *verifier;
    const KernelOutput *output;
} OwnLoads;

/* Whether both indices are one, or those of two steps: apart by a number in some dimension. */
static bool is_same_or_apart(const Kernel *kernel, const KernelOutput *output, const Scalar *load) {
    DimTable *dims = kernel->program->graph->dims;
    bool same = load->as.load.buffer == output->buffer, apart = false;
    for (int k = 0; k < output->buffer->type.shape.rank && load->as.load.buffer == output->buffer;
         k++) {
        Dim loaded, stored = output->index ? NULL : kernel->axes[k];
        if (output->index && output->index[k] == load->as.load.index[k]) continue;
        bool is_plain = scalar_is_index(kernel, load->as.load.index[k], &loaded) &&
                        (stored || scalar_is_index(kernel, output->index[k], &stored));
        if (is_plain && loaded == stored) continue;
        apart = apart || (is_plain && dim_is_constant(dim_subtract(dims, loaded, stored), NULL));
        same = false;
    }
    return same || apart;
}

static void verify_own_load(void *context, Scalar *scalar) {
    OwnLoads *own = context;
    if (scalar->op == SCALAR_LOAD && buffer_root(scalar->as.load.buffer) == own->output->buffer &&
        !is_same_or_apart(own->verifier->kernel, own->output, scalar))
        complain(own->verifier, "it loads %s at another element than it stores",
                 own->output->buffer->name);
}

static void verify_kernel(Verifier *verifier);

static void verify_member(const Kernel *group, const Kernel *member, Verifier *verifier) {
    verifier->kernel = member;
    if (member->group != group || member->is_dead || member->after_count > 0 ||
        member->is_alternate || (member->kind != KERNEL_STRUCTURED && member->kind != KERNEL_GROUP))
        complain(verifier, "it is no member of group %s", group->name);
    for (size_t k = 0; k < group->axis_count; k++)
        if (member->axis_count <= k || member->axes[k] != group->axes[k])
            complain(verifier, "its axis %zu is not that of group %s", k, group->name);
    for (size_t k = 0; k < member->output_count && member->kind == KERNEL_STRUCTURED; k++)
        kernel_each_scalar(member, verify_own_load, &(OwnLoads){verifier, &member->outputs[k]});
    verify_kernel(verifier);
    verifier->kernel = group;
}

static void verify_kernel(Verifier *verifier) {
    const Kernel *kernel = verifier->kernel;
    if (kernel->kind == KERNEL_BIND && !kernel->bind) complain(verifier, "it binds nothing");
    for (size_t a = 0; a < kernel->axis_count; a++)
        if (kernel->axes[a]->kind != DIM_AXIS) complain(verifier, "axis %zu is none", a);
    if (kernel->kind == KERNEL_GROUP) {
        for (size_t m = 0; m < kernel->member_count; m++)
            verify_member(kernel, kernel->members[m], verifier);
        return;
    }
    if ((kernel->kind == KERNEL_DIRECT) != (kernel->code != NULL))
        complain(verifier, "it has code, or none, against its kind");
    else if (kernel->code)
        verify_code(verifier);
    kernel_each_scalar(kernel, verify_scalar, verifier);
    verify_outputs(verifier);
}

bool program_verify(const Program *program, char *message, size_t size) {
    for (size_t k = 0; k < program->kernel_count; k++) {
        const Kernel *kernel = program->kernels[k];
        Verifier verifier = {.kernel = kernel, .message = message, .size = size};
        if (kernel->is_dead) continue;
        if (kernel->number != k)
            complain(&verifier, "its number is %u, its place %zu", kernel->number, k);
        for (size_t a = 0; a < kernel->after_count; a++)
            if (kernel->after[a]->number >= kernel->number || kernel->after[a]->is_dead)
                complain(&verifier, "it is after %s, which is no earlier kernel",
                         kernel->after[a]->name);
        verify_kernel(&verifier);
        if (verifier.failed) return false;
    }
    return true;
}
