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
#include "peers.h"

#include "../base/options.h"

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
    struct capref frame;
    bool made_here; /* the frame; then it has: */
    genpaddr_t base;
    uint32_t bytes;
    genpaddr_t record; /* of the channel's name */
};

static struct peer *peers[ABI_MAX_CORES];

SEND_QUEUE_REGISTER(intermon)

/* ---- messages ---- */

struct queued {
    struct send_item item;
    struct peer_message m;
};

static uint64_t head_of(const struct capability *cap)
{
    uint64_t head;
    _Static_assert(offsetof(struct capability, u) == sizeof(head), "head and words are all");
    memcpy(&head, cap, sizeof(head));
    return head;
}

static errval_t send_message(struct send_queue *queue, struct send_item *item,
                             struct event_closure cont)
{
    struct intermon_binding *b = queue->binding;
    const struct peer_message *m = &((struct queued *)item)->m;
    switch (m->kind) {
    case PEER_INITIALIZED:
        return intermon_monitor_initialized__tx(b, cont, m->core, m->notify_id);
    case PEER_WELCOME:
        return intermon_monitor_welcome__tx(b, cont, m->first_mem_iref, m->epoch, m->members);
    case PEER_NEW_MONITOR:
        return intermon_new_monitor_notify__tx(b, cont, m->core, m->epoch, m->incarnation);
    case PEER_PROXY:
        return intermon_bind_monitor_proxy__tx(b, cont, m->core, m->base, m->bytes, m->notify_id);
    case PEER_BIND_MONITOR:
        return intermon_bind_monitor_request__tx(b, cont, m->core, m->base, m->bytes, m->notify_id);
    case PEER_BIND_MONITOR_REPLY:
        return intermon_bind_monitor_reply__tx(b, cont, m->core, m->err, m->notify_id);
    case PEER_LINKED:
        return intermon_monitor_linked__tx(b, cont, m->core, m->peer, m->err);
    case PEER_UMP_REQUEST:
        return intermon_bind_ump_request__tx(b, cont, m->offer.iref, m->offer.mon_id, m->offer.base,
                                             m->offer.bytes, m->offer.inlen, m->offer.outlen,
                                             m->offer.notify_id, m->offer.client, m->offer.trusted,
                                             m->offer.checked, m->offer.client_name);
    case PEER_UMP_REPLY:
        return intermon_bind_ump_reply__tx(b, cont, m->id, m->err, m->peer_id, m->notify_id,
                                           m->name);
    case PEER_UMP_CANCEL:
        return intermon_bind_ump_cancel__tx(b, cont, m->id);
    case PEER_CONNECTION_CLOSED:
        return intermon_connection_closed__tx(b, cont, m->id);
    case PEER_RELEASE:
        return intermon_release_cap_request__tx(b, cont, m->id);
    case PEER_RELEASED:
        return intermon_release_cap_reply__tx(b, cont, m->id, !m->exists);
    case PEER_IREF_STATE_REQUEST:
        return intermon_iref_state_request__tx(b, cont, m->iref, m->id);
    case PEER_IREF_STATE_REPLY:
        return intermon_iref_state_reply__tx(b, cont, m->iref, m->id, m->exists);
    case PEER_FETCH:
        return intermon_fetch_cap_request__tx(b, cont, m->id);
    case PEER_FETCHED:
        return intermon_fetch_cap_reply__tx(b, cont, m->id, m->err, head_of(&m->cap),
                                            m->cap.u.word[0], m->cap.u.word[1], m->cap.u.word[2],
                                            m->core, m->exists);
    case PEER_REQUEST_COPY:
        return intermon_capops_request_copy__tx(b, cont, m->core, m->id, head_of(&m->cap),
                                                m->cap.u.word[0], m->cap.u.word[1],
                                                m->cap.u.word[2]);
    case PEER_REQUEST_RETYPE:
        return intermon_capops_request_retype__tx(b, cont, m->id, head_of(&m->cap),
                                                  m->cap.u.word[0], m->cap.u.word[1],
                                                  m->cap.u.word[2], m->base, m->range_bytes);
    case PEER_RETYPE_RESPONSE:
        return intermon_capops_retype_response__tx(b, cont, m->id, m->err, head_of(&m->cap),
                                                   m->cap.u.word[0], m->cap.u.word[1],
                                                   m->cap.u.word[2]);
    case PEER_REVOKE_MARK:
        return intermon_capops_revoke_mark__tx(b, cont, m->id,
                                               (uint16_t)(m->cap.type << 8 | m->cap.generation),
                                               m->cap.u.mem.base, m->cap.u.mem.bytes);
    case PEER_REVOKE_DONE:
        return intermon_capops_revoke_done__tx(b, cont, m->id, m->outcome);
    case PEER_GIVEN_UP:
        return intermon_core_given_up__tx(b, cont, m->core, m->incarnation);
    case PEER_STOP:
        return intermon_stop_core__tx(b, cont);
    case PEER_LEAVES:
        return intermon_core_leaves__tx(b, cont);
    case PEER_HAS_LEFT:
        return intermon_core_has_left__tx(b, cont, m->core);
    default:
        return intermon_set_name_iref__tx(b, cont, m->iref);
    }
}

