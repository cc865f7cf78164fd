"""Ops that pick elements by index or mask, and indexing in expressions."""

import numpy as np
import tensorflow as tf

from .case import EVERY, NUMBERS, Fed, File, array
from .onnx_model import add_model, onnx_op
from .shape import add, count, every_dtype, refuse, unknown
from .tensorflow import native


def ints(values, shape=None, dtype="int32"):
    """Fed indices."""
    return Fed(np.array(values, dtype), shape) if shape else np.array(values, dtype)


def gather():
    file = File(
        "index/gather",
        "any axis, batch dimensions, indices of any rank; an index out of range is an error that tells it.",
    )
    every_dtype(file, "gather(X, [2, 0, 2])", lambda v: tf.gather(v, [2, 0, 2]), (3, 2))
    x = count(3, 4, 2)
    for name, i in (
        ("scalar", 1),
        ("vector", [2, 0, 2, 1]),
        ("matrix", [[0, 1], [2, 2], [1, 0]]),
        ("none", np.zeros(0, int)),
    ):
        for axis in (0, 1, -1):
            j = np.minimum(i, x.shape[axis] - 1).astype(np.int32)
            add(
                file,
                "%s_of_axis_%s" % (name, axis if axis >= 0 else "last"),
                {"x": unknown(x), "i": unknown(j)},
                {
                    "y": ("gather(x, i, axis=%d)" % axis, lambda v, i: tf.gather(v, i, axis=axis)),
                    "z": ("{op: gather, inputs: [x, i], axis: %d}" % axis, lambda v, i: tf.gather(v, i, axis=axis)),
                },
            )
    add(
        file,
        "int64_indices_and_axis_as_a_node",
        {"x": x, "i": ints([3, 0], dtype="int64")},
        {"k": ("{op: constant, value: 1}", None), "y": ("gather(x, i, axis=k)", lambda v, i: tf.gather(v, i, axis=1))},
    )
    add(
        file,
        "literal_indices",
        {"x": unknown(x)},
        {
            "y": ("gather(x, [0, 2])", lambda v: tf.gather(v, [0, 2])),
            "z": ("gather(x, 1)", lambda v: v[1]),
            "w": ("{op: gather, inputs: x, indices: [1, 1], axis: 2}", lambda v: tf.gather(v, [1, 1], axis=2)),
        },
    )
    i = np.array([[1, 0], [3, 3]], np.int32)
    x = count(2, 4, 3)
    add(
        file,
        "batch_dims_1",
        {"x": unknown(x), "i": unknown(i)},
        {
            "y": ("gather(x, i, axis=1, batch_dims=1)", lambda v, i: tf.gather(v, i, axis=1, batch_dims=1)),
            "z": (
                "{op: gather, inputs: [x, i], axis: -2, batch_dims: 1}",
                lambda v, i: tf.gather(v, i, axis=1, batch_dims=1),
            ),
            "w": ("gather(x, i % 3, axis=2, batch_dims=1)", lambda v, i: tf.gather(v, i % 3, axis=2, batch_dims=1)),
        },
    )
    x, i = count(2, 3, 4), (count(2, 3, 2, dtype="int32") * 5) % 4
    add(
        file,
        "batch_dims_2",
        {"x": x, "i": i},
        {
            "y": ("gather(x, i, axis=2, batch_dims=2)", lambda v, i: tf.gather(v, i, axis=2, batch_dims=2)),
            "z": (
                "gather(x, i[:, :, 0], axis=2, batch_dims=2)",
                lambda v, i: tf.gather(v, i[:, :, 0], axis=2, batch_dims=2),
            ),
        },
    )
    add(
        file,
        "to_rank_8",
        {"x": count(2, 1, 2, 1, 2, 3), "i": ints([[[0, 2]]])},
        {"y": ("gather(x, i, axis=5)", lambda v, i: tf.gather(v, i, axis=5))},
    )
    add(
        file,
        "from_nothing",
        {"x": Fed(count(0, 2), "[null, 2]"), "i": Fed(np.zeros(0, np.int32), "[null]")},
        {"y": ("gather(x, i)", lambda v, i: tf.gather(v, i))},
    )
    add(
        file,
        "long",
        {"x": Fed(count(50), "[n]"), "i": Fed(((np.arange(200) * 37) % 50).astype(np.int32), "[null]")},
        {
            "y": ("gather(x, i)", lambda v, i: tf.gather(v, i)),
            "s": ("reduce_sum(gather(x * 2, i) + 1)", lambda v, i: tf.reduce_sum(tf.gather(v * 2, i) + 1)),
        },
    )
    x = Fed(count(3), "[null]")
    file.case(
        "out_of_range",
        "y: gather(x, i)",
        runs=[
            dict(feeds={"x": x, "i": ints([5], "[null]")}, error="indices[0] = 5 is not in [0, 3)", node="y"),
            dict(feeds={"x": x, "i": ints([0, 1, -1])}, error="indices[2] = -1 is not in [0, 3)", node="y"),
            dict(feeds={"x": x, "i": ints([2, 1])}, expect={"y": array([2, 1], "float32")}),
            dict(feeds={"x": count(0), "i": ints([0])}, error="indices[0] = 0 is not in [0, 0)", node="y"),
        ],
    )
    file.case(
        "out_of_range_in_a_matrix",
        "y: gather(x, i, axis=1)",
        {"x": unknown(count(2, 2)), "i": ints([[0, 1], [7, 0]], "[null, 2]")},
        error="indices[1,0] = 7 is not in [0, 2)",
        node="y",
    )
    file.case(
        "int64_far_out_of_range",
        "y: gather(x, i)",
        {"x": x, "i": ints([2**32], dtype="int64")},
        error="4294967296 is not in [0, 3)",
        node="y",
    )
    refuse(file, "axis_out_of_range", "[2, 3]", "gather(x, [0], axis=2)", "axis")
    refuse(file, "indices_are_floats", "[2, 3]", "gather(x, x)", "float32")


