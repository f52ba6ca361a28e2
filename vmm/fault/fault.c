/* SPDX-License-Identifier: MIT
 *
 * Deciding: which rules an event makes fire, and what then happens.
 *
 * Rules are asked in the order of the file, and each decides for itself.  A rule that fires may
 * make others fire (trigger `fired`); their actions follow in the same decision.
 */
#include "fault/fault.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tre/regex.h>

#include "fault/fault_private.h"

#define CASCADE_MAX 16 /* rules that fire because of each other, one after the other */

const char *const fault_action_name[FAULT_ACTIONS] = {
    [FAULT_DROP] = "drop",           [FAULT_DELAY] = "delay",       [FAULT_DUPLICATE] = "duplicate",
    [FAULT_REORDER] = "reorder",     [FAULT_CORRUPT] = "corrupt",   [FAULT_TEAR] = "tear",
    [FAULT_STALE] = "stale",         [FAULT_MISROUTE] = "misroute", [FAULT_LATE] = "late",
    [FAULT_EARLY] = "early",         [FAULT_LOST] = "lost",         [FAULT_SPURIOUS] = "spurious",
    [FAULT_SKEW] = "skew",           [FAULT_JUMP] = "jump",         [FAULT_STALL] = "stall",
    [FAULT_CRASH] = "crash",         [FAULT_RESTART] = "restart",   [FAULT_PARTITION] = "partition",
    [FAULT_HEAL] = "heal",           [FAULT_FLIP] = "flip",         [FAULT_KILL] = "kill",
    [FAULT_NO_MEMORY] = "no_memory",
};

/* ---- patterns ---- */

bool fault_glob(const char *glob, const char *text)
{
    const char *star = NULL, *mark = NULL;
    while (*text) {
        if (*glob == '*') {
            star = ++glob;
            mark = text;
        } else if (*glob == '?' || *glob == *text) {
            glob++;
            text++;
        } else if (star) {
            glob = star;
            text = ++mark;
        } else {
            return false;
        }
    }
    while (*glob == '*')
        glob++;
    return *glob == 0;
}

static bool channel_matches(const struct fault_pattern *pattern, const char *name)
{
    if (!pattern->text)
        return true;
    if (pattern->regex)
        return tre_regexec(pattern->compiled, name, 0, NULL, 0) == 0;
    return fault_glob(pattern->text, name);
}

bool fault_console_matches(const struct fault_pattern *pattern, const char *line)
{
    if (pattern->regex)
        return tre_regexec(pattern->compiled, line, 0, NULL, 0) == 0;
    return strstr(line, pattern->text) != NULL;
}

/* ---- life ---- */

bool fault_looks_for(const struct fault_rules *rules, enum fault_trigger trigger)
{
    for (size_t r = 0; r < rules->count; r++)
        if (rules->rule[r].trigger == trigger)
            return true;
    return false;
}

struct fault_state *fault_create(const struct fault_rules *rules, const struct fault_names *names)
{
    struct fault_state *state = calloc(1, sizeof(*state));
    if (!state)
        return NULL;
    state->rules = rules;
    state->names = names;
    state->counter = calloc(rules->count + 1, sizeof(*state->counter));
    bool ok = state->counter != NULL;
    if (ok && fault_looks_for(rules, FAULT_ON_SYSCALL)) {
        state->syscall = calloc(rules->count, sizeof(*state->syscall));
        ok = state->syscall != NULL;
    }
    if (ok)
        return state;
    fault_destroy(state);
    return NULL;
}

void fault_destroy(struct fault_state *state)
{
    if (!state)
        return;
    free(state->ipi_id);
    free(state->syscall);
    free(state->counter);
    free(state);
}

uint64_t fault_fired(const struct fault_state *state, uint32_t rule)
{
    assert(rule < state->rules->count);
    return state->counter[rule].fired;
}

void fault_quiet(struct fault_state *state)
{
    state->quiet = true;
}

bool fault_parts_cores(const struct fault_state *state)
{
    for (size_t r = 0; r < state->rules->count; r++)
        for (size_t a = 0; a < state->rules->rule[r].action_count; a++)
            if (state->rules->rule[r].action[a].kind == FAULT_PARTITION)
                return true;
    return false;
}

