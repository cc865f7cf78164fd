/* lower_resize.c: resize: each axis is sampled at other places, one after the other.
 *
 * Element i of an axis of the result stands at a coordinate of the input that the coordinate
 * transformation mode says; there the nearest element is taken, or those around it are weighted.
 * Linear interpolation of a few axes is one kernel, but for the last dimension, whose elements are
 * picked one by one: it comes last, alone, so that they are fewest. Cubic interpolation and
 * antialiasing take a kernel for each axis. Intermediate results are floats.
 */
#include "graph/rules.h"
#include "kernels/lower_sample.h"
#include <math.h>
#include <string.h>

enum { LINEAR_AXES = 3 }; /* of one kernel: 8 elements each */

typedef struct Resize {
    LowerContext *c;
    Buffer *input, *output, *scales, *roi;
    Value *sizes;
    int given;                /* how many axes are resized, as the node says */
    int place[MAX_RANK];      /* by axis: its place among the given ones, or -1 */
    int axis_of[MAX_RANK];    /* the given axes */
    bool is_active[MAX_RANK]; /* by axis: not certain to stay as it is */
    tfcc_dtype real;          /* what coordinates and sums are computed in */
    const char *coordinates, *policy, *mode;
    bool antialias;
} Resize;

static bool has_elements(const Buffer *buffer) {
    return buffer && !(buffer->type.shape.rank == 1 && dim_is(buffer->type.shape.dims[0], 0));
}

/* The scale of an axis, where it is known. */
static bool known_scale(const Resize *r, int axis, float *scale) {
    return r->scales && value_known_float(lower_input_value(r->c, "scales"), r->place[axis], scale);
}

/* Whether the elements along an axis are certain to be those of the input. */
static bool stays(const Resize *r, int axis) {
    float scale;
    if (r->place[axis] < 0) return true;
    if (strcmp(r->coordinates, "tf_crop_and_resize") == 0) return false;
    if (r->scales) return known_scale(r, axis, &scale) && scale == 1;
    return strcmp(r->policy, "stretch") == 0 &&
           dim_compare(r->c->dims, r->input->type.shape.dims[axis],
                       r->output->type.shape.dims[axis]) == DIM_YES;
}

static Resize read_resize(LowerContext *c) {
    Resize r = {.c = c,
                .input = lower_input(c, "x"),
                .output = lower_output(c, 0),
                .scales = lower_input(c, "scales"),
                .roi = lower_input(c, "roi"),
                .sizes = lower_input_value(c, "sizes"),
                .coordinates = node_attribute_word(c->node, "coordinate_transformation_mode"),
                .policy = node_attribute_word(c->node, "keep_aspect_ratio_policy"),
                .mode = node_attribute_word(c->node, "mode"),
                .antialias = node_attribute_bool(c->node, "antialias")};
    int rank = r.input->type.shape.rank;
    const int64_t *axes;
    size_t count;
    if (!has_elements(r.scales)) r.scales = NULL;
    r.real = r.input->type.dtype == TFCC_FLOAT64 ? TFCC_FLOAT64 : TFCC_FLOAT32;
    bool has_axes = lower_known_integers(c, "axes", &axes, &count);
    r.given = has_axes ? (int)count : rank;
    for (int d = 0; d < rank; d++) r.place[d] = -1;
    for (int p = 0; p < r.given; p++) {
        r.axis_of[p] = has_axes ? (int)(axes[p] < 0 ? axes[p] + rank : axes[p]) : p;
        r.place[r.axis_of[p]] = p;
    }
    for (int d = 0; d < rank; d++) r.is_active[d] = !stays(&r, d);
    return r;
}

/* ---- coordinates ---- */

static Scalar *real_of(const Resize *r, Kernel *k, Dim number) {
    return scalar_convert(k, r->real, scalar_index(k, number));
}

static Scalar *load_real(const Resize *r, Kernel *k, Buffer *buffer, int at) {
    Dim index = dim_constant(r->c->dims, at);
    return scalar_convert(k, r->real, scalar_load(k, buffer, &index));
}

