/* SPDX-License-Identifier: MIT
 *
 * CNodes: copy, mint, retype, delete, revoke, identify.
 *
 * Copy and mint are invoked on the CNode that receives (an L1CNode with level 2: an address in its
 * CSpace); the rest on the root of the CSpace in which the address is looked up.
 */
#include "objects.h"

static errval_t find_source(struct invocation *inv, uint64_t croot, uint64_t cptr, unsigned level,
                            struct cte **src)
{
    struct capability *root;
    errval_t err = invocation_root(inv, croot, &root);
    if (err_is_fail(err))
        return err;
    err = cspace_lookup(root, (capaddr_t)cptr, level, src);
    return err_is_fail(err) ? err_push(err, SYS_ERR_SOURCE_CAP_LOOKUP) : err;
}

/* May a capability of this type lie in that CNode?  L1 holds L2CNodes only. */
static bool fits(const struct capability *cnode, unsigned type)
{
    return cnode->type == ObjType_L2CNode || type == ObjType_L2CNode ||
           type == ObjType_KernelControlBlock;
}

/* An endpoint is minted once, by its dispatcher: who got it may send there and nowhere else. */
static errval_t check_mint(const struct capability *cap, uint64_t p1, uint64_t p2)
{
    uint64_t words = p2 & 0xffff;
    switch (cap->type) {
    case ObjType_EndPointLMP:
        if (cap->u.endpoint.epoffset != 0 || p1 % 16 != 0 || p1 < DISP_SHARED_BYTES ||
            p1 > DISPATCHER_FRAME_BYTES || words < LMP_ENDPOINT_MIN_WORDS ||
            p1 + sizeof(struct lmp_endpoint_kern) + words * 8 > DISPATCHER_FRAME_BYTES)
            return SYS_ERR_MINT_INVALID;
        return SYS_ERR_OK;
    case ObjType_IO:
        return p1 <= p2 && p1 >= cap->u.io.start && p2 <= cap->u.io.end ? SYS_ERR_OK
                                                                        : SYS_ERR_MINT_INVALID;
    default:
        return SYS_ERR_OK;
    }
}

static struct capability minted(const struct capability *cap, uint64_t p1, uint64_t p2)
{
    struct capability result = *cap;
    switch (cap->type) {
    case ObjType_EndPointLMP:
        result.u.endpoint.epoffset = (uint32_t)p1;
        result.u.endpoint.epbuflen = (uint32_t)(p2 & 0xffff);
        result.u.endpoint.iftype = p2 >> 16;
        break;
    case ObjType_IO:
        result.u.io.start = p1;
        result.u.io.end = p2;
        break;
    default:
        result.rights &= (uint8_t)p1;
        if (cap_types[cap->type].mappable)
            result.u.word[CAP_MAPPING_WORD] = 0;
    }
    return result;
}

static struct sysret copy_or_mint(struct cte *cnode, struct invocation *inv, bool mint)
{
    struct cte *src, *dest;
    const struct capability *holder = &cnode->cap; /* the CNode in which dest lies */
    uint64_t slot = inv->arg[0];
    if (holder->type == ObjType_L1CNode && (inv->arg[3] >> 8 & 0xff) == 2) {
        /* an address in a CSpace: the L2CNode on the way */
        struct cte *l2;
        errval_t err = cspace_lookup(&cnode->cap, (capaddr_t)slot, 1, &l2);
        if (err_is_fail(err) || l2->cap.type != ObjType_L2CNode)
            return SYSRET(SYS_ERR_DEST_CNODE_LOOKUP);
        holder = &l2->cap;
        slot &= L2_CNODE_SLOTS - 1;
    }
    if (slot >= cnode_slots(holder))
        return SYSRET(SYS_ERR_SLOTS_INVALID);
    dest = cnode_slot(holder, slot);
    if (dest->cap.type != ObjType_Null)
        return SYSRET(SYS_ERR_SLOT_IN_USE);
    errval_t err = find_source(inv, inv->arg[1], inv->arg[2], inv->arg[3] & 0xff, &src);
    if (err_is_fail(err))
        return SYSRET(err);
    if (!fits(holder, src->cap.type))
        return SYSRET(SYS_ERR_DEST_TYPE_INVALID);
    err = cap_may_copy(src);
    if (err_is_fail(err))
        return SYSRET(err);
    if (!mint) {
        cap_copy_to(dest, src);
        return SYSRET(SYS_ERR_OK);
    }
    err = check_mint(&src->cap, inv->arg[4], inv->arg[5]);
    if (err_is_fail(err))
        return SYSRET(err);
    struct capability cap = minted(&src->cap, inv->arg[4], inv->arg[5]);
    cap_insert_new(dest, &cap, src->node.owner);
    return SYSRET(SYS_ERR_OK);
}

static struct sysret retype(struct invocation *inv)
{
    struct cte *src, *cnode_cte;
    struct capability *dest_root, *cnode;
    errval_t err = find_source(inv, inv->arg[0], inv->arg[1], (inv->arg[1] >> 32) & 0xff, &src);
    if (err_is_fail(err))
        return SYSRET(err);
    uint64_t offset = inv->arg[2], object_bytes = inv->arg[4], count = inv->arg[5];
    unsigned type = inv->arg[3] < ObjType_Num ? (unsigned)inv->arg[3] : ObjType_Num;

