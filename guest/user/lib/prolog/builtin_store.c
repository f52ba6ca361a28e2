/* SPDX-License-Identifier: MIT
 *
 * Predicates of the Prolog engine that read and change clauses, and that sort.
 */
#include "prolog_priv.h"

#include <string.h>

/* ---- clauses ---- */

static bool assertz_1(struct prolog *p, const cell_t *args)
{
    pl_add_clause(p, args[0], false);
    return true;
}

static bool asserta_1(struct prolog *p, const cell_t *args)
{
    pl_add_clause(p, args[0], true);
    return true;
}

static bool dynamic_1(struct prolog *p, const cell_t *args)
{
    pl_declare_dynamic(p, args[0]);
    return true;
}

/* '$clauses'(+Head, -Numbers): those that can match. */
static bool clauses_2(struct prolog *p, const cell_t *args)
{
    const cell_t head = pl_deref(p, args[0]);
    size_t room, count = 0;
    cell_t *numbers = pl_scratch(p, &room);
    if (tag_of(head) == TAG_REF)
        pl_instantiation_error(p);
    if (!pl_is_callable(head))
        pl_type_error(p, "callable", head);
    const cell_t functor = tag_of(head) == TAG_ATOM ? head : pl_functor(p, head);
    const struct predicate *predicate = pl_find(p, functor);
    if (predicate == NULL)
        return false;
    if (predicate->fixed) {
        const cell_t what[3] = { make_cell(TAG_ATOM, pl_intern_text(p, "access")),
                                 make_cell(TAG_ATOM, pl_intern_text(p, "private_procedure")),
                                 pl_indicator(p, functor) };
        pl_throw_error(p, pl_structure(p, ATOM_PERMISSION_ERROR, 3, what));
    }
    const cell_t key = tag_of(head) == TAG_STRUCT ? pl_key(p, pl_arg(p, head, 1)) : 0;
    struct clause *clause = pl_visible(p, predicate->first, key, p->generation);
    for (; clause != NULL; clause = pl_visible(p, clause->next, key, p->generation)) {
        if (count == room)
            pl_resource(p, "cells of memory", p->config.cells);
        numbers[count++] = make_int(clause->id);
    }
    return pl_unify(p, args[1], pl_list(p, numbers, count, make_cell(TAG_ATOM, ATOM_NIL)));
}

static struct clause *clause_of(struct prolog *p, cell_t number)
{
    const int64_t id = pl_integer(p, number);
    if (id < 0 || id >= p->clauses_allocated || p->clause[id] == NULL ||
        p->clause[id]->predicate->fixed || p->clause[id]->died != UINT32_MAX)
        return NULL;
    return p->clause[id];
}

/* '$clause'(+Number, ?Head, ?Body) */
static bool clause_3(struct prolog *p, const cell_t *args)
{
    const struct clause *clause = clause_of(p, args[0]);
    if (clause == NULL)
        return false;
    const cell_t *cells = clause->term->cell;
    const uint32_t variables = pl_variables(p, clause->term->slots);
    return pl_unify_stored(p, cells, clause->head, args[1], variables) &&
           pl_unify_stored(p, cells, clause->body, args[2], variables);
}

static bool erase_1(struct prolog *p, const cell_t *args)
{
    struct clause *clause = clause_of(p, args[0]);
    return clause != NULL && pl_erase(p, clause);
}

/* '$changeable'(+Head): an error, if the predicate belongs to the engine.  It is known from now
 * on. */
static bool changeable_1(struct prolog *p, const cell_t *args)
{
    const cell_t head = pl_deref(p, args[0]);
    if (tag_of(head) == TAG_REF)
        pl_instantiation_error(p);
    if (!pl_is_callable(head))
        pl_type_error(p, "callable", head);
    pl_changeable(p, tag_of(head) == TAG_ATOM ? head : pl_functor(p, head), "modify");
    return true;
}

const struct builtin pl_store_builtins[] = {
    { "assert", 1, assertz_1 },  { "assertz", 1, assertz_1 },        { "asserta", 1, asserta_1 },
    { "dynamic", 1, dynamic_1 }, { "$clauses", 2, clauses_2 },       { "$clause", 3, clause_3 },
    { "$erase", 1, erase_1 },    { "$changeable", 1, changeable_1 }, { NULL, 0, NULL },
};

/* ---- sorting ---- */

struct sorting {
    struct prolog *p;
    unsigned key; /* argument to compare; 0: the whole */
    bool descending;
};

static int order(const struct sorting *s, cell_t a, cell_t b)
{
    struct prolog *p = s->p;
    if (s->key > 0) {
        a = pl_arg(p, a, s->key);
        b = pl_arg(p, b, s->key);
    }
    const int result = pl_compare(p, a, b);
    return s->descending ? -result : result;
}

