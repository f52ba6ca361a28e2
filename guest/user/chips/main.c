/* SPDX-License-Identifier: MIT
 *
 * chips, the name service (overview 1.7): names to interface references, one for the machine.
 *
 * Names lie in a hash table with chains.  A client that waits for a name, or for its end, costs
 * one entry of another table until that has come; the token of its call is kept, so that its
 * answer finds the right caller even when several threads wait over one binding.  Whoever makes
 * a table longer has an account (resources.h), and is told when he has his share.  A name
 * belongs to the domain that registered it and vanishes when that ends.  The news of an end may
 * come later than its successor: so before a name is refused as taken, the monitor is asked
 * whether the service behind it still is.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/nameservice_client.h>
#include <if/monitor_blocking_defs.h>
#include <if/monitor_defs.h>
#include <if/nameservice_defs.h>
#include <services/service.h>
#include <string.h>

#include "resources.h"

#define BUCKETS 256

static const struct account_kind kinds[] = { CHIPS_RESOURCES(ACCOUNT_KIND) };
static struct service service = { .client = "a client of chips", .message_kind = ACCOUNT_MESSAGE };

/* One connection. */
struct client {
    struct service_client service; /* first */
    struct name *names;            /* that it has registered */
};

static struct account *payer(const struct nameservice_binding *b)
{
    return ((struct service_client *)b->st)->account;
}

struct name {
    struct name *next;
    struct nameservice_binding *owner; /* who registered it */
    struct name *next_of_owner, **of_owner;
    iref_t iref;
    struct account_slip slip;
    char text[];
};

/* A registration under a name that is taken, while the monitor is asked about the holder. */
struct contest {
    struct contest *next;
    struct nameservice_binding *binding; /* NULL: gone meanwhile */
    uint32_t token;
    iref_t iref, holder;
    struct account_slip slip;
    char text[];
};

struct waiter {
    struct waiter *next;
    struct nameservice_binding *binding;
    uint32_t token;
    bool for_end; /* until the name does not stand for `iref`; else until it is registered */
    iref_t iref;
    struct account_slip slip;
    char text[];
};

static struct name *bucket[BUCKETS];
static struct waiter *waiters; /* longest wait last */
static struct contest *contests;

SERVICE_CLIENTS(nameservice, broken)

/* ---- names ---- */

static struct name **find(const char *text)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *c = text; *c != '\0'; c++)
        hash = (hash ^ (uint8_t)*c) * 16777619u;
    struct name **link = &bucket[hash % BUCKETS];
    while (*link != NULL && strcmp((*link)->text, text) != 0)
        link = &(*link)->next;
    return link;
}

static void tell_waiters(const char *text, bool of_end, iref_t iref);

/* Those who wait for its end are told, in the middle of this: the name is out of all lists then. */
static void drop_name(struct name **link)
{
    struct name *name = *link;
    assert(name != NULL);
    debug_trace("'%s' is no more", name->text);
    *link = name->next;
    *name->of_owner = name->next_of_owner;
    if (name->next_of_owner != NULL)
        name->next_of_owner->of_owner = name->of_owner;
    account_refund(&name->slip);
    tell_waiters(name->text, true, name->iref);
    free(name);
}

static errval_t add(const char *text, iref_t iref, struct nameservice_binding *owner)
{
    struct name **link = find(text);
    if (*link != NULL)
        return CHIPS_ERR_EXISTS;
    size_t bytes = strlen(text) + 1;
    struct account_slip slip;
    errval_t err = account_charge(payer(owner), ACCOUNT_NAME, 1, &slip);
    if (err_is_fail(err))
        return err;
    struct name *name = malloc(sizeof(*name) + bytes);
    if (name == NULL) {
        account_refund(&slip);
        return CHIPS_ERR_OUT_OF_MEMORY;
    }
    name->slip = slip;
    name->next = NULL;
    name->owner = owner;
    name->iref = iref;
    memcpy(name->text, text, bytes);
    *link = name;
    struct name **names = &((struct client *)owner->st)->names;
    name->next_of_owner = *names;
    name->of_owner = names;
    if (*names != NULL)
        (*names)->of_owner = &name->next_of_owner;
    *names = name;
    return SYS_ERR_OK;
}

/* ---- answers ---- */

struct reply {
    struct send_item item;
    enum { REPLY_REGISTER, REPLY_LOOKUP, REPLY_WAIT, REPLY_GONE, REPLY_UNREGISTER } kind;
    uint32_t token;
    iref_t iref;
    errval_t err;
};

