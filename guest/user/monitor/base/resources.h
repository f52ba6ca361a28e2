/* SPDX-License-Identifier: MIT
 *
 * What the monitor keeps at the wish of domains, here and on other cores: each table is a row, and
 * each entry of it is charged to who caused it (services/account.h).  tests/scenario/accounts.sh
 * compares the rows with the tables in the sources.
 */
#ifndef MONITOR_RESOURCES_H
#define MONITOR_RESOURCES_H

#include <services/account.h>

#include "iref.h"

#define MONITOR_MAX_CLIENTS 96 /* domains of this core at a time; two endpoints each must fit */
#define MONITOR_MAX_LINKS 32   /* further monitor bindings of all domains */
#define MONITOR_MAX_BINDS 256  /* bind requests under way */
#define MONITOR_MAX_ENDS \
    8192 /* of connections, of all domains here and of others with domains here */
#define MONITOR_MAX_QUESTIONS 64  /* with other monitors */
#define MONITOR_MAX_PARCELS 128   /* deposited and not yet collected */
#define MONITOR_MAX_ESTATE 64     /* parcels of senders that have ended */
#define MONITOR_MAX_FETCHES 64    /* asked of other monitors */
#define MONITOR_MAX_KEPT 4096     /* parcels away and witnessed */
#define MONITOR_MAX_CIRCUITS 128  /* of all kinds that this monitor carries */
#define MONITOR_MAX_TERMINALS 64  /* ends of circuits on this core: their endpoints must fit */
#define MONITOR_MAX_MESSAGES 2048 /* that wait for domains to read them */

/* X(id, table, plural name, capacity, weight) */
#define MONITOR_RESOURCES(X)                                                        \
    X(CLIENT, clients, "domains", MONITOR_MAX_CLIENTS, 1)                           \
    X(LINK, link, "monitor bindings", MONITOR_MAX_LINKS, 1)                         \
    X(IREF, irefs, "interface references", IREFS_PER_CORE, 1)                       \
    X(BIND, binds, "binds under way", MONITOR_MAX_BINDS, 1)                         \
    X(END, connections, "ends of connections", MONITOR_MAX_ENDS, 1)                 \
    X(QUESTION, questions, "questions to other monitors", MONITOR_MAX_QUESTIONS, 1) \
    X(PARCEL, parcels, "parcels", MONITOR_MAX_PARCELS, 1)                           \
    X(FETCH, fetches, "parcels under way", MONITOR_MAX_FETCHES, 1)                  \
    X(KEPT, kept_away, "capabilities shared with other cores", MONITOR_MAX_KEPT, 1) \
    X(CIRCUIT, circuits, "circuits", MONITOR_MAX_CIRCUITS, 1)                       \
    X(TERMINAL, circuits, "ends of circuits", MONITOR_MAX_TERMINALS, 1)             \
    X(PAGE, used, "pages of the UMP window", 0, 1)                                  \
    X(MESSAGE, queue, "messages that wait", MONITOR_MAX_MESSAGES, 1)

/* Tables that nobody's wish makes longer: X(table, why). */
#define MONITOR_BOUNDED(X)                                                       \
    X(peers, "one for each core")                                                \
    X(neighbours, "one for each core")                                           \
    X(expected, "one for each core")                                             \
    X(lives, "one for each core")                                                \
    X(early, "one for each core")                                                \
    X(witnesses, "charged as KEPT, with kept_away")                              \
    X(deleting, "one of witnesses")                                              \
    X(late_ns, "one for each core")                                              \
    X(capops, "charged as QUESTION, with questions")                             \
    X(latencies, "a few for each protocol of shootdowns")                        \
    X(rounds, "charged as QUESTION, with questions")                             \
    X(map, "the machine's packages")                                             \
    X(waiting, "some of capops")                                                 \
    X(written, "a bit for each page, as used")                                   \
    X(pages, "a record for each channel, which is charged as END")               \
    X(roomy, "some of pages")                                                    \
    X(by_base, "the same as pages")                                              \
    X(first, "requests of the monitor itself, and the boot entries of the menu") \
    X(last, "the end of first")                                                  \
    X(endpoint, "one, for the CPU driver's hints")

/* What binds make a service's library keep, charged for each service by itself: the words of its
 * endpoints. */
#define SERVICE_RESOURCES(X) X(WORDS, heap, "words of endpoints", MONITOR_HEAP_WORDS, 3)

enum { MONITOR_RESOURCES(ACCOUNT_ENUM) ACCOUNT_KINDS };
enum { SERVICE_RESOURCES(ACCOUNT_ENUM) ACCOUNT_SERVICE_KINDS };

extern struct account_book accounts;

/* This monitor's own account is trusted and pays for the domains that it starts. */
void accounts_init(void);
/* Charges a domain of any core; one of another core's through the account of its monitor.  0: the
 * monitor itself. */
errval_t accounts_charge(domainid_t domain, unsigned kind, uint32_t units,
                         struct account_slip *slip);
/* The number under which a core's monitor pays. */
domainid_t monitor_of(coreid_t core);
/* The account of another core's monitor, to be closed again; NULL: out of memory. */
struct account *accounts_of_monitor(coreid_t core);
/* A book for what others cause in a service. */
void accounts_init_service(struct account_book *book);

#endif
