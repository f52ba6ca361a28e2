/* SPDX-License-Identifier: MIT
 *
 * The cores: started when the machine starts, and started and stopped at the wish of operators
 * (boot_manager.if).  An operator is a domain that the boot manager itself has started from a line
 * of the menu whose program `operators=` names; what such a domain starts in turn is none.
 *
 * Requests are served one after the other, and not while a program is being started: it may ask
 * before its number is known here.
 */
#include <barrelfish/monitor_client.h>
#include <barrelfish/nameservice_client.h>
#include <barrelfish/threads.h>
#include <barrelfish/waitset_chan.h>
#include <if/boot_manager_defs.h>
#include <if/monitor_blocking_defs.h>
#include <services/service.h>
#include <skb/skb.h>
#include <spawndomain/cmdline.h>
#include <stdio.h>
#include <string.h>

#include <abi/boot.h>

#include "boot_manager.h"
#include "resources.h"

static uint64_t running = 1;

uint64_t cores_running(void)
{
    return running;
}

uint64_t cores_read(const char *text)
{
    struct list_parser_status list;
    unsigned core;
    uint64_t cores = 0;
    skb_read_list_init_offset(&list, text, 0);
    while (skb_read_list(&list, "%u", &core))
        if (core < ABI_MAX_CORES)
            cores |= 1ull << core;
    return cores;
}

/* ---- starting and stopping ---- */

static void tell_of(unsigned core, bool runs)
{
    if (!has_knowledge)
        return;
    skb_execute_query("retractall(running(%u))", core);
    if (runs)
        skb_add_fact("running(%u)", core);
    else
        skb_execute_query("retractall(program(_, %u, _))", core);
}

/* The monitor says which cores run now. */
static void now_running(uint64_t now)
{
    const uint64_t changed = running ^ now;
    running = now;
    for (unsigned core = 0; core < ABI_MAX_CORES; core++)
        if (changed >> core & 1)
            tell_of(core, now >> core & 1);
}

void core_lost(unsigned core)
{
    now_running(running & ~(1ull << core));
}

/* Starts cores at the same time.  None: asks which run. */
static errval_t start_group(uint64_t cores)
{
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    errval_t answer = SYS_ERR_OK;
    uint64_t now = running;
    errval_t err = b->rpc_tx_vtbl.boot_cores(b, cores, &answer, &now);
    if (err_is_ok(err))
        err = answer;
    now_running(now);
    if (err_is_fail(err)) {
        DEBUG_ERR(err, "not all cores could be started: wanted %" PRIx64 ", running %" PRIx64,
                  cores, running);
    }
    return err;
}

/* A question that takes as long as somebody has anything of such a core, be it this domain: so a
 * thread asks it, and the domain goes on serving events. */
struct stop {
    uint64_t cores, now;
    errval_t err;
    bool done;
    struct waitset_chanstate told;
};

/* That it is served is all that it is for. */
static void stop_told(void *arg)
{
    (void)arg;
}

static int ask_to_stop(void *arg)
{
    struct stop *stop = arg;
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    errval_t answer = SYS_ERR_OK;
    stop->err = b->rpc_tx_vtbl.stop_cores(b, stop->cores, &answer, &stop->now);
    if (err_is_ok(stop->err))
        stop->err = answer;
    stop->done = true;
    errval_t err = waitset_chan_trigger_closure(get_default_waitset(), &stop->told,
                                                MKCLOSURE(stop_told, NULL));
    if (err_is_fail(err))
        DEBUG_ERR(err, "cores are stopped");
    return 0;
}

static errval_t stop_group(uint64_t cores)
{
    struct stop stop = { .cores = cores, .now = running };
    if ((cores & 1) != 0)
        return MON_ERR_STARTER_STAYS;
    waitset_chanstate_init(&stop.told, CHANTYPE_OTHER);
    programs_stop(cores);
    struct thread *thread = thread_create(ask_to_stop, &stop);
    if (thread == NULL)
        return LIB_ERR_THREAD_CREATE;
    while (!stop.done)
        dispatch_one();
    errval_t err = thread_join(thread, NULL);
    if (err_is_ok(err))
        err = stop.err;
    waitset_chanstate_destroy(&stop.told);
    now_running(stop.now);
    if (err_is_fail(err))
        DEBUG_ERR(err, "stopping cores %" PRIx64, cores);
    return err;
}

