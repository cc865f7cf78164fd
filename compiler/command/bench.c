/* bench.c: tfcc bench MODEL.yaml: the latency of a run, and of its steps. */
#include "command/commands.h"
#include "command/session.h"
#include "support/diagnostic.h"
#include "support/map.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    WARM_UP_RUNS = 3,
    LEAST_RUNS = 20,
    MOST_RUNS = 100000,
};
static const double least_seconds = 0.5;

typedef struct StepTime {
    const char *name;
    uint64_t nanoseconds, calls;
} StepTime;

typedef struct Profile {
    Arena *arena;
    Map steps; /* by name */
} Profile;

static void trace(void *context, const char *step, uint64_t begin, uint64_t end) {
    Profile *profile = context;
    bool added;
    MapEntry *entry = map_insert(&profile->steps, step, strlen(step), &added);
    if (added) {
        StepTime *time = arena_alloc(profile->arena, sizeof *time);
        time->name = step;
        entry->value = time;
    }
    StepTime *time = entry->value;
    time->nanoseconds += end - begin;
    time->calls++;
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int by_time(const void *a, const void *b) {
    const StepTime *x = *(StepTime *const *)a, *y = *(StepTime *const *)b;
    return (x->nanoseconds < y->nanoseconds) - (x->nanoseconds > y->nanoseconds);
}

static void print_profile(Arena *arena, const Profile *profile, size_t runs, bool json) {
    size_t count = profile->steps.count;
    StepTime **steps = arena_alloc_array(arena, count, sizeof *steps);
    for (size_t k = 0; k < count; k++) steps[k] = profile->steps.entries[k].value;
    qsort(steps, count, sizeof *steps, by_time);
    if (json) fputs(", \"steps\": [", stdout);
    for (size_t k = 0; k < count; k++) {
        double mean = 1e-3 * (double)steps[k]->nanoseconds / (double)runs;
        if (!json) {
            printf("  %10.3f us  %s\n", mean, steps[k]->name);
            continue;
        }
        printf("%s{\"name\": \"", k ? ", " : "");
        for (const char *c = steps[k]->name; *c; c++) {
            if (*c == '"' || *c == '\\') putchar('\\');
            putchar(*c);
        }
        printf("\", \"mean_us\": %.3f}", mean);
    }
    if (json) putchar(']');
}

/* The fetches' memory is obtained by the first run and used again by the others. */
static int measure(Arena *arena, CommandSession *run, long repeats, const CommandLine *line,
                   Profile *profile) {
    for (int k = 0; k < WARM_UP_RUNS; k++)
        if (!command_session_run(run)) return 1;
    for (size_t k = 0; k < profile->steps.count; k++)
        *(StepTime *)profile->steps.entries[k].value =
            (StepTime){.name = profile->steps.entries[k].key};
    size_t most = repeats ? (size_t)repeats : MOST_RUNS, count = 0;
    double *times = arena_alloc_array(arena, most, sizeof *times);
    double begin = seconds_now(), end = begin;
    while (count < most && (repeats || count < LEAST_RUNS || end - begin < least_seconds)) {
        double start = seconds_now();
        if (!command_session_run(run)) return 1;
        end = seconds_now();
        times[count++] = 1e6 * (end - start);
    }
    qsort(times, count, sizeof *times, by_value);
    bool json = command_line_has(line, OPTION_JSON), steps = command_line_has(line, OPTION_PROFILE);
    if (json)
        printf("{\"runs\": %zu, \"min_us\": %.3f, \"median_us\": %.3f", count, times[0],
               times[count / 2]);
    else
        printf("%zu runs: min %.3f us, median %.3f us\n", count, times[0], times[count / 2]);
    if (steps) print_profile(arena, profile, count, json);
    if (json) puts("}");
    return 0;
}

int command_bench(Arena *arena, const CommandLine *line) {
    long repeats = 0, threads = 1;
    const char *text = command_line_value(line, OPTION_REPEAT);
    if (text && !command_integer("--repeat", text, 1, &repeats)) return 2;
    text = command_line_value(line, OPTION_THREADS);
    if (text && !command_integer("--threads", text, 1, &threads)) return 2;

    Profile profile = {arena, map_create(arena)};
    tfcc_options options = {.size = sizeof options, .threads = (int32_t)threads};
    if (command_line_has(line, OPTION_PROFILE)) {
        options.trace = trace;
        options.trace_context = &profile;
    }
    CommandSession run;
    int status = command_session_open(arena, line, &options, &run);
    if (status == 0) status = measure(arena, &run, repeats, line, &profile);
    if (run.session) {
        command_session_release(&run);
        int closed = command_session_close(line, &run);
        if (!status) status = closed;
    }
    if (run.compilation) diagnostics_print(run.compilation->diagnostics, stderr);
    return status;
}
