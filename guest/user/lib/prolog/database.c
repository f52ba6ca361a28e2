/* SPDX-License-Identifier: MIT
 *
 * Clauses of the Prolog engine: kept in order for each predicate, each with its owner.
 *
 * A call sees the clauses there are when it begins: each has the generations of its birth and its
 * death, and one that is dead is taken out when no query is open.  The first argument is a key;
 * what cannot match is passed over without a choice being left.
 */
#include "prolog_priv.h"

#include <stdlib.h>
#include <string.h>

struct predicate *pl_find(const struct prolog *p, cell_t functor)
{
    struct predicate *found = p->chain[(functor >> 3) % PREDICATE_CHAINS];
    while (found != NULL && found->functor != functor)
        found = found->next;
    return found;
}

static uint32_t atom_of(cell_t functor)
{
    return tag_of(functor) == TAG_ATOM ? (uint32_t)value_of(functor) : name_of(functor);
}

/* Nobody pays for what the engine itself keeps. */
static void charge(struct prolog *p, size_t bytes)
{
    if (bytes > p->config.store_bytes - p->stored)
        pl_resource(p, "bytes of clauses and texts", p->config.store_bytes);
    if (p->owner != NULL && p->config.charge != NULL && !p->config.charge(p->owner, bytes))
        pl_fatal(p, "no more clauses for this client");
    p->stored += bytes;
}

static void refund(struct prolog *p, void *owner, size_t bytes)
{
    p->stored -= bytes;
    if (owner != NULL && p->config.refund != NULL)
        p->config.refund(owner, bytes);
}

struct predicate *pl_predicate(struct prolog *p, cell_t functor)
{
    struct predicate *found = pl_find(p, functor);
    if (found != NULL)
        return found;
    charge(p, sizeof(*found));
    found = calloc(1, sizeof(*found));
    if (found == NULL) {
        refund(p, p->owner, sizeof(*found));
        pl_fatal(p, "out of memory");
    }
    found->owner = p->owner;
    found->functor = functor;
    found->fixed = p->loading;
    found->next = p->chain[(functor >> 3) % PREDICATE_CHAINS];
    p->chain[(functor >> 3) % PREDICATE_CHAINS] = found;
    pl_atom_keep(p, atom_of(functor));
    return found;
}

struct predicate *pl_changeable(struct prolog *p, cell_t functor, const char *action)
{
    struct predicate *predicate = pl_predicate(p, functor);
    if (predicate->fixed && !p->loading) {
        const cell_t args[3] = { make_cell(TAG_ATOM, pl_intern_text(p, action)),
                                 make_cell(TAG_ATOM, pl_intern_text(p, "static_procedure")),
                                 pl_indicator(p, functor) };
        pl_throw_error(p, pl_structure(p, ATOM_PERMISSION_ERROR, 3, args));
    }
    return predicate;
}

cell_t pl_key(const struct prolog *p, cell_t first_argument)
{
    const cell_t cell = pl_deref(p, first_argument);
    switch (tag_of(cell)) {
    case TAG_REF:
        return 0;
    case TAG_STRUCT:
        return pl_functor(p, cell);
    default:
        return cell;
    }
}

struct clause *pl_visible(struct prolog *p, struct clause *from, cell_t key, uint32_t generation)
{
    for (; from != NULL; from = from->next) {
        pl_work(p, 1);
        if (from->born <= generation && generation < from->died &&
            (key == 0 || from->key == 0 || from->key == key))
            return from;
    }
    return NULL;
}

/* ---- keeping ---- */

static void count_atoms(struct prolog *p, const struct stored *term,
                        void (*count)(struct prolog *, uint32_t))
{
    for (uint32_t i = 0; i <= term->cells; i++) {
        const cell_t cell = i == term->cells ? term->root : term->cell[i];
        if (tag_of(cell) == TAG_ATOM || tag_of(cell) == TAG_STRING)
            count(p, (uint32_t)value_of(cell));
        else if (tag_of(cell) == TAG_FUNCTOR)
            count(p, name_of(cell));
    }
}

