/* SPDX-License-Identifier: MIT
 *
 * Connections without a monitor between: over a shared frame that both sides have mapped (connect
 * and accept), or to an endpoint capability that one side was given (create_endpoint,
 * bind_to_endpoint).
 *
 *   initiator                                  acceptor
 *     BIND {magic} (LMP: with its endpoint) ───>   connected: told
 *     connected: told   <─── BIND_REPLY {magic}
 *
 * Until then the channel's events come here, and each pins the binding from the moment it is taken;
 * afterwards the binding starts as any other.  Anything but the expected message ends the attempt
 * with FLOUNDER_ERR_BIND.
 */
#include "flounder_priv.h"

#include <assert.h>
#include <barrelfish/capabilities.h>
#include <stdlib.h>

#define BIND 1
#define BIND_REPLY 2
#define MAGIC 0xcafebabe

static void receive(void *arg);
static void send_hello(void *arg);

/* Do the events of the channel pin the binding? */
static void set_pins(struct flounder_binding *c, uint32_t *pins)
{
    const struct flounder_transport *transport = flounder_transport(c);
    transport->receiving(c)->pins = pins;
    transport->sending(c)->pins = pins;
}

/* Tells the outcome; a failed binding is gone before. */
static void finish(struct flounder_binding *c, errval_t err)
{
    const struct flounder_interface *interface = c->interface;
    flounder_any_fn *cont = c->bind_cont;
    void *st = c->bind_st;
    set_pins(c, NULL);
    if (err_is_ok(err))
        err = flounder_start(c);
    if (err_is_fail(err) && cont != NULL) {
        flounder_give_up(c, err);
        c = NULL;
    }
    if (cont != NULL)
        interface->call_bound(cont, st, err, c);
    else if (err_is_fail(err))
        flounder_break(c, err); /* the program holds the binding already */
}

static errval_t listen(struct flounder_binding *c)
{
    if (c->kind == FLOUNDER_UMP)
        return ump_chan_register_recv(c->channel, c->waitset, MKCLOSURE(receive, c));
    return lmp_chan_register_recv(c->channel, c->waitset, MKCLOSURE(receive, c));
}

/* BIND of the initiator, BIND_REPLY of the acceptor. */
static void say_hello(struct flounder_binding *c)
{
    const unsigned number = c->initiator ? BIND : BIND_REPLY;
    errval_t err = SYS_ERR_OK;
    bool again;
    if (c->kind == FLOUNDER_UMP) {
        struct ump_control control;
        volatile struct ump_message *line = ump_chan_get_next(c->channel, &control);
        again = line == NULL;
        if (again) {
            err = ump_chan_register_send(c->channel, c->waitset, MKCLOSURE(send_hello, c));
        } else {
            line->data[0] = MAGIC;
            ump_chan_commit(c->channel, line, control, number);
        }
    } else {
        struct lmp_chan *chan = c->channel;
        const uintptr_t words[] = { number, MAGIC };
        err =
            lmp_chan_send(chan, c->lmp_flags, c->initiator ? chan->local_cap : NULL_CAP, 2, words);
        again = lmp_err_is_transient(err);
        if (again)
            err = lmp_chan_register_send(chan, c->waitset, MKCLOSURE(send_hello, c));
    }
    if (err_is_ok(err) && again)
        return; /* called once more when there is room */
    if (err_is_ok(err) && c->initiator) {
        err = listen(c); /* for the reply */
        if (err_is_ok(err))
            return;
    }
    finish(c, err);
}

static void send_hello(void *arg)
{
    struct flounder_binding *c = arg;
    if (c->closed == SYS_ERR_OK)
        say_hello(c);
    flounder_leave(c);
}

static errval_t take_hello(struct flounder_binding *c)
{
    const unsigned expected = c->initiator ? BIND_REPLY : BIND;
    if (c->kind == FLOUNDER_UMP) {
        volatile struct ump_message *line;
        unsigned type;
        errval_t err = ump_chan_recv(c->channel, &line, &type);
        if (err_is_fail(err))
            return err;
        bool right = type == expected && line->data[0] == MAGIC;
        ump_chan_recv_done(c->channel);
        return right ? SYS_ERR_OK : FLOUNDER_ERR_BIND;
    }
    struct lmp_chan *chan = c->channel;
    struct lmp_recv_msg msg;
    struct capref cap = NULL_CAP;
    errval_t err = lmp_chan_recv(chan, &msg, &cap);
    if (err_is_fail(err))
        return err;
    bool right = msg.buf.msglen == 2 && msg.words[0] == expected && msg.words[1] == MAGIC &&
                 c->initiator == capref_is_null(cap);
    if (right && !c->initiator) {
        chan->remote_cap = cap;
        chan->connstate = LMP_CONNECTED;
    } else if (!capref_is_null(cap)) {
        cap_destroy(cap);
    }
    return right ? SYS_ERR_OK : FLOUNDER_ERR_BIND;
}

