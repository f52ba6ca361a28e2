/* SPDX-License-Identifier: MIT
 *
 * System calls: numbers to functions, registers to arguments (barrelfish_kpi/syscalls.h).
 *
 * The caller's registers lie in `area`, one of its save areas.  A call that returns at once writes
 * RAX and RDX there and resumes it; one that gives the core away (yield, LMP with SYNC) leaves the
 * area behind with the result already in it.  Nothing is read from there: the domain may write it
 * from another core.  Arguments come in registers and in syscall_words, once.
 */
#include "delete.h"
#include "dispatch.h"
#include "objects/objects.h"
#include "plat.h"
#include "schedule.h"

#define SYSCALL_INSTRUCTION_BYTES 2

struct kernel_stats kernel_counters;

/* To the caller, which is still there. */
static inline void __attribute__((noreturn))
give_back(struct registers_x86_64 *area, struct sysret result)
{
    if (err_is_fail(result.error))
        trace_record(ABI_TRACE_SYSRET | result.error << 32, CORE_PAGE->current_dcb);
    area->rax = result.error;
    area->rdx = result.value;
    dispatch_return(area);
}

/* `number`: of the system call; `command`: of a message its length. */
static inline void trace_invoke(unsigned number, const struct cte *cte, uint64_t command,
                                uint64_t cptr)
{
    trace_record(ABI_TRACE_SYSCALL | number << 8 | (uint64_t)cte->cap.type << 16 | command << 24 |
                     cptr << 32,
                 CORE_PAGE->current_dcb);
}

/* After calls that may have ended the caller. */
static void __attribute__((noreturn)) finish(struct registers_x86_64 *area, struct sysret result)
{
    if (current == NULL) /* the caller deleted itself */
        dispatch_next();
    if (current->stopped) {
        dispatch_forget(current);
        dispatch_next();
    }
    give_back(area, result);
}

/* The caller's state is complete in `area`, including a result; it may be resumed later. */
static void __attribute__((noreturn)) leave(struct registers_x86_64 *area, struct dcb *to)
{
    current->head.disabled = area_is_disabled(current, area);
    dispatch_save_fpu(area);
    if (to != NULL)
        dispatch(to);
    dispatch_next();
}

/* The words of the message lie in syscall_words.  A message that is delivered has one record, in
 * place of the system call's.  Inline: a function that does not return still saves registers. */
static inline void __attribute__((noreturn, always_inline))
send(struct registers_x86_64 *area, struct cte *endpoint, uint64_t head,
     const struct lmp_transfer *transfer, unsigned number)
{
    const unsigned length = head >> 8 & 0xff, flags = head & 0xff;
    struct dcb *receiver = endpoint_listener(&endpoint->cap);
    errval_t err = lmp_deliver(endpoint, syscall_words, length, transfer, flags);
    if (err_is_fail(err))
        trace_invoke(number, endpoint, length, head >> 32);
    const bool hand_over = err_is_ok(err) ? flags & LMP_FLAG_SYNC
                                          : (flags & LMP_FLAG_YIELD) && lmp_err_is_transient(err);
    if (!hand_over || receiver == current || area_is_disabled(current, area))
        give_back(area, SYSRET(err));

    area->rax = err;
    area->rdx = 0;
    if (err_is_fail(err))
        schedule_make_runnable(receiver);
    leave(area, receiver);
}

/* The caller makes the same call again, from the same instruction; between the two, interrupts are
 * taken and others may run.  What tells the calls apart travels with the registers. */
static void __attribute__((noreturn))
enter_again(struct registers_x86_64 *area, uint64_t head, uint64_t progress, bool later)
{
    area->rsi = head | INVOKE_AGAIN;
    area->rdx = progress;
    area->rip -= SYSCALL_INSTRUCTION_BYTES;
    if (!later)
        dispatch_return(area);
    schedule_yield(current);
    leave(area, NULL);
}

