/* From YAML to a graph, and through inference: names, both forms of nodes, expressions, values,
 * branches, entries. */
#include "graph/ops.h"
#include "passes/passes.h"
#include "source_support.h"
#include "support/dtype.h"
#include <criterion/criterion.h>

static Graph *build(Source *s) {
    cr_assert(source_build_from_file(&s->compilation, &s->file), "%s", source_said(s));
    cr_assert_eq(diagnostics_error_count(s->diagnostics), 0, "%s", source_said(s));
    return s->compilation.graph;
}

/* Also through the passes that settle types. */
static Graph *build_typed(Source *s) {
    Graph *graph = build(s);
    bool fine =
        pass_feeds(&s->compilation) && pass_order(&s->compilation) && pass_infer(&s->compilation);
    cr_assert(fine && diagnostics_error_count(s->diagnostics) == 0, "%s", source_said(s));
    return graph;
}

static GraphNode *node(const Graph *graph, const char *name) {
    GraphNode *found = graph_find_node(graph, name);
    cr_assert(found, "no node %s", name);
    return found;
}

static void check_op(const Graph *graph, const char *name, OpCode code) {
    cr_assert_eq(node(graph, name)->row->code, code, "%s is %s", name,
                 node(graph, name)->row->spelling);
}

static void check_type(Source *s, const char *name, const char *type) {
    const char *found = type_text(s->arena, &node(s->compilation.graph, name)->outputs[0]->type);
    cr_assert_str_eq(found, type, "%s is %s, not %s", name, found, type);
}

static void check_said(const char *yaml, const char *part) {
    Source *s = source_open(yaml);
    source_build_from_file(&s->compilation, &s->file);
    cr_assert(strstr(source_said(s), part), "%s\n%s", yaml, source_said(s));
    arena_destroy(s->arena);
}

Test(build, the_counter) {
    Source *s = source_open(
        "graph: counter\nnodes:\n  a: {op: variable, value: 1}\n  b: {op: constant, value: 1}\n"
        "  c: {op: assign, inputs: [a, a + b]}\nfetches: [c, a]\n");
    Graph *graph = build_typed(s);
    cr_assert_str_eq(graph->name, "counter");
    cr_assert_eq(graph->variable_count, 1);
    cr_assert_eq(node(graph, "c")->variable, graph->variables[0]);
    cr_assert_eq(graph->fetch_count, 2);
    cr_assert_str_eq(graph->fetches[0].name, "c");
    check_type(s, "c", "int32 []");
    arena_destroy(s->arena);
}

Test(build, the_graphs_name_comes_from_the_file) {
    Source *s = source_open("nodes: {a: 1}\n");
    s->file.path = "some/where/3-layer.net.yaml";
    cr_assert_str_eq(build(s)->name, "_3_layer_net");
    arena_destroy(s->arena);
}

Test(build, a_declared_name_comes_before_everything_else) {
    Source *s =
        source_open("nodes:\n  \"1\": 5\n  \"m:1\": 7\n  x: [1.0, 2.0]\n  \"x + x\": 3\n  inf: 9\n"
                    "  m: {op: moments, inputs: [x, [0]]}\n"
                    "  a: 1\n  b: m:1\n  c: x + x\n  d: m:0\n  e: inf\n  f: \"`1` + 1\"\n"
                    "  g: {op: add, inputs: [1, inf]}\n");
    Graph *graph = build(s);
    cr_assert_eq(node(graph, "a")->inputs[0], node(graph, "1")->outputs[0]);
    cr_assert_eq(node(graph, "b")->inputs[0], node(graph, "m:1")->outputs[0]);
    cr_assert_eq(node(graph, "c")->inputs[0], node(graph, "x + x")->outputs[0]);
    cr_assert_eq(node(graph, "d")->inputs[0], node(graph, "m")->outputs[0]);
    cr_assert_eq(node(graph, "e")->inputs[0], node(graph, "inf")->outputs[0]);
    cr_assert_eq(node(graph, "f")->inputs[0], node(graph, "1")->outputs[0]);
    cr_assert_eq(node(graph, "g")->inputs[0], node(graph, "1")->outputs[0]);
    arena_destroy(s->arena);
}

