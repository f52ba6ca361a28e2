/* SPDX-License-Identifier: MIT
 *
 * A guest for tests of engines: runs one snippet of machine code in ring 0 or ring 3 and writes
 * down every trap, with all registers, so that the same snippet can be compared between engines.
 *
 * The snippet says with R15 where to go on after a trap; 0 ends the machine.  After an interrupt it
 * goes on where it was.  `syscall` is logged as CPU_SYSCALL and goes on behind; with RAX = 0 it
 * ends the machine, with RAX = 1 it makes the kernel store a word: *RDI = RSI, in ring 0.  RAX = 2:
 * invlpg RDI.  RAX = 3: port request, argument 0 = RDI, port DX, value ESI.  RAX = 4: scrub, RDI
 * and RSI are the arguments.
 */
#ifndef TESTS_UNIT_CPU_GUEST_H
#define TESTS_UNIT_CPU_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "machine/machine.h"

#define CPU_SYSCALL 0x80
#define CPU_LOG_MAX 48

/* One trap.  Offsets are known to the assembly. */
struct cpu_trap {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
    uint64_t cr2, kernel_cs, kernel_ss, kernel_rflags, cause, spare[5];
};
_Static_assert(sizeof(struct cpu_trap) == 256, "known to the assembly");

/* Addresses in the guest. */
#define CPU_TEXT 0xffffffff80000000ull /* the kernel, then the snippet at CPU_KERNEL_CODE */
#define CPU_KERNEL_CODE (CPU_TEXT + 0x2000)
#define CPU_DATA 0xffffffff80100000ull /* kernel data: GDT, TSS, IDT, log, stacks */
#define CPU_KERNEL_STACK (CPU_DATA + 0x10000)
#define CPU_IST_STACK (CPU_DATA + 0x14000)
#define CPU_USER_CODE 0x400000ull       /* the snippet, R X */
#define CPU_USER_CODE2 0x401000ull      /* the same page of memory, R W */
#define CPU_USER_DATA 0x500000ull       /* R W NX */
#define CPU_USER_READONLY 0x501000ull   /* R NX */
#define CPU_USER_SUPERVISOR 0x502000ull /* U = 0 */
#define CPU_USER_RESERVED 0x503000ull   /* reserved bits set in the entry */
#define CPU_USER_STACK 0x600000ull      /* top of a 4 KiB page, R W NX */
#define CPU_USER_HOLE 0x700000ull       /* not mapped */
#define CPU_USER_LARGE 0x800000ull      /* 2 MiB R W NX */
#define CPU_USER_LARGE_READONLY 0xa00000ull
#define CPU_USER_LARGE_CODE 0xc00000ull      /* 2 MiB R X, first page holds the snippet */
#define CPU_USER_TABLE 0xe00000ull           /* R W: the page table of 0x400000 .. 0x600000 */
#define CPU_WINDOW 0x1000000ull              /* first page of the UMP window, R W NX */
#define CPU_UPPER_USER 0xffff900000000000ull /* user page in the upper half, R W NX */

/* What differs from the usual for one case. */
struct cpu_case {
    const char *name;
    const uint8_t *begin, *end; /* the snippet */
    bool ring0;
    uint64_t rflags;                                         /* at entry to ring 3, 0 = IF only */
    uint64_t fmask;                                          /* MSR FMASK, 0 = IF | DF | TF */
    uint64_t cr4;                                            /* set in addition */
    void (*prepare)(struct machine *machine, uint8_t *data); /* kernel data as loaded */
    unsigned cores;                                          /* 0 = 1 */
    uint64_t ram_bytes;                                      /* 0 = 32 MiB */
    uint64_t deadline_ns;                                    /* 0 = 10 s */
    struct machine_sink sink;
    bool trace;
};

struct cpu_result {
    struct engine_stop why;
    unsigned count;
    struct cpu_trap trap[CPU_LOG_MAX];
    struct core_state state;
    uint64_t hash[2]; /* of the deterministic engine, else 0 */
    struct engine_core_stats stats;
    uint8_t data[4096]; /* the page at CPU_USER_DATA */
};

/* Runs the case on the engine of that name.  Returns NULL, or what failed. */
const char *cpu_run(const char *engine, const struct cpu_case *test,
                    const struct engine_options *options, struct cpu_result *result);

/* The parts of cpu_run, for tests that want the machine: make it, find memory. */
const char *cpu_machine(const struct cpu_case *test, struct machine **machine, bool private_memory);
void *cpu_memory(struct machine *machine, uint64_t cr3, uint64_t vaddr);

/* Defines a snippet: SNIPPET(name, "instructions") gives name_begin[] and name_end[]. */
#define SNIPPET(name, text)                                                    \
    __asm__(".pushsection .rodata\n"                                           \
            ".balign 16\n" #name "_begin:\n" text "\n" #name "_end: .byte 0\n" \
            ".popsection\n");                                                  \
    extern const uint8_t name##_begin[], name##_end[]

/* Ends a snippet in ring 3. */
#define LEAVE "xor %eax, %eax\n syscall\n"
/* Ends a snippet in ring 0: a trap without a place to go on. */
#define LEAVE0 "xor %r15d, %r15d\n ud2\n"

#endif
