/* SPDX-License-Identifier: MIT
 *
 * Arithmetic of the Prolog engine: integers of 61 bits.  A result that has more is an error, and so
 * is a division that leaves a rest: there are no fractions.
 */
#include "prolog_priv.h"

#include <string.h>

static void __attribute__((noreturn)) evaluation_error(struct prolog *p, const char *what)
{
    const cell_t name = make_cell(TAG_ATOM, pl_intern_text(p, what));
    pl_throw_error(p, pl_structure_1(p, ATOM_EVALUATION_ERROR, name));
}

static int64_t fitting(struct prolog *p, bool overflow, int64_t value)
{
    if (overflow || value > INT_MAX_VALUE || value < INT_MIN_VALUE)
        evaluation_error(p, "int_overflow");
    return value;
}

static int64_t plus(struct prolog *p, int64_t a, int64_t b)
{
    return fitting(p, false, a + b); /* 61 bits each */
}

static int64_t minus(struct prolog *p, int64_t a, int64_t b)
{
    return fitting(p, false, a - b);
}

static int64_t times(struct prolog *p, int64_t a, int64_t b)
{
    int64_t value;
    const bool overflow = __builtin_mul_overflow(a, b, &value);
    return fitting(p, overflow, value);
}

static void check_divisor(struct prolog *p, int64_t b)
{
    if (b == 0)
        evaluation_error(p, "zero_divisor");
}

static int64_t int_divide(struct prolog *p, int64_t a, int64_t b)
{
    check_divisor(p, b);
    return fitting(p, false, a / b);
}

static int64_t exact_divide(struct prolog *p, int64_t a, int64_t b)
{
    check_divisor(p, b);
    if (a % b != 0)
        evaluation_error(p, "undefined");
    return fitting(p, false, a / b);
}

static int64_t remainder_of(struct prolog *p, int64_t a, int64_t b)
{
    check_divisor(p, b);
    return a % b;
}

