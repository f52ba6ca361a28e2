/* SPDX-License-Identifier: MIT
 *
 * The parser's tokens and its recovery from mistakes (parser_priv.h).
 *
 * A mistake is told once for each declaration, and not at all where the lexer has told of the text
 * before it.  After it the rest of the declaration is skipped: to its `;`, or before a `}` or a
 * word that begins the next declaration on a new line.  Must consume at least one token in each
 * round of recovery, or stop.
 */
#include <string.h>

#include "parser_priv.h"

/* ---- tokens ---- */

void idl_advance(struct idl_parser *p)
{
    p->last_end = p->token.place.offset + p->token.place.length;
    p->token = p->ahead;
    p->ahead = idl_lexer_next(&p->lexer);
}

bool idl_is_punctuation(const struct idl_token *token, char c)
{
    return token->kind == IDL_TOKEN_PUNCTUATION && token->punctuation == c;
}

bool idl_is_word(const struct idl_token *token, const char *word)
{
    return token->kind == IDL_TOKEN_NAME && strcmp(token->text, word) == 0;
}

bool idl_accept(struct idl_parser *p, char c)
{
    if (!idl_is_punctuation(&p->token, c))
        return false;
    idl_advance(p);
    return true;
}

static struct idl_place after_last(const struct idl_parser *p)
{
    return (struct idl_place){ p->lexer.source, p->last_end, 0 };
}

/* Malformed text, reported already, stood before the current token, or is it. */
static bool is_consequence(const struct idl_parser *p)
{
    bool in_comment = p->token.kind == IDL_TOKEN_END && p->token.malformed;
    size_t at = p->lexer.last_error;
    return in_comment || (at != SIZE_MAX && at >= p->last_end &&
                          at < p->token.place.offset + p->token.place.length);
}

/* Reports what was expected instead of the current token, once for each declaration. */
void idl_expected(struct idl_parser *p, const char *what, const char *hint)
{
    if (!p->failed && !is_consequence(p))
        idl_error(p->diag, p->token.place, hint, "expected %s, found %s", what,
                  idl_token_describe(p->arena, &p->token));
    p->failed = true;
}

/* A missing terminator is shown behind the token that it should follow, and taken as given. */
void idl_expect_semicolon(struct idl_parser *p, const char *where)
{
    if (p->failed || idl_accept(p, ';') || is_consequence(p))
        return;
    idl_error(p->diag, after_last(p), "add ';' here", "expected ';' after %s, found %s", where,
              idl_token_describe(p->arena, &p->token));
}

bool idl_expect(struct idl_parser *p, char c, const char *where)
{
    if (p->failed)
        return false;
    if (idl_accept(p, c))
        return true;
    idl_expected(p, idl_arena_printf(p->arena, "'%c' %s", c, where), NULL);
    return false;
}

static const char *const reserved[] = { "interface", "message", "rpc", "in", "out" };

bool idl_is_reserved(const char *text)
{
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (strcmp(text, reserved[i]) == 0)
            return true;
    return false;
}

/* A name that is being declared or used; NULL after an error. */
const char *idl_expect_name(struct idl_parser *p, const char *what, struct idl_place *place)
{
    *place = p->token.place;
    if (p->failed)
        return NULL;
    if (p->token.kind != IDL_TOKEN_NAME) {
        idl_expected(p, what, NULL);
        return NULL;
    }
    if (idl_is_reserved(p->token.text)) {
        idl_expected(p, what, "this word is reserved; choose another name");
        return NULL;
    }
    const char *name = p->token.text;
    idl_advance(p);
    return name;
}

uint64_t idl_expect_number(struct idl_parser *p, const char *what, struct idl_place *place)
{
    *place = p->token.place;
    if (p->failed)
        return 0;
    if (p->token.kind != IDL_TOKEN_NUMBER) {
        idl_expected(p, what, NULL);
        return 0;
    }
    uint64_t number = p->token.number;
    idl_advance(p);
    return number;
}

/* ---- recovery ---- */

bool idl_begins_declaration(const struct idl_parser *p)
{
    static const char *const words[] = { "alias", "typedef",  "message", "msg",
                                         "call",  "response", "rpc" };
    const struct idl_token *token = &p->token;
    if (idl_is_punctuation(token, '@'))
        return true;
    if (token->kind != IDL_TOKEN_NAME || p->ahead.kind != IDL_TOKEN_NAME)
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(token->text, words[i]) == 0)
            return true;
    return false;
}

static bool on_new_line(const struct idl_parser *p)
{
    const char *text = p->lexer.source->text;
    for (size_t i = p->last_end; i < p->token.place.offset; i++)
        if (text[i] == '\n')
            return true;
    return false;
}

/* A type whose declaration failed is not usable, but its uses are no further mistakes. */
static void note_broken_type(struct idl_parser *p)
{
    struct idl_enumerator *broken = idl_arena_alloc(p->arena, sizeof(*broken));
    broken->name = p->token.text;
    broken->place = p->token.place;
    broken->next = p->interface->broken_types;
    p->interface->broken_types = broken;
}

bool idl_message_kind_of(const struct idl_token *token, enum idl_message_kind *kind)
{
    if (idl_is_word(token, "message") || idl_is_word(token, "msg"))
        *kind = IDL_MESSAGE;
    else if (idl_is_word(token, "rpc"))
        *kind = IDL_RPC;
    else if (idl_is_word(token, "call"))
        *kind = IDL_CALL;
    else if (idl_is_word(token, "response"))
        *kind = IDL_RESPONSE;
    else
        return false;
    return true;
}

/* Is the ';' that is the current token a mistaken ',' between arguments? */
static bool is_separator(const struct idl_parser *p)
{
    enum idl_message_kind kind;
    return p->parentheses > 0 && p->ahead.kind == IDL_TOKEN_NAME &&
           !idl_is_word(&p->ahead, "typedef") && !idl_is_word(&p->ahead, "alias") &&
           !idl_message_kind_of(&p->ahead, &kind);
}

/* Skips the rest of a declaration that failed. */
void idl_recover(struct idl_parser *p, bool is_type)
{
    const struct idl_enumerator *known = p->interface->broken_types;
    unsigned depth = p->braces;
    while (p->token.kind != IDL_TOKEN_END) {
        if (idl_begins_declaration(p) && on_new_line(p))
            break;
        if (idl_is_punctuation(&p->token, '{')) {
            depth++;
        } else if (idl_is_punctuation(&p->token, '}')) {
            if (depth == 0)
                break;
            depth--;
        } else if (idl_is_punctuation(&p->token, ')')) {
            p->parentheses = 0;
        } else if (depth == 0 && !is_separator(p) && idl_accept(p, ';')) {
            break;
        } else if (is_type && depth == 0 && p->token.kind == IDL_TOKEN_NAME &&
                   (idl_is_punctuation(&p->ahead, ';') || idl_is_punctuation(&p->ahead, '{'))) {
            note_broken_type(p);
        }
        idl_advance(p);
    }
    if (is_type && p->interface->broken_types == known)
        p->interface->broken_unnamed = true;
    p->failed = false;
}
