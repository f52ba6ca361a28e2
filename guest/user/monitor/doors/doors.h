/* SPDX-License-Identifier: MIT
 *
 * The doors: each sets the handlers of one kind of binding.  Behind them the parts decide.
 */
#ifndef MONITOR_DOORS_H
#define MONITOR_DOORS_H

#include "../base/monitor.h"

void door_of_domain(struct link *link);           /* monitor.if */
void door_of_questions(struct client *client);    /* monitor_blocking.if */
void door_of_monitor(struct intermon_binding *b); /* intermon.if */

#endif
