/* SPDX-License-Identifier: MIT
 *
 * Waitsets: where threads wait for events of channels (overview ch. 3, facts §8).
 *
 * A channel is in one of five states: unregistered, idle (armed), polled (armed, and somebody must
 * look), pending (an event is queued), waiting (an event is queued and every thread blocked here
 * wants something else).  Events leave in FIFO order, except that a channel may be reserved for one
 * thread, or, by a token, for one remote procedure call.
 *
 * All calls are safe among the threads of one dispatcher and unsafe across dispatchers.
 */
#ifndef BARRELFISH_WAITSET_H
#define BARRELFISH_WAITSET_H

#include <barrelfish/dispatch.h>
#include <errors/errno.h>

struct event_closure {
    void (*handler)(void *arg); /* NULL: nothing to do */
    void *arg;
};
#define MKCLOSURE(handler_, arg_) ((struct event_closure){ .handler = (handler_), .arg = (arg_) })
#define NOP_CLOSURE MKCLOSURE(NULL, NULL)
/* Continuations of message sends. */
#define MKCONT(handler_, arg_) MKCLOSURE(handler_, arg_)
#define NOP_CONT NOP_CLOSURE
/* Block the calling thread until the message is handed to the transport. */
#define BLOCKING_CONT MKCLOSURE(flounder_blocking_cont, NULL)
void flounder_blocking_cont(void *arg); /* never called: its address is the mark */

struct waitset_chanstate;
struct thread;

/* Private. */
struct waitset {
    struct waitset_chanstate *pending, *polled, *idle, *waiting; /* rings */
    struct thread *waiting_threads;                              /* ring, longest wait first */
    uint32_t woken; /* threads that were woken and have not looked for their event yet */
};

void waitset_init(struct waitset *ws);

/* LIB_ERR_WAITSET_IN_USE if events are pending or threads blocked; else all channels of the waitset
 * become unregistered. */
errval_t waitset_destroy(struct waitset *ws);

/* Blocks this thread (only) until an event arrives; hands out its closure. */
errval_t get_next_event(struct waitset *ws, struct event_closure *ret);

/* LIB_ERR_NO_EVENT if none is pending, after polling.  Does not block, takes nothing. */
errval_t check_for_event(struct waitset *ws);

/* Waits for the next event and runs its handler. */
errval_t event_dispatch(struct waitset *ws);
errval_t event_dispatch_debug(struct waitset *ws);

/* As event_dispatch, but LIB_ERR_NO_EVENT instead of waiting. */
errval_t event_dispatch_non_block(struct waitset *ws);

/* Waits for the event of one channel, serving other events of the waitset meanwhile (nested
 * dispatch; works inside a handler).  The event's closure is not run.  Returns early if
 * *error_var becomes a failure (set by a handler, for example when the binding breaks); error_var
 * may be NULL. */
errval_t wait_for_channel(struct waitset *ws, struct waitset_chanstate *channel,
                          errval_t *error_var);

#endif
