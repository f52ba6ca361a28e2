/* SPDX-License-Identifier: MIT
 *
 * What rules do to a machine beside its lines: cores that stand still, partitions, notifications
 * and timers that go wrong, clocks that differ, and the times at which all that happens.
 *
 * Times of faults are kept in a queue of their own, so that a rule which never matches leaves no
 * trace in the state of the machine.  Everything here follows from machine time and what the guest
 * did; no host time enters.
 */
#include <assert.h>
#include <string.h>

#include "machine/fabric.h"
#include "machine/machine_private.h"

#define PPM 1000000
#define IPI_BYTES 16   /* on a link */
#define AGAIN_NS 10000 /* a notification that comes twice: cause bits would merge at once */

static void at(struct fabric *f, uint64_t time_ns, enum fabric_event kind, unsigned core,
               uint64_t argument)
{
    /* Full only if thousands are on their way: then this one is lost. */
    event_queue_push(&f->queue, time_ns, (enum event_kind)kind, core, argument);
}

static bool has_core(uint64_t set, unsigned core)
{
    return set >> core & 1;
}

/* ---- cores ---- */

static void stop_cores(struct machine *machine, uint64_t cores, uint64_t until_ns)
{
    struct fabric *f = machine->fabric;
    for (unsigned core = 0; core < machine->config.core_count; core++) {
        if (!has_core(cores, core))
            continue;
        bool crashed = f->stopped[core] && f->resume_event[core] == 0;
        event_queue_cancel(&f->queue, f->resume_event[core]);
        f->resume_event[core] = 0;
        if (until_ns != 0 && !crashed)
            f->resume_event[core] =
                event_queue_push(&f->queue, until_ns, (enum event_kind)FABRIC_RESUME, core, 0);
        f->stopped[core] = true;
        machine->ops->hold_core(machine->engine, core, true);
    }
}

/* The core is fenced: what it wrote and nobody has seen yet never will be. */
void fabric_kill_core(struct machine *machine, unsigned core)
{
    stop_cores(machine, 1ull << core, 0);
    fabric_end_life(machine->fabric, core);
    if (machine->fabric->net)
        interconnect_set_mute(machine->fabric->net, core, true);
}

/* The core is started anew; nothing that was meant for its last life comes to it. */
void fabric_restart_core(struct machine *machine, unsigned core)
{
    struct fabric *f = machine->fabric;
    event_queue_cancel(&f->queue, f->resume_event[core]);
    f->resume_event[core] = 0;
    f->stopped[core] = false;
    if (f->net)
        interconnect_set_mute(f->net, core, false);
    fabric_forget_ended(machine, core);
}

static void resume_core(struct machine *machine, unsigned core)
{
    machine->fabric->stopped[core] = false;
    machine->fabric->resume_event[core] = 0;
    machine->ops->hold_core(machine->engine, core, false);
}

/* ---- the interconnect ---- */

uint64_t fabric_latency(struct fabric *f, unsigned from, unsigned to, unsigned bytes,
                        uint64_t now_ns)
{
    return f->net ? interconnect_send(f->net, from, to, bytes, now_ns) - now_ns : 0;
}

/* ---- partitions ---- */

bool fabric_is_parted(const struct fabric *f, unsigned a, unsigned b)
{
    return f->parted && f->side[a] != 0 && f->side[b] != 0 && f->side[a] != f->side[b];
}

static void heal(struct machine *machine, uint64_t now_ns)
{
    struct fabric *f = machine->fabric;
    if (!f->parted)
        return;
    f->parted = false;
    event_queue_cancel(&f->queue, f->heal_event);
    f->heal_event = 0;
    fabric_show_all(machine, true, now_ns);
}

static void part(struct machine *machine, const struct fault_action *action, uint64_t now_ns)
{
    struct fabric *f = machine->fabric;
    heal(machine, now_ns); /* one partition at a time */
    f->parted = true;
    memcpy(f->side, action->side, sizeof(f->side));
    if (action->min_ns != 0)
        f->heal_event = event_queue_push(&f->queue, now_ns + action->min_ns,
                                         (enum event_kind)FABRIC_HEAL, 0, 0);
}

