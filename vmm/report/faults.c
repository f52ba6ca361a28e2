/* SPDX-License-Identifier: MIT
 *
 * The injection log.
 *
 * What is written as rules is exact: the message by name and number in its channel, which bits, how
 * long; nothing is left to chance or to what happened before.  A rule that fired because of another
 * refers to the firing of that one.
 */
#include "report/faults.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/units.h"

bool fault_log_is_new(const struct fault_log *log, const struct fault_injection *injection)
{
    if (log->count == 0)
        return true;
    const struct fault_entry *last = &log->entry[log->count - 1];
    return last->rule != injection->fire->rule || last->firing != injection->fire->firing;
}

static uint64_t *copy_words(struct arena *arena, const uint64_t *words, unsigned count)
{
    if (!words)
        return NULL;
    uint64_t *copy = arena_alloc(arena, count * sizeof(*copy));
    memcpy(copy, words, count * sizeof(*copy));
    return copy;
}

struct fault_entry fault_entry_now(const struct fault_injection *injection, struct arena *arena)
{
    const struct fault_fire *fire = injection->fire;
    struct fault_entry entry = { .time_ns = injection->time_ns,
                                 .rule = fire->rule,
                                 .firing = fire->firing,
                                 .trigger = injection->trigger,
                                 .from = injection->from,
                                 .to = injection->to,
                                 .notify_id = injection->notify_id,
                                 .number = fire->number,
                                 .event_number = injection->event_number,
                                 .words = injection->words,
                                 .action = { fire->action },
                                 .action_count = 1 };
    if (injection->channel) {
        entry.channel = arena_string(arena, injection->channel);
        entry.interface = arena_text(arena, injection->channel, strcspn(injection->channel, ":"));
        entry.message = *injection->message;
        entry.before = copy_words(arena, injection->before, injection->words);
        entry.after = copy_words(arena, injection->after, injection->words);
    }
    return entry;
}

void fault_log_add(struct fault_log *log, struct arena *arena,
                   const struct fault_injection *injection)
{
    if (!fault_log_is_new(log, injection)) {
        struct fault_entry *last = &log->entry[log->count - 1];
        if (last->action_count < FAULT_ACTIONS_MAX)
            last->action[last->action_count++] = injection->fire->action;
        return;
    }
    log->total++;
    if (log->count == FAULT_LOG_MAX)
        return;
    arena_grow(arena, (void **)&log->entry, &log->capacity, log->count, sizeof(*log->entry));
    log->entry[log->count++] = fault_entry_now(injection, arena);
}

/* ---- in words ---- */

/* "drop", "delay: 200 us": the action as it is written, without braces and in good units. */
static void put_action(FILE *out, const struct fault_action *action)
{
    char *text = NULL, time[32];
    size_t bytes = 0;
    if (action->kind == FAULT_DELAY || action->kind == FAULT_LATE || action->kind == FAULT_EARLY) {
        fprintf(out, "%s %s", fault_action_name[action->kind],
                format_duration(action->min_ns, time));
        return;
    }
    FILE *memory = open_memstream(&text, &bytes);
    if (!memory)
        return;
    fault_action_write(action, memory);
    fclose(memory);
    size_t skip = bytes > 1 && text[0] == '{' ? 1 : 0;
    fprintf(out, "%.*s", (int)(bytes - 2 * skip), text + skip);
    free(text);
    if (action->note)
        fprintf(out, " (%s)", action->note);
    if (action->in_vain)
        fprintf(out, " (in vain: %s)", action->in_vain);
}

static void put_object(FILE *out, const struct fault_entry *entry)
{
    switch (entry->trigger) {
    case FAULT_ON_MESSAGE:
        fprintf(out, " %s.%s #%" PRIu64, entry->interface, entry->message.name,
                entry->message.number);
        if (entry->message.line > 1)
            fprintf(out, ", line %u", entry->message.line);
        if (entry->message.attempt > 1)
            fprintf(out, ", transmission %u", entry->message.attempt);
        fprintf(out, ", core %u to %u, %s", entry->from, entry->to, entry->channel);
        break;
    case FAULT_ON_IPI:
        fprintf(out, ", notification %u from core %u to %u, #%" PRIu64, entry->notify_id,
                entry->from, entry->to, entry->event_number);
        break;
    case FAULT_ON_TIMER:
        fprintf(out, ", timer of core %u, #%" PRIu64, entry->to, entry->event_number);
        break;
    case FAULT_ON_SYSCALL:
        fprintf(out, ", system call %s of core %u, #%" PRIu64,
                scenario_syscall_name(entry->notify_id), entry->to, entry->event_number);
        break;
    default:
        break;
    }
}

