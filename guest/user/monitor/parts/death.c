/* SPDX-License-Identifier: MIT
 *
 * Cores that die, and come back: heartbeats, what the agreement (base/agreement.h,
 * docs/agreement.md) makes of them, the fence, and telling who must know.
 *
 * `heartbeat=TIME` on the monitor's line of the menu switches it on.  Each tick says to all other
 * monitors what this one knows; a change is said at once.  One message at a time waits for each of
 * them and says what is so when it leaves, so who does not read costs nothing.  What is counted is
 * own ticks, not time: a monitor that was not let run has not waited.  Ticks in which the host did
 * not let the silent core run do not count either.
 *
 * When a core is in the view it is fenced, and changes no byte any more.  Then all parts give up
 * what they had with it, in the order that main.c names, and its channel goes.  What is left after
 * that, since domains may take their time, is looked at with each tick, without heartbeats ever
 * less often; when nothing is, the others are told.  When all have told the starter, the dead
 * core's memory goes back, and it may be started again.  Must not let go of anything of a core that
 * is only suspected.
 */
#include "../base/agreement.h"
#include "../base/options.h"
#include "../mouths/peers.h"
#include "parts.h"

#define LOOK_MIN_US 100
#define LOOK_MAX_US 1000000

static struct agreement agreement;
static const struct death_hooks *hooks;
static struct deferred_event tick_event; /* without heartbeats: the next look */
static bool busy;                        /* this monitor may be silent for long */
static uint32_t lives[ABI_MAX_CORES];
static uint64_t not_given_up;            /* dead cores of which we still have something */
static uint64_t expected[ABI_MAX_CORES]; /* who has not given it up yet, */
static uint64_t early[ABI_MAX_CORES];    /* or did before its death was known here */
static uint64_t not_free;                /* dead cores of which somebody still has something */
static uint64_t late_ns[ABI_MAX_CORES];  /* how long the host had let them wait, when asked last, */
static uint64_t late_known;              /* which was one tick ago */
static bool waiting[ABI_MAX_CORES], again[ABI_MAX_CORES]; /* messages that say what is so */

/* ---- saying ---- */

struct alive_item {
    struct send_item item;
    coreid_t core;
};

static errval_t send_alive(struct send_queue *queue, struct send_item *item,
                           struct event_closure cont)
{
    const struct agreement_words *is = &agreement.is;
    (void)item;
    return intermon_alive__tx(queue->binding, cont, is->epoch, is->members, is->suspects, is->view,
                              busy);
}

static void say_alive(coreid_t core, bool has_changed);

static void alive_left(struct send_item *item, errval_t err)
{
    const coreid_t core = ((struct alive_item *)item)->core;
    waiting[core] = false;
    if (again[core] && err_is_ok(err))
        say_alive(core, true);
}

static void say_alive(coreid_t core, bool has_changed)
{
    again[core] = waiting[core] && has_changed;
    if (waiting[core] || !peer_is_connected(core))
        return;
    struct alive_item *alive = malloc(sizeof(*alive));
    if (alive == NULL)
        return; /* the next tick says it */
    *alive = (struct alive_item){ .item = { .send = send_alive, .done = alive_left }, core };
    waiting[core] = true;
    peer_send(core, &alive->item);
}

static void say_to_all(bool has_changed)
{
    if (machine_options.heartbeat_ns == 0 || !agreement_may_speak(&agreement))
        return;
    for (unsigned core = 0; core < ABI_MAX_CORES; core++)
        if (core != my_core && peer_is_connected(core))
            say_alive((coreid_t)core, has_changed);
}

/* ---- what comes of it ---- */

static void look_for_estates(void);

static void give_up(coreid_t core)
{
    debug_printf("core %u is dead\n", core);
    peer_falls_silent(core);
    for (core_hook *const *died = hooks->died; *died != NULL; died++)
        (*died)(core);
    peer_lost(core);
    waiting[core] = again[core] = false;
    not_given_up |= BIT(core);
    for (unsigned other = 0; other < ABI_MAX_CORES; other++)
        expected[other] &= ~BIT(core); /* it will not say so any more */
    expected[core] = agreement.is.members & ~early[core];
    early[core] = 0;
    not_free |= BIT(core);
    if (machine_options.heartbeat_ns == 0)
        look_for_estates();
}

