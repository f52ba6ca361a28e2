/* SPDX-License-Identifier: MIT
 *
 * Sleeping beside a UMP channel: every order of the steps of two dispatchers (docs/ump-wakeup.md).
 *
 * The code is the library's own, included here with UMP_STEP filled in: each step of a side is a
 * place where the other side, or the arrival of a notification, may come first.  Each side is a
 * coroutine; a schedule is a list of choices, and a run repeats it from the beginning.  A state
 * that was seen before (memory of both sides and of the rings, and what each side has read since it
 * last began its loop) is not followed twice, so what is tried is everything.  The fault looked
 * for: nobody can go on, though the talk is not over.  Each rule of the protocol is also broken on
 * purpose, and then that must be found.
 */
/* link: guest/user/lib/barrelfish/channels/connection.c guest/user/lib/barrelfish/ring/crc32c.c */
/* link: guest/user/lib/barrelfish/ring/ump_check.c */
#include <stdint.h>

static void ump_step(const char *what, const volatile void *word);
#define UMP_STEP(what, word) ump_step((what), (word))

enum rule { NOTHING, NEW_NUMBERS, NOT_WHILE_ARMED, BEFORE_SLEEP, LOOK_AFTER_LINES };
static enum rule left_out;
#define UMP_SLEEP_LEAVES_OUT(rule) (left_out == (rule))

/* Channels doze from the first sleep on, but for so many. */
static unsigned awake_channels = 8, sleeps_before_dozing;
#define UMP_QUIET_SLEEPS sleeps_before_dozing
#define UMP_AWAKE_CHANNELS awake_channels

#include "../../guest/user/lib/barrelfish/channels/ump_chan.c"
#include "../../guest/user/lib/barrelfish/channels/ump_checked.c"
#include "../../guest/user/lib/barrelfish/channels/ump_sleep.c"
#include "../../guest/user/lib/barrelfish/events/waitset.c"
#include "../../guest/user/lib/barrelfish/events/waitset_chan.c"
#include "../../guest/user/lib/barrelfish/ring/ump_ring.c"

#include <barrelfish/monitor_client.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_ump.h"

#define RING_BYTES (UMP_MIN_LINES * UMP_LINE_BYTES)
#define STACK_BYTES (64 << 10)
#define STEPS_MAX 4000
#define STATES_MAX (1u << 21)
#define RECHECK_NS 1000
#define BATCH_MAX 4

/* ---- two dispatchers ---- */

struct side {
    char frame[DISPATCHER_FRAME_BYTES] __attribute__((aligned(4096)));
    struct core_state core_state;
    struct thread thread;
    struct ump_chan chan;
    struct ump_chan silent; /* never has anything */
    struct waitset ws;
    unsigned sent, received;
    bool send_waits;  /* registered for room */
    bool asleep;      /* in the kernel */
    bool waits;       /* does not sleep, but has nothing to do until there is a line */
    bool notified;    /* a notification is under way to it */
    const char *step; /* where it stands, and what it read since it began its loop */
    const volatile void *word;
    uint64_t history;
};

static struct side sides[2];
static unsigned running; /* index of the side whose code runs */
static char rings[2][RING_BYTES] __attribute__((aligned(64)));
static char silent_rings[2][2][RING_BYTES] __attribute__((aligned(64)));
static void *contexts[2], *scheduler; /* stack pointers of those that do not run */
static char stacks[2][STACK_BYTES] __attribute__((aligned(64)));

/* As swapcontext(), but without its two system calls: a search makes tens of millions of these. */
void switch_stack(void **from, void *to);
__asm__(".text\n"
        "switch_stack:\n"
        "push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n"
        "mov %rsp, (%rdi)\n"
        "mov %rsi, %rsp\n"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp\n"
        "ret\n");

