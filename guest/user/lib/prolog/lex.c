/* SPDX-License-Identifier: MIT
 *
 * Tokens of Prolog text: one look-ahead, and an error that names line and column.
 */
#include "prolog_priv.h"

#include <stdio.h>
#include <string.h>

void pl_syntax_error(struct reader *r, size_t at, const char *what)
{
    unsigned line = 1, column = 1;
    for (size_t i = 0; i < at; i++) {
        column++;
        if (r->text[i] == '\n') {
            line++;
            column = 1;
        }
    }
    pl_fatal(r->p, "line %u, column %u: %s", line, column, what);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_name(char c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || (c & 0x80) != 0;
}

static bool is_symbol(char c)
{
    return c != '\0' && strchr("+-*/\\^<>=~:.?@#&$", c) != NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

/* Behind blanks and comments. */
static void skip_layout(struct reader *r)
{
    for (;;) {
        const char *c = &r->text[r->at];
        if (is_blank(*c)) {
            r->at++;
        } else if (*c == '%') {
            r->at += strcspn(c, "\n");
        } else if (c[0] == '/' && c[1] == '*') {
            const char *end = strstr(c + 2, "*/");
            if (end == NULL)
                pl_syntax_error(r, r->at, "this comment has no end");
            r->at = (size_t)(end + 2 - r->text);
        } else {
            return;
        }
    }
}

/* ---- numbers ---- */

static int digit_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if (is_lower(c))
        return c - 'a' + 10;
    return c >= 'A' && c <= 'Z' ? c - 'A' + 10 : 99;
}

static size_t digits(const char *text, int base, int64_t *value, bool *overflow)
{
    size_t used = 0;
    *value = 0;
    while (digit_value(text[used]) < base) {
        const int digit = digit_value(text[used++]);
        if (*value > (INT_MAX_VALUE - digit) / base) {
            *overflow = true;
            *value = 0;
        }
        *value = *value * base + digit;
        if (text[used] == '_' && digit_value(text[used + 1]) < base)
            used++;
    }
    return used;
}

static size_t read_code(struct reader *r, size_t at, char quote, uint32_t *code);

/* 0'c */
static size_t character(struct reader *r, const char *text, int64_t *value)
{
    uint32_t code;
    if (text[2] == '\0')
        return 0;
    if (text[2] == '\'')
        return text[3] == '\'' ? (*value = '\'', 4) : 0;
    const size_t used = read_code(r, (size_t)(text + 2 - r->text), '\'', &code);
    *value = code;
    return 2 + used;
}

static void read_number(struct reader *r)
{
    const char *text = &r->text[r->at];
    bool overflow = false;
    size_t used = 0;
    struct token *t = &r->token;
    t->kind = TOKEN_INTEGER;
    if (text[0] == '0' && text[1] == '\'')
        used = character(r, text, &t->integer);
    else if (text[0] == '0' && text[1] != '\0' && strchr("xob", text[1]) != NULL) {
        used = digits(text + 2,
                      text[1] == 'x'   ? 16
                      : text[1] == 'o' ? 8
                                       : 2,
                      &t->integer, &overflow);
        used = used > 0 ? used + 2 : 0;
    }
    if (used == 0)
        used = digits(text, 10, &t->integer, &overflow);
    if (overflow)
        pl_syntax_error(r, r->at, "this number has more than 60 bits");
    if (text[used] == '.' && is_digit(text[used + 1]))
        pl_syntax_error(r, r->at, "there are no numbers with a fraction");
    r->at += used;
}

bool pl_parse_integer(const char *text, size_t length, int64_t *value)
{
    bool overflow = false;
    const bool negative = length > 1 && text[0] == '-';
    const size_t from = negative || (length > 1 && text[0] == '+');
    if (from == length || digits(text + from, 10, value, &overflow) != length - from || overflow)
        return false;
    if (negative)
        *value = -*value;
    return true;
}

/* ---- quoted texts ---- */

size_t pl_put_code(char *to, uint32_t code)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (char)(0xc0 | code >> 6);
        to[1] = (char)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        to[0] = (char)(0xe0 | code >> 12);
        to[1] = (char)(0x80 | (code >> 6 & 63));
        to[2] = (char)(0x80 | (code & 63));
        return 3;
    }
    to[0] = (char)(0xf0 | code >> 18);
    to[1] = (char)(0x80 | (code >> 12 & 63));
    to[2] = (char)(0x80 | (code >> 6 & 63));
    to[3] = (char)(0x80 | (code & 63));
    return 4;
}

size_t pl_get_code(const char *text, size_t length, uint32_t *code)
{
    const uint8_t first = (uint8_t)text[0];
    const size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    if (bytes == 1 || bytes > length) {
        *code = first;
        return 1;
    }
    *code = first & (0xffu >> (bytes + 1));
    for (size_t i = 1; i < bytes; i++)
        *code = *code << 6 | ((uint8_t)text[i] & 63);
    return bytes;
}

