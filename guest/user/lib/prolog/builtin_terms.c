/* SPDX-License-Identifier: MIT
 *
 * Predicates of the Prolog engine on terms: kinds, order, parts, output.
 */
#include "prolog_priv.h"

#include <string.h>

/* ---- kinds ---- */

static bool is_var(struct prolog *p, const cell_t *args)
{
    return tag_of(pl_deref(p, args[0])) == TAG_REF;
}

static bool is_nonvar(struct prolog *p, const cell_t *args)
{
    return !is_var(p, args);
}

static bool is_atom(struct prolog *p, const cell_t *args)
{
    return tag_of(pl_deref(p, args[0])) == TAG_ATOM;
}

static bool is_integer(struct prolog *p, const cell_t *args)
{
    return tag_of(pl_deref(p, args[0])) == TAG_INT;
}

static bool is_string(struct prolog *p, const cell_t *args)
{
    return tag_of(pl_deref(p, args[0])) == TAG_STRING;
}

static bool is_compound(struct prolog *p, const cell_t *args)
{
    return tag_of(pl_deref(p, args[0])) == TAG_STRUCT;
}

static bool is_atomic(struct prolog *p, const cell_t *args)
{
    return is_nonvar(p, args) && !is_compound(p, args);
}

static bool is_callable(struct prolog *p, const cell_t *args)
{
    return pl_is_callable(pl_deref(p, args[0]));
}

static bool is_list(struct prolog *p, const cell_t *args)
{
    cell_t list = pl_deref(p, args[0]);
    for (; pl_is(p, list, ATOM_DOT, 2); list = pl_arg(p, list, 2))
        pl_work(p, 1);
    return list == make_cell(TAG_ATOM, ATOM_NIL);
}

static bool is_ground(struct prolog *p, const cell_t *args)
{
    size_t room, count = 0;
    cell_t *found = pl_scratch(p, &room);
    pl_term_variables(p, args[0], found, room, &count);
    return count == 0;
}

static bool fails(struct prolog *p, const cell_t *args)
{
    (void)p;
    (void)args;
    return false;
}

static bool succeeds(struct prolog *p, const cell_t *args)
{
    (void)p;
    (void)args;
    return true;
}

const struct builtin pl_type_builtins[] = {
    { "var", 1, is_var },        { "nonvar", 1, is_nonvar },
    { "atom", 1, is_atom },      { "integer", 1, is_integer },
    { "number", 1, is_integer }, { "float", 1, fails },
    { "string", 1, is_string },  { "compound", 1, is_compound },
    { "atomic", 1, is_atomic },  { "callable", 1, is_callable },
    { "is_list", 1, is_list },   { "ground", 1, is_ground },
    { "fail", 0, fails },        { "false", 0, fails },
    { "true", 0, succeeds },     { "otherwise", 0, succeeds },
    { NULL, 0, NULL },
};

/* ---- equality and order ---- */

static bool unify_2(struct prolog *p, const cell_t *args)
{
    return pl_unify(p, args[0], args[1]);
}

static bool not_unify_2(struct prolog *p, const cell_t *args)
{
    const uint32_t mark = p->trail_top;
    const bool same = pl_unify(p, args[0], args[1]);
    while (p->trail_top > mark) {
        const uint32_t variable = p->trail[--p->trail_top];
        p->heap[variable] = make_cell(TAG_REF, variable);
    }
    return !same;
}

#define ORDER(name, against)                               \
    static bool name(struct prolog *p, const cell_t *args) \
    {                                                      \
        return pl_compare(p, args[0], args[1]) against 0;  \
    }
ORDER(identical, ==)
ORDER(different, !=)
ORDER(before, <)
ORDER(after, >)
ORDER(not_after, <=)
ORDER(not_before, >=)

