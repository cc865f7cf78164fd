/* shapes_contraction.c: rules of sums of products. */
#include "graph/rules.h"
#include <ctype.h>
#include <string.h>

/* ---- matmul ---- */

static void add_transposed_hint(InferContext *c, Dim k_of_a, const Shape *b, bool transpose_b) {
    const GraphNode *from = c->node->inputs[1]->node;
    Dim j_of_b = b->dims[b->rank - (transpose_b ? 2 : 1)];
    if (dim_compare(c->dims, k_of_a, j_of_b) != DIM_YES || !from->name || b->rank != 2) return;
    Shape turned = {.rank = 2, .dims = {b->dims[1], b->dims[0]}};
    diagnose_note(c->graph->diagnostics, from->place, "did you mean the transpose of %s, %s?",
                  escape_for_message(c->graph->arena, from->name),
                  shape_text(c->graph->arena, &turned));
}

/* [batch.., i, k] x [batch.., k, j] -> [batch.., i, j]; batch dimensions broadcast. */
static bool matmul(InferContext *c, bool transpose_a, bool transpose_b) {
    if (!need_rank(c, "a", 2) || !need_rank(c, "b", 2)) return false;
    const Shape *a = input_shape(c, "a"), *b = input_shape(c, "b");
    Dim i = a->dims[a->rank - (transpose_a ? 1 : 2)],
        k_of_a = a->dims[a->rank - (transpose_a ? 2 : 1)];
    Dim k_of_b = b->dims[b->rank - (transpose_b ? 1 : 2)],
        j = b->dims[b->rank - (transpose_b ? 2 : 1)];
    if (!require_equal(c, k_of_a, k_of_b, "inner sizes differ", 0, 1)) {
        add_transposed_hint(c, k_of_a, b, transpose_b);
        return false;
    }
    Shape a_batch = *a, b_batch = *b, shape;
    a_batch.rank -= 2;
    b_batch.rank -= 2;
    if (!broadcast_shapes(c, &a_batch, &b_batch, 0, 1, &shape)) return false;
    shape.dims[shape.rank++] = i;
    shape.dims[shape.rank++] = j;
    set_shape(c, 0, shape);
    return true;
}

bool shape_matmul(InferContext *c) {
    return matmul(c, node_attribute_bool(c->node, "transpose_a"),
                  node_attribute_bool(c->node, "transpose_b"));
}

/* A zero point broadcasts to its matrix. */
static bool check_zero_point(InferContext *c, const char *parameter, const char *matrix) {
    if (!has_input(c, parameter)) return true;
    if (!need_rank(c, parameter, 0)) return false;
    Shape zero = *input_shape(c, parameter), shape, merged;
    const Shape *of = input_shape(c, matrix);
    size_t x = input_index(c, matrix), y = input_index(c, parameter);
    if (zero.rank == 1 && strcmp(matrix, "a") == 0) zero.dims[zero.rank++] = known(c, 1);
    return broadcast_shapes(c, of, &zero, x, y, &shape) &&
           require_same_shape(c, of, &shape, x, y, &merged);
}

bool shape_matmul_integer(InferContext *c) {
    return matmul(c, false, false) && check_zero_point(c, "a_zero_point", "a") &&
           check_zero_point(c, "b_zero_point", "b");
}

/* ---- tensordot ---- */