static void start_at_boot(uint64_t cores)
{
    if (err_is_fail(start_group(cores)))
        note_status(1);
}

/* One group of cores after the other, as the knowledge base says. */
static void start_in_order(uint64_t wanted)
{
    static char order[SKB_GOAL_BYTES];
    errval_t err = skb_execute("boot_order(Groups), write(Groups)");
    if (err_is_fail(err))
        USER_PANIC_SKB_ERR(err, "asking for the order of cores");
    snprintf(order, sizeof(order), "%s", skb_get_output());
    debug_trace("order of cores: %s", order);
    skb_add_fact("running(0)");
    for (char *group = strchr(order, '[');
         group != NULL && (group = strchr(group + 1, '[')) != NULL;) {
        const uint64_t cores = cores_read(group) & wanted;
        if (cores != 0)
            start_at_boot(cores);
    }
}

void cores_start(uint64_t wanted)
{
    if (has_knowledge)
        start_in_order(wanted);
    else if (wanted != 1)
        start_at_boot(wanted);
    debug_trace("cores running: mask %" PRIx64, running);
}

/* ---- operators ---- */

static const char *operators = ""; /* names, with commas */
static domainid_t *operator_domains;
static unsigned operator_count;

void operators_are(const char *names)
{
    operators = names;
}

bool operator_is_named(const char *path)
{
    const char *name = menu_base_name(path);
    for (const char *at = operators; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strcspn(at, ",") == strlen(name) && strncmp(at, name, strlen(name)) == 0)
            return true;
    }
    return false;
}

void operator_started(domainid_t domain)
{
    domainid_t *more = realloc(operator_domains, (operator_count + 1) * sizeof(*more));
    if (more == NULL) {
        debug_printf("out of memory: domain %" PRIx32 " may not start cores\n", domain);
        return;
    }
    operator_domains = more;
    operator_domains[operator_count++] = domain;
}

static bool is_operator(domainid_t domain)
{
    for (unsigned i = 0; i < operator_count; i++)
        if (operator_domains[i] == domain)
            return true;
    return false;
}

void operator_ended(domainid_t domain)
{
    for (unsigned i = 0; i < operator_count; i++)
        if (operator_domains[i] == domain)
            operator_domains[i] = operator_domains[--operator_count];
}

/* ---- boot_manager.if ---- */

/* Who asks waits until those before have been served: a monitor starts one set of cores at a time.
 * Its clients have few requests open, one for each thread that waits. */
static const struct account_kind kinds[] = { BOOT_MANAGER_RESOURCES(ACCOUNT_KIND) };
static struct service service = { .client = "a client of boot_manager",
                                  .message_kind = ACCOUNT_MESSAGE };

enum wish { START, STOP };

struct request {
    struct request *next;
    struct boot_manager_binding *binding; /* NULL: it has gone */
    uint32_t token;
    enum wish wish;
    uint64_t cores;
    struct account_slip slip;
};
static struct request *requests;
static uint64_t machine_cores;
static bool serving, held;

SERVICE_CLIENTS(boot_manager, broken)

struct reply {
    struct send_item item;
    uint32_t token;
    enum wish wish;
    errval_t err;
    uint64_t running;
};

static errval_t send_reply(struct send_queue *queue, struct send_item *item,
                           struct event_closure cont)
{
    struct boot_manager_binding *b = queue->binding;
    const struct reply *reply = (struct reply *)item;
    b->incoming_token = reply->token;
    return reply->wish == START
               ? boot_manager_start_cores_response__tx(b, cont, reply->running, reply->err)
               : boot_manager_stop_cores_response__tx(b, cont, reply->running, reply->err);
}

