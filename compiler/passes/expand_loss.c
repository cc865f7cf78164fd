/* expand_loss.c: losses: how far what was computed is from what should be. */
#include "passes/expand.h"
#include <string.h>

Value *expand_softmax_cross_entropy_with_logits(Composer *c, GraphNode *node, Graph *graph) {
    (void)node, (void)graph;
    return compose(c, "negative(reduce_sum(labels * log_softmax(logits, axis=axis), axis=axis))");
}

/* The label's own logarithm of the probability; a label out of range is an error of the run. */
Value *expand_sparse_softmax_cross_entropy_with_logits(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    int rank = node_input(node, "labels")->type.shape.rank;
    return compose(c, "negative(gather(log_softmax(logits), labels, axis=%d, batch_dims=%d))", rank,
                   rank);
}

/* max(x, 0) - x * z + log(1 + exp(-|x|)) does not overflow. */
Value *expand_sigmoid_cross_entropy_with_logits(Composer *c, GraphNode *node, Graph *graph) {
    (void)node, (void)graph;
    return compose(c, "maximum(logits, 0) - logits * labels + log1p(exp(negative(abs(logits))))");
}

Value *expand_weighted_cross_entropy_with_logits(Composer *c, GraphNode *node, Graph *graph) {
    (void)node, (void)graph;
    compose_let(c, "weight", "1 + (pos_weight - 1) * labels");
    return compose(c, "(1 - labels) * logits + weight * (log1p(exp(negative(abs(logits)))) + "
                      "maximum(negative(logits), 0))");
}

Value *expand_l2_loss(Composer *c, GraphNode *node, Graph *graph) {
    (void)node, (void)graph;
    return compose(c, "reduce_sum(square(t)) / 2");
}

/* ---- over classes on axis 1 ---- */

/* The sum, the mean, or everything; a weighted mean divides by the weights that were used. */
static Value *reduced(Composer *c, Graph *graph, const GraphNode *node, const char *losses,
                      const char *weights) {
    const char *reduction = node_attribute_word(node, "reduction");
    if (strcmp(reduction, "none") == 0) return compose(c, "identity(%s)", losses);
    if (strcmp(reduction, "sum") == 0) return compose(c, "reduce_sum(%s)", losses);
    if (strcmp(reduction, "mean") != 0) {
        diagnose_error(graph->diagnostics, node->place,
                       "%s: `reduction` is mean, sum or none, not `%s`", node->row->spelling,
                       reduction);
        return NULL;
    }
    if (!weights) return compose(c, "reduce_mean(%s)", losses);
    return compose(c, "reduce_sum(%s) / reduce_sum(%s)", losses, weights);
}

/* -weight[label] * logarithm[n, label, d..] for labels [n, d..]; what is to be ignored has the
 * weight 0, whatever class it names. */
static Value *negative_log_likelihood(Composer *c, Graph *graph, const GraphNode *node,
                                      const Value *labels) {
    int rank = labels->type.shape.rank;
    bool is_ignoring = composer_has(c, "ignore_index"), is_weighted = composer_has(c, "weight");
    int64_t perm[MAX_RANK] = {0};
    for (int k = 1; k < rank; k++) perm[k] = k + 1;
    perm[rank] = 1;
    composer_bind_integers(c, "perm", perm, (size_t)rank + 1);
    compose_let(c, "safe",
                is_ignoring ? "where(labels == ignore_index, 0, labels)" : "identity(labels)");
    compose_let(c, "chosen",
                "negative(gather(transpose(logarithms, perm), safe, axis=%d, batch_dims=%d))", rank,
                rank);
    if (!is_ignoring && !is_weighted) return reduced(c, graph, node, "chosen", NULL);
    compose_let(c, "weights", is_weighted ? "gather(weight, safe)" : "ones_like(chosen)");
    if (is_ignoring) {
        compose_let(c, "weights", "where(labels == ignore_index, 0, weights)");
        compose_let(c, "chosen", "where(labels == ignore_index, 0, chosen * weights)");
        return reduced(c, graph, node, "chosen", "weights");
    }
    compose_let(c, "chosen", "chosen * weights");
    return reduced(c, graph, node, "chosen", "weights");
}

static bool need_classes(Graph *graph, const GraphNode *node, const Value *scores,
                         const Value *labels) {
    if (shape_has_rank(&scores->type.shape) && shape_has_rank(&labels->type.shape) &&
        scores->type.shape.rank >= 2 && scores->type.shape.rank == labels->type.shape.rank + 1)
        return true;
    return diagnose_error(graph->diagnostics, node->place,
                          "%s: scores are [n, classes, …] and labels [n, …], not %s and %s",
                          node->row->spelling, shape_text(graph->arena, &scores->type.shape),
                          shape_text(graph->arena, &labels->type.shape));
}

Value *expand_nll_loss(Composer *c, GraphNode *node, Graph *graph) {
    Value *labels = node_input(node, "target");
    if (!need_classes(graph, node, node_input(node, "input"), labels)) return NULL;
    composer_bind(c, "logarithms", node_input(node, "input"));
    composer_bind(c, "labels", labels);
    return negative_log_likelihood(c, graph, node, labels);
}

Value *expand_softmax_cross_entropy_loss(Composer *c, GraphNode *node, Graph *graph) {
    Value *labels = node_input(node, "labels");
    if (!need_classes(graph, node, node_input(node, "scores"), labels)) return NULL;
    expand_give(graph, node, 1, compose_let(c, "logarithms", "log_softmax(scores, axis=1)"));
    composer_bind(c, "weight", node_input(node, "weights"));
    return negative_log_likelihood(c, graph, node, labels);
}

/* ---- attention ---- */

/* [batch, length, heads * size] as [batch, heads, length, size]. */
static void split_heads(Composer *c, const char *name) {
    compose_let(c, name,
                "transpose(reshape(%s, [shape(%s)[0], shape(%s)[1], num_heads, "
                "shape(%s)[2] // num_heads]), [0, 2, 1, 3])",
                name, name, name, name);
}

/* softmax(query @ key^T * scale + mask) @ value over the last two dimensions; a bool mask says what
 * is attended to. */
Value *expand_scaled_dot_product_attention(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    Value *mask = node_input(node, "attn_mask");
    composer_bind_dtype(c, "dtype", node_input(node, "query")->type.dtype);
    bool is_split = composer_has(c, "num_heads");
    if (is_split) {
        split_heads(c, "query");
        split_heads(c, "key");
        split_heads(c, "value");
    }
    if (node_argument(node, "scale")->kind == ARGUMENT_ABSENT)
        compose_let(c, "query", "query * rsqrt(cast(shape(query)[-1], dtype))");
    else
        compose_let(c, "query", "query * scale");
    compose_let(c, "scores", "matmul(query, key, transpose_b=true)");
    if (mask && mask->type.dtype == TFCC_BOOL)
        compose_let(c, "scores", "where(attn_mask, scores, -inf)");
    else if (mask)
        compose_let(c, "scores", "scores + attn_mask");
    if (node_attribute_bool(node, "is_causal"))
        compose_let(c, "scores",
                    "where(range(shape(scores)[-1]) <= expand_dims(range(shape(scores)[-2]), 1), "
                    "scores, -inf)");
    compose_let(c, "attended", "softmax(scores) @ value");
    if (!is_split) return compose(c, "identity(attended)");
    compose_let(c, "attended", "transpose(attended, [0, 2, 1, 3])");
    return compose(c, "reshape(attended, [shape(attended)[0], shape(attended)[1], "
                      "num_heads * shape(attended)[3]])");
}