/* ---- clocks ---- */

static int64_t gained(const struct fabric_clock *c, int64_t passed_ns)
{
    return (int64_t)((__int128)passed_ns * c->ppm / PPM);
}

/* Nothing has changed it: then not a nanosecond may be rounded. */
static bool is_right(const struct fabric_clock *c)
{
    return c->offset_ns == 0 && c->ppm == 0;
}

uint64_t fabric_clock(const struct machine *machine, unsigned core, uint64_t now_ns)
{
    const struct fabric_clock *c = &machine->fabric->clock[core];
    if (is_right(c))
        return now_ns;
    int64_t shown =
        (int64_t)now_ns + c->offset_ns + gained(c, (int64_t)now_ns - (int64_t)c->since_ns);
    return shown > 0 ? (uint64_t)shown : 0;
}

uint64_t fabric_machine_time(const struct machine *machine, unsigned core, uint64_t clock_ns)
{
    const struct fabric_clock *c = &machine->fabric->clock[core];
    if (is_right(c))
        return clock_ns;
    __int128 passed = (__int128)(int64_t)clock_ns - c->offset_ns - (int64_t)c->since_ns;
    __int128 now = (__int128)c->since_ns + passed * PPM / (PPM + c->ppm);
    /* rounded up: a timer must not find that its time has not come */
    now += 1;
    return now > 1 ? (uint64_t)now : 1;
}

static void change_clock(struct machine *machine, const struct fault_action *action,
                         uint64_t now_ns)
{
    struct fabric_clock *c = &machine->fabric->clock[action->core];
    c->offset_ns += gained(c, (int64_t)now_ns - (int64_t)c->since_ns);
    c->since_ns = now_ns;
    if (action->kind == FAULT_JUMP)
        c->offset_ns += action->amount;
    else
        c->ppm = action->amount;
    machine_timers_again(machine, action->core);
}

/* A core that was never started is as good as new already. */
static void restart(struct machine *machine, uint64_t cores)
{
    for (unsigned core = 0; core < machine->config.core_count; core++)
        if (machine->state.device.power[core] == DEVICE_CORE_OFF)
            cores &= ~(1ull << core);
    stop_cores(machine, cores, 0);
    device_mend(&machine->state.device, cores);
}

/* ---- actions ---- */

void fabric_act(struct machine *machine, struct fault_fire *fire, uint64_t now_ns)
{
    struct fault_action *action = &fire->action;
    struct fabric *f = machine->fabric;
    switch (action->kind) {
    case FAULT_STALL:
        stop_cores(machine, action->cores, now_ns + action->min_ns);
        break;
    case FAULT_CRASH:
        stop_cores(machine, action->cores, 0);
        break;
    case FAULT_RESTART:
        restart(machine, action->cores);
        break;
    case FAULT_PARTITION:
        part(machine, action, now_ns);
        break;
    case FAULT_HEAL:
        heal(machine, now_ns);
        break;
    case FAULT_SPURIOUS:
        for (uint32_t i = 0; i < action->count; i++)
            at(f, now_ns + i * action->min_ns, FABRIC_CAUSE, action->core, MACHINE_NO_NOTIFY);
        break;
    case FAULT_SKEW:
    case FAULT_JUMP:
        change_clock(machine, action, now_ns);
        if (!machine->ops->tsc_follows)
            action->note = "rdtsc of that core goes on as before";
        break;
    case FAULT_FLIP:
    case FAULT_KILL:
    case FAULT_NO_MEMORY:
        action->in_vain = fabric_harm(machine, action);
        break;
    default:
        break; /* of a line, notification or timer: done by who knows which */
    }
}

void fabric_tell(struct machine *machine, struct fault_injection *injection,
                 const struct fault_fire *fire, uint64_t now_ns)
{
    const struct machine_sink *sink = &machine->config.sink;
    injection->time_ns = now_ns;
    injection->fire = fire;
    if (sink->fault)
        sink->fault(sink->context, injection);
}

