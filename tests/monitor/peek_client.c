/* SPDX-License-Identifier: MIT
 *
 * guest/user/monitor/parts/client.c, and a look at its domains.
 */
#include "guest/user/monitor/parts/client.c"

#include "instance.h"

void peek_clients(struct monitor_census *ret)
{
    for (unsigned i = 0; i < MONITOR_MAX_CLIENTS; i++) {
        ret->clients += clients[i].state != CLIENT_FREE;
        ret->exited_clients += clients[i].state == CLIENT_EXITED;
    }
}
