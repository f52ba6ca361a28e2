/* SPDX-License-Identifier: MIT
 *
 * Snippets of machine code, a few instructions each, and the traps they must come to: vector, error
 * code, place in the snippet and CR2, written by hand from the architecture's manuals and never
 * copied from what an engine did.  Where software KVM, or any KVM, is known to differ, the reason
 * stands beside the case.
 */
#include "cpu_tests.h"

#include <string.h>

#include "machine/machine_private.h"

/* Goes on at label `to` after the next trap. */
#define AFTER(to) "lea " to "(%rip), %r15\n"

#define GUEST(n) .guest.name = #n, .guest.begin = n##_begin, .guest.end = n##_end
#define SYS                   \
    {                         \
        CPU_SYSCALL, 0, -1, 0 \
    }

/* ---- exceptions ---- */
SNIPPET(divide, AFTER("1f") "xor %ecx, %ecx\n .byte 0x48, 0xf7, 0xf1\n 1:" LEAVE);
SNIPPET(breakpoint, "int3\n" LEAVE); /* a trap: goes on behind, if R15 says so */
SNIPPET(breakpoint_next, AFTER("1f") "int3\n 1:" LEAVE);
SNIPPET(overflow, AFTER("1f") "int $4\n 1:" LEAVE);
SNIPPET(undefined, AFTER("1f") "ud2\n 1:" LEAVE);
SNIPPET(single_step, AFTER("1f") "nop\n 1: mov $0x202, %eax\n push %rax\n popf\n" LEAVE);
SNIPPET(privileged,
        AFTER("1f") "hlt\n 1:" AFTER("2f") "cli\n 2:" AFTER("4f") "mov %cr3, %rax\n 4:" AFTER(
            "5f") "wrmsr\n 5:" AFTER("6f") "lgdt (%rsp)\n 6:" LEAVE);
/* A port in ring 3: alone in its block, before another fault, before a system call; and the power
 * device does not hear of it. */
SNIPPET(ports, AFTER("1f") "in %dx, %eax\n jmp 1f\n ud2\n 1:" AFTER(
                   "2f") "mov $0x5010, %edx\n mov $4, %eax\n out %eax, %dx\n jmp 2f\n ud2\n "
                         "2:" AFTER("3f") "in %dx, %eax\n ud2\n 3:" AFTER("4f") "in %dx, %eax\n "
                                                                                "mov $9, %eax\n "
                                                                                "syscall\n "
                                                                                "4:" LEAVE);
SNIPPET(port_strings, "mov $0x500000, %edi\n mov %edi, %esi\n" AFTER("1f") "insb\n 1:" AFTER(
                          "2f") "mov $3, %ecx\n rep outsl\n 2:" LEAVE);
SNIPPET(not_canonical, AFTER("1f") "mov $0x800000000000, %rax\n mov (%rax), %rbx\n 1:" LEAVE);
SNIPPET(not_canonical_stack, AFTER("1f") "mov $0x800000000000, %rbp\n mov (%rbp), %rbx\n 1:" LEAVE);
SNIPPET(software_gate, AFTER("1f") "int $6\n 1:" AFTER("2f") "int $100\n 2:" LEAVE);
SNIPPET(bad_selector, AFTER("1f") "mov $0x48, %eax\n mov %eax, %ds\n 1:" LEAVE);
SNIPPET(gate_absent, AFTER("1f") "ud2\n 1:" LEAVE);
SNIPPET(x87_error, AFTER("1f") "fninit\n pushq $0x37b\n fldcw (%rsp)\n fld1\n fldz\n fdivrp\n"
                               "fwait\n 1: fninit\n" LEAVE);
SNIPPET(device_absent,
        "mov %cr0, %rax\n or $8, %rax\n mov %rax, %cr0\n" AFTER("1f") "fld1\n 1:"
                                                                      "clts\n fld1\n" LEAVE0);

/* ---- page tables ---- */
SNIPPET(absent_page,
        AFTER("1f") "mov 0x700123, %rax\n 1:" AFTER("2f") "movb $1, 0x700124\n 2:" AFTER(
            "3f") "mov $0x700125, %eax\n jmp *%rax\n 3:" LEAVE);
SNIPPET(user_bit, AFTER("1f") "mov 0x502010, %rax\n 1:" AFTER("2f") "mov %rax, 0x502010\n 2:" AFTER(
                      "3f") "movabs $0xffffffff80000000, %rax\n mov (%rax), %rax\n 3:" LEAVE);
