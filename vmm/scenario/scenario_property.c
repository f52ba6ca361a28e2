/* SPDX-License-Identifier: MIT
 *
 * Entries of `expect` about what programs report of themselves, about recoveries and invariants:
 *
 *     - recovered: {rule: RULE, within: TIME, until: TEXT or {regex: ERE}}
 *     - metric: "NAME > NUMBER"
 *     - always: NAME, or "NAME > NUMBER"      the same for never, sometimes
 *     - invariants: [channels, memory]
 *
 * A NAME alone is that of a property which a program asserts (barrelfish/report.h).
 */
#include <string.h>

#include "abi/report.h"
#include "scenario/expect_parse.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BLANKS " \t"

const char *const expectation_kind_name[EXPECT_KINDS] = {
    [EXPECT_CONSOLE] = "console",     [EXPECT_NOT] = "not",       [EXPECT_EXIT] = "exit",
    [EXPECT_FIRED] = "fired",         [EXPECT_METRIC] = "metric", [EXPECT_RECOVERED] = "recovered",
    [EXPECT_ALWAYS] = "always",       [EXPECT_NEVER] = "never",   [EXPECT_SOMETIMES] = "sometimes",
    [EXPECT_INVARIANT] = "invariant",
};

#define CHECKERS "channels, memory, capabilities"

const char *const invariant_name[INVARIANTS] = { "channels", "memory", "capabilities" };

const char *const comparison_text[] = { "", "==", "!=", "<", "<=", ">", ">=" };

/* ---- recovered ---- */

static void parse_rule(struct parser *parser, const struct ynode *value, void *object)
{
    struct expectation *expectation = object;
    const char *name;
    if (parse_text(parser, value, "recovered: rule", &name))
        expectation->rule = scenario_find_rule(parser, value, name);
}

static void parse_within(struct parser *parser, const struct ynode *value, void *object)
{
    struct expectation *expectation = object;
    if (parse_time(parser, value, "recovered: within", &expectation->within_ns) &&
        expectation->within_ns == 0)
        diag_error(parser->diags, value->place, "recovered: within: nothing happens in no time");
}

static void parse_until(struct parser *parser, const struct ynode *value, void *object)
{
    parse_pattern(parser, value, "recovered: until", object);
}

static const struct key recovered_keys[] = {
    { "rule", true, parse_rule },
    { "within", true, parse_within },
    { "until", true, parse_until },
};

void parse_recovered(struct parser *parser, const struct ynode *value, void *object)
{
    struct expect_input *input = object;
    expect_is(input, EXPECT_RECOVERED, "recovered");
    parse_mapping(parser, value, "recovered", recovered_keys, COUNT(recovered_keys),
                  &input->expectation);
}

/* ---- values and properties ---- */

/* Takes "NAME OP NUMBER" apart; `name` is the text, cut behind the name.  NULL: fine. */
static const char *take_apart(char *name, struct expectation *expectation, const char **number)
{
    char *at = strpbrk(name, "<>=!");
    *number = NULL;
    if (at) {
        size_t length = at[1] == '=' ? 2 : 1;
        for (unsigned op = COMPARE_EQUAL; op < COUNT(comparison_text); op++)
            if (strlen(comparison_text[op]) == length &&
                memcmp(at, comparison_text[op], length) == 0)
                expectation->comparison = (enum comparison)op;
        if (expectation->comparison == COMPARE_NONE)
            return "compares by one of ==, !=, <, <=, >, >=";
        *at = 0;
        *number = at + length + strspn(at + length, BLANKS);
    }
    for (size_t length = strlen(name); length > 0 && strchr(BLANKS, name[length - 1]);)
        name[--length] = 0;
    if (!*name)
        return "begins with the name of a value";
    if (strpbrk(name, BLANKS))
        return "a name has no blanks; compare it as in \"ump.messages > 0\"";
    if (strlen(name) >= ABI_REPORT_NAME)
        return "names have at most 39 characters";
    return NULL;
}

