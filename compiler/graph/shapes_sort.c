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

/* ---- non_max_suppression ---- */

/* The one element of `max_output_size`, which stands for nothing where it is absent. */
Dim shape_suppression_limit(DimTable *dims, const GraphNode *node) {
    const Value *limit = node_input(node, "max_output_size");
    return limit && limit->elements ? limit->elements[0] : dim_constant(dims, 0);
}

/* One number, as a scalar or a vector of one. */
static bool need_single(InferContext *c, const char *parameter) {
    if (!has_input(c, parameter)) return true;
    if (!need_rank(c, parameter, 0)) return false;
    const Shape *shape = input_shape(c, parameter);
    Dim fits = dim_equal(c->dims, shape_element_count(c->dims, shape), known(c, 1));
    if (infer_holds(fits)) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "%s has to be one number; it is ", parameter);
    sentence_shape(&s, shape);
    return infer_require(c, fits, &s);
}

/* Boxes and scores fit each other: [n, 4] and [n], or [batch, n, 4] and [batch, class, n]. */
static bool need_boxes(InferContext *c) {
    const Shape *boxes = input_shape(c, "boxes"), *scores = input_shape(c, "scores");
    if (!need_rank(c, "boxes", 2) || !need_rank(c, "scores", 1)) return false;
    bool has_classes = boxes->rank == 3;
    bool fits = boxes->rank <= 3 && scores->rank == (has_classes ? 3 : 1);
    Dim condition = known(c, fits);
    if (fits) {
        Dim numbers = boxes->dims[boxes->rank - 1], count = scores->dims[scores->rank - 1];
        condition = dim_and(c->dims, dim_equal(c->dims, numbers, known(c, 4)),
                            dim_equal(c->dims, boxes->dims[boxes->rank - 2], count));
    }
    if (fits && has_classes)
        condition =
            dim_and(c->dims, condition, dim_equal(c->dims, boxes->dims[0], scores->dims[0]));
    if (infer_holds(condition)) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "boxes have to be [n, 4] and scores [n], or [batch, n, 4] and [batch, class, "
                      "n]: ");
    sentence_input(&s, c, input_index(c, "boxes"));
    sentence_text(&s, ", ");
    sentence_input(&s, c, input_index(c, "scores"));
    return infer_require(c, condition, &s);
}

/* TensorFlow's form: int32 indices of boxes. With batches and classes ONNX's: rows of int64 [batch,
 * class, box]. */
bool shape_non_max_suppression(InferContext *c) {
    if (!need_boxes(c) || !need_single(c, "max_output_size") || !need_single(c, "iou_threshold") ||
        !need_single(c, "score_threshold"))
        return false;
    const Shape *scores = input_shape(c, "scores");
    bool has_classes = scores->rank == 3;
    int64_t centred = node_attribute_integer(c->node, "center_point_box");
    if (centred != 0 && centred != 1)
        return infer_error_text(c, "center_point_box is %lld; it has to be 0 or 1",
                                (long long)centred);
    if (!has_classes && !has_input(c, "max_output_size"))
        return infer_error_text(c, "max_output_size is missing");
    Dim *elements;
    size_t count;
    if (has_input(c, "max_output_size") &&
        (!need_contents(c, "max_output_size", &elements, &count) ||
         !require_size(c, elements[0], "max_output_size")))
        return false;
    Dim limit = dim_minimum(c->dims, scores->dims[scores->rank - 1],
                            shape_suppression_limit(c->dims, c->node));
    for (int k = 0; k + 1 < scores->rank; k++)
        limit = dim_multiply(c->dims, limit, scores->dims[k]);
    Dim selected = infer_own_size(c, limit);
    if (has_classes)
        set_type(c, 0, TFCC_INT64, (Shape){.rank = 2, .dims = {selected, known(c, 3)}});
    else
        set_type(c, 0, TFCC_INT32, shape_vector(selected));
    return true;
}
