"""Convolutions, pools and what else slides a window over its input.

TensorFlow is the oracle where it has the form; for other layouts its result is transposed, and what only ONNX has comes
from ONNX Runtime. Tolerances grow with the number of terms; float16 and bfloat16 are added up in float32 and rounded once.
"""

import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
from onnx import TensorProto, helper

from .case import FLOATS, Fed, File, array, dtype_name, numpy_dtype
from .reduce import terms
from .tensorflow import wide


def some(rng, shape, dtype="float32", scale=2):
    if dtype in FLOATS:
        return array(np.round(rng.uniform(-scale, scale, shape), 2), dtype)
    return rng.integers(-9, 9, shape).astype(dtype)


def distinct(rng, shape, dtype="float32"):
    """Numbers of which no two are equal, so that a largest one has one place."""
    count = int(np.prod(shape))
    return array((rng.permutation(count).reshape(shape) - count // 2) * 0.25, dtype)


def first(x):
    """Channels last to channels first."""
    return np.moveaxis(x, -1, 1)


def last(x):
    return np.moveaxis(x, 1, -1)


def unknown(x):
    return Fed(x, "[" + ", ".join(["null"] * x.ndim) + "]")


def runtime(op, inputs, outputs=1, opset=19, **attributes):
    """ONNX Runtime's result of one node; inputs may be None."""
    kinds = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "int64": TensorProto.INT64}
    names = ["" if x is None else "x%d" % i for i, x in enumerate(inputs)]
    results = ["y%d" % i for i in range(outputs)]
    node = helper.make_node(op, names, results, **attributes)
    given = [
        helper.make_tensor_value_info(n, kinds[dtype_name(x)], x.shape) for n, x in zip(names, inputs) if x is not None
    ]
    kind = lambda i: TensorProto.INT64 if i else kinds[dtype_name(inputs[0])]
    graph = helper.make_graph([node], "g", given, [helper.make_tensor_value_info(r, kind(i), None) for i, r in enumerate(results)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {n: x for n, x in zip(names, inputs) if x is not None})


def symmetric(pairs):
    """[[before, after], ..] as ONNX's pads."""
    return [p[0] for p in pairs] + [p[1] for p in pairs]


# ---- convolutions ----


def conv():
    file = File(
        "window/convolution",
        "every dtype, rank, layout, padding, stride, dilation, groups, unknown sizes. Tolerance: a rounding for each term.",
    )
    rng = np.random.default_rng(31)

    def expected(x, w, strides=1, padding="VALID", dilations=1):
        return wide(lambda a, b: tf.nn.convolution(a, b, strides, padding, dilations=dilations), x, w, label="convolution")

    for dtype in ["int32"] + FLOATS:
        x, w = some(rng, (1, 4, 5, 3), dtype), some(rng, (3, 2, 3, 4), dtype)
        wider = (x.astype("float64"), w.astype("float64")) if dtype == "int32" else (x, w)
        y, z = expected(*wider, padding="SAME"), expected(*wider)
        if dtype == "int32":
            y, z = y.astype("int32"), z.astype("int32")
        file.case(
            dtype,
            "y: {op: conv2d, inputs: [x, w], strides: [1, 1], padding: same}\n"
            "z: conv2d(x, w, 1, VALID)\n"
            "p: convolution(q, w, padding='same', data_format='NCHW')",
            {"x": x, "w": w, "q": first(x)},
            {"y": y, "z": z, "p": first(y)},
            tolerance=terms(dtype, 60),
        )
    for rank, name in ((1, "conv1d"), (2, "conv2d"), (3, "conv3d")):
        format = {1: "NCW", 2: "NCHW", 3: "NCDHW"}[rank]
        for stride, dilation, padding in (
            (1, 1, "SAME"),
            (2, 1, "SAME"),
            (2, 1, "VALID"),
            (1, 2, "SAME"),
            (1, 2, "VALID"),
            (3, 1, "SAME"),
        ):
            sizes = (7, 6, 5)[:rank] if rank < 3 else (5, 4, 5)
            x = some(rng, (2,) + sizes + (2,))
            w = some(rng, (3, 2, 2)[:rank] + (2, 3))
            y = expected(x, w, stride, padding, dilation)
            text = "%s(%s, w, %d, '%s'%s, dilations=%d)"
            file.case(
                "rank_%d_stride_%d_dilation_%d_%s" % (rank, stride, dilation, padding.lower()),
                "y: " + text % (name, "x", stride, padding, "", dilation) + "\n"
                "z: " + text % (name, "q", stride, padding, ", '%s'" % format, dilation) + "\n"
                "u: " + text % (name, "v", stride, padding, ", '%s'" % format, dilation),
                {"x": unknown(x), "w": w, "q": first(x), "v": Fed(first(x), "[n, c, " + ", ".join("ijk"[:rank]) + "]")},
                {"y": y, "z": first(y), "u": first(y)},
                tolerance=terms("float32", 60),
            )
    x, w = some(rng, (2, 5, 6, 3)), some(rng, (3, 3, 3, 2))
    pads = [[0, 0], [1, 2], [0, 3], [0, 0]]
    y = expected(np.pad(x, pads), w, 2)
    file.case(
        "explicit_padding",
        "y: conv2d(x, w, strides=[1, 2, 2, 1], padding=[[0, 0], [1, 2], [0, 3], [0, 0]])\n"
        "z: {op: conv2d, inputs: [x, w], strides: 2, padding: [[1, 2], [0, 3]]}\n"
        "p: conv2d(q, w, [1, 1, 2, 2], [[0, 0], [0, 0], [1, 2], [0, 3]], 'NCHW')",
        {"x": x, "w": w, "q": first(x)},
        {"y": y, "z": y, "p": first(y)},
        tolerance=terms("float32", 60),
    )
    y = expected(np.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])[:, :, :-1], w, 2)
    lower = runtime("Conv", [first(x), np.transpose(w, (3, 2, 0, 1))], auto_pad="SAME_LOWER", strides=[2, 2])[0]
    file.case(
        "same_lower",
        "y: conv2d(x, w, 2, same_lower)\nz: conv2d(x, w, 2, same_upper)",
        {"x": x, "w": w},
        {"y": last(lower), "z": expected(x, w, 2, "SAME")},
        tolerance=terms("float32", 60),
    )
    for groups, each, outputs in ((2, 3, 4), (3, 1, 3), (3, 1, 6), (4, 2, 4)):
        x, w = some(rng, (2, 5, 4, groups * each)), some(rng, (3, 3, each, outputs))
        y = expected(x, w, [2, 1], "SAME")
        file.case(
            "groups_%d_of_%d_to_%d" % (groups, each, outputs),
            "y: conv2d(x, w, [2, 1], same)\nz: conv2d(u, w, [2, 1], same)\np: conv2d(q, v, [2, 1], same, 'NCHW')\n"
            "r: relu(conv2d(x, w, [2, 1], same) + 1)",
            {"x": x, "w": w, "u": unknown(x), "q": unknown(first(x)), "v": unknown(w)},
            {"y": y, "z": y, "p": first(y), "r": np.maximum(y + 1, 0)},
            tolerance=terms("float32", 60),
        )
    x, w = some(rng, (2, 9, 8, 5)), some(rng, (1, 1, 5, 19))
    y = expected(x, w)
    file.case(
        "one_by_one",
        "y: conv2d(x, w)\nz: conv2d(q, w, data_format='NCHW')",
        {"x": x, "w": w, "q": first(x)},
        {"y": y, "z": first(y)},
        tolerance=terms("float32", 20),
    )
    for c, o in ((1, 1), (3, 16), (16, 33), (130, 2), (130, 1)):
        x, w = some(rng, (1, 9, 14, c)), some(rng, (3, 3, c, o), scale=1)
        y = expected(x, w, 1, "SAME")
        file.case(
            "channels_%d_to_%d" % (c, o),
            "f: {op: identity, inputs: w}\ny: conv2d(x, w, 1, same)\nz: conv2d(q, w, 1, same, 'NCHW')\n"
            "b: relu(bias_add(conv2d(x, w, 1, same), zeros([%d])) + 1)" % o,
            {"x": x, "w": w, "q": first(x)},
            {"y": y, "z": first(y), "b": np.maximum(y + 1, 0)},
            tolerance=terms("float32", 18 * c),
        ) if c < 100 else file.case(
            "channels_%d_to_%d" % (c, o),
            "r: cast(range(%d), float32)\n" % x.size
            + "x: reshape(r %% 13 - 6, [1, 9, 14, %d])\n" % c
            + "w: reshape(cast(range(%d), float32) %% 7 - 3, [3, 3, %d, %d])\n" % (w.size, c, o)
            + "y: conv2d(x, w, 1, same)\nz: conv2d(transpose(x, [0, 3, 1, 2]), w, 1, same, 'NCHW')",
            {},
            (lambda v: {"y": v, "z": first(v)})(
                expected(
                    (np.arange(x.size) % 13 - 6).reshape(x.shape).astype("float32"),
                    (np.arange(w.size) % 7 - 3).reshape(w.shape).astype("float32"),
                    1,
                    "SAME",
                )
            ),
        )
    x, w = some(rng, (2, 3, 4, 5, 2)), some(rng, (2, 2, 2, 3))
    y = np.stack([expected(v, w, 1, "SAME") for v in x])
    file.case(
        "two_batch_dimensions", "y: conv2d(x, w, 1, same)", {"x": unknown(x), "w": w}, {"y": y}, tolerance=terms("float32", 30)
    )
    x, w = some(rng, (1, 2, 2, 1)), some(rng, (5, 5, 1, 2))
    file.case(
        "filter_larger_than_input",
        "y: conv2d(x, w, 1, same)",
        {"x": unknown(x), "w": unknown(w)},
        {"y": expected(x, w, 1, "SAME")},
        tolerance=terms("float32", 30),
    )
    nothing = np.zeros((0, 4, 4, 2), np.float32)
    w = some(rng, (2, 2, 2, 3))
    file.case(
        "empty_batch", "y: conv2d(x, w, 1, same)", {"x": unknown(nothing), "w": w}, {"y": np.zeros((0, 4, 4, 3), np.float32)}
    )
    file.case(
        "no_channels",
        "y: conv2d(x, w, 1, same)",
        {"x": unknown(np.zeros((1, 2, 2, 0), np.float32)), "w": unknown(np.zeros((2, 2, 0, 3), np.float32))},
        {"y": np.zeros((1, 2, 2, 3), np.float32)},
    )
    x = array([[1], [2], [3]], "float32").reshape(1, 3, 1)
    w = array([np.inf, 1, 1], "float32").reshape(3, 1, 1)
    file.case(
        "padding_adds_nothing",
        "y: conv1d(x, w, 1, same)",
        {"x": x, "w": w},
        {"y": array([3, np.inf, np.inf], "float32").reshape(1, 3, 1)},
    )
    place = "x: {op: placeholder, dtype: float32, shape: %s}\nw: {op: placeholder, dtype: float32, shape: %s}\n"
    for name, shapes, text, error in (
        ("channels_differ", ("[1, 5, 5, 5]", "[3, 3, 3, 8]"), "y: conv2d(x, w)", "channels are 5"),
        ("ranks_differ", ("[5, 5, 3]", "[3, 3, 3, 8]"), "y: conv2d(x, w)", "rank"),
        ("too_small", ("[1, 2, 2, 3]", "[5, 5, 3, 8]"), "y: conv2d(x, w)", "negative"),
        ("stride_zero", ("[1, 5, 5, 3]", "[3, 3, 3, 8]"), "y: conv2d(x, w, 0)", "at least 1"),
        ("stride_of_channels", ("[1, 5, 5, 3]", "[3, 3, 3, 8]"), "y: conv2d(x, w, [1, 2, 2, 2])", "channels"),
        ("three_strides", ("[1, 5, 5, 3]", "[3, 3, 3, 8]"), "y: conv2d(x, w, [1, 2, 2])", "3 numbers"),
        ("negative_padding", ("[1, 5, 5, 3]", "[3, 3, 3, 8]"), "y: conv2d(x, w, 1, [[-1, 0], [0, 0]])", "negative"),
        ("padding_word", ("[1, 5, 5, 3]", "[3, 3, 3, 8]"), "y: conv2d(x, w, 1, full)", "same_lower"),
        ("layout", ("[1, 5, 5, 3]", "[3, 3, 3, 8]"), "y: conv2d(x, w, 1, same, 'NCDHW')", "'NHWC' or 'NCHW'"),
        ("groups_and_outputs", ("[1, 5, 5, 6]", "[3, 3, 3, 3]"), "y: conv2d(x, w)", "multiple"),
    ):
        file.case(name, place % shapes + text, compile_error=error)
    file.case(
        "channels_differ_at_run_time",
        "y: conv2d(x, w)",
        {"x": unknown(np.zeros((1, 5, 5, 5), np.float32)), "w": unknown(np.zeros((3, 3, 3, 8), np.float32))},
        error="channels are 5",
        node="y",
    )
    file.case(
        "too_small_at_run_time",
        "y: conv2d(x, w)",
        {"x": unknown(np.zeros((1, 2, 2, 3), np.float32)), "w": np.zeros((5, 5, 3, 8), np.float32)},
        error="negative",
        node="y",
    )


