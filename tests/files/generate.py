"""Makes the weight files in tests/files/data with numpy and safetensors.

    python3 tests/files/generate.py

manifest has one line for each value: its file, its tensor (`-` for .npy), dtype, rank, sizes, and its bytes, row-major and
little-endian, in hexadecimal (`-` for none). Lines that begin with `=` are files that npy_write makes byte for byte.
"""

import os
import shutil

import ml_dtypes
import numpy as np
import safetensors.numpy

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
DTYPES = ["float32", "float64", "int32", "uint8", "int16", "int8", "int64", "bool", "uint16", "float16", "uint32", "uint64"]
LINES = []


def values(dtype, shape, seed=3):
    generator = np.random.RandomState(seed)
    if dtype == "bool":
        return generator.randint(0, 2, size=shape).astype(np.bool_)
    dtype = np.dtype(dtype)
    count = int(np.prod(shape, dtype=np.int64))
    return np.frombuffer(generator.bytes(count * dtype.itemsize), dtype).reshape(shape)


def describe(file, tensor, array, mark=""):
    plain = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"))).reshape(array.shape)
    sizes = "".join(f" {size}" for size in array.shape)
    LINES.append(f"{mark}{file} {tensor} {array.dtype.name} {array.ndim}{sizes} {plain.tobytes().hex() or '-'}")


def npy(name, array, version=None, mark=""):
    with open(os.path.join(FOLDER, name), "wb") as file:
        np.lib.format.write_array(file, array, version=version)
    describe(name, "-", array, mark)


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    for dtype in DTYPES:
        npy(f"{dtype}.npy", values(dtype, (2, 3)), mark="=")
    for rank in range(9):
        npy(f"rank{rank}.npy", values("int16", (1, 2) * (rank // 2) + (3,) * (rank % 2)), mark="=")
    npy("empty.npy", values("float32", (0, 3)), mark="=")
    npy("fortran2.npy", np.asfortranarray(values("int32", (2, 5))))
    npy("fortran4.npy", np.asfortranarray(values("uint8", (2, 3, 4, 5))))
    npy("big.npy", values("float64", (3, 2)).astype(">f8"))
    npy("big_fortran.npy", np.asfortranarray(values("int16", (3, 4)).astype(">i2")))
    npy("version2.npy", values("float32", (4,)), (2, 0))
    npy("version3.npy", values("float32", (4,)), (3, 0))

    tensors = {f"t.{dtype}": values(dtype, (3, 2)) for dtype in DTYPES}
    tensors["t.bfloat16"] = values("uint16", (2, 2)).view(ml_dtypes.bfloat16)
    tensors["scalar"] = values("float32", ())
    tensors["empty"] = values("int64", (2, 0))
    tensors["deep/\u00fc \"x\""] = values("uint8", (1, 1, 1, 1, 1, 1, 1, 2))
    for file, part in (("all.safetensors", tensors), ("one.safetensors", {"w": values("float32", (2, 2))})):
        safetensors.numpy.save_file(part, os.path.join(FOLDER, file), metadata={"format": "pt"})
        for name, array in part.items():
            describe(file, name.replace(" ", "\\_"), array)
    with open(os.path.join(FOLDER, "manifest"), "w") as file:
        file.write("\n".join(LINES) + "\n")


main()
