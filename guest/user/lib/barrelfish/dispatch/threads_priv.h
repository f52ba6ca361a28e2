/* SPDX-License-Identifier: MIT
 *
 * Threads: the control block.  Library only; touched disabled, or by the thread itself.
 */
#ifndef THREADS_PRIV_H
#define THREADS_PRIV_H

#include <barrelfish/dispatcher.h>
#include <barrelfish/threads.h>

#ifndef HOST_TEST
#include <sys/reent.h>
#endif

enum thread_state {
    THREAD_RUNNABLE, /* in the run queue */
    THREAD_BLOCKED,  /* in the queue `queue` points to, or in none */
    THREAD_PAUSED,
    THREAD_EXITED,
};

#define THREAD_STACK_CANARY 0x5afe57ac5afe57acull

struct thread {
    struct registers_x86_64 regs; /* when it does not run; see full_state */
    struct thread *next, *prev;   /* ring of the queue it is in */
    struct thread **queue;        /* blocked: that queue's head, or NULL */
    dispatcher_handle_t handle;   /* dispatcher it lives on; only in that one's address space */
    coreid_t core;                /* of that dispatcher */
    struct thread *arrives_next;  /* on its way to its dispatcher (spanned.h) */
    enum thread_state state;
    bool full_state; /* regs has all registers and the FPU image: it was preempted */
    bool detached;
    bool joining;
    bool pause_pending;
    bool is_new_here; /* its dispatcher has not seen it yet */
    uint8_t calls;    /* that wait, each in a handler on top of the one before */
    uint32_t id;
    void *wakeup_reason;
    int exit_status;
    struct thread *exit_waiter; /* queue: who joins it */

    void *stack; /* lowest address */
    size_t stack_bytes;
    void *memory; /* region with stack, TLS and this block; NULL: static */
    size_t memory_bytes;
    struct _reent *reent;
    void *tls_keys[MAX_TLS];

    exception_handler_fn exception_handler;
    void *exception_stack, *exception_stack_top;
    bool in_exception;
    bool is_paging; /* serves a page fault of its own */

    struct waitset_chanstate *wait_channel; /* wait_for_channel is waiting for it */
    struct abi_wait_thread *note;           /* what it waits for, told to the machine; or NULL */
    uint32_t token;                         /* the reply wait_for_channel must carry; 0: any */
};

/* Queues are rings; *queue is the first. */
void thread_enqueue(struct thread *thread, struct thread **queue);
void thread_dequeue(struct thread *thread, struct thread **queue);

/* A thread of the dispatcher on `core`, which does not run yet; NULL: out of memory. */
struct thread *thread_new(dispatcher_handle_t handle, coreid_t core, thread_func_t start, void *arg,
                          size_t stack_bytes);

/* thread_block_disabled for the queue of an object that all dispatchers of the domain share: the
 * caller holds spanned_lock(), and this gives it back. */
void *thread_block_shared(dispatcher_handle_t handle, struct thread **queue);

/* The first thread of a dispatcher, on static memory. */
struct thread *thread_init_first(dispatcher_handle_t handle, thread_func_t start, void *arg);

void thread_make_runnable_disabled(dispatcher_handle_t handle, struct thread *thread);

/* Makes the current thread, whose registers are in `regs`, continue in function(arg) on a stack. */
void thread_redirect(struct registers_x86_64 *regs, void *stack_top, void (*function)(void *),
                     void *arg);

/* As domain_thread_move_to(). */
errval_t thread_move_to(struct thread *thread, coreid_t core);

/* Start-up: `map` maps memory for threads, *got >= bytes, to write and read. */
void thread_set_memory(errval_t (*map)(void **ret, size_t bytes, size_t *got));

#endif
