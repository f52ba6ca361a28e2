/* SPDX-License-Identifier: MIT
 *
 * x86-64: processor set-up, entry and exit of the CPU driver, page table entries.
 */
#ifndef KERNEL_ARCH_H
#define KERNEL_ARCH_H

#include <abi/boot_tables.h>
#include <barrelfish_kpi/dispatcher_shared.h>
#include <barrelfish_kpi/syscalls.h>

#include "kernel.h"

/* Selectors of the CPU driver's GDT; the order is what `syscall` wants. */
#define SEL_KERNEL_CODE 0x08
#define SEL_KERNEL_DATA 0x10
#define SEL_USER_DATA 0x1b
#define SEL_USER_CODE 0x23
#define SEL_TSS 0x28

#define RFLAGS_IF 0x200
#define RFLAGS_RESERVED1 0x2
/* What a domain may choose: CF PF AF ZF SF TF DF OF AC ID */
#define RFLAGS_USER 0x240dd5

/* First user address that is not: everything below has bit 47 clear. */
#define USER_END 0x800000000000

/* The physical address in a page table entry. */
#define PTE_ADDRESS 0x000ffffffffff000ull

/* Physical address of something in this core's image copy. */
static inline paddr_t kernel_to_phys(const void *p)
{
    return paddr((uint64_t)p - ABI_KERNEL_BASE + boot_info->kernel_paddr);
}

/* Loads GDT, IDT, TSS, system call registers, and protects the CPU driver from itself.  Once, at
 * start. */
void arch_init(void);

/* Says with which of SMEP, SMAP and UMIP this processor keeps ring 3 out. */
void arch_tell_protection(void);

/* Does this processor map pages of 1 GiB? */
bool arch_has_huge_pages(void);

/* Is this an address in the page below the stack? */
bool arch_is_stack_guard(lvaddr_t address);

/* Runs from `area` exactly as saved (rights and addresses sanitised).  `area` belongs to the
 * dispatcher whose address space is loaded. */
void __attribute__((noreturn)) arch_resume(struct registers_x86_64 *area);

/* Enters user mode at `entry` with four arguments, on `stack`, other registers zero. */
void __attribute__((noreturn))
arch_upcall(lvaddr_t entry, lvaddr_t stack, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3);

/* Enters the lrpc upcall (dispatcher_shared.h) with as many of syscall_words as `where` says, and
 * puts success into `area` as the caller's result. */
void __attribute__((noreturn))
arch_lrpc_upcall(lvaddr_t udisp, uint64_t offset, uint64_t where, struct registers_x86_64 *area,
                 lvaddr_t entry, lvaddr_t stack);

/* Waits for an interrupt on a fresh stack; never returns: kernel_idle_interrupt() follows. */
void __attribute__((noreturn)) arch_idle(void);

/* The words of the system call that is being served (syscalls.h), taken from the registers at
 * entry: words 0 to 3 of every call, all of them for SYSCALL_INVOKE.  Written by entry code
 * only. */
extern uint64_t syscall_words[LMP_MSG_WORDS];

/* Called by entry code (syscall.c, trap.c); all end in resume, upcall or idle.  `area` holds the
 * caller's registers and is memory that its domain can write: nothing that is checked may be read
 * from there.  What the CPU driver wants to know of them comes in the other arguments (`head` and
 * `send`: RSI and RDX, `number`: RDI) and in syscall_words. */
typedef void syscall_server(struct registers_x86_64 *area, uint64_t head, uint64_t send,
                            uint64_t number);
syscall_server __attribute__((noreturn)) kernel_syscall;
void __attribute__((noreturn))
kernel_trap(struct registers_x86_64 *area, uint64_t vector, uint64_t error, uint64_t address,
            lvaddr_t rip, lvaddr_t rsp);
void __attribute__((noreturn)) kernel_idle_interrupt(void);
void __attribute__((noreturn))
kernel_fault(uint64_t vector, uint64_t error, uint64_t rip, uint64_t rsp);

/* Who serves system calls: kernel_syscall(), or one that first tells the machine of those that it
 * looks for (abi_core_page.watch).  syscall_init() decides, once: so nobody pays for a question. */
extern syscall_server *serve_syscall;
void syscall_init(void);

/* The current dispatcher cannot be entered: what it wrote into its frame is no state of user mode.
 * arch_bad_state() starts the stack anew and goes on in kernel_bad_state(). */
void __attribute__((noreturn)) arch_bad_state(void);
void __attribute__((noreturn)) kernel_bad_state(void);

/* Loads the FPU from a save area that the domain can write.  What it must not contain is masked,
 * and if another core writes it again just then, this ends in arch_bad_state(). */
void arch_restore_fpu(struct registers_x86_64 *area);

#ifdef HOST_TEST
/* What the processor does is the fixture's to check (tests/unit/kernel_fixture.h). */
void arch_fxsave(struct registers_x86_64 *area);
void arch_fxrstor(const struct registers_x86_64 *area);
void arch_write_cr3(uint64_t cr3);
void arch_reset_segments(lvaddr_t gs_base);
static inline void arch_flush_tlb(void)
{
}
#else
static inline void arch_fxsave(struct registers_x86_64 *area)
{
    __asm__ volatile("fxsave64 %0" : "=m"(area->fxsave_area));
}

/* With all of the x87 state: FXRSTOR of some processors leaves the addresses of the last
 * instruction and operand alone when no exception is pending, FNINIT clears them everywhere. */
static inline void arch_fxrstor(const struct registers_x86_64 *area)
{
    __asm__ volatile("fninit\n\tfxrstor64 %0" ::"m"(area->fxsave_area));
}

static inline void arch_write_cr3(uint64_t cr3)
{
    __asm__ volatile("mov %0, %%cr3" ::"r"(cr3) : "memory");
}

/* DS, ES, FS and GS as every dispatcher finds them, whatever ring 3 had loaded: null selectors, and
 * GS with the base `gs_base`.  FS gets its base at the exit. */
static inline void arch_reset_segments(lvaddr_t gs_base)
{
    __asm__ volatile("mov %0, %%ds\n\t"
                     "mov %0, %%es\n\t"
                     "mov %0, %%fs\n\t"
                     "mov %0, %%gs\n\t"
                     "wrgsbase %1" ::"r"(0),
                     "r"(gs_base));
}

/* Drops all translations of the loaded address space. */
static inline void arch_flush_tlb(void)
{
    uint64_t cr3;
    __asm__ volatile("mov %%cr3, %0\n\tmov %0, %%cr3" : "=r"(cr3)::"memory");
}
#endif

/* Where entry code saves registers: kept current by dispatch (dispatch.c). */
extern struct dispatcher_shared *current_disp;

/* FPU state of a dispatcher that has not used it. */
extern struct registers_x86_64 clean_area;

#endif
