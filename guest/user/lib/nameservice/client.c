/* SPDX-License-Identifier: MIT
 *
 * The client of the name service: one binding for each dispatcher, made on first use.
 *
 * The monitor answers get_name_iref when there is a name service, and the name service answers
 * wait_for when there is the name, so nothing here asks twice.
 * Several threads may call at once, and handlers of events that a waiting caller serves.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/nameservice_client.h>
#include <barrelfish/wait_list.h>
#include <if/monitor_blocking_defs.h>
#include <if/nameservice_defs.h>
#include <string.h>

static void bound(void *st, errval_t err, struct nameservice_binding *b)
{
    (void)st;
    if (err_is_ok(err)) {
        nameservice_rpc_client_init(b);
        set_nameservice_binding(b);
    }
    wait_list_tell(&get_core_state()->nameservice_waiting, err);
}

/* Serves no events of the default waitset: see wait_list.h. */
static errval_t begin(void)
{
    struct monitor_blocking_binding *monitor = get_monitor_blocking_binding();
    iref_t iref;
    errval_t answer;
    errval_t err = monitor->rpc_tx_vtbl.get_name_iref(monitor, &iref, &answer);
    if (err_is_ok(err))
        err = answer;
    if (err_is_ok(err))
        err = nameservice_bind(iref, bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
    return err;
}

static bool is_bound(void)
{
    return get_nameservice_binding() != NULL;
}

errval_t nameservice_client_blocking_bind(void)
{
    if (is_bound())
        return SYS_ERR_OK;
    errval_t err = LIB_ERR_NAMESERVICE_NOT_BOUND;
    if (get_monitor_blocking_binding() != NULL)
        err = wait_list_join(&get_core_state()->nameservice_waiting, get_default_waitset(),
                             is_bound, begin);
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

void nameservice_offer(void *name, errval_t err, iref_t iref)
{
    if (err_is_ok(err))
        err = nameservice_register(name, iref);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "offering the service '%s'", (const char *)name);
    debug_trace("ready");
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

errval_t nameservice_blocking_wait_gone(const char *name, iref_t iref)
{
    errval_t answer = SYS_ERR_OK, err = prepare(name);
    if (err_is_ok(err)) {
        struct nameservice_binding *b = get_nameservice_binding();
        err = b->rpc_tx_vtbl.wait_gone(b, name, iref, &answer);
    }
    return result(err, answer);
}

errval_t nameservice_connect_once(const char *name, iref_t *iref, struct wait_list *waiting,
                                  bool (*is_there)(void), errval_t (*begin)(void))
{
    if (is_there())
        return SYS_ERR_OK;
    errval_t err = nameservice_blocking_lookup(name, iref);
    if (err_is_fail(err))
        return err;
    return wait_list_join(waiting, get_default_waitset(), is_there, begin);
}
