/* SPDX-License-Identifier: MIT
 *
 * What the spawn service keeps at the wish of its clients (services/account.h).  A domain that was
 * spawned pays together with the one its family began with: children of children count.
 */
#ifndef SPAWND_RESOURCES_H
#define SPAWND_RESOURCES_H

#include <services/account.h>

/* X(id, table, plural name, capacity, weight) */
#define SPAWND_RESOURCES(X)                                 \
    X(DOMAIN, blocks, "domains", 80, 1)                     \
    X(REQUEST, first_request, "requests that wait", 256, 1) \
    X(MESSAGE, queue, "answers that wait", 1024, 1)

/* Tables that nobody's wish makes longer: X(table, why). */
#define SPAWND_BOUNDED(X) X(last_request, "the end of first_request")

enum { SPAWND_RESOURCES(ACCOUNT_ENUM) ACCOUNT_KINDS };

#endif