/* ---- channels ---- */

void fault_channel_name(char name[FAULT_CHANNEL_NAME_MAX], const char *interface,
                        const struct fault_end *server, const struct fault_end *client, unsigned k)
{
    snprintf(name, FAULT_CHANNEL_NAME_MAX, "%s:%s.%u<-%s.%u#%u", interface, server->name,
             server->core, client->name, client->core, k);
}

static bool has_core(uint64_t set, unsigned core)
{
    return set >> core & 1;
}

/* Is there any line in this ring that the rule could choose? */
static bool can_choose_in(const struct fault_rule *rule, const struct fault_ring *ring,
                          const char *interface)
{
    if (rule->trigger != FAULT_ON_MESSAGE || !has_core(rule->from, ring->from) ||
        !has_core(rule->to, ring->to) || !channel_matches(&rule->channel, ring->channel))
        return false;
    if (rule->interface && strcmp(rule->interface, interface) != 0)
        return false;
    if (rule->message[0] == '$' || strcmp(rule->message, "any") == 0)
        return true;
    return fault_names_message(ring->interface, rule->message) != NULL;
}

static bool find_rules(const struct fault_state *state, struct fault_ring *ring,
                       const char *interface)
{
    ring->rule = calloc(state->rules->count + 1, sizeof(*ring->rule));
    if (!ring->rule)
        return false;
    for (size_t r = 0; r < state->rules->count; r++)
        if (can_choose_in(&state->rules->rule[r], ring, interface))
            ring->rule[ring->rule_count++] = (uint32_t)r;
    return true;
}

struct fault_ring *fault_ring_new(struct fault_state *state, const char *channel,
                                  const char *interface, unsigned from, unsigned to, unsigned slots,
                                  bool always)
{
    struct fault_ring *ring = calloc(1, sizeof(*ring));
    if (!ring)
        return NULL;
    ring->channel = strdup(channel);
    ring->interface = fault_names_interface(state->names, interface);
    ring->from = from;
    ring->to = to;
    ring->slots = slots;
    ring->epoch = 1;
    ring->slot = calloc(slots, sizeof(*ring->slot));
    if (ring->channel && ring->slot && find_rules(state, ring, interface) &&
        (ring->rule_count > 0 || always)) {
        ring->key = fault_hash_mix(fault_hash_text(channel), from);
        return ring;
    }
    fault_ring_free(state, ring);
    return NULL;
}

void fault_ring_free(struct fault_state *state, struct fault_ring *ring)
{
    (void)state;
    if (!ring)
        return;
    free(ring->channel);
    free(ring->rule);
    free(ring->slot);
    free(ring->type);
    free(ring);
}

/* ---- choosing ---- */

/* What a rule decides about. */
struct candidate {
    uint64_t number; /* of the event, as this rule counts */
    uint64_t key;    /* names the event, for chance */
    bool first; /* it was not there before: transmissions after the first are not counted again */
    unsigned words; /* of the line; 0: it is none */
};

static bool in_ranges(const struct fault_rule *rule, uint64_t number)
{
    for (size_t i = 0; i < rule->nth_count; i++)
        if (number >= rule->nth[i].first && number <= rule->nth[i].last)
            return true;
    return rule->nth_count == 0;
}

static bool chance(const struct fault_rule *rule, uint64_t key)
{
    if (rule->probability < 0)
        return true;
    const double unit = 0x1p-53;
    return (double)(fault_hash_mix(key, UINT64_MAX) >> 11) * unit < rule->probability;
}

static bool in_its_time(const struct fault_state *state, const struct fault_rule *rule,
                        uint64_t now_ns)
{
    if (now_ns < rule->after_ns || now_ns >= rule->until_ns)
        return false;
    if (rule->after_rule != FAULT_NO_RULE && state->counter[rule->after_rule].fired == 0)
        return false;
    return rule->until_rule == FAULT_NO_RULE || state->counter[rule->until_rule].fired == 0;
}

static void cascade(struct fault_state *state, uint32_t fired, uint64_t now_ns, unsigned depth,
                    struct fault_decision *decision);

