/* test_runtime_variables.c: writes of a run: what sees which value, and that a failed run changes
 * nothing. */
#include "runtime_support.h"

/* One int32 variable v, constant one, placeholder x; the steps of a test follow. */
typedef struct Graph {
    HandModel hand;
    uint32_t v, current, one, x;
} Graph;

static void begin_graph(Graph *g) {
    hand_begin(&g->hand, "graph");
    g->v = hand_variable(&g->hand, "v", TFCC_INT32, -1);
    g->current = hand_variable_buffer(&g->hand, "v/current", TFCC_ABI_CURRENT, g->v);
    g->one = hand_constant(&g->hand, "one", TFCC_INT32, &hand_one);
    g->x = hand_buffer(&g->hand, "x", TFCC_ABI_PLACEHOLDER, TFCC_INT32, 0);
    hand_feed(&g->hand, g->x, 0, NULL);
    hand_feed(&g->hand, g->v, 0, NULL);
    hand_feed(&g->hand, g->one, 0, NULL);
    hand_fetch_variable(&g->hand, g->v);
}

/* A step name = in (+ 1 where `add`) written to v. Gives its WRITE buffer, which is fetched by that
 * name. */
static uint32_t add_write(Graph *g, const char *name, uint32_t in, uint32_t flags, bool add) {
    HandModel *hand = &g->hand;
    uint32_t out = hand_variable_buffer(hand, name, TFCC_ABI_WRITE, g->v);
    hand_step(hand, name, add ? hand_add_int32 : hand_copy_int32);
    hand_argument(hand, in, TFCC_ABI_INPUT | flags, NONE);
    if (add) hand_input(hand, g->one);
    hand_output(hand, out);
    uint32_t step = hand->model.step_count - 1;
    hand_fetch(hand, name, out);
    hand_fetch_step(hand, step);
    return out;
}

/* A step name = in + 1 that is a VALUE and is fetched by that name. */
static uint32_t add_value(Graph *g, const char *name, uint32_t in) {
    HandModel *hand = &g->hand;
    uint32_t out = hand_buffer(hand, name, TFCC_ABI_VALUE, TFCC_INT32, 0);
    hand_step(hand, name, hand_add_int32);
    hand_input(hand, in);
    hand_input(hand, g->one);
    hand_output(hand, out);
    hand_fetch(hand, name, out);
    return out;
}

static uint32_t add_failing(Graph *g, const char *name, uint32_t in) {
    HandModel *hand = &g->hand;
    uint32_t out = hand_buffer(hand, name, TFCC_ABI_VALUE, TFCC_INT32, 0);
    hand_step(hand, name, kernel_check_positive);
    hand_input(hand, in);
    hand_output(hand, out);
    hand_check(hand, TFCC_INVALID_ARGUMENT,
               "positive: \1\1 is negative (%, half \2\2, \3\3, \1\13, 100 %)");
    hand_fetch(hand, name, out);
    return out;
}

static void set_v(tfcc_session *session, int32_t value) {
    tfcc_tensor tensor = tfcc_const_int32(&value);
    expect_ok(tfcc_variable_set(session, "v", &tensor));
}

static int32_t get_v(tfcc_session *session) {
    int32_t value;
    tfcc_tensor tensor = tfcc_int32(&value);
    expect_ok(tfcc_variable_get(session, "v", &tensor));
    return value;
}

static tfcc_status run_with(tfcc_session *session, int32_t x, const char *first, int32_t *one,
                            const char *second, int32_t *two) {
    tfcc_feed feed = {"x", tfcc_int32(&x)};
    tfcc_fetch fetches[] = {{first, tfcc_int32(one)}, {second, tfcc_int32(two)}};
    return tfcc_run(session, &feed, 1, fetches, second != NULL ? 2 : 1);
}

