/* SPDX-License-Identifier: MIT
 *
 * What the name service keeps at the wish of its clients (services/account.h).
 */
#ifndef CHIPS_RESOURCES_H
#define CHIPS_RESOURCES_H

#include <services/account.h>

/* X(id, table, plural name, capacity, weight) */
#define CHIPS_RESOURCES(X)                                \
    X(NAME, bucket, "names", 4096, 1)                     \
    X(WAITER, waiters, "waits for names", 1024, 1)        \
    X(CONTEST, contests, "questions about names", 256, 1) \
    X(MESSAGE, queue, "answers that wait", 2048, 1)

enum { CHIPS_RESOURCES(ACCOUNT_ENUM) ACCOUNT_KINDS };

#endif
