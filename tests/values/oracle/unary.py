"""Elementwise ops of one input."""

import numpy as np
import tensorflow as tf

from .case import BFLOAT16, EVERY, FLOATS, INTEGERS, NUMBERS, SIGNED, Fed, File, array, dtype_name, value_text
from .tensorflow import compare, native, wide

# One rounding of float16 and bfloat16; some four units in the last place of float32 and float64.
ROUNDING = {"float16": 1e-3, "bfloat16": 8e-3, "float32": 1e-6, "float64": 1e-14}

ALL = (-10.0, 10.0)
EDGES = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    -1.5,
    2.5,
    -2.5,
    3.5,
    -3.5,
    0.1,
    -0.1,
    1e-3,
    -1e-3,
    6.0,
    7.25,
    -8.0,
    20.0,
    -20.0,
    100.0,
    -100.0,
    np.inf,
    -np.inf,
    np.nan,
]


def number(x, value):
    return tf.constant(value, x.dtype)


def celu(x, alpha=1.0):
    a, zero = number(x, alpha), number(x, 0)
    return tf.maximum(x, zero) + tf.minimum(a * tf.math.expm1(x / a), zero)


def clamped(x, alpha, beta):
    return tf.clip_by_value(number(x, alpha) * x + number(x, beta), number(x, 0), number(x, 1))


def shrink(x, bias=0.0, lambd=0.5):
    b, l = number(x, bias), number(x, lambd)
    return tf.where(x < -l, x + b, tf.where(x > l, x - b, number(x, 0)))


def thresholded(x, alpha=1.0):
    return tf.where(x > number(x, alpha), x, number(x, 0))


def erf(x):
    """TensorFlow's float64 erf is NaN at infinity, where its float32 one, and mathematics, say 1."""
    return tf.math.erf(tf.clip_by_value(x, tf.cast(-30, x.dtype), tf.cast(30, x.dtype)))


