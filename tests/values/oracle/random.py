"""Initializers and random ops, by their properties: the numbers are this project's own, not TensorFlow's.

Bounds of the mean and the deviation are five standard errors wide.
"""

import math

from .case import File

# Deviation of a normal distribution that is cut at two deviations.
CUT = 0.87962566103423978


def bounds(n, mean, std, low=None, high=None, kurtosis=3.0):
    """expect_stats of n numbers."""
    m, s = 5 * std / math.sqrt(n), 5 * std * math.sqrt((kurtosis - 1) / (4 * n))
    stats = {"mean": pair(mean - m, mean + m), "std": pair(std - s, std + s)}
    if low is not None:
        stats["min"] = "%.9g" % low
    if high is not None:
        stats["max"] = "%.9g" % high
    return stats


def pair(low, high):
    return "[%.6g, %.6g]" % (low, high)


def tables():
    file = File(
        "random/initializers",
        "shape, range, mean and deviation; equal for an equal seed; the dtype of the node.",
        by="the definition of each distribution",
    )
    rows = [
        ("random_normal", "", 0.0, 1.0, None, None, 3.0),
        ("random_normal", "mean: 3.0, stddev: 0.5, ", 3.0, 0.5, None, None, 3.0),
        ("random_uniform", "", 0.5, 1 / math.sqrt(12), 0, 1, 1.8),
        ("random_uniform", "minval: -2.0, maxval: 4.0, ", 1.0, 6 / math.sqrt(12), -2, 4, 1.8),
        ("truncated_normal", "", 0.0, CUT, -2, 2, 2.37),
        ("truncated_normal", "mean: 1.0, stddev: 2.0, ", 1.0, 2 * CUT, -3, 5, 2.37),
    ]
    for i, (op, attributes, mean, std, low, high, kurtosis) in enumerate(rows):
        for dtype in ("float16", "bfloat16", "float32", "float64"):
            n = 10000
            stats = dict(shape="[100, 100]", dtype=dtype, **bounds(n, mean, std, low, high, kurtosis))
            again = "v2: {op: variable, dtype: %s, value: {op: %s, shape: [100, 100], %sseed: 7}}" % (
                dtype,
                op,
                attributes,
            )
            other = "v3: {op: variable, dtype: %s, value: {op: %s, shape: [100, 100], %sseed: 8}}" % (
                dtype,
                op,
                attributes,
            )
            file.case(
                "%s_%d_%s" % (op, i % 2, dtype),
                "v: {op: variable, dtype: %s, value: {op: %s, shape: [100, 100], %sseed: 7}}\n%s\n%s"
                % (dtype, op, attributes, again, other),
                stats={"v": stats, "v3": stats},
                properties={"equal": "[[v, v2]]", "differ": "[[v, v3]]"},
            )
    for op, std, limit, kurtosis in (
        ("glorot_uniform", None, math.sqrt(6 / 300), 1.8),
        ("glorot_normal", math.sqrt(2 / 300), None, 2.37),
        ("he_normal", math.sqrt(2 / 100), None, 2.37),
    ):
        s = limit / math.sqrt(3) if limit else std
        edge = limit or 2 * std / CUT
        for dtype in ("float32", "float64"):
            file.case(
                "%s_%s" % (op, dtype),
                "v: {op: variable, dtype: %s, value: {op: %s, shape: [100, 200], seed: 3}}" % (dtype, op),
                stats={
                    "v": dict(
                        shape="[100, 200]",
                        dtype=dtype,
                        **bounds(20000, 0.0, s, -edge * 1.000001, edge * 1.000001, kurtosis)
                    )
                },
            )
    # Filters [height, width, in, out]: the receptive field multiplies both fans.
    for op, s, edge in (
        ("glorot_uniform", math.sqrt(2 / (9 * 20 + 9 * 30)), math.sqrt(6 / 450)),
        ("he_normal", math.sqrt(2 / 180), 2 * math.sqrt(2 / 180) / CUT),
    ):
        file.case(
            op + "_of_filters",
            "v: {op: variable, value: {op: %s, shape: [3, 3, 20, 30], seed: 3}}" % op,
            stats={
                "v": dict(
                    shape="[3, 3, 20, 30]",
                    dtype="float32",
                    **bounds(5400, 0.0, s, -edge * 1.000001, edge * 1.000001, 2.37)
                )
            },
        )
    file.case(
        "seed_from_the_name",
        "v: {op: variable, value: {op: random_normal, shape: [50]}}\nw: {op: variable, value: {op: random_normal, shape: [50]}}",
        stats={"v": {"shape": "[50]", "dtype": "float32"}},
        properties={"differ": "[[v, w]]", "same_in_a_new_session": "[v, w]"},
    )
    file.case(
        "initial_value_of",
        "v: {op: variable, value: {op: random_normal, shape: [50], seed: 1}}\nw: {op: variable, value: {initial_value_of: v}}",
        stats={"v": {"shape": "[50]", "dtype": "float32"}},
        properties={"equal": "[[v, w]]"},
    )
    file.case(
        "zero_sized",
        "v: {op: variable, value: {op: random_normal, shape: [0, 3], seed: 1}}",
        stats={"v": {"shape": "[0, 3]", "dtype": "float32"}},
    )

    file = File(
        "random/ops",
        "random ops in the graph: each run draws anew, a new session starts again.",
        by="the definition of each distribution",
    )
    fresh = dict(differ="[[y, z]]", next_run_differs="[y, z]", same_in_a_new_session="[y, z]")
    for op, attributes, mean, std, low, high, kurtosis in rows[::2]:
        file.case(
            op,
            "y: %s([100, 100], seed=5)\nz: {op: %s, shape: [100, 100], seed: 6, dtype: float32}" % (op, op),
            stats={"y": dict(shape="[100, 100]", dtype="float32", **bounds(10000, mean, std, low, high, kurtosis))},
            properties=fresh,
        )
    file.case(
        "random_normal_attributes",
        "y: random_normal([10000], mean=2.0, stddev=3.0, dtype=float64, seed=5)\nz: {op: random_normal, shape: [100], mean: 1.0, stddev: 0.0}",
        stats={
            "y": dict(shape="[10000]", dtype="float64", **bounds(10000, 2.0, 3.0)),
            "z": {"shape": "[100]", "dtype": "float32", "mean": "[1.0, 1.0]", "min": "1.0", "max": "1.0"},
        },
    )
    file.case(
        "random_uniform_of_integers",
        "y: random_uniform([10000], minval=-3, maxval=5, dtype=int32, seed=5)\nz: random_uniform([10000], 0, 10, int64)",
        stats={
            "y": dict(shape="[10000]", dtype="int32", **bounds(10000, 0.5, math.sqrt(63 / 12), -3, 4, 1.8)),
            "z": dict(shape="[10000]", dtype="int64", **bounds(10000, 4.5, math.sqrt(99 / 12), 0, 9, 1.8)),
        },
    )
    file.case(
        "same_node_used_twice_is_one_draw",
        "r: random_normal([20], seed=1)\ny: r + 0.0\nz: r * 1.0",
        stats={"y": {"shape": "[20]", "dtype": "float32"}},
        properties={"equal": "[[y, z]]", "next_run_differs": "[r]"},
    )
    file.case(
        "equal_nodes_are_separate_draws",
        "y: random_normal([20])\nz: random_normal([20])",
        stats={"y": {"shape": "[20]", "dtype": "float32"}},
        properties=fresh,
    )
    file.case(
        "fed_shape",
        "y: random_uniform(s, seed=1)\ns: {op: constant, value: [100, 100]}",
        stats={"y": dict(shape="[100, 100]", dtype="float32", **bounds(10000, 0.5, 1 / math.sqrt(12), 0, 1, 1.8))},
    )
