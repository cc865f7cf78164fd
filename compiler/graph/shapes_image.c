/* shapes_image.c: rules of ops that sample pictures at other places. */
#include "graph/ops.h"
#include "graph/rules.h"
#include "support/dtype.h"
#include <math.h>
#include <string.h>

static bool is_one_of(const char *word, const char *const *words) {
    for (; *words; words++)
        if (strcmp(word, *words) == 0) return true;
    return false;
}

/* An error unless the attribute is one of the words, which end in NULL. */
static bool need_word(InferContext *c, const char *attribute, const char *const *words) {
    const char *word = node_attribute_word(c->node, attribute);
    if (is_one_of(word, words)) return true;
    Text text = {.arena = c->graph->arena};
    for (size_t i = 0; words[i]; i++)
        text_add_format(&text, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
    return infer_error_text(c, "%s is '%s'; it has to be %s", attribute, word, text.bytes);
}

/* ---- resize ---- */

/* The axes that are resized, in the order of scales and sizes. */
typedef struct ResizeAxes {
    int axis[MAX_RANK];
    int count;
} ResizeAxes;

static bool read_axes(InferContext *c, int rank, ResizeAxes *axes) {
    const int64_t *numbers = NULL;
    size_t count = (size_t)rank;
    if (has_input(c, "axes") &&
        !need_constants(c, "axes", "they name dimensions", &numbers, &count))
        return false;
    unsigned seen = 0;
    axes->count = 0;
    for (size_t i = 0; i < count; i++) {
        int axis;
        if (!normalize_axis(c, numbers ? numbers[i] : (int64_t)i, rank, "axes", &axis))
            return false;
        if (seen & (1u << axis)) return infer_error_text(c, "axes names dimension %d twice", axis);
        seen |= 1u << axis;
        axes->axis[axes->count++] = axis;
    }
    return true;
}

/* Given, and not an empty vector, which ONNX takes for absent. */
static bool is_given(const InferContext *c, const char *parameter) {
    if (!has_input(c, parameter)) return false;
    const Shape *shape = input_shape(c, parameter);
    return !(shape->rank == 1 && dim_is(shape->dims[0], 0));
}

/* A vector of so many elements. */
static bool need_vector_of(InferContext *c, const char *parameter, int count) {
    if (!need_exact_rank(c, parameter, 1)) return false;
    Dim condition = dim_equal(c->dims, input_shape(c, parameter)->dims[0], known(c, count));
    if (infer_holds(condition)) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "%s needs %d elements: ", parameter, count);
    sentence_input(&s, c, input_index(c, parameter));
    return infer_require(c, condition, &s);
}

/* floor(size * scale), as a product of float32 numbers, where it follows now; else NULL. Scales that
 * are small fractions of a power of two are exact for sizes that depend on the run, too. */
static Dim scaled_now(InferContext *c, Dim size, float scale) {
    int64_t number;
    if (!(scale >= 0 && scale < 1e9f)) return NULL;
    if (dim_is_constant(size, &number) && number >= 0 && number < INT64_C(1) << 31)
        return known(c, (int64_t)floorf((float)number * scale));
    float whole = scale * 256;
    if (whole != floorf(whole) || whole > 65536) return NULL;
    Dim product = dim_multiply(c->dims, size, known(c, (int64_t)whole));
    Dim exact = dim_divide_exactly(c->dims, product, known(c, 256));
    return exact ? exact : dim_floor_divide(c->dims, product, known(c, 256));
}

static const float *constant_floats(const Value *value) {
    if (value->node->row->code != OP_CONSTANT || value->is_feedable || value->node->weak)
        return NULL;
    return value->node->constant->bytes;
}

/* The same as nodes of the graph, whose results the run tells. */
static bool scaled_later(InferContext *c, const ResizeAxes *axes, Dim **sizes) {
    int64_t numbers[MAX_RANK];
    size_t count;
    for (int i = 0; i < axes->count; i++) numbers[i] = axes->axis[i];
    Graph *graph = c->graph;
    Value *x = input_value(c, "x"), *scales = input_value(c, "scales");
    Value *chosen = graph_constant_integers(graph, c->node, numbers, axes->count);
    Value *value = graph_apply(graph, c->node, "shape", &x, 1);
    if (value) value = graph_apply(graph, c->node, "gather", (Value *[]){value, chosen}, 2);
    if (value) value = infer_cast(c, value, TFCC_FLOAT32);
    if (value) value = graph_apply(graph, c->node, "multiply", (Value *[]){value, scales}, 2);
    if (value) value = graph_apply(graph, c->node, "floor", &value, 1);
    if (value) value = infer_cast(c, value, TFCC_INT64);
    return value && value_contents(graph, value, sizes, &count);
}

