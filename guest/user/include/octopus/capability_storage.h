/* SPDX-License-Identifier: MIT
 *
 * Capabilities under a key (<octopus/octopus.h>).
 */
#ifndef OCTOPUS_CAPABILITY_STORAGE_H
#define OCTOPUS_CAPABILITY_STORAGE_H

#include <barrelfish/barrelfish.h>
#include <octopus/definitions.h>

/* A copy is kept.  OCT_ERR_CAP_OVERWRITE: there is one. */
errval_t oct_put_capability(const char *key, struct capref cap);
/* Gives a copy in a new slot.  OCT_ERR_NO_RECORD */
errval_t oct_get_capability(const char *key, struct capref *ret);
/* OCT_ERR_NOT_OWNER, OCT_ERR_NO_RECORD */
errval_t oct_remove_capability(const char *key);

#endif
