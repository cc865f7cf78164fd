/* lower_move.c: elements that only change their place: each op is a load at another index. */
#include "graph/slicing.h"
#include "kernels/lower.h"
#include "kernels/scalar_internal.h"

/* a - n * floor(a / n) with n not negative, as a Dim where both are. */
static Scalar *floor_modulo(Kernel *k, Scalar *a, Scalar *n) {
    Dim left, right;
    if (scalar_is_index(k, a, &left) && scalar_is_index(k, n, &right))
        return scalar_index(k, dim_modulo(k->program->graph->dims, left, right));
    Scalar *remainder = scalar_remainder(k, a, n);
    Scalar *is_below = scalar_less(k, remainder, scalar_integer(k, TFCC_INT64, 0));
    return scalar_select(k, is_below, scalar_add(k, remainder, n), remainder);
}

/* The output's kernel with the input's index to be filled in. */
typedef struct Move {
    Buffer *input, *output;
    Kernel *kernel;
    int rank; /* of the output */
    Dim axes[MAX_RANK];
    Scalar *index[MAX_RANK];
} Move;

static Move move_begin(LowerContext *c, int output) {
    Move move = {.input = c->node->inputs[0]->buffer, .output = lower_output(c, output)};
    move.rank = move.output->type.shape.rank;
    move.kernel = lower_kernel_over(c, &move.output->type.shape, move.axes);
    for (int k = 0; k < move.rank && k < move.input->type.shape.rank; k++)
        move.index[k] = scalar_index(move.kernel, move.axes[k]);
    return move;
}

static void move_end(Move *move) {
    kernel_store(move->kernel, move->output,
                 scalar_load_at(move->kernel, move->input, move->index));
}

/* y[i0, i1, ..] = x[j..] with j[perm[k]] = i[k]; where the run gives perm, j[d] is the sum of i[k]
 * * (perm[k] == d). */
void lower_transpose(LowerContext *c);
void lower_transpose(LowerContext *c) {
    Move move = move_begin(c, 0);
    Value *value = lower_input_value(c, "perm");
    for (int d = 0; d < move.rank; d++) {
        Dim index = dim_constant(c->dims, 0);
        for (int k = 0; k < move.rank; k++) {
            Dim from = value && value->elements ? value->elements[k]
                                                : dim_constant(c->dims, move.rank - 1 - k);
            Dim matches = dim_equal(c->dims, from, dim_constant(c->dims, d));
            if (dim_is_constant(from, NULL) && dim_is(from, d - move.rank))
                matches = dim_constant(c->dims, 1);
            index = dim_add(c->dims, index, dim_multiply(c->dims, move.axes[k], matches));
        }
        move.index[d] = scalar_index(move.kernel, index);
    }
    move_end(&move);
}

/* ---- joining and parting ---- */

/* One kernel for each part: y[.., offset + i, ..] = part[.., i, ..]. */
void lower_concat(LowerContext *c);
void lower_concat(LowerContext *c) {
    Buffer **parts, *output = lower_output(c, 0);
    size_t count = lower_input_list(c, "values", &parts);
    int along = lower_axis(c, "axis", output->type.shape.rank, 0);
    Dim offset = dim_constant(c->dims, 0);
    for (size_t p = 0; p < count; p++) {
        const Shape *shape = &parts[p]->type.shape;
        Dim axes[MAX_RANK];
        Scalar *index[MAX_RANK];
        Kernel *kernel = lower_kernel_over(c, shape, axes);
        for (int k = 0; k < shape->rank; k++)
            index[k] =
                scalar_index(kernel, k == along ? dim_add(c->dims, axes[k], offset) : axes[k]);
        kernel_store_at(kernel, output, index, scalar_load(kernel, parts[p], axes));
        offset = dim_add(c->dims, offset, shape->dims[along]);
    }
}

void lower_stack(LowerContext *c);
void lower_stack(LowerContext *c) {
    Buffer **parts, *output = lower_output(c, 0);
    size_t count = lower_input_list(c, "values", &parts);
    int64_t axis = node_attribute_integer(c->node, "axis");
    int along = (int)(axis < 0 ? axis + output->type.shape.rank : axis);
    for (size_t p = 0; p < count; p++) {
        const Shape *shape = &parts[p]->type.shape;
        Dim axes[MAX_RANK];
        Scalar *index[MAX_RANK];
        Kernel *kernel = lower_kernel_over(c, shape, axes);
        for (int k = 0; k < output->type.shape.rank; k++)
            index[k] = k == along ? scalar_integer(kernel, TFCC_INT64, (int64_t)p)
                                  : scalar_index(kernel, axes[k < along ? k : k - 1]);
        kernel_store_at(kernel, output, index, scalar_load(kernel, parts[p], axes));
    }
}

