/* SPDX-License-Identifier: MIT
 *
 * Looking up capability addresses, and copy, move, retype and lock on this core; delete.c deletes.
 *
 * A CSpace has two levels: the root (L1CNode) holds L2CNodes, these hold everything.  The root
 * grows by parts: another L1CNode in its slot ROOTCN_SLOT_MORE goes on where it ends, and so forth.
 * Nothing moves then, and all who hold a capability of the root see the new slots.  All checks are
 * in the functions that return an error; those that return nothing cannot fail and are called when
 * everything has been checked.
 *
 * What another core has is not seen from here.  The monitor keeps a locked capability for it, and
 * nothing is made of memory in which there is one.  Of RAM that another core owns something is made
 * only in what this core has claimed of it: a piece with an owner of its own, which the monitor
 * holds as a witness (docs/capabilities.md, claim).
 */
#include "cspace.h"

#include "cap_ops.h"
#include "plat.h"

struct mdb kernel_mdb, kernel_remote_mdb;

/* Nobody works with what is locked or taken apart. */
#define BITS_UNUSABLE (MDB_BIT_LOCKED | MDB_BIT_IN_DELETE)
#define ERR_LOCKED err_push(SYS_ERR_CAP_LOCKED, SYS_ERR_RETRY_THROUGH_MONITOR)

const struct capability *cspace_root_part(const struct capability *root, uint64_t *l1)
{
    LOOP_BOUND(steps, ROOTCN_MAX_PARTS);
    for (unsigned parts = 1; *l1 >= cnode_slots(root) && parts < ROOTCN_MAX_PARTS; parts++) {
        LOOP_ROUND(steps);
        const struct cte *next = cnode_slot(root, ROOTCN_SLOT_MORE);
        if (next->cap.type != ObjType_L1CNode || (next->node.bits & BITS_UNUSABLE))
            break;
        *l1 -= cnode_slots(root);
        root = &next->cap;
    }
    return root;
}

/* `*holder`: the capability of the CNode in which the slot lies. */
static inline __attribute__((always_inline)) errval_t find(struct capability *root, capaddr_t cptr,
                                                           unsigned level, struct cte **slot,
                                                           const struct capability **holder)
{
    if (root->type != ObjType_L1CNode)
        return SYS_ERR_CNODE_TYPE;
    uint64_t l1 = cptr >> L2_CNODE_BITS;
    const struct capability *cnode = cspace_root_part(root, &l1);
    if (l1 >= cnode_slots(cnode))
        return SYS_ERR_CNODE_NOT_FOUND;
    struct cte *cte = cnode_slot(cnode, l1);
    *holder = cnode;
    if (level == 2) {
        if (cte->cap.type != ObjType_L2CNode || (cte->node.bits & BITS_UNUSABLE))
            return SYS_ERR_CNODE_NOT_FOUND;
        *holder = &cte->cap;
        cte = cnode_slot(&cte->cap, cptr & (L2_CNODE_SLOTS - 1));
    } else if (level != 1) {
        return SYS_ERR_INVARGS_SYSCALL;
    }
    *slot = cte;
    return SYS_ERR_OK;
}

errval_t cspace_lookup_slot(struct capability *root, capaddr_t cptr, unsigned level,
                            struct cte **slot)
{
    const struct capability *holder;
    return find(root, cptr, level, slot, &holder);
}

errval_t cspace_lookup_slot_to_change(struct capability *root, capaddr_t cptr, unsigned level,
                                      struct cte **slot)
{
    const struct capability *holder;
    errval_t err = find(root, cptr, level, slot, &holder);
    if (err_is_ok(err) && !(holder->rights & CAPRIGHTS_WRITE))
        err = SYS_ERR_CAP_RIGHTS;
    return err;
}

static errval_t check_usable(const struct cte *cte)
{
    if (cte->cap.type == ObjType_Null)
        return SYS_ERR_CAP_NOT_FOUND;
    return cte->node.bits & BITS_UNUSABLE ? ERR_LOCKED : SYS_ERR_OK;
}

errval_t cspace_lookup_to_change(struct capability *root, capaddr_t cptr, unsigned level,
                                 struct cte **slot)
{
    errval_t err = cspace_lookup_slot_to_change(root, cptr, level, slot);
    return err_is_fail(err) ? err : check_usable(*slot);
}

errval_t cspace_lookup(struct capability *root, capaddr_t cptr, unsigned level, struct cte **slot)
{
    errval_t err = cspace_lookup_slot(root, cptr, level, slot);
    return err_is_fail(err) ? err : check_usable(*slot);
}

