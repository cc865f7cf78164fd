/* Inference: dtypes by letters, weak numbers, symbolic shapes and contents, requirements, limits.
 */
#include "graph_support.h"

static Arena *arena;
static void set_up(void) {
    arena = arena_create();
}
static void tear_down(void) {
    arena_destroy(arena);
}
TestSuite(infer, .init = set_up, .fini = tear_down);

/* The type of `y: EXPRESSION` over a few placeholders, or the first line of the diagnostic. */
static const char *type_or_error(const char *expression) {
    const char *yaml = arena_format(arena,
                                    "nodes:\n"
                                    "  x: {op: placeholder, dtype: float32, shape: [batch, 6]}\n"
                                    "  u: {op: placeholder, dtype: float32, shape: [null, 6]}\n"
                                    "  i: {op: placeholder, dtype: int32, shape: [3]}\n"
                                    "  h: {op: placeholder, dtype: float16, shape: []}\n"
                                    "  n: {op: placeholder, dtype: int32, shape: []}\n"
                                    "  b: {op: placeholder, dtype: bool, shape: [batch]}\n"
                                    "  w: {op: placeholder, dtype: float32}\n"
                                    "  z: {op: placeholder, dtype: float32, shape: [0, 4]}\n"
                                    "  y: %s\n",
                                    expression);
    Compilation *c = inferred(arena, yaml);
    if (diagnostics_error_count(c->diagnostics) == 0) return type_of(c, "y");
    const char *text = diagnostics_text(arena, c), *at = strstr(text, "error: ");
    return at ? arena_copy_text(arena, at + 7, strcspn(at + 7, "\n")) : text;
}

static const struct {
    const char *expression, *type;
} types[] = {
    {"x + 1", "float32 [batch, 6]"},
    {"h * 0.1", "float16 []"},
    {"\"`n` / 2\"", "float64 []"},
    {"1 + 2", "int32 []"},
    {"concat([x, x, u], axis=0)", "float32 [2*batch + u.shape[0], 6]"},
    {"reshape(x, [-1])", "float32 [6*batch]"},
    {"reshape(x, [-1, 3])", "float32 [2*batch, 3]"},
    {"reshape(x, [shape(x)[0], 2, 3])", "float32 [batch, 2, 3]"},
    {"x[1:]", "float32 [max(0, batch - 1), 6]"},
    {"x[:, ::-2]", "float32 [batch, 3]"},
    {"x[:, None, 2]", "float32 [batch, 1]"},
    {"x[..., -1]", "float32 [batch]"},
    {"matmul(x, x, transpose_b=true)", "float32 [batch, batch]"},
    {"einsum('bi,bj->ij', x, x)", "float32 [6, 6]"},
    {"tensordot(x, x, axes=[[0], [0]])", "float32 [6, 6]"},
    {"argmax(x, axis=1)", "int64 [batch]"},
    {"shape(x)", "int32 [2]"},
    {"size(x, out_type=int64)", "int64 []"},
    {"one_hot(i, 4)", "float32 [3, 4]"},
    {"one_hot(i, n)", "float32 [3, n]"},
    {"range(n)", "int32 [max(0, n)]"},
    {"range(0, 1, 0.25)", "float32 [4]"},
    {"fill([n, 2], 1.0)", "float32 [n, 2]"},
    {"tile(x, [2, n])", "float32 [2*batch, 6*n]"},
    {"pad(x, [[1, 2], [0, n]])", "float32 [batch + 3, n + 6]"},
    {"boolean_mask(x, b)", "float32 [y/count_nonzero, 6]"},
    {"where(b)", "int64 [y/count_nonzero, 1]"},
    {"gather(x, i)", "float32 [3, 6]"},
    {"gather(x, i, axis=1)", "float32 [batch, 3]"},
    {"transpose(x)", "float32 [6, batch]"},
    {"w + x", "float32 [...]"},
    {"rank(w)", "int32 []"},
    {"reduce_sum(w)", "float32 []"},
    {"reshape(w, [2, -1])", "float32 [2, "},
    {"reduce_mean(z, axis=0)", "float32 [4]"},
    {"matmul(z, reshape(z, [4, -1]))", "float32 [0, 0]"},
    {"reshape(z, [0, -1])", "the size -1"},
    {"cast(x, int8)", "int8 [batch, 6]"},
    {"bitcast(x, uint8)", "uint8 [batch, 6, 4]"},
    {"diag(i, k=1)", "int32 [4, 4]"},
    {"eye(3, dtype=int8)", "int8 [3, 3]"},
    {"linspace(0.0, 1.0, 5)", "float32 [5]"},
    {"zeros_like(x, dtype=bool)", "bool [batch, 6]"},
    {"stack([x, x], axis=-1)", "float32 [batch, 6, 2]"},
    /* what is refused */
    {"x + i", "does not match"},
    {"i + 1.5", "int32 is needed here"},
    {"cast(i, int8) + 300", "300 does not fit int8"},
    {"sqrt(i)", "it has to be a floating point dtype"},
    {"z @ z", "inner sizes differ"},
    {"x + reshape(i, [3])", "does not match"},
    {"cast(i, float32) + x", "cannot broadcast [3] against [batch, 6]"},
    {"concat([x, z], axis=0)", "sizes differ elsewhere"},
    {"reduce_sum(x, axis=2)", "out of range"},
    {"reduce_sum(x, axis=[0, 0])", "twice"},
    {"reshape(i, [2])", "do not fill"},
    {"expand_dims(zeros([1, 1, 1, 1, 1, 1, 1, 1]), 0)", "at most 8"},
    {"zeros([3000000000, 3000000000, 3000000000])", "too large"},
    {"zeros([2000000000, 2000000000])", "too large"},
    {"zeros([-2])", "negative"},
    {"softmax(w)", "no known rank"},
    {"transpose(x, perm=[0, 0])", "twice"},
    {"einsum('ij,jk->ik', x)", "more terms than"},
    {"random_uniform([2], dtype=int32)", "needs a maxval"},
    {"unstack(x)", "say it by `num`"},
};

