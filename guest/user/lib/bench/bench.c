/* SPDX-License-Identifier: MIT
 *
 * Statistics of samples.  Sums have 128 bits, so that squares of cycles of hours do not overflow;
 * the square root is one of integers: a domain that measures should not have to save an FPU for it.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/sys_debug.h>
#include <bench/bench.h>

#define OVERHEAD_RUNS 1000

typedef unsigned __int128 wide_t;

static cycles_t overhead;
static uint64_t tsc_per_ms;

void bench_init(void)
{
    cycles_t least = UINT64_MAX;

    for (unsigned i = 0; i < OVERHEAD_RUNS; i++) {
        cycles_t start = bench_tsc();
        cycles_t end = bench_tsc();

        least = end - start < least ? end - start : least;
    }
    overhead = least;
    errval_t err = sys_debug_get_tsc_per_ms(&tsc_per_ms);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "bench_init");
}

cycles_t bench_tscoverhead(void)
{
    return overhead;
}

cycles_t bench_time_diff(cycles_t start, cycles_t end)
{
    return end - start > overhead ? end - start - overhead : 0;
}

uint64_t bench_tsc_per_ms(void)
{
    return tsc_per_ms;
}

uint64_t bench_tsc_per_us(void)
{
    return tsc_per_ms / 1000;
}

uint64_t bench_tsc_to_ms(cycles_t cycles)
{
    return cycles / tsc_per_ms;
}

uint64_t bench_tsc_to_us(cycles_t cycles)
{
    return (uint64_t)((wide_t)cycles * 1000 / tsc_per_ms);
}

/* ---- statistics ---- */

static bool counts(cycles_t sample)
{
    return sample < BENCH_IGNORE_WATERMARK;
}

static size_t counted(const cycles_t *samples, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += counts(samples[i]);
    return n;
}

cycles_t bench_avg(cycles_t *samples, size_t count)
{
    const size_t n = counted(samples, count);
    wide_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += counts(samples[i]) ? samples[i] : 0;
    return n == 0 ? 0 : (cycles_t)(sum / n);
}

/* The sum of squared distances from the average. */
static wide_t squares(const cycles_t *samples, size_t count, cycles_t average)
{
    wide_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        if (counts(samples[i])) {
            cycles_t d = samples[i] > average ? samples[i] - average : average - samples[i];
            sum += (wide_t)d * d;
        }
    }
    return sum;
}

cycles_t bench_variance(cycles_t *samples, size_t count)
{
    const size_t n = counted(samples, count);

    return n == 0 ? 0 : (cycles_t)(squares(samples, count, bench_avg(samples, count)) / n);
}

cycles_t bench_min(cycles_t *samples, size_t count)
{
    cycles_t least = 0;
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        if (counts(samples[i]) && (!any || samples[i] < least)) {
            least = samples[i];
            any = true;
        }
    }
    return least;
}

cycles_t bench_max(cycles_t *samples, size_t count)
{
    cycles_t greatest = 0;

    for (size_t i = 0; i < count; i++)
        if (counts(samples[i]) && samples[i] > greatest)
            greatest = samples[i];
    return greatest;
}

/* The largest number whose square is not larger, bit by bit. */
static cycles_t square_root(wide_t value)
{
    cycles_t root = 0;

    for (int bit = 63; bit >= 0; bit--) {
        cycles_t candidate = root | 1ull << bit;
        if ((wide_t)candidate * candidate <= value)
            root = candidate;
    }
    return root;
}

void bench_stddev(cycles_t *samples, size_t count, uint8_t correction, cycles_t *average,
                  cycles_t *deviation)
{
    const size_t n = counted(samples, count);

    *average = bench_avg(samples, count);
    *deviation =
        n <= correction ? 0 : square_root(squares(samples, count, *average) / (n - correction));
}
