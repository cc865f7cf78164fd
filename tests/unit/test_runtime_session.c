/* test_runtime_session.c: opening sessions, options, looking names up, what is in a model, statuses
 * and dtypes. */
#include "runtime_support.h"

#include <stdio.h>
#include <unistd.h>

#include "crc32c.h"

Test(runtime_session, statuses_and_dtypes_have_names) {
    cr_assert_str_eq(tfcc_status_name(TFCC_OK), "OK");
    cr_assert_str_eq(tfcc_status_name(TFCC_DATA_LOSS), "DATA_LOSS");
    cr_assert_str_eq(tfcc_status_name((tfcc_status)99), "");
    cr_assert_str_eq(tfcc_status_name((tfcc_status)-1), "");
    cr_assert_str_eq(tfcc_dtype_name(TFCC_BFLOAT16), "bfloat16");
    cr_assert_str_eq(tfcc_dtype_name((tfcc_dtype)7), "");
    cr_assert_str_eq(tfcc_dtype_name((tfcc_dtype)-7), "");
    cr_assert(tfcc_dtype_size(TFCC_UINT64) == 8 && tfcc_dtype_size(TFCC_BOOL) == 1);
    cr_assert(tfcc_dtype_size((tfcc_dtype)1000) == 0 && tfcc_dtype_size(TFCC_NONE) == 0);
    cr_assert_str_eq(tfcc_message(NULL), "");
}

Test(runtime_session, options_may_be_older_newer_or_wrong) {
    static HandModel hand;
    hand_counter(&hand);
    tfcc_session *session;
    struct {
        tfcc_options options;
        char newer[16];
    } given = {.options = {.size = sizeof given}};
    expect_ok(tfcc_session_open(&hand.model, &given.options, &session));
    tfcc_session_close(session);
    given.newer[3] = 1;
    expect_failure(tfcc_session_open(&hand.model, &given.options, &session), TFCC_INVALID_ARGUMENT,
                   "the options are of a later version");
    given.options.size = sizeof(size_t);
    expect_ok(tfcc_session_open(&hand.model, &given.options, &session));
    tfcc_session_close(session);
    given.options.size = 0;
    expect_failure(tfcc_session_open(&hand.model, &given.options, &session), TFCC_INVALID_ARGUMENT,
                   "options have size 0; set it");
    cr_assert_null(session);
    given.options = (tfcc_options){.size = sizeof given.options, .threads = -1};
    expect_failure(tfcc_session_open(&hand.model, &given.options, &session), TFCC_INVALID_ARGUMENT,
                   "-1 is no number of threads");
    given.options.threads = 4;
    given.options.allocator.allocate = failing_allocate;
    expect_failure(tfcc_session_open(&hand.model, &given.options, &session), TFCC_INVALID_ARGUMENT,
                   "an allocator needs both functions");
}

Test(runtime_session, models_that_do_not_fit_are_refused) {
    static HandModel hand;
    hand_counter(&hand);
    tfcc_session *session;
    hand.model.abi_version = 7;
    expect_failure(tfcc_session_open(&hand.model, NULL, &session), TFCC_FAILED_PRECONDITION,
                   "model of version 7, runtime of version 5: compile and link "
                   "with one tfcc");
    hand.model.abi_version = TFCC_ABI_VERSION;
    hand.model.struct_size--;
    cr_assert_eq(tfcc_session_open(&hand.model, NULL, &session), TFCC_FAILED_PRECONDITION);
    hand.model.struct_size++;
    hand.model.requires = "x86-64 warp-drive";
    hand.model.processor[TFCC_ABI_STATE] = UINT32_C(1) << 30; /* which no processor sets */
    expect_failure(
        tfcc_session_open(&hand.model, NULL, &session), TFCC_FAILED_PRECONDITION,
        "graph 'counter' needs a processor with 'x86-64 warp-drive': compile it for another "
        "--mcpu");
#if defined(__x86_64__)
    hand.model.requires = "x86-64 sse3";
    hand.model.processor[TFCC_ABI_STATE] = 0;
    hand.model.processor[TFCC_ABI_ONE_C] = 1;
    expect_ok(tfcc_session_open(&hand.model, NULL, &session));
    cr_assert_eq(tfcc_session_model(session), &hand.model);
    tfcc_session_close(session);
    static const struct {
        int word, bit;
        uint32_t state;
    } features[] = {{TFCC_ABI_ONE_C, 20, 0},
                    {TFCC_ABI_SEVEN_B, 5, 0x6},
                    {TFCC_ABI_SEVEN_B, 30, 0xe6},
                    {TFCC_ABI_SEVEN_B, 16, 0xe6}};
    bool has[] = {__builtin_cpu_supports("sse4.2") != 0, __builtin_cpu_supports("avx2") != 0,
                  __builtin_cpu_supports("avx512bw") != 0, __builtin_cpu_supports("avx512f") != 0};
    for (int i = 0; i < 4; i++) {
        memset(hand.model.processor, 0, sizeof hand.model.processor);
        hand.model.processor[features[i].word] = UINT32_C(1) << features[i].bit;
        hand.model.processor[TFCC_ABI_STATE] = features[i].state;
        cr_assert_eq(tfcc_session_open(&hand.model, NULL, &session) == TFCC_OK, has[i]);
        tfcc_session_close(session);
    }
#endif
    cr_assert_null(tfcc_session_model(NULL));
}

