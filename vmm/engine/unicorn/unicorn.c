/* SPDX-License-Identifier: MIT
 *
 * The deterministic engine: a whole machine on one host thread, in virtual time, from one seed.
 *
 * The Unicorn library translates and executes guest code on one processor; the cores take turns on
 * it as saved contexts (unicorn_run.c).  The library knows page tables and most instructions;
 * rings, the IDT, the TSS, system calls, ports and time are done here (unicorn_hooks.c,
 * unicorn_trap.c).  Two runs of the same build with the same machine and seed are identical bit for
 * bit, so nothing of the host - time, addresses, threads, the order of a hash table - may reach the
 * guest or the schedule.  docs/determinism.md says what is promised.
 *
 * Why one processor with N contexts and not N processors: each processor of the library tracks
 * translated code and write-protection for itself, so code that one core loads for another (a CPU
 * driver, a domain) would go stale unseen; and N of them cost 3 MiB and a code buffer each.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/unicorn/unicorn_private.h"

static int fail(struct engine_capability *out, const char *reason, const char *mend, int error)
{
    snprintf(out->reason, sizeof(out->reason), "%s", reason);
    snprintf(out->mend, sizeof(out->mend), "%s", mend);
    return error;
}

/* Opens a processor and finds the layout of its contexts.  NULL or one line. */
static const char *open_cpu(const struct unicorn_api *api, unicorn_cpu **cpu,
                            struct unicorn_layout *layout, uint32_t code_bytes)
{
    *cpu = NULL;
    const char *wrong = unicorn_no_room(code_bytes);
    if (wrong)
        return wrong;
    if (api->open(UNICORN_ARCH_X86, UNICORN_MODE_64, cpu) != UNICORN_OK) {
        *cpu = NULL;
        return "Unicorn cannot make an x86-64 processor";
    }
    /* Both must come before anything that initialises the processor.  Haswell has FSGSBASE and
     * POPCNT. */
    if (api->ctl(*cpu, UNICORN_CTL_CODE_BYTES, code_bytes) != UNICORN_OK ||
        api->ctl(*cpu, UNICORN_CTL_CPU_MODEL, UNICORN_CPU_HASWELL) != UNICORN_OK ||
        api->ctl(*cpu, UNICORN_CTL_USE_EXITS, 1) != UNICORN_OK)
        return "Unicorn refuses the processor model";
    return unicorn_find_layout(api, *cpu, layout);
}

static int unicorn_probe(struct engine_capability *out)
{
    *out = (struct engine_capability){ .virtual_time = true };
    char reason[256] = "", mend[256] = "";
    const struct unicorn_api *api = unicorn_load(reason, sizeof(reason), mend, sizeof(mend));
    if (!api)
        return fail(out, reason, mend, -ENOENT);
    snprintf(out->version, sizeof(out->version), "Unicorn %u.%u.%u", api->major, api->minor,
             api->patch);
    unicorn_cpu *cpu = NULL;
    struct unicorn_layout layout;
    const char *wrong = open_cpu(api, &cpu, &layout, UNICORN_CODE_BYTES(1));
    if (cpu)
        api->close(cpu);
    if (wrong) {
        snprintf(reason, sizeof(reason), "%.120s: %s", api->path, wrong);
        snprintf(mend, sizeof(mend), "use the library that tools/fetch-unicorn downloads");
        unicorn_mend(wrong, mend, sizeof(mend));
        return fail(out, reason, mend, -ENOTSUP);
    }
    out->usable = true;
    out->fsgsbase = true;
    out->readonly_slots = true;
    return 0;
}

