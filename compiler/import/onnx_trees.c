/* onnx_trees.c: the tree ensembles of ai.onnx.ml: one op here, whose lists are made from those of
 * ONNX's three. */
#include "import/import.h"
#include "import/onnx_learning.h"

#include "support/dtype.h"
#include "support/half.h"
#include "support/map.h"
#include <string.h>

enum { MOST_WEIGHTS = 1 << 27 };

static const char call[] =
    "tree_ensemble(X, nodes_featureids=nodes_featureids, nodes_splits=nodes_splits, "
    "nodes_modes=nodes_modes, nodes_truenodeids=nodes_truenodeids, "
    "nodes_falsenodeids=nodes_falsenodeids, nodes_trueleafs=nodes_trueleafs, "
    "nodes_falseleafs=nodes_falseleafs, tree_roots=tree_roots, leaf_weights=leaf_weights, "
    "leaf_targetids=leaf_targetids, membership_values=membership_values, "
    "nodes_missing_value_tracks_true=nodes_missing_value_tracks_true"
    "{n_targets != 1 ? , n_targets=n_targets}"
    "{aggregate_function != 1 ? , aggregate_function=aggregate_function})";

static void bind_list(ImportNode *n, const char *name, tfcc_dtype dtype, const void *elements,
                      size_t count) {
    import_bind_tensor(n, name, dtype, 1, (int64_t[]){(int64_t)count}, elements);
}

/* ---- op set 5 ---- */

bool import_tree_ensemble(ImportNode *n) {
    static const char *const lists[] = {"nodes_featureids",   "nodes_truenodeids",
                                        "nodes_falsenodeids", "nodes_trueleafs",
                                        "nodes_falseleafs",   "tree_roots",
                                        "leaf_targetids",     "nodes_missing_value_tracks_true"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const int64_t *numbers;
        size_t count;
        if (import_integers(n, lists[i], &numbers, &count))
            bind_list(n, lists[i], TFCC_INT64, numbers, count);
    }
    static const char *const transforms[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO",
                                             "PROBIT"};
    int64_t transform = import_integer(n, "post_transform", 0);
    if (transform < 0 || transform > 4)
        return import_refuse(n, "its post_transform is %lld", (long long)transform);
    Text text = {.arena = import_arena(n)};
    text_add_format(&text, "scores = %s", call);
    return import_write(n, text.bytes) && learning_transform(n, transforms[transform]) &&
           import_write(n, "Y = done");
}

/* ---- classifiers and regressors ---- */

/* Nodes of all trees as the model lists them, leaves among them. */
typedef struct Forest {
    ImportNode *n;
    const char *prefix; /* of the lists about leaves: `class`, `target` */
    size_t count;       /* of nodes */
    const int64_t *tree, *node, *feature, *on_true, *on_false, *missing;
    const double *value;
    const char **mode;
    size_t weight_count; /* what leaves say */
    const int64_t *weight_tree, *weight_node, *weight_target;
    const double *weight;
    int64_t targets;
    Map places; /* (tree, node) -> place in the lists + 1 */
    tfcc_dtype dtype;
} Forest;

typedef struct NodeKey {
    int64_t tree, node;
} NodeKey;

static bool read_list(Forest *f, const char *name, size_t count, const int64_t **numbers) {
    size_t given;
    if (import_integers(f->n, name, numbers, &given) && given == count) return true;
    return import_refuse(f->n, "its %s is missing, or not as long as the other lists", name);
}

static bool read_numbers(Forest *f, const char *name, size_t count, const double **numbers) {
    size_t given;
    const char *tensor = arena_format(import_arena(f->n), "%s_as_tensor", name);
    bool found = (import_floats(f->n, name, numbers, &given) && given > 0) ||
                 import_floats(f->n, tensor, numbers, &given);
    if (found && given == count) return true;
    return import_refuse(f->n, "its %s is missing, or not as long as the other lists", name);
}

static const char *leaf_list(const Forest *f, const char *name) {
    return arena_format(import_arena(f->n), "%s_%s", f->prefix, name);
}