static void __attribute__((noreturn, noinline))
invoke_object_of(struct registers_x86_64 *area, struct cte *cte, uint64_t head, uint64_t progress)
{
    const struct invocation inv = {
        .caller = current,
        .root = &current->cspace.cap,
        .again = head & INVOKE_AGAIN,
        .progress = progress,
        .command = syscall_words[0],
        .args = (const union invocation_args *)(syscall_words + 1),
    };
    struct sysret (*const act)(struct cte *, const struct invocation *) = ops_of(&cte->cap)->invoke;
    const bool foreign = cte->node.bits & MDB_BIT_FOREIGN;
    const struct sysret result =
        act != NULL && !foreign
            ? act(cte, &inv)
            : SYSRET(foreign ? SYS_ERR_RETRY_THROUGH_MONITOR : SYS_ERR_ILLEGAL_INVOCATION);
    if (result.error >= KERNEL_AGAIN_LATER && current != NULL && !current->stopped)
        enter_again(area, head, result.value, result.error == KERNEL_AGAIN_LATER);
    finish(area, result);
}

/* What is invoked; gives the error back if there is nothing. */
static inline __attribute__((always_inline)) struct cte *invoked(struct registers_x86_64 *area,
                                                                 uint64_t head)
{
    const uint64_t cptr = head >> 32;
    const unsigned level = head >> 16 & 0xff;
    struct cte *cte = &current->cspace;
    if (level != 0) {
        errval_t err = cspace_lookup(&cte->cap, (capaddr_t)cptr, level, &cte);
        if (err_is_fail(err)) {
            trace_record(ABI_TRACE_SYSCALL | SYSCALL_INVOKE << 8 | cptr << 32,
                         CORE_PAGE->current_dcb);
            give_back(area, SYSRET(err));
        }
    }
    return cte;
}

/* An invocation that goes on.  No message does: nobody else's command becomes one, because its
 * object has gone meanwhile, and nobody's is taken for the CPU driver's (ABI_LMP_BY_KERNEL). */
static void __attribute__((noreturn, noinline))
sys_invoke_again(struct registers_x86_64 *area, uint64_t head, uint64_t progress)
{
    area->rsi = head & ~(uint64_t)INVOKE_AGAIN; /* nobody sees it when the call is done */
    struct cte *cte = invoked(area, head);
    trace_invoke(SYSCALL_INVOKE, cte, syscall_words[0] & 0xff, head >> 32);
    if (cte->cap.type == ObjType_EndPointLMP)
        give_back(area, SYSRET(SYS_ERR_INVARGS_SYSCALL));
    invoke_object_of(area, cte, head, progress);
}

static void __attribute__((noreturn, noinline))
sys_invoke(struct registers_x86_64 *area, uint64_t head, uint64_t send_cptr)
{
    const unsigned length = head >> 8 & 0xff;
    if (length > LMP_MSG_WORDS)
        give_back(area, SYSRET(SYS_ERR_INVARGS_SYSCALL));
    if (head & INVOKE_AGAIN)
        sys_invoke_again(area, head, send_cptr);
    struct cte *cte = invoked(area, head);
    if (cte->cap.type != ObjType_EndPointLMP) {
        trace_invoke(SYSCALL_INVOKE, cte, syscall_words[0] & 0xff, head >> 32);
        if (head & LMP_FLAG_MESSAGE)
            give_back(area, SYSRET(SYS_ERR_LRPC_NOT_ENDPOINT));
        invoke_object_of(area, cte, head, send_cptr);
    }
    struct lmp_transfer with_cap;
    const struct lmp_transfer *transfer = NULL;
    if ((capaddr_t)send_cptr != 0) {
        with_cap = (struct lmp_transfer){ .root = &current->cspace.cap,
                                          .cptr = (capaddr_t)send_cptr,
                                          .level = head >> 24 & 0xff,
                                          .give_away = head & LMP_FLAG_GIVEAWAY };
        transfer = &with_cap;
    }
    send(area, cte, head, transfer, SYSCALL_INVOKE);
}

static struct dcb *yield_target(capaddr_t cptr)
{
    struct cte *cte;
    if (cptr == 0 || err_is_fail(cspace_lookup(&current->cspace.cap, cptr, 2, &cte)))
        return NULL;
    struct dcb *to = NULL;
    if (cte->cap.type == ObjType_EndPointLMP)
        to = endpoint_listener(&cte->cap);
    else if (cte->cap.type == ObjType_Dispatcher && !(cte->node.bits & MDB_BIT_FOREIGN))
        to = phys_to_mem(paddr(cte->cap.u.mem.base));
    return to != NULL && to->queued ? to : NULL;
}

