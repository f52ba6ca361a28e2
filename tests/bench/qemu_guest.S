/* SPDX-License-Identifier: MIT
 *
 * A kernel for qemu-system-x86_64 -kernel: enters by PVH (32 bits), switches to 64 bits, does the
 * work of work.inc and ends QEMU through isa-debug-exit.  -DWORK=compute|message -DTURNS=n
 */
    .section .note, "a", @note
    .long 4, 4, 18
    .asciz "Xen"
    .long start

    .text
    .code32
    .globl start
start:
    mov $tables + 0x1000 + 3, %eax
    mov %eax, tables
    mov $tables + 0x2000 + 3, %eax
    mov %eax, tables + 0x1000
    movl $0x83, tables + 0x2000
    movl $0x200083, tables + 0x2008
    mov $0x620, %eax
    mov %eax, %cr4
    mov $tables, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x100, %eax
    wrmsr
    mov $0x80010033, %eax
    mov %eax, %cr0
    lgdt gdtr
    ljmp $8, $long
    .code64
long:
    mov $stack, %rsp
    mov $TURNS, %rdi
    mov $memory, %rsi
    call WORK
    mov $0x501, %edx
    mov $1, %eax
    out %eax, %dx
1:  hlt
    jmp 1b
#include "work.inc"

    .data
    .balign 8
gdt:
    .quad 0, 0x00af9b000000ffff
gdtr:
    .word 15
    .quad gdt
    .bss
    .balign 4096
tables:
    .skip 0x3000
memory:
    .skip 0x10000
    .skip 0x1000
stack:
