"""Ops that order what they are given, and those that look for the best or for what is there."""

import numpy as np
import tensorflow as tf

from .case import EVERY, FLOATS, Fed, File, array
from .shape import add, count, refuse, unknown


def shuffled(*shape, dtype="float32", seed=5):
    """Numbers of which many are equal."""
    return array(np.random.RandomState(seed).randint(-9 if dtype not in ("bool",) else 0, 9, shape), dtype)


def ordered(x, axis, descending, indices):
    """NaN counts as larger than any number; what is equal keeps its order, -0 equals 0."""
    keys = x.astype(np.float64) if x.dtype.kind not in "iu" else x
    order = np.argsort(keys, axis=axis, kind="stable")
    if descending:
        flipped = np.argsort(np.flip(keys, axis), axis=axis, kind="stable")
        order = np.flip(x.shape[axis] - 1 - flipped, axis)
    return order.astype(np.int32) if indices else np.take_along_axis(x, order, axis)


def sort_like(op, indices):
    function = tf.argsort if indices else tf.sort
    if indices:  # TensorFlow's default need not be stable; ours always is
        function = lambda v, **k: tf.argsort(v, stable=True, **k)
    file = File(
        "sort/" + op,
        "any axis, both directions, run-time sizes, equal elements in their order, NaN behind all numbers.",
    )
    x = {d: array([[5, 1, 4, 1, 3], [2, 2, 0, 9, 2]], d) for d in EVERY}
    file.case(
        "every_dtype",
        ["y_%s: %s(x_%s)\nz_%s: %s(x_%s, direction='DESCENDING')" % (d, op, d, d, op, d) for d in EVERY],
        {"x_" + d: x[d] for d in EVERY},
        {
            k + d: ordered(x[d], -1, k == "z_", indices)
            for d in EVERY
            for k in ("y_", "z_")
        },
    )
    x = shuffled(3, 7, 4)
    for axis in (0, 1, 2, -1, -2):
        nodes = {}
        for k, direction in (("y", "ASCENDING"), ("z", "DESCENDING")):
            nodes[k] = (
                "%s(x, axis=%d, direction=%s)" % (op, axis, direction),
                lambda v, a=axis, d=direction: function(v, axis=a, direction=d),
            )
        add(file, "axis_%s" % str(axis).replace("-", "minus_"), {"x": unknown(x)}, nodes)
    add(file, "the_last_axis_without_a_word", {"x": x}, {"y": ("%s(x)" % op, function)})
    for n in (1, 2, 3, 31, 32, 33, 1000):
        v = shuffled(n, dtype="int32", seed=n) if n < 100 else np.random.RandomState(n).randint(-500, 500, n, np.int32)
        add(file, "length_%d" % n, {"x": unknown(v)}, {"y": ("%s(x)" % op, function)})
    for d in ("int8", "uint16", "float16", "int32", "float32", "uint64", "float64"):
        top = 1000 if d == "float16" else min(np.iinfo(d).max, 2**40) if "int" in d else 10**6
        low = 0 if d[0] == "u" else -top
        v = array(np.random.RandomState(len(d)).randint(low, top, 250), d)
        nodes = "y: %s(x)\nz: %s(x, direction=DESCENDING)" % (op, op)
        file.case("long_" + d, nodes, {"x": Fed(v, "[n]")}, {"y": ordered(v, 0, False, indices), "z": ordered(v, 0, True, indices)})
    v = np.array([3, np.nan, -np.inf, 0.0, -0.0, np.inf, -1, np.nan, 5e-324], np.float64)
    for d in FLOATS:
        w = array(v, d)
        file.case(
            "special_numbers_" + d,
            "y: %s(x)\nz: %s(x, direction=DESCENDING)" % (op, op),
            {"x": Fed(w, "[n]")},
            {"y": ordered(w, 0, False, indices), "z": ordered(w, 0, True, indices)},
            signed_zero=not indices,
        )
    for d, extreme in (("int8", [-128, 127, 0, -1]), ("uint8", [255, 0, 128, 127]), ("int64", [-(2**63), 2**63 - 1, 0, -1]), ("uint64", [2**64 - 1, 0, 2**63, 1])):
        w = np.array(extreme, d)
        file.case("extremes_" + d, "y: %s(x)" % op, {"x": w}, {"y": ordered(w, 0, False, indices)})
    add(file, "empty", {"x": unknown(np.zeros((2, 0), np.float32))}, {"y": ("%s(x)" % op, function)})
    add(file, "no_rows", {"x": unknown(np.zeros((0, 3), np.float32))}, {"y": ("%s(x)" % op, function)})
    file.case("constant", "x: {op: constant, value: [3, 1, 2]}\ny: %s(x)" % op, {}, {"y": ordered(np.array([3, 1, 2], np.int32), 0, False, indices)})
    x = shuffled(4, 6)
    file.case(
        "among_others",
        "a: x * 2.0\ns: %s(a, axis=0)\ny: s + s" % op,
        {"x": Fed(x, "[n, m]")},
        {"y": ordered(x * 2, 0, False, indices) * 2, "s": ordered(x * 2, 0, False, indices)},
    )
    refuse(file, "axis_out_of_range", "[2, 3]", "%s(x, axis=2)" % op, "axis")
    refuse(file, "scalar", "[]", "%s(x)" % op, "1 dimension")
    refuse(file, "direction", "[2, 3]", "%s(x, direction=down)" % op, "ASCENDING")


