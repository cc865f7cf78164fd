"""Variables and what orders, guards and branches.

The numbers are worked out by hand from the language's rules for a run: TensorFlow leaves open in which order a graph's
reads and writes of a variable happen, and cannot take back what a failed run has written.
"""

import numpy as np

from .case import EVERY, NUMBERS, Fed, File, array, numpy_dtype, value_text
from .unary import values

BY = "the language's rules for a run"


def i32(*v):
    return np.array(v[0] if len(v) == 1 else v, np.int32)


def f32(*v):
    return array(v[0] if len(v) == 1 else v, "float32")


def run(expect=None, feeds=None, **more):
    return dict(feeds=feeds or {}, expect=expect or {}, **more)


def constants():
    file = File("state/constant", "dtypes inferred and given, exact values, nesting, initializers.", BY)
    exact = {
        "float16": [1.0, -0.0, 6e-8, 65504, np.inf],
        "bfloat16": [1.0, -0.0, 1e-40, 3.3895314e38, np.nan],
        "float32": [0.1, -0.0, 1e-45, 3.4028235e38, -np.inf],
        "float64": [0.1, -0.0, 5e-324, 1.7976931348623157e308, np.nan],
        "bool": [True, False],
    }
    nodes, expect = [], {}
    for dtype in EVERY:
        v = (
            array(exact[dtype], dtype)
            if dtype in exact
            else np.array([np.iinfo(dtype).min, 0, np.iinfo(dtype).max], dtype)
        )
        nodes.append("y_%s: {op: constant, dtype: %s, value: %s}" % (dtype, dtype, value_text(v)))
        expect["y_" + dtype] = v
    file.case("every_dtype", nodes, {}, expect, signed_zero=True)
    file.case(
        "inferred_dtypes",
        "a: {op: constant, value: 1}\n"
        "b: {op: constant, value: 1.0}\n"
        "c: {op: constant, value: true}\n"
        "d: {op: constant, value: 1099511627776}\n"
        "e: {op: constant, value: [1, 2.5]}\n"
        "f: {op: constant, value: [[1, 2], [3, 4]]}\n"
        "g: {op: constant, value: -2147483648}\n"
        "h: {op: constant, value: 2147483648}\n"
        "i: {op: constant, value: [1, 4294967296]}\n"
        "j: {op: constant, value: 1e3}\n"
        "k: {op: constant, value: .inf}\n"
        "l: {op: constant, value: [[[1]], [[2]]]}\n"
        "m: {op: constant, dtype: float32, value: 3}\n"
        "n: {op: constant, dtype: float64, value: [1, .nan]}",
        {},
        {
            "a": i32(1),
            "b": f32(1),
            "c": np.bool_(True),
            "d": np.int64(2**40),
            "e": f32(1, 2.5),
            "f": i32([[1, 2], [3, 4]]),
            "g": i32(-(2**31)),
            "h": np.int64(2**31),
            "i": np.array([1, 2**32]),
            "j": f32(1000),
            "k": f32(np.inf),
            "l": i32([[[1]], [[2]]]),
            "m": f32(3),
            "n": np.array([1, np.nan]),
        },
    )
    file.case(
        "rank_8_and_zero_sized",
        "a: {op: constant, value: [[[[[[[[1], [2]]]]]]]]}\n"
        "b: {op: constant, dtype: float32, value: []}\n"
        "c: {op: constant, dtype: int32, value: [[], []]}",
        {},
        {"a": i32([[[[[[[[1], [2]]]]]]]]), "b": f32([]), "c": np.zeros((2, 0), np.int32)},
    )
    file.case(
        "initializers",
        "a: {op: constant, value: {op: zeros, shape: [2, 3]}}\n"
        "b: {op: constant, dtype: int64, value: {op: ones, shape: [2]}}\n"
        "c: {op: zeros, shape: [2], dtype: bool}\n"
        "d: {op: ones, shape: [2, 1]}\n"
        "e: zeros([3], dtype=int8)\n"
        "f: ones([])",
        {},
        {
            "a": f32(np.zeros((2, 3))),
            "b": np.ones(2, np.int64),
            "c": np.zeros(2, bool),
            "d": f32([[1], [1]]),
            "e": np.zeros(3, np.int8),
            "f": f32(1),
        },
    )
    file.case(
        "tutorial_define_then_run",
        "a: {op: constant, value: 1}\nb: {op: constant, value: 1}\nc: a + b",
        runs=[run({"c": i32(2)}), run({"a": i32(1), "b": i32(1), "c": i32(2)})],
    )
    file.case(
        "fed_where_listed",
        "a: {op: constant, value: 1}\ny: a + 1",
        top="feeds: [a]",
        runs=[run({"y": i32(2)}), run({"y": i32(6), "a": i32(5)}, {"a": i32(5)}), run({"y": i32(2)})],
    )
    for name, text, message in (
        ("int_out_of_range", "{op: constant, dtype: int8, value: 128}", "128"),
        ("uint_negative", "{op: constant, dtype: uint8, value: -1}", "-1"),
        ("fraction_into_int", "{op: constant, dtype: int32, value: 1.5}", "1.5"),
        ("nan_into_int", "{op: constant, dtype: int32, value: .nan}", "nan"),
        ("ragged", "{op: constant, value: [[1, 2], [3]]}", "constant"),
        ("mixed_bool_and_int", "{op: constant, value: [true, 1]}", "constant"),
        ("text", "{op: constant, value: hello}", "hello"),
        ("no_value", "{op: constant, dtype: int32}", "value"),
        ("unknown_dtype", "{op: constant, dtype: int33, value: 1}", "int33"),
    ):
        file.case(name, "y: " + text, compile_error=message)


