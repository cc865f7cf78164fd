/* session.h: what `tfcc run` and `tfcc bench` share: a model loaded into this process, its feeds
 * from the command line, its fetches, and their printing. */
#ifndef TFCC_COMMAND_SESSION_H
#define TFCC_COMMAND_SESSION_H

#include "command/commands.h"
#include <tfcc/runtime.h>

typedef struct CommandSession {
    Compilation *compilation;
    const tfcc_model *model;
    tfcc_session *session;
    tfcc_feed *feeds;
    size_t feed_count;
    tfcc_fetch *fetches; /* targets have dtype TFCC_NONE */
    size_t fetch_count;
} CommandSession;

/* Compiles, opens a session (options may be NULL), reads feeds and fetches, initialises or
 * restores. Gives the exit status 0, 1 or 2; other than 0 only after a sentence on standard error.
 */
int command_session_open(Arena *arena, const CommandLine *line, const tfcc_options *options,
                         CommandSession *run);
/* --save, then closes. Gives the exit status. */
int command_session_close(const CommandLine *line, CommandSession *run);
/* One run; fetched tensors are obtained from the session and must be released. False after a
 * sentence. */
bool command_session_run(CommandSession *run);
void command_session_release(CommandSession *run);

/* Whether the name on the command line is the model's: the same, or `name:0` for `name`. */
bool command_is_name(const char *name, const char *of_model);

#endif
