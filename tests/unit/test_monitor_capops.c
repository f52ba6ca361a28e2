/* SPDX-License-Identifier: MIT
 *
 * The turns of operations on shared memory (guest/user/monitor/parts/capops.c), exhaustively: three
 * operations of four kinds on three entries, in every order of requests, answers, turns and ends of
 * the domains that asked.
 *
 * At every moment one operation at most waits for an entry's answer, and none asks about an entry
 * that an earlier one waits for.  When nothing is under way any more, each has been answered once,
 * or its domain has ended, and nothing is charged.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../../guest/user/monitor/parts/capops.c"

#define PAGE 4096ull
#define ENTRIES 3
#define OPERATIONS 3

/* ---- what the rest of the monitor and the library would provide ---- */

enum question { NOTHING, RELEASE, REVOKE, RELEASE_AND_REVOKE };

static struct world {
    struct capop capops[MONITOR_MAX_QUESTIONS];
    struct capop *waiting;
    bool turn_is_due;
    struct kept entry[ENTRIES];
    bool gone[ENTRIES];
    enum question asked[ENTRIES]; /* and not answered */
    unsigned requested, charged;
    struct {
        enum capop_state kind;
        unsigned answers;
        bool exited;
    } op[OPERATIONS];
} now;

struct kept *kept_away;
coreid_t my_core;
static struct client clients[OPERATIONS]; /* one for each operation; its token is the same number */

errval_t account_charge(struct account *account, unsigned kind, uint32_t units,
                        struct account_slip *slip)
{
    (void)account, (void)kind;
    slip->units = units;
    now.charged++;
    return SYS_ERR_OK;
}

void account_refund(struct account_slip *slip)
{
    cr_assert_eq(slip->units, 1, "refunded twice");
    slip->units = 0;
    now.charged--;
}

struct waitset *get_default_waitset(void)
{
    return NULL;
}

void waitset_chanstate_init(struct waitset_chanstate *chan, enum ws_chantype type)
{
    (void)chan, (void)type;
}

errval_t waitset_chan_trigger_closure(struct waitset *ws, struct waitset_chanstate *chan,
                                      struct event_closure closure)
{
    (void)ws, (void)chan;
    cr_assert_eq(closure.handler, take_turns);
    return SYS_ERR_OK;
}

bool kept_goes(const struct capability *cap)
{
    (void)cap;
    return false;
}

struct kept *kept_revoke_marked(coreid_t core, uint64_t ticket, const struct capability *range)
{
    (void)core, (void)ticket, (void)range;
    return NULL;
}

void kept_cleared(struct kept *witness, errval_t err)
{
    (void)witness, (void)err;
}

bool kept_lies_in(const struct capability *cap, const struct capability *whole)
{
    return cap->u.mem.base >= whole->u.mem.base &&
           cap->u.mem.base + cap->u.mem.bytes <= whole->u.mem.base + whole->u.mem.bytes;
}

bool peer_is_connected(unsigned core)
{
    (void)core;
    return true;
}

/* The entry `i` is asked about for the operation that waits for its answer now. */
static void check_order(unsigned i)
{
    const struct capop *op = now.entry[i].waits;
    for (const struct capop *other = waiting; other != NULL; other = other->next)
        cr_assert(other->token > op->token || !concerns(other, &now.entry[i]),
                  "operation %u is before %u, which came first", op->token, other->token);
}

void peer_send_release_cap_request(coreid_t core, uint64_t i)
{
    (void)core;
    check_order((unsigned)i);
    now.asked[i] |= RELEASE;
}

void peer_send_revoke_mark(coreid_t core, uint64_t i, const struct capability *range)
{
    (void)core, (void)range;
    check_order((unsigned)i);
    cr_assert_eq(now.asked[i] & REVOKE, 0, "two revokes of one entry at a time");
    now.asked[i] |= REVOKE;
}

static void is_answered(const struct client *client, uint32_t token, enum capop_state kind)
{
    cr_assert(client == &clients[token] && !now.op[token].exited);
    cr_assert_eq(now.op[token].kind, kind);
    cr_assert_eq(now.op[token].answers++, 0, "answered twice");
}

void reply_revoke(struct client *client, uint32_t token, errval_t err)
{
    cr_assert_eq(err, SYS_ERR_OK, "a revoke fails");
    is_answered(client, token, CAPOP_REVOKING);
}

void reply_retype(struct client *client, uint32_t token, errval_t err)
{
    cr_assert(err == SYS_ERR_OK || err_no(err) == SYS_ERR_REVOKE_FIRST);
    is_answered(client, token, CAPOP_CHECKING);
}

/* Not asked here, where begin() is, and no other core claims anything. */
uint64_t ticket_new(void)
{
    abort();
}

