/* SPDX-License-Identifier: MIT
 *
 * Options of the machine that the monitor heeds (options.c).
 */
#ifndef MONITOR_OPTIONS_H
#define MONITOR_OPTIONS_H

#include <barrelfish/barrelfish.h>
#include <barrelfish/shootdown.h>
#include <spawndomain/spawndomain.h>

struct machine_options {
    enum { CHECKED_MONITORS, CHECKED_ALL, CHECKED_NONE } checked;
    uint64_t recheck_ns;   /* 0: sleepers wait to be notified */
    uint8_t shootdown;     /* enum shootdown_protocol, if the domain has no wish */
    uint64_t heartbeat_ns; /* 0: nobody looks whether the other cores are alive */
};

extern struct machine_options machine_options;

/* Once, before there is a channel. */
void machine_options_read(const struct spawn_modules *modules);

#endif
