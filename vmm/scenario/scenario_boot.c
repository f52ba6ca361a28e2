/* SPDX-License-Identifier: MIT
 *
 * The `boot` section, which comes in three forms:
 *
 *     boot: |                 a menu as a block of text
 *     boot: [...]             a list of menu lines
 *     boot:                   a menu file (beside the scenario), and lines to add to it
 *       menu: FILE
 *       add: [...] or |
 *
 * Each menu line knows where it was written, in the menu file or in the YAML file, so an error
 * points at the line to mend.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/parse.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The lines of a `|` block stand one for one below the node's line, indented. */
static void parse_block(struct parser *parser, const struct ynode *node)
{
    struct place place = node->place;
    const char *text = node->text;
    if (place.line) {
        place.line++;
        place.column = 1 + node->block_indent;
    }
    while (*text) {
        size_t length = strcspn(text, "\n");
        menu_parse_line(parser->arena, arena_text(parser->arena, text, length), place,
                        &parser->scenario->menu, parser->diags);
        text += length;
        text += *text == '\n';
        place.line += place.line != 0;
    }
}

/* Lines as a list or as a block.  Returns false if it is neither. */
static bool parse_lines(struct parser *parser, const struct ynode *node, const char *what)
{
    if (node->kind == YNODE_SEQUENCE) {
        for (size_t i = 0; i < node->item_count; i++) {
            const struct ynode *item = node->items[i];
            const char *line;
            if (!parse_text(parser, item, "a menu line", &line))
                continue;
            if (strchr(line, '\n')) {
                diag_error(parser->diags, item->place, "a menu line that spans several lines");
                continue;
            }
            struct place place = item->place;
            if (!item->plain && place.column)
                place.column++; /* behind the quote */
            menu_parse_line(parser->arena, line, place, &parser->scenario->menu, parser->diags);
        }
        return true;
    }
    if (node->kind == YNODE_SCALAR && node->literal) {
        parse_block(parser, node);
        return true;
    }
    diag_error(parser->diags, node->place,
               "%s: expected menu lines, as a list (- kernel /boot/cpu) or as a block behind '|', "
               "found %s",
               what, ynode_what(node));
    return false;
}

static void parse_menu_file(struct parser *parser, const struct ynode *value, void *object)
{
    const char *name;
    (void)object;
    if (!parse_text(parser, value, "menu", &name))
        return;
    const char *slash = strrchr(parser->scenario->file, '/');
    const char *path = name;
    if (name[0] != '/' && slash)
        path = arena_printf(parser->arena, "%.*s/%s", (int)(slash - parser->scenario->file),
                            parser->scenario->file, name);
    size_t length;
    char *text = read_text_file(parser->arena, path, value->place, &length, parser->diags);
    if (text)
        menu_parse_text(parser->arena, path, text, length, &parser->scenario->menu, parser->diags);
}

static void parse_add(struct parser *parser, const struct ynode *value, void *object)
{
    (void)object;
    parse_lines(parser, value, "add");
}

/* The order matters: added lines come behind those of the file. */
static const struct key boot_keys[] = {
    { "menu", true, parse_menu_file },
    { "add", false, parse_add },
};

void parse_boot(struct parser *parser, const struct ynode *node)
{
    size_t errors_before = parser->diags->errors;
    bool whole;
    if (node->kind == YNODE_MAPPING)
        whole = parse_mapping(parser, node, "boot", boot_keys, COUNT(boot_keys), NULL);
    else
        whole = parse_lines(parser, node, "boot");
    if (!whole)
        return;
    /* With lines refused above, "no init" may only be their echo; cores are checked regardless, if
     * we know how many there are. */
    if (parser->diags->errors == errors_before) {
        menu_check(&parser->scenario->menu,
                   parser->cores_unknown ? 0 : parser->scenario->machine.core_count, node->place,
                   parser->diags);
    } else if (!parser->cores_unknown) {
        for (size_t i = 0; i < parser->scenario->menu.module_count; i++)
            menu_check_cores(&parser->scenario->menu.modules[i],
                             parser->scenario->machine.core_count, parser->diags);
    }
}