static uint32_t clause_id(struct prolog *p)
{
    for (uint32_t i = 0; i < p->clauses_allocated; i++) {
        const uint32_t id = (p->clause_next + i) % p->clauses_allocated;
        if (p->clause[id] == NULL) {
            p->clause_next = id + 1;
            return id;
        }
    }
    const uint32_t old = p->clauses_allocated, count = old == 0 ? 256 : old * 2;
    struct clause **larger = realloc(p->clause, count * sizeof(struct clause *));
    if (larger == NULL)
        pl_fatal(p, "out of memory");
    memset(larger + old, 0, (count - old) * sizeof(struct clause *));
    p->clause = larger;
    p->clauses_allocated = count;
    p->clause_next = old + 1;
    return old;
}

/* A variable as a goal is called. */
static cell_t checked_body(struct prolog *p, cell_t body)
{
    if (tag_of(body) == TAG_REF)
        return pl_structure_1(p, ATOM_CALL, body);
    if (!pl_is_callable(body))
        pl_type_error(p, "callable", body);
    return body;
}

static struct clause *make_clause(struct prolog *p, struct predicate *predicate, cell_t head,
                                  cell_t body)
{
    size_t room;
    uint32_t slots;
    cell_t root, *cells = pl_scratch(p, &room);
    const uint32_t id = clause_id(p);
    const uint32_t used =
        pl_flatten(p, pl_structure_2(p, ATOM_NECK, head, body), cells, room, &slots, &root);
    const size_t bytes = sizeof(struct clause) + sizeof(struct stored) + used * sizeof(cell_t);
    charge(p, bytes);
    struct clause *clause = malloc(sizeof(*clause));
    struct stored *term = malloc(sizeof(*term) + used * sizeof(cell_t));
    if (clause == NULL || term == NULL) {
        free(clause);
        free(term);
        refund(p, p->owner, bytes);
        pl_fatal(p, "out of memory");
    }
    *term = (struct stored){ .cells = used, .slots = slots, .root = root };
    memcpy(term->cell, cells, used * sizeof(cell_t));
    *clause = (struct clause){ .next_owned = p->owned,
                               .predicate = predicate,
                               .owner = p->owner,
                               .born = ++p->generation,
                               .died = UINT32_MAX,
                               .id = id,
                               .bytes = bytes,
                               .head = term->cell[1],
                               .body = term->cell[2],
                               .term = term };
    p->clause[id] = clause;
    p->owned = clause;
    count_atoms(p, term, pl_atom_keep);
    return clause;
}

void pl_add_clause(struct prolog *p, cell_t term, bool at_front)
{
    cell_t head = pl_deref(p, term), body = make_cell(TAG_ATOM, ATOM_TRUE);
    if (pl_is(p, head, ATOM_NECK, 2)) {
        body = pl_arg(p, head, 2);
        head = pl_arg(p, head, 1);
    }
    if (tag_of(head) == TAG_REF)
        pl_instantiation_error(p);
    if (!pl_is_callable(head))
        pl_type_error(p, "callable", head);
    body = checked_body(p, body);
    const bool is_atom = tag_of(head) == TAG_ATOM;
    struct predicate *predicate = pl_changeable(p, is_atom ? head : pl_functor(p, head), "modify");
    struct clause *clause = make_clause(p, predicate, head, body);
    clause->key = is_atom ? 0 : pl_key(p, pl_arg(p, head, 1));
    if (predicate->last == NULL) {
        predicate->first = predicate->last = clause;
    } else if (at_front) {
        clause->next = predicate->first;
        predicate->first = clause;
    } else {
        predicate->last->next = clause;
        predicate->last = clause;
    }
}

