/* SPDX-License-Identifier: MIT
 *
 * The client of octopus: one binding for each dispatcher, made on first use; locks, barriers,
 * semaphores, capabilities.
 */
#include "octopus_priv.h"

#include <barrelfish/nameservice_client.h>
#include <barrelfish/wait_list.h>
#include <stdio.h>
#include <string.h>

static struct wait_list waiting;
static struct octopus_binding *binding;
static iref_t service;

struct octopus_binding *oct_binding(void)
{
    return binding;
}

/* octopus has ended: the next call connects anew. */
static void broken(struct octopus_binding *b, errval_t err)
{
    (void)err;
    if (binding == b)
        binding = NULL;
    b->control(b, IDC_CONTROL_TEARDOWN);
}

static void event(struct octopus_binding *b, uint32_t mode, uint64_t state, const char *record);

static void bound(void *st, errval_t err, struct octopus_binding *b)
{
    (void)st;
    if (err_is_ok(err)) {
        octopus_rpc_client_init(b);
        b->error_handler = broken;
        b->rx_vtbl.event = event;
        binding = b;
    }
    wait_list_tell(&waiting, err);
}

static errval_t begin(void)
{
    return octopus_bind(service, bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
}

static bool is_bound(void)
{
    return binding != NULL;
}

errval_t oct_init(void)
{
    return nameservice_connect_once("octopus", &service, &waiting, is_bound, begin);
}

static errval_t result(errval_t err, errval_t answer)
{
    return err_is_fail(err) ? err : answer;
}

/* ---- watches ---- */

struct watch {
    trigger_handler_fn handler;
    void *state;
};

static void event(struct octopus_binding *b, uint32_t mode, uint64_t state, const char *record)
{
    (void)b;
    struct watch *watch = (struct watch *)(uintptr_t)state;
    watch->handler(mode, record, watch->state);
    if (mode == OCT_REMOVED)
        free(watch);
}

static errval_t add_watch(const char *query, oct_mode_t mode, bool existing,
                          trigger_handler_fn handler, void *state, uint64_t *id)
{
    errval_t answer = SYS_ERR_OK, err = oct_init();
    struct watch *watch = err_is_ok(err) ? malloc(sizeof(*watch)) : NULL;
    if (watch == NULL)
        return err_is_fail(err) ? err : (errval_t)LIB_ERR_MALLOC_FAIL;
    *watch = (struct watch){ handler, state };
    err = binding->rpc_tx_vtbl.watch(binding, query, (uint32_t)(mode | OCT_PERSIST), existing,
                                     (uintptr_t)watch, id, &answer);
    err = result(err, answer);
    if (err_is_fail(err))
        free(watch);
    return err;
}

errval_t oct_trigger_existing_and_watch(const char *query, oct_mode_t mode,
                                        trigger_handler_fn handler, void *state,
                                        octopus_trigger_id_t *id)
{
    return add_watch(query, mode, true, handler, state, id);
}

errval_t oct_remove_trigger(octopus_trigger_id_t id)
{
    errval_t answer = SYS_ERR_OK, err = oct_init();
    if (err_is_ok(err))
        err = binding->rpc_tx_vtbl.unwatch(binding, id, &answer);
    return result(err, answer);
}

errval_t oct_subscribe(subscription_handler_fn handler, const void *state, subscription_t *id,
                       const char *fmt, ...)
{
    char query[OCT_RECORD_BYTES];
    va_list args;
    va_start(args, fmt);
    errval_t err = oct_text(query, fmt, args);
    va_end(args);
    if (err_is_ok(err))
        err = add_watch(query, OCT_ON_PUBLISH, false, handler, (void *)(uintptr_t)state, id);
    return err;
}

errval_t oct_unsubscribe(subscription_t id)
{
    return oct_remove_trigger(id);
}

errval_t oct_publish(const char *fmt, ...)
{
    char record[OCT_RECORD_BYTES];
    errval_t answer = SYS_ERR_OK;
    va_list args;
    va_start(args, fmt);
    errval_t err = oct_text(record, fmt, args);
    va_end(args);
    if (err_is_ok(err))
        err = oct_init();
    if (err_is_ok(err))
        err = binding->rpc_tx_vtbl.publish(binding, record, &answer);
    return result(err, answer);
}

/* ---- locks, barriers, semaphores ---- */

errval_t oct_lock(const char *name, char **lock_id)
{
    char *id = strdup(name); /* before: a lock that nobody can name would be held for ever */
    if (id == NULL)
        return LIB_ERR_MALLOC_FAIL;
    errval_t answer = SYS_ERR_OK, err = oct_init();
    if (err_is_ok(err))
        err = binding->rpc_tx_vtbl.lock(binding, name, &answer);
    err = result(err, answer);
    if (err_is_ok(err))
        *lock_id = id;
    else
        free(id);
    return err;
}

errval_t oct_unlock(char *lock_id)
{
    errval_t answer = SYS_ERR_OK, err = oct_init();
    if (err_is_ok(err))
        err = binding->rpc_tx_vtbl.unlock(binding, lock_id, &answer);
    free(lock_id);
    return result(err, answer);
}

static errval_t meet(const char *name, size_t count)
{
    errval_t answer = SYS_ERR_OK, err = oct_init();
    if (err_is_ok(err))
        err = binding->rpc_tx_vtbl.barrier(binding, name, count, &answer);
    return result(err, answer);
}

errval_t oct_barrier_enter(const char *name, char **record, size_t wait_for)
{
    char text[300];
    errval_t err = meet(name, wait_for);
    if (err_is_fail(err))
        return err;
    snprintf(text, sizeof(text), "%zu:%s", wait_for, name);
    *record = strdup(text);
    return *record != NULL ? SYS_ERR_OK : LIB_ERR_MALLOC_FAIL;
}

errval_t oct_barrier_leave(char *record)
{
    char name[300], *end;
    const size_t count = strtoul(record, &end, 10);
    snprintf(name, sizeof(name), "%s.leave", end + 1);
    errval_t err = meet(name, count);
    free(record);
    return err;
}

errval_t oct_sem_new(uint32_t *id, size_t value)
{
    errval_t answer = SYS_ERR_OK, err = oct_init();
    if (err_is_ok(err))
        err = binding->rpc_tx_vtbl.sem_new(binding, (uint32_t)value, id, &answer);
    return result(err, answer);
}

errval_t oct_sem_post(uint32_t id)
{
    errval_t answer = SYS_ERR_OK, err = oct_init();
    if (err_is_ok(err))
        err = binding->rpc_tx_vtbl.sem_post(binding, id, &answer);
    return result(err, answer);
}

static errval_t sem_take(uint32_t id, bool may_wait)
{
    errval_t answer = SYS_ERR_OK, err = oct_init();
    if (err_is_ok(err))
        err = binding->rpc_tx_vtbl.sem_wait(binding, id, may_wait, &answer);
    return result(err, answer);
}

errval_t oct_sem_wait(uint32_t id)
{
    return sem_take(id, true);
}

errval_t oct_sem_trywait(uint32_t id)
{
    return sem_take(id, false);
}

/* ---- capabilities ---- */

errval_t oct_put_capability(const char *key, struct capref cap)
{
    errval_t answer = SYS_ERR_OK, err = oct_init();
    if (err_is_ok(err))
        err = binding->rpc_tx_vtbl.put_cap(binding, key, cap, &answer);
    return result(err, answer);
}

errval_t oct_get_capability(const char *key, struct capref *ret)
{
    errval_t answer = SYS_ERR_OK, err = oct_init();
    *ret = NULL_CAP;
    if (err_is_ok(err))
        err = binding->rpc_tx_vtbl.get_cap(binding, key, ret, &answer);
    return result(err, answer);
}

errval_t oct_remove_capability(const char *key)
{
    errval_t answer = SYS_ERR_OK, err = oct_init();
    if (err_is_ok(err))
        err = binding->rpc_tx_vtbl.remove_cap(binding, key, &answer);
    return result(err, answer);
}