static bool compare_3(struct prolog *p, const cell_t *args)
{
    const int order = pl_compare(p, args[1], args[2]);
    return pl_unify(p, args[0],
                    make_cell(TAG_ATOM, order < 0   ? ATOM_LESS
                                        : order > 0 ? ATOM_GREATER
                                                    : ATOM_EQUALS));
}

/* ---- parts ---- */

static bool make_functor_term(struct prolog *p, const cell_t *args)
{
    const cell_t name = pl_deref(p, args[1]);
    if (tag_of(name) == TAG_REF)
        pl_instantiation_error(p);
    const int64_t arity = pl_integer(p, args[2]);
    if (arity == 0)
        return pl_unify(p, args[0], name);
    if (arity < 0)
        pl_domain_error(p, "not_less_than_zero", make_int(arity));
    if (arity > MAX_ARITY)
        pl_resource(p, "arguments", MAX_ARITY);
    if (tag_of(name) != TAG_ATOM)
        pl_type_error(p, tag_of(name) == TAG_STRUCT ? "atomic" : "callable", name);
    const uint32_t at = pl_cells(p, 1);
    p->heap[at] = make_functor((uint32_t)value_of(name), (unsigned)arity);
    pl_variables(p, (uint32_t)arity);
    return pl_unify(p, args[0], make_cell(TAG_STRUCT, at));
}

static bool functor_3(struct prolog *p, const cell_t *args)
{
    const cell_t term = pl_deref(p, args[0]);
    if (tag_of(term) == TAG_REF)
        return make_functor_term(p, args);
    if (tag_of(term) != TAG_STRUCT)
        return pl_unify(p, args[1], term) && pl_unify(p, args[2], make_int(0));
    const cell_t functor = pl_functor(p, term);
    return pl_unify(p, args[1], make_cell(TAG_ATOM, name_of(functor))) &&
           pl_unify(p, args[2], make_int(arity_of(functor)));
}

/* The number is known; the library tries them all otherwise. */
static bool arg_3(struct prolog *p, const cell_t *args)
{
    const cell_t term = pl_deref(p, args[1]);
    const int64_t number = pl_integer(p, args[0]);
    if (tag_of(term) == TAG_REF)
        pl_instantiation_error(p);
    if (tag_of(term) != TAG_STRUCT)
        pl_type_error(p, "compound", term);
    return number >= 1 && number <= arity_of(pl_functor(p, term)) &&
           pl_unify(p, args[2], pl_arg(p, term, (unsigned)number));
}

static bool build_univ(struct prolog *p, const cell_t *args)
{
    cell_t items[MAX_ARITY + 1];
    size_t count;
    if (!pl_list_items(p, args[1], items, MAX_ARITY + 1, &count))
        pl_instantiation_error(p);
    if (count == 0)
        pl_domain_error(p, "non_empty_list", make_cell(TAG_ATOM, ATOM_NIL));
    if (tag_of(items[0]) == TAG_REF)
        pl_instantiation_error(p);
    if (count == 1)
        return pl_unify(p, args[0], items[0]);
    if (tag_of(items[0]) != TAG_ATOM)
        pl_type_error(p, tag_of(items[0]) == TAG_STRUCT ? "atomic" : "callable", items[0]);
    return pl_unify(p, args[0],
                    pl_structure(p, (uint32_t)value_of(items[0]), (unsigned)count - 1, items + 1));
}

static bool univ_2(struct prolog *p, const cell_t *args)
{
    cell_t items[MAX_ARITY + 1];
    const cell_t term = pl_deref(p, args[0]);
    if (tag_of(term) == TAG_REF)
        return build_univ(p, args);
    unsigned count = 1;
    items[0] = term;
    if (tag_of(term) == TAG_STRUCT) {
        const cell_t functor = pl_functor(p, term);
        items[0] = make_cell(TAG_ATOM, name_of(functor));
        for (unsigned i = 1; i <= arity_of(functor); i++)
            items[count++] = pl_arg(p, term, i);
    }
    return pl_unify(p, args[1], pl_list(p, items, count, make_cell(TAG_ATOM, ATOM_NIL)));
}

