/* SPDX-License-Identifier: MIT
 *
 * Which domain is in front: whose reads get the console's lines.
 *
 * The domains that have been in front lie in a chain, each put there by the one before it; the last
 * is in front.  While the chain is empty all domains may read.  Pure: no system call.
 *
 *   take    nobody is in front: the caller is.  The caller is in the chain: all behind it leave.
 *   give    the caller is in front: it puts another domain behind itself.
 *   ended   a domain has no connection any more: it leaves, and the one before its place is in
 *           front if it was the last.  Whom it had put in front stays if that has a connection of
 *           its own; else nobody would ever hear of its end, and it leaves, too.
 *
 * So only the last may be without a connection, and never when it is alone: the console cannot be
 * lost to a domain that is no more.
 */
#ifndef SERIAL_FRONT_H
#define SERIAL_FRONT_H

#include <barrelfish_kpi/types.h>
#include <errors/errno.h>
#include <stdbool.h>

#define FRONT_PLACES 16 /* domains that put each other in front */

struct front {
    unsigned count;
    domainid_t chain[FRONT_PLACES];
};

bool front_may_read(const struct front *front, domainid_t domain);

/* SERIAL_ERR_NOT_IN_FRONT: another one is, and the caller is not in the chain. */
errval_t front_take(struct front *front, domainid_t domain);

/* To one of the chain: it takes it.  SERIAL_ERR_NOT_IN_FRONT; SERIAL_ERR_FRONT_FULL: FRONT_PLACES
 * are in the chain. */
errval_t front_give(struct front *front, domainid_t from, domainid_t to);

/* is_connected says it of the one behind the domain. */
void front_ended(struct front *front, domainid_t domain, bool (*is_connected)(domainid_t));

#endif
