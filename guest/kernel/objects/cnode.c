/* SPDX-License-Identifier: MIT
 *
 * CNodes: copy, mint, retype, delete, revoke, identify.
 *
 * Copy and mint are invoked on the CNode that receives (an L1CNode with level 2: an address in its
 * CSpace); the rest on the root of the CSpace in which the address is looked up.
 */
#include "delete.h"
#include "objects.h"

static errval_t find_source(struct capability *root, struct cap_place place, struct cte **src)
{
    errval_t err = cspace_lookup(root, place.cptr, place.level, src);
    return err_is_fail(err) ? err_push(err, SYS_ERR_SOURCE_CAP_LOOKUP) : err;
}

/* May a capability of this type lie in that CNode?  L1 holds L2CNodes only; its next part is an
 * exception, which retype makes and nobody copies: so a root can never be a part of itself. */
static bool fits(const struct capability *cnode, unsigned type)
{
    return cnode->type == ObjType_L2CNode || type == ObjType_L2CNode ||
           type == ObjType_KernelControlBlock;
}

/* The empty slot that receives a copy, and the CNode it lies in. */
static errval_t decode_destination(struct cte *cnode, const struct invocation *inv,
                                   const struct capability **holder, struct cte **dest)
{
    *holder = &cnode->cap;
    uint64_t slot = inv->args->copy.dest_slot;
    if (cnode->cap.type == ObjType_L1CNode && inv->args->copy.dest_level == 2) {
        /* an address in a CSpace: the L2CNode on the way */
        struct cte *l2;
        errval_t err = cspace_lookup(&cnode->cap, (capaddr_t)slot, 1, &l2);
        if (err_is_fail(err) || l2->cap.type != ObjType_L2CNode)
            return SYS_ERR_DEST_CNODE_LOOKUP;
        *holder = &l2->cap;
        slot &= L2_CNODE_SLOTS - 1;
    } else if (cnode->cap.type == ObjType_L1CNode) {
        *holder = cspace_root_part(&cnode->cap, &slot);
    }
    return cnode_empty_slots(*holder, slot, 1, dest);
}

static errval_t decode_copy(struct cte *cnode, const struct invocation *inv, struct cte **dest,
                            struct cte **src)
{
    const struct capability *holder;
    errval_t err = decode_destination(cnode, inv, &holder, dest);
    if (err_is_fail(err))
        return err;
    struct capability *root;
    err = invocation_root(inv, inv->args->copy.src_root, &root);
    if (err_is_fail(err))
        return err;
    const struct cap_place place = { inv->args->copy.src_cptr, inv->args->copy.src_level };
    err = find_source(root, place, src);
    if (err_is_fail(err))
        return err;
    if (!fits(holder, (*src)->cap.type))
        return SYS_ERR_DEST_TYPE_INVALID;
    if (holder->type == ObjType_L1CNode && ((*src)->node.bits & MDB_BIT_FOREIGN))
        return SYS_ERR_RETRY_THROUGH_MONITOR; /* addresses would lead through it */
    return cap_may_copy(*src);
}

static struct sysret copy(struct cte *cnode, const struct invocation *inv)
{
    struct cte *dest, *src;
    errval_t err = decode_copy(cnode, inv, &dest, &src);
    if (err_is_ok(err))
        cap_copy_to(dest, src);
    return SYSRET(err);
}

static struct sysret mint(struct cte *cnode, const struct invocation *inv)
{
    struct cte *dest, *src;
    const uint64_t p1 = inv->args->copy.mint1, p2 = inv->args->copy.mint2;
    errval_t err = decode_copy(cnode, inv, &dest, &src);
    if (err_is_fail(err))
        return SYSRET(err);
    const struct cap_ops *ops = ops_of(&src->cap);
    if (ops->check_mint != NULL)
        err = ops->check_mint(&src->cap, p1, p2);
    if (err_is_fail(err))
        return SYSRET(err);

