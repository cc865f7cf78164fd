/* test_native_loops.c: loops, branches, masks, gathers, local arrays and failures, on every
 * processor and at every -O. */
#include "native_fixture.h"
#include <criterion/criterion.h>
#include <string.h>

static LoopInstruction *number(LoopBuilder *b, int64_t value) {
    return loop_constant(b, (LoopType){TFCC_INT64, 1}, (uint64_t)value);
}

static LoopInstruction *binary(LoopBuilder *b, ScalarOp op, tfcc_dtype dtype, LoopInstruction *left,
                               LoopInstruction *right) {
    return loop_arithmetic(b, op, dtype, (LoopInstruction *[]){left, right}, 2);
}

/* Calls check once for every processor and optimisation level. */
static void everywhere(void (*check)(NativeFixture *f)) {
    static const char *const cpus[] = {"x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"};
    for (size_t k = 0; k < 4; k++) {
        for (int level = 0; level <= 3; level++) {
            NativeFixture *f = native_fixture_create(cpus[k], level);
            if (native_fixture_can_run(f)) check(f);
            native_fixture_destroy(f);
        }
    }
}

static uint32_t call(const NativeFixture *f, void *const *buffers, const int64_t *dims,
                     int64_t *failure) {
    return f->model->steps[0].kernel(buffers, dims, failure);
}

/* sum of a[i] for i from dims[0] below dims[1], in a carried scalar and, by vectors of 8, in
 * carried lanes. */
static void check_carried(NativeFixture *f) {
    LoopBuilder b;
    tfcc_dtype dtypes[] = {TFCC_INT32, TFCC_INT32};
    native_fixture_function(f, "sum", dtypes, 2, &b);
    LoopInstruction *begin = loop_slot(&b, 0), *end = loop_slot(&b, 1);
    LoopInstruction *initial[] = {loop_constant(&b, (LoopType){TFCC_INT32, 1}, 100),
                                  loop_constant(&b, (LoopType){TFCC_INT32, 8}, 1)};
    LoopBlock *outer = b.block;
    LoopInstruction *loop = loop_for_begin(&b, begin, end, 8, initial, 2);
    LoopInstruction *one = loop_load(&b, 0, loop->index, 1, NULL, NULL);
    LoopInstruction *eight = loop_load(&b, 0, loop->index, 8, NULL, NULL);
    LoopInstruction *next[] = {binary(&b, SCALAR_ADD, TFCC_INT32, loop->carried[0], one),
                               binary(&b, SCALAR_ADD, TFCC_INT32, loop->carried[1], eight)};
    loop_for_end(&b, loop, next, outer);
    loop_store(&b, 1, number(&b, 0), loop->results[0], NULL);
    loop_store(&b, 1, number(&b, 1), loop_reduce_lanes(&b, SCALAR_ADD, loop->results[1]), NULL);
    loop_store(&b, 1, number(&b, 2), loop_extract(&b, loop->results[1], 3), NULL);
    native_fixture_build(f);
    native_fixture_load(f);

    int32_t a[32], y[3];
    for (int k = 0; k < 32; k++) a[k] = k * k;
    cr_assert_eq(call(f, (void *[]){a, y}, (int64_t[]){0, 32}, NULL), 0);
    cr_assert_eq(y[0], 100 + 0 + 64 + 256 + 576);
    cr_assert_eq(y[1], 8 + 31 * 32 * 63 / 6);
    cr_assert_eq(y[2], 1 + 9 + 121 + 361 + 729);
    cr_assert_eq(call(f, (void *[]){a, y}, (int64_t[]){32, 32}, NULL), 0);
    cr_assert_eq(y[0], 100);
    cr_assert_eq(y[1], 8);
}
Test(native_loops, carry_values_and_skip_empty_ranges) {
    everywhere(check_carried);
}

/* Rows of a triangle: for i < n: for j < i: y[i] += j. */
static void check_nested(NativeFixture *f) {
    LoopBuilder b;
    tfcc_dtype dtypes[] = {TFCC_INT64};
    native_fixture_function(f, "triangle", dtypes, 1, &b);
    LoopInstruction *zero = number(&b, 0);
    LoopBlock *body = b.block;
    LoopInstruction *rows = loop_for_begin(&b, zero, loop_slot(&b, 0), 1, NULL, 0);
    LoopBlock *row = b.block;
    LoopInstruction *columns = loop_for_begin(&b, zero, rows->index, 1, &zero, 1);
    LoopInstruction *next = binary(&b, SCALAR_ADD, TFCC_INT64, columns->carried[0], columns->index);
    loop_for_end(&b, columns, &next, row);
    loop_store(&b, 0, rows->index, columns->results[0], NULL);
    loop_for_end(&b, rows, NULL, body);
    native_fixture_build(f);
    native_fixture_load(f);
    int64_t y[20];
    call(f, (void *[]){y}, (int64_t[]){20}, NULL);
    for (int64_t k = 0; k < 20; k++) cr_assert_eq(y[k], k * (k - 1) / 2);
}
Test(native_loops, nest) {
    everywhere(check_nested);
}

