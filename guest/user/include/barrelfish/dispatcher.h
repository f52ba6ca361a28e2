/* SPDX-License-Identifier: MIT
 *
 * The private part of a dispatcher, behind struct dispatcher_shared in its frame, and the frame's
 * layout.  Library code only; touch it disabled.
 */
#ifndef BARRELFISH_DISPATCHER_H
#define BARRELFISH_DISPATCHER_H

/* What assembly must know of struct dispatcher_frame, which is checked below. */
#define DISP_TRAP_STACK_TOP 0x5000
#define DISP_UPCALL_STACK_TOP 0x9000

#define DISP_LINE_BYTES 1024

#ifndef __ASSEMBLER__
#include <abi/report.h>
#include <abi/wait_table.h>
#include <barrelfish/core_state.h>
#include <barrelfish/dispatch.h>
#include <barrelfish/lmp_endpoints.h>

struct deferred_event;
struct doorbell;
struct disp_sources; /* dispatch/sources.h */
struct lmp_chan;
struct ump_chan;
struct ump_checked;

/* The longest holds buffers of 512 KiB and more: none is so large. */
#define LMP_ENDPOINT_FREE_LISTS 16

struct dispatcher_generic {
    struct thread *current; /* runs, or ran when we were preempted; NULL: none */
    struct thread *runq;    /* ring of runnable threads, `current` among them */
    struct thread *leaving; /* has just given up the core, for good here; or NULL */
    void (*leave)(dispatcher_handle_t handle, struct thread *thread); /* the rest of that */
    const struct disp_sources *sources;
    bool current_in_area; /* the state of `current` is in the enabled save area */
    uint32_t timeslice;   /* run upcalls seen */
    uint32_t fault_depth; /* faults being reported: more than one means give up */
    uint32_t heap_used;   /* offset of the first unused byte of the endpoint heap */
    struct lmp_endpoint *heap_free[LMP_ENDPOINT_FREE_LISTS]; /* freed endpoint buffers by size */
    struct lmp_chan *lmp_send_parked; /* ring: tried again whenever others had their turn */
    struct lmp_chan *lmp_send_paused; /* ring: tried again when their time has come */
    struct ump_chan *ump_send_parked; /* ring */
    struct waitset_chanstate *polled_channels; /* ring, of all waitsets */
    struct waitset_chanstate *dozing_channels; /* ring: to be looked at after a notification */
    struct waitset_chanstate *ready_channel;   /* waitset_chan_make_ready_disabled; NULL: none */
    struct deferred_event *deferred_events;    /* by time */
    uint32_t ump_armed;                        /* wake flags are set */
    uint32_t console_used;                     /* bytes in the console buffer */
    uint32_t barren_runs; /* in a row: run upcalls while asleep that brought nothing */
    uint64_t idle_polls;  /* statistics: rounds of idle polling, sleeps */
    uint64_t sleeps;
    bool ump_looks_again;    /* there is a checked channel, or: */
    uint64_t ump_recheck_ns; /* where notifications may be lost: look that often; 0: they are not */
    struct ump_checked *ump_checked; /* list of all checked channels */
    struct doorbell *doorbells;      /* list, and how often it had been notified when they rang */
    uint32_t doorbell_rang;
    struct core_state *core_state;
};

/* The whole frame.  Nobody chooses an offset: what is new becomes a member, and the compiler says
 * where it lies, that nothing else does, and whether room is left. */
#define DISP_SMALL_PARTS_BYTES 0x3000
struct dispatcher_frame {
    union {
        struct {
            struct dispatcher_shared shared;
            struct dispatcher_generic generic __attribute__((aligned(64)));
            uint8_t kernel_buffer[DISP_KERNEL_BUFFER_BYTES] __attribute__((aligned(64)));
            char print_buffer[DISP_LINE_BYTES];   /* one line being printed */
            char console_buffer[DISP_LINE_BYTES]; /* the line printf is collecting */
            struct abi_report report __attribute__((aligned(64)));
        };
        uint8_t small_parts[DISP_SMALL_PARTS_BYTES];
    };
    uint8_t trap_stack[0x2000]; /* faults while disabled */
    uint8_t upcall_stack[0x4000];
    struct abi_wait_table wait_table __attribute__((aligned(0x1000))); /* for the machine */
    uint8_t endpoint_heap[] __attribute__((aligned(0x1000)));          /* to the end */
};

#define DISP_PRIVATE_OFFSET offsetof(struct dispatcher_frame, generic)
#define DISP_KERNEL_BUFFER_OFFSET offsetof(struct dispatcher_frame, kernel_buffer)
#define DISP_PRINT_BUFFER_OFFSET offsetof(struct dispatcher_frame, print_buffer)
#define DISP_CONSOLE_BUFFER_OFFSET offsetof(struct dispatcher_frame, console_buffer)
#define DISP_REPORT_OFFSET offsetof(struct dispatcher_frame, report)
#define DISP_WAIT_TABLE_OFFSET offsetof(struct dispatcher_frame, wait_table)
#define DISP_ENDPOINT_HEAP_OFFSET offsetof(struct dispatcher_frame, endpoint_heap)

