/* SPDX-License-Identifier: MIT
 *
 * The `expect` section: a list, each entry one of
 *
 *     - console: TEXT            at least one line that contains TEXT
 *     - console: {regex: ERE}    ... that matches a POSIX extended regular expression
 *     - not: TEXT or {regex: ERE}
 *     - exit: CODE
 *     - fired: RULE or {rule: RULE, min: N, max: N}
 *
 * or about what programs report (scenario_property.c), with `core` (a number, a set such as 0-3, or
 * any), `domain` and, for console, `count` beside it. A set of cores means each of them: it becomes
 * one expectation for each core, so the matcher and the reports only know single cores.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <tre/regex.h>

#include "scenario/expect_parse.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void expect_is(struct expect_input *input, enum expectation_kind kind, const char *key)
{
    input->kinds++;
    input->key = key;
    input->expectation.kind = kind;
}

/* How large a regular expression may grow when its repetitions are written out, and how deep its
 * groups may lie.  The library's work for the first long line grows with the square and more: less
 * than a second with a thousand atoms, minutes with ten thousand, and it cannot be interrupted. */
#define REGEX_ATOMS_MAX SCENARIO_PATTERN_MAX /* what has no repetitions always fits */
#define REGEX_DEPTH_MAX 32

/* The end of a bracket expression that begins at `at`, its ']' or the end of the text. */
static const char *bracket_end(const char *at)
{
    at++;
    at += *at == '^';
    at += *at == ']';
    while (*at && *at != ']') {
        if (*at == '[' && (at[1] == ':' || at[1] == '.' || at[1] == '=')) {
            const char end[] = { at[1], ']', '\0' };
            const char *close = strstr(at + 2, end);
            at = close ? close + 1 : at;
        }
        at++;
    }
    return at;
}

/* Why a pattern would take for ever to compile or to match, or NULL.  Back-references are no part
 * of POSIX extended regular expressions; the library knows them, and then tries every way to
 * match. */
static const char *regex_is_costly(const char *pattern)
{
    uint64_t group[REGEX_DEPTH_MAX] = { 0 }, last = 0;
    unsigned depth = 0;
    for (const char *at = pattern; *at; at++) {
        if (*at == '(') {
            if (++depth == REGEX_DEPTH_MAX)
                return "its groups lie too deep";
            group[depth] = 0;
            continue;
        }
        if (*at == ')' && depth > 0) {
            last = group[depth--];
            group[depth] += last;
        } else if (*at == '{' && at[1] >= '0' && at[1] <= '9') {
            unsigned long times = strtoul(at + 1, NULL, 10);
            if (at[1 + strspn(at + 1, "0123456789,")] != '}')
                return "braces hold numbers: {2}, {2,}, {2,5}";
            at += strcspn(at, ",}");
            if (*at == ',' && at[1] >= '0' && at[1] <= '9')
                times = strtoul(at + 1, NULL, 10);
            at += strcspn(at, "}");
            if (times > REGEX_ATOMS_MAX)
                return "it repeats too much";
            group[depth] += times > 0 ? last * (times - 1) : 0;
            last *= times;
            if (!*at)
                break;
        } else if (*at == '{') { /* the library would match approximately */
            return "a brace begins a number of repetitions; write \\{ for the character";
        } else if (*at == '\\' && at[1] >= '1' && at[1] <= '9') {
            return "back-references are not part of these";
        } else {
            if (*at == '\\' && at[1])
                at++;
            else if (*at == '[')
                at = bracket_end(at);
            last = 1;
            group[depth]++;
            if (!*at)
                break;
        }
        if (group[depth] > REGEX_ATOMS_MAX)
            return "it repeats too much";
    }
    return NULL;
}

static void check_regex(struct parser *parser, const struct ynode *node, const char *pattern)
{
    const char *costly = regex_is_costly(pattern);
    if (costly) {
        diag_error(parser->diags, node->place,
                   "regex: '%.80s' is not a POSIX extended regular expression that can be used: %s",
                   pattern, costly);
        return;
    }
    regex_t regex;
    int error = tre_regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
    if (error == 0) {
        tre_regfree(&regex);
        return;
    }
    char text[128];
    tre_regerror(error, &regex, text, sizeof(text));
    diag_error(parser->diags, node->place,
               "regex: '%.80s' is not a POSIX extended regular expression: %s", pattern, text);
}

