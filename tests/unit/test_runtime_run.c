/* test_runtime_run.c: runs: what is delivered, what is refused, what stays as it was. */
#include "runtime_support.h"

/* ---- The counter ---- */

Test(runtime_run, counter_counts) {
    static HandModel hand;
    hand_counter(&hand);
    tfcc_session *session = open_session(&hand);
    expect_ok(tfcc_initialize(session));
    for (int32_t i = 2; i < 6; i++) {
        int32_t c = 0, a = 0;
        tfcc_fetch fetches[] = {{"c", tfcc_int32(&c)}, {"a", tfcc_int32(&a)}};
        expect_ok(tfcc_run_model(&hand.model, session, NULL, 0, fetches, 2));
        cr_assert_eq(c, i);
        cr_assert_eq(a, i);
    }
    cr_assert_eq(fetch_int32(session, "a"), 5);
    tfcc_session *other = open_session(&hand);
    expect_ok(tfcc_initialize(other));
    cr_assert_eq(fetch_int32(other, "c"), 2);
    expect_ok(tfcc_initialize(session));
    cr_assert_eq(fetch_int32(session, "a"), 1);
    tfcc_session_close(other);
    tfcc_session_close(session);
}

Test(runtime_run, signatures_and_handles_need_no_names) {
    static HandModel hand;
    hand_counter(&hand);
    tfcc_session *session = open_session(&hand);
    expect_ok(tfcc_initialize(session));
    int32_t c, a;
    tfcc_tensor tensors[] = {tfcc_int32(&c), tfcc_int32(&a)};
    expect_ok(tfcc_run_signature(&hand.model, session, 0, NULL, tensors));
    cr_assert(c == 2 && a == 2);
    tensors[0].dtype = TFCC_NONE;
    c = 0;
    expect_ok(tfcc_run_signature(&hand.model, session, 0, NULL, tensors));
    cr_assert(c == 0 && a == 3, "a fetch of no dtype is not delivered");
    tensors[0].dtype = TFCC_INT32;
    tfcc_fetch fetches[] = {{hand.fetches[0].handle, tfcc_int32(&c)},
                            {hand.fetches[1].handle, tfcc_int32(&a)}};
    expect_ok(tfcc_run(session, NULL, 0, fetches, 2));
    cr_assert(c == 4 && a == 4);
    tfcc_fetch numbered[] = {{"c:0", tfcc_int32(&c)}};
    expect_ok(tfcc_run(session, NULL, 0, numbered, 1));
    cr_assert_eq(c, 5);
    expect_failure(tfcc_run_signature(&hand.model, session, 1, NULL, tensors), TFCC_OUT_OF_RANGE,
                   "graph 'counter' has no signature 1");
    expect_failure(tfcc_run_signature(&hand.model, session, 0, NULL, NULL), TFCC_INVALID_ARGUMENT,
                   "an argument is NULL");
    tfcc_session_close(session);
}

Test(runtime_run, uninitialized_variables_are_named_and_nothing_happens) {
    static HandModel hand;
    hand_counter(&hand);
    tfcc_session *session = open_session(&hand);
    for (int i = 0; i < 2; i++) {
        const char *names[] = {"c", "a"};
        int32_t value = 9;
        tfcc_fetch fetch = {names[i], tfcc_int32(&value)};
        expect_failure(
            tfcc_run(session, NULL, 0, &fetch, 1), TFCC_FAILED_PRECONDITION,
            "attempting to use uninitialized value 'a': initialize, restore or set it first");
        cr_assert_eq(value, 9);
    }
    cr_assert_eq(fetch_int32(session, "b"), 1, "what needs no variable can be fetched");
    tfcc_session_close(session);
}