def fills():
    for op, function in (("zeros", np.zeros), ("ones", np.ones)):
        file = File("state/" + op, "as a node, an expression and an initializer, of every dtype.", BY)
        for form, text in (("node", "{op: %s, shape: [2, 3], dtype: %s}"), ("expression", "%s([2, 3], dtype=%s)")):
            file.case(
                form,
                ["y_%s: %s" % (d, text % (op, d)) for d in EVERY],
                {},
                {"y_" + d: function((2, 3)).astype(numpy_dtype(d)) for d in EVERY},
            )
        file.case(
            "initializer",
            ["v_%s: {op: variable, dtype: %s, value: {op: %s, shape: [3]}}" % (d, d, op) for d in EVERY],
            {},
            {"v_" + d: function(3).astype(numpy_dtype(d)) for d in EVERY},
        )
        file.case(
            "shapes",
            "a: {op: %s, shape: []}\n"
            "b: %s([0, 2])\n"
            "c: %s([1, 1, 2, 1, 1, 1, 2, 1])\n"
            "d: %s(shape(x))" % (op, op, op, op),
            {"x": Fed(f32([[1, 2, 3]]), "[null, null]")},
            {
                "a": f32(function(())),
                "b": f32(function((0, 2))),
                "c": f32(function((1, 1, 2, 1, 1, 1, 2, 1))),
                "d": f32(function((1, 3))),
            },
        )


def placeholders():
    file = File("state/placeholder", "shapes known, named, unknown and of any rank; what a feed must fit.", BY)
    file.case(
        "every_dtype",
        ["y_%s: x_%s" % (d, d) for d in EVERY],
        {"x_" + d: Fed(array([1, 0, 1], d), "[null]") for d in EVERY},
        {"y_" + d: array([1, 0, 1], d) for d in EVERY},
    )
    b = i32(1)
    file.case(
        "tutorial_any_shape",
        "b: {op: constant, value: 1}\nc: a + b",
        runs=[run({"c": v + b}, {"a": Fed(v)}) for v in (i32(1), i32(1, 2), i32([[1, 2], [3, 4]]))],
    )
    file.case(
        "tutorial_rows_of_two",
        "y: x",
        runs=[run({"y": v}, {"x": Fed(v, "[null, 2]")}) for v in (i32([[1, 2]]), i32([[1, 2], [3, 4]]))]
        + [
            dict(feeds={"x": i32([[1, 2, 3]])}, error="3", node="x", fetch=["y"]),
            dict(feeds={"x": i32(1, 2)}, error="2", node="x", fetch=["y"]),
        ],
    )
    file.case(
        "named_sizes_agree",
        "y: reduce_sum(a, axis=0) + b",
        runs=[
            run({"y": v.sum(0) + w}, {"a": Fed(v, "[rows, n]"), "b": Fed(w, "[n]")})
            for v, w in ((f32([[1, 2], [3, 4]]), f32(1, 1)), (f32([[1, 2, 3]]), f32(0, 0, 1)))
        ]
        + [dict(feeds={"a": f32([[1, 2]]), "b": f32(1, 2, 3)}, error="n", node="b", fetch=["y"])],
    )
    file.case(
        "fetched_itself",
        "y: x * 2",
        runs=[run({"x": f32(3), "y": f32(6)}, {"x": Fed(f32(3))}), run({"x": f32(4)}, {"x": Fed(f32(4))})],
    )
    file.case(
        "missing_feed",
        "x: {op: placeholder, dtype: float32, shape: [2]}\ny: x * 2\nz: {op: constant, value: 5}",
        runs=[dict(error="x", node="x", fetch=["y"]), run({"z": i32(5)})],
    )
    file.case("not_needed_feed", "y: {op: constant, value: 5}", {"x": Fed(f32(1, 2), "[2]")}, {"y": i32(5)})
    for name, shape, message in (
        ("minus_one", "[-1, 2]", "null"),
        ("rank_9", "[1, 1, 1, 1, 1, 1, 1, 1, 1]", "8"),
        ("too_large", "[4611686018427387904, 4]", "x"),
    ):
        file.case(name, ("x: {op: placeholder, dtype: float32, shape: %s}\n" "y: x") % shape, compile_error=message)
    file = File("state/placeholder_with_default", "the default where nothing is fed.", BY)
    file.case(
        "fed_and_not",
        "x: {op: placeholder_with_default, inputs: 5, shape: []}\ny: x + 1",
        runs=[run({"y": i32(6)}), run({"y": i32(8), "x": i32(7)}, {"x": i32(7)}), run({"y": i32(6)})],
    )
    file.case(
        "sizes_unknown",
        "d: {op: constant, value: [1.0, 2.0]}\n"
        "x: {op: placeholder_with_default, inputs: d, shape: [null]}\n"
        "y: x * 2\n"
        "z: reduce_sum(x)",
        runs=[run({"y": f32(2, 4), "z": f32(3)}), run({"y": f32(2, 2, 2), "z": f32(3)}, {"x": f32(1, 1, 1)})],
    )
    file.case(
        "default_is_computed",
        "p: {op: placeholder, dtype: float32, shape: []}\n" "x: placeholder_with_default(p * 2, [])\n" "y: x + 1",
        runs=[run({"y": f32(7)}, {"p": f32(3)}), run({"y": f32(2)}, {"x": f32(1)})],
    )
    file.case(
        "expression",
        "x: placeholder_with_default(true, [])\ny: where(x, 1, 2)",
        runs=[run({"y": i32(1)}), run({"y": i32(2)}, {"x": np.bool_(False)})],
    )
    for op in ("identity", "stop_gradient"):
        file = File("state/" + op, "passes on every dtype, shape and value.", BY)
        file.case(
            "every_dtype",
            ["y_%s: {op: %s, inputs: x_%s}" % (d, op, d) for d in EVERY],
            {"x_" + d: array([1, 0], d) for d in EVERY},
            {"y_" + d: array([1, 0], d) for d in EVERY},
        )
        file.case(
            "rank_unknown",
            "y: %s(x)\nz: {op: %s, inputs: [x]}\nw: x" % (op, op),
            runs=[run({"y": v, "z": v, "w": v}, {"x": Fed(v)}) for v in (f32(1), f32([[1, np.nan]]), f32([]))],
        )
        file.case("of_a_constant", "y: %s([1, 2, 3])" % op, {}, {"y": i32(1, 2, 3)})
        file.case(
            "output_0_of_every_node",
            'y: %s(x)\nz: "`y:0` * 2"' % op,
            {"x": f32(1, 2)},
            {"y:0": f32(1, 2), "z": f32(2, 4)},
        )


