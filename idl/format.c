/* SPDX-License-Identifier: MIT
 *
 * --format (format.h).
 *
 * Works on tokens, not on the tree: nothing the author wrote can get lost.  The language is so
 * small that the layout follows from brackets and semicolons: `{` opens a level, `;` ends a line,
 * commas in parentheses may break it.  A blank line between declarations is kept (one of them); a
 * comment that followed something on its line stays there.  Must be idempotent: what decides about
 * a break must not depend on how the input was broken.
 */
#include "format.h"

#include <string.h>

#include "lexer.h"

#define RIGHT_MARGIN 100

struct formatter {
    struct idl_text *out;
    struct idl_arena *arena;
    unsigned depth;    /* of braces */
    unsigned parens;   /* of parentheses */
    unsigned column;   /* of the line being written; 0: at its start */
    unsigned hang;     /* indentation of a continuation */
    bool end_line;     /* the next token begins a line */
    unsigned brackets; /* of [ ] */
    bool after_enum;   /* the next `{` holds enumerators: laid out like arguments */
    bool in_enum;
    struct idl_token last;
    const struct idl_token *tokens; /* all of them; the current one is at `next` - 1 */
    size_t next;
};

static void newline(struct formatter *f)
{
    if (f->column > 0)
        put(f->out, "\n");
    f->column = 0;
    f->end_line = false;
}

static unsigned indentation(const struct formatter *f)
{
    return f->parens > 0 ? f->hang : f->depth * 4;
}

/* Columns up to the next place where the line may break, from the current token on. */
static size_t item_length(const struct formatter *f)
{
    size_t length = 0;
    unsigned brackets = 0;
    for (size_t i = f->next - 1; f->tokens[i].kind != IDL_TOKEN_END; i++) {
        const struct idl_token *t = &f->tokens[i];
        char c = t->kind == IDL_TOKEN_PUNCTUATION ? t->punctuation : '\0';
        if (brackets == 0 && (c == ',' || c == ')' || c == '}' || c == ';'))
            break;
        if (c == '[')
            brackets++;
        if (c == ']' && brackets > 0)
            brackets--;
        length += t->place.length + (t->kind != IDL_TOKEN_PUNCTUATION || c == ',');
    }
    return length;
}

/* Returns whether it begins a line. */
static bool write_text(struct formatter *f, const char *text, bool space)
{
    size_t length = strlen(text);
    if (f->column > 0 && f->parens > 0 && f->brackets == 0 &&
        f->last.kind == IDL_TOKEN_PUNCTUATION && f->last.punctuation == ',' &&
        f->column + item_length(f) + 2 > RIGHT_MARGIN)
        newline(f);
    const bool begins = f->column == 0;
    if (begins) {
        unsigned indent = indentation(f);
        put(f->out, "%*s", (int)indent, "");
        f->column = indent;
    } else if (space) {
        put(f->out, " ");
        f->column++;
    }
    put(f->out, "%s", text);
    const char *last_line = strrchr(text, '\n');
    f->column =
        last_line == NULL ? f->column + (unsigned)length : (unsigned)strlen(last_line + 1) + 1;
    return begins;
}

static const char *spelling(struct formatter *f, const struct idl_token *t)
{
    switch (t->kind) {
    case IDL_TOKEN_STRING:
        return idl_arena_printf(f->arena, "\"%s\"", t->text);
    case IDL_TOKEN_PUNCTUATION:
        return idl_arena_printf(f->arena, "%c", t->punctuation);
    case IDL_TOKEN_NUMBER:
        return idl_arena_text(f->arena, t->place.source->text + t->place.offset, t->place.length);
    default:
        return t->text;
    }
}

static unsigned newlines_before(const struct formatter *f, const struct idl_token *t)
{
    const char *text = t->place.source->text;
    size_t from = f->last.place.source == NULL ? 0 : f->last.place.offset + f->last.place.length;
    unsigned count = 0;
    for (size_t i = from; i < t->place.offset; i++)
        count += text[i] == '\n';
    return count;
}

static void write_comment(struct formatter *f, const struct idl_token *t)
{
    bool line_comment = t->text[1] == '/';
    bool own_line = newlines_before(f, t) > 0 || f->last.place.source == NULL;
    const char *text = t->text;
    size_t length = strlen(text);
    while (length > 2 && strchr(" \t\r", text[length - 1]) != NULL)
        length--;
    if (own_line)
        newline(f);
    /* a comment behind `;` or `{` stays on that line; one on a line of its own keeps it, also if it
     * came there because there was no room */
    bool begins = write_text(f, idl_arena_text(f->arena, text, length), true);
    f->end_line = line_comment || begins;
}

