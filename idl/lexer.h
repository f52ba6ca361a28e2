/* SPDX-License-Identifier: MIT
 *
 * Words of the interface language.  No word is special here except by its letters: `alias`,
 * `struct`, `call`, `msg` and the like are ordinary names that the parser understands from where
 * they stand, because interfaces use them as names too.
 */
#ifndef IDL_LEXER_H
#define IDL_LEXER_H

#include <stdint.h>

#include "diag.h"

enum idl_token_kind {
    IDL_TOKEN_END,
    IDL_TOKEN_NAME,
    IDL_TOKEN_NUMBER,      /* decimal or 0x... */
    IDL_TOKEN_STRING,      /* "..." on one line */
    IDL_TOKEN_PUNCTUATION, /* one of { } ( ) [ ] ; , = @ in `punctuation` */
    IDL_TOKEN_COMMENT,     /* only with keep_comments */
};

struct idl_token {
    enum idl_token_kind kind;
    char punctuation;
    struct idl_place place;
    const char *text; /* NAME, STRING (without quotes), COMMENT (with its marks): in the arena */
    uint64_t number;  /* NUMBER */
    bool malformed;   /* STRING that is not closed, END in a comment that is not closed: reported */
};

struct idl_lexer {
    struct idl_arena *arena;
    struct idl_diag *diag;
    const struct idl_source *source;
    size_t offset;
    bool keep_comments;
    bool in_comment; /* the last comment is not closed */
    size_t
        last_error; /* where the last malformed text begins; what follows it may be a consequence */
};

void idl_lexer_init(struct idl_lexer *lexer, struct idl_arena *arena, struct idl_diag *diag,
                    const struct idl_source *source);

/* The next token.  Malformed text is reported and skipped; after the end comes END for ever. */
struct idl_token idl_lexer_next(struct idl_lexer *lexer);

/* How a token is named in a diagnostic: `name 'foo'`, `';'`, `end of file`.  In the arena. */
const char *idl_token_describe(struct idl_arena *arena, const struct idl_token *token);

#endif