static void fence(uint64_t cores)
{
    for (uint64_t rest = cores; rest != 0; rest &= rest - 1) {
        const coreid_t core = (coreid_t)__builtin_ctzll(rest);
        errval_t err = invoke_kernel_kill_core(cap_kernel, core);
        if (err_is_fail(err))
            DEBUG_ERR(err, "fencing core %u", core);
    }
    agreement_fenced(&agreement, cores);
}

static void follow(void)
{
    const uint64_t cores = agreement_to_fence(&agreement);
    if (cores != 0)
        fence(cores);
    uint64_t died = agreement_take_died(&agreement);
    signals_gone(died);
    for (; died != 0; died &= died - 1)
        give_up((coreid_t)__builtin_ctzll(died));
    if (agreement_take_changed(&agreement))
        say_to_all(true);
}

void death_heard(coreid_t from, uint32_t epoch, uint64_t members, uint64_t suspects, uint64_t view,
                 bool is_busy)
{
    const struct agreement_words words = { epoch, members, suspects, view };
    agreement_hear(&agreement, from, &words);
    signals_gone(view & ~agreement.is.members); /* also of those that had died before we came */
    if (is_busy)
        agreement_excuse(&agreement, from);
    follow();
}

void death_unreachable(coreid_t core)
{
    debug_printf("the monitor of core %u acknowledges nothing any more\n", core);
    peer_falls_silent(core);
    for (core_hook *const *cut = hooks->cut; *cut != NULL; cut++)
        (*cut)(core);
}

/* ---- giving up what it had ---- */

static bool holds_nothing_of(coreid_t core)
{
    for (core_question *const *holds = hooks->holds; *holds != NULL; holds++)
        if ((*holds)(core))
            return false;
    return true;
}

/* Memory of one dead core may have gone on from another: so all are given up before any is used
 * again. */
static void free_dead_cores(void)
{
    for (uint64_t rest = not_free; rest != 0; rest &= rest - 1)
        if (expected[__builtin_ctzll(rest)] != 0)
            return;
    while (not_free != 0) {
        const coreid_t core = (coreid_t)__builtin_ctzll(not_free);
        not_free &= not_free - 1;
        for (core_hook *const *given_up = hooks->given_up; *given_up != NULL; given_up++)
            (*given_up)(core);
        if (my_core == boot_info->boot_core)
            hooks->free(core);
    }
}

static void settle_estates(void)
{
    for (uint64_t rest = not_given_up; rest != 0; rest &= rest - 1) {
        const coreid_t core = (coreid_t)__builtin_ctzll(rest);
        if (!holds_nothing_of(core))
            continue;
        not_given_up &= ~BIT(core);
        for (unsigned other = 0; other < ABI_MAX_CORES; other++)
            if (peer_is_connected(other))
                peer_say((coreid_t)other, &(struct peer_message){ .kind = PEER_GIVEN_UP,
                                                                  .core = core,
                                                                  .incarnation = lives[core] });
        expected[core] &= ~BIT(my_core);
    }
    free_dead_cores();
}

static uint32_t look_us;

static void listen_for_look(void);

static void look(void *arg)
{
    (void)arg;
    settle_estates();
    look_us = 2 * look_us < LOOK_MAX_US ? 2 * look_us : LOOK_MAX_US;
    if (not_given_up != 0)
        listen_for_look();
}

static void listen_for_look(void)
{
    errval_t err =
        deferred_event_register(&tick_event, get_default_waitset(), look_us, MKCLOSURE(look, NULL));
    if (err_is_fail(err))
        DEBUG_ERR(err, "waiting for what is left of a core");
}

