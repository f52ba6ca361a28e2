/* SPDX-License-Identifier: MIT
 *
 * Bounds of loops.  The CPU driver never works long, so each loop that an entry may reach says
 * how often it goes round at most; debug builds (make KERNEL_DEBUG=1, and all tests on the host)
 * count:
 *
 *     LOOP_BOUND(rounds, TABLE_ENTRIES);
 *     while (...) {
 *         LOOP_ROUND(rounds);
 *
 * Who includes this brings `assert` along.
 */
#ifndef KERNEL_LOOP_BOUND_H
#define KERNEL_LOOP_BOUND_H

#if defined(KERNEL_DEBUG) || defined(HOST_TEST)
#define LOOP_BOUND(name, most) uint64_t name##_left = (most)
#define LOOP_ROUND(name) assert(name##_left-- != 0)
#else
#define LOOP_BOUND(name, most) ((void)(most))
#define LOOP_ROUND(name) ((void)0)
#endif

#endif
