/* SPDX-License-Identifier: MIT
 *
 * Entry and exit of the CPU driver.
 *
 * Every entry from user mode saves all registers into a save area of the current dispatcher: the
 * disabled area if it was disabled (its word is set, or RIP lies in the critical range), else the
 * enabled area.  So a system call that blocks has nothing more to save, and every exit is the same
 * "resume from an area" by IRETQ (SYSRETQ does not work on software KVM).
 *
 * The area lies in memory that the domain can write, from another core at any moment.  So what a
 * system call asks for also goes into syscall_words, from the registers, and the C code looks there
 * only: what was checked is what is used.
 *
 * `syscall` enters at syscall_entry: on hardware in ring 0 on the user's stack; on software KVM as
 * a page fault whose CR2 and RIP are this very address, with RCX and R11 set as by hardware.
 *
 * The path is kept short, because on software KVM each instruction here costs a microsecond.
 */
#include <barrelfish_kpi/dispatcher_shared.h>

#define KERNEL_STACK_BYTES 16384
#define RFLAGS_AC 0x40000
#define FXSAVE_MXCSR 24 /* in the FXSAVE image */
#define WORD(n) syscall_words + 8 * (n)(%rip)

    .section .text.start, "ax"
    .globl _start
_start:
    leaq kernel_stack_top(%rip), %rsp
    xorl %ebp, %ebp
    call kernel_main
1:  hlt
    jmp 1b

    .text

/* Saves registers other than RAX, RCX, R11, RSP, RIP, RFLAGS.  RAX = area. */
.macro SAVE_COMMON
    movq %rbx, SA_RBX(%rax)
    movq %rdx, SA_RDX(%rax)
    movq %rsi, SA_RSI(%rax)
    movq %rdi, SA_RDI(%rax)
    movq %rbp, SA_RBP(%rax)
    movq %r8, SA_R8(%rax)
    movq %r9, SA_R9(%rax)
    movq %r10, SA_R10(%rax)
    movq %r12, SA_R12(%rax)
    movq %r13, SA_R13(%rax)
    movq %r14, SA_R14(%rax)
    movq %r15, SA_R15(%rax)
    rdfsbase %rbx
    movq %rbx, SA_FS_BASE(%rax)
    cld
.endm

/* RAX = save area for an entry at user RIP \rip: RAX must hold current_disp.  No other register. */
.macro CHOOSE_AREA rip
    cmpl $0, DISP_DISABLED(%rax)
    jne 1f
    cmpq DISP_CRIT_PC_LOW(%rax), \rip
    jb 2f
    cmpq DISP_CRIT_PC_HIGH(%rax), \rip
    jae 2f
1:  addq $(DISP_DISABLED_AREA - DISP_ENABLED_AREA), %rax
2:  addq $DISP_ENABLED_AREA, %rax
.endm

/* Hardware: ring 0, RSP still the user's, RCX = user RIP, R11 = RFLAGS, interrupts off. */
    .globl syscall_entry
syscall_entry:
    movq %rsp, scratch_rsp(%rip)
    movq %rax, WORD(3)
    leaq kernel_stack_top(%rip), %rsp
syscall_common:
    movq current_disp(%rip), %rax
    CHOOSE_AREA %rcx
    movq %r10, WORD(0)
    movq %r8, WORD(1)
    movq %r9, WORD(2)
    testq %rdi, %rdi /* SYSCALL_INVOKE is the only one with more words */
    jnz 3f
    movq %rbx, WORD(4)
    movq %rbp, WORD(5)
    movq %r12, WORD(6)
    movq %r13, WORD(7)
    movq %r14, WORD(8)
    movq %r15, WORD(9)
3:  SAVE_COMMON
    movq %rcx, SA_RIP(%rax)
    movq %r11, SA_RFLAGS(%rax)
    movq scratch_rsp(%rip), %rbx
    movq %rbx, SA_RSP(%rax)
    movq WORD(3), %rbx
    movq %rbx, SA_RAX(%rax)
    /* serve_syscall(area, RSI, RDX, number) */
    movq %rdi, %rcx
    movq %rax, %rdi
    jmp *serve_syscall(%rip)

