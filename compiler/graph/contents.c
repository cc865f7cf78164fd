/* contents.c: the elements of small integer and bool tensors as symbolic numbers.
 *
 * So shape arithmetic vanishes: shape(x)[0] * 2 is known as an expression before anything runs.
 * Only int32, int64 and bool are followed. Elements are exact numbers; where they are known now
 * they wrap as their dtype does. What may wrap during the run is left to the limit that a shape's
 * sizes have anyway.
 */
#include "graph/rules.h"
#include "graph/slicing.h"
#include "support/dtype.h"
#include <string.h>

static bool is_followed(tfcc_dtype dtype) {
    return dtype == TFCC_INT32 || dtype == TFCC_INT64 || dtype == TFCC_BOOL;
}

/* The element count of an output that may be followed, or -1. */
static int64_t count_of(DimTable *dims, const Value *value, int64_t limit) {
    int64_t count = 0;
    if (!is_followed(value->type.dtype) || !shape_is_known(&value->type.shape)) return -1;
    if (!dim_is_constant(shape_element_count(dims, &value->type.shape), &count) || count > limit)
        return -1;
    return count;
}

/* An integer in an int32, int64 or bool tensor wraps when it is known. */
static Dim wrap_element(DimTable *dims, tfcc_dtype dtype, Dim element) {
    int64_t number;
    if (!element || element->kind == DIM_OVERFLOW) return NULL;
    if (dtype != TFCC_INT32 || !dim_is_constant(element, &number)) return element;
    return dim_constant(dims, (int32_t)(uint32_t)(uint64_t)number);
}

/* ---- One element ---- */

/* Where b may be 0 the op fails in that run; what is computed here is then of no consequence. */
static Dim quotient(DimTable *t, Dim a, Dim b) {
    if (dim_is(b, 0)) return NULL;
    Dim exact = dim_low(b) >= 0 ? dim_divide_exactly(t, a, b) : NULL;
    return exact ? exact : dim_floor_divide(t, a, b);
}

static Dim element_of_unary(DimTable *t, OpCode code, Dim x, tfcc_dtype to) {
    Dim zero = dim_constant(t, 0);
    switch (code) {
    case OP_NEGATIVE: return dim_subtract(t, zero, x);
    case OP_ABS: return dim_maximum(t, x, dim_subtract(t, zero, x));
    case OP_SQUARE: return dim_multiply(t, x, x);
    case OP_SIGN: return dim_subtract(t, dim_less(t, zero, x), dim_less(t, x, zero));
    case OP_LOGICAL_NOT: return dim_not(t, x);
    case OP_BITWISE_INVERT:
        return to == TFCC_BOOL ? dim_not(t, x) : dim_subtract(t, dim_constant(t, -1), x);
    case OP_CAST: return to == TFCC_BOOL ? dim_not(t, dim_not(t, x)) : x;
    case OP_RELU: return dim_maximum(t, x, zero);
    default: return NULL;
    }
}

static Dim element_of_binary(DimTable *t, OpCode code, Dim x, Dim y, tfcc_dtype dtype) {
    bool is_bool = dtype == TFCC_BOOL;
    switch (code) {
    case OP_ADD: return dim_add(t, x, y);
    case OP_SUBTRACT: return dim_subtract(t, x, y);
    case OP_MULTIPLY: return dim_multiply(t, x, y);
    case OP_FLOORDIV: return quotient(t, x, y);
    case OP_FLOORMOD: return dim_is(y, 0) ? NULL : dim_modulo(t, x, y);
    case OP_TRUNCATEDIV: return dim_low(x) >= 0 && dim_low(y) >= 0 ? quotient(t, x, y) : NULL;
    case OP_MAXIMUM: return dim_maximum(t, x, y);
    case OP_MINIMUM: return dim_minimum(t, x, y);
    case OP_EQUAL: return dim_equal(t, x, y);
    case OP_NOT_EQUAL: return dim_not(t, dim_equal(t, x, y));
    case OP_LESS: return dim_less(t, x, y);
    case OP_GREATER: return dim_less(t, y, x);
    case OP_LESS_EQUAL: return dim_not(t, dim_less(t, y, x));
    case OP_GREATER_EQUAL: return dim_not(t, dim_less(t, x, y));
    case OP_LOGICAL_AND: return dim_and(t, x, y);
    case OP_LOGICAL_OR: return dim_or(t, x, y);
    case OP_LOGICAL_XOR: return dim_not(t, dim_equal(t, x, y));
    case OP_BITWISE_AND: return is_bool ? dim_and(t, x, y) : NULL;
    case OP_BITWISE_OR: return is_bool ? dim_or(t, x, y) : NULL;
    case OP_BITWISE_XOR: return is_bool ? dim_not(t, dim_equal(t, x, y)) : NULL;
    default: return NULL;
    }
}

