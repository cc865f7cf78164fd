"""Normalisations, losses and attention: by TensorFlow where it has the function, else by their definition in float64."""

import numpy as np
import tensorflow as tf

from .case import FLOATS, Fed, File, array, dtype_name, numpy_dtype
from .tensorflow import wide

# A composition rounds at every node: some ten roundings of numbers of about 1, and in 16 bits one at the end, or one
# a node where the composition stays in 16 bits.
TOLERANCE = {"float16": 5e-3, "bfloat16": 4e-2, "float32": 3e-6, "float64": 1e-13}
UNKNOWN = "[null, null, null]"


def mean(x, axes):
    return x.mean(axes, keepdims=True)


def normal(x, axes, epsilon):
    centred = x - mean(x, axes)
    return centred / np.sqrt(mean(centred**2, axes) + epsilon)


def along(vector, rank, axis):
    return vector.reshape([-1 if k == axis else 1 for k in range(rank)])


def rounded(result, dtype):
    return np.asarray(result).astype(numpy_dtype(dtype))


def file_of(op, by):
    return File("normalize/" + op, "every dtype, known and unknown sizes, all inputs and fewest. Tolerance: a rounding "
                "for each node of the composition.", by)


def data(rng, shape, dtype, low=-2, high=2):
    return array(np.round(rng.uniform(low, high, shape), 3), dtype)


DEFINITION = "its definition in float64"


def layer_norm(rng):
    file = file_of("layer_norm", DEFINITION)
    for dtype in FLOATS:
        x, s, b = data(rng, (2, 3, 4), dtype), data(rng, (3, 4), dtype), data(rng, (3, 4), dtype)
        X, S, B = (v.astype("d") for v in (x, s, b))
        middle = "float32" if dtype in ("float16", "bfloat16") else dtype
        file.case(
            dtype,
            "y: layer_norm(x, s, b, axis=1)\nz: layer_norm(x, epsilon=0.5)\n",
            {"x": Fed(x, UNKNOWN), "s": s, "b": b},
            {
                "y": rounded(normal(X, (1, 2), 1e-5) * S + B, dtype),
                "y:1": rounded(mean(X, (1, 2)), middle),
                "y:2": rounded(1 / np.sqrt(mean((X - mean(X, (1, 2))) ** 2, (1, 2)) + 1e-5), middle),
                "z": rounded(normal(X, 2, 0.5), dtype),
            },
            tolerance=TOLERANCE[dtype],
        )
    file.case("axis out of range", "y: layer_norm(x, axis=3)", {"x": data(rng, (2, 3, 4), "float32")},
              compile_error="axis 3 is not among the 3")
    file.case("scale does not fit", "y: layer_norm(x, s)", {"x": data(rng, (2, 4), "float32"),
              "s": data(rng, (3,), "float32")}, compile_error="layer_norm: multiply")


def rms_norm(rng):
    file = file_of("rms_norm", DEFINITION)
    for dtype in FLOATS:
        x, s = data(rng, (2, 3, 4), dtype), data(rng, (4,), dtype)
        X, S = x.astype("d"), s.astype("d")
        file.case(dtype, "y: rms_norm(x, s)\nz: rms_norm(x, axis=1)\n", {"x": Fed(x, UNKNOWN), "s": s},
                  {"y": rounded(X / np.sqrt(mean(X**2, 2) + 1e-5) * S, dtype),
                   "z": rounded(X / np.sqrt(mean(X**2, (1, 2)) + 1e-5), dtype)}, tolerance=TOLERANCE[dtype])


