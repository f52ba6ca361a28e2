/* SPDX-License-Identifier: MIT
 *
 * Dispatcher control blocks and the dispatch rules of facts §4.2.
 */
#ifndef KERNEL_DISPATCH_H
#define KERNEL_DISPATCH_H

#include "arch.h"
#include "capability.h"
#include "plat.h"

/* A dispatcher's place in the heap of those that sleep until a time (wakeup.c), which writes it. */
struct sleeper {
    struct dcb *left, *right, *up;
    uint8_t rank;
};

/* Kernel object of type Dispatcher, OBJSIZE_DISPATCHER bytes, zeroed when made.  All fields are
 * written by the CPU driver of this core only. */
struct dcb {
    struct abi_dcb_head head;       /* name, run queue link, disabled: also read by the machine */
    struct dispatcher_shared *disp; /* kernel address of the dispatcher frame; NULL: not set up */
    lvaddr_t udisp;                 /* its address in the domain, as given at Setup */
    uint8_t queued;                 /* in the run queue */
    uint8_t stopped;                /* will never run again */
    uint8_t sleeping;               /* in the heap of sleepers */
    uint8_t complete;               /* see dispatcher_is_complete() */
    uint8_t task;                   /* 0: none, else its place (schedule_rbed.c) */
    uint8_t disabled_faults;        /* page faults while disabled since the last enabled moment */
    uint32_t notify;                /* 0: none, else notification id + 1 */
    systime_t wakeup;               /* when sleeping */
    struct sleeper sleep;           /* the same */
    struct dcb *runq_prev;          /* when queued: the one before, NULL at the head */
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

/* The DCB to which an EndPointLMP delivers: it has one as long as it exists. */
static inline struct dcb *endpoint_listener(const struct capability *endpoint)
{
    return phys_to_mem(paddr(endpoint->u.endpoint.listener));
}

/* Has `dcb` all it takes to run: a CSpace, an address space and a frame, and was it never stopped?
 * Whoever delivers to a dispatcher, wakes it, makes it runnable or enters it asks this, and nothing
 * else. */
static inline bool dispatcher_is_complete(const struct dcb *dcb)
{
    debug_assert(!dcb->complete || (dcb->disp != NULL && dcb->head.cr3 != 0 && !dcb->stopped));
    return dcb->complete;
}

/* To be called by who gave it one of these things, which it then keeps until it is stopped. */
static inline void dispatcher_update_complete(struct dcb *dcb)
{
    dcb->complete = dcb->disp != NULL && dcb->head.cr3 != 0 &&
                    dcb->cspace.cap.type == ObjType_L1CNode && !dcb->stopped;
}

/* Whose address space is loaded; NULL when idle. */
extern struct dcb *current;

/* Runs `dcb` in the slice that is under way: resumes it if it was disabled, else makes the run
 * upcall. */
void __attribute__((noreturn)) dispatch(struct dcb *dcb);

/* Runs what the scheduler says, or idles. */
void __attribute__((noreturn)) dispatch_next(void);

/* Returns to the dispatcher that was interrupted, exactly where it was. */
void __attribute__((noreturn)) dispatch_return(struct registers_x86_64 *area);

/* The same after an interrupt that does not concern it: the timer is armed again. */
void __attribute__((noreturn)) dispatch_continue(struct registers_x86_64 *area);

/* What the processor holds (dispatch.c). */
extern struct loaded {
    uint64_t cr3;
    struct dcb *vectors_of; /* who may have left something in the vector registers */
    systime_t at;           /* machine time of the last dispatch() */
} loaded;

/* Makes the processor that of `dcb`: address space, save areas, segments.  Inline for the short way
 * of messages; all others call dispatch_switch_to(). */
static inline __attribute__((always_inline)) void dispatch_load(struct dcb *dcb)
{
    if ((boot_info->flags & ABI_BOOT_WIDE_VECTORS) && loaded.vectors_of != dcb) {
        loaded.vectors_of = dcb;
        plat_clear_vectors();
    }
    debug_assert(dispatcher_is_complete(dcb));
    current = dcb;
    current_disp = dcb->disp;
    CORE_PAGE->current_dcb = mem_to_phys(dcb).v;
    if (loaded.cr3 != dcb->head.cr3) {
        loaded.cr3 = dcb->head.cr3;
        arch_write_cr3(dcb->head.cr3);
    }
    arch_reset_segments(dcb->udisp);
}

/* Loads `dcb`, unless it is current (used before user memory is touched). */
void dispatch_switch_to(struct dcb *dcb);

/* The saved state in `area` may be left behind: keeps the FPU state with it.  To be called once per
 * entry before anything else than dispatch_return() follows. */
void dispatch_save_fpu(struct registers_x86_64 *area);

/* Makes an upcall to `entry` on the dispatcher's own stack, which becomes disabled. */
void __attribute__((noreturn)) dispatch_upcall(struct dcb *dcb, unsigned kind, lvaddr_t entry,
                                               uint64_t a1, uint64_t a2, uint64_t a3);

/* Tries the short way of an LRPC call to the endpoint at `cptr` with `length` words; returns false,
 * having changed nothing, if the call must take the general way (lrpc.c). */
bool lrpc_send(struct registers_x86_64 *area, capaddr_t cptr, uint64_t length);

/* Stops `dcb` for good: out of run queue, heap of sleepers and notification table.  `tell`: it did
 * not ask for it, so the monitor must learn of it (stop.c).  No effect on one that is stopped
 * already. */
void dispatch_stop(struct dcb *dcb, bool tell);

/* The machine wants the dispatcher whose DCB lies here to end as by a fault of its own.  Nothing
 * happens if there is none. */
void stop_ordered(paddr_t dispatcher);

/* The endpoint on which the monitor is told that dispatchers stopped, and the domain of the next
 * one it has not asked for yet (0: none). */
extern _Alignas(OBJSIZE_CTE) struct cte stop_monitor;
extern void (*stop_hint)(struct cte *monitor);
struct dcb *stop_take(void);

/* Must `dcb` stay because the monitor has not heard of its end?  If not, it is not in the queue any
 * more.  Is `dcb` the monitor that will ask? */
bool stop_holds(struct dcb *dcb);
bool stop_is_monitor(const struct dcb *dcb);

/* `dcb` ceases to exist; this root page table ceases to exist. */
void dispatch_forget(struct dcb *dcb);
void dispatch_unload(uint64_t cr3);

/* At each interrupt: the timer that fired is no longer armed, and one whose time is past was lost
 * or comes just now.  Whoever is dispatched next arms it again. */
void dispatch_timer_seen(systime_t now, bool fired);

/* Entry code saves in one of these two, of a dispatcher that may run. */
static inline bool is_area_of(const struct dcb *dcb, const struct registers_x86_64 *area)
{
    return dispatcher_is_complete(dcb) &&
           (area == &dcb->disp->enabled_save_area || area == &dcb->disp->disabled_save_area);
}

/* Was the dispatcher disabled when its registers went to `area`? */
static inline bool area_is_disabled(const struct dcb *dcb, const struct registers_x86_64 *area)
{
    return area != &dcb->disp->enabled_save_area;
}

/* Notifications (notify.c).  Ids are dispatchers' up to ABI_NOTIFY_PASS_FIRST; then come those that
 * are passed on to other cores, and from here vectors and lines of interrupts, which go to
 * `notify_irq` by their number behind it (objects/irq.c). */
#define NOTIFY_IRQ_FIRST (ABI_NOTIFY_IDS - 2 * IRQ_LINES)
extern void (*notify_irq)(uint32_t number);
/* Before anything is sent: the ways are those of the boot information. */
void notify_init(void);
/* From now on what is meant for `core` is given to `over`, which this core signals itself; no core
 * of the machine: nothing gets there.  SYS_ERR_CORE_NOT_FOUND. */
errval_t notify_set_way(uint64_t core, uint64_t over);
/* A notification for every dispatcher of that core, which may be the own one.
 * SYS_ERR_CORE_NOT_FOUND. */
errval_t notify_wake_all(uint64_t core);
errval_t notify_register(struct dcb *dcb, uint32_t *id);
void notify_unregister(struct dcb *dcb);
/* The same by its id.  SYS_ERR_NOTIFY_ID_INVALID: no dispatcher has it. */
errval_t notify_delete(uint64_t id);
/* Notification `id` of a core's dispatchers, over other cores where it cannot be signalled. */
void notify_send(coreid_t core, uint32_t id);
/* Can this core signal that one itself? */
bool notify_reaches(coreid_t core);
/* All that are pending, or a share of them: the rest comes with another interrupt.  True: `current`
 * got one, or may have got a message of a device. */
bool notify_take(void);
void notify_deliver(uint32_t id);

/* Storms of notifications (hold.c).  Until when they do not interrupt, 0: they do. */
extern systime_t hold_until;
/* At `now`, notifications interrupt whoever runs. */
void hold_count(systime_t now);
/* Is a hold over at `now`?  Then the causes must be taken again. */
bool hold_is_over(systime_t now);
/* The core idles next: ends a hold, if there is one. */
void hold_before_idle(void);

#endif