def depthwise():
    file = File("window/depthwise_conv2d", "multipliers, strides, dilations, layouts. Tolerance: a rounding for each term.")
    rng = np.random.default_rng(32)
    for dtype in FLOATS:
        for c, m, stride, dilation, padding in ((3, 1, 1, 1, "SAME"), (3, 2, 2, 1, "VALID"), (17, 1, 1, 2, "SAME")):
            if dtype != "float32" and c == 17:
                continue
            x, w = some(rng, (1, 6, 5, c), dtype), some(rng, (3, 2, c, m), dtype)
            y = wide(
                lambda a, b: tf.nn.depthwise_conv2d(a, b, [1, stride, stride, 1], padding, dilations=[dilation, dilation]),
                x,
                w,
                label="depthwise",
            )
            file.case(
                "%s_%d_times_%d" % (dtype, c, m),
                "y: depthwise_conv2d(x, w, [1, %d, %d, 1], '%s', dilations=[%d, %d])\n" % (stride, stride, padding, dilation, dilation)
                + "z: depthwise_conv2d(u, v, %d, '%s', dilations=%d)\n" % (stride, padding, dilation)
                + "p: depthwise_conv2d(q, w, %d, '%s', 'NCHW', %d)" % (stride, padding, dilation),
                {"x": x, "w": w, "u": unknown(x), "v": unknown(w), "q": first(x)},
                {"y": y, "z": y, "p": first(y)},
                tolerance=terms(dtype, 24),
            )
    file.case(
        "channels_differ",
        "x: {op: placeholder, dtype: float32, shape: [1, 4, 4, 3]}\nw: {op: placeholder, dtype: float32, shape: [2, 2, 4, 1]}\n"
        "y: depthwise_conv2d(x, w, 1, same)",
        compile_error="[2, 2, 4, 1]",
    )
    file = File("window/separable_conv2d", "a convolution by channels, then one of channels. Tolerance: a rounding for each term.")
    x, w, v = some(rng, (2, 5, 6, 3)), some(rng, (3, 3, 3, 2)), some(rng, (1, 1, 6, 4), scale=1)
    y = wide(lambda a, b, d: tf.nn.separable_conv2d(a, b, d, [1, 2, 2, 1], "SAME"), x, w, v, label="separable")
    file.case(
        "float32",
        "y: separable_conv2d(x, w, v, [1, 2, 2, 1], 'SAME')\nz: separable_conv2d(q, w, v, 2, same, 'NCHW')",
        {"x": x, "w": w, "v": v, "q": first(x)},
        {"y": y, "z": first(y)},
        tolerance=terms("float32", 200),
    )
    file.case(
        "pointwise_size",
        "x: {op: placeholder, dtype: float32, shape: [1, 4, 4, 3]}\nw: {op: placeholder, dtype: float32, shape: [2, 2, 3, 1]}\n"
        "v: {op: placeholder, dtype: float32, shape: [2, 1, 3, 1]}\ny: separable_conv2d(x, w, v, 1, same)",
        compile_error="1 x 1",
    )


