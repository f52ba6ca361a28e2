/* SPDX-License-Identifier: MIT
 *
 * Circuits of multi-hop channels: how frames pass through this monitor (docs/monitor.md).
 *
 * A circuit has two ends here, a domain or a neighbouring monitor each.  A frame that comes from
 * one end waits in the queue of the other, which has CIRCUIT_CREDIT places.  Who sends knows: a
 * domain is not read while there is no place, so its own sends wait; a neighbour has a credit of so
 * many frames, and gets back what has left.  So nothing is dropped, no circuit holds up another,
 * and the monitor never waits.  To each neighbour one message at a time is under way; circuits that
 * have something take turns.  Must survive every frame a domain can think of: nonsense closes that
 * domain's circuit and no other.
 */
#include "circuit.h"

#include <string.h>

#include "../mouths/peers.h"

static struct circuit circuits[MONITOR_MAX_CIRCUITS];

/* Ends that have something for a neighbour, in the order of their turns. */
static struct {
    bool busy;
    struct circuit_end *first, *last;
} neighbours[ABI_MAX_CORES];

static void (*on_free)(void); /* NULL: nobody waits for it */

/* ---- the table ---- */

errval_t circuit_new(enum circuit_state state, domainid_t asker, struct circuit **ret)
{
    struct account_slip slip;
    *ret = NULL;
    errval_t err = accounts_charge(asker, ACCOUNT_CIRCUIT, 1, &slip);
    if (err_is_fail(err))
        return err;
    struct circuit *c = circuits;
    while (c < circuits + MONITOR_MAX_CIRCUITS && c->state != CIRCUIT_FREE)
        c++;
    assert(c < circuits + MONITOR_MAX_CIRCUITS); /* they are as many as can be charged */
    *c = (struct circuit){
        .state = state, .generation = (uint16_t)(c->generation + 1), .asker = asker, .slip = slip
    };
    for (unsigned e = NEAR; e <= FAR; e++)
        c->end[e].gone = true; /* until it is made */
    *ret = c;
    return SYS_ERR_OK;
}

uint32_t circuit_vci(const struct circuit *c)
{
    return (uint32_t)c->generation << 16 | (uint32_t)(c - circuits);
}

struct circuit *circuit_find(uint32_t vci, enum circuit_state state)
{
    const uint32_t index = vci & 0xffff;
    if (index >= MONITOR_MAX_CIRCUITS || circuits[index].state != state ||
        circuit_vci(&circuits[index]) != vci)
        return NULL;
    return &circuits[index];
}

struct circuit *circuit_from(coreid_t core, uint32_t vci)
{
    for (struct circuit *c = circuits; c < circuits + MONITOR_MAX_CIRCUITS; c++) {
        const struct circuit_end *near = &c->end[NEAR];
        if (c->state != CIRCUIT_FREE && !near->gone && near->kind == END_MONITOR &&
            near->core == core && near->vci == vci)
            return c;
    }
    return NULL;
}

void circuit_for_each(void (*function)(struct circuit *c, const struct client *client),
                      const struct client *client)
{
    for (unsigned i = 0; i < MONITOR_MAX_CIRCUITS; i++)
        if (circuits[i].state != CIRCUIT_FREE)
            function(&circuits[i], client);
}

void circuit_for_each_core(void (*function)(struct circuit *c, coreid_t core), coreid_t core)
{
    for (unsigned i = 0; i < MONITOR_MAX_CIRCUITS; i++)
        if (circuits[i].state != CIRCUIT_FREE)
            function(&circuits[i], core);
}

bool circuit_leads_to(const struct circuit_end *end, coreid_t core)
{
    return !end->gone && end->kind == END_MONITOR && end->core == core;
}

static struct circuit *circuit_of(const struct circuit_end *end)
{
    const size_t offset = (size_t)((const char *)end - (const char *)circuits);
    return &circuits[offset / sizeof(struct circuit)];
}