def best(x, k, axis=-1, largest=True):
    """The k best and their indices; of equal ones the first."""
    order = ordered(x, axis, largest, True)
    order = np.take(order, np.arange(k), axis)
    return np.take_along_axis(x, order, axis), order


def top_k():
    file = File(
        "sort/top_k",
        "the k largest or smallest along any axis, in order, the first of equal ones; k may be computed.",
        "TensorFlow 2.21, and numpy for what TensorFlow's op lacks",
    )
    x = {d: array([[5, 1, 4, 1, 5, 3], [2, 2, 0, 9, 2, 9]], d) for d in EVERY}
    expect = {}
    for d in EVERY:
        expect["y_" + d], expect["y_%s:1" % d] = best(x[d], 3)
        expect["z_" + d], expect["z_%s:1" % d] = best(x[d], 4, largest=False)
    file.case(
        "every_dtype",
        ["y_%s: top_k(x_%s, 3)\nz_%s: top_k(x_%s, 4, largest=false)" % (d, d, d, d) for d in EVERY],
        {"x_" + d: x[d] for d in EVERY},
        expect,
    )
    v = shuffled(3, 40)
    for k in (1, 2, 7, 39, 40):
        add(file, "k_%d" % k, {"x": unknown(v)}, {"y": ("top_k(x, %d)" % k, lambda a, k=k: tf.math.top_k(a, k))})
    add(file, "one_by_default", {"x": v}, {"y": ("top_k(x)", tf.math.top_k)})
    add(file, "vector", {"x": v[0]}, {"y": ("top_k(x, 5, sorted=false)", lambda a: tf.math.top_k(a, 5))})
    w = shuffled(4, 5, 6, dtype="int32")
    for axis in (0, 1, 2, -2):
        for largest in (True, False):
            y, i = best(w, 3, axis, largest)
            file.case(
                "axis_%s_%s" % (str(axis).replace("-", "minus_"), "largest" if largest else "smallest"),
                "y: top_k(x, [3], axis=%d, largest=%s, index_type=int64)" % (axis, str(largest).lower()),
                {"x": unknown(w)},
                {"y": y, "y:1": i.astype(np.int64)},
            )
    runs = []
    for k in (0, 1, 5):
        y, i = best(w[0], k, -1)
        runs.append(dict(feeds={"x": unknown(w[0]), "k": Fed(np.int32(k), "[]")}, expect={"y": y, "y:1": i, "n": np.int32(i.size)}))
    runs.append(dict(feeds={"x": w[0], "k": np.int32(9)}, error="only 6 elements along axis 1, and k is 9", node="y"))
    runs.append(dict(feeds={"x": w[0], "k": np.int32(-1)}, error="negative", node="y"))
    file.case("computed_k", "y: top_k(x, k)\nn: size(y)", runs=runs)
    v = np.array([[3, np.nan, -np.inf, 0.0], [np.nan, -0.0, 0.0, np.inf]])
    for d in FLOATS:
        a = array(v, d)
        y, i = best(a, 4)
        z, j = best(a, 3, largest=False)
        file.case(
            "special_numbers_" + d,
            "y: top_k(x, 4)\nz: top_k(x, 3, largest=false)",
            {"x": a},
            {"y": y, "y:1": i, "z": z, "z:1": j},
            signed_zero=True,
        )
    m = (np.arange(4000) * 7919 % 1009).astype(np.int32).reshape(2, 2000)
    y, i = best(m, 60)
    file.case("long", "y: top_k(reshape(range(4000) * 7919 % 1009, [2, n]), 60)\nn: {op: constant, value: 2000}", {}, {"y": y, "y:1": i})
    add(file, "no_rows", {"x": unknown(np.zeros((0, 3), np.float32))}, {"y": ("top_k(x, 2)", lambda a: tf.math.top_k(a, 2))})
    refuse(file, "too_many", "[2, 3]", "top_k(x, 4)", "only 3 elements")
    refuse(file, "scalar", "[]", "top_k(x)", "1 dimension")
    refuse(file, "two_numbers", "[2, 3]", "top_k(x, [1, 2])", "one number")


