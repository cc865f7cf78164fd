/* rules.c: the questions and requirements that many shape rules share. */
#include "graph/rules.h"

#include "support/dtype.h"
#include <assert.h>
#include <string.h>

/* ---- Inputs and outputs ---- */

bool has_input(const InferContext *c, const char *parameter) {
    return node_input(c->node, parameter) != NULL;
}

Value *input_value(const InferContext *c, const char *parameter) {
    return node_input(c->node, parameter);
}

size_t input_index(const InferContext *c, const char *parameter) {
    return node_argument(c->node, parameter)->first;
}

const Shape *input_shape(const InferContext *c, const char *parameter) {
    return &node_input(c->node, parameter)->type.shape;
}

void set_shape(InferContext *c, size_t output, Shape shape) {
    c->node->outputs[output]->type.shape = shape;
}

void set_type(InferContext *c, size_t output, tfcc_dtype dtype, Shape shape) {
    c->node->outputs[output]->type = (Type){dtype, shape};
}

bool set_output_count(InferContext *c, size_t count) {
    GraphNode *node = c->node;
    if (node->output_count > count)
        return infer_error_text(c, "%s:%zu is used, but the op has only %zu output%s", node->label,
                                node->output_count - 1, count, count == 1 ? "" : "s");
    if (count > 0 && !graph_output(c->graph, node, count - 1))
        return infer_error_text(c, "%zu outputs are more than the %u a node may have", count,
                                1u << 16);
    return true;
}

Dim known(InferContext *c, int64_t number) {
    return dim_constant(c->dims, number);
}

Shape shape_vector(Dim size) {
    return (Shape){.rank = 1, .dims = {size}};
}

bool need_rank(InferContext *c, const char *parameter, int least) {
    const Shape *shape = input_shape(c, parameter);
    size_t index = input_index(c, parameter);
    if (!shape_has_rank(shape))
        return infer_error_at(
            c, index, "%s has no known rank, which this op needs: give its placeholder a `shape`",
            input_text(c, index));
    if (shape->rank >= least) return true;
    return infer_error_at(c, index, "%s is %s, of rank %d; it needs %d dimension%s or more",
                          input_text(c, index), shape_text(c->graph->arena, shape), shape->rank,
                          least, least == 1 ? "" : "s");
}

bool need_exact_rank(InferContext *c, const char *parameter, int rank) {
    if (!need_rank(c, parameter, 0)) return false;
    const Shape *shape = input_shape(c, parameter);
    size_t index = input_index(c, parameter);
    if (shape->rank == rank) return true;
    return infer_error_at(c, index, "%s is %s; it has to be %s", input_text(c, index),
                          shape_text(c->graph->arena, shape),
                          rank == 0   ? "a scalar"
                          : rank == 1 ? "a vector"
                                      : arena_format(c->graph->arena, "of rank %d", rank));
}

bool need_scalar(InferContext *c, const char *parameter) {
    return need_exact_rank(c, parameter, 0);
}

/* ---- Contents ---- */

static bool known_element_count(DimTable *dims, const Shape *shape, int64_t *count) {
    return shape_has_rank(shape) && dim_is_constant(shape_element_count(dims, shape), count);
}

/* What the op says about its results, whatever they are. */
static void limit_symbol(DimTable *dims, const Value *value, DimSymbol *symbol) {
    OpCode code = value->node->row->code;
    if (value->type.dtype == TFCC_BOOL) {
        symbol->minimum = 0;
        symbol->upper = dim_constant(dims, 1);
    } else if (code == OP_COUNT_NONZERO || code == OP_ARGMAX || code == OP_ARGMIN) {
        symbol->minimum = 0;
        symbol->upper = shape_element_count(dims, &value->node->inputs[0]->type.shape);
    }
}

