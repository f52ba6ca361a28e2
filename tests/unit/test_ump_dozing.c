/* SPDX-License-Identifier: MIT
 *
 * Many UMP channels in one dispatcher: those that are quiet doze, and cost nothing until one of
 * them is meant (docs/ump-wakeup.md; all orders of the steps: test_ump_wakeup.c).
 */
/* link: guest/user/lib/barrelfish/channels/connection.c */
/* link: guest/user/lib/barrelfish/channels/ump_chan.c guest/user/lib/barrelfish/ring/ump_ring.c */
/* link: guest/user/lib/barrelfish/channels/ump_checked.c guest/user/lib/barrelfish/ring/crc32c.c */
/* link: guest/user/lib/barrelfish/ring/ump_check.c */
/* link: guest/user/lib/barrelfish/channels/ump_sleep.c */
/* link: guest/user/lib/barrelfish/events/waitset.c */
/* link: guest/user/lib/barrelfish/events/waitset_chan.c */
#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/ump_chan.h>

#include "fake_ump.h"

#include "../../guest/user/lib/barrelfish/events/waitset_priv.h"

#define MANY 100
#define BYTES (UMP_MIN_LINES * UMP_LINE_BYTES)
#define OK(call) cr_assert(err_is_ok(call))

static char frame[DISPATCHER_FRAME_BYTES] __attribute__((aligned(4096)));
static char rings[MANY][2][BYTES] __attribute__((aligned(64)));
static struct ump_chan mine[MANY], peer[MANY];
static struct core_state core_state;
static struct thread thread;
static struct waitset ws;
static unsigned notifications, received;

dispatcher_handle_t curdispatcher(void)
{
    return (dispatcher_handle_t)frame;
}

struct dispatcher_generic *get_dispatcher_generic(dispatcher_handle_t handle)
{
    return (struct dispatcher_generic *)(handle + DISP_PRIVATE_OFFSET);
}

void disp_check_unpolled_disabled(dispatcher_handle_t handle)
{
    ump_channels_retry_send_disabled(handle);
    ump_channels_look_at_dozing_disabled(handle);
}

void disp_check_events_disabled(dispatcher_handle_t handle)
{
    disp_check_unpolled_disabled(handle);
    poll_channels_disabled(handle);
}

struct sysret sys_invoke_raw(uint64_t rsi, uint64_t rdx, const uintptr_t *words)
{
    (void)rsi, (void)rdx, (void)words;
    notifications++;
    get_dispatcher_shared(curdispatcher())->notified++;
    return SYSRET(SYS_ERR_OK);
}

static void receive(void *arg)
{
    struct ump_chan *uc = arg;
    volatile struct ump_message *line;
    unsigned type;

    OK(ump_chan_recv(uc, &line, &type));
    ump_chan_recv_done(uc);
    cr_assert(ump_chan_listen_again(uc, false));
    received++;
}

static void sleep_once(void)
{
    dispatcher_handle_t handle = disp_disable();

    cr_assert(ump_channels_arm_disabled(handle));
    ump_channels_disarm_disabled(handle);
    disp_enable(handle);
}

static void set_up(void)
{
    struct capref notify = { .cnode = CNODE_L2(7), .slot = 1 };

    get_dispatcher_generic(curdispatcher())->core_state = &core_state;
    get_dispatcher_generic(curdispatcher())->current = &thread;
    waitset_init(&ws);
    for (unsigned i = 0; i < MANY; i++) {
        OK(ump_chan_init(&mine[i], rings[i][0], BYTES, rings[i][1], BYTES));
        OK(ump_chan_init(&peer[i], rings[i][1], BYTES, rings[i][0], BYTES));
        peer[i].notify_cap = notify;
        OK(ump_chan_listen(&mine[i], &ws, MKCLOSURE(receive, &mine[i])));
    }
    for (unsigned i = 0; i < UMP_QUIET_SLEEPS; i++)
        sleep_once();
}

static unsigned count(const struct waitset_chanstate *first)
{
    unsigned channels = 0;

    for (const struct waitset_chanstate *chan = first; chan != NULL; channels++)
        chan = chan->polled_next != first ? chan->polled_next : NULL;
    return channels;
}

static unsigned awake(void)
{
    return count(get_dispatcher_generic(curdispatcher())->polled_channels);
}

static unsigned dozing(void)
{
    return count(get_dispatcher_generic(curdispatcher())->dozing_channels);
}

static void send_to(unsigned i)
{
    struct ump_control control;
    volatile struct ump_message *line = ump_chan_get_next(&peer[i], &control);

    cr_assert_not_null(line);
    ump_chan_commit(&peer[i], line, control, UMP_MSGTYPE_FIRST_USER);
}

