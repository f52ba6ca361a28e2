/* SPDX-License-Identifier: MIT
 *
 * faulting: takes every page fault and trap a program can raise, and looks at what arrives.
 *
 * Each attempt is a few instructions of which one faults.  The thread's exception handler notes
 * what it was told (kind, subtype, address) and continues behind the attempt.  Engines and hosts
 * deliver exceptions in different ways (native, emulated, by hand), and what the program sees must
 * be the same on all of them.  System calls made in odd states (any stack, direction flag set) are
 * looked at for the same reason: on hardware they enter natively, on software KVM as page faults.
 *
 * At the end it gives up its handler and faults once more, which ends the domain.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/syscalls.h>
#include <stdio.h>

#define UNMAPPED 0x7f0012345678ull
#define KERNEL_ADDRESS 0xffffffff80000000ull
#define NOT_CANONICAL 0x0000900000000000ull

/* Written by the handler. */
static volatile int count, seen_type, seen_subtype;
static volatile uint64_t seen_address;

/* Where the thread continues; written by each attempt.  Used by assembler text. */
volatile uint64_t resume_at;

static unsigned failures;
static const int constant = 7;
static uint8_t data_code[16] = { 0xc3 }; /* ret; data cannot be executed */
static uint8_t stack[4096] __attribute__((aligned(16)));

static void handle(enum exception_type type, int subtype, void *address,
                   arch_registers_state_t *registers)
{
    count++;
    seen_type = type;
    seen_subtype = subtype;
    seen_address = (uint64_t)address;
    registers->rip = resume_at;
    registers->eflags &= ~0x100ull; /* the trap flag of the single step */
}

static void failed(const char *what, const char *why, uint64_t value)
{
    failures++;
    printf("faulting: FAILED %s: %s 0x%llx\n", what, why, (unsigned long long)value);
}

static void expect(const char *what, enum exception_type type, int subtype)
{
    if (count != 1)
        failed(what, "number of exceptions is", (uint64_t)count);
    else if (seen_type != (int)type)
        failed(what, "kind of exception is", (uint64_t)seen_type);
    else if (seen_subtype != subtype)
        failed(what, "subtype is", (uint64_t)seen_subtype);
    else
        printf("faulting: %s\n", what);
    count = 0;
}

static void expect_page_fault(const char *what, enum pagefault_exception_type type,
                              uint64_t address)
{
    if (count == 1 && seen_address != address)
        failed(what, "address is", seen_address);
    expect(what, EXCEPT_PAGEFAULT, type);
}

/* Executes `text` with RBX = value; what follows the fault is skipped. */
#define ATTEMPT(text, value)                                      \
    __asm__ volatile("leaq 9f(%%rip), %%rax\n\t"                  \
                     "movq %%rax, resume_at(%%rip)\n\t" text "\n" \
                     "9:"                                         \
                     :                                            \
                     : "b"((uint64_t)(value))                     \
                     : "rax", "rcx", "rdx", "cc", "memory")

static void page_faults(void)
{
    ATTEMPT("movq (%%rbx), %%rax", 0x18);
    expect_page_fault("load through a null pointer", PAGEFLT_READ, 0x18);
    ATTEMPT("movb $1, (%%rbx)", UNMAPPED);
    expect_page_fault("store where nothing is mapped", PAGEFLT_WRITE, UNMAPPED);
    ATTEMPT("lock incl (%%rbx)", &constant);
    expect_page_fault("store to a constant", PAGEFLT_WRITE, (uint64_t)&constant);
    ATTEMPT("jmp *%%rbx", data_code);
    expect_page_fault("execution of data", PAGEFLT_EXEC, (uint64_t)data_code);
    ATTEMPT("jmp *%%rbx", UNMAPPED);
    expect_page_fault("execution where nothing is mapped", PAGEFLT_EXEC, UNMAPPED);
    ATTEMPT("movq (%%rbx), %%rax", KERNEL_ADDRESS);
    expect_page_fault("load from the CPU driver", PAGEFLT_READ, KERNEL_ADDRESS);
    ATTEMPT("movq %%rax, (%%rbx)", KERNEL_ADDRESS);
    expect_page_fault("store to the CPU driver", PAGEFLT_WRITE, KERNEL_ADDRESS);
}

