/* SPDX-License-Identifier: MIT
 *
 * LMP endpoints: buffers carved from the dispatcher frame, into which the kernel copies messages
 * (overview 3.1, facts §7).
 *
 * A message is a header word and its payload, wrapping word by word.  The kernel owns `delivered`,
 * we own `consumed`.  Freed buffers are kept in a list and reused when they are large enough.
 */
#include <barrelfish/lmp_endpoints.h>

#include <assert.h>
#include <barrelfish/capabilities.h>
#include <barrelfish/dispatcher.h>
#include <string.h>

#include "../events/waitset_priv.h"

static size_t endpoint_bytes(size_t buflen)
{
    return (sizeof(struct lmp_endpoint) + buflen * sizeof(uint64_t) + 15) & ~15ul;
}

/* The list of freed buffers of this size and up to twice as much. */
static struct lmp_endpoint **free_list(struct dispatcher_generic *disp, size_t bytes)
{
    unsigned list = 63 - (unsigned)__builtin_clzll(bytes / 16);

    assert(list < LMP_ENDPOINT_FREE_LISTS);
    return &disp->heap_free[list];
}

static void heap_free(struct dispatcher_generic *disp, struct lmp_endpoint *ep)
{
    struct lmp_endpoint **list = free_list(disp, ep->heap_bytes);

    assert(ep->heap_bytes >= sizeof(*ep) && ep->heap_bytes < disp->heap_used && ep != *list);
    ep->next_free = *list;
    *list = ep;
}

/* Most buffers of a domain have the same size, so the first of the list fits; all of a longer list
 * fit. */
static struct lmp_endpoint *reuse(struct dispatcher_generic *disp, size_t bytes)
{
    for (struct lmp_endpoint **list = free_list(disp, bytes);
         list < disp->heap_free + LMP_ENDPOINT_FREE_LISTS; list++) {
        struct lmp_endpoint *ep = *list;

        if (ep != NULL && ep->heap_bytes >= bytes) {
            *list = ep->next_free;
            return ep;
        }
    }
    return NULL;
}

/* The last resort: some buffer of the list that holds too small ones as well. */
static struct lmp_endpoint *reuse_any(struct dispatcher_generic *disp, size_t bytes)
{
    for (struct lmp_endpoint **link = free_list(disp, bytes); *link != NULL;
         link = &(*link)->next_free) {
        struct lmp_endpoint *ep = *link;

        if (ep->heap_bytes >= bytes) {
            *link = ep->next_free;
            return ep;
        }
    }
    return NULL;
}

static COLD struct lmp_endpoint *heap_alloc(dispatcher_handle_t handle, size_t bytes)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    struct lmp_endpoint *ep = reuse(disp, bytes);

    if (ep != NULL)
        return ep;
    if (bytes > DISPATCHER_FRAME_BYTES - disp->heap_used)
        return reuse_any(disp, bytes);
    ep = (struct lmp_endpoint *)(handle + disp->heap_used);
    disp->heap_used += (uint32_t)bytes;
    ep->heap_bytes = (uint32_t)bytes;
    return ep;
}

/* Endpoints are minted from one that the dispatcher makes of itself on first use. */
static COLD errval_t make_selfep(void)
{
    struct core_state *state = get_core_state();

    if (state->selfep_made)
        return SYS_ERR_OK;
    errval_t err = cap_retype(cap_selfep, cap_dispatcher, 0, ObjType_EndPointLMP, 0, 1);
    if (err_is_fail(err) && err_no(err) != SYS_ERR_SLOT_IN_USE)
        return err; /* in use: the spawner has left one */
    state->selfep_made = true;
    return SYS_ERR_OK;
}

static COLD errval_t mint_endpoint(struct capref dest, size_t offset, size_t buflen)
{
    errval_t err = make_selfep();

    if (err_is_ok(err))
        err = cap_mint(dest, cap_selfep, offset, buflen);
    return err_is_fail(err) ? err_push(err, LIB_ERR_ENDPOINT_CREATE) : err;
}

COLD errval_t lmp_endpoint_create_in_slot(size_t buflen, struct capref dest,
                                          struct lmp_endpoint **ret)
{
    if (buflen < LMP_ENDPOINT_MIN_WORDS || buflen > UINT16_MAX)
        return LIB_ERR_LMP_BUFLEN_INVALID;
    dispatcher_handle_t handle = disp_disable();
    struct lmp_endpoint *ep = heap_alloc(handle, endpoint_bytes(buflen));
    disp_enable(handle);
    if (ep == NULL)
        return LIB_ERR_LMP_ENDPOINT_BUF_FULL;
    waitset_chanstate_init(&ep->waitset_state, CHANTYPE_LMP_IN);
    ep->recv_slot = NULL_CAP;
    ep->buflen = (uint32_t)buflen;
    ep->arrived = NULL;
    ep->ahead = ep->ahead_rest = ep->done = 0;
    ep->interface = 0;
    memset(&ep->k, 0, sizeof(ep->k));