Test(runtime_variables, readers_see_the_start_unless_they_read_the_current_value) {
    static Graph g;
    begin_graph(&g);
    uint32_t same = TFCC_ABI_SAME_INDEX;
    add_write(&g, "w", g.v, same, true);
    add_value(&g, "before", g.v);
    add_value(&g, "after", g.current);
    uint32_t w2 = add_write(&g, "w2", g.current, same, true);
    add_value(&g, "of_w2", w2);
    hand_fetch(&g.hand, "start", hand_alias(&g.hand, "start", g.v));
    tfcc_session *session = open_session(&g.hand);
    set_v(session, 10);
    int32_t w, w2_value, before, after, of_w2, start, v;
    tfcc_fetch fetches[] = {{"w", tfcc_int32(&w)},
                            {"w2", tfcc_int32(&w2_value)},
                            {"before", tfcc_int32(&before)},
                            {"after", tfcc_int32(&after)},
                            {"of_w2", tfcc_int32(&of_w2)},
                            {"start", tfcc_int32(&start)},
                            {"v", tfcc_int32(&v)}};
    for (int i = 0; i < 3; i++) {
        int32_t was = get_v(session);
        expect_ok(tfcc_run(session, NULL, 0, fetches, 7));
        cr_assert(w == was + 1 && w2_value == was + 2 && before == was + 1 && after == was + 2);
        cr_assert(of_w2 == was + 3 && start == was && v == was + 2);
        cr_assert_eq(get_v(session), was + 2);
    }
    /* The same without the readers that keep the old value: everything may be in place. */
    expect_ok(run_target(session, "w"));
    expect_ok(run_target(session, "w2"));
    cr_assert_eq(get_v(session), 18);
    tfcc_session_close(session);
}

Test(runtime_variables, failing_runs_change_nothing) {
    /* The write may stand before or behind what fails. */
    for (int behind = 0; behind < 2; behind++) {
        static Graph g;
        begin_graph(&g);
        if (behind) add_failing(&g, "check", g.x);
        add_write(&g, "w", g.v, TFCC_ABI_SAME_INDEX, true);
        if (!behind) add_failing(&g, "check", g.x);
        tfcc_session *session = open_session(&g.hand);
        set_v(session, 5);
        int32_t w = 0, check = 0;
        expect_failure(run_with(session, -3, "w", &w, "check", &check), TFCC_INVALID_ARGUMENT,
                       "positive: -3 is negative (%, half -1.5, false, 77, 100 %)");
        cr_assert_eq(get_v(session), 5);
        expect_ok(run_with(session, 3, "w", &w, "check", &check));
        cr_assert(w == 6 && check == 3 && get_v(session) == 6);
        tfcc_session_close(session);
    }
}

Test(runtime_variables, a_write_that_may_fail_itself_is_not_in_place) {
    static Graph g;
    begin_graph(&g);
    uint32_t out = hand_variable_buffer(&g.hand, "w", TFCC_ABI_WRITE, g.v);
    hand_step(&g.hand, "w", kernel_check_positive);
    hand_input(&g.hand, g.x);
    hand_output(&g.hand, out);
    hand_check(&g.hand, TFCC_OUT_OF_RANGE, "w: \1\1 < 0");
    hand_fetch(&g.hand, "w", out);
    tfcc_session *session = open_session(&g.hand);
    set_v(session, 5);
    int32_t w;
    expect_failure(run_with(session, -3, "w", &w, NULL, NULL), TFCC_OUT_OF_RANGE, "w: -3 < 0");
    cr_assert_eq(get_v(session), 5);
    tfcc_session_close(session);
}

Test(runtime_variables, guards_choose_and_the_last_write_wins) {
    static Graph g;
    begin_graph(&g);
    uint32_t p = hand_buffer(&g.hand, "p", TFCC_ABI_PLACEHOLDER, TFCC_BOOL, 0);
    hand_feed(&g.hand, p, 0, NULL);
    uint32_t first = add_write(&g, "first", g.x, 0, false);
    uint32_t value = hand_buffer(&g.hand, "value", TFCC_ABI_VALUE, TFCC_INT32, 0);
    for (uint32_t taken = 0; taken < 2; taken++) { /* value = p ? x + 1 : x */
        hand_step(&g.hand, "value", taken ? hand_add_int32 : hand_copy_int32);
        hand_input(&g.hand, g.x);
        if (taken) hand_input(&g.hand, g.one);
        hand_output(&g.hand, value);
        hand_guard(&g.hand, p, taken);
    }
    hand_fetch(&g.hand, "value", value);
    add_write(&g, "second", first, 0, true);
    hand_guard(&g.hand, p, 1);
    hand_after(&g.hand, 0);
    tfcc_session *session = open_session(&g.hand);
    for (int32_t i = 0; i < 4; i++) {
        bool taken = i % 2 != 0;
        int32_t x = 100 * i, chosen, v;
        tfcc_feed feeds[] = {{"x", tfcc_int32(&x)}, {"p", tfcc_bool(&taken)}};
        tfcc_fetch fetches[] = {
            {"second", {0}}, {"value", tfcc_int32(&chosen)}, {"v", tfcc_int32(&v)}};
        expect_ok(tfcc_run(session, feeds, 2, fetches, 3));
        cr_assert(chosen == x + taken && v == x + taken && get_v(session) == v);
    }
    tfcc_session_close(session);
}

