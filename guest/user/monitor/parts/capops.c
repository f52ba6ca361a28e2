/* SPDX-License-Identifier: MIT
 *
 * Operations on memory that other cores have, too (docs/capabilities.md, across cores).
 *
 *                domain asks            its turn                all have answered
 *   CAPOP_FREE ──────────────▶ CAPOP_WAITING ───▶ CAPOP_REVOKING ───────────────▶ CAPOP_FREE,
 *                                                 CAPOP_CHECKING                  domain is told
 *   CAPOP_FREE ──────────────▶ CAPOP_CLAIMING ─────────────────────────────────▶ CAPOP_FREE,
 *                a retype, and another core           that core has answered      domain is told
 *                owns the RAM: it is asked
 *   CAPOP_FREE ──────────────▶ CAPOP_WAITING ───▶ CAPOP_CHECKING ───────────────▶ CAPOP_FREE,
 *                that core: a claim                                               kept_claim
 *
 * The monitor only clears the way: it asks each core that has something of the range to delete it
 * (revoke), or whether it is still in use (retype, which then may go on).  The domain makes its
 * call once more, and the word of the CPU driver, which knows what is kept for other cores at that
 * moment, is final.  But for one case: of a part of what another core has as a whole, that core
 * deletes what it has made of it, keeps the whole, and may make the same part again.  So this does
 * not have to be one step, and a domain that asks for what is not its own gets nothing by it.
 *
 * Two operations that concern the same entry take turns, in the order in which they were asked for.
 * So whoever asks without a pause puts nobody off for longer than one operation lasts, times those
 * that he may have under way (ACCOUNT_QUESTION).  A core answers or dies, so each operation ends.
 */
#include "capops.h"

#include "../mouths/peers.h"
#include "../mouths/reply.h"
#include "kept.h"
#include "parts.h"

static struct capop capops[MONITOR_MAX_QUESTIONS];

static struct capop *waiting; /* the eldest */

/* Turns are given by an event of their own: an operation ends while others look at its entries. */
static struct waitset_chanstate turn;
static bool turn_is_due;

bool capop_concerns(const struct capability *cap)
{
    for (const struct capop *op = capops; op < capops + MONITOR_MAX_QUESTIONS; op++)
        if (op->state == CAPOP_REVOKING && kept_lies_in(cap, &op->cap))
            return true;
    return kept_goes(cap);
}

static void reply(struct client *client, uint32_t token, enum capop_state state, errval_t err)
{
    if (client == NULL)
        return;
    if (state == CAPOP_REVOKING)
        reply_revoke(client, token, err);
    else
        reply_retype(client, token, err);
}

static void take_turns(void *arg);

static void give_turns(void)
{
    if (waiting == NULL || turn_is_due)
        return;
    turn_is_due = true;
    waitset_chanstate_init(&turn, CHANTYPE_OTHER);
    errval_t err =
        waitset_chan_trigger_closure(get_default_waitset(), &turn, MKCLOSURE(take_turns, NULL));
    assert(err_is_ok(err));
}

/* What another core has asked for is done in the same step as the last answer has come, so no
 * domain here gives any of it away between the two. */
static void answer_claim(const struct capop *done)
{
    struct capability piece = { .type = ObjType_Null };
    errval_t err = done->err;
    if (!peer_is_connected(done->core))
        return;
    if (err_is_ok(err) && capop_concerns(&done->cap))
        err = MON_ERR_REMOTE_CAP_RETRY;
    if (err_is_ok(err))
        err = kept_claim(done->claim, done->core, &done->source, done->cap.u.mem.base,
                         done->cap.u.mem.bytes, &piece);
    peer_send_retype_response(done->core, done->claim, err, &piece);
}

static void finish(struct capop *op)
{
    const struct capop done = *op;
    account_refund(&op->slip);
    op->state = CAPOP_FREE;
    give_turns();
    if (done.witness != NULL)
        kept_cleared(done.witness, done.err);
    else if (done.state == CAPOP_CHECKING && done.claim != 0)
        answer_claim(&done);
    else
        reply(done.client, done.token, done.state, done.err);
}