Test(runtime_session, many_sets_of_fetches_are_kept_within_bounds) {
    static HandModel hand;
    hand_counter(&hand);
    FailingAllocator allocator = {0};
    tfcc_options options = failing_options(&allocator);
    tfcc_session *session;
    expect_ok(tfcc_session_open(&hand.model, &options, &session));
    expect_ok(tfcc_initialize(session));
    int64_t most = 0;
    for (size_t round = 0; round < 3; round++) {
        for (size_t count = 1; count <= 150; count++) {
            tfcc_fetch fetches[150];
            int32_t values[150];
            for (size_t i = 0; i < count; i++)
                fetches[i] = (tfcc_fetch){i % 3 == 0 ? "b" : "a", tfcc_int32(&values[i])};
            expect_ok(tfcc_run(session, NULL, 0, fetches, count));
            for (size_t i = 0; i < count; i++) cr_assert_eq(values[i], 1);
        }
        if (round == 0) most = allocator.balance;
        cr_assert_leq(allocator.balance, most);
    }
    cr_assert_eq(fetch_int32(session, "c"), 2);
    tfcc_session_close(session);
    cr_assert_eq(allocator.balance, 0);
}

/* ---- Cancelling and tracing ---- */

static int traced;

static void trace(void *context, const char *step, uint64_t begin, uint64_t end) {
    cr_assert_str_eq(step, context);
    cr_assert_leq(begin, end);
    traced++;
}

Test(runtime_session, runs_are_traced_and_cancelled) {
    static HandModel hand;
    hand_counter(&hand);
    int cancel = 0;
    char step[] = "a";
    tfcc_options options = {
        .size = sizeof options, .cancel = &cancel, .trace = trace, .trace_context = step};
    tfcc_session *session;
    expect_ok(tfcc_session_open(&hand.model, &options, &session));
    expect_ok(tfcc_initialize(session));
    cr_assert_eq(traced, 1);
    step[0] = 'c';
    cr_assert_eq(fetch_int32(session, "c"), 2);
    cr_assert_eq(traced, 2);
    cancel = 1;
    expect_failure(run_target(session, "c"), TFCC_CANCELLED, "the run was cancelled");
    expect_failure(run_target(session, "b"), TFCC_CANCELLED, "the run was cancelled");
    cancel = 0;
    cr_assert_eq(fetch_int32(session, "a"), 2);
    tfcc_session_close(session);
}

/* ---- What is in a model ---- */

