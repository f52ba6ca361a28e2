/* SPDX-License-Identifier: MIT
 *
 * The local APIC (Intel SDM volume 3, chapter "Advanced Programmable Interrupt Controller").
 *
 * As x2APIC its registers are MSRs, else words of a page of device memory, which is mapped behind
 * this core's area.  Everything comes with one vector, spurious interrupts too: whoever takes it
 * looks at cause word and clock, and an end of interrupt that was not needed does nothing.
 *
 * The timer counts down once.  It has a rate of its own, which the loader measured; TSC deadlines
 * would save the division, but not every machine has them, and one way is easier to trust than two.
 */
#include "arch.h"
#include "plat/pc/pc.h"

#define MSR_APIC_BASE 0x1b
#define APIC_BASE_X2APIC (1u << 10)
#define APIC_BASE_ENABLE (1u << 11)
#define MSR_X2APIC 0x800
#define CPUID_1_ECX_X2APIC (1u << 21)

/* Registers: number of the MSR, and offset in units of 16 bytes. */
#define APIC_TPR 0x08
#define APIC_EOI 0x0b
#define APIC_SPURIOUS 0x0f
#define APIC_ICR 0x30
#define APIC_ICR_HIGH 0x31
#define APIC_LVT_TIMER 0x32
#define APIC_LVT_THERMAL 0x33
#define APIC_LVT_PERFORMANCE 0x34
#define APIC_LVT_LINT0 0x35
#define APIC_LVT_LINT1 0x36
#define APIC_LVT_ERROR 0x37
#define APIC_TIMER_COUNT 0x38
#define APIC_TIMER_DIVIDER 0x3e

#define SPURIOUS_ENABLE 0x100
#define LVT_MASKED 0x10000
#define ICR_INIT 0x4500 /* assert, edge */
#define ICR_STARTUP 0x4600
#define ICR_FIXED 0x4000
#define ICR_PENDING 0x1000
#define DIVIDE_BY_1 0xb
#define TIMER_MAX 0xffffffffu

#define AREA_PAGES (ABI_CORE_AREA_BYTES / ABI_PAGE_BYTES)
#define PTE_DEVICE \
    (ABI_PTE_PRESENT | ABI_PTE_WRITE | ABI_PTE_ACCESSED | ABI_PTE_DIRTY | ABI_PTE_NX | 0x18)

static bool x2apic;
static volatile uint32_t *const registers =
    (volatile uint32_t *)(ABI_CORE_AREA_VADDR + ABI_CORE_AREA_BYTES);

static uint64_t read_msr(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static void write_msr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

static void apic_write(unsigned number, uint32_t value)
{
    if (x2apic)
        write_msr(MSR_X2APIC + number, value);
    else
        registers[number * 4] = value;
}

/* In the table that maps this core's area, so many pages behind its last one. */
static void map_registers(unsigned page, uint64_t physical)
{
    uint64_t *table = phys_to_mem(paddr(boot_info->pml4));
    for (unsigned shift = 39; shift > 12; shift -= 9)
        table = phys_to_mem(paddr(table[ABI_CORE_AREA_VADDR >> shift & 511] & PTE_ADDRESS));
    table[AREA_PAGES + page] = (physical & PTE_ADDRESS) | PTE_DEVICE;
}

static bool has_x2apic(void)
{
    uint32_t eax = 1, ebx, ecx, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    return ecx & CPUID_1_ECX_X2APIC;
}

void apic_init(void)
{
    static const uint8_t masked[] = { APIC_LVT_THERMAL, APIC_LVT_PERFORMANCE, APIC_LVT_LINT0,
                                      APIC_LVT_LINT1, APIC_LVT_ERROR };
    const uint64_t base = read_msr(MSR_APIC_BASE);
    x2apic = has_x2apic();
    write_msr(MSR_APIC_BASE, base | APIC_BASE_ENABLE | (x2apic ? APIC_BASE_X2APIC : 0));
    if (!x2apic)
        map_registers(0, base);
    for (unsigned i = 0; i < sizeof(masked); i++)
        apic_write(masked[i], LVT_MASKED | ABI_VECTOR);
    apic_write(APIC_TPR, 0);
    apic_write(APIC_TIMER_DIVIDER, DIVIDE_BY_1);
    apic_write(APIC_LVT_TIMER, ABI_VECTOR);
    apic_write(APIC_SPURIOUS, SPURIOUS_ENABLE | ABI_VECTOR);
}

/* The I/O APIC of QEMU's boards; lines of ISA devices are its first 16. */
#define IO_APIC_BASE 0xfec00000
#define IO_APIC_SELECT 0
#define IO_APIC_WINDOW 4 /* in words */
#define IO_APIC_REDIRECTION 0x10

void apic_take_line(unsigned line)
{
    volatile uint32_t *io_apic = registers + ABI_PAGE_BYTES / sizeof(*registers);
    map_registers(1, IO_APIC_BASE);
    io_apic[IO_APIC_SELECT] = IO_APIC_REDIRECTION + 2 * line + 1;
    io_apic[IO_APIC_WINDOW] = boot_info->pc.apic_id[my_core_id] << 24;
    io_apic[IO_APIC_SELECT] = IO_APIC_REDIRECTION + 2 * line;
    io_apic[IO_APIC_WINDOW] = ABI_VECTOR; /* fixed, edge, not masked */
}

void apic_eoi(void)
{
    apic_write(APIC_EOI, 0);
}

/* What was stored before is seen by the core that the message reaches: a store to device memory
 * comes after all others, a write to an MSR of the x2APIC needs the fences. */
static void send(uint64_t core, uint32_t what)
{
    const uint32_t target = boot_info->pc.apic_id[core];
    if (x2apic) {
        __asm__ volatile("mfence\n\tlfence" ::: "memory");
        write_msr(MSR_X2APIC + APIC_ICR, (uint64_t)target << 32 | what);
        return;
    }
    /* one message after the other: the last one is on its way in a few cycles */
    while (registers[APIC_ICR * 4] & ICR_PENDING)
        __asm__ volatile("pause");
    registers[APIC_ICR_HIGH * 4] = target << 24;
    registers[APIC_ICR * 4] = what;
}

void apic_interrupt(coreid_t core)
{
    send(core, ICR_FIXED | ABI_VECTOR);
}

void apic_send_init(uint64_t core)
{
    send(core, ICR_INIT);
}

void apic_send_startup(uint64_t core, uint64_t page)
{
    send(core, ICR_STARTUP | (uint32_t)(page / ABI_PAGE_BYTES));
}

void apic_timer(uint64_t ns)
{
    uint64_t count = TIMER_MAX;
    if (ns < 1000000000)
        count = (ns * boot_info->pc.timer_hz + 999999999) / 1000000000;
    apic_write(APIC_TIMER_COUNT, count > TIMER_MAX ? TIMER_MAX : (uint32_t)count);
}
