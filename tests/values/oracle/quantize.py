"""Narrow dtypes, casts between all of them, and quantization."""

import numpy as np
from onnx import helper, subbyte

import tensorflow as tf

from . import onnx as reference
from .case import EVERY, FLOAT8, FLOATS, INT4, INTEGERS, Fed, File, array, numpy_dtype
from .tensorflow import native

UNKNOWN = "[n]"


def bits(dtype):
    """Every number of an 8-bit or 4-bit dtype."""
    if dtype in INT4:
        return np.arange(*((-8, 8) if dtype == "int4" else (0, 16))).astype(numpy_dtype(dtype))
    return np.arange(256).astype(np.uint8).view(numpy_dtype(dtype))


def around(dtype):
    """float32 numbers on, between and just beside the numbers of a float8 dtype, and beyond them."""
    numbers = bits(dtype).astype(np.float32)
    numbers = np.unique(np.abs(numbers[np.isfinite(numbers)]))
    largest, step = numbers[-1], numbers[-1] - numbers[-2]
    between = np.append((numbers[1:] + numbers[:-1]) / 2, largest + step / 2).astype(np.float32)
    beside = [np.nextafter(between, np.float32(sign * np.inf)) for sign in (-1, 1)]
    beyond = [largest + step, 1e5, 3.4e38, np.inf, 1e-7, 1e-10, 1e-45]
    values = np.concatenate([numbers[::4], between] + beside + [np.array(beyond, np.float32)])
    return np.concatenate([values, -values, [np.float32(np.nan)]]).astype(np.float32)


def nearest(values, dtype):
    """float64 numbers rounded once, by search; numpy's own conversion goes through float32. TensorFlow's does not."""
    kind = numpy_dtype(dtype)
    codes = np.arange(128, dtype=np.uint8)
    numbers = codes.view(kind).astype(np.float64)
    numbers = numbers[np.isfinite(numbers)]
    numbers = np.append(numbers, 2 * numbers[-1] - numbers[-2])
    between = (numbers[1:] + numbers[:-1]) / 2
    result = []
    for value in values:
        code = int(np.searchsorted(between, abs(value)))
        if code < len(between) and abs(value) == between[code] and code % 2:
            code += 1
        overflows = code == len(between)
        number = np.uint8(codes[code] if code < 128 else 0).view(kind) if not overflows else array_of(np.inf, dtype)[()]
        result.append(np.float32(np.nan) if np.isnan(value) else np.copysign(np.float32(number), np.float32(value)))
    return np.array(result, np.float32).astype(kind)


def onnx_saturated(values, dtype):
    """What the ONNX reference gives where Cast saturates."""
    e4m3, uz = "e4m3" in dtype, "uz" in dtype
    if e4m3:
        function = lambda x: helper.float32_to_float8e4m3(x, uz=uz, saturate=True)
    else:
        function = lambda x: helper.float32_to_float8e5m2(x, fn=uz, uz=uz, saturate=True)
    return np.array([function(x) for x in values], np.uint8).view(numpy_dtype(dtype))


def float8():
    about = "every number of %s as any dtype, and float32 numbers on, between and beside them cast to it; ONNX's %s"
    for dtype in FLOAT8:
        file = File("quantize/" + dtype, about % (dtype, "saturate."), by="ml_dtypes and the ONNX reference")
        every = bits(dtype)
        for other in FLOATS + [d for d in FLOAT8 if d != dtype]:
            if other in FLOAT8:
                expected = every.astype(np.float32).astype(numpy_dtype(other))
            else:
                expected = every.astype(numpy_dtype(other))
            feeds = {"x": Fed(every, UNKNOWN)}
            file.case("to_" + other, "y: cast(x, %s)" % other, feeds, {"y": expected}, signed_zero=True)
        finite = every[np.isfinite(every.astype(np.float32))]
        for other in ["bool", "int32", "int64"]:
            expected = finite.astype(np.float32).astype(other)
            file.case("to_" + other, "y: cast(x, %s)" % other, {"x": Fed(finite, UNKNOWN)}, {"y": expected})
        values = around(dtype)
        nodes = "y: cast(x, %s)\nz: cast(x, %s, saturate=true)" % (dtype, dtype)
        expected = {"y": values.astype(numpy_dtype(dtype)), "z": onnx_saturated(values, dtype)}
        file.case("from_float32", nodes, {"x": Fed(values, UNKNOWN)}, expected, signed_zero=True)
        wide = np.concatenate([values.astype(np.float64), np.nextafter(values.astype(np.float64), 0), [1e300]])
        nodes = "y: cast(x, %s)" % dtype
        expected = {"y": nearest(wide, dtype)}
        file.case("from_float64_in_one_rounding", nodes, {"x": Fed(wide, UNKNOWN)}, expected, signed_zero=True)
        for other in ["float16", "bfloat16"]:
            narrow = array(values, other)
            expected = {"y": narrow.astype(np.float32).astype(numpy_dtype(dtype))}
            file.case("from_" + other, nodes, {"x": Fed(narrow, UNKNOWN)}, expected, signed_zero=True)
        for other in INTEGERS:
            info = np.iinfo(other)
            numbers = np.array([0, 1, 2, 3, 7, 17, 19, 100, info.max, info.min], other)
            expected = {
                "y": numbers.astype(np.float32).astype(numpy_dtype(dtype)),
                "z": onnx_saturated(numbers.astype(np.float32), dtype),
            }
            both = nodes + "\nz: cast(x, %s, saturate=true)" % dtype
            file.case("from_" + other, both, {"x": Fed(numbers, UNKNOWN)}, expected)


