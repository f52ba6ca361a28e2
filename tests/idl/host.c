/* SPDX-License-Identifier: MIT
 *
 * The host's dispatcher (host.h).
 *
 * Only what waitset.c, event_*.c, ump_chan.c and the stub library call is here.  There is one
 * thread for each dispatcher, so blocking with nothing to do would be for ever:
 * thread_block_disabled comes back to let the caller look again.  A lost message shows as a test
 * that is stopped by its time limit.
 */
#include "host.h"

#include <assert.h>
#include <barrelfish/core_state.h>
#include <barrelfish/debug.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/vspace.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../guest/user/lib/barrelfish/dispatch/threads_priv.h"

struct host_dispatcher {
    struct dispatcher_shared shared; /* first: the handle points here */
    struct dispatcher_generic generic;
    struct thread thread;
};

static __thread struct host_dispatcher *current;

/* ---- dispatcher ---- */

static __thread uintptr_t closed_connections;

static void connection_closed(uintptr_t monitor_id)
{
    closed_connections += monitor_id;
}

void host_dispatcher_init(void)
{
    static __thread struct host_dispatcher dispatcher;
    static __thread struct core_state state;
    memset(&dispatcher, 0, sizeof(dispatcher));
    memset(&state, 0, sizeof(state));
    state.connections.closed = connection_closed;
    current = &dispatcher;
    current->generic.core_state = &state;
    current->shared.lmp_delivered = 1; /* never seen: the queues are looked at each time */
    current->thread.next = current->thread.prev = &current->thread;
    current->generic.current = current->generic.runq = &current->thread;
}

dispatcher_handle_t curdispatcher(void)
{
    assert(current != NULL);
    return (dispatcher_handle_t)current;
}

struct dispatcher_generic *get_dispatcher_generic(dispatcher_handle_t handle)
{
    return &((struct host_dispatcher *)handle)->generic;
}

static void lmp_poll(dispatcher_handle_t handle);

void disp_check_unpolled_disabled(dispatcher_handle_t handle)
{
    lmp_poll(handle);
    ump_channels_retry_send_disabled(handle);
}

void disp_check_events_disabled(dispatcher_handle_t handle)
{
    disp_check_unpolled_disabled(handle);
    poll_channels_disabled(handle);
}

/* ---- threads: there is one ---- */

struct thread *thread_self(void)
{
    return &current->thread;
}

static __thread unsigned calls;

bool thread_begin_call(void)
{
    if (calls == THREAD_CALLS_MAX)
        return false;
    calls++;
    return true;
}

void thread_end_call(void)
{
    assert(calls > 0);
    calls--;
}

void *thread_block_disabled(dispatcher_handle_t handle, struct thread **queue)
{
    (void)queue;
    disp_enable(handle);
    sched_yield();
    return NULL;
}

void thread_unblock_disabled(dispatcher_handle_t handle, struct thread **queue,
                             struct thread *thread, void *reason)
{
    (void)handle, (void)queue, (void)thread, (void)reason;
    assert(!"no thread is ever blocked");
}

struct thread *thread_unblock_one_disabled(dispatcher_handle_t handle, struct thread **queue,
                                           void *reason)
{
    (void)handle, (void)queue, (void)reason;
    return NULL;
}

void thread_mutex_init(struct thread_mutex *mutex)
{
    memset(mutex, 0, sizeof(*mutex));
}

void thread_mutex_lock(struct thread_mutex *mutex)
{
    assert(!mutex->locked);
    mutex->locked = 1;
}

void thread_mutex_unlock(struct thread_mutex *mutex)
{
    assert(mutex->locked);
    mutex->locked = 0;
}

/* ---- capabilities: numbers in slots ---- */

#define SLOTS 65536
#define FIRST_CNODE 0x10000

static uint32_t objects[SLOTS]; /* 0: empty, but reserved if slot_used */
static bool slot_used[SLOTS];
static unsigned live;

static struct capref slot_ref(uint32_t index)
{
    return (struct capref){ .cnode = { .croot = CPTR_ROOTCN,
                                       .cnode = FIRST_CNODE + (index & ~255u),
                                       .level = CNODE_TYPE_OTHER },
                            .slot = index & 255 };
}

