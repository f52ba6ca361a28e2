/* SPDX-License-Identifier: MIT
 *
 * The power device: starts other cores, stops the own one or another, switches the machine off.
 *
 * A core goes OFF -> ON -> STOPPED or KILLED, which is what a crashed core looks like to its
 * neighbours, and back only if it was mended, from outside (device_mend), or if it was retired:
 * who asks for that says that nothing is wrong with it.  Starting checks what
 * can be checked from outside (addresses lie in RAM and on pages, RIP is canonical), because a core
 * that starts wrongly can only die without a word.
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

static uint64_t may_start(const struct device_state *state, uint64_t core)
{
    if (core >= state->core_count)
        return ABI_RESULT_NO_SUCH_CORE;
    switch (state->power[core]) {
    case DEVICE_CORE_OFF:
        return ABI_RESULT_OK;
    case DEVICE_CORE_ON:
        return ABI_RESULT_CORE_RUNNING;
    default:
        return state->mended >> core & 1 ? ABI_RESULT_OK : ABI_RESULT_NO_SUCH_CORE;
    }
}

static void start_core(struct device_state *state, const struct device_memory *memory,
                       const struct device_access *access, struct device_reply *reply)
{
    uint64_t core = access->arg[0], rip = access->arg[1], rdi = access->arg[2];
    uint64_t cr3 = access->arg[3];
    reply->result = may_start(state, core);
    if (reply->result != ABI_RESULT_OK)
        return;
    if (!is_canonical(rip) || !is_ram_page(memory, rdi) || !is_ram_page(memory, cr3)) {
        reply->result = ABI_RESULT_BAD_ADDRESS;
        return;
    }
    struct device_effect *effect = device_add_effect(reply, DEVICE_START_CORE, (unsigned)core);
    effect->start.again = state->power[core] != DEVICE_CORE_OFF;
    state->power[core] = DEVICE_CORE_ON;
    state->mended &= ~(1ull << core);
    effect->start.rip = rip;
    effect->start.rdi = rdi;
    effect->start.cr3 = cr3;
}

/* A core that runs no further has no timers: their events would be ignored, so say so. */
static void cancel_timers(struct device_state *state, unsigned core, struct device_reply *reply)
{
    for (unsigned which = 0; which < ABI_TIMERS; which++) {
        if (state->timer_at_ns[core][which] == 0)
            continue;
        state->timer_at_ns[core][which] = 0;
        struct device_effect *effect = device_add_effect(reply, DEVICE_TIMER, core);
        effect->timer.which = which;
        effect->timer.at_ns = 0;
    }
}

static void kill_core(struct device_state *state, const struct device_access *access,
                      struct device_reply *reply)
{
    uint64_t core = access->arg[0];
    if (core >= state->core_count) {
        reply->result = ABI_RESULT_NO_SUCH_CORE;
    } else if (core == access->core) {
        reply->result = ABI_RESULT_BAD_REQUEST;
    } else if (state->power[core] == DEVICE_CORE_ON) {
        state->power[core] = DEVICE_CORE_KILLED;
        cancel_timers(state, (unsigned)core, reply);
        device_add_effect(reply, DEVICE_KILL_CORE, (unsigned)core);
    }
}

static void retire_core(struct device_state *state, const struct device_access *access,
                        struct device_reply *reply)
{
    kill_core(state, access, reply);
    if (reply->effect_count > 0)
        state->mended |= 1ull << access->arg[0];
}

static void ask_late(const struct device_state *state, const struct device_access *access,
                     struct device_reply *reply)
{
    if (access->arg[0] >= state->core_count)
        reply->result = ABI_RESULT_NO_SUCH_CORE;
    else
        device_add_effect(reply, DEVICE_LATE, (unsigned)access->arg[0]);
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
        cancel_timers(state, core, reply);
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
    case ABI_POWER_KILL:
        kill_core(state, access, reply);
        break;
    case ABI_POWER_RETIRE:
        retire_core(state, access, reply);
        break;
    case ABI_POWER_AVAILABLE:
        reply->result = may_start(state, access->arg[0]);
        break;
    case ABI_POWER_LATE:
        ask_late(state, access, reply);
        break;
    default:
        reply->result = ABI_RESULT_BAD_REQUEST;
    }
}
