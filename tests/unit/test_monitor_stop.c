/* SPDX-License-Identifier: MIT
 *
 * Stopping cores (guest/user/monitor/parts/stop_core.c), exhaustively: on the starter of four
 * cores, two requests that cross, a request to start cores that crosses both, deaths of any core
 * at any moment, words of others that come late, time-outs, and the end of the domain that
 * asked.
 *
 * No core is retired twice, or after its death, or before every member has heard its last words or
 * the time for that has passed.  While a core is being stopped something is due that goes on, and
 * no cores are started.  Whoever asked is answered once.
 */
#include <barrelfish/deferred.h>
#include <barrelfish/invocations.h>
#include <criterion/criterion.h>
#include <string.h>

static errval_t retire_core(struct capref kernel, coreid_t core);
#define invoke_kernel_retire_core retire_core
#include "../../guest/user/monitor/parts/stop_core.c"

#define CORES 4
#define REQUESTS 2
#define STATES_LIMIT (1u << 22)

static const uint64_t wanted[REQUESTS] = { BIT(1) | BIT(2), BIT(2) | BIT(3) };

/* ---- what the rest of the monitor and the library would provide ---- */

static struct world {
    uint64_t members; /* that nobody has declared dead */
    uint64_t asked;   /* to stop */
    uint64_t retired, freed;
    uint64_t heard[CORES]; /* by whom the last words of this core were */
    uint64_t must_hear;    /* of the core that stops */
    bool held, starting, event_is_due, client_gone;
    struct {
        bool done;
        bool refused;
    } asked_for[REQUESTS];
    unsigned answers[REQUESTS];
    void (*timer)(void *);
} now;

static bool time_has_passed; /* the time-out is being served */

static struct client client;
static struct abi_boot boot = { .topology.core_count = CORES };
const struct abi_boot *boot_info = &boot;
coreid_t my_core;

struct waitset *get_default_waitset(void)
{
    return NULL;
}

void deferred_event_init(struct deferred_event *event)
{
    memset(event, 0, sizeof(*event));
}

errval_t deferred_event_register(struct deferred_event *event, struct waitset *ws,
                                 delayus_t delay_us, struct event_closure closure)
{
    (void)event, (void)ws, (void)delay_us;
    cr_assert(now.timer == NULL, "registered twice");
    now.timer = closure.handler;
    return SYS_ERR_OK;
}

errval_t deferred_event_cancel(struct deferred_event *event)
{
    (void)event;
    now.timer = NULL;
    return SYS_ERR_OK;
}

void waitset_chanstate_init(struct waitset_chanstate *chan, enum ws_chantype type)
{
    (void)type;
    cr_assert(!now.event_is_due, "an event that is queued is forgotten");
    memset(chan, 0, sizeof(*chan));
}

errval_t waitset_chan_trigger_closure(struct waitset *ws, struct waitset_chanstate *chan,
                                      struct event_closure closure)
{
    (void)ws, (void)closure;
    chan->state = CHAN_PENDING;
    now.event_is_due = true;
    return SYS_ERR_OK;
}

errval_t waitset_chan_deregister(struct waitset_chanstate *chan)
{
    chan->state = CHAN_UNREGISTERED;
    now.event_is_due = false;
    return SYS_ERR_OK;
}

void debug_printf(const char *format, ...)
{
    (void)format;
}

void debug_trace(const char *format, ...)
{
    (void)format;
}

void debug_err(const char *file, const char *func, int line, errval_t err, const char *format, ...)
{
    (void)file, (void)func, (void)line, (void)err, (void)format;
}

uint64_t peers_running(void)
{
    return now.members;
}

uint64_t death_members(void)
{
    return now.members;
}

bool peer_is_connected(unsigned core)
{
    return core < CORES && (now.members & BIT(core)) != 0;
}

void peer_say(coreid_t core, const struct peer_message *message)
{
    cr_assert_eq(message->kind, PEER_STOP);
    cr_assert((now.members & BIT(core)) != 0, "core %u is dead", core);
    now.asked |= BIT(core);
    now.must_hear = now.members & ~BIT(core);
}

static errval_t retire_core(struct capref kernel, coreid_t core)
{
    (void)kernel;
    cr_assert_eq(now.retired & BIT(core), 0, "retired twice");
    cr_assert((now.members & BIT(core)) != 0, "core %u is dead already", core);
    cr_assert(time_has_passed || (now.must_hear & now.members & ~now.heard[core]) == 0,
              "core %u is retired, and its last words are on their way", core);
    now.retired |= BIT(core);
    return SYS_ERR_OK;
}

void boot_core_retired(coreid_t core)
{
    cr_assert((now.retired & BIT(core)) != 0);
}

void boot_core_is_free(coreid_t core)
{
    (void)core;
}

void death_stopped(coreid_t core)
{
    now.members &= ~BIT(core);
    stop_core_died(core);
}

bool boot_cores_hold(bool hold)
{
    if (hold && (now.starting || now.held))
        return false;
    now.held = hold;
    return true;
}

void reply_stop_cores(struct client *who, uint32_t token, errval_t err, uint64_t running)
{
    cr_assert(who == &client && token < REQUESTS && !now.client_gone);
    cr_assert_eq(now.answers[token]++, 0, "answered twice");
    now.asked_for[token].refused = err_no(err) == MON_ERR_CORES_BUSY;
    if (!now.asked_for[token].refused)
        cr_assert_eq(running & wanted[token], 0, "answered, and not all are off");
}

