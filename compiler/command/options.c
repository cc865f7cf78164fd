/* options.c: reads the command line by the table options.def. */
#include "command/options.h"

#include <string.h>

typedef struct OptionRow {
    const char *commands, *short_form, *long_form, *argument, *help;
} OptionRow;

static const OptionRow rows[OPTION_COUNT] = {
#define OPTION(name, commands, short_form, long_form, argument, help)                              \
    {commands, short_form, long_form, argument, help},
#include "command/options.def"
#undef OPTION
};

static const struct {
    const char *word;
    char command;
} commands[] = {{"run", 'R'}, {"bench", 'B'}, {"import", 'I'}, {"ops", 'O'}};

/* Whether `argument` is this option; *value is then what is joined to it, or NULL. */
static bool matches(const OptionRow *row, const char *argument, const char **value) {
    *value = NULL;
    if (row->long_form && strncmp(argument, row->long_form, strlen(row->long_form)) == 0) {
        const char *rest = argument + strlen(row->long_form);
        if (*rest == '=') *value = rest + 1;
        return *rest == '\0' || *rest == '=';
    }
    if (!row->short_form) return false;
    size_t length = strlen(row->short_form);
    if (strncmp(argument, row->short_form, length) != 0) return false;
    if (argument[length] == '\0') return true;
    /* Joined values are a habit of one-letter options alone. */
    if (length != 2 || *row->argument == '\0') return false;
    *value = argument + length;
    return true;
}

static bool add_option(Arena *arena, CommandLine *line, int option, const char *value) {
    size_t count = line->counts[option];
    const char **values = arena_alloc_array(arena, count + 1, sizeof *values);
    if (count) memcpy(values, line->values[option], count * sizeof *values);
    values[count] = value;
    line->values[option] = values;
    line->counts[option] = count + 1;
    return true;
}

/* -1 where no option of the command is written so. */
static int find_option(char command, const char *argument, const char **value) {
    for (int k = 0; k < OPTION_COUNT; k++)
        if (strchr(rows[k].commands, command) && matches(&rows[k], argument, value)) return k;
    return -1;
}

bool command_line_parse(Arena *arena, int argument_count, char **arguments, CommandLine *line) {
    *line = (CommandLine){.command = 'C'};
    line->inputs = arena_alloc_array(arena, (size_t)argument_count + 1, sizeof *line->inputs);
    int next = 1;
    for (size_t k = 0; argument_count > 1 && k < sizeof commands / sizeof *commands; k++)
        if (strcmp(arguments[1], commands[k].word) == 0) {
            line->command = commands[k].command;
            next = 2;
        }
    bool only_inputs = false;
    for (; next < argument_count; next++) {
        const char *argument = arguments[next], *value = NULL;
        if (!only_inputs && (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0)) {
            line->command = 'h';
            return true;
        }
        if (!only_inputs && strcmp(argument, "--version") == 0) {
            line->command = 'v';
            return true;
        }
        if (!only_inputs && strcmp(argument, "--") == 0) {
            only_inputs = true;
            continue;
        }
        if (only_inputs || argument[0] != '-' || argument[1] == '\0') {
            line->inputs[line->input_count++] = argument;
            continue;
        }
        int option = find_option(line->command, argument, &value);
        if (option < 0) {
            fprintf(stderr, "tfcc: unknown option '%s'; see tfcc --help\n", argument);
            return false;
        }
        bool takes_value = *rows[option].argument != '\0';
        if (value && !takes_value) {
            fprintf(stderr, "tfcc: option %s takes no value\n", rows[option].long_form);
            return false;
        }
        if (takes_value && !value) {
            if (next + 1 >= argument_count) {
                fprintf(stderr, "tfcc: option %s needs a value: %s\n", argument,
                        rows[option].argument);
                return false;
            }
            value = arguments[++next];
        }
        add_option(arena, line, option, value ? value : "");
    }
    return true;
}

bool command_line_has(const CommandLine *line, Option option) {
    return line->counts[option] > 0;
}

const char *command_line_value(const CommandLine *line, Option option) {
    return line->counts[option] ? line->values[option][line->counts[option] - 1] : NULL;
}

void command_line_help(FILE *stream) {
    fputs("tfcc MODEL.yaml -o MODEL.o [options]    compile a graph to an object and its header\n"
          "tfcc run MODEL.yaml [options]           compile, initialise and run in this process\n"
          "tfcc bench MODEL.yaml [options]         measure the latency of a run\n"
          "tfcc import MODEL.onnx -o MODEL.yaml    translate an ONNX model; weights go to "
          "MODEL.safetensors\n"
          "tfcc ops [NAME]                         the ops, or one of them\n"
          "tfcc --help, --version\n",
          stream);
    for (const char *command = "CRB"; *command; command++) {
        fprintf(stream, "\n%s:\n", *command == 'C' ? "compile" : *command == 'R' ? "run" : "bench");
        for (int k = 0; k < OPTION_COUNT; k++) {
            const OptionRow *row = &rows[k];
            if (!strchr(row->commands, *command)) continue;
            char spelled[64];
            snprintf(spelled, sizeof spelled, "%s%s%s",
                     row->long_form ? row->long_form : row->short_form,
                     *row->argument ? (row->long_form ? "=" : " ") : "", row->argument);
            fprintf(stream, "  %-24s %s\n", spelled, row->help);
        }
    }
}
