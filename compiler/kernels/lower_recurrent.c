/* lower_recurrent.c: recurrences: groups of kernels that go on step by step.
 *
 * x[t] comes projected, so a step is one product of the state with the recurrent kernel and then
 * what is done to each element. States have no dimension for the steps: they stand in the outputs
 * of that name, [batch, units], and are overwritten. The product is stored for the step (a state
 * may be overwritten when all of its product has been computed, not before), in float32 at least.
 */
#include "graph/recurrent.h"
#include "kernels/lower.h"

typedef struct Recurrence {
    LowerContext *c;
    Kernel *group;
    Buffer *x, *kernel, *mask, *y;
    Dim steps, batch, units;
    tfcc_dtype dtype; /* of arithmetic */
    ActivationKind activations[ACTIVATIONS_MAX];
    double clip;
} Recurrence;

/* What goes on at one point of a member: axes step, batch, unit. */
typedef struct Point {
    const Recurrence *r;
    Kernel *k;
    Dim t, b, u;
} Point;

/* ---- members ---- */

/* `node/part` */
static const char *part_name(const Recurrence *r, const char *part) {
    return arena_format(r->c->program->arena, "%s/%s", r->c->node->label, part);
}

static Point member_begin(const Recurrence *r, const char *part, Dim width) {
    Point p = {.r = r, .k = kernel_create_member(r->group, part_name(r, part))};
    p.t = p.k->axes[0];
    p.b = kernel_add_axis(p.k, r->batch);
    p.u = kernel_add_axis(p.k, width);
    return p;
}

/* What a step computes between its members, [batch, width]. */
static Buffer *step_buffer(const Recurrence *r, const char *part, Dim width) {
    Shape shape = {.rank = 2, .dims = {r->batch, width}};
    return program_add_temporary(r->c->program, part_name(r, part), r->dtype, &shape);
}

static Scalar *load_row(const Point *p, Buffer *buffer, Dim at) {
    return lower_widen(p->k, scalar_load(p->k, buffer, (Dim[]){p->b, at}));
}

/* buffer[b, u] = value */
static KernelOutput *store_row(const Point *p, Buffer *buffer, Scalar *value) {
    Scalar *index[] = {scalar_index(p->k, p->b), scalar_index(p->k, p->u)};
    return kernel_store_at(p->k, buffer, index, value);
}

/* The u-th of gate `place`: gates stand one behind the other. */
static Dim in_gate(const Point *p, int place) {
    DimTable *dims = p->r->c->dims;
    return dim_add(dims, p->u, dim_multiply(dims, p->r->units, dim_constant(dims, place)));
}

static Scalar *load_x(const Point *p, Dim at) {
    return lower_widen(p->k, scalar_load(p->k, p->r->x, (Dim[]){p->t, p->b, at}));
}

/* Element `at` of the product of state[b] with the recurrent kernel. */
static Scalar *product(const Point *p, Buffer *state, Dim at) {
    Dim inner = kernel_add_reduce_axis(p->k, p->r->units);
    Scalar *h = load_row(p, state, inner);
    Scalar *weight = lower_widen(p->k, scalar_load(p->k, p->r->kernel, (Dim[]){inner, at}));
    return kernel_reduce(p->k, COMBINE_ADD, &inner, 1, scalar_multiply(p->k, h, weight));
}

/* ---- activations ---- */

/* The number that activation `which` has, given or its usual one; those that are given go to the
 * activations that have any, in order. */
static Scalar *number_of(const Point *p, int which, bool is_beta) {
    const ActivationKind *kinds = p->r->activations;
    Buffer *given = lower_input(p->r->c, is_beta ? "activation_beta" : "activation_alpha");
    int64_t at = 0, count = 0;
    for (int k = 0; k < which; k++)
        at += is_beta ? activation_rows[kinds[k]].has_beta : activation_rows[kinds[k]].has_alpha;
    if (given) dim_is_constant(given->type.shape.dims[0], &count);
    if (at < count)
        return lower_widen(p->k,
                           scalar_load(p->k, given, (Dim[]){dim_constant(p->r->c->dims, at)}));
    const ActivationRow *row = &activation_rows[kinds[which]];
    return scalar_float(p->k, p->r->dtype, is_beta ? row->beta : row->alpha);
}

