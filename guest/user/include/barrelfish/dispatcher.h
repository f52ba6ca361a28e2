/* SPDX-License-Identifier: MIT
 *
 * The private part of a dispatcher, behind struct dispatcher_shared in its frame, and the frame's
 * layout.  Library code only; touch it disabled.
 */
#ifndef BARRELFISH_DISPATCHER_H
#define BARRELFISH_DISPATCHER_H

/* The frame: shared part, private part, buffers, stacks, endpoint buffers. */
#define DISP_PRIVATE_OFFSET 0x900
#define DISP_KERNEL_BUFFER_OFFSET 0x1c00
#define DISP_PRINT_BUFFER_OFFSET 0x1e00   /* one line being printed */
#define DISP_CONSOLE_BUFFER_OFFSET 0x2200 /* the line printf is collecting */
#define DISP_LINE_BYTES 1024
#define DISP_TRAP_STACK_OFFSET 0x3000 /* faults while disabled */
#define DISP_TRAP_STACK_TOP 0x5000
#define DISP_UPCALL_STACK_TOP 0x9000
#define DISP_ENDPOINT_HEAP_OFFSET 0x9000

#ifndef __ASSEMBLER__
#include <barrelfish/core_state.h>
#include <barrelfish/dispatch.h>
#include <barrelfish/lmp_endpoints.h>

struct deferred_event;
struct lmp_chan;
struct ump_chan;

#define LMP_ENDPOINT_FREE_LISTS 16

struct dispatcher_generic {
    struct thread *current;        /* runs, or ran when we were preempted; NULL: none */
    struct thread *runq;           /* ring of runnable threads, the next one first */
    uint32_t timeslice;            /* run upcalls seen */
    uint32_t fault_depth;          /* faults being reported: more than one means give up */
    struct lmp_endpoint *endpoints;         /* ring */
    uint32_t heap_used;                     /* offset of the first unused byte of the endpoint heap */
    struct lmp_endpoint *heap_free;         /* freed endpoint buffers (linked by next) */
    struct lmp_chan *lmp_send_parked;       /* ring */
    struct ump_chan *ump_send_parked;       /* ring */
    struct waitset_chanstate *polled_channels; /* ring, of all waitsets */
    struct deferred_event *deferred_events; /* by time */
    uint32_t ump_armed;                     /* wake flags are set */
    uint32_t console_used;                  /* bytes in the console buffer */
    uint64_t idle_polls;                    /* statistics: rounds of idle polling, sleeps */
    uint64_t sleeps;
    struct core_state core_state;
};

static inline struct core_state *get_core_state(void)
{
    return &get_dispatcher_generic(curdispatcher())->core_state;
}

/* Upcalls and transitions: arch/x86_64. */
void disp_run_entry(void);
void disp_pagefault_entry(void);
void disp_pagefault_disabled_entry(void);
void disp_trap_entry(void);
void disp_lrpc_entry(void);
extern char disp_resume_begin[], disp_resume_end[]; /* critical range */
void disp_resume_full(struct registers_x86_64 *regs, dispatcher_handle_t handle)
    __attribute__((noreturn));
void disp_resume_call(uint64_t rsp, uint64_t fs, dispatcher_handle_t handle)
    __attribute__((noreturn));

/* Fills in the frame at start-up. */
void disp_init_disabled(dispatcher_handle_t handle);

/* Chooses the next thread and runs it; sleeps if there is none.  Disabled, on the upcall stack. */
void disp_schedule(dispatcher_handle_t handle) __attribute__((noreturn));

/* Checks everything that can make a thread runnable. */
void disp_check_events_disabled(dispatcher_handle_t handle);
#endif

#endif
