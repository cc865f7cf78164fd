/* axes.c: which dimensions an op's `axis` names, now or when the run tells.
 *
 * A set of axes is an array of flags, one a dimension: Dims that are 1 where the axis is named, else
 * 0. So one formula serves both, and folds to what it is where the axes are known.
 */
#include "graph/rules.h"

bool normalize_axis(InferContext *c, int64_t axis, int rank, const char *what, int *result) {
    if (axis < -rank || axis >= rank) {
        if (rank == 0)
            return infer_error_text(c, "%s %lld is out of range: a scalar has no dimensions", what,
                                    (long long)axis);
        return infer_error_text(c,
                                "%s %lld is out of range: with %d dimension%s it is from %d to %d",
                                what, (long long)axis, rank, rank == 1 ? "" : "s", -rank, rank - 1);
    }
    *result = (int)(axis < 0 ? axis + rank : axis);
    return true;
}

bool need_axis(InferContext *c, const char *parameter, int rank, int64_t otherwise, int *axis) {
    int64_t number = otherwise;
    if (has_input(c, parameter) &&
        !need_constant(c, parameter, "the shape of the result depends on it", &number))
        return false;
    return normalize_axis(c, number, rank, parameter, axis);
}

/* The error that the run gives where the condition does not hold. */
static bool require_axes(InferContext *c, const char *parameter, int rank, Dim condition,
                         const Dim *axes, size_t count) {
    if (infer_holds(condition)) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s,
                  "%s names a dimension twice, or one out of range: with %d dimension%s it is from "
                  "%d to %d, and not [",
                  parameter, rank, rank == 1 ? "" : "s", -rank, rank - 1);
    for (size_t n = 0; n < count; n++) {
        if (n) sentence_text(&s, ", ");
        sentence_dim(&s, axes[n]);
    }
    sentence_text(&s, "]");
    return infer_require(c, condition, &s);
}

static bool flags_by_run(InferContext *c, const char *parameter, int rank, Dim *is_named,
                         size_t *count) {
    DimTable *t = c->dims;
    Dim *axes, condition = known(c, 1);
    if (!need_contents(c, parameter, &axes, count)) return false;
    if (*count > (size_t)rank)
        return infer_error_text(c, "%s names %zu of %d dimensions", parameter, *count, rank);
    for (size_t n = 0; n < *count; n++) {
        Dim is_one = known(c, 0); /* whether it names exactly one that no other has named */
        for (int i = 0; i < rank; i++) {
            Dim here = axis_is(t, axes[n], i, rank);
            is_one = dim_or(t, is_one, dim_and(t, here, dim_not(t, is_named[i])));
        }
        for (int i = 0; i < rank; i++)
            is_named[i] = dim_or(t, is_named[i], axis_is(t, axes[n], i, rank));
        condition = dim_and(t, condition, is_one);
    }
    return require_axes(c, parameter, rank, condition, axes, *count);
}

Dim axis_is(DimTable *t, Dim axis, int i, int rank) {
    return dim_or(t, dim_equal(t, axis, dim_constant(t, i)),
                  dim_equal(t, axis, dim_constant(t, i - rank)));
}

bool need_axis_in_run(InferContext *c, const char *parameter, Dim axis, int rank) {
    Dim is_inside = known(c, 0);
    for (int i = 0; i < rank; i++)
        is_inside = dim_or(c->dims, is_inside, axis_is(c->dims, axis, i, rank));
    if (infer_holds(is_inside)) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "%s ", parameter);
    sentence_dim(&s, axis);
    sentence_text(&s, " is out of range: with %d dimension%s it is from %d to %d", rank,
                  rank == 1 ? "" : "s", -rank, rank - 1);
    return infer_require(c, is_inside, &s);
}

bool need_axes(InferContext *c, const char *parameter, int rank, Dim *is_named, size_t *count) {
    bool is_given = has_input(c, parameter);
    *count = is_given ? 0 : (size_t)rank;
    for (int i = 0; i < rank; i++) is_named[i] = known(c, !is_given);
    if (!is_given) return true;
    const int64_t *numbers;
    if (!shape_has_rank(input_shape(c, parameter)) || input_shape(c, parameter)->rank > 1)
        return infer_error_at(c, input_index(c, parameter),
                              "%s is %s; it has to be a number or a list",
                              input_text(c, input_index(c, parameter)),
                              shape_text(c->graph->arena, input_shape(c, parameter)));
    if (!value_known_integers(c->graph->arena, input_value(c, parameter), &numbers, count))
        return flags_by_run(c, parameter, rank, is_named, count);
    for (size_t i = 0; i < *count; i++) {
        int axis;
        if (!normalize_axis(c, numbers[i], rank, parameter, &axis)) return false;
        if (dim_is(is_named[axis], 1))
            return infer_error_text(c, "%s names dimension %d twice", parameter, axis);
        is_named[axis] = known(c, 1);
    }
    return true;
}

bool axis_is_known(const InferContext *c, const char *parameter) {
    const int64_t *numbers;
    size_t count;
    return !has_input(c, parameter) ||
           value_known_integers(c->graph->arena, input_value(c, parameter), &numbers, &count);
}

bool need_axis_by_run(InferContext *c, const char *parameter, const Shape *shape, Dim *is_named,
                      Dim *size) {
    size_t count;
    if (!need_axes(c, parameter, shape->rank, is_named, &count)) return false;
    if (count != 1) return infer_error_text(c, "%s has to be one number", parameter);
    *size = known(c, 0);
    for (int i = 0; i < shape->rank; i++)
        *size = dim_select(c->dims, is_named[i], shape->dims[i], *size);
    return true;
}

Shape axes_removed(DimTable *t, const Shape *from, const Dim *is_named, size_t count) {
    Shape shape = {.rank = from->rank - (int)count};
    for (int j = 0; j < shape.rank; j++) shape.dims[j] = dim_constant(t, 0);
    Dim place = dim_constant(t, 0); /* of dimension i in the result */
    for (int i = 0; i < from->rank; i++) {
        Dim stays = dim_not(t, is_named[i]);
        for (int j = 0; j < shape.rank && j <= i; j++) {
            Dim here = dim_and(t, stays, dim_equal(t, place, dim_constant(t, j)));
            shape.dims[j] = dim_add(t, shape.dims[j], dim_multiply(t, here, from->dims[i]));
        }
        place = dim_add(t, place, stays);
    }
    return shape;
}

Shape axes_inserted(DimTable *t, const Shape *from, const Dim *is_named, int rank) {
    Shape shape = {.rank = rank};
    Dim place = dim_constant(t, 0); /* in `from`, of dimension i of the result */
    for (int i = 0; i < rank; i++) {
        Dim size = dim_constant(t, 1);
        for (int j = 0; j < from->rank && j <= i; j++)
            size = dim_select(t, dim_equal(t, place, dim_constant(t, j)), from->dims[j], size);
        shape.dims[i] = dim_select(t, is_named[i], dim_constant(t, 1), size);
        place = dim_add(t, place, dim_not(t, is_named[i]));
    }
    return shape;
}
