/* status.c: statuses, and the sentence of a thread's last failure. */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_SIZE 1024
#define SHAPE_SIZE   192 /* 8 sizes of up to 20 characters */

static _Thread_local struct {
    char message[MESSAGE_SIZE];
    char shapes[2][SHAPE_SIZE];
    bool turn; /* which of the shapes was made last */
} texts;

static const char *const status_names[] = {
    [TFCC_OK] = "OK",
    [TFCC_CANCELLED] = "CANCELLED",
    [TFCC_UNKNOWN] = "UNKNOWN",
    [TFCC_INVALID_ARGUMENT] = "INVALID_ARGUMENT",
    [TFCC_DEADLINE_EXCEEDED] = "DEADLINE_EXCEEDED",
    [TFCC_NOT_FOUND] = "NOT_FOUND",
    [TFCC_ALREADY_EXISTS] = "ALREADY_EXISTS",
    [TFCC_PERMISSION_DENIED] = "PERMISSION_DENIED",
    [TFCC_RESOURCE_EXHAUSTED] = "RESOURCE_EXHAUSTED",
    [TFCC_FAILED_PRECONDITION] = "FAILED_PRECONDITION",
    [TFCC_ABORTED] = "ABORTED",
    [TFCC_OUT_OF_RANGE] = "OUT_OF_RANGE",
    [TFCC_UNIMPLEMENTED] = "UNIMPLEMENTED",
    [TFCC_INTERNAL] = "INTERNAL",
    [TFCC_UNAVAILABLE] = "UNAVAILABLE",
    [TFCC_DATA_LOSS] = "DATA_LOSS",
    [TFCC_UNAUTHENTICATED] = "UNAUTHENTICATED",
};

/* Ends a text that was cut in dots, and before them at the end of a UTF-8 sequence. `at` is where
 * it may be cut at the latest. */
static void cut_message(char *at) {
    while (((unsigned char)*at & 0xc0) == 0x80) at--;
    memcpy(at, "...", 4);
}

/* ---- Sentences ---- */

static const char sentences[] =
#define MESSAGE(name, status, text) text "\0"
#include "messages.def"
    ;

static const uint8_t sentence_status[] = {
#define MESSAGE(name, status, text) TFCC_##status,
#include "messages.def"
};

static const char *sentence_text(tfcc_sentence sentence) {
    const char *text = sentences;
    for (unsigned before = sentence; before > 0; before--) text += strlen(text) + 1;
    return text;
}

/* No sentence takes a floating-point number: what could hold one need not be saved for va_arg. */
#if defined(__x86_64__)
__attribute__((target("general-regs-only")))
#endif
tfcc_status
tfcc_fail_with(tfcc_sentence sentence, ...) {
    va_list arguments;
    va_start(arguments, sentence);
    char *text = texts.message;
    if (vsnprintf(text, MESSAGE_SIZE, sentence_text(sentence), arguments) >= MESSAGE_SIZE)
        cut_message(text + MESSAGE_SIZE - 4);
    va_end(arguments);
    return (tfcc_status)sentence_status[sentence];
}

tfcc_status tfcc_fail_in(const char *file, const char *tensor, tfcc_sentence sentence) {
    const char *text = sentence_text(sentence);
    if (tensor != NULL)
        tfcc_fail(IN_TENSOR, file, tensor, text);
    else
        tfcc_fail(IN_FILE, file, text);
    return (tfcc_status)sentence_status[sentence];
}

tfcc_status tfcc_fail_null(void) {
    return tfcc_fail(NULL_ARGUMENT);
}

/* ---- Checks of the graph ---- */

tfcc_status tfcc_fail_check(const tfcc_abi_check *check, const int64_t *values) {
    char *to = texts.message, *end = to + MESSAGE_SIZE - 32; /* a value fits behind it */
    const char *at = check->message;
    for (; *at != '\0' && to < end; at++) {
        unsigned char form = (unsigned char)*at;
        if (form > TFCC_ABI_AS_BOOL) {
            *to++ = *at;
            continue;
        }
        int64_t value = values[*++at - 1];
        double number;
        memcpy(&number, &value, sizeof number);
        if (form == TFCC_ABI_AS_FLOAT)
            to += sprintf(to, "%.9g", number);
        else
            to += sprintf(to,
                          form == TFCC_ABI_AS_INTEGER ? "%lld"
                          : value                     ? "true"
                                                      : "false",
                          (long long)value);
    }
    *to = '\0';
    if (*at != '\0') {
        *to = *at;
        cut_message(to);
    }
    return (tfcc_status)check->status;
}

const char *tfcc_shape_text(const int64_t *shape, int32_t rank) {
    if (rank < 0) return "of any rank";
    char *text = texts.shapes[texts.turn = !texts.turn], *at = text;
    *at++ = '[';
    for (int32_t i = 0; i < rank && i < TFCC_MAX_RANK; i++)
        at += sprintf(at, shape[i] < 0 ? "%s?" : "%s%lld", i > 0 ? ", " : "", (long long)shape[i]);
    memcpy(at, "]", 2);
    return text;
}

const char *tfcc_status_name(tfcc_status status) {
    size_t index = (size_t)status;
    return index < sizeof status_names / sizeof *status_names ? status_names[index] : "";
}

const char *tfcc_message(const tfcc_session *session) {
    (void)session;
    return texts.message;
}
