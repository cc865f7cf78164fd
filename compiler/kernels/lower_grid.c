/* lower_grid.c: grid_sample, affine_grid, roi_align, crop_and_resize: pictures sampled at places
 * that are data.
 */
#include "kernels/lower_index.h"
#include "kernels/lower_sample.h"
#include <string.h>

static bool attribute_is(LowerContext *c, const char *name, const char *word) {
    return strcmp(node_attribute_word(c->node, name), word) == 0;
}

static Scalar *whole(Kernel *k, tfcc_dtype real, Dim number) {
    return scalar_convert(k, real, scalar_index(k, number));
}

static Scalar *clamp_real(Kernel *k, Scalar *x, Scalar *low, Scalar *high) {
    return scalar_minimum(k, scalar_maximum(k, x, low), high);
}

/* ---- grid_sample ---- */

typedef enum Border { BORDER_ZEROS, BORDER_NEAREST, BORDER_REFLECTED } Border;

typedef struct Grid {
    LowerContext *c;
    Kernel *kernel;
    tfcc_dtype real;
    bool align_corners, is_cubic;
    Border border;
} Grid;

/* Mirrored at the ends of low … high as often as it takes: with d how far x is beyond the low end
 * and m = d mod 2 range, low + min(m, 2 range - m). A range of 0 has one place, low. */
static Scalar *reflected(Kernel *k, Scalar *x, Scalar *low, Scalar *high) {
    Scalar *range = scalar_subtract(k, high, low), *zero = scalar_like(k, x, 0);
    Scalar *twice = scalar_add(k, range, range),
           *d = scalar_absolute(k, scalar_subtract(k, x, low));
    Scalar *turns = scalar_unary(k, SCALAR_FLOOR, scalar_divide(k, d, twice));
    Scalar *rest = scalar_subtract(k, d, scalar_multiply(k, turns, twice));
    Scalar *place = scalar_add(k, low, scalar_minimum(k, rest, scalar_subtract(k, twice, rest)));
    return scalar_select(k, scalar_less(k, zero, range), place, low);
}

/* The ends of an axis: its outermost elements, or their outer edges. */
static void ends_of(const Grid *g, Dim size, Scalar **low, Scalar **high) {
    Kernel *k = g->kernel;
    double edge = g->align_corners ? 0 : -0.5;
    *low = scalar_float(k, g->real, edge);
    *high = scalar_subtract(k, whole(k, g->real, size), scalar_float(k, g->real, 1 + edge));
}

/* -1 … 1 as a place on an axis: ((x + 1) n - 1) / 2, or (x + 1) / 2 (n - 1). */
static Scalar *place_on_axis(const Grid *g, Scalar *x, Dim size) {
    Kernel *k = g->kernel;
    Scalar *n = whole(k, g->real, size), *one = scalar_like(k, x, 1), *two = scalar_like(k, x, 2);
    x = scalar_add(k, x, one);
    if (g->align_corners)
        return scalar_multiply(k, scalar_divide(k, x, two), scalar_subtract(k, n, one));
    return scalar_divide(k, scalar_subtract(k, scalar_multiply(k, x, n), one), two);
}

/* Beyond its ends a coordinate is moved to the nearest element, or reflected. Cubic interpolation
 * repeats the outermost elements instead, as PyTorch and ONNX Runtime do. */
static Scalar *move_inside(const Grid *g, Scalar *x, Dim size) {
    Kernel *k = g->kernel;
    Scalar *low, *high;
    if (g->border == BORDER_ZEROS || (g->border == BORDER_NEAREST && g->is_cubic)) return x;
    if (g->border == BORDER_NEAREST)
        return clamp_real(k, x, scalar_like(k, x, 0),
                          scalar_subtract(k, whole(k, g->real, size), scalar_like(k, x, 1)));
    ends_of(g, size, &low, &high);
    Scalar *inside = scalar_and(k, scalar_less_equal(k, low, x), scalar_less_equal(k, x, high));
    return scalar_select(k, inside, x, reflected(k, x, low, high));
}

/* The taps' own positions beyond the ends. */
static void settle_taps(const Grid *g, Taps *taps, Dim size) {
    Kernel *k = g->kernel;
    if (g->border == BORDER_ZEROS) sample_mask_taps(k, taps, size);
    if (g->border == BORDER_REFLECTED)
        for (int t = 0; t < taps->count; t++) {
            Scalar *low, *high, *at = scalar_convert(k, g->real, taps->position[t]);
            ends_of(g, size, &low, &high);
            Scalar *inside =
                scalar_and(k, scalar_less_equal(k, low, at), scalar_less_equal(k, at, high));
            at = scalar_select(k, inside, at, reflected(k, at, low, high));
            taps->position[t] = sample_position(k, scalar_unary(k, SCALAR_TRUNCATE, at));
        }
    if (g->border != BORDER_ZEROS) sample_clamp_taps(k, taps, size);
}