/* Registers of a core that starts: 64-bit mode, ring 0, interrupts off, flat segments. */
static void prepare_reset(struct engine *engine)
{
    const struct unicorn_api *api = engine->api;
    uint64_t zero = 0;
    for (unsigned i = 0; i < 4; i++)
        api->reg_write(engine->cpu, UNICORN_DR0 + (int)i, &zero);
    uint32_t mxcsr = 0x1f80;
    uint16_t fpcw = 0x37f, fptag = 0xffff;
    api->reg_write(engine->cpu, UNICORN_MXCSR, &mxcsr);
    api->reg_write(engine->cpu, UNICORN_FPCW, &fpcw);
    api->reg_write(engine->cpu, UNICORN_FPTAG, &fptag);
    api->context_save(engine->cpu, engine->reset);

    struct unicorn_state *state = unicorn_state(&engine->layout, engine->reset);
    memset(state->reg, 0, sizeof(state->reg));
    state->rip = 0;
    state->rflags = RFLAG_FIXED;
    state->cc_dst = state->cc_src = state->cc_src2 = 0;
    state->cc_op = CC_FLAGS;
    state->df = 1;
    for (unsigned i = 0; i < 6; i++)
        state->seg[i] = (struct unicorn_segment){ .selector = ABI_BOOT_DS,
                                                  .limit = UINT32_MAX,
                                                  .flags = 0x00cf9300 };
    state->seg[SEG_CS].selector = ABI_BOOT_CS;
    state->seg[SEG_CS].flags = 0x00af9b00;
    state->seg[SEG_FS].selector = state->seg[SEG_GS].selector = 0;
    state->ldt = (struct unicorn_segment){ .flags = 0x8200 };
    state->tr = (struct unicorn_segment){ .limit = 0xffff, .flags = 0x8b00 };
    state->gdt = state->idt = (struct unicorn_segment){ 0 };
    state->cr[0] = 0x80010033; /* PG WP NE ET MP PE */
    state->cr[2] = state->cr[3] = 0;
    state->cr[4] = 0x10620; /* PAE OSFXSR OSXMMEXCPT FSGSBASE */
    state->efer = 0xd01;    /* NXE LMA LME SCE */
    state->hflags =
        HFLAG_CS64 | HFLAG_LMA | HFLAG_CS32 | HFLAG_SS32 | HFLAG_PE | HFLAG_MP | HFLAG_OSFXSR;
    struct unicorn_exception *exception = unicorn_exception(&engine->layout, engine->reset);
    exception->error_code = exception->is_software = 0;
    exception->next_rip = 0;
    exception->old_exception = -1;
}

static void unicorn_destroy(struct engine *engine)
{
    if (!engine)
        return;
    for (unsigned core = 0; core < ABI_MAX_CORES; core++)
        if (engine->core[core].context)
            engine->api->context_free(engine->core[core].context);
    if (engine->reset)
        engine->api->context_free(engine->reset);
    unicorn_code_destroy(engine);
    unicorn_count_destroy(engine);
    if (engine->cpu)
        engine->api->close(engine->cpu);
    free(engine);
}

/* Shows the machine's memory to the processor. */
static const char *map_memory(struct engine *engine)
{
    unsigned count;
    const struct machine_region *region = machine_regions(engine->machine, &count);
    for (unsigned i = 0; i < count; i++) {
        /* Write protection sends stores through on_window_store(); only if it comes after mapping
         * does the library send all of them. */
        bool trapped = engine->options.trap_window && region[i].kind == MACHINE_WINDOW;
        if (engine->api->mem_map_ptr(engine->cpu, region[i].base, region[i].bytes, UNICORN_PROT_ALL,
                                     region[i].host) != UNICORN_OK ||
            (trapped && engine->api->mem_protect(engine->cpu, region[i].base, region[i].bytes,
                                                 UNICORN_PROT_READ) != UNICORN_OK))
            return "Unicorn cannot map the machine's memory";
    }
    return NULL;
}

static void seed_from(struct engine *engine, uint64_t seed)
{
    engine->options.seed = seed;
    prng_seed(&engine->clock.prng, seed);
    prng_seed(&engine->clock.guest_random, ~seed);
}

