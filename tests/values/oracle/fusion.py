"""Several ops together, as programs use them: what fusion, sharing and constant folding must not change."""

import numpy as np
import tensorflow as tf

from .case import Fed, File, array
from .shape import count, unknown
from .tensorflow import native, wide


def some(rng, *shape, dtype="float32"):
    return array(np.round(rng.uniform(-2, 2, shape), 2), dtype)


def table(file, name, feeds, nodes, function, tolerance=1e-6, dtypes=("float32",)):
    """`function` takes the feeds' arrays in their order and returns what the fetches, the keys of `nodes`, must be."""
    inputs = [f.values if isinstance(f, Fed) else np.asarray(f) for f in feeds.values()]
    result = wide(function, *inputs, label=name)
    fetched = [n for n in nodes if not n.startswith("_")]
    lines = ["%s: %s" % (n.lstrip("_"), text) for n, text in nodes.items()]
    file.case(name, lines, feeds, dict(zip(fetched, result)), tolerance=tolerance)


def layers():
    file = File(
        "fusion/layers",
        "layers written out with primitive ops, inner nodes fetched or not. Tolerance: 1e-5, some hundred roundings.",
    )
    rng = np.random.default_rng(31)
    x, w1, b1, w2, b2 = some(rng, 5, 6), some(rng, 6, 8), some(rng, 8), some(rng, 8, 3), some(rng, 3)
    perceptron = lambda x, w1, b1, w2, b2: [tf.nn.relu(x @ w1 + b1), tf.nn.softmax(tf.nn.relu(x @ w1 + b1) @ w2 + b2)]
    feeds = {"x": Fed(x, "[batch, 6]"), "w1": w1, "b1": b1, "w2": w2, "b2": b2}
    table(file, "perceptron", feeds, {"h": "relu(x @ w1 + b1)", "p": "softmax(h @ w2 + b2)"}, perceptron, 1e-5)
    table(
        file,
        "perceptron_inner_nodes_not_fetched",
        feeds,
        {"_h": "relu(x @ w1 + b1)", "p": "softmax(h @ w2 + b2)"},
        lambda *v: perceptron(*v)[1:],
        1e-5,
    )

    def norm(x, g, b):
        m, v = tf.nn.moments(x, [-1], keepdims=True)
        return [(x - m) * tf.math.rsqrt(v + 1e-5) * g + b]

    x, g, b = some(rng, 2, 3, 37), some(rng, 37), some(rng, 37)
    table(
        file,
        "layer_norm",
        {"x": Fed(x, "[batch, null, 37]"), "g": g, "b": b},
        {
            "_m": "{op: moments, inputs: x, axes: [-1], keepdims: true, outputs: [mean, variance]}",
            "y": "(x - mean) * rsqrt(variance + 1e-5) * g + b",
        },
        norm,
        1e-5,
    )
    table(
        file,
        "layer_norm_by_means",
        {"x": unknown(x), "g": g, "b": b},
        {
            "_m": "reduce_mean(x, axis=-1, keepdims=true)",
            "_d": "x - m",
            "_v": "reduce_mean(d * d, axis=-1, keepdims=true)",
            "y": "d / sqrt(v + 1e-5) * g + b",
        },
        norm,
        1e-5,
    )
    q, k, v, mask = some(rng, 2, 2, 5, 4), some(rng, 2, 2, 6, 4), some(rng, 2, 2, 6, 3), rng.random((2, 1, 1, 6)) < 0.7
    mask[..., 0] = True

    def attention(q, k, v, mask):
        scores = tf.where(mask, q @ tf.linalg.matrix_transpose(k) * 0.5, tf.cast(-1e9, q.dtype))
        return [tf.nn.softmax(scores), tf.transpose(tf.nn.softmax(scores) @ v, [0, 2, 1, 3])]

    table(
        file,
        "attention",
        {
            "q": Fed(q, "[n, heads, null, 4]"),
            "k": Fed(k, "[n, heads, t, 4]"),
            "v": Fed(v, "[n, heads, t, 3]"),
            "mask": Fed(mask, "[n, 1, 1, t]"),
        },
        {
            "_s": "where(mask, matmul(q, k, transpose_b=true) * 0.5, -1e9)",
            "p": "softmax(s)",
            "y": "transpose(p @ v, [0, 2, 1, 3])",
        },
        attention,
        1e-5,
    )
    x = some(rng, 4, 5)
    table(
        file,
        "softmax_by_hand",
        {"x": unknown(x)},
        {
            "_e": "exp(x - reduce_max(x, axis=1, keepdims=true))",
            "y": "e / reduce_sum(e, axis=1, keepdims=true)",
            "z": "x - reduce_logsumexp(x, axis=1, keepdims=true)",
        },
        lambda x: [tf.nn.softmax(x), tf.nn.log_softmax(x)],
        1e-5,
    )
    labels = np.array([0, 2, 1, 2], np.int32)
    table(
        file,
        "cross_entropy",
        {"x": Fed(x, "[batch, 5]"), "labels": Fed(labels, "[batch]")},
        {
            "_t": "one_hot(labels, 5)",
            "loss": "-reduce_mean(reduce_sum(t * log_softmax(x), axis=-1))",
            "hits": "equal(argmax(x, axis=1, output_type=int32), labels)",
        },
        lambda x, l: [
            -tf.reduce_mean(tf.reduce_sum(tf.one_hot(l, 5, dtype=x.dtype) * tf.nn.log_softmax(x), -1)),
            tf.equal(tf.argmax(x, 1, tf.int32), l),
        ],
        1e-5,
    )
    x = some(rng, 50, 3)
    table(
        file,
        "standardize_and_correlate",
        {"x": Fed(x, "[rows, 3]")},
        {
            "_c": "x - reduce_mean(x, axis=0)",
            "_s": "c / reduce_std(x, axis=0)",
            "y": "matmul(s, s, transpose_a=true) / cast(shape(x)[0], float32)",
        },
        lambda x: [
            tf.linalg.matrix_transpose((x - tf.reduce_mean(x, 0)) / tf.math.reduce_std(x, 0))
            @ ((x - tf.reduce_mean(x, 0)) / tf.math.reduce_std(x, 0))
            / 50
        ],
        1e-5,
    )
    a, b = some(rng, 7, 4), some(rng, 5, 4)
    table(
        file,
        "squared_distances",
        {"a": Fed(a, "[null, 4]"), "b": Fed(b, "[null, 4]")},
        {
            "d": "reduce_sum((a[:, None] - b) ** 2, axis=-1)",
            "near": "argmin(d, axis=1)",
            "e": "reduce_sum(a * a, axis=1)[:, None] - 2 * a @ transpose(b) + reduce_sum(b * b, axis=1)",
        },
        lambda a, b: [
            tf.reduce_sum((a[:, None] - b) ** 2, -1),
            tf.argmin(tf.reduce_sum((a[:, None] - b) ** 2, -1), 1),
            tf.reduce_sum((a[:, None] - b) ** 2, -1),
        ],
        1e-5,
    )