Test(build, operators_and_calls_are_ops) {
    Source *s = source_open("nodes:\n  x: {op: placeholder, dtype: float32, shape: [batch, 4]}\n  "
                            "w: {op: variable, value: {op: zeros, shape: [4, 3]}}\n"
                            "  a: x @ w\n  b: x / 2\n  c: (x > 0) & ~(x > 1)\n  d: -x ** 2\n  e: "
                            "softmax(x, axis=-1)\n  f: concat([x, x], 1)\n"
                            "  g: einsum('ij,jk->ik', x, w)\n  h: cast(x, dtype=int32) // 2\n  i: "
                            "where(x > 0, x, 0)\n  j: reshape(x, [-1, 2, 2])\n"
                            "  k: x[1:, None, -1]\n  l: 2 ** 10\n  m: reduce_sum(x, "
                            "keep_dims=true, reduction_indices=1)\n");
    Graph *graph = build_typed(s);
    check_op(graph, "a", OP_MATMUL);
    check_op(graph, "c", OP_BITWISE_AND);
    check_op(graph, "l", OP_CONSTANT);
    check_type(s, "a", "float32 [batch, 3]");
    check_type(s, "b", "float32 [batch, 4]");
    check_type(s, "c", "bool [batch, 4]");
    check_type(s, "f", "float32 [batch, 8]");
    check_type(s, "g", "float32 [batch, 3]");
    check_type(s, "h", "int32 [batch, 4]");
    check_type(s, "j", "float32 [batch, 2, 2]");
    check_type(s, "l", "int32 []");
    check_type(s, "m", "float32 [batch, 1]");
    arena_destroy(s->arena);
}

Test(build, the_mapping_form_matches_inputs_and_keys) {
    Source *s = source_open(
        "nodes:\n  x: {op: placeholder, dtype: float32, shape: [2, 3]}\n"
        "  a: {op: concat, inputs: [x, x], axis: 0}\n  b: {op: concat, inputs: [[x, x], 1]}\n"
        "  c: {op: reshape, inputs: x, shape: [3, 2]}\n  d: {op: reshape, inputs: [x, [6]]}\n"
        "  e: {op: pad, inputs: x, paddings: [[1, 1], [0, 0]], mode: reflect}\n  f: {op: relu, "
        "inputs: {op: neg, inputs: x}}\n"
        "  g: {op: add_n, inputs: [x, x + 1, 2 * x]}\n  h: {op: matmul, a: x, b: x, transpose_b: "
        "true}\n"
        "  i: {op: moments, inputs: [x, [1]], outputs: [mean, variance]}\n  j: mean + variance\n");
    Graph *graph = build_typed(s);
    check_type(s, "a", "float32 [4, 3]");
    check_type(s, "b", "float32 [2, 6]");
    check_type(s, "c", "float32 [3, 2]");
    check_type(s, "d", "float32 [6]");
    check_type(s, "e", "float32 [4, 3]");
    check_type(s, "h", "float32 [2, 2]");
    check_type(s, "j", "float32 [2]");
    cr_assert_str_eq(node_attribute_word(node(graph, "e"), "mode"), "reflect");
    cr_assert_eq(node(graph, "g")->input_count, 3);
    arena_destroy(s->arena);
}

static const ConstantData *constant(const Graph *graph, const char *name) {
    return node(graph, name)->constant;
}

Test(build, values_and_their_dtypes) {
    Source *s = source_open("nodes:\n  a: {op: constant, value: [[1, 2], [3, 4]]}\n  b: {op: "
                            "constant, value: 3000000000}\n  c: {op: constant, value: [1, 2.5]}\n"
                            "  d: {op: constant, value: true}\n  e: {op: constant, value: 0, "
                            "shape: [2, 3], dtype: int8}\n"
                            "  f: {op: constant, value: [], dtype: int32}\n  g: {op: constant, "
                            "value: [1, -.inf], dtype: float16}\n"
                            "  h: {op: constant, value: 18446744073709551615, dtype: uint64}\n  i: "
                            "{op: constant, value: [1, 2, 3, 4], shape: [2, 2]}\n"
                            "  j: {op: constant, value: -0.0}\n  k: 2 ** 3 - 1\n");
    Graph *graph = build(s);
    cr_assert_eq(constant(graph, "a")->dtype, TFCC_INT32);
    cr_assert_arr_eq(constant(graph, "a")->bytes, ((int32_t[]){1, 2, 3, 4}), 16);
    cr_assert_eq(constant(graph, "b")->dtype, TFCC_INT64);
    cr_assert_eq(constant(graph, "c")->dtype, TFCC_FLOAT32);
    cr_assert_arr_eq(constant(graph, "c")->bytes, ((float[]){1, 2.5f}), 8);
    cr_assert_eq(constant(graph, "d")->dtype, TFCC_BOOL);
    cr_assert_eq(constant(graph, "e")->element_count, 6);
    cr_assert_eq(constant(graph, "f")->element_count, 0);
    cr_assert_arr_eq(constant(graph, "g")->bytes, ((uint16_t[]){0x3c00, 0xfc00}), 4);
    cr_assert_eq(*(const uint64_t *)constant(graph, "h")->bytes, UINT64_MAX);
    cr_assert_eq(constant(graph, "i")->rank, 2);
    cr_assert_eq(*(const uint32_t *)constant(graph, "j")->bytes, 0x80000000);
    cr_assert_eq(*(const int32_t *)constant(graph, "k")->bytes, 7);
    arena_destroy(s->arena);
}

