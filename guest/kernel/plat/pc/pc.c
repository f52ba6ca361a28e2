/* SPDX-License-Identifier: MIT
 *
 * A PC: local APIC, time stamp counter, QEMU's debug exit; its console is in console.c.
 *
 * What the machine does with the core page on our own hardware, CPU drivers do for each other here:
 * who notifies sets the bits in the area of the other core, in the order of core_page.h, and
 * interrupts it.  There is no other memory that two CPU drivers write, except struct pc_core.
 */
#include <abi/pump.h>

#include "arch.h"
#include "plat/pc/pc.h"

#define QEMU_EXIT 0xf4 /* -device isa-debug-exit,iobase=0xf4: QEMU ends with 2 * value + 1 */
#define PANIC_CODE 127

static uint64_t ns_per_tick; /* 32 bits behind the point */
static systime_t timer_at;   /* 0: not armed */

/* ---- time ---- */

static systime_t pc_time(void)
{
    const uint64_t ticks = pc_tsc() - boot_info->pc.tsc_at_zero;
    CORE_PAGE->clock_ns = (systime_t)((unsigned __int128)ticks * ns_per_tick >> 32);
    return CORE_PAGE->clock_ns;
}

/* Never 0 ns away unless there is nothing to wait for: that stops the timer.  With a pump that has
 * no bell there always is. */
static void arm(systime_t now)
{
    uint64_t ns = timer_at == 0 ? 0 : timer_at > now ? timer_at - now : 1;
    if (pc_must_look() && (ns == 0 || ns > ABI_PUMP_LOOK_NS))
        ns = ABI_PUMP_LOOK_NS;
    apic_timer(ns);
}

static void pc_timer_set(systime_t at)
{
    const systime_t now = pc_time();
    timer_at = at;
    arm(now);
}

/* ---- interrupts ---- */

static void pc_notify(coreid_t core, uint32_t id)
{
    pc_set_notification(core_page_of(core), id);
    apic_interrupt(core);
}

/* First the end of interrupt, then the look: what is raised after the look interrupts again.  The
 * timer may be early: its clock is another one, and its longest time may be too short. */
static uint64_t pc_take_causes(void)
{
    apic_eoi();
    const systime_t now = pc_time();
    pc_look_for_input();
    uint64_t causes = exchange(&CORE_PAGE->cause, 0);
    if (timer_at != 0 && now >= timer_at) {
        timer_at = 0;
        causes |= ABI_CAUSE_TIMER;
    }
    if (timer_at != 0 || pc_must_look())
        arm(now);
    return causes;
}

/* Who notifies sends the interrupt itself, and asks nobody. */
static bool pc_hold(uint64_t causes)
{
    (void)causes;
    return false;
}

/* ---- the end ---- */

static void __attribute__((noreturn)) end(char kind, uint64_t code)
{
    pc_say_number(kind, code);
    pc_console_drain();
    __asm__ volatile("outl %0, %1" ::"a"((uint32_t)code), "Nd"((uint16_t)QEMU_EXIT) : "memory");
    for (;;)
        __asm__ volatile("cli\n\thlt");
}

static void __attribute__((noreturn)) pc_power_off(uint64_t code)
{
    end('x', code);
}

static void __attribute__((noreturn)) pc_panic(void)
{
    end('p', PANIC_CODE);
}

/* ---- the rest ---- */

static void pc_scrub(paddr_t base, uint64_t bytes)
{
    pc_before_scrub(base, bytes);
    memset(phys_to_mem(base), 0, bytes);
}

/* Ring 3 has only what CR4 gives it. */
static void pc_clear_vectors(void)
{
}

static void pc_watched(uint32_t number, paddr_t speaker)
{
    (void)number, (void)speaker;
}

/* The tables of the loader or of the start-up page go: they map low memory, too. */
static void pc_init(void)
{
    arch_write_cr3(boot_info->pml4);
    ns_per_tick = (1000000000ull << 32) / boot_info->tsc_hz;
    apic_init();
    const systime_t now = pc_time();
    if (boot_info->pc.pump == 0)
        return;
    arm(now);
    if (boot_info->core == boot_info->boot_core) {
        pc_say_number('w', boot_info->pc.pump);
        trace_line("lines are carried: cores %s", pc_must_look()
                                                      ? "look at their core pages every millisecond"
                                                      : "are interrupted by bells");
    }
}

const struct platform platform_pc = {
    .init = pc_init,
    .console = pc_console,
    .input = pc_input,
    .time = pc_time,
    .timer_set = pc_timer_set,
    .notify = pc_notify,
    .start_core = pc_start_core,
    .kill_core = pc_kill_core,
    .retire_core = pc_retire_core,
    .core_available = pc_core_available,
    .core_late = pc_core_late,
    .scrub = pc_scrub,
    .clear_vectors = pc_clear_vectors,
    .channel = pc_channel,
    .seen = pc_seen,
    .report = pc_report,
    .watched = pc_watched,
    .power_off = pc_power_off,
    .panic = pc_panic,
    .take_causes = pc_take_causes,
    .hold = pc_hold,
};
