"""The models of compare.py, as ONNX files with random weights: every engine reads the same file.

Weights are drawn so that activations keep about the same size from layer to layer; batch normalisations are folded into
them, as deployed models have it.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Net:
    """A graph under construction; every layer gives the name of its result."""

    def __init__(self, seed=0):
        self.nodes, self.weights, self.rng, self.count = [], [], np.random.default_rng(seed), 0

    def weight(self, *shape, scale=None):
        fan_in = np.prod(shape[1:]) if len(shape) > 1 else 100
        values = self.rng.normal(size=shape) * (scale or np.sqrt(2 / fan_in))
        return self.constant(values.astype(np.float32))

    def constant(self, values):
        name = "w%d" % len(self.weights)
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, op, *inputs, outputs=1, **attributes):
        self.count += 1
        names = ["%s%d" % (op.lower(), self.count) + ("_%d" % k if k else "") for k in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name="n%d" % self.count, **attributes))
        return names[0] if outputs == 1 else names

    def dense(self, x, features, units):
        return self.node("Gemm", x, self.weight(features, units, scale=np.sqrt(2 / features)), self.weight(units, scale=0.1))

    def conv(self, x, channels, filters, kernel, stride=1, group=1, pad=None, activation="Relu"):
        pad = kernel // 2 if pad is None else pad
        y = self.node("Conv", x, self.weight(filters, channels // group, kernel, kernel), self.weight(filters, scale=0.05),
                      kernel_shape=[kernel, kernel], strides=[stride, stride], pads=[pad] * 4, group=group)
        if activation == "Clip":
            return self.node("Clip", y, self.constant(np.float32(0)), self.constant(np.float32(6)))
        return self.node(activation, y) if activation else y

    def pool(self, x, kernel, stride, pad=0):
        return self.node("MaxPool", x, kernel_shape=[kernel, kernel], strides=[stride, stride], pads=[pad] * 4)

    def save(self, path, inputs, result):
        infos = [helper.make_tensor_value_info(n, t, s) for n, t, s in inputs]
        output = helper.make_tensor_value_info(result, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "compared", infos, [output], self.weights)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
        return path


def image(*shape):
    return [("x", TensorProto.FLOAT, list(shape))]


def mlp(path, batch):
    n = Net()
    h = n.node("Relu", n.dense("x", 784, 512))
    h = n.node("Relu", n.dense(h, 512, 512))
    return n.save(path, image(batch, 784), n.dense(h, 512, 10))


def lenet(path):
    n = Net()
    h = n.pool(n.conv("x", 1, 32, 5), 2, 2)
    h = n.node("Flatten", n.pool(n.conv(h, 32, 64, 5), 2, 2))
    h = n.node("Relu", n.dense(h, 3136, 512))
    return n.save(path, image(1, 1, 28, 28), n.dense(h, 512, 10))


def lstm(path):
    n, h, features = Net(), "x", 64
    for _ in range(2):
        h = n.node("LSTM", h, n.weight(1, 512, features, scale=0.1), n.weight(1, 512, 128, scale=0.1),
                   n.weight(1, 1024, scale=0.1), hidden_size=128)
        h = n.node("Squeeze", h, n.constant(np.int64([1])))
        features = 128
    return n.save(path, image(64, 1, 64), h)


def squeezenet(path):
    n = Net()
    h = n.pool(n.conv("x", 3, 64, 3, 2, pad=0), 3, 2)

    def fire(x, channels, squeeze, expand):
        s = n.conv(x, channels, squeeze, 1)
        return n.node("Concat", n.conv(s, squeeze, expand, 1), n.conv(s, squeeze, expand, 3), axis=1)

    h = n.pool(fire(fire(h, 64, 16, 64), 128, 16, 64), 3, 2)
    h = n.pool(fire(fire(h, 128, 32, 128), 256, 32, 128), 3, 2)
    h = fire(fire(fire(fire(h, 256, 48, 192), 384, 48, 192), 384, 64, 256), 512, 64, 256)
    h = n.node("GlobalAveragePool", n.conv(h, 512, 1000, 1))
    return n.save(path, image(1, 3, 224, 224), n.node("Flatten", h))


def mobilenet_v2(path):
    n = Net()
    h, channels = n.conv("x", 3, 32, 3, 2, activation="Clip"), 32
    for expand, filters, count, first in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                          (6, 160, 3, 2), (6, 320, 1, 1)]:
        for k in range(count):
            stride, wide = (first if k == 0 else 1), channels * expand
            y = n.conv(h, channels, wide, 1, activation="Clip") if expand > 1 else h
            y = n.conv(y, wide, wide, 3, stride, group=wide, activation="Clip")
            y = n.conv(y, wide, filters, 1, activation=None)
            h = n.node("Add", h, y) if stride == 1 and channels == filters else y
            channels = filters
    h = n.node("Flatten", n.node("GlobalAveragePool", n.conv(h, 320, 1280, 1, activation="Clip")))
    return n.save(path, image(1, 3, 224, 224), n.dense(h, 1280, 1000))


def resnet50(path):
    n = Net()
    h, channels = n.pool(n.conv("x", 3, 64, 7, 2), 3, 2, 1), 64
    for stage, (count, filters) in enumerate([(3, 64), (4, 128), (6, 256), (3, 512)]):
        for k in range(count):
            stride = 2 if k == 0 and stage > 0 else 1
            y = n.conv(n.conv(h, channels, filters, 1), filters, filters, 3, stride)
            y = n.conv(y, filters, 4 * filters, 1, activation=None)
            shortcut = n.conv(h, channels, 4 * filters, 1, stride, activation=None) if k == 0 else h
            h, channels = n.node("Relu", n.node("Add", y, shortcut)), 4 * filters
    h = n.node("Flatten", n.node("GlobalAveragePool", h))
    return n.save(path, image(1, 3, 224, 224), n.dense(h, 2048, 1000))


def encoder(path, length=128, width=384, heads=12, layers=6):
    """A MiniLM encoder behind its embeddings, as exporters write one."""
    n = Net()
    size = width // heads

    def linear(x, a, b):
        return n.node("Add", n.node("MatMul", x, n.weight(a, b, scale=0.05)), n.weight(b, scale=0.02))

    def norm(x):
        return n.node("LayerNormalization", x, n.constant(np.ones(width, np.float32)), n.weight(width, scale=0.02), axis=-1,
                      epsilon=1e-12)

    def split(x, perm):
        return n.node("Transpose", n.node("Reshape", x, n.constant(np.int64([1, length, heads, size]))), perm=perm)

    def gelu(x):
        half = n.node("Erf", n.node("Div", x, n.constant(np.float32(np.sqrt(2)))))
        return n.node("Mul", n.node("Mul", x, n.node("Add", half, n.constant(np.float32(1)))), n.constant(np.float32(0.5)))

    x = "x"
    for _ in range(layers):
        q, k = split(linear(x, width, width), [0, 2, 1, 3]), split(linear(x, width, width), [0, 2, 3, 1])
        v = split(linear(x, width, width), [0, 2, 1, 3])
        scores = n.node("Div", n.node("MatMul", q, k), n.constant(np.float32(np.sqrt(size))))
        a = n.node("Transpose", n.node("MatMul", n.node("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
        a = n.node("Reshape", a, n.constant(np.int64([1, length, width])))
        x = norm(n.node("Add", linear(a, width, width), x))
        x = norm(n.node("Add", linear(gelu(linear(x, width, 4 * width)), 4 * width, width), x))
    return n.save(path, image(1, length, width), x)


MODELS = {
    "MLP 784-512-512-10, batch 1": lambda path: mlp(path, 1),
    "the same, batch 64": lambda path: mlp(path, 64),
    "LeNet 32-64-512, 28x28": lenet,
    "LSTM 2 x 128, 64 steps of 64": lstm,
    "SqueezeNet 1.1, 224x224": squeezenet,
    "MobileNetV2, 224x224": mobilenet_v2,
    "ResNet-50, 224x224": resnet50,
    "MiniLM encoder (6 x 384), 128 tokens": encoder,
}
