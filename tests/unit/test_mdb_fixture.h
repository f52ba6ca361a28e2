/* SPDX-License-Identifier: MIT
 *
 * What the case-by-case tests of the mapping database share: one database, its slots, short ways to
 * make capabilities, and check(), which walks the whole tree.
 */
#ifndef TEST_MDB_FIXTURE_H
#define TEST_MDB_FIXTURE_H

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "guest/kernel/mdb/mdb.h"

#define PAGE 4096ull
#define ROOT ObjType_PhysAddr
#define MAX_SLOTS 4096

static struct cte slot[MAX_SLOTS];
static struct mdb db;

static inline struct capability memory(uint8_t type, uint64_t base, uint64_t bytes)
{
    struct capability cap = { .type = type, .rights = CAPRIGHTS_ALLRIGHTS };
    cap.u.mem.base = base;
    cap.u.mem.bytes = bytes;
    return cap;
}

static inline struct capability endpoint(uint64_t dispatcher, uint32_t offset)
{
    struct capability cap = { .type = ObjType_EndPointLMP };
    cap.u.endpoint.listener = dispatcher;
    cap.u.endpoint.epoffset = offset;
    return cap;
}

static inline struct capability words(uint8_t type, uint64_t first, uint64_t second)
{
    struct capability cap = { .type = type };
    cap.u.word[0] = first;
    cap.u.word[1] = second;
    return cap;
}

static inline struct cte *enter(unsigned index, struct capability cap)
{
    slot[index].cap = cap;
    cr_assert(eq(int, mdb_insert(&db, &slot[index]), MDB_OK), "slot %u", index);
    return &slot[index];
}

static inline void check(size_t expected)
{
    size_t count = 0;
    struct mdb_violation violation;
    bool sane = mdb_check_invariants(&db, &count, &violation);
    cr_assert(sane, "slot %td: %s", sane ? 0 : violation.cte - slot, violation.rule);
    cr_assert(eq(sz, count, expected));
    sane = mdb_check_nesting(&db, &violation);
    cr_assert(sane, "slot %td: %s", sane ? 0 : violation.cte - slot, violation.rule);
}

/* The slots of the database in order must be the given ones. */
static inline void check_order(const unsigned *order, size_t count)
{
    check(count);
    const struct cte *at = mdb_first(&db);
    for (size_t i = 0; i < count; i++, at = mdb_successor(&db, at)) {
        cr_assert(ne(ptr, (void *)at, NULL), "ends after %zu", i);
        cr_assert(eq(long, at - slot, order[i]), "at place %zu", i);
        const struct cte *before = mdb_predecessor(&db, at);
        cr_assert(eq(ptr, (void *)before, i == 0 ? NULL : (void *)&slot[order[i - 1]]));
    }
    cr_assert(eq(ptr, (void *)at, NULL));
}
#define CHECK_ORDER(...)                           \
    check_order((const unsigned[]){ __VA_ARGS__ }, \
                sizeof((const unsigned[]){ __VA_ARGS__ }) / sizeof(unsigned))

static inline void clear(void)
{
    memset(slot, 0, sizeof(slot));
    mdb_init(&db);
}

#endif
