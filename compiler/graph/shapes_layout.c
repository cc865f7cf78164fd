/* shapes_layout.c: rules of ops that ask for a shape, or give the same elements another one. */
#include "graph/rules.h"
#include <string.h>

bool shape_shape(InferContext *c) {
    const Shape *input = input_shape(c, "input");
    set_shape(c, 0,
              shape_vector(shape_has_rank(input) ? known(c, input->rank) : input->runtime_rank));
    return true;
}

bool shape_size(InferContext *c) {
    return shape_scalar_result(c);
}

bool shape_rank(InferContext *c) {
    return shape_scalar_result(c);
}

/* ---- reshape ---- */

static bool elements_must_agree(InferContext *c, Dim total, const Shape *shape) {
    Dim condition = dim_equal(c->dims, total, shape_element_count(c->dims, shape));
    if (infer_holds(condition)) return true;
    Sentence s = sentence_begin(c);
    sentence_input(&s, c, input_index(c, "tensor"));
    sentence_text(&s, ", which has ");
    sentence_dim(&s, total);
    sentence_text(&s, " elements; they do not fill ");
    sentence_shape(&s, shape);
    return infer_require(c, condition, &s);
}

/* The product of the sizes asked for, without the one at `but` and with 1 for every -1. */
static Dim product_of_others(InferContext *c, Dim *sizes, size_t count, size_t but) {
    Dim product = known(c, 1), minus_one = known(c, -1);
    for (size_t i = 0; i < count; i++) {
        if (i == but || dim_is(sizes[i], -1)) continue;
        Dim size = dim_low(sizes[i]) >= 0
                       ? sizes[i]
                       : dim_select(c->dims, dim_equal(c->dims, sizes[i], minus_one), known(c, 1),
                                    sizes[i]);
        product = dim_multiply(c->dims, product, size);
    }
    return product;
}

/* A size of 0 is that of the tensor's dimension at the same place. */
static bool copy_sizes(InferContext *c, Dim **sizes, size_t count) {
    DimTable *t = c->dims;
    const Shape *tensor = input_shape(c, "tensor");
    Dim *copied = arena_alloc_array(c->graph->arena, count + 1, sizeof *copied);
    for (size_t i = 0; i < count; i++) {
        Dim is_zero = dim_equal(t, (*sizes)[i], known(c, 0));
        copied[i] = (*sizes)[i];
        if (dim_is(is_zero, 0)) continue;
        if (!need_rank(c, "tensor", 0)) return false;
        if (i < (size_t)tensor->rank) {
            copied[i] = dim_select(t, is_zero, tensor->dims[i], copied[i]);
            continue;
        }
        Sentence s = sentence_begin(c);
        sentence_text(&s,
                      "size %zu of the shape asked for is 0, to be copied, and there is none: ", i);
        sentence_input(&s, c, input_index(c, "tensor"));
        if (!infer_require(c, dim_not(t, is_zero), &s)) return false;
    }
    *sizes = copied;
    return true;
}

/* One size may be -1, which is what the others leave over, also where that is seen only during the
 * run. */
bool shape_reshape(InferContext *c) {
    DimTable *t = c->dims;
    Dim *sizes;
    size_t count, open = 0;
    if (!shape_has_rank(input_shape(c, "shape")) || input_shape(c, "shape")->rank != 1)
        return need_exact_rank(c, "shape", 1) && false;
    if (!need_contents(c, "shape", &sizes, &count)) return false;
    if (count > MAX_RANK)
        return infer_error_text(c, "a shape of %zu dimensions; a tensor has at most %d", count,
                                MAX_RANK);
    if (!node_attribute_bool(c->node, "allowzero") && !copy_sizes(c, &sizes, count)) return false;
    Dim total = shape_element_count(t, input_shape(c, "tensor"));
    Shape shape = {.rank = (int)count};
    bool is_exact = false;
    for (size_t i = 0; i < count; i++) {
        shape.dims[i] = sizes[i];
        if (dim_low(sizes[i]) >= 0) continue;
        if (dim_high(sizes[i]) < -1)
            return infer_error_text(c, "size %zu of the shape asked for is negative", i);
        Dim others = product_of_others(c, sizes, count, i);
        Dim exact = dim_divide_exactly(t, total, others);
        Dim left = exact ? exact : dim_floor_divide(t, total, others);
        if (dim_is(sizes[i], -1)) {
            if (open++) return infer_error_text(c, "only one size can be -1");
            if (dim_is(others, 0))
                return infer_error_text(c, "the size -1 cannot be told where another one is 0");
            shape.dims[i] = left;
            is_exact = exact != NULL;
            continue;
        }
        shape.dims[i] = dim_select(t, dim_equal(t, sizes[i], known(c, -1)), left, sizes[i]);
        if (!require_size(c, shape.dims[i], "a size")) return false;
    }
    set_shape(c, 0, shape);
    /* Where the division has no rest, whatever the sizes are, nothing is left to check. */
    for (size_t i = 0; is_exact && i < count; i++)
        is_exact = dim_is(sizes[i], -1) || dim_low(sizes[i]) >= 0;
    return is_exact || elements_must_agree(c, total, &shape);
}

