#include <barrelfish/barrelfish.h>
#include <bench/bench.h>
#include <stdio.h>

#define RUNS 100

int main(void)
{
    cycles_t t[RUNS], avg, sd;

    bench_init();
    printf("tscoverhead %" PRIuCYCLES "\n", bench_tscoverhead());
    for (int i = 0; i < RUNS; i++) {
        cycles_t start = bench_tsc();
        for (volatile int j = 0; j < 100; j++) {
        }
        t[i] = bench_time_diff(start, bench_tsc());
    }
    t[3] = BENCH_IGNORE_WATERMARK;
    assert(bench_min(t, RUNS) <= bench_avg(t, RUNS) && bench_avg(t, RUNS) <= bench_max(t, RUNS));
    assert(bench_max(t, RUNS) < BENCH_IGNORE_WATERMARK);
    cycles_t known[] = { 2, 4, 4, 4, 5, 5, 7, 9, BENCH_IGNORE_WATERMARK };
    bench_stddev(known, 9, 0, &avg, &sd);
    assert(avg == 5 && sd == 2 && bench_variance(known, 9) == 4);
    assert(bench_tsc_per_us() > 0 && bench_tsc_to_us(bench_tsc_per_ms() * 3) == 3000);
    assert(bench_tsc_to_ms(bench_tsc_per_ms() * 3) == 3);
    printf("bench_loop: passed\n");
    return 0;
}
