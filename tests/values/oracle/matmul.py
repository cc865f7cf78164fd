"""Contractions.

Tolerances grow with the number of terms; float16 and bfloat16 are added up in float32 and rounded once.
"""

import numpy as np
import tensorflow as tf

from .case import FLOATS, Fed, File, array, dtype_name, value_text
from .reduce import terms
from .tensorflow import native, wide

DTYPES = ["int32", "int64"] + FLOATS


def some(rng, shape, dtype="float32"):
    if dtype in FLOATS:
        return array(np.round(rng.uniform(-2, 2, shape), 2), dtype)
    return rng.integers(-50, 50, shape).astype(dtype)


def matmul():
    file = File(
        "matmul/matmul",
        "every dtype; transposed, batched, batches broadcast; inner size zero. Tolerance: a rounding for each term.",
    )
    rng = np.random.default_rng(21)

    def expected(a, b, **k):
        return wide(lambda u, v: tf.matmul(u, v, **k), a, b, label="matmul")

    for dtype in DTYPES:
        a, b = some(rng, (3, 5), dtype), some(rng, (5, 4), dtype)
        y = expected(a, b)
        file.case(
            dtype,
            "y: a @ b\nz: {op: matmul, inputs: [a, b]}\nw: matmul(a, b)",
            {"a": Fed(a, "[m, 5]"), "b": Fed(b, "[k, null]")},
            {"y": y, "z": y, "w": y},
            tolerance=terms(dtype, 20),
        )
        s, t = some(rng, (5, 3), dtype), some(rng, (4, 5), dtype)
        file.case(
            dtype + "_transposed",
            "p: matmul(a, b, transpose_a=true)\n"
            "q: {op: matmul, inputs: [c, d], transpose_b: true}\n"
            "r: matmul(a, d, True, True)\n"
            "s: matmul(c, b, false, false)\n"
            "t: transpose(a) @ b\n"
            "u: c @ transpose(d)",
            {"a": Fed(s, "[null, null]"), "b": b, "c": a, "d": t},
            {
                "p": expected(s, b, transpose_a=True),
                "q": expected(a, t, transpose_b=True),
                "r": expected(s, t, transpose_a=True, transpose_b=True),
                "s": expected(a, b),
                "t": expected(s, b, transpose_a=True),
                "u": expected(a, t, transpose_b=True),
            },
            tolerance=terms(dtype, 20),
        )
        a, b = some(rng, (2, 2, 3), dtype), some(rng, (2, 3, 2), dtype)
        file.case(
            dtype + "_batched",
            "y: a @ b",
            {"a": Fed(a, "[batch, 2, 3]"), "b": Fed(b, "[batch, 3, null]")},
            {"y": expected(a, b)},
            tolerance=terms(dtype, 12),
        )
    for dtype in ("int32", "int64"):
        info = np.iinfo(dtype)
        a = rng.integers(info.min, info.max, (2, 3), dtype=dtype)
        b = rng.integers(info.min, info.max, (3, 2), dtype=dtype)
        with np.errstate(over="ignore"):
            file.case(dtype + "_wraps", "y: a @ b", {"a": a, "b": b}, {"y": a @ b})
    for s, t in (
        ((2, 1, 2, 3), (4, 3, 2)),
        ((3, 2, 2), (2, 3)),
        ((2, 3), (2, 3, 1)),
        ((1, 2, 3), (5, 3, 2)),
        ((3, 1, 1, 2, 2), (1, 2, 2, 2)),
    ):
        a, b = some(rng, s), some(rng, t)
        declared = lambda shape: "[" + ", ".join(["null"] * len(shape)) + "]"
        file.case(
            "batches_broadcast_%s_%s" % ("x".join(map(str, s)), "x".join(map(str, t))),
            "y: a @ b",
            {"a": Fed(a, declared(s)), "b": Fed(b, declared(t))},
            {"y": expected(a, b)},
            tolerance=terms("float32", 12),
        )
    a, b = some(rng, (1, 2, 1, 1, 2, 1, 2, 3)), some(rng, (2, 1, 1, 1, 1, 2, 3, 2))
    file.case(
        "rank_8",
        "y: a @ b",
        {"a": a, "b": b},
        {"y": (a.astype(np.float64) @ b.astype(np.float64)).astype(np.float32)},
        tolerance=terms("float32", 12),
    )
    a, b = some(rng, (2, 3, 4, 5)), some(rng, (3, 6, 5))
    file.case(
        "batched_transposed",
        "y: matmul(a, b, transpose_b=true)\n"
        "z: matmul(transpose(a, [0, 1, 3, 2]), b, transpose_a=true, transpose_b=true)",
        {"a": Fed(a, "[null, h, null, 5]"), "b": Fed(b, "[h, null, 5]")},
        dict.fromkeys("yz", expected(a, b, transpose_b=True)),
        tolerance=terms("float32", 20),
    )
    for m, k, n in ((1, 1, 1), (1, 64, 1), (1, 37, 19), (19, 37, 1), (17, 33, 15), (5, 1, 7), (33, 16, 32)):
        a, b = some(rng, (m, k)), some(rng, (k, n))
        file.case(
            "sizes_%d_%d_%d" % (m, k, n),
            "y: a @ b",
            {"a": Fed(a, "[null, null]"), "b": Fed(b, "[null, null]")},
            {"y": expected(a, b)},
            tolerance=terms("float32", 2 * k),
        )
    n = 300
    i = np.arange(n)
    a = ((i[:, None] * n + i) % 13 - 6).astype(np.float64)
    b = ((i[:, None] * n + i) % 7 - 3).astype(np.float64)
    y = a @ b
    file.case(
        "sizes_300_300_300_of_small_integers",
        "r: reshape(range(0, 90000), [300, 300])\n"
        "a: cast(r % 13 - 6, float32)\n"
        "b: cast(r % 7 - 3, float32)\n"
        "y: a @ b\n"
        "rows: reduce_sum(y, axis=1)\n"
        "corner: y[-3:, -3:]\n"
        "best: reduce_max(y)",
        {},
        {"rows": y.sum(1).astype(np.float32), "corner": y[-3:, -3:].astype(np.float32), "best": np.float32(y.max())},
    )
    a, b = some(rng, (4, 3)), some(rng, (3, 2))
    file.case(
        "constant_operand",
        ("w: {op: constant, dtype: float32, value: %s}\n" "y: a @ w\n" "z: transpose(w) @ transpose(a)")
        % value_text(b),
        {"a": Fed(a, "[batch, 3]")},
        {"y": expected(a, b), "z": expected(a, b).T},
        tolerance=terms("float32", 6),
    )
    file.case(
        "of_constants",
        "a: {op: constant, value: [[1, 2], [3, 4]]}\n" "b: {op: constant, value: [[1], [2]]}\n" "y: matmul(a, b)",
        {},
        {"y": np.array([[5], [11]], np.int32)},
    )
    file.case(
        "with_itself",
        "y: a @ a\nz: matmul(a, a, transpose_b=true)",
        {"a": Fed(b[:2], "[n, n]")},
        {"y": expected(b[:2], b[:2]), "z": expected(b[:2], b[:2], transpose_b=True)},
        tolerance=terms("float32", 4),
    )
    file.case(
        "fused_bias_and_relu",
        "y: relu(a @ w + b)",
        {"a": Fed(a, "[batch, 3]"), "w": b, "b": array([0.5, -1.0], "float32")},
        {"y": wide(lambda u, v, c: tf.nn.relu(tf.matmul(u, v) + c), a, b, array([0.5, -1.0], "float32"))},
        tolerance=terms("float32", 8),
    )
    file.case(
        "inner_size_zero",
        "y: a @ b",
        {
            "a": Fed(np.zeros((2, 0), np.float32), "[null, null]"),
            "b": Fed(np.zeros((0, 3), np.float32), "[null, null]"),
        },
        {"y": np.zeros((2, 3), np.float32)},
    )
    file.case(
        "no_rows",
        "y: a @ b",
        {"a": Fed(np.zeros((0, 2), np.float32), "[batch, 2]"), "b": np.ones((2, 3), np.float32)},
        {"y": np.zeros((0, 3), np.float32)},
    )
    a = array([[np.inf, 1], [np.nan, 0], [1, 2], [0, 0]], "float32")
    b = array([[1, 0], [1, 1]], "float32")
    file.case("not_finite", "y: a @ b", {"a": a, "b": b}, {"y": expected(a, b)})
    place = "a: {op: placeholder, dtype: %s, shape: %s}\n" "b: {op: placeholder, dtype: %s, shape: %s}\n"
    file.case(
        "inner_sizes_differ", place % ("float32", "[2, 3]", "float32", "[4, 2]") + "y: a @ b", compile_error="[2, 3]"
    )
    file.case(
        "inner_sizes_differ_at_run_time",
        "y: a @ b",
        {
            "a": Fed(np.zeros((2, 3), np.float32), "[null, null]"),
            "b": Fed(np.zeros((4, 2), np.float32), "[null, null]"),
        },
        error="3",
        node="y",
    )
    file.case(
        "batches_do_not_fit",
        place % ("float32", "[2, 2, 3]", "float32", "[3, 3, 2]") + "y: a @ b",
        compile_error="[2, 2, 3]",
    )
    file.case("vector", place % ("float32", "[3]", "float32", "[3, 2]") + "y: a @ b", compile_error="2 dimensions")
    file.case("dtypes_differ", place % ("float32", "[2, 3]", "float64", "[3, 2]") + "y: a @ b", compile_error="float64")
    file.case("refused_dtype", place % ("bool", "[2, 3]", "bool", "[3, 2]") + "y: a @ b", compile_error="bool")