/* The size asked for, over the size there is. */
static Scalar *ratio_of_sizes(const Resize *r, Kernel *k, int place) {
    Scalar *wanted = scalar_convert(k, r->real, lower_element(r->c, k, r->sizes, place));
    return scalar_divide(k, wanted, real_of(r, k, r->input->type.shape.dims[r->axis_of[place]]));
}

static bool keeps_ratio(const Resize *r) {
    return !r->scales && strcmp(r->policy, "stretch") != 0;
}

static Scalar *scale_of(const Resize *r, Kernel *k, int axis) {
    if (r->scales) return load_real(r, k, r->scales, r->place[axis]);
    if (!keeps_ratio(r)) return ratio_of_sizes(r, k, r->place[axis]);
    ScalarOp op = strcmp(r->policy, "not_larger") == 0 ? SCALAR_MINIMUM : SCALAR_MAXIMUM;
    Scalar *scale = ratio_of_sizes(r, k, 0);
    for (int p = 1; p < r->given; p++) scale = scalar_binary(k, op, scale, ratio_of_sizes(r, k, p));
    return scale;
}

/* x (n - 1) / (length - 1), or `single` where the length is 1. */
static Scalar *align_corners(Kernel *k, Scalar *x, Scalar *n, Scalar *length, Scalar *single) {
    Scalar *one = scalar_like(k, x, 1);
    Scalar *last = scalar_subtract(k, length, one);
    Scalar *spread = scalar_divide(k, scalar_multiply(k, x, scalar_subtract(k, n, one)), last);
    return scalar_select(k, scalar_equal(k, length, one), single, spread);
}

/* Between roi[start] and roi[end], which count the axis from 0 to 1. */
static Scalar *in_region(const Resize *r, Kernel *k, int axis, Scalar *x, Scalar *n,
                         Scalar *length) {
    Scalar *start = load_real(r, k, r->roi, r->place[axis]),
           *end = load_real(r, k, r->roi, r->given + r->place[axis]);
    Scalar *one = scalar_like(k, x, 1), *last = scalar_subtract(k, n, one);
    Scalar *span = scalar_multiply(k, scalar_subtract(k, end, start), last);
    Scalar *middle = scalar_divide(k, span, scalar_like(k, x, 2));
    Scalar *spread = scalar_divide(k, scalar_multiply(k, x, span), scalar_subtract(k, length, one));
    Scalar *offset = scalar_select(k, scalar_equal(k, length, one), middle, spread);
    return scalar_add(k, offset, scalar_multiply(k, start, last));
}

/* Where element `position` of an axis of the result stands in the input. */
static Scalar *coordinate(const Resize *r, Kernel *k, int axis, Dim position) {
    Dim input = r->input->type.shape.dims[axis], output = r->output->type.shape.dims[axis];
    Scalar *x = real_of(r, k, position), *n = real_of(r, k, input), *scale = scale_of(r, k, axis);
    Scalar *count = real_of(r, k, output), *half = scalar_like(k, x, 0.5),
           *one = scalar_like(k, x, 1), *zero = scalar_like(k, x, 0);
    /* A length that a scale gives may have a fraction. */
    Scalar *length = r->scales || keeps_ratio(r) ? scalar_multiply(k, scale, n) : count;
    const char *mode = r->coordinates;
    if (strcmp(mode, "align_corners") == 0) return align_corners(k, x, n, length, zero);
    if (strcmp(mode, "asymmetric") == 0) return scalar_divide(k, x, scale);
    if (strcmp(mode, "tf_half_pixel_for_nn") == 0)
        return scalar_divide(k, scalar_add(k, x, half), scale);
    if (strcmp(mode, "tf_crop_and_resize") == 0) return in_region(r, k, axis, x, n, length);
    Scalar *centre = scalar_subtract(k, scalar_divide(k, scalar_add(k, x, half), scale), half);
    if (strcmp(mode, "pytorch_half_pixel") == 0)
        return scalar_select(k, scalar_less(k, one, count), centre, zero);
    if (strcmp(mode, "half_pixel_symmetric") == 0) {
        Scalar *surplus = scalar_subtract(k, one, scalar_divide(k, count, length));
        return scalar_add(k, scalar_multiply(k, scalar_multiply(k, n, half), surplus), centre);
    }
    return centre;
}

