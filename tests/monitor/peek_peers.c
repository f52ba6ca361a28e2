/* SPDX-License-Identifier: MIT
 *
 * guest/user/monitor/mouths/peers.c, and a look at its peers.
 */
#include "guest/user/monitor/mouths/peers.c"

#include "instance.h"

void peek_peers(struct monitor_census *ret)
{
    for (unsigned core = 0; core < ABI_MAX_CORES; core++)
        if (peers[core] != NULL)
            ret->peers |= UINT64_C(1) << core;
}
