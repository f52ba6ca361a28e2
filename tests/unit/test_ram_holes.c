/* SPDX-License-Identifier: MIT
 *
 * RAM that objects have left: what is taken was given and is not taken twice, whatever is given and
 * taken in whatever order; when all is given back, whole pieces are found.
 */
/* link: guest/user/lib/barrelfish/memory/ram_holes.c */
#include "fake_dispatcher.h"

#include <barrelfish/barrelfish.h>
#include <signal.h>
#include <stdlib.h>

#include "../../guest/user/lib/barrelfish/dispatch/heap.h"
#include "../../guest/user/lib/barrelfish/memory/ram_holes.h"

#define PAGE BASE_PAGE_SIZE
#define PIECES 3
#define PAGES 64 /* of a piece */
#define OBJECTS 40

static unsigned heap_failures; /* of so many allocations one fails; 0: none */

void *heap_alloc_mapped(size_t bytes)
{
    static unsigned random = 3;

    random = random * 1103515245 + 12345;
    return heap_failures != 0 && (random >> 16) % heap_failures == 0 ? NULL : malloc(bytes);
}

void thread_mutex_lock(struct thread_mutex *mutex)
{
    cr_assert_eq(mutex->locked, 0);
    mutex->locked = 1;
}

void thread_mutex_unlock(struct thread_mutex *mutex)
{
    cr_assert_eq(mutex->locked, 1);
    mutex->locked = 0;
}

static struct capref piece_cap(unsigned i)
{
    return (struct capref){ .cnode = CNODE_L2(7), .slot = i };
}

static genpaddr_t piece_base(unsigned i)
{
    return 0x1000000 + i * 0x100000;
}

static void set_up(void)
{
    fake_reset();
    heap_failures = 0;
    for (unsigned i = 0; i < PIECES; i++)
        cr_assert(ram_piece_add(piece_cap(i), piece_base(i), PAGES * PAGE, true));
}

/* Frees what the test has left, and says how many pieces were whole. */
static unsigned take_all_free(void)
{
    struct ram_piece piece;
    unsigned count = 0;

    while (ram_piece_take_free(NULL_CAP, 0, &piece))
        count++;
    return count;
}

TestSuite(ram_holes, .init = set_up, .timeout = 60);

Test(ram_holes, what_was_given_is_found_again)
{
    struct capref cap;
    gensize_t offset;

    cr_assert(!ram_hole_take(PAGE, PAGE, &cap, &offset));
    ram_hole_add(piece_base(1) + 5 * PAGE, 3 * PAGE);
    ram_hole_add(piece_base(1) + 4 * PAGE, 100); /* whole pages go with objects */
    cr_assert(!ram_hole_take(5 * PAGE, PAGE, &cap, &offset));
    cr_assert(!ram_hole_take(4 * PAGE, 8 * PAGE, &cap, &offset), "none is aligned so");
    cr_assert(ram_hole_take(4 * PAGE, 4 * PAGE, &cap, &offset));
    cr_assert(capcmp(cap, piece_cap(1)) && offset == 4 * PAGE);
    cr_assert(!ram_hole_take(PAGE, PAGE, &cap, &offset));
    cr_assert_eq(take_all_free(), 0);
}

Test(ram_holes, memory_of_others_is_not_noted)
{
    struct capref cap;
    gensize_t offset;

    ram_hole_add(piece_base(0) - PAGE, PAGE);
    ram_hole_add(piece_base(0) + (PAGES - 1) * PAGE, 2 * PAGE);
    ram_hole_add(piece_base(0) + 64, PAGE);
    ram_piece_shorten(piece_cap(0), 8 * PAGE);
    ram_hole_add(piece_base(0) + 8 * PAGE, PAGE);
    cr_assert(!ram_hole_take(PAGE, PAGE, &cap, &offset));
}

Test(ram_holes, whole_pieces_go_back_beyond_what_is_kept)
{
    struct ram_piece piece;

    for (unsigned i = 0; i < PIECES; i++)
        ram_hole_add(piece_base(i), PAGES * PAGE);
    cr_assert(!ram_piece_take_free(NULL_CAP, PIECES * PAGES * PAGE, &piece));
    cr_assert(ram_piece_take_free(NULL_CAP, 2 * PAGES * PAGE, &piece));
    cr_assert(!ram_piece_take_free(NULL_CAP, 2 * PAGES * PAGE, &piece));
    cr_assert_eq(take_all_free(), 2);
}

/* bits: one for each page that an object has */
static void random_objects(unsigned steps)
{
    struct {
        unsigned piece, first, pages;
    } object[OBJECTS] = { 0 };
    bool has[PIECES][PAGES];
    unsigned random = 11;

    memset(has, 1, sizeof(has)); /* at first all of it is one object */
    for (unsigned i = 0; i < PIECES; i++) {
        ram_hole_add(piece_base(i), PAGES * PAGE);
        memset(has[i], 0, sizeof(has[i]));
    }
    for (unsigned step = 0; step < steps; step++) {
        random = random * 1103515245 + 12345;
        const unsigned i = (random >> 16) % OBJECTS;

        if (object[i].pages > 0) {
            for (unsigned p = 0; p < object[i].pages; p++)
                has[object[i].piece][object[i].first + p] = false;
            ram_hole_add(piece_base(object[i].piece) + object[i].first * PAGE,
                         object[i].pages * PAGE);
            object[i].pages = 0;
            continue;
        }
        const unsigned pages = 1 + (random >> 24) % 12;
        const gensize_t align = PAGE << (random >> 8) % 4;
        struct capref cap;
        gensize_t offset;
        if (!ram_hole_take(pages * PAGE, align, &cap, &offset))
            continue;
        object[i].piece = cap.slot;
        object[i].first = (unsigned)(offset / PAGE);
        object[i].pages = pages;
        cr_assert_eq((piece_base(cap.slot) + offset) % align, 0);
        for (unsigned p = 0; p < pages; p++) {
            cr_assert(!has[cap.slot][object[i].first + p], "step %u: taken twice", step);
            has[cap.slot][object[i].first + p] = true;
        }
    }
    for (unsigned i = 0; i < OBJECTS; i++)
        if (object[i].pages > 0)
            ram_hole_add(piece_base(object[i].piece) + object[i].first * PAGE,
                         object[i].pages * PAGE);
}

Test(ram_holes, random_objects_never_overlap_and_leave_whole_pieces)
{
    random_objects(200000);
    cr_assert_eq(take_all_free(), PIECES);
}

Test(ram_holes, without_memory_for_notes_less_is_found_and_nothing_twice)
{
    heap_failures = 5;
    random_objects(50000);
}

Test(ram_holes, what_is_cut_off_must_be_in_use, .signal = SIGABRT)
{
    ram_hole_add(piece_base(0) + 10 * PAGE, PAGE);
    ram_piece_shorten(piece_cap(0), 8 * PAGE); /* it would be given out behind the end */
}
