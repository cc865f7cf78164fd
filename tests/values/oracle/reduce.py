"""Reductions, scans and what is made of them. Tolerances of sums grow with the number of terms."""

import numpy as np
import tensorflow as tf

from .case import EVERY, FLOATS, INTEGERS, NUMBERS, Fed, File, array, numpy_dtype, value_text
from .tensorflow import native, wide
from .unary import ROUNDING

EPSILON = {"float32": 1.2e-7, "float64": 2.3e-16}


def terms(dtype, count):
    """The tolerance of `count` terms of about 1; float16 and bfloat16 are added up in float32 and rounded once."""
    return float("%.2g" % (ROUNDING.get(dtype, 0) + count * EPSILON.get(dtype, 0)))


# op: TensorFlow's function, dtypes, kind of the values, whether empty reductions have a value
# fmt: off
ROWS = [
    ("reduce_sum",       tf.reduce_sum,            NUMBERS,  "wrap"),
    ("reduce_mean",      tf.reduce_mean,           NUMBERS,  "small"),
    ("reduce_max",       tf.reduce_max,            NUMBERS,  "exact"),
    ("reduce_min",       tf.reduce_min,            NUMBERS,  "exact"),
    ("reduce_prod",      tf.reduce_prod,           NUMBERS,  "factor"),
    ("reduce_any",       tf.reduce_any,            ["bool"], "few"),
    ("reduce_all",       tf.reduce_all,            ["bool"], "many"),
    ("reduce_logsumexp", tf.reduce_logsumexp,      FLOATS,   "float"),
    ("reduce_variance",  tf.math.reduce_variance,  FLOATS,   "float"),
    ("reduce_std",       tf.math.reduce_std,       FLOATS,   "float"),
    ("count_nonzero",    tf.math.count_nonzero,    EVERY,    "zeros"),
]
# fmt: on


def values(rng, kind, dtype, shape):
    if dtype == "bool":
        return rng.random(shape) < {"few": 0.15, "many": 0.85}.get(kind, 0.5)
    if kind == "zeros":
        return array(rng.integers(0, 3, shape), dtype)
    if dtype in INTEGERS:
        info = np.iinfo(dtype)
        if kind == "small":
            return rng.integers(-2 if info.min else 0, 3, shape).astype(dtype)
        if kind == "factor":
            return rng.integers(1, 4, shape).astype(dtype)
        return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
    if kind == "factor":
        return array(np.round(rng.choice([-1, 1], shape) * rng.uniform(0.7, 1.4, shape), 2), dtype)
    return array(np.round(rng.uniform(-2, 2, shape), 2), dtype)


