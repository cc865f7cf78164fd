/* shapes_index.c: rules of ops that look elements up by computed indices, and of those that choose
 * by a mask. */
#include "graph/ops.h"
#include "graph/rules.h"
#include "support/dtype.h"
#include <string.h>

/* Along an axis that the run gives: position p of the result is in front of the indices, one of
 * theirs, or behind them. */
static bool gather_by_run(InferContext *c, const Shape *params, const Shape *indices) {
    DimTable *t = c->dims;
    Dim is_named[MAX_RANK], size, axis = known(c, 0);
    Shape shape = {.rank = params->rank - 1 + indices->rank};
    if (!need_axis_by_run(c, "axis", params, is_named, &size)) return false;
    for (int i = 0; i < params->rank; i++)
        axis = dim_add(t, axis, dim_multiply(t, is_named[i], known(c, i)));
    for (int p = 0; p < shape.rank; p++) {
        int behind = p - indices->rank + 1; /* the dimension of params, where it is behind */
        Dim own = behind >= 0 && behind < params->rank ? params->dims[behind] : known(c, 1);
        for (int q = 0; q < indices->rank && q <= p; q++)
            own = dim_select(t, dim_equal(t, axis, known(c, p - q)), indices->dims[q], own);
        shape.dims[p] = p < params->rank
                            ? dim_select(t, dim_less(t, known(c, p), axis), params->dims[p], own)
                            : own;
    }
    set_shape(c, 0, shape);
    return true;
}

/* params [batch.., front.., n, rest..] with indices [batch.., i..] -> [batch.., front.., i..,
 * rest..] */
bool shape_gather(InferContext *c) {
    const Shape *params = input_shape(c, "params"), *indices = input_shape(c, "indices");
    if (!need_rank(c, "params", 1) || !need_rank(c, "indices", 0)) return false;
    int64_t batch = node_attribute_integer(c->node, "batch_dims");
    if (batch < 0) batch += indices->rank;
    if (batch < 0 || batch > indices->rank || batch >= params->rank)
        return infer_error_text(c, "batch_dims is %lld; params has %d dimensions, indices %d",
                                (long long)node_attribute_integer(c->node, "batch_dims"),
                                params->rank, indices->rank);
    int axis;
    if (batch == 0 && !axis_is_known(c, "axis") && params->rank - 1 + indices->rank <= MAX_RANK)
        return gather_by_run(c, params, indices);
    if (!need_axis(c, "axis", params->rank, batch, &axis)) return false;
    if (axis < batch)
        return infer_error_text(c, "axis %d is below batch_dims %lld", axis, (long long)batch);
    Shape shape = {0};
    int rank = params->rank - 1 + indices->rank - (int)batch;
    if (rank > MAX_RANK)
        return infer_error_text(c, "the result would have %d dimensions; a tensor has at most %d",
                                rank, MAX_RANK);
    for (int i = 0; i < batch; i++)
        if (!require_equal(c, params->dims[i], indices->dims[i], "batch dimensions differ",
                           input_index(c, "params"), input_index(c, "indices")))
            return false;
    for (int i = 0; i < axis; i++) shape.dims[shape.rank++] = params->dims[i];
    for (int i = (int)batch; i < indices->rank; i++) shape.dims[shape.rank++] = indices->dims[i];
    for (int i = axis + 1; i < params->rank; i++) shape.dims[shape.rank++] = params->dims[i];
    set_shape(c, 0, shape);
    return true;
}

/* How many leading dimensions the last dimension of `indices` addresses. */
static bool index_depth(InferContext *c, const Shape *indices, int limit, int *depth) {
    int64_t k;
    if (!need_rank(c, "indices", 1)) return false;
    if (!dim_is_constant(indices->dims[indices->rank - 1], &k))
        return infer_error_text(c,
                                "the last dimension of indices must be known, as the rank of the "
                                "result depends on it: %s is %s",
                                input_text(c, input_index(c, "indices")),
                                shape_text(c->graph->arena, indices));
    if (k > limit)
        return infer_error_text(
            c, "the last dimension of indices is %lld, more than the %d dimensions to index",
            (long long)k, limit);
    *depth = (int)k;
    return true;
}

