/* status.c: statuses, and the sentence of a thread's last failure. */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_SIZE 1024

static _Thread_local char message_text[MESSAGE_SIZE];

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

/* Writes a message from its byte `used` on and gives where it ends. A text that is cut ends in
 * dots, and before them at the end of a UTF-8 sequence. */
static size_t message_write(size_t used, const char *format, va_list arguments) {
    int length = vsnprintf(message_text + used, MESSAGE_SIZE - used, format, arguments);
    used += length > 0 ? (size_t)length : 0;
    if (used < MESSAGE_SIZE) return used;
    used = MESSAGE_SIZE - 4;
    while (used > 0 && ((unsigned char)message_text[used] & 0xc0) == 0x80) used--;
    memcpy(message_text + used, "...", 4);
    return MESSAGE_SIZE - 1;
}

__attribute__((format(printf, 2, 3))) static size_t message_append(size_t used, const char *format,
                                                                   ...) {
    va_list arguments;
    va_start(arguments, format);
    used = message_write(used, format, arguments);
    va_end(arguments);
    return used;
}

tfcc_status tfcc_fail(tfcc_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    message_write(0, format, arguments);
    va_end(arguments);
    return status;
}

tfcc_status tfcc_fail_memory(size_t bytes) {
    return tfcc_fail(TFCC_RESOURCE_EXHAUSTED, "out of memory: %zu bytes were wanted", bytes);
}

/* The value that stands behind a percent sign: `3`, `{10}`, either after the letter f or b. Gives
 * what follows it. */
static const char *append_value(size_t *used, const char *at, const int64_t *values) {
    char form = *at == 'f' || *at == 'b' ? *at++ : 'd';
    size_t index = 0;
    bool braced = *at == '{';
    at += braced;
    if (*at < '0' || *at > '9') return at;
    do index = index * 10 + (size_t)(*at++ - '0');
    while (braced && *at >= '0' && *at <= '9');
    at += braced && *at == '}';
    int64_t value = index < TFCC_ABI_FAILURE_VALUES ? values[index] : 0;
    double number;
    memcpy(&number, &value, sizeof number);
    if (form == 'f')
        *used = message_append(*used, "%.9g", number);
    else if (form == 'b')
        *used = message_append(*used, value != 0 ? "true" : "false");
    else
        *used = message_append(*used, "%lld", (long long)value);
    return at;
}

tfcc_status tfcc_fail_check(const tfcc_abi_check *check, const int64_t *values) {
    size_t used = 0;
    message_text[0] = '\0';
    for (const char *at = check->message; *at != '\0';) {
        const char *sign = at + strcspn(at, "%");
        used = message_append(used, "%.*s", (int)(sign - at), at);
        at = sign;
        if (*at == '\0') break;
        at++;
        if (*at != '\0' && strchr("fb{0123456789", *at) != NULL) {
            at = append_value(&used, at, values);
        } else { /* %% or a percent sign that means nothing else */
            used = message_append(used, "%%");
            at += *at == '%';
        }
    }
    return (tfcc_status)check->status;
}

const char *tfcc_shape_text(char text[TFCC_SHAPE_TEXT], const int64_t *shape, int32_t rank) {
    if (rank < 0) return strcpy(text, "of any rank");
    char *at = text;
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
    return message_text;
}