# op: TensorFlow's function, dtypes, range of the ordinary values, "exact" or "close"
# fmt: off
ROWS = [
    ("abs",         tf.abs,                 SIGNED + FLOATS,  ALL,            "exact"),
    ("negative",    tf.negative,            SIGNED + FLOATS,  ALL,            "exact"),
    ("sign",        tf.sign,                SIGNED + FLOATS,  ALL,            "exact"),
    ("reciprocal",  tf.math.reciprocal,     FLOATS,           ALL,            "exact"),
    ("square",      tf.square,              NUMBERS,          ALL,            "exact"),
    ("sqrt",        tf.sqrt,                FLOATS,           (0.0, 1000.0),  "exact"),
    ("rsqrt",       tf.math.rsqrt,          FLOATS,           (0.01, 1000.0), "close"),
    ("exp",         tf.exp,                 FLOATS,           ALL,            "close"),
    ("expm1",       tf.math.expm1,          FLOATS,           (-5.0, 5.0),    "close"),
    ("log",         tf.math.log,            FLOATS,           (0.001, 100.0), "close"),
    ("log1p",       tf.math.log1p,          FLOATS,           (-0.95, 20.0),  "close"),
    ("sin",         tf.sin,                 FLOATS,           ALL,            "close"),
    ("cos",         tf.cos,                 FLOATS,           ALL,            "close"),
    ("tan",         tf.tan,                 FLOATS,           (-1.5, 1.5),    "close"),
    ("asin",        tf.asin,                FLOATS,           (-1.0, 1.0),    "close"),
    ("acos",        tf.acos,                FLOATS,           (-1.0, 1.0),    "close"),
    ("atan",        tf.atan,                FLOATS,           ALL,            "close"),
    ("sinh",        tf.sinh,                FLOATS,           (-5.0, 5.0),    "close"),
    ("cosh",        tf.cosh,                FLOATS,           (-5.0, 5.0),    "close"),
    ("tanh",        tf.tanh,                FLOATS,           (-5.0, 5.0),    "close"),
    ("asinh",       tf.asinh,               FLOATS,           ALL,            "close"),
    ("acosh",       tf.acosh,               FLOATS,           (1.0, 20.0),    "close"),
    ("atanh",       tf.atanh,               FLOATS,           (-0.98, 0.98),  "close"),
    ("sigmoid",     tf.sigmoid,             FLOATS,           ALL,            "close"),
    ("relu",        tf.nn.relu,             NUMBERS,          ALL,            "exact"),
    ("relu6",       tf.nn.relu6,            NUMBERS,          ALL,            "exact"),
    ("leaky_relu",  tf.nn.leaky_relu,       FLOATS,           ALL,            "close"),
    ("elu",         tf.nn.elu,              FLOATS,           ALL,            "close"),
    ("selu",        tf.nn.selu,             FLOATS,           ALL,            "close"),
    ("celu",        celu,                   FLOATS,           ALL,            "close"),
    ("thresholded_relu", thresholded,       FLOATS,           ALL,            "exact"),
    ("hard_sigmoid", lambda x: clamped(x, 0.2, 0.5), FLOATS,  ALL,            "close"),
    ("hard_swish",  lambda x: x * clamped(x, 1 / 6, 0.5), FLOATS, ALL,        "close"),
    ("mish",        lambda x: x * tf.tanh(tf.nn.softplus(x)), FLOATS, ALL,    "close"),
    ("shrink",      shrink,                 FLOATS,           ALL,            "exact"),
    ("softplus",    tf.nn.softplus,         FLOATS,           ALL,            "close"),
    ("softsign",    tf.nn.softsign,         FLOATS,           ALL,            "close"),
    ("silu",        tf.nn.silu,             FLOATS,           ALL,            "close"),
    ("gelu",        tf.nn.gelu,             FLOATS,           (-5.0, 5.0),    "close"),
    ("erf",         erf,                    FLOATS,           (-4.0, 4.0),    "close"),
    ("erfc",        tf.math.erfc,           FLOATS,           (-4.0, 4.0),    "close"),
    ("floor",       tf.floor,               FLOATS,           ALL,            "exact"),
    ("ceil",        tf.math.ceil,           FLOATS,           ALL,            "exact"),
    ("round",       tf.round,               NUMBERS,          ALL,            "exact"),
    ("rint",        tf.math.rint,           FLOATS[2:],       ALL,            "exact"),
    ("is_nan",      tf.math.is_nan,         FLOATS,           ALL,            "exact"),
    ("is_inf",      tf.math.is_inf,         FLOATS,           ALL,            "exact"),
    ("is_finite",   tf.math.is_finite,      FLOATS,           ALL,            "exact"),
    ("logical_not", tf.math.logical_not,    ["bool"],         ALL,            "exact"),
    ("bitwise_invert", tf.bitwise.invert,   INTEGERS,         ALL,            "exact"),
]
# fmt: on

# Results whose zeros have a sign that is fixed by IEEE 754 or by the op's meaning.
SIGNED_ZERO = {"abs", "negative", "sqrt", "floor", "ceil", "round", "rint", "reciprocal", "square"}

# Accurate to four units in the last place wherever the result is normal; six in float64, whose oracle is off by two.
ACCURATE = {"exp", "expm1", "log", "log1p", "tanh", "sigmoid", "erf", "rsqrt", "atan"}

# Where float64's own kernel flushes denormals: numpy's function says what IEEE 754 does.
DENORMALS = {
    "abs": np.abs,
    "negative": np.negative,
    "sign": np.sign,
    "sqrt": np.sqrt,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "rint": np.rint,
    "square": np.square,
    "is_nan": np.isnan,
    "is_inf": np.isinf,
    "is_finite": np.isfinite,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
}


