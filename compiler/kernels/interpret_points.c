/* interpret_points.c: one kernel, point by point.
 *
 * A scalar's value is kept until an axis it depends on moves: `changed` tells for each axis when it
 * last did, on a clock that every move advances. So a REDUCE over a row is computed once per row,
 * though nothing here knows of rows. The members of a group are evaluated afresh at every step.
 */
#include "kernels/interpret_internal.h"
#include "kernels/math.h"
#include "kernels/scalar_evaluate.h"
#include "support/dtype.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <tfcc/abi.h>

enum { AXIS_SLOTS = 64 }; /* axes beyond share the last slot */

typedef struct Evaluation {
    Interpreter *interpreter;
    const Kernel *kernel;
    Arena *scratch;
    int64_t *axes;  /* by axis number */
    int64_t *sizes; /* by parallel axis */
    uint64_t clock, changed[AXIS_SLOTS];
    uint64_t *values;            /* by scalar id */
    uint64_t *stamps;            /* by scalar id: when the value was computed; 0: never */
    uint64_t *depends;           /* by scalar id: the slots of the axes it depends on */
    uint64_t **rows;             /* by scalar id: a SCAN's results along its axis */
    struct Evaluation **members; /* of a group */
    const char *failure;
} Evaluation;

static int slot_of(int axis) {
    return axis < AXIS_SLOTS ? axis : AXIS_SLOTS - 1;
}

static void move_axis(Evaluation *e, Dim axis, int64_t position) {
    e->axes[axis->axis] = position;
    e->changed[slot_of(axis->axis)] = ++e->clock;
}

static int64_t number_of(const Evaluation *e, Dim dim) {
    return dim_evaluate(dim, e->interpreter->symbols, e->axes);
}

/* ---- what depends on which axis ---- */

static uint64_t dim_axes(Dim dim) {
    uint64_t slots = dim->kind == DIM_AXIS ? UINT64_C(1) << slot_of(dim->axis) : 0;
    for (size_t k = 0; k < dim->term_count; k++) slots |= dim_axes(dim->terms[k].product);
    for (size_t k = 0; k < dim->operand_count; k++) slots |= dim_axes(dim->operands[k]);
    return slots;
}

static void find_dependences(void *context, Scalar *scalar) {
    Evaluation *e = context;
    Scalar *children[SCALAR_MAX_CHILDREN];
    size_t count = scalar_children(scalar, children);
    uint64_t slots = scalar->op == SCALAR_INDEX ? dim_axes(scalar->as.index) : 0;
    for (size_t k = 0; k < count; k++) slots |= e->depends[children[k]->id];
    if (scalar->op == SCALAR_REDUCE)
        for (int k = 0; k < scalar->as.reduce.axis_count; k++)
            if (scalar->as.reduce.axes[k]->axis < AXIS_SLOTS - 1)
                slots &= ~(UINT64_C(1) << scalar->as.reduce.axes[k]->axis);
    if (scalar->op == SCALAR_SCAN) slots |= UINT64_C(1) << slot_of(scalar->as.scan.axis->axis);
    e->depends[scalar->id] = slots;
}

static bool is_current(const Evaluation *e, uint64_t stamp, uint64_t slots) {
    if (stamp == 0) return false;
    for (; slots; slots &= slots - 1)
        if (e->changed[__builtin_ctzll(slots)] > stamp) return false;
    return true;
}

/* ---- scalars ---- */

static uint64_t evaluate(Evaluation *e, const Scalar *scalar);

static uint64_t combine(ScalarOp op, tfcc_dtype dtype, uint64_t left, uint64_t right) {
    uint64_t operands[3] = {left, right, 0};
    if (!dtype_is_narrow_float(dtype)) return scalar_evaluate(op, dtype, dtype, operands);
    for (int k = 0; k < 2; k++)
        operands[k] = scalar_evaluate(SCALAR_CONVERT, TFCC_FLOAT32, dtype, &operands[k]);
    operands[0] = scalar_evaluate(op, TFCC_FLOAT32, TFCC_FLOAT32, operands);
    return scalar_evaluate(SCALAR_CONVERT, dtype, TFCC_FLOAT32, operands);
}

