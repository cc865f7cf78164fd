/* test_interpret.c: the interpreter on kernels made by hand. */
#include "kernels/interpret.h"
#include "kernels/scalar_evaluate.h"
#include <criterion/criterion.h>
#include <string.h>
#include <tfcc/abi.h>

static Arena *arena;
static Graph *graph;
static Program *program;

static void open_program(void) {
    arena = arena_create();
    graph = graph_create(arena, diagnostics_create(arena), "g");
    program = program_create(arena, graph);
}

static void close_program(void) {
    arena_destroy(arena);
}

TestSuite(interpret, .init = open_program, .fini = close_program);

static Dim number(int64_t value) {
    return dim_constant(graph->dims, value);
}

static Buffer *buffer_of(int kind, const char *name, tfcc_dtype dtype, int rank, Dim first,
                         Dim second) {
    return program_add_buffer(program, kind, name,
                              (Type){dtype, {.rank = rank, .dims = {first, second}}});
}

static Kernel *new_kernel(const char *name) {
    return kernel_create(program, KERNEL_STRUCTURED, name, (Place){0}, NULL);
}

static float float_at(Interpreter *interpreter, Buffer *buffer, int64_t at) {
    InterpreterBuffer *memory = interpreter_buffer(interpreter, buffer);
    cr_assert_not_null(memory->bytes);
    return (float)bits_to_double(TFCC_FLOAT32, bits_load(TFCC_FLOAT32, memory->bytes, at));
}

/* y = reduce over the rows of x, of shape [2, n]. */
static Buffer *row_reduction(Combiner combiner, tfcc_dtype dtype, Dim n, Buffer **x) {
    *x = buffer_of(TFCC_ABI_PLACEHOLDER, "x", dtype, 2, number(2), n);
    Kernel *kernel = new_kernel("y");
    Dim i = kernel_add_axis(kernel, number(2)), r = kernel_add_reduce_axis(kernel, n);
    Scalar *result = kernel_reduce(kernel, combiner, &r, 1, scalar_load(kernel, *x, (Dim[]){i, r}));
    Buffer *y = buffer_of(TFCC_ABI_VALUE, "y", result->dtype, 1, number(2), NULL);
    kernel_store(kernel, y, result);
    return y;
}

Test(interpret, sums_follow_their_lanes) {
    Buffer *x, *y = row_reduction(COMBINE_ADD, TFCC_FLOAT32, number(300), &x);
    float numbers[600], lanes[64] = {0};
    for (int k = 0; k < 600; k++) numbers[k] = 1.0f / (float)(k + 1);
    Interpreter *interpreter = interpreter_create(arena, program);
    cr_assert_null(interpreter_feed(interpreter, x, numbers, 2, (int64_t[]){2, 300}));
    cr_assert_null(interpret_program(interpreter, &y, 1));
    for (int k = 0; k < 300; k++) lanes[k % 64] += numbers[k];
    for (int half = 32; half >= 1; half /= 2)
        for (int l = 0; l < half; l++) lanes[l] += lanes[l + half];
    cr_expect_eq(float_at(interpreter, y, 0), lanes[0]);
}

Test(interpret, searches_find_the_first) {
    Buffer *x, *y = row_reduction(COMBINE_ARGMAX, TFCC_FLOAT32, number(4), &x);
    float numbers[8] = {1, 5, 5, 2, -__builtin_inff(), -__builtin_inff(), -3, -3};
    Interpreter *interpreter = interpreter_create(arena, program);
    cr_assert_null(interpreter_feed(interpreter, x, numbers, 2, (int64_t[]){2, 4}));
    cr_assert_null(interpret_program(interpreter, &y, 1));
    const int64_t *found = interpreter_buffer(interpreter, y)->bytes;
    cr_expect_eq(found[0], 1);
    cr_expect_eq(found[1], 2);
}

Test(interpret, reductions_over_nothing_give_the_identity) {
    Dim n = dim_named(graph->dims, "n");
    Buffer *x, *y = row_reduction(COMBINE_MAXIMUM, TFCC_FLOAT32, n, &x);
    Interpreter *interpreter = interpreter_create(arena, program);
    float none;
    cr_assert_null(interpreter_feed(interpreter, x, &none, 2, (int64_t[]){2, 0}));
    cr_assert_null(interpret_program(interpreter, &y, 1));
    cr_expect_eq(float_at(interpreter, y, 1), -__builtin_inff());
}