static struct circuit_end *other_end(struct circuit_end *end)
{
    struct circuit *c = circuit_of(end);
    return end == &c->end[NEAR] ? &c->end[FAR] : &c->end[NEAR];
}

/* ---- ends ---- */

errval_t circuit_domain_end(struct circuit *c, unsigned which, struct client *client,
                            struct capref ep)
{
    struct circuit_end *end = &c->end[which];
    struct account_slip slip;
    errval_t err = accounts_charge(c->asker, ACCOUNT_TERMINAL, 1, &slip);
    struct multihop_link *link = err_is_ok(err) ? calloc(1, sizeof(*link)) : NULL;
    if (link == NULL) {
        account_refund(&slip);
        drop_cap(ep);
        return err_is_fail(err) ? err : (errval_t)LIB_ERR_MALLOC_FAIL;
    }
    multihop_link_init(link);
    err = lmp_chan_accept(&link->lmp, MONITOR_LMP_BUF_WORDS, ep);
    if (err_is_fail(err)) {
        lmp_chan_destroy(&link->lmp);
        free(link);
        account_refund(&slip);
        return err;
    }
    client->used_circuits = true;
    *end = (struct circuit_end){ .kind = END_DOMAIN, .client = client, .link = link, .slip = slip };
    return SYS_ERR_OK;
}

void circuit_monitor_end(struct circuit *c, unsigned which, coreid_t core, uint32_t vci)
{
    c->end[which] = (struct circuit_end){
        .kind = END_MONITOR, .core = core, .vci = vci, .credit = CIRCUIT_CREDIT
    };
}

static void append(struct circuit_end *end)
{
    end->ready = true;
    end->next_ready = NULL;
    if (neighbours[end->core].first == NULL)
        neighbours[end->core].first = end;
    else
        neighbours[end->core].last->next_ready = end;
    neighbours[end->core].last = end;
}

static void unschedule(struct circuit_end *end)
{
    if (!end->ready)
        return;
    struct circuit_end **at = &neighbours[end->core].first, *last = NULL;
    for (; *at != end; at = &(*at)->next_ready)
        last = *at;
    *at = end->next_ready;
    if (end->next_ready == NULL)
        neighbours[end->core].last = last;
    end->ready = false;
}

static void drop_frames(struct circuit_end *end)
{
    while (end->first != NULL) {
        struct waiting_frame *frame = end->first;
        end->first = frame->next;
        free(frame);
    }
    end->last = NULL;
    end->count = 0;
}

static void end_parts(struct circuit_end *end)
{
    struct circuit *c = circuit_of(end);
    if (end == &c->end[FAR])
        account_refund(&c->words); /* the service keeps nothing for it any more */
    end->gone = true;
    end->client = NULL;
    drop_frames(end);
    unschedule(end);
    if (end->link == NULL)
        return;
    lmp_chan_destroy(&end->link->lmp);
    free(end->link);
    end->link = NULL;
    account_refund(&end->slip);
}

void circuit_free(struct circuit *c)
{
    end_parts(&c->end[NEAR]);
    end_parts(&c->end[FAR]);
    account_refund(&c->words);
    account_refund(&c->slip);
    c->state = CIRCUIT_FREE;
    if (on_free != NULL)
        on_free();
}

void circuit_on_free(void (*function)(void))
{
    on_free = function;
}

static void pump(struct circuit_end *end);

void circuit_cancel(struct circuit *c)
{
    struct circuit_end *far = &c->end[FAR];
    assert(c->state == CIRCUIT_REMOTE_WAIT);
    if (far->gone || far->bind_due == BIND_REQUEST_DUE) {
        circuit_free(c);
        return;
    }
    end_parts(&c->end[NEAR]);
    c->state = CIRCUIT_CLOSING;
    far->bind_due = BIND_CANCEL_DUE; /* when that leaves, the circuit goes */
    circuit_schedule(far);
}

void circuit_end_lost(struct circuit_end *end)
{
    end_parts(end);
}