static uint32_t slot_index(struct capref cap)
{
    assert(cap.cnode.cnode >= FIRST_CNODE && cap.cnode.cnode - FIRST_CNODE < SLOTS);
    return cap.cnode.cnode - FIRST_CNODE + cap.slot;
}

static void slot_fill(uint32_t index, uint32_t object)
{
    assert(slot_used[index] && objects[index] == 0 && object != 0);
    objects[index] = object;
    live++;
}

errval_t slot_alloc(struct capref *ret)
{
    static uint32_t next = 1;
    for (unsigned i = 0; i < SLOTS; i++, next = next % (SLOTS - 1) + 1)
        if (!slot_used[next]) {
            slot_used[next] = true;
            *ret = slot_ref(next);
            return SYS_ERR_OK;
        }
    fprintf(stderr, "host: all slots are in use: capabilities leak\n");
    abort();
}

errval_t slot_free(struct capref cap)
{
    assert(slot_used[slot_index(cap)] && objects[slot_index(cap)] == 0);
    slot_used[slot_index(cap)] = false;
    return SYS_ERR_OK;
}

struct capref host_cap_make(uint32_t object)
{
    struct capref cap;
    slot_alloc(&cap);
    slot_fill(slot_index(cap), object);
    return cap;
}

uint32_t host_cap_object(struct capref cap)
{
    return capref_is_null(cap) ? 0 : objects[slot_index(cap)];
}

unsigned host_caps_live(void)
{
    return live;
}

errval_t cap_destroy(struct capref cap)
{
    assert(objects[slot_index(cap)] != 0);
    objects[slot_index(cap)] = 0;
    live--;
    return slot_free(cap);
}

/* The invocations made here: copy and delete. */
struct sysret sys_invoke_raw(uint64_t header, uint64_t send_cptr, const uintptr_t *words)
{
    (void)send_cptr;
    if (words[0] == CNodeCmd_Delete) {
        uint32_t index = (uint32_t)words[1] - FIRST_CNODE;
        assert(index < SLOTS && objects[index] != 0);
        objects[index] = 0;
        live--;
        return SYSRET(SYS_ERR_OK);
    }
    assert(words[0] == CNodeCmd_Copy);
    uint32_t to = (uint32_t)(header >> 32) + (uint32_t)words[1] - FIRST_CNODE;
    uint32_t from = (uint32_t)words[3] - FIRST_CNODE;
    assert(to < SLOTS && from < SLOTS);
    slot_fill(to, objects[from]);
    return SYSRET(SYS_ERR_OK);
}

/* A monitor for both ends: a ticket is the object's number. */
static unsigned parcels; /* deposited and not collected */

unsigned host_parcels(void)
{
    return parcels;
}

errval_t flounder_parcel_deposit(struct capref cap, uint64_t *ticket)
{
    if (host_cap_object(cap) == HOST_CAP_STAYS)
        return MON_ERR_WRONG_CAP_TYPE;
    parcels++;
    *ticket = UINT64_C(0xABCD000000000000) | host_cap_object(cap);
    return SYS_ERR_OK;
}

errval_t flounder_parcel_collect(uint64_t ticket, struct capref *cap)
{
    assert(parcels > 0);
    parcels--;
    if (ticket >> 48 != 0xABCD)
        return MON_ERR_WRONG_CAP_TYPE;
    *cap = host_cap_make((uint32_t)ticket);
    return SYS_ERR_OK;
}

/* ---- connections ---- */

uintptr_t host_closed_connections(void)
{
    uintptr_t closed = closed_connections;
    closed_connections = 0;
    return closed;
}

/* ---- LMP ---- */

struct queued {
    struct queued *next;
    struct lmp_recv_msg msg;
    struct capref cap;
};

struct host_endpoint {
    struct lmp_endpoint ep; /* first */
    struct host_endpoint *next, *peer;
    struct queued *first;
    size_t used_words, room_words;
    struct capref recv_slot;
    uint32_t object; /* of capabilities to it; 0: none yet */
    bool broken;
    bool peeked; /* the first is being read where it lies */
};

static __thread struct host_endpoint *endpoints;
static __thread struct lmp_chan *parked;
static unsigned fail_every, fail_count;

void host_lmp_fail_every(unsigned k)
{
    fail_every = k;
}

static struct host_endpoint *endpoint_of(struct lmp_chan *lc)
{
    return (struct host_endpoint *)lc->endpoint;
}