def variables():
    file = File(
        "state/variable",
        "initial values, sessions' own state, reads from the start of the run, fetches from its end.",
        BY,
    )
    nodes, expect = [], {}
    for d in EVERY:
        nodes += ["v_%s: {op: variable, dtype: %s, value: %s}" % (d, d, value_text(array([1, 0, 1], d)))]
        expect["v_" + d] = array([1, 0, 1], d)
    file.case("every_dtype", nodes, {}, expect)
    file.case(
        "tutorial_counter",
        "a: {op: variable, value: 1}\n" "b: {op: constant, value: 1}\n" "c: {op: assign, inputs: [a, a + b]}",
        runs=[
            run({"c": i32(2), "a": i32(2)}),
            run({"c": i32(3), "a": i32(3)}),
            run({"a": i32(3)}),
            run({"a": i32(4), "c": i32(4)}),
        ],
    )
    file.case(
        "before_initialize",
        "a: {op: variable, value: 1}\nc: assign(a, a + 1)\nd: {op: constant, value: 7}",
        initialize=False,
        runs=[
            dict(error="a", node="a", fetch=["c", "a"]),
            dict(error="a", node="a", fetch=["a"]),
            run({"d": i32(7)}),
            dict(error="a", node="a", fetch=["c"]),
        ],
    )
    file.case(
        "assign_needs_no_value_before",
        "a: {op: variable, value: 1}\nc: assign(a, 5)",
        initialize=False,
        runs=[run({"c": i32(5)}), run({"a": i32(5)})],
    )
    file.case(
        "initial_values",
        "a: {op: variable, value: {op: zeros, shape: [2, 2]}}\n"
        "b: {op: variable, dtype: int32, value: {op: ones, shape: [3]}}\n"
        "c: {op: variable, value: {initial_value_of: d}}\n"
        "d: {op: variable, value: [1.5, 2.5]}\n"
        "e: {op: variable, value: [[1, 2], [3, 4]]}\n"
        "f: {op: variable, dtype: float64, value: 2}",
        {},
        {
            "a": f32(np.zeros((2, 2))),
            "b": i32(1, 1, 1),
            "c": f32(1.5, 2.5),
            "d": f32(1.5, 2.5),
            "e": i32([[1, 2], [3, 4]]),
            "f": np.float64(2),
        },
    )
    file.case(
        "fetch_is_the_value_at_the_end",
        "v: {op: variable, value: 10}\nr: v + 0\nw: assign(v, v * 2)\ns: identity(v)",
        runs=[
            run({"v": i32(20), "r": i32(10), "w": i32(20), "s": i32(10)}),
            run({"r": i32(20), "v": i32(20)}),
            run({"w": i32(40), "s": i32(20)}),
        ],
    )
    file.case(
        "read_after_a_write",
        "v: {op: variable, value: 1}\n"
        "w: assign(v, 5)\n"
        "before: v + 0\n"
        "behind: {op: identity, inputs: v, after: [w]}\n"
        "more: {op: add, inputs: [v, v * 10], after: [w]}",
        runs=[run({"before": i32(1), "behind": i32(5), "more": i32(55), "v": i32(5)}), run({"before": i32(5)})],
    )
    file.case(
        "after_alone_runs_the_write",
        "v: {op: variable, value: 1}\n" "w: assign_add(v, 1)\n" "y: {op: identity, inputs: v, after: [w]}",
        runs=[run({"y": i32(2)}), run({"y": i32(3), "v": i32(3)}), run({"v": i32(3)})],
    )
    file.case(
        "two_variables_swap",
        "a: {op: variable, value: [1, 2]}\n" "b: {op: variable, value: [3, 4]}\n" "x: assign(a, b)\n" "y: assign(b, a)",
        runs=[
            run({"x": i32(3, 4), "y": i32(1, 2), "a": i32(3, 4), "b": i32(1, 2)}),
            run({"a": i32(3, 4), "b": i32(1, 2)}),
            run({"x": i32(1, 2), "y": i32(3, 4)}),
        ],
    )
    file.case(
        "size_of_zero",
        "v: {op: variable, value: {op: zeros, shape: [0, 3]}}\nw: assign_add(v, zeros([0, 3]))",
        runs=[run({"w": f32(np.zeros((0, 3))), "v": f32(np.zeros((0, 3)))})],
    )
    file.case(
        "fed_where_listed",
        "v: {op: variable, value: 1}\ny: v + 1\nw: assign(v, 9)",
        top="feeds: [v]",
        runs=[
            run({"y": i32(8)}, {"v": i32(7)}),
            run({"y": i32(2), "v": i32(1)}),
            dict(feeds={"v": i32(7)}, error="v", fetch=["w"], node="v"),
            run({"v": i32(1)}),
        ],
    )


