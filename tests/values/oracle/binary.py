"""Elementwise ops of two or three inputs, with broadcasting."""

import numpy as np
import tensorflow as tf

from .case import EVERY, FLOATS, INTEGERS, NUMBERS, SIGNED, Fed, File, array, dtype_name, value_text
from .tensorflow import native, wide
from .unary import ROUNDING, values

SHIFTS = [-1, 0, 1, 2, 7, 8, 15, 16, 31, 32, 63, 64, 100]
LARGEST = {"float16": 65504.0, "bfloat16": 3.3895313892515355e38, "float32": 3.4028234663852886e38, "float64": 1e300}


def defined(function):
    """Integer division where TensorFlow itself would trap: the minimum by -1 is the minimum, with no remainder."""

    def call(x, y):
        if not x.dtype.is_integer or x.dtype.min == 0:
            return function(x, y)
        trap = (x == x.dtype.min) & (y == tf.cast(-1, y.dtype))
        return function(x, tf.where(trap, tf.ones_like(y), y))

    return call


def truncatemod(x, y):
    """tf.truncatemod, which has kernels for some dtypes only; C's fmod, and % of integers, are the same."""
    with np.errstate(invalid="ignore"):
        return tf.constant(
            np.fmod(x.numpy().astype(np.float64), y.numpy()).astype(x.numpy().dtype)
            if x.dtype == tf.bfloat16
            else np.fmod(x.numpy(), y.numpy())
        )


# op: operator, TensorFlow's function, dtypes, which second operands: "any", "nonzero" for integers, "power", "shift"
# fmt: off
ROWS = [
    ("add",                "+",  tf.add,                     NUMBERS,           "any"),
    ("subtract",           "-",  tf.subtract,                NUMBERS,           "any"),
    ("multiply",           "*",  tf.multiply,                NUMBERS,           "any"),
    ("divide",             "/",  tf.divide,                  NUMBERS,           "any"),
    ("floordiv",           "//", defined(tf.math.floordiv),  NUMBERS,           "nonzero"),
    ("floormod",           "%",  defined(tf.math.floormod),  NUMBERS,           "nonzero"),
    ("truncatediv",        None, defined(tf.truncatediv),    NUMBERS,           "nonzero"),
    ("truncatemod",        None, defined(truncatemod),       NUMBERS,           "nonzero"),
    ("pow",                "**", tf.pow,                     SIGNED + FLOATS,   "power"),
    ("maximum",            None, tf.maximum,                 NUMBERS,           "any"),
    ("minimum",            None, tf.minimum,                 NUMBERS,           "any"),
    ("squared_difference", None, tf.math.squared_difference, ["int32", "int64"] + FLOATS, "any"),
    ("atan2",              None, tf.math.atan2,              FLOATS,            "any"),
    ("equal",              "==", tf.equal,                   EVERY,             "any"),
    ("not_equal",          "!=", tf.not_equal,               EVERY,             "any"),
    ("less",               "<",  tf.less,                    NUMBERS,           "any"),
    ("less_equal",         "<=", tf.less_equal,              NUMBERS,           "any"),
    ("greater",            ">",  tf.greater,                 NUMBERS,           "any"),
    ("greater_equal",      ">=", tf.greater_equal,           NUMBERS,           "any"),
    ("logical_and",        "&",  tf.logical_and,             ["bool"],          "any"),
    ("logical_or",         "|",  tf.logical_or,              ["bool"],          "any"),
    ("logical_xor",        "^",  tf.math.logical_xor,        ["bool"],          "any"),
    ("bitwise_and",        "&",  tf.bitwise.bitwise_and,     INTEGERS,          "any"),
    ("bitwise_or",         "|",  tf.bitwise.bitwise_or,      INTEGERS,          "any"),
    ("bitwise_xor",        "^",  tf.bitwise.bitwise_xor,     INTEGERS,          "any"),
    ("left_shift",         None, tf.bitwise.left_shift,      INTEGERS,          "shift"),
    ("right_shift",        None, tf.bitwise.right_shift,     INTEGERS,          "shift"),
]
# fmt: on

