/* SPDX-License-Identifier: MIT
 *
 * Sections `faults` and `quiet`: what shall go wrong, and when (docs/faults.md).
 *
 * A rule has `when`, with exactly one key that says what it looks for, and `do`, an action or a
 * list. What can be checked without the images is checked here; whether an interface has such a
 * message is known to whoever has the images (scenario_check_messages).  Names of rules are
 * resolved last, so that a rule can name one behind it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "abi/core_page.h"
#include "scenario/fault_parse.h"

#define PROBABILITY_TEXT "expected a number from 0 to 1 such as 0.05"

static bool is_word(const struct ynode *node, const char *word)
{
    return node->kind == YNODE_SCALAR && strcmp(node->text, word) == 0;
}

/* ---- cores ---- */

bool parse_existing_cores(struct parser *parser, const struct ynode *node, const char *what,
                          uint64_t *cores)
{
    const struct scenario_machine *machine = &parser->scenario->machine;
    uint64_t exist = machine->core_count == 64 ? ~0ull : (1ull << machine->core_count) - 1;
    uint64_t set;
    if (is_word(node, "any")) {
        *cores = FAULT_ALL_CORES;
        return true;
    }
    if (!parse_cores(parser, node, what, &set))
        return false;
    if (set == 0 || (set & ~exist)) {
        if (set == 0)
            diag_error(parser->diags, node->place, "%s: an empty list; expected cores, or any",
                       what);
        else
            diag_error(parser->diags, node->place,
                       "%s: core %d does not exist: the machine has %u core%s", what,
                       __builtin_ctzll(set & ~exist), machine->core_count,
                       machine->core_count == 1 ? "" : "s");
        return false;
    }
    *cores = set;
    return true;
}

bool parse_existing_core(struct parser *parser, const struct ynode *node, const char *what,
                         uint32_t *core)
{
    uint64_t set = 0;
    if (!parse_existing_cores(parser, node, what, &set))
        return false;
    if (set & (set - 1)) {
        diag_error(parser->diags, node->place, "%s: expected one core", what);
        return false;
    }
    *core = (uint32_t)__builtin_ctzll(set);
    return true;
}

/* ---- when: what a rule looks for ---- */

static void take_trigger(struct parser *parser, const struct ynode *value, struct fault_input *in,
                         const char *key, enum fault_trigger trigger)
{
    if (in->trigger) {
        diag_error(parser->diags, value->place,
                   "when: %s beside %s: a rule looks for one thing; make two rules", key,
                   in->trigger);
        return;
    }
    in->trigger = key;
    in->rule.trigger = trigger;
}

static void parse_message(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    const char *text;
    take_trigger(parser, value, in, "message", FAULT_ON_MESSAGE);
    if (!parse_text(parser, value, "message", &text))
        return;
    in->rule.message = text;
    if (text[0] != '$' || strcmp(text, "$any") == 0)
        return;
    const char *known[16];
    size_t count = 0;
    for (const char *name; (name = fault_line_type_list(count)) != NULL; count++) {
        if (strcmp(name, text) == 0)
            return;
        known[count] = name;
    }
    known[count++] = "$any";
    const char *near = nearest_word(text, known, count);
    diag_error(parser->diags, value->place, "message: '%.40s' is no kind of line; %s%s%s", text,
               near ? "did you mean '"
                    : "expected $any, $ack, $bind, $bind_reply, $goodbye, $cap_ack",
               near ? near : "", near ? "'?" : "");
}

static void parse_interface(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    in->message_key = "interface";
    parse_text(parser, value, "interface", &in->rule.interface);
}

static void take_pattern(struct parser *parser, const struct ynode *value, const char *what,
                         struct fault_pattern *pattern)
{
    const struct ynode *regex = value->kind == YNODE_MAPPING ? ynode_get(value, "regex") : NULL;
    const struct ynode *text = value->kind == YNODE_MAPPING ? ynode_get(value, "text") : NULL;
    if (value->kind == YNODE_MAPPING && (value->pair_count != 1 || (!regex && !text))) {
        diag_error(parser->diags, value->place, "%s: expected text, or {regex: ...}", what);
        return;
    }
    if (!regex) {
        parse_text(parser, text ? text : value, what, &pattern->text);
        return;
    }
    if (!parse_text(parser, regex, what, &pattern->text))
        return;
    pattern->regex = true;
    pattern->compiled = parse_regex(parser, regex, pattern->text);
}

