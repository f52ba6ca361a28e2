/* SPDX-License-Identifier: MIT
 *
 * A distributed stress of capabilities: a holder and a driver on each core.  Each driver has memory
 * of its own, gives it to the holders of all cores, has them copy it, pass it on, make parts of it
 * and drop it, by whim, and revokes it, in whole or in part, or makes something else of it,
 * meanwhile.  Places are shared by all drivers, so operations cross.
 *
 *   capstress holder cores=N
 *   capstress driver cores=N rounds=R seed=S
 *   capstress measure cores=N                  what operations cost (measure.c); core 0 only
 *
 * After a revoke that says that it has succeeded nobody has anything of the memory, and after a
 * retype neither.  What else must hold the machine checks from outside: `invariants:
 * [capabilities]`. A failure says CAPSTRESS FAIL.
 */
#include <barrelfish/nameservice_client.h>
#include <stdlib.h>
#include <string.h>

#include "capstress.h"

#define OBJECTS 4
#define OBJECT_BITS 15
#define OBJECT_BYTES (1ull << OBJECT_BITS)
#define PAGES (OBJECT_BYTES / BASE_PAGE_SIZE)

struct object {
    struct capref ram, frame, part;
    bool has_frame, has_part;
    genpaddr_t base;
};

static struct object objects[OBJECTS];
static struct capstress_binding *holders[CORES_MAX];
static unsigned core_count, revoked, reused, refused;
static uint64_t state;

