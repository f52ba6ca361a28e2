/* SPDX-License-Identifier: MIT
 *
 * Delete and revoke, without any long call.
 *
 * Most capabilities are gone at once.  Some are the last one of an object of many parts: a CNode
 * with its slots, a dispatcher with its endpoints, a page table with the mappings in it.  Such a
 * capability becomes a record: it stays in its slot and in the database (so its memory is in use
 * until the end), lookup finds it no more, and steps take the object apart, each a bounded piece.
 * node.step says how far they have got.  A call makes steps until its share of work is done; then
 * the CPU driver lets its caller make it again, and between the two everybody else may run, delete,
 * and die.
 *
 * Where records lie.  A CNode that is taken apart may hold records, and it must not end before they
 * do; but two CNodes may lie in each other.  So the record of a CNode moves into its own first
 * slot, and what was there takes its place: then it depends on nobody.  A dispatcher's record moves
 * into its DCB.  A page table has no room for one, but it holds no capabilities either, so a CNode
 * may wait for it.  Only these short ones are ever waited for: what they need they need not wait
 * for.
 *
 * Who works.  The records that the calls of a dispatcher have begun are a list of that dispatcher,
 * the last one first: each pays for what it deletes.  Revocation meets the records of others in its
 * range, and takes them over.  What a dispatcher leaves behind goes to the one that takes it apart.
 * Only who ends by its own call has nobody: its records are orphans, which the monitor asks to be
 * deleted (Delete_step).  A record that is locked by the monitor, or holds what is, is stuck until
 * that has changed.
 *
 * A list is linked by places of CTEs: slots have 64 bytes, and physical memory ends below 256 GiB.
 */
#include "delete.h"

#include "cap_ops.h"

/* What things cost, in instructions, beside what the database takes. */
#define COST_SIMPLE 100 /* deleting what is no object of several parts */
#define COST_PTE 2
#define COST_MOVE 200

/* Progress of a revoke: an address up to which the range is prepared, or that all of it is. */
#define REVOKE_DELETES UINT64_MAX

_Static_assert(ABI_PHYS_LIMIT / OBJSIZE_CTE <= UINT32_MAX, "places of CTEs");

/* ---- lists of records ---- */

/* In the third word of the record, which says nothing else: a record is not mapped. */
struct links {
    uint32_t next, previous; /* places; 0: none */
};

static uint32_t orphans;

static struct links *links_of(struct cte *record)
{
    return (struct links *)&record->cap.u.word[CAP_MAPPING_WORD];
}

static uint32_t place_of(const struct cte *cte)
{
    const uint64_t at = mem_to_phys(cte).v;
    assert(at % OBJSIZE_CTE == 0 && at / OBJSIZE_CTE <= UINT32_MAX);
    return (uint32_t)(at / OBJSIZE_CTE);
}

static struct cte *cte_at(uint32_t place)
{
    return phys_to_mem(paddr((uint64_t)place * OBJSIZE_CTE));
}

static uint32_t *list_of(uint32_t owner)
{
    return owner == 0 ? &orphans
                      : &((struct dcb *)phys_to_mem(paddr((uint64_t)owner * OBJSIZE_CTE)))->dying;
}

static uint32_t owner_now(void)
{
    return current == NULL ? 0 : (uint32_t)(mem_to_phys(current).v / OBJSIZE_CTE);
}

static void push(struct cte *record)
{
    const uint32_t owner = owner_now(), place = place_of(record);
    uint32_t *list = list_of(owner);
    assert(cte_is_record(record) && mdb_is_inserted(record));
    record->cap.aux = owner;
    *links_of(record) = (struct links){ .next = *list };
    if (*list != 0)
        links_of(cte_at(*list))->previous = place;
    *list = place;
}

static bool is_listed(const struct cte *record)
{
    return record->node.step < STEP_WAITS;
}

static void unlink(struct cte *record)
{
    const struct links *at = links_of(record);
    if (!is_listed(record))
        return;
    assert(at->previous == 0 ? *list_of(record->cap.aux) == place_of(record)
                             : links_of(cte_at(at->previous))->next == place_of(record));
    if (at->next != 0)
        links_of(cte_at(at->next))->previous = at->previous;
    if (at->previous != 0)
        links_of(cte_at(at->previous))->next = at->next;
    else
        *list_of(record->cap.aux) = at->next;
}

