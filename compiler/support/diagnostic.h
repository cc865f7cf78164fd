/* diagnostic.h: what is wrong, where, why, and the way out.
 *
 * Diagnostics are collected while the compiler goes on as far as it can, sorted by place and
 * printed at the end as
 *
 *     model.yaml:14:10: error: matmul: inner sizes differ: x is [batch, 784], w is [100, 10]
 *        14 |   y: x @ w
 *           |      ^~~~~
 *     model.yaml:6:3: note: w is declared here; did you mean its transpose, [10, 100]?
 *
 * A note belongs to the error added before it and moves with it. Text that came from the user is
 * printed with control characters escaped. At most 100 errors are kept; the rest are counted.
 * Errors without a place come last.
 */
#ifndef TFCC_SUPPORT_DIAGNOSTIC_H
#define TFCC_SUPPORT_DIAGNOSTIC_H

#include "support/arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* One file that was read, kept whole so that any place in it can be shown. */
typedef struct SourceFile {
    const char *path; /* as the user wrote it */
    const char *bytes;
    size_t length;
} SourceFile;

/* A stretch of a file. Lines and columns count from 1, columns in characters as an editor shows
 * them (UTF-8 decoded); length is in bytes of the source, 0 for a point. file NULL: no place (the
 * message stands alone after `error:`). line 0: the file as a whole (`model.yaml: error: …`). */
typedef struct Place {
    const SourceFile *file;
    size_t offset; /* in bytes */
    int line, column;
    size_t length;
} Place;

typedef struct Diagnostics Diagnostics;

Diagnostics *diagnostics_create(Arena *arena);

/* Adds an error; gives false, so that a check can `return diagnose_error(...)`. */
bool diagnose_error(Diagnostics *diagnostics, Place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds a note to the last error. */
void diagnose_note(Diagnostics *diagnostics, Place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

size_t diagnostics_error_count(const Diagnostics *diagnostics);
/* The sentence of the first error, without its place; NULL where there is none. */
const char *diagnostics_first_message(const Diagnostics *diagnostics);

/* Prints everything, sorted by file and place, and forgets nothing. */
void diagnostics_print(const Diagnostics *diagnostics, FILE *stream);

/* Text with control characters (and invalid UTF-8) as \xNN, for messages that quote a user. */
const char *escape_for_message(Arena *arena, const char *text);

#endif
