/* bench_compile.c: what compiling costs: each of the tutorial's graphs, and how time grows from a chain of 1,000 nodes to one of
 * 10,000.
 *
 *     bench_compile TFCC TUTORIAL WORK [SLACK]
 */
#include "bench.h"

#include <glob.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char **environ;

static double process_seconds(struct timeval time) {
    return (double)time.tv_sec + 1e-6 * (double)time.tv_usec;
}

/* The shortest of several compilations, in ms of processor time; -1 where one failed. */
static double compile(const char *tfcc, const char *model, const char *object, int repeats) {
    double best = 1e9;
    for (int k = 0; k < repeats; k++) {
        char *arguments[] = {(char *)tfcc, (char *)model, "-o", (char *)object, NULL};
        pid_t child;
        int status;
        struct rusage usage;
        if (posix_spawn(&child, tfcc, NULL, NULL, arguments, environ) != 0) return -1;
        if (wait4(child, &status, 0, &usage) != child || status != 0) return -1;
        double time = 1e3 * (process_seconds(usage.ru_utime) + process_seconds(usage.ru_stime));
        if (time < best) best = time;
    }
    return best;
}

/* A chain of `length` nodes over a vector, of operations that cannot be folded into each other. */
static void write_chain(const char *path, int length) {
    static const char *const forms[] = {"n%d + x",         "relu(n%d)", "n%d * x",
                                        "maximum(n%d, x)", "abs(n%d)",  "n%d - x"};
    FILE *file = fopen(path, "w");
    if (!file) exit(2);
    fputs("graph: chain\nnodes:\n  x: {op: placeholder, dtype: float32, shape: [256]}\n  n0: "
          "identity(x)\n",
          file);
    for (int k = 1; k < length; k++) {
        fprintf(file, "  n%d: ", k);
        fprintf(file, forms[k % 6], k - 1);
        fputc('\n', file);
    }
    fprintf(file, "fetches: [n%d]\n", length - 1);
    if (fclose(file) != 0) exit(2);
}

static void bench_chains(const char *tfcc, const char *work) {
    char model[4096], object[4096];
    double times[2];
    for (int k = 0; k < 2; k++) {
        int length = k ? 10000 : 1000;
        snprintf(model, sizeof model, "%s/chain%d.yaml", work, length);
        snprintf(object, sizeof object, "%s/chain%d.o", work, length);
        write_chain(model, length);
        times[k] = compile(tfcc, model, object, k ? 2 : 5);
        if (times[k] < 0) {
            printf("%s does not compile: FAIL\n", model);
            bench_failures++;
            return;
        }
    }
    char line[96];
    snprintf(line, sizeof line, "chain of 10,000 (%.0f ms) against 1,000 (%.0f ms)", times[1],
             times[0]);
    bench_report(line, times[1] / times[0], 12, "times");
}

static void bench_tutorial(const char *tfcc, const char *tutorial, const char *work) {
    char pattern[4096], object[4096];
    snprintf(pattern, sizeof pattern, "%s/[0-9]*.yaml", tutorial);
    snprintf(object, sizeof object, "%s/tutorial.o", work);
    glob_t models;
    if (glob(pattern, 0, NULL, &models) != 0) exit(2);
    for (size_t k = 0; k < models.gl_pathc; k++) {
        const char *name = strrchr(models.gl_pathv[k], '/') + 1;
        if (strncmp(name, "02", 2) == 0) continue; /* the one that is refused */
        double time = compile(tfcc, models.gl_pathv[k], object, 10);
        if (time < 0) {
            printf("%s does not compile: FAIL\n", name);
            bench_failures++;
            continue;
        }
        bench_report(name, time, 50, "ms");
    }
    globfree(&models);
}

int main(int count, char **arguments) {
    if (count < 4) return 2;
    if (count > 4) bench_slack = atof(arguments[4]);
    bench_tutorial(arguments[1], arguments[2], arguments[3]);
    bench_chains(arguments[1], arguments[3]);
    return bench_failures ? 1 : 0;
}
