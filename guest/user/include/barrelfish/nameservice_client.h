/* SPDX-License-Identifier: MIT
 *
 * Names of services (facts §2.2 "Naming"): the client of the name service, chips.
 *
 * All calls connect to the name service when first used, and block the calling thread only; events
 * of the default waitset are served meanwhile, so they may be called inside handlers.
 */
#ifndef BARRELFISH_NAMESERVICE_CLIENT_H
#define BARRELFISH_NAMESERVICE_CLIENT_H

#include <barrelfish_kpi/types.h>
#include <errors/errno.h>
#include <stdbool.h>

struct wait_list;

#define NAMESERVICE_NAME_BYTES 256 /* longest name, with its final zero */

/* Makes the service known.  LIB_ERR_NAMESERVICE_INVALID_NAME; CHIPS_ERR_EXISTS,
 * CHIPS_ERR_OUT_OF_MEMORY; errors of the connection. */
errval_t nameservice_register(const char *name, iref_t iref);

/* An export's callback for a service whose name is its state: makes it known, and ends a program
 * that cannot be what it is there for. */
void nameservice_offer(void *name, errval_t err, iref_t iref);

/* Takes back a name that this domain has registered.  LIB_ERR_NAMESERVICE_UNKNOWN_NAME,
 * CHIPS_ERR_NOT_OWNER. */
errval_t nameservice_unregister(const char *name);

/* LIB_ERR_NAMESERVICE_UNKNOWN_NAME if nobody has registered it (yet). */
errval_t nameservice_lookup(const char *name, iref_t *ret);

/* Waits until somebody registers it. */
errval_t nameservice_blocking_lookup(const char *name, iref_t *ret);

/* Waits until the name does not stand for that service any more: it was taken back, or its domain
 * ended, alone or with its core.  At once if it does not stand for it now.  Then a successor may
 * have the name: look it up.  CHIPS_ERR_OVER_SHARE: too many waits of this domain. */
errval_t nameservice_blocking_wait_gone(const char *name, iref_t iref);

/* For the one connection of a library to the service of that name, made on first use, by whoever
 * comes first (wait_list.h): is_there() says whether it is there, `begin` binds to `*iref`, and
 * what comes of that is told to the list. */
errval_t nameservice_connect_once(const char *name, iref_t *iref, struct wait_list *waiting,
                                  bool (*is_there)(void), errval_t (*begin)(void));

/* Connects, if that has not been done.  Waits until there is a name service. */
errval_t nameservice_client_blocking_bind(void);

#endif
