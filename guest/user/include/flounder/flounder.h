/* SPDX-License-Identifier: MIT
 *
 * What every generated binding is made of (docs/idl.md, facts §1.4, §1.5).
 *
 * A generated stub packs its arguments into words and hands them over; everything that does not
 * depend on the interface is here and in guest/user/lib/flounder: fragments, strings and arrays,
 * continuations, remote procedure calls, bind and export.  What the library must know of a message
 * is one row of constants, struct flounder_message_plan.
 *
 * One message goes out at a time: tx_number names it, 0 means idle.  Only tx_number is contended
 * among threads; whoever claimed it owns all other tx fields until tx_done.  The rx fields belong
 * to whoever took the channel's receive event, until the channel is armed again (flounder_*_rearm),
 * which happens after the arguments are taken out and before the handler runs: so handlers may
 * dispatch events themselves.
 *
 * Both, the claim and the event that was taken, keep the binding and its channel alive, as does
 * each of its pins, which `depth` counts; life.c has the whole of it.
 */
#ifndef FLOUNDER_FLOUNDER_H
#define FLOUNDER_FLOUNDER_H

#include <sys/cdefs.h>

#include <barrelfish/caddr.h>
#include <barrelfish/event_mutex.h>
#include <barrelfish/idc.h>
#include <barrelfish/idc_export.h>
#include <barrelfish/lmp_chan.h>
#include <barrelfish/multihop_chan.h>
#include <barrelfish/threads.h>
#include <barrelfish/ump_chan.h>
#include <barrelfish/waitset_chan.h>

/* ---- plan: constants written by the interface compiler ---- */

enum flounder_stream_kind {
    FLOUNDER_PLAIN,  /* strings (length: bytes with the NUL; 0 is NULL) and arrays of scalars, as
                      * they lie in memory */
    FLOUNDER_PACKED, /* each element in words of its own, through pack and unpack */
};

struct flounder_stream_plan {
    enum flounder_stream_kind kind;
    uint32_t max;           /* bytes of a string with its NUL, elements of an array */
    uint32_t element_bytes; /* in C memory */
    uint32_t element_words; /* PACKED: on the wire */
    void (*pack)(const void *element, uint64_t *words);
    void (*unpack)(void *element, const uint64_t *words);
};

struct flounder_binding;

/* What the library does with a kind of channel. */
struct flounder_transport;
extern const struct flounder_transport flounder_lmp_transport, flounder_ump_transport,
    flounder_multihop_transport, flounder_local_transport;

struct flounder_message_plan {
    const char *name;
    /* Takes a message out of its words, rx_stream and rx_cap, and hands it over. */
    void (*deliver)(struct flounder_binding *c, const volatile uint64_t *words);
    uint16_t number;
    uint16_t words;     /* fixed ones */
    uint16_t fragments; /* fixed ones, with the empty ones that carry capabilities */
    uint8_t streams, caps;
    uint8_t give_away; /* bit i: capability i leaves the sender */
    bool single;       /* always exactly one fragment, and over UMP no capability */
    const struct flounder_stream_plan *stream;
};

enum flounder_channel {
    FLOUNDER_LMP,
    FLOUNDER_UMP,
    FLOUNDER_MULTIHOP, /* through the monitors */
    FLOUNDER_LOCAL,    /* both ends in one dispatcher: handlers are called, nothing is marshalled */
    FLOUNDER_CHANNELS
};

/* Functions whose real types only the interface knows. */
typedef void flounder_any_fn(void);

struct flounder_interface {
    const char *name;
    uint16_t messages;
    /* Call a IF_bind_continuation_fn, IF_connect_fn, the error_handler (false: there is none). */
    void (*call_bound)(flounder_any_fn *fn, void *st, errval_t err, struct flounder_binding *c);
    errval_t (*call_connected)(flounder_any_fn *fn, void *st, struct flounder_binding *c);
    bool (*call_error)(struct flounder_binding *c, errval_t err);
};

