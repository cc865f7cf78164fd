/* shapes_generate.c: rules of ops whose shape is an argument, not that of a tensor. */
#include <math.h>
#include <string.h>
#include "graph/rules.h"
#include "support/dtype.h"
#include "support/half.h"

bool shape_filled(InferContext *c) {
    Shape shape;
    if (!shape_from_sizes(c, "shape", &shape)) return false;
    set_shape(c, 0, shape);
    return true;
}

bool shape_variance_scaled(InferContext *c) { return shape_filled(c); }

bool shape_fill(InferContext *c) {
    Shape shape;
    if (!need_scalar(c, "value") || !shape_from_sizes(c, "dims", &shape)) return false;
    set_shape(c, 0, shape);
    return true;
}

bool shape_random_uniform(InferContext *c) {
    tfcc_dtype dtype = c->node->outputs[0]->type.dtype;
    if (has_input(c, "minval") && !need_scalar(c, "minval")) return false;
    if (has_input(c, "maxval") && !need_scalar(c, "maxval")) return false;
    if (!dtype_is_float(dtype) && !has_input(c, "maxval"))
        return infer_error_text(c, "%s needs a maxval", dtype_name(dtype));
    return shape_filled(c);
}

/* --- eye, diag, band_part ---------------------------------------------------------------------------------------- */

static bool scalar_size(InferContext *c, const char *parameter, Dim *size) {
    Dim *elements;
    size_t count;
    if (!need_scalar(c, parameter) || !need_contents(c, parameter, &elements, &count)) return false;
    *size = elements[0];
    return require_size(c, *size, parameter);
}

bool shape_eye(InferContext *c) {
    Shape shape = {0};
    Dim rows, columns;
    if (has_input(c, "batch_shape") && !shape_from_sizes(c, "batch_shape", &shape)) return false;
    if (!scalar_size(c, "num_rows", &rows)) return false;
    columns = rows;
    if (has_input(c, "num_columns") && !scalar_size(c, "num_columns", &columns)) return false;
    if (shape.rank + 2 > MAX_RANK) return infer_error_text(c, "the result would have %d dimensions; a tensor has at most %d", shape.rank + 2, MAX_RANK);
    shape.dims[shape.rank++] = rows;
    shape.dims[shape.rank++] = columns;
    set_shape(c, 0, shape);
    return true;
}

bool shape_band_part(InferContext *c) {
    if (!need_rank(c, "input", 2) || !need_scalar(c, "num_lower") || !need_scalar(c, "num_upper")) return false;
    set_shape(c, 0, *input_shape(c, "input"));
    return true;
}

/* Diagonal k of a matrix that is large enough: n + |k| rows and columns, of which the side away from the diagonal may be smaller
 * or larger when it is said. */
bool shape_diag(InferContext *c) {
    const Shape *diagonal = input_shape(c, "diagonal");
    if (!need_rank(c, "diagonal", 1)) return false;
    if (has_input(c, "padding_value") && !need_scalar(c, "padding_value")) return false;
    if (diagonal->rank == MAX_RANK) return infer_error_text(c, "the result would have %d dimensions; a tensor has at most %d", MAX_RANK + 1, MAX_RANK);
    int64_t k = node_attribute_integer(c->node, "k"), rows = node_attribute_integer(c->node, "num_rows"),
            columns = node_attribute_integer(c->node, "num_cols");
    if (k < -(INT64_C(1) << 40) || k > INT64_C(1) << 40) return infer_error_text(c, "k is out of range");
    Dim n = diagonal->dims[diagonal->rank - 1];
    Dim least_rows = dim_add(c->dims, n, known(c, k < 0 ? -k : 0)), least_columns = dim_add(c->dims, n, known(c, k > 0 ? k : 0));
    Dim height = rows >= 0 ? known(c, rows) : least_rows, width = columns >= 0 ? known(c, columns) : least_columns;
    Dim condition = dim_and(c->dims, dim_not(c->dims, dim_less(c->dims, height, least_rows)),
                            dim_not(c->dims, dim_less(c->dims, width, least_columns)));
    /* The diagonal has to fill the matrix from corner to edge. */
    condition = dim_and(c->dims, condition, dim_or(c->dims, dim_equal(c->dims, height, least_rows), dim_equal(c->dims, width, least_columns)));
    if (!infer_holds(condition)) {
        Sentence s = sentence_begin(c);
        sentence_text(&s, "a matrix of ");
        sentence_dim(&s, height);
        sentence_text(&s, " rows and ");
        sentence_dim(&s, width);
        sentence_text(&s, " columns does not have such a diagonal %lld: ", (long long)k);
        sentence_input(&s, c, 0);
        if (!infer_require(c, condition, &s)) return false;
    }
    Shape shape = *diagonal;
    shape.dims[shape.rank - 1] = height;
    shape.dims[shape.rank++] = width;
    set_shape(c, 0, shape);
    return true;
}

