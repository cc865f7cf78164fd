/* trees.c: an ensemble of decision trees, as ONNX lists it, checked and laid out as a table. */
#include "graph/trees.h"

#include "support/dtype.h"
#include "support/half.h"
#include <math.h>
#include <string.h>

enum { MOST_STEPS = 1024, MOST_TARGETS = 1 << 20, MOST_WEIGHTS = 1 << 27, MODE_MEMBER = 6 };

/* Of the modes 0 … 5: <=, <, >=, >, ==, !=. */
static const uint8_t outcomes_of_mode[] = {
    TREE_BELOW | TREE_EQUAL,
    TREE_BELOW,
    TREE_ABOVE | TREE_EQUAL,
    TREE_ABOVE,
    TREE_EQUAL,
    TREE_BELOW | TREE_ABOVE | TREE_UNORDERED,
};

typedef struct TreeReader {
    InferContext *c;
    TreePlan *plan;
    const ConstantData *features, *splits, *modes, *on_true, *on_false, *true_leafs, *false_leafs,
        *roots, *weights, *targets, *members, *missing;
    int64_t node_count, capacity;
    int64_t *member_start; /* by node: where its values begin */
} TreeReader;

static bool fail(TreeReader *r, const char *parameter, const char *format, long long a,
                 long long b) {
    char sentence[200];
    snprintf(sentence, sizeof sentence, format, a, b);
    return infer_error_at(r->c, input_index(r->c, parameter), "%s: %s", parameter, sentence);
}

/* The constant of a parameter: a vector of `count` elements (-1: of any); NULL where the parameter
 * is absent. */
static bool read_list(TreeReader *r, const char *parameter, int64_t count,
                      const ConstantData **list) {
    Value *value = input_value(r->c, parameter);
    *list = NULL;
    if (!value) return true;
    if (value->node->row->code != OP_CONSTANT || value->is_feedable)
        return infer_error_at(r->c, input_index(r->c, parameter),
                              "%s has to be a constant: the trees are laid out when the graph is "
                              "compiled",
                              parameter);
    *list = value->node->constant;
    if (count >= 0 && ((*list)->rank != 1 || (*list)->element_count != count))
        return fail(r, parameter, "it has %lld elements; here it is a vector of %lld",
                    (*list)->element_count, count);
    return true;
}

static int64_t integer_at(const ConstantData *list, int64_t k) {
    int64_t wide;
    int32_t narrow;
    switch (list->dtype) {
    case TFCC_INT64: memcpy(&wide, (const char *)list->bytes + 8 * k, 8); return wide;
    case TFCC_INT32: memcpy(&narrow, (const char *)list->bytes + 4 * k, 4); return narrow;
    default: return ((const uint8_t *)list->bytes)[k];
    }
}

static double number_at(const ConstantData *list, int64_t k) {
    return float_element_load(list->dtype,
                              (const char *)list->bytes + (size_t)k * dtype_size(list->dtype));
}

static bool read_lists(TreeReader *r) {
    Value *features = input_value(r->c, "nodes_featureids");
    if (!read_list(r, "nodes_featureids", -1, &r->features)) return false;
    int64_t n = r->node_count = r->features->element_count;
    if (n == 0 || features->type.shape.rank != 1)
        return fail(r, "nodes_featureids", "it is a vector with one element for every node", 0, 0);
    return read_list(r, "nodes_splits", n, &r->splits) &&
           read_list(r, "nodes_modes", n, &r->modes) &&
           read_list(r, "nodes_truenodeids", n, &r->on_true) &&
           read_list(r, "nodes_falsenodeids", n, &r->on_false) &&
           read_list(r, "nodes_trueleafs", n, &r->true_leafs) &&
           read_list(r, "nodes_falseleafs", n, &r->false_leafs) &&
           read_list(r, "nodes_missing_value_tracks_true", n, &r->missing) &&
           read_list(r, "tree_roots", -1, &r->roots) &&
           read_list(r, "leaf_weights", -1, &r->weights) &&
           read_list(r, "leaf_targetids", r->weights->element_count, &r->targets) &&
           read_list(r, "membership_values", -1, &r->members);
}

