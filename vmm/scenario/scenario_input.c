/* SPDX-License-Identifier: MIT
 *
 * The `input` section: what is typed on the console, one piece after the other.  Each entry is a
 * text, which stands for `line`, or a mapping of
 *
 *     line: TEXT     with a newline behind it
 *     bytes: TEXT    as it is
 *     end: true      there is no more: whoever reads finds the end of the file
 *
 * with `at: TIME` (not before) and `after: TEXT or {regex: ERE}` (not before such a console line)
 * beside it.
 */
#include <string.h>

#include "scenario/expect_parse.h"
#include "scenario/parse.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct piece {
    struct scenario_input input;
    unsigned kinds; /* of the keys line, bytes, end */
};

static void take_text(struct parser *parser, const struct ynode *value, const char *what,
                      struct piece *piece, bool line)
{
    const char *text;
    piece->kinds++;
    /* A line may be empty, if that is said. */
    if (value->kind != YNODE_SCALAR || ynode_is_empty(value)) {
        diag_error(parser->diags, value->place, "%s: expected text, found %s (\"\" is a text)",
                   what, ynode_what(value));
        return;
    }
    text = value->text;
    const size_t bytes = strlen(text) + line;
    if (bytes > SCENARIO_INPUT_MAX)
        diag_error(parser->diags, value->place,
                   "%s: %zu bytes; at most %d go at once: give the rest as another entry (bytes:)",
                   what, bytes, SCENARIO_INPUT_MAX);
    else if (bytes == 0)
        diag_error(parser->diags, value->place, "%s: empty text gives nothing", what);
    else if (line && strchr(text, '\n'))
        diag_error(parser->diags, value->place,
                   "%s: contains a line break: give each line as an entry, or use bytes:", what);
    else
        piece->input.text = line ? arena_printf(parser->arena, "%s\n", text) : text;
    piece->input.line = line;
}

static void parse_line(struct parser *parser, const struct ynode *value, void *object)
{
    take_text(parser, value, "line", object, true);
}

static void parse_bytes_key(struct parser *parser, const struct ynode *value, void *object)
{
    take_text(parser, value, "bytes", object, false);
}

static void parse_end(struct parser *parser, const struct ynode *value, void *object)
{
    struct piece *piece = object;
    bool end = false;
    piece->kinds++;
    if (parse_bool(parser, value, "end", &end) && !end)
        diag_error(parser->diags, value->place, "end: expected true; leave it out otherwise");
}

static void parse_at(struct parser *parser, const struct ynode *value, void *object)
{
    struct piece *piece = object;
    if (parse_time(parser, value, "at", &piece->input.at_ns) &&
        piece->input.at_ns > parser->scenario->deadline_ns)
        diag_error(parser->diags, value->place, "at: %s lies after the deadline", value->text);
}

static void parse_after(struct parser *parser, const struct ynode *value, void *object)
{
    struct piece *piece = object;
    struct expectation line = { 0 };
    parse_pattern(parser, value, "after", &line);
    piece->input.after.text = line.pattern;
    piece->input.after.regex = line.regex;
    if (line.regex && line.pattern)
        piece->input.after.compiled = parse_regex(parser, value, line.pattern);
}

static const struct key piece_keys[] = {
    { "line", false, parse_line }, { "bytes", false, parse_bytes_key }, { "end", false, parse_end },
    { "at", false, parse_at },     { "after", false, parse_after },
};

static void parse_piece(struct parser *parser, const struct ynode *node)
{
    struct scenario *scenario = parser->scenario;
    const size_t errors_before = parser->diags->errors;
    struct piece piece = { .input = { .place = node->place } };
    if (node->kind == YNODE_MAPPING)
        parse_mapping(parser, node, "input", piece_keys, COUNT(piece_keys), &piece);
    else
        take_text(parser, node, "input", &piece, true);
    if (parser->diags->errors != errors_before)
        return;
    if (piece.kinds != 1) {
        diag_error(parser->diags, node->place, "input: expected one of the keys line, bytes, end");
        return;
    }
    arena_grow(parser->arena, (void **)&scenario->input, &scenario->input_capacity,
               scenario->input_count, sizeof(struct scenario_input));
    scenario->input[scenario->input_count++] = piece.input;
}

void parse_input(struct parser *parser, const struct ynode *node)
{
    const struct scenario *scenario = parser->scenario;
    if (node->kind != YNODE_SEQUENCE || node->item_count == 0) {
        diag_error(parser->diags, node->place, "input: expected a list of lines, found %s",
                   node->kind == YNODE_SEQUENCE ? "an empty one" : ynode_what(node));
        return;
    }
    if (node->item_count > SCENARIO_INPUTS_MAX) {
        diag_error(parser->diags, node->place, "input: %zu entries; at most %d", node->item_count,
                   SCENARIO_INPUTS_MAX);
        return;
    }
    for (size_t i = 0; i < node->item_count; i++) {
        if (scenario->input_count > 0 && !scenario->input[scenario->input_count - 1].text) {
            diag_error(parser->diags, node->items[i]->place,
                       "input: there is nothing behind `end`");
            return;
        }
        parse_piece(parser, node->items[i]);
    }
}
