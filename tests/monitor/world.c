/* SPDX-License-Identifier: MIT
 *
 * What happens next.  Every core that is about to come up, every endpoint with a message and a
 * listener, every binding with something to do and every domain that can do something is a choice;
 * one is taken by a random number.  A run lets the domains act for a while, then lets everything
 * come to rest and asks whether everybody got what is owed, several times; in the end all programs
 * end, and each monitor must be as it was before them.
 */
#include "world.h"

#include "domains.h"
#include "guest/user/monitor/base/resources.h"
#include "run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct world world;

uint64_t random_below(uint64_t limit)
{
    world.random += 0x9e3779b97f4a7c15u;
    uint64_t z = world.random;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return z % limit;
}

bool chance(unsigned of_100)
{
    return random_below(100) < of_100;
}

void world_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "seed %lu, step %lu, core %u: ", world.seed, world.steps, world.current);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

/* ---- one step ---- */

struct choice {
    enum { CORE, EVENT, ENDPOINT, ROOM, WIRE, DOMAIN } kind;
    void *what;
    unsigned which;
};

/* Listening endpoints of monitors, and those of domains, which always listen. */
static bool has_event(const struct endpoint *e)
{
    if (e->dead || e->queue.count == 0 || world.core[e->core].stalled)
        return false;
    return e->owner != NULL ? domain_is_running(e->owner) && domain_listens(e)
                            : e->listener.handler != NULL;
}

/* A channel of the monitor that waits to send, and has a reason to try. */
static struct lmp_chan *waits_for_room(const struct endpoint *e)
{
    if (e->dead || e->lib == NULL || world.core[e->core].stalled)
        return NULL;
    struct lmp_chan *lc = e->lib->waitset_state.arg;
    if (lc == NULL || !waitset_chan_is_registered(&lc->send_waitset))
        return NULL;
    const struct cap *to = world.core[e->core].slot[get_cap_addr(lc->remote_cap)];
    if (to != NULL && !to->endpoint->dead &&
        (to->endpoint->owner == NULL || domain_is_running(to->endpoint->owner)) &&
        to->endpoint->queue.count >= to->endpoint->room)
        return NULL;
    return lc;
}

#define MAX_CHOICES 4096
#define BLOCKS_OF_CORE 4 /* of RAM that a core is started with, at most */

static unsigned collect(struct choice *list)
{
    unsigned count = 0;
    for (unsigned i = 0; i < world.cores; i++)
        if (world.core[i].comes_up && !world.core[i].stalled)
            list[count++] = (struct choice){ CORE, &world.core[i], 0 };
    for (unsigned i = 0; i < world.event_count; i++)
        if (!world.core[world.event[i].core].stalled)
            list[count++] = (struct choice){ EVENT, world.event[i].chan, world.event[i].core };
    for (struct endpoint *e = world.endpoints; e != NULL && count < MAX_CHOICES - 16; e = e->next) {
        if (has_event(e))
            list[count++] = (struct choice){ ENDPOINT, e, 0 };
        if (waits_for_room(e) != NULL)
            list[count++] = (struct choice){ ROOM, e, 0 };
    }
    for (struct wire *w = world.wires; w != NULL && count < MAX_CHOICES - 16; w = w->next) {
        const unsigned choices = world.core[w->core].stalled ? 0 : wire_choices(w);
        for (unsigned i = 0; i < choices; i++)
            list[count++] = (struct choice){ WIRE, w, i };
    }
    for (struct domain *d = domains; d != NULL && count < MAX_CHOICES - 16; d = d->next)
        if (domain_choices(d) > 0)
            list[count++] = (struct choice){ DOMAIN, d, 0 };
    return count;
}

static void endpoint_event(struct endpoint *e)
{
    world.current = e->core;
    if (e->owner != NULL) {
        struct message *m = queue_take(&e->queue);
        domain_received(e, m);
        message_free(m);
        return;
    }
    const struct event_closure closure = e->listener;
    e->listener = NOP_CLOSURE;
    e->lib->waitset_state.state = CHAN_UNREGISTERED;
    closure.handler(closure.arg);
}

static struct choice last; /* for whoever wonders what goes on for ever */