SNIPPET(write_bit, AFTER("1f") "mov 0x501008, %rax\n movb $1, 0x501008\n 1:" LEAVE);
SNIPPET(no_execute, AFTER("1f") "mov $0x500000, %eax\n jmp *%rax\n 1:" LEAVE);
SNIPPET(reserved_bits, AFTER("1f") "mov 0x503000, %eax\n 1:" LEAVE);
SNIPPET(large_page, "movq $7, 0x900000\n cmpq $7, 0xb00000\n jne 2f\n" AFTER(
                        "1f") "movq $7, 0xb00000\n 1: mov $0xc00000 + 3f - large_page_begin, "
                              "%eax\n call *%rax\n" LEAVE "\n 2: ud2\n 3: mov $0x77, %ebx\n ret\n");
SNIPPET(upper_half,
        "movabs $0xffff900000000000, %rsi\n movq $5, 8(%rsi)\n mov 8(%rsi), %rbx\n" LEAVE);
SNIPPET(crosses_page, AFTER("1f") "movq $-1, 0x501ffc - 0x1000\n 1: mov 0x500ff8, %rbx\n" LEAVE);
SNIPPET(kernel_write_protect,
        AFTER("1f") "movabs $0xffffffff80000000, %rax\n movq $1, (%rax)\n 1:" AFTER(
            "2f") "movq $1, 0x501000\n 2:" LEAVE0);
/* Accessed and dirty bits: the entry of 0x500000 is at 0xe00000 + 0x100 * 8. */
SNIPPET(accessed_dirty,
        "mov 0x500000, %eax\n mov 0xe00800, %rbx\n movb $1, 0x500000\n"
        "mov 0xe00800, %rcx\n and $0x60, %ebx\n and $0x60, %ecx\n mov %rcx, %rdi\n" LEAVE);
/* Takes the page away behind the TLB's back, then with invlpg; gives it back without. */
SNIPPET(table_change,
        "mov 0x500000, %ebp\n mov 0xe00800, %rbx\n mov %rbx, %r8\n"
        "xor $1, %rbx\n mov %rbx, 0xe00800\n mov $0x500000, %edi\n mov $2, %eax\n syscall\n" AFTER(
            "1f") "mov 0x500000, %ebp\n 1: mov %r8, 0xe00800\n mov 0x500000, %ebp\n" LEAVE);
/* The page changes its memory: 0x500000 becomes what 0x501000 is. */
SNIPPET(
    remap,
    "movq $0x11, 0x500000\n mov 0xe00800, %r8\n mov 0xe00808, %rbx\n"
    "mov %rbx, 0xe00800\n mov $0x500000, %edi\n mov $2, %eax\n syscall\n"
    "mov 0x500000, %rbp\n mov %r8, 0xe00800\n mov $2, %eax\n syscall\n mov 0x500000, %r9\n" LEAVE);

/* ---- code written at run time ---- */
SNIPPET(own_code,
        "lea 2f(%rip), %rsi\n add $0x1000, %rsi\n mov $50, %edi\n xor %ebx, %ebx\n"
        "1: call 2f\n add %eax, %ebx\n inc %al\n mov %al, 1(%rsi)\n dec %edi\n jnz 1b\n" LEAVE
        "\n .balign 64\n 2: mov $7, %eax\n ret\n");
/* The alias is written (in the TLB) before the code is first executed. */
#define OTHER(label, name) "0x401000 + " label " - " name "_begin"
#define SAME(label, name) "0x400000 + " label " - " name "_begin"
SNIPPET(alias_first,
        "movb $9, " OTHER("4f", "alias_first") "\n mov $" SAME(
            "2f", "alias_first") ", %ecx\n"
                                 "mov $50, %edi\n xor %ebx, %ebx\n"
                                 "1: call *%rcx\n add %eax, %ebx\n inc %al\n mov %al, 1 + " OTHER(
                                     "2f", "alias_first") "\n"
                                                          "dec %edi\n jnz 1b\n" LEAVE
                                                          "\n .balign 64\n 2: mov $7, %eax\n ret\n "
                                                          ".balign 64\n 4: nop\n");
