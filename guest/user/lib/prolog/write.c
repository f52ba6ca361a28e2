/* SPDX-License-Identifier: MIT
 *
 * Terms to text: with operators, quotes where asked, and a blank only where two tokens would read
 * as one.
 */
#include "prolog_priv.h"

#include <stdio.h>
#include <string.h>

void pl_emit(struct prolog *p, const char *text, size_t length)
{
    pl_work(p, 1 + length / 8);
    if (length > p->config.output_bytes - p->output_length)
        pl_resource(p, "bytes of output", p->config.output_bytes);
    memcpy(p->output + p->output_length, text, length);
    p->output_length += (uint32_t)length;
    p->output[p->output_length] = '\0';
}

void pl_emit_code(struct prolog *p, uint32_t code)
{
    char bytes[4];
    pl_emit(p, bytes, pl_put_code(bytes, code));
}

struct writing {
    struct prolog *p;
    unsigned flags;
    uint32_t start;     /* of this term in the output: nothing before it can run into it */
    bool behind_prefix; /* directly behind a prefix operator */
};

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (c & 0x80) != 0;
}

static bool is_symbol(char c)
{
    return c != '\0' && strchr("+-*/\\^<>=~:.?@#&$", c) != NULL;
}

static void token(const struct writing *w, const char *text, size_t length)
{
    struct prolog *p = w->p;
    if (p->output_length > w->start && length > 0) {
        const char before = p->output[p->output_length - 1], first = text[0];
        if ((is_alphanumeric(before) && is_alphanumeric(first)) ||
            (is_symbol(before) && is_symbol(first)) || (before == ',' && first == '|'))
            pl_emit(p, " ", 1);
    }
    pl_emit(p, text, length);
}

static void word(const struct writing *w, const char *text)
{
    token(w, text, strlen(text));
}

/* ---- atoms ---- */

static bool is_plain(const struct atom *atom)
{
    const char *c = atom->text;
    if (atom->length == 0)
        return false;
    if (strcmp(c, "[]") == 0 || strcmp(c, "!") == 0 || strcmp(c, ";") == 0 ||
        strcmp(c, "{}") == 0 || strcmp(c, ",") == 0 || strcmp(c, "|") == 0)
        return *c != ',' && *c != '|';
    size_t alphanumeric = 0, symbols = 0;
    for (size_t i = 0; i < atom->length; i++) {
        alphanumeric += is_alphanumeric(c[i]);
        symbols += is_symbol(c[i]);
    }
    return symbols == atom->length
               ? strcmp(c, ".") != 0
               : alphanumeric == atom->length && ((*c >= 'a' && *c <= 'z') || (*c & 0x80) != 0);
}

static void write_quoted(const struct writing *w, const struct atom *atom, char quote)
{
    struct prolog *p = w->p;
    token(w, &quote, 1);
    for (size_t i = 0; i < atom->length; i++) {
        const char c = atom->text[i];
        char escaped[8];
        static const char from[] = "\a\b\f\n\r\t\v", to[] = "abfnrtv";
        const char *special = c == '\0' ? NULL : strchr(from, c);
        if (c == quote || c == '\\')
            snprintf(escaped, sizeof(escaped), "\\%c", c);
        else if (special != NULL)
            snprintf(escaped, sizeof(escaped), "\\%c", to[special - from]);
        else if ((uint8_t)c < 32 || c == 127)
            snprintf(escaped, sizeof(escaped), "\\x%x\\", (unsigned)(uint8_t)c);
        else
            snprintf(escaped, sizeof(escaped), "%c", c);
        pl_emit(p, escaped, strlen(escaped));
    }
    pl_emit(p, &quote, 1);
}

static void write_atom(const struct writing *w, uint32_t index)
{
    const struct atom *atom = w->p->atom[index];
    if ((w->flags & WRITE_QUOTED) && !is_plain(atom))
        write_quoted(w, atom, '\'');
    else
        token(w, atom->text, atom->length);
}

