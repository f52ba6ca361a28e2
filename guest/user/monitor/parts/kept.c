/* SPDX-License-Identifier: MIT
 *
 * Memory that cores share (docs/capabilities.md, across cores; its model: tests/models).
 *
 * The core that owns memory knows who else has it: whoever gives a copy to another core asks the
 * owner, and the owner lets it go on its own channel to the receiver.  For each such copy the
 * owner's monitor keeps one that is locked, so the CPU driver lets nobody take the memory back or
 * make something else of it; the receiver's monitor keeps a witness.  The owner asks (release: is
 * it in use?), or decides (revoke: it goes), and hears the answer on the same channel.  Since
 * messages between two monitors stay in order, no copy is ever under way that a later question
 * would not meet.
 *
 * A core that dies answers every question: what it had comes back, what it owned goes.
 */
#include "kept.h"

#include "../mouths/peers.h"
#include "parts.h"

struct kept *kept_away;
static struct kept *witnesses;

bool kept_is_memory(const struct capability *cap)
{
    return cap_travel(cap) >= TRAVEL_COPY;
}

/* Of two with one range, ancestors have a smaller number. */
static unsigned kind_of(const struct capability *cap)
{
    return (unsigned)cap->type << 8 | cap->generation;
}

bool kept_lies_in(const struct capability *cap, const struct capability *whole)
{
    const uint64_t base = whole->u.mem.base, bytes = whole->u.mem.bytes;
    if (!kept_is_memory(cap) || cap->u.mem.base < base || cap->u.mem.bytes > bytes ||
        cap->u.mem.base - base > bytes - cap->u.mem.bytes)
        return false;
    return cap->u.mem.bytes < bytes || kind_of(cap) >= kind_of(whole);
}

/* ---- the two lists ---- */

static errval_t keep(struct kept **list, struct kept entry, domainid_t domain)
{
    errval_t err = accounts_charge(domain, ACCOUNT_KEPT, 1, &entry.slip);
    struct kept *kept = err_is_ok(err) ? malloc(sizeof(*kept)) : NULL;
    if (kept == NULL) {
        account_refund(&entry.slip);
        return err_is_fail(err) ? err : (errval_t)LIB_ERR_MALLOC_FAIL;
    }
    static uint64_t births;
    *kept = entry;
    kept->born = ++births;
    kept->next = *list;
    *list = kept;
    return SYS_ERR_OK;
}

static struct kept *find(struct kept *list, uint64_t ticket, coreid_t core)
{
    while (list != NULL && (list->ticket != ticket || list->core != core))
        list = list->next;
    return list;
}

static void drop(struct kept **list, struct kept *kept)
{
    assert(kept->waits == NULL); /* else an operation would wait for ever */
    while (*list != kept) {
        assert(*list != NULL); /* it is in this list, and not in the other one */
        list = &(*list)->next;
    }
    *list = kept->next;
    drop_cap(kept->cap);
    account_refund(&kept->slip);
    free(kept);
}

/* ---- the owner's side ---- */

static void forget(struct kept *witness);

static void unlock(const struct kept *kept)
{
    errval_t err = invoke_kernel_unlock_cap(cap_kernel, kept->cap);
    if (err_is_fail(err))
        DEBUG_ERR(err, "unlocking what core %u had", kept->core);
}

static bool is_equal(const struct capability *a, const struct capability *b)
{
    return kept_lies_in(a, b) && kept_lies_in(b, a);
}

/* The witness of what has come here with its ownership; NULL: it has not. */
static struct kept *came_with(const struct capability *is)
{
    struct kept *witness = witnesses;
    while (witness != NULL && (!witness->moved || !is_equal(&witness->is, is)))
        witness = witness->next;
    return witness;
}

/* It goes back to the core from which it came with its ownership: nothing is kept of it here. */
static bool go_home(const struct kept *entry)
{
    struct kept *witness = came_with(&entry->is);
    if (witness == NULL)
        return false;
    assert(witness->core == entry->core); /* to others it is lent, or goes by kept_give_back */
    forget(witness);
    unlock(entry);
    drop_cap(entry->cap);
    return true;
}

/* Only one that has it may have it from the core to which it goes: else it could go in a ring, and
 * a core would have an entry for what it has itself. */