static bool read_forest(Forest *f) {
    ImportNode *n = f->n;
    size_t missing;
    const OnnxAttribute *modes = import_attribute(n, "nodes_modes");
    if (!modes || modes->kind != ONNX_STRINGS || modes->count == 0)
        return import_refuse(n, "it has no nodes");
    f->mode = modes->texts;
    f->count = modes->count;
    if (!import_integers(n, leaf_list(f, "ids"), &f->weight_target, &f->weight_count))
        return import_refuse(n, "its %s is missing", leaf_list(f, "ids"));
    if (!import_integers(n, "nodes_missing_value_tracks_true", &f->missing, &missing) ||
        missing != f->count)
        f->missing = NULL;
    return read_list(f, "nodes_treeids", f->count, &f->tree) &&
           read_list(f, "nodes_nodeids", f->count, &f->node) &&
           read_list(f, "nodes_featureids", f->count, &f->feature) &&
           read_list(f, "nodes_truenodeids", f->count, &f->on_true) &&
           read_list(f, "nodes_falsenodeids", f->count, &f->on_false) &&
           read_numbers(f, "nodes_values", f->count, &f->value) &&
           read_list(f, leaf_list(f, "treeids"), f->weight_count, &f->weight_tree) &&
           read_list(f, leaf_list(f, "nodeids"), f->weight_count, &f->weight_node) &&
           read_numbers(f, leaf_list(f, "weights"), f->weight_count, &f->weight);
}

static size_t find_place(const Forest *f, int64_t tree, int64_t node) {
    NodeKey key = {tree, node};
    MapEntry *entry = map_find(&f->places, (const char *)&key, sizeof key);
    return entry ? (size_t)(uintptr_t)entry->value : 0;
}

/* The lists of the op, filled from the front; a tree that is a leaf gets a node that always leads
 * to it. */
typedef struct Lists {
    int64_t *feature, *on_true, *on_false, *true_leaf, *false_leaf, *missing, *roots;
    uint8_t *mode;
    void *splits, *weights;
    size_t count, root_count, leaf_count;
    int64_t
        *number; /* of each node of the forest: among the inner ones, or -1 - among the leaves */
} Lists;