static struct host_endpoint *new_endpoint(size_t buflen)
{
    struct host_endpoint *ep = aligned_alloc(64, (sizeof(*ep) + 63) / 64 * 64);
    memset(ep, 0, sizeof(*ep));
    waitset_chanstate_init(&ep->ep.waitset_state, CHANTYPE_LMP_IN);
    ep->room_words = buflen;
    ep->next = endpoints;
    endpoints = ep;
    return ep;
}

void lmp_chan_init(struct lmp_chan *lc)
{
    memset(lc, 0, sizeof(*lc));
    waitset_chanstate_init(&lc->send_waitset, CHANTYPE_LMP_OUT);
}

void host_lmp_connect(struct lmp_chan *a, struct lmp_chan *b, size_t buflen)
{
    struct host_endpoint *ea = new_endpoint(buflen), *eb = new_endpoint(buflen);
    ea->peer = eb;
    eb->peer = ea;
    a->endpoint = &ea->ep;
    b->endpoint = &eb->ep;
    a->connstate = b->connstate = LMP_CONNECTED;
}

void host_lmp_break(struct lmp_chan *a)
{
    endpoint_of(a)->broken = true;
}

static struct host_endpoint *endpoint_named(uint32_t object)
{
    struct host_endpoint *ep = endpoints;
    while (ep != NULL && (object == 0 || ep->object != object))
        ep = ep->next;
    return ep;
}

errval_t lmp_chan_accept(struct lmp_chan *lc, size_t buflen_words, struct capref remote_endpoint)
{
    static uint32_t next_object = 5000000;
    struct host_endpoint *ep = new_endpoint(buflen_words);
    ep->object = next_object++;
    lc->endpoint = &ep->ep;
    lc->local_cap = host_cap_make(ep->object);
    lc->remote_cap = remote_endpoint;
    lc->connstate = LMP_CONNECTED;
    return SYS_ERR_OK;
}

static void unpark(struct lmp_chan *lc)
{
    for (struct lmp_chan **p = &parked; *p != NULL; p = &(*p)->next)
        if (*p == lc) {
            *p = lc->next;
            return;
        }
}

void lmp_chan_destroy(struct lmp_chan *lc)
{
    struct host_endpoint *ep = endpoint_of(lc);
    unpark(lc);
    waitset_chanstate_destroy(&lc->send_waitset);
    if (ep == NULL)
        return;
    if (!capref_is_null(lc->local_cap))
        cap_destroy(lc->local_cap);
    if (!capref_is_null(lc->remote_cap))
        cap_destroy(lc->remote_cap);
    waitset_chanstate_destroy(&ep->ep.waitset_state);
    for (struct queued *q = ep->first, *next; q != NULL; q = next) {
        next = q->next;
        if (!capref_is_null(q->cap))
            cap_destroy(q->cap);
        free(q);
    }
    for (struct host_endpoint **p = &endpoints; *p != NULL; p = &(*p)->next)
        if (*p == ep) {
            *p = ep->next;
            break;
        }
    if (ep->peer != NULL)
        ep->peer->peer = NULL;
    if (!capref_is_null(ep->recv_slot))
        slot_free(ep->recv_slot);
    free(ep);
    lc->endpoint = NULL;
    idc_connection_close(&lc->connection);
}

errval_t lmp_chan_send(struct lmp_chan *lc, lmp_send_flags_t flags, struct capref send_cap,
                       size_t length_words, const uintptr_t *words)
{
    struct host_endpoint *to = endpoint_of(lc)->peer;
    if (to == NULL)
        to = endpoint_named(host_cap_object(lc->remote_cap));
    assert(length_words <= LMP_MSG_WORDS);
    if (to == NULL || to->broken || endpoint_of(lc)->broken)
        return SYS_ERR_LMP_NO_TARGET;
    if (fail_every != 0 && ++fail_count % fail_every == 0)
        return SYS_ERR_LMP_TARGET_DISABLED;
    if (to->used_words + length_words + 1 >= to->room_words)
        return SYS_ERR_LMP_BUF_OVERFLOW;
    struct queued *q = calloc(1, sizeof(*q)), **last = &to->first;
    if (!capref_is_null(send_cap)) {
        if (capref_is_null(to->recv_slot)) {
            free(q);
            return SYS_ERR_LMP_CAPTRANSFER_DST_SLOT_OCCUPIED;
        }
        assert(host_cap_object(send_cap) != 0);
        q->cap = to->recv_slot;
        slot_fill(slot_index(q->cap), objects[slot_index(send_cap)]);
        to->recv_slot = NULL_CAP;
        if ((flags & LMP_FLAG_GIVEAWAY) != 0)
            cap_destroy(send_cap);
    }
    q->msg.buf.msglen = length_words;
    memcpy(q->msg.words, words, length_words * sizeof(*words));
    while (*last != NULL)
        last = &(*last)->next;
    *last = q;
    to->used_words += length_words + 1;
    return SYS_ERR_OK;
}

