"""Layers: what they compute from the variables they bring, by Keras' definition in float64."""

import numpy as np

from .case import File

KERNEL = "{op: assign, inputs: [%s, %s]}"


def file_of(op):
    return File("layers/" + op, "the variables' names and shapes, initial values, and the result of given ones. "
                "Tolerance: a rounding for each node.", "its definition in float64")


def f(x):
    return np.asarray(x, "float32")


def dense(rng):
    file = file_of("dense")
    x = f(rng.uniform(-1, 1, (2, 3)).round(3))
    k, b = f(rng.uniform(-1, 1, (3, 2)).round(3)), f([0.5, -0.25])
    file.case("given weights", "y: dense(x, 2, activation=relu)\nz: tanh(dense(x, 2, use_bias=false))\n"
              "set: group(assign(y/kernel, k), assign(y/bias, b), assign(`z/dense/kernel`, k))\n".replace("y/kernel", "`y/kernel`").replace("y/bias", "`y/bias`"),
              runs=[{"feeds": {"k": k, "b": b}, "targets": ["set"]},
                    {"feeds": {"x": x}, "expect": {"y": f(np.maximum(x.astype("d") @ k + b, 0)), "z": f(np.tanh(x.astype("d") @ k))}}],
              tolerance=1e-6)
    file.case("initial values", "y: dense(x, 4, kernel_initializer=ones)\n", {"x": x},
              {"y": f(np.repeat(x.sum(1, keepdims=True), 4, 1)), "y/kernel": np.ones((3, 4), "f"), "y/bias": np.zeros(4, "f")},
              top="fetches: [y, y/kernel, y/bias]", tolerance=1e-6)
    file.case("three dimensions", "y: dense(x, 2, kernel_initializer=ones)\n", {"x": x[None]},
              {"y": f(np.repeat(x.sum(1, keepdims=True), 2, 1))[None]}, tolerance=1e-6)
    file.case("no such activation", "y: dense(x, 2, activation=rely)", {"x": x}, compile_error="no activation `rely`")
    file.case("no such initializer", "y: dense(x, 2, kernel_initializer=onse)", {"x": x}, compile_error="no initializer `onse`")
    file.case("no units", "y: dense(x, 0)", {"x": x}, compile_error="has to be positive")
    file.case("name taken", "y: dense(x, 2)\ny/kernel: {op: constant, value: 1.0}", {"x": x}, compile_error="has the name of a node")


def embedding(rng):
    file = file_of("embedding")
    e = f(rng.uniform(-1, 1, (5, 3)).round(3))
    i = np.int32([[1, 4], [0, 1]])
    file.case("given weights", "y: embedding(i, 5, 3)\nset: assign(`y/embeddings`, e)\n",
              runs=[{"feeds": {"e": e}, "expect": {"set": e}}, {"feeds": {"i": i}, "expect": {"y": e[i]}}])
    file.case("out of range", "y: embedding(i, 5, 3)", runs=[{"feeds": {"i": np.int32([5])}, "error": "5", "fetch": ["y"]}])


def normalized(x, axes, epsilon):
    centred = x - x.mean(axes, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axes, keepdims=True) + epsilon)


def layer_normalization(rng):
    file = file_of("layer_normalization")
    x, g, b = f(rng.uniform(-1, 1, (2, 3, 4))), f(rng.uniform(1, 2, 3)), f(rng.uniform(-1, 1, 3))
    x, g, b = x.round(3), g.round(3), b.round(3)
    X = x.astype("d")
    file.case("last axis", "y: layer_normalization(x)", {"x": x}, {"y": f(normalized(X, 2, 1e-3))}, tolerance=2e-6)
    file.case("another axis", "y: layer_normalization(x, axis=1, epsilon=0.1)\n"
              "set: group(assign(`y/gamma`, g), assign(`y/beta`, b))\n",
              runs=[{"feeds": {"g": g, "b": b}, "targets": ["set"]},
                    {"feeds": {"x": x}, "expect": {"y": f(normalized(X, 1, 0.1) * g[:, None] + b[:, None])}}], tolerance=4e-6)


def batch_normalization(rng):
    file = file_of("batch_normalization")
    x = f(rng.uniform(-1, 1, (4, 3)).round(3))
    X = x.astype("d")
    m, v = 0.1 * X.mean(0), 0.9 + 0.1 * X.var(0)
    file.case("training, then not", "y: batch_normalization(x, t, momentum=0.9)\n",
              runs=[{"feeds": {"x": x, "t": np.bool_(True)}, "expect": {"y": f(normalized(X, 0, 1e-3))}, "targets": ["y/update"]},
                    {"feeds": {"x": x, "t": np.bool_(False)}, "expect": {"y/moving_mean": f(m), "y": f((X - m) / np.sqrt(v + 1e-3))}}],
              top="fetches: [y, y/update, y/moving_mean]", tolerance=4e-6)
    file.case("without training", "y: batch_normalization(x, axis=1)\n", {"x": x}, {"y": f(X / np.sqrt(1 + 1e-3))}, tolerance=1e-6)


def multi_head_attention(rng):
    file = file_of("multi_head_attention")
    x = f(rng.uniform(-1, 1, (2, 3, 4)).round(3))
    w = {n: f(rng.uniform(-1, 1, (4, 2, 3)).round(3)) for n in ("query", "key", "value")}
    o = f(rng.uniform(-1, 1, (2, 3, 4)).round(3))
    mask = np.bool_(np.tril(np.ones((3, 3))))[None].repeat(2, 0)
    X = x.astype("d")
    q, k, v = (np.einsum("btd,dhk->bhtk", X, w[n]) for n in ("query", "key", "value"))
    s = q @ np.swapaxes(k, -1, -2) / 3**0.5
    s = np.where(mask[:, None], s, -1e9)
    p = np.exp(s - s.max(-1, keepdims=True))
    y = np.einsum("bhtk,hkd->btd", p / p.sum(-1, keepdims=True) @ v, o)
    sets = ", ".join("assign(`y/%s/kernel`, %s)" % (n, n[0]) for n in w)
    file.case("given weights", "y: multi_head_attention(x, x, attention_mask=m, num_heads=2, key_dim=3)\n"
              "set: group(%s, assign(`y/attention_output/kernel`, o))\n" % sets,
              runs=[{"feeds": {"q": w["query"], "k": w["key"], "v": w["value"], "o": o}, "targets": ["set"]},
                    {"feeds": {"x": x, "m": mask}, "expect": {"y": f(y)}}], tolerance=4e-6)


def tables():
    for table in (dense, embedding, layer_normalization, batch_normalization, multi_head_attention):
        table(np.random.default_rng(sum(map(ord, table.__name__))))
