/* network.c: training through one signature, predicting through another; two sessions, and a checkpoint between them. */
#include "network.h"
#include "program.h"

enum { BATCH = 6, STEPS = 300 };

static float x[BATCH * 4], labels[BATCH * 3];
static int64_t x_shape[] = {BATCH, 4}, labels_shape[] = {BATCH, 3};

static void make_data(void) {
    for (int row = 0; row < BATCH; row++) {
        for (int k = 0; k < 4; k++) x[4 * row + k] = row % 3 == k % 3 ? 1.0f : 0.1f * (float)row;
        labels[3 * row + row % 3] = 1;
    }
}

static float train(tfcc_session *session, int steps) {
    tfcc_tensor fed = tfcc_array(TFCC_FLOAT32, x, x_shape, 2);
    tfcc_tensor wanted = tfcc_array(TFCC_FLOAT32, labels, labels_shape, 2);
    float loss = 0;
    for (int step = 0; step < steps; step++)
        CHECK_OK(network_signature_train(session, &fed, &wanted, &loss));
    return loss;
}

static void predict(tfcc_session *session, int rows, float *probs) {
    int64_t shape[] = {rows, 4}, result[2];
    tfcc_tensor fed = tfcc_array(TFCC_FLOAT32, x, shape, 2);
    tfcc_tensor fetched = {probs, result, 0, TFCC_FLOAT32, sizeof(float) * BATCH * 3};
    CHECK_OK(network_signature_predict(session, &fed, &fetched));
    CHECK(fetched.rank == 2 && result[0] == rows && result[1] == 3);
}

int main(int count, char **arguments) {
    make_data();
    tfcc_session *session = open_initialized(&network_model),
                 *other = open_initialized(&network_model);
    float first = train(session, 1), last = train(session, STEPS);
    CHECK(first > 0.3f && last < 0.1f && last > 0);
    CHECK(train(other, 1) == first);

    /* Any number of rows, and the rows do not know of each other. */
    float probs[BATCH * 3], row[BATCH * 3], restored[BATCH * 3];
    predict(session, BATCH, probs);
    for (int k = 0; k < BATCH; k++) CHECK(probs[3 * k + k % 3] > 0.8f);
    predict(session, 1, row);
    CHECK(memcmp(row, probs, 3 * sizeof *row) == 0);

    char prefix[4096], path[4096];
    snprintf(prefix, sizeof prefix, "%s/network/model.ckpt", count > 1 ? arguments[1] : ".");
    CHECK_OK(tfcc_save(session, prefix));
    tfcc_session_close(session);
    CHECK_OK(tfcc_restore(other, prefix));
    predict(other, BATCH, restored);
    CHECK(memcmp(restored, probs, sizeof probs) == 0);
    *strrchr(prefix, '/') = '\0';
    CHECK_OK(tfcc_latest_checkpoint(prefix, NULL, path, sizeof path));
    CHECK(strncmp(path, prefix, strlen(prefix)) == 0);

    /* Another batch size than the labels' is refused, naming the dimension. */
    int64_t fewer[] = {BATCH - 1, 3};
    float loss;
    tfcc_tensor fed = tfcc_array(TFCC_FLOAT32, x, x_shape, 2);
    tfcc_tensor wanted = tfcc_array(TFCC_FLOAT32, labels, fewer, 2);
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, network_signature_train(other, &fed, &wanted, &loss),
                "batch");
    predict(other, BATCH, restored);
    CHECK(memcmp(restored, probs, sizeof probs) == 0);
    tfcc_session_close(other);
    return 0;
}
