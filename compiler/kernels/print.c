/* print.c: kernels as text, for --emit=kernels and for people who debug.
 *
 *     kernel y: parallel i0 < batch, i1 < 10
 *         y[i0, i1] = maximum(reduce add i2 < 784: (x[i0, i2] * w[i2, i1]), 0.0)
 *
 * An expression that is used more than once is named (t1 = …) above its first user; a name may
 * stand for an expression over reduce axes, which are then those of the place where it is used.
 */
#include "kernels/scalar_evaluate.h"
#include "loops/loops.h"
#include "support/dtype.h"
#include <math.h>
#include <string.h>
#include <tfcc/abi.h>

typedef struct Printer {
    Text *text;
    const Kernel *kernel;
    const char *indent; /* of its header: members of a group stand further in */
    uint32_t *uses;     /* by id */
    uint32_t *names;    /* by id: t1, t2, …; 0 for none */
} Printer;

static const char *const spellings[] = {
#define SCALAR(code, spelling, arity, meaning) spelling,
#include "kernels/scalar_ops.def"
#undef SCALAR
};

static const char *const combiners[] = {
    [COMBINE_ADD] = "add",           [COMBINE_MULTIPLY] = "multiply", [COMBINE_MAXIMUM] = "maximum",
    [COMBINE_MINIMUM] = "minimum",   [COMBINE_AND] = "and",           [COMBINE_OR] = "or",
    [COMBINE_ARGMAX] = "argmax",     [COMBINE_ARGMIN] = "argmin",     [COMBINE_STORE] = "store",
    [COMBINE_SUBTRACT] = "subtract",
};

static const char *infix(ScalarOp op) {
    switch (op) {
    case SCALAR_ADD: return " + ";
    case SCALAR_SUBTRACT: return " - ";
    case SCALAR_MULTIPLY: return " * ";
    case SCALAR_DIVIDE: return " / ";
    case SCALAR_REMAINDER: return " % ";
    case SCALAR_EQUAL: return " == ";
    case SCALAR_NOT_EQUAL: return " != ";
    case SCALAR_LESS: return " < ";
    case SCALAR_LESS_EQUAL: return " <= ";
    case SCALAR_AND: return " & ";
    case SCALAR_OR: return " | ";
    case SCALAR_XOR: return " ^ ";
    case SCALAR_SHIFT_LEFT: return " << ";
    case SCALAR_SHIFT_RIGHT: return " >> ";
    default: return NULL;
    }
}

static void print_scalar(Printer *printer, const Scalar *scalar);

static void print_index(Printer *printer, const Buffer *buffer, Scalar *const *index) {
    text_add_char(printer->text, '[');
    for (int k = 0; k < buffer->type.shape.rank; k++) {
        if (k > 0) text_add(printer->text, ", ");
        print_scalar(printer, index[k]);
    }
    text_add_char(printer->text, ']');
}

static void print_buffer(Text *text, const Buffer *buffer) {
    text_add(text, buffer->name);
    if (buffer->kind == TFCC_ABI_START) text_add(text, "@start");
    if (buffer->kind == TFCC_ABI_CURRENT) text_add(text, "@current");
    if (buffer->kind == TFCC_ABI_INITIALIZED) text_add(text, "@initialized");
}

static void print_constant(Text *text, const Scalar *scalar) {
    if (dtype_is_bool(scalar->dtype)) {
        text_add(text, scalar->as.bits ? "true" : "false");
    } else if (dtype_is_float(scalar->dtype)) {
        text_add_double(text, bits_to_double(scalar->dtype, scalar->as.bits),
                        scalar->dtype != TFCC_FLOAT64);
    } else if (dtype_is_unsigned(scalar->dtype)) {
        text_add_format(text, "%llu", (unsigned long long)scalar->as.bits);
    } else {
        text_add_format(text, "%lld", (long long)bits_to_integer(scalar->dtype, scalar->as.bits));
    }
}

static void print_axes(Text *text, const Dim *axes, size_t count) {
    for (size_t k = 0; k < count; k++) {
        if (k > 0) text_add(text, ", ");
        dim_print(text, axes[k]);
        text_add(text, " < ");
        dim_print(text, axes[k]->size);
    }
}

