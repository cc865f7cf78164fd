/* expand_axis.c: ops along an axis that only the run gives: along the middle one of three, as which
 * any tensor can be seen: what stands in front of the axis, the axis, what stands behind it.
 *
 * An axis that is out of range is the node's own failure; here it is only brought inside.
 */
#include "passes/expand.h"

/* Whether the axis is left to the run. Then the names `axis` (counted from the front), `k` (0, 1, …
 * for each of the dimensions), `sizes` of the tensor, and their products `outer` and `inner`. */
static bool let_axis(Composer *c, GraphNode *node, Graph *graph, Value *tensor) {
    Value *axis = node_input(node, "axis");
    const int64_t *numbers;
    size_t count;
    if (!axis || value_known_integers(graph->arena, axis, &numbers, &count)) return false;
    composer_bind_integer(c, "rank", tensor->type.shape.rank);
    composer_bind(c, "tensor", tensor);
    compose_let(c, "axis", "cast(reshape(axis, []), int64)");
    compose_let(c, "axis", "where(axis < 0, axis + rank, axis)");
    compose_let(c, "axis", "minimum(maximum(axis, 0), rank - 1)");
    compose_let(c, "k", "cast(range(rank), int64)");
    compose_let(c, "sizes", "shape(tensor, out_type=int64)");
    compose_let(c, "outer", "reduce_prod(where(k < axis, sizes, 1))");
    compose_let(c, "inner", "reduce_prod(where(k > axis, sizes, 1))");
    return true;
}

/* The tensor with three dimensions, and `length`, its size along the axis. */
static Value *let_blocks(Composer *c, const char *name, Value *tensor) {
    composer_bind(c, "tensor", tensor);
    compose_let(c, "length", "reduce_sum(where(equal(k, axis), shape(tensor, out_type=int64), 0))");
    return compose_let(c, name, "reshape(tensor, [outer, length, inner])");
}

static Value *cumulative(Composer *c, GraphNode *node, Graph *graph, const char *op) {
    Value *x = node_input(node, "x");
    if (!let_axis(c, node, graph, x)) return NULL;
    let_blocks(c, "blocks", x);
    compose_let(c, "y", "%s(blocks, axis=1, exclusive=exclusive, reverse=reverse)", op);
    return compose(c, "reshape(y, sizes)");
}

Value *expand_cumsum(Composer *c, GraphNode *node, Graph *graph) {
    return cumulative(c, node, graph, "cumsum");
}

Value *expand_cumprod(Composer *c, GraphNode *node, Graph *graph) {
    return cumulative(c, node, graph, "cumprod");
}

static Value *along_rows(Composer *c, GraphNode *node, Graph *graph, const char *op) {
    Value *logits = node_input(node, "logits");
    if (!let_axis(c, node, graph, logits)) return NULL;
    let_blocks(c, "blocks", logits);
    return compose(c, "reshape(%s(blocks, axis=1), sizes)", op);
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

static Value *search(Composer *c, GraphNode *node, Graph *graph, const char *op) {
    Value *input = node_input(node, "input");
    if (!let_axis(c, node, graph, input)) return NULL;
    let_blocks(c, "blocks", input);
    compose_let(c, "y", "%s(blocks, axis=1, output_type=output_type)", op);
    return compose(c, "reshape(y, where(k[:-1] < axis, sizes[:-1], sizes[1:]))");
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
    if (!let_axis(c, node, graph, values[0])) return NULL;
    Value **blocks = arena_alloc_array(graph->arena, count, sizeof(Value *));
    for (size_t i = 0; i < count; i++) {
        blocks[i] = let_blocks(c, "blocks", values[i]);
        compose_let(c, "total", i ? "total + length" : "length");
    }
    composer_bind_list(c, "values", blocks, count);
    return compose(c, "reshape(concat(values, axis=1), where(equal(k, axis), total, sizes))");
}

Value *expand_split(Composer *c, GraphNode *node, Graph *graph) {
    Value *value = node_input(node, "value");
    if (!let_axis(c, node, graph, value)) return NULL;
    let_blocks(c, "blocks", value);
    Value *first = compose(c, "split(blocks, num_or_size_splits, axis=1)");
    if (!first) return NULL;
    GraphNode *parts = first->node;
    Value *result = NULL;
    for (size_t i = 0; i < parts->output_count; i++) {
        composer_bind(c, "part", parts->outputs[i]);
        compose_let(c, "length", "shape(part, out_type=int64)[1]");
        Value *part = compose(c, "reshape(part, where(equal(k, axis), length, sizes))");
        if (i == 0)
            result = part;
        else
            expand_give(graph, node, i, part);
    }
    return result;
}

/* The result's sizes: those in front of the axis, those of the indices, those behind the axis. */
Value *expand_gather(Composer *c, GraphNode *node, Graph *graph) {
    Value *params = node_input(node, "params");
    if (!let_axis(c, node, graph, params)) return NULL;
    int width = node_input(node, "indices")->type.shape.rank;
    let_blocks(c, "blocks", params);
    compose_let(c, "y", "gather(blocks, indices, axis=1, negative_indices=negative_indices)");
    composer_bind_integer(c, "width", width);
    composer_bind_integer(c, "count", params->type.shape.rank - 1 + width);
    compose_let(c, "p", "cast(range(count), int64)");
    compose_let(c, "all", "concat([sizes, shape(indices, out_type=int64)], axis=0)");
    compose_let(c, "from", "where(p < axis + width, p - axis + rank, p - width + 1)");
    return compose(c, "reshape(y, gather(all, where(p < axis, p, from)))");
}