static errval_t send_reply(struct send_queue *queue, struct send_item *item,
                           struct event_closure cont)
{
    struct nameservice_binding *b = queue->binding;
    struct reply *reply = (struct reply *)item;
    b->incoming_token = reply->token;
    switch (reply->kind) {
    case REPLY_REGISTER:
        return nameservice_register_service_response__tx(b, cont, reply->err);
    case REPLY_LOOKUP:
        return nameservice_lookup_response__tx(b, cont, reply->iref, reply->err);
    case REPLY_WAIT:
        return nameservice_wait_for_response__tx(b, cont, reply->iref, reply->err);
    case REPLY_GONE:
        return nameservice_wait_gone_response__tx(b, cont, reply->err);
    default:
        return nameservice_unregister_response__tx(b, cont, reply->err);
    }
}

static void answer(struct nameservice_binding *b, uint32_t token, int kind, iref_t iref,
                   errval_t err)
{
    struct reply *reply = malloc(sizeof(*reply));
    if (reply != NULL)
        *reply = (struct reply){ .item = { .send = send_reply, .payer = payer(b) },
                                 .kind = kind,
                                 .token = token,
                                 .iref = iref,
                                 .err = err };
    struct service_client *client = b->st;
    send_queue_add(&client->queue, reply != NULL ? &reply->item : NULL);
}

/* A name has come, or gone, for that service. */
static void tell_waiters(const char *text, bool of_end, iref_t iref)
{
    for (struct waiter **link = &waiters; *link != NULL;) {
        struct waiter *waiter = *link;
        if (waiter->for_end != of_end || (of_end && waiter->iref != iref) ||
            strcmp(waiter->text, text) != 0) {
            link = &waiter->next;
            continue;
        }
        *link = waiter->next;
        account_refund(&waiter->slip);
        answer(waiter->binding, waiter->token, of_end ? REPLY_GONE : REPLY_WAIT, iref, SYS_ERR_OK);
        free(waiter);
    }
}

/* ---- nameservice.if ---- */

static void finish_register(struct nameservice_binding *b, uint32_t token, const char *text,
                            iref_t iref)
{
    errval_t err = add(text, iref, b);
    answer(b, token, REPLY_REGISTER, 0, err);
    if (err_is_fail(err))
        return;
    debug_trace("'%s' is iref %" PRIuIREF, text, iref);
    tell_waiters(text, false, iref);
}

/* The monitor's answer. */
static void iref_state(struct monitor_binding *mon, iref_t holder, uintptr_t st, bool exists)
{
    (void)mon;
    struct contest **link = &contests;
    while (*link != NULL && (uintptr_t)*link != st)
        link = &(*link)->next;
    struct contest *contest = *link;
    if (contest == NULL)
        return;
    *link = contest->next;
    account_refund(&contest->slip);
    struct name **name = find(contest->text);
    if (!exists && *name != NULL && (*name)->iref == holder)
        drop_name(name);
    if (contest->binding != NULL)
        finish_register(contest->binding, contest->token, contest->text, contest->iref);
    free(contest);
}

static errval_t send_question(struct monitor_request *request, struct event_closure done)
{
    const struct contest *contest = request->object;
    return monitor_get_iref_state__tx(request->mon, done, contest->holder, (uintptr_t)contest);
}

static errval_t contest_name(struct nameservice_binding *b, const struct name *name, iref_t iref)
{
    size_t bytes = strlen(name->text) + 1;
    struct account_slip slip;
    errval_t err = account_charge(payer(b), ACCOUNT_CONTEST, 1, &slip);
    if (err_is_fail(err))
        return err;
    struct contest *contest = malloc(sizeof(*contest) + bytes);
    if (contest == NULL) {
        account_refund(&slip);
        return CHIPS_ERR_OUT_OF_MEMORY;
    }
    *contest = (struct contest){ .next = contests,
                                 .binding = b,
                                 .token = b->incoming_token,
                                 .iref = iref,
                                 .holder = name->iref,
                                 .slip = slip };
    memcpy(contest->text, name->text, bytes);
    struct monitor_request question = { .mon = get_monitor_binding(),
                                        .send = send_question,
                                        .object = contest };
    err = monitor_queue_request(question);
    if (err_is_fail(err)) {
        account_refund(&contest->slip);
        free(contest);
        return err;
    }
    contests = contest;
    return SYS_ERR_OK;
}

static void register_call(struct nameservice_binding *b, const char *text, iref_t iref)
{
    struct name *name = *find(text);
    errval_t err = SYS_ERR_OK;
    if (*text == '\0')
        err = LIB_ERR_NAMESERVICE_INVALID_NAME;
    else if (name == NULL || name->iref == iref)
        finish_register(b, b->incoming_token, text, iref);
    else
        err = contest_name(b, name, iref);
    if (err_is_fail(err))
        answer(b, b->incoming_token, REPLY_REGISTER, 0, err);
}

