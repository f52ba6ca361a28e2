/* SPDX-License-Identifier: MIT
 *
 * Who takes what.  Each stops when it is refused, and fails if it never is.
 */
#include <if/mem_defs.h>
#include <if/monitor_blocking_defs.h>
#include <if/monitor_defs.h>
#include <if/nameservice_defs.h>

#include "greedy.h"

#define MOST 20000 /* nobody gets so many of anything */
#define CHILDREN_MOST 100

static bool answered;
static errval_t answer;

static void refused(const char *what, errval_t err, errval_t expected)
{
    if (err_no(err) != err_no(expected))
        USER_PANIC_ERR(err, "refused %s with another error", what);
}

/* ---- the monitor ---- */

static struct monitor_binding **opened; /* where links() says which; or NULL */

static void new_binding(void *st, errval_t err, struct monitor_binding *b)
{
    (void)st;
    answered = true;
    answer = err;
    if (err_is_ok(err) && opened != NULL)
        *opened++ = b;
}

/* A question to the monitor about this service; 0: there is no room, though the monitor had its
 * turns. */
static unsigned ask(struct monitor_binding *b, iref_t iref)
{
    struct lmp_chan *chan = &((struct monitor_lmp_binding *)b)->chan;
    const uintptr_t words[] = { monitor_get_iref_state__msgnum, iref, 0 };
    for (unsigned i = 0; i < 200; i++) {
        errval_t err = lmp_chan_send(chan, LMP_SEND_FLAGS_DEFAULT, NULL_CAP, 3, words);
        if (err_is_ok(err))
            return 1;
        CHECK(lmp_err_is_transient(err));
        thread_yield_dispatcher(NULL_CAP);
    }
    return 0;
}

static unsigned links(iref_t server, iref_t mute)
{
    (void)server, (void)mute;
    for (unsigned i = 0; i < MOST; i++) {
        answered = false;
        CHECK(err_is_ok(monitor_client_new_binding(new_binding, NULL, get_default_waitset(),
                                                   DEFAULT_LMP_BUF_WORDS)));
        wait_for(&answered);
        if (err_is_fail(answer)) {
            refused("links", answer, MON_ERR_OVER_SHARE);
            return i;
        }
    }
    return MOST;
}

/* Opens all it can and asks over each what it never reads: the monitor must not go on trying to
 * answer. */
static unsigned answers(iref_t server, iref_t mute)
{
    struct monitor_binding **all = calloc(MOST, sizeof(struct monitor_binding *));
    unsigned asked = 0;
    CHECK(all != NULL);
    opened = all;
    const unsigned count = links(server, mute);
    for (unsigned round = 0; round < 255; round++)
        for (unsigned i = 0; i < count; i++)
            asked += ask(all[i], 1);
    return asked;
}

static void exported(void *st, errval_t err, iref_t iref)
{
    (void)st, (void)iref;
    answered = true;
    answer = err;
}

static errval_t nobody_connects(void *st, struct mortal_binding *b)
{
    (void)st, (void)b;
    return MON_ERR_IDC_BIND_REFUSED;
}

static unsigned exports(iref_t server, iref_t mute)
{
    (void)server, (void)mute;
    for (unsigned i = 0; i < MOST; i++) {
        answered = false;
        CHECK(err_is_ok(mortal_export(NULL, exported, nobody_connects, get_default_waitset(),
                                      IDC_EXPORT_FLAGS_DEFAULT)));
        wait_for(&answered);
        if (err_is_fail(answer)) {
            refused("exports", answer, MON_ERR_OVER_SHARE);
            return i;
        }
    }
    return MOST;
}

static unsigned bound_count, refused_count;

static void bound(void *st, errval_t err, struct mortal_binding *b)
{
    (void)st, (void)b;
    if (err_is_ok(err))
        bound_count++;
    else
        refused_count++;
}

/* Binds without waiting for answers; how many are neither refused. */
static unsigned bind_many(iref_t iref, unsigned count, idc_bind_flags_t flags)
{
    unsigned asked = 0;
    bound_count = refused_count = 0;
    for (; asked < count; asked++)
        if (err_is_fail(mortal_bind(iref, bound, NULL, get_default_waitset(), flags)))
            break;
    settle();
    CHECK(refused_count > 0 || asked < count);
    return asked - refused_count;
}

static unsigned binds(iref_t server, iref_t mute)
{
    (void)server;
    return bind_many(mute, 400, IDC_BIND_FLAGS_DEFAULT);
}

static unsigned circuits(iref_t server, iref_t mute)
{
    (void)server;
    return bind_many(mute, 400, IDC_BIND_FLAG_MULTIHOP);
}

static void lmp_bound(void *st, errval_t err, struct lmp_chan *chan)
{
    (void)st, (void)chan;
    answered = true;
    answer = err;
}

static void unlock_monitor_binding(void *arg)
{
    (void)arg;
    event_mutex_unlock(&get_monitor_binding()->mutex);
}

