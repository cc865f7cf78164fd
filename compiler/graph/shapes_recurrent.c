/* shapes_recurrent.c: rules of recurrences. */
#include "graph/recurrent.h"
#include "graph/rules.h"
#include <string.h>

/* ---- attributes ---- */

/* So many activations for each direction or for all, and no more alphas and betas than these take.
 */
static bool check_activations(InferContext *c, int each, int directions) {
    ActivationKind kinds[ACTIVATIONS_MAX];
    const char *text = node_attribute_word(c->node, "activations"), *unknown;
    size_t length = 0;
    int count = activations_parse(text, kinds, ACTIVATIONS_MAX, &unknown, &length);
    if (unknown) {
        Text names = {.arena = c->graph->arena};
        for (int k = 0; k < ACTIVATION_COUNT; k++)
            text_add_format(&names, "%s%s", k ? ", " : "", activation_rows[k].name);
        return infer_error_text(c, "activations names '%.*s'; there are %s", (int)length, unknown,
                                names.bytes);
    }
    if (count != each && count != each * directions)
        return infer_error_text(c, "activations is '%s', where %d name%s needed", text, each,
                                each == 1 ? " is" : "s are");
    for (int which = 0; which < 2; which++) {
        const char *parameter = which ? "activation_beta" : "activation_alpha";
        if (!has_input(c, parameter)) continue;
        if (!need_exact_rank(c, parameter, 1)) return false;
        int taken = 0;
        int64_t given;
        for (int k = 0; k < count; k++)
            taken +=
                which ? activation_rows[kinds[k]].has_beta : activation_rows[kinds[k]].has_alpha;
        if (!dim_is_constant(input_shape(c, parameter)->dims[0], &given))
            return infer_error_text(c, "the size of %s has to be known", parameter);
        if (given > taken)
            return infer_error_text(c, "%s has %lld number%s; '%s' takes %d", parameter,
                                    (long long)given, given == 1 ? "" : "s", text, taken);
    }
    if (!(node_attribute_float(c->node, "clip") >= 0))
        return infer_error_text(c, "clip is negative; it is a bound, and 0 stands for none");
    return true;
}

/* ---- the steps ---- */

/* An optional input of exactly these sizes. */
static bool need_sizes(InferContext *c, const char *parameter, int rank, const Dim *sizes,
                       const char *what, const char *other) {
    if (!has_input(c, parameter)) return true;
    if (!need_exact_rank(c, parameter, rank)) return false;
    const Shape *shape = input_shape(c, parameter);
    for (int k = 0; k < rank; k++)
        if (!require_equal(c, shape->dims[k], sizes[k], what, input_index(c, parameter),
                           input_index(c, other)))
            return false;
    return true;
}

/* x [steps, batch, gates * units], recurrent_kernel [units, gates * units]; y [steps, batch, units]
 * and `states` times [batch, units]. */
static bool shape_steps(InferContext *c, int gates, int activations, size_t states) {
    if (!need_exact_rank(c, "x", 3) || !need_exact_rank(c, "recurrent_kernel", 2) ||
        !check_activations(c, activations, 1))
        return false;
    const Shape *x = input_shape(c, "x"), *kernel = input_shape(c, "recurrent_kernel");
    Dim steps = x->dims[0], batch = x->dims[1], units = kernel->dims[0];
    Dim wide = dim_multiply(c->dims, units, known(c, gates));
    Sentence s = sentence_begin(c);
    if (gates == 1)
        sentence_text(&s, "recurrent_kernel has to be [units, units]: ");
    else
        sentence_text(&s, "recurrent_kernel has to be [units, %d * units]: ", gates);
    sentence_input(&s, c, input_index(c, "recurrent_kernel"));
    if (!infer_require(c, dim_equal(c->dims, kernel->dims[1], wide), &s)) return false;
    if (!require_equal(c, x->dims[2], kernel->dims[1], "the last sizes differ", input_index(c, "x"),
                       input_index(c, "recurrent_kernel")))
        return false;
    Dim state[2] = {batch, units};
    if (!need_sizes(c, "mask", 2, x->dims, "mask has to be [steps, batch]", "x")) return false;
    for (size_t k = 0; k < states; k++)
        if (!need_sizes(c, k ? "initial_c" : "initial_h", 2, state,
                        "the initial state has to be [batch, units]", "x"))
            return false;
    set_shape(c, 0, (Shape){.rank = 3, .dims = {steps, batch, units}});
    for (size_t k = 0; k < states; k++)
        set_shape(c, k + 1, (Shape){.rank = 2, .dims = {batch, units}});
    return true;
}

bool shape_rnn_steps(InferContext *c) {
    return shape_steps(c, 1, 1, 1);
}

bool shape_lstm_steps(InferContext *c) {
    int places[4];
    const char *gates = node_attribute_word(c->node, "gates");
    if (!gates_parse(gates, "ifco", places))
        return infer_error_text(c, "gates is '%s'; it has to name i, f, c and o in some order",
                                gates);
    if (!shape_steps(c, 4, 3, 2)) return false;
    Dim size = dim_multiply(c->dims, input_shape(c, "recurrent_kernel")->dims[0], known(c, 3));
    return need_sizes(c, "peephole", 1, &size, "peephole has to be [3 * units]",
                      "recurrent_kernel");
}