/* The offset of an element, or -1 after a failure: a kernel that leaves its buffers is a fault of
 * the compiler. */
static int64_t offset_of(Evaluation *e, Buffer *buffer, Scalar *const *index, bool is_store) {
    InterpreterBuffer *memory = interpreter_buffer(e->interpreter, buffer);
    int64_t offset = 0;
    for (int k = 0; k < buffer->type.shape.rank; k++) {
        int64_t position =
            index ? (int64_t)evaluate(e, index[k]) : e->axes[e->kernel->axes[k]->axis];
        if (e->failure) return -1;
        if (position < 0 || position >= memory->dims[k]) {
            e->failure =
                arena_format(e->interpreter->arena,
                             "kernel %s: %s %s outside of it: index %d is %lld, its size %lld",
                             e->kernel->name, is_store ? "stores" : "reads", buffer->name, k,
                             (long long)position, (long long)memory->dims[k]);
            return -1;
        }
        offset = offset * memory->dims[k] + position;
    }
    return offset;
}

static uint64_t evaluate_load(Evaluation *e, const Scalar *scalar) {
    Buffer *buffer = scalar->as.load.buffer;
    if (scalar->as.load.condition && !evaluate(e, scalar->as.load.condition))
        return evaluate(e, scalar->as.load.otherwise);
    InterpreterBuffer *memory = interpreter_buffer(e->interpreter, buffer);
    if (!memory->bytes) {
        e->failure = buffer->kind == TFCC_ABI_START || buffer->kind == TFCC_ABI_CURRENT
                         ? arena_format(e->interpreter->arena, "variable '%s' has no value yet",
                                        buffer->variable->name)
                         : arena_format(e->interpreter->arena, "kernel %s: %s has no value",
                                        e->kernel->name, buffer->name);
        return 0;
    }
    int64_t offset = offset_of(e, buffer, scalar->as.load.index, false);
    return e->failure ? 0 : bits_load(scalar->dtype, memory->bytes, offset);
}

/* Combines one more point into the accumulators of a reduction. */
typedef struct Accumulator {
    uint64_t *lanes;
    int64_t best; /* of a search: the index of the largest so far */
} Accumulator;

static void accumulate(Evaluation *e, const Scalar *scalar, Accumulator *into) {
    Combiner combiner = scalar->as.reduce.combiner;
    const Scalar *body = scalar->as.reduce.body;
    int64_t innermost = e->axes[scalar->as.reduce.axes[scalar->as.reduce.axis_count - 1]->axis];
    uint64_t value = evaluate(e, body);
    if (combiner != COMBINE_ARGMAX && combiner != COMBINE_ARGMIN) {
        uint64_t *lane = &into->lanes[innermost % scalar->as.reduce.lanes];
        *lane = combine(combiner_operation(combiner, body->dtype), body->dtype, *lane, value);
        return;
    }
    bool is_better = combiner == COMBINE_ARGMAX
                         ? combine(SCALAR_LESS, body->dtype, into->lanes[0], value) != 0
                         : combine(SCALAR_LESS, body->dtype, value, into->lanes[0]) != 0;
    if (!is_better) return;
    into->lanes[0] = value;
    into->best = innermost;
}

