/* SPDX-License-Identifier: MIT
 *
 * format/2 of the Prolog engine: ~w ~p ~q ~a ~d ~D ~s ~c ~r ~n ~i ~~ and ~*c, each with a number
 * where it has a use.  Anything else is an error.
 */
#include "prolog_priv.h"

#include <stdio.h>
#include <string.h>

struct formatting {
    struct prolog *p;
    cell_t args; /* what is left of them */
};

static void __attribute__((noreturn)) format_error(struct prolog *p, const char *what)
{
    const cell_t text = make_cell(TAG_ATOM, pl_intern_text(p, what));
    pl_throw_error(p, pl_structure_1(p, ATOM_FORMAT, text));
}

static cell_t next_argument(struct formatting *f)
{
    struct prolog *p = f->p;
    if (!pl_is(p, f->args, ATOM_DOT, 2))
        format_error(p, "not enough arguments");
    const cell_t argument = pl_arg(p, f->args, 1);
    f->args = pl_arg(p, f->args, 2);
    return argument;
}

/* A number with `point` digits behind a point, and commas. */
static void emit_number(struct prolog *p, int64_t value, unsigned point, bool commas)
{
    char digits[96], out[160];
    size_t length = 0;
    const bool negative = value < 0;
    if (point > 40)
        point = 40;
    snprintf(digits, sizeof(digits), "%0*llu", (int)point + 1,
             (unsigned long long)(negative ? 0 - (uint64_t)value : (uint64_t)value));
    const size_t count = strlen(digits), whole = count - point;
    if (negative)
        out[length++] = '-';
    for (size_t i = 0; i < count; i++) {
        if (i == whole)
            out[length++] = '.';
        else if (commas && i > 0 && i < whole && (whole - i) % 3 == 0)
            out[length++] = ',';
        out[length++] = digits[i];
    }
    pl_emit(p, out, length);
}

static void emit_radix(struct prolog *p, int64_t value, int64_t base, bool upper)
{
    char out[72];
    size_t at = sizeof(out);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (base < 2 || base > 36)
        format_error(p, "no such radix");
    do {
        const unsigned digit = (unsigned)(rest % (uint64_t)base);
        out[--at] = (char)(digit < 10 ? '0' + digit : (upper ? 'A' : 'a') + digit - 10);
        rest /= (uint64_t)base;
    } while (rest > 0);
    if (value < 0)
        out[--at] = '-';
    pl_emit(p, out + at, sizeof(out) - at);
}

static void emit_text(struct prolog *p, cell_t cell)
{
    const char *text;
    size_t length;
    if (tag_of(cell) == TAG_REF)
        pl_instantiation_error(p);
    if (!pl_text_of(p, cell, &text, &length))
        format_error(p, "illegal argument");
    pl_emit(p, text, length);
}

static int64_t number_argument(struct formatting *f)
{
    const cell_t cell = next_argument(f);
    if (tag_of(cell) != TAG_INT) {
        if (tag_of(cell) == TAG_REF)
            pl_instantiation_error(f->p);
        pl_type_error(f->p, "integer", cell);
    }
    return int_of(cell);
}

static void directive(struct formatting *f, char c, int64_t number)
{
    struct prolog *p = f->p;
    const unsigned times = number < 0 ? 1 : (unsigned)number;
    switch (c) {
    case 'w':
        pl_write(p, next_argument(f), WRITE_NUMBERED);
        break;
    case 'p':
    case 'q':
        pl_write(p, next_argument(f), WRITE_NUMBERED | WRITE_QUOTED);
        break;
    case 'a':
    case 's':
        emit_text(p, next_argument(f));
        break;
    case 'd':
    case 'D':
        emit_number(p, number_argument(f), number < 0 ? 0 : times, c == 'D');
        break;
    case 'r':
    case 'R':
        emit_radix(p, number_argument(f), number, c == 'R');
        break;
    case 'c': {
        const int64_t code = number_argument(f);
        for (unsigned i = 0; i < times; i++)
            pl_emit_code(p, (uint32_t)code);
        break;
    }
    case 'n':
        for (unsigned i = 0; i < times; i++)
            pl_emit(p, "\n", 1);
        break;
    case 'i':
        next_argument(f);
        break;
    case '~':
        pl_emit(p, "~", 1);
        break;
    default:
        format_error(p, "unknown directive");
    }
}

static const char *count_of(struct formatting *f, const char *at, int64_t *number)
{
    *number = -1;
    if (*at == '*') {
        *number = number_argument(f);
        if (*number < 0)
            format_error(f->p, "no or negative integer for `*' argument");
        return at + 1;
    }
    if (*at == '`') {
        uint32_t code;
        at += 1 + pl_get_code(at + 1, strlen(at + 1), &code);
        *number = code;
        return at;
    }
    for (; *at >= '0' && *at <= '9' && *number < 1000000; at++)
        *number = (*number < 0 ? 0 : *number) * 10 + (*at - '0');
    return at;
}

void pl_format(struct prolog *p, cell_t format, cell_t args)
{
    const char *text;
    size_t length;
    char copy[1024]; /* what is written may use the engine's scratch */
    struct formatting f = { .p = p, .args = pl_deref(p, args) };
    if (!pl_is(p, f.args, ATOM_DOT, 2) && f.args != make_cell(TAG_ATOM, ATOM_NIL))
        f.args = pl_structure_2(p, ATOM_DOT, f.args, make_cell(TAG_ATOM, ATOM_NIL));
    if (tag_of(pl_deref(p, format)) == TAG_REF)
        pl_instantiation_error(p);
    if (!pl_text_of(p, format, &text, &length) || length >= sizeof(copy))
        format_error(p, "illegal format");
    memcpy(copy, text, length);
    copy[length] = '\0';
    for (const char *at = copy; *at != '\0';) {
        const size_t plain = strcspn(at, "~");
        int64_t number;
        pl_emit(p, at, plain);
        at += plain;
        if (*at == '\0')
            break;
        at = count_of(&f, at + 1, &number);
        if (*at == '\0')
            format_error(p, "truncated format specification");
        directive(&f, *at++, number);
    }
    if (f.args != make_cell(TAG_ATOM, ATOM_NIL))
        format_error(p, "too many arguments");
}
