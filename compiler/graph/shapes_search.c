/* shapes_search.c: rules of ops that look for places, count, or rank. */
#include "graph/ops.h"
#include "graph/rules.h"
#include <string.h>

/* [.., n] and [.., m] -> [.., m] */
bool shape_searchsorted(InferContext *c) {
    const Shape *sequence = input_shape(c, "sorted_sequence"), *values = input_shape(c, "values");
    const char *side = node_attribute_word(c->node, "side");
    if (!need_rank(c, "sorted_sequence", 1) || !need_rank(c, "values", 1)) return false;
    if (strcmp(side, "left") != 0 && strcmp(side, "right") != 0)
        return infer_error_text(c, "side is '%s'; it has to be left or right", side);
    bool fits = sequence->rank == values->rank;
    Dim condition = known(c, fits);
    for (int k = 0; fits && k + 1 < values->rank; k++)
        condition =
            dim_and(c->dims, condition, dim_equal(c->dims, sequence->dims[k], values->dims[k]));
    if (!infer_holds(condition)) {
        Sentence s = sentence_begin(c);
        sentence_text(&s, "all dimensions but the last have to be equal: ");
        sentence_input(&s, c, input_index(c, "sorted_sequence"));
        sentence_text(&s, ", ");
        sentence_input(&s, c, input_index(c, "values"));
        if (!infer_require(c, condition, &s)) return false;
    }
    set_shape(c, 0, *values);
    return true;
}

/* As many as the largest number and the limits say. */
bool shape_bincount(InferContext *c) {
    const Shape *arr = input_shape(c, "arr");
    tfcc_dtype dtype = node_attribute_dtype(c->node, "dtype");
    if (!need_rank(c, "arr", 0)) return false;
    if (has_input(c, "minlength") && !need_scalar(c, "minlength")) return false;
    if (has_input(c, "maxlength") && !need_scalar(c, "maxlength")) return false;
    if (has_input(c, "weights")) {
        Shape merged;
        if (!require_same_shape(c, arr, input_shape(c, "weights"), input_index(c, "arr"),
                                input_index(c, "weights"), &merged))
            return false;
        dtype = input_value(c, "weights")->type.dtype;
    }
    set_type(c, 0, dtype, shape_vector(infer_own_size(c, NULL)));
    return true;
}

bool shape_in_top_k(InferContext *c) {
    if (!need_exact_rank(c, "targets", 1) || !need_exact_rank(c, "predictions", 2) ||
        !need_scalar(c, "k") ||
        !require_equal(c, input_shape(c, "targets")->dims[0],
                       input_shape(c, "predictions")->dims[0], "the batches differ",
                       input_index(c, "targets"), input_index(c, "predictions")))
        return false;
    set_shape(c, 0, *input_shape(c, "targets"));
    return true;
}
