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

/* A text that is cut ends in dots, and before them at the end of a UTF-8 sequence. */
static void message_mark_cut(void) {
    size_t end = MESSAGE_SIZE - 4;
    while (end > 0 && ((unsigned char)message_text[end] & 0xc0) == 0x80) end--;
    memcpy(message_text + end, "...", 4);
}

/* Appends to the message at *used, as snprintf. */
__attribute__((format(printf, 2, 3))) static void message_append(size_t *used, const char *format,
                                                                 ...) {
    if (*used >= MESSAGE_SIZE) return;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(message_text + *used, MESSAGE_SIZE - *used, format, arguments);
    va_end(arguments);
    if (length > 0) *used += (size_t)length;
    if (*used >= MESSAGE_SIZE) message_mark_cut();
}

/* One failure value, as the letter before its number asks for. */
static void message_append_value(size_t *used, char form, int64_t value) {
    if (form == 'f') {
        double number;
        memcpy(&number, &value, sizeof number);
        message_append(used, "%.9g", number);
    } else if (form == 'b') {
        message_append(used, "%s", value ? "true" : "false");
    } else {
        message_append(used, "%lld", (long long)value);
    }
}

tfcc_status tfcc_fail(tfcc_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(message_text, MESSAGE_SIZE, format, arguments);
    va_end(arguments);
    if (length >= MESSAGE_SIZE) message_mark_cut();
    return status;
}

tfcc_status tfcc_fail_memory(size_t bytes) {
    return tfcc_fail(TFCC_RESOURCE_EXHAUSTED, "out of memory: %zu bytes were wanted", bytes);
}

tfcc_status tfcc_fail_check(const tfcc_abi_check *check, const int64_t *values) {
    size_t used = 0;
    message_text[0] = '\0';
    for (const char *c = check->message; *c != '\0';) {
        const char *start = c;
        while (*c != '\0' && *c != '%') c++;
        if (c > start) message_append(&used, "%.*s", (int)(c - start), start);
        if (*c == '\0') break;
        c++;
        char form = 'd';
        if (*c == 'f' || *c == 'b') form = *c++;
        bool braced = *c == '{';
        if (braced) c++;
        uint32_t index = 0;
        const char *digits = c;
        while (*c >= '0' && *c <= '9' && (braced || c == digits))
            index = index * 10 + (uint32_t)(*c++ - '0');
        if (c == digits) { /* %% or a percent sign that means nothing else */
            message_append(&used, "%%");
            if (*c == '%') c++;
            continue;
        }
        if (braced && *c == '}') c++;
        if (index < TFCC_ABI_FAILURE_VALUES) message_append_value(&used, form, values[index]);
    }
    return (tfcc_status)check->status;
}

const char *tfcc_shape_text(char text[TFCC_SHAPE_TEXT], const int64_t *shape, int32_t rank) {
    if (rank < 0) return strcpy(text, "of any rank");
    size_t used = 0;
    text[used++] = '[';
    for (int32_t i = 0; i < rank && i < TFCC_MAX_RANK; i++) {
        if (i > 0) used += (size_t)snprintf(text + used, TFCC_SHAPE_TEXT - used, ", ");
        if (shape[i] < 0) text[used++] = '?';
        else
            used +=
                (size_t)snprintf(text + used, TFCC_SHAPE_TEXT - used, "%lld", (long long)shape[i]);
    }
    memcpy(text + used, "]", 2);
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