bool shape_gather_nd(InferContext *c) {
    const Shape *params = input_shape(c, "params"), *indices = input_shape(c, "indices");
    if (!need_rank(c, "params", 0) || !need_rank(c, "indices", 1)) return false;
    int64_t batch = node_attribute_integer(c->node, "batch_dims");
    int depth;
    if (batch < 0 || batch >= indices->rank || batch > params->rank)
        return infer_error_text(c, "batch_dims is %lld; params has %d dimensions, indices %d",
                                (long long)batch, params->rank, indices->rank);
    if (!index_depth(c, indices, params->rank - (int)batch, &depth)) return false;
    for (int i = 0; i < batch; i++)
        if (!require_equal(c, params->dims[i], indices->dims[i], "batch dimensions differ",
                           input_index(c, "params"), input_index(c, "indices")))
            return false;
    Shape shape = {0};
    int rank = indices->rank - 1 + params->rank - depth - (int)batch;
    if (rank > MAX_RANK)
        return infer_error_text(c, "the result would have %d dimensions; a tensor has at most %d",
                                rank, MAX_RANK);
    for (int i = 0; i < indices->rank - 1; i++) shape.dims[shape.rank++] = indices->dims[i];
    for (int i = (int)batch + depth; i < params->rank; i++)
        shape.dims[shape.rank++] = params->dims[i];
    set_shape(c, 0, shape);
    return true;
}

/* Every dimension of the indices but the one along the axis lies inside that of the data. */
static bool elements_lie_inside(InferContext *c, int axis) {
    const Shape *data = input_shape(c, "data"), *indices = input_shape(c, "indices");
    if (data->rank != indices->rank)
        return infer_error_text(
            c, "the indices have to have as many dimensions as the data: indices is %s, data %s",
            shape_text(c->graph->arena, indices), shape_text(c->graph->arena, data));
    Dim condition = known(c, 1);
    for (int i = 0; i < data->rank; i++)
        if (i != axis)
            condition =
                dim_and(c->dims, condition,
                        dim_not(c->dims, dim_less(c->dims, data->dims[i], indices->dims[i])));
    if (infer_holds(condition)) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "indices reach beyond the data in a dimension other than %d: ", axis);
    sentence_input(&s, c, input_index(c, "indices"));
    sentence_text(&s, ", ");
    sentence_input(&s, c, input_index(c, "data"));
    return infer_require(c, condition, &s);
}

bool shape_gather_elements(InferContext *c) {
    int axis;
    if (!need_rank(c, "data", 1) || !need_rank(c, "indices", 1) ||
        !normalize_axis(c, node_attribute_integer(c->node, "axis"), input_shape(c, "data")->rank,
                        "axis", &axis) ||
        !elements_lie_inside(c, axis))
        return false;
    set_shape(c, 0, *input_shape(c, "indices"));
    return true;
}

bool shape_scatter_elements(InferContext *c) {
    const char *reduction = node_attribute_word(c->node, "reduction");
    int axis;
    Shape merged;
    bool is_known = false;
    const char *const words[] = {"none", "add", "mul", "max", "min"};
    for (size_t i = 0; i < 5; i++) is_known |= strcmp(reduction, words[i]) == 0;
    if (!is_known)
        return infer_error_text(c, "reduction is '%s'; it has to be none, add, mul, max or min",
                                reduction);
    if (strcmp(reduction, "none") != 0 && dtype_is_bool(input_value(c, "data")->type.dtype))
        return infer_error_text(c, "the reduction '%s' is one of numbers; data is bool", reduction);
    if (!need_rank(c, "data", 1) || !need_rank(c, "indices", 1) || !need_rank(c, "updates", 1) ||
        !normalize_axis(c, node_attribute_integer(c->node, "axis"), input_shape(c, "data")->rank,
                        "axis", &axis) ||
        !elements_lie_inside(c, axis) ||
        !require_same_shape(c, input_shape(c, "indices"), input_shape(c, "updates"),
                            input_index(c, "indices"), input_index(c, "updates"), &merged))
        return false;
    set_shape(c, 0, *input_shape(c, "data"));
    return true;
}

/* updates is [sizes of indices but the last.., sizes of shape behind the indexed ones..] */
static bool scattered_rows_fit(InferContext *c, const Shape *result) {
    const Shape *indices = input_shape(c, "indices"), *updates = input_shape(c, "updates");
    Shape shape = *result;
    int depth;
    if (!need_rank(c, "updates", 0) || !index_depth(c, indices, shape.rank, &depth)) return false;
    int rank = indices->rank - 1 + shape.rank - depth;
    Dim condition = known(c, rank == updates->rank);
    for (int i = 0; rank == updates->rank && i < rank; i++) {
        Dim wanted =
            i < indices->rank - 1 ? indices->dims[i] : shape.dims[i - (indices->rank - 1) + depth];
        condition = dim_and(c->dims, condition, dim_equal(c->dims, updates->dims[i], wanted));
    }
    set_shape(c, 0, shape);
    if (infer_holds(condition)) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "updates do not fit: ");
    sentence_input(&s, c, input_index(c, "updates"));
    sentence_text(&s, ", ");
    sentence_input(&s, c, input_index(c, "indices"));
    sentence_text(&s, ", the result ");
    sentence_shape(&s, &shape);
    return infer_require(c, condition, &s);
}