/* y[n, c, o..] = x[n, c] at the place grid[n, o..], whose coordinates stand from the last axis to the
 * first. */
void lower_grid_sample(LowerContext *c);
void lower_grid_sample(LowerContext *c) {
    Buffer *x = lower_input(c, "x"), *grid = lower_input(c, "grid"), *output = lower_output(c, 0);
    int rank = x->type.shape.rank, places = rank - 2;
    const char *mode = node_attribute_word(c->node, "mode");
    bool is_nearest = strcmp(mode, "nearest") == 0;
    Dim axes[MAX_RANK], at[MAX_RANK];
    Grid g = {.c = c,
              .kernel = lower_kernel_over(c, &output->type.shape, axes),
              .real = x->type.dtype == TFCC_FLOAT64 || grid->type.dtype == TFCC_FLOAT64
                          ? TFCC_FLOAT64
                          : TFCC_FLOAT32,
              .align_corners = node_attribute_bool(c->node, "align_corners"),
              .is_cubic = strstr(mode, "cubic") != NULL,
              .border = attribute_is(c, "padding_mode", "zeros")    ? BORDER_ZEROS
                        : attribute_is(c, "padding_mode", "border") ? BORDER_NEAREST
                                                                    : BORDER_REFLECTED};
    Kernel *k = g.kernel;
    at[0] = axes[0];
    for (int d = 0; d < places; d++) at[d + 1] = axes[d + 2];
    Taps taps[MAX_RANK];
    for (int d = 0; d < places; d++) {
        Dim size = x->type.shape.dims[d + 2];
        at[rank - 1] = dim_constant(c->dims, places - 1 - d);
        Scalar *place = scalar_convert(k, g.real, scalar_load(k, grid, at));
        place = place_on_axis(&g, place, size);
        if (is_nearest) place = scalar_unary(k, SCALAR_ROUND_EVEN, place);
        place = move_inside(&g, place, size);
        if (is_nearest) {
            taps[d] = (Taps){.axis = d + 2, .count = 1};
            taps[d].position[0] = sample_position(k, scalar_unary(k, SCALAR_TRUNCATE, place));
            taps[d].weight[0] = scalar_float(k, g.real, 1);
        } else if (g.is_cubic) {
            taps[d] = sample_cubic_taps(k, d + 2, place, -0.75);
        } else {
            taps[d] = sample_linear_taps(k, d + 2, place);
        }
        settle_taps(&g, &taps[d], size);
    }
    Scalar *index[MAX_RANK] = {scalar_index(k, axes[0]), scalar_index(k, axes[1])};
    kernel_store(k, output, sample_buffer(k, x, index, taps, places, COMBINE_ADD, false));
}

/* ---- affine_grid ---- */

/* y[n, o.., r] = sum over q of theta[n, r, q] * place(o), whose coordinates stand from the last axis
 * to the first, and a 1: -1 … 1 between the outer elements, or the outer edges. */
void lower_affine_grid(LowerContext *c);
void lower_affine_grid(LowerContext *c) {
    Buffer *theta = lower_input(c, "theta"), *output = lower_output(c, 0);
    int places = output->type.shape.rank - 2;
    bool align_corners = node_attribute_bool(c->node, "align_corners");
    tfcc_dtype real = output->type.dtype == TFCC_FLOAT64 ? TFCC_FLOAT64 : TFCC_FLOAT32;
    Dim axes[MAX_RANK];
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    Scalar *sum = NULL, *one = scalar_float(k, real, 1);
    for (int q = 0; q <= places; q++) {
        Scalar *place = one;
        if (q < places) {
            Dim axis = axes[places - q],
                twice = dim_multiply(c->dims, axis, dim_constant(c->dims, 2));
            Dim one_more = dim_add(c->dims, twice, dim_constant(c->dims, 1));
            Dim gaps = dim_subtract(c->dims, axis->size, dim_constant(c->dims, 1));
            place = scalar_divide(k, whole(k, real, align_corners ? twice : one_more),
                                  whole(k, real, align_corners ? gaps : axis->size));
            place = scalar_subtract(k, place, one);
            /* A single element stands at the first corner. */
            if (align_corners)
                place = scalar_select(
                    k, scalar_equal(k, scalar_index(k, gaps), scalar_integer(k, TFCC_INT64, 0)),
                    scalar_negate(k, one), place);
        }
        Dim at[] = {axes[0], axes[places + 1], dim_constant(c->dims, q)};
        Scalar *term =
            scalar_multiply(k, scalar_convert(k, real, scalar_load(k, theta, at)), place);
        sum = sum ? scalar_add(k, sum, term) : term;
    }
    kernel_store(k, output, sum);
}