    struct capability cap = src->cap;
    if (ops->mint != NULL)
        ops->mint(&cap, p1, p2);
    else
        cap.rights &= (uint8_t)(p1 | ~cap_known_rights(cap.type));
    if (cap_types[cap.type].mappable)
        cap.u.word[CAP_MAPPING_WORD] = 0;
    cap_insert_new(dest, &cap, src->node.owner);
    return SYSRET(SYS_ERR_OK);
}

/* Objects of one call; and the share of one entry, beside finding out whether all can be done. */
#define RETYPE_MAX L2_CNODE_SLOTS
#define RETYPE_WORK 2400
#define COST_OBJECT 80

struct retype {
    struct cte *src, *dest; /* the slots of the objects that this entry makes */
    struct cap_source from;
    uint64_t offset, object_bytes, count;
    uint64_t made; /* by earlier entries of the same call */
    uint64_t now;  /* by this one */
    unsigned type;
};

/* The CNode that receives; level 0 is the root of its CSpace.  `root`: of the source's. */
static errval_t decode_retype_cnode(const struct invocation *inv, struct capability *root,
                                    const struct capability **cnode)
{
    const __typeof__(inv->args->retype) *a = &inv->args->retype;
    struct cte *cte;
    errval_t err;
    if (a->dest_root != a->src_root) {
        err = invocation_root(inv, a->dest_root, &root);
        if (err_is_fail(err))
            return err;
    }
    *cnode = root;
    if (a->dest_cnode.level == 0)
        return SYS_ERR_OK;
    err = cspace_lookup_object(root, a->dest_cnode.cptr, a->dest_cnode.level, &cte);
    if (err_is_fail(err))
        return err_push(err, SYS_ERR_DEST_CNODE_LOOKUP);
    *cnode = &cte->cap;
    return cap_is_cnode(*cnode) ? SYS_ERR_OK : SYS_ERR_DEST_CNODE_INVALID;
}

/* What this entry makes.  The first one sees that all slots are empty.  Between two entries of a
 * call anybody may have used the memory or the slots, so the memory of the rest and the slots
 * that come next are looked at each time.  How far the call has got its caller says: if it
 * is not true, he leaves objects out and no more. */
static errval_t decode_now(const struct invocation *inv, const struct capability *cnode,
                           uint64_t slot, struct retype *r)
{
    r->made = inv->again ? inv->progress : 0;
    if (r->made >= r->count)
        return SYS_ERR_RETYPE_INVALID_COUNT;
    const uint64_t left = r->count - r->made;
    const uint64_t most = RETYPE_WORK / (COST_OBJECT + (uint64_t)mdb_cost_insert(&kernel_mdb));
    r->now = most == 0 ? 1 : left < most ? left : most;
    errval_t err =
        cnode_empty_slots(cnode, slot + r->made, r->made == 0 ? r->count : r->now, &r->dest);
    if (err_is_fail(err))
        return err;
    return cap_check_unused(r->src, r->offset + r->made * r->object_bytes, r->type,
                            left * r->object_bytes, &r->from);
}

static errval_t decode_retype(const struct invocation *inv, struct retype *r)
{
    const __typeof__(inv->args->retype) *a = &inv->args->retype;
    struct capability *root;
    const struct capability *cnode;
    *r = (struct retype){ .offset = a->offset,
                          .object_bytes = a->object_bytes,
                          .count = a->count,
                          .type = a->type < ObjType_Num ? (unsigned)a->type : ObjType_Num };
    errval_t err = invocation_root(inv, a->src_root, &root);
    if (err_is_fail(err))
        return err;
    err = find_source(root, a->src, &r->src);
    if (err_is_fail(err))
        return err;
    err = decode_retype_cnode(inv, root, &cnode);
    if (err_is_fail(err))
        return err;
    uint64_t slot = a->dest_slot;
    if (cnode->type == ObjType_L1CNode)
        cnode = cspace_root_part(cnode, &slot);
    const bool next_part = cnode->type == ObjType_L1CNode && slot == ROOTCN_SLOT_MORE &&
                           r->type == ObjType_L1CNode && r->count == 1;
    if (!next_part && !fits(cnode, r->type))
        return SYS_ERR_DEST_TYPE_INVALID;
    if (!(r->src->cap.rights & CAPRIGHTS_GRANT))
        return SYS_ERR_CAP_RIGHTS;
    err = cap_check_retype(r->src, r->offset, r->type, &r->object_bytes, r->count);
    if (err_is_fail(err))
        return err;
    if (r->count > RETYPE_MAX)
        return SYS_ERR_RETYPE_INVALID_COUNT;
    return decode_now(inv, cnode, slot, r);
}

