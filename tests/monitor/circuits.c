/* SPDX-License-Identifier: MIT
 *
 * Domains speak over multi-hop channels.  Each frame says which it is, so a receiver knows that
 * none is missing, doubled or changed; what a domain sent before it closed or died must arrive;
 * nothing comes behind a close.
 */
#include "domains.h"

#include <string.h>

#define MAX_WORDS 40

struct circuit_side {
    struct circuit_side *next, *peer;
    struct domain *d;
    struct endpoint *rx;
    struct cap *ep, *tx;     /* of rx; to the monitor's end */
    bool open, ended;        /* ended: closed, or never made */
    bool told;               /* of the peer's end */
    unsigned sent, received; /* frames with data, whole ones */
    uint64_t out[MAX_WORDS + 1];
    unsigned out_words, out_done; /* with the header */
    uint64_t in[MULTIHOP_PAYLOAD_WORDS];
    unsigned in_words, in_done;
    bool receiving;
};

static struct circuit_side *sides;

static struct circuit_side *new_side(struct domain *d)
{
    struct circuit_side *s = calloc(1, sizeof(*s));
    *s = (struct circuit_side){ .next = sides, .d = d };
    s->ep = domain_endpoint(d, ROLE_CIRCUIT, 0, 1 + (unsigned)random_below(3), &s->rx);
    sides = s;
    return s;
}

struct circuit_side *side_new(struct domain *client)
{
    return new_side(client);
}

struct cap *side_endpoint(struct circuit_side *s)
{
    return s->ep;
}

void side_opened(struct circuit_side *s, struct cap *to_monitor)
{
    CHECK(!s->open && !s->ended, "%s: a circuit opens twice", s->d->name);
    s->tx = to_monitor;
    s->open = true;
    CHECK(s->peer != NULL || world.hostile || world.stops, "%s: a circuit to nobody", s->d->name);
}

struct circuit_side *side_accepted(struct domain *service, struct circuit_side *client,
                                   struct cap *to_monitor)
{
    struct circuit_side *s = new_side(service);
    /* a client whose way was cut has been refused, and its request may come all the same */
    CHECK(world.hostile || world.stops || (client != NULL && client->peer == NULL),
          "%s: a circuit from nobody", service->name);
    s->peer = client;
    if (client != NULL)
        client->peer = s;
    say("%s accepts a circuit of %s", service->name, client != NULL ? client->d->name : "nobody");
    side_opened(s, to_monitor);
    return s;
}

/* Its endpoint and its way to the monitor go. */
static void end(struct circuit_side *s)
{
    struct cap *tx = s->tx;
    s->open = false;
    s->ended = true;
    s->tx = NULL;
    if (tx != NULL)
        cap_gone(tx);
    endpoint_gone(s->rx);
}

void side_refused(struct circuit_side *s)
{
    end(s);
}

void circuits_cap_deleted(struct domain *d, const struct cap *cap)
{
    (void)d;
    for (struct circuit_side *s = sides; s != NULL; s = s->next) {
        if (s->tx == cap)
            s->tx = NULL;
        if (s->ep == cap)
            s->ep = NULL;
    }
}

void circuits_domain_gone(struct domain *d)
{
    for (struct circuit_side *s = sides; s != NULL; s = s->next)
        if (s->d == d) {
            s->open = false;
            s->ended = true;
        }
}

/* ---- receiving ---- */

/* Nothing is promised about it. */
static bool strange(const struct circuit_side *s)
{
    return (world.hostile || world.stops) &&
           (s->d->hostile || s->peer == NULL || s->peer->d->hostile);
}

/* A core between the two was stopped, where their circuit may have passed through; or the one was
 * a memory server, which is not told to end. */
static bool is_cut(const struct circuit_side *s)
{
    if (s->peer != NULL && s->peer->d->kind == KIND_MEM_SERV && world.core[s->peer->d->core].off)
        return true;
    for (unsigned i = 0; i < world.cores; i++)
        if (world.core[i].off && i != s->d->core && (s->peer == NULL || i != s->peer->d->core))
            return true;
    return false;
}

static void frame_received(struct circuit_side *s, unsigned kind)
{
    if (kind == MULTIHOP_ACK)
        return;
    if (kind == MULTIHOP_CLOSE) {
        say("%s: the end of a circuit with %s", s->d->name,
            s->peer != NULL ? s->peer->d->name : "nobody");
        CHECK(strange(s) || is_cut(s) || s->peer->ended, "%s: a circuit closes by itself",
              s->d->name);
        CHECK(strange(s) || is_cut(s) || s->received == s->peer->sent,
              "%s: %u of %u frames came before the end", s->d->name, s->received, s->peer->sent);
        end(s);
        return;
    }
    if (strange(s))
        return;
    CHECK(s->in[0] == s->received, "%s: frame %lu after %u", s->d->name, s->in[0], s->received);
    for (unsigned i = 1; i < s->in_words; i++)
        CHECK(s->in[i] == s->in[0] * 31 + i, "%s: a frame is not what was sent", s->d->name);
    s->received++;
}

