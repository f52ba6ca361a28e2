/* SPDX-License-Identifier: MIT
 *
 * Ways through the machine: which monitor is next on the way to a core.  Every monitor computes the
 * same from the menu line of the monitor (docs/monitor.md), so no tables are exchanged.  Pure.
 */
#ifndef MONITOR_ROUTE_H
#define MONITOR_ROUTE_H

#include <barrelfish_kpi/types.h>

enum route_kind {
    ROUTE_DIRECT,  /* one step to everywhere: all monitors are connected */
    ROUTE_LINE,    /* 0 - 1 - 2 - ... */
    ROUTE_RING,    /* the line closed: the shorter way round, up if both are as long */
    ROUTE_STAR,    /* over the hub */
    ROUTE_SIGNALS, /* as notifications go: not for route_next() to say (signals.c) */
};

struct route {
    enum route_kind kind;
    unsigned cores;
    coreid_t hub;
};

/* Reads the word "route=KIND" of a menu line; without one, direct.  False: there is one that names
 * nothing;
 * *ret is direct then. */
bool route_read(const char *menu_line, unsigned cores, struct route *ret);

/* The core after `from` on the way to another core; not of ROUTE_SIGNALS. */
coreid_t route_next(const struct route *route, coreid_t from, coreid_t to);

#endif
