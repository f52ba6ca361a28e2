/* SPDX-License-Identifier: MIT
 *
 * octopus: records, locks, barriers, semaphores and stored capabilities (facts §2.2), one service
 * for the machine.
 *
 * Everything belongs to a connection, is paid for from its domain's account, and goes with it;
 * whoever waits for something that goes is told.
 */
#include "octopus.h"

#include <barrelfish/nameservice_client.h>

static const struct account_kind kinds[] = { OCTOPUS_RESOURCES(ACCOUNT_KIND) };
static struct service service = { .client = "a client of octopus",
                                  .message_kind = ACCOUNT_MESSAGE };

SERVICE_CLIENTS(octopus, broken)

/* The client has gone. */
static void broken(struct octopus_binding *b, errval_t err)
{
    (void)err;
    records_forget(b);
    syncs_forget(b);
    caps_forget(b);
    octopus_client_close(b);
}

static errval_t connected(void *st, struct octopus_binding *b)
{
    (void)st;
    errval_t err = octopus_client_open(&service, b, sizeof(struct service_client));
    if (err_is_fail(err))
        return err;
    records_serve(b);
    syncs_serve(b);
    caps_serve(b);
    return SYS_ERR_OK;
}

static char service_name[] = "octopus";

int main(void)
{
    account_book_init(&service.accounts, kinds, ACCOUNT_KINDS, OCT_ERR_OVER_SHARE);
    errval_t err = octopus_export(service_name, nameservice_offer, connected, get_default_waitset(),
                                  IDC_EXPORT_FLAGS_DEFAULT);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "exporting records");
    for (;;) {
        err = event_dispatch(get_default_waitset());
        if (err_is_fail(err))
            DEBUG_ERR(err, "event_dispatch");
    }
}
