/* SPDX-License-Identifier: MIT
 *
 * Builds the tree from libyaml's events, which carry marks.  An explicit stack of open collections
 * (at most YAML_DEPTH_MAX) replaces recursion, so hostile nesting costs nothing; size and node
 * count are bounded, aliases (the "billion laughs") refused.
 *
 * Text is checked to be UTF-8 without control characters first: a binary file gets one clear line
 * instead of whatever the YAML scanner stumbles over.  Must never guess: anything unusual is an
 * error with its place.
 */
#include "scenario/yaml_tree.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <yaml.h>

struct builder {
    struct arena *arena;
    struct diags *diags;
    const char *file;
    const char *text; /* the whole file, for hints */
    size_t length;
    struct ynode *open[YAML_DEPTH_MAX]; /* collections not yet closed, outermost first */
    struct ynode *key[YAML_DEPTH_MAX];  /* mapping: the key whose value comes next, or NULL */
    size_t depth;
    size_t nodes, rules_nodes, rule_nodes;
    bool in_rules; /* below `faults` */
    struct ynode *root;
};

static struct place place_of(const char *file, yaml_mark_t mark)
{
    return (struct place){ file, (unsigned)mark.line + 1, (unsigned)mark.column + 1 };
}

/* Length of the UTF-8 sequence at `text`, or 0 when it is not one. */
static size_t utf8_length(const unsigned char *text, size_t left)
{
    unsigned char first = text[0];
    size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first > 0xf4 || length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if ((first == 0xe0 && text[1] < 0xa0) || (first == 0xf0 && text[1] < 0x90) ||
        (first == 0xed && text[1] > 0x9f) || (first == 0xf4 && text[1] > 0x8f))
        return 0; /* overlong, surrogate, beyond Unicode */
    return length;
}