bool shape_diag_part(InferContext *c) {
    const Shape *input = input_shape(c, "input");
    if (!need_rank(c, "input", 2)) return false;
    int64_t k = node_attribute_integer(c->node, "k");
    if (k < -(INT64_C(1) << 40) || k > INT64_C(1) << 40) return infer_error_text(c, "k is out of range");
    Dim rows = dim_add(c->dims, input->dims[input->rank - 2], known(c, k < 0 ? k : 0));
    Dim columns = dim_subtract(c->dims, input->dims[input->rank - 1], known(c, k > 0 ? k : 0));
    Dim length = dim_minimum(c->dims, rows, columns);
    Dim condition = k == 0 ? known(c, 1) : dim_less(c->dims, known(c, 0), length);
    if (!infer_holds(condition)) {
        Sentence s = sentence_begin(c);
        sentence_text(&s, "there is no diagonal %lld: ", (long long)k);
        sentence_input(&s, c, 0);
        if (!infer_require(c, condition, &s)) return false;
    }
    Shape shape = *input;
    shape.rank--;
    shape.dims[shape.rank - 1] = length;
    set_shape(c, 0, shape);
    return true;
}

/* --- linspace, range --------------------------------------------------------------------------------------------- */

bool shape_linspace(InferContext *c) {
    Dim *num;
    size_t count;
    if (!need_scalar(c, "start") || !need_scalar(c, "stop") || !need_scalar(c, "num") || !need_contents(c, "num", &num, &count))
        return false;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "num has to be 1 or more, and is ");
    sentence_dim(&s, num[0]);
    if (!infer_require(c, dim_less(c->dims, known(c, 0), num[0]), &s)) return false;
    set_shape(c, 0, shape_vector(num[0]));
    return true;
}

static bool constant_number(const Value *value, double *number) {
    if (value->node->row->code != OP_CONSTANT || value->is_feedable) return false;
    const void *bytes = value->node->constant->bytes;
    uint16_t half;
    memcpy(&half, bytes, sizeof half);
    switch (value->type.dtype) {
    case TFCC_FLOAT64: memcpy(number, bytes, sizeof *number); return true;
    case TFCC_FLOAT32: *number = (double)*(const float *)bytes; return true;
    case TFCC_FLOAT16: *number = (double)float16_to_float(half); return true;
    case TFCC_BFLOAT16: *number = (double)bfloat16_to_float(half); return true;
    default: return false;
    }
}

static Value *apply_cast(InferContext *c, Value *x, tfcc_dtype dtype) {
    if (x->type.dtype == dtype) return x;
    const OpRow *row = op_row(OP_CAST);
    GraphNode *node = graph_add_node(c->graph, row, NULL, c->node, c->node->place);
    graph_add_input(c->graph, node, 0, x, c->node->place);
    node->arguments[op_parameter(row, "dtype")] = (Argument){.kind = ARGUMENT_DTYPE, .as.dtype = dtype};
    return infer_node(c->graph, node) ? node->outputs[0] : NULL;
}

