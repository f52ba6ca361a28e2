/* SPDX-License-Identifier: MIT
 *
 * Connection to the service of records (<octopus/octopus.h>).
 */
#ifndef OCTOPUS_INIT_H
#define OCTOPUS_INIT_H

#include <barrelfish/barrelfish.h>
#include <octopus/definitions.h>

/* Connects; waits until somebody offers "octopus".  All other functions do that when first used.
 * They block the calling thread only, and may be called inside handlers. */
errval_t oct_init(void);

#endif
