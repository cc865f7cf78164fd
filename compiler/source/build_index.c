/* build_index.c: x[…] as a strided_slice, the way TensorFlow's own indexing makes it.
 *
 *   i         begin i, end i + 1, and the dimension goes (shrink_axis_mask)
 *   a:b:c     begin a, end b, stride c; a part that is left out is a bit of begin_mask or end_mask
 *   ...       all dimensions in between (ellipsis_mask)      None   a new dimension of size 1
 * (new_axis_mask)
 *
 * Numbers may be nodes. A single index that turns out to be a tensor of bool is a mask:
 * boolean_mask.
 */
#include "source/build_internal.h"
#include <string.h>

enum { MOST_SUBSCRIPTS = 32 };

/* A number that is known, or a scalar that is computed. */
typedef struct Position {
    int64_t number;
    Value *value; /* NULL: the number */
    Place place;
} Position;

typedef struct Slices {
    Position begin[MOST_SUBSCRIPTS], end[MOST_SUBSCRIPTS], stride[MOST_SUBSCRIPTS];
    size_t count;
    int64_t begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask;
} Slices;

static Value *weak_integers(Builder *b, const Position *positions, size_t count, bool is_scalar,
                            Place place) {
    int64_t *numbers = arena_alloc_array(b->arena, count, sizeof *numbers);
    for (size_t i = 0; i < count; i++) numbers[i] = positions[i].number;
    ConstantData *data = arena_alloc(b->arena, sizeof *data);
    data->dtype = TFCC_INT64;
    data->rank = is_scalar ? 0 : 1;
    data->dims[0] = is_scalar ? 0 : (int64_t)count;
    data->element_count = (int64_t)count;
    data->bytes = numbers;
    data->size = count * sizeof *numbers;
    return add_constant(b, data, WEAK_INTEGER, NULL, place)->outputs[0];
}

/* The positions of all subscripts as one vector. */
static Value *position_vector(Builder *b, const Position *positions, size_t count, Place place) {
    bool is_known = true;
    for (size_t i = 0; i < count; i++) is_known &= positions[i].value == NULL;
    if (is_known) return weak_integers(b, positions, count, false, place);
    GraphNode *stack = graph_add_node(b->graph, op_row(OP_STACK), NULL, b->owner, place);
    for (size_t i = 0; i < count; i++) {
        Value *value = positions[i].value;
        if (!value) value = weak_integers(b, &positions[i], 1, true, positions[i].place);
        graph_add_input(b->graph, stack, 0, value, positions[i].place);
    }
    return stack->outputs[0];
}

/* A part of a subscript: false after a diagnostic, *is_given false for None or nothing. */
static bool read_position(Builder *b, Expression *expression, Position *position, bool *is_given) {
    *is_given = false;
    if (!expression) return true;
    position->place = expression->place;
    Operand operand = evaluate(b, expression, NULL);
    if (operand.kind == OPERAND_BROKEN) return false;
    if (operand.kind == OPERAND_NUMBER && operand.number.kind == NUMBER_NULL) return true;
    *is_given = true;
    if (operand.kind == OPERAND_NUMBER) {
        if (operand.number.kind != NUMBER_INTEGER || operand.number.integer > INT64_MAX)
            return diagnose_error(b->diagnostics, expression->place, "an index is a whole number");
        position->number = (int64_t)operand.number.integer;
        return true;
    }
    if (operand.kind == OPERAND_LIST)
        return diagnose_error(b->diagnostics, expression->place,
                              "a list is no index; gather(x, [0, 2]) takes several, "
                              "boolean_mask(x, mask) those that are true");
    position->value = operand_value(b, operand, NULL);
    return position->value != NULL;
}

static bool add_slice(Builder *b, Expression *slice, Slices *s) {
    size_t k = s->count++;
    int64_t bit = INT64_C(1) << k;
    bool is_given;
    Position *parts[] = {&s->begin[k], &s->end[k], &s->stride[k]};
    for (int i = 0; i < 3; i++) {
        *parts[i] = (Position){.number = i == 2, .place = slice->place};
        if (!read_position(b, slice->items[i], parts[i], &is_given)) return false;
        if (!is_given && i == 0) s->begin_mask |= bit;
        if (!is_given && i == 1) s->end_mask |= bit;
    }
    if (!s->stride[k].value && s->stride[k].number == 0)
        return diagnose_error(b->diagnostics, s->stride[k].place, "the step of a slice is not 0");
    return true;
}

