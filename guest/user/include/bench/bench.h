/* SPDX-License-Identifier: MIT
 *
 * Measurements: statistics of samples in cycles, and the control of repeated runs (facts §2.2
 * "Bench"). Nothing blocks.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <bench/bench_arch.h>
#include <stdbool.h>
#include <stddef.h>

/* Samples from here on are no measurements: statistics leave them out. */
#define BENCH_IGNORE_WATERMARK 0xffffffff00000000ull

/* Measures how long it takes to read the counter.  Before anything else here. */
void bench_init(void);
cycles_t bench_tscoverhead(void);

/* From `start` to `end`, without the time it takes to read the counter; 0 if that is longer. */
cycles_t bench_time_diff(cycles_t start, cycles_t end);

/* Of `count` samples without those that are ignored; 0 if none is left.  The variance is that of
 * all there are (divided by their number). */
cycles_t bench_avg(cycles_t *samples, size_t count);
cycles_t bench_variance(cycles_t *samples, size_t count);
cycles_t bench_min(cycles_t *samples, size_t count);
cycles_t bench_max(cycles_t *samples, size_t count);

/* Average and standard deviation at once.  correction: 0, or 1 for a sample of something larger. */
void bench_stddev(cycles_t *samples, size_t count, uint8_t correction, cycles_t *average,
                  cycles_t *deviation);

/* ---- repeated runs ---- */

typedef enum {
    BENCH_MODE_FIXEDRUNS, /* as many as was said */
} bench_ctl_mode_t;

typedef struct bench_ctl {
    bench_ctl_mode_t mode;
    size_t dimensions; /* numbers that each run gives */
    size_t min_runs;
    size_t dry_runs, dry_done;
    size_t run_count;
    cycles_t *data; /* min_runs rows of `dimensions` */
} bench_ctl_t;

/* NULL: no memory.  The caller frees it with bench_ctl_destroy. */
bench_ctl_t *bench_ctl_init(bench_ctl_mode_t mode, size_t dimensions, size_t min_runs);
void bench_ctl_destroy(bench_ctl_t *ctl);

/* That many runs come first and are not counted. */
void bench_ctl_dry_runs(bench_ctl_t *ctl, size_t dry_runs);

/* Notes what a run has given, `dimensions` numbers.  True: that was the last one that is wanted. */
bool bench_ctl_add_run(bench_ctl_t *ctl, cycles_t *result);

/* Print on standard output, each line behind `prefix`: all runs; how many lie in each of bin_count
 * equal parts of min..max (and below, and above); count, average, deviation, least, median,
 * greatest. tsc_per_us: then also in microseconds; 0: only in cycles. */
void bench_ctl_dump_csv(bench_ctl_t *ctl, const char *prefix, uint64_t tsc_per_us);
void bench_ctl_dump_csv_bincounting(bench_ctl_t *ctl, size_t dimension, size_t bin_count,
                                    cycles_t min, cycles_t max, const char *prefix,
                                    uint64_t tsc_per_us);
void bench_ctl_dump_analysis(bench_ctl_t *ctl, size_t dimension, const char *prefix,
                             uint64_t tsc_per_us);

#endif
