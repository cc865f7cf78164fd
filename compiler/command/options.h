/* options.h: the command line as a table.
 *
 * `tfcc MODEL.yaml …`, `tfcc run MODEL.yaml …`, `tfcc bench …`, `tfcc import …`, `tfcc ops …`: options stand
 * anywhere, as `--name=value` or `--name value`, short ones also joined (-O2, -Lfolder). `--` ends
 * the options.
 */
#ifndef TFCC_COMMAND_OPTIONS_H
#define TFCC_COMMAND_OPTIONS_H

#include "support/arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef enum Option {
#define OPTION(name, commands, short_form, long_form, argument, help) OPTION_##name,
#include "command/options.def"
#undef OPTION
    OPTION_COUNT
} Option;

typedef struct CommandLine {
    /* 'C' compile, 'R' run, 'B' bench, 'I' import, 'O' ops, 'h' --help, 'v' --version */
    char command;
    const char *
        *values[OPTION_COUNT]; /* each occurrence, in order; "" for options without argument */
    size_t counts[OPTION_COUNT];
    const char **inputs;
    size_t input_count;
} CommandLine;

/* False after a sentence on standard error: the command line cannot be parsed. */
bool command_line_parse(Arena *arena, int argument_count, char **arguments, CommandLine *line);

bool command_line_has(const CommandLine *line, Option option);
/* The last value given, or NULL. */
const char *command_line_value(const CommandLine *line, Option option);
void command_line_help(FILE *stream);

#endif
