/* SPDX-License-Identifier: MIT
 *
 * What the boot manager keeps at the wish of its clients (services/account.h).
 */
#ifndef BOOT_MANAGER_RESOURCES_H
#define BOOT_MANAGER_RESOURCES_H

#include <services/account.h>

/* X(id, table, plural name, capacity, weight) */
#define BOOT_MANAGER_RESOURCES(X)                                    \
    X(REQUEST, requests, "requests to start cores that wait", 64, 1) \
    X(MESSAGE, queue, "messages that wait", 128, 1)

enum { BOOT_MANAGER_RESOURCES(ACCOUNT_ENUM) ACCOUNT_KINDS };

#endif
