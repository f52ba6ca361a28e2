/* SPDX-License-Identifier: MIT
 *
 * Dispatcher control blocks and the dispatch rules of facts §4.2.
 */
#ifndef KERNEL_DISPATCH_H
#define KERNEL_DISPATCH_H

#include "arch.h"
#include "capability.h"

/* Kernel object of type Dispatcher, OBJSIZE_DISPATCHER bytes, zeroed when made.  All fields are
 * written by the CPU driver of this core only. */
struct dcb {
    struct abi_dcb_head head;       /* name, run queue link, disabled: also read by the machine */
    struct dispatcher_shared *disp; /* kernel address of the dispatcher frame; NULL: not set up */
    lvaddr_t udisp;                 /* its address in the domain, as given at Setup */
    uint64_t cr3;
    uint8_t queued;          /* in the run queue */
    uint8_t stopped;         /* will never run again */
    uint8_t sleeping;        /* in the wakeup list */
    uint8_t disabled_faults; /* page faults while disabled since the last enabled moment */
    uint32_t notify;         /* 0: none, else notification id + 1 */
    systime_t wakeup;        /* when sleeping */
    struct dcb *wakeup_next; /* sorted by wakeup */
    struct dcb *runq_prev;   /* when queued: the one before, NULL at the head */
    /* Stopped, and the monitor has not asked for it yet (stop.c). */
    uint8_t unreported;
    struct dcb *stopped_next, *stopped_prev;
    uint32_t dying; /* what its calls of delete and revoke have begun to take apart (delete.c) */
    /* Capabilities of its own. */
    _Alignas(OBJSIZE_CTE) struct cte cspace; /* L1CNode */
    struct cte vspace;                       /* root VNode */
    struct cte disp_frame;
    struct cte self; /* the last one to the dispatcher itself, while it is being taken apart */
};
_Static_assert(sizeof(struct dcb) <= OBJSIZE_DISPATCHER, "DCB size");

/* The DCB that a Dispatcher capability names. */
static inline struct dcb *dcb_of(const struct cte *dispatcher)
{
    return phys_to_mem(paddr(dispatcher->cap.u.mem.base));
}

/* Whose address space is loaded; NULL when idle. */
extern struct dcb *current;

/* Runs `dcb`: resumes it if it was disabled, else makes the run upcall. */
void __attribute__((noreturn)) dispatch(struct dcb *dcb);

/* Runs what the scheduler says, or idles. */
void __attribute__((noreturn)) dispatch_next(void);

/* Returns to the dispatcher that was interrupted, exactly where it was. */
void __attribute__((noreturn)) dispatch_return(struct registers_x86_64 *area);

/* Loads the address space of `dcb` and makes it current (used before user memory is touched). */
void dispatch_switch_to(struct dcb *dcb);

/* The saved state in `area` may be left behind: keeps the FPU state with it.  To be called once per
 * entry before anything else than dispatch_return() follows. */
void dispatch_save_fpu(struct registers_x86_64 *area);

/* Makes an upcall to `entry` on the dispatcher's own stack, which becomes disabled. */
void __attribute__((noreturn)) dispatch_upcall(struct dcb *dcb, unsigned kind, lvaddr_t entry,
                                               uint64_t a1, uint64_t a2, uint64_t a3);

/* The sender, whose state is complete in its enabled area `area`, gives the core to `receiver`, which is
 * enabled and in the run queue: its lrpc upcall at `entry` gets the words of the call, for the endpoint
 * (the sender's `cptr`) at `offset` in its frame (lrpc.c has checked all addresses).  `where`: index of the
 * first word of the message in the endpoint's buffer << 32 | number of words. */
void __attribute__((noreturn))
dispatch_lrpc(struct dcb *receiver, capaddr_t cptr, uint64_t offset, uint64_t where,
              struct registers_x86_64 *area, lvaddr_t entry, lvaddr_t stack);

/* Tries the short way of an LRPC call to the endpoint at `cptr` with `length` words; returns false, having
 * changed nothing, if the call must take the general way (lrpc.c). */
bool lrpc_send(struct registers_x86_64 *area, capaddr_t cptr, uint64_t length);

/* Stops `dcb` for good: out of run queue, wakeup list and notification table.  `tell`: it did not
 * ask for it, so the monitor must learn of it (stop.c).  No effect on one that is stopped already. */
void dispatch_stop(struct dcb *dcb, bool tell);

/* The endpoint on which the monitor is told that dispatchers stopped, and the domain of the next one
 * it has not asked for yet (0: none). */
void stop_register_monitor(struct cte *endpoint);
uint32_t stop_next(void);

/* Must `dcb` stay because the monitor has not heard of its end?  If not, it is not in the queue any more.
 * Is `dcb` the monitor that will ask? */
bool stop_holds(struct dcb *dcb);
bool stop_is_monitor(const struct dcb *dcb);

/* `dcb` ceases to exist; this root page table ceases to exist. */
void dispatch_forget(struct dcb *dcb);
void dispatch_unload(uint64_t cr3);

/* The timer expired and is no longer armed. */
void dispatch_timer_fired(void);

/* Was the dispatcher disabled when its registers went to `area`? */
static inline bool area_is_disabled(const struct dcb *dcb, const struct registers_x86_64 *area)
{
    return area != &dcb->disp->enabled_save_area;
}

/* Notifications (notify.c). */
errval_t notify_register(struct dcb *dcb, uint32_t *id);
void notify_unregister(struct dcb *dcb);
void notify_deliver(uint32_t id);

#endif
