/* SPDX-License-Identifier: MIT
 *
 * Real-time tasks beside the round robin (`sched=rbed` of the menu's kernel line): rate-based
 * earliest deadline first, as the field uses it (facts §4.3).
 *
 * A task is a dispatcher with a period, a worst-case time in each, and a deadline after the
 * period's beginning.  Its periods lie one behind the other from its release on, whether it runs
 * or not.  In each it has a budget.  Of the tasks that are runnable and have some left, the one
 * with the earliest deadline has its turn, before all others.  One whose budget is used up waits
 * for its next period in the round robin, like a dispatcher without parameters: it can harm nobody,
 * and time that nobody else wants is not wasted.
 *
 * Hard tasks are admitted while the sum of budget / deadline stays below RBED_SHARE of the core.
 * Then earliest deadline first keeps all their deadlines, whatever the others do.  Soft tasks get
 * what is left of the share: if that is not enough for all of them, each gets the same part of its
 * budget.  The rest of the core is for the round robin, always.
 *
 * Who gives up its turn has ended its job: its budget is gone until the next period.  Who blocks
 * keeps it.  There are at most RBED_TASKS tasks, so all loops here are short.
 */
#include "schedule_rbed.h"

#include "plat.h"

struct task {
    struct dcb *dcb; /* NULL: a free place */
    bool hard;
    systime_t period, deadline, budget; /* as asked for */
    systime_t begins, ends;             /* the period that `left` is of */
    systime_t left;
};

static struct task tasks[RBED_TASKS];
static unsigned count;
static systime_t over; /* the periods of all tasks that have left are */
static struct {
    struct task *task; /* whose turn it is; NULL: the round robin's */
    systime_t since;   /* charged up to then */
} turn;

/* In millionths of the core. */
static uint64_t density(systime_t budget, systime_t within)
{
    return budget * RBED_CORE / within;
}

static uint64_t share_of(bool hard, const struct task *without)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < RBED_TASKS; i++)
        if (tasks[i].dcb != NULL && tasks[i].hard == hard && &tasks[i] != without)
            sum += density(tasks[i].budget, tasks[i].deadline);
    return sum;
}

/* What a period begins with. */
static systime_t full_budget(const struct task *task)
{
    if (task->hard)
        return task->budget;
    const uint64_t left = RBED_SHARE - share_of(true, NULL), wanted = share_of(false, NULL);
    return wanted <= left ? task->budget : task->budget * left / wanted;
}

/* Begins the period that `now` is in, unless it has begun. */
static void refresh(struct task *task, systime_t now)
{
    if (now < task->ends)
        return;
    task->begins = task->ends + (now - task->ends) / task->period * task->period;
    task->ends = task->begins + task->period;
    task->left = full_budget(task);
}

static systime_t deadline_of(const struct task *task)
{
    return task->begins + task->deadline;
}

static struct task *find(const struct dcb *dcb)
{
    struct task *task = dcb->task == 0 ? NULL : &tasks[dcb->task - 1];
    assert(task == NULL || task->dcb == dcb); /* else another's turn would be taken away */
    return task;
}

/* Time is counted up to now. */
static void charge(systime_t now)
{
    struct task *task = turn.task;
    if (task == NULL)
        return;
    const systime_t used = now > turn.since ? now - turn.since : 0;
    task->left = used < task->left ? task->left - used : 0;
    turn.since = now;
}

static bool is_before(const struct task *task, const struct task *other)
{
    return other == NULL || deadline_of(task) < deadline_of(other);
}

/* The earliest deadline of those that may run. */
static struct task *first(systime_t now)
{
    struct task *best = NULL;
    for (unsigned i = 0; i < RBED_TASKS; i++) {
        struct task *task = &tasks[i];
        if (task->dcb == NULL || now < task->begins)
            continue;
        refresh(task, now);
        if (!task->dcb->queued || task->left == 0)
            continue;
        if (is_before(task, best))
            best = task;
    }
    return best;
}