static Buffer *scan(bool exclusive, bool reverse, Buffer **x) {
    *x = buffer_of(TFCC_ABI_PLACEHOLDER, "x", TFCC_FLOAT32, 2, number(2), number(3));
    Buffer *y = buffer_of(TFCC_ABI_VALUE, "y", TFCC_FLOAT32, 2, number(2), number(3));
    Kernel *kernel = new_kernel("y");
    Dim axes[2];
    kernel_add_axes(kernel, &y->type.shape, axes);
    kernel_store(kernel, y,
                 kernel_scan(kernel, COMBINE_ADD, axes[1], scalar_load(kernel, *x, axes), exclusive,
                             reverse));
    return y;
}

static void expect_scan(bool exclusive, bool reverse, const float *expected) {
    Buffer *x, *y = scan(exclusive, reverse, &x);
    Interpreter *interpreter = interpreter_create(arena, program);
    float numbers[6] = {1, 2, 3, 10, 20, 30};
    cr_assert_null(interpreter_feed(interpreter, x, numbers, 2, (int64_t[]){2, 3}));
    cr_assert_null(interpret_program(interpreter, &y, 1));
    for (int k = 0; k < 6; k++)
        cr_expect_eq(float_at(interpreter, y, k), expected[k], "element %d", k);
}

Test(interpret, scans) {
    expect_scan(false, false, (float[]){1, 3, 6, 10, 30, 60});
    expect_scan(true, false, (float[]){0, 1, 3, 0, 10, 30});
    expect_scan(false, true, (float[]){6, 5, 3, 60, 50, 30});
    expect_scan(true, true, (float[]){5, 3, 0, 50, 30, 0});
}

Test(interpret, a_check_stops_the_run_with_its_message) {
    Buffer *x =
        buffer_of(TFCC_ABI_PLACEHOLDER, "x", TFCC_INT32, 1, dim_named(graph->dims, "n"), NULL);
    Buffer *y = buffer_of(TFCC_ABI_VALUE, "y", TFCC_INT32, 1, x->type.shape.dims[0], NULL);
    Kernel *check = new_kernel("check"), *kernel = new_kernel("y");
    Dim i = kernel_add_axis(check, x->type.shape.dims[0]);
    Scalar *element = scalar_load(check, x, &i), *limit = scalar_integer(check, TFCC_INT32, 3);
    kernel_check(check, scalar_binary(check, SCALAR_LESS, element, limit), TFCC_INVALID_ARGUMENT,
                 "x[%0] = %1 is 100%% wrong", (Scalar *[]){scalar_index(check, i), element}, 2);
    Dim j = kernel_add_axis(kernel, x->type.shape.dims[0]);
    kernel_store(kernel, y, scalar_load(kernel, x, &j));
    kernel_add_after(kernel, check);
    Interpreter *interpreter = interpreter_create(arena, program);
    int32_t numbers[3] = {0, 1, 7};
    cr_assert_null(interpreter_feed(interpreter, x, numbers, 1, (int64_t[]){3}));
    cr_expect_str_eq(interpret_program(interpreter, &y, 1), "x[2] = 7 is 100% wrong");
    interpreter_reset(interpreter);
    cr_assert_null(interpreter_feed(interpreter, x, numbers, 1, (int64_t[]){2}));
    cr_expect_null(interpret_program(interpreter, &y, 1));
}

Test(interpret, reading_outside_is_told) {
    Buffer *x = buffer_of(TFCC_ABI_PLACEHOLDER, "x", TFCC_INT32, 1, number(3), NULL);
    Buffer *y = buffer_of(TFCC_ABI_VALUE, "y", TFCC_INT32, 0, NULL, NULL);
    Kernel *kernel = new_kernel("y");
    kernel_store(kernel, y, scalar_load(kernel, x, (Dim[]){number(3)}));
    Interpreter *interpreter = interpreter_create(arena, program);
    int32_t numbers[3] = {0};
    cr_assert_null(interpreter_feed(interpreter, x, numbers, 1, (int64_t[]){3}));
    cr_expect_str_eq(interpret_program(interpreter, &y, 1),
                     "kernel y: reads x outside of it: index 0 is 3, its size 3");
}

