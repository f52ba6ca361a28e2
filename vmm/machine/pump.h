/* SPDX-License-Identifier: MIT
 *
 * The pump: lines of a machine that others run, whose memory is shared with us (abi/pump.h).
 *
 * With the machine's lock held, except where engine_host.h declares the function.
 */
#ifndef VMM_MACHINE_PUMP_H
#define VMM_MACHINE_PUMP_H

#include "machine/fabric.h"
#include "machine/machine.h"
#include "machine/pc_line.h"

/* The CPU driver of core 0 says where the guest's part lies.  What makes no sense is told of, and
 * nothing is pumped. */
void pump_found(struct machine *machine, const struct pc_line *said, uint64_t now_ns);

/* Machine time when the guest's clock showed this: lines that were carried and lines of the console
 * are told in one time.  The guest's own if there is no pump. */
uint64_t pump_time(const struct machine *machine, uint64_t guest_ns);

/* Memory of a window in the first or the second view; NULL: there is none. */
uint64_t *pump_memory(const struct machine *machine, uint64_t paddr, unsigned bytes, bool second);

/* Memory of the PC, wherever it is; NULL: there is no such memory, or the pump was not found yet.
 * There must be a pump. */
void *pump_ram(const struct machine *machine, uint64_t paddr, uint64_t bytes);

/* The core page of a core; NULL: the pump was not found yet.  There must be a pump. */
struct abi_core_page *pump_core_page(const struct machine *machine, unsigned core);

/* From now on the ends of this channel, which `by` has named, see different memory, if it is
 * watched and there is a pump.  No end has mapped it yet.  And no more. */
void pump_split(struct machine *machine, struct fabric_channel *c, unsigned by);
void pump_join(struct machine *machine, struct fabric_channel *c);

void pump_destroy(struct machine *machine);

#endif