/* i: begin i, end i + 1. */
static void add_single(Builder *b, Position begin, Slices *s) {
    size_t k = s->count++;
    Position end = {.number = begin.number + 1, .place = begin.place};
    if (begin.value) {
        Position one = {.number = 1, .place = begin.place};
        Value *inputs[] = {begin.value, weak_integers(b, &one, 1, true, begin.place)};
        Expression *places[] = {NULL, NULL};
        end.value = apply_op(b, OP_ADD, places, inputs, 2, NULL, begin.place);
    }
    s->begin[k] = begin;
    s->end[k] = end;
    s->stride[k] = (Position){.number = 1, .place = begin.place};
    s->shrink_axis_mask |= INT64_C(1) << k;
}

static void add_marker(Slices *s, int64_t *mask, Place place) {
    size_t k = s->count++;
    s->begin[k] = s->end[k] = (Position){.place = place};
    s->stride[k] = (Position){.number = 1, .place = place};
    *mask |= INT64_C(1) << k;
}

static bool add_subscript(Builder *b, Expression *subscript, Slices *s) {
    if (subscript->kind == EXPRESSION_ELLIPSIS) {
        if (s->ellipsis_mask)
            return diagnose_error(b->diagnostics, subscript->place,
                                  "an index has at most one ellipsis, `...`");
        add_marker(s, &s->ellipsis_mask, subscript->place);
        return true;
    }
    if (subscript->kind == EXPRESSION_SLICE) return add_slice(b, subscript, s);
    bool is_given;
    Position position = {0};
    if (!read_position(b, subscript, &position, &is_given)) return false;
    if (is_given)
        add_single(b, position, s);
    else
        add_marker(s, &s->new_axis_mask, subscript->place);
    return true;
}

static void set_mask(GraphNode *node, const char *name, int64_t mask) {
    node->arguments[op_parameter(node->row, name)].as.integer = mask;
}

/* The inputs of a strided_slice behind its tensor. */
static void fill_slices(Builder *b, GraphNode *node, const Slices *s, Place place) {
    Value *begin = position_vector(b, s->begin, s->count, place);
    Value *end = position_vector(b, s->end, s->count, place);
    Value *stride = position_vector(b, s->stride, s->count, place);
    graph_add_input(b->graph, node, (size_t)op_parameter(node->row, "begin"), begin, place);
    graph_add_input(b->graph, node, (size_t)op_parameter(node->row, "end"), end, place);
    graph_add_input(b->graph, node, (size_t)op_parameter(node->row, "strides"), stride, place);
    set_mask(node, "begin_mask", s->begin_mask);
    set_mask(node, "end_mask", s->end_mask);
    set_mask(node, "ellipsis_mask", s->ellipsis_mask);
    set_mask(node, "new_axis_mask", s->new_axis_mask);
    set_mask(node, "shrink_axis_mask", s->shrink_axis_mask);
}

static GraphNode *begin_index(Builder *b, const Expression *index, Value *tensor,
                              GraphNode *target) {
    GraphNode *node = begin_node(b, op_row(OP_STRIDED_SLICE), target, index->place);
    graph_add_input(b->graph, node, 0, tensor, index->items[0]->place);
    return node;
}

/* A function of its own, so that no level of x[0][0]… keeps the slices on the stack. */
__attribute__((noinline)) static GraphNode *index_by_slices(Builder *b, const Expression *index,
                                                            Value *tensor, GraphNode *target) {
    Slices slices = {0};
    for (size_t i = 1; i < index->item_count; i++)
        if (!add_subscript(b, index->items[i], &slices)) return NULL;
    GraphNode *node = begin_index(b, index, tensor, target);
    fill_slices(b, node, &slices, index->place);
    return node;
}

/* x[i], where i may turn out to be a mask. */
static GraphNode *index_by_value(Builder *b, const Expression *index, Value *tensor,
                                 GraphNode *target) {
    Expression *only = index->items[1];
    Value *single = evaluate_value(b, only);
    if (!single || !tensor) return NULL;
    GraphNode *node = begin_index(b, index, tensor, target);
    *ARENA_PUSH(b->arena, b->late, b->late_count, b->late_capacity) =
        (LateIndex){.node = node, .owner = b->owner, .index = single, .place = only->place};
    return node;
}