domainid_t monitor_of(coreid_t core)
{
    (void)core;
    abort();
}

errval_t accounts_charge(domainid_t domain, unsigned kind, uint32_t units,
                         struct account_slip *slip)
{
    (void)domain, (void)kind, (void)units, (void)slip;
    abort();
}

enum cap_travel cap_travel(const struct capability *cap)
{
    (void)cap;
    return TRAVEL_COPY; /* frames */
}

errval_t kept_claim(uint64_t ticket, coreid_t core, const struct capability *source,
                    genpaddr_t base, gensize_t bytes, struct capability *piece)
{
    (void)ticket, (void)core, (void)source, (void)base, (void)bytes, (void)piece;
    abort();
}

errval_t kept_claimed(uint64_t ticket, coreid_t owner, const struct capability *source,
                      const struct capability *piece, domainid_t domain)
{
    (void)ticket, (void)owner, (void)source, (void)piece, (void)domain;
    abort();
}

void peer_send_request_retype(coreid_t owner, uint64_t ticket, const struct capability *source,
                              genpaddr_t base, gensize_t bytes)
{
    (void)owner, (void)ticket, (void)source, (void)base, (void)bytes;
    abort();
}

void peer_send_retype_response(coreid_t core, uint64_t ticket, errval_t err,
                               const struct capability *piece)
{
    (void)core, (void)ticket, (void)err, (void)piece;
    abort();
}

bool names_memory(const struct capability *cap)
{
    (void)cap;
    abort();
}

void drop_cap(struct capref cap)
{
    (void)cap;
    abort();
}

struct sysret sys_invoke_raw(uint64_t rsi, uint64_t rdx, const uintptr_t *words)
{
    (void)rsi, (void)rdx, (void)words;
    abort();
}

dispatcher_handle_t curdispatcher(void)
{
    abort();
}

void *disp_kernel_buffer(dispatcher_handle_t handle)
{
    (void)handle;
    abort();
}

/* ---- the world ---- */

static struct capability pages(unsigned first, unsigned count)
{
    struct capability cap = { .type = ObjType_Frame };
    cap.u.mem.base = first * PAGE;
    cap.u.mem.bytes = count * PAGE;
    return cap;
}

static void link_entries(void)
{
    kept_away = NULL;
    for (unsigned i = ENTRIES; i-- > 0;)
        if (!now.gone[i]) {
            now.entry[i].next = kept_away;
            kept_away = &now.entry[i];
        }
}

/* The rounds only have to differ, so a world that differs in nothing else is the same. */
static void forget_rounds(void)
{
    for (unsigned i = 0; i < ENTRIES; i++)
        now.entry[i].wanted_in = 0;
}

static void save(struct world *to)
{
    forget_rounds();
    memcpy(now.capops, capops, sizeof(capops));
    now.waiting = waiting;
    now.turn_is_due = turn_is_due;
    *to = now;
}

static void restore(const struct world *from)
{
    now = *from;
    memcpy(capops, now.capops, sizeof(capops));
    waiting = now.waiting;
    turn_is_due = now.turn_is_due;
    link_entries();
}

/* The whole for one core, its two pages for others. */
static void create(struct world *world)
{
    static const unsigned first[ENTRIES] = { 0, 0, 1 }, count[ENTRIES] = { 2, 1, 1 };
    memset(capops, 0, sizeof(capops));
    memset(&now, 0, sizeof(now));
    waiting = NULL;
    turn_is_due = false;
    for (unsigned i = 0; i < ENTRIES; i++)
        now.entry[i] = (struct kept){ .ticket = i, .is = pages(first[i], count[i]) };
    save(world);
}

/* ---- steps ---- */

enum {
    STEP_TURN,
    STEP_REQUEST, /* four kinds */
    STEP_EXIT = STEP_REQUEST + 4,
    STEP_IN_USE = STEP_EXIT + OPERATIONS,
    STEP_UNUSED = STEP_IN_USE + ENTRIES,
    STEP_REVOKED = STEP_UNUSED + ENTRIES,
    STEPS = STEP_REVOKED + ENTRIES
};

static bool request(unsigned kind)
{
    const unsigned i = now.requested;
    if (i == OPERATIONS)
        return false;
    const struct capability cap = kind == 0 ? pages(0, 2) : kind == 1 ? pages(1, 1) : pages(0, 1);
    now.requested++;
    now.op[i].kind = kind == 3 ? CAPOP_CHECKING : CAPOP_REVOKING;
    /* of something larger than all entries */
    const struct capability source = pages(0, 4);
    cr_assert_eq(begin(&clients[i], i, now.op[i].kind, &cap, &source), SYS_ERR_OK);
    return true;
}

