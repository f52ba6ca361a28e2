/* SPDX-License-Identifier: MIT
 *
 * Bits and powers of two.
 */
#ifndef BITMACROS_H
#define BITMACROS_H

#include <stddef.h>
#include <stdint.h>

#ifndef BIT
#define BIT(n) ((uint64_t)1 << (n))
#endif
#ifndef MASK
#define MASK(bits) (BIT(bits) - 1) /* the lowest `bits`, at most 63 */
#endif

/* The largest n with 2^n <= value, and the smallest with 2^n >= value; of 0 they are 0. */
static inline uint8_t log2floor(uintptr_t value)
{
    return value == 0 ? 0 : (uint8_t)(63 - __builtin_clzl(value));
}
static inline uint8_t log2ceil(uintptr_t value)
{
    return value <= 1 ? 0 : (uint8_t)(64 - __builtin_clzl(value - 1));
}

#endif