errval_t cspace_lookup_object(struct capability *root, capaddr_t cptr, unsigned level,
                              struct cte **slot)
{
    errval_t err = cspace_lookup(root, cptr, level, slot);
    return err_is_ok(err) && ((*slot)->node.bits & MDB_BIT_FOREIGN) ? SYS_ERR_RETRY_THROUGH_MONITOR
                                                                    : err;
}

errval_t cnode_empty_slots(const struct capability *cnode, uint64_t slot, uint64_t count,
                           struct cte **first)
{
    const uint64_t slots = cnode_slots(cnode);
    if (slot >= slots || count > slots - slot)
        return SYS_ERR_SLOTS_INVALID;
    if (!(cnode->rights & CAPRIGHTS_WRITE))
        return SYS_ERR_CAP_RIGHTS;
    assert(count <= L2_CNODE_SLOTS);
    *first = cnode_slot(cnode, slot);
    LOOP_BOUND(looked_at, L2_CNODE_SLOTS);
    for (const struct cte *cte = *first, *end = cte + count; cte < end; cte++) {
        LOOP_ROUND(looked_at);
        if (cte->cap.type != ObjType_Null)
            return SYS_ERR_SLOT_IN_USE;
    }
    return SYS_ERR_OK;
}

errval_t cspace_empty_slot(struct capability *root, capaddr_t cptr, unsigned level, uint64_t slot,
                           struct cte **dest)
{
    struct cte *cnode;
    errval_t err = cspace_lookup_object(root, cptr, level, &cnode);
    if (err_is_fail(err))
        return err_push(err, SYS_ERR_DEST_CNODE_LOOKUP);
    if (cnode->cap.type != ObjType_L2CNode)
        return SYS_ERR_DEST_CNODE_INVALID;
    return cnode_empty_slots(&cnode->cap, slot, 1, dest);
}

bool cap_is_retypeable(uint8_t from, uint8_t to)
{
    static const bool allowed[ObjType_Num][ObjType_Num] = {
#define CAP_RETYPE(f, t) [ObjType_##f][ObjType_##t] = true,
#include <barrelfish_kpi/caps.def>
    };
    return from < ObjType_Num && to < ObjType_Num && allowed[from][to];
}

static struct capability marked; /* what the monitor deletes; Null: nothing */

void cap_mark(const struct capability *cap)
{
    marked = cap != NULL ? *cap : (struct capability){ 0 };
}

static bool is_marked(const struct capability *cap)
{
    return marked.type != ObjType_Null &&
           (cap_is_copy(cap, &marked) || cap_is_ancestor(cap, &marked));
}

/* Part of a larger one that is not marked itself. */
static bool touches_marked(const struct capability *cap, uint64_t offset, uint64_t bytes)
{
    const uint64_t base = cap_base(cap) + offset;
    return marked.type != ObjType_Null && cap_type_root(cap->type) == cap_type_root(marked.type) &&
           base < cap_base(&marked) + cap_bytes(&marked) && cap_base(&marked) < base + bytes;
}

errval_t cap_may_copy(const struct cte *src)
{
    if (cap_is_mapping(src->cap.type))
        return SYS_ERR_DEST_TYPE_INVALID;
    if (!(src->cap.rights & CAPRIGHTS_GRANT))
        return SYS_ERR_CAP_RIGHTS;
    return is_marked(&src->cap) ? ERR_LOCKED : SYS_ERR_OK;
}

static uint8_t bits_of(const struct capability *cap, coreid_t owner)
{
    return owner != my_core_id && cap_is_container(cap) ? MDB_BIT_FOREIGN : 0;
}

static void insert(struct cte *cte)
{
    enum mdb_status status = mdb_insert(&kernel_mdb, cte);
    assert(status == MDB_OK);
}

static bool crosses(const struct mdb *db, const struct capability *cap)
{
    return mdb_find_range(db, cap_type_root(cap->type), cap_base(cap), cap_bytes(cap),
                          MDB_RANGE_PARTIAL, NULL) == MDB_RANGE_PARTIAL;
}

/* The databases rely on it that ranges nest. */
static bool nests(const struct capability *cap)
{
    return !cap_types[cap->type].memory ||
           (!crosses(&kernel_mdb, cap) && !crosses(&kernel_remote_mdb, cap));
}

