/* test_fuse.c: what members of groups take in, on groups made by hand. */
#include "compilation.h"
#include "kernels/fuse.h"
#include "kernels/kernel.h"
#include <criterion/criterion.h>
#include <tfcc/abi.h>

static Arena *arena;
static Compilation compilation;
static Program *program;
static Buffer *x, *row, *part;
static Kernel *group;

/* x [5, 3] is fed, row [3] is the group's state, part [3] is computed by every step anew. */
static void open_group(void) {
    arena = arena_create();
    compilation = (Compilation){.arena = arena, .diagnostics = diagnostics_create(arena)};
    compilation.graph = graph_create(arena, compilation.diagnostics, "g");
    compilation.program = program = program_create(arena, compilation.graph);
    DimTable *dims = compilation.graph->dims;
    Shape one = {.rank = 1, .dims = {dim_constant(dims, 3)}};
    Shape all = {.rank = 2, .dims = {dim_constant(dims, 5), dim_constant(dims, 3)}};
    x = program_add_buffer(program, TFCC_ABI_PLACEHOLDER, "x", (Type){TFCC_FLOAT32, all});
    row = program_add_temporary(program, "row", TFCC_FLOAT32, &one);
    part = program_add_temporary(program, "part", TFCC_FLOAT32, &one);
    row->is_fetchable = true;
    group = kernel_create(program, KERNEL_GROUP, "group", (Place){0}, NULL);
    kernel_add_axis(group, all.dims[0]);
}

static void close_group(void) {
    arena_destroy(arena);
}

TestSuite(fuse, .init = open_group, .fini = close_group);

/* target[i] = a[i] + b[i]; x is read at the step. */
static Kernel *add_member(const char *name, Buffer *target, Buffer *a, Buffer *b) {
    Kernel *member = kernel_create_member(group, name);
    Dim t = member->axes[0], i = kernel_add_axis(member, row->type.shape.dims[0]);
    Scalar *terms[2];
    for (int k = 0; k < 2; k++) {
        Buffer *from = k ? b : a;
        terms[k] = scalar_load(member, from, from == x ? (Dim[]){t, i} : &i);
    }
    kernel_store_at(member, target, (Scalar *[]){scalar_index(member, i)},
                    scalar_binary(member, SCALAR_ADD, terms[0], terms[1]));
    return member;
}

static const char *fused(void) {
    char message[200];
    kernel_gather_members(group);
    cr_assert(program_verify(program, message, sizeof message), "%s", message);
    cr_assert(fuse_program(&compilation));
    cr_assert(program_verify(program, message, sizeof message), "%s", message);
    Text text = {.arena = arena};
    kernel_print(&text, group);
    return text.bytes;
}

Test(fuse, members_take_in_what_their_step_has_computed) {
    add_member("part", part, x, x);
    add_member("row", row, row, part);
    cr_expect_str_eq(fused(), "group group: for i0 < 5\n"
                              "    kernel row: parallel i1 < 3\n"
                              "        row[i1] = (row[i1] + (x[i0, i1] + x[i0, i1]))\n");
}

Test(fuse, members_leave_what_is_overwritten_in_between) {
    Buffer *other = program_add_temporary(program, "other", TFCC_FLOAT32, &row->type.shape);
    other->is_fetchable = true;
    add_member("part", part, row, x);
    add_member("row", row, row, x);
    add_member("other", other, part, x);
    cr_expect_str_eq(fused(), "group group: for i0 < 5\n"
                              "    kernel part: parallel i1 < 3\n"
                              "        # what it loads is overwritten before\n"
                              "        part[i1] = (row[i1] + x[i0, i1])\n"
                              "    kernel row: parallel i1 < 3\n"
                              "        # it is passed on from step to step\n"
                              "        row[i1] = (row[i1] + x[i0, i1])\n"
                              "    kernel other: parallel i1 < 3\n"
                              "        other[i1] = (part[i1] + x[i0, i1])\n");
}

Test(fuse, members_leave_what_comes_from_the_step_before) {
    add_member("row", row, row, part);
    add_member("part", part, x, x);
    cr_expect_str_eq(fused(), "group group: for i0 < 5\n"
                              "    kernel row: parallel i1 < 3\n"
                              "        row[i1] = (row[i1] + part[i1])\n"
                              "    kernel part: parallel i1 < 3\n"
                              "        # it is passed on from step to step\n"
                              "        part[i1] = (x[i0, i1] + x[i0, i1])\n");
}

Test(fuse, what_follows_a_group_reads_its_results) {
    Buffer *later = program_add_temporary(program, "later", TFCC_FLOAT32, &row->type.shape);
    later->is_fetchable = true;
    add_member("part", part, x, x);
    Kernel *kernel = kernel_create(program, KERNEL_STRUCTURED, "later", (Place){0}, NULL);
    Dim i = kernel_add_axis(kernel, row->type.shape.dims[0]);
    kernel_store(kernel, later, scalar_load(kernel, part, &i));
    cr_expect_str_eq(fused(), "group group: for i0 < 5\n"
                              "    kernel part: parallel i1 < 3\n"
                              "        # it goes on step by step\n"
                              "        part[i1] = (x[i0, i1] + x[i0, i1])\n");
    cr_expect_not(kernel->is_dead);
}

Test(fuse, results_that_nobody_asks_for_are_not_stored) {
    Kernel *member = add_member("row", row, row, x);
    Buffer *all = program_add_temporary(program, "all", TFCC_FLOAT32, &x->type.shape);
    kernel_store(member, all, member->outputs[0].value);
    cr_expect_str_eq(fused(), "group group: for i0 < 5\n"
                              "    kernel row: parallel i1 < 3\n"
                              "        row[i1] = (row[i1] + x[i0, i1])\n");
}
