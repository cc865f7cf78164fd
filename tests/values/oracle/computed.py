"""Arguments that other ops want as numbers of the graph, given by the run: axes, sizes, shapes; and what numpy or ONNX
allow beyond TensorFlow: several axes, other borders, axes of slices."""

import numpy as np
import tensorflow as tf

from .case import Fed, File, array
from .tensorflow import native

UNKNOWN = "[n, 3, null]"


def fed_axes():
    file = File("computed/axes", "axes that only the run gives, counted from either end; bad ones fail the run.")
    x = array(np.arange(12).reshape(2, 3, 2) % 7, "float32")
    ops = {
        "reduce_sum": tf.reduce_sum,
        "reduce_mean": tf.reduce_mean,
        "reduce_max": tf.reduce_max,
        "reduce_min": tf.reduce_min,
        "reduce_prod": tf.reduce_prod,
        "reduce_variance": tf.math.reduce_variance,
        "count_nonzero": tf.math.count_nonzero,
    }
    for name, function in ops.items():
        runs = []
        for axes in ([0, 2], [-2, 0], [1, -1]):
            a = np.array(axes, np.int64)
            expect = {"y": native(lambda v: function(v, axes), x), "k": native(lambda v: function(v, axes, True), x)}
            runs.append(dict(feeds={"x": Fed(x, UNKNOWN), "a": Fed(a, "[2]")}, expect=expect))
        nodes = "y: %s(x, a)\nk: %s(x, axis=a, keepdims=true)" % (name, name)
        if name == "reduce_sum":
            for bad in ([0, 3], [-4, 1], [1, -2]):
                a = np.array(bad, np.int64)
                runs.append(dict(feeds={"x": Fed(x, UNKNOWN), "a": Fed(a, "[2]")}, error="axis", node="y", fetch=["y"]))
        file.case(name, nodes, runs=runs, tolerance=1e-6)
    for name, function in (("cumsum", tf.cumsum), ("cumprod", tf.math.cumprod)):
        runs = []
        for axis in (0, 1, 2, -1, -3):
            expect = {
                "y": native(lambda v: function(v, axis), x),
                "z": native(lambda v: function(v, axis, exclusive=True, reverse=True), x),
            }
            runs.append(dict(feeds={"x": Fed(x, UNKNOWN), "a": Fed(np.int32(axis), "[]")}, expect=expect))
        runs.append(dict(feeds={"x": Fed(x, UNKNOWN), "a": Fed(np.int32(3), "[]")}, error="axis", fetch=["y"]))
        file.case(name, "y: %s(x, a)\nz: %s(x, a, exclusive=true, reverse=true)" % (name, name), runs=runs)
    runs, parts = [], []
    i = np.array([[1, 0], [0, 1]], np.int64)
    for axis in (0, 1, 2, -1, -3):
        a = Fed(np.int32(axis), "[]")
        expect = {
            "m": native(lambda v: tf.argmax(v, axis), x),
            "q": native(lambda v: tf.nn.softmax(v, axis), x),
            "l": native(lambda v: tf.nn.log_softmax(v, axis), x),
            "n": native(lambda v: tf.argmin(v, axis, tf.int32), x),
            "c": np.concatenate([x, x + 1, x], axis),
            "g": native(lambda v, w: tf.gather(v, w, axis=axis), x, i),
            "o": native(lambda v: tf.gather(v, 1, axis=axis), x),
        }
        runs.append(dict(feeds={"x": Fed(x, UNKNOWN), "a": a, "i": Fed(i, "[2, u]")}, expect=expect))
        y = np.concatenate([x, x + 1, x], axis)
        s = np.split(y, 3, axis)
        u = np.split(y, [1, 3], axis)
        expect = {"s": s[0], "s:1": s[1], "s:2": s[2], "u": u[0], "u:1": u[1], "u:2": u[2]}
        parts.append(dict(feeds={"y": Fed(y, "[null, null, null]"), "a": a}, expect=expect))
    bad = {"x": Fed(x, UNKNOWN), "a": Fed(np.int32(3), "[]"), "i": Fed(i, "[2, u]")}
    for node in "mcgo":
        runs.append(dict(feeds=bad, error="axis", node=node, fetch=[node]))
    file.case(
        "softmax_argmax_concat_gather",
        "m: argmax(x, a)\nq: softmax(x, a)\nl: log_softmax(x, axis=a)\nn: argmin(x, axis=a, output_type=int32)\nc: concat([x, x + 1, x], a)\n"
        "g: gather(x, i, axis=a)\no: gather(x, 1, axis=a)",
        runs=runs,
        tolerance=1e-6,
    )
    parts.append(
        dict(
            feeds={"y": Fed(x, "[null, null, null]"), "a": Fed(np.int32(0), "[]")},
            error="does not divide into 3 equal parts",
            fetch=["s"],
        )
    )
    v, a = array([1, 3, 2], "float32"), np.array([-1], np.int32)
    file.case(
        "vector",
        "g: gather(v, 1, axis=a)\nm: argmax(v, a)\nc: cumsum(v, a)\ns: split(v, 3, a)\nq: concat([v, v], a)",
        {"v": Fed(v, "[n]"), "a": Fed(a, "[1]")},
        {"g": v[1], "m": np.int64(1), "c": np.cumsum(v), "s": v[:1], "s:2": v[2:], "q": np.concatenate([v, v])},
    )
    file.case("split", "s: split(y, 3, a)\nu: split(y, [1, 2, -1], axis=a)", runs=parts)
    runs = []
    for axes in ([0, 2], [-2, 0], [1, -1]):
        a = np.array(axes, np.int64)
        runs.append(
            dict(
                feeds={"x": Fed(x, UNKNOWN), "a": Fed(a, "[2]")},
                expect={
                    "r": native(lambda v: tf.reverse(v, axes), x),
                    "e": np.expand_dims(x, axes),
                    "s": np.squeeze(np.expand_dims(x, axes), tuple(axes)),
                    "l": np.expand_dims(x, (0, -1)),
                },
            )
        )
    file.case(
        "reverse_expand_squeeze",
        'r: reverse(x, a)\ne: expand_dims(x, a)\ns: squeeze(e, a)\nl: "expand_dims(x, (0, -1))"',
        runs=runs,
    )
    runs = []
    for axis, axes in ((0, [0, 2]), (1, [1, 1]), (-1, [-3, 2])):
        feeds = {"x": Fed(x, UNKNOWN), "a": Fed(np.int32(axis), "[]"), "b": Fed(np.array(axes, np.int64), "[2]")}
        expect = {
            "y": native(lambda v: tf.roll(v, 1, axis), x),
            "z": native(lambda v: tf.roll(v, [1, -2], axes), x),
        }
        runs.append(dict(feeds=feeds, expect=expect))
    bad = {"x": Fed(x, UNKNOWN), "a": Fed(np.int32(3), "[]"), "b": Fed(np.array([0, -4], np.int64), "[2]")}
    runs.append(dict(feeds=bad, error="axis 3 is out of range", node="y", fetch=["y"]))
    runs.append(dict(feeds=bad, error="axis -4 is out of range", node="z", fetch=["z"]))
    file.case("roll", "y: roll(x, 1, a)\nz: roll(x, [1, -2], b)", runs=runs)
    file.case(
        "squeeze_of_more_than_one",
        "y: squeeze(x, a)",
        {"x": Fed(x, UNKNOWN), "a": Fed(np.array([1], np.int32), "[1]")},
        error="is not 1",
        node="y",
    )