static const char *last_kind(void)
{
    static const char *const names[] = {
        [CORE] = "core", [EVENT] = "event", [ENDPOINT] = "endpoint",
        [ROOM] = "room", [WIRE] = "wire",   [DOMAIN] = "domain"
    };
    return last.kind == DOMAIN ? domain_name(last.what) : names[last.kind];
}

static bool step(void)
{
    static struct choice list[MAX_CHOICES];
    const unsigned count = collect(list);
    if (count == 0)
        return timer_fires(true);
    if (world.stops && chance(2) && timer_fires(false))
        return true;
    const struct choice *c = &list[random_below(count)];
    world.steps++;
    last = *c;
    switch (c->kind) {
    case CORE:
        core_run(c->what);
        break;
    case EVENT: {
        struct waitset_chanstate *chan = c->what;
        world.current = c->which;
        waitset_chan_deregister(chan);
        chan->closure.handler(chan->closure.arg);
        break;
    }
    case ENDPOINT:
        endpoint_event(c->what);
        break;
    case ROOM: {
        struct lmp_chan *lc = waits_for_room(c->what);
        const struct event_closure closure = lc->send_waitset.closure;
        world.current = ((struct endpoint *)c->what)->core;
        lc->send_waitset.state = CHAN_UNREGISTERED;
        closure.handler(closure.arg);
        break;
    }
    case WIRE:
        wire_do(c->what, c->which);
        break;
    case DOMAIN:
        domain_do(c->what, c->which);
    }
    return true;
}

/* ---- a run ---- */

/* Nobody begins anything new; what is under way comes to its end. */
static void world_settle(bool chaos)
{
    const unsigned long limit = world.steps + 400000;
    world.acts = false;
    world.chaos = chaos;
    while (step())
        CHECK(world.steps < limit, "it never comes to rest, last: %s", last_kind());
}

void world_rest(void)
{
    world_settle(false);
}

void world_act(unsigned steps)
{
    world.acts = world.chaos = true;
    for (unsigned i = 0; i < steps; i++)
        step();
}

/* Nobody on any core can touch a page that may be given out again; the monitors' capabilities of
 * whole shares are not meant. */
static void check_free_pages(void)
{
    for (const struct cap *cap = world.caps; cap != NULL; cap = cap->next)
        for (unsigned i = 0; i < world.cores; i++)
            CHECK(cap->is.type != ObjType_Frame || cap->is.u.mem.base < ABI_WINDOW_BASE ||
                      (cap->cptr > 0 && cap->cptr < FIRST_SLOT) || !world.core[i].started ||
                      world.core[i].comes_up || world.core[i].off ||
                      !world.core[i].copy->is_free_page(cap->is.u.mem.base),
                  "page %#lx is free, and %s of core %u has it", cap->is.u.mem.base,
                  cap->holder != NULL ? domain_name(cap->holder) : "the monitor", cap->core);
}

void world_check(void)
{
    check_free_pages();
    domains_check();
    conns_check();
    circuits_check();
    caps_check();
    for (unsigned i = 0; i < world.cores; i++) {
        struct monitor_census census;
        if (!world.core[i].started || world.core[i].comes_up || world.core[i].off)
            continue;
        world.core[i].copy->census(&census);
        CHECK(census.binds == 0, "core %u: %u binds are under way for ever", i, census.binds);
        CHECK(census.connections == census.connection_entries, "core %u: %u of %u connections", i,
              census.connections, census.connection_entries);
        CHECK(census.exited_clients == 0, "core %u: %u ended domains", i, census.exited_clients);
        CHECK(census.fetches == 0 && census.questions == 0, "core %u: unanswered: %u, %u", i,
              census.fetches, census.questions);
    }
}

void holdings_look(struct holdings *h, unsigned i)
{
    memset(h, 0, sizeof(*h));
    world.core[i].copy->census(&h->census);
    h->slots = world.core[i].slots_used;
    h->maps = world.core[i].maps;
    h->blocks = world.core[i].blocks;
    for (const struct cap *cap = world.caps; cap != NULL; cap = cap->next)
        h->caps += cap->core == i && cap->holder == NULL;
}

