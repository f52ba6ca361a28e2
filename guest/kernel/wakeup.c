/* SPDX-License-Identifier: MIT
 *
 * Dispatchers that sleep until a time.
 *
 * A leftist heap, linked through the DCBs, so it needs no memory and knows no limit.  Its rule: the
 * rank of a node is one more than that of its right child, which is not above that of its left
 * child.  So a node of rank r has at least 2^r - 1 nodes below and with it, and the right spine,
 * along which all work is done, is short: RANK_MAX steps whatever the number of sleepers.  Taking
 * one out of the middle mends the ranks upwards, and each step up finds a higher rank: again
 * RANK_MAX at most.
 *
 * Who is stopped is taken out (stop.c); who wakes is taken out first and then made runnable,
 * whether that has an effect or not: nobody can make schedule_wake() find the same sleeper again.
 */
#include "schedule.h"

/* Of any heap: more DCBs than 2^RANK_MAX do not fit into physical memory. */
#define RANK_MAX 32
_Static_assert(ABI_PHYS_LIMIT / OBJSIZE_DISPATCHER < 1ull << RANK_MAX, "rank of a heap");

/* In instructions, of each node of the two spines that are melded. */
#define COST_SPINE 35

struct dcb *wakeup_head;

static unsigned rank_of(const struct dcb *dcb)
{
    return dcb == NULL ? 0 : dcb->sleep.rank;
}

/* Makes the rule hold at `dcb`, below which it holds; did its rank change? */
static bool settle(struct dcb *dcb)
{
    struct sleeper *s = &dcb->sleep;
    if (rank_of(s->left) < rank_of(s->right)) {
        struct dcb *left = s->left;
        s->left = s->right;
        s->right = left;
    }
    const unsigned rank = rank_of(s->right) + 1;
    const bool changed = rank != s->rank;
    debug_assert(rank <= RANK_MAX);
    s->rank = (uint8_t)rank;
    return changed;
}

/* The heap of all that is in two.  Both right spines become one, in order of time, from the top
 * down; on the way back each node of it is settled. */
static struct dcb *meld(struct dcb *a, struct dcb *b)
{
    struct dcb *last = NULL;
    LOOP_BOUND(down, 2 * RANK_MAX);
    while (a != NULL && b != NULL) {
        LOOP_ROUND(down);
        struct dcb *next = b->wakeup < a->wakeup ? b : a;
        if (next == a)
            a = a->sleep.right;
        else
            b = b->sleep.right;
        next->sleep.up = last;
        if (last != NULL)
            last->sleep.right = next;
        last = next;
    }
    struct dcb *heap = a != NULL ? a : b;
    if (heap != NULL)
        heap->sleep.up = last;
    if (last != NULL)
        last->sleep.right = heap;
    LOOP_BOUND(up, 2 * RANK_MAX);
    for (; last != NULL; last = last->sleep.up) {
        LOOP_ROUND(up);
        settle(last);
        heap = last;
    }
    return heap;
}

void wakeup_set(struct dcb *dcb, systime_t at)
{
    assert(!dcb->queued && !dcb->sleeping && !dcb->stopped && at != 0);
    debug_assert(dispatcher_is_complete(dcb));
    dcb->wakeup = at;
    dcb->sleeping = 1;
    dcb->sleep = (struct sleeper){ .rank = 1 };
    wakeup_head = meld(wakeup_head, dcb);
}

void wakeup_remove(struct dcb *dcb)
{
    if (!dcb->sleeping)
        return;
    struct dcb *up = dcb->sleep.up, *rest = meld(dcb->sleep.left, dcb->sleep.right);
    debug_assert(up == NULL ? wakeup_head == dcb : up->sleep.left == dcb || up->sleep.right == dcb);
    if (rest != NULL)
        rest->sleep.up = up;
    if (up == NULL)
        wakeup_head = rest;
    else if (up->sleep.left == dcb)
        up->sleep.left = rest;
    else
        up->sleep.right = rest;
    LOOP_BOUND(mended, RANK_MAX + 1);
    for (; up != NULL && settle(up); up = up->sleep.up)
        LOOP_ROUND(mended);
    dcb->sleeping = 0;
}

int wakeup_cost(const struct dcb *dcb)
{
    if (!dcb->sleeping)
        return WAKEUP_COST_LEAST;
    const unsigned spines = rank_of(dcb->sleep.left) + rank_of(dcb->sleep.right);
    return WAKEUP_COST_LEAST +
           COST_SPINE * (int)(spines + (dcb == wakeup_head ? 0 : rank_of(wakeup_head)));
}