def borders():
    file = File(
        "computed/paddings", "repeated and wrapped borders; paddings of some axes, which the run may give.", by="numpy 2"
    )
    x = array(np.arange(6).reshape(2, 3), "float32")
    nodes = (
        "e: pad(x, [[1, 2], [0, 3]], mode=edge)\n"
        "w: pad(x, [[1, 2], [4, 3]], mode=wrap)\n"
        "o: pad(x, [[1, 2]], mode=edge, axes=[-1])\n"
        "c: pad(x, p, axes=a, constant_values=9)\n"
        "r: pad(x, p, mode=REFLECT, axes=a)"
    )
    runs = []
    for axis in (1, -1):
        feeds = {
            "x": Fed(x, "[n, 3]"),
            "p": Fed(np.array([[2, 1]], np.int64), "[1, 2]"),
            "a": Fed(np.array([axis], np.int64), "[1]"),
        }
        expect = {
            "e": np.pad(x, [(1, 2), (0, 3)], "edge"),
            "w": np.pad(x, [(1, 2), (4, 3)], "wrap"),
            "o": np.pad(x, [(0, 0), (1, 2)], "edge"),
            "c": np.pad(x, [(0, 0), (2, 1)], constant_values=9),
            "r": np.pad(x, [(0, 0), (2, 1)], "reflect"),
        }
        runs.append(dict(feeds=feeds, expect=expect))
    file.case("modes_and_axes", nodes, runs=runs)
    file.case(
        "nothing_to_repeat",
        "y: pad(x, [[1, 0]], mode=edge)",
        {"x": Fed(array([], "float32"), "[null]")},
        error="repeats more",
        node="y",
    )
    file.case(
        "axis_twice",
        "x: {op: placeholder, dtype: float32, shape: [2, 3]}\ny: pad(x, [[1, 1], [1, 1]], axes=[1, -1])",
        compile_error="twice",
    )