struct cte *delete_begun_by(const struct dcb *dcb)
{
    return dcb->dying == 0 ? NULL : cte_at(dcb->dying);
}

void delete_raise(struct cte *record)
{
    unlink(record);
    if (!is_listed(record))
        record->node.step = 0;
    push(record);
}

bool delete_is_suspended(const struct cte *cte)
{
    return cte_is_record(cte) && !is_listed(cte);
}

void delete_suspend(struct cte *record, uint32_t step)
{
    unlink(record);
    record->node.step = step;
}

/* ---- single capabilities ---- */

static void remove_from_mdb(struct cte *cte)
{
    enum mdb_status status = mdb_remove(&kernel_mdb, cte);
    assert(status == MDB_OK);
}

static struct cte *mapping_of(const struct cte *cte)
{
    return cap_types[cte->cap.type].mappable ? (struct cte *)cte->cap.u.word[CAP_MAPPING_WORD]
                                             : NULL;
}

int delete_cost(const struct cte *cte)
{
    const bool is_mapping = cap_is_mapping(cte->cap.type);
    const struct cte *mapping = is_mapping ? cte : mapping_of(cte);
    int cost = COST_SIMPLE + mdb_cost_remove(&kernel_mdb);
    if (cte_is_container(cte))
        cost += mdb_cost_find(&kernel_mdb);
    if (mapping != NULL)
        cost += COST_SIMPLE + COST_PTE * (int)mapping_entries(&mapping->cap);
    if (mapping != NULL && !is_mapping)
        cost += mdb_cost_remove(&kernel_mdb);
    return cost;
}

/* Finding another place in the order for a capability. */
int delete_cost_move(void)
{
    return COST_MOVE + 2 * mdb_cost_find(&kernel_mdb);
}

/* The last one of an object of several parts?  What the monitor keeps for another core counts. */
static bool is_last(const struct cte *cte)
{
    return cte_is_container(cte) && !mdb_has_copies(&kernel_mdb, cte) &&
           (kernel_remote_mdb.root == NULL ||
            mdb_find_equal(&kernel_remote_mdb, &cte->cap) == NULL);
}

void delete_slot(struct cte *cte)
{
    assert(mdb_is_inserted(cte) && !(cte->node.bits & MDB_BIT_LOCKED) && !cte_is_record(cte));
    if (ops_of(&cte->cap)->release != NULL)
        ops_of(&cte->cap)->release(cte);
    if (is_last(cte)) {
        cte->node.bits |= MDB_BIT_IN_DELETE;
        cte->node.step = 0;
        push(cte);
        return;
    }
    remove_from_mdb(cte);
    *cte = (struct cte){ 0 };
}

void delete_finish(struct cte *record)
{
    assert(cte_is_record(record));
    unlink(record);
    remove_from_mdb(record);
    *record = (struct cte){ 0 };
}

void delete_move(struct cte *to, struct cte *record)
{
    unlink(record);
    cap_move_to(to, record);
    push(to);
}

void delete_exchange(struct cte *record, struct cte *other)
{
    struct cte between = { 0 };
    assert(cte_is_record(record) && cte_is_record(other));
    unlink(record);
    unlink(other);
    cap_move_to(&between, record);
    cap_move_to(record, other);
    cap_move_to(other, &between);
    push(other);
    if (is_listed(record))
        push(record);
}

/* ---- calls ---- */

/* Works on a list until it is empty (true) or the call has done its share.  If the caller is gone,
 * that is the orphans' list. */
static bool drain(struct work *work)
{
    LOOP_BOUND(steps, WORK_OF_A_CALL / COST_STEP);
    while (!work->over && work_looks(work, COST_STEP)) {
        LOOP_ROUND(steps);
        const uint32_t first = *list_of(owner_now());
        if (first == 0)
            return true;
        struct cte *record = cte_at(first);
        ops_of(&record->cap)->delete_step(record, work);
    }
    return false;
}

errval_t delete_locked(void)
{
    return err_push(SYS_ERR_CAP_LOCKED, SYS_ERR_RETRY_THROUGH_MONITOR);
}

static errval_t delete_rest(struct work *work)
{
    return drain(work) ? SYS_ERR_OK : KERNEL_AGAIN;
}

