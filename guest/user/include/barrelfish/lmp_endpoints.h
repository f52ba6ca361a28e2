/* SPDX-License-Identifier: MIT
 *
 * LMP endpoints: receive buffers in the dispatcher frame (overview 3.1, facts §7).
 */
#ifndef BARRELFISH_LMP_ENDPOINTS_H
#define BARRELFISH_LMP_ENDPOINTS_H

#include <barrelfish/caddr.h>
#include <barrelfish/waitset_chan.h>
#include <barrelfish_kpi/syscalls.h>

/* Room for eight full messages. */
#define DEFAULT_LMP_BUF_WORDS ((LMP_MSG_WORDS + 1) * 8 + 1)

struct lmp_recv_msg {
    struct {
        size_t msglen; /* words */
    } buf;
    uintptr_t words[LMP_MSG_WORDS];
};
#define LMP_RECV_MSG_INIT            \
    {                                \
        .buf = { 0 }, .words = { 0 } \
    }

/* The length of a message, and its first words (0 where it has none). */
#define LMP_ARRIVAL_WORDS 2
struct lmp_endpoint;
typedef void lmp_arrival_fn(struct lmp_endpoint *ep, dispatcher_handle_t handle, size_t length,
                            const uint64_t words[LMP_ARRIVAL_WORDS]);

/* Lies in the dispatcher frame; the buffer's words follow it. */
__extension__ struct lmp_endpoint { /* a flexible array within: not ISO C */
    struct lmp_endpoint *next_free; /* while it is free */
    struct waitset_chanstate waitset_state;
    struct capref recv_slot; /* what k.recv_cptr names, or NULL_CAP */
    uint32_t buflen;         /* words */
    uint32_t heap_bytes;     /* of this allocation */
    /* Told of each message when it is there, whoever receives it and when; disabled.  NULL:
     * nobody. */
    lmp_arrival_fn *arrived;
    uint32_t ahead;      /* index of the first message it has not been told of */
    uint32_t ahead_rest; /* its own */
    uint32_t done; /* k.consumed, or the index behind the message that is read where it lies */
    uint32_t pad;
    uint64_t interface; /* for the machine's traces (abi/wait_table.h); 0: raw messages */
    struct lmp_endpoint_kern k __attribute__((aligned(16)));
};

/* Allocates the buffer, and mints the endpoint capability into `dest` (an empty slot) or into a new
 * slot.  buflen in words.  LIB_ERR_LMP_BUFLEN_INVALID, LIB_ERR_LMP_ENDPOINT_BUF_FULL,
 * LIB_ERR_ENDPOINT_CREATE. */
errval_t lmp_endpoint_create_in_slot(size_t buflen, struct capref dest, struct lmp_endpoint **ret);
errval_t endpoint_create(size_t buflen, struct capref *ret_cap, struct lmp_endpoint **ret);

/* The capability must be deleted by the caller, before. */
void lmp_endpoint_free(struct lmp_endpoint *ep);

/* One-shot; fires at once if a message is there. */
errval_t lmp_endpoint_register(struct lmp_endpoint *ep, struct waitset *ws,
                               struct event_closure closure);
errval_t lmp_endpoint_deregister(struct lmp_endpoint *ep);

/* Listening for good: when an event was taken, no other comes until lmp_chan_listen_again. */
errval_t lmp_endpoint_listen(struct lmp_endpoint *ep, struct waitset *ws,
                             struct event_closure closure);
/* For lmp_chan_listen_again, disabled; they enable.  It is not held, or not taken; false: it was
 * deregistered.  It listens, and there is another message. */
bool lmp_endpoint_not_taken(const struct lmp_endpoint *ep, dispatcher_handle_t handle);
void lmp_endpoint_has_more(struct lmp_endpoint *ep, dispatcher_handle_t handle);

/* The slot a sent capability is put into.  After each received capability a new one is needed. */
void lmp_endpoint_set_recv_slot(struct lmp_endpoint *ep, struct capref slot);

bool lmp_endpoint_can_recv(struct lmp_endpoint *ep);

/* LIB_ERR_NO_LMP_MSG.  *cap = the slot with the capability that came, or NULL_CAP; cap may be NULL
 * only if no capability can come. */
errval_t lmp_endpoint_recv(struct lmp_endpoint *ep, struct lmp_recv_msg *msg, struct capref *cap);

/* For the lrpc upcall: stores a message in the endpoint whose kernel part lies at `offset` in the
 * frame, and triggers it.  `where`: its index << 32 | its length. */
void lmp_endpoint_store_disabled(dispatcher_handle_t handle, uint64_t offset, uint64_t where,
                                 uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3);

/* Triggers the endpoints to which something was delivered. */
void lmp_endpoints_poll_disabled(dispatcher_handle_t handle);

#endif