char *fault_entry_text(const struct fault_entry *entry, const struct scenario *scenario, char *text,
                       size_t bytes)
{
    FILE *out = fmemopen(text, bytes, "w");
    text[0] = 0;
    if (!out)
        return text;
    fprintf(out, "%s: ", scenario->faults[entry->rule].name);
    for (size_t a = 0; a < entry->action_count; a++) {
        fputs(a ? " and " : "", out);
        put_action(out, &entry->action[a]);
    }
    put_object(out, entry);
    fclose(out);
    text[bytes - 1] = 0;
    return text;
}

/* ---- as rules ---- */

static const struct fault_entry *entry_of(const struct fault_log *log, uint32_t rule,
                                          uint64_t firing)
{
    for (size_t i = 0; i < log->count; i++)
        if (log->entry[i].rule == rule && log->entry[i].firing == firing)
            return &log->entry[i];
    return NULL;
}

static const char *entry_name(struct arena *arena, const struct scenario *scenario,
                              const struct fault_entry *entry)
{
    return arena_printf(arena, "%.32s.%" PRIu64, scenario->faults[entry->rule].name, entry->firing);
}

static void choose_message(struct fault_rule *rule, struct fault_range *nth,
                           const struct fault_entry *entry)
{
    bool unknown = strncmp(entry->message.name, "type ", 5) == 0;
    rule->trigger = FAULT_ON_MESSAGE;
    rule->message = unknown ? "$any" : entry->message.name;
    nth->first = nth->last = unknown ? entry->message.lines : entry->message.number;
    rule->channel.text = entry->channel;
    rule->from = 1ull << entry->from;
    rule->to = 1ull << entry->to;
    rule->line = unknown ? 1 : entry->message.line;
    rule->attempt = entry->message.attempt;
}

/* The rule that does exactly this once. */
static struct fault_rule exact_rule(const struct fault_log *log, const struct scenario *scenario,
                                    struct arena *arena, const struct fault_entry *entry,
                                    struct fault_range *nth, struct fault_rule *cause)
{
    const struct fault_rule *was = &scenario->faults[entry->rule];
    struct fault_rule rule = *was;
    *nth = (struct fault_range){ entry->number, entry->number };
    rule.name = entry_name(arena, scenario, entry);
    rule.nth = nth;
    rule.nth_count = 1;
    rule.every = rule.count = 0;
    rule.probability = -1;
    rule.scope_rule = false;
    rule.after_ns = 0;
    rule.until_ns = UINT64_MAX;
    rule.after_rule = rule.until_rule = FAULT_NO_RULE;
    rule.optional = false;
    memcpy(rule.action, entry->action, sizeof(rule.action));
    rule.action_count = entry->action_count;
    if (was->trigger == FAULT_ON_MESSAGE) {
        choose_message(&rule, nth, entry);
        rule.interface = NULL;
    } else if (was->trigger == FAULT_ON_IPI || was->trigger == FAULT_ON_TIMER) {
        rule.ipi = UINT32_MAX;
        rule.from = 1ull << entry->from;
        rule.to = 1ull << entry->to;
        nth->first = nth->last = entry->event_number;
    } else if (was->trigger == FAULT_ON_SYSCALL) {
        rule.cores = 1ull << entry->to; /* each core counts for itself */
    } else if (was->trigger == FAULT_ON_FIRED) {
        const struct fault_entry *by = entry_of(log, was->fired, entry->number);
        cause->name = by ? entry_name(arena, scenario, by) : scenario->faults[was->fired].name;
        rule.fired = 0;
        nth->first = nth->last = 1;
    }
    return rule;
}

void fault_log_write(const struct fault_log *log, const struct scenario *scenario, FILE *out)
{
    struct arena arena = { 0 };
    fprintf(out,
            "# The faults of a run of %s, exactly.  Put this in place of its section `faults`.\n",
            scenario->name);
    if (log->total > log->count)
        fprintf(out, "# %" PRIu64 " more happened than were kept.\n", log->total - log->count);
    fputs(log->count > 0 ? "faults:\n" : "faults: []\n", out);
    for (size_t i = 0; i < log->count; i++) {
        struct fault_range nth;
        struct fault_rule cause = { 0 };
        struct fault_rule rule = exact_rule(log, scenario, &arena, &log->entry[i], &nth, &cause);
        const struct fault_rules causes = { &cause, 1, 0 };
        fault_rule_write(&rule, &causes, out);
    }
    arena_free(&arena);
}
