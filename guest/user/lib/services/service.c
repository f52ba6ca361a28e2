/* SPDX-License-Identifier: MIT
 *
 * Clients come and go (service.h).  Nothing is left of a client that could not be opened, and the
 * queue of one that has gone outlives it only until the binding has run what it owes.
 */
#include <services/service.h>

#include <assert.h>
#include <barrelfish/idc_export.h>
#include <stdlib.h>

void *service_client_open(struct service *service, void *binding, size_t bytes,
                          errval_t (*register_send)(void *, struct waitset *, struct event_closure))
{
    assert(bytes >= sizeof(struct service_client));
    assert(service->message_kind < service->accounts.kinds);
    const struct idc_client who = idc_connecting_client();
    struct service_client *client = calloc(1, bytes);
    if (client == NULL)
        return NULL;
    client->account = account_open(&service->accounts, who.domain, NULL);
    if (client->account == NULL) {
        free(client);
        return NULL;
    }
    client->account->trusted = who.trusted;
    waitset_chanstate_init(&client->ended, CHANTYPE_OTHER);
    send_queue_init(&client->queue, binding, service->client, service->message_kind, register_send);
    return client;
}

void service_client_ended(struct service_client *client, errval_t err, struct event_closure told)
{
    client->end = err;
    err = waitset_chan_trigger_closure(get_default_waitset(), &client->ended, told);
    assert(err_is_ok(err)); /* an error handler runs once */
}

void service_client_close(struct service_client *client)
{
    account_close(client->account);
    client->account = NULL; /* a message that is queued from here on is nobody's */
    send_queue_close(&client->queue, send_queue_free);
}
