/* conformance.c: runs cases of the ONNX backend tests; README.md says how.
 *
 *     conformance [-O0 … -O3] [--interpret] [-jN] [--seconds=N] [--left-out=FILE] [--match=TEXT] PATH…
 *
 * A PATH is a case (a folder with model.onnx, or a light model), or a folder of such, at any depth.
 * Every case is a process of its own with a limit of time, so that a crash is a failure like
 * others. Every failure is a line `GROUP/CASE: …`; the last line counts.
 */
#include "case.h"

#include "support/arena.h"
#include "support/map.h"
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Job {
    Case c;
    const char *reason; /* why it is left out, or NULL */
    pid_t process;      /* 0: not started, or ended */
    int pipe;           /* what the process says */
    const char *folder;
    char *sentence; /* "" where it passed; NULL: not ended */
} Job;

typedef struct Runner {
    Arena *arena;
    Job *jobs;
    size_t job_count, job_capacity;
    Map left_out; /* name -> reason */
    CaseOptions options;
    size_t process_limit;
    unsigned seconds;
    const char *match; /* only cases whose name has this text, or NULL */
    const char *temporary;
} Runner;

/* ---- finding the cases ---- */

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static const char *parent_of(Arena *arena, const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? arena_copy_text(arena, path, (size_t)(slash - path)) : ".";
}

static bool is_there(const char *path) {
    struct stat status;
    return stat(path, &status) == 0;
}

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static void add_case(Runner *runner, const char *path, Case c) {
    Arena *arena = runner->arena;
    c.group = last_part(parent_of(arena, path));
    c.name = arena_format(arena, "%s/%s", c.group, last_part(path));
    if (runner->match && !strstr(c.name, runner->match)) return;
    Job *job = ARENA_PUSH(arena, runner->jobs, runner->job_count, runner->job_capacity);
    *job = (Job){.c = c, .reason = map_get(&runner->left_out, c.name)};
}

/* light/light_NAME.onnx; its tolerances are those of real/test_NAME. */
static void add_light_model(Runner *runner, const char *path) {
    Arena *arena = runner->arena;
    const char *stem = arena_copy_text(arena, path, strlen(path) - strlen(".onnx"));
    const char *name = last_part(stem);
    if (strncmp(name, "light_", 6) == 0) name += 6;
    add_case(runner, stem,
             (Case){.model = path,
                    .info = arena_format(arena, "%s/real/test_%s/data.json",
                                         parent_of(arena, parent_of(arena, path)), name)});
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void find_cases(Runner *runner, const char *path) {
    Arena *arena = runner->arena;
    const char *model = arena_format(arena, "%s/model.onnx", path);
    if (ends_with(path, ".onnx")) {
        add_light_model(runner, path);
        return;
    }
    if (is_there(model)) {
        add_case(runner, path,
                 (Case){.model = model,
                        .data = path,
                        .info = arena_format(arena, "%s/data.json", path)});
        return;
    }
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, by_name);
    for (int k = 0; k < count; k++) {
        const char *name = entries[k]->d_name, *inner = arena_format(arena, "%s/%s", path, name);
        struct stat status;
        bool is_folder = stat(inner, &status) == 0 && S_ISDIR(status.st_mode);
        if (name[0] != '.' && (is_folder || ends_with(name, ".onnx"))) find_cases(runner, inner);
        free(entries[k]);
    }
    if (count >= 0) free(entries);
}

/* Lines `GROUP/CASE: reason`; a # begins a comment. */
static bool read_left_out(Runner *runner, const char *path) {
    char line[1024];
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "%s cannot be read\n", path);
        return false;
    }
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *colon = strstr(line, ": ");
        if (line[0] == '#' || line[0] == '\0') continue;
        if (!colon) {
            fprintf(stderr, "%s: no reason in the line '%s'\n", path, line);
            fclose(file);
            return false;
        }
        map_set(&runner->left_out, arena_copy_text(runner->arena, line, (size_t)(colon - line)),
                arena_copy_text(runner->arena, colon + 2, strlen(colon + 2)));
    }
    fclose(file);
    return true;
}

/* ---- processes ---- */

enum { SENTENCE_SIZE = 4000 }; /* below what a pipe holds, so that nobody waits for a reader */

static bool start(Runner *runner, Job *job) {
    int ends[2];
    job->folder =
        arena_format(runner->arena, "%s/%zu", runner->temporary, (size_t)(job - runner->jobs));
    if (pipe(ends) != 0 || mkdir(job->folder, 0700) != 0) return false;
    fflush(NULL);
    job->process = fork();
    if (job->process < 0) return false;
    if (job->process == 0) {
        char sentence[SENTENCE_SIZE];
        CaseOptions options = runner->options;
        options.folder = job->folder;
        alarm(runner->seconds); /* SIGALRM ends the process */
        case_run(&job->c, &options, sentence, sizeof sentence);
        size_t length = strlen(sentence);
        _exit(write(ends[1], sentence, length) == (ssize_t)length ? 0 : 3);
    }
    close(ends[1]);
    job->pipe = ends[0];
    return true;
}