static void __attribute__((noreturn)) sys_yield(struct registers_x86_64 *area, capaddr_t target)
{
    struct dcb *dcb = current;
    struct dispatcher_shared *disp = dcb->disp;
    if (!area_is_disabled(dcb, area))
        finish(area, SYSRET(SYS_ERR_CALLER_ENABLED));
    struct dcb *to = yield_target(target);

    /* The dispatcher has saved what it wants to keep: it comes back by the run upcall. */
    dcb->head.disabled = 0;
    disp->disabled = 0;
    systime_t wakeup = read_once(disp->wakeup);
    if (!disp->haswork && disp->lmp_delivered == disp->lmp_seen &&
        disp->notified == disp->notify_seen && (wakeup == 0 || wakeup > plat_time_cached())) {
        schedule_remove(dcb);
        if (wakeup != 0)
            wakeup_set(dcb, wakeup);
    } else {
        schedule_yield(dcb);
    }
    if (to != NULL && to->queued) /* not so if it is the caller, which sleeps now */
        dispatch(to);
    dispatch_next();
}

static errval_t find_lrpc_endpoint(capaddr_t cptr, uint64_t length, struct cte **cte)
{
    if (length > LRPC_MSG_WORDS)
        return SYS_ERR_INVARGS_SYSCALL;
    errval_t err = cspace_lookup(&current->cspace.cap, cptr, 2, cte);
    if (err_is_fail(err))
        return err_push(err, SYS_ERR_LRPC_SLOT_INVALID);
    return (*cte)->cap.type == ObjType_EndPointLMP ? SYS_ERR_OK : SYS_ERR_LRPC_NOT_ENDPOINT;
}

/* A message for which the short way is not open.  It has one record: of the message if it is
 * delivered, else of the call. */
static void __attribute__((noreturn, noinline))
sys_lrpc(struct registers_x86_64 *area, capaddr_t cptr, uint64_t length)
{
    struct cte *cte;
    errval_t err = find_lrpc_endpoint(cptr, length, &cte);
    if (err_is_fail(err)) {
        trace_record(ABI_TRACE_SYSCALL | SYSCALL_LRPC << 8 | (uint64_t)cptr << 32,
                     CORE_PAGE->current_dcb);
        give_back(area, SYSRET(err));
    }
    send(area, cte, (uint64_t)cptr << 32 | length << 8 | LMP_FLAG_SYNC | LMP_FLAG_YIELD, NULL,
         SYSCALL_LRPC);
}

static struct sysret sys_print(struct dcb *dcb, uint64_t text, uint64_t length, uint64_t kind)
{
    void *buffer = user_buffer(dcb, text, length);
    if (buffer == NULL || (kind == PRINT_REPORT ? length != ABI_REPORT_BYTES || text % 8 != 0
                                                : length > ABI_CONSOLE_MAX))
        return SYSRET(SYS_ERR_INVALID_USER_BUFFER);
    if (kind == PRINT_REPORT) {
        plat_report(mem_to_phys(buffer), mem_to_phys(dcb));
        return SYSRET(SYS_ERR_OK);
    }
    plat_console(mem_to_phys(buffer), (unsigned)length,
                 kind == PRINT_TRACE ? ABI_CONSOLE_TRACE : ABI_CONSOLE_USER, mem_to_phys(dcb));
    return SYSRET(SYS_ERR_OK);
}

/* Not in sys_other(): what is live across a call there would cost every system call its place on
 * the stack. */
static void __attribute__((noreturn, noinline))
print(struct registers_x86_64 *area, uint64_t text, uint64_t length)
{
    finish(area, sys_print(current, text, length, syscall_words[0]));
}

/* Both say by which capability they may do it, which must be one of the caller's. */
static errval_t find_of_type(capaddr_t cptr, unsigned type, struct cte **cte)
{
    errval_t err = cspace_lookup(&current->cspace.cap, cptr, 2, cte);
    return err_is_ok(err) && (*cte)->cap.type != type ? SYS_ERR_CAP_RIGHTS : err;
}

static void __attribute__((noreturn, noinline))
sys_reboot(struct registers_x86_64 *area, capaddr_t kernel)
{
    struct cte *cte;
    errval_t err = find_of_type(kernel, ObjType_Kernel, &cte);
    if (err_is_ok(err))
        plat_power_off(0);
    finish(area, SYSRET(err));
}

static void __attribute__((noreturn, noinline))
sys_getchar(struct registers_x86_64 *area, capaddr_t io)
{
    struct cte *cte;
    errval_t err = find_of_type(io, ObjType_IO, &cte);
    finish(area, err_is_fail(err) ? SYSRET(err) : io_getchar(&cte->cap));
}

