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
    # The variance is no float16: moments are float32, as Keras has them.
    w = np.float16([[1000, -1000, 500, 2], [-1000, 1000, 5, 2]])
    file.case("16 bits", "y: layer_normalization(x, dtype=float16)", {"x": w},
              {"y": np.float16(normalized(w.astype("d"), 1, 1e-3))}, tolerance=1e-3)
    file.case("16 bits, another axis", "y: layer_normalization(x, axis=0, dtype=float16)", {"x": w},
              {"y": np.float16(normalized(w.astype("d"), 0, 1e-3))}, tolerance=1e-3)


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
    w = np.float16([[1000, -1000, 500, 2], [-1000, 1000, 5, 2]])  # moments are float32, as Keras has them
    file.case("16 bits, training", "y: batch_normalization(x, true, momentum=0.5, dtype=float16)\n",
              runs=[{"feeds": {"x": w}, "expect": {"y": np.float16(normalized(w.astype("d"), 0, 1e-3))}, "targets": ["y/update"]},
                    {"feeds": {}, "expect": {"y/moving_mean": np.float16(0.5 * w.astype("d").mean(0))}}],
              top="fetches: [y, y/update, y/moving_mean]", tolerance=1e-3)


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


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_by_hand(x, k, r, b, lengths):
    units = r.shape[0]
    h, c, all_h = np.zeros((len(x), units)), np.zeros((len(x), units)), []
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ k + h @ r + b, 4, axis=1)
        c1 = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h1 = sigmoid(o) * np.tanh(c1)
        live = (t < lengths)[:, None]
        h, c = np.where(live, h1, h), np.where(live, c1, c)
        all_h.append(h)
    return np.stack(all_h, 1), h, c


def gru_by_hand(x, k, r, b, lengths):
    units = r.shape[0]
    h = np.zeros((len(x), units))
    for t in range(x.shape[1]):
        xz, xr, xh = np.split(x[:, t] @ k + b[0], 3, axis=1)
        hz, hr, hh = np.split(h @ r + b[1], 3, axis=1)
        z = sigmoid(xz + hz)
        h1 = z * h + (1 - z) * np.tanh(xh + sigmoid(xr + hr) * hh)
        h = np.where((t < lengths)[:, None], h1, h)
    return h


def recurrent(rng):
    x = f(rng.uniform(-1, 1, (2, 4, 3)).round(3))
    lengths = np.int32([4, 2])
    for op, gates in (("lstm", 4), ("gru", 3)):
        file = file_of(op)
        k, r = f(rng.uniform(-1, 1, (3, 2 * gates)).round(3)), f(rng.uniform(-1, 1, (2, 2 * gates)).round(3))
        b = f(rng.uniform(-1, 1, 8 if op == "lstm" else (2, 6)).round(3))
        nodes = "y: %s(x, 2, lengths=n)\nall: %s(x, 2, return_sequences=true)\nback: %s(x, 2, go_backwards=true)\nset: group(%s)\n" % (
            op, op, op, ", ".join("assign(`%s/%s`, %s)" % (n, v, v[0]) for n in ("y", "all", "back") for v in ("kernel", "recurrent_kernel", "bias")))
        weights = {"feeds": {"k": k, "r": r, "b": b}, "targets": ["set"]}
        X, K, R, B = (a.astype("d") for a in (x, k, r, b))
        full = np.int32([4, 4])
        if op == "lstm":
            every, h, c = lstm_by_hand(X, K, R, B, full)
            y, short_c = lstm_by_hand(X, K, R, B, lengths)[1:]
            expect = {"y": f(y), "y/state_h": f(y), "y/state_c": f(short_c), "all": f(every),
                      "back": f(lstm_by_hand(X[:, ::-1], K, R, B, full)[1])}
        else:
            expect = {"y": f(gru_by_hand(X, K, R, B, lengths)), "all/state_h": f(gru_by_hand(X, K, R, B, full)),
                      "back": f(gru_by_hand(X[:, ::-1], K, R, B, full))}
        file.case("given weights", nodes, runs=[weights, {"feeds": {"x": x, "n": lengths}, "expect": expect}],
                  top="fetches: [%s, set]" % ", ".join(expect), tolerance=2e-6)
        file.case("no units", "y: %s(x, 0)" % op, {"x": x}, compile_error="`units` has to be positive")


def conv2d_layer(rng):
    file = file_of("conv2d_layer")
    x = f(rng.uniform(-1, 1, (1, 4, 5, 2)).round(3))
    k, b = f(rng.uniform(-1, 1, (3, 2, 1, 4)).round(3)), f([0.5, -0.25, 0, 1])
    X, y = x.astype("d"), np.zeros((1, 2, 4, 4))
    for group in range(2):
        for i in range(2):
            for j in range(4):
                patch = X[0, i : i + 3, j : j + 2, group : group + 1]
                y[0, i, j, 2 * group : 2 * group + 2] = np.tensordot(patch, k[..., 2 * group : 2 * group + 2], 3)
    expect = f(np.maximum(y + b, 0))
    file.case("groups, channels last and first", "y: conv2d_layer(x, 4, [3, 2], groups=2, activation=relu)\n"
              "z: conv2d_layer(c, 4, [3, 2], groups=2, activation=relu, data_format=NCHW)\n"
              "set: group(assign(`y/kernel`, k), assign(`y/bias`, b), assign(`z/kernel`, k), assign(`z/bias`, b))\n",
              runs=[{"feeds": {"k": k, "b": b}, "targets": ["set"]},
                    {"feeds": {"x": x, "c": np.transpose(x, [0, 3, 1, 2]).copy()},
                     "expect": {"y": expect, "z": np.transpose(expect, [0, 3, 1, 2])}}], tolerance=2e-6)
    file.case("kernel of no size", "y: conv2d_layer(x, 4, 0)", {"x": x}, compile_error="`kernel_size` is one positive number")
    file.case("filters and groups", "y: conv2d_layer(x, 3, 1, groups=2)", {"x": x}, compile_error="multiple of `groups`")


def tables():
    for table in (dense, embedding, layer_normalization, batch_normalization, multi_head_attention, recurrent, conv2d_layer):
        table(np.random.default_rng(sum(map(ord, table.__name__))))
