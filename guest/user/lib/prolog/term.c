/* SPDX-License-Identifier: MIT
 *
 * Terms of a query: cells, bindings, unification and order.
 *
 * Shared terms can be walked exponentially often (X = f(Y,Y), Y = f(Z,Z), ...), so each visit
 * counts as a step of the query.  The last argument is visited in a loop: lists may be long, and
 * only nesting elsewhere uses the C stack, which TERM_DEPTH bounds.
 */
#include "prolog_priv.h"

#include <string.h>

void pl_work(struct prolog *p, uint64_t steps)
{
    p->steps += steps;
    if (p->steps > p->config.steps)
        pl_resource(p, "steps", p->config.steps);
}

cell_t pl_deref(const struct prolog *p, cell_t cell)
{
    while (tag_of(cell) == TAG_REF) {
        const cell_t inside = p->heap[value_of(cell)];
        if (inside == cell)
            break;
        cell = inside;
    }
    return cell;
}

uint32_t pl_cells(struct prolog *p, uint32_t count)
{
    if (count > p->heap_limit - p->top)
        pl_resource(p, "cells of memory", p->config.cells);
    const uint32_t first = p->top;
    p->top += count;
    return first;
}

uint32_t pl_variables(struct prolog *p, uint32_t count)
{
    const uint32_t first = pl_cells(p, count);
    for (uint32_t i = 0; i < count; i++)
        p->heap[first + i] = make_cell(TAG_REF, first + i);
    return first;
}

cell_t pl_variable(struct prolog *p)
{
    return make_cell(TAG_REF, pl_variables(p, 1));
}

void pl_bind(struct prolog *p, uint32_t variable, cell_t value)
{
    /* Newer ones need no trail, but to tell costs as much. */
    p->trail[p->trail_top++] = variable; /* a cell is bound once: as long as the heap */
    p->heap[variable] = value;
}

static bool unify(struct prolog *p, cell_t a, cell_t b, unsigned depth)
{
    if (depth > TERM_DEPTH)
        pl_resource(p, "levels of nested terms", TERM_DEPTH);
    for (;;) {
        pl_work(p, 1);
        a = pl_deref(p, a);
        b = pl_deref(p, b);
        if (a == b)
            return true;
        if (tag_of(a) == TAG_REF || tag_of(b) == TAG_REF) {
            /* the newer one refers to the older, so that nothing older refers to what goes first */
            if (tag_of(a) != TAG_REF || (tag_of(b) == TAG_REF && value_of(b) > value_of(a)))
                pl_bind(p, (uint32_t)value_of(b), a);
            else
                pl_bind(p, (uint32_t)value_of(a), b);
            return true;
        }
        if (tag_of(a) != TAG_STRUCT || tag_of(b) != TAG_STRUCT)
            return false;
        const uint32_t x = (uint32_t)value_of(a), y = (uint32_t)value_of(b);
        if (p->heap[x] != p->heap[y])
            return false;
        const unsigned arity = arity_of(p->heap[x]);
        for (unsigned i = 1; i < arity; i++)
            if (!unify(p, p->heap[x + i], p->heap[y + i], depth + 1))
                return false;
        a = p->heap[x + arity];
        b = p->heap[y + arity];
    }
}

bool pl_unify(struct prolog *p, cell_t a, cell_t b)
{
    return unify(p, a, b, 0);
}

/* Variables before numbers, strings, atoms, structures. */
static int rank(cell_t cell)
{
    switch (tag_of(cell)) {
    case TAG_REF:
        return 0;
    case TAG_INT:
        return 1;
    case TAG_STRING:
        return 3;
    case TAG_ATOM:
        return 4;
    default:
        return 5;
    }
}

