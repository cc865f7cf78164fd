/* sessions.c: the counter through its generated header: by name, by handle, by typed function; what a session keeps. */
#include "counter.h"
#include "program.h"

static void values_by_name(void) {
    tfcc_session *session = open_session(&counter_model, NULL);
    int32_t c = -1, a = -1;
    tfcc_fetch fetches[] = {{"c", tfcc_int32(&c)}, {"a", tfcc_int32(&a)}};
    CHECK_FAILS(TFCC_FAILED_PRECONDITION, counter_run(session, NULL, 0, fetches, 2), "a");
    CHECK_OK(tfcc_initialize(session));
    for (int32_t run = 2; run < 5; run++) {
        CHECK_OK(counter_run(session, NULL, 0, fetches, 2));
        CHECK(c == run && a == run);
    }
    /* The variable alone, without the assignment. */
    CHECK_OK(counter_run(session, NULL, 0, &fetches[1], 1));
    CHECK(a == 4);
    CHECK_OK(tfcc_initialize(session));
    CHECK(variable_int32(session, "a") == 1);
    tfcc_session_close(session);
}

static void other_ways(void) {
    tfcc_session *session = open_initialized(&counter_model);
    int32_t c = 0, a = 0, again = 0;
    /* By handle, in another order, one twice. */
    tfcc_fetch fetches[] = {{counter_fetch_a, tfcc_int32(&a)},
                            {counter_fetch_c, tfcc_int32(&c)},
                            {"a", tfcc_int32(&again)}};
    CHECK_OK(counter_run(session, NULL, 0, fetches, 3));
    CHECK(c == 2 && a == 2 && again == 2);
    CHECK_OK(counter_signature_count(session, &c, &a));
    CHECK(c == 3 && a == 3);
    CHECK_OK(counter_signature_count(session, &c, NULL));
    CHECK(c == 4);
    /* A target: carried out, not delivered. */
    tfcc_fetch target = {"c", {NULL, NULL, 0, TFCC_NONE, 0}};
    CHECK_OK(counter_run(session, NULL, 0, &target, 1));
    CHECK(variable_int32(session, "a") == 5);
    /* Nothing at all. */
    CHECK_OK(counter_run(session, NULL, 0, NULL, 0));
    CHECK(variable_int32(session, "a") == 5);
    tfcc_session_close(session);
}

static void sessions_are_independent(void) {
    tfcc_session *first = open_initialized(&counter_model),
                 *second = open_initialized(&counter_model);
    int32_t c = 0;
    CHECK_OK(counter_signature_count(first, &c, NULL));
    CHECK_OK(counter_signature_count(first, &c, NULL));
    CHECK_OK(counter_signature_count(second, &c, NULL));
    CHECK(c == 2 && variable_int32(first, "a") == 3);
    tfcc_session_close(first);
    CHECK_OK(counter_signature_count(second, &c, NULL));
    CHECK(c == 3);
    tfcc_session_close(second);
    tfcc_session_close(NULL);
}

static void mistakes(void) {
    tfcc_session *session = open_initialized(&counter_model);
    int32_t c = 0;
    int64_t wide = 0;
    tfcc_fetch unknown = {"nope", tfcc_int32(&c)}, wrong = {"c", tfcc_int64(&wide)};
    tfcc_feed feed = {"nope", tfcc_int32(&c)}, constant = {"b", tfcc_int32(&c)};
    tfcc_fetch fetch = {"c", tfcc_int32(&c)};
    CHECK_FAILS(TFCC_NOT_FOUND, counter_run(session, NULL, 0, &unknown, 1), "nope");
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, counter_run(session, NULL, 0, &wrong, 1), "int64");
    CHECK_FAILS(TFCC_NOT_FOUND, counter_run(session, &feed, 1, &fetch, 1), "nope");
    /* A constant is fed only where the graph says that it may be. */
    CHECK_FAILS(TFCC_NOT_FOUND, counter_run(session, &constant, 1, &fetch, 1), "b");
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, counter_run(NULL, NULL, 0, &fetch, 1), "");
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, counter_run(session, NULL, 1, &fetch, 1), "");
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, counter_run(session, NULL, 0, NULL, 1), "");
    CHECK(variable_int32(session, "a") == 1);

    tfcc_session *none = session;
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, tfcc_session_open(NULL, NULL, &none), "");
    CHECK(none == NULL);
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, tfcc_session_open(&counter_model, NULL, NULL), "");
    tfcc_session_close(session);
}

static void contents(void) {
    tfcc_description description;
    tfcc_signature signature;
    CHECK(strcmp(tfcc_model_name(&counter_model), "counter") == 0);
    CHECK(tfcc_model_feed_count(&counter_model) == 0 &&
          tfcc_model_fetch_count(&counter_model) == 2);
    CHECK_OK(tfcc_model_fetch(&counter_model, 0, &description));
    CHECK(strcmp(description.name, "c") == 0 && description.dtype == TFCC_INT32 &&
          description.rank == 0);
    CHECK_OK(tfcc_model_variable(&counter_model, 0, &description));
    CHECK(strcmp(description.name, "a") == 0 && tfcc_model_variable_count(&counter_model) == 1);
    CHECK(tfcc_model_variable(&counter_model, 1, &description) == TFCC_OUT_OF_RANGE);
    CHECK_OK(tfcc_model_signature(&counter_model, 0, &signature));
    CHECK(strcmp(signature.name, "count") == 0 && signature.fetch_count == 2);
    CHECK(counter_c_RANK == 0 && counter_c_SIZE == 1);
}

int main(void) {
    values_by_name();
    other_ways();
    sessions_are_independent();
    mistakes();
    contents();
    return 0;
}
