/* SPDX-License-Identifier: MIT
 *
 * Cores: which there are, and starting and stopping them through the boot manager.
 */
#include "shell.h"

#include <abi/boot.h>
#include <barrelfish/machine_topology.h>
#include <barrelfish/nameservice_client.h>
#include <if/boot_manager_defs.h>
#include <stdio.h>
#include <string.h>

static struct {
    bool done;
    errval_t err;
    struct boot_manager_binding *binding;
} manager;

static void broken(struct boot_manager_binding *b, errval_t err)
{
    (void)err;
    if (manager.binding == b)
        manager.binding = NULL;
    b->control(b, IDC_CONTROL_TEARDOWN);
}

static void bound(void *st, errval_t err, struct boot_manager_binding *b)
{
    (void)st;
    manager.done = true;
    manager.err = err;
    if (err_is_fail(err))
        return;
    boot_manager_rpc_client_init(b);
    b->error_handler = broken;
    manager.binding = b;
}

static errval_t connect(void)
{
    iref_t iref;
    if (manager.binding != NULL)
        return SYS_ERR_OK;
    errval_t err = nameservice_lookup("boot_manager", &iref);
    manager.done = false;
    if (err_is_ok(err))
        err = boot_manager_bind(iref, bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
    while (err_is_ok(err) && !manager.done)
        err = event_dispatch(get_default_waitset());
    return err_is_ok(err) ? manager.err : err;
}

/* Starts cores; *running: all that run then. */
static errval_t start(uint64_t cores, uint64_t *running)
{
    errval_t answer = SYS_ERR_OK, err = connect();
    *running = 0;
    if (err_is_ok(err))
        err = manager.binding->rpc_tx_vtbl.start_cores(manager.binding, cores, running, &answer);
    return err_is_ok(err) ? answer : err;
}

bool core_runs(unsigned core)
{
    uint64_t running;
    errval_t err = start(0, &running);
    if (err_is_fail(err))
        printf("the boot manager does not say which cores run: %s\n", err_getstring(err));
    return err_is_ok(err) && running >> core & 1;
}

static void start_cores(uint64_t cores)
{
    uint64_t running;
    errval_t err = start(cores, &running);
    if (err_is_fail(err))
        printf("not all of them run: %s\n", err_getstring(err));
    for (unsigned core = 0; core < ABI_MAX_CORES; core++)
        if (cores & running & 1ull << core)
            printf("core %u runs\n", core);
}

static void stop_cores(uint64_t cores)
{
    errval_t answer = SYS_ERR_OK, err = connect();
    uint64_t running = 0;
    if (err_is_ok(err))
        err = manager.binding->rpc_tx_vtbl.stop_cores(manager.binding, cores, &running, &answer);
    if (err_is_ok(err))
        err = answer;
    if (err_is_fail(err))
        printf("not all of them are as they should be: %s\n", err_getstring(err));
    for (unsigned core = 0; core < ABI_MAX_CORES; core++)
        if (running != 0 && cores & ~running & 1ull << core)
            printf("core %u is off\n", core);
}

static void list(const struct abi_topology *shape)
{
    for (unsigned core = 0; core < shape->core_count; core++)
        printf("core %u: node %u, %s, %u of this shell's programs\n", core, shape->core_node[core],
               core_runs(core) ? "runs" : "does not run", jobs_on(core));
}

void cores_command(const struct words *words)
{
    const struct abi_topology *shape;
    uint64_t cores = 0;
    errval_t err = machine_topology_get(&shape);
    if (err_is_fail(err)) {
        printf("the machine's shape is unknown: %s\n", err_getstring(err));
        return;
    }
    if (words->count == 1) {
        list(shape);
        return;
    }
    const bool stops = words->count > 2 && strcmp(words->word[1], "stop") == 0;
    if (words->count == 2 || (!stops && strcmp(words->word[1], "start") != 0)) {
        printf("cores takes nothing, or: start CORE..., stop CORE...\n");
        return;
    }
    for (int i = 2; i < words->count; i++) {
        unsigned core;
        if (!read_number(words->word[i], "a core of this machine", shape->core_count, &core))
            return;
        cores |= 1ull << core;
    }
    if (stops)
        stop_cores(cores);
    else
        start_cores(cores);
}