def gather_nd():
    file = File("index/gather_nd", "tuples of indices to elements or slices, with batch dimensions.")
    every_dtype(file, "gather_nd(X, [[2, 0], [0, 1]])", lambda v: tf.gather_nd(v, [[2, 0], [0, 1]]), (3, 2))
    x = count(3, 4, 2)
    for name, i in (
        ("slices", [[2], [0]]),
        ("rows", [[2, 3], [0, 0], [1, 1]]),
        ("elements", [[0, 0, 1], [2, 3, 0]]),
        ("one", [1, 2]),
        ("matrix_of_tuples", [[[0, 1], [2, 2]], [[1, 3], [0, 0]]]),
        ("whole", np.zeros((2, 0), int)),
    ):
        add(
            file,
            name,
            {"x": unknown(x), "i": ints(i)},
            {
                "y": ("gather_nd(x, i)", lambda v, i: tf.gather_nd(v, i)),
                "z": ("{op: gather_nd, inputs: [x, i]}", lambda v, i: tf.gather_nd(v, i)),
            },
        )
    add(
        file,
        "batch_dims",
        {"x": unknown(count(2, 3, 4)), "i": ints([[[1, 0]], [[2, 3]]])},
        {
            "y": ("gather_nd(x, i, batch_dims=1)", lambda v, i: tf.gather_nd(v, i, batch_dims=1)),
            "z": (
                "{op: gather_nd, inputs: [x, i[:, :, :1]], batch_dims: 1}".replace("i[:, :, :1]", '"i[:, :, :1]"'),
                lambda v, i: tf.gather_nd(v, i[:, :, :1], batch_dims=1),
            ),
        },
    )
    add(
        file,
        "int64_and_no_tuples",
        {"x": x, "i": ints([[1, 1]], dtype="int64"), "n": Fed(np.zeros((0, 2), np.int32), "[null, 2]")},
        {
            "y": ("gather_nd(x, i)", lambda v, i, n: tf.gather_nd(v, i)),
            "z": ("gather_nd(x, n)", lambda v, i, n: tf.gather_nd(v, n)),
        },
    )
    file.case(
        "out_of_range",
        "y: gather_nd(x, i)",
        runs=[
            dict(feeds={"x": unknown(count(2, 2)), "i": ints(i, "[null, 2]")}, error=e, node="y")
            for i, e in (([[0, 2]], "indices[0] = [0, 2]"), ([[0, 0], [-1, 0]], "indices[1] = [-1, 0]"))
        ],
    )
    refuse(file, "tuples_too_long", "[2]", "gather_nd(x, [[0, 1]])", "gather_nd")


