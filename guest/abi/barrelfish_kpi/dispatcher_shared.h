/* SPDX-License-Identifier: MIT
 *
 * The part of a dispatcher that kernel and user share: the start of the dispatcher frame.
 * Source: overview 1.2, facts §4.1.  C and assembly; the offsets are checked below.
 *
 * The frame is one physically contiguous, naturally aligned Frame of DISPATCHER_FRAME_BYTES, mapped
 * at the same place in its domain for ever.  First struct dispatcher_shared, then the user
 * library's private part, then LMP endpoint buffers, which is why endpoint capabilities hold an
 * offset.
 *
 * Disabled <=> disabled != 0 or crit_pc_low <= RIP < crit_pc_high.
 */
#ifndef BARRELFISH_KPI_DISPATCHER_SHARED_H
#define BARRELFISH_KPI_DISPATCHER_SHARED_H

#define DISPATCHER_FRAME_BITS 17
#define DISPATCHER_FRAME_BYTES (1 << DISPATCHER_FRAME_BITS)

/* Save area offsets (struct registers_x86_64) */
#define SA_RAX 0
#define SA_RBX 8
#define SA_RCX 16
#define SA_RDX 24
#define SA_RSI 32
#define SA_RDI 40
#define SA_RBP 48
#define SA_RSP 56
#define SA_R8 64
#define SA_R9 72
#define SA_R10 80
#define SA_R11 88
#define SA_R12 96
#define SA_R13 104
#define SA_R14 112
#define SA_R15 120
#define SA_RIP 128
#define SA_RFLAGS 136
#define SA_FS_BASE 144
#define SA_GS_BASE 152
#define SA_FXSAVE 160
#define SA_BYTES 672

#define DISP_DISABLED 0
#define DISP_HASWORK 4
#define DISP_UDISP 8
#define DISP_CRIT_PC_LOW 112
#define DISP_CRIT_PC_HIGH 120
#define DISP_UPCALL_STACK 128
#define DISP_ENABLED_AREA 256
#define DISP_DISABLED_AREA (DISP_ENABLED_AREA + SA_BYTES)
#define DISP_TRAP_AREA (DISP_DISABLED_AREA + SA_BYTES)
#define DISP_SHARED_BYTES (DISP_TRAP_AREA + SA_BYTES)

#ifndef __ASSEMBLER__
#include <barrelfish_kpi/types.h>

/* 16-byte aligned.  FS holds the thread's TLS base, GS the dispatcher frame's address: the kernel
 * sets GS at each dispatch to udisp and does not save it. */
struct registers_x86_64 {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, eflags;
    uint64_t fs, gs;
    uint8_t fxsave_area[512];
} __attribute__((aligned(16)));

#define DISP_NAME_LEN 16 /* with the final zero */

/* w: who writes.  u = user, k = kernel */
/* How a dispatcher is scheduled (DispatcherCmd_Properties). */
enum task_type { TASK_TYPE_BEST_EFFORT, TASK_TYPE_SOFT_REALTIME, TASK_TYPE_HARD_REALTIME };

struct dispatcher_shared {
    uint32_t disabled;             /* u, k: 1 while dispatcher code runs */
    uint32_t haswork;              /* u: 1: something to do, do not sleep at yield */
    lvaddr_t udisp;                /* u (spawner): address of this frame in its own domain */
    uint32_t lmp_delivered;        /* k: words ever delivered to all endpoints of the dispatcher */
    uint32_t lmp_seen;             /* u: value of lmp_delivered when endpoints were last polled */
    lvaddr_t lmp_hint;             /* k, u: list of endpoints with new messages (see below) */
    uint32_t notified;             /* k: notifications ever received (wake-ups for UMP channels) */
    uint32_t notify_seen;          /* u: value of notified before the UMP wake flags were set */
    lvaddr_t dispatcher_run;       /* u: upcall (udisp) */
    lvaddr_t dispatcher_lrpc;      /* u: upcall, or 0 (see below) */
    lvaddr_t dispatcher_pagefault; /* u: upcall (udisp, address, error, rip) */
    lvaddr_t dispatcher_pagefault_disabled; /* u: the same */
    lvaddr_t dispatcher_trap;               /* u: upcall (udisp, vector, error, rip) */
    systime_t
        systime;      /* k: machine time at the last dispatch, ns (as of the core's last request) */
    systime_t wakeup; /* u: wake at this time, 0 = no */
    char name[DISP_NAME_LEN]; /* u (spawner) */
    uint64_t crit_pc_low;     /* u */
    uint64_t crit_pc_high;    /* u */
    lvaddr_t upcall_stack;    /* u: top of the stack on which upcalls start, 16-byte aligned */
    uint32_t curr_core_id;    /* k */
    uint32_t domain_id;       /* k, from Setup */
    uint64_t tsc_hz;          /* k */
    uint64_t getchar[1];      /* k: where GETCHAR puts the byte */
    uint64_t reserved[12];
    struct registers_x86_64 enabled_save_area;  /* k, u */
    struct registers_x86_64 disabled_save_area; /* k, u */
    struct registers_x86_64 trap_save_area;     /* k, u */
};

