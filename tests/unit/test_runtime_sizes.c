/* test_runtime_sizes.c: sizes that a run computes, sizes asked for before a run, steps that serve
 * fetches only. */
#include "runtime_support.h"

/* ---- positive(x): the elements of x that are greater than zero; then twice those ---- */

enum { N = 0, COUNT = 1, X_BYTES = HAND_DERIVED, Y_BYTES, Z_OFFSET };

static void settle_positive(int64_t *dims, uint32_t level) {
    if (level == 0) dims[X_BYTES] = dims[N] > INT64_MAX / 4 ? INT64_MAX : 4 * dims[N];
    if (level == 1) {
        dims[Y_BYTES] = dims[COUNT] > INT64_MAX / 4 ? INT64_MAX : 4 * dims[COUNT];
        dims[Z_OFFSET] =
            dims[Y_BYTES] > INT64_MAX - 63 ? INT64_MAX : (dims[Y_BYTES] + 63) / 64 * 64;
    }
}

/* [in x] [out int64 count], dims: n */
static uint32_t kernel_count(void *const *buffers, const int64_t *dims, int64_t *failure) {
    (void)failure;
    int64_t count = 0;
    for (int64_t i = 0; i < dims[0]; i++) {
        float x;
        memcpy(&x, (const char *)buffers[0] + 4 * i, 4);
        count += x > 0;
    }
    memcpy(buffers[1], &count, 8);
    return 0;
}

/* [in x] [out y], dims: n */
static uint32_t kernel_select(void *const *buffers, const int64_t *dims, int64_t *failure) {
    (void)failure;
    char *to = buffers[1];
    for (int64_t i = 0; i < dims[0]; i++) {
        float x;
        memcpy(&x, (const char *)buffers[0] + 4 * i, 4);
        if (!(x > 0)) continue;
        memcpy(to, &x, 4);
        to += 4;
    }
    return 0;
}

static void make_vector(HandModel *hand, uint32_t buffer, uint32_t size, uint32_t bytes,
                        uint32_t level) {
    hand->buffers[buffer].shape = hand_list(hand, 1, &size);
    hand->buffers[buffer].bytes_slot = bytes;
    hand->buffers[buffer].level = level;
}

static void build_positive(HandModel *hand, bool bounded) {
    hand_begin(hand, "positive");
    hand->model.settle = settle_positive;
    hand->model.level_count = 2;
    hand->symbols[N].name = "n";
    hand->symbols[COUNT] = (tfcc_abi_symbol){"count", NONE, bounded ? N : NONE};
    uint32_t x = hand_buffer(hand, "x", TFCC_ABI_PLACEHOLDER, TFCC_FLOAT32, 1, 0);
    uint32_t count = hand_buffer(hand, "count", TFCC_ABI_VALUE, TFCC_INT64, 0);
    uint32_t y = hand_buffer(hand, "y", TFCC_ABI_VALUE, TFCC_FLOAT32, 1, 0);
    uint32_t z = hand_buffer(hand, "z", TFCC_ABI_VALUE, TFCC_FLOAT32, 1, 0);
    make_vector(hand, x, N, X_BYTES, 0);
    make_vector(hand, y, COUNT, Y_BYTES, 1);
    make_vector(hand, z, COUNT, Y_BYTES, 1);
    hand->buffers[y].offset_slot = hand_number(hand, 0);
    hand->buffers[z].offset_slot = Z_OFFSET;
    hand_step(hand, "count", kernel_count);
    hand_input(hand, x);
    hand_output(hand, count);
    hand_slots(hand, 1, &(uint32_t){N});
    tfcc_abi_step *bind = hand_step(hand, "count", NULL);
    bind->kind = TFCC_ABI_BIND;
    bind->level = 1;
    hand_input(hand, count);
    hand_slots(hand, 1, &(uint32_t){COUNT});
    hand_step(hand, "y", kernel_select);
    hand_input(hand, x);
    hand_output(hand, y);
    hand_slots(hand, 1, &(uint32_t){N});
    hand_after(hand, 1);
    hand_step(hand, "z", kernel_double);
    hand_input(hand, y);
    hand_output(hand, z);
    hand_slots(hand, 1, &(uint32_t){COUNT});
    hand_after(hand, 1);
    hand_feed(hand, x, 1, (uint32_t[]){N});
    hand_feed(hand, y, 1, (uint32_t[]){COUNT});
    hand_fetch(hand, "y", y);
    hand_fetch(hand, "z", z);
    hand_fetch(hand, "count", count);
}