static Scalar *activate(const Point *p, int which, Scalar *x) {
    Kernel *k = p->k;
    Scalar *zero = scalar_like(k, x, 0), *one = scalar_like(k, x, 1);
    ActivationKind kind = p->r->activations[which];
    if (p->r->clip > 0) {
        x = scalar_maximum(k, x, scalar_like(k, x, -p->r->clip));
        x = scalar_minimum(k, x, scalar_like(k, x, p->r->clip));
    }
    Scalar *alpha = activation_rows[kind].has_alpha ? number_of(p, which, false) : NULL;
    Scalar *beta = activation_rows[kind].has_beta ? number_of(p, which, true) : NULL;
    Scalar *is_positive = scalar_less(k, zero, x);
    switch (kind) {
    case ACTIVATION_TANH: return scalar_unary(k, SCALAR_TANH, x);
    case ACTIVATION_SIGMOID: return scalar_unary(k, SCALAR_SIGMOID, x);
    case ACTIVATION_RELU: return scalar_maximum(k, x, zero);
    case ACTIVATION_SOFTSIGN: return scalar_divide(k, x, scalar_add(k, scalar_absolute(k, x), one));
    case ACTIVATION_SOFTPLUS: {
        Scalar *small = scalar_unary(k, SCALAR_EXP, scalar_negate(k, scalar_absolute(k, x)));
        return scalar_add(k, scalar_maximum(k, x, zero), scalar_unary(k, SCALAR_LOG1P, small));
    }
    case ACTIVATION_AFFINE: return scalar_add(k, scalar_multiply(k, alpha, x), beta);
    case ACTIVATION_LEAKY_RELU:
        return scalar_select(k, scalar_less(k, x, zero), scalar_multiply(k, alpha, x), x);
    case ACTIVATION_THRESHOLDED_RELU: return scalar_select(k, scalar_less(k, alpha, x), x, zero);
    case ACTIVATION_SCALED_TANH:
        return scalar_multiply(k, alpha, scalar_unary(k, SCALAR_TANH, scalar_multiply(k, beta, x)));
    case ACTIVATION_HARD_SIGMOID: {
        Scalar *line = scalar_add(k, scalar_multiply(k, alpha, x), beta);
        return scalar_minimum(k, scalar_maximum(k, line, zero), one);
    }
    case ACTIVATION_ELU:
        return scalar_select(k, is_positive, x,
                             scalar_multiply(k, alpha, scalar_unary(k, SCALAR_EXPM1, x)));
    default: return x;
    }
}

/* ---- the frame ---- */

/* The state stands in its output; in a buffer of its own where a run may feed that. */
static Buffer *state_begin(const Recurrence *r, int output, const char *initial) {
    Buffer *result = lower_output(r->c, output), *given = lower_input(r->c, initial);
    Buffer *state = result;
    if (result->is_feedable)
        state = program_add_temporary(r->c->program, result->name, result->type.dtype,
                                      &result->type.shape);
    Dim axes[MAX_RANK];
    Kernel *kernel = lower_kernel_over(r->c, &state->type.shape, axes);
    kernel_store(kernel, state,
                 given ? scalar_load(kernel, given, axes)
                       : scalar_integer(kernel, state->type.dtype, 0));
    return state;
}

static void state_end(const Recurrence *r, int output, Buffer *state) {
    Buffer *result = lower_output(r->c, output);
    if (result == state) return;
    Dim axes[MAX_RANK];
    Kernel *kernel = lower_kernel_over(r->c, &state->type.shape, axes);
    kernel_store(kernel, result, scalar_load(kernel, state, axes));
}