def tensordot():
    file = File(
        "matmul/tensordot",
        "axes as a number and as two lists, in any order, negative. Tolerance: a rounding for each term.",
    )
    rng = np.random.default_rng(22)

    def expected(a, b, axes):
        return wide(lambda u, v: tf.tensordot(u, v, axes), a, b, label="tensordot")

    for dtype in DTYPES:
        a, b = some(rng, (2, 3, 4), dtype), some(rng, (4, 3, 2), dtype)
        file.case(
            dtype,
            "p: tensordot(a, b, 1)\n"
            "q: tensordot(a, b, axes=[[1, 2], [1, 0]])\n"
            "r: {op: tensordot, inputs: [a, b], axes: [[0], [2]]}\n"
            "s: tensordot(a, b, [[2, 1, 0], [0, 1, 2]])\n"
            "t: tensordot(a, b, axes=[[-1], [-3]])",
            {"a": Fed(a, "[n, 3, null]"), "b": b},
            {
                "p": expected(a, b, 1),
                "q": expected(a, b, [[1, 2], [1, 0]]),
                "r": expected(a, b, [[0], [2]]),
                "s": expected(a, b, [[2, 1, 0], [0, 1, 2]]),
                "t": expected(a, b, [[-1], [-3]]),
            },
            tolerance=terms(dtype, 48),
        )
    a, b = some(rng, 3), some(rng, 3)
    file.case(
        "vectors",
        "p: tensordot(a, b, 1)\nq: tensordot(a, b, 0)\nr: tensordot(a, b, [0, 0])",
        {"a": Fed(a, "[n]"), "b": Fed(b, "[n]")},
        {"p": expected(a, b, 1), "q": expected(a, b, 0), "r": expected(a, b, 1)},
        tolerance=terms("float32", 6),
    )
    a, b = some(rng, (2, 3, 2)), some(rng, (3, 2, 4))
    file.case(
        "two_axes",
        "p: tensordot(a, b, 2)\nq: tensordot(a, b, axes=[[2], [1]])",
        {"a": Fed(a, "[null, null, null]"), "b": Fed(b, "[null, null, null]")},
        {"p": expected(a, b, 2), "q": expected(a, b, [[2], [1]])},
        tolerance=terms("float32", 12),
    )
    a, b = some(rng, (2, 1, 2, 3)), some(rng, (3, 2, 1, 2, 2))
    file.case(
        "rank_4_and_5",
        "p: tensordot(a, b, [[3, 2], [0, 1]])",
        {"a": a, "b": b},
        {"p": expected(a, b, [[3, 2], [0, 1]])},
        tolerance=terms("float32", 12),
    )
    place = (
        "a: {op: placeholder, dtype: float32, shape: [2, 3]}\n" "b: {op: placeholder, dtype: float32, shape: [4, 2]}\n"
    )
    file.case("sizes_differ", place + "y: tensordot(a, b, 1)", compile_error="tensordot")
    file.case("axis_out_of_range", place + "y: tensordot(a, b, [[2], [0]])", compile_error="axis")


