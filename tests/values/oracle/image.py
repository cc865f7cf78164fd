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


def tables():
    resize()
