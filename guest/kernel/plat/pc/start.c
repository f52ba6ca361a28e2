/* SPDX-License-Identifier: MIT
 *
 * Starting another core: INIT, then start-up messages until it has left the low page (Intel SDM
 * volume 3, "Multiple-Processor Management", MP initialization).
 *
 * The core begins in real mode at a page below 1 MiB, which the loader set aside; start_page.S is
 * copied there.  Its tables map that page at its own address, and in the upper half what the new
 * core's final tables map, so it can jump into its own copy of the CPU driver, which then loads the
 * final ones.
 *
 *   low page 0   code, with entry, boot information and table at its end
 *   low page 1   top-level table
 *   low page 2   next table, for the first GiB
 *   low page 3   next table: one large page
 *
 * Whether it runs is seen in its own area: it says a phase there.  Only then may the pages be used
 * for the next core, so this waits.  A core that is not there costs START_NS, and the caller learns
 * it.
 */
#include <abi/pump.h>

#include "arch.h"
#include "plat/pc/pc.h"

#define START_NS 500000000
#define INIT_NS 10000000 /* between INIT and the first start-up message of a core that has run */
#define BOOTSTRAP_CORE 0
#define AGAIN_NS 2000000 /* between start-up messages: the core ignores what it does not need */

/* start_page.S */
extern const char start_page[], start_page_end[], start_page_words[];

/* What the code finds at its end. */
struct start_words {
    uint32_t table; /* below 4 GiB: 32-bit code loads it */
    uint32_t reserved;
    uint64_t entry, rdi;
};

static uint64_t *upper_half(uint64_t table)
{
    return (uint64_t *)phys_to_mem(paddr(table)) + 256;
}

static void fill_low_memory(uint64_t entry, uint64_t rdi, uint64_t cr3)
{
    const uint64_t low = boot_info->pc.low_memory;
    const uint64_t flags = ABI_PTE_PRESENT | ABI_PTE_WRITE;
    char *code = phys_to_mem(paddr(low));
    uint64_t *table = (uint64_t *)(code + ABI_PAGE_BYTES);
    memcpy(code, start_page, (size_t)(start_page_end - start_page));
    memset(table, 0, 3 * ABI_PAGE_BYTES);
    table[0] = (low + 2 * ABI_PAGE_BYTES) | flags;
    table[512] = (low + 3 * ABI_PAGE_BYTES) | flags;
    table[1024] = flags | ABI_PTE_LARGE;
    memcpy(table + 256, upper_half(cr3), 256 * sizeof(*table));
    volatile struct start_words *words =
        (volatile struct start_words *)(code + (start_page_words - start_page));
    words->table = (uint32_t)(low + ABI_PAGE_BYTES);
    words->entry = entry;
    words->rdi = rdi;
}

static void wait_until(systime_t end)
{
    while (plat_time() < end)
        __asm__ volatile("pause");
}

static bool wait_until_running(const volatile struct abi_core_page *page, systime_t until)
{
    while (page->phase == ABI_PHASE_NONE && plat_time() < until)
        __asm__ volatile("pause");
    return page->phase != ABI_PHASE_NONE;
}

static bool is_in_memory(uint64_t physical)
{
    const struct abi_topology *topology = &boot_info->topology;
    for (unsigned n = 0; n < topology->node_count; n++)
        if (physical - topology->node[n].ram_base < topology->node[n].ram_bytes)
            return physical % ABI_PAGE_BYTES == 0;
    return false;
}

/* INIT stops a core wherever it is, and it waits to be started.  (The command has left when this
 * returns: the APIC says so.)  Core 0 would start its firmware instead, among the others. */
uint64_t pc_kill_core(uint64_t core)
{
    if (core == BOOTSTRAP_CORE)
        return ABI_RESULT_BAD_REQUEST;
    apic_send_init(core);
    pc_core_of(core)->killed = 1;
    pc_console_left(core);
    pc_ask_pump(ABI_PUMP_KILLED | core << 8);
    return ABI_RESULT_OK;
}

/* Stopping it on purpose is the same: it is ready to be started either way. */
uint64_t pc_retire_core(uint64_t core)
{
    return pc_kill_core(core);
}

/* Never started, or stopped by INIT. */
uint64_t pc_core_available(uint64_t core)
{
    return core_page_of(core)->phase == ABI_PHASE_NONE || pc_core_of(core)->killed
               ? ABI_RESULT_OK
               : ABI_RESULT_CORE_RUNNING;
}

/* A PC has no host that it knows of. */
uint64_t pc_core_late(uint64_t core, uint64_t *late_ns)
{
    (void)core;
    *late_ns = 0;
    return ABI_RESULT_OK;
}

uint64_t pc_start_core(uint64_t core, uint64_t entry, uint64_t rdi, uint64_t cr3)
{
    struct abi_core_page *page = core_page_of(core);
    if (pc_core_available(core) != ABI_RESULT_OK)
        return ABI_RESULT_CORE_RUNNING;
    if (entry < ABI_KERNEL_BASE || !is_in_memory(rdi) || !is_in_memory(cr3))
        return ABI_RESULT_BAD_ADDRESS;
    fill_low_memory(entry, rdi, cr3);
    apic_send_init(core);
    if (pc_core_of(core)->killed) {
        wait_until(plat_time() + INIT_NS); /* it has stopped, and what it wrote is there */
        memset(page, 0, sizeof(*page));
        pc_ask_pump(ABI_PUMP_STARTED | core << 8);
        pc_core_of(core)->killed = 0;
    }
    const systime_t end = plat_time() + START_NS;
    do {
        apic_send_startup(core, boot_info->pc.low_memory);
        if (wait_until_running(page, plat_time_cached() + AGAIN_NS))
            return ABI_RESULT_OK;
    } while (plat_time() < end);
    return ABI_RESULT_NO_SUCH_CORE;
}
