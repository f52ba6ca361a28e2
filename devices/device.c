/* SPDX-License-Identifier: MIT
 *
 * Dispatch of a port request to its model, and the few helpers all models share.
 *
 * A reply starts as ABI_RESULT_OK without effects; the model of the port then either adds effects
 * or sets another result, never both (asserted here).  This file must never touch the machine, the
 * engine or the host's clock: time comes in with the access.
 */
#include "device.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "models.h"

const struct device_range *device_memory_find(const struct device_memory *memory, uint64_t paddr,
                                              uint64_t bytes)
{
    assert(memory->count <= DEVICE_MAX_RANGES);
    if (bytes == 0)
        return NULL;
    for (unsigned i = 0; i < memory->count; i++) {
        const struct device_range *range = &memory->range[i];
        /* subtractions only: paddr + bytes may wrap around */
        if (paddr >= range->base && paddr - range->base < range->bytes &&
            bytes <= range->bytes - (paddr - range->base))
            return range;
    }
    return NULL;
}

void *device_memory_at(const struct device_memory *memory, uint64_t paddr, uint64_t bytes)
{
    const struct device_range *range = device_memory_find(memory, paddr, bytes);
    return range ? (uint8_t *)range->host + (paddr - range->base) : NULL;
}

void device_state_init(struct device_state *state, unsigned core_count)
{
    assert(core_count >= 1 && core_count <= ABI_MAX_CORES);
    memset(state, 0, sizeof(*state));
    state->core_count = core_count;
}

void device_power_on(struct device_state *state)
{
    assert(state->power[0] == DEVICE_CORE_OFF);
    state->power[0] = DEVICE_CORE_ON;
}

void device_mend(struct device_state *state, uint64_t cores)
{
    state->mended |= cores;
}

struct device_effect *device_add_effect(struct device_reply *reply, enum device_effect_kind kind,
                                        unsigned core)
{
    assert(reply->effect_count < DEVICE_MAX_EFFECTS);
    struct device_effect *effect = &reply->effect[reply->effect_count++];
    effect->kind = kind;
    effect->core = core;
    return effect;
}

static device_handler *handler_of(uint16_t port)
{
    switch (port) {
    case ABI_PORT_CONSOLE:
        return console_out;
    case ABI_PORT_CLOCK:
        return clock_out;
    case ABI_PORT_TIMER:
        return timer_out;
    case ABI_PORT_IPI:
        return ipi_out;
    case ABI_PORT_POWER:
        return power_out;
    case ABI_PORT_SCRUB:
        return scrub_out;
    case ABI_PORT_FABRIC:
        return fabric_out;
    case ABI_PORT_VECTORS:
        return vectors_out;
    case ABI_PORT_REPORT:
        return report_out;
    case ABI_PORT_WATCH:
        return watch_out;
    case ABI_PORT_INPUT:
        return input_out;
    default:
        return NULL;
    }
}

void device_out(struct device_state *state, const struct device_memory *memory,
                const struct device_access *access, struct device_reply *reply)
{
    assert(access->core < state->core_count);
    memset(reply, 0, sizeof(*reply));
    device_handler *handler = access->width == 4 ? handler_of(access->port) : NULL;
    if (handler)
        handler(state, memory, access, reply);
    else
        reply->result = ABI_RESULT_BAD_REQUEST;
    if (reply->result != ABI_RESULT_OK) {
        assert(reply->effect_count == 0);
        state->bad_requests[access->core]++;
    }
}

uint32_t device_in(unsigned width)
{
    return width >= 4 ? UINT32_MAX : (1u << (8 * width)) - 1;
}
