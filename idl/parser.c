/* SPDX-License-Identifier: MIT
 *
 * The parser (parser.h): recursive descent with two tokens of look-ahead over both dialects of the
 * language (docs/idl.md has the grammar, and a test holds it against this file).
 *
 * Hardly a word is reserved: `alias`, `typedef`, `call`, `msg`, `struct` begin a declaration only
 * where one can begin, and then only if what follows fits.  After an error the parser skips to the
 * end of the declaration (its `;`, or before a `}` or a word that begins the next declaration on a
 * new line), so each mistake is told once.
 * Must always consume at least one token in each round: hang-freedom rests on it.
 */
#include "parser.h"

#include <assert.h>
#include <string.h>

#include "lexer.h"

struct parser {
    struct idl_arena *arena;
    struct idl_diag *diag;
    struct idl_lexer lexer;
    struct idl_token token, ahead; /* current and next */
    size_t last_end;               /* where the token before `token` ended */
    bool failed;                   /* in the current declaration */
    unsigned braces;               /* open ones of the current declaration */
    struct idl_interface *interface;
};

/* ---- tokens ---- */

static void advance(struct parser *p)
{
    p->last_end = p->token.place.offset + p->token.place.length;
    p->token = p->ahead;
    p->ahead = idl_lexer_next(&p->lexer);
}

static bool is_punctuation(const struct idl_token *token, char c)
{
    return token->kind == IDL_TOKEN_PUNCTUATION && token->punctuation == c;
}

static bool is_word(const struct idl_token *token, const char *word)
{
    return token->kind == IDL_TOKEN_NAME && strcmp(token->text, word) == 0;
}

static bool accept(struct parser *p, char c)
{
    if (!is_punctuation(&p->token, c))
        return false;
    advance(p);
    return true;
}

static struct idl_place after_last(const struct parser *p)
{
    return (struct idl_place){ p->lexer.source, p->last_end, 0 };
}

/* Reports what was expected instead of the current token, once for each declaration. */
static void expected(struct parser *p, const char *what, const char *hint)
{
    bool in_comment = p->token.kind == IDL_TOKEN_END && p->token.malformed;
    if (!p->failed && !in_comment)
        idl_error(p->diag, p->token.place, hint, "expected %s, found %s", what,
                  idl_token_describe(p->arena, &p->token));
    p->failed = true;
}

/* A missing terminator is shown behind the token that it should follow, and taken as given. */
static void expect_semicolon(struct parser *p, const char *where)
{
    if (p->failed || accept(p, ';') || (p->token.kind == IDL_TOKEN_END && p->token.malformed))
        return;
    idl_error(p->diag, after_last(p), "add ';' here", "expected ';' after %s, found %s", where,
              idl_token_describe(p->arena, &p->token));
}

static bool expect(struct parser *p, char c, const char *where)
{
    if (p->failed)
        return false;
    if (accept(p, c))
        return true;
    expected(p, idl_arena_printf(p->arena, "'%c' %s", c, where), NULL);
    return false;
}

static const char *const reserved[] = { "interface", "message", "rpc", "in", "out" };

static bool is_reserved(const char *text)
{
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (strcmp(text, reserved[i]) == 0)
            return true;
    return false;
}

/* A name that is being declared or used; NULL after an error. */
static const char *expect_name(struct parser *p, const char *what, struct idl_place *place)
{
    *place = p->token.place;
    if (p->failed)
        return NULL;
    if (p->token.kind != IDL_TOKEN_NAME) {
        expected(p, what, NULL);
        return NULL;
    }
    if (is_reserved(p->token.text)) {
        expected(p, what, "this word is reserved; choose another name");
        return NULL;
    }
    const char *name = p->token.text;
    advance(p);
    return name;
}

static uint64_t expect_number(struct parser *p, const char *what, struct idl_place *place)
{
    *place = p->token.place;
    if (p->failed)
        return 0;
    if (p->token.kind != IDL_TOKEN_NUMBER) {
        expected(p, what, NULL);
        return 0;
    }
    uint64_t number = p->token.number;
    advance(p);
    return number;
}

/* ---- recovery ---- */

static bool begins_declaration(const struct parser *p)
{
    static const char *const words[] = { "alias", "typedef",  "message", "msg",
                                         "call",  "response", "rpc" };
    const struct idl_token *token = &p->token;
    if (is_punctuation(token, '@'))
        return true;
    if (token->kind != IDL_TOKEN_NAME || p->ahead.kind != IDL_TOKEN_NAME)
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(token->text, words[i]) == 0)
            return true;
    return false;
}