def shapes():
    file = File("fusion/movement", "movement of data between arithmetic and reductions; exact.")
    x = count(4, 6, dtype="int32")
    cases = {
        "reduce_of_transposed_slices": (
            "reduce_sum(transpose(x)[1:, ::2] * 2, axis=0)",
            lambda v: tf.reduce_sum(tf.transpose(v)[1:, ::2] * 2, 0),
        ),
        "concat_of_reversed": (
            "concat([x[::-1], reverse(x, [1]) + 1], 0)",
            lambda v: tf.concat([v[::-1], tf.reverse(v, [1]) + 1], 0),
        ),
        "reshape_between": (
            "reshape(reshape(x * 3, [2, 2, 6]) + 1, [-1]) // 2",
            lambda v: tf.reshape(v * 3 + 1, [-1]) // 2,
        ),
        "space_to_depth": (
            "reshape(transpose(reshape(x, [2, 2, 3, 2]), [0, 2, 1, 3]), [2, 3, 4])",
            lambda v: tf.reshape(tf.transpose(tf.reshape(v, [2, 2, 3, 2]), [0, 2, 1, 3]), [2, 3, 4]),
        ),
        "pad_of_gather": (
            "pad(gather(x, [3, 0], axis=0) - 1, [[1, 0], [0, 2]], constant_values=9)",
            lambda v: tf.pad(tf.gather(v, [3, 0]) - 1, [[1, 0], [0, 2]], constant_values=9),
        ),
        "tile_then_reduce": (
            "reduce_max(tile(x, [1, 3]) % 7, axis=1)",
            lambda v: tf.reduce_max(tf.tile(v, [1, 3]) % 7, 1),
        ),
        "cumsum_of_a_transpose": (
            "transpose(cumsum(transpose(x) + 1, axis=0))",
            lambda v: tf.transpose(tf.cumsum(tf.transpose(v) + 1)),
        ),
        "where_of_slices": (
            "where(x[:, 1:] > 9, x[:, :-1], -x[:, 1:])",
            lambda v: tf.where(v[:, 1:] > 9, v[:, :-1], -v[:, 1:]),
        ),
        "sum_of_everything_moved": (
            "reduce_sum(roll(x, 2, 1) * x) + reduce_sum(x[1:] - x[:-1])",
            lambda v: tf.reduce_sum(tf.roll(v, 2, 1) * v) + tf.reduce_sum(v[1:] - v[:-1]),
        ),
        "stack_of_unstacked": (
            "stack([x[:, 0], x[:, 2], x[:, 5]], axis=1) @ x[:3]",
            lambda v: tf.stack([v[:, 0], v[:, 2], v[:, 5]], 1) @ v[:3],
        ),
        "cast_chain": (
            "cast(cast(cast(x, uint8) * 11, float32) / 3.0, int32)",
            lambda v: tf.cast(tf.cast(tf.cast(v, tf.uint8) * 11, tf.float32) / 3.0, tf.int32),
        ),
    }
    for name, (text, function) in cases.items():
        y = native(function, x)
        file.case(name, "y: %s" % text, {"x": x}, {"y": y})
        file.case(name + "_sizes_unknown", "y: %s" % text, {"x": unknown(x)}, {"y": y})
        file.case(name + "_of_a_constant", ("x: reshape(range(0, 24), [4, 6])\n" "y: %s") % text, {}, {"y": y})


