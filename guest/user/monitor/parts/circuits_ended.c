/* SPDX-License-Identifier: MIT
 *
 * Before this core stops (stop_core.c): circuits of domains that have ended still have frames to
 * send, and the last message of this core must come behind them.
 *
 * Looked at as an event of its own, when a circuit is freed: the message with which it ends is in
 * its neighbour's queue by then, and not before.  Circuits that only pass through this core do not
 * count, nor do those of the memory server, which runs to the end: they end when the core is off.
 */
#include "circuit.h"
#include "parts.h"

static struct {
    void (*then)(void); /* NULL: nobody waits */
    struct waitset_chanstate event;
} wait;

static bool one_is_ending;

static void look_at(struct circuit *c, const struct client *client)
{
    (void)client;
    if (c->state == CIRCUIT_CLOSING)
        one_is_ending = true;
    for (unsigned e = NEAR; e <= FAR && c->state == CIRCUIT_OPEN; e++)
        if (!c->end[e].gone && c->end[e].leaving)
            one_is_ending = true;
}

static void look(void *arg)
{
    void (*then)(void) = wait.then;
    (void)arg;
    one_is_ending = false;
    circuit_for_each(look_at, NULL);
    if (one_is_ending)
        return;
    wait.then = NULL;
    circuit_on_free(NULL);
    then();
}

static void look_soon(void)
{
    if (waitset_chan_is_registered(&wait.event))
        return;
    errval_t err =
        waitset_chan_trigger_closure(get_default_waitset(), &wait.event, MKCLOSURE(look, NULL));
    if (err_is_fail(err))
        DEBUG_ERR(err, "waiting for the end of circuits");
}

void circuits_when_ended(void (*then)(void))
{
    if (wait.then != NULL)
        return;
    waitset_chanstate_init(&wait.event, CHANTYPE_OTHER);
    wait.then = then;
    circuit_on_free(look_soon);
    look_soon();
}
