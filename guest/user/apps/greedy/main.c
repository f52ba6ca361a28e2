/* SPDX-License-Identifier: MIT
 *
 * Programs that take all they can get, and their neighbours, who must not notice.
 *
 *   greedy server NAME         answers for ever, as NAME
 *   greedy mute NAME           is known as NAME and never answers
 *   greedy take WHAT NUMBER    takes all it can of WHAT (hogs.c), and stays
 *   greedy taken WHAT NUMBER   the same, and ends
 *   greedy twice NUMBER [WHAT...]  one after the other has each of them, or of these, run twice
 *   greedy many COUNT NAME     binds so many times to NAME, and closes: does the last cost what the
 *                              first did?
 *   greedy storm NAME            notifies that server, which is on another core, without an end
 *   greedy work MS               after so long, works, and says how much of the core it had
 *   greedy neighbour MS NAME...  after so long, needs what any program needs, and of these servers
 *
 * The hogs bind to "server.NUMBER" and "mute.NUMBER".
 */
#include "greedy.h"

#include <inttypes.h>

#define STATUS_KILLED 137
#define SETTLE_NS 3000000ull

void wait_for(const volatile bool *done)
{
    while (!*done)
        CHECK(err_is_ok(event_dispatch(get_default_waitset())));
}

void settle(void)
{
    for (systime_t end = get_system_time() + SETTLE_NS; get_system_time() < end;)
        if (err_is_ok(event_dispatch_non_block(get_default_waitset())))
            end = get_system_time() + SETTLE_NS;
        else
            thread_yield_dispatcher(NULL_CAP);
}

iref_t find(const char *name)
{
    iref_t iref;
    errval_t err = nameservice_blocking_lookup(name, &iref);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "looking for %s", name);
    return iref;
}

/* ---- servers ---- */

static errval_t ping(struct mortal_binding *b, uint32_t x, uint32_t *y)
{
    (void)b;
    *y = x + 1;
    return SYS_ERR_OK;
}

static errval_t look(struct mortal_binding *b, struct capref frame, uint64_t *value)
{
    (void)b;
    *value = !capref_is_null(frame);
    return capref_is_null(frame) ? SYS_ERR_OK : cap_destroy(frame);
}

static errval_t connected(void *st, struct mortal_binding *b)
{
    (void)st;
    b->rpc_rx_vtbl.ping_call = ping;
    b->rpc_rx_vtbl.look_call = look;
    return SYS_ERR_OK;
}

static bool is_exported;
static iref_t own_iref;

static void exported(void *st, errval_t err, iref_t iref)
{
    (void)st;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "exporting");
    own_iref = iref;
    is_exported = true;
}

static void serve(const char *name)
{
    CHECK(err_is_ok(
        mortal_export(NULL, exported, connected, get_default_waitset(), IDC_EXPORT_FLAGS_DEFAULT)));
    wait_for(&is_exported);
    errval_t err = nameservice_register(name, own_iref);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "registering %s", name);
}

static int server(const char *name)
{
    serve(name);
    for (;;)
        CHECK(err_is_ok(event_dispatch(get_default_waitset())));
}

static void __attribute__((noreturn)) sleep_for_ever(void)
{
    for (;;)
        barrelfish_usleep(1000000000);
}

/* ---- hogs ---- */

static void take(const char *what, const char *number)
{
    char name[32];
    snprintf(name, sizeof(name), "server.%s", number);
    const iref_t answers = find(name);
    snprintf(name, sizeof(name), "mute.%s", number);
    const iref_t is_mute = find(name);
    for (unsigned i = 0; i < hog_count; i++)
        if (strcmp(hogs[i].name, what) == 0) {
            const unsigned count = hogs[i].run(answers, is_mute);
            printf("took %u %s\n", count, what);
            CHECK(count > 0);
            return;
        }
    USER_PANIC("nobody takes %s", what);
}

static bool spawnd_bound;
static struct spawn_binding *spawnd;
static unsigned ended;
static bool one_ended;

