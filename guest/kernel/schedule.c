/* SPDX-License-Identifier: MIT
 *
 * Round robin: one queue; whose turn it is stands at its head and has a slice of time; who used it
 * up goes to the tail.
 *
 * The slice belongs to the policy, not to who happens to run.  Giving the core to another
 * dispatcher (SYNC, YIELD, LRPC, a directed yield) gives it the rest of the slice and nothing more:
 * the giver pays, since it is his turn that ends with the slice, and the receiver keeps his own
 * place in the queue.  Somebody who wakes up goes to the tail and waits for his turn, so a slice is
 * not cut short by others.  And it ends with whatever interrupt comes first after its time, be it a
 * timer, a wake-up or a notification.
 *
 * The clock is fresh at interrupts only.  A slice that begins between two, because the one before
 * gave up its turn, begins at a time that may be old by up to a slice; the first interrupt in it
 * begins it again, exactly.  So nobody gets less than a slice, and nobody more than two: otherwise
 * who sleeps right before his turn ends would leave hardly anything to the next.
 *
 * With `sched=rbed` real-time tasks have their turns before all others (schedule_rbed.c).  The
 * slice stands still meanwhile, so those in the queue share the rest as they would share a core.
 *
 * The queue is linked forwards by physical addresses in abi_dcb_head, so that the machine can print
 * it when it must explain a hang; the head's address is kept in the core page for the same reason.
 * Backwards it is linked by pointers, so that nobody needs to walk along it.
 */
#include "schedule.h"

#include "plat.h"
#include "schedule_rbed.h"

struct dcb *schedule_head, *schedule_tail;

/* The one that is under way.  Whose turn it is, NULL when it gave up the rest; when it ends;
 * whether the time at which it began is known. */
static struct {
    struct dcb *owner;
    systime_t end;
    bool exact;
    bool stands;    /* still, while a task has its turn: */
    systime_t left; /* so much of it is left */
} slice;

static bool has_tasks; /* sched=rbed */

systime_t timeslice_ns = TIMESLICE_DEFAULT_NS;

/* "50us": a whole number of ns, us or ms, up to a second; 0 if it is none of these. */
static systime_t duration(const char *text)
{
    systime_t value = 0;
    while (*text >= '0' && *text <= '9' && value < 1000000000) /* at boot */
        value = 10 * value + (systime_t)(*text++ - '0');
    unsigned factor = text[0] == 'n' ? 1 : text[0] == 'u' ? 1000 : text[0] == 'm' ? 1000000 : 0;
    bool ends = factor != 0 && text[1] == 's' && (text[2] == '\0' || text[2] == ' ');
    return ends && value * factor <= 1000000000 ? value * factor : 0;
}

/* What stands behind `option` in the text, if it begins with it; NULL. */
static const char *behind(const char *text, const char *option)
{
    while (*option != '\0') /* at boot */
        if (*text++ != *option++)
            return NULL;
    return text;
}

void schedule_options(const char *line)
{
    for (; *line != '\0'; line++) { /* at boot */
        const char *value = behind(line, " slice=");
        if (value != NULL) {
            systime_t slice = duration(value);
            if (slice == 0)
                printk("slice=: expected a time of at most a second, such as 50us or 10ms");
            else
                timeslice_ns = slice;
        }
        value = behind(line, " sched=");
        if (value != NULL) {
            has_tasks = behind(value, "rbed") != NULL;
            if (!has_tasks && behind(value, "rr") == NULL)
                printk("sched=: expected rr or rbed");
        }
    }
}

errval_t schedule_set_parameters(struct dcb *dcb, const struct rbed_parameters *p,
                                 systime_t *begins)
{
    if (!has_tasks)
        return SYS_ERR_DISP_NO_PARAMETERS;
    errval_t err = rbed_check(dcb, p);
    if (err_is_ok(err))
        *begins = rbed_set(dcb, p, plat_time());
    return err;
}

void schedule_forget(struct dcb *dcb)
{
    rbed_forget(dcb);
}

static struct dcb *next_of(const struct dcb *dcb)
{
    return dcb->head.runq_next == 0 ? NULL : phys_to_mem(paddr(dcb->head.runq_next));
}

