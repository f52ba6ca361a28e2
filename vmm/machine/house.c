/* SPDX-License-Identifier: MIT
 *
 * Machines that only keep house: all that happens any more is that monitors say that they are
 * alive, and that sleepers look again whether they were woken.  Timers keep such a machine awake
 * until its deadline, though nobody in it can do anything.
 *
 * A timer does not say what it is for, but each domain says whether it waits for a time of its own
 * (abi/wait_table.h).  If none does, all cores sleep, and again and again each thread waits for
 * what it waited for before, then what wakes the cores changes nothing.  A notification that was
 * lost, or a line that must be written again, shows within a few of these timers, and somebody
 * waits for something else then.  Where a scenario has faults that takes longer, so there nothing
 * is concluded.
 *
 * Must not change anything in the machine: it is asked when the host finds time.
 */
#include "machine/fabric.h"
#include "machine/machine_private.h"

#define HOUSE_TIMERS 32            /* of the longest one */
#define HOUSE_LEAST_NS 3000000000u /* a checked channel gives up earlier */

/* May something come from outside, or be under way between cores? */
static bool others_act(const struct machine *machine)
{
    const struct event_queue *queue = &machine->state.queue;
    bool others = machine->state.stopped || machine->fabric->queue.count != 0 ||
                  machine->config.faults.count != 0 ||
                  (machine->config.source && !machine->state.source_ended);
    for (uint32_t i = 0; !others && i < queue->count; i++)
        others = queue->heap[i].kind != EVENT_DEADLINE && queue->heap[i].kind != EVENT_TIMER;
    return others;
}

/* Is a core about to wake up?  Then this is not the moment to look. */
static bool wakes(const struct machine *machine)
{
    for (unsigned core = 0; core < machine->config.core_count; core++)
        if (machine_cause_pending(machine, core))
            return true;
    return false;
}

/* Time until the last timer. */
static uint64_t longest_timer(const struct machine *machine, uint64_t now_ns)
{
    const struct event_queue *queue = &machine->state.queue;
    uint64_t longest = 0;
    for (uint32_t i = 0; i < queue->count; i++) {
        const struct event *event = &queue->heap[i];
        if (event->kind == EVENT_TIMER && event->time_ns > now_ns + longest)
            longest = event->time_ns - now_ns;
    }
    return longest;
}

struct look {
    uint64_t hash;
    bool waits_for_time;
};

static void add(struct look *look, uint64_t value)
{
    look->hash = (look->hash ^ value) * 0x100000001b3;
}

static void look_at(struct machine *machine, unsigned core, uint64_t dcb,
                    const struct abi_wait_thread *thread, void *context)
{
    struct look *look = context;
    (void)machine;
    add(look, core);
    add(look, dcb);
    add(look, thread->id);
    add(look, thread->kind);
    add(look, thread->object);
    add(look, thread->at);
    add(look, thread->other);
    look->waits_for_time |= thread->until_ns != 0;
}

static bool has_kept_house(struct machine *machine, uint64_t now_ns)
{
    struct machine_house *house = &machine->house;
    struct look look = { .hash = 0xcbf29ce484222325 };
    if (wakes(machine))
        return false;
    machine_visit_threads(machine, look_at, &look);
    add(&look, machine->state.stats.console_lines);
    if (others_act(machine) || look.waits_for_time || look.hash != house->seen)
        *house = (struct machine_house){ .seen = look.hash, .since_ns = now_ns };
    const uint64_t longest = longest_timer(machine, now_ns);
    if (longest > house->longest_ns)
        house->longest_ns = longest;
    const uint64_t enough = HOUSE_TIMERS * house->longest_ns;
    return now_ns - house->since_ns >= (enough > HOUSE_LEAST_NS ? enough : HOUSE_LEAST_NS);
}

bool machine_only_keeps_house(struct machine *machine, uint64_t now_ns)
{
    machine_lock(machine);
    const bool keeps = has_kept_house(machine, now_ns);
    machine_unlock(machine);
    return keeps;
}