struct sysret cnode_retype(const struct invocation *inv)
{
    struct retype r;
    errval_t err = decode_retype(inv, &r);
    if (err_is_fail(err))
        return SYSRET(err);
    cap_retype(&r.from, r.type, r.object_bytes, r.now, r.dest);
    const uint64_t made = r.made + r.now;
    return made < r.count ? (struct sysret){ .error = KERNEL_AGAIN, .value = made }
                          : SYSRET(SYS_ERR_OK);
}

static struct sysret identify(struct cte *target, const struct invocation *inv)
{
    if (!(target->cap.rights & CAPRIGHTS_IDENTIFY))
        return SYSRET(SYS_ERR_CAP_IDENTIFY);
    struct capability cap = target->cap;
    if (ops_of(&cap)->identify != NULL) /* kernel addresses stay in the kernel */
        ops_of(&cap)->identify(&cap);
    return SYSRET(invocation_copy_out(inv, inv->args->target.answer, &cap, sizeof(cap))
                      ? SYS_ERR_OK
                      : SYS_ERR_INVALID_USER_BUFFER);
}

static struct sysret create_id(struct cte *root, const struct invocation *inv)
{
    static uint64_t last_id;
    struct cte *dest;
    const __typeof__(inv->args->create) *a = &inv->args->create;
    if (a->type != ObjType_ID)
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    errval_t err = cspace_empty_slot(&root->cap, (capaddr_t)a->dest_cptr, (unsigned)a->dest_level,
                                     a->dest_slot, &dest);
    if (err_is_fail(err))
        return SYSRET(err);

    struct capability cap = { .type = ObjType_ID, .rights = CAPRIGHTS_ALLRIGHTS };
    cap.u.id.coreid = my_core_id;
    cap.u.id.core_local_id = ++last_id;
    cap_insert_new(dest, &cap, my_core_id);
    return SYSRET(SYS_ERR_OK);
}

/* Also of what nobody works with: locked, or in delete. */
static struct sysret get_state(struct cte *root, const struct invocation *inv)
{
    struct cte *cte;
    errval_t err = cspace_lookup_slot(&root->cap, (capaddr_t)inv->args->target.cptr,
                                      (unsigned)inv->args->target.level, &cte);
    if (err_is_ok(err) && cte->cap.type == ObjType_Null)
        err = SYS_ERR_CAP_NOT_FOUND;
    return err_is_fail(err) ? SYSRET(err) : SYSRET_VALUE(cte->node.bits);
}

/* Commands on the capability at an address of this CSpace. */
static struct sysret on_target(struct cte *root, const struct invocation *inv)
{
    struct cte *target;
    if (root->cap.type != ObjType_L1CNode)
        return SYSRET(SYS_ERR_CNODE_TYPE);
    if (inv->command == CNodeCmd_GetState)
        return get_state(root, inv);
    errval_t (*lookup)(struct capability *, capaddr_t, unsigned, struct cte **) =
        inv->command == CNodeCmd_Delete ? cspace_lookup_to_change : cspace_lookup;
    errval_t err = lookup(&root->cap, (capaddr_t)inv->args->target.cptr,
                          (unsigned)inv->args->target.level, &target);
    if (inv->again && (inv->command == CNodeCmd_Delete || err_is_fail(err)))
        return SYSRET(cap_delete_rest()); /* the first entry has found it */
    if (err_is_fail(err))
        return SYSRET(err);
    switch (inv->command) {
    case CNodeCmd_Delete:
        return SYSRET(cap_delete(target));
    case CNodeCmd_Revoke:
        return cap_revoke(target, inv->again ? inv->progress : 0);
    default:
        return identify(target, inv);
    }
}

