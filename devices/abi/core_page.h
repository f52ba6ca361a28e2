/* SPDX-License-Identifier: MIT
 *
 * The core area: memory between one core and the machine, never seen by another core.
 *
 * Page 0 is struct abi_core_page: interrupt causes, the arguments and results of port requests,
 * and a status block that the CPU driver keeps current so that the machine can explain a hang.
 * Pages 2 and 3 are the trace ring, a flight recorder: the CPU driver always writes it (whatever
 * the verbosity, so that looking does not change what happens), the machine drains it at exits.
 * A request is one 32-bit OUT (ports.h) with its arguments in arg[]: one exit, however many words.
 */
#ifndef ABI_CORE_PAGE_H
#define ABI_CORE_PAGE_H

#include <stdint.h>

#include "capability.h"
#include "layout.h"

/* Bits of the cause word. */
#define ABI_CAUSE_TIMER (1u << 0)  /* the one-shot timer of this core expired */
#define ABI_CAUSE_NOTIFY (1u << 1) /* some bit in notify_pending[] was set */
#define ABI_CAUSE_STOP (1u << 2)   /* some word of stop[] was set */

#define ABI_NOTIFY_WORDS 64
#define ABI_NOTIFY_IDS (ABI_NOTIFY_WORDS * 64) /* notification ids of a core: 0 .. 4095 */

#define ABI_STOPS 7

struct abi_core_page {
    /* Line 0.  The machine sets bits atomically, the core exchanges with zero.  The order of the
     * machine is: pending bit, summary bit, cause bit; the core takes them in reverse. */
    uint64_t cause;          /* ABI_CAUSE_* */
    uint64_t notify_summary; /* bit i: notify_pending[i] is not zero */
    /* Written by the core: these causes are set but do not interrupt it.  The machine reads it
     * after it has set a cause.  The core that takes a bit away looks at the causes afterwards, or
     * halts: a halted core is interrupted for every cause that is not held. */
    uint64_t held; /* ABI_CAUSE_* */
    uint64_t pad0[5];

    /* Line 1.  Written by the core before a request, read by the machine at the exit. */
    uint64_t arg[8];

    /* Line 2.  Written by the machine. */
    uint64_t clock_ns; /* time since power-on, as of the last request or injected interrupt */
    uint64_t result;   /* of the last request that has one: ABI_RESULT_* */
    uint64_t late_ns;  /* answer of ABI_POWER_LATE */
    uint64_t input;    /* of the last ABI_PORT_INPUT: bytes, or ABI_INPUT_END */
    uint64_t pad2[4];

    /* Line 3.  Status block: written by the core, read by the machine when it must explain. */
    uint64_t current_dcb; /* guest-physical address of struct abi_dcb_head, 0 when idle */
    uint64_t runq_head;   /* the same, first of the run queue, 0 when empty */
    uint64_t phase;       /* ABI_PHASE_* */
    uint64_t trace_head;  /* records ever written to the trace ring */
    uint64_t databases[ABI_DATABASES]; /* virtual addresses of the words that hold the roots of its
                                        * databases of capabilities (capability.h); 0: not yet */
    uint64_t pad3[2];

    /* Line 4.  Faults on purpose: zero unless a scenario asks for them.  The machine writes. */
    uint64_t watch; /* bit n: the core tells of system call n before it acts (ABI_PORT_WATCH) */
    uint64_t stop[ABI_STOPS]; /* guest-physical addresses of struct abi_dcb_head: these dispatchers
                               * end here and now, as by a fault of their own.  The core exchanges
                               * with zero, and passes over what is no dispatcher of its */

    uint64_t pad4[24]; /* up to 512 bytes */

    /* Notifications: bit b of word w is id 64 * w + b. */
    uint64_t notify_pending[ABI_NOTIFY_WORDS];
};

_Static_assert(sizeof(struct abi_core_page) == 1024, "core page layout");