_Static_assert(offsetof(struct dispatcher_frame, shared) == 0, "the kernel finds its part there");
_Static_assert(offsetof(struct dispatcher_frame, trap_stack) == DISP_SMALL_PARTS_BYTES,
               "no room for the small parts");
_Static_assert(offsetof(struct dispatcher_frame, upcall_stack) == DISP_TRAP_STACK_TOP,
               "the trap stack ends where the upcall stack begins");
_Static_assert(DISP_WAIT_TABLE_OFFSET == DISP_UPCALL_STACK_TOP, "the upcall stack ends there");
_Static_assert(DISP_WAIT_TABLE_OFFSET == ABI_WAIT_OFFSET, "the machine looks for it there");
_Static_assert(DISP_ENDPOINT_HEAP_OFFSET + (64 << 10) <= DISPATCHER_FRAME_BYTES,
               "room for endpoint buffers");

#ifndef HOST_TEST
static inline struct dispatcher_generic *get_dispatcher_generic(dispatcher_handle_t handle)
{
    return (struct dispatcher_generic *)(handle + DISP_PRIVATE_OFFSET);
}
#endif

/* Counters of the library itself: the first records of every dispatcher's block. */
enum disp_counter {
    DISP_UMP_MESSAGES,    /* lines of messages written, acknowledgements not counted */
    DISP_UMP_ACKS,        /* lines that only acknowledge */
    DISP_UMP_WAKEUPS,     /* notifications sent to a peer that slept */
    DISP_UMP_RETRANSMITS, /* of checked channels: lines written again because nothing came back */
    DISP_UMP_DAMAGED,     /* and lines that did not pass their check, each time one was looked at */
    DISP_COUNTERS
};

static inline void disp_count_more(dispatcher_handle_t handle, enum disp_counter counter,
                                   uint64_t more)
{
    ((struct abi_report *)(handle + DISP_REPORT_OFFSET))->record[counter].value += more;
}

static inline void disp_count(dispatcher_handle_t handle, enum disp_counter counter)
{
    disp_count_more(handle, counter, 1);
}

static inline struct core_state *get_core_state(void)
{
    return get_dispatcher_generic(curdispatcher())->core_state;
}

/* Upcalls and transitions: arch/x86_64. */
void disp_run_entry(void);
void disp_pagefault_entry(void);
void disp_pagefault_disabled_entry(void);
void disp_trap_entry(void);
void disp_lrpc_entry(void);
extern char disp_resume_begin[], disp_resume_end[]; /* critical range */
/* Runs `regs` enabled; full: with the FPU state, else with control words only. */
void disp_resume(struct registers_x86_64 *regs, dispatcher_handle_t handle, bool full)
    __attribute__((noreturn));
void disp_resume_full(struct registers_x86_64 *regs, dispatcher_handle_t handle)
    __attribute__((noreturn));
/* Saves the caller (as a function call does) and runs disp_schedule on the upcall stack; comes
 * back, enabled, when somebody resumes `save`. */
void disp_save_and_schedule(struct registers_x86_64 *save, dispatcher_handle_t handle);
/* As above, but gives the core away: cptr of a dispatcher or endpoint to run next, or 0. */
void disp_save_and_yield(struct registers_x86_64 *save, dispatcher_handle_t handle,
                         capaddr_t target);

/* Makes the block of counters, with those of the library, and tells the machine of it
 * (report.c). */
void report_init_disabled(dispatcher_handle_t handle);

/* Fills in the frame at start-up; `sources` stay. */
void disp_init_disabled(dispatcher_handle_t handle, const struct disp_sources *sources);

/* Chooses the next thread and runs it; sleeps if there is none.  Disabled, on the upcall stack. */
void disp_schedule(dispatcher_handle_t handle) __attribute__((noreturn));

/* Upcalls, called from arch/x86_64/dispatch.S. */
void disp_run(dispatcher_handle_t handle) __attribute__((noreturn));
void disp_pagefault(dispatcher_handle_t handle, lvaddr_t address, uint64_t error, lvaddr_t rip)
    __attribute__((noreturn));
void disp_pagefault_disabled(dispatcher_handle_t handle, lvaddr_t address, uint64_t error,
                             lvaddr_t rip) __attribute__((noreturn));
void disp_trap(dispatcher_handle_t handle, uint64_t vector, uint64_t error, lvaddr_t rip)
    __attribute__((noreturn));
void disp_lrpc(dispatcher_handle_t handle, uint64_t endpoint, uint64_t where, uint64_t word0,
               uint64_t word1, uint64_t word2, uint64_t word3) __attribute__((noreturn));
void disp_yield_now(dispatcher_handle_t handle, capaddr_t target) __attribute__((noreturn));

/* Checks everything that can make a thread runnable; the second form leaves out polled channels. */
void disp_check_events_disabled(dispatcher_handle_t handle);
void disp_check_unpolled_disabled(dispatcher_handle_t handle);
#endif

#endif
