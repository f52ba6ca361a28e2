/* SPDX-License-Identifier: MIT
 *
 * The state of a machine on the deterministic engine, as one number.
 *
 * Hashed: what the machine feeds (guest memory, devices, events: machine_feed_state()); all
 * registers of every core that the guest can read back (general, control, debug, model specific,
 * segments and tables with their limits, FPU and SSE with tags and status); which cores run; time
 * and PRNG.  Not hashed: counters, and what only serves reports.  What another library or a new
 * helper lets the guest keep belongs here as well: tests/unit/test_unicorn_state.c has a guest for
 * each.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <xxhash.h>

#include "engine/unicorn/unicorn_private.h"

static void feed(void *context, const void *bytes, size_t count)
{
    XXH3_128bits_update(context, bytes, count);
}

/* All registers of models that the library keeps (its wrmsr), but for those that are elsewhere in
 * the state: EFER and the bases of FS and GS. */
static const struct {
    uint32_t first, count;
} msrs[] = {
    { 0x174, 3 },      /* SYSENTER_CS, _ESP, _EIP */
    { 0x179, 3 },      /* MCG_CAP, _STATUS, _CTL */
    { 0x1a0, 1 },      /* MISC_ENABLE */
    { 0x200, 16 },     /* MTRR: variable, ... */
    { 0x250, 1 },      /* ... fixed of 64, ... */
    { 0x258, 2 },      /* ... 16 ... */
    { 0x268, 8 },      /* ... and 4 KiB */
    { 0x277, 1 },      /* PAT */
    { 0x2ff, 1 },      /* MTRR_DEF_TYPE */
    { 0x400, 40 },     /* machine check banks */
    { 0xd90, 1 },      /* BNDCFGS */
    { 0xc0000081, 4 }, /* STAR, LSTAR, CSTAR, FMASK */
    { 0xc0000102, 2 }, /* KERNEL_GS_BASE, TSC_AUX */
    { 0xc0010117, 1 }, /* VM_HSAVE_PA */
};

static void hash_msrs(XXH3_state_t *hash, const struct engine *engine)
{
    for (unsigned i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
        for (uint32_t j = 0; j < msrs[i].count; j++) {
            struct unicorn_msr msr = { msrs[i].first + j, 0 };
            engine->api->reg_read(engine->cpu, UNICORN_MSR, &msr);
            XXH3_128bits_update(hash, &msr.value, sizeof(msr.value));
        }
    }
}

static void hash_segment(XXH3_state_t *hash, const struct unicorn_segment *segment)
{
    uint64_t fields[] = { segment->selector, segment->base, segment->limit, segment->flags };
    XXH3_128bits_update(hash, fields, sizeof(fields));
}

/* By the library's own register names. */
static void hash_vectors(XXH3_state_t *hash, const struct engine *engine)
{
    static const int words[] = { UNICORN_FPCW,  UNICORN_FPSW, UNICORN_FPTAG,
                                 UNICORN_MXCSR, UNICORN_FIP,  UNICORN_FCS,
                                 UNICORN_FDP,   UNICORN_FDS,  UNICORN_FOP };
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
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        uint64_t word = 0; /* of 2, 4 or 8 bytes */
        engine->api->reg_read(engine->cpu, words[i], &word);
        XXH3_128bits_update(hash, &word, sizeof(word));
    }
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
    for (unsigned i = 0; i < 6; i++)
        hash_segment(hash, &state->seg[i]);
    hash_segment(hash, &state->ldt);
    hash_segment(hash, &state->tr);
    uint64_t tables[] = { state->gdt.base, state->gdt.limit, state->idt.base, state->idt.limit };
    XXH3_128bits_update(hash, tables, sizeof(tables));
    const struct unicorn_exception *exception =
        unicorn_exception(&engine->layout, engine->core[core].context);
    uint64_t debug[8];
    memcpy(debug, exception->dr, sizeof(debug));
    XXH3_128bits_update(hash, debug, sizeof(debug));
    /* The rest is in the processor only. */
    engine->api->context_restore(engine->cpu, engine->core[core].context);
    hash_vectors(hash, engine);
    hash_msrs(hash, engine);
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