errval_t lmp_chan_send_short(struct lmp_chan *lc, size_t length_words, uint64_t word0,
                             uint64_t word1, uint64_t word2, uint64_t word3)
{
    const uintptr_t words[LRPC_MSG_WORDS] = { word0, word1, word2, word3 };
    assert(length_words <= LRPC_MSG_WORDS);
    return lmp_chan_send(lc, LMP_SEND_FLAGS_DEFAULT, NULL_CAP, length_words, words);
}

errval_t lmp_chan_recv(struct lmp_chan *lc, struct lmp_recv_msg *msg, struct capref *cap)
{
    struct host_endpoint *ep = endpoint_of(lc);
    struct queued *q = ep->first;
    if (q == NULL)
        return lc->connection.lost ? LIB_ERR_CHAN_PEER_GONE : LIB_ERR_NO_LMP_MSG;
    *msg = q->msg;
    *cap = q->cap;
    ep->first = q->next;
    ep->used_words -= q->msg.buf.msglen + 1;
    free(q);
    return SYS_ERR_OK;
}

const volatile uint64_t *lmp_chan_peek(struct lmp_chan *lc, size_t *length)
{
    struct queued *q = endpoint_of(lc)->first;
    if (q == NULL || !capref_is_null(q->cap))
        return NULL;
    *length = q->msg.buf.msglen;
    return q->msg.words;
}

void lmp_chan_take_peeked(struct lmp_chan *lc, const volatile uint64_t *words, size_t length)
{
    assert(words == endpoint_of(lc)->first->msg.words);
    assert(length == endpoint_of(lc)->first->msg.buf.msglen);
    endpoint_of(lc)->peeked = true;
}

bool lmp_chan_can_recv(struct lmp_chan *lc)
{
    return endpoint_of(lc)->first != NULL;
}

errval_t lmp_chan_alloc_recv_slot(struct lmp_chan *lc)
{
    if (!capref_is_null(endpoint_of(lc)->recv_slot))
        return SYS_ERR_OK;
    return slot_alloc(&endpoint_of(lc)->recv_slot);
}

static void trigger(struct waitset_chanstate *chan)
{
    if (waitset_chan_is_armed(chan)) {
        errval_t err = waitset_chan_trigger_disabled(chan, curdispatcher());
        assert(err_is_ok(err));
    }
}

static void lmp_poll(dispatcher_handle_t handle)
{
    (void)handle;
    for (struct host_endpoint *ep = endpoints; ep != NULL; ep = ep->next)
        if (ep->first != NULL)
            trigger(&ep->ep.waitset_state);
    struct lmp_chan *lc = parked;
    parked = NULL;
    for (struct lmp_chan *next; lc != NULL; lc = next) {
        next = lc->next;
        trigger(&lc->send_waitset);
    }
}

errval_t lmp_chan_register_recv(struct lmp_chan *lc, struct waitset *ws,
                                struct event_closure closure)
{
    errval_t err = waitset_chan_register(ws, &lc->endpoint->waitset_state, closure);
    idc_connection_registered(&lc->connection);
    return err;
}

errval_t lmp_chan_listen(struct lmp_chan *lc, struct waitset *ws, struct event_closure closure)
{
    errval_t err = waitset_chan_register_holding_disabled(ws, &lc->endpoint->waitset_state, closure,
                                                          CHAN_IDLE, disp_disable());
    disp_enable(curdispatcher());
    idc_connection_registered(&lc->connection);
    return err;
}

