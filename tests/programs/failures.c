/* failures.c: a run that fails changes nothing, whatever it fails by; cancelling; tracing. */
#include "failures.h"
#include "program.h"

static void checks(void) {
    tfcc_session *session = open_initialized(&failures_model);
    int32_t divisor = 0, index = 3, write = 0, quotient = 0, entry = 0;
    tfcc_feed feeds[] = {{"divisor", tfcc_int32(&divisor)}, {"index", tfcc_int32(&index)}};
    tfcc_fetch division[] = {{"write", tfcc_int32(&write)}, {"quotient", tfcc_int32(&quotient)}};
    tfcc_fetch lookup[] = {{"entry", tfcc_int32(&entry)}, {"write", tfcc_int32(&write)}};
    tfcc_fetch assertion = {"positive", {NULL, NULL, 0, TFCC_NONE, 0}};
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, failures_run(session, feeds, 2, division, 2), "quotient");
    CHECK(variable_int32(session, "v") == 10);
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, failures_run(session, feeds, 2, lookup, 2), "entry");
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, failures_run(session, feeds, 2, lookup, 2), "3");
    CHECK(variable_int32(session, "v") == 10);
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, failures_run(session, feeds, 2, &assertion, 1), "positive");
    CHECK(variable_int32(session, "v") == 10);

    divisor = 7;
    index = 2;
    CHECK_OK(failures_run(session, feeds, 2, division, 2));
    CHECK(write == 11 && quotient == 14);
    CHECK_OK(failures_run(session, feeds, 2, lookup, 2));
    CHECK(write == 12 && entry == 7);
    CHECK_OK(failures_run(session, feeds, 2, &assertion, 1));
    CHECK(variable_int32(session, "v") == 13);
    tfcc_session_close(session);
}

static void cancelling(void) {
    volatile int cancel = 0;
    tfcc_options options = {.size = sizeof options};
    options.cancel = &cancel;
    tfcc_session *session = open_session(&failures_model, &options);
    CHECK_OK(tfcc_initialize(session));
    int32_t write = 0;
    tfcc_fetch fetch = {"write", tfcc_int32(&write)};
    CHECK_OK(failures_run(session, NULL, 0, &fetch, 1));
    cancel = 1;
    CHECK(failures_run(session, NULL, 0, &fetch, 1) == TFCC_CANCELLED);
    cancel = 0;
    CHECK(variable_int32(session, "v") == 11);
    CHECK_OK(failures_run(session, NULL, 0, &fetch, 1));
    CHECK(write == 12);
    tfcc_session_close(session);
}

typedef struct Seen {
    int steps;
    bool named, ordered;
    uint64_t last;
} Seen;

static void trace(void *context, const char *step, uint64_t begin, uint64_t end) {
    Seen *seen = context;
    seen->steps++;
    if (strcmp(step, "quotient") == 0) seen->named = true;
    if (begin > end || begin < seen->last) seen->ordered = false;
    seen->last = end;
}

static void tracing(void) {
    Seen seen = {0, false, true, 0};
    tfcc_options options = {.size = sizeof options};
    options.trace = trace;
    options.trace_context = &seen;
    tfcc_session *session = open_session(&failures_model, &options);
    CHECK_OK(tfcc_initialize(session));
    int32_t divisor = 5, quotient = 0;
    tfcc_feed feed = {"divisor", tfcc_int32(&divisor)};
    tfcc_fetch fetch = {"quotient", tfcc_int32(&quotient)};
    CHECK_OK(failures_run(session, &feed, 1, &fetch, 1));
    CHECK(quotient == 20 && seen.steps > 0 && seen.named && seen.ordered);
    tfcc_session_close(session);
}

int main(void) {
    checks();
    cancelling();
    tracing();
    return 0;
}