def transpose():
    file = File(
        "window/conv_transpose",
        "ranks, strides, padding, output_shape known and unknown, ONNX's groups and output_padding. Tolerance: a rounding for each term.",
        by="TensorFlow 2.21 and ONNX Runtime",
    )
    rng = np.random.default_rng(33)

    def expected(x, w, shape, strides, padding, dilations=1):
        return wide(
            lambda a, b: tf.nn.conv_transpose(a, b, shape, strides, padding, dilations=dilations), x, w, label="conv_transpose"
        )

    for rank, name in ((1, "conv1d_transpose"), (2, "conv2d_transpose"), (3, "conv3d_transpose")):
        for stride, padding, size in ((1, "SAME", 3), (2, "SAME", 6), (2, "SAME", 5), (2, "VALID", 7), (3, "VALID", 9)):
            x = some(rng, (1,) + (3,) * rank + (2,))
            w = some(rng, (3, 2, 2)[:rank] + (3, 2))
            reach = [stride * 2 + k for k in w.shape[:rank]]
            sizes = [size] * rank if padding == "SAME" else reach
            shape = [1] + sizes + [3]
            y = expected(x, w, shape, stride, padding)
            file.case(
                "rank_%d_stride_%d_%s_%d" % (rank, stride, padding.lower(), size),
                "y: %s(x, w, %s, %d, '%s')\n" % (name, shape, stride, padding)
                + "z: %s(u, w, s, %d, '%s')\n" % (name, stride, padding)
                + "p: conv_transpose(q, w, %s, %d, %s, '%s')" % (sizes, stride, padding.lower(), {1: "NCW", 2: "NCHW", 3: "NCDHW"}[rank]),
                {"x": x, "w": w, "u": unknown(x), "s": np.array(shape, "int32"), "q": first(x)},
                {"y": y, "z": y, "p": first(y)},
                tolerance=terms("float32", 60),
            )
    for dtype in FLOATS:
        x, w = some(rng, (1, 3, 4, 2), dtype), some(rng, (3, 3, 3, 2), dtype)
        file.case(
            dtype,
            "y: conv2d_transpose(x, w, [1, 6, 8, 3], 2)\nz: conv_transpose(x, w, strides=2)",
            {"x": x, "w": w},
            dict.fromkeys("yz", expected(x, w, [1, 6, 8, 3], 2, "SAME")),
            tolerance=terms(dtype, 20),
        )
    for name, attributes, text in (
        ("pads", dict(strides=[2, 3], pads=[1, 0, 2, 1]), "strides=[2, 3], padding=[[1, 2], [0, 1]]"),
        ("output_padding", dict(strides=[2, 3], output_padding=[1, 2]), "strides=[2, 3], padding=valid, output_padding=[1, 2]"),
        ("dilations", dict(strides=[2, 1], dilations=[2, 3]), "strides=[2, 1], padding=valid, dilations=[2, 3]"),
        ("output_shape", dict(strides=[3, 2], output_shape=[10, 8]), "output_shape=[10, 8], strides=[3, 2], padding=same_lower"),
        ("same_upper", dict(strides=[2, 2], auto_pad="SAME_UPPER"), "strides=2, padding=same_upper"),
        ("groups", dict(strides=[2, 2], group=2), "strides=2, padding=valid, groups=2"),
        ("groups_of_one", dict(strides=[1, 2], group=4), "strides=[1, 2], padding=valid, groups=4"),
    ):
        x, w = some(rng, (2, 4, 3, 4)), some(rng, (4, 3, 3, 2))
        y = runtime("ConvTranspose", [x, w], **attributes)[0]
        file.case(
            "onnx_" + name,
            "y: conv_transpose(x, transpose(w, [2, 3, 1, 0]), data_format='NCHW', %s)\n" % text
            + "z: conv_transpose(u, transpose(v, [2, 3, 1, 0]), %s)" % text,
            {"x": x, "w": w, "u": unknown(last(x)), "v": unknown(w)},
            {"y": y, "z": last(y)},
            tolerance=terms("float32", 80),
        )
    x, w = some(rng, (1, 3, 3, 150)), some(rng, (2, 2, 3, 150), scale=0.5)
    file.case(
        "many_channels",
        "r: cast(range(1350), float32)\nx: reshape(r % 7 - 3, [1, 3, 3, 150])\n"
        "w: reshape(cast(range(1800), float32) % 5 - 2, [2, 2, 3, 150])\ny: conv2d_transpose(x, w, [1, 6, 6, 3], 2)",
        {},
        {
            "y": expected(
                (np.arange(1350) % 7 - 3).reshape(1, 3, 3, 150).astype("float32"),
                (np.arange(1800) % 5 - 2).reshape(2, 2, 3, 150).astype("float32"),
                [1, 6, 6, 3],
                2,
                "SAME",
            )
        },
    )
    place = "x: {op: placeholder, dtype: float32, shape: [1, 3, 3, 2]}\nw: {op: placeholder, dtype: float32, shape: [3, 3, 4, 2]}\n"
    file.case("does_not_fit", place + "y: conv2d_transpose(x, w, [1, 9, 6, 4], 2)", compile_error="gives 5")
    file.case("channels_of_output", place + "y: conv2d_transpose(x, w, [1, 6, 6, 5], 2)", compile_error="output_shape has size 3 5")
    file.case("groups", place + "y: conv_transpose(x, w, groups=3)", compile_error="multiple")
    file.case(
        "channels_differ",
        place.replace("4, 2]", "4, 3]") + "y: conv_transpose(x, w)",
        compile_error="the input's channels are not the filters'",
    )


