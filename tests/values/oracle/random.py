"""Initializers and random ops, by their properties: the numbers are this project's own, not TensorFlow's.

Bounds of the mean and the deviation are five standard errors wide.
"""

import math

from .case import FLOATS, Fed, File, array

# Deviation of a standard normal distribution that is cut at two deviations.
CUT = 0.87962566103423978

# Fourth moment over the squared second, which the error of a deviation depends on.
NORMAL, UNIFORM, TRUNCATED = 3.0, 1.8, 2.37

# op: attributes, mean, deviation, bounds, kurtosis
ROWS = [
    ("random_normal", "", 0.0, 1.0, (None, None), NORMAL),
    ("random_normal", "mean: 3.0, stddev: 0.5, ", 3.0, 0.5, (None, None), NORMAL),
    ("random_uniform", "", 0.5, 1 / math.sqrt(12), (0, 1), UNIFORM),
    ("random_uniform", "minval: -2.0, maxval: 4.0, ", 1.0, 6 / math.sqrt(12), (-2, 4), UNIFORM),
    ("truncated_normal", "", 0.0, CUT, (-2, 2), TRUNCATED),
    ("truncated_normal", "mean: 1.0, stddev: 2.0, ", 1.0, 2 * CUT, (-3, 5), TRUNCATED),
]

# op: shape, deviation, largest magnitude, kurtosis; filters' fans are multiplied by their height and width
SCALED = [
    ("glorot_uniform", (100, 200), math.sqrt(2 / 300), math.sqrt(6 / 300), UNIFORM),
    ("glorot_uniform", (3, 3, 20, 30), math.sqrt(2 / 450), math.sqrt(6 / 450), UNIFORM),
    ("glorot_normal", (100, 200), math.sqrt(2 / 300), 2 * math.sqrt(2 / 300) / CUT, TRUNCATED),
    ("glorot_normal", (3, 3, 20, 30), math.sqrt(2 / 450), 2 * math.sqrt(2 / 450) / CUT, TRUNCATED),
    ("he_normal", (100, 200), math.sqrt(2 / 100), 2 * math.sqrt(2 / 100) / CUT, TRUNCATED),
    ("he_normal", (3, 3, 20, 30), math.sqrt(2 / 180), 2 * math.sqrt(2 / 180) / CUT, TRUNCATED),
]

AS_AN_OP = {"random_normal", "random_uniform", "truncated_normal"}


def stats(shape, dtype, mean=None, std=None, low=None, high=None, kurtosis=NORMAL):
    """expect_stats of a tensor of random numbers."""
    n = math.prod(shape)
    found = {"shape": "[%s]" % ", ".join(map(str, shape)), "dtype": dtype}
    if mean is not None:
        m, s = 5 * std / math.sqrt(n), 5 * std * math.sqrt((kurtosis - 1) / (4 * n))
        found["mean"] = "[%.6g, %.6g]" % (mean - m, mean + m)
        found["std"] = "[%.6g, %.6g]" % (std - s, std + s)
    if low is not None:
        found["min"], found["max"] = "%.9g" % low, "%.9g" % high
    return found


def initializers(file, op, rows):
    """A variable's initial value, in every dtype: as distributed as it should be, equal for an equal seed."""
    node = "%s: {op: variable, dtype: %s, value: {op: %s, shape: [100, 100], %sseed: %d}}"
    for attributes, mean, std, (low, high), kurtosis in rows:
        for dtype in FLOATS:
            expected = stats((100, 100), dtype, mean, std, low, high, kurtosis)
            file.case(
                "initializer_%s%s" % (dtype, "_with_attributes" if attributes else ""),
                [node % (name, dtype, op, attributes, seed) for name, seed in (("v", 7), ("w", 7), ("u", 8))],
                stats={"v": expected, "u": expected},
                properties={"equal": "[[v, w]]", "differ": "[[v, u]]"},
            )


def scaled(file, op, rows):
    """A deviation that follows from the shape: its last two sizes are the fans."""
    for shape, std, edge, kurtosis in rows:
        for dtype in FLOATS[2:]:
            expected = stats(shape, dtype, 0.0, std, -edge * 1.000001, edge * 1.000001, kurtosis)
            file.case(
                "initializer_%s_%s" % (dtype, "x".join(map(str, shape))),
                "v: {op: variable, dtype: %s, value: {op: %s, shape: %s, seed: 3}}" % (dtype, op, list(shape)),
                stats={"v": expected},
            )