/* Exceptions and the interrupt.  Stack: [error] RIP CS RFLAGS RSP SS. */
.macro VECTOR number, has_error
    .p2align 4
vector_\number:
    .if \has_error == 0
    pushq $0
    .endif
    pushq $\number
    jmp trap_common
.endm

    VECTOR 0, 0
    VECTOR 1, 0
    VECTOR 2, 0
    VECTOR 3, 0
    VECTOR 4, 0
    VECTOR 5, 0
    VECTOR 6, 0
    VECTOR 7, 0
    VECTOR 8, 1
    VECTOR 9, 0
    VECTOR 10, 1
    VECTOR 11, 1
    VECTOR 12, 1
    VECTOR 13, 1
    VECTOR 15, 0
    VECTOR 16, 0
    VECTOR 17, 1
    VECTOR 18, 0
    VECTOR 19, 0
    VECTOR 20, 0
    VECTOR 21, 1
    VECTOR 32, 0

    .p2align 4
vector_14:
    cmpb $0, syscall_faults(%rip)
    je 1f
    /* A system call on software KVM?  CR2 = RIP = syscall_entry, from user mode. */
    movq %rax, WORD(3)
    leaq syscall_entry(%rip), %rax
    cmpq %rax, 8(%rsp)
    jne 2f
    testb $3, 16(%rsp)
    jz 2f
    movq 32(%rsp), %rax
    movq %rax, scratch_rsp(%rip)
    leaq kernel_stack_top(%rip), %rsp
    jmp syscall_common
2:  movq WORD(3), %rax
1:  pushq $14
    jmp trap_common

/* Stack: vector error RIP CS RFLAGS RSP SS */
trap_common:
    cmpb $0, smap_on(%rip)
    je 1f
    /* AC off, whatever the domain had: `syscall` does that, an exception does not.  (Software KVM
     * does not know CLAC.) */
    pushfq
    andl $~RFLAGS_AC, (%rsp)
    popfq
1:  testb $3, 24(%rsp)
    jz trap_in_kernel
    movq %rax, scratch_rax(%rip)
    movq %rcx, scratch_rcx(%rip)
    movq current_disp(%rip), %rax
    movq 16(%rsp), %rcx
    CHOOSE_AREA %rcx
    SAVE_COMMON
    movq %rcx, SA_RIP(%rax)
    movq %r11, SA_R11(%rax)
    movq scratch_rax(%rip), %rbx
    movq %rbx, SA_RAX(%rax)
    movq scratch_rcx(%rip), %rbx
    movq %rbx, SA_RCX(%rax)
    movq 32(%rsp), %rbx
    movq %rbx, SA_RFLAGS(%rax)
    movq 40(%rsp), %rbx
    movq %rbx, SA_RSP(%rax)
    movq %rax, %rdi
    movq (%rsp), %rsi
    movq 8(%rsp), %rdx
    movq %cr2, %rcx
    movq 16(%rsp), %r8
    movq 40(%rsp), %r9
    leaq kernel_stack_top(%rip), %rsp
    jmp kernel_trap

trap_in_kernel:
    cmpq $32, (%rsp)
    jne 1f
    /* the interrupt: taken while idle, the only place with interrupts on */
    leaq kernel_stack_top(%rip), %rsp
    jmp kernel_idle_interrupt
1:  leaq restore_fpu_fault(%rip), %rdi
    cmpq %rdi, 16(%rsp)
    je arch_bad_state
    popq %rdi
    popq %rsi
    popq %rdx
    leaq 16(%rsp), %rcx
    movq (%rcx), %rcx
    leaq kernel_stack_top(%rip), %rsp
    jmp kernel_fault

/* void arch_resume(area): RDI = area */
    .globl arch_resume
arch_resume:
    /* read once: memory of the domain */
    movq SA_FS_BASE(%rdi), %rcx
    movq SA_RIP(%rdi), %rbx
    movq %rcx, %rax
    orq %rbx, %rax
    shrq $47, %rax
    jnz arch_bad_state
    wrfsbase %rcx
    movq SA_RFLAGS(%rdi), %rax
    andl $0x240dd5, %eax
    orl $0x202, %eax
    pushq $0x1b
    pushq SA_RSP(%rdi)
    pushq %rax
    pushq $0x23
    pushq %rbx
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
    iretq

    .globl arch_bad_state
