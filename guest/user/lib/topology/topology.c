/* SPDX-License-Identifier: MIT
 *
 * The machine's shape: maps the boot information, copies what it says, and unmaps it again.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/machine_topology.h>
#include <barrelfish/monitor_client.h>
#include <if/monitor_blocking_defs.h>
#include <string.h>

static struct abi_topology *known;

static errval_t copy_from(struct capref frame, uint64_t bytes, struct abi_topology *topology)
{
    void *address;
    errval_t err =
        vspace_map_one_frame_attr(&address, bytes, frame, VREGION_FLAGS_READ, NULL, NULL);

    if (err_is_fail(err))
        return err;
    *topology = ((const struct abi_boot *)address)->topology;
    return vspace_unmap(address);
}

errval_t machine_topology_get(const struct abi_topology **ret)
{
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    struct capref frame = NULL_CAP;
    errval_t answer = SYS_ERR_OK;
    uint64_t bytes = 0;

    if (known != NULL) {
        *ret = known;
        return SYS_ERR_OK;
    }
    if (b == NULL)
        return LIB_ERR_MONITOR_RPC_BIND;
    errval_t err = b->rpc_tx_vtbl.get_bootinfo(b, &answer, &frame, &bytes);
    if (err_is_ok(err))
        err = answer;
    if (err_is_fail(err))
        return err;
    struct abi_topology *topology = malloc(sizeof(*topology));
    err = topology == NULL ? (errval_t)LIB_ERR_MALLOC_FAIL : copy_from(frame, bytes, topology);
    cap_destroy(frame);
    if (err_is_fail(err) || known != NULL) /* another thread may have been faster */
        free(topology);
    else
        known = topology;
    *ret = known;
    return err;
}