def chains():
    file = File("fusion/chains", "long chains and wide fans, nodes shared, values rounded at every node.")
    x = array(np.linspace(-1, 1, 37), "float32")
    lines, v = ["t0: x + 1.0"], x + np.float32(1)
    for i in range(1, 401):
        lines.append("t%d: t%d * 0.75 + x" % (i, i - 1))
        v = (v * np.float32(0.75)).astype(np.float32) + x
    file.case("of_800_ops", lines, {"x": Fed(x, "[n]")}, {"t400": v})
    lines, total = [], np.zeros_like(x)
    for i in range(40):
        lines.append("u%d: x * %d.0" % (i, i))
        total = total + x * np.float32(i) if i else x * np.float32(0)
    file.case(
        "sum_of_40_products",
        lines + ["y: " + " + ".join("u%d" % i for i in range(40))],
        {"x": Fed(x, "[n]")},
        {"y": total},
    )
    file.case(
        "no_contraction_of_multiply_and_add",
        "p: x * y\nz: p + w\nv: x * y + w\nd: x * x - x * x",
        {"x": x, "y": x[::-1].copy(), "w": -(x * x[::-1])},
        {"z": np.zeros_like(x), "v": np.zeros_like(x), "d": np.zeros_like(x)},
    )
    h = array([1.0, 2049.0 / 1024, 0.1, 1000.0], "float16")
    one = h + array(0.0004, "float16")
    file.case(
        "float16_rounds_at_every_node",
        "a: x + 0.0004\nb: a - x\nc: (x + 0.0004) - x",
        {"x": h},
        {"b": one - h, "c": one - h},
    )
    i = np.array([100, -100, 127, -128], np.int8)
    with np.errstate(over="ignore"):
        file.case(
            "int8_wraps_at_every_node",
            "y: (x + 100) // 2\nz: x * x * x\nw: x * 2 > x",
            {"x": i},
            {"y": (i + np.int8(100)) // np.int8(2), "z": i * i * i, "w": i * np.int8(2) > i},
        )
    file.case(
        "equal_expressions", "a: exp(x) + exp(x)\n" "b: exp(x) * 2.0\n" "c: a - b", {"x": x}, {"c": np.zeros_like(x)}
    )
    file.case(
        "identities_keep_not_finite",
        "a: x * 0.0\nb: x - x\nc: x + 0.0\nd: x * 1.0\ne: x / x\nf: 0.0 - x\ng: x ** 1.0",
        {"x": array([np.inf, np.nan, -0.0, 2.0], "float32")},
        {
            "a": array([np.nan, np.nan, -0.0, 0.0], "float32"),
            "b": array([np.nan, np.nan, 0, 0], "float32"),
            "c": array([np.inf, np.nan, 0.0, 2.0], "float32"),
            "d": array([np.inf, np.nan, -0.0, 2.0], "float32"),
            "e": array([np.nan, np.nan, np.nan, 1.0], "float32"),
            "f": array([-np.inf, np.nan, 0.0, -2.0], "float32"),
            "g": array([np.inf, np.nan, -0.0, 2.0], "float32"),
        },
        signed_zero=True,
    )
    x = array(np.arange(1003) % 17 - 8, "float32")
    file.case(
        "several_reductions_of_one_input",
        "s: reduce_sum(x)\n"
        "m: reduce_max(x)\n"
        "q: reduce_sum(x * x)\n"
        "c: count_nonzero(x > 0)\n"
        "y: (x - m) * 2.0",
        {"x": Fed(x, "[n]")},
        {
            "s": np.float32(x.sum()),
            "m": np.float32(8),
            "q": np.float32((x * x).sum()),
            "c": np.int64((x > 0).sum()),
            "y": (x - 8) * 2,
        },
    )
    file.case(
        "same_input_in_three_shapes",
        "a: x + x[:, None]\nb: a * x\nc: reduce_sum(b, axis=0) + x",
        {"x": Fed(count(5), "[n]")},
        {"c": ((count(5) + count(5)[:, None]) * count(5)).sum(0) + count(5)},
    )


def sizes():
    file = File(
        "fusion/sizes",
        "one session, sizes that change from run to run, around the widths of vectors. Tolerance of sums.",
    )
    runs = []
    for n in (0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 3):
        x = array(np.arange(n) % 11 - 5, "float32")
        expect = {
            "y": x * 2 + 1,
            "s": np.float32(x.sum()),
            "c": np.cumsum(x, dtype=np.float32),
            "r": x[::-1] - x,
            "k": np.concatenate([x, x[: n // 2]]),
        }
        if n:
            expect["m"], expect["a"] = x.max(), np.int64(x.argmin())
        runs.append(dict(feeds={"x": Fed(x, "[n]")}, expect=expect))
    file.case(
        "vectors",
        "y: x * 2 + 1\n"
        "s: reduce_sum(x)\n"
        "c: cumsum(x)\n"
        "r: x[::-1] - x\n"
        "k: concat([x, x[:size(x) // 2]], 0)\n"
        "m: reduce_max(x)\n"
        "a: argmin(x)",
        runs=runs,
    )
    rng = np.random.default_rng(32)
    runs = []
    for m, k, n in ((1, 1, 1), (3, 5, 2), (17, 9, 8), (2, 2, 40), (0, 3, 2), (5, 0, 4), (16, 16, 16), (1, 33, 1)):
        a, b = array(rng.integers(-4, 5, (m, k)), "float32"), array(rng.integers(-4, 5, (k, n)), "float32")
        y = np.maximum(a @ b - 1, 0)
        expect = {"y": y, "t": y.T, "s": y.sum(1), "q": y.sum(0)}
        runs.append(dict(feeds={"a": Fed(a, "[m, k]"), "b": Fed(b, "[k, n]")}, expect=expect))
    file.case(
        "matrices",
        "y: relu(a @ b - 1)\n" "t: transpose(y)\n" "s: reduce_sum(y, axis=1)\n" "q: reduce_sum(y, axis=0)",
        runs=runs,
    )
    runs = []
    for shape in ((2, 3, 4), (1, 1, 1), (3, 1, 5), (1, 9, 17), (4, 0, 2), (2, 8, 8)):
        x = array(rng.integers(-9, 10, shape), "int32")
        expect = {
            "y": x.transpose(2, 0, 1) * 2,
            "s": x.sum((0, 2), dtype=np.int32),
            "p": np.pad(x, ((0, 0), (1, 1), (0, 2))),
        }
        runs.append(dict(feeds={"x": Fed(x, "[null, null, null]")}, expect=expect))
    file.case(
        "of_rank_3",
        "y: transpose(x, [2, 0, 1]) * 2\n" "s: reduce_sum(x, axis=[0, 2])\n" "p: pad(x, [[0, 0], [1, 1], [0, 2]])",
        runs=runs,
    )


def tables():
    layers()
    sizes()
    shapes()
    chains()