def unique_of(x, axis=None, ordered=False):
    """Different slices by first occurrence or in order, each one's place, counts, first indices. NaN equals nothing."""
    slices = x.reshape(-1, 1) if axis is None else np.moveaxis(x, axis, 0).reshape(x.shape[axis], -1)
    groups, firsts, inverse, counts = {}, [], [], []
    for n, row in enumerate(slices):
        key = tuple(v.item() if v == v else ("nan", n, i) for i, v in enumerate(row))
        if key not in groups:
            groups[key] = len(firsts)
            firsts.append(n)
            counts.append(0)
        inverse.append(groups[key])
        counts[groups[key]] += 1
    if ordered:
        order = sorted(range(len(firsts)), key=lambda g: [(v != v, v.item()) for v in slices[firsts[g]]])
        place = np.argsort(order)
        firsts, counts = [firsts[g] for g in order], [counts[g] for g in order]
        inverse = [place[g] for g in inverse]
    firsts = np.array(firsts, np.int64)
    y = x.reshape(-1)[firsts] if axis is None else np.take(x, firsts, axis)
    return [y, np.array(inverse, np.int32), np.array(counts, np.int32), firsts.astype(np.int32)]


def outputs(name, arrays):
    return {name + (":%d" % i if i else ""): a for i, a in enumerate(arrays)}


