/* SPDX-License-Identifier: MIT
 *
 * Operations on capabilities that other cores have, too, are the monitor's to prepare: it is asked
 * here, and waited for.  It looks into this CSpace by itself, for which it gets a copy of the root.
 *
 * The questions go over the blocking binding, whose waitset serves nothing else: no handler of the
 * program runs meanwhile.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>
#include <if/monitor_blocking_defs.h>

#include "../memory/cap_remote.h"
#include "monitor_request.h"

/* The root of the CSpace in which the capability is looked up. */
static struct capref root_of(struct capref cap)
{
    const capaddr_t croot = get_croot_addr(cap);

    return (struct capref){ .cnode = CNODE_L2(croot >> L2_CNODE_BITS),
                            .slot = croot & (L2_CNODE_SLOTS - 1) };
}

static errval_t revoke(struct capref cap)
{
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    errval_t result = SYS_ERR_OK;

    if (b == NULL)
        return LIB_ERR_MONITOR_RPC_BIND;
    errval_t err = b->rpc_tx_vtbl.remote_cap_revoke(b, root_of(cap), get_cap_addr(cap),
                                                    get_cap_level(cap), &result);
    return err_is_fail(err) ? err : result;
}

static errval_t retype(struct capref cap, gensize_t offset, gensize_t bytes)
{
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    errval_t result = SYS_ERR_OK;

    if (b == NULL)
        return LIB_ERR_MONITOR_RPC_BIND;
    errval_t err = b->rpc_tx_vtbl.remote_cap_retype(b, root_of(cap), get_cap_addr(cap),
                                                    get_cap_level(cap), offset, bytes, &result);
    return err_is_fail(err) ? err : result;
}

void monitor_caps_init(void)
{
    static const struct cap_remote through_monitor = { .revoke = revoke, .retype = retype };

    cap_set_remote(&through_monitor);
}