/* The interface over every kind of channel, for who learns only when it binds which one it gets.
 * Apart from the interface itself: a program that sets up its bindings with IF_lmp_init or
 * IF_ump_init is linked with the stubs for these channels and no others. */
struct flounder_backends {
    const struct flounder_interface *interface;
    size_t binding_bytes[FLOUNDER_CHANNELS];
    /* Sets up a binding in the memory, with its channel unconnected. */
    struct flounder_binding *(*init[FLOUNDER_CHANNELS])(void *memory, struct waitset *ws);
};

/* ---- state ---- */

struct flounder_tx_stream {
    const void *data;
    size_t length; /* as the plan counts */
};

struct flounder_rx_stream {
    void *data; /* from malloc, zero-terminated */
    size_t length;
};

/* What of a reply does not lie in its words. */
struct flounder_rx {
    const struct flounder_rx_stream *stream;
    const struct capref *cap;
};

/* Where in a message the next fragment begins. */
struct flounder_position {
    uint16_t fragment; /* of the fixed ones */
    uint16_t stream;
    uint64_t word; /* of the stream: 0 is its length */
};

/* A thread that waits for a binding; lies on its stack. */
struct flounder_waiter {
    struct waitset_chanstate chan;
    struct waitset *waitset;
    struct flounder_waiter *next;
    errval_t error;
    uint16_t number; /* of the message waited for or being sent; 0: its turn to send */
    const struct flounder_binding *about;
};

/* A remote procedure call in progress; lies on the caller's stack. */
struct flounder_rpc {
    struct flounder_waiter waiter;
    struct flounder_rpc *next;
    uint32_t token;  /* of the reply: bit 0 is clear */
    uint16_t number; /* of the reply */
    void *results;   /* structure of out pointers, known to the stub */
};

/* The channel of a local binding. */
struct flounder_local {
    struct flounder_binding *peer; /* NULL: it is gone */
};

struct flounder_binding {
    const struct flounder_interface *interface;
    const struct flounder_transport *transport;
    const struct flounder_message_plan *plan; /* of this kind of channel */
    uint16_t messages;
    enum flounder_channel kind;
    void *binding; /* struct IF_binding, which contains this */
    void *channel; /* struct lmp_chan, ump_chan, multihop_chan or flounder_local */
    struct waitset *waitset;

    /* Sending.  The first two are given back in one step. */
    uint16_t tx_number __attribute__((aligned(4))); /* being sent; 0: idle; FLOUNDER_TX_CLOSED */
    uint16_t tx_wanted; /* whoever gives the claim back has more to do: flounder_tx_finish */
    lmp_send_flags_t lmp_flags;
    const struct flounder_message_plan *tx_plan;
    struct flounder_position tx_at;
    uint64_t *tx_words;
    struct flounder_tx_stream *tx_stream;
    struct capref *tx_cap;
    struct event_closure tx_cont;
    struct waitset_chanstate tx_cont_chan;
    struct waitset_chanstate register_chan;
    struct flounder_waiter *tx_waiter; /* blocks for the current message */
    struct flounder_waiter *tx_idle;   /* block until the binding is idle; then all try */

    /* receiving */
    const struct flounder_message_plan *rx_plan; /* NULL: between messages */
    struct flounder_position rx_at;
    uint64_t *rx_words;
    struct flounder_rx_stream *rx_stream;
    struct capref *rx_cap;
    bool rx_line; /* the words being delivered still lie in the ring */

    struct flounder_rpc *rpcs; /* touched disabled, as tx_idle and tx_wanted are */
    uint32_t rpc_counter;
    struct event_queue_node event_qnode;
    flounder_any_fn *bind_cont;
    void *bind_st;
    const struct flounder_backends *bind_backends;
    iref_t bind_iref;
    bool bind_multihop; /* through the monitors first, over UMP only if that fails */
    bool bind_last;     /* no other kind of channel is left to try */
    idc_bind_flags_t bind_flags;