Test(runtime_variables, a_branch_that_reads_an_uninitialized_variable_fails_when_taken) {
    static Graph g;
    begin_graph(&g);
    uint32_t is = hand_buffer(&g.hand, "is", TFCC_ABI_INITIALIZED, TFCC_BOOL, 0);
    g.hand.buffers[is].variable = 0;
    uint32_t p = hand_buffer(&g.hand, "p", TFCC_ABI_PLACEHOLDER, TFCC_BOOL, 0);
    hand_feed(&g.hand, p, 0, NULL);
    uint32_t guards[] = {p, is};
    const char *names[] = {"if_p", "if_initialized"};
    for (int i = 0; i < 2; i++) { /* p ? v + 1 : x */
        uint32_t value = hand_buffer(&g.hand, names[i], TFCC_ABI_VALUE, TFCC_INT32, 0);
        for (uint32_t taken = 0; taken < 2; taken++) {
            hand_step(&g.hand, names[i], taken ? hand_add_int32 : hand_copy_int32);
            hand_input(&g.hand, taken ? g.v : g.x);
            if (taken) hand_input(&g.hand, g.one);
            hand_output(&g.hand, value);
            hand_guard(&g.hand, guards[i], taken);
        }
        hand_fetch(&g.hand, names[i], value);
    }
    hand_fetch(&g.hand, "is", is);
    tfcc_session *session = open_session(&g.hand);
    bool yes = true, no = false, found = true;
    int32_t x = 7, value = 0;
    tfcc_feed feeds[] = {{"x", tfcc_int32(&x)}, {"p", tfcc_bool(&no)}};
    tfcc_fetch fetches[] = {{"if_p", tfcc_int32(&value)}, {"is", tfcc_bool(&found)}};
    expect_ok(tfcc_run(session, feeds, 2, fetches, 2));
    cr_assert(value == 7 && !found);
    feeds[1].tensor = tfcc_bool(&yes);
    cr_assert_eq(tfcc_run(session, feeds, 2, fetches, 2), TFCC_FAILED_PRECONDITION);
    fetches[0].name = "if_initialized";
    expect_ok(tfcc_run(session, feeds, 2, fetches, 2));
    cr_assert(value == 7 && !found);
    set_v(session, 40);
    expect_ok(tfcc_run(session, feeds, 2, fetches, 2));
    cr_assert(value == 41 && found);
    /* Feeding the variable stands for its value. */
    int32_t fed = 50;
    tfcc_feed feeds_v[] = {{"x", tfcc_int32(&x)}, {"v", tfcc_int32(&fed)}};
    expect_ok(tfcc_run(session, feeds_v, 2, fetches, 2));
    cr_assert(value == 51 && found && get_v(session) == 40);
    tfcc_session_close(session);
}

Test(runtime_variables, feeding_and_writing_a_variable_is_refused) {
    static Graph g;
    begin_graph(&g);
    add_write(&g, "w", g.v, 0, true);
    tfcc_session *session = open_session(&g.hand);
    int32_t fed = 50, out;
    tfcc_feed feed = {"v", tfcc_int32(&fed)};
    tfcc_fetch fetch = {"w", tfcc_int32(&out)};
    expect_failure(tfcc_run(session, &feed, 1, &fetch, 1), TFCC_INVALID_ARGUMENT,
                   "variable 'v' is fed, and written by 'w'");
    fetch.name = "v";
    expect_ok(tfcc_run(session, &feed, 1, &fetch, 1));
    cr_assert_eq(out, 50);
    feed.name = "one"; /* a constant that may be fed */
    set_v(session, 1);
    fetch.name = "w";
    expect_ok(tfcc_run(session, &feed, 1, &fetch, 1));
    cr_assert_eq(out, 51);
    tfcc_session_close(session);
}

/* ---- Vectors: preloading, in place or not ---- */

/* [in v: preloaded into out] [in value] [out]: out[1] = value */
static uint32_t kernel_update(void *const *buffers, const int64_t *dims, int64_t *failure) {
    (void)dims;
    (void)failure;
    memcpy((char *)buffers[2] + 4, buffers[1], 4);
    return 0;
}