static bool check_text(const char *file, const char *text, size_t length, struct diags *diags)
{
    struct place place = { file, 1, 1 };
    for (size_t at = 0; at < length;) {
        unsigned char byte = (unsigned char)text[at];
        size_t step = utf8_length((const unsigned char *)text + at, length - at);
        if (step == 0 || (byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') ||
            byte == 0x7f) {
            diag_error(diags, place, "byte 0x%02x: not a text file (expected YAML in UTF-8)", byte);
            return false;
        }
        if (byte == '\n') {
            place.line++;
            place.column = 1;
        } else {
            place.column++;
        }
        at += step;
    }
    return true;
}

/* Offset of the start of a line (from 0) in the file.  (The marks' own index counts characters.) */
static size_t line_offset(const struct builder *builder, size_t line)
{
    size_t at = 0;
    for (; line > 0 && at < builder->length; line--) {
        const char *end = memchr(builder->text + at, '\n', builder->length - at);
        at = end ? (size_t)(end - builder->text) + 1 : builder->length;
    }
    return at;
}

/* The spaces that YAML took away from each line of a `|` block: what the first line that is not
 * blank has more in the file than in the value. */
static unsigned block_indent(const struct builder *builder, size_t line, const char *value)
{
    while (*value == '\n') {
        value++;
        line++;
    }
    size_t in_file = 0, at = line_offset(builder, line);
    while (at + in_file < builder->length && builder->text[at + in_file] == ' ')
        in_file++;
    size_t in_value = strspn(value, " ");
    return in_file > in_value ? (unsigned)(in_file - in_value) : 0;
}

static void syntax_error(struct builder *builder, const yaml_parser_t *parser)
{
    struct place place = place_of(builder->file, parser->problem_mark);
    size_t at = line_offset(builder, parser->problem_mark.line);
    while (at < builder->length && builder->text[at] == ' ')
        at++;
    const char *hint = "";
    if (at < builder->length && builder->text[at] == '\t')
        hint = "; YAML indents with spaces, not tabs";
    else if (parser->problem && strstr(parser->problem, "mapping values are not allowed"))
        hint = "; text that contains ': ' needs quotes, and keys of one mapping the same indent";
    else if (parser->context && strstr(parser->context, "scanning an alias"))
        hint = ": a text that begins with * is written in quotes";
    else if (parser->problem && strstr(parser->problem, "could not find expected ':'"))
        hint = "; a key is followed by ': ' and its value";
    diag_error(builder->diags, place, "not valid YAML: %s%s%s%s",
               parser->problem ? parser->problem : "unreadable", parser->context ? " " : "",
               parser->context ? parser->context : "", hint);
}

/* One more value: are there too many?  Each rule of faults has a count of its own. */
static bool count(struct builder *builder, const struct ynode *node)
{
    size_t most = YAML_NODES_MAX;
    bool too_many;
    if (builder->depth <= 1)
        builder->in_rules = false;
    if (builder->depth == 2)
        builder->rule_nodes = 0;
    if (builder->in_rules) {
        most = YAML_RULES_NODES_MAX;
        if (++builder->rule_nodes > YAML_RULE_NODES_MAX)
            most = YAML_RULE_NODES_MAX;
        too_many = ++builder->rules_nodes > most || builder->rule_nodes > YAML_RULE_NODES_MAX;
    } else {
        too_many = ++builder->nodes > most;
    }
    if (too_many)
        diag_error(builder->diags, node->place, "more than %zu values: too large for a scenario",
                   most);
    return !too_many;
}

/* Puts `node` where the innermost open collection expects the next one. */
static bool attach(struct builder *builder, struct ynode *node)
{
    if (!count(builder, node))
        return false;
    if (builder->depth == 0) {
        assert(!builder->root);
        builder->root = node;
        return true;
    }
    struct ynode *parent = builder->open[builder->depth - 1];
    if (parent->kind == YNODE_SEQUENCE) {
        arena_grow(builder->arena, (void **)&parent->items, &parent->item_capacity,
                   parent->item_count, sizeof(struct ynode *));
        parent->items[parent->item_count++] = node;
        return true;
    }
    struct ynode **key = &builder->key[builder->depth - 1];
    if (!*key) {
        if (node->kind != YNODE_SCALAR) {
            diag_error(builder->diags, node->place, "expected a key, found %s", ynode_what(node));
            return false;
        }
        *key = node;
        return true;
    }
    const struct ynode *first = ynode_get(parent, (*key)->text);
    if (first) {
        /* The first one stays; find where its key stood for the message. */
        unsigned line = first->place.line;
        for (size_t i = 0; i < parent->pair_count; i++)
            if (parent->pairs[i].value == first)
                line = parent->pairs[i].key->place.line;
        diag_error(builder->diags, (*key)->place,
                   "key '%s' stands here a second time; the first is in line %u", (*key)->text,
                   line);
    } else {
        arena_grow(builder->arena, (void **)&parent->pairs, &parent->pair_capacity,
                   parent->pair_count, sizeof(struct ypair));
        parent->pairs[parent->pair_count++] = (struct ypair){ *key, node };
    }
    builder->in_rules =
        builder->depth == 1 ? strcmp((*key)->text, "faults") == 0 : builder->in_rules;
    *key = NULL;
    return true;
}

static bool open_collection(struct builder *builder, enum ynode_kind kind,
                            const yaml_char_t *anchor, const yaml_char_t *tag, yaml_mark_t mark)
{
    struct ynode *node = arena_alloc(builder->arena, sizeof(*node));
    node->kind = kind;
    node->place = place_of(builder->file, mark);
    if (anchor || tag) {
        diag_error(builder->diags, node->place,
                   "anchors and tags (%s%s) are not used in scenarios: write the value itself",
                   anchor ? "&" : "", (const char *)(anchor ? anchor : tag));
        return false;
    }
    if (builder->depth == YAML_DEPTH_MAX) {
        diag_error(builder->diags, node->place, "nested deeper than %d levels", YAML_DEPTH_MAX);
        return false;
    }
    if (!attach(builder, node))
        return false;
    builder->open[builder->depth] = node;
    builder->key[builder->depth] = NULL;
    builder->depth++;
    return true;
}

static bool add_scalar(struct builder *builder, const yaml_event_t *event)
{
    struct ynode *node = arena_alloc(builder->arena, sizeof(*node));
    node->kind = YNODE_SCALAR;
    node->place = place_of(builder->file, event->start_mark);
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (event->data.scalar.anchor || event->data.scalar.tag) {
        diag_error(builder->diags, node->place,
                   "anchors and tags are not used in scenarios: write the value itself");
        return false;
    }
    if (strlen(text) != length) {
        diag_error(builder->diags, node->place, "the text contains a zero character (\\0)");
        return false;
    }
    node->text = arena_text(builder->arena, text, length);
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->literal = event->data.scalar.style == YAML_LITERAL_SCALAR_STYLE;
    if (node->literal)
        node->block_indent = block_indent(builder, event->start_mark.line + 1, text);
    return attach(builder, node);
}

/* Returns false when parsing must stop (after an error). */
static bool take_event(struct builder *builder, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (builder->root) {
            diag_error(builder->diags, place_of(builder->file, event->start_mark),
                       "a second document starts here: a file holds one scenario");
            return false;
        }
        return true;
    case YAML_ALIAS_EVENT:
        diag_error(
            builder->diags, place_of(builder->file, event->start_mark),
            "aliases (*%s) are not used in scenarios: write the value itself, and a text that "
            "begins with * in quotes",
            (const char *)event->data.alias.anchor);
        return false;
    case YAML_SCALAR_EVENT:
        return add_scalar(builder, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_collection(builder, YNODE_SEQUENCE, event->data.sequence_start.anchor,
                               event->data.sequence_start.tag, event->start_mark);
    case YAML_MAPPING_START_EVENT:
        return open_collection(builder, YNODE_MAPPING, event->data.mapping_start.anchor,
                               event->data.mapping_start.tag, event->start_mark);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        assert(builder->depth > 0);
        builder->depth--;
        return true;
    default:
        return true;
    }
}

struct ynode *yaml_parse(struct arena *arena, const char *file, const char *text, size_t length,
                         struct diags *diags)
{
    struct builder builder = {
        .arena = arena, .diags = diags, .file = file, .text = text, .length = length
    };
    if (length > YAML_FILE_MAX_BYTES) {
        diag_error(diags, (struct place){ file, 0, 0 }, "%zu bytes: a scenario has at most %d",
                   length, YAML_FILE_MAX_BYTES);
        return NULL;
    }
    if (!check_text(file, text, length, diags))
        return NULL;

    size_t errors_before = diags->errors;
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        diag_error(diags, (struct place){ file, 0, 0 }, "libyaml cannot start: out of memory");
        return NULL;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    bool going = true;
    while (going) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            syntax_error(&builder, &parser);
            break;
        }
        going = take_event(&builder, &event) && event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (!builder.root && diags->errors == errors_before)
        diag_error(diags, (struct place){ file, 1, 1 },
                   "the file is empty: expected at least the keys scenario and boot");
    /* Duplicate keys leave a usable tree, so that later passes can report more in the same run;
     * everything else ends with collections still open. */
    return builder.depth == 0 ? builder.root : NULL;
}

