/* SPDX-License-Identifier: MIT
 *
 * What the Unicorn library calls while a slice of a core runs.
 *
 *   translations  empty the TLB, so that stores to the code will be seen
 *   blocks        count, cost time, and end the slice: uc_emu_stop in this hook stops exactly
 *                 before the block
 *   traps         exceptions and software interrupts: delivered at once (unicorn_trap.c)
 *   ports         go to the machine.  The rest of the basic block runs before a stop takes effect,
 *                 so these callbacks only shorten the slice
 *   syscall       RCX, R11, CS, SS, flags and RIP as the instruction defines them
 *   window stores when the machine wants to see them (options.trap_window)
 *   loads and stores if loads from far memory take time
 *
 * But for the last the set of hooks is the same for every run: a hook that comes or goes moves the
 * boundaries of blocks, and with them the schedule.  For the same reason single steps and
 * breakpoints of a debugger must not use the library's code hooks: slices of one block to stop
 * after each, let RFLAGS.TF single-step (#DB arrives in on_trap, before it is delivered to the
 * guest), and find breakpoints by comparing the address in on_block.
 */
#include <assert.h>
#include <string.h>

#include "abi/ports.h"
#include "engine/unicorn/unicorn_private.h"

#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_FMASK 0xc0000084

struct unicorn_state *unicorn_pull(struct engine *engine)
{
    assert(engine->current != NO_CORE);
    unicorn_context *context = engine->core[engine->current].context;
    uint64_t rflags = 0;
    engine->api->reg_read(engine->cpu, UNICORN_RFLAGS, &rflags);
    engine->api->context_save(engine->cpu, context);
    struct unicorn_state *state = unicorn_state(&engine->layout, context);
    state->cc_op = CC_FLAGS;
    state->cc_src = rflags & RFLAG_ARITHMETIC;
    state->cc_dst = state->cc_src2 = 0;
    state->df = rflags & RFLAG_DF ? -1 : 1;
    state->rflags = (rflags & ~(RFLAG_ARITHMETIC | RFLAG_DF)) | RFLAG_FIXED;
    return state;
}

void unicorn_put(struct engine *engine)
{
    assert(engine->current != NO_CORE);
    engine->api->context_restore(engine->cpu, engine->core[engine->current].context);
}

void unicorn_shorten(struct engine *engine, uint64_t blocks)
{
    uint64_t *left = engine->paused ? &engine->blocks_kept : &engine->blocks_left;
    if (*left > blocks) {
        engine->blocks_cut += *left - blocks;
        *left = blocks;
    }
}

void unicorn_pause(struct engine *engine)
{
    if (engine->paused || engine->current == NO_CORE)
        return; /* nothing runs: the next slice settles before it begins */
    engine->paused = true;
    engine->blocks_kept = engine->blocks_left;
    engine->blocks_left = 0;
}

static void stop_slice(struct engine *engine)
{
    engine->stopping = true;
    engine->api->emu_stop(engine->cpu);
}

/* The machine looks, and changes nothing. */
static void tell_block(struct engine *engine, uint64_t address)
{
    if (!machine_block_matters(engine->machine, engine->current, address))
        return;
    uint64_t argument = 0;
    engine->api->reg_read(engine->cpu, UNICORN_RDI, &argument);
    machine_block(engine->machine, engine->current, address, argument, unicorn_now(engine));
}

/* The hot path: once for every basic block. */
static void on_block(unicorn_cpu *cpu, uint64_t address, uint32_t bytes, void *user)
{
    (void)cpu;
    struct engine *engine = user;
    if (engine->blocks_left == 0 || engine->clock.spent_ns >= engine->limit_ns) {
        stop_slice(engine);
        return;
    }
    if (engine->blocks_told)
        tell_block(engine, address);
    if (engine->count)
        unicorn_count_executed(engine, address, bytes);
    engine->blocks_left--;
    engine->clock.spent_ns += COST_BLOCK_NS + (bytes >> COST_BLOCK_BYTES_SHIFT);
}

/* New code was translated.  From now on stores to its page must be seen, or they would leave stale
 * translations behind; but the library only watches the address that was executed, not other
 * mappings of the page that are in the TLB already.  So the TLB is emptied.  This is called for
 * every translation but the first of all. */
static void on_translation(unicorn_cpu *cpu, void *block, void *previous, void *user)
{
    (void)previous;
    struct engine *engine = user;
    const struct unicorn_block *translated = block;
    engine->api->ctl(cpu, UNICORN_CTL_FLUSH_TLB);
    unicorn_pull(engine);
    unicorn_code_translated(engine, translated->rip, translated->bytes, translated->instructions);
    if (engine->count)
        unicorn_count_translated(engine, translated->rip, translated->bytes,
                                 translated->instructions);
}