static void print_load(Printer *printer, const Scalar *scalar) {
    print_buffer(printer->text, scalar->as.load.buffer);
    print_index(printer, scalar->as.load.buffer, scalar->as.load.index);
    if (!scalar->as.load.condition) return;
    text_add(printer->text, " if ");
    print_scalar(printer, scalar->as.load.condition);
    text_add(printer->text, " else ");
    print_scalar(printer, scalar->as.load.otherwise);
}

static void print_operation(Printer *printer, const Scalar *scalar) {
    Text *text = printer->text;
    const char *sign = infix(scalar->op);
    if (sign) {
        text_add_char(text, '(');
        print_scalar(printer, scalar->operands[0]);
        text_add(text, sign);
        print_scalar(printer, scalar->operands[1]);
        text_add_char(text, ')');
        return;
    }
    bool names_dtype = scalar->op == SCALAR_CONVERT || scalar->op == SCALAR_BITCAST;
    text_add(text, scalar->op == SCALAR_CONVERT ? "" : spellings[scalar->op]);
    if (scalar->op == SCALAR_BITCAST) text_add_char(text, ' ');
    if (names_dtype) text_add(text, dtype_name(scalar->dtype));
    text_add_char(text, '(');
    for (int k = 0; k < scalar->operand_count; k++) {
        if (k > 0) text_add(text, ", ");
        print_scalar(printer, scalar->operands[k]);
    }
    text_add_char(text, ')');
}

/* The expression itself, whether it has a name or not. */
static void print_expression(Printer *printer, const Scalar *scalar) {
    Text *text = printer->text;
    switch (scalar->op) {
    case SCALAR_CONSTANT: print_constant(text, scalar); break;
    case SCALAR_INDEX: dim_print(text, scalar->as.index); break;
    case SCALAR_LOAD: print_load(printer, scalar); break;
    case SCALAR_REDUCE:
        text_add_format(text, "(reduce %s ", combiners[scalar->as.reduce.combiner]);
        print_axes(text, scalar->as.reduce.axes, (size_t)scalar->as.reduce.axis_count);
        if (scalar->as.reduce.lanes > 1) text_add_format(text, " by %d", scalar->as.reduce.lanes);
        text_add(text, ": ");
        print_scalar(printer, scalar->as.reduce.body);
        text_add_char(text, ')');
        break;
    case SCALAR_SCAN:
        text_add_format(text, "(scan%s%s %s ", scalar->as.scan.exclusive ? " exclusive" : "",
                        scalar->as.scan.reverse ? " reverse" : "",
                        combiners[scalar->as.scan.combiner]);
        dim_print(text, scalar->as.scan.axis);
        text_add(text, ": ");
        print_scalar(printer, scalar->as.scan.body);
        text_add_char(text, ')');
        break;
    default: print_operation(printer, scalar); break;
    }
}

static void print_scalar(Printer *printer, const Scalar *scalar) {
    if (printer->names[scalar->id]) {
        text_add_format(printer->text, "t%u", printer->names[scalar->id]);
    } else {
        print_expression(printer, scalar);
    }
}

static void count_uses(void *context, Scalar *scalar) {
    Printer *printer = context;
    Scalar *children[SCALAR_MAX_CHILDREN];
    size_t count = scalar_children(scalar, children);
    for (size_t k = 0; k < count; k++) printer->uses[children[k]->id]++;
}

static void count_root(void *context, Scalar *scalar) {
    ((Printer *)context)->uses[scalar->id]++;
}

/* Names what is used twice and is longer than its name, in order, operands first. */
static void print_names(Printer *printer) {
    const Kernel *kernel = printer->kernel;
    kernel_each_root(kernel, count_root, printer);
    kernel_each_scalar(kernel, count_uses, printer);
    uint32_t next = 0;
    for (size_t id = 0; id < kernel->scalar_count; id++) {
        const Scalar *scalar = kernel->scalars[id];
        if (printer->uses[id] < 2 || scalar->op == SCALAR_CONSTANT || scalar->op == SCALAR_INDEX)
            continue;
        if (scalar->op == SCALAR_LOAD && !scalar->as.load.condition) continue;
        text_add_format(printer->text, "%s    t%u = ", printer->indent, ++next);
        print_expression(printer, scalar);
        text_add_char(printer->text, '\n');
        printer->names[id] = next;
    }
}

