/* SPDX-License-Identifier: MIT
 *
 * Who runs, and how it is entered: the rules of overview 1.2 and facts §4.2.
 *
 * An entry saved the user's registers in a save area, but not the FPU.  The FPU state stays in the
 * processor as long as the same area is resumed; dispatch_save_fpu() writes it out when something
 * else is about to run.  An upcall starts with a clean FPU, so nothing leaks between domains; what
 * FXRSTOR may leave alone (the last x87 instruction's addresses, on processors of AMD) is reset
 * before.  Where ring 3 has vector registers that FXSAVE does not know, they are cleared when
 * another dispatcher comes: CPUID does not offer them, so no one may expect to find them again.
 *
 * The timer is armed when a dispatcher starts to run and nothing is armed that fires earlier: no
 * ticks while idle, one request for each slice while busy.  When a slice ends is the scheduler's
 * affair.
 */
#include "dispatch.h"

#include <barrelfish_kpi/syscalls.h>

#include "plat.h"
#include "schedule.h"

struct dcb *current;
struct dispatcher_shared *current_disp;

struct loaded loaded;
static systime_t timer_at; /* 0: not armed */

static void arm_timer(systime_t at)
{
    if (at == timer_at)
        return;
    timer_at = at;
    plat_timer_set(at);
}

void dispatch_timer_seen(systime_t now, bool fired)
{
    if (fired || timer_at <= now)
        timer_at = 0;
}

void dispatch_switch_to(struct dcb *dcb)
{
    if (current == dcb)
        return;
    dispatch_load(dcb);
    CORE_PAGE->phase = ABI_PHASE_RUNNING;
}

void dispatch_forget(struct dcb *dcb)
{
    if (loaded.vectors_of == dcb)
        loaded.vectors_of = NULL; /* the next one may lie where this one lay */
    if (current == dcb) {
        current = NULL;
        current_disp = NULL;
        CORE_PAGE->current_dcb = 0;
    }
    /* another dispatcher in the same address space may be the one that runs */
    if (current == NULL || current->head.cr3 != dcb->head.cr3)
        dispatch_unload(dcb->head.cr3);
}

void dispatch_unload(uint64_t cr3)
{
    if (loaded.cr3 != cr3)
        return;
    loaded.cr3 = boot_info->pml4;
    arch_write_cr3(loaded.cr3);
}

void dispatch_save_fpu(struct registers_x86_64 *area)
{
    arch_fxsave(area);
}

/* For the end of the slice, the first that wakes up or the end of a hold, whichever comes first. */
static void arm_for_slice(void)
{
    systime_t deadline = schedule_slice_end();
    const systime_t first = wakeup_first();
    if (first != 0 && first < deadline)
        deadline = first;
    if (hold_until != 0 && hold_until < deadline)
        deadline = hold_until;
    debug_assert(deadline != 0); /* somebody runs, so a slice is under way */
    if (timer_at == 0 || timer_at > deadline)
        arm_timer(deadline);
}

void dispatch_return(struct registers_x86_64 *area)
{
    arch_resume(area);
}

void dispatch_continue(struct registers_x86_64 *area)
{
    arm_for_slice();
    dispatch_return(area);
}

void dispatch_upcall(struct dcb *dcb, unsigned kind, lvaddr_t entry, uint64_t a1, uint64_t a2,
                     uint64_t a3)
{
    if (current == dcb)
        arch_reset_segments(dcb->udisp); /* else loading it does that */
    dispatch_switch_to(dcb);
    dcb->head.disabled = 1;
    dcb->disp->disabled = 1;
    trace_record(ABI_TRACE_UPCALL | kind << 8, mem_to_phys(dcb).v);
    lvaddr_t stack = read_once(dcb->disp->upcall_stack);
    if (entry >= USER_END || stack >= USER_END)
        arch_bad_state(); /* not here: a crowd of such dispatchers would pile up on this stack */
    arch_fxrstor(&clean_area);
    arch_upcall(entry, stack, dcb->udisp, a1, a2, a3);
}

void dispatch(struct dcb *dcb)
{
    dispatch_switch_to(dcb);
    struct dispatcher_shared *disp = dcb->disp;
    loaded.at = plat_time_cached();
    disp->systime = loaded.at;
    arm_for_slice();

    if (dcb->head.disabled) {
        trace_record(ABI_TRACE_RESUME, mem_to_phys(dcb).v);
        arch_restore_fpu(&disp->disabled_save_area);
        dispatch_return(&disp->disabled_save_area);
    }
    dispatch_upcall(dcb, ABI_UPCALL_RUN, read_once(disp->dispatcher_run), 0, 0, 0);
}

void dispatch_next(void)
{
    struct dcb *dcb = schedule_next(plat_time_cached());
    if (dcb == NULL && wakeup_first() != 0) {
        schedule_wake(plat_time());
        dcb = schedule_next(plat_time_cached());
    }
    if (dcb != NULL)
        dispatch(dcb);

    hold_before_idle();
    arm_timer(wakeup_first());
    current = NULL;
    CORE_PAGE->current_dcb = 0;
    CORE_PAGE->phase = ABI_PHASE_IDLE;
    trace_record(ABI_TRACE_IDLE, 0);
    arch_idle();
}