void lower_split(LowerContext *c);
void lower_split(LowerContext *c) {
    int along = lower_axis(c, "axis", lower_input(c, "value")->type.shape.rank, 0);
    Dim offset = dim_constant(c->dims, 0);
    for (size_t p = 0; p < c->node->output_count; p++) {
        Move move = move_begin(c, (int)p);
        move.index[along] = scalar_index(move.kernel, dim_add(c->dims, move.axes[along], offset));
        move_end(&move);
        offset = dim_add(c->dims, offset, move.output->type.shape.dims[along]);
    }
}

void lower_unstack(LowerContext *c);
void lower_unstack(LowerContext *c) {
    int rank = lower_input(c, "value")->type.shape.rank;
    int64_t axis = node_attribute_integer(c->node, "axis");
    int along = (int)(axis < 0 ? axis + rank : axis);
    for (size_t p = 0; p < c->node->output_count; p++) {
        Move move = move_begin(c, (int)p);
        for (int k = 0; k < rank; k++)
            move.index[k] = k == along
                                ? scalar_integer(move.kernel, TFCC_INT64, (int64_t)p)
                                : scalar_index(move.kernel, move.axes[k < along ? k : k - 1]);
        move_end(&move);
    }
}

/* ---- cutting out ---- */

/* y[i..] = x[begin[k] + i[k] ..]. */
void lower_slice(LowerContext *c);
void lower_slice(LowerContext *c) {
    Move move = move_begin(c, 0);
    Value *begin = lower_input_value(c, "begin");
    for (int k = 0; k < move.rank; k++)
        move.index[k] =
            scalar_add(move.kernel, move.index[k], lower_element(c, move.kernel, begin, k));
    move_end(&move);
}

void lower_strided_slice(LowerContext *c);
void lower_strided_slice(LowerContext *c) {
    Move move = move_begin(c, 0);
    InferContext infer = {.graph = c->graph, .node = c->node, .dims = c->dims};
    SlicePlan plan;
    bool is_valid = plan_strided_slice(&infer, &plan);
    for (int k = 0; is_valid && k < plan.count; k++) {
        const SliceAxis *axis = &plan.axes[k];
        if (axis->input_axis < 0) continue;
        Dim index = axis->begin;
        if (axis->output_axis >= 0)
            index = dim_add(c->dims, index,
                            dim_multiply(c->dims, axis->stride, move.axes[axis->output_axis]));
        move.index[axis->input_axis] = scalar_index(move.kernel, index);
    }
    move_end(&move);
}

/* ---- repeating and turning ---- */

void lower_tile(LowerContext *c);
void lower_tile(LowerContext *c) {
    Move move = move_begin(c, 0);
    for (int k = 0; k < move.rank; k++)
        move.index[k] = scalar_index(
            move.kernel, dim_modulo(c->dims, move.axes[k], move.input->type.shape.dims[k]));
    move_end(&move);
}

void lower_reverse(LowerContext *c);
void lower_reverse(LowerContext *c) {
    Move move = move_begin(c, 0);
    Dim is_named[MAX_RANK];
    lower_axes(c, "axis", move.rank, is_named);
    Dim one = dim_constant(c->dims, 1);
    for (int k = 0; k < move.rank; k++) {
        Dim axis = move.axes[k], last = dim_subtract(c->dims, axis->size, one);
        Dim turned = dim_subtract(c->dims, last, axis);
        move.index[k] = scalar_index(move.kernel, dim_select(c->dims, is_named[k], turned, axis));
    }
    move_end(&move);
}

/* The axes of reverse_sequence, counted from the front. */
static void sequence_axes(LowerContext *c, int rank, int *along, int *batch) {
    *along = (int)node_attribute_integer(c->node, "seq_axis");
    *batch = 0;
    if (node_argument(c->node, "batch_axis")->kind == ARGUMENT_INTEGER)
        *batch = (int)node_attribute_integer(c->node, "batch_axis");
    if (*along < 0) *along += rank;
    if (*batch < 0) *batch += rank;
}

/* Lengths have to lie in 0 … n. */
static void check_lengths(LowerContext *c, Buffer *lengths, Dim size) {
    Kernel *k = lower_check_kernel(c);
    Dim at = kernel_add_axis(k, lengths->type.shape.dims[0]);
    Scalar *length = scalar_convert(k, TFCC_INT64, scalar_load(k, lengths, &at));
    Scalar *most = scalar_index(k, size), *zero = scalar_integer(k, TFCC_INT64, 0);
    Scalar *holds =
        scalar_and(k, scalar_less_equal(k, zero, length), scalar_less_equal(k, length, most));
    kernel_check(k, holds, TFCC_INVALID_ARGUMENT,
                 lower_message(c, "seq_lengths[%0] is %1; there are %2 elements"),
                 (Scalar *[]){scalar_index(k, at), length, most}, 3);
}

