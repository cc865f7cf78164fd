"""The ONNX reference implementation as the oracle."""

import numpy as np
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from .case import BFLOAT16, FLOAT8, INT4, dtype_name, numpy_dtype

TYPES = {
    "float8_e4m3fn": TensorProto.FLOAT8E4M3FN,
    "float8_e4m3fnuz": TensorProto.FLOAT8E4M3FNUZ,
    "float8_e5m2": TensorProto.FLOAT8E5M2,
    "float8_e5m2fnuz": TensorProto.FLOAT8E5M2FNUZ,
    "int4": TensorProto.INT4,
    "uint4": TensorProto.UINT4,
    "bfloat16": TensorProto.BFLOAT16,
}


def onnx_type(dtype):
    return TYPES[dtype] if dtype in TYPES else helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


def run(op, inputs, outputs=1, opset=21, domain="", **attributes):
    """What the reference gives; None stands for an input left out. Narrow dtypes go in and come out as ml_dtypes'."""
    names, values, casts, declared = [], {}, [], []
    for i, value in enumerate(inputs):
        if value is None:
            names.append("")
            continue
        name, value = "i%d" % i, np.asarray(value)
        kind = dtype_name(value)
        if kind in TYPES:  # fed as float32, which holds them all, and cast inside
            declared.append(helper.make_tensor_value_info(name + "f", TensorProto.FLOAT, value.shape))
            values[name + "f"] = value.astype(np.float32)
            casts.append(helper.make_node("Cast", [name + "f"], [name], to=TYPES[kind]))
        else:
            declared.append(helper.make_tensor_value_info(name, onnx_type(kind), value.shape))
            values[name] = value
        names.append(name)
    results = ["o%d" % k for k in range(outputs)]
    node = helper.make_node(op, names, results, domain=domain, **attributes)
    out = [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in results]
    graph = helper.make_graph(casts + [node], "g", declared, out)
    imports = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 5)] if domain == "ai.onnx.ml" else [])
    if domain == "ai.onnx.preview.training":
        imports.append(helper.make_opsetid(domain, 1))
    got = ReferenceEvaluator(helper.make_model(graph, opset_imports=imports)).run(None, values)
    return got if outputs > 1 else got[0]


def narrow(array, dtype):
    """What the reference keeps as bytes, as the dtype they stand for."""
    bytes_ = np.asarray(array).astype(np.int8 if dtype == "int4" else np.uint8)
    return bytes_.astype(numpy_dtype(dtype)) if dtype in INT4 else bytes_.view(numpy_dtype(dtype))
