/* SPDX-License-Identifier: MIT
 *
 * The way of each message within a core (LMP), told to the sink as messages.c tells those between
 * cores: when it was delivered, and when its handler began.  With config.watch_messages only.
 *
 * All functions are called with the machine's lock held.
 */
#ifndef MACHINE_LMP_MESSAGES_H
#define MACHINE_LMP_MESSAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/core_page.h"

struct machine;

/* False: no memory. */
bool lmp_messages_create(struct machine *machine);
/* What is still on its way is told as left. */
void lmp_messages_destroy(struct machine *machine);

/* A record of the flight recorder that tells of a message. */
void lmp_message_delivered(struct machine *machine, unsigned core,
                           const struct abi_trace_record *record, uint64_t now_ns);

/* The handler of the oldest `message` in the endpoint at this offset of a dispatcher's frame
 * begins. */
void lmp_message_handled(struct machine *machine, unsigned core, uint64_t dcb, uint32_t offset,
                         const char *message, uint64_t now_ns);

#endif