static bool exits(unsigned i)
{
    if (i >= now.requested || now.op[i].exited || now.op[i].answers != 0)
        return false;
    now.op[i].exited = true;
    capop_client_exited(&clients[i]);
    return true;
}

/* As kept_released() and kept_revoked(): first it is told, then the entry goes. */
static bool answers(unsigned i, enum question question, enum kept_answer answer)
{
    struct kept *kept = &now.entry[i];
    if (now.gone[i] || !(now.asked[i] & question))
        return false;
    now.asked[i] &= ~question;
    if (question == RELEASE)
        kept->asked = false;
    if (kept->waits != NULL)
        kept->answered(kept, answer);
    cr_assert(answer != KEPT_GONE || kept->waits == NULL, "somebody waits for what has gone");
    now.gone[i] = answer == KEPT_GONE;
    link_entries();
    return true;
}

static bool step(unsigned what)
{
    if (what == STEP_TURN) {
        if (!turn_is_due)
            return false;
        take_turns(NULL);
        return true;
    }
    if (what < STEP_EXIT)
        return request(what - STEP_REQUEST);
    if (what < STEP_IN_USE)
        return exits(what - STEP_EXIT);
    if (what < STEP_UNUSED)
        return answers(what - STEP_IN_USE, RELEASE, KEPT_IN_USE);
    if (what < STEP_REVOKED)
        return answers(what - STEP_UNUSED, RELEASE, KEPT_GONE);
    /* of the whole only the pages may be what is revoked */
    const unsigned i = what - STEP_REVOKED;
    const struct capop *op = now.entry[i].waits;
    const bool all = op != NULL && kept_lies_in(&now.entry[i].is, &op->cap);
    return answers(i, REVOKE, all ? KEPT_GONE : KEPT_CLEARED);
}

static void check_rest(void)
{
    cr_assert(waiting == NULL, "operation %u waits for ever", waiting->token);
    cr_assert_eq(now.charged, 0);
    for (unsigned i = 0; i < MONITOR_MAX_QUESTIONS; i++)
        cr_assert_eq(capops[i].state, CAPOP_FREE);
    for (unsigned i = 0; i < now.requested; i++)
        cr_assert(now.op[i].exited || now.op[i].answers == 1, "operation %u is not answered", i);
}

/* ---- the search ---- */

#define SEEN (1u << 21)
static uint64_t *seen;
static unsigned states;

static uint64_t mix(uint64_t hash, const void *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
    return hash;
}

/* Only as many operations as there can be have anything in them. */
static bool is_new(const struct world *world)
{
    uint64_t hash = mix(0xcbf29ce484222325, world->capops, sizeof(world->capops[0]) * OPERATIONS);
    hash = mix(hash, &world->waiting, sizeof(*world) - offsetof(struct world, waiting));
    unsigned at = (unsigned)(hash >> 32) % SEEN;
    while (seen[at] != 0 && seen[at] != hash)
        at = (at + 1) % SEEN;
    if (seen[at] == hash)
        return false;
    seen[at] = hash;
    cr_assert_lt(++states, SEEN / 2);
    return true;
}

static void search(const struct world *from)
{
    bool under_way = false;
    for (unsigned what = 0; what < STEPS; what++) {
        struct world next;
        restore(from);
        if (!step(what))
            continue;
        under_way |= what == STEP_TURN || what >= STEP_IN_USE;
        save(&next);
        if (is_new(&next))
            search(&next);
    }
    restore(from);
    if (!under_way)
        check_rest();
}

Test(monitor_capops, every_order_gives_each_operation_its_turn)
{
    struct world world;
    seen = calloc(SEEN, sizeof(*seen));
    create(&world);
    search(&world);
    cr_assert_gt(states, 10000, "only %u states", states);
    cr_log_info("%u states", states);
    free(seen);
}

/* Somebody asks without a pause whether the memory is in use; then it is revoked. */
Test(monitor_capops, a_revoke_waits_for_one_check_and_no_more)
{
    struct world world;
    create(&world);
    restore(&world);
    request(3);
    request(0);
    request(3);
    cr_assert_eq(now.asked[1], RELEASE, "the revoke has to wait");
    cr_assert(answers(0, RELEASE, KEPT_IN_USE) && answers(1, RELEASE, KEPT_IN_USE));
    cr_assert_eq(now.op[0].answers, 1);
    cr_assert(step(STEP_TURN));
    for (unsigned i = 0; i < ENTRIES; i++)
        cr_assert_eq(now.asked[i], REVOKE, "entry %u", i);
    for (unsigned i = 0; i < ENTRIES; i++)
        cr_assert(answers(i, REVOKE, KEPT_GONE));
    cr_assert(now.op[1].answers == 1 && now.op[2].answers == 0);
    cr_assert(step(STEP_TURN));
    check_rest();
}