def scatter_nd():
    file = File("index/scatter_nd", "updates added up at tuples of indices into zeros; duplicates add.")
    every_dtype(
        file,
        "scatter_nd([[2], [0], [2]], X, [4, 2])",
        lambda v: tf.scatter_nd([[2], [0], [2]], v, [4, 2]),
        (3, 2),
        NUMBERS,
    )
    u = count(2, 3) + 1
    add(
        file,
        "elements_and_slices",
        {"i": ints([[0, 1], [2, 0]]), "u": count(2) + 1, "v": u, "w": ints([[1], [0]])},
        {
            "y": ("scatter_nd(i, u, [3, 2])", lambda i, u, v, w: tf.scatter_nd(i, u, [3, 2])),
            "z": ("scatter_nd(w, v, shape=[2, 3])", lambda i, u, v, w: tf.scatter_nd(w, v, [2, 3])),
            "a": ("{op: scatter_nd, inputs: [w, v], shape: [4, 3]}", lambda i, u, v, w: tf.scatter_nd(w, v, [4, 3])),
            "b": ("{op: scatter_nd, inputs: [i, v, [3, 2, 3]]}", lambda i, u, v, w: tf.scatter_nd(i, v, [3, 2, 3])),
        },
    )
    file.case(
        "fed_shape",
        "y: scatter_nd(i, u, s)",
        runs=[
            dict(
                feeds={
                    "i": ints([[1], [1], [0]], "[null, 1]"),
                    "u": Fed(array([1, 2, 4], "float32"), "[null]"),
                    "s": ints([n], "[1]"),
                },
                expect={"y": array([4, 3] + [0] * (n - 2), "float32")},
            )
            for n in (2, 5)
        ]
        + [
            dict(
                feeds={"i": ints([[4]]), "u": array([1], "float32"), "s": ints([3])}, error="indices[0] = [4]", node="y"
            ),
            dict(
                feeds={"i": ints([[0], [-1]]), "u": array([1, 1], "float32"), "s": ints([3])},
                error="indices[1] = [-1]",
                node="y",
            ),
        ],
    )
    add(
        file,
        "many_duplicates",
        {"i": Fed(((np.arange(100) * 7) % 5)[:, None].astype(np.int64), "[null, 1]"), "u": Fed(count(100), "[null]")},
        {"y": ("scatter_nd(i, u, [5])", lambda i, u: tf.scatter_nd(i, u, tf.constant([5], tf.int64)))},
    )
    add(
        file,
        "no_updates",
        {"i": Fed(np.zeros((0, 1), np.int32), "[null, 1]"), "u": Fed(np.zeros((0, 2), np.float32), "[null, 2]")},
        {"y": ("scatter_nd(i, u, [3, 2])", lambda i, u: tf.scatter_nd(i, u, [3, 2]))},
    )
    refuse(file, "shapes_do_not_fit", "[3]", "scatter_nd([[0], [1]], x, [4])", "scatter_nd")