/* Of no table anything is charged that is not there. */
static void check_charges(const struct monitor_census *now, const struct monitor_census *before,
                          unsigned i)
{
    for (unsigned kind = 0; kind < ACCOUNT_KINDS; kind++) {
        const unsigned more = kind == ACCOUNT_IREF   ? now->irefs - before->irefs
                              : kind == ACCOUNT_KEPT ? now->kept - before->kept
                                                     : 0;
        CHECK(now->charged[kind] == before->charged[kind] + more,
              "core %u: %u of resource %u are charged, %u before and %u more there", i,
              now->charged[kind], kind, before->charged[kind], more);
    }
}

/* Blocks of RAM of cores that were stopped, which the starter keeps as long as a parcel that nobody
 * has collected, or memory that has travelled, may be of them. */
static unsigned held_back(void)
{
    unsigned off = 0, kept = 0;
    for (unsigned i = 0; i < world.cores; i++) {
        struct monitor_census census;
        off += world.core[i].off;
        if (world.core[i].off)
            continue;
        world.core[i].copy->census(&census);
        kept += census.parcels + census.kept;
    }
    return kept > 0 ? off * BLOCKS_OF_CORE : 0;
}

void holdings_compare(const struct holdings *before, unsigned i)
{
    struct holdings now;
    holdings_look(&now, i);
    /* parcels of ended domains that spoke over circuits, and memory that has travelled, stay */
    const unsigned kept = now.census.parcels + now.census.kept;
    CHECK(now.census.clients == before->census.clients, "core %u: %u domains, %u before", i,
          now.census.clients, before->census.clients);
    CHECK(now.census.circuits == 0, "core %u: %u circuits", i, now.census.circuits);
    CHECK(now.census.connections == before->census.connections,
          "core %u: %u connections, %u before", i, now.census.connections,
          before->census.connections);
    CHECK(now.census.window_pages == before->census.window_pages,
          "core %u: %u pages of the window, %u before", i, now.census.window_pages,
          before->census.window_pages);
    CHECK(now.maps == before->maps, "core %u: %u mappings, %u before", i, now.maps, before->maps);
    const unsigned held = i == 0 ? held_back() : 0;
    CHECK(now.slots >= before->slots + kept && now.slots <= before->slots + kept + held,
          "core %u: %u slots, %u before and %u kept", i, now.slots, before->slots, kept);
    const unsigned accounts = now.census.accounts - before->census.accounts;
    CHECK(kept > 0 || accounts == 0, "core %u: %u accounts outlive what they were for", i,
          accounts);
    CHECK(now.blocks == before->blocks + now.census.kept + accounts,
          "core %u: %u blocks of heap, %u before", i, now.blocks, before->blocks);
    check_charges(&now.census, &before->census, i);
    /* what lies in a parcel may have been revoked */
    CHECK(now.caps >= before->caps + now.census.kept && now.caps <= before->caps + kept + held,
          "core %u: %u capabilities, %u before and %u kept", i, now.caps, before->caps, kept);
}

void world_end_mutes(void)
{
    unsigned under_way = 0;
    for (unsigned i = 0; i < world.cores; i++) {
        struct monitor_census census;
        if (world.core[i].off)
            continue;
        world.core[i].copy->census(&census);
        under_way += census.binds;
    }
    mutes_check(under_way);
    mutes_end();
    world_rest();
}

void world_end_programs(void)
{
    for (struct domain *d = domains; d != NULL; d = d->next)
        if (d->kind == KIND_APP && d->running) {
            domain_die(d);
            if (chance(50))
                domain_reap(d);
        }
    world_rest();
    for (struct domain *d = domains; d != NULL; d = d->next)
        if (d->kind == KIND_APP)
            domain_reap(d); /* those whose spawner ended first */
    world_rest();
}

/* ---- starting cores ---- */

struct domain *world_manager(void)
{
    struct domain *d = domains;
    while (d->kind != KIND_MANAGER)
        d = d->next;
    return d;
}

static void ask_for_cores(void)
{
    world_manager()->steps = 0;
    world_manager()->boot_answers = 0;
    world.hold_boot = false;
    world_settle(true);
    world.hold_boot = true;
    CHECK(world_manager()->boot_answers == 1, "boot_cores has %u answers",
          world_manager()->boot_answers);
}