/* Sizes that are given replace those of x; a rank that is not known becomes known, as the sizes of an
 * unknown rank stand at the end. */
bool shape_ensure_shape(InferContext *c) {
    DimTable *t = c->dims;
    const Shape *x = input_shape(c, "x");
    const Argument *entries = node_argument(c->node, "shape");
    int rank = (int)entries->count, front = x->rank - rank;
    if (entries->count > MAX_RANK || (shape_has_rank(x) && front != 0))
        return infer_error_text(c, "shape has %zu dimensions: %s is %s", entries->count,
                                input_text(c, 0), shape_text(c->graph->arena, x));
    Shape shape = {.rank = rank};
    Dim condition = shape_has_rank(x) ? known(c, 1) : dim_equal(t, x->runtime_rank, known(c, rank));
    for (int i = 0; i < rank; i++) {
        const ShapeEntry *entry = &entries->as.sizes[i];
        if (entry->name)
            return infer_error_text(c, "size %d is the name `%s`; it has to be a number or null", i,
                                    escape_for_message(c->graph->arena, entry->name));
        Dim own = x->dims[i + front];
        shape.dims[i] = entry->size < 0 ? own : known(c, entry->size);
        condition = dim_and(t, condition, dim_equal(t, own, shape.dims[i]));
    }
    set_shape(c, 0, shape);
    if (infer_holds(condition)) return true;
    Sentence s = sentence_begin(c);
    sentence_input(&s, c, 0);
    sentence_text(&s, " and has to be ");
    sentence_shape(&s, &shape);
    return infer_require(c, condition, &s);
}

/* Several axes count in the result, as numpy's. */
bool shape_expand_dims(InferContext *c) {
    const Shape *input = input_shape(c, "input"), *axis = input_shape(c, "axis");
    Dim is_named[MAX_RANK];
    size_t count;
    int64_t added = 1;
    if (!need_rank(c, "input", 0) || !need_rank(c, "axis", 0)) return false;
    if (axis->rank > 1 || (axis->rank == 1 && !dim_is_constant(axis->dims[0], &added)))
        return infer_error_at(
            c, input_index(c, "axis"), "%s is %s; it has to be a number, or a list of known length",
            input_text(c, input_index(c, "axis")), shape_text(c->graph->arena, axis));
    if (added > MAX_RANK - input->rank)
        return infer_error_text(c, "the result would have %lld dimensions; a tensor has at most %d",
                                (long long)added + input->rank, MAX_RANK);
    int rank = input->rank + (int)added;
    if (!need_axes(c, "axis", rank, is_named, &count)) return false;
    set_shape(c, 0, axes_inserted(c->dims, input, is_named, rank));
    return true;
}

/* Dimensions that are named have to be 1. */
static bool squeeze_named(InferContext *c, const Shape *input, const Dim *is_named, size_t count) {
    for (int i = 0; i < input->rank; i++) {
        Dim condition = dim_or(c->dims, dim_not(c->dims, is_named[i]),
                               dim_equal(c->dims, input->dims[i], known(c, 1)));
        if (infer_holds(condition)) continue;
        Sentence s = sentence_begin(c);
        sentence_text(&s, "dimension %d is not 1: ", i);
        sentence_input(&s, c, 0);
        if (!infer_require(c, condition, &s)) return false;
    }
    set_shape(c, 0, axes_removed(c->dims, input, is_named, count));
    return true;
}

/* All ones go. Where a size is not known the rank is known during the run alone: position m from
 * the right takes the size of the one dimension that is not 1 and has m such dimensions behind it,
 * or else is 1. */
