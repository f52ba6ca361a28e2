/* SPDX-License-Identifier: MIT
 *
 * Basic types of the kernel-user interface (facts §2, §3.2).
 */
#ifndef BARRELFISH_KPI_TYPES_H
#define BARRELFISH_KPI_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t
    errval_t; /* stack of error codes, 10 bits each, newest lowest: see errors/errno.h */
typedef uint32_t capaddr_t; /* address in a CSpace: bits 8-31 L1 slot, bits 0-7 L2 slot */
typedef uint32_t cslot_t;
typedef uint8_t coreid_t;
typedef uint32_t domainid_t;
typedef uint32_t iref_t;
typedef uint32_t rsrcid_t;
typedef uint64_t genpaddr_t; /* physical address */
typedef uint64_t genvaddr_t; /* virtual address of any domain */
typedef uint64_t gensize_t;
typedef uintptr_t lvaddr_t; /* virtual address here */
typedef uint64_t lpaddr_t;
typedef uint64_t systime_t; /* ns since the machine was switched on */
typedef uint64_t delayus_t;
typedef uint64_t cycles_t;
typedef uintptr_t dispatcher_handle_t; /* address of a dispatcher frame */

#define L2_CNODE_BITS 8
#define L2_CNODE_SLOTS 256

/* What a system call gives back; two registers. */
struct sysret {
    errval_t error;
    uintptr_t value;
};
#define SYSRET(err) ((struct sysret){ .error = (err), .value = 0 })
#define SYSRET_VALUE(v) ((struct sysret){ .error = 0, .value = (v) })

#define PRIuIREF PRIu32
#define PRIxIREF PRIx32
#define PRIuCOREID PRIu8
#define PRIuDOMAINID PRIu32
#define PRIuERRV PRIu64
#define PRIxERRV PRIx64
#define PRIxGENPADDR PRIx64
#define PRIxGENVADDR PRIx64
#define PRIuGENSIZE PRIu64
#define PRIxGENSIZE PRIx64
#define PRIxLPADDR PRIx64
#define PRIxLVADDR PRIxPTR
#define PRIuCSLOT PRIu32
#define PRIxCADDR PRIx32
#define PRIuCYCLES PRIu64
#define PRIxCYCLES PRIx64
#define PRIuDELAYUS PRIu64
#define PRIuGENPADDR PRIu64
#define PRIuRSRCID PRIu32
#define PRIuSYSTIME PRIu64

#endif