static void fire(struct fault_state *state, uint32_t index, const struct candidate *event,
                 uint64_t key, uint64_t now_ns, unsigned depth, struct fault_decision *decision)
{
    const struct fault_rule *rule = &state->rules->rule[index];
    uint64_t firing = ++state->counter[index].fired;
    for (size_t a = 0; a < rule->action_count; a++) {
        if (decision->count == FAULT_FIRES_MAX)
            break;
        decision->fire[decision->count++] = (struct fault_fire){
            .rule = index,
            .firing = firing,
            .number = event->number,
            .action = fault_exact(&rule->action[a], fault_hash_mix(key, a + 1),
                                  event->words ? event->words : 1),
        };
    }
    cascade(state, index, now_ns, depth + 1, decision);
}

/* The event is of the kind that the rule looks for. */
static void consider(struct fault_state *state, uint32_t index, struct candidate event,
                     uint64_t now_ns, unsigned depth, struct fault_decision *decision)
{
    const struct fault_rule *rule = &state->rules->rule[index];
    struct fault_counter *counter = &state->counter[index];
    if (rule->scope_rule) {
        if (event.first)
            counter->seen++;
        event.number = counter->seen;
    }
    if (state->quiet || !in_its_time(state, rule, now_ns) ||
        (rule->count != 0 && counter->fired >= rule->count) || !in_ranges(rule, event.number) ||
        (rule->every != 0 && event.number % rule->every != 0))
        return;
    uint64_t key = fault_hash_mix(fault_hash_mix(state->rules->seed, rule->key), event.key);
    if (chance(rule, key))
        fire(state, index, &event, key, now_ns, depth, decision);
}

static void cascade(struct fault_state *state, uint32_t fired, uint64_t now_ns, unsigned depth,
                    struct fault_decision *decision)
{
    if (depth > CASCADE_MAX)
        return;
    uint64_t firing = state->counter[fired].fired;
    struct candidate event = { .number = firing, .key = firing, .first = true };
    for (size_t r = 0; r < state->rules->count; r++) {
        const struct fault_rule *rule = &state->rules->rule[r];
        if (rule->trigger == FAULT_ON_FIRED && rule->fired == fired)
            consider(state, (uint32_t)r, event, now_ns, depth, decision);
    }
}

/* ---- events ---- */

/* Is it this line that the rule looks for, and which number has it? */
static bool chooses_line(const struct fault_rule *rule, const struct fault_message *message,
                         uint64_t *number)
{
    if (rule->attempt != 0 && message->attempt != rule->attempt)
        return false;
    if (strcmp(rule->message, "$any") == 0) {
        *number = message->lines;
        return true;
    }
    if (message->line != rule->line)
        return false;
    *number = message->number;
    if (strcmp(rule->message, message->name) == 0)
        return true;
    *number = message->any;
    return strcmp(rule->message, "any") == 0 && message->name[0] != '$';
}

void fault_on_line(struct fault_state *state, struct fault_ring *ring,
                   const struct fault_line *line, uint64_t now_ns, struct fault_message *message,
                   struct fault_decision *decision)
{
    decision->count = 0;
    fault_ring_identify(ring, line, message);
    if (!message->known)
        return;
    uint64_t key = fault_hash_mix(ring->key, fault_hash_text(message->name));
    key = fault_hash_mix(key, message->number);
    key = fault_hash_mix(key, (uint64_t)message->line << 32 | message->attempt);
    struct candidate event = { .key = key, .first = message->attempt == 1, .words = line->words };
    for (size_t i = 0; i < ring->rule_count; i++) {
        const struct fault_rule *rule = &state->rules->rule[ring->rule[i]];
        if (chooses_line(rule, message, &event.number))
            consider(state, ring->rule[i], event, now_ns, 0, decision);
    }
}

static uint64_t count_ipi_id(struct fault_state *state, uint32_t from, uint32_t to, uint32_t id)
{
    for (size_t i = 0; i < state->ipi_id_count; i++) {
        struct fault_id_count *c = &state->ipi_id[i];
        if (c->from == from && c->to == to && c->id == id)
            return ++c->count;
    }
    if ((state->ipi_id_count & (state->ipi_id_count - 1)) == 0) {
        size_t room = state->ipi_id_count ? 2 * state->ipi_id_count : 1;
        struct fault_id_count *grown = realloc(state->ipi_id, room * sizeof(*grown));
        if (!grown)
            return 0;
        state->ipi_id = grown;
    }
    state->ipi_id[state->ipi_id_count++] = (struct fault_id_count){ from, to, id, 1 };
    return 1;
}