/* The last part of a root CNode, and how many there are. */
static struct cte *last_part(struct cte *root, unsigned *parts, uint64_t *bytes)
{
    struct cte *part = root;
    LOOP_BOUND(steps, ROOTCN_MAX_PARTS);
    for (*parts = 1, *bytes = part->cap.u.mem.bytes; *parts < ROOTCN_MAX_PARTS; ++*parts) {
        LOOP_ROUND(steps);
        struct cte *next = cnode_slot(&part->cap, ROOTCN_SLOT_MORE);
        if (next->cap.type != ObjType_L1CNode)
            break;
        part = next;
        *bytes += part->cap.u.mem.bytes;
    }
    return part;
}

static struct sysret get_size(struct cte *root)
{
    unsigned parts;
    uint64_t bytes;
    if (root->cap.type != ObjType_L1CNode)
        return SYSRET(SYS_ERR_CNODE_TYPE);
    last_part(root, &parts, &bytes);
    return SYSRET_VALUE(bytes);
}

/* A root must never be a part of itself: so what is hung behind it has no part of its own, is no
 * copy of the root, and leaves the only slot in which it is.  That is a slot of an L2CNode: those
 * of a root hold parts. */
static errval_t decode_resize(struct cte *root, const struct invocation *inv, struct cte **more,
                              struct cte **from)
{
    const __typeof__(inv->args->target) *a = &inv->args->target;
    unsigned parts;
    uint64_t bytes;
    if (root->cap.type != ObjType_L1CNode)
        return SYS_ERR_CNODE_TYPE;
    errval_t err = cspace_lookup_to_change(inv->root, (capaddr_t)a->cptr, 2, from);
    if (err_is_fail(err))
        return err_push(err, SYS_ERR_SOURCE_CAP_LOOKUP);
    if ((*from)->cap.type != ObjType_L1CNode)
        return SYS_ERR_CNODE_TYPE;
    if ((*from)->node.bits & MDB_BIT_FOREIGN)
        return SYS_ERR_RETRY_THROUGH_MONITOR;
    if (a->level != 2 || *from == root || mdb_has_copies(&kernel_mdb, *from) ||
        cap_is_kept(&(*from)->cap) || cap_is_copy(&(*from)->cap, &root->cap) ||
        cnode_slot(&(*from)->cap, ROOTCN_SLOT_MORE)->cap.type != ObjType_Null)
        return SYS_ERR_CNODE_IN_USE;
    struct cte *part = last_part(root, &parts, &bytes);
    *more = cnode_slot(&part->cap, ROOTCN_SLOT_MORE);
    if (parts == ROOTCN_MAX_PARTS || (*more)->cap.type != ObjType_Null)
        return SYS_ERR_SLOTS_INVALID;
    return part->cap.rights & CAPRIGHTS_WRITE ? SYS_ERR_OK : SYS_ERR_CAP_RIGHTS;
}

static struct sysret resize(struct cte *root, const struct invocation *inv)
{
    struct cte *more = NULL, *from = NULL;
    errval_t err = decode_resize(root, inv, &more, &from);
    if (err_is_ok(err))
        cap_move_to(more, from);
    return SYSRET(err);
}

static struct sysret cnode_invoke(struct cte *cte, const struct invocation *inv)
{
    switch (inv->command) {
    case CNodeCmd_Copy:
        return copy(cte, inv);
    case CNodeCmd_Mint:
        return mint(cte, inv);
    case CNodeCmd_Retype:
        return cnode_retype(inv);
    case CNodeCmd_Delete:
    case CNodeCmd_Revoke:
    case CNodeCmd_GetState:
    case CNodeCmd_CapIdentify:
        return on_target(cte, inv);
    case CNodeCmd_Create:
        return create_id(cte, inv);
    case CNodeCmd_Resize:
        return resize(cte, inv);
    case CNodeCmd_GetSize:
        return get_size(cte);
    default:
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    }
}

const struct cap_ops cnode_ops = { .invoke = cnode_invoke,
                                   .delete_step = cnode_delete_step,
                                   .check_wire = object_check_wire };
