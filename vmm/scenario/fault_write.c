/* SPDX-License-Identifier: MIT
 *
 * Rules of faults back to YAML: for recordings, and for the faults that a run had (--faults-out).
 *
 * What is written parses to an equal rule (tested).  Times are in ns, sets of cores are lists,
 * texts are quoted.
 */
#include <inttypes.h>
#include <string.h>

#include "scenario/scenario.h"

static void write_set(FILE *out, uint64_t cores)
{
    bool first = true;
    fputc('[', out);
    for (unsigned core = 0; core < ABI_MAX_CORES; core++) {
        if (!(cores >> core & 1))
            continue;
        fprintf(out, "%s%u", first ? "" : ", ", core);
        first = false;
    }
    fputc(']', out);
}

static void write_cores(FILE *out, uint64_t cores)
{
    if (cores == FAULT_ALL_CORES)
        fputs("any", out);
    else
        write_set(out, cores);
}

static void write_pattern(FILE *out, const char *key, const struct fault_pattern *pattern)
{
    fprintf(out, "%s: %s", key, pattern->regex ? "{regex: " : "");
    scenario_write_quoted(out, pattern->text);
    fputs(pattern->regex ? "}" : "", out);
}

static void write_text(FILE *out, const char *key, const char *text)
{
    fprintf(out, ", %s: ", key);
    scenario_write_quoted(out, text);
}

/* ---- when ---- */

static void write_message(FILE *out, const struct fault_rule *rule)
{
    fputs("message: ", out);
    scenario_write_quoted(out, rule->message);
    if (rule->interface)
        write_text(out, "interface", rule->interface);
    if (rule->channel.text) {
        fputs(", ", out);
        write_pattern(out, "channel", &rule->channel);
    }
    if (rule->line != 1)
        fprintf(out, ", line: %u", rule->line);
    if (rule->attempt == 0)
        fputs(", attempt: any", out);
    else if (rule->attempt != 1)
        fprintf(out, ", attempt: %u", rule->attempt);
}

static void write_from_to(FILE *out, const struct fault_rule *rule)
{
    fputs(", from: ", out);
    write_cores(out, rule->from);
    fputs(", to: ", out);
    write_cores(out, rule->to);
}

static const char *name_of(const struct fault_rules *rules, uint32_t index)
{
    return index < rules->count && rules->rule[index].name ? rules->rule[index].name : "?";
}

static void write_trigger(FILE *out, const struct fault_rule *rule, const struct fault_rules *rules)
{
    switch (rule->trigger) {
    case FAULT_ON_MESSAGE:
        write_message(out, rule);
        write_from_to(out, rule);
        break;
    case FAULT_ON_IPI:
        if (rule->ipi == UINT32_MAX)
            fputs("ipi: any", out);
        else
            fprintf(out, "ipi: %u", rule->ipi);
        write_from_to(out, rule);
        break;
    case FAULT_ON_TIMER:
        fputs("timer: ", out);
        write_cores(out, rule->to);
        break;
    case FAULT_ON_TIME:
        fprintf(out, "time: %" PRIu64 " ns", rule->at_ns);
        break;
    case FAULT_ON_CONSOLE:
        write_pattern(out, "console", &rule->console);
        fputs(", core: ", out);
        write_cores(out, rule->cores);
        if (rule->domain)
            write_text(out, "domain", rule->domain);
        break;
    case FAULT_ON_SYSCALL:
        fprintf(out, "syscall: %s, core: ", scenario_syscall_name(rule->syscall));
        write_cores(out, rule->cores);
        if (rule->domain)
            write_text(out, "domain", rule->domain);
        break;
    case FAULT_ON_FIRED:
        fputs("fired: ", out);
        scenario_write_quoted(out, name_of(rules, rule->fired));
        break;
    }
}

static void write_moment(FILE *out, const char *key, uint64_t ns, uint64_t none, uint32_t rule,
                         const struct fault_rules *rules)
{
    if (rule != FAULT_NO_RULE) {
        fprintf(out, ", %s: {fired: ", key);
        scenario_write_quoted(out, name_of(rules, rule));
        fputc('}', out);
    } else if (ns != none) {
        fprintf(out, ", %s: %" PRIu64 " ns", key, ns);
    }
}

static void write_choice(FILE *out, const struct fault_rule *rule, const struct fault_rules *rules)
{
    if (rule->nth_count > 0)
        fputs(", nth: [", out);
    for (size_t i = 0; i < rule->nth_count; i++) {
        fprintf(out, "%s%" PRIu64, i ? ", " : "", rule->nth[i].first);
        if (rule->nth[i].last != rule->nth[i].first)
            fprintf(out, "-%" PRIu64, rule->nth[i].last);
    }
    if (rule->nth_count > 0)
        fputc(']', out);
    if (rule->every)
        fprintf(out, ", every: %" PRIu64, rule->every);
    if (rule->probability >= 0)
        fprintf(out, ", probability: %.17g", rule->probability);
    if (rule->count)
        fprintf(out, ", count: %" PRIu64, rule->count);
    if (rule->scope_rule)
        fputs(", scope: rule", out);
    write_moment(out, "after", rule->after_ns, 0, rule->after_rule, rules);
    write_moment(out, "until", rule->until_ns, UINT64_MAX, rule->until_rule, rules);
    if (rule->optional)
        fputs(", optional: true", out);
}

