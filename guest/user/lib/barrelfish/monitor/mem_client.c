/* SPDX-License-Identifier: MIT
 *
 * The client of mem_serv (mem.if): connects on first use, asks for RAM.
 *
 * The binding has a waitset of its own: waiting for mem_serv serves no other events, so a handler
 * of the program never runs in the middle of an allocation.  Only the connecting itself serves the
 * default waitset, because the answer comes through the monitor.
 */
#include "mem_client.h"

#include <barrelfish/barrelfish.h>
#include <barrelfish/core_state.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/monitor_client.h>
#include <if/mem_defs.h>
#include <if/monitor_blocking_defs.h>
#include <stdlib.h>

static struct thread_mutex connect_mutex = THREAD_MUTEX_INITIALIZER;

struct connecting {
    struct waitset_chanstate chan;
    errval_t err;
};

static void connected(void *st, errval_t err, struct lmp_chan *chan)
{
    struct connecting *c = st;

    (void)chan;
    c->err = err;
    waitset_chan_trigger(&c->chan);
}

/* mem_serv is a domain of this core: no stubs for other channels than LMP are linked for it. */
static errval_t connect_to(iref_t iref, struct mem_lmp_binding *b)
{
    struct connecting c = { .err = SYS_ERR_OK };
    struct event_queue_node qnode;

    waitset_chanstate_init(&c.chan, CHANTYPE_OTHER);
    errval_t err = waitset_chan_register(get_default_waitset(), &c.chan, NOP_CLOSURE);
    if (err_is_ok(err))
        err = lmp_chan_bind(&b->chan, connected, &c, &qnode, iref, DEFAULT_LMP_BUF_WORDS);
    if (err_is_ok(err))
        err = wait_for_channel(get_default_waitset(), &c.chan, NULL);
    waitset_chanstate_destroy(&c.chan);
    if (err_is_ok(err))
        err = c.err;
    if (err_is_ok(err))
        err = mem_lmp_start(b);
    return err;
}

static errval_t connect_mem(void)
{
    struct core_state *state = get_core_state();
    struct monitor_blocking_binding *mon = get_monitor_blocking_binding();
    iref_t iref, first;
    errval_t answer;

    if (mon == NULL)
        return LIB_ERR_RAM_ALLOC_FIXED_EXHAUSTED;
    errval_t err = mon->rpc_tx_vtbl.get_mem_iref(mon, &iref, &first, &answer);
    if (err_is_ok(err))
        err = answer;
    if (err_is_fail(err))
        return err;
    struct mem_lmp_binding *b = malloc(sizeof(*b));
    if (b == NULL)
        return LIB_ERR_MALLOC_FAIL;
    mem_lmp_init(b, &state->mem_waitset);
    b->b.flounder.on_heap = true; /* at exit mem_serv is told */
    err = connect_to(iref, b);
    if (err_is_fail(err)) {
        lmp_chan_destroy(&b->chan);
        free(b);
        return err;
    }
    mem_rpc_client_init(&b->b);
    set_mem_binding(&b->b);
    return SYS_ERR_OK;
}

static errval_t make_sure_of_connection(void)
{
    errval_t err = SYS_ERR_OK;

    if (get_mem_binding() != NULL)
        return err;
    if (connect_mutex.holder == thread_self()) {
        /* RAM is needed to connect: the reserves were too small */
        return LIB_ERR_RAM_ALLOC_FIXED_EXHAUSTED;
    }
    thread_mutex_lock(&connect_mutex);
    if (get_mem_binding() == NULL)
        err = connect_mem();
    thread_mutex_unlock(&connect_mutex);
    return err;
}

errval_t mem_client_allocate(struct capref *ret, uint8_t bits, uint64_t minbase, uint64_t maxlimit)
{
    errval_t err = make_sure_of_connection(), answer = SYS_ERR_OK;

    if (err_is_fail(err))
        return err;
    struct mem_binding *b = get_mem_binding();
    *ret = NULL_CAP;
    err = b->rpc_tx_vtbl.allocate(b, bits, minbase, maxlimit, &answer, ret);
    return err_is_fail(err) ? err : answer;
}

errval_t ram_alloc_for(struct capref *ret, domainid_t domain, uint8_t bits)
{
    errval_t err = make_sure_of_connection(), answer = SYS_ERR_OK;

    if (err_is_fail(err))
        return err;
    struct mem_binding *b = get_mem_binding();
    *ret = NULL_CAP;
    err = b->rpc_tx_vtbl.allocate_for(b, domain, bits, &answer, ret);
    return err_is_fail(err) ? err : answer;
}

errval_t ram_free(struct capref ram)
{
    struct capability identity;
    struct mem_binding *b = get_mem_binding();
    errval_t err = cap_direct_identify(ram, &identity), answer = SYS_ERR_OK;

    if (err_is_fail(err))
        return err;
    if (identity.type != ObjType_RAM || b == NULL)
        return LIB_ERR_RAM_ALLOC_WRONG_SIZE;
    err = b->rpc_tx_vtbl.free_monitor(b, ram, identity.u.mem.base,
                                      (uint8_t)__builtin_ctzll(identity.u.mem.bytes), &answer);
    if (err_is_fail(err))
        return err;
    (void)slot_free(ram); /* it was given away */
    return answer;
}