static void remove_folder(Arena *arena, const char *folder) {
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, NULL);
    for (int k = 0; k < count; k++) {
        unlink(arena_format(arena, "%s/%s", folder, entries[k]->d_name)); /* fails for . and .. */
        free(entries[k]);
    }
    if (count >= 0) free(entries);
    rmdir(folder);
}

static void finish(Runner *runner, Job *job, int status) {
    char sentence[SENTENCE_SIZE];
    ssize_t length = read(job->pipe, sentence, sizeof sentence);
    close(job->pipe);
    job->process = 0;
    remove_folder(runner->arena, job->folder);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        job->sentence = arena_format(runner->arena, "it took more than %u s", runner->seconds);
    else if (WIFSIGNALED(status))
        job->sentence = arena_format(runner->arena, "it crashed: signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        job->sentence = arena_format(runner->arena, "it ended with status %d", WEXITSTATUS(status));
    else
        job->sentence = arena_copy_text(runner->arena, sentence, length < 0 ? 0 : (size_t)length);
}

static bool wait_for_one(Runner *runner) {
    int status;
    pid_t ended = waitpid(-1, &status, 0);
    if (ended < 0) return false;
    for (size_t k = 0; k < runner->job_count; k++) {
        Job *job = &runner->jobs[k];
        if (job->process != ended) continue;
        finish(runner, job, status);
        if (job->sentence[0] && !job->reason) printf("%s: %s\n", job->c.name, job->sentence);
        if (!job->sentence[0] && job->reason)
            printf("%s: it passes, and is listed as left out: %s\n", job->c.name, job->reason);
    }
    return true;
}

static bool run_all(Runner *runner) {
    size_t started = 0, running = 0;
    for (; started < runner->job_count || running > 0; running--) {
        while (started < runner->job_count && running < runner->process_limit) {
            if (!start(runner, &runner->jobs[started++])) return false;
            running++;
        }
        if (!wait_for_one(runner)) return false;
    }
    return true;
}

/* ---- counting ---- */

typedef struct Totals {
    size_t passed, failed, left_out;
} Totals;

static Totals count_group(const Runner *runner, const char *group) {
    Totals totals = {0};
    for (size_t k = 0; k < runner->job_count; k++) {
        const Job *job = &runner->jobs[k];
        if (group && strcmp(job->c.group, group) != 0) continue;
        bool passed = job->sentence && !job->sentence[0];
        if (job->reason && !passed)
            totals.left_out++;
        else if (passed && !job->reason)
            totals.passed++;
        else
            totals.failed++;
    }
    return totals;
}

static void print_totals(const char *prefix, Totals totals) {
    printf("%s%zu passed, %zu failed, %zu left out\n", prefix, totals.passed, totals.failed,
           totals.left_out);
}

static int report(const Runner *runner) {
    for (size_t k = 0; k < runner->job_count; k++) {
        const char *group = runner->jobs[k].c.group;
        bool is_first = true, is_alone = true;
        for (size_t i = 0; i < runner->job_count; i++) {
            if (strcmp(runner->jobs[i].c.group, group) != 0) is_alone = false;
            if (i < k && strcmp(runner->jobs[i].c.group, group) == 0) is_first = false;
        }
        if (is_first && !is_alone)
            print_totals(arena_format(runner->arena, "%s: ", group), count_group(runner, group));
    }
    Totals totals = count_group(runner, NULL);
    print_totals("", totals);
    return totals.failed > 0 || runner->job_count == 0 ? 1 : 0;
}

int main(int argument_count, char **arguments) {
    Arena *arena = arena_create();
    Runner runner = {.arena = arena,
                     .left_out = map_create(arena),
                     .options = {.level = 2},
                     .process_limit = 1,
                     .seconds = 60};
    char temporary[] = "/tmp/conformance-XXXXXX";
    setvbuf(stdout, NULL, _IOLBF, 0);
    runner.temporary = mkdtemp(temporary);
    if (!runner.temporary) {
        perror(temporary);
        return 1;
    }
    for (int k = 1; k < argument_count; k++) {
        const char *argument = arguments[k];
        if (strncmp(argument, "-O", 2) == 0) {
            runner.options.level = atoi(argument + 2);
        } else if (strcmp(argument, "--interpret") == 0) {
            runner.options.interpret = true;
        } else if (strncmp(argument, "-j", 2) == 0) {
            runner.process_limit = (size_t)strtoul(argument + 2, NULL, 10);
        } else if (strncmp(argument, "--seconds=", 10) == 0) {
            runner.seconds = (unsigned)strtoul(argument + 10, NULL, 10);
        } else if (strncmp(argument, "--match=", 8) == 0) {
            runner.match = argument + 8;
        } else if (strncmp(argument, "--left-out=", 11) == 0) {
            if (!read_left_out(&runner, argument + 11)) return 1;
        } else {
            find_cases(&runner, argument);
        }
    }
    if (runner.process_limit < 1) runner.process_limit = 1;
    bool done = run_all(&runner);
    if (!done) perror("conformance");
    int status = report(&runner);
    rmdir(runner.temporary);
    arena_destroy(arena);
    return done ? status : 1;
}