static uint64_t evaluate_reduce(Evaluation *e, const Scalar *scalar) {
    int count = scalar->as.reduce.axis_count, lanes = scalar->as.reduce.lanes;
    const Dim *axes = scalar->as.reduce.axes;
    int64_t sizes[REDUCE_MAX_AXES];
    bool is_empty = false;
    for (int k = 0; k < count; k++) {
        sizes[k] = number_of(e, axes[k]->size);
        is_empty = is_empty || sizes[k] <= 0;
        move_axis(e, axes[k], 0);
    }
    uint64_t partial[1024];
    assert(lanes <= 1024);
    tfcc_dtype dtype = scalar->as.reduce.body->dtype;
    for (int k = 0; k < lanes; k++)
        partial[k] = combiner_identity(scalar->as.reduce.combiner, dtype);
    Accumulator accumulator = {.lanes = partial};
    while (!is_empty && !e->failure) {
        accumulate(e, scalar, &accumulator);
        int k = count - 1;
        for (; k >= 0; k--) {
            if (e->axes[axes[k]->axis] + 1 < sizes[k]) {
                move_axis(e, axes[k], e->axes[axes[k]->axis] + 1);
                break;
            }
            move_axis(e, axes[k], 0);
        }
        if (k < 0) break;
    }
    if (scalar->as.reduce.combiner == COMBINE_ARGMAX ||
        scalar->as.reduce.combiner == COMBINE_ARGMIN)
        return (uint64_t)accumulator.best;
    ScalarOp op = combiner_operation(scalar->as.reduce.combiner, dtype);
    for (int half = lanes / 2; half >= 1; half /= 2)
        for (int l = 0; l < half; l++)
            partial[l] = combine(op, dtype, partial[l], partial[l + half]);
    return partial[0];
}

/* All results along the axis at once, the first time one of them is asked for. */
static void evaluate_row(Evaluation *e, const Scalar *scalar, int64_t size) {
    Dim axis = scalar->as.scan.axis;
    tfcc_dtype dtype = scalar->dtype;
    ScalarOp op = combiner_operation(scalar->as.scan.combiner, dtype);
    uint64_t *row = arena_alloc_array(e->scratch, (size_t)size, sizeof *row);
    uint64_t running = combiner_identity(scalar->as.scan.combiner, dtype);
    int64_t here = e->axes[axis->axis];
    for (int64_t t = 0; t < size && !e->failure; t++) {
        int64_t position = scalar->as.scan.reverse ? size - 1 - t : t;
        move_axis(e, axis, position);
        uint64_t before = running;
        running = combine(op, dtype, running, evaluate(e, scalar->as.scan.body));
        row[position] = scalar->as.scan.exclusive ? before : running;
    }
    move_axis(e, axis, here);
    e->rows[scalar->id] = row;
}

static uint64_t evaluate_scan(Evaluation *e, const Scalar *scalar) {
    Dim axis = scalar->as.scan.axis;
    uint64_t others = e->depends[scalar->as.scan.body->id] & ~(UINT64_C(1) << slot_of(axis->axis));
    if (!e->rows[scalar->id] || !is_current(e, e->stamps[scalar->id], others))
        evaluate_row(e, scalar, number_of(e, axis->size));
    return e->failure ? 0 : e->rows[scalar->id][e->axes[axis->axis]];
}

static uint64_t evaluate_operation(Evaluation *e, const Scalar *scalar) {
    uint64_t operands[3] = {0};
    for (int k = 0; k < scalar->operand_count; k++) operands[k] = evaluate(e, scalar->operands[k]);
    tfcc_dtype operand = scalar->operands[scalar->op == SCALAR_SELECT ? 1 : 0]->dtype;
    return scalar_evaluate(scalar->op, scalar->dtype, operand, operands);
}

static uint64_t evaluate(Evaluation *e, const Scalar *scalar) {
    uint32_t id = scalar->id;
    if (e->failure) return 0;
    if (is_current(e, e->stamps[id], e->depends[id])) return e->values[id];
    uint64_t value;
    switch (scalar->op) {
    case SCALAR_CONSTANT: value = scalar->as.bits; break;
    case SCALAR_INDEX: value = (uint64_t)number_of(e, scalar->as.index); break;
    case SCALAR_LOAD: value = evaluate_load(e, scalar); break;
    case SCALAR_REDUCE: value = evaluate_reduce(e, scalar); break;
    case SCALAR_SCAN: value = evaluate_scan(e, scalar); break;
    default: value = evaluate_operation(e, scalar); break;
    }
    e->values[id] = value;
    e->stamps[id] = e->clock;
    return value;
}

