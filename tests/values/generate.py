#!/usr/bin/env python3
"""Writes every data file of tests/values from TensorFlow.

    python generate.py [--check] [GROUP...]      with an interpreter that has tensorflow 2.21

Without arguments all groups are written. --check writes nothing and fails where a file would change. The oracle's
notes, where TensorFlow's narrow kernels disagree with its float64 ones, go to standard error.
"""

import argparse
import importlib
import os
import pathlib
import sys

os.environ.update(
    TF_CPP_MIN_LOG_LEVEL="3",
    TF_ENABLE_ONEDNN_OPTS="0",
    TF_NUM_INTRAOP_THREADS="1",
    TF_NUM_INTEROP_THREADS="1",
    CUDA_VISIBLE_DEVICES="",
)

HERE = pathlib.Path(__file__).resolve().parent
GROUPS = (
    "unary binary reduce matmul window shape index image signal sort fusion computed state random quantize normalize "
    "layers recurrent features"
).split()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail where a file would change")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=", ".join(GROUPS))
    arguments = parser.parse_args()

    import numpy
    from oracle import case, tensorflow

    for group in arguments.groups or GROUPS:
        with numpy.errstate(over="ignore"):  # narrow dtypes round to infinity on purpose
            importlib.import_module("oracle." + group).tables()

    stale = 0
    for file in case.FILES:
        path = HERE / (file.path + ".yaml")
        text = file.text()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        print(path.relative_to(HERE))
        if not arguments.check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    print("%d files, %d cases, %d changed" % (len(case.FILES), sum(len(f.cases) for f in case.FILES), stale))
    for note in tensorflow.REPORT:
        print("note:", note, file=sys.stderr)
    return 1 if arguments.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
