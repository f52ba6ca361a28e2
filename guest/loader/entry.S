/* SPDX-License-Identifier: MIT
 *
 * How a PC enters the loader: by the PVH boot protocol or by Multiboot 2, both in 32-bit protected
 * mode without paging, EBX the address of the start information.  It goes on in 64-bit mode with
 * all memory below LOADER_MAPPED at its own address.
 */
#include "loader.h"

#define XEN_ELFNOTE_PHYS32_ENTRY 18
#define CR0_PE_MP_ET_NE_WP_PG 0x80010033
#define CR4_PAE_OSFXSR_OSXMMEXCPT_FSGSBASE 0x10620
#define MSR_EFER 0xc0000080
#define EFER_SCE_LME_NXE 0x901
#define LARGE_PAGE_FLAGS 0x83
#define TABLE_FLAGS 3
#define GIBS (LOADER_MAPPED >> 30)
#define NEEDED_FSGSBASE 1         /* CPUID 7 EBX */
#define NEEDED_SYSCALL_NX_LM 0x20100800 /* CPUID 80000001 EDX */
#define UART 0x3f8
#define MULTIBOOT_HEADER_MAGIC 0xe85250d6
#define MULTIBOOT_TAG_ALIGN 6

    .section .note.pvh, "a", @note
    .p2align 2
    .long 4, 8, XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad loader_start

    /* Multiboot 2: modules lie on pages */
    .section .multiboot, "a", @progbits
    .p2align 3
multiboot_header:
    .long MULTIBOOT_HEADER_MAGIC, 0, multiboot_end - multiboot_header
    .long -(MULTIBOOT_HEADER_MAGIC + multiboot_end - multiboot_header)
    .word MULTIBOOT_TAG_ALIGN, 0
    .long 8
    .word 0, 0
    .long 8
multiboot_end:

    .section .text.start, "ax"
    .code32
    .globl loader_start
loader_start:
    cli
    cld
    movl $stack_top, %esp
    movl %ebx, %ebp
    movl %eax, start_magic

    /* what the CPU driver cannot do without */
    movl $0x80000001, %eax
    cpuid
    andl $NEEDED_SYSCALL_NX_LM, %edx
    cmpl $NEEDED_SYSCALL_NX_LM, %edx
    jne too_old
    xorl %eax, %eax
    cpuid
    cmpl $7, %eax
    jb too_old
    movl $7, %eax
    xorl %ecx, %ecx
    cpuid
    testl $NEEDED_FSGSBASE, %ebx
    jz too_old

    /* directories of large pages, one for each GiB */
    movl $directories, %edi
    movl $LARGE_PAGE_FLAGS, %eax
    xorl %edx, %edx
    movl $(GIBS * 512), %ecx
1:  movl %eax, (%edi)
    movl %edx, 4(%edi)
    addl $0x200000, %eax
    adcl $0, %edx
    addl $8, %edi
    loop 1b
    movl $(directories + TABLE_FLAGS), %eax
    movl $pointers, %edi
    movl $GIBS, %ecx
2:  movl %eax, (%edi)
    addl $4096, %eax
    addl $8, %edi
    loop 2b
    movl $(pointers + TABLE_FLAGS), %eax
    movl %eax, loader_tables

    movl $CR4_PAE_OSFXSR_OSXMMEXCPT_FSGSBASE, %eax
    movl %eax, %cr4
    movl $loader_tables, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    movl $EFER_SCE_LME_NXE, %eax
    xorl %edx, %edx
    wrmsr
    movl $CR0_PE_MP_ET_NE_WP_PG, %eax
    movl %eax, %cr0
    lgdt gdtr
    ljmp $8, $start_64

too_old:
    movl $too_old_text, %esi
    movl $UART, %edx
3:  lodsb
    testb %al, %al
    jz 4f
    outb %al, %dx
    jmp 3b
4:  movl $0xff, %eax
    outl %eax, $LOADER_DEBUG_EXIT
    hlt
    jmp 4b

    .code64
start_64:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %ebp, %edi
    movl start_magic, %esi
    call loader_main
    hlt

/* void loader_jump(entry, boot): the CPU driver lies in the upper half of loader_tables */
    .globl loader_jump
loader_jump:
    movq %cr3, %rax
    movq %rax, %cr3
    movq %rdi, %rax
    movq %rsi, %rdi
    jmp *%rax

    .section .rodata
too_old_text:
    .asciz "loader: this processor lacks 64-bit mode, NX, SYSCALL or FSGSBASE (QEMU: -cpu max)\r\n"

    .data
start_magic:
    .long 0
    .p2align 3
gdt:
    .quad 0
    .quad 0x00af9b000000ffff
    .quad 0x00cf93000000ffff
gdtr:
    .word . - gdt - 1
    .long gdt

    .bss
    .p2align 12
    .globl loader_tables
loader_tables:
    .skip 4096
pointers:
    .skip 4096
directories:
    .skip GIBS * 4096
    .skip 16384
stack_top:

    .section .note.GNU-stack, "", @progbits