static bool may_move(const struct capability *is, coreid_t to)
{
    const struct kept *witness = came_with(is);
    return cap_travel(is) == TRAVEL_MOVE && (witness == NULL || witness->core == to);
}

errval_t kept_let_go(uint64_t ticket, coreid_t core, struct capref cap, const struct capability *is,
                     domainid_t sender, bool *moved)
{
    if (!peer_is_connected(core))
        return MON_ERR_NO_MONITOR_FOR_CORE;
    errval_t err = invoke_kernel_lock_cap(cap_kernel, cap);
    if (err_is_fail(err))
        return err;
    *moved = *moved && may_move(is, core) &&
             err_is_ok(invoke_kernel_set_cap_owner(cap_kernel, cap, core));
    const struct kept entry = {
        .ticket = ticket, .core = core, .cap = cap, .is = *is, .moved = *moved
    };
    if (*moved && go_home(&entry))
        return SYS_ERR_OK;
    err = keep(&kept_away, entry, sender);
    if (err_is_fail(err) && *moved)
        (void)invoke_kernel_set_cap_owner(cap_kernel, cap, my_core);
    if (err_is_fail(err))
        unlock(&entry);
    return err;
}

bool kept_give_back(coreid_t to, struct capref cap, const struct capability *is, coreid_t *home)
{
    struct kept *witness = came_with(is);
    if (witness == NULL || witness->core == to || !peer_is_connected(witness->core) ||
        err_is_fail(invoke_kernel_lock_cap(cap_kernel, cap)))
        return false;
    errval_t err = invoke_kernel_set_cap_owner(cap_kernel, cap, witness->core);
    unlock(&(struct kept){ .core = to, .cap = cap });
    if (err_is_fail(err))
        return false;
    *home = witness->core;
    forget(witness);
    return true;
}

static bool is_lent_to(coreid_t core, const struct capability *is)
{
    const struct kept *source = kept_away;
    while (source != NULL &&
           (source->core != core || source->moved || !kept_lies_in(is, &source->is)))
        source = source->next;
    return source != NULL;
}

/* It is charged to the monitor of the core that gives it: the domain there has left its parcel. */
errval_t kept_pass_on(uint64_t ticket, coreid_t from, coreid_t to, const struct capability *is)
{
    bool moved = false;
    if (!is_lent_to(from, is))
        return SYS_ERR_CAP_NOT_FOUND;
    if (to == my_core || !peer_is_connected(to))
        return MON_ERR_NO_MONITOR_FOR_CORE;
    struct capref cap;
    errval_t err = remote_cap(is, my_core, &cap);
    if (err_is_fail(err))
        return err;
    err = kept_let_go(ticket, to, cap, is, monitor_of(from), &moved);
    if (err_is_fail(err))
        drop_cap(cap);
    return err;
}

errval_t kept_give_on(uint64_t ticket, coreid_t from, coreid_t to, const struct capability *is,
                      bool goes, bool *moved)
{
    struct capref cap;
    *moved = true;
    errval_t err = kept_come_home(from, is, goes, &cap);
    if (err_is_fail(err))
        return err;
    err = kept_let_go(ticket, to, cap, is, monitor_of(from), moved);
    if (err_is_fail(err))
        drop_cap(cap);
    return err;
}

/* The CPU driver makes it only if nothing is made of it yet, here or elsewhere. */
static errval_t make_piece(const struct capability *source, genpaddr_t base, gensize_t bytes,
                           struct capref *ret, struct capability *piece)
{
    struct capref whole;
    errval_t err = slot_alloc(ret);
    if (err_is_fail(err))
        return err;
    err = remote_cap(source, my_core, &whole);
    if (err_is_fail(err)) {
        slot_free(*ret);
        return err;
    }
    err = invoke_cnode_retype(*ret, whole, base - source->u.mem.base, source->type, bytes, 1);
    drop_cap(whole);
    if (err_is_fail(err))
        slot_free(*ret);
    else
        err = cap_direct_identify(*ret, piece);
    return err_no(err) == SYS_ERR_RETRY_THROUGH_MONITOR ? (errval_t)MON_ERR_REMOTE_CAP_RETRY : err;
}