/* What the two say to each other. */
static struct talk {
    unsigned first_sends;  /* messages side 0 sends before it waits for an answer */
    unsigned second_sends; /* messages side 1 sends: 0: an answer for each `first_sends` */
    unsigned rounds;
    bool one_shot;         /* registers to receive each time; else it listens */
    unsigned sleepers;     /* bit i: side i sleeps when it has nothing to do */
    unsigned switches_max; /* turns of one side cut short by the other; 0: any number */
    bool has_silent;       /* each side listens to another channel besides */
    bool several_lines;    /* sends and takes them as the middle of a long message */
} talk;

static enum {
    SOUND,
    SEEN_LATE,    /* the last look takes notifications for seen: what it was until they were lost */
    NO_LAST_LOOK, /* sleeps at once when the flags are set */
    NOT_COMPARED, /* the kernel does not ask whether a notification came */
    FLAG_KEPT,    /* the same wake word serves for two sleeps */
    DROPPED,      /* no notification arrives */
} fault;
static bool rechecks;

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

static uint64_t mix(uint64_t h, uint64_t value)
{
    h = (h ^ value) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static void ump_step(const char *what, const volatile void *word)
{
    struct side *me = &sides[running];
    const unsigned self = running;

    me->step = what;
    me->word = word;
    switch_stack(&contexts[self], scheduler);
    me->history = mix(me->history, (uintptr_t)what);
    if (word != NULL)
        me->history = mix(me->history, *(const volatile uint32_t *)word);
}

/* ---- what the library calls ---- */

void disp_check_unpolled_disabled(dispatcher_handle_t handle)
{
    struct dispatcher_shared *shared = get_dispatcher_shared(handle);

    if (fault == SEEN_LATE) {
        ump_step("take notifications for seen", &shared->notified);
        shared->notify_seen = shared->notified;
    }
    ump_channels_retry_send_disabled(handle);
    if (get_dispatcher_generic(handle)->dozing_channels != NULL)
        ump_channels_look_at_dozing_disabled(handle);
}

void disp_check_events_disabled(dispatcher_handle_t handle)
{
    if (fault == NO_LAST_LOOK && get_dispatcher_generic(handle)->ump_armed)
        return;
    disp_check_unpolled_disabled(handle);
    poll_channels_disabled(handle);
}

struct sysret sys_invoke_raw(uint64_t rsi, uint64_t rdx, const uintptr_t *words)
{
    (void)rsi, (void)rdx, (void)words;
    sides[1 - running].notified = fault != DROPPED;
    return SYSRET(SYS_ERR_OK);
}

/* ---- the talk ---- */

static unsigned total_of(unsigned side)
{
    if (side == 0)
        return talk.first_sends * talk.rounds;
    return talk.second_sends != 0 ? talk.second_sends : talk.rounds;
}

static bool over(void)
{
    return sides[0].received == total_of(1) && sides[1].received == total_of(0);
}

/* How many messages a side may have sent by now. */
static unsigned allowed(const struct side *s)
{
    if (talk.second_sends != 0)
        return total_of((unsigned)(s - sides));
    unsigned allowance =
        s == &sides[0] ? (s->received + 1) * talk.first_sends : s->received / talk.first_sends;

    return allowance < total_of((unsigned)(s - sides)) ? allowance
                                                       : total_of((unsigned)(s - sides));
}

static void send_some(void *arg);

/* Lines behind one that was sent by itself, as many as there is room for. */
static void send_several(struct side *me)
{
    uint64_t words[UMP_PAYLOAD_WORDS * BATCH_MAX] = { 0 };
    const size_t count = allowed(me) - me->sent;

    cr_assert_leq(count, BATCH_MAX);
    for (size_t i = 0; i < count; i++)
        words[UMP_PAYLOAD_WORDS * i] = me->sent + i + 1;
    const size_t lines = ump_chan_send_lines(&me->chan, UMP_MSGTYPE_FIRST_USER, words, count);

    me->sent += (unsigned)lines;
}

static void try_to_send(struct side *me)
{
    while (!me->send_waits && me->sent < allowed(me)) {
        struct ump_control control;
        volatile struct ump_message *line = ump_chan_get_next(&me->chan, &control);

        if (line == NULL) {
            me->send_waits = true;
            cr_assert(
                err_is_ok(ump_chan_register_send(&me->chan, &me->ws, MKCLOSURE(send_some, me))));
            return;
        }
        line->data[0] = ++me->sent;
        ump_chan_commit(&me->chan, line, control, UMP_MSGTYPE_FIRST_USER);
        if (talk.several_lines)
            send_several(me);
    }
}

static void send_some(void *arg)
{
    struct side *me = arg;

    me->send_waits = false;
    try_to_send(me);
}

static void receive(void *arg);

static void await_message(struct side *me, bool first)
{
    struct event_closure closure = MKCLOSURE(receive, me);

    if (talk.one_shot)
        cr_assert(err_is_ok(ump_chan_register_recv(&me->chan, &me->ws, closure)));
    else if (first)
        cr_assert(err_is_ok(ump_chan_listen(&me->chan, &me->ws, closure)));
    else
        cr_assert(ump_chan_listen_again(&me->chan, false));
}

static void take_several(struct side *me)
{
    uint64_t words[UMP_PAYLOAD_WORDS * BATCH_MAX];
    const size_t lines = ump_chan_recv_lines(&me->chan, UMP_MSGTYPE_FIRST_USER, words, BATCH_MAX);

    for (size_t i = 0; i < lines; i++)
        cr_assert_eq(words[UMP_PAYLOAD_WORDS * i], ++me->received, "in order");
}

static void receive(void *arg)
{
    struct side *me = arg;
    volatile struct ump_message *line;
    unsigned type;

    if (err_is_ok(ump_chan_recv(&me->chan, &line, &type))) {
        cr_assert_eq(line->data[0], ++me->received, "in order");
        ump_chan_recv_done(&me->chan);
        if (talk.several_lines)
            take_several(me);
    }
    await_message(me, false);
}

/* As dispatch.c idles. */
static void idle_once(struct side *me)
{
    dispatcher_handle_t handle = disp_disable();

    disp_check_events_disabled(handle);
    if ((talk.sleepers >> running & 1) == 0) {
        if (me->ws.pending == NULL) {
            me->waits = true;
            ump_step("waits", NULL);
            me->waits = false;
        }
    } else if (me->ws.pending == NULL) {
        bool may_sleep = ump_channels_arm_disabled(handle);

        if (fault == FLAG_KEPT)
            me->chan.ring.send.control->wake = 1;
        if (may_sleep && me->ws.pending == NULL) {
            ump_step("yield", &shared_of(me)->notified);
            if (fault == NOT_COMPARED || shared_of(me)->notified == shared_of(me)->notify_seen) {
                me->asleep = true;
                ump_step("asleep", NULL);
            }
        }
        ump_channels_disarm_disabled(handle);
    }
    disp_enable(handle);
}

static void live(void)
{
    struct side *me = &sides[running];

    await_message(me, true);
    if (talk.has_silent)
        cr_assert(err_is_ok(ump_chan_listen(&me->silent, &me->ws, MKCLOSURE(receive, me))));
    for (;;) {
        try_to_send(me);
        if (err_is_fail(event_dispatch_non_block(&me->ws)))
            idle_once(me);
        me->history = 0; /* all it knows is in its memory */
    }
}

/* ---- the scheduler ---- */

enum choice { RUN_0, RUN_1, NOTIFY_0, NOTIFY_1, CHOICES };

static unsigned char path[STEPS_MAX]; /* choices made, and for each which ones are left to try */
static unsigned char left[STEPS_MAX];
static unsigned switches; /* in this run so far */
static unsigned depth;
static uint64_t *seen;
static unsigned states, runs;

static void set_up_side(unsigned i)
{
    struct side *s = &sides[i];
    struct capref notify = { .cnode = CNODE_L2(7), .slot = 1 };

    running = i;
    memset(s, 0, sizeof(*s));
    get_dispatcher_generic(curdispatcher())->core_state = &s->core_state;
    get_dispatcher_generic(curdispatcher())->current = &s->thread;
    get_dispatcher_generic(curdispatcher())->ump_recheck_ns = rechecks ? RECHECK_NS : 0;
    waitset_init(&s->ws);
    cr_assert(err_is_ok(ump_chan_init(&s->chan, rings[i], RING_BYTES, rings[1 - i], RING_BYTES)));
    s->chan.notify_cap = notify;
    cr_assert(err_is_ok(
        ump_chan_init(&s->silent, silent_rings[i][0], RING_BYTES, silent_rings[i][1], RING_BYTES)));
    /* what switch_stack takes off it: six registers, where to go, and no way back from there */
    void **top = (void **)(stacks[i] + STACK_BYTES) - 8;
    memset(top, 0, 8 * sizeof(*top));
    top[6] = (void *)live;
    contexts[i] = top;
    s->step = "begin";
}

static void go(unsigned side)
{
    running = side;
    switch_stack(&scheduler, contexts[side]);
}

static unsigned possible(void)
{
    unsigned set = 0;

    for (unsigned i = 0; i < 2; i++) {
        struct side *s = &sides[i];
        const struct ump_ring_pair *ring = &s->chan.ring;
        bool line = UMP_CONTROL_EPOCH(ring->recv.next->control) == ring->recv.epoch;
        bool room = s->send_waits && ump_ring_window(ring) > 0;
        bool idles = s->asleep || (s->waits && !line && !room);

        set |= idles ? 0 : 1u << (RUN_0 + i);
        set |= sides[i].notified ? 1u << (NOTIFY_0 + i) : 0;
    }
    return set;
}

static void make(enum choice choice)
{
    if (choice == RUN_0 || choice == RUN_1) {
        go(choice - RUN_0);
        return;
    }
    struct side *s = &sides[choice - NOTIFY_0];

    s->notified = false;
    shared_of(s)->notified++;
    s->asleep = false;
}

/* Time passes only when nothing else can happen. */
static bool time_passes(void)
{
    bool woken = false;

    for (unsigned i = 0; i < 2; i++) {
        running = i;
        if (ump_channels_recheck_time(curdispatcher()) != 0) {
            sides[i].asleep = false;
            woken = true;
        }
    }
    return woken;
}

static uint64_t hash(uint64_t h, const void *memory, size_t bytes)
{
    const uint64_t *words = memory;

    for (size_t i = 0; i < bytes / 8; i++)
        h = mix(h, words[i]);
    return h;
}

static uint64_t state_now(void)
{
    uint64_t h = hash(hash(switches, rings, sizeof(rings)), silent_rings, sizeof(silent_rings));

    for (unsigned i = 0; i < 2; i++) {
        const struct dispatcher_shared *shared = shared_of(&sides[i]);
        dispatcher_handle_t handle = (dispatcher_handle_t)sides[i].frame;

        h = mix(h, (uint64_t)shared->notified << 32 | shared->notify_seen);
        h = hash(h, get_dispatcher_generic(handle), sizeof(struct dispatcher_generic));
        h = hash(h, &sides[i].chan, sizeof(sides[i]) - offsetof(struct side, chan));
    }
    return h | 1;
}

/* False: it was there before. */
static bool remember(uint64_t state)
{
    uint64_t slot = state >> 20 & (STATES_MAX - 1);

    while (seen[slot] != 0 && seen[slot] != state)
        slot = (slot + 1) & (STATES_MAX - 1);
    if (seen[slot] == state)
        return false;
    seen[slot] = state;
    cr_assert_lt(++states, STATES_MAX / 2, "more states than this test was made for");
    return true;
}

/* One run: repeats the first `depth` choices, then takes the first way at each fork.  False: it
 * ended where nobody can go on. */
static bool run_once(void)
{
    runs++;
    unsigned last = RUN_0;
    memset(rings, 0, sizeof(rings));
    memset(silent_rings, 0, sizeof(silent_rings));
    set_up_side(0);
    set_up_side(1);
    switches = 0;
    for (unsigned step = 0;; step++) {
        if (over())
            return true;
        unsigned set = possible();
        if (set == 0) {
            if (!rechecks || !time_passes()) {
                depth = step;
                return false;
            }
            set = possible();
        }
        const bool cut = (set >> last & 1) != 0; /* whoever comes next cuts a turn short */
        if (cut && talk.switches_max != 0 && switches == talk.switches_max)
            set = 1u << last | (set & (1u << NOTIFY_0 | 1u << NOTIFY_1));
        if (step == depth) {
            if (!remember(state_now()))
                return true;
            cr_assert_lt(depth, STEPS_MAX);
            path[depth] = (unsigned char)__builtin_ctz(set);
            left[depth] = (unsigned char)(set & (set - 1));
            depth++;
        }
        if (path[step] <= RUN_1) {
            switches += talk.switches_max != 0 && cut && path[step] != last;
            last = path[step];
        }
        make(path[step]);
    }
}

static bool next_schedule(void)
{
    while (depth > 0 && left[depth - 1] == 0)
        depth--;
    if (depth == 0)
        return false;
    path[depth - 1] = (unsigned char)__builtin_ctz(left[depth - 1]);
    left[depth - 1] &= left[depth - 1] - 1;
    return true;
}

/* Does any order of steps end where nobody can go on? */
static bool hangs(struct talk what)
{
    talk = what;
    depth = states = runs = 0;
    seen = calloc(STATES_MAX, sizeof(*seen));
    cr_assert_not_null(seen);
    bool hang = false;
    do {
        hang = !run_once();
    } while (!hang && next_schedule());
    free(seen);
    return hang;
}

static void must_not_hang(struct talk what)
{
    bool hang = hangs(what);

    cr_assert_not(hang,
                  "after %u steps nobody goes on: side 0 got %u of %u (%s), side 1 %u of %u (%s)",
                  depth, sides[0].received, total_of(1), sides[0].step, sides[1].received,
                  total_of(0), sides[1].step);
    fprintf(stderr, "%u states, %u runs\n", states, runs);
}

/* Two messages make an acknowledgement due; the answer comes behind it. */
static const struct talk asker_sleeps = { .first_sends = 2, .rounds = 2, .sleepers = 1 };
static const struct talk asker_registers = {
    .first_sends = 2, .rounds = 2, .sleepers = 1, .one_shot = true
};
static const struct talk server_sleeps = {
    .first_sends = 2, .rounds = 2, .sleepers = 2, .switches_max = 4
};
/* Three are more than the window takes: side 0 sleeps for room. */
static const struct talk sender_sleeps = { .first_sends = 3, .rounds = 1, .sleepers = 1 };
/* Both send more than it takes, at once. */
static const struct talk crossing = {
    .first_sends = 3, .second_sends = 3, .rounds = 1, .sleepers = 1, .switches_max = 3
};
/* Both sleep. */
static const struct talk both_sleep = {
    .first_sends = 2, .rounds = 2, .sleepers = 3, .switches_max = 2
};

/* The receiver sleeps while lines of one message come, and the sender for room in between. */
static const struct talk several_lines = {
    .first_sends = 4, .rounds = 1, .sleepers = 2, .switches_max = 4, .several_lines = true
};
static const struct talk several_lines_both_sleep = {
    .first_sends = 4, .rounds = 2, .sleepers = 3, .switches_max = 2, .several_lines = true
};

TestSuite(ump_wakeup, .timeout = 600);

Test(ump_wakeup, the_asker_sleeps)
{
    must_not_hang(asker_sleeps);
}

Test(ump_wakeup, a_sender_sleeps_for_room)
{
    must_not_hang(sender_sleeps);
}

Test(ump_wakeup, the_same_with_registrations)
{
    must_not_hang(asker_registers);
}

Test(ump_wakeup, a_receiver_sleeps)
{
    must_not_hang(server_sleeps);
}

Test(ump_wakeup, both_send_at_once)
{
    must_not_hang(crossing);
}

Test(ump_wakeup, both_sleep)
{
    must_not_hang(both_sleep);
}

Test(ump_wakeup, several_lines_have_one_look_at_the_wake_word)
{
    must_not_hang(several_lines);
    must_not_hang(several_lines_both_sleep);
}

Test(ump_wakeup, several_lines_to_a_channel_that_dozes)
{
    awake_channels = 0;
    must_not_hang(several_lines);
}

Test(ump_wakeup, lost_notifications_delay_but_do_not_stop)
{
    fault = DROPPED;
    cr_assert(hangs(asker_sleeps), "without rechecks they do stop");
    rechecks = true;
    must_not_hang(asker_sleeps);
}

/* ---- channels that doze ---- */

/* Which of the two it is depends on where the last round of polling ended: both are tried. */
static const struct talk beside_a_silent_one = {
    .first_sends = 2, .rounds = 2, .sleepers = 1, .has_silent = true, .switches_max = 3
};

Test(ump_wakeup, a_channel_dozes_while_the_asker_sleeps)
{
    awake_channels = 0;
    must_not_hang(asker_sleeps);
}

Test(ump_wakeup, a_channel_that_dozes_can_be_parked)
{
    awake_channels = 0;
    must_not_hang(sender_sleeps);
    must_not_hang(crossing);
}

Test(ump_wakeup, a_channel_that_dozes_can_be_registered_again)
{
    awake_channels = 0;
    must_not_hang(asker_registers);
}

Test(ump_wakeup, both_sleep_and_their_channels_doze)
{
    awake_channels = 0;
    must_not_hang(both_sleep);
}

Test(ump_wakeup, one_of_two_channels_dozes)
{
    awake_channels = 1;
    must_not_hang(beside_a_silent_one);
}

Test(ump_wakeup, lost_notifications_delay_channels_that_doze)
{
    awake_channels = 0;
    fault = DROPPED;
    cr_assert(hangs(asker_sleeps), "without rechecks they do stop");
    rechecks = true;
    must_not_hang(asker_sleeps);
}

Test(ump_wakeup, finds_numbers_that_are_kept_after_a_notification)
{
    awake_channels = 0;
    left_out = NEW_NUMBERS;
    cr_assert(hangs(asker_sleeps));
}

Test(ump_wakeup, finds_notifications_seen_while_wake_flags_are_being_set)
{
    awake_channels = 1;
    left_out = NOT_WHILE_ARMED;
    cr_assert(hangs(beside_a_silent_one));
}

Test(ump_wakeup, finds_notifications_before_sleep_that_nobody_looks_after)
{
    awake_channels = 0;
    left_out = BEFORE_SLEEP;
    cr_assert(hangs(asker_sleeps));
}

/* ---- each rule is needed ---- */

Test(ump_wakeup, finds_notifications_taken_for_seen_by_the_last_look)
{
    fault = SEEN_LATE;
    cr_assert(hangs(asker_sleeps));
}

Test(ump_wakeup, finds_a_missing_last_look)
{
    fault = NO_LAST_LOOK;
    cr_assert(hangs(asker_sleeps));
}

Test(ump_wakeup, finds_a_kernel_that_does_not_compare)
{
    fault = NOT_COMPARED;
    cr_assert(hangs(asker_sleeps));
}

Test(ump_wakeup, finds_a_wake_word_used_twice)
{
    fault = FLAG_KEPT;
    cr_assert(hangs(asker_sleeps));
}

/* The look after the line before them does not do: the receiver may have taken that one and
 * slept. */
Test(ump_wakeup, finds_several_lines_without_a_look_after_the_last)
{
    left_out = LOOK_AFTER_LINES;
    cr_assert(hangs(several_lines));
}