CLOSE = {"pow": 4, "atan2": 1, "squared_difference": 3}  # times the rounding of the dtype; all others are exact
SIGNED_ZERO = {"add", "subtract", "multiply", "divide", "atan2"}

DENORMALS = {
    "add": np.add,
    "subtract": np.subtract,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "less": np.less,
    "equal": np.equal,
    "greater": np.greater,
    "not_equal": np.not_equal,
}


def edges(dtype):
    if dtype == "bool":
        return np.array([False, True])
    if dtype in INTEGERS:
        info = np.iinfo(dtype)
        return np.array(
            [info.min, info.min + 1] + ([-3, -2, -1] if info.min else []) + [0, 1, 2, 3, 7, info.max - 1, info.max],
            dtype,
        )
    return array([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 2.5, np.inf, -np.inf, np.nan, LARGEST[dtype]], dtype)


def second(op, kind, dtype, rng, shape):
    """Ordinary second operands."""
    if dtype in FLOATS:
        return values(rng, dtype, *((-3.0, 3.0) if op == "pow" else (-10.0, 10.0)), shape)
    if kind == "shift":
        return rng.integers(0, np.iinfo(dtype).bits, shape).astype(dtype)
    if kind == "power":
        return rng.integers(0, 6, shape).astype(dtype)
    y = values(rng, dtype, 0, 0, shape)
    if kind == "nonzero":
        y = np.where(rng.random(shape) < 0.7, y % np.array(10, dtype), y).astype(dtype)
        y = np.where(y == 0, 3, y).astype(dtype)
    elif dtype != "bool" and op in ("equal", "not_equal"):
        y = np.asarray(y % np.array(3, dtype)).astype(dtype)
    return y


def second_edges(kind, dtype):
    y = edges(dtype)
    if kind == "nonzero" and dtype in INTEGERS:
        return y[y != 0]
    if kind == "power" and dtype in INTEGERS:
        return np.array([0, 1, 2, 3, 5, 7, 31, 63, 100], dtype)
    if kind == "shift":
        return np.array([s for s in SHIFTS if s >= np.iinfo(dtype).min], dtype)
    return y


