/* SPDX-License-Identifier: MIT
 *
 * Domains on several cores, the home's side (docs/spanning.md).
 *
 *   SPAN_NONE --domain_new_dispatcher--> SPAN_AGENT_WAIT --agent binds--> SPAN_MAPPING
 *   SPAN_MAPPING --all that is shared is mapped--> SPAN_RUNNING --dispatcher_initialized-->
 *   SPAN_READY
 *
 * One core at a time is prepared, by a thread that is made for it.  From SPAN_MAPPING on its page
 * tables follow the home's (replicas.c).  Who waits for agents serves only the waitset of their
 * answers: requests of dispatchers have a waitset and a thread of their own, so that no request
 * waits for the thread that made another one.
 *
 * Must never let an unrelated domain be taken for an agent or a dispatcher: it would be given the
 * domain's memory.  Both are known by the identifiers that spawn service and monitor gave them.
 */
#include <assert.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/domain.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/spawn_client.h>
#include <barrelfish/wait_list.h>
#include <if/monitor_blocking_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../dispatch/faults.h"
#include "../dispatch/heap.h"
#include "../dispatch/threads_priv.h"
#include "span.h"

/* What a dispatcher may use of the heap before it can ask for more. */
#define START_HEAP_BYTES (64 * 1024)

enum span_state { SPAN_NONE, SPAN_AGENT_WAIT, SPAN_MAPPING, SPAN_RUNNING, SPAN_READY };

struct core {
    enum span_state state;
    domainid_t agent_domain, domain; /* 0: not known yet */
    struct interdisp_binding *agent; /* in the waitset of answers */
    struct interdisp_binding *dispatcher;
    struct domain_start start;
    struct wait_list waiting; /* for the next state, in the default waitset */
};

static struct {
    bool begun, ending;
    coreid_t core;
    struct waitset answers;  /* of agents */
    struct waitset requests; /* of dispatchers; one thread serves it */
    iref_t agent_iref, dispatcher_iref;
    errval_t export_err;
    struct wait_list exported;
    struct thread_mutex preparing; /* one core at a time */
    struct thread_mutex choosing;  /* which domain the agent is, and who has connected */
    struct capref notify[DOMAIN_CORES_MAX];
    struct core cores[DOMAIN_CORES_MAX];
    coreid_t awaited; /* the core that is being prepared */
    bool prepared;
} span = { .preparing = THREAD_MUTEX_INITIALIZER, .choosing = THREAD_MUTEX_INITIALIZER };

bool span_is_home(void)
{
    return !span.begun || disp_get_core_id() == span.core;
}

struct capref span_notify_of(struct interdisp_binding *b)
{
    return b->flounder.kind == FLOUNDER_UMP ? ((struct ump_chan *)b->flounder.channel)->notify_cap
                                            : NULL_CAP;
}

/* ---- the address space ---- */

static errval_t mapped(const struct vspace_piece *piece)
{
    return span_is_home() ? span_home_mapped(piece) : span_ask_share(piece);
}

static errval_t unmap(genvaddr_t base)
{
    return span_is_home() ? span_home_unmap(span.core, base) : span_ask_unmap(base);
}

static errval_t protect(struct vspace_rights *r)
{
    return span_is_home() ? span_home_protect(span.core, r) : span_ask_protect(r);
}

static const struct vspace_sharing sharing = { .mapped = mapped,
                                               .unmap = unmap,
                                               .protect = protect };

/* ---- what dispatchers ask ---- */

static struct core *core_of(const struct interdisp_binding *b)
{
    return b->st;
}

static errval_t share_asked(struct interdisp_binding *b, coreid_t from, uint64_t base,
                            uint64_t bytes, uint64_t offset, uint32_t flags, struct capref frame,
                            errval_t *err)
{
    const struct vspace_piece piece = {
        .base = base, .bytes = bytes, .offset = offset, .flags = flags, .frame = frame
    };
    (void)from;
    *err = span_home_share((coreid_t)(core_of(b) - span.cores), &piece);
    return SYS_ERR_OK;
}

static errval_t unmap_asked(struct interdisp_binding *b, uint64_t base, errval_t *err)
{
    *err = span_home_unmap((coreid_t)(core_of(b) - span.cores), base);
    return SYS_ERR_OK;
}

static errval_t protect_asked(struct interdisp_binding *b, uint64_t base, uint64_t bytes,
                              uint32_t flags, bool rights_only, errval_t *err)
{
    *err = span_home_protect((coreid_t)(core_of(b) - span.cores),
                             &(struct vspace_rights){ base, bytes, flags, rights_only });
    return SYS_ERR_OK;
}