/* ---- Elementwise ops ---- */

static int64_t constant_size(const Shape *shape, int axis) {
    return shape->dims[axis]->constant;
}

/* The element of `input` that stands at linear index `at` of the output, with broadcasting; shapes
 * are known. */
static int64_t broadcast_index(const Shape *output, const Shape *input, int64_t at) {
    int64_t index = 0, stride = 1;
    for (int i = 1; i <= output->rank; i++) {
        int64_t size = constant_size(output, output->rank - i);
        int64_t position = size ? at % size : 0;
        at = size ? at / size : 0;
        if (i > input->rank) continue;
        int64_t own = constant_size(input, input->rank - i);
        if (own != 1) index += position * stride;
        stride *= own;
    }
    return index;
}

static Dim element_at(const Value *output, const Value *input, int64_t at) {
    return input->elements[broadcast_index(&output->type.shape, &input->type.shape, at)];
}

static void compute_elementwise(InferContext *c, Value *output, int64_t count) {
    GraphNode *node = c->node;
    OpCode code = node->row->code;
    for (size_t i = 0; i < node->input_count; i++)
        if (!node->inputs[i]->elements || !shape_is_known(&node->inputs[i]->type.shape)) return;
    Dim *elements = arena_alloc_array(c->graph->arena, (size_t)count + 1, sizeof *elements);
    for (int64_t i = 0; i < count; i++) {
        Dim x = element_at(output, node->inputs[0], i), result;
        if (code == OP_WHERE && node->input_count == 3)
            result = dim_select(c->dims, x, element_at(output, node->inputs[1], i),
                                element_at(output, node->inputs[2], i));
        else if (node->input_count == 2)
            result = element_of_binary(c->dims, code, x, element_at(output, node->inputs[1], i),
                                       node->inputs[0]->type.dtype);
        else
            result = element_of_unary(c->dims, code, x, output->type.dtype);
        elements[i] = wrap_element(c->dims, output->type.dtype, result);
        if (!elements[i]) return;
    }
    output->elements = elements;
}

/* ---- Ops that move elements ---- */

static void same_elements(Value *output, const Value *input) {
    output->elements = input->elements;
}

static void elements_of_slice(InferContext *c, Value *output, int64_t count,
                              const SlicePlan *plan) {
    const Value *input = c->node->inputs[0];
    if (!input->elements || !shape_is_known(&input->type.shape)) return;
    Dim *elements = arena_alloc_array(c->graph->arena, (size_t)count + 1, sizeof *elements);
    for (int64_t i = 0; i < count; i++) {
        int64_t position[MAX_RANK] = {0}, at = i, index = 0;
        for (int k = output->type.shape.rank - 1; k >= 0; k--) {
            position[k] = at % constant_size(&output->type.shape, k);
            at /= constant_size(&output->type.shape, k);
        }
        for (int k = 0; k < plan->count; k++) {
            const SliceAxis *a = &plan->axes[k];
            int64_t begin, stride;
            if (a->input_axis < 0) continue;
            if (!dim_is_constant(a->begin, &begin) || !dim_is_constant(a->stride, &stride)) return;
            index = index * constant_size(&input->type.shape, a->input_axis) + begin +
                    stride * (a->output_axis < 0 ? 0 : position[a->output_axis]);
        }
        elements[i] = input->elements[index];
    }
    output->elements = elements;
}

/* Vectors and scalars behind each other: concat along 0, stack along 0. */
static void join_elements(InferContext *c, Value *output, int64_t count) {
    Value **values;
    size_t value_count = node_input_list(c->node, "values", &values), at = 0;
    Dim *elements = arena_alloc_array(c->graph->arena, (size_t)count + 1, sizeof *elements);
    for (size_t v = 0; v < value_count; v++) {
        int64_t own = 0;
        if (!values[v]->elements ||
            !dim_is_constant(shape_element_count(c->dims, &values[v]->type.shape), &own))
            return;
        if (own)
            memcpy((void *)(elements + at), (const void *)values[v]->elements,
                   (size_t)own * sizeof *elements);
        at += (size_t)own;
    }
    output->elements = elements;
}

