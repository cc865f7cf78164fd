"""ONNX Runtime as the oracle, or, where it has no kernel, ONNX's own reference implementation."""

import numpy as np
import onnx
import onnx.helper
import onnx.reference
import onnxruntime

from .case import Fed

OPSET, IR = 20, 9


def onnx_op(op, *inputs, opset=OPSET, outputs=1, reference=False, **attributes):
    """The outputs of a model of one node; an input that is None is left out."""
    names = ["x%d" % i if x is not None else "" for i, x in enumerate(inputs)]
    given = {n: np.asarray(x) for n, x in zip(names, inputs) if n}
    results = ["y%d" % i for i in range(outputs)]
    node = onnx.helper.make_node(op, names, results, **attributes)
    typed = [
        onnx.helper.make_tensor_value_info(n, onnx.helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
        for n, x in given.items()
    ]
    untyped = [onnx.ValueInfoProto(name=n) for n in results]
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "model", typed, untyped),
        opset_imports=[onnx.helper.make_opsetid("", opset)],
        ir_version=IR,
    )
    try:
        if reference:
            raise NotImplementedError
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
        found = session.run(None, given)
    except Exception as error:
        missing = ("NOT_IMPLEMENTED", "INVALID_GRAPH", "is not supported")
        if not reference and not any(m in str(error) for m in missing):
            raise
        found = onnx.reference.ReferenceEvaluator(model).run(None, given)
    found = [np.asarray(f) for f in found]
    return found if outputs > 1 else found[0]


def add_model(file, name, feeds, nodes, **more):
    """A case from node -> (text as in the graph, a function of the feeds' arrays in their order, or None)."""
    inputs = [v.values if isinstance(v, Fed) else np.asarray(v) for v in feeds.values()]
    lines = ["%s: %s" % (node, text) for node, (text, _) in nodes.items()]
    expect = {node: np.asarray(f(*inputs)) for node, (_, f) in nodes.items() if f is not None}
    file.case(name, lines, feeds, expect, **more)