def values(rng, dtype, low, high, shape):
    """Ordinary values of a dtype, within [low, high] where it is a float."""
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if dtype in INTEGERS:
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
    return array(np.round(rng.uniform(low, high, shape), 3), dtype)


def edges(dtype):
    if dtype == "bool":
        return np.array([False, True])
    if dtype in INTEGERS:
        info = np.iinfo(dtype)
        signed = [-8, -7, -2, -1] if info.min else []
        return np.array([info.min, info.min + 1] + signed + [0, 1, 2, 5, 6, 7, 100, info.max - 1, info.max], dtype)
    largest = {
        "float16": 65504.0,
        "bfloat16": 3.3895314e38,
        "float32": 3.4028234663852886e38,
        "float64": 1.7976931348623157e308,
    }[dtype]
    return array(EDGES + [largest, -largest], dtype)


def trigonometric(op):
    return op in ("sin", "cos", "tan")


def denormals(dtype):
    smallest = {"float16": 2.0**-24, "bfloat16": 2.0**-133, "float32": 2.0**-149, "float64": 2.0**-1074}[dtype]
    scale = {"float16": 300, "bfloat16": 100, "float32": 1e6, "float64": 1e12}[dtype]
    return array([smallest, -smallest, smallest * scale, -smallest * scale], dtype)


def domain_edges(op, dtype):
    x = edges(dtype)
    if trigonometric(op) and dtype in FLOATS:
        x = x[np.isnan(x) | np.isinf(x) | (abs(x.astype(np.float64)) < 1e4)]
    if op == "reciprocal" and dtype == "float64":
        x = x[~(abs(x) > 1e300) | np.isinf(x)]  # TensorFlow flushes the denormal result
    return x


def table_of(op, function, dtypes, span, exactness):
    file = File(
        "unary/" + op,
        "every dtype with its edges, ranks 0 to 8, unknown sizes, sizes of zero."
        + (
            " Tolerance: one rounding of float16 and bfloat16, 1e-6 and 1e-14 of float32 and float64."
            if exactness == "close"
            else ""
        ),
    )
    rng = np.random.default_rng(sum(map(ord, op)))
    zero = dict(signed_zero=True) if op in SIGNED_ZERO else {}
    first = "float32" if "float32" in dtypes else dtypes[0]
    tolerance = {d: ROUNDING.get(d, 0) if exactness == "close" else 0 for d in dtypes}

    def expected(x):
        return wide(function, x, label=op) if dtype_name(x) in FLOATS else native(function, x)

    def some(shape, dtype=first):
        return values(rng, dtype, *span, shape)

    for dtype in dtypes:
        x, more = domain_edges(op, dtype), some(100 if dtype == "float32" else 37, dtype)
        file.case(
            dtype,
            "y: %s(x)\nz: {op: %s, inputs: v}" % (op, op),
            {"x": Fed(x, "[n]"), "v": more},
            {"y": expected(x), "z": expected(more)},
            tolerance=tolerance[dtype],
            **zero
        )
        if dtype in FLOATS and op in DENORMALS:
            x = denormals(dtype)
            with np.errstate(invalid="ignore"):
                y = expected(x) if dtype != "float64" else DENORMALS[op](x)
            file.case(dtype + "_denormals", "y: %s(x)" % op, {"x": x}, {"y": y}, tolerance=0, **zero)

    if op in ACCURATE:
        for dtype in ("float32", "float64"):
            grid = np.linspace(span[0], span[1], 64)
            tiny = [1e-4, 1e-6, 1e-10, 3e-20] if span[0] <= 0 else [1e-4, 1e-10]
            x = array(np.concatenate([grid, tiny]), dtype)
            file.case(
                dtype + "_accuracy",
                "y: %s(x)" % op,
                {"x": x},
                {"y": expected(x)},
                tolerance=tolerance[dtype],
                ulps=4 if dtype == "float32" else 6,
            )

    t = tolerance[first]
    scalar = some(())
    file.case("scalar", "y: %s(x)" % op, {"x": scalar}, {"y": expected(scalar)}, tolerance=t)
    x = some((2, 3, 2, 4))
    file.case(
        "rank_4_some_sizes_unknown",
        "y: %s(x)" % op,
        {"x": Fed(x, "[null, 3, h, null]")},
        {"y": expected(x)},
        tolerance=t,
    )
    x = some((1, 2, 1, 3, 1, 2, 1, 2))
    file.case(
        "rank_8",
        "y: {op: %s, inputs: [x]}" % op,
        {"x": Fed(x, "[1, 2, 1, c, 1, null, 1, 2]")},
        {"y": expected(x)},
        tolerance=t,
    )
    a, b, c = some(()), some(5), some((2, 1, 3))
    file.case(
        "rank_unknown",
        "y: %s(x)" % op,
        tolerance=t,
        runs=[dict(feeds={"x": Fed(v)}, expect={"y": expected(v)}) for v in (a, b, c)],
    )
    x = some((0, 3))
    file.case(
        "zero_sized",
        "y: %s(x)" % op,
        tolerance=t,
        runs=[dict(feeds={"x": Fed(v, "[null, 3]")}, expect={"y": expected(v)}) for v in (x, some((1, 3)))],
    )
    x = some((2, 3))
    file.case(
        "of_a_constant",
        "x: {op: constant, dtype: %s, value: %s}\ny: %s(x)" % (first, value_text(x), op),
        {},
        {"y": expected(x)},
        tolerance=t,
    )
    x = some((3, 5))
    file.case(
        "of_a_transpose",
        "t: transpose(x)\ny: %s(t)" % op,
        {"x": Fed(x, "[null, null]")},
        {"y": expected(x.T)},
        tolerance=t,
    )
    refused = {"float32": "bool", "bool": "float32"}.get(first, "float32")
    if not op.startswith("is_"):
        file.case(
            "refused_dtype",
            "x: {op: placeholder, dtype: %s, shape: [2]}\ny: %s(x)" % (refused, op),
            compile_error=refused,
        )
    return file