def common(file, op):
    """What holds for every initializer."""
    v = "v: {op: variable, value: {op: %s, shape: [50, 2]}}\n" % op
    expected = {"v": stats((50, 2), "float32")}
    file.case(
        "seed_from_the_name",
        v + v.replace("v:", "w:", 1),
        stats=expected,
        properties={"differ": "[[v, w]]", "same_in_a_new_session": "[v, w]"},
    )
    file.case(
        "initial_value_of",
        v + "w: {op: variable, value: {initial_value_of: v}}",
        stats=expected,
        properties={"equal": "[[v, w]]"},
    )
    file.case("zero_sized", v.replace("[50, 2]", "[0, 3]"), stats={"v": stats((0, 3), "float32")})


def ops(file, op, attributes, mean, std, bounds, kurtosis):
    """The op in the graph: each run draws anew, a new session starts again."""
    fresh = dict(differ="[[y, z]]", next_run_differs="[y, z]", same_in_a_new_session="[y, z]")
    expected = stats((100, 100), "float32", mean, std, *bounds, kurtosis)
    file.case(
        "in_the_graph",
        ("y: %s([100, 100], seed=5)\n" "z: {op: %s, shape: [100, 100], seed: 6, dtype: float32}") % (op, op),
        stats={"y": expected, "z": expected},
        properties=fresh,
    )
    file.case(
        "shape_is_a_node", ("s: {op: constant, value: [100, 100]}\n" "y: %s(s, seed=1)") % op, stats={"y": expected}
    )
    file.case(
        "one_node_used_twice_is_one_draw",
        "r: %s([20], seed=1)\ny: r + 0.0\nz: r * 1.0" % op,
        stats={"y": stats((20,), "float32")},
        properties={"equal": "[[y, z]]", "next_run_differs": "[r]"},
    )
    file.case(
        "equal_nodes_are_separate_draws",
        "y: %s([20])\nz: %s([20])" % (op, op),
        stats={"y": stats((20,), "float32")},
        properties=fresh,
    )


FRESH = dict(next_run_differs="[y]", same_in_a_new_session="[y]")


def draws():
    """Ops that draw for what they are given."""
    import numpy as np

    from .shape import refuse, unknown

    def file_of(op, about):
        return File("random/" + op, about, by="the distribution's definition")

    file = file_of("bernoulli", "how often 1 comes, certain results, every dtype.")
    for p in (0.3, 0.9):
        for dtype in FLOATS:
            q = float(array(p, dtype))
            file.case(
                "%s_%s" % (dtype, str(p).replace(".", "_")),
                "p: {op: constant, value: %s, dtype: %s, shape: [100, 100]}\ny: bernoulli(p)" % (p, dtype),
                stats={"y": stats((100, 100), dtype, q, math.sqrt(q - q * q), 0, 1)},
                properties=FRESH,
            )
    certain = np.float32([0, 1, 1, 0, 2, -1])
    file.case(
        "certain",
        "y: bernoulli(p)\nz: bernoulli(p, dtype=bool, seed=7)\nw: bernoulli(p, dtype=int64)",
        {"p": unknown(certain)},
        {"y": np.float32([0, 1, 1, 0, 1, 0]), "z": certain > 0, "w": np.int64(certain > 0)},
    )
    file.case(
        "seeds",
        "p: {op: constant, value: 0.5, shape: [50]}\na: bernoulli(p, seed=1)\nb: bernoulli(p, seed=1)\nc: bernoulli(p, seed=2)",
        properties=dict(equal="[[a, b]]", differ="[[a, c]]"),
    )
    refuse(file, "integers", "[2]", "bernoulli(cast(x, int32))", "int32")

    file = file_of("random_categorical", "how often each class comes; classes that cannot come; run-time sizes.")
    for dtype in FLOATS:
        file.case(
            dtype,
            "l: {op: constant, value: [[0.0, 0.0], [0.0, 1.0986123]], dtype: %s}\n"
            "y: random_categorical(l, 10000)[0]\nz: multinomial(l, 10000, dtype=int32)[1]" % dtype,
            stats={
                "y": stats((10000,), "int64", 0.5, 0.5, 0, 1, 1.0001),
                "z": stats((10000,), "int32", 0.75, math.sqrt(3) / 4, 0, 1, 7 / 3),
            },
            properties=FRESH,
        )
    file.case(
        "certain",
        "y: random_categorical(l, n)",
        {"l": unknown(np.float32([[-np.inf, 0, -np.inf], [0, -np.inf, -np.inf], [-500, -600, 400]])), "n": Fed(np.int32(4), "[]")},
        {"y": np.int64([[1] * 4, [0] * 4, [2] * 4])},
    )
    file.case("nothing", "y: random_categorical(l, 0)\nz: random_categorical(l[:0], 2)", {"l": unknown(np.zeros((3, 2), np.float32))}, {"y": np.zeros((3, 0), np.int64), "z": np.zeros((0, 2), np.int64)})
    file.case("no_class", "y: random_categorical(l, 2)", {"l": unknown(np.zeros((3, 0), np.float32))}, error="there has to be a class", node="y")
    refuse(file, "vector", "[2]", "random_categorical(x, 2)", "of rank 2")

    file = file_of("dropout", "how much is dropped, what is kept is scaled; noise shapes; rates of 0 and 1.")
    for dtype in FLOATS:
        file.case(
            dtype,
            "x: {op: constant, value: 1.0, dtype: %s, shape: [100, 100]}\ny: dropout(x, 0.75)" % dtype,
            stats={"y": stats((100, 100), dtype, 1, math.sqrt(3), 0, 4, 7 / 3)},
            properties=FRESH,
        )
    x = np.float32([[1, -2, np.inf], [4, 0, 7]])
    file.case(
        "rate_0_and_1",
        "y: dropout(x, 0.0)\nz: dropout(x, rate=1.0)\nw: dropout(x, r)",
        {"x": unknown(x), "r": Fed(np.float32(0), "[]")},
        {"y": x, "z": np.zeros_like(x), "w": x},
    )
    file.case(
        "noise_shape",
        "x: {op: constant, value: 1.0, shape: [40, 30]}\ny: dropout(x, 0.5, noise_shape=[40, 1])\n"
        "z: tile(y[:, :1], [1, 30])\nv: dropout(x, 0.5, [30])\nw: tile(v[:1], [40, 1])",
        stats={"y": stats((40, 30), "float32")},
        properties=dict(equal="[[y, z], [v, w]]", differ="[[y, v]]"),
    )
    file.case(
        "training",
        "y: dropout(x, 1.0, training=t)\nz: dropout(x, 0.0, training=t)\nw: dropout(x, 0.5, training=false)",
        runs=[
            dict(
                feeds={"x": Fed(x, "[null, null]"), "t": Fed(np.bool_(t), "[]")},
                expect={"y": np.zeros_like(x) if t else x, "z": x, "w": x},
            )
            for t in (True, False)
        ],
    )
    refuse(file, "rate", "[2]", "dropout(x, 1.5)", "fraction from 0 to 1")
    refuse(file, "noise", "[2, 3]", "dropout(x, 0.5, noise_shape=[2])", "broadcast")