def unique():
    file = File(
        "sort/unique",
        "different elements by first occurrence or in order, or slices along an axis; the size is known in the run.",
        "TensorFlow 2.21, and numpy for what TensorFlow's op lacks",
    )
    x = {d: array([1, 0, 1, 1, 0] if d == "bool" else [4, 1, 4, 100, 1, 0], d) for d in EVERY}
    expect = {}
    for d in EVERY:
        expect.update(outputs("y_" + d, unique_of(x[d])))
        expect.update(outputs("z_" + d, unique_of(x[d], None, True)))
    file.case(
        "every_dtype",
        ["y_%s: unique(x_%s)\nz_%s: unique(x_%s, sorted=true)" % (d, d, d, d) for d in EVERY],
        {"x_" + d: x[d] for d in EVERY},
        expect,
    )
    for n in (0, 1, 2, 50):
        v = shuffled(n, dtype="int64", seed=n)
        add(
            file,
            "length_%d" % n,
            {"x": unknown(v)},
            {
                "y": ("unique_with_counts(x)", tf.unique_with_counts),
                "s": ("unique(x, int64)", lambda a: tf.unique(a, tf.int64)),
                "n": ("size(y)", lambda a: tf.size(tf.unique(a)[0])),
                "t": ("y * 2 + 1", lambda a: tf.unique(a)[0] * 2 + 1),
            },
        )
    x = np.array([3, np.nan, 1, 3, -0.0, np.nan, 0.0, -np.inf, 1])
    for d in FLOATS:
        v = array(x, d)
        file.case(
            "special_numbers_" + d,
            "y: unique(x)\nz: unique(x, sorted=true)",
            {"x": unknown(v)},
            {**outputs("y", unique_of(v)), **outputs("z", unique_of(v, None, True))},
        )
    w = np.array([[3, 1, 3, 1], [0, 9, 0, 9], [3, 1, 3, 1], [0, 2, 0, 9]], np.float32)
    for axis in (0, 1, -1):
        for s in (False, True):
            file.case(
                "axis_%s%s" % (str(axis).replace("-", "minus_"), "_sorted" if s else ""),
                "y: unique(x, axis=%d, sorted=%s)" % (axis, str(s).lower()),
                {"x": unknown(w)},
                outputs("y", unique_of(w, axis, s)),
            )
    c = shuffled(2, 3, 8, dtype="int8") % 2
    file.case("slices_in_the_middle", "y: unique(x, axis=1)\nz: unique(x, axis=2, sorted=true)", {"x": unknown(c)}, {**outputs("y", unique_of(c, 1)), **outputs("z", unique_of(c, 2, True))})
    file.case("matrix_as_one_row", "y: unique(x)", {"x": unknown(w)}, outputs("y", unique_of(w)))
    file.case("scalar", "y: unique(x)", {"x": np.float32(3)}, outputs("y", unique_of(np.float32(3))))
    file.case("empty_slices", "y: unique(x, axis=0)", {"x": unknown(np.zeros((3, 0), np.float32))}, outputs("y", unique_of(np.zeros((3, 0), np.float32), 0)))
    file.case("constant", "x: {op: constant, value: [3, 1, 3]}\ny: unique(x)", {}, outputs("y", unique_of(np.array([3, 1, 3], np.int32))))
    file.case(
        "several_runs_and_sizes",
        "y: unique(x)\nz: gather(y, `y:1`)\nm: reduce_max(y)",
        runs=[
            dict(feeds={"x": Fed(v, "[n]")}, expect={"z": v, "m": v.max()})
            for v in (shuffled(9, dtype="int32"), shuffled(70, dtype="int32"), np.array([7], np.int32))
        ],
    )
    refuse(file, "axis_out_of_range", "[2, 3]", "unique(x, axis=2)", "axis")
    refuse(file, "two_axes", "[2, 3]", "unique(x, axis=[0, 1])", "axis")


def nonzero():
    file = File(
        "sort/nonzero",
        "indices of what is true or not 0, one dimension after the other; the size is known in the run.",
        "numpy",
    )
    x = {d: array([[0, 1, 0], [1, 0, 1]], d) for d in EVERY}
    file.case(
        "every_dtype",
        ["y_%s: nonzero(x_%s)\nw_%s: where(x_%s)" % (d, d, d, d) for d in EVERY],
        {"x_" + d: x[d] for d in EVERY},
        {k + d: np.array(np.nonzero(x[d])) if k == "y_" else np.argwhere(x[d]) for d in EVERY for k in ("y_", "w_")},
    )
    for shape in ((0,), (7,), (2, 0, 3), (3, 4), (2, 3, 4), (2, 1, 2, 1, 3, 1, 2, 2)):
        v = shuffled(*shape, seed=len(shape)) * (shuffled(*shape, seed=9) > 0)
        file.case(
            "shape_" + "_".join(map(str, shape)),
            "y: nonzero(x)\nw: where(x)\nt: transpose(w) - y",
            {"x": unknown(v)},
            {"y": np.array(np.nonzero(v)), "w": np.argwhere(v), "t": np.array(np.nonzero(v)) * 0},
        )
    for name, v in (("scalar", 5.0), ("zero_scalar", 0.0)):
        n = int(v != 0)
        file.case(name, "y: nonzero(x)\nw: where(x)", {"x": np.float32(v)}, {"y": np.zeros((0, n), np.int64), "w": np.zeros((n, 0), np.int64)})
    v = np.array([np.nan, 0.0, -0.0, -1.0, np.inf])
    for d in FLOATS:
        file.case("special_numbers_" + d, "y: nonzero(x)", {"x": array(v, d)}, {"y": np.array([[0, 3, 4]], np.int64)})
    file.case("of_sizes", "y: nonzero(shape(x))\nz: nonzero([0, 3, 0, 1])", {"x": unknown(np.zeros((2, 0, 1), np.float32))}, {"y": np.array([[0, 2]], np.int64), "z": np.array([[1, 3]], np.int64)})


