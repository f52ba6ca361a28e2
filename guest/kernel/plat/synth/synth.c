/* SPDX-License-Identifier: MIT
 *
 * The synthetic platform: the devices of devices/abi, one OUT for each request with its arguments
 * in the core page.  A request costs one exit, so nothing here is asked twice, and a text goes out
 * whole.  The machine refreshes clock_ns at every request and interrupt: plat_time_cached() is
 * free.
 */
#include "plat.h"

static inline void out(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline void set_bits(volatile uint64_t *word, uint64_t bits)
{
    __asm__ volatile("lock orq %1, %0" : "+m"(*word) : "r"(bits) : "memory");
}

static inline uint64_t exchange(volatile uint64_t *word, uint64_t value)
{
    __asm__ volatile("xchgq %0, %1" : "+r"(value), "+m"(*word)::"memory");
    return value;
}

void plat_console(paddr_t text, unsigned length, unsigned kind, paddr_t speaker)
{
    CORE_PAGE->arg[0] = text.v;
    CORE_PAGE->arg[1] = speaker.v;
    out(ABI_PORT_CONSOLE, kind << 16 | length);
}

systime_t plat_time_cached(void)
{
    return CORE_PAGE->clock_ns;
}

systime_t plat_time(void)
{
    out(ABI_PORT_CLOCK, 0);
    return CORE_PAGE->clock_ns;
}

void plat_timer_set(systime_t at)
{
    CORE_PAGE->arg[0] = at;
    out(ABI_PORT_TIMER, 0);
}

void plat_notify(coreid_t core, uint32_t id)
{
    out(ABI_PORT_IPI, (uint32_t)core << 16 | id);
}

uint64_t plat_start_core(uint64_t core, uint64_t entry, uint64_t rdi, uint64_t cr3)
{
    CORE_PAGE->arg[0] = core;
    CORE_PAGE->arg[1] = entry;
    CORE_PAGE->arg[2] = rdi;
    CORE_PAGE->arg[3] = cr3;
    out(ABI_PORT_POWER, ABI_POWER_START);
    return CORE_PAGE->result;
}

void plat_scrub(paddr_t base, uint64_t bytes)
{
    CORE_PAGE->arg[0] = base.v;
    CORE_PAGE->arg[1] = bytes;
    out(ABI_PORT_SCRUB, 0);
}

void plat_clear_vectors(void)
{
    out(ABI_PORT_VECTORS, 0);
}

void plat_channel(paddr_t description)
{
    CORE_PAGE->arg[0] = description.v;
    out(ABI_PORT_FABRIC, 0);
}

void plat_report(paddr_t block, paddr_t speaker)
{
    CORE_PAGE->arg[0] = block.v;
    CORE_PAGE->arg[1] = speaker.v;
    out(ABI_PORT_REPORT, 0);
}

static void __attribute__((noreturn)) power(uint32_t operation, uint64_t code)
{
    CORE_PAGE->arg[0] = code;
    for (;;)
        out(ABI_PORT_POWER, operation);
}

void plat_power_off(uint64_t code)
{
    power(ABI_POWER_EXIT, code);
}

void plat_panic(void)
{
    CORE_PAGE->phase = ABI_PHASE_PANIC;
    power(ABI_POWER_PANIC, 0);
}

uint64_t plat_take_causes(void)
{
    return exchange(&CORE_PAGE->cause, 0);
}

/* More than one entry may deliver go back to where they came from, with an interrupt to itself. */
static void put_back(uint64_t words, unsigned word, uint64_t bits)
{
    set_bits(&CORE_PAGE->notify_pending[word], bits);
    set_bits(&CORE_PAGE->notify_summary, words);
    plat_notify(my_core_id, word * 64 + (unsigned)__builtin_ctzll(bits));
}

void plat_take_notifications(void (*deliver)(uint32_t id))
{
    unsigned left = NOTIFICATIONS_MAX;
    LOOP_BOUND(rounds, NOTIFICATIONS_MAX + ABI_NOTIFY_IDS / 64);
    for (uint64_t words = exchange(&CORE_PAGE->notify_summary, 0); words != 0; words &= words - 1) {
        const unsigned w = (unsigned)__builtin_ctzll(words);
        uint64_t bits = exchange(&CORE_PAGE->notify_pending[w], 0);
        LOOP_ROUND(rounds);
        for (; bits != 0 && left != 0; bits &= bits - 1, left--) {
            LOOP_ROUND(rounds);
            deliver(w * 64 + (unsigned)__builtin_ctzll(bits));
        }
        if (bits != 0) {
            put_back(words, w, bits);
            return;
        }
    }
}
