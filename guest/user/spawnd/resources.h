/* SPDX-License-Identifier: MIT
 *
 * What the spawn service keeps at the wish of its clients (services/account.h).  A domain that was
 * spawned pays together with the one its family began with: children of children count.
 */
#ifndef SPAWND_RESOURCES_H
#define SPAWND_RESOURCES_H

#include <services/account.h>

#define SPAWND_DOMAINS 80

/* X(id, table, plural name, capacity, weight) */
#define SPAWND_RESOURCES(X)                                 \
    X(DOMAIN, blocks, "domains", SPAWND_DOMAINS, 1)         \
    X(REQUEST, first_request, "requests that wait", 256, 1) \
    X(MESSAGE, queue, "answers that wait", 1024, 1)

/* Tables that nobody's wish makes longer: X(table, why). */
#define SPAWND_BOUNDED(X)                       \
    X(last_request, "the end of first_request") \
    X(leaving, "those who waited, each charged as a request until it is told")

enum { SPAWND_RESOURCES(ACCOUNT_ENUM) ACCOUNT_KINDS };

#endif