    /* its life: see life.c */
    uint32_t depth;      /* pins: the program until teardown, handlers, waiting threads */
    errval_t closed;     /* why nothing is sent or received any more; SYS_ERR_OK: open */
    bool on_heap;        /* bind or export allocated it */
    bool initiator;      /* of a handshake */
    bool accepted;       /* export made it for a client: the library may close it by itself */
    bool bound;          /* bind made it for the program, which may look at it until its teardown */
    bool torn_down;      /* the program's pin is given back */
    bool rx_taken;       /* closed while its receive event was taken: that has a pin of its own */
    bool tx_stalled;     /* a message that will not go on, without an event */
    bool tx_cut;         /* a message ended in the middle */
    bool goodbye_due;    /* when no message is being sent any more */
    bool keeps_memory;   /* closed by the library: teardown by the program is still to come */
    bool channel_closed; /* nothing is left but the memory */
    bool gone;           /* the memory, too, but for a local peer that may look at it */
    struct waitset_chanstate reap_chan;
    struct flounder_binding *open_next, **open_link; /* list of those to say goodbye to at exit */
    dispatcher_handle_t dispatcher;                  /* whose it is; a domain may have several */
    bool silent; /* no goodbye: the domain ends in an order of its own */
};

#define FLOUNDER_TX_CLOSED 0xffff

/* Message numbers that all interfaces share. */
#define FLOUNDER_FIRST_MESSAGE 3
#define FLOUNDER_GOODBYE 0x7ffe /* the sender closes the connection */

/* The channel of an X_ump_binding, for programs that use its rings by hand. */
struct flounder_ump_state {
    struct ump_chan chan;
};

/* ---- sending ---- */

/* Why a claim failed: FLOUNDER_ERR_TX_BUSY, or the reason the binding is closed. */
errval_t flounder_tx_refusal(const struct flounder_binding *c);

/* Finishes a message: gives its claim back and queues the continuation, in one step; wakes who
 * waits to send. */
void flounder_tx_finish(struct flounder_binding *c, struct event_closure cont);
/* Gives back a claim for which nothing was done. */
void flounder_tx_unclaim(struct flounder_binding *c);

/* The channel was full: sends the short message whose words are in tx_words when there is room. */
errval_t flounder_tx_defer(struct flounder_binding *c, const struct flounder_message_plan *plan,
                           struct event_closure cont, struct capref cap);

/* Longer messages: begin claims the binding; the stub fills tx_words, tx_stream, tx_cap; start
 * sends as much as fits and arranges for the rest. */
errval_t flounder_tx_begin(struct flounder_binding *c, const struct flounder_message_plan *plan,
                           struct event_closure cont);
errval_t flounder_tx_start(struct flounder_binding *c);

/* Length of a string as a stream: 0 for NULL, else with its NUL. */
size_t flounder_string_length(const char *string);

/* If *err is FLOUNDER_ERR_TX_BUSY: blocks until the binding was idle once, and returns true: try
 * again.  False for any other outcome. */
bool flounder_tx_wait_for_turn(struct flounder_binding *c, errval_t *err);
static inline bool flounder_tx_again(struct flounder_binding *c, errval_t *err)
{
    return __builtin_expect(err_no(*err) == FLOUNDER_ERR_TX_BUSY, 0) &&
           flounder_tx_wait_for_turn(c, err);
}

/* Will the continuation come through the waitset? */
static inline bool flounder_cont_is_queued(struct event_closure cont)
{
    return cont.handler != NULL && cont.handler != flounder_blocking_cont;
}

/* Only threads of one dispatcher use a binding: one instruction claims it, without a lock. */
static inline bool flounder_tx_claim(struct flounder_binding *c, uint16_t number,
                                     struct event_closure cont)
{
    uint16_t idle = 0;
    bool claimed;
    const bool queued = flounder_cont_is_queued(cont);
    if (queued && waitset_chan_is_registered(&c->tx_cont_chan))
        return false;
    __asm__("cmpxchgw %3, %1"
            : "+a"(idle), "+m"(c->tx_number), "=@ccz"(claimed)
            : "r"(number)
            : "memory");
    if (!claimed)
        return false;
    /* in between, a message of another thread may have come and gone, and left its continuation */
    if (queued && waitset_chan_is_registered(&c->tx_cont_chan)) {
        flounder_tx_unclaim(c);
        return false;
    }
    return true;
}