void circuit_close(struct circuit_end *end)
{
    circuit_of(end)->state = CIRCUIT_CLOSING;
    end->close_due = true;
    pump(end);
}

errval_t circuit_pays(struct circuit *c, struct account *who)
{
    errval_t err = account_transfer(&c->slip, who);
    return err_is_ok(err) ? account_transfer(&c->end[FAR].slip, who) : err;
}

void circuit_end_gone(struct circuit_end *end)
{
    struct circuit *c = circuit_of(end);
    struct circuit_end *other = other_end(end);
    if (end->gone)
        return;
    const unsigned lost = end->count;
    end_parts(end);
    if (other->gone) {
        circuit_free(c);
        return;
    }
    c->state = CIRCUIT_CLOSING;
    other->close_due = true;
    /* if the other end goes, too, its close may wait behind frames without credit */
    if (other->kind == END_MONITOR)
        other->owed += lost;
    pump(other);
}

/* What one end did cannot be understood, or a frame of it cannot be kept: both are told. */
static void break_circuit(struct circuit_end *culprit)
{
    struct circuit_end *other = other_end(culprit);
    struct circuit *c = circuit_of(culprit);
    const uint32_t vci = circuit_vci(c);
    c->state = CIRCUIT_CLOSING;
    culprit->close_due = true;
    other->close_due = true;
    pump(other);
    if (circuit_find(vci, CIRCUIT_CLOSING) == c && !culprit->gone)
        pump(culprit);
}

/* ---- frames come ---- */

static void read_domain(struct circuit_end *end);

/* A place of `end`'s queue is free: who filled it may go on. */
static void place_free(struct circuit_end *end)
{
    struct circuit_end *from = other_end(end);
    end->count--;
    if (from->gone)
        return;
    if (from->kind == END_MONITOR) {
        from->owed++;
        if (from->owed >= CIRCUIT_CREDIT / 2)
            circuit_schedule(from);
    } else if (from->paused) {
        from->paused = false;
        read_domain(from);
    }
}

/* False: the circuit is broken, for want of memory. */
static bool pass_on(struct circuit_end *from, const struct multihop_frame *frame)
{
    struct circuit_end *to = other_end(from);
    const size_t bytes = frame->words * sizeof(uint64_t);
    struct waiting_frame *waiting = malloc(sizeof(*waiting) + bytes);
    if (waiting == NULL) {
        debug_printf("out of memory: a multi-hop circuit is closed\n");
        break_circuit(from);
        return false;
    }
    waiting->next = NULL;
    waiting->frame = *frame;
    waiting->frame.payload = waiting->payload;
    if (bytes > 0)
        memcpy(waiting->payload, frame->payload, bytes);
    if (to->last != NULL)
        to->last->next = waiting;
    else
        to->first = waiting;
    to->last = waiting;
    to->count++;
    pump(to);
    return true;
}

static void domain_readable(void *arg)
{
    read_domain(arg);
}

static void listen(struct circuit_end *end)
{
    errval_t err = lmp_chan_register_recv(&end->link->lmp, get_default_waitset(),
                                          MKCLOSURE(domain_readable, end));
    if (err_is_fail(err))
        DEBUG_ERR(err, "listening to a multi-hop channel");
}

/* Reads as many frames as the other end has places for; later ones wait in the endpoint. */
static void read_domain(struct circuit_end *end)
{
    struct circuit_end *other = other_end(end);
    struct multihop_frame frame;
    while (!end->gone && !end->close_due) {
        if (other->count >= CIRCUIT_CREDIT) {
            end->paused = true;
            return;
        }
        errval_t err = multihop_link_recv(end->link, &frame);
        if (err_no(err) == LIB_ERR_NO_LMP_MSG && !end->leaving) {
            listen(end);
            return;
        }
        if (err_is_fail(err) && !end->leaving) {
            debug_printf("domain '%s' does not keep to the protocol of multi-hop channels: one is "
                         "closed\n",
                         end->client->name);
            break_circuit(end);
            return;
        }
        if (err_is_fail(err) || frame.kind == MULTIHOP_CLOSE) {
            circuit_end_gone(end);
            return;
        }
        if (!pass_on(end, &frame))
            return;
    }
}

