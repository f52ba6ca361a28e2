/* SPDX-License-Identifier: MIT
 *
 * Threads: creation, end, what they do with exceptions (facts §2.2, §4.2).
 *
 * One region holds, from low to high addresses: stack, TLS block, thread control block; nothing is
 * mapped below it, so a stack that grows too large faults.  Regions of threads that are gone are
 * kept for the next ones: mapping costs system calls, and RAM is never given back.  Who maps stands
 * above this file and hands a function in.  A thread's memory cannot be freed while it still runs
 * on it, so the last step of an exit happens on the upcall stack: the thread is put on the dead
 * list's place (`zombie`) and freed by whoever creates or joins next.  Joined threads are freed by
 * the joiner.
 */
#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <errno.h>
#include <reent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spanned.h"
#include "threads_priv.h"
#include "wait_note.h"

extern char __tls_start[], __tls_init_end[], __tls_bytes[], __tls_align[];
void thread_entry(void);

#define THREAD_STACK_MAX_BYTES (1ul << 40) /* no machine has more */
#define TLS_TCB_BYTES 64 /* FS points at this; its first word is its own address */

static uint32_t last_thread_id;

/* As the linker counts: variables lie at fixed offsets below FS. */
static size_t tls_bytes(void)
{
    size_t align = (size_t)__tls_align < 1 ? 1 : (size_t)__tls_align;

    return ROUND_UP((size_t)__tls_bytes, align);
}

/* Lays out TLS and first frame below `top`; `bottom` is the lowest address of the stack. */
static void set_up(struct thread *thread, dispatcher_handle_t handle, char *bottom, char *top,
                   thread_func_t start, void *arg, void (*first)(void))
{
    size_t align = (size_t)__tls_align < 64 ? 64 : (size_t)__tls_align;
    char *tcb = (char *)ROUND_DOWN((lvaddr_t)top - TLS_TCB_BYTES, align);
    char *tls = tcb - tls_bytes();
    size_t init = (size_t)(__tls_init_end - __tls_start);

    memcpy(tls, __tls_start, init);
    memset(tls + init, 0, (size_t)(tcb - tls) - init);
    *(void **)tcb = tcb;

    thread->handle = handle;
    thread->id = __atomic_add_fetch(&last_thread_id, 1, __ATOMIC_RELAXED);
    thread->stack = bottom;
    thread->stack_bytes = (size_t)(tls - bottom);
    *(uint64_t *)bottom = THREAD_STACK_CANARY;
    thread->regs.fs = (uint64_t)tcb;
    thread->regs.rsp = ROUND_DOWN((lvaddr_t)tls, 16);
    thread->regs.rip = (lvaddr_t)thread_entry;
    thread->regs.eflags = 0x202;
    thread->regs.rdi = (lvaddr_t)start;
    thread->regs.rsi = (lvaddr_t)first;
    *(uint16_t *)&thread->regs.fxsave_area[0] = 0x37f;
    *(uint32_t *)&thread->regs.fxsave_area[24] = 0x1f80;
    thread->wakeup_reason = arg; /* until thread_main fetches it */
}

/* The first C function of every thread; its argument is the thread's function. */
static void thread_main(thread_func_t start)
{
    struct thread *me = thread_self();

    thread_exit(start(me->wakeup_reason));
}

struct thread *thread_init_first(dispatcher_handle_t handle, thread_func_t start, void *arg)
{
    static struct thread first;
    static char stack[THREADS_DEFAULT_STACK_BYTES]
        __attribute__((aligned(64), section(".stack,\"aw\",@progbits#")));

    first.reent = _GLOBAL_REENT;
    set_up(&first, handle, stack, stack + sizeof(stack), start, arg, (void (*)(void))thread_main);
    first.core = (coreid_t)get_dispatcher_shared(handle)->curr_core_id;
    first.state = THREAD_RUNNABLE;
    thread_enqueue(&first, &get_dispatcher_generic(handle)->runq);
    wait_note_begin(handle, &first);
    return &first;
}