Test(infer, types_and_errors) {
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const char *got = type_or_error(types[i].expression);
        cr_expect(strstr(got, types[i].type), "%s: %s, not %s", types[i].expression, got,
                  types[i].type);
    }
}

Test(infer, what_depends_on_the_run_becomes_a_requirement) {
    Compilation *c = inferred(arena, "nodes:\n"
                                     "  x: {op: placeholder, dtype: float32, shape: [null, 4]}\n"
                                     "  z: {op: placeholder, dtype: float32, shape: [null, 4]}\n"
                                     "  y: x + z\n"
                                     "  same: x + x\n"
                                     "  r: reshape(x, [2, 6])\n");
    cr_assert_eq(diagnostics_error_count(c->diagnostics), 0);
    const Requirement *requirements;
    cr_assert_eq(infer_requirements(c->graph, graph_find_node(c->graph, "same"), &requirements), 0);
    cr_assert_eq(infer_requirements(c->graph, graph_find_node(c->graph, "r"), &requirements), 1);
    cr_assert_eq(infer_requirements(c->graph, graph_find_node(c->graph, "y"), &requirements), 1);
    cr_assert_str_eq(requirements[0].message,
                     "add 'y': cannot broadcast [%0, 4] against [%1, 4] (x and z)");
    cr_assert_eq(requirements[0].value_count, 2);
    int64_t fits[] = {3, 1}, differ[] = {3, 2};
    cr_assert_neq(dim_evaluate(requirements[0].condition, fits, NULL), 0);
    cr_assert_eq(dim_evaluate(requirements[0].condition, differ, NULL), 0);
}

Test(infer, contents_follow_shape_arithmetic) {
    Compilation *c = inferred(arena, "nodes:\n"
                                     "  x: {op: placeholder, dtype: float32, shape: [n, 4]}\n"
                                     "  s: shape(x)\n"
                                     "  p: reduce_prod(s)\n"
                                     "  q: where(s[1] > 3, s[0] * 2, 7)\n"
                                     "  y: reshape(x, stack([q, p // s[0] // 2]))\n");
    cr_assert_str_eq(type_of(c, "y"), "float32 [2*n, 2]");
}

Test(infer, one_wrong_node_does_not_bring_others_down) {
    Compilation *c = inferred(arena, "nodes:\n"
                                     "  x: {op: placeholder, dtype: float32, shape: [2, 3]}\n"
                                     "  a: x @ x\n"
                                     "  b: a + 1\n"
                                     "  c: sqrt(shape(x))\n");
    cr_assert_eq(diagnostics_error_count(c->diagnostics), 2);
}