/* ---- outputs and checks ---- */

const char *interpret_message(Arena *arena, const KernelCheck *check, const uint64_t *values,
                              const tfcc_dtype *dtypes) {
    Text text = {.arena = arena};
    text_add(&text, "");
    for (const char *at = check->message; *at; at++) {
        if (*at != '%') {
            text_add_char(&text, *at);
            continue;
        }
        char form = *++at;
        if (form == '%') {
            text_add_char(&text, '%');
            continue;
        }
        if (form == 'f' || form == 'b') at++;
        bool has_braces = *at == '{';
        size_t number = 0;
        if (has_braces) at++;
        while (*at >= '0' && *at <= '9' && (has_braces || number == 0)) {
            number = number * 10 + (size_t)(*at++ - '0');
            if (!has_braces) break;
        }
        if (!has_braces) at--;
        uint64_t bits = values[number];
        tfcc_dtype dtype = dtypes[number];
        if (form == 'b') {
            text_add(&text, bits ? "true" : "false");
        } else if (dtype_is_float(dtype)) {
            text_add_double(&text, bits_to_double(dtype, bits), dtype == TFCC_FLOAT32);
        } else if (dtype == TFCC_UINT64) {
            text_add_format(&text, "%llu", (unsigned long long)bits);
        } else {
            text_add_format(&text, "%lld", (long long)bits_to_integer(dtype, bits));
        }
    }
    return text.bytes;
}

/* The message of a check that does not hold here. */
static const char *fill_message(Evaluation *e, const KernelCheck *check) {
    uint64_t bits[TFCC_ABI_FAILURE_VALUES] = {0};
    tfcc_dtype dtypes[TFCC_ABI_FAILURE_VALUES] = {0};
    for (size_t k = 0; k < check->value_count; k++) {
        bits[k] = evaluate(e, check->values[k]);
        dtypes[k] = check->values[k]->dtype;
    }
    return interpret_message(e->interpreter->arena, check, bits, dtypes);
}

static void store_output(Evaluation *e, const KernelOutput *output) {
    if (output->condition && !evaluate(e, output->condition)) return;
    uint64_t value = evaluate(e, output->value);
    int64_t offset = e->failure ? -1 : offset_of(e, output->buffer, output->index, true);
    if (e->failure) return;
    void *bytes = e->interpreter->buffers[output->buffer->number].bytes;
    tfcc_dtype dtype = output->buffer->type.dtype;
    if (output->combine != COMBINE_STORE)
        value = combine(combiner_operation(output->combine, dtype), dtype,
                        bits_load(dtype, bytes, offset), value);
    bits_store(dtype, bytes, offset, value);
}

/* All that is stored at a point is computed before any of it is: it may be loaded there too. */
static void evaluate_outputs(Evaluation *e) {
    for (size_t k = 0; k < e->kernel->output_count && !e->failure; k++) {
        const KernelOutput *output = &e->kernel->outputs[k];
        if (!e->interpreter->buffers[output->buffer->number].bytes) continue;
        if (!output->condition || evaluate(e, output->condition)) evaluate(e, output->value);
    }
}

static void visit_point(Evaluation *e) {
    for (size_t k = 0; k < e->kernel->check_count && !e->failure; k++)
        if (!evaluate(e, e->kernel->checks[k].condition) && !e->failure)
            e->failure = fill_message(e, &e->kernel->checks[k]);
    if (e->kernel->group) evaluate_outputs(e);
    for (size_t k = 0; k < e->kernel->output_count && !e->failure; k++)
        if (e->interpreter->buffers[e->kernel->outputs[k].buffer->number].bytes)
            store_output(e, &e->kernel->outputs[k]);
}

static void visit_members(Evaluation *e);

