/* SPDX-License-Identifier: MIT
 *
 * The parser (parser.h): recursive descent with two tokens of look-ahead over both dialects of the
 * language (docs/idl.md has the grammar, and a test holds it against this file).
 *
 * Hardly a word is reserved: `alias`, `typedef`, `call`, `msg`, `struct` begin a declaration only
 * where one can begin, and then only if what follows fits.  After an error the parser skips to the
 * end of the declaration (parser_tokens.c), so each mistake is told once.
 * Must always consume at least one token in each round: hang-freedom rests on it.
 */
#include <assert.h>
#include <string.h>

#include "findings/words.h"
#include "hints.h"
#include "parser_priv.h"

/* ---- types ---- */

static bool parse_type_ref(struct idl_parser *p, struct idl_type_ref *ref, const char *what)
{
    if (idl_is_word(&p->token, "in") || idl_is_word(&p->token, "out"))
        idl_expected(p, what, "an argument goes one way: declare one `in` and one `out`");
    else if (p->token.kind == IDL_TOKEN_NAME && idl_is_reserved(p->token.text))
        idl_expected(p, what, "this word begins a declaration: is the one before it closed?");
    ref->name = idl_expect_name(p, what, &ref->place);
    return ref->name != NULL;
}

static void parse_struct(struct idl_parser *p, struct idl_type *type)
{
    struct idl_field **tail = &type->fields;
    type->kind = IDL_TYPE_STRUCT;
    if (idl_expect(p, '{', "after 'struct'"))
        p->braces++;
    while (!p->failed && !idl_is_punctuation(&p->token, '}')) {
        struct idl_field *field = idl_arena_alloc(p->arena, sizeof(*field));
        if (!parse_type_ref(p, &field->type, "the type of a field"))
            break;
        field->name = idl_expect_name(p, "the name of the field", &field->place);
        if (p->failed)
            break;
        if (idl_is_punctuation(&p->token, '[')) {
            idl_expected(
                p, "';'",
                "a field has no brackets: declare `typedef TYPE name[N];` before and use it");
            break;
        }
        if (idl_is_punctuation(&p->token, ',')) {
            idl_expected(p, "';'", "each field is declared by itself: `int a; int b;`");
            break;
        }
        idl_expect_semicolon(p, "the field");
        *tail = field;
        tail = &field->next;
    }
    if (!p->failed && type->fields == NULL)
        idl_error(p->diag, p->token.place, NULL, "a struct needs at least one field");
    if (idl_expect(p, '}', "at the end of the struct"))
        p->braces--;
}

static void parse_enum(struct idl_parser *p, struct idl_type *type)
{
    struct idl_enumerator **tail = &type->enumerators;
    type->kind = IDL_TYPE_ENUM;
    if (idl_expect(p, '{', "after 'enum'"))
        p->braces++;
    do {
        struct idl_enumerator *e = idl_arena_alloc(p->arena, sizeof(*e));
        e->name = idl_expect_name(p, "the name of an enumerator", &e->place);
        if (e->name == NULL)
            break;
        if (idl_is_punctuation(&p->token, '=')) {
            idl_expected(p, "',' or '}'", "values are given in order, from 0");
            break;
        }
        *tail = e;
        tail = &e->next;
    } while (idl_accept(p, ','));
    if (!p->failed && !idl_is_punctuation(&p->token, '}'))
        idl_expected(p, "',' or '}' after the enumerator", NULL);
    if (idl_expect(p, '}', "at the end of the enum"))
        p->braces--;
}

static bool begins_body(const struct idl_parser *p, const char *word)
{
    return idl_is_word(&p->token, word) && idl_is_punctuation(&p->ahead, '{');
}

/* `struct name {`, as C has it: the name is wrong there, the rest is read as if it were not. */
static bool is_tagged(struct idl_parser *p, const struct idl_type *type)
{
    bool is_struct = type->target.name != NULL && strcmp(type->target.name, "struct") == 0;
    bool is_enum = type->target.name != NULL && strcmp(type->target.name, "enum") == 0;
    if (p->failed || !(is_struct || is_enum) || !idl_is_punctuation(&p->token, '{'))
        return false;
    idl_error(p->diag, type->place,
              idl_arena_printf(p->arena, "write `typedef %s { ... } %.40s;`", type->target.name,
                               type->name),
              "the name of %s stands behind its %s", is_struct ? "a struct" : "an enum",
              is_struct ? "fields" : "enumerators");
    return true;
}

