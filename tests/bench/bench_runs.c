/* bench_runs.c: what runs cost: the scalar counter, by name, by handle and by typed function, and what it allocates; elementwise
 * chains and reductions over 16 MiB against a plain loop that reads, or reads and writes, the same bytes.
 *
 *     bench_runs [SLACK]
 */
#include "bench.h"

#include "counter.h"
#include "elementwise.h"
#include "reductions.h"

static void require(tfcc_status status) {
    if (status == TFCC_OK) return;
    fprintf(stderr, "error: %s\n", tfcc_message(NULL));
    exit(2);
}

/* ---- the counter ---- */

static size_t allocations;

static void *counting_allocate(void *context, size_t size, size_t alignment) {
    (void)context;
    allocations++;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void counting_release(void *context, void *block, size_t size) {
    (void)context;
    (void)size;
    free(block);
}

enum { COUNTER_ROUNDS = 15, COUNTER_RUNS = 100000 };

typedef enum Way { BY_NAME, BY_HANDLE, BY_FUNCTION } Way;

static double counter_round(tfcc_session *session, Way way, const char *c_name,
                            const char *a_name) {
    int32_t c, a;
    double begin = seconds_now();
    if (way == BY_FUNCTION) {
        for (int k = 0; k < COUNTER_RUNS; k++) require(counter_signature_count(session, &c, &a));
    } else {
        tfcc_fetch fetches[] = {{c_name, tfcc_int32(&c)}, {a_name, tfcc_int32(&a)}};
        for (int k = 0; k < COUNTER_RUNS; k++) require(counter_run(session, NULL, 0, fetches, 2));
    }
    return 1e9 * (seconds_now() - begin) / COUNTER_RUNS;
}

static void bench_counter(void) {
    tfcc_options options = {.size = sizeof options,
                            .allocator = {counting_allocate, counting_release, NULL}};
    tfcc_session *session;
    require(tfcc_session_open(&counter_model, &options, &session));
    require(tfcc_initialize(session));
    char c_name[] = "c", a_name[] = "a"; /* other addresses than the handles' */
    double times[3][COUNTER_ROUNDS];
    for (Way way = BY_NAME; way <= BY_FUNCTION; way++) counter_round(session, way, c_name, a_name);
    size_t before = allocations;
    for (int round = 0; round < COUNTER_ROUNDS; round++) {
        times[BY_NAME][round] = counter_round(session, BY_NAME, c_name, a_name);
        times[BY_HANDLE][round] =
            counter_round(session, BY_HANDLE, counter_fetch_c, counter_fetch_a);
        times[BY_FUNCTION][round] = counter_round(session, BY_FUNCTION, NULL, NULL);
    }
    bench_report("counter, by name", median(times[BY_NAME], COUNTER_ROUNDS), 150, "ns");
    bench_report("counter, by handle", median(times[BY_HANDLE], COUNTER_ROUNDS), 30, "ns");
    bench_report("counter, by typed function", median(times[BY_FUNCTION], COUNTER_ROUNDS), 30,
                 "ns");
    bench_report("counter, allocations", (double)(allocations - before), 0, "");
    tfcc_session_close(session);
}

/* ---- 16 MiB ---- */

enum { ELEMENTS = 4194304, ROUNDS = 31 };

/* Plain loops, kept as they are written: nothing may turn them into calls or drop them. */
__attribute__((noinline)) static void plain_copy(float *restrict y, const float *restrict x) {
    for (size_t k = 0; k < ELEMENTS; k++) y[k] = x[k];
    __asm__ volatile("" ::"r"(y) : "memory");
}

__attribute__((noinline)) static uint32_t plain_read(const float *x) {
    const uint32_t *words = (const void *)x;
    uint32_t all = 0;
    for (size_t k = 0; k < ELEMENTS; k++) all |= words[k];
    return all;
}

typedef struct Case {
    const char *name, *fetch;
    const tfcc_model *model;
    bool is_reduction, has_rows;
} Case;

static void bench_case(const Case *what, float *x, float *y) {
    int64_t flat[] = {ELEMENTS}, rows[] = {ELEMENTS / 1024, 1024}, shape[TFCC_MAX_RANK];
    tfcc_session *session;
    require(tfcc_session_open(what->model, NULL, &session));
    require(tfcc_initialize(session));
    tfcc_feed feed = {"x", tfcc_array(TFCC_FLOAT32, x, flat, 1)};
    if (what->has_rows) feed = (tfcc_feed){"rows", tfcc_array(TFCC_FLOAT32, x, rows, 2)};
    double plain[ROUNDS], model[ROUNDS];
    volatile uint32_t sink;
    for (int round = -2; round < ROUNDS; round++) {
        double begin = seconds_now();
        if (what->is_reduction)
            sink = plain_read(x);
        else
            plain_copy(y, x);
        double middle = seconds_now();
        tfcc_fetch fetch = {what->fetch, {y, shape, 0, TFCC_FLOAT32, sizeof(float) * ELEMENTS}};
        require(tfcc_run(session, &feed, 1, &fetch, 1));
        double end = seconds_now();
        if (round < 0) continue;
        plain[round] = middle - begin;
        model[round] = end - middle;
    }
    (void)sink;
    double plain_time = median(plain, ROUNDS), model_time = median(model, ROUNDS);
    char line[96];
    snprintf(line, sizeof line, "%s (%.2f ms, plain %.2f ms)", what->name, 1e3 * model_time,
             1e3 * plain_time);
    bench_report(line, model_time / plain_time, 1.3, "times");
    tfcc_session_close(session);
}

static void bench_memory(void) {
    static const Case cases[] = {
        {"chain of arithmetic", "arithmetic", &elementwise_model, false, false},
        {"chain of comparisons", "bounded", &elementwise_model, false, false},
        {"chain, unknown batch", "normalized", &elementwise_model, false, true},
        {"reduce_sum", "sum", &reductions_model, true, false},
        {"reduce_max", "largest", &reductions_model, true, false},
        {"sqrt(reduce_sum(square))", "norm", &reductions_model, true, false},
        {"reduce_mean of rows", "row_means", &reductions_model, true, true},
        {"reduce_sum of columns", "column_sums", &reductions_model, true, true},
    };
    float *x = aligned_alloc(64, sizeof(float) * ELEMENTS),
          *y = aligned_alloc(64, sizeof(float) * ELEMENTS);
    if (!x || !y) exit(2);
    for (size_t k = 0; k < ELEMENTS; k++) x[k] = (float)(k % 1000) * 0.001f;
    memset(y, 0, sizeof(float) * ELEMENTS);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) bench_case(&cases[k], x, y);
    free(x);
    free(y);
}

int main(int count, char **arguments) {
    if (count > 1) bench_slack = atof(arguments[1]);
    bench_counter();
    bench_memory();
    return bench_failures ? 1 : 0;
}
