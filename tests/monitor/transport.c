/* SPDX-License-Identifier: MIT
 *
 * Bindings and channels under the monitor, as it sees them: one message at a time goes out, its
 * continuation comes later as an event of its own, a receiver that is full or busy makes it wait,
 * and one that is no more breaks the binding: at once, within the send itself, or when what it had
 * said has been read (guest/user/lib/flounder/tx.c, lmp.c, life.c).  Messages of one channel never
 * overtake each other; of two channels, any may.  Never delivers anything by itself: the world
 * chooses (wire_choices).
 */
#include "world.h"

#include <string.h>

/* ---- finding ---- */

struct wire *wire_of(const void *binding)
{
    struct wire *w = world.wires;
    while (w != NULL && w->binding != binding)
        w = w->next;
    CHECK(w != NULL, "a binding that is not set up, or gone");
    return w;
}

struct wire *wire_new(enum wire_kind kind, void *binding, struct lmp_chan *chan)
{
    struct wire *w = calloc(1, sizeof(*w));
    *w = (struct wire){
        .next = world.wires, .kind = kind, .core = world.current, .binding = binding, .chan = chan
    };
    world.wires = w;
    return w;
}

struct endpoint *endpoint_of(const struct lmp_chan *chan)
{
    return chan->endpoint != NULL ? (struct endpoint *)chan->endpoint->next_free : NULL;
}

const struct message *message_on_its_way(const struct domain *d)
{
    for (const struct wire *w = world.wires; w != NULL; w = w->next) {
        const struct cap *to = w->tx != NULL && w->chan != NULL && w->core < WORLD_CORES
                                   ? cap_at(&world.core[w->core], w->chan->remote_cap)
                                   : NULL;
        if (to != NULL && to->endpoint->owner == d)
            return w->tx;
    }
    return NULL;
}

static bool carries(const struct message *m, const struct capability *is, uint64_t before)
{
    const struct intermon_fetch_cap_reply__tx_args *a = &m->args.intermon.fetch_cap_reply;
    return m->number == intermon_fetch_cap_reply__msgnum && err_is_ok(a->err) &&
           ((uint8_t)(a->head >> 8) == is->type || is->type == ObjType_RAM) &&
           a->word0 >= is->u.mem.base && a->word0 + a->word1 <= is->u.mem.base + is->u.mem.bytes &&
           a->word2 < before;
}

bool wire_carries(const struct capability *is, uint64_t before)
{
    for (const struct wire *w = world.wires; w != NULL; w = w->next) {
        if (w->kind != WIRE_INTERMON)
            continue;
        if (w->tx != NULL && carries(w->tx, is, before))
            return true;
        const struct message *m = w->out->queue.count > 0 ? w->out->queue.first : NULL;
        for (unsigned i = 0; m != NULL && i < w->out->queue.count; i++, m = m->next)
            if (carries(m, is, before))
                return true;
    }
    return false;
}

/* ---- messages into endpoints ---- */

/* Whatever the CPU driver says to a send. */
static errval_t deliver(struct capref to, struct message *m)
{
    const struct cap *cap = capref_is_null(to) ? NULL : cap_at(here(), to);
    if (cap == NULL)
        return SYS_ERR_CAP_NOT_FOUND;
    struct endpoint *e = cap->endpoint;
    if (e == NULL)
        return SYS_ERR_CAP_NOT_FOUND;
    if (e->dead || (e->owner != NULL && !domain_is_running(e->owner)))
        return SYS_ERR_LMP_NO_TARGET;
    if (e->queue.count >= e->room || (world.chaos && e->role != ROLE_INIT && chance(10)))
        return SYS_ERR_LMP_BUF_OVERFLOW;
    for (unsigned i = 0; i < 2; i++) {
        const capaddr_t cptr = get_cap_addr(m->from[i]);
        CHECK(cptr < FIRST_SLOT || here()->used[cptr],
              "a message carries what is in slot %#x, which was given back", (unsigned)cptr);
    }
    for (unsigned i = 0; i < 2; i++) { /* one that was revoked meanwhile arrives as NULL_CAP */
        const struct cap *source = capref_is_null(m->from[i]) ? NULL : cap_at(here(), m->from[i]);
        m->cap[i] = source != NULL ? cap_copy_to(source, e->owner) : NULL;
    }
    queue_add(&e->queue, m);
    return SYS_ERR_OK;
}

/* ---- a binding ends ---- */

