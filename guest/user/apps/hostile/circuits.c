/* SPDX-License-Identifier: MIT
 *
 * Multi-hop channels that do not keep to their protocol.  Each attack binds to the service of
 * idctest through the monitors, and then speaks to its own monitor as the library never would.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/nameservice_client.h>
#include <if/idctest_defs.h>
#include <if/monitor_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostile.h"

static iref_t service;
static unsigned answers, made;
static struct idctest_binding *newest;

static void ignore_error(struct idctest_binding *b, errval_t err)
{
    printf("told: %s\n", err_getstring(err));
    b->control(b, IDC_CONTROL_TEARDOWN);
}

static void bound(void *st, errval_t err, struct idctest_binding *b)
{
    (void)st;
    answers++;
    if (err_is_fail(err)) {
        if (answers == made + 1)
            printf("bind %u: %s\n", answers, err_getstring(err));
        return;
    }
    made++;
    newest = b;
    b->error_handler = ignore_error;
}

static errval_t begin_bind(void)
{
    return idctest_bind(service, bound, NULL, get_default_waitset(), IDC_BIND_FLAG_MULTIHOP);
}

static struct lmp_chan *open_circuit(void)
{
    unsigned before = answers;
    errval_t err = begin_bind();
    while (err_is_ok(err) && answers == before)
        err = event_dispatch(get_default_waitset());
    if (err_is_fail(err) || newest == NULL || newest->flounder.kind != FLOUNDER_MULTIHOP)
        USER_PANIC_ERR(err, "no circuit to attack with");
    return &((struct multihop_chan *)newest->flounder.channel)->link.lmp;
}

/* Serves events a while, so that what was done can have consequences. */
static void look_around(void)
{
    for (unsigned i = 0; i < 50; i++)
        if (err_is_fail(event_dispatch_non_block(get_default_waitset())))
            thread_yield_dispatcher(NULL_CAP);
}

static void say(struct lmp_chan *chan, size_t count, const uintptr_t *words)
{
    errval_t err;
    for (unsigned i = 0; i < 1000; i++) {
        err = lmp_chan_send(chan, LMP_SEND_FLAGS_DEFAULT, NULL_CAP, count, words);
        if (!lmp_err_is_transient(err))
            break;
        thread_yield_dispatcher(NULL_CAP);
    }
    if (err_is_fail(err))
        printf("said nothing: %s\n", err_getstring(err));
}

/* Frames that are none. */
static void say_nonsense(void)
{
    static const uint64_t headers[] = {
        0,
        77,
        MULTIHOP_DATA,
        MULTIHOP_DATA | UINT64_C(0xffff) << 16,
        MULTIHOP_ACK | 1 << 16,
        UINT64_MAX,
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        uintptr_t words[LMP_MSG_WORDS] = { headers[i] };
        say(open_circuit(), i % 2 == 0 ? LMP_MSG_WORDS : 1, words);
        look_around();
    }
    say(open_circuit(), 0, NULL);
    look_around();
}

/* Payloads without end, whatever the window. */
static void flood(unsigned count)
{
    struct lmp_chan *chan = open_circuit();
    const uintptr_t words[9] = { MULTIHOP_DATA | 8 << 16, idctest_words__msgnum };
    for (unsigned i = 0; i < count; i++)
        while (
            lmp_err_is_transient(lmp_chan_send(chan, LMP_SEND_FLAGS_DEFAULT, NULL_CAP, 9, words)))
            thread_yield_dispatcher(NULL_CAP);
    look_around();
}

/* Acknowledges what was never sent, and ends in the middle of a frame. */
static void lie(void)
{
    const uintptr_t ack[] = { MULTIHOP_ACK | UINT64_C(0x7777) << 32 };
    const uintptr_t half[LMP_MSG_WORDS] = { MULTIHOP_DATA | 200 << 16 };
    say(open_circuit(), 1, ack);
    look_around();
    say(open_circuit(), LMP_MSG_WORDS, half);
}

/* Answers binds of others, with all numbers that are likely. */
static void forge(void)
{
    struct monitor_binding *mon = get_monitor_binding();
    for (uint32_t generation = 1; generation < 4; generation++)
        for (uint32_t index = 0; index < 20; index++)
            while (err_no(monitor_bind_multihop_reply_monitor__tx(
                       mon, NOP_CONT, generation << 16 | index, SYS_ERR_OK, NULL_CAP)) ==
                   FLOUNDER_ERR_TX_BUSY)
                event_dispatch(get_default_waitset());
    look_around();
}

bool hostile_circuit(int argc, char **argv)
{
    const char *what = argv[0];
    const unsigned count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 100;
    if (strcmp(what, "forge") == 0) {
        forge();
        return true;
    }
    errval_t err = nameservice_blocking_lookup("idctest_service", &service);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "nobody to attack");
    if (strcmp(what, "nonsense") == 0) {
        say_nonsense();
    } else if (strcmp(what, "flood") == 0) {
        flood(count);
    } else if (strcmp(what, "lie") == 0) {
        lie();
    } else if (strcmp(what, "leave") == 0) {
        for (unsigned i = 0; i < 5; i++)
            (void)begin_bind();
        look_around();
        exit(0);
    } else if (strcmp(what, "many") == 0) {
        for (unsigned i = 0; i < count; i++)
            if (err_is_fail(begin_bind()))
                answers++;
        while (answers < count)
            event_dispatch(get_default_waitset());
        printf("%u of %u circuits\n", made, count);
    } else {
        return false;
    }
    return true;
}