/* That it is in use does not matter to a revoke: another answer will come. */
static void answered(struct kept *kept, enum kept_answer answer)
{
    struct capop *op = kept->waits;
    assert((op->state == CAPOP_REVOKING || op->state == CAPOP_CHECKING) && op->waits > 0);
    if (answer == KEPT_IN_USE && op->state == CAPOP_REVOKING)
        return;
    kept->waits = NULL;
    if (waiting != NULL && waiting->witness != NULL)
        give_turns();
    if (answer != KEPT_GONE && answer != KEPT_CLEARED)
        op->err = answer == KEPT_LOST ? MON_ERR_NO_MONITOR_FOR_CORE : SYS_ERR_REVOKE_FIRST;
    if (--op->waits == 0)
        finish(op);
}

static bool overlaps(const struct capability *a, const struct capability *b)
{
    return a->u.mem.base < b->u.mem.base + b->u.mem.bytes &&
           b->u.mem.base < a->u.mem.base + a->u.mem.bytes;
}

/* Who has a larger one of which this is a part may have made the same part.  Of RAM he has claimed
 * it then, and that is an entry of its own: to wait for the name would be to wait in a circle,
 * since the name goes last. */
static bool may_have_made(const struct kept *kept, const struct capability *part)
{
    return !kept->moved && cap_travel(&kept->is) != TRAVEL_MOVE && kept_lies_in(part, &kept->is);
}

/* A revoke is about what was made of it, a retype about whatever lies there.  What went away before
 * the witness came is where that has come from, if it has gone round; that is asked already. */
static bool concerns(const struct capop *op, const struct kept *kept)
{
    const struct capability *cap = &op->cap;
    if (op->witness != NULL && kept->born < op->witness->born)
        return false;
    return op->becomes == CAPOP_REVOKING ? kept_lies_in(&kept->is, cap) || may_have_made(kept, cap)
                                         : overlaps(&kept->is, cap);
}

/* What the source of a retype is a copy of, or was made of, may be in use. */
static bool is_in_the_way(const struct kept *kept, const struct capop *op)
{
    return concerns(op, kept) &&
           (op->becomes == CAPOP_REVOKING || !kept_lies_in(&op->source, &kept->is));
}

/* Nothing that it concerns is asked about, nor wanted by one that was there before: such entries
 * bear the mark of this round.  What another core has asked for waits for no client: it may be what
 * an operation waits for that one of those waits for. */
static bool has_its_turn(const struct capop *op, uint64_t round)
{
    bool free = true;
    for (struct kept *kept = kept_away; kept != NULL; kept = kept->next) {
        if (!concerns(op, kept))
            continue;
        free = free && kept->waits == NULL && (op->witness != NULL || kept->wanted_in != round);
        kept->wanted_in = round;
    }
    return free;
}

static void ask(struct capop *op)
{
    op->state = op->becomes;
    op->waits = 1; /* so that it does not end before all are asked */
    for (struct kept *kept = kept_away; kept != NULL; kept = kept->next) {
        if (!is_in_the_way(kept, op))
            continue;
        assert(kept->waits == NULL);
        kept->waits = op;
        kept->answered = answered;
        op->waits++;
        if (!peer_is_connected(kept->core)) {
            answered(kept, KEPT_LOST);
            continue;
        }
        if (op->state == CAPOP_REVOKING)
            peer_send_revoke_mark(kept->core, kept->ticket, &op->cap);
        else if (!kept->asked)
            peer_send_release_cap_request(kept->core, kept->ticket);
        kept->asked = op->state == CAPOP_CHECKING || kept->asked;
    }
    if (--op->waits == 0)
        finish(op);
}

static void take_turns(void *arg)
{
    (void)arg;
    static uint64_t round;
    turn_is_due = false;
    round++;
    for (struct capop **link = &waiting; *link != NULL;) {
        struct capop *op = *link;
        assert(op->state == CAPOP_WAITING);
        if (!has_its_turn(op, round)) {
            link = &op->next;
            continue;
        }
        *link = op->next;
        ask(op);
    }
}

static struct capop *place_for(const struct capop *op)
{
    struct capop *place = capops;
    while (place < capops + MONITOR_MAX_QUESTIONS && place->state != CAPOP_FREE)
        place++;
    assert(place < capops + MONITOR_MAX_QUESTIONS); /* they are as many as can be charged */
    *place = *op;
    return place;
}