/* Parts of a vector, one behind the other. */
static void split_elements(InferContext *c) {
    const Value *input = c->node->inputs[0];
    size_t at = 0;
    if (!input->elements || input->type.shape.rank != 1) return;
    for (size_t i = 0; i < c->node->output_count; i++) {
        int64_t count = count_of(c->dims, c->node->outputs[i], MAXIMUM_ELEMENTS);
        if (count < 0) return;
        c->node->outputs[i]->elements = input->elements + at;
        at += (size_t)count;
    }
}

static void gather_elements(InferContext *c, Value *output, int64_t count) {
    const Value *params = input_value(c, "params");
    const int64_t *indices;
    size_t index_count;
    if (!params->elements || params->type.shape.rank != 1 ||
        node_attribute_integer(c->node, "batch_dims") != 0)
        return;
    if (!value_known_integers(c->graph->arena, input_value(c, "indices"), &indices, &index_count))
        return;
    Dim *elements = arena_alloc_array(c->graph->arena, (size_t)count + 1, sizeof *elements);
    for (int64_t i = 0; i < count; i++) {
        int64_t size = constant_size(&params->type.shape, 0), at = indices[i];
        if (at < 0 && node_attribute_bool(c->node, "negative_indices")) at += size;
        if (at < 0 || at >= size) return;
        elements[i] = params->elements[at];
    }
    output->elements = elements;
}

static void fill_elements(InferContext *c, Value *output, int64_t count, Dim element) {
    Dim *elements = arena_alloc_array(c->graph->arena, (size_t)count + 1, sizeof *elements);
    for (int64_t i = 0; i < count; i++) elements[i] = element;
    output->elements = elements;
}

/* ---- Others ---- */

static void constant_elements(InferContext *c, Value *output, int64_t count) {
    const ConstantData *data = c->node->constant;
    if (c->node->weak ? data->dtype == TFCC_FLOAT64 : data->dtype != output->type.dtype) return;
    Dim *elements = arena_alloc_array(c->graph->arena, (size_t)count + 1, sizeof *elements);
    for (int64_t i = 0; i < count; i++) {
        int64_t number = 0;
        if (data->dtype == TFCC_INT64)
            memcpy(&number, (const char *)data->bytes + 8 * i, 8);
        else if (data->dtype == TFCC_BOOL)
            number = ((const uint8_t *)data->bytes)[i] != 0;
        else {
            int32_t narrow;
            memcpy(&narrow, (const char *)data->bytes + 4 * i, 4);
            number = narrow;
        }
        elements[i] = dim_constant(c->dims, number);
    }
    output->elements = elements;
}

static void sizes_as_elements(InferContext *c, Value *output) {
    const Shape *input = input_shape(c, "input");
    if (!shape_has_rank(input)) return;
    output->elements = arena_alloc_array(c->graph->arena, MAX_RANK + 1, sizeof *output->elements);
    for (int i = 0; i < input->rank; i++) output->elements[i] = input->dims[i];
}

static void one_element(InferContext *c, Value *output, Dim element) {
    if (element->kind != DIM_OVERFLOW) fill_elements(c, output, 1, element);
}

/* Reductions of everything to a scalar. */
static void reduce_elements(InferContext *c, Value *output) {
    const Value *input = c->node->inputs[0];
    int64_t count = count_of(c->dims, input, MAXIMUM_COMPUTED_ELEMENTS);
    if (!input->elements || count < 0 || output->type.shape.rank != 0) return;
    DimTable *t = c->dims;
    OpCode code = c->node->row->code;
    bool starts_at_one = code == OP_REDUCE_PROD || code == OP_REDUCE_ALL;
    if (count == 0 && (code == OP_REDUCE_MAX || code == OP_REDUCE_MIN)) return;
    Dim result = dim_constant(t, starts_at_one);
    for (int64_t i = 0; i < count; i++) {
        Dim x = input->elements[i];
        switch (code) {
        case OP_REDUCE_SUM: result = dim_add(t, result, x); break;
        case OP_REDUCE_PROD: result = dim_multiply(t, result, x); break;
        case OP_REDUCE_MAX: result = i ? dim_maximum(t, result, x) : x; break;
        case OP_REDUCE_MIN: result = i ? dim_minimum(t, result, x) : x; break;
        case OP_REDUCE_ALL: result = dim_and(t, result, x); break;
        case OP_REDUCE_ANY: result = dim_or(t, result, x); break;
        default: return;
        }
    }
    Dim wrapped = wrap_element(t, output->type.dtype, result);
    if (wrapped) one_element(c, output, wrapped);
}

