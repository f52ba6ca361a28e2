/* SPDX-License-Identifier: MIT
 *
 * Exceptions and interrupts: what the domain gets to see of them (facts §4.2).
 *
 * Entry code saved the registers in the enabled or the disabled area.  Page faults of an enabled
 * dispatcher become the pagefault upcall; of a disabled one they move to the trap area and become
 * pagefault_disabled, at most DISABLED_FAULTS_MAX times, then the dispatcher is stopped: it cannot
 * even run its own fault handler.  Other traps become the trap upcall; a disabled dispatcher is
 * stopped by them, but for debug exceptions, after which it goes on.
 */
#include "dispatch.h"
#include "kernel_state.h"
#include "plat.h"
#include "schedule.h"

#define VECTOR_DEBUG 1
#define VECTOR_DOUBLE_FAULT 8
#define VECTOR_PAGE_FAULT 14
#define DISABLED_FAULTS_MAX 2

/* True: whoever runs was notified.  `*goes_on`: the slice does. */
static bool take_interrupt(bool *goes_on)
{
    bool notified = false;
    uint64_t causes = plat_take_causes();
    kernel_counters.interrupts++;
    trace_record(ABI_TRACE_INTERRUPT | causes << 8, current == NULL ? 0 : mem_to_phys(current).v);
    const systime_t came = plat_time_cached();
    if (hold_is_over(came))
        causes |= plat_take_causes();
    dispatch_timer_seen(came, causes & ABI_CAUSE_TIMER);
    if (causes & ABI_CAUSE_NOTIFY) {
        if (current != NULL)
            hold_count(came);
        notified = notify_take();
    }
    if (causes & ABI_CAUSE_STOP)
        plat_take_stops(stop_ordered);
    const systime_t now = plat_time_cached();
    schedule_wake(now);
    *goes_on = schedule_tick(now);
    return notified;
}

void kernel_idle_interrupt(void)
{
    bool goes_on;
    take_interrupt(&goes_on);
    dispatch_next();
}

/* Whoever runs goes on to the end of the slice, whoever else has woken up.  It gets an upcall for a
 * notification of its own; those of others cost it no more than the interrupt. */
static void __attribute__((noreturn)) interrupt(struct registers_x86_64 *area)
{
    bool goes_on;
    const bool notified = take_interrupt(&goes_on);
    if (current->stopped) {
        dispatch_forget(current);
        dispatch_next();
    }
    if (goes_on && !notified)
        dispatch_continue(area);
    dispatch_save_fpu(area);
    if (goes_on)
        dispatch(current);
    dispatch_next();
}

/* Registers of a dispatcher that trapped while disabled go to the trap area: the upcall must not
 * destroy the disabled area, which dispatcher code may want to look at. */
static void copy_registers(struct registers_x86_64 *to, const struct registers_x86_64 *from)
{
    memcpy(to, from, offsetof(struct registers_x86_64, fxsave_area));
    arch_fxsave(to);
}

static void __attribute__((noreturn))
stop_faulty(uint64_t vector, uint64_t error, uint64_t address, lvaddr_t rip, lvaddr_t rsp)
{
    printk(
        "%s: vector %lu error %lx address %lx rip %lx rsp %lx while disabled: dispatcher stopped",
        current->head.name, vector, error, address, rip, rsp);
    dispatch_stop(current, true);
    dispatch_next();
}

void kernel_trap(struct registers_x86_64 *area, uint64_t vector, uint64_t error, uint64_t address,
                 lvaddr_t rip, lvaddr_t rsp)
{
    struct dcb *dcb = current;
    debug_assert(is_area_of(dcb, area));
    bool disabled = area_is_disabled(dcb, area);
    dcb->head.disabled = disabled;

    if (vector == ABI_VECTOR)
        interrupt(area);

    if (vector != VECTOR_PAGE_FAULT)
        address = 0; /* CR2 tells of a fault of another domain, or of the CPU driver's own */

    trace_record(ABI_TRACE_FAULT | vector << 8 | error << 32,
                 vector == VECTOR_PAGE_FAULT ? address : rip);
    struct dispatcher_shared *disp = dcb->disp;
    if (vector == VECTOR_PAGE_FAULT) {
        kernel_counters.pagefaults++;
        if (!disabled) {
            dispatch_save_fpu(area);
            dcb->disabled_faults = 0;
            dispatch_upcall(dcb, ABI_UPCALL_PAGEFAULT, read_once(disp->dispatcher_pagefault),
                            address, error, rip);
        }
        const lvaddr_t entry = read_once(disp->dispatcher_pagefault_disabled);
        if (++dcb->disabled_faults > DISABLED_FAULTS_MAX || entry == 0)
            stop_faulty(vector, error, address, rip, rsp);
        copy_registers(&disp->trap_save_area, area);
        dispatch_upcall(dcb, ABI_UPCALL_PAGEFAULT_DISABLED, entry, address, error, rip);
    }

    kernel_counters.traps++;
    if (disabled && vector == VECTOR_DEBUG)
        dispatch_return(area); /* somebody steps through it: not a fault of its own */
    const lvaddr_t entry = read_once(disp->dispatcher_trap);
    if (disabled || entry == 0)
        stop_faulty(vector, error, address, rip, rsp);
    copy_registers(&disp->trap_save_area, area);
    dispatch_upcall(dcb, ABI_UPCALL_TRAP, entry, vector, error, rip);
}

void __attribute__((noreturn)) kernel_bad_state(void)
{
    printk("%s: cannot be entered, its frame holds a bad address or FPU state: dispatcher stopped",
           current->head.name);
    dispatch_stop(current, true);
    dispatch_next();
}

/* A fault of the CPU driver itself. */
void kernel_fault(uint64_t vector, uint64_t error, uint64_t rip, uint64_t rsp)
{
    uint64_t address;
    __asm__ volatile("mov %%cr2, %0" : "=r"(address));
    if (vector == VECTOR_DOUBLE_FAULT && arch_is_stack_guard(address))
        panic("CPU driver: its stack has overflowed, running %s",
              current == NULL ? "nobody" : current->head.name);
    panic("CPU driver: vector %lu error %lx at rip %lx rsp %lx cr2 %lx, running %s", vector, error,
          rip, rsp, address, current == NULL ? "nobody" : current->head.name);
}
