/* SPDX-License-Identifier: MIT
 *
 * Asynchronous C: activities that look like calls and do not block the thread (facts §2.1,
 * xmpl-thc-binding).
 *
 *   DO_FINISH({
 *       for (int i = 0; i < 4; i++)
 *           ASYNC({ ask(server[i]); });
 *   });      // all four have answered
 *
 * ASYNC runs its block at once, on a stack of its own, until the block waits for something; then
 * the statement behind ASYNC goes on.  DO_FINISH waits until every activity that began inside it,
 * also in functions that it called, has ended.  All activities of a thread take turns, and only
 * where they wait: between two waits nothing else of this thread's activities runs, and no lock is
 * needed.  When all wait, the thread dispatches its default waitset.
 *
 * A block sees the variables of the function around it, so it must lie in a DO_FINISH of that
 * function or of a caller that outlives them.  It must not be left by return, break or goto.
 *
 * What waits comes in two forms.  X waits until it is done; X_x also ends when the DO_FINISH around
 * it is cancelled, with THC_CANCELED and without an effect.  CANCEL alone stops nothing.
 *
 * Needs GCC, which has functions in functions; not for C++.
 */
#ifndef THC_THC_H
#define THC_THC_H

#include <barrelfish/barrelfish.h>

__BEGIN_DECLS

/* An activity that waits.  Whoever holds the pointer may let it go on, once. */
typedef struct thc_awe awe_t;

/* What is to happen when the DO_FINISH around a wait is cancelled.  Lives as long as the wait. */
typedef void (*THCCancelFn_t)(void *arg);
typedef struct thc_cancel_item {
    THCCancelFn_t function;
    void *arg;
    struct thc_cancel_item *next;
    bool added, ran;
} cancel_item_t;

/* One DO_FINISH under way; on the stack of who waits for it.  Private. */
typedef struct thc_finish {
    struct thc_finish *parent, *children, *sibling;
    unsigned running; /* activities that have not ended */
    awe_t *waits;
    cancel_item_t *items;
    bool cancelled;
} thc_finish_t;

void thc_finish_begin(thc_finish_t *finish, bool deaf);
void thc_finish_end(thc_finish_t *finish);

/* Begins an activity.  body: a function, or the address of one inside another function. */
void thc_async(void (*body)(void));

/* Cancels a DO_FINISH_ and those inside it.  Functions that wait there and end in _x return
 * THC_CANCELED, now and from then on. */
void thc_cancel(thc_finish_t *finish);

#ifndef __cplusplus
#define ASYNC(...)                                        \
    do {                                                  \
        auto void _body(void);                            \
        void _body(void){ __VA_ARGS__ } thc_async(_body); \
    } while (0)

#define THC_FINISH(name, deaf, ...)    \
    do {                               \
        thc_finish_t name;             \
        thc_finish_begin(&name, deaf); \
        __VA_ARGS__;                   \
        thc_finish_end(&name);         \
    } while (0)

#define DO_FINISH(...) THC_FINISH(_finish, false, __VA_ARGS__)
/* With a name for CANCEL, which may stand anywhere inside, also in an ASYNC. */
#define DO_FINISH_(label, ...) THC_FINISH(_finish_##label, false, __VA_ARGS__)
#define CANCEL(label) thc_cancel(&_finish_##label)
/* Goes on though the DO_FINISH around it is cancelled: to clean up. */
#define DO_FINISH_NX(...) THC_FINISH(_finish, true, __VA_ARGS__)
#endif

/* Lets the other activities that can run, run; if there are none, takes events that are there. */
void THCYield(void);
/* The same, and `awe`, which can run or waits, is the next. */
void THCYieldTo(awe_t *awe);

/* Waits; *ret is this activity, for THCSchedule. */
void THCSuspend(awe_t **ret);
/* The same, and runs then(arg) when *ret is valid; `then` must not wait. */
typedef void (*THCContFn_t)(void *arg);
void THCSuspendThen(awe_t **ret, THCContFn_t then, void *arg);
/* It can run, behind all others that can. */
void THCSchedule(awe_t *awe);

/* Has the DO_FINISH around the caller been cancelled? */
bool THCIsCancelled(void);
/* `function` runs once if it is cancelled before THCRemoveCancelItem; at once if it is already. */
void THCAddCancelItem(cancel_item_t *item, THCCancelFn_t function, void *arg);
/* True: it was there and has not run. */
bool THCRemoveCancelItem(cancel_item_t *item);
bool THCCancelItemRan(const cancel_item_t *item);

/* Prints how many activities there were, and their stacks; then begins anew if `clear`. */
void THCDumpStats(int clear);

__END_DECLS

#endif
