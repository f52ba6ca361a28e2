/* SPDX-License-Identifier: MIT
 *
 * A dispatcher on the host, enough for waitsets and bindings: what the generated code's tests run
 * on.
 *
 * Each POSIX thread that calls host_dispatcher_init is a dispatcher with one thread.  LMP is played
 * by queues in memory with the kernel's rules: limited room, one receive slot for each endpoint,
 * transient errors.  UMP rings are real.
 */
#ifndef TESTS_IDL_HOST_H
#define TESTS_IDL_HOST_H

#include <barrelfish/capabilities.h>
#include <flounder/flounder.h>

/* Makes the calling POSIX thread a dispatcher. */
void host_dispatcher_init(void);

/* Connects two LMP channels of this dispatcher with room for buflen words each. */
void host_lmp_connect(struct lmp_chan *a, struct lmp_chan *b, size_t buflen);

/* Unplugs: sends over the peer fail for good from now on. */
void host_lmp_break(struct lmp_chan *a);

/* The sum of the numbers of the connections that the monitor was told are closed, since the last
 * call. */
uintptr_t host_closed_connections(void);

/* A capability that can be told from others when it arrives; see host_cap_object. */
struct capref host_cap_make(uint32_t object);
/* The object of a capability, 0 if its slot is empty. */
uint32_t host_cap_object(struct capref cap);
/* An object that the monitors do not carry to another core. */
#define HOST_CAP_STAYS 0x57a45
/* Capabilities with the monitors that nobody has collected. */
unsigned host_parcels(void);
/* Slots in use. */
unsigned host_caps_live(void);

/* Lets every k-th LMP send fail transiently; 0: none. */
void host_lmp_fail_every(unsigned k);

/* What the program was told through debug_printf since the last call; for expected complaints. */
const char *host_debug_output(void);

#endif
