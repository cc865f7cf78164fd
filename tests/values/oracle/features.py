"""Models of features: decision trees, and what stands before and behind them in scikit-learn's exports."""

import numpy as np

from . import onnx as reference
from .case import Fed, File, numpy_dtype, value_text

MODES = ["<=", "<", ">=", ">", "==", "!="]
LISTS = [
    "nodes_featureids",
    "nodes_splits",
    "nodes_modes",
    "nodes_truenodeids",
    "nodes_falsenodeids",
    "nodes_trueleafs",
    "nodes_falseleafs",
    "tree_roots",
    "leaf_weights",
    "leaf_targetids",
]


def forest(trees, depth, features, targets, seed, dtype=np.float32, modes=(0,), full=False):
    """Random trees in ONNX's lists."""
    random = np.random.RandomState(seed)
    lists = {name: [] for name in LISTS}

    def leaf():
        lists["leaf_weights"].append(dtype(random.randint(-20, 20) / 8))
        lists["leaf_targetids"].append(random.randint(targets))
        return len(lists["leaf_weights"]) - 1

    def node(level):
        k = len(lists["nodes_modes"])
        for name in LISTS[:7]:
            lists[name].append(0)
        lists["nodes_featureids"][k] = random.randint(features)
        lists["nodes_splits"][k] = dtype(random.randint(-8, 8) / 4)
        lists["nodes_modes"][k] = modes[random.randint(len(modes))]
        for side in ("true", "false"):
            is_leaf = level + 1 == depth or (not full and random.rand() < 0.25)
            lists["nodes_%sleafs" % side][k] = int(is_leaf)
            child = leaf() if is_leaf else node(level + 1)
            lists["nodes_%snodeids" % side][k] = child
        return k

    for _ in range(trees):
        lists["tree_roots"].append(node(0))
    return lists


def predict(x, lists, targets, function=1, missing=None, members=None):
    """What the trees say, by walking through them one by one."""
    dtype = x.dtype.type
    start = {0: 0, 1: 0, 2: np.finfo(dtype).max, 3: np.finfo(dtype).min}[function]
    result = np.full((len(x), targets), start, dtype)
    for row, values in enumerate(x):
        for root in lists["tree_roots"]:
            at, is_leaf = root, False
            while not is_leaf:
                value, split, mode = values[lists["nodes_featureids"][at]], lists["nodes_splits"][at], lists["nodes_modes"][at]
                if mode == 6:
                    holds = value in members[at]
                else:
                    holds = eval("value %s split" % MODES[mode])
                if missing is not None and missing[at] and np.isnan(value):
                    holds = True
                side = "true" if holds else "false"
                is_leaf = lists["nodes_%sleafs" % side][at]
                at = lists["nodes_%snodeids" % side][at]
            weight, target = lists["leaf_weights"][at], lists["leaf_targetids"][at]
            if function < 2:
                result[row, target] += weight
            else:
                result[row, target] = (min if function == 2 else max)(result[row, target], weight)
    return result / dtype(len(lists["tree_roots"])) if function == 0 else result


def constants(lists, dtype, extra=()):
    """The lists as nodes."""
    kinds = dict.fromkeys(LISTS, "int64")
    kinds.update(nodes_splits=dtype, leaf_weights=dtype, nodes_modes="uint8", membership_values=dtype)
    lines = []
    for name, values in list(lists.items()) + list(extra):
        values = np.asarray(values, numpy_dtype(kinds.get(name, "int64")))
        lines.append("%s: {op: constant, dtype: %s, value: %s}" % (name, values.dtype.name, value_text(values)))
    return "\n".join(lines) + "\n"


def call(names, *rest):
    return "y: tree_ensemble(" + ", ".join(["x"] + ["%s=%s" % (n, n) for n in names] + list(rest)) + ")"


def tree_ensemble():
    file = File(
        "features/tree_ensemble",
        "every comparison, NaN on either side, several targets, all ways to combine trees, trees deeper than one kernel.",
        by="walking through the trees",
    )
    random = np.random.RandomState(1)
    for dtype in ("float32", "float64"):
        kind = np.dtype(dtype).type
        x = (random.randint(-10, 10, (6, 4)) / 4).astype(dtype)
        x[1, 2] = x[3, 0] = np.nan
        cases = {
            "one_tree": (forest(1, 3, 4, 1, 2, kind), 1, 1),
            "a_leaf_for_each_of_two_sides": (forest(3, 1, 4, 1, 3, kind), 1, 1),
            "targets": (forest(5, 4, 4, 3, 4, kind), 3, 1),
            "every_comparison": (forest(4, 4, 4, 2, 5, kind, modes=(0, 1, 2, 3, 4, 5)), 2, 1),
            "only_not_equal": (forest(2, 3, 4, 1, 6, kind, modes=(5,)), 1, 1),
            "average": (forest(4, 3, 4, 2, 7, kind), 2, 0),
            "least": (forest(4, 3, 4, 1, 8, kind, modes=(1,)), 1, 2),
            "largest": (forest(4, 3, 4, 1, 9, kind, modes=(3,)), 1, 3),
            "deep": (forest(1, 19, 4, 1, 21, kind), 1, 1),
        }
        for name, (lists, targets, function) in cases.items():
            nodes = constants(lists, dtype) + call(LISTS, "n_targets=%d" % targets, "aggregate_function=%d" % function)
            expected = {"y": predict(x, lists, targets, function)}
            file.case(dtype + "_" + name, nodes, {"x": Fed(x, "[n, m]")}, expected)
    lists = forest(3, 4, 4, 1, 10, modes=(0, 3))
    missing = [k % 2 for k in range(len(lists["nodes_modes"]))]
    x = x.astype(np.float32)
    extra = [("nodes_missing_value_tracks_true", missing)]
    nodes = constants(lists, "float32", extra) + call(LISTS + ["nodes_missing_value_tracks_true"])
    file.case("missing_values", nodes, {"x": Fed(x, "[n, 4]")}, {"y": predict(x, lists, 1, missing=missing)})
    lists = forest(2, 3, 4, 1, 12)
    members, listed = {}, []
    for k in range(0, len(lists["nodes_modes"]), 2):
        lists["nodes_modes"][k] = 6
        members[k] = [np.float32(v / 4) for v in random.choice(20, 1 + k % 4, replace=False) - 10]
        listed += members[k] + [np.float32(np.nan)]
    nodes = constants(lists, "float32", [("membership_values", listed)]) + call(LISTS + ["membership_values"])
    file.case("membership", nodes, {"x": Fed(x, "[n, 4]")}, {"y": predict(x, lists, 1, members=members)})
    lists = forest(2, 3, 4, 1, 13)
    dense = dict(lists, leaf_weights=[[w, 2 * w, 0.5] for w in lists["leaf_weights"]])
    one = predict(x, lists, 1)
    names = [n for n in LISTS if n != "leaf_targetids"]
    nodes = constants({n: dense[n] for n in names}, "float32") + call(names, "n_targets=3")
    expected = {"y": np.concatenate([one, 2 * one, np.full_like(one, 1)], 1)}
    file.case("a_weight_for_each_target", nodes, {"x": Fed(x, "[n, 4]")}, expected)
    refuse(file, x)