void clients_end(uint8_t status)
{
    (void)status;
}

void circuits_when_ended(void (*then)(void))
{
    then();
}

/* ---- steps ---- */

enum {
    ASK,
    HEAR = ASK + REQUESTS,
    DIE = HEAR + CORES * CORES,
    FREE = DIE + CORES,
    TIMER = FREE + CORES,
    EVENT,
    CLIENT_GOES,
    START,
    STARTED,
    STEPS
};

static bool hear(unsigned by, unsigned core)
{
    if ((now.asked & BIT(core)) == 0 || (now.heard[core] & BIT(by)) != 0 || by == core ||
        (now.members & BIT(by)) == 0)
        return false;
    now.heard[core] |= BIT(by);
    stop_core_heard((coreid_t)by, (coreid_t)core);
    return true;
}

static bool die(unsigned core)
{
    if (core == 0 || (now.members & BIT(core)) == 0)
        return false;
    now.members &= ~BIT(core);
    stop_core_died((coreid_t)core);
    return true;
}

static bool be_free(unsigned core)
{
    if (((now.members | now.freed) & BIT(core)) != 0)
        return false;
    now.freed |= BIT(core);
    stop_core_is_free((coreid_t)core);
    return true;
}

static bool ask(unsigned request)
{
    if (now.asked_for[request].done || now.client_gone)
        return false;
    now.asked_for[request].done = true;
    stop_cores(wanted[request], &client, request);
    return true;
}

static bool fire_timer(void)
{
    void (*handler)(void *) = now.timer;
    if (handler == NULL)
        return false;
    now.timer = NULL;
    time_has_passed = true;
    handler(NULL);
    time_has_passed = false;
    return true;
}

static bool fire_event(void)
{
    if (!now.event_is_due)
        return false;
    now.event_is_due = false;
    stop.all_heard.state = CHAN_UNREGISTERED;
    all_heard(NULL);
    return true;
}

static bool client_goes(void)
{
    if (now.client_gone)
        return false;
    now.client_gone = true;
    stop_cores_forget(&client);
    return true;
}

/* False: it cannot happen now. */
static bool do_step(unsigned step)
{
    if (step < HEAR)
        return ask(step - ASK);
    if (step < DIE)
        return hear((step - HEAR) / CORES, (step - HEAR) % CORES);
    if (step < FREE)
        return die(step - DIE);
    if (step < TIMER)
        return be_free(step - FREE);
    if (step == TIMER)
        return fire_timer();
    if (step == EVENT)
        return fire_event();
    if (step == CLIENT_GOES)
        return client_goes();
    if (step == START ? now.starting || now.held : !now.starting)
        return false;
    now.starting = step == START;
    return true;
}

/* ---- every order ---- */

struct state {
    struct world world;
    uint8_t stop[sizeof(stop)];
};

static uint64_t seen[STATES_LIMIT * 2];
static unsigned states;

static bool is_new(const struct state *state)
{
    uint64_t hash = 14695981039346656037u;
    const uint8_t *bytes = (const uint8_t *)state;
    for (size_t i = 0; i < sizeof(*state); i++)
        hash = (hash ^ bytes[i]) * 1099511628211u;
    hash |= 1;
    uint64_t at = hash % (STATES_LIMIT * 2);
    for (; seen[at] != 0; at = (at + 1) % (STATES_LIMIT * 2))
        if (seen[at] == hash)
            return false;
    seen[at] = hash;
    cr_assert(++states < STATES_LIMIT);
    return true;
}

static void save(struct state *state)
{
    memset(state, 0, sizeof(*state));
    memcpy(&state->world, &now, sizeof(now));
    memcpy(state->stop, &stop, sizeof(stop));
}

static void restore(const struct state *state)
{
    memcpy(&now, &state->world, sizeof(now));
    memcpy(&stop, state->stop, sizeof(stop));
}

static void check(void)
{
    cr_assert_eq(now.held, stop.state != STOP_IDLE);
    cr_assert(!(now.held && now.starting), "cores are started and stopped at once");
    cr_assert(stop.state == STOP_IDLE || now.timer != NULL, "nothing is due");
    cr_assert(stop.state != STOP_IDLE || now.timer == NULL, "a time-out of nothing");
}

/* With time alone it comes to its end. */
static void check_end(void)
{
    for (unsigned turns = 0; now.timer != NULL || now.event_is_due; turns++) {
        cr_assert(turns < 20, "it goes on for ever");
        if (!fire_event())
            fire_timer();
    }
    cr_assert_eq(stop.state, STOP_IDLE);
    for (unsigned i = 0; i < REQUESTS; i++)
        cr_assert(now.answers[i] == 1 || !now.asked_for[i].done || now.client_gone, "no answer");
}

static void explore(void)
{
    struct state state;
    save(&state);
    if (!is_new(&state))
        return;
    check();
    check_end();
    for (unsigned step = 0; step < STEPS; step++) {
        restore(&state);
        if (do_step(step))
            explore();
    }
}

Test(monitor_stop, every_order_of_requests_words_and_deaths)
{
    now.members = BIT(CORES) - 1;
    explore();
    cr_log_info("%u states", states);
    cr_assert(states > 10000, "%u states", states);
}
