/* session.c: a model loaded into this process, with feeds and fetches from the command line. */
#include "command/session.h"

#include "command/feed.h"
#include "support/diagnostic.h"
#include <string.h>

/* Says `error: …` with the session's last message; gives 1. */
static int say_failure(const tfcc_session *session) {
    fprintf(stderr, "error: %s\n", tfcc_message(session));
    return 1;
}

/* -1 where the model has no such signature. */
static long find_signature(const tfcc_model *model, const char *name) {
    tfcc_signature signature;
    for (size_t k = 0; tfcc_model_signature(model, k, &signature) == TFCC_OK; k++)
        if (strcmp(signature.name, name) == 0) return (long)k;
    return -1;
}

bool command_is_name(const char *name, const char *of_model) {
    size_t length = strlen(of_model);
    return strncmp(name, of_model, length) == 0 &&
           (name[length] == '\0' || strcmp(name + length, ":0") == 0);
}

static void add_fetch(CommandSession *run, const char *name, tfcc_dtype dtype) {
    run->fetches[run->fetch_count++] = (tfcc_fetch){.name = name, .tensor.dtype = dtype};
}

static bool add_named_fetch(CommandSession *run, const char *name, bool is_target) {
    tfcc_description description;
    for (size_t k = 0; tfcc_model_fetch(run->model, k, &description) == TFCC_OK; k++)
        if (command_is_name(name, description.name)) {
            if (description.dtype == TFCC_NONE && !is_target) {
                fprintf(stderr, "error: '%s' has no value to fetch; use --target=%s\n", name, name);
                return false;
            }
            add_fetch(run, name, is_target ? TFCC_NONE : description.dtype);
            return true;
        }
    fprintf(stderr, "error: the model has no fetch '%s'; its fetches are", name);
    for (size_t k = 0; tfcc_model_fetch(run->model, k, &description) == TFCC_OK && k < 20; k++)
        fprintf(stderr, "%s %s", k ? "," : "", description.name);
    fputc('\n', stderr);
    return false;
}

/* --fetch and --target say what; else the signature's; else everything. */
static bool choose_fetches(Arena *arena, const CommandLine *line, CommandSession *run) {
    size_t room = tfcc_model_fetch_count(run->model) + line->counts[OPTION_FETCH] +
                  line->counts[OPTION_TARGET];
    const char *name = command_line_value(line, OPTION_SIGNATURE);
    long signature = name ? find_signature(run->model, name) : -1;
    tfcc_description description;
    tfcc_signature counts = {0};
    if (name && signature < 0) {
        fprintf(stderr, "error: the model has no signature '%s'\n", name);
        return false;
    }
    if (name) {
        tfcc_model_signature(run->model, (size_t)signature, &counts);
        room += counts.fetch_count + counts.target_count;
    }
    run->fetches = arena_alloc_array(arena, room + 1, sizeof *run->fetches);
    for (size_t k = 0; k < line->counts[OPTION_FETCH]; k++)
        if (!add_named_fetch(run, line->values[OPTION_FETCH][k], false)) return false;
    for (size_t k = 0; k < line->counts[OPTION_TARGET]; k++)
        if (!add_named_fetch(run, line->values[OPTION_TARGET][k], true)) return false;
    if (run->fetch_count) return true;
    if (name) {
        for (size_t k = 0; k < counts.fetch_count + counts.target_count; k++) {
            tfcc_model_signature_fetch(run->model, (size_t)signature, k, &description);
            add_fetch(run, description.name,
                      k < counts.fetch_count ? description.dtype : TFCC_NONE);
        }
        return true;
    }
    for (size_t k = 0; tfcc_model_fetch(run->model, k, &description) == TFCC_OK; k++)
        add_fetch(run, description.name, description.dtype);
    return true;
}

int command_session_open(Arena *arena, const CommandLine *line, const tfcc_options *options,
                         CommandSession *run) {
    *run = (CommandSession){0};
    run->compilation = command_compilation(arena, line);
    if (!run->compilation) return 2;
    NativeModule *module = command_build(run->compilation);
    if (!module) return 1;
    run->model = native_load(module);
    if (!run->model) return 1;
    if (!command_read_feeds(arena, line, run) || !choose_fetches(arena, line, run)) return 1;
    if (tfcc_session_open(run->model, options, &run->session) != TFCC_OK) return say_failure(NULL);
    const char *checkpoint = command_line_value(line, OPTION_RESTORE);
    tfcc_status status =
        checkpoint ? tfcc_restore(run->session, checkpoint) : tfcc_initialize(run->session);
    return status == TFCC_OK ? 0 : say_failure(run->session);
}

int command_session_close(const CommandLine *line, CommandSession *run) {
    int status = 0;
    const char *checkpoint = command_line_value(line, OPTION_SAVE);
    if (checkpoint && tfcc_save(run->session, checkpoint) != TFCC_OK)
        status = say_failure(run->session);
    tfcc_session_close(run->session);
    run->session = NULL;
    return status;
}

bool command_session_run(CommandSession *run) {
    if (tfcc_run(run->session, run->feeds, run->feed_count, run->fetches, run->fetch_count) ==
        TFCC_OK)
        return true;
    say_failure(run->session);
    return false;
}

void command_session_release(CommandSession *run) {
    for (size_t k = 0; k < run->fetch_count; k++) {
        tfcc_dtype dtype = run->fetches[k].tensor.dtype;
        if (dtype != TFCC_NONE) tfcc_tensor_free(&run->fetches[k].tensor);
        run->fetches[k].tensor = (tfcc_tensor){.dtype = dtype};
    }
}
