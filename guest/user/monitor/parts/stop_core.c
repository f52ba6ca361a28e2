/* SPDX-License-Identifier: MIT
 *
 * Stopping cores (docs/monitor.md, "Stopping a core"), on the core that starts the others: one
 * after the other.
 *
 *   IDLE ──stop_cores──▶ LEAVING ──every member has heard its last words,──▶ SETTLING
 *    ▲                      │        it has died, or LEAVE_US has passed        │
 *    │                      └── nothing left to stop ──▶ answered               │
 *    └──── answered, or the next core ◀── nobody has anything of it any more, ──┘
 *                                         or SETTLE_US has passed
 *
 * A core that leaves ends its domains, so that their peers get their last messages and then the
 * end of each connection, waits until their circuits have ended (circuits_ended.c), and then says
 * to every other monitor that it has said all.  Each of these tells the starter.  Then the core is
 * retired, which is a fence, and the others are told that it is dead: what is left goes as after a
 * crash (death.c), its memory too.  A core that does not answer is stopped all the same.
 *
 * Must not fence in a handler of that core's own channel, which goes with it.
 */
#include <barrelfish/deferred.h>

#include "../mouths/peers.h"
#include "../mouths/reply.h"
#include "parts.h"

#define EXIT_STATUS_STOPPED 137 /* as by spawn.kill_domain: its spawner tells it from a fault */
#define LEAVE_US 5000000
#define SETTLE_US 20000000

static struct {
    enum { STOP_IDLE, STOP_LEAVING, STOP_SETTLING } state;
    coreid_t core;
    uint64_t todo;         /* cores to stop after this one */
    uint64_t not_heard;    /* LEAVING: members that may still get messages of it */
    errval_t err;          /* of the first core that is not as it should be */
    struct client *client; /* NULL: it has ended */
    uint32_t token;
    struct deferred_event timer;
    struct waitset_chanstate all_heard;
} stop;

static void next_core(void);

static void failed(errval_t err)
{
    if (err_is_ok(stop.err))
        stop.err = err;
}

static void after(delayus_t us, void (*what)(void *))
{
    errval_t err =
        deferred_event_register(&stop.timer, get_default_waitset(), us, MKCLOSURE(what, NULL));
    if (err_is_fail(err))
        DEBUG_ERR(err, "waiting while core %u stops", stop.core);
}

static void next_core_or_done(void)
{
    stop.state = STOP_IDLE;
    next_core();
}

static void settles_too_long(void *arg)
{
    (void)arg;
    debug_printf("core %u is stopped, and memory of it is still in use\n", stop.core);
    failed(MON_ERR_CORE_QUARANTINE);
    next_core_or_done();
}

/* The core does not leave any more.  That all have heard it may be queued, and would be taken for
 * the next core's. */
static void left(void)
{
    deferred_event_cancel(&stop.timer);
    if (waitset_chan_is_registered(&stop.all_heard))
        waitset_chan_deregister(&stop.all_heard);
}

static void settle(void)
{
    left();
    stop.state = STOP_SETTLING;
    after(SETTLE_US, settles_too_long);
}

static void retire(void)
{
    const coreid_t core = stop.core;
    errval_t err = invoke_kernel_retire_core(cap_kernel, core);
    if (err_is_fail(err)) {
        DEBUG_ERR(err, "retiring core %u", core);
        left();
        failed(err);
        next_core_or_done();
        return;
    }
    settle();
    boot_core_retired(core);
    death_stopped(core);
}

static void all_heard(void *arg)
{
    (void)arg;
    assert(stop.state == STOP_LEAVING && stop.not_heard == 0);
    retire();
}

static void leaves_too_long(void *arg)
{
    (void)arg;
    debug_printf("core %u does not stop by itself\n", stop.core);
    retire();
}

