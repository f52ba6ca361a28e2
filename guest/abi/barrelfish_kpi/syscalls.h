/* SPDX-License-Identifier: MIT
 *
 * System calls (facts §3.3).  Registers: RDI number (and flags, see below), then arguments.  Result
 * in RAX (error) and RDX (value); RCX and R11 are lost, everything else is kept.
 *
 *   INVOKE  RDI = SYSCALL_INVOKE
 *           RSI = cptr << 32 | send_level << 24 | invoke_level << 16 | length_words << 8 | lmp
 *           flags
 *           RDX = cptr of a capability to send (0: none)
 *           words 0..9 in R10 R8 R9 RAX RBX RBP R12 R13 R14 R15
 *           On an EndPointLMP this is LMP send (words are the message).  On every other type word 0
 *           is the command and words 1..9 its arguments.  Levels: 2 = a capability in a L2 slot,
 *           1 = the CNode in an L1 slot, 0 = the root CNode itself.
 *   YIELD   RSI = cptr of a dispatcher or endpoint for a directed yield, or 0.  Disabled mode only.
 *   LRPC    RSI = cptr (level 2) of the endpoint, RDX = length_words <= 4, words 0..3 in R10 R8 R9
 *           RAX.
 *           A message without capability, sent with SYNC and YIELD: the same as by INVOKE, but
 *           shorter
 *   DEBUG   RSI = enum sys_debug, RDX... arguments
 *   PRINT   RSI = text, in the caller's dispatcher frame, RDX = length <= 1024, R10 = enum
 *           print_kind:
 *           one console line (no newline), or a block of counters (abi/report.h)
 *   REBOOT  RSI = cptr (level 2) of a Kernel capability: the machine ends, as one whose reset line
 *           ends its run
 *   GETCHAR RSI = cptr (level 2) of an IO capability with IO_PORT_INPUT: one byte of the console's
 *           input, INPUT_END at its end; SYS_ERR_NO_INPUT: none yet, line IRQ_LINE_INPUT is raised
 *           when there is
 *   X86_RELOAD_LDT  there is no LDT: SYS_ERR_NOT_IMPLEMENTED
 *   SUSPEND same as YIELD without target
 */
#ifndef BARRELFISH_KPI_SYSCALLS_H
#define BARRELFISH_KPI_SYSCALLS_H

#define SYSCALL_INVOKE 0
#define SYSCALL_YIELD 1
#define SYSCALL_LRPC 2
#define SYSCALL_DEBUG 3
#define SYSCALL_REBOOT 4
#define SYSCALL_NOP 5
#define SYSCALL_PRINT 6
#define SYSCALL_GETCHAR 7
#define SYSCALL_X86_RELOAD_LDT 9
#define SYSCALL_SUSPEND 10
#define SYSCALL_COUNT 11

#define LMP_FLAG_SYNC (1 << 0)     /* on success the receiver runs at once */
#define LMP_FLAG_YIELD (1 << 1)    /* on transient failure the receiver runs at once */
#define LMP_FLAG_GIVEAWAY (1 << 2) /* the sent capability leaves the sender's slot */
#define LMP_FLAG_IDENTIFY (1 << 3)
#define LMP_FLAG_MORE (1 << 4) /* for the flight recorder: the next message continues this one */
/* What a peer gave as its endpoint may be anything, and then the words of a message would be a
 * command on it, with the sender's authority.  With this bit: SYS_ERR_LRPC_NOT_ENDPOINT. */
#define LMP_FLAG_MESSAGE (1 << 5)
/* The CPU driver's own: an invocation that is more than one entry's work is made again, from the
 * same instruction, with this bit set, and how far it has got in RDX. */
#define INVOKE_AGAIN (1 << 7)

#define LMP_MSG_WORDS 10 /* payload of one LMP message */
#define LRPC_MSG_WORDS 4 /* of one sent by LRPC */

#define DEBUG_CLOCK_NS 0      /* -> value: machine time in ns */
#define DEBUG_TSC_HZ 1        /* -> value */
#define DEBUG_CORE_ID 2       /* -> value */
#define DEBUG_SYSCALL_COUNT 3 /* -> value: system calls served by this core */
#define DEBUG_EXIT 4          /* the calling dispatcher stops for good; the monitor is told */
#define DEBUG_MDB_SIZE 5      /* -> value: capabilities of this core */

#define PRINT_LINE 0   /* console */
#define PRINT_TRACE 1  /* shown with -v only */
#define PRINT_REPORT 2 /* no text: the dispatcher's struct abi_report, which the machine looks at */

#ifndef __ASSEMBLER__
#include <barrelfish_kpi/types.h>

struct kernel_stats {
    uint64_t syscalls, lmp_messages, dispatches, interrupts, notifications_sent,
        notifications_received;
    uint64_t pagefaults, traps;
};
#endif

#endif