/* Every point of the axes from `first` on, where those before it stand. */
static void visit_all(Evaluation *e, size_t first) {
    const Kernel *kernel = e->kernel;
    for (size_t k = first; k < kernel->axis_count; k++) {
        e->sizes[k] = number_of(e, kernel->axes[k]->size);
        if (e->sizes[k] <= 0) return;
        move_axis(e, kernel->axes[k], 0);
    }
    while (!e->failure) {
        if (kernel->kind == KERNEL_GROUP)
            visit_members(e);
        else
            visit_point(e);
        size_t k = kernel->axis_count;
        for (; k-- > first;) {
            Dim axis = kernel->axes[k];
            if (e->axes[axis->axis] + 1 < e->sizes[k]) {
                move_axis(e, axis, e->axes[axis->axis] + 1);
                break;
            }
            move_axis(e, axis, 0);
        }
        if (k + 1 == first) break;
    }
}

static Evaluation *evaluation_create(Interpreter *interpreter, const Kernel *kernel,
                                     Arena *scratch) {
    size_t count = kernel->scalar_count + 1;
    Evaluation *e = arena_alloc(scratch, sizeof *e);
    *e = (Evaluation){.interpreter = interpreter, .kernel = kernel, .scratch = scratch, .clock = 1};
    e->axes = arena_alloc_array(scratch, (size_t)kernel->next_axis + 1, sizeof *e->axes);
    e->sizes = arena_alloc_array(scratch, kernel->axis_count + 1, sizeof *e->sizes);
    e->values = arena_alloc_array(scratch, count, sizeof *e->values);
    e->stamps = arena_alloc_array(scratch, count, sizeof *e->stamps);
    e->depends = arena_alloc_array(scratch, count, sizeof *e->depends);
    e->rows = arena_alloc_array(scratch, count, sizeof *e->rows);
    e->members = arena_alloc_array(scratch, kernel->member_count + 1, sizeof(Evaluation *));
    for (size_t m = 0; m < kernel->member_count; m++)
        e->members[m] = evaluation_create(interpreter, kernel->members[m], scratch);
    if (kernel->kind == KERNEL_STRUCTURED) kernel_each_scalar(kernel, find_dependences, e);
    return e;
}

/* Each member at the group's current point. What they load without naming a step has changed. */
static void visit_members(Evaluation *e) {
    for (size_t m = 0; m < e->kernel->member_count && !e->failure; m++) {
        Evaluation *member = e->members[m];
        memset(member->stamps, 0, member->kernel->scalar_count * sizeof *member->stamps);
        for (size_t k = 0; k < e->kernel->axis_count; k++)
            move_axis(member, member->kernel->axes[k], e->axes[e->kernel->axes[k]->axis]);
        visit_all(member, e->kernel->axis_count);
        e->failure = member->failure;
    }
}

static Kernel *expand(Arena *arena, const Kernel *kernel) {
    Kernel *expanded = arena_copy(arena, kernel, sizeof *kernel);
    if (kernel->kind == KERNEL_STRUCTURED) math_expand_kernel(expanded);
    if (kernel->member_count == 0) return expanded;
    expanded->members = arena_alloc_array(arena, kernel->member_count, sizeof(Kernel *));
    for (size_t m = 0; m < kernel->member_count; m++)
        expanded->members[m] = expand(arena, kernel->members[m]);
    return expanded;
}

/* The kernel with its functions written out; made once, the program's own stays as it is. */
static const Kernel *expanded_kernel(Interpreter *interpreter, const Kernel *kernel) {
    Kernel **expanded = &interpreter->expanded[kernel->number];
    if (!*expanded) *expanded = expand(interpreter->arena, kernel);
    return *expanded;
}

const char *interpret_points(Interpreter *interpreter, const Kernel *kernel) {
    kernel = expanded_kernel(interpreter, kernel);
    Arena *scratch = arena_create();
    Evaluation *evaluation = evaluation_create(interpreter, kernel, scratch);
    visit_all(evaluation, 0);
    const char *failure = evaluation->failure;
    arena_destroy(scratch);
    return failure;
}