void cap_insert_new(struct cte *dest, const struct capability *cap, coreid_t owner)
{
    assert(dest->cap.type == ObjType_Null && !mdb_is_inserted(dest));
    debug_assert(nests(cap));
    dest->cap = *cap;
    dest->node = (struct mdbnode){ .owner = owner, .bits = bits_of(cap, owner) };
    insert(dest);
}

/* A core that owns memory makes no other ranges as long as those it gave away are in use; this core
 * may not have heard yet that one is not, or hears from a liar. */
errval_t cap_insert_given(struct cte *dest, const struct capability *cap, coreid_t owner)
{
    if (!nests(cap))
        return SYS_ERR_REVOKE_FIRST;
    cap_insert_new(dest, cap, owner);
    return SYS_ERR_OK;
}

void cap_copy_to(struct cte *dest, struct cte *src)
{
    assert(dest->cap.type == ObjType_Null && !mdb_is_inserted(dest));
    dest->cap = src->cap;
    dest->node =
        (struct mdbnode){ .owner = src->node.owner, .bits = src->node.bits & MDB_BIT_FOREIGN };
    if (cap_types[src->cap.type].mappable)
        dest->cap.u.word[CAP_MAPPING_WORD] = 0;
    insert(dest);
}

void cap_send_copy(struct cte *dest, struct cte *src)
{
    cap_copy_to(dest, src);
    dest->cap.rights &= (uint8_t)~CAPRIGHTS_REVOKE;
}

void cap_move_to(struct cte *dest, struct cte *src)
{
    assert(dest->cap.type == ObjType_Null && !mdb_is_inserted(dest));
    assert(dest != src && mdb_is_inserted(src));
    dest->cap = src->cap;
    dest->node = (struct mdbnode){ .step = src->node.step };
    enum mdb_status status = mdb_replace(&kernel_mdb, src, dest);
    assert(status == MDB_OK);
    if (ops_of(&dest->cap)->moved != NULL && !cte_is_record(dest)) /* which has other links */
        ops_of(&dest->cap)->moved(dest);
    *src = (struct cte){ 0 };
}

/* ---- lock ---- */

static void change_database(struct cte *cte, struct mdb *from, struct mdb *to)
{
    assert(!(cte->node.bits & MDB_BIT_LOCKED) == (from == &kernel_mdb));
    enum mdb_status status = mdb_remove(from, cte);
    assert(status == MDB_OK);
    cte->node.bits ^= MDB_BIT_LOCKED;
    status = mdb_insert(to, cte);
    assert(status == MDB_OK);
}

/* Only memory has an owner, and what is mapped here is in use here. */
errval_t cap_lock(struct cte *cte)
{
    const struct capability *cap = &cte->cap;
    if (cte->node.bits & BITS_UNUSABLE)
        return ERR_LOCKED;
    if (!cap_types[cap->type].memory || cap->u.word[CAP_MAPPING_WORD] != 0)
        return SYS_ERR_DEST_TYPE_INVALID;
    change_database(cte, &kernel_mdb, &kernel_remote_mdb);
    return SYS_ERR_OK;
}

errval_t cap_unlock(struct cte *cte)
{
    if (!(cte->node.bits & MDB_BIT_LOCKED))
        return SYS_ERR_CAP_NOT_FOUND;
    change_database(cte, &kernel_remote_mdb, &kernel_mdb);
    return SYS_ERR_OK;
}

/* The last one, which is kept, goes over to another core: nobody else here has it, or anything made
 * of it, nor has this core given it to a third one.  A witness goes along: it stands for the same
 * object. */
errval_t cap_set_owner(struct cte *cte, coreid_t owner)
{
    const struct capability *cap = &cte->cap;
    if (!(cte->node.bits & MDB_BIT_LOCKED))
        return SYS_ERR_CAP_NOT_FOUND;
    if (!cap_types[cap->type].memory || cap_is_container(cap))
        return SYS_ERR_DEST_TYPE_INVALID;
    struct cte *copy = cap_find_copy(cte, 0);
    if (cap_find_copy(cte, MDB_BIT_WITNESS) != NULL ||
        mdb_first_descendant(&kernel_mdb, cap) != NULL || mdb_has_copies(&kernel_remote_mdb, cte) ||
        mdb_has_descendants(&kernel_remote_mdb, cap))
        return SYS_ERR_REVOKE_FIRST;
    cte->node.owner = owner;
    if (copy != NULL)
        copy->node.owner = owner;
    return SYS_ERR_OK;
}

