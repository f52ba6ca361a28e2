/* SPDX-License-Identifier: MIT
 *
 * Repeated runs: what each has given is kept in a table of the size that was asked for, and printed
 * in the end.
 */
#include <barrelfish/barrelfish.h>
#include <bench/bench.h>
#include <stdio.h>
#include <string.h>

bench_ctl_t *bench_ctl_init(bench_ctl_mode_t mode, size_t dimensions, size_t min_runs)
{
    bench_ctl_t *ctl = calloc(1, sizeof(*ctl));

    if (ctl == NULL)
        return NULL;
    ctl->mode = mode;
    ctl->dimensions = dimensions;
    ctl->min_runs = min_runs;
    ctl->data = calloc(dimensions * min_runs, sizeof(*ctl->data));
    if (ctl->data == NULL) {
        free(ctl);
        return NULL;
    }
    return ctl;
}

void bench_ctl_destroy(bench_ctl_t *ctl)
{
    free(ctl->data);
    free(ctl);
}

void bench_ctl_dry_runs(bench_ctl_t *ctl, size_t dry_runs)
{
    ctl->dry_runs = dry_runs;
}

bool bench_ctl_add_run(bench_ctl_t *ctl, cycles_t *result)
{
    if (ctl->dry_done < ctl->dry_runs) {
        ctl->dry_done++;
        return false;
    }
    if (ctl->run_count < ctl->min_runs) {
        memcpy(ctl->data + ctl->run_count * ctl->dimensions, result,
               ctl->dimensions * sizeof(*result));
        ctl->run_count++;
    }
    return ctl->run_count == ctl->min_runs;
}

void bench_ctl_dump_csv(bench_ctl_t *ctl, const char *prefix, uint64_t tsc_per_us)
{
    for (size_t run = 0; run < ctl->run_count; run++) {
        printf("%s%zu", prefix, run);
        for (size_t d = 0; d < ctl->dimensions; d++) {
            cycles_t value = ctl->data[run * ctl->dimensions + d];

            printf(",%" PRIu64, value);
            if (tsc_per_us != 0)
                printf(",%" PRIu64, value / tsc_per_us);
        }
        printf("\n");
    }
}

/* One dimension's numbers, in order of size; to be freed.  NULL: none, or no memory. */
static cycles_t *sorted(const bench_ctl_t *ctl, size_t dimension, size_t *count)
{
    cycles_t *column = malloc((ctl->run_count + 1) * sizeof(*column));
    size_t n = 0;

    assert(dimension < ctl->dimensions);
    for (size_t run = 0; column != NULL && run < ctl->run_count; run++) {
        cycles_t value = ctl->data[run * ctl->dimensions + dimension];
        size_t at = n;

        if (value >= BENCH_IGNORE_WATERMARK)
            continue;
        for (; at > 0 && column[at - 1] > value; at--)
            column[at] = column[at - 1];
        column[at] = value;
        n++;
    }
    *count = n;
    if (n == 0) {
        free(column);
        return NULL;
    }
    return column;
}

void bench_ctl_dump_csv_bincounting(bench_ctl_t *ctl, size_t dimension, size_t bin_count,
                                    cycles_t min, cycles_t max, const char *prefix,
                                    uint64_t tsc_per_us)
{
    size_t count = 0, at = 0;
    cycles_t *column = sorted(ctl, dimension, &count);
    cycles_t width = bin_count == 0 || max <= min ? 1 : DIVIDE_ROUND_UP(max - min, bin_count);
    cycles_t unit = tsc_per_us == 0 ? 1 : tsc_per_us;

    for (size_t bin = 0; column != NULL && bin <= bin_count + 1; bin++) {
        /* bin 0 lies below all, the last one above */
        cycles_t end = bin > bin_count ? UINT64_MAX : min + bin * width;
        size_t here = 0;

        while (at < count && (bin > bin_count || column[at] < end)) {
            at++;
            here++;
        }
        printf("%s%" PRIu64 ",%zu\n", prefix,
               bin == 0 ? (cycles_t)0 : (min + (bin - 1) * width) / unit, here);
    }
    free(column);
}

void bench_ctl_dump_analysis(bench_ctl_t *ctl, size_t dimension, const char *prefix,
                             uint64_t tsc_per_us)
{
    size_t count = 0;
    cycles_t *column = sorted(ctl, dimension, &count);
    cycles_t average, deviation;

    if (column == NULL) {
        printf("%sno runs\n", prefix);
        return;
    }
    bench_stddev(column, count, 0, &average, &deviation);
    printf("%sruns %zu, avg %" PRIu64 ", stddev %" PRIu64 ", min %" PRIu64 ", median %" PRIu64
           ", max %" PRIu64 " cycles\n",
           prefix, count, average, deviation, column[0], column[count / 2], column[count - 1]);
    if (tsc_per_us != 0) {
        printf("%savg %" PRIu64 ", median %" PRIu64 " us\n", prefix, average / tsc_per_us,
               column[count / 2] / tsc_per_us);
    }
    free(column);
}
