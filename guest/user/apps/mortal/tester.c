/* SPDX-License-Identifier: MIT
 *
 * Starts domains that die, here and on other cores, in every way and at every moment, and checks
 * what this domain, their peer, is told: the error handler once, every call and every sender
 * released, no half message, a clear refusal of new binds, the name free for a successor.
 */
#include <if/spawn_defs.h>

#include "mortal.h"

#define SERVICE "mortal_tester" /* victims that are clients connect to this */

static struct spawn_binding *spawnd;
static domainid_t exited_domain;
static uint8_t exited_status;

/* ---- starting and ending victims ---- */

static void domain_exited(struct spawn_binding *b, domainid_t domain, uint8_t status)
{
    (void)b;
    exited_domain = domain;
    exited_status = status;
}

struct spawnd_attempt {
    bool done;
    errval_t err;
};

static void spawnd_bound(void *st, errval_t err, struct spawn_binding *b)
{
    struct spawnd_attempt *attempt = st;
    *attempt = (struct spawnd_attempt){ .done = true, .err = err };
    spawnd = b;
}

static void connect_to_spawnd(unsigned core)
{
    char name[32];
    iref_t iref;
    struct spawnd_attempt attempt = { .done = false };
    snprintf(name, sizeof(name), "spawn.%u", core);
    CHECK(err_is_ok(nameservice_blocking_lookup(name, &iref)));
    CHECK(err_is_ok(
        spawn_bind(iref, spawnd_bound, &attempt, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT)));
    WAIT_FOR(attempt.done);
    CHECK(err_is_ok(attempt.err));
    spawn_rpc_client_init(spawnd);
    spawnd->rx_vtbl.domain_exited = domain_exited;
}

static domainid_t start(const char *words)
{
    char args[96];
    snprintf(args, sizeof(args), "%s%s", words,
             (bind_flags & IDC_BIND_FLAG_MULTIHOP) != 0 ? " multihop" : "");
    domainid_t domain = 0;
    errval_t answer = SYS_ERR_OK;
    errval_t err =
        spawnd->rpc_tx_vtbl.spawn_domain(spawnd, "/sbin/mortal", args, 0, &answer, &domain);
    if (err_is_ok(err))
        err = answer;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "starting '%s'", args);
    return domain;
}

static void kill_victim(domainid_t domain)
{
    errval_t answer = LIB_ERR_SHOULD_NOT_GET_HERE;
    CHECK(err_is_ok(spawnd->rpc_tx_vtbl.kill_domain(spawnd, domain, &answer)));
    CHECK(err_is_ok(answer));
}

static void wait_for_end(domainid_t domain, mortal_way_t way)
{
    static const uint8_t statuses[] = { [mortal_by_fault] = 139,
                                        [mortal_by_trap] = 255,
                                        [mortal_by_leaving] = 0,
                                        [mortal_by_stopping] = 255,
                                        [mortal_by_spinning] = 137 };
    WAIT_FOR(exited_domain == domain);
    CHECK(exited_status == statuses[way]);
}

/* ---- servers that die ---- */

static unsigned errors, sent, may_send;
static volatile unsigned texts_sent; /* by a thread */
static errval_t last_error;

static void on_error(struct mortal_binding *b, errval_t err)
{
    (void)b;
    errors++;
    last_error = err;
}

static void count(void *arg)
{
    ++*(unsigned *)arg;
}

/* The name service may hear of a death a little later than we do. */
static void wait_until_unknown(const char *name)
{
    iref_t iref;
    errval_t err;
    do
        err = nameservice_lookup(name, &iref);
    while (err_is_ok(err));
    CHECK(err_no(err) == LIB_ERR_NAMESERVICE_UNKNOWN_NAME);
}

static struct mortal_binding *start_server(const char *name, domainid_t *domain, iref_t *iref)
{
    char args[64];
    wait_until_unknown(name); /* of a server before */
    snprintf(args, sizeof(args), "mortal server %s", name);
    *domain = start(args);
    struct mortal_binding *b = bind_to(name, iref);
    b->error_handler = on_error;
    errors = sent = may_send = 0;
    return b;
}

/* Told once, and nothing goes any more. */
static void expect_dead(struct mortal_binding *b, iref_t iref)
{
    uint32_t y;
    WAIT_FOR(errors > 0);
    drain_events();
    CHECK(errors == 1);
    CHECK(err_no(last_error) == FLOUNDER_ERR_BINDING_CLOSED);
    CHECK(err_no(mortal_die__tx(b, NOP_CONT, mortal_by_fault)) == FLOUNDER_ERR_BINDING_CLOSED);
    CHECK(err_no(b->rpc_tx_vtbl.ping(b, 1, &y)) == FLOUNDER_ERR_BINDING_CLOSED);
    CHECK(err_is_ok(b->control(b, IDC_CONTROL_TEARDOWN)));
    struct attempt attempt;
    begin_bind(&attempt, iref);
    WAIT_FOR(attempt.done);
    CHECK(err_no(attempt.err) == MON_ERR_INVALID_IREF);
    CHECK(errors == 1);
}

