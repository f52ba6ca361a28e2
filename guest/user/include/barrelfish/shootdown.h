/* SPDX-License-Identifier: MIT
 *
 * How the monitors unmap what a domain on several cores has mapped (docs/monitor.md, TLB
 * shootdown).  The menu chooses for all domains (`module /sbin/monitor shootdown=WORD`), and
 * domain_set_shootdown() for one.
 */
#ifndef BARRELFISH_SHOOTDOWN_H
#define BARRELFISH_SHOOTDOWN_H

#define SHOOTDOWN_PROTOCOL_LIST(X)                                                         \
    X(DEFAULT, "default")     /* what the menu says; nothing there: numa */                \
    X(BROADCAST, "broadcast") /* one message to each core of the machine */                \
    X(UNICAST, "unicast")     /* one to each core on which the domain is */                \
    X(MULTICAST, "multicast") /* one to each package, whose first core tells the others */ \
    X(NUMA, "numa")           /* the same; the farthest first, its own package last */     \
    X(MEASURED, "measured")   /* whichever of the last three took least time, for as many cores */

#define SHOOTDOWN_PROTOCOL_ENUM(id, word) SHOOTDOWN_##id,
#define SHOOTDOWN_PROTOCOL_WORD(id, word) word,

enum shootdown_protocol { SHOOTDOWN_PROTOCOL_LIST(SHOOTDOWN_PROTOCOL_ENUM) SHOOTDOWN_PROTOCOLS };

/* The words, by number. */
static const char *const shootdown_protocol_names[SHOOTDOWN_PROTOCOLS]
    __attribute__((unused)) = { SHOOTDOWN_PROTOCOL_LIST(SHOOTDOWN_PROTOCOL_WORD) };

#endif