def slices():
    file = File("computed/slices", "slices of some axes, which the run may give.", by="numpy 2")
    x = array(np.arange(24).reshape(2, 3, 4), "float32")
    runs = []
    for axes, begin, end, stride in (
        ([0, 2], [0, 1], [1, 1000], [1, 2]),
        ([-1, 1], [9, -2], [-99, 99], [-1, 1]),
        ([2, 0], [-3, 1], [-1, 1], [1, 1]),
    ):
        slice_of = [slice(None)] * 3
        for k in range(2):
            slice_of[axes[k]] = slice(begin[k], end[k], stride[k])
        feeds = {"x": Fed(x, UNKNOWN)}
        for name, values in (("a", axes), ("b", begin), ("e", end), ("s", stride)):
            feeds[name] = Fed(np.array(values, np.int64), "[2]")
        runs.append(dict(feeds=feeds, expect={"y": x[tuple(slice_of)], "z": x[:, ::-1]}))
    file.case(
        "axes", "y: strided_slice(x, b, e, s, axes=a)\nz: strided_slice(x, [9], [-100], [-1], axes=[1])", runs=runs
    )
    place = "x: {op: placeholder, dtype: float32, shape: [2, 3]}\ny: "
    file.case("masks", place + "strided_slice(x, [0], [1], axes=[1], begin_mask=1)", compile_error="masks and axes")
    file.case("too_many", place + "strided_slice(x, [0, 0], [1, 1], axes=[1])", compile_error="begin has 2 elements")


def shapes():
    file = File("shape/broadcast_dynamic_shape", "the shape of a broadcast, known, unknown and fed.")
    runs = []
    for shape in ([2, 1, 1], [4, 1, 3], [1, 2, 3]):
        s = np.array(shape, np.int64)
        x = array(np.arange(6).reshape(2, 3), "float32") if shape[1] != 0 else None
        feeds = {"x": Fed(x, "[2, n]"), "s": Fed(s, "[3]")}
        whole = native(lambda v: tf.broadcast_dynamic_shape(tf.shape(v, tf.int64), tf.constant(s)), x)
        runs.append(dict(feeds=feeds, expect={"b": whole, "y": np.broadcast_to(x, whole)}))
    bad = {"x": Fed(np.zeros((2, 3), np.float32), "[2, n]"), "s": Fed(np.array([1, 1, 2], np.int64), "[3]")}
    runs.append(dict(feeds=bad, error="broadcast", node="b", fetch=["b"]))
    file.case(
        "fed", "b: broadcast_dynamic_shape(shape(x, out_type=int64), s)\ny: broadcast_to(x, b)", runs=runs
    )
    file.case(
        "literals",
        "y: broadcast_dynamic_shape([1, 3], [5, 1, 1])\nz: broadcast_dynamic_shape([4], [])",
        {},
        {"y": np.array([5, 1, 3], np.int32), "z": np.array([4], np.int32)},
    )
    file.case("refused", "y: broadcast_dynamic_shape([2, 3], [4, 3])", compile_error="broadcast")
    file = File("shape/ensure_shape", "sizes and ranks that become known; others fail the run.")
    x = array(np.arange(6).reshape(2, 3), "float32")
    nodes = (
        "u: {op: placeholder, dtype: float32}\n"
        "y: ensure_shape(x, [null, 3])\n"
        "z: reduce_sum(ensure_shape(u, [null, 3]), axis=0)\n"
        "w: {op: ensure_shape, inputs: u, shape: [2, ~]}"
    )
    feeds = {"x": Fed(x, "[n, m]"), "u": Fed(x)}
    expect = {"y": native(lambda v: tf.ensure_shape(v, [None, 3]), x), "z": x.sum(0), "w": x}
    other = {"x": Fed(x.T, "[n, m]"), "u": Fed(x[:1])}
    file.case(
        "sizes_and_rank",
        nodes,
        runs=[
            dict(feeds=feeds, expect=expect),
            dict(feeds=other, error="has to be", node="y", fetch=["y"]),
            dict(feeds=other, error="has to be", node="w", fetch=["w"]),
            dict(feeds={"x": Fed(x, "[n, m]"), "u": Fed(x[0])}, error="has to be", fetch=["z"]),
        ],
    )
    place = "x: {op: placeholder, dtype: float32, shape: [2, n]}\ny: "
    file.case("known", place + "ensure_shape(x, [3, null])", compile_error="has to be [3, n]")
    file.case("rank", place + "ensure_shape(x, [2])", compile_error="shape has 1 dimensions")
    file = File("computed/copied_sizes", "sizes that are copied where they are 0.", by="numpy 2")
    x = array(np.arange(24).reshape(2, 3, 4), "float32")
    runs = []
    for shape, result in (([0, -1], (2, 12)), ([0, 0, -1], (2, 3, 4)), ([6, 4], (6, 4)), ([4, 0, 2], (4, 3, 2))):
        s = np.array(shape, np.int64)
        if len(shape) == 2:
            runs.append(
                dict(
                    feeds={"x": Fed(x, UNKNOWN), "s": Fed(s, "[2]")},
                    expect={"y": x.reshape(result), "z": x.reshape(2, 12)},
                )
            )
    file.case("copied", "y: reshape(x, s, allowzero=false)\nz: 'reshape(x, [0, -1], allowzero=false)'", runs=runs)
    file.case(
        "nothing_to_copy",
        "x: {op: placeholder, dtype: float32, shape: [6]}\ny: reshape(x, [3, 0], allowzero=false)",
        compile_error="to be copied",
    )


