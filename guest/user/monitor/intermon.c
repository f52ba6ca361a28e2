/* SPDX-License-Identifier: MIT
 *
 * The other monitors: one UMP channel for each pair, made without anybody asking (overview 1.5).
 *
 * The starter of a core makes the channel to it before it starts (PEER_BOOTING) and puts the frame
 * into the new core's boot information.  When the new monitor reports (monitor_initialized), the
 * starter tells every other monitor (new_monitor_notify); each of those makes a frame, lets the
 * starter carry it to the new monitor (bind_monitor_proxy, bind_monitor_request), and is
 * PEER_BIND_WAIT until the new monitor speaks on it (bind_monitor_reply).
 *
 * A page holds a channel: first the ring towards the side that made the frame, then the other.
 */
#include "monitor.h"
#include "options.h"

#include <string.h>

/* Time-outs until a peer counts as dead: 25 s.  A busy one must not. */
#define MONITOR_UMP_TRIES 400

#define CHANNEL_BYTES (2 * DEFAULT_UMP_BUFLEN)

struct peer {
    enum peer_state state;
    struct intermon_ump_binding *binding; /* frees itself at teardown */
    struct send_queue queue;
    char name[16];
    void *memory; /* where the channel is mapped */
    /* a frame made here */
    struct capref frame;
    genpaddr_t base;
    uint32_t bytes;
    genpaddr_t record; /* of the channel's name */
};

static struct peer *peers[ABI_MAX_CORES];

SEND_QUEUE_REGISTER(intermon)

/* ---- messages ---- */

struct message {
    struct send_item item;
    enum {
        MESSAGE_INITIALIZED,
        MESSAGE_WELCOME,
        MESSAGE_NEW_MONITOR,
        MESSAGE_PROXY,
        MESSAGE_BIND_MONITOR,
        MESSAGE_BIND_MONITOR_REPLY,
        MESSAGE_LINKED,
        MESSAGE_UMP_REQUEST,
        MESSAGE_UMP_REPLY,
        MESSAGE_UMP_CANCEL,
        MESSAGE_CONNECTION_CLOSED,
        MESSAGE_IREF_STATE_REQUEST,
        MESSAGE_IREF_STATE_REPLY,
        MESSAGE_RELEASE,
        MESSAGE_RELEASED,
        MESSAGE_NAME_IREF,
        MESSAGE_FETCH,
        MESSAGE_FETCHED,
    } kind;
    coreid_t core, peer;
    genpaddr_t base;
    uint32_t bytes, notify_id;
    uint64_t id, peer_id;
    iref_t iref;
    errval_t err;
    struct ump_offer offer;
    bool exists;
    char name[64]; /* of the service, or of the client */
    struct capability cap;
};

static errval_t send_message(struct send_queue *queue, struct send_item *item,
                             struct event_closure cont)
{
    struct intermon_binding *b = queue->binding;
    struct message *m = (struct message *)item;
    switch (m->kind) {
    case MESSAGE_INITIALIZED:
        return intermon_monitor_initialized__tx(b, cont, m->core, m->notify_id);
    case MESSAGE_WELCOME:
        return intermon_monitor_welcome__tx(b, cont, m->iref);
    case MESSAGE_NEW_MONITOR:
        return intermon_new_monitor_notify__tx(b, cont, m->core);
    case MESSAGE_PROXY:
        return intermon_bind_monitor_proxy__tx(b, cont, m->core, m->base, m->bytes, m->notify_id);
    case MESSAGE_BIND_MONITOR:
        return intermon_bind_monitor_request__tx(b, cont, m->core, m->base, m->bytes, m->notify_id);
    case MESSAGE_BIND_MONITOR_REPLY:
        return intermon_bind_monitor_reply__tx(b, cont, m->core, m->err, m->notify_id);
    case MESSAGE_LINKED:
        return intermon_monitor_linked__tx(b, cont, m->core, m->peer, m->err);
    case MESSAGE_UMP_REQUEST:
        return intermon_bind_ump_request__tx(b, cont, m->offer.iref, m->offer.mon_id, m->offer.base,
                                             m->offer.bytes, m->offer.inlen, m->offer.outlen,
                                             m->offer.notify_id, m->offer.client, m->offer.trusted,
                                             m->offer.checked, m->offer.client_name);
    case MESSAGE_UMP_REPLY:
        return intermon_bind_ump_reply__tx(b, cont, m->id, m->err, m->peer_id, m->notify_id,
                                           m->name);
    case MESSAGE_UMP_CANCEL:
        return intermon_bind_ump_cancel__tx(b, cont, m->id);
    case MESSAGE_CONNECTION_CLOSED:
        return intermon_connection_closed__tx(b, cont, m->id);
    case MESSAGE_RELEASE:
        return intermon_release_cap_request__tx(b, cont, m->id);
    case MESSAGE_RELEASED:
        return intermon_release_cap_reply__tx(b, cont, m->id, !m->exists);
    case MESSAGE_IREF_STATE_REQUEST:
        return intermon_iref_state_request__tx(b, cont, m->iref, m->id);
    case MESSAGE_IREF_STATE_REPLY:
        return intermon_iref_state_reply__tx(b, cont, m->iref, m->id, m->exists);
    case MESSAGE_FETCH:
        return intermon_fetch_cap_request__tx(b, cont, m->id);
    case MESSAGE_FETCHED:
        return intermon_fetch_cap_reply__tx(b, cont, m->id, m->err, m->cap.type, m->cap.rights,
                                            m->cap.u.word[0], m->cap.u.word[1], m->cap.u.word[2]);
    default:
        return intermon_set_name_iref__tx(b, cont, m->iref);
    }
}

