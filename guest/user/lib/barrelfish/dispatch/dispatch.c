/* SPDX-License-Identifier: MIT
 *
 * The dispatcher: upcalls, choosing threads, idling (overview 1.2, facts §4.2; DESIGN §5).
 *
 * All of this runs disabled on the upcall stack and never returns: it ends by resuming a thread, by
 * giving the core away, or by stopping.  At a run upcall the state of the thread that was running
 * lies in the enabled save area; it is copied to the thread only if another one is chosen.
 *
 * Idling is bounded polling, then sleep: UMP_POLL_BUDGET rounds over all polled channels (fewer if
 * there are many), then the wake flags are set, one more look, then yield without work.  Channels
 * that were quiet for long are left out of that (ump_sleep.c).  The budget is a count, not a time,
 * so that a deterministic machine stays deterministic.
 *
 * Nothing here may allocate memory, take a mutex or touch another dispatcher.
 */
#include <assert.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/syscalls.h>
#include <barrelfish/ump_chan.h>
#include <string.h>

#include "faults.h"
#include "sources.h"
#include "spanned.h"
#include "threads_priv.h"
#include "wait_note.h"

void *disp_kernel_buffer(dispatcher_handle_t handle)
{
    return (void *)(handle + DISP_KERNEL_BUFFER_OFFSET);
}

coreid_t disp_get_core_id(void)
{
    return (coreid_t)get_dispatcher_shared(curdispatcher())->curr_core_id;
}

coreid_t disp_get_current_core_id(void)
{
    return disp_get_core_id();
}

domainid_t disp_get_domain_id(void)
{
    return get_dispatcher_shared(curdispatcher())->domain_id;
}

const char *disp_name(void)
{
    return get_dispatcher_shared(curdispatcher())->name;
}

systime_t disp_get_dispatch_time(void)
{
    return get_dispatcher_shared(curdispatcher())->systime;
}

systime_t get_system_time(void)
{
    return sys_debug(DEBUG_CLOCK_NS).value;
}

struct waitset *get_default_waitset(void)
{
    return &get_core_state()->default_waitset;
}

void disp_init_disabled(dispatcher_handle_t handle, const struct disp_sources *sources)
{
    assert(sources->check_unpolled != NULL && sources->poll != NULL &&
           sources->poll_rounds != NULL && sources->prepare_sleep != NULL &&
           sources->woken != NULL && sources->lrpc != NULL);
    wait_notes_init(handle);
    struct dispatcher_shared *shared = get_dispatcher_shared(handle);
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    memset(disp, 0, sizeof(*disp));
    disp->sources = sources;
    disp->heap_used = DISP_ENDPOINT_HEAP_OFFSET;
    report_init_disabled(handle);
    shared->upcall_stack = handle + DISP_UPCALL_STACK_TOP;
    shared->dispatcher_run = (lvaddr_t)disp_run_entry;
    shared->dispatcher_lrpc = (lvaddr_t)disp_lrpc_entry;
    shared->dispatcher_pagefault = (lvaddr_t)disp_pagefault_entry;
    shared->dispatcher_pagefault_disabled = (lvaddr_t)disp_pagefault_disabled_entry;
    shared->dispatcher_trap = (lvaddr_t)disp_trap_entry;
    shared->crit_pc_low = (lvaddr_t)disp_resume_begin;
    shared->crit_pc_high = (lvaddr_t)disp_resume_end;
}

void disp_check_unpolled_disabled(dispatcher_handle_t handle)
{
    get_dispatcher_generic(handle)->sources->check_unpolled(handle);
    spanned_receive_disabled(handle);
}

void disp_check_events_disabled(dispatcher_handle_t handle)
{
    const struct disp_sources *sources = get_dispatcher_generic(handle)->sources;

    sources->check_unpolled(handle);
    spanned_receive_disabled(handle);
    if (get_dispatcher_generic(handle)->polled_channels != NULL)
        sources->poll(handle);
}

static void __attribute__((noreturn)) run_thread(dispatcher_handle_t handle, struct thread *next)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    struct registers_x86_64 *area = &get_dispatcher_shared(handle)->enabled_save_area;
    struct thread *current = disp->current;

    if (disp->current_in_area) {
        assert(current != NULL);
        disp->current_in_area = false;
        if (next == current)
            disp_resume(area, handle, true);
        current->regs = *area;
        current->full_state = true;
    }
    if (*(uint64_t *)next->stack != THREAD_STACK_CANARY) {
        disp->current = next;
        disp_thread_fatal(handle, "has overflowed its stack: create it with a larger one");
    }
    disp->current = next;
    disp_resume(&next->regs, handle, next->full_state);
}

