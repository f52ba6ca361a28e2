/* SPDX-License-Identifier: MIT
 *
 * Descriptor tables and system call registers of this core.
 *
 * All tables are private to the core (they lie in its image copy) and mostly constant: the GDT is
 * complete but for the TSS base, the IDT is filled from the vector table of entry.S.  FS and GS are
 * bases only; GS holds the dispatcher's address in user mode and nothing uses it here.
 *
 * Two nets below the CPU driver's own faults: a page below its stack that is not there, and what
 * CR4 of this processor can forbid: to execute (SMEP) or touch (SMAP) pages of ring 3 by their
 * addresses there, which the CPU driver never does, since it sees all memory in its physical map;
 * and ring 3 to read descriptor table registers (UMIP).
 */
#include "arch.h"

#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_SFMASK 0xc0000084

#define CR4_UMIP (1ull << 11)
#define CR4_SMEP (1ull << 20)
#define CR4_SMAP (1ull << 21)
#define CPUID_FEATURES 7 /* leaf; EBX and ECX of its first part */
#define EBX_SMEP (1u << 7)
#define EBX_SMAP (1u << 20)
#define ECX_UMIP (1u << 2)

#define IDT_VECTORS 33
#define VECTOR_DOUBLE_FAULT 8
#define FAULT_IST 1
#define GATE_INTERRUPT 0x8e /* present, ring 0, interrupts off on entry */
#define GATE_USER_INT3 0xee /* the same, ring 3 may raise it */

struct idt_gate {
    uint16_t offset0;
    uint16_t selector;
    uint8_t ist;
    uint8_t type;
    uint16_t offset1;
    uint32_t offset2;
    uint32_t reserved;
};

struct __attribute__((packed)) tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t iomap;
};

struct __attribute__((packed)) table_register {
    uint16_t limit;
    const void *base;
};

extern const uint64_t vector_table[IDT_VECTORS];
extern char kernel_stack_guard[], kernel_stack_top[], fault_stack_top[], syscall_entry[];

/* Does `syscall` arrive as a page fault?  Read by entry.S. */
uint8_t syscall_faults;

/* Must an exception clear RFLAGS.AC?  Read by entry.S. */
uint8_t smap_on;

static struct tss tss;
static struct idt_gate idt[IDT_VECTORS];
static uint64_t gdt[] = {
    0,
    0x00af9b000000ffff, /* kernel code */
    0x00cf93000000ffff, /* kernel data */
    0x00cff3000000ffff, /* user data */
    0x00affb000000ffff, /* user code */
    0,
    0, /* TSS */
};

struct registers_x86_64 clean_area;