static void dies_idle(mortal_way_t way)
{
    domainid_t domain;
    iref_t iref;
    struct mortal_binding *b = start_server("mortal_idle", &domain, &iref);
    CHECK(err_is_ok(mortal_die__tx(b, NOP_CONT, way)));
    if (way == mortal_by_spinning)
        kill_victim(domain);
    if (way == mortal_by_leaving) /* it says goodbye before it goes, and its service with it */
        wait_for_end(domain, way);
    expect_dead(b, iref);
    wait_for_end(domain, way);
    wait_until_unknown("mortal_idle");
}

static void dies_called(mortal_way_t way)
{
    domainid_t domain;
    iref_t iref;
    uint32_t never;
    struct mortal_binding *b = start_server("mortal_called", &domain, &iref);
    CHECK(err_no(b->rpc_tx_vtbl.die_asked(b, way, &never)) == FLOUNDER_ERR_BINDING_CLOSED);
    if (way == mortal_by_leaving) /* it says goodbye before it goes, and its service with it */
        wait_for_end(domain, way);
    expect_dead(b, iref);
    wait_for_end(domain, way);
}

/* On a waitset that nobody else serves, so that only the caller can hear of the death. */
static void dies_called_privately(mortal_way_t way)
{
    struct waitset own;
    domainid_t domain;
    iref_t iref;
    uint32_t never;
    struct mortal_binding *b = start_server("mortal_private", &domain, &iref);
    waitset_init(&own);
    CHECK(err_is_ok(b->change_waitset(b, &own)));
    CHECK(err_no(b->rpc_tx_vtbl.die_asked(b, way, &never)) == FLOUNDER_ERR_BINDING_CLOSED);
    CHECK(err_is_ok(b->control(b, IDC_CONTROL_TEARDOWN)));
    CHECK(err_is_ok(waitset_destroy(&own)));
    wait_for_end(domain, way);
}

/* One thread sends texts, each larger than the ring, while another serves the events. */
static int send_until_refused(void *arg)
{
    static char s[TEXT_BYTES + 1];
    errval_t err;
    memset(s, 'x', TEXT_BYTES);
    do {
        err = mortal_text__tx(arg, BLOCKING_CONT, s);
        texts_sent++;
    } while (err_is_ok(err));
    return err_no(err) == FLOUNDER_ERR_BINDING_CLOSED;
}

static void dies_sent_to(void)
{
    domainid_t domain;
    iref_t iref;
    int ended_well = 0;
    struct mortal_binding *b = start_server("mortal_reader", &domain, &iref);
    texts_sent = 0;
    struct thread *sender = thread_create(send_until_refused, b);
    CHECK(sender != NULL);
    while (texts_sent <= 3) {
        drain_events();
        thread_yield();
    }
    kill_victim(domain);
    WAIT_FOR(errors > 0);
    CHECK(err_is_ok(thread_join(sender, &ended_well)) && ended_well);
    expect_dead(b, iref);
    wait_for_end(domain, mortal_by_spinning);
}

static struct mortal_binding *call_binding;

static int call_in_thread(void *arg)
{
    uint32_t y;
    (void)arg;
    return err_no(call_binding->rpc_tx_vtbl.ping(call_binding, 1, &y)) ==
           FLOUNDER_ERR_BINDING_CLOSED;
}

/* It reads nothing any more: a message stays half sent, a registered sender and callers wait. */
static void dies_not_reading(void)
{
    static char s[TEXT_BYTES + 1];
    domainid_t domain;
    iref_t iref;
    struct thread *threads[3];
    struct mortal_binding *b = start_server("mortal_deaf", &domain, &iref);
    memset(s, 'x', TEXT_BYTES);
    CHECK(err_is_ok(mortal_die__tx(b, NOP_CONT, mortal_by_spinning)));
    CHECK(err_is_ok(mortal_text__tx(b, MKCONT(count, &sent), s)));
    CHECK(err_is_ok(b->register_send(b, get_default_waitset(), MKCLOSURE(count, &may_send))));
    call_binding = b;
    for (unsigned i = 0; i < 3; i++)
        CHECK((threads[i] = thread_create(call_in_thread, NULL)) != NULL);
    thread_yield();
    drain_events();
    CHECK(sent == 0 && may_send == 0 && errors == 0);
    kill_victim(domain);
    for (unsigned i = 0; i < 3; i++) {
        int ended_well = 0;
        CHECK(err_is_ok(thread_join(threads[i], &ended_well)) && ended_well);
    }
    WAIT_FOR(sent == 1 && may_send == 1);
    expect_dead(b, iref);
    CHECK(sent == 1 && may_send == 1);
    wait_for_end(domain, mortal_by_spinning);
}