def refuse(file, x):
    lists = forest(1, 2, 3, 1, 14, full=True)
    head = "x: {op: placeholder, dtype: float32, shape: [2, 3]}\n"

    def broken(**changes):
        return head + constants(dict(lists, **changes), "float32") + call(LISTS)

    file.case("too_few_splits", broken(nodes_splits=[1.0]), compile_error="nodes_splits: it has 1 elements; here it is a vector of 3")
    file.case("a_cycle", broken(nodes_truenodeids=[0, 0, 1], nodes_trueleafs=[0, 1, 1]), compile_error="the nodes after node 0 lead back to it")
    file.case("no_such_node", broken(nodes_truenodeids=[7, 0, 1], nodes_trueleafs=[0, 1, 1]), compile_error="node 0 is followed by node 7, which there is not")
    file.case("no_such_leaf", broken(nodes_falsenodeids=[2, 9, 1]), compile_error="node 1 is followed by leaf 9, which there is not")
    file.case("no_such_root", broken(tree_roots=[3]), compile_error="tree 0 begins with node 3, which there is not")
    file.case("no_such_mode", broken(nodes_modes=[0, 9, 0]), compile_error="node 1 has mode 9; modes are 0 to 6")
    file.case("no_members", broken(nodes_modes=[0, 6, 0]), compile_error="node 1 asks for membership")
    file.case("no_such_target", broken(leaf_targetids=[0, 0, 5, 0]), compile_error="leaf 2 is for target 5, which there is not")
    file.case("no_such_feature", broken(nodes_featureids=[0, 3, 1]), compile_error="the trees ask for feature 3")
    text = head.replace("[2, 3]", "[n, 3]") + "s: {op: placeholder, dtype: float32, shape: [3]}\n"
    nodes = text + constants({n: lists[n] for n in LISTS if n != "nodes_splits"}, "float32")
    file.case("not_constant", nodes + call(LISTS).replace("=nodes_splits", "=s"), compile_error="nodes_splits has to be a constant")
    file.case(
        "too_few_features_when_run",
        constants(lists, "float32") + call(LISTS),
        runs=[
            {
                "feeds": {"x": Fed(x[:, :1].copy(), "[n, m]")},
                "fetch": ["y"],
                "error": "the trees ask for feature %d" % max(lists["nodes_featureids"]),
                "node": "y",
            }
        ],
    )


def label_encoder():
    file = File(
        "features/label_encoder",
        "tables from numbers to numbers; NaN is a key like others; what is no key gives the default.",
        by="numpy",
    )
    for keys, values in (("int64", "float32"), ("float32", "int64"), ("int32", "int32"), ("float64", "float64"), ("uint8", "bool")):
        table = dict(zip([0, 3, 1, 7], [5, 6, 0, 8]))
        x = np.array([[0, 1, 2], [3, 7, 9]], keys)
        k, v = np.array(list(table), keys), np.array(list(table.values()), values)
        for default in (None, 4):
            otherwise = np.array(default or 0, values)
            expected = np.array([[table.get(int(i), otherwise) for i in row] for row in x]).astype(values)
            nodes = "y: label_encoder(x, k, v%s)" % ("" if default is None else ", d")
            feeds = {"x": Fed(x, "[n, m]"), "k": Fed(k, "[t]"), "v": Fed(v, "[t]")}
            if default is not None:
                feeds["d"] = otherwise
            file.case("%s_to_%s%s" % (keys, values, "" if default is None else "_default"), nodes, feeds, {"y": expected})
    x = np.array([np.nan, 1, 2.5, np.inf], np.float32)
    nodes = "k: {op: constant, value: [1.0, .nan, 2.5, 1.0]}\ny: label_encoder(x, k, [10, 20, 30, 40], -1)"
    file.case("nan_and_a_key_twice", nodes, {"x": Fed(x, "[n]")}, {"y": np.array([20, 40, 30, -1], np.int32)})
    text = "x: {op: placeholder, dtype: int32, shape: [2]}\ny: label_encoder(x, [1, 2], [3.0])"
    file.case("lengths", text, compile_error="there has to be one value for every key")


def tables():
    tree_ensemble()
    label_encoder()
