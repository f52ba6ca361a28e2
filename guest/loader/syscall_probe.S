/* SPDX-License-Identifier: MIT
 *
 * int syscall_probe(const void *gdtr, const void *idtr, uint64_t rip, uint64_t *cr2)
 *
 * Executes what lies at `rip` in ring 3, a `syscall`, and comes back by whichever way it ends:
 *
 *   -1       ring 0 at LSTAR, as on hardware
 *   0 to 31  this exception; *cr2 is then what CR2 shows
 *
 * The descriptor table has kernel code, kernel data, user data, user code and a task's state, in
 * this order, from selector 8.  There is no way back to ring 3: all registers that C keeps are in
 * this stack.
 */
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_SFMASK 0xc0000084
#define SFMASK_TF_IF_DF 0x700
#define SEL_KERNEL_DATA 0x10
#define SEL_USER_DATA 0x1b
#define SEL_USER_CODE 0x23
#define SEL_TASK 0x28
#define RFLAGS_NONE 2

    .text
    .globl syscall_probe
syscall_probe:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rcx
    movq %rdx, %r8
    lgdt (%rdi)
    lidt (%rsi)
    movl $SEL_TASK, %eax
    ltr %ax
    movl $MSR_STAR, %ecx
    xorl %eax, %eax
    movl $0x00100008, %edx
    wrmsr
    movl $MSR_LSTAR, %ecx
    leaq entered(%rip), %rdx
    movl %edx, %eax
    shrq $32, %rdx
    wrmsr
    movl $MSR_SFMASK, %ecx
    movl $SFMASK_TF_IF_DF, %eax
    xorl %edx, %edx
    wrmsr
    movq %rsp, saved_stack(%rip)
    pushq $SEL_USER_DATA
    pushq $0
    pushq $RFLAGS_NONE
    pushq $SEL_USER_CODE
    pushq %r8
    iretq

entered:
    movl $-1, %eax
    jmp back

    /* The vectors' entries, SYSCALL_PROBE_ENTRY_BYTES each. */
    .globl syscall_probe_vectors
    .p2align 4
syscall_probe_vectors:
    .set vector, 0
    .rept 32
    .p2align 4
    movl $vector, %eax
    jmp back
    .set vector, vector + 1
    .endr

    /* On the way to ring 3 the processor has emptied the selectors of data. */
back:
    movq saved_stack(%rip), %rsp
    movl $SEL_KERNEL_DATA, %ecx
    movl %ecx, %ss
    movl %ecx, %ds
    movl %ecx, %es
    lidt no_idt(%rip) /* as before */
    popq %rcx
    movq %cr2, %rdx
    movq %rdx, (%rcx)
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

    .section .rodata
no_idt:
    .word 0
    .quad 0

    /* What ring 3 executes, on a page of its own. */
    .data
    .p2align 12
    .globl syscall_probe_user
syscall_probe_user:
    syscall
    ud2
    .p2align 12

    .bss
    .p2align 3
saved_stack:
    .skip 8

    .section .note.GNU-stack, "", @progbits
