/* SPDX-License-Identifier: MIT
 *
 * LMP: the message goes straight from the sender's registers into the endpoint buffer in the
 * receiver's dispatcher frame (overview 3.1, facts §7).
 *
 * The receiver owns the `consumed` index and could write nonsense anywhere in its frame; the kernel
 * checks what it reads and writes within the buffer that the endpoint capability names, whose
 * bounds were checked when it was minted.  So a hostile receiver hurts itself only.
 */
#include "objects.h"

#include "schedule.h"

static errval_t find_receive_slot(struct dcb *receiver, struct lmp_endpoint_kern *ep,
                                  struct cte **slot)
{
    capaddr_t recv_cptr = read_once(ep->recv_cptr);
    if (recv_cptr == 0)
        return SYS_ERR_LMP_CAPTRANSFER_DST_SLOT_OCCUPIED;
    if (receiver->cspace.cap.type != ObjType_L1CNode)
        return SYS_ERR_LMP_CAPTRANSFER_DST_CNODE_LOOKUP;
    errval_t err = cspace_lookup_slot_to_change(&receiver->cspace.cap, recv_cptr, 2, slot);
    if (err_is_fail(err))
        return err_push(err, SYS_ERR_LMP_CAPTRANSFER_DST_CNODE_INVALID);
    if ((*slot)->cap.type != ObjType_Null)
        return SYS_ERR_LMP_CAPTRANSFER_DST_SLOT_OCCUPIED;
    return SYS_ERR_OK;
}

/* The capability that goes along, and where it goes. */
static errval_t decode_transfer(const struct lmp_transfer *transfer, struct dcb *receiver,
                                struct lmp_endpoint_kern *ep, struct cte **src, struct cte **dest)
{
    errval_t err = (transfer->give_away ? cspace_lookup_to_change : cspace_lookup)(
        transfer->root, transfer->cptr, transfer->level, src);
    if (err_is_ok(err))
        err = cap_may_copy(*src);
    if (err_is_fail(err))
        return err_push(err, SYS_ERR_LMP_CAPTRANSFER_SRC_LOOKUP);
    return find_receive_slot(receiver, ep, dest);
}

/* Most messages do not wrap.  Unrolled: instructions are dear. */
static void copy_words(uint64_t *buf, uint32_t at, uint32_t size, const uint64_t *word,
                       unsigned length)
{
    if (at + length <= size) {
        uint64_t *to = buf + at;
        switch (length) {
        case 10:
            to[9] = word[9]; /* fallthrough */
        case 9:
            to[8] = word[8]; /* fallthrough */
        case 8:
            to[7] = word[7]; /* fallthrough */
        case 7:
            to[6] = word[6]; /* fallthrough */
        case 6:
            to[5] = word[5]; /* fallthrough */
        case 5:
            to[4] = word[4]; /* fallthrough */
        case 4:
            to[3] = word[3]; /* fallthrough */
        case 3:
            to[2] = word[2]; /* fallthrough */
        case 2:
            to[1] = word[1]; /* fallthrough */
        case 1:
            to[0] = word[0];
        }
        return;
    }
    LOOP_BOUND(words, LMP_MSG_WORDS);
    for (unsigned i = 0; i < length; i++) {
        LOOP_ROUND(words);
        buf[at] = word[i];
        if (++at == size)
            at = 0;
    }
}

errval_t lmp_deliver(struct cte *endpoint, const uint64_t *words, unsigned length,
                     const struct lmp_transfer *transfer, unsigned flags)
{
    struct capability *cap = &endpoint->cap;
    debug_assert(cap->type == ObjType_EndPointLMP && length <= LMP_MSG_WORDS);
    struct dcb *receiver = endpoint_listener(cap);
    if (!dispatcher_is_complete(receiver) || cap->u.endpoint.epoffset == 0)
        return SYS_ERR_LMP_NO_TARGET;

    /* the message may carry this very endpoint away: nothing of `cap` is read after the transfer */
    uint32_t offset = cap->u.endpoint.epoffset, size = cap->u.endpoint.epbuflen;
    struct lmp_endpoint_kern *ep = (void *)((char *)receiver->disp + offset);
    uint32_t write = read_once(ep->delivered), read = read_once(ep->consumed);
    if (write >= size || read >= size)
        return SYS_ERR_LMP_EP_STATE_INVALID;
    uint32_t used = write >= read ? write - read : write + size - read;
    if (size - used <= length + 1)
        return SYS_ERR_LMP_BUF_OVERFLOW;

    uint64_t header = length;
    if (transfer != NULL) {
        struct cte *src = NULL, *dest = NULL;
        errval_t err = decode_transfer(transfer, receiver, ep, &src, &dest);
        if (err_is_fail(err))
            return err;
        if (transfer->give_away)
            cap_move_to(dest, src);
        else
            cap_send_copy(dest, src);
        ep->recv_cptr = 0;
        header |= 1 << 8;
    }

    ep->buf[write] = header;
    const uint32_t next = write + 1 == size ? 0 : write + 1;
    copy_words(ep->buf, next, size, words, length);
    ep->delivered = next + length < size ? next + length : next + length - size;

    receiver->disp->lmp_delivered += length + 1;
    if (ep->older == 0) { /* what the receiver wrote there is not followed */
        ep->older = (uint32_t)receiver->disp->lmp_hint | LMP_IN_LIST;
        receiver->disp->lmp_hint = offset;
    }
    kernel_counters.lmp_messages++;
    trace_record(ABI_TRACE_LMP | (uint64_t)flags << 8 | trace_message(offset, length),
                 mem_to_phys(receiver).v);
    if (!receiver->queued) { /* as schedule_make_runnable(): it is complete, and calls are dear */
        if (receiver->sleeping)
            wakeup_remove(receiver);
        schedule_append(receiver);
    }
    return SYS_ERR_OK;
}

/* An endpoint is minted once, by its dispatcher: who got it may send there and nowhere else. */
static errval_t check_mint(const struct capability *cap, uint64_t offset, uint64_t type_and_words)
{
    const uint64_t words = type_and_words & 0xffff;
    if (cap->u.endpoint.epoffset != 0 || offset % 16 != 0 || offset < DISP_SHARED_BYTES ||
        offset > DISPATCHER_FRAME_BYTES || words < LMP_ENDPOINT_MIN_WORDS ||
        offset + sizeof(struct lmp_endpoint_kern) + words * 8 > DISPATCHER_FRAME_BYTES)
        return SYS_ERR_MINT_INVALID;
    return SYS_ERR_OK;
}

static void mint(struct capability *cap, uint64_t offset, uint64_t type_and_words)
{
    cap->u.endpoint.epoffset = (uint32_t)offset;
    cap->u.endpoint.epbuflen = (uint32_t)(type_and_words & 0xffff);
    cap->u.endpoint.iftype = type_and_words >> 16;
}

static void retype_init(struct capability *cap, const struct capability *dispatcher)
{
    cap->u.endpoint.listener = dispatcher->u.mem.base;
}

/* An invocation of it is a message (syscall.c). */
const struct cap_ops endpoint_ops = { .check_mint = check_mint,
                                      .mint = mint,
                                      .retype_init = retype_init };
