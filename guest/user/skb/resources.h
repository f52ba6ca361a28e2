/* SPDX-License-Identifier: MIT
 *
 * What the system knowledge base keeps at the wish of its clients (services/account.h).
 */
#ifndef SKB_RESOURCES_H
#define SKB_RESOURCES_H

#include <services/account.h>

/* X(id, table, plural name, capacity, weight).  A unit of clauses is SKB_CLAUSE_UNIT bytes. */
#define SKB_CLAUSE_UNIT 64
#define SKB_RESOURCES(X)                     \
    X(CLAUSE, knowledge, "clauses", 8192, 1) \
    X(MESSAGE, queue, "answers that wait, by 256 bytes", 4096, 1)

enum { SKB_RESOURCES(ACCOUNT_ENUM) ACCOUNT_KINDS };

#endif