/* ---- regions of threads ---- */

/* A region that no thread lives in; lies at its start. */
struct free_region {
    struct free_region *next;
    size_t bytes;
};

static struct free_region *free_regions;
static errval_t (*map_memory)(void **ret, size_t bytes, size_t *got); /* NULL: nobody can, yet */

void thread_set_memory(errval_t (*map)(void **ret, size_t bytes, size_t *got))
{
    assert(map != NULL && (map_memory == NULL || map_memory == map));
    map_memory = map;
}

/* `bytes` is a multiple of the page size; *got may be up to twice that.  NULL: out of memory. */
static char *region_take(size_t bytes, size_t *got)
{
    dispatcher_handle_t handle = disp_disable();
    spanned_lock();
    struct free_region **link = &free_regions;

    while (*link != NULL && ((*link)->bytes < bytes || (*link)->bytes > 2 * bytes))
        link = &(*link)->next;
    struct free_region *region = *link;
    if (region != NULL)
        *link = region->next;
    spanned_unlock();
    disp_enable(handle);
    if (region != NULL) {
        *got = region->bytes;
        return (char *)region;
    }
    void *memory;
    return map_memory != NULL && err_is_ok(map_memory(&memory, bytes, got)) ? memory : NULL;
}

static void region_give(void *memory, size_t bytes)
{
    struct free_region *region = memory;
    dispatcher_handle_t handle = disp_disable();

    spanned_lock();
    region->next = free_regions;
    region->bytes = bytes;
    free_regions = region;
    spanned_unlock();
    disp_enable(handle);
}

static void thread_free(struct thread *thread)
{
    int saved_errno = errno; /* closing its streams may set ours */

    if (thread->reent != NULL && thread->reent != _GLOBAL_REENT) {
        _reclaim_reent(thread->reent);
        free(thread->reent);
    }
    errno = saved_errno;
    if (thread->memory != NULL)
        region_give(thread->memory, thread->memory_bytes);
}

/* A detached thread that has ended and still waits to be freed. */
static struct thread *zombies;

static void free_zombies(void)
{
    dispatcher_handle_t handle = disp_disable();
    spanned_lock();
    struct thread *thread = zombies;

    zombies = NULL;
    spanned_unlock();
    disp_enable(handle);
    while (thread != NULL) {
        struct thread *next = thread->next;

        thread_free(thread);
        thread = next;
    }
}

struct thread *thread_new(dispatcher_handle_t handle, coreid_t core, thread_func_t start, void *arg,
                          size_t stack_bytes)
{
    size_t stack = stack_bytes < BASE_PAGE_SIZE ? BASE_PAGE_SIZE : stack_bytes;
    size_t above = ROUND_UP(tls_bytes() + TLS_TCB_BYTES + 2 * (size_t)__tls_align, 64);
    size_t block = ROUND_UP(sizeof(struct thread), 64), bytes;

    free_zombies();
    if (stack > THREAD_STACK_MAX_BYTES)
        return NULL;
    struct _reent *reent = malloc(sizeof(*reent));
    char *memory =
        reent == NULL ? NULL : region_take(ROUND_UP(stack + above + block, BASE_PAGE_SIZE), &bytes);
    if (memory == NULL) {
        free(reent);
        return NULL;
    }
    struct thread *thread = (struct thread *)(memory + bytes - block);

    memset(thread, 0, sizeof(*thread));
    _REENT_INIT_PTR(reent);
    thread->reent = reent;
    thread->memory = memory;
    thread->memory_bytes = bytes;
    thread->core = core;
    thread->is_new_here = true;
    set_up(thread, handle, memory, (char *)thread, start, arg, (void (*)(void))thread_main);
    return thread;
}