bool value_contents(Graph *graph, Value *value, Dim **elements, size_t *count) {
    int64_t total = 0;
    if (!known_element_count(graph->dims, &value->type.shape, &total) || total > MAXIMUM_ELEMENTS)
        return false;
    *count = (size_t)total;
    if (!trace_contents(graph, value, 16)) {
        assert(value->type.dtype == TFCC_INT32 || value->type.dtype == TFCC_INT64 ||
               value->type.dtype == TFCC_BOOL);
        value->elements = arena_alloc_array(graph->arena, *count + 1, sizeof *value->elements);
        const char *name = value->name ? value->name : value->node->label;
        for (size_t i = 0; i < *count; i++) {
            const char *label =
                value->type.shape.rank == 0 ? name : arena_format(graph->arena, "%s[%zu]", name, i);
            Dim symbol = dim_symbol(graph->dims, DIM_OF_VALUE, label);
            symbol->symbol->value = value;
            symbol->symbol->element = (int64_t)i;
            limit_symbol(graph->dims, value, symbol->symbol);
            value->elements[i] = symbol;
        }
    }
    *elements = value->elements;
    return true;
}

bool need_contents(InferContext *c, const char *parameter, Dim **elements, size_t *count) {
    Value *value = input_value(c, parameter);
    size_t index = input_index(c, parameter);
    if (value_contents(c->graph, value, elements, count)) return true;
    return infer_error_at(
        c, index,
        "%s is %s; how many elements it has (at most %d) must be known when the graph is compiled",
        input_text(c, index), shape_text(c->graph->arena, &value->type.shape), MAXIMUM_ELEMENTS);
}

bool need_constants(InferContext *c, const char *parameter, const char *reason,
                    const int64_t **numbers, size_t *count) {
    if (value_known_integers(c->graph->arena, input_value(c, parameter), numbers, count))
        return true;
    size_t index = input_index(c, parameter);
    return infer_error_at(c, index, "%s must be known when the graph is compiled: %s",
                          input_text(c, index), reason);
}

bool need_constant(InferContext *c, const char *parameter, const char *reason, int64_t *number) {
    const int64_t *numbers;
    size_t count;
    if (!need_constants(c, parameter, reason, &numbers, &count)) return false;
    size_t index = input_index(c, parameter);
    if (count != 1 || input_shape(c, parameter)->rank > 1)
        return infer_error_at(c, index, "%s is %s; it has to be one number", input_text(c, index),
                              shape_text(c->graph->arena, input_shape(c, parameter)));
    *number = numbers[0];
    return true;
}

Value *infer_cast(InferContext *c, Value *x, tfcc_dtype dtype) {
    if (x->type.dtype == dtype) return x;
    const OpRow *row = op_row(OP_CAST);
    GraphNode *node = graph_add_node(c->graph, row, NULL, c->node, c->node->place);
    graph_add_input(c->graph, node, 0, x, c->node->place);
    node->arguments[op_parameter(row, "dtype")] =
        (Argument){.kind = ARGUMENT_DTYPE, .as.dtype = dtype};
    return graph_settle_node(c->graph, node) ? node->outputs[0] : NULL;
}

/* ---- Requirements ---- */

bool require_size(InferContext *c, Dim size, const char *what) {
    if (dim_is_nonnegative(c->dims, size)) return true;
    if (size->kind == DIM_OVERFLOW) return infer_error_text(c, "%s is too large", what);
    Sentence s = sentence_begin(c);
    sentence_text(&s, "%s is negative: ", what);
    sentence_dim(&s, size);
    return infer_require(c, dim_less(c->dims, known(c, -1), size), &s);
}

bool require_equal(InferContext *c, Dim a, Dim b, const char *what, size_t x, size_t y) {
    Dim condition = dim_equal(c->dims, a, b);
    if (infer_holds(condition)) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "%s: ", what);
    sentence_input(&s, c, x);
    sentence_text(&s, ", ");
    sentence_input(&s, c, y);
    return infer_require(c, condition, &s);
}