def attributes():
    """leaky_relu's alpha, gelu's approximation, silu's beta, operators and aliases, arguments that are huge."""
    rng = np.random.default_rng(1)
    x = array(np.round(rng.uniform(-5, 5, 21), 3), "float32")
    file = File(
        "unary/attributes", "attributes of activations, by keyword, by position and as keys; Python's operators."
    )
    close = dict(tolerance=1e-6)
    feeds = {"x": Fed(x, "[n]")}

    def alpha(a):
        return wide(lambda v: tf.nn.leaky_relu(v, alpha=a), x, label="leaky_relu")

    file.case(
        "leaky_relu_alpha",
        "k: leaky_relu(x, alpha=0.5)\n"
        "p: leaky_relu(x, 0.25)\n"
        "m: {op: leaky_relu, inputs: x, alpha: 0.125}\n"
        "z: leaky_relu(x, alpha=0.0)\n"
        "l: leaky_relu(x, alpha=2.0)",
        feeds,
        {"k": alpha(0.5), "p": alpha(0.25), "m": alpha(0.125), "z": alpha(0.0), "l": alpha(2.0)},
    )
    for dtype in FLOATS:
        v = array(np.round(rng.uniform(-5, 5, 21), 3), dtype)
        file.case(
            "gelu_approximate_" + dtype,
            "k: gelu(x, approximate=true)\n"
            "m: {op: gelu, inputs: x, approximate: true}\n"
            "e: gelu(x, approximate=False)",
            {"x": v},
            {
                "k": wide(lambda u: tf.nn.gelu(u, True), v, label="gelu"),
                "m": wide(lambda u: tf.nn.gelu(u, True), v, label="gelu"),
                "e": wide(tf.nn.gelu, v, label="gelu"),
            },
            tolerance=ROUNDING[dtype],
        )
    file.case(
        "silu_beta",
        "k: silu(x, beta=1.5)\nm: {op: silu, inputs: x, beta: 0.5}",
        feeds,
        {"k": wide(lambda v: v * tf.sigmoid(1.5 * v), x), "m": wide(lambda v: v * tf.sigmoid(0.5 * v), x)},
        **close
    )
    file.case(
        "elu_selu_celu",
        "e: elu(x, alpha=0.5)\n"
        "f: {op: elu, inputs: x, alpha: 2.0}\n"
        "s: selu(x, 2.0, 3.0)\n"
        "t: {op: selu, inputs: x, gamma: 2.0}\n"
        "c: celu(x, alpha=3.0)\n"
        "d: {op: celu, inputs: x, alpha: 0.5}",
        feeds,
        {
            "e": wide(lambda v: tf.where(v < 0, 0.5 * tf.math.expm1(v), v), x),
            "f": wide(lambda v: tf.where(v < 0, 2 * tf.math.expm1(v), v), x),
            "s": wide(lambda v: 3 * tf.where(v < 0, 2 * tf.math.expm1(v), v), x),
            "t": wide(lambda v: 2 * tf.where(v < 0, number(v, 1.6732632423543772) * tf.math.expm1(v), v), x),
            "c": wide(lambda v: celu(v, 3.0), x),
            "d": wide(lambda v: celu(v, 0.5), x),
        },
        **close
    )
    file.case(
        "thresholds",
        "t: thresholded_relu(x, alpha=2.0)\n"
        "h: hard_sigmoid(x, alpha=0.5, beta=0.25)\n"
        "k: hard_sigmoid(x, 0.125)\n"
        "s: shrink(x, bias=1.5, lambd=1.5)\n"
        "r: {op: shrink, inputs: x, bias: 0.5, lambd: 2.0}",
        feeds,
        {
            "t": wide(lambda v: thresholded(v, 2.0), x),
            "h": wide(lambda v: clamped(v, 0.5, 0.25), x),
            "k": wide(lambda v: clamped(v, 0.125, 0.5), x),
            "s": wide(lambda v: shrink(v, 1.5, 1.5), x),
            "r": wide(lambda v: shrink(v, 0.5, 2.0), x),
        },
        **close
    )
    whole = np.array([-3, -2, -1, 0, 1, 2, 3, 100], np.int8)
    file.case(
        "shrink_of_integers",
        "s: shrink(x, bias=1.5, lambd=1.5)\nu: shrink(y, 1.0, 2.0)",
        {"x": whole, "y": np.array([0, 2, 3, 255], np.uint8)},
        {
            "s": np.trunc(native(lambda v: shrink(v, 1.5, 1.5), whole.astype(np.float64))).astype(np.int8),
            "u": np.array([0, 0, 2, 254], np.uint8),
        },
    )
    for dtype in FLOATS:
        v = array([np.inf, -np.inf, np.nan, 0.0, 3e4, -3e4], dtype)
        file.case(
            "is_inf_" + dtype,
            "p: is_inf(x, detect_negative=false)\n"
            "n: {op: is_inf, inputs: x, detect_positive: false}\n"
            "z: is_inf(x, false, false)\n"
            "b: is_inf(x)",
            {"x": Fed(v, "[n]")},
            {
                "p": np.array([1, 0, 0, 0, 0, 0], bool),
                "n": np.array([0, 1, 0, 0, 0, 0], bool),
                "z": np.zeros(6, bool),
                "b": np.array([1, 1, 0, 0, 0, 0], bool),
            },
        )
    for dtype in INTEGERS[4:]:
        v = edges(dtype)
        file.case(
            "abs_and_sign_of_" + dtype,
            "a: abs(x)\ns: sign(x)",
            {"x": v},
            {"a": v, "s": np.minimum(v, 1).astype(v.dtype)},
        )
    i = np.array([5, -3, 0, -128], np.int8)
    b = np.array([True, False])
    file.case(
        "operators",
        "n: -x\ni: -(-x)\nc: ~k\nl: ~b\ng: neg(x)\nd: x",
        {"x": x, "k": i, "b": b},
        {"n": -x, "i": x, "c": ~i, "l": ~b, "g": -x, "d": x},
    )
    for op, function in (("sin", tf.sin), ("cos", tf.cos), ("tan", tf.tan)):
        for dtype in ("float32", "float64"):
            large = array([1e4, -12345.678, 1e5, 1e6, 1e7, 1e9, 1e15, 1e22, 3.1415927, -6.2831855, 1.5707964], dtype)
            y = wide(function, large, label="large " + op)
            file.case(
                "%s_of_large_arguments_%s" % (op, dtype),
                "y: %s(x)" % op,
                {"x": large},
                {"y": y},
                tolerance=ROUNDING[dtype] * (10 if op == "tan" else 1),
            )
    for op, function, at in (
        ("exp", tf.exp, [88.0, 89.0, -87.0, -90.0, -100.0, -104.0, -110.0, 1000.0, -1000.0]),
        ("sinh", tf.sinh, [88.0, 89.0, 90.0, -88.0, -90.0, 1e-5, 1e-8]),
        ("cosh", tf.cosh, [88.0, 89.0, 90.0, -88.0, -90.0, 1e-5]),
        ("sigmoid", tf.sigmoid, [-80.0, -90.0, -100.0, 17.0, 20.0, 90.0, 1000.0, -1000.0]),
        ("softplus", tf.nn.softplus, [-80.0, -100.0, 15.0, 16.0, 17.0, 20.0, 90.0, 1000.0]),
        ("log1p", tf.math.log1p, [1e-5, -1e-5, 1e-10, -1e-10, 1e10, -0.9999999]),
        ("expm1", tf.math.expm1, [1e-5, -1e-5, 1e-10, -1e-10, -50.0, 88.0, 89.0]),
        ("erfc", tf.math.erfc, [5.0, 8.0, 9.0, 10.0, -5.0, 0.1, 1e-5]),
        ("atanh", tf.atanh, [0.9999999, -0.9999999, 1e-5, 1.0, -1.0, 1.5]),
        ("asinh", tf.asinh, [1e-5, -1e-5, 1e10, -1e10, 1e30]),
        ("acosh", tf.acosh, [1.0, 1.0000001, 1e10, 1e30, 0.5]),
    ):
        v = array(at, "float32")
        file.case(
            op + "_near_its_limits", "y: %s(x)" % op, {"x": v}, {"y": wide(function, v, label="limit " + op)}, **close
        )


