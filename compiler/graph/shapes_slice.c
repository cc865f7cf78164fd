/* shapes_slice.c: rules of slices. */
#include "graph/slicing.h"
#include <string.h>

/* ---- slice ---- */

/* size[k] elements from begin[k] on; -1 is what is left, also where that is seen only during the
 * run. */
bool plan_slice(InferContext *c, SlicePlan *plan) {
    DimTable *t = c->dims;
    Dim *begin, *size;
    size_t begins, sizes;
    if (!need_rank(c, "input", 0) || !need_contents(c, "begin", &begin, &begins) ||
        !need_contents(c, "size", &size, &sizes))
        return false;
    const Shape *input = input_shape(c, "input");
    if (begins != (size_t)input->rank || sizes != (size_t)input->rank)
        return infer_error_text(
            c, "begin has %zu and size %zu elements; the input, %s, needs %d of each", begins,
            sizes, shape_text(c->graph->arena, input), input->rank);
    *plan = (SlicePlan){.count = input->rank, .shape = {.rank = input->rank}};
    for (int i = 0; i < input->rank; i++) {
        Dim left = dim_subtract(t, input->dims[i], begin[i]);
        Dim length = dim_is(size[i], -1) ? left
                     : dim_low(size[i]) >= 0
                         ? size[i]
                         : dim_select(t, dim_equal(t, size[i], known(c, -1)), left, size[i]);
        /* 0 <= begin, 0 <= length, begin + length <= the input's size */
        Dim fits =
            dim_and(t, dim_less(t, known(c, -1), begin[i]), dim_less(t, known(c, -1), length));
        fits = dim_and(t, fits, dim_less(t, length, dim_add(t, left, known(c, 1))));
        if (!infer_holds(fits)) {
            Sentence s = sentence_begin(c);
            sentence_text(&s, "elements ");
            sentence_dim(&s, begin[i]);
            sentence_text(&s, " to ");
            sentence_dim(&s, dim_add(t, begin[i], length));
            sentence_text(&s, " (excluded) of dimension %d are not inside its size, ", i);
            sentence_dim(&s, input->dims[i]);
            if (!infer_require(c, fits, &s)) return false;
        }
        plan->axes[i] = (SliceAxis){i, i, begin[i], known(c, 1), length};
        plan->shape.dims[i] = length;
    }
    return true;
}

bool shape_slice(InferContext *c) {
    SlicePlan plan;
    if (!plan_slice(c, &plan)) return false;
    set_shape(c, 0, plan.shape);
    return true;
}

/* ---- strided_slice ---- */

/* What the entries of begin, end and strides say, with the masks. */
typedef struct SliceEntries {
    Dim *begin, *end;
    Dim *strides; /* NULL: all 1 */
    size_t count;
    int64_t begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask;
} SliceEntries;

static bool has_bit(int64_t mask, size_t bit) {
    return bit < 63 && (mask >> bit & 1);
}

/* Entry n is for dimension axes[n]; the others are whole. Afterwards there is an entry for each
 * dimension. */
static bool entries_of_axes(InferContext *c, SliceEntries *e) {
    DimTable *t = c->dims;
    const Shape *input = input_shape(c, "input");
    Dim *axes, is_named[MAX_RANK], *full[3], one = known(c, 1);
    size_t count;
    if (e->begin_mask | e->end_mask | e->ellipsis_mask | e->new_axis_mask | e->shrink_axis_mask)
        return infer_error_text(c, "masks and axes do not go together");
    if (!need_axes(c, "axes", input->rank, is_named, &count) ||
        !need_contents(c, "axes", &axes, &count))
        return false;
    if (count != e->count)
        return infer_error_text(c, "begin has %zu elements, axes has %zu", e->count, count);
    for (int k = 0; k < 3; k++) full[k] = arena_alloc_array(c->graph->arena, MAX_RANK, sizeof(Dim));
    for (int i = 0; i < input->rank; i++) {
        full[0][i] = known(c, 0);
        full[1][i] = input->dims[i];
        full[2][i] = one;
        for (size_t n = 0; n < count; n++) {
            Dim here = axis_is(t, axes[n], i, input->rank);
            full[0][i] = dim_select(t, here, e->begin[n], full[0][i]);
            full[1][i] = dim_select(t, here, e->end[n], full[1][i]);
            full[2][i] = dim_select(t, here, e->strides ? e->strides[n] : one, full[2][i]);
        }
    }
    *e = (SliceEntries){full[0], full[1], full[2], .count = (size_t)input->rank};
    return true;
}

