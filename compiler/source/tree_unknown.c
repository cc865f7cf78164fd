/* tree_unknown.c: `[?, 784]`.
 *
 * A `?` alone in a list is an unknown size to us and the mark of a key to YAML. libyaml is given
 * `~` in its place, a byte for a byte, so every offset stays what it is. Quotes and comments are
 * stepped over; the text of a block scalar has no such list.
 */
#include "source/tree_place.h"
#include <string.h>

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The offset behind the quoted text that begins at i, or the end of the line's comment. */
static size_t skip_quoted(const char *bytes, size_t length, size_t i) {
    char quote = bytes[i];
    if (quote == '#') {
        const char *end = memchr(bytes + i, '\n', length - i);
        return end ? (size_t)(end - bytes) : length;
    }
    for (i++; i < length && bytes[i] != quote; i++)
        if (quote == '"' && bytes[i] == '\\') i++;
    return i < length ? i + 1 : length;
}

/* Whether the byte at i stands alone between `[` or `,` and `,` or `]`. */
static bool stands_alone(const char *bytes, size_t length, size_t i) {
    size_t before = i, behind = i + 1;
    while (before > 0 && is_blank(bytes[before - 1])) before--;
    while (behind < length && is_blank(bytes[behind])) behind++;
    return before > 0 && (bytes[before - 1] == '[' || bytes[before - 1] == ',') &&
           behind < length && (bytes[behind] == ',' || bytes[behind] == ']');
}

const char *tree_replace_unknowns(Arena *arena, const SourceFile *file) {
    const char *bytes = file->bytes;
    size_t length = file->length;
    if (!memchr(bytes, '?', length)) return bytes;
    char *copy = NULL;
    for (size_t i = 0; i < length;) {
        bool starts = i == 0 || is_blank(bytes[i - 1]) || strchr("[{,:", bytes[i - 1]);
        if (starts && (bytes[i] == '"' || bytes[i] == '\'' || bytes[i] == '#')) {
            i = skip_quoted(bytes, length, i);
            continue;
        }
        if (bytes[i] == '?' && stands_alone(bytes, length, i)) {
            if (!copy) copy = arena_copy(arena, bytes, length);
            copy[i] = '~';
        }
        i++;
    }
    return copy ? copy : bytes;
}
