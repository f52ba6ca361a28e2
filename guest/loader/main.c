/* SPDX-License-Identifier: MIT
 *
 * The loader of a PC: from the firmware's hands to the CPU driver of core 0.
 *
 * QEMU (or whoever speaks the PVH boot protocol) starts it with a map of the memory and one module,
 * the bundle (abi/bundle.h); GRUB (or whoever speaks Multiboot 2) with a module for each file of
 * the menu.  It does what vmm does on our own machine (place.c), so the CPU driver
 * finds the same boot information everywhere; and it measures the clocks.  It runs once, on core 0,
 * in memory that nobody uses afterwards.
 *
 * The CPU driver is entered through the loader's tables, which get the upper half of the final
 * ones; it loads those itself, as it does on every other core.
 */
#include <stdarg.h>

#include <abi/boot_tables.h>

#include "loader.h"

#define UART 0x3f8
#define UART_FIFO_CONTROL (UART + 2)
#define UART_FIFO_ON 1
#define PIC_MASK_MASTER 0x21
#define PIC_MASK_SLAVE 0xa1
#define FAIL_CODE 126
#define CPUID_TOPOLOGY 11
#define WINDOW_BYTES 0x1000000 /* of each node, if no bundle says how much: as a scenario's */

/* PVH start information, version 1. */
#define PVH_MAGIC 0x336ec578
#define PVH_RAM 1
#define PVH_MAX_ENTRIES 256
struct pvh_start {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, cmdline, rsdp, map;
    uint32_t map_entries, reserved;
};
struct pvh_module {
    uint64_t base, bytes, cmdline, reserved;
};
struct pvh_range {
    uint64_t base, bytes;
    uint32_t type, reserved;
};

extern uint64_t loader_tables[512];
void __attribute__((noreturn)) loader_jump(uint64_t entry, const struct abi_boot *boot);
void loader_main(const void *start, uint32_t magic);

static struct memory memory;
static struct acpi acpi; /* nothing in it: the firmware has no tables */
static struct shape shape;
static struct boot_files files;

static void put(char c)
{
    out8(UART, (uint8_t)c);
}

static void put_number(unsigned value)
{
    if (value >= 10)
        put_number(value / 10);
    put((char)('0' + value % 10));
}

/* Knows %s and %u.  The line looks like one of the CPU driver (plat/pc). */
void loader_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    for (const char *s = "0.000000 0 k -: loader: "; *s != '\0'; s++)
        put(*s);
    for (const char *f = format; *f != '\0'; f++) {
        if (f[0] == '%' && f[1] == 'u') {
            put_number(va_arg(args, unsigned));
            f++;
        } else if (f[0] == '%' && f[1] == 's') {
            for (const char *s = va_arg(args, const char *); *s != '\0'; s++)
                put(*s >= ' ' ? *s : '?');
            f++;
        } else {
            put(*f);
        }
    }
    va_end(args);
    for (const char *s = "\r\n0.000000 0 p -: 126\r\n"; *s != '\0'; s++)
        put(*s);
    __asm__ volatile("outl %0, %1" ::"a"(FAIL_CODE), "Nd"((uint16_t)LOADER_DEBUG_EXIT));
    for (;;)
        __asm__ volatile("cli\n\thlt");
}

/* ---- what started us ---- */

static const struct abi_bundle *find_bundle(const struct pvh_start *start)
{
    if (start->module_count == 0)
        loader_fail("there is no bundle (QEMU: -initrd)");
    const struct pvh_module *module = (const struct pvh_module *)start->modules;
    if (module->base > LOADER_MAPPED || module->bytes > LOADER_MAPPED - module->base)
        loader_fail("the bundle lies too high");
    const struct abi_bundle *bundle = (const struct abi_bundle *)module->base;
    const char *wrong = bundle_check(bundle, module->bytes);
    if (wrong != NULL)
        loader_fail("the bundle: %s", wrong);
    return bundle;
}

/* The APIC identifier of this processor, on which the machine starts. */
static uint32_t own_apic_id(void)
{
    uint32_t eax = 0, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    if (eax >= CPUID_TOPOLOGY) {
        eax = CPUID_TOPOLOGY;
        ecx = 0;
        __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
        if (ebx != 0)
            return edx;
    }
    eax = 1;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return ebx >> 24;
}