def one_hot():
    file = File("index/one_hot", "on, off, axis, dtype; an index out of range gives a row of off.")
    i = np.array([0, 2, -1, 3, 1], np.int32)
    oh = lambda *a, **k: (lambda i, *_: tf.one_hot(i, *a, **k))
    file.case(
        "every_dtype",
        ["y_%s: one_hot(i, 3, dtype=%s)" % (d, d) for d in NUMBERS],
        {"i": i},
        {"y_" + d: native(oh(3, dtype=d), i) for d in NUMBERS},
    )
    add(
        file,
        "of_bool",
        {"i": i},
        {
            "y": ("one_hot(i, 3, on_value=true, off_value=false)", oh(3, on_value=True, off_value=False)),
            "z": ("one_hot(i, 3, dtype=bool)", oh(3, on_value=True, off_value=False)),
        },
    )
    add(
        file,
        "values",
        {"i": Fed(i, "[null]"), "on": np.float32(5), "off": np.float32(-1)},
        {
            "a": ("one_hot(i, 3)", oh(3)),
            "b": ("one_hot(i, depth=3, on_value=5.0, off_value=-1.0)", oh(3, on_value=5.0, off_value=-1.0)),
            "c": ("one_hot(i, 3, on, off)", oh(3, on_value=5.0, off_value=-1.0)),
            "d": (
                "{op: one_hot, inputs: i, depth: 3, on_value: 2, off_value: 1, dtype: int64}",
                oh(3, on_value=tf.constant(2, tf.int64), off_value=tf.constant(1, tf.int64)),
            ),
            "e": ("{op: one_hot, inputs: [i, 4]}", oh(4)),
            "f": ("one_hot(i, 3, off_value=0.5)", oh(3, off_value=0.5)),
        },
    )
    m = np.array([[0, 1], [2, 0], [1, 1]], np.int32)
    for axis in (-1, 0, 1, 2):
        add(
            file,
            "matrix_axis_%s" % ("last" if axis < 0 else axis),
            {"i": unknown(m)},
            {
                "y": ("one_hot(i, 3, axis=%d)" % axis, oh(3, axis=axis)),
                "z": ("{op: one_hot, inputs: i, depth: 2, axis: %d}" % axis, oh(2, axis=axis)),
            },
        )
    for dtype in ("uint8", "int8", "int64"):
        add(file, "indices_" + dtype, {"i": i[:2].astype(dtype)}, {"y": ("one_hot(i, 3)", oh(3))})
    file.case(
        "fed_depth",
        "y: one_hot(i, n)",
        runs=[
            dict(feeds={"i": Fed(i[:2], "[null]"), "n": Fed(np.int32(n), "[]")}, expect={"y": native(oh(n), i[:2])})
            for n in (1, 3, 0)
        ]
        + [dict(feeds={"i": i, "n": np.int32(-1)}, error="depth", node="y")],
    )
    add(
        file,
        "scalar_and_zero_sized",
        {"s": np.int32(1), "e": Fed(i[:0], "[null]")},
        {"y": ("one_hot(s, 3)", lambda s, e: tf.one_hot(s, 3)), "z": ("one_hot(e, 3)", lambda s, e: tf.one_hot(e, 3))},
    )
    refuse(file, "indices_are_floats", "[2]", "one_hot(x, 3)", "float32")


def boolean_mask():
    file = File("index/boolean_mask", "as many rows as the mask is true; the size is known only in the run.")
    every_dtype(file, "boolean_mask(X, [true, false, true])", lambda v: tf.boolean_mask(v, [True, False, True]), (3, 2))
    x, m = count(3, 4, 2), np.array([True, False, True])
    b = lambda **k: (lambda v, m: tf.boolean_mask(v, m, **k))
    add(
        file,
        "rows",
        {"x": unknown(x), "m": Fed(m, "[null]")},
        {
            "y": ("boolean_mask(x, m)", b()),
            "z": ("{op: boolean_mask, inputs: [x, m]}", b()),
            "w": ("boolean_mask(tensor=x, mask=m, axis=0)", b()),
        },
    )
    add(
        file,
        "axis",
        {"x": unknown(x), "m": np.array([True, True, False, True])},
        {
            "y": ("boolean_mask(x, m, axis=1)", b(axis=1)),
            "z": ("{op: boolean_mask, inputs: [x, m], axis: 1}", b(axis=1)),
        },
    )
    m = np.array([[True, False, False, True], [False, False, False, False], [True, True, True, False]])
    add(
        file,
        "matrix_mask",
        {"x": unknown(x), "m": unknown(m)},
        {
            "y": ("boolean_mask(x, m)", b()),
            "z": ("boolean_mask(x[:, :, 0], m)", lambda v, m: tf.boolean_mask(v[:, :, 0], m)),
        },
    )
    file.case(
        "size_decides_what_follows",
        "b: boolean_mask(x, x > 0)\n" "s: reduce_sum(b)\n" "n: size(b)\n" "c: concat([b, b * 2], 0)\n" "r: b[::-1]",
        runs=[
            dict(
                feeds={"x": Fed(v, "[null]")},
                expect={
                    "b": v[v > 0],
                    "s": v[v > 0].sum(dtype=v.dtype),
                    "n": np.int32((v > 0).sum()),
                    "c": np.concatenate([v[v > 0], v[v > 0] * 2]),
                    "r": v[v > 0][::-1],
                },
            )
            for v in (
                array([1, -2, 3, 0, 5], "float32"),
                array([-1, -1], "float32"),
                array([], "float32"),
                array(np.arange(100) % 7 - 3, "float32"),
            )
        ],
    )
    file.case(
        "sizes_differ",
        "y: boolean_mask(x, m)",
        {"x": Fed(count(3), "[null]"), "m": Fed(np.array([True, False]), "[null]")},
        error="mask",
        node="y",
    )
    file.case(
        "mask_is_not_bool",
        "x: {op: placeholder, dtype: float32, shape: [2]}\ny: boolean_mask(x, x)",
        compile_error="bool",
    )


