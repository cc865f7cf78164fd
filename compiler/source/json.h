/* json.h: the JSON of weight files, read strictly and without recursion or memory of its own: a
 * cursor over text. */
#ifndef TFCC_SOURCE_JSON_H
#define TFCC_SOURCE_JSON_H

#include "support/arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct JsonCursor {
    const uint8_t *at, *end;
} JsonCursor;

/* Skips white space, then takes this character if it is the next one. */
bool json_take(JsonCursor *cursor, char wanted);

/* Whether nothing but white space is left. */
bool json_at_end(JsonCursor *cursor);

/* A string, decoded to UTF-8, with a NUL behind it; NULL for anything else, for invalid UTF-8 and
 * for one with a NUL inside. */
const char *json_string(JsonCursor *cursor, Arena *arena, size_t *length);

/* A number without sign, fraction or exponent, at most INT64_MAX. */
bool json_integer(JsonCursor *cursor, int64_t *value);

#endif