static void parse_value(struct parser *parser, const struct ynode *value, const char *key,
                        struct expectation *expectation)
{
    const char *text, *number;
    if (!parse_text(parser, value, key, &text))
        return;
    char *name = arena_string(parser->arena, text + strspn(text, BLANKS));
    const char *problem = take_apart(name, expectation, &number);
    if (problem) {
        diag_error(parser->diags, value->place, "%s: '%.80s': %s", key, text, problem);
        return;
    }
    expectation->pattern = name;
    if (!number)
        return;
    struct ynode digits = *value;
    digits.text = arena_string(parser->arena, number);
    digits.plain = true;
    parse_number(parser, &digits, key, 0, UINT64_MAX, &expectation->value);
}

void parse_metric(struct parser *parser, const struct ynode *value, void *object)
{
    struct expect_input *input = object;
    expect_is(input, EXPECT_METRIC, "metric");
    parse_value(parser, value, "metric", &input->expectation);
    if (input->expectation.pattern && input->expectation.comparison == COMPARE_NONE)
        diag_error(parser->diags, value->place,
                   "metric: '%.80s' is compared with nothing; expected as in \"%.40s > 0\"",
                   input->expectation.pattern, input->expectation.pattern);
}

void parse_always(struct parser *parser, const struct ynode *value, void *object)
{
    struct expect_input *input = object;
    expect_is(input, EXPECT_ALWAYS, "always");
    parse_value(parser, value, "always", &input->expectation);
}

void parse_never(struct parser *parser, const struct ynode *value, void *object)
{
    struct expect_input *input = object;
    expect_is(input, EXPECT_NEVER, "never");
    parse_value(parser, value, "never", &input->expectation);
}

void parse_sometimes(struct parser *parser, const struct ynode *value, void *object)
{
    struct expect_input *input = object;
    expect_is(input, EXPECT_SOMETIMES, "sometimes");
    parse_value(parser, value, "sometimes", &input->expectation);
}

/* ---- invariants ---- */

void parse_invariants(struct parser *parser, const struct ynode *value, void *object)
{
    struct expect_input *input = object;
    (void)parser;
    expect_is(input, EXPECT_INVARIANT, "invariants");
    input->invariants_at = value;
}

#define EVERY_MIN_NS 10000

void parse_every(struct parser *parser, const struct ynode *value, void *object)
{
    struct expect_input *input = object;
    input->every_at = value;
    if (parse_time(parser, value, "every", &input->expectation.every_ns) &&
        input->expectation.every_ns < EVERY_MIN_NS)
        diag_error(parser->diags, value->place, "every: expected at least 10 us");
}

void check_every(struct parser *parser, const struct expect_input *input, uint32_t checkers)
{
    if (input->every_at && !(checkers >> INVARIANT_CAPABILITIES & 1))
        diag_error(parser->diags, input->every_at->place,
                   "every: has a meaning only beside invariants: [capabilities]");
}

static uint32_t parse_checker(struct parser *parser, const struct ynode *node)
{
    const char *name;
    if (!parse_text(parser, node, "invariants", &name))
        return 0;
    for (unsigned i = 0; i < INVARIANTS; i++)
        if (strcmp(name, invariant_name[i]) == 0)
            return 1u << i;
    diag_error(parser->diags, node->place, "invariants: '%.40s' is no checker; expected " CHECKERS,
               name);
    return 0;
}

uint32_t parse_invariant_list(struct parser *parser, const struct ynode *value)
{
    if (value->kind != YNODE_SEQUENCE)
        return parse_checker(parser, value);
    uint32_t checkers = 0;
    for (size_t i = 0; i < value->item_count; i++)
        checkers |= parse_checker(parser, value->items[i]);
    if (value->item_count == 0)
        diag_error(parser->diags, value->place, "invariants: an empty list; expected " CHECKERS);
    return checkers;
}