def indexing():
    file = File(
        "index/indexing", "Python's indexing in expressions: numbers, slices, steps, ellipsis, None, sizes from nodes."
    )
    x = count(4, 5, 3)
    several = [
        "x[1]",
        "x[-1]",
        "x[1:]",
        "x[:-1]",
        "x[1:3]",
        "x[::2]",
        "x[::-1]",
        "x[3:0:-1]",
        "x[-3:-1]",
        "x[2:2]",
        "x[3:1]",
        "x[1:100]",
        "x[-100:2]",
        "x[100:]",
        "x[:, 1]",
        "x[:, -2:]",
        "x[:, ::3]",
        "x[1, 2]",
        "x[1, 2, 0]",
        "x[-1, -1, -1]",
        "x[..., 0]",
        "x[..., -1:]",
        "x[0, ...]",
        "x[0, ..., 1]",
        "x[...]",
        "x[1:, ..., -1]",
        "x[:, None]",
        "x[None]",
        "x[..., None]",
        "x[None, ..., None]",
        "x[:, None, 1]",
        "x[0, None, :, None, 1]",
        "x[::2, 1::2, ::-1]",
        "x[1:3, 4:0:-2, 1]",
        "x[:, :, :]",
        "x[4:]",
        "x[1:3][0]",
        "x[1][2][0]",
        "x[2, 1:4, None, ::2]",
    ]
    for name, feed in (("known", x), ("sizes_unknown", unknown(x))):
        for half in (0, 1):
            texts = several[half::2]
            lines = ["%s: %s" % ("y%02d" % i, t) for i, t in enumerate(texts)]
            file.case(
                "%s_%d" % (name, half + 1),
                lines,
                {"x": feed},
                {"y%02d" % i: eval(t, {"x": x}) for i, t in enumerate(texts)},
            )
    file.case(
        "of_expressions",
        "a: (x + 1)[0]\n"
        'b: "(x * 2)[:, 1] + x[:, 0]"\n'
        "c: relu(x - 30)[1:, 2]\n"
        "d: x[0] @ transpose(x[1])\n"
        "e: -x[1, 2]\n"
        "f: x[1, 2] ** 2\n"
        "g: shape(x)[1]",
        {"x": unknown(x)},
        {
            "a": x[0] + 1,
            "b": x[:, 1] * 2 + x[:, 0],
            "c": np.maximum(x - 30, 0)[1:, 2],
            "d": x[0] @ x[1].T,
            "e": -x[1, 2],
            "f": x[1, 2] ** 2,
            "g": np.int32(5),
        },
    )
    file.case(
        "nodes_as_bounds",
        "a: x[i]\nb: x[i:j]\nc: x[:j, i]\nd: x[::i]\ne: x[i + 1]\nf: x[j:i:-1]",
        runs=[
            dict(
                feeds={"x": unknown(x), "i": Fed(np.int32(i), "[]"), "j": Fed(np.int32(j), "[]")},
                expect={"a": x[i], "b": x[i:j], "c": x[:j, i], "d": x[::i], "e": x[i + 1], "f": x[j:i:-1]},
            )
            for i, j in ((1, 3), (2, 2), (-2, 4))
        ]
        + [dict(feeds={"x": x, "i": np.int32(4), "j": np.int32(1)}, error="4", node="a")],
    )
    file.case(
        "every_dtype",
        ["y_%s: x_%s[1:, ::-1]" % (d, d) for d in EVERY],
        {"x_" + d: array([[0, 1, 0], [1, 1, 0]], d) for d in EVERY},
        {"y_" + d: array([[0, 1, 1]], d) for d in EVERY},
    )
    v = count(1000, dtype="int32")
    file.case(
        "long",
        "a: v[3:997:3]\nb: v[::-1]\nc: v[1:] - v[:-1]\nd: v[990::-99]",
        {"v": Fed(v, "[n]")},
        {"a": v[3:997:3], "b": v[::-1], "c": v[1:] - v[:-1], "d": v[990::-99]},
    )
    w = count(1, 2, 1, 2, 1, 2, 1, 3)
    file.case(
        "rank_8",
        "a: w[0, 1, ..., 2]\nb: w[:, :, :, 1, :, ::-1]\nc: w[0, 0, 0, 0, 0, 0, 0, 0]",
        {"w": w},
        {"a": w[0, 1, ..., 2], "b": w[:, :, :, 1, :, ::-1], "c": w[0, 0, 0, 0, 0, 0, 0, 0]},
    )
    file.case(
        "zero_sized",
        "a: e[1:]\nb: e[:, 0]\nc: e[::-1]",
        {"e": Fed(count(0, 2), "[null, 2]")},
        {"a": count(0, 2), "b": count(0), "c": count(0, 2)},
    )
    for name, text, message in (
        ("out_of_range", "x[2]", "2"),
        ("too_many", "x[0, 0, 0]", "3 indices"),
        ("step_zero", "x[::0]", "step"),
        ("two_ellipses", "x[..., 0, ...]", "ellips"),
    ):
        refuse(file, name, "[2, 3]", text, message)
    file.case("out_of_range_at_run_time", "y: x[2]", {"x": Fed(count(2, 3), "[null, 3]")}, error="2", node="y")


