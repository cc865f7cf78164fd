/* run.c: tfcc run MODEL.yaml. */
#include "command/commands.h"
#include "command/session.h"
#include "command/tensor_text.h"

#include "source/files.h"
#include "support/diagnostic.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* DIR/NAME.npy: a slash in the name is a folder, a leading one is dropped, a part that is all dots
 * is escaped. */
static const char *output_path(Arena *arena, const char *folder, const char *name) {
    Text path = {.arena = arena};
    text_add(&path, folder);
    while (*name == '/') name++;
    while (*name) {
        size_t length = strcspn(name, "/");
        text_add_char(&path, '/');
        if (length == strspn(name, ".") && length <= 2 && length > 0) {
            for (size_t k = 0; k < length; k++) text_add(&path, "%2E");
        } else {
            text_add_bytes(&path, name, length);
        }
        name += length;
        while (*name == '/') name++;
    }
    text_add(&path, ".npy");
    return path.bytes;
}

static bool make_folders(Compilation *c, const char *path) {
    char *copy = arena_copy_text(c->arena, path, strlen(path));
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            return diagnose_error(c->diagnostics, (Place){0}, "cannot make the folder '%s': %s",
                                  copy, strerror(errno));
        *slash = '/';
    }
    return true;
}

static bool write_tensor(Compilation *c, const char *folder, const tfcc_fetch *fetch) {
    const char *path = output_path(c->arena, folder, fetch->name);
    return make_folders(c, path) && npy_write(c->arena, c->diagnostics, path, &fetch->tensor);
}

static void print_fetch(Arena *arena, const tfcc_fetch *fetch) {
    Text text = {.arena = arena};
    text_add_key(&text, fetch->name);
    text_add(&text, ": ");
    text_add_tensor(&text, &fetch->tensor);
    text_add_char(&text, '\n');
    fwrite(text.bytes, 1, text.length, stdout);
}

static bool deliver(const CommandLine *line, CommandSession *run) {
    const char *folder = command_line_value(line, OPTION_SAVE_TO);
    Arena *scratch = arena_create();
    bool good = true;
    for (size_t k = 0; k < run->fetch_count && good; k++) {
        const tfcc_fetch *fetch = &run->fetches[k];
        if (fetch->tensor.dtype == TFCC_NONE) continue;
        if (folder)
            good = write_tensor(run->compilation, folder, fetch);
        else
            print_fetch(scratch, fetch);
    }
    arena_destroy(scratch);
    return good;
}

int command_run(Arena *arena, const CommandLine *line) {
    long repeats = 1, threads = 1;
    const char *text = command_line_value(line, OPTION_REPEAT);
    if (text && !command_integer("--repeat", text, 1, &repeats)) return 2;
    text = command_line_value(line, OPTION_THREADS);
    if (text && !command_integer("--threads", text, 1, &threads)) return 2;

    tfcc_options options = {.size = sizeof options, .threads = (int32_t)threads};
    CommandSession run;
    int status = command_session_open(arena, line, &options, &run);
    for (long k = 0; k < repeats && status == 0; k++) {
        if (k) puts("---");
        if (!command_session_run(&run)) {
            status = 1;
        } else {
            if (!deliver(line, &run)) status = 1;
            command_session_release(&run);
        }
    }
    if (run.session) {
        int closed = status == 0 ? command_session_close(line, &run) : 0;
        if (status != 0) tfcc_session_close(run.session);
        if (closed) status = closed;
    }
    if (run.compilation) {
        diagnostics_print(run.compilation->diagnostics, stderr);
        if (diagnostics_error_count(run.compilation->diagnostics)) status = status ? status : 1;
    }
    return status;
}
