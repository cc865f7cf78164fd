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

/* Scales that are known give sizes now, the others in the run. */
static bool sizes_by_scales(InferContext *c, const ResizeAxes *axes, Shape *shape) {
    if (!need_vector_of(c, "scales", axes->count)) return false;
    Dim now[MAX_RANK], *later = NULL;
    for (int i = 0; i < axes->count; i++) {
        float scale;
        now[i] = NULL;
        if (!value_known_float(input_value(c, "scales"), i, &scale)) continue;
        if (!(scale > 0))
            return infer_error_text(c, "scale %g of dimension %d is not positive", (double)scale,
                                    axes->axis[i]);
        now[i] = scaled_now(c, shape->dims[axes->axis[i]], scale);
    }
    for (int i = 0; i < axes->count; i++) {
        if (!now[i] && !later && !scaled_later(c, axes, &later)) return false;
        Dim size = now[i] ? now[i] : later[i];
        if (!require_size(c, size, "a size")) return false;
        now[i] = size;
    }
    for (int i = 0; i < axes->count; i++) shape->dims[axes->axis[i]] = now[i];
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
    static const char *const coordinates[] = {
        "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",   "align_corners",
        "asymmetric", "tf_crop_and_resize",   "tf_half_pixel_for_nn", NULL};
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

/* ---- grids ---- */

/* x [n, c, sizes..] at grid [n, o.., as many coordinates as x has sizes] -> [n, c, o..] */
bool shape_grid_sample(InferContext *c) {
    static const char *const modes[] = {"linear", "nearest", "cubic", "bilinear", "bicubic", NULL};
    static const char *const borders[] = {"zeros", "border", "reflection", NULL};
    if (!need_word(c, "mode", modes) || !need_word(c, "padding_mode", borders) ||
        !need_rank(c, "x", 3) || !need_rank(c, "grid", 3))
        return false;
    const Shape *x = input_shape(c, "x"), *grid = input_shape(c, "grid");
    size_t first = input_index(c, "x"), second = input_index(c, "grid");
    if (x->rank != grid->rank)
        return infer_error_text(c, "the grid has to have as many dimensions as x: x is %s, grid %s",
                                shape_text(c->graph->arena, x), shape_text(c->graph->arena, grid));
    if (!require_equal(c, x->dims[0], grid->dims[0], "x and the grid differ in dimension 0", first,
                       second) ||
        !require_equal(c, grid->dims[grid->rank - 1], known(c, x->rank - 2),
                       "the grid's last dimension has to be a coordinate for each dimension of x",
                       first, second))
        return false;
    Shape shape = *x;
    for (int i = 2; i < x->rank; i++) shape.dims[i] = grid->dims[i - 1];
    if (!input_has_elements(c, x, &shape)) return false;
    set_shape(c, 0, shape);
    return true;
}

/* theta [n, 2, 3] and size [n, c, h, w], or theta [n, 3, 4] and size [n, c, d, h, w] -> [n, sizes..,
 * 2 or 3] */
bool shape_affine_grid(InferContext *c) {
    Shape size, shape;
    if (!need_exact_rank(c, "theta", 3) || !shape_from_sizes(c, "size", &size)) return false;
    const Shape *theta = input_shape(c, "theta");
    int places = size.rank - 2;
    if (places != 2 && places != 3)
        return infer_error_text(c,
                                "size has %d elements; it has to have 4 or 5: batch, channels, "
                                "and two or three sizes",
                                size.rank);
    Dim condition = dim_equal(c->dims, theta->dims[0], size.dims[0]);
    condition = dim_and(c->dims, condition, dim_equal(c->dims, theta->dims[1], known(c, places)));
    condition =
        dim_and(c->dims, condition, dim_equal(c->dims, theta->dims[2], known(c, places + 1)));
    if (!infer_holds(condition)) {
        Sentence s = sentence_begin(c);
        sentence_text(&s, "theta has to be [");
        sentence_dim(&s, size.dims[0]);
        sentence_text(&s, ", %d, %d]: ", places, places + 1);
        sentence_input(&s, c, 0);
        if (!infer_require(c, condition, &s)) return false;
    }
    shape = (Shape){.rank = size.rank, .dims = {size.dims[0]}};
    for (int i = 0; i < places; i++) shape.dims[i + 1] = size.dims[i + 2];
    shape.dims[places + 1] = known(c, places);
    set_shape(c, 0, shape);
    return true;
}

/* ---- regions ---- */

/* An error unless the parameter is [count, 4], count being that of the other. */
static bool need_boxes(InferContext *c, const char *boxes, const char *indices) {
    if (!need_exact_rank(c, boxes, 2) || !need_exact_rank(c, indices, 1)) return false;
    size_t first = input_index(c, boxes), second = input_index(c, indices);
    return require_equal(c, input_shape(c, boxes)->dims[1], known(c, 4),
                         "a box has four coordinates", first, second) &&
           require_equal(c, input_shape(c, boxes)->dims[0], input_shape(c, indices)->dims[0],
                         "every box has one index", first, second);
}

/* x [n, c, h, w], rois [r, 4] -> [r, c, output_height, output_width] */
bool shape_roi_align(InferContext *c) {
    static const char *const modes[] = {"avg", "max", NULL};
    static const char *const coordinates[] = {"half_pixel", "output_half_pixel", NULL};
    int64_t height = node_attribute_integer(c->node, "output_height"),
            width = node_attribute_integer(c->node, "output_width");
    if (!need_word(c, "mode", modes) ||
        !need_word(c, "coordinate_transformation_mode", coordinates) ||
        !need_exact_rank(c, "x", 4) || !need_boxes(c, "rois", "batch_indices"))
        return false;
    if (height < 1 || width < 1 || node_attribute_integer(c->node, "sampling_ratio") < 0)
        return infer_error_text(c, "output_height and output_width have to be 1 or more, and "
                                   "sampling_ratio 0 or more");
    Dim *elements;
    size_t count;
    const char *const samples[] = {"sampling_height", "sampling_width"};
    for (int i = 0; i < 2; i++)
        if (has_input(c, samples[i]) &&
            (!need_scalar(c, samples[i]) || !need_contents(c, samples[i], &elements, &count)))
            return false;
    const Shape *x = input_shape(c, "x");
    Shape shape = {
        .rank = 4,
        .dims = {input_shape(c, "rois")->dims[0], x->dims[1], known(c, height), known(c, width)}};
    if (!input_has_elements(c, x, &shape)) return false;
    set_shape(c, 0, shape);
    return true;
}

/* image [n, h, w, d], boxes [b, 4], crop_size [2] -> [b, crop_size.., d] */
bool shape_crop_and_resize(InferContext *c) {
    static const char *const methods[] = {"bilinear", "nearest", NULL};
    Shape size;
    if (!need_word(c, "method", methods) || !need_exact_rank(c, "image", 4) ||
        !need_boxes(c, "boxes", "box_indices") || !shape_from_sizes(c, "crop_size", &size))
        return false;
    if (size.rank != 2)
        return infer_error_text(c, "crop_size has %d elements; it is a height and a width",
                                size.rank);
    const Shape *image = input_shape(c, "image");
    Shape shape = {
        .rank = 4,
        .dims = {input_shape(c, "boxes")->dims[0], size.dims[0], size.dims[1], image->dims[3]}};
    if (!input_has_elements(c, image, &shape)) return false;
    set_shape(c, 0, shape);
    return true;
}

/* ---- TensorFlow's forms of resize ---- */

/* images [n, h, w, c] or [h, w, c], size [2] -> the same with that height and width */
static bool resized_images(InferContext *c, int least) {
    Shape size;
    if (!need_rank(c, "images", least) || !shape_from_sizes(c, "size", &size)) return false;
    Shape shape = *input_shape(c, "images");
    if (shape.rank > 4)
        return infer_error_text(c, "images is %s; it has to be %s[height, width, channels]",
                                shape_text(c->graph->arena, &shape), least == 4 ? "[batch, " : "");
    if (size.rank != 2)
        return infer_error_text(c, "size has %d elements; it is a height and a width", size.rank);
    shape.dims[shape.rank - 3] = size.dims[0];
    shape.dims[shape.rank - 2] = size.dims[1];
    if (!input_has_elements(c, input_shape(c, "images"), &shape)) return false;
    set_shape(c, 0, shape);
    return true;
}

bool shape_resize_images(InferContext *c) {
    if (node_attribute_bool(c->node, "align_corners") &&
        node_attribute_bool(c->node, "half_pixel_centers"))
        return infer_error_text(c, "align_corners and half_pixel_centers exclude each other");
    return resized_images(c, 4);
}

/* n * s / m, rounded, to the even one of two. */
static Dim scaled_size(DimTable *t, Dim n, Dim s, Dim m) {
    Dim two = dim_constant(t, 2), twice = dim_multiply(t, two, m);
    Dim sum = dim_add(t, dim_multiply(t, two, dim_multiply(t, n, s)), m);
    Dim rounded = dim_floor_divide(t, sum, twice);
    Dim is_tie = dim_equal(t, dim_modulo(t, sum, twice), dim_constant(t, 0));
    return dim_subtract(t, rounded, dim_multiply(t, is_tie, dim_modulo(t, rounded, two)));
}

/* Where the aspect ratio is kept, the smaller of both factors resizes both. */
bool shape_image_resize(InferContext *c) {
    static const char *const methods[] = {"bilinear", "nearest", "bicubic", NULL};
    if (!need_word(c, "method", methods) || !resized_images(c, 3)) return false;
    bool is_nearest = strcmp(node_attribute_word(c->node, "method"), "nearest") == 0;
    const Shape *from = input_shape(c, "images");
    Value *output = c->node->outputs[0];
    output->type.dtype = is_nearest ? input_value(c, "images")->type.dtype : TFCC_FLOAT32;
    if (!node_attribute_bool(c->node, "preserve_aspect_ratio")) return true;
    Shape shape = output->type.shape;
    int row = shape.rank - 3;
    for (int i = row; i < row + 2; i++)
        shape.dims[i] = dim_minimum(
            c->dims,
            scaled_size(c->dims, from->dims[i], output->type.shape.dims[row], from->dims[row]),
            scaled_size(c->dims, from->dims[i], output->type.shape.dims[row + 1],
                        from->dims[row + 1]));
    set_shape(c, 0, shape);
    return true;
}