bool lmp_chan_listen_again(struct lmp_chan *lc)
{
    struct lmp_recv_msg msg;
    struct capref cap;
    if (endpoint_of(lc)->peeked) { /* now its words are gone */
        endpoint_of(lc)->peeked = false;
        memset(endpoint_of(lc)->first->msg.words, 0xee, sizeof(msg.words));
        (void)lmp_chan_recv(lc, &msg, &cap);
    }
    if (!lc->endpoint->waitset_state.held)
        return false;
    waitset_chan_listen_disabled(&lc->endpoint->waitset_state);
    idc_connection_registered(&lc->connection);
    return true;
}

errval_t lmp_chan_deregister_recv(struct lmp_chan *lc)
{
    return waitset_chan_deregister(&lc->endpoint->waitset_state);
}

errval_t lmp_chan_register_send(struct lmp_chan *lc, struct waitset *ws,
                                struct event_closure closure)
{
    errval_t err = waitset_chan_register(ws, &lc->send_waitset, closure);
    if (err_is_ok(err)) {
        lc->next = parked;
        parked = lc;
    }
    return err;
}

errval_t lmp_chan_deregister_send(struct lmp_chan *lc)
{
    unpark(lc);
    return waitset_chan_deregister(&lc->send_waitset);
}

void lmp_chan_migrate_recv(struct lmp_chan *lc, struct waitset *ws)
{
    waitset_chan_migrate(&lc->endpoint->waitset_state, ws);
}

void lmp_chan_migrate_send(struct lmp_chan *lc, struct waitset *ws)
{
    waitset_chan_migrate(&lc->send_waitset, ws);
}

/* ---- what only bind and export need: not here ---- */

errval_t lmp_chan_bind(struct lmp_chan *lc, lmp_bind_continuation_fn *cont, void *st,
                       struct event_queue_node *qnode, iref_t iref, size_t buflen_words)
{
    (void)lc, (void)cont, (void)st, (void)qnode, (void)iref, (void)buflen_words;
    return LIB_ERR_NOT_IMPLEMENTED;
}

errval_t ump_chan_bind(struct ump_chan *uc, ump_bind_continuation_fn *cont, void *st,
                       struct event_queue_node *qnode, iref_t iref, size_t inlen, size_t outlen,
                       idc_bind_flags_t flags)
{
    (void)uc, (void)cont, (void)st, (void)qnode, (void)iref, (void)inlen, (void)outlen;
    (void)flags;
    return LIB_ERR_NOT_IMPLEMENTED;
}

struct idc_client idc_connecting_client(void)
{
    return (struct idc_client){ .checked = false };
}

errval_t multihop_chan_bind(struct multihop_chan *chan, multihop_bind_continuation_fn *cont,
                            void *st, iref_t iref)
{
    (void)chan, (void)cont, (void)st, (void)iref;
    return LIB_ERR_NOT_IMPLEMENTED;
}

errval_t multihop_chan_accept(struct multihop_chan *chan, struct capref remote)
{
    (void)chan, (void)remote;
    return LIB_ERR_NOT_IMPLEMENTED;
}

errval_t vspace_map_one_frame_attr(void **ret, size_t bytes, struct capref frame,
                                   vregion_flags_t flags, struct memobj **memobj,
                                   struct vregion **vregion)
{
    (void)ret, (void)bytes, (void)frame, (void)flags, (void)memobj, (void)vregion;
    return LIB_ERR_NOT_IMPLEMENTED;
}

errval_t vspace_unmap(const void *buf)
{
    (void)buf;
    return LIB_ERR_NOT_IMPLEMENTED;
}

errval_t idc_export_service(struct idc_export *e)
{
    (void)e;
    return LIB_ERR_NOT_IMPLEMENTED;
}

/* ---- errors and output ---- */

static __thread char debug_output[4096];

const char *host_debug_output(void)
{
    static __thread char copy[4096];
    strcpy(copy, debug_output);
    debug_output[0] = '\0';
    return copy;
}

void debug_printf(const char *fmt, ...)
{
    size_t length = strlen(debug_output);
    va_list args;
    va_start(args, fmt);
    vsnprintf(debug_output + length, sizeof(debug_output) - length, fmt, args);
    va_end(args);
}

const char *err_getcode(errval_t err)
{
    static const char *const codes[] = {
#define ERR(name, text) #name,
#include <errors/errno.def>
    };
    return err_no(err) < ERR_CODE_COUNT ? codes[err_no(err)] : "unknown";
}

const char *err_getstring(errval_t err)
{
    return err_getcode(err);
}
