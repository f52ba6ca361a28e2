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

/* What CPU drivers of a PC know of a core beside its core page: on the spare page behind that. */
struct pc_core {
    uint64_t console; /* of core 0: 1 + who writes a line, 0: nobody */
    uint64_t killed;  /* INIT has stopped it, and it was not started since */
};

static inline volatile struct pc_core *pc_core_of(uint64_t core)
{
    return (struct pc_core *)((char *)core_page_of(core) + ABI_PAGE_BYTES);
}

static inline void pc_outb(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
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

static inline void pc_set_notification(volatile struct abi_core_page *page, uint32_t id)
{
    set_bits(&page->notify_pending[id / 64], 1ull << id % 64);
    set_bits(&page->notify_summary, 1ull << id / 64);
    set_bits(&page->cause, ABI_CAUSE_NOTIFY);
}

/* ---- console.c ---- */

void pc_console(paddr_t text, unsigned length, unsigned kind, paddr_t speaker);
uint64_t pc_input(paddr_t buffer, unsigned bytes, uint32_t notify_id);

/* A line of the CPU driver whose kind says it all. */
void pc_say_number(char kind, uint64_t number);

/* Returns when the last byte has left the UART, or after a while: the machine's end takes what is
 * still in it. */
void pc_console_drain(void);

/* Every interrupt has one vector: if it was the UART's, whoever waits for input is notified. */
void pc_look_for_input(void);

/* Nobody writes a console line any more on behalf of a core that was killed. */
void pc_console_left(uint64_t core);

/* ---- pump.c ---- */

/* Does vmm set bits in the core page without an interrupt? */
bool pc_must_look(void);

/* Asks vmm for something (abi/pump.h), and waits for it. */
void pc_ask_pump(uint64_t request);

void pc_channel(paddr_t description);

/* Tells vmm where programs report, and before that is zeroed; nothing where nobody looks. */
void pc_report(paddr_t block, paddr_t speaker);
void pc_before_scrub(paddr_t base, uint64_t bytes);
uint64_t pc_seen(uint64_t base);

/* ---- apic.c ---- */

/* Switches the local APIC of this core on: as x2APIC where there is one, all its other sources
 * masked. */
void apic_init(void);

/* The interrupt of an ISA device comes to this core from now on, with the vector of all others. */
void apic_take_line(unsigned line);

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