def compress():
    file = File(
        "sort/compress",
        "what stands along an axis, or in the whole as a vector, where a condition is true, which may be shorter.",
        "numpy",
    )
    every = {d: array([[1, 0, 1], [0, 1, 1]], d) for d in EVERY}
    file.case(
        "every_dtype",
        ["y_%s: compress(x_%s, [true, false, true], axis=1)" % (d, d) for d in EVERY],
        {"x_" + d: every[d] for d in EVERY},
        {"y_" + d: every[d][:, [0, 2]] for d in EVERY},
    )
    x = count(3, 4, 2)
    for axis in (0, 1, 2, -1):
        c = np.array([True, False, True, True][: x.shape[axis]])
        file.case("axis_%s" % str(axis).replace("-", "minus_"), "y: compress(x, c, axis=%d)" % axis, {"x": unknown(x), "c": unknown(c)}, {"y": np.compress(c, x, axis)})
    c = np.array([False, True, True])
    file.case("without_an_axis", "y: compress(x, c)", {"x": unknown(x), "c": unknown(c)}, {"y": np.compress(c, x)})
    file.case("shorter_condition", "y: compress(x, [false, true], axis=1)", {"x": unknown(x)}, {"y": np.compress([False, True], x, 1)})
    file.case("nothing", "y: compress(x, c, axis=0)", {"x": unknown(x), "c": unknown(c * False)}, {"y": x[:0]})
    file.case("longer_condition", "y: compress(x, c, axis=2)", {"x": unknown(x), "c": unknown(c)}, error="is not in [0, 2)", node="y")
    refuse(file, "condition_of_rank_2", "[2, 3]", "compress(x, [[true]])", "vector")
    refuse(file, "condition_of_numbers", "[2, 3]", "compress(x, [1, 0])", "bool")
    refuse(file, "axis_out_of_range", "[2, 3]", "compress(x, [true], axis=2)", "axis")


def random_boxes(n, seed):
    rng = np.random.RandomState(seed)
    corner, extent = rng.randint(0, 20, (n, 2)), rng.randint(0, 12, (n, 2))
    boxes = np.concatenate([corner, corner + extent], 1).astype(np.float32)
    flip = rng.rand(n) < 0.3  # corners in any order
    boxes[flip] = boxes[flip][:, [2, 3, 0, 1]]
    return boxes, (rng.randint(0, 30, n) / np.float32(30)).astype(np.float32)


def suppressed(boxes, scores, most, iou=0.0, score=None, centred=False):
    """ONNX's op: rows of batch, class, box."""
    rows = []
    for b in range(scores.shape[0]):
        box = boxes[b].astype(np.float32)
        if centred:
            box = np.concatenate([box[:, :2] - box[:, 2:] / 2, box[:, :2] + box[:, 2:] / 2], 1)
        for k in range(scores.shape[1]):
            s = scores[b, k]
            chosen = [i for i in range(len(s)) if score is None or s[i] > score]
            order = np.array(chosen, int)[np.argsort(-s[chosen], kind="stable")] if chosen else []
            taken = tf.image.non_max_suppression(box[order], s[order], min(most, len(order)), iou).numpy() if chosen else []
            rows += [[b, k, order[i]] for i in taken]
    return np.array(rows, np.int64).reshape(-1, 3)