/* axes as pairs: pair p is axis a_axes[p] of a with b_axes[p] of b. */
static bool tensordot_axes(InferContext *c, int *a_axes, int *b_axes, int *pairs) {
    const int64_t *numbers;
    size_t count;
    const Shape *axes = input_shape(c, "axes"), *a = input_shape(c, "a"), *b = input_shape(c, "b");
    if (!need_constants(c, "axes", "the rank of the result depends on it", &numbers, &count))
        return false;
    if (axes->rank == 0) { /* the last n of a with the first n of b */
        int64_t n = numbers[0];
        if (n < 0 || n > a->rank || n > b->rank)
            return infer_error_text(c, "axes is %lld; a has %d dimensions, b has %d", (long long)n,
                                    a->rank, b->rank);
        *pairs = (int)n;
        for (int p = 0; p < n; p++) {
            a_axes[p] = a->rank - (int)n + p;
            b_axes[p] = p;
        }
        return true;
    }
    bool is_pair_of_lists = axes->rank == 2 && dim_is(axes->dims[0], 2);
    if (!is_pair_of_lists && !(axes->rank == 1 && count == 2))
        return infer_error_text(c, "axes is %s; it has to be a number, or [axes of a, axes of b]",
                                shape_text(c->graph->arena, axes));
    if (count / 2 > MAX_RANK)
        return infer_error_text(c, "axes names %zu pairs of dimensions", count / 2);
    *pairs = (int)(count / 2);
    unsigned a_seen = 0, b_seen = 0;
    for (int p = 0; p < *pairs; p++) {
        if (!normalize_axis(c, numbers[p], a->rank, "axis of a", &a_axes[p]) ||
            !normalize_axis(c, numbers[*pairs + p], b->rank, "axis of b", &b_axes[p]))
            return false;
        if ((a_seen & (1u << a_axes[p])) || (b_seen & (1u << b_axes[p])))
            return infer_error_text(c, "axes names a dimension twice");
        a_seen |= 1u << a_axes[p];
        b_seen |= 1u << b_axes[p];
    }
    return true;
}

/* The free dimensions of a, then those of b. */
bool shape_tensordot(InferContext *c) {
    int a_axes[MAX_RANK], b_axes[MAX_RANK], pairs;
    if (!need_rank(c, "a", 0) || !need_rank(c, "b", 0) ||
        !tensordot_axes(c, a_axes, b_axes, &pairs))
        return false;
    const Shape *a = input_shape(c, "a"), *b = input_shape(c, "b");
    if (a->rank + b->rank - 2 * pairs > MAX_RANK)
        return infer_error_text(c, "the result would have %d dimensions; a tensor has at most %d",
                                a->rank + b->rank - 2 * pairs, MAX_RANK);
    unsigned a_used = 0, b_used = 0;
    for (int p = 0; p < pairs; p++) {
        if (!require_equal(c, a->dims[a_axes[p]], b->dims[b_axes[p]],
                           "the sizes of paired dimensions differ", 0, 1))
            return false;
        a_used |= 1u << a_axes[p];
        b_used |= 1u << b_axes[p];
    }
    Shape shape = {0};
    for (int i = 0; i < a->rank; i++)
        if (!(a_used & (1u << i))) shape.dims[shape.rank++] = a->dims[i];
    for (int i = 0; i < b->rank; i++)
        if (!(b_used & (1u << i))) shape.dims[shape.rank++] = b->dims[i];
    set_shape(c, 0, shape);
    return true;
}

/* ---- einsum ---- */

/* The sizes of an equation's letters; `...` of the operands broadcast into `shared`. */
typedef struct Einsum {
    Dim size[128];
    size_t from[128]; /* the input that gave it */
    int uses[128];
    Shape shared;
    bool has_shared;
} Einsum;

/* Counts the letters of a term (up to `,`, `-` or the end) and finds its ellipsis. */
static bool scan_term(InferContext *c, const char *term, size_t length, int *letters,
                      int *ellipsis) {
    *letters = 0;
    *ellipsis = -1;
    for (size_t i = 0; i < length; i++) {
        if (term[i] == ' ') continue;
        if (length - i >= 3 && strncmp(term + i, "...", 3) == 0 && *ellipsis < 0) {
            *ellipsis = *letters;
            i += 2;
        } else if (isalpha((unsigned char)term[i])) {
            ++*letters;
        } else {
            return infer_error_text(c, "in its equation '%c' is neither a letter nor an ellipsis",
                                    term[i]);
        }
    }
    return true;
}