errval_t cap_delete_rest(void)
{
    struct work work = { .left = WORK_OF_A_CALL };
    return delete_rest(&work);
}

errval_t cap_delete(struct cte *cte)
{
    if (cte->node.bits & (MDB_BIT_LOCKED | MDB_BIT_IN_DELETE))
        return delete_locked();
    const bool container = cte_is_container(cte);
    struct work work = { .left = WORK_OF_A_CALL - delete_cost(cte) };
    delete_slot(cte);
    return container ? delete_rest(&work) : SYS_ERR_OK;
}

void cap_delete_now(struct cte *cte)
{
    assert(!cte_is_container(cte));
    delete_slot(cte);
}

errval_t cap_delete_orphans(void)
{
    struct work work = { .left = WORK_OF_A_CALL };
    LOOP_BOUND(steps, WORK_OF_A_CALL / COST_STEP);
    while (orphans != 0) {
        LOOP_ROUND(steps);
        if (!work_looks(&work, COST_STEP))
            return KERNEL_AGAIN;
        delete_raise(cte_at(orphans)); /* the caller's now */
        if (!drain(&work))
            return KERNEL_AGAIN;
    }
    return delete_rest(&work);
}

/* Goes on with a record in the range that is revoked. */
static errval_t revoke_record(struct cte *record, struct work *work)
{
    errval_t err = SYS_ERR_OK;
    if (record->node.step == STEP_WAITS)
        err = ops_of(&record->cap)->may_finish(record);
    if (err_is_fail(err))
        return err;
    const bool was_stuck = record->node.step == STEP_STUCK;
    delete_raise(record);
    if (!drain(work))
        return KERNEL_AGAIN;
    return was_stuck ? delete_locked()
                     : SYS_ERR_OK; /* if it is so still, it would be met for ever */
}

/* One capability more; *done: there is none.  A witness of something made of it says that it is
 * another core's, to which this one has given what it was made of: that core is asked first. */
static errval_t revoke_next(const struct cte *cte, struct work *work, bool *done)
{
    struct cte *victim = mdb_first_descendant(&kernel_mdb, &cte->cap);
    if (victim != NULL && (victim->node.bits & MDB_BIT_WITNESS))
        return delete_locked();
    if (victim == NULL) {
        if (!work_looks(work, 2 * mdb_cost_find(&kernel_mdb)))
            return KERNEL_AGAIN;
        victim = mdb_find_copy(&kernel_mdb, cte);
        if (victim != NULL && (victim->node.bits & MDB_BIT_WITNESS))
            victim = cap_find_copy(cte, MDB_BIT_WITNESS);
    }
    *done = victim == NULL;
    if (victim == NULL)
        return SYS_ERR_OK;
    if (cte_is_record(victim))
        return revoke_record(victim, work);
    if (!work_affords(work, delete_cost(victim)))
        return KERNEL_AGAIN;
    delete_slot(victim);
    return SYS_ERR_OK;
}

/* Does another core have the whole of which this is a part?  It may have made the same part. */
static bool is_part_of_remote(const struct capability *cap)
{
    if (kernel_remote_mdb.root == NULL)
        return false;
    const struct cte *whole = mdb_find_ancestor(&kernel_remote_mdb, cap);
    return whole != NULL && whole->cap.type == cap->type;
}

/* ---- whole ranges ---- */

static errval_t delete_range(struct cte *cte, struct work *work)
{
    const struct dcb *caller = current;
    /* `cte` may itself lie in what ends here */
    LOOP_BOUND(rounds, WORK_OF_A_CALL / COST_STEP);
    for (bool done = false; !done && mdb_is_inserted(cte) && !cte_is_record(cte);) {
        LOOP_ROUND(rounds);
        if (!work_looks(work, COST_STEP + mdb_cost_find(&kernel_mdb)))
            return KERNEL_AGAIN;
        errval_t err = revoke_next(cte, work, &done);
        if (err_is_fail(err) || current != caller)
            return err;
    }
    return delete_rest(work);
}

/* True: nothing is to be done, or any more. */
static bool prepare(const struct capability *cap, uint64_t *progress, struct work *work)
{
    const struct cap_ops *ops = ops_of(cap);
    if (ops->before_revoke != NULL && !ops->before_revoke(cap, progress, work))
        return false;
    *progress = REVOKE_DELETES;
    return true;
}