/* The claim and what is wanted of whoever gives it back, as one word. */
typedef uint32_t __attribute__((may_alias)) flounder_tx_word;
_Static_assert(offsetof(struct flounder_binding, tx_wanted) ==
                   offsetof(struct flounder_binding, tx_number) + 2,
               "they are given back in one step");

/* Message `number` is out.  c may be gone afterwards. */
static inline errval_t flounder_tx_sent(struct flounder_binding *c, uint16_t number,
                                        struct event_closure cont)
{
    flounder_tx_word claim = number; /* and nothing is wanted */
    bool given_back = false;
    if (!flounder_cont_is_queued(cont))
        __asm__("cmpxchgl %3, %1"
                : "+a"(claim), "+m"(*(flounder_tx_word *)&c->tx_number), "=@ccz"(given_back)
                : "r"(0)
                : "memory");
    if (__builtin_expect(!given_back, 0))
        flounder_tx_finish(c, cont);
    return SYS_ERR_OK;
}

/* Messages of one fragment: reserve claims the binding and gives the place where the stub writes
 * the words (NULL: refused, see flounder_tx_refusal), submit sends them.  Over UMP that place is
 * the line itself, unless the ring is full. */
struct flounder_line {
    volatile struct ump_message *line; /* NULL: the words are in tx_words */
    struct ump_control control;
};

static inline volatile uint64_t *flounder_ump_reserve(struct flounder_binding *c, uint16_t number,
                                                      struct event_closure cont,
                                                      struct flounder_line *line)
{
    if (!flounder_tx_claim(c, number, cont))
        return NULL;
    line->line = ump_chan_next_line((struct ump_chan *)c->channel, &line->control);
    return line->line != NULL ? line->line->data : c->tx_words;
}

static inline errval_t flounder_ump_submit(struct flounder_binding *c,
                                           const struct flounder_message_plan *plan,
                                           struct event_closure cont,
                                           const struct flounder_line *line)
{
    if (line->line == NULL)
        return flounder_tx_defer(c, plan, cont, NULL_CAP);
    ump_chan_commit((struct ump_chan *)c->channel, line->line, line->control, plan->number);
    return flounder_tx_sent(c, plan->number, cont);
}

/* Does the message fit the short way of LMP? */
static inline bool flounder_lmp_is_short(const struct flounder_message_plan *plan)
{
    return plan->single && plan->words <= LRPC_MSG_WORDS && plan->caps == 0;
}

static inline uint64_t *flounder_lmp_reserve(struct flounder_binding *c, uint16_t number,
                                             struct event_closure cont)
{
    return flounder_tx_claim(c, number, cont) ? c->tx_words : NULL;
}

/* With at most one capability.  `plan` is a constant to the stub. */
static inline errval_t flounder_lmp_submit(struct flounder_binding *c,
                                           const struct flounder_message_plan *plan,
                                           struct event_closure cont, struct capref cap)
{
    lmp_send_flags_t flags = c->lmp_flags;
    const uint64_t *w = c->tx_words;
    errval_t err;
    if (flounder_lmp_is_short(plan) && flags == LMP_SEND_FLAGS_DEFAULT) {
        err = lmp_chan_send_short((struct lmp_chan *)c->channel, plan->words, w[0],
                                  plan->words > 1 ? w[1] : 0, plan->words > 2 ? w[2] : 0,
                                  plan->words > 3 ? w[3] : 0);
    } else {
        if (plan->give_away != 0 && !capref_is_null(cap))
            flags |= LMP_FLAG_GIVEAWAY;
        err = lmp_chan_send((struct lmp_chan *)c->channel, flags, cap, plan->words,
                            (const uintptr_t *)w);
    }
    if (err_is_fail(err))
        return flounder_tx_defer(c, plan, cont, cap);
    return flounder_tx_sent(c, plan->number, cont);
}

/* ---- receiving ---- */