/* ---- structures ---- */

static void write_term(const struct writing *w, cell_t term, unsigned limit, unsigned depth);

static void write_int(const struct writing *w, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    word(w, text);
}

static void write_list(const struct writing *outer, cell_t list, unsigned depth)
{
    struct prolog *p = outer->p;
    struct writing inner = *outer, *w = &inner;
    inner.behind_prefix = false;
    word(w, "[");
    for (;;) {
        write_term(w, pl_arg(p, list, 1), 999, depth + 1);
        list = pl_arg(p, list, 2);
        if (!pl_is(p, list, ATOM_DOT, 2))
            break;
        pl_emit(p, ",", 1);
    }
    if (list != make_cell(TAG_ATOM, ATOM_NIL)) {
        pl_emit(p, "|", 1);
        write_term(w, list, 999, depth + 1);
    }
    pl_emit(p, "]", 1);
}

static bool write_numbered(const struct writing *w, cell_t term)
{
    struct prolog *p = w->p;
    if (!(w->flags & WRITE_NUMBERED) || !pl_is(p, term, ATOM_VAR, 1))
        return false;
    const cell_t number = pl_arg(p, term, 1);
    if (tag_of(number) != TAG_INT || int_of(number) < 0)
        return false;
    char text[32];
    snprintf(text, sizeof(text), "%c", (char)('A' + int_of(number) % 26));
    if (int_of(number) >= 26)
        snprintf(text + 1, sizeof(text) - 1, "%lld", (long long)(int_of(number) / 26));
    word(w, text);
    return true;
}

static void open_bracket(const struct writing *w)
{
    struct prolog *p = w->p;
    /* directly behind a name it would begin arguments */
    if (p->output_length > w->start && w->behind_prefix)
        pl_emit(p, " ", 1);
    pl_emit(p, "(", 1);
}

static void write_infix(const struct writing *w, cell_t term, const struct pl_op *op,
                        unsigned limit, unsigned depth)
{
    struct prolog *p = w->p;
    const bool brackets = op->priority > limit;
    const unsigned tight = op->priority - 1;
    const uint32_t name = name_of(pl_functor(p, term));
    if (brackets)
        open_bracket(w);
    struct writing inner = *w;
    inner.behind_prefix = w->behind_prefix && !brackets;
    if (brackets)
        inner.start = p->output_length;
    write_term(&inner, pl_arg(p, term, 1), op->type == OP_YFX ? op->priority : tight, depth + 1);
    inner.behind_prefix = false;
    if (name == ATOM_COMMA) {
        pl_emit(p, ",", 1);
    } else if (is_alphanumeric(op->name[0]) || strcmp(op->name, "->") == 0 ||
               strcmp(op->name, ":-") == 0 || strcmp(op->name, "-->") == 0 ||
               strcmp(op->name, "*->") == 0) {
        const bool blank = is_alphanumeric(op->name[0]);
        pl_emit(p, " ", blank);
        write_atom(&inner, name);
        pl_emit(p, " ", blank);
    } else {
        write_atom(&inner, name);
    }
    write_term(&inner, pl_arg(p, term, 2), op->type == OP_XFY ? op->priority : tight, depth + 1);
    if (brackets)
        pl_emit(p, ")", 1);
}

static bool is_operator_atom(const struct prolog *p, cell_t term)
{
    return tag_of(term) == TAG_ATOM &&
           (pl_operator(pl_text(p, (uint32_t)value_of(term)), true) != NULL ||
            pl_operator(pl_text(p, (uint32_t)value_of(term)), false) != NULL);
}

