/* SPDX-License-Identifier: MIT
 *
 * Rounds and slices: which core runs when, and what time it is.
 *
 * Time advances in rounds.  In a round every core that can run gets at most one slice; the order of
 * the cores and the length of each slice come from the seeded PRNG, and sometimes a core is left
 * out.  All slices of a round begin at the same virtual time, as if the cores ran side by side; the
 * round ends when the longest has ended.  Machine time, as the guest sees it, is the latest moment
 * any core has reached, so it is the same for all cores and never goes back.
 *
 * A slice ends after its number of basic blocks, or when the machine's next event is due, or when
 * the core halts.  Interrupts are delivered before a slice.  When no core can run, time jumps to
 * the next event.
 *
 * Nothing of the host may enter here but request_stop and the interrupt descriptor, and these only
 * end the run; and input of the console between two rounds, which a record repeats by the number of
 * the round.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "engine/unicorn/unicorn_private.h"

#define ROUNDS_BETWEEN_POLLS 1024

uint64_t unicorn_now(struct engine *engine)
{
    struct engine_clock *clock = &engine->clock;
    if (engine->current != NO_CORE && clock->base_ns + clock->spent_ns > clock->now_ns)
        clock->now_ns = clock->base_ns + clock->spent_ns;
    return clock->now_ns;
}

void unicorn_end(struct engine *engine, enum stop_reason reason, unsigned core, const char *format,
                 ...)
{
    if (engine->why.reason != STOP_NONE)
        return;
    engine->why.reason = reason;
    engine->why.core = core;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(engine->why.detail, sizeof(engine->why.detail), format, arguments);
    va_end(arguments);
}

/* Could the core take an interrupt now? */
static bool interruptible(const struct unicorn_state *state)
{
    return (state->rflags & RFLAG_IF) && !(state->hflags & HFLAG_SHADOW);
}

static bool can_run(struct engine *engine, unsigned core)
{
    if (engine->core[core].held)
        return false;
    switch (engine->core[core].activity) {
    case CORE_RUNNING:
        return true;
    case CORE_HALTED:
        return machine_cause_pending(engine->machine, core) &&
               interruptible(core_registers(engine, core));
    default:
        return false;
    }
}

/* Delivers the pending interrupt, if the core takes it now.  True: it has to wait. */
static bool interrupt(struct engine *engine, unsigned core)
{
    struct unicorn_state *state = core_registers(engine, core);
    if (!machine_cause_pending(engine->machine, core))
        return false;
    if (!interruptible(state))
        return true;
    machine_before_interrupt(engine->machine, core, unicorn_now(engine));
    struct trap trap = { .vector = ABI_VECTOR, .external = true, .return_rip = state->rip };
    engine->core[core].activity = CORE_RUNNING;
    engine->core[core].stats.interrupts++;
    engine->clock.spent_ns += COST_TRAP_NS;
    if (!unicorn_deliver(engine, core, &trap))
        unicorn_end(engine, STOP_TRIPLE_FAULT, core, "the interrupt could not be delivered");
    return false;
}

/* The library gave up: why? */
static void explain(struct engine *engine, unsigned core, int error)
{
    uint64_t rip = core_registers(engine, core)->rip;
    switch (error) {
    case UNICORN_READ_UNMAPPED:
    case UNICORN_WRITE_UNMAPPED:
    case UNICORN_FETCH_UNMAPPED:
        unicorn_end(engine, STOP_BAD_ACCESS, core,
                    "%s guest-physical memory that does not exist, at 0x%llx",
                    error == UNICORN_READ_UNMAPPED    ? "read of"
                    : error == UNICORN_WRITE_UNMAPPED ? "write to"
                                                      : "execution in",
                    (unsigned long long)rip);
        break;
    case UNICORN_INSN_INVALID:
        unicorn_end(engine, STOP_EMULATION, core, "unknown instruction at 0x%llx",
                    (unsigned long long)rip);
        break;
    case UNICORN_ABORTED:
        engine->aborted = true;
        unicorn_end(engine, STOP_EMULATION, core,
                    "Unicorn cannot translate an instruction in the block at 0x%llx",
                    (unsigned long long)rip);
        break;
    default:
        unicorn_end(engine, STOP_ENGINE, core, "Unicorn: %s, at 0x%llx",
                    engine->api->strerror(error), (unsigned long long)rip);
    }
}

