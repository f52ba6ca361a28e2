/* SPDX-License-Identifier: MIT
 *
 * The grammar in docs/idl.md against the parser: random files derived from the rules must parse,
 * and derived files with one token changed must parse exactly if an independent recogniser of the
 * same rules accepts them.  So neither can change without the other.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../../idl/arena.h"
#include "../../idl/lexer.h"
#include "../../idl/parser.h"
#include "../idl/random_interface.h"

/* link: tests/idl/random_interface.c */

/* ---- the rules ---- */

enum node_kind { SEQUENCE, CHOICE, OPTION, REPEAT, WORD, RULE };

struct node {
    enum node_kind kind;
    const char *text; /* WORD, RULE */
    struct node *child, *next;
};

struct rule {
    const char *name;
    struct node *node;
    struct rule *next;
};

static struct idl_arena *arena;
static struct rule *rules;
static const char *cursor;

static struct node *new_node(enum node_kind kind)
{
    struct node *n = idl_arena_alloc(arena, sizeof(*n));
    n->kind = kind;
    return n;
}

static void skip_blanks(void)
{
    while (*cursor == ' ' || *cursor == '\n')
        cursor++;
}

static struct node *read_choice(void);

/* True at the beginning of the next rule: `name =`. */
static bool at_rule(void)
{
    const char *p = cursor;
    while ((*p >= 'a' && *p <= 'z'))
        p++;
    if (p == cursor)
        return false;
    while (*p == ' ')
        p++;
    return *p == '=';
}

static struct node *read_item(void)
{
    skip_blanks();
    struct node *n;
    if (*cursor == '"') {
        const char *end = strchr(cursor + 1, '"');
        n = new_node(WORD);
        n->text = idl_arena_text(arena, cursor + 1, (size_t)(end - cursor - 1));
        cursor = end + 1;
    } else if (*cursor == '[' || *cursor == '{') {
        char close = *cursor == '[' ? ']' : '}';
        n = new_node(*cursor == '[' ? OPTION : REPEAT);
        cursor++;
        n->child = read_choice();
        skip_blanks();
        cr_assert_eq(*cursor, close, "grammar: '%c' missing at: %.30s", close, cursor);
        cursor++;
    } else {
        const char *start = cursor;
        while (*cursor >= 'a' && *cursor <= 'z')
            cursor++;
        cr_assert_gt(cursor, start, "grammar: unexpected: %.30s", cursor);
        n = new_node(RULE);
        n->text = idl_arena_text(arena, start, (size_t)(cursor - start));
    }
    return n;
}

static struct node *read_sequence(void)
{
    struct node *n = new_node(SEQUENCE), **tail = &n->child;
    for (;;) {
        skip_blanks();
        if (*cursor == '\0' || strchr("|]}`", *cursor) != NULL || at_rule())
            return n;
        *tail = read_item();
        tail = &(*tail)->next;
    }
}

static struct node *read_choice(void)
{
    struct node *n = new_node(CHOICE), **tail = &n->child;
    for (;;) {
        *tail = read_sequence();
        tail = &(*tail)->next;
        skip_blanks();
        if (*cursor != '|')
            return n;
        cursor++;
    }
}

static void read_grammar(void)
{
    static char text[65536];
    FILE *file = fopen("docs/idl.md", "r");
    cr_assert_not_null(file, "docs/idl.md: run from the repository's root");
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    arena = idl_arena_new();
    cursor = strstr(text, "```grammar\n");
    cr_assert_not_null(cursor);
    cursor += strlen("```grammar\n");
    struct rule **tail = &rules;
    for (skip_blanks(); *cursor != '`'; skip_blanks()) {
        struct rule *r = idl_arena_alloc(arena, sizeof(*r));
        const char *start = cursor;
        cr_assert(at_rule(), "grammar: expected a rule: %.30s", cursor);
        while (*cursor >= 'a' && *cursor <= 'z')
            cursor++;
        r->name = idl_arena_text(arena, start, (size_t)(cursor - start));
        skip_blanks();
        cursor++; /* = */
        r->node = read_choice();
        *tail = r;
        tail = &r->next;
    }
}

static const struct node *find_rule(const char *name)
{
    for (const struct rule *r = rules; r != NULL; r = r->next)
        if (strcmp(r->name, name) == 0)
            return r->node;
    return NULL;
}