/* y[0] = a[0] < 5 ? 2 * a[0] : a[1]; y[1] is stored only where buffer 2 is given; a[0] < 0 fails
 * with its value. */
static void check_branches(NativeFixture *f) {
    LoopBuilder b;
    tfcc_dtype dtypes[] = {TFCC_FLOAT32, TFCC_BOOL, TFCC_FLOAT32};
    native_fixture_function(f, "branch", dtypes, 3, &b);
    LoopInstruction *zero = number(&b, 0), *one = number(&b, 1);
    LoopInstruction *a = loop_load(&b, 0, zero, 1, NULL, NULL);
    LoopInstruction *nothing = loop_constant(&b, (LoopType){TFCC_FLOAT32, 1}, 0);
    LoopInstruction *five = loop_constant(&b, (LoopType){TFCC_FLOAT32, 1}, 0x40a00000);
    LoopBlock *outer = b.block;
    LoopInstruction *fails = loop_if_begin(&b, binary(&b, SCALAR_LESS, TFCC_BOOL, a, nothing));
    LoopInstruction *flag = loop_constant(&b, (LoopType){TFCC_BOOL, 1}, 1);
    LoopInstruction *small = loop_constant(&b, (LoopType){TFCC_INT8, 1}, 0xfe);
    LoopInstruction *large = loop_constant(&b, (LoopType){TFCC_UINT32, 1}, 0xfffffffe);
    LoopInstruction *half = loop_constant(&b, (LoopType){TFCC_FLOAT16, 1}, 0x3e00);
    loop_fail(&b, 6, (LoopInstruction *[]){a, flag, small, large, half}, 5);
    loop_if_end(&b, fails, NULL, 0, outer);
    LoopInstruction *branch = loop_if_begin(&b, binary(&b, SCALAR_LESS, TFCC_BOOL, a, five));
    LoopInstruction *twice = binary(&b, SCALAR_ADD, TFCC_FLOAT32, a, a);
    loop_if_else(&b, branch, &twice, 1);
    LoopInstruction *other = loop_load(&b, 0, one, 1, NULL, NULL);
    loop_if_end(&b, branch, &other, 1, outer);
    loop_store(&b, 2, zero, branch->results[0], NULL);
    LoopInstruction *wanted = loop_if_begin(&b, loop_given(&b, 1));
    loop_store(&b, 1, zero, binary(&b, SCALAR_EQUAL, TFCC_BOOL, a, five), NULL);
    loop_if_end(&b, wanted, NULL, 0, outer);
    native_fixture_build(f);
    native_fixture_load(f);

    float values[2] = {3, 9}, y = 0;
    uint8_t is_five = 7;
    int64_t failure[TFCC_ABI_FAILURE_VALUES];
    cr_assert_eq(call(f, (void *[]){values, NULL, &y}, NULL, failure), 0);
    cr_assert_eq(y, 6);
    values[0] = 5;
    cr_assert_eq(call(f, (void *[]){values, &is_five, &y}, NULL, failure), 0);
    cr_assert_eq(y, 9);
    cr_assert_eq(is_five, 1);
    values[0] = -2.5f;
    cr_assert_eq(call(f, (void *[]){values, &is_five, &y}, NULL, failure), 7);
    double value;
    memcpy(&value, &failure[0], sizeof value);
    cr_assert_eq(value, -2.5);
    cr_assert_eq(failure[1], 1);
    cr_assert_eq(failure[2], -2);
    cr_assert_eq(failure[3], 0xfffffffe);
    memcpy(&value, &failure[4], sizeof value);
    cr_assert_eq(value, 1.5);
}
Test(native_loops, branch_and_fail) {
    everywhere(check_branches);
}

/* Lanes below dims[0] are touched: y[i] = a[i], z[i] = a[p[i]], w[p[i]] = a[i]; the others read -1.
 */