/* y[.., t, ..] = x[.., length[b] - 1 - t, ..] where t < length[b], else x[.., t, ..]. */
void lower_reverse_sequence(LowerContext *c);
void lower_reverse_sequence(LowerContext *c) {
    int along, batch;
    Buffer *lengths = lower_input(c, "seq_lengths");
    const Shape *shape = lower_output_shape(c, 0);
    sequence_axes(c, shape->rank, &along, &batch);
    check_lengths(c, lengths, shape->dims[along]);
    Move move = move_begin(c, 0);
    Kernel *k = move.kernel;
    Scalar *length = scalar_convert(k, TFCC_INT64, scalar_load(k, lengths, &move.axes[batch]));
    Scalar *at = move.index[along], *one = scalar_integer(k, TFCC_INT64, 1);
    Scalar *mirrored_at = scalar_subtract(k, scalar_subtract(k, length, one), at);
    move.index[along] = scalar_select(k, scalar_less(k, at, length), mirrored_at, at);
    move_end(&move);
}

/* y[i] = x[(i - shift) mod n]; shifts of one axis add up. */
void lower_roll(LowerContext *c);
void lower_roll(LowerContext *c) {
    Move move = move_begin(c, 0);
    Kernel *kernel = move.kernel;
    Value *shift = lower_input_value(c, "shift"), *axes = lower_input_value(c, "axis");
    const int64_t *known = NULL;
    size_t known_count;
    int64_t count = 1;
    if (lower_known_integers(c, "axis", &known, &known_count))
        count = (int64_t)known_count;
    else if (axes->type.shape.rank == 1)
        dim_is_constant(axes->type.shape.dims[0], &count);
    bool is_rolled[MAX_RANK] = {false};
    for (int64_t s = 0; s < count; s++) {
        Dim axis = known ? dim_constant(c->dims, known[s]) : axes->elements[s];
        Scalar *by = lower_element(c, kernel, shift, shift->type.shape.rank == 0 ? 0 : s);
        for (int k = 0; k < move.rank; k++) {
            Dim is_here = axis_is(c->dims, axis, k, move.rank);
            if (dim_is(is_here, 0)) continue;
            Scalar *here = by;
            if (!dim_is(is_here, 1))
                here = scalar_multiply(kernel, scalar_index(kernel, is_here), by);
            move.index[k] = scalar_subtract(kernel, move.index[k], here);
            is_rolled[k] = true;
        }
    }
    for (int k = 0; k < move.rank; k++)
        if (is_rolled[k])
            move.index[k] = floor_modulo(move.kernel, move.index[k],
                                         scalar_index(move.kernel, move.axes[k]->size));
    move_end(&move);
}

/* ---- padding ---- */

/* Mirrors a position outside 0 … n - 1 back inside: reflect leaves out the border element,
 * symmetric repeats it. */
static Scalar *mirrored(Kernel *k, Scalar *at, Scalar *size, bool is_symmetric) {
    int64_t skip = is_symmetric ? 1 : 0;
    Scalar *zero = scalar_integer(k, TFCC_INT64, 0), *two = scalar_integer(k, TFCC_INT64, 2);
    Scalar *below =
        scalar_subtract(k, scalar_subtract(k, zero, at), scalar_integer(k, TFCC_INT64, skip));
    Scalar *front = scalar_maximum(k, at, below);
    Scalar *turn =
        scalar_subtract(k, scalar_multiply(k, two, size), scalar_integer(k, TFCC_INT64, 2 - skip));
    return scalar_minimum(k, front, scalar_subtract(k, turn, front));
}

/* Where in 0 … size - 1 a position in the border finds its element. */
static Scalar *position_inside(Kernel *k, PadMode mode, Scalar *at, Scalar *size) {
    Scalar *zero = scalar_integer(k, TFCC_INT64, 0), *one = scalar_integer(k, TFCC_INT64, 1);
    switch (mode) {
    case PAD_EDGE:
        return scalar_maximum(k, zero, scalar_minimum(k, at, scalar_subtract(k, size, one)));
    case PAD_WRAP: return floor_modulo(k, at, size);
    case PAD_REFLECT:
    case PAD_SYMMETRIC: return mirrored(k, at, size, mode == PAD_SYMMETRIC);
    case PAD_CONSTANT: break;
    }
    return at;
}

