/* SPDX-License-Identifier: MIT
 *
 * The work of guest/user/apps/idcbench/work.h without any system, for an emulator that boots by PVH
 * (QEMU): the yardstick for instructions per second.
 *
 * Command line: "compute ROUNDS" or "messages ROUNDS".  Ends through the debug exit device at port
 * 0xf4: status 1 (value 0) when done, 3 (value 1) for a bad command line.  Runs in ring 0 on flat
 * 2 MiB pages, without interrupts.
 */
#include "../../guest/user/apps/idcbench/work.h"

#define START_INFO_COMMAND_LINE 24 /* offset of its physical address in struct hvm_start_info */

__asm__(".section .note.pvh, \"a\", @note\n"
        ".long 4, 4, 18\n" /* XEN_ELFNOTE_PHYS32_ENTRY */
        ".asciz \"Xen\"\n"
        ".long entry\n"
        ".section .text.entry, \"ax\", @progbits\n"
        ".code32\n"
        ".globl entry\n"
        "entry:\n" /* EBX: struct hvm_start_info */
        "  movl $stack_top, %esp\n"
        "  movl $page_directory, %edi\n" /* 512 pages of 2 MiB */
        "  movl $0x83, %eax\n"
        "  movl $512, %ecx\n"
        "1: movl %eax, (%edi)\n"
        "  addl $0x200000, %eax\n"
        "  addl $8, %edi\n"
        "  loop 1b\n"
        "  movl $page_directory + 3, page_directory_pointers\n"
        "  movl $page_directory_pointers + 3, page_map\n"
        "  movl $page_map, %eax\n"
        "  movl %eax, %cr3\n"
        "  movl $0x620, %eax\n" /* PAE, FXSR, XMM exceptions */
        "  movl %eax, %cr4\n"
        "  movl $0xc0000080, %ecx\n"
        "  movl $0x100, %eax\n" /* EFER.LME */
        "  xorl %edx, %edx\n"
        "  wrmsr\n"
        "  movl $0x80000003, %eax\n" /* PG, MP, PE */
        "  movl %eax, %cr0\n"
        "  lgdt descriptor_table_pointer\n"
        "  ljmp $8, $2f\n"
        ".code64\n"
        "2: xorl %eax, %eax\n"
        "  movl %eax, %ds\n"
        "  movl %eax, %es\n"
        "  movl %eax, %ss\n"
        "  movl %ebx, %edi\n"
        "  call run\n"
        "  movw $0xf4, %dx\n"
        "  outl %eax, %dx\n"
        "3: hlt\n"
        "  jmp 3b\n"
        ".section .data\n"
        ".balign 8\n"
        "descriptor_table: .quad 0, 0x00af9b000000ffff\n"
        "descriptor_table_pointer: .word 15\n"
        "  .long descriptor_table\n"
        ".section .bss\n"
        ".balign 4096\n"
        "page_map: .skip 4096\n"
        "page_directory_pointers: .skip 4096\n"
        "page_directory: .skip 4096\n"
        "  .skip 16384\n"
        "stack_top:\n"
        ".text\n");

uint32_t run(const char *start_info);
void __assert_fail(const char *assertion, const char *file, unsigned line, const char *function);

volatile uint64_t work_result;

void __assert_fail(const char *assertion, const char *file, unsigned line, const char *function)
{
    (void)assertion, (void)file, (void)line, (void)function;
    __builtin_trap();
}

uint32_t run(const char *start_info)
{
    const char *command = (const char *)*(const uint64_t *)(start_info + START_INFO_COMMAND_LINE);
    bool compute = command[0] == 'c', messages = command[0] == 'm';
    uint64_t rounds = 0;

    while (*command != '\0' && *command != ' ')
        command++;
    for (; *command != '\0'; command++)
        if (*command >= '0' && *command <= '9')
            rounds = rounds * 10 + (uint64_t)(*command - '0');
    if (rounds == 0 || (!compute && !messages))
        return 1;
    work_result = compute ? work_compute(rounds) : work_messages(rounds);
    return 0;
}
