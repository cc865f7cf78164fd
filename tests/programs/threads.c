/* threads.c: sessions and threads, to be run under the thread sanitizer (a plain program, for
 * Criterion does not start there).
 *
 * Eight threads of one session each run assign(v, v + 1) a thousand times: v grows by 8,000.
 * Meanwhile others of the same session read v and compute from it side by side. Then two sessions
 * in two threads count on their own. Exit status 1 and a sentence where not.
 */
#include "hand_model.h"

#include <pthread.h>

enum { THREADS = 8, READERS = 4, RUNS = 1000 };

#define require(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s does not hold: %s\n", __FILE__, __LINE__, #condition,       \
                    tfcc_message(NULL));                                                           \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static HandModel counter;

static void *count_up(void *session) {
    int32_t last = 0;
    for (int i = 0; i < RUNS; i++) {
        int32_t c, a;
        tfcc_fetch fetches[] = {{"c", tfcc_int32(&c)}, {"a", tfcc_int32(&a)}};
        require(tfcc_run(session, NULL, 0, fetches, 2) == TFCC_OK);
        require(c == a && c > last);
        last = c;
    }
    return NULL;
}

static void *read_value(void *session) {
    int32_t last = 0;
    for (int i = 0; i < RUNS; i++) {
        int32_t a, b, next;
        tfcc_fetch fetches[] = {
            {"a", tfcc_int32(&a)}, {"b", tfcc_int32(&b)}, {"next", tfcc_int32(&next)}};
        require(tfcc_run(session, NULL, 0, fetches, 3) == TFCC_OK);
        require(b == 1 && next == a + 1 && a >= last);
        last = a;
        tfcc_tensor value = tfcc_int32(&a);
        require(tfcc_variable_get(session, "a", &value) == TFCC_OK && a >= last);
        tfcc_fetch unknown = {"unknown", tfcc_int32(&a)};
        require(tfcc_run(session, NULL, 0, &unknown, 1) == TFCC_NOT_FOUND);
        require(strncmp(tfcc_message(session), "graph 'counter' has no fetch 'unknown'", 36) == 0);
    }
    return NULL;
}

static tfcc_session *open_counter(void) {
    tfcc_session *session;
    require(tfcc_session_open(&counter.model, NULL, &session) == TFCC_OK);
    require(tfcc_initialize(session) == TFCC_OK);
    return session;
}

static int32_t current_value(tfcc_session *session) {
    int32_t a;
    tfcc_fetch fetch = {"a", tfcc_int32(&a)};
    require(tfcc_run(session, NULL, 0, &fetch, 1) == TFCC_OK);
    return a;
}

static void join_all(pthread_t *threads, int count) {
    for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
}

int main(void) {
    hand_counter(&counter);
    /* next = a + b, a run of which is shared. The START buffer of a is 0, b is 1. */
    uint32_t next = hand_buffer(&counter, "next", TFCC_ABI_VALUE, TFCC_INT32, 0);
    hand_step(&counter, "next", hand_add_int32);
    hand_input(&counter, 0);
    hand_input(&counter, 1);
    hand_output(&counter, next);
    hand_fetch(&counter, "next", next);

    pthread_t threads[THREADS + READERS];
    tfcc_session *shared = open_counter();
    for (int i = 0; i < THREADS + READERS; i++)
        require(pthread_create(&threads[i], NULL, i < THREADS ? count_up : read_value, shared) ==
                0);
    join_all(threads, THREADS + READERS);
    require(current_value(shared) == 1 + THREADS * RUNS);
    tfcc_session_close(shared);

    tfcc_session *own[2] = {open_counter(), open_counter()};
    for (int i = 0; i < 2; i++) require(pthread_create(&threads[i], NULL, count_up, own[i]) == 0);
    join_all(threads, 2);
    for (int i = 0; i < 2; i++) {
        require(current_value(own[i]) == 1 + RUNS);
        tfcc_session_close(own[i]);
    }
    printf("threads: %d runs in one session counted %d\n", THREADS * RUNS, THREADS * RUNS);
    return 0;
}