bool ynode_is_empty(const struct ynode *node)
{
    return node->kind == YNODE_SCALAR && node->plain &&
           (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
            strcmp(node->text, "null") == 0 || strcmp(node->text, "Null") == 0 ||
            strcmp(node->text, "NULL") == 0);
}

const char *ynode_what(const struct ynode *node)
{
    if (node->kind == YNODE_MAPPING)
        return "a mapping";
    if (node->kind == YNODE_SEQUENCE)
        return "a list";
    return ynode_is_empty(node) ? "nothing" : "text";
}

struct ynode *ynode_get(const struct ynode *mapping, const char *key)
{
    assert(mapping->kind == YNODE_MAPPING);
    for (size_t i = 0; i < mapping->pair_count; i++)
        if (strcmp(mapping->pairs[i].key->text, key) == 0)
            return mapping->pairs[i].value;
    return NULL;
}

static void set_places(struct ynode *node, struct place place)
{
    node->place = place;
    for (size_t i = 0; i < node->item_count; i++)
        set_places(node->items[i], place);
    for (size_t i = 0; i < node->pair_count; i++) {
        node->pairs[i].key->place = place;
        set_places(node->pairs[i].value, place);
    }
}

/* Where the value for `segment` of `node` is kept; made when a mapping lacks the key.  NULL after
 * an error. */
static struct ynode **slot_for(struct arena *arena, struct ynode *node, const char *segment,
                               struct place place, struct diags *diags)
{
    if (node->kind == YNODE_SEQUENCE) {
        size_t index = 0;
        bool number = segment[0] != '\0';
        for (const char *digit = segment; *digit && number; digit++) {
            number = *digit >= '0' && *digit <= '9' && index <= YAML_NODES_MAX;
            index = index * 10 + (size_t)(*digit - '0');
        }
        if (!number || index >= node->item_count) {
            diag_error(diags, place, "'%s': expected an index below %zu (a list stands here)",
                       segment, node->item_count);
            return NULL;
        }
        return &node->items[index];
    }
    if (node->kind != YNODE_MAPPING) {
        diag_error(diags, place, "'%s': the value above it has no keys", segment);
        return NULL;
    }
    for (size_t i = 0; i < node->pair_count; i++)
        if (strcmp(node->pairs[i].key->text, segment) == 0)
            return &node->pairs[i].value;
    struct ynode *key = arena_alloc(arena, sizeof(*key));
    key->text = arena_string(arena, segment);
    key->plain = true;
    key->place = place;
    arena_grow(arena, (void **)&node->pairs, &node->pair_capacity, node->pair_count,
               sizeof(struct ypair));
    struct ypair *pair = &node->pairs[node->pair_count++];
    *pair = (struct ypair){ .key = key };
    return &pair->value;
}

void yaml_override(struct arena *arena, struct ynode *root, const char *assignment,
                   struct diags *diags)
{
    struct place place = { arena_printf(arena, "--set %s", assignment), 0, 0 };
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment) {
        diag_error(diags, place, "expected KEY.KEY=VALUE, as in --set machine.cores=4");
        return;
    }
    struct ynode *value = NULL;
    if (equals[1])
        value = yaml_parse(arena, place.file, equals + 1, strlen(equals + 1), diags);
    if (!value) {
        if (!equals[1])
            diag_error(diags, place, "expected a value after '='");
        return;
    }
    set_places(value, place);

    char *path = arena_text(arena, assignment, (size_t)(equals - assignment));
    struct ynode *node = root;
    for (char *segment = path, *next; segment; segment = next) {
        next = strchr(segment, '.');
        if (next)
            *next++ = '\0';
        if (!*segment) {
            diag_error(diags, place, "an empty key; expected KEY.KEY=VALUE");
            return;
        }
        struct ynode **slot = slot_for(arena, node, segment, place, diags);
        if (!slot)
            return;
        if (!next) {
            *slot = value;
            return;
        }
        if (!*slot || ynode_is_empty(*slot)) {
            struct ynode *mapping = arena_alloc(arena, sizeof(*mapping));
            mapping->kind = YNODE_MAPPING;
            mapping->place = place;
            *slot = mapping;
        }
        node = *slot;
    }
}