def non_max_suppression():
    file = File(
        "sort/non_max_suppression",
        "TensorFlow's form and ONNX's with batches and classes; thresholds and limits may be computed.",
    )
    boxes, scores = random_boxes(60, 1)
    nms = tf.image.non_max_suppression
    for name, text, function in (
        ("plain", "non_max_suppression(b, s, 20)", lambda b, s: nms(b, s, 20)),
        ("iou_0", "non_max_suppression(b, s, 60, 0.0)", lambda b, s: nms(b, s, 60, 0.0)),
        ("iou_1", "non_max_suppression(b, s, 60, iou_threshold=1.0)", lambda b, s: nms(b, s, 60, 1.0)),
        ("few", "non_max_suppression(b, s, 3, 0.3)", lambda b, s: nms(b, s, 3, 0.3)),
        ("none", "non_max_suppression(b, s, 0)", lambda b, s: nms(b, s, 0)),
        ("scores_above", "non_max_suppression(b, s, 60, 0.6, 0.5)", lambda b, s: nms(b, s, 60, 0.6, 0.5)),
        ("no_score_is_above", "non_max_suppression(b, s, 60, 0.6, 2.0)", lambda b, s: nms(b, s, 60, 0.6, 2.0)),
    ):
        add(file, name, {"b": boxes, "s": scores}, {"y": (text, function)})
        add(file, name + "_of_unknown_sizes", {"b": unknown(boxes), "s": unknown(scores)}, {"y": (text, function)})
    half = array(boxes, "float16"), array(scores, "float16")
    add(file, "float16", {"b": half[0], "s": half[1]}, {"y": ("non_max_suppression(b, s, 20, 0.4)", lambda b, s: nms(b, s, 20, np.float16(0.4), np.float16(-1)))})
    runs = []
    for n, most, iou, score in ((60, 8, 0.5, 0.1), (60, 100, 0.2, 0.4), (1, 5, 0.5, -1), (0, 5, 0.5, 0)):
        feeds = {"b": Fed(boxes[:n], "[n, 4]"), "s": Fed(scores[:n], "[n]"), "m": Fed(np.int32(most), "[]"), "i": Fed(np.float32(iou), "[]"), "t": Fed(np.float32(score), "[]")}
        y = nms(boxes[:n], scores[:n], most, float(iou), float(score)).numpy()
        runs.append(dict(feeds=feeds, expect={"y": y, "g": boxes[y]}))
    runs.append(dict(feeds={**runs[0]["feeds"], "i": np.float32(1.5)}, error="iou_threshold has to be in [0, 1], and is 1.5", node="y"))
    runs.append(dict(feeds={**runs[0]["feeds"], "m": np.int32(-1)}, error="max_output_size is negative", node="y"))
    file.case("computed_limits", "y: non_max_suppression(b, s, m, i, t)\ng: gather(b, y)", runs=runs)
    many = [random_boxes(25, s) for s in range(2)]
    b = np.stack([m[0] for m in many])
    s = np.stack([np.stack([m[1], m[1][::-1], (m[1] * 7) % 1]) for m in many]).astype(np.float32)
    for name, text, arguments in (
        ("plain", "non_max_suppression(b, s, [4], [0.5])", dict(most=4, iou=0.5)),
        ("score", "non_max_suppression(b, s, 9, 0.4, [0.6])", dict(most=9, iou=0.4, score=0.6)),
        ("without_a_threshold", "non_max_suppression(b, s, 7)", dict(most=7)),
        ("without_a_limit", "non_max_suppression(b, s)", dict(most=0)),
        ("huge_limit", "non_max_suppression(b, s, 9223372036854775807, 0.7)", dict(most=10**6, iou=0.7)),
        ("centres", "non_max_suppression(b, s, 6, 0.3, center_point_box=1)", dict(most=6, iou=0.3, centred=True)),
    ):
        file.case("classes_" + name, "y: " + text, {"b": unknown(b), "s": unknown(s)}, {"y": suppressed(b, s, **arguments)})
    refuse(file, "boxes_of_three", "[5, 3]", "non_max_suppression(x, [1.0, 2.0, 3.0, 4.0, 5.0], 2)", "boxes have to be [n, 4]")
    refuse(file, "missing_limit", "[2, 4]", "non_max_suppression(x, [1.0, 2.0])", "max_output_size is missing")
    refuse(file, "two_thresholds", "[2, 4]", "non_max_suppression(x, [1.0, 2.0], 2, [0.5, 0.6])", "one number")
    refuse(file, "center_point_box", "[2, 4]", "non_max_suppression(x, [1.0, 2.0], 2, center_point_box=2)", "0 or 1")


