/* SPDX-License-Identifier: MIT
 *
 * Between kernel, dispatcher and threads (overview 1.2, facts §4).
 *
 * Upcalls start here, disabled, on the upcall stack, with nothing to return to.  disp_resume is the
 * only way back to enabled mode that loads a thread: from the moment it clears `disabled` until the
 * thread's own instruction it is inside the critical range, which the kernel takes for disabled; so
 * the registers it has loaded so far are never mistaken for a thread's.
 *
 * The last step jumps by `ret` from below the thread's stack, 128 bytes further down than the
 * thread's stack pointer, so that code with a red zone survives, too.
 */
#include <barrelfish/dispatcher.h>
#include <barrelfish_kpi/dispatcher_shared.h>
#include <barrelfish_kpi/syscalls.h>

/* Saved in the FXSAVE area of a thread that gave up the core itself. */
#define SA_FCW (SA_FXSAVE)
#define SA_MXCSR (SA_FXSAVE + 24)

    .text
    .globl disp_run_entry
disp_run_entry:
    call disp_run
    ud2

    .globl disp_pagefault_entry
disp_pagefault_entry:
    call disp_pagefault
    ud2

    /* The upcall stack may be in use: it was the dispatcher that faulted. */
    .globl disp_pagefault_disabled_entry
disp_pagefault_disabled_entry:
    leaq DISP_TRAP_STACK_TOP(%rdi), %rsp
    call disp_pagefault_disabled
    ud2

    .globl disp_trap_entry
disp_trap_entry:
    call disp_trap
    ud2

    .globl disp_lrpc_entry
disp_lrpc_entry:
    subq $8, %rsp
    pushq %r10 /* the seventh argument: word 3 */
    call disp_lrpc
    ud2

/* void disp_save_and_schedule(struct registers_x86_64 *save, dispatcher_handle_t handle) */
.macro SAVE_CALLER
    movq (%rsp), %rax
    movq %rax, SA_RIP(%rdi)
    leaq 8(%rsp), %rax
    movq %rax, SA_RSP(%rdi)
    movq %rbx, SA_RBX(%rdi)
    movq %rbp, SA_RBP(%rdi)
    movq %r12, SA_R12(%rdi)
    movq %r13, SA_R13(%rdi)
    movq %r14, SA_R14(%rdi)
    movq %r15, SA_R15(%rdi)
    rdfsbase %rax
    movq %rax, SA_FS_BASE(%rdi)
    movq $0x202, SA_RFLAGS(%rdi)
    fnstcw SA_FCW(%rdi)
    stmxcsr SA_MXCSR(%rdi)
.endm

    .globl disp_save_and_schedule
disp_save_and_schedule:
    SAVE_CALLER
    movq DISP_UPCALL_STACK(%rsi), %rsp
    movq %rsi, %rdi
    call disp_schedule
    ud2

/* void disp_save_and_yield(save, handle, capaddr_t target) */
    .globl disp_save_and_yield
disp_save_and_yield:
    SAVE_CALLER
    movq DISP_UPCALL_STACK(%rsi), %rsp
    movq %rsi, %rdi
    movl %edx, %esi
    call disp_yield_now
    ud2

/* void disp_resume(struct registers_x86_64 *regs, dispatcher_handle_t handle, bool full) */
    .globl disp_resume
disp_resume:
    testb %dl, %dl
    jnz disp_resume_full
    fldcw SA_FCW(%rdi)
    ldmxcsr SA_MXCSR(%rdi)
    jmp 1f
/* void disp_resume_full(struct registers_x86_64 *regs, dispatcher_handle_t handle) */
    .globl disp_resume_full
disp_resume_full:
    fxrstor64 SA_FXSAVE(%rdi)
1:  movq SA_FS_BASE(%rdi), %rax
    wrfsbase %rax
    .globl disp_resume_begin
disp_resume_begin:
    movl $0, DISP_DISABLED(%rsi)
    movq SA_RSP(%rdi), %rsp
    leaq -128(%rsp), %rsp
    pushq SA_RIP(%rdi)
    pushq SA_RFLAGS(%rdi)
    movq SA_RAX(%rdi), %rax
    movq SA_RBX(%rdi), %rbx
    movq SA_RCX(%rdi), %rcx
    movq SA_RDX(%rdi), %rdx
    movq SA_RSI(%rdi), %rsi
    movq SA_RBP(%rdi), %rbp
    movq SA_R8(%rdi), %r8
    movq SA_R9(%rdi), %r9
    movq SA_R10(%rdi), %r10
    movq SA_R11(%rdi), %r11
    movq SA_R12(%rdi), %r12
    movq SA_R13(%rdi), %r13
    movq SA_R14(%rdi), %r14
    movq SA_R15(%rdi), %r15
    movq SA_RDI(%rdi), %rdi
    popfq
    ret $128
    .globl disp_resume_end
disp_resume_end:

/* First instruction of a thread: RDI = argument, RSI = C function that never returns. */
    .globl thread_entry
thread_entry:
    xorl %ebp, %ebp
    call *%rsi
    ud2

    .section .note.GNU-stack, "", @progbits
