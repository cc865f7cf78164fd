/* bench.h: what the measuring programs share: a clock, medians, and lines of `measured, limit, verdict`. */
#ifndef TFCC_TESTS_BENCH_H
#define TFCC_TESTS_BENCH_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int bench_failures;

/* All limits are multiplied by this: the first argument of the program, for machines that are busy. */
static double bench_slack = 1;

/* The processor time of this thread: other programs on the machine are not in it. All that is measured is done by one thread. */
static inline double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline int bench_by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline double median(double *times, size_t count) {
    qsort(times, count, sizeof *times, bench_by_value);
    return times[count / 2];
}

/* One line; a limit of 0 stays 0 whatever the slack. */
static inline void bench_report(const char *what, double measured, double limit, const char *unit) {
    bool good = measured <= limit * bench_slack;
    printf("%-52s %12.2f %-6s  at most %9.2f  %s\n", what, measured, unit, limit * bench_slack,
           good ? "pass" : "FAIL");
    fflush(stdout);
    if (!good) bench_failures++;
}

#endif
