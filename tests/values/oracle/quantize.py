"""Narrow dtypes, casts between all of them, and quantization."""

import numpy as np
from onnx import helper, subbyte

from .case import EVERY, FLOAT8, FLOATS, INT4, INTEGERS, Fed, File, array, numpy_dtype

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


def tables():
    float8()
    int4()
    saturate()
    movement()
    cast_like()
