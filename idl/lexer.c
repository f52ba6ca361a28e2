/* SPDX-License-Identifier: MIT
 *
 * The lexer (lexer.h): bytes to tokens, one call for each, no look-ahead and no state but the
 * offset.  A byte that starts no token is reported once for a whole run of such bytes.  Bytes above
 * 127 are welcome in comments and strings, nowhere else.  Must never read beyond source->length.
 */
#include "lexer.h"

#include <assert.h>
#include <string.h>

void idl_lexer_init(struct idl_lexer *lexer, struct idl_arena *arena, struct idl_diag *diag,
                    const struct idl_source *source)
{
    memset(lexer, 0, sizeof(*lexer));
    lexer->arena = arena;
    lexer->diag = diag;
    lexer->source = source;
    lexer->last_error = SIZE_MAX;
    if (source->length >= 3 && memcmp(source->text, "\xef\xbb\xbf", 3) == 0)
        lexer->offset = 3; /* a byte order mark, as some editors write it */
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static int digit_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

static char at(const struct idl_lexer *lexer, size_t offset)
{
    return offset < lexer->source->length ? lexer->source->text[offset] : '\0';
}

static struct idl_place place_from(const struct idl_lexer *lexer, size_t start)
{
    return (struct idl_place){ lexer->source, start, lexer->offset - start };
}

static void report(struct idl_lexer *lexer, struct idl_place place, const char *hint,
                   const char *what)
{
    lexer->last_error = place.offset;
    idl_error(lexer->diag, place, hint, "%s", what);
}

/* Is the next mark of a comment from here on one that closes it? */
static bool is_closed_again(const struct idl_lexer *lexer)
{
    for (size_t i = lexer->offset; i + 1 < lexer->source->length; i++) {
        if (at(lexer, i) == '*' && at(lexer, i + 1) == '/')
            return true;
        if (at(lexer, i) == '/' && (at(lexer, i + 1) == '*' || at(lexer, i + 1) == '/'))
            return false;
    }
    return false;
}

/* Behind `*' '/'; leaves the offset there.  False: the text ends before. */
static bool skip_to_close(struct idl_lexer *lexer, size_t *inner)
{
    for (; lexer->offset < lexer->source->length; lexer->offset++) {
        if (at(lexer, lexer->offset) == '*' && at(lexer, lexer->offset + 1) == '/') {
            lexer->offset += 2;
            return true;
        }
        if (at(lexer, lexer->offset) == '/' && at(lexer, lexer->offset + 1) == '*')
            *inner = lexer->offset;
    }
    return false;
}

/* Skips a comment that starts here; false if none does. */
static bool skip_comment(struct idl_lexer *lexer)
{
    size_t start = lexer->offset, length = lexer->source->length;
    if (at(lexer, start) != '/')
        return false;
    if (at(lexer, start + 1) == '/') {
        while (lexer->offset < length && at(lexer, lexer->offset) != '\n')
            lexer->offset++;
        return true;
    }
    if (at(lexer, start + 1) == '*') {
        size_t inner = 0; /* of a comment within the comment */
        lexer->offset += 2;
        if (!skip_to_close(lexer, &inner)) {
            lexer->in_comment = true;
            report(lexer, (struct idl_place){ lexer->source, start, 2 },
                   "close it with */; comments do not nest", "this comment is never closed");
        } else if (inner > 0 && is_closed_again(lexer)) {
            report(lexer, (struct idl_place){ lexer->source, inner, 2 },
                   "leave out this mark and the one that closes it", "comments do not nest");
            (void)skip_to_close(lexer, &inner);
        }
        return true;
    }
    return false;
}

static struct idl_token lex_number(struct idl_lexer *lexer, size_t start)
{
    struct idl_token token = { .kind = IDL_TOKEN_NUMBER };
    unsigned base = 10;
    bool too_large = false;
    if (at(lexer, start) == '0' && (at(lexer, start + 1) == 'x' || at(lexer, start + 1) == 'X')) {
        base = 16;
        lexer->offset += 2;
    }
    size_t digits = lexer->offset;
    for (;; lexer->offset++) {
        int value = digit_value(at(lexer, lexer->offset));
        if (value >= (int)base)
            break;
        too_large |= token.number > (UINT64_MAX - (unsigned)value) / base;
        token.number = token.number * base + (unsigned)value;
    }
    bool malformed = lexer->offset == digits;
    while (is_letter(at(lexer, lexer->offset)) || is_digit(at(lexer, lexer->offset))) {
        malformed = true;
        lexer->offset++;
    }
    token.place = place_from(lexer, start);
    if (malformed)
        report(lexer, token.place, "a number is decimal (2048) or hexadecimal (0x800)",
               "malformed number");
    else if (too_large)
        report(lexer, token.place, NULL, "this number does not fit into 64 bits");
    return token;
}

static struct idl_token lex_string(struct idl_lexer *lexer, size_t start)
{
    struct idl_token token = { .kind = IDL_TOKEN_STRING };
    lexer->offset++;
    size_t first = lexer->offset, length = lexer->source->length;
    while (lexer->offset < length && at(lexer, lexer->offset) != '"' &&
           at(lexer, lexer->offset) != '\n')
        lexer->offset += at(lexer, lexer->offset) == '\\' && lexer->offset + 1 < length &&
                                 at(lexer, lexer->offset + 1) != '\n'
                             ? 2
                             : 1;
    token.text = idl_arena_text(lexer->arena, lexer->source->text + first, lexer->offset - first);
    if (at(lexer, lexer->offset) == '"' && lexer->offset < length) {
        lexer->offset++;
        token.place = place_from(lexer, start);
    } else {
        token.place = place_from(lexer, start);
        token.malformed = true;
        report(lexer, token.place, "close it with \" on the same line",
               "this string is never closed");
    }
    return token;
}

static bool begins_line(const struct idl_lexer *lexer, size_t offset)
{
    while (offset > 0 && (at(lexer, offset - 1) == ' ' || at(lexer, offset - 1) == '\t'))
        offset--;
    return offset == 0 || at(lexer, offset - 1) == '\n';
}

static void skip_unknown_bytes(struct idl_lexer *lexer)
{
    size_t start = lexer->offset;
    if (at(lexer, start) == '#' && begins_line(lexer, start)) {
        while (lexer->offset < lexer->source->length && at(lexer, lexer->offset) != '\n')
            lexer->offset++;
        report(lexer, (struct idl_place){ lexer->source, start, 1 },
               "name files of shared types with -I; comments begin with //",
               "interfaces have no preprocessor");
        return;
    }
    unsigned char first = (unsigned char)at(lexer, start);
    while (lexer->offset < lexer->source->length) {
        char c = at(lexer, lexer->offset);
        if (is_space(c) || is_letter(c) || is_digit(c) ||
            (c != '\0' && strchr("{}()[];,=@\"", c)) || (lexer->offset > start && c == '/'))
            break;
        lexer->offset++;
    }
    struct idl_place place = place_from(lexer, start);
    if (first == '*' && at(lexer, start + 1) == '/') {
        lexer->offset = start + 2;
        report(lexer, place_from(lexer, start), "comments do not nest", "no comment is open here");
    } else if (first == '*') {
        report(lexer, place, "strings are `String s[2048]`, arrays `uint8 data[length, 2048]`",
               "interfaces have no pointers");
    } else if (first > 32 && first < 127) {
        report(lexer, place, NULL,
               idl_arena_printf(lexer->arena, "'%c' has no meaning in an interface", first));
    } else {
        report(lexer, place, "allowed only in comments and strings",
               idl_arena_printf(lexer->arena, "unexpected byte 0x%02x", first));
    }
}

struct idl_token idl_lexer_next(struct idl_lexer *lexer)
{
    for (;;) {
        size_t start = lexer->offset;
        assert(start <= lexer->source->length);
        if (start >= lexer->source->length)
            return (struct idl_token){ .kind = IDL_TOKEN_END,
                                       .place = { lexer->source, start, 0 },
                                       .malformed = lexer->in_comment };
        char c = at(lexer, start);
        if (is_space(c)) {
            lexer->offset++;
            continue;
        }
        if (skip_comment(lexer)) {
            if (!lexer->keep_comments)
                continue;
            return (struct idl_token){ .kind = IDL_TOKEN_COMMENT,
                                       .place = place_from(lexer, start),
                                       .text =
                                           idl_arena_text(lexer->arena, lexer->source->text + start,
                                                          lexer->offset - start) };
        }
        if (is_letter(c)) {
            while (is_letter(at(lexer, lexer->offset)) || is_digit(at(lexer, lexer->offset)))
                lexer->offset++;
            return (struct idl_token){ .kind = IDL_TOKEN_NAME,
                                       .place = place_from(lexer, start),
                                       .text =
                                           idl_arena_text(lexer->arena, lexer->source->text + start,
                                                          lexer->offset - start) };
        }
        if (is_digit(c))
            return lex_number(lexer, start);
        if (c == '"')
            return lex_string(lexer, start);
        if (c != '\0' && strchr("{}()[];,=@", c)) {
            lexer->offset++;
            return (struct idl_token){ .kind = IDL_TOKEN_PUNCTUATION,
                                       .punctuation = c,
                                       .place = place_from(lexer, start) };
        }
        skip_unknown_bytes(lexer);
    }
}

const char *idl_token_describe(struct idl_arena *arena, const struct idl_token *token)
{
    switch (token->kind) {
    case IDL_TOKEN_END:
        return "the end of the file";
    case IDL_TOKEN_NAME:
        return idl_arena_printf(arena, "'%.40s'", token->text);
    case IDL_TOKEN_NUMBER:
        return idl_arena_printf(arena, "the number %llu", (unsigned long long)token->number);
    case IDL_TOKEN_STRING:
        return "a string";
    case IDL_TOKEN_PUNCTUATION:
        return idl_arena_printf(arena, "'%c'", token->punctuation);
    case IDL_TOKEN_COMMENT:
        return "a comment";
    }
    return "?";
}