Test(runtime_variables, preloaded_outputs_hold_the_old_value) {
    for (int keep = 0; keep < 2; keep++) {
        static HandModel hand;
        hand_begin(&hand, "scatter");
        uint32_t v = hand_variable(&hand, "v", TFCC_INT32, 3);
        uint32_t current = hand_variable_buffer(&hand, "v", TFCC_ABI_CURRENT, v);
        uint32_t out = hand_variable_buffer(&hand, "update", TFCC_ABI_WRITE, v);
        uint32_t one = hand_constant(&hand, "one", TFCC_INT32, &hand_one);
        hand_step(&hand, "update", kernel_update);
        hand_argument(&hand, current, TFCC_ABI_INPUT | TFCC_ABI_SAME_INDEX, NONE);
        hand_input(&hand, one);
        hand_argument(&hand, out, TFCC_ABI_OUTPUT | TFCC_ABI_PRELOADED, current);
        hand_fetch(&hand, "update", out);
        hand_fetch(&hand, "start", hand_alias(&hand, "start", v));
        tfcc_session *session = open_session(&hand);
        int32_t values[] = {7, 8, 9}, start[3], updated[3];
        int64_t shape[] = {3};
        tfcc_tensor tensor = tfcc_array(TFCC_INT32, values, shape, 1);
        expect_ok(tfcc_variable_set(session, "v", &tensor));
        tfcc_fetch fetches[] = {{"update", {updated, NULL, 0, TFCC_INT32, 12}},
                                {"start", {start, NULL, 0, TFCC_INT32, 12}}};
        expect_ok(tfcc_run(session, NULL, 0, fetches, keep ? 2 : 1));
        cr_assert(updated[0] == 7 && updated[1] == 1 && updated[2] == 9);
        if (keep) cr_assert(start[0] == 7 && start[1] == 8 && start[2] == 9);
        tfcc_tensor got = {.dtype = TFCC_INT32};
        expect_ok(tfcc_variable_get(session, "v", &got));
        cr_assert(got.rank == 1 && got.shape[0] == 3 && ((int32_t *)got.data)[1] == 1);
        tfcc_tensor_free(&got);
        tfcc_session_close(session);
    }
}

Test(runtime_variables, get_and_set_check_their_arguments) {
    static HandModel hand;
    hand_begin(&hand, "vectors");
    hand_variable(&hand, "v", TFCC_INT32, 3);
    hand_variable(&hand, "empty", TFCC_FLOAT32, 0);
    tfcc_session *session = open_session(&hand);
    int32_t values[4] = {1, 2, 3, 4};
    int64_t three[] = {3}, four[] = {4}, zero[] = {0};
    tfcc_tensor tensor = tfcc_array(TFCC_INT32, values, four, 1);
    expect_failure(tfcc_variable_set(session, "v", &tensor), TFCC_INVALID_ARGUMENT,
                   "variable 'v' has shape [3]; it was given [4]");
    expect_failure(tfcc_variable_set(session, "w", &tensor), TFCC_NOT_FOUND,
                   "graph 'vectors' has no variable 'w'");
    expect_failure(
        tfcc_variable_get(session, "v", &tensor), TFCC_FAILED_PRECONDITION,
        "attempting to use uninitialized value 'v': initialize, restore or set it first");
    tensor.shape = three;
    expect_ok(tfcc_variable_set(session, "v", &tensor));
    tensor.capacity = 8;
    expect_failure(
        tfcc_variable_get(session, "v", &tensor), TFCC_INVALID_ARGUMENT,
        "variable 'v' is int32 of shape [3], 12 bytes; it is asked for as int32, with room "
        "for 8");
    tfcc_tensor nothing = tfcc_array(TFCC_FLOAT32, NULL, zero, 1);
    expect_ok(tfcc_variable_set(session, "empty", &nothing));
    zero[0] = 9;
    expect_ok(tfcc_variable_get(session, "empty", &nothing));
    cr_assert_eq(zero[0], 0);
    cr_assert_eq(tfcc_variable_get(session, NULL, &nothing), TFCC_INVALID_ARGUMENT);
    cr_assert_eq(tfcc_variable_set(NULL, "v", &nothing), TFCC_INVALID_ARGUMENT);
    cr_assert_eq(tfcc_variable_set(session, "v", NULL), TFCC_INVALID_ARGUMENT);
    tfcc_session_close(session);
}

/* ---- Random numbers ---- */

/* [in counter: uint64] [out int64] */
static uint32_t kernel_counter(void *const *buffers, const int64_t *dims, int64_t *failure) {
    (void)dims;
    (void)failure;
    memcpy(buffers[1], buffers[0], 8);
    return 0;
}