def assigns():
    for op, function, dtypes in (
        ("assign", lambda v, x: x, EVERY),
        ("assign_add", np.add, NUMBERS),
        ("assign_sub", np.subtract, NUMBERS),
    ):
        file = File("state/" + op, "every dtype; the value is the new one; refusals.", BY)
        rng = np.random.default_rng(len(op))
        nodes, feeds, expect = [], {}, {}
        for i, d in enumerate(dtypes):
            v, x = values(rng, d, -5, 5, 5), values(rng, d, -5, 5, 5)
            with np.errstate(over="ignore"):
                y = function(v, x)
            nodes += [
                "v_%s: {op: variable, dtype: %s, value: %s}" % (d, d, value_text(v)),
                ("w_%s: %s(v_%s, x_%s)" if i % 2 else "w_%s: {op: %s, inputs: [v_%s, x_%s]}") % (d, op, d, d),
            ]
            feeds["x_" + d], expect["w_" + d], expect["v_" + d] = x, y, y
        file.case("every_dtype", nodes, feeds, expect)
        m = f32([[1, 2], [3, 4]])
        file.case(
            "by_keyword",
            "v: {op: variable, value: [[1.0, 2.0], [3.0, 4.0]]}\nw: %s(v, value=x)" % op,
            {"x": m},
            {"w": function(m, m), "v": function(m, m)},
        )
        file.case(
            "size_is_wrong_at_run_time",
            "v: {op: variable, value: [1, 2]}\na: %s(v, x)" % op,
            runs=[
                dict(feeds={"x": Fed(i32(1, 2, 3), "[null]")}, error="2", node="a"),
                run({"v": i32(1, 2)}),
                run({"a": function(i32(1, 2), i32(7, 8))}, {"x": i32(7, 8)}),
            ],
        )
        v = "v: {op: variable, value: [1, 2]}\n"
        for name, text, message in (
            ("constant", "a: {op: constant, value: 1}\nb: %s(a, 2)", "constant"),
            ("placeholder", "a: {op: placeholder, dtype: int32, shape: []}\n" "b: %s(a, 2)", "placeholder"),
            ("expression", v + "b: %s(v + 1, [1, 2])", "variable"),
            ("shape", v + "b: %s(v, [1, 2, 3])", "[3]"),
            ("dtype", v + "b: %s(v, [1.5, 2.5])", op),
            ("rank", v + "b: %s(v, 1)", "[2]"),
        ):
            file.case("refused_" + name, text % op, compile_error=message)
        if op != "assign":
            file.case("refused_bool", ("v: {op: variable, value: true}\n" "b: %s(v, true)") % op, compile_error="bool")
    file = File(
        "state/writes", "several writes and reads of one variable in a run: data, `after`, the file's order.", BY
    )
    file.case(
        "add_starts_from_the_current_value",
        "v: {op: variable, value: 1}\n"
        "a: assign(v, 10)\n"
        "b: {op: assign_add, inputs: [v, 5], after: [a]}\n"
        "c: {op: assign_sub, inputs: [v, 2], after: [b]}",
        runs=[
            run({"a": i32(10), "b": i32(15), "c": i32(13), "v": i32(13)}),
            run({"c": i32(13), "v": i32(13)}),
            run({"a": i32(10), "v": i32(10)}),
        ],
    )
    file.case(
        "writes_follow_the_file",
        "v: {op: variable, value: 1}\na: assign_add(v, 10)\nb: assign(v, 3)\nc: assign_add(v, 100)",
        runs=[run({"c": i32(103), "a": i32(11), "b": i32(3), "v": i32(103)}), run({"a": i32(113), "v": i32(113)})],
    )
    file.case(
        "writes_follow_data",
        "v: {op: variable, value: 1}\nb: assign(v, a + 1)\na: assign(v, 5)",
        runs=[run({"b": i32(6), "a": i32(5), "v": i32(6)})],
    )
    file.case(
        "value_of_a_write_is_the_new_one",
        "v: {op: variable, value: 2}\na: assign_add(v, 3)\ny: a * 10\nz: a * 10 + v",
        runs=[run({"y": i32(50), "z": i32(52)}), run({"y": i32(80), "z": i32(85)})],
    )
    file.case(
        "only_what_is_asked_for",
        "v: {op: variable, value: 1}\na: assign_add(v, 1)\nb: v * 2",
        runs=[
            run({"b": i32(2)}),
            run({"b": i32(2), "v": i32(1)}),
            run({"v": i32(2)}, targets=["a"]),
            run({"b": i32(4)}),
        ],
    )
    file.case(
        "as_target",
        "v: {op: variable, value: 1}\na: assign(v, v + 1)",
        runs=[run({}, targets=["a"]), run({"v": i32(3)}, targets=["a"]), run({"v": i32(3)})],
    )
    file.case(
        "from_another_variable",
        "v: {op: variable, value: [1, 2]}\n"
        "w: {op: variable, value: [5, 6]}\n"
        "a: assign(v, w)\n"
        "b: assign_sub(w, [1, 1])",
        runs=[
            run({"a": i32(5, 6), "b": i32(4, 5)}),
            run({"v": i32(5, 6), "w": i32(4, 5)}),
            run({"a": i32(4, 5), "v": i32(4, 5)}),
        ],
    )
    file.case(
        "from_itself_shifted",
        "v: {op: variable, value: [1, 2, 3, 4]}\n"
        "a: assign(v, roll(v, 1, 0))\n"
        "b: assign(u, u[::-1])\n"
        "u: {op: variable, value: [1, 2, 3]}\n"
        "t: {op: variable, value: [[1, 2], [3, 4]]}\n"
        "c: assign(t, transpose(t))",
        runs=[
            run({"a": i32(4, 1, 2, 3), "b": i32(3, 2, 1), "c": i32([[1, 3], [2, 4]])}),
            run({"v": i32(4, 1, 2, 3), "u": i32(3, 2, 1), "t": i32([[1, 3], [2, 4]])}),
        ],
    )
    file.case(
        "scalar_broadcasts_in_the_sum_only",
        "v: {op: variable, value: [1.0, 2.0]}\na: assign(v, v + x)",
        {"x": Fed(f32(3), "[]")},
        {"a": f32(4, 5), "v": f32(4, 5)},
    )
    file.case(
        "gradient_step",
        "w: {op: variable, value: [0.0, 0.0]}\n" "g: x - w\n" "s: assign_add(w, 0.5 * g)\n" "loss: reduce_sum(g * g)",
        runs=[
            run({"loss": f32(8), "s": f32(1, 1)}, {"x": f32(2, 2)}),
            run({"loss": f32(2), "w": f32(1.5, 1.5)}, {"x": f32(2, 2)}, targets=["s"]),
        ],
    )
    file.case(
        "inverse_of_a_node_behind_a_write",
        "x: {op: placeholder, dtype: int32, shape: []}\n"
        "v: {op: variable, value: 1}\n"
        "w: assign(v, 5)\n"
        "y: {op: negative, inputs: x, after: [w]}\n"
        "z: -y",
        runs=[run({"z": i32(3)}, {"x": i32(3)}), run({"v": i32(5)})],
    )