/* The lrpc upcall: a message of up to LRPC_MSG_WORDS words has arrived, for which the kernel has
 * reserved room in an endpoint buffer, but whose words the upcall has to store there itself, before
 * anything else. RDI = udisp, RSI = offset of the struct lmp_endpoint_kern in the frame, RDX =
 * index of its header word in the buffer << 32 | number of payload words, which are in RCX R8 R9
 * R10 (words that are not part of the message have any value). */

#define DISP_CHECK(field, offset) \
    _Static_assert(offsetof(struct dispatcher_shared, field) == (offset), #field)
DISP_CHECK(disabled, DISP_DISABLED);
DISP_CHECK(haswork, DISP_HASWORK);
DISP_CHECK(udisp, DISP_UDISP);
DISP_CHECK(crit_pc_low, DISP_CRIT_PC_LOW);
DISP_CHECK(crit_pc_high, DISP_CRIT_PC_HIGH);
DISP_CHECK(enabled_save_area, DISP_ENABLED_AREA);
DISP_CHECK(disabled_save_area, DISP_DISABLED_AREA);
DISP_CHECK(trap_save_area, DISP_TRAP_AREA);
_Static_assert(sizeof(struct registers_x86_64) == SA_BYTES, "save area");
_Static_assert(offsetof(struct registers_x86_64, rip) == SA_RIP, "save area");
_Static_assert(offsetof(struct registers_x86_64, fxsave_area) == SA_FXSAVE, "save area");
_Static_assert(sizeof(struct dispatcher_shared) == DISP_SHARED_BYTES, "dispatcher");

/* Endpoints with new messages: lmp_hint is the offset of the one that joined last, `older` in it
 * that of the one before, 0 at the end.  The kernel adds an endpoint that is not in the list when
 * it delivers there, and follows no link; the dispatcher takes the whole list at once.  (A message
 * that comes by the lrpc upcall is handed over there, and adds nothing.) */
#define LMP_IN_LIST 1 /* in `older`: so the end of the list is not 0 */

/* An LMP endpoint buffer (facts §7), 16-byte aligned, anywhere in the dispatcher frame after
 * struct dispatcher_shared.  Message: header word {bits 0-7 payload words, bit 8 capability came},
 * then the payload, wrapping word by word at buflen.  Empty when delivered == consumed; space must
 * be strictly greater than payload + 1. */
struct lmp_endpoint_kern {
    capaddr_t recv_cptr; /* u: slot (level 2 address) of the receiver's CSpace for one capability;
                          * 0: none.  k clears it when it delivered a capability there */
    uint32_t delivered;  /* k: index of the next word to write */
    uint32_t consumed;   /* u: index of the next word to read */
    uint32_t older;      /* k: LMP_IN_LIST | offset, as above; u: 0 when it has left the list */
    uint64_t buf[];
};
#define LMP_HEADER_LENGTH(header) ((header)&0xff)
#define LMP_HEADER_CAP(header) (((header) >> 8) & 1)
#define LMP_ENDPOINT_MIN_WORDS 12 /* LIB_ERR_LMP_BUFLEN_INVALID below */
#define LMP_ENDPOINT_DEFAULT_WORDS 22
#endif

#endif
