/* SPDX-License-Identifier: MIT
 *
 * Checked UMP channels: lines that are lost, late, doubled, damaged or old are written again
 * until they have arrived (docs/ump-checked.md).  Part of <barrelfish/ump_chan.h>; library code
 * calls what is here, programs bind with IDC_BIND_FLAG_CHECKED.
 */
#ifndef BARRELFISH_UMP_CHECKED_H
#define BARRELFISH_UMP_CHECKED_H

#include <barrelfish/dispatch.h>
#include <barrelfish/ump_impl.h>
#include <barrelfish_kpi/types.h>

/* The first time-out; each further one is twice as long, up to 2^UMP_TIMEOUT_DOUBLINGS
 * times.  After UMP_TRIES without a sign of life the peer counts as dead: after 2.4 s. */
#define UMP_TIMEOUT_NS 1000000ull
#define UMP_TIMEOUT_DOUBLINGS 6
#define UMP_TRIES 40

struct ump_chan;

/* What a checked channel has besides; touched disabled only. */
struct ump_checked {
    uint64_t sent;     /* sequence number of the last line written to the ring */
    uint64_t taken;    /* and of the last one copied from the other ring */
    systime_t timeout; /* when to ask about what is owed; 0: nothing is */
    uint16_t known;    /* ring.ack_id when the present series of time-outs began */
    unsigned tries;    /* time-outs in that series, */
    unsigned tries_max;
    bool dead; /* and they have been too many */
    struct ump_chan *channel;
    struct ump_checked *next, **link; /* of the dispatcher's list */
    void *memory;                     /* of the private lines */
};

/* Makes a channel checked that was initialised just now, before anything was sent or received;
 * the other end does the same.  tries: time-outs until the peer counts as dead
 * (UMP_TRIES).  LIB_ERR_MALLOC_FAIL. */
errval_t ump_chan_make_checked(struct ump_chan *uc, unsigned tries);

/* The channel ends. */
void ump_checked_destroy(struct ump_chan *uc);

/* Copies a private line that was committed just now to the ring. */
void ump_checked_send(struct ump_chan *uc, volatile struct ump_message *mine);

/* Has the next line arrived, and does it pass?  Then the private line holds it. */
bool ump_checked_take(struct ump_chan *uc);

/* As ump_ring_harvest_acks: takes note of acknowledgements in lines nobody has read yet. */
void ump_checked_harvest(struct ump_chan *uc);

/* What has to be done for all checked channels of the dispatcher each time it gets the core, and,
 * with `sleeps`, before it gives it away with nothing to do. */
void ump_checked_serve_disabled(dispatcher_handle_t handle, bool sleeps);

/* When the next one of them must be served; 0: never. */
systime_t ump_checked_next_timeout(dispatcher_handle_t handle);

#endif