static int unicorn_create(struct engine **out, struct machine *machine,
                          const struct engine_options *options)
{
    char reason[256] = "", mend[256] = "";
    const struct unicorn_api *api = unicorn_load(reason, sizeof(reason), mend, sizeof(mend));
    if (!api) {
        machine_set_error(machine, "%s: %s", reason, mend);
        return -ENOENT;
    }
    struct engine *engine = calloc(1, sizeof(*engine));
    if (!engine) {
        machine_set_error(machine, "no memory for the engine");
        return -ENOMEM;
    }
    engine->api = api;
    engine->machine = machine;
    engine->options = *options;
    if (engine->options.memory_bytes == 0)
        engine->options.memory_bytes = ENGINE_MEMORY_BYTES;
    if (engine->options.slice_blocks == 0)
        engine->options.slice_blocks = SLICE_BLOCKS_DEFAULT;
    engine->core_count = machine_core_count(machine);
    engine->current = engine->loaded = NO_CORE;
    seed_from(engine, options->seed);

    const char *wrong =
        open_cpu(api, &engine->cpu, &engine->layout, UNICORN_CODE_BYTES(engine->core_count));
    if (!wrong)
        wrong = map_memory(engine);
    if (!wrong)
        wrong = unicorn_add_hooks(engine);
    bool contexts = !wrong && api->context_alloc(engine->cpu, &engine->reset) == UNICORN_OK;
    for (unsigned core = 0; contexts && core < engine->core_count; core++)
        contexts = api->context_alloc(engine->cpu, &engine->core[core].context) == UNICORN_OK;
    if (!wrong && (!contexts || !unicorn_code_create(engine) ||
                   (options->count_instructions && !unicorn_count_create(engine))))
        wrong = "no memory for the cores' contexts";
    if (wrong) {
        machine_set_error(machine, "%s (%s)", wrong, api->path);
        unicorn_destroy(engine);
        return -ENOTSUP;
    }
    unicorn_catch_abort();
    prepare_reset(engine);
    for (unsigned core = 0; core < engine->core_count; core++)
        memcpy(engine->core[core].context, engine->reset, engine->layout.context_bytes);
    machine_attach(machine, &engine_unicorn, engine);
    engine->blocks_told = machine_watch_blocks(machine);
    machine_set_platform(machine, 0, TSC_HZ);
    *out = engine;
    return 0;
}

static int unicorn_start_core(struct engine *engine, unsigned core, const struct core_entry *entry)
{
    assert(core < engine->core_count);
    struct core *self = &engine->core[core];
    if (self->activity != CORE_OFF && self->activity != CORE_STOPPED && !self->held)
        return -EBUSY;
    memcpy(self->context, engine->reset, engine->layout.context_bytes);
    struct unicorn_state *state = core_registers(engine, core);
    state->rip = entry->rip;
    state->reg[REG_RDI] = entry->rdi;
    state->cr[3] = entry->cr3;
    self->activity = CORE_RUNNING;
    unicorn_code_loaded(engine, entry->cr3);
    return 0;
}

static void unicorn_kick(struct engine *engine, unsigned core)
{
    engine->core[core].stats.exit[ENGINE_EXIT_KICK]++;
    /* A core that interrupts itself shall see it soon; the others look before their next slice. */
    if (core == engine->current)
        unicorn_shorten(engine, SLICE_BLOCKS_PENDING);
}

static void unicorn_hold_core(struct engine *engine, unsigned core, bool held)
{
    engine->core[core].held = held;
    if (held && core == engine->current)
        unicorn_shorten(engine, 0);
}

static void unicorn_events_changed(struct engine *engine, uint64_t next_ns)
{
    if (engine->current == NO_CORE)
        return;
    uint64_t base = engine->clock.base_ns;
    uint64_t limit = next_ns > base ? next_ns - base : 1;
    if (limit < engine->limit_ns)
        engine->limit_ns = limit;
}

