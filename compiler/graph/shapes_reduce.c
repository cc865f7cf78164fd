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

static bool reduced_shape(InferContext *c, const char *axis, Shape *shape) {
    const Shape *input = &c->node->inputs[0]->type.shape;
    bool keepdims = node_attribute_bool(c->node, "keepdims");
    unsigned axes;
    if (!shape_has_rank(input) && !has_input(c, axis)) {
        *shape = keepdims ? *input : shape_scalar();
        for (int i = 0; i < shape->rank; i++) shape->dims[i] = known(c, 1);
        return true;
    }
    if (!need_rank(c, c->node->row->parameters[0].name, 0) || !need_axes(c, axis, input->rank, &axes)) return false;
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