static void range_elements(InferContext *c, Value *output, int64_t count) {
    Value *start = input_value(c, "start"), *delta = input_value(c, "delta");
    Dim from = dim_constant(c->dims, 0), step = dim_constant(c->dims, 1);
    if (has_input(c, "limit")) {
        if (!start->elements) return;
        from = start->elements[0];
    }
    if (delta && !delta->elements) return;
    if (delta) step = delta->elements[0];
    Dim *elements = arena_alloc_array(c->graph->arena, (size_t)count + 1, sizeof *elements);
    for (int64_t i = 0; i < count; i++) {
        Dim element = dim_add(c->dims, from, dim_multiply(c->dims, dim_constant(c->dims, i), step));
        elements[i] = wrap_element(c->dims, output->type.dtype, element);
        if (!elements[i]) return;
    }
    output->elements = elements;
}

static void contents_of_slice(InferContext *c, Value *output, int64_t count) {
    SlicePlan plan;
    bool planned =
        c->node->row->code == OP_SLICE ? plan_slice(c, &plan) : plan_strided_slice(c, &plan);
    if (planned) elements_of_slice(c, output, count, &plan);
}

static void contents_of_output(InferContext *c, Value *output, int64_t count) {
    const Value *input = c->node->input_count ? c->node->inputs[0] : NULL;
    switch (c->node->row->code) {
    case OP_CONSTANT: constant_elements(c, output, count); break;
    case OP_SHAPE: sizes_as_elements(c, output); break;
    case OP_SIZE: one_element(c, output, shape_element_count(c->dims, &input->type.shape)); break;
    case OP_RANK: {
        const Shape *shape = &input->type.shape;
        one_element(c, output,
                    shape_has_rank(shape) ? dim_constant(c->dims, shape->rank)
                                          : shape->runtime_rank);
        break;
    }
    case OP_IDENTITY:
    case OP_STOP_GRADIENT:
    case OP_RESHAPE:
    case OP_EXPAND_DIMS:
    case OP_SQUEEZE: same_elements(output, input); break;
    case OP_SLICE:
    case OP_STRIDED_SLICE: contents_of_slice(c, output, count); break;
    case OP_GATHER: gather_elements(c, output, count); break;
    case OP_CONCAT:
        if (output->type.shape.rank == 1) join_elements(c, output, count);
        break;
    case OP_STACK:
        if (output->type.shape.rank == 1 || node_attribute_integer(c->node, "axis") == 0)
            join_elements(c, output, count);
        break;
    case OP_FILL:
        if (input_value(c, "value")->elements)
            fill_elements(c, output, count, input_value(c, "value")->elements[0]);
        break;
    case OP_ZEROS:
    case OP_ZEROS_LIKE: fill_elements(c, output, count, dim_constant(c->dims, 0)); break;
    case OP_ONES:
    case OP_ONES_LIKE: fill_elements(c, output, count, dim_constant(c->dims, 1)); break;
    case OP_RANGE: range_elements(c, output, count); break;
    case OP_REDUCE_SUM:
    case OP_REDUCE_PROD:
    case OP_REDUCE_MAX:
    case OP_REDUCE_MIN:
    case OP_REDUCE_ANY:
    case OP_REDUCE_ALL: reduce_elements(c, output); break;
    default:
        if (c->node->input_count >= 1 && c->node->input_count <= 3 &&
            count <= MAXIMUM_COMPUTED_ELEMENTS)
            compute_elementwise(c, output, count);
        break;
    }
}

/* The ops that compute_elementwise knows; all others with several inputs must not be taken for one.
 */
static bool is_elementwise(OpCode code) {
    return (code >= OP_ABS && code <= OP_BITWISE_INVERT) || code == OP_CAST ||
           (code >= OP_ADD && code <= OP_WHERE);
}

