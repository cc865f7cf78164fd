/* The order of nodes, reads behind writes, cycles, and the passes that take nodes away. */
#include "graph_support.h"

static Arena *arena;
static void set_up(void) {
    arena = arena_create();
}
static void tear_down(void) {
    arena_destroy(arena);
}
TestSuite(graph_order, .init = set_up, .fini = tear_down);

Test(graph_order, writes_keep_the_files_order_unless_data_says_otherwise) {
    /* w1 stands first but needs w3; w2 is in nobody's way and stays behind w1. */
    Compilation *c = inferred(arena, "nodes:\n"
                                     "  v: {op: variable, value: 1}\n"
                                     "  w1: assign(v, w3 + late)\n"
                                     "  w2: assign_add(v, 1)\n"
                                     "  w3: assign_add(v, 10)\n"
                                     "  late: {op: constant, value: 2}\n");
    cr_assert_eq(diagnostics_error_count(c->diagnostics), 0);
    cr_assert_lt(position_of(c, "w3"), position_of(c, "w1"));
    cr_assert_lt(position_of(c, "late"), position_of(c, "w1"));
    Compilation *d = inferred(arena, "nodes:\n"
                                     "  v: {op: variable, value: 1}\n"
                                     "  w1: assign(v, late * 2)\n"
                                     "  w2: assign(v, 3)\n"
                                     "  late: {op: placeholder, dtype: int32, shape: []}\n");
    cr_assert_lt(position_of(d, "w1"), position_of(d, "w2"));
}

Test(graph_order, two_variables_may_hold_each_other_up) {
    /* In the file's order a1 comes before a2 and b1 before b2; but a1 needs b2, and b1 needs a2.
     * One has to give way. */
    Compilation *c = inferred(arena, "nodes:\n"
                                     "  a: {op: variable, value: 1}\n"
                                     "  b: {op: variable, value: 1}\n"
                                     "  a1: assign(a, b2)\n"
                                     "  a2: assign_add(a, 1)\n"
                                     "  b1: assign(b, a2)\n"
                                     "  b2: assign_add(b, 1)\n");
    cr_assert_eq(diagnostics_error_count(c->diagnostics), 0);
    cr_assert_lt(position_of(c, "b2"), position_of(c, "a1"));
    cr_assert_lt(position_of(c, "a2"), position_of(c, "b1"));
}

Test(graph_order, a_read_behind_a_write_sees_it) {
    Compilation *c = inferred(arena, "nodes:\n"
                                     "  v: {op: variable, value: 1}\n"
                                     "  w: assign_add(v, 1)\n"
                                     "  late: {op: identity, inputs: v, after: [w]}\n"
                                     "  later: {op: identity, inputs: v + 0, after: [late]}\n"
                                     "  start: {op: identity, inputs: v}\n"
                                     "  data: w + v\n");
    const char *readers[] = {"late", "later", "start", "data"};
    OpCode expected[] = {OP_READ_VARIABLE, OP_ADD, OP_VARIABLE, OP_ASSIGN_ADD};
    for (int i = 0; i < 4; i++)
        cr_assert_eq(graph_find_node(c->graph, readers[i])->inputs[0]->node->row->code, expected[i],
                     "%s", readers[i]);
    cr_assert_eq(graph_find_node(c->graph, "later")->inputs[0]->node->inputs[0]->node->row->code,
                 OP_READ_VARIABLE);
    cr_assert_eq(graph_find_node(c->graph, "data")->inputs[1]->node->row->code, OP_VARIABLE);
}

Test(graph_order, cycles_are_printed_once_around) {
    Compilation *c = inferred(arena, "nodes:\n  a: b + 1\n  b: c * 2\n  c: a - 1\n  d: c + 1\n");
    cr_assert_eq(diagnostics_error_count(c->diagnostics), 1);
    cr_assert_not_null(strstr(diagnostics_text(arena, c), "cycle"));
}

Test(graph_order, simplify_share_and_prune) {
    Compilation *c = simplified(arena, "nodes:\n"
                                       "  x: {op: placeholder, dtype: float32, shape: [2, n]}\n"
                                       "  a: identity(transpose(transpose(x)))\n"
                                       "  b: x * 2\n"
                                       "  c: x * 2\n"
                                       "  unused: exp(x)\n"
                                       "  y: b + c\n"
                                       "  two: shape(x)[0]\n"
                                       "fetches: [a, y, two]\n");
    cr_assert_eq(diagnostics_error_count(c->diagnostics), 0, "%s", diagnostics_text(arena, c));
    cr_assert_eq(c->graph->fetches[0].value, graph_find_node(c->graph, "x")->outputs[0]);
    const GraphNode *y = c->graph->fetches[1].node;
    cr_assert_eq(y->inputs[0], y->inputs[1]);
    cr_assert_eq(c->graph->fetches[2].node->row->code, OP_CONSTANT);
    for (size_t i = 0; i < c->graph->node_count; i++)
        cr_assert_neq(c->graph->nodes[i]->row->code, OP_EXP);
}

Test(graph_order, nothing_looks_through_what_may_be_fed) {
    Compilation *c = simplified(arena, "nodes:\n"
                                       "  k: {op: constant, value: 3}\n"
                                       "  h: identity(k)\n"
                                       "  y: h + 1\n"
                                       "feeds: [k, h]\n"
                                       "fetches: [y]\n");
    cr_assert_eq(diagnostics_error_count(c->diagnostics), 0);
    const GraphNode *y = c->graph->fetches[0].node;
    cr_assert_eq(y->row->code, OP_ADD);
    cr_assert_eq(y->inputs[0]->node->row->code, OP_PLACEHOLDER_WITH_DEFAULT);
    cr_assert(y->inputs[0]->is_feedable);
}

/* Neither the stack nor the time grows faster than the graph. */
Test(graph_order, long_chains) {
    Text yaml = {.arena = arena};
    text_add(&yaml, "nodes:\n  a0: {op: placeholder, dtype: float32, shape: [n]}\n");
    for (int i = 20000; i > 0; i--) text_add_format(&yaml, "  a%d: a%d * 2\n", i, i - 1);
    text_add(&yaml, "fetches: [a20000]\n");
    Compilation *c = simplified(arena, yaml.bytes);
    cr_assert_eq(diagnostics_error_count(c->diagnostics), 0);
    cr_assert_geq(c->graph->node_count, 20001);
}
