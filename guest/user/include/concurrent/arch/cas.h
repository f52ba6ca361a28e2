/* SPDX-License-Identifier: MIT
 *
 * Compare and swap.
 */
#ifndef CONCURRENT_ARCH_CAS_H
#define CONCURRENT_ARCH_CAS_H

#include <stdbool.h>
#include <stdint.h>

/* Makes *at `new_value` if it is `old_value`; says whether it was. */
static inline bool cas(volatile uintptr_t *at, uintptr_t old_value, uintptr_t new_value)
{
    return __atomic_compare_exchange_n(at, &old_value, new_value, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

#endif