Test(runtime_sizes, computed_sizes_are_delivered) {
    for (int own = 0; own < 2; own++) {
        static HandModel hand;
        build_positive(&hand, true);
        tfcc_session *session = open_session(&hand);
        float x[5] = {-1, 2, 3, -4, 5}, buffer[5];
        int64_t sizes[1];
        for (int64_t n = 0; n <= 5; n++) {
            int64_t shape[] = {n}, expected = n < 2 ? 0 : n < 5 ? (n < 3 ? 1 : 2) : 3;
            tfcc_feed feed = {"x", tfcc_array(TFCC_FLOAT32, x, shape, 1)};
            tfcc_fetch fetch = {"z", {.dtype = TFCC_FLOAT32}};
            if (own) fetch.tensor = (tfcc_tensor){buffer, sizes, 1, TFCC_FLOAT32, sizeof buffer};
            expect_ok(tfcc_run(session, &feed, 1, &fetch, 1));
            cr_assert(fetch.tensor.rank == 1 && fetch.tensor.shape[0] == expected);
            const float *z = fetch.tensor.data;
            if (expected > 1) cr_assert(z[0] == 4 && z[1] == 6);
            if (!own) tfcc_tensor_free(&fetch.tensor);
        }
        tfcc_session_close(session);
    }
}

Test(runtime_sizes, a_buffer_too_small_for_a_computed_size_is_an_error) {
    static HandModel hand;
    build_positive(&hand, true);
    tfcc_session *session = open_session(&hand);
    float x[3] = {1, 2, 3}, y[2], z[3];
    int64_t shape[] = {3};
    tfcc_feed feed = {"x", tfcc_array(TFCC_FLOAT32, x, shape, 1)};
    tfcc_fetch fetches[] = {{"z", {z, NULL, 0, TFCC_FLOAT32, 12}},
                            {"y", {y, NULL, 0, TFCC_FLOAT32, 8}}};
    expect_failure(
        tfcc_run(session, &feed, 1, fetches, 2), TFCC_INVALID_ARGUMENT,
        "fetch 'y' is float32 of shape [3], 12 bytes; it is asked for as float32, with room "
        "for 8");
    fetches[1].tensor.data = z + 1;
    fetches[1].tensor.capacity = 12;
    expect_failure(tfcc_run(session, &feed, 1, fetches, 2), TFCC_INVALID_ARGUMENT,
                   "the buffer of fetch 'z' overlaps that of fetch 'y'");
    shape[0] = 2; /* one element each does not overlap */
    x[0] = -1;
    expect_ok(tfcc_run(session, &feed, 1, fetches, 2));
    cr_assert(z[0] == 4 && z[1] == 2);
    tfcc_session_close(session);
}

Test(runtime_sizes, feeding_what_has_a_computed_size_binds_it) {
    static HandModel hand;
    build_positive(&hand, true);
    tfcc_session *session = open_session(&hand);
    float y[3] = {1, 2, 3}, z[3], again[3];
    int64_t shape[] = {3};
    tfcc_feed feed = {"y", tfcc_array(TFCC_FLOAT32, y, shape, 1)};
    tfcc_fetch fetches[] = {{"z", {z, NULL, 0, TFCC_FLOAT32, 12}},
                            {"y", {again, NULL, 0, TFCC_FLOAT32, 12}}};
    expect_ok(tfcc_run(session, &feed, 1, fetches, 2));
    cr_assert(z[0] == 2 && z[2] == 6 && again[1] == 2);
    tfcc_session_close(session);
}