def shapes_of_the_run(file, op):
    """A shape that only the run gives, and another tensor's."""
    import numpy as np

    file.case(
        "shape_of_the_run",
        "y: %s(stack([n, 3]), seed=1)\nz: %s(shape(x), seed=2)\na: shape(y)\nb: shape(z)" % (op, op),
        runs=[
            dict(
                feeds={"n": Fed(np.int32(n), "[]"), "x": Fed(np.zeros((n + 1, 2), np.float32), "[null, null]")},
                expect={"a": np.int32([n, 3]), "b": np.int32([n + 1, 2])},
            )
            for n in (4, 0, 100)
        ],
    )


def tables():
    draws()
    for op in dict.fromkeys(row[0] for row in ROWS + SCALED):
        file = File("random/" + op, "shape, range, mean and deviation; seeds.", by="the distribution's definition")
        initializers(file, op, [row[1:] for row in ROWS if row[0] == op])
        scaled(file, op, [row[1:] for row in SCALED if row[0] == op])
        common(file, op)
        if op in AS_AN_OP:
            ops(file, *next(row for row in ROWS if row[0] == op))
            shapes_of_the_run(file, op)
        if op == "random_normal":
            file.case(
                "attributes_in_the_graph",
                "y: random_normal([10000], mean=2.0, stddev=3.0, dtype=float64, seed=5)\n"
                "z: {op: random_normal, shape: [100], mean: 1.0, stddev: 0.0}",
                stats={"y": stats((10000,), "float64", 2.0, 3.0), "z": stats((100,), "float32", 1.0, 0.0, 1, 1)},
            )
        if op == "random_uniform":
            file.case(
                "integers",
                "y: random_uniform([10000], minval=-3, maxval=5, dtype=int32, seed=5)\n"
                "z: random_uniform([10000], 0, 10, int64)",
                stats={
                    "y": stats((10000,), "int32", 0.5, math.sqrt(63 / 12), -3, 4, UNIFORM),
                    "z": stats((10000,), "int64", 4.5, math.sqrt(99 / 12), 0, 9, UNIFORM),
                },
            )