def cast():
    file = File(
        "unary/cast",
        "every pair of dtypes; integers take the low bits; a float that does not fit an int32 or "
        "int64, or is not a number, gives the minimum; a narrower integer takes the low bits of that.",
    )
    # float -> unsigned and out-of-range floats to narrow integers are undefined in C; only LANGUAGE's cases are here.
    integers = {d: edges(d) for d in INTEGERS}
    for source in EVERY:
        if source in FLOATS:
            x = array(
                [0.0, -0.0, 1.0, -1.0, 1.5, -1.5, 2.5, 0.99, -0.99, 3.7, -3.7, 100.25, 126.9, 16777216.0, 1e-3], source
            )
            if source == "float16":
                x = x[abs(x.astype(np.float64)) < 6e4]
        else:
            x = integers[source] if source != "bool" else np.array([False, True])
        nodes, expect = [], {}
        feeds = {"x": Fed(x, "[n]")}
        for i, target in enumerate(EVERY):
            v, name = x, "x"
            if source in FLOATS and target in INTEGERS:
                info = np.iinfo(target)
                inside = x.astype(np.float64)
                v = x[(inside > max(info.min - 1.0, -1.0 if info.min == 0 else -(2.0**31))) & (inside < info.max + 1.0)]
                name = "v_" + target
                feeds[name] = v
            nodes.append(
                "to_%s: %s"
                % (target, ("cast(%s, %s)" if i % 2 else "{op: cast, inputs: %s, dtype: %s}") % (name, target))
            )
            expect["to_" + target] = native(lambda u: tf.cast(u, target), v)
        file.case("from_" + source, nodes, feeds, expect)

    minimum32, minimum64 = -(2**31), -(2**63)
    for source in FLOATS:
        huge = [np.inf, -np.inf, np.nan] + ([] if source == "float16" else [1e20, -1e20, 3e9, -3e9])
        x = array(huge, source)
        wide64 = [minimum64] * 3 + (
            [] if source == "float16" else [minimum64, minimum64, int(float(x[5])), int(float(x[6]))]
        )
        file.case(
            source + "_out_of_range",
            "i: cast(x, int32)\nl: cast(x, dtype=int64)\nb: cast(x, bool)",
            {"x": x},
            {
                "i": np.full(len(huge), minimum32, np.int32),
                "l": np.array(wide64, np.int64),
                "b": native(lambda u: tf.cast(u, tf.bool), x),
            },
        )
        narrow = array([300.5, -129.0, 32768.0, 40000.9, -32769.0, 65000.0], source)
        low = {
            "to_" + t: narrow.astype(np.float64).astype(np.int64).astype(t)
            for t in ("int8", "int16", "uint8", "uint16")
        }
        compare("cast low bits", list(low.values()), [native(lambda u: tf.cast(u, t[3:]), narrow) for t in low], source)
        file.case(source + "_low_bits", ["%s: cast(x, %s)" % (k, k[3:]) for k in low], {"x": narrow}, low)
    x = array(
        [1.0 + 2.0**-11, 1.0 + 3 * 2.0**-11, 65519.0, 65520.0, 1e-8, 6e-8, -1e-7, 1e30, 2.0**-25, 2.0**-25 * 1.0001],
        "float32",
    )
    file.case(
        "float32_to_float16_rounds_to_even",
        "y: cast(x, float16)",
        {"x": x},
        {"y": x.astype(np.float16)},
        signed_zero=True,
    )
    x = array(
        [1.0 + 2.0**-8, 1.0 + 3 * 2.0**-8, 1.00390626, 3.4e38, 3.3961775e38, 1e-40, 9.2e-41, -1e-45, np.nan, -np.inf],
        "float32",
    )
    file.case(
        "float32_to_bfloat16_rounds_to_even",
        "y: cast(x, bfloat16)",
        {"x": x},
        {"y": x.astype(BFLOAT16)},
        signed_zero=True,
    )
    x = array([1.0 + 2.0**-24, 1e300, 1e-310, 16777217.0, 3.4028235677973366e38, 3.40282356779733e38], "float64")
    file.case("float64_to_float32_rounds_once", "y: cast(x, float32)", {"x": x}, {"y": x.astype(np.float32)})
    x = np.array([2**24 + 1, 2**24 + 3, -(2**31), 2**31 - 1, 33554435], np.int32)
    file.case(
        "int32_to_float32_rounds_to_even",
        "y: cast(x, float32)\nh: cast(x, float16)\nb: cast(x, bfloat16)",
        {"x": x},
        {
            "y": x.astype(np.float32),
            "h": native(lambda u: tf.cast(u, tf.float16), x),
            "b": native(lambda u: tf.cast(u, tf.bfloat16), x),
        },
    )
    x = np.array([2**53 + 1, 2**63 - 1, -(2**63), 2**24 + 1], np.int64)
    file.case(
        "int64_to_floats",
        "d: cast(x, float64)\nf: cast(x, float32)",
        {"x": x},
        {"d": x.astype(np.float64), "f": x.astype(np.float32)},
    )
    x = np.array([2**64 - 1, 2**63, 2**63 + 1025, 5], np.uint64)
    file.case(
        "uint64_to_floats",
        "d: cast(x, float64)\nf: cast(x, float32)",
        {"x": x},
        {"d": x.astype(np.float64), "f": x.astype(np.float32)},
    )
    x = array([1.5, -2.5, 300.0], "float32")
    file.case(
        "to_itself_and_of_any_rank",
        "y: cast(x, float32)\nz: cast(x, int32)",
        runs=[
            dict(feeds={"x": Fed(v)}, expect={"y": v, "z": v.astype(np.int32)})
            for v in (x, x.reshape(3, 1), x[0], x[:0])
        ],
    )
    file.case(
        "unknown_dtype",
        "x: {op: placeholder, dtype: float32, shape: [2]}\n" "y: cast(x, floaty)",
        compile_error="floaty",
    )