void schedule_make_runnable(struct dcb *dcb)
{
    if (dcb->queued || !dispatcher_is_complete(dcb))
        return;
    if (dcb->sleeping)
        wakeup_remove(dcb);
    schedule_append(dcb);
}

void schedule_wake(systime_t now)
{
    int left = WAKEUP_WORK;
    LOOP_BOUND(woken, WAKEUP_WORK / WAKEUP_COST_LEAST + 1);
    while (wakeup_head != NULL && wakeup_head->wakeup <= now && left > 0) {
        LOOP_ROUND(woken);
        struct dcb *dcb = wakeup_head;
        left -= wakeup_cost(dcb);
        wakeup_remove(dcb);
        assert(wakeup_head != dcb); /* else it would be found for ever */
        schedule_make_runnable(dcb);
    }
}

void schedule_remove(struct dcb *dcb)
{
    if (!dcb->queued)
        return;
    struct dcb *before = dcb->runq_prev, *after = next_of(dcb);
    debug_assert(before == NULL ? schedule_head == dcb : next_of(before) == dcb);
    debug_assert(after == NULL ? schedule_tail == dcb : after->runq_prev == dcb);
    dcb->queued = 0;
    if (has_tasks)
        rbed_blocked(dcb);
    if (slice.owner == dcb)
        slice.owner = NULL;
    if (after != NULL)
        after->runq_prev = before;
    else
        schedule_tail = before;
    if (before != NULL) {
        before->head.runq_next = dcb->head.runq_next;
    } else {
        schedule_head = after;
        CORE_PAGE->runq_head = dcb->head.runq_next;
    }
    dcb->head.runq_next = 0;
}

static void to_the_tail(struct dcb *dcb);

static void begin_slice(systime_t now, bool exact)
{
    slice.owner = schedule_head;
    slice.end = now + timeslice_ns;
    slice.exact = exact;
    slice.stands = false;
}

/* A task takes the turn. */
static void stand_still(systime_t now)
{
    if (slice.stands)
        return;
    slice.stands = true;
    slice.left = now < slice.end ? slice.end - now : 0;
}

/* The tasks have nothing to do. */
static void go_on(systime_t now)
{
    if (!slice.stands)
        return;
    slice.stands = false;
    slice.end = now + slice.left;
    if (slice.left == 0 && slice.owner != NULL)
        to_the_tail(slice.owner);
}

struct dcb *schedule_next(systime_t now)
{
    if (has_tasks) {
        now = plat_time(); /* the clock that is fresh at interrupts only would not do for budgets */
        struct dcb *task = rbed_next(now);
        if (task != NULL) {
            stand_still(now);
            return task;
        }
        go_on(now);
    }
    if (schedule_head == NULL)
        slice.end = 0;
    else if (slice.owner != schedule_head)
        begin_slice(now, false);
    debug_assert(slice.owner == schedule_head);
    return schedule_head;
}

static void to_the_tail(struct dcb *dcb)
{
    if (slice.owner == dcb)
        slice.owner = NULL;
    if (!dcb->queued || dcb == schedule_tail)
        return;
    schedule_remove(dcb);
    schedule_append(dcb);
}

void schedule_yield(struct dcb *dcb)
{
    if (has_tasks)
        rbed_gave_up(dcb);
    to_the_tail(dcb);
}

bool schedule_tick(systime_t now)
{
    if (has_tasks && !rbed_goes_on(now))
        return false;
    if (has_tasks && rbed_has_turn())
        return true;
    if (slice.stands)
        return false; /* a task has blocked and given the core to somebody: its turn is over */
    if (slice.owner != NULL && !slice.exact)
        begin_slice(now, true);
    if (now < slice.end)
        return true;
    if (slice.owner != NULL)
        to_the_tail(slice.owner);
    if (schedule_head != NULL)
        begin_slice(now, true);
    return false;
}

void schedule_sync(systime_t at, systime_t now)
{
    if (slice.owner == NULL || slice.stands)
        return;
    slice.exact = true;
    slice.end = at > now && at - now <= timeslice_ns ? at : now;
}

systime_t schedule_slice_end(void)
{
    if (!has_tasks)
        return slice.end;
    const systime_t tasks = rbed_until();
    return rbed_has_turn() || tasks < slice.end ? tasks : slice.end;
}