/* Two functions on one page; storing to one must not hide a later store to the other. */
SNIPPET(alias_two,
        "mov $" SAME("2f", "alias_two") ", %ecx\n mov $" SAME(
            "3f",
            "alias_two") ", %esi\n"
                         "call *%rcx\n call *%rsi\n movb $1, 1 + " OTHER(
                             "2f",
                             "alias_two") "\n"
                                          "movb $2, 1 + " OTHER(
                                              "3f",
                                              "alias_two") "\n call *%rcx\n mov %eax, %ebx\n call "
                                                           "*%rsi\n"
                                                           "mov %eax, %ebp\n movb $3, 1 + " OTHER(
                                                               "3f",
                                                               "alias_two") "\n call *%rcx\n call "
                                                                            "*%rsi\n"
                                                                            "mov %eax, %edx\n" LEAVE
                                                                            "\n .balign 64\n 2: "
                                                                            "mov $7, %eax\n ret\n "
                                                                            ".balign 64\n 3: mov "
                                                                            "$8, %eax\n ret\n");

/* The page of 0x500000 is made executable, executed, scrubbed, filled with other code one store at
 * a time, and executed again: no translation of the first code may be left.  RAX = 3 with RSI =
 * length is the scrub request; the machine gives the page's address in 0x500800. */
SNIPPET(scrubbed_code,
        "mov 0xe00800, %r8\n btr $63, %r8\n mov %r8, 0xe00800\n"
        "mov $0x500000, %edi\n mov $2, %eax\n syscall\n"
        "movl $0xc3c3ff31, 0x500100\n movl $0xc3c3ff31, 0x500200\n movl $0xc3c3ff31, 0x500300\n"
        "mov $0x500100, %r10d\n call *%r10\n mov $0x500200, %r10d\n call *%r10\n"
        "mov $0x500300, %r10d\n call *%r10\n mov 0x500800, %rdi\n mov 0x500808, %rsi\n"
        "mov $4, %eax\n syscall\n"
        "movl $0xc3c3c7ff, 0x500300\n movl $0xc3c3c7ff, 0x500200\n movl $0xc3c3c7ff, 0x500100\n"
        "mov $7, %edi\n mov $0x500100, %r10d\n call *%r10\n mov $0x500200, %r10d\n call *%r10\n"
        "mov $0x500300, %r10d\n call *%r10\n mov %rdi, %rbx\n" LEAVE);

/* Core 0 executes a function of two blocks, changes both through another mapping and starts core 1,
 * which calls it: core 1 must see the new code.  0x801003a0: the snippet in the physical map. */
SNIPPET(code_for_another_core,
        "call 2f\n mov 0xffffffff801003a0, %r8\n"
        "movb $7, 1 + 2f - code_for_another_core_begin(%r8)\n"
        "movb $9, 1 + 3f - code_for_another_core_begin(%r8)\n"
        "movabs $0xffffffffc0000000, %r10\n movq $1, 64(%r10)\n lea 4f(%rip), %rax\n"
        "mov %rax, 72(%r10)\n movq $0, 80(%r10)\n mov %cr3, %rax\n mov %rax, 88(%r10)\n"
        "mov $0x5010, %edx\n mov $1, %eax\n out %eax, %dx\n"
        "1: cmpl $1, 0xffffffff801003c0\n jne 1b\n"
        "mov 0xffffffff801003b0, %rbx\n mov 0xffffffff801003b8, %rbp\n" LEAVE0
        ".balign 64\n 2: mov $1, %ebx\n jmp 3f\n .balign 64\n 3: mov $1, %ebp\n ret\n"
        "4: mov $0xffffffff8010e000, %rsp\n call 2b\n mov %rbx, 0xffffffff801003b0\n"
        "mov %rbp, 0xffffffff801003b8\n movl $1, 0xffffffff801003c0\n mov $0x5010, %edx\n"
        "mov $2, %eax\n out %eax, %dx\n 5: hlt\n jmp 5b\n");

/* ---- rings and system calls ---- */
SNIPPET(syscall_flags, "std\n stc\n mov $9, %eax\n syscall\n pushf\n pop %rbx\n cld\n" LEAVE);
SNIPPET(syscall_loop, "mov $20, %ebx\n 1: mov $9, %eax\n syscall\n dec %ebx\n jnz 1b\n" LEAVE);
SNIPPET(segment_bases,
        "mov $0x500010, %eax\n wrfsbase %rax\n mov $0x500020, %eax\n wrgsbase %rax\n"
        "movq $1, %fs:0\n movq $2, %gs:0\n mov $9, %eax\n syscall\n rdfsbase %rbx\n rdgsbase %rbp\n"
        "mov %fs:0, %rdx\n mov %gs:0, %r8\n" LEAVE);
