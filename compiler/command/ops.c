/* ops.c: tfcc ops [NAME]. */
#include "command/commands.h"

#include "graph/ops.h"
#include "graph/print.h"

int command_ops(Arena *arena, const CommandLine *line) {
    Text text = {.arena = arena};
    text_add(&text, "");
    if (line->input_count == 0) {
        ops_print_list(&text);
        fputs(text.bytes, stdout);
        return 0;
    }
    int status = 0;
    for (size_t k = 0; k < line->input_count; k++) {
        const char *name = line->inputs[k];
        const OpRow *row = op_find(name);
        if (row) {
            ops_print_row(&text, row);
            continue;
        }
        const MapEntry *near = map_nearest(op_spellings(), name);
        fprintf(stderr, "error: there is no op '%s'%s%s%s\n", escape_for_message(arena, name),
                near ? "; did you mean '" : "", near ? near->key : "", near ? "'?" : "");
        status = 1;
    }
    fputs(text.bytes, stdout);
    return status;
}