/* A trap takes a place among the blocks, so that a core that does nothing but fault ends its slices
 * like any other. */
static void count_trap(struct engine *engine, uint64_t cost_ns)
{
    uint64_t *left = engine->paused ? &engine->blocks_kept : &engine->blocks_left;
    engine->clock.spent_ns += cost_ns;
    if (engine->blocks_left == 0)
        stop_slice(engine);
    if (*left > 0)
        (*left)--;
}

/* A byte of the current core's code, 0 if it cannot be executed. */
static uint8_t code_byte(struct engine *engine, const struct unicorn_state *state, uint64_t rip)
{
    uint32_t error;
    const uint8_t *host = unicorn_translate(engine, engine->current, rip, 1, ACCESS_EXECUTE,
                                            (state->hflags & HFLAG_CPL) == 3, &error);
    return host ? *host : 0;
}

static void on_trap(unicorn_cpu *cpu, uint32_t vector, void *user)
{
    (void)cpu;
    struct engine *engine = user;
    struct unicorn_state *state = unicorn_pull(engine);
    struct unicorn_exception *exception =
        unicorn_exception(&engine->layout, engine->core[engine->current].context);
    count_trap(engine, COST_TRAP_NS);

    struct trap trap = {
        .vector = vector,
        .software = exception->is_software,
        .return_rip = exception->is_software ? exception->next_rip : state->rip,
    };
    /* The library has stepped over a software interrupt.  If delivery faults, RIP must be back on
     * it; int3 has one byte, all others two. */
    if (trap.software)
        state->rip -=
            vector == VECTOR_BP && code_byte(engine, state, state->rip - 1) == 0xcc ? 1 : 2;
    if (!trap.software) {
        trap.has_error =
            vector == VECTOR_DF || (vector >= VECTOR_TS && vector <= VECTOR_PF) || vector == 17;
        trap.error = trap.has_error ? (uint32_t)exception->error_code : 0;
    }
    exception->old_exception = -1;
    if (!unicorn_deliver(engine, engine->current, &trap)) {
        unicorn_end(engine, STOP_TRIPLE_FAULT, engine->current,
                    "trap %u at 0x%llx could not be delivered", vector,
                    (unsigned long long)state->rip);
        stop_slice(engine);
    }
    unicorn_put(engine);
}

/* True: go on, the library then raises #UD as a trap. */
static bool on_invalid(unicorn_cpu *cpu, void *user)
{
    (void)cpu, (void)user;
    return true;
}

static void on_syscall(unicorn_cpu *cpu, void *user)
{
    struct engine *engine = user;
    struct unicorn_msr star = { MSR_STAR, 0 }, lstar = { MSR_LSTAR, 0 }, mask = { MSR_FMASK, 0 };
    engine->api->reg_read(cpu, UNICORN_MSR, &star);
    engine->api->reg_read(cpu, UNICORN_MSR, &lstar);
    engine->api->reg_read(cpu, UNICORN_MSR, &mask);
    struct unicorn_state *state = unicorn_pull(engine);
    count_trap(engine, COST_SYSCALL_NS);
    uint64_t rflags = state->rflags | state->cc_src | (state->df < 0 ? RFLAG_DF : 0);
    if (!(state->efer & EFER_SCE)) {
        struct trap fault = { .vector = VECTOR_UD, .return_rip = state->rip };
        if (!unicorn_deliver(engine, engine->current, &fault)) {
            unicorn_end(engine, STOP_TRIPLE_FAULT, engine->current, "syscall is not possible");
            stop_slice(engine);
        }
        state->rip -= 2; /* the library adds the length of the instruction */
        unicorn_put(engine);
        return;
    }
    state->reg[REG_RCX] = state->rip + 2;
    state->reg[11] = rflags & ~RFLAG_RF;
    rflags &= ~(mask.value | RFLAG_RF);
    state->rflags = (rflags & ~(RFLAG_ARITHMETIC | RFLAG_DF)) | RFLAG_FIXED;
    state->cc_src = rflags & RFLAG_ARITHMETIC;
    state->df = rflags & RFLAG_DF ? -1 : 1;
    uint32_t selector = star.value >> 32 & 0xfffc;
    state->seg[SEG_CS] =
        (struct unicorn_segment){ .selector = selector, .limit = UINT32_MAX, .flags = 0x00a09b00 };
    state->seg[SEG_SS] = (struct unicorn_segment){ .selector = selector + 8,
                                                   .limit = UINT32_MAX,
                                                   .flags = 0x00c09300 };
    state->hflags =
        (state->hflags & ~(HFLAG_CPL | HFLAG_SHADOW)) | HFLAG_CS64 | HFLAG_CS32 | HFLAG_SS32;
    state->rip = lstar.value - 2; /* as above */
    unicorn_put(engine);
}

