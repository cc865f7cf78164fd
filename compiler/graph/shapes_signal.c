/* shapes_signal.c: rules of Fourier transforms, windows and what belongs to them. */
#include "graph/rules.h"

/* The one number of a scalar, or of a vector of one; known or a symbol of the run. */
static bool need_number(InferContext *c, const char *parameter, Dim *number) {
    Dim *elements;
    size_t count;
    size_t index = input_index(c, parameter);
    if (!need_contents(c, parameter, &elements, &count)) return false;
    if (count != 1)
        return infer_error_at(c, index, "%s is %s; it has to be one number", input_text(c, index),
                              shape_text(c->graph->arena, input_shape(c, parameter)));
    *number = elements[0];
    return true;
}

/* Requires: a number that is 1 or more. */
static bool require_positive(InferContext *c, Dim number, const char *what) {
    Dim condition = dim_less(c->dims, known(c, 0), number);
    if (infer_holds(condition)) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "%s has to be 1 or more, and is ", what);
    sentence_dim(&s, number);
    return infer_require(c, condition, &s);
}

/* Requires: the last dimension holds a real number or both parts of a complex one; a real one where
 * only half of the frequencies are wanted. */
static bool require_parts(InferContext *c, const char *parameter, bool only_real) {
    const Shape *shape = input_shape(c, parameter);
    Dim parts = shape->dims[shape->rank - 1];
    Dim condition = dim_equal(c->dims, parts, known(c, 1));
    if (!only_real) condition = dim_or(c->dims, condition, dim_equal(c->dims, parts, known(c, 2)));
    if (infer_holds(condition)) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s, only_real ? "half of the frequencies is all there is of real numbers alone, "
                                  "so the last dimension has to be 1: "
                                : "the last dimension is 1 (real numbers) or 2 (complex ones): ");
    sentence_input(&s, c, input_index(c, parameter));
    return infer_require(c, condition, &s);
}

/* n // 2 + 1 where only half of the frequencies are wanted. */
static Dim frequencies(InferContext *c, Dim n, bool half) {
    if (!half) return n;
    return dim_add(c->dims, dim_floor_divide(c->dims, n, known(c, 2)), known(c, 1));
}

/* [.., n, .., 1 or 2] -> [.., frequencies, .., 2]; which axis it is may be known only in the run. */
bool shape_dft(InferContext *c) {
    DimTable *t = c->dims;
    if (!need_rank(c, "input", 2)) return false;
    const Shape *input = input_shape(c, "input");
    int rank = input->rank;
    Dim axis = known(c, -2), named = known(c, 0), size = known(c, 0);
    bool half = node_attribute_bool(c->node, "onesided");
    if (!require_parts(c, "input", half)) return false;
    if (has_input(c, "axis") && !need_number(c, "axis", &axis)) return false;
    Shape shape = *input;
    for (int d = 0; d < rank - 1; d++) {
        Dim is_axis = axis_is(t, axis, d, rank);
        named = dim_add(t, named, is_axis);
        size = dim_add(t, size, dim_multiply(t, is_axis, input->dims[d]));
    }
    if (!infer_holds(named)) {
        Sentence s = sentence_begin(c);
        sentence_text(&s, "axis ");
        sentence_dim(&s, axis);
        sentence_text(&s, " names no dimension in front of the last: ");
        sentence_input(&s, c, 0);
        if (!infer_require(c, named, &s)) return false;
    }
    Dim length = size;
    if (has_input(c, "dft_length") && !need_number(c, "dft_length", &length)) return false;
    if (!require_positive(c, length, "the length")) return false;
    for (int d = 0; d < rank - 1; d++)
        shape.dims[d] =
            dim_select(t, axis_is(t, axis, d, rank), frequencies(c, length, half), input->dims[d]);
    shape.dims[rank - 1] = known(c, 2);
    set_shape(c, 0, shape);
    return true;
}