Test(interpret, combining_stores_go_in_order) {
    Buffer *start = buffer_of(TFCC_ABI_PLACEHOLDER, "start", TFCC_INT32, 1, number(3), NULL);
    Buffer *at = buffer_of(TFCC_ABI_PLACEHOLDER, "at", TFCC_INT64, 1, number(4), NULL);
    Buffer *y = buffer_of(TFCC_ABI_VALUE, "y", TFCC_INT32, 1, number(3), NULL);
    Kernel *kernel = new_kernel("y");
    Dim i = kernel_add_axis(kernel, number(4));
    Scalar *index = scalar_load(kernel, at, &i);
    KernelOutput *store = kernel_store_at(
        kernel, y, &index, scalar_convert(kernel, TFCC_INT32, scalar_index(kernel, i)));
    store->combine = COMBINE_ADD;
    store->initial = start;
    Interpreter *interpreter = interpreter_create(arena, program);
    int32_t numbers[3] = {100, 200, 300};
    int64_t places[4] = {0, 2, 2, 0};
    cr_assert_null(interpreter_feed(interpreter, start, numbers, 1, (int64_t[]){3}));
    cr_assert_null(interpreter_feed(interpreter, at, places, 1, (int64_t[]){4}));
    cr_assert_null(interpret_program(interpreter, &y, 1));
    const int32_t *result = interpreter_buffer(interpreter, y)->bytes;
    cr_expect_eq(result[0], 103);
    cr_expect_eq(result[1], 200);
    cr_expect_eq(result[2], 303);
    cr_expect_eq(numbers[0], 100, "what it starts from is left alone");
}

Test(interpret, named_dimensions_must_agree) {
    Dim n = dim_named(graph->dims, "n");
    Buffer *a = buffer_of(TFCC_ABI_PLACEHOLDER, "a", TFCC_FLOAT32, 1, n, NULL),
           *b = buffer_of(TFCC_ABI_PLACEHOLDER, "b", TFCC_FLOAT32, 1, n, NULL);
    Interpreter *interpreter = interpreter_create(arena, program);
    float numbers[4] = {0};
    cr_assert_null(interpreter_feed(interpreter, a, numbers, 1, (int64_t[]){3}));
    cr_expect_str_eq(interpreter_feed(interpreter, b, numbers, 1, (int64_t[]){4}),
                     "dimension 'n' is 3, and 4 in 'b'");
    cr_expect_not_null(interpreter_feed(interpreter, b, numbers, 0, NULL));
}

Test(interpret, only_what_is_wanted_is_carried_out) {
    Buffer *x = buffer_of(TFCC_ABI_PLACEHOLDER, "x", TFCC_FLOAT32, 0, NULL, NULL);
    Buffer *y = buffer_of(TFCC_ABI_VALUE, "y", TFCC_FLOAT32, 0, NULL, NULL),
           *z = buffer_of(TFCC_ABI_VALUE, "z", TFCC_FLOAT32, 0, NULL, NULL);
    Kernel *first = new_kernel("y"), *second = new_kernel("z");
    kernel_store(first, y, scalar_load(first, x, NULL));
    kernel_store(second, z, scalar_load(second, y, NULL));
    Interpreter *interpreter = interpreter_create(arena, program);
    float one = 1, two = 2;
    cr_assert_null(interpreter_feed(interpreter, x, &one, 0, NULL));
    cr_assert_null(interpret_program(interpreter, &y, 1));
    cr_expect_null(interpreter_buffer(interpreter, z)->bytes);
    interpreter_reset(interpreter);
    cr_assert_null(interpreter_feed(interpreter, y, &two, 0, NULL), "an inner value that is fed");
    cr_assert_null(interpret_program(interpreter, &z, 1));
    cr_expect_eq(float_at(interpreter, z, 0), 2);
}

Test(interpret, aliases_show_the_same_bytes) {
    Buffer *x = buffer_of(TFCC_ABI_PLACEHOLDER, "x", TFCC_FLOAT32, 2, number(2), number(2));
    Buffer *flat = program_reshape(program, x, &(Shape){.rank = 1, .dims = {number(4)}});
    Buffer *y = buffer_of(TFCC_ABI_VALUE, "y", TFCC_FLOAT32, 0, NULL, NULL);
    Kernel *kernel = new_kernel("y");
    kernel_store(kernel, y, scalar_load(kernel, flat, (Dim[]){number(2)}));
    Interpreter *interpreter = interpreter_create(arena, program);
    float numbers[4] = {1, 2, 3, 4};
    cr_assert_null(interpreter_feed(interpreter, x, numbers, 2, (int64_t[]){2, 2}));
    cr_assert_null(interpret_program(interpreter, &y, 1));
    cr_expect_eq(float_at(interpreter, y, 0), 3);
}