bool shape_scatter_nd(InferContext *c) {
    Shape shape;
    return shape_from_sizes(c, "shape", &shape) && scattered_rows_fit(c, &shape);
}

bool shape_tensor_scatter_nd(InferContext *c) {
    return need_rank(c, "tensor", 1) && scattered_rows_fit(c, input_shape(c, "tensor"));
}

/* The same axis may be named twice. */
static bool need_rolled_axes(InferContext *c, size_t *count) {
    int rank = input_shape(c, "input")->rank, axis;
    if (axis_is_known(c, "axis")) {
        const int64_t *numbers;
        if (!need_constants(c, "axis", "it names dimensions", &numbers, count)) return false;
        for (size_t n = 0; n < *count; n++)
            if (!normalize_axis(c, numbers[n], rank, "axis", &axis)) return false;
        return true;
    }
    Dim *axes;
    if (!need_contents(c, "axis", &axes, count)) return false;
    for (size_t n = 0; n < *count; n++)
        if (!need_axis_in_run(c, "axis", axes[n], rank)) return false;
    return true;
}

bool shape_roll(InferContext *c) {
    const Shape *input = input_shape(c, "input");
    size_t count;
    if (!need_rank(c, "input", 1) || !need_rolled_axes(c, &count)) return false;
    if (!need_rank(c, "shift", 0)) return false;
    Dim shifts = shape_element_count(c->dims, input_shape(c, "shift"));
    if (input_shape(c, "shift")->rank > 1 ||
        dim_compare(c->dims, shifts, known(c, (int64_t)count)) != DIM_YES)
        return infer_error_text(
            c, "shift and axis have to have as many elements: shift is %s, axis %s",
            shape_text(c->graph->arena, input_shape(c, "shift")),
            shape_text(c->graph->arena, input_shape(c, "axis")));
    set_shape(c, 0, *input);
    return true;
}

/* One length for each element of batch_axis. */
bool shape_reverse_sequence(InferContext *c) {
    int along, batch = 0;
    if (!need_rank(c, "input", 2) || !need_exact_rank(c, "seq_lengths", 1)) return false;
    const Shape *input = input_shape(c, "input");
    const Argument *seq = node_argument(c->node, "seq_axis"),
                   *batches = node_argument(c->node, "batch_axis");
    if (seq->kind != ARGUMENT_INTEGER)
        return infer_error_text(c, "seq_axis is missing: the dimension that the lengths are of");
    if (!normalize_axis(c, seq->as.integer, input->rank, "seq_axis", &along)) return false;
    if (batches->kind == ARGUMENT_INTEGER &&
        !normalize_axis(c, batches->as.integer, input->rank, "batch_axis", &batch))
        return false;
    if (along == batch)
        return infer_error_text(c,
                                "seq_axis and batch_axis are both %d; batch_axis is 0 where it "
                                "is left out",
                                along);
    if (!require_equal(c, input_shape(c, "seq_lengths")->dims[0], input->dims[batch],
                       "there has to be one length for each element of batch_axis", 1, 0))
        return false;
    set_shape(c, 0, *input);
    return true;
}

/* ---- Masks ---- */

/* op(x) as a node of its own in front of the one that is inferred. */
static Value *apply_with_dtype(InferContext *c, const char *op, Value *x, const char *attribute,
                               tfcc_dtype dtype) {
    const OpRow *row = op_find(op);
    GraphNode *node = graph_add_node(c->graph, row, NULL, c->node, c->node->place);
    graph_add_input(c->graph, node, 0, x, c->node->place);
    if (attribute)
        node->arguments[op_parameter(row, attribute)] =
            (Argument){.kind = ARGUMENT_DTYPE, .as.dtype = dtype};
    return graph_settle_node(c->graph, node) ? node->outputs[0] : NULL;
}

Dim infer_count_true(InferContext *c, Value *mask) {
    DimTable *t = c->dims;
    Dim *elements;
    size_t count;
    if (mask->elements && value_contents(c->graph, mask, &elements, &count)) {
        Dim sum = dim_constant(t, 0);
        for (size_t i = 0; i < count; i++)
            sum = dim_add(t, sum, dim_not(t, dim_not(t, elements[i])));
        return sum;
    }
    Value *total = apply_with_dtype(c, "count_nonzero", mask, "dtype", TFCC_INT64);
    return total && value_contents(c->graph, total, &elements, &count) ? elements[0] : NULL;
}

