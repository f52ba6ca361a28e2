/* SPDX-License-Identifier: MIT
 *
 * Threads of one dispatcher and their synchronisation (facts §2.2).  Scheduled round-robin by the
 * dispatcher at each run upcall: preemptive within the dispatcher, invisible to the kernel.
 */
#ifndef BARRELFISH_THREADS_H
#define BARRELFISH_THREADS_H

#include <barrelfish/caddr.h>
#include <barrelfish/dispatch.h>
#include <errors/errno.h>

struct thread;
struct waitset_chanstate;
typedef int (*thread_func_t)(void *arg);

#define THREADS_DEFAULT_STACK_BYTES (64 * 1024)
#define MAX_TLS 16

/* A thread that runs start(arg) when its turn comes; its stack is of THREADS_DEFAULT_STACK_BYTES or
 * of stack_bytes (at least 4096), and its end is thread_exit() or the return of `start`.  NULL when
 * out of memory, also if no machine has so much.  Who creates it joins or detaches it; till then
 * its memory stays.  May allocate (and so talk to mem_serv). */
struct thread *thread_create(thread_func_t start, void *arg);
struct thread *thread_create_varstack(thread_func_t start, void *arg, size_t stack_bytes);

/* Blocks until the thread has ended, gives what it returned (retval may be NULL), and frees it.
 * Once for each thread.  LIB_ERR_THREAD_JOIN_DETACHED: it is detached, or somebody joins it
 * already. */
errval_t thread_join(struct thread *thread, int *retval);
/* Nobody will join it: it is freed after its end.  Same error. */
errval_t thread_detach(struct thread *thread);
/* Has it ended?  Of a thread that is not freed yet, so not detached. */
bool thread_exited(const struct thread *thread);
/* Ends the calling thread; the last one's end is not the domain's. */
void thread_exit(int status) __attribute__((noreturn));

/* Lets the other runnable threads of the dispatcher run; returns at once if there are none. */
void thread_yield(void);
/* Gives the core to another dispatcher: that of an endpoint or Dispatcher capability, if it can
 * run, or with NULL_CAP the next in turn.  The calling thread stays runnable. */
void thread_yield_dispatcher(struct capref endpoint);

struct thread *thread_self(void);
uintptr_t thread_id(void); /* of the caller; never 0, never used again */
uintptr_t thread_get_id(const struct thread *thread);

/* Takes a thread out of the run queue until thread_resume(); one that is blocked is paused when it
 * would run again.  The caller may pause itself.  Pauses do not count. */
void thread_pause(struct thread *thread);
void thread_resume(struct thread *thread);

/* Mutexes go to who has waited longest.  The holder must not lock again, but with lock_nested,
 * which it unlocks as often.  All but trylock and unlock block the calling thread; none may be
 * called while disabled. */

struct thread_mutex {
    volatile int locked; /* nesting depth */
    struct thread *holder;
    struct thread *queue;
};
#define THREAD_MUTEX_INITIALIZER                   \
    {                                              \
        .locked = 0, .holder = NULL, .queue = NULL \
    }
void thread_mutex_init(struct thread_mutex *mutex);
void thread_mutex_lock(struct thread_mutex *mutex);
void thread_mutex_lock_nested(struct thread_mutex *mutex);
bool thread_mutex_trylock(struct thread_mutex *mutex); /* false: taken, also by the caller */
void thread_mutex_unlock(struct thread_mutex *mutex);

/* Condition variables: wait unlocks the mutex (locked once, by the caller), blocks until signal or
 * broadcast, and returns with the mutex locked again.  Nothing is remembered: a signal that nobody
 * waits for is lost. */
struct thread_cond {
    struct thread *queue;
};
#define THREAD_COND_INITIALIZER \
    {                           \
        .queue = NULL           \
    }
void thread_cond_init(struct thread_cond *cond);
void thread_cond_wait(struct thread_cond *cond, struct thread_mutex *mutex);
void thread_cond_signal(struct thread_cond *cond);
void thread_cond_broadcast(struct thread_cond *cond);

/* Semaphores: wait blocks while the value is 0, and takes one; post gives one, to the longest
 * waiting. */
struct thread_sem {
    volatile unsigned value;
    struct thread *queue;
};
#define THREAD_SEM_INITIALIZER    \
    {                             \
        .value = 0, .queue = NULL \
    }
void thread_sem_init(struct thread_sem *sem, unsigned value);
void thread_sem_wait(struct thread_sem *sem);
bool thread_sem_trywait(struct thread_sem *sem);
void thread_sem_post(struct thread_sem *sem);

/* Runs function() in the first caller of all; the others wait until it has returned. */
typedef struct {
    volatile int state; /* 0 not run, 1 running, 2 done */
    struct thread_mutex mutex;
} thread_once_t;
#define THREAD_ONCE_INIT                              \
    {                                                 \
        .state = 0, .mutex = THREAD_MUTEX_INITIALIZER \
    }
void thread_once(thread_once_t *control, void (*function)(void));

/* One word of the calling thread for each key, NULL at first; not freed with the thread. */
void thread_set_tls(void *data);
void *thread_get_tls(void);
void thread_set_tls_key(int key, void *data); /* key < MAX_TLS; 0 is thread_set_tls's */
void *thread_get_tls_key(int key);

/* Exceptions of a thread in enabled mode.  The handler runs on the thread, on the stack given (or a
 * default one), and the thread continues with the registers it leaves behind, the FPU's among
 * them. */
enum exception_type {
    EXCEPT_NULL,
    EXCEPT_PAGEFAULT, /* subtype: enum pagefault_exception_type */
    EXCEPT_DIVIDE,
    EXCEPT_BREAKPOINT,
    EXCEPT_SINGLESTEP,
    EXCEPT_OTHER, /* subtype: vector */
};
enum pagefault_exception_type { PAGEFLT_NULL, PAGEFLT_READ, PAGEFLT_WRITE, PAGEFLT_EXEC };
typedef struct registers_x86_64 arch_registers_state_t;
typedef void (*exception_handler_fn)(enum exception_type type, int subtype, void *addr,
                                     arch_registers_state_t *regs);
/* old_* may be NULL.  handler NULL: none. */
errval_t thread_set_exception_handler(exception_handler_fn handler,
                                      exception_handler_fn *old_handler, void *new_stack_base,
                                      void *new_stack_top, void **old_stack_base,
                                      void **old_stack_top);

/* For stubs.  A call waits for its reply and serves events meanwhile, whose handlers may call in
 * turn.  So many may wait on one stack; false: no more. */
#define THREAD_CALLS_MAX 24
bool thread_begin_call(void);
void thread_end_call(void);

/* --- for the library ------------------------------------------------------------------------- */

/* Blocks the calling thread on a queue; returns enabled.  The reason is what the waker gave. */
void *thread_block_disabled(dispatcher_handle_t handle, struct thread **queue);
/* Takes the first thread of a queue and makes it runnable. */
struct thread *thread_unblock_one_disabled(dispatcher_handle_t handle, struct thread **queue,
                                           void *reason);
void thread_unblock_disabled(dispatcher_handle_t handle, struct thread **queue,
                             struct thread *thread, void *reason);

#endif