def scatters():
    for op, function in (("scatter_update", None), ("scatter_add", np.add), ("scatter_sub", np.subtract)):
        file = File(
            "state/" + op, "rows of a variable; duplicates in order; an index out of range leaves it as it was.", BY
        )

        def applied(v, i, u):
            v, i = v.copy(), np.asarray(i)
            u = np.broadcast_to(u, i.shape + v.shape[1:])
            for at in np.ndindex(i.shape):
                v[i[at]] = u[at] if function is None else function(v[i[at]], u[at])
            return v

        nodes, feeds, expect = [], {}, {}
        for d in NUMBERS:
            v, u = array(np.arange(6).reshape(3, 2) + 20, d), array([[1, 2], [3, 4]], d)
            nodes += [
                "v_%s: {op: variable, dtype: %s, value: %s}" % (d, d, value_text(v)),
                "y_%s: %s(v_%s, [2, 0], u_%s)" % (d, op, d, d),
            ]
            feeds["u_" + d], expect["y_" + d] = u, applied(v, [2, 0], u)
        file.case("every_dtype", nodes, feeds, expect)
        v = f32(np.arange(8).reshape(4, 2))
        head = "v: {op: variable, value: %s}\n" % value_text(v)
        for name, i, shape, u in (
            ("duplicates", i32(1, 3, 1), "[null]", f32([[1, 2], [3, 4], [5, 6]])),
            ("matrix", i32([[0, 1], [2, 2]]), "[null, 2]", f32(np.arange(8).reshape(2, 2, 2))),
            ("scalar", i32(2), "[]", f32(9, 8)),
            ("none", i32([]), "[null]", f32(np.zeros((0, 2)))),
            ("int64", np.array([3]), "[1]", f32([[7, 7]])),
        ):
            y = applied(v, i, u)
            file.case(
                "indices_" + name,
                head + "y: {op: %s, inputs: [v, i, u]}" % op,
                runs=[
                    run({"y": y, "v": y}, {"i": Fed(i, shape), "u": Fed(u, "[%s]" % ", ".join(["null"] * u.ndim))}),
                    run({"v": y}),
                ],
            )
        file.case(
            "vector_and_literals",
            "v: {op: variable, value: [1, 2, 3]}\n"
            "y: %s(v, [0, 2], [10, 20])\n"
            "z: %s(v, indices=1, updates=7)" % (op, op),
            runs=[
                run({"y": applied(i32(1, 2, 3), [0, 2], i32(10, 20))}),
                run({"v": applied(i32(1, 2, 3), [0, 2], i32(10, 20))}),
            ],
        )
        file.case(
            "out_of_range",
            head + "y: %s(v, i, u)" % op,
            runs=[
                dict(
                    feeds={"i": Fed(i32(0, 4), "[null]"), "u": Fed(f32([[1, 1], [1, 1]]), "[null, 2]")},
                    error="indices[1] = 4 is not in [0, 4)",
                    node="y",
                ),
                run({"v": v}),
                dict(feeds={"i": i32([-1]), "u": f32([[1, 1]])}, error="indices[0] = -1 is not in [0, 4)", node="y"),
                run({"v": v}),
                run({"y": applied(v, [3], f32([[1, 1]]))}, {"i": i32([3]), "u": f32([[1, 1]])}),
            ],
        )
        file.case(
            "shapes_do_not_fit",
            head + "u: {op: placeholder, dtype: float32, shape: [2, 3]}\ny: %s(v, [0, 1], u)" % op,
            compile_error=op,
        )
        file.case(
            "not_a_variable", ("v: {op: constant, value: [1, 2]}\n" "y: %s(v, [0], [1])") % op, compile_error="constant"
        )