/* ---- do ---- */

static void write_corrupt(FILE *out, const struct fault_action *a)
{
    bool first = true;
    if (a->count > 0) {
        fprintf(out, "{corrupt: {bits: %u}}", a->count);
        return;
    }
    for (unsigned w = 0; w < FAULT_LINE_WORDS_MAX; w++) {
        if (a->flip[w] == 0)
            continue;
        fprintf(out, "%s{corrupt: {word: %u, xor: 0x%" PRIx64 "}}", first ? "" : ", ", w,
                a->flip[w]);
        first = false;
    }
}

static void write_tear(FILE *out, const struct fault_action *a)
{
    bool first = true;
    fputs("{tear: {words: [", out);
    for (unsigned w = 0; w < FAULT_LINE_WORDS_MAX; w++) {
        if (!(a->words >> w & 1))
            continue;
        fprintf(out, "%s%u", first ? "" : ", ", w);
        first = false;
    }
    fprintf(out, "], for: %" PRIu64 " ns}}", a->min_ns);
}

static void write_partition(FILE *out, const struct fault_action *a)
{
    bool first = true;
    fputs("{partition: [", out);
    for (unsigned side = 1; side <= ABI_MAX_CORES; side++) {
        uint64_t set = 0;
        for (unsigned core = 0; core < ABI_MAX_CORES; core++)
            set |= (uint64_t)(a->side[core] == side) << core;
        if (set == 0)
            continue;
        fputs(first ? "" : ", ", out);
        write_set(out, set);
        first = false;
    }
    fputc(']', out);
    if (a->min_ns)
        fprintf(out, ", for: %" PRIu64 " ns", a->min_ns);
    fputc('}', out);
}

static void write_action(FILE *out, const struct fault_action *a)
{
    const char *name = fault_action_name[a->kind];
    switch (a->kind) {
    case FAULT_DELAY:
        if (a->min_ns == a->max_ns)
            fprintf(out, "{delay: %" PRIu64 " ns}", a->min_ns);
        else
            fprintf(out, "{delay: {min: %" PRIu64 " ns, max: %" PRIu64 " ns}}", a->min_ns,
                    a->max_ns);
        break;
    case FAULT_REORDER:
    case FAULT_STALE:
        fprintf(out, "{%s: %u}", name, a->count);
        break;
    case FAULT_CORRUPT:
        write_corrupt(out, a);
        break;
    case FAULT_TEAR:
        write_tear(out, a);
        break;
    case FAULT_MISROUTE:
        fprintf(out, "{misroute: %u}", a->core);
        break;
    case FAULT_LATE:
    case FAULT_EARLY:
        fprintf(out, "{%s: %" PRIu64 " ns}", name, a->min_ns);
        break;
    case FAULT_SPURIOUS:
        fprintf(out, "{spurious: {to: %u, count: %u, every: %" PRIu64 " ns}}", a->core, a->count,
                a->min_ns);
        break;
    case FAULT_SKEW:
        fprintf(out, "{skew: {core: %u, by: %" PRId64 " ppm}}", a->core, a->amount);
        break;
    case FAULT_JUMP:
        fprintf(out, "{jump: {core: %u, by: %" PRId64 " ns}}", a->core, a->amount);
        break;
    case FAULT_KILL:
        fputs("{kill: ", out);
        scenario_write_quoted(out, a->domain);
        fputc('}', out);
        break;
    case FAULT_NO_MEMORY:
        fprintf(out, "{no_memory: {next: %u, core: ", a->count);
        write_cores(out, a->cores);
        fputs("}}", out);
        break;
    case FAULT_FLIP:
        if (a->domain) {
            fputs("{flip: {domain: ", out);
            scenario_write_quoted(out, a->domain);
            write_text(out, "symbol", a->symbol);
            fprintf(out, ", bit: %u}}", a->count);
            break;
        }
        fprintf(out, "{flip: {address: 0x%" PRIx64 ", bit: %u}}", a->address, a->count);
        break;
    case FAULT_STALL:
        fputs("{stall: ", out);
        write_cores(out, a->cores);
        fprintf(out, ", for: %" PRIu64 " ns}", a->min_ns);
        break;
    case FAULT_CRASH:
    case FAULT_RESTART:
        fprintf(out, "{%s: ", name);
        write_cores(out, a->cores);
        fputc('}', out);
        break;
    case FAULT_PARTITION:
        write_partition(out, a);
        break;
    default:
        fputs(name, out);
        break;
    }
}

void fault_action_write(const struct fault_action *action, FILE *out)
{
    write_action(out, action);
}

void fault_rule_write(const struct fault_rule *rule, const struct fault_rules *rules, FILE *out)
{
    fputs("  - ", out);
    if (rule->name) {
        fputs("name: ", out);
        scenario_write_quoted(out, rule->name);
        fputs("\n    ", out);
    }
    fputs("when: {", out);
    write_trigger(out, rule, rules);
    write_choice(out, rule, rules);
    fputs("}\n    do: [", out);
    for (size_t a = 0; a < rule->action_count; a++) {
        fputs(a ? ", " : "", out);
        write_action(out, &rule->action[a]);
    }
    fputs("]\n", out);
}
