/* SPDX-License-Identifier: MIT
 *
 * Single instructions of x86-64 that programs use.  Performance counters are not there to be read:
 * `rdpmc` is an exception in user mode.
 */
#ifndef BARRELFISH_KPI_ASM_INLINES_ARCH_H
#define BARRELFISH_KPI_ASM_INLINES_ARCH_H

#include <stdint.h>

/* Any result may be NULL. */
static inline void cpuid(uint32_t function, uint32_t *eax, uint32_t *ebx, uint32_t *ecx,
                         uint32_t *edx)
{
    uint32_t a, b, c, d;

    __asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(function), "c"(0));
    if (eax != 0)
        *eax = a;
    if (ebx != 0)
        *ebx = b;
    if (ecx != 0)
        *ecx = c;
    if (edx != 0)
        *edx = d;
}

/* The time stamp, and after all that comes before.  Not every machine has it: CPUID 80000001h. */
static inline uint64_t rdtscp(void)
{
    uint32_t low, high, aux;
    __asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(aux)::"memory");
    return (uint64_t)high << 32 | low;
}

/* Faults in user mode, where there are no performance counters. */
static inline uint64_t rdpmc(uint32_t counter)
{
    uint32_t low, high;
    __asm__ volatile("rdpmc" : "=a"(low), "=d"(high) : "c"(counter));
    return (uint64_t)high << 32 | low;
}

static inline void mfence(void)
{
    __asm__ volatile("mfence" ::: "memory");
}
static inline void sfence(void)
{
    __asm__ volatile("sfence" ::: "memory");
}
static inline void lfence(void)
{
    __asm__ volatile("lfence" ::: "memory");
}
static inline void clflush(const volatile void *line)
{
    __asm__ volatile("clflush %0" ::"m"(*(const volatile char *)line) : "memory");
}

#endif
