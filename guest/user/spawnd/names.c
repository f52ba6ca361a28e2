/* SPDX-License-Identifier: MIT
 *
 * Domains by name.
 *
 * A domain's name is an ID capability that this service made: nobody can make one that says the
 * same, and whoever holds it may wait for the domain and end it.  The ID says on which core it was
 * made, so its holder knows whom to ask, and no service needs to know the domains of other cores.
 *
 * A named domain that has ended is kept until somebody has waited for it, or until its spawner has
 * gone: then nobody hears of its end who does not wait already.
 */
#include "spawnd.h"

/* Those who are about to be told: a client may go while another is. */
static struct waiter *leaving;

errval_t name_make(struct block *block, struct capref *ret)
{
    errval_t err = slot_alloc(ret);
    if (err_is_fail(err))
        return err;
    err = idcap_create(*ret);
    if (err_is_fail(err)) {
        slot_free(*ret);
        *ret = NULL_CAP;
        return err;
    }
    err = invoke_idcap_identify(*ret, &block->name);
    if (err_is_fail(err)) {
        cap_destroy(*ret);
        *ret = NULL_CAP;
    }
    return err;
}

/* The domain that the capability names; the capability is not needed any more. */
static struct block *named(struct capref cap)
{
    uint64_t name = 0;
    if (capref_is_null(cap))
        return NULL;
    errval_t err = invoke_idcap_identify(cap, &name);
    cap_destroy(cap);
    struct block *block = blocks;
    while (block != NULL && (block->name != name || block->domain == 0))
        block = block->next;
    return err_is_ok(err) && name != 0 ? block : NULL;
}

static void answer(struct spawn_binding *b, uint32_t token, errval_t err, uint8_t status)
{
    send_to(b, (struct reply){ .kind = REPLY_WAIT, .token = token, .err = err, .status = status });
}

bool waiters_leave(struct block *block)
{
    const bool any = block->waiters != NULL;
    while (block->waiters != NULL) {
        struct waiter *waiter = block->waiters;
        block->waiters = waiter->next;
        waiter->status = block->status;
        waiter->next = leaving;
        leaving = waiter;
    }
    return any;
}

void waiters_tell(void)
{
    while (leaving != NULL) {
        struct waiter *waiter = leaving;
        leaving = waiter->next;
        account_refund(&waiter->slip);
        answer(waiter->client, waiter->token, SYS_ERR_OK, waiter->status);
        free(waiter);
    }
}

static errval_t add_waiter(struct block *block, struct spawn_binding *b)
{
    struct account_slip slip;
    errval_t err =
        account_charge(((struct service_client *)b->st)->account, ACCOUNT_REQUEST, 1, &slip);
    if (err_is_fail(err))
        return err;
    struct waiter *waiter = malloc(sizeof(*waiter));
    if (waiter == NULL) {
        account_refund(&slip);
        return LIB_ERR_MALLOC_FAIL;
    }
    *waiter = (struct waiter){
        .next = block->waiters, .client = b, .token = b->incoming_token, .slip = slip
    };
    block->waiters = waiter;
    return SYS_ERR_OK;
}

static void wait_domain_call(struct spawn_binding *b, struct capref cap, bool nohang)
{
    struct block *block = named(cap);
    errval_t err = SYS_ERR_OK;
    if (block == NULL) {
        err = SPAWN_ERR_DOMAIN_NOTFOUND;
    } else if (block->ended) {
        const uint8_t status = block->status;
        domain_forget(block);
        answer(b, b->incoming_token, SYS_ERR_OK, status);
        return;
    } else if (nohang) {
        err = LIB_ERR_NO_EVENT;
    } else {
        err = add_waiter(block, b);
        if (err_is_ok(err))
            return;
    }
    answer(b, b->incoming_token, err, 0);
}

static void kill_named_call(struct spawn_binding *b, struct capref cap)
{
    struct block *block = named(cap);
    errval_t err = SPAWN_ERR_DOMAIN_NOTFOUND;
    if (block != NULL && !block->ended)
        err = domain_kill(block);
    send_to(b, (struct reply){ .kind = REPLY_KILL_NAMED, .token = b->incoming_token, .err = err });
}

static void domain_of_call(struct spawn_binding *b, struct capref cap)
{
    const struct block *block = named(cap);
    send_to(b,
            (struct reply){ .kind = REPLY_DOMAIN_OF,
                            .token = b->incoming_token,
                            .err = block != NULL ? SYS_ERR_OK : (errval_t)SPAWN_ERR_DOMAIN_NOTFOUND,
                            .domain = block != NULL ? block->domain : 0 });
}

static void domain_status_call(struct spawn_binding *b, domainid_t domain)
{
    const struct block *block = blocks;
    while (block != NULL && (block->domain != domain || domain == 0))
        block = block->next;
    send_status(b, block);
}

static void drop_waiters(struct waiter **link, const struct spawn_binding *client)
{
    while (*link != NULL) {
        struct waiter *waiter = *link;
        if (waiter->client != client) {
            link = &waiter->next;
            continue;
        }
        *link = waiter->next;
        account_refund(&waiter->slip);
        free(waiter);
    }
}

void names_disown(const struct spawn_binding *client)
{
    drop_waiters(&leaving, client);
    for (struct block *block = blocks; block != NULL; block = block->next)
        drop_waiters(&block->waiters, client);
}

void names_serve(struct spawn_binding *b)
{
    b->rx_vtbl.wait_domain_call = wait_domain_call;
    b->rx_vtbl.kill_named_call = kill_named_call;
    b->rx_vtbl.domain_of_call = domain_of_call;
    b->rx_vtbl.list_domains_call = send_list;
    b->rx_vtbl.domain_status_call = domain_status_call;
}