def table_of(op, operator, function, dtypes, kind):
    file = File(
        "binary/" + op,
        "every dtype, each edge value with each, broadcasting, unknown sizes and ranks, literals."
        + (
            " Tolerance: the rounding of the dtype%s." % (" times %d" % CLOSE[op] if CLOSE[op] > 1 else "")
            if op in CLOSE
            else ""
        ),
    )
    rng = np.random.default_rng(sum(map(ord, op)))
    first = "float32" if "float32" in dtypes else "int32" if "int32" in dtypes else "bool"
    infix = "a %s b" % operator if operator else "%s(a, b)" % op
    tolerance = {d: CLOSE[op] * ROUNDING.get(d, 0) if op in CLOSE else 0 for d in dtypes}
    t = tolerance[first]

    def expected(x, y):
        x, y = np.broadcast_arrays(x, y)  # TensorFlow does not stretch all patterns of rank 8
        return wide(function, x, y, label=op)

    def left(shape, dtype=first):
        positive = op == "pow" and dtype in FLOATS
        x = values(rng, dtype, 0.1 if positive else -10.0, 10.0, shape)
        if dtype in INTEGERS and op in ("equal", "not_equal"):
            x = np.asarray(x % np.array(3, dtype)).astype(dtype)
        return x

    def right(shape, dtype=first):
        return second(op, kind, dtype, rng, shape)

    for dtype in dtypes:
        x, y = edges(dtype)[:, None], second_edges(kind, dtype)
        v, w = left(100 if dtype == first else 37, dtype), right(100 if dtype == first else 37, dtype)
        file.case(
            dtype,
            "y: %s\nz: {op: %s, inputs: [v, w]}" % (infix, op),
            {"a": Fed(x, "[m, 1]"), "b": Fed(y, "[n]"), "v": v, "w": w},
            {"y": expected(x, y), "z": expected(v, w)},
            tolerance=tolerance[dtype],
            signed_zero=op in SIGNED_ZERO,
        )
    if op in DENORMALS and "float32" in dtypes:
        for dtype, small in (
            ("float16", 2.0**-24),
            ("bfloat16", 2.0**-133),
            ("float32", 2.0**-149),
            ("float64", 2.0**-1074),
        ):
            x = array([0.0, small, -small, 3 * small], dtype)
            file.case(
                dtype + "_denormals", "y: %s" % infix, {"a": x[:, None], "b": x}, {"y": DENORMALS[op](x[:, None], x)}
            )

    x, y = left(()), right(())
    file.case("scalars", "y: %s(a, b)" % op, {"a": x, "b": y}, {"y": expected(x, y)}, tolerance=t)
    x, y, z = left((2, 3)), right(3), left(3)
    file.case(
        "named_batch",
        "y: {op: %s, inputs: [a, b]}" % op,
        {"a": Fed(x, "[batch, 3]"), "b": y},
        {"y": expected(x, y)},
        tolerance=t,
    )
    runs = []
    for a, b in (
        ((2, 3), (2, 3)),
        ((1, 3), (2, 1)),
        ((2, 1), (1, 3)),
        ((1, 1), (2, 3)),
        ((2, 3), (1, 1)),
        ((0, 3), (1, 3)),
        ((5, 1), (5, 4)),
    ):
        x, y = left(a), right(b)
        runs.append(
            dict(feeds={"a": Fed(x, "[null, null]"), "b": Fed(y, "[null, null]")}, expect={"y": expected(x, y)})
        )
    runs.append(dict(feeds={"a": left((2, 3)), "b": right((2, 4))}, error="3", node="y"))
    file.case("both_sizes_unknown", "y: %s" % infix, runs=runs, tolerance=t)
    runs = []
    for a, b in (
        ((), ()),
        ((3,), ()),
        ((), (2, 2)),
        ((2, 1, 3), (2, 1)),
        ((4,), (4,)),
        ((1, 2, 1, 1, 2, 1, 1, 2), (3, 1)),
    ):
        x, y = left(a), right(b)
        runs.append(dict(feeds={"a": Fed(x), "b": Fed(y)}, expect={"y": expected(x, y)}))
    file.case("both_ranks_unknown", "y: %s(a, b)" % op, runs=runs, tolerance=t)
    x, y = left((2, 1, 2, 1)), right((3, 1, 5))
    file.case(
        "rank_4",
        "y: %s" % infix,
        {"a": Fed(x, "[n, 1, null, 1]"), "b": Fed(y, "[c, 1, 5]")},
        {"y": expected(x, y)},
        tolerance=t,
    )
    x, y = left((1, 2, 1, 2, 1, 2, 1, 3)), right((2, 1, 2, 1, 1, 2, 2, 1))
    file.case("rank_8", "y: %s(a, b)" % op, {"a": x, "b": y}, {"y": expected(x, y)}, tolerance=t)
    x, y = left((0, 3)), right(())
    file.case("zero_sized", "y: %s" % infix, {"a": x, "b": y}, {"y": expected(x, y)}, tolerance=t)
    x, y = left((2, 3)), right((2, 3))
    file.case(
        "of_constants",
        "a: {op: constant, dtype: %s, value: %s}\nb: {op: constant, dtype: %s, value: %s}\ny: %s"
        % (first, value_text(x), first, value_text(y), infix),
        {},
        {"y": expected(x, y)},
        tolerance=t,
    )
    x, y = left((3, 2)), right((2, 3))
    file.case(
        "with_a_transpose",
        "t: transpose(a)\ny: %s(t, b)" % op,
        {"a": Fed(x, "[null, null]"), "b": Fed(y, "[null, null]")},
        {"y": expected(x.T, y)},
        tolerance=t,
    )
    x = left((2, 2))
    file.case(
        "with_itself",
        "y: %s(a, a)" % op,
        {"a": x if kind == "any" else abs(x) % 5 + 1},
        {"y": expected(x, x) if kind == "any" else expected(abs(x) % 5 + 1, abs(x) % 5 + 1)},
        tolerance=t,
    )
    if first != "bool":
        literals(file, op, operator, first, left, right, expected, t)
    other = {"float32": "float64", "int32": "int64", "bool": "int32"}[first]
    file.case(
        "dtypes_differ",
        ("a: {op: placeholder, dtype: %s, shape: [2]}\n" "b: {op: placeholder, dtype: %s, shape: [2]}\n" "y: %s(a, b)")
        % (first, other, op),
        compile_error=other,
    )
    file.case(
        "shapes_do_not_fit",
        ("a: {op: placeholder, dtype: %s, shape: [2, 3]}\n" "b: {op: placeholder, dtype: %s, shape: [4]}\n" "y: %s")
        % (first, first, infix),
        compile_error="[2, 3]",
    )
    if kind == "nonzero":
        for dtype in INTEGERS:
            x, y = left(4, dtype), np.array([1, 2, 0, 3], dtype)
            file.case("by_zero_" + dtype, "y: %s" % infix, {"a": x, "b": y}, error="division by zero", node="y")
        file.case(
            "by_zero_in_a_vector_of_1000",
            "y: %s(a, b)" % op,
            runs=[
                dict(
                    feeds={
                        "a": np.full(1000, 7, np.int32),
                        "b": np.where(np.arange(1000) == at, 0, 2).astype(np.int32),
                    },
                    error="division by zero",
                    node="y",
                )
                for at in (0, 511, 999)
            ],
        )
    if kind == "power":
        x, y = np.array([2, 3, -1], np.int32), np.array([1, -1, 2], np.int32)
        file.case("negative_integer_power", "y: a ** b", {"a": x, "b": y}, error="negative", node="y")


