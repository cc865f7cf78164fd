/* levels.c: one object with code for three levels of the processor. A processor that lacks something is played by copies of the
 * model that ask for a bit no processor has. */
#include "network.h"
#include "program.h"
#include <math.h>
#include <tfcc/abi.h>

enum { MOST = 3, ROWS = 5 };

static float loss_of(const tfcc_model *model, float *probs) {
    static float x[ROWS * 4], labels[ROWS * 3];
    int64_t x_shape[] = {ROWS, 4}, labels_shape[] = {ROWS, 3}, shape[2];
    for (int k = 0; k < ROWS * 4; k++) x[k] = 0.3f * (float)(k % 7) - 0.8f;
    for (int k = 0; k < ROWS; k++) labels[3 * k + k % 3] = 1;
    tfcc_session *session = open_initialized(model);
    CHECK(tfcc_session_model(session) == model);
    float loss = 0;
    tfcc_feed feeds[] = {{"x", tfcc_array(TFCC_FLOAT32, x, x_shape, 2)},
                         {"labels", tfcc_array(TFCC_FLOAT32, labels, labels_shape, 2)}};
    tfcc_fetch fetches[] = {{"loss", tfcc_float32(&loss)},
                            {"probs", {probs, shape, 0, TFCC_FLOAT32, sizeof(float) * ROWS * 3}},
                            {"step", {.dtype = TFCC_NONE}}};
    for (int step = 0; step < 10; step++) CHECK_OK(tfcc_run(session, feeds, 2, fetches, 3));
    tfcc_session_close(session);
    return loss;
}

int main(void) {
    tfcc_model models[MOST];
    int count = 0;
    for (const tfcc_model *model = &network_model; model; model = model->alternative) {
        CHECK(count < MOST && strcmp(model->name, "network") == 0);
        CHECK(model->feeds == network_model.feeds && model->buffers == network_model.buffers);
        models[count++] = *model;
    }
#if defined(__x86_64__)
    CHECK(count == MOST && strcmp(models[MOST - 1].requires, "x86-64-v2") == 0);
#endif
    for (int k = 0; k + 1 < count; k++) models[k].alternative = &models[k + 1];

    /* Each version gives the same but for the order of sums, and the same bits again. */
    float probs[MOST][ROWS * 3], again[ROWS * 3], losses[MOST];
    for (int k = 0; k < count; k++) {
        losses[k] = loss_of(&models[0], probs[k]);
        CHECK(loss_of(&models[0], again) == losses[k]);
        CHECK(memcmp(again, probs[k], sizeof again) == 0);
        CHECK(isfinite(losses[k]) && fabsf(losses[k] - losses[0]) < 1e-5f);
        for (int i = 0; i < ROWS * 3; i++) CHECK(fabsf(probs[k][i] - probs[0][i]) < 1e-5f);
        models[k].processor[TFCC_ABI_STATE] |= UINT32_C(1) << 30;
    }

    /* When none is left the message says what the least of them needs. */
    tfcc_session *session;
    CHECK_FAILS(TFCC_FAILED_PRECONDITION, tfcc_session_open(&models[0], NULL, &session), "network");
    CHECK_FAILS(TFCC_FAILED_PRECONDITION, tfcc_session_open(&models[0], NULL, &session),
                models[count - 1].requires);
    return 0;
}
