/* SPDX-License-Identifier: MIT
 *
 * Operations on memory that other cores have, too: what a domain asks of its monitor when the CPU
 * driver has said SYS_ERR_RETRY_THROUGH_MONITOR.
 */
#ifndef MONITOR_CAPOPS_H
#define MONITOR_CAPOPS_H

#include "../base/monitor.h"

struct kept;

enum capop_state {
    CAPOP_FREE,
    CAPOP_REVOKING, /* the other cores delete what they have */
    CAPOP_CHECKING, /* the other cores say whether they use what they have */
};

/* Is an operation under way that deletes this capability on other cores?  Then no core gets it. */
bool capop_concerns(const struct capability *cap);

/* The other core has answered, for an operation in this state (the entry may be part of none): it
 * has nothing of it any more, or (`gone` is false) it has. */
void capop_answered(struct kept *kept, enum capop_state state, bool gone);

/* The other core cannot be reached, and may have it for ever. */
void capop_lost(struct kept *kept);

#endif
