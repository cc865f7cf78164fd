#include "support/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct OutputFile {
    Arena *arena;
    Diagnostics *diagnostics;
    const char *path;
    const char *temporary; /* NULL when the file is written directly */
    FILE *stream;          /* NULL once it is closed */
    bool is_standard_output;
    int error; /* errno of the first failure */
    int slot;  /* in open_files, -1 when it is written directly */
};

/* The temporary files that exist now. A signal handler reads it, so it is a plain array of
 * pointers. */
enum { MOST_OPEN = 64 };
static const char *volatile open_files[MOST_OPEN];

void output_file_unlink_all(void) {
    for (int i = 0; i < MOST_OPEN; i++) {
        const char *path = open_files[i];
        if (path) unlink(path);
    }
}

/* Ctrl-C and its like end the process as they always do, but leave nothing behind. */
static void end_by_signal(int number) {
    output_file_unlink_all();
    signal(number, SIG_DFL);
    raise(number);
}

/* LLVM aborts where memory is exhausted and where its own invariants break. */
static void end_by_abort(int number) {
    static const char sentence[] = "error: tfcc had to stop, for want of memory or by a defect of "
                                   "its own; nothing was written\n";
    (void)number;
    output_file_unlink_all();
    if (write(STDERR_FILENO, sentence, sizeof sentence - 1) < 0) _exit(1);
    _exit(1);
}

void output_file_handle_signals(void) {
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = end_by_signal}, before;
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
        if (sigaction(ending[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(ending[i], &action, NULL);
    action.sa_handler = end_by_abort;
    sigaction(SIGABRT, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGXFSZ, &action, NULL);
    sigaction(SIGPIPE, &action, NULL);
    arena_on_exhaustion(output_file_unlink_all);
}

static void report(const OutputFile *file, const char *what, int error) {
    if (file->is_standard_output)
        diagnose_error(file->diagnostics, (Place){0}, "cannot %s standard output: %s", what,
                       strerror(error));
    else
        diagnose_error(file->diagnostics, (Place){0}, "cannot %s `%s`: %s", what, file->path,
                       strerror(error));
}

static int free_slot(void) {
    for (int i = 0; i < MOST_OPEN; i++)
        if (!open_files[i]) return i;
    return -1;
}

/* A name in the folder of the path: short, so that it fits wherever the final name fits. */
static const char *temporary_name(Arena *arena, const char *path, unsigned attempt) {
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path) + 1 : 0;
    return arena_format(arena, "%.*s.tfcc-%ld-%u.tmp", folder, path, (long)getpid(), attempt);
}

static int create_temporary(OutputFile *file) {
    for (unsigned attempt = 0; attempt < 1000; attempt++) {
        file->temporary = temporary_name(file->arena, file->path, attempt);
        int descriptor = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor >= 0 || errno != EEXIST) return descriptor;
    }
    return -1;
}

/* No signal may come between the file's beginning and its place in the list. */
static int open_temporary(OutputFile *file) {
    sigset_t every, before;
    sigfillset(&every);
    sigprocmask(SIG_BLOCK, &every, &before);
    int descriptor = create_temporary(file), error = errno;
    if (descriptor >= 0) open_files[file->slot] = file->temporary;
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return descriptor;
}

/* Whether a file of this name can be made is better known before others that belong to it appear. */
static int open_path(OutputFile *file) {
    const char *path = file->path;
    struct stat status;
    if (stat(path, &status) == 0) {
        if (!S_ISREG(status.st_mode))
            return open(path, O_WRONLY | O_CLOEXEC); /* a folder: EISDIR */
    } else if (errno != ENOENT) {
        return -1;
    } else if (*path == '\0' || path[strlen(path) - 1] == '/') {
        errno = *path ? EISDIR : ENOENT;
        return -1;
    }
    file->slot = free_slot();
    errno = EMFILE;
    return file->slot >= 0 ? open_temporary(file) : -1;
}

static void abandon_at_destroy(void *object) {
    output_file_abandon(object);
}

OutputFile *output_file_open(Arena *arena, Diagnostics *diagnostics, const char *path) {
    OutputFile *file = arena_alloc(arena, sizeof *file);
    *file = (OutputFile){.arena = arena, .diagnostics = diagnostics, .path = path, .slot = -1};
    int descriptor;
    if (strcmp(path, "-") == 0) { /* a descriptor of our own: closing it tells of errors */
        file->is_standard_output = true;
        fflush(stdout);
        descriptor = dup(STDOUT_FILENO);
    } else {
        descriptor = open_path(file);
    }
    if (descriptor >= 0) file->stream = fdopen(descriptor, "wb");
    if (!file->stream) {
        int error = errno;
        if (descriptor >= 0) {
            close(descriptor);
            output_file_abandon(file);
        }
        report(file, "open", error);
        return NULL;
    }
    arena_on_destroy(arena, abandon_at_destroy, file);
    return file;
}

bool output_file_write(OutputFile *file, const void *bytes, size_t length) {
    if (file->error) return false;
    if (length > 0 && fwrite(bytes, 1, length, file->stream) != length)
        file->error = errno ? errno : EIO;
    return file->error == 0;
}

const char *output_file_temporary_path(const OutputFile *file) {
    if (file->is_standard_output) return "/dev/stdout";
    return file->temporary ? file->temporary : file->path;
}

void output_file_abandon(OutputFile *file) {
    if (file->stream) fclose(file->stream);
    file->stream = NULL;
    if (file->slot >= 0 && open_files[file->slot] == file->temporary) {
        unlink(file->temporary);
        open_files[file->slot] = NULL;
    }
    file->slot = -1;
}

bool output_file_finish(OutputFile *file) {
    FILE *stream = file->stream;
    if (!stream) return !file->error;
    file->stream = NULL;
    if (fclose(stream) != 0 && !file->error) file->error = errno ? errno : EIO;
    if (!file->error) return true;
    report(file, "write", file->error);
    output_file_abandon(file);
    return false;
}

bool output_file_commit(OutputFile *file) {
    bool is_abandoned = !file->stream && file->slot < 0 && file->temporary;
    if (is_abandoned || !output_file_finish(file)) return false;
    if (file->slot >= 0 && rename(file->temporary, file->path) != 0) {
        report(file, "write", errno);
        output_file_abandon(file);
        return false;
    }
    if (file->slot >= 0) open_files[file->slot] = NULL;
    file->slot = -1;
    return true;
}
