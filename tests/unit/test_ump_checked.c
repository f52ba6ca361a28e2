/* SPDX-License-Identifier: MIT
 *
 * Checked UMP channels under faults (docs/ump-checked.md): two ends of the library's own code,
 * and a carrier between them.
 *
 * Each end has its own view of the two rings.  After each turn of an end the carrier takes the
 * lines that it has written across, and does to some of them what fault rules do: lost, late,
 * doubled, passed by others, damaged, torn, old.  Wake words always go across; notifications may
 * be lost.  Time passes as in a machine: little in each turn, and to the next time-out or late
 * line when both sleep. Everything follows from a seed.  A run ends well if each message arrived
 * once, in order, intact, and then nobody has a timer any more.  Each rule of the protocol is
 * also left out on purpose, and then a run must end badly.
 */
/* link: guest/user/lib/barrelfish/channels/connection.c guest/user/lib/barrelfish/ring/crc32c.c */
/* link: guest/user/lib/barrelfish/ring/ump_check.c */
#include <stdbool.h>
#include <stdint.h>

enum rule { NOTHING, SEQUENCE, CHECK, NEW_ACK, AGAIN, LOOK_BACK };
static enum rule left_out;
#define UMP_LEAVES_OUT(rule) (left_out == (rule))

#include "../../guest/user/lib/barrelfish/channels/ump_chan.c"
#include "../../guest/user/lib/barrelfish/channels/ump_checked.c"
#include "../../guest/user/lib/barrelfish/channels/ump_sleep.c"
#include "../../guest/user/lib/barrelfish/events/waitset.c"
#include "../../guest/user/lib/barrelfish/events/waitset_chan.c"
#include "../../guest/user/lib/barrelfish/ring/ump_ring.c"

#include <barrelfish/monitor_client.h>
#include <criterion/criterion.h>
#include <string.h>

#include "fake_ump.h"

#define LINES_MAX 33 /* the control line among them */
#define HISTORY 4
#define HELD_MAX 4096
#define END_NS 200000000000ull
#define TYPE UMP_MSGTYPE_FIRST_USER

struct line {
    uint64_t word[UMP_LINE_WORDS];
};
#define CONTROL 7

struct side {
    char frame[DISPATCHER_FRAME_BYTES] __attribute__((aligned(4096)));
    struct core_state core_state;
    struct thread thread;
    struct ump_chan chan;
    struct waitset ws;
    struct line out[LINES_MAX] __attribute__((aligned(64))); /* the ring it writes, as it sees it */
    struct line in[LINES_MAX] __attribute__((aligned(64)));  /* the peer's, as it sees it */
    struct line carried[LINES_MAX];                          /* of `out`: what was taken across */
    struct line past[LINES_MAX][HISTORY];                    /* of the peer's `in` */
    unsigned sent, received;
    bool send_waits, asleep;
    unsigned busy; /* turns for which the program does not look */
    systime_t wakeup;
    errval_t error;
};

/* A line, or a part of it, that is to be seen later. */
struct held {
    bool used;
    unsigned from, slot;
    struct line line;
    uint32_t words;
    systime_t at;   /* or, if 0, */
    unsigned after; /* so many lines more */
};

enum fault { DROP, DELAY, DUPLICATE, REORDER, CORRUPT, TEAR, STALE, FAULTS };

static struct side sides[2];
static unsigned running;
static systime_t now;
static struct held held[HELD_MAX];
static unsigned held_end; /* none is used from here on */
static uint64_t state;    /* of the numbers by chance */
static const char *wrong; /* what went wrong in this run */

static struct plan {
    unsigned lines;        /* of a ring, with the control line */
    unsigned messages[2];  /* sent by each side */
    bool answers;          /* side 1 sends as many as it received, and no more */
    unsigned percent;      /* of lines with a fault */
    unsigned faults;       /* set of kinds */
    unsigned lost_percent; /* of notifications */
    bool slow;             /* programs are busy for long times */
    uint64_t recheck_ns;   /* as in struct dispatcher_generic */
} plan;