def literals(file, op, operator, dtype, left, right, expected, tolerance):
    """Numbers take the other operand's dtype."""
    x = left(5)
    two = array(2, dtype)
    nodes, expect = ["y: %s(a, 2)" % op, "z: %s(2, b)" % op], {}
    y = right(5)
    expect["y"], expect["z"] = expected(x, two), expected(two, y)
    if operator:
        nodes += ["p: a %s 2" % operator, "q: 2 %s b" % operator]
        expect["p"], expect["q"] = expect["y"], expect["z"]
    if dtype == "float32":
        half = array(1.5, dtype)
        nodes.append("h: {op: %s, inputs: [a, 1.5]}" % op)
        expect["h"] = expected(x, half)
    file.case("literals", nodes, {"a": Fed(x, "[n]"), "b": y}, expect, tolerance=tolerance)
    if dtype == "float32" and "int32" in NUMBERS and op in ("add", "multiply", "maximum", "less"):
        file.case(
            "fraction_for_an_integer",
            "a: {op: placeholder, dtype: int32, shape: [2]}\ny: %s(a, 1.5)" % op,
            compile_error="1.5",
        )


def logical_operators():
    """`& | ^` of bool are the logical ops."""
    a, b = np.array([True, True, False, False]), np.array([True, False, True, False])
    file = File(
        "binary/operators", "Python's operators: precedence, associativity, comparison, logic of bool, names alone."
    )
    file.case(
        "of_bool",
        "c: a & b\nd: a | b\ne: a ^ b\nf: ~(a & b) | (b ^ a)",
        {"a": a, "b": b},
        {"c": a & b, "d": a | b, "e": a ^ b, "f": ~(a & b) | (b ^ a)},
    )
    x, y = array([1.5, -2.0, 3.0], "float32"), array([2.0, 4.0, -0.5], "float32")
    file.case(
        "precedence",
        [
            "p: a + b * a",
            "q: (a + b) * a",
            "r: -a ** 2",
            "s: a ** 2 ** 0",
            "t: a - b - a",
            "u: a / b / a",
            "v: -(a) * -b",
            "w: a < b + 1",
            '"z": 2 * -a',
        ],
        {"a": x, "b": y},
        {
            "p": x + y * x,
            "q": (x + y) * x,
            "r": -(x**2),
            "s": x,
            "t": x - y - x,
            "u": x / y / x,
            "v": -x * -y,
            "w": x < y + 1,
            "z": 2 * -x,
        },
        tolerance=1e-6,
    )
    i, j = np.array([7, -7, 12], np.int32), np.array([2, 2, -5], np.int32)
    file.case(
        "of_integers",
        [
            "d: i // j",
            "m: i % j",
            "t: i / j",
            "a: i & j | 1",
            "x: i ^ j & 3",
            "s: (i > 0) & (j < 0)",
            "c: i - 3 % j",
            "n: i * 2 // 3",
        ],
        {"i": i, "j": j},
        {
            "d": i // j,
            "m": i % j,
            "t": i / j,
            "a": i & j | 1,
            "x": i ^ j & 3,
            "s": (i > 0) & (j < 0),
            "c": i - 3 % j,
            "n": i * 2 // 3,
        },
    )
    file.case(
        "numbers_among_themselves",
        ["p: x * (2 + 3)", "q: x + 7 // 2", "r: x - 2 ** 3", "s: x * (1 / 4)"],
        {"x": x},
        {"p": x * np.float32(5), "q": x + np.float32(3), "r": x - np.float32(8), "s": x * np.float32(0.25)},
    )
    file.case(
        "aliases",
        ["s: sub(x, y)", "m: mul(x, y)", "n: {op: neg, inputs: x}"],
        {"x": x, "y": y},
        {"s": x - y, "m": x * y, "n": -x},
    )
    b, u = np.array([100, -100], np.int8), np.array([200, 3], np.uint8)
    file.case(
        "literals_take_the_dtype",
        [
            "p: b + 27",
            "q: b * -1",
            "r: u // 7",
            "s: 255 - u",
            "t: h * 0.1",
            "v: d / 3",
            "w: l + 4294967296",
            "z: u == 3",
        ],
        {
            "b": b,
            "u": u,
            "h": array([1.0, 3.0], "float16"),
            "d": array([1.0, 2.0], "float64"),
            "l": np.array([1, -1], np.int64),
        },
        {
            "p": b + np.int8(27),
            "q": -b,
            "r": u // np.uint8(7),
            "s": np.uint8(255) - u,
            "t": array([1.0, 3.0], "float16") * array(0.1, "float16"),
            "v": array([1.0, 2.0], "float64") / 3,
            "w": np.array([1, -1]) + 2**32,
            "z": u == 3,
        },
    )
    for name, dtype, text in (
        ("int8", "int8", "x + 128"),
        ("uint8", "uint8", "x + 256"),
        ("negative_uint8", "uint8", "x * -1"),
        ("int32", "int32", "x + 2147483648"),
        ("fraction", "int64", "x * 0.5"),
        ("number_with_bool", "bool", "x & 1"),
    ):
        declared = "x: {op: placeholder, dtype: %s, shape: [2]}\n" % dtype
        file.case("literal_does_not_fit_" + name, declared + "y: " + text, compile_error=dtype)
    n = array(np.arange(1000) / 8 - 50, "float32")
    file.case(
        "fused_chain_of_1000",
        ["t: x * 0.5 + 1", "u: maximum(t, 0.0)", "w: where(u > 10.0, t - x, u * u)"],
        {"x": Fed(n, "[n]")},
        {
            "w": np.where(
                np.maximum(n * np.float32(0.5) + 1, 0) > 10,
                n * np.float32(0.5) + 1 - n,
                np.maximum(n * np.float32(0.5) + 1, 0) ** 2,
            ).astype(np.float32)
        },
        tolerance=0,
    )