static void end_send(struct wire *w)
{
    if (w->tx == NULL)
        return;
    message_free(w->tx);
    w->tx = NULL;
    w->cont_due = w->cont.handler != NULL;
}

static void stop(struct wire *w, errval_t err)
{
    if (w->closed != SYS_ERR_OK)
        return;
    w->closed = err;
    end_send(w);
}

/* As the library says it (flounder_reason). */
static errval_t reason(errval_t err)
{
    switch (err_no(err)) {
    case SYS_ERR_LMP_NO_TARGET:
    case SYS_ERR_CAP_NOT_FOUND:
        return err_push(err, FLOUNDER_ERR_BINDING_CLOSED);
    default:
        return err;
    }
}

static void break_wire(struct wire *w, errval_t err)
{
    if (w->closed != SYS_ERR_OK)
        return;
    stop(w, err);
    binding_break(w, err);
}

static void push(struct wire *w)
{
    if (w->kind == WIRE_INTERMON) {
        if (w->out->queue.count >= 3 || (world.chaos && chance(20)))
            return;
        queue_add(&w->out->queue, w->tx);
        w->tx = NULL;
        w->cont_due = w->cont.handler != NULL;
        return;
    }
    errval_t err = deliver(w->chan->remote_cap, w->tx);
    if (err_no(err) == SYS_ERR_LMP_BUF_OVERFLOW)
        return;
    if (err_is_ok(err)) {
        for (unsigned i = 0; i < 2; i++) /* given away: only RAM is */
            if (w->kind == WIRE_MEM && !capref_is_null(w->tx->from[i]))
                cap_delete(w->tx->from[i]);
        w->tx = NULL;
        w->cont_due = w->cont.handler != NULL;
        return;
    }
    err = reason(err);
    struct endpoint *own = endpoint_of(w->chan);
    if (err_no(err) == FLOUNDER_ERR_BINDING_CLOSED && own != NULL && own->queue.count > 0) {
        w->lost = true; /* what it has said counts */
        return;
    }
    end_send(w);
    break_wire(w, err);
}

errval_t wire_send(const void *binding, struct message *m, struct event_closure cont)
{
    struct wire *w = wire_of(binding);
    CHECK(!w->torn, "a message after the teardown");

    errval_t err = w->closed != SYS_ERR_OK                           ? w->closed
                   : w->tx != NULL || w->cont_due                    ? FLOUNDER_ERR_TX_BUSY
                   : world.chaos && w->kind != WIRE_MEM && chance(5) ? FLOUNDER_ERR_TX_BUSY
                                                                     : SYS_ERR_OK;
    if (err_is_fail(err)) {
        message_free(m);
        return err;
    }
    w->tx = m;
    w->cont = cont;
    push(w);
    return SYS_ERR_OK;
}

errval_t wire_register_send(const void *binding, struct event_closure closure)
{
    struct wire *w = wire_of(binding);
    if (w->closed != SYS_ERR_OK)
        return w->closed;
    CHECK(w->registered.handler == NULL, "a binding is registered twice for sending");
    w->registered = closure;
    return SYS_ERR_OK;
}

errval_t wire_teardown(const void *binding)
{
    struct wire *w = wire_of(binding);
    if (w->torn)
        return FLOUNDER_ERR_BINDING_CLOSED;
    w->torn = true;
    stop(w, FLOUNDER_ERR_BINDING_CLOSED);
    if (w->chan != NULL)
        lmp_chan_destroy(w->chan);
    return SYS_ERR_OK;
}

/* Only a channel to another monitor ends so, when that one's core is dead. */
void flounder_abandon(struct flounder_binding *c)
{
    (void)wire_teardown((char *)c - offsetof(struct intermon_binding, flounder));
}

/* ---- what can happen to it ---- */

enum { DO_NOTHING, DO_PUSH, DO_CONT, DO_REGISTERED, DO_RECEIVE, DO_BREAK, DO_REAP };

static struct queue *incoming(const struct wire *w)
{
    if (w->kind == WIRE_INTERMON)
        return &w->in->queue;
    struct endpoint *e = endpoint_of(w->chan);
    return e != NULL ? &e->queue : NULL;
}

