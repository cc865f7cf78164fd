/* program.h: what the test programs share: checks that say where they failed. */
#ifndef TFCC_TESTS_PROGRAM_H
#define TFCC_TESTS_PROGRAM_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tfcc/runtime.h>

static inline void check_true(bool holds, const char *what, const char *file, int line) {
    if (holds) return;
    fprintf(stderr, "%s:%d: does not hold: %s\n  last message: %s\n", file, line, what,
            tfcc_message(NULL));
    exit(1);
}

static inline void check_status(tfcc_status status, tfcc_status wanted, const char *what,
                                const char *file, int line) {
    if (status == wanted) return;
    fprintf(stderr, "%s:%d: %s gives %s, not %s\n  message: %s\n", file, line, what,
            tfcc_status_name(status), tfcc_status_name(wanted), tfcc_message(NULL));
    exit(1);
}

static inline void check_message(const char *part, const char *file, int line) {
    if (strstr(tfcc_message(NULL), part)) return;
    fprintf(stderr, "%s:%d: the message does not hold '%s': %s\n", file, line, part,
            tfcc_message(NULL));
    exit(1);
}

#define CHECK(condition) check_true(condition, #condition, __FILE__, __LINE__)
#define CHECK_OK(call)   check_status(call, TFCC_OK, #call, __FILE__, __LINE__)
#define CHECK_FAILS(code, call, part)                                                              \
    do {                                                                                           \
        check_status(call, code, #call, __FILE__, __LINE__);                                       \
        check_message(part, __FILE__, __LINE__);                                                   \
    } while (0)

static inline tfcc_session *open_session(const tfcc_model *model, const tfcc_options *options) {
    tfcc_session *session;
    CHECK_OK(tfcc_session_open(model, options, &session));
    return session;
}

static inline tfcc_session *open_initialized(const tfcc_model *model) {
    tfcc_session *session = open_session(model, NULL);
    CHECK_OK(tfcc_initialize(session));
    return session;
}

/* The value of an int32 scalar variable. */
static inline int32_t variable_int32(tfcc_session *session, const char *name) {
    int32_t value = 0;
    tfcc_tensor tensor = tfcc_int32(&value);
    CHECK_OK(tfcc_variable_get(session, name, &tensor));
    return value;
}

#endif
