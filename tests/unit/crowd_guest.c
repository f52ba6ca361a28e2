/* SPDX-License-Identifier: MIT
 *
 * The guest of crowd_guest.h.  Core 0 starts the others with page tables of their own, made here,
 * which differ in the core area only; code, IDT and results are shared, stacks are not.
 *
 * Everything lies in the scratch memory of the machine, seen through the physical map, behind the
 * pages that cpu_machine() uses:
 *   + 0x100000 counter, finished, cores, turns    + 0x101000 results, 64 bytes for each core
 *   + 0x104000 IDT                                + 0x105000 lines of the cores, 64 bytes each
 *   + 0x110000 stacks, a page for each core       + 0x160000 page tables, 4 pages for each core
 */
#include "crowd_guest.h"

#include <stdio.h>
#include <string.h>

#include "machine/machine_private.h"

#define SHARED 0x100000
#define RESULTS 0x101000
#define GATES 0x104000
#define LINES 0x106000
#define STACKS 0x110000
#define TABLES 0x160000

/* Core 0 comes here with 0xffffffff80100380 = scratch memory in the physical map.
 * Registers of a worker: r8 scratch, r9 core, r10 core area, r11 results, r12 turn, rbx number. */
SNIPPET(crowd, "    mov 0xffffffff80100380, %r8\n"
               "    mov $1, %r9d\n"
               "    movabs $0xffffffffc0000000, %r10\n"
               "1:  cmp 0x100010(%r8), %r9\n" /* start core r9 */
               "    jae 2f\n"
               "    mov %r9, 64(%r10)\n"
               "    lea crowd_worker(%rip), %rax\n"
               "    mov %rax, 72(%r10)\n"
               "    mov %r9, %rax\n" /* RDI: must be a page of memory */
               "    shl $12, %rax\n"
               "    mov %rax, 80(%r10)\n"
               "    mov %r9, %rax\n"
               "    shl $14, %rax\n"
               "    lea 0x160000(%r8,%rax), %rax\n" /* its PML4 */
               "    movabs $0xffff800000000000, %rcx\n"
               "    sub %rcx, %rax\n"
               "    mov %rax, 88(%r10)\n"
               "    mov $0x5010, %edx\n"
               "    mov $1, %eax\n"
               "    out %eax, %dx\n"
               "    inc %r9\n"
               "    jmp 1b\n"
               "2:  xor %edi, %edi\n"
               "crowd_worker:\n"
               "    mov %rdi, %r9\n"
               "    shr $12, %r9\n"
               "    mov 0xffffffff80100380, %r8\n"
               "    movabs $0xffffffffc0000000, %r10\n"
               "    mov %r9, %rax\n"
               "    shl $12, %rax\n"
               "    lea 0x111000(%r8,%rax), %rsp\n"
               "    mov %r9, %rax\n"
               "    shl $6, %rax\n"
               "    lea 0x101000(%r8,%rax), %r11\n"
               "    lgdt 0xffffffff80100200\n"
               "    lidt 0xffffffff80100390\n"
               "    xor %ebx, %ebx\n"
               "    mov 0x100018(%r8), %r12\n"
               "3:  mov $1, %eax\n"
               "    lock xadd %rax, 0x100000(%r8)\n"
               "    imul $31, %rbx, %rbx\n"
               "    add %rax, %rbx\n"
               "    mov %ebx, %ecx\n"
               "    and $7, %ecx\n"
               "4:  dec %ecx\n" /* a little work, differing */
               "    jns 4b\n"
               "    test $31, %r12b\n"
               "    jnz 5f\n"
               "    mov %r9, %rax\n" /* interrupt the neighbour */
               "    inc %rax\n"
               "    cmp 0x100010(%r8), %rax\n"
               "    jb 6f\n"
               "    xor %eax, %eax\n"
               "6:  shl $16, %eax\n"
               "    or $3, %eax\n"
               "    mov $0x500c, %edx\n"
               "    out %eax, %dx\n"
               "5:  test $127, %r12b\n"
               "    jnz 7f\n"
               "    mov $0x5004, %edx\n" /* sleep 3 us */
               "    out %eax, %dx\n"
               "    mov 128(%r10), %rax\n"
               "    add $3000, %rax\n"
               "    mov %rax, 64(%r10)\n"
               "    xor %eax, %eax\n" /* the first timer */
               "    mov $0x5008, %edx\n"
               "    out %eax, %dx\n"
               "    sti\n"
               "    hlt\n"
               "    cli\n"
               "    mov 128(%r10), %rax\n"
               "    mov %rax, 16(%r11)\n"
               "    mov %r9, %rax\n" /* a line of 8 characters, with what it saw */
               "    shl $6, %rax\n"
               "    lea 0x106000(%r8,%rax), %rax\n"
               "    movabs $0x6161616161616161, %rcx\n"
               "    movabs $0x0f0f0f0f0f0f0f0f, %rdx\n"
               "    and %rbx, %rdx\n"
               "    add %rdx, %rcx\n"
               "    mov %rcx, (%rax)\n"
               "    movabs $0xffff800000000000, %rcx\n"
               "    sub %rcx, %rax\n"
               "    mov %rax, 64(%r10)\n"
               "    movq $0, 72(%r10)\n"
               "    mov $0x5000, %edx\n"
               "    mov $0x10008, %eax\n"
               "    out %eax, %dx\n"
               "7:  sti\n"
               "    nop\n"
               "    cli\n"
               "    dec %r12\n"
               "    jnz 3b\n"
               "    mov %rbx, (%r11)\n"
               "    mov $1, %eax\n"
               "    lock xadd %rax, 0x100008(%r8)\n"
               "    inc %rax\n"
               "    cmp 0x100010(%r8), %rax\n"
               "    mov $0x5010, %edx\n"
               "    mov $2, %eax\n" /* stop, or exit for the last */
               "    jne 8f\n"
               "    movq $0, 64(%r10)\n"
               "    mov $3, %eax\n"
               "8:  out %eax, %dx\n"
               "9:  cli\n"
               "    hlt\n"
               "    jmp 9b\n"
               "    .balign 16\n"
               "crowd_interrupt:\n"
               "    push %rax\n"
               "    xor %eax, %eax\n"
               "    xchg %rax, (%r10)\n"
               "    incq 8(%r11)\n"
               "    pop %rax\n"
               "    iretq\n");