/* The waiting of a message for a receiver that is full is no event: somebody else must move. */
static bool may_push(const struct wire *w)
{
    if (w->tx == NULL || w->lost || w->closed != SYS_ERR_OK)
        return false;
    if (w->kind == WIRE_INTERMON)
        return w->out->queue.count < 3;
    const struct capref to = w->chan->remote_cap;
    const struct cap *cap = capref_is_null(to) ? NULL : world.core[w->core].slot[get_cap_addr(to)];
    const struct endpoint *e = cap != NULL ? cap->endpoint : NULL;
    return e == NULL || e->dead || (e->owner != NULL && !domain_is_running(e->owner)) ||
           e->queue.count < e->room;
}

static unsigned choices(struct wire *w, unsigned list[6])
{
    unsigned count = 0;
    const bool open = w->started && !w->torn && w->closed == SYS_ERR_OK;
    struct queue *in = open ? incoming(w) : NULL;
    if (may_push(w))
        list[count++] = DO_PUSH;
    if (w->cont_due)
        list[count++] = DO_CONT;
    if (w->registered.handler != NULL && w->tx == NULL && !w->cont_due)
        list[count++] = DO_REGISTERED;
    if (in != NULL && in->count > 0)
        list[count++] = DO_RECEIVE;
    if (in != NULL && in->count == 0 && w->lost)
        list[count++] = DO_BREAK;
    if (count == 0 && w->torn)
        list[count++] = DO_REAP;
    return count;
}

unsigned wire_choices(struct wire *w)
{
    unsigned list[6];
    return choices(w, list);
}

static void reap(struct wire *w)
{
    struct wire **at = &world.wires;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    if (w->on_heap)
        world_free(w->binding);
    free(w);
}

static void run(struct event_closure *closure)
{
    const struct event_closure now = *closure;
    *closure = NOP_CLOSURE;
    now.handler(now.arg);
}

void wire_do(struct wire *w, unsigned choice)
{
    unsigned list[6];
    choices(w, list);
    world.current = w->core;
    switch (list[choice]) {
    case DO_PUSH:
        push(w);
        break;
    case DO_CONT:
        w->cont_due = false;
        run(&w->cont);
        break;
    case DO_REGISTERED:
        run(&w->registered);
        break;
    case DO_RECEIVE: {
        struct message *m = queue_take(incoming(w));
        binding_deliver(w, m);
        message_free(m);
        break;
    }
    case DO_BREAK:
        break_wire(w, err_push(LIB_ERR_CHAN_PEER_GONE, FLOUNDER_ERR_BINDING_CLOSED));
        break;
    default:
        reap(w);
    }
}

/* ---- raw channels ---- */

void lmp_chan_init(struct lmp_chan *lc)
{
    memset(lc, 0, sizeof(*lc));
    lc->local_cap = lc->remote_cap = NULL_CAP;
}

errval_t endpoint_create(size_t buflen, struct capref *ret_cap, struct lmp_endpoint **ret)
{
    struct endpoint *e = endpoint_new(world.current, NULL, (unsigned)buflen / 11);
    const struct capability is = { .type = ObjType_EndPointLMP };
    e->lib = calloc(1, sizeof(*e->lib));
    e->lib->next_free = (void *)e; /* it is never free: a place for what stands for it */
    *ret_cap = cap_to_monitor(cap_new(world.current, NULL, &is, e));
    *ret = e->lib;
    return SYS_ERR_OK;
}

errval_t lmp_chan_accept(struct lmp_chan *lc, size_t buflen_words, struct capref remote_endpoint)
{
    lc->remote_cap = remote_endpoint;
    lc->connstate = LMP_CONNECTED;
    return endpoint_create(buflen_words, &lc->local_cap, &lc->endpoint);
}

void lmp_chan_destroy(struct lmp_chan *lc)
{
    struct endpoint *e = endpoint_of(lc);
    if (e != NULL) {
        cap_revoke(lc->local_cap);
        cap_destroy(lc->local_cap);
        free(e->lib);
        e->lib = NULL;
        endpoint_gone(e);
        lc->endpoint = NULL;
    }
    lc->send_waitset.state = CHAN_UNREGISTERED;
    if (!capref_is_null(lc->remote_cap)) {
        if (cap_at(here(), lc->remote_cap) != NULL) /* else the peer has taken it back */
            cap_delete(lc->remote_cap);
        slot_free(lc->remote_cap);
        lc->remote_cap = NULL_CAP;
    }
}

errval_t lmp_chan_alloc_recv_slot(struct lmp_chan *lc)
{
    (void)lc; /* there is always one */
    return SYS_ERR_OK;
}