Test(runtime_sizes, shapes_are_known_before_a_run_or_bounded) {
    static HandModel hand;
    int64_t shape[] = {100};
    tfcc_feed feed = {"x", tfcc_array(TFCC_FLOAT32, NULL, shape, 1)};
    tfcc_extent extent;
    build_positive(&hand, true);
    tfcc_session *session = open_session(&hand);
    expect_ok(tfcc_shape(session, &feed, 1, "y", &extent));
    cr_assert(extent.bound == TFCC_UPPER_BOUND && extent.rank == 1 && extent.shape[0] == 100);
    cr_assert(extent.bytes == 400 && extent.dtype == TFCC_FLOAT32);
    expect_ok(tfcc_shape(session, NULL, 0, "count", &extent));
    cr_assert(extent.bound == TFCC_EXACT && extent.rank == 0 && extent.bytes == 8);
    expect_ok(tfcc_shape(session, NULL, 0, "y", &extent));
    cr_assert(extent.bound == TFCC_UNBOUNDED && extent.shape[0] == -1 && extent.bytes == SIZE_MAX);
    cr_assert_eq(tfcc_shape(session, &feed, 1, "nothing", &extent), TFCC_NOT_FOUND);
    cr_assert_eq(tfcc_shape(session, &feed, 1, NULL, &extent), TFCC_INVALID_ARGUMENT);
    size_t bytes;
    tfcc_bound bound;
    tfcc_fetch fetch = {"z", {.dtype = TFCC_FLOAT32}};
    expect_ok(tfcc_workspace(session, &feed, 1, &fetch, 1, &bytes, &bound));
    cr_assert(bound == TFCC_UPPER_BOUND && bytes == 64 + 448, "%zu", bytes);
    fetch.name = "count";
    expect_ok(tfcc_workspace(session, &feed, 1, &fetch, 1, &bytes, &bound));
    cr_assert(bound == TFCC_EXACT && bytes == 0, "the result is the caller's");
    tfcc_session_close(session);
    build_positive(&hand, false);
    session = open_session(&hand);
    expect_ok(tfcc_shape(session, &feed, 1, "y", &extent));
    cr_assert(extent.bound == TFCC_UNBOUNDED && extent.shape[0] == -1);
    fetch.name = "z";
    expect_ok(tfcc_workspace(session, &feed, 1, &fetch, 1, &bytes, &bound));
    cr_assert(bound == TFCC_UNBOUNDED && bytes == SIZE_MAX);
    expect_ok(tfcc_reserve(session, &feed, 1, &fetch, 1));
    tfcc_session_close(session);
}

Test(runtime_sizes, reserved_runs_allocate_nothing) {
    static HandModel hand;
    build_positive(&hand, true);
    FailingAllocator allocator = {0};
    tfcc_options options = failing_options(&allocator);
    tfcc_session *session;
    expect_ok(tfcc_session_open(&hand.model, &options, &session));
    float x[3] = {1, -2, 3}, z[3];
    int64_t shape[] = {3};
    tfcc_feed feed = {"x", tfcc_array(TFCC_FLOAT32, x, shape, 1)};
    tfcc_fetch fetch = {"z", {z, NULL, 0, TFCC_FLOAT32, sizeof z}};
    expect_ok(tfcc_reserve(session, &feed, 1, &fetch, 1));
    int calls = allocator.calls;
    expect_ok(tfcc_run(session, &feed, 1, &fetch, 1));
    cr_assert(z[0] == 2 && z[1] == 6);
    cr_assert_eq(allocator.calls, calls);
    tfcc_session_close(session);
    hand_counter(&hand);
    expect_ok(tfcc_session_open(&hand.model, &options, &session));
    int32_t c;
    tfcc_fetch count = {"c", tfcc_int32(&c)};
    expect_ok(tfcc_initialize(session));
    expect_ok(tfcc_reserve(session, NULL, 0, &count, 1));
    calls = allocator.calls;
    expect_ok(tfcc_run(session, NULL, 0, &count, 1));
    cr_assert(c == 2 && allocator.calls == calls);
    tfcc_session_close(session);
    cr_assert_eq(allocator.balance, 0);
}

Test(runtime_sizes, allocations_in_the_middle_of_a_run_may_fail) {
    static HandModel hand;
    build_positive(&hand, true);
    bool failed = true;
    for (int fail_at = 1; failed; fail_at++) {
        cr_assert_lt(fail_at, 50);
        failed = false;
        FailingAllocator allocator = {.fail_at = fail_at};
        tfcc_options options = failing_options(&allocator);
        tfcc_session *session;
        if (tfcc_session_open(&hand.model, &options, &session) != TFCC_OK) {
            failed = true;
            continue;
        }
        float x[40] = {1, -2, 3};
        int64_t shape[] = {40};
        tfcc_feed feed = {"x", tfcc_array(TFCC_FLOAT32, x, shape, 1)};
        tfcc_fetch fetches[] = {{"z", {.dtype = TFCC_FLOAT32}}, {"count", {.dtype = TFCC_INT64}}};
        tfcc_status status = tfcc_run(session, &feed, 1, fetches, 2);
        if (status != TFCC_OK) {
            failed = true;
            cr_assert(status == TFCC_RESOURCE_EXHAUSTED && fetches[0].tensor.shape == NULL &&
                      fetches[1].tensor.shape == NULL);
            expect_ok(tfcc_run(session, &feed, 1, fetches, 2));
        }
        cr_assert(fetches[0].tensor.shape[0] == 2 && *(int64_t *)fetches[1].tensor.data == 2);
        tfcc_session_close(session);
        tfcc_tensor_free(&fetches[0].tensor);
        tfcc_tensor_free(&fetches[1].tensor);
        cr_assert_eq(allocator.balance, 0);
    }
}