/* Outside of the input counts as the extrapolation value where regions are cut out. */
static Scalar *extrapolate(const Resize *r, Kernel *k, const Dim *axes, Scalar *value) {
    if (strcmp(r->coordinates, "tf_crop_and_resize") != 0) return value;
    Scalar *outside = scalar_integer(k, TFCC_BOOL, 0);
    for (int p = 0; p < r->given; p++) {
        int axis = r->axis_of[p];
        Scalar *x = coordinate(r, k, axis, axes[axis]), *zero = scalar_like(k, x, 0);
        Dim last =
            dim_subtract(r->c->dims, r->input->type.shape.dims[axis], dim_constant(r->c->dims, 1));
        outside = scalar_or(k, outside, scalar_less(k, x, zero));
        outside = scalar_or(k, outside, scalar_less(k, real_of(r, k, last), x));
    }
    double filler = node_attribute_float(r->c->node, "extrapolation_value");
    return scalar_select(k, outside, scalar_like(k, value, filler), value);
}

/* ---- nearest ---- */

/* Whether the result has exactly so many elements for each of the input, which then stand side by
 * side. */
static bool repeats_elements(const Resize *r, int axis, const char *rounding, int64_t *factor) {
    const Shape *from = &r->input->type.shape, *to = &r->output->type.shape;
    int64_t input, output;
    float scale;
    bool rounds = strncmp(rounding, "round", 5) == 0;
    bool centred = strcmp(r->coordinates, "half_pixel") == 0 && rounds;
    if (!centred && !(strcmp(r->coordinates, "asymmetric") == 0 && strcmp(rounding, "floor") == 0))
        return false;
    if (known_scale(r, axis, &scale)) {
        if (!(scale >= 1 && scale <= 1024 && scale == floorf(scale))) return false;
        *factor = (int64_t)scale;
    } else {
        if (keeps_ratio(r) || r->scales || !dim_is_constant(from->dims[axis], &input) ||
            !dim_is_constant(to->dims[axis], &output) || input == 0 || output % input)
            return false;
        *factor = output / input;
    }
    return dim_compare(r->c->dims, to->dims[axis],
                       dim_multiply(r->c->dims, from->dims[axis],
                                    dim_constant(r->c->dims, *factor))) == DIM_YES;
}

static Scalar *nearest_position(const Resize *r, Kernel *k, int axis, Dim position) {
    const char *rounding = node_attribute_word(r->c->node, "nearest_mode");
    int64_t factor;
    if (repeats_elements(r, axis, rounding, &factor))
        return scalar_index(
            k, dim_floor_divide(r->c->dims, position, dim_constant(r->c->dims, factor)));
    Scalar *x = coordinate(r, k, axis, position), *half = scalar_like(k, x, 0.5);
    if (strcmp(rounding, "round_prefer_floor") == 0)
        x = scalar_unary(k, SCALAR_CEIL, scalar_subtract(k, x, half));
    else if (strcmp(rounding, "round_prefer_ceil") == 0)
        x = scalar_unary(k, SCALAR_FLOOR, scalar_add(k, x, half));
    else
        x = scalar_unary(k, strcmp(rounding, "ceil") == 0 ? SCALAR_CEIL : SCALAR_FLOOR, x);
    return sample_clamp(k, sample_position(k, x), r->input->type.shape.dims[axis]);
}

static void lower_nearest(const Resize *r) {
    Dim axes[MAX_RANK];
    Scalar *index[MAX_RANK];
    Kernel *k = lower_kernel_over(r->c, &r->output->type.shape, axes);
    for (int d = 0; d < r->output->type.shape.rank; d++)
        index[d] = r->is_active[d] ? nearest_position(r, k, d, axes[d]) : scalar_index(k, axes[d]);
    kernel_store(k, r->output, extrapolate(r, k, axes, scalar_load_at(k, r->input, index)));
}

/* ---- weighted sums ---- */

/* Weights of positions outside become 0, and the others are enlarged so that they add up to 1. */
static void exclude_outside(Kernel *k, Taps *taps, Dim size) {
    Scalar *sum = NULL;
    for (int t = 0; t < taps->count; t++) {
        Scalar *position = scalar_convert(k, TFCC_INT64, taps->position[t]);
        Scalar *inside =
            scalar_in_range(k, position, scalar_integer(k, TFCC_INT64, 0), scalar_index(k, size));
        taps->weight[t] =
            scalar_select(k, inside, taps->weight[t], scalar_like(k, taps->weight[t], 0));
        sum = sum ? scalar_add(k, sum, taps->weight[t]) : taps->weight[t];
    }
    for (int t = 0; t < taps->count; t++) taps->weight[t] = scalar_divide(k, taps->weight[t], sum);
}

