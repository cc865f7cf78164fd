/* two_models.c: several models in one program, one of them twice under different prefixes. */
#include "counter.h"
#include "names.h"
#include "network.h"
#include "program.h"
#include "second.h"

/* Names that are no identifiers have handles that are. */
static void odd_names(void) {
    tfcc_session *session = open_initialized(&names_model);
    float kernel[2], sum[2], next[2];
    int64_t two[] = {2};
    tfcc_fetch fetches[] = {{names_fetch_dense_kernel, tfcc_array(TFCC_FLOAT32, kernel, two, 1)},
                            {"dense/kernel", tfcc_array(TFCC_FLOAT32, sum, two, 1)},
                            {"a \"quoted\" name", tfcc_array(TFCC_FLOAT32, next, two, 1)}};
    CHECK_OK(names_run(session, NULL, 0, fetches, 3));
    CHECK(kernel[0] == 1 && sum[1] == 2 && next[0] == 5);
    tfcc_fetch twin[] = {{names_fetch_dense_kernel_2, tfcc_array(TFCC_FLOAT32, kernel, two, 1)},
                         {"gr\xc3\xb6\xc3\x9f"
                          "e",
                          tfcc_array(TFCC_FLOAT32, sum, two, 1)}};
    CHECK_OK(names_run(session, NULL, 0, twin, 2));
    CHECK(kernel[0] == 3 && sum[1] == 4);
    CHECK_OK(names_signature_default(session, next, sum, kernel));
    CHECK(next[1] == 7 && sum[1] == 6 && kernel[1] == 2);
    tfcc_session_close(session);
}

int main(void) {
    tfcc_session *first = open_initialized(&counter_model),
                 *second = open_initialized(&second_model);
    int32_t c = 0, a = 0;
    CHECK_OK(counter_signature_count(first, &c, &a));
    CHECK_OK(counter_signature_count(first, &c, &a));
    CHECK_OK(second_signature_count(second, &c, &a));
    CHECK(c == 2 && variable_int32(first, "a") == 3);
    CHECK(tfcc_session_model(first) == &counter_model &&
          tfcc_session_model(second) == &second_model);
    CHECK(tfcc_session_model(NULL) == NULL);

    /* A session of another model is refused, by every entry. */
    tfcc_fetch fetch = {"c", tfcc_int32(&c)}, handle = {second_fetch_c, tfcc_int32(&c)};
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, second_run(first, NULL, 0, &fetch, 1), "");
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, network_run(first, NULL, 0, &fetch, 1), "");
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, second_signature_count(first, &c, &a), "");
    /* A handle is its name, for whichever model has it. */
    CHECK_OK(counter_run(first, NULL, 0, &handle, 1));
    CHECK(c == 4);
    tfcc_session_close(first);
    tfcc_session_close(second);
    odd_names();
    return 0;
}