static struct sysret sys_debug(struct dcb *dcb, uint64_t what)
{
    switch (what) {
    case DEBUG_CLOCK_NS:
        return SYSRET_VALUE(plat_time());
    case DEBUG_TSC_HZ:
        return SYSRET_VALUE(boot_info->tsc_hz);
    case DEBUG_CORE_ID:
        return SYSRET_VALUE(my_core_id);
    case DEBUG_SYSCALL_COUNT:
        return SYSRET_VALUE(kernel_counters.syscalls);
    case DEBUG_MDB_SIZE:
        return SYSRET_VALUE(kernel_mdb.count + kernel_remote_mdb.count);
    case DEBUG_EXIT:
        dispatch_stop(dcb, true);
        return SYSRET(SYS_ERR_OK);
    default:
        return SYSRET(SYS_ERR_INVARGS_SYSCALL);
    }
}

/* `arg1` and `arg2`: RSI and RDX. */
static void __attribute__((noreturn, noinline))
sys_other(struct registers_x86_64 *area, uint64_t arg1, uint64_t arg2, uint64_t number)
{
    struct dcb *dcb = current;
    trace_record(ABI_TRACE_SYSCALL | (number & 0xff) << 8 | arg1 << 32, mem_to_phys(dcb).v);
    switch (number) {
    case SYSCALL_YIELD:
        sys_yield(area, (capaddr_t)arg1);
    case SYSCALL_SUSPEND:
        sys_yield(area, 0);
    case SYSCALL_NOP:
        give_back(area, SYSRET(SYS_ERR_OK));
    case SYSCALL_PRINT:
        print(area, arg1, arg2);
    case SYSCALL_DEBUG:
        finish(area, sys_debug(dcb, arg1));
    case SYSCALL_REBOOT:
        sys_reboot(area, (capaddr_t)arg1);
    case SYSCALL_GETCHAR:
        sys_getchar(area, (capaddr_t)arg1);
    case SYSCALL_X86_RELOAD_LDT: /* there is none */
        give_back(area, SYSRET(SYS_ERR_NOT_IMPLEMENTED));
    default:
        give_back(area, SYSRET(SYS_ERR_ILLEGAL_SYSCALL));
    }
}

#define X(name, number) _Static_assert(ABI_SYSCALL_##name == (number), #name);
#define ABI_SYSCALL_invoke SYSCALL_INVOKE
#define ABI_SYSCALL_yield SYSCALL_YIELD
#define ABI_SYSCALL_lrpc SYSCALL_LRPC
#define ABI_SYSCALL_debug SYSCALL_DEBUG
#define ABI_SYSCALL_reboot SYSCALL_REBOOT
#define ABI_SYSCALL_nop SYSCALL_NOP
#define ABI_SYSCALL_print SYSCALL_PRINT
#define ABI_SYSCALL_getchar SYSCALL_GETCHAR
#define ABI_SYSCALL_suspend SYSCALL_SUSPEND
ABI_SYSCALLS(X)
#undef X

void kernel_syscall(struct registers_x86_64 *area, uint64_t head, uint64_t send, uint64_t number)
{
    debug_assert(is_area_of(current, area));
    kernel_counters.syscalls++;
    current->disabled_faults = 0;
    if (number == SYSCALL_INVOKE)
        sys_invoke(area, head, send);
    if (number == SYSCALL_LRPC) {
        lrpc_send(area, (capaddr_t)head, send); /* returns if the general way must be taken */
        sys_lrpc(area, (capaddr_t)head, send);
    }
    sys_other(area, head, send, number);
}

/* Rules of faults look for system calls.  They may also stop the caller, which then ends with the
 * call. */
static void __attribute__((noreturn))
watched_syscall(struct registers_x86_64 *area, uint64_t head, uint64_t send, uint64_t number)
{
    const bool again = number == SYSCALL_INVOKE && (head & INVOKE_AGAIN);
    if (number < 64 && !again && CORE_PAGE->watch >> number & 1)
        plat_watched((uint32_t)number, mem_to_phys(current));
    kernel_syscall(area, head, send, number);
}

syscall_server *serve_syscall = kernel_syscall;

void syscall_init(void)
{
    if (CORE_PAGE->watch != 0)
        serve_syscall = watched_syscall;
}
