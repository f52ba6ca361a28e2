/* SPDX-License-Identifier: MIT
 *
 * Modes and handlers of octopus.
 */
#ifndef OCTOPUS_DEFINITIONS_H
#define OCTOPUS_DEFINITIONS_H

#include <stdint.h>

typedef uint64_t oct_mode_t;

/* For oct_mset: a number that nobody else gets is put behind the name. */
#define SET_DEFAULT 0
#define SET_SEQUENTIAL 1

/* Of which events a watch tells; the event that a handler is told of. */
#define OCT_ON_SET 2
#define OCT_ON_DEL 4
#define OCT_ON_PUBLISH 8
#define OCT_PERSIST 16 /* not only of the first */
#define OCT_REMOVED 32 /* the watch is over; the record is empty */

/* Runs in the default waitset of the domain.  The record is only there during the call. */
typedef void (*trigger_handler_fn)(oct_mode_t mode, const char *record, void *state);
typedef trigger_handler_fn subscription_handler_fn;

typedef uint64_t octopus_trigger_id_t;
typedef uint64_t subscription_t;

#endif