/* Not at once: who tells of the death is still at it. */
static void look_for_estates(void)
{
    deferred_event_cancel(&tick_event);
    look_us = LOOK_MIN_US;
    listen_for_look();
}

void death_given_up(coreid_t by, coreid_t core, uint32_t incarnation)
{
    if (core >= ABI_MAX_CORES || lives[core] != incarnation)
        return;
    if ((not_free & BIT(core)) == 0)
        early[core] |= BIT(by);
    expected[core] &= ~BIT(by);
    free_dead_cores();
}

/* ---- ticks ---- */

static void listen_for_tick(void);

/* Cores that are silent, and could not speak for half of this tick or more since the host was busy
 * with something else.  Only those that are silent are asked about: each question is an exit. */
static uint64_t let_wait(void)
{
    const uint64_t silent = agreement_silent(&agreement);
    uint64_t waited = 0;
    for (uint64_t rest = silent; rest != 0; rest &= rest - 1) {
        const coreid_t core = (coreid_t)__builtin_ctzll(rest);
        uint64_t now_late = late_ns[core];
        errval_t err = invoke_kernel_core_late(cap_kernel, core, &now_late);
        if (err_is_fail(err))
            DEBUG_ERR(err, "asking how late core %u is", core);
        if ((late_known & BIT(core)) != 0 &&
            now_late - late_ns[core] > machine_options.heartbeat_ns / 2)
            waited |= BIT(core);
        late_ns[core] = now_late;
    }
    late_known = silent;
    return waited;
}

static void tick(void *arg)
{
    (void)arg;
    listen_for_tick();
    agreement_tick(&agreement, let_wait());
    follow();
    say_to_all(false);
    settle_estates();
    signals_tick(agreement.is.members);
    if (my_core == boot_info->boot_core)
        hooks->tick(agreement.is.view);
}

static void listen_for_tick(void)
{
    errval_t err = deferred_event_register(&tick_event, get_default_waitset(),
                                           (delayus_t)(machine_options.heartbeat_ns / 1000),
                                           MKCLOSURE(tick, NULL));
    if (err_is_fail(err))
        DEBUG_ERR(err, "waiting for the next heartbeat");
}

void death_init(const struct death_hooks *these)
{
    hooks = these;
    lives[my_core] = my_incarnation;
    busy = my_core == boot_info->boot_core;
    agreement_init(&agreement, my_core, (coreid_t)boot_info->boot_core);
    deferred_event_init(&tick_event);
    tick_event.keeps_house = true;
    if (machine_options.heartbeat_ns != 0)
        listen_for_tick();
}

/* ---- who there is ---- */

void death_welcomed(uint32_t epoch, uint64_t members)
{
    agreement_welcome(&agreement, epoch, members);
    follow();
}

void death_joins(coreid_t core, uint32_t epoch, uint32_t incarnation)
{
    agreement_join(&agreement, core, epoch);
    follow();
    signals_back(core);
    lives[core] = incarnation;
    early[core] = 0;
    if (incarnation > 0)
        for (void (*const *back)(coreid_t, uint32_t) = hooks->back; *back != NULL; back++)
            (*back)(core, incarnation);
}

void death_linked(coreid_t core)
{
    agreement_link(&agreement, core);
    follow();
}

uint32_t death_next_epoch(void)
{
    return agreement.is.epoch + 1;
}

uint64_t death_members(void)
{
    return agreement.is.members;
}

bool core_is_dead(coreid_t core)
{
    return core < ABI_MAX_CORES && (agreement.is.view & BIT(core)) != 0;
}

uint32_t core_incarnation(coreid_t core)
{
    return lives[core];
}

void death_stopped(coreid_t core)
{
    agreement_stopped(&agreement, core);
    follow();
    for (unsigned other = 0; other < ABI_MAX_CORES; other++)
        if (other != my_core && peer_is_connected(other))
            say_alive((coreid_t)other, true); /* also without heartbeats */
}

void death_busy(bool now)
{
    if (busy == now)
        return;
    busy = now;
    say_to_all(true);
}
