/* SPDX-License-Identifier: MIT
 *
 * What types have in common: CSpaces that the caller of an invocation names, buffers in its
 * dispatcher frame, and what another core says of an object of its own.
 */
#include "objects/objects.h"

errval_t invocation_root(const struct invocation *inv, uint64_t cptr, struct capability **root)
{
    struct cte *cte;
    errval_t err = cspace_lookup_object(inv->root, (capaddr_t)cptr, 2, &cte);
    if (err_is_fail(err))
        return err_push(err, SYS_ERR_SOURCE_ROOTCN_LOOKUP);
    if (cte->cap.type != ObjType_L1CNode)
        return SYS_ERR_CNODE_TYPE;
    *root = &cte->cap;
    return SYS_ERR_OK;
}

void *user_buffer(const struct dcb *dcb, uint64_t user, uint64_t bytes)
{
    uint64_t offset = user - dcb->udisp;
    if (user < dcb->udisp || offset > DISPATCHER_FRAME_BYTES ||
        bytes > DISPATCHER_FRAME_BYTES - offset)
        return NULL;
    return (char *)dcb->disp + offset;
}

bool invocation_copy_in(const struct invocation *inv, void *to, uint64_t user, uint64_t bytes)
{
    const void *from = user % 8 != 0 ? NULL : user_buffer(inv->caller, user, bytes);
    if (from == NULL)
        return false;
    memcpy(to, from, bytes);
    return true;
}

bool invocation_copy_out(const struct invocation *inv, uint64_t user, const void *from,
                         uint64_t bytes)
{
    void *to = user % 8 != 0 ? NULL : user_buffer(inv->caller, user, bytes);
    if (to == NULL)
        return false;
    memcpy(to, from, bytes);
    return true;
}

errval_t object_check_wire(struct capability *cap)
{
    const uint64_t bytes = cap_types[cap->type].object_bytes, given = cap->u.mem.bytes;
    const uint64_t granule = bytes < ABI_PAGE_BYTES && bytes != 0 ? bytes : ABI_PAGE_BYTES;
    if (cap->u.mem.base % granule != 0 || given == 0 || given > ABI_PHYS_LIMIT ||
        given % (bytes != 0 ? bytes : OBJSIZE_L2CNODE) != 0 || (bytes != 0 && given != bytes) ||
        cap->u.mem.base > ABI_PHYS_LIMIT - given)
        return SYS_ERR_INVALID_SIZE;
    cap->u.word[CAP_MAPPING_WORD] = 0;
    return SYS_ERR_OK;
}