Operand evaluate_index(Builder *b, Expression *index, GraphNode *target) {
    Operand result = {.kind = OPERAND_BROKEN, .expression = index};
    Value *tensor = evaluate_value(b, index->items[0]);
    size_t count = index->item_count - 1;
    if (count > MOST_SUBSCRIPTS) {
        diagnose_error(b->diagnostics, index->place, "an index has at most %d parts",
                       MOST_SUBSCRIPTS);
        return result;
    }
    Expression *only = count == 1 ? index->items[1] : NULL;
    bool is_single = only && only->kind != EXPRESSION_SLICE && only->kind != EXPRESSION_ELLIPSIS &&
                     !is_literal(b, only);
    if (!tensor && !is_single) return result;
    GraphNode *node = is_single ? index_by_value(b, index, tensor, target)
                                : index_by_slices(b, index, tensor, target);
    if (!node) return result;
    result.kind = OPERAND_VALUE;
    result.value = node->outputs[0];
    result.node = node;
    return result;
}

/* ---- masks ---- */

/* The input that has the dtype of an output of this letter, or NULL. */
static Value *input_of_letter(const GraphNode *node, char letter) {
    for (size_t p = 0; p < node->row->parameter_count; p++) {
        const Argument *argument = &node->arguments[p];
        if (node->row->parameters[p].letter != letter) continue;
        if (node->row->parameters[p].kind == PARAMETER_VARIABLE && node->variable)
            return node->variable->initial;
        for (size_t i = 0; argument->kind == ARGUMENT_INPUTS && i < argument->count; i++)
            if (!node->inputs[argument->first + i]->node->weak)
                return node->inputs[argument->first + i];
    }
    return NULL;
}

/* The value that this one takes its dtype from, or NULL with *dtype: what is known without
 * inference. */
static Value *follow_dtype(const Value *value, tfcc_dtype *dtype) {
    const GraphNode *node = value->node;
    *dtype = TFCC_NONE;
    if (node->row->code == OP_CONSTANT)
        return *dtype = node->constant ? node->constant->dtype : TFCC_NONE, NULL;
    int given = op_parameter(node->row, "dtype");
    if ((node->row->code == OP_PLACEHOLDER || node->row->code == OP_VARIABLE) &&
        node->arguments[given].kind == ARGUMENT_DTYPE)
        return *dtype = node->arguments[given].as.dtype, NULL;
    if (node->row->code == OP_VARIABLE) return node->variable->initial;
    if (node->row->output_count == 0) return NULL;
    size_t last = node->row->output_count - 1;
    const OutputRow *output =
        &node->row->outputs[(size_t)value->index < last ? (size_t)value->index : last];
    if (node->row->code == OP_COND) return node->input_count > 1 ? node->inputs[1] : NULL;
    if (node->row->code == OP_WHERE) return node->input_count > 1 ? node->inputs[1] : NULL;
    if (!output->letter) return *dtype = output->dtype, NULL;
    for (size_t i = 0; i < node->row->letter_count; i++) {
        const LetterRow *letter = &node->row->letters[i];
        if (letter->letter != output->letter || letter->attribute < 0) continue;
        const Argument *argument = &node->arguments[letter->attribute];
        if (argument->kind == ARGUMENT_DTYPE) return *dtype = argument->as.dtype, NULL;
        if (letter->other) return input_of_letter(node, letter->other);
    }
    return input_of_letter(node, output->letter);
}

static bool is_bool(const Builder *b, const Value *value) {
    tfcc_dtype dtype = TFCC_NONE;
    for (size_t steps = 0; value && steps <= b->graph->node_count; steps++)
        value = follow_dtype(value, &dtype);
    return dtype == TFCC_BOOL;
}

void settle_masks(Builder *b) {
    for (size_t i = 0; i < b->late_count; i++) {
        LateIndex *late = &b->late[i];
        Value *tensor = late->node->inputs[0];
        Place tensor_place = late->node->input_places[0];
        b->owner = late->owner;
        if (is_bool(b, late->index)) {
            change_row(b, late->node, op_row(OP_BOOLEAN_MASK));
            graph_add_input(b->graph, late->node, 0, tensor, tensor_place);
            graph_add_input(b->graph, late->node, 1, late->index, late->place);
            continue;
        }
        Slices slices = {0};
        add_single(b, (Position){.value = late->index, .place = late->place}, &slices);
        fill_slices(b, late->node, &slices, late->node->place);
    }
}