def deform():
    file = File(
        "window/deform_conv", "offsets, masks, groups, biases. Tolerance: a rounding for each term.", by="ONNX Runtime"
    )
    rng = np.random.default_rng(34)
    for name, group, offset_group, attributes in (
        ("plain", 1, 1, dict(pads=[0, 0, 0, 0])),
        ("padded", 1, 1, dict(pads=[1, 1, 1, 1], strides=[2, 1])),
        ("groups", 2, 2, dict(pads=[0, 1, 1, 0], dilations=[1, 2])),
    ):
        x, w, b = some(rng, (2, 4, 5, 6)), some(rng, (6, 4 // group, 2, 3)), some(rng, (6,))
        pads, strides, dilations = attributes["pads"], attributes.get("strides", [1, 1]), attributes.get("dilations", [1, 1])
        sizes = [
            (x.shape[2 + d] + pads[d] + pads[2 + d] - (w.shape[2 + d] - 1) * dilations[d] - 1) // strides[d] + 1 for d in (0, 1)
        ]
        offset = some(rng, (2, offset_group * 12, *sizes))
        mask = some(rng, (2, offset_group * 6, *sizes))
        given = dict(attributes, group=group, offset_group=offset_group)
        text = ", ".join("%s=%s" % (k, v) for k, v in given.items())
        file.case(
            name,
            "y: deform_conv(x, w, offset, b, mask, %s)\nz: deform_conv(x, w, offset, %s)\n" % (text, text)
            + "u: deform_conv(v, w, offset, b, mask, %s)" % text,
            {"x": x, "w": w, "offset": offset, "b": b, "mask": mask, "v": unknown(x)},
            {
                "y": runtime("DeformConv", [x, w, offset, b, mask], **given)[0],
                "z": runtime("DeformConv", [x, w, offset], **given)[0],
                "u": runtime("DeformConv", [x, w, offset, b, mask], **given)[0],
            },
            tolerance=terms("float32", 400),
        )
    file.case(
        "offset_of_another_shape",
        "x: {op: placeholder, dtype: float32, shape: [1, 2, 5, 5]}\nw: {op: placeholder, dtype: float32, shape: [2, 2, 2, 2]}\n"
        "o: {op: placeholder, dtype: float32, shape: [1, 4, 4, 4]}\ny: deform_conv(x, w, o)",
        compile_error="[1, 8, 4, 4]",
    )


# ---- pools ----


def pools():
    rng = np.random.default_rng(35)
    kinds = (
        ("max_pool", tf.nn.max_pool, "MaxPool", ["int32", "uint8"] + FLOATS),
        ("avg_pool", tf.nn.avg_pool, "AveragePool", FLOATS),
    )
    for op, function, onnx_op, dtypes in kinds:
        file = File(
            "window/" + op,
            "dtypes, ranks, layouts, padding, dilations, ceil_mode, unknown sizes. Tolerance: a rounding for each term.",
            by="TensorFlow 2.21 and ONNX Runtime",
        )
        exact = op == "max_pool"
        for dtype in dtypes:
            x = distinct(rng, (1, 5, 4, 2), dtype) if dtype in FLOATS else rng.integers(0, 99, (1, 5, 4, 2)).astype(dtype)
            wider = x if dtype in FLOATS else x.astype("float32")
            y = wide(lambda a: function(a, [2, 3], [1, 2], "SAME"), wider, label=op).astype(x.dtype)
            z = wide(lambda a: function(a, 2, 2, "VALID"), wider, label=op).astype(x.dtype)
            file.case(
                dtype,
                "y: {op: %s, inputs: x, ksize: [1, 2, 3, 1], strides: [1, 1, 2, 1], padding: SAME}\n" % op
                + "z: %s(u, 2, 2, 'VALID')\np: %s2d(q, [2, 3], [1, 2], same, 'NCHW')" % (op, op),
                {"x": x, "u": unknown(x), "q": unknown(first(x))},
                {"y": y, "z": z, "p": first(y)},
                tolerance=0 if exact else terms(dtype, 8),
            )
        for rank in (1, 3):
            x = distinct(rng, (2,) + (5, 6, 4)[:rank] + (2,))
            y = function(x, 3, 2, "SAME").numpy()
            file.case(
                "rank_%d" % rank,
                "y: %s%dd(x, 3, 2, same)\nz: %s(q, 3, 2, same, '%s')" % (op, rank, op, {1: "NCW", 3: "NCDHW"}[rank]),
                {"x": x, "q": first(x)},
                {"y": y, "z": first(y)},
                tolerance=0 if exact else terms("float32", 30),
            )
        forms = [
            ("pads", dict(kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 2, 1]), "3, 2", "[2, 2]", "[[1, 2], [0, 1]]", ""),
            ("ceil", dict(kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1), "3, 3", "2", "valid", ", ceil_mode=true"),
            (
                "ceil_with_pads",
                dict(kernel_shape=[2, 3], strides=[3, 2], pads=[1, 1, 1, 1], ceil_mode=1),
                "2, 3",
                "[3, 2]",
                "[[1, 1], [1, 1]]",
                ", ceil_mode=true",
            ),
            ("dilations", dict(kernel_shape=[3, 2], dilations=[2, 3]), "3, 2", "1", "valid", ", dilations=[2, 3]"),
            (
                "dilations_and_pads",
                dict(kernel_shape=[3, 2], dilations=[2, 2], pads=[2, 1, 1, 1], strides=[2, 1]),
                "3, 2",
                "[2, 1]",
                "[[2, 1], [1, 1]]",
                ", dilations=2",
            ),
            ("same_lower", dict(kernel_shape=[2, 2], strides=[1, 2], auto_pad="SAME_LOWER"), "2, 2", "[1, 2]", "same_lower", ""),
        ]
        if not exact:
            forms += [
                (n + "_counted", dict(a, count_include_pad=1), k, s, p, m + ", count_include_pad=true")
                for n, a, k, s, p, m in forms
            ]
        for name, attributes, ksize, strides, padding, more in forms:
            x = distinct(rng, (1, 2, 7, 6))
            y = runtime(onnx_op, [x], **attributes)[0]
            text = "%s(%s, [%s], %s, %s%s%s)"
            file.case(
                "onnx_" + name,
                "y: " + text % (op, "x", ksize, strides, padding, ", 'NCHW'", more) + "\n"
                "z: " + text % (op, "u", ksize, strides, padding, "", more),
                {"x": x, "u": unknown(last(x))},
                {"y": y, "z": last(y)},
                tolerance=0 if exact else terms("float32", 16),
            )
        x = distinct(rng, (1, 9, 11, 19))
        y = wide(lambda a: function(a, 3, 2, "SAME"), x, label=op)
        file.case(
            "many_channels",
            "y: %s(x, 3, 2, same)\nz: %s(q, 3, 2, same, 'NCHW')" % (op, op),
            {"x": x, "q": Fed(first(x), "[n, c, null, null]")},
            {"y": y, "z": first(y)},
            tolerance=0 if exact else terms("float32", 30),
        )
        file.case(
            "empty_batch",
            "y: %s(x, 2, 2)" % op,
            {"x": unknown(np.zeros((0, 4, 4, 2), np.float32))},
            {"y": np.zeros((0, 2, 2, 2), np.float32)},
        )
        place = "x: {op: placeholder, dtype: float32, shape: [1, 4, 4, 2]}\n"
        file.case("too_small", place + "y: %s(x, 7, 2)" % op, compile_error="negative")
        file.case("window_of_zero", place + "y: %s(x, 0, 2)" % op, compile_error="at least 1")
        file.case("window_of_channels", place + "y: %s(x, [1, 2, 2, 2], 2)" % op, compile_error="channels")
        file.case("rank", place + "y: %s(x[0, 0], 2, 2)" % op, compile_error="3 dimensions")
        file.case(
            "too_small_at_run_time",
            "y: %s(x, 7, 2)" % op,
            {"x": unknown(np.zeros((1, 4, 4, 2), np.float32))},
            error="negative",
            node="y",
        )
    file = File("window/lp_pool", "powers, padding, layouts. Tolerance: a rounding for each term.", by="ONNX Runtime")
    for p in (1, 2, 3):
        x = some(rng, (1, 2, 5, 6))
        y = runtime("LpPool", [x], p=p, kernel_shape=[2, 3], strides=[1, 2], pads=[1, 0, 0, 1])[0]
        file.case(
            "p_%d" % p,
            "y: lp_pool(x, [2, 3], [1, 2], [[1, 0], [0, 1]], 'NCHW', p=%d)\n" % p
            + "z: lp_pool(u, [2, 3], [1, 2], [[1, 0], [0, 1]], p=%d)" % p,
            {"x": x, "u": unknown(last(x))},
            {"y": y, "z": last(y)},
            tolerance=terms("float32", 40),
        )


def argmax():
    file = File(
        "window/max_pool_with_argmax",
        "values and indices, TensorFlow's within an image, ONNX's within all, in both storage orders.",
        by="TensorFlow 2.21 and ONNX Runtime",
    )
    rng = np.random.default_rng(36)
    for dtype in ("float32", "float16", "float64"):
        for batch in (False, True):
            x = distinct(rng, (2, 5, 4, 3), dtype)
            y, i = tf.nn.max_pool_with_argmax(x.astype("float32"), [2, 3], [2, 1], "SAME", include_batch_in_index=batch)
            file.case(
                "%s_%s" % (dtype, "batch" if batch else "image"),
                "y: {op: max_pool_with_argmax, inputs: x, ksize: [2, 3], strides: [2, 1], padding: same, "
                "include_batch_in_index: %s, outputs: [v, i]}\n" % str(batch).lower()
                + "z: {op: max_pool_with_argmax, inputs: u, ksize: [2, 3], strides: [2, 1], padding: same, "
                "output_dtype: int32, include_batch_in_index: %s, outputs: [w, j]}" % str(batch).lower(),
                {"x": x, "u": unknown(x)},
                {
                    "v": y.numpy().astype(numpy_dtype(dtype)),
                    "i": i.numpy(),
                    "w": y.numpy().astype(numpy_dtype(dtype)),
                    "j": i.numpy().astype("int32"),
                },
            )
    for order in (0, 1):
        for name, attributes, text in (
            ("pads", dict(kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1]), "3, 2], [2, 2], [[1, 1], [0, 1]]"),
            ("dilations", dict(kernel_shape=[2, 2], dilations=[2, 3]), "2, 2], 1, valid"),
        ):
            x = distinct(rng, (2, 3, 5, 6))
            y, i = runtime("MaxPool", [x], 2, storage_order=order, **attributes)
            dilations = ", dilations: %s" % attributes["dilations"] if "dilations" in attributes else ""
            file.case(
                "onnx_%s_order_%d" % (name, order),
                "y: {op: max_pool_with_argmax, inputs: x, ksize: %s, strides: %s, padding: %s, data_format: NCHW, "
                "include_batch_in_index: true, storage_order: %d%s, outputs: [v, i]}"
                % (
                    attributes["kernel_shape"],
                    attributes.get("strides", [1, 1]),
                    "[[1, 1], [0, 1]]" if "pads" in attributes else "valid",
                    order,
                    dilations,
                ),
                {"x": x},
                {"v": y, "i": i},
            )
    file = File("window/max_unpool", "indices of a pool back to their places.", by="ONNX Runtime")
    x = distinct(rng, (1, 2, 4, 6))
    y, i = runtime("MaxPool", [x], 2, kernel_shape=[2, 2], strides=[2, 2])
    file.case(
        "float32",
        "y: max_unpool(x, i, kernel_shape=[2, 2], strides=[2, 2])\n"
        "z: max_unpool(u, j, kernel_shape=2, strides=2)\n"
        "w: max_unpool(x, i, s, kernel_shape=2, strides=2)",
        {"x": y, "i": i, "u": unknown(y), "j": unknown(i), "s": np.array([1, 2, 5, 8])},
        {
            "y": runtime("MaxUnpool", [y, i], kernel_shape=[2, 2], strides=[2, 2])[0],
            "z": runtime("MaxUnpool", [y, i], kernel_shape=[2, 2], strides=[2, 2])[0],
            "w": np.pad(runtime("MaxUnpool", [y, i], kernel_shape=[2, 2], strides=[2, 2])[0], [(0, 0), (0, 0), (0, 1), (0, 2)]),
        },
    )
    file.case(
        "index_outside",
        "y: max_unpool(x, i, kernel_shape=[2], strides=[2])",
        {"x": np.ones((1, 1, 2), np.float32), "i": np.array([[[0, 4]]])},
        error="4",
        node="y",
    )