/* The number of an integer scalar, as it is known or as a symbol of the run. */
static Dim scalar_contents(InferContext *c, Value *value) {
    Dim *elements;
    size_t count;
    Value *wide = value->elements || value->type.dtype == TFCC_INT32 ? value : apply_cast(c, value, TFCC_INT64);
    return wide && value_contents(c->graph, wide, &elements, &count) ? elements[0] : NULL;
}

/* max(0, ceil((limit - start) / delta)) */
static bool integer_range(InferContext *c, Value *start, Value *limit, Value *delta, Dim *size) {
    DimTable *t = c->dims;
    Dim zero = known(c, 0), one = known(c, 1);
    Dim from = start ? scalar_contents(c, start) : zero, to = scalar_contents(c, limit),
        step = delta ? scalar_contents(c, delta) : one;
    if (!from || !to || !step) return false;
    if (dim_is(step, 0)) return infer_error_text(c, "delta is 0");
    Sentence s = sentence_begin(c);
    sentence_text(&s, "delta is 0");
    if (!infer_require(c, dim_not(t, dim_equal(t, step, zero)), &s)) return false;
    Dim span = dim_subtract(t, to, from);
    Dim upward = dim_ceil_divide(t, span, dim_maximum(t, step, one));
    Dim downward = dim_ceil_divide(t, dim_subtract(t, zero, span), dim_maximum(t, dim_subtract(t, zero, step), one));
    *size = dim_maximum(t, zero, dim_select(t, dim_less(t, zero, step), upward, downward));
    return true;
}

/* ceil(|(limit - start) / delta|) in float64, now or by nodes of the graph. */
static bool float_range(InferContext *c, Value *start, Value *limit, Value *delta, Dim *size) {
    double from = 0, to = 0, step = 1;
    if ((!start || constant_number(start, &from)) && constant_number(limit, &to) && (!delta || constant_number(delta, &step))) {
        double count = ceil(fabs((to - from) / step));
        if (step == 0 || isnan(count) || count > 1e18) return infer_error_text(c, "from %g to %g by %g is no range", from, to, step);
        if ((step > 0 && from > to) || (step < 0 && from < to)) count = 0;
        *size = known(c, (int64_t)count);
        return true;
    }
    Value *span = apply_cast(c, limit, TFCC_FLOAT64);
    if (start && span) span = graph_apply(c->graph, c->node, "subtract", (Value *[]){span, apply_cast(c, start, TFCC_FLOAT64)}, 2);
    if (delta && span) span = graph_apply(c->graph, c->node, "divide", (Value *[]){span, apply_cast(c, delta, TFCC_FLOAT64)}, 2);
    if (span) span = graph_apply(c->graph, c->node, "ceil", &span, 1);
    Value *count = span ? apply_cast(c, span, TFCC_INT64) : NULL;
    if (!count) return false;
    Dim number = scalar_contents(c, count);
    *size = dim_maximum(c->dims, number, known(c, 0));
    return true;
}

/* range(limit) begins at 0: its one argument arrives as `start`. */
bool shape_range(InferContext *c) {
    Value *start = input_value(c, "start"), *limit = input_value(c, "limit"), *delta = input_value(c, "delta");
    for (size_t i = 0; i < c->node->input_count; i++)
        if (c->node->inputs[i]->type.shape.rank != 0)
            return infer_error_at(c, i, "%s is %s; it has to be a scalar", input_text(c, i),
                                  shape_text(c->graph->arena, &c->node->inputs[i]->type.shape));
    if (!limit) {
        limit = start;
        start = NULL;
    }
    Dim size;
    bool is_float = dtype_is_float(c->node->outputs[0]->type.dtype);
    if (!(is_float ? float_range : integer_range)(c, start, limit, delta, &size)) return false;
    set_shape(c, 0, shape_vector(size));
    return true;
}