static void check_masks(NativeFixture *f, tfcc_dtype dtype, size_t size, int lanes) {
    LoopBuilder b;
    tfcc_dtype dtypes[] = {dtype, TFCC_INT64, dtype, dtype, dtype};
    native_fixture_function(f, "mask", dtypes, 5, &b);
    LoopInstruction *zero = number(&b, 0);
    LoopInstruction *lane = loop_ramp(&b, zero, lanes);
    LoopInstruction *limit = loop_splat(&b, loop_slot(&b, 0), lanes);
    LoopInstruction *mask = binary(&b, SCALAR_LESS, TFCC_BOOL, lane, limit);
    LoopInstruction *missing = loop_constant(&b, (LoopType){dtype, lanes}, UINT64_MAX);
    LoopInstruction *a = loop_load(&b, 0, zero, lanes, mask, missing);
    LoopInstruction *p = loop_load(&b, 1, zero, lanes, mask, lane);
    LoopInstruction *gathered = loop_gather(&b, 0, p, mask, missing);
    loop_store(&b, 2, zero, a, NULL);
    loop_store(&b, 3, zero, gathered, mask);
    loop_scatter(&b, 4, p, a, mask);
    native_fixture_build(f);
    native_fixture_load(f);

    char given[64 * 8 + 1], y[64 * 8 + 1], z[64 * 8 + 1], w[64 * 8 + 1];
    int64_t places[64];
    for (int limit_now = 0; limit_now <= lanes; limit_now++) {
        /* Behind the last lane that is touched lies memory that may not be read: none at all. */
        char *a_end = given + 1;
        for (size_t k = 0; k < (size_t)lanes * size; k++)
            a_end[k] = (char)(dtype == TFCC_BOOL ? k & 1 : k * 7 + 3);
        for (int k = 0; k < lanes; k++) places[k] = limit_now > 0 ? (k * 5 + 1) % limit_now : 0;
        memset(z, 0x55, sizeof z);
        memset(w, 0x55, sizeof w);
        cr_assert_eq(
            call(f, (void *[]){a_end, places, y + 1, z + 1, w + 1}, (int64_t[]){limit_now}, NULL),
            0);
        char expected_w[64 * 8];
        memset(expected_w, 0x55, sizeof expected_w);
        for (int k = 0; k < lanes; k++) {
            size_t at = (size_t)k * size, place = (size_t)places[k] * size;
            bool is_touched = k < limit_now;
            if (is_touched) {
                cr_assert_arr_eq(y + 1 + at, a_end + at, size);
                cr_assert_arr_eq(z + 1 + at, a_end + place, size);
                memcpy(expected_w + place, a_end + at, size);
            } else {
                cr_assert_eq((unsigned char)y[1 + at], dtype == TFCC_BOOL ? 1 : 0xff);
                cr_assert_eq(z[1 + at], 0x55);
            }
        }
        cr_assert_arr_eq(w + 1, expected_w, (size_t)lanes * size);
    }
}

static void masks_of(tfcc_dtype dtype, size_t size) {
    static const char *const cpus[] = {"x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"};
    for (size_t k = 0; k < 4; k++) {
        for (int lanes = 1; lanes <= 16; lanes *= 4) {
            NativeFixture *f = native_fixture_create(cpus[k], 2);
            if (native_fixture_can_run(f)) check_masks(f, dtype, size, lanes);
            native_fixture_destroy(f);
        }
    }
}
Test(native_loops, masks_of_bytes) {
    masks_of(TFCC_INT8, 1);
}
Test(native_loops, masks_of_bools) {
    masks_of(TFCC_BOOL, 1);
}
Test(native_loops, masks_of_halves) {
    masks_of(TFCC_FLOAT16, 2);
}
Test(native_loops, masks_of_floats) {
    masks_of(TFCC_FLOAT32, 4);
}
Test(native_loops, masks_of_doubles) {
    masks_of(TFCC_FLOAT64, 8);
}

/* A running sum kept in a local array, backwards: y[i] = a[n-1] + … + a[i]. */
static void check_local(NativeFixture *f) {
    LoopBuilder b;
    tfcc_dtype dtypes[] = {TFCC_FLOAT64, TFCC_FLOAT64};
    native_fixture_function(f, "local", dtypes, 2, &b);
    uint32_t local = loop_local(&b, TFCC_FLOAT64, 16);
    LoopInstruction *zero = number(&b, 0), *end = number(&b, 16);
    LoopInstruction *sum = loop_constant(&b, (LoopType){TFCC_FLOAT64, 1}, 0);
    LoopBlock *outer = b.block;
    LoopInstruction *first = loop_for_begin(&b, zero, end, 1, &sum, 1);
    LoopInstruction *back = binary(&b, SCALAR_SUBTRACT, TFCC_INT64, number(&b, 15), first->index);
    LoopInstruction *a = loop_load(&b, 0, back, 1, NULL, NULL);
    LoopInstruction *next = binary(&b, SCALAR_ADD, TFCC_FLOAT64, first->carried[0], a);
    loop_store(&b, local, back, next, NULL);
    loop_for_end(&b, first, &next, outer);
    LoopInstruction *second = loop_for_begin(&b, zero, end, 4, NULL, 0);
    loop_store(&b, 1, second->index, loop_load(&b, local, second->index, 4, NULL, NULL), NULL);
    loop_for_end(&b, second, NULL, outer);
    native_fixture_build(f);
    native_fixture_load(f);
    double given[16], y[16], expected = 0;
    for (int k = 0; k < 16; k++) given[k] = 1 << k;
    call(f, (void *[]){given, y}, NULL, NULL);
    for (int k = 15; k >= 0; k--) cr_assert_eq(y[k], expected += given[k]);
}
Test(native_loops, keep_arrays_on_the_stack) {
    everywhere(check_local);
}

