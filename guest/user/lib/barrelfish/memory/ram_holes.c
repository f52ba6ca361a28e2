/* SPDX-License-Identifier: MIT
 *
 * RAM that objects have left: noted when their capabilities are destroyed, used for the next ones.
 *
 * A note is a guess.  There may be another copy of the capability, or something made of it, here or
 * on another core: that the CPU driver knows, which refuses to make a new object there.  Then the
 * note is dropped; who destroys the other copy notes it again.  So nothing here decides what is
 * free.
 */
#include "ram_holes.h"

#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <barrelfish/core_state.h>
#include <barrelfish/dispatcher.h>
#include <stdlib.h>

#include "../dispatch/heap.h"

struct hole {
    struct hole *next; /* by base */
    genpaddr_t base;
    gensize_t bytes;
};

static struct ram_alloc_state *state(void)
{
    return &get_core_state()->ram_alloc;
}

bool ram_piece_add(struct capref cap, genpaddr_t base, gensize_t bytes, bool lent)
{
    struct ram_alloc_state *s = state();
    struct ram_piece *piece = heap_alloc_mapped(sizeof(*piece));

    if (piece == NULL)
        return false;
    *piece = (struct ram_piece){
        .next = s->pieces, .cap = cap, .base = base, .bytes = bytes, .lent = lent
    };
    s->pieces = piece;
    return true;
}

static struct ram_piece *piece_of(struct ram_alloc_state *s, genpaddr_t base, gensize_t bytes)
{
    struct ram_piece *piece = s->pieces;

    while (piece != NULL && (base < piece->base || base - piece->base >= piece->bytes ||
                             bytes > piece->bytes - (base - piece->base)))
        piece = piece->next;
    return piece;
}

/* The mutex is held.  Puts the hole in its place, and joins it with its neighbours; returns what is
 * not needed then. */
static struct hole *join(struct ram_piece *piece, struct hole *hole)
{
    struct hole **link = &piece->holes, *before = NULL, *unneeded = NULL;

    while (*link != NULL && (*link)->base < hole->base) {
        before = *link;
        link = &before->next;
    }
    struct hole *after = *link;
    if ((before != NULL && before->base + before->bytes > hole->base) ||
        (after != NULL && hole->base + hole->bytes > after->base)) {
        hole->next = NULL;
        return hole; /* a part of it was noted before: another time */
    }
    hole->next = after;
    *link = hole;
    if (after != NULL && hole->base + hole->bytes == after->base) {
        hole->bytes += after->bytes;
        hole->next = after->next;
        after->next = NULL;
        unneeded = after;
    }
    if (before != NULL && before->base + before->bytes == hole->base) {
        before->bytes += hole->bytes;
        before->next = hole->next;
        hole->next = unneeded;
        unneeded = hole;
    }
    return unneeded;
}

static void free_all(struct hole *hole)
{
    while (hole != NULL) {
        struct hole *next = hole->next;

        free(hole);
        hole = next;
    }
}

void ram_hole_add(genpaddr_t base, gensize_t bytes)
{
    struct ram_alloc_state *s = state();
    struct hole *hole = heap_alloc_mapped(sizeof(*hole));

    if (hole == NULL)
        return;
    *hole = (struct hole){ .base = base, .bytes = ROUND_UP(bytes, BASE_PAGE_SIZE) };
    thread_mutex_lock(&s->mutex);
    struct ram_piece *piece = piece_of(s, base, hole->bytes);
    if (piece != NULL && base % BASE_PAGE_SIZE == 0)
        hole = join(piece, hole);
    thread_mutex_unlock(&s->mutex);
    free_all(hole);
}

/* The mutex is held.  Cuts [base, base + bytes) out of a hole; `spare` is used if two are left. */
static void cut(struct hole **link, genpaddr_t base, gensize_t bytes, struct hole **spare)
{
    struct hole *hole = *link;
    assert(base >= hole->base && bytes <= hole->bytes && base - hole->base <= hole->bytes - bytes);
    const gensize_t before = base - hole->base, after = hole->bytes - before - bytes;

    if (before > 0 && after > 0 && *spare != NULL) {
        **spare = (struct hole){ .next = hole->next, .base = base + bytes, .bytes = after };
        hole->next = *spare;
        hole->bytes = before;
        *spare = NULL;
    } else if (before > 0) { /* without a spare one what lies behind is forgotten */
        hole->bytes = before;
    } else if (after > 0) {
        hole->base += bytes;
        hole->bytes = after;
    } else {
        *link = hole->next;
        hole->next = *spare;
        *spare = hole;
    }
}

bool ram_hole_take(gensize_t bytes, gensize_t align, struct capref *cap, gensize_t *offset)
{
    struct ram_alloc_state *s = state();
    bool found = false;

    if (s->pieces == NULL)
        return false;
    struct hole *spare = heap_alloc_mapped(sizeof(*spare));
    if (spare != NULL)
        spare->next = NULL;
    thread_mutex_lock(&s->mutex);
    for (struct ram_piece *piece = s->pieces; piece != NULL && !found; piece = piece->next) {
        for (struct hole **link = &piece->holes; *link != NULL && !found; link = &(*link)->next) {
            const genpaddr_t base = ROUND_UP((*link)->base, align);

            if (base - (*link)->base > (*link)->bytes ||
                bytes > (*link)->bytes - (base - (*link)->base) ||
                (s->maxlimit != 0 && (base < s->minbase || base + bytes > s->maxlimit)))
                continue;
            *cap = piece->cap;
            *offset = base - piece->base;
            cut(link, base, bytes, &spare);
            found = true;
            break;
        }
    }
    thread_mutex_unlock(&s->mutex);
    free_all(spare);
    return found;
}

static bool is_free(const struct ram_piece *piece, struct capref own)
{
    return piece->lent && !capcmp(piece->cap, own) && piece->holes != NULL &&
           piece->holes->bytes == piece->bytes;
}

bool ram_piece_take_free(struct capref own, gensize_t keep, struct ram_piece *ret)
{
    struct ram_alloc_state *s = state();
    struct ram_piece **link = NULL, *piece = NULL;
    gensize_t bytes = 0;

    thread_mutex_lock(&s->mutex);
    for (struct ram_piece **at = &s->pieces; *at != NULL; at = &(*at)->next) {
        if (is_free(*at, own)) {
            bytes += (*at)->bytes;
            link = at;
        }
    }
    if (link != NULL && bytes > keep) {
        piece = *link;
        assert(piece->holes->base == piece->base && piece->holes->next == NULL);
        *link = piece->next;
        *ret = *piece;
    }
    thread_mutex_unlock(&s->mutex);
    if (piece != NULL)
        free(piece->holes);
    free(piece);
    return piece != NULL;
}

void ram_piece_shorten(struct capref cap, gensize_t bytes)
{
    struct ram_piece *piece = state()->pieces;

    while (piece != NULL && !capcmp(piece->cap, cap))
        piece = piece->next;
    if (piece == NULL)
        return;
    /* what is behind the end is somebody else's from now on */
    for (const struct hole *hole = piece->holes; hole != NULL; hole = hole->next)
        assert(hole->base - piece->base + hole->bytes <= bytes);
    piece->bytes = bytes;
}
