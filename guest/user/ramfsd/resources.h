/* SPDX-License-Identifier: MIT
 *
 * What the file service keeps at the wish of its clients (services/account.h).
 */
#ifndef RAMFSD_RESOURCES_H
#define RAMFSD_RESOURCES_H

#include <services/account.h>

/* X(id, table, plural name, capacity, weight) */
#define RAMFSD_RESOURCES(X)                         \
    X(NODE, root, "files and directories", 1024, 1) \
    X(PAGE, page, "pages of files", 4096, 1)        \
    X(HANDLE, handles, "open files", 512, 1)        \
    X(MESSAGE, queue, "answers that wait, by 256 bytes", 4096, 1)

enum { RAMFSD_RESOURCES(ACCOUNT_ENUM) ACCOUNT_KINDS };

#endif
