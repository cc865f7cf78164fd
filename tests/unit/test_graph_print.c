/* A dump is a graph: reading it gives the same dump. */
#include "graph_support.h"

static const char *const graphs[] = {
    "graph: g\nnodes:\n"
    "  x: {op: placeholder, dtype: float32, shape: [batch, null, 4]}\n"
    "  w: {op: variable, value: {op: random_normal, shape: [4, 3], seed: 7}}\n"
    "  w2: {op: variable, value: {initial_value_of: w}}\n"
    "  k: {op: constant, value: [[1, -2], [3, 4]], dtype: int8}\n"
    "  f: {op: constant, value: [.inf, -.inf, -0.0, 0.1], dtype: float16}\n"
    "  y: relu(tensordot(x, w, axes=1)) ** 2\n"
    "  \"odd name\": y + 1\n"
    "  \"a:b\": \"`odd name` * 2\"\n"
    "  s: {op: split, inputs: [x, 2], axis: -1, outputs: [left, right]}\n"
    "  t: left + right\n"
    "  up: assign_add(w2, w)\n"
    "  late: {op: identity, inputs: w2, after: [up]}\n"
    "  done: {op: group, inputs: [up, late]}\n"
    "feeds: [y]\n"
    "fetches: [y, \"a:b\", t, late, done, w2, k, f]\n"
    "signatures: {go: {feeds: [x], fetches: [t], targets: [done]}}\n",
    "graph: g\nnodes:\n"
    "  p: {op: placeholder, dtype: bool, shape: []}\n"
    "  q: {op: placeholder, dtype: bool, shape: []}\n"
    "  v: {op: variable, value: 2}\n"
    "  y:\n    op: cond\n    inputs: p\n    outputs: [first, second]\n"
    "    then: {nodes: {a: v + 1, inner: {op: cond, inputs: q, then: a * 2, else: a * 3}}, "
    "fetches: [inner, a]}\n"
    "    else: {nodes: {c: \"assign(v, 5)\", d: v * 4}, fetches: [d, d]}\n"
    "fetches: [first, second, v]\n",
};

Test(graph_print, reads_back) {
    for (size_t i = 0; i < sizeof graphs / sizeof graphs[0]; i++) {
        Arena *arena = arena_create();
        Compilation *first = simplified(arena, graphs[i]);
        cr_assert_eq(diagnostics_error_count(first->diagnostics), 0, "%s",
                     diagnostics_text(arena, first));
        const char *text = graph_text(first);
        Compilation *second = simplified(arena, text);
        cr_assert_eq(diagnostics_error_count(second->diagnostics), 0, "%s\n%s", text,
                     diagnostics_text(arena, second));
        cr_assert_str_eq(graph_text(second), text);
        arena_destroy(arena);
    }
}