SNIPPET(vector_state,
        "mov $0x1234, %eax\n cvtsi2sd %eax, %xmm3\n movq %rax, %xmm15\n fldpi\n fld1\n"
        "mov $9, %eax\n syscall\n cvtsd2si %xmm3, %ebx\n movq %xmm15, %rbp\n faddp\n"
        "fistpl 0x500008\n" LEAVE);
/* What processors fill in differently is cleared: the last opcode and its addresses, the mask of
 * MXCSR. */
SNIPPET(fxsave_works, "fld1\n movq %rsp, %xmm7\n fxsave64 0x500100\n fninit\n pxor %xmm7, %xmm7\n"
                      "fxrstor64 0x500100\n movq %xmm7, %rbx\n fistpl 0x500008\n"
                      "movw $0, 0x500106\n movq $0, 0x500108\n movq $0, 0x500110\n"
                      "movl $0, 0x50011c\n" LEAVE);

/* Virtual time in ring 3: exact, rising, the same for both instructions. */
SNIPPET(time_stamp, "rdtsc\n mov %eax, %ebx\n mov $1000, %ecx\n 1: dec %ecx\n jnz 1b\n rdtsc\n"
                    "sub %ebx, %eax\n mov %eax, %ebx\n rdtscp\n mov %ecx, %ebp\n" LEAVE);
SNIPPET(time_stamp_refused, AFTER("1f") "rdtsc\n 1:" AFTER("2f") "rdtscp\n 2:" LEAVE);

/* ---- flags across blocks and slices ---- */
SNIPPET(flags_live, "mov $200, %edi\n xor %ebx, %ebx\n 1: cmp $100, %edi\n jmp 2f\n 2: jb 3f\n"
                    "jmp 4f\n 3: inc %ebx\n 4: jmp 5f\n 5: dec %edi\n jmp 6f\n 6: jnz 1b\n" LEAVE);
SNIPPET(carry_chain,
        "mov $64, %ecx\n xor %eax, %eax\n 1: stc\n jmp 2f\n 2: jmp 3f\n 3: adc $0, %rax\n"
        "loop 1b\n mov %rax, %rbx\n" LEAVE);
SNIPPET(strings,
        "mov $0x500000, %edi\n mov $0xa5, %eax\n mov $300, %ecx\n rep stosb\n"
        "mov $0x500000, %esi\n mov $0x500800, %edi\n mov $300, %ecx\n rep movsb\n mov %rdi, %rbx\n"
        "mov $0x500800, %edi\n mov $400, %ecx\n repe scasb\n mov %rcx, %rbp\n" LEAVE);

/* ---- interrupts; RDI = 0, RSI = core 0 << 16 | id, port 0x500c ---- */
#define SELF_IPI "mov $0x500c, %edx\n mov $5, %eax\n out %eax, %dx\n"
SNIPPET(interrupt_user, "mov $3, %eax\n mov $5, %esi\n mov $0x500c, %edx\n syscall\n"
                        "mov $100000, %ecx\n 1: dec %ecx\n jnz 1b\n" LEAVE);
SNIPPET(interrupt_off, SELF_IPI "mov $200, %ecx\n 1: dec %ecx\n jnz 1b\n" LEAVE0);
SNIPPET(shadow_sti, SELF_IPI "mov $200, %ecx\n 1: sti\n cli\n dec %ecx\n jnz 1b\n" LEAVE0);
SNIPPET(shadow_hlt, SELF_IPI "sti\n hlt\n 1: cli\n" LEAVE0);
/* Sleeps until the first timer: argument 0 of port 0x5008 = 5 ms. */
#define SLEEP(ns)                                                                    \
    "movabs $0xffffffffc0000000, %rbx\n movabs $" ns ", %rax\n mov %rax, 64(%rbx)\n" \
    "xor %eax, %eax\n mov $0x5008, %edx\n out %eax, %dx\n sti\n hlt\n cli\n"         \
    "mov $0x5004, %edx\n"                                                            \
    "out %eax, %dx\n mov 128(%rbx), %rbx\n"