static errval_t grow_heap_asked(struct interdisp_binding *b, uint64_t bytes, errval_t *err)
{
    (void)b;
    *err = heap_grow_for(bytes) ? SYS_ERR_OK : LIB_ERR_MALLOC_FAIL;
    return SYS_ERR_OK;
}

static errval_t exit_asked(struct interdisp_binding *b, uint8_t status, errval_t *err)
{
    (void)b, (void)err;
    domain_exit(status);
}

errval_t span_home_send_cap(coreid_t to, struct capref cap)
{
    if (to == span.core) {
        span_cap_arrived(cap);
        return SYS_ERR_OK;
    }
    struct interdisp_binding *b = to < DOMAIN_CORES_MAX ? span.cores[to].dispatcher : NULL;

    return b != NULL ? interdisp_cap_sent__tx(b, BLOCKING_CONT, cap) : LIB_ERR_NO_SPANNED_DISP;
}

static errval_t send_cap_asked(struct interdisp_binding *b, coreid_t to, struct capref cap,
                               errval_t *err)
{
    (void)b;
    *err = span_home_send_cap(to, cap);
    return SYS_ERR_OK;
}

static void dispatcher_initialized(struct interdisp_binding *b, coreid_t which)
{
    struct core *core = core_of(b);

    (void)which;
    core->state = SPAN_READY;
    wait_list_tell(&core->waiting, SYS_ERR_OK);
}

/* ---- connections ---- */

/* A part of the domain is gone: so is the domain. */
static void broken(struct interdisp_binding *b, errval_t err)
{
    (void)err;
    if (!span.ending) {
        debug_printf("its dispatcher on core %u has ended; domain stopped\n",
                     (unsigned)(core_of(b) - span.cores));
        domain_exit(EXIT_STATUS_FAULT);
    }
}

static void take_agent(struct core *core, struct interdisp_binding *b)
{
    core->agent = b;
    b->st = core;
    interdisp_rpc_client_init(b);
    wait_list_tell(&core->waiting, SYS_ERR_OK);
}

static errval_t agent_connects(void *st, struct interdisp_binding *b)
{
    struct core *core = &span.cores[span.awaited];
    domainid_t who = idc_connecting_client().domain;

    (void)st;
    if (core->state != SPAN_AGENT_WAIT || core->agent != NULL)
        return MON_ERR_IDC_BIND_REFUSED;
    thread_mutex_lock(&span.choosing);
    const bool known = core->agent_domain != 0;
    errval_t err = known ? SYS_ERR_OK : span_candidate_add(b, who);
    thread_mutex_unlock(&span.choosing);
    if (!known)
        return err;
    if (core->agent_domain != who)
        return MON_ERR_IDC_BIND_REFUSED;
    b->error_handler = broken;
    b->flounder.silent = true;
    take_agent(core, b);
    return SYS_ERR_OK;
}

static errval_t dispatcher_connects(void *st, struct interdisp_binding *b)
{
    struct core *core = &span.cores[span.awaited];

    (void)st;
    if (core->state != SPAN_RUNNING || core->dispatcher != NULL ||
        core->domain != idc_connecting_client().domain)
        return MON_ERR_IDC_BIND_REFUSED;
    core->dispatcher = b;
    b->st = core;
    interdisp_rpc_client_init(b);
    b->error_handler = broken;
    b->flounder.silent = true;
    span.notify[span.awaited] = span_notify_of(b);
    __atomic_store_n(&domain_dispatchers[span.awaited].restless, 0, __ATOMIC_RELEASE);
    b->rx_vtbl.dispatcher_initialized = dispatcher_initialized;
    b->rpc_rx_vtbl.share_call = share_asked;
    b->rpc_rx_vtbl.unmap_call = unmap_asked;
    b->rpc_rx_vtbl.protect_call = protect_asked;
    b->rpc_rx_vtbl.grow_heap_call = grow_heap_asked;
    b->rpc_rx_vtbl.exit_call = exit_asked;
    b->rpc_rx_vtbl.send_cap_call = send_cap_asked;
    return SYS_ERR_OK;
}

static void exported(void *st, errval_t err, iref_t iref)
{
    *(iref_t *)st = iref;
    if (err_is_fail(err))
        span.export_err = err;
    if (err_is_fail(err) || (span.agent_iref != 0 && span.dispatcher_iref != 0))
        wait_list_tell(&span.exported, err);
}

static bool is_exported(void)
{
    return span.agent_iref != 0 && span.dispatcher_iref != 0;
}

