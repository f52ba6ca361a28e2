/* SPDX-License-Identifier: MIT
 *
 * Operations on memory that other cores have, too: what a domain asks of its monitor when the CPU
 * driver has said SYS_ERR_RETRY_THROUGH_MONITOR.
 */
#ifndef MONITOR_CAPOPS_H
#define MONITOR_CAPOPS_H

#include "../base/monitor.h"

/* Is an operation under way that deletes this capability on other cores?  Then no core gets it. */
bool capop_concerns(const struct capability *cap);

#endif
