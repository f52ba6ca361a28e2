/* SPDX-License-Identifier: MIT
 *
 * What octopus keeps at the wish of its clients (services/account.h).
 */
#ifndef OCTOPUS_RESOURCES_H
#define OCTOPUS_RESOURCES_H

#include <services/account.h>

/* X(id, table, plural name, capacity, weight) */
#define OCTOPUS_RESOURCES(X)                        \
    X(RECORD, records, "records", 2048, 1)          \
    X(WAIT, waits, "waits for records", 1024, 1)    \
    X(SYNC, syncs, "locks and semaphores", 1024, 1) \
    X(CAP, stored_caps, "capabilities", 256, 1)     \
    X(MESSAGE, queue, "messages that wait, by 256 bytes", 4096, 1)

enum { OCTOPUS_RESOURCES(ACCOUNT_ENUM) ACCOUNT_KINDS };

#endif
