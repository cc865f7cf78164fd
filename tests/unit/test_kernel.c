/* test_kernel.c: scalars and kernels: folding, sharing, the order of sums, rewriting, printing,
 * verifying. */
#include "kernels/kernel.h"
#include "kernels/scalar_evaluate.h"
#include "support/dtype.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <tfcc/abi.h>

static Arena *arena;
static Graph *graph;
static Program *program;
static Kernel *kernel;

static void open_kernel(void) {
    arena = arena_create();
    graph = graph_create(arena, diagnostics_create(arena), "g");
    program = program_create(arena, graph);
    kernel = kernel_create(program, KERNEL_STRUCTURED, "k", (Place){0}, NULL);
}

static void close_kernel(void) {
    arena_destroy(arena);
}

TestSuite(kernel, .init = open_kernel, .fini = close_kernel);

static Dim number(int64_t value) {
    return dim_constant(graph->dims, value);
}

static Shape shape_of(int rank, const int64_t *sizes) {
    Shape shape = {.rank = rank};
    for (int k = 0; k < rank; k++) shape.dims[k] = number(sizes[k]);
    return shape;
}

static Buffer *buffer_of(const char *name, tfcc_dtype dtype, int rank, const int64_t *sizes) {
    Shape shape = shape_of(rank, sizes);
    return program_add_temporary(program, name, dtype, &shape);
}

static Scalar *f32(double value) {
    return scalar_float(kernel, TFCC_FLOAT32, value);
}

static double value_of(const Scalar *scalar) {
    cr_assert_eq(scalar->op, SCALAR_CONSTANT);
    return bits_to_double(scalar->dtype, scalar->as.bits);
}

Test(kernel, equal_expressions_are_one_object) {
    Buffer *x = buffer_of("x", TFCC_FLOAT32, 1, (int64_t[]){8});
    Dim i = kernel_add_axis(kernel, number(8));
    Scalar *a = scalar_binary(kernel, SCALAR_ADD, scalar_load(kernel, x, &i), f32(1));
    Scalar *b = scalar_binary(kernel, SCALAR_ADD, scalar_load(kernel, x, &i), f32(1));
    cr_expect_eq(a, b);
    cr_expect_neq(a, scalar_binary(kernel, SCALAR_ADD, scalar_load(kernel, x, &i), f32(2)));
    cr_expect_neq(f32(0.0), f32(-0.0), "zeros of different signs are different constants");
}

Test(kernel, constants_fold) {
    cr_expect_eq(value_of(scalar_binary(kernel, SCALAR_MULTIPLY, f32(3), f32(0.5))), 1.5);
    cr_expect(isnan(value_of(scalar_binary(kernel, SCALAR_MAXIMUM, f32(1), f32(NAN)))));
    cr_expect(!signbit(value_of(scalar_binary(kernel, SCALAR_MAXIMUM, f32(0.0), f32(-0.0)))));
    cr_expect(signbit(value_of(scalar_binary(kernel, SCALAR_MINIMUM, f32(0.0), f32(-0.0)))));
    Scalar *least = scalar_integer(kernel, TFCC_INT32, INT32_MIN),
           *minus = scalar_integer(kernel, TFCC_INT32, -1);
    cr_expect_eq(
        bits_to_integer(TFCC_INT32, scalar_binary(kernel, SCALAR_DIVIDE, least, minus)->as.bits),
        INT32_MIN);
    cr_expect_eq(scalar_binary(kernel, SCALAR_REMAINDER, least, minus)->as.bits, 0);
    cr_expect_eq(
        scalar_binary(kernel, SCALAR_DIVIDE, least, scalar_integer(kernel, TFCC_INT32, 0))->as.bits,
        0);
    cr_expect_eq(scalar_unary(kernel, SCALAR_ABSOLUTE, least), least);
}

static int64_t converted(tfcc_dtype to, double from) {
    return bits_to_integer(
        to, scalar_convert(kernel, to, scalar_float(kernel, TFCC_FLOAT64, from))->as.bits);
}