static bool read_entries(InferContext *c, SliceEntries *e) {
    size_t ends, strides;
    if (!need_contents(c, "begin", &e->begin, &e->count) ||
        !need_contents(c, "end", &e->end, &ends))
        return false;
    strides = e->count;
    e->strides = NULL;
    if (has_input(c, "strides") && !need_contents(c, "strides", &e->strides, &strides))
        return false;
    if (ends != e->count || strides != e->count || e->count > 2 * MAX_RANK)
        return infer_error_text(c, "begin, end and strides have %zu, %zu and %zu elements",
                                e->count, ends, strides);
    e->begin_mask = node_attribute_integer(c->node, "begin_mask");
    e->end_mask = node_attribute_integer(c->node, "end_mask");
    e->ellipsis_mask = node_attribute_integer(c->node, "ellipsis_mask");
    e->new_axis_mask = node_attribute_integer(c->node, "new_axis_mask");
    e->shrink_axis_mask = node_attribute_integer(c->node, "shrink_axis_mask");
    if (e->ellipsis_mask & (e->ellipsis_mask - 1))
        return infer_error_text(c, "an index has one ellipsis at most");
    return !has_input(c, "axes") || entries_of_axes(c, e);
}

/* Negative positions count from the end. */
static Dim from_end(DimTable *t, Dim position, Dim size) {
    if (dim_low(position) >= 0) return position;
    Dim turned = dim_add(t, position, size);
    if (dim_high(position) < 0) return turned;
    return dim_select(t, dim_less(t, position, dim_constant(t, 0)), turned, position);
}

static bool add_single_index(InferContext *c, SlicePlan *plan, const SliceEntries *e, size_t entry,
                             int axis, Dim size) {
    DimTable *t = c->dims;
    Dim index = e->begin[entry];
    Dim fits = dim_and(t, dim_less(t, dim_subtract(t, known(c, -1), size), index),
                       dim_less(t, index, size));
    if (!infer_holds(fits)) {
        Sentence s = sentence_begin(c);
        sentence_text(&s, "index ");
        sentence_dim(&s, index);
        sentence_text(&s, " of dimension %d is out of range: its size is ", axis);
        sentence_dim(&s, size);
        if (!infer_require(c, fits, &s)) return false;
    }
    plan->axes[plan->count++] =
        (SliceAxis){axis, -1, from_end(t, index, size), known(c, 1), known(c, 1)};
    return true;
}

/* Where a slice of a known direction begins, and how many elements it has. What is beyond an end
 * where the slice is empty anyway need not be cut off. `step` is at least 1: the stride, or minus
 * the stride. */
static void bound_range(InferContext *c, const SliceEntries *e, size_t entry, Dim size,
                        bool forward, Dim step, Dim *begin, Dim *length) {
    DimTable *t = c->dims;
    Dim zero = known(c, 0), end;
    if (forward) {
        *begin = has_bit(e->begin_mask, entry)
                     ? zero
                     : dim_maximum(t, from_end(t, e->begin[entry], size), zero);
        end = has_bit(e->end_mask, entry) ? size
                                          : dim_minimum(t, from_end(t, e->end[entry], size), size);
        *length = dim_ceil_divide(t, dim_subtract(t, end, *begin), step);
    } else {
        Dim last = dim_subtract(t, size, known(c, 1)), before = known(c, -1);
        *begin = has_bit(e->begin_mask, entry)
                     ? last
                     : dim_minimum(t, from_end(t, e->begin[entry], size), last);
        end = has_bit(e->end_mask, entry)
                  ? before
                  : dim_maximum(t, from_end(t, e->end[entry], size), before);
        *length = dim_ceil_divide(t, dim_subtract(t, *begin, end), step);
    }
    *length = dim_maximum(t, *length, zero);
}