static bool sizes_by_scales(InferContext *c, const ResizeAxes *axes, Shape *shape) {
    if (!need_vector_of(c, "scales", axes->count)) return false;
    const float *scales = constant_floats(input_value(c, "scales"));
    Dim now[MAX_RANK], *sizes = now;
    bool is_known = scales != NULL;
    for (int i = 0; i < axes->count && is_known; i++) {
        if (!(scales[i] > 0))
            return infer_error_text(c, "scale %g of dimension %d is not positive",
                                    (double)scales[i], axes->axis[i]);
        now[i] = scaled_now(c, shape->dims[axes->axis[i]], scales[i]);
        is_known = now[i] != NULL;
    }
    if (!is_known && !scaled_later(c, axes, &sizes)) return false;
    for (int i = 0; i < axes->count; i++) {
        if (!require_size(c, sizes[i], "a size")) return false;
        shape->dims[axes->axis[i]] = sizes[i];
    }
    return true;
}

/* The sizes asked for; where the aspect ratio is kept, all by the smallest (largest) ratio s / n:
 * n' s / n, rounded, which is the smallest (largest) of floor((2 n' s + n) / 2 n). */
static bool sizes_by_sizes(InferContext *c, const ResizeAxes *axes, Shape *shape) {
    DimTable *t = c->dims;
    const char *policy = node_attribute_word(c->node, "keep_aspect_ratio_policy");
    Dim *wanted;
    size_t count;
    if (!need_vector_of(c, "sizes", axes->count) || !need_contents(c, "sizes", &wanted, &count))
        return false;
    if ((int)count != axes->count)
        return infer_error_text(c, "sizes has %zu elements for %d axes", count, axes->count);
    Shape input = *shape;
    for (int i = 0; i < axes->count; i++) {
        if (!require_size(c, wanted[i], "a size")) return false;
        Dim size = wanted[i], own = input.dims[axes->axis[i]];
        for (int k = 0; k < axes->count && policy[0] == 'n'; k++) {
            Dim other = input.dims[axes->axis[k]];
            Dim twice = dim_multiply(t, known(c, 2), other);
            Dim product = dim_multiply(t, known(c, 2), dim_multiply(t, own, wanted[k]));
            Dim rounded = dim_floor_divide(t, dim_add(t, product, other), twice);
            size = k == 0                              ? rounded
                   : strcmp(policy, "not_larger") == 0 ? dim_minimum(t, size, rounded)
                                                       : dim_maximum(t, size, rounded);
        }
        shape->dims[axes->axis[i]] = size;
    }
    return true;
}

static bool resize_words(InferContext *c) {
    static const char *const coordinates[] = {"half_pixel",
                                              "half_pixel_symmetric",
                                              "pytorch_half_pixel",
                                              "align_corners",
                                              "asymmetric",
                                              "tf_crop_and_resize",
                                              NULL};
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                            "ceil", NULL};
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller", NULL};
    return need_word(c, "coordinate_transformation_mode", coordinates) &&
           need_word(c, "mode", modes) && need_word(c, "nearest_mode", roundings) &&
           need_word(c, "keep_aspect_ratio_policy", policies);
}

/* An element of the result needs one of the input. */
static bool input_has_elements(InferContext *c, const Shape *from, const Shape *to) {
    Dim condition = known(c, 1), zero = known(c, 0);
    for (int i = 0; i < from->rank; i++)
        condition = dim_and(c->dims, condition,
                            dim_or(c->dims, dim_less(c->dims, zero, from->dims[i]),
                                   dim_equal(c->dims, to->dims[i], zero)));
    if (infer_holds(condition)) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "there is nothing to resize: ");
    sentence_input(&s, c, 0);
    return infer_require(c, condition, &s);
}

bool shape_resize(InferContext *c) {
    ResizeAxes axes;
    if (!resize_words(c) || !need_rank(c, "x", 1)) return false;
    Shape shape = *input_shape(c, "x");
    if (!read_axes(c, shape.rank, &axes)) return false;
    bool by_scales = is_given(c, "scales"), by_sizes = is_given(c, "sizes");
    if (by_scales == by_sizes)
        return infer_error_text(c, "scales or sizes have to be given, and not both");
    bool cuts = strcmp(node_attribute_word(c->node, "coordinate_transformation_mode"),
                       "tf_crop_and_resize") == 0;
    if (cuts && !has_input(c, "roi")) return infer_error_text(c, "tf_crop_and_resize needs a roi");
    if (cuts && !need_vector_of(c, "roi", 2 * axes.count)) return false;
    if (dtype_is_bool(c->node->outputs[0]->type.dtype) &&
        strcmp(node_attribute_word(c->node, "mode"), "nearest") != 0)
        return infer_error_text(c, "x is bool, of which only the nearest element can be taken");
    if (!(by_scales ? sizes_by_scales : sizes_by_sizes)(c, &axes, &shape)) return false;
    if (!input_has_elements(c, input_shape(c, "x"), &shape)) return false;
    set_shape(c, 0, shape);
    return true;
}
