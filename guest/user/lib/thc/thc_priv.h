/* SPDX-License-Identifier: MIT
 *
 * Between the files of this folder: waiting in a list, until somebody gives or cancels.
 */
#ifndef THC_PRIV_H
#define THC_PRIV_H

#include <thc/thcsync.h>

struct thc_waiter {
    struct thc_waiter *next;
    struct thc_waiters *list; /* NULL: taken out */
    awe_t *awe;
    void *wants; /* for who gives */
    bool cancelled;
};

/* Waits at the end of the list.  THC_CANCELED only if `cancellable`. */
errval_t thc_wait(struct thc_waiters *list, bool cancellable, void *wants);
/* Takes the first out, or that one, and lets it go on.  False: there is none. */
bool thc_wake_first(struct thc_waiters *list);
void thc_wake(struct thc_waiter *waiter);

#endif