static bool meet_operand(InferContext *c, Einsum *e, const char *term, size_t length,
                         size_t input) {
    const Shape *shape = &c->node->inputs[input]->type.shape;
    int letters, ellipsis, at = 0;
    if (!shape_has_rank(shape))
        return infer_error_at(
            c, input, "%s has no known rank, which this op needs: give its placeholder a `shape`",
            input_text(c, input));
    if (!scan_term(c, term, length, &letters, &ellipsis)) return false;
    int hidden = shape->rank - letters;
    if (hidden < 0 || (hidden > 0 && ellipsis < 0))
        return infer_error_text(c, "the term '%.*s' names %d dimensions, %s is %s", (int)length,
                                term, letters, input_text(c, input),
                                shape_text(c->graph->arena, shape));
    for (size_t i = 0; i < length; i++) {
        if (term[i] == ' ') continue;
        if (term[i] == '.') {
            Shape part = {.rank = hidden}, all;
            for (int k = 0; k < hidden; k++) part.dims[k] = shape->dims[at++];
            if (!broadcast_shapes(c, &e->shared, &part, 0, input, &all)) return false;
            e->shared = all;
            e->has_shared = true;
            i += 2;
            continue;
        }
        int letter = term[i];
        Dim size = shape->dims[at++];
        e->uses[letter]++;
        if (!e->size[letter]) {
            e->size[letter] = size;
            e->from[letter] = input;
            continue;
        }
        /* One of several sizes of a letter may be 1, and then stretches, as in TensorFlow. */
        Shape a = {.rank = 1, .dims = {e->size[letter]}}, b = {.rank = 1, .dims = {size}}, both;
        if (!broadcast_shapes(c, &a, &b, e->from[letter], input, &both)) return false;
        e->size[letter] = both.dims[0];
    }
    return true;
}

/* Without `->`: the ellipsis, then letters that occur once, in alphabetical order. */
static const char *implied_output(InferContext *c, const Einsum *e) {
    Text text = {.arena = c->graph->arena};
    text_add(&text, e->has_shared ? "..." : "");
    for (int letter = 'A'; letter <= 'z'; letter++)
        if (e->uses[letter] == 1) text_add_char(&text, (char)letter);
    return text.bytes;
}

static bool einsum_output(InferContext *c, const Einsum *e, const char *term, size_t length) {
    int letters, ellipsis;
    if (!scan_term(c, term, length, &letters, &ellipsis)) return false;
    int rank = letters + (ellipsis >= 0 ? e->shared.rank : 0);
    if (rank > MAX_RANK)
        return infer_error_text(c, "the result would have %d dimensions; a tensor has at most %d",
                                rank, MAX_RANK);
    Shape shape = {0};
    bool seen[128] = {false};
    for (size_t i = 0; i < length; i++) {
        int letter = term[i];
        if (letter == ' ') continue;
        if (letter == '.') {
            for (int k = 0; k < e->shared.rank; k++) shape.dims[shape.rank++] = e->shared.dims[k];
            i += 2;
            continue;
        }
        if (!e->size[letter])
            return infer_error_text(c, "the letter '%c' of the result is in no operand", letter);
        if (seen[letter])
            return infer_error_text(c, "the letter '%c' is in the result twice", letter);
        seen[letter] = true;
        shape.dims[shape.rank++] = e->size[letter];
    }
    set_shape(c, 0, shape);
    return true;
}

bool shape_einsum(InferContext *c) {
    const char *equation = node_attribute_word(c->node, "equation");
    Einsum e = {0};
    const char *arrow = strstr(equation, "->"), *end = arrow ? arrow : equation + strlen(equation),
               *at = equation;
    for (size_t input = 0;; input++) {
        size_t length = strcspn(at, ",");
        if (length > (size_t)(end - at)) length = (size_t)(end - at);
        if (input >= c->node->input_count)
            return infer_error_text(c, "its equation has more terms than the %zu inputs",
                                    c->node->input_count);
        if (!meet_operand(c, &e, at, length, input)) return false;
        at += length;
        if (at == end) {
            if (input + 1 == c->node->input_count) break;
            return infer_error_text(c, "its equation has %zu term%s for %zu inputs", input + 1,
                                    input ? "s" : "", c->node->input_count);
        }
        at++;
    }
    const char *output = arrow ? arrow + 2 : implied_output(c, &e);
    if (!output) output = "";
    return einsum_output(c, &e, output, strlen(output));
}
