"""Fourier transforms, windows, mel weights."""

import numpy as np
import tensorflow as tf

from .case import FLOATS, Fed, File, array
from .image import noise
from .onnx_model import onnx_op
from .shape import refuse, unknown
from .tensorflow import native


def transformed(x, length=None, axis=-2, inverse=False, onesided=False):
    """NumPy's float64 transform, in the form of the op, rounded."""
    wide = x.astype(np.float64)
    z = wide[..., 0] + 1j * wide[..., 1] if x.shape[-1] == 2 else wide[..., 0]
    axis = axis + 1 if axis < 0 else axis
    n = length or z.shape[axis]
    y = (np.fft.ifft if inverse else np.fft.fft)(z, n, axis)
    if onesided:
        y = np.take(y, range(n // 2 + 1), axis)
    return np.stack([y.real, y.imag], -1).astype(x.dtype)


def dft():
    file = File(
        "signal/dft",
        "real and complex numbers, any axis, lengths that cut or pad, inverse, half; axis and length known and fed."
        " Tolerance: sums of up to 64 terms of about 1.",
        by="NumPy's float64 transforms",
    )
    x, z = noise(2, 12, 3, 1, seed=1), noise(2, 5, 7, 2, seed=2)
    for dtype in FLOATS:
        v = array(x, dtype)
        file.case(
            "of_" + dtype,
            "y: dft(x, axis=1)",
            {"x": v},
            {"y": transformed(v, axis=1)},
            tolerance={"float16": 2e-3, "bfloat16": 1.6e-2, "float32": 3e-6, "float64": 1e-14}[dtype],
        )
    for name, v in (("real", x), ("complex", z)):
        for how in ("known", "unknown"):
            file.case(
                "%s_%s" % (name, how),
                "a: dft(x)\n"
                "b: dft(x, axis=0)\n"
                "c: dft(x, 8, 1)\n"
                "d: dft(x, dft_length=20, axis=-3)\n"
                "e: dft(x, inverse=true, axis=1)\n"
                "f: {op: dft, inputs: [x, [4], [2]], inverse: true}",
                {"x": v if how == "known" else unknown(v)},
                {
                    "a": transformed(v),
                    "b": transformed(v, axis=0),
                    "c": transformed(v, 8, 1),
                    "d": transformed(v, 20, -3),
                    "e": transformed(v, axis=1, inverse=True),
                    "f": transformed(v, 4, 2, True),
                },
                tolerance=1e-5,
            )
    file.case(
        "half",
        "a: dft(x, axis=1, onesided=true)\nb: dft(x, 7, 1, onesided=true)\nc: dft(x, 4, 1, inverse=true, onesided=true)",
        {"x": Fed(x, "[null, n, 3, 1]")},
        {
            "a": transformed(x, axis=1, onesided=True),
            "b": transformed(x, 7, 1, onesided=True),
            "c": transformed(x, 4, 1, True, True),
        },
        tolerance=1e-5,
    )
    for half in (False, True):
        text = ", onesided=true" if half else ""
        v = x if half else z
        file.case(
            "fed_half" if half else "fed",
            "y: dft(x, n, a%s)\nz: dft(x, axis=a%s)" % (text, text),
            runs=[
                dict(
                    feeds={
                        "x": Fed(v, "[null, null, null, %d]" % v.shape[-1]),
                        "n": Fed(np.int64(n), "[]"),
                        "a": Fed(np.int64(a), "[]"),
                    },
                    expect={"y": transformed(v, n, a, onesided=half), "z": transformed(v, None, a, onesided=half)},
                )
                for n, a in ((5, 0), (4, 1), (9, 2), (3, -2), (6, -4))
            ]
            + [dict(feeds={"x": v, "n": np.int64(4), "a": np.int64(3)}, error="axis 3 names no dimension", node="y")],
            tolerance=1e-5,
        )
    x = noise(1, 64, 1, seed=3)
    file.case(
        "there_and_back",
        "f: dft(x, axis=1)\ny: dft(f, axis=1, inverse=true)",
        {"x": unknown(x)},
        {"y": np.concatenate([x, 0 * x], -1)},
        tolerance=1e-5,
    )
    n = 1023
    x = array(np.sin(np.arange(n) * 2 * np.pi * 50 / n).reshape(1, n, 1), "float32")
    file.case(
        "long",
        "y: dft(x, onesided=true)[0, 45:55] / 100",
        {"x": x},
        {"y": transformed(x, onesided=True)[0, 45:55] / np.float32(100)},
        tolerance=2e-5,
    )
    refuse(file, "axis_of_parts", "[2, 3, 1]", "dft(x, axis=2)", "axis 2 names no dimension")
    refuse(file, "three_parts", "[2, 3, 3]", "dft(x)", "1 (real numbers) or 2")
    refuse(file, "half_of_complex", "[2, 3, 2]", "dft(x, onesided=true)", "has to be 1")
    refuse(file, "no_length", "[2, 3, 1]", "dft(x, 0)", "1 or more")


def stft():
    file = File(
        "signal/stft",
        "frames with and without a window, real and complex, lengths known and fed. Tolerance: sums of up to 32 terms.",
        by="NumPy's float64 transforms",
    )

    def frames(x, step, window=None, length=None, half=True):
        length = length or (len(window) if window is not None else x.shape[1])
        count = (x.shape[1] - length) // step + 1
        parts = np.stack([x[:, f * step : f * step + length] for f in range(count)], 1).astype(np.float64)
        if window is not None:
            parts = parts * window[:, None].astype(np.float64)
        return transformed(parts, axis=2, onesided=half).astype(x.dtype)

    x, z, w = noise(2, 50, 1, seed=4), noise(1, 40, 2, seed=5), noise(16, seed=6)
    file.case(
        "known",
        "a: stft(x, 8, w)\n"
        "b: stft(x, 7, frame_length=12)\n"
        "c: {op: stft, inputs: [x, 5], frame_length: 16, window: w, onesided: false}\n"
        "d: stft(z, 9, w, onesided=false)\n"
        "e: stft(x, [20])",
        {"x": unknown(x), "z": z, "w": Fed(w, "[n]")},
        {
            "a": frames(x, 8, w),
            "b": frames(x, 7, length=12),
            "c": frames(x, 5, w, 16, False),
            "d": frames(z, 9, w, half=False),
            "e": frames(x, 20),
        },
        tolerance=1e-5,
    )
    file.case(
        "fed",
        "y: stft(x, s, frame_length=n)",
        runs=[
            dict(
                feeds={"x": Fed(x, "[null, null, 1]"), "s": Fed(np.int64(s), "[]"), "n": Fed(np.int64(n), "[]")},
                expect={"y": frames(x, s, length=n)},
            )
            for s, n in ((10, 16), (3, 33), (1, 50))
        ]
        + [
            dict(feeds={"x": x, "s": np.int64(1), "n": np.int64(51)}, error="shorter than a frame", node="y"),
            dict(feeds={"x": x, "s": np.int64(0), "n": np.int64(5)}, error="frame_step has to be 1", node="y"),
        ],
        tolerance=1e-5,
    )
    call = native(lambda v: tf.signal.stft(v, 16, 4, window_fn=tf.signal.hann_window), x[:, :, 0].astype(np.float64))
    file.case(
        "as_tensorflow",
        "y: stft(x, 4, hann_window(16))",
        {"x": x},
        {"y": np.stack([call.real, call.imag], -1).astype(np.float32)},
        tolerance=1e-5,
    )
    refuse(file, "half_of_complex", "[1, 8, 2]", "stft(x, 2, frame_length=4)", "has to be 1")
    refuse(file, "two_lengths", "[1, 8, 1]", "stft(x, 2, [1.0, 1.0], 4)", "the window has 2 elements, a frame 4")


def windows():
    close = dict(tolerance=1e-7)
    for op, function in (("hann_window", tf.signal.hann_window), ("hamming_window", tf.signal.hamming_window)):
        file = File(
            "signal/" + op,
            "periodic and not, even and odd, known and fed lengths, every dtype. Tolerance: one rounding.",
        )
        for dtype in FLOATS:
            expect = lambda n, p: tf.cast(function(n, p, tf.float64), dtype).numpy()
            file.case(
                dtype,
                "a: %s(8, dtype=%s)\nb: %s(9, dtype=%s)\nc: {op: %s, inputs: 7, periodic: false, dtype: %s}\n"
                "d: %s(1, dtype=%s)" % ((op, dtype) * 4),
                {},
                {"a": expect(8, True), "b": expect(9, True), "c": expect(7, False), "d": expect(1, True)},
                tolerance={"float16": 1e-3, "bfloat16": 8e-3}.get(dtype, 1e-7),
            )
        file.case(
            "fed",
            "y: %s(n)\nz: %s(n, periodic=false)" % (op, op),
            runs=[
                dict(
                    feeds={"n": Fed(np.int32(n), "[]")},
                    expect={
                        "y": function(n, True, tf.float64).numpy().astype(np.float32),
                        "z": function(n, False, tf.float64).numpy().astype(np.float32),
                    },
                )
                for n in (1, 2, 5, 12)
            ]
            + [dict(feeds={"n": np.int32(-1)}, error="negative", node="y")],
            **close
        )
        refuse(file, "length", "[2]", "%s([1, 2])" % op, "one number")
    file = File(
        "signal/blackman_window",
        "periodic and not, known and fed lengths. Tolerance: one rounding.",
        by="ONNX 1.17's reference",
    )
    call = lambda n, p: onnx_op("BlackmanWindow", np.int64(n), periodic=p, output_datatype=11, reference=True)
    file.case(
        "known",
        "a: blackman_window(10)\nb: blackman_window(9)\nc: {op: blackman_window, inputs: 9, periodic: false, dtype: float64}",
        {},
        {"a": call(10, 1).astype(np.float32), "b": call(9, 1).astype(np.float32), "c": call(9, 0)},
        **close
    )
    file.case(
        "fed",
        "y: blackman_window(n)",
        runs=[dict(feeds={"n": Fed(np.int64(n), "[]")}, expect={"y": call(n, 1).astype(np.float32)}) for n in (3, 16)],
        **close
    )


def mel():
    file = File(
        "signal/mel_weight_matrix",
        "few and many bins, several of them at one frequency, numbers known and fed. Tolerance: one rounding.",
        by="ONNX 1.17's reference",
    )
    call = lambda m, n, r, l, h: onnx_op(
        "MelWeightMatrix",
        np.int64(m),
        np.int64(n),
        np.int64(r),
        np.float32(l),
        np.float32(h),
        output_datatype=11,
        reference=True,
    ).astype(np.float32)
    file.case(
        "known",
        "a: mel_weight_matrix(8, 16, 8192, 0.0, 4096.0)\nb: mel_weight_matrix(20, 64, 16000, 20.0, 7600.0)\n"
        "c: mel_weight_matrix(5, 33, 8000, 125.0, 3800.0)",
        {},
        {"a": call(8, 16, 8192, 0, 4096), "b": call(20, 64, 16000, 20, 7600), "c": call(5, 33, 8000, 125, 3800)},
        tolerance=1e-6,
    )
    file.case(
        "fed",
        "y: mel_weight_matrix(m, n, r, l, h)",
        runs=[
            dict(
                feeds={
                    "m": Fed(np.int64(m), "[]"),
                    "n": Fed(np.int64(n), "[]"),
                    "r": Fed(np.int64(r), "[]"),
                    "l": Fed(np.float32(l), "[]"),
                    "h": Fed(np.float32(h), "[]"),
                },
                expect={"y": call(m, n, r, l, h)},
            )
            for m, n, r, l, h in ((4, 20, 8000, 0, 4000), (7, 32, 16000, 60, 7000))
        ],
        tolerance=1e-6,
    )
    file = File(
        "signal/linear_to_mel_weight_matrix", "TensorFlow's, with its defaults and others. Tolerance: one rounding."
    )
    call = lambda *a, **k: tf.signal.linear_to_mel_weight_matrix(*a, dtype=tf.float64, **k).numpy().astype(np.float32)
    file.case(
        "known",
        "a: linear_to_mel_weight_matrix(num_spectrogram_bins=33)\n"
        "b: linear_to_mel_weight_matrix(10, 40, 16000, 60.0, 7000.0)",
        {},
        {"a": call(num_spectrogram_bins=33), "b": call(10, 40, 16000, 60.0, 7000.0)},
        tolerance=1e-6,
    )
    file.case(
        "edges",
        "y: linear_to_mel_weight_matrix(10, 40, 8000, 60.0, 7000.0)",
        compile_error="0 <= lower_edge_hertz < upper_edge_hertz",
    )


def det():
    file = File(
        "matmul/det",
        "no rows to many, singular ones, any batch, every dtype. Tolerance: products of sums of up to 12 terms.",
    )
    rng = np.random.default_rng(7)
    for dtype in FLOATS:
        x = array(np.round(rng.uniform(-2, 2, (3, 4, 4)), 1), dtype)
        y = np.linalg.det(x.astype(np.float64)).astype(x.dtype)
        file.case(
            dtype,
            "y: det(x)",
            {"x": x},
            {"y": y},
            tolerance={"float16": 2e-3, "bfloat16": 1.6e-2, "float32": 1e-5, "float64": 1e-13}[dtype],
        )
    for n in (0, 1, 2, 3, 7, 12):
        x = array(np.round(rng.uniform(-1, 1, (2, 3, n, n)), 2), "float32")
        file.case(
            "size_%d" % n,
            "y: det(x)\nz: det(x[0, 1])\nw: matrix_determinant(x) * 2",
            {"x": Fed(x, "[null, 3, n, n]")},
            {
                "y": np.linalg.det(x.astype(np.float64)).astype(np.float32),
                "z": np.float32(np.linalg.det(x[0, 1].astype(np.float64))),
                "w": (np.linalg.det(x.astype(np.float64)) * 2).astype(np.float32),
            },
            tolerance=2e-5,
        )
    x = array([[[1, 2], [2, 4]], [[0, 0], [0, 0]], [[0, 1], [1, 0]], [[np.nan, 1], [0, 1]]], "float32")
    file.case("special", "y: det(x)", {"x": x}, {"y": array([0, 0, -1, np.nan], "float32")})
    file.case(
        "no_matrices",
        "y: det(x)",
        {"x": Fed(np.zeros((0, 2, 2), np.float32), "[null, 2, 2]")},
        {"y": np.zeros(0, np.float32)},
    )
    refuse(file, "not_square", "[2, 3]", "det(x)", "as many rows as columns")
    refuse(file, "vector", "[2]", "det(x)", "2 dimensions")
    file.case(
        "not_square_in_a_run",
        "y: det(x)",
        {"x": unknown(np.zeros((2, 3), np.float32))},
        error="as many rows as columns",
        node="y",
    )


def tables():
    dft()
    stft()
    windows()
    mel()
    det()