/* It waits for its turn, behind all others. */
static void enter(const struct capop *op)
{
    struct capop **last = &waiting;
    while (*last != NULL)
        last = &(*last)->next;
    *last = place_for(op);
    if (!turn_is_due)
        take_turns(NULL);
}

static errval_t begin(struct client *client, uint32_t token, enum capop_state becomes,
                      const struct capability *cap, const struct capability *source)
{
    struct account_slip slip;
    errval_t err = account_charge(client->account, ACCOUNT_QUESTION, 1, &slip);
    if (err_is_ok(err))
        enter(&(struct capop){ .state = CAPOP_WAITING,
                               .becomes = becomes,
                               .client = client,
                               .token = token,
                               .cap = *cap,
                               .source = *source,
                               .slip = slip });
    return err;
}

/* Before all clients, behind what other cores have asked for before. */
void capop_revoke_marked(coreid_t core, uint64_t ticket, const struct capability *range)
{
    struct kept *witness = kept_revoke_marked(core, ticket, range);
    if (witness == NULL)
        return;
    struct capop *op = &witness->clearing, **place = &waiting;
    assert(op->state == CAPOP_FREE);
    *op = (struct capop){
        .state = CAPOP_WAITING, .becomes = CAPOP_REVOKING, .cap = witness->is, .witness = witness
    };
    while (*place != NULL && (*place)->witness != NULL)
        place = &(*place)->next;
    op->next = *place;
    *place = op;
    give_turns();
}

/* What the domain means is in a CSpace of which it has shown the root, so it is its own. */
static errval_t look(struct capref root, capaddr_t cptr, uint8_t level, struct capability *cap,
                     coreid_t *owner)
{
    errval_t err = invoke_kernel_identify_cap(cap_kernel, get_cap_addr(root), cptr, level, cap);
    if (err_is_ok(err))
        err = invoke_kernel_get_cap_owner(cap_kernel, get_cap_addr(root), cptr, level, owner);
    drop_cap(root);
    return err_is_ok(err) && !names_memory(cap) ? (errval_t)MON_ERR_WRONG_CAP_TYPE : err;
}

void capop_revoke(struct client *client, uint32_t token, struct capref root, capaddr_t cptr,
                  uint8_t level)
{
    struct capability cap;
    coreid_t owner;
    errval_t err = look(root, cptr, level, &cap, &owner);
    if (err_is_ok(err) && owner != my_core)
        err = MON_ERR_WRONG_CAP_TYPE;
    if (err_is_ok(err) && !(cap.rights & CAPRIGHTS_REVOKE))
        err = SYS_ERR_CAP_RIGHTS;
    if (err_is_ok(err))
        err = begin(client, token, CAPOP_REVOKING, &cap, &cap);
    if (err_is_fail(err))
        reply(client, token, CAPOP_REVOKING, err);
}

/* ---- claims ---- */

/* Of RAM, by whole pages, since it is RAM again; of all else only its owner makes something. */
static errval_t claim(struct client *client, uint32_t token, const struct capability *source,
                      const struct capability *range, coreid_t owner)
{
    struct account_slip slip;
    const genpaddr_t base = range->u.mem.base & ~(genpaddr_t)BASE_PAGE_MASK;
    const genpaddr_t end = range->u.mem.base + range->u.mem.bytes + BASE_PAGE_MASK;
    if (cap_travel(source) != TRAVEL_MOVE)
        return MON_ERR_WRONG_CAP_TYPE;
    if (range->u.mem.bytes == 0)
        return SYS_ERR_INVALID_SIZE;
    if (!peer_is_connected(owner))
        return MON_ERR_NO_MONITOR_FOR_CORE;
    errval_t err = account_charge(client->account, ACCOUNT_QUESTION, 1, &slip);
    if (err_is_fail(err))
        return err;
    const struct capop *op = place_for(&(struct capop){ .state = CAPOP_CLAIMING,
                                                        .client = client,
                                                        .token = token,
                                                        .source = *source,
                                                        .claim = ticket_new(),
                                                        .core = owner,
                                                        .slip = slip });
    peer_send_request_retype(owner, op->claim, source, base,
                             (end & ~(genpaddr_t)BASE_PAGE_MASK) - base);
    return SYS_ERR_OK;
}

