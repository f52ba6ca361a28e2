/* SPDX-License-Identifier: MIT
 *
 * guest/user/monitor/parts/capops.c, and a look at its operations.
 */
#include "guest/user/monitor/parts/capops.c"

#include "instance.h"

void peek_capops(struct monitor_census *ret)
{
    for (unsigned i = 0; i < MONITOR_MAX_QUESTIONS; i++)
        ret->questions += capops[i].state != CAPOP_FREE;
}