static errval_t export_both(void)
{
    errval_t err = interdisp_export(&span.agent_iref, exported, agent_connects, &span.answers,
                                    IDC_EXPORT_FLAGS_DEFAULT);

    return err_is_ok(err) ? interdisp_export(&span.dispatcher_iref, exported, dispatcher_connects,
                                             &span.requests, IDC_EXPORT_FLAGS_DEFAULT)
                          : err;
}

static int serve_requests(void *arg)
{
    for (;;) {
        errval_t err = event_dispatch(&span.requests);

        if (err_is_fail(err))
            DEBUG_ERR(err, "serving the domain's other dispatchers");
    }
    return arg != NULL;
}

/* ---- the end ---- */

void span_home_end(void)
{
    span.ending = true;
    for (unsigned i = 0; i < DOMAIN_CORES_MAX; i++) {
        struct core *core = &span.cores[i];
        errval_t answer;

        if (core->state >= SPAN_MAPPING && core->agent != NULL)
            core->agent->rpc_tx_vtbl.end(core->agent, &answer); /* or it is gone already */
    }
}

static void end(int status)
{
    if (!span_is_home())
        span_ask_exit((uint8_t)status);
    else if (!span.ending)
        span_home_end();
}

/* ---- a further core ---- */

static errval_t begin(void)
{
    static bool served;

    if (span.begun)
        return SYS_ERR_OK;
    span.core = disp_get_core_id();
    waitset_init(&span.answers);
    waitset_init(&span.requests);
    if (get_monitor_blocking_binding() == NULL)
        return LIB_ERR_MONITOR_CLIENT_BIND;
    errval_t err = wait_list_join(&span.exported, get_default_waitset(), is_exported, export_both);
    if (err_is_fail(err))
        return err;
    if (!served && thread_create(serve_requests, NULL) == NULL)
        return LIB_ERR_THREAD_CREATE;
    served = true;
    for (unsigned i = 0; i < DOMAIN_CORES_MAX; i++)
        span.notify[i] = NULL_CAP;
    dispatcher_handle_t handle = disp_disable();
    get_core_state()->notify = span.notify;
    domain_dispatchers[span.core].handle = handle;
    domain_home_core = span.core;
    span.begun = true;
    domain_is_spanned = true;
    vspace_sharing = &sharing;
    domain_grow_heap = span_ask_grow_heap;
    domain_end_hook = end;
    disp_enable(handle);
    return SYS_ERR_OK;
}

static struct core *awaited(void)
{
    return &span.cores[span.awaited];
}

static bool agent_is_there(void)
{
    return awaited()->agent != NULL;
}

static bool dispatcher_is_there(void)
{
    return awaited()->state == SPAN_READY;
}

/* Who comes has been asked to. */
static errval_t nothing_to_begin(void)
{
    return SYS_ERR_OK;
}

static errval_t begin_agent(struct core *core)
{
    const struct spawn_domain_params *params = (const void *)DOMAIN_ARGS_VBASE;
    char iref[16], name[DISP_NAME_LEN];
    char *argv[] = { name, iref, NULL };
    domainid_t domain = 0;

    snprintf(name, sizeof(name), "%s", disp_name());
    snprintf(iref, sizeof(iref), "%" PRIuIREF, span.agent_iref);
    errval_t err = spawn_agent(
        span.awaited, params->program[0] != '\0' ? params->program : disp_name(), argv, &domain);
    if (err_is_fail(err))
        domain = 0;
    thread_mutex_lock(&span.choosing);
    core->agent_domain = domain;
    struct interdisp_binding *b = span_candidate_choose(domain, broken);
    thread_mutex_unlock(&span.choosing);
    if (b != NULL)
        take_agent(core, b);
    return err;
}

/* The first thread of a dispatcher and what belongs to it, in memory that all share. */
static errval_t make_start(struct core *core)
{
    const coreid_t id = span.awaited;
    struct capref *notify = malloc(DOMAIN_CORES_MAX * sizeof(*notify));

    if (notify == NULL || !heap_grow_for(START_HEAP_BYTES)) {
        free(notify);
        return LIB_ERR_MALLOC_FAIL;
    }
    for (unsigned i = 0; i < DOMAIN_CORES_MAX; i++)
        notify[i] = i == span.core ? span_home_notify : NULL_CAP;
    core->start = (struct domain_start){ .core_state = calloc(1, sizeof(*core->start.core_state)),
                                         .home_iref = span.dispatcher_iref,
                                         .home = span.core,
                                         .core = id };
    if (core->start.core_state == NULL)
        return LIB_ERR_MALLOC_FAIL;
    core->start.core_state->notify = notify;
    core->start.thread = thread_new(span_handle(id), id, span_dispatcher_main, &core->start,
                                    THREADS_DEFAULT_STACK_BYTES);
    return core->start.thread != NULL ? SYS_ERR_OK : LIB_ERR_THREAD_CREATE;
}