/* An event of its own: this may be a handler of the channel that goes. */
static void look_who_has_heard(void)
{
    if (stop.not_heard != 0 || waitset_chan_is_registered(&stop.all_heard))
        return;
    errval_t err = waitset_chan_trigger_closure(get_default_waitset(), &stop.all_heard,
                                                MKCLOSURE(all_heard, NULL));
    if (err_is_fail(err))
        DEBUG_ERR(err, "stopping core %u", stop.core);
}

static void next_core(void)
{
    stop.todo &= peers_running();
    if (stop.todo == 0) {
        boot_cores_hold(false);
        if (stop.client != NULL)
            reply_stop_cores(stop.client, stop.token, stop.err, peers_running());
        return;
    }
    stop.core = (coreid_t)__builtin_ctzll(stop.todo);
    stop.todo &= ~BIT(stop.core);
    stop.not_heard = death_members() & ~BIT(stop.core);
    stop.state = STOP_LEAVING;
    debug_trace("core %u is asked to stop", stop.core);
    peer_say(stop.core, &(struct peer_message){ .kind = PEER_STOP });
    after(LEAVE_US, leaves_too_long);
}

void stop_cores(uint64_t mask, struct client *client, uint32_t token)
{
    const unsigned cores = boot_info->topology.core_count;
    const uint64_t all = cores == 64 ? UINT64_MAX : BIT(cores) - 1;
    errval_t err = SYS_ERR_OK;
    if (my_core != boot_info->boot_core || (mask & ~all) != 0)
        err = MON_ERR_INVALID_CORE_ID;
    else if ((mask & BIT(my_core)) != 0)
        err = MON_ERR_STARTER_STAYS;
    else if (!boot_cores_hold(true))
        err = MON_ERR_CORES_BUSY;
    if (err_is_fail(err)) {
        reply_stop_cores(client, token, err, peers_running());
        return;
    }
    deferred_event_init(&stop.timer);
    waitset_chanstate_init(&stop.all_heard, CHANTYPE_OTHER);
    stop.todo = mask;
    stop.client = client;
    stop.token = token;
    stop.err = SYS_ERR_OK;
    next_core();
}

void stop_core_heard(coreid_t by, coreid_t core)
{
    if (stop.state != STOP_LEAVING || core != stop.core)
        return;
    stop.not_heard &= ~BIT(by);
    look_who_has_heard();
}

void stop_core_died(coreid_t core)
{
    stop.todo &= ~BIT(core);
    if (stop.state != STOP_LEAVING)
        return;
    stop.not_heard &= ~BIT(core);
    if (core == stop.core)
        settle(); /* by itself */
    else
        look_who_has_heard();
}

void stop_core_is_free(coreid_t core)
{
    boot_core_is_free(core);
    if (stop.state != STOP_SETTLING || core != stop.core)
        return;
    deferred_event_cancel(&stop.timer);
    debug_trace("core %u is stopped", core);
    next_core_or_done();
}

void stop_cores_forget(const struct client *client)
{
    if (stop.client == client)
        stop.client = NULL;
}

/* ---- on the core that stops, and on the others ---- */

/* Behind everything that its domains have sent. */
static void say_that_it_leaves(void)
{
    for (unsigned core = 0; core < ABI_MAX_CORES; core++)
        if (peer_is_connected(core))
            peer_say((coreid_t)core, &(struct peer_message){ .kind = PEER_LEAVES });
}

void stop_own_core(coreid_t by)
{
    if (by != boot_info->boot_core)
        return;
    debug_trace("core %u stops", my_core);
    clients_end(EXIT_STATUS_STOPPED);
    circuits_when_ended(say_that_it_leaves);
}

void stop_core_leaves(coreid_t core)
{
    if (my_core == boot_info->boot_core)
        stop_core_heard(my_core, core);
    else if (peer_is_connected(boot_info->boot_core))
        peer_say(boot_info->boot_core,
                 &(struct peer_message){ .kind = PEER_HAS_LEFT, .core = core });
}