static struct circuit_side *side_at(const struct endpoint *e)
{
    struct circuit_side *s = sides;
    while (s != NULL && s->rx != e)
        s = s->next;
    return s;
}

/* The first frames may come before the bind's answer. */
bool side_listens(const struct endpoint *e)
{
    const struct circuit_side *s = side_at(e);
    return s->open || s->ended;
}

void side_received(struct endpoint *e, struct message *m)
{
    struct circuit_side *s = side_at(e);
    CHECK(s != NULL && m->raw && m->count > 0, "a frame for nobody");
    CHECK(s->open, "%s: a frame after the circuit's end", s->d->name);
    unsigned at = 0;
    if (!s->receiving) {
        s->in_words = m->word[0] >> 16 & 0xffff;
        s->in_done = 0;
        s->receiving = true;
        s->in[MULTIHOP_PAYLOAD_WORDS - 1] =
            m->word[0] & 0xff; /* the kind; our payloads are short */
        at = 1;
    }
    for (; at < m->count; at++)
        s->in[s->in_done++] = m->word[at];
    CHECK(s->in_done <= s->in_words, "%s: too long a frame", s->d->name);
    if (s->in_done < s->in_words)
        return;
    s->receiving = false;
    frame_received(s, (unsigned)s->in[MULTIHOP_PAYLOAD_WORDS - 1]);
}

/* ---- sending ---- */

static bool has_room(const struct circuit_side *s)
{
    return s->tx == NULL || s->tx->endpoint->queue.count < s->tx->endpoint->room;
}

static bool push(struct circuit_side *s)
{
    if (!has_room(s))
        return false;
    struct message *m = message_new(0);
    m->raw = true;
    while (m->count < LMP_MSG_WORDS && s->out_done < s->out_words)
        m->word[m->count++] = s->out[s->out_done++];
    const bool lost = s->tx == NULL;
    domain_send(s->d, s->tx, m, NULL);
    if (s->out_done < s->out_words)
        return true;
    s->out_words = 0;
    const unsigned kind = s->out[0] & 0xff;
    if (kind == MULTIHOP_DATA && !lost)
        s->sent++;
    else if (kind == MULTIHOP_CLOSE)
        end(s);
    return true;
}

/* A header that is none. */
bool break_frame(struct domain *d)
{
    for (struct circuit_side *s = sides; s != NULL; s = s->next) {
        if (s->d != d || !s->open || s->out_words > 0 || !has_room(s))
            continue;
        struct message *m = message_new(0);
        m->raw = true;
        m->count = (unsigned)random_below(LMP_MSG_WORDS + 1);
        m->word[0] = random_below(2) ? random_below(5) | random_below(60) << 16 : world.random;
        return domain_send(d, s->tx, m, NULL);
    }
    return false;
}

static void begin(struct circuit_side *s)
{
    const unsigned what = (unsigned)random_below(100);
    unsigned words = 0;
    enum multihop_frame_kind kind = MULTIHOP_CLOSE;
    if (what < 85) {
        kind = MULTIHOP_DATA;
        words = 1 + (unsigned)random_below(chance(80) ? 9 : MAX_WORDS);
        s->out[1] = s->sent;
        for (unsigned i = 1; i < words; i++)
            s->out[1 + i] = (uint64_t)s->sent * 31 + i;
    } else if (what < 95) {
        kind = MULTIHOP_ACK;
    }
    s->out[0] = (uint64_t)kind | (uint64_t)words << 16;
    s->out_words = words + 1;
    s->out_done = 0;
}

bool act_circuit(struct domain *d)
{
    unsigned count = 0;
    struct circuit_side *chosen = NULL;
    for (struct circuit_side *s = sides; s != NULL; s = s->next)
        if (s->d == d && s->open && (s->out_words > 0 || world.acts) && has_room(s) &&
            random_below(++count) == 0)
            chosen = s;
    if (chosen == NULL)
        return false;
    if (chosen->out_words == 0)
        begin(chosen);
    return push(chosen);
}

bool circuits_have_duty(const struct domain *d)
{
    for (const struct circuit_side *s = sides; s != NULL; s = s->next)
        if (s->d == d && s->open && s->out_words > 0 && has_room(s))
            return true;
    return false;
}

void circuits_check(void)
{
    for (const struct circuit_side *s = sides; s != NULL; s = s->next) {
        if (!s->open || strange(s))
            continue;
        CHECK(!s->peer->ended, "%s does not know of the end of its circuit", s->d->name);
        CHECK(s->received == s->peer->sent, "%s: %u of %u frames arrived", s->d->name, s->received,
              s->peer->sent);
    }
}