/* ---- membership ---- */

static int mode_of(const TreeReader *r, int64_t node) {
    return r->modes ? (int)integer_at(r->modes, node) : 0;
}

/* Node k's values begin where those of the node before it ended, with a NaN. */
static bool find_members(TreeReader *r, int64_t *extra) {
    Arena *arena = r->c->graph->arena;
    int64_t at = 0, count = r->members ? r->members->element_count : 0;
    r->member_start = arena_alloc_array(arena, (size_t)r->node_count + 1, sizeof(int64_t));
    *extra = 0;
    for (int64_t k = 0; k < r->node_count; k++) {
        int mode = mode_of(r, k);
        if (mode < 0 || mode > MODE_MEMBER)
            return fail(r, "nodes_modes", "node %lld has mode %lld; modes are 0 to 6", k, mode);
        r->member_start[k] = at;
        if (mode != MODE_MEMBER) continue;
        int64_t first = at;
        while (at < count && !isnan(number_at(r->members, at))) at++;
        if (at == count || at == first)
            return fail(r, "nodes_modes",
                        "node %lld asks for membership, and membership_values has no values that "
                        "end with a NaN for it",
                        k, 0);
        *extra += at - first - 1;
        at++;
    }
    return true;
}

/* ---- the table ---- */

static void store_number(void *list, tfcc_dtype dtype, int64_t k, double number) {
    float_element_store(dtype, (char *)list + (size_t)k * dtype_size(dtype), number);
}

static bool find_child(TreeReader *r, int64_t node, bool side, int32_t *child) {
    const ConstantData *ids = side ? r->on_true : r->on_false;
    const ConstantData *leafs = side ? r->true_leafs : r->false_leafs;
    const char *parameter = side ? "nodes_truenodeids" : "nodes_falsenodeids";
    int64_t id = integer_at(ids, node);
    bool is_leaf = integer_at(leafs, node) != 0;
    int64_t limit = is_leaf ? r->plan->leaf_count : r->node_count;
    if (id < 0 || id >= limit)
        return fail(r, parameter,
                    is_leaf ? "node %lld is followed by leaf %lld, which there is not"
                            : "node %lld is followed by node %lld, which there is not",
                    node, id);
    *child = (int32_t)(is_leaf ? r->plan->first_leaf + id : id);
    return true;
}

/* One node, or for membership a chain of them: the first keeps the node's place, the others stand
 * behind all nodes. */
static bool lay_node(TreeReader *r, int64_t node, int64_t *spare) {
    TreePlan *plan = r->plan;
    tfcc_dtype dtype = r->splits->dtype;
    int32_t sides[2];
    int64_t feature = integer_at(r->features, node);
    if (feature < 0 || feature > INT32_MAX)
        return fail(r, "nodes_featureids", "node %lld asks for feature %lld", node, feature);
    if (!find_child(r, node, false, &sides[0]) || !find_child(r, node, true, &sides[1]))
        return false;
    uint8_t missing = r->missing && integer_at(r->missing, node) ? TREE_UNORDERED : 0;
    int mode = mode_of(r, node);
    int64_t at = node, first = r->member_start[node], count = 1;
    if (mode == MODE_MEMBER)
        while (!isnan(number_at(r->members, first + count))) count++;
    for (int64_t k = 0; k < count; k++) {
        plan->features[at] = (int32_t)feature;
        plan->outcomes[at] = (mode == MODE_MEMBER ? TREE_EQUAL : outcomes_of_mode[mode]) | missing;
        store_number(plan->splits, dtype, at,
                     mode == MODE_MEMBER ? number_at(r->members, first + k)
                                         : number_at(r->splits, node));
        plan->next[2 * at + 1] = sides[1];
        plan->next[2 * at] = k + 1 < count ? (int32_t)*spare : sides[0];
        if (k + 1 < count) at = (*spare)++;
    }
    return true;
}

