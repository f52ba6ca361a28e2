/* SPDX-License-Identifier: MIT
 *
 * The pump: faults on a PC, whose memory vmm shares and whose stores nobody sees (docs/engines.md).
 *
 * Each page of the UMP window exists twice, the second one as far behind the first as the window is
 * long.  Both ends of a channel that is pumped use the same guest-physical addresses, but the CPU
 * driver of one of them maps the second page.  So what one end writes the other end sees only when
 * vmm has carried it across.  The loader makes this structure, the CPU driver of core 0 tells where
 * it lies, vmm reads and writes it while the guest runs: whoever reads it checks it.
 */
#ifndef ABI_PUMP_H
#define ABI_PUMP_H

#include <stdint.h>

#include "layout.h"

#define ABI_PUMP_MAGIC 0x504d5550 /* "PUMP" */

/* A channel's end that finds no line sleeps, until vmm sets the bits of the core page
 * (core_page.h).  Where there is a bell vmm interrupts the core then; else each CPU driver looks at
 * them after so many ns at the latest. */
#define ABI_PUMP_LOOK_NS 1000000

#define ABI_PUMP_KILLED 1  /* request: that core was killed; none of its lines is shown any more */
#define ABI_PUMP_STARTED 3 /* request: it is started anew; its channels are of another life */
/* Requests if `values` is not 0, with two arguments: the addresses of a struct abi_report and of
 * the DCB whose it is (the report port of ports.h); base and bytes of memory that the CPU driver is
 * about to zero (the scrub port), so that what its programs have counted is read before. */
#define ABI_PUMP_REPORT 5
#define ABI_PUMP_SCRUB 7

struct abi_pump {
    uint64_t magic;
    uint64_t bell;      /* not 0: a device by which vmm interrupts cores was set up */
    uint64_t values;    /* not 0: vmm reads what programs report */
    uint64_t core_area; /* of core 0; the others follow */
    uint32_t core_count, node_count;
    struct {
        uint64_t base, bytes; /* the second pages begin at base + bytes */
    } window[ABI_MAX_NODES];
    /* Of each core: its CPU driver writes a request, and waits until vmm has written 0, as for a
     * device.  The address of a record that has changed, as for the fabric port (ports.h), or one
     * of ABI_PUMP_* with a core's number << 8. */
    uint64_t request[ABI_MAX_CORES];
    uint64_t argument[ABI_MAX_CORES][2]; /* written before the request */
    /* For each page of the windows, node after node: 0, or 1 + the core that maps the second one.
     * Written by vmm, before it answers the request. */
    uint8_t second[];
};

#endif
