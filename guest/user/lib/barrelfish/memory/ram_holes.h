/* SPDX-License-Identifier: MIT
 *
 * RAM that objects have left, of this dispatcher's own RAM (ram_holes.c).  Nothing here blocks, and
 * nothing lets the heap grow; notes for which there is no memory are left out.
 */
#ifndef RAM_HOLES_H
#define RAM_HOLES_H

#include <barrelfish/caddr.h>

/* RAM of which objects are made. */
struct ram_piece {
    struct ram_piece *next;
    struct capref cap;
    genpaddr_t base;
    gensize_t bytes;
    bool lent; /* by the memory server, as it is */
    struct hole *holes;
};

/* False: there is no memory to note it.  The mutex of the state is held. */
bool ram_piece_add(struct capref cap, genpaddr_t base, gensize_t bytes, bool lent);
/* Only the first `bytes` of it from now on; the mutex is held. */
void ram_piece_shorten(struct capref cap, gensize_t bytes);
/* Takes out a piece, lent and not `own`, in which as far as is known nothing is, if all these are
 * more than `keep` bytes. */
bool ram_piece_take_free(struct capref own, gensize_t keep, struct ram_piece *ret);

/* An object is gone; only what lies in a piece is noted. */
void ram_hole_add(genpaddr_t base, gensize_t bytes);
/* A place for `bytes`, aligned physically; it is noted no more.  False: none. */
bool ram_hole_take(gensize_t bytes, gensize_t align, struct capref *cap, gensize_t *offset);

#endif