static void traps(void)
{
    ATTEMPT("int3", 0);
    expect("breakpoint", EXCEPT_BREAKPOINT, 3);
    ATTEMPT("ud2", 0);
    expect("undefined instruction", EXCEPT_OTHER, 6);
    ATTEMPT("xorl %%edx, %%edx\n\t divl %%ebx", 0);
    expect("division by zero", EXCEPT_DIVIDE, 0);
    ATTEMPT("movq (%%rbx), %%rax", NOT_CANONICAL);
    expect("load from an address that cannot be", EXCEPT_OTHER, 13);
    ATTEMPT("hlt", 0);
    expect("privileged instruction", EXCEPT_OTHER, 13);
    ATTEMPT("cli", 0);
    expect("interrupts off", EXCEPT_OTHER, 13);
    ATTEMPT("movl $0x5000, %%edx\n\t outl %%eax, %%dx", 0);
    expect("port of a device", EXCEPT_OTHER, 13);
    ATTEMPT("pushfq\n\t orq $0x100, (%%rsp)\n\t popfq\n\t nop", 0);
    expect("single step", EXCEPT_SINGLESTEP, 1);
}

/* Steps through code that runs disabled: nothing comes of it. */
static void single_step_disabled(void)
{
    dispatcher_handle_t handle = disp_disable();

    __asm__ volatile("pushfq\n\t orq $0x100, (%%rsp)\n\t popfq\n\t" /* on */
                     "nop\n\t nop\n\t"
                     "pushfq\n\t andq $~0x100, (%%rsp)\n\t popfq" /* off */
                     ::
                         : "cc", "memory");
    disp_enable(handle);
    if (count != 0)
        failed("single steps while disabled", "number of exceptions is", (uint64_t)count);
    else
        printf("faulting: single steps while disabled\n");
    count = 0;
}

/* A system call that does nothing, on a stack nobody would choose and with the direction flag set:
 * all of it must be as before. */
static void odd_system_call(void)
{
    uint64_t error = 1, stack_after, flags;
    uint64_t odd = (uint64_t)stack + 2049;
    register uint64_t r12 __asm__("r12") = 0x1212121212121212;
    register uint64_t r13 __asm__("r13") = odd;
    register uint64_t r14 __asm__("r14") = 0;
    register uint64_t r15 __asm__("r15") = 0x1515151515151515;

    __asm__ volatile("movq %%rsp, %%r14\n\t"
                     "movq %%r13, %%rsp\n\t"
                     "std\n\t"
                     "syscall\n\t"
                     "pushfq\n\t"
                     "popq %[flags]\n\t"
                     "cld\n\t"
                     "movq %%rsp, %[after]\n\t"
                     "movq %%r14, %%rsp"
                     : "=a"(error), [flags] "=&r"(flags), [after] "=&r"(stack_after), "+r"(r12),
                       "+r"(r13), "+r"(r14), "+r"(r15)
                     : "D"(SYSCALL_NOP)
                     : "rcx", "rdx", "r11", "memory", "cc");
    if (err_is_fail(error))
        failed("system call on an odd stack", "error is", error);
    else if (stack_after != odd)
        failed("system call on an odd stack", "stack is", stack_after);
    else if ((flags & 0x400) == 0)
        failed("system call with the direction flag", "flags are", flags);
    else if (r12 != 0x1212121212121212 || r13 != odd || r15 != 0x1515151515151515)
        failed("system call on an odd stack", "a register has changed, R12 is", r12);
    else
        printf("faulting: system call on an odd stack\n");
}

/* The state of the FPU survives system calls and the exceptions above. */
static void many_system_calls(void)
{
    double x = 1.5;

    for (int i = 0; i < 100; i++) {
        if (err_is_fail(sys_nop()))
            failed("system call", "number", (uint64_t)i);
        x = x * 1.25 - 0.375; /* 1.5 stays 1.5 */
        ATTEMPT("int3", 0);
    }
    if (x != 1.5 || count != 100)
        failed("a hundred system calls and breakpoints", "breakpoints are", (uint64_t)count);
    else
        printf("faulting: a hundred system calls and breakpoints\n");
    count = 0;
}

int main(void)
{
    errval_t err = thread_set_exception_handler(handle, NULL, NULL, NULL, NULL, NULL);

    if (err_is_fail(err)) {
        printf("faulting: FAILED: no exception handler: %s\n", err_getstring(err));
        return 1;
    }
    page_faults();
    traps();
    single_step_disabled();
    odd_system_call();
    many_system_calls();
    if (failures == 0)
        printf("faulting: all handled\n");
    thread_set_exception_handler(NULL, NULL, NULL, NULL, NULL, NULL);
    ATTEMPT("ud2", 0);
    printf("faulting: still here\n");
    return 0;
}
