/* SPDX-License-Identifier: MIT
 *
 * The synthetic platform: the devices of devices/abi, one OUT for each request with its arguments
 * in the core page.  A request costs one exit, so nothing here is asked twice, and a text goes out
 * whole.  The machine refreshes clock_ns at every request and interrupt.
 */
#include "plat/platform.h"

#define WATCH_NS 50000000u
#define SYSTIME_MAX UINT64_MAX

static inline void out(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static void synth_console(paddr_t text, unsigned length, unsigned kind, paddr_t speaker)
{
    CORE_PAGE->arg[0] = text.v;
    CORE_PAGE->arg[1] = speaker.v;
    out(ABI_PORT_CONSOLE, kind << 16 | length);
}

static uint64_t synth_input(paddr_t buffer, unsigned bytes, uint32_t notify_id)
{
    CORE_PAGE->arg[0] = buffer.v;
    out(ABI_PORT_INPUT, notify_id << 16 | bytes);
    return CORE_PAGE->input;
}

static systime_t synth_time(void)
{
    out(ABI_PORT_CLOCK, 0);
    return CORE_PAGE->clock_ns;
}

static void set_timer(unsigned which, systime_t at)
{
    CORE_PAGE->arg[0] = at;
    out(ABI_PORT_TIMER, which);
}

/* A timer may be lost, and then nobody would look at what is due on a core that sleeps.  So while
 * the first one is armed, the second one is, too, for a time that is up to WATCH_NS later.  It
 * stays as it is when the first one moves on, and comes as a timer that had nothing to do.  So it
 * costs a request and an interrupt in WATCH_NS at most. */
static void synth_timer_set(systime_t at)
{
    static systime_t watch_at;

    set_timer(ABI_TIMER_FIRST, at);
    if (at == 0 || at > SYSTIME_MAX - WATCH_NS)
        return;
    if (watch_at > CORE_PAGE->clock_ns && watch_at <= at + WATCH_NS)
        return;
    watch_at = at + WATCH_NS;
    set_timer(ABI_TIMER_WATCH, watch_at);
}

static void synth_notify(coreid_t core, uint32_t id)
{
    out(ABI_PORT_IPI, (uint32_t)core << 16 | id);
}

static uint64_t synth_start_core(uint64_t core, uint64_t entry, uint64_t rdi, uint64_t cr3)
{
    CORE_PAGE->arg[0] = core;
    CORE_PAGE->arg[1] = entry;
    CORE_PAGE->arg[2] = rdi;
    CORE_PAGE->arg[3] = cr3;
    out(ABI_PORT_POWER, ABI_POWER_START);
    return CORE_PAGE->result;
}

static uint64_t ask_power(uint64_t core, uint32_t operation)
{
    CORE_PAGE->arg[0] = core;
    out(ABI_PORT_POWER, operation);
    return CORE_PAGE->result;
}

static uint64_t synth_kill_core(uint64_t core)
{
    return ask_power(core, ABI_POWER_KILL);
}

static uint64_t synth_retire_core(uint64_t core)
{
    return ask_power(core, ABI_POWER_RETIRE);
}

static uint64_t synth_core_available(uint64_t core)
{
    return ask_power(core, ABI_POWER_AVAILABLE);
}

static uint64_t synth_core_late(uint64_t core, uint64_t *late_ns)
{
    const uint64_t result = ask_power(core, ABI_POWER_LATE);
    *late_ns = CORE_PAGE->late_ns;
    return result;
}

static void synth_scrub(paddr_t base, uint64_t bytes)
{
    CORE_PAGE->arg[0] = base.v;
    CORE_PAGE->arg[1] = bytes;
    out(ABI_PORT_SCRUB, 0);
}

static void synth_clear_vectors(void)
{
    out(ABI_PORT_VECTORS, 0);
}

static void synth_channel(paddr_t description)
{
    CORE_PAGE->arg[0] = description.v;
    out(ABI_PORT_FABRIC, 0);
}

/* Stores are trapped where they must be seen. */
static uint64_t synth_seen(uint64_t base)
{
    return base;
}

static void synth_report(paddr_t block, paddr_t speaker)
{
    CORE_PAGE->arg[0] = block.v;
    CORE_PAGE->arg[1] = speaker.v;
    out(ABI_PORT_REPORT, 0);
}

static void synth_watched(uint32_t number, paddr_t speaker)
{
    CORE_PAGE->arg[0] = speaker.v;
    out(ABI_PORT_WATCH, number);
}

static void __attribute__((noreturn)) power(uint32_t operation, uint64_t code)
{
    CORE_PAGE->arg[0] = code;
    for (;;)
        out(ABI_PORT_POWER, operation);
}

static void __attribute__((noreturn)) synth_power_off(uint64_t code)
{
    power(ABI_POWER_EXIT, code);
}

static void __attribute__((noreturn)) synth_panic(void)
{
    CORE_PAGE->phase = ABI_PHASE_PANIC;
    power(ABI_POWER_PANIC, 0);
}

static uint64_t synth_take_causes(void)
{
    return exchange(&CORE_PAGE->cause, 0);
}

/* An exchange, so that it comes before every look at the causes that follows. */
static bool synth_hold(uint64_t causes)
{
    exchange(&CORE_PAGE->held, causes);
    return true;
}

static void synth_init(void)
{
}

const struct platform platform_synth = {
    .init = synth_init,
    .console = synth_console,
    .input = synth_input,
    .time = synth_time,
    .timer_set = synth_timer_set,
    .notify = synth_notify,
    .start_core = synth_start_core,
    .kill_core = synth_kill_core,
    .retire_core = synth_retire_core,
    .core_available = synth_core_available,
    .core_late = synth_core_late,
    .scrub = synth_scrub,
    .clear_vectors = synth_clear_vectors,
    .channel = synth_channel,
    .seen = synth_seen,
    .report = synth_report,
    .watched = synth_watched,
    .power_off = synth_power_off,
    .panic = synth_panic,
    .take_causes = synth_take_causes,
    .hold = synth_hold,
};