Test(build, float16_is_rounded_once) {
    /* Just above the middle of two float16s, and a float32 would round it down to the middle. */
    Source *s =
        source_open("nodes:\n  a: {op: constant, value: 1.000488281250001, dtype: float16}\n");
    cr_assert_eq(*(const uint16_t *)constant(build(s), "a")->bytes, 0x3c01);
    arena_destroy(s->arena);
}

Test(build, initial_values) {
    Source *s = source_open(
        "nodes:\n  w: {op: variable, value: {op: random_normal, shape: [4, 3]}}\n"
        "  a: {op: variable, dtype: float64, shape: [2, 2], value: {op: glorot_uniform}}\n"
        "  b: {op: variable, value: {initial_value_of: w}}\n  c: {op: variable, value: "
        "\"zeros([3]) + 1\"}\n"
        "  d: {op: variable, dtype: int64, value: \"1 + 1\"}\n  e: variable(ones([2]), "
        "dtype=int32)\n");
    Graph *graph = build_typed(s);
    check_type(s, "a", "float64 [2, 2]");
    check_type(s, "b", "float32 [4, 3]");
    check_type(s, "c", "float32 [3]");
    check_type(s, "d", "int64 []");
    check_type(s, "e", "int32 [2]");
    cr_assert_eq(graph->variable_count, 6);
    arena_destroy(s->arena);
}

Test(build, seeds_come_from_names_and_differ) {
    Source *s = source_open("nodes:\n  a: random_normal([2])\n  b: random_normal([2]) + "
                            "random_normal([2])\n  c: random_normal([2], seed=7)\n");
    Graph *graph = build(s);
    const GraphNode *b = node(graph, "b");
    int64_t first = node_attribute_integer(b->inputs[0]->node, "seed"),
            second = node_attribute_integer(b->inputs[1]->node, "seed");
    cr_assert_neq(first, second);
    cr_assert_neq(first, node_attribute_integer(node(graph, "a"), "seed"));
    cr_assert_eq(node_attribute_integer(node(graph, "c"), "seed"), 7);
    arena_destroy(s->arena);
}

Test(build, an_index_that_is_bool_is_a_mask) {
    Source *s =
        source_open("nodes:\n  x: {op: placeholder, dtype: float32, shape: [n]}\n  i: {op: "
                    "placeholder, dtype: int32, shape: []}\n"
                    "  m: identity(x > 0)\n  a: x[m]\n  b: x[i]\n  c: x[late]\n  late: x < 1\n");
    Graph *graph = build_typed(s);
    check_op(graph, "a", OP_BOOLEAN_MASK);
    check_op(graph, "b", OP_STRIDED_SLICE);
    check_op(graph, "c", OP_BOOLEAN_MASK);
    arena_destroy(s->arena);
}