struct sysret cap_revoke(struct cte *cte, uint64_t progress)
{
    if (cte->node.bits & (MDB_BIT_LOCKED | MDB_BIT_IN_DELETE))
        return SYSRET(delete_locked());
    if (!(cte->cap.rights & CAPRIGHTS_REVOKE))
        return SYSRET(SYS_ERR_CAP_RIGHTS);
    struct work work = { .left = WORK_OF_A_CALL };
    if (progress < cap_base(&cte->cap)) /* 0, or a lie: what lies outside is not the caller's */
        progress = cap_base(&cte->cap);
    if (progress != REVOKE_DELETES && !prepare(&cte->cap, &progress, &work))
        return (struct sysret){ .error = KERNEL_AGAIN, .value = progress };
    const struct capability cap = cte->cap;
    errval_t err = delete_range(cte, &work);
    if (err >= KERNEL_AGAIN_LATER)
        return (struct sysret){ .error = err, .value = REVOKE_DELETES };
    if (err_is_ok(err) && cap_is_kept(&cap))
        err = delete_locked();
    return (struct sysret){ .error = err, .value = is_part_of_remote(&cap) };
}

/* Parts nest on each core, but those of two cores may lie across each other.  So at each address
 * those that reach beyond the end are passed over; they were made of something larger.  Nothing is
 * made behind *from, since the part is marked.  True: there is more. */
static bool delete_part(const struct capability *part, uint64_t *from, struct work *work)
{
    const uint64_t end = cap_base(part) + cap_bytes(part);
    LOOP_BOUND(objects, WORK_OF_A_CALL / COST_STEP);
    while (work_looks(work, COST_STEP + mdb_cost_find(&kernel_mdb))) {
        LOOP_ROUND(objects);
        struct capability rest = *part;
        if (*from != cap_base(part))
            rest.generation = 0;
        rest.u.mem.base = *from;
        rest.u.mem.bytes = end - *from;
        struct cte *victim = mdb_find_inside(&kernel_mdb, &rest);
        if (victim == NULL || cap_base(&victim->cap) >= end)
            return false;
        *from = cap_base(&victim->cap);
        if (*from + cap_bytes(&victim->cap) > end) {
            work_advances(work);
            continue;
        }
        assert(cap_is_copy(&victim->cap, part) || cap_is_ancestor(&victim->cap, part));
        if (!work_affords(work, delete_cost(victim)))
            return true;
        delete_slot(victim);
    }
    return true;
}

/* Only of what is mapped: that is no object of several parts, and its parts are of its own type. */
static struct sysret delete_foreign_part(const struct cte *cte, const struct capability *part,
                                         uint64_t from)
{
    struct work work = { .left = WORK_OF_A_CALL };
    const uint64_t base = cap_base(part), bytes = cap_bytes(part), whole = cap_bytes(&cte->cap);
    if (!cap_is_retypeable(part->type, part->type) || cap_is_container(part))
        return SYSRET(SYS_ERR_DEST_TYPE_INVALID);
    if (base < cap_base(&cte->cap) || bytes > whole || base - cap_base(&cte->cap) > whole - bytes ||
        (bytes == whole && part->generation <= cte->cap.generation))
        return SYSRET(SYS_ERR_RETYPE_INVALID_OFFSET);
    cap_mark(part);
    if (from < base || from - base >= bytes)
        from = base;
    if (delete_part(part, &from, &work))
        return SYSRET_VALUE(from);
    cap_mark(NULL);
    return SYSRET(SYS_ERR_OK);
}

/* What is kept in the range stays: the monitor has asked for it where that went, or it is what
 * another core has had from here, and this one has got back as a copy. */
struct sysret cap_delete_foreigns(struct cte *cte, const struct capability *part, uint64_t from)
{
    if (cte->node.owner == my_core_id && !(cte->node.bits & MDB_BIT_WITNESS))
        return SYSRET(SYS_ERR_DELETE_REMOTE_LOCAL);
    if (part != NULL)
        return delete_foreign_part(cte, part, from);
    struct work work = { .left = WORK_OF_A_CALL };
    cap_mark(&cte->cap);
    errval_t err = delete_range(cte, &work);
    if (err >= KERNEL_AGAIN_LATER)
        return SYSRET_VALUE(1);
    cap_mark(NULL);
    return SYSRET(err);
}