/* ---- words that are not rules ---- */

static const char *const reserved[] = { "interface", "message", "rpc", "in", "out" };
static const char *const string_types[] = { "String", "string", "STRING" };
static const char *const names[] = { "a",    "b_c",  "x1",  "alias",    "typedef",   "struct",
                                     "enum", "call", "msg", "response", "Long_Name", "uint8" };
static const char *const types[] = { "uint8", "int", "bool", "errval", "cap", "alias", "mine" };
#define PICK(list) list[random_next(state) % (sizeof(list) / sizeof((list)[0]))]

static bool is_one_of(const char *const *list, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], word) == 0)
            return true;
    return false;
}

#define MAX_TOKENS 400
static char tokens[MAX_TOKENS][24];
static unsigned token_count;

static void emit(const char *text)
{
    if (token_count < MAX_TOKENS)
        snprintf(tokens[token_count++], sizeof(tokens[0]), "%s", text);
}

static void derive(const struct node *n, uint64_t *state, unsigned depth)
{
    unsigned count = 0;
    switch (n->kind) {
    case SEQUENCE:
        for (const struct node *c = n->child; c != NULL; c = c->next)
            derive(c, state, depth + 1);
        break;
    case CHOICE: {
        for (const struct node *c = n->child; c != NULL; c = c->next)
            count++;
        unsigned which = (unsigned)(random_next(state) % count);
        const struct node *c = n->child;
        while (which-- > 0)
            c = c->next;
        derive(c, state, depth + 1);
        break;
    }
    case OPTION:
        if (random_next(state) % 2)
            derive(n->child, state, depth + 1);
        break;
    case REPEAT:
        while (random_next(state) % 3 && token_count < MAX_TOKENS / 2)
            derive(n->child, state, depth + 1);
        break;
    case WORD:
        emit(n->text);
        break;
    case RULE:
        if (find_rule(n->text) != NULL)
            derive(find_rule(n->text), state, depth + 1);
        else if (strcmp(n->text, "name") == 0)
            emit(PICK(names));
        else if (strcmp(n->text, "number") == 0)
            emit(random_next(state) % 2 ? "17" : "0x20");
        else if (strcmp(n->text, "string") == 0)
            emit("\"text\"");
        else if (strcmp(n->text, "stringtype") == 0)
            emit(PICK(string_types));
        else if (strcmp(n->text, "typename") == 0 || strcmp(n->text, "plaintype") == 0)
            emit(PICK(types));
        else
            cr_assert_fail("grammar: no rule %s", n->text);
    }
}

/* ---- the recogniser: sets of positions, so that no order of choices matters ---- */

typedef bool positions[MAX_TOKENS + 1];

static bool terminal_matches(const char *rule, const char *token)
{
    bool letter = (token[0] >= 'a' && token[0] <= 'z') || (token[0] >= 'A' && token[0] <= 'Z') ||
                  token[0] == '_';
    bool is_name = letter && !is_one_of(reserved, 5, token);
    if (strcmp(rule, "name") == 0)
        return is_name;
    if (strcmp(rule, "number") == 0)
        return token[0] >= '0' && token[0] <= '9';
    if (strcmp(rule, "string") == 0)
        return token[0] == '"';
    if (strcmp(rule, "stringtype") == 0)
        return is_one_of(string_types, 3, token);
    return is_name && !(strcmp(rule, "plaintype") == 0 && is_one_of(string_types, 3, token));
}