def effects():
    file = File("state/group", "has no value; runs what it names.", BY)
    file.case(
        "targets",
        "v: {op: variable, value: 1}\n"
        "w: {op: variable, value: 2}\n"
        "a: assign_add(v, 1)\n"
        "b: assign_add(w, 1)\n"
        "g: {op: group, inputs: [a, b]}\n"
        "h: group(a)\n"
        "n: {op: no_op, after: [b]}\n"
        "e: no_op()",
        runs=[
            run({}, targets=["g"]),
            run({"v": i32(2), "w": i32(3)}),
            run({"v": i32(3), "w": i32(3)}, targets=["h"]),
            run({"v": i32(3), "w": i32(4)}, targets=["n"]),
            run({"v": i32(3), "w": i32(4)}, targets=["e"]),
            run({"v": i32(4), "w": i32(5)}, targets=["g", "n", "h"]),
        ],
    )
    file.case(
        "behind_a_group",
        "v: {op: variable, value: 1}\n"
        "w: {op: variable, value: 2}\n"
        "g: group(assign(v, 5), assign(w, 6))\n"
        "y: {op: add, inputs: [v, w], after: [g]}\n"
        "z: v + w",
        runs=[run({"y": i32(11), "z": i32(3)}), run({"z": i32(11)})],
    )
    file.case(
        "not_fetched",
        "v: {op: variable, value: 1}\ng: group(assign(v, 5))",
        runs=[dict(error="g", node="g"), run({"v": i32(1)})],
    )
    file = File("state/no_op", "does nothing; runs what `after` names.", BY)
    file.case(
        "targets",
        "v: {op: variable, value: 1}\n"
        "a: assign_add(v, 1)\n"
        "n: {op: no_op, after: [a]}\n"
        "e: no_op()\n"
        "m: {op: no_op}",
        runs=[run({}, targets=["n"]), run({"v": i32(2)}, targets=["e", "m"]), run({"v": i32(3)}, targets=["n"])],
    )
    file.case(
        "orders_what_follows",
        "v: {op: variable, value: 1}\n"
        "a: assign(v, 5)\n"
        "n: {op: no_op, after: [a]}\n"
        "y: {op: identity, inputs: v, after: [n]}",
        runs=[run({"y": i32(5)})],
    )
    file.case("not_fetched", "n: no_op()", runs=[dict(error="n", node="n")])
    file = File(
        "state/is_variable_initialized", "false before initialize and true after; reading it needs no value.", BY
    )
    file.case(
        "before",
        "v: {op: variable, value: 1}\n"
        "y: is_variable_initialized(v)\n"
        "z: {op: is_variable_initialized, inputs: v}\n"
        "a: assign(v, 3)",
        initialize=False,
        runs=[run({"y": np.bool_(False), "z": np.bool_(False)}), run({"a": i32(3)}), run({"y": np.bool_(True)})],
    )
    file.case("after", "v: {op: variable, value: 1}\n" "y: is_variable_initialized(v)", {}, {"y": np.bool_(True)})
    file = File(
        "state/assert", "a false condition fails the run, names the node and leaves every variable as it was.", BY
    )
    file.case(
        "target",
        "t: assert(x > 0, [x])\ny: x * 2",
        runs=[
            run({"y": f32(4)}, {"x": Fed(f32(2), "[]")}, targets=["t"]),
            dict(feeds={"x": f32(-2)}, targets=["t"], fetch=["y"], error="t", node="t"),
            run({"y": f32(-4)}, {"x": f32(-2)}),
        ],
    )
    file.case(
        "vector_condition",
        "t: {op: assert, inputs: [reduce_all(x > 0), x]}\ny: {op: identity, inputs: x, after: [t]}",
        runs=[
            run({"y": f32(1, 2)}, {"x": Fed(f32(1, 2), "[null]")}),
            dict(feeds={"x": f32(1, -1)}, fetch=["y"], error="t", node="t"),
        ],
    )
    file.case(
        "variables_as_before",
        "v: {op: variable, value: 1}\n"
        "a: assign(v, v + 1)\n"
        "t: {op: assert, inputs: [a < 3, [a]], after: [a]}\n"
        "w: {op: variable, value: [1, 2]}\n"
        "b: assign_add(w, [1, 1])",
        runs=[
            run({"a": i32(2), "b": i32(2, 3)}, targets=["t"]),
            dict(fetch=["a", "b"], targets=["t"], error="t", node="t"),
            run({"v": i32(2), "w": i32(2, 3)}),
            run({"a": i32(3)}),
            run({"v": i32(3)}),
        ],
    )
    file.case(
        "constant_condition",
        "t: assert(false, [1])\n" "y: {op: constant, value: 1}\n" "z: {op: identity, inputs: y, after: [t]}",
        runs=[run({"y": i32(1)}), dict(fetch=["z"], error="t", node="t")],
    )
    file = File(
        "state/failing_run", "a run that fails for any reason changes nothing; what is not needed cannot fail.", BY
    )
    file.case(
        "division_behind_a_write",
        "v: {op: variable, value: 10}\n"
        "a: assign_add(v, 1)\n"
        "y: {op: floordiv, inputs: [100, d], after: [a]}\n"
        "z: a // d",
        runs=[
            run({"y": i32(50), "v": i32(11)}, {"d": Fed(i32(2), "[]")}),
            dict(feeds={"d": i32(0)}, error="division by zero", node="y"),
            run({"v": i32(11)}),
            dict(feeds={"d": i32(0)}, error="division by zero", node="z"),
            run({"v": i32(12), "z": i32(4)}, {"d": i32(3)}),
        ],
    )
    file.case(
        "large_variable",
        "v: {op: variable, value: {op: zeros, shape: [1000]}}\n"
        "a: assign_add(v, ones([1000]))\n"
        "t: {op: assert, inputs: [ok, [ok]], after: [a]}\n"
        "s: reduce_sum(v)",
        runs=[
            dict(feeds={"ok": Fed(np.bool_(False), "[]")}, targets=["a", "t"], error="t", node="t"),
            run({"s": f32(0)}),
            run({}, {"ok": np.bool_(True)}, targets=["a", "t"]),
            run({"s": f32(1000)}),
            dict(feeds={"ok": np.bool_(False)}, targets=["t"], error="t", node="t"),
            run({"s": f32(1000)}),
        ],
    )
    file.case("not_needed_cannot_fail", "y: 1 // d\nz: d + 1", {"d": i32(0)}, {"z": i32(1)})


