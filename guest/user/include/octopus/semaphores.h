/* SPDX-License-Identifier: MIT
 *
 * Semaphores (<octopus/octopus.h>).
 */
#ifndef OCTOPUS_SEMAPHORES_H
#define OCTOPUS_SEMAPHORES_H

#include <barrelfish/barrelfish.h>
#include <octopus/definitions.h>

/* A semaphore is a number that any domain may use; it goes with the domain that made it, and who
 * waits then gets OCT_ERR_INVALID_ID. */
errval_t oct_sem_new(uint32_t *id, size_t value);
errval_t oct_sem_post(uint32_t id);
errval_t oct_sem_wait(uint32_t id);
/* OCT_ERR_WOULD_WAIT */
errval_t oct_sem_trywait(uint32_t id);

#endif