static void parse_channel(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    in->message_key = "channel";
    take_pattern(parser, value, "channel", &in->rule.channel);
}

static void parse_from(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    in->cores_key = "from";
    parse_existing_cores(parser, value, "from", &in->rule.from);
}

static void parse_to(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    in->cores_key = "to";
    parse_existing_cores(parser, value, "to", &in->rule.to);
}

static void parse_line(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    uint64_t line = 1;
    in->message_key = "line";
    parse_number(parser, value, "line", 1, 1000000, &line);
    in->rule.line = (uint32_t)line;
}

static void parse_attempt(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    uint64_t attempt = 0;
    in->message_key = "attempt";
    if (!is_word(value, "any"))
        parse_number(parser, value, "attempt", 1, 1000000, &attempt);
    in->rule.attempt = (uint32_t)attempt;
}

static void parse_ipi(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    uint64_t id = UINT32_MAX;
    take_trigger(parser, value, in, "ipi", FAULT_ON_IPI);
    if (!is_word(value, "any"))
        parse_number(parser, value, "ipi: notification id", 0, ABI_NOTIFY_IDS - 1, &id);
    in->rule.ipi = (uint32_t)id;
}

static void parse_timer(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    take_trigger(parser, value, in, "timer", FAULT_ON_TIMER);
    parse_existing_cores(parser, value, "timer: cores", &in->rule.to);
}

static void parse_when_time(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    take_trigger(parser, value, in, "time", FAULT_ON_TIME);
    parse_time(parser, value, "time", &in->rule.at_ns);
}

static void parse_console(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    take_trigger(parser, value, in, "console", FAULT_ON_CONSOLE);
    take_pattern(parser, value, "console", &in->rule.console);
}

static void parse_console_core(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    in->console_key = "core";
    parse_existing_cores(parser, value, "core", &in->rule.cores);
}

static void parse_domain(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    in->console_key = "domain";
    parse_text(parser, value, "domain", &in->rule.domain);
}

static const struct {
    const char *name;
    uint32_t number;
} syscalls[] = {
#define X(name, number) { #name, number },
    ABI_SYSCALLS(X)
#undef X
};
#define SYSCALLS (sizeof(syscalls) / sizeof(syscalls[0]))

const char *scenario_syscall_name(uint32_t number)
{
    for (size_t i = 0; i < SYSCALLS; i++)
        if (syscalls[i].number == number)
            return syscalls[i].name;
    return "any";
}

static void parse_syscall(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    const char *text, *known[SYSCALLS + 1];
    take_trigger(parser, value, in, "syscall", FAULT_ON_SYSCALL);
    if (!parse_text(parser, value, "syscall", &text) || strcmp(text, "any") == 0)
        return;
    for (size_t i = 0; i < SYSCALLS; i++) {
        known[i] = syscalls[i].name;
        if (strcmp(text, known[i]) == 0) {
            in->rule.syscall = syscalls[i].number;
            return;
        }
    }
    known[SYSCALLS] = "any";
    const char *near = nearest_word(text, known, SYSCALLS + 1);
    diag_error(parser->diags, value->place, "syscall: '%.40s' is no system call; %s%s%s", text,
               near ? "did you mean '"
                    : "expected any, invoke, yield, lrpc, print, nop, debug, reboot, getchar, "
                      "suspend",
               near ? near : "", near ? "'?" : "");
}

static void parse_fired(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    take_trigger(parser, value, in, "fired", FAULT_ON_FIRED);
    if (parse_text(parser, value, "fired", &in->fired))
        in->fired_at = value->place;
}

/* ---- when: which of them ---- */

static bool parse_range(struct parser *parser, const struct ynode *node, struct fault_range *range)
{
    char first[24];
    const char *dash = node->kind == YNODE_SCALAR ? strchr(node->text, '-') : NULL;
    if (node->kind != YNODE_SCALAR || ynode_is_empty(node)) {
        diag_error(parser->diags, node->place, "nth: expected numbers such as 3, 2-4 or [2, 4]");
        return false;
    }
    size_t length = dash ? (size_t)(dash - node->text) : strlen(node->text);
    snprintf(first, sizeof(first), "%.*s", (int)length, node->text);
    const char *problem = parse_unsigned(first, &range->first);
    range->last = range->first;
    if (!problem && dash)
        problem = parse_unsigned(dash + 1, &range->last);
    if (!problem && (range->first == 0 || range->last < range->first))
        problem = "numbers count from 1, and a range goes up";
    if (problem)
        diag_error(parser->diags, node->place, "nth: '%.40s': %s", node->text, problem);
    return !problem;
}

