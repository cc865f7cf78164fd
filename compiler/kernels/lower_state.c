/* lower_state.c: where values come from and where they go: constants, feeds, variables, branches,
 * assertions. */
#include "kernels/lower.h"
#include "kernels/scalar_evaluate.h"
#include <string.h>

/* ---- sources ---- */

static Buffer *source(LowerContext *c, int kind) {
    Value *value = c->node->outputs[0];
    Buffer *buffer = program_add_buffer(c->program, kind,
                                        value->name ? value->name : c->node->label, value->type);
    buffer->value = value;
    buffer->variable = c->node->variable;
    buffer->is_fetchable = value->is_fetchable;
    buffer->is_feedable = value->is_feedable;
    value->buffer = buffer;
    return buffer;
}

/* Numbers that were written without a dtype may still be kept as bool, int64 or float64. */
static const ConstantData *in_dtype(LowerContext *c, const ConstantData *data, tfcc_dtype dtype) {
    if (data->dtype == dtype) return data;
    Arena *arena = c->program->arena;
    ConstantData *copy = arena_copy(arena, data, sizeof *data);
    copy->dtype = dtype;
    copy->size = (size_t)data->element_count * dtype_size(dtype);
    void *bytes = arena_alloc_array(arena, (size_t)data->element_count + 1, dtype_size(dtype));
    Kernel scratch = {.program = c->program, .name = "constant"};
    for (int64_t k = 0; k < data->element_count; k++) {
        Scalar *number =
            scalar_constant_bits(&scratch, data->dtype, bits_load(data->dtype, data->bytes, k));
        bits_store(dtype, bytes, k, scalar_convert(&scratch, dtype, number)->as.bits);
    }
    copy->bytes = bytes;
    return copy;
}

void lower_constant(LowerContext *c);
void lower_constant(LowerContext *c) {
    Buffer *buffer = source(c, TFCC_ABI_CONSTANT);
    buffer->constant = in_dtype(c, c->node->constant, buffer->type.dtype);
}

void lower_placeholder(LowerContext *c);
void lower_placeholder(LowerContext *c) {
    source(c, TFCC_ABI_PLACEHOLDER);
}

void lower_variable(LowerContext *c);
void lower_variable(LowerContext *c) {
    source(c, TFCC_ABI_START);
}

void lower_is_variable_initialized(LowerContext *c);
void lower_is_variable_initialized(LowerContext *c) {
    source(c, TFCC_ABI_INITIALIZED);
}

/* ---- variables ---- */

Buffer *lower_variable_buffer(LowerContext *c, int kind, Type type) {
    Buffer *buffer = program_add_buffer(c->program, kind, c->node->variable->name, type);
    buffer->variable = c->node->variable;
    return buffer;
}

Buffer *lower_write(LowerContext *c) {
    return source(c, TFCC_ABI_WRITE);
}

/* A copy: later writes must not be seen through it. */
void lower_read_variable(LowerContext *c);
void lower_read_variable(LowerContext *c) {
    Buffer *output = lower_output(c, 0);
    Buffer *current = lower_variable_buffer(c, TFCC_ABI_CURRENT, output->type);
    Dim axes[MAX_RANK];
    Kernel *kernel = lower_kernel_over(c, &output->type.shape, axes);
    kernel_store(kernel, output, scalar_load(kernel, current, axes));
}

/* The new value is `op` of the current one and the value; without op the value alone. */
static void lower_write_of(LowerContext *c, bool is_update, ScalarOp op) {
    Value *result = c->node->outputs[0];
    Buffer *value = lower_input(c, "value");
    Buffer *current = is_update ? lower_variable_buffer(c, TFCC_ABI_CURRENT, result->type) : NULL;
    Buffer *write = lower_write(c);
    Dim axes[MAX_RANK];
    Kernel *kernel = lower_kernel_over(c, &write->type.shape, axes);
    Scalar *element = lower_load_broadcast(kernel, value, &write->type.shape, axes);
    if (is_update) element = scalar_binary(kernel, op, scalar_load(kernel, current, axes), element);
    kernel_store(kernel, write, element);
}

void lower_assign(LowerContext *c);
void lower_assign(LowerContext *c) {
    lower_write_of(c, false, SCALAR_ADD);
}

void lower_assign_add(LowerContext *c);
void lower_assign_add(LowerContext *c) {
    lower_write_of(c, true, SCALAR_ADD);
}

void lower_assign_sub(LowerContext *c);
void lower_assign_sub(LowerContext *c) {
    lower_write_of(c, true, SCALAR_SUBTRACT);
}

/* ---- targets ---- */

/* The walk over the graph lets them stand for the kernels they depend on. */
void lower_group(LowerContext *c);
void lower_group(LowerContext *c) {
    (void)c;
}

void lower_no_op(LowerContext *c);
void lower_no_op(LowerContext *c) {
    (void)c;
}

/* ---- assert ---- */

enum { ASSERT_MAX_VALUES = 24, ASSERT_MAX_FORMS = 64 };

/* One tensor of an assertion's data: how many of its elements the message may show, and how many it
 * has. */
typedef struct Shown {
    Buffer *flat;
    Dim count;
    int64_t limit; /* at most so many are shown */
    int forms; /* messages needed: one where the count is known, else one for each count up to the
                  limit and one for more */
} Shown;

