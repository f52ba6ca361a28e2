/* SPDX-License-Identifier: MIT
 *
 * The two services that every domain finds through its monitor: the memory server of this core, and
 * the name service of the machine.  The name service may not be there yet: who asks for it waits,
 * under the token of his call.  And the memory server of core 0, of whom the others' servers get
 * more.
 */
#include "../mouths/peers.h"
#include "../mouths/reply.h"
#include "parts.h"

iref_t mem_iref, first_mem_iref, name_iref;

/* The iref must be a service of the domain that announces it. */
static bool is_own_service(const struct client *client, iref_t iref)
{
    const struct iref_entry *entry = iref_find(&irefs, iref);
    return entry != NULL && ((const struct link *)entry->owner)->client == client;
}

errval_t names_set_mem(const struct client *client, iref_t iref)
{
    if (mem_iref != 0 || !client_is_trusted(client) || !is_own_service(client, iref))
        return MON_ERR_NOT_PERMITTED;
    mem_iref = iref;
    if (my_core == 0)
        first_mem_iref = iref;
    return SYS_ERR_OK;
}

static void answer(struct client *client)
{
    if (!client->waits_for_name)
        return;
    client->waits_for_name = false;
    reply_send(client, &(struct reply){ .kind = REPLY_NAME_IREF,
                                        .token = client->name_token,
                                        .iref = name_iref,
                                        .err = SYS_ERR_OK });
}

void names_asked(struct client *client, uint32_t token)
{
    if (client->waits_for_name) { /* one wait for each domain is enough */
        reply_send(client, &(struct reply){ .kind = REPLY_NAME_IREF,
                                            .token = token,
                                            .err = MON_ERR_NO_NAMESERVICE });
        return;
    }
    client->waits_for_name = true;
    client->name_token = token;
    if (name_iref != 0)
        answer(client);
}

void names_known(iref_t iref)
{
    if (iref == 0 || name_iref != 0)
        return;
    name_iref = iref;
    client_for_each(answer);
}

errval_t names_may_set(const struct client *client, iref_t iref)
{
    return name_iref != 0 || !client_is_trusted(client) || !is_own_service(client, iref)
               ? (errval_t)MON_ERR_NOT_PERMITTED
               : SYS_ERR_OK;
}

void names_set(iref_t iref)
{
    names_known(iref);
    names_tell_others();
}

void names_tell_others(void)
{
    if (name_iref != 0)
        peers_send_name_iref(name_iref);
}