static Taps taps_of(const Resize *r, Kernel *k, int axis, Dim position) {
    Dim size = r->input->type.shape.dims[axis];
    Scalar *x = coordinate(r, k, axis, position);
    if (strcmp(r->mode, "cubic") == 0) {
        double a = (double)(float)node_attribute_float(r->c->node, "cubic_coeff_a");
        Taps taps = sample_cubic_taps(k, axis, x, a);
        if (node_attribute_bool(r->c->node, "exclude_outside")) exclude_outside(k, &taps, size);
        sample_clamp_taps(k, &taps, size);
        return taps;
    }
    Scalar *last = real_of(r, k, dim_subtract(r->c->dims, size, dim_constant(r->c->dims, 1)));
    x = scalar_minimum(k, scalar_maximum(k, x, scalar_like(k, x, 0)), last);
    Taps taps = sample_linear_taps(k, axis, x);
    sample_clamp_taps(k, &taps, size);
    return taps;
}

/* How many elements of the input an antialiased one depends on: twice the kernel's radius, which a
 * scale below 1 stretches. The scale is never below (result - 1/2) / input. */
static Dim antialias_count(const Resize *r, int axis) {
    DimTable *dims = r->c->dims;
    int64_t radius = strcmp(r->mode, "cubic") == 0 ? 2 : 1;
    float scale;
    if (known_scale(r, axis, &scale) && scale > 1e-6f) {
        double stretched = ceil((double)radius / fmin((double)scale, 1));
        return dim_constant(dims, 2 * (int64_t)stretched);
    }
    Dim one = dim_constant(dims, 1), twice = dim_constant(dims, 2 * radius);
    Dim input = dim_multiply(dims, r->input->type.shape.dims[axis], twice);
    Dim output = dim_subtract(
        dims, dim_multiply(dims, r->output->type.shape.dims[axis], dim_constant(dims, 2)), one);
    Dim stretched = dim_ceil_divide(dims, input, dim_maximum(dims, output, one));
    return dim_multiply(dims, dim_maximum(dims, stretched, dim_constant(dims, radius)),
                        dim_constant(dims, 2));
}

/* The weighted mean of the elements around a coordinate, under a kernel stretched by the scale. */
static Scalar *antialiased(const Resize *r, Kernel *k, Buffer *input, Scalar **index, int axis,
                           Dim position) {
    DimTable *dims = r->c->dims;
    Dim size = r->input->type.shape.dims[axis], count = antialias_count(r, axis);
    Dim tap = kernel_add_reduce_axis(k, count);
    Dim first = dim_subtract(dims, dim_constant(dims, 1),
                             dim_floor_divide(dims, count, dim_constant(dims, 2)));
    Scalar *x = coordinate(r, k, axis, position), *one = scalar_like(k, x, 1);
    Scalar *floor = scalar_convert(k, TFCC_INT64, scalar_unary(k, SCALAR_FLOOR, x));
    Scalar *at = scalar_add(k, floor, scalar_index(k, dim_add(dims, tap, first)));
    Scalar *scale = scalar_minimum(k, scale_of(r, k, axis), one);
    Scalar *distance = scalar_absolute(
        k, scalar_multiply(k, scalar_subtract(k, scalar_convert(k, r->real, at), x), scale));
    Scalar *weight =
        strcmp(r->mode, "cubic") == 0
            ? sample_cubic_weight(k, distance,
                                  (double)(float)node_attribute_float(r->c->node, "cubic_coeff_a"))
            : scalar_maximum(k, scalar_subtract(k, one, distance), scalar_like(k, one, 0));
    if (node_attribute_bool(r->c->node, "exclude_outside"))
        weight = scalar_select(
            k, scalar_in_range(k, at, scalar_integer(k, TFCC_INT64, 0), scalar_index(k, size)),
            weight, scalar_like(k, weight, 0));
    index[axis] = sample_clamp(k, at, size);
    Scalar *zero = scalar_like(k, weight, 0);
    Scalar *element = scalar_convert(k, r->real, scalar_load_at(k, input, index));
    element = scalar_select(k, scalar_equal(k, weight, zero), zero, element);
    Scalar *sum = kernel_reduce(k, COMBINE_ADD, &tap, 1, scalar_multiply(k, weight, element));
    return scalar_divide(k, sum, kernel_reduce(k, COMBINE_ADD, &tap, 1, weight));
}