bool shape_gru_steps(InferContext *c) {
    if (!shape_steps(c, 3, 2, 1)) return false;
    return need_sizes(c, "recurrent_bias", 1, &input_shape(c, "recurrent_kernel")->dims[1],
                      "recurrent_bias has to be [3 * units]", "recurrent_kernel");
}

/* ---- ONNX's ops ---- */

static bool find_directions(InferContext *c, int *count) {
    const char *direction = node_attribute_word(c->node, "direction");
    bool is_both = strcmp(direction, "bidirectional") == 0;
    if (!is_both && strcmp(direction, "forward") != 0 && strcmp(direction, "reverse") != 0)
        return infer_error_text(c, "direction is '%s'; it is forward, reverse or bidirectional",
                                direction);
    *count = is_both ? 2 : 1;
    return true;
}

/* One dimension of an input is that of another, or that number. */
static bool need_size(InferContext *c, const char *parameter, int at, Dim size, const char *what) {
    Sentence s = sentence_begin(c);
    sentence_text(&s, "%s: ", what);
    sentence_input(&s, c, input_index(c, parameter));
    return infer_require(c, dim_equal(c->dims, input_shape(c, parameter)->dims[at], size), &s);
}

static bool shape_weights(InferContext *c, int gates, int directions, Dim *units) {
    if (!need_exact_rank(c, "w", 3) || !need_exact_rank(c, "r", 3)) return false;
    const Shape *r = input_shape(c, "r");
    *units = r->dims[2];
    Dim wide = dim_multiply(c->dims, *units, known(c, gates)), two = known(c, 2),
        count = known(c, directions);
    const GraphNode *node = c->node;
    const Argument *hidden = &node->arguments[op_parameter(node->row, "hidden_size")];
    if (hidden->kind == ARGUMENT_INTEGER &&
        !need_size(c, "r", 2, known(c, hidden->as.integer), "hidden_size is another"))
        return false;
    const char *each = "w, r and b need one entry a direction";
    if (!need_size(c, "w", 0, count, each) || !need_size(c, "r", 0, count, each) ||
        !need_size(c, "r", 1, wide, "r has to be [directions, gates * hidden, hidden]") ||
        !require_equal(c, input_shape(c, "w")->dims[1], r->dims[1], "gates differ",
                       input_index(c, "w"), input_index(c, "r")) ||
        !require_equal(c, input_shape(c, "x")->dims[2], input_shape(c, "w")->dims[2],
                       "input sizes differ", input_index(c, "x"), input_index(c, "w")))
        return false;
    if (!has_input(c, "b")) return true;
    return need_exact_rank(c, "b", 2) && need_size(c, "b", 0, count, each) &&
           need_size(c, "b", 1, dim_multiply(c->dims, wide, two),
                     "b has to be [directions, 2 * gates * hidden]");
}

/* layout 0: x [steps, batch, inputs], states [directions, batch, hidden], y [steps, directions,
 * batch, hidden]; layout 1: the batch comes first everywhere. */
static bool shape_sequence(InferContext *c, int gates, int activations, size_t states) {
    int directions = 1;
    Dim units;
    int64_t layout = node_attribute_integer(c->node, "layout");
    if (layout != 0 && layout != 1)
        return infer_error_text(c, "layout is %lld; it is 0 or 1", (long long)layout);
    if (!need_exact_rank(c, "x", 3) || !find_directions(c, &directions) ||
        !check_activations(c, activations, directions) ||
        !shape_weights(c, gates, directions, &units))
        return false;
    const Shape *x = input_shape(c, "x");
    Dim steps = x->dims[layout], batch = x->dims[1 - layout], count = known(c, directions);
    if (!need_sizes(c, "sequence_lens", 1, &batch, "sequence_lens has to be [batch]", "x"))
        return false;
    Shape state = {.rank = 3, .dims = {layout ? batch : count, layout ? count : batch, units}};
    Shape y = {.rank = 4, .dims = {steps, count, batch, units}};
    if (layout) y = (Shape){.rank = 4, .dims = {batch, steps, count, units}};
    for (size_t k = 0; k < states; k++)
        if (!need_sizes(c, k ? "initial_c" : "initial_h", 3, state.dims,
                        layout ? "the initial state has to be [batch, directions, hidden]"
                               : "the initial state has to be [directions, batch, hidden]",
                        "x"))
            return false;
    set_shape(c, 0, y);
    for (size_t k = 0; k < states; k++) set_shape(c, k + 1, state);
    return true;
}

bool shape_rnn_sequence(InferContext *c) {
    return shape_sequence(c, 1, 1, 1);
}

bool shape_lstm_sequence(InferContext *c) {
    if (!shape_sequence(c, 4, 3, 2)) return false;
    const Shape *r = input_shape(c, "r");
    Dim sizes[2] = {r->dims[0], dim_multiply(c->dims, r->dims[2], known(c, 3))};
    return need_sizes(c, "p", 2, sizes, "p has to be [directions, 3 * hidden]", "r");
}

bool shape_gru_sequence(InferContext *c) {
    return shape_sequence(c, 3, 2, 1);
}