Test(runtime_run, wrong_sessions_and_nulls_are_refused) {
    static HandModel hand, other;
    hand_counter(&hand);
    hand_counter(&other);
    tfcc_session *session = open_session(&hand);
    expect_failure(tfcc_run_model(&other.model, session, NULL, 0, NULL, 0), TFCC_INVALID_ARGUMENT,
                   "graph 'counter' was given a session of graph 'counter'");
    expect_failure(tfcc_run_model(&other.model, NULL, NULL, 0, NULL, 0), TFCC_INVALID_ARGUMENT,
                   "an argument is NULL");
    expect_failure(tfcc_run(NULL, NULL, 0, NULL, 0), TFCC_INVALID_ARGUMENT, "an argument is NULL");
    expect_failure(tfcc_run(session, NULL, 1, NULL, 0), TFCC_INVALID_ARGUMENT,
                   "an argument is NULL");
    expect_failure(tfcc_run(session, NULL, 0, NULL, 1), TFCC_INVALID_ARGUMENT,
                   "an argument is NULL");
    tfcc_fetch nameless = {NULL, {0}};
    expect_failure(tfcc_run(session, NULL, 0, &nameless, 1), TFCC_INVALID_ARGUMENT,
                   "an argument is NULL");
    expect_ok(tfcc_run(session, NULL, 0, NULL, 0));
    cr_assert_eq(tfcc_initialize(NULL), TFCC_INVALID_ARGUMENT);
    tfcc_session_close(session);
    cr_assert_eq(tfcc_session_open(NULL, NULL, &session), TFCC_INVALID_ARGUMENT);
    cr_assert_null(session);
    cr_assert_eq(tfcc_session_open(&hand.model, NULL, NULL), TFCC_INVALID_ARGUMENT);
    tfcc_session_close(NULL);
    tfcc_tensor_free(NULL);
}

/* ---- Feeds of an unknown size: y = 2 p, with p of shape [batch, 2] ---- */

enum { BATCH = 0, P_BYTES = HAND_DERIVED, P_ELEMENTS };

static void settle_batch(int64_t *dims, uint32_t level) {
    if (level > 0) return;
    dims[P_BYTES] = dims[BATCH] > INT64_MAX / 8 ? INT64_MAX : dims[BATCH] * 8;
    dims[P_ELEMENTS] = dims[P_BYTES] / 4;
}

/* Makes buffer `buffer` [batch, 2]. */
static void make_batch(HandModel *hand, uint32_t buffer) {
    uint32_t shape[] = {BATCH, hand_number(hand, 2)};
    hand->buffers[buffer].shape = hand_list(hand, 2, shape);
    hand->buffers[buffer].bytes_slot = P_BYTES;
}

static void build_doubling(HandModel *hand) {
    hand_begin(hand, "doubling");
    hand->symbols[BATCH].name = "batch";
    hand->model.settle = settle_batch;
    uint32_t p = hand_buffer(hand, "p", TFCC_ABI_PLACEHOLDER, TFCC_FLOAT32, 2, 1, 2);
    uint32_t q = hand_buffer(hand, "q", TFCC_ABI_PLACEHOLDER, TFCC_FLOAT32, 1, 3);
    uint32_t y = hand_buffer(hand, "y", TFCC_ABI_VALUE, TFCC_FLOAT32, 2, 1, 2);
    uint32_t z = hand_buffer(hand, "z", TFCC_ABI_VALUE, TFCC_FLOAT32, 2, 1, 2);
    hand->buffers[z].offset_slot = hand_number(hand, 4096);
    make_batch(hand, p);
    make_batch(hand, y);
    make_batch(hand, z);
    hand_step(hand, "y", kernel_double);
    hand_input(hand, p);
    hand_output(hand, y);
    hand_slots(hand, 1, &(uint32_t){P_ELEMENTS});
    hand_step(hand, "z", kernel_double);
    hand_input(hand, y);
    hand_output(hand, z);
    hand_slots(hand, 1, &(uint32_t){P_ELEMENTS});
    uint32_t axes[] = {BATCH, NONE};
    hand_feed(hand, p, 2, axes);
    hand_feed(hand, q, 1, (uint32_t[]){BATCH});
    hand_feed(hand, y, 2, axes);
    hand_fetch(hand, "y", y);
    hand_fetch(hand, "z", z);
    hand_fetch(hand, "p", p);
    hand_fetch(hand, "flat", hand_alias(hand, "flat", y));
    hand->buffers[hand->fetches[3].buffer].rank = 1;
    hand->buffers[hand->fetches[3].buffer].shape = hand_list(hand, 1, &(uint32_t){P_ELEMENTS});
}

