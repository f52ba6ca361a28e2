/* SPDX-License-Identifier: MIT
 *
 * Locks (<octopus/octopus.h>).
 */
#ifndef OCTOPUS_LOCK_H
#define OCTOPUS_LOCK_H

#include <barrelfish/barrelfish.h>
#include <octopus/definitions.h>

/* Waits until nobody else holds the lock; it is free when its holder ends.  lock_id is for
 * oct_unlock(), which frees it. */
errval_t oct_lock(const char *name, char **lock_id);
/* OCT_ERR_NOT_OWNER */
errval_t oct_unlock(char *lock_id);

#endif
