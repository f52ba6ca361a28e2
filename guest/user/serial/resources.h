/* SPDX-License-Identifier: MIT
 *
 * What serial keeps at the wish of its clients (services/account.h).  Who is in front is a chain of
 * at most FRONT_PLACES domains (front.h), to which only the last can add.
 */
#ifndef SERIAL_RESOURCES_H
#define SERIAL_RESOURCES_H

#include <services/account.h>

/* X(id, table, plural name, capacity, weight) */
#define SERIAL_RESOURCES(X)                     \
    X(READ, readers, "reads that wait", 256, 1) \
    X(MESSAGE, queue, "messages that wait, by 256 bytes", 512, 1)

enum { SERIAL_RESOURCES(ACCOUNT_ENUM) ACCOUNT_KINDS };

#endif
