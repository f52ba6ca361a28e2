/* SPDX-License-Identifier: MIT
 *
 * What CPU drivers do where vmm carries lines (abi/pump.h).  Where nobody does, nobody is asked.
 */
#include <abi/pump.h>

#include "arch.h"
#include "plat/pc/pc.h"

static struct abi_pump *pump(void)
{
    return phys_to_mem(paddr(boot_info->pc.pump));
}

bool pc_must_look(void)
{
    return boot_info->pc.pump != 0 && pump()->bell == 0;
}

/* vmm is the device: as long as it does not answer, this core stands still, as at any device. */
void pc_ask_pump(uint64_t what)
{
    if (boot_info->pc.pump == 0)
        return;
    volatile uint64_t *request = &pump()->request[my_core_id];
    exchange(request, what);
    while (*request != 0)
        __asm__ volatile("pause");
}

static void ask_with(uint64_t what, uint64_t first, uint64_t second)
{
    if (boot_info->pc.pump == 0 || pump()->values == 0)
        return;
    pump()->argument[my_core_id][0] = first;
    pump()->argument[my_core_id][1] = second;
    pc_ask_pump(what);
}

void pc_report(paddr_t block, paddr_t speaker)
{
    ask_with(ABI_PUMP_REPORT, block.v, speaker.v);
}

void pc_before_scrub(paddr_t base, uint64_t bytes)
{
    ask_with(ABI_PUMP_SCRUB, base.v, bytes);
}

void pc_channel(paddr_t description)
{
    pc_ask_pump(description.v);
}

uint64_t pc_seen(uint64_t base)
{
    if (boot_info->pc.pump == 0)
        return base;
    const struct abi_pump *shared = pump();
    const volatile uint8_t *second = shared->second;
    LOOP_BOUND(nodes, ABI_MAX_NODES);
    for (unsigned n = 0; n < boot_info->topology.node_count; n++) {
        LOOP_ROUND(nodes);
        const uint64_t offset = base - shared->window[n].base, bytes = shared->window[n].bytes;
        if (offset < bytes)
            return second[offset / ABI_PAGE_BYTES] == my_core_id + 1 ? base + bytes : base;
        second += bytes / ABI_PAGE_BYTES;
    }
    return base;
}