static void hear_hello(struct flounder_binding *c)
{
    errval_t err = take_hello(c);
    if (err_no(err) == LIB_ERR_NO_UMP_MSG || err_no(err) == LIB_ERR_NO_LMP_MSG) {
        err = listen(c);
        if (err_is_ok(err))
            return;
    }
    if (err_is_ok(err) && !c->initiator)
        say_hello(c);
    else
        finish(c, err);
}

static void receive(void *arg)
{
    struct flounder_binding *c = arg;
    if (c->closed == SYS_ERR_OK)
        hear_hello(c);
    flounder_leave(c);
}

static struct flounder_binding *begin(const struct flounder_backends *backends,
                                      enum flounder_channel kind, bool initiator,
                                      flounder_any_fn *cont, void *st, struct waitset *ws)
{
    void *memory = malloc(backends->binding_bytes[kind]);
    if (memory == NULL)
        return NULL;
    struct flounder_binding *c = backends->init[kind](memory, ws);
    c->on_heap = true;
    c->initiator = initiator;
    c->bind_cont = cont;
    c->bind_st = st;
    return c;
}

errval_t flounder_over_frame(const struct flounder_backends *backends,
                             const struct flounder_frameinfo *frame, bool initiator,
                             flounder_any_fn *cont, void *st, struct waitset *ws)
{
    struct flounder_binding *c = begin(backends, FLOUNDER_UMP, initiator, cont, st, ws);
    if (c == NULL)
        return LIB_ERR_MALLOC_FAIL;
    errval_t err = flounder_ump_init_chan(c->channel, frame->inbuf, frame->inbufsize, frame->outbuf,
                                          frame->outbufsize, NULL_CAP);
    if (err_is_fail(err)) {
        flounder_discard(c);
        return err;
    }
    ((struct ump_chan *)c->channel)->never_sleep = true; /* neither side can wake the other */
    set_pins(c, &c->depth);
    if (initiator) {
        say_hello(c);
        return SYS_ERR_OK;
    }
    err = listen(c);
    if (err_is_fail(err)) {
        ump_chan_destroy(c->channel);
        flounder_discard(c);
    }
    return err;
}

errval_t flounder_create_endpoint(const struct flounder_backends *backends, struct waitset *ws,
                                  struct capref slot, struct flounder_binding **ret)
{
    struct flounder_binding *c = begin(backends, FLOUNDER_LMP, false, NULL, NULL, ws);
    if (c == NULL)
        return LIB_ERR_MALLOC_FAIL;
    struct lmp_chan *chan = c->channel;
    lmp_chan_init(chan);
    errval_t err = lmp_chan_accept(chan, DEFAULT_LMP_BUF_WORDS, NULL_CAP);
    if (err_is_ok(err))
        set_pins(c, &c->depth);
    if (err_is_ok(err))
        err = cap_copy(slot, chan->local_cap);
    if (err_is_ok(err))
        err = lmp_chan_alloc_recv_slot(chan);
    if (err_is_ok(err))
        err = listen(c);
    if (err_is_fail(err)) {
        lmp_chan_destroy(chan);
        flounder_discard(c);
        return err;
    }
    *ret = c;
    return SYS_ERR_OK;
}

errval_t flounder_bind_to_endpoint(const struct flounder_backends *backends, struct capref endpoint,
                                   flounder_any_fn *cont, void *st, struct waitset *ws)
{
    struct flounder_binding *c = begin(backends, FLOUNDER_LMP, true, cont, st, ws);
    if (c == NULL)
        return LIB_ERR_MALLOC_FAIL;
    lmp_chan_init(c->channel);
    errval_t err = lmp_chan_accept(c->channel, DEFAULT_LMP_BUF_WORDS, endpoint);
    if (err_is_fail(err)) {
        lmp_chan_destroy(c->channel);
        flounder_discard(c);
        return err;
    }
    set_pins(c, &c->depth);
    say_hello(c);
    return SYS_ERR_OK;
}