static int sign(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_text(const struct prolog *p, uint32_t a, uint32_t b)
{
    const struct atom *x = p->atom[a], *y = p->atom[b];
    const size_t common = x->length < y->length ? x->length : y->length;
    const int order = memcmp(x->text, y->text, common);
    return order != 0 ? sign(order, 0) : sign(x->length, y->length);
}

static int compare(struct prolog *p, cell_t a, cell_t b, unsigned depth)
{
    if (depth > TERM_DEPTH)
        pl_resource(p, "levels of nested terms", TERM_DEPTH);
    for (;;) {
        pl_work(p, 1);
        a = pl_deref(p, a);
        b = pl_deref(p, b);
        if (a == b)
            return 0;
        if (rank(a) != rank(b))
            return sign(rank(a), rank(b));
        if (tag_of(a) == TAG_REF)
            return sign((int64_t)value_of(a), (int64_t)value_of(b));
        if (tag_of(a) == TAG_INT)
            return sign(int_of(a), int_of(b));
        if (tag_of(a) != TAG_STRUCT)
            return compare_text(p, (uint32_t)value_of(a), (uint32_t)value_of(b));
        const uint32_t x = (uint32_t)value_of(a), y = (uint32_t)value_of(b);
        const cell_t f = p->heap[x], g = p->heap[y];
        if (f != g)
            return arity_of(f) != arity_of(g) ? sign(arity_of(f), arity_of(g))
                                              : compare_text(p, name_of(f), name_of(g));
        const unsigned arity = arity_of(f);
        for (unsigned i = 1; i < arity; i++) {
            const int order = compare(p, p->heap[x + i], p->heap[y + i], depth + 1);
            if (order != 0)
                return order;
        }
        a = p->heap[x + arity];
        b = p->heap[y + arity];
    }
}

int pl_compare(struct prolog *p, cell_t a, cell_t b)
{
    return compare(p, a, b, 0);
}

/* ---- making and looking ---- */

cell_t pl_structure(struct prolog *p, uint32_t atom, unsigned arity, const cell_t *args)
{
    if (arity == 0)
        return make_cell(TAG_ATOM, atom);
    if (arity > MAX_ARITY)
        pl_resource(p, "arguments", MAX_ARITY);
    const uint32_t at = pl_cells(p, arity + 1);
    p->heap[at] = make_functor(atom, arity);
    for (unsigned i = 0; i < arity; i++)
        p->heap[at + 1 + i] = args[i];
    return make_cell(TAG_STRUCT, at);
}

cell_t pl_structure_1(struct prolog *p, uint32_t atom, cell_t arg)
{
    return pl_structure(p, atom, 1, &arg);
}

cell_t pl_structure_2(struct prolog *p, uint32_t atom, cell_t first, cell_t second)
{
    const cell_t args[2] = { first, second };
    return pl_structure(p, atom, 2, args);
}

cell_t pl_list(struct prolog *p, const cell_t *item, size_t count, cell_t tail)
{
    while (count > 0) {
        pl_work(p, 1);
        tail = pl_structure_2(p, ATOM_DOT, item[--count], tail);
    }
    return tail;
}

cell_t pl_arg(const struct prolog *p, cell_t structure, unsigned number)
{
    return pl_deref(p, p->heap[value_of(structure) + number]);
}

cell_t pl_functor(const struct prolog *p, cell_t structure)
{
    return p->heap[value_of(structure)];
}

bool pl_is(const struct prolog *p, cell_t cell, uint32_t atom, unsigned arity)
{
    return tag_of(cell) == TAG_STRUCT && pl_functor(p, cell) == make_functor(atom, arity);
}

bool pl_is_callable(cell_t cell)
{
    return tag_of(cell) == TAG_ATOM || tag_of(cell) == TAG_STRUCT;
}

cell_t *pl_scratch(struct prolog *p, size_t *room)
{
    *room = p->config.cells - p->results_top;
    return p->results + p->results_top;
}

bool pl_list_items(struct prolog *p, cell_t list, cell_t *items, size_t room, size_t *count)
{
    *count = 0;
    list = pl_deref(p, list);
    while (pl_is(p, list, ATOM_DOT, 2)) {
        pl_work(p, 1);
        if (*count == room)
            pl_resource(p, "cells of memory", p->config.cells);
        items[(*count)++] = pl_arg(p, list, 1);
        list = pl_arg(p, list, 2);
    }
    return list == make_cell(TAG_ATOM, ATOM_NIL);
}

static void find_variables(struct prolog *p, cell_t term, cell_t *found, size_t room, size_t *count,
                           unsigned depth)
{
    if (depth > TERM_DEPTH)
        pl_resource(p, "levels of nested terms", TERM_DEPTH);
    for (;;) {
        pl_work(p, 1);
        term = pl_deref(p, term);
        if (tag_of(term) == TAG_REF) {
            for (size_t i = 0; i < *count; i++)
                if (found[i] == term)
                    return;
            pl_work(p, *count);
            if (*count == room)
                pl_resource(p, "cells of memory", p->config.cells);
            found[(*count)++] = term;
            return;
        }
        if (tag_of(term) != TAG_STRUCT)
            return;
        const unsigned arity = arity_of(pl_functor(p, term));
        for (unsigned i = 1; i < arity; i++)
            find_variables(p, pl_arg(p, term, i), found, room, count, depth + 1);
        term = pl_arg(p, term, arity);
    }
}

void pl_term_variables(struct prolog *p, cell_t term, cell_t *found, size_t room, size_t *count)
{
    find_variables(p, term, found, room, count, 0);
}