/* Behind the word `typedef`. */
static void parse_typedef(struct idl_parser *p, struct idl_type *type)
{
    if (begins_body(p, "struct")) {
        idl_advance(p);
        parse_struct(p, type);
        type->name = idl_expect_name(p, "the name of the struct", &type->place);
    } else if (begins_body(p, "enum")) {
        idl_advance(p);
        parse_enum(p, type);
        type->name = idl_expect_name(p, "the name of the enum", &type->place);
    } else {
        type->kind = IDL_TYPE_TYPEDEF;
        parse_type_ref(p, &type->target, "a type");
        type->name = idl_expect_name(p, "the name of the new type", &type->place);
        if (is_tagged(p, type)) {
            if (strcmp(type->target.name, "struct") == 0)
                parse_struct(p, type);
            else
                parse_enum(p, type);
            if (p->token.kind == IDL_TOKEN_NAME)
                type->name = idl_expect_name(p, "the name of the type", &type->place);
        } else if (!p->failed && idl_accept(p, '[')) {
            type->kind = IDL_TYPE_ARRAY;
            type->elements = idl_expect_number(p, "the number of elements", &type->elements_place);
            idl_expect(p, ']', "after the number of elements");
            if (!p->failed && (type->elements == 0 || type->elements > IDL_LIMIT_MAX))
                idl_error(p->diag, type->elements_place, NULL, "an array has 1 to %d elements",
                          IDL_LIMIT_MAX);
        }
    }
    idl_expect_semicolon(p, "the type declaration");
}

static void parse_alias(struct idl_parser *p, struct idl_type *type)
{
    idl_advance(p);
    type->kind = IDL_TYPE_ALIAS;
    type->name = idl_expect_name(p, "the new name", &type->place);
    parse_type_ref(p, &type->target, "the name of a builtin type");
    idl_expect_semicolon(p, "the alias");
}

/* ---- messages ---- */

static struct idl_attribute *parse_attributes(struct idl_parser *p)
{
    struct idl_attribute *first = NULL, **tail = &first;
    while (!p->failed && idl_accept(p, '@')) {
        struct idl_place place;
        const char *backend = idl_expect_name(p, "the name of a backend", &place);
        if (!idl_expect(p, '(', "after the backend"))
            break;
        do {
            struct idl_attribute *a = idl_arena_alloc(p->arena, sizeof(*a));
            a->backend = backend;
            a->key = idl_expect_name(p, "the name of an attribute", &a->place);
            idl_expect(p, '=', "after the attribute's name");
            if (p->failed)
                break;
            if (p->token.kind == IDL_TOKEN_NUMBER) {
                a->value = idl_arena_printf(p->arena, "%llu", (unsigned long long)p->token.number);
                idl_advance(p);
            } else {
                a->value = idl_expect_name(p, "a number or the name of an argument", &place);
            }
            *tail = a;
            tail = &a->next;
        } while (idl_accept(p, ','));
        idl_expect(p, ')', "after the attributes");
    }
    return first;
}

static bool is_string_name(const char *name)
{
    return strcmp(name, "String") == 0 || strcmp(name, "string") == 0 ||
           strcmp(name, "STRING") == 0;
}

/* `[` after the name of an argument: a maximum, or the name of the length and a maximum. */
static void parse_brackets(struct idl_parser *p, struct idl_argument *a)
{
    if (!idl_accept(p, '['))
        return;
    if (p->token.kind == IDL_TOKEN_NUMBER) {
        a->max = idl_expect_number(p, "the maximum", &a->max_place);
        a->has_max = true;
        if (a->kind != IDL_ARGUMENT_STRING) {
            idl_error(p->diag, a->max_place,
                      idl_arena_printf(p->arena,
                                       "name the length: `%.40s %.40s[%.32s_length, %llu]`; for a "
                                       "fixed size declare a typedef",
                                       a->type.name, a->name, a->name, (unsigned long long)a->max),
                      "an array argument has a length of its own");
            a->kind = IDL_ARGUMENT_ARRAY;
            a->length_name = idl_arena_printf(p->arena, "%s_length", a->name);
            a->length_place = a->place;
            while (idl_is_punctuation(&p->token, ',') && p->ahead.kind == IDL_TOKEN_NAME) {
                idl_advance(p); /* `[2048, length]`: said already */
                idl_advance(p);
            }
        }
    } else {
        const char *what = a->kind == IDL_ARGUMENT_STRING ? "the maximum size of the string"
                                                          : "the name of the array's length";
        if (a->kind == IDL_ARGUMENT_STRING) {
            idl_expected(p, what, "a string has only a maximum: `String s[2048]`");
            return;
        }
        a->kind = IDL_ARGUMENT_ARRAY;
        a->length_name = idl_expect_name(p, what, &a->length_place);
        if (!p->failed && idl_accept(p, ',')) {
            a->max = idl_expect_number(p, "the maximum number of elements", &a->max_place);
            a->has_max = true;
        }
    }
    idl_expect(p, ']', "at the end of the brackets");
    if (!p->failed && a->has_max && (a->max == 0 || a->max > IDL_LIMIT_MAX))
        idl_error(p->diag, a->max_place, NULL, "a maximum lies between 1 and %d", IDL_LIMIT_MAX);
}