struct cte *cap_find_copy(const struct cte *cte, unsigned but)
{
    struct cte *copy = mdb_find_equal(&kernel_mdb, &cte->cap);
    LOOP_BOUND(copies, 3);
    while (copy != NULL && (copy == cte || (copy->node.bits & but))) {
        LOOP_ROUND(copies);
        copy = mdb_successor(&kernel_mdb, copy);
        if (copy != NULL && !cap_is_copy(&copy->cap, &cte->cap))
            copy = NULL;
    }
    return copy;
}

bool cap_is_kept(const struct capability *cap)
{
    return kernel_remote_mdb.root != NULL && (mdb_find_equal(&kernel_remote_mdb, cap) != NULL ||
                                              mdb_has_descendants(&kernel_remote_mdb, cap));
}

/* ---- retype ---- */

/* Sizes are multiples of this, offsets of this or of a page, whichever is smaller. */
static uint64_t object_granule(unsigned type)
{
    if (cap_types[type].object_bytes != 0)
        return cap_types[type].object_bytes;
    if (!cap_types[type].memory)
        return 1;
    return type == ObjType_L1CNode ? OBJSIZE_L2CNODE : ABI_PAGE_BYTES;
}

errval_t cap_check_retype(const struct cte *src, uint64_t offset, unsigned type,
                          uint64_t *object_bytes, uint64_t count)
{
    const struct capability *cap = &src->cap;
    if (type >= ObjType_Num)
        return SYS_ERR_INVALID_RETYPE;
    if (cap_is_mapping((uint8_t)type))
        return SYS_ERR_RETYPE_MAPPING_EXPLICIT;
    if (!cap_is_retypeable(cap->type, (uint8_t)type))
        return SYS_ERR_INVALID_RETYPE;
    if (type == ObjType_VNode_x86_64_pml5)
        return SYS_ERR_VM_NO_FIVE_LEVELS;
    if (count == 0)
        return SYS_ERR_RETYPE_INVALID_COUNT;
    if (!cap_types[type].range) /* endpoints and domains take nothing away */
        return SYS_ERR_OK;

    if (cap_types[type].object_bytes != 0)
        *object_bytes = cap_types[type].object_bytes;
    uint64_t granule = object_granule(type);
    uint64_t align = granule < ABI_PAGE_BYTES ? granule : ABI_PAGE_BYTES;
    if (*object_bytes == 0 || *object_bytes % granule != 0 || *object_bytes > cap->u.mem.bytes)
        return SYS_ERR_INVALID_SIZE;
    if (count > cap->u.mem.bytes / *object_bytes)
        return SYS_ERR_RETYPE_INVALID_COUNT;
    if ((cap->u.mem.base + offset) % align != 0 || offset > cap->u.mem.bytes ||
        count > (cap->u.mem.bytes - offset) / *object_bytes)
        return SYS_ERR_RETYPE_INVALID_OFFSET;
    if (cap->type == type && *object_bytes == cap->u.mem.bytes &&
        cap->generation == CAP_GENERATION_MAX)
        return SYS_ERR_INVALID_RETYPE;
    return SYS_ERR_OK;
}

/* In a database that holds neither `cap` nor a copy there may be what it was made of. */
static bool is_in_use(const struct mdb *db, const struct capability *cap, uint64_t base,
                      uint64_t bytes)
{
    struct cte *found;
    enum mdb_range range =
        mdb_find_range(db, cap_type_root(cap->type), base, bytes, MDB_RANGE_INNER, &found);
    if (range > MDB_RANGE_SURROUNDING)
        return true;
    return range == MDB_RANGE_SURROUNDING && !cap_is_copy(&found->cap, cap) &&
           !cap_is_ancestor(cap, &found->cap);
}

/* Pages: the machine ends far below 2^40 bytes. */
uint64_t cap_claim_name(uint64_t base, uint64_t bytes, unsigned generation)
{
    return base / ABI_PAGE_BYTES << 36 | bytes / ABI_PAGE_BYTES << 8 | generation;
}

/* The piece that this core has claimed of foreign memory, in which nothing is made of these bytes
 * yet: it is the innermost that lies around them, and no domain has it, here or elsewhere.  What
 * was claimed of another capability is of no use: that may still lie between the two, here or
 * elsewhere.  NULL: there is none. */