void fabric_act_and_tell(struct machine *machine, struct fault_decision *decision,
                         struct fault_injection *injection, uint64_t now_ns)
{
    injection->event_number = decision->event_number;
    for (size_t i = 0; i < decision->count; i++) {
        fabric_act(machine, &decision->fire[i], now_ns);
        fabric_tell(machine, injection, &decision->fire[i], now_ns);
    }
}

/* ---- notifications ---- */

void fabric_ipi(struct machine *machine, unsigned from, unsigned to, unsigned id, uint64_t now_ns)
{
    struct fabric *f = machine->fabric;
    struct fault_decision decision = { 0 };
    unsigned times = 1;
    uint64_t delay_ns = 0;
    struct fault_injection injection = {
        .trigger = FAULT_ON_IPI, .from = from, .to = to, .notify_id = id
    };
    if (f->faults)
        fault_on_ipi(f->faults, from, to, id, now_ns, &decision);
    for (size_t i = 0; i < decision.count; i++) {
        const struct fault_action *action = &decision.fire[i].action;
        if (action->kind == FAULT_DROP)
            times = 0;
        else if (action->kind == FAULT_DUPLICATE && times > 0)
            times++;
        else if (action->kind == FAULT_DELAY)
            delay_ns += action->min_ns;
        else if (action->kind == FAULT_MISROUTE)
            to = action->core;
    }
    fabric_act_and_tell(machine, &decision, &injection, now_ns);
    if (fabric_is_parted(f, from, to))
        return; /* the healing looks at all wake words */
    if (times > 0)
        delay_ns += fabric_latency(f, from, to, IPI_BYTES, now_ns);
    if (times > 0 && delay_ns == 0) {
        machine_notify(machine, to, ABI_CAUSE_NOTIFY, id);
        times--;
    }
    for (unsigned i = 0; i < times; i++)
        at(f, now_ns + delay_ns + (i + (delay_ns == 0)) * AGAIN_NS, FABRIC_CAUSE, to, id);
}

/* ---- timers ---- */

uint64_t fabric_timer(struct machine *machine, unsigned core, uint64_t at_ns, uint64_t now_ns)
{
    struct fabric *f = machine->fabric;
    struct fault_decision decision = { 0 };
    if (!f->faults || at_ns == 0)
        return at_ns;
    fault_on_timer(f->faults, core, now_ns, &decision);
    struct fault_injection injection = { .trigger = FAULT_ON_TIMER, .from = core, .to = core };
    for (size_t i = 0; i < decision.count && at_ns != 0; i++) {
        const struct fault_action *action = &decision.fire[i].action;
        if (action->kind == FAULT_LOST)
            at_ns = 0;
        else if (action->kind == FAULT_LATE)
            at_ns += action->min_ns;
        else if (action->kind == FAULT_EARLY)
            at_ns = at_ns > now_ns + action->min_ns ? at_ns - action->min_ns : now_ns + 1;
    }
    fabric_act_and_tell(machine, &decision, &injection, now_ns);
    return at_ns;
}

/* ---- console, times ---- */

void fabric_console(struct machine *machine, const struct machine_console_line *line)
{
    struct fabric *f = machine->fabric;
    struct fault_decision decision;
    if (!f->faults)
        return;
    fault_on_console(f->faults, line->core, line->speaker, line->text, line->time_ns, &decision);
    struct fault_injection injection = { .trigger = FAULT_ON_CONSOLE,
                                         .from = line->core,
                                         .to = line->core };
    fabric_act_and_tell(machine, &decision, &injection, line->time_ns);
}

