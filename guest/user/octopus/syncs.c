/* SPDX-License-Identifier: MIT
 *
 * Locks, barriers and semaphores of octopus: a name or number, a count, and who waits, in order.
 *
 *   lock       free (no holder) -> held -> handed to the first that waits, or free
 *   barrier    filling (as many wait as came) -> all are answered at once when the last one comes
 *   semaphore  value > 0, nobody waits  |  value = 0, some wait: a post goes to the first
 *
 * Death: a lock of a dead holder goes on to the next one; who waits is taken out, of a barrier,
 * too, so that it waits for another; a semaphore goes with who made it, and those who wait are
 * told.  What a dead one took from a semaphore does not come back.
 */
#include "octopus.h"

#include <stdio.h>
#include <string.h>

enum sync_kind { SYNC_LOCK, SYNC_BARRIER, SYNC_SEMAPHORE };

struct waiter {
    struct waiter *next;
    struct octopus_binding *binding;
    uint32_t token;
    struct account_slip slip;
};

struct sync {
    struct sync *next;
    enum sync_kind kind;
    struct octopus_binding *owner; /* holder of a lock, maker of the others */
    struct account_slip slip;
    uint64_t count; /* of a barrier: who must come; of a semaphore: its value */
    uint32_t id;    /* of a semaphore */
    struct waiter *waiting;
    char name[256];
};

static struct sync *syncs;
static uint32_t next_semaphore = 1;

static const enum reply_kind replies[] = { REPLY_LOCK, REPLY_BARRIER, REPLY_SEM_WAIT };

static struct sync **find(enum sync_kind kind, const char *name, uint32_t id)
{
    struct sync **link = &syncs;
    while (*link != NULL &&
           ((*link)->kind != kind || (*link)->id != id || strcmp((*link)->name, name) != 0))
        link = &(*link)->next;
    return link;
}

static errval_t make(struct octopus_binding *b, enum sync_kind kind, const char *name, uint32_t id,
                     uint64_t count, struct sync **ret)
{
    struct account_slip slip;
    if (kind != SYNC_SEMAPHORE && *name == '\0')
        return OCT_ERR_NO_RECORD_NAME;
    errval_t err = account_charge(payer(b), ACCOUNT_SYNC, 1, &slip);
    if (err_is_fail(err))
        return err;
    struct sync *sync = malloc(sizeof(*sync));
    if (sync == NULL) {
        account_refund(&slip);
        return LIB_ERR_MALLOC_FAIL;
    }
    *sync = (struct sync){
        .next = syncs, .kind = kind, .owner = b, .slip = slip, .count = count, .id = id
    };
    snprintf(sync->name, sizeof(sync->name), "%s", name);
    syncs = sync;
    *ret = sync;
    return SYS_ERR_OK;
}

static void release_first(struct sync *sync, errval_t err)
{
    struct waiter *waiter = sync->waiting;
    sync->waiting = waiter->next;
    account_refund(&waiter->slip);
    answer(waiter->binding,
           (struct reply){ .kind = replies[sync->kind], .token = waiter->token, .err = err });
    free(waiter);
}

static void drop(struct sync **link)
{
    struct sync *sync = *link;
    *link = sync->next;
    account_refund(&sync->slip);
    free(sync);
}

static errval_t add_waiter(struct sync *sync, struct octopus_binding *b)
{
    struct account_slip slip;
    errval_t err = account_charge(payer(b), ACCOUNT_WAIT, 1, &slip);
    if (err_is_fail(err))
        return err;
    struct waiter *waiter = malloc(sizeof(*waiter)), **link = &sync->waiting;
    if (waiter == NULL) {
        account_refund(&slip);
        return LIB_ERR_MALLOC_FAIL;
    }
    *waiter = (struct waiter){ .binding = b, .token = b->incoming_token, .slip = slip };
    while (*link != NULL)
        link = &(*link)->next;
    *link = waiter;
    return SYS_ERR_OK;
}

/* ---- locks ---- */

/* The lock is the next one's, who pays for it from now on; true: there was none, and it is no more.
 * */
static bool hand_on(struct sync **link)
{
    struct sync *lock = *link;
    while (lock->waiting != NULL) {
        struct octopus_binding *next = lock->waiting->binding;
        errval_t err = account_transfer(&lock->slip, payer(next));
        lock->owner = next;
        release_first(lock, err);
        if (err_is_ok(err))
            return false;
    }
    drop(link);
    return true;
}

static void lock_call(struct octopus_binding *b, const char *name)
{
    struct sync *lock = *find(SYNC_LOCK, name, 0);
    errval_t err;
    if (lock == NULL) {
        answer_now(b, REPLY_LOCK, make(b, SYNC_LOCK, name, 0, 0, &lock));
        return;
    }
    err = add_waiter(lock, b);
    if (err_is_fail(err))
        answer_now(b, REPLY_LOCK, err);
}