void *parse_regex(struct parser *parser, const struct ynode *node, const char *pattern)
{
    struct scenario *scenario = parser->scenario;
    size_t errors_before = parser->diags->errors;
    check_regex(parser, node, pattern);
    if (parser->diags->errors != errors_before)
        return NULL;
    regex_t *regex = arena_alloc(parser->arena, sizeof(*regex));
    if (tre_regcomp(regex, pattern, REG_EXTENDED | REG_NOSUB) != 0) {
        diag_error(parser->diags, node->place, "the host is out of memory");
        return NULL;
    }
    arena_grow(parser->arena, (void **)&scenario->regexes, &scenario->regex_capacity,
               scenario->regex_count, sizeof(*scenario->regexes));
    scenario->regexes[scenario->regex_count++] = regex;
    return regex;
}

static void take_pattern(struct parser *parser, const struct ynode *value, const char *what,
                         struct expectation *expectation)
{
    const char *pattern;
    if (!parse_text(parser, value, what, &pattern))
        return;
    if (!*pattern)
        diag_error(parser->diags, value->place, "%s: empty text, which every line contains", what);
    else if (strlen(pattern) > SCENARIO_PATTERN_MAX)
        diag_error(parser->diags, value->place, "%s: %zu bytes; at most %d", what, strlen(pattern),
                   SCENARIO_PATTERN_MAX);
    else if (strchr(pattern, '\n'))
        diag_error(parser->diags, value->place,
                   "%s: contains a line break, but console lines are matched one by one", what);
    else
        expectation->pattern = pattern;
}

static void parse_pattern_text(struct parser *parser, const struct ynode *value, void *object)
{
    take_pattern(parser, value, "text", object);
}

static void parse_pattern_regex(struct parser *parser, const struct ynode *value, void *object)
{
    struct expectation *expectation = object;
    if (expectation->pattern) {
        diag_error(parser->diags, value->place, "regex: give either text or regex, not both");
        return;
    }
    take_pattern(parser, value, "regex", expectation);
    expectation->regex = true;
    if (expectation->pattern)
        check_regex(parser, value, expectation->pattern);
}

static const struct key pattern_keys[] = {
    { "text", false, parse_pattern_text },
    { "regex", false, parse_pattern_regex },
};

void parse_pattern(struct parser *parser, const struct ynode *value, const char *what,
                   struct expectation *expectation)
{
    if (value->kind != YNODE_MAPPING) {
        take_pattern(parser, value, what, expectation);
        return;
    }
    size_t errors_before = parser->diags->errors;
    parse_mapping(parser, value, what, pattern_keys, COUNT(pattern_keys), expectation);
    if (!expectation->pattern && parser->diags->errors == errors_before)
        diag_error(parser->diags, value->place, "%s: expected one of the keys text, regex", what);
}

static void parse_console(struct parser *parser, const struct ynode *value, void *object)
{
    struct expect_input *input = object;
    expect_is(input, EXPECT_CONSOLE, "console");
    parse_pattern(parser, value, "console", &input->expectation);
}

static void parse_not(struct parser *parser, const struct ynode *value, void *object)
{
    struct expect_input *input = object;
    if (input->kinds == 0)
        parse_pattern(parser, value, "not", &input->expectation);
    expect_is(input, EXPECT_NOT, "not");
}

static void parse_exit(struct parser *parser, const struct ynode *value, void *object)
{
    struct expect_input *input = object;
    uint64_t code = 0;
    input->exit_at = value;
    expect_is(input, EXPECT_EXIT, "exit");
    parse_number(parser, value, "exit", 0, 255, &code);
    input->expectation.exit_code = (uint8_t)code;
}

static void parse_core(struct parser *parser, const struct ynode *value, void *object)
{
    struct expect_input *input = object;
    const struct scenario_machine *machine = &parser->scenario->machine;
    uint64_t exist = machine->core_count == 64 ? ~0ull : (1ull << machine->core_count) - 1;
    uint64_t cores;
    input->core_at = value;
    if (value->kind == YNODE_SCALAR && strcmp(value->text, "any") == 0)
        return;
    if (value->kind == YNODE_SCALAR && strcmp(value->text, "each") == 0) {
        input->cores = exist;
        return;
    }
    if (!parse_cores(parser, value, "core", &cores))
        return;
    if (cores == 0)
        diag_error(parser->diags, value->place, "core: an empty list; expected a core or 'any'");
    else if (cores & ~exist && !parser->cores_unknown)
        diag_error(parser->diags, value->place,
                   "core: core %d does not exist: the machine has %u core%s",
                   __builtin_ctzll(cores & ~exist), machine->core_count,
                   machine->core_count == 1 ? "" : "s");
    else
        input->cores = cores & exist;
}

