/* SPDX-License-Identifier: MIT
 *
 * The channel side of waitsets: for code that produces events (channels, stubs, queues).
 * Registrations are one-shot: taking the event unregisters the channel, unless it was registered
 * persistently, in which case it is armed again, or holding, in which case it stays where it is but
 * is deaf until told to listen.  "_disabled" forms: while disabled only.
 */
#ifndef BARRELFISH_WAITSET_CHAN_H
#define BARRELFISH_WAITSET_CHAN_H

#include <barrelfish/waitset.h>

enum ws_chantype {
    CHANTYPE_LMP_IN,
    CHANTYPE_LMP_OUT,
    CHANTYPE_UMP_IN,
    CHANTYPE_UMP_OUT,
    CHANTYPE_DEFERRED,
    CHANTYPE_EVENT_QUEUE,
    CHANTYPE_FLOUNDER,
    CHANTYPE_OTHER
};

enum ws_chanstate { CHAN_UNREGISTERED, CHAN_IDLE, CHAN_POLLED, CHAN_PENDING, CHAN_WAITING };

/* Of `how`: holds, and what comes is an event; the same of a checked channel, if it passes. */
#define CHAN_HOW_LISTENS 0x1u
#define CHAN_HOW_LISTENS_CHECKED 0x10001u

/* Private, but embedded in channels.  `arg` and `look` are the owner's: `look` says whether a
 * polled channel that has a line has an event, too; disabled, and it may do other things, too. */
struct waitset_chanstate {
    struct waitset *waitset;
    struct event_closure closure;
    struct waitset_chanstate *next, *prev;               /* ring of the waitset's queue */
    struct waitset_chanstate *polled_next, *polled_prev; /* ring of the dispatcher's polled list */
    enum ws_chantype chantype;
    enum ws_chanstate state;
    enum ws_chanstate home; /* state after its event was taken; unregistered: one-shot */
    union {
        struct {
            bool holds;    /* and then it is held, until waitset_chan_listen_disabled */
            bool held;     /* registered, but no event comes */
            bool checked;  /* polled: a line must pass before it is an event, */
            bool by_table; /* without the processor's instruction for that */
        };
        uint32_t how; /* all of them in one look */
    };
    uint32_t token;          /* 0: for anybody */
    struct thread *wait_for; /* NULL: for anybody */
    uint32_t *pins; /* one more for each event taken; the handler takes it back; NULL: none */
    void *arg;
    bool (*look)(struct waitset_chanstate *chan);
};

void waitset_chanstate_init(struct waitset_chanstate *chan, enum ws_chantype type);

/* Deregisters if need be. */
void waitset_chanstate_destroy(struct waitset_chanstate *chan);

/* LIB_ERR_CHAN_ALREADY_REGISTERED unless unregistered. */
errval_t waitset_chan_register(struct waitset *ws, struct waitset_chanstate *chan,
                               struct event_closure closure);
errval_t waitset_chan_register_polled(struct waitset *ws, struct waitset_chanstate *chan,
                                      struct event_closure closure);
errval_t waitset_chan_register_disabled(struct waitset *ws, struct waitset_chanstate *chan,
                                        struct event_closure closure, dispatcher_handle_t handle);
errval_t waitset_chan_register_polled_disabled(struct waitset *ws, struct waitset_chanstate *chan,
                                               struct event_closure closure,
                                               dispatcher_handle_t handle);
/* Registers idle; every event taken arms it again. */
errval_t waitset_chan_register_persistent(struct waitset *ws, struct waitset_chanstate *chan,
                                          struct event_closure closure);

/* Registers idle or polled (`home`) until deregistered; the closure has a handler.  When an event
 * has been taken, no other comes until waitset_chan_listen_disabled: as if it had been unregistered
 * and were registered again, but far cheaper.  For channels whose handlers listen again each
 * time. */
errval_t waitset_chan_register_holding_disabled(struct waitset *ws, struct waitset_chanstate *chan,
                                                struct event_closure closure,
                                                enum ws_chanstate home, dispatcher_handle_t handle);
static inline void waitset_chan_listen_disabled(struct waitset_chanstate *chan)
{
    chan->held = false;
}

/* Does somebody handle its event, who has not listened again? */
bool waitset_chan_is_taken_disabled(const struct waitset_chanstate *chan,
                                    dispatcher_handle_t handle);

/* LIB_ERR_CHAN_NOT_REGISTERED.  A pending event is dropped. */
errval_t waitset_chan_deregister(struct waitset_chanstate *chan);
errval_t waitset_chan_deregister_disabled(struct waitset_chanstate *chan,
                                          dispatcher_handle_t handle);

/* Registered and armed -> pending.  LIB_ERR_CHAN_NOT_REGISTERED; LIB_ERR_WAITSET_CHAN_BUSY if an
 * event is pending already, or the channel is held. */
errval_t waitset_chan_trigger(struct waitset_chanstate *chan);
errval_t waitset_chan_trigger_disabled(struct waitset_chanstate *chan, dispatcher_handle_t handle);

/* Unregistered -> pending at once. */
errval_t waitset_chan_trigger_closure(struct waitset *ws, struct waitset_chanstate *chan,
                                      struct event_closure closure);
errval_t waitset_chan_trigger_closure_disabled(struct waitset *ws, struct waitset_chanstate *chan,
                                               struct event_closure closure,
                                               dispatcher_handle_t handle);

/* Moves a registered channel, with its state, to another waitset. */
void waitset_chan_migrate(struct waitset_chanstate *chan, struct waitset *ws);

static inline bool waitset_chan_is_registered(const struct waitset_chanstate *chan)
{
    return chan->state != CHAN_UNREGISTERED;
}
/* Registered and no event pending: a trigger would be accepted. */
static inline bool waitset_chan_is_armed(const struct waitset_chanstate *chan)
{
    return (chan->state == CHAN_IDLE || chan->state == CHAN_POLLED) && !chan->held;
}

/* Looks at every polled channel of the dispatcher once, and triggers those that have something;
 * true if there was one. */
bool poll_channels_disabled(dispatcher_handle_t handle);

/* How many rounds of polling are worth their time with the channels there are now.  Counts them, so
 * it is asked when UMP_POLL_ROUNDS_LEAST rounds have found nothing. */
unsigned poll_rounds_disabled(dispatcher_handle_t handle);

#endif