def where():
    file = File(
        "binary/where", "TensorFlow 2's where: condition and both values broadcast; the value not taken has no effect."
    )
    rng = np.random.default_rng(5)
    for dtype in EVERY:
        c, x, y = rng.random(37) < 0.5, values(rng, dtype, -10, 10, 37), values(rng, dtype, -10, 10, 37)
        file.case(
            dtype,
            "y: where(c, a, b)\nz: {op: where, inputs: [c, b, a]}",
            {"c": c, "a": Fed(x, "[n]"), "b": y},
            {"y": native(tf.where, c, x, y), "z": native(tf.where, c, y, x)},
        )
    runs = []
    for cs, xs, ys in (
        ((2, 3), (2, 3), (2, 3)),
        ((2, 1), (1, 3), (1, 1)),
        ((1, 1), (2, 1), (1, 4)),
        ((0, 3), (1, 3), (1, 1)),
    ):
        c, x, y = rng.random(cs) < 0.5, values(rng, "float32", -9, 9, xs), values(rng, "float32", -9, 9, ys)
        runs.append(
            dict(
                feeds={"c": Fed(c, "[null, null]"), "a": Fed(x, "[null, null]"), "b": Fed(y, "[null, null]")},
                expect={"y": native(tf.where, c, x, y)},
            )
        )
    runs.append(
        dict(
            feeds={"c": c[:0].reshape(0, 3), "a": np.zeros((2, 3), np.float32), "b": np.zeros((2, 4), np.float32)},
            error="4",
            node="y",
        )
    )
    file.case("sizes_unknown", "y: where(c, a, b)", runs=runs)
    runs = []
    for cs, xs, ys in (((), (), ()), ((), (3,), ()), ((2, 1), (3,), ()), ((2,), (3, 1), (2, 1, 1))):
        c, x, y = np.asarray(rng.random(cs) < 0.5), values(rng, "int32", 0, 0, xs), values(rng, "int32", 0, 0, ys)
        runs.append(dict(feeds={"c": Fed(c), "a": Fed(x), "b": Fed(y)}, expect={"y": native(tf.where, c, x, y)}))
    file.case("ranks_unknown", "y: where(c, a, b)", runs=runs)
    x = array([1.0, -2.0, 0.0, np.nan, np.inf], "float32")
    file.case(
        "literals",
        "y: where(x > 0, x, 0)\n" "z: where(x < 0, -1.5, x)\n" "w: where(x > 0, 1, 2)\n" "v: where(true, x, 0)",
        {"x": Fed(x, "[n]")},
        {
            "y": np.where(x > 0, x, np.float32(0)),
            "z": np.where(x < 0, np.float32(-1.5), x),
            "w": np.where(x > 0, 1, 2).astype(np.int32),
            "v": x,
        },
    )
    for shape in ((6,), (3, 4), (2, 2, 3)):
        c = rng.random(shape) < 0.4
        file.case(
            "indices_of_rank_%d" % len(shape),
            "y: where(c)\nn: size(y)\nx: cast(gather_nd(c, y), int32)",
            {"c": Fed(c, "[%s]" % ", ".join(["null"] * len(shape)))},
            {"y": native(tf.where, c), "n": np.int32(c.sum() * c.ndim), "x": np.ones(c.sum(), np.int32)},
        )
    c = np.array([True, False, True])
    x, y = array([1.0, np.nan, np.inf], "float32"), array([np.nan, 2.0, np.nan], "float32")
    file.case("value_not_taken_is_nan", "y: where(c, a, b)", {"c": c, "a": x, "b": y}, {"y": np.where(c, x, y)})
    c, x = rng.random((2, 1, 2, 1, 2, 1, 2, 1)) < 0.5, values(rng, "float32", -9, 9, (1, 2, 1, 2, 1, 2, 1, 2))
    file.case("rank_8", "y: where(c, a, -a)", {"c": c, "a": x}, {"y": np.where(c, x, -x)})
    file.case(
        "condition_by_keyword",
        "y: where(condition=c, x=a, y=0)",
        {"c": np.array([True, False]), "a": np.array([5, 6], np.int64)},
        {"y": np.array([5, 0], np.int64)},
    )
    file.case(
        "condition_is_not_bool",
        "a: {op: placeholder, dtype: float32, shape: [2]}\ny: where(a, a, a)",
        compile_error="bool",
    )
    file.case(
        "dtypes_differ",
        "a: {op: placeholder, dtype: float32, shape: [2]}\n"
        "b: {op: placeholder, dtype: int32, shape: [2]}\n"
        "y: where(a > 0, a, b)",
        compile_error="int32",
    )


