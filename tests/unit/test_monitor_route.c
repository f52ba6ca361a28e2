/* SPDX-License-Identifier: MIT
 *
 * Ways between monitors: every kind of route reaches every core, in as few steps as it promises,
 * and menu lines are read as docs/monitor.md says.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "../../guest/user/monitor/base/route.h"

/* link: guest/user/monitor/base/route.c */

#define MAX_CORES 64

static struct route read_route(const char *line, unsigned cores)
{
    struct route route;
    cr_assert(route_read(line, cores, &route), "%s", line);
    return route;
}

static unsigned steps(const struct route *route, unsigned from, unsigned to)
{
    unsigned count = 0;
    for (; from != to; count++) {
        cr_assert_lt(count, route->cores, "a way from %u to %u never ends", from, to);
        from = route_next(route, (coreid_t)from, (coreid_t)to);
        cr_assert_lt(from, route->cores);
    }
    return count;
}

static unsigned expected_steps(const struct route *route, unsigned from, unsigned to)
{
    const unsigned apart = (unsigned)abs((int)from - (int)to);
    switch (route->kind) {
    case ROUTE_LINE:
        return apart;
    case ROUTE_RING:
        return apart < route->cores - apart ? apart : route->cores - apart;
    case ROUTE_STAR:
        return from == route->hub || to == route->hub ? 1 : 2;
    case ROUTE_DIRECT:
    case ROUTE_SIGNALS:
        break;
    }
    return 1;
}

Test(monitor_route, every_core_is_reached_in_the_steps_promised)
{
    static const char *const lines[] = { "/sbin/monitor", "/sbin/monitor route=line",
                                         "/sbin/monitor route=ring", "/sbin/monitor route=star",
                                         "/sbin/monitor route=star:1" };
    for (unsigned cores = 2; cores <= MAX_CORES; cores++)
        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
            const struct route route = read_route(lines[i], cores);
            for (unsigned from = 0; from < cores; from++)
                for (unsigned to = 0; to < cores; to++)
                    if (from != to)
                        cr_assert_eq(steps(&route, from, to), expected_steps(&route, from, to),
                                     "%s, %u cores, from %u to %u", lines[i], cores, from, to);
        }
}

Test(monitor_route, neighbours_on_a_way_back_are_the_same_on_a_line)
{
    const struct route line = read_route("m route=line", 8);
    for (unsigned from = 0; from < 8; from++)
        for (unsigned to = 0; to < 8; to++) {
            if (from == to)
                continue;
            const unsigned next = route_next(&line, (coreid_t)from, (coreid_t)to);
            cr_assert_eq(abs((int)next - (int)from), 1);
        }
}

Test(monitor_route, menu_lines_name_the_kind)
{
    cr_assert_eq(read_route("", 4).kind, ROUTE_DIRECT);
    cr_assert_eq(read_route("/sbin/monitor", 4).kind, ROUTE_DIRECT);
    cr_assert_eq(read_route("/sbin/monitor route=direct", 4).kind, ROUTE_DIRECT);
    cr_assert_eq(read_route("/sbin/monitor\troute=line\t", 4).kind, ROUTE_LINE);
    cr_assert_eq(read_route("/sbin/monitor x=y route=ring z", 4).kind, ROUTE_RING);
    cr_assert_eq(read_route("/sbin/monitor noroute=ring", 4).kind, ROUTE_DIRECT);
    cr_assert_eq(read_route("/sbin/monitor route=ipi", 4).kind, ROUTE_SIGNALS);
    cr_assert_eq(read_route("/sbin/monitor route=star", 4).hub, 0);
    cr_assert_eq(read_route("/sbin/monitor route=star:3", 4).hub, 3);
}

Test(monitor_route, what_names_nothing_is_refused_and_direct)
{
    static const char *const lines[] = { "m route=",        "m route=Ring",
                                         "m route=rings",   "m route=star:",
                                         "m route=star:4",  "m route=star:-1",
                                         "m route=star:1x", "m route=star:99999999999999999999",
                                         "m route=starx",   "m route=star:1:2" };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct route route;
        cr_assert_not(route_read(lines[i], 4, &route), "%s", lines[i]);
        cr_assert_eq(route.kind, ROUTE_DIRECT);
        cr_assert_eq(route.hub, 0);
    }
}