def batch_norm(rng):
    file = file_of("batch_norm", "TensorFlow 2.21 and its definition in float64")
    for dtype in FLOATS:
        x = data(rng, (2, 3, 3), dtype)
        m, o, s = (data(rng, (3,), dtype) for _ in range(3))
        v = data(rng, (3,), dtype, 0.5, 2)
        X, M, O, S, V = (a.astype("d") for a in (x, m, o, s, v))
        channels = (X - along(M, 3, 1)) / np.sqrt(along(V, 3, 1) + 1e-3) * along(S, 3, 1) + along(O, 3, 1)
        file.case(dtype, "y: batch_norm(x, m, v, o, s, 0.001)\nz: batch_norm(x, m, v, offset=o, scale=s, "
                  "variance_epsilon=0.001, axis=1)\nn: batch_norm(x, m, v)\n",
                  {"x": Fed(x, UNKNOWN), "m": m, "v": v, "o": o, "s": s},
                  {"y": rounded(tf.nn.batch_normalization(X, M, V, O, S, 0.001).numpy(), dtype),
                   "z": rounded(channels, dtype), "n": rounded((X - M) / np.sqrt(V + 1e-5), dtype)},
                  tolerance=TOLERANCE[dtype])
    file.case("moments of another dtype", "y: batch_norm(x, m, v, o, s, axis=1)",
              {"x": x.astype("float16"), "m": M.astype("f"), "v": V.astype("f"), "o": O.astype("f"), "s": S.astype("f")},
              {"y": rounded((x.astype("float16").astype("d") - along(M, 3, 1)) / np.sqrt(along(V, 3, 1) + 1e-5)
                            * along(S, 3, 1) + along(O, 3, 1), "float16")}, tolerance=TOLERANCE["float16"])


def fused_batch_norm(rng):
    file = file_of("fused_batch_norm", "TensorFlow 2.21")
    x = data(rng, (2, 3, 2, 3), "float32")
    s, o, m = (data(rng, (3,), "float32") for _ in range(3))
    v = data(rng, (3,), "float32", 0.5, 2)
    call = tf.compat.v1.nn.fused_batch_norm
    train = [r.numpy() for r in call(x, s, o, is_training=True)]
    fixed = call(x, s, o, mean=m, variance=v, is_training=False)[0].numpy()
    swapped = np.transpose(x, [0, 3, 1, 2]).copy()
    file.case("float32", "y: fused_batch_norm(x, s, o)\nz: fused_batch_norm(x, s, o, mean=m, variance=v, is_training=false)\n"
              "w: fused_batch_norm(x2, s, o, data_format='NCHW')\n",
              {"x": x, "s": s, "o": o, "m": m, "v": v, "x2": swapped},
              {"y": train[0], "y:1": train[1], "y:2": train[2], "z": fixed, "z:1": m, "z:2": v,
               "w": np.transpose(train[0], [0, 3, 1, 2])}, tolerance=3e-6)
    file.case("moments missing", "y: fused_batch_norm(x, s, o, is_training=false)", {"x": x, "s": s, "o": o},
              compile_error="unless is_training")


def instance_norm(rng):
    file = file_of("instance_norm", DEFINITION)
    for dtype in FLOATS:
        x, s, b = data(rng, (2, 3, 4), dtype), data(rng, (3,), dtype), data(rng, (3,), dtype)
        X, S, B = (a.astype("d") for a in (x, s, b))
        file.case(dtype, "y: instance_norm(x, s, b)\nz: instance_norm(x, axis=-1)\n",
                  {"x": Fed(x, UNKNOWN), "s": s, "b": b},
                  {"y": rounded(normal(X, 2, 1e-5) * along(S, 3, 1) + along(B, 3, 1), dtype),
                   "z": rounded(normal(X, 1, 1e-5), dtype)}, tolerance=TOLERANCE[dtype])


def group_norm(rng):
    file = file_of("group_norm", DEFINITION)
    for dtype in FLOATS:
        x, s, b = data(rng, (2, 6, 2), dtype), data(rng, (6,), dtype), data(rng, (3,), dtype)
        X, S, B = (a.astype("d") for a in (x, s, b))
        y = normal(X.reshape(2, 3, 2, 2), (2, 3), 1e-5).reshape(X.shape)
        last = np.transpose(normal(np.transpose(X, [0, 2, 1]).reshape(2, 2, 3, 2), (1, 3), 1e-5).reshape(2, 2, 6), [0, 1, 2])
        file.case(dtype, "y: group_norm(x, s, b, num_groups=3)\nz: group_norm(t, num_groups=3, axis=-1)\n",
                  {"x": Fed(x, UNKNOWN), "s": s, "b": b, "t": np.transpose(x, [0, 2, 1]).copy()},
                  {"y": rounded(y * along(S, 3, 1) + along(np.repeat(B, 2), 3, 1), dtype), "z": rounded(last, dtype)},
                  tolerance=TOLERANCE[dtype])


