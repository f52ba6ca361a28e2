/* SPDX-License-Identifier: MIT
 *
 * LMP channels: a local endpoint to receive from and the peer's endpoint capability to send to
 * (overview 3.1, facts §5.4, §7).
 */
#ifndef BARRELFISH_LMP_CHAN_H
#define BARRELFISH_LMP_CHAN_H

#include <barrelfish/connection.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/event_queue.h>
#include <barrelfish/lmp_endpoints.h>
#include <barrelfish/syscalls.h>

typedef unsigned lmp_send_flags_t;
#define LMP_SEND_FLAGS_DEFAULT (LMP_FLAG_SYNC | LMP_FLAG_YIELD)

struct lmp_chan;
typedef void lmp_bind_continuation_fn(void *st, errval_t err, struct lmp_chan *lc);

struct lmp_chan {
    struct lmp_endpoint *endpoint; /* receive here */
    struct capref local_cap;       /* capability to it, for the peer */
    struct capref remote_cap;      /* send here */
    struct waitset_chanstate send_waitset;
    enum { LMP_DISCONNECTED, LMP_BIND_WAIT, LMP_MONITOR_ACCEPT, LMP_CONNECTED } connstate;
    struct lmp_chan *next, *prev; /* channels whose sends are parked or paused (dispatcher) */
    uint32_t tries;               /* sends in a row that found no room */
    systime_t next_try;           /* of one that is paused; else 0 */
    lmp_bind_continuation_fn *bind_continuation;
    void *bind_st;
    iref_t iref;
    size_t buflen_words;
    struct idc_connection connection;
};

void lmp_chan_init(struct lmp_chan *lc);

/* Frees the endpoint and the registrations; whoever holds a capability to the endpoint loses it.
 * The remote capability is deleted, too. */
void lmp_chan_destroy(struct lmp_chan *lc);

/* Creates the local endpoint; the peer is known (or NULL_CAP, then set remote_cap later). */
errval_t lmp_chan_accept(struct lmp_chan *lc, size_t buflen_words, struct capref remote_endpoint);

/* Connects to an exported service of this core through the monitor.  Returns at once; the
 * continuation runs from the monitor binding's waitset.  It is given
 * MON_ERR_IDC_BIND_NOT_SAME_CORE if another transport is needed. */
errval_t lmp_chan_bind(struct lmp_chan *lc, lmp_bind_continuation_fn *cont, void *st,
                       struct event_queue_node *qnode, iref_t iref, size_t buflen_words);

/* Sends up to LMP_MSG_WORDS words and a capability (or NULL_CAP).  Never blocks: if
 * lmp_err_is_transient(error), wait with lmp_chan_register_send and try again. */
errval_t lmp_chan_send(struct lmp_chan *lc, lmp_send_flags_t flags, struct capref send_cap,
                       size_t length_words, const uintptr_t *words);

/* The same for up to LRPC_MSG_WORDS words without a capability and with LMP_SEND_FLAGS_DEFAULT: the
 * shortest way there is.  lmp_chan_send takes it by itself. */
#ifdef HOST_TEST
errval_t lmp_chan_send_short(struct lmp_chan *lc, size_t length_words, uint64_t word0,
                             uint64_t word1, uint64_t word2, uint64_t word3);
#else
static inline errval_t lmp_chan_send_short(struct lmp_chan *lc, size_t length_words, uint64_t word0,
                                           uint64_t word1, uint64_t word2, uint64_t word3)
{
    /* endpoints lie in the second level; NULL_CAP gives 0, where there is none */
    errval_t err = sys_lrpc(lc->remote_cap.cnode.cnode | lc->remote_cap.slot, length_words, word0,
                            word1, word2, word3);

    /* as lmp_chan_send: what the lookup found */
    return err_no(err) == SYS_ERR_LRPC_SLOT_INVALID ? err_pop(err) : err;
}
#endif

/* LIB_ERR_NO_LMP_MSG, LIB_ERR_CHAN_PEER_GONE.  See lmp_endpoint_recv. */
errval_t lmp_chan_recv(struct lmp_chan *lc, struct lmp_recv_msg *msg, struct capref *cap);
bool lmp_chan_can_recv(struct lmp_chan *lc);

/* A send said that the peer is no more.  True: it left messages; when they are received the receive
 * event comes once more, and lmp_chan_recv fails with LIB_ERR_CHAN_PEER_GONE.  False: nothing is
 * left. */
static inline bool lmp_chan_drain(struct lmp_chan *lc)
{
    if (!lmp_chan_can_recv(lc))
        return false;
    lc->connection.receive = &lc->endpoint->waitset_state;
    lc->connection.lost = true;
    return true;
}

/* Unless there is one. */
errval_t lmp_chan_alloc_recv_slot(struct lmp_chan *lc);
void lmp_chan_set_recv_slot(struct lmp_chan *lc, struct capref slot);

/* One-shot registrations.  The send event comes when a try is worth while. */
errval_t lmp_chan_register_recv(struct lmp_chan *lc, struct waitset *ws,
                                struct event_closure closure);
errval_t lmp_chan_deregister_recv(struct lmp_chan *lc);