static uint64_t draw(void)
{
    state += 0x9e3779b97f4a7c15u;
    uint64_t z = state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static unsigned below(unsigned bound)
{
    return (unsigned)(draw() % bound);
}

static bool chance(unsigned percent)
{
    return below(100) < percent;
}

/* ---- what the library calls ---- */

dispatcher_handle_t curdispatcher(void)
{
    return (dispatcher_handle_t)sides[running].frame;
}

struct dispatcher_generic *get_dispatcher_generic(dispatcher_handle_t handle)
{
    return (struct dispatcher_generic *)(handle + DISP_PRIVATE_OFFSET);
}

static struct dispatcher_shared *shared_of(struct side *s)
{
    return get_dispatcher_shared((dispatcher_handle_t)s->frame);
}

void disp_check_unpolled_disabled(dispatcher_handle_t handle)
{
    ump_channels_retry_send_disabled(handle);
}

void disp_check_events_disabled(dispatcher_handle_t handle)
{
    disp_check_unpolled_disabled(handle);
    poll_channels_disabled(handle);
}

static void notify(struct side *s)
{
    if (!chance(plan.lost_percent)) {
        shared_of(s)->notified++;
        s->asleep = false;
    }
}

struct sysret sys_invoke_raw(uint64_t rsi, uint64_t rdx, const uintptr_t *words)
{
    (void)rsi, (void)rdx, (void)words;
    notify(&sides[1 - running]);
    return SYSRET(SYS_ERR_OK);
}

/* ---- the carrier ---- */

/* What it raises comes from nobody's dispatcher, and may be lost as well. */
static void wake_if_it_waits(struct side *s)
{
    if (s->out[plan.lines - 1].word[0] & 1)
        notify(s);
}

static void show(unsigned from, unsigned slot, const struct line *line, uint32_t words)
{
    struct side *to = &sides[1 - from];

    memmove(&to->past[slot][1], &to->past[slot][0], sizeof(struct line) * (HISTORY - 1));
    to->past[slot][0] = to->in[slot];
    for (unsigned w = 0; w < UMP_LINE_WORDS; w++)
        if (words >> w & 1)
            to->in[slot].word[w] = line->word[w];
}

static void hold(unsigned from, unsigned slot, const struct line *line, uint32_t words,
                 systime_t at, unsigned after)
{
    unsigned i = 0;

    while (i < HELD_MAX && held[i].used)
        i++;
    cr_assert_lt(i, HELD_MAX);
    held[i] = (struct held){ true, from, slot, *line, words, at, after };
    held_end = i >= held_end ? i + 1 : held_end;
}

static void let_go(struct held *h)
{
    h->used = false;
    show(h->from, h->slot, &h->line, h->words);
    wake_if_it_waits(&sides[1 - h->from]);
}

static void one_more_shown(unsigned from)
{
    for (unsigned i = 0; i < held_end; i++)
        if (held[i].used && held[i].from == from && held[i].at == 0 && --held[i].after == 0)
            let_go(&held[i]);
}

static void damage(struct line *line)
{
    for (unsigned flips = 1 + below(8); flips > 0; flips--)
        line->word[below(UMP_LINE_WORDS)] ^= 1ull << below(64);
}

static enum fault some_fault(void)
{
    enum fault kind;

    do {
        kind = below(FAULTS);
    } while (!(plan.faults >> kind & 1));
    return kind;
}

static void carry(unsigned from, unsigned slot)
{
    struct line line = sides[from].carried[slot] = sides[from].out[slot];
    const uint32_t all = 0xff;
    const uint32_t some = draw() & all;
    const unsigned next = slot + 1 == plan.lines - 1 ? 0 : slot + 1;

    for (unsigned i = 0; i < held_end; i++) /* this one takes its place */
        held[i].used &= held[i].from != from || held[i].slot != slot;
    if (!chance(plan.percent)) {
        show(from, slot, &line, all);
        one_more_shown(from);
        return;
    }
    switch (some_fault()) {
    case DROP:
        return;
    case DELAY:
        hold(from, slot, &line, all, now + 1 + below(3000000), 0);
        return;
    case DUPLICATE:
        show(from, slot, &line, all);
        line.word[CONTROL] ^= next == 0;
        show(from, next, &line, all);
        break;
    case REORDER:
        hold(from, slot, &line, all, 0, 1 + below(5));
        return;
    case CORRUPT:
        damage(&line);
        show(from, slot, &line, all);
        break;
    case TEAR:
        show(from, slot, &line, some);
        hold(from, slot, &line, all & ~some, now + 1 + below(3000000), 0);
        break;
    default:
        show(from, slot, &sides[1 - from].past[slot][below(HISTORY)], all);
        break;
    }
    one_more_shown(from);
}

/* All lines that are other than they were, beginning with the oldest. */
static void carry_lines(unsigned from)
{
    struct side *s = &sides[from];
    const unsigned lines = plan.lines - 1;
    const unsigned first = (unsigned)(s->chan.ring.send.next - s->chan.ring.send.buf);

    for (unsigned i = 0; i < lines; i++) {
        const unsigned slot = (first + i) % lines;

        if (memcmp(&s->carried[slot], &s->out[slot], sizeof(struct line)) != 0)
            carry(from, slot);
    }
    sides[1 - from].in[lines] = s->out[lines];
}

/* ---- the programs ---- */

static uint64_t word_of(unsigned side, unsigned number, unsigned word)
{
    return ((uint64_t)side << 60 | (uint64_t)number << 8 | word) * 0x9e3779b97f4a7c15u;
}

static unsigned may_have_sent(const struct side *s)
{
    const unsigned side = (unsigned)(s - sides);

    return side == 1 && plan.answers ? s->received : plan.messages[side];
}

static unsigned will_get(unsigned side)
{
    return side == 0 && plan.answers ? plan.messages[0] : plan.messages[1 - side];
}

static void send_some(void *arg);

static void try_to_send(struct side *me)
{
    while (!me->send_waits && me->sent < may_have_sent(me) && chance(90)) {
        struct ump_control control;
        volatile struct ump_message *line = ump_chan_get_next(&me->chan, &control);

        if (line == NULL) {
            me->send_waits = true;
            (void)ump_chan_register_send(&me->chan, &me->ws, MKCLOSURE(send_some, me));
            return;
        }
        me->sent++;
        for (unsigned w = 0; w < UMP_PAYLOAD_WORDS; w++)
            line->data[w] = word_of((unsigned)(me - sides), me->sent, w);
        ump_chan_commit(&me->chan, line, control, TYPE + me->sent % 3);
    }
}

static void send_some(void *arg)
{
    struct side *me = arg;

    me->send_waits = false;
    try_to_send(me);
}

static void check_message(struct side *me, const volatile struct ump_message *line, unsigned type)
{
    const unsigned peer = 1 - (unsigned)(me - sides);

    me->received++;
    if (type != TYPE + me->received % 3)
        wrong = "a message of another type";
    for (unsigned w = 0; w < UMP_PAYLOAD_WORDS; w++)
        if (line->data[w] != word_of(peer, me->received, w))
            wrong = "another message, or a damaged one";
}

static void receive(void *arg)
{
    struct side *me = arg;
    volatile struct ump_message *line;
    unsigned type;
    errval_t err = ump_chan_recv(&me->chan, &line, &type);

    if (err_is_ok(err)) {
        check_message(me, line, type);
        ump_chan_recv_done(&me->chan);
        if (plan.slow && chance(5))
            me->busy = 1 + below(200);
    } else if (err_no(err) != LIB_ERR_NO_UMP_MSG) {
        me->error = err;
        return;
    }
    (void)ump_chan_register_recv(&me->chan, &me->ws, MKCLOSURE(receive, me));
}

/* As dispatch.c: the upcall, then threads, then idling. */
static void turn(unsigned side)
{
    struct side *me = &sides[side];
    dispatcher_handle_t handle;

    running = side;
    handle = disp_disable();
    shared_of(me)->systime = now;
    if (get_dispatcher_generic(handle)->ump_armed)
        ump_channels_disarm_disabled(handle);
    ump_checked_serve_disabled(handle, false);
    disp_check_events_disabled(handle);
    disp_enable(handle);
    if (me->busy > 0) {
        me->busy--;
        now += 100000 + below(1000000);
    } else {
        try_to_send(me);
        while (err_is_ok(event_dispatch_non_block(&me->ws)))
            try_to_send(me);
        handle = disp_disable();
        if (ump_channels_arm_disabled(handle) && me->ws.pending == NULL &&
            (me->send_waits || me->sent == may_have_sent(me)) &&
            shared_of(me)->notified == shared_of(me)->notify_seen) {
            me->wakeup = ump_channels_recheck_time(handle);
            me->asleep = true;
        }
        disp_enable(handle);
    }
    carry_lines(side);
}

/* ---- a run ---- */

static void set_up_side(unsigned i)
{
    struct side *s = &sides[i];
    const struct capref notify_cap = { .cnode = CNODE_L2(7), .slot = 1 };
    const size_t bytes = plan.lines * sizeof(struct line);

    running = i;
    memset(s, 0, sizeof(*s));
    get_dispatcher_generic(curdispatcher())->core_state = &s->core_state;
    get_dispatcher_generic(curdispatcher())->current = &s->thread;
    get_dispatcher_generic(curdispatcher())->ump_recheck_ns = plan.recheck_ns;
    waitset_init(&s->ws);
    cr_assert(err_is_ok(ump_chan_init(&s->chan, s->in, bytes, s->out, bytes)));
    cr_assert(err_is_ok(ump_chan_make_checked(&s->chan, UMP_TRIES)));
    s->chan.notify_cap = notify_cap;
    (void)ump_chan_register_recv(&s->chan, &s->ws, MKCLOSURE(receive, s));
}

static void tear_down_side(unsigned i)
{
    running = i;
    ump_chan_destroy(&sides[i].chan);
}

/* To the next thing that happens by itself, if both sleep.  False: nothing will. */
static bool let_time_pass(void)
{
    systime_t next = 0;

    for (unsigned i = 0; i < 2; i++) {
        if (!sides[i].asleep) {
            now += 1000 + below(20000);
            return true;
        }
        next =
            sides[i].wakeup != 0 && (next == 0 || sides[i].wakeup < next) ? sides[i].wakeup : next;
    }
    for (unsigned i = 0; i < held_end; i++)
        if (held[i].used && held[i].at != 0 && (next == 0 || held[i].at < next))
            next = held[i].at;
    now = next > now ? next : now;
    return next != 0;
}

static void let_things_happen(void)
{
    for (unsigned i = 0; i < held_end; i++)
        if (held[i].used && held[i].at != 0 && held[i].at <= now)
            let_go(&held[i]);
    for (unsigned i = 0; i < 2; i++)
        if (sides[i].wakeup != 0 && sides[i].wakeup <= now)
            sides[i].asleep = false;
}

static bool all_arrived(void)
{
    return sides[0].received == will_get(0) && sides[1].received == will_get(1);
}

/* Both sleep, and would sleep for ever but for rechecks. */
static bool nobody_asks(void)
{
    for (unsigned i = 0; i < 2; i++) {
        running = i;
        if (!sides[i].asleep || ump_checked_next_timeout(curdispatcher()) != 0)
            return false;
    }
    return true;
}

static bool any_error(void)
{
    return sides[0].error != SYS_ERR_OK || sides[1].error != SYS_ERR_OK;
}

static bool runs_well(uint64_t seed)
{
    state = seed;
    now = 1;
    wrong = NULL;
    memset(held, 0, sizeof(held));
    held_end = 0;
    set_up_side(0);
    set_up_side(1);
    while (wrong == NULL && !any_error()) {
        if (all_arrived() && nobody_asks())
            break;
        if (!let_time_pass())
            break; /* both sleep, and nobody has a timer */
        if (now > END_NS)
            wrong = "it does not end";
        let_things_happen();
        unsigned first = below(2);
        for (unsigned i = 0; i < 2; i++)
            if (!sides[first ^ i].asleep)
                turn(first ^ i);
    }
    if (wrong == NULL && any_error())
        wrong = "a live peer counts as dead";
    if (wrong == NULL && !all_arrived())
        wrong = "both sleep, and messages are missing";
    return wrong == NULL;
}

static bool ends_well(uint64_t seed)
{
    const bool well = runs_well(seed);

    tear_down_side(0);
    tear_down_side(1);
    return well;
}

static void all_end_well(unsigned runs)
{
    for (unsigned seed = 1; seed <= runs; seed++) {
        cr_assert(ends_well(seed),
                  "seed %u, %u lines, %u%%, faults 0x%x: %s (%u of %u and %u of %u arrived)", seed,
                  plan.lines, plan.percent, plan.faults, wrong, sides[0].received, will_get(0),
                  sides[1].received, will_get(1));
    }
}

static void some_end_badly(enum rule rule)
{
    bool badly = false;

    left_out = rule;
    for (unsigned seed = 1; seed <= 200 && !badly; seed++)
        badly = !ends_well(seed);
    left_out = NOTHING;
    cr_assert(badly, "without this rule every run ends well");
}

#define ALL ((1u << FAULTS) - 1)
static const struct plan mixed = {
    .lines = 33, .messages = { 300, 200 }, .percent = 30, .faults = ALL, .lost_percent = 30
};

TestSuite(ump_checked, .timeout = 300);

Test(ump_checked, without_faults)
{
    plan = (struct plan){ .lines = 33, .messages = { 500, 300 } };
    all_end_well(20);
    cr_assert_eq(sides[0].received, 300);
}

Test(ump_checked, each_fault_alone_at_30_percent)
{
    for (unsigned kind = 0; kind < FAULTS; kind++) {
        plan = mixed;
        plan.faults = 1u << kind;
        all_end_well(20);
    }
}

Test(ump_checked, all_faults_together_in_rings_of_every_size)
{
    for (unsigned lines = UMP_MIN_LINES; lines <= LINES_MAX; lines++) {
        plan = mixed;
        plan.lines = lines;
        plan.percent = 5 + lines % 26;
        all_end_well(10);
    }
}

Test(ump_checked, one_way_and_question_and_answer)
{
    plan = mixed;
    plan.messages[1] = 0;
    all_end_well(40);
    plan.answers = true;
    plan.messages[1] = plan.messages[0];
    all_end_well(40);
    plan.messages[0] = plan.messages[1] = 1;
    all_end_well(500);
}

Test(ump_checked, slow_programs_are_not_dead)
{
    plan = mixed;
    plan.slow = true;
    plan.lines = 9;
    all_end_well(40);
}

Test(ump_checked, only_notifications_are_lost)
{
    plan = mixed;
    plan.percent = 0;
    plan.lost_percent = 70;
    all_end_well(40);
    plan.lost_percent = 100;
    plan.recheck_ns = 100000000;
    all_end_well(20);
}

Test(ump_checked, if_nothing_arrives_the_sender_gives_up_in_time)
{
    plan = (struct plan){ .lines = 33, .messages = { 3, 0 }, .percent = 100, .faults = 1u << DROP };
    cr_assert(!runs_well(1));
    cr_assert_eq(err_no(sides[0].error), LIB_ERR_CHAN_PEER_DEAD);
    cr_assert_geq(now, 2000000000u);
    cr_assert_leq(now, 2400000000u);
    tear_down_side(0);
    tear_down_side(1);
}

Test(ump_checked, what_was_received_is_private)
{
    volatile struct ump_message *line;
    struct ump_control control;
    unsigned type;

    plan = (struct plan){ .lines = 33 };
    set_up_side(0);
    set_up_side(1);
    running = 0;
    line = ump_chan_get_next(&sides[0].chan, &control);
    line->data[0] = 77;
    ump_chan_commit(&sides[0].chan, line, control, TYPE);
    carry_lines(0);
    running = 1;
    cr_assert(err_is_ok(ump_chan_recv(&sides[1].chan, &line, &type)));
    memset(sides[1].in, 0xff, sizeof(struct line));
    cr_assert_eq(line->data[0], 77);
    cr_assert_eq(type, (unsigned)TYPE);
    tear_down_side(0);
    tear_down_side(1);
}

Test(ump_checked, table_and_instruction_agree)
{
    crc32c_init();
    if (!crc32c_in_hardware)
        cr_skip_test("this processor has no crc32 instruction");
    for (unsigned i = 0; i < 1000; i++) {
        const uint64_t crc = (uint32_t)draw(), word = draw();

        cr_assert_eq(crc32c_instruction(crc, word), crc32c_from_table(crc, word));
    }
    /* the check value of the code: of "12345678" */
    uint64_t eight = crc32c_from_table(0xffffffff, 0x3837363534333231);
    cr_assert_eq(eight, 0xffffffff ^ 0x6087809a);
}

Test(ump_checked, without_the_sequence_number)
{
    plan = mixed;
    some_end_badly(SEQUENCE);
}

Test(ump_checked, without_the_check)
{
    plan = mixed;
    some_end_badly(CHECK);
}

Test(ump_checked, without_the_new_acknowledgement)
{
    plan = mixed;
    plan.lines = UMP_MIN_LINES;
    some_end_badly(NEW_ACK);
}

Test(ump_checked, without_writing_again)
{
    plan = mixed;
    some_end_badly(AGAIN);
}

Test(ump_checked, without_looking_back)
{
    plan = mixed;
    some_end_badly(LOOK_BACK);
}