static bool lay_leaves(TreeReader *r) {
    TreePlan *plan = r->plan;
    tfcc_dtype dtype = r->weights->dtype;
    bool is_least = node_attribute_integer(r->c->node, "aggregate_function") == 2;
    bool is_most = node_attribute_integer(r->c->node, "aggregate_function") == 3;
    double largest = dtype_info(dtype)->largest, nothing = is_least  ? largest
                                                           : is_most ? -largest
                                                                     : 0;
    for (int64_t k = 0; k < plan->leaf_count; k++) {
        int64_t at = plan->first_leaf + k;
        plan->next[2 * at] = plan->next[2 * at + 1] = (int32_t)at;
        if (!r->targets) continue;
        int64_t target = integer_at(r->targets, k);
        if (target < 0 || target >= plan->targets)
            return fail(r, "leaf_targetids", "leaf %lld is for target %lld, which there is not", k,
                        target);
        for (int64_t t = 0; t < plan->targets; t++)
            store_number(plan->weights, dtype, k * plan->targets + t,
                         t == target ? number_at(r->weights, k) : nothing);
    }
    if (!r->targets) memcpy(plan->weights, r->weights->bytes, r->weights->size);
    return true;
}

/* ---- how deep ---- */

/* The steps from a node to its deepest leaf, by a walk that remembers what it has left open. */
static bool measure(TreeReader *r, int32_t root, int32_t *heights, int32_t *stack) {
    enum { UNSEEN = -1, OPEN = -2 };
    const TreePlan *plan = r->plan;
    int64_t depth = 0;
    stack[depth++] = root;
    while (depth > 0) {
        int32_t node = stack[depth - 1], height = 0;
        if (node >= plan->first_leaf) heights[node] = 0;
        if (heights[node] >= 0) {
            depth--;
            continue;
        }
        heights[node] = OPEN;
        int32_t below = -1;
        for (int side = 0; side < 2 && below < 0; side++) {
            int32_t child = plan->next[2 * node + side];
            if (heights[child] == OPEN)
                return fail(r, "nodes_truenodeids", "the nodes after node %lld lead back to it",
                            child, 0);
            if (heights[child] == UNSEEN) below = child;
            if (heights[child] > height) height = heights[child];
        }
        if (below >= 0)
            stack[depth++] = below;
        else
            heights[node] = height + 1;
    }
    return true;
}

static bool measure_trees(TreeReader *r) {
    TreePlan *plan = r->plan;
    Arena *arena = r->c->graph->arena;
    size_t count = (size_t)plan->node_count;
    int32_t *heights = arena_alloc_array(arena, count, sizeof *heights);
    int32_t *stack = arena_alloc_array(arena, count + 1, sizeof *stack);
    memset(heights, -1, count * sizeof *heights);
    plan->roots = arena_alloc_array(arena, (size_t)plan->root_count + 1, sizeof *plan->roots);
    for (int64_t k = 0; k < plan->root_count; k++) {
        int64_t root = integer_at(r->roots, k);
        if (root < 0 || root >= r->node_count)
            return fail(r, "tree_roots", "tree %lld begins with node %lld, which there is not", k,
                        root);
        plan->roots[k] = (int32_t)root;
        if (!measure(r, (int32_t)root, heights, stack)) return false;
        if (heights[root] > plan->steps) plan->steps = heights[root];
    }
    return plan->steps <= MOST_STEPS ||
           fail(r, "nodes_truenodeids", "a tree is %lld nodes deep; %lld is the most", plan->steps,
                MOST_STEPS);
}

/* ---- exported ---- */