static struct idl_argument *parse_argument(struct idl_parser *p, bool rpc)
{
    struct idl_argument *a = idl_arena_alloc(p->arena, sizeof(*a));
    bool in = idl_is_word(&p->token, "in"), out = idl_is_word(&p->token, "out");
    if (rpc && !in && !out) {
        idl_expected(p, "'in' or 'out'", "every argument of an rpc has a direction");
        return a;
    }
    if (!rpc && (in || out)) {
        idl_error(p->diag, p->token.place, "leave it out, or declare an rpc",
                  "only arguments of an rpc have a direction");
    }
    if (in || out) {
        a->direction = out && rpc ? IDL_OUT : IDL_IN;
        idl_advance(p);
    }
    if (!parse_type_ref(p, &a->type, "the type of an argument"))
        return a;
    a->name = idl_expect_name(p, "the name of the argument", &a->place);
    if (a->name == NULL)
        return a;
    a->kind = is_string_name(a->type.name) ? IDL_ARGUMENT_STRING : IDL_ARGUMENT_SCALAR;
    a->max = IDL_DEFAULT_MAX;
    parse_brackets(p, a);
    return a;
}

static void parse_message(struct idl_parser *p, struct idl_message *m)
{
    const struct idl_argument *last = NULL;
    idl_advance(p);
    m->name = idl_expect_name(p, "the name of the message", &m->place);
    p->parentheses = idl_expect(p, '(', "before the arguments");
    if (!p->failed && !idl_is_punctuation(&p->token, ')')) {
        struct idl_argument **tail = &m->arguments;
        do {
            struct idl_argument *a = parse_argument(p, m->kind == IDL_RPC);
            if (p->failed)
                break;
            *tail = a;
            tail = &a->next;
            last = a;
        } while (idl_accept(p, ','));
    }
    if (last != NULL && !idl_is_punctuation(&p->token, ')'))
        idl_expected(p, "',' or ')' after the argument",
                     idl_is_punctuation(&p->token, ';') ? "arguments are separated by ','"
                                                        : idl_hint_for_c_type(last->type.name));
    if (idl_expect(p, ')', "after the arguments"))
        p->parentheses = 0;
    idl_expect_semicolon(p, m->kind == IDL_RPC ? "the rpc" : "the message");
}

/* ---- declarations ---- */

struct tails {
    struct idl_type **type;
    struct idl_message **message;
};

static const char *declaration_hint(const struct idl_parser *p)
{
    static const char *const words[] = { "alias", "typedef", "message", "call", "response", "rpc" };
    if (p->token.kind == IDL_TOKEN_NAME)
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            unsigned limit = strlen(p->token.text) <= 3 ? 1 : 2;
            if (word_distance(p->token.text, words[i]) <= limit)
                return idl_arena_printf(p->arena, "did you mean '%s'?", words[i]);
        }
    if (idl_is_punctuation(&p->token, ';'))
        return "leave it out";
    return "alias, typedef, message, rpc, call or response begin a declaration";
}

static void parse_declaration(struct idl_parser *p, struct tails *tails)
{
    enum idl_message_kind kind;
    bool is_type = idl_is_word(&p->token, "typedef") || idl_is_word(&p->token, "alias");
    p->failed = false;
    p->braces = p->parentheses = 0;
    const bool is_body = begins_body(p, "struct") || begins_body(p, "enum");
    const bool is_tag = p->ahead.kind == IDL_TOKEN_NAME &&
                        (idl_is_word(&p->token, "struct") || idl_is_word(&p->token, "enum"));
    if (is_body || is_tag)
        idl_error(p->diag, p->token.place,
                  idl_arena_printf(p->arena, "write `typedef %s { ... } %.40s;`", p->token.text,
                                   is_tag ? p->ahead.text : "name"),
                  "expected a declaration, found '%s'", p->token.text);
    if (is_tag) {
        idl_advance(p);
        idl_recover(p, true);
        return;
    }
    is_type |= is_body;
    if (is_type) {
        struct idl_type *type = idl_arena_alloc(p->arena, sizeof(*type));
        if (idl_is_word(&p->token, "alias")) {
            parse_alias(p, type);
        } else {
            if (idl_is_word(&p->token, "typedef"))
                idl_advance(p);
            parse_typedef(p, type);
        }
        if (!p->failed) {
            *tails->type = type;
            tails->type = &type->next;
        }
    } else {
        struct idl_attribute *attributes = parse_attributes(p);
        if (!p->failed && idl_message_kind_of(&p->token, &kind)) {
            struct idl_message *message = idl_arena_alloc(p->arena, sizeof(*message));
            message->kind = kind;
            message->attributes = attributes;
            parse_message(p, message);
            if (!p->failed) {
                *tails->message = message;
                tails->message = &message->next;
            }
        } else {
            idl_expected(p, "a declaration", declaration_hint(p));
            if (!idl_is_punctuation(&p->token, '}'))
                idl_advance(p);
        }
    }
    if (p->failed)
        idl_recover(p, is_type);
}