static void write_msr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static void load_gdt(void)
{
    uint64_t base = (uint64_t)&tss;
    gdt[5] =
        (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
    gdt[6] = base >> 32;
    tss.rsp[0] = (uint64_t)kernel_stack_top;
    tss.ist[FAULT_IST - 1] = (uint64_t)fault_stack_top;
    tss.iomap = sizeof(tss); /* no ports for user mode */

    struct table_register gdtr = { sizeof(gdt) - 1, gdt };
    __asm__ volatile("lgdt %0\n\t"
                     "mov %w1, %%ds\n\t"
                     "mov %w1, %%es\n\t"
                     "mov %w1, %%ss\n\t"
                     "mov %w2, %%fs\n\t"
                     "mov %w2, %%gs\n\t"
                     "pushq %3\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1:\n\t"
                     "ltr %w4" ::"m"(gdtr),
                     "r"(SEL_KERNEL_DATA), "r"(0), "i"(SEL_KERNEL_CODE), "r"(SEL_TSS)
                     : "rax", "memory");
}

static void load_idt(void)
{
    for (unsigned v = 0; v < IDT_VECTORS; v++) {
        uint64_t entry = vector_table[v];
        if (entry == 0)
            continue;
        idt[v] = (struct idt_gate){
            .offset0 = (uint16_t)entry,
            .selector = SEL_KERNEL_CODE,
            .ist = v == VECTOR_DOUBLE_FAULT ? FAULT_IST : 0,
            .type = v == 3 || v == 4 ? GATE_USER_INT3 : GATE_INTERRUPT,
            .offset1 = (uint16_t)(entry >> 16),
            .offset2 = (uint32_t)(entry >> 32),
        };
    }
    struct table_register idtr = { sizeof(idt) - 1, idt };
    __asm__ volatile("lidt %0" ::"m"(idtr));
}

/* The entry of the page table that maps `address` of the CPU driver's image; NULL if there is none
 * of pages of 4 KiB. */
static uint64_t *image_pte(const void *address)
{
    const uint64_t va = (uint64_t)address;
    uint64_t *table = phys_to_mem(paddr(boot_info->pml4));
    for (unsigned shift = 39; shift > 12; shift -= 9) {
        const uint64_t entry = table[va >> shift & 511];
        if (!(entry & ABI_PTE_PRESENT) || (entry & ABI_PTE_LARGE))
            return NULL;
        table = phys_to_mem(paddr(entry & PTE_ADDRESS));
    }
    return &table[va >> 12 & 511];
}

/* All address spaces share these tables.  Without them (a loader may map as it likes) there is no
 * guard. */
static void guard_stack(void)
{
    uint64_t *entry = image_pte(kernel_stack_guard);
    if (entry == NULL)
        return;
    *entry = 0;
    __asm__ volatile("invlpg %0" ::"m"(*kernel_stack_guard) : "memory");
}

bool arch_is_stack_guard(lvaddr_t address)
{
    return address - (lvaddr_t)kernel_stack_guard < ABI_PAGE_BYTES;
}

static void cpuid(uint32_t leaf, uint32_t *eax, uint32_t *ebx, uint32_t *ecx)
{
    uint32_t edx;
    __asm__ volatile("cpuid" : "=a"(*eax), "=b"(*ebx), "=c"(*ecx), "=d"(edx) : "a"(leaf), "c"(0));
}

static uint64_t protection; /* what of CR4 this processor has */

static void protect_from_user(void)
{
    uint32_t leaves, ebx, ecx, unused;
    cpuid(0, &leaves, &ebx, &ecx);
    if (leaves < CPUID_FEATURES)
        return;
    cpuid(CPUID_FEATURES, &unused, &ebx, &ecx);
    uint64_t cr4;
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    if (ebx & EBX_SMEP)
        cr4 |= CR4_SMEP;
    if (ebx & EBX_SMAP)
        cr4 |= CR4_SMAP;
    if (ecx & ECX_UMIP)
        cr4 |= CR4_UMIP;
    __asm__ volatile("mov %0, %%cr4" ::"r"(cr4));
    smap_on = (ebx & EBX_SMAP) != 0;
    protection = cr4;
}

/* ---- pages ---- */

#define CPUID_EXTENDED 0x80000000
#define EDX_HUGE_PAGES (1u << 26)
#define MSR_PAT 0x277
/* As after reset, but for entry 4, which PTABLE_ATTR_INDEX alone chooses: write combining. */
#define PAT_VALUE 0x0007040100070406

static bool huge_pages;

static void set_up_pages(void)
{
    uint32_t eax, ebx, ecx, edx;
    write_msr(MSR_PAT, PAT_VALUE);
    cpuid(CPUID_EXTENDED, &eax, &ebx, &ecx);
    if (eax < CPUID_EXTENDED + 1)
        return;
    __asm__ volatile("cpuid"
                     : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx)
                     : "a"(CPUID_EXTENDED + 1));
    huge_pages = (edx & EDX_HUGE_PAGES) != 0;
}

bool arch_has_huge_pages(void)
{
    return huge_pages;
}

void arch_tell_protection(void)
{
    trace_line("ring 3 is kept out by%s%s%s%s", protection & CR4_SMEP ? " SMEP" : "",
               protection & CR4_SMAP ? " SMAP" : "", protection & CR4_UMIP ? " UMIP" : "",
               protection & (CR4_SMEP | CR4_SMAP | CR4_UMIP) ? "" : " page tables alone");
}

void arch_init(void)
{
    syscall_faults = (boot_info->flags & ABI_BOOT_SYSCALL_FAULTS) != 0;
    load_gdt();
    load_idt();
    guard_stack();
    protect_from_user();
    set_up_pages();
    /* syscall: kernel CS 0x08, SS 0x10; sysret is not used */
    write_msr(MSR_STAR, (uint64_t)SEL_KERNEL_CODE << 32 | (uint64_t)SEL_KERNEL_DATA << 48);
    write_msr(MSR_LSTAR, (uint64_t)syscall_entry);
    write_msr(MSR_SFMASK, 0x47700); /* TF IF DF IOPL NT AC off */

    /* FPU as after reset, with the usual masks: what a new domain starts with. */
    *(uint16_t *)&clean_area.fxsave_area[0] = 0x37f;
    *(uint32_t *)&clean_area.fxsave_area[24] = 0x1f80;
    arch_fxrstor(&clean_area);
}
