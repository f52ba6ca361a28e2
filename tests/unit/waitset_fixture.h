/* SPDX-License-Identifier: MIT
 *
 * What the tests of waitsets share: a waitset, channels with rings of one line each.  Included by
 * one file of each program.
 */
#ifndef WAITSET_FIXTURE_H
#define WAITSET_FIXTURE_H

#include "event_log.h"
#include "fake_dispatcher.h"

#include <barrelfish/ump_chan.h>
#include <barrelfish/waitset_chan.h>
#include <stdlib.h>

#define CHANNELS 4
#define TYPE UMP_MSGTYPE_FIRST_USER

static struct waitset ws;
static struct waitset_chanstate chan[CHANNELS];
static struct ump_message line[CHANNELS]; /* the one line that each polled channel ever looks at */
static struct ump_chan ump[CHANNELS];
static unsigned long_looks;                      /* at a line, the long way */
static struct waitset_chanstate *unpolled_event; /* found by the dispatcher whenever it looks */

/* What the dispatcher does when a thread looks for events. */
void disp_check_unpolled_disabled(dispatcher_handle_t handle)
{
    cr_assert(disp_is_disabled(handle));
    if (unpolled_event != NULL && !waitset_chan_is_registered(unpolled_event)) {
        struct event_closure closure = MKCLOSURE(note, (void *)(unpolled_event - chan));
        cr_assert(
            err_is_ok(waitset_chan_trigger_closure_disabled(&ws, unpolled_event, closure, handle)));
    }
}

void disp_check_events_disabled(dispatcher_handle_t handle)
{
    cr_assert(disp_is_disabled(handle));
    poll_channels_disabled(handle);
}

static bool look(struct waitset_chanstate *c)
{
    struct ump_chan *uc = c->arg;

    long_looks++;
    return ump_ring_has_line(&uc->ring) && ump_ring_next_type(&uc->ring) != UMP_MSGTYPE_ACK;
}

/* A line of that type has come for the channel, and stays. */
static inline void line_comes(unsigned i, unsigned type)
{
    line[i].control = UMP_CONTROL(1, type, 0);
}

static inline void message_comes(unsigned i)
{
    line_comes(i, TYPE);
}

static inline void line_is_done(unsigned i)
{
    line[i].control = 0;
}

/* `short_way`: nothing keeps threads from taking it. */
static void waitset_set_up(bool short_way)
{
    fake_reset();
    /* never seen: there may always be something else */
    get_dispatcher_shared(curdispatcher())->lmp_delivered = short_way ? 0 : 1;
    waitset_init(&ws);
    memset(line, 0, sizeof(line));
    for (unsigned i = 0; i < CHANNELS; i++) {
        waitset_chanstate_init(&chan[i], CHANTYPE_UMP_IN);
        ump[i].ring.recv.next = ump[i].ring.recv.mine = &line[i];
        ump[i].ring.recv.epoch = 1;
        ump[i].ring.send.next = &line[i]; /* to be fetched early */
        chan[i].arg = &ump[i];
        chan[i].look = look;
    }
    order_count = long_looks = 0;
    unpolled_event = NULL;
}

#define FAILS(err, code) cr_assert_eq(err_no(err), (code))

#endif
