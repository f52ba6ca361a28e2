/* SPDX-License-Identifier: MIT
 *
 * Capabilities for domains to come.
 *
 * A CNode belongs to its core, so what a domain is to inherit comes one by one, and a spawner of
 * any core can hand it over.  It is kept under the ticket that the request will name, and is gone
 * after the request whatever comes of it.  Each counts as a request that waits.
 */
#include "spawnd.h"

struct staged {
    struct staged *next;
    struct account_slip slip;
    uint32_t ticket;
    bool inherit;
    uint8_t slot;
    struct capref cap;
};

/* Slots of a CNode to inherit, and where domains find what is in them. */
static const cslot_t task_slots[] = {
    [INHERITCN_SLOT_FDSPAGE] = TASKCN_SLOT_FDSPAGE,
    [INHERITCN_SLOT_SESSIONID] = TASKCN_SLOT_SESSIONID,
    [INHERITCN_SLOT_KERNELCAP] = TASKCN_SLOT_KERNELCAP,
};

static errval_t stage(struct client *client, const struct staged *contents)
{
    struct account_slip slip;
    if (capref_is_null(contents->cap))
        return SYS_ERR_CAP_NOT_FOUND;
    if (contents->ticket == 0 ||
        (contents->inherit && (contents->slot >= sizeof(task_slots) / sizeof(task_slots[0]) ||
                               task_slots[contents->slot] == 0)))
        return SPAWN_ERR_SETUP_INHERIT;
    errval_t err = account_charge(client->client.account, ACCOUNT_REQUEST, 1, &slip);
    if (err_is_fail(err))
        return err;
    struct staged *staged = malloc(sizeof(*staged));
    if (staged == NULL) {
        account_refund(&slip);
        return LIB_ERR_MALLOC_FAIL;
    }
    *staged = *contents;
    staged->slip = slip;
    staged->next = client->staged;
    client->staged = staged;
    return SYS_ERR_OK;
}

static void stage_cap_call(struct spawn_binding *b, uint32_t ticket, bool inherit, uint8_t slot,
                           struct capref cap)
{
    const struct staged contents = {
        .ticket = ticket, .inherit = inherit, .slot = slot, .cap = cap
    };
    errval_t err = stage(b->st, &contents);
    if (err_is_fail(err) && !capref_is_null(cap))
        cap_destroy(cap);
    send_to(b, (struct reply){ .kind = REPLY_STAGE, .token = b->incoming_token, .err = err });
}

bool staged_arguments(const struct client *client, uint32_t ticket)
{
    for (const struct staged *s = client->staged; s != NULL; s = s->next)
        if (s->ticket == ticket && !s->inherit)
            return true;
    return false;
}

errval_t staged_give(const struct client *client, uint32_t ticket, struct spawn_domain *d)
{
    errval_t err = SYS_ERR_OK;
    for (const struct staged *s = client->staged; s != NULL && err_is_ok(err); s = s->next) {
        if (s->ticket != ticket)
            continue;
        err = s->inherit ? spawn_put_cap(d, ROOTCN_SLOT_TASKCN, task_slots[s->slot], s->cap)
                         : spawn_put_cap(d, ROOTCN_SLOT_ARGCN, s->slot, s->cap);
    }
    return err_is_fail(err) ? err_push(err, SPAWN_ERR_SETUP_INHERIT) : err;
}

void staged_drop(struct client *client, uint32_t ticket)
{
    for (struct staged **link = &client->staged; *link != NULL;) {
        struct staged *s = *link;
        if (ticket != 0 && s->ticket != ticket) {
            link = &s->next;
            continue;
        }
        *link = s->next;
        account_refund(&s->slip);
        cap_destroy(s->cap);
        free(s);
    }
}

void staged_serve(struct spawn_binding *b)
{
    b->rx_vtbl.stage_cap_call = stage_cap_call;
}