def int4():
    for dtype in INT4:
        signed = dtype == "int4"
        about = "every number of %s as any dtype, and numbers cast to it, which take the low bits or saturate."
        file = File("quantize/" + dtype, about % dtype, by="ml_dtypes and the ONNX reference")
        every = bits(dtype)
        for other in EVERY:
            expected = every.astype(np.int32).astype(numpy_dtype(other))
            file.case("to_" + other, "y: cast(x, %s)" % other, {"x": Fed(every, UNKNOWN)}, {"y": expected})
        low, high = (-8, 7) if signed else (0, 15)
        for other in FLOATS:
            numbers = array([-100, -9, -8, -7.75, -2.5, -1.5, -0.5, 0, 0.5, 1.5, 6.75, 7, 8, 12.5, 15, 15.75, 16, 99], other)
            cut = np.trunc(numbers.astype(np.float64)).astype(np.int64)
            expected = {
                "y": cut.astype(numpy_dtype(dtype)),
                "z": np.array([subbyte.float32_to_4bit_unpacked(x, signed) for x in numbers.astype(np.float32)]).astype(
                    numpy_dtype(dtype)
                ),
            }
            nodes = "y: cast(x, %s)\nz: cast(x, %s, saturate=true)" % (dtype, dtype)
            file.case("from_" + other, nodes, {"x": Fed(numbers, UNKNOWN)}, expected)
        for other in INTEGERS:
            info = np.iinfo(other)
            numbers = np.array([x for x in range(-20, 21) if x >= info.min] + [info.min, info.max], other)
            wide = numbers.astype(object)
            expected = {
                "y": np.array([x & 15 for x in wide]).astype(numpy_dtype(dtype)),
                "z": np.array([min(max(x, low), high) for x in wide]).astype(numpy_dtype(dtype)),
            }
            nodes = "y: cast(x, %s)\nz: cast(x, %s, saturate=true)" % (dtype, dtype)
            file.case("from_" + other, nodes, {"x": Fed(numbers, UNKNOWN)}, expected)


def saturate():
    file = File("quantize/saturate", "saturating casts between numbers of ordinary width.", by="hand")
    reals = np.array([-np.inf, -1e30, -3e9, -40000.5, -129, -1.75, 0, 0.5, 127.5, 255.5, 40000, 65536, 3e9, 1e19, 1e30, np.inf])
    for source in ["float16", "float32", "float64"]:
        values = array(reals, source)
        expected, nodes = {}, []
        for dtype in INTEGERS:
            info = np.iinfo(dtype)
            wide = [float(x) for x in values]
            whole = [info.max if x > info.max else info.min if x < info.min else int(x) for x in wide]
            nodes.append("y_%s: cast(x, %s, saturate=true)" % (dtype, dtype))
            expected["y_" + dtype] = np.array(whole, dtype)
        file.case("from_" + source, nodes, {"x": Fed(values, UNKNOWN)}, expected)
    for source in INTEGERS:
        info = np.iinfo(source)
        edges = sorted({e for d in INTEGERS for e in (np.iinfo(d).min, np.iinfo(d).max) if info.min <= e <= info.max})
        values = np.array(edges + [0, 1, 100], source)
        expected, nodes = {}, []
        for dtype in INTEGERS:
            to = np.iinfo(dtype)
            nodes.append("y_%s: cast(x, %s, saturate=true)" % (dtype, dtype))
            expected["y_" + dtype] = np.array([min(max(int(x), to.min), to.max) for x in values], dtype)
        file.case("from_" + source, nodes, {"x": Fed(values, UNKNOWN)}, expected)
    values = array([-np.inf, -1e300, -70000, 1, 70000, 1e300, np.inf, np.nan], "float64")
    expected = {
        "y": np.array([-65504, -65504, -65504, 1, 65504, 65504, 65504, np.nan], np.float16),
        "z": np.array([-3.4028235e38, -3.4028235e38, -70000, 1, 70000, 3.4028235e38, 3.4028235e38, np.nan], np.float32),
    }
    nodes = "y: cast(x, float16, saturate=true)\nz: cast(x, float32, saturate=true)"
    file.case("to_smaller_floats", nodes, {"x": Fed(values, UNKNOWN)}, expected)


def movement():
    file = File("quantize/movement", "ops that move elements, and variables, on float8, int4 and uint4.", by="numpy")
    for dtype in FLOAT8 + INT4:
        x = bits(dtype)[:12].reshape(3, 4) if dtype in INT4 else bits(dtype)[40:52].reshape(3, 4)
        other = bits(dtype)[4:16].reshape(3, 4)
        nodes = """
identity: identity(x)
reshaped: reshape(x, [2, -1])
transposed: transpose(x)
joined: concat([x, z], axis=1)
gathered: gather(x, [2, 0], axis=0)
cut: x[1:, ::2]
stacked: stack([x, z])
tiled: tile(x, [1, 2])
padded: pad(x, [[0, 1], [1, 0]])
chosen: where(c, x, z)
same: equal(x, z)
turned: reverse(x, [1])
filled: fill([2], x[0, 1])
none: zeros_like(x)
hot: one_hot([1, 0], 3, on_value=x[0, 1], off_value=x[0, 2])
counted: count_nonzero(x)
branch: {op: cond, inputs: "c[0, 0]", then: transpose(x), else: transpose(z)}
"""
        c = np.array([[True, False] * 2] * 3)
        hot = np.full((2, 3), x[0, 2])
        hot[0, 1] = hot[1, 0] = x[0, 1]
        zero = np.zeros((), numpy_dtype(dtype))
        padded = np.full((4, 5), zero)
        padded[:3, 1:] = x
        expected = {
            "identity": x,
            "reshaped": x.reshape(2, -1),
            "transposed": x.T,
            "joined": np.concatenate([x, other], 1),
            "gathered": x[[2, 0]],
            "cut": x[1:, ::2],
            "stacked": np.stack([x, other]),
            "tiled": np.tile(x, (1, 2)),
            "padded": padded,
            "chosen": np.where(c, x, other),
            "same": x.astype(np.float32) == other.astype(np.float32),
            "turned": x[:, ::-1],
            "filled": np.full(2, x[0, 1]),
            "none": np.full((3, 4), zero),
            "hot": hot,
            "counted": np.array(np.count_nonzero(x.astype(np.float32)), np.int64),
            "branch": x.T,
        }
        feeds = {"x": Fed(x, "[n, m]"), "z": Fed(other, "[n, m]"), "c": c}
        file.case(dtype, nodes.strip(), feeds, expected)
        file.case(
            dtype + "_variable",
            "v: {op: variable, dtype: %s, value: [1, 2, 3]}\nw: {op: variable, dtype: %s, value: {op: zeros, shape: [2]}}\n"
            "s: assign(v, x)\nu: scatter_update(w, [1], [4])\nk: {op: constant, dtype: %s, value: [[1], [5]]}"
            % (dtype, dtype, dtype),
            runs=[
                {"expect": {"v": array_of([1, 2, 3], dtype), "k": array_of([[1], [5]], dtype)}},
                {"feeds": {"x": x[0, :3]}, "expect": {"s": x[0, :3], "v": x[0, :3]}},
                {"expect": {"u": array_of([0, 4], dtype), "v": x[0, :3]}},
            ],
        )
    file.case(
        "bitcast_of_float8",
        "y: bitcast(x, uint8)\nz: bitcast(y, float8_e4m3fn)\nw: bitcast(x, int16)",
        {"x": Fed(bits("float8_e4m3fn")[:8].reshape(4, 2), "[n, 2]")},
        {
            "y": np.arange(8, dtype=np.uint8).reshape(4, 2),
            "z": bits("float8_e4m3fn")[:8].reshape(4, 2),
            "w": np.arange(8, dtype=np.uint8).view(np.int16),
        },
    )
    file.case(
        "no_arithmetic",
        "x: {op: constant, dtype: float8_e5m2, value: 1.5}\ny: x + x",
        expect={},
        compile_error="add: x is float8_e5m2; it has to be a number",
    )


