/* SPDX-License-Identifier: MIT
 *
 * guest/user/monitor/parts/kept.c, and a look at its lists.
 */
#include "guest/user/monitor/parts/kept.c"

#include "instance.h"

void peek_kept(struct monitor_census *ret)
{
    for (const struct kept *kept = kept_away; kept != NULL; kept = kept->next) {
        assert(kept->waits == NULL); /* all operations have ended */
        ret->kept++;
    }
    for (const struct kept *witness = witnesses; witness != NULL; witness = witness->next)
        ret->kept++;
    assert(next_to_delete() == NULL && !deletion_runs);
}