def mean_variance_normalization(rng):
    file = file_of("mean_variance_normalization", DEFINITION)

    def over(x, axes):
        return (x - mean(x, axes)) / (x.std(axes, keepdims=True) + 1e-9)

    for dtype in FLOATS:
        x = data(rng, (3, 2, 4), dtype)
        X = x.astype("d")
        file.case(dtype, "y: mean_variance_normalization(x, axes=[0, 2])\nz: mean_variance_normalization(x)",
                  {"x": Fed(x, UNKNOWN)}, {"y": rounded(over(X, (0, 2)), dtype), "z": rounded(over(X, (0, 1, 2)), dtype)},
                  tolerance=4 * TOLERANCE[dtype])


def losses(rng):
    rows = [
        ("softmax_cross_entropy_with_logits", tf.nn.softmax_cross_entropy_with_logits, lambda d: tf.nn.softmax(data(rng, (3, 4), "float64")).numpy()),
        ("sigmoid_cross_entropy_with_logits", tf.nn.sigmoid_cross_entropy_with_logits, lambda d: rng.uniform(0, 1, (3, 4))),
        ("weighted_cross_entropy_with_logits", tf.nn.weighted_cross_entropy_with_logits, lambda d: rng.uniform(0, 1, (3, 4))),
    ]
    for op, function, labels in rows:
        file = file_of(op, "TensorFlow 2.21")
        for dtype in FLOATS:
            l, x = array(labels(dtype), dtype), data(rng, (3, 4), dtype, -5, 5)
            extra = {"p": array(2.5, dtype)} if op[0] == "w" else {}
            call = (lambda a, b, p: function(a, b, p)) if extra else (lambda a, b: function(a, b))
            expected = wide(call, l, x, *extra.values(), label=op)
            file.case(dtype, "y: %s(l, x%s)" % (op, ", p" if extra else ""), {"l": Fed(l, "[null, 4]"), "x": Fed(x, "[n, 4]"), **extra},
                      {"y": expected}, tolerance=8 * TOLERANCE[dtype])
    file = file_of("sparse_softmax_cross_entropy_with_logits", "TensorFlow 2.21")
    for dtype in FLOATS:
        x, l = data(rng, (2, 3, 4), dtype), rng.integers(0, 4, (2, 3)).astype("int32")
        expected = wide(lambda b: tf.nn.sparse_softmax_cross_entropy_with_logits(l, b), x, label="sparse")
        file.case(dtype, "y: sparse_softmax_cross_entropy_with_logits(l, x)", {"l": Fed(l, "[null, null]"), "x": Fed(x, UNKNOWN)},
                  {"y": expected}, tolerance=4 * TOLERANCE[dtype])
    file.case("label out of range", "y: sparse_softmax_cross_entropy_with_logits(l, x)",
              runs=[{"feeds": {"l": np.int64([0, 4]), "x": data(rng, (2, 4), "float32")}, "error": "4", "fetch": ["y"]}])
    file = file_of("l2_loss", "TensorFlow 2.21")
    for dtype in FLOATS:
        x = data(rng, (3, 4), dtype)
        file.case(dtype, "y: l2_loss(x)", {"x": Fed(x, "[null, null]")}, {"y": wide(tf.nn.l2_loss, x, label="l2_loss")},
                  tolerance=16 * TOLERANCE[dtype])


def likelihood(logarithms, labels, weight, ignored, reduction):
    safe = np.where(labels == ignored, 0, labels) if ignored is not None else labels
    weights = weight[safe] if weight is not None else np.ones(labels.shape)
    if ignored is not None:
        weights = np.where(labels == ignored, 0, weights)
    chosen = -np.take_along_axis(logarithms, safe[:, None], 1)[:, 0] * weights
    return {"none": chosen, "sum": chosen.sum(), "mean": chosen.sum() / weights.sum()}[reduction]


