/* bench_counter.c: what a run of the scalar counter costs, by name, by handle and by signature; and
 * that it allocates nothing. Prints nanoseconds a run, the best of several rounds. Exit status 1
 * where a limit is exceeded. */
#include "../programs/hand_model.h"

#include <time.h>

static int allocations;

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

static double seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

enum { ROUNDS = 20, RUNS = 200000 };

static double best_by_name(tfcc_session *session, const tfcc_model *model, const char *c_name,
                           const char *a_name) {
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        int32_t c, a;
        tfcc_fetch fetches[] = {{c_name, tfcc_int32(&c)}, {a_name, tfcc_int32(&a)}};
        double begin = seconds();
        for (int i = 0; i < RUNS; i++)
            if (tfcc_run_model(model, session, NULL, 0, fetches, 2) != TFCC_OK) exit(1);
        double each = (seconds() - begin) / RUNS * 1e9;
        if (each < best) best = each;
        if (c != a) exit(1);
    }
    return best;
}

static double best_by_signature(tfcc_session *session, const tfcc_model *model) {
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        int32_t c, a;
        tfcc_tensor fetches[] = {tfcc_int32(&c), tfcc_int32(&a)};
        double begin = seconds();
        for (int i = 0; i < RUNS; i++)
            if (tfcc_run_signature(model, session, 0, NULL, fetches) != TFCC_OK) exit(1);
        double each = (seconds() - begin) / RUNS * 1e9;
        if (each < best) best = each;
        if (c != a) exit(1);
    }
    return best;
}

int main(void) {
    static HandModel counter;
    hand_counter(&counter);
    tfcc_options options = {.size = sizeof options,
                            .allocator = {counting_allocate, counting_release, NULL}};
    tfcc_session *session;
    if (tfcc_session_open(&counter.model, &options, &session) != TFCC_OK ||
        tfcc_initialize(session) != TFCC_OK) {
        fprintf(stderr, "error: %s\n", tfcc_message(NULL));
        return 1;
    }
    char c_name[] = "c", a_name[] = "a"; /* other addresses than the handles' */
    const char *c_handle = counter.fetches[0].handle, *a_handle = counter.fetches[1].handle;
    best_by_name(session, &counter.model, c_name, a_name);
    best_by_signature(session, &counter.model);
    int before = allocations;
    double by_name = best_by_name(session, &counter.model, c_name, a_name);
    double by_handle = best_by_name(session, &counter.model, c_handle, a_handle);
    double by_signature = best_by_signature(session, &counter.model);
    printf("counter: by name %.1f ns, by handle %.1f ns, by signature %.1f ns, %d allocations\n",
           by_name, by_handle, by_signature, allocations - before);
    tfcc_session_close(session);
    return by_name <= 150 && by_handle <= 30 && by_signature <= 30 && allocations == before ? 0 : 1;
}