Test(runtime_run, shapes_follow_the_feeds) {
    static HandModel hand;
    build_doubling(&hand);
    tfcc_session *session = open_session(&hand);
    float x[6] = {1, 2, 3, 4, 5, 6};
    for (int64_t rows = 3; rows >= 0; rows--) {
        int64_t shape[] = {rows, 2}, y_shape[2] = {7, 7}, flat_shape[1] = {7};
        float y[6] = {0}, z[6] = {0}, flat[6] = {0};
        tfcc_feed feed = {"p", tfcc_array(TFCC_FLOAT32, x, shape, 2)};
        tfcc_fetch fetches[] = {{"z", {z, NULL, 0, TFCC_FLOAT32, sizeof z}},
                                {"y", {y, y_shape, 0, TFCC_FLOAT32, sizeof y}},
                                {"flat", {flat, flat_shape, 0, TFCC_FLOAT32, sizeof flat}}};
        expect_ok(tfcc_run(session, &feed, 1, fetches, 3));
        cr_assert(y_shape[0] == rows && y_shape[1] == 2 && fetches[1].tensor.rank == 2);
        cr_assert(flat_shape[0] == rows * 2 && fetches[2].tensor.rank == 1);
        for (int64_t i = 0; i < rows * 2; i++)
            cr_assert(y[i] == 2 * x[i] && z[i] == 4 * x[i] && flat[i] == 2 * x[i]);
        for (int64_t i = rows * 2; i < 6; i++) cr_assert(y[i] == 0 && z[i] == 0);
    }
    tfcc_session_close(session);
}

Test(runtime_run, fed_values_cut_the_graph) {
    static HandModel hand;
    build_doubling(&hand);
    tfcc_session *session = open_session(&hand);
    float y[2] = {10, 20}, z[2], again[2], flat[2];
    int64_t shape[] = {1, 2};
    tfcc_feed feed = {"y", tfcc_array(TFCC_FLOAT32, y, shape, 2)};
    tfcc_fetch fetches[] = {{"z", {z, NULL, 0, TFCC_FLOAT32, sizeof z}},
                            {"y", {again, NULL, 0, TFCC_FLOAT32, sizeof again}},
                            {"flat", {flat, NULL, 0, TFCC_FLOAT32, sizeof flat}}};
    expect_ok(tfcc_run(session, &feed, 1, fetches, 3));
    cr_assert(z[0] == 20 && z[1] == 40 && again[0] == 10 && again[1] == 20 && flat[1] == 20);
    cr_assert(fetches[1].tensor.rank == 2 && fetches[2].tensor.rank == 1);
    tfcc_session_close(session);
}

