/* SPDX-License-Identifier: MIT
 *
 * Bind and export, the same for all interfaces (facts §1.4, §5.4, §5.5).
 *
 * Bind tries LMP; if the service is this dispatcher itself, a local binding; if it is on another
 * core, UMP, and where that has no channel to offer, a circuit through the monitors, or with
 * IDC_BIND_FLAG_MULTIHOP these two the other way round.  A UMP channel is checked if the client
 * says IDC_BIND_FLAG_CHECKED or the monitors want it.  The mechanism is chosen once, here: the
 * rest of the program sees only the generic binding. Export leaves functions with the library,
 * called when a client asks over one of them; for local clients it keeps a list. Must tell the
 * continuation exactly once, whatever happens after bind returned success.
 */
#include "../flounder_priv.h"

#include <assert.h>
#include <stdlib.h>

/* ---- exports of this domain ---- */

struct exported {
    struct idc_export common;
    const struct flounder_backends *backends;
    flounder_any_fn *connect_cb;
    void *st;
    struct exported *next;
};

static struct exported *exports;
static struct thread_mutex exports_lock = THREAD_MUTEX_INITIALIZER;

static struct exported *find_export(const struct flounder_backends *backends, iref_t iref)
{
    thread_mutex_lock(&exports_lock);
    struct exported *e = exports;
    while (e != NULL && (e->common.iref != iref || e->backends != backends))
        e = e->next;
    thread_mutex_unlock(&exports_lock);
    return e;
}

/* ---- bind ---- */

static struct flounder_binding *new_binding(const struct flounder_backends *backends,
                                            enum flounder_channel kind, struct waitset *ws)
{
    void *memory = malloc(backends->binding_bytes[kind]);
    if (memory == NULL)
        return NULL;
    struct flounder_binding *c = backends->init[kind](memory, ws);
    c->on_heap = true;
    return c;
}

/* The channel is connected. */
static void bound(struct flounder_binding *c)
{
    flounder_any_fn *cont = c->bind_cont;
    const struct flounder_interface *interface = c->interface;
    void *st = c->bind_st;
    errval_t err = flounder_start(c);
    if (err_is_fail(err)) {
        flounder_transport(c)->close(c);
        flounder_discard(c);
        c = NULL;
    }
    interface->call_bound(cont, st, err, c);
}

/* What a client asked for, while nothing has come of it yet. */
struct attempt {
    const struct flounder_backends *backends;
    iref_t iref;
    flounder_any_fn *cont;
    void *st;
    struct waitset *ws;
    bool multihop, last;
    idc_bind_flags_t flags;
};

static struct attempt attempt_of(const struct flounder_binding *c)
{
    return (struct attempt){ .backends = c->bind_backends,
                             .iref = c->bind_iref,
                             .cont = c->bind_cont,
                             .st = c->bind_st,
                             .ws = c->waitset,
                             .multihop = c->bind_multihop,
                             .last = c->bind_last,
                             .flags = c->bind_flags };
}

static struct flounder_binding *begin(const struct attempt *a, enum flounder_channel kind)
{
    struct flounder_binding *c = new_binding(a->backends, kind, a->ws);
    if (c != NULL) {
        c->bind_backends = a->backends;
        c->bind_iref = a->iref;
        c->bind_cont = a->cont;
        c->bind_st = a->st;
        c->bind_multihop = a->multihop;
        c->bind_last = a->last;
        c->bind_flags = a->flags;
        c->bound = true;
    }
    return c;
}

/* Another kind of channel may succeed: this one could not be made, and the service was not
 * asked. */
static bool may_try_another(errval_t err)
{
    return err_no(err) == MON_ERR_WINDOW_EXHAUSTED || err_no(err) == MON_ERR_OVER_SHARE ||
           err_no(err) == MON_ERR_NO_MONITOR_FOR_CORE;
}

static errval_t bind_remote(struct attempt *a);

/* A channel to another core was not made: the binding goes; the other kind of channel is tried. */
static void remote_failed(struct flounder_binding *c, errval_t err)
{
    struct attempt a = attempt_of(c);
    flounder_discard(c);
    if (may_try_another(err) && !a.last) {
        a.last = true;
        a.multihop = !a.multihop;
        errval_t second = bind_remote(&a);
        if (err_is_ok(second))
            return;
    }
    a.backends->interface->call_bound(a.cont, a.st, err, NULL);
}