static void print_output(Printer *printer, const KernelOutput *output) {
    Text *text = printer->text;
    text_add_format(text, "%s    ", printer->indent);
    if (output->condition) {
        text_add(text, "if ");
        print_scalar(printer, output->condition);
        text_add(text, ": ");
    }
    print_buffer(text, output->buffer);
    if (output->index) {
        print_index(printer, output->buffer, output->index);
    } else {
        text_add_char(text, '[');
        for (size_t k = 0; k < printer->kernel->axis_count; k++) {
            if (k > 0) text_add(text, ", ");
            dim_print(text, printer->kernel->axes[k]);
        }
        text_add_char(text, ']');
    }
    text_add(text, output->combine == COMBINE_STORE ? " = " : " := ");
    if (output->combine != COMBINE_STORE) text_add_format(text, "%s ", combiners[output->combine]);
    print_scalar(printer, output->value);
    if (output->initial) {
        text_add(text, "  # starts as ");
        print_buffer(text, output->initial);
    }
    if (output->is_optional) text_add(text, "  # if it is fetched");
    text_add_char(text, '\n');
}

static void print_check(Printer *printer, const KernelCheck *check) {
    text_add_format(printer->text, check->condition ? "%s    check " : "%s    may fail",
                    printer->indent);
    if (check->condition) print_scalar(printer, check->condition);
    text_add_format(printer->text, ": %s", check->message);
    for (size_t k = 0; k < check->value_count; k++) {
        text_add(printer->text, k == 0 ? "  # " : ", ");
        text_add_format(printer->text, "%%%zu is ", k);
        print_scalar(printer, check->values[k]);
    }
    text_add_char(printer->text, '\n');
}

static void print_guards(Text *text, const Guard *guard) {
    for (; guard; guard = guard->outer) {
        const Value *predicate = guard->predicate;
        text_add_format(text, "  # only if %s is %s",
                        predicate->name ? predicate->name : predicate->node->label,
                        guard->wanted ? "true" : "false");
    }
}

/* What the parameters and slots of the code are. */
static void print_code_header(Text *text, const KernelCode *code) {
    for (size_t k = 0; k < code->buffer_count; k++) {
        text_add_format(text, "%s b%zu is ", k == 0 ? ":" : ",", k);
        print_buffer(text, code->buffers[k]);
    }
    for (size_t k = 0; k < code->number_count; k++) {
        text_add_format(text, "%s slot %zu is ", k == 0 ? ";" : ",", k);
        dim_print(text, code->numbers[k]);
    }
}

/* The first line. The axes of a group stand there alone, not again at its members. */
static void print_header(Text *text, const Kernel *kernel) {
    static const char *const kinds[] = {[KERNEL_STRUCTURED] = "kernel",
                                        [KERNEL_BIND] = "bind",
                                        [KERNEL_DIRECT] = "direct",
                                        [KERNEL_GROUP] = "group"};
    size_t outer = kernel->group ? kernel->group->axis_count : 0;
    text_add_format(text, "%s %s", kinds[kernel->kind], kernel->name);
    if (kernel->kind == KERNEL_BIND) {
        text_add(text, ": sizes from ");
        print_buffer(text, kernel->bind);
    } else if (kernel->kind == KERNEL_DIRECT) {
        print_code_header(text, kernel->code);
    } else if (kernel->axis_count > outer) {
        text_add(text, kernel->kind == KERNEL_GROUP ? ": for " : ": parallel ");
        print_axes(text, kernel->axes + outer, kernel->axis_count - outer);
    }
    if (!kernel->group) print_guards(text, kernel->guard);
    if (kernel->is_alternate) text_add(text, "  # only where nothing else gives it");
    for (size_t k = 0; k < kernel->after_count; k++)
        text_add_format(text, "%s%s", k == 0 ? "  # after " : ", ", kernel->after[k]->name);
    text_add_char(text, '\n');
}

