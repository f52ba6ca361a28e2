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

/* Timers: one-shot, ABI_TIMERS for each core.  Value: which one.  arg[0] = absolute time in ns at
 * which ABI_CAUSE_TIMER is set; 0 cancels; a time in the past fires at once.  A new request for the
 * same one replaces the old one. */
#define ABI_PORT_TIMER 0x5008
#define ABI_TIMERS 2
#define ABI_TIMER_FIRST 0
#define ABI_TIMER_WATCH 1 /* for when the first one is lost */

/* Notification interrupt.  Value: target core << 16 | id.  The target may be the issuing core.  If
 * that core cannot signal the target: ABI_RESULT_NO_WAY, and nothing happens. */
#define ABI_PORT_IPI 0x500c

/* Notifications that are passed on.  A core that cannot signal another one signals one on the way,
 * with an id of this range: ABI_NOTIFY_PASSED for each core that they may be meant for.  The last
 * but one of a core's stands for its ids from there on, all of them, the last for all its ids. */
#define ABI_NOTIFY_PASSED 16
#define ABI_NOTIFY_PASSED_REST (ABI_NOTIFY_PASSED - 2)
#define ABI_NOTIFY_PASSED_ALL (ABI_NOTIFY_PASSED - 1)
#define ABI_NOTIFY_PASS_FIRST 2944
#define ABI_NOTIFY_PASS_END (ABI_NOTIFY_PASS_FIRST + ABI_NOTIFY_PASSED * ABI_MAX_CORES)

/* Power.  Value: ABI_POWER_*. */
#define ABI_PORT_POWER 0x5010
#define ABI_POWER_START 1 /* arg[0] core, arg[1] RIP, arg[2] RDI, arg[3] CR3; sets result */
#define ABI_POWER_STOP 2  /* the issuing core stops for good */
#define ABI_POWER_EXIT 3  /* the machine is switched off; arg[0] exit code, 0..255 */
#define ABI_POWER_PANIC 4 /* the CPU driver cannot go on; the machine reports and stops */
/* The fence: when this is done core arg[0], which is not the own one, changes no byte any more, and
 * nothing that it has written is shown later; it never runs again, unless it becomes available and
 * is started anew.  A core that does not run is left alone.  Sets result. */
#define ABI_POWER_KILL 5
/* May core arg[0] be started?  Sets result as ABI_POWER_START would, and starts nothing. */
#define ABI_POWER_AVAILABLE 6
/* How long has the host let core arg[0] wait, though it had something to do, since the machine was
 * switched on?  In ns, in late_ns of the core page.  A core that stands still by a fault does not
 * wait for the host.  Sets result. */
#define ABI_POWER_LATE 7
/* As ABI_POWER_KILL, but nothing is wrong with core arg[0]: it may be started again. */
#define ABI_POWER_RETIRE 8

/* Scrub: the machine zeroes arg[0] (guest-physical) .. + arg[1] bytes, both multiples of
 * ABI_SCRUB_ALIGN, RAM or window. */
#define ABI_PORT_SCRUB 0x5014
#define ABI_SCRUB_ALIGN 64

/* Fabric: a channel's record has changed.  arg[0] guest-physical address of its struct abi_channel,
 * in the UMP window. */
#define ABI_PORT_FABRIC 0x5018

/* Vectors: clears what this core has in vector registers beyond those that FXSAVE knows (the upper
 * parts of YMM and ZMM, masks, tiles).  To be asked for before another domain runs where the boot
 * information says ABI_BOOT_WIDE_VECTORS; elsewhere there is nothing to clear.  Value ignored. */
#define ABI_PORT_VECTORS 0x501c

/* Report: arg[0] guest-physical address of a struct abi_report (report.h) in RAM, 8-aligned, arg[1]
 * address of the abi_dcb_head whose counters these are.  Looked at now, and later.  Value
 * ignored. */
#define ABI_PORT_REPORT 0x5020

/* Watch: the domain of abi_dcb_head arg[0] makes system call `value`, whose bit abi_core_page.watch
 * has. */
#define ABI_PORT_WATCH 0x5024