def negative_indices():
    file = File(
        "index/negative_indices",
        "gather, gather_nd, the scatters and one_hot with indices that count from the end.",
        by="ONNX Runtime 1.32",
    )
    x, i = count(3, 4, 2), ints([[0, -1], [-3, 2]], dtype="int64")
    add_model(
        file,
        "gather",
        {"x": unknown(x), "i": unknown(i)},
        {
            "y": ("gather(x, i, negative_indices=true)", lambda x, i: onnx_op("Gather", x, i)),
            "z": ("gather(x, i, axis=1, negative_indices=true)", lambda x, i: onnx_op("Gather", x, i, axis=1)),
            "w": ("gather(x, [-1, 0], negative_indices=true)", lambda x, i: x[[-1, 0]]),
            "s": ("zeros([gather(shape(x), -1, negative_indices=true)])", lambda x, i: np.zeros(2, np.float32)),
        },
    )
    add_model(
        file,
        "gather_nd",
        {"x": unknown(x), "i": Fed(i, "[null, 2]")},
        {"y": ("gather_nd(x, i, negative_indices=true)", lambda x, i: onnx_op("GatherND", x, i))},
    )
    add_model(
        file,
        "one_hot",
        {"i": ints([0, -1, 5, -3, -4], dtype="int64")},
        {
            "y": (
                "one_hot(i, 3, 2.0, 0.5, negative_indices=true)",
                lambda i: onnx_op("OneHot", i, np.int64(3), np.array([0.5, 2], np.float32)),
            )
        },
    )
    add_model(
        file,
        "tensor_scatter_nd_update",
        {"x": unknown(x), "i": ints([[-1], [0]], dtype="int64"), "u": count(2, 4, 2) + 50},
        {
            "y": (
                "tensor_scatter_nd_update(x, i, u, negative_indices=true)",
                lambda x, i, u: onnx_op("ScatterND", x, i, u),
            )
        },
    )
    x = Fed(count(3), "[null]")
    file.case(
        "out_of_range",
        "y: gather(x, i, negative_indices=true)",
        runs=[
            dict(feeds={"x": x, "i": ints([-4], "[null]")}, error="indices[0] = -4 is not in [-3, 3)", node="y"),
            dict(feeds={"x": x, "i": ints([3])}, error="indices[0] = 3 is not in [-3, 3)", node="y"),
            dict(feeds={"x": x, "i": ints([-3, -1])}, expect={"y": array([0, 2], "float32")}),
        ],
    )


