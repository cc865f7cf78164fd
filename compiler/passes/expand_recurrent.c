/* expand_recurrent.c: ONNX's recurrent ops: for each direction one projection of all steps at once,
 * then the steps.
 *
 * Weights come as [directions, gates * hidden, inputs] and are turned, so that a step runs along
 * memory; constant ones are turned when compiling. The reverse direction reads every sequence from
 * its end, and its results are put back in order.
 */
#include "graph/recurrent.h"
#include "passes/expand.h"
#include <string.h>

/* What the ops differ in. */
typedef struct Cell {
    const char *steps; /* the call, from recurrent_kernel on */
    int activations;   /* of one direction */
    int states;
} Cell;

/* Binds `activations`, `activation_alpha` and `activation_beta` to direction d's part of them. */
static void let_activations(Composer *c, GraphNode *node, Graph *graph, const Cell *cell, int d) {
    ActivationKind kinds[ACTIVATIONS_MAX];
    const char *unknown;
    size_t length;
    int count = activations_parse(node_attribute_word(node, "activations"), kinds, ACTIVATIONS_MAX,
                                  &unknown, &length);
    int first = count > cell->activations ? d * cell->activations : 0, alphas[2] = {0},
        betas[2] = {0};
    Text words = {.arena = graph->arena};
    for (int k = 0; k < first + cell->activations; k++) {
        const ActivationRow *row = &activation_rows[kinds[k]];
        alphas[k >= first] += row->has_alpha;
        betas[k >= first] += row->has_beta;
        if (k >= first) text_add_format(&words, "%s%s", k > first ? "," : "", row->name);
    }
    composer_bind_word(c, "words", words.bytes);
    for (int which = 0; which < 2; which++) {
        const char *parameter = which ? "activation_beta" : "activation_alpha";
        const int *counts = which ? betas : alphas;
        Value *given = node_input(node, parameter);
        int64_t size = 0;
        if (given) dim_is_constant(given->type.shape.dims[0], &size);
        int64_t last = counts[0] + counts[1] < size ? counts[0] + counts[1] : size;
        composer_bind(c, which ? "beta" : "alpha", NULL);
        if (last > counts[0])
            compose_let(c, which ? "beta" : "alpha", "%s[%d:%lld]", parameter, counts[0],
                        (long long)last);
    }
}

/* The results of direction d: y [steps, batch, hidden] and the states. */
static bool let_direction(Composer *c, GraphNode *node, Graph *graph, const Cell *cell, int d,
                          bool is_reverse, Value **results) {
    bool has_lengths = node_input(node, "sequence_lens") != NULL;
    let_activations(c, node, graph, cell, d);
    compose_let(c, "turned_w", "transpose(w[%d])", d);
    compose_let(c, "turned_r", "transpose(r[%d])", d);
    compose_let(c, "input",
                !is_reverse   ? "identity(steps_first)"
                : has_lengths ? "reverse_sequence(steps_first, sequence_lens, 0, 1)"
                              : "reverse(steps_first, [0])");
    compose_let(c, "projected", "input @ turned_w");
    composer_bind(c, "b_of_r", NULL);
    if (composer_has(c, "b")) {
        compose_let(c, "wide", "shape(turned_w)[1]");
        compose_let(c, "b_of_w", "b[%d, :wide]", d);
        compose_let(c, "b_of_r", "b[%d, wide:]", d);
        bool is_apart = strstr(cell->steps, "recurrent_bias") != NULL;
        compose_let(c, "projected",
                    is_apart ? "projected + b_of_w" : "projected + (b_of_w + b_of_r)");
    }
    composer_bind(c, "peephole", NULL);
    if (composer_has(c, "p")) compose_let(c, "peephole", "p[%d]", d);
    bool is_turned = node_attribute_integer(node, "layout") == 1;
    for (int s = 0; s < cell->states; s++) {
        composer_bind(c, s ? "c0" : "h0", NULL);
        const char *given = s ? "initial_c" : "initial_h";
        if (!composer_has(c, given)) continue;
        if (is_turned)
            compose_let(c, s ? "c0" : "h0", "%s[:, %d]", given, d);
        else
            compose_let(c, s ? "c0" : "h0", "%s[%d]", given, d);
    }
    results[0] = compose(c, "%s", cell->steps);
    if (!results[0]) return false;
    for (int s = 1; s <= cell->states; s++) results[s] = results[0]->node->outputs[s];
    if (!is_reverse) return true;
    composer_bind(c, "backwards", results[0]);
    results[0] = compose(c, has_lengths ? "reverse_sequence(backwards, sequence_lens, 0, 1)"
                                        : "reverse(backwards, [0])");
    return true;
}