def clip_by_value():
    file = File(
        "binary/clip_by_value", "minimum(maximum(t, low), high); bounds are scalars or broadcast to t; NaN stays."
    )
    rng = np.random.default_rng(6)
    for dtype in NUMBERS:
        low, high = (1, 100) if dtype.startswith("uint") else (-3, 5)
        x = values(rng, dtype, -10, 10, 37)
        if dtype in FLOATS:
            x[:4] = array([np.nan, np.inf, -np.inf, -0.0], dtype)
        y = native(tf.clip_by_value, x, array(low, dtype), array(high, dtype))
        file.case(
            dtype,
            "y: clip_by_value(x, %d, %d)\n"
            "z: {op: clip_by_value, inputs: x, clip_value_min: %d, clip_value_max: %d}" % (low, high, low, high),
            {"x": Fed(x, "[n]")},
            {"y": y, "z": y},
        )
    x, low, high = values(rng, "float32", -9, 9, (2, 3)), array([-1.0, 0.0, 1.0], "float32"), array(2.5, "float32")
    y = native(tf.clip_by_value, x, low, high)
    file.case(
        "bounds_broadcast",
        "y: clip_by_value(x, low, high)\n"
        "z: {op: clip_by_value, inputs: [x, low, high]}\n"
        "k: clip_by_value(x, clip_value_min=low, clip_value_max=2.5)",
        {"x": Fed(x, "[null, 3]"), "low": low, "high": high},
        {"y": y, "z": y, "k": y},
    )
    file.case(
        "rank_unknown",
        "y: clip_by_value(x, -0.5, 0.5)",
        runs=[
            dict(feeds={"x": Fed(v)}, expect={"y": np.clip(v, np.float32(-0.5), np.float32(0.5))})
            for v in (array(3.0, "float32"), array([[0.25], [-4.0]], "float32"), array([], "float32"))
        ],
    )
    file.case(
        "low_above_high",
        "y: clip_by_value(x, 3.0, 1.0)",
        {"x": array([0.0, 2.0, 5.0], "float32")},
        {"y": native(lambda v: tf.clip_by_value(v, 3.0, 1.0), array([0.0, 2.0, 5.0], "float32"))},
    )