def table_of(op, function, dtypes, kind):
    file = File(
        "reduce/" + op,
        "every dtype, no axis, one, several, negative, kept; unknown sizes, nothing to reduce. "
        "Tolerance: a rounding for each term in float32 and float64, one in all for float16 and bfloat16.",
    )
    rng = np.random.default_rng(sum(map(ord, op)))
    first = "float32" if "float32" in dtypes else "bool"
    exact = kind in ("exact", "few", "many", "zeros")

    def expected(x, axis=None, keepdims=False):
        call = lambda v: function(v, axis=axis, keepdims=keepdims)
        return wide(call, x, label=op)

    def some(shape, dtype=first):
        return values(rng, kind, dtype, shape)

    def tolerance(dtype, count):
        return 0 if exact else terms(dtype, count)

    for dtype in dtypes:
        x = some((3, 4, 5), dtype)
        file.case(
            dtype,
            (
                "a: %s(x)\n"
                "b: %s(x, axis=0)\n"
                "c: {op: %s, inputs: x, axis: [0, 2], keepdims: true}\n"
                "d: %s(x, -1)\n"
                "e: %s(x, [1, -1], keepdims=True)"
            )
            % ((op,) * 5),
            {"x": Fed(x, "[n, 4, null]")},
            {
                "a": expected(x),
                "b": expected(x, 0),
                "c": expected(x, [0, 2], True),
                "d": expected(x, -1),
                "e": expected(x, [1, -1], True),
            },
            tolerance=tolerance(dtype, 60),
        )
    x = some((7, 131))
    file.case(
        "long_rows_and_columns",
        "a: %s(x, axis=0)\nb: %s(x, axis=1)\nc: {op: %s, inputs: [x]}" % ((op,) * 3),
        {"x": Fed(x, "[null, null]")},
        {"a": expected(x, 0), "b": expected(x, 1), "c": expected(x)},
        tolerance=tolerance(first, 917),
    )
    x = some(())
    file.case(
        "scalar",
        "y: %s(x)\nz: %s(x, axis=[])" % (op, op),
        {"x": x},
        {"y": expected(x), "z": expected(x, [])},
        tolerance=tolerance(first, 2),
    )
    x = some((2, 3))
    file.case(
        "no_axes",
        "y: %s(x, axis=[])" % op,
        {"x": Fed(x, "[null, 3]")},
        {"y": expected(x, [])},
        tolerance=tolerance(first, 2),
    )
    x = some((2, 1, 3, 1, 2, 1, 2, 2))
    file.case(
        "rank_8",
        ("y: %s(x, axis=[1, 3, -2])\n" "z: {op: %s, inputs: x, axis: [0, 2, 4, 6], keepdims: true}\n" "w: %s(x)")
        % ((op,) * 3),
        {"x": Fed(x, "[2, 1, 3, 1, null, 1, 2, c]")},
        {"y": expected(x, [1, 3, -2]), "z": expected(x, [0, 2, 4, 6], True), "w": expected(x)},
        tolerance=tolerance(first, 48),
    )
    x = some((2, 3, 4))
    file.case(
        "axis_is_a_node",
        (
            "k: {op: constant, value: [0, 2]}\n"
            "m: {op: constant, dtype: int64, value: -1}\n"
            "y: %s(x, axis=k)\n"
            "z: {op: %s, inputs: x, axis: m, keepdims: true}\n"
            "w: {op: %s, inputs: [x, k]}"
        )
        % ((op,) * 3),
        {"x": x},
        {"y": expected(x, [0, 2]), "z": expected(x, -1, True), "w": expected(x, [0, 2])},
        tolerance=tolerance(first, 12),
    )
    x = some((3, 4))
    file.case(
        "axis_is_fed",
        "y: %s(x, axis=k, keepdims=true)" % op,
        tolerance=tolerance(first, 12),
        runs=[dict(feeds={"x": x, "k": Fed(np.int32(k), "[]")}, expect={"y": expected(x, k, True)}) for k in (0, 1, -1)]
        + [dict(feeds={"x": x, "k": np.int32(2)}, error="axis", node="y")],
    )
    x = some((2, 3))
    file.case(
        "of_a_constant",
        "x: {op: constant, dtype: %s, value: %s}\ny: %s(x, axis=1)" % (first, value_text(x), op),
        {},
        {"y": expected(x, 1)},
        tolerance=tolerance(first, 3),
    )
    file.case(
        "of_a_transpose",
        "y: %s(transpose(x), axis=0)" % op,
        {"x": Fed(x, "[null, null]")},
        {"y": expected(x, 1)},
        tolerance=tolerance(first, 3),
    )
    for dtype in [d for d in ("bool", "int32", "uint8", "float32", "float64") if d in dtypes]:
        x = some((0, 3), dtype)
        expect = {"b": expected(x, 1), "c": expected(x, 1, True)}
        if op != "reduce_mean" or dtype in FLOATS:
            expect["a"], expect["d"] = expected(x, 0), expected(x)
        file.case(
            "of_nothing_" + dtype,
            ["%s: %s(x%s)" % (n, op, {"a": ", axis=0", "b": ", axis=1", "c": ", 1, true", "d": ""}[n]) for n in expect],
            {"x": Fed(x, "[null, 3]")},
            expect,
        )
    if first == "float32":
        inf, nan = np.inf, np.nan
        x = array(
            [
                [inf, 1, 2],
                [-inf, 1, 2],
                [inf, -inf, 0],
                [nan, 1, 2],
                [1, nan, inf],
                [-inf, -inf, -inf],
                [inf, inf, inf],
            ],
            "float32",
        )
        for dtype in [d for d in FLOATS if d in dtypes]:
            v = x.astype(array(0, dtype).dtype)
            file.case(
                "not_finite_" + dtype,
                "y: %s(x, axis=1)" % op,
                {"x": v},
                {"y": expected(v, 1)},
                tolerance=tolerance(dtype, 3),
            )
    file.case(
        "axis_out_of_range",
        "x: {op: placeholder, dtype: %s, shape: [2, 3]}\ny: %s(x, axis=2)" % (first, op),
        compile_error="axis",
    )
    file.case(
        "axis_twice",
        "x: {op: placeholder, dtype: %s, shape: [2, 3]}\ny: %s(x, axis=[0, -2])" % (first, op),
        compile_error="axis",
    )
    if op != "count_nonzero":
        other = "int32" if first == "bool" else "bool"
        file.case(
            "refused_dtype",
            "x: {op: placeholder, dtype: %s, shape: [2, 3]}\ny: %s(x)" % (other, op),
            compile_error=other,
        )
    extras(file, op, expected)