/* False: the firmware has no tables. */
static bool find_acpi(uint64_t root)
{
    const struct acpi_view view = { 0, ABI_PAGE_BYTES, LOADER_MAPPED };
    if (root == 0)
        root = acpi_find_root(&view);
    if (root == 0)
        return false;
    const char *wrong = acpi_read(&acpi, &view, root);
    if (wrong != NULL)
        loader_fail("the firmware's tables (ACPI): %s", wrong);
    if (!acpi_put_first(&acpi, own_apic_id()))
        loader_fail("the firmware's tables (ACPI) do not know this processor");
    return true;
}

/* To which node memory belongs, if the firmware says so. */
static void assign_memory(void)
{
    bool ok = true;
    for (unsigned i = 0; ok && i < acpi.range_count; i++)
        ok = memory_assign(&memory, acpi.range[i].base, acpi.range[i].bytes, acpi.range[i].node);
    if (!ok)
        loader_fail("the memory lies in too many pieces");
}

static void keep(uint64_t base, uint64_t bytes)
{
    if (!memory_remove(&memory, base, base + bytes))
        loader_fail("the memory lies in too many pieces");
}

/* Returns the seed. */
static uint64_t by_pvh(const struct pvh_start *start)
{
    const struct abi_bundle *bundle = find_bundle(start);
    const struct pvh_range *map = (const struct pvh_range *)start->map;
    bundle_files(&files, bundle);
    shape_by_bundle(&shape, bundle);
    const char *wrong = find_acpi(start->rsdp) ? shape_by_acpi(&shape, &acpi) : NULL;
    if (wrong != NULL)
        loader_fail("%s: %u, and not %u", wrong, acpi.core_count, bundle->core_count);
    bool ok = start->version >= 1 && start->map_entries <= PVH_MAX_ENTRIES;
    for (unsigned i = 0; ok && i < start->map_entries; i++)
        if (map[i].type == PVH_RAM)
            ok = memory_add(&memory, map[i].base, map[i].bytes);
    if (!ok)
        loader_fail("the map of the memory cannot be used");
    if (acpi.range_count == 0 && !memory_split(&memory, bundle->node, bundle->node_count))
        loader_fail("the memory lies in too many pieces");
    assign_memory();
    keep((uint64_t)bundle, bundle->bytes);
    return bundle->seed;
}

static uint64_t by_multiboot(const uint8_t *info)
{
    static struct multiboot multiboot;
    const char *wrong = multiboot_read(&multiboot, &memory, info, LOADER_MAPPED - (uint64_t)info);
    if (wrong == NULL)
        wrong = multiboot_mark_files(&multiboot.files);
    if (wrong != NULL)
        loader_fail("%s", wrong);
    if (!find_acpi(multiboot.root))
        loader_fail("the firmware has no tables (ACPI) that say which processors there are");
    files = multiboot.files;
    shape_by_machine(&shape, &acpi, WINDOW_BYTES);
    assign_memory();
    keep((uint64_t)info, multiboot.bytes);
    for (unsigned i = 0; i < files.count; i++)
        keep(files.file[i].base, files.file[i].bytes);
    return clock_tsc();
}

void loader_main(const void *start, uint32_t magic)
{
    const uint64_t zero = clock_tsc();
    out8(PIC_MASK_MASTER, 0xff);
    out8(PIC_MASK_SLAVE, 0xff);
    out8(UART_FIFO_CONTROL, UART_FIFO_ON); /* the CPU driver writes 16 bytes at once */
    uint64_t seed = 0;
    if (magic == MULTIBOOT_MAGIC)
        seed = by_multiboot(start);
    else if (((const struct pvh_start *)start)->magic == PVH_MAGIC)
        seed = by_pvh(start);
    else
        loader_fail("started neither by PVH nor by Multiboot 2");
    struct abi_boot *boot;
    const uint64_t entry = place(&memory, &files, &shape, &acpi, &boot);
    boot->seed = seed;
    if (boot->pc.pump != 0)
        ((struct abi_pump *)boot->pc.pump)->bell = bell_set_up(&shape);
    boot->flags = ABI_BOOT_PC | (syscall_comes_as_fault() ? ABI_BOOT_SYSCALL_FAULTS : 0);
    boot->pc.tsc_at_zero = zero;
    boot->pc.low_memory = LOADER_LOW_MEMORY;
    memcpy(boot->pc.apic_id, shape.apic_id, sizeof(boot->pc.apic_id));
    if (!clock_measure(&boot->tsc_hz, &boot->pc.timer_hz))
        loader_fail("there is no 8254 timer by which the clocks could be measured");
    memcpy(loader_tables + 256, (const uint64_t *)boot->pml4 + 256, 256 * sizeof(uint64_t));
    loader_jump(entry, boot);
}