/* Makes the channel ready for the next message; the current one has been taken out. */
void flounder_ump_rearm(struct flounder_binding *c);
void flounder_lmp_rearm(struct flounder_binding *c);
void flounder_multihop_rearm(struct flounder_binding *c);

/* The program took the channel from under the stubs and gives it back, or it is closed.  `done`: so
 * is the line. */
void flounder_ump_rearm_anew(struct flounder_binding *c, bool done) __attribute__((cold));

/* The same for a message that was delivered straight from its line. */
static inline void flounder_ump_rearm_line(struct flounder_binding *c)
{
    if (__builtin_expect(!ump_chan_listen_again((struct ump_chan *)c->channel, true), 0))
        flounder_ump_rearm_anew(c, true);
}

/* After the handler: frees a stream's memory. */
void flounder_rx_free(void *data);

/* A message for which the program has no handler. */
void flounder_no_handler(struct flounder_binding *c, const char *message) __attribute__((cold));

/* Receive handlers for the waitset; the argument is the struct flounder_binding. */
void flounder_ump_rx_handler(void *arg);
void flounder_lmp_rx_handler(void *arg);
void flounder_multihop_rx_handler(void *arg);

/* ---- local ---- */

/* The binding whose handler is to be called; it cannot go away until flounder_local_sent.  NULL and
 * *err if the connection is closed. */
struct flounder_binding *flounder_local_begin(struct flounder_binding *c, errval_t *err);
/* The handler has returned: runs the continuation. */
errval_t flounder_local_sent(struct flounder_binding *peer, struct event_closure cont);
/* What the receiver gets for a string or array: never NULL.  (Not const: before C23 a pointer to
 * fixed arrays of constants does not take that.) */
static inline void *flounder_local_data(const void *data)
{
    return (void *)(uintptr_t)(data != NULL ? data : "");
}
/* What the receiver gets for a capability: a copy, or if it is given away, the same. */
struct capref flounder_local_cap(struct capref cap, bool give_away);
/* Connects two fresh local bindings. */
void flounder_local_connect(struct flounder_binding *a, struct flounder_binding *b);

/* ---- remote procedure calls ---- */