    errval_t err = mint_endpoint(dest, (lvaddr_t)&ep->k - handle, buflen);
    handle = disp_disable();
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    if (err_is_fail(err))
        heap_free(disp, ep);
    else
        *ret = ep;
    disp_enable(handle);
    return err;
}

COLD errval_t endpoint_create(size_t buflen, struct capref *ret_cap, struct lmp_endpoint **ret)
{
    errval_t err = slot_alloc(ret_cap);

    if (err_is_fail(err))
        return err_push(err, LIB_ERR_SLOT_ALLOC);
    err = lmp_endpoint_create_in_slot(buflen, *ret_cap, ret);
    if (err_is_fail(err))
        slot_free(*ret_cap);
    return err;
}

COLD void lmp_endpoint_free(struct lmp_endpoint *ep)
{
    waitset_chanstate_destroy(&ep->waitset_state);
    if (!capref_is_null(ep->recv_slot))
        slot_free(ep->recv_slot);
    dispatcher_handle_t handle = disp_disable();
    if (ep->k.older != 0)
        lmp_endpoints_poll_disabled(handle); /* takes it out of the list of new messages */
    heap_free(get_dispatcher_generic(handle), ep);
    disp_enable(handle);
}

/* Fires the endpoint's event if somebody listens; else who begins to will see the message. */
static inline __attribute__((always_inline)) void trigger(struct lmp_endpoint *ep,
                                                          dispatcher_handle_t handle)
{
    if (waitset_chan_is_armed(&ep->waitset_state)) {
        errval_t err = waitset_chan_trigger_disabled(&ep->waitset_state, handle);

        assert(err_is_ok(err));
        (void)err;
    }
}

bool lmp_endpoint_can_recv(struct lmp_endpoint *ep)
{
    return *(volatile uint32_t *)&ep->k.delivered != ep->k.consumed;
}

errval_t lmp_endpoint_register(struct lmp_endpoint *ep, struct waitset *ws,
                               struct event_closure closure)
{
    dispatcher_handle_t handle = disp_disable();
    errval_t err;

    if (lmp_endpoint_can_recv(ep))
        err = waitset_chan_trigger_closure_disabled(ws, &ep->waitset_state, closure, handle);
    else
        err = waitset_chan_register_disabled(ws, &ep->waitset_state, closure, handle);
    disp_enable(handle);
    return err;
}

errval_t lmp_endpoint_listen(struct lmp_endpoint *ep, struct waitset *ws,
                             struct event_closure closure)
{
    dispatcher_handle_t handle = disp_disable();
    errval_t err =
        waitset_chan_register_holding_disabled(ws, &ep->waitset_state, closure, CHAN_IDLE, handle);

    if (err_is_ok(err) && lmp_endpoint_can_recv(ep))
        trigger(ep, handle);
    disp_enable(handle);
    return err;
}

/* Its event comes, and has not been taken; or it does not listen. */
bool lmp_endpoint_not_taken(const struct lmp_endpoint *ep, dispatcher_handle_t handle)
{
    bool comes = ep->waitset_state.held;

    disp_enable(handle);
    return comes;
}

void lmp_endpoint_has_more(struct lmp_endpoint *ep, dispatcher_handle_t handle)
{
    trigger(ep, handle);
    disp_enable(handle);
}

errval_t lmp_endpoint_deregister(struct lmp_endpoint *ep)
{
    return waitset_chan_deregister(&ep->waitset_state);
}

void lmp_endpoint_set_recv_slot(struct lmp_endpoint *ep, struct capref slot)
{
    ep->recv_slot = slot;
    *(volatile capaddr_t *)&ep->k.recv_cptr = capref_is_null(slot) ? 0 : get_cap_addr(slot);
}

static inline uint32_t next_index(const struct lmp_endpoint *ep, uint32_t pos)
{
    return pos + 1 == ep->buflen ? 0 : pos + 1;
}

/* Tells of the messages that have come since. */
static __attribute__((noinline)) void tell_arrivals(struct lmp_endpoint *ep,
                                                    dispatcher_handle_t handle)
{
    while (ep->ahead != *(volatile uint32_t *)&ep->k.delivered) {
        size_t length = LMP_HEADER_LENGTH(ep->k.buf[ep->ahead]);
        uint64_t words[LMP_ARRIVAL_WORDS] = { 0 };

        assert(length <= LMP_MSG_WORDS);
        ep->ahead = next_index(ep, ep->ahead);
        for (size_t i = 0; i < length; i++, ep->ahead = next_index(ep, ep->ahead))
            if (i < LMP_ARRIVAL_WORDS)
                words[i] = ep->k.buf[ep->ahead];
        ep->arrived(ep, handle, length, words);
    }
}