static void observe(struct engine *engine, unsigned core, uint64_t blocks)
{
    const struct unicorn_state *state = core_registers(engine, core);
    struct engine_slice slice = {
        .end_ns = unicorn_now(engine),
        .rip = state->rip,
        .registers =
            XXH3_64bits_withSeed(state->reg, sizeof(state->reg), state->rflags | state->cc_src),
        .core = core,
        .blocks = (uint32_t)blocks,
    };
    engine->observer(engine->observer_context, &slice);
}

/* Lets the library execute the current core until the slice ends. */
static int execute(struct engine *engine)
{
    int error;
    bool paused;
    unicorn_code_settle(engine);
    unicorn_trap_settle(engine);
    unicorn_helpers_for(engine);
    do {
        struct unicorn_state *state = core_registers(engine, engine->current);
        engine->stopping = false;
        /* The TLB knows the addresses of one core only. */
        if (engine->loaded != engine->current)
            engine->api->ctl(engine->cpu, UNICORN_CTL_FLUSH_TLB);
        engine->loaded = engine->current;
        /* When it starts, the library takes the arithmetic flags from RFLAGS, not from where it
         * keeps them while it runs. */
        state->rflags |= state->cc_src | (state->df < 0 ? RFLAG_DF : 0);
        unicorn_put(engine);
        error = unicorn_start(engine->api, engine->cpu, state->rip);
        unicorn_pull(engine);
        paused = engine->paused;
        if (paused) {
            engine->paused = false;
            engine->blocks_left = engine->blocks_kept;
            unicorn_code_settle(engine);
            unicorn_trap_settle(engine);
        }
    } while (paused && engine->stopping && error == UNICORN_OK && engine->why.reason == STOP_NONE);
    unicorn_helpers_for(NULL);
    return error;
}

/* Lets a core run for at most `blocks` blocks and, unless 0, until the machine time `until_ns`. */
static void run_slice(struct engine *engine, unsigned core, uint64_t blocks, uint64_t until_ns)
{
    struct engine_clock *clock = &engine->clock;
    struct core *self = &engine->core[core];
    engine->current = core;
    clock->spent_ns = 0;
    clock->slices++;
    const bool waits = interrupt(engine, core);
    if (engine->why.reason != STOP_NONE) {
        engine->current = NO_CORE;
        return;
    }

    struct unicorn_state *state = core_registers(engine, core);
    if (waits && blocks > SLICE_BLOCKS_PENDING)
        blocks = SLICE_BLOCKS_PENDING;
    engine->blocks_left = blocks;
    engine->blocks_cut = 0;
    engine->limit_ns = until_ns > clock->base_ns ? until_ns - clock->base_ns : 1;
    if (self->stats.blocks == 0) /* the hook does not tell of the very first translation */
        unicorn_code_translated(engine, state->rip, 1, 1);
    int error = execute(engine);

    blocks -= engine->blocks_left + engine->blocks_cut;
    self->stats.blocks += blocks;
    if (error != UNICORN_OK) {
        explain(engine, core, error);
    } else if (!engine->stopping && self->activity == CORE_RUNNING) {
        self->activity = CORE_HALTED;
        self->stats.exit[ENGINE_EXIT_HLT]++;
    }
    unicorn_now(engine);
    if (engine->observer)
        observe(engine, core, blocks);
    engine->current = NO_CORE;
}

/* A length between 1 and the longest: short ones as likely as long ones of the same order. */
static uint64_t draw_blocks(struct engine *engine)
{
    uint64_t longest = engine->options.slice_blocks;
    uint64_t random = prng_next(&engine->clock.prng);
    uint64_t bound = longest >> (random & 3); /* a half of the slices below an eighth or so */
    random >>= 32;
    return 1 + (random * (bound ? bound : 1) >> 32);
}

/* Fills order[] with the cores that can run, in the order of this round. */
static unsigned draw_order(struct engine *engine, unsigned order[ABI_MAX_CORES])
{
    unsigned count = 0;
    for (unsigned core = 0; core < engine->core_count; core++)
        if (can_run(engine, core))
            order[count++] = core;
    for (unsigned i = count; i > 1; i--) {
        unsigned other = (unsigned)prng_below(&engine->clock.prng, i), core = order[i - 1];
        order[i - 1] = order[other];
        order[other] = core;
    }
    /* One round in four leaves out the last, so that a core can fall behind. */
    if (count > 1 && prng_below(&engine->clock.prng, 4) == 0)
        count--;
    return count;
}