/* Lanes are combined in halves, whatever the operation. */
static void check_reduction(NativeFixture *f) {
    LoopBuilder b;
    tfcc_dtype dtypes[] = {TFCC_FLOAT32, TFCC_FLOAT32};
    native_fixture_function(f, "halves", dtypes, 2, &b);
    LoopInstruction *zero = number(&b, 0);
    for (int lanes = 1; lanes <= 64; lanes *= 2) {
        LoopInstruction *a = loop_load(&b, 0, zero, lanes, NULL, NULL);
        loop_store(&b, 1, number(&b, lanes), loop_reduce_lanes(&b, SCALAR_SUBTRACT, a), NULL);
    }
    native_fixture_build(f);
    native_fixture_load(f);
    float a[64], y[65];
    for (int k = 0; k < 64; k++) a[k] = (float)(k * 37 % 19) * 0.1f;
    call(f, (void *[]){a, y}, NULL, NULL);
    for (int lanes = 1; lanes <= 64; lanes *= 2) {
        float work[64];
        memcpy(work, a, sizeof work);
        for (int half = lanes / 2; half >= 1; half /= 2)
            for (int k = 0; k < half; k++) work[k] = work[k] - work[k + half];
        cr_assert_eq(y[lanes], work[0]);
    }
}
Test(native_loops, reduce_lanes_in_halves) {
    everywhere(check_reduction);
}

/* ---- what is written beside the code ---- */

static void add_doubling(NativeFixture *f, Place place) {
    LoopBuilder b;
    LoopFunction *function =
        native_fixture_function(f, "double", (tfcc_dtype[]){TFCC_FLOAT16, TFCC_FLOAT16}, 2, &b);
    function->place = b.place = place;
    LoopInstruction *zero = number(&b, 0);
    LoopInstruction *half = loop_load(&b, 0, zero, 8, NULL, NULL);
    LoopInstruction *single = loop_arithmetic(&b, SCALAR_CONVERT, TFCC_FLOAT32, &half, 1);
    LoopInstruction *twice = binary(&b, SCALAR_MAXIMUM, TFCC_FLOAT32, single, single);
    loop_store(&b, 1, zero, loop_arithmetic(&b, SCALAR_CONVERT, TFCC_FLOAT16, &twice, 1), NULL);
}

static bool mentions(const void *bytes, size_t size, const char *text) {
    return memmem(bytes, size, text, strlen(text)) != NULL;
}

Test(native_loops, lines_for_debuggers) {
    static const SourceFile file = {.path = "some/model.yaml", .bytes = "x", .length = 1};
    for (int with_lines = 0; with_lines <= 1; with_lines++) {
        NativeFixture *f = native_fixture_create("x86-64-v3", 2);
        f->compilation.options.debug_lines = with_lines;
        f->compilation.options.input = "some/model.yaml";
        add_doubling(f, (Place){.file = &file, .line = 7, .column = 3});
        native_fixture_build(f);
        Text text = {.arena = f->arena};
        cr_assert(native_print_llvm(f->module, &text));
        native_fixture_check_symbols(f);
        const void *object;
        size_t size;
        cr_assert(native_object(f->module, &object, &size));
        cr_assert_eq(mentions(object, size, ".debug_line"), with_lines);
        cr_assert_eq(mentions(object, size, "some/model.yaml"), with_lines);
        if (native_fixture_can_run(f)) native_fixture_load(f);
        cr_assert_eq(mentions(text.bytes, text.length, "line: 7, column: 3"), with_lines);
        native_fixture_destroy(f);
    }
}

Test(native_loops, print_assembly_and_know_other_targets) {
    NativeFixture *f = native_fixture_create("", 2);
    f->compilation.options.target = "aarch64-linux-gnu";
    add_doubling(f, (Place){0});
    native_fixture_build(f);
    Text text = {.arena = f->arena};
    cr_assert(native_print_assembly(f->module, &text));
    native_fixture_check_symbols(f);
    cr_assert(mentions(text.bytes, text.length, "fixture.double_0:"));
    native_fixture_destroy(f);

    f = native_fixture_create("", 2);
    f->compilation.options.target = "pdp11-unknown-bsd";
    f->compilation.loops->targets = (TargetList){.targets = {f->target}, .count = 1};
    cr_assert_null(native_build(&f->compilation));
    cr_assert_eq(diagnostics_error_count(f->compilation.diagnostics), 1);
    native_fixture_destroy(f);
}
