/* SPDX-License-Identifier: MIT
 *
 * A stress program: several peers, on one core or more, each with several threads, that bind to all
 * others and to themselves and do everything at once: bind and close, messages of all sizes,
 * capabilities, calls and calls back.  With `dies`, given to all, peer 0 dies when it is half done:
 * by `exit`, `stop` or `fault`.  With `victim` somebody else ends that peer, or its core, once all
 * have said that they begin.  Everything that arrives is checked, and everybody who survives must
 * get to the end.
 *
 *   mixer me=K peers=N threads=T rounds=R [seed=N] [dies=HOW | victim=K]
 *   mixer server threads=T                     see hurried.c
 *   mixer hurried rounds=R
 *   mixer again mixes=LETTERS rounds=R [seed=N]   see again.c
 *
 * A failure says "MIXER FAIL" and ends the domain with status 3.
 */
#include "mixer.h"

#include <barrelfish/deferred.h>
#include <barrelfish/waitset_chan.h>

#define PEERS_MAX 8
#define THREADS_MAX 8
#define STACK_BYTES (256u << 10)
#define TEXT_MAX 2999
#define BYTES_MAX 6000
#define WORDS_MAX 500
#define ECHO_MAX 1999
#define NEST_MAX 3
#define TIMERS 16
#define SLEEP_MAX_US 300
#define TIMER_MAX_US 500

static unsigned me, peers = 2, threads = 2, rounds = 40, seed;
static const char *dies, *mixes = "n";
static unsigned victim = PEERS_MAX; /* may die; PEERS_MAX: nobody */
static struct mixer_binding *to[PEERS_MAX];
static iref_t iref_of[PEERS_MAX]; /* a name is gone when its peer is: looked up once */
static bool lost[PEERS_MAX];
static volatile iref_t my_iref;
static volatile unsigned finished, received, refused, bound_again;
static struct thread_mutex bind_lock = THREAD_MUTEX_INITIALIZER;

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* The peer is no more, or the message was not for now: both happen here. */
static bool may_fail(errval_t err)
{
    if (err_no(err) == FLOUNDER_ERR_TX_BUSY || err_no(err) == FLOUNDER_ERR_RPC_NESTED) {
        refused++;
        return true;
    }
    if (err_is_ok(err) || err_no(err) == FLOUNDER_ERR_BINDING_CLOSED)
        return true;
    printf("mixer %u: %s: %s\n", me, err_getcode(err), err_getstring(err));
    return false;
}

/* ---- what is in the messages ---- */

static uint8_t byte_of(uint32_t x, size_t i)
{
    return (uint8_t)(1 + (x * 31 + i * 7) % 255); /* never 0: also for strings */
}

static void fill(uint8_t *to_bytes, size_t count, uint32_t x)
{
    for (size_t i = 0; i < count; i++)
        to_bytes[i] = byte_of(x, i);
}

static void check(const uint8_t *bytes, size_t count, uint32_t x)
{
    for (size_t i = 0; i < count; i++)
        CHECK(bytes[i] == byte_of(x, i));
    received++;
}

/* ---- as a server ---- */

static void note(struct mixer_binding *b, uint32_t x)
{
    (void)b;
    received++;
    if (x % 4 == 0)
        thread_yield(); /* others come in between */
}

static void text(struct mixer_binding *b, uint32_t x, const char *s)
{
    (void)b;
    CHECK(strlen(s) == x % TEXT_MAX);
    check((const uint8_t *)s, strlen(s), x);
}

static void bytes(struct mixer_binding *b, uint32_t x, const uint8_t *data, size_t n)
{
    (void)b;
    CHECK(n == x % BYTES_MAX);
    check(data, n, x);
}

static void words(struct mixer_binding *b, uint32_t x, const uint64_t *v, size_t n)
{
    (void)b;
    CHECK(n == x % WORDS_MAX);
    for (size_t i = 0; i < n; i++)
        CHECK(v[i] == x * 1000003ull + i);
    received++;
}