struct thread *thread_create_varstack(thread_func_t start, void *arg, size_t stack_bytes)
{
    struct thread *thread =
        thread_new(curdispatcher(), disp_get_core_id(), start, arg, stack_bytes);

    if (thread == NULL)
        return NULL;
    dispatcher_handle_t handle = disp_disable();
    thread->is_new_here = false;
    wait_note_begin(handle, thread);
    thread_make_runnable_disabled(handle, thread);
    disp_enable(handle);
    return thread;
}

struct thread *thread_create(thread_func_t start, void *arg)
{
    return thread_create_varstack(start, arg, THREADS_DEFAULT_STACK_BYTES);
}

/* On the upcall stack: whoever joins it may free its own. */
static void end_disabled(dispatcher_handle_t handle, struct thread *thread)
{
    spanned_lock();
    thread->state = THREAD_EXITED;
    if (thread->detached) {
        thread->next = zombies;
        zombies = thread;
    }
    while (thread_unblock_one_disabled(handle, &thread->exit_waiter, NULL) != NULL) {
    }
    spanned_unlock();
}

void thread_exit(int status)
{
    struct thread *me = thread_self();

    if (me->reent != _GLOBAL_REENT)
        fflush(stdout);
    dispatcher_handle_t handle = disp_disable();
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    thread_dequeue(me, &disp->runq);
    wait_note_end(handle, me);
    me->exit_status = status;
    assert(disp->leaving == NULL);
    disp->leaving = me;
    disp->leave = end_disabled;
    disp->current = NULL;
    disp_save_and_schedule(&me->regs, handle);
    __builtin_unreachable();
}

errval_t thread_join(struct thread *thread, int *retval)
{
    dispatcher_handle_t handle = disp_disable();

    spanned_lock();
    if (thread->detached || thread->joining) {
        spanned_unlock();
        disp_enable(handle);
        return LIB_ERR_THREAD_JOIN_DETACHED;
    }
    thread->joining = true;
    if (thread->state != THREAD_EXITED) {
        wait_note_block(handle, ABI_WAIT_JOIN, thread, thread->id, __builtin_return_address(0));
        thread_block_shared(handle, &thread->exit_waiter);
    } else {
        spanned_unlock();
        disp_enable(handle);
    }
    if (retval != NULL)
        *retval = thread->exit_status;
    thread_free(thread);
    return SYS_ERR_OK;
}

errval_t thread_detach(struct thread *thread)
{
    dispatcher_handle_t handle = disp_disable();
    spanned_lock();
    bool ended = thread->state == THREAD_EXITED;

    if (thread->detached || thread->joining) {
        spanned_unlock();
        disp_enable(handle);
        return LIB_ERR_THREAD_JOIN_DETACHED;
    }
    thread->detached = true;
    spanned_unlock();
    disp_enable(handle);
    if (ended)
        thread_free(thread);
    return SYS_ERR_OK;
}

errval_t thread_set_exception_handler(exception_handler_fn handler,
                                      exception_handler_fn *old_handler, void *new_stack_base,
                                      void *new_stack_top, void **old_stack_base,
                                      void **old_stack_top)
{
    struct thread *me = thread_self();
    const size_t default_bytes = 16384;

    if (old_handler != NULL)
        *old_handler = me->exception_handler;
    if (old_stack_base != NULL && old_stack_top != NULL) {
        *old_stack_base = me->exception_stack;
        *old_stack_top = me->exception_stack_top;
    }
    if (new_stack_base != NULL && new_stack_top != NULL) {
        me->exception_stack = new_stack_base;
        me->exception_stack_top = new_stack_top;
    } else if (me->exception_stack_top == NULL) {
        me->exception_stack = malloc(default_bytes);
        if (me->exception_stack == NULL)
            return LIB_ERR_MALLOC_FAIL;
        me->exception_stack_top = (char *)me->exception_stack + default_bytes;
    }
    me->exception_handler = handler;
    return SYS_ERR_OK;
}
