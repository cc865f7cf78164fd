#!/usr/bin/env python3
"""Writes cases/learning: models of features (ai.onnx.ml) with what ONNX Runtime gives for them.

    python learning.py        with an interpreter that has onnx 1.17 and onnxruntime

The folders have the form of ONNX's own cases; `conformance` runs them alike.
"""

import pathlib
import shutil

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path(__file__).resolve().parent / "cases" / "learning"
LABELS = [("label", TensorProto.INT64), ("scores", TensorProto.FLOAT)]
FLOAT = [("y", TensorProto.FLOAT)]
COMPARISONS = ["LEQ", "LT", "GTE", "GT", "EQ", "NEQ"]
random = np.random.RandomState(0)


def case(name, op, x, outputs, opset=3, **attributes):
    inputs = {"x%d" % i: value for i, value in enumerate(x if isinstance(x, list) else [x])}
    node = helper.make_node(op, list(inputs), [o for o, _ in outputs], domain="ai.onnx.ml", **attributes)
    graph = helper.make_graph(
        [node],
        name,
        [
            helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), ["n", *v.shape[1:]])
            for k, v in inputs.items()
        ],
        [helper.make_tensor_value_info(o, t, None) for o, t in outputs],
    )
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", opset)]
    model = helper.make_model(graph, producer_name="tests", opset_imports=imports, ir_version=8)
    results = onnxruntime.InferenceSession(model.SerializeToString()).run(None, inputs)
    data = FOLDER / ("test_" + name) / "test_data_set_0"
    data.mkdir(parents=True)
    onnx.save(model, data.parent / "model.onnx")
    for kind, tensors in (("input", inputs), ("output", {o: r for (o, _), r in zip(outputs, results)})):
        for k, (tensor, value) in enumerate(tensors.items()):
            onnx.save_tensor(numpy_helper.from_array(np.asarray(value), tensor), data / ("%s_%d.pb" % (kind, k)))


def forest(trees, depth, targets, kind, stop=0.2, comparisons=("LEQ",), low=0.0, every_target=False):
    """Random trees over 5 features, in the lists of ONNX's classifiers and regressors."""
    nodes = ["treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids", "missing_value_tracks_true"]
    lists = {"nodes_" + name: [] for name in nodes}
    leaves = {kind + name: [] for name in ("_treeids", "_nodeids", "_ids", "_weights")}

    def grow(tree, level, numbers):
        place, number = len(lists["nodes_modes"]), len(numbers)
        numbers.append(number)
        is_leaf = level == depth or (level > 0 and random.rand() < stop)
        for values in lists.values():
            values.append(0)
        lists["nodes_treeids"][place], lists["nodes_nodeids"][place] = tree, number
        lists["nodes_values"][place] = float(np.float32(0 if is_leaf else random.randn()))
        lists["nodes_modes"][place] = "LEAF" if is_leaf else "BRANCH_" + comparisons[random.randint(len(comparisons))]
        if is_leaf:
            for target in range(targets) if every_target else [tree % targets]:
                weight = float(np.float32(low + random.rand()))
                for name, value in zip(leaves, (tree, number, target, weight)):
                    leaves[name].append(value)
        else:
            lists["nodes_featureids"][place] = int(random.randint(5))
            lists["nodes_missing_value_tracks_true"][place] = int(random.randint(2))
            lists["nodes_truenodeids"][place] = grow(tree, level + 1, numbers)
            lists["nodes_falsenodeids"][place] = grow(tree, level + 1, numbers)
        return number

    for tree in range(trees):
        grow(tree, 0, [])
    return {**lists, **leaves}


def numbers(count):
    return [float(np.float32(v)) for v in random.randn(count)]