/* What a peer has given goes with its memory when it dies: then the slot is empty already. */
static void drop(struct capref c)
{
    errval_t err = cap_destroy(c);

    CHECK(err_is_ok(err) || (victim < peers && err_no(err) == SYS_ERR_CAP_NOT_FOUND));
    if (err_is_fail(err))
        CHECK(err_is_ok(slot_free(c)));
}

static void cap_note(struct mixer_binding *b, uint32_t x, struct capref c)
{
    (void)b, (void)x;
    received++;
    if (!capref_is_null(c)) /* a ticket of a sender that has died stands for nothing */
        drop(c);
}

static errval_t twice(struct mixer_binding *b, uint32_t x, uint32_t *y)
{
    (void)b;
    *y = 2 * x;
    if (x % 5 == 0)
        thread_yield();
    return SYS_ERR_OK;
}

static errval_t slowly(struct mixer_binding *b, uint32_t us, uint32_t *y)
{
    (void)b;
    CHECK(err_is_ok(barrelfish_usleep(us)));
    *y = us;
    return SYS_ERR_OK;
}

static errval_t echo(struct mixer_binding *b, const char *s, char *r)
{
    (void)b;
    memcpy(r, s, strlen(s) + 1);
    return SYS_ERR_OK;
}

static errval_t get_cap(struct mixer_binding *b, uint32_t x, errval_t *err, struct capref *c)
{
    (void)b, (void)x;
    *err = frame_alloc(c, BASE_PAGE_SIZE, NULL);
    return SYS_ERR_OK;
}

static errval_t nested(struct mixer_binding *b, uint32_t from, uint32_t depth, uint32_t *y)
{
    errval_t err = SYS_ERR_OK;

    (void)b;
    *y = depth;
    if (depth > 0 && from < peers && !lost[from] && to[from] != NULL) {
        uint32_t inner = 0;

        err = to[from]->rpc_tx_vtbl.nested(to[from], me, depth - 1, &inner);
        CHECK(may_fail(err));
    }
    return SYS_ERR_OK;
}

static void broken(struct mixer_binding *b, errval_t err)
{
    CHECK(err_no(err) == FLOUNDER_ERR_BINDING_CLOSED);
    if (b->st != NULL) {
        lost[(uintptr_t)b->st - 1] =
            true; /* others may still be about to use it: not closed here */
    }
}

static const struct mixer_rx_vtbl handlers = {
    .note = note, .text = text, .bytes = bytes, .words = words, .cap_note = cap_note
};

static void set_handlers(struct mixer_binding *b)
{
    b->rx_vtbl = handlers;
    b->rpc_rx_vtbl.twice_call = twice;
    b->rpc_rx_vtbl.slowly_call = slowly;
    b->rpc_rx_vtbl.echo_call = echo;
    b->rpc_rx_vtbl.get_cap_call = get_cap;
    b->rpc_rx_vtbl.nested_call = nested;
}

/* Clients have the default error handler: the library closes what they leave behind. */
static errval_t connected(void *st, struct mixer_binding *b)
{
    (void)st;
    set_handlers(b);
    return SYS_ERR_OK;
}

static void exported(void *st, errval_t err, iref_t iref)
{
    (void)st;
    CHECK(err_is_ok(err));
    my_iref = iref;
}

/* ---- as a client ---- */

struct attempt {
    struct waitset_chanstate done;
    errval_t err;
    struct mixer_binding *b;
};

static void bound(void *st, errval_t err, struct mixer_binding *b)
{
    struct attempt *a = st;

    a->err = err;
    a->b = b;
    CHECK(err_is_ok(waitset_chan_trigger(&a->done)));
}

/* NULL: it is no more. */
static struct mixer_binding *bind_to(unsigned peer)
{
    struct attempt a = { .b = NULL };
    struct waitset *ws = get_default_waitset();

