#include <barrelfish/barrelfish.h>
#include <bench/bench.h>
#include <stdio.h>

int main(void)
{
    bench_ctl_t *ctl;
    cycles_t result[2], n = 0;

    bench_init();
    ctl = bench_ctl_init(BENCH_MODE_FIXEDRUNS, 2, 5);
    bench_ctl_dry_runs(ctl, 2);
    do {
        result[0] = n++;
        result[1] = n * 100;
    } while (!bench_ctl_add_run(ctl, result));
    assert(n == 7);
    bench_ctl_dump_csv(ctl, "csv,", 0);
    bench_ctl_dump_csv_bincounting(ctl, 0, 5, 2, 7, "bin,", 0);
    bench_ctl_dump_analysis(ctl, 0, "first: ", bench_tsc_per_us());
    bench_ctl_destroy(ctl);
    printf("bench_ctl: passed\n");
    return 0;
}