errval_t kept_claim(uint64_t ticket, coreid_t core, const struct capability *source,
                    genpaddr_t base, gensize_t bytes, struct capability *piece)
{
    struct capref cap;
    bool moved = true;
    if (!is_lent_to(core, source))
        return SYS_ERR_CAP_NOT_FOUND;
    errval_t err = make_piece(source, base, bytes, &cap, piece);
    if (err_is_fail(err))
        return err;
    err = kept_let_go(ticket, core, cap, piece, monitor_of(core), &moved);
    if (err_is_fail(err))
        drop_cap(cap);
    else
        assert(moved); /* nobody else has what was made just now */
    return err;
}

static void tell(struct kept *kept, enum kept_answer answer)
{
    if (kept->waits != NULL)
        kept->answered(kept, answer);
}

static void come_back(struct kept *kept)
{
    if (kept->moved) {
        errval_t err = invoke_kernel_set_cap_owner(cap_kernel, kept->cap, my_core);
        if (err_is_fail(err))
            DEBUG_ERR(err, "owning again what core %u had", kept->core);
    }
    unlock(kept);
    drop(&kept_away, kept);
}

/* Who waits for it is told when the entry has gone: he may make something of the memory at once. */
static void gone(struct kept *kept)
{
    struct kept was = *kept;
    kept->waits = NULL;
    come_back(kept);
    tell(&was, KEPT_GONE);
}

errval_t kept_come_home(coreid_t from, const struct capability *is, bool goes, struct capref *cap)
{
    struct kept *kept = kept_away;
    while (kept != NULL && (kept->core != from || !kept->moved || !is_equal(&kept->is, is)))
        kept = kept->next;
    if (kept == NULL)
        return MON_ERR_INVALID_MON_ID;
    struct kept was = *kept;
    kept->waits = NULL;
    errval_t err = invoke_kernel_set_cap_owner(cap_kernel, kept->cap, my_core);
    unlock(kept);
    if (err_is_ok(err))
        err = goes ? (errval_t)MON_ERR_REMOTE_CAP_RETRY : remote_cap(is, my_core, cap);
    drop(&kept_away, kept);
    tell(&was, KEPT_GONE);
    return err;
}

void kept_release_unused(void)
{
    for (struct kept *kept = kept_away; kept != NULL; kept = kept->next) {
        if (kept->asked || kept->waits != NULL || !peer_is_connected(kept->core))
            continue; /* the answer is on its way */
        kept->asked = true;
        peer_send_release_cap_request(kept->core, kept->ticket);
    }
}

void kept_released(coreid_t core, uint64_t ticket, bool unused)
{
    struct kept *kept = find(kept_away, ticket, core);
    if (kept == NULL)
        return;
    kept->asked = false;
    if (unused)
        gone(kept);
    else
        tell(kept, KEPT_IN_USE);
}

void kept_revoked(coreid_t core, uint64_t ticket, enum revoke_outcome outcome)
{
    struct kept *kept = find(kept_away, ticket, core);
    if (kept == NULL)
        return; /* it was unused before */
    if (outcome == REVOKE_GONE)
        gone(kept);
    else
        tell(kept, outcome == REVOKE_CLEARED ? KEPT_CLEARED : KEPT_LOST);
}

/* ---- the other side ---- */

/* One is enough: two would be copies of each other, and each in use because of the other. */
errval_t kept_witness(uint64_t ticket, coreid_t owner, struct capref cap,
                      const struct capability *is, domainid_t receiver, bool moved,
                      const struct capability *claimed_of)
{
    for (const struct kept *other = witnesses; other != NULL; other = other->next)
        if (other->core == owner && !other->asked && is_equal(&other->is, is))
            return SYS_ERR_OK;
    struct capref copy;
    errval_t err = copy_cap(cap, &copy);
    if (err_is_fail(err))
        return err;
    if (moved)
        err = invoke_kernel_mark_witness(cap_kernel, copy, claimed_of);
    if (err_is_ok(err))
        err = keep(&witnesses,
                   (struct kept){
                       .ticket = ticket, .core = owner, .cap = copy, .is = *is, .moved = moved },
                   receiver);
    if (err_is_fail(err))
        drop_cap(copy);
    return err;
}

errval_t kept_claimed(uint64_t ticket, coreid_t owner, const struct capability *source,
                      const struct capability *piece, domainid_t domain)
{
    struct capability own = *piece;
    struct capref cap;
    own.rights |= CAPRIGHTS_REVOKE;
    errval_t err = remote_cap(&own, my_core, &cap);
    if (err_is_fail(err))
        return err;
    err = kept_witness(ticket, owner, cap, &own, domain, true, source);
    drop_cap(cap); /* the witness stays */
    return err;
}