static void recognise(const struct node *n, const positions from, positions to)
{
    memset(to, 0, sizeof(positions));
    switch (n->kind) {
    case SEQUENCE: {
        positions at, after;
        memcpy(at, from, sizeof(positions));
        for (const struct node *c = n->child; c != NULL; c = c->next) {
            recognise(c, at, after);
            memcpy(at, after, sizeof(positions));
        }
        memcpy(to, at, sizeof(positions));
        break;
    }
    case CHOICE:
        for (const struct node *c = n->child; c != NULL; c = c->next) {
            positions after;
            recognise(c, from, after);
            for (unsigned i = 0; i <= token_count; i++)
                to[i] |= after[i];
        }
        break;
    case OPTION:
        recognise(n->child, from, to);
        for (unsigned i = 0; i <= token_count; i++)
            to[i] |= from[i];
        break;
    case REPEAT: {
        positions at, after;
        memcpy(at, from, sizeof(positions));
        memcpy(to, from, sizeof(positions));
        for (bool grown = true; grown; memcpy(at, after, sizeof(positions))) {
            grown = false;
            recognise(n->child, at, after);
            for (unsigned i = 0; i <= token_count; i++) {
                grown |= after[i] && !to[i];
                after[i] = after[i] && !to[i];
                to[i] |= after[i];
            }
        }
        break;
    }
    case WORD:
    case RULE:
        if (n->kind == RULE && find_rule(n->text) != NULL) {
            recognise(find_rule(n->text), from, to);
            break;
        }
        for (unsigned i = 0; i < token_count; i++)
            if (from[i] && (n->kind == WORD ? strcmp(tokens[i], n->text) == 0
                                            : terminal_matches(n->text, tokens[i])))
                to[i + 1] = true;
    }
}

static bool grammar_accepts(void)
{
    positions from = { false }, to;
    from[0] = true;
    recognise(find_rule("file"), from, to);
    return to[token_count];
}

static bool parser_accepts(char *text, size_t size)
{
    size_t length = 0;
    for (unsigned i = 0; i < token_count; i++)
        length += (size_t)snprintf(text + length, size - length, "%s ", tokens[i]);
    struct idl_arena *a = idl_arena_new();
    struct idl_diag diag;
    idl_diag_init(&diag, a);
    idl_parse(a, &diag, idl_source_from_text(a, "g.if", text, length));
    bool accepted = diag.errors == 0;
    idl_diag_fini(&diag);
    idl_arena_free(a);
    return accepted;
}

/* What the parser refuses though the syntax is right: sizes. */
static bool sizes_are_fine(void)
{
    for (unsigned i = 0; i < token_count; i++)
        if (strcmp(tokens[i], "0") == 0)
            return false;
    return true;
}

Test(idl_grammar, what_the_rules_derive_is_accepted)
{
    static char text[MAX_TOKENS * 24];
    unsigned tried = 0;
    read_grammar();
    for (uint64_t seed = 1; seed <= 5000; seed++) {
        uint64_t state = seed;
        token_count = 0;
        derive(find_rule("file"), &state, 0);
        if (token_count >= MAX_TOKENS)
            continue;
        tried++;
        cr_assert(grammar_accepts(), "the recogniser is wrong, seed %llu",
                  (unsigned long long)seed);
        cr_assert(parser_accepts(text, sizeof(text)), "refused: %s", text);
    }
    cr_assert_gt(tried, 4000);
    idl_arena_free(arena);
}

Test(idl_grammar, what_the_rules_do_not_derive_is_refused)
{
    static char text[MAX_TOKENS * 24];
    static const char *const changes[] = { ";",  ",",   "(",      ")",       "[",
                                           "]",  "{",   "}",      "@",       "=",
                                           "a",  "7",   "struct", "rpc",     "interface",
                                           "in", "out", "String", "typedef", "message" };
    unsigned refused = 0;
    read_grammar();
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        uint64_t state = seed;
        token_count = 0;
        derive(find_rule("file"), &state, 0);
        if (token_count >= MAX_TOKENS - 1 || token_count > 150)
            continue;
        unsigned at = (unsigned)(random_next(&state) % token_count);
        switch (random_next(&state) % 3) {
        case 0: /* another token */
            snprintf(tokens[at], sizeof(tokens[0]), "%s",
                     changes[random_next(&state) % (sizeof(changes) / sizeof(changes[0]))]);
            break;
        case 1: /* one less */
            memmove(tokens[at], tokens[at + 1], (token_count - at - 1) * sizeof(tokens[0]));
            token_count--;
            break;
        default: /* twice */
            memmove(tokens[at + 1], tokens[at], (token_count - at) * sizeof(tokens[0]));
            token_count++;
        }
        bool expected = grammar_accepts() && sizes_are_fine();
        cr_assert_eq(parser_accepts(text, sizeof(text)), expected, "%s by the rules: %s",
                     expected ? "right" : "wrong", text);
        refused += !expected;
    }
    cr_assert_gt(refused, 5000);
    idl_arena_free(arena);
}