bool plan_trees(InferContext *c, TreePlan *plan) {
    TreeReader r = {.c = c, .plan = plan};
    Arena *arena = c->graph->arena;
    int64_t extra, targets = node_attribute_integer(c->node, "n_targets");
    *plan = (TreePlan){.targets = targets};
    if (!read_lists(&r) || !find_members(&r, &extra)) return false;
    if (targets < 1 || targets > MOST_TARGETS)
        return infer_error_text(c, "n_targets is %lld; it goes from 1 to %d", (long long)targets,
                                MOST_TARGETS);
    if (!r.targets && r.weights->element_count % targets != 0)
        return fail(&r, "leaf_weights", "its %lld elements are not %lld for every leaf",
                    r.weights->element_count, targets);
    plan->leaf_count = r.targets ? r.weights->element_count : r.weights->element_count / targets;
    plan->first_leaf = r.node_count + extra;
    plan->node_count = plan->first_leaf + plan->leaf_count;
    plan->root_count = r.roots->element_count;
    if (plan->node_count > INT32_MAX / 2 || plan->leaf_count > MOST_WEIGHTS / targets)
        return infer_error_text(
            c, "%lld nodes, and %lld leaves with %lld weights each, are too many",
            (long long)plan->node_count, (long long)plan->leaf_count, (long long)targets);
    size_t count = (size_t)plan->node_count, size = dtype_size(r.splits->dtype);
    plan->features = arena_alloc_array(arena, count, sizeof *plan->features);
    plan->next = arena_alloc_array(arena, 2 * count, sizeof *plan->next);
    plan->outcomes = arena_alloc_array(arena, count, 1);
    plan->splits = arena_alloc_array(arena, count, size);
    plan->weights = arena_alloc_array(arena, (size_t)(plan->leaf_count * targets) + 1, size);
    int64_t spare = r.node_count;
    for (int64_t k = 0; k < r.node_count; k++)
        if (!lay_node(&r, k, &spare)) return false;
    plan->every_outcome = plan->outcomes[0];
    for (int64_t k = 0; k < plan->first_leaf; k++)
        if (plan->outcomes[k] != plan->outcomes[0]) plan->every_outcome = 0;
    return lay_leaves(&r) && measure_trees(&r);
}

/* One value for every key. */
bool shape_label_encoder(InferContext *c);
bool shape_label_encoder(InferContext *c) {
    if (!need_rank(c, "x", 0) || !need_exact_rank(c, "keys", 1) ||
        !need_exact_rank(c, "values", 1) ||
        (has_input(c, "default_value") && !need_exact_rank(c, "default_value", 0)))
        return false;
    if (input_shape(c, "x")->rank == MAX_RANK)
        return infer_error_text(c, "x has %d dimensions; here %d are the most", MAX_RANK,
                                MAX_RANK - 1);
    set_shape(c, 0, *input_shape(c, "x"));
    return require_equal(c, input_shape(c, "keys")->dims[0], input_shape(c, "values")->dims[0],
                         "there has to be one value for every key", input_index(c, "keys"),
                         input_index(c, "values"));
}

/* x is [rows, features]. */
bool shape_tree_ensemble(InferContext *c);
bool shape_tree_ensemble(InferContext *c) {
    TreePlan plan;
    int64_t function = node_attribute_integer(c->node, "aggregate_function");
    if (function < 0 || function > 3)
        return infer_error_text(c,
                                "aggregate_function is %lld; it is 0 (average), 1 (sum), 2 "
                                "(minimum) or 3 (maximum)",
                                (long long)function);
    if (!need_exact_rank(c, "x", 2) || !plan_trees(c, &plan)) return false;
    const Shape *x = input_shape(c, "x");
    int32_t most = 0;
    for (int64_t k = 0; k < plan.first_leaf; k++)
        if (plan.features[k] > most) most = plan.features[k];
    Sentence s = sentence_begin(c);
    sentence_text(&s, "the trees ask for feature %d: ", most);
    sentence_input(&s, c, 0);
    if (!infer_require(c, dim_less(c->dims, known(c, most), x->dims[1]), &s)) return false;
    set_shape(c, 0, (Shape){.rank = 2, .dims = {x->dims[0], known(c, plan.targets)}});
    return true;
}