Test(kernel, conversions_are_those_of_x86) {
    cr_expect_eq(converted(TFCC_INT32, 2.9), 2);
    cr_expect_eq(converted(TFCC_INT32, -2.9), -2);
    cr_expect_eq(converted(TFCC_INT32, 1e10), INT32_MIN);
    cr_expect_eq(converted(TFCC_INT32, NAN), INT32_MIN);
    cr_expect_eq(converted(TFCC_INT64, -1e30), INT64_MIN);
    cr_expect_eq(converted(TFCC_INT8, 300), 44);
    cr_expect_eq(converted(TFCC_UINT8, -1), 255);
    cr_expect_eq((uint64_t)converted(TFCC_UINT64, 0x1p63), UINT64_C(1) << 63);
    cr_expect_eq(converted(TFCC_BOOL, NAN), 1);
    cr_expect_eq(converted(TFCC_BOOL, 0), 0);
    Scalar *half = scalar_convert(kernel, TFCC_FLOAT16, scalar_float(kernel, TFCC_FLOAT64, 65520));
    cr_expect(isinf(bits_to_double(TFCC_FLOAT16, half->as.bits)));
}

Test(kernel, arithmetic_on_narrow_floats_is_float32) {
    Buffer *x = buffer_of("x", TFCC_FLOAT16, 1, (int64_t[]){8});
    Dim i = kernel_add_axis(kernel, number(8));
    Scalar *load = scalar_load(kernel, x, &i);
    Scalar *sum = scalar_binary(kernel, SCALAR_ADD, load, load);
    cr_expect_eq(sum->dtype, TFCC_FLOAT16);
    cr_expect_eq(sum->op, SCALAR_CONVERT);
    cr_expect_eq(sum->operands[0]->dtype, TFCC_FLOAT32);
    cr_expect_eq(scalar_convert(kernel, TFCC_FLOAT16, scalar_convert(kernel, TFCC_FLOAT32, load)),
                 load, "there and back is nothing");
}

Test(kernel, indices_are_dims) {
    Dim i = kernel_add_axis(kernel, number(8)), j = kernel_add_axis(kernel, number(4));
    Scalar *a = scalar_index(kernel, i), *b = scalar_index(kernel, j);
    Scalar *flat = scalar_binary(
        kernel, SCALAR_ADD,
        scalar_binary(kernel, SCALAR_MULTIPLY, a, scalar_integer(kernel, TFCC_INT64, 4)), b);
    cr_expect_eq(flat->op, SCALAR_INDEX);
    cr_expect_eq(scalar_binary(kernel, SCALAR_DIVIDE, flat, scalar_integer(kernel, TFCC_INT64, 4)),
                 a);
    cr_expect_eq(
        scalar_binary(kernel, SCALAR_REMAINDER, flat, scalar_integer(kernel, TFCC_INT64, 4)), b);
    cr_expect_eq(
        scalar_binary(kernel, SCALAR_LESS, a, scalar_integer(kernel, TFCC_INT64, 8))->as.bits, 1,
        "an axis is below its size");
    cr_expect_eq(
        scalar_binary(kernel, SCALAR_LESS, a, scalar_integer(kernel, TFCC_INT64, 0))->as.bits, 0);
    cr_expect_eq(scalar_binary(kernel, SCALAR_SUBTRACT, a, a)->op, SCALAR_CONSTANT);
}

static Scalar *sum_of(Buffer *x, bool last) {
    Dim i = kernel_add_axis(kernel, number(3)), r = kernel_add_reduce_axis(kernel, number(1000));
    return kernel_reduce(kernel, COMBINE_ADD, &r, 1,
                         scalar_load(kernel, x, (Dim[]){last ? i : r, last ? r : i}));
}

Test(kernel, sums_along_memory_have_lanes) {
    Buffer *x = buffer_of("x", TFCC_FLOAT32, 2, (int64_t[]){1000, 1000});
    cr_expect_eq(sum_of(x, true)->as.reduce.lanes, 64);
    cr_expect_eq(sum_of(x, false)->as.reduce.lanes, 1);
    Buffer *n = buffer_of("n", TFCC_INT32, 2, (int64_t[]){1000, 1000});
    cr_expect_eq(sum_of(n, true)->as.reduce.lanes, 1, "the order of integers does not matter");
    Dim r = kernel_add_reduce_axis(kernel, number(20));
    Scalar *small =
        kernel_reduce(kernel, COMBINE_ADD, &r, 1, scalar_load(kernel, x, (Dim[]){number(0), r}));
    cr_expect_eq(small->as.reduce.lanes, 1);
}