def regions():
    file = File("window/max_roi_pool", "regions that overlap, leave the image, are empty.", by="ONNX Runtime")
    rng = np.random.default_rng(37)
    x = distinct(rng, (2, 2, 7, 8))
    rois = array(
        [[0, 0, 0, 7, 6], [1, 2, 1, 5, 4], [1, 3, 3, 3, 3], [0, 5, 5, 12, 12], [1, 0, 0, 3, 1]], "float32"
    )
    for scale in (1.0, 0.5):
        file.case(
            "scale_%g" % (10 * scale),
            "y: max_roi_pool(x, rois, pooled_shape=[3, 2], spatial_scale=%g)\n" % scale
            + "z: max_roi_pool(u, r, pooled_shape=[3, 2], spatial_scale=%g)" % scale,
            {"x": x, "rois": rois, "u": unknown(x), "r": unknown(rois)},
            dict.fromkeys("yz", runtime("MaxRoiPool", [x, rois], pooled_shape=[3, 2], spatial_scale=scale)[0]),
        )
    file.case(
        "no_such_image",
        "y: max_roi_pool(x, rois, pooled_shape=[3, 2])",
        {"x": x, "rois": array([[2, 0, 0, 1, 1]], "float32")},
        error="rois[0,0] = 2",
        node="y",
    )


