/* SPDX-License-Identifier: MIT
 *
 * What operations on memory cost that other cores have (docs/performance.md): cycles from the call
 * to its return, on the owner's core, when each other core has one copy.
 */
#include <bench/bench.h>
#include <inttypes.h>
#include <stdlib.h>

#include "capstress.h"

#define ROUNDS 7
#define PLACE 0

enum figure {
    CALL,
    GIVE,
    DELETE_LAST,
    RETYPE_REFUSED,
    RETYPE_RELEASED,
    REVOKE,
    REVOKE_PART,
    FIGURES
};
static const char *const names[FIGURES] = {
    [CALL] = "a call and its answer",
    [GIVE] = "a call that carries a copy",
    [DELETE_LAST] = "delete the owner's last",
    [RETYPE_REFUSED] = "retype, all use it",
    [RETYPE_RELEASED] = "retype, all have dropped it",
    [REVOKE] = "revoke",
    [REVOKE_PART] = "revoke a part",
};

static cycles_t taken[FIGURES][ROUNDS];
static struct capstress_binding *holders[CORES_MAX];
static unsigned core_count;

/* To each other core, one after the other; all of it. */
static void give_all(struct capref frame)
{
    errval_t err;
    for (unsigned core = 1; core < core_count; core++) {
        CHECK_OK(holders[core]->rpc_tx_vtbl.take(holders[core], PLACE, frame, &err));
        CHECK_OK(err);
    }
}

static void drop_all(void)
{
    for (unsigned core = 1; core < core_count; core++)
        CHECK_OK(holders[core]->rpc_tx_vtbl.drop(holders[core], PLACE));
}

#define TAKEN(figure, call)                         \
    do {                                            \
        const cycles_t begun = bench_tsc();         \
        call;                                       \
        taken[figure][round] = bench_tsc() - begun; \
    } while (0)

static void one_round(unsigned round)
{
    struct capref ram, frame, table, part;
    uint32_t places;
    CHECK_OK(ram_alloc(&ram, BASE_PAGE_BITS + 2));
    CHECK_OK(slot_alloc(&frame));
    CHECK_OK(slot_alloc(&table));
    CHECK_OK(slot_alloc(&part));
    CHECK_OK(cap_retype(frame, ram, 0, ObjType_Frame, 4 * BASE_PAGE_SIZE, 1));
    TAKEN(CALL, CHECK_OK(holders[1]->rpc_tx_vtbl.count(holders[1], 0, 1, &places)));
    errval_t err;
    TAKEN(GIVE, CHECK_OK(holders[1]->rpc_tx_vtbl.take(holders[1], PLACE, frame, &err)));
    give_all(frame);
    TAKEN(DELETE_LAST, CHECK_OK(cap_delete(frame)));
    TAKEN(RETYPE_REFUSED, err = cap_retype(table, ram, 0, ObjType_VNode_x86_64_ptable, 0, 1));
    CHECK(err_no(err) == SYS_ERR_REVOKE_FIRST);
    drop_all();
    TAKEN(RETYPE_RELEASED, CHECK_OK(cap_retype(table, ram, 0, ObjType_VNode_x86_64_ptable, 0, 1)));
    CHECK_OK(cap_delete(table));
    CHECK_OK(cap_retype(frame, ram, 0, ObjType_Frame, 4 * BASE_PAGE_SIZE, 1));
    give_all(frame);
    CHECK_OK(cap_retype(part, frame, 0, ObjType_Frame, BASE_PAGE_SIZE, 1));
    TAKEN(REVOKE_PART, CHECK_OK(cap_revoke(part)));
    TAKEN(REVOKE, CHECK_OK(cap_revoke(frame)));
    CHECK_OK(slot_free(part)); /* it went with the whole */
    CHECK_OK(slot_free(table));
    CHECK_OK(cap_destroy(frame));
    CHECK_OK(cap_destroy(ram));
}

static int compare(const void *a, const void *b)
{
    const cycles_t x = *(const cycles_t *)a, y = *(const cycles_t *)b;
    return (x > y) - (x < y);
}

int capstress_measure(unsigned cores)
{
    core_count = cores;
    for (unsigned core = 1; core < cores; core++)
        holders[core] = capstress_bind_to(core);
    for (unsigned round = 0; round < ROUNDS; round++)
        one_round(round);
    for (unsigned figure = 0; figure < FIGURES; figure++) {
        qsort(taken[figure], ROUNDS, sizeof(taken[figure][0]), compare);
        printf("capstress: %u cores: %s: %" PRIu64 " cycles\n", cores, names[figure],
               taken[figure][ROUNDS / 2]);
    }
    printf("capstress: measured\n");
    return 0;
}