void fabric_power_on(struct machine *machine)
{
    struct fabric *f = machine->fabric;
    const struct machine_config *config = &machine->config;
    fabric_watch_syscalls(machine);
    for (size_t r = 0; r < config->faults.count; r++)
        if (config->faults.rule[r].trigger == FAULT_ON_TIME)
            at(f, config->faults.rule[r].at_ns, FABRIC_TIME, 0, r);
    if (config->quiet_ns != 0 && config->deadline_ns > config->quiet_ns)
        at(f, config->deadline_ns - config->quiet_ns, FABRIC_QUIET, 0, 0);
}

static void begin_quiet(struct machine *machine, uint64_t now_ns)
{
    struct fabric *f = machine->fabric;
    f->quiet_begun = true;
    if (!f->faults)
        return;
    fault_quiet(f->faults);
    heal(machine, now_ns);
    fabric_show_all(machine, false, now_ns);
    fabric_retire_all(f, now_ns);
}

void machine_begin_quiet(struct machine *machine, uint64_t now_ns)
{
    struct fabric *f = machine->fabric;
    if (f->quiet_begun)
        return;
    f->quiet_begun = true; /* at once: what is said now was said before */
    at(f, now_ns, FABRIC_QUIET, 0, 0);
    at(f, now_ns + machine->config.quiet_ns, FABRIC_QUIET_END, 0, 0);
}

static void time_has_come(struct machine *machine, uint32_t rule, uint64_t now_ns)
{
    struct fault_decision decision;
    struct fault_injection injection = { .trigger = FAULT_ON_TIME };
    fault_on_time(machine->fabric->faults, rule, now_ns, &decision);
    fabric_act_and_tell(machine, &decision, &injection, now_ns);
}

void fabric_event(struct machine *machine, const struct event *event, uint64_t now_ns)
{
    struct fabric *f = machine->fabric;
    switch ((enum fabric_event)event->kind) {
    case FABRIC_SHOW:
        f->held[event->argument].event = 0;
        fabric_show(machine, event->argument, now_ns);
        break;
    case FABRIC_TIME:
        time_has_come(machine, (uint32_t)event->argument, now_ns);
        break;
    case FABRIC_CAUSE:
        machine_notify(machine, event->core, ABI_CAUSE_NOTIFY, (uint32_t)event->argument);
        break;
    case FABRIC_RESUME:
        resume_core(machine, event->core);
        break;
    case FABRIC_HEAL:
        f->heal_event = 0;
        heal(machine, now_ns);
        break;
    case FABRIC_QUIET:
        begin_quiet(machine, now_ns);
        break;
    case FABRIC_QUIET_END:
        machine_end_request(machine);
        break;
    }
}

/* ---- state ---- */

bool fabric_has_happened(const struct fabric *f)
{
    if (f->net)
        return true;
    for (uint32_t r = 0; f->faults && r < f->rule_count; r++)
        if (fault_fired(f->faults, r) > 0)
            return true;
    return false;
}

void fabric_feed(const struct fabric *f, machine_feed *feed, void *context)
{
    /* Of all rules together: a log of what happened is another set of rules that does the same. */
    uint64_t fired = 0;
    for (uint32_t r = 0; r < f->rule_count; r++)
        fired += fault_fired(f->faults, r);
    feed(context, &fired, sizeof(fired));
    for (size_t i = 0; i < f->held_count; i++) {
        const struct fabric_held *held = &f->held[i];
        uint32_t words[] = { held->parted, held->later, held->channel,
                             held->side,   held->slot,  held->words };
        if (!held->used)
            continue;
        feed(context, words, sizeof(words));
        feed(context, held->word, sizeof(held->word));
    }
    if (f->net)
        feed(context, f->net->free_at_ns, sizeof(f->net->free_at_ns));
    for (unsigned core = 0; f->far && core < ABI_MAX_CORES; core++) {
        const uint64_t transfers = far_memory_transfers(f->far, core);
        feed(context, &transfers, sizeof(transfers));
    }
    feed(context, &f->parted, sizeof(f->parted));
    feed(context, f->side, sizeof(f->side));
    feed(context, f->stopped, sizeof(f->stopped));
    feed(context, f->clock, sizeof(f->clock));
}
