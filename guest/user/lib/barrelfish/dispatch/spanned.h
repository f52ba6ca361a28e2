/* SPDX-License-Identifier: MIT
 *
 * What the dispatchers of a domain on several cores share below threads: one lock, and for each
 * dispatcher a list of threads that arrive there.
 *
 * A thread is in the run queue of its own dispatcher, which nobody else touches.  Whoever makes a
 * thread of another one runnable, or moves one there, pushes it to that one's list, and notifies it
 * if it sleeps: the same order of steps as for a UMP channel (docs/ump-wakeup.md), with `asleep`
 * for the wake word and the list for the ring.
 *
 * The lock is for objects of the whole domain that are touched disabled: mutexes and their like,
 * who joins whom.  A domain of one dispatcher has disabled sections for that, and takes no lock.
 */
#ifndef SPANNED_H
#define SPANNED_H

#include <barrelfish/domain_dispatchers.h>

extern volatile uint32_t spanned_lock_word;

/* Disabled; not to be taken twice, and for a few dozen instructions. */
static inline void spanned_lock(void)
{
    if (__builtin_expect(domain_is_spanned, 0))
        while (__atomic_exchange_n(&spanned_lock_word, 1, __ATOMIC_ACQUIRE) != 0)
            __asm__ volatile("pause");
}

static inline void spanned_unlock(void)
{
    if (__builtin_expect(domain_is_spanned, 0))
        __atomic_store_n(&spanned_lock_word, 0, __ATOMIC_RELEASE);
}

void spanned_take_arrived_disabled(dispatcher_handle_t handle);

/* Makes runnable what has arrived here. */
static inline void spanned_receive_disabled(dispatcher_handle_t handle)
{
    if (__builtin_expect(domain_is_spanned, 0))
        spanned_take_arrived_disabled(handle);
}

/* About to look for the last time: whoever sends a thread from here on notifies, once. */
void spanned_arm(dispatcher_handle_t handle);
/* After that look.  False: somebody has notified meanwhile, perhaps too early for the kernel to
 * count it (the next one would not notify), or nobody can. */
bool spanned_may_sleep(dispatcher_handle_t handle);
void spanned_disarm_here(dispatcher_handle_t handle);
static inline void spanned_disarm(dispatcher_handle_t handle)
{
    if (__builtin_expect(domain_is_spanned, 0))
        spanned_disarm_here(handle);
}

#endif