    waitset_chanstate_init(&a.done, CHANTYPE_OTHER);
    CHECK(err_is_ok(waitset_chan_register(ws, &a.done, NOP_CLOSURE)));
    CHECK(err_is_ok(mixer_bind(iref_of[peer], bound, &a, ws, IDC_BIND_FLAGS_DEFAULT)));
    CHECK(err_is_ok(wait_for_channel(ws, &a.done, NULL)));
    if (err_is_fail(a.err))
        return NULL;
    set_handlers(a.b);
    mixer_rpc_client_init(a.b);
    a.b->error_handler = broken;
    return a.b;
}

static void free_it(void *arg)
{
    free(arg);
}

static errval_t send_text(struct mixer_binding *b, uint32_t x)
{
    char s[TEXT_MAX + 1];

    fill((uint8_t *)s, x % TEXT_MAX, x);
    s[x % TEXT_MAX] = '\0';
    return mixer_text__tx(b, BLOCKING_CONT, x, s);
}

static errval_t send_bytes(struct mixer_binding *b, uint32_t x)
{
    uint8_t *data = malloc(BYTES_MAX);

    CHECK(data != NULL);
    fill(data, x % BYTES_MAX, x);
    errval_t err = mixer_bytes__tx(b, MKCONT(free_it, data), x, data, x % BYTES_MAX);
    if (err_is_fail(err))
        free(data);
    return err;
}

static errval_t send_words(struct mixer_binding *b, uint32_t x)
{
    uint64_t v[WORDS_MAX];

    for (size_t i = 0; i < x % WORDS_MAX; i++)
        v[i] = x * 1000003ull + i;
    return mixer_words__tx(b, BLOCKING_CONT, x, v, x % WORDS_MAX);
}

static errval_t send_cap(struct mixer_binding *b, uint32_t x)
{
    struct capref frame;

    CHECK(err_is_ok(frame_alloc(&frame, BASE_PAGE_SIZE, NULL)));
    errval_t err = mixer_cap_note__tx(b, BLOCKING_CONT, x, frame);
    CHECK(err_is_ok(cap_destroy(frame)));
    return err;
}

static errval_t call_twice(struct mixer_binding *b, uint32_t x)
{
    uint32_t y = 0;
    errval_t err = b->rpc_tx_vtbl.twice(b, x, &y);

    CHECK(err_is_fail(err) || y == 2 * x);
    return err;
}

static errval_t call_slowly(struct mixer_binding *b, uint32_t x)
{
    uint32_t y = 0;
    errval_t err = b->rpc_tx_vtbl.slowly(b, x % SLEEP_MAX_US, &y);

    CHECK(err_is_fail(err) || y == x % SLEEP_MAX_US);
    return err;
}

static errval_t call_echo(struct mixer_binding *b, uint32_t x)
{
    char s[ECHO_MAX + 1], r[ECHO_MAX + 1];

    fill((uint8_t *)s, x % ECHO_MAX, x);
    s[x % ECHO_MAX] = '\0';
    errval_t err = b->rpc_tx_vtbl.echo(b, s, r);
    CHECK(err_is_fail(err) || strcmp(s, r) == 0);
    return err;
}

static errval_t call_get_cap(struct mixer_binding *b, uint32_t x)
{
    struct capref c = NULL_CAP;
    errval_t result = SYS_ERR_OK;
    errval_t err = b->rpc_tx_vtbl.get_cap(b, x, &result, &c);

    if (err_is_ok(err) && err_is_ok(result) && !capref_is_null(c))
        drop(c);
    return err;
}

static errval_t call_nested(struct mixer_binding *b, uint32_t x)
{
    uint32_t y = 0;

    return b->rpc_tx_vtbl.nested(b, me, x % (NEST_MAX + 1), &y);
}

/* Events of time among those of channels, in the same waitset. */
static struct timer {
    struct deferred_event event;
    bool is_set;
} timers[TIMERS];
static struct thread_mutex timer_lock = THREAD_MUTEX_INITIALIZER;