static void pop_frame(struct circuit_end *end)
{
    struct waiting_frame *frame = end->first;
    end->first = frame->next;
    if (end->first == NULL)
        end->last = NULL;
    free(frame);
}

/* What waits for a domain that has gone counts as left: the other end may be waiting for the
 * places, with frames of this one behind. */
static void discard(struct circuit_end *end)
{
    while (end->first != NULL) {
        pop_frame(end);
        place_free(end);
    }
}

/* Nothing reaches this domain any more; what it sent before is read to its end. */
static void domain_left(struct circuit_end *end)
{
    if (end->gone || end->leaving)
        return;
    end->leaving = true;
    if (end->close_due) {
        circuit_end_gone(end);
        return;
    }
    if (waitset_chan_is_registered(&end->link->lmp.endpoint->waitset_state))
        lmp_chan_deregister_recv(&end->link->lmp);
    discard(end);
    if (!end->gone && !end->paused)
        read_domain(end);
}

void circuit_client_left(struct circuit *c, const struct client *client)
{
    for (unsigned e = NEAR; e <= FAR && c->state != CIRCUIT_FREE; e++) {
        struct circuit_end *end = &c->end[e];
        if (end->gone || end->client != client)
            continue;
        if (c->state == CIRCUIT_OPEN || c->state == CIRCUIT_CLOSING)
            domain_left(end);
        end->client = NULL;
        if (e == FAR)
            account_refund(&c->words); /* its book goes with it */
    }
}

/* The circuit of this number if frames pass through it, or what is left of them. */
static struct circuit *find_open(uint32_t vci)
{
    struct circuit *c = circuit_find(vci, CIRCUIT_OPEN);
    return c != NULL ? c : circuit_find(vci, CIRCUIT_CLOSING);
}

void circuit_announced(uint32_t vci)
{
    struct circuit *c = find_open(vci);
    if (c == NULL || c->end[NEAR].gone)
        return;
    c->end[NEAR].unannounced = false;
    pump(&c->end[NEAR]);
}

void circuit_open(struct circuit *c)
{
    c->state = CIRCUIT_OPEN;
    for (unsigned e = NEAR; e <= FAR; e++)
        if (c->end[e].kind == END_DOMAIN && !c->end[e].gone)
            listen(&c->end[e]);
}

/* ---- frames leave to a domain ---- */

static void domain_has_room(void *arg)
{
    pump(arg);
}

static void push_to_domain(struct circuit_end *end)
{
    struct multihop_link *link = end->link;
    while (!end->gone && !end->leaving && !end->unannounced) {
        if (!link->sending && end->first != NULL)
            multihop_link_send(link, end->first->frame);
        else if (!link->sending && end->close_due)
            multihop_link_send(link, (struct multihop_frame){ .kind = MULTIHOP_CLOSE });
        else if (!link->sending)
            return;
        errval_t err = multihop_link_push(link, LMP_SEND_FLAGS_DEFAULT);
        if (lmp_err_is_transient(err)) {
            if (!waitset_chan_is_registered(&link->lmp.send_waitset))
                err = lmp_chan_register_send(&link->lmp, get_default_waitset(),
                                             MKCLOSURE(domain_has_room, end));
            else
                err = SYS_ERR_OK;
            if (err_is_ok(err))
                return;
        }
        if (err_is_fail(err)) {
            domain_left(end);
            return;
        }
        if (link->out.kind == MULTIHOP_CLOSE) {
            circuit_end_gone(end);
            return;
        }
        pop_frame(end);
        place_free(end);
    }
}

/* ---- frames leave to a neighbour ---- */