def ranks():
    file = File("computed/ranks", "a branch of each rank; what is the same in both is known.")
    nodes = (
        "c: {op: constant, value: 2.5}\n"
        "y:\n"
        "  op: cond\n"
        "  inputs: p\n"
        "  then: {nodes: {a: {op: identity, inputs: c}}, fetches: [a]}\n"
        '  else: {nodes: {b: "[1.0] * 2.0"}, fetches: [b]}\n'
        "z: transpose(y + [1.0, 2.0])"
    )
    runs = []
    for p, y in ((True, np.float32(2.5)), (False, np.array([2], np.float32))):
        z = y + np.array([1, 2], np.float32)
        runs.append(dict(feeds={"p": Fed(np.bool_(p), "[]")}, expect={"y": y, "z": z}))
    file.case("branches", nodes, runs=runs)


def first_outputs():
    file = File("computed/first_outputs", "inside an expression a call of several outputs gives the first.")
    x = array(np.arange(8).reshape(2, 4) - 3, "float32")
    file.case(
        "split_and_unstack",
        "y: relu(split(x, 2, axis=1))\nz: unstack(x) * 2\nw: {op: negative, inputs: 'split(x, [1, -1])'}",
        {"x": x},
        {"y": np.maximum(x[:, :2], 0), "z": x[0] * 2, "w": -x[:1]},
    )
    file.case(
        "of_none",
        "x: {op: placeholder, dtype: float32, shape: [0, 4]}\ny: relu(unstack(x))",
        compile_error="has only 0 outputs",
    )


def numbers():
    file = File("computed/spacing", "vectors, integers and an axis; none at all. Tolerance: two roundings.")
    a, b = array([-3, 4], "int32"), array([[10], [20]], "int32")
    f = lambda **more: native(lambda v, w: tf.linspace(v, w, 3, **more), a, b)
    file.case(
        "ends",
        "y: linspace(a, b, 3)\nz: linspace(a, b, 3, axis=-1)\nw: linspace(a, b, num=3, axis=1)",
        {"a": a, "b": Fed(b, "[n, 1]")},
        {"y": f(), "z": f(axis=-1), "w": f(axis=1)},
        tolerance=1e-15,
    )
    file.case(
        "literals",
        "y: linspace(0, 1, 5)\nz: linspace(0.0, 1.0, 0)\nw: linspace([1.0, 2.0], 3.0, 2)",
        {},
        {
            "y": native(lambda: tf.linspace(0, 1, 5)),
            "z": native(lambda: tf.linspace(0.0, 1.0, 0)),
            "w": native(lambda: tf.linspace([1.0, 2.0], 3.0, 2)),
        },
    )
    file = File("computed/integers", "float functions of integers.")
    x = array([[-3, 4], [5, 9]], "int32")
    mean, variance = native(lambda v: tf.nn.moments(v, [0]), x)
    file.case(
        "int32",
        "l: leaky_relu(x, alpha=0.5)\nm: moments(x, [0])",
        {"x": x},
        {"l": native(lambda v: tf.nn.leaky_relu(v, 0.5), x), "m": mean, "m:1": variance},
    )
    file = File("computed/tuples", "lists in round brackets, as Python's tuples.")
    x = array(np.arange(9).reshape(3, 3), "float32")
    file.case(
        "tuples",
        'd: "diag_part(x, k=(-1, 1))"\nz: "zeros((2, 1))"\ne: "ones(())"\no: "ones((2,))"',
        {"x": x},
        {
            "d": native(lambda v: tf.linalg.diag_part(v, k=(-1, 1)), x),
            "z": np.zeros((2, 1), np.float32),
            "e": np.float32(1),
            "o": np.ones(2, np.float32),
        },
    )


def tables():
    fed_axes()
    borders()
    slices()
    shapes()
    ranks()
    first_outputs()
    numbers()