static bool anyone_left(const struct engine *engine)
{
    for (unsigned core = 0; core < engine->core_count; core++)
        if (engine->core[core].activity == CORE_RUNNING ||
            engine->core[core].activity == CORE_HALTED)
            return true;
    return false;
}

static void take_requests(struct engine *engine)
{
    int requested = atomic_exchange(&engine->requested, STOP_NONE);
    if (requested != STOP_NONE)
        unicorn_end(engine, (enum stop_reason)requested, NO_CORE, "%s", "");
    if (engine->options.interrupt_fd >= 0 && engine->clock.rounds % ROUNDS_BETWEEN_POLLS == 0) {
        struct pollfd fd = { .fd = engine->options.interrupt_fd, .events = POLLIN };
        if (poll(&fd, 1, 0) > 0)
            unicorn_end(engine, STOP_INTERRUPTED, NO_CORE, "%s", "");
    }
}

/* All cores sleep until `next_ns`.  True: somebody types before that, or the run is to end. */
static bool input_comes_first(struct engine *engine, uint64_t next_ns)
{
    const struct engine_clock *clock = &engine->clock;
    enum machine_waited waited;
    do
        waited = machine_wait_for_input(engine->machine, clock->rounds + 1, next_ns, clock->now_ns);
    while (waited == MACHINE_WAITED_AGAIN && atomic_load(&engine->requested) == STOP_NONE);
    return waited != MACHINE_WAITED;
}

static void run_round(struct engine *engine)
{
    struct engine_clock *clock = &engine->clock;
    unsigned order[ABI_MAX_CORES];
    unsigned count = draw_order(engine, order);
    uint64_t next = machine_next_event_ns(engine->machine);
    if (count == 0) {
        if (!anyone_left(engine))
            unicorn_end(engine, STOP_ALL_STOPPED, NO_CORE, "%s", "");
        else if (input_comes_first(engine, next))
            return; /* it is taken at the next turn */
        else if (next == MACHINE_NO_EVENT)
            unicorn_end(engine, STOP_DEADLINE, NO_CORE,
                        "every core sleeps and nothing is due: the machine would sleep for ever");
        else if (next > clock->now_ns)
            clock->now_ns = next;
        return;
    }
    clock->base_ns = clock->now_ns += COST_ROUND_NS;
    const uint64_t longest_ns = engine->options.slice_ns;
    const uint64_t end_ns = longest_ns ? clock->base_ns + longest_ns : MACHINE_NO_EVENT;
    for (unsigned i = 0; i < count && engine->why.reason == STOP_NONE; i++) {
        next = machine_next_event_ns(engine->machine);
        if (can_run(engine, order[i]))
            run_slice(engine, order[i], draw_blocks(engine), next < end_ns ? next : end_ns);
        if (atomic_load(&engine->requested) != STOP_NONE)
            take_requests(engine);
    }
}

/* Ends after which the core that brought them about has no next instruction. */
static bool is_final(enum stop_reason reason)
{
    return reason == STOP_TRIPLE_FAULT || reason == STOP_EMULATION || reason == STOP_BAD_ACCESS ||
           reason == STOP_LIMIT || reason == STOP_ENGINE;
}

int unicorn_run(struct engine *engine, struct engine_stop *why)
{
    struct engine_clock *clock = &engine->clock;
    engine->why = engine->broken;
    while (engine->why.reason == STOP_NONE) {
        if (machine_next_event_ns(engine->machine) <= clock->now_ns)
            machine_run_events(engine->machine, clock->now_ns);
        machine_take_input(engine->machine, clock->rounds, clock->now_ns);
        take_requests(engine);
        if (engine->why.reason != STOP_NONE)
            break;
        run_round(engine);
        clock->rounds++;
    }
    if (engine->why.reason == STOP_EXIT || engine->why.reason == STOP_PANIC)
        machine_fill_stop(engine->machine, &engine->why);
    if (engine->why.core == NO_CORE)
        engine->why.core = 0;
    engine->why.time_ns = clock->now_ns;
    if (is_final(engine->why.reason))
        engine->broken = engine->why;
    *why = engine->why;
    return why->reason == STOP_ENGINE ? -EIO : 0;
}