static void parse_domain(struct parser *parser, const struct ynode *value, void *object)
{
    struct expect_input *input = object;
    input->domain_at = value;
    if (!parse_text(parser, value, "domain", &input->expectation.domain))
        return;
    /* The status block holds names of 15 characters. */
    if (!*input->expectation.domain)
        diag_error(parser->diags, value->place,
                   "domain: empty text; leave the key out for any domain");
    else if (strlen(input->expectation.domain) > 15)
        diag_error(parser->diags, value->place,
                   "domain: '%.40s': dispatchers have names of at most 15 characters",
                   input->expectation.domain);
}

static void parse_count(struct parser *parser, const struct ynode *value, void *object)
{
    struct expect_input *input = object;
    uint64_t count = 1;
    input->count_at = value;
    parse_number(parser, value, "count", 1, 1000000, &count);
    input->expectation.count = (uint32_t)count;
}

static void parse_fired_rule(struct parser *parser, const struct ynode *value, void *object)
{
    struct expectation *expectation = object;
    if (parse_text(parser, value, "fired: rule", &expectation->pattern))
        expectation->rule = scenario_find_rule(parser, value, expectation->pattern);
}

static void parse_fired_number(struct parser *parser, const struct ynode *value, const char *what,
                               uint32_t *number)
{
    uint64_t count = *number;
    parse_number(parser, value, what, 0, UINT32_MAX - 1, &count);
    *number = (uint32_t)count;
}

static void parse_fired_min(struct parser *parser, const struct ynode *value, void *object)
{
    parse_fired_number(parser, value, "fired: min", &((struct expectation *)object)->count);
}

static void parse_fired_max(struct parser *parser, const struct ynode *value, void *object)
{
    parse_fired_number(parser, value, "fired: max", &((struct expectation *)object)->most);
}

static const struct key fired_keys[] = {
    { "rule", true, parse_fired_rule },
    { "min", false, parse_fired_min },
    { "max", false, parse_fired_max },
};

/* A name, or {rule: NAME, min: N, max: N}. */
static void parse_fired(struct parser *parser, const struct ynode *value, void *object)
{
    struct expect_input *input = object;
    struct expectation *expectation = &input->expectation;
    expect_is(input, EXPECT_FIRED, "fired");
    if (value->kind != YNODE_MAPPING)
        parse_fired_rule(parser, value, expectation);
    else
        parse_mapping(parser, value, "fired", fired_keys, COUNT(fired_keys), expectation);
    if (expectation->most < expectation->count)
        diag_error(parser->diags, value->place, "fired: max is less than min");
}

static void parse_most(struct parser *parser, const struct ynode *value, void *object)
{
    struct expect_input *input = object;
    uint64_t most = UINT32_MAX;
    input->most_at = value;
    parse_number(parser, value, "most", 0, 1000000, &most);
    input->expectation.most = (uint32_t)most;
}

static const struct key expect_keys[] = {
    { "console", false, parse_console },     { "not", false, parse_not },
    { "exit", false, parse_exit },           { "core", false, parse_core },
    { "domain", false, parse_domain },       { "count", false, parse_count },
    { "most", false, parse_most },           { "fired", false, parse_fired },
    { "recovered", false, parse_recovered }, { "metric", false, parse_metric },
    { "always", false, parse_always },       { "never", false, parse_never },
    { "sometimes", false, parse_sometimes }, { "invariants", false, parse_invariants },
    { "every", false, parse_every },
};

static void add(struct parser *parser, const struct ynode *item,
                const struct expectation *expectation)
{
    struct scenario *scenario = parser->scenario;
    if (scenario->expectation_count == SCENARIO_EXPECTATIONS_MAX) {
        diag_error(parser->diags, item->place, "expect: more than %d expectations",
                   SCENARIO_EXPECTATIONS_MAX);
        return;
    }
    arena_grow(parser->arena, (void **)&scenario->expectations, &scenario->expectation_capacity,
               scenario->expectation_count, sizeof(*expectation));
    scenario->expectations[scenario->expectation_count++] = *expectation;
}