arch_bad_state:
    leaq kernel_stack_top(%rip), %rsp
    jmp kernel_bad_state

/* void arch_restore_fpu(area): RDI = area.  Reserved MXCSR bits fault, so they go first; if they
 * are back by then, trap_in_kernel knows this instruction. */
    .globl arch_restore_fpu
arch_restore_fpu:
    fninit /* as arch_fxrstor() */
    andl $0xffff, SA_FXSAVE + FXSAVE_MXCSR(%rdi)
restore_fpu_fault:
    fxrstor64 SA_FXSAVE(%rdi)
    ret

/* void arch_upcall(entry, stack, a0, a1, a2, a3) */
    .globl arch_upcall
arch_upcall:
    movq %rdi, %rax
    pushq $0x1b
    pushq %rsi
    pushq $0x202
    pushq $0x23
    pushq %rax
    movq %rdx, %rdi
    movq %rcx, %rsi
    movq %r8, %rdx
    movq %r9, %rcx
    xorl %eax, %eax
    wrfsbase %rax
    xorl %ebx, %ebx
    xorl %ebp, %ebp
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    xorl %r10d, %r10d
    xorl %r11d, %r11d
    xorl %r12d, %r12d
    xorl %r13d, %r13d
    xorl %r14d, %r14d
    xorl %r15d, %r15d
    iretq

/* void arch_lrpc_upcall(udisp, offset, where, area, entry, stack): the first three stay where they
 * are, the words of the message follow in RCX R8 R9 R10 */
    .globl arch_lrpc_upcall
arch_lrpc_upcall:
    pushq $0x1b
    pushq %r9
    pushq $0x202
    pushq $0x23
    pushq %r8
    xorl %eax, %eax
    wrfsbase %rax
    movq %rax, SA_RAX(%rcx)
    movq %rax, SA_RDX(%rcx)
    xorl %ecx, %ecx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    xorl %r10d, %r10d
    /* the words of the message, and no more of the sender's registers */
    testl %edx, %edx
    jz 1f
    movq WORD(0), %rcx
    cmpl $2, %edx
    jb 1f
    movq WORD(1), %r8
    je 1f
    movq WORD(2), %r9
    cmpl $4, %edx
    jb 1f
    movq WORD(3), %r10
1:  xorl %ebx, %ebx
    xorl %ebp, %ebp
    xorl %r11d, %r11d
    xorl %r12d, %r12d
    xorl %r13d, %r13d
    xorl %r14d, %r14d
    xorl %r15d, %r15d
    iretq

    .globl arch_idle
arch_idle:
    leaq kernel_stack_top(%rip), %rsp
1:  sti
    hlt
    jmp 1b

    .section .rodata
    .globl vector_table
    .p2align 3
/* address of each vector's entry, 0 where there is none */
vector_table:
    .quad vector_0, vector_1, vector_2, vector_3, vector_4, vector_5, vector_6, vector_7
    .quad vector_8, vector_9, vector_10, vector_11, vector_12, vector_13, vector_14, vector_15
    .quad vector_16, vector_17, vector_18, vector_19, vector_20, vector_21, 0, 0
    .quad 0, 0, 0, 0, 0, 0, 0, 0
    .quad vector_32

    .bss
    .p2align 12
    /* arch_init() unmaps this page: who overflows the stack faults there, and as nothing can be
     * pushed any more, that becomes a double fault, which has a stack of its own */
    .globl kernel_stack_guard
kernel_stack_guard:
    .skip 4096
    .skip KERNEL_STACK_BYTES
    .globl kernel_stack_top
kernel_stack_top:
    .skip 2048
    .globl fault_stack_top
fault_stack_top:
scratch_rsp:
    .skip 8
scratch_rax:
    .skip 8
scratch_rcx:
    .skip 8
    .globl syscall_words
syscall_words:
    .skip 80

    .section .note.GNU-stack, "", @progbits
