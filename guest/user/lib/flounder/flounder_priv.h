/* SPDX-License-Identifier: MIT
 *
 * What the files of the stub library share.
 */
#ifndef FLOUNDER_PRIV_H
#define FLOUNDER_PRIV_H

#include <assert.h>
#include <flounder/flounder.h>

/* What is rare is kept out of the way of what is not. */
#define RARELY(condition) __builtin_expect(!!(condition), 0)

/* Not there in a monitor, whose messages over UMP carry no capabilities. */
extern __typeof__(flounder_parcel_deposit) flounder_parcel_deposit __attribute__((weak));
extern __typeof__(flounder_parcel_collect) flounder_parcel_collect __attribute__((weak));

/* ---- waiter.c ---- */

/* Prepares a wait on the stack of the calling thread: for message `number`, or (0) its turn to
 * send. */
void flounder_waiter_init(struct flounder_waiter *w, const struct flounder_binding *c,
                          uint16_t number);
/* Ends the wait; also before it began.  The waiter may be gone when this returns (disabled: when
 * the dispatcher is enabled again). */
void flounder_waiter_wake(struct flounder_waiter *w, errval_t err);
void flounder_waiter_wake_disabled(struct flounder_waiter *w, errval_t err,
                                   dispatcher_handle_t handle);
/* There is nothing to wait for. */
void flounder_waiter_cancel(struct flounder_waiter *w);
/* Serves other events until woken; the error given to wake. */
errval_t flounder_waiter_wait(struct flounder_waiter *w);

/* ---- tx.c ---- */

/* The message is with the transport, or never will be. */
void flounder_tx_done(struct flounder_binding *c, errval_t err);

/* ---- fragment.c ---- */

/* Puts the words of the fragment at *at into words[size], moves *at on, returns their number. */
unsigned flounder_fill(const struct flounder_binding *c, struct flounder_position *at,
                       volatile uint64_t *words, unsigned size);

static inline bool flounder_at_end(const struct flounder_message_plan *plan,
                                   const struct flounder_position *at)
{
    return at->fragment >= plan->fragments && at->stream >= plan->streams;
}

/* Bytes that are left of a stream of `length` elements at a position behind its length; 0 if they
 * do not lie on the wire as in memory.  Most fragments of a long stream are in its middle: whole
 * words, and neither its length nor its end.  They take a short cut, while more is left than they
 * hold. */
static inline uint64_t flounder_stream_left(const struct flounder_stream_plan *plan,
                                            uint64_t length, const struct flounder_position *at)
{
    if (plan->kind == FLOUNDER_PACKED)
        return 0;
    return length * plan->element_bytes - 8 * (at->word - 1);
}

/* Takes a fragment of c->rx_plan out of words[count]; size: words of a full fragment.  With
 * `padded`, fragments are always full.  *complete: it was the last. */
errval_t flounder_take(struct flounder_binding *c, const volatile uint64_t *words, unsigned count,
                       unsigned size, bool padded, bool *complete);

/* The same for a payload in which pieces of a message follow each other: takes the one that begins
 * it,
 * *taken words of words[count]; size: words of a full payload. */
errval_t flounder_take_piece(struct flounder_binding *c, const volatile uint64_t *words,
                             unsigned count, unsigned size, unsigned *taken, bool *complete);

/* Forgets a message that arrived in part. */
void flounder_rx_reset(struct flounder_binding *c);

/* ---- rx.c ---- */

/* Starts a message: its plan, or NULL (and the error is told) if there is no such number. */
const struct flounder_message_plan *flounder_rx_plan(struct flounder_binding *c, unsigned number);

/* The channel does not listen: for the program, which takes and gives it back, or since it is
 * closed. */
void flounder_listen_anew(struct flounder_binding *c);

/* Hands over the message that flounder_take completed. */
void flounder_deliver_assembled(struct flounder_binding *c);

/* ---- lmp.c, ump.c, multihop.c ---- */