def search():
    file = File("sort/searchsorted", "places in sorted rows, from both sides, of any number of rows.")
    for d in [e for e in EVERY if e != "bool"]:
        row, v = array([0, 1, 1, 3, 5, 9], d), array([0, 1, 2, 9, 10, 3, 0], d)
        expect = {"l": np.searchsorted(row.astype(float), v.astype(float), "left").astype(np.int32), "r": np.searchsorted(row.astype(float), v.astype(float), "right").astype(np.int64)}
        file.case(d, "l: searchsorted(s, v)\nr: searchsorted(s, v, side=right, out_type=int64)", {"s": unknown(row), "v": unknown(v)}, expect)
    rows, v = np.sort(shuffled(2, 3, 7), -1), shuffled(2, 3, 4, seed=8)
    for side in ("left", "right"):
        add(file, "rows_" + side, {"s": unknown(rows), "v": unknown(v)}, {"y": ("searchsorted(s, v, side=%s)" % side, lambda a, b, side=side: tf.searchsorted(a, b, side))})
    for n in (0, 1, 2, 100):
        add(file, "length_%d" % n, {"s": unknown(np.arange(n, dtype=np.float32)), "v": np.float32([-1, 0, 0.5, 50, 99, 100])}, {"y": ("searchsorted(s, v)", tf.searchsorted)})
    refuse(file, "side", "[3]", "searchsorted(x, x, side=middle)", "left or right")
    refuse(file, "rows", "[2, 3]", "searchsorted(x, [1.0])", "all dimensions but the last")

    file = File("sort/bincount", "how often each number occurs, or the sum of weights; the size is known in the run.")
    a = np.array([3, 1, 1, 0, 5, 3, 3], np.int32)
    w = np.float32([0.5, 1, 2, 4, 8, 16, 32])
    for d in ("int32", "int64"):
        add(
            file,
            d,
            {"a": unknown(array(a, d)), "w": w},
            {
                "y": ("bincount(a)", lambda v, u: tf.math.bincount(v)),
                "l": ("bincount(a, minlength=9)", lambda v, u: tf.math.bincount(v, minlength=9)),
                "m": ("bincount(a, maxlength=4)", lambda v, u: tf.math.bincount(v, maxlength=4)),
                "w64": ("bincount(a, dtype=int64)", lambda v, u: tf.math.bincount(v, dtype=tf.int64)),
                "s": ("bincount(a, w)", lambda v, u: tf.math.bincount(v, u)),
            },
        )
    add(file, "matrix", {"a": unknown(a[:6].reshape(2, 3))}, {"y": ("bincount(a)", tf.math.bincount)})
    file.case("nothing", "y: bincount(a)\nz: bincount(a, minlength=2)", {"a": unknown(a[:0])}, {"y": a[:0], "z": np.zeros(2, np.int32)})
    file.case("computed_limits", "y: bincount(a, minlength=n, maxlength=n)", {"a": unknown(a), "n": Fed(np.int32(2), "[]")}, {"y": np.int32([1, 2])})
    file.case("negative", "y: bincount(a)", {"a": np.int32([1, -2])}, error="-2 is negative", node="y")
    refuse(file, "weights", "[3]", "bincount([1, 2], x)", "shapes differ")

    file = File("sort/in_top_k", "whether a target is among the k best; ties count, what is not finite is false.")
    p = np.float32([[0.1, 0.5, 0.4, 0.4], [1, 1, 1, 0], [3, 2, 1, np.nan], [np.inf, 0, 1, 2], [4, 3, 2, 1], [0, 0, 0, 0]])
    t = np.int32([2, 3, 0, 1, 7, -1])
    for k in (0, 1, 2, 3, 4):
        add(file, "k_%d" % k, {"t": unknown(t), "p": unknown(p)}, {"y": ("in_top_k(t, p, %d)" % k, lambda a, b, k=k: tf.math.in_top_k(a, b, k))})
    add(file, "int64", {"t": t.astype(np.int64), "p": p, "k": Fed(np.int64(2), "[]")}, {"y": ("in_top_k(t, p, k)", lambda a, b, k: tf.math.in_top_k(a, b, k))})
    refuse(file, "batch", "[2, 3]", "in_top_k([1], x, 1)", "batches differ")