static void write_prefix(const struct writing *w, cell_t term, const struct pl_op *op,
                         unsigned limit, unsigned depth)
{
    struct prolog *p = w->p;
    const bool brackets = op->priority > limit;
    const cell_t arg = pl_arg(p, term, 1);
    if (brackets)
        open_bracket(w);
    struct writing inner = *w;
    if (brackets)
        inner.start = p->output_length;
    write_atom(&inner, name_of(pl_functor(p, term)));
    if (tag_of(arg) == TAG_INT) /* - 1 is not -1 */
        pl_emit(p, " ", 1);
    inner.behind_prefix = true;
    write_term(&inner, arg, op->type == OP_FY ? op->priority : op->priority - 1, depth + 1);
    if (brackets)
        pl_emit(p, ")", 1);
}

static void write_plain(const struct writing *outer, cell_t term, unsigned depth)
{
    struct prolog *p = outer->p;
    struct writing inner = *outer, *w = &inner;
    inner.behind_prefix = false;
    const cell_t functor = pl_functor(p, term);
    write_atom(w, name_of(functor));
    pl_emit(p, "(", 1);
    for (unsigned i = 1; i <= arity_of(functor); i++) {
        if (i > 1)
            pl_emit(p, ",", 1);
        write_term(w, pl_arg(p, term, i), 999, depth + 1);
    }
    pl_emit(p, ")", 1);
}

static void write_structure(const struct writing *w, cell_t term, unsigned limit, unsigned depth)
{
    struct prolog *p = w->p;
    const cell_t functor = pl_functor(p, term);
    const char *name = pl_text(p, name_of(functor));
    const struct pl_op *op;
    if (pl_is(p, term, ATOM_DOT, 2)) {
        write_list(w, term, depth);
    } else if (write_numbered(w, term)) {
        return;
    } else if (pl_is(p, term, ATOM_BRACES, 1) && !(w->flags & WRITE_CANONICAL)) {
        word(w, "{");
        write_term(w, pl_arg(p, term, 1), 1200, depth + 1);
        pl_emit(p, "}", 1);
    } else if (arity_of(functor) == 2 && !(w->flags & WRITE_CANONICAL) &&
               (op = pl_operator(name, false)) != NULL) {
        write_infix(w, term, op, limit, depth);
    } else if (arity_of(functor) == 1 && !(w->flags & WRITE_CANONICAL) &&
               (op = pl_operator(name, true)) != NULL) {
        write_prefix(w, term, op, limit, depth);
    } else {
        write_plain(w, term, depth);
    }
}

static void write_term(const struct writing *w, cell_t term, unsigned limit, unsigned depth)
{
    struct prolog *p = w->p;
    char text[24];
    if (depth > TERM_DEPTH)
        pl_resource(p, "levels of nested terms", TERM_DEPTH);
    term = pl_deref(p, term);
    switch (tag_of(term)) {
    case TAG_REF:
        snprintf(text, sizeof(text), "_%llu", (unsigned long long)value_of(term));
        word(w, text);
        break;
    case TAG_INT:
        write_int(w, int_of(term));
        break;
    case TAG_STRING:
        if (w->flags & WRITE_QUOTED)
            write_quoted(w, p->atom[value_of(term)], '"');
        else
            token(w, pl_text(p, (uint32_t)value_of(term)), p->atom[value_of(term)]->length);
        break;
    case TAG_ATOM:
        if (limit < 999 && is_operator_atom(p, term)) {
            open_bracket(w);
            write_atom(w, (uint32_t)value_of(term));
            pl_emit(p, ")", 1);
        } else {
            write_atom(w, (uint32_t)value_of(term));
        }
        break;
    default:
        write_structure(w, term, limit, depth);
    }
}

void pl_write(struct prolog *p, cell_t term, unsigned flags)
{
    const struct writing w = { .p = p, .flags = flags, .start = p->output_length };
    write_term(&w, term, 1200, 0);
}

void pl_number_variables(struct prolog *p, cell_t term, int64_t *number)
{
    size_t room, count = 0;
    cell_t *found = pl_scratch(p, &room);
    pl_term_variables(p, term, found, room, &count);
    for (size_t i = 0; i < count; i++)
        pl_bind(p, (uint32_t)value_of(found[i]),
                pl_structure_1(p, ATOM_VAR, make_int((*number)++)));
}