def cond():
    file = File(
        "state/cond", "only the branch that is taken runs; outer names are visible; writes and failures inside.", BY
    )
    t, f = np.bool_(True), np.bool_(False)
    p = Fed(t, "[]")
    file.case(
        "value",
        "y:\n"
        "  op: cond\n"
        "  inputs: p\n"
        "  then: {nodes: {a: x + 1}, fetches: [a]}\n"
        "  else: {nodes: {b: x * 10}, fetches: [b]}",
        runs=[run({"y": f32(3)}, {"p": p, "x": Fed(f32(2), "[]")}), run({"y": f32(20)}, {"p": f, "x": f32(2)})],
    )
    file.case(
        "condition_is_an_expression",
        "y: {op: cond, inputs: reduce_sum(x) > 3, then: {nodes: {a: relu(x)}, fetches: [a]}, else: {nodes: {a: -x}, fetches: [a]}}\n"
        "z: y + 1",
        runs=[
            run({"y": f32(5, 0), "z": f32(6, 1)}, {"x": Fed(f32(5, -1), "[null]")}),
            run({"y": f32(1, -2), "z": f32(2, -1)}, {"x": f32(-1, 2)}),
        ],
    )
    file.case(
        "two_outputs",
        "y: {op: cond, inputs: p, outputs: [hi, lo], then: {nodes: {a: x + 1, b: x - 1}, fetches: [a, b]}, else: {nodes: {c: x, d: -x}, fetches: [c, d]}}",
        runs=[
            run({"hi": f32(4), "lo": f32(2)}, {"p": p, "x": Fed(f32(3), "[]")}),
            run({"hi": f32(3), "lo": f32(-3)}, {"p": f, "x": f32(3)}),
        ],
    )
    file.case(
        "fetches_outer_names",
        "u: x * 2\n"
        "w: x * 3\n"
        "y: {op: cond, inputs: p, then: {nodes: {}, fetches: [u]}, else: {nodes: {}, fetches: [w]}}",
        runs=[run({"y": f32(2)}, {"x": Fed(f32(1), "[]"), "p": p}), run({"y": f32(3)}, {"x": f32(1), "p": f})],
    )
    file.case(
        "assign_in_a_branch",
        "v: {op: variable, value: 1}\n"
        'y: {op: cond, inputs: p, then: {nodes: {a: "assign_add(v, 10)"}, fetches: [a]}, else: {nodes: {b: v * 1}, fetches: [b]}}',
        runs=[
            run({"y": i32(11), "v": i32(11)}, {"p": p}),
            run({"y": i32(11), "v": i32(11)}, {"p": f}),
            run({"y": i32(21)}, {"p": t}),
            run({"v": i32(21)}),
        ],
    )
    file.case(
        "assign_in_both_branches",
        "v: {op: variable, value: 1}\n"
        'y: {op: cond, inputs: p, then: {nodes: {a: "assign(v, 5)"}, fetches: [a]}, else: {nodes: {a: "assign(v, 7)"}, fetches: [a]}}\n'
        "z: {op: identity, inputs: v, after: [y]}",
        runs=[
            run({"y": i32(5), "z": i32(5), "v": i32(5)}, {"p": p}),
            run({"y": i32(7), "z": i32(7), "v": i32(7)}, {"p": f}),
        ],
    )
    file.case(
        "only_the_branch_taken_fails",
        "y: {op: cond, inputs: d != 0, then: {nodes: {q: 100 // d}, fetches: [q]}, else: {nodes: {z: d * 0}, fetches: [z]}}",
        runs=[run({"y": i32(33)}, {"d": Fed(i32(3), "[]")}), run({"y": i32(0)}, {"d": i32(0)})],
    )
    file.case(
        "failure_in_a_branch_changes_nothing",
        "v: {op: variable, value: 1}\n"
        'y: {op: cond, inputs: p, then: {nodes: {a: "assign(v, 9)", q: {op: floordiv, inputs: [1, d], after: [a]}}, fetches: [q]}, else: {nodes: {z: d * 0}, fetches: [z]}}',
        runs=[
            dict(feeds={"p": p, "d": Fed(i32(0), "[]")}, error="division by zero", fetch=["y"], node="q"),
            run({"v": i32(1)}),
            run({"y": i32(1), "v": i32(9)}, {"p": t, "d": i32(1)}),
        ],
    )
    file.case(
        "nested",
        "y: {op: cond, inputs: p, then: {nodes: {n: {op: cond, inputs: q, then: {nodes: {a: x + 1}, fetches: [a]}, else: {nodes: {a: x + 2}, fetches: [a]}}}, fetches: [n]}, else: {nodes: {a: x + 3}, fetches: [a]}}",
        runs=[
            run({"y": f32(k)}, {"p": Fed(np.bool_(a), "[]"), "q": Fed(np.bool_(b), "[]"), "x": Fed(f32(0), "[]")})
            for a, b, k in ((1, 1, 1), (1, 0, 2), (0, 1, 3), (0, 0, 3))
        ],
    )
    file.case(
        "known_condition",
        "c: {op: constant, value: true}\n"
        "y: {op: cond, inputs: c, then: {nodes: {a: x + 1}, fetches: [a]}, else: {nodes: {a: x - 1}, fetches: [a]}}",
        {"x": f32(1, 2)},
        {"y": f32(2, 3)},
    )
    file.case(
        "sizes_of_the_branches_differ",
        'y: {op: cond, inputs: p, then: {nodes: {a: "x[:2]"}, fetches: [a]}, else: {nodes: {a: "concat([x, x], 0)"}, fetches: [a]}}\n'
        "s: reduce_sum(y)",
        runs=[
            run({"y": f32(1, 2), "s": f32(3)}, {"p": p, "x": Fed(f32(1, 2, 4), "[null]")}),
            run({"y": f32(1, 2, 4, 1, 2, 4), "s": f32(14)}, {"p": f, "x": f32(1, 2, 4)}),
        ],
    )
    file.case(
        "both_used_outside",
        "y: {op: cond, inputs: p, then: {nodes: {a: relu(x)}, fetches: [a]}, else: {nodes: {a: x}, fetches: [a]}}\n"
        "z: {op: cond, inputs: p, then: {nodes: {a: y * 2}, fetches: [a]}, else: {nodes: {a: y * 3}, fetches: [a]}}",
        runs=[
            run({"z": f32(0, 4)}, {"p": p, "x": Fed(f32(-1, 2), "[n]")}),
            run({"z": f32(-3, 6)}, {"p": f, "x": f32(-1, 2)}),
        ],
    )
    file.case(
        "known_branch_gives_a_variable",
        "v: {op: variable, value: 1}\n"
        "p: {op: constant, value: true}\n"
        "y: {op: cond, inputs: p, then: {nodes: {}, fetches: [v]}, else: {nodes: {a: v + 1}, fetches: [a]}}\n"
        "w: assign(v, 5)",
        runs=[run({"y": i32(1), "w": i32(5)}), run({"y": i32(5)})],
    )
    x = "x: {op: placeholder, dtype: float32, shape: []}\n" "p: {op: placeholder, dtype: bool, shape: []}\n"
    file.case(
        "dtypes_of_the_branches_differ",
        x
        + 'y: {op: cond, inputs: p, then: {nodes: {a: x}, fetches: [a]}, else: {nodes: {a: "cast(x, int32)"}, fetches: [a]}}',
        compile_error="int32",
    )
    file.case(
        "numbers_of_fetches_differ",
        x
        + "y: {op: cond, inputs: p, then: {nodes: {a: x, b: x}, fetches: [a, b]}, else: {nodes: {a: x}, fetches: [a]}}",
        compile_error="cond",
    )
    file.case(
        "condition_is_not_bool",
        x + "y: {op: cond, inputs: x, then: {nodes: {a: x}, fetches: [a]}, else: {nodes: {a: x}, fetches: [a]}}",
        compile_error="bool",
    )
    file.case(
        "condition_is_a_vector",
        "x: {op: placeholder, dtype: bool, shape: [2]}\n"
        "y: {op: cond, inputs: x, then: {nodes: {a: x}, fetches: [a]}, else: {nodes: {a: x}, fetches: [a]}}",
        compile_error="cond",
    )
    file.case(
        "inner_names_stay_inside",
        x
        + (
            "y: {op: cond, inputs: p, then: {nodes: {inner: x}, fetches: [inner]}, else: {nodes: {b: x}, fetches: [b]}}\n"
            "z: inner + 1"
        ),
        compile_error="inner",
    )