/* Send as much as the channel takes; the rest when it has room. */
void flounder_lmp_push(struct flounder_binding *c);
void flounder_ump_push(struct flounder_binding *c);
void flounder_multihop_push(struct flounder_binding *c);

/* ---- transport.c ---- */

/* What the library asks of a kind of channel.  Without a peer that could be told (local bindings)
 * the functions up to `migrate` are NULL. */
struct flounder_transport {
    bool tickets; /* capabilities travel through the monitors; the message has their tickets */
    void (*push)(struct flounder_binding *c);
    errval_t (*listen)(struct flounder_binding *c);
    /* True if the peer has been told that the connection ends, or never can be. */
    bool (*goodbye)(struct flounder_binding *c);
    /* One-shot: there is room again. */
    errval_t (*register_send)(struct flounder_binding *c, struct event_closure closure);
    void (*deregister_send)(struct flounder_binding *c); /* also if not registered */
    struct waitset_chanstate *(*sending)(struct flounder_binding *c);
    struct waitset_chanstate *(*receiving)(struct flounder_binding *c);
    void (*migrate)(struct flounder_binding *c, struct waitset *ws);
    void (*close)(struct flounder_binding *c);
};

static inline const struct flounder_transport *flounder_transport(const struct flounder_binding *c)
{
    return c->transport;
}

/* ---- local.c ---- */

/* Leaves the peer alone, and tells it. */
void flounder_local_close(struct flounder_binding *c);

/* ---- life.c ---- */

/* The receive event that the caller took is dealt with, and will not come again: the binding is
 * closed. */
void flounder_rx_over(struct flounder_binding *c);

/* flounder_break, by whoever took the receive event. */
void flounder_rx_break(struct flounder_binding *c, errval_t err);

/* The send event was just registered: if the binding has been closed meanwhile, ends the
 * message. */
void flounder_tx_registered(struct flounder_binding *c);

/* The last message was given back, and the binding is closed: says goodbye if that is due. */
void flounder_tx_ended(struct flounder_binding *c);

/* The connection is of no use any more: marks it closed, wakes everybody, tells the error handler;
 * once. */
void flounder_break(struct flounder_binding *c, errval_t err);

/* An error of the channel, with FLOUNDER_ERR_BINDING_CLOSED on top if it means that the peer is no
 * more: however that is noticed, programs hear the same. */
errval_t flounder_reason(errval_t err);

/* The binding is connected: at exit its peer is told.  For bindings on the heap, once. */
void flounder_opened(struct flounder_binding *c);

/* Closes a binding that the program has not seen yet, without a word to it or the peer. */
void flounder_give_up(struct flounder_binding *c, errval_t err);

/* Frees the memory of a binding that nobody has seen yet, and whose channel is closed. */
void flounder_discard(struct flounder_binding *c);

/* Nothing has a pin any more: closes the channel and lets the memory go. */
void flounder_close(struct flounder_binding *c) __attribute__((cold));

/* Pins the binding.  Only threads of one dispatcher use it, so that one instruction is enough,
 * without a lock. */
static inline void flounder_enter(struct flounder_binding *c)
{
    __asm__("incl %0" : "+m"(c->depth));
}

/* c may be gone afterwards. */
static inline void flounder_leave(struct flounder_binding *c)
{
    bool last;
    assert(c->depth > 0);
    __asm__("decl %0" : "+m"(c->depth), "=@ccz"(last));
    if (RARELY(last))
        flounder_close(c);
}

/* What a transport's event of having something to receive does. */
static inline __attribute__((always_inline)) void
flounder_rx_event(struct flounder_binding *c, void (*receive)(struct flounder_binding *c))
{
    flounder_enter(c);
    if (RARELY(c->closed != SYS_ERR_OK))
        flounder_rx_over(c); /* while the event was being taken */
    else
        receive(c);
    flounder_leave(c);
}

/* Calls the deliver function of a message; the caller has a pin. */
static inline void flounder_deliver(struct flounder_binding *c,
                                    const struct flounder_message_plan *plan,
                                    const volatile uint64_t *words)
{
    plan->deliver(c, words);
}

#endif