static bool on_new_line(const struct parser *p)
{
    const char *text = p->lexer.source->text;
    for (size_t i = p->last_end; i < p->token.place.offset; i++)
        if (text[i] == '\n')
            return true;
    return false;
}

/* A type whose declaration failed is not usable, but its uses are no further mistakes. */
static void note_broken_type(struct parser *p)
{
    struct idl_enumerator *broken = idl_arena_alloc(p->arena, sizeof(*broken));
    broken->name = p->token.text;
    broken->place = p->token.place;
    broken->next = p->interface->broken_types;
    p->interface->broken_types = broken;
}

/* Skips the rest of a declaration that failed. */
static void recover(struct parser *p, bool is_type)
{
    unsigned depth = p->braces;
    while (p->token.kind != IDL_TOKEN_END) {
        if (begins_declaration(p) && on_new_line(p))
            break;
        if (is_punctuation(&p->token, '{')) {
            depth++;
        } else if (is_punctuation(&p->token, '}')) {
            if (depth == 0)
                break;
            depth--;
        } else if (depth == 0 && accept(p, ';')) {
            break;
        } else if (is_type && depth == 0 && p->token.kind == IDL_TOKEN_NAME &&
                   is_punctuation(&p->ahead, ';')) {
            note_broken_type(p);
        }
        advance(p);
    }
    p->failed = false;
}

/* ---- types ---- */

static bool parse_type_ref(struct parser *p, struct idl_type_ref *ref, const char *what)
{
    ref->name = expect_name(p, what, &ref->place);
    return ref->name != NULL;
}

static void parse_struct(struct parser *p, struct idl_type *type)
{
    struct idl_field **tail = &type->fields;
    type->kind = IDL_TYPE_STRUCT;
    advance(p);
    if (expect(p, '{', "after 'struct'"))
        p->braces++;
    while (!p->failed && !is_punctuation(&p->token, '}')) {
        struct idl_field *field = idl_arena_alloc(p->arena, sizeof(*field));
        if (!parse_type_ref(p, &field->type, "the type of a field"))
            break;
        field->name = expect_name(p, "the name of the field", &field->place);
        if (p->failed)
            break;
        if (is_punctuation(&p->token, '[')) {
            expected(p, "';'",
                     "a field has no brackets: declare `typedef TYPE name[N];` before and use it");
            break;
        }
        expect_semicolon(p, "the field");
        *tail = field;
        tail = &field->next;
    }
    if (!p->failed && type->fields == NULL)
        idl_error(p->diag, p->token.place, NULL, "a struct needs at least one field");
    if (expect(p, '}', "at the end of the struct"))
        p->braces--;
}

static void parse_enum(struct parser *p, struct idl_type *type)
{
    struct idl_enumerator **tail = &type->enumerators;
    type->kind = IDL_TYPE_ENUM;
    advance(p);
    if (expect(p, '{', "after 'enum'"))
        p->braces++;
    do {
        struct idl_enumerator *e = idl_arena_alloc(p->arena, sizeof(*e));
        e->name = expect_name(p, "the name of an enumerator", &e->place);
        if (e->name == NULL)
            break;
        if (is_punctuation(&p->token, '=')) {
            expected(p, "',' or '}'", "values are given in order, from 0");
            break;
        }
        *tail = e;
        tail = &e->next;
    } while (accept(p, ','));
    if (!p->failed && !is_punctuation(&p->token, '}'))
        expected(p, "',' or '}' after the enumerator", NULL);
    if (expect(p, '}', "at the end of the enum"))
        p->braces--;
}

static void parse_typedef(struct parser *p, struct idl_type *type)
{
    advance(p);
    if (is_word(&p->token, "struct") && is_punctuation(&p->ahead, '{')) {
        parse_struct(p, type);
        type->name = expect_name(p, "the name of the struct", &type->place);
    } else if (is_word(&p->token, "enum") && is_punctuation(&p->ahead, '{')) {
        parse_enum(p, type);
        type->name = expect_name(p, "the name of the enum", &type->place);
    } else {
        type->kind = IDL_TYPE_TYPEDEF;
        parse_type_ref(p, &type->target, "a type");
        type->name = expect_name(p, "the name of the new type", &type->place);
        if (!p->failed && accept(p, '[')) {
            type->kind = IDL_TYPE_ARRAY;
            type->elements = expect_number(p, "the number of elements", &type->elements_place);
            expect(p, ']', "after the number of elements");
            if (!p->failed && (type->elements == 0 || type->elements > IDL_LIMIT_MAX))
                idl_error(p->diag, type->elements_place, NULL, "an array has 1 to %d elements",
                          IDL_LIMIT_MAX);
        }
    }
    expect_semicolon(p, "the type declaration");
}