static void lookup_call(struct nameservice_binding *b, const char *text)
{
    struct name *name = *find(text);
    answer(b, b->incoming_token, REPLY_LOOKUP, name != NULL ? name->iref : 0,
           name != NULL ? SYS_ERR_OK : CHIPS_ERR_UNKNOWN_NAME);
}

/* See struct waiter. */
static void add_waiter(struct nameservice_binding *b, const char *text, bool for_end, iref_t iref)
{
    size_t bytes = strlen(text) + 1;
    struct account_slip slip;
    errval_t err = account_charge(payer(b), ACCOUNT_WAITER, 1, &slip);
    struct waiter *waiter = err_is_ok(err) ? malloc(sizeof(*waiter) + bytes) : NULL;
    if (waiter == NULL) {
        account_refund(&slip);
        answer(b, b->incoming_token, for_end ? REPLY_GONE : REPLY_WAIT, 0,
               err_is_fail(err) ? err : (errval_t)CHIPS_ERR_OUT_OF_MEMORY);
        return;
    }
    *waiter = (struct waiter){ .next = waiters,
                               .binding = b,
                               .token = b->incoming_token,
                               .for_end = for_end,
                               .iref = iref,
                               .slip = slip };
    memcpy(waiter->text, text, bytes);
    waiters = waiter;
}

static void wait_for_call(struct nameservice_binding *b, const char *text)
{
    const struct name *name = *find(text);
    if (name != NULL)
        answer(b, b->incoming_token, REPLY_WAIT, name->iref, SYS_ERR_OK);
    else
        add_waiter(b, text, false, 0);
}

static void wait_gone_call(struct nameservice_binding *b, const char *text, iref_t iref)
{
    const struct name *name = *find(text);
    if (name == NULL || name->iref != iref)
        answer(b, b->incoming_token, REPLY_GONE, 0, SYS_ERR_OK);
    else
        add_waiter(b, text, true, iref);
}

static void unregister_call(struct nameservice_binding *b, const char *text)
{
    struct name **link = find(text);
    const uint32_t token = b->incoming_token; /* telling who waits sets it */
    errval_t err = SYS_ERR_OK;
    if (*link == NULL)
        err = CHIPS_ERR_UNKNOWN_NAME;
    else if ((*link)->owner != b)
        err = CHIPS_ERR_NOT_OWNER;
    else
        drop_name(link);
    answer(b, token, REPLY_UNREGISTER, 0, err);
}

/* The client has gone. */
static void broken(struct nameservice_binding *b, errval_t err)
{
    (void)err;
    for (struct waiter **link = &waiters; *link != NULL;) {
        struct waiter *waiter = *link;
        if (waiter->binding != b) {
            link = &waiter->next;
            continue;
        }
        *link = waiter->next;
        account_refund(&waiter->slip);
        free(waiter);
    }
    for (struct contest *contest = contests; contest != NULL; contest = contest->next)
        if (contest->binding == b)
            contest->binding = NULL;
    struct client *client = b->st;
    while (client->names != NULL)
        drop_name(find(client->names->text));
    nameservice_client_close(b);
}

static errval_t connected(void *st, struct nameservice_binding *b)
{
    (void)st;
    errval_t err = nameservice_client_open(&service, b, sizeof(struct client));
    if (err_is_fail(err))
        return err;
    b->rx_vtbl.register_service_call = register_call;
    b->rx_vtbl.lookup_call = lookup_call;
    b->rx_vtbl.wait_for_call = wait_for_call;
    b->rx_vtbl.wait_gone_call = wait_gone_call;
    b->rx_vtbl.unregister_call = unregister_call;
    return SYS_ERR_OK;
}

static void exported(void *st, errval_t err, iref_t iref)
{
    (void)st;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "exporting the name service");
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    errval_t reply;
    err = b->rpc_tx_vtbl.set_name_iref(b, iref, &reply);
    if (err_is_ok(err))
        err = reply;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "telling the monitor of the name service");
    debug_trace("ready");
}

int main(void)
{
    account_book_init(&service.accounts, kinds, ACCOUNT_KINDS, CHIPS_ERR_OVER_SHARE);
    get_monitor_binding()->rx_vtbl.iref_state = iref_state;
    errval_t err = nameservice_export(NULL, exported, connected, get_default_waitset(),
                                      IDC_EXPORT_FLAGS_DEFAULT);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "exporting the name service");
    for (;;) {
        err = event_dispatch(get_default_waitset());
        if (err_is_fail(err))
            DEBUG_ERR(err, "event_dispatch");
    }
}
