/* SPDX-License-Identifier: MIT
 *
 * See agreement.h.  The sets only ever change by grow(), by a death, and by a join; each change
 * takes all votes back but the own one.  Must never take a suspicion back while the suspect lives,
 * and never decide for less than most of the members: these are the rules without which two sides
 * kill each other.
 */
#include "agreement.h"

#include <assert.h>
#include <string.h>

/* Tests leave rules out, to see that they are missed. */
#ifndef AGREEMENT_LEAVES_OUT
#define AGREEMENT_LEAVES_OUT(rule) false
#endif

#define BIT(core) (UINT64_C(1) << (core))

static bool has(uint64_t set, unsigned core)
{
    return (set >> core & 1) != 0;
}

static uint64_t side(const struct agreement *a)
{
    return a->is.members & ~a->is.suspects;
}

/* More than half of the members, or half of them with the lowest one. */
static bool is_most(uint64_t some, uint64_t members)
{
    const int in = __builtin_popcountll(some), all = __builtin_popcountll(members);
    if (AGREEMENT_LEAVES_OUT(MAJORITY))
        return true;
    return 2 * in > all || (2 * in == all && (some & members & -members) != 0);
}

static void settle(struct agreement *a)
{
    const enum agreement_state was = a->state;
    if (!a->connected && (side(a) & ~a->linked & ~BIT(a->me)) == 0)
        a->connected = a->changed = true; /* the others wait for the first word */
    if (a->is.suspects == 0)
        a->state = AGREEMENT_CALM;
    else if (agreement_may_speak(a) && (a->votes & side(a)) == side(a) &&
             is_most(side(a), a->is.members))
        a->state = AGREEMENT_DECIDED;
    else
        a->state = AGREEMENT_SUSPECTING;
    a->changed |= a->state != was;
}

static void changed(struct agreement *a)
{
    a->votes = BIT(a->me);
    a->changed = true;
    settle(a);
}

static void suspect(struct agreement *a, uint64_t cores)
{
    cores &= side(a) & ~BIT(a->me);
    if (cores == 0)
        return;
    a->is.suspects |= cores;
    changed(a);
}

static void forget(struct agreement *a, unsigned core)
{
    a->silent[core] = a->accuses[core] = 0;
    a->accused[core] = 0;
    a->heard &= ~BIT(core);
    a->spoken &= ~BIT(core);
    a->linked &= ~BIT(core);
}

static void dead(struct agreement *a, uint64_t cores)
{
    cores &= a->is.members & ~BIT(a->me);
    if (cores == 0)
        return;
    a->is.members &= ~cores;
    a->is.suspects &= ~cores;
    a->is.view |= cores;
    a->died |= cores;
    for (uint64_t rest = cores; rest != 0; rest &= rest - 1)
        forget(a, (unsigned)__builtin_ctzll(rest));
    changed(a);
}

void agreement_init(struct agreement *a, coreid_t me, coreid_t starter)
{
    memset(a, 0, sizeof(*a));
    a->me = me;
    a->starter = starter;
    a->is.members = a->votes = BIT(me);
    a->connected = me == starter;
}

void agreement_welcome(struct agreement *a, uint32_t epoch, uint64_t members)
{
    a->is.epoch = epoch;
    a->is.members |= members;
    for (unsigned core = 0; core < AGREEMENT_CORES; core++)
        if (has(members, core))
            a->joined[core] = epoch;
    changed(a);
}

void agreement_join(struct agreement *a, coreid_t core, uint32_t epoch)
{
    assert(core < AGREEMENT_CORES && core != a->me);
    if (epoch <= a->is.epoch)
        return; /* somebody else has told us, when the starter was silent */
    dead(a, BIT(core));
    a->is.epoch = epoch;
    a->is.view &= ~BIT(core);
    a->is.members |= BIT(core);
    a->joined[core] = epoch;
    forget(a, core);
    changed(a);
}

void agreement_link(struct agreement *a, coreid_t core)
{
    a->linked |= BIT(core);
    settle(a);
    a->changed |= a->connected; /* the other one waits for the first word, too */
}

bool agreement_may_speak(const struct agreement *a)
{
    if (AGREEMENT_LEAVES_OUT(SPEAKS_ON))
        return (side(a) & ~a->linked & ~BIT(a->me)) == 0;
    return a->connected;
}

/* Whom to suspect of two that were heard, one of which suspects the other: the accuser, or if both
 * do, the one with the higher number. */
static uint64_t false_accuser(const struct agreement *a, unsigned accuser, uint64_t victims)
{
    for (uint64_t rest = victims; rest != 0; rest &= rest - 1) {
        const unsigned victim = (unsigned)__builtin_ctzll(rest);
        const uint64_t says = victim == a->me ? a->is.suspects : a->accused[victim];
        if (!has(says, accuser) || victim < accuser)
            return BIT(accuser);
    }
    return 0;
}