static bool all_started(void)
{
    for (unsigned i = 0; i < world.cores; i++)
        if (!world.core[i].started)
            return false;
    return true;
}

/* Up to here only core 0 runs. */
static void power_on(uint64_t seed, unsigned cores)
{
    world_begin(seed, cores);
    world.hold_boot = true;
    world_settle(true);
}

/* Every attempt fails when all is prepared: nothing may be left of it. */
static void fail_to_start(void)
{
    struct holdings before;
    const unsigned given = ram_given(0);
    holdings_look(&before, 0);
    for (unsigned attempt = 0; attempt < 3; attempt++) {
        ask_for_cores();
        CHECK(err_no(world_manager()->boot_err) == MON_ERR_CORE_BOOT, "boot_cores: %s",
              err_getstring(world_manager()->boot_err));
        CHECK(world_manager()->running_cores == 1, "cores %lx are said to run",
              world_manager()->running_cores);
        CHECK(ram_given(0) == given, "%u blocks of memory do not come back", ram_given(0) - given);
        holdings_compare(&before, 0);
        CHECK(before.census.peers == 0, "a channel to a core that does not run");
    }
}

static void start_all(void)
{
    ask_for_cores();
    CHECK(err_is_ok(world_manager()->boot_err), "boot_cores: %s",
          err_getstring(world_manager()->boot_err));
    CHECK(all_started() && world_manager()->running_cores == (1u << world.cores) - 1,
          "not every core was started");
    world_rest();
    world_check();
}

void world_late_failure(uint64_t seed)
{
    power_on(seed, WORLD_CORES);
    world.refuse_start = 3 * (WORLD_CORES - 1);
    fail_to_start();
    CHECK(world.refuse_start == 0, "the power device was not asked");
    start_all();
}

void world_early_failure(uint64_t seed)
{
    power_on(seed, WORLD_CORES);
    world.refuse_ram = true;
    fail_to_start();
    world.refuse_ram = false;
    start_all();
}

void world_silent_core(uint64_t seed)
{
    power_on(seed, WORLD_CORES);
    world.core[1].stalled = true;
    world.hold_boot = false;
    world_manager()->steps = 0;
    world_settle(true);
    world.waits_for_ever = true;
    CHECK(world_manager()->boot_answers == 0 && world.core[1].comes_up, "a core that says nothing");
    world_act(1000);
    world_rest();
    world_check();
}

/* Cores may have to be asked for more than once. */
static void start_somehow(void)
{
    world.refuse_start = (unsigned)random_below(4);
    for (unsigned attempt = 0; !all_started(); attempt++) {
        CHECK(attempt < 5, "cores that are not refused do not start");
        ask_for_cores();
    }
}

void world_begin(uint64_t seed, unsigned cores)
{
    world.seed = seed;
    world.random = seed * 0x9e3779b97f4a7c15u;
    world.verbose = getenv("MONITOR_WORLD_VERBOSE") != NULL;
    world.cores = cores;
    world.window_pages = chance(40) ? WORLD_WINDOW_PAGES / 3 : WORLD_WINDOW_PAGES;
    world.chaos = true;
    cores_power_on();
}

void world_start(uint64_t seed, unsigned cores)
{
    power_on(seed, cores);
    start_somehow();
    world_rest();
    world_check();
}

void world_run(uint64_t seed)
{
    struct holdings before[WORLD_CORES];
    world.hostile = seed % 2 == 0;
    world.circuits = seed % 4 > 1;
    world.share = seed % 8 > 3;
    world_start(seed, 2 + seed % (WORLD_CORES - 1));
    for (unsigned i = 0; i < world.cores; i++)
        holdings_look(&before[i], i);
    for (unsigned round = 0; round < 3; round++) {
        world_act(300 + (unsigned)random_below(700));
        world_rest();
        world_end_mutes();
        world_check();
    }
    world_end_programs();
    world_check();
    for (unsigned i = 0; i < world.cores; i++)
        holdings_compare(&before[i], i);
}
