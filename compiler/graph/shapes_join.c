/* shapes_join.c: rules of ops that join tensors or take them apart. */
#include "graph/rules.h"

/* The sizes of two inputs have to agree but along the axes that are named (NULL: none); what is known
 * of either is kept in *shape. `axis` is for the sentence: -1 where there is none, or only the run
 * tells. */
static bool agree_but(InferContext *c, Shape *shape, const Shape *other, const Dim *is_named,
                      int axis, size_t x, size_t y) {
    bool same_rank = shape->rank == other->rank;
    Dim condition = known(c, same_rank);
    for (int i = 0; same_rank && i < shape->rank; i++) {
        Dim equal = dim_equal(c->dims, shape->dims[i], other->dims[i]);
        if (is_named) equal = dim_or(c->dims, equal, is_named[i]);
        condition = dim_and(c->dims, condition, equal);
        bool stays = !is_named || dim_is(is_named[i], 0);
        if (stays && other->dims[i]->kind == DIM_CONSTANT) shape->dims[i] = other->dims[i];
    }
    if (infer_holds(condition)) return true;
    Sentence s = sentence_begin(c);
    if (axis >= 0)
        sentence_text(&s, "sizes differ elsewhere than along dimension %d: ", axis);
    else
        sentence_text(&s, is_named ? "sizes differ elsewhere than along the axis: "
                                   : "shapes differ: ");
    sentence_input(&s, c, x);
    sentence_text(&s, ", ");
    sentence_input(&s, c, y);
    return infer_require(c, condition, &s);
}

static bool have_ranks(InferContext *c, size_t first, size_t count) {
    for (size_t i = first; i < first + count; i++)
        if (!shape_has_rank(&c->node->inputs[i]->type.shape))
            return infer_error_at(
                c, i, "%s has no known rank, which this op needs: give its placeholder a `shape`",
                input_text(c, i));
    return true;
}

/* The axis (0 where it is left out) as flags, its number (-1: the run gives it), and the size along
 * it. */
static bool need_axis_flags(InferContext *c, const Shape *shape, Dim *is_named, int *axis,
                            Dim *size) {
    *axis = -1;
    if (!axis_is_known(c, "axis")) return need_axis_by_run(c, "axis", shape, is_named, size);
    if (!need_axis(c, "axis", shape->rank, 0, axis)) return false;
    for (int i = 0; i < shape->rank; i++) is_named[i] = known(c, i == *axis);
    *size = shape->dims[*axis];
    return true;
}

/* The shape with another size along the axis. */
static Shape with_size(InferContext *c, const Shape *shape, const Dim *is_named, Dim size) {
    Shape result = *shape;
    for (int i = 0; i < shape->rank; i++)
        result.dims[i] = dim_select(c->dims, is_named[i], size, shape->dims[i]);
    return result;
}

static const char *axis_text(InferContext *c, int axis) {
    return axis < 0 ? "the axis" : arena_format(c->graph->arena, "dimension %d", axis);
}

bool shape_concat(InferContext *c) {
    Value **values;
    size_t count = node_input_list(c->node, "values", &values),
           first = node_argument(c->node, "values")->first;
    if (count == 0) return infer_error_text(c, "needs one value at least");
    if (!have_ranks(c, first, count)) return false;
    Shape shape = values[0]->type.shape;
    int axis;
    if (shape.rank == 0)
        return infer_error_text(c, "%s is a scalar; stack() joins scalars", input_text(c, first));
    Dim is_named[MAX_RANK], size;
    if (!need_axis_flags(c, &shape, is_named, &axis, &size)) return false;
    for (size_t i = 1; i < count; i++) {
        const Shape *other = &values[i]->type.shape;
        if (!agree_but(c, &shape, other, is_named, axis, first, first + i)) return false;
        for (int k = 0; k < shape.rank; k++)
            shape.dims[k] =
                dim_select(c->dims, is_named[k], dim_add(c->dims, shape.dims[k], other->dims[k]),
                           shape.dims[k]);
    }
    set_shape(c, 0, shape);
    return true;
}

bool shape_stack(InferContext *c) {
    Value **values;
    size_t count = node_input_list(c->node, "values", &values);
    int axis;
    if (count == 0) return infer_error_text(c, "needs one value at least");
    if (!have_ranks(c, 0, count)) return false;
    Shape part = values[0]->type.shape, shape;
    for (size_t i = 1; i < count; i++)
        if (!agree_but(c, &part, &values[i]->type.shape, NULL, -1, 0, i)) return false;
    if (part.rank == MAX_RANK)
        return infer_error_text(c, "the result would have %d dimensions; a tensor has at most %d",
                                MAX_RANK + 1, MAX_RANK);
    if (!normalize_axis(c, node_attribute_integer(c->node, "axis"), part.rank + 1, "axis", &axis))
        return false;
    shape = (Shape){.rank = part.rank + 1};
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = i == axis ? known(c, (int64_t)count) : part.dims[i < axis ? i : i - 1];
    set_shape(c, 0, shape);
    return true;
}

