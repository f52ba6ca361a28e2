/* SPDX-License-Identifier: MIT
 *
 * The devices, as 32-bit OUT ports.  Arguments lie in abi_core_page.arg[] of the issuing core,
 * results in abi_core_page.clock_ns (fresh after every request) and .result.  Reading a port gives
 * all ones.  An access of another width, to another port, or with arguments out of range stops
 * nothing: result is ABI_RESULT_BAD_REQUEST and the machine counts it.
 */
#ifndef ABI_PORTS_H
#define ABI_PORTS_H

/* Console: one line for each request.  Value: ABI_CONSOLE_* kind << 16 | length in bytes (at most
 * ABI_CONSOLE_MAX).  arg[0] guest-physical address of the text (without newline), arg[1] address of
 * the abi_dcb_head that speaks, or 0 for the CPU driver. */
#define ABI_PORT_CONSOLE 0x5000
#define ABI_CONSOLE_USER 0   /* output of a domain */
#define ABI_CONSOLE_KERNEL 1 /* output of the CPU driver */
#define ABI_CONSOLE_TRACE 2  /* shown with -v only: boot phases, domains, bindings */
#define ABI_CONSOLE_MAX 1024

/* Clock: brings clock_ns up to date.  Value ignored. */
#define ABI_PORT_CLOCK 0x5004

/* Timer: one-shot, one for each core.  arg[0] = absolute time in ns at which ABI_CAUSE_TIMER is set;
 * 0 cancels; a time in the past fires at once.  A new request replaces the old one. */
#define ABI_PORT_TIMER 0x5008

/* Notification interrupt.  Value: target core << 16 | id.  The target may be the issuing core. */
#define ABI_PORT_IPI 0x500c

/* Power.  Value: ABI_POWER_*. */
#define ABI_PORT_POWER 0x5010
#define ABI_POWER_START 1 /* arg[0] core, arg[1] RIP, arg[2] RDI, arg[3] CR3; sets result */
#define ABI_POWER_STOP 2  /* the issuing core stops for good */
#define ABI_POWER_EXIT 3  /* the machine is switched off; arg[0] exit code, 0..255 */
#define ABI_POWER_PANIC 4 /* the CPU driver cannot go on; the machine reports and stops */

/* Scrub: the machine zeroes arg[0] (guest-physical) .. + arg[1] bytes, both multiples of
 * ABI_SCRUB_ALIGN, RAM or window. */
#define ABI_PORT_SCRUB 0x5014
#define ABI_SCRUB_ALIGN 64

/* Fabric: names a cross-core channel.  arg[0] guest-physical address of struct abi_channel. */
#define ABI_PORT_FABRIC 0x5018

/* Vectors: clears what this core has in vector registers beyond those that FXSAVE knows (the upper
 * parts of YMM and ZMM, masks, tiles).  To be asked for before another domain runs where the boot
 * information says ABI_BOOT_WIDE_VECTORS; elsewhere there is nothing to clear.  Value ignored. */
#define ABI_PORT_VECTORS 0x501c

#ifndef __ASSEMBLER__
#include <stdint.h>

/* One channel: two rings in the UMP window, each written by one side only. */
struct abi_channel {
    char name[64];           /* "client->server" or an interface name, zero-terminated */
    uint64_t base;           /* guest-physical, in the window */
    uint32_t bytes_per_ring; /* ring a at base, ring b at base + bytes_per_ring */
    uint8_t core_a; /* writes ring a: the side that exported (it is the other's incoming ring) */
    uint8_t core_b; /* writes ring b: the side that bound */
    uint16_t flags; /* 0 */
};
_Static_assert(sizeof(struct abi_channel) == 80, "channel layout");
#endif

#endif