/* Integers lose their fraction, which antialiasing rounds; unsigned and narrow ones stop at their
 * limits. */
static Scalar *to_dtype(const Resize *r, Kernel *k, Scalar *value) {
    tfcc_dtype dtype = r->output->type.dtype;
    if (dtype_is_float(dtype)) return value;
    if (r->antialias)
        value = scalar_unary(k, SCALAR_FLOOR, scalar_add(k, value, scalar_like(k, value, 0.5)));
    double most = ldexp(1, dtype_bits(dtype) - dtype_is_signed(dtype)) - 1;
    double least = dtype_is_signed(dtype) ? -most - 1 : 0;
    if (dtype_bits(dtype) <= 16) value = scalar_minimum(k, value, scalar_like(k, value, most));
    if (dtype_bits(dtype) <= 16 || dtype_is_unsigned(dtype))
        value = scalar_maximum(k, value, scalar_like(k, value, least));
    return scalar_convert(k, dtype, value);
}

/* Whether a run may leave one of the axes as it is: its elements must not meet their neighbours, which
 * may be infinite. */
static bool may_stay(const Resize *r, const int *which, int count) {
    for (int i = 0; i < count; i++) {
        float scale;
        bool changes = known_scale(r, which[i], &scale) && scale != 1;
        if (!r->scales)
            changes = dim_compare(r->c->dims, r->input->type.shape.dims[which[i]],
                                  r->output->type.shape.dims[which[i]]) == DIM_NO;
        if (!changes) return true;
    }
    return false;
}

/* One kernel that resizes `count` axes of `from`; the last one gives the result. */
static Buffer *resize_axes(const Resize *r, Buffer *from, const int *which, int count,
                           bool is_last) {
    Shape shape = from->type.shape;
    for (int i = 0; i < count; i++) shape.dims[which[i]] = r->output->type.shape.dims[which[i]];
    Buffer *to = is_last ? r->output
                         : program_add_temporary(r->c->program, r->output->name, r->real, &shape);
    Dim axes[MAX_RANK];
    Scalar *index[MAX_RANK];
    Kernel *k = lower_kernel_over(r->c, &shape, axes);
    for (int d = 0; d < shape.rank; d++) index[d] = scalar_index(k, axes[d]);
    Taps taps[LINEAR_AXES];
    Scalar *value;
    if (r->antialias && count > 0) {
        value = antialiased(r, k, from, index, which[0], axes[which[0]]);
    } else {
        for (int i = 0; i < count; i++) taps[i] = taps_of(r, k, which[i], axes[which[i]]);
        value = sample_buffer(k, from, index, taps, count, COMBINE_ADD, may_stay(r, which, count));
    }
    if (is_last) value = to_dtype(r, k, extrapolate(r, k, axes, value));
    kernel_store(k, to, value);
    return to;
}

void lower_resize(LowerContext *c);
void lower_resize(LowerContext *c) {
    Resize r = read_resize(c);
    if (strcmp(r.mode, "nearest") == 0) {
        lower_nearest(&r);
        return;
    }
    int active[MAX_RANK], count = 0, most = r.antialias || r.mode[0] == 'c' ? 1 : LINEAR_AXES;
    for (int d = 0; d < r.input->type.shape.rank; d++)
        if (r.is_active[d]) active[count++] = d;
    bool last_alone = count > 1 && active[count - 1] == r.input->type.shape.rank - 1;
    Buffer *from = r.input;
    int at = 0;
    do {
        int left = at < count - 1 && last_alone ? count - 1 - at : count - at;
        int here = left < most ? left : most;
        from = resize_axes(&r, from, active + at, here, at + here == count);
        at += here;
    } while (at < count);
}