static uint32_t on_in(unicorn_cpu *cpu, uint32_t port, int bytes, void *user)
{
    (void)cpu;
    struct engine *engine = user;
    engine->core[engine->current].stats.exit[ENGINE_EXIT_PORT_OTHER]++;
    engine->clock.spent_ns += COST_PORT_NS;
    return machine_port_in(engine->machine, engine->current, (uint16_t)port, (unsigned)bytes);
}

static void on_out(unicorn_cpu *cpu, uint32_t port, int bytes, uint32_t value, void *user)
{
    (void)cpu;
    struct engine *engine = user;
    unsigned core = engine->current;
    engine->core[core].stats.exit[engine_port_counter((uint16_t)port)]++;
    engine->clock.spent_ns += COST_PORT_NS;
    enum machine_next next = machine_port_out(engine->machine, core, (uint16_t)port,
                                              (unsigned)bytes, value, unicorn_now(engine));
    const struct abi_core_page *page = machine_core_page(engine->machine, core);
    if (port == ABI_PORT_SCRUB && page->result == ABI_RESULT_OK) {
        unicorn_code_written(engine, page->arg[0], page->arg[1]);
        engine->clock.spent_ns += page->arg[1] >> COST_SCRUB_BYTES_SHIFT;
    }
    if (next == MACHINE_STOP_CORE)
        engine->core[core].activity = CORE_STOPPED;
    if (next != MACHINE_CONTINUE || atomic_load(&engine->requested) != STOP_NONE)
        unicorn_shorten(engine, 0);
}

/* A store to write-protected memory: the machine decides what becomes of it.  True: the library
 * drops the store and goes on. */
static bool on_window_store(unicorn_cpu *cpu, int type, uint64_t address, int bytes, int64_t value,
                            void *user)
{
    (void)cpu, (void)type;
    struct engine *engine = user;
    engine->core[engine->current].stats.exit[ENGINE_EXIT_WINDOW_STORE]++;
    return machine_window_store(engine->machine, engine->current, address, &value, (unsigned)bytes,
                                unicorn_now(engine));
}

/* A load may take longer: it is paid when it is done, and the slice ends at the next block. */
static void on_load(unicorn_cpu *cpu, int type, uint64_t address, int bytes, int64_t value,
                    void *user)
{
    (void)cpu, (void)type, (void)bytes, (void)value;
    struct engine *engine = user;
    if (engine->current == NO_CORE)
        return;
    const uint64_t took_ns =
        machine_load_ns(engine->machine, engine->current, address, unicorn_now(engine));
    if (took_ns != 0)
        engine->core[engine->current].stats.exit[ENGINE_EXIT_FAR_LOAD]++;
    engine->clock.spent_ns += took_ns;
}

static void on_store(unicorn_cpu *cpu, int type, uint64_t address, int bytes, int64_t value,
                     void *user)
{
    (void)cpu, (void)type, (void)bytes, (void)value;
    struct engine *engine = user;
    if (engine->current != NO_CORE)
        machine_stored(engine->machine, engine->current, address);
}

const char *unicorn_add_hooks(struct engine *engine)
{
    const struct unicorn_api *api = engine->api;
    unicorn_hook hook;
    /* begin > end: everywhere */
#define ADD(type, function, ...) \
    api->hook_add(engine->cpu, &hook, type, (void *)(function), engine, 1, 0, ##__VA_ARGS__)
    if (ADD(UNICORN_HOOK_BLOCK, on_block) != UNICORN_OK ||
        ADD(UNICORN_HOOK_TRANSLATION, on_translation) != UNICORN_OK ||
        ADD(UNICORN_HOOK_INTR, on_trap) != UNICORN_OK ||
        ADD(UNICORN_HOOK_INSN_INVALID, on_invalid) != UNICORN_OK ||
        ADD(UNICORN_HOOK_WRITE_PROT, on_window_store) != UNICORN_OK ||
        ADD(UNICORN_HOOK_INSN, on_in, UNICORN_INSN_IN) != UNICORN_OK ||
        ADD(UNICORN_HOOK_INSN, on_out, UNICORN_INSN_OUT) != UNICORN_OK ||
        ADD(UNICORN_HOOK_INSN, on_syscall, UNICORN_INSN_SYSCALL) != UNICORN_OK)
        return "a hook is refused";
    if (machine_watch_loads(engine->machine) &&
        (ADD(UNICORN_HOOK_MEM_READ, on_load) != UNICORN_OK ||
         ADD(UNICORN_HOOK_MEM_WRITE, on_store) != UNICORN_OK))
        return "a hook is refused";
#undef ADD
    return NULL;
}