static void squeeze_all(InferContext *c, const Shape *input) {
    DimTable *t = c->dims;
    Dim one = known(c, 1), stays[MAX_RANK], behind = known(c, 0);
    Shape shape = {.rank = MAX_RANK};
    for (int m = 0; m < MAX_RANK; m++) shape.dims[m] = one;
    for (int i = input->rank - 1; i >= 0; i--) {
        stays[i] = dim_subtract(t, one, dim_equal(t, input->dims[i], one));
        for (int m = 0; m < MAX_RANK; m++) {
            Dim here = dim_multiply(t, stays[i], dim_equal(t, behind, known(c, m)));
            Dim *size = &shape.dims[MAX_RANK - 1 - m];
            *size = dim_add(t, *size, dim_multiply(t, here, dim_subtract(t, input->dims[i], one)));
        }
        behind = dim_add(t, behind, stays[i]);
    }
    shape.runtime_rank = behind;
    int64_t rank;
    if (dim_is_constant(behind, &rank)) {
        Shape exact = {0};
        for (int i = 0; i < input->rank; i++)
            if (dim_is(stays[i], 1)) exact.dims[exact.rank++] = input->dims[i];
        shape = exact;
    }
    set_shape(c, 0, shape);
}

bool shape_squeeze(InferContext *c) {
    const Shape *input = input_shape(c, "input");
    Dim is_named[MAX_RANK];
    size_t count;
    if (!need_rank(c, "input", 0) || !need_axes(c, "axis", input->rank, is_named, &count))
        return false;
    if (has_input(c, "axis") && count != 0) return squeeze_named(c, input, is_named, count);
    squeeze_all(c, input); /* TensorFlow takes an empty list for all */
    return true;
}

/* A permutation that the run gives: dimension i of the result has the size of the one perm[i]
 * names. */
static bool transpose_by_run(InferContext *c, const Shape *a) {
    DimTable *t = c->dims;
    Dim *perm;
    size_t count;
    if (!need_exact_rank(c, "perm", 1) || !need_contents(c, "perm", &perm, &count)) return false;
    if (count != (size_t)a->rank)
        return infer_error_text(c, "perm has %zu elements; %s has %d dimensions", count,
                                shape_text(c->graph->arena, a), a->rank);
    Shape shape = {.rank = a->rank};
    Dim condition = known(c, 1);
    for (int i = 0; i < a->rank; i++) {
        shape.dims[i] = known(c, 0);
        for (int d = 0; d < a->rank; d++)
            shape.dims[i] = dim_add(
                t, shape.dims[i], dim_multiply(t, dim_equal(t, perm[i], known(c, d)), a->dims[d]));
        condition = dim_and(t, condition, dim_less(t, known(c, -1), perm[i]));
        condition = dim_and(t, condition, dim_less(t, perm[i], known(c, a->rank)));
        for (int k = 0; k < i; k++)
            condition = dim_and(t, condition, dim_not(t, dim_equal(t, perm[i], perm[k])));
    }
    set_shape(c, 0, shape);
    Sentence s = sentence_begin(c);
    sentence_text(&s, "perm is no permutation of %d dimensions: [", a->rank);
    for (int i = 0; i < a->rank; i++) {
        if (i) sentence_text(&s, ", ");
        sentence_dim(&s, perm[i]);
    }
    sentence_text(&s, "]");
    return infer_require(c, condition, &s);
}

bool shape_transpose(InferContext *c) {
    const Shape *a = input_shape(c, "a");
    if (!need_rank(c, "a", 0)) return false;
    const int64_t *perm;
    size_t count;
    Shape shape = {.rank = a->rank};
    if (!has_input(c, "perm")) {
        for (int i = 0; i < a->rank; i++) shape.dims[i] = a->dims[a->rank - 1 - i];
        set_shape(c, 0, shape);
        return true;
    }
    if (!value_known_integers(c->graph->arena, input_value(c, "perm"), &perm, &count))
        return transpose_by_run(c, a);
    if (count != (size_t)a->rank || input_shape(c, "perm")->rank != 1)
        return infer_error_text(c, "perm has %zu elements; %s has %d dimensions", count,
                                shape_text(c->graph->arena, a), a->rank);
    unsigned seen = 0;
    for (int i = 0; i < a->rank; i++) {
        int from;
        if (!normalize_axis(c, perm[i], a->rank, "perm", &from)) return false;
        if (seen & (1u << from)) return infer_error_text(c, "perm names dimension %d twice", from);
        seen |= 1u << from;
        shape.dims[i] = a->dims[from];
    }
    set_shape(c, 0, shape);
    return true;
}