def literals():
    file = File("quantize/literals", "numbers in a graph that do not fit a narrow dtype; each is rounded once.", by="hand")
    for dtype, value, text in (
        ("float8_e4m3fn", "500", "500 does not fit in float8_e4m3fn, whose largest number is 448"),
        ("float8_e4m3fn", ".inf", "float8_e4m3fn has no infinities; its largest number is 448"),
        ("float8_e5m2fnuz", "-.inf", "float8_e5m2fnuz has no infinities; its largest number is 57344"),
        ("float8_e5m2", "65000", "65000 does not fit in float8_e5m2, whose largest number is 57344"),
        ("int4", "8", "8 does not fit in int4 (-8 to 7)"),
        ("uint4", "-1", "-1 does not fit in uint4 (0 to 15)"),
        ("int4", "1.5", "1.5 is a float, and int4 takes whole numbers"),
    ):
        name = "%s_%s" % (dtype, value.replace("-", "minus_").replace(".", "_"))
        file.case(name, "k: {op: constant, dtype: %s, value: %s}" % (dtype, value), compile_error=text)
    nodes = (
        "a: {op: constant, dtype: float8_e5m2, value: [.inf, -.inf, 60000, .nan, 1.1]}\n"
        "b: {op: constant, dtype: float8_e4m3fn, value: [448, 460, -0.001, .nan]}\n"
        "c: {op: constant, dtype: float8_e4m3fnuz, value: [-0.0, 240, 1.0625000000000002]}\n"
        "d: {op: constant, dtype: bfloat16, value: [1.00390625, 1.0039062500000002]}\n"
        "e: {op: constant, dtype: float16, value: [1.00048828125, 1.0004882812500002]}"
    )
    expected = {
        "a": array_of([np.inf, -np.inf, 57344, np.nan, 1.0], "float8_e5m2"),
        "b": array_of([448, 448, -(2.0**-9) * 1, np.nan], "float8_e4m3fn"),
        "c": array_of([0, 240, 1.125], "float8_e4m3fnuz"),
        "d": array_of([1.0, 1.0078125], "bfloat16"),
        "e": np.array([1.0, 1.0009765625], np.float16),
    }
    expected["b"][2] = array_of(-0.001, "float8_e4m3fn")
    file.case("rounded", nodes, {}, expected, signed_zero=True)
    feeds = {"x": np.array([1.0, 1.0009765625], np.float16)}
    file.case("fed", "y: identity(x)", feeds, {"y": feeds["x"]})


def array_of(values, dtype):
    return np.array(values, np.float32).astype(numpy_dtype(dtype))


def cast_like():
    file = File("quantize/cast_like", "the dtype comes from another value, whose shape and numbers do not matter.", by="numpy")
    x = np.array([-3.7, 0.0, 2.5, 100.0], np.float32)
    for dtype in EVERY + FLOAT8 + INT4:
        t = np.zeros((2, 1)).astype(numpy_dtype(dtype))
        if dtype in FLOATS + FLOAT8:
            expected = x.astype(numpy_dtype(dtype))
        elif dtype == "bool":
            expected = x != 0
        else:
            expected = np.trunc(x).astype(np.int64).astype(numpy_dtype(dtype))
        feeds = {"x": Fed(x, UNKNOWN), "t": Fed(t, "[n, m]")}
        file.case(dtype, "y: cast_like(x, t)", dict(feeds, t=Fed(t, "[k, l]")), {"y": expected})


QUANTIZED = ["int8", "uint8", "int16", "uint16"] + INT4
# Ties, both ends of every range, and beyond them.
REALS = np.array(
    [[0, 0.25, -0.25, 0.75, 1.25, -1.25, 3.3, -3.3], [100, -100, 1e4, -1e4, 17000, -17000, 1e9, -1e9]], np.float32
)


def quantized(x, scale, zero, dtype, **attributes):
    """The ONNX reference's QuantizeLinear, in the dtype."""
    if zero is None:
        attributes["output_dtype"] = reference.onnx_type(dtype)
    result = reference.run("QuantizeLinear", [x, scale, zero], **attributes)
    return narrow_or(result, dtype)


def narrow_or(result, dtype):
    return reference.narrow(result, dtype) if dtype in FLOAT8 + INT4 else np.asarray(result).astype(dtype)


def ramp(shape, dtype):
    """Small numbers of a quantized dtype."""
    low, high = {"int4": (-8, 7), "uint4": (0, 15), "int8": (-128, 127), "int16": (-9000, 9000)}.get(dtype, (0, 255))
    return np.random.RandomState(7).randint(low, high + 1, shape).astype(numpy_dtype(dtype))