static errval_t run_dispatcher(struct core *core)
{
    struct interdisp_binding *b = core->agent;
    errval_t answer = SYS_ERR_OK;

    domain_dispatchers[span.awaited].restless = 1; /* until we can wake it */
    domain_dispatchers[span.awaited].handle = span_handle(span.awaited);
    core->state = SPAN_RUNNING;
    errval_t err =
        b->rpc_tx_vtbl.run(b, (uint64_t)domain_start_disabled, (uint64_t)&core->start, &answer);
    err = span_first_failure(err, answer);
    return err_is_ok(err) ? wait_list_join(&core->waiting, get_default_waitset(),
                                           dispatcher_is_there, nothing_to_begin)
                          : err;
}

static errval_t prepare(struct core *core)
{
    const struct capref image = { .cnode = CNODE_L2(ROOTCN_SLOT_SEGCN), .slot = 0 };
    struct frame_identity id;
    errval_t answer = SYS_ERR_OK;

    if (err_is_fail(frame_identify(image, &id)) || id.bytes != span_image_bytes())
        return LIB_ERR_VSPACE_MAP; /* no spawn service laid this domain out */
    core->agent_domain = 0;        /* of an attempt that failed */
    core->state = SPAN_AGENT_WAIT;
    errval_t err = begin_agent(core);
    if (err_is_ok(err)) {
        err =
            wait_list_join(&core->waiting, get_default_waitset(), agent_is_there, nothing_to_begin);
    }
    if (err_is_fail(err))
        return err;
    struct interdisp_binding *b = core->agent;
    err = b->rpc_tx_vtbl.prepare(b, disp_get_domain_id(), image, &answer, &core->domain);
    err = span_first_failure(err, answer);
    if (err_is_ok(err))
        err = make_start(core);
    if (err_is_ok(err)) {
        core->state = SPAN_MAPPING;
        err = span_replica_begin(span.awaited, b, core->agent_domain);
    }
    return err_is_ok(err) ? run_dispatcher(core) : err;
}

struct preparation {
    coreid_t core;
    domain_spanned_callback_t callback;
    void *arg;
};

/* What the monitor says and asks meanwhile is heard, whatever the program's own threads do. */
static struct wait_list preparation_ends;

static bool is_prepared(void)
{
    return span.prepared;
}

static int hear_monitor(void *arg)
{
    (void)arg;
    return (int)wait_list_join(&preparation_ends, get_default_waitset(), is_prepared,
                               nothing_to_begin);
}

static errval_t prepare_hearing(struct core *core)
{
    span.prepared = false;
    struct thread *hearer = thread_create(hear_monitor, NULL);

    if (hearer == NULL)
        return LIB_ERR_THREAD_CREATE;
    errval_t err = prepare(core);
    span.prepared = true;
    wait_list_tell(&preparation_ends, SYS_ERR_OK);
    thread_join(hearer, NULL);
    return err;
}

static int prepare_core(void *arg)
{
    struct preparation p = *(struct preparation *)arg;

    free(arg);
    thread_mutex_lock(&span.preparing);
    struct core *core = &span.cores[p.core];
    errval_t err = begin();

    span.awaited = p.core;
    if (err_is_ok(err) && core->state == SPAN_NONE && p.core != span.core) {
        err = prepare_hearing(core);
        if (err_is_fail(err)) {
            core->state = SPAN_NONE;
            span_replica_end(p.core);
        }
    }
    thread_mutex_unlock(&span.preparing);
    p.callback(p.arg, err);
    return 0;
}

errval_t domain_new_dispatcher(coreid_t core, domain_spanned_callback_t callback, void *arg)
{
    struct preparation *p = core < DOMAIN_CORES_MAX ? malloc(sizeof(*p)) : NULL;
    struct thread *thread;

    if (p == NULL)
        return core < DOMAIN_CORES_MAX ? LIB_ERR_MALLOC_FAIL : LIB_ERR_NO_SPANNED_DISP;
    *p = (struct preparation){ core, callback, arg };
    if (span_is_home())
        thread = thread_create(prepare_core, p);
    else if (err_is_fail(domain_thread_create_on(span.core, prepare_core, p, &thread)))
        thread = NULL;
    if (thread == NULL) {
        free(p);
        return LIB_ERR_THREAD_CREATE;
    }
    thread_detach(thread);
    return SYS_ERR_OK;
}