static errval_t recv(struct endpoint *e, struct lmp_recv_msg *msg, struct capref *cap)
{
    if (cap != NULL)
        *cap = NULL_CAP;
    if (e->queue.count == 0)
        return LIB_ERR_NO_LMP_MSG;
    struct message *m = queue_take(&e->queue);
    msg->buf.msglen = m->raw ? m->count : 1;
    memcpy(msg->words, m->word, sizeof(m->word));
    if (!m->raw) /* a message of a binding that was never made */
        msg->words[0] = m->number;
    if (m->cap[0] != NULL && cap != NULL)
        *cap = cap_to_monitor(m->cap[0]);
    if (cap != NULL)
        m->cap[0] = NULL;
    message_free(m);
    return SYS_ERR_OK;
}

errval_t lmp_chan_recv(struct lmp_chan *lc, struct lmp_recv_msg *msg, struct capref *cap)
{
    return recv(endpoint_of(lc), msg, cap);
}

bool lmp_chan_can_recv(struct lmp_chan *lc)
{
    return endpoint_of(lc)->queue.count > 0;
}

errval_t lmp_endpoint_recv(struct lmp_endpoint *ep, struct lmp_recv_msg *msg, struct capref *cap)
{
    const struct lmp_chan chan = { .endpoint = ep };
    return recv(endpoint_of(&chan), msg, cap);
}

errval_t lmp_endpoint_register(struct lmp_endpoint *ep, struct waitset *ws,
                               struct event_closure closure)
{
    (void)ws;
    const struct lmp_chan chan = { .endpoint = ep };
    CHECK(!waitset_chan_is_registered(&ep->waitset_state), "registered twice for receiving");
    ep->waitset_state.state = CHAN_IDLE;
    endpoint_of(&chan)->listener = closure;
    return SYS_ERR_OK;
}

errval_t lmp_chan_register_recv(struct lmp_chan *lc, struct waitset *ws,
                                struct event_closure closure)
{
    return lmp_endpoint_register(lc->endpoint, ws, closure);
}

errval_t lmp_chan_deregister_recv(struct lmp_chan *lc)
{
    CHECK(waitset_chan_is_registered(&lc->endpoint->waitset_state), "not registered");
    lc->endpoint->waitset_state.state = CHAN_UNREGISTERED;
    endpoint_of(lc)->listener = NOP_CLOSURE;
    return SYS_ERR_OK;
}

errval_t lmp_chan_register_send(struct lmp_chan *lc, struct waitset *ws,
                                struct event_closure closure)
{
    (void)ws;
    CHECK(!waitset_chan_is_registered(&lc->send_waitset), "registered twice for sending");
    lc->send_waitset.state = CHAN_IDLE;
    lc->send_waitset.closure = closure;
    endpoint_of(lc)->lib->waitset_state.arg = lc; /* where the world finds it */
    return SYS_ERR_OK;
}

errval_t lmp_chan_send(struct lmp_chan *lc, lmp_send_flags_t flags, struct capref send_cap,
                       size_t length_words, const uintptr_t *words)
{
    (void)flags;
    struct message *m = message_new(0);
    m->raw = true;
    m->count = (unsigned)length_words;
    memcpy(m->word, words, length_words * sizeof(*words));
    m->from[0] = send_cap;
    errval_t err = deliver(lc->remote_cap, m);
    if (err_is_fail(err))
        message_free(m);
    return err;
}

/* ---- the waitset ---- */

void waitset_chanstate_init(struct waitset_chanstate *chan, enum ws_chantype type)
{
    memset(chan, 0, sizeof(*chan));
    chan->chantype = type;
}

errval_t waitset_chan_trigger_closure(struct waitset *ws, struct waitset_chanstate *chan,
                                      struct event_closure closure)
{
    (void)ws;
    CHECK(!waitset_chan_is_registered(chan), "an event is queued twice");
    CHECK(world.event_count < sizeof(world.event) / sizeof(world.event[0]), "too many events");
    chan->state = CHAN_PENDING;
    chan->closure = closure;
    world.event[world.event_count].core = world.current;
    world.event[world.event_count++].chan = chan;
    return SYS_ERR_OK;
}

errval_t waitset_chan_deregister(struct waitset_chanstate *chan)
{
    unsigned i = 0;
    CHECK(waitset_chan_is_registered(chan), "not registered");
    while (world.event[i].chan != chan)
        i++;
    chan->state = CHAN_UNREGISTERED;
    world.event[i] = world.event[--world.event_count];
    return SYS_ERR_OK;
}

struct waitset *get_default_waitset(void)
{
    static struct waitset ws;
    return &ws;
}