bool kept_is_witnessed(coreid_t owner, const struct capability *is)
{
    for (const struct kept *witness = witnesses; witness != NULL; witness = witness->next)
        if (witness->core == owner && !witness->asked && kept_lies_in(is, &witness->is))
            return true;
    return false;
}

/* Deletion is done in shares, between which this monitor does other things; one witness after the
 * other, since the CPU driver keeps only one mark. */
static struct waitset_chanstate deletion;
static bool deletion_runs;
static struct kept *deleting; /* NULL: the next one is chosen when it is its turn */
static genpaddr_t deleted_to; /* where deletion goes on in it; 0: it begins */

static bool is_to_delete(const struct kept *witness)
{
    return witness->asked || witness->part.type != ObjType_Null;
}

/* What came with its ownership, from whatever core, and lies in what is to go, is asked for as
 * well, and others may have some of it: it goes first.  A dead core asks for nothing any more, and
 * what is stuck does not go. */
static bool has_to_wait(const struct kept *witness)
{
    const struct capability *range = witness->asked ? &witness->is : &witness->part;
    for (const struct kept *other = witnesses; other != NULL; other = other->next)
        if (other != witness && other->moved && !other->stuck && peer_is_connected(other->core) &&
            kept_lies_in(&other->is, range) && !is_equal(&other->is, range))
            return true;
    return witness->clearing.state != CAPOP_FREE;
}

bool kept_goes(const struct capability *cap)
{
    for (const struct kept *witness = witnesses; witness != NULL; witness = witness->next)
        if (witness->moved && witness->asked && kept_lies_in(cap, &witness->is))
            return true;
    return false;
}

static enum cap_shared is_shared(const struct kept *witness)
{
    enum cap_shared shared;
    const errval_t err = invoke_kernel_is_shared(cap_kernel, witness->cap, &shared);
    if (err_is_fail(err))
        shared = err_no(err) != SYS_ERR_CAP_NOT_FOUND ? CAP_SHARED_HERE : CAP_SHARED_NOT;
    return shared;
}

/* Does somebody here have what this witness stands for?  If not, it goes.  It stays while there is
 * deletion to be done, which ends with an answer of its own. */
static bool is_in_use(struct kept *witness)
{
    if (is_to_delete(witness))
        return true;
    const bool shared = is_shared(witness) != CAP_SHARED_NOT;
    if (!shared)
        forget(witness);
    return shared;
}

/* No witness: it was not delivered, or there is another one. */
void kept_release_asked(coreid_t core, uint64_t ticket)
{
    struct kept *witness = find(witnesses, ticket, core);
    const bool shared = witness != NULL && is_in_use(witness);
    peer_send_release_cap_reply(core, ticket, !shared);
}

static void delete_more(void *arg);

static void go_on_deleting(void)
{
    waitset_chanstate_init(&deletion, CHANTYPE_OTHER);
    deletion_runs = true;
    errval_t err = waitset_chan_trigger_closure(get_default_waitset(), &deletion,
                                                MKCLOSURE(delete_more, NULL));
    assert(err_is_ok(err));
}

static struct kept *next_to_delete(void);

/* Another one may have waited for it. */
static void forget(struct kept *witness)
{
    drop(&witnesses, witness);
    if (!deletion_runs && next_to_delete() != NULL)
        go_on_deleting();
}

static void all_deleted(struct kept *witness)
{
    const coreid_t core = witness->core;
    const uint64_t ticket = witness->ticket;
    const enum revoke_outcome outcome = witness->lost    ? REVOKE_LOST
                                        : witness->asked ? REVOKE_GONE
                                                         : REVOKE_CLEARED;
    witness->part.type = ObjType_Null;
    witness->asked = witness->lost = false;
    witness->stuck = outcome == REVOKE_LOST;
    if (outcome == REVOKE_GONE)
        forget(witness);
    if (peer_is_connected(core))
        peer_send_revoke_done(core, ticket, outcome);
}