void peer_send(coreid_t core, struct send_item *item)
{
    send_queue_add(&peers[core]->queue, item);
}

static void send_to(coreid_t core, const struct message *message)
{
    struct peer *peer = peers[core];
    if (peer == NULL) {
        debug_printf("no channel to the monitor of core %u: a message to it is lost\n", core);
        return;
    }
    struct message *m = malloc(sizeof(*m));
    if (m != NULL) {
        *m = *message;
        m->item = (struct send_item){ .send = send_message };
    }
    send_queue_add(&peer->queue, m != NULL ? &m->item : NULL);
}

void peer_send_bind_ump_request(coreid_t core, const struct ump_offer *offer)
{
    send_to(core, &(struct message){ .kind = MESSAGE_UMP_REQUEST, .offer = *offer });
}

void peer_send_bind_ump_reply(coreid_t core, uint64_t mon_id, errval_t err, uint64_t peer_id,
                              uint32_t notify_id, const char *service)
{
    struct message message = { .kind = MESSAGE_UMP_REPLY,
                               .id = mon_id,
                               .err = err,
                               .peer_id = peer_id,
                               .notify_id = notify_id };
    strncpy(message.name, service, sizeof(message.name) - 1);
    send_to(core, &message);
}

void peer_send_bind_ump_cancel(coreid_t core, uint64_t mon_id)
{
    send_to(core, &(struct message){ .kind = MESSAGE_UMP_CANCEL, .id = mon_id });
}

void peer_send_connection_closed(coreid_t core, uint64_t id)
{
    send_to(core, &(struct message){ .kind = MESSAGE_CONNECTION_CLOSED, .id = id });
}

void peer_send_iref_state_request(coreid_t core, iref_t iref, uint64_t id)
{
    send_to(core, &(struct message){ .kind = MESSAGE_IREF_STATE_REQUEST, .iref = iref, .id = id });
}

void peer_send_fetch_cap_request(coreid_t core, uint64_t ticket)
{
    send_to(core, &(struct message){ .kind = MESSAGE_FETCH, .id = ticket });
}

void peer_send_release_cap_request(coreid_t core, uint64_t ticket)
{
    send_to(core, &(struct message){ .kind = MESSAGE_RELEASE, .id = ticket });
}

void peer_send_release_cap_reply(coreid_t core, uint64_t ticket, bool unused)
{
    send_to(core, &(struct message){ .kind = MESSAGE_RELEASED, .id = ticket, .exists = !unused });
}

void peer_send_fetch_cap_reply(coreid_t core, uint64_t ticket, errval_t err,
                               const struct capability *cap)
{
    send_to(core,
            &(struct message){ .kind = MESSAGE_FETCHED, .id = ticket, .err = err, .cap = *cap });
}

void peers_send_name_iref(iref_t iref)
{
    for (unsigned core = 0; core < ABI_MAX_CORES; core++)
        if (peer_is_connected(core))
            send_to((coreid_t)core, &(struct message){ .kind = MESSAGE_NAME_IREF, .iref = iref });
}

bool peer_is_connected(unsigned core)
{
    return core < ABI_MAX_CORES && peers[core] != NULL && peers[core]->state == PEER_CONNECTED;
}