static unsigned below(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

/* ---- both roles ---- */

struct attempt {
    bool done;
    errval_t err;
    struct capstress_binding *binding;
};

static void bound(void *st, errval_t err, struct capstress_binding *b)
{
    *(struct attempt *)st = (struct attempt){ .done = true, .err = err, .binding = b };
}

struct capstress_binding *capstress_bind_to(unsigned core)
{
    struct attempt attempt = { .done = false };
    char name[32];
    iref_t iref;
    snprintf(name, sizeof(name), "capstress.%u", core);
    CHECK_OK(nameservice_blocking_lookup(name, &iref));
    CHECK_OK(capstress_bind(iref, bound, &attempt, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT));
    while (!attempt.done)
        CHECK_OK(event_dispatch(get_default_waitset()));
    CHECK_OK(attempt.err);
    capstress_rpc_client_init(attempt.binding);
    return attempt.binding;
}

void capstress_may_fail(const char *what, errval_t err)
{
    static const errval_t expected[] = {
        SYS_ERR_CAP_NOT_FOUND,         SYS_ERR_CAP_LOCKED,
        SYS_ERR_RETRY_THROUGH_MONITOR, SYS_ERR_SOURCE_CAP_LOOKUP,
        SYS_ERR_REVOKE_FIRST,          SYS_ERR_INVALID_SIZE,
        SYS_ERR_RETYPE_INVALID_COUNT,  SYS_ERR_RETYPE_INVALID_OFFSET,
        MON_ERR_REMOTE_CAP_RETRY,      MON_ERR_OVER_SHARE,
        MON_ERR_WRONG_CAP_TYPE
    };
    if (err_is_ok(err))
        return;
    refused++;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        if (err_no(err) == expected[i])
            return;
    USER_PANIC_ERR(err, "CAPSTRESS FAIL: %s", what);
}

/* ---- the driver ---- */

/* Anything in the first bytes of it. */
static void nobody_has_it(const struct object *o, uint64_t bytes, const char *why)
{
    for (unsigned core = 0; core < core_count; core++) {
        uint32_t places;
        CHECK_OK(holders[core]->rpc_tx_vtbl.count(holders[core], o->base, bytes, &places));
        if (places != 0)
            USER_PANIC("CAPSTRESS FAIL: %s, but core %u has %u of 0x%lx", why, core, places,
                       o->base);
    }
}

static void make_frame(struct object *o)
{
    errval_t err = cap_retype(o->frame, o->ram, 0, ObjType_Frame, OBJECT_BYTES, 1);
    capstress_may_fail("retype to a frame", err);
    o->has_frame = err_is_ok(err);
}

static void drop_part(struct object *o)
{
    if (o->has_part)
        capstress_may_fail("delete of a part", cap_delete(o->part));
    o->has_part = false;
}

/* Of the RAM, with all that was made of it, or of the frame. */
static void revoke(struct object *o)
{
    const bool all = below(2) || !o->has_frame;
    errval_t err = cap_revoke(all ? o->ram : o->frame);
    o->has_part = false;
    o->has_frame = o->has_frame && !all;
    capstress_may_fail("revoke", err);
    if (err_is_fail(err))
        return;
    revoked++;
    nobody_has_it(o, OBJECT_BYTES, "it was revoked");
}

static void revoke_part(struct object *o)
{
    drop_part(o);
    if (!o->has_frame)
        return;
    errval_t err = cap_retype(o->part, o->frame, below(PAGES) * BASE_PAGE_SIZE, ObjType_Frame,
                              BASE_PAGE_SIZE, 1);
    capstress_may_fail("retype to a part", err);
    o->has_part = err_is_ok(err);
    if (o->has_part)
        capstress_may_fail("revoke of a part", cap_revoke(o->part));
}

/* Something else is made of its first page only if nobody has that. */
static void reuse(struct object *o)
{
    struct capref table;
    drop_part(o);
    if (o->has_frame)
        CHECK_OK(cap_delete(o->frame));
    o->has_frame = false;
    CHECK_OK(slot_alloc(&table));
    errval_t err = cap_retype(table, o->ram, 0, ObjType_VNode_x86_64_ptable, 0, 1);
    capstress_may_fail("retype to a table", err);
    if (err_is_ok(err)) {
        reused++;
        nobody_has_it(o, BASE_PAGE_SIZE, "it was made into something else");
        CHECK_OK(cap_delete(table));
    }
    CHECK_OK(slot_free(table));
}

static void give(const struct object *o, unsigned core, unsigned place)
{
    errval_t result = SYS_ERR_OK;
    if (!o->has_frame)
        return;
    struct capref cap = o->has_part && below(2) ? o->part : o->frame;
    errval_t err = holders[core]->rpc_tx_vtbl.take(holders[core], place, cap, &result);
    capstress_may_fail("give", err_is_fail(err) ? err : result);
}

static void order(unsigned core, unsigned place)
{
    struct capstress_binding *b = holders[core];
    const unsigned to = below(PLACES), what = below(8);
    errval_t err = SYS_ERR_OK, result = SYS_ERR_OK;
    if (what < 3 && core + 1 < core_count)
        err = b->rpc_tx_vtbl.pass(b, place, core + 1 + below(core_count - core - 1), to, &result);
    else if (what < 5)
        err = b->rpc_tx_vtbl.copy(b, place, to, &result);
    else if (what < 7)
        err = b->rpc_tx_vtbl.part(b, place, to, below(PAGES) * BASE_PAGE_SIZE,
                                  (1 + below(4)) * BASE_PAGE_SIZE, &result);
    else
        err = b->rpc_tx_vtbl.drop(b, place);
    capstress_may_fail("order", err_is_fail(err) ? err : result);
}

static void one_round(void)
{
    struct object *o = &objects[below(OBJECTS)];
    const unsigned what = below(20), core = below(core_count), place = below(PLACES);
    if (!o->has_frame && what < 12)
        make_frame(o);
    if (what < 7)
        give(o, core, place);
    else if (what < 16)
        order(core, place);
    else if (what < 17)
        revoke(o);
    else if (what < 19)
        revoke_part(o);
    else
        reuse(o);
}

static int drive(unsigned rounds)
{
    struct capability is;
    for (unsigned core = 0; core < core_count; core++)
        holders[core] = capstress_bind_to(core);
    for (struct object *o = objects; o < objects + OBJECTS; o++) {
        CHECK_OK(ram_alloc(&o->ram, OBJECT_BITS));
        CHECK_OK(slot_alloc(&o->frame));
        CHECK_OK(slot_alloc(&o->part));
        CHECK_OK(cap_direct_identify(o->ram, &is));
        o->base = is.u.mem.base;
    }
    while (rounds-- > 0)
        one_round();
    printf("capstress %u: done, %u revoked, %u reused, %u refused\n", (unsigned)disp_get_core_id(),
           revoked, reused, refused);
    return 0;
}

int main(int argc, char *argv[])
{
    unsigned rounds = 100;
    for (int i = 2; i < argc; i++)
        if (strncmp(argv[i], "cores=", 6) == 0)
            core_count = (unsigned)atoi(argv[i] + 6);
        else if (strncmp(argv[i], "rounds=", 7) == 0)
            rounds = (unsigned)atoi(argv[i] + 7);
        else if (strncmp(argv[i], "seed=", 5) == 0)
            state = strtoull(argv[i] + 5, NULL, 0);
    const char *role = argc > 1 && core_count > 0 && core_count <= CORES_MAX ? argv[1] : "";
    if (strcmp(role, "holder") == 0)
        return capstress_hold(disp_get_core_id(), core_count);
    if (strcmp(role, "measure") == 0)
        return capstress_measure(core_count);
    if (strcmp(role, "driver") != 0) {
        printf("usage: capstress holder|driver|measure cores=N [rounds=R] [seed=S]\n");
        return 2;
    }
    state += get_system_time() * 64 + disp_get_core_id();
    return drive(rounds);
}
