/* shapes_quantize.c: rules of quantization. */
#include "graph/rules.h"
#include "support/dtype.h"
#include <string.h>

/* ---- scales of parts ---- */

static bool scale_error(InferContext *c, size_t input) {
    Sentence s = sentence_begin(c);
    sentence_text(&s, "the scale and the zero point are one number, one for every index of the "
                      "axis, or one for every block of it: ");
    sentence_input(&s, c, 0);
    sentence_text(&s, ", ");
    sentence_input(&s, c, input);
    return infer_error(c, &s);
}

/* A vector along the axis, or of one element. */
static bool check_axis(InferContext *c, const Shape *x, const Shape *scale, size_t input,
                       int axis) {
    Sentence s = sentence_begin(c);
    sentence_text(&s, "a vector has one number for every index of dimension %d: ", axis);
    sentence_input(&s, c, 0);
    sentence_text(&s, ", ");
    sentence_input(&s, c, input);
    Dim is_one = dim_equal(c->dims, scale->dims[0], known(c, 1));
    return infer_require(
        c, dim_or(c->dims, is_one, dim_equal(c->dims, scale->dims[0], x->dims[axis])), &s);
}

/* The sizes of x, along the axis divided by the block's, rounded up. */
static bool check_blocks(InferContext *c, const Shape *x, const Shape *scale, size_t input,
                         int axis, int64_t block) {
    Dim condition = known(c, 1);
    for (int k = 0; k < x->rank; k++) {
        Dim blocks = k == axis ? dim_ceil_divide(c->dims, x->dims[k], known(c, block)) : x->dims[k];
        condition = dim_and(c->dims, condition, dim_equal(c->dims, scale->dims[k], blocks));
    }
    Sentence s = sentence_begin(c);
    sentence_text(&s, "there is one number for every block of %lld along dimension %d: ",
                  (long long)block, axis);
    sentence_input(&s, c, 0);
    sentence_text(&s, ", ");
    sentence_input(&s, c, input);
    return infer_require(c, condition, &s);
}

/* Scale and zero point against x, the first input. */
static bool check_parts(InferContext *c, const char *parameter) {
    const Shape *x = &c->node->inputs[0]->type.shape, *scale = input_shape(c, parameter);
    size_t input = input_index(c, parameter);
    int64_t block = node_attribute_integer(c->node, "block_size");
    int axis;
    if (block < 0)
        return infer_error_text(c, "block_size is %lld; it has to be positive", (long long)block);
    if (!need_rank(c, parameter, 0)) return false;
    if (scale->rank == 0) return true;
    if (block == 0 && scale->rank == 1 && dim_is(scale->dims[0], 1)) return true;
    if (!need_rank(c, c->node->row->parameters[0].name, 0)) return false;
    if (block == 0 ? scale->rank != 1 || x->rank == 0 : scale->rank != x->rank)
        return scale_error(c, input);
    if (!normalize_axis(c, node_attribute_integer(c->node, "axis"), x->rank, "axis", &axis))
        return false;
    return block == 0 ? check_axis(c, x, scale, input, axis)
                      : check_blocks(c, x, scale, input, axis, block);
}

bool shape_quantize_linear(InferContext *c) {
    const Argument *given = node_argument(c->node, "output_dtype");
    tfcc_dtype dtype = given->kind == ARGUMENT_DTYPE ? given->as.dtype : TFCC_UINT8;
    Value *zero = input_value(c, "y_zero_point");
    uint64_t allowed = c->node->row->parameters[op_parameter(c->node->row, "y_zero_point")].dtypes;
    if (!(allowed & dtype_bit(dtype)))
        return infer_error_text(c, "output_dtype is %s; it has to be %s", dtype_name(dtype),
                                op_dtypes_text(c->graph->arena, allowed));
    if (zero && given->kind == ARGUMENT_DTYPE && zero->type.dtype != dtype)
        return infer_error_at(c, input_index(c, "y_zero_point"),
                              "%s is %s, and output_dtype is %s; they are the same",
                              input_text(c, input_index(c, "y_zero_point")),
                              dtype_name(zero->type.dtype), dtype_name(dtype));
    set_type(c, 0, zero ? zero->type.dtype : dtype, c->node->inputs[0]->type.shape);
    return check_parts(c, "y_scale") && (!zero || check_parts(c, "y_zero_point"));
}

bool shape_dequantize_linear(InferContext *c) {
    set_shape(c, 0, c->node->inputs[0]->type.shape);
    return check_parts(c, "x_scale") &&
           (!has_input(c, "x_zero_point") || check_parts(c, "x_zero_point"));
}

