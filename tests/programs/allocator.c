/* allocator.c: memory that runs out at any call, on a model with variables, unknown sizes and random initial values.
 *
 * Each piece of work is tried with the first, the second, … allocation refused until none is left to refuse: every failure must
 * be RESOURCE_EXHAUSTED and change nothing, and whatever was obtained must be given back.
 */
#include "network.h"
#include "program.h"

typedef struct Supply {
    long refused_at; /* the call that is refused, counted from 1; 0: none */
    long calls, balance;
} Supply;

static void *allocate(void *context, size_t size, size_t alignment) {
    Supply *supply = context;
    if (++supply->calls == supply->refused_at) return NULL;
    void *block = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (block) {
        memset(block, 0xA5, size);
        supply->balance += (long)size;
    }
    return block;
}

static void release(void *context, void *block, size_t size) {
    Supply *supply = context;
    supply->balance -= (long)size;
    free(block);
}

enum { BATCH = 5 };
static float x[BATCH * 4], labels[BATCH * 3];
static const int64_t x_shape[] = {BATCH, 4}, labels_shape[] = {BATCH, 3};

static void read_weights(tfcc_session *session, float w[12]) {
    int64_t shape[] = {4, 3};
    tfcc_tensor tensor = tfcc_array(TFCC_FLOAT32, w, shape, 2);
    CHECK_OK(tfcc_variable_get(session, "w", &tensor));
}

/* One step of training that also asks for results to be obtained. */
static tfcc_status train(tfcc_session *session, tfcc_fetch fetches[3]) {
    static float loss;
    tfcc_feed feeds[] = {{"x", tfcc_array(TFCC_FLOAT32, x, x_shape, 2)},
                         {"labels", tfcc_array(TFCC_FLOAT32, labels, labels_shape, 2)}};
    fetches[0] = (tfcc_fetch){"loss", tfcc_float32(&loss)};
    fetches[1] = (tfcc_fetch){"probs", {NULL, NULL, 0, TFCC_FLOAT32, 0}};
    fetches[2] = (tfcc_fetch){"step", {NULL, NULL, 0, TFCC_NONE, 0}};
    return network_run(session, feeds, 2, fetches, 3);
}

/* The step in a new session, with allocation `refused_at` of it refused. False once it was not refused any more. */
static bool train_refused(long refused_at) {
    Supply supply = {0, 0, 0};
    tfcc_options options = {.size = sizeof options};
    options.allocator = (tfcc_allocator){allocate, release, &supply};
    tfcc_session *session = open_session(&network_model, &options);
    CHECK_OK(tfcc_initialize(session));
    float before[12], after[12];
    read_weights(session, before);
    supply.calls = 0;
    supply.refused_at = refused_at;
    tfcc_fetch fetches[3];
    tfcc_status status = train(session, fetches);
    supply.refused_at = 0;
    read_weights(session, after);
    if (status != TFCC_OK) {
        CHECK(status == TFCC_RESOURCE_EXHAUSTED);
        CHECK(memcmp(before, after, sizeof before) == 0);
        CHECK(fetches[1].tensor.data == NULL);
        /* The session is as good as before. */
        CHECK_OK(train(session, fetches));
        read_weights(session, after);
    }
    CHECK(memcmp(before, after, sizeof before) != 0);
    tfcc_tensor_free(&fetches[1].tensor);
    tfcc_session_close(session);
    CHECK(supply.balance == 0);
    return status != TFCC_OK;
}

static bool open_refused(long refused_at) {
    Supply supply = {refused_at, 0, 0};
    tfcc_options options = {.size = sizeof options};
    options.allocator = (tfcc_allocator){allocate, release, &supply};
    tfcc_session *session = (tfcc_session *)&supply;
    tfcc_status status = tfcc_session_open(&network_model, &options, &session);
    if (status == TFCC_OK) status = tfcc_initialize(session);
    CHECK(status == TFCC_OK || status == TFCC_RESOURCE_EXHAUSTED);
    if (status != TFCC_OK && session) {
        /* Initializing failed: no variable has a value. */
        float w[12];
        int64_t shape[] = {4, 3};
        tfcc_tensor tensor = tfcc_array(TFCC_FLOAT32, w, shape, 2);
        CHECK(tfcc_variable_get(session, "w", &tensor) == TFCC_FAILED_PRECONDITION);
    }
    tfcc_session_close(session);
    CHECK(supply.balance == 0);
    return status != TFCC_OK;
}

/* Saving to memory and restoring from it. */
static bool restore_refused(long refused_at) {
    Supply supply = {0, 0, 0};
    tfcc_options options = {.size = sizeof options};
    options.allocator = (tfcc_allocator){allocate, release, &supply};
    tfcc_session *session = open_session(&network_model, &options);
    CHECK_OK(tfcc_initialize(session));
    float before[12], after[12];
    read_weights(session, before);
    supply.calls = 0;
    supply.refused_at = refused_at;
    tfcc_saved saved = {NULL, 0, NULL, 0};
    tfcc_status status = tfcc_save_memory(session, NULL, &saved);
    if (status == TFCC_OK) {
        tfcc_bytes index = {saved.index, saved.index_size}, data = {saved.data, saved.data_size};
        status = tfcc_restore_memory(session, index, &data, 1, NULL);
    }
    CHECK(status == TFCC_OK || status == TFCC_RESOURCE_EXHAUSTED);
    supply.refused_at = 0;
    read_weights(session, after);
    CHECK(memcmp(before, after, sizeof before) == 0);
    tfcc_saved_free(&saved);
    tfcc_session_close(session);
    CHECK(supply.balance == 0);
    return status != TFCC_OK;
}

/* Runs of the same sizes allocate once; reserved ones not at all. */
static void nothing_is_allocated_twice(void) {
    Supply supply = {0, 0, 0};
    tfcc_options options = {.size = sizeof options};
    options.allocator = (tfcc_allocator){allocate, release, &supply};
    tfcc_session *session = open_session(&network_model, &options);
    CHECK_OK(tfcc_initialize(session));
    tfcc_feed feeds[] = {{"labels", tfcc_array(TFCC_FLOAT32, labels, labels_shape, 2)},
                         {"x", tfcc_array(TFCC_FLOAT32, x, x_shape, 2)}};
    float loss;
    tfcc_fetch fetches[] = {{"step", {NULL, NULL, 0, TFCC_NONE, 0}}, {"loss", tfcc_float32(&loss)}};
    CHECK_OK(tfcc_reserve(session, feeds, 2, fetches, 2));
    supply.calls = 0;
    for (int run = 0; run < 10; run++) CHECK_OK(network_run(session, feeds, 2, fetches, 2));
    CHECK(supply.calls == 0);
    tfcc_session_close(session);
    CHECK(supply.balance == 0);
}

int main(void) {
    for (int k = 0; k < BATCH * 4; k++) x[k] = (float)(k % 7) - 3;
    for (int k = 0; k < BATCH; k++) labels[3 * k + k % 3] = 1;
    long count = 1;
    while (open_refused(count)) count++;
    CHECK(count > 1);
    for (count = 1; train_refused(count);) count++;
    CHECK(count > 1);
    for (count = 1; restore_refused(count);) count++;
    nothing_is_allocated_twice();
    return 0;
}