static void ump_bound(void *st, errval_t err, struct ump_chan *chan, struct capref notify)
{
    struct flounder_binding *c = st;
    assert(chan == c->channel);
    if (err_is_fail(err)) {
        remote_failed(c, err);
        return;
    }
    chan->notify_cap = notify;
    bound(c);
}

static void multihop_bound(void *st, errval_t err, struct multihop_chan *chan)
{
    struct flounder_binding *c = st;
    assert(chan == c->channel);
    if (err_is_fail(err)) {
        multihop_chan_destroy(chan);
        remote_failed(c, err);
        return;
    }
    bound(c);
}

static errval_t bind_remote(struct attempt *a)
{
    struct flounder_binding *c = begin(a, a->multihop ? FLOUNDER_MULTIHOP : FLOUNDER_UMP);
    if (c == NULL)
        return LIB_ERR_MALLOC_FAIL;
    errval_t err;
    if (a->multihop)
        err = multihop_chan_bind(c->channel, multihop_bound, c, a->iref);
    else
        err = ump_chan_bind(c->channel, ump_bound, c, &c->event_qnode, a->iref, DEFAULT_UMP_BUFLEN,
                            DEFAULT_UMP_BUFLEN, a->flags);
    if (err_is_fail(err)) {
        if (a->multihop)
            multihop_chan_destroy(c->channel);
        flounder_discard(c);
    }
    return err;
}

errval_t flounder_multihop_bind(struct flounder_binding *c, iref_t iref, flounder_any_fn *cont,
                                void *st)
{
    assert(c->kind == FLOUNDER_MULTIHOP);
    c->bind_iref = iref;
    c->bind_cont = cont;
    c->bind_st = st;
    c->bind_multihop = true;
    c->bind_last = true;
    errval_t err = multihop_chan_bind(c->channel, multihop_bound, c, iref);
    return err_is_fail(err) ? err_push(err, FLOUNDER_ERR_BIND) : err;
}

/* The service is ours: two bindings, connected with each other. */
static errval_t bind_local(const struct attempt *a)
{
    const struct exported *e = find_export(a->backends, a->iref);
    if (e == NULL)
        return FLOUNDER_ERR_GENERIC_BIND_NO_MORE_DRIVERS;
    struct flounder_binding *client = new_binding(a->backends, FLOUNDER_LOCAL, a->ws);
    if (client == NULL)
        return LIB_ERR_MALLOC_FAIL;
    struct flounder_binding *server = new_binding(a->backends, FLOUNDER_LOCAL, e->common.ws);
    errval_t err = LIB_ERR_MALLOC_FAIL;
    client->bound = true;
    if (server != NULL) {
        server->accepted = true;
        flounder_local_connect(client, server);
        err = a->backends->interface->call_connected(e->connect_cb, e->st, server);
        if (err_is_ok(err)) {
            a->backends->interface->call_bound(a->cont, a->st, SYS_ERR_OK, client);
            return SYS_ERR_OK;
        }
        err = err_push(err, MON_ERR_IDC_BIND_REFUSED);
        flounder_discard(server);
    }
    flounder_discard(client);
    return err;
}

static void lmp_bound(void *st, errval_t err, struct lmp_chan *chan)
{
    struct flounder_binding *c = st;
    assert(chan == c->channel);
    if (err_is_ok(err)) {
        bound(c);
        return;
    }
    struct attempt a = attempt_of(c);
    lmp_chan_destroy(chan);
    flounder_discard(c);
    if (err_no(err) == MON_ERR_IDC_BIND_NOT_SAME_CORE)
        err = bind_remote(&a);
    else if (err_no(err) == MON_ERR_IDC_BIND_LOCAL)
        err = bind_local(&a);
    if (err_is_fail(err))
        a.backends->interface->call_bound(a.cont, a.st, err, NULL);
}

