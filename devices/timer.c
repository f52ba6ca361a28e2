/* SPDX-License-Identifier: MIT
 *
 * Clock and one-shot timers of each core.
 *
 * The clock has nothing to do: every request leaves the time in the core's page.  A timer keeps
 * the absolute time at which it fires; the machine keeps an event for it in its queue and calls
 * device_timer_due().  The state here decides: an event that comes for a timer which was cancelled
 * or moved is ignored, so the machine may be lazy about removing events, but never about adding.
 */
#include <assert.h>
#include <string.h>

#include "models.h"

void clock_out(struct device_state *state, const struct device_memory *memory,
               const struct device_access *access, struct device_reply *reply)
{
    (void)state;
    (void)memory;
    (void)access;
    (void)reply;
}

static void fire(struct device_reply *reply, unsigned core)
{
    struct device_effect *effect = device_add_effect(reply, DEVICE_SET_CAUSE, core);
    effect->cause.bits = ABI_CAUSE_TIMER;
}

void timer_out(struct device_state *state, const struct device_memory *memory,
               const struct device_access *access, struct device_reply *reply)
{
    (void)memory;
    unsigned core = access->core;
    uint64_t at = access->arg[0];
    if (access->value >= ABI_TIMERS) {
        reply->result = ABI_RESULT_BAD_REQUEST;
        return;
    }
    bool past = at != 0 && at <= access->now_ns;
    uint64_t *timer_at = &state->timer_at_ns[core][access->value];
    bool was_armed = *timer_at != 0;
    *timer_at = past ? 0 : at;
    if (was_armed || *timer_at != 0) {
        struct device_effect *effect = device_add_effect(reply, DEVICE_TIMER, core);
        effect->timer.which = access->value;
        effect->timer.at_ns = *timer_at;
    }
    if (past)
        fire(reply, core);
}

void device_timer_due(struct device_state *state, unsigned core, unsigned which, uint64_t now_ns,
                      struct device_reply *reply)
{
    assert(core < state->core_count && which < ABI_TIMERS);
    memset(reply, 0, sizeof(*reply));
    uint64_t at = state->timer_at_ns[core][which];
    if (at == 0 || at > now_ns)
        return;
    state->timer_at_ns[core][which] = 0;
    fire(reply, core);
}
