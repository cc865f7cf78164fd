/* shapes_random.c: rules of ops that draw random numbers for what they are given. */
#include "graph/ops.h"
#include "graph/rules.h"

bool shape_bernoulli(InferContext *c) {
    if (!need_rank(c, "input", 0)) return false;
    set_shape(c, 0, *input_shape(c, "input"));
    return true;
}

/* [batch, classes] -> [batch, num_samples] */
bool shape_random_categorical(InferContext *c) {
    Dim *elements;
    size_t count;
    if (!need_exact_rank(c, "logits", 2) || !need_rank(c, "num_samples", 0)) return false;
    if (!need_contents(c, "num_samples", &elements, &count)) return false;
    if (count != 1 || input_shape(c, "num_samples")->rank > 0)
        return infer_error_text(c, "num_samples has to be one number; it is %s",
                                shape_text(c->graph->arena, input_shape(c, "num_samples")));
    if (!require_size(c, elements[0], "num_samples")) return false;
    const Shape *logits = input_shape(c, "logits");
    Sentence s = sentence_begin(c);
    sentence_text(&s, "there has to be a class at least: ");
    sentence_input(&s, c, input_index(c, "logits"));
    if (!infer_require(c, dim_less(c->dims, known(c, 0), logits->dims[1]), &s)) return false;
    set_shape(c, 0, (Shape){.rank = 2, .dims = {logits->dims[0], elements[0]}});
    return true;
}

/* The noise has to broadcast to x, which keeps its shape. */
bool shape_dropout(InferContext *c) {
    const Shape *x = input_shape(c, "x");
    if (!need_rank(c, "x", 0) || !need_scalar(c, "rate")) return false;
    if (has_input(c, "training") && !need_scalar(c, "training")) return false;
    const ConstantData *rate = input_value(c, "rate")->node->constant;
    if (rate && rate->dtype == TFCC_FLOAT32 && rate->size == sizeof(float)) {
        float number = *(const float *)rate->bytes;
        if (!(number >= 0 && number <= 1))
            return infer_error_at(c, input_index(c, "rate"),
                                  "rate is %g; it has to be a fraction from 0 to 1",
                                  (double)number);
    }
    if (has_input(c, "noise_shape")) {
        Shape noise, both, merged;
        size_t at = input_index(c, "x");
        if (!shape_from_sizes(c, "noise_shape", &noise) ||
            !broadcast_shapes(c, x, &noise, at, input_index(c, "noise_shape"), &both) ||
            !require_same_shape(c, x, &both, at, input_index(c, "noise_shape"), &merged))
            return false;
    }
    set_shape(c, 0, *x);
    return true;
}
