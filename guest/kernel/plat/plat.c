/* SPDX-License-Identifier: MIT
 *
 * The platform of this core: which one it is, and what all have in common, namely the core page.
 *
 * Causes and notifications lie in the core page on every platform; who sets them differs.  clock_ns
 * is the time of the last request or interrupt, so plat_time_cached() is free.
 */
#include "plat/platform.h"

static const struct platform *platform = &platform_synth;

void plat_init(void)
{
    if (boot_info->flags & ABI_BOOT_PC)
        platform = &platform_pc;
    platform->init();
}

void plat_console(paddr_t text, unsigned length, unsigned kind, paddr_t speaker)
{
    platform->console(text, length, kind, speaker);
}

uint64_t plat_input(paddr_t buffer, unsigned bytes, uint32_t notify_id)
{
    return platform->input(buffer, bytes, notify_id);
}

systime_t plat_time_cached(void)
{
    return CORE_PAGE->clock_ns;
}

systime_t plat_time(void)
{
    return platform->time();
}

void plat_timer_set(systime_t at)
{
    platform->timer_set(at);
}

void plat_notify(coreid_t core, uint32_t id)
{
    platform->notify(core, id);
}

uint64_t plat_start_core(uint64_t core, uint64_t entry, uint64_t rdi, uint64_t cr3)
{
    return platform->start_core(core, entry, rdi, cr3);
}

uint64_t plat_kill_core(uint64_t core)
{
    return platform->kill_core(core);
}

uint64_t plat_retire_core(uint64_t core)
{
    return platform->retire_core(core);
}

uint64_t plat_core_late(uint64_t core, uint64_t *late_ns)
{
    return platform->core_late(core, late_ns);
}

uint64_t plat_core_available(uint64_t core)
{
    return platform->core_available(core);
}

void plat_scrub(paddr_t base, uint64_t bytes)
{
    platform->scrub(base, bytes);
}

void plat_clear_vectors(void)
{
    platform->clear_vectors();
}

void plat_channel(paddr_t description)
{
    platform->channel(description);
}

uint64_t plat_seen(uint64_t base)
{
    return platform->seen(base);
}

void plat_report(paddr_t block, paddr_t speaker)
{
    platform->report(block, speaker);
}

void plat_watched(uint32_t number, paddr_t speaker)
{
    platform->watched(number, speaker);
}

void plat_take_stops(void (*stop)(paddr_t dispatcher))
{
    for (unsigned i = 0; i < ABI_STOPS; i++) {
        const paddr_t dispatcher = paddr(exchange(&CORE_PAGE->stop[i], 0));
        if (dispatcher.v != 0)
            stop(dispatcher);
    }
}

void plat_power_off(uint64_t code)
{
    platform->power_off(code);
}

void plat_panic(void)
{
    CORE_PAGE->phase = ABI_PHASE_PANIC;
    platform->panic();
}

uint64_t plat_take_causes(void)
{
    return platform->take_causes();
}

bool plat_hold(uint64_t causes)
{
    return platform->hold(causes);
}

void plat_notify_self(const uint64_t *ids, unsigned words)
{
    uint64_t summary = 0;
    uint32_t last = 0;
    LOOP_BOUND(rounds, ABI_NOTIFY_WORDS);
    for (unsigned w = 0; w < words; w++) {
        LOOP_ROUND(rounds);
        if (ids[w] == 0)
            continue;
        set_bits(&CORE_PAGE->notify_pending[w], ids[w]);
        summary |= 1ull << w;
        last = w * 64 + (unsigned)__builtin_ctzll(ids[w]);
    }
    set_bits(&CORE_PAGE->notify_summary, summary);
    plat_notify(my_core_id, last); /* and the interrupt */
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