void fault_on_ipi(struct fault_state *state, unsigned from, unsigned to, unsigned id,
                  uint64_t now_ns, struct fault_decision *decision)
{
    assert(from < ABI_MAX_CORES && to < ABI_MAX_CORES);
    decision->count = 0;
    uint64_t any = decision->event_number = ++state->ipi[from][to];
    uint64_t of_id = count_ipi_id(state, from, to, id);
    uint64_t key = fault_hash_mix((uint64_t)from << 32 | to, any);
    for (size_t r = 0; r < state->rules->count; r++) {
        const struct fault_rule *rule = &state->rules->rule[r];
        bool every_id = rule->ipi == UINT32_MAX;
        if (rule->trigger != FAULT_ON_IPI || !has_core(rule->from, from) ||
            !has_core(rule->to, to) || (!every_id && rule->ipi != id))
            continue;
        struct candidate event = { .number = every_id ? any : of_id, .key = key, .first = true };
        consider(state, (uint32_t)r, event, now_ns, 0, decision);
    }
}

void fault_on_timer(struct fault_state *state, unsigned core, uint64_t now_ns,
                    struct fault_decision *decision)
{
    assert(core < ABI_MAX_CORES);
    decision->count = 0;
    struct candidate event = { .number = ++state->timer[core], .first = true };
    decision->event_number = event.number;
    event.key = fault_hash_mix(core, event.number);
    for (size_t r = 0; r < state->rules->count; r++) {
        const struct fault_rule *rule = &state->rules->rule[r];
        if (rule->trigger == FAULT_ON_TIMER && has_core(rule->to, core))
            consider(state, (uint32_t)r, event, now_ns, 0, decision);
    }
}

void fault_on_time(struct fault_state *state, uint32_t rule, uint64_t now_ns,
                   struct fault_decision *decision)
{
    assert(rule < state->rules->count && state->rules->rule[rule].trigger == FAULT_ON_TIME);
    decision->count = 0;
    struct candidate event = { .number = 1, .key = 1, .first = true };
    consider(state, rule, event, now_ns, 0, decision);
}

void fault_on_console(struct fault_state *state, unsigned core, const char *domain,
                      const char *text, uint64_t now_ns, struct fault_decision *decision)
{
    decision->count = 0;
    for (size_t r = 0; r < state->rules->count; r++) {
        const struct fault_rule *rule = &state->rules->rule[r];
        if (rule->trigger != FAULT_ON_CONSOLE || !has_core(rule->cores, core) ||
            (rule->domain && strcmp(rule->domain, domain) != 0) ||
            !fault_console_matches(&rule->console, text))
            continue;
        uint64_t number = ++state->counter[r].seen;
        struct candidate event = { .number = number, .key = number, .first = false };
        consider(state, (uint32_t)r, event, now_ns, 0, decision);
    }
}

/* Each rule counts what it looks for, and each core for itself: which domain comes first on one
 * core does not depend on others. */
void fault_on_syscall(struct fault_state *state, unsigned core, const char *domain, unsigned number,
                      uint64_t now_ns, struct fault_decision *decision)
{
    assert(core < ABI_MAX_CORES);
    decision->count = 0;
    for (size_t r = 0; r < state->rules->count; r++) {
        const struct fault_rule *rule = &state->rules->rule[r];
        if (rule->trigger != FAULT_ON_SYSCALL || !has_core(rule->cores, core) ||
            (rule->syscall != UINT32_MAX && rule->syscall != number) ||
            (rule->domain && strcmp(rule->domain, domain) != 0))
            continue;
        struct candidate event = { .number = ++state->syscall[r][core], .first = true };
        decision->event_number = event.number;
        event.key = fault_hash_mix((uint64_t)core << 32 | number, event.number);
        consider(state, (uint32_t)r, event, now_ns, 0, decision);
    }
}