static int mode_number(const char *mode) {
    static const char *const modes[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                        "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};
    for (int k = 0; k < 6; k++)
        if (strcmp(mode, modes[k]) == 0) return k;
    return -1;
}

static void *new_list(const Forest *f, size_t count, size_t size) {
    return arena_alloc_array(import_arena(f->n), count + 1, size);
}

static bool number_nodes(Forest *f, Lists *l) {
    f->places = map_create(import_arena(f->n));
    l->number = new_list(f, f->count, sizeof *l->number);
    for (size_t k = 0; k < f->count; k++) {
        NodeKey key = {f->tree[k], f->node[k]};
        bool added;
        MapEntry *entry = map_insert(&f->places, (const char *)&key, sizeof key, &added);
        if (!added)
            return import_refuse(f->n, "tree %lld has node %lld twice", (long long)key.tree,
                                 (long long)key.node);
        entry->value = (void *)(uintptr_t)(k + 1);
        bool is_leaf = strcmp(f->mode[k], "LEAF") == 0;
        if (!is_leaf && mode_number(f->mode[k]) < 0)
            return import_refuse(f->n, "a node has the mode `%s`", f->mode[k]);
        l->number[k] = is_leaf ? -1 - (int64_t)l->leaf_count++ : (int64_t)l->count++;
    }
    return true;
}

static bool lay_child(Forest *f, const Lists *l, size_t k, bool side) {
    int64_t wanted = side ? f->on_true[k] : f->on_false[k];
    size_t place = find_place(f, f->tree[k], wanted);
    if (!place)
        return import_refuse(f->n, "tree %lld has no node %lld, which follows its node %lld",
                             (long long)f->tree[k], (long long)wanted, (long long)f->node[k]);
    int64_t number = l->number[place - 1], at = l->number[k];
    (side ? l->true_leaf : l->false_leaf)[at] = number < 0;
    (side ? l->on_true : l->on_false)[at] = number < 0 ? -1 - number : number;
    return true;
}

static bool lay_nodes(Forest *f, Lists *l) {
    size_t room = l->count + f->count;
    int64_t **lists[] = {&l->feature,    &l->on_true, &l->on_false, &l->true_leaf,
                         &l->false_leaf, &l->missing, &l->roots};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        *lists[i] = new_list(f, room, sizeof(int64_t));
    l->mode = new_list(f, room, 1);
    l->splits = new_list(f, room, dtype_size(f->dtype));
    Map trees = map_create(import_arena(f->n));
    for (size_t k = 0; k < f->count; k++) {
        int64_t at = l->number[k];
        bool is_root;
        map_insert(&trees, (const char *)&f->tree[k], sizeof f->tree[k], &is_root);
        if (is_root && at < 0) {
            l->true_leaf[l->count] = l->false_leaf[l->count] = 1;
            l->on_true[l->count] = l->on_false[l->count] = -1 - at;
        }
        if (is_root) l->roots[l->root_count++] = at < 0 ? (int64_t)l->count++ : at;
        if (at < 0) continue;
        l->feature[at] = f->feature[k];
        l->mode[at] = (uint8_t)mode_number(f->mode[k]);
        l->missing[at] = f->missing && f->missing[k];
        float_element_store(f->dtype, (char *)l->splits + (size_t)at * dtype_size(f->dtype),
                            f->value[k]);
        if (!lay_child(f, l, k, true) || !lay_child(f, l, k, false)) return false;
    }
    return true;
}

/* A number for each target of each leaf; several that a leaf says about one are combined. */
static bool lay_weights(Forest *f, Lists *l, int64_t function) {
    if (f->targets < 1 || l->leaf_count > MOST_WEIGHTS / (size_t)f->targets)
        return import_refuse(f->n, "its %zu leaves have %lld weights each", l->leaf_count,
                             (long long)f->targets);
    size_t size = dtype_size(f->dtype), count = l->leaf_count * (size_t)f->targets;
    double largest = dtype_info(f->dtype)->largest;
    double nothing = function == 2 ? largest : function == 3 ? -largest : 0;
    double *weights = new_list(f, count, sizeof *weights);
    for (size_t k = 0; k < count; k++) weights[k] = nothing;
    for (size_t k = 0; k < f->weight_count; k++) {
        size_t place = find_place(f, f->weight_tree[k], f->weight_node[k]);
        int64_t target = f->weight_target[k], number = place ? l->number[place - 1] : 0;
        if (number >= 0 || target < 0 || target >= f->targets)
            return import_refuse(f->n,
                                 "it gives a weight for target %lld to node %lld of tree "
                                 "%lld, which is no such leaf",
                                 (long long)target, (long long)f->weight_node[k],
                                 (long long)f->weight_tree[k]);
        double *weight = &weights[(size_t)(-1 - number) * (size_t)f->targets + (size_t)target];
        bool is_better = function == 2 ? f->weight[k] < *weight : f->weight[k] > *weight;
        if (function < 2)
            *weight += f->weight[k];
        else if (is_better)
            *weight = f->weight[k];
    }
    l->weights = new_list(f, count, size);
    for (size_t k = 0; k < count; k++)
        float_element_store(f->dtype, (char *)l->weights + k * size, weights[k]);
    return true;
}

/* Writes `scores`, [rows, targets]. */
static bool write_forest(Forest *f, int64_t function) {
    ImportNode *n = f->n;
    Lists l = {0};
    f->dtype = import_dtype(n, "X") == TFCC_FLOAT64 ? TFCC_FLOAT64 : TFCC_FLOAT32;
    if (!number_nodes(f, &l) || !lay_nodes(f, &l) || !lay_weights(f, &l, function)) return false;
    bind_list(n, "nodes_featureids", TFCC_INT64, l.feature, l.count);
    bind_list(n, "nodes_splits", f->dtype, l.splits, l.count);
    bind_list(n, "nodes_truenodeids", TFCC_INT64, l.on_true, l.count);
    bind_list(n, "nodes_falsenodeids", TFCC_INT64, l.on_false, l.count);
    bind_list(n, "nodes_trueleafs", TFCC_INT64, l.true_leaf, l.count);
    bind_list(n, "nodes_falseleafs", TFCC_INT64, l.false_leaf, l.count);
    bind_list(n, "tree_roots", TFCC_INT64, l.roots, l.root_count);
    import_bind_tensor(n, "leaf_weights", f->dtype, 2,
                       (int64_t[]){(int64_t)l.leaf_count, f->targets}, l.weights);
    import_bind_absent(n, "leaf_targetids");
    import_bind_absent(n, "membership_values");
    bool is_any = false, has_missing = false;
    for (size_t k = 0; k < l.count; k++) {
        is_any |= l.mode[k] != 0;
        has_missing |= l.missing[k] != 0;
    }
    import_bind_absent(n, "nodes_modes");
    import_bind_absent(n, "nodes_missing_value_tracks_true");
    if (is_any) bind_list(n, "nodes_modes", TFCC_UINT8, l.mode, l.count);
    if (has_missing)
        bind_list(n, "nodes_missing_value_tracks_true", TFCC_INT64, l.missing, l.count);
    import_bind(n, "n_targets", "%lld", (long long)f->targets);
    import_bind(n, "aggregate_function", "%lld", (long long)function);
    const char *as_float = arena_format(import_arena(n), "X = cast(X, %s)", dtype_name(f->dtype));
    if (import_dtype(n, "X") != f->dtype && !import_write(n, as_float)) return false;
    Text text = {.arena = import_arena(n)};
    text_add_format(&text, "scores = %s", call);
    return import_write(n, text.bytes);
}

static bool add_base(Forest *f, int64_t most) {
    const double *base;
    size_t count;
    ImportNode *n = f->n;
    bool found = (import_floats(n, "base_values", &base, &count) && count > 0) ||
                 (import_floats(n, "base_values_as_tensor", &base, &count) && count > 0);
    if (!found) return true;
    if (count != (size_t)most)
        return import_refuse(n, "it has %zu base_values for %lld scores", count, (long long)most);
    void *bytes = new_list(f, count, dtype_size(f->dtype));
    for (size_t k = 0; k < count; k++)
        float_element_store(f->dtype, (char *)bytes + k * dtype_size(f->dtype), base[k]);
    bind_list(n, "base", f->dtype, bytes, count);
    return import_write(n, "scores = scores + base");
}

bool import_tree_ensemble_regressor(ImportNode *n) {
    static const char *const functions[] = {"AVERAGE", "SUM", "MIN", "MAX"};
    const char *wanted = import_word(n, "aggregate_function"),
               *transform = import_word(n, "post_transform");
    int64_t function = 0;
    while (function < 4 && strcmp(wanted, functions[function]) != 0) function++;
    if (function == 4) return import_refuse(n, "its aggregate_function is `%s`", wanted);
    Forest f = {.n = n, .prefix = "target", .targets = import_integer(n, "n_targets", 1)};
    return read_forest(&f) && write_forest(&f, function) && add_base(&f, f.targets) &&
           learning_give(n, "Y", transform);
}

/* Two classes of which the trees know one: the other's score follows from it. */
static bool classify_one(Forest *f) {
    bool is_positive = true;
    for (size_t k = 0; k < f->weight_count; k++) is_positive &= f->weight[k] >= 0;
    if (!add_base(f, 1)) return false;
    return learning_classify_one(f->n, is_positive ? 0.5 : 0, is_positive);
}

bool import_tree_ensemble_classifier(ImportNode *n) {
    size_t classes = learning_class_count(n);
    Forest f = {.n = n, .prefix = "class", .targets = (int64_t)classes};
    if (classes == 0) return import_refuse(n, "it has no classes");
    if (!read_forest(&f)) return false;
    bool is_one = true;
    for (size_t k = 1; k < f.weight_count; k++) is_one &= f.weight_target[k] == f.weight_target[0];
    bool is_first = is_one && f.weight_count > 0 && f.weight_target[0] == 0;
    if (classes == 1 || (classes == 2 && is_first)) {
        f.targets = 1;
        return write_forest(&f, 1) && classify_one(&f);
    }
    return write_forest(&f, 1) && add_base(&f, f.targets) && learning_classify(n);
}