static void bound_to_spawnd(void *st, errval_t err, struct spawn_binding *b)
{
    (void)st;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "connecting to the spawn service");
    spawnd = b;
    spawnd_bound = true;
}

static void domain_exited(struct spawn_binding *b, domainid_t domain, uint8_t status)
{
    (void)b, (void)domain;
    CHECK(status == 0 || status == STATUS_KILLED);
    ended++;
    one_ended = true;
}

struct spawn_binding *connect_spawnd(void)
{
    char name[32];
    snprintf(name, sizeof(name), "spawn.%u", disp_get_core_id());
    CHECK(err_is_ok(spawn_bind(find(name), bound_to_spawnd, NULL, get_default_waitset(),
                               IDC_BIND_FLAGS_DEFAULT)));
    wait_for(&spawnd_bound);
    spawn_rpc_client_init(spawnd);
    spawnd->rx_vtbl.domain_exited = domain_exited;
    return spawnd;
}

void wait_for_ends(unsigned count)
{
    while (ended < count)
        CHECK(err_is_ok(event_dispatch(get_default_waitset())));
}

static void run_child(const char *args)
{
    domainid_t domain;
    errval_t answer;
    one_ended = false;
    errval_t err =
        spawnd->rpc_tx_vtbl.spawn_domain(spawnd, "/sbin/greedy", args, 0, &answer, &domain);
    if (err_is_ok(err))
        err = answer;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "starting '%s'", args);
    wait_for(&one_ended);
}

static bool is_wanted(const char *what, char **wanted, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(wanted[i], what) == 0)
            return true;
    return count == 0;
}

static int twice(const char *number, char **wanted, int count)
{
    connect_spawnd();
    for (unsigned i = 0; i < hog_count; i++)
        for (unsigned run = 0; run < 2 && is_wanted(hogs[i].name, wanted, count); run++) {
            char args[64];
            snprintf(args, sizeof(args), "greedy taken %s %s", hogs[i].name, number);
            run_child(args);
        }
    printf("had %u hogs, one after the other\n", ended);
    return 0;
}

/* ---- neighbours ---- */

static bool is_bound;
static struct mortal_binding *peer;

static void bound(void *st, errval_t err, struct mortal_binding *b)
{
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "binding to %s", (const char *)st);
    peer = b;
    is_bound = true;
}

static void use(char *name)
{
    is_bound = false;
    CHECK(err_is_ok(
        mortal_bind(find(name), bound, name, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT)));
    wait_for(&is_bound);
    mortal_rpc_client_init(peer);
    for (uint32_t i = 0; i < 10; i++) {
        uint32_t y = 0;
        uint64_t arrived = 0;
        struct capref frame;
        CHECK(err_is_ok(peer->rpc_tx_vtbl.ping(peer, i, &y)) && y == i + 1);
        CHECK(err_is_ok(frame_alloc(&frame, BASE_PAGE_SIZE, NULL)));
        CHECK(err_is_ok(peer->rpc_tx_vtbl.look(peer, frame, &arrived)) && arrived == 1);
    }
}

static int neighbour(unsigned ms, char **servers, int count)
{
    struct capref ram;
    char name[32];
    barrelfish_usleep(ms * 1000ull);
    snprintf(name, sizeof(name), "neighbour.%u", disp_get_core_id());
    serve(name);
    errval_t err = ram_alloc(&ram, 20);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "a mebibyte");
    for (int i = 0; i < count; i++)
        use(servers[i]);
    connect_spawnd();
    run_child("greedy nothing");
    printf("did not notice anything\n");
    return 0;
}

/* ---- many bindings ---- */

struct pace {
    systime_t first, last; /* machine time of the first tenth, and of the last */
};

static void note(struct pace *pace, unsigned i, unsigned count)
{
    static systime_t begin;
    if (i == 0 || i == count - count / 10)
        begin = get_system_time();
    else if (i == count / 10)
        pace->first = get_system_time() - begin;
    else if (i == count)
        pace->last = get_system_time() - begin;
}

