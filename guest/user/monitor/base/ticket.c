/* SPDX-License-Identifier: MIT
 *
 * Tickets: numbers that name what one core asks of another.  A ticket says which core has made it,
 * no other core makes it, and nobody can guess it.
 */
#include "monitor.h"

static uint64_t random_state;

coreid_t ticket_core(uint64_t ticket)
{
    return (coreid_t)(ticket >> 56);
}

uint64_t ticket_new(void)
{
    if (random_state == 0)
        random_state = boot_info->seed * 0x9e3779b97f4a7c15u + boot_info->kernel_paddr + my_core +
                       ((uint64_t)my_incarnation << 32) + 1;
    random_state += 0x9e3779b97f4a7c15u;
    uint64_t z = random_state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (uint64_t)my_core << 56 | (z & 0xffffffffffffff) | 1;
}