def bitcast():
    file = File(
        "unary/bitcast", "the same bits as another dtype; a wider dtype takes a dimension away, a narrower one adds it."
    )
    x = array([1.0, -2.5, np.inf, 0.0], "float32")
    b = lambda t: (lambda u: tf.bitcast(u, t))
    file.case(
        "same_width",
        "i: bitcast(x, int32)\n" "u: {op: bitcast, inputs: x, type: uint32}\n" "r: bitcast(i, type=float32)",
        {"x": Fed(x, "[n]")},
        {"i": native(b(tf.int32), x), "u": native(b(tf.uint32), x), "r": x},
    )
    file.case(
        "narrower_adds_a_dimension",
        "h: bitcast(x, uint16)\nc: bitcast(x, type=uint8)",
        {"x": Fed(x, "[null]")},
        {"h": native(b(tf.uint16), x), "c": native(b(tf.uint8), x)},
    )
    y = np.arange(16, dtype=np.uint8).reshape(2, 2, 4)
    z = np.arange(16, dtype=np.uint8).reshape(2, 8)
    file.case(
        "wider_takes_a_dimension",
        "y: bitcast(x, int32)\nz: bitcast(w, int64)\nf: bitcast(w, type=float64)",
        {"x": Fed(y, "[n, null, 4]"), "w": Fed(z, "[null, 8]")},
        {"y": native(b(tf.int32), y), "z": native(b(tf.int64), z), "f": native(b(tf.float64), z)},
    )
    for pair in (
        ("int8", "uint8"),
        ("int16", "float16"),
        ("uint16", "bfloat16"),
        ("int64", "float64"),
        ("uint64", "int64"),
    ):
        v = np.array([0, 1, 2, 63], pair[0])
        file.case(
            "%s_%s" % pair,
            "y: bitcast(x, %s)\nr: bitcast(y, %s)" % (pair[1], pair[0]),
            {"x": v},
            {"y": native(b(pair[1]), v), "r": v},
        )
    file.case(
        "scalar", "y: bitcast(x, int16)", {"x": np.int32(0x12345678)}, {"y": native(b(tf.int16), np.int32(0x12345678))}
    )
    file.case(
        "zero_sized",
        "y: bitcast(x, int16)",
        {"x": Fed(np.zeros((0, 2), np.int32), "[null, 2]")},
        {"y": np.zeros((0, 2, 2), np.int16)},
    )
    file.case(
        "last_size_does_not_fit",
        "x: {op: placeholder, dtype: uint8, shape: [2, 3]}\ny: bitcast(x, int32)",
        compile_error="bitcast",
    )
    file.case(
        "last_size_does_not_fit_at_run_time",
        "y: bitcast(x, int32)",
        {"x": Fed(np.zeros((2, 3), np.uint8), "[2, null]")},
        error="bitcast",
        node="y",
    )


def tables():
    for row in ROWS:
        table_of(*row)
    attributes()
    cast()
    bitcast()