    err = invocation_root(inv, inv->arg[6], &dest_root);
    if (err_is_fail(err))
        return SYSRET(err);
    unsigned level = (inv->arg[7] >> 32) & 0xff;
    if (level == 0) {
        cnode = dest_root;
    } else {
        err = cspace_lookup(dest_root, (capaddr_t)inv->arg[7], level, &cnode_cte);
        if (err_is_fail(err))
            return SYSRET(err_push(err, SYS_ERR_DEST_CNODE_LOOKUP));
        cnode = &cnode_cte->cap;
        if (!cap_is_cnode(cnode))
            return SYSRET(SYS_ERR_DEST_CNODE_INVALID);
    }
    if (!fits(cnode, type))
        return SYSRET(SYS_ERR_DEST_TYPE_INVALID);
    uint64_t slot = inv->arg[8], slots = cnode_slots(cnode);
    if (slot >= slots || count > slots - slot)
        return SYSRET(SYS_ERR_SLOTS_INVALID);
    for (uint64_t i = 0; i < count; i++)
        if (cnode_slot(cnode, slot + i)->cap.type != ObjType_Null)
            return SYSRET(SYS_ERR_SLOT_IN_USE);
    err = cap_check_retype(src, offset, type, &object_bytes, count);
    if (err_is_fail(err))
        return SYSRET(err);

    cap_retype(src, offset, type, object_bytes, count, cnode_slot(cnode, slot));
    return SYSRET(SYS_ERR_OK);
}

static struct sysret identify(struct cte *target, const struct invocation *inv)
{
    struct capability *out = invocation_buffer(inv, inv->arg[2], sizeof(*out));
    if (out == NULL)
        return SYSRET(SYS_ERR_INVALID_USER_BUFFER);
    if (!(target->cap.rights & CAPRIGHTS_IDENTIFY))
        return SYSRET(SYS_ERR_CAP_IDENTIFY);
    /* kernel addresses stay in the kernel; nothing is read back from what the domain can write */
    struct capability cap = target->cap;
    if (cap_is_mapping(cap.type)) {
        cap.u.mapping.cap = 0;
        cap.u.mapping.ptable = 0;
    } else if (cap.type == ObjType_EndPointLMP) {
        cap.u.endpoint.listener -= KERNEL_PHYSMAP;
    } else if (cap_types[cap.type].mappable) {
        cap.u.word[CAP_MAPPING_WORD] = 0;
    }
    *out = cap;
    return SYSRET(SYS_ERR_OK);
}

static struct sysret create_id(struct cte *root, struct invocation *inv)
{
    static uint64_t last_id;
    struct cte *cnode, *dest;
    if (inv->arg[0] != ObjType_ID)
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    errval_t err = cspace_lookup(&root->cap, (capaddr_t)inv->arg[1], (unsigned)inv->arg[2], &cnode);
    if (err_is_fail(err))
        return SYSRET(err_push(err, SYS_ERR_DEST_CNODE_LOOKUP));
    if (cnode->cap.type != ObjType_L2CNode)
        return SYSRET(SYS_ERR_DEST_CNODE_INVALID);
    if (inv->arg[3] >= cnode_slots(&cnode->cap))
        return SYSRET(SYS_ERR_SLOTS_INVALID);
    dest = cnode_slot(&cnode->cap, inv->arg[3]);
    if (dest->cap.type != ObjType_Null)
        return SYSRET(SYS_ERR_SLOT_IN_USE);
    struct capability cap = { .type = ObjType_ID, .rights = CAPRIGHTS_ALLRIGHTS };
    cap.u.id.coreid = my_core_id;
    cap.u.id.core_local_id = ++last_id;
    cap_insert_new(dest, &cap, my_core_id);
    return SYSRET(SYS_ERR_OK);
}

/* Commands on the capability at an address of this CSpace. */
static struct sysret on_target(struct cte *root, struct invocation *inv)
{
    struct cte *target;
    if (root->cap.type != ObjType_L1CNode)
        return SYSRET(SYS_ERR_CNODE_TYPE);
    errval_t err =
        cspace_lookup(&root->cap, (capaddr_t)inv->arg[0], (unsigned)inv->arg[1], &target);
    if (err_is_fail(err))
        return SYSRET(err);
    switch (inv->command) {
    case CNodeCmd_Delete:
        return SYSRET(cap_delete(target));
    case CNodeCmd_Revoke:
        return SYSRET(cap_revoke(target));
    case CNodeCmd_GetState:
        return SYSRET_VALUE(target->node.bits);
    default:
        return identify(target, inv);
    }
}

struct sysret cnode_invoke(struct cte *cte, struct invocation *inv)
{
    switch (inv->command) {
    case CNodeCmd_Copy:
        return copy_or_mint(cte, inv, false);
    case CNodeCmd_Mint:
        return copy_or_mint(cte, inv, true);
    case CNodeCmd_Retype:
        return retype(inv);
    case CNodeCmd_Delete:
    case CNodeCmd_Revoke:
    case CNodeCmd_GetState:
    case CNodeCmd_CapIdentify:
        return on_target(cte, inv);
    case CNodeCmd_Create:
        return create_id(cte, inv);
    default:
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    }
}
