/* shapes_repeat.c: rules of ops that repeat elements: copies, borders, stretching. */
#include "graph/slicing.h"
#include <strings.h>

bool shape_tile(InferContext *c) {
    Dim *multiples;
    size_t count;
    if (!need_rank(c, "input", 0) || !need_exact_rank(c, "multiples", 1) ||
        !need_contents(c, "multiples", &multiples, &count))
        return false;
    const Shape *input = input_shape(c, "input");
    if (count != (size_t)input->rank)
        return infer_error_text(c, "multiples has %zu elements; %s has %d dimensions", count,
                                shape_text(c->graph->arena, input), input->rank);
    Shape shape = {.rank = input->rank};
    for (int i = 0; i < input->rank; i++) {
        if (!require_size(c, multiples[i], "a multiple")) return false;
        shape.dims[i] = dim_multiply(c->dims, input->dims[i], multiples[i]);
    }
    set_shape(c, 0, shape);
    return true;
}

/* ---- pad ---- */

static bool pad_mode(InferContext *c, PadMode *mode) {
    static const char *const words[] = {"constant", "reflect", "symmetric", "edge", "wrap"};
    const char *given = node_attribute_word(c->node, "mode");
    for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
        *mode = (PadMode)k;
        if (strcasecmp(given, words[k]) == 0) return true;
    }
    return infer_error_text(
        c, "mode is '%s'; it has to be constant, reflect, symmetric, edge or wrap", given);
}

/* A border is made of elements: as many as it mirrors, or one at least. */
static bool border_fits(InferContext *c, PadMode mode, Dim border, Dim size, int axis) {
    DimTable *t = c->dims;
    Dim fits = dim_less(t, border, mode == PAD_SYMMETRIC ? dim_add(t, size, known(c, 1)) : size);
    if (mode == PAD_EDGE || mode == PAD_WRAP)
        fits = dim_or(t, dim_equal(t, border, known(c, 0)), dim_less(t, known(c, 0), size));
    if (mode == PAD_CONSTANT || infer_holds(fits)) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "a padding of ");
    sentence_dim(&s, border);
    sentence_text(&s, " elements %s dimension %d has: ",
                  mode == PAD_EDGE || mode == PAD_WRAP ? "repeats more than" : "mirrors more than",
                  axis);
    sentence_input(&s, c, 0);
    return infer_require(c, fits, &s);
}

/* Row k of the paddings belongs to dimension k, or to axes[k]; others get none. */
static bool spread_paddings(InferContext *c, PadPlan *plan) {
    DimTable *t = c->dims;
    const Shape *tensor = input_shape(c, "tensor"), *pairs = input_shape(c, "paddings");
    Dim *paddings, *axes = NULL, is_named[MAX_RANK];
    size_t count, named;
    if (!need_contents(c, "paddings", &paddings, &count) ||
        !need_axes(c, "axes", tensor->rank, is_named, &named))
        return false;
    if (has_input(c, "axes") && !need_contents(c, "axes", &axes, &named)) return false;
    if (count != 2 * named || (count > 0 && (pairs->rank != 2 || !dim_is(pairs->dims[1], 2))))
        return infer_error_text(c, "paddings is %s; for %s it has to be [%zu, 2]",
                                shape_text(c->graph->arena, pairs),
                                axes ? "these axes" : shape_text(c->graph->arena, tensor), named);
    for (int i = 0; i < tensor->rank; i++) plan->before[i] = plan->after[i] = known(c, 0);
    for (size_t k = 0; k < named; k++)
        for (int i = 0; i < tensor->rank; i++) {
            Dim here = axes ? axis_is(t, axes[k], i, tensor->rank) : known(c, i == (int)k);
            plan->before[i] = dim_select(t, here, paddings[2 * k], plan->before[i]);
            plan->after[i] = dim_select(t, here, paddings[2 * k + 1], plan->after[i]);
        }
    return true;
}

bool plan_pad(InferContext *c, PadPlan *plan) {
    return need_rank(c, "tensor", 0) && pad_mode(c, &plan->mode) && spread_paddings(c, plan);
}

bool shape_pad(InferContext *c) {
    PadPlan plan;
    if (has_input(c, "constant_values") && !need_scalar(c, "constant_values")) return false;
    if (!plan_pad(c, &plan)) return false;
    const Shape *tensor = input_shape(c, "tensor");
    Shape shape = {.rank = tensor->rank};
    for (int i = 0; i < tensor->rank; i++) {
        Dim before = plan.before[i], after = plan.after[i];
        if (!require_size(c, before, "a padding") || !require_size(c, after, "a padding") ||
            !border_fits(c, plan.mode, before, tensor->dims[i], i) ||
            !border_fits(c, plan.mode, after, tensor->dims[i], i))
            return false;
        shape.dims[i] = dim_add(c->dims, dim_add(c->dims, before, tensor->dims[i]), after);
    }
    set_shape(c, 0, shape);
    return true;
}

/* ---- broadcast_to ---- */

bool shape_broadcast_to(InferContext *c) {
    Shape target;
    if (!need_rank(c, "input", 0) || !shape_from_sizes(c, "shape", &target)) return false;
    const Shape *input = input_shape(c, "input");
    int front = target.rank - input->rank;
    Dim condition = known(c, front >= 0);
    for (int i = 0; front >= 0 && i < input->rank; i++) {
        Dim size = input->dims[i], wanted = target.dims[i + front];
        condition = dim_and(c->dims, condition,
                            dim_or(c->dims, dim_equal(c->dims, size, wanted),
                                   dim_equal(c->dims, size, known(c, 1))));
    }
    set_shape(c, 0, target);
    if (infer_holds(condition)) return true;
    Sentence s = sentence_begin(c);
    sentence_input(&s, c, 0);
    sentence_text(&s, " and does not stretch to ");
    sentence_shape(&s, &target);
    return infer_require(c, condition, &s);
}

/* The sizes are the contents, aligned at the end. */
bool shape_broadcast_dynamic_shape(InferContext *c) {
    DimTable *t = c->dims;
    Dim *x, *y, condition = known(c, 1), one = known(c, 1);
    size_t x_count, y_count;
    if (!need_exact_rank(c, "shape_x", 1) || !need_exact_rank(c, "shape_y", 1) ||
        !need_contents(c, "shape_x", &x, &x_count) || !need_contents(c, "shape_y", &y, &y_count))
        return false;
    size_t count = x_count > y_count ? x_count : y_count;
    Dim *sizes = arena_alloc_array(c->graph->arena, count + 1, sizeof *sizes);
    for (size_t i = 0; i < count; i++) {
        Dim a = i + x_count < count ? one : x[i + x_count - count],
            b = i + y_count < count ? one : y[i + y_count - count];
        sizes[i] = dim_broadcast(t, a, b);
        Dim fits = dim_or(t, dim_equal(t, a, b), dim_equal(t, a, one));
        condition = dim_and(t, condition, dim_or(t, fits, dim_equal(t, b, one)));
    }
    set_shape(c, 0, shape_vector(known(c, (int64_t)count)));
    c->node->outputs[0]->elements = sizes;
    if (infer_holds(condition)) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "the shapes %s and %s do not broadcast", input_text(c, 0), input_text(c, 1));
    return infer_require(c, condition, &s);
}