/* What was begun first ends first; then the eldest. */
static struct kept *next_to_delete(void)
{
    struct kept *next = deleting;
    for (struct kept *witness = witnesses; witness != NULL && deleting == NULL;
         witness = witness->next)
        if (is_to_delete(witness) && !has_to_wait(witness))
            next = witness;
    return next;
}

static void delete_more(void *arg)
{
    (void)arg;
    deleting = next_to_delete();
    if (deleting == NULL) { /* what is to go waits for something that has come meanwhile */
        deletion_runs = false;
        return;
    }
    const struct capability *part = &deleting->part;
    errval_t err = invoke_kernel_delete_foreigns(cap_kernel, deleting->cap, part->u.mem.base,
                                                 deleting->asked ? 0 : part->u.mem.bytes,
                                                 part->generation, &deleted_to);
    if (err_is_fail(err) && err_no(err) != SYS_ERR_CAP_NOT_FOUND) { /* it went with a larger one */
        DEBUG_ERR(err, "deleting what core %u has revoked", deleting->core);
        deleting->lost = true; /* what came from a core that has died lies in it */
    }
    if (deleted_to == 0) {
        struct kept *done = deleting;
        deleting = NULL;
        all_deleted(done);
    }
    deletion_runs = false;
    if (next_to_delete() != NULL)
        go_on_deleting();
}

void kept_cleared(struct kept *witness, errval_t err)
{
    witness->lost = err_is_fail(err);
    if (!deletion_runs && next_to_delete() != NULL)
        go_on_deleting();
}

/* The owner asks one thing at a time of each ticket. */
struct kept *kept_revoke_marked(coreid_t core, uint64_t ticket, const struct capability *range)
{
    struct kept *witness = find(witnesses, ticket, core);
    if (witness == NULL) { /* never delivered, or there is another one, of which the owner knows */
        peer_send_revoke_done(core, ticket, REVOKE_GONE);
        return NULL;
    }
    witness->stuck = false;
    if (witness == deleting)
        deleted_to = 0; /* of what is asked now nothing is deleted yet */
    if (kept_lies_in(&witness->is, range))
        witness->asked = true;
    else
        witness->part = *range;
    if (!witness->moved && !deletion_runs && next_to_delete() != NULL)
        go_on_deleting();
    return witness->moved ? witness : NULL;
}

/* ---- cores that die ---- */

void kept_core_cut(coreid_t core)
{
    for (struct kept *kept = kept_away; kept != NULL; kept = kept->next)
        if (kept->core == core)
            tell(kept, KEPT_LOST);
}

void kept_core_died(coreid_t core)
{
    for (struct kept *kept = kept_away, *next; kept != NULL; kept = next) {
        next = kept->next;
        if (kept->core != core)
            continue;
        if (kept->moved) /* it may have gone on from there */
            tell(kept, KEPT_LOST);
        else
            gone(kept);
    }
    if (!deletion_runs && next_to_delete() != NULL) /* what waited for that core to ask */
        go_on_deleting();
}

void kept_core_given_up(coreid_t core)
{
    for (struct kept *kept = kept_away, *next; kept != NULL; kept = next) {
        next = kept->next;
        if (kept->core == core && kept->moved)
            come_back(kept);
    }
    for (struct kept *witness = witnesses; witness != NULL; witness = witness->next)
        witness->stuck = false;
}

/* What came from a dead core, and went on to dead ones only, nobody here has any more.  Who had it
 * from there says so himself; if this core waited for that, each would wait for the other. */
static void give_up(const struct kept *witness)
{
    if (is_to_delete(witness) || is_shared(witness) != CAP_SHARED_KEPT)
        return;
    for (const struct kept *kept = kept_away; kept != NULL; kept = kept->next)
        if (kept_lies_in(&kept->is, &witness->is) && !core_is_dead(kept->core))
            return;
    for (struct kept *kept = kept_away, *next; kept != NULL; kept = next) {
        next = kept->next;
        if (kept_lies_in(&kept->is, &witness->is))
            come_back(kept);
    }
}

/* What it owned stays with whoever has it; nobody uses the memory for anything else before all have
 * said no here. */
bool kept_holds_of(coreid_t core)
{
    bool holds = false;
    for (struct kept *witness = witnesses, *next; witness != NULL; witness = next) {
        next = witness->next;
        if (witness->core == core) {
            give_up(witness);
            holds |= is_in_use(witness);
        }
    }
    return holds;
}
