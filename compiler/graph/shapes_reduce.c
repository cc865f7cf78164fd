/* shapes_reduce.c: rules of reductions and scans along axes. */
#include "graph/rules.h"

/* The shape without the axes of the set, or with 1 in their places. */
static Shape without_axes(InferContext *c, const Shape *input, unsigned axes, bool keepdims) {
    Shape shape = {0};
    for (int i = 0; i < input->rank; i++) {
        bool reduced = axes & (1u << i);
        if (reduced && !keepdims) continue;
        shape.dims[shape.rank++] = reduced ? known(c, 1) : input->dims[i];
    }
    return shape;
}

/* Axes that the run gives: with keepdims the rank is known all the same, and each size is 1 or what
 * it was. */
static bool reduced_by_run(InferContext *c, const char *axis, const Shape *input, Shape *shape) {
    DimTable *t = c->dims;
    Dim *axes, condition = known(c, 1), rank = known(c, input->rank);
    size_t count;
    if (!node_attribute_bool(c->node, "keepdims"))
        return infer_error_at(c, input_index(c, axis),
                              "%s must be known when the graph is compiled, or keepdims be true: "
                              "which dimensions are left depends on it",
                              input_text(c, input_index(c, axis)));
    if (!need_rank(c, axis, 0) || !need_contents(c, axis, &axes, &count)) return false;
    *shape = *input;
    for (size_t n = 0; n < count; n++) {
        Dim from_front =
            dim_select(t, dim_less(t, axes[n], known(c, 0)), dim_add(t, axes[n], rank), axes[n]);
        condition = dim_and(t, condition, dim_less(t, known(c, -1), from_front));
        condition = dim_and(t, condition, dim_less(t, from_front, rank));
        for (int i = 0; i < input->rank; i++)
            shape->dims[i] =
                dim_select(t, dim_equal(t, from_front, known(c, i)), known(c, 1), shape->dims[i]);
    }
    Sentence s = sentence_begin(c);
    sentence_text(&s, "axis is out of range: with %d dimensions it is from %d to %d, and not [",
                  input->rank, -input->rank, input->rank - 1);
    for (size_t n = 0; n < count; n++) {
        if (n) sentence_text(&s, ", ");
        sentence_dim(&s, axes[n]);
    }
    sentence_text(&s, "]");
    return infer_require(c, condition, &s);
}

static bool reduced_shape(InferContext *c, const char *axis, Shape *shape) {
    const Shape *input = &c->node->inputs[0]->type.shape;
    bool keepdims = node_attribute_bool(c->node, "keepdims");
    unsigned axes;
    if (!shape_has_rank(input) && !has_input(c, axis)) {
        *shape = keepdims ? *input : shape_scalar();
        for (int i = 0; i < shape->rank; i++) shape->dims[i] = known(c, 1);
        return true;
    }
    if (!need_rank(c, c->node->row->parameters[0].name, 0)) return false;
    const int64_t *numbers;
    size_t count;
    if (has_input(c, axis) &&
        !value_known_integers(c->graph->arena, input_value(c, axis), &numbers, &count))
        return reduced_by_run(c, axis, input, shape);
    if (!need_axes(c, axis, input->rank, &axes)) return false;
    *shape = without_axes(c, input, axes, keepdims);
    return true;
}

bool shape_reduce(InferContext *c) {
    Shape shape;
    if (!reduced_shape(c, "axis", &shape)) return false;
    set_shape(c, 0, shape);
    return true;
}

bool shape_moments(InferContext *c) {
    Shape shape;
    if (!reduced_shape(c, "axes", &shape)) return false;
    set_shape(c, 0, shape);
    set_shape(c, 1, shape);
    return true;
}

bool shape_argmax(InferContext *c) {
    int axis;
    const Shape *input = input_shape(c, "input");
    if (!need_rank(c, "input", 1) || !need_axis(c, "axis", input->rank, 0, &axis)) return false;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "there is no element along dimension %d: ", axis);
    sentence_input(&s, c, 0);
    if (!infer_require(c, dim_less(c->dims, known(c, 0), input->dims[axis]), &s)) return false;
    set_shape(c, 0, without_axes(c, input, 1u << axis, false));
    return true;
}

bool shape_cumulative(InferContext *c) {
    int axis;
    const Shape *input = input_shape(c, "x");
    if (!need_rank(c, "x", 1) || !need_axis(c, "axis", input->rank, 0, &axis)) return false;
    set_shape(c, 0, *input);
    return true;
}