SNIPPET(idle, SLEEP("5000000") LEAVE0);
SNIPPET(idle_long, SLEEP("9000000000") LEAVE0);

/* Stores to the UMP window in every way a compiler may write one; 0x1000000 is its first page. */
SNIPPET(window,
        "mov $0x1000000, %edi\n movb $0x11, (%rdi)\n movw $0x2222, 2(%rdi)\n"
        "movl $0x33333333, 4(%rdi)\n movq $0x44444444, 8(%rdi)\n mov $0x1122334455667788, %rax\n"
        "mov %rax, 17(%rdi)\n mov %rax, 0x3c(%rdi)\n movq %rax, %xmm1\n movq %xmm1, 0x80(%rdi)\n"
        "punpcklqdq %xmm1, %xmm1\n movaps %xmm1, 0xc0(%rdi)\n movups %xmm1, 0xf8(%rdi)\n"
        "lock xadd %rax, 8(%rdi)\n mov %rax, %rbx\n lock orb $0x40, 0x10(%rdi)\n"
        "mov $0x44444444, %eax\n mov 8(%rdi), %rax\n mov $7, %ecx\n lock cmpxchg %rcx, 8(%rdi)\n"
        "xchg %ecx, 0x20(%rdi)\n incl 0x24(%rdi)\n push %rdi\n mov $0x1000000, %esi\n"
        "mov $0x1000400, %edi\n mov $40, %ecx\n rep movsq\n mov $20, %ecx\n xor %eax, %eax\n"
        "dec %rax\n rep stosb\n pop %rdi\n mov 8(%rdi), %rbp\n"
        "mov $0x1000000, %esi\n mov $0x500000, %edi\n mov $256, %ecx\n rep movsq\n" LEAVE);

/* A breakpoint on the very block that sets it; debug registers keep what they are given. */
SNIPPET(debug_registers,
        "lea 9f(%rip), %rdi\n mov %rdi, %dr0\n mov $0x401, %eax\n mov %rax, %dr7\n 9: nop\n"
        "mov %dr7, %rbx\n mov %dr0, %rbp\n" AFTER(
            "1f") "mov $-1, %rax\n mov %rax, %dr7\n 1: xor %eax, %eax\n mov %rax, %dr7\n"
                  "mov %dr7, %rdx\n" LEAVE0);

/* `lock` before `bts` of a register: #UD on a processor, as first of a block the end of the
 * library. */
SNIPPET(untranslatable, ".byte 0xf0, 0x0f, 0xab, 0xf3\n" LEAVE);

/* ---- nested faults ---- */
SNIPPET(double_fault, AFTER("1f") "ud2\n 1:" LEAVE);
SNIPPET(double_fault_kernel,
        "movabs $0xffff800000000000, %rax\n mov $0x700000, %esp\n push %rax\n");
SNIPPET(triple_fault, "ud2\n");

static void absent_gate(struct machine *machine, uint8_t *data)
{
    (void)machine;
    data[0x1000 + 16 * 6 + 5] &= 0x7f; /* #UD */
}

static void bad_kernel_stack(struct machine *machine, uint8_t *data)
{
    (void)machine;
    uint64_t stack = CPU_USER_HOLE + 0x1000;
    memcpy(data + 0x104, &stack, 8); /* TSS.rsp0: the push of #UD faults, then that of #PF */
}

static void no_gates(struct machine *machine, uint8_t *data)
{
    (void)machine;
    uint16_t limit = 0;
    memcpy(data + 0x210, &limit, 2);
}

static void scrub_address(struct machine *machine, uint8_t *data)
{
    (void)data;
    uint64_t cr3 = machine->boot_entry.cr3;
    uint64_t entry, bytes = 4096;
    memcpy(&entry, cpu_memory(machine, cr3, CPU_USER_TABLE + 0x800), 8);
    entry &= 0xffffffffff000;
    uint8_t *page = cpu_memory(machine, cr3, CPU_USER_DATA);
    memcpy(page + 0x800, &entry, 8);
    memcpy(page + 0x808, &bytes, 8);
}

static void snippet_address(struct machine *machine, uint8_t *data)
{
    uint64_t paddr = 0, cr3 = machine->boot_entry.cr3;
    unsigned count;
    const struct machine_region *region = machine_regions(machine, &count);
    const uint8_t *host = cpu_memory(machine, cr3, CPU_KERNEL_CODE);
    for (unsigned i = 0; i < count; i++)
        if (host >= region[i].host && host < region[i].host + region[i].bytes)
            paddr = region[i].base + (uint64_t)(host - region[i].host);
    paddr += ABI_PHYSMAP_BASE;
    memcpy(data + 0x3a0, &paddr, 8);
}