def prelu():
    file = File(
        "binary/prelu",
        "a slope for each channel, or for every element; it stretches, x does not.",
        by="ONNX Runtime 1.32",
    )
    rng = np.random.default_rng(8)
    for dtype in NUMBERS:
        x, s = values(rng, dtype, -10, 10, (3, 4)), values(rng, dtype, -10, 10, 4)
        with np.errstate(over="ignore"):
            y = np.where(x < 0, (x.astype(np.float64) * s).astype(x.dtype) if dtype in FLOATS else x * s, x)
        file.case(dtype, "y: prelu(x, s)", {"x": Fed(x, "[null, 4]"), "s": s}, {"y": y.astype(x.dtype)})
    x, s = values(rng, "float32", -5, 5, (2, 3, 2, 2)), values(rng, "float32", -1, 1, (3, 1, 1))
    file.case(
        "slopes_of_channels",
        "y: prelu(x, s)\nz: {op: prelu, inputs: [x, 0.25]}\nw: prelu(x, slope=x)",
        {"x": Fed(x, "[null, 3, h, w]"), "s": s},
        {"y": np.where(x < 0, x * s, x), "z": np.where(x < 0, x * np.float32(0.25), x), "w": np.where(x < 0, x * x, x)},
    )
    file.case(
        "slope_is_larger",
        "x: {op: placeholder, dtype: float32, shape: [1]}\ny: prelu(x, [0.5, 0.25])",
        compile_error="shapes differ",
    )
    file.case(
        "slope_is_larger_in_a_run",
        "y: prelu(x, s)",
        {"x": Fed(array([1], "float32"), "[null]"), "s": Fed(array([1, 2], "float32"), "[null]")},
        error="shapes differ",
        node="y",
    )