def sizes_of_the_run():
    file = File(
        "sort/sizes_of_the_run",
        "sizes that depend on data: in branches, of values that a run may feed, one from another.",
        "numpy",
    )
    x = np.float32([1, 2, 2, 5, 0])
    branches = (
        "z: {op: cond, inputs: p, then: 'unique(x)', else: 'boolean_mask(x, x > 1.0)'}\n"
        "y: {op: cond, inputs: p, then: 'reduce_sum(nonzero(x))', else: 'reduce_max(where(x > 1.0))'}\n"
        "t: z * 2.0\nn: size(z)"
    )
    runs = []
    for p in (True, False, True):
        z = np.float32([1, 2, 5, 0]) if p else x[x > 1]
        y = np.int64(6 if p else 3)
        runs.append(dict(feeds={"p": np.bool_(p), "x": Fed(x, "[n]")}, expect={"z": z, "y": y, "t": z * 2, "n": np.int32(z.size)}))
    file.case("both_branches", branches, runs=runs)
    u = np.float32([1, 2, 5, 0])
    file.case(
        "fed_or_found",
        "u: unique(x)\nw: u * 2.0\nv: boolean_mask(w, w > 2.0)\nr: v + 1.0",
        runs=[
            dict(feeds={"x": Fed(x, "[n]")}, expect={"w": u * 2, "u": u, "r": np.float32([5, 11])}),
            dict(feeds={"u": np.float32([7, 8])}, expect={"w": np.float32([14, 16])}),
            dict(feeds={"u": np.float32([7, 8, 9])}, expect={"u": np.float32([7, 8, 9])}),
            dict(feeds={"u": np.float32([0.5, 8, 9])}, expect={"r": np.float32([17, 19])}),
            dict(feeds={"v": np.float32([3] * 9)}, expect={"r": np.float32([4] * 9)}),
            dict(feeds={"x": x, "v": np.float32([])}, expect={"r": np.float32([]), "u": u}),
        ],
        top="feeds: [u, v]",
    )
    file.case(
        "one_from_another",
        "a: unique(x)\nb: nonzero(a)[0]\nc: gather(a, b)\nd: unique(concat([c, c + 1.0], 0))\ne: size(d)\nf: range(e)",
        {"x": Fed(x, "[n]")},
        {"c": np.float32([1, 2, 5]), "d": np.float32([1, 2, 5, 3, 6]), "f": np.arange(5, dtype=np.int32)},
    )


def tables():
    sizes_of_the_run()
    sort_like("sort", False)
    sort_like("argsort", True)
    top_k()
    unique()
    nonzero()
    compress()
    non_max_suppression()
    search()