void pl_declare_dynamic(struct prolog *p, cell_t indicators)
{
    indicators = pl_deref(p, indicators);
    for (; pl_is(p, indicators, ATOM_COMMA, 2) || pl_is(p, indicators, ATOM_DOT, 2);
         indicators = pl_arg(p, indicators, 2))
        pl_declare_dynamic(p, pl_arg(p, indicators, 1));
    if (indicators == make_cell(TAG_ATOM, ATOM_NIL))
        return;
    if (!pl_is(p, indicators, ATOM_SLASH, 2))
        pl_type_error(p, "predicate_indicator", indicators);
    const cell_t name = pl_arg(p, indicators, 1);
    const int64_t arity = pl_integer(p, pl_arg(p, indicators, 2));
    if (tag_of(name) != TAG_ATOM)
        pl_type_error(p, "atom", name);
    if (arity < 0 || arity > MAX_ARITY)
        pl_resource(p, "arguments", MAX_ARITY);
    struct predicate *predicate = pl_changeable(
        p, arity == 0 ? name : make_functor((uint32_t)value_of(name), (unsigned)arity), "modify");
    predicate->declared |= p->owner == NULL && predicate->owner == NULL;
}

/* ---- forgetting ---- */

bool pl_erase(struct prolog *p, struct clause *clause)
{
    if (clause->died != UINT32_MAX)
        return false;
    clause->died = ++p->generation;
    clause->predicate->dead = true;
    p->dying = true;
    return true;
}

static void take_out_dead(struct predicate *predicate)
{
    struct clause **link = &predicate->first;
    predicate->last = NULL;
    while (*link != NULL) {
        if ((*link)->died != UINT32_MAX) {
            *link = (*link)->next;
        } else {
            predicate->last = *link;
            link = &(*link)->next;
        }
    }
    predicate->dead = false;
}

/* No query is open: the dead are seen by nobody. */
void pl_bury(struct prolog *p)
{
    if (!p->dying)
        return;
    p->dying = false;
    for (unsigned i = 0; i < PREDICATE_CHAINS; i++)
        for (struct predicate *predicate = p->chain[i]; predicate != NULL;
             predicate = predicate->next)
            if (predicate->dead)
                take_out_dead(predicate);
    for (struct clause **link = &p->owned; *link != NULL;) {
        struct clause *clause = *link;
        if (clause->died == UINT32_MAX) {
            link = &clause->next_owned;
            continue;
        }
        *link = clause->next_owned;
        refund(p, clause->owner, clause->bytes);
        count_atoms(p, clause->term, pl_atom_drop);
        p->clause[clause->id] = NULL;
        free(clause->term);
        free(clause);
    }
}

/* A predicate that others use stays, at nobody's expense, as long as they have clauses of it. */
static void drop_predicates(struct prolog *p, void *owner)
{
    for (unsigned i = 0; i < PREDICATE_CHAINS; i++)
        for (struct predicate **link = &p->chain[i]; *link != NULL;) {
            struct predicate *predicate = *link;
            const bool foreign = predicate->owner != owner && predicate->owner != NULL;
            const bool declared = predicate->declared && owner != NULL;
            if (predicate->fixed || foreign || declared || predicate->first != NULL) {
                if (!predicate->fixed && predicate->owner == owner && owner != NULL) {
                    refund(p, owner, sizeof(*predicate));
                    p->stored += sizeof(*predicate);
                    predicate->owner = NULL;
                }
                link = &predicate->next;
                continue;
            }
            *link = predicate->next;
            refund(p, predicate->owner, sizeof(*predicate));
            pl_atom_drop(p, atom_of(predicate->functor));
            free(predicate);
        }
}

void prolog_drop_owner(struct prolog *p, void *owner)
{
    prolog_close(p);
    for (struct clause *clause = p->owned; clause != NULL; clause = clause->next_owned)
        if (clause->owner == owner && !clause->predicate->fixed)
            pl_erase(p, clause);
    pl_bury(p);
    drop_predicates(p, owner);
    pl_atoms_sweep(p);
}