def extras(file, op, expected):
    if op in ("reduce_sum", "reduce_mean"):
        n = 100000
        total = n * (n - 1) // 2
        value = {
            "reduce_sum": [
                np.float32(total),
                np.int32((total + 2**31) % 2**32 - 2**31),
                np.float64(total),
                np.int64(total),
            ],
            "reduce_mean": [np.float32(total / n), None, np.float64(total / n), np.int64(total // n)],
        }[op]
        names = {"f": "float32", "i": "int32", "d": "float64", "l": "int64"}
        keep = {k: v for k, v in zip(names, value) if v is not None}
        file.case(
            "of_100000_terms",
            ["r: range(0, %d)" % n] + ["%s: %s(cast(r, %s))" % (k, op, names[k]) for k in keep],
            {},
            keep,
            tolerance=1e-4,
        )
        x = array(np.full(3000, 1.0), "float16")
        file.case(
            "float16_is_added_up_in_float32",
            "x: {op: ones, dtype: float16, shape: [3000]}\ny: %s(x)" % op,
            {},
            {"y": array(3000 if op == "reduce_sum" else 1, "float16")},
        )
    if op == "reduce_logsumexp":
        x = array([[1000, 1000], [-1000, -1000], [88, 89], [-np.inf, 3]], "float32")
        file.case(
            "neither_over_nor_underflows",
            "y: reduce_logsumexp(x, axis=1)",
            {"x": x},
            {"y": expected(x, 1)},
            tolerance=1e-6,
        )
    if op in ("reduce_variance", "reduce_std"):
        x = array(np.arange(8) % 3 + 4000.0, "float32")
        file.case("far_from_zero", "y: %s(x)" % op, {"x": x}, {"y": expected(x)}, tolerance=1e-5)
    if op == "count_nonzero":
        x = np.array([[0, 1, 2], [3, 0, 0]], np.int32)
        file.case(
            "output_dtype",
            "y: count_nonzero(x, dtype=int32)\n" "z: {op: count_nonzero, inputs: x, axis: 1, dtype: int8}",
            {"x": x},
            {"y": np.int32(3), "z": np.array([2, 1], np.int8)},
        )


def arg_extremes():
    for op, function in (("argmax", tf.argmax), ("argmin", tf.argmin)):
        file = File("reduce/" + op, "every dtype; the first of equals; int64 unless output_type; axis 0 by default.")
        rng = np.random.default_rng(11)
        for dtype in EVERY:
            x = array(rng.integers(0, 2 if dtype == "bool" else 9, (4, 5, 3)), dtype)
            file.case(
                dtype,
                ("a: %s(x)\n" "b: %s(x, axis=1)\n" "c: {op: %s, inputs: x, axis: -1}\n" "d: %s(x, 2, int32)")
                % ((op,) * 4),
                {"x": Fed(x, "[null, n, 3]")},
                {
                    "a": native(function, x),
                    "b": native(lambda v: function(v, 1), x),
                    "c": native(lambda v: function(v, -1), x),
                    "d": native(lambda v: function(v, 2, tf.int32), x),
                },
            )
        x = array(np.round(rng.uniform(-5, 5, (3, 100)), 2), "float32")
        file.case(
            "long_rows",
            "y: %s(x, axis=1)\nz: %s(x, axis=0, output_type=int64)" % (op, op),
            {"x": Fed(x, "[null, null]")},
            {"y": native(lambda v: function(v, 1), x), "z": native(lambda v: function(v, 0), x)},
        )
        x = np.zeros(1000, np.float32)
        file.case(
            "ties_of_1000",
            ("x: {op: zeros, dtype: float32, shape: [1000]}\n" "y: %s(x)\n" "z: %s(x, output_type=int32)") % (op, op),
            {},
            {"y": np.int64(0), "z": np.int32(0)},
        )
        x = array([[np.nan, 1, 2], [1, np.nan, 2], [np.nan, np.nan, np.nan], [2, np.nan, 1]], "float32")
        for dtype in FLOATS:
            v = x.astype(numpy_dtype(dtype))
            y = native(lambda u: function(u, 1), v)
            file.case("not_a_number_never_wins_" + dtype, "y: %s(x, axis=1)" % op, {"x": v}, {"y": y})
        x = array(
            [[np.inf, -np.inf, 1.0], [-np.inf, -np.inf, -np.inf], [np.inf, np.inf, 0.0], [0.0, -0.0, 0.0]], "float32"
        )
        file.case("infinities", "y: %s(x, axis=1)" % op, {"x": x}, {"y": native(lambda v: function(v, 1), x)})
        x = array(rng.integers(0, 5, (1, 2, 1, 2, 3, 1, 2, 2)), "int32")
        file.case(
            "rank_8",
            "y: %s(x, axis=4)" % op,
            {"x": x},
            {"y": np.asarray((np.argmax if op == "argmax" else np.argmin)(x, 4))},
        )
        file.case(
            "axis_is_a_node",
            "k: {op: constant, value: 1}\n"
            "y: %s(x, axis=k)\n"
            "z: {op: %s, inputs: [x, k]}\n"
            "w: {op: %s, inputs: x, axis: k}" % (op, op, op),
            {"x": x[0, :, 0, :, 0, 0, 0]},
            dict.fromkeys("yzw", native(lambda v: function(v, 1), x[0, :, 0, :, 0, 0, 0])),
        )
        file.case(
            "no_rows",
            "y: %s(x, axis=1)" % op,
            {"x": Fed(np.zeros((0, 3), np.float32), "[null, 3]")},
            {"y": np.zeros(0, np.int64)},
        )
        file.case(
            "over_nothing",
            "y: %s(x, axis=0)" % op,
            {"x": Fed(np.zeros((0, 3), np.float32), "[null, 3]")},
            error="no element",
            node="y",
        )
        file.case(
            "axis_out_of_range",
            "x: {op: placeholder, dtype: float32, shape: [2, 3]}\ny: %s(x, axis=-3)" % op,
            compile_error="axis",
        )


def scans():
    for op, function in (("cumsum", tf.cumsum), ("cumprod", tf.math.cumprod)):
        file = File("reduce/" + op, "every dtype; exclusive, reverse, both. Tolerance: a rounding for each term.")
        rng = np.random.default_rng(12)
        kind = "wrap" if op == "cumsum" else "factor"
        for dtype in NUMBERS:
            x = values(rng, kind, dtype, (3, 6))
            call = lambda **k: wide(lambda v: function(v, **k), x, label=op)
            file.case(
                dtype,
                (
                    "a: %s(x)\n"
                    "b: %s(x, axis=1, exclusive=true)\n"
                    "c: {op: %s, inputs: x, axis: -1, reverse: true}\n"
                    "d: %s(x, 1, True, True)"
                )
                % ((op,) * 4),
                {"x": Fed(x, "[null, n]")},
                {
                    "a": call(),
                    "b": call(axis=1, exclusive=True),
                    "c": call(axis=-1, reverse=True),
                    "d": call(axis=1, exclusive=True, reverse=True),
                },
                tolerance=6 * ROUNDING.get(dtype, 0),
            )
        x = values(rng, kind, "float32", 131)
        file.case(
            "long",
            "y: %s(x)\nz: %s(x, reverse=true)" % (op, op),
            {"x": Fed(x, "[null]")},
            {"y": wide(function, x), "z": wide(lambda v: function(v, reverse=True), x)},
            tolerance=terms("float32", 131),
        )
        x = values(rng, kind, "int32", (2, 1, 2, 3, 1, 1, 2, 1))
        file.case("rank_8", "y: %s(x, axis=3)" % op, {"x": x}, {"y": native(lambda v: function(v, 3), x)})
        x = values(rng, kind, "float32", (2, 3))
        file.case(
            "axis_is_a_node",
            ("k: {op: constant, value: 1}\n" "y: %s(x, axis=k)\n" "z: {op: %s, inputs: x, axis: k}") % (op, op),
            {"x": x},
            dict.fromkeys("yz", wide(lambda v: function(v, 1), x)),
            tolerance=1e-6,
        )
        for shape in ((0, 3), (3, 0)):
            file.case(
                "zero_sized_%d_%d" % shape,
                "y: %s(x)\nz: %s(x, axis=1, exclusive=true)" % (op, op),
                {"x": np.zeros(shape, np.float32)},
                dict.fromkeys("yz", np.zeros(shape, np.float32)),
            )
        file.case(
            "axis_out_of_range",
            "x: {op: placeholder, dtype: float32, shape: [2, 3]}\ny: %s(x, axis=2)" % op,
            compile_error="axis",
        )


def hardmax():
    file = File("reduce/hardmax", "1 at the first largest element along the axis.", by="ONNX Runtime 1.32")
    call = lambda a: (lambda v: tf.cast(tf.one_hot(tf.argmax(v, a), v.shape[a], axis=a), v.dtype))
    for dtype in FLOATS:
        x = array([[1, 3, 3, -2], [0, 0, 0, 0], [-5, -4, -3, np.inf]], dtype)
        file.case(
            dtype,
            "y: hardmax(x)\nz: hardmax(x, axis=0)\nw: {op: hardmax, inputs: [x, -2]}",
            {"x": Fed(x, "[null, null]")},
            {"y": native(call(1), x), "z": native(call(0), x), "w": native(call(0), x)},
        )
    x = array(np.random.default_rng(3).uniform(-1, 1, (2, 3, 4)), "float32")
    file.case(
        "rank_3",
        "y: hardmax(x, 1)\nz: hardmax(x * 2 - 1)",
        {"x": Fed(x, "[null, 3, n]")},
        {"y": native(call(1), x), "z": native(call(2), x)},
    )
    file.case("refused_dtype", "x: {op: placeholder, dtype: int32, shape: [2]}\ny: hardmax(x)", compile_error="int32")


def softmaxes():
    for op, function in (("softmax", tf.nn.softmax), ("log_softmax", tf.nn.log_softmax)):
        file = File(
            "reduce/" + op,
            "every dtype and axis, large values, infinities. Tolerance: the rounding of the dtype, twice.",
        )
        rng = np.random.default_rng(13)
        for dtype in FLOATS:
            x = array(np.round(rng.uniform(-6, 6, (3, 4, 5)), 2), dtype)
            call = lambda **k: wide(lambda v: function(v, **k), x, label=op)
            file.case(
                dtype,
                ("a: %s(x)\n" "b: %s(x, axis=1)\n" "c: {op: %s, inputs: x, axis: 0}\n" "d: %s(x, -2)") % ((op,) * 4),
                {"x": Fed(x, "[batch, 4, null]")},
                {"a": call(), "b": call(axis=1), "c": call(axis=0), "d": call(axis=-2)},
                tolerance=2 * ROUNDING[dtype],
            )
        x = array(np.round(rng.uniform(-10, 10, (2, 131)), 2), "float32")
        file.case(
            "long_rows",
            "y: %s(x)" % op,
            {"x": Fed(x, "[null, null]")},
            {"y": wide(function, x, label=op)},
            tolerance=2e-6,
        )
        inf, nan = np.inf, np.nan
        x = array(
            [[1000, 999, 0], [-1000, -1001, -1000], [-inf, 0, 1], [0, 0, 0], [3e38, -3e38, 0], [88, 0, -88]], "float32"
        )
        file.case("large_values", "y: %s(x)" % op, {"x": x}, {"y": wide(function, x, label=op)}, tolerance=2e-6)
        x = array([[inf, 0, 1], [nan, 0, 1], [-inf, -inf, -inf], [inf, inf, 0]], "float32")
        file.case("not_finite", "y: %s(x)" % op, {"x": x}, {"y": wide(function, x, label=op)})
        x = array([2.0, -1.0, 0.5], "float32")
        file.case(
            "vector_and_one_element",
            "y: %s(x)\nz: %s(x[:1])" % (op, op),
            {"x": Fed(x, "[n]")},
            {"y": wide(function, x), "z": wide(function, x[:1])},
            tolerance=2e-6,
        )
        file.case(
            "zero_sized",
            "y: %s(x)\nz: %s(x, axis=0)" % (op, op),
            {"x": np.zeros((0, 3), np.float32)},
            dict.fromkeys("yz", np.zeros((0, 3), np.float32)),
        )
        x = array(np.round(rng.uniform(-3, 3, (1, 2, 1, 2, 1, 3, 1, 2)), 2), "float32")
        file.case("rank_8", "y: %s(x, axis=5)" % op, {"x": x}, {"y": wide(lambda v: function(v, 5), x)}, tolerance=2e-6)
        file.case(
            "refused_dtype",
            ("x: {op: placeholder, dtype: int32, shape: [2, 3]}\n" "y: %s(x)") % op,
            compile_error="int32",
        )


def l2_normalize():
    file = File(
        "reduce/l2_normalize",
        "x * rsqrt(maximum(sum(x * x), epsilon)) over one axis or several. Tolerance: the rounding of the dtype, four times.",
    )
    rng = np.random.default_rng(14)
    for dtype in FLOATS:
        x = array(np.round(rng.uniform(-2, 2, (2, 3, 5)), 2), dtype)
        call = lambda *k: wide(lambda v: tf.nn.l2_normalize(v, *k), x, label="l2_normalize")
        file.case(
            dtype,
            "a: l2_normalize(x)\n"
            "b: l2_normalize(x, axis=-1)\n"
            "c: {op: l2_normalize, inputs: x, axis: [0, 2]}\n"
            "d: l2_normalize(x, 1, 30.0)",
            {"x": Fed(x, "[null, 3, n]")},
            {"a": call(), "b": call(-1), "c": call([0, 2]), "d": call(1, 30.0)},
            tolerance=4 * ROUNDING[dtype],
        )
    x = array([[0, 0], [1e-8, 0], [3, 4]], "float32")
    file.case(
        "zero_vector",
        "y: l2_normalize(x, axis=1)\nz: l2_normalize(x, axis=1, epsilon=0.0)",
        {"x": x},
        {"y": wide(lambda v: tf.nn.l2_normalize(v, 1), x), "z": wide(lambda v: tf.nn.l2_normalize(v, 1, 0.0), x)},
        tolerance=4e-6,
    )


def moments():
    file = File("reduce/moments", "mean and variance, two outputs. Tolerance: a rounding for each term.")
    rng = np.random.default_rng(15)
    for dtype in FLOATS:
        x = array(np.round(rng.uniform(-2, 2, (3, 4, 5)), 2), dtype)
        a = wide(lambda v: tf.nn.moments(v, [0]), x, label="moments")
        b = wide(lambda v: tf.nn.moments(v, [0, 1], keepdims=True), x, label="moments")
        c = wide(lambda v: tf.nn.moments(v, [-1, 0]), x, label="moments")
        file.case(
            dtype,
            "a: {op: moments, inputs: x, axes: [0], outputs: [mean, variance]}\n"
            "b: moments(x, [0, 1], keepdims=true)\n"
            "c: moments(x, axes=[-1, 0])",
            {"x": Fed(x, "[batch, null, 5]")},
            {"mean": a[0], "variance": a[1], "b:0": b[0], "b:1": b[1], "c": c[0], "c:1": c[1]},
            tolerance=2 * terms(dtype, 60),
        )
    x = array([[1, 2], [3, 5]], "float32")
    a = wide(lambda v: tf.nn.moments(v, [1]), x)
    file.case(
        "outputs_in_an_expression",
        "m: moments(x, [1])\ny: m + `m:1`",
        {"x": x},
        {"m:0": a[0], "m:1": a[1], "y": a[0] + a[1]},
        tolerance=1e-6,
    )
    file.case(
        "of_nothing",
        "m: moments(x, [0])",
        {"x": Fed(np.zeros((0, 2), np.float32), "[null, 2]")},
        {"m": np.full(2, np.nan, np.float32), "m:1": np.full(2, np.nan, np.float32)},
    )


def tables():
    for row in ROWS:
        table_of(*row)
    arg_extremes()
    scans()
    softmaxes()
    hardmax()
    l2_normalize()
    moments()