uint64_t peers_running(void)
{
    uint64_t running = 1ull << my_core;
    for (unsigned core = 0; core < ABI_MAX_CORES; core++)
        if (peer_is_connected(core))
            running |= 1ull << core;
    return running;
}

/* ---- channels ---- */

static void set_handlers(struct intermon_binding *b);

/* made_here: this monitor made the frame, so its incoming ring comes first. */
static errval_t open_channel(coreid_t core, struct capref frame, bool made_here,
                             struct capref notify, enum peer_state state)
{
    if (peers[core] != NULL)
        return MON_ERR_CORE_RUNNING;
    struct peer *peer = calloc(1, sizeof(*peer));
    struct intermon_ump_binding *binding = calloc(1, sizeof(*binding));
    errval_t err = LIB_ERR_MALLOC_FAIL;
    void *memory = NULL;
    if (peer != NULL && binding != NULL)
        err = vspace_map_one_frame(&memory, CHANNEL_BYTES, frame, NULL, NULL);
    if (err_is_ok(err)) {
        uint8_t *first = memory, *second = first + DEFAULT_UMP_BUFLEN;
        err = intermon_ump_init(binding, get_default_waitset(), made_here ? first : second,
                                DEFAULT_UMP_BUFLEN, made_here ? second : first, DEFAULT_UMP_BUFLEN,
                                notify);
    }
    if (err_is_ok(err) && machine_options.checked != CHECKED_NONE)
        err = ump_chan_make_checked(&binding->chan, MONITOR_UMP_TRIES);
    if (err_is_fail(err)) {
        if (memory != NULL)
            vspace_unmap(memory);
        free(peer);
        free(binding);
        return err;
    }
    binding->b.flounder.on_heap = true;
    peer->binding = binding;
    peer->memory = memory;
    peer->state = state;
    snprintf(peer->name, sizeof(peer->name), "monitor.%u", core);
    send_queue_init(&peer->queue, &binding->b, peer->name, ACCOUNT_MESSAGE, intermon_register_send);
    binding->b.st = (void *)(uintptr_t)core;
    set_handlers(&binding->b);
    peers[core] = peer;
    return intermon_ump_start(binding);
}

coreid_t peer_of(const struct intermon_binding *b)
{
    return (coreid_t)(uintptr_t)b->st;
}

static errval_t make_channel(coreid_t core, enum peer_state state, genpaddr_t *base,
                             uint32_t *bytes)
{
    struct capref frame;
    errval_t err = window_alloc(CHANNEL_BYTES, &frame, base, bytes);
    if (err_is_fail(err))
        return err;
    genpaddr_t record =
        fabric_name(&(struct fabric_channel){ .interface = "intermon",
                                              .server = "monitor",
                                              .client = "monitor",
                                              .server_core = core,
                                              .client_core = my_core,
                                              .server_notify_id = ABI_NOTIFY_UNKNOWN,
                                              .client_notify_id = my_notify_id,
                                              .base = *base,
                                              .inlen = DEFAULT_UMP_BUFLEN,
                                              .outlen = DEFAULT_UMP_BUFLEN });
    err = open_channel(core, frame, true, NULL_CAP, state);
    if (err_is_fail(err)) {
        fabric_forget(record);
        revoke_frame(frame);
        window_free(*base, *bytes);
    } else {
        peers[core]->frame = frame;
        peers[core]->base = *base;
        peers[core]->bytes = *bytes;
        peers[core]->record = record;
    }
    return err;
}

errval_t peer_start_booting(coreid_t core, genpaddr_t *base, uint32_t *bytes)
{
    return make_channel(core, PEER_BOOTING, base, bytes);
}

static void queue_gone(struct send_queue *queue)
{
    (void)queue;
}

void peer_forget(coreid_t core)
{
    struct peer *peer = peers[core];
    if (peer == NULL)
        return; /* it did not come so far */
    assert(peer->state == PEER_BOOTING);
    send_queue_close(&peer->queue, queue_gone); /* at once: nothing was ever sent */
    peer->binding->b.control(&peer->binding->b, IDC_CONTROL_TEARDOWN);
    vspace_unmap(peer->memory);
    fabric_forget(peer->record);
    revoke_frame(peer->frame);
    window_free(peer->base, peer->bytes);
    peers[core] = NULL;
    free(peer);
}

void peer_connect_starter(coreid_t core, struct capref frame, uint32_t notify_id)
{
    struct capref notify;
    MUST(remote_notify(core, notify_id, &notify), "connecting to the monitor of core %u", core);
    MUST(open_channel(core, frame, false, notify, PEER_CONNECTED),
         "connecting to the monitor of core %u", core);
    send_to(core, &(struct message){
                      .kind = MESSAGE_INITIALIZED, .core = my_core, .notify_id = my_notify_id });
}

