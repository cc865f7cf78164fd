"""TensorFlow as the oracle.

`wide` computes in float64 what a kernel of float16, bfloat16 or float32 should give, and rounds once: TensorFlow's own
narrow kernels flush denormals and lose a few units in the last place that vary with the processor. Each result is also
compared with the narrow kernel, loosely; `REPORT` collects where they disagree, for a human to judge.
"""

import numpy as np
import tensorflow as tf

from .case import EVERY, FLOATS, array, dtype_name, numpy_dtype

ROUGH = {"float16": 2e-2, "bfloat16": 1e-1, "float32": 1e-4}
REPORT = []


def tensor(values):
    return tf.constant(np.asarray(values))


def arrays(result):
    """numpy arrays of whatever structure TensorFlow returned."""
    return [np.asarray(r.numpy()) for r in result] if isinstance(result, (list, tuple)) else np.asarray(result.numpy())


def native(function, *inputs):
    """TensorFlow's result in the inputs' own dtypes."""
    return arrays(function(*[tensor(x) for x in inputs]))


def wide(function, *inputs, label=""):
    """TensorFlow's float64 result, rounded to the inputs' float dtype; other dtypes go straight to `native`."""
    inputs = [np.asarray(x) for x in inputs]
    narrow = next((dtype_name(x) for x in inputs if dtype_name(x) in ROUGH), None)
    if narrow is None:
        return native(function, *inputs)
    widened = [x.astype(np.float64) if dtype_name(x) == narrow else x for x in inputs]
    result = native(function, *widened)
    many = isinstance(result, list)
    with np.errstate(over="ignore"):
        rounded = [
            r.astype(numpy_dtype(narrow)) if r.dtype == np.float64 else r for r in (result if many else [result])
        ]
    try:
        compare(label, rounded, native(function, *inputs), narrow)
    except (TypeError, ValueError, tf.errors.OpError) as error:
        REPORT.append("%s %s: no kernel of its own: %s" % (label, narrow, str(error).splitlines()[0][:100]))
    return rounded if many else rounded[0]


def compare(label, ours, theirs, dtype):
    for a, b in zip(ours, theirs if isinstance(theirs, list) else [theirs]):
        a, b = a.astype(np.float64), b.astype(np.float64)
        if a.shape != b.shape:
            REPORT.append("%s %s: shapes %s, %s" % (label, dtype, a.shape, b.shape))
            continue
        with np.errstate(invalid="ignore"):
            same = (a == b) | (np.isnan(a) & np.isnan(b)) | (abs(a - b) <= ROUGH.get(dtype, 0) * np.maximum(1, abs(b)))
        if not same.all():
            where = np.argwhere(~same)[0]
            REPORT.append(
                "%s %s: at %s of %d, wide %r, narrow %r"
                % (label, dtype, tuple(int(i) for i in where), int((~same).sum()), a[tuple(where)], b[tuple(where)])
            )


def supported(function, *examples):
    """The dtypes for which TensorFlow has a kernel: `function` is tried on `examples` in each."""
    found = []
    for dtype in EVERY:
        try:
            native(function, *[array(x, dtype) for x in examples])
            found.append(dtype)
        except (TypeError, ValueError, tf.errors.OpError):
            pass
    return found