/* Two functions under one name, told apart by their number of arguments: one or two. */
#define FLOUNDER_PICK(first, second, chosen, ...) chosen
#define FLOUNDER_RPC_CLIENT_INIT(name, ...) \
    FLOUNDER_PICK(__VA_ARGS__, name##_rpc_client_attach, name##_rpc_client_init, 0)(__VA_ARGS__)

/* A token for a request that is answered through a handler. */
uint32_t flounder_new_token(struct flounder_binding *c);

/* Prepares a call; `number` is that of the reply.  Returns the token of the request; 0, and nothing
 * has happened: too many calls of this thread wait, each in a handler on top of the last. */
uint32_t flounder_rpc_begin(struct flounder_binding *c, struct flounder_rpc *rpc, uint16_t number,
                            void *results);
/* Waits for the reply, or gives up if sending it failed with `err`. */
errval_t flounder_rpc_end(struct flounder_binding *c, struct flounder_rpc *rpc, errval_t err);
/* Called by deliver: takes the call that waits for this reply out of the list, or NULL.  From then
 * on only flounder_rpc_complete ends it. */
struct flounder_rpc *flounder_rpc_take(struct flounder_binding *c, uint32_t token, uint16_t number);
/* Called by deliver: the results are in place. */
void flounder_rpc_complete(struct flounder_binding *c, struct flounder_rpc *rpc);

/* Results: a string fills the caller's whole buffer; `to` may be NULL. */
void flounder_result_string(char *to, size_t max, const struct flounder_rx_stream *from);
void flounder_result_array(void *to, size_t *length, size_t element_bytes,
                           const struct flounder_rx_stream *from);
/* A capability goes into the slot that *to names, or, if that is NULL_CAP, stays where it came. */
errval_t flounder_result_cap(struct capref *to, struct capref from);

/* Memory for the results of a procedure while a server computes them; zeroed; aborts if there is
 * none. */
void *flounder_result_buffer(size_t bytes);
void flounder_result_free(void *buffer);

/* ---- capabilities between cores: through the monitors (docs/monitor.md) ---- */

/* Leaves a copy of the capability with the monitor, which gives a ticket for it.  Blocks this
 * thread, not others, until the monitor answers.  MON_ERR_WRONG_CAP_TYPE: its type means nothing on
 * another core. */
errval_t flounder_parcel_deposit(struct capref cap, uint64_t *ticket);
/* Collects what a ticket stands for; once. */
errval_t flounder_parcel_collect(uint64_t ticket, struct capref *cap);

/* ---- bindings ---- */

/* Generic functions behind the members of a binding. */
bool flounder_can_send(const struct flounder_binding *c);
errval_t flounder_register_send(struct flounder_binding *c, struct waitset *ws,
                                struct event_closure closure);
errval_t flounder_change_waitset(struct flounder_binding *c, struct waitset *ws);
errval_t flounder_control(struct flounder_binding *c, idc_control_t control);
struct waitset_chanstate *flounder_receiving_chanstate(struct flounder_binding *c);

/* The default error handler: if the peer closed the connection, or it is one of a server's clients
 * that did wrong, closes this side too; otherwise says what happened and ends the domain. */
void flounder_default_error(struct flounder_binding *c, errval_t err);

/* Ends a connection from this side: tells the peer, gives all waiting threads
 * FLOUNDER_ERR_BINDING_CLOSED, runs the continuation and the register_send closure that are still
 * owed, closes the channel.  Memory from bind or export is freed when nothing runs on it any more:
 * the caller must not use the binding again. */
errval_t flounder_teardown(struct flounder_binding *c);

/* As flounder_teardown, of a binding whose peer's core is dead: nobody is told goodbye, and whoever
 * waits gets FLOUNDER_ERR_BINDING_CLOSED over LIB_ERR_CHAN_PEER_DEAD. */
void flounder_abandon(struct flounder_binding *c);

/* An error that the application must hear of; the binding stays open, if it is. */
void flounder_fail(struct flounder_binding *c, errval_t err);

/* Sets up the part of a binding that is the same for all interfaces. */
void flounder_binding_init(struct flounder_binding *c, const struct flounder_interface *interface,
                           const struct flounder_message_plan *plan, enum flounder_channel kind,
                           const struct flounder_transport *transport, void *binding, void *channel,
                           struct waitset *ws);

/* ump_chan_init, and the capability that wakes the peer. */
errval_t flounder_ump_init_chan(struct ump_chan *chan, volatile void *inbuf, size_t inlen,
                                volatile void *outbuf, size_t outlen, struct capref notify);

/* Begins to receive on a connected channel. */
errval_t flounder_start(struct flounder_binding *c);

/* Connects a multi-hop binding that has been set up in the caller's memory. */
errval_t flounder_multihop_bind(struct flounder_binding *c, iref_t iref, flounder_any_fn *cont,
                                void *st);

errval_t flounder_bind(const struct flounder_backends *backends, iref_t iref, flounder_any_fn *cont,
                       void *st, struct waitset *ws, idc_bind_flags_t flags);

/* Connections without a monitor between, with a handshake (facts §1.3). */
struct flounder_frameinfo {
    volatile void *inbuf, *outbuf;
    size_t inbufsize, outbufsize;
};
errval_t flounder_over_frame(const struct flounder_backends *backends,
                             const struct flounder_frameinfo *frame, bool initiator,
                             flounder_any_fn *cont, void *st, struct waitset *ws);
errval_t flounder_create_endpoint(const struct flounder_backends *backends, struct waitset *ws,
                                  struct capref slot, struct flounder_binding **ret);
errval_t flounder_bind_to_endpoint(const struct flounder_backends *backends, struct capref endpoint,
                                   flounder_any_fn *cont, void *st, struct waitset *ws);

errval_t flounder_export(const struct flounder_backends *backends, void *st,
                         idc_export_callback_fn *export_cb, flounder_any_fn *connect_cb,
                         struct waitset *ws, idc_export_flags_t flags);

#endif