def gather_elements():
    file = File(
        "index/gather_elements",
        "an index for each element of the result; negative ones; any axis; indices smaller than the data.",
        by="ONNX Runtime 1.32",
    )
    x = count(3, 4)
    i = np.array([[1, 0, -1], [2, -3, 0]], np.int64)
    file.case(
        "every_dtype",
        ["y_%s: gather_elements(x_%s, i)" % (d, d) for d in EVERY],
        {"i": i, **{"x_" + d: array(count(3, 4) % 2, d) for d in EVERY}},
        {"y_" + d: np.take_along_axis(array(count(3, 4) % 2, d)[:, :3], i, 0) for d in EVERY},
    )
    for axis in (0, 1, -1):
        j = i if axis == 0 else np.array([[3, 0, -1, 1, -4], [0, 0, 1, 2, 3]], np.int64)
        add_model(
            file,
            "axis_%s" % (axis if axis >= 0 else "last"),
            {"x": unknown(x), "i": unknown(j)},
            {
                "y": ("gather_elements(x, i, axis=%d)" % axis, lambda x, i: onnx_op("GatherElements", x, i, axis=axis)),
                "z": (
                    "{op: gather_elements, inputs: [x, i], axis: %d}" % axis,
                    lambda x, i: onnx_op("GatherElements", x, i, axis=axis),
                ),
            },
        )
    x = count(2, 3, 4, 2)
    j = (count(2, 3, 2, 2, dtype="int32") * 7) % 4
    add_model(
        file,
        "rank_4_known_int32",
        {"x": x, "i": j},
        {"y": ("gather_elements(x, i, 2)", lambda x, i: onnx_op("GatherElements", x, i, axis=2))},
    )
    add_model(
        file,
        "fused",
        {"x": Fed(count(40), "[n]"), "i": Fed((count(70, dtype="int32") * 11) % 40, "[null]")},
        {"y": ("relu(gather_elements(x * 2, i) - 9)", lambda x, i: np.maximum(x[i] * 2 - 9, 0))},
    )
    add_model(
        file,
        "nothing",
        {"x": Fed(count(0, 2), "[null, 2]"), "i": Fed(np.zeros((0, 2), np.int32), "[null, 2]")},
        {"y": ("gather_elements(x, i)", lambda x, i: x)},
    )
    x = Fed(count(2, 2), "[null, null]")
    file.case(
        "errors_of_a_run",
        "y: gather_elements(x, i)",
        runs=[
            dict(
                feeds={"x": x, "i": ints([[0, 2]], "[null, null]")},
                error="indices[0,1] = 2 is not in [-2, 2)",
                node="y",
            ),
            dict(feeds={"x": x, "i": ints([[0], [-3]])}, error="indices[1,0] = -3 is not in [-2, 2)", node="y"),
            dict(feeds={"x": x, "i": ints([[0, 0, 0]])}, error="beyond the data", node="y"),
        ],
    )
    refuse(file, "ranks_differ", "[2, 3]", "gather_elements(x, [0])", "as many dimensions")
    refuse(file, "axis_out_of_range", "[2, 3]", "gather_elements(x, [[0]], axis=2)", "axis")


def scatter_elements():
    file = File(
        "index/scatter_elements",
        "updates in place of elements or combined with them; equal indices one after the other.",
        by="ONNX Runtime 1.32",
    )
    x = count(4, 3) + 1
    i = np.array([[1, 0, -1], [2, -4, 1]], np.int64)
    u = count(2, 3) * 2 - 5
    for dtype in EVERY:
        v, w = array(x % 2 if dtype == "bool" else x, dtype), array((u + 5) % 2 if dtype == "bool" else u + 5, dtype)

        def scattered(v=v, w=w):
            y = v.copy()
            for r in range(2):
                for s in range(3):
                    y[i[r, s], s] = w[r, s]
            return y

        file.case("none_" + dtype, "y: scatter_elements(x, i, u)", {"x": v, "i": i, "u": w}, {"y": scattered()})
    equal = np.array([[1, 1, 1], [1, 1, -3]], np.int64)
    for reduction in ("none", "add", "mul", "max", "min"):
        for dtype in ("float32", "int32", "float16"):
            wide = np.int32 if dtype == "int32" else np.float32  # exact for these numbers
            call = lambda x, i, u, a: onnx_op(
                "ScatterElements", x.astype(wide), i, u.astype(wide), axis=a, reduction=reduction, opset=18
            ).astype(x.dtype)
            feeds = {"x": unknown(array(x, dtype)), "i": unknown(equal), "u": unknown(array(u, dtype))}
            add_model(
                file,
                "reduced_%s_%s" % (reduction, dtype),
                feeds,
                {
                    "y": ("scatter_elements(x, i, u, reduction=%s)" % reduction, lambda x, i, u: call(x, i, u, 0)),
                    "z": (
                        "{op: scatter_elements, inputs: [x, i, u], axis: -1, reduction: %s}" % reduction,
                        lambda x, i, u: call(x, i, u, -1),
                    ),
                },
            )
    n = array([0.5, np.nan, 2, -np.inf], "float32")
    for reduction in ("max", "min"):
        add_model(
            file,
            reduction + "_of_nan",
            {"x": n, "u": array([np.nan, 1, 3, 4], "float32")},
            {
                "y": (
                    "scatter_elements(x, [0, 1, 2, 3], u, reduction=%s)" % reduction,
                    lambda x, u: (np.maximum if reduction == "max" else np.minimum)(x, u),
                )
            },
        )
    add_model(
        file,
        "the_data_stays",
        {"x": Fed(count(5), "[n]")},
        {
            "y": ("scatter_elements(x * 2, [1, -1], [7, 8])", lambda x: np.array([0, 7, 4, 6, 8], np.float32)),
            "z": ("x + scatter_elements(x, [0], [9])", lambda x: np.array([9, 2, 4, 6, 8], np.float32)),
            "w": ("x * 3", lambda x: x * 3),
        },
    )
    add_model(
        file,
        "no_updates",
        {"x": count(3), "i": Fed(np.zeros(0, np.int32), "[null]"), "u": Fed(count(0), "[null]")},
        {"y": ("scatter_elements(x, i, u)", lambda x, i, u: x)},
    )
    file.case(
        "errors_of_a_run",
        "y: scatter_elements(x, i, u)",
        runs=[
            dict(
                feeds={"x": Fed(count(2), "[null]"), "i": ints([2], "[null]"), "u": Fed(count(1), "[null]")},
                error="indices[0] = 2 is not in [-2, 2)",
                node="y",
            ),
            dict(feeds={"x": count(2), "i": ints([0, 1]), "u": count(1)}, error="shapes differ", node="y"),
        ],
    )
    refuse(file, "reduction_unknown", "[2]", "scatter_elements(x, [0], [1], reduction=avg)", "'avg'")
    refuse(file, "reduction_of_bool", "[2]", "scatter_elements(x, [0], x[:1], reduction=add)", "bool", "bool")


