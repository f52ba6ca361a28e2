/* SPDX-License-Identifier: MIT
 *
 * A further dispatcher of a domain: how it starts, and what it asks of the home (docs/spanning.md).
 *
 * Its frame was prepared by the agent of its core; its first thread lies in memory of the domain.
 * That thread connects with the home and then serves that binding, whose waitset nobody else has:
 * so what a thread asks of the home, in the middle of whatever it does, runs no handler of the
 * program.
 */
#include <barrelfish/dispatcher.h>
#include <barrelfish/domain.h>
#include <barrelfish/monitor_client.h>
#include <string.h>

#include "../channels/sources.h"
#include "../dispatch/threads_priv.h"
#include "../dispatch/wait_note.h"
#include "../monitor/mem_client.h"
#include "span.h"

/* By core; a dispatcher reads and writes its own. */
static struct interdisp_binding *with_home[DOMAIN_CORES_MAX];
static struct waitset waitsets[DOMAIN_CORES_MAX];
static errval_t outcome[DOMAIN_CORES_MAX];
static bool bind_done[DOMAIN_CORES_MAX];

struct interdisp_binding *span_binding_with_home(void)
{
    return with_home[disp_get_core_id()];
}

/* ---- asking the home ---- */

errval_t span_ask_share(const struct vspace_piece *piece)
{
    struct interdisp_binding *b = span_binding_with_home();
    errval_t answer = SYS_ERR_OK;

    if (b == NULL)
        return LIB_ERR_NO_SPANNED_DISP;
    errval_t err = b->rpc_tx_vtbl.share(b, disp_get_core_id(), piece->base, piece->bytes,
                                        piece->offset, piece->flags, piece->frame, &answer);
    return span_first_failure(err, answer);
}

errval_t span_ask_unmap(genvaddr_t base)
{
    struct interdisp_binding *b = span_binding_with_home();
    errval_t answer = SYS_ERR_OK;
    errval_t here = vspace_unmap_in(NULL, base, NULL); /* if it was mapped by this dispatcher */

    if (b == NULL)
        return here;
    errval_t err = b->rpc_tx_vtbl.unmap(b, base, &answer);
    return span_first_failure(err, answer);
}

errval_t span_ask_protect(struct vspace_rights *r)
{
    struct interdisp_binding *b = span_binding_with_home();
    errval_t answer = SYS_ERR_OK;
    errval_t here = vspace_protect_in(NULL, r); /* if it was mapped by this dispatcher */

    if (b == NULL || (err_is_fail(here) && err_no(here) != LIB_ERR_VREGION_NOT_FOUND))
        return here;
    errval_t err = b->rpc_tx_vtbl.protect(b, r->base, r->bytes, r->flags, r->rights_only, &answer);
    return span_first_failure(err, answer);
}

errval_t span_ask_grow_heap(size_t bytes)
{
    struct interdisp_binding *b = span_binding_with_home();
    errval_t answer = SYS_ERR_OK;

    if (b == NULL)
        return LIB_ERR_NO_SPANNED_DISP;
    errval_t err = b->rpc_tx_vtbl.grow_heap(b, bytes, &answer);
    return span_first_failure(err, answer);
}

errval_t span_ask_send_cap(coreid_t to, struct capref cap)
{
    struct interdisp_binding *b = span_binding_with_home();
    errval_t answer = SYS_ERR_OK;

    if (b == NULL)
        return LIB_ERR_NO_SPANNED_DISP;
    errval_t err = b->rpc_tx_vtbl.send_cap(b, to, cap, &answer);
    return span_first_failure(err, answer);
}

void span_ask_exit(uint8_t status)
{
    struct interdisp_binding *b = span_binding_with_home();
    errval_t answer;

    if (b != NULL)
        b->rpc_tx_vtbl.exit(b, status, &answer); /* returns only if the home is gone */
}

/* ---- start ---- */

static void cap_sent(struct interdisp_binding *b, struct capref cap)
{
    (void)b;
    span_cap_arrived(cap);
}

/* The home is gone, and the agent will stop us. */
static void broken(struct interdisp_binding *b, errval_t err)
{
    (void)b, (void)err;
    disp_stop();
}

static void bound(void *st, errval_t err, struct interdisp_binding *b)
{
    const coreid_t core = disp_get_core_id();

    (void)st;
    outcome[core] = err;
    bind_done[core] = true;
    if (err_is_ok(err)) {
        b->rx_vtbl.cap_sent = cap_sent;
        interdisp_rpc_client_init(b);
        b->error_handler = broken;
        b->flounder.silent = true;
        with_home[core] = b;
    }
}

static errval_t connect_with_home(const struct domain_start *start)
{
    waitset_init(&waitsets[start->core]);
    errval_t err = interdisp_bind(start->home_iref, bound, NULL, &waitsets[start->core],
                                  IDC_BIND_FLAGS_DEFAULT);

    while (err_is_ok(err) && !bind_done[start->core])
        err = event_dispatch(get_default_waitset());
    if (err_is_ok(err))
        err = outcome[start->core];
    return err_is_ok(err) ? interdisp_dispatcher_initialized__tx(with_home[start->core],
                                                                 BLOCKING_CONT, start->core)
                          : err;
}

int span_dispatcher_main(void *arg)
{
    const struct domain_start *start = arg;
    struct core_state *state = get_core_state();

    waitset_init(get_default_waitset());
    waitset_init(&state->mem_waitset);
    ram_alloc_init(mem_client_allocate, ram_free);
    errval_t err = slot_alloc_init();
    if (err_is_ok(err)) {
        const genvaddr_t low = span_low_address(start->core);

        state->vspace = vspace_new(cap_vroot, low, low);
        err = state->vspace != NULL ? vspace_init() : (errval_t)LIB_ERR_MALLOC_FAIL;
    }
    if (err_is_ok(err))
        err = monitor_client_init();
    if (err_is_ok(err))
        err = connect_with_home(start);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "starting a dispatcher on core %u", (unsigned)start->core);
    for (;;) {
        err = event_dispatch(&waitsets[start->core]);
        if (err_is_fail(err))
            DEBUG_ERR(err, "serving the home dispatcher");
    }
}

void domain_start_disabled(dispatcher_handle_t handle, struct domain_start *start)
{
    disp_init_disabled(handle, &channel_sources);
    get_dispatcher_generic(handle)->core_state = start->core_state;
    start->thread->is_new_here = false;
    wait_note_begin(handle, start->thread);
    thread_make_runnable_disabled(handle, start->thread);
    disp_schedule(handle);
}
