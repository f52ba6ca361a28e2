/* SPDX-License-Identifier: MIT
 *
 * Which rules can never fire again: their numbers are past, their times over, their firings used
 * up.
 *
 * A ring in which none can is of no interest any more, and its memory goes back to being plain.  In
 * doubt a rule can still fire.
 */
#include <string.h>

#include "fault/fault_private.h"

static uint64_t count_of_type(const struct fault_ring *ring, uint32_t type)
{
    for (size_t i = 0; i < ring->type_count; i++)
        if (ring->type[i].type == type)
            return ring->type[i].count;
    return 0;
}

/* The number that the last line had that the rule looks for. */
static uint64_t last_number(const struct fault_ring *ring, const struct fault_rule *rule)
{
    if (strcmp(rule->message, "$any") == 0)
        return ring->lines;
    if (strcmp(rule->message, "any") == 0)
        return ring->any;
    for (uint32_t type = 0; type <= FAULT_TYPE_CAP_ACK; type++) {
        const char *name = fault_line_type_name(type);
        if (name && strcmp(name, rule->message) == 0)
            return count_of_type(ring, type);
        if (type == FAULT_TYPE_FIRST_MESSAGE)
            type = FAULT_TYPE_GOODBYE - 1;
    }
    const struct fault_message_name *message = fault_names_message(ring->interface, rule->message);
    return message ? count_of_type(ring, message->number) : 0;
}

static bool is_over(const struct fault_state *state, const struct fault_rule *rule,
                    const struct fault_counter *counter, uint64_t now_ns)
{
    return state->quiet || (rule->count != 0 && counter->fired >= rule->count) ||
           now_ns >= rule->until_ns ||
           (rule->until_rule != FAULT_NO_RULE && state->counter[rule->until_rule].fired > 0);
}

/* Are all numbers behind us?  A later line of a long message, and a line that is written again,
 * have the number of what was first written. */
static bool numbers_are_past(const struct fault_rule *rule, uint64_t last)
{
    if (rule->nth_count == 0 || rule->attempt != 1)
        return false;
    for (size_t i = 0; i < rule->nth_count; i++)
        if (rule->nth[i].last > last || (rule->nth[i].last == last && rule->line > 1))
            return false;
    return true;
}

bool fault_ring_is_done(const struct fault_state *state, const struct fault_ring *ring,
                        uint64_t now_ns)
{
    for (size_t i = 0; i < ring->rule_count; i++) {
        const struct fault_rule *rule = &state->rules->rule[ring->rule[i]];
        const struct fault_counter *counter = &state->counter[ring->rule[i]];
        if (!is_over(state, rule, counter, now_ns) &&
            !numbers_are_past(rule, rule->scope_rule ? counter->seen : last_number(ring, rule)))
            return false;
    }
    return true;
}
