/* expand_image.c: TensorFlow's ways to resize pictures, and the samples of regions. */
#include "passes/expand.h"
#include <string.h>

/* ---- resize ---- */

/* Binds `picked` to the pictures' nearest rows, then columns: floor((i + 1/2) scale), floor(i scale),
 * or the nearest of i scale where corners are aligned, with TensorFlow's scale in float32. */
static void let_nearest(Composer *c, int axis, int place, bool align_corners, bool centred) {
    compose_let(c, "n", "shape(picked)[%d]", axis);
    compose_let(c, "m", "size[%d]", place);
    compose_let(c, "scale", "cast(n, float32) / cast(m, float32)");
    compose_let(c, "i", "cast(range(m), float32)");
    if (align_corners) {
        compose_let(c, "gaps", "maximum(m - 1, 1)");
        compose_let(c, "scale", "where(m > 1, cast(n - 1, float32) / cast(gaps, float32), scale)");
        compose_let(c, "exact", "i * scale");
        compose_let(c, "place", "floor(exact) + cast(exact - floor(exact) >= 0.5, float32)");
    } else {
        compose_let(c, "place", centred ? "floor((i + 0.5) * scale)" : "floor(i * scale)");
    }
    compose_let(c, "picked", "gather(picked, minimum(cast(place, int32), n - 1), axis=%d)", axis);
}

static Value *nearest(Composer *c, const GraphNode *node, bool align_corners, bool centred) {
    Value *images = node_input(node, "images");
    int row = images->type.shape.rank - 3;
    composer_bind(c, "picked", images);
    compose_let(c, "size", "cast(size, int32)");
    let_nearest(c, row, 0, align_corners, centred);
    let_nearest(c, row + 1, 1, align_corners, centred);
    return compose(c, "identity(picked)");
}

static const char *coordinates(const GraphNode *node) {
    return node_attribute_bool(node, "align_corners")        ? "align_corners"
           : node_attribute_bool(node, "half_pixel_centers") ? "half_pixel"
                                                             : "asymmetric";
}

Value *expand_resize_nearest_neighbor(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    return nearest(c, node, node_attribute_bool(node, "align_corners"),
                   node_attribute_bool(node, "half_pixel_centers"));
}

Value *expand_resize_bilinear(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    composer_bind_word(c, "coordinates", coordinates(node));
    return compose(c, "resize(cast(images, float32), sizes=size, axes=[1, 2], mode=linear, "
                      "coordinate_transformation_mode=coordinates)");
}

/* Centred pixels come with the sharper kernel, and without what is outside. */
Value *expand_resize_bicubic(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    bool centred = node_attribute_bool(node, "half_pixel_centers");
    composer_bind_word(c, "coordinates", coordinates(node));
    return compose(c,
                   "resize(cast(images, float32), sizes=size, axes=[1, 2], mode=cubic, "
                   "cubic_coeff_a=%s, exclude_outside=%s, "
                   "coordinate_transformation_mode=coordinates)",
                   centred ? "-0.5" : "-0.75", centred ? "true" : "false");
}

/* Binds `size` to the sizes by the smaller of the two factors, rounded to the even one of two. */
static void let_kept_size(Composer *c, int row) {
    compose_let(c, "n", "slice(shape(images), [%d], [2])", row);
    compose_let(c, "size", "cast(size, int32)");
    compose_let(c, "sums", "2 * n * size[:, None] + n[:, None]");
    compose_let(c, "twice", "2 * n[:, None]");
    compose_let(c, "rounded", "sums // twice");
    compose_let(c, "even", "rounded - where(equal(sums %% twice, 0), rounded %% 2, 0)");
    compose_let(c, "size", "minimum(even[0], even[1])");
}

Value *expand_image_resize(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    const char *method = node_attribute_word(node, "method");
    int row = node->outputs[0]->type.shape.rank - 3;
    bool antialias = node_attribute_bool(node, "antialias");
    if (node_attribute_bool(node, "preserve_aspect_ratio")) let_kept_size(c, row);
    if (strcmp(method, "nearest") == 0) return nearest(c, node, false, true);
    return compose(c,
                   "resize(cast(images, float32), sizes=size, axes=[%d, %d], mode=%s, "
                   "antialias=%s, cubic_coeff_a=-0.5, exclude_outside=true)",
                   row, row + 1, strcmp(method, "bilinear") == 0 ? "linear" : "cubic",
                   antialias ? "true" : "false");
}

/* ---- roi_align ---- */

/* How many samples a bin of the largest region has along an axis. */
static void let_samples(Composer *c, const GraphNode *node, const char *name, int first,
                        const char *bins) {
    int64_t ratio = node_attribute_integer(node, "sampling_ratio");
    if (ratio > 0) {
        composer_bind_integer(c, name, ratio);
        return;
    }
    bool is_half =
        strcmp(node_attribute_word(node, "coordinate_transformation_mode"), "half_pixel") == 0;
    compose_let(c, "extent", "(rois[:, %d] - rois[:, %d]) * spatial_scale", first + 2, first);
    if (!is_half) compose_let(c, "extent", "maximum(extent, 1)");
    /* One more than the rounding of this order of operations can take away. */
    compose_let(c, name, "cast(ceil(maximum(reduce_max(extent), 0) / %s), int32) + 1", bins);
}

Value *expand_roi_align(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    if (composer_has(c, "sampling_height")) return NULL;
    compose_let(c, "rois", "cast(rois, %s)",
                node_input(node, "rois")->type.dtype == TFCC_FLOAT64 ? "float64" : "float32");
    let_samples(c, node, "rows", 1, "output_height");
    let_samples(c, node, "columns", 0, "output_width");
    return compose(c, "roi_align(x, rois, batch_indices, coordinate_transformation_mode="
                      "coordinate_transformation_mode, mode=mode, output_height=output_height, "
                      "output_width=output_width, sampling_ratio=sampling_ratio, "
                      "spatial_scale=spatial_scale, sampling_height=rows, "
                      "sampling_width=columns)");
}