Test(runtime_run, wrong_feeds_are_refused_with_a_sentence) {
    static HandModel hand;
    build_doubling(&hand);
    tfcc_session *session = open_session(&hand);
    float data[8] = {0}, out[8];
    int64_t shape[] = {2, 2}, wide[] = {1, 3}, negative[] = {-1, 2};
    int64_t huge[] = {INT64_MAX, 2}, two[] = {2};
    tfcc_fetch fetch = {"y", {out, NULL, 0, TFCC_FLOAT32, sizeof out}};
    tfcc_feed good = {"p", tfcc_array(TFCC_FLOAT32, data, shape, 2)}, bad = good;
    expect_failure(tfcc_run(session, NULL, 0, &fetch, 1), TFCC_INVALID_ARGUMENT,
                   "you must feed a value for placeholder 'p' with dtype float32 and shape [?, 2]");
    bad.tensor.shape = wide;
    expect_failure(tfcc_run(session, &bad, 1, &fetch, 1), TFCC_INVALID_ARGUMENT,
                   "cannot feed a value of shape [1, 3] for 'p', which has shape [?, 2]");
    bad.tensor.rank = 1;
    expect_failure(tfcc_run(session, &bad, 1, &fetch, 1), TFCC_INVALID_ARGUMENT,
                   "cannot feed a value of shape [1] for 'p', which has shape [?, 2]");
    bad.tensor.rank = 9;
    expect_failure(tfcc_run(session, &bad, 1, &fetch, 1), TFCC_INVALID_ARGUMENT,
                   "feed 'p' was given rank 9; it is 0 to 8, with a shape");
    bad = good;
    bad.tensor.shape = NULL;
    expect_failure(tfcc_run(session, &bad, 1, &fetch, 1), TFCC_INVALID_ARGUMENT,
                   "feed 'p' was given rank 2; it is 0 to 8, with a shape");
    bad = good;
    bad.tensor.dtype = TFCC_FLOAT64;
    expect_failure(tfcc_run(session, &bad, 1, &fetch, 1), TFCC_INVALID_ARGUMENT,
                   "feed 'p' has dtype float32; it was given float64");
    bad = good;
    bad.tensor.data = NULL;
    expect_failure(tfcc_run(session, &bad, 1, &fetch, 1), TFCC_INVALID_ARGUMENT,
                   "feed 'p' was given 0 bytes of data; its shape needs 16");
    bad = good;
    bad.tensor.capacity = 12;
    expect_failure(tfcc_run(session, &bad, 1, &fetch, 1), TFCC_INVALID_ARGUMENT,
                   "feed 'p' was given 12 bytes of data; its shape needs 16");
    bad = good;
    bad.tensor.shape = negative;
    cr_assert_eq(tfcc_run(session, &bad, 1, &fetch, 1), TFCC_INVALID_ARGUMENT);
    bad.tensor.shape = huge;
    cr_assert_eq(tfcc_run(session, &bad, 1, &fetch, 1), TFCC_INVALID_ARGUMENT);
    tfcc_feed twice[] = {good, good};
    expect_failure(tfcc_run(session, twice, 2, &fetch, 1), TFCC_INVALID_ARGUMENT,
                   "feed 'p' is given twice");
    twice[1].name = "nobody";
    expect_failure(tfcc_run(session, twice, 2, &fetch, 1), TFCC_NOT_FOUND,
                   "graph 'doubling' has no feed 'nobody'");
    twice[1].name = "q"; /* needed by nobody, but checked */
    expect_failure(tfcc_run(session, twice, 2, &fetch, 1), TFCC_INVALID_ARGUMENT,
                   "cannot feed a value of shape [2, 2] for 'q', which has shape [?]");
    int64_t three[] = {3};
    twice[1].tensor = tfcc_array(TFCC_FLOAT32, data, three, 1);
    expect_failure(tfcc_run(session, twice, 2, &fetch, 1), TFCC_INVALID_ARGUMENT,
                   "dimension 'batch' is 3 in feed 'q' and 2 in feed 'p'");
    twice[1].tensor.shape = two;
    expect_ok(tfcc_run(session, twice, 2, &fetch, 1));
    expect_ok(tfcc_run(session, &good, 1, &fetch, 1));
    tfcc_session_close(session);
}

