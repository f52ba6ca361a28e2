/* SPDX-License-Identifier: MIT
 *
 * The state of a machine on the deterministic engine, as one number.
 *
 * Hashed: the pages of guest memory that are not zero, with their addresses; the registers of every
 * core, FPU and SSE included; which cores run; devices and event queue; time and PRNG.  Not hashed:
 * counters, and what only serves reports.  Fields are fed one by one where a structure has holes or
 * parts that mean nothing, so that the number depends on meaning only.
 *
 * Zero pages do not count, so it makes no difference whether a page was never touched or was
 * cleared.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "engine/unicorn/unicorn_private.h"
#include "machine/machine_private.h"
#include "machine/pages.h"

#define PAGE 4096u

static int hash_region(XXH3_state_t *hash, const struct machine_region *region)
{
    uint64_t pages = region->bytes / PAGE;
    uint8_t *there = calloc(1, pages);
    if (!there)
        return -ENOMEM;
    machine_find_pages(region, there);
    for (uint64_t page = 0; page < pages; page++) {
        const uint8_t *host = region->host + page * PAGE;
        if (!there[page] || machine_page_is_zero(host))
            continue;
        uint64_t address = region->base + page * PAGE;
        XXH3_128bits_update(hash, &address, sizeof(address));
        XXH3_128bits_update(hash, host, PAGE);
    }
    free(there);
    return 0;
}

static int hash_queue(XXH3_state_t *hash, const struct event_queue *queue)
{
    struct event_queue *copy = malloc(sizeof(*copy));
    if (!copy)
        return -ENOMEM;
    memcpy(copy, queue, sizeof(*copy));
    struct event event;
    XXH3_128bits_update(hash, &copy->next_sequence, sizeof(copy->next_sequence));
    while (event_queue_pop_due(copy, EVENT_NEVER, &event)) {
        uint64_t words[] = { event.time_ns, event.sequence, event.kind, event.core,
                             event.argument };
        XXH3_128bits_update(hash, words, sizeof(words));
    }
    free(copy);
    return 0;
}

static void hash_core(XXH3_state_t *hash, struct engine *engine, unsigned core)
{
    uint64_t activity = engine->core[core].activity;
    XXH3_128bits_update(hash, &activity, sizeof(activity));
    if (activity == CORE_OFF)
        return;
    const struct unicorn_state *state = core_registers(engine, core);
    XXH3_128bits_update(hash, state->reg, sizeof(state->reg));
    uint64_t words[] = { state->rip,    state->rflags, state->cc_src, (uint64_t)state->df,
                         state->hflags, state->cr[0],  state->cr[2],  state->cr[3],
                         state->cr[4],  state->efer };
    XXH3_128bits_update(hash, words, sizeof(words));
    for (unsigned i = 0; i < 6; i++) {
        const struct unicorn_segment *segment = &state->seg[i];
        uint64_t fields[] = { segment->selector, segment->base, segment->limit, segment->flags };
        XXH3_128bits_update(hash, fields, sizeof(fields));
    }
    uint64_t tables[] = { state->tr.base, state->gdt.base, state->idt.base };
    XXH3_128bits_update(hash, tables, sizeof(tables));

    /* The rest by the library's own register names. */
    engine->api->context_restore(engine->cpu, engine->core[core].context);
    for (int i = 0; i < 16; i++) {
        uint8_t xmm[16];
        engine->api->reg_read(engine->cpu, UNICORN_XMM0 + i, xmm);
        XXH3_128bits_update(hash, xmm, sizeof(xmm));
    }
    for (int i = 0; i < 8; i++) {
        uint8_t fp[16] = { 0 }; /* mantissa and exponent, 10 bytes */
        engine->api->reg_read(engine->cpu, UNICORN_FP0 + i, fp);
        XXH3_128bits_update(hash, fp, 10);
    }
    uint32_t mxcsr = 0;
    uint16_t fpcw = 0;
    engine->api->reg_read(engine->cpu, UNICORN_MXCSR, &mxcsr);
    engine->api->reg_read(engine->cpu, UNICORN_FPCW, &fpcw);
    XXH3_128bits_update(hash, &mxcsr, sizeof(mxcsr));
    XXH3_128bits_update(hash, &fpcw, sizeof(fpcw));
}

int unicorn_state_hash(struct engine *engine, uint64_t hash[2])
{
    assert(engine->current == NO_CORE);
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        return -ENOMEM;
    XXH3_128bits_reset(state);

    unsigned count;
    const struct machine_region *region = machine_regions(engine->machine, &count);
    int error = 0;
    for (unsigned i = 0; i < count && !error; i++)
        error = hash_region(state, &region[i]);
    for (unsigned core = 0; core < engine->core_count; core++)
        hash_core(state, engine, core);
    engine->loaded = NO_CORE;

    const struct machine_state *machine = &engine->machine->state;
    XXH3_128bits_update(state, &machine->device.core_count, sizeof(machine->device.core_count));
    XXH3_128bits_update(state, machine->device.power, sizeof(machine->device.power));
    XXH3_128bits_update(state, machine->device.timer_at_ns, sizeof(machine->device.timer_at_ns));
    XXH3_128bits_update(state, machine->device.bad_requests, sizeof(machine->device.bad_requests));
    XXH3_128bits_update(state, &machine->device.channels, sizeof(machine->device.channels));
    XXH3_128bits_update(state, machine->timer_event, sizeof(machine->timer_event));
    if (!error)
        error = hash_queue(state, &machine->queue);

    XXH3_128bits_update(state, &engine->clock.now_ns, sizeof(engine->clock.now_ns));
    XXH3_128bits_update(state, &engine->clock.prng, sizeof(engine->clock.prng));
    XXH3_128bits_update(state, &engine->clock.guest_random, sizeof(engine->clock.guest_random));
    XXH128_hash_t digest = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    if (error)
        return error;
    hash[0] = digest.high64;
    hash[1] = digest.low64;
    return 0;
}
