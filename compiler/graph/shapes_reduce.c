/* shapes_reduce.c: rules of reductions and scans along axes. */
#include "graph/rules.h"

/* The shape without the named axes, or with 1 in their places. */
static bool reduced_shape(InferContext *c, const char *axis, Shape *shape) {
    const Shape *input = &c->node->inputs[0]->type.shape;
    bool keepdims = node_attribute_bool(c->node, "keepdims");
    Dim is_named[MAX_RANK];
    size_t count;
    if (!shape_has_rank(input) && !has_input(c, axis)) {
        *shape = keepdims ? *input : shape_scalar();
        for (int i = 0; i < shape->rank; i++) shape->dims[i] = known(c, 1);
        return true;
    }
    if (!need_rank(c, c->node->row->parameters[0].name, 0) ||
        !need_axes(c, axis, input->rank, is_named, &count))
        return false;
    *shape = *input;
    for (int i = 0; i < input->rank && keepdims; i++)
        shape->dims[i] = dim_select(c->dims, is_named[i], known(c, 1), input->dims[i]);
    if (!keepdims) *shape = axes_removed(c->dims, input, is_named, count);
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
    int axis = 0;
    const Shape *input = input_shape(c, "input");
    Dim is_named[MAX_RANK], size;
    Sentence s = sentence_begin(c);
    if (!need_rank(c, "input", 1)) return false;
    if (axis_is_known(c, "axis")) {
        if (!need_axis(c, "axis", input->rank, 0, &axis)) return false;
        for (int i = 0; i < input->rank; i++) is_named[i] = known(c, i == axis);
        size = input->dims[axis];
        sentence_text(&s, "there is no element along dimension %d: ", axis);
    } else {
        if (!need_axis_by_run(c, "axis", input, is_named, &size)) return false;
        sentence_text(&s, "there is no element along the axis: ");
    }
    sentence_input(&s, c, 0);
    if (!infer_require(c, dim_less(c->dims, known(c, 0), size), &s)) return false;
    set_shape(c, 0, axes_removed(c->dims, input, is_named, 1));
    return true;
}

bool shape_cumulative(InferContext *c) {
    const Shape *input = input_shape(c, "x");
    Dim is_named[MAX_RANK], size;
    set_shape(c, 0, *input);
    return need_rank(c, "x", 1) &&
           (!has_input(c, "axis") || need_axis_by_run(c, "axis", input, is_named, &size));
}