static void refuse(struct parser *parser, const struct ynode *node, const char *key,
                   const char *beside)
{
    if (node)
        diag_error(parser->diags, node->place, "%s: has no meaning beside %s", key, beside);
}

/* The keys beside one that says what is expected must mean something there. */
static void check_beside(struct parser *parser, const struct expect_input *input)
{
    const enum expectation_kind kind = input->expectation.kind;
    if (kind != EXPECT_CONSOLE && kind != EXPECT_NOT && kind != EXPECT_RECOVERED) {
        refuse(parser, input->core_at, "core", input->key);
        refuse(parser, input->domain_at, "domain", input->key);
    }
    if (kind != EXPECT_CONSOLE && kind != EXPECT_ALWAYS && kind != EXPECT_SOMETIMES &&
        kind != EXPECT_RECOVERED)
        refuse(parser, input->count_at, "count", input->key);
    if (kind != EXPECT_CONSOLE)
        refuse(parser, input->most_at, "most", input->key);
}

static void check_second_exit(struct parser *parser, const struct ynode *exit)
{
    for (size_t i = 0; i < parser->scenario->expectation_count; i++) {
        if (parser->scenario->expectations[i].kind == EXPECT_EXIT)
            diag_error(parser->diags, exit->place, "exit: a second one; the first is in line %u",
                       parser->scenario->expectations[i].place.line);
    }
}

static void add_for_each_core(struct parser *parser, const struct ynode *item,
                              const struct expect_input *input)
{
    struct expectation expectation = input->expectation;
    if (!input->cores)
        add(parser, item, &expectation);
    for (unsigned core = 0; core < ABI_MAX_CORES; core++) {
        if (!(input->cores >> core & 1))
            continue;
        expectation.core = (int)core;
        add(parser, item, &expectation);
    }
}

static void add_invariants(struct parser *parser, const struct ynode *item, uint32_t checkers,
                           uint64_t every_ns)
{
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        const struct expectation expectation = { .kind = EXPECT_INVARIANT,
                                                 .place = item->place,
                                                 .core = EXPECT_ANY_CORE,
                                                 .pattern = invariant_name[i],
                                                 .invariant = (enum invariant)i,
                                                 .every_ns =
                                                     i == INVARIANT_CAPABILITIES ? every_ns : 0 };
        if (checkers >> i & 1)
            add(parser, item, &expectation);
    }
}

static void parse_entry(struct parser *parser, const struct ynode *item)
{
    struct expect_input input = { .expectation = { .place = item->place,
                                                   .core = EXPECT_ANY_CORE,
                                                   .count = 1,
                                                   .most = UINT32_MAX } };
    struct expectation *expectation = &input.expectation;
    size_t errors_before = parser->diags->errors;
    if (!parse_mapping(parser, item, "an expectation", expect_keys, COUNT(expect_keys), &input))
        return;
    if (input.kinds != 1) {
        if (parser->diags->errors == errors_before)
            diag_error(parser->diags, item->place,
                       "an expectation: expected exactly one of the keys console, not, exit, "
                       "fired, recovered, metric, always, never, sometimes, invariants");
        return;
    }
    if (input.exit_at)
        check_second_exit(parser, input.exit_at);
    check_beside(parser, &input);
    if (expectation->kind == EXPECT_CONSOLE && expectation->most < expectation->count)
        diag_error(parser->diags, item->place, "most is less than count");
    uint32_t checkers = input.invariants_at ? parse_invariant_list(parser, input.invariants_at) : 0;
    check_every(parser, &input, checkers);
    if (parser->diags->errors != errors_before)
        return;
    if (expectation->kind == EXPECT_INVARIANT)
        add_invariants(parser, item, checkers, expectation->every_ns);
    else
        add_for_each_core(parser, item, &input);
}

void parse_expect(struct parser *parser, const struct ynode *node)
{
    if (node->kind != YNODE_SEQUENCE || node->item_count == 0) {
        diag_error(parser->diags, node->place,
                   "expect: expected a list such as [console: Hello World, exit: 0], found %s; "
                   "without expect, the machine must exit with code 0",
                   node->kind == YNODE_SEQUENCE ? "an empty list" : ynode_what(node));
        return;
    }
    for (size_t i = 0; i < node->item_count; i++)
        parse_entry(parser, node->items[i]);
}