static void parse_alias(struct parser *p, struct idl_type *type)
{
    advance(p);
    type->kind = IDL_TYPE_ALIAS;
    type->name = expect_name(p, "the new name", &type->place);
    parse_type_ref(p, &type->target, "the name of a builtin type");
    expect_semicolon(p, "the alias");
}

/* ---- messages ---- */

static struct idl_attribute *parse_attributes(struct parser *p)
{
    struct idl_attribute *first = NULL, **tail = &first;
    while (!p->failed && accept(p, '@')) {
        struct idl_place place;
        const char *backend = expect_name(p, "the name of a backend", &place);
        if (!expect(p, '(', "after the backend"))
            break;
        do {
            struct idl_attribute *a = idl_arena_alloc(p->arena, sizeof(*a));
            a->backend = backend;
            a->key = expect_name(p, "the name of an attribute", &a->place);
            expect(p, '=', "after the attribute's name");
            if (p->failed)
                break;
            if (p->token.kind == IDL_TOKEN_NUMBER) {
                a->value = idl_arena_printf(p->arena, "%llu", (unsigned long long)p->token.number);
                advance(p);
            } else {
                a->value = expect_name(p, "a number or the name of an argument", &place);
            }
            *tail = a;
            tail = &a->next;
        } while (accept(p, ','));
        expect(p, ')', "after the attributes");
    }
    return first;
}

static bool is_string_name(const char *name)
{
    return strcmp(name, "String") == 0 || strcmp(name, "string") == 0 ||
           strcmp(name, "STRING") == 0;
}

/* `[` after the name of an argument: a maximum, or the name of the length and a maximum. */
static void parse_brackets(struct parser *p, struct idl_argument *a)
{
    if (!accept(p, '['))
        return;
    if (p->token.kind == IDL_TOKEN_NUMBER) {
        a->max = expect_number(p, "the maximum", &a->max_place);
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
        }
    } else {
        const char *what = a->kind == IDL_ARGUMENT_STRING ? "the maximum size of the string"
                                                          : "the name of the array's length";
        if (a->kind == IDL_ARGUMENT_STRING) {
            expected(p, what, "a string has only a maximum: `String s[2048]`");
            return;
        }
        a->kind = IDL_ARGUMENT_ARRAY;
        a->length_name = expect_name(p, what, &a->length_place);
        if (!p->failed && accept(p, ',')) {
            a->max = expect_number(p, "the maximum number of elements", &a->max_place);
            a->has_max = true;
        }
    }
    expect(p, ']', "at the end of the brackets");
    if (!p->failed && a->has_max && (a->max == 0 || a->max > IDL_LIMIT_MAX))
        idl_error(p->diag, a->max_place, NULL, "a maximum lies between 1 and %d", IDL_LIMIT_MAX);
}

static struct idl_argument *parse_argument(struct parser *p, bool rpc)
{
    struct idl_argument *a = idl_arena_alloc(p->arena, sizeof(*a));
    bool in = is_word(&p->token, "in"), out = is_word(&p->token, "out");
    if (rpc && !in && !out) {
        expected(p, "'in' or 'out'", "every argument of an rpc has a direction");
        return a;
    }
    if (!rpc && (in || out)) {
        idl_error(p->diag, p->token.place, "leave it out, or declare an rpc",
                  "only arguments of an rpc have a direction");
    }
    if (in || out) {
        a->direction = out && rpc ? IDL_OUT : IDL_IN;
        advance(p);
    }
    if (!parse_type_ref(p, &a->type, "the type of an argument"))
        return a;
    a->name = expect_name(p, "the name of the argument", &a->place);
    if (a->name == NULL)
        return a;
    a->kind = is_string_name(a->type.name) ? IDL_ARGUMENT_STRING : IDL_ARGUMENT_SCALAR;
    a->max = IDL_DEFAULT_MAX;
    parse_brackets(p, a);
    return a;
}

static void parse_message(struct parser *p, struct idl_message *m)
{
    advance(p);
    m->name = expect_name(p, "the name of the message", &m->place);
    expect(p, '(', "before the arguments");
    if (!p->failed && !is_punctuation(&p->token, ')')) {
        struct idl_argument **tail = &m->arguments;
        do {
            struct idl_argument *a = parse_argument(p, m->kind == IDL_RPC);
            if (p->failed)
                break;
            *tail = a;
            tail = &a->next;
        } while (accept(p, ','));
    }
    if (!p->failed && m->arguments != NULL && !is_punctuation(&p->token, ')'))
        expected(p, "',' or ')' after the argument", NULL);
    expect(p, ')', "after the arguments");
    expect_semicolon(p, m->kind == IDL_RPC ? "the rpc" : "the message");
}

/* ---- declarations ---- */