def trees(x):
    for transform in ("NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"):
        word = transform.lower()
        several = dict(forest(6, 4, 3, "class", low=-0.5), classlabels_int64s=[3, 5, 9], post_transform=transform)
        case("classify_" + word, "TreeEnsembleClassifier", x, LABELS, base_values=[0.1, 0.2, 0.3], **several)
        one = dict(forest(6, 4, 1, "class"), classlabels_int64s=[0, 1], post_transform=transform)
        case("classify_two_" + word, "TreeEnsembleClassifier", x, LABELS, base_values=[-2.5], **one)
        one = dict(forest(6, 4, 1, "class", low=-0.5), classlabels_int64s=[5, 7], post_transform=transform)
        case("classify_two_signs_" + word, "TreeEnsembleClassifier", x, LABELS, **one)
    every = dict(forest(5, 4, 4, "class", every_target=True), classlabels_int64s=[0, 1, 2, 3])
    case("classify_forest", "TreeEnsembleClassifier", x, LABELS, **every)
    for function in ("SUM", "AVERAGE", "MIN", "MAX"):
        one = forest(5, 5, 1, "target", comparisons=COMPARISONS, low=-0.5)
        case("regress_" + function.lower(), "TreeEnsembleRegressor", x, FLOAT, n_targets=1, aggregate_function=function, **one)
    case("regress_targets", "TreeEnsembleRegressor", x, FLOAT, n_targets=2, base_values=[0.5, -1.0], **forest(4, 4, 2, "target", every_target=True))
    case("regress_deep", "TreeEnsembleRegressor", x, FLOAT, n_targets=1, **forest(2, 25, 1, "target", stop=0.45))
    case("regress_leaves", "TreeEnsembleRegressor", x, FLOAT, n_targets=1, **forest(3, 0, 1, "target"))
    case("regress_double", "TreeEnsembleRegressor", x.astype(np.float64), FLOAT, n_targets=1, **forest(3, 4, 1, "target"))


def linear(x):
    for transform in ("NONE", "LOGISTIC", "SOFTMAX"):
        for rows, labels in ((1, [5, 7]), (2, [5, 7]), (3, [0, 1, 2])):
            case(
                "linear_%s_%d" % (transform.lower(), rows),
                "LinearClassifier",
                x,
                LABELS,
                coefficients=numbers(5 * rows),
                intercepts=numbers(rows),
                classlabels_ints=labels,
                post_transform=transform,
            )
    case("linear_targets", "LinearRegressor", x, FLOAT, coefficients=numbers(10), intercepts=numbers(2), targets=2)
    for kernel in ("LINEAR", "POLY", "RBF", "SIGMOID"):
        vectors = dict(kernel_type=kernel, kernel_params=[0.3, 0.5, 3.0], support_vectors=numbers(35))
        case("support_" + kernel.lower(), "SVMRegressor", x, FLOAT, n_supports=7, coefficients=numbers(7), rho=[0.25], **vectors)
    for of_class in ([3, 4], [2, 3, 2], [2, 1, 2, 2]):
        classes = len(of_class)
        case(
            "support_classes_%d" % classes,
            "SVMClassifier",
            x,
            LABELS,
            coefficients=numbers(7 * (classes - 1)),
            kernel_type="RBF",
            kernel_params=[0.3, 0.0, 3.0],
            rho=numbers(classes * (classes - 1) // 2),
            support_vectors=numbers(35),
            vectors_per_class=of_class,
            classlabels_ints=list(range(classes)),
        )


def features(x):
    whole = random.randint(0, 5, (6, 2)).astype(np.int64)
    holes = x.copy()
    holes[random.rand(*x.shape) < 0.3] = np.nan
    rows = x.copy()
    rows[3] = 0
    case("scaler", "Scaler", x, FLOAT, offset=numbers(5), scale=numbers(5))
    case("scaler_of_integers", "Scaler", whole, FLOAT, offset=[0.5], scale=[2.0])
    case("imputer", "Imputer", holes, FLOAT, imputed_value_floats=numbers(5), replaced_value_float=float("nan"))
    case("imputer_of_integers", "Imputer", whole, [("y", TensorProto.INT64)], imputed_value_int64s=[7], replaced_value_int64=1)
    for norm in ("MAX", "L1", "L2"):
        case("normalizer_" + norm.lower(), "Normalizer", rows, FLOAT, norm=norm)
    case("one_hot_encoder", "OneHotEncoder", whole, FLOAT, cats_int64s=[0, 1, 3])
    case("feature_vectorizer", "FeatureVectorizer", [x, x[:, :2].copy()], FLOAT, inputdimensions=[5, 2])
    case("label_encoder", "LabelEncoder", whole, FLOAT, opset=2, keys_int64s=[0, 1, 3], values_floats=[5.5, 6.0, 7.0])
    keys = [1.0, 2.5, float("nan")]
    case("label_encoder_nan", "LabelEncoder", np.array([[1, 2.5], [np.nan, 4]], np.float32), [("y", TensorProto.INT64)], opset=4, keys_floats=keys, values_int64s=[5, 6, 7])


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    x = random.randn(12, 5).astype(np.float32)
    trees(x)
    linear(x)
    features(x)
    print("%d cases" % len(list(FOLDER.iterdir())))


if __name__ == "__main__":
    main()
