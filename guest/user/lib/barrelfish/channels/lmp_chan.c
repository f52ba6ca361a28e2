/* SPDX-License-Identifier: MIT
 *
 * LMP channels (overview 3.1, facts §7).
 *
 * A send that cannot succeed now (no room, no receive slot) is parked: the channel waits in a list
 * of the dispatcher, and every run upcall lets all parked senders try again.  The kernel does not
 * tell when there is room.  Each try gives the core to the receiver; one that has not read after so
 * many may never read, so from then on there is a pause between tries.  Must not let receivers that
 * do not read keep this dispatcher, or the core, busy.
 */
#include <barrelfish/lmp_chan.h>

#include <assert.h>
#include <barrelfish/capabilities.h>
#include <barrelfish/dispatcher.h>

#include "../events/waitset_priv.h"

void lmp_chan_init(struct lmp_chan *lc)
{
    *lc = (struct lmp_chan){ .connstate = LMP_DISCONNECTED };
    lc->local_cap = NULL_CAP;
    lc->remote_cap = NULL_CAP;
    waitset_chanstate_init(&lc->send_waitset, CHANTYPE_LMP_OUT);
}

COLD errval_t lmp_chan_accept(struct lmp_chan *lc, size_t buflen_words,
                              struct capref remote_endpoint)
{
    lmp_chan_init(lc);
    lc->buflen_words = buflen_words;
    lc->remote_cap = remote_endpoint;
    errval_t err = endpoint_create(buflen_words, &lc->local_cap, &lc->endpoint);
    if (err_is_fail(err))
        return err_push(err, LIB_ERR_LMP_CHAN_INIT);
    lc->connstate = LMP_CONNECTED;
    return SYS_ERR_OK;
}

#define SEND_TRIES 20            /* each time the others had their turn */
#define SEND_PAUSE_NS 2000000ull /* and then between them */

static struct lmp_chan **list_of(const struct lmp_chan *lc, dispatcher_handle_t handle)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    return lc->next_try != 0 ? &disp->lmp_send_paused : &disp->lmp_send_parked;
}

static void unpark_disabled(struct lmp_chan *lc, dispatcher_handle_t handle)
{
    struct lmp_chan **list = list_of(lc, handle);

    if (lc->next == NULL)
        return;
    if (lc->next == lc) {
        *list = NULL;
    } else {
        lc->next->prev = lc->prev;
        lc->prev->next = lc->next;
        if (*list == lc)
            *list = lc->next;
    }
    lc->next = lc->prev = NULL;
}

/* All pauses are as long, so the list of paused ones is in the order of their times. */
static void park_disabled(struct lmp_chan *lc, dispatcher_handle_t handle)
{
    assert(lc->next == NULL);
    lc->next_try = 0;
    if (++lc->tries > SEND_TRIES)
        lc->next_try = get_dispatcher_shared(handle)->systime + SEND_PAUSE_NS;
    struct lmp_chan **list = list_of(lc, handle);

    if (*list == NULL) {
        lc->next = lc->prev = lc;
        *list = lc;
        return;
    }
    lc->next = *list;
    lc->prev = (*list)->prev;
    lc->prev->next = lc;
    lc->next->prev = lc;
}

/* A slot whose capability the peer may have taken back, or never have put there; it is ours all the
 * same. */
static void drop_slot(struct capref cap)
{
    errval_t err = cap_delete(cap);
    if (err_is_ok(err) || err_no(err) == SYS_ERR_CAP_NOT_FOUND)
        slot_free(cap);
}

COLD void lmp_chan_destroy(struct lmp_chan *lc)
{
    if (waitset_chan_is_registered(&lc->send_waitset))
        lmp_chan_deregister_send(lc);
    if (lc->endpoint != NULL) {
        /* The buffer will be used again: nobody may keep a capability to it. */
        cap_revoke(lc->local_cap);
        cap_destroy(lc->local_cap);
        if (!capref_is_null(lc->endpoint->recv_slot)) {
            drop_slot(lc->endpoint->recv_slot); /* a message nobody read may have brought one */
            lc->endpoint->recv_slot = NULL_CAP;
        }
        lmp_endpoint_free(lc->endpoint);
        lc->endpoint = NULL;
    }
    if (!capref_is_null(lc->remote_cap)) {
        drop_slot(lc->remote_cap);
        lc->remote_cap = NULL_CAP;
    }
    lc->connstate = LMP_DISCONNECTED;
    idc_connection_close(&lc->connection);
}

/* There was room: if it is missing again, that is worth as many tries as ever. */
static inline errval_t has_left(struct lmp_chan *lc, errval_t err)
{
    if (err_is_ok(err))
        lc->tries = 0;
    return err;
}