/* ---- blocks of pixels ---- */

/* Whether channels come first, and the side of a block; errors for any other format. */
static bool read_blocks(InferContext *c, bool *channels_first, int64_t *side) {
    const char *format = node_attribute_word(c->node, "data_format");
    *channels_first = strcmp(format, "NCHW") == 0;
    *side = node_attribute_integer(c->node, "block_size");
    if (!*channels_first && strcmp(format, "NHWC") != 0)
        return infer_error_text(c, "data_format is '%s'; it has to be NHWC or NCHW", format);
    if (*side < 1 || *side > INT32_MAX)
        return infer_error_text(c, "block_size is %lld; it has to be 1 or more", (long long)*side);
    return need_exact_rank(c, "input", 4);
}

static bool require_blocks(InferContext *c, Dim size, Dim part, const char *what) {
    Dim condition = dim_equal(c->dims, dim_modulo(c->dims, size, part), known(c, 0));
    if (infer_holds(condition)) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "the %s, ", what);
    sentence_dim(&s, size);
    sentence_text(&s, ", does not divide into parts of ");
    sentence_dim(&s, part);
    sentence_text(&s, ": ");
    sentence_input(&s, c, 0);
    return infer_require(c, condition, &s);
}

bool shape_space_to_depth(InferContext *c) {
    bool channels_first;
    int64_t number;
    if (!read_blocks(c, &channels_first, &number)) return false;
    Shape shape = *input_shape(c, "input");
    Dim side = known(c, number);
    int row = channels_first ? 2 : 1;
    if (!require_blocks(c, shape.dims[row], side, "height") ||
        !require_blocks(c, shape.dims[row + 1], side, "width"))
        return false;
    for (int i = row; i < row + 2; i++)
        shape.dims[i] = dim_floor_divide(c->dims, shape.dims[i], side);
    Dim *channels = &shape.dims[channels_first ? 1 : 3];
    *channels = dim_multiply(c->dims, *channels, known(c, number * number));
    set_shape(c, 0, shape);
    return true;
}

bool shape_depth_to_space(InferContext *c) {
    bool channels_first;
    int64_t number;
    const char *mode = node_attribute_word(c->node, "mode");
    if (strcmp(mode, "DCR") != 0 && strcmp(mode, "CRD") != 0)
        return infer_error_text(c, "mode is '%s'; it has to be DCR or CRD", mode);
    if (!read_blocks(c, &channels_first, &number)) return false;
    Shape shape = *input_shape(c, "input");
    Dim side = known(c, number), block = known(c, number * number);
    Dim *channels = &shape.dims[channels_first ? 1 : 3];
    if (!require_blocks(c, *channels, block, "number of channels")) return false;
    *channels = dim_floor_divide(c->dims, *channels, block);
    for (int i = channels_first ? 2 : 1; i < (channels_first ? 4 : 3); i++)
        shape.dims[i] = dim_multiply(c->dims, shape.dims[i], side);
    set_shape(c, 0, shape);
    return true;
}

/* The sizes asked for stand in the order of `axes`, which are all of them where left out. */
bool shape_center_crop_pad(InferContext *c) {
    Shape target;
    const int64_t *axes = NULL;
    size_t count;
    if (!need_rank(c, "input_data", 1) || !shape_from_sizes(c, "shape", &target)) return false;
    Shape shape = *input_shape(c, "input_data");
    count = (size_t)shape.rank;
    if (has_input(c, "axes") && !need_constants(c, "axes", "they name dimensions", &axes, &count))
        return false;
    if (count != (size_t)target.rank)
        return infer_error_text(c, "shape has %d sizes for %zu axes", target.rank, count);
    unsigned seen = 0;
    for (size_t i = 0; i < count; i++) {
        int axis;
        if (!normalize_axis(c, axes ? axes[i] : (int64_t)i, shape.rank, "axes", &axis))
            return false;
        if (seen & (1u << axis)) return infer_error_text(c, "axes names dimension %d twice", axis);
        seen |= 1u << axis;
        shape.dims[axis] = target.dims[i];
    }
    set_shape(c, 0, shape);
    return true;
}