def classes(rng):
    for op, scores in (("nll_loss", "input"), ("softmax_cross_entropy_loss", "scores")):
        file = file_of(op, DEFINITION)
        for dtype in FLOATS:
            x, w, l = data(rng, (3, 4, 2), dtype), data(rng, (4,), dtype, 0.5, 2), rng.integers(0, 4, (3, 2))
            g = l.copy()
            g[1, 0] = -7
            X, W = x.astype("d"), w.astype("d")
            L = X if op == "nll_loss" else X - np.log(np.exp(X).sum(1, keepdims=True))
            expected = {
                "a": rounded(likelihood(L, l, None, None, "mean"), dtype),
                "b": rounded(likelihood(L, l, W, None, "none"), dtype),
                "c": rounded(likelihood(L, g, W, -7, "mean"), dtype),
                "d": rounded(likelihood(L, g, None, -7, "sum"), dtype),
            }
            if op != "nll_loss":
                expected["a:1"] = rounded(L, dtype)
            file.case(dtype, "a: %s(x, l)\nb: %s(x, l, w, reduction=none)\nc: %s(x, g, w, ignore_index=-7)\n"
                      "d: %s(x, g, ignore_index=-7, reduction=sum)\n" % (op, op, op, op),
                      {"x": Fed(x, UNKNOWN), "w": w, "l": Fed(l, "[null, null]"), "g": g}, expected, tolerance=8 * TOLERANCE[dtype])
        file.case("labels of another rank", "y: %s(x, l)" % op, {"x": data(rng, (3, 4), "float32"), "l": np.int64([[0]])},
                  compile_error="scores are [n, classes")
        file.case("no such reduction", "y: %s(x, l, reduction=median)" % op,
                  {"x": data(rng, (3, 4), "float32"), "l": np.int64([0, 1, 2])}, compile_error="mean, sum or none")


def attention(rng):
    file = file_of("scaled_dot_product_attention", DEFINITION)
    for dtype in FLOATS:
        q, k, v = (data(rng, shape, dtype) for shape in ((2, 3, 4), (2, 5, 4), (2, 5, 6)))
        Q, K, V = (a.astype("d") for a in (q, k, v))
        mask = rng.random((2, 3, 5)) < 0.7
        mask[..., 0] = True

        def attend(Q, K, V, m, scale):
            s = Q @ np.swapaxes(K, -1, -2) * scale
            s = np.where(m, s, -np.inf)
            p = np.exp(s - s.max(-1, keepdims=True))
            return p / p.sum(-1, keepdims=True) @ V

        def heads(x, n):
            return x.reshape(x.shape[0], x.shape[1], n, -1).transpose(0, 2, 1, 3)

        lower = np.tril(np.ones((3, 5), bool))
        split = attend(heads(Q, 2), heads(K, 2), heads(V, 2), True, 2**-0.5).transpose(0, 2, 1, 3).reshape(2, 3, 6)
        file.case(dtype, "a: scaled_dot_product_attention(q, k, v, m)\nb: scaled_dot_product_attention(q, k, v, is_causal=true, scale=0.3)\n"
                  "c: scaled_dot_product_attention(q, k, v, num_heads=2)\n",
                  {"q": Fed(q, UNKNOWN), "k": Fed(k, UNKNOWN), "v": Fed(v, UNKNOWN), "m": mask},
                  {"a": rounded(attend(Q, K, V, mask, 0.5), dtype), "b": rounded(attend(Q, K, V, lower, 0.3), dtype),
                   "c": rounded(split, dtype)}, tolerance=4 * TOLERANCE[dtype])


def tables():
    for table in (layer_norm, rms_norm, batch_norm, fused_batch_norm, instance_norm, group_norm,
                  mean_variance_normalization, losses, classes, attention):
        table(np.random.default_rng(sum(map(ord, table.__name__))))
