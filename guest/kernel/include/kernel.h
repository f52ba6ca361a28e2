/* SPDX-License-Identifier: MIT
 *
 * Basics of the CPU driver: address types, the core page, panic, console.
 *
 * There is one CPU driver per core, in memory of its own; nothing here is shared with another core,
 * so globals are plain variables.  It is entered with interrupts off and stays so: no locks.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <abi/boot.h>
#include <abi/core_page.h>
#include <abi/layout.h>
#include <abi/ports.h>
#include <abi/report.h>
#include <barrelfish_kpi/types.h>
#include <errors/errno.h>

#include "capability.h"

/* Physical and kernel-virtual addresses do not mix. */
typedef struct {
    uint64_t v;
} paddr_t;

static inline paddr_t paddr(uint64_t v)
{
    return (paddr_t){ v };
}

/* Kernel address of physical memory (RAM only). */
static inline void *phys_to_mem(paddr_t pa)
{
    return (void *)(pa.v + KERNEL_PHYSMAP);
}

static inline paddr_t mem_to_phys(const void *mem)
{
    return paddr((uint64_t)mem - KERNEL_PHYSMAP);
}

#ifdef HOST_TEST
extern struct abi_core_page host_core_page;
extern struct abi_trace_record host_trace_ring[ABI_TRACE_RECORDS];
#define CORE_PAGE ((volatile struct abi_core_page *)&host_core_page)
#define TRACE_RING ((volatile struct abi_trace_record *)host_trace_ring)
#else
#define CORE_PAGE ((volatile struct abi_core_page *)ABI_CORE_AREA_VADDR)
#define TRACE_RING \
    ((volatile struct abi_trace_record *)(ABI_CORE_AREA_VADDR + ABI_TRACE_RING_OFFSET))
#endif

/* Reads memory that a domain may write meanwhile, on another core: once, before it is checked. */
#define read_once(lvalue) (*(const volatile __typeof__(lvalue) *)&(lvalue))

/* Boot information of this core; set once at entry, read-only. */
extern const struct abi_boot *boot_info;

/* This core's number. */
extern coreid_t my_core_id;

/* Prints a line on the machine's console (%s %d %u %x %lx %lu %p). */
void printk(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As printk, but shown by the machine with -v only. */
void trace_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Reports and stops the machine. */
void __attribute__((noreturn, format(printf, 1, 2))) panic(const char *format, ...);

#define kernel_assert(cond)                                                  \
    do {                                                                     \
        if (!(cond))                                                         \
            panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #cond); \
    } while (0)
#undef assert
#define assert(cond) kernel_assert(cond)

/* On hot paths: checked in debug builds only (make KERNEL_DEBUG=1, and all tests on the host),
 * as the bounds of loops are. */
#ifdef KERNEL_DEBUG
#define debug_assert(cond) kernel_assert(cond)
#else
#define debug_assert(cond) ((void)sizeof(!(cond)))
#endif
#include "loop_bound.h"

/* Flight recorder: one record, a handful of instructions (core_page.h). */
static inline void trace_record(uint64_t what, uint64_t arg)
{
    uint64_t head = CORE_PAGE->trace_head;
    volatile struct abi_trace_record *record = &TRACE_RING[head & (ABI_TRACE_RECORDS - 1)];
    record->what = what;
    record->arg = arg;
    CORE_PAGE->trace_head = head + 1;
}

/* The compiler may call these for structures; keep copies small (instructions are dear). */
void *memcpy(void *dst, const void *src, size_t bytes);
void *memset(void *dst, int value, size_t bytes);

#endif
