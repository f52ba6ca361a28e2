/* SPDX-License-Identifier: MIT
 *
 * Barriers (<octopus/octopus.h>).
 */
#ifndef OCTOPUS_BARRIER_H
#define OCTOPUS_BARRIER_H

#include <barrelfish/barrelfish.h>
#include <octopus/definitions.h>

/* Waits until wait_for callers have entered.  Who ends while he waits does not count any more.
 * OCT_ERR_INVALID_ID: others wait for another number. */
errval_t oct_barrier_enter(const char *name, char **record, size_t wait_for);
/* Waits until all that have entered leave; frees the record. */
errval_t oct_barrier_leave(char *record);

#endif