/* signal [b, n, 1 or 2] -> [b, frames, frequencies, 2] */
bool shape_stft(InferContext *c) {
    DimTable *t = c->dims;
    Dim step = NULL, length = NULL;
    bool half = node_attribute_bool(c->node, "onesided");
    if (!need_exact_rank(c, "signal", 3) || !require_parts(c, "signal", half) ||
        !need_number(c, "frame_step", &step) || !require_positive(c, step, "frame_step"))
        return false;
    const Shape *signal = input_shape(c, "signal");
    length = signal->dims[1];
    if (has_input(c, "window")) {
        if (!need_exact_rank(c, "window", 1)) return false;
        length = input_shape(c, "window")->dims[0];
    }
    if (has_input(c, "frame_length")) {
        Dim window = length;
        if (!need_number(c, "frame_length", &length)) return false;
        Sentence s = sentence_begin(c);
        sentence_text(&s, "the window has ");
        sentence_dim(&s, window);
        sentence_text(&s, " elements, a frame ");
        sentence_dim(&s, length);
        if (has_input(c, "window") && !infer_require(c, dim_equal(t, window, length), &s))
            return false;
    }
    if (!require_positive(c, length, "the length of a frame")) return false;
    Dim left = dim_subtract(t, signal->dims[1], length);
    Sentence s = sentence_begin(c);
    sentence_text(&s, "the signal is shorter than a frame of ");
    sentence_dim(&s, length);
    sentence_text(&s, " elements: ");
    sentence_input(&s, c, input_index(c, "signal"));
    Dim fits = dim_less(t, known(c, -1), left);
    if (!infer_holds(fits) && !infer_require(c, fits, &s)) return false;
    Dim frames = dim_add(t, dim_floor_divide(t, left, step), known(c, 1));
    set_shape(
        c, 0,
        (Shape){.rank = 4,
                .dims = {signal->dims[0], frames, frequencies(c, length, half), known(c, 2)}});
    return true;
}

/* A vector of the length that the first parameter says. */
bool shape_signal_window(InferContext *c) {
    Dim length = NULL;
    const char *parameter = c->node->row->parameters[0].name;
    if (!need_number(c, parameter, &length) || !require_size(c, length, parameter)) return false;
    set_shape(c, 0, shape_vector(length));
    return true;
}

/* [dft_length // 2 + 1, num_mel_bins] */
bool shape_mel_weight_matrix(InferContext *c) {
    Dim bins = NULL, length = NULL, rate = NULL;
    if (!need_number(c, "num_mel_bins", &bins) || !require_size(c, bins, "num_mel_bins") ||
        !need_number(c, "dft_length", &length) || !require_size(c, length, "dft_length") ||
        !need_number(c, "sample_rate", &rate) || !require_positive(c, rate, "sample_rate") ||
        !need_scalar(c, "lower_edge_hertz") || !need_scalar(c, "upper_edge_hertz"))
        return false;
    set_shape(c, 0, (Shape){.rank = 2, .dims = {frequencies(c, length, true), bins}});
    return true;
}

/* [num_spectrogram_bins, num_mel_bins] */
bool shape_linear_to_mel_weight_matrix(InferContext *c) {
    int64_t bins = node_attribute_integer(c->node, "num_mel_bins"),
            frequencies = node_attribute_integer(c->node, "num_spectrogram_bins");
    double lower = node_attribute_float(c->node, "lower_edge_hertz"),
           upper = node_attribute_float(c->node, "upper_edge_hertz"),
           rate = (double)node_attribute_integer(c->node, "sample_rate");
    if (bins < 1 || frequencies < 2)
        return infer_error_text(c,
                                "num_mel_bins has to be 1 or more, num_spectrogram_bins 2 or more");
    if (!(lower >= 0 && lower < upper && upper <= rate / 2))
        return infer_error_text(c,
                                "it has to be that 0 <= lower_edge_hertz < upper_edge_hertz <= "
                                "sample_rate / 2, and these are %g, %g and %g",
                                lower, upper, rate / 2);
    set_shape(c, 0, (Shape){.rank = 2, .dims = {known(c, frequencies), known(c, bins)}});
    return true;
}

/* [b.., n, n] -> [b..] */
bool shape_det(InferContext *c) {
    if (!need_rank(c, "input", 2)) return false;
    Shape shape = *input_shape(c, "input");
    Dim condition = dim_equal(c->dims, shape.dims[shape.rank - 2], shape.dims[shape.rank - 1]);
    if (!infer_holds(condition)) {
        Sentence s = sentence_begin(c);
        sentence_text(&s, "a matrix with a determinant has as many rows as columns: ");
        sentence_input(&s, c, 0);
        if (!infer_require(c, condition, &s)) return false;
    }
    shape.rank -= 2;
    set_shape(c, 0, shape);
    return true;
}
