/* SPDX-License-Identifier: MIT
 *
 * One CPU driver among several in a process.
 */
#include "../unit/kernel_fixture.h"

#include "cores.h"

#define OWN_BASE (8ull << 20) /* below are the objects of the programs themselves */
#define BUFFER_BYTES 64
#define BUFFER (UDISP + DISPATCHER_FRAME_BYTES - BUFFER_BYTES)

static void start(unsigned core)
{
    set_up();
    boot.topology.core_count = CORES;
    if (core != 0) /* all memory is the first core's */
        cr_assert_eq(delete_cap(RAM_CPTR), SYS_ERR_OK);
    my_core_id = (coreid_t)core;
}

static uint64_t call(uint64_t cptr, unsigned level, const uint64_t *words, void *buffer,
                     uint64_t *value)
{
    uint64_t word[CALL_WORDS];
    char *in_frame = (char *)alice->disp + DISPATCHER_FRAME_BYTES - BUFFER_BYTES;
    memcpy(word, words, sizeof(word));
    for (unsigned i = 1; i < CALL_WORDS; i++)
        if (buffer != NULL && word[i] == (uint64_t)buffer)
            word[i] = BUFFER;
    if (buffer != NULL)
        memcpy(in_frame, buffer, BUFFER_BYTES);
    const struct sysret result = invoke((capaddr_t)cptr, level, word[0], word + 1);
    if (buffer != NULL)
        memcpy(buffer, in_frame, BUFFER_BYTES);
    *value = result.value;
    return result.error;
}

/* By the monitor, for another core. */
static bool is_kept(const struct cte *cte)
{
    return (cte->node.bits & MDB_BIT_LOCKED) != 0;
}

static struct seen see(const struct cte *cte)
{
    return (struct seen){ .base = cap_base(&cte->cap),
                          .bytes = cap_bytes(&cte->cap),
                          .type = cte->cap.type,
                          .generation = cte->cap.generation,
                          .rights = cte->cap.rights,
                          .owner = cte->node.owner,
                          .kept = is_kept(cte) };
}

static bool in_slot(unsigned slot, struct seen *ret)
{
    struct cte *cte;
    cr_assert(err_is_ok(cspace_lookup_slot(&alice->cspace.cap, SLOT(slot), 2, &cte)));
    *ret = see(cte);
    ret->slot = (uint8_t)slot;
    return cte->cap.type != ObjType_Null;
}

static unsigned all(struct seen *list, unsigned room)
{
    unsigned count = 0;
    const struct mdb *databases[] = { &kernel_mdb, &kernel_remote_mdb };
    for (unsigned i = 0; i < 2; i++)
        for (const struct cte *cte = mdb_first(databases[i]); cte != NULL;
             cte = mdb_successor(databases[i], cte))
            if (cap_types[cte->cap.type].memory && cap_base(&cte->cap) >= OWN_BASE) {
                cr_assert_lt(count, room);
                list[count++] = see(cte);
            }
    return count;
}

static const char *broken_rule(void)
{
    struct mdb_violation violation = { 0 };
    if (mdb_check_invariants(&kernel_mdb, NULL, &violation) &&
        mdb_check_invariants(&kernel_remote_mdb, NULL, &violation))
        mdb_check_nesting(&kernel_remote_mdb, &violation);
    return violation.rule;
}

const struct kernel_copy kernel_copy = {
    .start = start, .call = call, .in_slot = in_slot, .all = all, .broken_rule = broken_rule
};