static inline __attribute__((always_inline)) errval_t
receive(struct lmp_endpoint *ep, struct lmp_recv_msg *msg, struct capref *cap)
{
    dispatcher_handle_t handle = disp_disable();

    if (!lmp_endpoint_can_recv(ep)) {
        disp_enable(handle);
        return LIB_ERR_NO_LMP_MSG;
    }
    uint32_t pos = ep->k.consumed;
    uint64_t header = ep->k.buf[pos];
    size_t length = LMP_HEADER_LENGTH(header);

    assert(length <= LMP_MSG_WORDS);
    msg->buf.msglen = length;
    pos = next_index(ep, pos);
    if (pos + length < ep->buflen) { /* most messages do not wrap */
        const uint64_t *from = &ep->k.buf[pos];

        for (size_t i = 0; i < length; i++)
            msg->words[i] = from[i];
        pos += (uint32_t)length;
    } else {
        for (size_t i = 0; i < length; i++, pos = next_index(ep, pos))
            msg->words[i] = ep->k.buf[pos];
    }
    if (cap != NULL)
        *cap = NULL_CAP;
    if (LMP_HEADER_CAP(header)) {
        assert(cap != NULL && !capref_is_null(ep->recv_slot));
        *cap = ep->recv_slot;
        ep->recv_slot = NULL_CAP;
    }
    ep->done = pos;
    *(volatile uint32_t *)&ep->k.consumed = pos;
    disp_enable(handle);
    return SYS_ERR_OK;
}

/* Before the kernel may write over the message. */
static __attribute__((noinline)) errval_t
tell_and_receive(struct lmp_endpoint *ep, struct lmp_recv_msg *msg, struct capref *cap)
{
    dispatcher_handle_t handle = disp_disable();

    tell_arrivals(ep, handle);
    disp_enable(handle);
    return receive(ep, msg, cap);
}

errval_t lmp_endpoint_recv(struct lmp_endpoint *ep, struct lmp_recv_msg *msg, struct capref *cap)
{
    return RARELY(ep->arrived != NULL) ? tell_and_receive(ep, msg, cap) : receive(ep, msg, cap);
}

/* A message that wraps. */
static RARE void store_around(struct lmp_endpoint *ep, uint32_t at, uint32_t length,
                              const uint64_t word[LRPC_MSG_WORDS])
{
    ep->k.buf[at] = length;
    for (uint32_t i = 0; i < length; i++) {
        at = next_index(ep, at);
        ep->k.buf[at] = word[i];
    }
}

void lmp_endpoint_store_disabled(dispatcher_handle_t handle, uint64_t offset, uint64_t where,
                                 uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3)
{
    struct dispatcher_shared *shared = get_dispatcher_shared(handle);
    struct lmp_endpoint *ep =
        (struct lmp_endpoint *)(handle + offset - offsetof(struct lmp_endpoint, k));
    const uint32_t at = (uint32_t)(where >> 32), length = (uint32_t)where;
    uint64_t *to = &ep->k.buf[at];

    if (RARELY(at + length >= ep->buflen)) {
        const uint64_t word[LRPC_MSG_WORDS] = { word0, word1, word2, word3 };

        store_around(ep, at, length, word);
    } else {
        to[0] = length;
        if (length > 0)
            to[1] = word0;
        if (length > 1)
            to[2] = word1;
        if (length > 2) { /* what lies behind it may be a message that nobody has read yet */
            to[3] = word2;
            if (length > 3)
                to[4] = word3;
        }
    }
    /* The kernel has counted this message.  If it is the only one since endpoints were polled, they
     * need not be polled for it. */
    if (shared->lmp_delivered - shared->lmp_seen == length + 1)
        shared->lmp_seen = shared->lmp_delivered;
    if (RARELY(ep->arrived != NULL))
        tell_arrivals(ep, handle);
    if (!waitset_chan_make_ready_disabled(&ep->waitset_state, handle))
        trigger(ep, handle);
}

/* The kernel may deliver between any two instructions here: an endpoint that has left the list
 * joins it again, and one that has not yet is looked at after it left. */
void lmp_endpoints_poll_disabled(dispatcher_handle_t handle)
{
    struct dispatcher_shared *shared = get_dispatcher_shared(handle);

    shared->lmp_seen = *(volatile uint32_t *)&shared->lmp_delivered;
    lvaddr_t offset = __atomic_exchange_n(&shared->lmp_hint, 0, __ATOMIC_RELAXED);
    while (offset != 0) {
        struct lmp_endpoint *ep =
            (struct lmp_endpoint *)(handle + offset - offsetof(struct lmp_endpoint, k));

        offset = ep->k.older & ~(lvaddr_t)LMP_IN_LIST;
        *(volatile uint32_t *)&ep->k.older = 0;
        if (lmp_endpoint_can_recv(ep)) {
            if (RARELY(ep->arrived != NULL))
                tell_arrivals(ep, handle);
            trigger(ep, handle);
        }
    }
}