struct dcb *rbed_next(systime_t now)
{
    if (count == 0)
        return NULL;
    charge(now);
    turn.task = first(now);
    turn.since = now;
    debug_assert(turn.task == NULL || dispatcher_is_complete(turn.task->dcb));
    return turn.task == NULL ? NULL : turn.task->dcb;
}

bool rbed_goes_on(systime_t now)
{
    if (count == 0)
        return true;
    charge(now);
    turn.since = now;
    return first(now) == turn.task;
}

systime_t rbed_until(void)
{
    systime_t until = UINT64_MAX;
    if (count == 0)
        return until;
    if (turn.task != NULL)
        until = turn.since + turn.task->left;
    for (unsigned i = 0; i < RBED_TASKS; i++) {
        const struct task *task = &tasks[i];
        if (task->dcb == NULL || !task->dcb->queued)
            continue;
        /* its next period may change whose turn it is; so does one that has become runnable */
        systime_t next = turn.since < task->begins ? task->begins : task->ends;
        if (task->left != 0 && turn.since >= task->begins && is_before(task, turn.task))
            next = turn.since;
        if (next < until)
            until = next;
    }
    return until;
}

void rbed_gave_up(const struct dcb *dcb)
{
    struct task *task = find(dcb);
    if (task == NULL)
        return;
    task->left = 0;
    if (turn.task == task)
        turn.task = NULL;
}

void rbed_blocked(const struct dcb *dcb)
{
    if (turn.task == NULL || turn.task->dcb != dcb)
        return;
    charge(plat_time());
    turn.task = NULL;
}

bool rbed_has_turn(void)
{
    return turn.task != NULL;
}

void rbed_forget(struct dcb *dcb)
{
    struct task *task = find(dcb);
    if (task == NULL)
        return;
    if (turn.task == task)
        turn.task = NULL;
    if (task->ends > over)
        over = task->ends;
    task->dcb = NULL;
    dcb->task = 0;
    count--;
}

errval_t rbed_check(const struct dcb *dcb, const struct rbed_parameters *p)
{
    const struct task *own = find(dcb);
    if (p->type == RBED_BEST_EFFORT)
        return SYS_ERR_OK;
    if ((p->type != RBED_HARD && p->type != RBED_SOFT) || p->period < RBED_PERIOD_LEAST ||
        p->period > RBED_PERIOD_MOST || p->deadline > p->period || p->budget > p->deadline ||
        p->budget == 0)
        return SYS_ERR_DISP_PARAMETERS;
    if (own == NULL && count == RBED_TASKS)
        return SYS_ERR_DISP_ADMISSION;
    const uint64_t hard = share_of(true, own), mine = density(p->budget, p->deadline);
    if (hard >= RBED_SHARE || (p->type == RBED_HARD && mine > RBED_SHARE - hard))
        return SYS_ERR_DISP_ADMISSION;
    return SYS_ERR_OK;
}

/* When a new task may begin: what others have had of their periods was admitted without it. */
static systime_t settled(systime_t now)
{
    systime_t at = over > now ? over : now;
    for (unsigned i = 0; i < RBED_TASKS; i++)
        if (tasks[i].dcb != NULL && !tasks[i].hard && tasks[i].ends > at)
            at = tasks[i].ends;
    return at;
}

systime_t rbed_set(struct dcb *dcb, const struct rbed_parameters *p, systime_t now)
{
    rbed_forget(dcb);
    if (p->type == RBED_BEST_EFFORT)
        return now;
    assert(count <
           RBED_TASKS); /* rbed_check() has seen to it, or the search would leave the table */
    unsigned place = 0;
    while (tasks[place].dcb != NULL) /* the bound: RBED_TASKS, as asserted */
        place++;
    struct task *task = &tasks[place];
    const systime_t at = settled(now), begins = p->release > at ? p->release : at;
    *task = (struct task){ .dcb = dcb,
                           .hard = p->type == RBED_HARD,
                           .period = p->period,
                           .deadline = p->deadline,
                           .budget = p->budget,
                           .begins = begins,
                           .ends = begins + p->period };
    dcb->task = (uint8_t)(place + 1);
    count++;
    task->left = full_budget(task);
    return begins;
}
