"""Ops that move, repeat, cut and join, or make tensors from sizes."""

import numpy as np
import tensorflow as tf

from .case import EVERY, FLOATS, NUMBERS, Fed, File, array, dtype_name
from .onnx_model import onnx_op
from .tensorflow import native, wide

UNKNOWN = {n: "[" + ", ".join(["null"] * n) + "]" for n in range(9)}


def count(*shape, dtype="float32"):
    """0, 1, 2, … in a shape."""
    return array(np.arange(np.prod(shape, dtype=int)).reshape(shape), dtype)


def unknown(values):
    """A feed with every size unknown."""
    return Fed(values, UNKNOWN[np.ndim(values)])


def value(fed):
    return fed.values if isinstance(fed, Fed) else np.asarray(fed)


def add(file, name, feeds, nodes, **more):
    """A case from node -> (text as in the graph, TensorFlow's call on the feeds' arrays in their order)."""
    inputs = [value(v) for v in feeds.values()]
    lines, expect = [], {}
    for node, (text, function) in nodes.items():
        lines.append("%s: %s" % (node, text))
        if function is not None:
            result = native(function, *inputs)
            if isinstance(result, list):
                expect[node] = result[0]
                expect.update({"%s:%d" % (node, i): r for i, r in enumerate(result) if i})
            else:
                expect[node] = result
    file.case(name, lines, feeds, expect, **more)


def every_dtype(file, text, function, shape, dtypes=EVERY):
    """One graph with the op in every dtype; `text` calls its input x."""
    feeds, expect, nodes = {}, {}, []
    rng = np.random.default_rng(sum(map(ord, file.path)))
    for dtype in dtypes:
        x = array(rng.integers(0, 2 if dtype == "bool" else 100, shape), dtype)
        feeds["x_" + dtype] = x
        nodes.append("y_%s: %s" % (dtype, text.replace("X", "x_" + dtype).replace("DTYPE", dtype)))
        expect["y_" + dtype] = native(function, x)
    file.case("every_dtype", nodes, feeds, expect)


def refuse(file, name, shape, text, message, dtype="float32"):
    file.case(
        name, ("x: {op: placeholder, dtype: %s, shape: %s}\n" "y: %s") % (dtype, shape, text), compile_error=message
    )


def sizes():
    for op, function in (("shape", tf.shape), ("size", tf.size), ("rank", tf.rank)):
        file = File(
            "shape/" + op, "int32 unless out_type says int64; known, unknown and mixed sizes, unknown ranks, scalars."
        )
        every_dtype(file, "%s(X)" % op, function, (2, 3))
        typed = op != "rank"
        x = count(2, 3, 4)
        nodes = {
            "y": (op + "(x)", lambda v, w: function(v)),
            "z": ("{op: %s, inputs: w}" % op, lambda v, w: function(w)),
        }
        if typed:
            nodes["k"] = ("%s(x, out_type=int64)" % op, lambda v, w: function(v, out_type=tf.int64))
            nodes["m"] = ("{op: %s, inputs: w, out_type: int32}" % op, lambda v, w: function(w))
        add(file, "known_and_mixed", {"x": x, "w": Fed(x, "[null, 3, n]")}, nodes)
        file.case(
            "rank_unknown",
            "y: %s(x)" % op,
            runs=[
                dict(feeds={"x": Fed(v)}, expect={"y": native(function, v)})
                for v in (count(), count(5), count(2, 0, 3), count(1, 1, 2, 1, 1, 2, 1, 1))
            ],
        )
        add(
            file,
            "scalar_and_zero_sized",
            {"s": count(), "e": unknown(count(0, 3))},
            {"y": (op + "(s)", lambda s, e: function(s)), "z": (op + "(e)", lambda s, e: function(e))},
        )
        add(
            file,
            "of_a_computed_size",
            {"x": unknown(x)},
            {"y": ("%s(concat([x, x], axis=1))" % op, lambda v: function(tf.concat([v, v], 1)))},
        )
    file = File("shape/shape_arithmetic", "sizes computed from sizes, as graphs do that know only some of them.")
    add(
        file,
        "flatten_all_but_the_batch",
        {"x": unknown(count(2, 3, 4))},
        {
            "n": ("shape(x)[0]", lambda v: tf.shape(v)[0]),
            "y": ("reshape(x, stack([n, -1]))", lambda v: tf.reshape(v, [2, -1])),
            "z": ("reshape(x, concat([shape(x)[:1], [-1]], 0))", lambda v: tf.reshape(v, [2, -1])),
            "w": ("reshape(x, [n, -1])", lambda v: tf.reshape(v, [2, -1])),
        },
    )
    add(
        file,
        "rows_of_another",
        {"x": unknown(count(2, 3)), "v": Fed(count(3), "[n]")},
        {
            "y": ("broadcast_to(v, shape(x))", lambda x, v: tf.broadcast_to(v, tf.shape(x))),
            "z": ("fill(shape(x)[1:], 7.0)", lambda x, v: tf.fill([3], 7.0)),
            "w": ("range(0, shape(x)[1])", lambda x, v: tf.range(3)),
            "m": ("reduce_sum(x) / cast(size(x), float32)", lambda x, v: tf.reduce_mean(x)),
            "h": ("x[:shape(x)[0] // 2]", lambda x, v: x[:1]),
        },
    )


def reshape():
    file = File("shape/reshape", "to literal, fed and computed shapes, with one size of -1.")
    every_dtype(file, "reshape(X, [3, 2])", lambda v: tf.reshape(v, [3, 2]), (2, 3))
    x = count(2, 3, 4)
    to = lambda *s: (lambda v, *_: tf.reshape(v, s))
    add(
        file,
        "literal",
        {"x": unknown(x)},
        {
            "a": ("reshape(x, [6, 4])", to(6, 4)),
            "b": ("reshape(x, [-1])", to(-1)),
            "c": ("{op: reshape, inputs: x, shape: [4, -1, 2]}", to(4, -1, 2)),
            "d": ("reshape(x, shape=[2, 1, 3, 1, 2, 1, 2, 1])", to(2, 1, 3, 1, 2, 1, 2, 1)),
            "e": ("{op: reshape, inputs: [x, [24]]}", to(24)),
            "f": ("reshape(x, [24, 1])", to(24, 1)),
        },
    )
    add(file, "batch_kept", {"x": Fed(x, "[batch, 3, 4]")}, {"y": ("reshape(x, [-1, 12])", to(-1, 12))})
    file.case(
        "fed_shape",
        "y: reshape(x, s)\nz: {op: reshape, inputs: [x, s]}\nw: {op: reshape, inputs: x, shape: s}",
        runs=[
            dict(
                feeds={"x": unknown(x), "s": Fed(np.array(s, np.int32), "[2]")},
                expect=dict.fromkeys("yzw", x.reshape(s)),
            )
            for s in ((6, 4), (-1, 8), (24, 1))
        ]
        + [
            dict(feeds={"x": x, "s": np.array(s, np.int32)}, error="reshape", node="y")
            for s in ((5, 5), (-1, 7), (-1, -1), (-2, 12))
        ],
    )
    file.case(
        "fed_shape_of_int64",
        "y: reshape(x, s)",
        {"x": x, "s": Fed(np.array([4, 6], np.int64), "[2]")},
        {"y": x.reshape(4, 6)},
    )
    add(
        file,
        "to_and_from_a_scalar",
        {"x": unknown(count(1, 1)), "s": np.float32(5)},
        {
            "y": ("reshape(x, [])", lambda v, s: tf.reshape(v, [])),
            "z": ("reshape(s, [1, 1])", lambda v, s: tf.reshape(s, [1, 1])),
        },
    )
    add(
        file,
        "zero_sized",
        {"x": Fed(count(0, 3), "[null, 3]")},
        {"y": ("reshape(x, [3, -1])", to(3, -1)), "z": ("reshape(x, [0, 7])", to(0, 7))},
    )
    file.case(
        "rank_unknown",
        "y: reshape(x, [-1])",
        runs=[dict(feeds={"x": Fed(v)}, expect={"y": v.reshape(-1)}) for v in (count(), count(2, 2), count(3))],
    )
    add(
        file,
        "of_a_transpose",
        {"x": unknown(count(2, 3))},
        {"y": ("reshape(transpose(x), [-1])", lambda v: tf.reshape(tf.transpose(v), [-1]))},
    )
    refuse(file, "wrong_size", "[2, 3]", "reshape(x, [4])", "reshape")
    refuse(file, "two_unknown_sizes", "[2, 3]", "reshape(x, [-1, -1])", "-1")
    refuse(file, "does_not_divide", "[2, 3]", "reshape(x, [4, -1])", "reshape")


