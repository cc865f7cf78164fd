/* shapes_sort.c: rules of ops that order what they are given. */
#include "graph/ops.h"
#include "graph/rules.h"
#include <string.h>

static bool need_direction(InferContext *c) {
    const char *direction = node_attribute_word(c->node, "direction");
    if (strcmp(direction, "ASCENDING") == 0 || strcmp(direction, "DESCENDING") == 0) return true;
    return infer_error_text(c, "direction is '%s'; it has to be ASCENDING or DESCENDING",
                            direction);
}

/* The size of the axis becomes k, which may not be more. */
bool shape_top_k(InferContext *c) {
    const Shape *input = input_shape(c, "input");
    Dim k = known(c, 1), *elements;
    size_t count;
    int axis;
    if (!need_rank(c, "input", 1) || !need_axis(c, "axis", input->rank, -1, &axis)) return false;
    if (has_input(c, "k")) {
        if (!need_contents(c, "k", &elements, &count)) return false;
        if (count != 1 || input_shape(c, "k")->rank > 1)
            return infer_error_text(c, "k has to be one number; it is %s",
                                    shape_text(c->graph->arena, input_shape(c, "k")));
        k = elements[0];
    }
    if (!require_size(c, k, "k")) return false;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "there are only ");
    sentence_dim(&s, input->dims[axis]);
    sentence_text(&s, " elements along axis %d, and k is ", axis);
    sentence_dim(&s, k);
    if (!infer_require(c, dim_not(c->dims, dim_less(c->dims, input->dims[axis], k)), &s))
        return false;
    Shape shape = *input;
    shape.dims[axis] = k;
    set_shape(c, 0, shape);
    set_shape(c, 1, shape);
    return true;
}

bool shape_sort(InferContext *c) {
    const Shape *values = input_shape(c, "values");
    int axis;
    if (!need_rank(c, "values", 1) || !need_axis(c, "axis", values->rank, -1, &axis) ||
        !need_direction(c))
        return false;
    set_shape(c, 0, *values);
    return true;
}

/* Along the axis, or of all elements in a row, as many are left as there are different ones. */
bool shape_unique(InferContext *c) {
    const Shape *x = input_shape(c, "x");
    int axis = -1;
    if (!need_rank(c, "x", 0)) return false;
    if (has_input(c, "axis")) {
        const int64_t *axes;
        size_t count;
        if (!need_constants(c, "axis", "the shape of the result depends on it", &axes, &count))
            return false;
        if (count != 1) return infer_error_text(c, "axis names %zu dimensions, not one", count);
        if (!normalize_axis(c, axes[0], x->rank, "axis", &axis)) return false;
    }
    Dim slices = axis < 0 ? shape_element_count(c->dims, x) : x->dims[axis];
    Dim groups = infer_own_size(c, slices);
    Shape result = axis < 0 ? shape_vector(groups) : *x;
    if (axis >= 0) result.dims[axis] = groups;
    set_shape(c, 0, result);
    set_shape(c, 1, shape_vector(slices));
    set_shape(c, 2, shape_vector(groups));
    set_shape(c, 3, shape_vector(groups));
    return true;
}