Test(runtime_variables, random_runs_are_counted_when_they_succeed) {
    static Graph g;
    begin_graph(&g);
    uint32_t counter = hand_buffer(&g.hand, "random", TFCC_ABI_RANDOM, TFCC_UINT64, 0);
    uint32_t draw = hand_buffer(&g.hand, "draw", TFCC_ABI_VALUE, TFCC_INT64, 0);
    hand_step(&g.hand, "draw", kernel_counter);
    hand_input(&g.hand, counter);
    hand_output(&g.hand, draw);
    hand_fetch(&g.hand, "draw", draw);
    add_failing(&g, "check", g.x);
    tfcc_session *session = open_session(&g.hand);
    int64_t drawn;
    for (int i = 0; i < 3; i++) {
        tfcc_fetch fetch = {"draw", tfcc_int64(&drawn)};
        expect_ok(tfcc_run(session, NULL, 0, &fetch, 1));
        cr_assert_eq(drawn, i);
        int32_t x = -1, check;
        tfcc_feed feed = {"x", tfcc_int32(&x)};
        tfcc_fetch both[] = {{"draw", tfcc_int64(&drawn)}, {"check", tfcc_int32(&check)}};
        cr_assert_eq(tfcc_run(session, &feed, 1, both, 2), TFCC_INVALID_ARGUMENT);
    }
    tfcc_session_close(session);
}

/* ---- Allocation failures ---- */

Test(runtime_variables, every_allocation_may_fail_and_changes_nothing) {
    static Graph g;
    begin_graph(&g);
    uint32_t same = TFCC_ABI_SAME_INDEX;
    add_write(&g, "w", g.v, same, true);
    add_value(&g, "before", g.v);
    add_write(&g, "w2", g.current, same, true);
    add_failing(&g, "check", g.x);
    hand_step(&g.hand, "v", hand_copy_int32);
    hand_input(&g.hand, g.one);
    hand_output(&g.hand, hand_variable_buffer(&g.hand, "v/initial", TFCC_ABI_WRITE, g.v));
    hand_initial_steps(&g.hand, g.hand.model.step_count - 1, 1);
    bool failed = true;
    for (int fail_at = 1; failed; fail_at++) {
        cr_assert_lt(fail_at, 100);
        failed = false;
        FailingAllocator allocator = {.fail_at = fail_at};
        tfcc_options options = failing_options(&allocator);
        tfcc_session *session;
        tfcc_status status = tfcc_session_open(&g.hand.model, &options, &session);
        if (status != TFCC_OK) {
            failed = true;
            cr_assert(status == TFCC_RESOURCE_EXHAUSTED && session == NULL);
            cr_assert_eq(allocator.balance, 0);
            continue;
        }
        status = tfcc_initialize(session);
        if (status != TFCC_OK) {
            failed = true;
            cr_assert_eq(status, TFCC_RESOURCE_EXHAUSTED);
            expect_ok(tfcc_initialize(session));
        }
        int32_t x = 1, w = 0;
        tfcc_feed feed = {"x", tfcc_int32(&x)};
        tfcc_fetch fetches[] = {{"w", tfcc_int32(&w)},
                                {"before", {.dtype = TFCC_INT32}},
                                {"w2", {.dtype = TFCC_INT32}},
                                {"check", {.dtype = TFCC_INT32}}};
        status = tfcc_run(session, &feed, 1, fetches, 4);
        if (status != TFCC_OK) {
            failed = true;
            cr_assert_eq(status, TFCC_RESOURCE_EXHAUSTED);
            cr_assert_eq(strncmp(tfcc_message(session), "out of memory: ", 15), 0);
            cr_assert(fetches[1].tensor.data == NULL && fetches[2].tensor.shape == NULL);
            cr_assert_eq(get_v(session), 1);
            expect_ok(tfcc_run(session, &feed, 1, fetches, 4));
        }
        cr_assert(w == 2 && *(int32_t *)fetches[2].tensor.data == 3 && get_v(session) == 3);
        tfcc_session_close(session);
        for (int i = 1; i < 4; i++) tfcc_tensor_free(&fetches[i].tensor);
        cr_assert_eq(allocator.balance, 0);
    }
}

Test(runtime_variables, a_second_run_allocates_nothing) {
    static Graph g;
    begin_graph(&g);
    add_write(&g, "w", g.v, TFCC_ABI_SAME_INDEX, true);
    add_value(&g, "before", g.v);
    add_failing(&g, "check", g.x);
    FailingAllocator allocator = {0};
    tfcc_options options = failing_options(&allocator);
    tfcc_session *session;
    expect_ok(tfcc_session_open(&g.hand.model, &options, &session));
    set_v(session, 0);
    int32_t w, before;
    expect_ok(run_with(session, 1, "w", &w, "before", &before));
    int calls = allocator.calls;
    for (int i = 0; i < 10; i++) expect_ok(run_with(session, 1, "w", &w, "before", &before));
    cr_assert_eq(allocator.calls, calls);
    cr_assert(w == 11 && before == 11);
    tfcc_session_close(session);
    cr_assert_eq(allocator.balance, 0);
}
