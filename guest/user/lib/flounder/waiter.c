/* SPDX-License-Identifier: MIT
 *
 * Threads that wait for a binding: a channel of the waitset on the thread's own stack.
 *
 * The channel is registered before the thing waited for is begun, so that a wake may come at any
 * time; it is reserved for this thread, so that no other thread takes the event.  Waiting serves
 * the waitset's other events meanwhile: the one waited for may depend on them.  Must not touch a
 * waiter after waking it: its thread may have returned.
 */
#include "flounder_priv.h"

#include <assert.h>

void flounder_blocking_cont(void *arg)
{
    (void)arg;
    assert(!"the mark of a blocking send is never called");
}

void flounder_waiter_init(struct flounder_waiter *w, const struct flounder_binding *c,
                          uint16_t number)
{
    struct waitset *ws = c->waitset;

    waitset_chanstate_init(&w->chan, CHANTYPE_FLOUNDER);
    w->waitset = ws;
    w->number = number;
    w->about = c;
    w->next = NULL;
    w->error = SYS_ERR_OK;
    errval_t err = waitset_chan_register(ws, &w->chan, NOP_CLOSURE);
    assert(err_is_ok(err));
    (void)err;
    w->chan.wait_for = thread_self();
}

void flounder_waiter_wake_disabled(struct flounder_waiter *w, errval_t err,
                                   dispatcher_handle_t handle)
{
    w->error = err;
    errval_t trigger_err = waitset_chan_trigger_disabled(&w->chan, handle);
    assert(err_is_ok(trigger_err)); /* woken once */
    (void)trigger_err;
}

void flounder_waiter_wake(struct flounder_waiter *w, errval_t err)
{
    dispatcher_handle_t handle = disp_disable();
    flounder_waiter_wake_disabled(w, err, handle);
    disp_enable(handle);
}

void flounder_waiter_cancel(struct flounder_waiter *w)
{
    waitset_chanstate_destroy(&w->chan);
}

errval_t flounder_waiter_wait(struct flounder_waiter *w)
{
    /* the event itself is waited for, even if it came already: the waker is done with us only
     * then */
    errval_t err = wait_for_channel(w->waitset, &w->chan, NULL);
    return err_is_fail(err) ? err : w->error;
}
