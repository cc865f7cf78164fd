/* shapes_generate.c: rules of ops whose shape is an argument, not that of a tensor. */
#include "graph/rules.h"
#include "support/dtype.h"
#include "support/half.h"
#include <math.h>
#include <string.h>

bool shape_filled(InferContext *c) {
    Shape shape;
    if (!shape_from_sizes(c, "shape", &shape)) return false;
    set_shape(c, 0, shape);
    return true;
}

bool shape_variance_scaled(InferContext *c) {
    return shape_filled(c);
}

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

/* ---- eye, diag, band_part, trilu ---- */

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
    if (shape.rank + 2 > MAX_RANK)
        return infer_error_text(c, "the result would have %d dimensions; a tensor has at most %d",
                                shape.rank + 2, MAX_RANK);
    shape.dims[shape.rank++] = rows;
    shape.dims[shape.rank++] = columns;
    set_shape(c, 0, shape);
    return true;
}

bool shape_eye_like(InferContext *c) {
    if (!need_exact_rank(c, "input", 2)) return false;
    set_shape(c, 0, *input_shape(c, "input"));
    return true;
}

bool shape_trilu(InferContext *c) {
    if (!need_rank(c, "input", 2)) return false;
    if (has_input(c, "k") && dim_compare(c->dims, shape_element_count(c->dims, input_shape(c, "k")),
                                         known(c, 1)) != DIM_YES)
        return infer_error_at(c, input_index(c, "k"), "%s is %s; it has to be one number",
                              input_text(c, input_index(c, "k")),
                              shape_text(c->graph->arena, input_shape(c, "k")));
    set_shape(c, 0, *input_shape(c, "input"));
    return true;
}

bool shape_band_part(InferContext *c) {
    if (!need_rank(c, "input", 2) || !need_scalar(c, "num_lower") || !need_scalar(c, "num_upper"))
        return false;
    set_shape(c, 0, *input_shape(c, "input"));
    return true;
}

/* The diagonals `k` names: one number, or the lowest and the highest. */
static bool read_diagonals(InferContext *c, int64_t *low, int64_t *high) {
    const int64_t *numbers;
    size_t count;
    *low = *high = 0;
    if (!has_input(c, "k")) return true;
    if (!need_constants(c, "k", "the shape of the result depends on it", &numbers, &count))
        return false;
    if (count < 1 || count > 2 || numbers[0] > numbers[count - 1])
        return infer_error_text(c, "k has to be a number, or [lowest, highest]");
    *low = numbers[0];
    *high = numbers[count - 1];
    int64_t limit = INT64_C(1) << 40;
    return (*low >= -limit && *high <= limit) || infer_error_text(c, "k is out of range");
}