static Recurrence recurrence_begin(LowerContext *c) {
    Recurrence r = {.c = c,
                    .x = lower_input(c, "x"),
                    .kernel = lower_input(c, "recurrent_kernel"),
                    .mask = lower_input(c, "mask"),
                    .y = lower_output(c, 0)};
    r.steps = r.y->type.shape.dims[0];
    r.batch = r.y->type.shape.dims[1];
    r.units = r.y->type.shape.dims[2];
    r.dtype = dtype_bits(r.y->type.dtype) < 32 ? TFCC_FLOAT32 : r.y->type.dtype;
    r.clip = node_attribute_float(c->node, "clip");
    const char *unknown;
    size_t length;
    activations_parse(node_attribute_word(c->node, "activations"), r.activations, ACTIVATIONS_MAX,
                      &unknown, &length);
    return r;
}

/* NULL where every step counts. */
static Scalar *is_valid(const Point *p) {
    return p->r->mask ? scalar_load(p->k, p->r->mask, (Dim[]){p->t, p->b}) : NULL;
}

/* The state goes on where the step counts, and stays elsewhere. */
static void store_state(const Point *p, Buffer *state, Scalar *next, Scalar *before) {
    Scalar *valid = is_valid(p);
    store_row(p, state, valid ? scalar_select(p->k, valid, next, before) : next);
}

static void store_y(const Point *p, Scalar *next, Scalar *before) {
    Scalar *valid = is_valid(p);
    if (node_attribute_bool(p->r->c->node, "zero_output")) before = scalar_like(p->k, next, 0);
    kernel_store(p->k, p->r->y, valid ? scalar_select(p->k, valid, next, before) : next);
}

/* ---- the cells ---- */

void lower_rnn_steps(LowerContext *c);
void lower_rnn_steps(LowerContext *c) {
    Recurrence r = recurrence_begin(c);
    Buffer *h = state_begin(&r, 1, "initial_h"), *next = step_buffer(&r, "next", r.units);
    r.group = lower_steps(c, r.steps);
    Point p = member_begin(&r, "next", r.units);
    Scalar *sum = scalar_add(p.k, load_x(&p, p.u), product(&p, h, p.u));
    store_row(&p, next, activate(&p, 0, sum));
    p = member_begin(&r, "state", r.units);
    Scalar *before = load_row(&p, h, p.u), *after = load_row(&p, next, p.u);
    store_state(&p, h, after, before);
    store_y(&p, after, before);
    kernel_gather_members(r.group);
    state_end(&r, 1, h);
}

/* Element u of part `at` of the peephole's weights times the cell. */
static Scalar *peep(const Point *p, int at, Scalar *gate, Scalar *cell) {
    Buffer *weights = lower_input(p->r->c, "peephole");
    if (!weights) return gate;
    Scalar *weight = scalar_load(p->k, weights, (Dim[]){in_gate(p, at)});
    return scalar_add(p->k, gate, scalar_multiply(p->k, lower_widen(p->k, weight), cell));
}

void lower_lstm_steps(LowerContext *c);
void lower_lstm_steps(LowerContext *c) {
    Recurrence r = recurrence_begin(c);
    Dim wide = r.x->type.shape.dims[2];
    Buffer *h = state_begin(&r, 1, "initial_h"), *cell = state_begin(&r, 2, "initial_c"),
           *sums = step_buffer(&r, "sums", wide);
    r.group = lower_steps(c, r.steps);
    Point p = member_begin(&r, "sums", wide);
    store_row(&p, sums, scalar_add(p.k, load_x(&p, p.u), product(&p, h, p.u)));

    p = member_begin(&r, "state", r.units);
    int at[4];
    gates_parse(node_attribute_word(c->node, "gates"), "ifco", at);
    Scalar *gate[4], *before = load_row(&p, cell, p.u), *h_before = load_row(&p, h, p.u);
    for (int k = 0; k < 4; k++) gate[k] = load_row(&p, sums, in_gate(&p, at[k]));
    Scalar *i = activate(&p, 0, peep(&p, 0, gate[0], before));
    Scalar *f = activate(&p, 0, peep(&p, 2, gate[1], before));
    if (node_attribute_bool(c->node, "input_forget"))
        f = scalar_binary(p.k, SCALAR_SUBTRACT, scalar_like(p.k, i, 1), i);
    Scalar *g = activate(&p, 1, gate[2]);
    Scalar *next = scalar_add(p.k, scalar_multiply(p.k, f, before), scalar_multiply(p.k, i, g));
    Scalar *o = activate(&p, 0, peep(&p, 1, gate[3], next));
    Scalar *h_next = scalar_multiply(p.k, o, activate(&p, 2, next));
    store_state(&p, cell, next, before);
    store_state(&p, h, h_next, h_before);
    store_y(&p, h_next, h_before);
    kernel_gather_members(r.group);
    state_end(&r, 1, h);
    state_end(&r, 2, cell);
}