errval_t lmp_chan_send(struct lmp_chan *lc, lmp_send_flags_t flags, struct capref send_cap,
                       size_t length_words, const uintptr_t *words)
{
    bool none = capref_is_null(send_cap);
    errval_t err;

    if (length_words > LMP_MSG_WORDS)
        return SYS_ERR_LMP_MSG_TOO_LONG;
    if (length_words <= LRPC_MSG_WORDS && none && flags == LMP_SEND_FLAGS_DEFAULT) {
        err = lmp_chan_send_short(lc, length_words, length_words > 0 ? words[0] : 0,
                                  length_words > 1 ? words[1] : 0, length_words > 2 ? words[2] : 0,
                                  length_words > 3 ? words[3] : 0);
        return has_left(lc, err);
    }
    /* the stub below loads ten words in any case */
    uintptr_t message[LMP_MSG_WORDS] = { 0 };
    if (length_words < LMP_MSG_WORDS) {
        for (size_t i = 0; i < length_words; i++)
            message[i] = words[i];
        words = message;
    }
    err = sys_invoke_raw(invoke_header(get_cap_addr(lc->remote_cap), get_cap_level(lc->remote_cap),
                                       none ? 0 : get_cap_level(send_cap), length_words,
                                       flags | LMP_FLAG_MESSAGE),
                         none ? 0 : get_cap_addr(send_cap), words)
              .error;
    return has_left(lc, err);
}

errval_t lmp_chan_recv(struct lmp_chan *lc, struct lmp_recv_msg *msg, struct capref *cap)
{
    errval_t err = lmp_endpoint_recv(lc->endpoint, msg, cap);

    return err_no(err) == LIB_ERR_NO_LMP_MSG && lc->connection.lost ? LIB_ERR_CHAN_PEER_GONE : err;
}

bool lmp_chan_can_recv(struct lmp_chan *lc)
{
    return lmp_endpoint_can_recv(lc->endpoint);
}

COLD errval_t lmp_chan_alloc_recv_slot(struct lmp_chan *lc)
{
    struct capref slot;

    if (!capref_is_null(lc->endpoint->recv_slot))
        return SYS_ERR_OK; /* the one from before is still there */
    errval_t err = slot_alloc(&slot);
    if (err_is_fail(err))
        return err_push(err, LIB_ERR_LMP_ALLOC_RECV_SLOT);
    lmp_chan_set_recv_slot(lc, slot);
    return SYS_ERR_OK;
}

void lmp_chan_set_recv_slot(struct lmp_chan *lc, struct capref slot)
{
    lmp_endpoint_set_recv_slot(lc->endpoint, slot);
}

errval_t lmp_chan_register_recv(struct lmp_chan *lc, struct waitset *ws,
                                struct event_closure closure)
{
    errval_t err = lmp_endpoint_register(lc->endpoint, ws, closure);

    idc_connection_registered(&lc->connection);
    return err;
}

errval_t lmp_chan_listen(struct lmp_chan *lc, struct waitset *ws, struct event_closure closure)
{
    errval_t err = lmp_endpoint_listen(lc->endpoint, ws, closure);

    idc_connection_registered(&lc->connection);
    return err;
}

errval_t lmp_chan_deregister_recv(struct lmp_chan *lc)
{
    return lmp_endpoint_deregister(lc->endpoint);
}

errval_t lmp_chan_register_send(struct lmp_chan *lc, struct waitset *ws,
                                struct event_closure closure)
{
    dispatcher_handle_t handle = disp_disable();
    errval_t err = waitset_chan_register_disabled(ws, &lc->send_waitset, closure, handle);

    if (err_is_ok(err))
        park_disabled(lc, handle);
    disp_enable(handle);
    return err_is_fail(err) ? err_push(err, LIB_ERR_CHAN_REGISTER_SEND) : err;
}

errval_t lmp_chan_deregister_send(struct lmp_chan *lc)
{
    bool was_enabled;
    dispatcher_handle_t handle = disp_try_disable(&was_enabled);
    errval_t err = waitset_chan_deregister_disabled(&lc->send_waitset, handle);

    unpark_disabled(lc, handle);
    if (was_enabled)
        disp_enable(handle);
    return err;
}

COLD void lmp_chan_migrate_recv(struct lmp_chan *lc, struct waitset *ws)
{
    waitset_chan_migrate(&lc->endpoint->waitset_state, ws);
}

void lmp_chan_migrate_send(struct lmp_chan *lc, struct waitset *ws)
{
    waitset_chan_migrate(&lc->send_waitset, ws);
}

static void retry_disabled(struct lmp_chan *lc, dispatcher_handle_t handle)
{
    unpark_disabled(lc, handle);
    errval_t err = waitset_chan_trigger_disabled(&lc->send_waitset, handle);

    assert(err_is_ok(err));
    (void)err;
}

void lmp_channels_retry_send_disabled(dispatcher_handle_t handle)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    systime_t now = get_dispatcher_shared(handle)->systime;

    while (disp->lmp_send_parked != NULL)
        retry_disabled(disp->lmp_send_parked, handle);
    while (disp->lmp_send_paused != NULL && disp->lmp_send_paused->next_try <= now)
        retry_disabled(disp->lmp_send_paused, handle);
}
