/* SPDX-License-Identifier: MIT
 *
 * Texts of the Prolog engine: atoms and strings, each text once.
 *
 * A text is found by its hash.  Clauses and predicates count as references; a text that has none is
 * young, and goes when the query ends.  So a query may make texts as it likes, within the bound of
 * the store, and leaves none behind.
 */
#include "prolog_priv.h"

#include <stdlib.h>
#include <string.h>

static uint32_t hash_of(const char *text, size_t length)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    return hash;
}

static size_t bytes_of(size_t length)
{
    return sizeof(struct atom) + length + 1;
}

static void *grown(struct prolog *p, void *table, uint32_t *allocated, size_t item)
{
    uint32_t count = *allocated == 0 ? 64 : *allocated * 2;
    void *larger = realloc(table, count * item);
    if (larger == NULL)
        pl_fatal(p, "out of memory");
    *allocated = count;
    return larger;
}

static void make_young(struct prolog *p, uint32_t index)
{
    if (p->atom[index]->young)
        return;
    if (p->young_count == p->young_allocated)
        p->young = grown(p, p->young, &p->young_allocated, sizeof(*p->young));
    p->young[p->young_count++] = index;
    p->atom[index]->young = true;
}

static uint32_t free_index(struct prolog *p)
{
    if (p->atom_free != UINT32_MAX)
        return p->atom_free;
    if (p->atoms == p->atoms_allocated) {
        p->atom = grown(p, p->atom, &p->atoms_allocated, sizeof(struct atom *));
        memset(p->atom + p->atoms, 0, (p->atoms_allocated - p->atoms) * sizeof(struct atom *));
    }
    return p->atoms;
}

static void take_index(struct prolog *p, uint32_t index)
{
    if (index == p->atoms)
        p->atoms++;
    else
        p->atom_free = (uint32_t)(uintptr_t)p->atom[index];
}

uint32_t pl_intern(struct prolog *p, const char *text, size_t length)
{
    const uint32_t hash = hash_of(text, length);
    uint32_t *chain = &p->atom_chain[hash % ATOM_CHAINS];
    for (uint32_t i = *chain; i != UINT32_MAX; i = p->atom[i]->next) {
        const struct atom *atom = p->atom[i];
        if (atom->hash == hash && atom->length == length && memcmp(atom->text, text, length) == 0)
            return i;
    }
    if (bytes_of(length) > p->config.store_bytes - p->stored)
        pl_resource(p, "bytes of clauses and texts", p->config.store_bytes);
    const uint32_t index = free_index(p);
    struct atom *atom = malloc(bytes_of(length));
    if (atom == NULL)
        pl_fatal(p, "out of memory");
    memcpy(atom->text, text, length);
    atom->text[length] = '\0';
    atom->refs = 0;
    atom->hash = hash;
    atom->length = (uint32_t)length;
    atom->young = false;
    atom->next = *chain;
    take_index(p, index);
    *chain = index;
    p->atom[index] = atom;
    p->stored += bytes_of(length);
    make_young(p, index);
    return index;
}

uint32_t pl_intern_text(struct prolog *p, const char *text)
{
    return pl_intern(p, text, strlen(text));
}

const char *pl_text(const struct prolog *p, uint32_t atom)
{
    return p->atom[atom]->text;
}

void pl_atom_keep(struct prolog *p, uint32_t atom)
{
    p->atom[atom]->refs++;
}

void pl_atom_drop(struct prolog *p, uint32_t atom)
{
    if (--p->atom[atom]->refs == 0)
        make_young(p, atom);
}

static void forget(struct prolog *p, uint32_t index)
{
    struct atom *atom = p->atom[index];
    uint32_t *link = &p->atom_chain[atom->hash % ATOM_CHAINS];
    while (*link != index)
        link = &p->atom[*link]->next;
    *link = atom->next;
    p->stored -= bytes_of(atom->length);
    free(atom);
    p->atom[index] = (struct atom *)(uintptr_t)p->atom_free; /* the next free one */
    p->atom_free = index;
}

void pl_atoms_sweep(struct prolog *p)
{
    for (uint32_t i = 0; i < p->young_count; i++) {
        struct atom *atom = p->atom[p->young[i]];
        atom->young = false;
        if (atom->refs == 0)
            forget(p, p->young[i]);
    }
    p->young_count = 0;
}
