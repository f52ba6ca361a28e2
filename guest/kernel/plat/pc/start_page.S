/* SPDX-License-Identifier: MIT
 *
 * The first instructions of a core that was started by another one (start.c): from real mode to the
 * CPU driver.  The page is copied anywhere below 1 MiB; CS says where it is.  In 64-bit mode it can
 * stay at its own address because the tables map that, too.
 */
#define CR0_PE_MP_ET_NE_WP_PG 0x80010033
#define CR4_PAE_OSFXSR_OSXMMEXCPT_FSGSBASE 0x10620
#define MSR_EFER 0xc0000080
#define EFER_SCE_LME_NXE 0x901
#define HERE(label) (label - start_page)

    .section .rodata
    .globl start_page, start_page_end, start_page_words
    .p2align 4
start_page:
    .code16
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    movzwl %ax, %ebx
    shll $4, %ebx /* address of this page */
    leal HERE(start_gdt)(%ebx), %eax
    movl %eax, HERE(start_gdtr) + 2
    leal HERE(start_64)(%ebx), %eax
    movl %eax, HERE(start_far)
    movl $CR4_PAE_OSFXSR_OSXMMEXCPT_FSGSBASE, %eax
    movl %eax, %cr4
    movl HERE(start_page_words), %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    movl $EFER_SCE_LME_NXE, %eax
    xorl %edx, %edx
    wrmsr
    lgdtl HERE(start_gdtr)
    movl $CR0_PE_MP_ET_NE_WP_PG, %eax
    movl %eax, %cr0
    ljmpl *HERE(start_far)

    .code64
start_64:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %ebx, %ebx
    movq HERE(start_page_words) + 16(%rbx), %rdi
    movq HERE(start_page_words) + 8(%rbx), %rax
    jmp *%rax

    .p2align 3
start_gdt:
    .quad 0
    .quad 0x00af9b000000ffff
    .quad 0x00cf93000000ffff
start_gdtr:
    .word . - start_gdt - 1
    .long 0
    .p2align 2
start_far:
    .long 0
    .word 8
    .p2align 3
start_page_words:
    .quad 0, 0, 0
start_page_end:

    .section .note.GNU-stack, "", @progbits
