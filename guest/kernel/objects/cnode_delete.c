/* SPDX-License-Identifier: MIT
 *
 * The end of a CNode: its record goes to its own first slot, then slot by slot is emptied
 * (delete.c).
 */
#include "delete.h"
#include "objects.h"

#define COST_SLOT 5  /* looking at it, */
#define COST_LOOK 50 /* for each run of them */

/* The record goes to the CNode's own first slot. */
static void go_home(struct cte *record, struct cte *home, struct work *work)
{
    if (home->node.bits & MDB_BIT_LOCKED) {
        delete_suspend(record, STEP_STUCK);
        return;
    }
    if (home->cap.type != ObjType_Null && !cte_is_record(home)) {
        /* if it is simple it goes; if not it becomes a record */
        if (work_affords(work, delete_cost(home)))
            delete_slot(home);
        return;
    }
    if (!work_affords(work, delete_cost_move() * (home->cap.type == ObjType_Null ? 1 : 3)))
        return;
    if (home->cap.type == ObjType_Null)
        delete_move(home, record);
    else
        delete_exchange(record, home);
    home->node.step = 1;
}

/* Goes on to the next slot that is not empty: record->node.step.  False: there is none, or the
 * call has done its share. */
static bool next_occupied(struct cte *record, uint64_t slots, struct work *work)
{
    if (!work_looks(work, COST_LOOK))
        return false;
    const uint64_t at = record->node.step == 0 ? 1 : record->node.step;
    const uint64_t affordable = at + (uint64_t)(work->left > 0 ? work->left : 0) / COST_SLOT;
    const uint64_t end = affordable < slots ? affordable : slots;
    const struct cte *cte = cnode_slot(&record->cap, at), *last = cnode_slot(&record->cap, end);
    LOOP_BOUND(looked_at, WORK_OF_A_CALL / COST_SLOT);
    while (cte < last && cte->cap.type == ObjType_Null) {
        LOOP_ROUND(looked_at);
        cte++;
    }
    const uint64_t now = (uint64_t)(cte - cnode_slot(&record->cap, 0));
    work->left -= COST_SLOT * (int)(now - at);
    if (now > at)
        work_advances(work);
    work->over = now == end && end < slots;
    record->node.step = (uint32_t)now;
    return now < end;
}

void cnode_delete_step(struct cte *record, struct work *work)
{
    const uint64_t slots = cnode_slots(&record->cap);
    struct cte *home = cnode_slot(&record->cap, 0);
    if (record != home) {
        go_home(record, home, work);
        return;
    }
    LOOP_BOUND(occupied, WORK_OF_A_CALL);
    while (next_occupied(record, slots, work)) {
        LOOP_ROUND(occupied);
        struct cte *cte = home + record->node.step;
        if ((cte->node.bits & MDB_BIT_LOCKED) || delete_is_suspended(cte)) {
            delete_suspend(record, STEP_STUCK);
            return;
        }
        if (!cte_is_record(cte) && work_affords(work, delete_cost(cte)))
            delete_slot(cte);
        if (work->over)
            return;
        if (cte_is_record(cte)) {
            delete_raise(cte); /* it will leave this slot, or end, before this one goes on */
            return;
        }
    }
    if (!work->over && work_affords(work, mdb_cost_remove(&kernel_mdb)))
        delete_finish(record);
}
