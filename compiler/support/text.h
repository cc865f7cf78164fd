/* text.h: a growing piece of text, for dumps, headers and messages.
 *
 * The bytes live in the arena given at the start; `bytes` is NUL-terminated after every call.
 * Zero-initialise but for `arena`.
 */
#ifndef TFCC_SUPPORT_TEXT_H
#define TFCC_SUPPORT_TEXT_H

#include "support/arena.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct Text {
    Arena *arena;
    char *bytes;
    size_t length, capacity;
} Text;

void text_add(Text *text, const char *bytes);
void text_add_bytes(Text *text, const void *bytes, size_t length);
void text_add_char(Text *text, char byte);
void text_add_format(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The shortest decimal form that reads back as exactly this value; "inf", "-inf", "nan" for the
 * others; always with a point or an exponent. `is_float32` asks for the shortest that identifies a
 * float32. */
void text_add_double(Text *text, double value, int is_float32);

/* Length of the well-formed UTF-8 character at `bytes`, of which `left` (at least 1) are there; 0
 * where there is none. */
size_t text_utf8_length(const void *bytes, size_t left);
bool text_is_utf8(const void *bytes, size_t length);

#endif