Test(runtime_session, models_are_described) {
    static HandModel hand;
    hand_counter(&hand);
    hand.symbols[2].name = "batch";
    uint32_t x = hand_buffer(&hand, "x", TFCC_ABI_PLACEHOLDER, TFCC_FLOAT32, 2, 1, 7);
    uint32_t shape[] = {2, hand_number(&hand, 7)};
    hand.buffers[x].shape = hand_list(&hand, 2, shape);
    hand_feed(&hand, x, 2, (uint32_t[]){2, NONE});
    hand_fetch(&hand, "x", x);
    hand_fetch(&hand, "init", NONE);
    hand.signatures[0].first_feed = hand_list(&hand, 1, &(uint32_t){0});
    hand.signatures[0].feed_count = 1;
    const tfcc_model *model = &hand.model;
    tfcc_description d;
    tfcc_signature signature;
    cr_assert_str_eq(tfcc_model_name(model), "counter");
    cr_assert(tfcc_model_feed_count(model) == 1 && tfcc_model_fetch_count(model) == 5);
    cr_assert(tfcc_model_variable_count(model) == 1 && tfcc_model_signature_count(model) == 1);
    expect_ok(tfcc_model_feed(model, 0, &d));
    cr_assert(strcmp(d.name, "x") == 0 && d.dtype == TFCC_FLOAT32 && d.rank == 2);
    cr_assert(d.shape[0] == -1 && d.shape[1] == 7 && strcmp(d.dimensions[0], "batch") == 0);
    expect_ok(tfcc_model_fetch(model, 3, &d));
    cr_assert(d.rank == 2 && d.shape[0] == -1 && d.shape[1] == 7 && d.dimensions[1] == NULL);
    expect_ok(tfcc_model_fetch(model, 4, &d));
    cr_assert(strcmp(d.name, "init") == 0 && d.dtype == TFCC_NONE);
    expect_ok(tfcc_model_variable(model, 0, &d));
    cr_assert(strcmp(d.name, "a") == 0 && d.dtype == TFCC_INT32 && d.rank == 0);
    expect_ok(tfcc_model_signature(model, 0, &signature));
    cr_assert(strcmp(signature.name, "count") == 0 && signature.fetch_count == 2);
    expect_ok(tfcc_model_signature_feed(model, 0, 0, &d));
    cr_assert_str_eq(d.name, "x");
    expect_ok(tfcc_model_signature_fetch(model, 0, 1, &d));
    cr_assert_str_eq(d.name, "a");
    cr_assert_eq(tfcc_model_feed(model, 1, &d), TFCC_OUT_OF_RANGE);
    cr_assert_eq(tfcc_model_fetch(model, 5, &d), TFCC_OUT_OF_RANGE);
    cr_assert_eq(tfcc_model_variable(model, 1, &d), TFCC_OUT_OF_RANGE);
    cr_assert_eq(tfcc_model_signature(model, 1, &signature), TFCC_OUT_OF_RANGE);
    cr_assert_eq(tfcc_model_signature_feed(model, 0, 1, &d), TFCC_OUT_OF_RANGE);
    cr_assert_eq(tfcc_model_signature_fetch(model, 0, 2, &d), TFCC_OUT_OF_RANGE);
    cr_assert_eq(tfcc_model_feed(NULL, 0, &d), TFCC_INVALID_ARGUMENT);
    cr_assert_eq(tfcc_model_fetch(model, 0, NULL), TFCC_INVALID_ARGUMENT);
    cr_assert(tfcc_model_feed_count(NULL) == 0 && tfcc_model_name(NULL)[0] == '\0');
    tfcc_session *session = open_session(&hand);
    int32_t value;
    tfcc_fetch fetch = {"init", tfcc_int32(&value)};
    expect_failure(tfcc_run(session, NULL, 0, &fetch, 1), TFCC_INVALID_ARGUMENT,
                   "'init' can only be a target, of dtype TFCC_NONE");
    expect_ok(run_target(session, "init"));
    tfcc_session_close(session);
}

/* ---- Side files ---- */

Test(runtime_session, side_files_are_mapped_and_compared) {
    static HandModel hand;
    hand_counter(&hand);
    char path[] = "/tmp/tfcc-side-XXXXXX";
    int file = mkstemp(path);
    unsigned char content[100];
    for (unsigned i = 0; i < sizeof content; i++) content[i] = (unsigned char)i;
    int32_t one = 1;
    memcpy(content + 64, &one, 4);
    cr_assert_eq(write(file, content, sizeof content), (ssize_t)sizeof content);
    static const uint64_t offsets[] = {0, 64, 0, 0};
    hand.buffers[1].data = NULL;
    hand.model.side_file = "/tmp/tfcc-no-such-file";
    hand.model.side_offsets = offsets;
    hand.model.side_bytes = sizeof content;
    hand.model.side_checksum = tfcc_crc32c(0, content, sizeof content);
    tfcc_options options = {.size = sizeof options, .side_file = path};
    tfcc_session *session;
    expect_failure(tfcc_session_open(&hand.model, NULL, &session), TFCC_NOT_FOUND,
                   "there is no file '/tmp/tfcc-no-such-file'");
    expect_ok(tfcc_session_open(&hand.model, &options, &session));
    expect_ok(tfcc_initialize(session));
    cr_assert_eq(fetch_int32(session, "c"), 2);
    tfcc_session_close(session);
    content[99] ^= 1;
    cr_assert_eq(pwrite(file, content, sizeof content, 0), (ssize_t)sizeof content);
    cr_assert_eq(tfcc_session_open(&hand.model, &options, &session), TFCC_DATA_LOSS);
    cr_assert_not_null(strstr(tfcc_message(NULL), "are not those of graph 'counter'"));
    cr_assert_eq(ftruncate(file, 99), 0);
    cr_assert_eq(tfcc_session_open(&hand.model, &options, &session), TFCC_DATA_LOSS);
    cr_assert_not_null(
        strstr(tfcc_message(NULL), "(99 bytes) are not those of graph 'counter' (100"));
    close(file);
    unlink(path);
}