static int64_t above(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* The vectors of several diagonals stand as the rows of a matrix, highest first. Without sizes of
 * its own the result is the smallest square that has them. */
bool shape_diag(InferContext *c) {
    DimTable *t = c->dims;
    const Shape *diagonal = input_shape(c, "diagonal");
    int64_t low, high, rows = node_attribute_integer(c->node, "num_rows"),
                       columns = node_attribute_integer(c->node, "num_cols");
    if (!read_diagonals(c, &low, &high)) return false;
    bool is_band = low != high;
    if (!need_rank(c, "diagonal", is_band ? 2 : 1)) return false;
    if (has_input(c, "padding_value") && !need_scalar(c, "padding_value")) return false;
    Shape shape = *diagonal;
    Dim longest = shape.dims[--shape.rank];
    if (is_band) {
        Dim condition = dim_equal(t, shape.dims[--shape.rank], known(c, high - low + 1));
        Sentence s = sentence_begin(c);
        sentence_text(&s, "there have to be %lld diagonals: ", (long long)(high - low + 1));
        sentence_input(&s, c, 0);
        if (!infer_require(c, condition, &s)) return false;
    }
    if (shape.rank + 2 > MAX_RANK)
        return infer_error_text(c, "the result would have %d dimensions; a tensor has at most %d",
                                shape.rank + 2, MAX_RANK);
    Dim least_rows = dim_add(t, longest, known(c, above(-high, 0))),
        least_columns = dim_add(t, longest, known(c, above(low, 0)));
    Dim square = dim_add(t, longest, known(c, above(above(-high, 0), above(low, 0))));
    Dim height = rows >= 0 ? known(c, rows) : columns >= 0 ? least_rows : square;
    Dim width = columns >= 0 ? known(c, columns) : rows >= 0 ? least_columns : square;
    Dim condition = dim_and(t, dim_not(t, dim_less(t, height, least_rows)),
                            dim_not(t, dim_less(t, width, least_columns)));
    condition =
        dim_and(t, condition,
                dim_or(t, dim_equal(t, height, least_rows), dim_equal(t, width, least_columns)));
    if (!infer_holds(condition)) {
        Sentence s = sentence_begin(c);
        sentence_text(&s, "a matrix of ");
        sentence_dim(&s, height);
        sentence_text(&s, " rows and ");
        sentence_dim(&s, width);
        sentence_text(&s, " columns does not have such a diagonal %lld: ", (long long)high);
        sentence_input(&s, c, 0);
        if (!infer_require(c, condition, &s)) return false;
    }
    shape.dims[shape.rank++] = height;
    shape.dims[shape.rank++] = width;
    set_shape(c, 0, shape);
    return true;
}

bool shape_diag_part(InferContext *c) {
    DimTable *t = c->dims;
    const Shape *input = input_shape(c, "input");
    int64_t low, high;
    if (!need_rank(c, "input", 2) || !read_diagonals(c, &low, &high)) return false;
    if (has_input(c, "padding_value") && !need_scalar(c, "padding_value")) return false;
    Dim rows = input->dims[input->rank - 2], columns = input->dims[input->rank - 1],
        zero = known(c, 0);
    Dim longest = dim_minimum(t, dim_subtract(t, rows, known(c, above(-high, 0))),
                              dim_subtract(t, columns, known(c, above(low, 0))));
    /* Diagonal 0 is there even in a matrix without elements. */
    Dim condition =
        dim_and(t, low < 0 ? dim_less(t, dim_subtract(t, zero, rows), known(c, low)) : known(c, 1),
                high > 0 ? dim_less(t, known(c, high), columns) : known(c, 1));
    if (low > 0) condition = dim_and(t, condition, dim_less(t, known(c, low), columns));
    if (high < 0)
        condition = dim_and(t, condition, dim_less(t, dim_subtract(t, zero, rows), known(c, high)));
    if (!infer_holds(condition)) {
        Sentence s = sentence_begin(c);
        sentence_text(&s, "there is no diagonal %lld: ", (long long)(low < 0 ? low : high));
        sentence_input(&s, c, 0);
        if (!infer_require(c, condition, &s)) return false;
    }
    Shape shape = *input;
    shape.rank -= 2;
    if (low != high) shape.dims[shape.rank++] = known(c, high - low + 1);
    shape.dims[shape.rank++] = longest;
    set_shape(c, 0, shape);
    return true;
}

/* ---- linspace, range ---- */

/* start and stop broadcast; the numbers between them stand along a new dimension. Integers give what
 * their quotient is. */
bool shape_linspace(InferContext *c) {
    Dim *num;
    size_t count;
    Shape ends, shape;
    int axis;
    if (!need_rank(c, "start", 0) || !need_rank(c, "stop", 0) || !need_scalar(c, "num") ||
        !need_contents(c, "num", &num, &count) || !require_size(c, num[0], "num") ||
        !broadcast_shapes(c, input_shape(c, "start"), input_shape(c, "stop"), 0, 1, &ends))
        return false;
    if (ends.rank == MAX_RANK)
        return infer_error_text(c, "the result would have %d dimensions; a tensor has at most %d",
                                MAX_RANK + 1, MAX_RANK);
    if (!normalize_axis(c, node_attribute_integer(c->node, "axis"), ends.rank + 1, "axis", &axis))
        return false;
    shape = (Shape){.rank = ends.rank + 1};
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = i == axis ? num[0] : ends.dims[i < axis ? i : i - 1];
    set_type(c, 0, quotient_dtype(input_value(c, "start")->type.dtype), shape);
    return true;
}

static bool constant_number(const Value *value, double *number) {
    if (value->node->row->code != OP_CONSTANT || value->is_feedable) return false;
    if (!dtype_is_float(value->type.dtype)) return false;
    *number = float_element_load(value->type.dtype, value->node->constant->bytes);
    return true;
}

/* The number of an integer scalar, as it is known or as a symbol of the run. */
static Dim scalar_contents(InferContext *c, Value *value) {
    Dim *elements;
    size_t count;
    Value *wide = value->elements || value->type.dtype == TFCC_INT32
                      ? value
                      : infer_cast(c, value, TFCC_INT64);
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
    Dim fits = dim_select(t, dim_less(t, zero, step), dim_not(t, dim_less(t, to, from)),
                          dim_not(t, dim_less(t, from, to)));
    Sentence away = sentence_begin(c);
    sentence_text(&away, "a range from ");
    sentence_dim(&away, from);
    sentence_text(&away, " by ");
    sentence_dim(&away, step);
    sentence_text(&away, " leads away from its limit, ");
    sentence_dim(&away, to);
    if (!infer_require(c, fits, &away)) return false;
    Dim upward = dim_ceil_divide(t, span, dim_maximum(t, step, one));
    Dim downward = dim_ceil_divide(t, dim_subtract(t, zero, span),
                                   dim_maximum(t, dim_subtract(t, zero, step), one));
    *size = dim_maximum(t, zero, dim_select(t, dim_less(t, zero, step), upward, downward));
    return true;
}

/* ceil(|(limit - start) / delta|) in float64, now or by nodes of the graph. */
static bool float_range(InferContext *c, Value *start, Value *limit, Value *delta, Dim *size) {
    double from = 0, to = 0, step = 1;
    if ((!start || constant_number(start, &from)) && constant_number(limit, &to) &&
        (!delta || constant_number(delta, &step))) {
        double count = ceil(fabs((to - from) / step));
        if (step == 0 || isnan(count) || count > 1e18)
            return infer_error_text(c, "from %g to %g by %g is no range", from, to, step);
        if ((step > 0 && from > to) || (step < 0 && from < to))
            return infer_error_text(c, "a range from %g by %g leads away from its limit, %g", from,
                                    step, to);
        *size = known(c, (int64_t)count);
        return true;
    }
    Value *span = infer_cast(c, limit, TFCC_FLOAT64);
    if (start && span)
        span = graph_apply(c->graph, c->node, "subtract",
                           (Value *[]){span, infer_cast(c, start, TFCC_FLOAT64)}, 2);
    if (delta && span)
        span = graph_apply(c->graph, c->node, "divide",
                           (Value *[]){span, infer_cast(c, delta, TFCC_FLOAT64)}, 2);
    if (span) span = graph_apply(c->graph, c->node, "ceil", &span, 1);
    Value *count = span ? infer_cast(c, span, TFCC_INT64) : NULL;
    if (!count) return false;
    Dim number = scalar_contents(c, count);
    *size = dim_maximum(c->dims, number, known(c, 0));
    return true;
}

/* range(limit) begins at 0: its one argument arrives as `start`. */
bool shape_range(InferContext *c) {
    Value *start = input_value(c, "start"), *limit = input_value(c, "limit"),
          *delta = input_value(c, "delta");
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