/* Stable: runs of 1, 2, 4, ... items are merged into the other half of the room. */
static cell_t *merge_sort(const struct sorting *s, cell_t *items, cell_t *other, size_t count)
{
    for (size_t run = 1; run < count; run *= 2) {
        for (size_t from = 0; from < count; from += 2 * run) {
            const size_t middle = from + run < count ? from + run : count;
            const size_t end = from + 2 * run < count ? from + 2 * run : count;
            size_t left = from, right = middle;
            for (size_t to = from; to < end; to++)
                if (left < middle && (right == end || order(s, items[left], items[right]) <= 0))
                    other[to] = items[left++];
                else
                    other[to] = items[right++];
        }
        cell_t *swap = items;
        items = other;
        other = swap;
    }
    return items;
}

static bool sort_list(const struct sorting *s, cell_t from, cell_t to, bool unique)
{
    struct prolog *p = s->p;
    size_t room, count, kept = 0;
    cell_t *items = pl_scratch(p, &room);
    if (!pl_list_items(p, from, items, room / 2, &count)) {
        cell_t rest = pl_deref(p, from);
        while (pl_is(p, rest, ATOM_DOT, 2))
            rest = pl_arg(p, rest, 2);
        if (tag_of(rest) == TAG_REF)
            pl_instantiation_error(p);
        pl_type_error(p, "list", pl_deref(p, from));
    }
    for (size_t i = 0; i < count && s->key > 0; i++) {
        if (tag_of(items[i]) == TAG_REF)
            pl_instantiation_error(p);
        if (tag_of(items[i]) != TAG_STRUCT)
            pl_type_error(p, "compound", items[i]);
        if (arity_of(pl_functor(p, items[i])) < s->key)
            pl_type_error(p, "compound", items[i]);
    }
    items = merge_sort(s, items, items + count, count);
    for (size_t i = 0; i < count; i++)
        if (!unique || kept == 0 || order(s, items[kept - 1], items[i]) != 0)
            items[kept++] = items[i];
    return pl_unify(p, to, pl_list(p, items, kept, make_cell(TAG_ATOM, ATOM_NIL)));
}

static bool msort_2(struct prolog *p, const cell_t *args)
{
    const struct sorting s = { .p = p };
    return sort_list(&s, args[0], args[1], false);
}

static bool sort_2(struct prolog *p, const cell_t *args)
{
    const struct sorting s = { .p = p };
    return sort_list(&s, args[0], args[1], true);
}

/* sort(+Key, +Order, +List, -Sorted) */
static bool sort_4(struct prolog *p, const cell_t *args)
{
    const int64_t key = pl_integer(p, args[0]);
    const cell_t how = pl_deref(p, args[1]);
    const char *text = tag_of(how) == TAG_ATOM ? pl_text(p, (uint32_t)value_of(how)) : "";
    const bool unique = strcmp(text, "@<") == 0 || strcmp(text, "@>") == 0;
    if (tag_of(how) == TAG_REF)
        pl_instantiation_error(p);
    if (!unique && strcmp(text, "@=<") != 0 && strcmp(text, "@>=") != 0)
        pl_domain_error(p, "order", how);
    if (key < 0 || key > MAX_ARITY)
        pl_type_error(p, "not_less_than_zero", make_int(key));
    const struct sorting s = { .p = p, .key = (unsigned)key, .descending = text[1] == '>' };
    return sort_list(&s, args[2], args[3], unique);
}

static bool keysort_2(struct prolog *p, const cell_t *args)
{
    const struct sorting s = { .p = p, .key = 1 };
    size_t room, count;
    cell_t *items = pl_scratch(p, &room);
    pl_list_items(p, args[0], items, room, &count);
    for (size_t i = 0; i < count; i++) {
        if (tag_of(items[i]) == TAG_REF)
            pl_instantiation_error(p);
        if (!pl_is(p, items[i], ATOM_MINUS, 2))
            pl_type_error(p, "pair", items[i]);
    }
    return sort_list(&s, args[0], args[1], false);
}

/* '$length'(+List, -Count, -Rest): of what there is; the rest is [] or what is no list. */
static bool length_3(struct prolog *p, const cell_t *args)
{
    int64_t count = 0;
    cell_t list = pl_deref(p, args[0]);
    for (; pl_is(p, list, ATOM_DOT, 2); list = pl_arg(p, list, 2), count++)
        pl_work(p, 1);
    return pl_unify(p, args[1], make_int(count)) && pl_unify(p, args[2], list);
}

static bool numbervars_3(struct prolog *p, const cell_t *args)
{
    int64_t number = pl_integer(p, args[1]);
    pl_number_variables(p, args[0], &number);
    return pl_unify(p, args[2], make_int(number));
}

const struct builtin pl_list_builtins[] = {
    { "msort", 2, msort_2 },     { "sort", 2, sort_2 },      { "sort", 4, sort_4 },
    { "keysort", 2, keysort_2 }, { "$length", 3, length_3 }, { "numbervars", 3, numbervars_3 },
    { NULL, 0, NULL },
};