/* A successor takes the name over; so finds it who waits for it meanwhile. */
static void has_a_successor(void)
{
    domainid_t domain;
    iref_t iref, next;
    struct mortal_binding *b = start_server("mortal_heir", &domain, &iref);
    kill_victim(domain);
    wait_for_end(domain, mortal_by_spinning);
    domainid_t heir = start("mortal server mortal_heir"); /* at once: it must get the name */
    expect_dead(b, iref);
    uint32_t y = 0;
    struct attempt attempt;
    do { /* the old name may be found until the new one is registered */
        CHECK(err_is_ok(nameservice_blocking_lookup("mortal_heir", &next)));
        begin_bind(&attempt, next);
        WAIT_FOR(attempt.done);
    } while (err_no(attempt.err) == MON_ERR_INVALID_IREF);
    CHECK(err_is_ok(attempt.err) && next != iref);
    b = attempt.binding;
    mortal_rpc_client_init(b);
    b->error_handler = on_error;
    CHECK(err_is_ok(b->rpc_tx_vtbl.ping(b, 41, &y)) && y == 42);
    errors = 0;
    kill_victim(heir);
    expect_dead(b, next);
    wait_for_end(heir, mortal_by_spinning);
}

static void dies_when_bound(void)
{
    iref_t iref;
    struct attempt attempt;
    domainid_t domain = start("mortal server-in-bind mortal_shy");
    CHECK(err_is_ok(nameservice_blocking_lookup("mortal_shy", &iref)));
    begin_bind(&attempt, iref);
    WAIT_FOR(attempt.done);
    CHECK(err_no(attempt.err) == MON_ERR_IDC_BIND_REFUSED);
    wait_for_end(domain, mortal_by_fault);
}

/* ---- clients that die ---- */

static unsigned clients_connected, clients_lost;

static void client_lost(struct mortal_binding *b, errval_t err)
{
    CHECK(err_no(err) == FLOUNDER_ERR_BINDING_CLOSED);
    CHECK(b->st == NULL); /* once */
    b->st = &clients_lost;
    clients_lost++;
    CHECK(err_is_ok(b->control(b, IDC_CONTROL_TEARDOWN)));
}

static void text(struct mortal_binding *b, const char *s)
{
    (void)b;
    CHECK(strlen(s) == TEXT_BYTES); /* it may have got through, but whole */
}

static errval_t ping(struct mortal_binding *b, uint32_t x, uint32_t *y)
{
    (void)b;
    *y = x + 1;
    return SYS_ERR_OK;
}

static void ping_call(struct mortal_binding *b, uint32_t x)
{
    uint32_t y;
    ping(b, x, &y);
    (void)mortal_ping_response__tx(b, NOP_CONT, y); /* it may be gone */
}

static errval_t connected(void *st, struct mortal_binding *b)
{
    (void)st;
    clients_connected++;
    b->rx_vtbl.text = text;
    b->rx_vtbl.ping_call = ping_call;
    b->error_handler = client_lost;
    return SYS_ERR_OK;
}

static void exported(void *st, errval_t err, iref_t iref)
{
    bool *ready = st;
    CHECK(err_is_ok(err) && err_is_ok(nameservice_register(SERVICE, iref)));
    *ready = true;
}

static void offer_service(void)
{
    static bool ready;
    CHECK(err_is_ok(mortal_export(&ready, exported, connected, get_default_waitset(),
                                  IDC_EXPORT_FLAGS_DEFAULT)));
    WAIT_FOR(ready);
}

static void clients_die(const char *moment)
{
    for (size_t i = 0; i < WAYS; i++) {
        char args[80];
        bool binds = strcmp(moment, "binding") != 0;
        unsigned before = clients_connected;
        snprintf(args, sizeof(args), "mortal client " SERVICE " %s %s", moment, ways[i].word);
        domainid_t domain = start(args);
        if (ways[i].way == mortal_by_spinning) {
            if (binds)
                WAIT_FOR(clients_connected == before + 1);
            kill_victim(domain);
        }
        wait_for_end(domain, ways[i].way);
        if (binds)
            WAIT_FOR(clients_connected == before + 1);
        WAIT_FOR(clients_connected == clients_lost);
    }
}

/* ---- all of it ---- */

static void try_core(unsigned core)
{
    connect_to_spawnd(core);
    for (mortal_way_t way = mortal_by_fault; way <= mortal_by_spinning; way++) {
        dies_idle(way);
        if (way != mortal_by_spinning)
            dies_called(way);
    }
    dies_called_privately(mortal_by_fault);
    dies_called_privately(mortal_by_stopping);
    dies_sent_to();
    dies_not_reading();
    has_a_successor();
    dies_when_bound();
    clients_die("idle");
    clients_die("sending");
    clients_die("binding");
    clients_die("calling");
    CHECK(err_is_ok(spawnd->control(spawnd, IDC_CONTROL_TEARDOWN)));
    printf("mortal: core %u: as expected, %u clients have come and gone\n", core, clients_lost);
}

int be_tester(char *cores[])
{
    offer_service();
    for (; *cores != NULL; cores++)
        try_core((unsigned)strtoul(*cores, NULL, 10));
    WAIT_FOR(clients_connected == clients_lost);
    drain_events();
    printf("mortal: all as expected\n");
    return 0;
}