static bool copy_term_2(struct prolog *p, const cell_t *args)
{
    return pl_unify(p, args[1], pl_copy(p, args[0]));
}

static bool term_variables_2(struct prolog *p, const cell_t *args)
{
    size_t room, count = 0;
    cell_t *found = pl_scratch(p, &room);
    pl_term_variables(p, args[0], found, room, &count);
    return pl_unify(p, args[1], pl_list(p, found, count, make_cell(TAG_ATOM, ATOM_NIL)));
}

static bool throw_1(struct prolog *p, const cell_t *args)
{
    const cell_t ball = pl_deref(p, args[0]);
    if (tag_of(ball) == TAG_REF)
        pl_instantiation_error(p);
    pl_throw(p, ball);
}

/* ---- output ---- */

static bool write_1(struct prolog *p, const cell_t *args)
{
    pl_write(p, args[0], WRITE_NUMBERED);
    return true;
}

static bool writeln_1(struct prolog *p, const cell_t *args)
{
    pl_write(p, args[0], WRITE_NUMBERED);
    pl_emit(p, "\n", 1);
    return true;
}

static bool writeq_1(struct prolog *p, const cell_t *args)
{
    pl_write(p, args[0], WRITE_NUMBERED | WRITE_QUOTED);
    return true;
}

static bool write_canonical_1(struct prolog *p, const cell_t *args)
{
    pl_write(p, args[0], WRITE_CANONICAL | WRITE_QUOTED);
    return true;
}

static bool nl_0(struct prolog *p, const cell_t *args)
{
    (void)args;
    pl_emit(p, "\n", 1);
    return true;
}

static bool tab_1(struct prolog *p, const cell_t *args)
{
    for (int64_t count = pl_eval(p, args[0]); count > 0; count--)
        pl_emit(p, " ", 1);
    return true;
}

static bool format_1(struct prolog *p, const cell_t *args)
{
    pl_format(p, args[0], make_cell(TAG_ATOM, ATOM_NIL));
    return true;
}

static bool format_2(struct prolog *p, const cell_t *args)
{
    pl_format(p, args[0], args[1]);
    return true;
}

/* format(atom(A), ...): what would have been written. */
static bool format_3(struct prolog *p, const cell_t *args)
{
    const cell_t sink = pl_deref(p, args[0]);
    const uint32_t before = p->output_length;
    if (!pl_is(p, sink, ATOM_ATOM, 1))
        pl_domain_error(p, "output_sink", sink);
    pl_format(p, args[1], args[2]);
    const uint32_t atom = pl_intern(p, p->output + before, p->output_length - before);
    p->output_length = before;
    p->output[before] = '\0';
    return pl_unify(p, pl_arg(p, sink, 1), make_cell(TAG_ATOM, atom));
}

const struct builtin pl_term_builtins[] = {
    { "=", 2, unify_2 },
    { "\\=", 2, not_unify_2 },
    { "==", 2, identical },
    { "\\==", 2, different },
    { "@<", 2, before },
    { "@>", 2, after },
    { "@=<", 2, not_after },
    { "@>=", 2, not_before },
    { "compare", 3, compare_3 },
    { "functor", 3, functor_3 },
    { "$arg", 3, arg_3 },
    { "=..", 2, univ_2 },
    { "copy_term", 2, copy_term_2 },
    { "term_variables", 2, term_variables_2 },
    { "throw", 1, throw_1 },
    { "write", 1, write_1 },
    { "print", 1, writeq_1 },
    { "writeln", 1, writeln_1 },
    { "writeq", 1, writeq_1 },
    { "write_canonical", 1, write_canonical_1 },
    { "nl", 0, nl_0 },
    { "tab", 1, tab_1 },
    { "format", 1, format_1 },
    { "format", 2, format_2 },
    { "format", 3, format_3 },
    { NULL, 0, NULL },
};
