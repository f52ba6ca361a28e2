/* SPDX-License-Identifier: MIT
 *
 * Page faults and traps (facts §4.2): to the thread's exception handler if it has one; else one
 * clear line that says who, where and why, the monitor is told, and the domain ends.  Never
 * silence.
 *
 * A fault while disabled is a fault of this library, or of a thread's stack pointer when it was
 * about to be resumed; then nothing of the dispatcher can be trusted, and a second fault stops it
 * at once.
 */
#include "faults.h"

#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatcher.h>
#include <stdio.h>
#include <string.h>

#include "console.h"
#include "threads_priv.h"
#include "wait_note.h"

#define VECTOR_PAGE_FAULT 14
#define FAULT_PRESENT 1
#define FAULT_WRITE 2
#define FAULT_FETCH 16

#define RFLAGS_DEFAULT 0x202

static const char *const vector_names[] = {
    [0] = "division error",
    [1] = "debug exception",
    [3] = "breakpoint",
    [4] = "overflow",
    [5] = "bound range exceeded",
    [6] = "invalid instruction",
    [7] = "no FPU",
    [11] = "segment not present",
    [12] = "stack fault",
    [13] = "general protection",
    [16] = "x87 error",
    [17] = "misaligned access",
    [19] = "SIMD error",
};

static void __attribute__((format(printf, 2, 3)))
report(dispatcher_handle_t handle, const char *fmt, ...)
{
    char *line = (char *)handle + DISP_PRINT_BUFFER_OFFSET;
    va_list args;
    int length;

    console_flush_disabled(handle);
    va_start(args, fmt);
    length = vsnprintf(line, DISP_LINE_BYTES, fmt, args);
    va_end(args);
    if (length > 0) {
        sys_print_line(line, length < DISP_LINE_BYTES ? (size_t)length : DISP_LINE_BYTES - 1,
                       PRINT_LINE);
    }
}

void disp_fatal(dispatcher_handle_t handle, const char *message)
{
    struct dispatcher_shared *shared = get_dispatcher_shared(handle);

    report(handle, "%.16s.%u: %s; dispatcher stopped", shared->name, (unsigned)shared->curr_core_id,
           message);
    disp_stop();
}

static const char *access_name(uint64_t error)
{
    return error & FAULT_FETCH ? "execution" : error & FAULT_WRITE ? "write" : "read";
}

static const char *address_note(const struct thread *thread, lvaddr_t address, lvaddr_t rsp)
{
    lvaddr_t bottom = thread == NULL ? 0 : (lvaddr_t)thread->stack;

    if (thread != NULL &&
        (rsp < bottom + 64 || (address < bottom && address >= bottom - BASE_PAGE_SIZE)))
        return " (the thread has overflowed its stack)";
    return address < BASE_PAGE_SIZE ? " (NULL pointer)" : "";
}

/* Runs on the dying thread, enabled. */
static void end_domain(void *arg)
{
    (void)arg;
    domain_exit(EXIT_STATUS_FAULT);
}

void thread_redirect(struct registers_x86_64 *regs, void *stack_top, void (*function)(void *),
                     void *arg)
{
    /* as after a call instruction */
    regs->rsp = ((lvaddr_t)stack_top & ~15ul) - 8;
    regs->rip = (lvaddr_t)function;
    regs->rdi = (lvaddr_t)arg;
    regs->rbp = 0;
    regs->eflags = RFLAGS_DEFAULT;
}

/* The stack on which a faulting thread tells the monitor that the domain ends: its own may be the
 * fault's cause.  The first fault takes it; a second one stops the dispatcher. */
static char exit_stack[16384] __attribute__((aligned(16)));

void disp_end_domain(dispatcher_handle_t handle)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    struct thread *thread = disp->current;

    if (thread == NULL || disp->fault_depth++ > 0)
        disp_fatal(handle, "it cannot even end");
    memset(&thread->regs.fxsave_area, 0, sizeof(thread->regs.fxsave_area));
    *(uint16_t *)&thread->regs.fxsave_area[0] = 0x37f;
    *(uint32_t *)&thread->regs.fxsave_area[24] = 0x1f80;
    thread_redirect(&thread->regs, exit_stack + sizeof(exit_stack), end_domain, NULL);
    disp->current_in_area = false;
    disp_resume(&thread->regs, handle, true);
}