extern const uint8_t crowd_interrupt[];

static uint8_t *scratch(struct machine *machine)
{
    return machine_memory(machine, machine->boot->scratch_paddr, machine->boot->scratch_bytes);
}

struct crowd_core *crowd_results(struct machine *machine)
{
    return (struct crowd_core *)(scratch(machine) + RESULTS);
}

uint64_t crowd_counter(struct machine *machine)
{
    return *(uint64_t *)(scratch(machine) + SHARED);
}

/* Page tables of another core: as those of core 0, with its own area. */
static void make_tables(struct machine *machine, unsigned core)
{
    uint8_t *memory = scratch(machine) + TABLES + core * 0x4000;
    uint64_t paddr = machine->boot->scratch_paddr + TABLES + core * 0x4000;
    uint64_t *pml4 = (uint64_t *)memory, *top = pml4 + 512, *directory = pml4 + 1024,
             *table = pml4 + 1536;
    memcpy(pml4, machine_memory(machine, machine->boot_entry.cr3, 4096), 4096);
    unsigned top_index = ABI_CORE_AREA_VADDR >> 39 & 511;
    memcpy(top, machine_memory(machine, pml4[top_index] & 0xffffffffff000, 4096), 4096);
    pml4[top_index] = (paddr + 0x1000) | 0x23;
    top[ABI_CORE_AREA_VADDR >> 30 & 511] = (paddr + 0x2000) | 0x23;
    directory[0] = (paddr + 0x3000) | 0x23;
    for (unsigned i = 0; i < ABI_CORE_AREA_BYTES / 4096; i++)
        table[i] =
            (ABI_CORE_AREA_BASE + core * ABI_CORE_AREA_BYTES + i * 4096) | 0x8000000000000063;
}

const char *crowd_machine(unsigned cores, unsigned turns, const struct machine_sink *sink,
                          bool trace, bool private_memory, struct machine **machine)
{
    struct cpu_case test = { .name = "crowd",
                             .begin = crowd_begin,
                             .end = crowd_end,
                             .ring0 = true,
                             .cores = cores,
                             .ram_bytes = (64ull + 8 * cores) << 20,
                             .trace = trace };
    if (sink)
        test.sink = *sink;
    const char *wrong = cpu_machine(&test, machine, private_memory);
    if (wrong)
        return wrong;
    uint8_t *memory = scratch(*machine);
    uint64_t *shared = (uint64_t *)(memory + SHARED);
    shared[2] = cores;
    shared[3] = turns;
    for (unsigned core = 1; core < cores; core++)
        make_tables(*machine, core);

    uint64_t physmap = ABI_PHYSMAP_BASE + (*machine)->boot->scratch_paddr;
    uint8_t *data = cpu_memory(*machine, (*machine)->boot_entry.cr3, CPU_DATA);
    memcpy(data + 0x380, &physmap, 8);
    uint16_t limit = 33 * 16 - 1;
    uint64_t gates = physmap + GATES;
    memcpy(data + 0x390, &limit, 2);
    memcpy(data + 0x392, &gates, 8);
    uint64_t target = CPU_KERNEL_CODE + (uint64_t)(crowd_interrupt - crowd_begin);
    uint64_t gate[2] = {
        (target & 0xffff) | 8 << 16 | 0x8eull << 40 | (target >> 16 & 0xffff) << 48, target >> 32
    };
    memcpy(memory + GATES + 32 * 16, gate, 16);
    return NULL;
}