struct hop_message {
    struct send_item item;
    enum { HOP_REQUEST, HOP_REPLY, HOP_CANCEL, HOP_FRAME, HOP_CREDIT } kind;
    coreid_t core;
    uint32_t vci, own_vci;
    iref_t iref;
    uint8_t hops;
    domainid_t asker;
    errval_t err;
    uint16_t credit;
    struct multihop_frame frame;
    struct waiting_frame *waiting; /* what the frame lies in */
};

static errval_t send_hop_message(struct send_queue *queue, struct send_item *item,
                                 struct event_closure cont)
{
    struct intermon_binding *b = queue->binding;
    struct hop_message *m = (struct hop_message *)item;
    switch (m->kind) {
    case HOP_REQUEST:
        return intermon_bind_multihop_request__tx(b, cont, m->iref, m->own_vci, m->hops, m->asker);
    case HOP_REPLY:
        return intermon_bind_multihop_reply__tx(b, cont, m->vci, m->own_vci, m->hops, m->err);
    case HOP_CANCEL:
        return intermon_bind_multihop_cancel__tx(b, cont, m->own_vci);
    case HOP_CREDIT:
        return intermon_multihop_credit__tx(b, cont, m->vci, m->credit);
    case HOP_FRAME:
        break;
    }
    return intermon_multihop_message__tx(b, cont, m->vci, (uint8_t)m->frame.kind, m->frame.ack,
                                         (const uint8_t *)m->frame.payload,
                                         m->frame.words * sizeof(uint64_t));
}

static void serve(coreid_t core);

static void hop_message_done(struct send_item *item, errval_t err)
{
    struct hop_message *m = (struct hop_message *)item;
    (void)err; /* the queue has said it; a monitor that is no more has no use for it */
    free(m->waiting);
    neighbours[m->core].busy = false;
    serve(m->core);
}

void circuit_refuse(coreid_t core, uint32_t vci, errval_t err)
{
    struct hop_message *m = calloc(1, sizeof(*m));
    if (m == NULL) {
        debug_printf("out of memory: a multi-hop bind is not answered\n");
        return;
    }
    /* not in turn: there is at most one for each request of the neighbour */
    *m = (struct hop_message){ .item = { .send = send_hop_message },
                               .kind = HOP_REPLY,
                               .core = core,
                               .vci = vci,
                               .err = err };
    peer_send(core, &m->item);
}

static bool has_message(const struct circuit_end *end)
{
    return !end->gone &&
           (end->bind_due != BIND_NONE_DUE || end->owed >= CIRCUIT_CREDIT / 2 ||
            (end->first != NULL && end->credit > 0) || (end->first == NULL && end->close_due));
}

/* Fills in what is due next; the circuit may be free afterwards. */
static void take_message(struct circuit_end *end, struct hop_message *m)
{
    struct circuit *c = circuit_of(end);
    m->vci = end->vci;
    if (end->bind_due != BIND_NONE_DUE) {
        const bool cancels = end->bind_due == BIND_CANCEL_DUE;
        m->kind = cancels                             ? HOP_CANCEL
                  : end->bind_due == BIND_REQUEST_DUE ? HOP_REQUEST
                                                      : HOP_REPLY;
        m->own_vci = circuit_vci(c);
        m->iref = c->iref;
        m->hops = c->hops;
        m->asker = c->asker;
        m->err = c->err;
        end->bind_due = BIND_NONE_DUE;
        if (cancels || err_is_fail(c->err))
            circuit_free(c);
    } else if (end->owed >= CIRCUIT_CREDIT / 2) {
        m->kind = HOP_CREDIT;
        m->credit = (uint16_t)end->owed;
        end->owed = 0;
    } else if (end->first != NULL) {
        m->kind = HOP_FRAME;
        m->waiting = end->first;
        m->frame = end->first->frame;
        end->first = end->first->next;
        if (end->first == NULL)
            end->last = NULL;
        end->credit--;
        place_free(end);
    } else {
        m->kind = HOP_FRAME;
        m->frame = (struct multihop_frame){ .kind = MULTIHOP_CLOSE };
        circuit_end_gone(end);
    }
}

