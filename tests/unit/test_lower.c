/* test_lower.c: what nodes become: aliases and copies, checks, order, guards, state. */
#include "compilation.h"
#include "kernels/fuse.h"
#include "kernels/kernel.h"
#include "passes/passes.h"
#include "source/build.h"
#include <criterion/criterion.h>
#include <string.h>
#include <tfcc/abi.h>

static Arena *arena;
static Compilation compilation;

static void open_compilation(void) {
    arena = arena_create();
    compilation = (Compilation){.arena = arena, .diagnostics = diagnostics_create(arena)};
}

static void close_compilation(void) {
    arena_destroy(arena);
}

TestSuite(lower, .init = open_compilation, .fini = close_compilation);

/* Lowers the text of a graph. */
static Program *lower(const char *text) {
    SourceFile *file = arena_alloc(arena, sizeof *file);
    *file = (SourceFile){.path = "test.yaml", .bytes = text, .length = strlen(text)};
    static bool (*const passes[])(Compilation *) = {pass_feeds, pass_order, pass_infer, pass_expand,
                                                    lower_graph};
    bool done = source_build_from_file(&compilation, file);
    for (size_t k = 0; k < sizeof passes / sizeof *passes && done; k++)
        done = passes[k](&compilation);
    if (!done) diagnostics_print(compilation.diagnostics, stderr);
    cr_assert(done);
    char message[300];
    cr_assert(program_verify(compilation.program, message, sizeof message), "%s", message);
    return compilation.program;
}

static Buffer *buffer_of(const char *name) {
    return graph_find_node(compilation.graph, name)->outputs[0]->buffer;
}

/* The last kernel that stores into the buffer, or NULL. */
static Kernel *kernel_of(const Program *program, const char *name) {
    const Buffer *buffer = buffer_root(buffer_of(name));
    for (size_t k = program->kernel_count; k-- > 0;)
        for (size_t o = 0; o < program->kernels[k]->output_count; o++)
            if (program->kernels[k]->outputs[o].buffer == buffer) return program->kernels[k];
    return NULL;
}

static bool waits_for(const Kernel *kernel, const Kernel *earlier) {
    for (size_t k = 0; k < kernel->after_count; k++)
        if (kernel->after[k] == earlier) return true;
    return false;
}

/* The check that the kernel waits for. */
static const KernelCheck *check_of(const Kernel *kernel) {
    for (size_t k = 0; k < kernel->after_count; k++)
        if (kernel->after[k]->check_count) return &kernel->after[k]->checks[0];
    return NULL;
}

Test(lower, reshapes_show_the_same_bytes) {
    lower("nodes:\n"
          "  x: {op: placeholder, dtype: float32, shape: [2, 6]}\n"
          "  y: reshape(x, [3, 4])\n"
          "  z: expand_dims(y, 0)\n");
    cr_expect_eq(buffer_of("y")->alias_of, buffer_of("x"));
    cr_expect_eq(buffer_of("z")->alias_of, buffer_of("x"), "an alias is of the root");
    cr_expect_eq(compilation.program->kernel_count, 0);
}

Test(lower, what_may_change_is_copied) {
    Program *program = lower("nodes:\n"
                             "  v: {op: variable, value: [1, 2]}\n"
                             "  w: {op: variable, value: [1, 2]}\n"
                             "  y: identity(v)\n"
                             "  z: identity(w)\n"
                             "  a: assign(w, [3, 4])\n");
    cr_expect_eq(buffer_of("y")->alias_of, buffer_of("v"), "nothing writes v");
    cr_expect_null(buffer_of("z")->alias_of);
    cr_expect_not_null(kernel_of(program, "z"));
    cr_expect_eq(buffer_of("a")->kind, TFCC_ABI_WRITE);
}

Test(lower, a_feedable_value_has_bytes_of_its_own) {
    lower("nodes:\n"
          "  x: {op: placeholder, dtype: float32, shape: [2]}\n"
          "  y: {op: placeholder_with_default, input: x, shape: [2]}\n");
    cr_expect_null(buffer_of("y")->alias_of);
    cr_expect(buffer_of("y")->is_feedable);
}

Test(lower, division_of_integers_is_checked) {
    Program *program = lower("nodes:\n"
                             "  x: {op: placeholder, dtype: int32, shape: [n]}\n"
                             "  y: {op: placeholder, dtype: int32, shape: [n]}\n"
                             "  q: x // y\n"
                             "  c: x // [3]\n"
                             "  f: cast(x, float32) // cast(y, float32)\n");
    const KernelCheck *check = check_of(kernel_of(program, "q"));
    cr_assert_not_null(check);
    cr_expect_str_eq(check->message, "node 'q' (floordiv): Integer division by zero");
    cr_expect_null(check_of(kernel_of(program, "c")), "a constant that passes");
    cr_expect_null(check_of(kernel_of(program, "f")));
}

Test(lower, indices_are_checked) {
    Program *program = lower("nodes:\n"
                             "  x: {op: placeholder, dtype: float32, shape: [3, 2]}\n"
                             "  i: {op: placeholder, dtype: int32, shape: [a, b]}\n"
                             "  y: gather(x, i)\n"
                             "  z: gather(x, [0, 2])\n");
    const KernelCheck *check = check_of(kernel_of(program, "y"));
    cr_assert_not_null(check);
    cr_expect_str_eq(check->message,
                     "node 'y' (gather): indices[%0,%1] = %2 is not in [%{3}, %{4})");
    cr_expect_null(check_of(kernel_of(program, "z")));
}

