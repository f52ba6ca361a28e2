/* SPDX-License-Identifier: MIT
 *
 * Sets of cores.
 */
#ifndef BARRELFISH_SYS_CPUSET_H
#define BARRELFISH_SYS_CPUSET_H

#define CPU_SETSIZE 256

typedef struct cpuset {
    unsigned long __bits[CPU_SETSIZE / 64];
} cpuset_t;

#define CPU_ZERO(set)                                          \
    do {                                                       \
        for (int _word = 0; _word < CPU_SETSIZE / 64; _word++) \
            (set)->__bits[_word] = 0;                          \
    } while (0)
#define CPU_SET(core, set) ((set)->__bits[(core) / 64] |= 1ul << (core) % 64)
#define CPU_CLR(core, set) ((set)->__bits[(core) / 64] &= ~(1ul << (core) % 64))
#define CPU_ISSET(core, set) (((set)->__bits[(core) / 64] >> (core) % 64 & 1) != 0)

#endif