void lower_pad(LowerContext *c);
void lower_pad(LowerContext *c) {
    Move move = move_begin(c, 0);
    Kernel *k = move.kernel;
    InferContext infer = {.graph = c->graph, .node = c->node, .dims = c->dims};
    PadPlan plan;
    bool is_valid = plan_pad(&infer, &plan);
    Scalar *inside = scalar_integer(k, TFCC_BOOL, 1);
    for (int d = 0; is_valid && d < move.rank; d++) {
        Scalar *size = scalar_index(k, move.input->type.shape.dims[d]);
        Scalar *at = scalar_index(k, dim_subtract(c->dims, move.axes[d], plan.before[d]));
        if (plan.mode == PAD_CONSTANT)
            inside = scalar_and(k, inside,
                                scalar_in_range(k, at, scalar_integer(k, TFCC_INT64, 0), size));
        move.index[d] = dim_is(plan.before[d], 0) && dim_is(plan.after[d], 0)
                            ? at
                            : position_inside(k, plan.mode, at, size);
    }
    Buffer *filler = lower_input(c, "constant_values");
    Scalar *otherwise =
        filler ? scalar_load(k, filler, NULL) : scalar_integer(k, move.output->type.dtype, 0);
    kernel_store(k, move.output, scalar_load_if(k, move.input, move.index, inside, otherwise));
}

/* The input's middle, where both are halved downwards: y[i..] = x[i + (n - size) / 2 ..] where that
 * is inside, else 0. */
void lower_center_crop_pad(LowerContext *c);
void lower_center_crop_pad(LowerContext *c) {
    Move move = move_begin(c, 0);
    Kernel *k = move.kernel;
    DimTable *dims = c->dims;
    Dim two = dim_constant(dims, 2), zero = dim_constant(dims, 0);
    Scalar *inside = scalar_integer(k, TFCC_BOOL, 1);
    for (int d = 0; d < move.rank; d++) {
        Dim size = move.input->type.shape.dims[d];
        Dim surplus = dim_subtract(dims, size, move.axes[d]->size);
        Dim crop = dim_floor_divide(dims, dim_maximum(dims, surplus, zero), two);
        Dim pad =
            dim_floor_divide(dims, dim_maximum(dims, dim_subtract(dims, zero, surplus), zero), two);
        Dim offset = dim_subtract(dims, crop, pad);
        move.index[d] = scalar_index(k, dim_add(dims, move.axes[d], offset));
        inside = scalar_and(k, inside,
                            scalar_in_range(k, move.index[d], scalar_integer(k, TFCC_INT64, 0),
                                            scalar_index(k, size)));
    }
    kernel_store(k, move.output,
                 scalar_load_if(k, move.input, move.index, inside,
                                scalar_integer(k, move.output->type.dtype, 0)));
}

/* ---- matrices ---- */

/* x[.., i, j] where it stands on its side of diagonal k, j - i = k, else 0. */
void lower_trilu(LowerContext *c);
void lower_trilu(LowerContext *c) {
    Move move = move_begin(c, 0);
    Kernel *k = move.kernel;
    Value *given = lower_input_value(c, "k");
    Scalar *least = given ? lower_element(c, k, given, 0) : scalar_integer(k, TFCC_INT64, 0);
    Scalar *diagonal =
        scalar_index(k, dim_subtract(c->dims, move.axes[move.rank - 1], move.axes[move.rank - 2]));
    Scalar *keeps = node_attribute_bool(c->node, "upper") ? scalar_less_equal(k, least, diagonal)
                                                          : scalar_less_equal(k, diagonal, least);
    Scalar *element = scalar_load_at(k, move.input, move.index);
    kernel_store(k, move.output,
                 scalar_select(k, keeps, element, scalar_integer(k, element->dtype, 0)));
}

/* x[.., i, j] where i - j <= lower and j - i <= upper, else 0; negative limits mean all. */
void lower_band_part(LowerContext *c);
void lower_band_part(LowerContext *c) {
    Move move = move_begin(c, 0);
    Kernel *k = move.kernel;
    Scalar *below =
        scalar_index(k, dim_subtract(c->dims, move.axes[move.rank - 2], move.axes[move.rank - 1]));
    Scalar *above =
        scalar_index(k, dim_subtract(c->dims, move.axes[move.rank - 1], move.axes[move.rank - 2]));
    Scalar *lower = lower_element(c, k, lower_input_value(c, "num_lower"), 0);
    Scalar *upper = lower_element(c, k, lower_input_value(c, "num_upper"), 0);
    Scalar *zero = scalar_integer(k, TFCC_INT64, 0);
    Scalar *keeps =
        scalar_and(k, scalar_or(k, scalar_less(k, lower, zero), scalar_less_equal(k, below, lower)),
                   scalar_or(k, scalar_less(k, upper, zero), scalar_less_equal(k, above, upper)));
    Scalar *element = scalar_load_at(k, move.input, move.index);
    kernel_store(k, move.output,
                 scalar_select(k, keeps, element, scalar_integer(k, element->dtype, 0)));
}
