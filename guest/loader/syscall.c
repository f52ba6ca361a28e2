/* SPDX-License-Identifier: MIT
 *
 * How `syscall` enters on this processor.
 *
 * On software KVM the ring does not change: the processor goes on at LSTAR in ring 3, where it may
 * not read, and that is a page fault with CR2 = LSTAR.  No bit of CPUID tells, and KVM may be below
 * QEMU, so it is tried: one `syscall` in ring 3, with tables that are gone when this returns.  The
 * other processors of the machine are taken to be like this one.
 */
#include "loader.h"

#define USER_BASE 0x8000000000ull /* the second entry of the first table */
#define PTE_PRESENT_WRITE_USER 7
#define VECTOR_PAGE_FAULT 14
#define VECTORS 32
#define ENTRY_BYTES 16
#define SEL_KERNEL_CODE 8
#define GATE_INTERRUPT 0x8e00
#define TABLE_ENTRIES 512

struct table_register {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

/* The state of a task of 64 bits: RSP0 is all that counts. */
struct task_state {
    uint32_t reserved;
    uint64_t rsp0;
    uint32_t rest[23];
} __attribute__((packed));

struct gate {
    uint16_t offset_low, selector, flags, offset_middle;
    uint32_t offset_high, reserved;
};

int syscall_probe(const void *gdtr, const void *idtr, uint64_t rip, uint64_t *cr2);
extern const uint8_t syscall_probe_vectors[], syscall_probe_user[];
extern uint64_t loader_tables[];

static uint64_t user_pages[3][TABLE_ENTRIES] __attribute__((aligned(ABI_PAGE_BYTES)));
static uint8_t fault_stack[512] __attribute__((aligned(16)));

static void map_user_page(const void *page)
{
    loader_tables[1] = (uintptr_t)user_pages[0] | PTE_PRESENT_WRITE_USER;
    user_pages[0][0] = (uintptr_t)user_pages[1] | PTE_PRESENT_WRITE_USER;
    user_pages[1][0] = (uintptr_t)user_pages[2] | PTE_PRESENT_WRITE_USER;
    user_pages[2][0] = (uintptr_t)page | PTE_PRESENT_WRITE_USER;
}

/* The loader's own descriptors, those of ring 3 and the task's. */
static void describe(uint64_t gdt[7], const struct task_state *task)
{
    const uint64_t base = (uintptr_t)task;
    const uint64_t is[] = { 0,
                            0x00af9b000000ffff,
                            0x00cf93000000ffff,
                            0x00cff3000000ffff,
                            0x00affb000000ffff,
                            0x0000890000000000 | (sizeof(*task) - 1) | (base & 0xffffff) << 16 |
                                (base >> 24 & 0xff) << 56,
                            base >> 32 };
    memcpy(gdt, is, sizeof(is));
}

bool syscall_comes_as_fault(void)
{
    static struct task_state task;
    static uint64_t gdt[7];
    static struct gate idt[VECTORS];
    uint64_t cr2 = 0;
    task.rsp0 = (uintptr_t)fault_stack + sizeof(fault_stack);
    describe(gdt, &task);
    for (unsigned i = 0; i < VECTORS; i++) {
        const uint64_t to = (uintptr_t)syscall_probe_vectors + i * ENTRY_BYTES;
        idt[i] = (struct gate){ .offset_low = (uint16_t)to,
                                .selector = SEL_KERNEL_CODE,
                                .flags = GATE_INTERRUPT,
                                .offset_middle = (uint16_t)(to >> 16),
                                .offset_high = (uint32_t)(to >> 32) };
    }
    map_user_page(syscall_probe_user);
    const struct table_register gdtr = { sizeof(gdt) - 1, (uintptr_t)gdt };
    const struct table_register idtr = { sizeof(idt) - 1, (uintptr_t)idt };
    const int end = syscall_probe(&gdtr, &idtr, USER_BASE, &cr2);
    loader_tables[1] = 0; /* before the first use of these addresses CR3 is written again */
    if (end >= 0 && end != VECTOR_PAGE_FAULT)
        loader_fail("`syscall` in ring 3 ends in exception %d", end);
    return end >= 0;
}