static Shown shown_of(LowerContext *c, Buffer *data, int64_t summarize, int64_t room) {
    Shown shown = {.count = shape_element_count(c->dims, &data->type.shape)};
    Shape flat = {.rank = 1, .dims = {shown.count}};
    shown.flat = program_reshape(c->program, data, &flat);
    shown.limit = summarize < 0 || summarize > room ? room : summarize;
    int64_t known;
    shown.forms = dim_is_constant(shown.count, &known) ? 1 : (int)shown.limit + 2;
    return shown;
}

/* Appends ` [a b c...]` for form number `form` and gives the condition under which the form is
 * right. */
static Scalar *print_shown(Kernel *k, Text *text, const Shown *shown, int form, Scalar **values,
                           size_t *value_count) {
    int64_t count = form, known;
    bool is_known = dim_is_constant(shown->count, &known);
    if (is_known) count = known;
    bool is_cut = count > shown->limit;
    if (is_cut) count = shown->limit;
    text_add(text, " [");
    for (int64_t n = 0; n < count; n++) {
        Scalar *index = scalar_integer(k, TFCC_INT64, n);
        Scalar *exists = scalar_less(k, index, scalar_index(k, shown->count));
        tfcc_dtype dtype = shown->flat->type.dtype;
        Scalar *element =
            scalar_load_if(k, shown->flat, &index, exists, scalar_integer(k, dtype, 0));
        text_add_format(text, "%s%%%s{%zu}", n == 0 ? "" : " ",
                        dtype_is_float(dtype)  ? "f"
                        : dtype_is_bool(dtype) ? "b"
                                               : "",
                        *value_count);
        values[(*value_count)++] = lower_widen(k, element);
    }
    text_add(text, is_cut ? "...]" : "]");
    if (is_known) return scalar_integer(k, TFCC_BOOL, 1);
    Scalar *actual = scalar_index(k, shown->count), *own = scalar_integer(k, TFCC_INT64, form);
    return form == shown->forms - 1 ? scalar_less_equal(k, own, actual)
                                    : scalar_equal(k, own, actual);
}

/* A check over the condition's elements. Tensors of unknown size are shown as long as they are:
 * there is a check with a message of its own for each of their lengths, of which the right one
 * fails. */
void lower_assert(LowerContext *c);
void lower_assert(LowerContext *c) {
    Buffer *condition = lower_input(c, "condition"), **data;
    size_t count = lower_input_list(c, "data", &data);
    int64_t summarize = node_attribute_integer(c->node, "summarize");
    Kernel *k = lower_check_kernel(c);
    Dim axes[MAX_RANK];
    kernel_add_axes(k, &condition->type.shape, axes);
    Scalar *holds = scalar_load(k, condition, axes);
    Shown *shown = arena_alloc_array(c->program->arena, count + 1, sizeof *shown);
    int64_t room = ASSERT_MAX_VALUES, known;
    int forms = 1;
    size_t shown_count = 0;
    for (; shown_count < count; shown_count++) {
        Shown one = shown_of(c, data[shown_count], summarize, room);
        if (forms * one.forms > ASSERT_MAX_FORMS) break;
        room -= dim_is_constant(one.count, &known) && known < one.limit ? known : one.limit;
        forms *= one.forms;
        shown[shown_count] = one;
    }
    for (int form = 0; form < forms; form++) {
        Text text = {.arena = c->program->arena};
        text_add(&text, "assertion failed:");
        Scalar *values[ASSERT_MAX_VALUES], *applies = scalar_integer(k, TFCC_BOOL, 1);
        size_t value_count = 0;
        int rest = form;
        for (size_t d = 0; d < shown_count; d++) {
            applies = scalar_and(
                k, applies,
                print_shown(k, &text, &shown[d], rest % shown[d].forms, values, &value_count));
            rest /= shown[d].forms;
        }
        if (shown_count < count) text_add(&text, " ...");
        kernel_check(k, scalar_or(k, holds, scalar_not(k, applies)), TFCC_INVALID_ARGUMENT,
                     lower_message(c, text.bytes), values, value_count);
    }
}

/* ---- cond ---- */

/* Output k is value k of the branch that was taken: two copies into one buffer, of which the guards
 * let one happen. */
void lower_cond(LowerContext *c);
void lower_cond(LowerContext *c) {
    Value **values, *predicate = lower_input_value(c, "pred");
    size_t count = node_input_list(c->node, "values", &values) / 2;
    for (size_t o = 0; o < count; o++) {
        Buffer *output = lower_output(c, (int)o);
        for (int branch = 0; branch < 2; branch++) {
            Buffer *from = values[branch == 0 ? o : count + o]->buffer;
            const Shape *shape = &from->type.shape;
            Kernel *kernel = lower_kernel(c);
            kernel->guard = graph_add_guard(c->graph, c->node->guard, predicate, branch == 0);
            Dim axes[MAX_RANK];
            kernel_add_axes(kernel, shape, axes);
            Scalar *index[MAX_RANK];
            int missing = output->type.shape.rank - shape->rank;
            for (int d = 0; d < output->type.shape.rank; d++)
                index[d] = d < missing ? scalar_integer(kernel, TFCC_INT64, 0)
                                       : scalar_index(kernel, axes[d - missing]);
            kernel_store_at(kernel, output, index, scalar_load(kernel, from, axes));
        }
    }
}