static void print_kernel(Text *text, const Kernel *kernel, const char *indent) {
    text_add(text, indent);
    print_header(text, kernel);
    if (kernel->boundary) text_add_format(text, "%s    # %s\n", indent, kernel->boundary);
    Arena *scratch = arena_create();
    for (size_t m = 0; m < kernel->member_count; m++)
        print_kernel(text, kernel->members[m], arena_format(scratch, "%s    ", indent));
    Printer printer = {.text = text, .kernel = kernel, .indent = indent};
    printer.uses = arena_alloc_array(scratch, kernel->scalar_count + 1, sizeof(uint32_t));
    printer.names = arena_alloc_array(scratch, kernel->scalar_count + 1, sizeof(uint32_t));
    if (kernel->kind == KERNEL_STRUCTURED) print_names(&printer);
    for (size_t k = 0; k < kernel->check_count && kernel->kind != KERNEL_GROUP; k++)
        print_check(&printer, &kernel->checks[k]);
    for (size_t k = 0; k < kernel->output_count && kernel->kind == KERNEL_STRUCTURED; k++)
        print_output(&printer, &kernel->outputs[k]);
    arena_destroy(scratch);
    if (kernel->code) loop_function_print(text, kernel->code->function);
}

void kernel_print(Text *text, const Kernel *kernel) {
    print_kernel(text, kernel, "");
}

static void print_buffer_line(Text *text, const Buffer *buffer) {
    static const char *const kinds[] = {
        [TFCC_ABI_CONSTANT] = "constant",
        [TFCC_ABI_PLACEHOLDER] = "placeholder",
        [TFCC_ABI_VALUE] = "value",
        [TFCC_ABI_START] = "variable",
        [TFCC_ABI_CURRENT] = "current",
        [TFCC_ABI_WRITE] = "write",
        [TFCC_ABI_INITIALIZED] = "initialized",
        [TFCC_ABI_RANDOM] = "random",
    };
    text_add_format(text, "%s ", kinds[buffer->kind]);
    print_buffer(text, buffer);
    text_add_format(text, ": %s", type_text(text->arena, &buffer->type));
    if (buffer->alias_of) {
        text_add(text, " is ");
        print_buffer(text, buffer->alias_of);
    }
    if (buffer->kind == TFCC_ABI_WRITE && buffer->variable)
        text_add_format(text, " of %s", buffer->variable->name);
    text_add_char(text, '\n');
}

/* Marks (by number) the buffers that live kernels touch, and those a run may name. */
static void mark_buffer(bool *used, Buffer *buffer) {
    used[buffer->number] = used[buffer_root(buffer)->number] = true;
}

static void mark_input(void *context, Buffer *buffer) {
    mark_buffer(context, buffer);
}

static void mark_used(const Program *program, bool *used) {
    for (size_t k = 0; k < program->buffer_count; k++)
        if (program->buffers[k]->is_fetchable || program->buffers[k]->is_feedable)
            mark_buffer(used, program->buffers[k]);
    for (size_t k = 0; k < program->kernel_count; k++) {
        const Kernel *kernel = program->kernels[k];
        if (kernel->is_dead) continue;
        kernel_each_input(kernel, mark_input, used);
        for (size_t o = 0; o < kernel->output_count; o++) {
            mark_buffer(used, kernel->outputs[o].buffer);
            if (kernel->outputs[o].initial) mark_buffer(used, kernel->outputs[o].initial);
        }
        for (const Guard *guard = kernel->guard; guard; guard = guard->outer)
            mark_buffer(used, guard->predicate->buffer);
    }
}

void program_print(Text *text, const Program *program) {
    Arena *scratch = arena_create();
    bool *used = arena_alloc(scratch, program->buffer_count + 1);
    mark_used(program, used);
    for (size_t k = 0; k < program->buffer_count; k++)
        if (used[k]) print_buffer_line(text, program->buffers[k]);
    for (size_t k = 0; k < program->kernel_count; k++) {
        if (program->kernels[k]->is_dead) continue;
        text_add_char(text, '\n');
        kernel_print(text, program->kernels[k]);
    }
    arena_destroy(scratch);
}
