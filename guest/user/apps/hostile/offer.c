/* SPDX-License-Identifier: MIT
 *
 * A frame for an accomplice on another core, over idctest's call for one.
 */
#include "hostile.h"

#include <barrelfish/nameservice_client.h>
#include <if/idctest_defs.h>

static iref_t exported_as;
static struct capref offered;
static bool given;

static errval_t make_frame(struct idctest_binding *b, uint64_t value, errval_t *err,
                           struct capref *frame)
{
    (void)b, (void)value;
    *err = slot_alloc(frame);
    if (err_is_ok(*err))
        *err = cap_copy(*frame, offered);
    given = true;
    return SYS_ERR_OK;
}

static errval_t connected(void *st, struct idctest_binding *b)
{
    (void)st;
    b->rpc_rx_vtbl.make_frame_call = make_frame;
    return SYS_ERR_OK;
}

static void exported(void *st, errval_t err, iref_t iref)
{
    (void)st;
    if (err_is_ok(err))
        exported_as = iref;
}

void offer_again(void)
{
    given = false;
    while (!given)
        event_dispatch(get_default_waitset());
}

bool offer_frame(const char *service, struct capref frame)
{
    offered = frame;
    exported_as = 0;
    idctest_export(NULL, exported, connected, get_default_waitset(), IDC_EXPORT_FLAGS_DEFAULT);
    while (exported_as == 0)
        event_dispatch(get_default_waitset());
    if (err_is_fail(nameservice_register(service, exported_as)))
        return false;
    offer_again();
    return true;
}

static void bound(void *st, errval_t err, struct idctest_binding *b)
{
    if (err_is_fail(err))
        return;
    idctest_rpc_client_init(b);
    *(struct idctest_binding **)st = b;
}

errval_t borrow_frame(const char *service, struct capref *frame)
{
    iref_t iref;
    struct idctest_binding *b = NULL;
    errval_t answer, err = nameservice_blocking_lookup(service, &iref);
    if (err_is_fail(err))
        return err;
    idctest_bind(iref, bound, &b, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
    while (b == NULL)
        event_dispatch(get_default_waitset());
    *frame = NULL_CAP;
    err = b->rpc_tx_vtbl.make_frame(b, 0, &answer, frame);
    return err_is_ok(err) ? answer : err;
}
