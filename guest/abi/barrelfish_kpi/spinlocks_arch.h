/* SPDX-License-Identifier: MIT
 *
 * Spin locks in memory that dispatchers of several cores share.  Between threads of one dispatcher
 * use a mutex: who spins keeps the holder from running until the time slice ends.
 */
#ifndef BARRELFISH_KPI_SPINLOCKS_ARCH_H
#define BARRELFISH_KPI_SPINLOCKS_ARCH_H

#include <stdint.h>

typedef volatile uint32_t spinlock_t; /* 0: free */

static inline void acquire_spinlock(spinlock_t *lock)
{
    while (__atomic_exchange_n(lock, 1u, __ATOMIC_ACQUIRE) != 0)
        while (*lock != 0)
            __asm__ volatile("pause");
}

static inline void release_spinlock(spinlock_t *lock)
{
    __atomic_store_n(lock, 0u, __ATOMIC_RELEASE);
}

#endif