/* Machine time is a matter of instructions where this is asked for.  `for_each`: what one more
 * channel may cost every later one. */
static void check_pace(const char *what, const struct pace *pace, unsigned count,
                       systime_t for_each)
{
    const systime_t first = pace->first / (count / 10), last = pace->last / (count / 10);
    printf("%s %u: %" PRIu64 " ns each at first, %" PRIu64 " ns at last\n", what, count, first,
           last);
    CHECK(last < first + first / 4 + count * for_each);
}

#define LOOK_NS 60 /* each notification costs both ends a look at all channels that doze */

static int many(unsigned count, char *name)
{
    struct mortal_binding **all = calloc(count, sizeof(struct mortal_binding *));
    struct pace pace;
    const iref_t iref = find(name);
    CHECK(count >= 10 && all != NULL);
    for (unsigned i = 0; i < count; i++) {
        note(&pace, i, count);
        is_bound = false;
        CHECK(err_is_ok(
            mortal_bind(iref, bound, name, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT)));
        wait_for(&is_bound);
        all[i] = peer;
    }
    note(&pace, count, count);
    check_pace("bound", &pace, count, LOOK_NS);
    for (unsigned i = 0; i < count; i++) {
        note(&pace, i, count);
        CHECK(err_is_ok(all[i]->control(all[i], IDC_CONTROL_TEARDOWN)));
    }
    note(&pace, count, count);
    check_pace("closed", &pace, count, 0);
    return 0;
}

/* ---- a storm of notifications ---- */

static int storm(char *name)
{
    is_bound = false;
    CHECK(err_is_ok(
        mortal_bind(find(name), bound, name, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT)));
    wait_for(&is_bound);
    CHECK(peer->flounder.kind == FLOUNDER_UMP);
    const struct ump_chan *chan = peer->flounder.channel;
    for (;;)
        CHECK(err_is_ok(invoke_notify_send(chan->notify_cap)));
}

#define WORK_NS 10000000ull
#define WORK_TURNS 1000

/* So many turns of the same work in the time. */
static int work(unsigned after_ms)
{
    barrelfish_usleep(after_ms * 1000);
    uint64_t turns = 0;
    for (const systime_t end = get_system_time() + WORK_NS; get_system_time() < end; turns++)
        for (volatile unsigned i = 0; i < WORK_TURNS; i++) {
        }
    printf("worked %" PRIu64 " turns\n", turns);
    return 0;
}

int main(int argc, char *argv[])
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "nothing") == 0)
        return 0;
    if (strcmp(what, "sleep") == 0)
        sleep_for_ever();
    if (argc > 2 && strcmp(what, "server") == 0)
        return server(argv[2]);
    if (argc > 2 && strcmp(what, "mute") == 0) {
        serve(argv[2]);
        sleep_for_ever();
    }
    if (argc > 3 && (strcmp(what, "take") == 0 || strcmp(what, "taken") == 0)) {
        take(argv[2], argv[3]);
        if (strcmp(what, "take") == 0)
            sleep_for_ever();
        end_children();
        return 0;
    }
    if (argc > 3 && strcmp(what, "many") == 0)
        return many((unsigned)strtoul(argv[2], NULL, 10), argv[3]);
    if (argc > 2 && strcmp(what, "storm") == 0)
        return storm(argv[2]);
    if (argc > 2 && strcmp(what, "work") == 0)
        return work((unsigned)strtoul(argv[2], NULL, 10));
    if (argc > 2 && strcmp(what, "twice") == 0)
        return twice(argv[2], argv + 3, argc - 3);
    if (argc > 2 && strcmp(what, "neighbour") == 0)
        return neighbour((unsigned)strtoul(argv[2], NULL, 10), argv + 3, argc - 3);
    printf("usage: greedy server|mute|take|taken|twice|many|storm|work|neighbour ...\n");
    return 2;
}
