/* SPDX-License-Identifier: MIT
 *
 * guest/user/monitor/parts/bind.c, and a look at its requests under way.
 */
#include "guest/user/monitor/parts/bind.c"

#include "instance.h"

void peek_binds(struct monitor_census *ret)
{
    for (unsigned i = 0; i < MONITOR_MAX_BINDS; i++)
        ret->binds += binds[i].state != BIND_FREE;
}
