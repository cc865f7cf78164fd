/* main.c: the tfcc program: which command it is. What a compilation consists of stands in
 * pipeline.c. */
#include "command/commands.h"
#include "command/options.h"
#include "support/arena.h"
#include "support/output_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* A standard stream that is closed stays one that fails: no output file may take its number. */
static void occupy_standard_streams(void) {
    int descriptor;
    do descriptor = open("/dev/null", O_RDONLY);
    while (descriptor >= 0 && descriptor <= STDERR_FILENO);
    if (descriptor >= 0) close(descriptor);
}

int main(int argument_count, char **arguments) {
    occupy_standard_streams();
    output_file_handle_signals();
    Arena *arena = arena_create();
    CommandLine line;
    int status = 2;
    if (command_line_parse(arena, argument_count, arguments, &line)) {
        switch (line.command) {
        case 'C': status = command_compile(arena, &line); break;
        case 'R': status = command_run(arena, &line); break;
        case 'B': status = command_bench(arena, &line); break;
        case 'I': status = command_import(arena, &line); break;
        case 'O': status = command_ops(arena, &line); break;
        case 'v':
            printf("tfcc %s\n", TFCC_VERSION);
            status = 0;
            break;
        default: command_line_help(stdout); status = 0;
        }
        /* A full disk or a closed pipe behind standard output is a failure like any other. */
        if (fflush(stdout) != 0 || ferror(stdout)) {
            if (status == 0) {
                perror("error: standard output");
                status = 1;
            }
        }
    }
    arena_destroy(arena);
    return status;
}