void peer_send(coreid_t core, struct send_item *item)
{
    send_queue_add(&peers[core]->queue, item);
}

void peer_say(coreid_t core, const struct peer_message *message)
{
    struct peer *peer = peers[core];
    if (peer == NULL || peer->state == PEER_DEAD) {
        debug_trace("no channel to the monitor of core %u: a message to it is lost", core);
        return;
    }
    struct queued *q = malloc(sizeof(*q));
    if (q != NULL)
        *q = (struct queued){ .item = { .send = send_message }, .m = *message };
    send_queue_add(&peer->queue, q != NULL ? &q->item : NULL);
}

void peer_send_bind_ump_request(coreid_t core, const struct ump_offer *offer)
{
    peer_say(core, &(struct peer_message){ .kind = PEER_UMP_REQUEST, .offer = *offer });
}

void peer_send_bind_ump_reply(coreid_t core, uint64_t mon_id, errval_t err, uint64_t peer_id,
                              uint32_t notify_id, const char *service)
{
    struct peer_message message = {
        .kind = PEER_UMP_REPLY, .id = mon_id, .err = err, .peer_id = peer_id, .notify_id = notify_id
    };
    strncpy(message.name, service, sizeof(message.name) - 1);
    peer_say(core, &message);
}

void peer_send_bind_ump_cancel(coreid_t core, uint64_t mon_id)
{
    peer_say(core, &(struct peer_message){ .kind = PEER_UMP_CANCEL, .id = mon_id });
}

void peer_send_connection_closed(coreid_t core, uint64_t id)
{
    peer_say(core, &(struct peer_message){ .kind = PEER_CONNECTION_CLOSED, .id = id });
}

void peer_send_iref_state_request(coreid_t core, iref_t iref, uint64_t id)
{
    peer_say(core,
             &(struct peer_message){ .kind = PEER_IREF_STATE_REQUEST, .iref = iref, .id = id });
}

void peer_send_fetch_cap_request(coreid_t core, uint64_t ticket)
{
    peer_say(core, &(struct peer_message){ .kind = PEER_FETCH, .id = ticket });
}

void peer_send_release_cap_request(coreid_t core, uint64_t ticket)
{
    peer_say(core, &(struct peer_message){ .kind = PEER_RELEASE, .id = ticket });
}

void peer_send_release_cap_reply(coreid_t core, uint64_t ticket, bool unused)
{
    peer_say(core,
             &(struct peer_message){ .kind = PEER_RELEASED, .id = ticket, .exists = !unused });
}

void peer_send_fetch_cap_reply(coreid_t core, uint64_t ticket, errval_t err,
                               const struct capability *cap, coreid_t owner, bool moved)
{
    peer_say(core, &(struct peer_message){ .kind = PEER_FETCHED,
                                           .id = ticket,
                                           .err = err,
                                           .cap = *cap,
                                           .core = owner,
                                           .exists = moved });
}

void peer_send_request_copy(coreid_t owner, coreid_t to, uint64_t ticket,
                            const struct capability *cap)
{
    peer_say(owner, &(struct peer_message){
                        .kind = PEER_REQUEST_COPY, .id = ticket, .core = to, .cap = *cap });
}

void peer_send_request_retype(coreid_t owner, uint64_t ticket, const struct capability *source,
                              genpaddr_t base, gensize_t bytes)
{
    peer_say(owner, &(struct peer_message){ .kind = PEER_REQUEST_RETYPE,
                                            .id = ticket,
                                            .cap = *source,
                                            .base = base,
                                            .range_bytes = bytes });
}