void disp_thread_fatal(dispatcher_handle_t handle, const char *what)
{
    struct dispatcher_shared *shared = get_dispatcher_shared(handle);

    report(handle, "%.16s.%u: thread %u %s; domain stopped", shared->name,
           (unsigned)shared->curr_core_id, (unsigned)get_dispatcher_generic(handle)->current->id,
           what);
    disp_end_domain(handle);
}

/* What the exception handler works on; lies on the exception stack. */
struct exception_frame {
    struct registers_x86_64 regs;
    enum exception_type type;
    int subtype;
    void *address;
    exception_handler_fn handler;
};

static void run_exception_handler(void *arg)
{
    struct exception_frame *frame = arg;
    struct thread *me = thread_self();

    frame->handler(frame->type, frame->subtype, frame->address, &frame->regs);
    dispatcher_handle_t handle = disp_disable();
    me->in_exception = false;
    disp_resume(&frame->regs, handle, true);
}

/* Enters the thread's handler; returns if it has none (or is in it). */
static void deliver(dispatcher_handle_t handle, const struct registers_x86_64 *area,
                    enum exception_type type, int subtype, lvaddr_t address)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    struct thread *thread = disp->current;

    if (thread == NULL || thread->exception_handler == NULL || thread->in_exception)
        return;
    lvaddr_t top = (lvaddr_t)thread->exception_stack_top;
    struct exception_frame *frame = (struct exception_frame *)((top - sizeof(*frame)) & ~63ul);
    frame->regs = *area;
    frame->type = type;
    frame->subtype = subtype;
    frame->address = (void *)address;
    frame->handler = thread->exception_handler;
    thread->in_exception = true;
    thread->regs = *area;
    thread_redirect(&thread->regs, frame, run_exception_handler, frame);
    disp->current_in_area = false;
    disp_resume(&thread->regs, handle, true);
}

static enum pagefault_exception_type access_type(uint64_t error)
{
    return error & FAULT_FETCH ? PAGEFLT_EXEC : error & FAULT_WRITE ? PAGEFLT_WRITE : PAGEFLT_READ;
}

/* Nobody serves the fault: the exception handler has it, or the domain ends.  err: why a pager did
 * not. */
static void __attribute__((noreturn)) unserved_fault(dispatcher_handle_t handle, lvaddr_t address,
                                                     uint64_t error, lvaddr_t rip, errval_t err)
{
    struct dispatcher_shared *shared = get_dispatcher_shared(handle);
    struct thread *thread = get_dispatcher_generic(handle)->current;
    struct registers_x86_64 *area = &shared->enabled_save_area;

    deliver(handle, area, EXCEPT_PAGEFAULT, access_type(error), address);
    wait_note_crash(handle, area, VECTOR_PAGE_FAULT, error, address);
    report(handle,
           "%.16s.%u: page fault: %s of address 0x%lx%s%s%s%s at RIP 0x%lx, RSP 0x%lx, thread %u; "
           "domain stopped",
           shared->name, (unsigned)shared->curr_core_id, access_name(error), address,
           address_note(thread, address, area->rsp), error & FAULT_PRESENT ? " (protected)" : "",
           err_is_fail(err) ? ": " : "", err_is_fail(err) ? err_getstring(err) : "", rip, area->rsp,
           thread == NULL ? 0 : (unsigned)thread->id);
    if (thread != NULL)
        thread->regs = *area;
    disp_end_domain(handle);
}

/* ---- faults that are served ---- */

static const struct pager *pager; /* NULL: none */

void disp_set_pager(const struct pager *new_pager)
{
    pager = new_pager;
}

/* Below the stack's red zone of the thread that waits for its page. */
struct paging_frame {
    struct registers_x86_64 regs;
    lvaddr_t address, rip;
    uint64_t error;
};
#define RED_ZONE_BYTES 128
#define PAGER_STACK_BYTES 8192 /* what serving a fault needs */

