/* SPDX-License-Identifier: MIT
 *
 * The state of a machine on the deterministic engine, as one number.
 *
 * Hashed: what the machine feeds (guest memory, devices, events: machine_feed_state()); the registers
 * of every core, FPU and SSE included; which cores run; time and PRNG.  Not hashed: counters, and what
 * only serves reports.
 */
#include <assert.h>
#include <errno.h>
#include <xxhash.h>

#include "engine/unicorn/unicorn_private.h"

static void feed(void *context, const void *bytes, size_t count)
{
    XXH3_128bits_update(context, bytes, count);
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

    int error = machine_feed_state(engine->machine, feed, state);
    for (unsigned core = 0; core < engine->core_count; core++)
        hash_core(state, engine, core);
    engine->loaded = NO_CORE;

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