/* The other side has spoken for the first time and said how to wake it. */
static errval_t connected(struct peer *peer, coreid_t core, uint32_t notify_id)
{
    struct capref notify;
    errval_t err = remote_notify(core, notify_id, &notify);
    if (err_is_ok(err)) {
        peer->binding->chan.notify_cap = notify;
        peer->state = PEER_CONNECTED;
        fabric_server_notify(peer->record, notify_id);
    }
    return err;
}

/* ---- what other monitors say ---- */

static void monitor_initialized(struct intermon_binding *b, coreid_t core, uint32_t notify_id)
{
    struct peer *peer = peers[peer_of(b)];
    if (peer->state != PEER_BOOTING || core != peer_of(b))
        return;
    errval_t err = connected(peer, core, notify_id);
    if (err_is_fail(err)) {
        DEBUG_ERR(err, "connecting to the monitor of core %u", core);
        return;
    }
    debug_trace("core %u is up", core);
    send_to(core, &(struct message){ .kind = MESSAGE_WELCOME, .iref = name_iref });
    unsigned links = 0;
    for (unsigned other = 0; other < ABI_MAX_CORES; other++) {
        if (other == core || !peer_is_connected(other))
            continue;
        send_to((coreid_t)other, &(struct message){ .kind = MESSAGE_NEW_MONITOR, .core = core });
        links++;
    }
    boot_core_initialized(core, links);
}

static void monitor_welcome(struct intermon_binding *b, iref_t iref)
{
    (void)b;
    name_iref_known(iref);
}

static void new_monitor_notify(struct intermon_binding *b, coreid_t core)
{
    genpaddr_t base = 0;
    uint32_t bytes = 0;
    errval_t err = core < boot_info->topology.core_count
                       ? make_channel(core, PEER_BIND_WAIT, &base, &bytes)
                       : MON_ERR_INVALID_CORE_ID;
    if (err_is_fail(err)) {
        DEBUG_ERR(err, "connecting to the new monitor of core %u", core);
        send_to(
            peer_of(b),
            &(struct message){ .kind = MESSAGE_LINKED, .core = my_core, .peer = core, .err = err });
        return;
    }
    send_to(peer_of(b), &(struct message){ .kind = MESSAGE_PROXY,
                                           .core = core,
                                           .base = base,
                                           .bytes = bytes,
                                           .notify_id = my_notify_id });
}

static void bind_monitor_proxy(struct intermon_binding *b, coreid_t dst, genpaddr_t base,
                               uint32_t bytes, uint32_t notify_id)
{
    if (!peer_is_connected(dst))
        return;
    send_to(dst, &(struct message){ .kind = MESSAGE_BIND_MONITOR,
                                    .core = peer_of(b),
                                    .base = base,
                                    .bytes = bytes,
                                    .notify_id = notify_id });
}

static void bind_monitor_request(struct intermon_binding *b, coreid_t src, genpaddr_t base,
                                 uint32_t bytes, uint32_t notify_id)
{
    (void)b;
    struct capref frame, notify = NULL_CAP;
    errval_t err = src < boot_info->topology.core_count && bytes >= CHANNEL_BYTES
                       ? remote_frame(base, bytes, &frame)
                       : MON_ERR_INVALID_CORE_ID;
    if (err_is_ok(err))
        err = remote_notify(src, notify_id, &notify);
    if (err_is_ok(err))
        err = open_channel(src, frame, false, notify, PEER_CONNECTED);
    if (err_is_fail(err)) {
        DEBUG_ERR(err, "connecting to the monitor of core %u", src);
        return;
    }
    send_to(src, &(struct message){ .kind = MESSAGE_BIND_MONITOR_REPLY,
                                    .core = my_core,
                                    .err = SYS_ERR_OK,
                                    .notify_id = my_notify_id });
}

static void bind_monitor_reply(struct intermon_binding *b, coreid_t src, errval_t err,
                               uint32_t notify_id)
{
    struct peer *peer = peers[peer_of(b)];
    if (peer->state != PEER_BIND_WAIT || src != peer_of(b))
        return;
    if (err_is_ok(err))
        err = connected(peer, src, notify_id);
    debug_trace("core %u and core %u are connected", my_core, src);
    send_to(boot_info->boot_core,
            &(struct message){ .kind = MESSAGE_LINKED, .core = my_core, .peer = src, .err = err });
}