Test(kernel, load_conditions_fold) {
    Buffer *x = buffer_of("x", TFCC_FLOAT32, 1, (int64_t[]){8});
    Scalar *zero = scalar_integer(kernel, TFCC_INT64, 0), *other = f32(5);
    cr_expect_eq(scalar_load_if(kernel, x, &zero, scalar_integer(kernel, TFCC_BOOL, 0), other),
                 other);
    cr_expect_null(scalar_load_if(kernel, x, &zero, scalar_integer(kernel, TFCC_BOOL, 1), other)
                       ->as.load.condition);
}

static Scalar *twice_for_x(void *context, ScalarRewrite *rewrite, Scalar *load) {
    if (load->as.load.buffer != context) return NULL;
    Scalar *copy = scalar_load_at(rewrite->to, load->as.load.buffer,
                                  (Scalar *[]){scalar_rewrite(rewrite, load->as.load.index[0])});
    return scalar_binary(rewrite->to, SCALAR_ADD, copy, copy);
}

Test(kernel, rewriting_replaces_axes_and_loads) {
    Buffer *x = buffer_of("x", TFCC_FLOAT32, 1, (int64_t[]){100});
    Dim i = kernel_add_axis(kernel, number(10)), r = kernel_add_reduce_axis(kernel, number(10));
    Dim at = dim_add(graph->dims, dim_multiply(graph->dims, i, number(10)), r);
    Scalar *sum = kernel_reduce(kernel, COMBINE_ADD, &r, 1, scalar_load(kernel, x, &at));
    Kernel *other = kernel_create(program, KERNEL_STRUCTURED, "other", (Place){0}, NULL);
    Dim a = kernel_add_axis(other, number(2)), b = kernel_add_axis(other, number(5));
    Dim joined = dim_add(graph->dims, dim_multiply(graph->dims, a, number(5)), b);
    ScalarRewrite rewrite = {.from = kernel,
                             .to = other,
                             .old_axes = &i,
                             .new_axes = &joined,
                             .axis_count = 1,
                             .replace_load = twice_for_x,
                             .context = x};
    Scalar *copy = scalar_rewrite(&rewrite, sum);
    cr_assert_eq(copy->op, SCALAR_REDUCE);
    cr_expect_eq(copy->as.reduce.axes[0]->axis, 2,
                 "its reduce axis has a number of the other kernel");
    cr_expect_eq(copy->as.reduce.body->op, SCALAR_ADD);
    cr_expect_eq(scalar_rewrite(&rewrite, sum), copy);
}

Test(kernel, prints_and_verifies) {
    Buffer *x = buffer_of("x", TFCC_FLOAT32, 2, (int64_t[]){32, 784}),
           *w = buffer_of("w", TFCC_FLOAT32, 2, (int64_t[]){784, 10});
    Buffer *y = buffer_of("y", TFCC_FLOAT32, 2, (int64_t[]){32, 10});
    Dim i = kernel_add_axis(kernel, number(32)), j = kernel_add_axis(kernel, number(10)),
        k = kernel_add_reduce_axis(kernel, number(784));
    Scalar *product = scalar_binary(kernel, SCALAR_MULTIPLY, scalar_load(kernel, x, (Dim[]){i, k}),
                                    scalar_load(kernel, w, (Dim[]){k, j}));
    Scalar *sum = kernel_reduce(kernel, COMBINE_ADD, &k, 1, product);
    kernel_store(kernel, y, scalar_binary(kernel, SCALAR_MAXIMUM, sum, f32(0)));
    Text text = {.arena = arena};
    kernel_print(&text, kernel);
    cr_expect_str_eq(
        text.bytes,
        "kernel k: parallel i0 < 32, i1 < 10\n"
        "    y[i0, i1] = maximum((reduce add i2 < 784: (x[i0, i2] * w[i2, i1])), 0.0)\n");
    char message[200];
    cr_expect(program_verify(program, message, sizeof message), "%s", message);
    kernel->outputs[0].value = scalar_integer(kernel, TFCC_INT32, 1);
    cr_expect_not(program_verify(program, message, sizeof message));
    cr_expect_str_eq(message, "kernel k: stores int32 to y of float32");
}

