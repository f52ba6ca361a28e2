/* SPDX-License-Identifier: MIT
 *
 * The time stamp counter, for measurements (facts §2.2 "Bench").  Its rate is the machine's: real
 * on kvm, virtual where time is virtual.
 */
#ifndef BENCH_BENCH_ARCH_H
#define BENCH_BENCH_ARCH_H

#include <barrelfish_kpi/types.h>

/* Cycles since the core was switched on; not ordered with the instructions around it. */
static inline cycles_t bench_tsc(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (cycles_t)high << 32 | low;
}

/* Rates, and lengths of time in cycles.  bench_init first. */
uint64_t bench_tsc_per_ms(void);
uint64_t bench_tsc_per_us(void);
uint64_t bench_tsc_to_ms(cycles_t cycles);
uint64_t bench_tsc_to_us(cycles_t cycles);

#endif