TestSuite(ump_dozing, .init = set_up);

Test(ump_dozing, quiet_channels_doze_but_for_a_few)
{
    cr_assert_eq(awake(), UMP_AWAKE_CHANNELS);
    cr_assert_eq(dozing(), MANY - UMP_AWAKE_CHANNELS);
    for (unsigned i = 0; i < MANY; i++)
        cr_assert_eq(mine[i].dozes, (mine[i].ring.send.control->wake & 1) != 0);
}

Test(ump_dozing, the_first_message_to_each_notifies_and_awakes_it)
{
    for (unsigned i = 0; i < MANY; i++) {
        const bool dozes = mine[i].dozes;
        const unsigned before = notifications;

        send_to(i);
        send_to(i);
        cr_assert_eq(notifications - before, dozes ? 1 : 0);
        OK(event_dispatch(&ws));
        OK(event_dispatch(&ws));
        cr_assert_eq(received, 2 * (i + 1));
    }
    cr_assert_eq(awake(), MANY);
    for (unsigned i = 0; i <= UMP_QUIET_SLEEPS; i++) /* the first one sees the messages */
        sleep_once();
    cr_assert_eq(awake(), UMP_AWAKE_CHANNELS);
}

Test(ump_dozing, channels_in_use_stay_awake)
{
    for (unsigned i = 0; i < 3 * UMP_QUIET_SLEEPS; i++) {
        send_to(MANY - 1);
        OK(event_dispatch(&ws));
        sleep_once();
    }
    cr_assert_not(mine[MANY - 1].dozes);
}

Test(ump_dozing, neither_polling_nor_sleep_looks_at_them)
{
    unsigned i = 0;

    while (!mine[i].dozes)
        i++;
    const uint64_t wake = mine[i].ring.send.control->wake;

    send_to(i);
    get_dispatcher_shared(curdispatcher())->notified--; /* it is still on its way */
    sleep_once();
    cr_assert_eq(err_no(event_dispatch_non_block(&ws)), LIB_ERR_NO_EVENT);
    cr_assert_eq(mine[i].ring.send.control->wake, wake);
    get_dispatcher_shared(curdispatcher())->notified++;
    OK(event_dispatch_non_block(&ws));
    cr_assert_eq(received, 1);
}

Test(ump_dozing, a_notification_that_fits_none_gives_new_numbers)
{
    uint64_t wake[MANY];

    for (unsigned i = 0; i < MANY; i++)
        wake[i] = mine[i].ring.send.control->wake;
    get_dispatcher_shared(curdispatcher())->notified++;
    cr_assert_eq(err_no(event_dispatch_non_block(&ws)), LIB_ERR_NO_EVENT);
    for (unsigned i = 0; i < MANY; i++)
        cr_assert_eq(mine[i].ring.send.control->wake, wake[i] + (mine[i].dozes ? 2 : 0));
}

Test(ump_dozing, they_can_go_lose_their_peer_or_wait_for_room)
{
    unsigned chosen[3], found = 0;

    for (unsigned i = 0; found < 3; i++)
        if (mine[i].dozes)
            chosen[found++] = i;
    OK(ump_chan_deregister_recv(&mine[chosen[0]]));
    cr_assert_not(mine[chosen[0]].dozes);
    OK(ump_chan_listen(&mine[chosen[0]], &ws, MKCLOSURE(receive, &mine[chosen[0]])));
    send_to(chosen[0]);
    OK(event_dispatch_non_block(&ws));

    OK(waitset_chan_trigger(&mine[chosen[1]].recv_waitset)); /* as when the connection is lost */
    cr_assert_eq(mine[chosen[1]].recv_waitset.state, CHAN_PENDING);

    struct ump_control control;
    volatile struct ump_message *line;
    while ((line = ump_chan_get_next(&mine[chosen[2]], &control)) != NULL)
        ump_chan_commit(&mine[chosen[2]], line, control, UMP_MSGTYPE_FIRST_USER);
    OK(ump_chan_register_send(&mine[chosen[2]], &ws, MKCLOSURE(receive, NULL)));
    cr_assert_not(mine[chosen[2]].dozes);
    sleep_once();
    cr_assert_eq(mine[chosen[2]].ring.send.control->wake & 1, 0);
    for (unsigned i = 0; i < UMP_QUIET_SLEEPS; i++)
        sleep_once();
    cr_assert_not(mine[chosen[2]].dozes, "it waits for room");
}