static void parse_declarations(struct idl_parser *p, struct idl_interface *interface)
{
    struct tails tails = { &interface->types, &interface->messages };
    while (p->token.kind != IDL_TOKEN_END && !idl_is_punctuation(&p->token, '}')) {
        size_t before = p->lexer.offset;
        struct idl_place place = p->token.place;
        parse_declaration(p, &tails);
        assert(p->lexer.offset > before || p->token.place.offset > place.offset ||
               p->token.kind == IDL_TOKEN_END || idl_is_punctuation(&p->token, '}'));
    }
}

static struct idl_interface *begin(struct idl_parser *p, struct idl_arena *arena,
                                   struct idl_diag *diag, const struct idl_source *source)
{
    struct idl_interface *interface = idl_arena_alloc(arena, sizeof(*interface));
    memset(p, 0, sizeof(*p));
    p->arena = arena;
    p->diag = diag;
    idl_lexer_init(&p->lexer, arena, diag, source);
    const char *nul = memchr(source->text, '\0', source->length);
    if (nul != NULL)
        idl_error(diag, (struct idl_place){ source, (size_t)(nul - source->text), 1 },
                  "is this a text file?", "NUL byte");
    p->token = idl_lexer_next(&p->lexer);
    p->ahead = idl_lexer_next(&p->lexer);
    interface->source = source;
    p->interface = interface;
    interface->place = (struct idl_place){ source, 0, 0 };
    return interface;
}

static void parse_interface(struct idl_parser *p, struct idl_interface *interface)
{
    idl_advance(p); /* interface */
    interface->name = idl_expect_name(p, "the name of the interface", &interface->place);
    bool unclosed = false; /* then what follows lies in the string */
    if (!p->failed && p->token.kind == IDL_TOKEN_STRING) {
        interface->description = p->token.text;
        unclosed = p->token.malformed;
        idl_advance(p);
    }
    if (!unclosed || idl_is_punctuation(&p->token, '{'))
        idl_expect(p, '{', "at the beginning of the interface");
    if (p->failed && !idl_begins_declaration(p))
        while (p->token.kind != IDL_TOKEN_END && !idl_accept(p, '{'))
            idl_advance(p);
    p->failed = false; /* what follows is worth reading in any case */
    parse_declarations(p, interface);
    if (p->token.kind == IDL_TOKEN_END && (unclosed || p->token.malformed))
        return; /* the rest lies in a comment, or in the string */
    if (!idl_accept(p, '}'))
        idl_error(p->diag, p->token.place, "every '{' needs its '}'",
                  "expected '}' at the end of the interface, found %s",
                  idl_token_describe(p->arena, &p->token));
    else
        idl_expect_semicolon(p, "the interface");
    if (p->token.kind != IDL_TOKEN_END)
        idl_error(p->diag, p->token.place, "a file holds one interface",
                  "expected the end of the file, found %s",
                  idl_token_describe(p->arena, &p->token));
}

struct idl_interface *idl_parse(struct idl_arena *arena, struct idl_diag *diag,
                                const struct idl_source *source)
{
    struct idl_parser p;
    struct idl_interface *interface = begin(&p, arena, diag, source);
    if ((idl_is_word(&p.token, "alias") || idl_is_word(&p.token, "typedef")) &&
        idl_begins_declaration(&p))
        return idl_parse_include(arena, diag, source);
    if (!idl_is_word(&p.token, "interface")) {
        if (p.token.kind != IDL_TOKEN_END || !p.token.malformed)
            idl_error(diag, p.token.place, "a file begins with `interface NAME \"description\" {`",
                      "expected 'interface', found %s", idl_token_describe(arena, &p.token));
        return interface;
    }
    parse_interface(&p, interface);
    return interface;
}

struct idl_interface *idl_parse_include(struct idl_arena *arena, struct idl_diag *diag,
                                        const struct idl_source *source)
{
    struct idl_parser p;
    struct idl_interface *interface = begin(&p, arena, diag, source);
    interface->is_include = true;
    if (idl_is_word(&p.token, "interface")) {
        parse_interface(&p, interface);
    } else {
        parse_declarations(&p, interface);
        if (p.token.kind != IDL_TOKEN_END)
            idl_error(diag, p.token.place, NULL, "unexpected '}'");
    }
    if (interface->messages != NULL)
        idl_error(diag, interface->messages->place, "declare messages in an interface",
                  "a file of shared types cannot have messages");
    for (struct idl_type *type = interface->types; type != NULL; type = type->next)
        type->included = true;
    return interface;
}