/* Input of the console.  Value: notification id << 16 | most bytes, 1 to ABI_INPUT_MAX.  What has
 * arrived goes to arg[0] (guest-physical, RAM), and abi_core_page.input says how many bytes that
 * were: ABI_INPUT_END if there are none and none will come.  If there are none yet, the issuing
 * core gets the notification as soon as that has changed, once.  One core waits, the last that
 * asked. */
#define ABI_PORT_INPUT 0x5028
#define ABI_INPUT_MAX 1024
#define ABI_INPUT_END 0xffffffff

#ifndef __ASSEMBLER__
#include <stdint.h>

#include "layout.h"

/* The id that asks to pass notification `id` on to `core`. */
static inline uint32_t abi_notify_pass(uint32_t core, uint32_t id)
{
    return ABI_NOTIFY_PASS_FIRST + core * ABI_NOTIFY_PASSED +
           (id < ABI_NOTIFY_PASSED_REST ? id : ABI_NOTIFY_PASSED_REST);
}

/* A cross-core channel: two rings in the UMP window, each written by one side only.  The record
 * lies in the window itself, so that whoever sees only that memory finds it; the port says that it
 * has changed.  It is written before either end maps the rings, written again when a notification
 * id becomes known, and taken back (state ABI_CHANNEL_FREE) before their memory serves another
 * purpose. */
#define ABI_CHANNEL_MAGIC 0x4e414843 /* "CHAN" */
#define ABI_CHANNEL_FREE 0
#define ABI_CHANNEL_NAMED 1
#define ABI_CHANNEL_RECORDS 21 /* on a page: behind its first line, which belongs to the guest */
#define ABI_CHANNEL_FIRST_RECORD 64   /* offset in the page */
#define ABI_NOTIFY_UNKNOWN 0xffffffff /* it has none, or none yet */

#define ABI_CHANNEL_SERVER 0 /* index of the ring that the side writes that exported ... */
#define ABI_CHANNEL_CLIENT 1 /* ... and of that of the side that bound */

struct abi_ring {
    uint64_t base;      /* guest-physical, line aligned */
    uint32_t bytes;     /* message lines, then the writer's control line */
    uint32_t notify_id; /* wakes the writer of this ring; ABI_NOTIFY_UNKNOWN */
    uint32_t core;      /* of the writer */
    uint32_t reserved;  /* 0 */
};

/* How a line becomes one that was written. */
#define ABI_COMMIT_IN_LINE \
    0                     /* by its commit word, whose epoch flips with each pass; 1 in the first */
#define ABI_COMMIT_HEAD 1 /* by the head word of the control line: lines written since bind */

/* How a line lies in memory; words are 8 bytes.  The writer sets bit 0 of its wake word when it
 * wants a notification.  The type is one of the channel's own (0 to 2), or of the interface. */
struct abi_line_layout {
    uint16_t line_bytes;    /* a power of two, 16 to 128 */
    uint16_t commit_offset; /* of the commit word in the line, or of the head in the control line */
    uint16_t wake_offset;   /* of the wake word in the control line */
    uint16_t type_offset;   /* of the word in the line that holds the type */
    uint8_t commit;         /* ABI_COMMIT_* */
    uint8_t epoch_shift;    /* bit of the commit word; not used with a head */
    uint8_t type_shift, type_bits;
    /* How many lines of the other ring were read, modulo 2^ack_bits; 0 bits: not there.  In the
     * commit word, or with a head in the word of the control line at tail_offset. */
    uint8_t ack_shift, ack_bits;
    uint16_t tail_offset;
};

struct abi_channel {
    uint32_t magic, state;
    char interface[48], server[32], client[32]; /* zero-terminated */
    struct abi_ring ring[2];
    struct abi_line_layout layout;
    uint8_t reserved[8]; /* 0 */
};
_Static_assert(sizeof(struct abi_ring) == 24, "ring layout");
_Static_assert(sizeof(struct abi_line_layout) == 16, "line layout");
_Static_assert(sizeof(struct abi_channel) == 192, "channel layout");
_Static_assert(ABI_CHANNEL_FIRST_RECORD + ABI_CHANNEL_RECORDS * sizeof(struct abi_channel) == 4096,
               "records fill a page");
#endif

#endif
