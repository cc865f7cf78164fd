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
/* False once anything has failed; finish or commit says what. */
bool output_file_write(OutputFile *file, const void *bytes, size_t length);
/* Closes the file under its temporary name, so that only the rename is left to do. False after a diagnostic; then it is gone.
 * Where several files belong together, all are finished before the first is committed. */
bool output_file_finish(OutputFile *file);
/* The path of the file that is being written, for writers that need a name. */
const char *output_file_temporary_path(const OutputFile *file);
/* Makes the file appear. False after a diagnostic; then nothing has changed on disk. */
bool output_file_commit(OutputFile *file);
void output_file_abandon(OutputFile *file);
/* Unlinks every open output; async-signal-safe. */
void output_file_unlink_all(void);
/* For a program's main: from now on SIGINT, SIGTERM, SIGHUP and SIGQUIT unlink the open outputs before they end the process,
 * SIGABRT and exhausted arenas do so and end it with status 1, and a file past the limit of its size, or a closed pipe, is
 * a failed write instead of a signal. */
void output_file_handle_signals(void);

#endif
