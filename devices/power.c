/* SPDX-License-Identifier: MIT
 *
 * The power device: starts other cores, stops the own one, switches the machine off.
 *
 * A core goes OFF -> ON -> STOPPED and never back: "stopped for good" is what a crashed or retired
 * core looks like to its neighbours.  Starting checks what can be checked from outside (addresses
 * lie in RAM and on pages, RIP is canonical), because a core that starts wrongly can only die
 * without a word.
 */
#include "models.h"

static bool is_canonical(uint64_t vaddr)
{
    uint64_t top = vaddr >> 47;
    return top == 0 || top == 0x1ffff;
}

static bool is_ram_page(const struct device_memory *memory, uint64_t paddr)
{
    const struct device_range *range = device_memory_find(memory, paddr, ABI_PAGE_BYTES);
    return range && range->kind == DEVICE_RANGE_RAM && paddr % ABI_PAGE_BYTES == 0;
}

static void start_core(struct device_state *state, const struct device_memory *memory,
                       const struct device_access *access, struct device_reply *reply)
{
    uint64_t core = access->arg[0], rip = access->arg[1], rdi = access->arg[2];
    uint64_t cr3 = access->arg[3];
    if (core >= state->core_count || state->power[core] == DEVICE_CORE_STOPPED) {
        reply->result = ABI_RESULT_NO_SUCH_CORE;
        return;
    }
    if (state->power[core] == DEVICE_CORE_ON) {
        reply->result = ABI_RESULT_CORE_RUNNING;
        return;
    }
    if (!is_canonical(rip) || !is_ram_page(memory, rdi) || !is_ram_page(memory, cr3)) {
        reply->result = ABI_RESULT_BAD_ADDRESS;
        return;
    }
    state->power[core] = DEVICE_CORE_ON;
    struct device_effect *effect = device_add_effect(reply, DEVICE_START_CORE, (unsigned)core);
    effect->start.rip = rip;
    effect->start.rdi = rdi;
    effect->start.cr3 = cr3;
}

void power_out(struct device_state *state, const struct device_memory *memory,
               const struct device_access *access, struct device_reply *reply)
{
    unsigned core = access->core;
    switch (access->value) {
    case ABI_POWER_START:
        start_core(state, memory, access, reply);
        break;
    case ABI_POWER_STOP:
        state->power[core] = DEVICE_CORE_STOPPED;
        /* a stopped core has no timer: its event would be ignored, so say so */
        if (state->timer_at_ns[core] != 0) {
            state->timer_at_ns[core] = 0;
            device_add_effect(reply, DEVICE_TIMER, core)->at_ns = 0;
        }
        device_add_effect(reply, DEVICE_STOP_CORE, core);
        break;
    case ABI_POWER_EXIT:
        if (access->arg[0] > 255)
            reply->result = ABI_RESULT_BAD_REQUEST;
        else
            device_add_effect(reply, DEVICE_EXIT, core)->exit_code = (uint32_t)access->arg[0];
        break;
    case ABI_POWER_PANIC:
        device_add_effect(reply, DEVICE_PANIC, core);
        break;
    default:
        reply->result = ABI_RESULT_BAD_REQUEST;
    }
}