def einsum():
    file = File(
        "matmul/einsum",
        "contractions, outer products, traces, diagonals, ellipses, implicit outputs, many operands. "
        "Tolerance: a rounding for each term.",
    )
    rng = np.random.default_rng(23)
    sizes = dict(b=2, i=3, j=4, k=5, l=2, h=2, d=3, t=4, s=3, m=2, n=3)
    equations = [
        "ij,jk->ik",
        "ij,jk",
        "ij,kj->ik",
        "bij,bjk->bik",
        "ij->ji",
        "ji",
        "ij->",
        "ij->j",
        "i,i->",
        "i,i",
        "i,j->ij",
        "ii->i",
        "ii->",
        "ii",
        "bii->bi",
        "bij,jik->bk",
        "ij,ij->ij",
        "ij,ij->",
        "bhtd,bhsd->bhts",
        "bhts,bhsd->bthd",
        "bij,kj->bik",
        "i,ij,j->",
        "ij,jk,kl->il",
        "bi,ijk,bj->bk",
        "ij,j->i",
        "ij->ij",
        " i j , j k -> i k ",
        "iij->ij",
        "ij,i->j",
        "ijk->kij",
        "bi,bi->b",
        "IJ,JK->IK",
        "abc,cd->abd",
        "ii,i->i",
    ]
    sizes.update(I=2, J=3, K=4, a=2, c=3)

    def operand(term, dtype="float32"):
        return some(rng, tuple(sizes[x] for x in term.strip().replace(" ", "")), dtype)

    for number, equation in enumerate(equations):
        operands = [operand(t) for t in equation.split("->")[0].split(",")]
        names = "abc"[: len(operands)]
        call = lambda *v: tf.einsum(equation, *v)
        node = (
            "y: einsum('%s', %s)" % (equation, ", ".join(names))
            if number % 2 == 0
            else "y: {op: einsum, inputs: [%s], equation: '%s'}" % (", ".join(names), equation)
        )
        feeds = {
            n: Fed(v, "[" + ", ".join(["null"] * v.ndim) + "]") if number % 3 == 0 else v
            for n, v in zip(names, operands)
        }
        label = "".join(x if x.isalnum() else "_" for x in equation.replace("->", "_to_").replace(",", "_"))
        file.case(
            "e%02d_%s" % (number, label.strip("_")),
            node,
            feeds,
            {"y": wide(call, *operands, label="einsum " + equation)},
            tolerance=terms("float32", 80),
        )
    ellipses = [
        ("...ij,...jk->...ik", (2, 3, 4), (2, 4, 2)),
        ("...ij,...jk->...ik", (2, 1, 3, 4), (3, 4, 2)),
        ("...ij->...ji", (2, 3, 4), None),
        ("i...,i...->...", (3, 2), (3, 2)),
        ("...i,i->...", (2, 2, 3), (3,)),
        ("...,...->...", (2, 3), (3,)),
        ("b...i,...ij->b...j", (2, 3, 4), (3, 4, 2)),
        ("i...->...", (3, 2, 2), None),
        ("...ii->...i", (2, 3, 3), None),
        ("...ij,jk", (2, 3, 4), (4, 2)),
    ]
    for number, (equation, s, t) in enumerate(ellipses):
        operands = [some(rng, s)] + ([some(rng, t)] if t else [])
        call = lambda *v: tf.einsum(equation, *v)
        file.case(
            "ellipsis_%d" % number,
            "y: einsum('%s', %s)" % (equation, ", ".join("ab"[: len(operands)])),
            dict(zip("ab", operands)),
            {"y": wide(call, *operands, label="einsum " + equation)},
            tolerance=terms("float32", 24),
        )
    for dtype in DTYPES:
        a, b = operand("ij", dtype), operand("jk", dtype)
        file.case(
            dtype,
            "y: einsum(\"ij,jk->ik\", a, b)\nz: einsum('ij->i', a)",
            {"a": Fed(a, "[null, inner]"), "b": Fed(b, "[inner, null]")},
            {
                "y": wide(lambda u, v: tf.einsum("ij,jk->ik", u, v), a, b, label="einsum"),
                "z": wide(lambda u: tf.einsum("ij->i", u), a, label="einsum"),
            },
            tolerance=terms(dtype, 16),
        )
    file.case(
        "zero_sized",
        "y: einsum('ij,jk->ik', a, b)",
        {"a": Fed(np.zeros((2, 0), np.float32), "[null, null]"), "b": Fed(np.zeros((0, 3), np.float32), "[null, 3]")},
        {"y": np.zeros((2, 3), np.float32)},
    )
    place = (
        "a: {op: placeholder, dtype: float32, shape: [2, 3]}\n" "b: {op: placeholder, dtype: float32, shape: [4, 2]}\n"
    )
    for name, equation in (
        ("sizes_differ", "ij,jk->ik"),
        ("rank_differs", "ijk,kl->il"),
        ("index_only_in_the_output", "ij,kl->im"),
        ("too_few_operands", "ij,jk,kl->il"),
        ("index_twice_in_the_output", "ij,kl->ii"),
        ("bad_character", "i1,kl->il"),
    ):
        file.case(name, place + "y: einsum('%s', a, b)" % equation, compile_error="einsum")
    file.case(
        "sizes_differ_at_run_time",
        "y: einsum('ij,jk->ik', a, b)",
        {
            "a": Fed(np.zeros((2, 3), np.float32), "[null, null]"),
            "b": Fed(np.zeros((4, 2), np.float32), "[null, null]"),
        },
        error="3",
        node="y",
    )


def tables():
    matmul()
    tensordot()
    einsum()
