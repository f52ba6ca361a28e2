/* SPDX-License-Identifier: MIT
 *
 * What the files of the parser share: its state, tokens, and recovery.
 */
#ifndef IDL_PARSER_PRIV_H
#define IDL_PARSER_PRIV_H

#include "lexer.h"
#include "parser.h"

struct idl_parser {
    struct idl_arena *arena;
    struct idl_diag *diag;
    struct idl_lexer lexer;
    struct idl_token token, ahead; /* current and next */
    size_t last_end;               /* where the token before `token` ended */
    bool failed;                   /* in the current declaration */
    unsigned braces, parentheses;  /* open ones of the current declaration */
    struct idl_interface *interface;
};

/* The next token becomes the current one. */
void idl_advance(struct idl_parser *p);
bool idl_is_punctuation(const struct idl_token *token, char c);
bool idl_is_word(const struct idl_token *token, const char *word);
bool idl_is_reserved(const char *text);

/* Consumes the current token if it is this character. */
bool idl_accept(struct idl_parser *p, char c);

/* Reports what was expected instead of the current token, once for each declaration. */
void idl_expected(struct idl_parser *p, const char *what, const char *hint);

/* A missing terminator is shown behind the token that it should follow, and taken as given. */
void idl_expect_semicolon(struct idl_parser *p, const char *where);
bool idl_expect(struct idl_parser *p, char c, const char *where);

/* A name that is being declared or used; NULL after an error. */
const char *idl_expect_name(struct idl_parser *p, const char *what, struct idl_place *place);
uint64_t idl_expect_number(struct idl_parser *p, const char *what, struct idl_place *place);

/* Does the current token begin a declaration, and what kind of message? */
bool idl_begins_declaration(const struct idl_parser *p);
bool idl_message_kind_of(const struct idl_token *token, enum idl_message_kind *kind);

/* Skips the rest of a declaration that failed. */
void idl_recover(struct idl_parser *p, bool is_type);

#endif
