#include "support/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `more` bytes and the NUL behind them. */
static void reserve(Text *text, size_t more) {
    text->bytes = arena_grow(text->arena, text->bytes, &text->capacity, text->length + more + 1, 1);
}

void text_add_bytes(Text *text, const void *bytes, size_t length) {
    reserve(text, length);
    if (length > 0) memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

void text_add(Text *text, const char *bytes) {
    text_add_bytes(text, bytes, strlen(bytes));
}

void text_add_char(Text *text, char byte) {
    text_add_bytes(text, &byte, 1);
}

void text_add_format(Text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) return;
    reserve(text, (size_t)length);
    va_start(arguments, format);
    vsnprintf(text->bytes + text->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->length += (size_t)length;
}

/* Writes `value` as d.ddde±x with the fewest digits that read back exactly. */
static void shortest_scientific(char *buffer, size_t size, double value, int is_float32) {
    int most = is_float32 ? 9 : 17;
    for (int digits = 1; digits <= most; digits++) {
        snprintf(buffer, size, "%.*e", digits - 1, value);
        if (is_float32 ? strtof(buffer, NULL) == (float)value : strtod(buffer, NULL) == value)
            return;
    }
}

void text_add_double(Text *text, double value, int is_float32) {
    if (isnan(value)) {
        text_add(text, "nan");
        return;
    }
    if (isinf(value)) {
        text_add(text, value < 0 ? "-inf" : "inf");
        return;
    }
    char scientific[40];
    shortest_scientific(scientific, sizeof scientific, value, is_float32);
    const char *cursor = scientific;
    if (*cursor == '-') text_add_char(text, *cursor++);
    char digits[24];
    size_t count = 0;
    for (; *cursor != 'e'; cursor++)
        if (*cursor != '.') digits[count++] = *cursor;
    int exponent = atoi(cursor + 1);
    if (exponent < -5 || exponent > 15) { /* 1e+16, 2.5e-08 */
        text_add_char(text, digits[0]);
        if (count > 1) text_add_char(text, '.');
        text_add_bytes(text, digits + 1, count - 1);
        text_add_format(text, "e%+03d", exponent);
        return;
    }
    if (exponent < 0) text_add(text, "0.");
    for (int i = -1; i > exponent; i--) text_add_char(text, '0');
    for (int i = 0; i < (int)count || i <= exponent + 1; i++) {
        if (exponent >= 0 && i == exponent + 1) text_add_char(text, '.');
        text_add_char(text, i < (int)count ? digits[i] : '0');
    }
}

size_t text_utf8_length(const void *text, size_t left) {
    const unsigned char *bytes = text;
    unsigned char first = bytes[0];
    size_t length = first < 0x80                     ? 1
                    : first >= 0xc2 && first <= 0xdf ? 2
                    : (first & 0xf0) == 0xe0         ? 3
                    : first >= 0xf0 && first <= 0xf4 ? 4
                                                     : 0;
    if (length == 0 || length > left) return 0;
    for (size_t i = 1; i < length; i++)
        if ((bytes[i] & 0xc0) != 0x80) return 0;
    if ((first == 0xe0 && bytes[1] < 0xa0) || (first == 0xed && bytes[1] > 0x9f) ||
        (first == 0xf0 && bytes[1] < 0x90) || (first == 0xf4 && bytes[1] > 0x8f))
        return 0;
    return length;
}

bool text_is_utf8(const void *bytes, size_t length) {
    const char *at = bytes;
    while (length > 0) {
        size_t step = text_utf8_length(at, length);
        if (step == 0) return false;
        at += step;
        length -= step;
    }
    return true;
}