static bool has_contents(OpCode code) {
    switch (code) {
    case OP_CONSTANT:
    case OP_SHAPE:
    case OP_SIZE:
    case OP_RANK:
    case OP_IDENTITY:
    case OP_STOP_GRADIENT:
    case OP_RESHAPE:
    case OP_EXPAND_DIMS:
    case OP_SQUEEZE:
    case OP_SLICE:
    case OP_STRIDED_SLICE:
    case OP_GATHER:
    case OP_CONCAT:
    case OP_STACK:
    case OP_FILL:
    case OP_ZEROS:
    case OP_ZEROS_LIKE:
    case OP_ONES:
    case OP_ONES_LIKE:
    case OP_RANGE:
    case OP_REDUCE_SUM:
    case OP_REDUCE_PROD:
    case OP_REDUCE_MAX:
    case OP_REDUCE_MIN:
    case OP_REDUCE_ANY:
    case OP_REDUCE_ALL: return true;
    default: return is_elementwise(code);
    }
}

void infer_contents(InferContext *c) {
    OpCode code = c->node->row->code;
    if (code == OP_SPLIT || code == OP_UNSTACK) {
        if (code == OP_SPLIT || c->node->inputs[0]->type.shape.rank == 1) split_elements(c);
        return;
    }
    if (c->node->output_count != 1 || !has_contents(code)) return;
    Value *output = c->node->outputs[0];
    int64_t count = count_of(c->dims, output, MAXIMUM_ELEMENTS);
    if (count >= 0 && !output->elements && !output->is_feedable)
        contents_of_output(c, output, count);
}

/* ---- Floats ---- */

/* Which part of a list of vectors and scalars behind each other has the element, and where. */
static const Value *part_with(const GraphNode *node, int64_t *at) {
    Value **parts;
    size_t count = node_input_list(node, "values", &parts);
    for (size_t i = 0; i < count; i++) {
        const Shape *shape = &parts[i]->type.shape;
        if (shape->rank > 1 || !shape_is_known(shape)) return NULL;
        int64_t size = shape->rank ? constant_size(shape, 0) : 1;
        if (*at < size) return parts[i];
        *at -= size;
    }
    return NULL;
}

bool value_known_float(const Value *value, int64_t at, float *number) {
    int64_t whole;
    while (!value->is_feedable) {
        const GraphNode *node = value->node;
        switch (node->row->code) {
        case OP_CONSTANT:
            if (node->weak || value->type.dtype != TFCC_FLOAT32) return false;
            memcpy(number, (const float *)node->constant->bytes + at, sizeof *number);
            return true;
        case OP_CAST:
            value = node->inputs[0];
            if (!value->elements || !dim_is_constant(value->elements[at], &whole)) return false;
            *number = (float)whole;
            return true;
        case OP_IDENTITY:
        case OP_RESHAPE:
        case OP_EXPAND_DIMS:
        case OP_SQUEEZE: value = node->inputs[0]; break;
        case OP_CONCAT:
        case OP_STACK:
            if (!(value = part_with(node, &at))) return false;
            break;
        default: return false;
        }
    }
    return false;
}

/* ---- Contents that are asked for ---- */

/* Ops through which a question for contents is passed on to the inputs. */
static bool passes_on(OpCode code) {
    switch (code) {
    case OP_IDENTITY:
    case OP_STOP_GRADIENT:
    case OP_CAST:
    case OP_ADD:
    case OP_SUBTRACT:
    case OP_MULTIPLY:
    case OP_MAXIMUM:
    case OP_MINIMUM:
    case OP_RESHAPE:
    case OP_EXPAND_DIMS:
    case OP_SQUEEZE:
    case OP_CONCAT:
    case OP_STACK: return true;
    default: return false;
    }
}

bool trace_contents(Graph *graph, Value *value, int depth) {
    GraphNode *node = value->node;
    if (value->elements) return true;
    if (depth == 0 || value->is_feedable || !passes_on(node->row->code)) return false;
    for (size_t i = 0; i < node->input_count; i++) {
        Value *input = node->inputs[i];
        size_t count;
        Dim *elements;
        if (count_of(graph->dims, input, MAXIMUM_COMPUTED_ELEMENTS) < 0) return false;
        if (!trace_contents(graph, input, depth - 1) &&
            !value_contents(graph, input, &elements, &count))
            return false;
    }
    InferContext c = {graph, node, graph->dims};
    infer_contents(&c);
    return value->elements != NULL;
}
