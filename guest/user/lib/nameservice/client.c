/* SPDX-License-Identifier: MIT
 *
 * The client of the name service: one binding for each dispatcher, made on first use.
 *
 * The monitor answers get_name_iref when there is a name service, and the name service answers
 * wait_for when there is the name, so nothing here asks twice.  Several threads may call at once: the
 * first one binds, the others wait for it by serving events.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/nameservice_client.h>
#include <if/monitor_blocking_defs.h>
#include <if/nameservice_defs.h>
#include <string.h>

static struct {
    bool binding; /* some thread is at it */
    bool answered;
    errval_t err;
} state;

static void bound(void *st, errval_t err, struct nameservice_binding *b)
{
    (void)st;
    if (err_is_ok(err)) {
        nameservice_rpc_client_init(b);
        set_nameservice_binding(b);
    }
    state.err = err;
    state.answered = true;
}

static errval_t bind_now(void)
{
    struct monitor_blocking_binding *monitor = get_monitor_blocking_binding();
    if (monitor == NULL)
        return LIB_ERR_NAMESERVICE_NOT_BOUND;
    iref_t iref;
    errval_t answer;
    errval_t err = monitor->rpc_tx_vtbl.get_name_iref(monitor, &iref, &answer);
    if (err_is_ok(err))
        err = answer;
    if (err_is_fail(err))
        return err;
    state.answered = false;
    err = nameservice_bind(iref, bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
    while (err_is_ok(err) && !state.answered)
        err = event_dispatch(get_default_waitset());
    return err_is_ok(err) ? state.err : err;
}

errval_t nameservice_client_blocking_bind(void)
{
    errval_t err = SYS_ERR_OK;
    while (state.binding && err_is_ok(err))
        err = event_dispatch(get_default_waitset());
    if (err_is_fail(err) || get_nameservice_binding() != NULL)
        return err;
    state.binding = true;
    err = bind_now();
    state.binding = false;
    return err_is_fail(err) ? err_push(err, LIB_ERR_NAMESERVICE_CLIENT_BIND) : err;
}

static errval_t prepare(const char *name)
{
    if (name == NULL || *name == '\0' || strlen(name) >= NAMESERVICE_NAME_BYTES)
        return LIB_ERR_NAMESERVICE_INVALID_NAME;
    return nameservice_client_blocking_bind();
}

static errval_t result(errval_t err, errval_t answer)
{
    if (err_is_fail(err))
        return err;
    return err_no(answer) == CHIPS_ERR_UNKNOWN_NAME
               ? err_push(answer, LIB_ERR_NAMESERVICE_UNKNOWN_NAME)
               : answer;
}

errval_t nameservice_register(const char *name, iref_t iref)
{
    errval_t answer = SYS_ERR_OK, err = prepare(name);
    if (err_is_ok(err)) {
        struct nameservice_binding *b = get_nameservice_binding();
        err = b->rpc_tx_vtbl.register_service(b, name, iref, &answer);
    }
    return result(err, answer);
}

errval_t nameservice_unregister(const char *name)
{
    errval_t answer = SYS_ERR_OK, err = prepare(name);
    if (err_is_ok(err)) {
        struct nameservice_binding *b = get_nameservice_binding();
        err = b->rpc_tx_vtbl.unregister(b, name, &answer);
    }
    return result(err, answer);
}

errval_t nameservice_lookup(const char *name, iref_t *ret)
{
    errval_t answer = SYS_ERR_OK, err = prepare(name);
    if (err_is_ok(err)) {
        struct nameservice_binding *b = get_nameservice_binding();
        err = b->rpc_tx_vtbl.lookup(b, name, ret, &answer);
    }
    return result(err, answer);
}

errval_t nameservice_blocking_lookup(const char *name, iref_t *ret)
{
    errval_t answer = SYS_ERR_OK, err = prepare(name);
    if (err_is_ok(err)) {
        struct nameservice_binding *b = get_nameservice_binding();
        err = b->rpc_tx_vtbl.wait_for(b, name, ret, &answer);
    }
    return result(err, answer);
}