/* The result, its scale and its zero point. */
bool shape_dynamic_quantize_linear(InferContext *c) {
    set_shape(c, 0, *input_shape(c, "x"));
    set_shape(c, 1, shape_scalar());
    set_shape(c, 2, shape_scalar());
    return true;
}

bool shape_qlinear_matmul(InferContext *c) {
    static const char *const scales[] = {"a_scale", "b_scale", "y_scale", "y_zero_point"};
    for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++)
        if (!need_rank(c, scales[i], 0)) return false;
    return shape_matmul_integer(c);
}

/* One range, or one for every index of the last dimension. */
bool shape_fake_quant(InferContext *c) {
    int64_t bits = node_attribute_integer(c->node, "num_bits");
    if (bits < 2 || bits > 16)
        return infer_error_text(c, "num_bits is %lld; it goes from 2 to 16", (long long)bits);
    Shape shape = *input_shape(c, "inputs"), merged;
    for (int i = 0; i < 2; i++) {
        const char *bound = i ? "max" : "min";
        if (!has_input(c, bound)) continue;
        if (!need_rank(c, bound, 0)) return false;
        const Shape *given = input_shape(c, bound);
        if (given->rank > 1)
            return infer_error_text(c, "%s is %s; it is a number, or one for every channel", bound,
                                    shape_text(c->graph->arena, given));
        Shape wide;
        size_t at = input_index(c, bound);
        if (!broadcast_shapes(c, &shape, given, 0, at, &wide) ||
            !require_same_shape(c, &shape, &wide, 0, at, &merged))
            return false;
        shape = merged;
    }
    set_shape(c, 0, shape);
    return true;
}

/* ---- TensorFlow's quantized ranges ---- */

static bool check_word(InferContext *c, const char *attribute, const char *const *words,
                       size_t count) {
    const char *given = node_attribute_word(c->node, attribute);
    Text text = {.arena = c->graph->arena};
    for (size_t i = 0; i < count; i++) {
        if (strcmp(given, words[i]) == 0) return true;
        text_add_format(&text, "%s'%s'", i == 0 ? "" : i + 1 < count ? ", " : " or ", words[i]);
    }
    return infer_error_text(c, "%s is '%s'; it is %s", attribute, given, text.bytes);
}

/* Both bounds are numbers, or have one for every index of the axis. */
static bool check_range(InferContext *c) {
    static const char *const modes[] = {"MIN_COMBINED", "MIN_FIRST", "SCALED"};
    static const char *const bounds[] = {"min_range", "max_range"};
    if (!check_word(c, "mode", modes, 3)) return false;
    const Shape *low = input_shape(c, "min_range"), *high = input_shape(c, "max_range");
    for (int i = 0; i < 2; i++)
        if (!need_rank(c, bounds[i], 0)) return false;
    if (low->rank == 0 && high->rank == 0) return true;
    if (low->rank > 1 || high->rank != low->rank)
        return infer_error_text(c,
                                "min_range is %s and max_range %s; they are two numbers, or two "
                                "vectors along the axis",
                                shape_text(c->graph->arena, low),
                                shape_text(c->graph->arena, high));
    int axis;
    if (!need_rank(c, "input", 1)) return false;
    const Shape *input = input_shape(c, "input");
    if (!normalize_axis(c, node_attribute_integer(c->node, "axis"), input->rank, "axis", &axis))
        return false;
    for (int i = 0; i < 2; i++)
        if (!require_equal(c, input_shape(c, bounds[i])->dims[0], input->dims[axis],
                           "there has to be one range for every index of the axis",
                           input_index(c, "input"), input_index(c, bounds[i])))
            return false;
    return true;
}

/* The result and the range that it stands for. */
bool shape_quantize(InferContext *c) {
    static const char *const rounding[] = {"HALF_AWAY_FROM_ZERO", "HALF_TO_EVEN"};
    if (!check_range(c) || !check_word(c, "round_mode", rounding, 2)) return false;
    set_shape(c, 0, *input_shape(c, "input"));
    set_shape(c, 1, *input_shape(c, "min_range"));
    set_shape(c, 2, *input_shape(c, "min_range"));
    return true;
}

bool shape_dequantize(InferContext *c) {
    set_shape(c, 0, *input_shape(c, "input"));
    return check_range(c);
}

bool shape_requantize(InferContext *c) {
    static const char *const bounds[] = {"input_min", "input_max", "requested_output_min",
                                         "requested_output_max"};
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++)
        if (!need_exact_rank(c, bounds[i], 0)) return false;
    set_shape(c, 0, *input_shape(c, "input"));
    set_shape(c, 1, shape_scalar());
    set_shape(c, 2, shape_scalar());
    return true;
}
