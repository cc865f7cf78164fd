/* expand_axis.c: ops along an axis that only the run gives: along the first one, to which it is moved.
 *
 * An axis that is out of range is the node's own failure; here it is only brought inside.
 */
#include "passes/expand.h"

/* Whether the axis is left to the run; then the names `axis` (counted from the front), `k` (0, 1, …
 * for each of the dimensions) and `perm`, which exchanges it with the first. */
static bool let_axis(Composer *c, GraphNode *node, Graph *graph, int rank) {
    Value *axis = node_input(node, "axis");
    const int64_t *numbers;
    size_t count;
    if (!axis || value_known_integers(graph->arena, axis, &numbers, &count)) return false;
    composer_bind_integer(c, "rank", rank);
    compose_let(c, "axis", "reshape(axis, [])");
    compose_let(c, "axis", "where(axis < 0, axis + rank, axis)");
    compose_let(c, "axis", "cast(clip_by_value(axis, 0, rank - 1), int32)");
    compose_let(c, "k", "range(rank)");
    compose_let(c, "perm", "where(equal(k, 0), axis, where(equal(k, axis), 0, k))");
    return true;
}

static Value *cumulative(Composer *c, GraphNode *node, Graph *graph, const char *op) {
    if (!let_axis(c, node, graph, node_input(node, "x")->type.shape.rank)) return NULL;
    compose_let(c, "y", "%s(transpose(x, perm), axis=0, exclusive=exclusive, reverse=reverse)", op);
    return compose(c, "reshape(transpose(y, perm), shape(x))");
}

Value *expand_cumsum(Composer *c, GraphNode *node, Graph *graph) {
    return cumulative(c, node, graph, "cumsum");
}

Value *expand_cumprod(Composer *c, GraphNode *node, Graph *graph) {
    return cumulative(c, node, graph, "cumprod");
}

static Value *along_rows(Composer *c, GraphNode *node, Graph *graph, const char *op) {
    if (!let_axis(c, node, graph, node_input(node, "logits")->type.shape.rank)) return NULL;
    compose_let(c, "y", "%s(transpose(logits, perm), axis=0)", op);
    return compose(c, "reshape(transpose(y, perm), shape(logits))");
}

Value *expand_softmax(Composer *c, GraphNode *node, Graph *graph) {
    return along_rows(c, node, graph, "softmax");
}

Value *expand_log_softmax(Composer *c, GraphNode *node, Graph *graph) {
    return along_rows(c, node, graph, "log_softmax");
}

Value *expand_hardmax(Composer *c, GraphNode *node, Graph *graph) {
    return along_rows(c, node, graph, "hardmax");
}

/* The other dimensions keep their order: the axis goes to the front. */
static Value *search(Composer *c, GraphNode *node, Graph *graph, const char *op) {
    if (!let_axis(c, node, graph, node_input(node, "input")->type.shape.rank)) return NULL;
    compose_let(c, "front", "where(equal(k, 0), axis, where(k <= axis, k - 1, k))");
    return compose(c, "%s(transpose(input, front), axis=0, output_type=output_type)", op);
}

Value *expand_argmax(Composer *c, GraphNode *node, Graph *graph) {
    return search(c, node, graph, "argmax");
}

Value *expand_argmin(Composer *c, GraphNode *node, Graph *graph) {
    return search(c, node, graph, "argmin");
}

Value *expand_concat(Composer *c, GraphNode *node, Graph *graph) {
    Value **values;
    size_t count = node_input_list(node, "values", &values);
    if (!let_axis(c, node, graph, values[0]->type.shape.rank)) return NULL;
    Value **turned = arena_alloc_array(graph->arena, count, sizeof *turned);
    for (size_t i = 0; i < count; i++) {
        composer_bind(c, "value", values[i]);
        turned[i] = compose(c, "transpose(value, perm)");
    }
    composer_bind_list(c, "values", turned, count);
    return compose(c, "transpose(concat(values, axis=0), perm)");
}

Value *expand_split(Composer *c, GraphNode *node, Graph *graph) {
    if (!let_axis(c, node, graph, node_input(node, "value")->type.shape.rank)) return NULL;
    Value *first = compose(c, "split(transpose(value, perm), num_or_size_splits, axis=0)");
    if (!first) return NULL;
    GraphNode *parts = first->node;
    Value *result = NULL;
    for (size_t i = 0; i < parts->output_count; i++) {
        composer_bind(c, "part", parts->outputs[i]);
        Value *part = compose(c, "transpose(part, perm)");
        if (i == 0)
            result = part;
        else
            expand_give(graph, node, i, part);
    }
    return result;
}

/* Along the first axis the dimensions of the indices come out in front; they go behind the `axis`
 * dimensions of params. */
Value *expand_gather(Composer *c, GraphNode *node, Graph *graph) {
    int rank = node_input(node, "params")->type.shape.rank;
    if (!let_axis(c, node, graph, rank)) return NULL;
    int width = node_input(node, "indices")->type.shape.rank;
    compose_let(c, "front", "where(equal(k, 0), axis, where(k <= axis, k - 1, k))");
    compose_let(c, "y",
                "gather(transpose(params, front), indices, axis=0, "
                "negative_indices=negative_indices)");
    composer_bind_integer(c, "width", width);
    composer_bind_integer(c, "count", rank - 1 + width);
    compose_let(c, "p", "range(count)");
    compose_let(c, "back", "where(p < axis, p + width, where(p < axis + width, p - axis, p))");
    return compose(c, "transpose(y, back)");
}
