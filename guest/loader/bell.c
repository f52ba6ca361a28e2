/* SPDX-License-Identifier: MIT
 *
 * A device by which vmm interrupts cores: QEMU's ivshmem-doorbell, a function of PCI with one
 * vector (MSI-X) for each core.  Each vector becomes the interrupt that cores send each other, so
 * nobody else needs to know of it: the CPU drivers look at their core pages, as always.
 *
 * Only functions of bus 0 are looked at, where vmm puts it; the firmware has given them addresses.
 */
#include <abi/layout.h>
#include <abi/ports.h>

#include "loader.h"

#define PCI_ADDRESS 0xcf8
#define PCI_DATA 0xcfc
#define PCI_ENABLE 0x80000000u
#define PCI_DEVICES 32
#define PCI_ID 0x00
#define PCI_COMMAND 0x04 /* and status */
#define PCI_COMMAND_MEMORY_MASTER 6
#define PCI_STATUS_LIST 0x100000
#define PCI_BAR(n) (0x10u + 4 * (n))
#define PCI_BAR_FLAGS 0xf
#define PCI_LIST 0x34
#define PCI_LIST_MAX 48 /* what fits into a function's 256 bytes */
#define PCI_ID_IVSHMEM 0x11101af4
#define CAPABILITY_MSIX 0x11
#define MSIX_ENABLE 0x80000000u
#define MSIX_MASKED 0x40000000u
#define MSIX_ENTRIES(control) (((control) >> 16 & 0x7ff) + 1)
#define MSIX_BAR 7
#define MSI_ADDRESS 0xfee00000

/* An entry of the table of vectors. */
struct msix_entry {
    uint32_t address, address_high, data, masked;
};

static void out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static uint32_t in32(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static uint32_t read(unsigned device, unsigned offset)
{
    out32(PCI_ADDRESS, PCI_ENABLE | device << 11 | (offset & 0xfc));
    return in32(PCI_DATA);
}

static void write(unsigned device, unsigned offset, uint32_t value)
{
    out32(PCI_ADDRESS, PCI_ENABLE | device << 11 | (offset & 0xfc));
    out32(PCI_DATA, value);
}

/* Where the capability of this kind begins; 0: the function has none. */
static unsigned find_capability(unsigned device, unsigned kind)
{
    if (!(read(device, PCI_COMMAND) & PCI_STATUS_LIST))
        return 0;
    unsigned at = read(device, PCI_LIST) & 0xfc;
    for (unsigned i = 0; at != 0 && i < PCI_LIST_MAX; i++) {
        const uint32_t head = read(device, at);
        if ((head & 0xff) == kind)
            return at;
        at = head >> 8 & 0xfc;
    }
    return 0;
}

/* The table of vectors; NULL: it lies where this loader maps nothing. */
static volatile struct msix_entry *find_table(unsigned device, unsigned capability)
{
    const uint32_t where = read(device, capability + 4);
    const uint64_t base = read(device, PCI_BAR(where & MSIX_BAR)) & ~PCI_BAR_FLAGS;
    const uint64_t table = base + (where & ~MSIX_BAR);
    return base == 0 || table >= LOADER_MAPPED ? NULL : (volatile struct msix_entry *)table;
}

static bool set_up(unsigned device, const struct shape *shape)
{
    const unsigned capability = find_capability(device, CAPABILITY_MSIX);
    if (capability == 0)
        return false;
    const uint32_t control = read(device, capability);
    volatile struct msix_entry *table = find_table(device, capability);
    if (table == NULL || MSIX_ENTRIES(control) < shape->core_count)
        return false;
    write(device, PCI_COMMAND, (read(device, PCI_COMMAND) & 0xffff) | PCI_COMMAND_MEMORY_MASTER);
    write(device, capability, control | MSIX_ENABLE | MSIX_MASKED);
    for (unsigned core = 0; core < shape->core_count; core++) {
        table[core].address = MSI_ADDRESS | shape->apic_id[core] << 12;
        table[core].address_high = 0;
        table[core].data = ABI_VECTOR;
        table[core].masked = 0;
    }
    write(device, capability, (control | MSIX_ENABLE) & ~MSIX_MASKED);
    return true;
}

bool bell_set_up(const struct shape *shape)
{
    for (unsigned device = 0; device < PCI_DEVICES; device++)
        if (read(device, PCI_ID) == PCI_ID_IVSHMEM)
            return set_up(device, shape);
    return false;
}