static void unicorn_request_stop(struct engine *engine, enum stop_reason reason)
{
    int none = STOP_NONE;
    atomic_compare_exchange_strong(&engine->requested, &none, (int)reason);
}

static uint64_t unicorn_now_ns(struct engine *engine)
{
    return unicorn_now(engine);
}

static int unicorn_core_state(struct engine *engine, unsigned core, struct core_state *out)
{
    if (core >= engine->core_count)
        return -EINVAL;
    const struct unicorn_state *state = core_registers(engine, core);
    *out = (struct core_state){
        .activity = engine->core[core].activity,
        .rax = state->reg[REG_RAX],
        .rbx = state->reg[REG_RBX],
        .rcx = state->reg[REG_RCX],
        .rdx = state->reg[REG_RDX],
        .rsi = state->reg[REG_RSI],
        .rdi = state->reg[REG_RDI],
        .rsp = state->reg[REG_RSP],
        .rbp = state->reg[REG_RBP],
        .r8 = state->reg[8],
        .r9 = state->reg[9],
        .r10 = state->reg[10],
        .r11 = state->reg[11],
        .r12 = state->reg[12],
        .r13 = state->reg[13],
        .r14 = state->reg[14],
        .r15 = state->reg[15],
        .rip = state->rip,
        .rflags = state->rflags | state->cc_src | (state->df < 0 ? RFLAG_DF : 0),
        .cr0 = state->cr[0],
        .cr2 = state->cr[2],
        .cr3 = state->cr[3],
        .cr4 = state->cr[4],
        .efer = state->efer,
        .es = (uint16_t)state->seg[SEG_ES].selector,
        .cs = (uint16_t)state->seg[SEG_CS].selector,
        .ss = (uint16_t)state->seg[SEG_SS].selector,
        .ds = (uint16_t)state->seg[SEG_DS].selector,
        .fs = (uint16_t)state->seg[SEG_FS].selector,
        .gs = (uint16_t)state->seg[SEG_GS].selector,
        .fs_base = state->seg[SEG_FS].base,
        .gs_base = state->seg[SEG_GS].base,
    };
    return 0;
}

static void unicorn_stats(struct engine *engine, struct engine_stats *out)
{
    *out = (struct engine_stats){ .core_count = engine->core_count };
    for (unsigned core = 0; core < engine->core_count; core++)
        out->core[core] = engine->core[core].stats;
}

static void unicorn_reseed(struct engine *engine, uint64_t seed)
{
    assert(engine->current == NO_CORE);
    seed_from(engine, seed);
}

static void unicorn_observe(struct engine *engine, engine_observer *observer, void *context)
{
    engine->observer = observer;
    engine->observer_context = context;
}

static const char *library_path(void)
{
    char reason[256], mend[256];
    const struct unicorn_api *api = unicorn_load(reason, sizeof(reason), mend, sizeof(mend));
    return api ? api->path : NULL;
}

const struct engine_ops engine_unicorn = {
    .name = "unicorn",
    .tsc_follows = true,
    .far_loads = true,
    .probe = unicorn_probe,
    .create = unicorn_create,
    .start_core = unicorn_start_core,
    .kick = unicorn_kick,
    .hold_core = unicorn_hold_core,
    .memory_written = unicorn_code_written,
    .trap_changed = unicorn_trap_changed,
    .events_changed = unicorn_events_changed,
    .run = unicorn_run,
    .request_stop = unicorn_request_stop,
    .now_ns = unicorn_now_ns,
    .core_state = unicorn_core_state,
    .stats = unicorn_stats,
    .snapshot = unicorn_snapshot,
    .restore = unicorn_restore,
    .free_snapshot = unicorn_free_snapshot,
    .observe = unicorn_observe,
    .reseed = unicorn_reseed,
    .state_hash = unicorn_state_hash,
    .library_path = library_path,
    .destroy = unicorn_destroy,
};