Test(kernel, combining_stores_need_a_start) {
    Buffer *y = buffer_of("y", TFCC_FLOAT32, 1, (int64_t[]){4});
    Dim i = kernel_add_axis(kernel, number(4));
    KernelOutput *store = kernel_store_at(kernel, y, (Scalar *[]){scalar_index(kernel, i)}, f32(1));
    store->combine = COMBINE_ADD;
    char message[200];
    cr_expect_not(program_verify(program, message, sizeof message));
    cr_expect_str_eq(message, "kernel k: y starts from nothing");
}

/* One step of a sum: row[i] += x[t, i], shown in y[t, i]. */
static Kernel *running_sum(Buffer *x, Buffer *row, Buffer *y) {
    Kernel *group = kernel_create(program, KERNEL_GROUP, "g", (Place){0}, NULL);
    kernel_add_axis(group, number(5));
    Kernel *add = kernel_create_member(group, "add"), *show = kernel_create_member(group, "show");
    Dim t = add->axes[0], i = kernel_add_axis(add, number(3)), j = kernel_add_axis(show, number(3));
    Scalar *sum = scalar_binary(add, SCALAR_ADD, scalar_load(add, row, &i),
                                scalar_load(add, x, (Dim[]){t, i}));
    kernel_store_at(add, row, (Scalar *[]){scalar_index(add, i)}, sum);
    kernel_store(show, y, scalar_load(show, row, &j));
    kernel_gather_members(group);
    return group;
}

Test(kernel, groups_are_one_kernel_of_many) {
    Buffer *x = buffer_of("x", TFCC_FLOAT32, 2, (int64_t[]){5, 3}),
           *row = buffer_of("row", TFCC_FLOAT32, 1, (int64_t[]){3}),
           *y = buffer_of("y", TFCC_FLOAT32, 2, (int64_t[]){5, 3});
    Kernel *group = running_sum(x, row, y);
    Text text = {.arena = arena};
    kernel_print(&text, group);
    cr_expect_str_eq(text.bytes, "group g: for i0 < 5\n"
                                 "    kernel add: parallel i1 < 3\n"
                                 "        row[i1] = (row[i1] + x[i0, i1])\n"
                                 "    kernel show: parallel i1 < 3\n"
                                 "        y[i0, i1] = row[i1]\n");
    char message[200];
    cr_expect(program_verify(program, message, sizeof message), "%s", message);
    cr_expect_eq(group->output_count, 2);
}

Test(kernel, members_load_what_they_store_at_the_same_element) {
    Buffer *row = buffer_of("row", TFCC_FLOAT32, 1, (int64_t[]){3});
    Kernel *group = kernel_create(program, KERNEL_GROUP, "g", (Place){0}, NULL);
    kernel_add_axis(group, number(5));
    Kernel *shift = kernel_create_member(group, "shift");
    Dim i = kernel_add_axis(shift, number(3)), k = kernel_add_reduce_axis(shift, number(3));
    Scalar *sum = kernel_reduce(shift, COMBINE_ADD, &k, 1, scalar_load(shift, row, &k));
    kernel_store_at(shift, row, (Scalar *[]){scalar_index(shift, i)}, sum);
    kernel_gather_members(group);
    char message[200];
    cr_expect_not(program_verify(program, message, sizeof message));
    cr_expect_str_eq(message, "kernel shift: it loads row at another element than it stores");
}

Test(kernel, waits_are_kept_once) {
    Kernel *later = kernel_create(program, KERNEL_STRUCTURED, "later", (Place){0}, NULL);
    kernel_add_after(later, kernel);
    kernel_add_after(later, kernel);
    kernel_add_after(later, later);
    cr_expect_eq(later->after_count, 1);
}
