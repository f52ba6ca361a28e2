/* SPDX-License-Identifier: MIT
 *
 * Inside the loader of a PC.
 */
#ifndef LOADER_H
#define LOADER_H

#define LOADER_END 0x200000       /* memory that is given away begins here */
#define LOADER_MAPPED 0x7c0000000 /* 31 GiB: ABI_RAM_LIMIT */
#define LOADER_LOW_MEMORY 0x8000  /* ABI_PC_LOW_BYTES for the starts of other cores */
#define LOADER_DEBUG_EXIT 0xf4

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <abi/bundle.h>
#include <abi/pump.h>

#include "acpi.h"

/* ---- main.c ---- */

/* Says why it cannot go on, and ends. */
void __attribute__((noreturn, format(printf, 1, 2))) loader_fail(const char *format, ...);

/* ---- memory.c: the free memory of the machine ---- */

struct range {
    uint64_t base, end; /* whole pages */
    unsigned node;
};

#define MEMORY_MAX_RANGES 128

struct memory {
    unsigned count;
    struct range range[MEMORY_MAX_RANGES]; /* in rising order, none empty */
};

/* Adds what is RAM; whole pages between LOADER_END and LOADER_MAPPED of it.  False: too many
 * ranges. */
bool memory_add(struct memory *memory, uint64_t base, uint64_t bytes);

/* Takes base .. end out, if it is there.  False: too many ranges. */
bool memory_remove(struct memory *memory, uint64_t base, uint64_t end);

/* Says which node each range belongs to: `bytes` of each, in the order of addresses, the hole below
 * 4 GiB not counted.  The last node has the rest.  False: too many ranges. */
bool memory_split(struct memory *memory, const struct abi_bundle_node *nodes, unsigned count);

/* Says that what is free of base .. base + bytes - 1 belongs to a node.  False: too many ranges. */
bool memory_assign(struct memory *memory, uint64_t base, uint64_t bytes, unsigned node);

/* Takes `bytes` (whole pages) of a node, aligned, from its lower or upper end; 0: there is none. */
uint64_t memory_take_low(struct memory *memory, unsigned node, uint64_t bytes, uint64_t align);
uint64_t memory_take_high(struct memory *memory, unsigned node, uint64_t bytes, uint64_t align);

/* ---- bundle.c: checking what comes from outside ---- */

/* NULL if the bundle of `bytes` at `bundle` is as it should be, else what is wrong. */
const char *bundle_check(const struct abi_bundle *bundle, uint64_t bytes);

/* A file of the boot menu, where it lies. */
struct boot_file {
    uint64_t base, bytes; /* base is on a page */
    const char *line;     /* of the menu: "path args..." */
    uint32_t flags;       /* ABI_BUNDLE_* */
};

struct boot_files {
    unsigned count;
    struct boot_file file[ABI_BUNDLE_MAX_FILES];
};

/* The files of a bundle that was checked. */
void bundle_files(struct boot_files *files, const struct abi_bundle *bundle);

/* ---- multiboot.c: the start information of Multiboot 2 ---- */

#define MULTIBOOT_MAGIC 0x36d76289 /* EAX at the start */

struct multiboot {
    uint64_t bytes;          /* of the information */
    uint64_t root;           /* of ACPI: a copy of the root pointer; 0: none */
    struct boot_files files; /* the modules; each has its menu line behind its name */
};

/* Adds the free memory to *memory, and lists the modules.  `limit`: bytes that can be read at
 * `info`.  NULL, or what is wrong. */
const char *multiboot_read(struct multiboot *multiboot, struct memory *memory, const uint8_t *info,
                           uint64_t limit);

/* Marks CPU driver and init, by the names of their files.  NULL, or what is missing. */
const char *multiboot_mark_files(struct boot_files *files);

/* Segments of an ELF program; those of the first domain or of the CPU driver. */
struct program {
    uint64_t entry;
    unsigned count;
    struct {
        uint64_t vaddr, bytes; /* whole pages */
        uint64_t lead;         /* where the contents begin in the first page */
        uint64_t file_offset, file_bytes;
        uint64_t flags; /* ABI_SEGMENT_* */
    } segment[ABI_BOOT_MAX_SEGMENTS];
};

/* NULL if the file is a static program whose segments lie in vaddr_min .. vaddr_max, in rising
 * order and no two on one page, else what is wrong. */
const char *program_parse(struct program *program, const uint8_t *file, uint64_t bytes,
                          uint64_t vaddr_min, uint64_t vaddr_max);

/* ---- shape.c: cores and nodes ---- */

struct shape {
    unsigned core_count, node_count;
    uint8_t core_node[ABI_MAX_CORES];
    uint32_t apic_id[ABI_MAX_CORES];
    uint64_t window_bytes[ABI_MAX_NODES];
    bool pump;   /* each window twice (abi/pump.h) */
    bool values; /* and programs are asked what they report */
    uint8_t distance[ABI_MAX_NODES][ABI_MAX_NODES];
};

/* What the bundle says, which was checked. */
void shape_by_bundle(struct shape *shape, const struct abi_bundle *bundle);

/* Without a bundle: all processors, the firmware's nodes, windows of `window_bytes`. */
void shape_by_machine(struct shape *shape, const struct acpi *acpi, uint64_t window_bytes);

/* What the firmware says has priority: which processors there are, and, if it tells of nodes, who
 * belongs to which and how far they are apart.  As many cores are used as the bundle wants.  A node
 * that the bundle does not know gets a window like node 0's.  NULL, or why that cannot be. */
const char *shape_by_acpi(struct shape *shape, const struct acpi *acpi);

/* ---- place.c: the boot information of core 0 ---- */

/* Places everything; returns the entry point of the CPU driver.  `*boot` is where its boot
 * information lies.  Fails with a message. */
uint64_t place(struct memory *memory, const struct boot_files *files, const struct shape *shape,
               const struct acpi *acpi, struct abi_boot **boot);

/* ---- clock.c ---- */

/* Measures both clocks; returns false if there is nothing to measure them by. */
bool clock_measure(uint64_t *tsc_hz, uint64_t *timer_hz);

static inline uint64_t clock_tsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

/* ---- bell.c ---- */

/* Sets up the device by which vmm interrupts each core of the shape.  False: there is none. */
bool bell_set_up(const struct shape *shape);

/* ---- syscall.c ---- */

/* Does `syscall` in ring 3 arrive as a page fault at LSTAR?  Fails if it ends in anything else than
 * that or ring 0. */
bool syscall_comes_as_fault(void);

/* ---- ports ---- */

static inline void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline uint8_t in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

void *memcpy(void *dst, const void *src, size_t bytes);
void *memset(void *dst, int value, size_t bytes);

#endif
#endif
