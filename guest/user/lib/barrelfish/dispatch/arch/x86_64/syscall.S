/* SPDX-License-Identifier: MIT
 *
 * struct sysret sys_invoke_raw(uint64_t rsi, uint64_t rdx, const uintptr_t *words)
 *
 * Loads all ten words (barrelfish_kpi/syscalls.h) and makes the system call.  The result comes in
 * RAX and RDX, just as the C calling convention returns a structure of two words.
 */
    .text
    .globl sys_invoke_raw
    .type sys_invoke_raw, @function
sys_invoke_raw:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rdx, %r11
    movq %rsi, %rdx
    movq %rdi, %rsi
    xorl %edi, %edi /* SYSCALL_INVOKE */
    movq 0(%r11), %r10
    movq 8(%r11), %r8
    movq 16(%r11), %r9
    movq 24(%r11), %rax
    movq 32(%r11), %rbx
    movq 40(%r11), %rbp
    movq 48(%r11), %r12
    movq 56(%r11), %r13
    movq 64(%r11), %r14
    movq 72(%r11), %r15
    syscall
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
    .size sys_invoke_raw, . - sys_invoke_raw

    .section .note.GNU-stack, "", @progbits