/* ---- Fallbacks: x has a default ---- */

Test(runtime_sizes, a_symbol_without_its_feed_takes_its_fallback) {
    static HandModel hand;
    build_positive(&hand, true);
    static const float two[] = {5, 6};
    hand.buffers[0].kind = TFCC_ABI_CONSTANT;
    hand.buffers[0].data = two;
    hand.symbols[N].fallback_slot = hand_number(&hand, 2);
    tfcc_session *session = open_session(&hand);
    float x[3] = {1, 2, 3};
    int64_t shape[] = {3};
    tfcc_feed feed = {"x", tfcc_array(TFCC_FLOAT32, x, shape, 1)};
    for (int i = 0; i < 4; i++) {
        tfcc_fetch fetch = {"z", {.dtype = TFCC_FLOAT32}};
        bool fed = i % 2 != 0;
        expect_ok(tfcc_run(session, fed ? &feed : NULL, fed, &fetch, 1));
        cr_assert_eq(fetch.tensor.shape[0], fed ? 3 : 2);
        cr_assert_eq(*(float *)fetch.tensor.data, fed ? 2 : 10);
        tfcc_tensor_free(&fetch.tensor);
    }
    tfcc_session_close(session);
}

/* ---- Optional outputs and alternate steps ---- */

static int fused_calls, alternate_calls;

/* [in x] [optional out inner = x + 1] [out y = x + 2] */
static uint32_t kernel_fused(void *const *buffers, const int64_t *dims, int64_t *failure) {
    (void)dims;
    (void)failure;
    fused_calls++;
    int32_t x;
    memcpy(&x, buffers[0], 4);
    x++;
    if (buffers[1] != NULL) memcpy(buffers[1], &x, 4);
    x++;
    memcpy(buffers[2], &x, 4);
    return 0;
}

static uint32_t kernel_alternate(void *const *buffers, const int64_t *dims, int64_t *failure) {
    (void)dims;
    (void)failure;
    alternate_calls++;
    int32_t x;
    memcpy(&x, buffers[0], 4);
    x++;
    memcpy(buffers[1], &x, 4);
    return 0;
}

Test(runtime_sizes, inner_values_come_from_the_step_that_runs_anyway) {
    static HandModel hand;
    hand_begin(&hand, "fused");
    uint32_t x = hand_constant(&hand, "x", TFCC_INT32, &hand_one);
    uint32_t inner = hand_buffer(&hand, "inner", TFCC_ABI_VALUE, TFCC_INT32, 0);
    uint32_t y = hand_buffer(&hand, "y", TFCC_ABI_VALUE, TFCC_INT32, 0);
    for (int before = 0; before < 2; before++) {
        hand.model.step_count = 0;
        for (int i = 0; i < 2; i++) {
            if ((i == 0) == (before == 0)) {
                hand_step(&hand, "inner", kernel_alternate)->flags = TFCC_ABI_ALTERNATE;
                hand_input(&hand, x);
                hand_output(&hand, inner);
            } else {
                hand_step(&hand, "y", kernel_fused);
                hand_input(&hand, x);
                hand_argument(&hand, inner, TFCC_ABI_OUTPUT | TFCC_ABI_OPTIONAL, NONE);
                hand_output(&hand, y);
            }
        }
        hand.model.fetch_count = 0;
        hand_fetch(&hand, "inner", inner);
        hand_fetch(&hand, "y", y);
        tfcc_session *session = open_session(&hand);
        fused_calls = alternate_calls = 0;
        cr_assert_eq(fetch_int32(session, "y"), 3);
        cr_assert(fused_calls == 1 && alternate_calls == 0);
        cr_assert_eq(fetch_int32(session, "inner"), 2);
        cr_assert(fused_calls == 1 && alternate_calls == 1);
        int32_t a, b;
        tfcc_fetch both[] = {{"inner", tfcc_int32(&a)}, {"y", tfcc_int32(&b)}};
        expect_ok(tfcc_run(session, NULL, 0, both, 2));
        cr_assert(a == 2 && b == 3 && fused_calls == 2 && alternate_calls == 1);
        tfcc_session_close(session);
    }
}
