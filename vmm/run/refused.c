/* SPDX-License-Identifier: MIT
 *
 * What a machine that others run cannot do of a scenario, and why.
 *
 * Lines can be changed there, because we carry them (machine/pump.c), and what programs report can
 * be read.  Everything else that a rule does needs a device of ours, or a core that we can stop.
 */
#include <stdio.h>

#include "run/run.h"

/* NULL: it works. */
static const char *trigger_refused(enum fault_trigger trigger)
{
    switch (trigger) {
    case FAULT_ON_MESSAGE:
    case FAULT_ON_TIME:
    case FAULT_ON_CONSOLE:
    case FAULT_ON_FIRED:
        return NULL;
    case FAULT_ON_IPI:
        return "a PC's cores interrupt each other without us";
    case FAULT_ON_TIMER:
        return "a PC's timers are its own";
    case FAULT_ON_SYSCALL:
        return "nobody tells of system calls there";
    }
    return "nobody tells of it there";
}

static const char *action_refused(enum fault_action_kind kind, bool bells)
{
    switch (kind) {
    case FAULT_DROP:
    case FAULT_DELAY:
    case FAULT_DUPLICATE:
    case FAULT_REORDER:
    case FAULT_CORRUPT:
    case FAULT_TEAR:
    case FAULT_STALE:
    case FAULT_PARTITION:
    case FAULT_HEAL:
        return NULL;
    case FAULT_SKEW:
    case FAULT_JUMP:
        return "a PC's clock is its processor's";
    case FAULT_STALL:
    case FAULT_CRASH:
    case FAULT_RESTART:
        return "QEMU does not stop a core alone";
    case FAULT_SPURIOUS:
        return bells ? NULL : "we interrupt cores on machine.board: q35 only";
    case FAULT_FLIP:
        return "a PC's memory lies elsewhere";
    default:
        return "a PC's CPU drivers do not listen to us";
    }
}

static const char *rule_refused(const struct fault_rule *rule, bool bells, const char **action)
{
    const char *why = trigger_refused(rule->trigger);
    *action = NULL;
    for (size_t i = 0; !why && i < rule->action_count; i++) {
        why = action_refused(rule->action[i].kind, bells);
        *action = fault_action_name[rule->action[i].kind];
    }
    return why;
}

const char *run_refused(const struct scenario *scenario, const struct engine_ops *ops)
{
    static char text[256];
    const bool bells = scenario->machine.board == SCENARIO_BOARD_Q35;
    if (!ops->witness)
        return NULL;
    if (scenario_wants(scenario, INVARIANT_CAPABILITIES))
        return "invariant capabilities: a PC's cores keep their databases where nobody else knows "
               "them; it needs --engine kvm or unicorn";
    for (size_t i = 0; i < scenario->fault_count; i++) {
        const char *action, *why = rule_refused(&scenario->faults[i], bells, &action);
        if (!why)
            continue;
        snprintf(text, sizeof(text), "rule %.48s: %s%s%s; it needs --engine kvm or unicorn",
                 scenario->faults[i].name, action ? action : "", action ? ": " : "", why);
        return text;
    }
    return NULL;
}