bool require_same_shape(InferContext *c, const Shape *a, const Shape *b, size_t x, size_t y,
                        Shape *merged) {
    Shape first = *a, second = *b;
    if (shape_has_rank(a) != shape_has_rank(b)) {
        first = shape_has_rank(a) ? shape_widen(c, a) : *a;
        second = shape_has_rank(b) ? shape_widen(c, b) : *b;
    }
    bool fits = first.rank == second.rank;
    Dim condition = known(c, fits);
    if (fits && !shape_has_rank(&first))
        condition = dim_equal(c->dims, first.runtime_rank, second.runtime_rank);
    for (int i = 0; fits && i < first.rank; i++)
        condition = dim_and(c->dims, condition, dim_equal(c->dims, first.dims[i], second.dims[i]));
    *merged = shape_has_rank(a) ? *a : *b;
    for (int i = 0; fits && i < merged->rank && shape_has_rank(a) && shape_has_rank(b); i++)
        if (dim_is_constant(b->dims[i], NULL)) merged->dims[i] = b->dims[i];
    if (infer_holds(condition)) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "shapes differ: ");
    sentence_input(&s, c, x);
    sentence_text(&s, ", ");
    sentence_input(&s, c, y);
    return infer_require(c, condition, &s);
}

/* ---- Broadcasting ---- */

Shape shape_widen(InferContext *c, const Shape *shape) {
    if (!shape_has_rank(shape)) return *shape;
    Shape wide = {.rank = MAX_RANK, .runtime_rank = known(c, shape->rank)};
    int front = MAX_RANK - shape->rank;
    for (int i = 0; i < MAX_RANK; i++)
        wide.dims[i] = i < front ? known(c, 1) : shape->dims[i - front];
    return wide;
}

/* Sizes that differ fit together where one of them is 1. */
static Dim fit_together(DimTable *dims, Dim a, Dim b) {
    Dim one = dim_constant(dims, 1);
    if (a == b || dim_is(a, 1) || dim_is(b, 1)) return one;
    Dim condition = dim_or(dims, dim_equal(dims, a, b), dim_equal(dims, a, one));
    return dim_or(dims, condition, dim_equal(dims, b, one));
}

bool broadcast_shapes(InferContext *c, const Shape *a, const Shape *b, size_t x, size_t y,
                      Shape *result) {
    Shape first = *a, second = *b;
    *result = (Shape){0};
    if (!shape_has_rank(a) || !shape_has_rank(b)) {
        first = shape_widen(c, a);
        second = shape_widen(c, b);
        result->runtime_rank = dim_maximum(c->dims, first.runtime_rank, second.runtime_rank);
    }
    result->rank = first.rank > second.rank ? first.rank : second.rank;
    Dim condition = known(c, 1);
    for (int i = 0; i < result->rank; i++) {
        int p = i - (result->rank - first.rank), q = i - (result->rank - second.rank);
        Dim one = known(c, 1), m = p < 0 ? one : first.dims[p], n = q < 0 ? one : second.dims[q];
        result->dims[i] = dim_broadcast(c->dims, m, n);
        condition = dim_and(c->dims, condition, fit_together(c->dims, m, n));
    }
    if (infer_holds(condition)) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "cannot broadcast ");
    sentence_shape(&s, a);
    sentence_text(&s, " against ");
    sentence_shape(&s, b);
    sentence_text(&s, " (%s and %s)", input_text(c, x), input_text(c, y));
    return infer_require(c, condition, &s);
}

bool shape_from_sizes(InferContext *c, const char *parameter, Shape *shape) {
    Dim *elements;
    size_t count, index = input_index(c, parameter);
    if (!shape_has_rank(input_shape(c, parameter)) || input_shape(c, parameter)->rank > 1)
        return infer_error_at(c, index, "%s is %s; a shape is a vector of sizes",
                              input_text(c, index),
                              shape_text(c->graph->arena, input_shape(c, parameter)));
    if (!need_contents(c, parameter, &elements, &count)) return false;
    if (count > MAX_RANK)
        return infer_error_at(c, index, "a shape of %zu dimensions; a tensor has at most %d", count,
                              MAX_RANK);
    *shape = (Shape){.rank = (int)count};
    for (size_t i = 0; i < count; i++) {
        if (!require_size(c, elements[i], "a size")) return false;
        shape->dims[i] = elements[i];
    }
    return true;
}