Test(lower, requirements_become_checks) {
    Program *program = lower("nodes:\n"
                             "  x: {op: placeholder, dtype: float32, shape: [a]}\n"
                             "  y: {op: placeholder, dtype: float32, shape: [b]}\n"
                             "  z: x + y\n"
                             "  r: reshape(x, [2, -1])\n");
    cr_assert_not_null(check_of(kernel_of(program, "z")));
    cr_expect_eq(check_of(kernel_of(program, "z"))->status, TFCC_INVALID_ARGUMENT);
    cr_assert_not_null(kernel_of(program, "r"), "a copy carries the check on");
    cr_expect_not_null(check_of(kernel_of(program, "r")));
}

Test(lower, after_orders_kernels) {
    Program *program = lower("nodes:\n"
                             "  v: {op: variable, value: 1.0}\n"
                             "  a: assign(v, 2.0)\n"
                             "  g: {op: group, inputs: [a]}\n"
                             "  x: {op: placeholder, dtype: float32, shape: []}\n"
                             "  y: {op: identity, inputs: x, after: [g]}\n");
    cr_assert_not_null(kernel_of(program, "y"), "an identity that waits is a copy");
    cr_expect(waits_for(kernel_of(program, "y"), kernel_of(program, "a")),
              "a group stands for what it names");
}

Test(lower, sizes_that_are_computed_are_bound) {
    Program *program = lower("nodes:\n"
                             "  n: {op: placeholder, dtype: int32, shape: []}\n"
                             "  m: n * n\n"
                             "  y: fill([m], 1.5)\n");
    const Kernel *fill = kernel_of(program, "y");
    const Kernel *bind = NULL;
    for (size_t k = 0; k < program->kernel_count; k++)
        if (program->kernels[k]->kind == KERNEL_BIND) bind = program->kernels[k];
    cr_assert_not_null(bind);
    cr_expect(waits_for(fill, bind));
    cr_expect_lt(bind->number, fill->number);
}

Test(lower, cond_copies_one_branch) {
    Program *program = lower("nodes:\n"
                             "  p: {op: placeholder, dtype: bool, shape: []}\n"
                             "  x: {op: placeholder, dtype: float32, shape: [2]}\n"
                             "  y: {op: cond, inputs: p, then: {nodes: {a: x + 1.0}, fetches: [a]},"
                             " else: {nodes: {b: x * 2.0}, fetches: [b]}}\n");
    size_t stores = 0;
    for (size_t k = 0; k < program->kernel_count; k++) {
        const Kernel *kernel = program->kernels[k];
        for (size_t o = 0; o < kernel->output_count; o++) {
            if (kernel->outputs[o].buffer != buffer_of("y")) continue;
            stores++;
            cr_assert_not_null(kernel->guard);
            cr_expect_eq(kernel->guard->wanted, stores == 1);
        }
    }
    cr_expect_eq(stores, 2);
}

Test(lower, initial_values_are_writes_of_their_own) {
    Program *program = lower("nodes:\n"
                             "  v: {op: variable, value: {op: random_normal, shape: [4]}}\n"
                             "  w: {op: variable, value: {op: random_normal, shape: [4]}}\n");
    cr_assert_not_null(program->initial_writes[0]);
    cr_expect_eq(program->initial_writes[0]->kind, TFCC_ABI_WRITE);
    cr_expect_neq(program->initial_writes[0], program->initial_writes[1]);
}

Test(lower, labels_in_messages_are_escaped) {
    Program *program = lower("nodes:\n"
                             "  x: {op: placeholder, dtype: int32, shape: [n]}\n"
                             "  '100% y': x // x\n");
    cr_expect_str_eq(check_of(kernel_of(program, "100% y"))->message,
                     "node '100%% y' (floordiv): Integer division by zero");
}

/* Without the passes that fold small constants. */
Test(lower, constants_that_are_only_moved_are_constants) {
    Program *program = lower("nodes:\n"
                             "  w: {op: constant, value: [[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]}\n"
                             "  turned: transpose(w[0])\n"
                             "  backwards: reverse(turned, [0])\n"
                             "  y: turned * 2.0\n"
                             "  z: {op: broadcast_to, inputs: [backwards, [2, 3, 2]]}\n"
                             "fetches: [y, z]\n");
    cr_assert(arrange_constants(&compilation));
    const Buffer *turned = buffer_of("turned"), *backwards = buffer_of("backwards");
    cr_assert_eq(turned->kind, TFCC_ABI_CONSTANT);
    cr_expect_arr_eq(turned->constant->bytes, ((float[]){1, 4, 2, 5, 3, 6}), 24);
    cr_expect_arr_eq(backwards->constant->bytes, ((float[]){3, 6, 2, 5, 1, 4}), 24);
    cr_expect(!kernel_of(program, "turned") && !kernel_of(program, "backwards"));
    cr_expect(kernel_of(program, "y"), "it is computed");
    cr_expect(kernel_of(program, "z"), "it is stretched");
    char message[200];
    cr_expect(program_verify(program, message, sizeof message), "%s", message);
}