def quantize_linear():
    file = File(
        "quantize/quantize_linear",
        "every dtype of result, with and without a zero point; for all, by axis, by blocks; ties go to the even number.",
        by="the ONNX reference",
    )
    for dtype in QUANTIZED:
        scale = np.float32(0.5)
        zero = np.array(3, numpy_dtype(dtype))
        feeds = {"x": Fed(REALS, "[n, m]"), "s": scale, "z": zero}
        expected = {
            "y": quantized(np.clip(REALS, -1e5, 1e5), scale, zero, dtype),
            "n": quantized(np.clip(REALS, -1e5, 1e5), scale, None, dtype),
        }
        file.case(dtype, "y: quantize_linear(x, s, z)\nn: quantize_linear(x, s, output_dtype=%s)" % dtype, feeds, expected)
    for dtype in FLOAT8:
        scale = np.float32(2)
        x = np.append(around(dtype)[::7], [1e30, -1e30, np.inf]).astype(np.float32)
        x = x[np.abs(x) != 1e5]
        expected = {
            "y": quantized(x, scale, None, dtype, saturate=1),
            "n": quantized(x, scale, None, dtype, saturate=0),
        }
        nodes = (
            "y: quantize_linear(x, 2.0, output_dtype=%s)\nn: quantize_linear(x, 2.0, saturate=false, output_dtype=%s)"
            % (dtype, dtype)
        )
        file.case(dtype, nodes, {"x": Fed(x, UNKNOWN)}, expected)
    x = (np.random.RandomState(3).randn(2, 3, 5) * 60).astype(np.float32)
    for axis in (0, 1, -1):
        n = x.shape[axis]
        scale, zero = np.linspace(0.5, 2, n).astype(np.float32), np.arange(100, 100 + n).astype(np.uint8)
        feeds = {"x": Fed(x, "[a, b, c]"), "s": Fed(scale, "[k]"), "z": Fed(zero, "[k]")}
        expected = {"y": quantized(x, scale, zero, "uint8", axis=axis)}
        file.case("axis_%s" % (axis if axis >= 0 else "last"), "y: quantize_linear(x, s, z, axis=%d)" % axis, feeds, expected)
    for axis, block in ((1, 2), (2, 2), (0, 2), (2, 5)):
        shape = list(x.shape)
        shape[axis] = -(-shape[axis] // block)
        scale = (np.random.RandomState(4).rand(*shape) + 0.5).astype(np.float32)
        zero = np.random.RandomState(5).randint(-9, 9, shape).astype(np.int8)
        feeds = {"x": Fed(x, "[a, b, c]"), "s": Fed(scale, "[k, l, m]"), "z": zero}
        expected = {"y": quantized(x, scale, zero, "int8", axis=axis, block_size=block)}
        nodes = "y: quantize_linear(x, s, z, axis=%d, block_size=%d)" % (axis, block)
        file.case("blocks_of_%d_along_%d" % (block, axis), nodes, feeds, expected)
    expected = {"y": np.array([[0, 0, 0, 2, 2, -2, 7, -7]], np.int8), "u": np.array([[3, 3, 3, 5, 5, 1, 10, 0]], np.uint8)}
    for kind in ("float16", "bfloat16", "float64"):
        feeds = {"x": array(REALS[:1], kind)}
        file.case(kind, "y: quantize_linear(x, 0.5, output_dtype=int8)\nu: quantize_linear(x, 0.5, 3)", feeds, expected)
    file.case(
        "int32_and_a_vector_of_one",
        "y: quantize_linear(x, [2.0], [3], axis=5)",
        {"x": Fed(np.array([-100, 5, 3, 7, 600], np.int32))},
        {"y": np.array([0, 5, 5, 7, 255], np.uint8)},
    )
    refuse_parts(file, "quantize_linear(x, s)", "float32")
    file.case(
        "two_dtypes",
        "x: {op: placeholder, dtype: float32, shape: [2]}\nz: {op: constant, dtype: int8, value: 0}\n"
        "y: quantize_linear(x, 1.0, z, output_dtype=uint8)",
        compile_error="is int8, and output_dtype is uint8",
    )
    file.case(
        "no_quantized_dtype",
        "x: {op: placeholder, dtype: float32, shape: [2]}\ny: quantize_linear(x, 1.0, output_dtype=int64)",
        compile_error="output_dtype is int64; it has to be",
    )


def refuse_parts(file, call, dtype):
    """Scales that do not fit, when compiled and when run."""
    head = "x: {op: placeholder, dtype: %s, shape: [2, 3]}\ns: {op: placeholder, dtype: float32, shape: %s}\n"
    text = head % (dtype, "[2]") + "y: " + call
    file.case("one_for_each_index", text, compile_error="a vector has one number for every index of dimension 1")
    text = head % (dtype, "[2, 3]") + "y: " + call
    file.case("one_or_a_vector", text, compile_error="one number, one for every index of the axis, or one for every block")
    text = head % (dtype, "[3]") + "y: " + call.replace(")", ", axis=2)")
    file.case("axis_out_of_range", text, compile_error="axis 2 is out of range")
    text = head % (dtype, "[2, 3]") + "y: " + call.replace(")", ", block_size=2)")
    file.case("blocks_that_do_not_fit", text, compile_error="one number for every block of 2 along dimension 1")
    text = head % (dtype, "[2, 3]") + "y: " + call.replace(")", ", block_size=-1)")
    file.case("negative_block", text, compile_error="block_size is -1; it has to be positive")
    feeds = {"x": Fed(np.zeros((2, 3), numpy_dtype(dtype)), "[n, m]"), "s": Fed(np.ones(2, np.float32), "[k]")}
    file.case(
        "one_for_each_index_when_run",
        "y: " + call,
        runs=[{"feeds": feeds, "fetch": ["y"], "error": "a vector has one number for every index of dimension 1", "node": "y"}],
    )


def dequantize_linear():
    file = File(
        "quantize/dequantize_linear",
        "every dtype, with and without a zero point; for all, by axis, by blocks.",
        by="the ONNX reference",
    )
    for dtype in QUANTIZED + FLOAT8:
        x = ramp((2, 5), dtype) if dtype in QUANTIZED else bits(dtype)[3:123:12].reshape(2, 5)
        scale, zero = np.float32(0.3), np.array(3 if dtype in QUANTIZED else 0, numpy_dtype(dtype))
        feeds = {"x": Fed(x, "[n, m]"), "s": scale, "z": zero}
        wide = x.astype(np.float32)
        expected = {"y": (wide - np.float32(zero)) * scale, "n": wide * scale}
        file.case(dtype, "y: dequantize_linear(x, s, z)\nn: dequantize_linear(x, s)", feeds, expected)
    x = ramp((2, 3, 5), "int8")
    for axis in (0, 1, -1):
        n = x.shape[axis]
        scale, zero = np.linspace(0.5, 2, n).astype(np.float32), np.arange(-3, n - 3).astype(np.int8)
        feeds = {"x": Fed(x, "[a, b, c]"), "s": Fed(scale, "[k]"), "z": Fed(zero, "[k]")}
        expected = {"y": reference.run("DequantizeLinear", [x, scale, zero], axis=axis)}
        file.case("axis_%s" % (axis if axis >= 0 else "last"), "y: dequantize_linear(x, s, z, axis=%d)" % axis, feeds, expected)
    scale = (np.random.RandomState(4).rand(2, 3, 3) + 0.5).astype(np.float32)
    zero = np.random.RandomState(5).randint(-9, 9, (2, 3, 3)).astype(np.int8)
    expected = {"y": reference.run("DequantizeLinear", [x, scale, zero], axis=2, block_size=2)}
    feeds = {"x": Fed(x, "[a, b, c]"), "s": Fed(scale, "[k, l, m]"), "z": zero}
    file.case("blocks", "y: dequantize_linear(x, s, z, axis=2, block_size=2)", feeds, expected)
    x = np.array([-(2**31), -7, 0, 7, 2**31 - 1], np.int32)
    feeds = {"x": Fed(x)}
    file.case("int32_of_any_rank", "y: dequantize_linear(x, 0.5)", feeds, {"y": x.astype(np.float32) * np.float32(0.5)})
    for kind in ("float16", "bfloat16", "float64"):
        x, s = ramp((7,), "uint8"), array(0.3, kind)
        wide = np.float64 if kind == "float64" else np.float32
        expected = ((x.astype(np.int32) - 9).astype(wide) * s.astype(wide)).astype(numpy_dtype(kind))
        file.case(kind, "y: dequantize_linear(x, s, 9)", {"x": Fed(x, UNKNOWN), "s": s}, {"y": expected})
    refuse_parts(file, "dequantize_linear(x, s)", "int8")


def dynamic_quantize_linear():
    file = File(
        "quantize/dynamic_quantize_linear",
        "0 is always part of the range; a tensor of zeros has the scale 1, as in ONNX Runtime.",
        by="the ONNX reference",
    )
    cases = {
        "both_signs": [0, 2, -3, -2.5, 1.34, 0.5],
        "only_negative": [-1.0, -2.1, -1.3, -2.5, -3.34, -4.0],
        "only_positive": [[1, 2.1, 1.3, 2.5], [3.34, 4.0, 1.5, 2.6]],
    }
    for name, values in cases.items():
        x = np.array(values, np.float32)
        y, scale, zero = reference.run("DynamicQuantizeLinear", [x], outputs=3)
        feeds = {"x": Fed(x)} if name == "both_signs" else {"x": Fed(x, "[n]" if x.ndim == 1 else "[n, m]")}
        nodes = "y: {op: dynamic_quantize_linear, inputs: x, outputs: [y, s, z]}"
        file.case(name, nodes, feeds, {"y": y, "s": scale, "z": zero})
    expected = {"y": np.zeros(3, np.uint8), "s": np.float32(1), "z": np.uint8(0)}
    nodes = "y: {op: dynamic_quantize_linear, inputs: x, outputs: [y, s, z]}"
    file.case("zeros", nodes, {"x": np.zeros(3, np.float32)}, expected)


def matmul_integer():
    file = File(
        "quantize/matmul_integer",
        "both signs of both matrices; zero points for all, for rows of a and columns of b; batches.",
        by="the ONNX reference",
    )
    for a_type in ("int8", "uint8"):
        for b_type in ("int8", "uint8"):
            a, b = ramp((3, 70), a_type), ramp((70, 5), b_type)
            za, zb = np.array(5, a_type), np.array(9, b_type)
            feeds = {"a": Fed(a, "[n, k]"), "b": Fed(b, "[k, m]"), "za": za, "zb": zb}
            expected = {
                "y": reference.run("MatMulInteger", [a, b]),
                "z": reference.run("MatMulInteger", [a, b, za, zb]),
                "w": reference.run("MatMulInteger", [a, b, np.array(0, a_type), zb]),
            }
            nodes = "y: matmul_integer(a, b)\nz: matmul_integer(a, b, za, zb)\nw: matmul_integer(a, b, b_zero_point=zb)"
            file.case(a_type + "_" + b_type, nodes, feeds, expected)
    a, b = ramp((2, 3, 6), "uint8"), ramp((6, 4), "int8")
    za, zb = np.array([1, 2, 3], np.uint8), np.array([4, -5, 6, -7], np.int8)
    wide = (a.astype(np.int32) - za[:, None]) @ (b.astype(np.int32) - zb)
    feeds = {"a": Fed(a, "[b, n, k]"), "b": Fed(b, "[k, m]"), "za": Fed(za, "[n]"), "zb": Fed(zb, "[m]")}
    file.case("rows_and_columns", "y: matmul_integer(a, b, za, zb)", feeds, {"y": wide.astype(np.int32)})
    per_batch = np.array([[[1], [2], [3]], [[4], [5], [6]]], np.uint8)
    wide = (a.astype(np.int32) - per_batch) @ b.astype(np.int32)
    feeds = {"a": Fed(a, "[b, n, k]"), "b": b, "za": Fed(per_batch, "[b, n, 1]")}
    file.case("rows_of_each_matrix", "y: matmul_integer(a, b, za)", feeds, {"y": wide.astype(np.int32)})
    head = "a: {op: placeholder, dtype: uint8, shape: [3, 6]}\nb: {op: placeholder, dtype: int8, shape: [%d, 4]}\n"
    file.case("inner_sizes", head % 5 + "y: matmul_integer(a, b)", compile_error="inner sizes differ")
    text = head % 6 + "z: {op: placeholder, dtype: uint8, shape: [4]}\ny: matmul_integer(a, b, z)"
    file.case("zero_points_of_rows", text, compile_error="cannot broadcast [3, 6] against [4, 1]")
    text = head % 6 + "z: {op: placeholder, dtype: int8, shape: []}\ny: matmul_integer(a, b, z)"
    file.case("zero_point_of_another_dtype", text, compile_error="which does not match a, which is uint8")


def qlinear_matmul():
    file = File(
        "quantize/qlinear_matmul",
        "rounded before the zero point is added, as ONNX Runtime does; scales for all, for rows and for columns.",
        by="numpy",
    )
    names = ["a", "a_scale", "a_zero_point", "b", "b_scale", "b_zero_point", "y_scale", "y_zero_point"]
    for dtype in ("int8", "uint8"):
        for kind in ("scalars", "vectors"):
            a, b = ramp((2, 3, 9), dtype), ramp((2, 9, 4), dtype)
            if kind == "scalars":
                scales = [np.float32(0.0066), np.float32(0.00705), np.float32(0.0107)]
                zeros = [np.array(z, dtype) for z in (113, 114, 118)]
            else:
                scales = [np.array(v, np.float32) for v in ([0.01, 0.02, 0.03], [0.01, 0.02, 0.01, 0.02], 0.05)]
                zeros = [np.array([1, 2, 3], dtype), np.array([4, 5, 6, 7], dtype), np.array(8, dtype)]
            row = lambda v: np.asarray(v)[..., None] if np.ndim(v) else np.asarray(v)
            product = (a.astype(np.int32) - row(zeros[0]).astype(np.int32)) @ (b.astype(np.int32) - zeros[1].astype(np.int32))
            factor = (row(scales[0]) * scales[1] / scales[2]).astype(np.float32)
            result = np.rint(product.astype(np.float32) * factor) + zeros[2].astype(np.float32)
            info = np.iinfo(dtype)
            values = [a, scales[0], zeros[0], b, scales[1], zeros[1], scales[2], zeros[2]]
            feeds = {n: v for n, v in zip(names, values)}
            feeds["a"], feeds["b"] = Fed(a, "[g, n, k]"), Fed(b, "[g, k, m]")
            expected = {"y": np.clip(result, info.min, info.max).astype(dtype)}
            file.case(dtype + "_" + kind, "y: qlinear_matmul(%s)" % ", ".join(names), feeds, expected)
    half = {n: v for n, v in feeds.items()}
    for name in ("a_scale", "b_scale", "y_scale"):
        half[name] = half[name].astype(np.float16)
    scales = [half[n] for n in ("a_scale", "b_scale", "y_scale")]
    factor = (row(scales[0]) * scales[1] / scales[2]).astype(np.float16).astype(np.float32)
    result = np.rint(product.astype(np.float32) * factor) + zeros[2].astype(np.float32)
    expected = {"y": np.clip(result, 0, 255).astype(np.uint8)}
    file.case("float16_scales", "y: qlinear_matmul(%s)" % ", ".join(names), half, expected)


def fake_quant():
    file = File(
        "quantize/fake_quant_with_min_max_vars",
        "the range is nudged so that 0 is exact; 2 to 16 bits, narrow ranges, one range for each channel.",
    )
    x = np.concatenate([np.linspace(-7, 7, 29), [0.0, 1e-6, 100, -100]]).astype(np.float32)
    for low, high in ((-6.0, 6.0), (-0.1, 4.9), (0.0, 3.0), (-5.0, 0.0), (1.0, 2.5), (0.0, 0.0)):
        for bits_ in (8, 4, 16):
            for narrow in (False, True):
                call = tf.quantization.fake_quant_with_min_max_vars
                y = native(lambda v: call(v, low, high, num_bits=bits_, narrow_range=narrow), x)
                nodes = "y: fake_quant_with_min_max_vars(x, %r, %r, num_bits=%d, narrow_range=%s)" % (
                    low,
                    high,
                    bits_,
                    str(narrow).lower(),
                )
                name = ("from_%g_to_%g_%d_bits" % (low, high, bits_)).replace("-", "minus_").replace(".", "_")
                file.case(name + "_narrow" * narrow, nodes, {"x": Fed(x, UNKNOWN)}, {"y": y})
    matrix = (x[:32] + np.float32(0.01)).reshape(8, 4)  # no ties: there the kernels for many and for fixed ranges differ
    low, high = np.array([-1, -2, 0, -6], np.float32), np.array([1, 3, 6, 0], np.float32)
    y = native(lambda v: tf.quantization.fake_quant_with_min_max_vars_per_channel(v, low, high), matrix)
    nodes = "y: fake_quant_with_min_max_vars_per_channel(x, low, high)\nz: fake_quant_with_min_max_args(x)"
    z = native(lambda v: tf.quantization.fake_quant_with_min_max_args(v), matrix)
    feeds = {"x": Fed(matrix, "[n, c]"), "low": Fed(low, "[c]"), "high": high}
    file.case("per_channel", nodes, feeds, {"y": y, "z": z})
    head = "x: {op: placeholder, dtype: float32, shape: [2, 3]}\n"
    file.case("bits", head + "y: fake_quant_with_min_max_vars(x, 0, 1, num_bits=1)", compile_error="num_bits is 1; it goes from 2 to 16")
    file.case("channels", head + "y: fake_quant_with_min_max_vars(x, [0, 1], 1)", compile_error="cannot broadcast [2, 3] against [2]")


def conv_integer():
    file = File(
        "quantize/conv_integer",
        "both layouts, padding (which is the zero point), strides, groups, zero points for each output channel.",
        by="the ONNX reference",
    )
    x, w = ramp((1, 2, 5, 6), "uint8"), ramp((4, 2, 3, 3), "int8")
    zx, zw = np.array(7, np.uint8), np.array(3, np.int8)
    kernel = w.transpose(2, 3, 1, 0)
    y = reference.run("ConvInteger", [x, w, zx, zw])
    feeds = {"x": Fed(x, "[n, c, h, w]"), "k": kernel, "zx": zx, "zw": zw}
    file.case("channels_first", "y: conv_integer(x, k, zx, zw, data_format=NCHW)", feeds, {"y": y})
    feeds = {"x": Fed(x.transpose(0, 2, 3, 1).copy(), "[n, h, w, c]"), "k": kernel, "zx": zx, "zw": zw}
    file.case("channels_last", "y: conv_integer(x, k, zx, zw)", feeds, {"y": y.transpose(0, 2, 3, 1)})
    y = reference.run("ConvInteger", [x, w, zx, zw], pads=[1, 1, 1, 1], strides=[2, 1])
    nodes = "y: conv_integer(x, k, zx, zw, strides=[2, 1], padding=[[1, 1], [1, 1]], data_format=NCHW)"
    file.case("padding_and_strides", nodes, {"x": x, "k": kernel, "zx": zx, "zw": zw}, {"y": y})
    y = reference.run("ConvInteger", [x, w], pads=[1, 1, 1, 1])
    file.case("no_zero_points", "y: conv_integer(x, k, padding=same, data_format=NCHW)", {"x": x, "k": kernel}, {"y": y})
    per_channel = np.array([1, -2, 3, 40], np.int8)
    wide = w.astype(np.int32) - per_channel[:, None, None, None]
    y = np.zeros((1, 4, 3, 4), np.int32)
    for i in range(3):
        for j in range(4):
            y[0, :, i, j] = (wide * (x[0, :, i : i + 3, j : j + 3].astype(np.int32) - 7)).sum((1, 2, 3))
    feeds = {"x": x, "k": kernel, "zx": zx, "zw": Fed(per_channel, "[m]")}
    file.case("zero_points_of_channels", "y: conv_integer(x, k, zx, zw, data_format=NCHW)", feeds, {"y": y})
    depthwise = ramp((4, 1, 3, 3), "int8")
    wide = depthwise.astype(np.int32)
    y = np.zeros((1, 4, 3, 4), np.int32)
    for m in range(4):
        for i in range(3):
            for j in range(4):
                y[0, m, i, j] = (wide[m, 0] * (x[0, m // 2, i : i + 3, j : j + 3].astype(np.int32) - 7)).sum()
    feeds = {"x": x, "k": depthwise.transpose(2, 3, 1, 0), "zx": zx}
    file.case("groups", "y: conv_integer(x, k, zx, data_format=NCHW)", feeds, {"y": y})
    head = "x: {op: placeholder, dtype: uint8, shape: [1, 5, 6, 2]}\nk: {op: placeholder, dtype: int8, shape: [3, 3, 2, 4]}\n"
    text = head + "z: {op: placeholder, dtype: int8, shape: [3]}\ny: conv_integer(x, k, filters_zero_point=z)"
    file.case("too_few_zero_points", text, compile_error="there has to be one number for every output channel")
    text = head + "y: conv_integer(x, k, [1, 2])"
    file.case("zero_points_of_input_channels", text, compile_error="there has to be one number for every output channel")


def qlinear_conv():
    file = File(
        "quantize/qlinear_conv",
        "scales for each output channel, a bias, both layouts; rounded before the zero point is added, as ONNX Runtime does.",
        by="numpy",
    )
    names = ["x", "xs", "xz", "k", "ws", "wz", "ys", "yz"]
    for dtype in ("uint8", "int8"):
        for kind in ("scalar", "channels"):
            x, w = ramp((2, 3, 4, 5), dtype), ramp((4, 3, 2, 2), dtype)
            xs, ys = np.float32(0.02), np.float32(0.7)
            xz, yz = np.array(5, dtype), np.array(100, dtype)
            ws = np.float32(0.05) if kind == "scalar" else np.array([0.05, 0.01, 0.02, 0.03], np.float32)
            wz = np.array(3, dtype) if kind == "scalar" else np.array([1, 2, 3, 4], dtype)
            bias = np.array([100, -2000, 30000, 0], np.int32)
            wide_w = w.astype(np.int32) - (wz.astype(np.int32)[:, None, None, None] if kind == "channels" else wz.astype(np.int32))
            wide_x = x.astype(np.int32) - np.int32(xz)
            total = np.zeros((2, 4, 3, 4), np.int32)
            for i in range(3):
                for j in range(4):
                    total[:, :, i, j] = np.einsum("nchw,mchw->nm", wide_x[:, :, i : i + 2, j : j + 2], wide_w)
            factor = np.asarray(xs * ws / ys, np.float32)
            factor = factor[:, None, None] if kind == "channels" else factor
            info = np.iinfo(dtype)
            done = lambda t: np.clip(np.rint(t.astype(np.float32) * factor) + np.float32(yz), info.min, info.max).astype(dtype)
            values = [x, xs, xz, w.transpose(2, 3, 1, 0), ws, wz, ys, yz]
            feeds = dict(zip(names, values), b=bias)
            feeds["x"] = Fed(x, "[n, c, h, w]")
            nodes = "y: qlinear_conv(%s, data_format=NCHW)\nz: qlinear_conv(%s, b, data_format=NCHW)" % (", ".join(names), ", ".join(names))
            expected = {"y": done(total), "z": done(total + bias[:, None, None])}
            file.case(dtype + "_" + kind, nodes, feeds, expected)
            feeds["x"] = x.transpose(0, 2, 3, 1).copy()
            nodes = "z: qlinear_conv(%s, b)" % ", ".join(names)
            file.case(dtype + "_" + kind + "_channels_last", nodes, feeds, {"z": expected["z"].transpose(0, 2, 3, 1)})


TENSORFLOW = {"int8": tf.qint8, "uint8": tf.quint8, "int16": tf.qint16, "uint16": tf.quint16}


def numbers_of(quantized_tensor, dtype):
    return tf.bitcast(quantized_tensor, getattr(tf, dtype)).numpy()


def quantize():
    file = File("quantize/quantize", "every mode, dtype and rounding; ranges that are widened; ranges along an axis.")
    x = np.concatenate([np.linspace(-7, 7, 29), [0.0, 1e-6, 100, -100], np.random.RandomState(1).randn(20)]).astype(np.float32)
    for mode in ("MIN_COMBINED", "MIN_FIRST", "SCALED"):
        for dtype in ("int8", "uint8", "int16", "uint16"):
            for rounding in ("HALF_AWAY_FROM_ZERO", "HALF_TO_EVEN") if mode == "SCALED" else ("HALF_AWAY_FROM_ZERO",):
                for low, high in ((-6.0, 6.0), (-0.1, 4.9), (0.0, 3.0), (1.0, 1.0)):
                    if dtype.startswith("u") and mode == "SCALED" and high <= 0:
                        continue
                    try:
                        y, a, b = tf.quantization.quantize(x, low, high, TENSORFLOW[dtype], mode=mode, round_mode=rounding)
                    except tf.errors.OpError:
                        continue
                    nodes = "y: {op: quantize, inputs: [x, %r, %r], T: %s, mode: %s, round_mode: %s, outputs: [y, a, b]}" % (
                        low,
                        high,
                        dtype,
                        mode,
                        rounding,
                    )
                    name = "%s_%s_%s_from_%g_to_%g" % (mode.lower(), dtype, rounding.lower(), low, high)
                    name = name.replace("-", "minus_").replace(".", "_")
                    file.case(name, nodes, {"x": Fed(x, UNKNOWN)}, {"y": numbers_of(y, dtype), "a": a.numpy(), "b": b.numpy()})
    matrix = x[:32].reshape(8, 4)
    low, high = np.array([-1, -2, 0, -6], np.float32), np.array([1, 3, 6, 1], np.float32)
    for mode in ("MIN_COMBINED", "SCALED"):  # TensorFlow has no MIN_FIRST along an axis
        y, a, b = tf.quantization.quantize(matrix, low, high, tf.qint8, mode=mode, axis=1)
        nodes = "y: {op: quantize, inputs: [x, low, high], T: int8, mode: %s, axis: 1, outputs: [y, a, b]}" % mode
        feeds = {"x": Fed(matrix, "[n, c]"), "low": Fed(low, "[c]"), "high": high}
        file.case("axis_" + mode.lower(), nodes, feeds, {"y": numbers_of(y, "int8"), "a": a.numpy(), "b": b.numpy()})
    y, a, b = tf.quantization.quantize(x, -3.0, 3.0, tf.qint8, mode="SCALED", narrow_range=True)
    nodes = "y: {op: quantize, inputs: [x, -3.0, 3.0], T: int8, mode: SCALED, narrow_range: true, outputs: [y, a, b]}"
    file.case("narrow", nodes, {"x": x}, {"y": numbers_of(y, "int8"), "a": a.numpy(), "b": b.numpy()})
    head = "x: {op: placeholder, dtype: float32, shape: [2, 3]}\n"
    file.case("mode", head + "y: quantize(x, 0.0, 1.0, int8, mode=FULL)", compile_error="mode is 'FULL'; it is 'MIN_COMBINED'")
    file.case("bounds", head + "y: quantize(x, 0.0, [1.0, 2.0], int8)", compile_error="they are two numbers, or two vectors along the axis")
    file.case("too_few_bounds", head + "y: quantize(x, [0.0, 0.0], [1.0, 2.0], int8)", compile_error="there has to be one range for every index of the axis")


def dequantize():
    file = File("quantize/dequantize", "every mode and dtype, ranges along an axis, bfloat16.")
    for mode in ("MIN_COMBINED", "MIN_FIRST", "SCALED"):
        for dtype in ("int8", "uint8", "int16", "uint16"):
            x = ramp((3, 7), dtype)
            for low, high in ((-6.0, 6.0), (-0.1, 4.9), (0.0, 3.0)):
                given = tf.bitcast(tf.constant(x), TENSORFLOW[dtype])
                y = tf.quantization.dequantize(given, low, high, mode=mode).numpy()
                nodes = "y: dequantize(x, %r, %r, mode=%s)" % (low, high, mode)
                name = "%s_%s_from_%g_to_%g" % (mode.lower(), dtype, low, high)
                file.case(name.replace("-", "minus_").replace(".", "_"), nodes, {"x": Fed(x, "[n, m]")}, {"y": y}, tolerance=1e-6)
    x = ramp((8, 4), "int8")
    low, high = np.array([-1, -2, 0, -6], np.float32), np.array([1, 3, 6, 1], np.float32)
    given = tf.bitcast(tf.constant(x), tf.qint8)
    for mode in ("MIN_COMBINED", "SCALED"):
        y = tf.quantization.dequantize(given, low, high, mode=mode, axis=1).numpy()
        feeds = {"x": Fed(x, "[n, c]"), "low": Fed(low, "[c]"), "high": high}
        file.case("axis_" + mode.lower(), "y: dequantize(x, low, high, mode=%s, axis=1)" % mode, feeds, {"y": y}, tolerance=1e-6)
    y = tf.quantization.dequantize(given, -3.0, 3.0, mode="SCALED", narrow_range=True).numpy()
    nodes = "y: dequantize(x, -3.0, 3.0, mode=SCALED, narrow_range=true)\nz: dequantize(x, -3.0, 3.0, dtype=bfloat16)"
    z = tf.quantization.dequantize(given, -3.0, 3.0).numpy()
    file.case("narrow_and_bfloat16", nodes, {"x": x}, {"y": y, "z": array(z, "bfloat16")}, tolerance=1e-6)


def requantize():
    file = File("quantize/requantize", "sums of products from their range to that of 8 bits, in fixed point arithmetic.")
    x = np.random.RandomState(2).randint(-(2**31), 2**31 - 1, 60).astype(np.int32)
    x = np.concatenate([x, x // 1000, [0, 1, -1, 2**31 - 1, -(2**31)]]).astype(np.int32)
    for low, high, first, last in ((-100, 100, -6, 6), (-3.5, 9, 0, 4), (-2000, 1999, -3, 17.5), (-1, 1, 0, 0), (-9, 9, -9, 9)):
        given = tf.bitcast(tf.constant(x), tf.qint32)
        ranges = [np.float32(v) for v in (low, high, first, last)]
        y, a, b = tf.raw_ops.Requantize(
            input=given,
            input_min=ranges[0],
            input_max=ranges[1],
            requested_output_min=ranges[2],
            requested_output_max=ranges[3],
            out_type=tf.quint8,
        )
        nodes = "y: {op: requantize, inputs: [x, %r, %r, %r, %r], out_type: uint8, outputs: [y, a, b]}" % tuple(map(float, ranges))
        name = ("from_%g_%g_to_%g_%g" % (low, high, first, last)).replace("-", "minus_").replace(".", "_")
        file.case(name, nodes, {"x": Fed(x, UNKNOWN)}, {"y": numbers_of(y, "uint8"), "a": a.numpy(), "b": b.numpy()})
    head = "x: {op: placeholder, dtype: int32, shape: [2]}\n"
    file.case("bounds", head + "y: requantize(x, [0.0], 1.0, 0.0, 1.0, uint8)", compile_error="input_min")


def tables():
    float8()
    int4()
    saturate()
    movement()
    literals()
    cast_like()
    quantize_linear()
    dequantize_linear()
    dynamic_quantize_linear()
    matmul_integer()
    qlinear_matmul()
    conv_integer()
    qlinear_conv()
    fake_quant()
    quantize()
    dequantize()
    requantize()
