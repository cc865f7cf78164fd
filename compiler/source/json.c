#include "source/json.h"

#include "support/checked.h"
#include "support/text.h"
#include <string.h>

static void skip_blank(JsonCursor *cursor) {
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t' ||
                                        *cursor->at == '\n' || *cursor->at == '\r'))
        cursor->at++;
}

bool json_take(JsonCursor *cursor, char wanted) {
    skip_blank(cursor);
    if (cursor->at == cursor->end || *cursor->at != (uint8_t)wanted) return false;
    cursor->at++;
    return true;
}

bool json_at_end(JsonCursor *cursor) {
    skip_blank(cursor);
    return cursor->at == cursor->end;
}

bool json_integer(JsonCursor *cursor, int64_t *value) {
    skip_blank(cursor);
    const uint8_t *start = cursor->at;
    *value = 0;
    for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++)
        if (!checked_multiply(*value, 10, value) || !checked_add(*value, *cursor->at - '0', value))
            return false;
    size_t digits = (size_t)(cursor->at - start);
    if (digits == 0 || (digits > 1 && *start == '0')) return false;
    return cursor->at == cursor->end || !strchr(".eE+-", *cursor->at) || *cursor->at == '\0';
}

static bool take_hex4(JsonCursor *cursor, uint32_t *unit) {
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        if (cursor->at == cursor->end) return false;
        uint8_t byte = *cursor->at++;
        uint32_t digit = byte >= '0' && byte <= '9' ? byte - (uint32_t)'0'
                         : (byte | 32) >= 'a' && (byte | 32) <= 'f'
                             ? (byte | 32) - (uint32_t)'a' + 10
                             : 99;
        if (digit > 15) return false;
        *unit = *unit * 16 + digit;
    }
    return true;
}

static void add_utf8(Text *text, uint32_t point) {
    if (point < 0x80) {
        text_add_char(text, (char)point);
    } else if (point < 0x800) {
        text_add_char(text, (char)(0xc0 | point >> 6));
        text_add_char(text, (char)(0x80 | (point & 63)));
    } else if (point < 0x10000) {
        text_add_char(text, (char)(0xe0 | point >> 12));
        text_add_char(text, (char)(0x80 | (point >> 6 & 63)));
        text_add_char(text, (char)(0x80 | (point & 63)));
    } else {
        text_add_char(text, (char)(0xf0 | point >> 18));
        text_add_char(text, (char)(0x80 | (point >> 12 & 63)));
        text_add_char(text, (char)(0x80 | (point >> 6 & 63)));
        text_add_char(text, (char)(0x80 | (point & 63)));
    }
}

/* Behind the backslash. Surrogates come in pairs. */
static bool take_escape(JsonCursor *cursor, Text *text) {
    static const char letters[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    if (cursor->at == cursor->end) return false;
    char letter = (char)*cursor->at++;
    for (const char *pair = letters; *pair; pair += 2)
        if (*pair == letter) {
            text_add_char(text, pair[1]);
            return true;
        }
    uint32_t point, low;
    if (letter != 'u' || !take_hex4(cursor, &point) || point == 0) return false;
    if (point >= 0xd800 && point < 0xdc00) {
        if (cursor->end - cursor->at < 2 || cursor->at[0] != '\\' || cursor->at[1] != 'u')
            return false;
        cursor->at += 2;
        if (!take_hex4(cursor, &low) || low < 0xdc00 || low > 0xdfff) return false;
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    } else if (point >= 0xdc00 && point < 0xe000) {
        return false;
    }
    add_utf8(text, point);
    return true;
}

const char *json_string(JsonCursor *cursor, Arena *arena, size_t *length) {
    Text text = {.arena = arena};
    if (!json_take(cursor, '"')) return NULL;
    text_add(&text, "");
    for (;;) {
        const uint8_t *start = cursor->at;
        while (cursor->at < cursor->end && *cursor->at >= 0x20 && *cursor->at != '"' &&
               *cursor->at != '\\')
            cursor->at++;
        text_add_bytes(&text, start, (size_t)(cursor->at - start));
        if (cursor->at == cursor->end) return NULL;
        uint8_t byte = *cursor->at++;
        if (byte == '"') break;
        if (byte != '\\' || !take_escape(cursor, &text)) return NULL;
    }
    *length = text.length;
    return text_is_utf8(text.bytes, text.length) ? text.bytes : NULL;
}