/* A bind that has the service make an endpoint of so many words, whatever there is at our end. */
static void bind_with_buffer(iref_t iref, size_t words)
{
    static struct lmp_chan chan;
    struct monitor_binding *mon = get_monitor_binding();
    CHECK(err_is_ok(lmp_chan_accept(&chan, DEFAULT_LMP_BUF_WORDS, NULL_CAP)));
    chan.connstate = LMP_BIND_WAIT;
    chan.bind_continuation = lmp_bound;
    answered = false;
    while (!event_mutex_try_lock(&mon->mutex))
        CHECK(err_is_ok(event_dispatch(get_default_waitset())));
    CHECK(err_is_ok(monitor_bind_lmp_client_request__tx(
        mon, MKCONT(unlock_monitor_binding, NULL), iref, (uintptr_t)&chan, words, chan.local_cap)));
    wait_for(&answered);
    lmp_chan_destroy(&chan);
}

/* Fills the endpoint heap of the name service of core 0, of the memory server elsewhere. */
static unsigned endpoints(iref_t server, iref_t mute)
{
    (void)server, (void)mute;
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    iref_t iref, first;
    errval_t err;
    if (disp_get_core_id() == 0)
        CHECK(err_is_ok(b->rpc_tx_vtbl.get_name_iref(b, &iref, &err)));
    else
        CHECK(err_is_ok(b->rpc_tx_vtbl.get_mem_iref(b, &iref, &first, &err)));
    bind_with_buffer(iref, 11300); /* all of it at once */
    refused("an endpoint", answer, MON_ERR_BUFLEN);
    for (unsigned i = 0; i < MOST; i++) {
        struct lmp_chan *chan = calloc(1, sizeof(*chan));
        CHECK(chan != NULL);
        answered = false;
        CHECK(err_is_ok(lmp_chan_bind(chan, lmp_bound, NULL, NULL, iref, DEFAULT_LMP_BUF_WORDS)));
        wait_for(&answered);
        if (err_is_fail(answer)) {
            refused("endpoints", answer, MON_ERR_OVER_SHARE);
            return i;
        }
        lmp_endpoint_free(chan->endpoint); /* its own heap must not be what ends it */
        chan->endpoint = NULL;
    }
    return MOST;
}

static unsigned parcels(iref_t server, iref_t mute)
{
    (void)server, (void)mute;
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    struct capref frame;
    CHECK(err_is_ok(frame_alloc(&frame, BASE_PAGE_SIZE, NULL)));
    for (unsigned i = 0; i < MOST; i++) {
        uint64_t ticket;
        errval_t err;
        CHECK(err_is_ok(b->rpc_tx_vtbl.deposit_cap(b, frame, &err, &ticket)));
        if (err_is_fail(err)) {
            refused("parcels", err, MON_ERR_OVER_SHARE);
            return i;
        }
    }
    return MOST;
}

/* Asks its monitor and never reads: each question waits in both monitors. */
static unsigned questions(iref_t server, iref_t mute)
{
    (void)mute;
    unsigned asked = 0;
    for (unsigned i = 0; i < 3000; i++)
        asked += ask(get_monitor_binding(), server);
    return asked;
}

/* ---- the other services ---- */

static unsigned names(iref_t server, iref_t mute)
{
    (void)mute;
    for (unsigned i = 0; i < MOST; i++) {
        char name[48];
        snprintf(name, sizeof(name), "greedy.%u.%" PRIuIREF ".%u", disp_get_core_id(), server, i);
        errval_t err = nameservice_register(name, server);
        if (err_is_fail(err)) {
            refused("names", err, CHIPS_ERR_OVER_SHARE);
            return i;
        }
    }
    return MOST;
}

static unsigned waits_refused;

static void waited(struct nameservice_binding *b, iref_t iref, errval_t err)
{
    (void)b, (void)iref;
    refused("waits", err, CHIPS_ERR_OVER_SHARE);
    waits_refused++;
}

static unsigned waits(iref_t server, iref_t mute)
{
    (void)server, (void)mute;
    CHECK(err_is_ok(nameservice_client_blocking_bind()));
    struct nameservice_binding *b = get_nameservice_binding();
    b->rx_vtbl.wait_for_response = waited;
    for (unsigned i = 0; i < MOST; i++) {
        while (err_no(nameservice_wait_for_call__tx(b, NOP_CONT, "a name that never comes")) ==
               FLOUNDER_ERR_TX_BUSY)
            event_dispatch(get_default_waitset());
        event_dispatch_non_block(get_default_waitset());
        if (waits_refused > 0)
            return i + 1 - waits_refused;
    }
    return MOST;
}

/* Children that do nothing and stay, also when their parent ends. */
static domainid_t child[CHILDREN_MOST];
static unsigned child_count;
static struct spawn_binding *parent_of_children;