uint64_t agreement_silent(const struct agreement *a)
{
    return side(a) & ~a->heard & ~BIT(a->me);
}

void agreement_tick(struct agreement *a, uint64_t waited)
{
    uint64_t found = 0;
    const uint64_t heard = a->heard | BIT(a->me);
    a->heard = 0;
    for (uint64_t rest = side(a) & ~BIT(a->me); rest != 0; rest &= rest - 1) {
        const unsigned core = (unsigned)__builtin_ctzll(rest);
        const bool may_be_mute = a->connected || has(a->linked, core);
        const unsigned limit = has(a->spoken, core) ? AGREEMENT_SILENT_TICKS
                               : may_be_mute        ? AGREEMENT_JOIN_TICKS
                                                    : AGREEMENT_LINK_TICKS;
        if (!has(heard, core)) {
            a->accuses[core] = 0;
            if (!has(waited, core) && ++a->silent[core] >= limit)
                found |= BIT(core);
            continue;
        }
        a->silent[core] = 0;
        const uint64_t victims = a->accused[core] & heard & a->is.members;
        if (victims == 0)
            a->accuses[core] = 0;
        else if (++a->accuses[core] >= AGREEMENT_SILENT_TICKS)
            found |= false_accuser(a, core, victims);
    }
    suspect(a, found);
}

/* Cores of which we have not heard that they joined, since the starter is silent: nobody can reach
 * all members that does not know them, so they are as good as silent themselves. */
static void catch_up(struct agreement *a, const struct agreement_words *words)
{
    const uint64_t news = words->members & ~a->is.members;
    if (has(side(a), a->starter))
        return; /* it will say so */
    a->is.epoch = words->epoch;
    for (uint64_t rest = news; rest != 0; rest &= rest - 1) {
        const unsigned core = (unsigned)__builtin_ctzll(rest);
        forget(a, core);
        a->joined[core] = words->epoch;
    }
    a->is.members |= news;
    a->is.view &= ~news;
    changed(a);
    suspect(a, news);
}

/* A death counts for the life of which the speaker knew. */
static uint64_t news_of_deaths(const struct agreement *a, const struct agreement_words *words)
{
    uint64_t cores = words->view & a->is.members;
    for (uint64_t rest = cores; rest != 0; rest &= rest - 1) {
        const unsigned core = (unsigned)__builtin_ctzll(rest);
        if (a->joined[core] > words->epoch && !AGREEMENT_LEAVES_OUT(EPOCHS))
            cores &= ~BIT(core);
    }
    return cores;
}

void agreement_hear(struct agreement *a, coreid_t from, const struct agreement_words *words)
{
    if (from >= AGREEMENT_CORES || from == a->me || !has(a->is.members, from))
        return; /* it is dead, whatever it had sent before */
    dead(a, news_of_deaths(a, words));
    if (words->epoch > a->is.epoch)
        catch_up(a, words);
    if (AGREEMENT_LEAVES_OUT(SUSPICIONS_STAY) && has(a->is.suspects, from)) {
        a->is.suspects &= ~BIT(from);
        changed(a);
    }
    if (!has(side(a), from))
        return;
    a->heard |= BIT(from);
    a->spoken |= BIT(from);
    a->accused[from] = words->suspects;
    if (words->epoch == a->is.epoch && words->members == a->is.members &&
        (words->suspects == a->is.suspects || AGREEMENT_LEAVES_OUT(SAME_SETS))) {
        a->votes |= BIT(from);
        settle(a);
    }
}

void agreement_excuse(struct agreement *a, coreid_t core)
{
    a->spoken &= ~BIT(core);
}

uint64_t agreement_to_fence(const struct agreement *a)
{
    const bool lowest = (side(a) & -side(a)) == BIT(a->me);
    return a->state == AGREEMENT_DECIDED && lowest ? a->is.suspects : 0;
}

void agreement_fenced(struct agreement *a, uint64_t cores)
{
    assert(a->state == AGREEMENT_DECIDED && cores == a->is.suspects);
    a->state = AGREEMENT_FENCED;
    dead(a, cores);
}

void agreement_stopped(struct agreement *a, coreid_t core)
{
    assert(a->me == a->starter && core != a->me);
    dead(a, BIT(core));
}

uint64_t agreement_take_died(struct agreement *a)
{
    const uint64_t died = a->died;
    a->died = 0;
    return died;
}

bool agreement_take_changed(struct agreement *a)
{
    const bool was = a->changed;
    a->changed = false;
    return was;
}