def normalization():
    file = File(
        "window/local_response_normalization",
        "TensorFlow's radius and ONNX's size, powers, layouts.",
        by="TensorFlow 2.21 and ONNX Runtime",
    )
    rng = np.random.default_rng(38)
    for radius, bias, alpha, beta in ((5, 1, 1, 0.5), (1, 2, 0.5, 0.75), (2, 1, 0.25, 1), (1, 1.5, 0.1, 0.6)):
        x = some(rng, (2, 2, 3, 7))
        y = tf.nn.local_response_normalization(x, radius, bias, alpha, beta).numpy()
        text = "%d, %g, %g, %g" % (radius, bias, alpha, beta)
        file.case(
            "radius_%d_beta_%g" % (radius, 100 * beta),
            "y: lrn(x, %s)\nz: local_response_normalization(q, %s, 'NCHW')" % (text, text),
            {"x": unknown(x), "q": first(x)},
            {"y": y, "z": first(y)},
            tolerance=2e-6,
        )
    for size in (1, 3, 4):
        x = some(rng, (2, 7, 2, 3))
        if size % 2:
            y = runtime("LRN", [x], alpha=0.02, beta=0.75, bias=1.5, size=size)[0]
        else:  # ONNX Runtime has odd sizes only; ONNX's text puts the odd channel behind
            squares = np.pad(x.astype("float64") ** 2, [(0, 0), ((size - 1) // 2, size // 2), (0, 0), (0, 0)])
            total = sum(squares[:, k : k + 7] for k in range(size))
            y = (x / (1.5 + 0.02 / size * total) ** 0.75).astype("float32")
        file.case(
            "onnx_size_%d" % size,
            "y: lrn(x, bias=1.5, alpha=0.02, beta=0.75, data_format='NCHW', size=%d)" % size,
            {"x": x},
            {"y": y},
            tolerance=2e-6,
        )
    file.case(
        "size_zero",
        "x: {op: placeholder, dtype: float32, shape: [1, 4, 4, 2]}\ny: lrn(x, size=0)",
        compile_error="at least",
    )


def patches():
    file = File("window/extract_patches", "strides, rates, padding, dtypes.")
    rng = np.random.default_rng(39)
    for dtype in ("float32", "int32", "float16"):
        for sizes, strides, rates, padding in (
            ([2, 3], [1, 2], [1, 1], "VALID"),
            ([3, 2], [2, 2], [1, 2], "SAME"),
            ([1, 1], [3, 1], [1, 1], "VALID"),
        ):
            x = some(rng, (2, 5, 7, 2), dtype)
            full = lambda v: [1] + v + [1]
            y = tf.image.extract_patches(x, full(sizes), full(strides), full(rates), padding).numpy()
            file.case(
                "%s_%dx%d_%s" % (dtype, *sizes, padding.lower()),
                "y: extract_patches(x, %s, %s, %s, '%s')\n" % (full(sizes), full(strides), full(rates), padding)
                + "z: {op: extract_image_patches, inputs: u, sizes: %s, strides: %s, rates: %s, padding: %s}" % (sizes, strides, rates, padding),
                {"x": x, "u": unknown(x)},
                {"y": y, "z": y},
            )
    file = File("window/col2im", "overlaps, padding, sizes known and unknown, ranks.", by="ONNX Runtime")
    for name, image, block, attributes in (
        ("plain", [4, 5], [1, 5], {}),
        ("overlaps", [5, 5], [3, 2], dict(strides=[1, 2])),
        ("padded", [5, 5], [2, 3], dict(strides=[2, 2], pads=[1, 0, 1, 1])),
        ("dilated", [6, 6], [2, 2], dict(dilations=[1, 5])),
        ("rank_3", [3, 4, 4], [1, 2, 2], dict(strides=[1, 1, 2])),
    ):
        rank = len(image)
        pads, strides = attributes.get("pads", [0] * 2 * rank), attributes.get("strides", [1] * rank)
        dilations = attributes.get("dilations", [1] * rank)
        windows = [
            (image[d] + pads[d] + pads[rank + d] - (block[d] - 1) * dilations[d] - 1) // strides[d] + 1 for d in range(rank)
        ]
        x = some(rng, (1, 2 * int(np.prod(block)), int(np.prod(windows))))
        y = runtime("Col2Im", [x, np.array(image), np.array(block)], **attributes)[0]
        text = "".join(", %s=%s" % item for item in attributes.items())
        file.case(
            name,
            "y: col2im(x, %s, %s%s)\nz: col2im(u, image, block%s)" % (image, block, text, text),
            {"x": x, "u": unknown(x), "image": np.array(image), "block": np.array(block)},
            {"y": y, "z": y},
            tolerance=terms("float32", 20),
        )
    file.case(
        "does_not_fit",
        "x: {op: placeholder, dtype: float32, shape: [1, 4, 9]}\ny: col2im(x, [4, 4], [2, 2], strides=[2, 2])",
        compile_error="[1, 4, 9]",
    )


def tables():
    conv()
    depthwise()
    transpose()
    deform()
    pools()
    argmax()
    regions()
    normalization()
    patches()