/* begin:end:stride as in Python; the stride's sign may be known only when the run tells. */
static void add_range(InferContext *c, SlicePlan *plan, const SliceEntries *e, size_t entry,
                      int axis, Dim size, Dim stride) {
    DimTable *t = c->dims;
    Dim one = known(c, 1), zero = known(c, 0), begin[2], length[2];
    bound_range(c, e, entry, size, true, dim_maximum(t, stride, one), &begin[1], &length[1]);
    bound_range(c, e, entry, size, false, dim_maximum(t, dim_subtract(t, zero, stride), one),
                &begin[0], &length[0]);
    Dim forward = dim_less(t, zero, stride), count = dim_select(t, forward, length[1], length[0]);
    plan->axes[plan->count++] = (SliceAxis){
        axis, plan->shape.rank, dim_select(t, forward, begin[1], begin[0]), stride, count};
    plan->shape.dims[plan->shape.rank++] = count;
}

static bool room_for_axis(InferContext *c, const SlicePlan *plan) {
    if (plan->shape.rank < MAX_RANK && plan->count < 2 * MAX_RANK) return true;
    return infer_error_text(c, "the result would have more than %d dimensions", MAX_RANK);
}

static bool add_entry(InferContext *c, SlicePlan *plan, const SliceEntries *e, size_t entry,
                      int *axis) {
    const Shape *input = input_shape(c, "input");
    Dim stride = e->strides ? e->strides[entry] : known(c, 1);
    if (has_bit(e->new_axis_mask, entry)) {
        if (!room_for_axis(c, plan)) return false;
        plan->axes[plan->count++] =
            (SliceAxis){-1, plan->shape.rank, known(c, 0), known(c, 1), known(c, 1)};
        plan->shape.dims[plan->shape.rank++] = known(c, 1);
        return true;
    }
    if (*axis >= input->rank)
        return infer_error_text(c, "more indices than the dimensions of %s",
                                shape_text(c->graph->arena, input));
    Dim size = input->dims[*axis];
    Sentence s = sentence_begin(c);
    sentence_text(&s, "the stride of dimension %d is 0", *axis);
    if (!infer_require(c, dim_not(c->dims, dim_equal(c->dims, stride, known(c, 0))), &s))
        return false;
    if (dim_is(stride, INT64_MIN)) return infer_error_text(c, "a stride is out of range");
    if (has_bit(e->shrink_axis_mask, entry)) {
        if (!add_single_index(c, plan, e, entry, *axis, size)) return false;
    } else {
        if (!room_for_axis(c, plan)) return false;
        add_range(c, plan, e, entry, *axis, size, stride);
    }
    ++*axis;
    return true;
}

static bool add_whole_axes(InferContext *c, SlicePlan *plan, int *axis, int count) {
    const Shape *input = input_shape(c, "input");
    for (int i = 0; i < count; i++, ++*axis) {
        if (!room_for_axis(c, plan)) return false;
        plan->axes[plan->count++] =
            (SliceAxis){*axis, plan->shape.rank, known(c, 0), known(c, 1), input->dims[*axis]};
        plan->shape.dims[plan->shape.rank++] = input->dims[*axis];
    }
    return true;
}

bool plan_strided_slice(InferContext *c, SlicePlan *plan) {
    SliceEntries e = {0};
    if (!need_rank(c, "input", 0) || !read_entries(c, &e)) return false;
    const Shape *input = input_shape(c, "input");
    /* The ellipsis, or the end of the index, stands for the dimensions that no entry takes. */
    int taken = 0, axis = 0;
    bool has_ellipsis = false;
    for (size_t i = 0; i < e.count; i++) {
        if (has_bit(e.ellipsis_mask, i))
            has_ellipsis = true;
        else if (!has_bit(e.new_axis_mask, i))
            taken++;
    }
    if (taken > input->rank)
        return infer_error_text(c, "%d indices for %s, of rank %d", taken,
                                shape_text(c->graph->arena, input), input->rank);
    *plan = (SlicePlan){0};
    for (size_t i = 0; i < e.count; i++) {
        if (has_bit(e.ellipsis_mask, i)) {
            if (!add_whole_axes(c, plan, &axis, input->rank - taken)) return false;
        } else if (!add_entry(c, plan, &e, i, &axis)) {
            return false;
        }
    }
    return has_ellipsis || add_whole_axes(c, plan, &axis, input->rank - taken);
}

bool shape_strided_slice(InferContext *c) {
    SlicePlan plan;
    if (!plan_strided_slice(c, &plan)) return false;
    set_shape(c, 0, plan.shape);
    return true;
}