static int64_t modulo(struct prolog *p, int64_t a, int64_t b)
{
    check_divisor(p, b);
    const int64_t rest = a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static int64_t floor_divide(struct prolog *p, int64_t a, int64_t b)
{
    check_divisor(p, b);
    return fitting(p, false, (a - modulo(p, a, b)) / b);
}

static int64_t least(struct prolog *p, int64_t a, int64_t b)
{
    (void)p;
    return a < b ? a : b;
}

static int64_t greatest(struct prolog *p, int64_t a, int64_t b)
{
    (void)p;
    return a > b ? a : b;
}

static int64_t shift_right(struct prolog *p, int64_t a, int64_t b);

static int64_t shift_left(struct prolog *p, int64_t a, int64_t b)
{
    if (b < 0)
        return shift_right(p, a, b > -63 ? -b : 63);
    if (a == 0)
        return 0;
    if (b > 60)
        evaluation_error(p, "int_overflow");
    return times(p, a, (int64_t)1 << b);
}

static int64_t shift_right(struct prolog *p, int64_t a, int64_t b)
{
    if (b < 0)
        return shift_left(p, a, b > -63 ? -b : 63);
    return a >> (b > 62 ? 62 : b);
}

static int64_t bit_and(struct prolog *p, int64_t a, int64_t b)
{
    (void)p;
    return a & b;
}

static int64_t bit_or(struct prolog *p, int64_t a, int64_t b)
{
    (void)p;
    return a | b;
}

static int64_t bit_xor(struct prolog *p, int64_t a, int64_t b)
{
    (void)p;
    return a ^ b;
}

static int64_t power(struct prolog *p, int64_t a, int64_t b)
{
    int64_t value = 1;
    if (b < 0) {
        if (a == 1 || a == -1)
            return b % 2 == 0 ? 1 : a;
        if (a == 0)
            evaluation_error(p, "zero_divisor");
        pl_type_error(p, "float", make_int(a));
    }
    if (a == 0 || a == 1)
        return b == 0 ? 1 : a;
    if (a == -1)
        return b % 2 == 0 ? 1 : -1;
    for (; b > 0; b--)
        value = times(p, value, a); /* ends soon: it overflows */
    return value;
}

static int64_t divisor(struct prolog *p, int64_t a, int64_t b)
{
    while (b != 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return fitting(p, false, a < 0 ? -a : a);
}

static int64_t negated(struct prolog *p, int64_t a)
{
    return fitting(p, false, -a);
}

static int64_t same(struct prolog *p, int64_t a)
{
    (void)p;
    return a;
}

static int64_t absolute(struct prolog *p, int64_t a)
{
    return fitting(p, false, a < 0 ? -a : a);
}

static int64_t sign_of(struct prolog *p, int64_t a)
{
    (void)p;
    return (a > 0) - (a < 0);
}

static int64_t complement(struct prolog *p, int64_t a)
{
    (void)p;
    return ~a;
}

static int64_t most_significant(struct prolog *p, int64_t a)
{
    if (a <= 0)
        pl_type_error(p, "not_less_than_one", make_int(a));
    return 63 - __builtin_clzll((uint64_t)a);
}

static int64_t successor(struct prolog *p, int64_t a)
{
    return plus(p, a, 1);
}

static const struct {
    const char *name;
    int64_t (*function)(struct prolog *, int64_t, int64_t);
} binary[] = {
    { "+", plus },        { "-", minus },      { "*", times },          { "/", exact_divide },
    { "//", int_divide }, { "mod", modulo },   { "rem", remainder_of }, { "div", floor_divide },
    { "min", least },     { "max", greatest }, { "<<", shift_left },    { ">>", shift_right },
    { "/\\", bit_and },   { "\\/", bit_or },   { "xor", bit_xor },      { "**", power },
    { "^", power },       { "gcd", divisor },
};

static const struct {
    const char *name;
    int64_t (*function)(struct prolog *, int64_t);
} unary[] = {
    { "-", negated },     { "+", same },         { "abs", absolute },         { "sign", sign_of },
    { "\\", complement }, { "succ", successor }, { "msb", most_significant },
};

static void __attribute__((noreturn)) not_evaluable(struct prolog *p, cell_t functor)
{
    pl_throw_error(p, pl_structure_2(p, ATOM_TYPE_ERROR, make_cell(TAG_ATOM, ATOM_EVALUABLE),
                                     pl_indicator(p, functor)));
}

static int64_t eval(struct prolog *p, cell_t term, unsigned depth)
{
    if (depth > TERM_DEPTH)
        pl_resource(p, "levels of nested terms", TERM_DEPTH);
    pl_work(p, 1);
    term = pl_deref(p, term);
    if (tag_of(term) == TAG_INT)
        return int_of(term);
    if (tag_of(term) == TAG_REF)
        pl_instantiation_error(p);
    if (tag_of(term) == TAG_ATOM)
        not_evaluable(p, term);
    if (tag_of(term) == TAG_STRING)
        pl_type_error(p, "evaluable", term);
    const cell_t functor = pl_functor(p, term);
    const char *name = pl_text(p, name_of(functor));
    if (pl_is(p, term, ATOM_DOT, 2) && pl_arg(p, term, 2) == make_cell(TAG_ATOM, ATOM_NIL))
        return eval(p, pl_arg(p, term, 1), depth + 1);
    if (arity_of(functor) == 2)
        for (size_t i = 0; i < sizeof(binary) / sizeof(binary[0]); i++)
            if (strcmp(binary[i].name, name) == 0) {
                const int64_t a = eval(p, pl_arg(p, term, 1), depth + 1);
                return binary[i].function(p, a, eval(p, pl_arg(p, term, 2), depth + 1));
            }
    if (arity_of(functor) == 1)
        for (size_t i = 0; i < sizeof(unary) / sizeof(unary[0]); i++)
            if (strcmp(unary[i].name, name) == 0)
                return unary[i].function(p, eval(p, pl_arg(p, term, 1), depth + 1));
    not_evaluable(p, functor);
}

int64_t pl_eval(struct prolog *p, cell_t expression)
{
    return eval(p, expression, 0);
}

/* ---- comparisons ---- */

static bool is_2(struct prolog *p, const cell_t *args)
{
    return pl_unify(p, args[0], make_int(pl_eval(p, args[1])));
}

#define COMPARISON(name, against)                          \
    static bool name(struct prolog *p, const cell_t *args) \
    {                                                      \
        const int64_t a = pl_eval(p, args[0]);             \
        return a against pl_eval(p, args[1]);              \
    }
COMPARISON(equal, ==)
COMPARISON(unequal, !=)
COMPARISON(less, <)
COMPARISON(greater, >)
COMPARISON(at_most, <=)
COMPARISON(at_least, >=)

const struct builtin pl_arith_builtins[] = {
    { "is", 2, is_2 },   { "=:=", 2, equal },  { "=\\=", 2, unequal }, { "<", 2, less },
    { ">", 2, greater }, { "=<", 2, at_most }, { ">=", 2, at_least },  { NULL, 0, NULL },
};
