/* SPDX-License-Identifier: MIT
 *
 * What the parts of the monitor client share (monitor_client.c, multihop_bind.c,
 * monitor_caps.c).
 */
#ifndef MONITOR_REQUEST_H
#define MONITOR_REQUEST_H

#include <barrelfish/barrelfish.h>
#include <barrelfish/idc_export.h>
#include <barrelfish/monitor_client.h>

/* bind.c: the service behind a number that the monitor was given, or NULL. */
struct idc_export *idc_find_export(uintptr_t service_id);

/* request.c: tells the monitor, once, that the domain has ended; a fault or a panic on the way
 * comes here again, and then nothing more is said. */
void monitor_client_exit(int status);

/* The handlers of bind.c and multihop_bind.c. */
void monitor_client_set_bind_handlers(struct monitor_binding *b);
void monitor_client_set_multihop_handlers(struct monitor_binding *b);

/* monitor_caps.c: capabilities.c asks the monitor from now on */
void monitor_caps_init(void);

#endif