/* Listening for good: the closure's handler receives as much as it likes, and then listens again,
 * which is far cheaper than to register.  It may also deregister. */
errval_t lmp_chan_listen(struct lmp_chan *lc, struct waitset *ws, struct event_closure closure);
#ifdef HOST_TEST
bool lmp_chan_listen_again(struct lmp_chan *lc); /* false: it was deregistered meanwhile */
const volatile uint64_t *lmp_chan_peek(struct lmp_chan *lc, size_t *length);
void lmp_chan_take_peeked(struct lmp_chan *lc, const volatile uint64_t *words, size_t length);
#else
static inline bool lmp_chan_listen_again(struct lmp_chan *lc)
{
    struct lmp_endpoint *ep = lc->endpoint;
    struct waitset_chanstate *chan = &ep->waitset_state;
    dispatcher_handle_t handle = disp_disable();

    *(volatile uint32_t *)&ep->k.consumed = ep->done;
    if (__builtin_expect(!chan->held || get_dispatcher_generic(handle)->ready_channel == chan, 0)) {
        if (!lmp_endpoint_not_taken(ep, handle))
            return false;
    } else {
        waitset_chan_listen_disabled(chan);
        if (__builtin_expect(*(volatile uint32_t *)&ep->k.delivered != ep->k.consumed, 0))
            lmp_endpoint_has_more(ep, handle);
        else
            disp_enable(handle);
    }
    idc_connection_registered(&lc->connection);
    return true;
}

/* The words of the next message where they lie, without a copy; for who has taken the event of a
 * channel that listens.  NULL if there is none, it wraps, or it brought a capability: then
 * lmp_chan_recv tells.  Nothing has happened: who wants it says so with lmp_chan_take_peeked, and
 * may read the words until lmp_chan_listen_again, which he must call. */
static inline const volatile uint64_t *lmp_chan_peek(struct lmp_chan *lc, size_t *length)
{
    const struct lmp_endpoint *ep = lc->endpoint;
    const uint32_t at = ep->k.consumed;
    const volatile uint64_t *message = &ep->k.buf[at];

    if (*(const volatile uint32_t *)&ep->k.delivered == at || ep->arrived != NULL)
        return NULL;
    *length = *message;
    if (*length > LMP_MSG_WORDS || at + 1 + *length >= ep->buflen)
        return NULL;
    return message + 1;
}

static inline void lmp_chan_take_peeked(struct lmp_chan *lc, const volatile uint64_t *words,
                                        size_t length)
{
    struct lmp_endpoint *ep = lc->endpoint;

    ep->done = (uint32_t)(words + length - ep->k.buf);
}
#endif
errval_t lmp_chan_register_send(struct lmp_chan *lc, struct waitset *ws,
                                struct event_closure closure);
errval_t lmp_chan_deregister_send(struct lmp_chan *lc);
void lmp_chan_migrate_recv(struct lmp_chan *lc, struct waitset *ws);
void lmp_chan_migrate_send(struct lmp_chan *lc, struct waitset *ws);

/* Fires the send events of the channels for which a try is worth while (called on each run
 * upcall). */
void lmp_channels_retry_send_disabled(dispatcher_handle_t handle);

#define LMP_SEND_N(lc, flags, cap, ...)                                                           \
    lmp_chan_send((lc), (flags), (cap), sizeof((uintptr_t[]){ __VA_ARGS__ }) / sizeof(uintptr_t), \
                  (uintptr_t[]){ __VA_ARGS__ })
#define lmp_chan_send0(lc, flags, cap) lmp_chan_send((lc), (flags), (cap), 0, NULL)
#define lmp_chan_send1(lc, flags, cap, a) LMP_SEND_N(lc, flags, cap, a)
#define lmp_chan_send2(lc, flags, cap, a, b) LMP_SEND_N(lc, flags, cap, a, b)
#define lmp_chan_send3(lc, flags, cap, a, b, c) LMP_SEND_N(lc, flags, cap, a, b, c)
#define lmp_chan_send4(lc, flags, cap, a, b, c, d) LMP_SEND_N(lc, flags, cap, a, b, c, d)
#define lmp_chan_send5(lc, flags, cap, a, b, c, d, e) LMP_SEND_N(lc, flags, cap, a, b, c, d, e)
#define lmp_chan_send6(lc, flags, cap, a, b, c, d, e, f) \
    LMP_SEND_N(lc, flags, cap, a, b, c, d, e, f)
#define lmp_chan_send7(lc, flags, cap, a, b, c, d, e, f, g) \
    LMP_SEND_N(lc, flags, cap, a, b, c, d, e, f, g)
#define lmp_chan_send8(lc, flags, cap, a, b, c, d, e, f, g, h) \
    LMP_SEND_N(lc, flags, cap, a, b, c, d, e, f, g, h)
#define lmp_chan_send9(lc, flags, cap, a, b, c, d, e, f, g, h, i) \
    LMP_SEND_N(lc, flags, cap, a, b, c, d, e, f, g, h, i)
#define lmp_chan_send10(lc, flags, cap, a, b, c, d, e, f, g, h, i, j) \
    LMP_SEND_N(lc, flags, cap, a, b, c, d, e, f, g, h, i, j)

#endif