static void unlock_call(struct octopus_binding *b, const char *name)
{
    struct sync **link = find(SYNC_LOCK, name, 0);
    errval_t err = SYS_ERR_OK;
    if (*link == NULL || (*link)->owner != b)
        err = OCT_ERR_NOT_OWNER;
    answer_now(b, REPLY_UNLOCK, err);
    if (err_is_ok(err))
        hand_on(link);
}

/* ---- barriers ---- */

static void barrier_call(struct octopus_binding *b, const char *name, uint64_t count)
{
    struct sync **link = find(SYNC_BARRIER, name, 0), *barrier = *link;
    uint64_t waiting = 0;
    errval_t err = SYS_ERR_OK;
    if (barrier == NULL) {
        err = make(b, SYNC_BARRIER, name, 0, count, &barrier);
        link = &syncs;
    }
    if (err_is_ok(err))
        err = barrier->count != count ? (errval_t)OCT_ERR_INVALID_ID : add_waiter(barrier, b);
    if (err_is_fail(err)) {
        if (barrier != NULL && barrier->waiting == NULL)
            drop(link);
        answer_now(b, REPLY_BARRIER, err);
        return;
    }
    for (const struct waiter *waiter = barrier->waiting; waiter != NULL; waiter = waiter->next)
        waiting++;
    if (waiting < count)
        return;
    while (barrier->waiting != NULL)
        release_first(barrier, SYS_ERR_OK);
    drop(link);
}

/* ---- semaphores ---- */

static void sem_new_call(struct octopus_binding *b, uint32_t value)
{
    struct sync *semaphore;
    errval_t err = make(b, SYNC_SEMAPHORE, "", next_semaphore, value, &semaphore);
    answer(b, (struct reply){ .kind = REPLY_SEM_NEW,
                              .token = b->incoming_token,
                              .err = err,
                              .value = next_semaphore });
    next_semaphore += err_is_ok(err);
}

static void sem_post_call(struct octopus_binding *b, uint32_t id)
{
    struct sync *semaphore = *find(SYNC_SEMAPHORE, "", id);
    answer_now(b, REPLY_SEM_POST, semaphore != NULL ? SYS_ERR_OK : OCT_ERR_INVALID_ID);
    if (semaphore == NULL)
        return;
    if (semaphore->waiting != NULL)
        release_first(semaphore, SYS_ERR_OK);
    else
        semaphore->count++;
}

static void sem_wait_call(struct octopus_binding *b, uint32_t id, bool may_wait)
{
    struct sync *semaphore = *find(SYNC_SEMAPHORE, "", id);
    errval_t err = SYS_ERR_OK;
    if (semaphore == NULL) {
        err = OCT_ERR_INVALID_ID;
    } else if (semaphore->count > 0) {
        semaphore->count--;
    } else if (may_wait) {
        err = add_waiter(semaphore, b);
        if (err_is_ok(err))
            return;
    } else {
        err = OCT_ERR_WOULD_WAIT;
    }
    answer_now(b, REPLY_SEM_WAIT, err);
}

/* ---- all ---- */

void syncs_serve(struct octopus_binding *b)
{
    b->rx_vtbl.lock_call = lock_call;
    b->rx_vtbl.unlock_call = unlock_call;
    b->rx_vtbl.barrier_call = barrier_call;
    b->rx_vtbl.sem_new_call = sem_new_call;
    b->rx_vtbl.sem_post_call = sem_post_call;
    b->rx_vtbl.sem_wait_call = sem_wait_call;
}

static void forget_waiters(struct sync *sync, const struct octopus_binding *b)
{
    for (struct waiter **link = &sync->waiting; *link != NULL;) {
        struct waiter *waiter = *link;
        if (waiter->binding != b) {
            link = &waiter->next;
            continue;
        }
        *link = waiter->next;
        account_refund(&waiter->slip);
        free(waiter);
    }
}

/* A sync that was the client's.  Returns whether another one took its place in the list. */
static bool leave(struct sync **link)
{
    struct sync *sync = *link;
    if (sync->kind == SYNC_LOCK)
        return hand_on(link);
    if (sync->kind == SYNC_BARRIER && sync->waiting != NULL) {
        struct octopus_binding *next = sync->waiting->binding;
        if (err_is_ok(account_transfer(&sync->slip, payer(next)))) {
            sync->owner = next;
            return false;
        }
    }
    while (sync->waiting != NULL)
        release_first(sync, OCT_ERR_INVALID_ID);
    drop(link);
    return true;
}

void syncs_forget(struct octopus_binding *b)
{
    for (struct sync *sync = syncs; sync != NULL; sync = sync->next)
        forget_waiters(sync, b);
    for (struct sync **link = &syncs; *link != NULL;)
        if ((*link)->owner != b || !leave(link))
            link = &(*link)->next;
}