Dim infer_own_size(InferContext *c, Dim upper) {
    GraphNode *node = c->node;
    size_t at = node->row->output_count;
    Value *count = node->output_count > at ? node->outputs[at] : graph_add_output(c->graph, node);
    set_type(c, at, TFCC_INT64, shape_scalar());
    if (!count->elements) {
        Dim size = dim_symbol(c->dims, DIM_OF_VALUE,
                              arena_format(c->graph->arena, "%s.count", node->label));
        size->symbol->value = count;
        count->elements = arena_copy(c->graph->arena, &size, sizeof size);
    }
    count->elements[0]->symbol->minimum = 0;
    count->elements[0]->symbol->upper = upper;
    return count->elements[0];
}

bool shape_nonzero(InferContext *c) {
    if (!need_rank(c, "input", 0)) return false;
    Dim count = infer_count_true(c, input_value(c, "input"));
    if (!count) return false;
    set_shape(c, 0, (Shape){.rank = 2, .dims = {known(c, input_shape(c, "input")->rank), count}});
    return true;
}

/* What the condition does not reach is left away. */
bool shape_compress(InferContext *c) {
    const Shape *input = input_shape(c, "input");
    const Argument *given = node_argument(c->node, "axis");
    bool has_axis = given->kind == ARGUMENT_INTEGER;
    int axis = 0;
    if (!need_rank(c, "input", has_axis) || !need_exact_rank(c, "condition", 1)) return false;
    if (has_axis && !normalize_axis(c, given->as.integer, input->rank, "axis", &axis)) return false;
    Dim count = infer_count_true(c, input_value(c, "condition"));
    if (!count) return false;
    Shape shape = has_axis ? *input : shape_vector(count);
    shape.dims[axis] = count;
    set_shape(c, 0, shape);
    return true;
}

/* The mask's dimensions, from `axis` on, become one of as many as are true. */
bool shape_boolean_mask(InferContext *c) {
    const Shape *tensor = input_shape(c, "tensor"), *mask = input_shape(c, "mask");
    if (!need_rank(c, "tensor", 1) || !need_rank(c, "mask", 1)) return false;
    int axis = 0;
    const Argument *given = node_argument(c->node, "axis");
    if (given->kind == ARGUMENT_INTEGER &&
        !normalize_axis(c, given->as.integer, tensor->rank, "axis", &axis))
        return false;
    bool fits = axis + mask->rank <= tensor->rank;
    Dim condition = known(c, fits);
    for (int i = 0; fits && i < mask->rank; i++)
        condition =
            dim_and(c->dims, condition, dim_equal(c->dims, tensor->dims[axis + i], mask->dims[i]));
    if (!infer_holds(condition)) {
        Sentence s = sentence_begin(c);
        sentence_text(&s, "the mask does not fit the tensor from dimension %d on: ", axis);
        sentence_input(&s, c, input_index(c, "mask"));
        sentence_text(&s, ", ");
        sentence_input(&s, c, input_index(c, "tensor"));
        if (!infer_require(c, condition, &s)) return false;
    }
    Dim count = infer_count_true(c, input_value(c, "mask"));
    if (!count) return false;
    Shape shape = {0};
    for (int i = 0; i < axis; i++) shape.dims[shape.rank++] = tensor->dims[i];
    shape.dims[shape.rank++] = count;
    for (int i = axis + mask->rank; i < tensor->rank; i++)
        shape.dims[shape.rank++] = tensor->dims[i];
    set_shape(c, 0, shape);
    return true;
}

bool shape_one_hot(InferContext *c) {
    const Shape *indices = input_shape(c, "indices");
    Dim *depth;
    size_t count;
    int axis;
    if (!need_rank(c, "indices", 0) || !need_scalar(c, "depth") ||
        !need_contents(c, "depth", &depth, &count) || !require_size(c, depth[0], "depth"))
        return false;
    if ((has_input(c, "on_value") && !need_scalar(c, "on_value")) ||
        (has_input(c, "off_value") && !need_scalar(c, "off_value")))
        return false;
    if (indices->rank == MAX_RANK)
        return infer_error_text(c, "the result would have %d dimensions; a tensor has at most %d",
                                MAX_RANK + 1, MAX_RANK);
    if (!normalize_axis(c, node_attribute_integer(c->node, "axis"), indices->rank + 1, "axis",
                        &axis))
        return false;
    Shape shape = {.rank = indices->rank + 1};
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = i == axis ? depth[0] : indices->dims[i < axis ? i : i - 1];
    set_shape(c, 0, shape);
    return true;
}