/* Whoever has a capability for it may wake this dispatcher as often as it likes, for nothing.  Then
 * it looks once and sleeps again: polling would make others on this core pay for that. */
#define BARREN_RUNS 8

/* Nothing can run: poll, then sleep.  Returns when a thread is runnable. */
static void idle(dispatcher_handle_t handle)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    unsigned rounds = disp->barren_runs < BARREN_RUNS ? UMP_POLL_BUDGET : 1;
    for (unsigned round = 0; disp->polled_channels != NULL && round < rounds; round++) {
        if (round == UMP_POLL_ROUNDS_LEAST)
            rounds = disp->sources->poll_rounds(handle);
        disp->idle_polls++;
        disp_check_events_disabled(handle);
        if (disp->runq != NULL)
            return;
        __asm__ volatile("pause");
    }
    disp_check_events_disabled(handle);
    if (disp->runq != NULL)
        return;
    spanned_arm(handle); /* before the last look, which is the next one's */
    if (!disp->sources->prepare_sleep(handle)) {
        spanned_disarm(handle);
        return;
    }
    if (!spanned_may_sleep(handle))
        get_dispatcher_shared(handle)->haswork = true;
    disp->sleeps++;
    sys_yield(0);
    disp_fatal(handle, "the kernel refused a yield");
}

void disp_schedule(dispatcher_handle_t handle)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    assert(disp_is_disabled(handle));
    if (disp->leaving != NULL) {
        struct thread *thread = disp->leaving;

        disp->leaving = NULL;
        disp->leave(handle, thread); /* nothing runs on its stack any more */
    }
    while (disp->runq == NULL) {
        /* a thread that was running is in the run queue: nothing is lost in the save area */
        assert(!disp->current_in_area);
        disp->current = NULL;
        idle(handle);
    }
    run_thread(handle, disp->runq);
}

/* What every upcall begins with that gives us the core. */
static inline __attribute__((always_inline)) void begin_run(dispatcher_handle_t handle)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    disp->timeslice++;
    disp->current_in_area = disp->current != NULL;
    if (disp->ump_armed != 0 || disp->ump_checked != NULL)
        disp->sources->woken(handle);
    spanned_disarm(handle);
    /* Round robin: who has run goes to the end. */
    if (disp->current != NULL && disp->runq == disp->current)
        disp->runq = disp->runq->next;
}

void disp_run(dispatcher_handle_t handle)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    begin_run(handle);
    disp_check_events_disabled(handle);
    disp->barren_runs = disp->runq == NULL ? disp->barren_runs + 1 : 0;
    disp_schedule(handle);
}

/* Is there a source of events that must be looked at, beside ready channels? */
static inline bool has_sources(dispatcher_handle_t handle)
{
    const struct dispatcher_shared *shared = get_dispatcher_shared(handle);
    const struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    uint32_t delivered = *(const volatile uint32_t *)&shared->lmp_delivered;

    return ((delivered ^ shared->lmp_seen) | (uintptr_t)disp->deferred_events |
            (uintptr_t)disp->lmp_send_parked | (uintptr_t)disp->lmp_send_paused |
            (uintptr_t)disp->ump_send_parked | (uintptr_t)disp->polled_channels |
            (uintptr_t)disp->dozing_channels) != 0 ||
           domain_is_spanned;
}

/* A run upcall that brings a message along (barrelfish_kpi/dispatcher_shared.h).  Usually the
 * thread that was running is the only one that can, and goes on. */
void disp_lrpc(dispatcher_handle_t handle, uint64_t endpoint, uint64_t where, uint64_t word0,
               uint64_t word1, uint64_t word2, uint64_t word3)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    begin_run(handle);
    disp->sources->lrpc(handle, endpoint, where, word0, word1, word2, word3);
    if (has_sources(handle))
        disp_check_events_disabled(handle);
    if (__builtin_expect(disp->current_in_area && disp->runq == disp->current, 1)) {
        disp->current_in_area = false;
        disp_resume_full(&get_dispatcher_shared(handle)->enabled_save_area, handle);
    }
    disp_schedule(handle);
}

/* The caller's thread stays runnable; others on this core get their turn. */
void disp_yield_now(dispatcher_handle_t handle, capaddr_t target)
{
    struct dispatcher_shared *shared = get_dispatcher_shared(handle);
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    disp->current = NULL;
    shared->haswork = 1;
    sys_yield(target);
    disp_fatal(handle, "the kernel refused a yield");
}
