#include "support/diagnostic.h"

#include "support/text.h"
#include <stdlib.h>
#include <string.h>

enum { MOST_ERRORS = 100, LINE_WINDOW = 160 };

typedef struct Note {
    struct Note *next;
    Place place;
    const char *message;
} Note;

typedef struct Error {
    Place place;
    const char *message;
    Note *notes, *last_note;
    size_t index; /* order of arrival; makes the sort stable */
} Error;

struct Diagnostics {
    Arena *arena;
    Error *errors;
    size_t count, capacity;
    size_t total; /* also those that were not kept */
};

/* Adds the bytes as they may be shown on a terminal; `keep_tabs` leaves tabs alone. Gives the
 * number of characters. */
static size_t add_escaped(Text *text, const char *bytes, size_t length, bool keep_tabs) {
    size_t characters = 0;
    for (size_t i = 0; i < length;) {
        const unsigned char *here = (const unsigned char *)bytes + i;
        size_t step = text_utf8_length(here, length - i);
        bool is_control = step == 1
                              ? (*here < 0x20 && !(keep_tabs && *here == '\t')) || *here == 0x7f
                              : step == 2 && here[0] == 0xc2 && here[1] < 0xa0;
        if (step == 0 || is_control) {
            size_t count = step == 0 ? 1 : step;
            for (size_t k = 0; k < count; k++) text_add_format(text, "\\x%02x", here[k]);
            characters += 4 * count;
            i += count;
        } else {
            text_add_bytes(text, here, step);
            characters++;
            i += step;
        }
    }
    return characters;
}

const char *escape_for_message(Arena *arena, const char *text) {
    Text escaped = {.arena = arena};
    text_add(&escaped, "");
    add_escaped(&escaped, text, strlen(text), false);
    return escaped.bytes;
}

Diagnostics *diagnostics_create(Arena *arena) {
    Diagnostics *diagnostics = arena_alloc(arena, sizeof *diagnostics);
    diagnostics->arena = arena;
    return diagnostics;
}

bool diagnose_error(Diagnostics *diagnostics, Place place, const char *format, ...) {
    if (diagnostics->total++ >= MOST_ERRORS) return false;
    va_list arguments;
    va_start(arguments, format);
    const char *message = arena_format_list(diagnostics->arena, format, arguments);
    va_end(arguments);
    Error *error = ARENA_PUSH(diagnostics->arena, diagnostics->errors, diagnostics->count,
                              diagnostics->capacity);
    *error = (Error){.place = place, .message = message, .index = diagnostics->count};
    return false;
}

void diagnose_note(Diagnostics *diagnostics, Place place, const char *format, ...) {
    if (diagnostics->count == 0 || diagnostics->total > MOST_ERRORS) return;
    Error *error = &diagnostics->errors[diagnostics->count - 1];
    Note *note = arena_alloc(diagnostics->arena, sizeof *note);
    note->place = place;
    va_list arguments;
    va_start(arguments, format);
    note->message = arena_format_list(diagnostics->arena, format, arguments);
    va_end(arguments);
    *(error->last_note ? &error->last_note->next : &error->notes) = note;
    error->last_note = note;
}

const char *diagnostics_first_message(const Diagnostics *diagnostics) {
    return diagnostics->count ? diagnostics->errors[0].message : NULL;
}

size_t diagnostics_error_count(const Diagnostics *diagnostics) {
    return diagnostics->total;
}

static int compare_errors(const void *left, const void *right) {
    const Error *a = left, *b = right;
    const SourceFile *fa = a->place.file, *fb = b->place.file;
    if (!fa != !fb) return fa ? -1 : 1;
    int order = fa ? strcmp(fa->path, fb->path) : 0;
    if (order != 0) return order;
    if (fa && a->place.offset != b->place.offset) return a->place.offset < b->place.offset ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* The line of the place with a caret below; of a very long line, the part around it. */
static void print_excerpt(Arena *arena, FILE *stream, Place place) {
    const SourceFile *file = place.file;
    if (!file->bytes || place.offset > file->length) return;
    size_t start = place.offset, end = place.offset;
    while (start > 0 && file->bytes[start - 1] != '\n' && place.offset - start < LINE_WINDOW)
        start--;
    while (end < file->length && file->bytes[end] != '\n' && end - place.offset < LINE_WINDOW)
        end++;
    /* The window may have cut a character in two. */
    while (start < place.offset && ((unsigned char)file->bytes[start] & 0xc0) == 0x80) start++;
    while (end > place.offset && end < file->length &&
           ((unsigned char)file->bytes[end] & 0xc0) == 0x80)
        end--;
    if (end > place.offset && file->bytes[end - 1] == '\r') end--;

    size_t span = place.length < end - place.offset ? place.length : end - place.offset;
    Text line = {.arena = arena}, marks = {.arena = arena};
    add_escaped(&line, file->bytes + start, place.offset - start, true);
    for (size_t i = 0; i < line.length; i++) /* a tab stays one, so that both lines agree */
        if (line.bytes[i] == '\t')
            text_add_char(&marks, '\t');
        else if (((unsigned char)line.bytes[i] & 0xc0) != 0x80)
            text_add_char(&marks, ' ');
    size_t width = add_escaped(&line, file->bytes + place.offset, span, true);
    add_escaped(&line, file->bytes + place.offset + span, end - place.offset - span, true);
    text_add_char(&marks, '^');
    for (size_t i = 1; i < width; i++) text_add_char(&marks, '~');
    fprintf(stream, "%5d | %s\n      | %s\n", place.line, line.length ? line.bytes : "",
            marks.bytes);
}

static void print_one(Arena *arena, FILE *stream, Place place, const char *kind,
                      const char *message) {
    const char *escaped = escape_for_message(arena, message);
    if (!place.file) {
        fprintf(stream, "%s: %s\n", kind, escaped);
        return;
    }
    const char *path = escape_for_message(arena, place.file->path);
    if (place.line <= 0) {
        fprintf(stream, "%s: %s: %s\n", path, kind, escaped);
        return;
    }
    fprintf(stream, "%s:%d:%d: %s: %s\n", path, place.line, place.column, kind, escaped);
    print_excerpt(arena, stream, place);
}

void diagnostics_print(const Diagnostics *diagnostics, FILE *stream) {
    Arena *scratch = arena_create();
    Error *sorted = arena_copy(scratch, diagnostics->errors, diagnostics->count * sizeof *sorted);
    if (diagnostics->count > 0) qsort(sorted, diagnostics->count, sizeof *sorted, compare_errors);
    for (size_t i = 0; i < diagnostics->count; i++) {
        print_one(scratch, stream, sorted[i].place, "error", sorted[i].message);
        for (const Note *note = sorted[i].notes; note; note = note->next)
            print_one(scratch, stream, note->place, "note", note->message);
    }
    if (diagnostics->total > diagnostics->count)
        fprintf(stream, "error: %zu more errors are not shown\n",
                diagnostics->total - diagnostics->count);
    arena_destroy(scratch);
}