errval_t flounder_bind(const struct flounder_backends *backends, iref_t iref, flounder_any_fn *cont,
                       void *st, struct waitset *ws, idc_bind_flags_t flags)
{
    const struct attempt a = { .backends = backends,
                               .iref = iref,
                               .cont = cont,
                               .st = st,
                               .ws = ws,
                               .multihop = (flags & IDC_BIND_FLAG_MULTIHOP) != 0,
                               .flags = flags };
    struct flounder_binding *c = begin(&a, FLOUNDER_LMP);
    if (c == NULL)
        return LIB_ERR_MALLOC_FAIL;
    lmp_chan_init(c->channel);
    errval_t err =
        lmp_chan_bind(c->channel, lmp_bound, c, &c->event_qnode, iref, DEFAULT_LMP_BUF_WORDS);
    if (err_is_fail(err)) {
        lmp_chan_destroy(c->channel);
        flounder_discard(c);
        return err_push(err, FLOUNDER_ERR_BIND);
    }
    return SYS_ERR_OK;
}

/* ---- export ---- */

/* Asks the program; then receives.  On an error the caller undoes everything. */
static errval_t connected(const struct exported *e, struct flounder_binding *c)
{
    c->accepted = true;
    errval_t err = e->backends->interface->call_connected(e->connect_cb, e->st, c);
    return err_is_fail(err) ? err_push(err, MON_ERR_IDC_BIND_REFUSED) : flounder_start(c);
}

static errval_t lmp_connect(void *st, size_t buflen_words, struct capref remote_ep,
                            struct lmp_chan **ret)
{
    const struct exported *e = st;
    struct flounder_binding *c = new_binding(e->backends, FLOUNDER_LMP, e->common.ws);
    if (c == NULL)
        return LIB_ERR_MALLOC_FAIL;
    lmp_chan_init(c->channel);
    errval_t err = lmp_chan_accept(c->channel, buflen_words, remote_ep);
    if (err_is_ok(err))
        err = connected(e, c);
    if (err_is_fail(err)) {
        lmp_chan_destroy(c->channel);
        flounder_discard(c);
        return err;
    }
    *ret = c->channel;
    return SYS_ERR_OK;
}

static errval_t ump_connect(void *st, struct capref frame, size_t inlen, size_t outlen,
                            struct capref notify, struct ump_chan **ret)
{
    const struct exported *e = st;
    struct flounder_binding *c = new_binding(e->backends, FLOUNDER_UMP, e->common.ws);
    if (c == NULL)
        return LIB_ERR_MALLOC_FAIL;
    errval_t err = ump_chan_accept(c->channel, frame, inlen, outlen, notify);
    if (err_is_fail(err)) {
        flounder_discard(c);
        return err;
    }
    if (idc_connecting_client().checked)
        err = ump_chan_make_checked(c->channel, UMP_TRIES);
    if (err_is_ok(err))
        err = connected(e, c);
    if (err_is_fail(err)) {
        ump_chan_destroy(c->channel);
        flounder_discard(c);
        return err;
    }
    *ret = c->channel;
    return SYS_ERR_OK;
}

static errval_t multihop_connect(void *st, struct capref remote_ep, struct multihop_chan **ret)
{
    const struct exported *e = st;
    struct flounder_binding *c = new_binding(e->backends, FLOUNDER_MULTIHOP, e->common.ws);
    if (c == NULL)
        return LIB_ERR_MALLOC_FAIL;
    errval_t err = multihop_chan_accept(c->channel, remote_ep);
    if (err_is_ok(err))
        err = connected(e, c);
    if (err_is_fail(err)) {
        multihop_chan_destroy(c->channel);
        flounder_discard(c);
        return err;
    }
    *ret = c->channel;
    return SYS_ERR_OK;
}

errval_t flounder_export(const struct flounder_backends *backends, void *st,
                         idc_export_callback_fn *export_cb, flounder_any_fn *connect_cb,
                         struct waitset *ws, idc_export_flags_t flags)
{
    (void)flags;
    struct exported *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return LIB_ERR_MALLOC_FAIL;
    e->backends = backends;
    e->connect_cb = connect_cb;
    e->st = st;
    e->common.lmp_connect_callback = lmp_connect;
    e->common.ump_connect_callback = ump_connect;
    e->common.multihop_connect_callback = multihop_connect;
    e->common.export_callback = export_cb;
    e->common.export_cb_st = st;
    e->common.st = e;
    e->common.ws = ws;
    e->common.interface = backends->interface->name;
    errval_t err = idc_export_service(&e->common);
    if (err_is_fail(err)) {
        free(e);
        return err;
    }
    thread_mutex_lock(&exports_lock);
    e->next = exports;
    exports = e;
    thread_mutex_unlock(&exports_lock);
    return SYS_ERR_OK;
}
