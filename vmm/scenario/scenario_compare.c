/* SPDX-License-Identifier: MIT
 *
 * The `compare` section: what may differ where `vmm compare` runs the scenario on several engines.
 * A list, each entry one of
 *
 *     - part: ERE     the part of a line that matches may be any other that matches
 *     - line: ERE     lines that match are left out
 *
 * with `because: TEXT` beside it, since a difference that nobody can explain is a fault.
 */
#include <string.h>
#include <tre/regex.h>

#include "scenario/parse.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct entry {
    struct scenario_variance is;
    unsigned kinds; /* of the keys part, line */
};

static void take_expression(struct parser *parser, const struct ynode *value, const char *key,
                            struct entry *entry)
{
    const char *text;
    entry->kinds++;
    if (!parse_text(parser, value, key, &text))
        return;
    if (!*text || strlen(text) > SCENARIO_PATTERN_MAX) {
        diag_error(parser->diags, value->place,
                   "%s: expected a regular expression of 1 to %d bytes", key, SCENARIO_PATTERN_MAX);
        return;
    }
    void *compiled = parse_regex(parser, value, text);
    if (!compiled)
        return;
    if (tre_regexec(compiled, "", 0, NULL, 0) == 0) {
        diag_error(parser->diags, value->place,
                   "%s: '%.80s' matches an empty text, and so every line", key, text);
        return;
    }
    entry->is.expression = text;
}

static void parse_part(struct parser *parser, const struct ynode *value, void *object)
{
    take_expression(parser, value, "part", object);
}

static void parse_line(struct parser *parser, const struct ynode *value, void *object)
{
    struct entry *entry = object;
    entry->is.whole_line = true;
    take_expression(parser, value, "line", entry);
}

static void parse_because(struct parser *parser, const struct ynode *value, void *object)
{
    struct entry *entry = object;
    if (parse_text(parser, value, "because", &entry->is.reason) && !*entry->is.reason)
        diag_error(parser->diags, value->place, "because: an empty text explains nothing");
}

static const struct key entry_keys[] = {
    { "part", false, parse_part },
    { "line", false, parse_line },
    { "because", true, parse_because },
};

static void parse_entry(struct parser *parser, const struct ynode *node)
{
    struct scenario *scenario = parser->scenario;
    const size_t errors_before = parser->diags->errors;
    struct entry entry = { .is = { .place = node->place } };
    parse_mapping(parser, node, "compare", entry_keys, COUNT(entry_keys), &entry);
    if (parser->diags->errors != errors_before)
        return;
    if (entry.kinds != 1) {
        diag_error(parser->diags, node->place, "compare: expected one of the keys part, line");
        return;
    }
    arena_grow(parser->arena, (void **)&scenario->variances, &scenario->variance_capacity,
               scenario->variance_count, sizeof(struct scenario_variance));
    scenario->variances[scenario->variance_count++] = entry.is;
}

void parse_compare(struct parser *parser, const struct ynode *node)
{
    if (node->kind != YNODE_SEQUENCE || node->item_count == 0) {
        diag_error(parser->diags, node->place,
                   "compare: expected a list of what may differ, found %s",
                   node->kind == YNODE_SEQUENCE ? "an empty one" : ynode_what(node));
        return;
    }
    if (node->item_count > SCENARIO_VARIANCES_MAX) {
        diag_error(parser->diags, node->place, "compare: %zu entries; at most %d", node->item_count,
                   SCENARIO_VARIANCES_MAX);
        return;
    }
    for (size_t i = 0; i < node->item_count; i++)
        parse_entry(parser, node->items[i]);
}