Test(build, branches_are_guarded) {
    Source *s = source_open(
        "nodes:\n  p: {op: placeholder, dtype: bool, shape: []}\n  v: {op: variable, value: 1}\n"
        "  y: {op: cond, inputs: p, then: {nodes: {a: v + 1, u: {op: assign, inputs: [v, a]}}, "
        "fetches: [a]}, else: v - 1}\n");
    Graph *graph = build_typed(s);
    const GraphNode *cond = node(graph, "y");
    cr_assert_eq(cond->input_count, 3);
    const GraphNode *a = cond->inputs[1]->node, *other = cond->inputs[2]->node;
    cr_assert_str_eq(a->label, "y/then/a");
    cr_assert(a->guard && a->guard->wanted && a->guard->cond == cond);
    cr_assert(other->guard && !other->guard->wanted);
    bool waits_for_the_write = false;
    for (size_t i = 0; i < cond->after_count; i++)
        waits_for_the_write |= cond->after[i]->row->code == OP_ASSIGN;
    cr_assert(waits_for_the_write);
    check_type(s, "y", "int32 []");
    arena_destroy(s->arena);
}

Test(build, parts_stand_in_the_files_order) {
    Source *s = source_open(
        "nodes:\n  v: {op: variable, value: 1}\n  a: assign_add(v, 1) + 0\n  b: assign(v, 5)\n");
    Graph *graph = build(s);
    size_t inner = 0, outer = 0;
    for (size_t i = 0; i < graph->node_count; i++) {
        if (graph->nodes[i]->row->code == OP_ASSIGN_ADD) inner = i;
        if (graph->nodes[i]->row->code == OP_ASSIGN) outer = i;
    }
    cr_assert_lt(inner, outer);
    arena_destroy(s->arena);
}

Test(build, entries) {
    Source *s = source_open(
        "nodes:\n  x: {op: placeholder, dtype: float32, shape: []}\n  z: {op: placeholder, dtype: "
        "float32, shape: []}\n"
        "  y: x * 2\n  t: {op: group, inputs: y}\nfetches: [y]\nfeeds: [y]\n"
        "signatures:\n  f: {fetches: [y], targets: [t]}\n  g: {feeds: [z], fetches: [z]}\n");
    Graph *graph = build(s);
    cr_assert_eq(graph->feed_count, 3);
    cr_assert_eq(graph->signature_count, 2);
    cr_assert_eq(graph->signatures[0].feed_count, 1, "only x is needed");
    cr_assert_str_eq(graph->feeds[graph->signatures[0].feeds[0]].name, "x");
    cr_assert_null(graph->fetches[graph->signatures[0].targets[0]].value);
    cr_assert(node(graph, "y")->outputs[0]->is_feedable);
    arena_destroy(s->arena);
}

Test(build, named_sizes_can_be_fixed) {
    Source *s = source_open("nodes:\n  x: {op: placeholder, dtype: float32, shape: [batch, ?]}\n");
    const DimBinding binding = {"batch", 32};
    s->compilation.options.dim_bindings = &binding;
    s->compilation.options.dim_binding_count = 1;
    build_typed(s);
    check_type(s, "x", "float32 [32, ?]");
    arena_destroy(s->arena);
}

Test(build, errors_are_collected) {
    Source *s = source_open("nodes:\n  a: nothing + 1\n  b: {op: rellu, inputs: a}\n  c: "
                            "matmul(b)\n  d: {op: relu, inputs: b, wrong: 1}\n");
    source_build_from_file(&s->compilation, &s->file);
    cr_assert_eq(diagnostics_error_count(s->diagnostics), 4, "%s", source_said(s));
    arena_destroy(s->arena);
}

Test(build, what_is_refused) {
    check_said("nodes:\n  a: {op: constant, value: 1}\n  b: assign(a, 2)\n",
               "the target `a` is a constant");
    check_said("nodes:\n  a: {op: placeholder, dtype: float32, shape: [-1]}\n",
               "written null, or as a name");
    check_said("nodes:\n  a: {op: constant, value: [1, [2]]}\n", "equally deep");
    check_said("nodes:\n  x: 1.0\n  a: {op: relu, inputs: \"relu(x\"}\n", "end with `)`");
    check_said(
        "nodes:\n  p: {op: placeholder, dtype: int32, shape: []}\n  v: {op: variable, value: p}\n",
        "depends on `p`");
}

Test(build, a_long_chain_takes_linear_time_and_little_stack) {
    size_t count = 20000;
    char *text = malloc(count * 24 + 64), *end = text + sprintf(text, "nodes:\n  n0: 1.0\n");
    for (size_t i = 1; i < count; i++) end += sprintf(end, "  n%zu: n%zu + 1\n", i, i - 1);
    Source *s = source_open(text);
    build(s);
    arena_destroy(s->arena);
    free(text);
}