#define SOFT_INT "int n other than 3 and 4 gives #UD there"
const struct cpu_test cpu_tests[] = {
    { GUEST(divide), .count = 2, .expect = { { 0, 0, 9, 0 }, SYS } },
    { GUEST(breakpoint), .count = 1, .expect = { { 3, 0, 1, 0 } } },
    { GUEST(breakpoint_next), .count = 2, .expect = { { 3, 0, 8, 0 }, SYS } },
    { GUEST(overflow), .count = 2, .expect = { { 4, 0, 9, 0 }, SYS } },
    { GUEST(undefined), .count = 2, .expect = { { 6, 0, 7, 0 }, SYS } },
    { GUEST(single_step), .guest.rflags = 0x302, .count = 4,
      .expect = { { 1, 0, 7, 0 }, { 1, 0, -1, 0 }, { 1, 0, -1, 0 }, { 1, 0, -1, 0 } },
      .any_kvm = "steps loop until popf; only the first steps are looked at" },
    { GUEST(privileged), .count = 6,
      .expect = { { 13, 0, 7, 0 },
                  { 13, 0, -1, 0 },
                  { 13, 0, -1, 0 },
                  { 13, 0, -1, 0 },
                  { 13, 0, -1, 0 },
                  SYS } },
    { GUEST(ports), .count = 5,
      .expect = { { 13, 0, 7, 0 }, { 13, 0, 29, 0 }, { 13, 0, 41, 0 }, { 13, 0, 51, 0 }, SYS } },
    { GUEST(port_strings), .count = 3, .expect = { { 13, 0, 14, 0 }, { 13, 0, 27, 0 }, SYS },
      .any_kvm = "Unicorn's insb stores a zero before it asks the port" },
    { GUEST(not_canonical), .count = 2, .expect = { { 13, 0, 17, 0 }, SYS } },
    { GUEST(not_canonical_stack), .count = 2, .expect = { { 13, 0, 17, 0 }, SYS },
      .any_kvm = "a processor raises #SS here, Unicorn #GP" },
    { GUEST(software_gate), .count = 3,
      .expect = { { 13, 6 * 8 + 2, 7, 0 }, { 13, 100 * 8 + 2, -1, 0 }, SYS },
      .software_kvm = SOFT_INT },
    { GUEST(bad_selector), .count = 2, .expect = { { 13, 0x48, 12, 0 }, SYS } },
    { GUEST(gate_absent), .guest.prepare = absent_gate, .count = 2,
      .expect = { { 11, 6 * 8 + 3, 7, 0 }, SYS },
      .software_kvm = "an absent gate is reported as #DF" },
    { GUEST(x87_error), .count = 2, .expect = { { 16, 0, -1, 0 }, SYS } },
    { GUEST(device_absent), .guest.ring0 = true, .count = 2,
      .expect = { { 7, 0, -1, 0 }, { 6, 0, -1, 0 } },
      .software_kvm = "cannot execute x87 instructions in ring 0" },

    { GUEST(absent_page), .count = 4,
      .expect = { { 14, 4, 7, 0x700123 },
                  { 14, 6, -1, 0x700124 },
                  { 14, 0x14, -1, 0x700125 },
                  SYS } },
    { GUEST(user_bit), .count = 4,
      .expect = { { 14, 5, 7, 0x502010 }, { 14, 7, -1, 0x502010 }, { 14, 5, -1, CPU_TEXT }, SYS } },
    { GUEST(write_bit), .count = 2, .expect = { { 14, 7, 15, 0x501008 }, SYS } },
    { GUEST(no_execute), .count = 2, .expect = { { 14, 0x15, 0x100000, 0x500000 }, SYS } },
    { GUEST(reserved_bits), .count = 2, .expect = { { 14, 0xd, 7, 0x503000 }, SYS } },
    { GUEST(large_page), .count = 2, .expect = { { 14, 7, -1, 0xb00000 }, SYS } },
    { GUEST(upper_half), .count = 1, .expect = { SYS } },
    { GUEST(crosses_page), .count = 2, .expect = { { 14, 7, 7, 0x501000 }, SYS } },
    { GUEST(kernel_write_protect), .guest.ring0 = true, .count = 3,
      .expect = { { 14, 3, 17, CPU_TEXT }, { 14, 3, -1, 0x501000 }, { 6, 0, -1, 0 } } },
    { GUEST(accessed_dirty), .count = 1, .expect = { SYS } },
    { GUEST(table_change), .count = 3, .expect = { SYS, { 14, 4, -1, 0x500000 }, SYS } },
    { GUEST(remap), .count = 3, .expect = { SYS, SYS, SYS } },

    { GUEST(own_code), .count = 1, .expect = { SYS } },
    { GUEST(alias_first), .count = 1, .expect = { SYS } },
    { GUEST(alias_two), .count = 1, .expect = { SYS } },

    { GUEST(scrubbed_code), .guest.prepare = scrub_address, .count = 3,
      .expect = { SYS, SYS, SYS } },
    { GUEST(code_for_another_core), .guest.ring0 = true, .guest.cores = 2,
      .guest.prepare = snippet_address, .count = 1, .expect = { { 6, 0, -1, 0 } },
      .any_kvm = "two cores: when the other one has finished is not determined" },
    { GUEST(syscall_flags), .count = 2, .expect = { SYS, SYS } },
    { GUEST(syscall_loop), .count = 21, .expect = { SYS, SYS, SYS } },
    { GUEST(segment_bases), .guest.cr4 = 1 << 16, .count = 2, .expect = { SYS, SYS } },
    { GUEST(vector_state), .count = 2, .expect = { SYS, SYS } },
    { GUEST(fxsave_works), .count = 1, .expect = { SYS } },
    { GUEST(time_stamp), .count = 1, .expect = { SYS }, .any_kvm = "reads the time" },
    { GUEST(time_stamp_refused), .guest.cr4 = 1 << 2, .count = 3,
      .expect = { { 13, 0, 7, 0 }, { 13, 0, 16, 0 }, SYS },
      .software_kvm = "ring 3 runs with the host's CR4" },
    { GUEST(flags_live), .count = 1, .expect = { SYS } },
    { GUEST(carry_chain), .count = 1, .expect = { SYS } },
    { GUEST(strings), .count = 1, .expect = { SYS } },

    { GUEST(interrupt_user), .count = 3, .expect = { SYS, { 32, 0, -1, 0 }, SYS },
      .any_kvm = "when an interrupt arrives is not determined" },
    { GUEST(interrupt_off), .guest.ring0 = true, .count = 1, .expect = { { 6, 0, -1, 0 } } },
    { GUEST(shadow_sti), .guest.ring0 = true, .count = 1, .expect = { { 6, 0, -1, 0 } } },
    { GUEST(shadow_hlt), .guest.ring0 = true, .count = 2,
      .expect = { { 32, 0, 13, 0 }, { 6, 0, -1, 0 } } },
    { GUEST(idle_long), .guest.ring0 = true, .count = 2,
      .expect = { { 32, 0, -1, 0 }, { 6, 0, -1, 0 } }, .any_kvm = "takes nine seconds" },
    { GUEST(idle), .guest.ring0 = true, .count = 2, .expect = { { 32, 0, -1, 0 }, { 6, 0, -1, 0 } },
      .any_kvm = "reads the time" },

    { GUEST(window), .count = 1, .expect = { SYS } },
    { GUEST(debug_registers), .guest.ring0 = true, .count = 2,
      .expect = { { 13, 0, -1, 0 }, { 6, 0, -1, 0 } },
      .any_kvm = "a processor stops at the breakpoint" },
    { GUEST(untranslatable), .count = 0, .reason = STOP_EMULATION,
      .any_kvm = "an invalid opcode there" },
    { GUEST(double_fault), .guest.prepare = bad_kernel_stack, .count = 2,
      .expect = { { 8, 0, -1, 0 }, SYS },
      .software_kvm = "its `syscall` is a page fault, which double-faults here as well" },
    { GUEST(double_fault_kernel), .guest.ring0 = true, .count = 1, .expect = { { 8, 0, -1, 0 } } },
    { GUEST(triple_fault), .guest.ring0 = true, .guest.prepare = no_gates,
      .reason = STOP_TRIPLE_FAULT },
};

const unsigned cpu_test_count = sizeof(cpu_tests) / sizeof(cpu_tests[0]);
