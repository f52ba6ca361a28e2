/* SPDX-License-Identifier: MIT
 *
 * Watching records (<octopus/octopus.h>).
 */
#ifndef OCTOPUS_TRIGGER_H
#define OCTOPUS_TRIGGER_H

#include <barrelfish/barrelfish.h>
#include <octopus/definitions.h>

/* Calls the handler for each record that matches and is there, and later for each event of `mode`
 * on such a record, until it is removed; then once more, with OCT_REMOVED. */
errval_t oct_trigger_existing_and_watch(const char *query, oct_mode_t mode,
                                        trigger_handler_fn handler, void *state,
                                        octopus_trigger_id_t *id);
/* OCT_ERR_INVALID_ID */
errval_t oct_remove_trigger(octopus_trigger_id_t id);

#endif
