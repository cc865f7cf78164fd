"""Recurrences: the steps by Keras' layers (or their definition, in float64), ONNX's ops by ONNX Runtime."""

import keras
import numpy as np
import tensorflow as tf

from .case import Fed, File, array
from .onnx_model import onnx_op

CLOSE = 2e-6  # some roundings a step, over few steps
ABOUT = "Tolerance: some roundings for each step."


def f(rng, *shape):
    return rng.uniform(-1, 1, shape).round(2).astype("float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# ---- the steps ----


def keras_layer(kind, x, k, r, b, mask=None, state=None, **more):
    """Every state and the last ones, of time-major x."""
    layer = kind(r.shape[0], return_sequences=True, return_state=True, **more)
    batch_first = np.transpose(x, (1, 0, 2))
    layer.build(batch_first.shape)
    layer.set_weights([k, r, b])
    found = layer(
        tf.constant(batch_first),
        mask=None if mask is None else tf.constant(mask.T),
        initial_state=None if state is None else [tf.constant(s) for s in state],
    )
    found = [np.asarray(v) for v in found]
    return [np.transpose(found[0], (1, 0, 2))] + found[1:]


def defined(cell, states, x, mask=None):
    """Every first state and the last ones, of cell(x[t], states), in float64."""
    ys = []
    for t in range(len(x)):
        new = cell(x[t].astype("d"), states)
        if mask is not None:
            new = [np.where(mask[t][:, None], n, s) for n, s in zip(new, states)]
        ys.append(new[0] if mask is None else new[0] * mask[t][:, None])
        states = new
    return [np.array(ys).reshape((len(x),) + states[0].shape)] + list(states)


def lstm_cell(r, f_=sigmoid, g_=np.tanh, h_=np.tanh, peephole=None, order="ifco", coupled=False):
    def cell(x, states):
        h, c = states
        z = dict(zip(order, np.split(x + h @ r.astype("d"), 4, 1)))
        p = np.split(peephole.astype("d"), 3) if peephole is not None else [0, 0, 0]
        i = f_(z["i"] + p[0] * c)
        forget = 1 - i if coupled else f_(z["f"] + p[2] * c)
        c = forget * c + i * g_(z["c"])
        return [f_(z["o"] + p[1] * c) * h_(c), c]

    return cell


def gru_cell(r, after, bias=0):
    def cell(x, states):
        h = states[0]
        xz, xr, xn = np.split(x, 3, 1)
        rz, rr, rn = np.split(r.astype("d"), 3, 1)
        bz, br, bn = np.split(np.broadcast_to(bias, r.shape[1]), 3)
        z, reset = sigmoid(xz + h @ rz + bz), sigmoid(xr + h @ rr + br)
        n = np.tanh(xn + (reset * (h @ rn + bn) if after else (reset * h) @ rn + bn))
        return [z * h + (1 - z) * n]

    return cell


def rnn_cell(r, activation=np.tanh):
    return lambda x, states: [activation(x + states[0] @ r.astype("d"))]


def outputs_of(results, dtype="float32"):
    return dict(zip("yhc", [np.asarray(v).astype(dtype) for v in results]))


def node(op, inputs, states, **attributes):
    text = "".join(", %s: %s" % item for item in attributes.items())
    return 'y: {op: %s, inputs: ["%s"]%s, outputs: [%s]}' % (
        op, '", "'.join(inputs), text, ", ".join("yhc"[: states + 1]))


def steps_file(op, gates, states, kind, cell):
    """What the three ops have in common."""
    rng = np.random.default_rng(len(op))
    file = File("recurrent/" + op, "states go on from step to step, where the mask says so. " + ABOUT,
                "Keras 3.15 on TensorFlow 2.21, or by its definition in float64")
    x, k, r = f(rng, 5, 3, 4), f(rng, 4, gates * 3), f(rng, 3, gates * 3)
    b = f(rng, gates * 3)
    feeds = {"x": x, "k": k, "r": r, "b": b}
    start = [f(rng, 3, 3) for _ in range(states)]
    named = dict(zip(["h0", "c0"], start))
    initial = ", ".join("initial_%s: %s0" % (s, s) for s in "hc"[:states])
    if kind:
        file.case("a layer", node(op, ["x @ k + b", "r"], states), feeds,
                  outputs_of(keras_layer(kind, x, k, r, b)), tolerance=CLOSE)
        file.case("sizes that the run tells, and initial states",
                  node(op, ["x @ k + b", "r"], states)[:-1] + ", " + initial + "}",
                  {"x": Fed(x, "[t, n, 4]"), "k": Fed(k, "[4, m]"), "r": Fed(r, "[units, m]"), "b": Fed(b, "[m]"),
                   "h0": Fed(start[0], "[n, units]"), **({"c0": Fed(start[1], "[~, ~]")} if states == 2 else {})},
                  outputs_of(keras_layer(kind, x, k, r, b, state=start)), tolerance=CLOSE)
        mask = np.array([[1, 1, 0], [1, 1, 1], [1, 0, 0], [1, 0, 1], [1, 0, 0]], bool)
        found = keras_layer(kind, x, k, r, b, mask=mask, zero_output_for_mask=True)
        file.case("a mask", node(op, ["x @ k + b", "r"], states, mask="m"), {**feeds, "m": mask}, outputs_of(found),
                  tolerance=CLOSE)
        found = keras_layer(kind, x, k, r, b, mask=mask)
        file.case("a mask, the state shown", node(op, ["x @ k + b", "r"], states, mask="m", zero_output="false"),
                  {**feeds, "m": mask}, outputs_of(found), tolerance=CLOSE)
    wide = f(rng, 3, 2, gates * 37)
    big = (f(rng, 37, gates * 37) / 8).astype("float32")
    zeros = [np.zeros((2, 37))] * states
    file.case("many units", node(op, ["x", "r"], states), {"x": Fed(wide, "[t, n, %d]" % (gates * 37)), "r": big},
              outputs_of(defined(cell(big), zeros, wide)), tolerance=1e-5)
    for dtype, tolerance in [("float64", 1e-14), ("float16", 4e-3), ("bfloat16", 3e-2)]:
        x_, r_ = array(x @ k, dtype), array(r, dtype)
        found = defined(cell(r_.astype("d")), [np.zeros((3, 3))] * states, x_.astype("d"))
        file.case(dtype, node(op, ["x", "r"], states), {"x": x_, "r": r_},
                  {n: array(v, dtype) for n, v in zip("yhc", found)}, tolerance=tolerance)
    none = x[:0] @ k
    file.case("no steps", node(op, ["x", "r"], states)[:-1] + ", " + initial + "}",
              {"x": Fed(none, "[t, n, m]"), "r": r, **named}, outputs_of([np.zeros((0, 3, 3))] + start))
    file.case("an empty batch", node(op, ["x", "r"], states), {"x": Fed((x @ k)[:, :0], "[t, n, m]"), "r": r},
              outputs_of([np.zeros((5, 0, 3))] + [np.zeros((0, 3))] * states))
    file.case("only the last state", ["y: {op: %s, inputs: [\"x @ k + b\", r], outputs: [y, h%s]}" % (op, ", c"[:3 * states - 3]),
                                      "z: h * 2"], feeds,
              {"z": 2 * np.asarray(defined(cell(r), [np.zeros((3, 3))] * states, x @ k.astype("d") + b)[1]).astype("f")},
              tolerance=CLOSE)
    file.case("two layers", [node(op, ["x @ k + b", "r"], states), "z: {op: %s, inputs: [\"y @ k2\", r], outputs: [z, last%s]}"
                             % (op, ", cell"[:6 * states - 6])],
              {**feeds, "k2": k[:3]},
              {"z": np.asarray(defined(cell(r), [np.zeros((3, 3))] * states,
                               defined(cell(r), [np.zeros((3, 3))] * states, x @ k.astype("d") + b)[0] @ k[:3].astype("d"))[0]).astype("f")},
              tolerance=CLOSE)
    file.case("states that a run feeds", [node(op, ["x", "r"], states), "z: y + h"], runs=[
        {"feeds": {"x": x @ k, "r": r, "h": start[0]},
         "expect": {"z": (np.asarray(defined(cell(r), [np.zeros((3, 3))] * states, x @ k)[0]) + start[0]).astype("f")}}],
        top="feeds: [h]\nfetches: [z]", tolerance=CLOSE)
    file.case("another size", node(op, ["x", "r"], states), {"x": x @ k, "r": r[:2]},
              compile_error="recurrent_kernel has to be [units, " + ("units]" if gates == 1 else "%d * units]" % gates))
    file.case("another size in a run", node(op, ["x", "r"], states),
              {"x": Fed((x @ k)[..., 1:], "[t, n, m]"), "r": Fed(r, "[u, v]")}, error="the last sizes differ", node="y")
    file.case("an initial state of another batch", node(op, ["x", "r"], states, initial_h="h0"),
              {"x": x @ k, "r": r, "h0": start[0][1:]}, compile_error="the initial state has to be [batch, units]")
    file.case("a mask of another size", node(op, ["x", "r"], states, mask="m"),
              {"x": x @ k, "r": r, "m": np.ones((3, 5), bool)}, compile_error="mask has to be [steps, batch]")
    file.case("no such activation", node(op, ["x", "r"], states, activations="rely"), {"x": x @ k, "r": r},
              compile_error="activations names 'rely'; there are linear, tanh, sigmoid")
    file.case("too many activations", node(op, ["x", "r"], states, activations="'tanh,tanh,tanh,tanh,tanh'"),
              {"x": x @ k, "r": r}, compile_error="needed")
    file.case("a number that nothing takes", node(op, ["x", "r"], states, activation_alpha="[0.5]"),
              {"x": x @ k, "r": r}, compile_error="activation_alpha has 1 number;")
    file.case("a negative clip", node(op, ["x", "r"], states, clip="-1.0"), {"x": x @ k, "r": r},
              compile_error="clip is negative")
    return file


def rnn_steps():
    file = steps_file("rnn_steps", 1, 1, keras.layers.SimpleRNN, rnn_cell)
    rng = np.random.default_rng(2)
    x, r = f(rng, 4, 2, 3), f(rng, 3, 3)
    file.case("another activation", node("rnn_steps", ["x", "r"], 1, activations="relu"), {"x": x, "r": r},
              outputs_of(defined(rnn_cell(r, lambda v: np.maximum(v, 0)), [np.zeros((2, 3))], x)), tolerance=CLOSE)
    found = outputs_of(defined(rnn_cell(r), [np.zeros((2, 3))], 2 * x))
    mask = np.array([[1, 1], [1, 0], [1, 0], [0, 0]], bool)
    masked = outputs_of(defined(rnn_cell(r), [np.zeros((2, 3))], 2 * x, mask))
    file.case("what the steps take in may be fetched", ["p: x * 2", "m: range(4)[:, None] < n", node("rnn_steps", ["p", "r"], 1),
                                                         node("rnn_steps", ["p", "r"], 1, mask="m").replace("y: ", "u: ")
                                                         .replace("[y, h]", "[u, v]")],
              runs=[{"feeds": {"x": x, "r": r}, "expect": {"y": found["y"]}},
                    {"feeds": {"x": x, "r": r}, "expect": {"p": 2 * x, "h": found["h"]}},
                    {"feeds": {"x": x}, "expect": {"p": 2 * x}},
                    {"feeds": {"x": x, "r": r, "n": np.int32([3, 1])}, "expect": {"m": mask, "u": masked["y"], "p": 2 * x}}],
              tolerance=CLOSE)
    branch = "{nodes: {s: {op: rnn_steps, inputs: [%s, r], outputs: [s, last]}}, fetches: [s]}"
    file.case("in a branch", ["y: {op: cond, inputs: way, then: %s, else: %s}" % (branch % "x * 2", branch % "x")],
              runs=[{"feeds": {"x": x, "r": r, "way": np.bool_(True)}, "expect": {"y": found["y"]}},
                    {"feeds": {"x": x, "r": r, "way": np.bool_(False)},
                     "expect": {"y": outputs_of(defined(rnn_cell(r), [np.zeros((2, 3))], x))["y"]}}], tolerance=CLOSE)
    keep = np.array([True, False, True, True])
    found = outputs_of(defined(rnn_cell(r), [np.zeros((2, 3))], x[keep]))
    file.case("a number of steps that is computed", ["kept: boolean_mask(x, keep)", node("rnn_steps", ["kept", "r"], 1)],
              runs=[{"feeds": {"x": x, "keep": keep, "r": r}, "expect": found},
                    {"feeds": {"x": x, "keep": ~keep & False, "r": r},
                     "expect": {"y": np.zeros((0, 2, 3), "f"), "h": np.zeros((2, 3), "f")}}], tolerance=CLOSE)
    v = f(rng, 2, 3)
    state, runs = v, []
    for _ in range(2):
        new = outputs_of(defined(rnn_cell(r), [state.astype("d")], x))
        runs.append({"feeds": {"x": x, "r": r}, "expect": {"kept": new["h"], "y": new["y"]}})
        state = new["h"]
    file.case("a state that stays from run to run",
              ["v: {op: variable, value: %s}" % str(v.tolist()).replace("'", ""),
               node("rnn_steps", ["x", "r"], 1, initial_h="v"), "kept: assign(v, h)"], runs=runs, tolerance=CLOSE)


def lstm_steps():
    file = steps_file("lstm_steps", 4, 2, keras.layers.LSTM, lstm_cell)
    rng = np.random.default_rng(3)
    x, r, p = f(rng, 4, 2, 12), f(rng, 3, 12), f(rng, 9)
    start = [np.zeros((2, 3))] * 2
    file.case("gates in another order", node("lstm_steps", ["x", "r"], 2, gates="iofc"), {"x": x, "r": r},
              outputs_of(defined(lstm_cell(r, order="iofc"), start, x)), tolerance=CLOSE)
    file.case("a peephole", node("lstm_steps", ["x", "r"], 2, peephole="p"), {"x": x, "r": r, "p": p},
              outputs_of(defined(lstm_cell(r, peephole=p), start, x)), tolerance=CLOSE)
    file.case("coupled input and forget gates", node("lstm_steps", ["x", "r"], 2, input_forget="true"), {"x": x, "r": r},
              outputs_of(defined(lstm_cell(r, coupled=True), start, x)), tolerance=CLOSE)
    relu = lambda v: np.maximum(v, 0)
    hard = lambda v: np.clip(0.25 * v + 0.5, 0, 1)
    file.case("other activations", node("lstm_steps", ["x", "r"], 2, activations="'hard_sigmoid,relu,linear'",
                                        activation_alpha="[0.25]"), {"x": x, "r": r},
              outputs_of(defined(lstm_cell(r, hard, relu, lambda v: v), start, x)), tolerance=CLOSE)
    file.case("gates that are none", node("lstm_steps", ["x", "r"], 2, gates="ifgo"), {"x": x, "r": r},
              compile_error="gates is 'ifgo'; it has to name i, f, c and o in some order")


def gru_steps():
    file = steps_file("gru_steps", 3, 1, None, lambda r: gru_cell(r, True))
    rng = np.random.default_rng(4)
    x, k, r, b = f(rng, 4, 2, 5), f(rng, 5, 9), f(rng, 3, 9), f(rng, 2, 9)
    mask = np.array([[1, 1], [1, 0], [0, 1], [1, 0]], bool)
    feeds = {"x": x, "k": k, "r": r, "b": b}
    found = keras_layer(keras.layers.GRU, x, k, r, b)
    file.case("a layer", node("gru_steps", ["x @ k + b[0]", "r"], 1, recurrent_bias='"b[1]"'), feeds, outputs_of(found),
              tolerance=CLOSE)
    found = keras_layer(keras.layers.GRU, x, k, r, b[0], reset_after=False)
    file.case("a layer, the reset before the product", node("gru_steps", ["x @ k + b[0]", "r"], 1, reset_after="false"),
              feeds, outputs_of(found), tolerance=CLOSE)
    found = keras_layer(keras.layers.GRU, x, k, r, b, mask=mask, state=[np.ones((2, 3), "f")], zero_output_for_mask=True)
    file.case("a mask", node("gru_steps", ["x @ k + b[0]", "r"], 1, recurrent_bias='"b[1]"', mask="m",
                             initial_h='"ones([2, 3])"'), {**feeds, "m": mask}, outputs_of(found), tolerance=CLOSE)
    for after in (True, False):
        wide, big, bias = f(rng, 3, 2, 111), (f(rng, 37, 111) / 8).astype("f"), f(rng, 111)
        file.case("many units, a recurrent bias, reset %s" % ("after" if after else "before"),
                  node("gru_steps", ["x", "r"], 1, recurrent_bias="b", reset_after=str(after).lower()),
                  {"x": Fed(wide, "[t, n, 111]"), "r": big, "b": bias},
                  outputs_of(defined(gru_cell(big, after, bias.astype("d")), [np.zeros((2, 37))], wide)), tolerance=1e-5)
    file.case("a bias of another size", node("gru_steps", ["x", "r"], 1, recurrent_bias="b"),
              {"x": x @ k, "r": r, "b": b[0, 1:]}, compile_error="recurrent_bias has to be [3 * units]")


# ---- ONNX's ops ----

OPS = {"rnn": (1, 1, 1), "lstm": (4, 2, 3), "gru": (3, 1, 2)}  # gates, states, activations


def sequence_text(kind, names, attributes):
    words = []
    for name, value in attributes.items():
        if name == "activations":
            value = "'%s'" % ",".join(value)
        elif isinstance(value, int) and name in ("input_forget", "linear_before_reset"):
            value = "true" if value else "false"
        words.append("%s: %s" % (name, value))
    pairs = ["%s: %s" % (n, n) for n in names]
    results = ["y", "h", "c"][: OPS[kind][1] + 1]
    return "y: {op: %s_sequence, %s, outputs: [%s]}" % (kind, ", ".join(pairs + words), ", ".join(results))


INPUTS = {"rnn": ["x", "w", "r", "b", "sequence_lens", "initial_h"],
          "gru": ["x", "w", "r", "b", "sequence_lens", "initial_h"],
          "lstm": ["x", "w", "r", "b", "sequence_lens", "initial_h", "initial_c", "p"]}


def sequence_case(file, kind, name, feeds, shapes=None, tolerance=CLOSE, **attributes):
    found = onnx_op(kind.upper(), *[feeds.get(n) for n in INPUTS[kind]], outputs=OPS[kind][1] + 1,
                    hidden_size=feeds["r"].shape[2], **attributes)
    fed = {n: Fed(v, (shapes or {}).get(n, str(list(v.shape)))) for n, v in feeds.items()}
    file.case(name, sequence_text(kind, list(feeds), attributes), fed, dict(zip("yhc", found)), tolerance=tolerance)
    return found


def weights(rng, kind, directions, inputs=4, units=3, steps=5, batch=2):
    gates = OPS[kind][0]
    return {"x": f(rng, steps, batch, inputs), "w": f(rng, directions, gates * units, inputs),
            "r": f(rng, directions, gates * units, units)}


PLAIN = {"rnn": ["Tanh"], "lstm": ["Sigmoid", "Tanh", "Tanh"], "gru": ["Sigmoid", "Tanh"]}


def sequence_file(kind):
    gates, states, activations = OPS[kind]
    rng = np.random.default_rng(10 + gates)
    file = File("recurrent/%s_sequence" % kind, "both directions, lengths, initial states, activations. " + ABOUT,
                "ONNX Runtime 1.32")
    turned = [{}, {"linear_before_reset": 1}] if kind == "gru" else [{}]
    for more in turned:
        label = "" if not more else ", reset after"
        for direction in ("forward", "reverse", "bidirectional"):
            d = 2 if direction == "bidirectional" else 1
            given = weights(rng, kind, d)
            sequence_case(file, kind, direction + label, given, direction=direction, **more)
            given["b"] = f(rng, d, 2 * gates * 3)
            given["sequence_lens"] = np.int32([3, 5])
            for s in "hc"[:states]:
                given["initial_" + s] = f(rng, d, 2, 3)
            if kind == "lstm":
                given["p"] = f(rng, d, 9)
            shapes = {"x": "[t, n, 4]", "w": "[~, g, 4]", "r": "[~, g, u]", "b": "[~, ~]", "sequence_lens": "[~]",
                      "initial_h": "[~, n, u]"}
            sequence_case(file, kind, direction + ", all inputs" + label, given, shapes, direction=direction, **more)
    given = weights(rng, kind, 2)
    given["sequence_lens"] = np.int32([1, 4])
    found = sequence_case(file, kind, "lengths below the steps", given, direction="bidirectional")
    given["x"] = np.ascontiguousarray(np.swapaxes(given["x"], 0, 1))
    file.case("the batch first", sequence_text(kind, list(given), {"direction": "bidirectional", "layout": 1}), given,
              dict(zip("yhc", [np.transpose(found[0], (2, 0, 1, 3))] + [np.swapaxes(v, 0, 1) for v in found[1:]])),
              tolerance=CLOSE)
    given = weights(rng, kind, 1)
    sequence_case(file, kind, "clipped", given, clip=0.3)
    for name, alpha, beta in [("Relu", 0, 0), ("Sigmoid", 0, 0), ("Affine", 0.7, 0.1), ("LeakyRelu", 0.3, 0),
                              ("ThresholdedRelu", 0.2, 0), ("ScaledTanh", 0.8, 0.6), ("HardSigmoid", 0.3, 0.4),
                              ("Elu", 0.6, 0), ("Softsign", 0, 0), ("Softplus", 0, 0)]:
        words = PLAIN[kind][:-1] + [name]
        numbers = {}
        if alpha:
            numbers["activation_alpha"] = [alpha]
        if beta:
            numbers["activation_beta"] = [beta]
        sequence_case(file, kind, name, given, activations=words, **numbers)
    for name in ("LeakyRelu", "HardSigmoid", "Elu"):  # ONNX Runtime knows no default of ThresholdedRelu
        sequence_case(file, kind, name + " by itself", given, activations=PLAIN[kind][:-1] + [name])
    given, hard = weights(rng, kind, 2), activations - 1
    beta = {"activation_beta": [0.4] * hard} if hard else {}
    sequence_case(file, kind, "activations of each direction", given, direction="bidirectional",
                  activations=PLAIN[kind][:-1] + ["LeakyRelu"] + ["HardSigmoid"] * hard + ["Elu"],
                  activation_alpha=[0.3] + [0.2] * hard + [0.9], **beta)
    given = weights(rng, kind, 2, inputs=17, units=24, steps=4, batch=3)
    given["r"] = (given["r"] / 8).astype("float32")
    sequence_case(file, kind, "many units", given, {"x": "[t, n, 17]"}, 1e-5, direction="bidirectional")
    if kind == "lstm":
        given = weights(rng, kind, 1)
        sequence_case(file, kind, "coupled input and forget gates", given, input_forget=1)
    text = sequence_text(kind, ["x", "w", "r"], {})
    given = weights(rng, kind, 1)
    file.case("no such direction", sequence_text(kind, ["x", "w", "r"], {"direction": "both"}), given,
              compile_error="direction is 'both'; it is forward, reverse or bidirectional")
    file.case("one direction too few", sequence_text(kind, ["x", "w", "r"], {"direction": "bidirectional"}), given,
              compile_error="w, r and b need one entry a direction")
    file.case("weights of another size", text, {**given, "w": given["w"][:, 1:]}, compile_error="gates differ")
    file.case("inputs of another size", text, {**given, "x": given["x"][..., 1:]}, compile_error="input sizes differ")
    file.case("a layout that is none", sequence_text(kind, ["x", "w", "r"], {"layout": 2}), given,
              compile_error="layout is 2; it is 0 or 1")
    file.case("another hidden size", sequence_text(kind, ["x", "w", "r"], {"hidden_size": 4}), given,
              compile_error="hidden_size is another")
    file.case("a length too many", sequence_text(kind, ["x", "w", "r", "sequence_lens"], {"direction": "reverse"}),
              {**given, "sequence_lens": np.int32([3, 6])}, error="seq_lengths[1] is 6; there are 5 elements", node="y")


# ---- reverse_sequence ----


def reverse_sequence():
    rng = np.random.default_rng(7)
    file = File("recurrent/reverse_sequence", "the first so many elements turn round, the others stay.")
    op = tf.reverse_sequence
    x = rng.integers(0, 100, (3, 5, 2)).astype("int32")
    lengths = np.int64([5, 0, 3])
    file.case("a batch of sequences", "y: reverse_sequence(x, n, 1)", {"x": x, "n": lengths},
              {"y": op(x, lengths, 1, 0).numpy()})
    for dtype in ["bool", "int8", "uint16", "float16", "float32", "float64"]:
        v = (x % 2).astype(dtype)
        file.case(dtype, "y: reverse_sequence(x, n, seq_axis=1, batch_axis=0)", {"x": v, "n": lengths.astype("int32")},
                  {"y": op(v, lengths, 1, 0).numpy()})
    turned = np.ascontiguousarray(np.swapaxes(x, 0, 1))
    file.case("sizes that the run tells", "y: reverse_sequence(x, n, 0, 1)",
              {"x": Fed(turned, "[t, b, c]"), "n": Fed(lengths, "[~]")}, {"y": op(turned, lengths, 0, 1).numpy()})
    file.case("axes from the end", "y: reverse_sequence(x, n, -1, -3)", {"x": x, "n": np.int32([2, 1, 0])},
              {"y": op(x, [2, 1, 0], 2, 0).numpy()})
    file.case("no elements", "y: reverse_sequence(x, n, 1)", {"x": Fed(x[:, :0], "[~, ~, ~]"), "n": np.int32([0, 0, 0])},
              {"y": x[:, :0]})
    file.case("lengths in the graph", "y: reverse_sequence(x, [1, 2, 5], 1)", {"x": x},
              {"y": op(x, [1, 2, 5], 1, 0).numpy()})
    file.case("a length too many", "y: reverse_sequence(x, n, 1)", {"x": x, "n": np.int32([1, 6, 2])},
              error="seq_lengths[1] is 6; there are 5 elements", node="y")
    file.case("a negative length", "y: reverse_sequence(x, n, 1)", {"x": x, "n": np.int32([1, -1, 2])},
              error="seq_lengths[1] is -1; there are 5 elements", node="y")
    file.case("one axis for both", "y: reverse_sequence(x, n, 0)", {"x": x, "n": np.int32([1, 1, 1])},
              compile_error="seq_axis and batch_axis are both 0")
    file.case("no axis", "y: reverse_sequence(x, n)", {"x": x, "n": np.int32([1, 1, 1])}, compile_error="seq_axis is missing")
    file.case("lengths of another batch", "y: reverse_sequence(x, n, 1)", {"x": x, "n": np.int32([1, 1])},
              compile_error="there has to be one length for each element of batch_axis")


def tables():
    rnn_steps()
    lstm_steps()
    gru_steps()
    for kind in OPS:
        sequence_file(kind)
    reverse_sequence()