def dims():
    file = File("shape/expand_dims", "a size of 1 at any place, counted from either end.")
    every_dtype(file, "expand_dims(X, 1)", lambda v: tf.expand_dims(v, 1), (2, 3))
    x = count(2, 3)
    at = lambda k: (lambda v: tf.expand_dims(v, k))
    add(
        file,
        "axes",
        {"x": Fed(x, "[null, n]")},
        {
            "a": ("expand_dims(x, 0)", at(0)),
            "b": ("expand_dims(x, axis=2)", at(2)),
            "c": ("{op: expand_dims, inputs: x, axis: -1}", at(-1)),
            "d": ("expand_dims(x, -3)", at(-3)),
            "e": ("{op: expand_dims, inputs: [x, k]}", at(1)),
            "k": ("{op: constant, value: 1}", None),
        },
    )
    add(
        file,
        "scalar_and_rank_8",
        {"x": np.float32(3), "w": count(1, 2, 1, 2, 1, 1, 2)},
        {
            "y": ("expand_dims(x, 0)", lambda v, w: tf.expand_dims(v, 0)),
            "z": ("expand_dims(w, 3)", lambda v, w: tf.expand_dims(w, 3)),
        },
    )
    add(file, "zero_sized", {"x": count(0, 2)}, {"y": ("expand_dims(x, 0)", at(0))})
    refuse(file, "axis_out_of_range", "[2, 3]", "expand_dims(x, 3)", "axis")
    refuse(file, "rank_9", "[1, 1, 1, 1, 1, 1, 1, 1]", "expand_dims(x, 0)", "8")
    file = File("shape/squeeze", "all sizes of 1, or those asked for, which must be 1.")
    every_dtype(file, "squeeze(X)", tf.squeeze, (1, 3, 1))
    x = count(1, 3, 1, 2, 1)
    at = lambda k=None: (lambda v: tf.squeeze(v, k))
    add(
        file,
        "axes",
        {"x": x},
        {
            "a": ("squeeze(x)", at()),
            "b": ("squeeze(x, [0])", at([0])),
            "c": ("squeeze(x, axis=[2, -1])", at([2, -1])),
            "d": ("{op: squeeze, inputs: x, axis: [0, 4]}", at([0, 4])),
            "e": ("squeeze(x, 2)", at(2)),
        },
    )
    add(
        file,
        "sizes_unknown_with_axis",
        {"x": unknown(x)},
        {"y": ("squeeze(x, axis=[0, 2])", at([0, 2])), "z": ("squeeze(x, -1)", at(-1))},
    )
    file.case(
        "sizes_unknown",
        "y: squeeze(x)",
        runs=[
            dict(feeds={"x": unknown(v)}, expect={"y": native(tf.squeeze, v)})
            for v in (count(1, 3, 1), count(2, 3, 2), count(1, 1, 1))
        ],
    )
    add(
        file,
        "scalar_and_rank_8",
        {"x": count(1, 1), "w": count(1, 2, 1, 2, 1, 1, 2, 1)},
        {
            "y": ("squeeze(x)", lambda v, w: tf.squeeze(v)),
            "z": ("squeeze(w, axis=[2, 4])", lambda v, w: tf.squeeze(w, [2, 4])),
        },
    )
    file.case("size_is_not_1_at_run_time", "y: squeeze(x, axis=0)", {"x": unknown(count(2, 1))}, error="2", node="y")
    refuse(file, "size_is_not_1", "[2, 3]", "squeeze(x, axis=[1])", "squeeze")
    file = File("shape/transpose", "all ranks, literal and fed permutations; the reversal where none is given.")
    every_dtype(file, "transpose(X)", tf.transpose, (2, 3))
    for shape, perm in (
        ((2, 3, 4), (0, 2, 1)),
        ((2, 3, 4), (1, 0, 2)),
        ((2, 3, 4), (2, 1, 0)),
        ((2, 3, 4), (1, 2, 0)),
        ((2, 3, 2, 3), (0, 3, 1, 2)),
        ((2, 3, 2, 3), (0, 2, 3, 1)),
        ((2, 3, 2, 3), (3, 2, 1, 0)),
        ((2, 2, 2, 2, 2), (4, 1, 3, 0, 2)),
        ((1, 2, 1, 2, 1, 2, 1, 3), (7, 5, 3, 1, 0, 2, 4, 6)),
    ):
        x, name = count(*shape), "".join(map(str, perm))
        f = lambda v: tf.transpose(v, perm)
        add(
            file,
            "perm_" + name,
            {"x": unknown(x), "w": x},
            {
                "y": ("transpose(x, %s)" % list(perm), lambda v, w: f(v)),
                "z": ("{op: transpose, inputs: w, perm: %s}" % list(perm), lambda v, w: f(w)),
                "i": (
                    "transpose(transpose(w, perm=%s), %s)" % (list(perm), [int(i) for i in np.argsort(perm)]),
                    lambda v, w: w,
                ),
            },
        )
    x = count(37, 41, dtype="int32") % 100
    add(
        file,
        "long_sides",
        {"x": unknown(x)},
        {"y": ("transpose(x)[3::7, 1::9]", lambda v: tf.transpose(v)[3::7, 1::9])},
    )
    x = count(2, 3, 4)
    file.case(
        "fed_permutation",
        "y: transpose(x, p)\nz: {op: transpose, inputs: x, perm: p}",
        runs=[
            dict(
                feeds={"x": unknown(x), "p": Fed(np.array(p, np.int32), "[3]")},
                expect=dict.fromkeys("yz", x.transpose(p)),
            )
            for p in ((0, 1, 2), (2, 0, 1), (1, 2, 0))
        ]
        + [dict(feeds={"x": x, "p": np.array(p, np.int32)}, error="perm", node="y") for p in ((0, 0, 1), (0, 1, 3))],
    )
    add(
        file,
        "scalar_vector_and_zero_sized",
        {"s": np.float32(2), "v": count(3), "e": unknown(count(0, 2))},
        {
            "a": ("transpose(s)", lambda s, v, e: s),
            "b": ("transpose(v)", lambda s, v, e: v),
            "c": ("transpose(e)", lambda s, v, e: tf.transpose(e)),
        },
    )
    refuse(file, "not_a_permutation", "[2, 3]", "transpose(x, [0, 0])", "perm")
    refuse(file, "wrong_length", "[2, 3]", "transpose(x, [0, 1, 2])", "perm")


