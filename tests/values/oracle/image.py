"""Ops that sample pictures and other grids at other places."""

import numpy as np
import tensorflow as tf

from .case import EVERY, FLOATS, NUMBERS, Fed, File, array, numpy_dtype
from .onnx_model import add_model, onnx_op
from .shape import add, count, refuse, unknown
from .tensorflow import native

MODES = ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"]


def noise(*shape, seed=1):
    return array(np.round(np.random.default_rng(seed).uniform(-2, 2, shape), 3), "float32")


def resized(x, scales=None, sizes=None, roi=None, reference=True, **attributes):
    scales = None if scales is None else np.array(scales, np.float32)
    sizes = None if sizes is None else np.array(sizes, np.int64)
    roi = None if roi is None else np.array(roi, np.float32)
    return onnx_op("Resize", x, roi, scales, sizes, opset=19, reference=reference, **attributes)


def words(attributes):
    """Attributes as a call's arguments."""
    text = ""
    for name, v in attributes.items():
        if name in ("antialias", "exclude_outside"):
            v = "true" if v else "false"
        text += ", %s=%s" % (name, v)
    return text


def resize():
    file = File(
        "image/resize",
        "every mode, coordinate transformation and rounding; scales and sizes known and fed; antialiasing, regions, "
        "aspect ratios. Tolerance: coordinates and weights are float32, some 10 units in the last place.",
        by="ONNX 1.17's reference, where ONNX Runtime 1.32 differs from it or has no kernel",
    )
    close = dict(tolerance=1e-5)
    x = noise(1, 2, 4, 5)
    for mode in ("nearest", "linear", "cubic"):
        for transformation in MODES:
            if mode == "nearest" and transformation == "half_pixel_symmetric":
                continue
            a = dict(mode=mode, coordinate_transformation_mode=transformation)
            text = words(a)
            up, down = [1, 1, 2, 1.6], [1, 1, 0.5, 0.6]
            file.case(
                "%s_%s" % (mode, transformation),
                "u: resize(x, scales=[1, 1, 2, 1.6]%s)\n"
                "d: resize(x, scales=s%s)\n"
                "t: resize(x, sizes=[1, 2, 7, 3]%s)\n"
                "v: resize(x, sizes=n%s)\n"
                "w: resize(x, sizes=[3, 9], axes=[-1, 2]%s)" % (text, text, text, text, text),
                {"x": unknown(x), "s": array(down, "float32"), "n": np.array([1, 2, 3, 8], np.int64)},
                {
                    "u": resized(x, up, **a),
                    "d": resized(x, down, **a),
                    "t": resized(x, sizes=[1, 2, 7, 3], **a),
                    "v": resized(x, sizes=[1, 2, 3, 8], **a),
                    "w": resized(x, sizes=[1, 2, 9, 3], **a),
                },
                **(close if mode != "nearest" else {})
            )
    for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
        nodes, expect = [], {}
        for i, transformation in enumerate(("half_pixel", "align_corners", "asymmetric")):
            for size in (2, 3, 5, 8, 12):
                a = dict(coordinate_transformation_mode=transformation, nearest_mode=rounding)
                nodes.append("y%d_%d: resize(x, sizes=[%d]%s)" % (i, size, size, words(a)))
                expect["y%d_%d" % (i, size)] = resized(count(4), sizes=[size], mode="nearest", **a)
        file.case("nearest_" + rounding, nodes, {"x": Fed(count(4), "[n]")}, expect)
    file.case(
        "tf_half_pixel_for_nn",
        "y: resize(x, sizes=[7], coordinate_transformation_mode=tf_half_pixel_for_nn, nearest_mode=floor)",
        {"x": count(3)},
        {
            "y": onnx_op(
                "Resize",
                count(3),
                np.zeros(0, np.float32),
                np.zeros(0, np.float32),
                np.array([7], np.int64),
                opset=11,
                coordinate_transformation_mode="tf_half_pixel_for_nn",
                nearest_mode="floor",
            )
        },
    )
    for dtype in EVERY:
        v = array([[0, 1, 1], [1, 0, 1]] if dtype == "bool" else [[3, 100, 7], [50, 2, 90]], dtype)
        y = np.repeat(np.repeat(v, 2, 0), 2, 1)
        file.case("nearest_of_" + dtype, "y: resize(x, scales=[2, 2])", {"x": unknown(v)}, {"y": y})
        if dtype != "bool":
            wide = np.float64 if dtype == "float64" else np.float32
            a = dict(mode="linear", coordinate_transformation_mode="align_corners")
            y = resized(v.astype(wide), sizes=[3, 5], **a).astype(numpy_dtype(dtype))
            file.case(
                "linear_of_" + dtype,
                "y: resize(x, sizes=[3, 5], mode=linear, coordinate_transformation_mode=align_corners)",
                {"x": unknown(v)},
                {"y": y},
                tolerance={"float16": 1e-3, "bfloat16": 8e-3, "float32": 1e-6, "float64": 1e-14}.get(dtype, 0),
            )
    steep = np.array([0, 255, 255, 0, 0], np.uint8)
    cubic = resized(steep.astype(np.float32), sizes=[12], mode="cubic")
    assert cubic.max() > 256 and cubic.min() < -1
    file.case(
        "narrow_integers_stop_at_their_limits",
        "y: resize(x, sizes=[12], mode=cubic)",
        {"x": steep},
        {"y": np.clip(cubic, 0, 255).astype(np.uint8)},
        tolerance=1,
    )
    for name, a in (
        ("cubic_coefficient", dict(mode="cubic", cubic_coeff_a=-0.5)),
        ("cubic_without_the_outside", dict(mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1)),
        ("antialias_linear", dict(mode="linear", antialias=1)),
        ("antialias_cubic", dict(mode="cubic", antialias=1)),
        ("antialias_cubic_without_the_outside", dict(mode="cubic", antialias=1, exclude_outside=1)),
        ("antialias_linear_without_the_outside", dict(mode="linear", antialias=1, exclude_outside=1)),
    ):
        x = noise(9, 11, seed=2)
        text = words(a)
        file.case(
            name,
            "u: resize(x, scales=[1.5, 2]%s)\n"
            "d: resize(x, scales=[0.4, 0.75]%s)\n"
            "f: resize(x, scales=s%s)\n"
            "t: resize(x, sizes=n%s)\n"
            "k: resize(x, sizes=[3, 20]%s)" % ((text,) * 5),
            {"x": unknown(x), "s": array([0.34, 0.61], "float32"), "n": np.array([2, 5], np.int32)},
            {
                "u": resized(x, [1.5, 2], **a),
                "d": resized(x, [0.4, 0.75], **a),
                "f": resized(x, [0.34, 0.61], **a),
                "t": resized(x, sizes=[2, 5], **a),
                "k": resized(x, sizes=[3, 20], **a),
            },
            **close
        )
    for mode in ("nearest", "linear", "cubic"):
        a = dict(mode=mode, coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=10.0)
        roi = [0.4, 0.6, 1.2, 1.1]
        x = noise(4, 5, seed=3)
        file.case(
            "region_" + mode,
            "y: resize(x, roi=[0.4, 0.6, 1.2, 1.1], sizes=[3, 4]%s)\n"
            "z: resize(x, r, scales=[0.8, 1.0]%s)\n"
            "w: resize(x, roi=[0.25, 0.75], sizes=[1], axes=[1]%s)" % ((words(a),) * 3),
            {"x": unknown(x), "r": array(roi, "float32")},
            {
                "y": resized(x, sizes=[3, 4], roi=roi, **a),
                "z": resized(x, [0.8, 1.0], roi=roi, **a),
                "w": resized(x, sizes=[4, 1], roi=[0, 0.25, 1, 0.75], **a),
            },
            **(close if mode != "nearest" else {})
        )
    x = count(1, 1, 2, 4)
    for policy in ("not_larger", "not_smaller"):
        a = dict(keep_aspect_ratio_policy=policy, mode="nearest")
        runs = []
        for n in ([7, 8], [1, 3], [5, 4], [3, 3]):
            y = resized(x[0, 0], sizes=n, **a)[None, None]
            feeds = {"x": Fed(x, "[1, 1, null, null]"), "n": Fed(np.array(n, np.int64), "[2]")}
            runs.append(dict(feeds=feeds, expect={"y": y}))
        file.case(policy, "y: resize(x, sizes=n, axes=[2, 3]%s)" % words(a), runs=runs)
        y = resized(x[0, 0], sizes=[5, 4], keep_aspect_ratio_policy=policy, mode="linear")[None, None]
        file.case(
            policy + "_linear",
            "y: resize(x, sizes=[5, 4], axes=[2, 3]%s)" % words(dict(a, mode="linear")),
            {"x": x},
            {"y": y},
            **close
        )
    x = noise(2, 3, 4, 3, seed=4)
    a = dict(mode="linear")
    file.case(
        "four_axes_at_once",
        "y: resize(x, scales=s, mode=linear)\nz: resize(x, sizes=[3, 4, 3, 5], mode=linear) * 2",
        {"x": unknown(x), "s": array([1.5, 1, 0.75, 2], "float32")},
        {"y": resized(x, [1.5, 1, 0.75, 2], **a), "z": resized(x, sizes=[3, 4, 3, 5], **a) * 2},
        **close
    )
    x = array([[np.inf, 1, np.nan], [2, -np.inf, 3]], "float32")
    file.case(
        "an_axis_that_stays_keeps_infinities_apart",
        "y: resize(x, scales=s, mode=linear)\nz: resize(x, sizes=n, mode=cubic)",
        {"x": x, "s": array([1, 1], "float32"), "n": np.array([2, 3], np.int64)},
        {"y": x, "z": x},
    )
    file.case(
        "empty_vectors_are_absent",
        "e: {op: zeros, shape: [0]}\ny: resize(x, e, e, [4])\nz: resize(x, e, [2])",
        {"x": count(2)},
        {"y": count(4) // 2, "z": count(4) // 2},
    )
    file.case(
        "fed_scales",
        "y: resize(x, scales=s)",
        runs=[
            dict(
                feeds={"x": Fed(count(n), "[null]"), "s": Fed(array([s], "float32"), "[1]")},
                expect={"y": resized(count(n), [s], mode="nearest", reference=False)},
            )
            for n, s in ((4, 2), (10, 0.7), (5, 0.6), (3, 1.34), (7, 1))
        ]
        + [dict(feeds={"x": count(3), "s": array([-1], "float32")}, error="a size is negative", node="y")],
    )
    file.case(
        "nothing",
        "y: resize(x, sizes=n)",
        runs=[
            dict(
                feeds={"x": Fed(count(3), "[null]"), "n": Fed(np.array([0], np.int64), "[1]")}, expect={"y": count(0)}
            ),
            dict(feeds={"x": count(0), "n": np.array([0], np.int64)}, expect={"y": count(0)}),
            dict(feeds={"x": count(0), "n": np.array([2], np.int64)}, error="nothing to resize", node="y"),
        ],
    )
    x = noise(1, 3, 4, 5, seed=20)
    file.case(
        "scales_of_several_constants",
        "one: {op: constant, value: [1.0, 1.0]}\n"
        "two: {op: constant, value: [2.0, 2.0]}\n"
        "y: resize(x, scales=concat([one, two], 0), mode=linear) @ zeros([10, 2])\n"
        "w: resize(x, scales=concat([one, 8.0 / cast(shape(x)[2:], float32)], 0), mode=linear)[:, :3]",
        {"x": Fed(x, "[n, 3, h, 5]")},
        {
            "y": np.zeros((1, 3, 8, 2), np.float32),
            "w": resized(x, sizes=[1, 3, 8, 8], mode="linear"),
        },
        **close
    )
    for name, text, message in (
        ("neither", "resize(x)", "scales or sizes"),
        ("both", "resize(x, scales=[1, 2], sizes=[1, 1])", "scales or sizes"),
        ("scale_zero", "resize(x, scales=[1, 0])", "not positive"),
        ("too_many", "resize(x, scales=[1, 2, 3])", "needs 2 elements"),
        ("mode", "resize(x, sizes=[1, 1], mode=quintic)", "'quintic'"),
        ("transformation", "resize(x, sizes=[1, 1], coordinate_transformation_mode=tf)", "'tf'"),
        ("rounding", "resize(x, sizes=[1, 1], nearest_mode=up)", "'up'"),
        ("policy", "resize(x, sizes=[1, 1], keep_aspect_ratio_policy=never)", "'never'"),
        ("no_roi", "resize(x, sizes=[1, 1], coordinate_transformation_mode=tf_crop_and_resize)", "roi"),
        ("axis", "resize(x, sizes=[1], axes=[2])", "axes 2"),
    ):
        refuse(file, "refused_" + name, "[2, 3]", text, message)
    refuse(file, "refused_linear_of_bool", "[2]", "resize(x, sizes=[3], mode=linear)", "bool", "bool")


def tensorflow_resize():
    compat = {
        "resize_nearest_neighbor": tf.raw_ops.ResizeNearestNeighbor,
        "resize_bilinear": tf.raw_ops.ResizeBilinear,
        "resize_bicubic": tf.raw_ops.ResizeBicubic,
    }
    for op, function in compat.items():
        cubic = op == "resize_bicubic"
        file = File(
            "image/" + op,
            "corners aligned, pixels centred, or neither; sizes known and fed; every dtype."
            + (
                " Tolerance: TensorFlow reads its cubic weights from a table of 1,024 places between two pixels; here"
                " they are computed."
                if cubic
                else ""
            ),
        )
        tolerance = 5e-3 if cubic else 0 if "nearest" in op else 1e-5
        for dtype in NUMBERS:
            x = array(np.arange(24).reshape(1, 3, 4, 2) * 5 % 23, dtype)
            source = x if "nearest" in op and dtype not in ("uint32", "uint64", "bfloat16") else x.astype(np.float32)
            y = native(lambda v: function(images=v, size=[5, 3]), source)
            y = y.astype(x.dtype) if "nearest" in op else y
            file.case(
                "of_" + dtype,
                "y: %s(x, [5, 3])" % op,
                {"x": x},
                {"y": y},
                tolerance=tolerance * 20 if cubic else tolerance,
            )
        x = noise(2, 5, 7, 3, seed=5)
        for name, flags in (
            ("plain", {}),
            ("aligned", {"align_corners": True}),
            ("centred", {"half_pixel_centers": True}),
        ):
            text = "".join(", %s=true" % f for f in flags)
            call = lambda size: native(lambda v: function(images=v, size=size, **flags), x)
            sizes = {"a": (3, 4), "b": (10, 14), "c": (5, 7), "d": (1, 1), "e": (13, 5), "f": (2, 20)}
            file.case(
                name,
                ["%s: %s(x, [%d, %d]%s)" % (k, op, h, w, text) for k, (h, w) in sizes.items()],
                {"x": Fed(x, "[null, 5, w, null]")},
                {k: call(v) for k, v in sizes.items()},
                tolerance=tolerance,
            )
            file.case(
                name + "_fed",
                "y: %s(x, s%s)" % (op, text),
                runs=[
                    dict(feeds={"x": unknown(x), "s": Fed(np.array(size, np.int32), "[2]")}, expect={"y": call(size)})
                    for size in ((4, 9), (11, 3))
                ],
                tolerance=tolerance,
            )
        refuse(file, "both", "[1, 2, 2, 1]", "%s(x, [1, 1], true, true)" % op, "exclude each other")
        refuse(file, "rank", "[2, 2, 1]", "%s(x, [1, 1])" % op, "rank 3")
        refuse(file, "size", "[1, 2, 2, 1]", "%s(x, [1, 1, 1])" % op, "size has 3 elements")

    file = File(
        "image/image_resize",
        "tf.image.resize's methods, with antialiasing and with the aspect ratio kept. Tolerance of the cubic ones:"
        " TensorFlow reads their weights from a table.",
    )
    x = noise(2, 6, 9, 2, seed=6)
    for method in ("bilinear", "nearest", "bicubic"):
        for antialias in (False, True):
            call = lambda size, v=x, keep=False: native(
                lambda u: tf.image.resize(u, size, method, preserve_aspect_ratio=keep, antialias=antialias), v
            )
            text = ", method=%s%s" % (method, ", antialias=true" if antialias else "")
            file.case(
                method + ("_antialias" if antialias else ""),
                "a: image_resize(x, [3, 4]%s)\n"
                "b: image_resize(x, [13, 5]%s)\n"
                "c: image_resize(x[0], [4, 4]%s)\n"
                "d: image_resize(x, s%s)\n"
                "e: image_resize(x, [3, 100], preserve_aspect_ratio=true%s)\n"
                "f: image_resize(x, [12, 18]%s)" % ((text,) * 6),
                {"x": Fed(x, "[null, null, w, 2]"), "s": np.array([2, 9], np.int32)},
                {
                    "a": call([3, 4]),
                    "b": call([13, 5]),
                    "c": call([4, 4], x[0]),
                    "d": call([2, 9]),
                    "e": call([3, 100], keep=True),
                    "f": call([12, 18]),
                },
                tolerance=5e-3 if method == "bicubic" else 0 if method == "nearest" else 1e-5,
            )
    x = np.arange(24).reshape(4, 6, 1).astype(np.uint8)
    file.case(
        "of_uint8",
        "b: image_resize(x, [3, 4])\nn: image_resize(x, [3, 4], nearest)",
        {"x": x},
        {
            "b": native(lambda v: tf.image.resize(v, [3, 4]), x),
            "n": native(lambda v: tf.image.resize(v, [3, 4], "nearest"), x),
        },
        tolerance=1e-5,
    )
    refuse(file, "method", "[2, 2, 1]", "image_resize(x, [1, 1], method=area)", "'area'")


def crop_and_resize():
    file = File(
        "image/crop_and_resize",
        "boxes inside, beyond and turned around; one row; both methods. Tolerance: places are float32.",
    )
    x = noise(2, 5, 6, 3, seed=7)
    boxes = array(
        [[0, 0, 1, 1], [0.2, 0.1, 0.7, 0.9], [-0.3, 0.5, 0.6, 1.4], [0.9, 0.8, 0.1, 0.2], [0.5, 0.5, 0.5, 0.5]],
        "float32",
    )
    which = np.array([0, 1, 1, 0, 1], np.int32)
    for method in ("bilinear", "nearest"):
        call = lambda x, b, i, *_: (lambda size, **k: tf.image.crop_and_resize(x, b, i, size, method=method, **k))
        add(
            file,
            method,
            {
                "x": unknown(x),
                "b": Fed(boxes, "[boxes, 4]"),
                "i": Fed(which, "[boxes]"),
                "s": np.array([2, 7], np.int32),
            },
            {
                "y": ("crop_and_resize(x, b, i, [3, 4], method=%s)" % method, lambda *v: call(*v)([3, 4])),
                "z": (
                    "crop_and_resize(x, b, i, [1, 1], %s, 9.5)" % method,
                    lambda *v: call(*v)([1, 1], extrapolation_value=9.5),
                ),
                "w": (
                    "{op: crop_and_resize, inputs: [x, b, i, s], method: %s, extrapolation_value: -1.0}" % method,
                    lambda *v: call(*v)([2, 7], extrapolation_value=-1.0),
                ),
            },
            tolerance=1e-5,
        )
    for dtype in ("uint8", "int32", "float16", "float64"):
        v = array(np.arange(16).reshape(1, 4, 4, 1), dtype)
        add(
            file,
            "of_" + dtype,
            {"x": v},
            {
                "y": (
                    "crop_and_resize(x, [[0.1, 0.2, 0.8, 0.9]], [0], [2, 3])",
                    lambda v: tf.image.crop_and_resize(v, [[0.1, 0.2, 0.8, 0.9]], [0], [2, 3]),
                )
            },
            tolerance=1e-5,
        )
    file.case(
        "no_such_picture",
        "y: crop_and_resize(x, [[0, 0, 1, 1]], i, [1, 1])",
        {"x": Fed(x, "[null, null, null, 3]"), "i": np.array([2], np.int32)},
        error="indices[0] = 2 is not in [0, 2)",
        node="y",
    )
    refuse(file, "boxes", "[1, 2, 2, 1]", "crop_and_resize(x, [[0, 0, 1]], [0], [1, 1])", "four coordinates")
    refuse(file, "indices", "[1, 2, 2, 1]", "crop_and_resize(x, [[0, 0, 1, 1]], [0, 0], [1, 1])", "one index")
    refuse(file, "method", "[1, 2, 2, 1]", "crop_and_resize(x, [[0, 0, 1, 1]], [0], [1, 1], area)", "'area'")


def grid_sample():
    file = File(
        "image/grid_sample",
        "pictures and volumes, every mode, border and alignment; places far outside. Tolerance: places are float32,"
        " and cubic weights magnify their error.",
        by="ONNX Runtime 1.32",
    )
    rng = np.random.default_rng(8)
    x, v = noise(2, 3, 4, 5, seed=9), noise(1, 2, 3, 4, 5, seed=10)
    g = array(np.round(rng.uniform(-1.3, 1.3, (2, 3, 6, 2)), 3), "float32")
    g[0, 0, 0] = (-3.7, 4.1)
    h = array(np.round(rng.uniform(-1.3, 1.3, (1, 2, 3, 4, 3)), 3), "float32")
    for mode in ("linear", "nearest", "cubic"):
        for padding in ("zeros", "border", "reflection"):
            for align in (0, 1):
                a = dict(mode=mode, padding_mode=padding, align_corners=align)
                text = "mode=%s, padding_mode=%s, align_corners=%s" % (mode, padding, "true" if align else "false")
                call = lambda x, g, volume: onnx_op("GridSample", x, g, reference=volume and mode == "cubic", **a)
                name = "%s_%s%s" % (mode, padding, "_aligned" if align else "")
                file.case(
                    name,
                    "y: grid_sample(x, g, %s)" % text,
                    {"x": unknown(x), "g": unknown(g)},
                    {"y": call(x, g, False)},
                    tolerance=2e-5,
                )
                if (mode, padding) == ("cubic", "border"):
                    continue  # the reference moves places to the border first; ONNX Runtime has no kernel
                file.case(
                    name + "_volume",
                    "y: grid_sample(x, g, %s)" % text,
                    {"x": v, "g": unknown(h)},
                    {"y": call(v, h, True)},
                    tolerance=2e-5,
                )
    for dtype in FLOATS:
        w = array(x[:1, :1], dtype)
        y = onnx_op("GridSample", w.astype(np.float32), g[:1], mode="linear").astype(w.dtype)
        file.case(
            "of_" + dtype,
            "y: grid_sample(x, g)\nz: {op: grid_sample, inputs: [x, g], mode: bilinear}",
            {"x": w, "g": g[:1]},
            {"y": y, "z": y},
            tolerance={"float16": 1e-3, "bfloat16": 8e-3}.get(dtype, 1e-5),
        )
    w = np.arange(20).reshape(1, 1, 4, 5)
    for dtype in ("uint8", "int64"):
        y = onnx_op("GridSample", w.astype(np.float32), g[:1], mode="nearest", padding_mode="border")
        file.case(
            "nearest_of_" + dtype,
            "y: grid_sample(x, g, mode=nearest, padding_mode=border)",
            {"x": w.astype(dtype), "g": g[:1]},
            {"y": y.astype(dtype)},
        )
    file.case(
        "one_dimension",
        "y: grid_sample(x, g)",
        {"x": count(1, 1, 3), "g": array([[[-1], [0], [0.5]]], "float32")},
        {"y": array([[[0, 1, 1.75]]], "float32")},
        tolerance=1e-6,
    )
    refuse(file, "mode", "[1, 1, 2, 2]", "grid_sample(x, zeros([1, 2, 2, 2]), mode=area)", "'area'")
    refuse(file, "ranks", "[1, 1, 2, 2]", "grid_sample(x, zeros([1, 2, 2]))", "as many dimensions")
    refuse(file, "coordinates", "[1, 1, 2, 2]", "grid_sample(x, zeros([1, 2, 2, 3]))", "a coordinate for each")


def affine_grid():
    file = File(
        "image/affine_grid",
        "pictures and volumes, aligned or not, sizes known and fed. Tolerance: sums of four products.",
        by="ONNX 1.17's reference",
    )
    two, three = noise(2, 2, 3, seed=11), noise(1, 3, 4, seed=12)
    for align in (0, 1):
        text = ", align_corners=true" if align else ""
        call = lambda t, s: onnx_op("AffineGrid", t, np.array(s, np.int64), align_corners=align, reference=True).astype(
            np.float32
        )
        file.case(
            "aligned" if align else "plain",
            "y: affine_grid(t, [2, 3, 4, 5]%s)\nz: affine_grid(u, n%s)\nw: {op: affine_grid, inputs: [t, [2, 1, 2, 7]]%s}"
            % (text, text, text.replace("=", ": ")),
            {"t": unknown(two), "u": three, "n": np.array([1, 1, 3, 2, 4], np.int64)},
            {"y": call(two, [2, 3, 4, 5]), "z": call(three, [1, 1, 3, 2, 4]), "w": call(two, [2, 1, 2, 7])},
            tolerance=1e-5,
        )
    file.case(
        "one_element",
        "y: affine_grid(t, [1, 1, 1, 1])\nz: affine_grid(t, [1, 1, 1, 1], align_corners=true)",
        {"t": array([[[2, 0, 1], [0, 3, 5]]], "float32")},
        {"y": array([[[[1, 5]]]], "float32"), "z": array([[[[-1, 2]]]], "float32")},
    )
    refuse(file, "size", "[1, 2, 3]", "affine_grid(x, [1, 1, 2])", "4 or 5")
    refuse(file, "theta", "[1, 3, 3]", "affine_grid(x, [1, 1, 2, 2])", "theta has to be [1, 2, 3]")


def roi_align():
    file = File(
        "image/roi_align",
        "the mean and the largest of the samples, their number given or following from the region. Tolerance: sums of"
        " some dozens of terms.",
        by="ONNX 1.17's reference",
    )
    x = noise(2, 3, 8, 9, seed=13)
    rois = array([[0, 0, 5, 6], [1.5, 2.25, 7.5, 7.75], [-3, -2, 4, 3], [6, 5, 14, 12], [3, 3, 3.2, 3.1]], "float32")
    which = np.array([0, 1, 1, 0, 1], np.int64)
    for mode in ("avg", "max"):
        for transformation in ("half_pixel", "output_half_pixel"):
            for ratio, scale in ((0, 1.0), (2, 0.5), (3, 1.25)):
                a = dict(coordinate_transformation_mode=transformation, mode=mode, sampling_ratio=ratio)
                a.update(spatial_scale=scale, output_height=3, output_width=4)
                y = onnx_op("RoiAlign", x, rois, which, reference=True, **a)
                file.case(
                    "%s_%s_%d" % (mode, transformation, ratio),
                    "y: roi_align(x, r, i%s)" % words(a),
                    {"x": unknown(x), "r": Fed(rois, "[rois, 4]"), "i": Fed(which, "[rois]")},
                    {"y": y},
                    tolerance=1e-5,
                )
    y = onnx_op("RoiAlign", x, rois[:2], which[:2], reference=True, output_height=2, output_width=1, mode="avg")
    file.case(
        "runs_of_other_sizes",
        "y: roi_align(x, r, i, output_height=2)",
        runs=[
            dict(
                feeds={"x": Fed(x, "[2, 3, 8, 9]"), "r": Fed(rois[:n], "[null, 4]"), "i": Fed(which[:n], "[null]")},
                expect={"y": y[:n]},
            )
            for n in (2, 1, 0)
        ]
        + [
            dict(
                feeds={"x": x, "r": rois[:1], "i": np.array([2], np.int64)},
                error="indices[0] = 2 is not in [0, 2)",
                node="y",
            )
        ],
        tolerance=1e-5,
    )
    refuse(file, "mode", "[1, 1, 2, 2]", "roi_align(x, [[0, 0, 1, 1]], [0], mode=sum)", "'sum'")
    refuse(file, "rois", "[1, 1, 2, 2]", "roi_align(x, [[0, 0, 1]], [0])", "four coordinates")
    refuse(file, "size", "[1, 1, 2, 2]", "roi_align(x, [[0, 0, 1, 1]], [0], output_height=0)", "output_height")


def tables():
    resize()
    tensorflow_resize()
    crop_and_resize()
    grid_sample()
    affine_grid()
    roi_align()
