/* SPDX-License-Identifier: MIT
 *
 * What used to have an end: slots of a CSpace, and memory that is cut up.
 */
#include <barrelfish/monitor_client.h>
#include <if/mem_defs.h>
#include <stdio.h>
#include <stdlib.h>

#include "captest.h"

/* More than 64 CNodes; with the L1 slots that are taken beforehand, more than one root CNode
 * holds. */
#define SLOTS 20000
#define ROOT_SLOTS 180
#define PIECES 256

static struct capref slots[SLOTS], root_slots[ROOT_SLOTS];

/* Slots beyond the first root CNode work as all others do. */
static void test_slots(void)
{
    struct capref frame, moved = new_slot();

    MUST(frame_alloc(&frame, BASE_PAGE_SIZE, NULL));
    for (unsigned i = 0; i < ROOT_SLOTS; i++)
        MUST(slot_alloc_root(&root_slots[i]));
    for (unsigned i = 0; i < SLOTS; i++)
        MUST(slot_alloc(&slots[i]));
    struct capref far = slots[SLOTS - 1];
    if (get_cap_addr(far) >> L2_CNODE_BITS < L2_CNODE_SLOTS)
        must(LIB_ERR_SHOULD_NOT_GET_HERE, "the last slot lies behind the first root CNode");
    MUST(cap_copy(far, frame));
    EXPECT(cap_copy, "into a far slot that is in use", SYS_ERR_SLOT_IN_USE, cap_copy(far, frame));
    MUST(cap_copy(moved, far));
    MUST(cap_delete(far));
    for (unsigned i = 0; i < SLOTS; i++)
        MUST(slot_free(slots[i]));
    for (unsigned i = 0; i < ROOT_SLOTS; i++)
        MUST(slot_free_root(root_slots[i]));
    EXPECT(slot_free, "a far slot twice", LIB_ERR_SLOT_FREE, slot_free(slots[SLOTS - 1]));
    MUST(cap_destroy(moved));
    MUST(cap_destroy(frame));
}

static gensize_t memory_free(void)
{
    struct mem_binding *b = get_mem_binding();
    uint64_t total, free_bytes;

    MUST(b->rpc_tx_vtbl.available(b, &total, &free_bytes));
    return free_bytes;
}

static errval_t take(uint8_t bits, struct capref *ret)
{
    struct mem_binding *b = get_mem_binding();
    errval_t answer;

    *ret = NULL_CAP;
    errval_t err = b->rpc_tx_vtbl.allocate(b, bits, 0, 0, &answer, ret);
    return err_is_ok(err) ? answer : err;
}

static void give_back(struct capref ram, uint8_t bits)
{
    struct mem_binding *b = get_mem_binding();
    struct capability identity;
    errval_t answer;

    MUST(cap_direct_identify(ram, &identity));
    MUST(b->rpc_tx_vtbl.free_monitor(b, ram, identity.u.mem.base, bits, &answer));
    MUST(answer);
    MUST(slot_free(ram));
}

/* Every other page comes back first: nothing joins, and none of it may be lost. */
static void test_cut_up_memory(void)
{
    uint8_t largest = 35;
    struct capref large;

    while (err_is_fail(take(largest, &large)))
        largest--;
    give_back(large, largest);
    for (unsigned i = 0; i < PIECES; i++)
        MUST(take(BASE_PAGE_BITS, &slots[i]));
    gensize_t before = memory_free();
    for (unsigned i = 0; i < PIECES; i += 2)
        give_back(slots[i], BASE_PAGE_BITS);
    for (unsigned i = 1; i < PIECES; i += 2)
        give_back(slots[i], BASE_PAGE_BITS);
    if (memory_free() - before != PIECES * BASE_PAGE_SIZE)
        must(LIB_ERR_SHOULD_NOT_GET_HERE, "all pages came back");
    MUST(take(largest, &large));
    give_back(large, largest);
}

#define HEAP_BYTES (5ul << 18)
#define HEAP_PIECES 3

/* 1.25 MiB take 1.25 MiB, and what the heap keeps for itself.  Others of this core may ask the
 * memory server at the same time, so the least counts. */
static void test_heap(void)
{
    char *pieces[HEAP_PIECES];
    gensize_t least = UINT64_MAX;

    free(malloc(1)); /* the heap is there */
    for (unsigned i = 0; i < HEAP_PIECES; i++) {
        gensize_t before = memory_free();
        pieces[i] = malloc(HEAP_BYTES);
        gensize_t taken = before - memory_free();

        if (pieces[i] != NULL)
            pieces[i][0] = pieces[i][HEAP_BYTES - 1] = 1;
        else
            must(LIB_ERR_MALLOC_FAIL, "1.25 MiB of heap");
        least = taken < least ? taken : least;
    }
    for (unsigned i = 0; i < HEAP_PIECES; i++)
        free(pieces[i]);
    if (least > 7ul << 18) {
        printf("captest: FAILED: 1.25 MiB of heap took %u KiB\n", (unsigned)(least >> 10));
        must(LIB_ERR_MALLOC_FAIL, "1.25 MiB of heap");
    }
}

void test_growth(void)
{
    test_slots();
    test_heap();
    test_cut_up_memory();
}