/* ---- roi_align ---- */

typedef struct Region {
    Scalar *start, *extent; /* along one axis of the picture */
    Scalar *bin;            /* how long a bin is */
    Scalar *grid;           /* how many samples it has, as a float */
} Region;

/* The region's coordinates `first` and first + 2, scaled. */
static Region read_region(LowerContext *c, Kernel *k, Dim roi, int first, Dim bins, Dim samples) {
    Buffer *rois = lower_input(c, "rois");
    bool is_half = attribute_is(c, "coordinate_transformation_mode", "half_pixel");
    tfcc_dtype real = rois->type.dtype == TFCC_FLOAT64 ? TFCC_FLOAT64 : TFCC_FLOAT32;
    Scalar *ends[2];
    for (int e = 0; e < 2; e++) {
        Dim at[] = {roi, dim_constant(c->dims, first + 2 * e)};
        Scalar *end = scalar_convert(k, real, scalar_load(k, rois, at));
        end = scalar_multiply(k, end,
                              scalar_like(k, end, node_attribute_float(c->node, "spatial_scale")));
        ends[e] = is_half ? scalar_subtract(k, end, scalar_like(k, end, 0.5)) : end;
    }
    Region region = {.start = ends[0], .extent = scalar_subtract(k, ends[1], ends[0])};
    if (!is_half)
        region.extent = scalar_maximum(k, region.extent, scalar_like(k, region.extent, 1));
    region.bin = scalar_divide(k, region.extent, whole(k, real, bins));
    region.grid = node_attribute_integer(c->node, "sampling_ratio") > 0
                      ? whole(k, real, samples)
                      : scalar_unary(k, SCALAR_CEIL, region.bin);
    return region;
}

/* Sample `number` of bin `bin`: its coordinate, and whether it is one of the region's and on the
 * picture or within 1 of it. */
static Scalar *sample_place(Kernel *k, const Region *region, Dim bin, Dim number, Dim size,
                            Scalar **counts) {
    tfcc_dtype real = region->start->dtype;
    Scalar *sample = whole(k, real, number), *n = whole(k, real, size);
    Scalar *inner = scalar_divide(
        k, scalar_multiply(k, scalar_add(k, sample, scalar_like(k, sample, 0.5)), region->bin),
        region->grid);
    Scalar *x = scalar_add(
        k, scalar_add(k, region->start, scalar_multiply(k, whole(k, real, bin), region->bin)),
        inner);
    Scalar *near =
        scalar_and(k, scalar_less_equal(k, scalar_like(k, x, -1), x), scalar_less_equal(k, x, n));
    *counts = scalar_and(k, *counts, scalar_and(k, near, scalar_less(k, sample, region->grid)));
    return clamp_real(k, x, scalar_like(k, x, 0), scalar_subtract(k, n, scalar_like(k, x, 1)));
}

/* y[r, c, h, w] = the mean, or the largest, of the samples in bin (h, w) of region r of picture
 * batch_indices[r]. How many samples the largest region has is an input here: the expansion has
 * found it. */
void lower_roi_align(LowerContext *c);
void lower_roi_align(LowerContext *c) {
    Buffer *x = lower_input(c, "x"), *batch = lower_input(c, "batch_indices"),
           *output = lower_output(c, 0);
    const Shape *shape = &x->type.shape;
    bool is_max = attribute_is(c, "mode", "max");
    lower_check_indices(c, batch, shape->dims[0], false);
    Dim axes[MAX_RANK], samples[2], grid[2];
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    const char *const parameters[] = {"sampling_height", "sampling_width"};
    for (int d = 0; d < 2; d++) {
        samples[d] = dim_maximum(c->dims, lower_input_value(c, parameters[d])->elements[0],
                                 dim_constant(c->dims, 0));
        grid[d] = kernel_add_reduce_axis(k, samples[d]);
    }
    Region region[2];
    Taps taps[2];
    Scalar *counts = scalar_integer(k, TFCC_BOOL, 1);
    for (int d = 0; d < 2; d++) {
        region[d] = read_region(c, k, axes[0], 1 - d, output->type.shape.dims[d + 2], samples[d]);
        Scalar *place =
            sample_place(k, &region[d], axes[d + 2], grid[d], shape->dims[d + 2], &counts);
        taps[d] = sample_linear_taps(k, d + 2, place);
        sample_clamp_taps(k, &taps[d], shape->dims[d + 2]);
    }
    Scalar *index[MAX_RANK] = {scalar_convert(k, TFCC_INT64, scalar_load(k, batch, axes)),
                               scalar_index(k, axes[1])};
    Scalar *element =
        sample_buffer(k, x, index, taps, 2, is_max ? COMBINE_MAXIMUM : COMBINE_ADD, false);
    Scalar *zero = scalar_like(k, element, 0), *result;
    Scalar *all = scalar_multiply(k, scalar_maximum(k, region[0].grid, zero),
                                  scalar_maximum(k, region[1].grid, zero));
    element = scalar_select(k, counts, element, zero);
    if (is_max) {
        /* Samples off the picture count as 0, those that the region does not have not at all. */
        Scalar *exists =
            scalar_and(k, scalar_less(k, whole(k, zero->dtype, grid[0]), region[0].grid),
                       scalar_less(k, whole(k, zero->dtype, grid[1]), region[1].grid));
        element = scalar_select(k, exists, element, scalar_like(k, element, -__builtin_inf()));
        result = kernel_reduce(k, COMBINE_MAXIMUM, grid, 2, element);
        result = scalar_select(k, scalar_less(k, zero, all), result, zero);
    } else {
        Scalar *sum = kernel_reduce(k, COMBINE_ADD, grid, 2, element);
        result = scalar_divide(k, sum, scalar_maximum(k, all, scalar_like(k, all, 1)));
    }
    kernel_store(k, output, result);
}

