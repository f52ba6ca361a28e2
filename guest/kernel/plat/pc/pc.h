/* SPDX-License-Identifier: MIT
 *
 * Inside plat/pc.
 */
#ifndef PLAT_PC_H
#define PLAT_PC_H

#include "plat/platform.h"

/* The area of another core (core_page.h): what the machine does on our own hardware, CPU drivers do
 * for each other here. */
static inline struct abi_core_page *core_page_of(uint64_t core)
{
    return phys_to_mem(
        paddr(boot_info->core_area + (core - boot_info->core) * ABI_CORE_AREA_BYTES));
}

static inline uint8_t pc_inb(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint64_t pc_tsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

/* ---- apic.c ---- */

/* Switches the local APIC of this core on: as x2APIC where there is one, all its other sources
 * masked. */
void apic_init(void);

/* End of interrupt. */
void apic_eoi(void);

/* Interrupts a core with ABI_VECTOR. */
void apic_interrupt(coreid_t core);

/* INIT and start-up messages to a core that waits for them; `page`: physical, below 1 MiB. */
void apic_send_init(uint64_t core);
void apic_send_startup(uint64_t core, uint64_t page);

/* The timer interrupts after `ns`, or earlier if that is too long for it; 0: never. */
void apic_timer(uint64_t ns);

/* ---- start.c ---- */

uint64_t pc_start_core(uint64_t core, uint64_t entry, uint64_t rdi, uint64_t cr3);
uint64_t pc_kill_core(uint64_t core);
uint64_t pc_retire_core(uint64_t core);
uint64_t pc_core_available(uint64_t core);
uint64_t pc_core_late(uint64_t core, uint64_t *late_ns);

#endif
