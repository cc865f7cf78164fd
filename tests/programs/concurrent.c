/* concurrent.c: two sessions in two threads, and one session called from many. Also built with the thread sanitizer. */
#include <pthread.h>

#include "counter.h"
#include "network.h"
#include "program.h"

enum { THREADS = 8, RUNS = 1000, BATCH = 4 };

static void *count(void *session) {
    int32_t c;
    tfcc_fetch fetch = {counter_fetch_c, tfcc_int32(&c)};
    for (int run = 0; run < RUNS; run++) CHECK_OK(counter_run(session, NULL, 0, &fetch, 1));
    return NULL;
}

static void run_threads(size_t threads, void *(*body)(void *), void *const *arguments) {
    pthread_t ids[THREADS];
    for (size_t k = 0; k < threads; k++)
        CHECK(pthread_create(&ids[k], NULL, body, arguments[k]) == 0);
    for (size_t k = 0; k < threads; k++) CHECK(pthread_join(ids[k], NULL) == 0);
}

/* Eight threads that each add a thousand times. */
static void one_session(void) {
    tfcc_session *session = open_initialized(&counter_model);
    void *arguments[THREADS];
    for (size_t k = 0; k < THREADS; k++) arguments[k] = session;
    run_threads(THREADS, count, arguments);
    CHECK(variable_int32(session, "a") == 1 + THREADS * RUNS);
    tfcc_session_close(session);
}

static void two_sessions(void) {
    void *arguments[2] = {open_initialized(&counter_model), open_initialized(&counter_model)};
    run_threads(2, count, arguments);
    for (int k = 0; k < 2; k++) {
        CHECK(variable_int32(arguments[k], "a") == 1 + RUNS);
        tfcc_session_close(arguments[k]);
    }
}

/* Readers beside a writer: what is read is always from before or after a step, never from its middle. A step moves the bias so
 * that its elements sum to zero, whatever the batch. */
typedef struct Worker {
    tfcc_session *session;
    int number;
} Worker;

static float x[BATCH * 4], labels[BATCH * 3];
static int64_t x_shape[] = {BATCH, 4}, labels_shape[] = {BATCH, 3};

static void *work(void *argument) {
    Worker *worker = argument;
    tfcc_tensor fed = tfcc_array(TFCC_FLOAT32, x, x_shape, 2);
    for (int run = 0; run < RUNS / 4; run++) {
        if (worker->number == 0) {
            float loss;
            tfcc_tensor wanted = tfcc_array(TFCC_FLOAT32, labels, labels_shape, 2);
            CHECK_OK(network_signature_train(worker->session, &fed, &wanted, &loss));
        } else if (worker->number == 1) {
            float b[3];
            int64_t shape[] = {3};
            tfcc_tensor bias = tfcc_array(TFCC_FLOAT32, b, shape, 1);
            CHECK_OK(tfcc_variable_get(worker->session, "b", &bias));
            float sum = b[0] + b[1] + b[2];
            CHECK(sum > -1e-3f && sum < 1e-3f);
        } else if (worker->number == 2 && run % 50 == 0) {
            tfcc_saved saved;
            CHECK_OK(tfcc_save_memory(worker->session, NULL, &saved));
            tfcc_saved_free(&saved);
        } else {
            tfcc_tensor probs = {NULL, NULL, 0, TFCC_FLOAT32, 0};
            CHECK_OK(network_signature_predict(worker->session, &fed, &probs));
            const float *p = probs.data;
            CHECK(p[0] + p[1] + p[2] > 0.999f && p[0] + p[1] + p[2] < 1.001f);
            tfcc_tensor_free(&probs);
        }
    }
    return NULL;
}

static void readers_and_a_writer(void) {
    for (int k = 0; k < BATCH * 4; k++) x[k] = (float)(k % 5) - 2;
    for (int k = 0; k < BATCH; k++) labels[3 * k + k % 3] = 1;
    Worker workers[THREADS];
    void *arguments[THREADS];
    tfcc_session *session = open_initialized(&network_model);
    for (int k = 0; k < THREADS; k++) {
        workers[k] = (Worker){session, k};
        arguments[k] = &workers[k];
    }
    run_threads(THREADS, work, arguments);
    tfcc_session_close(session);
}

/* Failures keep their sentences apart. */
static void *fail(void *argument) {
    Worker *worker = argument;
    char name[32];
    int32_t value;
    snprintf(name, sizeof name, "nope%d", worker->number);
    for (int run = 0; run < RUNS / 4; run++) {
        tfcc_fetch fetch = {name, tfcc_int32(&value)};
        CHECK_FAILS(TFCC_NOT_FOUND, counter_run(worker->session, NULL, 0, &fetch, 1), name);
    }
    return NULL;
}

static void messages(void) {
    Worker workers[THREADS];
    void *arguments[THREADS];
    tfcc_session *session = open_initialized(&counter_model);
    for (int k = 0; k < THREADS; k++) {
        workers[k] = (Worker){session, k};
        arguments[k] = &workers[k];
    }
    run_threads(THREADS, fail, arguments);
    tfcc_session_close(session);
}

int main(void) {
    one_session();
    two_sessions();
    readers_and_a_writer();
    messages();
    return 0;
}
