/* SPDX-License-Identifier: MIT
 *
 * How fast do TSC and APIC timer run?  Measured by the one clock of a PC whose rate is known, the
 * 8254 timer, over some ten milliseconds.
 *
 * An emulated processor may lose its host CPU between two reads.  So both ends are the best of
 * several tries: the one whose reads lie closest together.
 */
#include "loader.h"

#define PIT_HZ 1193182
#define PIT_CHANNEL_0 0x40
#define PIT_COMMAND 0x43
#define PIT_RATE_GENERATOR 0x34 /* channel 0, low then high byte, mode 2 */
#define PIT_LATCH 0x00
#define PIT_PERIOD 65536
#define MEASURE_TICKS 14000 /* 12 ms */
#define TRIES 16
#define SILENT_ROUNDS 100000 /* that often the same: there is none */

#define MSR_APIC_BASE 0x1b
#define APIC_BASE_X2APIC 0x400
#define APIC_BASE_ENABLE 0x800
#define MSR_X2APIC 0x800
#define APIC_SPURIOUS 0x0f
#define APIC_LVT_TIMER 0x32
#define APIC_TIMER_COUNT 0x38
#define APIC_TIMER_NOW 0x39
#define APIC_TIMER_DIVIDER 0x3e
#define LVT_MASKED 0x10000
#define DIVIDE_BY_1 0xb
#define SPURIOUS_ENABLE 0x1ff

static uint64_t apic_base;

static uint64_t read_msr(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static void write_msr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static volatile uint32_t *apic_register(unsigned number)
{
    return (volatile uint32_t *)(apic_base & 0xffffff000) + number * 4;
}

static void apic_write(unsigned number, uint32_t value)
{
    if (apic_base & APIC_BASE_X2APIC)
        write_msr(MSR_X2APIC + number, value);
    else
        *apic_register(number) = value;
}

static uint32_t apic_timer_now(void)
{
    return apic_base & APIC_BASE_X2APIC ? (uint32_t)read_msr(MSR_X2APIC + APIC_TIMER_NOW)
                                        : *apic_register(APIC_TIMER_NOW);
}

static unsigned pit_now(void)
{
    out8(PIT_COMMAND, PIT_LATCH);
    const unsigned low = in8(PIT_CHANNEL_0);
    return low | (unsigned)in8(PIT_CHANNEL_0) << 8;
}

struct sample {
    uint64_t tsc;
    uint32_t timer; /* counts down */
    unsigned pit;   /* counts down */
};

static struct sample sample(void)
{
    struct sample best = { 0 };
    uint64_t narrowest = UINT64_MAX;
    for (unsigned i = 0; i < TRIES; i++) {
        struct sample one;
        const uint64_t before = clock_tsc();
        one.pit = pit_now();
        one.timer = apic_timer_now();
        one.tsc = clock_tsc();
        if (one.tsc - before < narrowest) {
            narrowest = one.tsc - before;
            best = one;
        }
    }
    return best;
}

static bool wait_ticks(unsigned from, unsigned ticks)
{
    unsigned last = from, silent = 0;
    for (;;) {
        const unsigned now = pit_now();
        if ((from - now) % PIT_PERIOD >= ticks)
            return true;
        silent = now == last ? silent + 1 : 0;
        if (silent > SILENT_ROUNDS)
            return false;
        last = now;
    }
}

bool clock_measure(uint64_t *tsc_hz, uint64_t *timer_hz)
{
    apic_base = read_msr(MSR_APIC_BASE) | APIC_BASE_ENABLE;
    write_msr(MSR_APIC_BASE, apic_base);
    apic_write(APIC_SPURIOUS, SPURIOUS_ENABLE);
    apic_write(APIC_LVT_TIMER, LVT_MASKED | ABI_VECTOR);
    apic_write(APIC_TIMER_DIVIDER, DIVIDE_BY_1);
    apic_write(APIC_TIMER_COUNT, UINT32_MAX);
    out8(PIT_COMMAND, PIT_RATE_GENERATOR);
    out8(PIT_CHANNEL_0, 0);
    out8(PIT_CHANNEL_0, 0);
    const struct sample begin = sample();
    const bool ok = wait_ticks(begin.pit, MEASURE_TICKS);
    const struct sample end = sample();
    apic_write(APIC_TIMER_COUNT, 0);
    const uint64_t ticks = (begin.pit - end.pit) % PIT_PERIOD;
    if (!ok || ticks < MEASURE_TICKS)
        return false;
    *tsc_hz = (end.tsc - begin.tsc) * PIT_HZ / ticks;
    *timer_hz = (uint64_t)(begin.timer - end.timer) * PIT_HZ / ticks;
    return *tsc_hz >= 1000000 && *timer_hz >= 100000;
}