/* \x41\ or \101\ */
static size_t numbered_code(struct reader *r, size_t at, uint32_t *code)
{
    const char *text = &r->text[at];
    const bool hex = *text == 'x';
    bool overflow = false;
    int64_t value;
    size_t used = digits(text + hex, hex ? 16 : 8, &value, &overflow) + hex;
    if (overflow || value > 0x10ffff || value == 0 || used == hex)
        pl_syntax_error(r, at, "this is not the number of a character");
    *code = (uint32_t)value;
    return used + (text[used] == '\\');
}

/* One character of a quoted text; a length of 0: none (an escaped end of line). */
static size_t escape(struct reader *r, size_t at, uint32_t *code)
{
    static const char from[] = "abfnrtv0\\'\"`es", to[] = "\a\b\f\n\r\t\v\0\\'\"`\033 ";
    const char c = r->text[at];
    if (c == 'x' || (c >= '0' && c <= '7'))
        return numbered_code(r, at, code);
    const char *found = c == '\0' ? NULL : strchr(from, c);
    if (found == NULL)
        pl_syntax_error(r, at, "unknown escape in a quoted text");
    *code = (uint8_t)to[found - from];
    return 1;
}

static size_t read_code(struct reader *r, size_t at, char quote, uint32_t *code)
{
    const char *text = &r->text[at];
    if (text[0] == '\\')
        return 1 + escape(r, at + 1, code);
    if (text[0] == quote && text[1] == quote) {
        *code = (uint8_t)quote;
        return 2;
    }
    return pl_get_code(text, strlen(text), code);
}

static void read_quoted(struct reader *r, char quote)
{
    size_t room, length = 0;
    const size_t from = r->at++;
    char *to = (char *)pl_scratch(r->p, &room);
    room *= sizeof(cell_t);
    while (r->text[r->at] != quote || r->text[r->at + 1] == quote) {
        uint32_t code;
        if (r->text[r->at] == '\0')
            pl_syntax_error(r, from, "this quoted text has no end");
        if (length + 4 > room)
            pl_resource(r->p, "cells of memory", r->p->config.cells);
        if (r->text[r->at] == '\\' && r->text[r->at + 1] == '\n') {
            r->at += 2;
            continue;
        }
        pl_work(r->p, 1);
        r->at += read_code(r, r->at, quote, &code);
        length += pl_put_code(to + length, code);
    }
    r->at++;
    r->token.kind = quote == '\'' ? TOKEN_QUOTED : quote == '"' ? TOKEN_STRING : TOKEN_CODES;
    r->token.atom = pl_intern(r->p, to, length);
}

/* ---- tokens ---- */

static void take_name(struct reader *r, int kind, size_t length)
{
    r->token.kind = kind;
    r->token.atom = pl_intern(r->p, &r->text[r->at], length);
    r->at += length;
}

static bool is_full_stop(const char *c)
{
    return c[0] == '.' && (c[1] == '\0' || is_blank(c[1]) || c[1] == '%');
}

static size_t run_of(const char *text, bool (*belongs)(char))
{
    size_t length = 0;
    while (belongs(text[length]))
        length++;
    return length;
}

void pl_next_token(struct reader *r)
{
    const size_t before = r->at;
    const bool was_name = r->token.kind == TOKEN_ATOM || r->token.kind == TOKEN_QUOTED;
    skip_layout(r);
    const char *c = &r->text[r->at];
    struct token *t = &r->token;
    t->layout = r->at != before;
    t->at = r->at;
    pl_work(r->p, 1);
    if (*c == '\0') {
        t->kind = TOKEN_END_OF_TEXT;
    } else if (is_full_stop(c)) {
        t->kind = TOKEN_END;
        r->at++;
    } else if (is_digit(*c)) {
        read_number(r);
    } else if (*c == '_' || (*c >= 'A' && *c <= 'Z')) {
        take_name(r, TOKEN_VARIABLE, run_of(c, is_name));
    } else if (is_name(*c)) {
        take_name(r, TOKEN_ATOM, run_of(c, is_name));
    } else if (strchr("'\"`", *c) != NULL) {
        read_quoted(r, *c);
    } else if (strchr("!;", *c) != NULL) {
        take_name(r, TOKEN_ATOM, 1);
    } else if (is_symbol(*c)) {
        take_name(r, TOKEN_ATOM, run_of(c, is_symbol));
    } else if (strchr("()[]{},|", *c) != NULL) {
        t->kind = *c == '(' && was_name && !t->layout ? TOKEN_CALL : TOKEN_PUNCTUATION;
        t->atom = (uint8_t)*c;
        r->at++;
        if (c[0] == '|' && c[1] == '|')
            pl_syntax_error(r, t->at, "unexpected '|'");
    } else {
        pl_syntax_error(r, r->at, "unexpected character");
    }
}

void pl_reader_init(struct reader *r, struct prolog *p, const char *text)
{
    *r = (struct reader){ .p = p, .text = text };
    p->variables = 0;
    pl_next_token(r);
}