static void answer(struct boot_manager_binding *b, uint32_t token, enum wish wish, errval_t err)
{
    struct service_client *client = b->st;
    struct reply *reply = malloc(sizeof(*reply));
    if (reply != NULL)
        *reply = (struct reply){ .item = { .send = send_reply, .payer = client->account },
                                 .token = token,
                                 .wish = wish,
                                 .err = err,
                                 .running = running };
    send_queue_add(&client->queue, reply != NULL ? &reply->item : NULL);
}

/* Everybody may ask which cores run. */
static errval_t fulfil(const struct request *request)
{
    const struct service_client *client = request->binding->st;
    if (request->cores != 0 && !is_operator(client->account->domain))
        return MON_ERR_NO_OPERATOR;
    return request->wish == START ? start_group(request->cores) : stop_group(request->cores);
}

/* Called again from events that are served while a core starts. */
static void serve_requests(void)
{
    if (serving)
        return;
    serving = true;
    while (requests != NULL && !held) {
        struct request *request = requests;
        const errval_t err = request->binding != NULL ? fulfil(request) : SYS_ERR_OK;
        if (request->binding != NULL)
            answer(request->binding, request->token, request->wish, err);
        requests = request->next;
        account_refund(&request->slip);
        free(request);
    }
    serving = false;
}

void requests_hold(bool hold)
{
    held = hold;
    serve_requests();
}

static void request_came(struct boot_manager_binding *b, enum wish wish, uint64_t cores)
{
    struct service_client *client = b->st;
    struct account_slip slip = { 0 };
    errval_t err = cores & ~machine_cores ? (errval_t)MON_ERR_CORE_BOOT : (errval_t)SYS_ERR_OK;
    if (err_is_ok(err))
        err = account_charge(client->account, ACCOUNT_REQUEST, 1, &slip);
    struct request *request = err_is_ok(err) ? malloc(sizeof(*request)) : NULL;
    if (request == NULL) {
        account_refund(&slip);
        answer(b, b->incoming_token, wish, err_is_fail(err) ? err : (errval_t)LIB_ERR_MALLOC_FAIL);
        return;
    }
    *request = (struct request){
        .binding = b, .token = b->incoming_token, .wish = wish, .cores = cores, .slip = slip
    };
    struct request **last = &requests;
    while (*last != NULL)
        last = &(*last)->next;
    *last = request;
    serve_requests();
}

static void start_cores_call(struct boot_manager_binding *b, uint64_t cores)
{
    request_came(b, START, cores);
}

static void stop_cores_call(struct boot_manager_binding *b, uint64_t cores)
{
    request_came(b, STOP, cores);
}

/* The client has gone. */
static void broken(struct boot_manager_binding *b, errval_t err)
{
    (void)err;
    for (struct request *request = requests; request != NULL; request = request->next)
        if (request->binding == b)
            request->binding = NULL;
    boot_manager_client_close(b);
}

static errval_t connected(void *st, struct boot_manager_binding *b)
{
    (void)st;
    errval_t err = boot_manager_client_open(&service, b, sizeof(struct service_client));
    if (err_is_fail(err))
        return err;
    b->rx_vtbl.start_cores_call = start_cores_call;
    b->rx_vtbl.stop_cores_call = stop_cores_call;
    return SYS_ERR_OK;
}

static void exported(void *st, errval_t err, iref_t iref)
{
    (void)st;
    if (err_is_ok(err))
        err = nameservice_register("boot_manager", iref);
    if (err_is_fail(err))
        DEBUG_ERR(err, "offering to start cores");
}

void cores_serve(uint64_t all)
{
    machine_cores = all;
    account_book_init(&service.accounts, kinds, ACCOUNT_KINDS, MON_ERR_OVER_SHARE);
    errval_t err = boot_manager_export(NULL, exported, connected, get_default_waitset(),
                                       IDC_EXPORT_FLAGS_DEFAULT);
    if (err_is_fail(err))
        DEBUG_ERR(err, "exporting the start of cores");
}