Test(runtime_run, wrong_fetches_are_refused_with_a_sentence) {
    static HandModel hand;
    build_doubling(&hand);
    tfcc_session *session = open_session(&hand);
    float data[4] = {1, 2, 3, 4}, out[8];
    int64_t shape[] = {2, 2}, small[] = {1, 2};
    tfcc_feed feed = {"p", tfcc_array(TFCC_FLOAT32, data, shape, 2)};
    tfcc_fetch good = {"y", {out, NULL, 0, TFCC_FLOAT32, sizeof out}}, bad = good;
    bad.name = "zz";
    expect_failure(tfcc_run(session, &feed, 1, &bad, 1), TFCC_NOT_FOUND,
                   "graph 'doubling' has no fetch 'zz'");
    bad = good;
    bad.tensor.dtype = TFCC_INT32;
    expect_failure(
        tfcc_run(session, &feed, 1, &bad, 1), TFCC_INVALID_ARGUMENT,
        "fetch 'y' is float32 of shape [2, 2], 16 bytes; it is asked for as int32, with room "
        "for 32");
    bad = good;
    bad.tensor.capacity = 15;
    expect_failure(
        tfcc_run(session, &feed, 1, &bad, 1), TFCC_INVALID_ARGUMENT,
        "fetch 'y' is float32 of shape [2, 2], 16 bytes; it is asked for as float32, with "
        "room for 15");
    bad.tensor = tfcc_array(TFCC_FLOAT32, out, small, 2);
    expect_failure(
        tfcc_run(session, &feed, 1, &bad, 1), TFCC_INVALID_ARGUMENT,
        "fetch 'y' is float32 of shape [2, 2], 16 bytes; it is asked for as float32, with "
        "room for 8");
    bad.tensor.data = NULL;
    expect_failure(
        tfcc_run(session, &feed, 1, &bad, 1), TFCC_INVALID_ARGUMENT,
        "fetch 'y' is float32 of shape [2, 2], 16 bytes; it is asked for as float32, with "
        "room for 0");
    bad = good;
    bad.tensor.data = data + 1;
    expect_failure(tfcc_run(session, &feed, 1, &bad, 1), TFCC_INVALID_ARGUMENT,
                   "the buffer of fetch 'y' overlaps that of feed 'p'");
    tfcc_fetch both[] = {good, good};
    both[1].name = "z";
    both[1].tensor.data = out + 3;
    expect_failure(tfcc_run(session, &feed, 1, both, 2), TFCC_INVALID_ARGUMENT,
                   "the buffer of fetch 'y' overlaps that of fetch 'z'");
    both[1].tensor.data = out + 4;
    expect_ok(tfcc_run(session, &feed, 1, both, 2));
    cr_assert(out[3] == 8 && out[4] == 4);
    tfcc_session_close(session);
}

Test(runtime_run, misaligned_and_doubled_are_fine) {
    static HandModel hand;
    build_doubling(&hand);
    tfcc_session *session = open_session(&hand);
    char bytes[2 * sizeof(float) + 1], out[2 * sizeof(float) + 1];
    float values[] = {3, 4}, result[2], again[2];
    memcpy(bytes + 1, values, sizeof values);
    int64_t shape[] = {1, 2};
    tfcc_feed feed = {"p", tfcc_array(TFCC_FLOAT32, bytes + 1, shape, 2)};
    tfcc_fetch fetches[] = {{"y", {out + 1, NULL, 0, TFCC_FLOAT32, sizeof values}},
                            {"y", {again, NULL, 0, TFCC_FLOAT32, sizeof again}},
                            {"y", {0}},
                            {"p", {result, NULL, 0, TFCC_FLOAT32, sizeof result}}};
    expect_ok(tfcc_run(session, &feed, 1, fetches, 4));
    cr_assert(result[0] == 3 && result[1] == 4 && again[0] == 6);
    memcpy(result, out + 1, sizeof result);
    cr_assert(result[0] == 6 && result[1] == 8);
    tfcc_session_close(session);
}