static struct cte *find_claim(const struct cte *src, uint64_t offset, uint64_t bytes)
{
    struct cte *found;
    const struct capability *cap = &src->cap;
    const enum mdb_range range =
        mdb_find_range(&kernel_mdb, cap_type_root(cap->type), cap->u.mem.base + offset, bytes,
                       MDB_RANGE_INNER, &found);
    const bool claim = range == MDB_RANGE_SURROUNDING && (found->node.bits & MDB_BIT_WITNESS) &&
                       found->node.owner == my_core_id && cap_is_ancestor(&found->cap, cap) &&
                       found->cap.type == cap->type &&
                       found->cap.u.word[CAP_CLAIM_WORD] ==
                           cap_claim_name(cap->u.mem.base, cap->u.mem.bytes, cap->generation) &&
                       !mdb_has_copies(&kernel_mdb, found) &&
                       mdb_find_equal(&kernel_remote_mdb, &found->cap) == NULL;
    return claim ? found : NULL;
}

/* Its owner must know what is made of it; parts of a Frame are Frames again. */
static bool must_be_claimed(const struct cte *src, unsigned type)
{
    const uint8_t from = src->cap.type;
    return src->node.owner != my_core_id && cap_types[from].memory &&
           (from != type || !cap_types[type].mappable);
}

errval_t cap_check_unused(const struct cte *src, uint64_t offset, unsigned type, uint64_t bytes,
                          struct cap_source *from)
{
    *from = (struct cap_source){
        .cap = &src->cap, .owner = src->node.owner, .rights = src->cap.rights, .offset = offset
    };
    if (is_marked(&src->cap))
        return ERR_LOCKED;
    if (must_be_claimed(src, type)) {
        const struct cte *claim = cap_types[type].range ? find_claim(src, offset, bytes) : NULL;
        if (claim == NULL)
            return SYS_ERR_RETRY_THROUGH_MONITOR;
        offset += src->cap.u.mem.base - claim->cap.u.mem.base;
        if (claim->cap.type == type && bytes == claim->cap.u.mem.bytes &&
            claim->cap.generation == CAP_GENERATION_MAX)
            return SYS_ERR_INVALID_RETYPE;
        *from = (struct cap_source){ .cap = &claim->cap,
                                     .owner = claim->node.owner,
                                     .rights = src->cap.rights |
                                               CAPRIGHTS_REVOKE, /* nobody else has any of it */
                                     .offset = offset };
    }
    const struct capability *cap = from->cap;
    if (!cap_types[type].range)
        return SYS_ERR_OK;
    if (touches_marked(cap, offset, bytes))
        return ERR_LOCKED;
    if (is_in_use(&kernel_mdb, cap, cap->u.mem.base + offset, bytes))
        return SYS_ERR_REVOKE_FIRST;
    if (kernel_remote_mdb.root != NULL &&
        is_in_use(&kernel_remote_mdb, cap, cap->u.mem.base + offset, bytes))
        return ERR_LOCKED;
    return SYS_ERR_OK;
}

bool cap_is_in_use(const struct capability *cap, uint64_t offset, uint64_t bytes)
{
    const uint64_t base = cap_base(cap) + offset;
    return is_in_use(&kernel_mdb, cap, base, bytes) ||
           (kernel_remote_mdb.root != NULL && is_in_use(&kernel_remote_mdb, cap, base, bytes));
}

static bool must_be_zero(unsigned from, unsigned to)
{
    return to != ObjType_RAM && to != ObjType_PhysAddr && to != ObjType_DevFrame && from != to &&
           cap_types[to].memory;
}

void cap_retype(const struct cap_source *src, unsigned type, uint64_t object_bytes, uint64_t count,
                struct cte *dest)
{
    const struct capability *from = src->cap;
    if (must_be_zero(from->type, type))
        plat_scrub(paddr(from->u.mem.base + src->offset), count * object_bytes);

    LOOP_BOUND(objects, L2_CNODE_SLOTS);
    for (uint64_t i = 0; i < count; i++) {
        LOOP_ROUND(objects);
        struct capability cap = { .type = (uint8_t)type, .rights = src->rights };
        if (cap_types[type].range) {
            cap.u.mem.base = from->u.mem.base + src->offset + i * object_bytes;
            cap.u.mem.bytes = object_bytes;
            if (from->type == type && object_bytes == from->u.mem.bytes)
                cap.generation = (uint8_t)(from->generation + 1);
        }
        if (ops_of(&cap)->retype_init != NULL)
            ops_of(&cap)->retype_init(&cap, from);
        cap_insert_new(&dest[i], &cap, src->owner);
    }
}