static void monitor_linked(struct intermon_binding *b, coreid_t core, coreid_t peer, errval_t err)
{
    (void)b;
    boot_core_linked(core, peer, err);
}

static void bind_ump_request(struct intermon_binding *b, iref_t iref, uint64_t mon_id,
                             genpaddr_t base, uint32_t bytes, uint32_t inlen, uint32_t outlen,
                             uint32_t notify_id, domainid_t asker, bool trusted, bool checked,
                             const char *client)
{
    struct ump_offer offer = { .iref = iref,
                               .mon_id = mon_id,
                               .base = base,
                               .bytes = bytes,
                               .inlen = inlen,
                               .outlen = outlen,
                               .notify_id = notify_id,
                               .client = asker,
                               .trusted = trusted,
                               .checked = checked };
    snprintf(offer.client_name, sizeof(offer.client_name), "%s", client);
    bind_ump_from_remote(peer_of(b), &offer);
}

static void bind_ump_reply(struct intermon_binding *b, uint64_t mon_id, errval_t err,
                           uint64_t peer_id, uint32_t notify_id, const char *service)
{
    bind_ump_answer(peer_of(b), mon_id, err, peer_id, notify_id, service);
}

static void bind_ump_cancel(struct intermon_binding *b, uint64_t mon_id)
{
    bind_ump_cancelled(peer_of(b), mon_id);
}

static void connection_closed(struct intermon_binding *b, uint64_t id)
{
    connection_closed_by_remote(peer_of(b), id);
}

static void iref_state_request(struct intermon_binding *b, iref_t iref, uint64_t st)
{
    send_to(peer_of(b), &(struct message){ .kind = MESSAGE_IREF_STATE_REPLY,
                                           .iref = iref,
                                           .id = st,
                                           .exists = iref_find(&irefs, iref) != NULL });
}

static void iref_state_reply(struct intermon_binding *b, iref_t iref, uint64_t st, bool exists)
{
    (void)iref;
    iref_state_answered(peer_of(b), st, exists);
}

static void set_name_iref(struct intermon_binding *b, iref_t iref)
{
    (void)b;
    name_iref_known(iref);
}

static void fetch_cap_request(struct intermon_binding *b, uint64_t ticket)
{
    parcel_fetch(peer_of(b), ticket);
}

static void release_cap_request(struct intermon_binding *b, uint64_t ticket)
{
    parcel_release_asked(peer_of(b), ticket);
}

static void release_cap_reply(struct intermon_binding *b, uint64_t ticket, bool unused)
{
    parcel_released(peer_of(b), ticket, unused);
}

static void fetch_cap_reply(struct intermon_binding *b, uint64_t ticket, errval_t err, uint8_t type,
                            uint8_t rights, uint64_t word0, uint64_t word1, uint64_t word2)
{
    struct capability cap = { .type = type, .rights = rights };
    cap.u.word[0] = word0;
    cap.u.word[1] = word1;
    cap.u.word[2] = word2;
    parcel_fetched(peer_of(b), ticket, err, &cap);
}

static void set_handlers(struct intermon_binding *b)
{
    b->rx_vtbl.monitor_initialized = monitor_initialized;
    b->rx_vtbl.monitor_welcome = monitor_welcome;
    b->rx_vtbl.new_monitor_notify = new_monitor_notify;
    b->rx_vtbl.bind_monitor_proxy = bind_monitor_proxy;
    b->rx_vtbl.bind_monitor_request = bind_monitor_request;
    b->rx_vtbl.bind_monitor_reply = bind_monitor_reply;
    b->rx_vtbl.monitor_linked = monitor_linked;
    b->rx_vtbl.bind_ump_request = bind_ump_request;
    b->rx_vtbl.bind_ump_reply = bind_ump_reply;
    b->rx_vtbl.bind_ump_cancel = bind_ump_cancel;
    b->rx_vtbl.connection_closed = connection_closed;
    b->rx_vtbl.iref_state_request = iref_state_request;
    b->rx_vtbl.iref_state_reply = iref_state_reply;
    b->rx_vtbl.set_name_iref = set_name_iref;
    b->rx_vtbl.fetch_cap_request = fetch_cap_request;
    b->rx_vtbl.fetch_cap_reply = fetch_cap_reply;
    b->rx_vtbl.release_cap_request = release_cap_request;
    b->rx_vtbl.release_cap_reply = release_cap_reply;
    multihop_set_peer_handlers(b);
}