static void parse_nth(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    size_t count = value->kind == YNODE_SEQUENCE ? value->item_count : 1;
    if (count == 0) {
        diag_error(parser->diags, value->place, "nth: an empty list chooses nothing");
        return;
    }
    struct fault_range *range = arena_alloc(parser->arena, count * sizeof(*range));
    for (size_t i = 0; i < count; i++)
        if (!parse_range(parser, value->kind == YNODE_SEQUENCE ? value->items[i] : value,
                         &range[i]))
            return;
    in->rule.nth = range;
    in->rule.nth_count = count;
}

static void parse_every(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    parse_number(parser, value, "every", 1, UINT32_MAX, &in->rule.every);
}

static void parse_probability(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    const char *text;
    char *end;
    if (!parse_text(parser, value, "probability", &text))
        return;
    double probability = strtod(text, &end);
    if (*end == '%')
        diag_error(parser->diags, value->place, "probability: '%.40s': %s (%g)", text,
                   PROBABILITY_TEXT, probability / 100);
    else if (end == text || *end || !(probability >= 0 && probability <= 1))
        diag_error(parser->diags, value->place, "probability: '%.40s': %s", text, PROBABILITY_TEXT);
    else
        in->rule.probability = probability;
}

static void parse_count(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    parse_number(parser, value, "count", 1, UINT32_MAX, &in->rule.count);
}

static void parse_scope(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    in->rule.scope_rule = is_word(value, "rule");
    if (!in->rule.scope_rule && !is_word(value, "channel"))
        diag_error(parser->diags, value->place, "scope: expected channel or rule");
}

/* A time, or {fired: NAME}. */
static void parse_moment(struct parser *parser, const struct ynode *value, const char *what,
                         uint64_t *ns, struct fault_reference *rule)
{
    if (value->kind != YNODE_MAPPING) {
        parse_time(parser, value, what, ns);
        return;
    }
    const struct ynode *fired = ynode_get(value, "fired");
    if (!fired || value->pair_count != 1)
        diag_error(parser->diags, value->place, "%s: expected a time, or {fired: NAME}", what);
    else if (parse_text(parser, fired, what, &rule->name))
        rule->place = fired->place;
}

static void parse_after(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    parse_moment(parser, value, "after", &in->rule.after_ns, &in->after);
}

static void parse_until(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    parse_moment(parser, value, "until", &in->rule.until_ns, &in->until);
}

static void parse_optional(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    parse_bool(parser, value, "optional", &in->rule.optional);
}

static const struct key when_keys[] = {
    { "message", false, parse_message },
    { "interface", false, parse_interface },
    { "channel", false, parse_channel },
    { "from", false, parse_from },
    { "to", false, parse_to },
    { "line", false, parse_line },
    { "attempt", false, parse_attempt },
    { "ipi", false, parse_ipi },
    { "timer", false, parse_timer },
    { "time", false, parse_when_time },
    { "console", false, parse_console },
    { "core", false, parse_console_core },
    { "domain", false, parse_domain },
    { "fired", false, parse_fired },
    { "syscall", false, parse_syscall },
    { "nth", false, parse_nth },
    { "every", false, parse_every },
    { "probability", false, parse_probability },
    { "count", false, parse_count },
    { "scope", false, parse_scope },
    { "after", false, parse_after },
    { "until", false, parse_until },
    { "optional", false, parse_optional },
};

static void refuse_beside(struct parser *parser, const struct ynode *node, const char *key,
                          const char *needs)
{
    if (key)
        diag_error(parser->diags, node->place, "when: %s has a meaning beside %s only", key, needs);
}

static void parse_when(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    size_t errors_before = parser->diags->errors;
    if (!parse_mapping(parser, value, "when", when_keys, sizeof(when_keys) / sizeof(when_keys[0]),
                       in))
        return;
    if (!in->trigger) {
        if (parser->diags->errors == errors_before)
            diag_error(parser->diags, value->place,
                       "when: expected one of the keys message, ipi, timer, time, console, "
                       "syscall, fired");
        return;
    }
    enum fault_trigger trigger = in->rule.trigger;
    if (trigger != FAULT_ON_MESSAGE)
        refuse_beside(parser, value, in->message_key, "message");
    if (trigger != FAULT_ON_MESSAGE && trigger != FAULT_ON_IPI)
        refuse_beside(parser, value, in->cores_key, "message and ipi");
    if (trigger != FAULT_ON_CONSOLE && trigger != FAULT_ON_SYSCALL)
        refuse_beside(parser, value, in->console_key, "console and syscall");
}