static void serve_fault(void *arg)
{
    struct paging_frame *frame = arg;
    errval_t err = pager->serve(frame->address, access_type(frame->error));
    struct thread *me = thread_self();

    dispatcher_handle_t handle = disp_disable();
    me->is_paging = false;
    if (err_is_ok(err))
        disp_resume(&frame->regs, handle, true);
    get_dispatcher_shared(handle)->enabled_save_area = frame->regs;
    unserved_fault(handle, frame->address, frame->error, frame->rip, err);
}

/* Is there room to serve a fault on the thread's stack, and is that not what has faulted? */
static bool has_stack(const struct thread *thread, lvaddr_t rsp)
{
    const lvaddr_t bottom = (lvaddr_t)thread->stack, top = bottom + thread->stack_bytes;

    return rsp > bottom && rsp <= top ? rsp - bottom > PAGER_STACK_BYTES : !pager->covers(rsp);
}

void disp_pagefault(dispatcher_handle_t handle, lvaddr_t address, uint64_t error, lvaddr_t rip)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    const struct registers_x86_64 *area = &get_dispatcher_shared(handle)->enabled_save_area;
    struct thread *thread = disp->current;

    if (pager == NULL || thread == NULL || thread->is_paging || !pager->covers(address) ||
        !has_stack(thread, area->rsp))
        unserved_fault(handle, address, error, rip, SYS_ERR_OK);
    struct paging_frame *frame =
        (struct paging_frame *)((area->rsp - RED_ZONE_BYTES - sizeof(*frame)) & ~63ul);
    *frame = (struct paging_frame){ .regs = *area, .address = address, .rip = rip, .error = error };
    thread->is_paging = true;
    thread->regs = *area;
    thread_redirect(&thread->regs, frame, serve_fault, frame);
    disp->current_in_area = false;
    disp_resume(&thread->regs, handle, true);
}

/* The dispatcher's lists may be half changed.  Telling the monitor is worth a try all the same:
 * what goes wrong on the way stops the dispatcher at once. */
void disp_pagefault_disabled(dispatcher_handle_t handle, lvaddr_t address, uint64_t error,
                             lvaddr_t rip)
{
    struct dispatcher_shared *shared = get_dispatcher_shared(handle);
    bool resuming = rip >= shared->crit_pc_low && rip < shared->crit_pc_high;

    wait_note_crash(handle, &shared->trap_save_area, VECTOR_PAGE_FAULT, error, address);
    report(handle,
           "%.16s.%u: page fault while disabled: %s of address 0x%lx at RIP 0x%lx%s; "
           "domain stopped",
           shared->name, (unsigned)shared->curr_core_id, access_name(error), address, rip,
           resuming ? " (a thread's stack pointer is bad)" : "");
    disp_end_domain(handle);
}

void disp_trap(dispatcher_handle_t handle, uint64_t vector, uint64_t error, lvaddr_t rip)
{
    struct dispatcher_shared *shared = get_dispatcher_shared(handle);
    struct thread *thread = get_dispatcher_generic(handle)->current;
    struct registers_x86_64 *area = &shared->trap_save_area;
    size_t names = sizeof(vector_names) / sizeof(vector_names[0]);
    const char *name =
        vector < names && vector_names[vector] != NULL ? vector_names[vector] : "exception";

    deliver(handle, area,
            vector == 0   ? EXCEPT_DIVIDE
            : vector == 1 ? EXCEPT_SINGLESTEP
            : vector == 3 ? EXCEPT_BREAKPOINT
                          : EXCEPT_OTHER,
            (int)vector, rip);
    wait_note_crash(handle, area, vector, error, 0);
    report(handle,
           "%.16s.%u: %s (vector %lu, error 0x%lx) at RIP 0x%lx, RSP 0x%lx, thread %u; "
           "domain stopped",
           shared->name, (unsigned)shared->curr_core_id, name, vector, error, rip, area->rsp,
           thread == NULL ? 0 : (unsigned)thread->id);
    if (thread != NULL)
        thread->regs = *area;
    disp_end_domain(handle);
}
