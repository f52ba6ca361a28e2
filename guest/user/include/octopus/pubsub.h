/* SPDX-License-Identifier: MIT
 *
 * Publishing records that are not kept (<octopus/octopus.h>).
 */
#ifndef OCTOPUS_PUBSUB_H
#define OCTOPUS_PUBSUB_H

#include <barrelfish/barrelfish.h>
#include <octopus/definitions.h>

errval_t oct_subscribe(subscription_handler_fn handler, const void *state, subscription_t *id,
                       const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The handler is called once more, with OCT_REMOVED.  OCT_ERR_INVALID_ID */
errval_t oct_unsubscribe(subscription_t id);
/* Tells all whose query matches. */
errval_t oct_publish(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