/* ---- a rule ---- */

static void parse_rule_name(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    const char *name;
    if (!parse_text(parser, value, "name", &name))
        return;
    if (!*name || strlen(name) >= FAULT_NAME_MAX ||
        name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")])
        diag_error(parser->diags, value->place,
                   "name: '%.60s': expected 1 to %d letters, digits, '.', '_', '-'", name,
                   FAULT_NAME_MAX - 1);
    else
        in->rule.name = name;
}

static void parse_do(struct parser *parser, const struct ynode *value, void *object)
{
    struct fault_input *in = object;
    size_t count = value->kind == YNODE_SEQUENCE ? value->item_count : 1;
    in->do_at = value->place;
    if (count == 0 || count > FAULT_ACTIONS_MAX) {
        diag_error(parser->diags, value->place, "do: expected 1 to %d actions", FAULT_ACTIONS_MAX);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct ynode *item = value->kind == YNODE_SEQUENCE ? value->items[i] : value;
        struct fault_action action = { 0 };
        if (parse_fault_action(parser, item, &action))
            in->rule.action[in->rule.action_count++] = action;
    }
}

static const struct key rule_keys[] = {
    { "name", false, parse_rule_name },
    { "when", true, parse_when },
    { "do", true, parse_do },
    { "optional", false, parse_optional },
};

static bool action_fits(enum fault_action_kind kind, enum fault_trigger trigger)
{
    switch (kind) {
    case FAULT_DROP:
    case FAULT_DELAY:
    case FAULT_DUPLICATE:
        return trigger == FAULT_ON_MESSAGE || trigger == FAULT_ON_IPI;
    case FAULT_REORDER:
    case FAULT_CORRUPT:
    case FAULT_TEAR:
    case FAULT_STALE:
        return trigger == FAULT_ON_MESSAGE;
    case FAULT_MISROUTE:
        return trigger == FAULT_ON_IPI;
    case FAULT_LATE:
    case FAULT_EARLY:
    case FAULT_LOST:
        return trigger == FAULT_ON_TIMER;
    default:
        return true;
    }
}

static void check_actions(struct parser *parser, const struct fault_input *in)
{
    static const char *const triggers[] = { "a message", "an IPI",       "a timer",      "a time",
                                            "a line",    "another rule", "a system call" };
    for (size_t a = 0; a < in->rule.action_count; a++) {
        enum fault_action_kind kind = in->rule.action[a].kind;
        if (!action_fits(kind, in->rule.trigger))
            diag_error(parser->diags, in->do_at, "do: %s cannot be done to %s",
                       fault_action_name[kind], triggers[in->rule.trigger]);
    }
}

static void parse_rule(struct parser *parser, const struct ynode *node, struct fault_input *in)
{
    size_t errors_before = parser->diags->errors;
    *in = (struct fault_input){ .place = node->place,
                                .rule = { .line = 1,
                                          .attempt = 1,
                                          .from = FAULT_ALL_CORES,
                                          .to = FAULT_ALL_CORES,
                                          .cores = FAULT_ALL_CORES,
                                          .ipi = UINT32_MAX,
                                          .syscall = UINT32_MAX,
                                          .probability = -1,
                                          .until_ns = UINT64_MAX,
                                          .fired = FAULT_NO_RULE,
                                          .after_rule = FAULT_NO_RULE,
                                          .until_rule = FAULT_NO_RULE } };
    if (parse_mapping(parser, node, "a rule of faults", rule_keys,
                      sizeof(rule_keys) / sizeof(rule_keys[0]), in) &&
        parser->diags->errors == errors_before)
        check_actions(parser, in);
}

/* ---- all rules ---- */

static uint32_t find_rule(struct parser *parser, const struct fault_input *inputs, size_t count,
                          const struct fault_reference *reference, const char *what)
{
    const char **names = arena_alloc(parser->arena, (count + 1) * sizeof(*names));
    size_t named = 0;
    if (!reference->name)
        return FAULT_NO_RULE;
    for (size_t i = 0; i < count; i++) {
        if (!inputs[i].rule.name)
            continue;
        if (strcmp(inputs[i].rule.name, reference->name) == 0)
            return (uint32_t)i;
        names[named++] = inputs[i].rule.name;
    }
    const char *near = nearest_word(reference->name, names, named);
    diag_error(parser->diags, reference->place, "%s: no rule has the name '%.48s'%s%s%s", what,
               reference->name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return FAULT_NO_RULE;
}

uint32_t scenario_find_rule(struct parser *parser, const struct ynode *node, const char *name)
{
    const struct scenario *s = parser->scenario;
    struct fault_input *inputs = arena_alloc(parser->arena, (s->fault_count + 1) * sizeof(*inputs));
    for (size_t i = 0; i < s->fault_count; i++)
        inputs[i] = (struct fault_input){ .rule = s->faults[i] };
    struct fault_reference reference = { name, node->place };
    return find_rule(parser, inputs, s->fault_count, &reference, "rule");
}

static void check_names(struct parser *parser, const struct fault_input *inputs, size_t count)
{
    uint64_t *hash = arena_alloc(parser->arena, (count + 1) * sizeof(*hash));
    for (size_t i = 0; i < count; i++)
        hash[i] = inputs[i].rule.name ? fault_hash_text(inputs[i].rule.name) : 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; inputs[i].rule.name && j < i; j++)
            if (hash[j] == hash[i] && inputs[j].rule.name &&
                strcmp(inputs[i].rule.name, inputs[j].rule.name) == 0)
                diag_error(parser->diags, inputs[i].place,
                           "name: '%s' is the name of the rule in line %u, too",
                           inputs[i].rule.name, inputs[j].place.line);
}

/* What chance depends on: the name, or without one what the rule says; never its place. */
static uint64_t rule_key(const struct fault_rule *rule)
{
    if (rule->name)
        return fault_hash_text(rule->name);
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (!out)
        return 0;
    const struct fault_rules none = { 0 };
    fault_rule_write(rule, &none, out);
    fclose(out);
    uint64_t key = fault_hash_text(text);
    free(text);
    return key;
}

static void name_rules(struct parser *parser, bool good)
{
    struct scenario *s = parser->scenario;
    for (size_t i = 0; i < s->fault_count && good; i++) { /* others cannot be written */
        s->faults[i].key = rule_key(&s->faults[i]);
        for (size_t j = 0; j < i; j++) /* the same rule twice decides twice */
            s->faults[i].key += s->faults[j].key == s->faults[i].key;
    }
    for (size_t i = 0; i < s->fault_count; i++) {
        char name[32];
        snprintf(name, sizeof(name), "fault-%zu", i + 1);
        if (!s->faults[i].name)
            s->faults[i].name = arena_string(parser->arena, name);
    }
}

void parse_faults(struct parser *parser, const struct ynode *node)
{
    struct scenario *s = parser->scenario;
    size_t errors_before = parser->diags->errors;
    if (node->kind != YNODE_SEQUENCE) {
        diag_error(parser->diags, node->place, "faults: expected a list of rules, found %s",
                   ynode_what(node));
        return;
    }
    if (node->item_count > FAULT_RULES_MAX) {
        diag_error(parser->diags, node->place, "faults: more than %d rules", FAULT_RULES_MAX);
        return;
    }
    size_t count = node->item_count;
    struct fault_input *inputs = arena_alloc(parser->arena, (count + 1) * sizeof(*inputs));
    for (size_t i = 0; i < count; i++)
        parse_rule(parser, node->items[i], &inputs[i]);
    check_names(parser, inputs, count);
    s->faults = arena_alloc(parser->arena, (count + 1) * sizeof(*s->faults));
    s->fault_places = arena_alloc(parser->arena, (count + 1) * sizeof(*s->fault_places));
    for (size_t i = 0; i < count; i++) {
        struct fault_input *in = &inputs[i];
        struct fault_reference fired = { in->fired, in->fired_at };
        in->rule.fired = find_rule(parser, inputs, count, &fired, "fired");
        in->rule.after_rule = find_rule(parser, inputs, count, &in->after, "after");
        in->rule.until_rule = find_rule(parser, inputs, count, &in->until, "until");
        s->faults[i] = in->rule;
        s->fault_places[i] = in->place;
    }
    s->fault_count = count;
    name_rules(parser, parser->diags->errors == errors_before);
}