/* ---- crop_and_resize ---- */

/* Where element `position` of so many stands between two ends that count the axis from 0 to 1. */
static Scalar *crop_place(LowerContext *c, Kernel *k, Dim box, int first, Dim position, Dim size) {
    Buffer *boxes = lower_input(c, "boxes");
    Dim one = dim_constant(c->dims, 1), from[] = {box, dim_constant(c->dims, first)},
        to[] = {box, dim_constant(c->dims, first + 2)};
    Scalar *start = scalar_load(k, boxes, from), *end = scalar_load(k, boxes, to);
    Scalar *last = whole(k, TFCC_FLOAT32, dim_subtract(c->dims, size, one));
    Dim count = position->size, gaps = dim_subtract(c->dims, count, one);
    Scalar *step = scalar_divide(k, scalar_multiply(k, scalar_subtract(k, end, start), last),
                                 whole(k, TFCC_FLOAT32, dim_maximum(c->dims, gaps, one)));
    Scalar *spread = scalar_add(k, scalar_multiply(k, start, last),
                                scalar_multiply(k, whole(k, TFCC_FLOAT32, position), step));
    Scalar *middle = scalar_multiply(
        k, scalar_multiply(k, scalar_float(k, TFCC_FLOAT32, 0.5), scalar_add(k, start, end)), last);
    return scalar_select(k,
                         scalar_less(k, scalar_integer(k, TFCC_INT64, 1), scalar_index(k, count)),
                         spread, middle);
}

/* y[b, i, j, d] = image[box_indices[b], .., .., d] at a place in box b; beyond the image the
 * extrapolation value. */
void lower_crop_and_resize(LowerContext *c);
void lower_crop_and_resize(LowerContext *c) {
    Buffer *image = lower_input(c, "image"), *which = lower_input(c, "box_indices"),
           *output = lower_output(c, 0);
    const Shape *shape = &image->type.shape;
    bool is_nearest = attribute_is(c, "method", "nearest");
    lower_check_indices(c, which, shape->dims[0], false);
    Dim axes[MAX_RANK];
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    Scalar *inside = scalar_integer(k, TFCC_BOOL, 1);
    Taps taps[2];
    for (int d = 0; d < 2; d++) {
        Dim size = shape->dims[d + 1];
        Scalar *place = crop_place(c, k, axes[0], d, axes[d + 1], size),
               *zero = scalar_like(k, place, 0);
        Scalar *last =
            whole(k, TFCC_FLOAT32, dim_subtract(c->dims, size, dim_constant(c->dims, 1)));
        inside = scalar_and(
            k, inside,
            scalar_and(k, scalar_less_equal(k, zero, place), scalar_less_equal(k, place, last)));
        if (is_nearest) {
            Scalar *half = scalar_like(k, place, 0.5);
            taps[d] = (Taps){.axis = d + 1, .count = 1};
            taps[d].position[0] =
                sample_position(k, scalar_unary(k, SCALAR_FLOOR, scalar_add(k, place, half)));
            taps[d].weight[0] = scalar_like(k, place, 1);
        } else {
            taps[d] = sample_linear_taps(k, d + 1, place);
        }
        sample_clamp_taps(k, &taps[d], size);
    }
    Scalar *index[MAX_RANK] = {scalar_convert(k, TFCC_INT64, scalar_load(k, which, axes))};
    index[3] = scalar_index(k, axes[3]);
    Scalar *value = sample_buffer(k, image, index, taps, 2, COMBINE_ADD, false);
    double filler = node_attribute_float(c->node, "extrapolation_value");
    kernel_store(k, output, scalar_select(k, inside, value, scalar_like(k, value, filler)));
}