bool shape_unstack(InferContext *c) {
    const Shape *value = input_shape(c, "value");
    int axis;
    if (!need_rank(c, "value", 1) ||
        !normalize_axis(c, node_attribute_integer(c->node, "axis"), value->rank, "axis", &axis))
        return false;
    int64_t count = -1;
    const Argument *num = node_argument(c->node, "num");
    if (num->kind == ARGUMENT_INTEGER) {
        count = num->as.integer;
        Dim condition = dim_equal(c->dims, value->dims[axis], known(c, count));
        if (!infer_holds(condition)) {
            Sentence s = sentence_begin(c);
            sentence_text(
                &s, "num is %lld, which is not the size of dimension %d: ", (long long)count, axis);
            sentence_input(&s, c, 0);
            if (!infer_require(c, condition, &s)) return false;
        }
    } else if (!dim_is_constant(value->dims[axis], &count)) {
        return infer_error_text(
            c, "how many parts there are is not known, as %s is %s: say it by `num`",
            input_text(c, 0), shape_text(c->graph->arena, value));
    }
    if (count < 0 || !set_output_count(c, (size_t)count)) return false;
    Shape part = {0};
    for (int i = 0; i < value->rank; i++)
        if (i != axis) part.dims[part.rank++] = value->dims[i];
    for (size_t i = 0; i < (size_t)count; i++) set_shape(c, i, part);
    return true;
}

/* So many equal parts. */
static bool split_evenly(InferContext *c, const Dim *is_named, int axis, Dim size, int64_t parts) {
    const Shape *value = input_shape(c, "value");
    if (parts < 1 || parts > 1 << 16)
        return infer_error_text(c, "it cannot give %lld parts", (long long)parts);
    Dim count = known(c, parts);
    Dim condition = dim_equal(c->dims, dim_modulo(c->dims, size, count), known(c, 0));
    if (!infer_holds(condition)) {
        Sentence s = sentence_begin(c);
        sentence_text(&s, "%s does not divide into %lld equal parts: ", axis_text(c, axis),
                      (long long)parts);
        sentence_input(&s, c, input_index(c, "value"));
        if (!infer_require(c, condition, &s)) return false;
    }
    if (!set_output_count(c, (size_t)parts)) return false;
    Shape part = with_size(c, value, is_named, dim_floor_divide(c->dims, size, count));
    for (size_t i = 0; i < (size_t)parts; i++) set_shape(c, i, part);
    return true;
}

/* Parts of these sizes, of which one may be -1: what the others leave. */
static bool split_by_sizes(InferContext *c, const Dim *is_named, int axis, Dim total) {
    const Shape *value = input_shape(c, "value");
    Dim *sizes, sum = known(c, 0);
    size_t count, open = SIZE_MAX;
    if (!need_contents(c, "num_or_size_splits", &sizes, &count) || !set_output_count(c, count))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (dim_is(sizes[i], -1)) {
            if (open != SIZE_MAX) return infer_error_text(c, "only one size can be -1");
            open = i;
            continue;
        }
        if (!require_size(c, sizes[i], "a size")) return false;
        sum = dim_add(c->dims, sum, sizes[i]);
    }
    Dim left = dim_subtract(c->dims, total, sum);
    Dim condition =
        open == SIZE_MAX ? dim_equal(c->dims, sum, total) : dim_less(c->dims, known(c, -1), left);
    if (!infer_holds(condition)) {
        Sentence s = sentence_begin(c);
        sentence_text(&s, "the sizes add up to ");
        sentence_dim(&s, sum);
        sentence_text(&s, ", %s is ", axis_text(c, axis));
        sentence_dim(&s, total);
        if (!infer_require(c, condition, &s)) return false;
    }
    for (size_t i = 0; i < count; i++)
        set_shape(c, i, with_size(c, value, is_named, i == open ? left : sizes[i]));
    return true;
}

bool shape_split(InferContext *c) {
    int axis;
    int64_t parts;
    const Argument *num = node_argument(c->node, "num");
    Dim is_named[MAX_RANK], size;
    if (!need_rank(c, "value", 1) || !need_rank(c, "num_or_size_splits", 0) ||
        !need_axis_flags(c, input_shape(c, "value"), is_named, &axis, &size))
        return false;
    const Shape *how = input_shape(c, "num_or_size_splits");
    if (how->rank == 0)
        return need_constant(c, "num_or_size_splits", "it is the number of outputs", &parts) &&
               split_evenly(c, is_named, axis, size, parts);
    if (num->kind == ARGUMENT_INTEGER && how->rank == 1 &&
        dim_compare(c->dims, how->dims[0], known(c, num->as.integer)) == DIM_NO)
        return infer_error_text(c, "num is %lld, but there are other than so many sizes",
                                (long long)num->as.integer);
    return need_exact_rank(c, "num_or_size_splits", 1) && split_by_sizes(c, is_named, axis, size);
}
