/* SPDX-License-Identifier: MIT
 *
 * What the parts of the monitor client share (monitor_client.c, multihop_bind.c).
 */
#ifndef MONITOR_REQUEST_H
#define MONITOR_REQUEST_H

#include <barrelfish/barrelfish.h>
#include <barrelfish/idc_export.h>
#include <barrelfish/monitor_client.h>

/* The service behind a number that the monitor was given, or NULL. */
struct idc_export *idc_find_export(uintptr_t service_id);

/* multihop_bind.c */
struct monitor_binding;
void monitor_client_set_multihop_handlers(struct monitor_binding *b);

#endif
