/* SPDX-License-Identifier: MIT
 *
 * spawn_domain_params.flags: what the spawner did differently for this domain.  A first domain (the
 * one that the CPU driver starts) behaves as if both were set.
 */
#ifndef SPAWNDOMAIN_SPAWN_FLAGS_H
#define SPAWNDOMAIN_SPAWN_FLAGS_H

#define SPAWN_FLAG_OWN_RAM 1u    /* all its RAM is in SUPERCN: it never asks the memory server */
#define SPAWN_FLAG_NO_MONITOR 2u /* INITEP, if set at all, is not a monitor's */

/* Words of the raw LMP message that opens a monitor binding: {MONITOR_HELLO, buffer words} with the
 * sender's own endpoint, sent to TASKCN_SLOT_INITEP or to an endpoint that the monitor handed out. */
#define MONITOR_HELLO 0xC0DE0001u

#endif
