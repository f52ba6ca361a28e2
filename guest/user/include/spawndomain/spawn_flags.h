/* SPDX-License-Identifier: MIT
 *
 * spawn_domain_params.flags: what the spawner did differently for this domain.  A first domain (the
 * one that the CPU driver starts) behaves as if both were set.
 */
#ifndef SPAWNDOMAIN_SPAWN_FLAGS_H
#define SPAWNDOMAIN_SPAWN_FLAGS_H

#define SPAWN_FLAG_OWN_RAM 1u    /* all its RAM is in SUPERCN: it never asks the memory server */
#define SPAWN_FLAG_NO_MONITOR 2u /* INITEP, if set at all, is not a monitor's */
#define SPAWN_FLAG_AGENT 0x80u   /* it prepares a dispatcher of a domain on another core; no main */

/* Flags of spawn_program.  A new domain is what there always is. */
typedef unsigned char spawn_flags_t;
#define SPAWN_FLAGS_DEFAULT 0
#define SPAWN_FLAGS_NEW_DOMAIN (1 << 0)

#endif