def add_n():
    file = File("binary/add_n", "sums of any number of tensors of one shape, from the left.")
    rng = np.random.default_rng(7)
    for dtype in NUMBERS:
        a, b, c = (values(rng, dtype, -10, 10, 11) for _ in range(3))
        if dtype in ("float16", "bfloat16"):
            y = (a.astype(np.float64) + b.astype(np.float64) + c.astype(np.float64)).astype(a.dtype)
        else:
            y = native(lambda *v: tf.add_n(v), a, b, c)
        file.case(
            dtype,
            "y: add_n([a, b, c])\nz: {op: add_n, inputs: [a, b, c]}",
            {"a": a, "b": b, "c": c},
            {"y": y, "z": y},
            tolerance=2 * ROUNDING.get(dtype, 0),
        )
    a, b = values(rng, "float32", -9, 9, (2, 3)), values(rng, "float32", -9, 9, (2, 3))
    file.case(
        "one_and_many",
        "y: add_n([a])\nz: add_n([a, b, a, b, a, b, a, b])\nr: {op: add_n, inputs: a}",
        {"a": Fed(a, "[null, 3]"), "b": Fed(b, "[n, null]")},
        {"y": a, "z": native(lambda u, v: tf.add_n([u, v] * 4), a, b), "r": a},
        tolerance=4e-6,
    )
    file.case("zero_sized", "y: add_n([a, b])", {"a": a[:0], "b": b[:0]}, {"y": a[:0]})
    file.case(
        "shapes_differ",
        "a: {op: placeholder, dtype: float32, shape: [2]}\n"
        "b: {op: placeholder, dtype: float32, shape: [3]}\n"
        "y: add_n([a, b])",
        compile_error="add_n",
    )


def bias_add():
    file = File("binary/bias_add", "adds a vector along the last dimension, or along the second for NCHW.")
    rng = np.random.default_rng(8)
    for dtype in NUMBERS:
        x, b = values(rng, dtype, -10, 10, (3, 5)), values(rng, dtype, -10, 10, 5)
        y = wide(tf.nn.bias_add, x, b, label="bias_add")
        file.case(
            dtype,
            "y: bias_add(x, b)\nz: {op: bias_add, inputs: [x, b]}",
            {"x": Fed(x, "[batch, 5]"), "b": b},
            {"y": y, "z": y},
        )
    x, b = values(rng, "float32", -9, 9, (2, 3, 2, 4)), values(rng, "float32", -9, 9, 3)
    y = native(lambda u, v: tf.nn.bias_add(u, v, data_format="NCHW"), x, b)
    file.case(
        "nchw",
        "y: bias_add(x, b, data_format='NCHW')\n"
        "z: {op: bias_add, inputs: [x, b], data_format: NCHW}\n"
        "w: bias_add(x, b, data_format=NCHW)",
        {"x": Fed(x, "[null, 3, null, null]"), "b": b},
        {"y": y, "z": y, "w": y},
    )
    x, b = values(rng, "float32", -9, 9, (2, 2, 2, 3)), values(rng, "float32", -9, 9, 3)
    file.case(
        "nhwc_sizes_unknown",
        "y: bias_add(x, b)",
        {"x": Fed(x, "[null, null, null, null]"), "b": Fed(b, "[null]")},
        {"y": native(tf.nn.bias_add, x, b)},
    )
    file.case(
        "sizes_differ",
        "x: {op: placeholder, dtype: float32, shape: [2, 3]}\n"
        "b: {op: placeholder, dtype: float32, shape: [4]}\n"
        "y: bias_add(x, b)",
        compile_error="bias_add",
    )
    file.case(
        "sizes_differ_at_run_time",
        "y: bias_add(x, b)",
        {"x": Fed(np.zeros((2, 3), np.float32), "[null, null]"), "b": Fed(np.zeros(1, np.float32), "[null]")},
        error="3",
        node="y",
    )


def tables():
    for row in ROWS:
        table_of(*row)
    logical_operators()
    where()
    clip_by_value()
    prelu()
    add_n()
    bias_add()