def tensor_scatter_nd():
    for op in ("update", "add", "sub", "max", "min", "mul"):
        name = "tensor_scatter_nd_" + op
        known = getattr(tf, name, None)
        reduced = lambda x, i, u: onnx_op("ScatterND", x, i, u, reduction="mul", opset=18)
        call = known or (lambda x, i, u: tf.constant(reduced(x.numpy(), np.asarray(i, np.int64), u.numpy())))
        file = File(
            "index/" + name,
            "elements, slices and rows of a tensor; equal indices; out of range.",
            **({} if known else {"by": "ONNX Runtime 1.32"}),
        )
        if known:
            every_dtype(
                file,
                name + "(X, [[2], [0]], X[1:])",
                lambda v: known(v, [[2], [0]], v[1:]),
                (3, 2),
                EVERY if op == "update" else NUMBERS,
            )
        add(
            file,
            "elements_and_slices",
            {"x": unknown(count(3, 2)), "i": ints([[0, 1], [2, 0]]), "u": count(2) - 3, "v": count(2, 2) * 2 - 3},
            {
                "y": ("%s(x, i, u)" % name, lambda x, i, u, v: call(x, i, u)),
                "z": ("%s(x, [[1], [0]], v)" % name, lambda x, i, u, v: call(x, [[1], [0]], v)),
                "w": ("{op: %s, inputs: [x, i, u]}" % name, lambda x, i, u, v: call(x, i, u)),
            },
        )
        add(
            file,
            "equal_indices",
            {
                "x": count(4) - 1,
                "i": Fed(ints([[1], [3], [1], [1]]), "[null, 1]"),
                "u": Fed(count(4) * 3 - 4, "[null]"),
            },
            {"y": ("%s(x, i, u)" % name, lambda x, i, u: call(x, i, u))},
        )
        file.case(
            "out_of_range",
            "y: %s(x, i, u)" % name,
            {"x": Fed(count(2, 2), "[null, 2]"), "i": ints([[1, 1], [0, -1]]), "u": count(2)},
            error="indices[1] = [0, -1]",
            node="y",
        )
        refuse(file, "shapes_do_not_fit", "[3]", "%s(x, [[0], [1]], x)" % name, "updates do not fit")


def tables():
    gather()
    gather_nd()
    scatter_nd()
    one_hot()
    negative_indices()
    gather_elements()
    scatter_elements()
    tensor_scatter_nd()
    boolean_mask()
    indexing()
