/* output_file.h: files that appear whole or not at all.
 *
 * An output is written to a temporary file beside its final name and renamed on commit; every
 * failure of write, close and rename counts. "-" and special files (/dev/stdout, /dev/full) are
 * written directly. Open outputs are unlinked when the process is ended by a signal or by an abort
 * inside LLVM.
 */
#ifndef TFCC_SUPPORT_OUTPUT_FILE_H
#define TFCC_SUPPORT_OUTPUT_FILE_H

#include "support/arena.h"
#include "support/diagnostic.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct OutputFile OutputFile;

/* NULL after a diagnostic (without place) that names the path and the reason. */
OutputFile *output_file_open(Arena *arena, Diagnostics *diagnostics, const char *path);
bool output_file_write(OutputFile *file, const void *bytes, size_t length);
/* The path of the file that is being written, for writers that need a name. */
const char *output_file_temporary_path(const OutputFile *file);
/* Makes the file appear. False after a diagnostic; then nothing has changed on disk. */
bool output_file_commit(OutputFile *file);
void output_file_abandon(OutputFile *file);
/* Unlinks every open output; async-signal-safe. */
void output_file_unlink_all(void);

#endif