static bool message_kind(const struct idl_token *token, enum idl_message_kind *kind)
{
    if (is_word(token, "message") || is_word(token, "msg"))
        *kind = IDL_MESSAGE;
    else if (is_word(token, "rpc"))
        *kind = IDL_RPC;
    else if (is_word(token, "call"))
        *kind = IDL_CALL;
    else if (is_word(token, "response"))
        *kind = IDL_RESPONSE;
    else
        return false;
    return true;
}

struct tails {
    struct idl_type **type;
    struct idl_message **message;
};

static const char *declaration_hint(const struct parser *p)
{
    static const char *const words[] = { "alias", "typedef", "message", "call", "response", "rpc" };
    if (p->token.kind == IDL_TOKEN_NAME)
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            if (idl_word_distance(p->token.text, words[i], 2) <= 2)
                return idl_arena_printf(p->arena, "did you mean '%s'?", words[i]);
    return "alias, typedef, message, rpc, call or response begin a declaration";
}

static void parse_declaration(struct parser *p, struct tails *tails)
{
    enum idl_message_kind kind;
    bool is_type = is_word(&p->token, "typedef") || is_word(&p->token, "alias");
    p->failed = false;
    p->braces = 0;
    if (is_type) {
        struct idl_type *type = idl_arena_alloc(p->arena, sizeof(*type));
        if (is_word(&p->token, "typedef"))
            parse_typedef(p, type);
        else
            parse_alias(p, type);
        if (!p->failed) {
            *tails->type = type;
            tails->type = &type->next;
        }
    } else {
        struct idl_attribute *attributes = parse_attributes(p);
        if (!p->failed && message_kind(&p->token, &kind)) {
            struct idl_message *message = idl_arena_alloc(p->arena, sizeof(*message));
            message->kind = kind;
            message->attributes = attributes;
            parse_message(p, message);
            if (!p->failed) {
                *tails->message = message;
                tails->message = &message->next;
            }
        } else {
            expected(p, "a declaration", declaration_hint(p));
            if (!is_punctuation(&p->token, '}'))
                advance(p);
        }
    }
    if (p->failed)
        recover(p, is_type);
}

static void parse_declarations(struct parser *p, struct idl_interface *interface)
{
    struct tails tails = { &interface->types, &interface->messages };
    while (p->token.kind != IDL_TOKEN_END && !is_punctuation(&p->token, '}')) {
        size_t before = p->lexer.offset;
        struct idl_place place = p->token.place;
        parse_declaration(p, &tails);
        assert(p->lexer.offset > before || p->token.place.offset > place.offset ||
               p->token.kind == IDL_TOKEN_END || is_punctuation(&p->token, '}'));
    }
}

static struct idl_interface *begin(struct parser *p, struct idl_arena *arena, struct idl_diag *diag,
                                   const struct idl_source *source)
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

static void parse_interface(struct parser *p, struct idl_interface *interface)
{
    advance(p); /* interface */
    interface->name = expect_name(p, "the name of the interface", &interface->place);
    bool unclosed = false; /* then what follows lies in the string */
    if (!p->failed && p->token.kind == IDL_TOKEN_STRING) {
        interface->description = p->token.text;
        unclosed = p->token.malformed;
        advance(p);
    }
    if (!unclosed || is_punctuation(&p->token, '{'))
        expect(p, '{', "at the beginning of the interface");
    p->failed = false; /* what follows is worth reading in any case */
    parse_declarations(p, interface);
    if (p->token.kind == IDL_TOKEN_END && p->token.malformed)
        return; /* the rest lies in a comment */
    if (!accept(p, '}'))
        idl_error(p->diag, p->token.place, "every '{' needs its '}'",
                  "expected '}' at the end of the interface, found %s",
                  idl_token_describe(p->arena, &p->token));
    else
        expect_semicolon(p, "the interface");
    if (p->token.kind != IDL_TOKEN_END)
        idl_error(p->diag, p->token.place, "a file holds one interface",
                  "expected the end of the file, found %s",
                  idl_token_describe(p->arena, &p->token));
}

struct idl_interface *idl_parse(struct idl_arena *arena, struct idl_diag *diag,
                                const struct idl_source *source)
{
    struct parser p;
    struct idl_interface *interface = begin(&p, arena, diag, source);
    if ((is_word(&p.token, "alias") || is_word(&p.token, "typedef")) && begins_declaration(&p))
        return idl_parse_include(arena, diag, source);
    if (!is_word(&p.token, "interface")) {
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
    struct parser p;
    struct idl_interface *interface = begin(&p, arena, diag, source);
    interface->is_include = true;
    if (is_word(&p.token, "interface")) {
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