static Scalar *bias(const Point *p, Scalar *sum, Dim at) {
    Buffer *recurrent = lower_input(p->r->c, "recurrent_bias");
    if (!recurrent) return sum;
    return scalar_add(p->k, sum, lower_widen(p->k, scalar_load(p->k, recurrent, &at)));
}

/* h = z * h + (1 - z) * n */
static void finish_gru(const Point *p, Buffer *h, Scalar *z, Scalar *n) {
    Scalar *before = load_row(p, h, p->u);
    Scalar *rest = scalar_binary(p->k, SCALAR_SUBTRACT, scalar_like(p->k, z, 1), z);
    Scalar *next =
        scalar_add(p->k, scalar_multiply(p->k, z, before), scalar_multiply(p->k, rest, n));
    store_state(p, h, next, before);
    store_y(p, next, before);
}

/* The reset gate is applied to the product, of which all three parts are one product then. */
static void lower_reset_after(const Recurrence *r, Buffer *h) {
    Dim wide = r->x->type.shape.dims[2];
    Buffer *sums = step_buffer(r, "sums", wide);
    Point p = member_begin(r, "sums", wide);
    store_row(&p, sums, bias(&p, product(&p, h, p.u), p.u));
    p = member_begin(r, "state", r->units);
    Scalar *gate[2];
    for (int k = 0; k < 2; k++)
        gate[k] = activate(
            &p, 0, scalar_add(p.k, load_x(&p, in_gate(&p, k)), load_row(&p, sums, in_gate(&p, k))));
    Scalar *reset = scalar_multiply(p.k, gate[1], load_row(&p, sums, in_gate(&p, 2)));
    finish_gru(&p, h, gate[0], activate(&p, 1, scalar_add(p.k, load_x(&p, in_gate(&p, 2)), reset)));
}

/* The reset gate is applied to the state, whose product with the last part comes after it. */
static void lower_reset_before(const Recurrence *r, Buffer *h) {
    DimTable *dims = r->c->dims;
    Dim two = dim_multiply(dims, r->units, dim_constant(dims, 2));
    Buffer *gates = step_buffer(r, "gates", two), *reset = step_buffer(r, "reset", r->units);
    Point p = member_begin(r, "gates", two);
    Scalar *sum = scalar_add(p.k, load_x(&p, p.u), product(&p, h, p.u));
    store_row(&p, gates, activate(&p, 0, bias(&p, sum, p.u)));
    p = member_begin(r, "reset", r->units);
    store_row(&p, reset,
              scalar_multiply(p.k, load_row(&p, gates, in_gate(&p, 1)), load_row(&p, h, p.u)));
    p = member_begin(r, "state", r->units);
    Dim last = in_gate(&p, 2);
    sum = scalar_add(p.k, load_x(&p, last), product(&p, reset, last));
    finish_gru(&p, h, load_row(&p, gates, p.u), activate(&p, 1, bias(&p, sum, last)));
}

void lower_gru_steps(LowerContext *c);
void lower_gru_steps(LowerContext *c) {
    Recurrence r = recurrence_begin(c);
    Buffer *h = state_begin(&r, 1, "initial_h");
    r.group = lower_steps(c, r.steps);
    if (node_attribute_bool(c->node, "reset_after"))
        lower_reset_after(&r, h);
    else
        lower_reset_before(&r, h);
    kernel_gather_members(r.group);
    state_end(&r, 1, h);
}
