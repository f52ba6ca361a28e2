#include <barrelfish/barrelfish.h>
#include <bench/bench.h>
#include <stdio.h>
#include <trace/trace.h>

#define RUNS 200

static int other(void *arg)
{
    for (int i = 0; i < RUNS; i++)
        thread_yield();
    return 0;
}

int main(void)
{
    static cycles_t times[RUNS];

    bench_init();
    struct thread *t = thread_create(other, NULL);
    for (int i = 0; i < RUNS; i++) {
        cycles_t start = bench_tsc();
        thread_yield();
        times[i] = bench_time_diff(start, bench_tsc());
        TRACE(BENCH, PCBENCH, i);
    }
    thread_join(t, NULL);
    printf("thread switch: average %" PRIuCYCLES " cycles\n", bench_avg(times, RUNS));
    printf("bench_yield: passed\n");
    return 0;
}