void peer_send_retype_response(coreid_t core, uint64_t ticket, errval_t err,
                               const struct capability *piece)
{
    peer_say(core, &(struct peer_message){
                       .kind = PEER_RETYPE_RESPONSE, .id = ticket, .err = err, .cap = *piece });
}

void peer_send_revoke_mark(coreid_t core, uint64_t ticket, const struct capability *range)
{
    peer_say(core, &(struct peer_message){ .kind = PEER_REVOKE_MARK, .id = ticket, .cap = *range });
}

void peer_send_revoke_done(coreid_t core, uint64_t ticket, enum revoke_outcome outcome)
{
    peer_say(core, &(struct peer_message){
                       .kind = PEER_REVOKE_DONE, .id = ticket, .outcome = (uint8_t)outcome });
}

void peers_send_name_iref(iref_t iref)
{
    for (unsigned core = 0; core < ABI_MAX_CORES; core++)
        if (peer_is_connected(core))
            peer_say((coreid_t)core,
                     &(struct peer_message){ .kind = PEER_NAME_IREF, .iref = iref });
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

static void (*set_handlers)(struct intermon_binding *b);

void peers_init(void (*opens)(struct intermon_binding *b))
{
    set_handlers = opens;
}

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
    peer->frame = frame;
    peer->made_here = made_here;
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

errval_t peer_make_channel(coreid_t core, enum peer_state state, genpaddr_t *base, uint32_t *bytes)
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
        peers[core]->base = *base;
        peers[core]->bytes = *bytes;
        peers[core]->record = record;
    }
    return err;
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

void peer_falls_silent(coreid_t core)
{
    if (peers[core] != NULL)
        peers[core]->state = PEER_DEAD;
}

/* The binding owes the queue nothing any more. */
static void peer_gone(struct send_queue *queue)
{
    free((char *)queue - offsetof(struct peer, queue));
}

void peer_lost(coreid_t core)
{
    struct peer *peer = peers[core];
    if (peer == NULL)
        return; /* it died before we knew it */
    const struct peer was = *peer;
    assert(was.state == PEER_DEAD);
    peers[core] = NULL;
    flounder_abandon(&was.binding->b.flounder);
    send_queue_close(&peer->queue, peer_gone);
    vspace_unmap(was.memory);
    if (was.made_here)
        fabric_forget(was.record);
    revoke_frame(was.frame);
    if (was.made_here)
        window_free(was.base, was.bytes);
}

void peer_connect_starter(coreid_t core, struct capref frame, uint32_t notify_id)
{
    struct capref notify, copy;
    MUST(remote_notify(core, notify_id, &notify), "connecting to the monitor of core %u", core);
    /* a copy: the frame is where this domain's start has put it, and that slot is not ours */
    MUST(copy_cap(frame, &copy), "connecting to the monitor of core %u", core);
    MUST(open_channel(core, copy, false, notify, PEER_CONNECTED),
         "connecting to the monitor of core %u", core);
    peer_say(core, &(struct peer_message){
                       .kind = PEER_INITIALIZED, .core = my_core, .notify_id = my_notify_id });
}

errval_t peer_join_channel(coreid_t core, genpaddr_t base, uint32_t bytes, uint32_t notify_id)
{
    struct capref frame, notify = NULL_CAP;
    errval_t err = core < boot_info->topology.core_count && bytes >= CHANNEL_BYTES
                       ? remote_frame(base, bytes, &frame)
                       : MON_ERR_INVALID_CORE_ID;
    if (err_is_ok(err))
        err = remote_notify(core, notify_id, &notify);
    if (err_is_ok(err))
        err = open_channel(core, frame, false, notify, PEER_CONNECTED);
    return err;
}

enum peer_state peer_state(coreid_t core)
{
    return peers[core] != NULL ? peers[core]->state : PEER_NONE;
}

errval_t peer_has_spoken(coreid_t core, uint32_t notify_id)
{
    struct peer *peer = peers[core];
    struct capref notify;
    errval_t err = remote_notify(core, notify_id, &notify);
    if (err_is_ok(err)) {
        peer->binding->chan.notify_cap = notify;
        peer->state = PEER_CONNECTED;
        fabric_server_notify(peer->record, notify_id);
    }
    return err;
}