static Value *expand_sequence(Composer *c, GraphNode *node, Graph *graph, const Cell *cell) {
    const char *direction = node_attribute_word(node, "direction");
    int directions = strcmp(direction, "bidirectional") == 0 ? 2 : 1;
    bool is_turned = node_attribute_integer(node, "layout") == 1;
    compose_let(c, "steps_first", is_turned ? "transpose(x, [1, 0, 2])" : "identity(x)");
    composer_bind(c, "mask", NULL);
    if (composer_has(c, "sequence_lens")) {
        compose_let(c, "step", "range(cast(shape(steps_first)[0], %s))",
                    node_input(node, "sequence_lens")->type.dtype == TFCC_INT64 ? "int64"
                                                                                : "int32");
        compose_let(c, "mask", "expand_dims(step, 1) < sequence_lens");
    }
    Value *results[2][3], *parts[2];
    for (int d = 0; d < directions; d++)
        if (!let_direction(c, node, graph, cell, d, d == 1 || strcmp(direction, "reverse") == 0,
                           results[d]))
            return NULL;
    Value *first = NULL;
    for (int s = 0; s <= cell->states; s++) {
        for (int d = 0; d < directions; d++) parts[d] = results[d][s];
        composer_bind_list(c, "parts", parts, (size_t)directions);
        composer_bind(c, "part", parts[0]);
        Value *joined =
            compose(c, directions == 1 ? "expand_dims(part, %d)" : "stack(parts, axis=%d)",
                    s == 0 || is_turned ? 1 : 0);
        if (s > 0) {
            expand_give(graph, node, (size_t)s, joined);
            continue;
        }
        composer_bind(c, "joined", joined);
        first = is_turned ? compose(c, "transpose(joined, [2, 0, 1, 3])") : joined;
    }
    return first;
}

/* Arguments stand by their names: an absent one in the middle would move the others up. */
#define STEPS_ARGUMENTS                                                                            \
    "projected, turned_r, initial_h=h0, mask=mask, activation_alpha=alpha, activation_beta=beta, " \
    "activations=words, clip=clip"

Value *expand_rnn_sequence(Composer *c, GraphNode *node, Graph *graph) {
    static const Cell cell = {"rnn_steps(" STEPS_ARGUMENTS ")", 1, 1};
    return expand_sequence(c, node, graph, &cell);
}

Value *expand_lstm_sequence(Composer *c, GraphNode *node, Graph *graph) {
    static const Cell cell = {"lstm_steps(" STEPS_ARGUMENTS ", initial_c=c0, peephole=peephole, "
                              "gates='iofc', input_forget=input_forget)",
                              3, 2};
    return expand_sequence(c, node, graph, &cell);
}

/* The recurrent bias of the reset gate's product stays with it. */
Value *expand_gru_sequence(Composer *c, GraphNode *node, Graph *graph) {
    static const Cell after = {"gru_steps(" STEPS_ARGUMENTS ", recurrent_bias=b_of_r)", 2, 1};
    static const Cell before = {"gru_steps(" STEPS_ARGUMENTS ", reset_after=false)", 2, 1};
    bool is_after = node_attribute_bool(node, "linear_before_reset");
    return expand_sequence(c, node, graph, is_after ? &after : &before);
}