static void expired(void *arg)
{
    struct timer *timer = arg;

    thread_mutex_lock(&timer_lock);
    CHECK(timer->is_set);
    timer->is_set = false;
    thread_mutex_unlock(&timer_lock);
}

static errval_t set_timer(uint32_t x)
{
    struct timer *timer = &timers[x % TIMERS];

    thread_mutex_lock(&timer_lock);
    if (!timer->is_set) {
        timer->is_set = true;
        deferred_event_init(&timer->event);
        CHECK(err_is_ok(deferred_event_register(&timer->event, get_default_waitset(),
                                                x % TIMER_MAX_US, MKCLOSURE(expired, timer))));
    }
    thread_mutex_unlock(&timer_lock);
    return SYS_ERR_OK;
}

/* A binding of its own, closed when something is on its way. */
static errval_t bind_and_close(unsigned peer, uint32_t x)
{
    thread_mutex_lock(&bind_lock);
    struct mixer_binding *b = bind_to(peer);
    thread_mutex_unlock(&bind_lock);
    if (b == NULL)
        return SYS_ERR_OK;
    b->st = NULL;
    errval_t err = x % 2 == 0 ? send_bytes(b, x) : call_twice(b, x);
    CHECK(may_fail(err));
    CHECK(err_is_ok(b->control(b, IDC_CONTROL_TEARDOWN)));
    bound_again++;
    return SYS_ERR_OK;
}

static errval_t do_something(unsigned peer, uint32_t x, unsigned what)
{
    struct mixer_binding *b = to[peer];

    switch (what % 12) {
    case 0:
        return mixer_note__tx(b, NOP_CONT, x);
    case 1:
        return send_text(b, x);
    case 2:
        return send_bytes(b, x);
    case 3:
        return send_words(b, x);
    case 4:
        return send_cap(b, x);
    case 5:
        return call_twice(b, x);
    case 6:
        return call_echo(b, x);
    case 7:
        return call_get_cap(b, x);
    case 8:
        return call_nested(b, x);
    case 9:
        return call_slowly(b, x);
    case 10:
        return set_timer(x);
    default:
        return bind_and_close(peer, x);
    }
}

static void die(void)
{
    printf("mixer %u: dies by %s\n", me, dies);
    fflush(stdout);
    if (strcmp(dies, "stop") == 0)
        disp_stop();
    if (strcmp(dies, "fault") == 0)
        __builtin_trap();
    exit(0);
}

static void count_finished(void *arg)
{
    (void)arg;
    finished++;
}

static struct waitset_chanstate end_of[THREADS_MAX];

static int work(void *arg)
{
    const uintptr_t thread = (uintptr_t)arg;
    uint64_t random =
        (((uint64_t)seed * PEERS_MAX + me) * THREADS_MAX + thread + 1) * 0x9e3779b97f4a7c15ull;

    for (unsigned round = 0; round < rounds; round++) {
        const unsigned peer = (unsigned)(next_random(&random) % peers);
        const uint32_t x = (uint32_t)next_random(&random);

        if (!lost[peer] && to[peer] != NULL)
            CHECK(may_fail(do_something(peer, x, (unsigned)(next_random(&random) >> 8))));
        if (dies != NULL && me == 0 && thread == 0 && round == rounds / 2)
            die();
    }
    waitset_chanstate_init(&end_of[thread], CHANTYPE_OTHER);
    CHECK(err_is_ok(waitset_chan_trigger_closure(get_default_waitset(), &end_of[thread],
                                                 MKCLOSURE(count_finished, NULL))));
    return 0;
}