/* Sends to a neighbour, if it is idle, what is next in turn. */
static void serve(coreid_t core)
{
    while (!neighbours[core].busy && neighbours[core].first != NULL) {
        struct circuit_end *end = neighbours[core].first;
        struct circuit *c = circuit_of(end);
        const uint16_t generation = c->generation;
        unschedule(end);
        if (!has_message(end))
            continue;
        struct hop_message *m = calloc(1, sizeof(*m));
        if (m == NULL) {
            debug_printf("out of memory: a multi-hop circuit waits\n");
            append(end); /* tried again with the next message to this neighbour */
            return;
        }
        m->item = (struct send_item){ .send = send_hop_message, .done = hop_message_done };
        m->core = core;
        neighbours[core].busy = true; /* before others see that a place is free */
        take_message(end, m);
        if (c->state != CIRCUIT_FREE && c->generation == generation && has_message(end))
            circuit_schedule(end);
        peer_send(core, &m->item);
    }
}

void circuit_schedule(struct circuit_end *end)
{
    assert(end->kind == END_MONITOR);
    if (!end->ready && has_message(end))
        append(end);
    serve(end->core);
}

static void pump(struct circuit_end *end)
{
    if (end->gone)
        drop_frames(end);
    else if (end->kind == END_DOMAIN && end->leaving && end->close_due)
        circuit_end_gone(end); /* nobody takes what it has sent and was not read */
    else if (end->kind == END_DOMAIN && end->leaving)
        discard(end);
    else if (end->kind == END_DOMAIN)
        push_to_domain(end);
    else
        circuit_schedule(end);
}

/* ---- frames come from a neighbour ---- */

/* The end of an open circuit that belongs to this neighbour; NULL: it is closed here, and the
 * neighbour will hear of it. */
static struct circuit_end *end_of_neighbour(coreid_t core, uint32_t vci)
{
    struct circuit *c = find_open(vci);
    for (unsigned e = NEAR; c != NULL && e <= FAR; e++)
        if (!c->end[e].gone && c->end[e].kind == END_MONITOR && c->end[e].core == core)
            return &c->end[e];
    return NULL;
}

void circuit_frame(coreid_t core, uint32_t vci, uint8_t kind, uint16_t ack, const uint8_t *payload,
                   size_t size)
{
    struct circuit_end *end = end_of_neighbour(core, vci);
    if (end == NULL)
        return;
    if (kind == MULTIHOP_CLOSE) {
        /* also while ours waits behind frames: no credit for them comes */
        circuit_end_gone(end);
        return;
    }
    if (end->close_due) { /* for nobody, but it counts */
        end->owed++;
        circuit_schedule(end);
        return;
    }
    const bool is_frame = kind == MULTIHOP_ACK
                              ? size == 0
                              : kind == MULTIHOP_DATA && size > 0 && size % sizeof(uint64_t) == 0 &&
                                    size <= MULTIHOP_PAYLOAD_BYTES;
    if (!is_frame || other_end(end)->count >= CIRCUIT_CREDIT) {
        debug_printf("the monitor of core %u sent what it may not: a multi-hop circuit is closed\n",
                     core);
        break_circuit(end);
        return;
    }
    const struct multihop_frame frame = { .kind = (enum multihop_frame_kind)kind,
                                          .ack = ack,
                                          .words = (uint16_t)(size / sizeof(uint64_t)),
                                          .payload = (const uint64_t *)(uintptr_t)payload };
    (void)pass_on(end, &frame);
}

void circuit_credit(coreid_t core, uint32_t vci, uint16_t frames)
{
    struct circuit_end *end = end_of_neighbour(core, vci);
    if (end == NULL || frames > CIRCUIT_CREDIT - end->credit)
        return;
    end->credit += frames;
    circuit_schedule(end);
}
