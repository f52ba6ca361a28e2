/* SPDX-License-Identifier: MIT
 *
 * What the memory server gives away and keeps (services/account.h).  Memory is there to be used:
 * one domain may have four times what it leaves to all others.  A block counts as one however small
 * it is, since each costs the server a record.
 */
#ifndef MEM_SERV_RESOURCES_H
#define MEM_SERV_RESOURCES_H

#include <services/account.h>

/* X(id, table, plural name, capacity, weight); the pages are counted at the start. */
#define MEM_RESOURCES(X)                        \
    X(PAGE, mm, "pages of memory", 0, 4)        \
    X(LOAN, loans, "blocks of memory", 8192, 3) \
    X(MESSAGE, queue, "answers that wait", 1024, 1)

/* Tables that nobody's wish makes longer: X(table, why). */
#define MEM_BOUNDED(X)                        \
    X(region, "the memory manager's regions") \
    X(supplied, "two regions each")           \
    X(waiting, "one request of each client")  \
    X(asked_for, "one of those")              \
    X(loans, "see LOAN")                      \
    X(first_server, "one binding")            \
    X(attempt, "three ways to fill one wish") \
    X(total_gauge, "one number")              \
    X(orphans, "see LOAN")                    \
    X(book, "the account book")               \
    X(release_node, "one request")            \
    X(free_gauge, "one number")               \
    X(lost_gauge, "one number")

enum { MEM_RESOURCES(ACCOUNT_ENUM) ACCOUNT_KINDS };

#endif