/* System calls as rules of faults name them: name, number. */
#define ABI_SYSCALLS(X) \
    X(invoke, 0)        \
    X(yield, 1)         \
    X(lrpc, 2)          \
    X(debug, 3)         \
    X(reboot, 4)        \
    X(nop, 5)           \
    X(print, 6)         \
    X(getchar, 7)       \
    X(suspend, 10)

#define ABI_PHASE_NONE 0    /* not started */
#define ABI_PHASE_KERNEL 1  /* the CPU driver sets itself up */
#define ABI_PHASE_RUNNING 2 /* dispatches */
#define ABI_PHASE_IDLE 3    /* nothing runnable */
#define ABI_PHASE_PANIC 4

#define ABI_RESULT_OK 0
#define ABI_RESULT_NO_SUCH_CORE 1
#define ABI_RESULT_CORE_RUNNING 2
#define ABI_RESULT_BAD_ADDRESS 3
#define ABI_RESULT_BAD_REQUEST 4
#define ABI_RESULT_NO_WAY 5

/* The first bytes of every dispatcher control block, so that the machine can name dispatchers. */
struct abi_dcb_head {
    char name[16];       /* zero-terminated */
    uint64_t runq_next;  /* guest-physical address of the next in the run queue, 0 at the end */
    uint64_t disp_frame; /* guest-physical address of the dispatcher frame; its first uint32_t is
                         * the dispatcher's own "disabled" word */
    uint32_t domain_id;
    uint32_t disabled; /* the CPU driver's view at the last entry */
    uint64_t cr3;      /* of its address space, 0: it has none */
};

_Static_assert(sizeof(struct abi_dcb_head) == 48, "dcb head layout");

/* ---- trace ring ---- */

#define ABI_TRACE_RING_OFFSET 0x2000 /* in the core area */
#define ABI_TRACE_RECORDS 512        /* 16 bytes each, a power of two */

struct abi_trace_record {
    uint64_t what; /* kind in bits 0-7, a in 8-15, b in 16-23, c in 24-31, d in 32-63 */
    uint64_t arg;
};

/* Kinds: name, number, meaning of the fields. */
#define ABI_TRACE_KINDS(X)                                            \
    X(SYSCALL, 1, "a=number b=type c=command d=cptr; arg=dcb")        \
    X(SYSRET, 2, "d=low 32 bits of error; arg=dcb")                   \
    X(UPCALL, 3, "a=ABI_UPCALL_*, of LRPC the rest as LMP; arg=dcb")  \
    X(RESUME, 4, "arg=dcb")                                           \
    X(INTERRUPT, 5, "a=causes; arg=interrupted dcb or 0")             \
    X(FAULT, 6, "a=vector d=error code; arg=faulting address or rip") \
    X(IDLE, 7, "")                                                    \
    X(NOTIFY, 8, "d=target core << 16 | id; arg=dcb")                 \
    X(LMP, 9, "a=flags b,c=low 16 bits of the first word d=endpoint | words; arg=receiver's dcb")

/* A message that who runs has sent on this core, in place of the system call's record.  The
 * endpoint is an offset in the receiver's dispatcher frame, a multiple of 16 (wait_table.h says
 * what lies before it); the payload has up to 15 words. */
#define ABI_LMP_MORE 0x10      /* flag: the next one delivered there continues this message */
#define ABI_LMP_BY_KERNEL 0x80 /* flag: no system call, and the first word means nothing */
#define ABI_LMP_WORDS(d) ((d)&15)
#define ABI_LMP_ENDPOINT(d) ((d) & ~15u)

enum abi_trace_kind {
#define X(name, number, text) ABI_TRACE_##name = number,
    ABI_TRACE_KINDS(X)
#undef X
};

#define ABI_UPCALL_RUN 0
#define ABI_UPCALL_PAGEFAULT 1
#define ABI_UPCALL_PAGEFAULT_DISABLED 2
#define ABI_UPCALL_TRAP 3
#define ABI_UPCALL_LRPC 4

#endif
