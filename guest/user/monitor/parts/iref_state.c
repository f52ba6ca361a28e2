/* SPDX-License-Identifier: MIT
 *
 * Does a service (still) exist?  The name service asks before it refuses a name as taken: who wants
 * the name may know of the holder's end before the name service does, but the holder's own monitor
 * knew first of all.
 *
 * Services of this core are looked up at once.  Others are asked of their monitor; a question under
 * way is an entry of a table, named by generation and index.  One that cannot be asked is answered
 * "yes": then the name stays, which is what would have happened without asking.
 */
#include "../mouths/outbox.h"
#include "../mouths/peers.h"
#include "parts.h"

static struct {
    struct link *asker; /* NULL: free, or gone meanwhile */
    bool waiting;
    uint32_t generation;
    coreid_t core;
    iref_t iref;
    uintptr_t st;
    struct account_slip slip;
} questions[MONITOR_MAX_QUESTIONS];

void iref_state_asked(struct link *link, iref_t iref, uintptr_t st)
{
    unsigned core = iref_core(iref);
    if (core == my_core || core >= boot_info->topology.core_count) {
        outbox_tell_iref_state(link, iref, st, iref_find(&irefs, iref) != NULL);
        return;
    }
    struct account_slip slip = { 0 };
    if (core_is_dead((coreid_t)core) ||
        core_incarnation((coreid_t)core) != iref_incarnation(iref)) {
        outbox_tell_iref_state(link, iref, st, false);
        return;
    }
    const bool asks = peer_is_connected(core) &&
                      err_is_ok(account_charge(link->client->account, ACCOUNT_QUESTION, 1, &slip));
    for (unsigned i = 0; i < MONITOR_MAX_QUESTIONS && asks; i++) {
        if (questions[i].waiting)
            continue;
        questions[i].waiting = true;
        questions[i].slip = slip;
        questions[i].asker = link;
        questions[i].generation++;
        questions[i].core = (coreid_t)core;
        questions[i].iref = iref;
        questions[i].st = st;
        peer_send_iref_state_request((coreid_t)core, iref,
                                     (uint64_t)questions[i].generation << 16 | i);
        return;
    }
    outbox_tell_iref_state(link, iref, st, true);
}

void iref_state_answered(coreid_t core, uint64_t id, bool exists)
{
    uint64_t i = id & 0xffff;
    if (i >= MONITOR_MAX_QUESTIONS || !questions[i].waiting || questions[i].core != core ||
        questions[i].generation != id >> 16)
        return;
    questions[i].waiting = false;
    account_refund(&questions[i].slip);
    if (questions[i].asker != NULL)
        outbox_tell_iref_state(questions[i].asker, questions[i].iref, questions[i].st, exists);
}

static void answer_all_of(coreid_t core, bool exists)
{
    for (unsigned i = 0; i < MONITOR_MAX_QUESTIONS; i++)
        if (questions[i].waiting && questions[i].core == core)
            iref_state_answered(core, (uint64_t)questions[i].generation << 16 | i, exists);
}

/* Its services died with it. */
void iref_state_core_died(coreid_t core)
{
    answer_all_of(core, false);
}

void iref_state_core_cut(coreid_t core)
{
    answer_all_of(core, true);
}

void iref_state_client_exited(const struct client *client)
{
    for (unsigned i = 0; i < MONITOR_MAX_QUESTIONS; i++)
        if (questions[i].asker != NULL && questions[i].asker->client == client)
            questions[i].asker = NULL;
}
