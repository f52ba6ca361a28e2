/* SPDX-License-Identifier: MIT
 *
 * Section `faults`: what a rule does.
 *
 * An action is a word (`drop`), or a mapping whose first key is its name (`{stall: 2, for: 1 ms}`).
 * One table says how each is read; keys of a mapping below an action are read by hand, since none
 * has more than three.
 */
#include <stdlib.h>
#include <string.h>

#include "scenario/fault_parse.h"

#define SPURIOUS_MAX 10000
#define SKEW_PPM_MAX 900000
#define DELAY_MAX_NS 3600000000000ull

typedef bool action_parser(struct parser *parser, const struct ynode *value,
                           struct fault_action *action);

/* The value of a key that must be there; says so otherwise. */
static const struct ynode *need(struct parser *parser, const struct ynode *mapping,
                                const char *action, const char *key)
{
    const struct ynode *value = mapping->kind == YNODE_MAPPING ? ynode_get(mapping, key) : NULL;
    if (!value)
        diag_error(parser->diags, mapping->place, "%s: the key '%s' is missing", action, key);
    return value;
}

/* Nothing but these keys. */
static bool only(struct parser *parser, const struct ynode *mapping, const char *action,
                 const char *const *keys, size_t count)
{
    for (size_t i = 0; mapping->kind == YNODE_MAPPING && i < mapping->pair_count; i++) {
        const struct ynode *key = mapping->pairs[i].key;
        bool known = false;
        for (size_t k = 0; k < count; k++)
            known |= strcmp(keys[k], key->text) == 0;
        if (known)
            continue;
        const char *near = nearest_word(key->text, keys, count);
        diag_error(parser->diags, key->place, "unknown key '%.40s' in %s%s%s%s", key->text, action,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        return false;
    }
    return true;
}

static bool take_time(struct parser *parser, const struct ynode *value, const char *what,
                      uint64_t *ns)
{
    if (!value || !parse_time(parser, value, what, ns))
        return false;
    if (*ns == 0 || *ns > DELAY_MAX_NS) {
        diag_error(parser->diags, value->place,
                   "%s: expected more than nothing and at most an hour", what);
        return false;
    }
    return true;
}

static bool take_number(struct parser *parser, const struct ynode *value, const char *what,
                        uint64_t min, uint64_t max, uint32_t *number)
{
    uint64_t wide = 0;
    if (!value || !parse_number(parser, value, what, min, max, &wide))
        return false;
    *number = (uint32_t)wide;
    return true;
}

/* ---- lines ---- */

static bool parse_delay(struct parser *parser, const struct ynode *value, struct fault_action *a)
{
    static const char *const keys[] = { "min", "max" };
    if (value->kind != YNODE_MAPPING) {
        bool ok = take_time(parser, value, "delay", &a->min_ns);
        a->max_ns = a->min_ns;
        return ok;
    }
    if (!only(parser, value, "delay", keys, 2) ||
        !take_time(parser, need(parser, value, "delay", "min"), "delay: min", &a->min_ns) ||
        !take_time(parser, need(parser, value, "delay", "max"), "delay: max", &a->max_ns))
        return false;
    if (a->max_ns >= a->min_ns)
        return true;
    diag_error(parser->diags, value->place, "delay: max is less than min");
    return false;
}

static bool parse_reorder(struct parser *parser, const struct ynode *value, struct fault_action *a)
{
    return take_number(parser, value, "reorder", 1, 1000, &a->count);
}

static bool parse_corrupt(struct parser *parser, const struct ynode *value, struct fault_action *a)
{
    static const char *const keys[] = { "word", "xor", "bits" };
    const struct ynode *bits = value->kind == YNODE_MAPPING ? ynode_get(value, "bits") : NULL;
    uint32_t word = 0;
    uint64_t flip = 0;
    if (!only(parser, value, "corrupt", keys, 3))
        return false;
    if (bits)
        return take_number(parser, bits, "corrupt: bits", 1, 512, &a->count);
    const struct ynode *at = need(parser, value, "corrupt", "word");
    const struct ynode *with = at ? need(parser, value, "corrupt", "xor") : NULL;
    if (!with || !take_number(parser, at, "corrupt: word", 0, FAULT_LINE_WORDS_MAX - 1, &word) ||
        !parse_number(parser, with, "corrupt: xor", 1, UINT64_MAX, &flip))
        return false;
    a->flip[word] = flip;
    return true;
}

static bool parse_tear(struct parser *parser, const struct ynode *value, struct fault_action *a)
{
    static const char *const keys[] = { "words", "for" };
    const struct ynode *words = need(parser, value, "tear", "words");
    if (!words || !only(parser, value, "tear", keys, 2))
        return false;
    if (words->kind != YNODE_SEQUENCE || words->item_count == 0) {
        diag_error(parser->diags, words->place, "tear: words: expected a list such as [0, 1]");
        return false;
    }
    for (size_t i = 0; i < words->item_count; i++) {
        uint32_t word;
        if (!take_number(parser, words->items[i], "tear: words", 0, FAULT_LINE_WORDS_MAX - 1,
                         &word))
            return false;
        a->words |= 1u << word;
    }
    const struct ynode *time = need(parser, value, "tear", "for");
    return take_time(parser, time, "tear: for", &a->min_ns);
}

static bool parse_stale(struct parser *parser, const struct ynode *value, struct fault_action *a)
{
    return take_number(parser, value, "stale", 1, FAULT_STALE_MAX, &a->count);
}

/* ---- notifications and timers ---- */

static bool parse_misroute(struct parser *parser, const struct ynode *value, struct fault_action *a)
{
    return parse_existing_core(parser, value, "misroute", &a->core);
}

static bool parse_spurious(struct parser *parser, const struct ynode *value, struct fault_action *a)
{
    static const char *const keys[] = { "to", "count", "every" };
    const struct ynode *to = need(parser, value, "spurious", "to");
    if (!to || !only(parser, value, "spurious", keys, 3) ||
        !parse_existing_core(parser, to, "spurious: to", &a->core))
        return false;
    return take_number(parser, need(parser, value, "spurious", "count"), "spurious: count", 1,
                       SPURIOUS_MAX, &a->count) &&
           take_time(parser, need(parser, value, "spurious", "every"), "spurious: every",
                     &a->min_ns);
}

static bool parse_shift(struct parser *parser, const struct ynode *value, struct fault_action *a)
{
    return take_time(parser, value, fault_action_name[a->kind], &a->min_ns);
}

/* ---- clocks ---- */

static bool parse_skew(struct parser *parser, const struct ynode *value, struct fault_action *a)
{
    static const char *const keys[] = { "core", "by" };
    const struct ynode *core = need(parser, value, "skew", "core");
    const struct ynode *by = core ? need(parser, value, "skew", "by") : NULL;
    const char *text;
    char *end;
    if (!by || !only(parser, value, "skew", keys, 2) ||
        !parse_existing_core(parser, core, "skew: core", &a->core) ||
        !parse_text(parser, by, "skew: by", &text))
        return false;
    a->amount = strtoll(text, &end, 10);
    if (end != text && (strcmp(end, " ppm") == 0 || strcmp(end, "ppm") == 0) &&
        llabs(a->amount) <= SKEW_PPM_MAX)
        return true;
    diag_error(parser->diags, by->place,
               "skew: by: '%.40s': expected millionths such as 500 ppm or -20 ppm, at most %d",
               text, SKEW_PPM_MAX);
    return false;
}

static bool parse_jump(struct parser *parser, const struct ynode *value, struct fault_action *a)
{
    static const char *const keys[] = { "core", "by" };
    const struct ynode *core = need(parser, value, "jump", "core");
    const struct ynode *by = core ? need(parser, value, "jump", "by") : NULL;
    const char *text;
    uint64_t ns = 0;
    if (!by || !only(parser, value, "jump", keys, 2) ||
        !parse_existing_core(parser, core, "jump: core", &a->core) ||
        !parse_text(parser, by, "jump: by", &text))
        return false;
    const char *problem = parse_duration(text + (text[0] == '-'), &ns);
    if (problem || ns == 0 || ns > DELAY_MAX_NS) {
        diag_error(parser->diags, by->place,
                   "jump: by: '%.40s': expected a time such as 2 ms or -2 ms, at most an hour",
                   text);
        return false;
    }
    a->amount = text[0] == '-' ? -(int64_t)ns : (int64_t)ns;
    return true;
}

/* ---- memory ---- */

/* RAM begins at 0 and has no gaps; each node's window has a place of its own. */
static bool is_memory(const struct scenario_machine *machine, uint64_t address)
{
    uint64_t ram = 0;
    for (unsigned n = 0; n < machine->node_count; n++) {
        const uint64_t window = ABI_WINDOW_BASE + (uint64_t)n * ABI_WINDOW_STRIDE;
        ram += machine->node[n].memory_bytes;
        if (address >= window && address - window < machine->node[n].window_bytes)
            return true;
    }
    return address < ram;
}

/* "myapp.1": a domain, and a core that exists. */
static bool take_domain(struct parser *parser, const struct ynode *value, const char *what,
                        const char **domain)
{
    const char *text, *dot;
    uint64_t core = 0;
    if (!parse_text(parser, value, what, &text))
        return false;
    dot = strrchr(text, '.');
    if (!dot || strspn(text, "+-0123456789") >= (size_t)(dot - text) || /* 4.0 is a number */
        dot - text > FAULT_DOMAIN_MAX || parse_unsigned(dot + 1, &core)) {
        diag_error(parser->diags, value->place,
                   "%s: '%.40s': expected a program and its core such as myapp.1", what, text);
        return false;
    }
    if (core >= parser->scenario->machine.core_count && !parser->cores_unknown) {
        diag_error(parser->diags, value->place,
                   "%s: core %s does not exist: the machine has %u core%s", what, dot + 1,
                   parser->scenario->machine.core_count,
                   parser->scenario->machine.core_count == 1 ? "" : "s");
        return false;
    }
    *domain = text;
    return true;
}

/* Where the symbol lies is known to whoever has the images (scenario_check_symbols). */
static bool parse_flip_symbol(struct parser *parser, const struct ynode *value,
                              struct fault_action *a)
{
    static const char *const keys[] = { "domain", "symbol", "bit" };
    const struct ynode *domain = need(parser, value, "flip", "domain");
    const struct ynode *symbol = domain ? need(parser, value, "flip", "symbol") : NULL;
    const struct ynode *bit = symbol ? need(parser, value, "flip", "bit") : NULL;
    return bit && only(parser, value, "flip", keys, 3) &&
           take_domain(parser, domain, "flip: domain", &a->domain) &&
           parse_text(parser, symbol, "flip: symbol", &a->symbol) &&
           take_number(parser, bit, "flip: bit", 0, UINT32_MAX, &a->count);
}

static bool parse_flip(struct parser *parser, const struct ynode *value, struct fault_action *a)
{
    static const char *const keys[] = { "address", "bit" };
    if (value->kind == YNODE_MAPPING && (ynode_get(value, "domain") || ynode_get(value, "symbol")))
        return parse_flip_symbol(parser, value, a);
    const struct ynode *address = need(parser, value, "flip", "address");
    const struct ynode *bit = address ? need(parser, value, "flip", "bit") : NULL;
    if (!bit || !only(parser, value, "flip", keys, 2) ||
        !parse_number(parser, address, "flip: address", 0, UINT64_MAX, &a->address) ||
        !take_number(parser, bit, "flip: bit", 0, 7, &a->count))
        return false;
    if (is_memory(&parser->scenario->machine, a->address) || parser->cores_unknown)
        return true;
    diag_error(parser->diags, address->place, "flip: address: there is no memory at %s",
               address->text);
    return false;
}

static bool parse_kill(struct parser *parser, const struct ynode *value, struct fault_action *a)
{
    return take_domain(parser, value, "kill", &a->domain);
}

static bool parse_no_memory(struct parser *parser, const struct ynode *value,
                            struct fault_action *a)
{
    static const char *const keys[] = { "next", "core" };
    const struct ynode *next = need(parser, value, "no_memory", "next");
    const struct ynode *core = next ? ynode_get(value, "core") : NULL;
    a->cores = FAULT_ALL_CORES;
    return next && only(parser, value, "no_memory", keys, 2) &&
           take_number(parser, next, "no_memory: next", 1, UINT32_MAX, &a->count) &&
           (!core || parse_existing_cores(parser, core, "no_memory: core", &a->cores));
}

/* ---- cores ---- */

static bool parse_core_set_action(struct parser *parser, const struct ynode *value,
                                  struct fault_action *a)
{
    return parse_existing_cores(parser, value, fault_action_name[a->kind], &a->cores);
}

static bool parse_partition(struct parser *parser, const struct ynode *value,
                            struct fault_action *a)
{
    if (value->kind != YNODE_SEQUENCE || value->item_count < 2) {
        diag_error(parser->diags, value->place,
                   "partition: expected a list of sets of cores such as [[0, 1], [2, 3]]");
        return false;
    }
    for (size_t i = 0; i < value->item_count; i++) {
        uint64_t cores;
        if (!parse_existing_cores(parser, value->items[i], "partition", &cores))
            return false;
        for (unsigned core = 0; core < ABI_MAX_CORES; core++) {
            if (!(cores >> core & 1))
                continue;
            if (a->side[core] != 0) {
                diag_error(parser->diags, value->items[i]->place,
                           "partition: core %u is in two sets", core);
                return false;
            }
            a->side[core] = (uint8_t)(i + 1);
        }
    }
    return true;
}

/* ---- the table ---- */

static const struct {
    action_parser *parse; /* NULL: the word alone */
    bool has_for, needs_for;
} actions[FAULT_ACTIONS] = {
    [FAULT_DROP] = { 0 },
    [FAULT_DELAY] = { parse_delay, false, false },
    [FAULT_DUPLICATE] = { 0 },
    [FAULT_REORDER] = { parse_reorder, false, false },
    [FAULT_CORRUPT] = { parse_corrupt, false, false },
    [FAULT_TEAR] = { parse_tear, false, false },
    [FAULT_STALE] = { parse_stale, false, false },
    [FAULT_MISROUTE] = { parse_misroute, false, false },
    [FAULT_LATE] = { parse_shift, false, false },
    [FAULT_EARLY] = { parse_shift, false, false },
    [FAULT_LOST] = { 0 },
    [FAULT_SPURIOUS] = { parse_spurious, false, false },
    [FAULT_SKEW] = { parse_skew, false, false },
    [FAULT_JUMP] = { parse_jump, false, false },
    [FAULT_STALL] = { parse_core_set_action, true, true },
    [FAULT_CRASH] = { parse_core_set_action, false, false },
    [FAULT_RESTART] = { parse_core_set_action, false, false },
    [FAULT_PARTITION] = { parse_partition, true, false },
    [FAULT_HEAL] = { 0 },
    [FAULT_FLIP] = { parse_flip, false, false },
    [FAULT_KILL] = { parse_kill, false, false },
    [FAULT_NO_MEMORY] = { parse_no_memory, false, false },
};

static bool find_action(struct parser *parser, const struct ynode *node,
                        enum fault_action_kind *kind)
{
    for (unsigned i = 0; i < FAULT_ACTIONS; i++)
        if (strcmp(node->text, fault_action_name[i]) == 0) {
            *kind = (enum fault_action_kind)i;
            return true;
        }
    const char *near = nearest_word(node->text, fault_action_name, FAULT_ACTIONS);
    diag_error(parser->diags, node->place, "do: unknown action '%.40s'%s%s%s", node->text,
               near ? "; did you mean '" : "; docs/faults.md lists them", near ? near : "",
               near ? "'?" : "");
    return false;
}

static bool parse_for(struct parser *parser, const struct ynode *node, struct fault_action *action)
{
    const struct ynode *time = ynode_get(node, "for");
    const char *name = fault_action_name[action->kind];
    if (!time && !actions[action->kind].needs_for)
        return true;
    if (!time) {
        diag_error(parser->diags, node->place, "%s: the key 'for' is missing: how long?", name);
        return false;
    }
    return take_time(parser, time, "for", &action->min_ns);
}

bool parse_fault_action(struct parser *parser, const struct ynode *node,
                        struct fault_action *action)
{
    bool word = node->kind == YNODE_SCALAR && !ynode_is_empty(node);
    if (!word && (node->kind != YNODE_MAPPING || node->pair_count == 0)) {
        diag_error(parser->diags, node->place,
                   "do: expected an action such as drop or {delay: 200 us}, found %s",
                   ynode_what(node));
        return false;
    }
    const struct ynode *name = node;
    for (size_t i = 0; !word && i < node->pair_count; i++)
        if (name == node && strcmp(node->pairs[i].key->text, "for") != 0)
            name = node->pairs[i].key;
    if (name->kind != YNODE_SCALAR || !find_action(parser, name, &action->kind))
        return false;
    action_parser *parse = actions[action->kind].parse;
    if (word != (parse == NULL)) {
        if (word)
            diag_error(parser->diags, name->place,
                       "do: %s: it needs to be told more, as in docs/faults.md", name->text);
        else
            diag_error(parser->diags, name->place, "do: %s is a word alone, without a value",
                       name->text);
        return false;
    }
    if (word)
        return true;
    const char *const keys[] = { name->text, "for" };
    return only(parser, node, name->text, keys, actions[action->kind].has_for ? 2 : 1) &&
           parse(parser, ynode_get(node, name->text), action) &&
           (!actions[action->kind].has_for || parse_for(parser, node, action));
}