def joins():
    file = File("shape/concat", "any number of inputs along any axis; unknown sizes add up; parts of size zero.")
    every_dtype(file, "concat([X, X], 0)", lambda v: tf.concat([v, v], 0), (2, 3))
    a, b = count(2, 3), count(2, 2) + 50
    add(
        file,
        "axes",
        {"a": Fed(a, "[n, null]"), "b": Fed(b, "[n, null]")},
        {
            "y": ("concat([a, b], axis=1)", lambda a, b: tf.concat([a, b], 1)),
            "z": ("{op: concat, inputs: [a, b], axis: -1}", lambda a, b: tf.concat([a, b], 1)),
            "w": ("concat([a, b, a, b, b], 1)", lambda a, b: tf.concat([a, b, a, b, b], 1)),
            "o": ("concat([a], 0)", lambda a, b: a),
            "k": ("{op: constant, value: 1}", None),
            "v": ("concat([a, b], k)", lambda a, b: tf.concat([a, b], 1)),
            "t": (
                "concat([transpose(a), transpose(b)], 0)",
                lambda a, b: tf.concat([tf.transpose(a), tf.transpose(b)], 0),
            ),
            "e": ("concat([a + 1, b * 2, relu(a)], axis=1)", lambda a, b: tf.concat([a + 1, b * 2, tf.nn.relu(a)], 1)),
        },
    )
    a, b = count(2, 3, 2, 2), count(2, 1, 2, 2) + 50
    add(
        file,
        "rank_4",
        {"a": unknown(a), "b": Fed(b, "[2, 1, null, 2]")},
        {
            "y": ("concat([a, b], axis=1)", lambda a, b: tf.concat([a, b], 1)),
            "z": ("concat([b, a, b], axis=-3)", lambda a, b: tf.concat([b, a, b], 1)),
        },
    )
    a = count(1, 2, 1, 2, 1, 1, 2, 1)
    add(file, "rank_8", {"a": a}, {"y": ("concat([a, -a], axis=5)", lambda a: tf.concat([a, -a], 5))})
    file.case(
        "parts_of_size_zero",
        "y: concat([a, b], 0)",
        runs=[
            dict(
                feeds={"a": Fed(count(m, 2), "[null, 2]"), "b": Fed(count(n, 2), "[null, 2]")},
                expect={"y": np.concatenate([count(m, 2), count(n, 2)])},
            )
            for m, n in ((0, 2), (2, 0), (0, 0), (1, 1))
        ],
    )
    add(
        file,
        "constants_and_literals",
        {"n": np.int32(4)},
        {"y": ("concat([[1, 2], stack([n]), [3]], 0)", lambda n: tf.concat([[1, 2], [n], [3]], 0))},
    )
    file.case(
        "sizes_differ_at_run_time",
        "y: concat([a, b], 0)",
        {"a": unknown(count(2, 3)), "b": unknown(count(2, 2))},
        error="3",
        node="y",
    )
    place = (
        "a: {op: placeholder, dtype: float32, shape: %s}\n"
        "b: {op: placeholder, dtype: %s, shape: %s}\n"
        "y: concat([a, b], %s)"
    )
    file.case("sizes_differ", place % ("[2, 3]", "float32", "[3, 4]", "0"), compile_error="concat")
    file.case("ranks_differ", place % ("[2, 3]", "float32", "[2]", "0"), compile_error="concat")
    file.case("dtypes_differ", place % ("[2, 3]", "int32", "[2, 3]", "0"), compile_error="int32")
    file.case("axis_out_of_range", place % ("[2, 3]", "float32", "[2, 3]", "2"), compile_error="axis")
    file = File("shape/split", "in equal parts or by sizes; several outputs, name:1 and outputs.")
    every_dtype(file, "split(X, 2)", lambda v: tf.split(v, 2)[0], (4, 2))
    x = count(2, 6)
    add(
        file,
        "equal_parts",
        {"x": Fed(x, "[null, 6]")},
        {
            "a": ("split(x, 3, axis=1)", lambda v: tf.split(v, 3, 1)),
            "b": ("{op: split, inputs: x, num_or_size_splits: 2, axis: -1}", lambda v: tf.split(v, 2, 1)),
            "c": ("split(x, 2)", lambda v: tf.split(v, 2)),
            "d": ("split(x, 1, 1)", lambda v: tf.split(v, 1, 1)),
        },
    )
    add(
        file,
        "sizes",
        {"x": unknown(x)},
        {
            "a": ("split(x, [1, 2, 3], axis=1)", lambda v: tf.split(v, [1, 2, 3], 1)),
            "b": ("split(x, [4, -1], 1)", lambda v: tf.split(v, [4, 2], 1)),
            "c": ("{op: split, inputs: x, num_or_size_splits: [0, 6], axis: 1}", lambda v: tf.split(v, [0, 6], 1)),
        },
    )
    file.case(
        "named_outputs",
        "s: {op: split, inputs: x, num_or_size_splits: 2, axis: 1, outputs: [left, right]}\n" "d: right - left",
        {"x": unknown(x)},
        {"d": x[:, 3:] - x[:, :3], "left": x[:, :3], "right": x[:, 3:]},
    )
    file.case(
        "outputs_by_number",
        's: split(x, 3, 1)\nd: "`s:2` - `s:0` + s"',
        {"x": x},
        {"d": x[:, 4:], "s:1": x[:, 2:4], "s:0": x[:, :2], "s": x[:, :2]},
    )
    file.case(
        "sizes_unknown_at_run_time",
        "y: split(x, 3)",
        runs=[
            dict(
                feeds={"x": Fed(count(n), "[null]")}, expect={"y": count(n)[: n // 3], "y:2": count(n)[2 * (n // 3) :]}
            )
            for n in (3, 6, 0)
        ]
        + [dict(feeds={"x": count(4)}, error="split", node="y")],
    )
    refuse(file, "does_not_divide", "[4]", "split(x, 3)", "split")
    refuse(file, "sizes_do_not_add_up", "[4]", "split(x, [1, 2])", "split")
    file = File("shape/stack", "a new axis at any place.")
    every_dtype(file, "stack([X, X])", lambda v: tf.stack([v, v]), (2, 3))
    a, b = count(2, 3), count(2, 3) + 10
    at = lambda k: (lambda a, b: tf.stack([a, b], k))
    add(
        file,
        "axes",
        {"a": Fed(a, "[n, null]"), "b": unknown(b)},
        {
            "y": ("stack([a, b])", at(0)),
            "z": ("stack([a, b], axis=1)", at(1)),
            "w": ("{op: stack, inputs: [a, b], axis: -1}", at(-1)),
            "v": ("stack([a, b], -3)", at(-3)),
            "o": ("stack([a], 1)", lambda a, b: tf.stack([a], 1)),
        },
    )
    add(
        file,
        "scalars",
        {"p": np.int32(4), "q": np.int32(5)},
        {
            "y": ("stack([p, q, p])", lambda p, q: tf.stack([p, q, p])),
            "z": ("stack([p, 7, q + 1])", lambda p, q: tf.stack([p, 7, q + 1])),
        },
    )
    a = count(1, 2, 1, 2, 1, 1, 2)
    add(file, "to_rank_8", {"a": a}, {"y": ("stack([a, a + 1], axis=4)", lambda a: tf.stack([a, a + 1], 4))})
    file.case(
        "shapes_differ",
        "a: {op: placeholder, dtype: float32, shape: [2]}\n"
        "b: {op: placeholder, dtype: float32, shape: [3]}\n"
        "y: stack([a, b])",
        compile_error="stack",
    )
    file.case(
        "shapes_differ_at_run_time",
        "y: stack([a, b])",
        {"a": unknown(count(2)), "b": unknown(count(3))},
        error="3",
        node="y",
    )
    file = File("shape/unstack", "as many outputs as the axis is long; num where that is unknown.")
    every_dtype(file, "unstack(X)", lambda v: tf.unstack(v)[0], (2, 3))
    x = count(2, 3)
    add(
        file,
        "axes",
        {"x": x},
        {
            "a": ("unstack(x)", lambda v: tf.unstack(v)),
            "b": ("unstack(x, axis=1)", lambda v: tf.unstack(v, axis=1)),
            "c": ("{op: unstack, inputs: x, axis: -1}", lambda v: tf.unstack(v, axis=-1)),
            "d": ("unstack(x, 2)", lambda v: tf.unstack(v)),
        },
    )
    file.case(
        "num",
        "u: {op: unstack, inputs: x, num: 2, outputs: [p, q]}\ny: p + q",
        runs=[
            dict(feeds={"x": unknown(x)}, expect={"y": x[0] + x[1], "q": x[1]}),
            dict(feeds={"x": count(3, 2)}, error="3", node="u"),
        ],
    )
    add(file, "vector_to_scalars", {"x": count(3)}, {"y": ("unstack(x)", lambda v: tf.unstack(v))})
    refuse(file, "num_missing", "[null, 3]", "unstack(x)", "num")
    refuse(file, "num_differs", "[2, 3]", "unstack(x, num=3)", "unstack")


def cuts():
    file = File("shape/slice", "begin and size as literals, fed, with -1 for the rest.")
    every_dtype(file, "slice(X, [0, 1], [2, 2])", lambda v: tf.slice(v, [0, 1], [2, 2]), (3, 3))
    x = count(3, 4, 2)
    cut = lambda b, s: (lambda v, *_: tf.slice(v, b, s))
    add(
        file,
        "literal",
        {"x": unknown(x)},
        {
            "a": ("slice(x, [1, 0, 0], [1, 3, 2])", cut([1, 0, 0], [1, 3, 2])),
            "b": ("slice(x, begin=[0, 1, 1], size=[-1, 2, -1])", cut([0, 1, 1], [-1, 2, -1])),
            "c": ("{op: slice, inputs: x, begin: [0, 0, 0], size: [3, 0, 2]}", cut([0, 0, 0], [3, 0, 2])),
            "d": ("{op: slice, inputs: [x, [2, 3, 0], [1, 1, 2]]}", cut([2, 3, 0], [1, 1, 2])),
        },
    )
    file.case(
        "fed",
        "y: slice(x, b, s)\nz: {op: slice, inputs: x, begin: b, size: s}",
        runs=[
            dict(
                feeds={"x": unknown(x), "b": Fed(np.array(b, np.int32), "[3]"), "s": Fed(np.array(s, np.int32), "[3]")},
                expect=dict.fromkeys("yz", native(cut(b, s), x)),
            )
            for b, s in (([0, 0, 0], [1, 2, 1]), ([1, 1, 1], [2, -1, -1]), ([3, 0, 0], [0, 4, 2]))
        ]
        + [
            dict(feeds={"x": x, "b": np.array(b, np.int32), "s": np.array(s, np.int32)}, error="slice", node="y")
            for b, s in (
                ([0, 0, 0], [4, 1, 1]),
                ([2, 0, 0], [2, 1, 1]),
                ([-1, 0, 0], [1, 1, 1]),
                ([0, 0, 0], [1, -2, 1]),
            )
        ],
    )
    add(
        file,
        "rank_8",
        {"x": count(1, 2, 1, 3, 1, 2, 1, 2)},
        {
            "y": (
                "slice(x, [0, 1, 0, 1, 0, 0, 0, 1], [1, 1, -1, 2, 1, 2, 1, 1])",
                cut([0, 1, 0, 1, 0, 0, 0, 1], [1, 1, -1, 2, 1, 2, 1, 1]),
            )
        },
    )
    refuse(file, "out_of_range", "[2, 3]", "slice(x, [0, 0], [3, 1])", "slice")
    refuse(file, "wrong_length", "[2, 3]", "slice(x, [0], [1])", "begin")
    file = File("shape/strided_slice", "begin, end, strides and the five masks.")
    every_dtype(file, "strided_slice(X, [2], [0], [-1])", lambda v: tf.strided_slice(v, [2], [0], [-1]), (3, 2))
    x = count(4, 5, 3)
    s = lambda *a, **k: (lambda v, *_: tf.strided_slice(v, *a, **k))
    add(
        file,
        "plain",
        {"x": unknown(x)},
        {
            "a": ("strided_slice(x, [1, 0, 0], [3, 4, 3])", s([1, 0, 0], [3, 4, 3])),
            "b": ("strided_slice(x, [0, 4, 2], [4, 0, 0], [2, -2, -1])", s([0, 4, 2], [4, 0, 0], [2, -2, -1])),
            "c": ("{op: strided_slice, inputs: x, begin: [-3], end: [-1], strides: [1]}", s([-3], [-1], [1])),
            "d": ("strided_slice(x, [1], [100])", s([1], [100])),
            "e": ("strided_slice(x, [3], [1])", s([3], [1])),
        },
    )
    masks = [
        ("begin_mask", 1),
        ("end_mask", 2),
        ("shrink_axis_mask", 1),
        ("new_axis_mask", 1),
        ("ellipsis_mask", 1),
        ("ellipsis_mask", 2),
    ]
    for i, (mask, bits) in enumerate(masks):
        add(
            file,
            "%s_%d" % (mask, bits),
            {"x": unknown(x) if i % 2 else x},
            {
                "y": (
                    "strided_slice(x, [1, 1], [3, 2], [1, 1], %s=%d)" % (mask, bits),
                    s([1, 1], [3, 2], [1, 1], **{mask: bits}),
                ),
                "z": (
                    "{op: strided_slice, inputs: x, begin: [1, 1], end: [3, 2], strides: [1, 1], %s: %d}"
                    % (mask, bits),
                    s([1, 1], [3, 2], [1, 1], **{mask: bits}),
                ),
            },
        )
    add(
        file,
        "masks_together",
        {"x": x},
        {
            "y": (
                "strided_slice(x, [0, 1, 0, 2], [0, 4, 0, 3], [1, 2, 1, 1], begin_mask=0, end_mask=0, ellipsis_mask=4, new_axis_mask=1, shrink_axis_mask=8)",
                s([0, 1, 0, 2], [0, 4, 0, 3], [1, 2, 1, 1], ellipsis_mask=4, new_axis_mask=1, shrink_axis_mask=8),
            ),
            "z": (
                "strided_slice(x, [3], [0], [-1], begin_mask=1, end_mask=1)",
                s([3], [0], [-1], begin_mask=1, end_mask=1),
            ),
        },
    )
    file.case(
        "fed",
        "y: strided_slice(x, b, e, s)",
        runs=[
            dict(
                feeds={
                    "x": unknown(x),
                    "b": Fed(np.array(b, np.int32), "[2]"),
                    "e": Fed(np.array(e, np.int32), "[2]"),
                    "s": Fed(np.array(t, np.int32), "[2]"),
                },
                expect={"y": native(s(b, e, t), x)},
            )
            for b, e, t in (([0, 0], [2, 2], [1, 1]), ([3, 4], [0, 0], [-1, -2]), ([-2, 1], [9, -1], [1, 3]))
        ]
        + [
            dict(
                feeds={
                    "x": x,
                    "b": np.array([0, 0], np.int32),
                    "e": np.array([1, 1], np.int32),
                    "s": np.array([1, 0], np.int32),
                },
                error="stride",
                node="y",
            )
        ],
    )
    refuse(file, "stride_zero", "[4]", "strided_slice(x, [0], [4], [0])", "stride")
    refuse(file, "shrunk_index_out_of_range", "[4]", "strided_slice(x, [4], [5], [1], shrink_axis_mask=1)", "4")


def repeats():
    file = File("shape/tile", "literal and fed multiples, also 0 and 1.")
    every_dtype(file, "tile(X, [2, 1])", lambda v: tf.constant(np.tile(v.numpy(), (2, 1))), (2, 3))
    x = count(2, 3)
    t = lambda *m: (lambda v, *_: tf.tile(v, m))
    add(
        file,
        "literal",
        {"x": unknown(x), "w": x},
        {
            "a": ("tile(x, [1, 2])", t(1, 2)),
            "b": ("tile(w, multiples=[3, 2])", t(3, 2)),
            "c": ("{op: tile, inputs: x, multiples: [1, 1]}", t(1, 1)),
            "d": ("tile(x, [0, 2])", t(0, 2)),
            "e": ("{op: tile, inputs: [w, [2, 1]]}", t(2, 1)),
        },
    )
    file.case(
        "fed",
        "y: tile(x, m)\nz: {op: tile, inputs: x, multiples: m}",
        runs=[
            dict(
                feeds={"x": unknown(x), "m": Fed(np.array(m, np.int32), "[2]")},
                expect=dict.fromkeys("yz", np.tile(x, m)),
            )
            for m in ((1, 1), (2, 3), (0, 1))
        ]
        + [dict(feeds={"x": x, "m": np.array([-1, 1], np.int32)}, error="multiple", node="y")],
    )
    add(
        file,
        "scalar_and_rank_8",
        {"s": np.float32(1), "w": count(1, 2, 1, 2, 1, 1, 2, 1)},
        {
            "y": ("tile(s, [])", lambda s, w: s),
            "z": ("tile(w, [2, 1, 1, 2, 1, 2, 1, 1])", lambda s, w: tf.tile(w, [2, 1, 1, 2, 1, 2, 1, 1])),
        },
    )
    refuse(file, "wrong_length", "[2, 3]", "tile(x, [2])", "multiples")
    refuse(file, "negative", "[2, 3]", "tile(x, [2, -1])", "multiple")
    file = File("shape/pad", "constant, reflect and symmetric; literal and fed paddings.")
    every_dtype(file, "pad(X, [[1, 0], [0, 2]])", lambda v: tf.pad(v, [[1, 0], [0, 2]]), (2, 3))
    x = count(3, 4)
    for mode in ("constant", "reflect", "symmetric"):
        p = [[1, 2], [2, 1]]
        f = lambda v, *_: tf.pad(v, p, mode.upper())
        add(
            file,
            mode,
            {"x": unknown(x), "w": x},
            {
                "y": ("pad(x, [[1, 2], [2, 1]], mode='%s')" % mode.upper(), f),
                "z": ("{op: pad, inputs: w, paddings: [[1, 2], [2, 1]], mode: %s}" % mode, f),
                "k": ("pad(x, paddings=[[1, 2], [2, 1]], mode=%s)" % mode, f),
                "e": ("pad(x, [[0, 0], [0, 0]], %s)" % mode, lambda v, w: v),
            },
        )
        file.case(
            mode + "_fed",
            "y: pad(x, p, mode=%s)\nz: {op: pad, inputs: [x, p], mode: %s}" % (mode, mode),
            runs=[
                dict(
                    feeds={"x": unknown(x), "p": Fed(np.array(q, np.int32), "[2, 2]")},
                    expect=dict.fromkeys("yz", native(lambda v: tf.pad(v, q, mode.upper()), x)),
                )
                for q in ([[0, 0], [1, 1]], [[2, 2], [3, 3]])
            ]
            + [dict(feeds={"x": x, "p": np.array([[-1, 0], [0, 0]], np.int32)}, error="padding", node="y")],
        )
        add(
            file,
            mode + "_rank_4",
            {"x": Fed(count(1, 2, 3, 2), "[null, 2, null, 2]")},
            {
                "y": (
                    "pad(x, [[0, 0], [1, 1], [2, 1], [0, 0]], mode=%s)" % mode,
                    lambda v: tf.pad(v, [[0, 0], [1, 1], [2, 1], [0, 0]], mode.upper()),
                )
            },
        )
    add(
        file,
        "symmetric_whole",
        {"x": count(3)},
        {
            "y": ("pad(x, [[3, 3]], mode=symmetric)", lambda v: tf.pad(v, [[3, 3]], "SYMMETRIC")),
            "z": ("pad(x, [[2, 2]], mode=reflect)", lambda v: tf.pad(v, [[2, 2]], "REFLECT")),
        },
    )
    add(
        file,
        "constant_values",
        {"x": unknown(x)},
        {
            "y": (
                "pad(x, [[1, 0], [0, 1]], constant_values=7)",
                lambda v: tf.pad(v, [[1, 0], [0, 1]], constant_values=7),
            ),
            "z": (
                "{op: pad, inputs: x, paddings: [[0, 1], [1, 0]], constant_values: -1.5}",
                lambda v: tf.pad(v, [[0, 1], [1, 0]], constant_values=-1.5),
            ),
            "w": (
                "pad(x, [[1, 1], [1, 1]], 'CONSTANT', 2.0)",
                lambda v: tf.pad(v, [[1, 1], [1, 1]], constant_values=2.0),
            ),
        },
    )
    add(
        file,
        "zero_sized_and_scalar",
        {"x": Fed(count(0, 2), "[null, 2]"), "s": np.float32(4)},
        {"y": ("pad(x, [[1, 1], [0, 1]])", lambda v, s: tf.pad(v, [[1, 1], [0, 1]]))},
    )
    for mode, too_much in (("reflect", 3), ("symmetric", 4)):
        refuse(file, mode + "_beyond_the_size", "[3]", "pad(x, [[%d, 0]], mode=%s)" % (too_much, mode), "pad")
        file.case(
            mode + "_beyond_the_size_at_run_time",
            "y: pad(x, [[%d, 0]], mode=%s)" % (too_much, mode),
            {"x": unknown(count(3))},
            error="pad",
            node="y",
        )
    refuse(file, "negative", "[3]", "pad(x, [[-1, 0]])", "padding")
    refuse(file, "wrong_rows", "[3]", "pad(x, [[1, 0], [0, 1]])", "padding")
    refuse(file, "unknown_mode", "[3]", "pad(x, [[1, 0]], mode=mirror)", "mode")
    file = File("shape/broadcast_to", "literal and fed shapes.")
    every_dtype(file, "broadcast_to(X, [2, 2, 3])", lambda v: tf.broadcast_to(v, [2, 2, 3]), (2, 1))
    x = count(3, 1)
    b = lambda *s: (lambda v, *_: tf.broadcast_to(v, s))
    add(
        file,
        "literal",
        {"x": unknown(x), "s": np.float32(7)},
        {
            "a": ("broadcast_to(x, [3, 4])", b(3, 4)),
            "b": ("broadcast_to(x, shape=[2, 3, 2])", b(2, 3, 2)),
            "c": ("{op: broadcast_to, inputs: x, shape: [3, 1]}", b(3, 1)),
            "d": ("broadcast_to(s, [2, 2])", lambda v, s: tf.broadcast_to(s, [2, 2])),
            "e": ("broadcast_to(x, [3, 0])", b(3, 0)),
        },
    )
    file.case(
        "fed",
        "y: broadcast_to(x, s)\nz: {op: broadcast_to, inputs: [x, s]}",
        runs=[
            dict(
                feeds={"x": unknown(x), "s": Fed(np.array(s, np.int32), "[2]")},
                expect=dict.fromkeys("yz", np.broadcast_to(x, s)),
            )
            for s in ((3, 1), (3, 5), (3, 0))
        ]
        + [dict(feeds={"x": x, "s": np.array([2, 5], np.int32)}, error="3", node="y")],
    )
    refuse(file, "does_not_fit", "[2, 3]", "broadcast_to(x, [2, 4])", "broadcast_to")
    refuse(file, "to_a_lower_rank", "[2, 3]", "broadcast_to(x, [3])", "broadcast_to")


def orders():
    file = File("shape/reverse", "one axis or several, also none.")
    every_dtype(file, "reverse(X, [1])", lambda v: tf.reverse(v, [1]), (2, 3))
    x = count(2, 3, 4)
    r = lambda *a: (lambda v, *_: tf.reverse(v, a))
    add(
        file,
        "axes",
        {"x": unknown(x)},
        {
            "a": ("reverse(x, [0])", r(0)),
            "b": ("reverse(x, axis=[-1, 0])", r(-1, 0)),
            "c": ("{op: reverse, inputs: x, axis: [0, 1, 2]}", r(0, 1, 2)),
            "d": ("reverse(x, [])", lambda v: v),
            "k": ("{op: constant, value: [1]}", None),
            "e": ("{op: reverse, inputs: [x, k]}", r(1)),
        },
    )
    add(
        file,
        "long_rank_8_and_zero_sized",
        {"x": count(131), "w": count(1, 2, 1, 3, 1, 1, 2, 1), "e": count(0, 2)},
        {
            "y": ("reverse(x, [0])", lambda x, w, e: x[::-1]),
            "z": ("reverse(w, [3, 6])", lambda x, w, e: tf.reverse(w, [3, 6])),
            "v": ("reverse(e, [0, 1])", lambda x, w, e: e),
        },
    )
    refuse(file, "axis_twice", "[2, 3]", "reverse(x, [0, -2])", "axis")
    refuse(file, "axis_out_of_range", "[2, 3]", "reverse(x, [2])", "axis")
    file = File("shape/roll", "by any amount, along one axis or several, the same axis twice.")
    every_dtype(file, "roll(X, 1, 1)", lambda v: tf.roll(v, 1, 1), (2, 3))
    x = count(3, 5)
    r = lambda s, a: (lambda v, *_: tf.roll(v, s, a))
    add(
        file,
        "shifts",
        {"x": unknown(x)},
        {
            "a": ("roll(x, shift=2, axis=0)", r(2, 0)),
            "b": ("roll(x, -1, 1)", r(-1, 1)),
            "c": ("{op: roll, inputs: x, shift: [1, -2], axis: [0, 1]}", r([1, -2], [0, 1])),
            "d": ("roll(x, [7, 1], [1, 1])", r([7, 1], [1, 1])),
            "e": ("roll(x, 0, -1)", r(0, 1)),
            "f": ("roll(x, -101, -1)", r(-101, -1)),
        },
    )
    file.case(
        "fed",
        "y: roll(x, s, axis=1)",
        runs=[
            dict(feeds={"x": unknown(x), "s": Fed(np.int32(s), "[]")}, expect={"y": np.roll(x, s, 1)})
            for s in (0, 1, -3, 12)
        ],
    )
    add(
        file,
        "zero_sized_and_rank_8",
        {"e": unknown(count(0, 2)), "w": count(1, 2, 1, 3, 1, 1, 2, 1)},
        {
            "y": ("roll(e, 1, 0)", lambda e, w: e),
            "z": ("roll(w, [1, 1], [3, 6])", lambda e, w: tf.roll(w, [1, 1], [3, 6])),
        },
    )
    refuse(file, "axis_out_of_range", "[2, 3]", "roll(x, 1, 2)", "axis")


def trilu():
    file = File("shape/trilu", "upper and lower triangles from diagonal k on, k known or fed.", by="NumPy")
    every_dtype(file, "trilu(X)", lambda v: tf.linalg.band_part(v, 0, -1), (2, 3, 3))
    every = [-9, -4, -2, -1, 0, 1, 2, 4, 9]
    x = count(2, 3, 4) + 1
    both = {"u": np.triu, "l": np.tril}
    nodes = {}
    for side, function in both.items():
        for k in every:
            text = "trilu(x, %d, upper=%s)" % (k, "true" if side == "u" else "false")
            nodes["%s%s%d" % (side, "m" if k < 0 else "", abs(k))] = (text, function(x, k))
    file.case(
        "known",
        ["%s: %s" % (n, t) for n, (t, _) in nodes.items()],
        {"x": unknown(x)},
        {n: y for n, (_, y) in nodes.items()},
    )
    file.case(
        "fed",
        "u: trilu(x, k)\nl: {op: trilu, inputs: [x, k], upper: false}\nw: trilu(x, [k])",
        runs=[
            dict(
                feeds={"x": Fed(x, "[2, 3, 4]"), "k": Fed(np.int64(k), "[]")},
                expect={"u": np.triu(x, k), "l": np.tril(x, k), "w": np.triu(x, k)},
            )
            for k in every
        ],
    )
    e = count(0, 2, 3)
    file.case("zero_sized", "y: trilu(x)\nz: trilu(x * 2)", {"x": unknown(e)}, {"y": e, "z": e})
    file.case(
        "of_nan", "y: trilu(x, 1)", {"x": array([[np.nan, np.nan]], "float32")}, {"y": array([[0, np.nan]], "float32")}
    )
    refuse(file, "vector", "[3]", "trilu(x)", "2 dimensions")
    refuse(file, "two_diagonals", "[3, 3]", "trilu(x, [0, 1])", "one number")


def eye_like():
    file = File("shape/eye_like", "a diagonal in a matrix of the input's shape, of its dtype or another.", by="NumPy")
    every_dtype(file, "eye_like(X, k=1)", lambda v: tf.cast(np.eye(2, 3, 1), v.dtype), (2, 3))
    x = count(3, 4, dtype="int32")
    file.case(
        "diagonals",
        "a: eye_like(x)\nb: eye_like(x, -1, dtype=float32)\nc: {op: eye_like, inputs: x, k: 2}\nd: eye_like(x, k=9)\n"
        "e: eye_like(x, dtype=bool)",
        {"x": unknown(x)},
        {
            "a": np.eye(3, 4, dtype=np.int32),
            "b": np.eye(3, 4, -1, np.float32),
            "c": np.eye(3, 4, 2, np.int32),
            "d": np.zeros((3, 4), np.int32),
            "e": np.eye(3, 4, dtype=bool),
        },
    )
    refuse(file, "vector", "[3]", "eye_like(x)", "rank 2")


def blocks():
    x = count(2, 4, 6, 3)
    file = File("shape/space_to_depth", "blocks of pixels as channels, NHWC and NCHW, known and unknown sizes.")
    every_dtype(file, "space_to_depth(X, 2)", lambda v: tf.nn.space_to_depth(v, 2), (1, 2, 4, 1))
    first = lambda f: (lambda v, *_: tf.transpose(f(tf.transpose(v, [0, 2, 3, 1])), [0, 3, 1, 2]))
    y = np.transpose(x, (0, 3, 1, 2))
    for name, feeds in (("known", {"x": x, "y": y}), ("unknown", {"x": unknown(x), "y": unknown(y)})):
        add(
            file,
            name,
            feeds,
            {
                "a": ("space_to_depth(x, 2)", lambda x, y: tf.nn.space_to_depth(x, 2)),
                "b": (
                    "{op: space_to_depth, inputs: y, block_size: 2, data_format: NCHW}",
                    lambda x, y: first(lambda v: tf.nn.space_to_depth(v, 2))(y),
                ),
                "c": (
                    "relu(space_to_depth(x[:, :3, :3] - 20, 3))",
                    lambda x, y: tf.nn.relu(tf.nn.space_to_depth(x[:, :3, :3] - 20, 3)),
                ),
            },
        )
    file.case(
        "does_not_divide",
        "y: space_to_depth(x, 2)",
        {"x": unknown(count(1, 2, 3, 1))},
        error="the width, 3, does not divide into parts of 2",
        node="y",
    )
    refuse(file, "does_not_divide_known", "[1, 3, 2, 1]", "space_to_depth(x, 2)", "the height, 3, does not divide")
    refuse(file, "block_of_nothing", "[1, 3, 2, 1]", "space_to_depth(x, 0)", "block_size is 0")
    refuse(file, "format", "[1, 2, 2, 1]", "space_to_depth(x, 2, data_format=NCWH)", "'NCWH'")
    refuse(file, "rank", "[2, 2, 1]", "space_to_depth(x, 2)", "rank 4")

    file = File(
        "shape/depth_to_space",
        "channels as blocks of pixels, NHWC and NCHW, a block's channels apart (DCR, TensorFlow) or together (CRD, "
        "by its definition).",
    )
    every_dtype(file, "depth_to_space(X, 2)", lambda v: tf.nn.depth_to_space(v, 2), (1, 1, 2, 4))
    x = count(2, 2, 3, 8)
    y = np.transpose(x, (0, 3, 1, 2))
    together = lambda v: v.reshape(2, 2, 2, 2, 2, 3).transpose(0, 1, 4, 2, 5, 3).reshape(2, 2, 4, 6)
    for name, feeds in (("known", {"x": x, "y": y}), ("unknown", {"x": unknown(x), "y": unknown(y)})):
        add(
            file,
            name,
            feeds,
            {
                "a": ("depth_to_space(x, 2)", lambda x, y: tf.nn.depth_to_space(x, 2)),
                "b": (
                    "{op: depth_to_space, inputs: y, block_size: 2, data_format: NCHW}",
                    lambda x, y: first(lambda v: tf.nn.depth_to_space(v, 2))(y),
                ),
                "c": ("depth_to_space(y, 2, NCHW, CRD)", lambda x, y: tf.constant(together(y.numpy()))),
                "d": (
                    "depth_to_space(x, 2, mode=CRD)",
                    lambda x, y: tf.constant(together(y.numpy()).transpose(0, 2, 3, 1)),
                ),
                "e": ("depth_to_space(x * 2, 1) + 1", lambda x, y: x * 2 + 1),
            },
        )
    refuse(file, "does_not_divide", "[1, 2, 2, 6]", "depth_to_space(x, 2)", "number of channels, 6, does not divide")
    refuse(file, "mode", "[1, 2, 2, 4]", "depth_to_space(x, 2, mode=CDR)", "'CDR'")


def cropped(x, sizes, axes=None):
    """ONNX's CenterCropPad, whose reference implementation only takes the leading axes."""
    for axis, size in zip(axes or range(x.ndim), sizes):
        x = np.moveaxis(x, axis, 0)
        n = len(x)
        if size <= n:
            x = x[(n - size) // 2 :][:size]
        else:
            before = (size - n) // 2
            x = np.pad(x, [(before, size - n - before)] + [(0, 0)] * (x.ndim - 1))
        x = np.moveaxis(x, 0, axis)
    return x


def center_crop_pad():
    file = File(
        "shape/center_crop_pad",
        "the middle, or zeros around it, axis by axis; sizes known or fed.",
        by="ONNX's definition",
    )
    every_dtype(file, "center_crop_pad(X, [2, 5])", lambda v: tf.constant(cropped(v.numpy(), [2, 5])), (3, 4))
    x = count(5, 4, 3) + 1
    leading = onnx_op("CenterCropPad", x, np.array([2, 7, 4], np.int64), reference=True)
    assert (leading == cropped(x, [2, 7, 4])).all()
    file.case(
        "known",
        "a: center_crop_pad(x, [2, 7, 3])\n"
        "b: center_crop_pad(x, [6, 3, 4])\n"
        "c: center_crop_pad(x, [8, 2], axes=[0, -1])\n"
        "d: {op: center_crop_pad, inputs: [x, [1]], axes: [1]}",
        {"x": unknown(x)},
        {
            "a": cropped(x, [2, 7, 3]),
            "b": cropped(x, [6, 3, 4]),
            "c": cropped(x, [8, 2], [0, 2]),
            "d": cropped(x, [1], [1]),
        },
    )
    file.case(
        "fed",
        "y: center_crop_pad(x, s, axes=[1, 0])",
        runs=[
            dict(
                feeds={"x": Fed(x, "[null, 4, 3]"), "s": Fed(np.array(s, np.int64), "[2]")},
                expect={"y": cropped(x, s, [1, 0])},
            )
            for s in ([4, 5], [3, 2], [2, 9], [9, 2], [7, 0], [5, 8])
        ]
        + [dict(feeds={"x": x, "s": np.array([1, -1], np.int64)}, error="negative", node="y")],
    )
    refuse(file, "axis_twice", "[2, 3]", "center_crop_pad(x, [1, 1], axes=[1, -1])", "twice")
    refuse(file, "too_many_sizes", "[2, 3]", "center_crop_pad(x, [1, 1], axes=[1])", "2 sizes for 1 axes")


def matrices():
    file = File("shape/band_part", "numbers of diagonals kept; a negative number keeps all.")
    every_dtype(file, "band_part(X, 0, -1)", lambda v: tf.linalg.band_part(v, 0, -1), (3, 3))
    x = count(3, 4) + 1
    b = lambda l, u: (lambda v, *_: tf.linalg.band_part(v, l, u))
    add(
        file,
        "bands",
        {"x": unknown(x)},
        {
            "a": ("band_part(x, 0, 0)", b(0, 0)),
            "b": ("band_part(x, -1, 0)", b(-1, 0)),
            "c": ("band_part(x, num_lower=1, num_upper=1)", b(1, 1)),
            "d": ("{op: band_part, inputs: x, num_lower: 0, num_upper: 2}", b(0, 2)),
            "e": ("band_part(x, -1, -1)", b(-1, -1)),
        },
    )
    file.case(
        "fed",
        "y: band_part(x, l, u)",
        runs=[
            dict(
                feeds={"x": unknown(x), "l": Fed(np.int32(l), "[]"), "u": Fed(np.int32(u), "[]")},
                expect={"y": native(b(l, u), x)},
            )
            for l, u in ((0, 1), (2, 0), (-1, 1))
        ],
    )
    add(
        file,
        "batched_and_zero_sized",
        {"x": Fed(count(2, 2, 3, 3) + 1, "[null, 2, n, n]"), "e": count(0, 2, 2)},
        {
            "y": ("band_part(x, 1, 0)", lambda x, e: tf.linalg.band_part(x, 1, 0)),
            "z": ("band_part(e, 0, 0)", lambda x, e: e),
        },
    )
    refuse(file, "vector", "[3]", "band_part(x, 0, 0)", "2 dimensions")
    trilu()
    eye_like()
    file = File("shape/diag", "vectors to matrices, batched, on another diagonal or several, padded.")
    every_dtype(file, "diag(X)", tf.linalg.diag, (3,))
    x = count(2, 3) + 1
    d = lambda **k: (lambda v, *_: tf.linalg.diag(v, **k))
    add(file, "batched", {"x": unknown(x)}, {"y": ("diag(x)", d()), "z": ("{op: diag, inputs: x}", d())})
    add(
        file,
        "other_diagonals",
        {"x": x},
        {
            "a": ("diag(x, k=1)", d(k=1)),
            "b": ("diag(x, k=-2)", d(k=-2)),
            "c": ("{op: diag, inputs: x, k: 1, padding_value: 9}", d(k=1, padding_value=9.0)),
            "e": ("diag(x, k=0, num_rows=3, num_cols=5)", d(k=0, num_rows=3, num_cols=5)),
        },
    )
    add(
        file,
        "several_diagonals",
        {"x": count(3, 3) + 1},
        {"y": ("diag(x, k=[-1, 1])", lambda v: tf.linalg.diag(v, k=(-1, 1)))},
    )
    add(file, "zero_sized", {"x": Fed(count(0), "[null]")}, {"y": ("diag(x)", d())})
    refuse(file, "scalar", "[]", "diag(x)", "1 dimension")
    file = File("shape/diag_part", "matrices to their diagonals, batched, not square, other diagonals.")
    every_dtype(file, "diag_part(X)", tf.linalg.diag_part, (3, 3))
    x = count(2, 3, 4) + 1
    d = lambda **k: (lambda v, *_: tf.linalg.diag_part(v, **k))
    add(
        file,
        "batched",
        {"x": unknown(x), "t": count(4, 2)},
        {"y": ("diag_part(x)", d()), "z": ("{op: diag_part, inputs: t}", lambda x, t: tf.linalg.diag_part(t))},
    )
    add(
        file,
        "other_diagonals",
        {"x": x},
        {
            "a": ("diag_part(x, k=1)", d(k=1)),
            "b": ("diag_part(x, k=-2)", d(k=-2)),
            "c": ("{op: diag_part, inputs: x, k: 3}", d(k=3)),
        },
    )
    add(
        file,
        "several_diagonals",
        {"x": x},
        {
            "y": ("diag_part(x, k=[-1, 2])", d(k=(-1, 2))),
            "z": ("diag_part(x, k=[0, 1], padding_value=9.0)", d(k=(0, 1), padding_value=9.0)),
        },
    )
    refuse(file, "vector", "[3]", "diag_part(x)", "2 dimensions")
    file = File("shape/eye", "square and not, batched, of every dtype.")
    file.case(
        "every_dtype",
        ["y_%s: eye(2, dtype=%s)" % (d, d) for d in EVERY],
        {},
        {"y_" + d: native(lambda: tf.eye(2, dtype=d)) for d in EVERY},
    )
    add(
        file,
        "shapes",
        {},
        {
            "a": ("eye(3)", lambda: tf.eye(3)),
            "b": ("eye(2, 3)", lambda: tf.eye(2, 3)),
            "c": ("eye(3, num_columns=2, batch_shape=[2])", lambda: tf.eye(3, 2, [2])),
            "d": ("{op: eye, num_rows: 2, num_columns: 4, dtype: int32}", lambda: tf.eye(2, 4, dtype=tf.int32)),
            "e": ("eye(0)", lambda: tf.eye(0)),
            "f": ("{op: eye, inputs: 2}", lambda: tf.eye(2)),
        },
    )
    file.case(
        "fed",
        "y: eye(n)\nz: eye(n, 2)",
        runs=[
            dict(
                feeds={"n": Fed(np.int32(n), "[]")},
                expect={"y": np.eye(n, dtype=np.float32), "z": np.eye(n, 2, dtype=np.float32)},
            )
            for n in (1, 3, 0)
        ],
    )


def fills():
    file = File("shape/range", "every dtype, up and down, fractions, empty; fed limits; a delta of zero.")
    for dtype in ("int32", "int64") + tuple(FLOATS):
        lo, hi, step = (array(v, dtype) for v in (1, 9, 2))
        file.case(
            dtype,
            "p: range(b)\n"
            "q: range(a, b)\n"
            "r: range(a, b, c)\n"
            "s: {op: range, inputs: [a, b, c]}\n"
            "t: range(b, a, -c)",
            {"a": lo, "b": hi, "c": step},
            {
                "p": native(tf.range, hi),
                "q": native(tf.range, lo, hi),
                "r": native(tf.range, lo, hi, step),
                "s": native(tf.range, lo, hi, step),
                "t": native(lambda x, y, z: tf.range(y, x, -z), lo, hi, step),
            },
        )
    add(
        file,
        "literals",
        {},
        {
            "a": ("range(5)", lambda: tf.range(5)),
            "b": ("range(2, 10, 3)", lambda: tf.range(2, 10, 3)),
            "c": ("range(0.0, 1.0, 0.25)", lambda: tf.range(0.0, 1.0, 0.25)),
            "d": ("range(3, 0, -1)", lambda: tf.range(3, 0, -1)),
            "e": ("range(5, dtype=int64)", lambda: tf.range(5, dtype=tf.int64)),
            "f": ("range(0)", lambda: tf.range(0)),
            "g": ("range(0, limit=4, delta=2)", lambda: tf.range(0, 4, 2)),
            "h": ("{op: range, start: 1, limit: 4, delta: 1}", lambda: tf.range(1, 4)),
            "i": ("range(-2, 3)", lambda: tf.range(-2, 3)),
        },
    )
    add(
        file,
        "fractions",
        {},
        {
            "a": ("range(0.0, 1.0, 0.1)", lambda: tf.range(0.0, 1.0, 0.1)),
            "b": ("range(1.0, -1.0, -0.3)", lambda: tf.range(1.0, -1.0, -0.3)),
            "c": ("range(2.5)", lambda: tf.range(2.5)),
        },
        tolerance=1e-6,
    )
    file.case(
        "fed",
        "y: range(0, n)\nz: reduce_sum(y)",
        runs=[
            dict(
                feeds={"n": Fed(np.int32(n), "[]")},
                expect={"y": np.arange(n, dtype=np.int32), "z": np.int32(n * (n - 1) // 2)},
            )
            for n in (3, 0, 100)
        ]
        + [dict(feeds={"n": np.int32(-1)}, error="range", node="y")],
    )
    file.case(
        "delta_of_zero",
        "y: range(a, b, c)",
        {"a": np.int32(0), "b": np.int32(3), "c": np.int32(0)},
        error="delta",
        node="y",
    )
    file.case("away_from_the_limit", "y: range(5, 0)", compile_error="range")
    file = File(
        "shape/linspace",
        "every float dtype; one point is the start; the last is exactly the stop. Tolerance: the rounding of the dtype, twice.",
    )
    for dtype, t in zip(FLOATS, (2e-3, 1.6e-2, 2e-6, 2e-14)):
        a, b = array(-1.5, dtype), array(2.25, dtype)
        f = lambda n: wide(lambda x, y: tf.linspace(x, y, n), a, b, label="linspace")
        file.case(
            dtype,
            "y: linspace(a, b, 7)\n"
            "z: {op: linspace, inputs: [a, b], num: 4}\n"
            "o: linspace(a, b, num=1)\n"
            "r: linspace(b, a, 3)",
            {"a": a, "b": b},
            {"y": f(7), "z": f(4), "o": f(1), "r": wide(lambda x, y: tf.linspace(y, x, 3), a, b)},
            tolerance=t,
        )
    add(
        file,
        "literals",
        {},
        {
            "a": ("linspace(0.0, 1.0, 5)", lambda: tf.linspace(0.0, 1.0, 5)),
            "b": ("linspace(start=10.0, stop=12.0, num=3)", lambda: tf.linspace(10.0, 12.0, 3)),
        },
        tolerance=1e-6,
    )
    add(file, "last_is_the_stop", {}, {"y": ("linspace(0.1, 0.7, 100)[99]", lambda: tf.constant(0.7))})
    file.case(
        "fed_number",
        "y: linspace(0.0, 1.0, n)",
        runs=[
            dict(feeds={"n": Fed(np.int32(n), "[]")}, expect={"y": np.linspace(0, 1, n).astype(np.float32)})
            for n in (1, 2, 5)
        ],
        tolerance=1e-6,
    )
    file = File("shape/fill", "a scalar in any shape; every dtype.")
    feeds = {"v_" + d: array(1 if d == "bool" else 7, d) for d in EVERY}
    file.case(
        "every_dtype",
        ["y_%s: fill([2, 3], v_%s)" % (d, d) for d in EVERY],
        feeds,
        {"y_" + d: native(lambda v: tf.fill([2, 3], v), feeds["v_" + d]) for d in EVERY},
    )
    add(
        file,
        "literals",
        {},
        {
            "a": ("fill([2], 3)", lambda: tf.fill([2], 3)),
            "b": ("fill([2, 1], 0.5)", lambda: tf.fill([2, 1], 0.5)),
            "c": ("{op: fill, dims: [3], value: true}", lambda: tf.fill([3], True)),
            "d": ("fill([], 5)", lambda: tf.fill([], 5)),
            "e": ("fill([0, 2], 1)", lambda: tf.fill([0, 2], 1)),
            "f": ("fill(dims=[2], value=-1)", lambda: tf.fill([2], -1)),
        },
    )
    file.case(
        "fed",
        "y: fill(d, 2.5)",
        runs=[
            dict(feeds={"d": Fed(np.array(d, np.int32), "[2]")}, expect={"y": np.full(d, np.float32(2.5))})
            for d in ((2, 2), (0, 3), (1, 37))
        ]
        + [dict(feeds={"d": np.array([-1, 2], np.int32)}, error="-1", node="y")],
    )
    file.case("negative", "y: fill([-1], 1)", compile_error="-1")
    file = File("shape/zeros_like", "zeros of another's shape and dtype, or another dtype.")
    for op, function in (("zeros_like", tf.zeros_like), ("ones_like", tf.ones_like)):
        file = (
            file
            if op == "zeros_like"
            else File("shape/ones_like", "ones of another's shape and dtype, or another dtype.")
        )
        every_dtype(file, "%s(X)" % op, function, (2, 3))
        add(
            file,
            "dtype",
            {"x": unknown(count(2, 3))},
            {
                "y": ("%s(x, dtype=int32)" % op, lambda v: function(v, tf.int32)),
                "z": ("{op: %s, inputs: x, dtype: bool}" % op, lambda v: function(v, tf.bool)),
            },
        )
        file.case(
            "rank_unknown",
            "y: %s(x)" % op,
            runs=[
                dict(feeds={"x": Fed(v)}, expect={"y": native(function, v)})
                for v in (count(), count(3), count(2, 0), count(1, 2, 1, 1, 1, 2, 1, 1))
            ],
        )
        x = array([np.nan, np.inf], "float32")
        file.case("of_not_finite", "y: %s(x)" % op, {"x": x}, {"y": native(function, x)})


def tables():
    sizes()
    reshape()
    dims()
    joins()
    cuts()
    repeats()
    orders()
    blocks()
    center_crop_pad()
    matrices()
    fills()
