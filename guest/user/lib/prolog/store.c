/* SPDX-License-Identifier: MIT
 *
 * Terms that outlive the heap: flattened into a row of cells, and brought back.
 *
 * In a flattened term a structure is named by its place in the row, a variable by a number.  While
 * a term is flattened its variables are bound to their numbers; the trail takes that back.  A
 * clause's head is unified with a goal where it lies; only what a variable of the goal is bound to
 * is built.
 */
#include "prolog_priv.h"

struct flattening {
    struct prolog *p;
    cell_t *cells;
    size_t room, used;
    uint32_t slots;
};

static size_t take(struct flattening *f, size_t count)
{
    if (count > f->room - f->used)
        pl_resource(f->p, "cells of memory", f->p->config.cells);
    f->used += count;
    return f->used - count;
}

static void flatten_to(struct flattening *f, cell_t term, cell_t *to, unsigned depth)
{
    struct prolog *p = f->p;
    if (depth > TERM_DEPTH)
        pl_resource(p, "levels of nested terms", TERM_DEPTH);
    for (;;) {
        pl_work(p, 1);
        term = pl_deref(p, term);
        if (tag_of(term) == TAG_REF) {
            const cell_t slot = make_cell(TAG_SLOT, f->slots++);
            pl_bind(p, (uint32_t)value_of(term), slot);
            *to = slot;
            return;
        }
        *to = term; /* an atom, a number, or a variable that has its number */
        if (tag_of(term) != TAG_STRUCT)
            return;
        const unsigned arity = arity_of(pl_functor(p, term));
        const size_t at = take(f, arity + 1);
        *to = make_cell(TAG_STRUCT, at);
        f->cells[at] = pl_functor(p, term);
        for (unsigned i = 1; i < arity; i++)
            flatten_to(f, p->heap[value_of(term) + i], &f->cells[at + i], depth + 1);
        to = &f->cells[at + arity];
        term = p->heap[value_of(term) + arity];
    }
}

uint32_t pl_flatten(struct prolog *p, cell_t term, cell_t *cells, size_t room, uint32_t *slots,
                    cell_t *root)
{
    struct flattening f = { .p = p, .cells = cells, .room = room };
    const uint32_t mark = p->trail_top;
    flatten_to(&f, term, root, 0);
    while (p->trail_top > mark) {
        const uint32_t variable = p->trail[--p->trail_top];
        p->heap[variable] = make_cell(TAG_REF, variable);
    }
    *slots = f.slots;
    return (uint32_t)f.used;
}

/* No depth to mind: what is stored was flattened. */
cell_t pl_thaw(struct prolog *p, const cell_t *cells, cell_t root, uint32_t variables)
{
    cell_t result, *to = &result;
    for (;;) {
        pl_work(p, 1);
        if (tag_of(root) == TAG_SLOT) {
            *to = make_cell(TAG_REF, variables + value_of(root));
            return result;
        }
        *to = root;
        if (tag_of(root) != TAG_STRUCT)
            return result;
        const cell_t *from = &cells[value_of(root)];
        const unsigned arity = arity_of(*from);
        const uint32_t at = pl_cells(p, arity + 1);
        *to = make_cell(TAG_STRUCT, at);
        p->heap[at] = *from;
        for (unsigned i = 1; i < arity; i++)
            p->heap[at + i] = pl_thaw(p, cells, from[i], variables);
        to = &p->heap[at + arity];
        root = from[arity];
    }
}

bool pl_unify_stored(struct prolog *p, const cell_t *cells, cell_t stored, cell_t term,
                     uint32_t variables)
{
    for (;;) {
        pl_work(p, 1);
        if (tag_of(stored) == TAG_SLOT)
            return pl_unify(p, make_cell(TAG_REF, variables + value_of(stored)), term);
        term = pl_deref(p, term);
        if (tag_of(term) == TAG_REF) {
            pl_bind(p, (uint32_t)value_of(term), pl_thaw(p, cells, stored, variables));
            return true;
        }
        if (tag_of(stored) != TAG_STRUCT)
            return stored == term;
        const cell_t *from = &cells[value_of(stored)];
        if (tag_of(term) != TAG_STRUCT || pl_functor(p, term) != *from)
            return false;
        const unsigned arity = arity_of(*from);
        const uint32_t at = (uint32_t)value_of(term);
        for (unsigned i = 1; i < arity; i++)
            if (!pl_unify_stored(p, cells, from[i], p->heap[at + i], variables))
                return false;
        stored = from[arity];
        term = p->heap[at + arity];
    }
}

cell_t pl_copy(struct prolog *p, cell_t term)
{
    size_t room;
    uint32_t slots;
    cell_t root, *cells = pl_scratch(p, &room);
    pl_flatten(p, term, cells, room, &slots, &root);
    return pl_thaw(p, cells, root, pl_variables(p, slots));
}
