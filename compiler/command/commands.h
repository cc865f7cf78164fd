/* commands.h: what `tfcc` does, one function per command. Each gives the exit status: 0; 1 for
 * anything wrong with model, feeds or files, after diagnostics on standard error; 2 for a command
 * line that makes no sense. */
#ifndef TFCC_COMMAND_COMMANDS_H
#define TFCC_COMMAND_COMMANDS_H

#include "command/options.h"
#include "compilation.h"
#include "native/native.h"
#include <tfcc/abi.h>

int command_compile(Arena *arena, const CommandLine *line);
int command_run(Arena *arena, const CommandLine *line);
int command_bench(Arena *arena, const CommandLine *line);
int command_import(Arena *arena, const CommandLine *line);
int command_ops(Arena *arena, const CommandLine *line);

/* ---- shared by them ---- */

/* A compilation with the options of the command line; NULL after a sentence (the command line makes
 * no sense). */
Compilation *command_compilation(Arena *arena, const CommandLine *line);
/* Carries the compilation through to native code; NULL after diagnostics, which are printed by the
 * caller. */
NativeModule *command_build(Compilation *compilation);
/* A whole number of a command line, at least `minimum`; false after a sentence. */
bool command_integer(const char *option, const char *text, long minimum, long *number);

#endif