void capop_retype(struct client *client, uint32_t token, struct capref root, capaddr_t cptr,
                  uint8_t level, gensize_t offset, gensize_t bytes)
{
    struct capability cap;
    coreid_t owner;
    errval_t err = look(root, cptr, level, &cap, &owner);
    if (err_is_ok(err) && (offset > cap.u.mem.bytes || bytes > cap.u.mem.bytes - offset))
        err = SYS_ERR_RETYPE_INVALID_OFFSET;
    if (err_is_ok(err)) {
        struct capability range = cap;
        range.u.mem.base += offset;
        range.u.mem.bytes = bytes;
        err = owner == my_core ? begin(client, token, CAPOP_CHECKING, &range, &cap)
                               : claim(client, token, &cap, &range, owner);
    }
    if (err_is_fail(err))
        reply(client, token, CAPOP_CHECKING, err);
}

static bool is_page_range(const struct capability *whole, genpaddr_t base, gensize_t bytes)
{
    return bytes != 0 && (base | bytes) % BASE_PAGE_SIZE == 0 && base >= whole->u.mem.base &&
           bytes <= whole->u.mem.bytes && base - whole->u.mem.base <= whole->u.mem.bytes - bytes;
}

/* At the cost of that core's monitor: the domain there pays for its question. */
void capop_claim_requested(coreid_t from, uint64_t ticket, const struct capability *source,
                           genpaddr_t base, gensize_t bytes)
{
    struct account_slip slip;
    struct capability range = *source;
    errval_t err = cap_travel(source) == TRAVEL_MOVE && is_page_range(source, base, bytes)
                       ? accounts_charge(monitor_of(from), ACCOUNT_QUESTION, 1, &slip)
                       : (errval_t)MON_ERR_WRONG_CAP_TYPE;
    if (err_is_fail(err)) {
        peer_send_retype_response(from, ticket, err, source);
        return;
    }
    range.u.mem.base = base;
    range.u.mem.bytes = bytes;
    enter(&(struct capop){ .state = CAPOP_WAITING,
                           .becomes = CAPOP_CHECKING,
                           .cap = range,
                           .source = *source,
                           .slip = slip,
                           .claim = ticket,
                           .core = from });
}

static void claim_ends(struct capop *op, errval_t err, const struct capability *piece)
{
    const struct capop done = *op;
    account_refund(&op->slip);
    op->state = CAPOP_FREE;
    if (done.client == NULL)
        return; /* a piece that nobody wants is given back when the owner asks */
    if (err_is_ok(err))
        err = kept_claimed(done.claim, done.core, &done.source, piece, done.client->domain);
    reply(done.client, done.token, done.state, err);
}

void capop_claim_answered(coreid_t owner, uint64_t ticket, errval_t err,
                          const struct capability *piece)
{
    for (struct capop *op = capops; op < capops + MONITOR_MAX_QUESTIONS; op++)
        if (op->state == CAPOP_CLAIMING && op->claim == ticket && op->core == owner) {
            claim_ends(op, err, piece);
            return;
        }
}

void capop_core_gone(coreid_t core, errval_t err)
{
    for (struct capop *op = capops; op < capops + MONITOR_MAX_QUESTIONS; op++)
        if (op->state == CAPOP_CLAIMING && op->core == core)
            claim_ends(op, err, NULL);
}

/* What has begun goes on; what waits nobody needs any more.  Who waits behind that waits behind
 * something that goes on as well, whose end gives the next turns. */
void capop_client_exited(const struct client *client)
{
    for (struct capop **link = &waiting; *link != NULL;)
        if ((*link)->client == client) {
            account_refund(&(*link)->slip);
            (*link)->state = CAPOP_FREE;
            *link = (*link)->next;
        } else {
            link = &(*link)->next;
        }
    for (struct capop *op = capops; op < capops + MONITOR_MAX_QUESTIONS; op++)
        if (op->client == client)
            op->client = NULL;
}
