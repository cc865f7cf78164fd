"""Ops that order what they are given, and those that look for the best or for what is there."""

import numpy as np
import tensorflow as tf

from .case import EVERY, FLOATS, Fed, File, array
from .shape import add, count, every_dtype, refuse, unknown


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
    dtypes = [d for d in EVERY if d != "bool"]
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


def tables():
    sort_like("sort", False)
    sort_like("argsort", True)
