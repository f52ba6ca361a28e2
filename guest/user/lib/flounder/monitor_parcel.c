/* SPDX-License-Identifier: MIT
 *
 * Capabilities between cores: both ends ask their own monitor (facts §5.6, docs/monitor.md).
 *
 * A file of its own, since host tests put a monitor of their own in its place.  The questions go
 * over the blocking binding, whose waitset serves nothing else: no handler of the program runs
 * meanwhile.
 */
#include <barrelfish/monitor_client.h>
#include <flounder/flounder.h>
#include <if/monitor_blocking_defs.h>

errval_t flounder_parcel_deposit(struct capref cap, uint64_t *ticket)
{
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    if (b == NULL)
        return LIB_ERR_MONITOR_RPC_BIND;
    errval_t result;
    errval_t err = b->rpc_tx_vtbl.deposit_cap(b, cap, &result, ticket);
    return err_is_fail(err) ? err : result;
}

errval_t flounder_parcel_collect(uint64_t ticket, struct capref *cap)
{
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    if (b == NULL)
        return LIB_ERR_MONITOR_RPC_BIND;
    errval_t result;
    *cap = NULL_CAP;
    errval_t err = b->rpc_tx_vtbl.collect_cap(b, ticket, &result, cap);
    return err_is_fail(err) ? err : result;
}