static bool no_space_before(const struct idl_token *t)
{
    return t->kind == IDL_TOKEN_PUNCTUATION && strchr(";,)]([", t->punctuation) != NULL;
}

static bool no_space_after(const struct idl_token *t)
{
    return t->kind == IDL_TOKEN_PUNCTUATION && strchr("([@", t->punctuation) != NULL;
}

/* Attributes: `=` stands close. */
static bool is_close(const struct idl_token *t)
{
    return t->kind == IDL_TOKEN_PUNCTUATION && t->punctuation == '=';
}

static void write_token(struct formatter *f, const struct idl_token *t)
{
    char c = t->kind == IDL_TOKEN_PUNCTUATION ? t->punctuation : '\0';
    if (c == '}' && f->in_enum) {
        f->in_enum = false;
        f->parens = 0;
    } else if (c == '}') {
        if (f->depth > 0)
            f->depth--;
        newline(f);
    } else if (f->end_line) {
        newline(f);
    }
    bool space =
        !no_space_before(t) && !no_space_after(&f->last) && !is_close(t) && !is_close(&f->last);
    if (f->last.kind == IDL_TOKEN_COMMENT)
        space = true;
    write_text(f, spelling(f, t), space);
    switch (c) {
    case '{':
        if (f->after_enum) {
            f->in_enum = true;
            f->parens = 1;
            f->hang = (f->depth + 1) * 4;
            break;
        }
        f->depth++;
        f->end_line = true;
        break;
    case ';':
        f->end_line = true;
        break;
    case '(':
        if (f->parens++ == 0)
            f->hang = f->column < 60 ? f->column : (f->depth + 1) * 4;
        break;
    case ')':
        if (f->parens > 0)
            f->parens--;
        break;
    case '[':
        f->brackets++;
        break;
    case ']':
        if (f->brackets > 0)
            f->brackets--;
        break;
    }
    f->after_enum = t->kind == IDL_TOKEN_NAME && strcmp(t->text, "enum") == 0 &&
                    f->tokens[f->next].kind == IDL_TOKEN_PUNCTUATION &&
                    f->tokens[f->next].punctuation == '{';
}

/* All tokens with comments, END last. */
static const struct idl_token *read_tokens(struct idl_arena *arena, struct idl_lexer *lexer)
{
    size_t count = 0, size = 0;
    struct idl_token *tokens = NULL;
    do {
        if (count == size) {
            struct idl_token *more = idl_arena_alloc(arena, (size * 2 + 64) * sizeof(*more));
            if (tokens != NULL)
                memcpy(more, tokens, count * sizeof(*more));
            tokens = more;
            size = size * 2 + 64;
        }
        tokens[count++] = idl_lexer_next(lexer);
    } while (tokens[count - 1].kind != IDL_TOKEN_END);
    return tokens;
}

void idl_format(struct idl_text *out, struct idl_arena *arena, const struct idl_source *source)
{
    struct formatter f = { .out = out, .arena = arena };
    struct idl_diag quiet;
    struct idl_lexer lexer;
    idl_diag_init(&quiet, arena);
    idl_lexer_init(&lexer, arena, &quiet, source);
    lexer.keep_comments = true;
    f.tokens = read_tokens(arena, &lexer);
    while (f.tokens[f.next].kind != IDL_TOKEN_END) {
        const struct idl_token t = f.tokens[f.next++];
        bool blank = f.last.place.source != NULL && newlines_before(&f, &t) > 1 && f.parens == 0;
        bool opens = f.last.kind == IDL_TOKEN_PUNCTUATION && f.last.punctuation == '{';
        bool closes = t.kind == IDL_TOKEN_PUNCTUATION && t.punctuation == '}';
        if (blank && !opens && !closes && (f.end_line || f.column == 0)) {
            newline(&f);
            put(out, "\n");
        }
        if (t.kind == IDL_TOKEN_COMMENT)
            write_comment(&f, &t);
        else
            write_token(&f, &t);
        f.last = t;
    }
    newline(&f);
    idl_diag_fini(&quiet);
}