def feeds():
    file = File(
        "state/feeds", "inner nodes may be fed where they are listed; what lies before them is not computed.", BY
    )
    file.case(
        "inner_node",
        "x: {op: placeholder, dtype: float32, shape: [2]}\nt: x * 2\ny: t + 1",
        top="feeds: [t]",
        runs=[
            run({"y": f32(3, 5), "t": f32(2, 4)}, {"x": f32(1, 2)}),
            run({"y": f32(11, 21), "t": f32(10, 20)}, {"t": f32(10, 20)}),
        ],
    )
    file.case(
        "behind_a_failure",
        "x: {op: placeholder, dtype: int32, shape: []}\nt: 6 // x\ny: t + 1",
        top="feeds: [t]",
        runs=[
            run({"y": i32(5)}, {"t": i32(4)}),
            run({"y": i32(5)}, {"t": i32(4), "x": i32(0)}),
            run({"y": i32(4)}, {"x": i32(2)}),
            dict(feeds={"x": i32(0)}, error="division by zero", node="t", fetch=["y"]),
        ],
    )
    file.case(
        "fetches_in_any_order_and_twice",
        "a: {op: constant, value: 1}\nb: a + 1\nc: b + 1",
        runs=[dict(expect={"a": i32(1), "b": i32(2), "c": i32(3)}, fetch=["c", "a", "c", "b"])],
    )
    file.case(
        "fetch_list",
        "a: {op: constant, value: 1}\nb: a + 1\nc: b + 1",
        top="fetches: [b]",
        runs=[run({"b": i32(2)}), dict(error="c", fetch=["c"], node="c")],
    )


def names():
    file = File("state/names", "any text is a name; a declared name comes before everything else it could mean.", BY)
    file.case(
        "of_tensorflow",
        "dense/kernel: {op: variable, value: [[1.0, 2.0]]}\n"
        'dense/MatMul: "x @ `dense/kernel`"\n'
        "dense/BiasAdd: {op: add, inputs: [dense/MatMul, 1.0]}\n"
        '"w:0": "`dense/BiasAdd` * 2"\n'
        'y: "`w:0` - `dense/MatMul:0`"',
        {"x": f32([[3]])},
        {"dense/BiasAdd": f32([[4, 7]]), "w:0": f32([[8, 14]]), "y": f32([[5, 8]])},
    )
    file.case(
        "that_could_mean_something_else",
        '"1": {op: constant, value: 10}\n'
        "add: {op: constant, value: 20}\n"
        '"true": {op: constant, value: 30}\n'
        "int32: {op: constant, value: 40}\n"
        "a+b: {op: constant, value: 50}\n"
        "a: {op: constant, value: 1}\n"
        "b: {op: constant, value: 2}\n"
        'p: {op: add, inputs: ["1", a]}\n'
        "q: add(add, a)\n"
        "r: {op: identity, inputs: a+b}\n"
        "s: a + b\n"
        't: "`1` + 1"\n'
        'u: {op: identity, inputs: "true"}',
        {},
        {"p": i32(11), "q": i32(21), "r": i32(50), "s": i32(3), "t": i32(11), "u": i32(30)},
    )
    file.case(
        "of_any_characters",
        '"two words": x + 1\n'
        '"größe ∑": "`two words` * 2"\n'
        '"-": "`größe ∑` + 1"\n'
        '"{}": {op: identity, inputs: "-"}\n'
        "_x: x\n"
        "X: x * 3\n"
        "x1: X - _x",
        {"x": i32(1, 2)},
        {"two words": i32(2, 3), "größe ∑": i32(4, 6), "-": i32(5, 7), "{}": i32(5, 7), "x1": i32(2, 4)},
    )


def tables():
    names()
    constants()
    fills()
    placeholders()
    variables()
    assigns()
    scatters()
    effects()
    cond()
    feeds()