void end_children(void)
{
    for (unsigned i = 0; i < child_count; i++) {
        errval_t err;
        CHECK(err_is_ok(parent_of_children->rpc_tx_vtbl.kill_domain(parent_of_children, child[i],
                                                                    &err)) &&
              err_is_ok(err));
    }
    wait_for_ends(child_count);
}

static unsigned children(iref_t server, iref_t mute)
{
    (void)server, (void)mute;
    struct spawn_binding *b = parent_of_children = connect_spawnd();
    for (unsigned i = 0; i < CHILDREN_MOST; i++) {
        errval_t err;
        CHECK(err_is_ok(
            b->rpc_tx_vtbl.spawn_domain(b, "/sbin/greedy", "greedy sleep", 0, &err, &child[i])));
        child_count = i;
        if (err_is_fail(err)) {
            /* There may be no memory for so many, or none of what their parent may have. */
            if (err_no(err) != LIB_ERR_RAM_ALLOC && err_no(err) != MM_ERR_OVER_SHARE)
                refused("children", err, SPAWN_ERR_OVER_SHARE);
            return i;
        }
    }
    return CHILDREN_MOST;
}

static unsigned take_memory(uint8_t bits)
{
    struct capref ram;
    while (get_mem_binding() == NULL) /* connects when the first RAM is used up */
        CHECK(err_is_ok(ram_alloc(&ram, 16)));
    struct mem_binding *b = get_mem_binding();
    for (unsigned i = 0; i < MOST; i++) {
        errval_t err;
        ram = NULL_CAP; /* into a slot of the library's */
        CHECK(err_is_ok(b->rpc_tx_vtbl.allocate(b, bits, 0, 0, &err, &ram)));
        if (err_is_fail(err)) {
            refused("memory", err, MM_ERR_OVER_SHARE);
            return i;
        }
        if (bits == BASE_PAGE_BITS)
            CHECK(err_is_ok(cap_destroy(ram))); /* its own CSpace must not be what ends it */
    }
    return MOST;
}

static unsigned memory(iref_t server, iref_t mute)
{
    (void)server, (void)mute;
    return take_memory(20);
}

static unsigned blocks(iref_t server, iref_t mute)
{
    (void)server, (void)mute;
    return take_memory(BASE_PAGE_BITS);
}

/* Gives back all that it gets, and keeps it all the same: what comes back was made of it. */
static unsigned kept(iref_t server, iref_t mute)
{
    (void)server, (void)mute;
    struct capref ram, child;
    while (get_mem_binding() == NULL)
        CHECK(err_is_ok(ram_alloc(&ram, 16)));
    struct mem_binding *b = get_mem_binding();
    for (unsigned i = 0; i < MOST; i++) {
        struct capability is;
        errval_t err;
        ram = NULL_CAP;
        CHECK(err_is_ok(b->rpc_tx_vtbl.allocate(b, 20, 0, 0, &err, &ram)));
        if (err_is_fail(err)) {
            refused("memory", err, MM_ERR_OVER_SHARE);
            return i;
        }
        CHECK(err_is_ok(cap_direct_identify(ram, &is)) && err_is_ok(slot_alloc(&child)));
        CHECK(err_is_ok(cap_retype(child, ram, 0, ObjType_RAM, 1 << 20, 1)));
        CHECK(err_is_ok(b->rpc_tx_vtbl.free_monitor(b, child, is.u.mem.base, 20, &err)));
        CHECK(err_no(err) == SYS_ERR_REVOKE_FIRST && err_is_ok(slot_free(child)));
    }
    return MOST;
}

const struct hog hogs[] = {
    { "links", links, "monitor:LINK" },
    { "exports", exports, "monitor:IREF" },
    { "binds", binds, "monitor:BIND monitor:END monitor:PAGE" },
    { "circuits", circuits, "monitor:CIRCUIT monitor:TERMINAL" },
    { "endpoints", endpoints, "monitor:WORDS" },
    { "parcels", parcels, "monitor:PARCEL" },
    { "answers", answers, "monitor:LINK monitor:MESSAGE" },
    { "questions", questions, "monitor:QUESTION monitor:MESSAGE" },
    { "names", names, "chips:NAME" },
    { "waits", waits, "chips:WAITER chips:MESSAGE" },
    { "children", children, "monitor:CLIENT spawnd:DOMAIN spawnd:REQUEST spawnd:MESSAGE" },
    { "memory", memory, "mem_serv:PAGE" },
    { "kept", kept, "mem_serv:PAGE" },
    { "blocks", blocks, "mem_serv:LOAN mem_serv:MESSAGE" },
    { "records", hog_records, "octopus:RECORD octopus:MESSAGE" },
    { "watches", hog_watches, "octopus:WAIT" },
    { "semaphores", hog_semaphores, "octopus:SYNC" },
    { "stored", hog_stored, "octopus:CAP" },
    { "clauses", hog_clauses, "skb:CLAUSE skb:MESSAGE" },
};
const unsigned hog_count = sizeof(hogs) / sizeof(hogs[0]);