Test(runtime_run, results_can_be_obtained) {
    static HandModel hand;
    build_doubling(&hand);
    FailingAllocator allocator = {0};
    tfcc_options options = failing_options(&allocator);
    tfcc_session *session;
    expect_ok(tfcc_session_open(&hand.model, &options, &session));
    float values[] = {3, 4};
    int64_t shape[] = {1, 2}, none[] = {0, 2};
    tfcc_feed feed = {"p", tfcc_array(TFCC_FLOAT32, values, shape, 2)};
    tfcc_fetch fetches[] = {{"y", {.dtype = TFCC_FLOAT32}}, {"flat", {.dtype = TFCC_FLOAT32}}};
    expect_ok(tfcc_run(session, &feed, 1, fetches, 2));
    tfcc_tensor *y = &fetches[0].tensor;
    cr_assert(y->rank == 2 && y->shape[0] == 1 && y->shape[1] == 2 && y->capacity == 8);
    cr_assert_eq((uintptr_t)y->data % 64, 0);
    cr_assert(((float *)y->data)[1] == 8 && ((float *)fetches[1].tensor.data)[0] == 6);
    feed.tensor.shape = none;
    expect_ok(tfcc_run(session, &feed, 1, fetches, 2));
    cr_assert(y->rank == 2 && y->shape[0] == 0, "the block serves as a buffer");
    tfcc_fetch empty = {"y", {.dtype = TFCC_FLOAT32}};
    expect_ok(tfcc_run(session, &feed, 1, &empty, 1));
    cr_assert(empty.tensor.shape != NULL && empty.tensor.rank == 2);
    tfcc_session_close(session);
    tfcc_tensor_free(y);
    tfcc_tensor_free(y);
    tfcc_tensor_free(&fetches[1].tensor);
    tfcc_tensor_free(&empty.tensor);
    cr_assert_eq(allocator.balance, 0);
}

/* ---- Any rank: y = p, whatever p is ---- */

enum { ANY_RANK = 0, ANY_FIRST = 1, ANY_BYTES = HAND_DERIVED };

static void settle_any(int64_t *dims, uint32_t level) {
    (void)level;
    dims[ANY_BYTES] = 4;
    for (int i = 0; i < 7; i++) dims[ANY_BYTES] *= dims[ANY_FIRST + i];
}

Test(runtime_run, any_rank_is_delivered_as_it_was_fed) {
    static HandModel hand;
    hand_begin(&hand, "any");
    hand.model.settle = settle_any;
    uint32_t p = hand_buffer(&hand, "p", TFCC_ABI_PLACEHOLDER, TFCC_FLOAT32, 0);
    /* Eight symbols are all there are: the outermost axis is always one here. */
    uint32_t shape[8] = {hand_number(&hand, 1)}, axes[9] = {NONE};
    for (uint32_t i = 0; i < 7; i++) shape[i + 1] = axes[i + 1] = ANY_FIRST + i;
    axes[8] = ANY_RANK;
    hand.buffers[p].rank = 8;
    hand.buffers[p].rank_slot = ANY_RANK;
    hand.buffers[p].shape = hand_list(&hand, 8, shape);
    hand.buffers[p].bytes_slot = ANY_BYTES;
    uint32_t copy = hand_alias(&hand, "copy", p);
    hand_feed(&hand, p, NONE, axes);
    hand_fetch(&hand, "copy", copy);
    tfcc_session *session = open_session(&hand);
    for (int32_t rank = 0; rank < 8; rank++) {
        int64_t sizes[8] = {2, 1, 3, 1, 1, 2, 1, 1}, found[8];
        float values[12] = {1, 2, 3}, out[12];
        tfcc_feed feed = {"p", tfcc_array(TFCC_FLOAT32, values, sizes, rank)};
        tfcc_fetch fetch = {"copy", {out, found, 0, TFCC_FLOAT32, sizeof out}};
        expect_ok(tfcc_run(session, &feed, 1, &fetch, 1));
        cr_assert_eq(fetch.tensor.rank, rank);
        cr_assert_eq(memcmp(found, sizes, (size_t)rank * 8), 0);
        cr_assert_eq(out[0], 1);
    }
    tfcc_session_close(session);
}
