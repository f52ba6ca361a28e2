/* SPDX-License-Identifier: MIT
 *
 * LRPC: the short way of a short LMP message (facts §4.2, §7).
 *
 * Up to four words, no capability, and the core goes to the receiver at once: most messages on one
 * core are like that, since each half of a remote procedure call is.  The words never go through
 * memory of the CPU driver: room for them is reserved in the endpoint buffer, and they travel in
 * registers to the receiver's lrpc upcall, which puts them there.  The receiver runs in the
 * sender's time slice, so the timer stays as it is.
 *
 * The short way is open if the sender is enabled and the receiver could take an upcall now: it has
 * one for this, it is enabled, it does not wait for a time, and it is another dispatcher.  In all
 * other cases, among them all errors, the call takes the general way of messages with SYNC and
 * YIELD: what arrives is the same.
 *
 * Must not call anything before the last step, when there is nothing more to keep: that is what
 * keeps it short.  What lies in the receiver's frame is the receiver's to write: read once,
 * checked, then used.
 */
#include "dispatch.h"
#include "kernel_state.h"
#include "objects/objects.h"
#include "schedule.h"

/* The endpoint at a level 2 address, or NULL for whatever else may be there. */
static inline struct capability *find_endpoint(struct capability *root, capaddr_t cptr)
{
    if (root->type != ObjType_L1CNode || cptr >> L2_CNODE_BITS >= cnode_slots(root))
        return NULL;
    struct capability *cnode = &cnode_slot(root, cptr >> L2_CNODE_BITS)->cap;
    if (cnode->type != ObjType_L2CNode)
        return NULL;
    struct capability *cap = &cnode_slot(cnode, cptr & (L2_CNODE_SLOTS - 1))->cap;
    return cap->type == ObjType_EndPointLMP ? cap : NULL;
}

/* The sender, whose state is complete in `area`, leaves; as dispatch_upcall() after
 * dispatch_save_fpu(), but for the timer: the receiver goes on in the slice.  `where`: index of the
 * first word of the message in the buffer of the endpoint at `offset` << 32 | number of words. */
static inline __attribute__((always_inline, noreturn)) void
hand_over(struct dcb *receiver, uint64_t offset, uint64_t where, struct registers_x86_64 *area,
          lvaddr_t entry, lvaddr_t stack)
{
    current->head.disabled = 0;
    arch_fxsave(area);
    dispatch_load(receiver);
    receiver->head.disabled = 1;
    receiver->disp->disabled = 1;
    receiver->disp->systime = loaded.at;
    arch_fxrstor(&clean_area);
    arch_lrpc_upcall(receiver->udisp, offset, where, area, entry, stack);
}

bool lrpc_send(struct registers_x86_64 *area, capaddr_t cptr, uint64_t length)
{
    const struct dcb *sender = current;
    struct capability *cap = find_endpoint(&current->cspace.cap, cptr);
    if (cap == NULL || length > LRPC_MSG_WORDS || area_is_disabled(sender, area))
        return false;

    struct dcb *receiver = endpoint_listener(cap);
    if (receiver == sender || receiver->head.disabled || !dispatcher_is_complete(receiver) ||
        receiver->sleeping)
        return false;
    struct dispatcher_shared *disp = receiver->disp;
    const uint32_t offset = cap->u.endpoint.epoffset, size = cap->u.endpoint.epbuflen;
    if (offset == 0)
        return false;

    struct lmp_endpoint_kern *ep = (void *)((char *)disp + offset);
    const uint32_t write = read_once(ep->delivered), read = read_once(ep->consumed);
    const uint32_t words = (uint32_t)length + 1;
    if (write >= size || read >= size || (write >= read ? size : 0) - (write - read) <= words)
        return false;
    const uint32_t next = write + words;

    const lvaddr_t entry = read_once(disp->dispatcher_lrpc), stack = read_once(disp->upcall_stack);
    if (entry == 0 || (entry | stack) >= USER_END)
        return false;

    ep->delivered = next < size ? next : next - size;
    disp->lmp_delivered += words;
    kernel_counters.lmp_messages++;
    if (!receiver->queued)
        schedule_append(receiver);
    trace_record(ABI_TRACE_UPCALL | ABI_UPCALL_LRPC << 8 | trace_message(offset, length),
                 mem_to_phys(receiver).v);
    hand_over(receiver, offset, (uint64_t)write << 32 | length, area, entry, stack);
}