static void parse(int argc, char *argv[])
{
    for (int i = 1; i < argc; i++) {
        char *value = strchr(argv[i], '=');

        if (value == NULL)
            continue;
        *value++ = '\0';
        const unsigned number = (unsigned)strtoul(value, NULL, 10);
        if (strcmp(argv[i], "me") == 0)
            me = number;
        else if (strcmp(argv[i], "peers") == 0)
            peers = number;
        else if (strcmp(argv[i], "threads") == 0)
            threads = number;
        else if (strcmp(argv[i], "rounds") == 0)
            rounds = number;
        else if (strcmp(argv[i], "victim") == 0)
            victim = number;
        else if (strcmp(argv[i], "seed") == 0)
            seed = number;
        else if (strcmp(argv[i], "mixes") == 0)
            mixes = value;
        else if (strcmp(argv[i], "dies") == 0)
            dies = value;
    }
    if (dies != NULL)
        victim = 0;
    CHECK(me < peers && peers <= PEERS_MAX && threads <= THREADS_MAX);
}

static void say(const char *what, unsigned peer)
{
    char name[32];

    snprintf(name, sizeof(name), "mixer.%s.%u", what, peer);
    CHECK(err_is_ok(nameservice_register(name, my_iref)));
}

static void hear(const char *what, unsigned peer)
{
    char name[32];
    iref_t iref;

    snprintf(name, sizeof(name), "mixer.%s.%u", what, peer);
    CHECK(err_is_ok(nameservice_blocking_lookup(name, &iref)));
}

/* Nobody leaves as long as others need him.  A name is gone with who has said it, so one waits for
 * all others to say that they have ended, tells them that it is over, and leaves last. */
static void part(void)
{
    const unsigned last = victim == 0 ? 1 : 0;

    say("end", me);
    if (me != last) {
        hear("over", last);
        return;
    }
    for (unsigned k = 0; k < peers; k++)
        if (k != me && k != victim)
            hear("end", k);
    say("over", me);
    for (unsigned k = 0; k < peers; k++)
        while (k != me && to[k] != NULL && !lost[k])
            CHECK(err_is_ok(event_dispatch(get_default_waitset())));
}

int main(int argc, char *argv[])
{
    struct waitset *ws = get_default_waitset();
    char name[32];

    parse(argc, argv);
    if (argc > 1 && strcmp(argv[1], "server") == 0)
        return be_server(threads);
    if (argc > 1 && strcmp(argv[1], "hurried") == 0)
        return be_hurried(rounds);
    if (argc > 1 && strcmp(argv[1], "again") == 0)
        return be_again(mixes, rounds, seed);
    CHECK(err_is_ok(mixer_export(NULL, exported, connected, ws, IDC_EXPORT_FLAGS_DEFAULT)));
    while (my_iref == 0)
        CHECK(err_is_ok(event_dispatch(ws)));
    snprintf(name, sizeof(name), "mixer.%u", me);
    CHECK(err_is_ok(nameservice_register(name, my_iref)));
    for (unsigned k = 0; k < peers; k++) { /* the peers do the same: these cross */
        snprintf(name, sizeof(name), "mixer.%u", k);
        CHECK(err_is_ok(nameservice_blocking_lookup(name, &iref_of[k])));
    }
    for (unsigned k = 0; k < peers; k++) {
        to[k] = bind_to(k);
        if (to[k] != NULL)
            to[k]->st = (void *)(uintptr_t)(k + 1);
    }
    if (victim < peers && dies == NULL) {
        say("begin", me); /* until then nobody may die: they look for names */
        for (unsigned k = 0; k < peers; k++)
            hear("begin", k);
        printf("mixer %u: begins, seed %u\n", me, seed);
        fflush(stdout);
    }
    for (uintptr_t i = 0; i < threads; i++) {
        struct thread *t = thread_create_varstack(work, (void *)i, STACK_BYTES);

        CHECK(t != NULL && err_is_ok(thread_detach(t)));
    }
    while (finished < threads)
        CHECK(err_is_ok(event_dispatch(ws)));
    /* how much was done depends on who was faster */
    debug_trace("%u received, %u refused, %u bound again", received, refused, bound_again);
    printf("mixer %u: done\n", me);
    fflush(stdout);
    while (victim < peers && dies == NULL && !lost[victim]) /* it may still look for this one */
        CHECK(err_is_ok(event_dispatch(ws)));
    part();
    return 0;
}
